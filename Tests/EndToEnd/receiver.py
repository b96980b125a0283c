"""A receiver written from Protocol.md alone, in the standard library: the other end, independently.

usage: receiver.py PORT OUT [wrong]     with `wrong` it says to have verified another model

Writes a JSON object of name -> {dtype, shape, sha256}, prints `ready`
"""

import hashlib
import json
import os
import random
import select
import struct
import sys
import time
import tty
import zlib
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "Scripts"))

from framing import (  # noqa: E402
    ACK, CLOSE, DATA, FROM_INITIATOR, FROM_RESPONDER, HELLO, NAK, PING, WELCOME, checksum, encode,
    session_number, unstuff,
)  # fmt: skip

OFFER, TENSOR, UNIT, CONTENT, DIGEST, FINISH, MILESTONE, INFO, ACCEPT, VERIFIED = (
    1, 2, 3, 4, 5, 6, 8, 64, 65, 66,
)  # fmt: skip
REPEAT_SECONDS = 0.5


class Link:
    """§3 and §4, for a responder with a window of one."""

    def __init__(self, port):
        self.port = port
        self.session = self.pending = self.nonces = None
        self.incoming = bytearray()
        self.stream = bytearray()
        self.is_closed = False
        self.start(None)

    def start(self, session):
        self.session, self.expected, self.base = session, 0, 0
        self.outgoing, self.sent_at = b"", None
        self.stream.clear()

    def transmit(self, session, kind, sequence=0, payload=b""):
        os.write(self.port, b"\0" + encode(session, FROM_RESPONDER, kind, sequence, payload))

    def say(self, kind, body=b""):
        """Queues a record; one DATA frame of ours is on its way at a time."""
        self.outgoing += bytes([kind, len(body)]) + body
        self.send_data()

    def send_data(self):
        self.sent = self.outgoing[:128]
        self.sent_at = time.monotonic()
        self.transmit(self.session, DATA, self.base, self.sent)

    def run(self):
        """Takes what comes in the next moment and repeats what is not answered."""
        if select.select([self.port], [], [], 0.05)[0]:
            self.incoming += os.read(self.port, 4096)
        *runs, self.incoming = self.incoming.split(b"\0")
        is_broken = False
        for run in filter(None, runs):
            is_broken = not self.take(unstuff(bytes(run))) or is_broken
        if is_broken and self.session is not None:
            self.transmit(self.session, NAK, self.expected)
        if self.outgoing and time.monotonic() - self.sent_at > REPEAT_SECONDS:
            self.send_data()

    def take(self, frame):
        """Whether the bytes between two zeros were a frame that may be acted on."""
        if frame is None or len(frame) < 6:
            return False
        frame, seal = frame[:-4], frame[-4:]
        header = struct.unpack_from("<H", frame)[0]
        kind, sequence, payload = header >> 12, header & 0xFFF, frame[2:]
        if seal == checksum(0, FROM_INITIATOR, frame):
            if kind == HELLO:
                self.answer_hello(payload)
            return True
        if self.pending is not None and seal == checksum(self.pending, FROM_INITIATOR, frame):
            self.start(self.pending)
            self.pending = None
            # The receiver speaks first (§5.2): any compression, no codec of planes, no limit, a name.
            self.say(INFO, bytes([0b11, 0, 0, 6]) + b"python")
        elif self.session is None or seal != checksum(self.session, FROM_INITIATOR, frame):
            return False
        self.take_in_session(kind, sequence, payload)
        return True

    def answer_hello(self, payload):
        assert payload[:2] == b"WT" and payload[3] <= 1, "a handshake of this revision"
        nonce = struct.unpack_from("<I", payload, 4)[0]
        if self.nonces is None or self.nonces[0] != nonce:
            self.nonces = nonce, random.getrandbits(32)
            self.pending = session_number(*self.nonces)
        answer = struct.pack("<2sBBIIHHI", b"WT", 1, 1, self.nonces[1], nonce, 512, 32, 0)
        self.transmit(0, WELCOME, 0, answer)

    def take_in_session(self, kind, sequence, payload):
        if kind == DATA:
            lead = (self.expected - sequence) % 4096
            count = (len(payload) + 15) // 16
            if lead < count:
                self.stream += payload[16 * lead :]
                self.expected = (sequence + count) % 4096
            self.transmit(self.session, ACK, self.expected)
        elif kind in (ACK, NAK):
            if self.outgoing and sequence == (self.base + (len(self.sent) + 15) // 16) % 4096:
                self.base, self.outgoing = sequence, self.outgoing[len(self.sent) :]
                if self.outgoing:
                    self.send_data()
        elif kind == PING:
            self.transmit(self.session, ACK, self.expected)
        elif kind == CLOSE:
            self.is_closed = True


class Records:
    """§5 and §6, for exact contents."""

    def __init__(self, link):
        self.link = link
        self.manifest, self.tensors, self.digests = b"", [], {}

    def varint(self, data, offset):
        number = shift = 0
        while True:
            byte = data[offset]
            offset += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number, offset

    def run(self):
        """Takes the whole records that have come; true when the model is verified."""
        while True:
            try:
                length, start = self.varint(self.link.stream, 1)
            except IndexError:
                return False
            if len(self.link.stream) < start + length:
                return False
            record = bytes(self.link.stream[: start + length])
            del self.link.stream[: start + length]
            if self.take(record[0], record[start:], record):
                return True

    def take(self, kind, body, record):
        if kind == OFFER:
            assert body[1] == 0, "no coded stream, for none was asked for"
            self.count, offset = self.varint(body, 2)
            self.expected, _ = self.varint(body, offset)
            self.manifest, self.tensors, self.digests = b"", [], {}
        elif kind == TENSOR:
            self.manifest += record
            self.tensors.append(self.tensor(body))
        elif kind == UNIT:
            self.index, offset = self.varint(body, 0)
            assert body[offset : offset + 2] == b"\0\0", "exact contents only"
            self.inflate = zlib.decompressobj() if body[offset + 2] else None
            self.content = bytearray()
        elif kind == CONTENT:
            self.content += self.inflate.decompress(body) if self.inflate else body
        elif kind == DIGEST:
            assert hashlib.sha256(self.content).digest() == body, "the content's digest"
            self.digests[self.index] = body
        elif kind == MILESTONE:
            # Whole contents: nothing is reached before the end.
            assert body[0] == 65, "complete"
        elif kind == FINISH:
            contents = b"".join(digest for _, digest in sorted(self.digests.items()))
            assert hashlib.sha256(self.manifest + contents).digest() == body, "the model's digest"
            last = body[-1] ^ (sys.argv[3:] == ["wrong"])
            self.link.say(VERIFIED, body[:-1] + bytes([last]))
            return True
        if kind in (OFFER, TENSOR) and len(self.tensors) == self.count:
            self.link.say(ACCEPT)
        return False

    def tensor(self, body):
        shared, offset = (None, 1) if body[0] == 0 else self.varint(body, 1)
        prefix, offset = self.varint(body, offset)
        suffix, offset = self.varint(body, offset)
        previous = self.tensors[-1]["name"] if self.tensors else b""
        name = previous[:prefix] + body[offset : offset + suffix]
        dtype = body[offset + suffix]
        rank, offset = self.varint(body, offset + suffix + 1)
        shape = []
        for _ in range(rank):
            extent, offset = self.varint(body, offset)
            shape.append(extent)
        return {"name": name, "dtype": dtype, "shape": shape, "shared": shared}

    def summary(self):
        empty = hashlib.sha256(b"").digest()
        result = {}
        for index, tensor in enumerate(self.tensors):
            source = index if tensor["shared"] is None else tensor["shared"]
            result[tensor["name"].decode()] = {
                "dtype": tensor["dtype"],
                "shape": tensor["shape"],
                "sha256": self.digests.get(source, empty).hex(),
            }
        return result


def main():
    port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    print("ready", flush=True)
    link = Link(port)
    records = Records(link)
    while not records.run():
        link.run()
    # The sender may miss the last word: it is repeated until it is answered.
    while link.outgoing and not link.is_closed:
        link.run()
    for _ in range(2):
        link.transmit(link.session, CLOSE, 0, b"\0")
    with open(sys.argv[2], "w") as file:
        json.dump(records.summary(), file)


main()
