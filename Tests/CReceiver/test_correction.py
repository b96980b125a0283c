"""Frames that carry parity are put right (Protocol.md §3.5), and what was corrected is reported (§4.3)."""

import ctypes
import random
import struct
import unittest

from framing import (
    ACK, DATA, FIRST_KIND_WITH_PARITY, HELLO, NAK, PING, STRENGTHS, encode, parity, session_number,
    stuff, unstuff,
)  # fmt: skip
from library import Receiver, library
from peer import NONCE, VERIFIED, Initiator, hello, manifest, whole
from test_transfers import Transfer
from test_vectors import lines, unhex

OPTION = "WT_CORRECTION=1"
CODEWORD, CODEWORDS = 255, 8
LOST = 0xFFFF
MODEL = [("w", 24, (400,))]
STREAM = manifest(MODEL) + whole(0, bytes(range(200)) * 2)


def kind_of(strength):
    return FIRST_KIND_WITH_PARITY + STRENGTHS.index(strength)


def hit(frame, places, draw):
    """The frame with other bytes in these places; another one may take its place in the stuffing."""
    frame = bytearray(frame)
    for place in places:
        frame[place] ^= draw.randrange(1, 256)
    return bytes(frame)


def places_of_errors(total, count, draw):
    """So many in each codeword."""
    codewords = -(-total // CODEWORD)
    return [
        place
        for first in range(codewords)
        for place in draw.sample(range(first, total, codewords), min(count, (total - first - 1) // codewords + 1))
    ]  # fmt: skip


def correct(frame, strength):
    """Errors found, and the frame that is left."""
    memory = (ctypes.c_uint8 * len(frame)).from_buffer_copy(frame)
    found = library(OPTION).h_correct(memory, len(frame), strength)
    return found, bytes(memory)


class FieldTests(unittest.TestCase):
    def test_golden_vectors(self):
        """With up to as many errors in each codeword as the strength is, anywhere."""
        draw = random.Random(1)
        for strength, covered, added in lines("parity.txt"):
            strength, sent = int(strength), unhex(covered) + unhex(added)
            self.assertEqual(correct(sent, strength), (0, sent))
            for count in range(1, strength + 1):
                places = places_of_errors(len(sent), count, draw)
                found = correct(hit(sent, places, draw), strength)
                self.assertEqual(found, (len(places), sent), (strength, len(sent)))

    def test_bursts(self):
        for strength in STRENGTHS:
            covered = random.Random(strength).randbytes(2 * (CODEWORD - 2 * strength))
            sent = covered + parity(strength, covered)
            for first in range(0, len(sent) - 2 * strength, 17):
                places = range(first, first + 2 * strength)
                damaged = hit(sent, places, random.Random(first))
                self.assertEqual(correct(damaged, strength), (2 * strength, sent))

    def test_more_errors_are_mostly_seen(self):
        draw = random.Random(2)
        for strength in STRENGTHS[1:]:
            covered = draw.randbytes(100)
            sent = covered + parity(strength, covered)
            lost = 0
            for _ in range(50):
                found, frame = correct(hit(sent, draw.sample(range(100), strength + 1), draw), strength)
                self.assertNotEqual(frame, sent)
                lost += found == LOST
            self.assertGreater(lost, 10)

    def test_sizes(self):
        for strength in STRENGTHS:
            covered_most = CODEWORD - 2 * strength
            wanted = {}
            for size in range(6, CODEWORDS * covered_most + 1):
                wanted[size + 2 * strength * -(-size // covered_most)] = size
            for total in range(CODEWORDS * CODEWORD + 600):
                found = library(OPTION).h_size_without_parity(total, strength)
                self.assertEqual(found, wanted.get(total, 0), (total, strength))


class CorrectionTests(unittest.TestCase):
    def make(self, options=(OPTION,), model=MODEL):
        receiver = Receiver(model, options)
        self.addCleanup(receiver.close)
        peer = Initiator(receiver)
        peer.open()
        return peer

    def damaged(self, peer, number, strength, places, payload=None):
        """The answer to a frame of a block with parity, damaged before it is stuffed."""
        payload = payload or STREAM[16 * number : 16 * number + 16]
        frame = unstuff(peer.frame(kind_of(strength), number, payload)[:-1])
        frame = hit(frame, places, random.Random(number))
        return peer.pass_on(stuff(frame) + b"\0")[0]

    def test_welcome(self):
        self.assertEqual(struct.unpack_from("<I", self.make().welcome, 16)[0], 2)
        both = self.make((OPTION, "WT_WINDOW=1"))
        self.assertEqual(struct.unpack_from("<I", both.welcome, 16)[0], 3)

    def test_report(self):
        """Of bytes and frames, once there are any."""
        peer = self.make()
        self.assertEqual(self.damaged(peer, 0, 1, []), (ACK, 1, b""))
        self.assertEqual(self.damaged(peer, 1, 2, [5, 12]), (ACK, 2, b"\2\0\1\0"))
        self.assertEqual(self.damaged(peer, 2, 8, range(10, 18)), (ACK, 3, b"\n\0\2\0"))
        self.assertEqual(peer.pass_on(peer.frame(PING)), [(ACK, 3, b"\n\0\2\0")])
        self.assertEqual(self.damaged(peer, 3, 2, [5, 12, 9]), (NAK, 3, b"\n\0\2\0"))
        self.assertEqual(peer.pass_on(peer.frame(DATA, 3, STREAM[48:64])), [(ACK, 4, b"\n\0\2\0")])

    def test_parity_that_is_hit(self):
        peer = self.make()
        self.assertEqual(self.damaged(peer, 0, 1, [22]), (ACK, 1, b""))

    def test_header_that_is_hit(self):
        """Its strength is taken to be the last one's, once there was one."""
        peer = self.make()
        self.assertEqual(self.damaged(peer, 0, 4, [1])[:2], (NAK, 0))
        self.assertEqual(self.damaged(peer, 0, 4, []), (ACK, 1, b""))
        for number in range(1, 9):
            self.assertEqual(self.damaged(peer, number, 4, [0, 1])[:2], (ACK, number + 1))
        self.assertEqual(self.damaged(peer, 9, 3, [0, 1])[:2], (NAK, 9))

    def test_frame_of_another_strength(self):
        peer = self.make()
        frame = bytearray(unstuff(peer.frame(kind_of(2), 0, STREAM[:16])[:-1]))
        frame[-2:] = b""  # of parity, as with strength 1, whose kind it has not
        self.assertEqual(peer.pass_on(stuff(bytes(frame)) + b"\0")[0][:2], (NAK, 0))

    def test_first_frame_of_a_session(self):
        """It is not put right: nobody knows yet what it belongs to."""
        receiver = Receiver(MODEL, (OPTION,))
        self.addCleanup(receiver.close)
        peer = Initiator(receiver)
        [(_, _, welcome)] = peer.pass_on(encode(0, 0, HELLO, 0, hello()))
        peer.session = session_number(NONCE, struct.unpack_from("<I", welcome, 4)[0])
        frame = bytearray(peer.frame(kind_of(1), 0, STREAM[:16]))
        frame[9] ^= 1
        self.assertEqual(peer.pass_on(bytes(frame)), [])

    def test_peer_that_offers_none(self):
        """Its parity is looked over, and nothing is reported."""
        receiver = Receiver(MODEL, (OPTION,))
        self.addCleanup(receiver.close)
        peer = Initiator(receiver)
        [(_, _, welcome)] = peer.pass_on(encode(0, 0, HELLO, 0, hello(capabilities=1)))
        peer.session = session_number(NONCE, struct.unpack_from("<I", welcome, 4)[0])
        peer.pass_on(peer.frame(ACK))
        self.assertEqual(self.damaged(peer, 0, 1, []), (ACK, 1, b""))
        self.assertEqual(self.damaged(peer, 1, 1, [4]), (NAK, 1, b""))

    def test_counts_begin_anew_with_a_session(self):
        peer = self.make()
        self.assertEqual(self.damaged(peer, 0, 2, [5, 12]), (ACK, 1, b"\2\0\1\0"))
        before, peer.nonce = peer.session, 99
        self.assertEqual(peer.open(goes_on=before)[0], (ACK, 1, b""))
        self.assertEqual(self.damaged(peer, 1, 2, [1]), (NAK, 1, b""))

    def test_counts_wrap(self):
        """Each by itself, at 65,536."""
        peer = self.make()
        frame = unstuff(peer.frame(kind_of(8), 0, STREAM[:16])[:-1])
        wire = stuff(hit(frame, range(2, 10), random.Random(3))) + b"\0"
        for _ in range(65536 // 8 - 1):
            peer.receiver.receive(wire, 0)
            peer.receiver.transmit(0)
        self.assertEqual(peer.pass_on(wire)[0], (ACK, 1, b"\0\0\0\x20"))

    def test_beside_a_window(self):
        peer = self.make((OPTION, "WT_WINDOW=1"))
        self.assertEqual(self.damaged(peer, 2, 1, []), (ACK, 0, bytes(4) + b"\2"))
        self.assertEqual(self.damaged(peer, 4, 1, [3]), (ACK, 0, b"\1\0\1\0\x0a"))
        self.assertEqual(self.damaged(peer, 0, 1, []), (ACK, 1, b"\1\0\1\0\5"))

    def test_whole_transfers(self):
        """Damaged on the line: a hit of the stuffing costs the frame, any other one nothing."""
        for seed in range(6):
            draw = random.Random(seed)
            transfer = Transfer(seed=seed, plane_count=2)
            peer = self.make(model=transfer.model)
            stream, strength = b"".join(transfer.records), draw.choice(STRENGTHS)
            last, lost, next_block = (len(stream) - 1) // 16, 0, 0
            while next_block <= last:
                payload = stream[16 * next_block : 16 * next_block + draw.choice([16, 160, 224])]
                wire = peer.frame(kind_of(strength), next_block % 4096, payload)
                places = draw.sample(range(len(wire) - 1), draw.randrange(strength + 1))
                number = peer.pass_on(hit(wire, places, draw))[0][1]
                lost += number == next_block
                next_block += (number - next_block) % 4096
            self.assertEqual(peer.last(), (VERIFIED, transfer.digest), seed)
            frames = struct.unpack_from("<H", self.report(peer), 2)[0]
            self.assertGreater(frames, lost)

    def report(self, peer):
        """The last one, all of whose bits of blocks are zero."""
        return [payload for kind, _, payload in peer.frames if kind in (ACK, NAK)][-1]
