"""The application `digits` on emulated boards: the model in flash, through resets and power cuts."""

import re

import device_images
from device_images import Flash
from digits_board import NO_TRIALS, DigitsTests
from processes import DIGITS, OK, lasts, wait_until

# Twice as slow as else, and never faster: so a moment can be met.
SLOW = "--shift=6", "--align"
ERASED = 0xFF


def is_erased(data):
    return set(data) == {ERASED}


class KeepingTests:
    """A subclass has the board's name, and what it keeps the model in."""

    is_inverted = False

    def setUp(self):
        super().setUp()
        self.file = self.folder / "flash"
        self.flash = Flash(self.file, self.page_bytes)
        self.monitored = "--monitor", self.folder / "monitor"

    def start_board_with_flash(self, *options):
        return self.start_board("--flash", self.file, *self.monitored, *options)

    def fill(self, *models):
        """Has the models sent to a board that is then switched off."""
        board = self.start_board_with_flash()
        for model in models:
            self.send_model(model)
        board.close()

    def assert_holds(self, slot, model, generation):
        """The slot has the model, every field as Hardware/store.md has it."""
        self.assertTrue(slot.counts)
        self.assertTrue(slot.is_padded)
        self.assertEqual(slot.generation, generation)
        self.assertEqual(slot.is_inverted, self.is_inverted)
        self.assertEqual(slot.states, device_images.states(model))
        self.assertTrue(slot.image.startswith(device_images.image(model)), "the image")

    def test_layout_and_two_slots_in_turn(self):
        board = self.start_board_with_flash()
        models = [DIGITS, self.variant(1), self.variant(2)]
        for count, model in enumerate(models, 1):
            before = self.flash.slot(count % 2)
            done = self.send_model(model).events[-1]
            slot = self.flash.slot((count - 1) % 2)
            self.assert_holds(slot, model, generation=count)
            self.assertEqual((slot.digest, slot.name), (done["digest"], model.name))
            if before.counts:
                self.assertEqual(self.flash.slot(count % 2), before, "the other slot")
        board.close()

    def test_damaged_model_gives_way_to_the_one_before(self):
        models = [DIGITS, self.variant(1), self.variant(2)]
        self.fill(*models[:2])
        self.flash.flip(20_000, slot=1)
        self.assertEqual(self.flash.active, 0)
        board = self.start_board_with_flash()
        self.assert_model_in_use(board, models[0])
        # So the next one goes where the damaged one is.
        self.send_model(models[2])
        board.close()
        self.assert_holds(self.flash.slot(0), models[0], generation=1)
        self.assert_holds(self.flash.slot(1), models[2], generation=2)

    def assert_model_in_use(self, board, model):
        """That the board has found it; where that cannot be seen, nothing."""

    def send_to_the_middle(self, model):
        options = "--flash", self.file, *self.monitored
        board = self.start_board_on_line(baud=57600, options=options)
        sender = self.send(model, "--no-cache")
        sender.wait_for_event("milestone", lambda event: event["milestone"] == "int3")
        return board, sender

    @lasts(15)
    def test_reset_in_the_middle(self):
        """The sender goes on by itself, with what has come."""
        self.fill(DIGITS)
        model = self.variant(1)
        board, sender = self.send_to_the_middle(model)
        board.reset()
        self.assert_ends(sender, OK)
        openings = [event for event in sender.events if event["event"] == "connected"]
        self.assertEqual(len(openings), 2, sender)
        [resuming] = [event for event in sender.events if event["event"] == "resuming"]
        self.assertGreater(resuming["bytes"], 4000)
        self.assert_holds(self.flash.model, model, generation=2)

    @lasts(15)
    def test_reset_in_the_middle_and_nobody_who_goes_on(self):
        self.fill(DIGITS)
        board, sender = self.send_to_the_middle(self.variant(1))
        sender.kill()
        board.reset()
        self.assert_model_in_use(board, DIGITS)
        self.assert_holds(self.flash.model, DIGITS, generation=1)
        model = self.variant(2)
        self.send_model(model)
        self.assert_holds(self.flash.model, model, generation=2)

    def cut_power(self, moment, model):
        """Sends a model until the slot that it goes to looks like this, and no longer."""
        before = self.file.read_bytes()
        # A busy machine may look too late, or switch off too late.
        for _ in range(6):
            self.file.write_bytes(before)
            board = self.start_board_with_flash(*SLOW)
            target = 1 - self.flash.active
            sender = self.send(model)
            wait_until(
                lambda: moment(self.flash.slot(target)) or sender.process.poll() is not None,
                lambda: f"the moment of {sender}",
            )
            board.close()
            sender.kill()
            if moment(self.flash.slot(target)):
                return
        self.fail("the moment was always missed")

    def check_power_cut(self, moment):
        """Old or new, and whole, and the next one comes; whether it is the new one."""
        old, new, last = self.variant(1), self.variant(2), self.variant(3)
        self.fill(DIGITS, old)
        kept = self.flash.model.raw
        self.cut_power(moment, new)
        is_new = self.flash.active == 0
        model, generation = (new, 3) if is_new else (old, 2)
        self.assert_holds(self.flash.model, model, generation)
        self.assertTrue(self.flash.slot(1).raw == kept, "the model before is untouched")
        board = self.start_board_with_flash()
        self.assert_model_in_use(board, model)
        self.send_model(last)
        board.close()
        self.assert_holds(self.flash.model, last, generation + 1)
        return is_new

    @lasts(25)
    def test_power_cut_while_the_header_is_written(self):
        self.check_power_cut(lambda slot: slot.has_header and slot.generation == 3)


class MoreCutsTests(KeepingTests):
    """What is enough on one board."""

    @lasts(25)
    def test_power_cut_while_the_image_is_written(self):
        def moment(slot):
            half = len(slot.image_area) // 2
            return is_erased(slot.header) and not is_erased(slot.image_area[half : half + 64])

        self.assertFalse(self.check_power_cut(moment))

    @lasts(25)
    def test_power_cut_behind_the_activation(self):
        is_new = self.check_power_cut(lambda slot: slot.generation == 3 and slot.is_activated)
        self.assertTrue(is_new)


class ImageInMemoryTests:
    """The image is in memory, and goes to flash when it is complete: what is in use can be seen."""

    def image_in_memory(self, board):
        places = self.elf.with_suffix(".map").read_text()
        address = re.search(r"^ *([0-9a-f]+) .* digits_image\.image$", places, re.MULTILINE)[1]
        return board.memory(int(address, 16), device_images.IMAGE_BYTES)

    def assert_model_in_use(self, board, model):
        wanted = device_images.image(model)
        wait_until(lambda: self.image_in_memory(board).startswith(wanted), lambda: "the model")

    @lasts(10)
    def test_model_outlives_a_reset_and_a_run(self):
        self.fill(DIGITS)
        board = self.start_board_with_flash()
        self.assert_model_in_use(board, DIGITS)
        model = self.variant(1)
        self.send_model(model)
        board.reset()
        self.assert_model_in_use(board, model)
        board.reset()
        self.assert_model_in_use(board, model)


class CortexM3Tests(ImageInMemoryTests, MoreCutsTests, DigitsTests):
    board, page_bytes = "mps2-an385", 4096


class RISCVTests(ImageInMemoryTests, KeepingTests, DigitsTests):
    board, page_bytes = "riscv-virt", 256 << 10


class ImageInFlashTests(MoreCutsTests, DigitsTests):
    """The weights go straight to flash, inverted, for which no page of theirs is erased in between."""

    board, page_bytes = "mps2-an385", 4096
    defines = (*NO_TRIALS, "DIGITS_IN_FLASH=1")
    is_inverted = True
