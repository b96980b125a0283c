"""Emulated boards: what Hardware/boards promises a program, on each of them."""

import os
import random
import time
import zlib

from emulated import ESCAPE, Emulator
from lines import LineTests
from processes import ProcessTests

ERASED, PATTERN = ["255"] * 68, [str(7 * index % 256) for index in range(64)] + ["255"] * 4


class CompilerTests:
    """What depends on the compiler for C. A subclass has the board's name."""

    echo_byte_count = 65536

    def board_with(self, program, *options, **keywords):
        board = Emulator(self.board, program, *options, **keywords)
        self.addCleanup(board.close)
        return board

    def echoing_board(self, *options):
        board = self.board_with("echo", *options)
        board.wait_until_started()
        return board

    def test_echo_without_loss(self):
        board = self.echoing_board()
        data = random.Random(1).randbytes(self.echo_byte_count)
        self.assertEqual(board.echo(data), data)
        self.assertEqual(board.number("l"), 0)

    def test_arithmetic_without_a_runtime_library(self):
        board = self.echoing_board()
        generator = random.Random(2)
        for _ in range(20):
            # Of all sizes; lower halves that are not zero.
            a, b = (generator.getrandbits(generator.randint(32, 64)) | 1 for _ in range(2))
            self.assertEqual([int(word, 16) for word in board.ask("c", a, b)], results(a, b), (a, b))


class PeripheralTests(CompilerTests):
    """And on UART and clock."""

    def test_bytes_above_the_ring_are_counted_and_not_fatal(self):
        board = self.echoing_board()
        data = bytes(range(32, 132)) * 40
        board.write(ESCAPE + b"d" + data)
        back = board.read_until(b"d: 0\n")
        while more := board.read(1):
            back += more
        kept = len(back) - len(b"d: 0\n")
        self.assertLess(kept, len(data))
        self.assertEqual(board.number("l"), len(data) - kept)
        self.assertEqual(board.echo(data), data)

    def test_time_goes_on(self):
        board = self.echoing_board()
        start, real_start = board.number("m"), time.monotonic()
        cycles = board.number("k")
        time.sleep(0.3)
        passed, real_passed = board.number("m") - start, time.monotonic() - real_start
        # A busy machine may keep the board from its time, and nothing gives it more.
        self.assertIn(passed, range(100, int(1000 * real_passed) + 100))
        self.assertGreater(board.number("k") - cycles, 30 * 100)

    def test_reset(self):
        board = self.echoing_board()
        nonces = {board.number("n") for _ in range(4)}
        for press in (board.reset, lambda: board.write(ESCAPE + b"x")):
            press()
            board.read_until(self.board.encode() + b"\n")
            nonces |= {board.number("n") for _ in range(4)}
        self.assertEqual(len(nonces), 12)


class ProcessorTests(CompilerTests):
    """And on the processor's exceptions; and that there is Swift."""

    def test_faults_are_told_and_end_in_a_reset(self):
        board = self.echoing_board()
        board.ask("e")
        board.ask("p")
        again = board.ask("g")[-1] == "1"
        failures = {b"b": b"cannot set a bit", b"f": b"fault "} | ({} if again else {b"p": b"once"})
        for command, words in failures.items():
            board.write(ESCAPE + command)
            told = board.read_until(b"\n" + self.board.encode() + b"\n")
            self.assertIn(words, told)

    def test_swift_on_a_portable_layer(self):
        board = self.board_with("checksum")
        for count in (0, 1, 200):
            line = bytes(range(32, 127)).ljust(count, b"x")[:count]
            board.write(line + b"\n")
            self.assertEqual(board.read_count(9).decode(), f"{zlib.crc32(line):08x}\n")


class BoardTests(ProcessorTests, PeripheralTests):
    """Everything."""

    def test_flash_outlives_a_reset(self):
        board = self.echoing_board()
        board.ask("e")
        self.assertEqual(board.ask("r"), ERASED)
        board.ask("p")
        self.assertEqual(board.ask("r"), PATTERN)
        board.reset()
        board.read_until(self.board.encode() + b"\n")
        self.assertEqual(board.ask("r"), PATTERN)
        board.ask("e")
        self.assertEqual(board.ask("r"), ERASED)


def results(a, b):
    """What the board is to calculate, each as 64 bits."""
    low_a, low_b = a & 0xFFFFFFFF, b & 0xFFFFFFFF
    signed_a, signed_b, small_a, small_b = signed(a, 64), signed(b, 64), signed(a, 32), signed(b, 32)
    values = [
        a * b, a // b, a % b, *divided(signed_a, signed_b), a << (b & 63), a >> (b & 63),
        signed_a >> (b & 63), low_a // low_b, low_a % low_b, *divided(small_a, small_b),
    ]  # fmt: skip
    return [value % 2**64 for value in values]


def signed(number, bits):
    number %= 2**bits
    return number - 2**bits if number >> (bits - 1) else number


def divided(a, b):
    """As C does it: towards zero."""
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return quotient, a - quotient * b


class CortexM3Tests(BoardTests, LineTests):
    board = "mps2-an385"

    def test_flash_in_a_file(self):
        file = self.folder / "flash"
        for command in ("p", "r"):
            board = self.echoing_board("--flash", file)
            self.assertEqual(board.ask("r"), ERASED if command == "p" else PATTERN)
            board.ask(command)
            board.process.terminate()
            board.process.wait()

    def test_at_the_end_of_a_line(self):
        self.lay_line(baud=115200)
        board = self.board_with("echo", "--port", self.b, port=self.a)
        board.wait_until_started()
        data = bytes(range(32, 232)) * 10
        self.assertEqual(board.echo(data), data)

    def test_link_and_reset_by_a_timer(self):
        link = self.folder / "board"
        start = time.monotonic()
        board = self.board_with("echo", "--tty", link, "--reset-after=1")
        self.assertEqual(os.readlink(link), board.path)
        # It says its name when it starts, and again.
        while time.monotonic() - start < 1:
            board.read_until(b"mps2-an385\n")
        board.process.terminate()
        board.process.wait()
        self.assertFalse(os.path.lexists(link))


class CortexM4Tests(ProcessorTests, ProcessTests):
    board = "mps2-an386"


class CortexM7Tests(ProcessorTests, ProcessTests):
    board = "mps2-an500"


class CortexM0Tests(BoardTests, ProcessTests):
    board = "microbit"


class RISCVTests(BoardTests, ProcessTests):
    board = "riscv-virt"

    def test_flash_in_a_file(self):
        file = self.folder / "flash"
        for expected in (ERASED, PATTERN):
            board = self.echoing_board("--flash", file)
            self.assertEqual(board.ask("r"), expected)
            board.ask("e")
            board.ask("p")
            board.process.terminate()
            board.process.wait()


class AVRTests(PeripheralTests):
    """There is no Swift, and neither faults nor flash for data."""

    # The line has a rate here.
    echo_byte_count = 8192


class UnoTests(AVRTests, ProcessTests):
    board = "avr-uno"


class MegaTests(AVRTests, ProcessTests):
    board = "avr-mega"
