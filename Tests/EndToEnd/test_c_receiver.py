"""`send` to the receiver for devices, Hardware/c: compiled for this machine, on a line of bytes."""

import re
import signal

import device_images
import models
import torch
from c_device import CDevice
from processes import CANNOT_CREATE, DATA, LIMIT, OK, ROOT, UNAVAILABLE


class DeviceTests(CDevice):
    def test_clean_line(self):
        self.lay_line(baud=921600)
        model = self.model()
        self.build(model)
        sender = self.check(model, milliseconds=300)
        self.assertIn("accuracy", sender.output)
        # The last word is answered as soon as the device has had its time.
        self.assertLess(sender.wait_for_event("done")["seconds"], 20)

    def check_noisy_line(self, seed, *options, bit_error_rate="3e-5", baud=115200):
        noise = f"--bit-error-rate={bit_error_rate}", "--drop-rate=1e-5", f"--seed={seed}"
        self.lay_line(*noise, baud=baud)
        model = self.model(2)
        self.build(model, *options)
        return self.check(model)

    def test_noisy_line_and_storage_behind_functions(self):
        self.check_noisy_line(3, "-DWT_MEMORY=0", baud=230400)

    def test_noisy_line_and_a_window(self):
        self.check_noisy_line(4, "-DWT_WINDOW=1")

    def check_parity(self, seed, *options):
        """Most frames are hit, and many are put right."""
        self.check_noisy_line(seed, "-DWT_CORRECTION=1", *options, bit_error_rate="1e-3")
        corrected = re.findall(r"corrected (\d+) frames", self.log.read_text())
        self.assertGreater(int(corrected[-1]), 20)

    def test_parity(self):
        self.check_parity(5)

    def test_parity_and_a_window(self):
        self.check_parity(6, "-DWT_WINDOW=1")

    def test_two_models_one_after_the_other(self):
        self.lay_line(baud=921600)
        model = self.model()
        self.build(model)
        self.check(model)
        self.check(self.model(3))

    def test_another_model_is_refused(self):
        self.lay_line(baud=921600)
        self.build(self.model())
        device = self.run_device()
        other = models.save(self.folder / "other.pt", {"other": torch.zeros(3)})
        self.assert_ends(self.send(other), DATA, "does not run this model", "another count of tensors")
        self.assertEqual(device.wait(LIMIT), 1)
        self.assertFalse(self.image.exists())

    def test_weights_that_are_no_numbers(self):
        """They have no place in planes, and the sender's user learns that."""
        self.lay_line(baud=921600)
        weight = torch.randn(30, 30)
        weight[3, 4] = torch.inf
        model = models.save(self.folder / "infinite.pt", {"weight": weight})
        self.build(model)
        device = self.run_device()
        self.assert_ends(self.send(model), CANNOT_CREATE, "NaN or infinite weight")
        self.assertEqual(device.wait(LIMIT), 1)

    def test_line_that_breaks_off_for_a_while(self):
        """Longer than the peers' patience: the session is given up, and gone on with."""
        self.lay_line(baud=57600)
        model = self.model()
        self.build(model)
        device = self.run_device()
        sender = self.send(model)
        self.wait_for(device, "milestone 1 ")
        sender.signal(signal.SIGSTOP)
        self.wait_for(device, "closed 255")
        sender.signal(signal.SIGCONT)
        self.assert_ends(sender, OK)
        self.assertEqual(device.wait(LIMIT), 0, self.log.read_text())
        self.assertEqual(self.log.read_text().count("accepted"), 1)
        self.assert_image(model)

    test_line_that_breaks_off_for_a_while.seconds = 15

    def test_reset_in_the_middle(self):
        """The sender is told at once; what it does then it says."""
        self.lay_line(baud=57600)
        model = self.model()
        self.build(model)
        device = self.run_device()
        sender = self.send(model)
        self.wait_for(device, "milestone 1 ")
        device.send_signal(signal.SIGUSR1)
        code = sender.wait()
        self.assertIn(code, (OK, UNAVAILABLE), sender)
        if code == OK:
            self.assertEqual(self.log.read_text().count("accepted"), 2)
            self.assert_image(model)
        else:
            self.check(model)

    def test_digits(self):
        """The model of the demonstration, whole: it has counters that are no floats."""
        self.lay_line(baud=921600)
        model = ROOT / "Tests/Fixtures/Digits/digits.pt"
        self.build(model)
        self.check(model)

    def test_model_with_shared_bytes(self):
        """They come once, and the table has their place for both."""
        self.lay_line(baud=921600)
        weight, bias = torch.randn(30, 30), torch.randn(30)
        model = models.save(self.folder / "shared.pt", {"a": weight, "b": weight, "c": bias})
        self.build(model)
        table = (self.folder / "table.h").read_text()
        for line in ("A_OFFSET 0ul", "B_OFFSET 0ul", "C_OFFSET 900ul"):
            self.assertIn(f"#define MODEL_{line}\n", table)
        device = self.run_device()
        self.assert_ends(self.send(model), OK)
        self.assertEqual(device.wait(LIMIT), 0, self.log.read_text())
        wanted = device_images.bytes_of_planes(weight) + bias.numpy().tobytes()
        self.assertEqual(self.image.read_bytes()[: len(wanted)], wanted)
