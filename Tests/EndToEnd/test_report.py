"""The page of `send --report`, as a browser shows it."""

import browser
import models
from lines import LineTests
from processes import CANNOT_CREATE, DIGITS, INTERRUPTED, OK, TRY_AGAIN, UNAVAILABLE, USAGE, lasts

DAMAGED = b"""<!DOCTYPE html><title>x</title><script>console.error("seen")</script>
<img src="http://elsewhere.test/picture.png">"""


class ReportTests(LineTests):
    def setUp(self):
        super().setUp()
        self.report = self.folder / "report.html"

    def look(self):
        """The page in a browser, in which it is silent and asks for nothing."""
        visit = browser.look(self.folder, self.report.read_bytes())
        self.assertEqual(visit.console, [])
        self.assertEqual(visit.requests, [f"{browser.HOST}/"])
        self.assertNotIn("script", visit.document.names)
        self.assertNotIn("src", visit.document.attributes)
        return visit.document

    def test_browser_notices_what_a_page_must_not_do(self):
        visit = browser.look(self.folder, DAMAGED)
        self.assertEqual(len(visit.console), 1, visit.console)
        self.assertIn("elsewhere.test/picture.png", visit.requests)
        self.assertIn("script", visit.document.names)

    @lasts(15)
    def test_transfer_to_a_device(self):
        self.lay_line("--bit-error-rate=2e-5", "--seed=4", baud=115200)
        device = self.start("device", "--json", "--once", "--baud=115200", self.b)
        device.wait_for_event("waiting")
        sender = self.send(DIGITS, "--report", self.report)
        self.assert_ends(sender, OK)
        document, done = self.look(), sender.events[-1]
        self.check_figures(document, done)
        metrics = [e for e in sender.events if e["event"] == "metric"]
        self.check_measurements(document, metrics)
        self.check_curves(document)
        # A row for all that was told, with its time and words.
        events = [e for e in sender.events if e["event"] in ("milestone", "metric")]
        self.assertGreater(len([e for e in events if e["event"] == "metric"]), 3)
        names = {"accuracy", *(event.get("milestone") for event in events)}
        rows = [row for row in document.rows if row[3] in names]
        self.assertEqual(len(rows), len(events))
        whole = [row[2] for row in rows if row[3] == "complete"]
        self.assertEqual(whole, ["100.0 %"])
        for row, event in zip(rows, events):
            self.assertAlmostEqual(float(row[0].removesuffix(" s")), event["time"], delta=0.2)
            if event["event"] == "metric":
                self.assertEqual(row[3], event["metric"])
                self.assertIn(f"{event['value']:.2f} {event['unit']}", row[4])
            else:
                self.assertEqual(row[3], event["milestone"])
                ratio = f"signal to noise {event['snr_db']} dB" if "snr_db" in event else ""
                self.assertEqual(row[4], ratio)

    def check_figures(self, document, done):
        words = document.words
        self.assertEqual(words["h1"], "digits.pt")
        self.assertEqual(words["verdict"], "The receiver has verified and stored the model.")
        self.assertEqual(words["digest"], done["digest"])
        self.assertEqual(words["model"], "163 kB in 22 tensors")
        self.assertEqual(words["bytes"], f"{done['bytes'] / 1000:.1f} kB")
        self.assertEqual(words["resent"], str(done["retransmissions"]))
        self.assertGreater(done["retransmissions"], 0)
        self.assertEqual(words["damaged"], str(done["corrupt_frames"]))
        self.assertIn(f"{done['line_share'] * 100:.0f} % of the line", words["goodput"])
        self.assertIn(str(self.a), words["port"])
        self.assertEqual(words["baud"], "115200 baud")

    def check_measurements(self, document, metrics):
        """Two curves, which go before the others: a dot for each value, at its height, higher and
        higher; over time, and over bytes at the milestone that it was measured with."""
        self.assertEqual(document.names.count("circle"), 2 * len(metrics))
        for title in ("accuracy over time", "accuracy over bytes"):
            self.assertIn(title, document.words["body"])
        dots = [document.dots[: len(metrics)], document.dots[len(metrics) :]]
        for found in dots:
            heights = [174 - metric["value"] / 100 * (174 - 38) for metric in metrics]
            for (_, y), height in zip(found, heights):
                self.assertAlmostEqual(y, height, delta=0.1)
            places = [x for x, _ in found]
            self.assertEqual(places, sorted(places))
        rows = {row[3]: row[2] for row in document.rows if row[3] != "accuracy"}
        for metric, (x, _) in zip(metrics, dots[1]):
            share = float(rows[metric["milestone"]].removesuffix(" %"))
            self.assertAlmostEqual((x - 72) / (744 - 72) * 100, share, delta=0.2)

    def check_curves(self, document):
        """Goodput, three kinds of errors, segment size, timeout, behind what was measured; none leaves its
        drawing."""
        self.assertEqual((document.names.count("svg"), len(document.points)), (6, 8))
        for points in document.points:
            self.assertTrue(all(72 <= x <= 744 and 38 <= y <= 174 for x, y in points), points)
            self.assertEqual(points, sorted(points, key=lambda point: point[0]))
            self.assertEqual(points[-1][0], 744)
        _, _, goodput, _, _, resent, _, timeout = document.points
        for points in (goodput, resent, timeout):
            self.assertGreater(len({y for _, y in points}), 2, points)

    @lasts(6)
    def test_transfer_that_fails(self):
        self.lay_line(baud=115200)
        self.receive()
        sender = self.send(DIGITS, "--report", self.report)
        sender.wait_for_event("progress", lambda event: event["bytes"] > 30_000)
        self.line.kill()
        self.assert_ends(sender, TRY_AGAIN)
        document = self.look()
        self.assertEqual(document.words["verdict"], f"Not sent: {sender.events[-1]['message']}.")
        self.assertRegex(document.words["bytes"], r"^\d+(\.\d)? kB of about 13\d kB$")
        self.assertEqual((len(document.points), document.dots), (6, []))
        self.assertNotIn("digest", document.words)

    @lasts(5)
    def test_transfer_that_is_interrupted_before_it_begins(self):
        self.lay_line()
        sender = self.send(DIGITS, "--report", self.report)
        sender.wait_for_event("waiting")
        sender.signal()
        self.assert_ends(sender, INTERRUPTED)
        document = self.look()
        self.assertIn("interrupted", document.words["verdict"])
        self.assertIn("Nothing of the model has been sent.", document.words["body"])

    @lasts(5)
    def test_hostile_names(self):
        self.lay_line()
        name = "<img src=x onerror=console.error(1)>&amp;\"'<script>console.error(2)<!--<\u0338b.pt"
        model = models.save(self.folder / name, models.small_network().state_dict())
        port = self.folder / "<b onclick='x'>\"&lt;"
        port.symlink_to(self.a)
        self.receive()
        sender = self.start("send", self.rate, port, model, "--report", self.report)
        self.assert_ends(sender, OK)
        document = self.look()
        self.assertEqual(document.words["h1"], name)
        self.assertEqual(document.words["title"], f"{name}: sent")
        self.assertTrue(document.words["port"].startswith(str(port)), document.words["port"])
        self.assertFalse({"img", "b", "script"} & set(document.names))
        self.assertFalse({name for name in document.attributes if name.startswith("on")})

    @lasts(4)
    def test_hostile_port_in_the_reason(self):
        port = self.folder / "</title></dd><script>console.error(1)</script>\"'"
        sender = self.start("send", "--json", port, DIGITS, "--report", self.report)
        self.assert_ends(sender, UNAVAILABLE)
        document = self.look()
        self.assertEqual(document.words["port"], str(port))
        self.assertIn(str(port), document.words["verdict"])

    @lasts(6)
    def test_light_and_dark_and_a_host_as_receiver(self):
        self.lay_line()
        self.receive()
        self.assert_ends(self.send(DIGITS, "--report", self.report), OK)
        page = self.report.read_bytes()
        segment = self.look().points[4]
        self.assertGreater(len({y for _, y in segment}), 2, segment)
        self.assertEqual(browser.picture(self.folder, page, "light.png")[1], (255, 255, 255))
        _, colour = browser.picture(self.folder, page, "dark.png", is_dark=True)
        self.assertEqual(colour, (0x14, 0x17, 0x1A))

    def test_place_that_cannot_be_written_to_is_known_at_once(self):
        for report, text in (
            (self.folder / "none/report.html", "create the folder"), (self.folder, "name of a file")
        ):  # fmt: skip
            command = self.run_command("send", "/dev/no-such-port", DIGITS, "--report", report)
            self.assert_ends(command, CANNOT_CREATE, str(report), text)

    def test_model_is_not_replaced(self):
        model = models.save(self.folder / "model.pt", models.small_network().state_dict())
        before = model.read_bytes()
        command = self.run_command("send", "/dev/no-such-port", model, "--report", model)
        self.assert_ends(command, USAGE, "would replace the model")
        self.assertEqual(model.read_bytes(), before)

    @lasts(3)
    def test_old_report_stays_until_the_new_one_is_complete(self):
        self.report.write_text("old")
        self.lay_line(baud=115200)
        self.receive()
        sender = self.send(DIGITS, "--report", self.report)
        sender.wait_for_event("progress")
        self.assertEqual(self.report.read_text(), "old")
        sender.kill()
        self.assertEqual(self.report.read_text(), "old")
