"""`send` to Hardware/firmware/receiver on emulated boards, with its model in flash, and with a window."""

import zlib

import device_models
from device_images import Slot, image
from emulated import Machine, firmware
from lines import LineTests
from processes import OK, lasts, wait_until
from test_c_firmware import NOISE


# Before the image: the header, and the states of seven tensors.
SLOT_HEAD_BYTES = 384


class Board(LineTests):
    """`defines` are options of the receiver; has no tests of its own."""

    board, defines = "mps2-an385", ()

    def start_board(self, *options):
        elf = firmware(self.board, "receiver", *self.defines)
        machine = Machine(self.board, elf, *options)
        self.addCleanup(machine.close)
        return machine

    def start_board_with_terminal(self, *options):
        machine = self.start_board(*options)
        self.a, self.rate = machine.path, "--baud=115200"
        return machine

    def send_model(self, seed):
        """The numbers that the board tells."""
        model = device_models.write_model(self.folder, "network", seed)
        sender = self.send(model, "--timeout=30")
        return self.metrics(sender, model)

    def metrics(self, sender, model):
        self.assert_ends(sender, OK)
        metrics = {e["metric"]: int(e["value"]) for e in sender.events if e["event"] == "metric"}
        self.assertEqual(metrics["CRC"] % 2**32, zlib.crc32(image(model)))
        return metrics

    def checksum(self, seed):
        return zlib.crc32(image(device_models.write_model(self.folder, "network", seed)))


class FlashTests:
    """A subclass has the board's page."""

    page_bytes = 4096

    def setUp(self):
        super().setUp()
        self.file = self.folder / "flash"
        image_bytes = len(image(device_models.write_model(self.folder, "network")))
        self.slot_bytes = -(-(SLOT_HEAD_BYTES + image_bytes) // self.page_bytes) * self.page_bytes

    def start_board_with_flash(self, *options):
        return self.start_board_with_terminal("--flash", self.file, *options)

    def assert_found(self, metrics, seed):
        """The image that was there when the board started."""
        self.assertEqual(metrics["found"] % 2**32, self.checksum(seed) if seed else 0)

    @lasts(10)
    def test_model_outlives_a_reset_and_a_run(self):
        board = self.start_board_with_flash()
        self.assert_found(self.send_model(seed=1), None)
        board.reset()
        self.assert_found(self.send_model(seed=2), 1)
        board.close()
        self.start_board_with_flash()
        self.assert_found(self.send_model(seed=3), 2)

    def slot(self, index):
        with open(self.file, "rb") as file:
            file.seek(index * self.slot_bytes)
            return Slot(file.read(self.slot_bytes))

    @lasts(15)
    def test_power_cut(self):
        """In the middle of a transfer, and while the second slot's header is written."""
        board = self.start_board_with_flash()
        self.send_model(seed=1)
        board.close()
        board = self.start_board_with_flash("--shift=6", "--align")
        sender = self.send(device_models.write_model(self.folder, "network", 2))
        sender.wait_for_event("milestone", lambda event: event["milestone"] == "int4")
        board.close()
        sender.kill()
        board = self.start_board_with_flash("--shift=6", "--align")
        sender = self.send(device_models.write_model(self.folder, "network", 3))
        wait_until(
            lambda: self.slot(1).generation == 2 or sender.process.poll() is not None,
            lambda: f"the header of {sender}",
        )
        board.close()
        sender.kill()
        found = 3 if self.slot(1).is_activated else 1
        self.start_board_with_flash()
        self.assert_found(self.send_model(seed=4), found)


class CortexM3FlashTests(FlashTests, Board):
    defines = ("WT_FLASH=1",)


class CortexM3ImageInFlashTests(FlashTests, Board):
    defines = ("WT_FLASH=1", "WT_MEMORY=0")


class GoingOnTests(FlashTests):
    """With WT_RESUME and what else a board does with models that it holds."""

    @lasts(15)
    def test_reset_in_the_middle(self):
        board = self.start_board_with_flash("--shift=6", "--align")
        self.send_model(seed=1)
        sender = self.send(device_models.write_model(self.folder, "network", 2), "--timeout=30")
        sender.wait_for_event("milestone", lambda event: event["milestone"] == "int4")
        board.reset()
        self.assert_ends(sender, OK)
        (event,) = [e for e in sender.events if e["event"] == "resuming"]
        self.assertGreater(event["bytes"], 1000)
        self.assertEqual(self.send_again(2)["unchanged"], True)

    @lasts(15)
    def test_differences(self):
        """Of a model that was tuned, with a reset among them."""
        board = self.start_board_with_flash("--shift=6", "--align")
        self.send_model(seed=1)
        tuned = device_models.write_tuned(self.folder, "network")
        base = device_models.write_model(self.folder, "network")
        sender = self.send(tuned, f"--base={base}", "--timeout=30")
        sender.wait_for_event("milestone", lambda event: event["milestone"] == "int4")
        board.reset()
        metrics = self.metrics(sender, tuned)
        self.assert_found(metrics, 1)
        kept = [event["differences"] for event in sender.events if event["event"] == "kept"]
        self.assertEqual(kept, [2, 2])
        (event,) = [e for e in sender.events if e["event"] == "resuming"]
        self.assertGreater(event["bytes"], 0)

    def send_again(self, seed):
        sender = self.send(device_models.write_model(self.folder, "network", seed))
        self.assert_ends(sender, OK)
        return [event for event in sender.events if event["event"] == "done"][-1]


HOLDING = ("WT_FLASH=1", "WT_RESUME=1", "WT_KEEP=1", "WT_DIFFERENCE=1", "WT_SWITCH=1", "WT_FETCH=1")


class CortexM3GoingOnTests(GoingOnTests, Board):
    defines = HOLDING


class CortexM3ImageInFlashGoingOnTests(GoingOnTests, Board):
    defines = (*HOLDING, "WT_MEMORY=0")


class RISCVFlashTests(FlashTests, Board):
    board, page_bytes = "riscv-virt", 256 << 10
    defines = ("WT_FLASH=1",)


class WindowTests:
    """The ring of the UART holds what comes while a frame is worked through."""

    defines = ("WT_WINDOW=1", "WT_CORRECTION=1")

    @lasts(10)
    def test_window(self):
        self.start_board_with_terminal()
        self.assertEqual(self.send_model(seed=1)["lost"], 0)

    @lasts(15)
    def test_line_with_faults(self):
        self.lay_line(*NOISE, baud=115200)
        self.start_board("--port", self.b)
        self.send_model(seed=2)


class CortexM0WindowTests(WindowTests, Board):
    board = "microbit"


class CortexM3WindowTests(WindowTests, Board):
    pass
