"""Models in planes: usable from the first milestone on, and better from one to the next."""

import json
import random
import struct
import time

import models
import torch
from lines import LineTests
from processes import DATA, DIGITS, INTERRUPTED, NO_INPUT, OK, TRY_AGAIN, USAGE, ProcessTests, lasts

TIERS = ["small", *(f"int{bits}" for bits in range(2, 9)), "fine", "complete"]


def metadata(path):
    contents = path.read_bytes()
    length = struct.unpack_from("<Q", contents)[0]
    return json.loads(contents[8 : 8 + length]).get("__metadata__", {})


def large_tensors(state):
    return {n: t for n, t in state.items() if t.is_floating_point() and t.numel() >= 512 and t.dim() > 1}


def signal_to_noise(original, found):
    """Of a tensor, in decibels."""
    original = original.double()
    error = (original - found.double()).square().sum()
    return float(10 * (original.square().sum() / error).log10()) if error > 0 else float("inf")


def mean_ratio(original, found):
    """As a plan foretells it: the mean over all weights of large tensors."""
    error = count = 0
    for name, tensor in large_tensors(original).items():
        ratio = signal_to_noise(tensor, found[name])
        error += tensor.numel() * 10 ** (-ratio / 10)
        count += tensor.numel()
    return float(-10 * torch.tensor(error / count).log10()) if error > 0 else float("inf")


def foretold(plan, name, knowledge):
    """Between which ratios a plan puts a tensor of which so much is known: the next two passes, the
    rest of the plane and one more, may have begun."""
    ratios = [0.0]
    known = 0
    for unit in plan["units"]:
        if unit["tensor"] != name:
            continue
        ratios.append(unit.get("snr_db", float("inf")))
        ends = {
            "significance": f"planes {unit.get('plane', 0) + 1}", "short": "mantissa 3", "exact": "exact"
        }  # fmt: skip
        if ends.get(unit["pass"]) == knowledge:
            known = len(ratios) - 1
    return ratios[known], ratios[min(known + 2, len(ratios) - 1)]


class ForetoldTests(ProcessTests):
    def assert_as_foretold(self, plan, original, found, facts):
        """Of each large tensor, within half a decibel."""
        for name, tensor in large_tensors(original).items():
            ratio = signal_to_noise(tensor, found[name])
            least, most = foretold(plan, name, facts[f"wtserial.bits.{name}"])
            self.assertGreaterEqual(ratio, least - 0.5, name)
            self.assertLessEqual(ratio, most + 0.5, name)


class MilestoneTests(LineTests, ForetoldTests):
    def hook(self, *lines):
        """A command for --on-milestone that copies what it is given, and notes that it was."""
        script = self.folder / "hook with spaces.sh"
        script.write_text(
            "#!/bin/sh\n"
            f"cp \"$1\" '{self.folder}/seen.'$WTSERIAL_MILESTONE.safetensors\n"
            + "".join(line + "\n" for line in lines)
            + f"echo \"$WTSERIAL_MILESTONE $1\" >> '{self.folder}/calls'\n"
        )
        script.chmod(0o755)
        return f"--on-milestone='{script}'"

    def calls(self):
        lines = (self.folder / "calls").read_text().splitlines()
        return [line.split(" ", 1) for line in lines]

    @lasts(10)
    def test_model_at_each_milestone_can_be_loaded_and_gets_better(self):
        self.lay_line(baud=230400)
        sender, receiver = self.transfer(DIGITS, receiver_options=[self.hook()])
        names = [name for name, out in self.calls()]
        self.assertTrue(all(out == str(self.out) for _, out in self.calls()))
        self.assertEqual((names[0], names[-1]), ("small", "complete"))
        self.assertGreater(len(names), 3)
        # Those that came while a command ran may be left out, and none comes twice before the end.
        self.assertEqual(sorted(set(names), key=TIERS.index), list(dict.fromkeys(names)))
        original = models.load(DIGITS)
        ratios = []
        for name in dict.fromkeys(names):
            found = models.load_received(self.folder / f"seen.{name}.safetensors")
            self.assertEqual(found.keys(), original.keys())
            ratios.append(mean_ratio(original, found))
        self.assertEqual(ratios, sorted(ratios))
        self.assertEqual(ratios[-1], float("inf"))
        self.assertEqual(models.differences(DIGITS, self.out), [])
        self.assertEqual(list(self.folder.glob("out.safetensors.*")), [])

    @lasts(10)
    def test_events_say_what_was_reached_and_how_good_it_is(self):
        self.lay_line(baud=230400)
        sender, receiver = self.transfer(DIGITS)
        for command in (sender, receiver):
            events = [event for event in command.events if event["event"] == "milestone"]
            names = [event["milestone"] for event in events]
            self.assertEqual(names, [tier for tier in TIERS if tier in names])
            self.assertGreaterEqual(len(names), 8)
            ratios = [event["snr_db"] for event in events if "snr_db" in event]
            self.assertEqual(ratios, sorted(ratios))
        stored = [e["stored"] for e in receiver.events if e["event"] == "milestone"]
        self.assertIn(True, stored)
        self.assertFalse(any("stored" in event for event in sender.events))

    @lasts(8)
    def test_commands_run_one_at_a_time(self):
        self.lay_line(baud=460800)
        guard = f"mkdir '{self.folder}/lock' || echo overlap >> '{self.folder}/calls'"
        hook = self.hook(guard, "sleep 0.4", f"rmdir '{self.folder}/lock'")
        self.transfer(DIGITS, receiver_options=[hook])
        names = [name for name, *_ in self.calls()]
        self.assertNotIn("overlap", names)
        # The newest one is never left out.
        self.assertEqual(names[-1], "complete")

    def test_command_that_fails_does_not_stop_a_transfer(self):
        self.lay_line()
        _, receiver = self.transfer(DIGITS, receiver_options=["--on-milestone=exit 3; echo"])
        self.assertIn("ended with exit code 3", receiver.output)
        self.assertEqual(models.differences(DIGITS, self.out), [])

    def test_words_of_a_command_are_no_results(self):
        self.lay_line()
        _, receiver = self.transfer(DIGITS, receiver_options=["--on-milestone=echo model:"])
        self.assertIn(f"model: {self.out}", receiver.words)
        self.assertGreater(len(receiver.events), 3)  # All of it is JSON.

    @lasts(8)
    def test_only_complete_writes_nothing_before(self):
        self.lay_line(baud=230400)
        receiver, sender = self.receive("--only-complete"), self.send(DIGITS)
        receiver.wait_for_event("milestone", lambda event: event["milestone"] == "int4")
        self.assertFalse(self.out.exists())
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertEqual(models.differences(DIGITS, self.out), [])
        self.assertNotIn(True, [event.get("stored") for event in receiver.events])

    @lasts(8)
    def test_partial_models_in_another_type(self):
        self.lay_line(baud=230400)
        receiver, sender = self.receive("--dtype=bf16", self.hook()), self.send(DIGITS)
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        original = models.load(DIGITS)
        found = models.load_received(self.folder / "seen.small.safetensors")
        for name, tensor in original.items():
            dtype = torch.bfloat16 if tensor.is_floating_point() else tensor.dtype
            self.assertEqual((found[name].dtype, found[name].shape), (dtype, tensor.shape))
        self.assertEqual(models.differences(DIGITS, self.out), [])

    @lasts(10)
    def test_sender_that_is_interrupted_leaves_a_model(self):
        self.check_interruption("sender", 130)

    @lasts(10)
    def test_receiver_that_is_interrupted_leaves_a_model(self):
        self.check_interruption("receiver", 130)

    def check_interruption(self, name, code):
        self.lay_line(baud=230400)
        ends = {"receiver": self.receive(), "sender": self.send(DIGITS)}
        ends["receiver"].wait_for_event("milestone", lambda event: event["milestone"] == "int4")
        time.sleep(0.3)
        ends[name].signal()
        self.assert_ends(ends.pop(name), INTERRUPTED)
        (other,) = ends.values()
        self.assert_ends(other, TRY_AGAIN)
        original, found = models.load(DIGITS), models.load_received(self.out)
        self.assertEqual(found.keys(), original.keys())
        self.assertGreater(mean_ratio(original, found), 10)
        facts = metadata(self.out)
        self.assertEqual(facts["wtserial.state"], "partial")
        self.assertIn(facts["wtserial.milestone"], TIERS)
        self.assertEqual(len(facts), 2 + len(original))
        plan = self.run_command("plan", "--json", DIGITS)
        self.assert_ends(plan, OK)
        self.assert_as_foretold(json.loads(plan.output), original, found, facts)
        self.assertTrue(self.out.with_name("out.safetensors.partial").exists())


class OptionTests(LineTests):
    def sent_bytes(self, *options):
        self.lay_line(baud="unlimited")
        sender, _ = self.transfer(DIGITS, *options)
        self.line.signal()
        self.line.wait()
        return sender.events[-1]["bytes"], models.load_received(self.out)

    def test_sizes_fall_with_precision(self):
        sizes = [self.sent_bytes(f"--precision={p}")[0] for p in ("exact", "bf16", "int8", "int4")]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        weights = sum(tensor.numel() for tensor in large_tensors(models.load(DIGITS)).values())
        small = 162944 - 4 * weights
        # A weight takes less than its integer would.
        self.assertLess(sizes[2], weights * 8 / 8 + small)
        self.assertLess(sizes[3], weights * 4 / 8 + small)

    def test_orders_arrive_at_the_same_model(self):
        for order in ("value", "file", "planes", "magnitude"):
            with self.subTest(order):
                self.sent_bytes(f"--order={order}")
                self.assertEqual(models.differences(DIGITS, self.out), [])

    def test_pruned_weights_are_zero_and_the_others_as_they_were(self):
        size, found = self.sent_bytes("--prune=0.8")
        for name, tensor in large_tensors(models.load(DIGITS)).items():
            zero = found[name] == 0
            self.assertAlmostEqual(float(zero.float().mean()), 0.8, delta=0.05)
            self.assertTrue(torch.equal(found[name][~zero], tensor[~zero]))
        self.assertLess(size, self.sent_bytes()[0] * 0.5)

    def test_pruning_is_for_contents_too(self):
        for options in (["--codec=deflate"], ["--quantizer=channel", "--bits=6"]):
            with self.subTest(options):
                size, found = self.sent_bytes("--prune=0.8", *options)
                for tensor in large_tensors(found).values():
                    self.assertGreater(float((tensor == 0).float().mean()), 0.75)
                self.assertLess(size, self.sent_bytes(*options)[0] * 0.6)

    def test_sensitivity_and_priority_are_accepted_and_change_the_order(self):
        state = models.load(DIGITS)
        names = list(large_tensors(state))
        file = self.folder / "sensitivity.json"
        file.write_text(json.dumps({"schema": 1, "tensors": {n: 0 for n in names[1:]} | {names[0]: 1}}))
        for option in (f"--sensitivity={file}", f"--priority={names[0]}=1000000"):
            with self.subTest(option):
                self.sent_bytes(option)
                self.assertEqual(models.differences(DIGITS, self.out), [])

    def test_sensitivities_that_are_none_are_refused(self):
        file = self.folder / "sensitivity.json"
        option = f"--sensitivity={file}"
        for command in (["send", "/dev/no-such-port", DIGITS], ["plan", DIGITS]):
            self.assert_ends(self.run_command(*command, option), NO_INPUT, str(file), "sensitivity.py")
            for text in ("", "[1]", '{"schema": 9, "tensors": {}}', '{"schema": 1, "tensors": {"a": -1}}'):
                file.write_text(text)
                self.assert_ends(self.run_command(*command, option), DATA, str(file))
            file.unlink()


    def test_steering_that_is_about_no_tensor_is_refused(self):
        self.assert_ends(
            self.run_command("plan", DIGITS, "--priority=nomatch.*=4"), USAGE, "nomatch.*", "inspect"
        )
        file = self.folder / "sensitivity.json"
        file.write_text('{"schema": 1, "tensors": {"other.weight": 1}}')
        self.assert_ends(self.run_command("plan", DIGITS, f"--sensitivity={file}"), DATA, str(file))


class PlanTests(ForetoldTests):
    def plan(self, *options):
        command = self.run_command("plan", "--json", DIGITS, *options)
        self.assert_ends(command, OK)
        return json.loads(command.output)

    def test_estimates_are_near_to_what_is_measured(self):
        estimate, measured = self.plan(), self.plan("--measure")
        self.assertEqual(estimate["tensor_bytes"], 162944)
        self.assertAlmostEqual(estimate["total_bytes"] / measured["total_bytes"], 1, delta=0.02)
        names = [row["name"] for row in measured["milestones"]]
        self.assertEqual(names, [tier for tier in TIERS if tier in names])
        for row, other in zip(estimate["milestones"], measured["milestones"], strict=True):
            self.assertEqual(row["name"], other["name"])
            self.assertLess(abs(row["bytes"] - other["bytes"]), 100 + 0.03 * other["bytes"])
        self.assertEqual(len(estimate["units"]), len(measured["units"]))
        self.assertAlmostEqual(
            sum(unit["bytes"] for unit in measured["units"]) / measured["total_bytes"], 1, delta=0.05
        )

    def test_baselines_are_foretold_too(self):
        original = models.load(DIGITS)
        for options in (
            ["--codec=deflate"], ["--codec=none", "--precision=int4"],
            ["--quantizer=affine", "--bits=5"], ["--quantizer=channel"], ["--codec=deflate", "--prune=0.9"],
        ):  # fmt: skip
            with self.subTest(options):
                estimate, measured = self.plan(*options), self.plan(*options, "--measure")
                self.assertAlmostEqual(estimate["total_bytes"] / measured["total_bytes"], 1, delta=0.01)
                (row,) = estimate["milestones"]
                self.plan(*options, f"--until={measured['total_bytes']}", f"--out={self.out}")
                found = mean_ratio(original, models.load_received(self.out))
                if "--prune=0.9" in options:
                    # What is meant to be zero is no error.
                    self.assertNotIn("snr_db", row)
                else:
                    self.assertAlmostEqual(row.get("snr_db", float("inf")), found, delta=1)

    def test_seconds_follow_from_the_rate(self):
        slow, fast = self.plan("--baud=9600"), self.plan("--baud=115200")
        for row, other in zip(slow["milestones"], fast["milestones"], strict=True):
            self.assertAlmostEqual(row["seconds"], row["bytes"] * 10 / 9600, delta=0.01)
            self.assertAlmostEqual(row["seconds"] / other["seconds"], 12, delta=0.01)

    def test_sizes_of_sparse_and_rounded_models_are_foretold(self):
        for options in (["--prune=0.9"], ["--prune=0.99"], ["--precision=bf16"], ["--precision=int4"]):
            with self.subTest(options):
                estimate, measured = self.plan(*options), self.plan(*options, "--measure")
                self.assertAlmostEqual(estimate["total_bytes"] / measured["total_bytes"], 1, delta=0.03)
                names = [row["name"] for row in estimate["milestones"]]
                self.assertEqual(names[-1], "complete")
                if options == ["--precision=int4"]:
                    self.assertEqual(names[-2], "int4")

    def test_rounding_does_not_delay_the_first_models(self):
        exact, rounded = ({row["name"]: row["bytes"] for row in self.plan(*options)["milestones"]}
                          for options in ([], ["--precision=bf16"]))  # fmt: skip
        for name in ("small", "int3", "int6"):
            self.assertAlmostEqual(rounded[name] / exact[name], 1, delta=0.05)

    def test_tensors_of_zeros_are_exact_at_once(self):
        state = {"zeros.weight": torch.zeros(100, 100), "weight": torch.randn(100, 100)}
        model = models.save(self.folder / "zeros.pt", state)
        command = self.run_command("plan", model, "--json")
        first = json.loads(command.output)["units"][0]
        self.assertEqual((first["tensor"], first["pass"]), ("zeros.weight", "exact"))
        self.assertNotIn("snr_db", first)

    def test_complete_files_are_what_a_receiver_writes(self):
        text = self.folder / "text.txt"
        text.write_text("no checkpoint\n" * 100)
        for model in (text, DIGITS):
            command = self.run_command("plan", model, "--until=1000000", f"--out={self.out}")
            self.assert_ends(command, OK)
            if model == text:
                self.assertEqual(self.out.read_text(), text.read_text())
            else:
                self.assertEqual(metadata(self.out), {})
                self.assertEqual(models.differences(DIGITS, self.out), [])

    def test_table(self):
        command = self.run_command("plan", DIGITS)
        self.assert_ends(command, OK)
        lines = command.output.splitlines()
        self.assertTrue(lines[0].startswith("digits.pt: 22 tensors, 163 kB, as "), lines[0])
        rows = [line.split()[0] for line in lines[3:]]
        self.assertEqual(rows, [tier for tier in TIERS if tier in rows])

    def test_model_after_so_many_bytes(self):
        original = models.load(DIGITS)
        milestones = self.plan("--measure")["milestones"]
        ratios = []
        for row in milestones:
            self.plan(f"--until={row['bytes']}", f"--out={self.out}")
            found = models.load_received(self.out)
            self.assertEqual(found.keys(), original.keys())
            ratios.append(mean_ratio(original, found))
            if "snr_db" in row and row["name"] != "small":
                # Rounded, and within a tenth of the error.
                self.assertAlmostEqual(ratios[-1], row["snr_db"], delta=1)
        self.assertEqual(ratios, sorted(ratios))
        self.assertEqual(models.differences(DIGITS, self.out), [])
        command = self.run_command("plan", DIGITS, "--until=0", f"--out={self.out}")
        self.assert_ends(command, OK)
        self.assertTrue(all((t == 0).all() for t in models.load_received(self.out).values()))

    @lasts(20)
    def test_model_at_any_byte_is_as_good_as_foretold(self):
        original = models.load(DIGITS)
        plan = self.plan("--measure")
        draw = random.Random(4)
        for byte_count in [draw.randrange(plan["total_bytes"]) for _ in range(12)]:
            with self.subTest(bytes=byte_count):
                self.plan(f"--until={byte_count}", f"--out={self.out}")
                self.assert_as_foretold(plan, original, models.load_received(self.out), metadata(self.out))

    def test_tensors_at_each_milestone(self):
        command = self.run_command("plan", DIGITS, "--tensors")
        self.assert_ends(command, OK)
        table = command.output.split("\n\n")[2].splitlines()
        heading, rows = table[0].split(), [row.split() for row in table[1:]]
        self.assertEqual(heading, ["dB", *(tier for tier in TIERS if tier in heading)])
        names = [name for name, t in large_tensors(models.load(DIGITS)).items()]
        self.assertEqual([row[0] for row in rows], names)
        for row in rows:
            self.assertEqual(row[-1], "exact")
            ratios = [int(ratio) for ratio in row[1:-1] if ratio != "-"]
            self.assertEqual(ratios, sorted(ratios))

    def test_plot_is_a_drawing(self):
        drawing = self.folder / "curve.svg"
        self.assert_ends(self.run_command("plan", DIGITS, f"--plot={drawing}"), OK)
        text = drawing.read_text()
        self.assertTrue(text.startswith("<svg") and text.rstrip().endswith("</svg>"))
        import xml.etree.ElementTree as tree

        root = tree.fromstring(text)
        self.assertGreater(len(list(root.iter())), 10)

    def test_refusals(self):
        damaged = self.folder / "damaged.pt"
        damaged.write_bytes(b"nonsense")
        self.assert_ends(self.run_command("plan", damaged), DATA, "damaged.pt")
        self.assert_ends(self.run_command("plan", self.folder / "none.pt"), NO_INPUT, "none.pt")
        self.assert_ends(self.run_command("plan"), USAGE)
