"""The receiver as a package of Arduino, Zephyr and ESP-IDF, as far as it can be seen without these."""

import importlib.util
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from library import HARDWARE

STUBS = Path(__file__).parent / "stubs"
TABLE = HARDWARE.parent / "firmware/receiver/tables/network.h"
EXAMPLES = {"zephyr": HARDWARE / "zephyr/samples/receive/src/main.c",
            "esp-idf": HARDWARE / "esp-idf/example/main/main.c"}  # fmt: skip
PACKAGES = {"zephyr": ("MODULE", HARDWARE / "zephyr"),
            "esp-idf": ("COMPONENT", HARDWARE / "esp-idf/wtserial")}  # fmt: skip
OFF = ["FLASH", "WINDOW", "CORRECTION", "RESUME", "KEEP", "DIFFERENCE", "SWITCH", "FETCH"]  # by default
KCONFIGS = HARDWARE / "zephyr/Kconfig", HARDWARE / "esp-idf/wtserial/Kconfig"


class PackageTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="wtserial-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_examples_compile(self):
        (self.folder / "table.h").write_bytes(TABLE.read_bytes())
        for system, example in EXAMPLES.items():
            folders = [f"-I{folder}" for folder in (STUBS / system, HARDWARE, self.folder)]
            command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *folders]
            subprocess.run([*command, '-DCONFIG_BOARD="board"', example], check=True)

    def test_parts_are_included_once(self):
        """None is left out: the compiler would not miss one that only some options need, in `wtserial.c`."""
        included = re.findall(r'#include "(parts/.*)"', (HARDWARE / "wtserial.c").read_text())
        parts = [str(path.relative_to(HARDWARE)) for path in HARDWARE.glob("parts/*")]
        self.assertEqual(sorted(included), sorted(parts))

    def test_options_are_those_of_the_header(self):
        header = (HARDWARE / "wtserial.h").read_text()
        options = set(re.findall(r"#ifndef WT_([A-Z0-9]+)\n", header))
        found = re.findall(r"config WTSERIAL_(\w+)\n", (HARDWARE / "Kconfig.options").read_text())
        self.assertEqual(set(found), options)
        for _, folder in PACKAGES.values():
            text = (folder / "CMakeLists.txt").read_text()
            self.assertEqual(set(re.findall(r"\(option (.*)\)", text)[0].split()), options)

    @unittest.skipUnless(shutil.which("cmake"), "no cmake")
    def test_packages_build(self):
        """With functions in place of those that the systems have; one option is off."""
        for system, (variable, package) in PACKAGES.items():
            build = self.folder / system
            options = [f"-D{variable}={package}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
            quiet = {"check": True, "stdout": subprocess.DEVNULL}
            subprocess.run(["cmake", "-S", STUBS / system, "-B", build, *options], **quiet)
            subprocess.run(["cmake", "--build", build], **quiet)
            commands = (build / "compile_commands.json").read_text()
            defines = dict(re.findall(r"-DWT_(\w+)=(\d)", commands))
            off = {name for name, value in defines.items() if value == "0"}
            self.assertEqual(off, {"SHA256", *OFF}, system)

    @unittest.skipUnless(importlib.util.find_spec("kconfiglib"), "no kconfiglib")
    def test_defaults(self):
        import kconfiglib

        for path in KCONFIGS:
            options = kconfiglib.Kconfig(str(path), suppress_traceback=True)
            if "WTSERIAL" in options.syms:
                options.syms["WTSERIAL"].set_value(2)
            off = [name for name, it in options.syms.items() if it.str_value == "n"]
            self.assertEqual(set(off) - {"n"}, {f"WTSERIAL_{name}" for name in OFF})
