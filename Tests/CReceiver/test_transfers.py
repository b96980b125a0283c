"""Whole transfers: what stands in the image, whatever the options and however the bytes come."""

import hashlib
import random
import struct
import unittest

from coded_stream import FLAT, Stream
from library import Receiver
from peer import (
    ACCEPT, CODED, FINISH, INFO, METRIC, MILESTONE, VERIFIED, Initiator, manifest, record, whole, tensor_records,
)  # fmt: skip

MODEL = [
    ("a.weight", 1, (24, 32)),
    ("a.bias", 1, (24,)),
    ("counter", 19, ()),
    ("a.empty", 1, (0, 3)),
    ("b.half", 3, (40, 20)),
    ("b.brain", 4, (30, 2, 10)),
    ("b.double", 2, (600, 1)),
    ("zeros", 1, (512, 1)),
]
FORMATS = {1: ("f", "I"), 2: ("d", "Q"), 3: ("e", "H")}


def elements(dtype, count, draw):
    """Normally distributed, as the bytes of the dtype."""
    values = [draw.gauss(0, 0.05) for _ in range(count)]
    if dtype == 4:
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{count}{FORMATS[dtype][0]}", *values)


class Transfer:
    """A model, its stream of records, and what a receiver has to make of it."""

    def __init__(self, model=MODEL, seed=1, plane_count=7, base=None, kept=()):
        """With a base, the tensors with the indices `kept` are those of that transfer."""
        self.base, self.kept = base, kept
        draw = random.Random(seed)
        self.model = model
        self.contents, self.whole = {}, {}
        for index, (name, dtype, extents) in enumerate(model):
            count = 1
            for extent in extents:
                count *= extent
            if not count:
                continue
            if name == "zeros":
                self.contents[index] = bytes(4 * count)
            elif dtype == 19:
                self.contents[index] = struct.pack("<q", 12345)
            elif dtype == 24:
                self.contents[index] = draw.randbytes(count)
            else:
                self.contents[index] = elements(dtype, count, draw)
            if index in kept:
                self.contents[index] = base.elements(index)
            is_large = dtype <= 4 and count >= 512 and (len(extents) > 1 or count > 8192)
            self.whole[index] = not is_large
        self.code(plane_count)

    def code(self, plane_count, pass_count=None):
        """The records: small tensors, then planes, a codeword for each pass of all."""
        order = list(self.contents)
        tensors = [self.model[i][1:] for i in order]
        self.stream = Stream(tensors, FLAT)
        truth = [self.contents[i] for i in order]
        self.records = [manifest(self.model)]
        sent = [i for i in order if i not in self.kept]
        self.records += [whole(i, self.contents[i]) for i in sent if self.whole[i]]
        self.records.append(record(MILESTONE, b"\0\xff"))
        numbers = [n for n, i in enumerate(order) if i in sent and not self.whole[i]]
        for passed in range(pass_count or 2 * plane_count - 1):
            units = [(n, None) for n in numbers if self.model[order[n]][0] != "zeros" or not passed]
            codeword = self.stream.encode(truth, units)
            self.records += [
                record(CODED, codeword[at : at + 77]) for at in range(0, len(codeword), 77)
            ]
            self.records.append(record(MILESTONE, bytes([1 + passed // 2, 30])))
        self.memory = {i: self.stream.memory(n) for n, i in enumerate(order)}
        digests = [hashlib.sha256(self.elements(i)).digest() for i in order]
        self.digest = hashlib.sha256(tensor_records(self.records[0]) + b"".join(digests)).digest()
        self.records.append(record(FINISH, self.digest))

    def elements(self, index):
        """Those of a tensor as they are known in the end."""
        is_sent = self.whole[index] or index in self.kept
        return self.contents[index] if is_sent else self.memory[index]


def expected_byte(tensor, index):
    """The byte of a weight: sign, and the bits that are known."""
    level = tensor.levels[index]
    if level < 0:
        return 0
    place = 6 - (tensor.top - level)
    known = tensor.known[index]
    byte = (1 << known | tensor.trailing[index]) << place - known
    return byte | tensor.negative[index] << 7


class TransferTests(unittest.TestCase):
    def receive(self, transfer, options=(), piece=256, **keywords):
        receiver = Receiver(transfer.model, options, **keywords)
        self.addCleanup(receiver.close)
        peer = Initiator(receiver)
        peer.open()
        peer.data(b"".join(transfer.records), piece)
        return receiver, peer

    def check(self, transfer, receiver, peer):
        self.assertEqual(peer.last(), (VERIFIED, transfer.digest))
        self.assertEqual(receiver.events[-2:], ["complete 0 0", "closed 0 0"])
        for number, index in enumerate(transfer.contents):
            found = receiver.tensor(index)
            if transfer.whole[index]:
                self.assertEqual(found, transfer.contents[index])
                self.assertEqual(receiver.state(index), (0, 0, 1))
            else:
                coded = transfer.stream.tensors[number]
                wanted = [expected_byte(coded, i) for i in range(len(coded.levels))]
                self.assertEqual(list(found), wanted, transfer.model[index])
                is_zero = coded.top < 0
                passes = coded.planes + coded.refined
                state = (0xFFFF, 1, 1) if is_zero else (coded.top, passes, 1)
                self.assertEqual(receiver.state(index), state)
                if transfer.model[index][1] == 1 and not is_zero:
                    unit = 2.0 ** (coded.top - 7 - 149)
                    wanted = struct.unpack(f"<{len(found)}f", transfer.memory[index])
                    weights = [weight * unit for weight in receiver.weights(index)]
                    if coded.top > 6:  # else there may be no middle
                        self.assertEqual(weights, list(wanted))

    def test_all_dtypes_and_what_is_said(self):
        transfer = Transfer()
        receiver, peer = self.receive(transfer)
        self.check(transfer, receiver, peer)
        kinds = [kind for kind, _ in peer.records()]
        self.assertEqual(kinds, [INFO, ACCEPT, VERIFIED])
        self.assertEqual(peer.records()[0][1], b"\1\2\0\5board\7")
        self.assertEqual(receiver.events[0], "accepted 0 0")
        self.assertIn("milestone 7 30", receiver.events)

    def test_each_number_of_planes(self):
        for count in range(1, 7):
            with self.subTest(planes=count):
                transfer = Transfer(seed=count, plane_count=count)
                self.check(transfer, *self.receive(transfer))

    def test_end_between_the_passes_of_a_plane(self):
        """What is new in the plane is known better than the rest."""
        for count in range(2, 13, 2):
            with self.subTest(passes=count):
                transfer = Transfer(seed=count)
                transfer.code(7, count)
                self.check(transfer, *self.receive(transfer))

    def test_storage_behind_functions(self):
        transfer = Transfer(seed=3)
        self.check(transfer, *self.receive(transfer, ["WT_MEMORY=0"]))

    def test_smallest_buffers(self):
        transfer = Transfer(seed=4, plane_count=2)
        self.check(transfer, *self.receive(transfer, piece=16, mtu=32, outbox=128))

    def test_byte_by_byte(self):
        transfer = Transfer(seed=5, plane_count=2)
        receiver = Receiver(transfer.model)
        self.addCleanup(receiver.close)
        hand_over = receiver.receive
        receiver.receive = lambda data, now: [
            hand_over(data[i : i + 1], now) for i in range(len(data))
        ]
        peer = Initiator(receiver)
        peer.open()
        peer.data(b"".join(transfer.records))
        self.check(transfer, receiver, peer)

    def test_subnormal_floats(self):
        """Levels so low that planes run out before the seventh, and trailing bits with them."""
        draw = random.Random(6)
        for bits in (1, 3, 5, 7, 12, 25):
            with self.subTest(bits=bits):
                transfer = Transfer([("w", 1, (20, 30))], plane_count=1)
                values = [draw.getrandbits(bits) | draw.getrandbits(1) << 31 for _ in range(600)]
                values = [value if value & 0x7FFFFFFF else 0 for value in values]
                values[17] = 1 << bits - 1
                transfer.contents[0] = struct.pack("<600I", *values)
                transfer.code(min(bits, 7))
                self.check(transfer, *self.receive(transfer))

    def test_subnormal_doubles(self):
        for shift in (0, 3, 40, 48):
            transfer = Transfer([("w", 2, (20, 30))], plane_count=1)
            draw = random.Random(shift)
            values = [draw.getrandbits(9) << shift for _ in range(600)]
            values[0] = 511 << shift
            transfer.contents[0] = struct.pack("<600Q", *values)
            transfer.code(7)
            self.check(transfer, *self.receive(transfer))

    def test_without_codec(self):
        model = [("w", 1, (16, 40)), ("b", 1, (16,))]
        draw = random.Random(7)
        weights = elements(1, 16, draw) + bytes(draw.randrange(256) for _ in range(640))
        bias = elements(1, 16, draw)
        offer = manifest(model, codec=0)
        digests = b"".join(hashlib.sha256(c).digest() for c in (weights, bias))
        digest = hashlib.sha256(tensor_records(offer) + digests).digest()
        stream = offer + whole(0, weights, (2, 8, 0)) + whole(1, bias) + record(FINISH, digest)
        for options in (["WT_CODEC=0"], ["WT_CODEC=0", "WT_MEMORY=0"]):
            receiver = Receiver(model, options)
            self.addCleanup(receiver.close)
            peer = Initiator(receiver)
            peer.open()
            peer.data(stream)
            self.assertEqual(peer.records()[0], (INFO, b"\1\0\0\5board\0\2\x08"))
            self.assertEqual(peer.last(), (VERIFIED, digest))
            self.assertEqual(receiver.image, weights + bias)

    def test_without_digests(self):
        transfer = Transfer(seed=8, plane_count=2)
        receiver, peer = self.receive(transfer, ["WT_SHA256=0"])
        self.check(transfer, receiver, peer)

    def test_metrics(self):
        transfer = Transfer(seed=9, plane_count=1)
        receiver = Receiver(transfer.model)
        self.addCleanup(receiver.close)
        peer = Initiator(receiver)
        self.assertFalse(receiver.metric("accuracy", 1, 0, "%"))
        peer.open()
        self.assertFalse(receiver.metric("accuracy", 1, 0, "%"))
        peer.data(transfer.records[0])
        self.assertTrue(receiver.metric("loss", -5, 3, ""))
        peer.collect()
        self.assertEqual(peer.last(), (METRIC, b"\xff\3\xfb\xff\xff\xff\0loss"))
        peer.data(b"".join(transfer.records[1:-1]))
        self.assertTrue(receiver.metric("accuracy", 987, 1, "%"))
        peer.collect()
        self.assertEqual(peer.last(), (METRIC, b"\1\1\xdb\3\0\0\1%accuracy"))
        peer.data(transfer.records[-1])
        self.assertFalse(receiver.metric("accuracy", 1, 0, "%"))
        self.check(transfer, receiver, peer)

    def test_image_is_zero_once_the_model_is_accepted(self):
        transfer = Transfer()
        receiver = Receiver(transfer.model)
        self.addCleanup(receiver.close)
        peer = Initiator(receiver)
        peer.open()
        self.assertEqual(set(receiver.image), {0xA5})
        peer.data(transfer.records[0])
        self.assertEqual(set(receiver.image), {0})
