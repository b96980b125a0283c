"""An initiator that says what the tests want it to say: link and records of Protocol.md, without a
clock or a line."""

import hashlib
import struct

from framing import (
    ACK, BUSY, CLOSE, DATA, HELLO, READY, WELCOME, checksum, encode, session_number, unstuff,
)  # fmt: skip

OFFER, TENSOR, UNIT, CONTENT, DIGEST, FINISH, CODED, MILESTONE, COMPARE, BASIS = range(1, 11)
UNCHANGED, LIST, ACTIVATE, ROLLBACK, FETCH = range(11, 16)
INFO, ACCEPT, VERIFIED, FAILED, METRIC, HELD, LISTING = range(64, 71)
NONCE = 0x12345678


def hello(nonce=NONCE, mtu=1024, goes_on=0, capabilities=3):
    return struct.pack("<2sBBIIHHII", b"WT", 1, 1, nonce, 0, mtu, 64, capabilities, goes_on)


def varint(number):
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def record(kind, body=b""):
    return bytes([kind]) + varint(len(body)) + body


def unit(index, representation=0, parameter=0, compression=0):
    return record(UNIT, varint(index) + bytes([representation, parameter, compression]))


def whole(index, content, form=(0, 0, 0), piece=1000):
    """A tensor that comes whole."""
    pieces = [content[at : at + piece] for at in range(0, len(content), piece)]
    contents = b"".join(record(CONTENT, piece) for piece in pieces)
    return unit(index, *form) + contents + record(DIGEST, hashlib.sha256(content).digest())


def terms(identity=bytes(8), goes_on=False, is_inactive=False, base=b""):
    """What an offer says behind its name."""
    flags = (3 if base else 0) | goes_on << 2 | is_inactive << 3
    return identity + bytes([flags]) + base


def manifest(tensors, name=b"model", kind=0, codec=1, count=None, expected=1000, tail=b""):
    """OFFER and TENSOR records of (name, dtype, extents)."""
    count = len(tensors) if count is None else count
    body = bytes([kind, codec]) + varint(count) + varint(expected) + varint(len(name)) + name + tail
    out, before = record(OFFER, body), b""
    for text, dtype, extents in tensors:
        text = text.encode()
        prefix = 0
        while prefix < min(len(text), len(before)) and text[prefix] == before[prefix]:
            prefix += 1
        body = b"\0" + varint(prefix) + varint(len(text) - prefix) + text[prefix:]
        body += bytes([dtype]) + varint(len(extents)) + b"".join(map(varint, extents))
        out, before = out + record(TENSOR, body), text
    return out


def read_varint(data, place):
    """The number at a place, and where it ends."""
    number, shift = 0, 0
    while True:
        number |= (data[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if data[place - 1] < 0x80:
            return number, place


def tensor_records(stream):
    """What the model's digest begins with: all records of a manifest but the first."""
    length, place = read_varint(stream, 1)
    return stream[place + length :]


class Initiator:
    """Speaks to a `Receiver`; `now` is what the test makes of it."""

    def __init__(self, receiver, nonce=NONCE, mtu=1024):
        self.receiver, self.nonce, self.mtu = receiver, nonce, mtu
        self.now = 0
        self.said, self.frames = bytearray(), []
        self.session = self.theirs = 0
        self.expected = self.number = 0

    def pass_on(self, data):
        """Hands bytes over; takes what comes back, and answers each DATA."""
        self.receiver.receive(data, self.now)
        return self.collect()

    def collect(self):
        found = []
        while frame := self.receiver.transmit(self.now):
            found.append(self.decode(frame))
            kind, number, payload = found[-1]
            if kind == DATA and self.session:
                self.take(number, payload)
                self.receiver.receive(self.frame(ACK, self.expected), self.now)
        self.frames += found
        return found

    def decode(self, frame):
        assert frame.endswith(b"\0") and frame.lstrip(b"\0").count(b"\0") == 1, frame
        frame = unstuff(frame.strip(b"\0"))
        header = struct.unpack_from("<H", frame)[0]
        session = 0 if header >> 12 in (WELCOME, READY) else self.session
        assert frame[-4:] == checksum(session, 1, frame[:-4]), frame
        return header >> 12, header & 0xFFF, frame[2:-4]

    def take(self, number, payload):
        lead = (self.expected - number) % 4096
        count = (len(payload) + 15) // 16
        if lead < count:
            self.said += payload[16 * lead :]
            self.expected = (number + count) % 4096

    def frame(self, kind, number=0, payload=b""):
        return encode(self.session, 0, kind, number, payload)

    def open(self, goes_on=0):
        """The handshake; then what the receiver says first."""
        wire = encode(0, 0, HELLO, 0, hello(self.nonce, self.mtu, goes_on))
        [(kind, _, payload)] = self.pass_on(wire)
        assert kind == WELCOME and payload[:4] == b"WT\1\1", payload
        self.theirs, echoed = struct.unpack_from("<II", payload, 4)
        assert echoed == self.nonce
        self.welcome = payload
        self.session = session_number(self.nonce, self.theirs)
        return self.pass_on(self.frame(ACK, self.expected))

    def data(self, stream, size=256):
        """Sends a stream, frame by frame; each has to be answered by ACK."""
        for at in range(0, len(stream), size):
            piece = stream[at : at + size]
            frames = self.pass_on(self.frame(DATA, self.number, piece))
            self.number = (self.number + (len(piece) + 15) // 16) % 4096
            assert (ACK, self.number) == frames[0][:2] or frames[0][0] in (BUSY, CLOSE), frames

    def records(self):
        """What the receiver has said so far: (kind, body)."""
        found, data = [], bytes(self.said)
        while data:
            length, start = read_varint(data, 1)
            found.append((data[0], data[start : start + length]))
            data = data[start + length :]
        return found

    def last(self):
        return self.records()[-1]
