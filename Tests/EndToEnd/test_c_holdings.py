"""What the C receiver holds: not sent twice, gone on with behind a reset, switched, kept in part and given
back (Hardware/c/README.md, Options)."""

import signal

import models
from c_device import CDevice
from processes import OK, lasts

HOLDING = ("-DWT_HELD=1", "-DWT_RESUME=1", "-DWT_KEEP=1", "-DWT_SWITCH=1", "-DWT_FETCH=1")
IN_FLASH = ("-DWT_FLASH=1", "-DWT_MEMORY=0")
COPIED = ("-DWT_FLASH=1",)


class CHoldingsTests(CDevice):
    def start_c(self, model, *options):
        self.build(model, *HOLDING, *options)
        flash = (self.folder / "flash",) if "-DWT_FLASH=1" in options else ()
        self.device = self.run_device(0, *flash)

    def ask(self, command, *words):
        asked = self.start(command, "--json", self.rate, self.a, *words)
        self.assert_ends(asked, OK)
        return asked.events

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

    @lasts(10)
    def test_slots(self):
        first, second = self.model(1), self.model(2)
        self.lay_line(baud=921600)
        self.start_c(first, *IN_FLASH)
        self.send_model(first)
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
