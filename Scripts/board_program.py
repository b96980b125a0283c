"""Builds programs of Hardware/vectors in Embedded Swift, and runs them on an emulated Cortex-M3."""

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from embedded import CompileError, compile_target
from manifest import ROOT, load_targets

HARDWARE = ROOT / "Hardware/vectors"
BOARD = HARDWARE / "Board"
VECTORS = ROOT / "Tests/Vectors"
# There is no Swift library for v7-M; that for v7E-M holds no code, and the processor decides.
TRIPLE = "armv7em-none-none-eabi"
CPU_FLAGS = ["-mcpu=cortex-m3", "-mfloat-abi=soft", "-ffreestanding"]
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

    def objects(self, build, optimization):
        """Of each module, then of the program, which has the settings of the last."""
        flags = ["-Xfrontend", "-function-sections", "-Xfrontend", "-disable-stack-protector"]
        flags += ["-I", BOARD] + [word for flag in CPU_FLAGS for word in ("-Xcc", flag)]
        targets = [load_targets(ROOT)[name] for name in self.modules]
        for target in [*targets, replace(self, settings=targets[-1].settings)]:
            yield compile_target(target, TRIPLE, build, flags, optimization)


def run(*command):
    subprocess.run(command, check=True)


def build_program(program, build, vectors=VECTORS, optimization="-Osize"):
    """Links the program with the files that `vectors` has, or with the golden ones; its path."""
    build.mkdir(exist_ok=True)
    objects = [*program.objects(build, optimization), build / "startup.o"]
    compiler = ["clang", "-target", TRIPLE, *CPU_FLAGS, "-Os", "-fno-builtin", "-Wall", "-Werror"]
    compiler += ["-ffunction-sections", "-I", vectors, "-I", VECTORS]
    run(*compiler, "-c", BOARD / "startup.c", "-o", objects[-1])
    path = build / "program.elf"
    run("ld.lld", "--gc-sections", "-T", BOARD / "board.ld", *objects, "-o", path)
    return path


def emulate(path, *options, **settings):
    command = [*EMULATOR, *options, "-kernel", path]
    return subprocess.run(command, timeout=SECONDS_LIMIT, **settings)


@contextmanager
def failures_end(script):
    """Ends the script with a sentence where something above has failed."""
    try:
        yield
    except CompileError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{script}: {error.cmd[0]} failed")
    except FileNotFoundError as error:
        sys.exit(f"{script}: there is no {error.filename}")
    except subprocess.TimeoutExpired:
        sys.exit(f"{script}: the program did not end within {SECONDS_LIMIT} s")
