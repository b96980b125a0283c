"""The golden vectors: seals and frames of both ends, records, planes of codec flat."""

import ctypes
import unittest
from dataclasses import dataclass, field
from unittest.mock import patch

from coded_stream import FLAT, Stream
from differences import WAYS, Difference, FullDevice
from framing import session_number, unstuff
from library import ROOT, TABLE, Receiver, library
from peer import CODED, MILESTONE, VERIFIED, Initiator, manifest, record
from test_transfers import Transfer, expected_byte

VECTORS = ROOT / "Tests/Vectors"
FROM_INITIATOR = 0
SMALL = ("SMALL_LIMIT=1", "VECTOR_LIMIT=0")


def lines(name):
    text = (VECTORS / name).read_text()
    return [line.split(" ") for line in text.splitlines() if line and not line.startswith("#")]


def unhex(text):
    return b"" if text == "-" else bytes.fromhex(text)


class VectorTests(unittest.TestCase):
    def test_checksums(self):
        for data, crc in lines("crc32.txt"):
            data = unhex(data)
            self.assertEqual(library().h_crc(data, len(data)) & 0xFFFFFFFF, int(crc, 16))

    def test_frames(self):
        """Those of the initiator are known by their session, those of the responder are written."""
        for ours, theirs, direction, kind, number, payload, wire in lines("frame.txt"):
            kind, number = int(kind, 16), int(number, 16)
            if kind >= 10:
                continue  # with parity, which the receiver is not sent
            session = 0 if ours == "-" else session_number(int(ours, 16), int(theirs, 16))
            payload, frame = unhex(payload), unstuff(bytes.fromhex(wire)[:-1])
            if int(direction) == FROM_INITIATOR:
                found = library().h_session_of(frame, len(frame) - 4) & 0xFFFFFFFF
                self.assertEqual(found, session, wire)
            elif len(payload) <= 128:
                out = ctypes.create_string_buffer(160)
                library().h_seal.argtypes = [
                    ctypes.c_uint32, ctypes.c_uint8, ctypes.c_uint16, ctypes.c_char_p,
                    ctypes.c_uint8, ctypes.c_char_p,
                ]  # fmt: skip
                count = library().h_seal(session, kind, number, payload, len(payload), out)
                self.assertEqual(out.raw[:count], b"\0" + bytes.fromhex(wire))

    def test_metrics(self):
        for name, *fields in lines("record.txt"):
            if name != "metric" or fields[0] != "ff":
                continue
            _, digits, value, unit, text, wire = fields
            receiver = Receiver([("w", 24, (4,))])
            self.addCleanup(receiver.close)
            peer = Initiator(receiver)
            peer.open()
            peer.data(manifest([("w", 24, (4,))]))
            value = int(value, 16) - (int(value, 16) >> 31 << 32)
            receiver.metric(unhex(text).decode(), value, int(digits, 16), unhex(unit).decode())
            peer.collect()
            self.assertTrue(bytes(peer.said).endswith(bytes.fromhex(wire)), wire)

    def test_planes(self):
        """Streams of finite floats, as far as they come in planes."""
        checked = 0
        for stream in streams():
            if any(stream.bases) or not stream.is_of_planes:
                continue
            if max(stream.units.count([str(n), "-"]) for n in range(len(stream.shapes))) > 13:
                continue
            theirs = Stream(stream.shapes, FLAT)
            theirs.decode(stream.codeword)
            if any(t.exceptions for t in theirs.tensors):
                continue
            model = stream.model
            # Small ones too, which no sender does.
            with patch.multiple(TABLE, SMALL_LIMIT=1, VECTOR_LIMIT=0):
                receiver = Receiver(model, SMALL)
            self.addCleanup(receiver.close)
            peer = Initiator(receiver)
            peer.open()
            coded = record(CODED, stream.codeword) + record(MILESTONE, b"\1\0")
            peer.data(manifest(model) + coded)
            for index, tensor in enumerate(theirs.tensors):
                wanted = [expected_byte(tensor, i) for i in range(len(tensor.levels))]
                self.assertEqual(list(receiver.tensor(index)), wanted)
            checked += 1
        self.assertGreater(checked, 0)

    def test_planes_of_bases(self):
        """Streams with the base that a receiver has: planes of a model that it has been sent."""
        counts = []
        for stream in streams():
            if None in stream.bases or not stream.is_of_planes:
                continue
            base, count = self.transfer(stream)
            if not base:  # it is none of planes
                continue
            new = Difference(base, dict(enumerate(stream.elements)))
            for way in WAYS:
                with patch.multiple(TABLE, SMALL_LIMIT=1, VECTOR_LIMIT=0):
                    device = FullDevice((*way, *SMALL), stream.model)
                self.addCleanup(device.close)
                self.assertEqual(device.send(base), (VERIFIED, base.digest))
                peer = device.open()
                peer.data(manifest(stream.model, tail=new.tail) + new.basis_record)
                peer.data(record(CODED, stream.codeword) + record(MILESTONE, b"\1\0"))
                for index, tensor in new.known.items():
                    wanted = [expected_byte(tensor, i) for i in range(len(tensor.levels))]
                    self.assertEqual(list(device.receiver.tensor(index)), wanted)
            counts.append(count)
        self.assertEqual(sorted(counts), [1, 3, 5, 7, 7, 7, 7])

    def transfer(self, stream):
        """That of the bases, and of how many planes they are."""
        base = Transfer(stream.model)
        base.contents = dict(enumerate(stream.bases))
        base.whole = dict.fromkeys(base.contents, False)
        for count in range(1, 8):
            base.code(count)
            if base.memory == base.contents:
                return base, count
        return None, 0


@dataclass
class VectorStream:
    """One of coded.txt, up to its first codeword; of tensors without a base this is nothing."""

    codec: int
    shapes: list = field(default_factory=list)
    elements: list = field(default_factory=list)
    bases: list = field(default_factory=list)
    units: list = field(default_factory=list)
    codeword: bytes = b""

    @property
    def is_of_planes(self):
        """Whether a device takes it."""
        is_float = all(dtype <= 4 for dtype, _ in self.shapes)
        return self.codec == FLAT and is_float and all(unit[1] == "-" for unit in self.units)

    @property
    def model(self):
        return [(f"t{number}", *shape) for number, shape in enumerate(self.shapes)]


def streams():
    stream = None
    for word, *fields in lines("coded.txt"):
        if word == "stream":
            stream = VectorStream(int(fields[0]))
        elif word == "tensor":
            extents = tuple(int(e, 16) for e in fields[1].split(",")) if fields[1] != "-" else ()
            stream.shapes.append((int(fields[0], 16), extents))
            stream.elements.append(unhex(fields[2]))
            stream.bases.append(None)
        elif word == "base":
            stream.bases[-1] = unhex(fields[0])
        elif word == "unit" and not stream.codeword:
            stream.units.append(fields)
        elif word == "codeword" and not stream.codeword:
            stream.codeword = unhex(fields[0])
            yield stream
