"""The receiver of Hardware/c, compiled for this machine, at the end of a line of bytes."""

import os
import subprocess
import sys

import device_images
import models
from lines import LineTests
from processes import LIMIT, OK, ROOT, WTSERIAL, wait_until

HARDWARE = ROOT / "Hardware/c"
FLAGS = ["-std=c99", "-g", "-O1", "-Wall", "-Wextra", "-fsanitize=address,undefined"]
FLAGS += ["-fno-sanitize-recover=all", f"-I{HARDWARE}"]


class CDevice(LineTests):
    """Sends models to it; has no tests of its own."""

    def build(self, model, *options):
        """The receiver with the table of a model."""
        table = subprocess.run(
            [sys.executable, ROOT / "Scripts/model-table", model, "--c", "model"],
            check=True, capture_output=True, env={**os.environ, "WTSERIAL": WTSERIAL},
        )  # fmt: skip
        (self.folder / "table.h").write_bytes(table.stdout)
        self.program = self.folder / "receiver"
        source = ROOT / "Tests/CReceiver/receiver.c"
        subprocess.run(
            ["gcc", *FLAGS, *options, f"-I{self.folder}", source, HARDWARE / "wtserial.c", "-o",
             self.program],
            check=True,
        )  # fmt: skip

    def run_device(self, milliseconds=0, *arguments):
        self.image = self.folder / "image"
        self.log = self.folder / "device.log"
        with open(self.log, "wb") as log:
            process = subprocess.Popen(
                [self.program, self.b, self.image, str(milliseconds), *arguments], stdout=log,
                stderr=log,
            )
        self.addCleanup(process.wait, 10)
        self.addCleanup(process.kill)
        self.wait_for(process, "ready")
        return process

    def wait_for(self, process, text):
        def seen():
            found = text in self.log.read_text()
            assert found or process.poll() is None, self.log.read_text()
            return found

        wait_until(seen, lambda: f"{text!r} of the device")

    def model(self, seed=1):
        """Floats alone: large and small ones."""
        state = models.small_network(seed).state_dict()
        state = {name: t for name, t in state.items() if t.is_floating_point()}
        return models.save(self.folder / f"model{seed}.pt", state)

    def assert_image(self, model):
        """Whole ones exactly, and of the others what seven planes tell, in the manifest's order."""
        wanted = device_images.image(model)
        self.assertTrue(self.image.read_bytes().startswith(wanted), "the image")

    def check(self, model, *options, milliseconds=0):
        device = self.run_device(milliseconds)
        sender = self.send(model, *options)
        self.assert_ends(sender, OK)
        self.assertEqual(device.wait(LIMIT), 0, self.log.read_text())
        self.assert_image(model)
        return sender
