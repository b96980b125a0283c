"""What scripts and people read: JSON events, quiet runs, tables."""

import json
import os
import re

import models
import schema
from lines import LineTests
from processes import CANNOT_CREATE, DATA, DIGITS, OK, TRY_AGAIN, UNAVAILABLE, lasts


class JSONTests(LineTests):
    def assert_well_formed(self, command, port):
        """Every line is an event, in order; the last one is the outcome, and the only one."""
        events = [json.loads(line) for line in command.output.splitlines()]
        self.assertGreater(len(events), 0, command)
        times = []
        for event in events:
            self.assertEqual((event["schema"], event["port"]), (2, str(port)), event)
            times.append(event["time"])
        self.assertEqual(times, sorted(times))
        outcomes = [event for event in events if event["event"] in ("done", "error")]
        self.assertEqual(outcomes, events[-1:], command)
        if outcomes[0]["event"] == "error":
            self.assertEqual(outcomes[0]["exit_code"], command.process.returncode)
            self.assertIn(outcomes[0]["message"], command.words)
        else:
            self.assertEqual((command.process.returncode, command.words), (OK, ""))
        return events

    def test_events_of_a_transfer(self):
        self.lay_line("--bit-error-rate=1e-5", "--seed=3")
        sender, receiver = self.transfer(DIGITS)
        digests = set()
        for command, port in ((sender, self.a), (receiver, self.b)):
            events = self.assert_well_formed(command, port)
            names = [event["event"] for event in events]
            self.assertEqual(names[:3], ["waiting", "connected", "began"])
            self.assertEqual(set(names[3:-1]), {"progress", "milestone"})
            began, done = events[2], events[-1]
            self.assertEqual((began["model"], began["tensors"]), ("digits.pt", 22))
            self.assertEqual(began["tensor_bytes"], 162944)
            # Of the stream, which is shorter; the estimate is within some percent of it.
            self.assertEqual(done["bytes"], done["total_bytes"], command)
            self.assertLess(done["bytes"], 162944 * 0.95)
            self.assertAlmostEqual(began["total_bytes"] / done["total_bytes"], 1, delta=0.03)
            progress = [event["bytes"] for event in events[3:] if event["event"] == "progress"]
            self.assertEqual(progress, sorted(progress))
            milestones = [e["milestone"] for e in events if e["event"] == "milestone"]
            self.assertEqual((milestones[0], milestones[-1]), ("small", "complete"))
            places = [e["bytes"] for e in events if e["event"] == "milestone"]
            self.assertEqual(places, sorted(places))
            self.assertGreater(places[0], 0)
            self.assertLessEqual(places[-1], done["bytes"])
            self.assertEqual(done["milestone"], "complete")
            digests.add(done["digest"])
        self.assertEqual(len(digests), 1)
        self.assertEqual(receiver.events[-1]["out"], str(self.out))

    def test_events_of_errors(self):
        damaged = self.folder / "damaged.pt"
        damaged.write_bytes(b"nonsense")
        for code, *arguments in (
            (UNAVAILABLE, "send", "--json", "/dev/no-such-port", DIGITS),
            (DATA, "send", "--json", "/dev/no-such-port", damaged),
            (UNAVAILABLE, "receive", "--json", "/dev/no-such-port", self.out),
        ):
            command = self.run_command(*arguments)
            self.assert_ends(command, code)
            self.assert_well_formed(command, "/dev/no-such-port")

    @lasts(3)
    def test_event_of_a_broken_line(self):
        self.lay_line(baud=115200)
        receiver, sender = self.receive(), self.send(DIGITS)
        receiver.wait_for_event("began")
        sender.wait_for_event("began")
        self.line.kill()
        for command, port in ((sender, self.a), (receiver, self.b)):
            self.assert_ends(command, TRY_AGAIN)
            self.assert_well_formed(command, port)

    def test_inspect(self):
        command = self.run_command("inspect", "--json", DIGITS)
        report = json.loads(command.output)
        rows = {
            row["name"]: (row["dtype"], row["shape"], row["bytes"], row["sha256"])
            for row in report["tensors"]
        }
        expected = {
            name: (
                str(tensor.dtype).removeprefix("torch."), list(tensor.shape), tensor.nbytes,
                models.digest(tensor),
            )
            for name, tensor in models.load(DIGITS).items()
        }  # fmt: skip
        self.assertEqual(rows, expected)
        self.assertEqual(report["total_bytes"], 162944)


class SchemaTests(LineTests):
    """The schema itself; that lines keep to it is tested wherever a test asks a command for --json."""

    def test_results_say_what_they_are(self):
        small = models.save(self.folder / "small.pt", {"x": models.torch.ones(3)})
        for name, *arguments in (
            ("plan", "plan", small), ("model", "inspect", small),
            ("simulation", "simulate", "--bytes=1000"),
        ):  # fmt: skip
            command = self.run_command(*arguments, "--json")
            self.assert_ends(command, OK)
            [line] = command.events
            self.assertEqual((line["event"], line["schema"]), (name, 2))

    def test_error_of_a_loopback(self):
        taken = self.folder / "taken"
        taken.write_text("")
        command = self.run_command("loopback", "--json", "--a", taken)
        self.assert_ends(command, CANNOT_CREATE, "exists")
        [line] = command.events
        self.assertEqual((line["event"], line["exit_code"]), ("error", CANNOT_CREATE))
        self.assertIn(line["message"], command.words)

    def test_what_the_schema_refuses(self):
        line = {"event": "notice", "schema": 2, "time": 1.5, "port": "x", "message": "hm"}
        self.assertEqual(schema.faults(line), [])
        for change in (
            {"event": "notices"}, {"schema": 3}, {"time": "1.5"}, {"time": -1}, {"message": None},
            {"unheard_of": 1}, {"event": "done"}, {"event": "error", "exit_code": 1},
        ):  # fmt: skip
            self.assertNotEqual(schema.faults(line | change), [], change)
        for name in line:
            if name != "port":
                self.assertNotEqual(schema.faults({k: line[k] for k in line if k != name}), [])


class PlainTests(LineTests):
    def plain(self, *options):
        """A transfer without --json."""
        self.lay_line()
        model = models.save(self.folder / "network.pt", models.small_network().state_dict())
        receiver = self.start("receive", self.rate, self.b, self.out, *options)
        sender = self.start("send", self.rate, self.a, model, *options)
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        return sender, receiver

    def test_standard_output_has_only_results(self):
        sender, receiver = self.plain()
        self.assertEqual(sender.output, "done: the receiver has verified and stored the model\n")
        self.assertEqual(receiver.output, f"done: verified and stored as {self.out}\n")
        self.assertIn(str(self.a), sender.words)

    def test_quiet_is_silent(self):
        for command in self.plain("--quiet"):
            self.assertEqual((command.output, command.words), ("", ""))

    def test_quiet_still_tells_errors(self):
        command = self.run_command("send", "-q", "/dev/no-such-port", DIGITS)
        self.assert_ends(command, UNAVAILABLE, "/dev/no-such-port")

    def test_reader_that_goes_away_does_not_stop_a_transfer(self):
        self.lay_line()
        end, pipe = os.pipe()
        receiver = self.start("receive", self.rate, self.b, self.out, stdout=pipe, stderr=pipe)
        os.close(pipe)
        os.close(end)
        sender = self.send(DIGITS)
        self.assert_ends(sender, OK)
        self.assertEqual(receiver.wait(), OK)
        self.assertEqual(models.differences(DIGITS, self.out), [])

    def test_table(self):
        command = self.run_command("inspect", DIGITS)
        lines = command.output.splitlines()
        self.assertEqual(len(lines), 24)
        self.assertEqual(lines[0].split(), ["tensor", "dtype", "shape", "bytes"])
        for line, (name, tensor) in zip(lines[1:], models.load(DIGITS).items()):
            shape = "×".join(map(str, tensor.shape)) or "scalar"
            dtype = str(tensor.dtype).removeprefix("torch.")
            self.assertEqual(line.split(), [name, dtype, shape, str(tensor.nbytes)])
        self.assertEqual(lines[-1], "PyTorch checkpoint: 22 tensors, 163 kB")

    def test_table_with_digests(self):
        command = self.run_command("inspect", "--digests", DIGITS)
        for name, tensor in models.load(DIGITS).items():
            self.assertRegex(command.output, rf"{re.escape(name)} .* {models.digest(tensor)}\n")
