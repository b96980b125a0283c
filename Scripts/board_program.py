"""Builds programs of Hardware/vectors in Embedded Swift, and runs them on an emulated Cortex-M3."""

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import boards
from boards import BOARDS, load_board, run
from embedded import compile_target
from manifest import ROOT, load_targets

HARDWARE = ROOT / "Hardware/vectors"
BOARD = HARDWARE / "Board"
VECTORS = ROOT / "Tests/Vectors"
EMULATOR = ["qemu-system-arm", "-M", "mps2-an385", "-nographic", "-monitor", "none"]
EMULATOR += ["-serial", "none", "-semihosting-config", "enable=on,target=native"]
SECONDS_LIMIT = 300


@dataclass(frozen=True)
class Program:
    """The Swift files of a folder and those that all programs share, on top of portable targets."""

    folder: Path
    modules: tuple[str, ...]  # each behind those that it imports
    name: str = "Program"
    settings: tuple = ()

    def sources(self):
        return [*sorted(self.folder.glob("*.swift")), *sorted((HARDWARE / "Shared").glob("*.swift"))]

    def objects(self, board, build, optimization):
        """Of each module, then of the program, which has the settings of the last."""
        targets = [load_targets(ROOT)[name] for name in self.modules]
        modules = [*targets, replace(self, settings=targets[-1].settings)]
        return board.compile_swift(modules, build, optimization)


def board_with(vectors):
    """The board, with semihosting in place of its UART, and the files that `vectors` has."""
    sources = [BOARDS / "cortex-m.c", BOARDS / "support.c", BOARD / "semihosting.c"]
    folders = (BOARD, vectors, VECTORS)
    board = load_board("mps2-an385")
    return replace(board, sources=sources, folders=folders, linker_script=BOARD / "board.ld")


def build_program(program, build, vectors=VECTORS, optimization="-Osize"):
    """Links the program with the files that `vectors` has, or with the golden ones; its path."""
    build.mkdir(exist_ok=True)
    board = board_with(vectors)
    objects = program.objects(board, build, optimization)
    objects += [board.compile(source, build) for source in board.sources]
    path = build / "program.elf"
    board.link(objects, path)
    return path


def emulate(path, *options, **settings):
    command = [*EMULATOR, *options, "-kernel", path]
    return subprocess.run(command, timeout=SECONDS_LIMIT, **settings)


@contextmanager
def failures_end(script):
    """Ends the script with a sentence where something above has failed."""
    try:
        with boards.failures_end(script):
            yield
    except subprocess.TimeoutExpired:
        sys.exit(f"{script}: the program did not end within {SECONDS_LIMIT} s")
