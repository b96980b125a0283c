"""Models in flash (Hardware/store.md): over resets, power cuts and worn pages; both ways to fill a
slot."""

import itertools
import struct
import unittest
import zlib

from framing import BUSY, DATA
from library import TABLE, Flash, Receiver
from peer import ACCEPT, FAILED, VERIFIED, Initiator, whole
from test_transfers import Transfer

MODEL = [("large", 1, (30, 20)), ("bias", 1, (30,)), ("counter", 19, ())]
HALF = 5 * 256
STATES = 352
IMAGE = STATES + 16
BACKED, DIRECT = ("WT_FLASH=1",), ("WT_FLASH=1", "WT_MEMORY=0")
WAYS = (BACKED, DIRECT)
TRANSFERS = [Transfer(MODEL, seed=seed, plane_count=3) for seed in range(3)]


class FlashTests(unittest.TestCase):
    def send(self, transfer, flash, way):
        receiver = Receiver(MODEL, way, flash=flash)
        try:
            peer = Initiator(receiver)
            peer.open()
            peer.data(transfer.records[0])
            for each in transfer.records[1:]:
                if peer.last()[0] != FAILED:
                    peer.data(each)
            log = receiver.library.h_flash_log(receiver.handle).decode()
            return peer, receiver.image, log
        finally:
            receiver.close()

    def found(self, flash, way, rolls_back=False):
        """What a device finds after a reset: image and states, or nothing."""
        receiver = Receiver(MODEL, way, flash=flash)
        try:
            library, handle = receiver.library, receiver.handle
            if not (library.h_roll_back if rolls_back else library.h_is_kept)(handle):
                return None
            return receiver.image, [receiver.state(index) for index in range(len(MODEL))]
        finally:
            receiver.close()

    def images(self, way):
        """Of each transfer, as a device without flash has it."""
        wanted = []
        for transfer in TRANSFERS:
            receiver = Receiver(MODEL)
            self.addCleanup(receiver.close)
            peer = Initiator(receiver)
            peer.open()
            peer.data(b"".join(transfer.records))
            wanted.append((receiver.image, [receiver.state(i) for i in range(len(MODEL))]))
        return wanted

    def filled(self, way, count, unit=4):
        flash = Flash(unit=unit)
        for transfer in TRANSFERS[:count]:
            peer, _, _ = self.send(transfer, flash, way)
            self.assertEqual(peer.last(), (VERIFIED, transfer.digest))
        return flash

    def test_a_model_is_there_after_a_reset(self):
        for way, unit in itertools.product(WAYS, (1, 2, 4, 8, 16)):
            with self.subTest(way=way, unit=unit):
                flash, wanted = Flash(unit=unit), self.images(way)
                self.assertIsNone(self.found(flash, way))
                for transfer, image in zip(TRANSFERS, wanted):
                    peer, _, _ = self.send(transfer, flash, way)
                    self.assertEqual(peer.last(), (VERIFIED, transfer.digest))
                    self.assertEqual(self.found(flash, way), image)

    def test_what_is_in_a_slot(self):
        for way in WAYS:
            content = self.filled(way, 2).buffer.raw
            slot, (image, states) = content[HALF:], self.images(way)[1]
            rows = [{"name": n, "dtype": "float32" if d == 1 else "int64", "shape": list(s)}
                    for n, d, s in MODEL]  # fmt: skip
            table = TABLE.model_table(rows)
            head = struct.pack("<4sIIII", b"WTS1", 2, len(image), zlib.crc32(image), zlib.crc32(table))
            head += struct.pack("<HH", 3, way == DIRECT) + TRANSFERS[1].digest
            head += b"model".ljust(32, b"\0")
            kept = b"".join(struct.pack("<HBB", *state) for state in states)
            head += struct.pack("<I", zlib.crc32(head + kept)) + b"\xff" * 4
            head += b"WTOK".ljust(256, b"\xff")
            self.assertEqual(slot[:STATES], head)
            self.assertEqual(slot[STATES:IMAGE], kept.ljust(16, b"\xff"))
            stored = slot[IMAGE : IMAGE + len(image)]
            mask = 0xFF if way == DIRECT else 0
            self.assertEqual(bytes(byte ^ mask for byte in stored), image)

    def test_power_cuts(self):
        """In every operation of a transfer: the model before is there, or the new one, whole."""
        for way in WAYS:
            wanted = self.images(way)
            before = self.filled(way, 2)
            _, _, log = self.send(TRANSFERS[2], before.copy(), way)
            self.assertGreater(len(log), 100)
            for cut in range(len(log)):
                flash = before.copy()
                flash.cut, flash.seed = cut, cut + 1
                self.send(TRANSFERS[2], flash, way)
                flash.cut = 0xFFFFFFFF
                found = self.found(flash, way)
                is_last = cut == len(log) - 1
                self.assertTrue(
                    found == wanted[1] or is_last and found == wanted[2], f"{way}: {cut}"
                )
                # And what a cut has left does not stand in the way of another try.
                if cut % 16 == 0:
                    peer, _, _ = self.send(TRANSFERS[2], flash, way)
                    self.assertEqual(peer.last(), (VERIFIED, TRANSFERS[2].digest))
                    self.assertEqual(self.found(flash, way), wanted[2])

    def test_pages_are_erased_before_the_first_byte_or_behind_the_last(self):
        for way in WAYS:
            flash = self.filled(way, 2)
            _, _, log = self.send(TRANSFERS[2], flash, way)
            self.assertEqual(log.lstrip("e").count("e"), 0)
            self.assertGreater(log.count("e"), 2)

    def test_the_sender_is_told_before(self):
        for way in WAYS:
            receiver = Receiver(MODEL, way, flash=Flash())
            self.addCleanup(receiver.close)
            peer = Initiator(receiver)
            peer.open()
            records = TRANSFERS[0].records
            peer.data(records[0])
            kinds = [frame[0] for frame in peer.frames]
            self.assertEqual(kinds.count(BUSY), way == DIRECT)
            self.assertEqual(peer.last(), (ACCEPT, b""))
            peer.data(b"".join(records[1:]))
            busy = [frame[2] for frame in peer.frames if frame[0] == BUSY]
            # Five pages of 20 ms, and behind the last byte 728 of image, 32 in a millisecond.
            erasing = 5 * 20
            wanted = [erasing + 22] if way == BACKED else [erasing, 22]
            self.assertEqual(busy, [struct.pack("<H", each) for each in wanted])

    def test_what_takes_too_long_to_tell_is_the_most_that_can_be_told(self):
        receiver = Receiver(MODEL, BACKED, flash=Flash())
        self.addCleanup(receiver.close)
        receiver.behave(check_milliseconds=0xFFFF)
        peer = Initiator(receiver)
        peer.open()
        peer.data(b"".join(TRANSFERS[0].records))
        busy = [frame[2] for frame in peer.frames if frame[0] == BUSY]
        self.assertEqual(busy, [b"\xff\xff"])

    def test_who_does_not_wait_for_accept(self):
        receiver = Receiver(MODEL, DIRECT, flash=Flash())
        self.addCleanup(receiver.close)
        peer = Initiator(receiver)
        peer.open()
        peer.pass_on(peer.frame(DATA, 0, TRANSFERS[0].records[0] + whole(1, bytes(120))[:30]))
        self.assertEqual(peer.last(), (FAILED, b"\5"))
        self.assertEqual(receiver.library.h_flash_log(receiver.handle), b"")

    def test_a_corrupted_page_brings_back_the_model_before(self):
        for way in WAYS:
            wanted = self.images(way)
            flash = self.filled(way, 2)
            for offset in (0, 5, 30, 60, 96, 353, 380, 600):
                damaged = bytearray(flash.buffer.raw)
                damaged[HALF + offset] ^= 0x10
                self.assertEqual(self.found(Flash(bytes(damaged)), way), wanted[0], offset)
                damaged[offset] ^= 0x10
                self.assertIsNone(self.found(Flash(bytes(damaged)), way))

    def test_rolling_back_takes_one_write(self):
        for way in WAYS:
            wanted = self.images(way)
            flash = self.filled(way, 1)
            # Without one before, the model in use stays.
            self.assertIsNone(self.found(flash, way, rolls_back=True))
            self.assertEqual(self.found(flash, way), wanted[0])
            self.send(TRANSFERS[1], flash, way)
            before = flash.buffer.raw
            self.assertEqual(self.found(flash, way, rolls_back=True), wanted[0])
            changed = [i for i, (a, b) in enumerate(zip(before, flash.buffer.raw)) if a != b]
            self.assertEqual(changed, [HALF + 112 + i for i in range(4)])
            self.assertEqual(self.found(flash, way), wanted[0])
            # The next one takes the place of the one that was revoked.
            self.send(TRANSFERS[2], flash, way)
            self.assertEqual(self.found(flash, way), wanted[2])
            self.assertEqual(self.found(flash, way, rolls_back=True), wanted[0])

    def test_worn_flash(self):
        for way in WAYS:
            image, _ = self.images(way)[1]
            mask = 0xFF if way == DIRECT else 0
            place = max(i for i, byte in enumerate(image) if not (byte ^ mask) & 1)
            flash = self.filled(way, 1)
            flash.worn = HALF + IMAGE + place
            peer, _, _ = self.send(TRANSFERS[1], flash, way)
            kind, body = peer.last()
            self.assertEqual(kind, FAILED)
            # Where weights go straight to flash, the digests are of what is in it.
            wanted = b"\4" if way == DIRECT else b"\3flash does not hold what was written"
            self.assertEqual(body, wanted)
            self.assertEqual(self.found(flash, way), self.images(way)[0])

    def test_model_of_another_table(self):
        """What stays there is of no use to another firmware."""
        flash = self.filled(BACKED, 1)
        other = Receiver([("large", 1, (20, 30)), *MODEL[1:]], BACKED, flash=flash)
        self.addCleanup(other.close)
        self.assertFalse(other.library.h_is_kept(other.handle))
        self.assertEqual(set(other.image), {0})
