"""Transfers that go on where they ended, whoever died; models and tensors that are there already are not
sent. KILLS says how often the ends are killed, 16 times if it is missing."""

import os
import random
import time
from pathlib import Path

import models
import torch
from lines import LineTests
from processes import DIGITS, OK, TRY_AGAIN, lasts

KILLS = int(os.environ.get("KILLS", "16"))
KILLS_PER_MODEL = 16
MTU = 1024
# Frames that a receiver holds by default, and a handshake with INFO and the manifest.
WINDOW = 16 * MTU
HANDSHAKE = 2000


class OutputTests(LineTests):
    """What is beside the output, and what has crossed the line."""

    def setUp(self):
        super().setUp()
        self.journal = Path(f"{self.out}.journal")
        self.base = Path(f"{self.out}.base")

    def assert_clean(self):
        """Nothing is left of a transfer that has come to its end."""
        self.assertEqual(list(self.folder.glob("out*")), [self.out])

    def begin(self, model, byte_count, *options):
        """A transfer of which so many bytes have come when its sender is killed, and its receiver."""
        receiver, sender = self.receive(*options), self.send(model)
        receiver.wait_for_event("progress", lambda event: event["bytes"] > byte_count)
        sender.kill()
        receiver.kill()


class ResumptionTests(OutputTests):
    @lasts(40 + 2 * KILLS)
    def test_kills_at_random_moments(self):
        torch.manual_seed(1)
        tensors = {f"layer{n}": torch.randn(300, 40) for n in range(10)}
        model = models.save(self.folder / "model.pt", tensors)
        noise = ("--bit-error-rate=1e-5", "--seed=3")
        self.lay_line(*noise, baud=230400)
        self.transfer(model, receiver_options=("--mtu", MTU))
        undisturbed = self.crossed()
        kills = rounds = crossed = 0
        draw = random.Random(5)
        while kills < KILLS:
            self.out.unlink()
            self.lay_line(*noise, baud=230400)
            kills += self.kill_while_sending(model, draw, min(KILLS - kills, KILLS_PER_MODEL))
            self.assertEqual(models.differences(model, self.out), [])
            self.assert_clean()
            crossed += self.crossed()
            rounds += 1
        print(f"{kills} kills: {crossed} bytes, {rounds * undisturbed} without", flush=True)
        limit = rounds * undisturbed * 1.02 + kills * (WINDOW + HANDSHAKE)
        self.assertLess(crossed, limit)

    def kill_while_sending(self, model, draw, limit):
        """Sends a model, killing one end or the other up to so many times; returns how often."""
        receiver, sender = self.receive("--mtu", MTU), self.send(model)
        kills = 0
        while kills < limit:
            time.sleep(draw.uniform(0.1, 1.5))
            if sender.process.poll() == TRY_AGAIN:
                # A receiver that was reset again and again without any progress: as it says, once more.
                sender = self.send(model)
            if sender.process.poll() is not None:
                break
            if draw.random() < 0.5:
                receiver.kill()
                receiver = self.receive("--mtu", MTU)
            else:
                sender.kill()
                sender = self.send(model)
            kills += 1
        self.assertGreater(kills, 0)
        if sender.wait() == TRY_AGAIN:
            sender = self.send(model)
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        return kills

    def check_resumes(self, model, at_least):
        sender, receiver = self.transfer(model)
        for command in (sender, receiver):
            (event,) = [e for e in command.events if e["event"] == "resuming"]
            self.assertGreater(event["bytes"], at_least)
        self.assertEqual(models.differences(model, self.out), [])
        self.assert_clean()

    @lasts(12)
    def test_both_ends_on_another_port(self):
        self.lay_line(baud=230400)
        self.begin(DIGITS, 40_000)
        self.lay_line(baud=230400)
        self.check_resumes(DIGITS, 39_000)

    @lasts(12)
    def test_when_tensors_are_complete(self):
        """What the output has of the model by then makes no other offer of it."""
        self.lay_line(baud=230400)
        self.begin(DIGITS, 95_000)
        self.check_resumes(DIGITS, 90_000)

    @lasts(12)
    def test_whole_contents(self):
        model = models.save(self.folder / "counts.pt", {"w": torch.arange(30_000) ** 3})
        self.lay_line(baud=230400)
        receiver, sender = self.receive(), self.send(model, "--codec=deflate")
        receiver.wait_for_event("progress", lambda event: event["bytes"] > 20_000)
        sender.kill()
        receiver.kill()
        receiver, sender = self.receive(), self.send(model, "--codec=deflate")
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertIn("resuming", [e["event"] for e in sender.events])
        self.assertEqual(models.differences(model, self.out), [])

    @lasts(16)
    def test_power_cuts_in_the_journal(self):
        """Whatever is left of the journal, the transfer ends with the model."""
        self.lay_line(baud=460800)
        self.begin(DIGITS, 20_000)
        whole = self.journal.read_bytes()
        draw = random.Random(2)
        cuts = [0, 1, 8, 12, 16, 100, *(draw.randrange(len(whole)) for _ in range(6))]
        for cut in cuts:
            with self.subTest(cut=cut):
                # What was not written may be missing, or zeros.
                rest = bytes(len(whole) - cut) if cut % 2 else b""
                self.journal.write_bytes(whole[:cut] + rest)
                sender, _ = self.transfer(DIGITS, "--precision=int8")
                self.out.unlink(missing_ok=True)
                self.journal.write_bytes(whole[:cut] + rest)
                self.transfer(DIGITS)
                self.assertEqual(models.differences(DIGITS, self.out), [])
                self.assert_clean()
                self.out.unlink()

    @lasts(12)
    def test_changed_bytes_in_the_journal(self):
        self.lay_line(baud=460800)
        self.begin(DIGITS, 20_000)
        whole = bytearray(self.journal.read_bytes())
        whole[len(whole) // 2] ^= 4
        self.journal.write_bytes(whole)
        sender, _ = self.transfer(DIGITS)
        self.assertEqual(models.differences(DIGITS, self.out), [])

    @lasts(12)
    def test_another_model(self):
        self.lay_line(baud=460800)
        self.begin(DIGITS, 20_000)
        other = models.save(self.folder / "other.pt", models.small_network(2).state_dict())
        sender, receiver = self.transfer(other)
        for command in (sender, receiver):
            self.assertIn("this is another model", command.output)
        self.assertEqual(models.differences(other, self.out), [])
        self.assert_clean()

    @lasts(12)
    def test_other_options(self):
        """The same model, and another stream."""
        self.lay_line(baud=460800)
        self.begin(DIGITS, 20_000)
        sender, _ = self.transfer(DIGITS, "--order=file")
        self.assertNotIn("resuming", [e["event"] for e in sender.events])
        self.assertEqual(models.differences(DIGITS, self.out), [])

    @lasts(30)
    def test_killed_at_the_very_end(self):
        """The receiver dies when it has all, or nearly: all the same the model is there in the end."""
        self.lay_line()
        for number in range(8):
            receiver, sender = self.receive(), self.send(DIGITS)
            receiver.wait_for_event("milestone", lambda event: event["milestone"] == "fine")
            time.sleep(number * 0.02)
            receiver.kill()
            sender.kill()
            self.transfer(DIGITS)
            self.assertEqual(models.differences(DIGITS, self.out), [])
            self.assert_clean()
            self.out.unlink()

    @lasts(12)
    def test_stopped_by_the_user(self):
        self.lay_line(baud=230400)
        receiver, sender = self.receive(), self.send(DIGITS)
        receiver.wait_for_event("progress", lambda event: event["bytes"] > 30_000)
        receiver.signal()
        self.assert_ends(sender, TRY_AGAIN, "goes on")
        receiver.wait()
        self.check_resumes(DIGITS, 29_000)


class UnchangedTests(OutputTests):
    """What is there already is not sent."""

    @lasts(30)
    def test_unchanged_model_at_9600_baud(self):
        self.lay_line(baud="unlimited")
        self.transfer(DIGITS)
        self.lay_line(baud=9600)
        sender, receiver = self.transfer(DIGITS)
        for command in (sender, receiver):
            last = command.events[-1]
            self.assertTrue(last["unchanged"])
        self.assertEqual(sender.events[-1]["digest"], receiver.events[-1]["digest"])
        # What is on the wire, one way and the other, takes less than a second.
        sent = sum(command.events[-1]["wire_bytes_sent"] for command in (sender, receiver))
        self.assertLess(sent, 700)
        self.assertEqual(models.differences(DIGITS, self.out), [])

    def test_unchanged_file_of_another_kind(self):
        model = self.folder / "model.tflite"
        model.write_bytes(random.Random(1).randbytes(20_000))
        copy = self.folder / "copy.tflite"
        self.lay_line()
        self.transfer(model, out=copy)
        sender, _ = self.transfer(model, out=copy)
        self.assertTrue(sender.events[-1]["unchanged"])
        self.assertEqual(copy.read_bytes(), model.read_bytes())

    def test_unchanged_model_cut_to_planes(self):
        self.lay_line()
        self.transfer(DIGITS, "--precision=int8")
        before = self.out.read_bytes()
        sender, _ = self.transfer(DIGITS, "--precision=int8")
        self.assertTrue(sender.events[-1]["unchanged"])
        self.assertEqual(self.out.read_bytes(), before)
        sender, _ = self.transfer(DIGITS)
        self.assertNotIn("unchanged", sender.events[-1])
        self.assertEqual(models.differences(DIGITS, self.out), [])

    def network(self, seed=1, **changes):
        state = models.small_network(seed).state_dict()
        for name, tensor in changes.items():
            state[name.replace("_", ".")] = tensor
        return models.save(self.folder / f"network{len(changes)}.pt", state)

    def test_frozen_layers(self):
        self.lay_line()
        before, after = self.network(), self.network(**{"4_bias": torch.ones(10)})
        self.transfer(before)
        sender, receiver = self.transfer(after)
        tensors = len(models.load(after))
        for command in (sender, receiver):
            (kept,) = [e for e in command.events if e["event"] == "kept"]
            self.assertEqual(kept["tensors"], tensors - 1)
            self.assertLess(command.events[-1]["bytes"], 1000)
        self.assertEqual(models.differences(after, self.out), [])
        self.assert_clean()

    def test_tied_and_renamed_tensors(self):
        weights = torch.randn(40, 50)
        first = {"embedding": weights, "head": weights, "bias": torch.randn(700)}
        second = {"encoder": weights.clone(), "bias": first["bias"], "new": torch.ones(3)}
        self.lay_line()
        self.transfer(models.save(self.folder / "first.pt", first))
        again, _ = self.transfer(self.folder / "first.pt")
        self.assertLess(again.events[-1]["bytes"], 400)
        model = models.save(self.folder / "second.pt", second)
        sender, _ = self.transfer(model)
        (kept,) = [e for e in sender.events if e["event"] == "kept"]
        self.assertEqual(kept["tensors"], 2)
        self.assertEqual(models.differences(model, self.out), [])

    @lasts(10)
    def test_kept_tensors_survive_kills(self):
        """The output is replaced by a part of the new model, and what is kept of the old is still found."""
        large = {"frozen": torch.randn(200, 100), "head": torch.randn(300, 100)}
        before = models.save(self.folder / "before.pt", large)
        after = models.save(self.folder / "after.pt", {**large, "head": torch.randn(300, 100)})
        self.lay_line(baud=230400)
        self.transfer(before)
        self.begin(after, 30_000)
        self.assertTrue(self.base.exists())
        sender, _ = self.transfer(after)
        names = [e["event"] for e in sender.events]
        self.assertIn("kept", names)
        self.assertIn("resuming", names)
        self.assertEqual(models.differences(after, self.out), [])
        self.assert_clean()
        # And back, when the new one had only begun: the old one is in its place at once.
        self.begin(before, 30_000)
        sender, _ = self.transfer(after)
        self.assertTrue(sender.events[-1]["unchanged"])
        self.assertEqual(models.differences(after, self.out), [])
        self.assert_clean()

    def test_journal_on_a_full_disk(self):
        """What cannot be kept is said, and the model arrives all the same."""
        self.journal.mkdir()
        self.lay_line()
        _, receiver = self.transfer(DIGITS)
        self.assertIn("not kept for another session", receiver.output)
        self.assertEqual(models.differences(DIGITS, self.out), [])
