"""Frames that come early are held and reported (Protocol.md §4.2, §4.3)."""

import random
import struct
import unittest

from framing import ACK, BUSY, DATA, HELLO, NAK, encode, session_number
from library import Receiver
from peer import NONCE, VERIFIED, Initiator, hello, manifest, whole
from test_transfers import Transfer

WINDOW = 19
MODEL = [("w", 24, (400,))]
STREAM = manifest(MODEL) + whole(0, bytes(range(200)) * 2)


def report(*distances):
    """Of the blocks that are so far behind the expected one."""
    bits = sum(1 << distance - 1 for distance in distances)
    return bytes(4) + bits.to_bytes((max(distances) + 7) // 8, "little")


class WindowTests(unittest.TestCase):
    def make(self, model=MODEL):
        receiver = Receiver(model, ("WT_WINDOW=1",))
        self.addCleanup(receiver.close)
        peer = Initiator(receiver)
        peer.open()
        return receiver, peer

    def blocks(self, peer, first, last, stream=STREAM):
        """The answer to a frame of these blocks."""
        payload = stream[16 * first : 16 * last + 16]
        return peer.pass_on(peer.frame(DATA, first % 4096, payload))[0]

    def test_welcome(self):
        _, peer = self.make()
        self.assertEqual(struct.unpack_from("<HHI", peer.welcome, 12), (262, WINDOW, 1))

    def test_gaps_are_held_and_reported(self):
        receiver, peer = self.make()
        self.assertEqual(self.blocks(peer, 2, 3), (ACK, 0, report(2, 3)))
        self.assertEqual(self.blocks(peer, 11, 11), (ACK, 0, report(2, 3, 11)))
        self.assertEqual(self.blocks(peer, 0, 0), (ACK, 1, report(1, 2, 10)))
        self.assertEqual(peer.pass_on(b"\5abcd\0"), [(NAK, 1, report(1, 2, 10))])
        receiver.busy(500)
        self.assertEqual(peer.collect(), [(BUSY, 1, b"\xf4\1" + report(1, 2, 10))])
        peer.now = 500
        self.assertEqual(self.blocks(peer, 1, 1), (ACK, 4, report(7)))
        # What is held comes again, with what is behind it.
        self.assertEqual(self.blocks(peer, 3, 12), (ACK, 13, b""))

    def test_what_is_not_held(self):
        _, peer = self.make()
        self.assertEqual(self.blocks(peer, WINDOW, WINDOW + 3), (ACK, 0, report(WINDOW)))
        self.assertEqual(self.blocks(peer, 300, 300, bytes(9999)), (ACK, 0, report(WINDOW)))
        short = peer.frame(DATA, 5, STREAM[80:100])
        self.assertEqual(peer.pass_on(short)[0], (ACK, 0, report(5, WINDOW)))
        self.assertEqual(self.blocks(peer, 0, 2), (ACK, 3, report(2, WINDOW - 3)))

    def test_peer_without_a_window(self):
        receiver = Receiver(MODEL, ("WT_WINDOW=1",))
        self.addCleanup(receiver.close)
        peer = Initiator(receiver)
        [(_, _, welcome)] = peer.pass_on(encode(0, 0, HELLO, 0, hello(capabilities=2)))
        peer.session = session_number(NONCE, struct.unpack_from("<I", welcome, 4)[0])
        peer.pass_on(peer.frame(ACK))
        self.assertEqual(self.blocks(peer, 2, 3), (ACK, 0, b""))
        self.assertEqual(self.blocks(peer, 0, 1), (ACK, 2, b""))

    def test_what_is_held_is_forgotten_where_a_session_goes_on(self):
        _, peer = self.make()
        self.blocks(peer, 0, 0)
        self.assertEqual(self.blocks(peer, 3, 3), (ACK, 1, report(2)))
        before, peer.nonce = peer.session, 99
        peer.open(goes_on=before)
        self.assertEqual(self.blocks(peer, 0, 0), (ACK, 1, b""))

    def test_frames_in_any_order_with_losses(self):
        for seed in range(20):
            draw = random.Random(seed)
            transfer = Transfer(seed=seed, plane_count=2)
            receiver, peer = self.make(transfer.model)
            stream = b"".join(transfer.records)
            last, expected, seen = (len(stream) - 1) // 16, 0, set()
            for _ in range(20000):
                if expected > last:
                    break
                # A short block waits until all before it has been acknowledged.
                missing = [b for b in range(expected, min(expected + WINDOW + 1, last + 1)) if b not in seen]
                first = draw.choice(missing)
                end = min(first + draw.randrange(8), expected + WINDOW, last)
                frame = bytearray(peer.frame(DATA, first % 4096, stream[16 * first : 16 * end + 16]))
                if draw.random() < 0.3:
                    frame[draw.randrange(len(frame) - 1)] ^= 1 << draw.randrange(8)
                for kind, number, payload in peer.pass_on(bytes(frame)):
                    if kind == ACK:
                        expected += (number - expected) % 4096
                        bits = int.from_bytes(payload[4:], "little")
                        seen = {expected + 1 + i for i in range(WINDOW) if bits >> i & 1}
            self.assertEqual(peer.last(), (VERIFIED, transfer.digest), seed)
