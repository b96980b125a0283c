"""What a receiver holds: shown, compared, fetched back, and kept up to date."""

import json
import time
from pathlib import Path

import models
import torch
from lines import LineTests
from processes import BAD_PROTOCOL, DIGITS, INTERRUPTED, OK, lasts

NOT_VERIFIED = 79


class HoldingsTests(LineTests):
    def stay(self, model=None):
        """A receiver that stays, with a model."""
        self.lay_line()
        receiver = self.receive("--stay")
        if model is not None:
            self.assert_ends(self.send(model), OK)
            receiver.wait_for_event("done")
        return receiver

    def test_info(self):
        receiver = self.stay()
        self.assertEqual(self.ask("info")[-1]["slots"], [])
        self.assert_ends(self.send(DIGITS), OK)
        receiver.wait_for_event("done")
        (slot,) = self.ask("info")[-1]["slots"]
        self.assertEqual((slot["state"], slot["tensors"]), ("in use", len(models.load(DIGITS))))
        words = self.start("info", self.rate, self.a)
        self.assert_ends(words, OK)
        self.assertIn("in use", words.output)
        self.assertIn(slot["digest"], words.output)

    @lasts(10)
    def test_info_of_an_unfinished_transfer(self):
        self.lay_line(baud=115200)
        receiver, sender = self.receive(), self.send(DIGITS)
        receiver.wait_for_event("progress", lambda event: event["bytes"] > 20_000)
        sender.kill()
        receiver.kill()
        self.receive()
        slots = self.ask("info")[-1]["slots"]
        (rest,) = [slot for slot in slots if slot["state"] == "unfinished"]
        self.assertGreater(rest["bytes"], 19_000)

    def test_verify(self):
        self.stay(DIGITS)
        self.ask("verify", DIGITS)
        state = models.load(DIGITS)
        name = next(iter(state))
        other = models.save(self.folder / "other.pt", {**state, name: state[name] + 1})
        self.ask("verify", other, code=NOT_VERIFIED, texts=("1 tensor", name, "send it"))
        self.ask("verify", DIGITS, "--precision=int8", code=NOT_VERIFIED)
        self.assert_ends(self.send(DIGITS, "--precision=int8"), OK)
        self.ask("verify", DIGITS, "--precision=int8")

    def test_verify_with_nobody_who_has_a_model(self):
        self.stay()
        self.ask("verify", DIGITS, code=NOT_VERIFIED, texts=("another one, or none",))

    @lasts(8)
    def test_pull_gives_the_very_same(self):
        self.stay(DIGITS)
        back = self.folder / "back.safetensors"
        self.ask("pull", back)
        self.assertEqual(back.read_bytes(), self.out.read_bytes())
        events = self.ask("pull", back)
        self.assertTrue(events[-1]["unchanged"])
        # And only what differs comes.
        state = models.load(DIGITS)
        name = next(iter(state))
        changed = models.save(self.folder / "changed.pt", {**state, name: state[name] * 2})
        self.assert_ends(self.send(changed), OK)
        events = self.ask("pull", back)
        self.assertIn("kept", [event["event"] for event in events])
        self.assertLess(events[-1]["bytes"], 2000)
        self.assertEqual(models.differences(changed, back), [])

    @lasts(20)
    def test_pull_over_noise_goes_on_after_a_kill(self):
        self.stay(DIGITS)
        self.line.kill()
        self.lay_line("--bit-error-rate=1e-5", "--seed=9", baud=230400)
        self.receive("--stay")
        back = self.folder / "back.safetensors"
        pull = self.start("pull", "--json", self.rate, self.a, back)
        pull.wait_for_event("progress", lambda event: event["bytes"] > 40_000)
        pull.kill()
        events = self.ask("pull", back)
        (event,) = [event for event in events if event["event"] == "resuming"]
        self.assertGreater(event["bytes"], 30_000)
        self.assertEqual(models.differences(DIGITS, back), [])
        self.assertEqual(list(self.folder.glob("back*")), [back])

    def test_pull_by_digest(self):
        self.stay(DIGITS)
        back = self.folder / "back.safetensors"
        (slot,) = self.ask("info")[-1]["slots"]
        self.ask("pull", back, "--digest", slot["digest"])
        self.assertEqual(models.differences(DIGITS, back), [])
        back.unlink()
        wrong = self.start("pull", self.rate, self.a, back, "--digest", "0" * 63 + "1")
        self.assert_ends(wrong, 66, "no such model", "wtserial info")
        self.assertFalse(back.exists())

    def test_pull_where_there_is_no_model(self):
        self.stay()
        back = self.folder / "back.safetensors"
        pull = self.start("pull", self.rate, self.a, back)
        self.assert_ends(pull, 66, "no such model")
        self.assertEqual(list(self.folder.glob("back*")), [])

    def test_a_receiver_waits_on_when_it_was_asked_in_vain(self):
        self.lay_line()
        receiver = self.receive()
        pull = self.start("pull", self.rate, self.a, self.folder / "back.safetensors")
        self.assert_ends(pull, 66)
        for command in ("rollback", "activate"):
            self.ask(command, code=BAD_PROTOCOL)
        refused = self.send(DIGITS, "--no-activate")
        self.assert_ends(refused, BAD_PROTOCOL)
        self.assert_ends(self.send(DIGITS), OK)
        self.assert_ends(receiver, OK)

    def test_slots_are_for_boards(self):
        receiver = self.stay(DIGITS)
        self.ask("activate", code=BAD_PROTOCOL, texts=("slots",))
        self.ask("rollback", code=BAD_PROTOCOL, texts=("slots",))
        other = models.save(self.folder / "other.pt", models.small_network().state_dict())
        self.assert_ends(
            self.send(other, "--no-activate"), BAD_PROTOCOL, "leave --no-activate out"
        )
        receiver.wait_for_event("done")
        self.assertEqual(models.differences(DIGITS, self.out), [])

    @lasts(20)
    def test_a_receiver_that_stays_takes_what_comes(self):
        receiver = self.stay(DIGITS)
        other = models.save(self.folder / "other.pt", models.small_network().state_dict())
        for model in (other, DIGITS, DIGITS):
            self.assert_ends(self.send(model), OK)
            self.assertEqual(models.differences(model, self.out), [])
        # A sender that dies does not end it.
        sender = self.send(other)
        sender.wait_for_event("began")
        sender.signal()
        sender.wait()
        self.assert_ends(self.send(other), OK)
        self.assertEqual(models.differences(other, self.out), [])
        receiver.signal()
        self.assert_ends(receiver, INTERRUPTED)

    @lasts(20)
    def test_follow(self):
        """A trainer that is faster than the line: versions are left out, and the last one arrives."""
        self.lay_line(baud=460800)
        receiver = self.receive("--stay")
        model = self.folder / "training.pt"
        state = {"w": torch.randn(150, 100), "frozen": torch.randn(100, 100)}
        sender = self.start(
            "send", "--json", self.rate, self.a, model, "--follow", "--timeout=20"
        )
        sender.wait_for_event("waiting")
        for version in range(12):
            state["w"] = state["w"] + 0.01 * torch.randn(150, 100)
            models.save(model, state)
            time.sleep(0.3)
        digest = json.loads(self.inspect(model))["tensors"][0]["sha256"]

        def has_last():
            if not self.out.exists():
                return False
            tensors = json.loads(self.inspect(self.out))["tensors"]
            return {t["name"]: t["sha256"] for t in tensors}["w"] == digest

        self.wait_for(has_last)
        self.assertEqual(models.differences(model, self.out), [])
        done = [event for event in sender.events if event["event"] == "done"]
        self.assertLess(len(done), 12)
        # What does not change goes once.
        self.assertIn("kept", [event["event"] for event in sender.events])
        sender.signal()
        self.assert_ends(sender, INTERRUPTED)
        self.assertIsNone(receiver.process.poll())

    @lasts(15)
    def test_follow_passes_over_what_is_no_model(self):
        self.lay_line()
        self.receive("--stay")
        model = self.folder / "training.pt"
        whole = DIGITS.read_bytes()
        sender = self.start("send", "--json", self.rate, self.a, model, "--follow")
        sender.wait_for_event("notice", lambda event: "no" in event["message"])
        model.write_bytes(whole[:1000])
        sender.wait_for_event("notice", lambda event: "bad model file" in event["message"])
        model.write_bytes(whole)
        sender.wait_for_event("done")
        self.assertEqual(models.differences(DIGITS, self.out), [])

    @lasts(15)
    def test_follow_outlives_a_receiver(self):
        self.lay_line()
        receiver = self.receive("--stay")
        model = self.folder / "training.pt"
        model.write_bytes(DIGITS.read_bytes())
        sender = self.start(
            "send", "--json", self.rate, self.a, model, "--follow", "--timeout=2"
        )
        sender.wait_for_event("done")
        receiver.kill()
        other = models.save(self.folder / "other.pt", models.small_network().state_dict())
        model.write_bytes(other.read_bytes())
        sender.wait_for_event("notice")
        self.receive("--stay")
        sender.wait_for_event("done", lambda event: event["tensors"] == len(models.load(other)))
        self.assertEqual(models.differences(other, self.out), [])

    def inspect(self, path):
        command = self.start("inspect", "--json", path)
        self.assert_ends(command, OK)
        return command.output

    def wait_for(self, condition):
        end = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), end, "the last version does not arrive")
            time.sleep(0.2)


class BaseTests(LineTests):
    def test_base_by_name_and_by_cache(self):
        state = models.small_network().state_dict()
        before = models.save(self.folder / "before.pt", state)
        after = models.save(self.folder / "after.pt", {**state, "4.bias": torch.ones(10)})
        self.lay_line()
        self.transfer(before, "--no-cache")
        self.assertFalse((self.folder / "cache/wtserial/models").exists())
        sender, _ = self.transfer(after, "--base", before)
        (kept,) = [event for event in sender.events if event["event"] == "kept"]
        self.assertEqual(kept["tensors"], len(state) - 1)
        self.assertEqual(models.differences(after, self.out), [])
        # What has arrived is remembered.
        self.assertTrue(any((self.folder / "cache/wtserial/models").iterdir()))
        after.unlink()
        sender, _ = self.transfer(before)
        self.assertIn("kept", [event["event"] for event in sender.events])
        self.assertEqual(models.differences(before, self.out), [])

    def tuned(self, name, state, scale):
        torch.manual_seed(4)
        changed = {
            key: value + scale * torch.randn_like(value) if value.is_floating_point() else value + 1
            for key, value in state.items()
        }
        return models.save(self.folder / name, changed)

    @lasts(12)
    def test_differences(self):
        """A tuned model takes less than a whole one, arrives exactly, and goes on after a kill."""
        state = models.load(DIGITS)
        tuned = self.tuned("tuned.pt", state, 1e-4)
        self.lay_line()
        whole, _ = self.transfer(DIGITS)
        sender, receiver = self.transfer(tuned)
        for command in (sender, receiver):
            (kept,) = [event for event in command.events if event["event"] == "kept"]
            self.assertGreater(kept["differences"], 10)
        self.assertLess(sender.events[-1]["bytes"], 0.8 * whole.events[-1]["bytes"])
        self.assertEqual(models.differences(tuned, self.out), [])
        # Back again, with kills.
        self.lay_line(baud=230400)
        receiver, sender = self.receive(), self.send(DIGITS)
        receiver.wait_for_event("progress", lambda event: event["bytes"] > 30_000)
        sender.kill()
        receiver.kill()
        sender, receiver = self.transfer(DIGITS)
        names = [event["event"] for event in sender.events]
        self.assertIn("resuming", names)
        self.assertIn("kept", names)
        self.assertEqual(models.differences(DIGITS, self.out), [])

    def test_low_rank_update_costs_next_to_nothing(self):
        torch.manual_seed(6)
        old = {"w": torch.randn(300, 200)}
        new = {"w": old["w"] + 0.01 * torch.randn(300, 2) @ torch.randn(2, 200)}
        before = models.save(self.folder / "old.pt", old)
        after = models.save(self.folder / "new.pt", new)
        self.lay_line()
        self.transfer(before)
        sender, _ = self.transfer(after)
        self.assertLess(sender.events[-1]["bytes"], 60_000)
        self.assertEqual(models.differences(after, self.out), [])

    def test_names_change_and_nothing_is_sent(self):
        """What was sent before does not hide what the receiver has under other names."""
        state = models.load(DIGITS)
        renamed = models.save(
            self.folder / "renamed.pt", {f"net.{name}": value for name, value in state.items()}
        )
        self.lay_line()
        self.transfer(DIGITS)
        for model in (renamed, DIGITS):
            sender, _ = self.transfer(model)
            self.assertLess(sender.events[-1]["bytes"], 1500)
            self.assertEqual(models.differences(model, self.out), [])

    def test_base_that_is_none(self):
        self.lay_line()
        for base, code in (("nothing.pt", 66), (self.folder, 66), (Path(__file__), 65)):
            sender = self.send(DIGITS, "--base", base)
            self.assert_ends(sender, code, str(base))

    @lasts(8)
    def test_the_model_before_is_kept_until_the_next_one_is_whole(self):
        self.lay_line(baud=230400)
        other = models.save(self.folder / "other.pt", models.small_network().state_dict())
        self.transfer(other)
        receiver, sender = self.receive(), self.send(DIGITS)
        receiver.wait_for_event("progress", lambda event: event["bytes"] > 20_000)
        sender.kill()
        receiver.kill()
        self.assertEqual(models.differences(other, f"{self.out}.base"), [])

    def test_base_that_the_receiver_does_not_hold(self):
        other = models.save(self.folder / "other.pt", models.small_network(5).state_dict())
        model = models.save(self.folder / "model.pt", models.small_network().state_dict())
        self.lay_line()
        self.transfer(DIGITS, "--no-cache")
        sender, _ = self.transfer(model, "--base", other)
        self.assertIn("another model than that of --base", sender.output)
        self.assertEqual(models.differences(model, self.out), [])
