"""The model comes back from a receiver that holds it: Protocol.md §5.13."""

import hashlib
import unittest

from framing import CLOSE
from library import Flash
from peer import (
    ACCEPT, CONTENT, DIGEST, FAILED, FETCH, FINISH, METRIC, OFFER, UNIT, VERIFIED, manifest, read_varint,
    record, tensor_records, varint,
)  # fmt: skip
from test_flash import BACKED, DIRECT, MODEL
from test_held import BEHIND_FUNCTIONS, TRANSFERS, Device
from test_transfers import Transfer

GIVE = ("WT_FETCH=1",)
STORES = ((), BEHIND_FUNCTIONS, BACKED, DIRECT)
WAYS = (BACKED, DIRECT)
TAKES = b"\1\0\0\4host"
SMALLEST_MTU = 32
# A content of two records, of planes and of bytes; all kinds of floats.
LARGE = [("w", 1, (75, 60)), ("bytes", 24, (20000,)), ("h", 3, (40, 20)), ("d", 2, (600, 1)), ("none", 1, (0,))]


def fetch(digest=bytes(32), position=0, takes=TAKES):
    return record(FETCH, digest + varint(position) + takes)


def parse(said):
    """Records one behind the other: (kind, body)."""
    found, place = [], 0
    while place < len(said):
        length, start = read_varint(said, place + 1)
        found.append((said[place], said[start : start + length]))
        place = start + length
    return found


class GivingTests(unittest.TestCase):
    def device(self, options, flash=None):
        device = Device(options, flash)
        self.addCleanup(device.close)
        return device

    def fetch(self, device, digest=bytes(32), position=0, mtu=1024):
        """The offer, and the stream behind the manifest; the receiver's end of the session is checked."""
        peer = device.open(mtu)
        before = len(peer.said)
        peer.data(fetch(digest, position))
        if peer.last()[0] == FAILED:
            return peer.last(), None
        offer = bytes(peer.said[before:])
        peer.data(record(ACCEPT))
        stream = bytes(peer.said[before + len(offer) :])
        peer.data(record(VERIFIED, stream[-32:]))
        self.assertEqual([frame[2] for frame in peer.frames if frame[0] == CLOSE], [b"\0"] * 2)
        [(kind, body), *_] = parse(offer)
        self.assertEqual(kind, OFFER)
        self.assertEqual(tensor_records(offer), tensor_records(manifest(device.model)))
        return body, stream

    def contents(self, stream):
        """Of each tensor that comes, by index; FINISH is checked to be the end."""
        found = {}
        records = parse(stream)
        for kind, body in records[:-1]:
            if kind == UNIT:
                index, end = read_varint(body, 0)
                self.assertEqual(body[end:], bytes(3))
                found[index] = b""
            elif kind == CONTENT:
                found[index] += body
            else:
                self.assertEqual((kind, body), (DIGEST, hashlib.sha256(found[index]).digest()))
        self.assertEqual(records[-1][0], FINISH)
        return found, records[-1][1]

    def assert_given(self, transfer, offer, stream, position=0):
        self.assertEqual(offer[:3], b"\0\0" + bytes([len(transfer.model)]))
        goes_on = bytes([4 if position else 0])
        self.assertEqual(offer[-15:], b"\5model" + transfer.digest[:8] + goes_on)
        found, digest = self.contents(stream)
        self.assertEqual(digest, transfer.digest)
        self.assertEqual(found, {i: transfer.elements(i) for i in transfer.contents})
        # The digest of the manifest and these contents: whoever takes them can check it.
        digests = b"".join(hashlib.sha256(found[i]).digest() for i in sorted(found))
        whole = hashlib.sha256(tensor_records(manifest(transfer.model)) + digests).digest()
        self.assertEqual(whole, transfer.digest)

    def test_model_comes_back(self):
        one = TRANSFERS[0]
        for store in STORES:
            with self.subTest(store=store):
                device = self.device((*GIVE, *store))
                device.send(one)
                if store in WAYS:
                    device.reset()
                for digest in bytes(32), one.digest:
                    self.assert_given(one, *self.fetch(device, digest))

    def test_large_contents_and_any_frame(self):
        sent = Transfer(LARGE, seed=4)
        for store in ((), DIRECT):
            flash = Flash(page_size=4096, page_count=16)
            device = self.device((*GIVE, *store), flash)
            device.model = LARGE
            device.reset()
            device.send(sent)
            for mtu in SMALLEST_MTU, 100, 4096:
                self.assert_given(sent, *self.fetch(device, mtu=mtu))

    def test_every_position(self):
        one = TRANSFERS[0]
        for store in ((), BACKED, DIRECT):
            device = self.device((*GIVE, *store))
            device.send(one)
            _, whole = self.fetch(device)
            for position in range(1, len(whole), 41):
                offer, stream = self.fetch(device, position=position)
                self.assertEqual(offer[-1], 4)
                self.assertEqual(stream, whole[position:], position)
            # Where there is nothing to go on with it begins at the beginning.
            for position in len(whole), len(whole) + 1, 2**40:
                offer, stream = self.fetch(device, position=position)
                self.assert_given(one, offer, stream)

    def test_models_that_are_not_there(self):
        one, other, third = TRANSFERS
        for store in STORES:
            device = self.device((*GIVE, *store))
            self.assertEqual(self.fetch(device)[0], (FAILED, b"\2"))
            device.send(one)
            self.assertEqual(self.fetch(device, third.digest)[0], (FAILED, b"\2"))
            device.send(other)
            self.assert_given(other, *self.fetch(device))
            if store in WAYS:
                self.assert_given(one, *self.fetch(device, one.digest))
            else:
                self.assertEqual(self.fetch(device, one.digest)[0], (FAILED, b"\2"))

    def test_what_the_other_end_says(self):
        """It may refuse, before and in the middle; anything else is broken."""
        device = self.device(GIVE)
        device.send(TRANSFERS[0])
        for said, closes in [
            (record(FAILED, b"\1no room"), b"\0"),
            (record(VERIFIED, bytes(32)), b"\2"),
            (record(METRIC, bytes(8)), b"\2"),
            (record(OFFER, bytes(8)), b"\2"),
            (record(200), b"\2"),
        ]:
            with self.subTest(said=said):
                peer = device.open()
                peer.data(fetch())
                peer.data(said)
                codes = [frame[2] for frame in peer.frames if frame[0] == CLOSE]
                self.assertEqual(codes, [closes] * 2)
        # And it goes on with a session of the usual kind.
        self.assertEqual(device.send(TRANSFERS[1]), (VERIFIED, TRANSFERS[1].digest))

    def test_a_fetch_that_is_cut_short(self):
        device = self.device(GIVE)
        device.send(TRANSFERS[0])
        for body in b"", bytes(31), bytes(32):
            self.assertEqual(device.ask(record(FETCH, body)), [(FAILED, b"\5")])
        # What the other end takes is not looked at.
        peer = device.open()
        peer.data(fetch(takes=b""))
        self.assertEqual(peer.records()[1][0], OFFER)
