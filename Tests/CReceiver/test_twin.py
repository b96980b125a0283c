"""The two receivers for devices, in C and in Swift, side by side: the same frames, good and damaged,
have to make both say and take the same.

An initiator for each of them follows Protocol.md from the same script: nonces differ, so each seals
for itself. What a step does is drawn from the seed and the step's number, never from an answer."""

import functools
import math
import os
import random
import struct
import subprocess
import unittest

from framing import (
    ACK, BUSY, CLOSE, DATA, FIRST_KIND_WITH_PARITY, HELLO, NAK, PING, READY, STRENGTHS, WELCOME,
    checksum, encode, session_number, stuff, unstuff,
)  # fmt: skip
from library import TABLE, Receiver
from peer import CODED, FAILED, MILESTONE, NONCE, UNIT, VERIFIED, hello, manifest, record, whole
from test_transfers import Transfer

MTU = 250  # below the 254 where stuffing makes a frame longer, or not
FINAL = (VERIFIED, FAILED)
MODEL = [
    ("a.weight", 1, (24, 32)), ("a.bias", 1, (24,)), ("counter", 19, ()), ("a.empty", 1, (0, 3)),
    ("b.half", 3, (16, 33)), ("b.brain", 4, (512, 1)), ("zeros", 1, (512, 1)),
]  # fmt: skip
OTHERS = [
    [*MODEL[:6], ("zero", 1, (512, 1))], [*MODEL[:6], ("zeros", 2, (512, 1))],
    [*MODEL[:6], ("zeros", 1, (512, 1, 1))], [*MODEL[:6], ("zeros", 1, (512, 300))],
    [("a.weights", 1, (24, 32)), *MODEL[1:]], [("a.weight", 1, (24, 320)), *MODEL[1:]], MODEL[:6],
    [*MODEL, ("more", 24, (1,))], [MODEL[1], MODEL[0], *MODEL[2:]],
    [("x" * 100, 1, (24, 32)), *MODEL[1:]],
]  # fmt: skip


class CEnd:
    """The receiver in C."""

    def __init__(self, nonce, options=()):
        # The Swift one always tells which model it holds.
        options = ("WT_HELD=1", *options)
        self.receiver = Receiver(MODEL, options, mtu=MTU, outbox=4096, nonce=nonce)
        self.receiver.reports()

    def at(self, now, data):
        self.receiver.receive(data, now)
        return self.receiver.drain(now)

    def memory(self):
        states = [self.receiver.state(index) for index in range(len(MODEL))]
        return self.receiver.image, states

    def end(self):
        self.receiver.close()


class SwiftEnd:
    """The receiver in Swift, in a process that all share."""

    @staticmethod
    @functools.cache
    def process():
        environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
        return subprocess.Popen(
            [os.environ["TWIN"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment,
        )  # fmt: skip

    def __init__(self, nonce):
        names = {code: name for name, (code, _) in TABLE.DTYPES.items()}
        rows = [{"name": n, "dtype": names[d], "shape": list(s)} for n, d, s in MODEL]
        _, size = TABLE.layout(rows, True)
        self.ask(f"new {MTU} {nonce} {len(rows)} {size} {TABLE.model_table(rows).hex()}")

    def ask(self, line):
        process, found = self.process(), []
        process.stdin.write(line + "\n")
        process.stdin.flush()
        while (answer := process.stdout.readline().strip()) != ".":
            if not answer:
                self.process.cache_clear()
                raise AssertionError(f"the twin has ended at: {line[:300]}")
            found.append(answer)
        return found

    def at(self, now, data):
        return [bytes.fromhex(frame) for frame in self.ask(f"at {now} {data.hex() or '-'}")]

    def memory(self):
        image, *states = self.ask("memory")
        return bytes.fromhex(image), [tuple(map(int, state.split())) for state in states]

    def end(self):
        self.ask("end")


class Initiator:
    """Sends a stream to an end, block after block, with the disturbances of a seed."""

    def __init__(self, end, seed, stream, disturbs):
        self.end, self.seed, self.stream, self.disturbs = end, seed, stream, disturbs
        self.count = (len(stream) + 15) // 16
        self.now, self.nonce = 1000 + seed, NONCE
        self.session, self.last_words = 0, None
        self.begin()

    def begin(self):
        """Both streams are at their beginnings."""
        self.acknowledged = 0
        self.expected, self.said = 0, bytearray()

    # --- Frames ---

    def frame(self, kind, number=0, payload=b""):
        return encode(self.session, 0, kind, number & 0xFFF, payload)

    def data(self, first, blocks):
        return self.frame(DATA, first, self.stream[16 * first : 16 * (first + blocks)])

    def pass_on(self, wire, hears=True):
        """What comes back is lost, or answered until nothing more comes."""
        frames = self.end.at(self.now, wire)
        while frames and hears:
            answers = [answer for frame in frames if (answer := self.take(frame))]
            frames = [f for answer in answers for f in self.end.at(self.now, answer)]

    def take(self, wire):
        frame = unstuff(wire.strip(b"\0"))
        kind, number = frame[1] >> 4, frame[0] | (frame[1] & 15) << 8
        payload = frame[2:-4]
        session = 0 if kind in (WELCOME, READY) else self.session
        if frame[-4:] != checksum(session, 1, frame[:-4]):
            assert kind != WELCOME, wire
            return b""
        if kind == WELCOME:
            self.welcome(payload)
        elif kind in (ACK, NAK, BUSY):
            gone = (number - self.acknowledged) % 4096
            if gone < 2048 and self.acknowledged + gone <= self.count:
                self.acknowledged += gone
        elif kind == DATA:
            lead = (self.expected - number) % 4096
            blocks = (len(payload) + 15) // 16
            if lead < blocks:
                self.said += payload[16 * lead :]
                self.expected = (number + blocks) % 4096
                if any(kind in FINAL for kind, _ in self.records()):
                    self.last_words = self.records()
            return self.frame(ACK, self.expected)
        return b""

    # --- Sessions ---

    def open(self, goes_on):
        wanted = self.session if goes_on else 0
        self.nonce += 1
        self.pass_on(b"\0")  # half a frame may stand on the line
        self.pass_on(encode(0, 0, HELLO, 0, hello(self.nonce, 1024, wanted)))
        self.pass_on(self.frame(ACK, self.expected))

    def welcome(self, payload):
        theirs, echoed = struct.unpack_from("<II", payload, 4)
        number = session_number(echoed, theirs)
        if echoed == self.nonce and number != self.session:
            goes_on = struct.unpack_from("<I", payload, 20)[0]
            assert goes_on in (0, self.session)
            self.session = number
            if not goes_on:
                self.begin()

    # --- Steps ---

    def damaged(self, wire, draw):
        """A flip, a drop, an insertion, a cut: never one that leaves the frame as it was."""
        place, wire = draw.randrange(1, len(wire) - 1), bytearray(wire)
        match draw.randrange(5):
            case 0:
                wire[place] ^= 1 << draw.randrange(8)
            case 1:
                del wire[place]
            case 2:
                wire.insert(place, draw.randrange(1, 256))
            case 3:
                del wire[place:]
            case 4:
                wire[place : place + draw.randrange(1, 40)] = bytes([0x55]) * draw.randrange(9)
        return bytes(wire) + b"\0" * draw.randrange(2)

    def step(self, number):
        draw = random.Random(f"{self.seed} {number}")
        hears = draw.random() < 0.9
        self.now += draw.choice([0, 1, 20, 400, 2100])
        first, blocks = self.acknowledged, draw.randrange(1, 14)
        if self.disturbs:
            first += draw.choice([0] * 12 + [-1, -3, 1, 2])
        first = min(max(first, 0), self.count)
        wire = self.data(first, blocks) if first < self.count else self.frame(PING)
        what = draw.randrange(40) if self.disturbs else 40
        if what < 6:
            self.pass_on(self.damaged(wire, draw), hears)
        elif what == 6:
            self.pass_on(wire + wire, hears)
        elif what == 7:
            self.pass_on(self.frame(draw.choice([PING, NAK, ACK]), self.expected), hears)
        elif what == 8:
            self.pass_on(self.frame(BUSY, self.expected, struct.pack("<H", 500)), hears)
            self.now += 500
        elif what == 9:
            self.now += 8000 + draw.randrange(12000)
            self.open(goes_on=True)
        elif what == 10:
            self.open(goes_on=True)
        elif what == 11 and draw.random() < 0.2:
            self.open(goes_on=False)
        elif what == 12:
            self.pass_on(draw.randbytes(draw.randrange(30)) + b"\0", hears)
        elif what == 13:  # of no known kind, of another session, an echo
            self.pass_on(self.frame(draw.choice([0, 2, 3]), 0, bytes(16)), hears)
            self.pass_on(encode(self.session ^ 1, 0, PING), hears)
            self.pass_on(encode(self.session, 1, PING), hears)
        elif what == 14 and draw.random() < 0.05:
            self.pass_on(self.frame(CLOSE, 0, b"\1"))
            self.open(goes_on=False)
        else:
            self.pass_on(wire, hears)

    def settle(self):
        """Whatever waits is said."""
        for _ in range(4):
            self.now += 2100
            self.pass_on(b"\0")

    def records(self):
        """Those that it has said whole; what follows the last word is another transfer."""
        if self.last_words:
            return self.last_words
        found, data = [], bytes(self.said)
        while len(data) > 1 and len(data) >= 2 + data[1]:
            found.append((data[0], data[2 : 2 + data[1]]))
            data = data[2 + data[1] :]
        return found


class ParityInitiator(Initiator):
    """Each frame of data is hit by as much as its parity puts right."""

    def data(self, first, blocks):
        draw = random.Random(f"{self.seed} {first} {blocks}")
        index = draw.randrange(len(STRENGTHS))
        payload = self.stream[16 * first : 16 * (first + blocks)]
        frame = bytearray(unstuff(self.frame(FIRST_KIND_WITH_PARITY + index, first, payload)[:-1]))
        for place in draw.sample(range(2, len(frame)), STRENGTHS[index]):
            frame[place] ^= draw.randrange(1, 256)
        return stuff(bytes(frame)) + b"\0"


@functools.cache
def transfer(number):
    return Transfer(MODEL, seed=number, plane_count=number)


def mutated(records, draw):
    """Records that no sender makes: what is sound for the link and yet wrong."""
    records = list(records)
    place = draw.randrange(len(records))
    match draw.randrange(9):
        case 0 | 1:
            changed = bytearray(records[place])
            changed[draw.randrange(len(changed))] = draw.choice([0, 1, 2, 7, 8, 127, 128, 255])
            records[place] = bytes(changed)
        case 2:
            del records[place]
        case 3:
            records.insert(place, draw.choice(records))
        case 4:
            records[place] = records[place][: draw.randrange(1, len(records[place]) + 1)]
        case 5:
            records[0] = manifest(draw.choice(OTHERS))
        case 6:
            records[0] = manifest(MODEL, kind=draw.randrange(3), codec=draw.randrange(3))
        case 7:
            extra = [
                record(MILESTONE, b"\2\3more"), record(MILESTONE, b"\2"), record(7), record(4),
                whole(1, bytes(96)), whole(0, bytes(10)), record(UNIT, b"\1\0\0"),
                record(UNIT, b"\1\0\0\0\0"), record(UNIT, b"\x81\0\0\0\0"), record(9), record(64),
                record(UNIT, b"\1\0\0\1"), record(UNIT, b"\3\0\0\0"), record(UNIT, b"\xff\1\0\0\0"),
                bytes([8, 0x82, 0, 1, 1]), bytes([7, 0xFF, 0xFF, 3]), bytes([5, 31]) + bytes(31),
            ]  # fmt: skip
            records.insert(draw.randrange(1, len(records)), draw.choice(extra))
        case 8:
            swap = draw.randrange(len(records))
            records[place], records[swap] = records[swap], records[place]
    return records


class TwinTests(unittest.TestCase):
    def compare(self, seed, records, disturbs, is_coded=False):
        """The last record that both have said.

        With `is_coded` a codeword is nonsense: what is seen first of it depends on how far ahead it is
        read, and so the code.
        """
        ends = [CEnd(seed), SwiftEnd(seed)]
        try:
            stream = b"".join(records)
            sides = [Initiator(end, seed, stream, disturbs) for end in ends]
            return self.run_both(*sides, is_coded)
        finally:
            for end in ends:
                end.end()

    def run_both(self, c, swift, is_coded):
        sides = (c, swift)
        for side in sides:
            side.open(goes_on=False)
        for step in range(2000):
            listening = [side for side in sides if not side.last_words]
            for side in listening:
                side.step(step)
            if not any(side.last_words for side in sides):
                self.assertEqual(c.acknowledged, swift.acknowledged, f"step {step}")
            if all(side.acknowledged == side.count for side in listening) and step % 8 == 7:
                break
        for side in sides:
            side.settle()
        said = [side.records() for side in sides]
        nonsense = [(FAILED, bytes([code])) for code in (3, 5)]
        if not (is_coded and said[0][-1] in nonsense and said[1][-1] in nonsense):
            self.assertEqual(*said)
        last = said[0][-1]
        if last[0] == VERIFIED or last[0] == FAILED and last[1][0] == 2:
            self.assertEqual(c.end.memory(), swift.end.memory())
        return last

    def test_damaged_lines(self):
        """What the sender says is sound: the model comes, the same on both."""
        for seed in range(150):
            sent = transfer(1 + seed % 7)
            with self.subTest(seed):
                last = self.compare(seed, sent.records, disturbs=seed % 10 != 0)
                self.assertEqual(last, (VERIFIED, sent.digest))

    def test_later_revisions(self):
        """Each HELLO is answered; it is the initiator that gives up (§4.1)."""
        greeting = bytearray(hello())
        greeting[2:4] = 9, 2
        ends = [CEnd(1), SwiftEnd(1)]
        answers = [end.at(1000, b"\0" + encode(0, 0, HELLO, 0, bytes(greeting))) for end in ends]
        for end, frames in zip(ends, answers):
            end.end()
            payload = unstuff(frames[0].strip(b"\0"))[2:-4]
            self.assertEqual((len(frames), payload[:4]), (1, b"WT\1\1"))

    def test_weights_that_are_no_numbers(self):
        for seed, value in (3000, math.nan), (3001, -math.inf):
            sent = Transfer(MODEL, seed=seed, plane_count=1)
            sent.contents[0] = struct.pack("<f", value) + sent.contents[0][4:]
            sent.code(1)
            with self.subTest(value):
                last = self.compare(seed, sent.records, disturbs=False)
                self.assertEqual(last, (FAILED, b"\3NaN or infinite weight"))

    def test_parity(self):
        """What the C receiver puts right the other one gets as it was."""
        for seed in range(2000, 2014):
            sent = transfer(1 + seed % 2)
            ends = [CEnd(seed, ("WT_CORRECTION=1",)), SwiftEnd(seed)]
            stream = b"".join(sent.records)
            sides = [
                side(end, seed, stream, False)
                for side, end in zip((ParityInitiator, Initiator), ends)
            ]
            with self.subTest(seed):
                self.assertEqual(self.run_both(*sides, is_coded=False), (VERIFIED, sent.digest))
            for end in ends:
                end.end()

    def test_broken_streams(self):
        """What the sender says is wrong, on a clean line and on a damaged one."""
        outcomes = set()
        for seed in range(1000, 1300):
            sent = transfer(1 + seed % 3).records
            records = mutated(sent, random.Random(seed))
            coded = [[r for r in both if r[0] == CODED] for both in (sent, records)]
            with self.subTest(seed):
                kind, body = self.compare(
                    seed, records, disturbs=seed % 3 == 0, is_coded=coded[0] != coded[1]
                )
                outcomes.add((kind, body[:1]))
        self.assertLessEqual({(FAILED, bytes([code])) for code in range(2, 6)}, outcomes)
