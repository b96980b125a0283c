"""Hardware/firmware/minimal, the least in Swift, on emulated boards: the weights have to lie where it keeps them."""

import device_models
import elf
from device_images import image
from emulated import Machine, firmware
from lines import LineTests
from processes import OK

# On a clean line as well: straight to the board, whose terminal has no rate.
NOISE = "--bit-error-rate=2e-5", "--drop-rate=1e-5", "--seed=2"


class MinimalTests:
    """A subclass has the board's name."""

    def start_board(self, *defines, options=()):
        program = firmware(self.board, "minimal", *defines)
        self.symbols = elf.read_program(program).symbols
        self.monitor = self.folder / "monitor"
        machine = Machine(self.board, program, "--monitor", self.monitor, *options)
        self.addCleanup(machine.close)
        return machine

    def deliver(self, seed):
        """Sends a model; its image."""
        model = device_models.write_model(self.folder, "network", seed)
        self.assert_ends(self.send(model, "--timeout=30"), OK)
        return image(model)

    def image_in_memory(self, board, count):
        return board.memory(self.symbols["minimal_image.image"], count)

    def test_one_model_after_another(self):
        board = self.start_board()
        self.a, self.rate = board.path, "--baud=115200"
        images = [self.deliver(seed) for seed in (1, 2)]
        self.assertNotEqual(*images)
        found = self.image_in_memory(board, len(images[1]))
        self.assertTrue(found == images[1], "the image in memory is the model")

    def test_line_with_faults(self):
        # Built before there is a line, of which a receiver is expected.
        firmware(self.board, "minimal")
        self.lay_line(*NOISE, baud=115200)
        board = self.start_board(options=("--port", self.b))
        expected = self.deliver(3)
        self.assertTrue(self.image_in_memory(board, len(expected)) == expected)


class MinimalCortexM0Tests(MinimalTests, LineTests):
    board = "microbit"


class MinimalCortexM3Tests(MinimalTests, LineTests):
    board = "mps2-an385"

    def flash_after(self, define):
        """What the flash holds when a model has come, and the image."""
        file = self.folder / "flash"
        board = self.start_board(define, options=("--flash", file))
        self.a, self.rate = board.path, "--baud=115200"
        expected = self.deliver(4)
        board.close()
        return file.read_bytes(), expected

    def test_model_is_copied_to_flash(self):
        flash, expected = self.flash_after("MINIMAL_BACKED=1")
        self.assertEqual(flash.count(expected), 1)

    def test_weights_go_straight_to_flash(self):
        flash, expected = self.flash_after("MINIMAL_IN_FLASH=1")
        self.assertEqual(flash.count(bytes(byte ^ 0xFF for byte in expected)), 1)


class MinimalRISCVTests(MinimalTests, LineTests):
    board = "riscv-virt"
