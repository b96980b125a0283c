"""Emulated boards with a flash store, as hosts are tested: ends that are killed at random moments, and what is
asked of models that they hold. KILLS says how often, 16 times if it is missing."""

import random
import time

import device_images
import models
from device_images import Flash
from digits_board import NO_TRIALS, DigitsTests
from processes import OK, TRY_AGAIN, lasts
from test_resumption import KILLS

KILLS_PER_MODEL = 8
NOISE = "--bit-error-rate=1e-5", "--seed=3"
# What a kill costs at most: a frame that is on its way, what has come since a state or a piece of the stream
# was noted (Hardware/store.md: 32nd parts of the image), a handshake with INFO and the manifest.
FRAME, NOTED, HANDSHAKE = 600, 1500, 2400


class HoldingTests:
    """A subclass has the board's name, and the bytes of a page of its flash."""

    def setUp(self):
        super().setUp()
        self.file = self.folder / "flash"

    def start_with_flash(self, *faults):
        return self.start_board_on_line(*faults, options=("--flash", self.file))

    def model_in_flash(self):
        return Flash(self.file, self.page_bytes).model

    @lasts(40 + 3 * KILLS)
    def test_kills_at_random_moments(self):
        """Of the sender, and of the board by a reset or by its power."""
        model, draw = self.variant(1), random.Random(5)
        board = self.start_with_flash(*NOISE)
        self.send_model(model, "--no-cache")
        board.close()
        undisturbed = self.crossed()
        kills = rounds = crossed = 0
        while kills < KILLS:
            self.file.unlink()
            kills += self.kill_while_sending(model, draw, min(KILLS - kills, KILLS_PER_MODEL))
            crossed += self.crossed()
            rounds += 1
            self.assertTrue(
                self.model_in_flash().image.startswith(device_images.image(model)), "the image"
            )
        print(f"{kills} kills: {crossed} bytes, {rounds * undisturbed} without", flush=True)
        limit = rounds * undisturbed * 1.02 + kills * (FRAME + NOTED + HANDSHAKE)
        self.assertLess(crossed, limit)

    def kill_while_sending(self, model, draw, limit):
        """Sends a model; returns how often an end has been killed."""
        board = self.start_with_flash(*NOISE)
        sender = self.send(model, "--no-cache")
        kills = 0
        while kills < limit:
            time.sleep(draw.uniform(0.3, 1.5))
            if sender.process.poll() == TRY_AGAIN:
                sender = self.send(model, "--no-cache")
            if sender.process.poll() is not None:
                break
            chance = draw.random()
            if chance < 0.5:
                sender.kill()
                sender = self.send(model, "--no-cache")
            elif chance < 0.75:
                board.reset()
            else:
                board.close()
                board = self.start_board("--flash", self.file, port=self.b)
            kills += 1
        self.assert_ends(sender, OK)
        board.close()
        return kills

    @lasts(20)
    def test_models_that_are_held(self):
        board = self.start_with_flash()
        variants = [self.variant(1), self.variant(2), self.variant(3)]
        first, second = (self.send_model(model).events[-1]["digest"] for model in variants[:2])
        self.assertEqual(self.slots(), [("stored", first), ("in use", second)])
        self.assertEqual(self.ask("verify", variants[1])[-1]["state"], "in use")
        self.assertEqual(self.ask("verify", variants[0])[-1]["state"], "stored")
        back = self.folder / "back.safetensors"
        self.ask("pull", back)
        self.ask("rollback")
        self.ask("verify", variants[0])
        third = self.send_model(variants[2], "--no-activate").events[-1]["digest"]
        self.assertEqual(self.slots(), [("in use", first), ("stored", third)])
        self.ask("activate", third)
        board.close()
        image = device_images.image(variants[2])
        self.assertTrue(self.model_in_flash().image.startswith(image), "the image")
        # What is read back is, bit by bit, what a host has of the planes that a board keeps.
        self.lay_line()
        self.transfer(variants[1], "--precision=int8")
        self.assertEqual(models.differences(back, self.out), [])


class CortexM3Tests(HoldingTests, DigitsTests):
    board, page_bytes = "mps2-an385", 4096


class InFlashTests(HoldingTests, DigitsTests):
    """The weights go to flash as they come."""

    board, page_bytes = "mps2-an385", 4096
    defines = (*NO_TRIALS, "DIGITS_IN_FLASH=1")
