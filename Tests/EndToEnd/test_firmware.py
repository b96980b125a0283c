"""The application `digits` on emulated boards: transfers, good ones and such as are refused."""

import re

import boards
import digits_accuracy
import models
import numpy as np
import torch
from digits_board import DigitsTests
from processes import DATA, DIGITS, OK, alone, lasts

PROGRAM = boards.FIRMWARE / "digits"
ATTEMPT_COUNT = 8
BAUD = 115200


def sample_count(board):
    """How many images the firmware tries in the end."""
    facts = boards.program_facts(PROGRAM).get(board, {})
    default = re.search(r"#define DIGITS_SAMPLES (\d+)", (PROGRAM / "memory.h").read_text())[1]
    return int(facts.get("DIGITS_SAMPLES", default))


def accuracy(path, count):
    """The percentage of the first images that the weights of a file recognize, on the host."""
    pixels = np.fromfile(DIGITS.parent / "test-images.u8", np.uint8)[: 64 * count]
    labels = np.fromfile(DIGITS.parent / "test-labels.u8", np.uint8)[:count]
    images = pixels.reshape(-1, 1, 8, 8).astype(np.float32) / digits_accuracy.PIXEL_LIMIT
    logits = digits_accuracy.forward(digits_accuracy.read_model(path), images)
    return 100 * float(np.mean(logits.argmax(axis=1) == labels))


def metrics(sender):
    return [event["value"] for event in sender.events if event["event"] == "metric"]


class TransferTests:
    """A subclass has the board's name."""

    defines = ()

    def accuracy_on_host(self, model):
        """With the planes that a device keeps, on the images that the board tries."""
        self.transfer(model, "--precision=int8")
        return accuracy(self.out, sample_count(self.board))

    @lasts(25)
    def test_model_over_a_line_with_faults(self):
        faults = "--bit-error-rate=1e-5", "--drop-rate=1e-5", "--seed=4"
        board = self.start_board_on_line(*faults)
        sender = self.send_model()
        values = metrics(sender)
        units = [event["unit"] for event in sender.events if event["event"] == "metric"]
        self.assertEqual(units[-1], f"% of {sample_count(self.board)} images")
        self.assertGreater(len(values), 5)
        self.assertEqual(values, sorted(values))
        self.assertLess(values[0], 50)
        board.close()
        self.assertAlmostEqual(values[-1], self.accuracy_on_host(DIGITS), 2)


class TunedModelTests:
    @lasts(20)
    def test_what_differs_is_all_that_comes(self):
        """Over a line with faults; and then the board has the very model, as its digest says."""
        tuned = self.variant(seed=3, noise=1e-3)
        self.start_board_on_line("--bit-error-rate=1e-5", "--seed=6")
        whole = self.send_model(DIGITS, "--no-cache").events[-1]["bytes"]
        sender = self.send_model(tuned, f"--base={DIGITS}")
        (kept,) = [event for event in sender.events if event["event"] == "kept"]
        self.assertEqual(kept["differences"], 4)
        self.assertLess(sender.events[-1]["bytes"], 0.25 * whole)
        self.assert_ends(self.start("verify", self.a, tuned, self.rate), OK)


class CortexM3Tests(TransferTests, TunedModelTests, DigitsTests):
    board = "mps2-an385"

    def test_model_that_errs_is_told_to(self):
        """On the terminal of the emulator, without a line."""
        model = self.variant(seed=5, noise=0.15)
        self.start_board()
        found = metrics(self.send_model(model))[-1]
        self.lay_line(baud="unlimited")
        expected = self.accuracy_on_host(model)
        self.assertLess(expected, 90)
        # Activations of eight bits decide otherwise where it is close.
        self.assertAlmostEqual(found, expected, delta=5)

    def test_one_model_after_the_other(self):
        self.start_board()
        for model in (DIGITS, self.variant(1, noise=1e-4)):
            self.assertEqual(metrics(self.send_model(model))[-1], 100)


class CortexM4Tests(TransferTests, DigitsTests):
    board = "mps2-an386"


class CortexM7Tests(TransferTests, DigitsTests):
    board = "mps2-an500"


class CortexM0Tests(TransferTests, TunedModelTests, DigitsTests):
    board = "microbit"


class RISCVTests(TransferTests, DigitsTests):
    board = "riscv-virt"


class SlowTests:
    @lasts(30)
    def test_decoder_that_is_slower_than_the_line(self):
        """With instructions that take four times as long as else."""
        self.start_board_on_line(baud=921600, options=("--shift=7", "--align"))
        self.send_model()


class SlowCortexM3Tests(SlowTests, DigitsTests):
    board = "mps2-an385"


class SlowCortexM0Tests(SlowTests, DigitsTests):
    board = "microbit"


class EfficiencyTests(DigitsTests):
    """How much of a clean line goes to the model, compared with the receiver on a host."""

    def shares(self, sender):
        """While the stream comes; and all in all, with the digests that are computed in the end."""
        *events, done = sender.events
        start = next(event["time"] for event in events if event["event"] == "connected")
        progress = [event for event in events if event["event"] == "progress"]
        last = [event for event in progress if event["bytes"] < 0.95 * event["total_bytes"]][-1]
        return 10 * last["bytes"] / BAUD / (last["time"] - start), done["line_share"]

    def attempt(self):
        """The shares of a board, and of a host that receives as a board does."""
        board = self.start_board_on_line()
        on_board = self.shares(self.send_model())
        board.close()
        options = "--mtu=256", "--window=1", "--error-correction=off"
        # Of an attempt before: what is there is not sent.
        self.out.unlink(missing_ok=True)
        sender, _ = self.transfer(DIGITS, "--precision=int8", receiver_options=options)
        self.line.kill()
        return on_board, self.shares(sender)

    @alone
    def test_line_is_used_as_by_a_host(self):
        """To within three percent, once at least: a busy machine is no measure of the line."""
        for _ in range(ATTEMPT_COUNT):
            (board, board_whole), (host, host_whole) = self.attempt()
            print(
                f"share of the line: {board:.1%} on the board, {host:.1%} on a host;"
                f" with the work at the end {board_whole:.1%} and {host_whole:.1%}",
                flush=True,
            )
            if board > 0.97 * host:
                return
        self.fail("the board uses less of the line")


class RefusalTests(DigitsTests):
    def assert_refused(self, change, *words):
        """The digits as `change` makes them are not taken, and what comes next is."""
        state = models.load(DIGITS)
        model = models.save(self.folder / "other.pt", change(state) or state)
        flash = self.folder / "flash"
        self.start_board("--flash", flash)
        self.send_model()
        before = flash.read_bytes()
        self.assert_ends(self.send(model), DATA, "does not run this model", *words)
        self.assertTrue(flash.read_bytes() == before, "the flash is untouched")
        self.send_model()

    def test_another_shape(self):
        def change(state):
            state["hidden.weight"] = torch.zeros(32, 256)

        self.assert_refused(
            change, "hidden.weight: another shape", "float32 32×256 was offered",
            "the table of its firmware from this model with Scripts/model-table",
        )  # fmt: skip

    def test_another_dtype(self):
        def change(state):
            state["output.weight"] = state["output.weight"].to(torch.float16)

        self.assert_refused(change, "output.weight: another dtype", "float16 10×64 was offered")

    def test_another_name(self):
        def change(state):
            names = {"norm2.bias": "norm2.offset"}
            return {names.get(name, name): tensor for name, tensor in state.items()}

        self.assert_refused(change, "norm2.bias: another name", "has no tensor of this name")

    def test_another_order(self):
        def change(state):
            state["norm2.bias"] = state.pop("norm2.bias")

        self.assert_refused(change, "norm2.bias: another name", "offered as tensor 22 of 22")

    def test_a_tensor_more(self):
        def change(state):
            state["more"] = torch.zeros(3)

        self.assert_refused(change, "another count of tensors", "23 tensors were offered")

    def test_a_file(self):
        self.start_board()
        notes = self.folder / "notes.txt"
        notes.write_text("notes")
        sender = self.send(notes)
        self.assert_ends(sender, DATA, "tensors, not a file; send the model it was built for")

    def test_far_too_large(self):
        def change(state):
            state["conv3.weight"] = torch.zeros(1024, 256, 3, 3)

        self.assert_refused(change, "conv3.weight", "float32 1024×256×3×3 was offered")
