"""Protocol.md says enough: `send` to a receiver that was written from it alone."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import models
from lines import LineTests
from processes import OK, ROOT

DTYPES = {1: "float32", 19: "int64"}


class ProtocolTests(LineTests):
    def receive_independently(self):
        process = subprocess.Popen(
            [sys.executable, Path(__file__).parent / "receiver.py", self.b, self.out],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 10)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def check(self, *options):
        model = ROOT / "Tests/Fixtures/Digits/digits.pt"
        receiver = self.receive_independently()
        sender = self.send(model, *options)
        self.assert_ends(sender, OK)
        self.assertEqual(receiver.wait(20), 0)
        received = json.loads(Path(self.out).read_text())
        expected = {
            name: {
                "dtype": str(tensor.dtype).removeprefix("torch."),
                "shape": list(tensor.shape),
                "sha256": hashlib.sha256(tensor.numpy().tobytes()).hexdigest(),
            }
            for name, tensor in models.torch.load(model, weights_only=True).items()
        }
        for tensor in received.values():
            tensor["dtype"] = DTYPES[tensor["dtype"]]
        self.assertEqual(received, expected)

    def test_clean_line(self):
        self.lay_line(baud=921600)
        self.check()

    def test_noisy_line_and_no_compression(self):
        self.lay_line("--bit-error-rate=2e-5", "--drop-rate=1e-5", "--seed=5", baud=230400)
        self.check("--codec=none")
