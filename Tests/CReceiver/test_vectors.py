"""The golden vectors: seals and frames of both ends, records, planes of codec flat."""

import ctypes
import unittest
from unittest.mock import patch

from coded_stream import FLAT, Stream
from framing import session_number, unstuff
from library import ROOT, TABLE, Receiver, library
from peer import CODED, MILESTONE, Initiator, manifest, record
from test_transfers import expected_byte

VECTORS = ROOT / "Tests/Vectors"
FROM_INITIATOR = 0


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
        for codec, tensors, units, codeword in streams():
            dtypes = [dtype for dtype, _ in tensors]
            passes = [units.count([str(n), "-"]) for n in range(len(tensors))]
            if codec != FLAT or not set(dtypes) <= {1, 2, 3, 4} or len(units) != sum(passes):
                continue
            if max(passes) > 13:
                continue
            theirs = Stream(tensors, FLAT)
            theirs.decode(codeword)
            if any(t.exceptions for t in theirs.tensors):
                continue
            model = [(f"t{n}", dtype, extents) for n, (dtype, extents) in enumerate(tensors)]
            # Small ones too, which no sender does.
            with patch.multiple(TABLE, SMALL_LIMIT=1, VECTOR_LIMIT=0):
                receiver = Receiver(model, ("SMALL_LIMIT=1", "VECTOR_LIMIT=0"))
            self.addCleanup(receiver.close)
            peer = Initiator(receiver)
            peer.open()
            peer.data(manifest(model) + record(CODED, codeword) + record(MILESTONE, b"\1\0"))
            for index, tensor in enumerate(theirs.tensors):
                wanted = [expected_byte(tensor, i) for i in range(len(tensor.levels))]
                self.assertEqual(list(receiver.tensor(index)), wanted)
            checked += 1
        self.assertGreater(checked, 0)


def streams():
    """Codec, tensors, units and bytes of each stream's first codeword."""
    codec, tensors, units = None, [], []
    for word, *fields in lines("coded.txt"):
        if word == "stream":
            codec, tensors, units = int(fields[0]), [], []
        elif word == "tensor":
            extents = tuple(int(e, 16) for e in fields[1].split(",")) if fields[1] != "-" else ()
            tensors.append((int(fields[0], 16), extents))
        elif word == "base":
            codec = None  # not of the receiver in C
        elif word == "unit":
            units.append(fields)
        elif word == "codeword" and codec:
            yield codec, tensors, units, unhex(fields[0])
            codec = None
