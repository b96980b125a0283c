"""What is refused, why, and that nothing is overwritten then (Protocol.md §5, §7)."""

import hashlib
import random
import unittest

from framing import CLOSE, DATA, PING
from library import TABLE, Receiver
from peer import (
    ACCEPT, CODED, CONTENT, DIGEST, FAILED, FINISH, MILESTONE, OFFER, TENSOR, UNIT, VERIFIED,
    Initiator, manifest, record, unit, varint, whole, tensor_records,
)  # fmt: skip
from range_coder import Encoder, Model
from test_transfers import Transfer

MODEL = [("conv.weight", 1, (16, 40)), ("conv.bias", 1, (16,)), ("count", 19, ())]
STREAM = b"\5"
KEEP = b"\3"
NO_NUMBER = KEEP + b"NaN or infinite weight"
WRONG = b"\4"


class RecordTests(unittest.TestCase):
    def feed(self, stream, model=MODEL, **keywords):
        receiver = Receiver(model, **keywords)
        self.addCleanup(receiver.close)
        peer = Initiator(receiver)
        peer.open()
        self.assertEqual(stream, bytes(stream))
        for at in range(0, len(stream), 128):
            peer.pass_on(peer.frame(DATA, peer.number, stream[at : at + 128]))
            peer.number = (peer.number + (len(stream[at : at + 128]) + 15) // 16) % 4096
        return receiver, peer

    def assert_fails(self, body, stream, **keywords):
        receiver, peer = self.feed(stream, **keywords)
        self.assertEqual(peer.last(), (FAILED, body), stream[:80])
        self.assertEqual(
            [frame for frame in peer.frames if frame[0] == CLOSE], [(CLOSE, 0, b"\2")] * 2
        )
        self.assertEqual(receiver.events[-1], "closed 2 0")
        return receiver

    def assert_refused(self, body, stream, **keywords):
        """Before a byte is overwritten."""
        receiver = self.assert_fails(body, stream, **keywords)
        self.assertEqual(set(receiver.image), {0xA5})

    def test_another_model(self):
        for other, text in [
            ([("conv.weight", 1, (16, 40)), ("conv.bias", 1, (16,))], "another count of tensors"),
            (MODEL * 100, "another count of tensors"),
            ([("conv.weights", 1, (16, 40)), *MODEL[1:]], "conv.weight: another name"),
            ([("conv", 1, (16, 40)), *MODEL[1:]], "conv.weight: another name"),
            ([MODEL[0], ("conv.biased", 1, (16,)), MODEL[2]], "conv.bias: another name"),
            ([MODEL[0], ("conv.b", 1, (16,)), MODEL[2]], "conv.bias: another name"),
            ([MODEL[0], ("conv.weight.x", 1, (16,)), MODEL[2]], "conv.bias: another name"),
            ([MODEL[0], MODEL[1], ("", 19, ())], "count: another name"),
            ([MODEL[0], MODEL[1], ("c\0unt", 19, ())], "count: another name"),
            ([("conv.weight", 3, (16, 40)), *MODEL[1:]], "conv.weight: another dtype"),
            ([("conv.weight", 1, (40, 16)), *MODEL[1:]], "conv.weight: another shape"),
            ([("conv.weight", 1, (16, 40, 1)), *MODEL[1:]], "conv.weight: another shape"),
            ([("conv.weight", 1, (640,)), *MODEL[1:]], "conv.weight: another shape"),
            ([MODEL[0], MODEL[1], ("count", 19, (1,))], "count: another shape"),
            ([("conv.weight", 1, (16, 40 + 2**32)), *MODEL[1:]], "conv.weight: another shape"),
        ]:
            with self.subTest(text, other=other[:3]):
                self.assert_refused(b"\2" + text.encode(), manifest(other))

    def test_a_file_is_no_model(self):
        file = [("", 24, (1000,))]
        self.assert_refused(b"\2tensors, not a file", manifest(file, kind=1))

    def test_shared_bytes(self):
        shared = record(TENSOR, b"\1\0\0\0\1\0")
        self.assert_refused(b"\2conv.weight: another name", manifest([], count=3) + shared)
        # The receiver of a model that has them knows where they are.
        names = ["first", "second", "third"]
        rows = [{"name": name, "dtype": "uint8", "shape": [5]} for name in names]
        rows[1]["shared_with"] = "first"
        places, size = TABLE.layout(rows, True)
        self.assertEqual([place["offset"] for place in places], [0, 0, 8])
        model = [(name, 24, (5,)) for name in names]
        receiver = Receiver(model, table=TABLE.model_table(rows))
        self.addCleanup(receiver.close)
        peer = Initiator(receiver)
        peer.open()
        table, contents = TABLE.model_table(rows), [b"12345", b"abcde"]
        offer = manifest([], count=3)
        digest = b"".join(hashlib.sha256(content).digest() for content in contents)
        digest = hashlib.sha256(table + digest).digest()
        peer.data(offer + table + whole(0, contents[0]) + whole(2, contents[1]))
        peer.data(record(FINISH, digest))
        self.assertEqual(peer.last(), (VERIFIED, digest))
        self.assertEqual(receiver.image[:size], b"12345\0\0\0abcde")

    def test_long_names_are_quoted_in_part(self):
        name = "n" * 100
        model = [(name, 1, (4,))]
        body = b"\2" + b"n" * 64 + b": another dtype"
        for outbox in (128, 192):
            self.assert_refused(body, manifest([(name, 2, (4,))]), model=model, outbox=outbox)

    def test_codecs(self):
        self.assert_refused(STREAM, manifest(MODEL, codec=2))
        self.assert_refused(STREAM, manifest(MODEL, codec=1), options=("WT_CODEC=0",))

    def test_manifests_that_break_the_rules(self):
        offer = manifest([], count=3)
        body = offer[2:]
        for stream in [
            record(OFFER, body[:-1]),
            record(OFFER, body[:2]),
            record(OFFER),
            record(OFFER, body[:3] + b"\x80\0" + body[5:]),  # a varint that is longer than it needs
            record(OFFER, body[:3] + b"\xff" * 9 + b"\1" + body[5:]),
            b"\1\xff\xff\xff\xff\1",
            bytes([OFFER]) + varint(2049),
            bytes([OFFER, 0x85, 0]) + bytes(5),
            offer + offer,
            offer + record(MILESTONE, b"\0\0"),
            offer + record(UNIT, bytes(4)),
            record(TENSOR, b"\0\0\x0bconv.weight\1\2\x10\x28"),
            record(UNIT, bytes(4)), record(CONTENT), record(DIGEST, bytes(32)), record(FINISH, bytes(32)),
            record(CODED), record(MILESTONE, b"\0\0"), record(0), record(9), record(64), record(255),
        ]:  # fmt: skip
            with self.subTest(stream[:40].hex()):
                self.assert_refused(STREAM, stream)

    def test_lengths_that_do_not_fit(self):
        """Of the records of the manifest: the bytes of the table count, and its digest."""
        transfer = Transfer(MODEL, plane_count=1)
        head = transfer.records[0]
        place = head.index(b"\2\x12\0\0") + 1
        transfer.records[0] = head[:place] + b"\x13" + head[place + 1 :]
        transfer.records[-1] = record(FINISH, hashlib.sha256(b"another").digest())
        receiver, peer = self.feed(b"".join(transfer.records))
        self.assertEqual(peer.last(), (FAILED, WRONG))

    def test_large_expectations_are_nothing_to_refuse(self):
        receiver, peer = self.feed(manifest(MODEL, expected=2**63 - 1, name=b"n" * 1024))
        self.assertEqual(peer.last(), (ACCEPT, b""))

    def test_what_is_behind_the_name_is_passed_over(self):
        stream = manifest(MODEL)
        table = tensor_records(stream)
        offer = record(OFFER, stream[2 : len(stream) - len(table)] + b"identity" + b"\4")
        receiver, peer = self.feed(offer + table)
        self.assertEqual(peer.last(), (ACCEPT, b""))

    def test_models_that_break_the_rules(self):
        count, bias = bytes(8), bytes(range(64))
        head = manifest(MODEL)
        digest = record(DIGEST, hashlib.sha256(bias).digest())
        for stream in [
            head, unit(3), unit(2**32 + 1), record(UNIT, b"\1\0\0"), record(UNIT, b"\1\0\0\0\0"), record(UNIT),
            whole(1, bias) + unit(1),
            unit(1) + unit(1),
            unit(1) + record(CONTENT, bytes(65)),
            unit(1) + record(CONTENT, bias) + record(CONTENT, b"x"),
            unit(1) + record(CONTENT, bias[:63]) + digest,
            unit(1) + record(CONTENT, bias) + record(DIGEST, bytes(31)),
            unit(1) + record(CONTENT, bias) + record(DIGEST, bytes(33)),
            unit(1) + record(CONTENT, bias) + record(MILESTONE, b"\0\0"),
            unit(1) + bytes([CONTENT]) + varint(16385),
            bytes([CODED]) + varint(16385),
            record(MILESTONE, b"\1"),
            record(FINISH, bytes(32)),
            whole(1, bias) + whole(2, count) + record(FINISH, bytes(32)),
            record(CODED, b"\xff" * 8),  # there are three tensors: 3 ends it, and more comes
        ]:  # fmt: skip
            with self.subTest(stream[:40].hex()):
                self.assert_fails(STREAM, stream if stream == head + head else head + stream)

    def test_coded_bytes_that_were_not_offered(self):
        for options in ((), ("WT_CODEC=0",)):
            stream = manifest(MODEL, codec=0) + record(CODED, b"x")
            self.assert_fails(STREAM, stream, options=options)

    def test_forms_that_are_not_kept(self):
        head = manifest(MODEL)
        for stream in [
            unit(0),
            unit(0, 2, 8),
            unit(1, 1, 8),
            unit(1, 0, 1),
            unit(1, 0, 0, 1),
            unit(1, 3, 4),
        ]:
            self.assert_fails(KEEP, head + stream)
        for stream in [unit(0), unit(0, 2, 7), unit(0, 2, 8, 1), unit(1, 2, 8)]:
            head = manifest(MODEL, codec=0)
            self.assert_fails(KEEP, head + stream, options=("WT_CODEC=0",))

    def test_digests_that_do_not_fit(self):
        bias = bytes(range(64))
        stream = manifest(MODEL) + unit(1) + record(CONTENT, bias) + record(DIGEST, bytes(32))
        self.assert_fails(WRONG, stream)
        transfer = Transfer(MODEL, plane_count=2)
        transfer.records[-1] = record(FINISH, bytes(32))
        receiver = self.assert_fails(WRONG, b"".join(transfer.records), model=MODEL)
        self.assertNotIn("complete 0 0", receiver.events)

    def test_model_that_cannot_be_stored(self):
        transfer = Transfer(MODEL, plane_count=1)
        receiver = Receiver(MODEL)
        self.addCleanup(receiver.close)
        receiver.behave(is_stored=False)
        peer = Initiator(receiver)
        peer.open()
        peer.data(b"".join(transfer.records))
        self.assertEqual(peer.last(), (FAILED, KEEP))

    def test_empty_tensors_have_no_number(self):
        transfer = Transfer(
            [("none", 1, (0,)), ("w", 1, (16, 40)), ("nil", 19, (4, 0))], plane_count=3
        )
        receiver, peer = self.feed(b"".join(transfer.records), transfer.model)
        self.assertEqual(receiver.events[-1], "closed 0 0")
        self.assert_fails(STREAM, manifest(transfer.model) + unit(0), model=transfer.model)

    # --- The coded stream ---

    def coded(self, steps, model=MODEL):
        """A codeword of bits that are given: ("raw", number, bits) or (name of a model, answer)."""
        coder, models = Encoder(), {}
        for step in steps:
            if step[0] == "raw":
                coder.raw(*step[1:])
            else:
                coder.decision(step[1], models.setdefault(step[0], Model()))
        codeword = coder.finish()
        return manifest(model) + record(CODED, codeword) + record(MILESTONE, b"\1\0")

    def test_units_that_are_not_kept(self):
        header = [("raw", 120, 9)]
        first = [("raw", 0, 2), ("mantissa", False)]
        end = [("raw", 3, 2)]
        self.assert_fails(KEEP, self.coded([("raw", 1, 2), ("mantissa", False), *end]))
        self.assert_fails(
            KEEP, self.coded([("raw", 0, 2), ("mantissa", True), ("raw", 23, 6), *end])
        )
        self.assert_fails(NO_NUMBER, self.coded([*first, *header, ("exceptions", True), *end]))
        self.assert_fails(
            STREAM, self.coded([*first, ("raw", 300, 9), ("exceptions", False), *end])
        )

    def test_planes_that_do_not_exist(self):
        zeros = [("raw", 0, 2), ("mantissa", False), ("raw", 511, 9), ("exceptions", False)]
        again = [("raw", 0, 2), ("mantissa", False)]
        end = [("raw", 3, 2)]
        receiver, _ = self.feed(self.coded([*zeros, *end]))
        self.assertEqual(receiver.state(0), (0xFFFF, 1, 1))
        self.assert_fails(STREAM, self.coded([*zeros, *again, *end]))
        transfer = Transfer(MODEL, plane_count=8)
        self.assert_fails(KEEP, b"".join(transfer.records))

    def test_codewords_that_are_cut_or_go_on(self):
        transfer = Transfer(MODEL, plane_count=1)
        place = next(i for i, r in enumerate(transfer.records) if r[0] == CODED)
        body = transfer.records[place][2:]
        for changed in (body[:-3], body + b"\0\0\0\0\1"):
            records = list(transfer.records)
            records[place] = record(CODED, changed)
            self.assert_fails(STREAM, b"".join(records))

    def test_milestones_without_units(self):
        transfer = Transfer(MODEL, plane_count=1)
        extra = record(MILESTONE, b"\2\3more") * 2
        stream = b"".join(transfer.records[:-1]) + extra + transfer.records[-1]
        receiver, peer = self.feed(stream)
        self.assertEqual(receiver.events[-1], "closed 0 0")
        self.assertEqual(receiver.events.count("milestone 2 3"), 2)

    def test_nonsense_leaves_the_receiver_alive(self):
        """Streams with damage that no checksum has seen: whatever is said, it is one of its words."""
        transfer = Transfer(MODEL, plane_count=2)
        stream = b"".join(transfer.records)
        for seed in range(300):
            draw = random.Random(seed)
            damaged = bytearray(stream)
            for _ in range(draw.randrange(1, 4)):
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
            receiver, peer = self.feed(
                bytes(damaged), options=(("WT_MEMORY=0",) if seed & 1 else ())
            )
            receiver.receive(peer.frame(PING), 0)
            self.assertLessEqual(len(peer.records()), 3)
