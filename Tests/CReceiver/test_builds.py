"""Every combination of options compiles without a warning, for this machine and for an int of 16
bits; and the receiver stays as small as its README says."""

import itertools
import subprocess
import tempfile
import unittest

from library import HARDWARE

WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
OPTIONS = ("WT_CODEC", "WT_SHA256", "WT_CONTINUE", "WT_MEMORY")
COMPILERS = [
    ["gcc", "-std=c99", "-O1", *WARNINGS],
    ["clang", "-std=c99", "-O1", *WARNINGS],
    # Shifts and products that an int of 16 bits does not hold are warned of here.
    ["avr-gcc", "-mmcu=atmega328p", "-std=gnu99", "-O1", "-Wall", "-Wextra", "-Werror"],
]
FLASH_LIMIT = 6144


class BuildTests(unittest.TestCase):
    def test_options(self):
        for values in itertools.product("01", repeat=len(OPTIONS)):
            defines = [f"-D{name}={value}" for name, value in zip(OPTIONS, values)]
            for compiler in COMPILERS:
                command = [*compiler, *defines, "-c", "-o", "/dev/null", HARDWARE / "wtserial.c"]
                run = subprocess.run(command, capture_output=True, text=True)
                self.assertEqual(run.returncode, 0, f"{command}\n{run.stderr}")

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
