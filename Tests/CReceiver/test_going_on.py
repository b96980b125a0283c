"""Transfers that go on behind a reset or a power cut, by what is noted in flash: Protocol.md §5.11,
Hardware/store.md."""

import itertools
import struct
import unittest
import zlib

from framing import BUSY
from library import Flash
from peer import (
    ACCEPT, BASIS, FAILED, FINISH, VERIFIED, manifest, read_varint, record, terms,
)  # fmt: skip
from test_flash import BACKED, DIRECT, MODEL
from test_held import KEEPING, MODEL_BYTES, TRANSFERS, Device
from test_transfers import Transfer

IDENTITY, OTHER = b"identity", b"another."
RESUME = ("WT_RESUME=1",)
WAYS = ((*BACKED, *RESUME), (*DIRECT, *RESUME, "NOTE_INTERVAL=100u"))
LONG = [Transfer(MODEL, seed=seed) for seed in (11, 12)]
HALF = 5 * 256
JOURNAL = 2 * HALF


def stream(transfer):
    return b"".join(transfer.records[1:])


class Board(Device):
    """A device that goes on; what it is sent, and what it has noted."""

    def unfinished(self):
        """Identity and bytes of the stream; nothing for none."""
        rest = self.info()[2]
        if not rest:
            return None
        count, end = read_varint(rest, 8)
        assert end == len(rest), rest
        return rest[:8], count

    def offer(self, identity=IDENTITY, goes_on=False, base=b"", basis=b""):
        peer = self.open()
        peer.data(manifest(MODEL, tail=terms(identity, goes_on, base=base)))
        if basis:
            peer.data(record(BASIS, basis))
        return peer

    def begin(self, data, **keywords):
        """A transfer breaks off behind these bytes."""
        peer = self.offer(**keywords)
        assert peer.last() == (ACCEPT, b""), peer.last()
        peer.data(data, 48)

    def go_on(self, transfer, **keywords):
        """It goes on where it stands: from where, and the last word."""
        unfinished = self.unfinished()
        assert unfinished, "nothing to go on with"
        peer = self.offer(goes_on=True, **keywords)
        return unfinished[1], self.say(peer, stream(transfer)[unfinished[1] :])

    def say(self, peer, data):
        """Up to the last word."""
        for at in range(0, len(data), 48):
            if peer.last()[0] == FAILED:
                break
            peer.data(data[at : at + 48])
        return peer.last()

    def send_on(self, transfer, **keywords):
        """As a sender does: goes on if that is possible, else begins anew."""
        unfinished = self.unfinished()
        if unfinished and unfinished[0] == IDENTITY:
            return self.go_on(transfer, **keywords)[1]
        return self.say(self.offer(**keywords), stream(transfer))

    def log(self):
        return self.receiver.library.h_flash_log(self.receiver.handle).decode()

    def memory(self):
        states = [self.receiver.state(index) for index in range(len(MODEL))]
        return self.receiver.image, states


class GoingOnTests(unittest.TestCase):
    def board(self, way, flash=None):
        board = Board(way, flash or Flash())
        self.addCleanup(board.close)
        return board

    def wanted(self, transfer):
        board = self.board(())
        self.assertEqual(board.send(transfer), (VERIFIED, transfer.digest))
        return board.memory()

    def assert_done(self, board, transfer, last):
        self.assertEqual(last, (VERIFIED, transfer.digest))
        self.assertEqual(board.memory(), self.wanted(transfer))
        self.assertIsNone(board.unfinished())
        board.reset()
        self.assertEqual(board.memory(), self.wanted(transfer))
        self.assertIsNone(board.unfinished())

    def test_reset(self):
        for way, unit in itertools.product(WAYS, (1, 2, 4, 8, 16)):
            with self.subTest(way=way, unit=unit):
                board = self.board(way, Flash(unit=unit))
                self.assertEqual(board.send(TRANSFERS[0]), (VERIFIED, TRANSFERS[0].digest))
                data = stream(LONG[0])
                board.begin(data[: len(data) * 4 // 5])
                board.reset()
                # What was in use is in use.
                self.assertEqual(board.memory(), self.wanted(TRANSFERS[0]))
                identity, count = board.unfinished()
                self.assertEqual(identity, IDENTITY)
                self.assertGreater(count, len(data) // 2)
                begun, last = board.go_on(LONG[0])
                self.assertEqual(begun, count)
                self.assert_done(board, LONG[0], last)

    def test_break_at_every_byte(self):
        """Whatever the place: the rest makes the same model, also where the image is ahead."""
        data = stream(LONG[0])
        for way in WAYS:
            for cut in range(1, len(data), 7):
                board = self.board(way)
                board.begin(data[:cut])
                if cut % 2:
                    board.reset()
                last = board.send_on(LONG[0])
                self.assertEqual(last, (VERIFIED, LONG[0].digest), (way, cut))
                self.assertEqual(board.memory(), self.wanted(LONG[0]))
                board.close()

    def test_resets_time_and_again(self):
        data = stream(LONG[0])
        for way in WAYS:
            board = self.board(way)
            board.send(TRANSFERS[0])
            board.begin(data[: len(data) // 2])
            reached = 0
            for end in range(len(data) * 6 // 10, len(data), 37):
                board.reset()
                begun = board.unfinished()[1]
                self.assertGreaterEqual(begun, reached)
                reached = begun
                peer = board.offer(goes_on=True)
                peer.data(data[begun:end], 48)
            board.reset()
            self.assert_done(board, LONG[0], board.go_on(LONG[0])[1])

    def test_power_cuts(self):
        """In every operation: the model before stays, and the transfer comes to its end."""
        before = self.wanted(TRANSFERS[0])
        for way in WAYS:
            filled = self.board(way)
            filled.send(TRANSFERS[0])
            whole = self.board(way, filled.flash.copy())
            self.assertEqual(whole.send_on(LONG[0]), (VERIFIED, LONG[0].digest))
            count = len(whole.log())
            self.assertGreater(count, 200)
            gone_on = 0
            for cut in range(0, count, 3):
                flash = filled.flash.copy()
                flash.cut, flash.seed = cut, cut + 1
                board = self.board(way, flash)
                board.send_on(LONG[0])
                flash.cut = 0xFFFFFFFF
                board.reset()
                if cut < count - 1:
                    self.assertEqual(board.memory(), before, (way, cut))
                gone_on += board.unfinished() is not None
                self.assertEqual(board.send_on(LONG[0]), (VERIFIED, LONG[0].digest), (way, cut))
                self.assertEqual(board.memory(), self.wanted(LONG[0]))
                board.close()
            self.assertGreater(gone_on, count // 12)

    def test_power_cuts_of_what_goes_on(self):
        data = stream(LONG[0])
        for way in WAYS:
            begun = self.board(way)
            begun.send(TRANSFERS[0])
            begun.begin(data[: len(data) * 2 // 3])
            count = None
            for cut in itertools.count(0, 3):
                flash = begun.flash.copy()
                flash.cut, flash.seed = cut, cut + 5
                board = self.board(way, flash)
                board.go_on(LONG[0])
                count = len(board.log())
                flash.cut = 0xFFFFFFFF
                board.reset()
                self.assertEqual(board.send_on(LONG[0]), (VERIFIED, LONG[0].digest), (way, cut))
                self.assertEqual(board.memory(), self.wanted(LONG[0]))
                board.close()
                if cut >= count:
                    break

    def test_another_transfer_gives_up_what_is_unfinished(self):
        data = stream(LONG[0])
        for way in WAYS:
            board = self.board(way)
            board.begin(data[: len(data) * 2 // 3])
            board.reset()
            # One that is refused does not.
            board.ask(manifest([*MODEL[:2], ("counters", 19, ())], tail=terms(OTHER)))
            self.assertEqual(board.unfinished()[0], IDENTITY)
            self.assertEqual(board.ask(record(200)), [(FAILED, b"\5")])
            self.assertEqual(board.unfinished()[0], IDENTITY)
            board.begin(stream(LONG[1])[:40], identity=OTHER)
            found = board.unfinished()
            self.assertTrue(found is None or found == (OTHER, 40), found)
            board.reset()
            self.assertEqual(board.send_on(LONG[0]), (VERIFIED, LONG[0].digest))
            self.assertEqual(board.memory(), self.wanted(LONG[0]))

    def test_a_stream_without_identity(self):
        for way in WAYS:
            board = self.board(way)
            board.begin(stream(LONG[0])[:700], identity=bytes(8))
            self.assertIsNone(board.unfinished())
            board.reset()
            self.assertIsNone(board.unfinished())
            self.assertEqual(board.send(LONG[0]), (VERIFIED, LONG[0].digest))

    def test_going_on_with_another_one(self):
        for way in WAYS:
            board = self.board(way)
            self.assertEqual(board.offer(goes_on=True).last(), (FAILED, b"\5"))
            board.begin(stream(LONG[0])[:700])
            self.assertEqual(board.offer(OTHER, goes_on=True).last(), (FAILED, b"\5"))
            self.assertEqual(board.unfinished()[0], IDENTITY)

    def test_what_has_failed_does_not_go_on(self):
        """Digests that do not fit: a sender that tries again begins anew."""
        for way in WAYS:
            board = self.board(way)
            data = stream(LONG[0])
            peer = board.offer()
            peer.data(data[: -len(record(FINISH, bytes(32)))], 48)
            peer.data(record(FINISH, bytes(32)))
            self.assertEqual(peer.last(), (FAILED, b"\4"))
            self.assertIsNone(board.unfinished())
            board.reset()
            self.assertIsNone(board.unfinished())
            self.assert_done(board, LONG[0], board.send_on(LONG[0]))

    def test_kept_tensors(self):
        base = TRANSFERS[0]
        for way in WAYS:
            board = self.board((*way, "WT_KEEP=1"))
            board.send(base)
            keywords = {"base": base.digest, "basis": bytes([1 | 1 << 4])}
            board.begin(stream(KEEPING)[:130], **keywords)
            board.reset()
            count = board.unfinished()
            last = board.send_on(KEEPING, **keywords)
            self.assertEqual(last, (VERIFIED, KEEPING.digest), (way, count))
            self.assertEqual(board.info()[1][0], KEEPING.digest)

    def test_what_is_in_a_slot(self):
        """The stream, where the image is in memory."""
        board = self.board(WAYS[0])
        data = stream(LONG[0])
        board.begin(data[:400])
        raw = board.flash.buffer.raw
        slot = raw[:HALF]
        table = manifest(MODEL)
        table = table[read_varint(table, 1)[1] + read_varint(table, 1)[0] :]
        head = b"WTJS" + struct.pack("<II", 1, zlib.crc32(table)) + IDENTITY
        checksum = zlib.crc32(head)
        head += struct.pack("<I", checksum)
        self.assertEqual(slot[:128], head.ljust(128, b"\xff"))
        for number in (1, 2, 3):
            piece = data[124 * (number - 1) : 124 * number]
            sealed = struct.pack("<II", checksum, number) + piece
            wanted = piece + struct.pack("<I", zlib.crc32(sealed))
            self.assertEqual(slot[128 * number : 128 * (number + 1)], wanted)
        self.assertEqual(board.unfinished(), (IDENTITY, 372))
        board.reset()
        self.assertEqual(board.unfinished(), (IDENTITY, 372))

    def test_the_journal(self):
        """Entries in two pages, in turns."""
        board = self.board(WAYS[1])
        data = stream(LONG[0])
        board.begin(data[: len(data) * 4 // 5])
        first = board.flash.buffer.raw[JOURNAL:]
        self.assertEqual(first[:20], b"\xff" * 16 + b"WTJC")
        number, generation, count = struct.unpack_from("<III", first, 20)
        self.assertEqual((number, generation), (1, 1))
        self.assertEqual(first[32:40], IDENTITY)
        self.assertTrue(100 <= count < 400, count)
        # The session has ended, which is noted, too.
        self.assertEqual(board.unfinished()[1], len(data) * 4 // 5)

    def test_damaged_notes(self):
        """What has changed is not gone on with."""
        data = stream(LONG[0])
        for way in WAYS:
            begun = self.board(way)
            begun.begin(data[: len(data) // 3])
            # Of blocks that are whole, and of the journal's first page.
            written = 128 * (1 + begun.unfinished()[1] // 124)
            start, end = (0, written) if way == WAYS[0] else (JOURNAL + 16, JOURNAL + 256)
            for place in range(start, end, 13):
                content = bytearray(begun.flash.buffer.raw)
                content[place] ^= 0x20
                board = self.board(way, Flash(bytes(content)))
                last = board.send_on(LONG[0])
                self.assertEqual(last, (VERIFIED, LONG[0].digest), (way, place))
                self.assertEqual(board.memory(), self.wanted(LONG[0]))
                board.close()

    def test_the_sender_is_told(self):
        """Of what is erased in the middle, of the page that is turned."""
        board = self.board(WAYS[1])
        peer = board.offer()
        peer.data(stream(LONG[0])[:-100], 48)
        waits = [struct.unpack("<H", frame[2][:2])[0] for frame in peer.frames if frame[0] == BUSY]
        # Five pages and two of the journal, of 20 ms each; then one by one.
        self.assertEqual(waits[0], 7 * 20)
        self.assertEqual(set(waits[1:]), {20})

    def test_listing(self):
        for way in WAYS:
            board = self.board((*way, "WT_SWITCH=1"))
            board.send(TRANSFERS[0])
            board.begin(stream(LONG[0])[:700])
            count = board.unfinished()[1]
            room, slots = board.slots()
            self.assertEqual(room, MODEL_BYTES)
            self.assertEqual([slots[0][0], slots[1]], [3, (1, count)])
