"""The device without a board: what it makes of models, keeps of them, and tells the sender."""

import hashlib
import math
import signal

import models
import torch
from lines import LineTests
from processes import (
    CANNOT_CREATE, DATA, DIGITS, INTERRUPTED, NO_INPUT, OK, TRY_AGAIN, USAGE, lasts,
)

# Of all 360 images; the network in floats recognizes 356.
FINAL = 99.17
TIERS = ["small", "int2", "int3", "int4", "int5", "int6", "int7", "int8", "complete"]


def device_image(model, order=None):
    """The image of a model by its definition (Hardware/store.md), or with another model's order."""
    image, state = b"", models.load(model)
    for tensor in (state[name] for name in models.load(order or model)):
        image += bytes(-len(image) % 4)
        if tensor.is_floating_point() and tensor.numel() >= 512 and tensor.ndim > 1:
            values = tensor.double().flatten()
            _, exponent = math.frexp(values.abs().max().item())
            # Seven planes, the highest of which the largest value has.
            magnitudes = (values.abs() / 2.0 ** (exponent - 7)).to(torch.uint8)
            signs = ((values < 0) & (magnitudes > 0)).to(torch.uint8) * 128
            image += bytes((magnitudes + signs).tolist())
        else:
            image += models.compare_checkpoints.little_endian_bytes(tensor).numpy().tobytes()
    return image


class DeviceTests(LineTests):
    def setUp(self):
        super().setUp()
        self.flash, self.image = self.folder / "flash", self.folder / "image"

    def device(self, *options):
        """Starts a device and waits until it listens."""
        samples = [] if "--like" in options else ["--samples=20"]
        command = self.start("device", "--json", self.rate, self.b, *samples, *options)
        command.wait_for_event("waiting")
        return command

    def deliver(self, *options, model=DIGITS):
        """Sends a model to a device, which has to end with it."""
        device = self.device("--once", *options)
        sender = self.send(model)
        self.assert_ends(sender, OK)
        self.assert_ends(device, OK)
        return device, sender

    def other_digits(self):
        """The sample model with other weights."""
        state = {name: 2 * tensor for name, tensor in models.load(DIGITS).items()}
        return models.save(self.folder / "other.pt", state)

    def assert_metrics(self, command):
        """It tells how well the model does after each milestone, and in the end."""
        metrics = [event for event in command.events if event["event"] == "metric"]
        self.assertEqual([event["milestone"] for event in metrics], TIERS)
        self.assertEqual({event["metric"] for event in metrics}, {"accuracy"})
        # The unit says of how many: 20 are tried after a milestone here, and in the end all.
        units = ["% of 20 images"] * (len(TIERS) - 1) + ["% of 360 images"]
        self.assertEqual([event["unit"] for event in metrics], units)
        *climbing, final = (event["value"] for event in metrics)
        self.assertEqual(climbing, sorted(climbing))
        self.assertLess(climbing[0], 50)
        self.assertGreater(climbing[-1], 90)
        self.assertEqual(final, FINAL)

    def assert_finds(self, device, digest):
        """It has a model from before, which is the sample model."""
        self.assertEqual(device.wait_for_event("found")["digest"], digest)
        metric = device.wait_for_event("metric")
        self.assertEqual((metric["value"], metric.get("milestone")), (FINAL, None))

    @lasts(4)
    def test_accuracy_climbs_over_a_noisy_line(self):
        self.lay_line("--bit-error-rate=2e-5", "--drop-rate=1e-5", "--seed=3")
        device, sender = self.deliver("--image", self.image)
        self.assert_metrics(sender)
        self.assert_metrics(device)
        self.assertEqual(self.image.read_bytes(), device_image(DIGITS))
        [done] = [event for event in device.events if event["event"] == "done"]
        self.assertEqual(done["digest"], sender.events[-1]["digest"])

    @lasts(4)
    def test_another_model_is_refused_and_the_next_one_taken(self):
        self.lay_line()
        device = self.device("--once")
        other = models.save(self.folder / "other.pt", models.small_network().state_dict())
        refused = self.send(other)
        self.assert_ends(refused, DATA, "does not run this model", "another")
        self.assertIn("another model", device.wait_for_event("refused")["message"])
        self.assert_ends(self.send(DIGITS), OK)
        self.assert_ends(device, OK)
        self.assert_metrics(device)

    @lasts(6)
    def test_flash_outlives_the_device(self):
        self.check_flash()

    @lasts(6)
    def test_weights_go_to_flash_as_they_come(self):
        self.check_flash("--in-flash")

    def check_flash(self, *options):
        self.lay_line()
        options = "--flash", self.flash, "--image", self.image, *options
        device, sender = self.deliver(*options)
        self.assert_metrics(sender)
        self.assertEqual(self.image.read_bytes(), device_image(DIGITS))
        self.image.unlink()
        again = self.device(*options)
        self.assert_finds(again, sender.events[-1]["digest"])
        again.signal(signal.SIGINT)
        self.assert_ends(again, INTERRUPTED)
        self.assertEqual(self.image.read_bytes(), device_image(DIGITS))

    @lasts(8)
    def test_device_killed_in_a_transfer_has_the_model_before(self):
        self.lay_line()
        _, sender = self.deliver("--flash", self.flash)
        digest = sender.events[-1]["digest"]
        for options in ((), ("--in-flash",)):
            device = self.device("--flash", self.flash, *options)
            sender = self.send(self.other_digits())
            device.wait_for_event("milestone", lambda event: event["milestone"] == "int4")
            device.kill()
            sender.kill()
            device = self.device("--flash", self.flash)
            self.assert_finds(device, digest)
            device.kill()

    @lasts(12)
    def test_device_killed_in_a_transfer_goes_on(self):
        self.lay_line()
        for options in ((), ("--in-flash",)):
            self.flash.unlink(missing_ok=True)
            device = self.device("--flash", self.flash, *options)
            sender = self.send(DIGITS)
            device.wait_for_event("milestone", lambda event: event["milestone"] == "int4")
            device.kill()
            sender.kill()
            device, sender = self.deliver("--flash", self.flash, "--image", self.image, *options)
            [resuming] = [event for event in sender.events if event["event"] == "resuming"]
            self.assertGreater(resuming["bytes"], 8000)
            self.assertEqual(self.image.read_bytes(), device_image(DIGITS))
            self.assertIn(f"behind the {resuming['bytes']} bytes", str(device.events))

    @lasts(6)
    def test_same_model_need_not_come_again(self):
        self.lay_line()
        for options in ((), ("--flash", self.flash), ("--flash", self.flash, "--in-flash")):
            self.flash.unlink(missing_ok=True)
            device = self.device(*options)
            first, second = self.send(DIGITS), None
            self.assert_ends(first, OK)
            second = self.send(DIGITS)
            self.assert_ends(second, OK)
            self.assertNotIn("unchanged", first.events[-1])
            self.assertTrue(second.events[-1]["unchanged"])
            device.wait_for_event("notice", lambda event: "nothing had to come" in event["message"])
            device.kill()

    @lasts(12)
    def test_models_are_listed_and_changed(self):
        self.lay_line()
        for options in ((), ("--in-flash",)):
            self.flash.unlink(missing_ok=True)
            device = self.device("--flash", self.flash, "--image", self.image, *options)
            digests = []
            for model in (DIGITS, self.other_digits()):
                sender = self.send(model)
                self.assert_ends(sender, OK)
                digests.append(sender.events[-1]["digest"])
            self.assertEqual(self.slots(), [("stored", digests[0]), ("in use", digests[1])])
            self.ask("rollback")
            self.assertEqual(self.slots(), [("in use", digests[0]), ("stored", digests[1])])
            self.ask("activate", digests[1])
            self.assertEqual(self.slots(), [("stored", digests[0]), ("in use", digests[1])])
            self.ask("rollback")
            device.signal(signal.SIGINT)
            self.assert_ends(device, INTERRUPTED)
            self.assertEqual(self.image.read_bytes(), device_image(DIGITS))

    @lasts(12)
    def test_model_is_read_back(self):
        self.lay_line()
        for options in ((), ("--flash", self.flash), ("--flash", self.flash, "--in-flash")):
            device = self.device(*options)
            self.assert_ends(self.send(DIGITS), OK)
            back = self.folder / "back.safetensors"
            self.ask("pull", back)
            # Seven planes of what was sent, and of that just the same.
            self.assertEqual(device_image(back, DIGITS), device_image(DIGITS))
            device.kill()

    @lasts(6)
    def test_model_that_does_badly_gives_way(self):
        self.lay_line()
        device = self.device("--flash", self.flash, "--least=90")
        good = self.send(DIGITS)
        self.assert_ends(good, OK)
        state = {name: torch.zeros_like(tensor) for name, tensor in models.load(DIGITS).items()}
        bad = self.send(models.save(self.folder / "bad.pt", state))
        self.assert_ends(bad, DATA, "own check")
        self.assertIn("too few images", device.wait_for_event("refused")["message"])
        self.assertEqual(self.slots()[0], ("in use", good.events[-1]["digest"]))

    @lasts(4)
    def test_sender_that_stops_leaves_the_model_before(self):
        self.lay_line()
        self.deliver("--flash", self.flash)
        device = self.device("--flash", self.flash, "--image", self.image)
        sender = self.send(self.other_digits())
        device.wait_for_event("milestone", lambda event: event["milestone"] == "int4")
        sender.signal(signal.SIGINT)
        self.assert_ends(sender, INTERRUPTED)
        device.wait_for_event("notice", lambda event: "before stays" in event["message"])
        device.signal(signal.SIGTERM)
        self.assert_ends(device, INTERRUPTED)
        self.assertEqual(self.image.read_bytes(), device_image(DIGITS))

    @lasts(3)
    def test_other_models(self):
        self.lay_line()
        model = models.save(self.folder / "network.pt", models.small_network().state_dict())
        device, _ = self.deliver("--like", model, "--image", self.image, "--mtu=64", model=model)
        self.assertEqual(self.image.read_bytes(), device_image(model))
        self.assertFalse([event for event in device.events if event["event"] == "metric"])

    def test_weights_that_are_no_numbers(self):
        self.lay_line()
        weight = torch.randn(30, 30)
        weight[3, 4] = math.nan
        model = models.save(self.folder / "model.pt", {"weight": weight})
        device = self.start("device", "--json", self.rate, self.b, "--like", model)
        device.wait_for_event("waiting")
        self.assert_ends(self.send(model), CANNOT_CREATE, "NaN or infinite weight")

    def test_words(self):
        self.lay_line()
        device = self.start("device", self.rate, self.b, "--samples=10", "--once")
        device.wait_for_text("waiting for a sender")
        self.assert_ends(self.send(DIGITS), OK)
        self.assert_ends(device, OK, "power-up: ", "reached int4, signal to noise", "of 10 images")
        self.assertIn(f"accuracy {FINAL} % of 360 images with complete\n", device.words)
        self.assertEqual(device.output, "done: digits.pt is verified and stays\n")

    def test_help_says_nothing_of_a_rate_that_changes(self):
        self.assertNotIn("`auto`", self.run_command("device", "--help").output)

    @lasts(6)
    def test_flash_that_was_written_the_other_way_is_told(self):
        self.lay_line()
        for kept, other, words in (
            ((), ("--in-flash",), "written from memory, which --in-flash cannot use"),
            (("--in-flash",), (), "written as it came, with --in-flash"),
        ):
            self.deliver("--flash", self.flash, *kept)
            for options, is_told in ((kept, False), (other, True)):
                device = self.start("device", self.rate, self.b, "--flash", self.flash, *options)
                device.wait_for_text("waiting for a sender")
                self.assertEqual(words in device.words, is_told, device)
                self.assertEqual("found digits.pt" in device.words, "cannot" not in device.words)
                if "cannot" not in device.words:
                    device.wait_for_text(f"accuracy {FINAL} % of 360 images\n")
                device.signal(signal.SIGINT)
                self.assert_ends(device, INTERRUPTED)

    @lasts(6)
    def test_sender_is_told_what_the_device_gets_instead(self):
        self.lay_line()
        self.device()
        for options, words in (
            (["--quantizer=affine", "--bits=4"], "in 3 planes, as fine as int4, and not as affine"),
            (["--codec=none"], "in 7 planes, as fine as int8, and not whole and exact"),
            (["--precision=int4"], None),
        ):
            sender = self.send(DIGITS, *options)
            self.assert_ends(sender, OK)
            notices = [event["message"] for event in sender.events if event["event"] == "notice"]
            self.assertEqual([words in notice for notice in notices], [True] if words else [])
        sender = self.start("send", self.rate, self.a, DIGITS, "--codec=deflate")
        self.assert_ends(sender, OK, "the receiver takes large tensors in planes only")

    def test_interrupted_while_it_waits(self):
        self.lay_line()
        device = self.device("--image", self.image)
        device.signal(signal.SIGINT)
        self.assert_ends(device, INTERRUPTED)
        self.assertEqual(device.words, "wtserial: interrupted\n")
        self.assertFalse(self.image.exists())

    def test_what_it_cannot_do(self):
        self.lay_line()
        self.flash.write_bytes(b"notes")
        for code, text, options in (
            (USAGE, "--in-flash needs", ["--in-flash"]),
            (USAGE, "--mtu takes", ["--mtu=16"]),
            (USAGE, "--samples takes 0 to 360", ["--samples=1000"]),
            (USAGE, "does not change its rate", ["--baud=auto"]),
            (USAGE, "--samples goes without --like", ["--like", DIGITS, "--samples=5"]),
            (DATA, "has no tensors; give --like", ["--like", self.flash]),
            (NO_INPUT, "no file", ["--like", self.folder / "absent.pt"]),
            (CANNOT_CREATE, "not the flash of this device", ["--flash", self.flash]),
            (CANNOT_CREATE, "give the name of a file", ["--flash", self.folder]),
            (CANNOT_CREATE, "create the folder first", ["--image", self.folder / "absent/image"]),
        ):
            with self.subTest(options):
                command = self.run_command("device", self.b, *options)
                self.assert_ends(command, code, text)
        self.assertEqual(self.flash.read_bytes(), b"notes")

    def test_flash_in_use(self):
        self.lay_line()
        self.device("--flash", self.flash)
        before = hashlib.sha256(self.flash.read_bytes()).digest()
        command = self.run_command("device", self.a, "--flash", self.flash)
        self.assert_ends(command, TRY_AGAIN, "the flash of a device that runs")
        self.assertEqual(hashlib.sha256(self.flash.read_bytes()).digest(), before)
