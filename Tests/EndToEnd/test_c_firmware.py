"""`send` to Hardware/firmware/receiver, the C99 receiver on emulated boards, over a line with faults."""

import subprocess
import zlib
from pathlib import Path

import device_models
from device_images import PLANES, image
from emulated import Emulator, run_script
from lines import LineTests
from processes import OK

# On the AVRs a frame has 64 bytes, and a frame in twenty breaks.
NOISE = "--bit-error-rate=1e-4", "--drop-rate=1e-5", "--seed=1"

# As in its platform.txt.
ARDUINO = Path("/usr/share/arduino/hardware/arduino/avr")
ARDUINO_FLAGS = ["-Os", "-flto", "-ffunction-sections", "-fdata-sections", "-DF_CPU=16000000L"]
ARDUINO_FLAGS += ["-DARDUINO=10819", "-DARDUINO_AVR_UNO", "-DARDUINO_ARCH_AVR"]
CPLUSPLUS = ["-xc++", "-std=gnu++11", "-fpermissive", "-fno-exceptions", "-fno-threadsafe-statics"]
ARDUINO_LANGUAGES = {".c": ["-std=gnu11"], ".cpp": CPLUSPLUS}
ARDUINO_LANGUAGES[".ino"] = [*CPLUSPLUS, "-include", "Arduino.h"]


class ReceiverTests:
    """A subclass has the board's name, and the model's where it is another."""

    model_name = "network"

    def start_board(self, *options, **keywords):
        board = Emulator(self.board, "receiver", *options, **keywords)
        self.addCleanup(board.close)
        return board

    def check(self, seed):
        """Sends a model; what the board says of it has to be true."""
        model = device_models.write_model(self.folder, self.model_name, seed)
        sender = self.send(model, "--timeout=30")
        self.assert_ends(sender, OK)
        metrics = {
            event["metric"]: int(event["value"])
            for event in sender.events
            if event["event"] == "metric"
        }
        self.assertEqual(metrics["CRC"] % 2**32, zlib.crc32(image(model)))
        # Thousands, of each weight in each plane some hundreds.
        weights = len(image(model))
        self.assertIn(metrics["kilocycles"], range(weights * PLANES // 50, weights * PLANES * 10))

    def test_one_model_after_another(self):
        """Straight to the board."""
        self.a, self.rate = self.start_board().path, "--baud=115200"
        self.check(seed=1)
        self.check(seed=2)

    def test_line_with_faults(self):
        self.lay_line(*NOISE, baud=115200)
        self.start_board("--port", self.b, port=self.a)
        self.check(seed=3)


class CortexM0ReceiverTests(ReceiverTests, LineTests):
    board = "microbit"


class CortexM3ReceiverTests(ReceiverTests, LineTests):
    board = "mps2-an385"

    def test_tables_are_those_of_the_models(self):
        for name in device_models.MODELS:
            model = device_models.write_model(self.folder, name)
            path = device_models.TABLES / f"{name}.h"
            self.assertEqual(device_models.c_table(model), path.read_bytes())
            if name in device_models.IN_SWIFT:
                path = device_models.swift_path(name)
                self.assertEqual(device_models.swift_table(model), path.read_bytes())


class CortexM4ReceiverTests(ReceiverTests, LineTests):
    board = "mps2-an386"


class RISCVReceiverTests(ReceiverTests, LineTests):
    board = "riscv-virt"


class UnoReceiverTests(ReceiverTests, LineTests):
    board = "avr-uno"
    model_name = "small"


class MegaReceiverTests(ReceiverTests, LineTests):
    board = "avr-mega"


class ArduinoTests(LineTests):
    """The example of the library, as the Arduino IDE would build it for an Uno."""

    def build(self):
        run_script("setup", "device")
        library = Path(run_script("arduino-library", self.folder))
        example = library / "examples/Receive"
        folders = [ARDUINO / "cores/arduino", ARDUINO / "variants/standard", library / "src"]
        flags = ["-mmcu=atmega328p", *ARDUINO_FLAGS, *(f"-I{folder}" for folder in folders)]
        # The core's file of strings needs a newer compiler than Debian has, and nobody it.
        core = [path for path in folders[0].iterdir() if path.name != "WString.cpp"]
        sources = [*core, *folders[2].rglob("*"), *example.iterdir()]
        objects = []
        for source in sources:
            language = ARDUINO_LANGUAGES.get(source.suffix)
            if language is None:
                continue
            objects.append(self.folder / f"{source.name}.o")
            warnings = ["-w"] if source in core else ["-Wall", "-Wextra", "-Werror"]
            command = ["avr-gcc", *flags, *language, *warnings, "-c", source, "-o", objects[-1]]
            subprocess.run(command, check=True)
        elf = self.folder / "sketch.elf"
        link = ["avr-gcc", "-mmcu=atmega328p", "-Os", "-flto", "-Wl,--gc-sections", *objects]
        subprocess.run([*link, "-lm", "-o", elf], check=True)
        return elf

    def test_example(self):
        elf = self.build()
        self.lay_line(*NOISE, baud=115200)
        board = Emulator("avr-uno", elf, "--port", self.b, port=self.a)
        self.addCleanup(board.close)
        model = device_models.write_model(self.folder, "small")
        self.assert_ends(self.send(model, "--timeout=30"), OK)
