"""The C receiver for devices with a flash, and the Swift one at the same flash: each finds what the other
has kept (Hardware/store.md)."""

import signal

import device_images
from c_device import CDevice
from processes import CANNOT_CREATE, INTERRUPTED, LIMIT, OK, lasts

# The image in memory; and in the flash alone, inverted.
MEMORY, FLASH = (), ("-DWT_MEMORY=0",)
# Behind the slots.
JOURNAL_BYTES = 2 * 4096
SWIFT_MEMORY, SWIFT_FLASH = (), ("--in-flash",)


class CFlashTests(CDevice):
    def setUp(self):
        super().setUp()
        self.flash = self.folder / "flash"
        self.lay_line(baud=921600)

    # --- The receiver in C ---

    def start_c(self, way, model, *arguments):
        self.build(model, "-DWT_FLASH=1", *way)
        return self.run_device(0, self.flash, *arguments)

    def fill_from_c(self, way, model):
        device = self.start_c(way, model)
        self.assert_ends(self.send(model), OK)
        self.assertEqual(device.wait(LIMIT), 0, self.log.read_text())
        self.assert_image(model)

    def assert_c_finds(self, way, model):
        device = self.start_c(way, model)
        self.assertTrue(self.log.read_text().startswith("found\n"), self.log.read_text())
        device.kill()
        device.wait()
        self.assert_image(model)
        self.image.unlink()

    # --- The one in Swift ---

    def start_swift(self, way, model, *options):
        device = self.start(
            "device", "--json", self.rate, self.b, "--like", model, "--flash", self.flash, *way,
            *options,
        )  # fmt: skip
        device.wait_for_event("waiting")
        return device

    def fill_from_swift(self, way, model):
        device = self.start_swift(way, model, "--once")
        self.assert_ends(self.send(model), OK)
        self.assert_ends(device, OK)

    def swift_image(self, way, model):
        """What it has found, if it has."""
        image = self.folder / "swift-image"
        device = self.start_swift(way, model, "--image", image)
        device.signal(signal.SIGINT)
        self.assert_ends(device, INTERRUPTED)
        is_found = any(event["event"] == "found" for event in device.events)
        self.assertEqual(image.exists(), is_found)
        if is_found:
            found = image.read_bytes()
            image.unlink()
            return found
        return None

    # --- Tests ---

    @lasts(10)
    def test_reset(self):
        model = self.model()
        for way in MEMORY, FLASH:
            self.fill_from_c(way, model)
            self.assert_c_finds(way, model)
            self.flash.unlink()

    @lasts(10)
    def test_what_swift_has_kept(self):
        model = self.model()
        for swift in SWIFT_MEMORY, SWIFT_FLASH:
            self.fill_from_swift(swift, model)
            for way in MEMORY, FLASH:
                with self.subTest(swift=swift, c=way):
                    self.assert_c_finds(way, model)
            self.flash.unlink()

    @lasts(10)
    def test_what_c_has_kept(self):
        """All but FlashStore where the image is not inverted."""
        model = self.model()
        image = device_images.image(model)
        for way in MEMORY, FLASH:
            self.fill_from_c(way, model)
            for swift in SWIFT_MEMORY, SWIFT_FLASH:
                with self.subTest(c=way, swift=swift):
                    is_readable = way == FLASH or swift == SWIFT_MEMORY
                    self.assertEqual(self.swift_image(swift, model), image if is_readable else None)
            self.flash.unlink()

    @lasts(10)
    def test_turns(self):
        """Each fills the slot that the other has not."""
        models = [self.model(seed) for seed in (1, 2, 3)]
        self.fill_from_swift(SWIFT_FLASH, models[0])
        self.fill_from_c(MEMORY, models[1])
        self.assertEqual(self.swift_image(SWIFT_MEMORY, models[0]), device_images.image(models[1]))
        self.fill_from_swift(SWIFT_MEMORY, models[2])
        self.assert_c_finds(FLASH, models[2])
        content = self.flash.read_bytes()
        half = (len(content) - JOURNAL_BYTES) // 2
        slots = [device_images.Slot(content[start : start + half]) for start in (0, half)]
        self.assertEqual([slot.generation for slot in slots], [3, 2])

    def test_worn_flash(self):
        """The sender's user learns what is wrong."""
        model = self.model()
        self.build(model, "-DWT_FLASH=1")
        image = device_images.image(model)
        place = next(index for index, byte in enumerate(image) if not byte & 1)
        tensors = len(device_images.states(model))
        worn = device_images.STATES + (4 * tensors + 15) // 16 * 16 + place
        device = self.start_c(MEMORY, model, str(worn))
        text = "flash does not hold what was written"
        self.assert_ends(self.send(model), CANNOT_CREATE, text)
        device.wait(LIMIT)
        again = self.start_c(MEMORY, model)
        self.assertNotIn("found", self.log.read_text())
        again.kill()
