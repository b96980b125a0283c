"""`send` to Hardware/firmware/receiver, the C99 receiver on emulated boards, over a line with faults."""

import zlib

import device_models
import models
from emulated import Emulator
from lines import LineTests
from processes import OK
from test_c_receiver import PLANES, bytes_of_planes

# On the AVRs a frame has 64 bytes, and a frame in twenty breaks.
NOISE = "--bit-error-rate=1e-4", "--drop-rate=1e-5", "--seed=1"


def image(model):
    """What the device is to have: the tensors from multiples of 4 on, large ones a byte a weight."""
    contents = b""
    for tensor in models.load(model).values():
        is_large = tensor.is_floating_point() and tensor.dim() > 1 and tensor.numel() >= 512
        contents += bytes(-len(contents) % 4)
        contents += bytes_of_planes(tensor) if is_large else tensor.numpy().tobytes()
    return contents + bytes(-len(contents) % 4)


class ReceiverTests:
    """A subclass has the board's name, and the model's where it is another."""

    model_name = "network"

    def start_board(self, *options, **keywords):
        board = Emulator(self.board, "receiver", *options, **keywords)
        self.addCleanup(board.close)
        return board

    def check(self, seed):
        """Sends a model; what the board says of it has to be true."""
        model = device_models.write_model(self.folder, self.model_name, seed)
        sender = self.send(model, "--timeout=30")
        self.assert_ends(sender, OK)
        metrics = {
            event["metric"]: int(event["value"])
            for event in sender.events
            if event["event"] == "metric"
        }
        self.assertEqual(metrics["CRC"] % 2**32, zlib.crc32(image(model)))
        # Thousands, of each weight in each plane some hundreds.
        weights = len(image(model))
        self.assertIn(metrics["kilocycles"], range(weights * PLANES // 50, weights * PLANES * 10))

    def test_one_model_after_another(self):
        """Straight to the board."""
        self.a, self.rate = self.start_board().path, "--baud=115200"
        self.check(seed=1)
        self.check(seed=2)

    def test_line_with_faults(self):
        self.lay_line(*NOISE, baud=115200)
        self.start_board("--port", self.b, port=self.a)
        self.check(seed=3)


class CortexM0ReceiverTests(ReceiverTests, LineTests):
    board = "microbit"


class CortexM3ReceiverTests(ReceiverTests, LineTests):
    board = "mps2-an385"

    def test_tables_are_those_of_the_models(self):
        for name in device_models.MODELS:
            model = device_models.write_model(self.folder, name)
            path = device_models.TABLES / f"{name}.h"
            self.assertEqual(device_models.table(model), path.read_bytes())


class CortexM4ReceiverTests(ReceiverTests, LineTests):
    board = "mps2-an386"


class RISCVReceiverTests(ReceiverTests, LineTests):
    board = "riscv-virt"


class UnoReceiverTests(ReceiverTests, LineTests):
    board = "avr-uno"
    model_name = "small"


class MegaReceiverTests(ReceiverTests, LineTests):
    board = "avr-mega"
