"""Do the builder of firmware and the emulator refuse what they cannot do?"""

import struct
import sys
from pathlib import Path

from support import ROOT, SCRIPTS, ScriptTests, run

sys.path.append(str(SCRIPTS))

import boards  # noqa: E402
from elf import board_symbol, check_program, read_program  # noqa: E402

ARM, AVR, RISCV = 40, 83, 243


def elf(machine, entry=0, load=(0, 64), flags=0, kind=2, symbol=None):
    """An ELF file of one segment, at `load` for so many bytes, and one symbol or none."""
    sections = symbols = b""
    if symbol:
        # Behind header and segment two sections, the symbols and their names, then what is in them.
        names = b"\0" + symbol.encode() + b"\0"
        symbols = struct.pack("<IIIBBH", 1, 0, 0, 16, 0, 0xFFF1)
        sections = struct.pack("<10I", 0, 2, 0, 0, 164, len(symbols), 1, 0, 4, 16)
        sections += struct.pack("<10I", 0, 3, 0, 0, 164 + len(symbols), len(names), 0, 0, 1, 0)
        symbols += names
    start, count = (84, 2) if symbol else (0, 0)
    header = b"\x7fELF\1\1\1".ljust(16, b"\0")
    header += struct.pack(
        "<HHIIIIIHHHHHH", kind, machine, 1, entry, 52, start, flags, 52, 32, 1, 40, count, 0
    )
    segment = struct.pack("<IIIIIIII", 1, 0, load[0], load[0], 0, load[1], 5, 4)
    return header + segment + sections + symbols


class FirmwareTests(ScriptTests):
    def assert_refused(self, sentences):
        """Each command ends with its sentence, and without a traceback."""
        for words, sentence in sentences.items():
            with self.subTest(words):
                status, output = run(SCRIPTS / words[0], *words[1:])
                self.assertNotEqual(status, 0)
                self.assertIn(sentence, output)
                self.assertNotIn("Traceback", output)

    def program(self, name="program.elf", machine=ARM, **fields):
        path = self.root / name
        path.write_bytes(elf(machine, **fields))
        return path

    def test_what_is_not_there_is_refused(self):
        absent = self.root / "absent"
        self.assert_refused({
            ("firmware", "abacus"): "choose from 'avr-mega', 'avr-uno', 'microbit'",
            ("firmware", "microbit", absent): f"there is no program {absent}; there are checksum, digits, echo",
            ("firmware", "avr-uno", "checksum"): "there is no Swift for avr-uno",
            ("emulate", "microbit", absent): f"there is no file {absent}",
            ("emulate", "microbit", __file__, "--flash", absent): "cannot be kept in a file",
            ("emulate", "avr-uno", __file__, "--flash", absent): "simavr has no --flash",
            ("emulate", "microbit", self.program(), "--port", absent): f"--port {absent}: No such file",
        })  # fmt: skip

    def test_program_of_another_board_is_refused(self):
        arm = self.program()
        cut = self.root / "cut.elf"
        cut.write_bytes(arm.read_bytes()[:70])
        self.assert_refused({
            ("emulate", "microbit", __file__): "is no ELF file",
            ("emulate", "microbit", cut): "is cut off",
            ("emulate", "microbit", self.program("a.o", kind=1)): "is an object",
            ("emulate", "avr-uno", arm): "is a program for ARM, and avr-uno is AVR",
            ("emulate", "riscv-virt", arm): "is a program for ARM, and riscv-virt is RISC-V",
            ("emulate", "microbit", self.program("r", RISCV)): "is a program for RISC-V, and microbit is ARM",
            ("emulate", "avr-uno", self.program("mega", AVR, flags=6)): "for another AVR",
            ("emulate", "microbit", self.program("large", load=(0, 65537))):
                "no memory at 0x0 to 0x10000",
            ("emulate", "microbit", self.program("ram", load=(0x20003000, 8192))):
                "no memory at 0x20003000 to 0x20004fff",
            ("emulate", "microbit", self.program("entry", entry=0x20000001)): "it starts at 0x20000001",
            # What has the same memory is told apart by the name alone.
            ("emulate", "mps2-an385", self.program("named", symbol="board_is_mps2_an500")):
                "is for another board than mps2-an385: for mps2-an500",
        })  # fmt: skip

    def test_programs_name_their_board(self):
        for name in ("mps2-an500", "riscv-virt", "avr-uno"):
            with self.subTest(name):
                status, path = run(SCRIPTS / "firmware", name, "echo", "--name", "named")
                self.assertEqual(status, 0, path)
                path = Path(path.splitlines()[-1])
                board = boards.load_board(name)
                check_program(path, board)
                symbols = read_program(path).symbols
                self.assertEqual([it for it in symbols if "board_is" in it], [board_symbol(name)])
        self.assert_refused({("emulate", "avr-mega", path): "is a program for another AVR"})

    def test_what_is_in_the_way_stays(self):
        notes = self.root / "notes"
        notes.write_text("notes")
        absent = self.root / "absent/board"
        emulate = "emulate", "mps2-an385", self.program()
        self.assert_refused({
            (*emulate, "--flash", notes): f"{notes} is not the flash of this board: it has 5 bytes",
            (*emulate, "--flash", self.root): "it is no file",
            (*emulate, "--flash", absent): f"cannot make {absent}: No such file",
            (*emulate, "--tty", notes): f"--tty {notes}: something else is there",
            (*emulate, "--tty", absent): f"--tty {absent}: No such file",
            (*emulate, "--port", notes): f"--port {notes} is no terminal",
            (*emulate, "--monitor", notes): f"--monitor {notes}: something else is there",
            (*emulate, "--tty", self.root / "tty", "--port", "/dev/null"): "give one of them",
        })  # fmt: skip
        self.assertEqual(notes.read_text(), "notes")

    def test_keys_that_nobody_reads_are_refused(self):
        program = self.root / "program"
        (program / "empty").mkdir(parents=True)
        for text, sentence in {
            "source = []": "there is no key source; there are sources, folders, avr-mega",
            "sources = [": "program.toml: ",
        }.items():
            self.write("program/program.toml", text)
            self.assert_refused({("firmware", "microbit", program): sentence})
        board = self.root / "board.toml"
        for text, sentence in {
            "sources = []\ntripel = 'x'": "there is no key tripel; there are triple, cpu, sources",
            "sources = []\n[emulator]\nshift = 5": r"\[emulator\]: there is no key shift; there are command",
            "triple = 'x'": "sources are missing",
        }.items():  # fmt: skip
            board.write_text(text)
            with self.assertRaisesRegex(boards.FactsError, sentence):
                boards.read_board(board)

    def test_keys_are_documented(self):
        text = (ROOT / "Hardware/README.md").read_text()
        for keys in (boards.BOARD_KEYS, boards.EMULATOR_KEYS, boards.PROGRAM_KEYS):
            for key in keys:
                self.assertTrue({f"`{key}`", f"`[{key}]`"} & set(text.replace(",", " ").split()), key)
