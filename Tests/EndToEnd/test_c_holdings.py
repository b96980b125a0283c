"""What the C receiver holds: not sent twice, gone on with behind a reset, switched, kept in part, the base
of differences, and given back (Hardware/c/README.md, Options)."""

import signal

import models
import torch
from c_device import CDevice
from processes import OK, lasts

HOLDING = ("-DWT_HELD=1", "-DWT_RESUME=1", "-DWT_KEEP=1", "-DWT_SWITCH=1", "-DWT_FETCH=1")
COPIED = ("-DWT_FLASH=1", "-DWT_DIFFERENCE=1")
IN_FLASH = (*COPIED, "-DWT_MEMORY=0")


class CHoldingsTests(CDevice):
    def start_c(self, model, *options):
        self.build(model, *HOLDING, *options)
        flash = (self.folder / "flash",) if "-DWT_FLASH=1" in options else ()
        self.device = self.run_device(0, *flash)

    def send_model(self, model, *options):
        sender = self.send(model, *options)
        self.assert_ends(sender, OK)
        return sender.events

    def result(self, events):
        return [event for event in events if event["event"] == "done"][-1]

    @lasts(12)
    def test_a_model_is_not_sent_twice(self):
        model, other = self.model(1), self.model(2)
        self.lay_line(baud=921600)
        for options in (), COPIED, IN_FLASH:
            with self.subTest(options=options):
                self.start_c(model, *options)
                self.assertFalse(self.result(self.send_model(model)).get("unchanged"))
                self.assertTrue(self.result(self.send_model(model))["unchanged"])
                self.assertFalse(self.result(self.send_model(other)).get("unchanged"))
                self.device.kill()
                self.device.wait()
                (self.folder / "flash").unlink(missing_ok=True)

    @lasts(15)
    def test_reset_in_the_middle(self):
        """The sender meets a board that begins anew, and goes on where its flash stands."""
        model = self.model()
        self.lay_line(baud=115200)
        for options in COPIED, IN_FLASH:
            with self.subTest(options=options):
                self.start_c(model, *options)
                sender = self.send(model)
                sender.wait_for_event("progress", lambda event: event["bytes"] > 8000)
                self.device.send_signal(signal.SIGUSR1)
                self.assert_ends(sender, OK)
                (event,) = [e for e in sender.events if e["event"] == "resuming"]
                self.assertGreater(event["bytes"], 6000)
                self.device.kill()
                self.device.wait()
                self.device = self.run_device(0, self.folder / "flash")
                self.assertTrue(self.log.read_text().startswith("found\n"))
                self.assert_image(model)
                self.device.kill()
                self.device.wait()
                (self.folder / "flash").unlink()

    @lasts(12)
    def test_tensors_that_have_not_changed(self):
        """All but the smallest tensor stay, and the image is that of the new model."""
        model = self.model()
        state = models.load(model)
        name = min(state, key=lambda name: state[name].numel())
        changed = models.save(self.folder / "changed.pt", {**state, name: state[name] + 1})
        self.lay_line(baud=921600)
        for options in COPIED, IN_FLASH:
            with self.subTest(options=options):
                self.start_c(model, *options)
                whole = self.result(self.send_model(model))["bytes"]
                part = self.result(self.send_model(changed, f"--base={model}"))["bytes"]
                self.assertLess(part, whole / 4)
                self.device.kill()
                self.device.wait()
                self.device = self.run_device(0, self.folder / "flash")
                self.assert_image(changed)
                self.device.kill()
                self.device.wait()
                (self.folder / "flash").unlink()

    def tuned(self, model, scale, dtype=torch.float32):
        """Each weight moved by a share of the mean magnitude; the largest one a bit up, so that the level
        is not lower."""
        torch.manual_seed(7)
        found = {}
        for name, tensor in models.load(model).items():
            moved = tensor + scale * tensor.abs().mean() * torch.randn_like(tensor)
            flat, largest = moved.flatten(), tensor.abs().argmax()
            flat[largest] = tensor.flatten()[largest] * 1.01
            found[name] = flat.reshape(tensor.shape).to(dtype)
        return models.save(self.folder / f"tuned{scale}.pt", found)

    def check_again(self, model):
        """What is found behind a reset; the flash is empty then."""
        self.device.kill()
        self.device.wait()
        self.device = self.run_device(0, self.folder / "flash")
        self.assert_image(model)
        self.device.kill()
        self.device.wait()
        (self.folder / "flash").unlink()

    @lasts(20)
    def test_differences(self):
        """A model that was tuned takes fewer bytes, the fewer the less it has moved."""
        model = self.model()
        self.lay_line(baud=921600)
        for options in COPIED, IN_FLASH:
            with self.subTest(options=options):
                self.start_c(model, *options)
                before, sizes = model, [self.result(self.send_model(model))["bytes"]]
                for scale in 0.1, 0.01:
                    after = self.tuned(before, scale)
                    events = self.send_model(after, f"--base={before}")
                    (kept,) = [event for event in events if event["event"] == "kept"]
                    self.assertGreater(kept["differences"], 0)
                    sizes.append(self.result(events)["bytes"])
                    before = after
                self.assertLess(sizes[1], sizes[0] * 0.7)
                self.assertLess(sizes[2], sizes[1] * 0.7)
                self.check_again(after)

    @lasts(10)
    def test_a_base_that_has_nothing_in_common(self):
        """It takes less to send the model whole, which then has no base."""
        model, other = self.model(1), self.model(2)
        state = {name: tensor * 4 + 1 for name, tensor in models.load(other).items()}
        other = models.save(self.folder / "other.pt", state)
        self.lay_line(baud=921600)
        self.start_c(model, *IN_FLASH)
        self.send_model(model)
        events = self.send_model(other, f"--base={model}")
        self.assertFalse([event for event in events if event["event"] == "kept"])
        self.check_again(other)

    @lasts(20)
    def test_differences_break_off(self):
        """The board is reset in the middle of them; the same sender goes on, then another one."""
        model = self.model()
        tuned = self.tuned(model, 0.1)
        for options in COPIED, IN_FLASH:
            with self.subTest(options=options):
                self.lay_line(baud=921600)
                self.start_c(model, *options)
                self.send_model(model)
                self.device.kill()
                self.device.wait()
                self.lay_line(baud=19200)
                self.device = self.run_device(0, self.folder / "flash")
                sender = self.send(tuned, f"--base={model}")
                sender.wait_for_event("progress", lambda event: event["bytes"] > 2500)
                self.device.send_signal(signal.SIGUSR1)
                first = sender.wait_for_event("resuming")["bytes"]
                self.assertGreater(first, 1500)
                sender.wait_for_event("progress", lambda event: event["bytes"] > first + 1500)
                sender.kill()
                sender = self.send(tuned, f"--base={model}")
                self.assert_ends(sender, OK)
                (event,) = [event for event in sender.events if event["event"] == "resuming"]
                self.assertGreater(event["bytes"], first)
                (kept,) = [event for event in sender.events if event["event"] == "kept"]
                self.assertEqual(kept["differences"], 2)
                self.check_again(tuned)

    @lasts(10)
    def test_slots(self):
        first, second = self.model(1), self.model(2)
        self.lay_line(baud=921600)
        self.start_c(first, *IN_FLASH)
        # None is in use yet, so that the one which is there is not taken for it.
        self.send_model(first, "--no-activate")
        slots = self.ask("info")[-1]["slots"]
        self.assertNotIn("in use", [slot["state"] for slot in slots])
        self.assertTrue(self.result(self.send_model(first))["unchanged"])
        self.send_model(second, "--no-activate")
        slots = self.ask("info")[-1]["slots"]
        self.assertEqual([slot["state"] for slot in slots], ["in use", "stored"])
        self.ask("activate", slots[1]["digest"])
        after = self.ask("info")[-1]["slots"]
        self.assertEqual([slot["state"] for slot in after], ["stored", "in use"])
        self.ask("rollback")
        self.assertEqual(self.ask("info")[-1]["slots"], slots)

    @lasts(10)
    def test_model_comes_back(self):
        model = self.model()
        self.lay_line(baud=921600)
        for options in (), IN_FLASH:
            self.start_c(model, *options)
            self.send_model(model)
            back = self.folder / f"back{len(options)}.safetensors"
            self.ask("pull", back)
            # Small tensors exactly, large ones as seven planes have them.
            sent, found = models.load(model), models.load(back)
            self.assertEqual(list(sent), list(found))
            for name, tensor in sent.items():
                error = (tensor - found[name]).abs().max()
                self.assertLessEqual(float(error), float(tensor.abs().max()) / 64, name)
            self.device.kill()
            self.device.wait()
