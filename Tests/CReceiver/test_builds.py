"""Every combination of options compiles without a warning, for this machine and for an int of 16
bits; and the receiver stays as small as its README says."""

import concurrent.futures
import itertools
import subprocess
import tempfile
import unittest

from library import HARDWARE

WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
OPTIONS = ("WT_CODEC", "WT_SHA256", "WT_CONTINUE", "WT_MEMORY", "WT_FLASH", "WT_WINDOW",
           "WT_CORRECTION")  # fmt: skip
# What a receiver does with models that it holds: all together or each alone, with these of the others.
HOLDING = ("WT_HELD", "WT_RESUME", "WT_KEEP", "WT_SWITCH", "WT_FETCH")
DIFFERENCE = ("-DWT_FLASH=1", "-DWT_KEEP=1", "-DWT_DIFFERENCE=1")
WITH_HOLDING = ("WT_CODEC", "WT_SHA256", "WT_MEMORY", "WT_FLASH")
COMPILERS = [
    ["gcc", "-std=c99", "-fsyntax-only", *WARNINGS],
    ["clang", "-std=c99", "-fsyntax-only", *WARNINGS],
    # Shifts and products that an int of 16 bits does not hold are warned of here.
    ["avr-gcc", "-mmcu=atmega328p", "-std=gnu99", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"],
]
AT_ONCE = 3
FLASH_LIMIT = 6144


class BuildTests(unittest.TestCase):
    def combinations(self):
        """Of options, as arguments."""
        for values in itertools.product("01", repeat=len(OPTIONS)):
            yield [f"-D{name}={value}" for name, value in zip(OPTIONS, values)]
        for values in itertools.product("01", repeat=len(WITH_HOLDING)):
            others = [f"-D{name}={value}" for name, value in zip(WITH_HOLDING, values)]
            yield [*others, *(f"-D{name}=1" for name in HOLDING)]
            for name in HOLDING:
                yield [*others, f"-D{name}=1"]
        for *values, resumes in itertools.product("01", repeat=3):
            others = [f"-D{name}={value}" for name, value in zip(("WT_SHA256", "WT_MEMORY"), values)]
            yield [*others, *DIFFERENCE, f"-DWT_RESUME={resumes}"]
            yield [*others, *DIFFERENCE, *(f"-D{name}=1" for name in HOLDING)]

    def test_options(self):
        commands = []
        for defines in self.combinations():
            for compiler in COMPILERS:
                commands.append([*compiler, *defines, HARDWARE / "wtserial.c"])
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            runs = pool.map(lambda c: subprocess.run(c, capture_output=True, text=True), commands)
            for command, run in zip(commands, runs):
                self.assertEqual(run.returncode, 0, f"{command}\n{run.stderr}")

    def test_options_that_need_others(self):
        for missing in ("-DWT_FLASH=0", "-DWT_KEEP=0", "-DWT_CODEC=0"):
            run = subprocess.run(
                ["gcc", "-std=c99", "-fsyntax-only", *DIFFERENCE, missing, HARDWARE / "wtserial.c"],
                capture_output=True, text=True,
            )  # fmt: skip
            self.assertNotEqual(run.returncode, 0)
            self.assertIn("WT_DIFFERENCE needs", run.stderr)

    def test_size(self):
        """What Scripts/device-sizes prints first: the default on Cortex-M0 and M3."""
        for target in ("armv6m", "armv7m"):
            with tempfile.NamedTemporaryFile(suffix=".o") as out:
                command = ["clang", "-Oz", "-std=c99", f"--target={target}-none-eabi"]
                command += ["-ffreestanding", "-c", "-o", out.name, HARDWARE / "wtserial.c"]
                subprocess.run(command, check=True)
                run = subprocess.run(
                    ["size", "-A", out.name], check=True, capture_output=True, text=True
                )
            sections = [line.split() for line in run.stdout.splitlines()]
            sizes = [int(s[1]) for s in sections if s and s[0].startswith((".text", ".rodata"))]
            self.assertLessEqual(sum(sizes), FLASH_LIMIT, target)
