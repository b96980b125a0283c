"""Differences that break off go on: Protocol.md §5.11, Hardware/store.md."""

import unittest

from differences import WAYS, Difference, moved
from library import Flash
from peer import VERIFIED
from test_flash import DIRECT
from test_flash import MODEL as SHORT
from test_going_on import Board, stream
from test_transfers import Transfer, expected_byte

RESUME = ("WT_RESUME=1", "NOTE_INTERVAL=100u")


class DifferencesGoingOnTests(unittest.TestCase):
    BASE = Transfer(SHORT, seed=1)
    CHANGED = moved(BASE, 80, 0.2, 0.4)
    NEW = Difference(BASE, CHANGED, kept=(2,))
    KEYWORDS = {"base": BASE.digest, "basis": NEW.basis}

    def board(self, way, flash=None):
        board = Board((*way, *RESUME), flash or Flash())
        self.addCleanup(board.close)
        return board

    def wanted(self):
        tensor = self.NEW.known[0]
        return bytes(expected_byte(tensor, i) for i in range(len(tensor.levels)))

    def assert_done(self, board, last, *where):
        self.assertEqual(last, (VERIFIED, self.NEW.digest), where)
        self.assertEqual(board.receiver.tensor(0), self.wanted(), where)
        self.assertEqual(board.info()[1], [self.NEW.digest, self.BASE.digest])

    def test_break_at_every_byte(self):
        data = stream(self.NEW)
        for way in WAYS:
            filled = self.board(way)
            filled.send(self.BASE)
            gone_on = 0
            for cut in range(1, len(data), 5):
                board = self.board(way, filled.flash.copy())
                board.begin(data[:cut], **self.KEYWORDS)
                board.reset()
                gone_on += board.unfinished() is not None
                self.assert_done(board, board.send_on(self.NEW, **self.KEYWORDS), way, cut)
                board.close()
            self.assertGreater(gone_on, len(data) // 5 * 2 // 3)

    def test_resets_time_and_again(self):
        data = stream(self.NEW)
        for way in WAYS:
            board = self.board(way)
            board.send(self.BASE)
            board.begin(data[:200], **self.KEYWORDS)
            reached = 0
            for end in range(230, len(data), 97):
                board.reset()
                begun = board.unfinished()[1]
                self.assertGreaterEqual(begun, reached)
                reached = begun
                peer = board.offer(goes_on=True, **self.KEYWORDS)
                peer.data(data[reached:end], 48)
            self.assertGreater(reached, len(data) // 2)
            board.reset()
            self.assert_done(board, board.send_on(self.NEW, **self.KEYWORDS))

    def test_power_cuts(self):
        """In every operation: the model before stays, and the difference comes to its end."""
        for way in WAYS:
            filled = self.board(way)
            filled.send(self.BASE)
            before = filled.memory()
            whole_one = self.board(way, filled.flash.copy())
            whole_one.send_on(self.NEW, **self.KEYWORDS)
            count, gone_on = len(whole_one.log()), 0
            self.assertGreater(count, 200)
            for cut in range(0, count, 3):
                flash = filled.flash.copy()
                flash.cut, flash.seed = cut, cut + 1
                board = self.board(way, flash)
                board.send_on(self.NEW, **self.KEYWORDS)
                flash.cut = 0xFFFFFFFF
                board.reset()
                if cut < count - 1:
                    self.assertEqual(board.memory(), before, (way, cut))
                gone_on += board.unfinished() is not None
                last = board.send_on(self.NEW, **self.KEYWORDS)
                self.assertEqual(last[0], VERIFIED if cut < count - 1 else last[0], (way, cut))
                if last[0] == VERIFIED:
                    self.assert_done(board, last, way, cut)
                board.close()
            self.assertGreater(gone_on, count // 12)

    def test_the_journal(self):
        """Its entries are of another kind, and longer."""
        board = self.board(WAYS[1])
        board.send(self.BASE)
        board.begin(stream(self.NEW)[:300], **self.KEYWORDS)
        journal = board.flash.buffer.raw[10 * 256 :]
        self.assertEqual(journal[16:20], b"WTJD")
        length = (96 + 4 * 3 + 60 + 4 + 15) // 16 * 16
        self.assertTrue(any(journal[16 + length - 16 : 16 + length]))
        self.assertEqual(set(journal[16 + length : 256]), {0xFF})

    def test_one_without_differences_does_not_go_on(self):
        """What the other kind of receiver has noted is nothing to this one."""
        board = self.board(WAYS[1])
        board.send(self.BASE)
        board.begin(stream(self.NEW)[:300], **self.KEYWORDS)
        other = self.board((*DIRECT, "WT_KEEP=1"), board.flash.copy())
        self.assertIsNone(other.unfinished())
        self.assertEqual(other.info()[0] & 8, 0)
