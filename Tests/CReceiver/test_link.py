"""The link: handshake, answers, repetition, damage, silence, continuation (Protocol.md §3, §4)."""

import random
import struct
import unittest
import zlib

from framing import (
    ACK, BUSY, CLOSE, DATA, HELLO, NAK, PING, READY, WELCOME, encode, session_number, stuff,
)  # fmt: skip
from library import ROOT, Receiver
from peer import (
    ACCEPT, CONTENT, FAILED, INFO, NONCE, VERIFIED, Initiator, hello, manifest, record, unit,
    whole,
)  # fmt: skip
from test_transfers import Transfer

SMALL = [("w", 24, (40,))]


class LinkTests(unittest.TestCase):
    def make(self, model=SMALL, **keywords):
        receiver = Receiver(model, **keywords)
        self.addCleanup(receiver.close)
        return receiver, Initiator(receiver)

    def test_welcome(self):
        receiver, peer = self.make(mtu=262)
        frames = peer.open()
        mtu, window, capabilities, goes_on = struct.unpack_from("<HHII", peer.welcome, 12)
        self.assertEqual((mtu, window, capabilities, goes_on), (262, 0, 0, 0))
        self.assertEqual([frame[:2] for frame in frames], [(DATA, 0)])
        self.assertEqual(peer.records(), [(INFO, b"\1\2\0\5board\7")])
        self.assertEqual(receiver.transmit(10**6)[:1], b"")

    def test_same_hello_gets_the_same_welcome(self):
        _, peer = self.make()
        wire = encode(0, 0, HELLO, 0, hello())
        first = peer.pass_on(wire)
        self.assertEqual(peer.pass_on(wire), first)
        peer.open()
        self.assertEqual(peer.pass_on(wire), first)
        # The session goes on all the same.
        self.assertEqual(peer.pass_on(peer.frame(PING)), [(ACK, 0, b"")])
        other = peer.pass_on(encode(0, 0, HELLO, 0, hello(nonce=5)))
        self.assertNotEqual(other[0][2][4:8], first[0][2][4:8])
        self.assertEqual(peer.pass_on(peer.frame(PING)), [(ACK, 0, b"")])

    def test_nonces_differ(self):
        seen = set()
        receiver, _ = self.make()
        for nonce in range(50):
            peer = Initiator(receiver, nonce)
            peer.open()
            seen.add(peer.theirs)
            peer.pass_on(peer.frame(CLOSE, 0, b"\0"))
        self.assertEqual(len(seen), 50)

    def test_handshake_that_is_none(self):
        _, peer = self.make()
        for payload in (b"", hello()[:19], b"XT" + hello()[2:], hello(mtu=31)):
            self.assertEqual(peer.pass_on(encode(0, 0, HELLO, 0, payload)), [])
        # The last field may be missing.
        [(kind, _, payload)] = peer.pass_on(encode(0, 0, HELLO, 0, hello()[:20]))
        self.assertEqual((kind, payload[20:]), (WELCOME, bytes(4)))

    def test_frames_of_the_vectors(self):
        """What an initiator has sealed is understood; echoes and other sessions are not answered."""
        for line in (ROOT / "Tests/Vectors/handshake.txt").read_text().splitlines():
            if line.startswith("#") or int(line.split()[3], 16) or int(line.split()[4], 16) < 32:
                continue
            _, peer = self.make()
            payload = bytes.fromhex(line.split()[-1])
            [(kind, _, answer)] = peer.pass_on(encode(0, 0, HELLO, 0, payload))
            self.assertEqual((kind, answer[8:12]), (WELCOME, payload[4:8]))

    def test_unstuffing(self):
        """Each frame of the vectors arrives as a whole: the checksum finds its session."""
        receiver, peer = self.make(mtu=4096)
        peer.open()
        for line in (ROOT / "Tests/Vectors/cobs.txt").read_text().splitlines():
            if line.startswith("#"):
                continue
            plain = bytes.fromhex(line.split()[0].replace("-", ""))
            frame = struct.pack("<H", PING << 12) + plain
            frame += struct.pack("<I", zlib.crc32(struct.pack("<IB", peer.session, 0) + frame))
            self.assertEqual(peer.pass_on(stuff(frame) + b"\0")[0][0], ACK, line)
            # A last group of 254 bytes without the empty one behind it.
            bare = stuff(frame)
            if len(bare) > 255 and bare[-1] == 1:
                self.assertEqual(peer.pass_on(bare[:-1] + b"\0")[0][0], ACK, line)

    def test_duplicates_and_gaps(self):
        _, peer = self.make()
        peer.open()
        stream = b"".join([manifest(SMALL), whole(0, bytes(range(40)))])
        peer.data(stream[:32])
        again = peer.pass_on(peer.frame(DATA, 0, stream[:32]))
        self.assertEqual(again, [(ACK, 2, b"")])
        self.assertEqual(peer.pass_on(peer.frame(DATA, 3, stream[48:64])), [(ACK, 2, b"")])
        # Half of it is new.
        end = len(stream)
        blocks = (end - 16 + 15) // 16
        answers = peer.pass_on(peer.frame(DATA, 1, stream[16:]))
        self.assertEqual(answers[0], (ACK, 1 + blocks, b""))
        self.assertEqual(peer.records()[-1], (ACCEPT, b""))
        self.assertEqual(peer.receiver.image, bytes(range(40)))

    def test_numbers_wrap(self):
        model = [("w", 24, (8192,))]
        receiver, peer = self.make(model, mtu=64)
        peer.open()
        content = random.Random(1).randbytes(8192)
        peer.data(manifest(model) + unit(0))
        for _ in range(1500):  # contents of no length
            peer.data(record(CONTENT) * 24, 48)
        self.assertGreater(1500 * 3, 4096)
        peer.data(record(CONTENT, content[:4000]) + record(CONTENT, content[4000:]), 48)
        self.assertEqual(receiver.tensor(0), content)

    def test_own_data_is_repeated(self):
        receiver, peer = self.make()
        peer.open()
        receiver, peer = self.make()
        wire = encode(0, 0, HELLO, 0, hello())
        [(_, _, welcome)] = peer.pass_on(wire)
        peer.theirs = struct.unpack_from("<I", welcome, 4)[0]
        session = session_number(NONCE, peer.theirs)
        receiver.receive(encode(session, 0, ACK), 0)
        peer.session = session
        times, now = [], 0
        while now < 7900:
            if frame := receiver.transmit(now):
                self.assertEqual(peer.decode(frame)[:2], (DATA, 0))
                times.append(now)
            wait = receiver.deadline(now)
            self.assertGreater(wait, 0)
            now += wait
        self.assertEqual(times, [0, 300, 900, 2100, 4100, 6100])
        # A NAK, or a broken frame, repeats it at once.
        self.assertEqual(receiver.drain(7900), [])
        receiver.receive(encode(session, 0, NAK), 7900)
        self.assertEqual(len(receiver.drain(7900)), 1)
        receiver.receive(b"\5abcd\0", 7901)
        self.assertEqual([peer.decode(f)[0] for f in receiver.drain(7901)], [DATA])

    def test_a_block_in_each_frame(self):
        """What is longer than a block goes out in several frames, each when the last has arrived."""
        receiver, peer = self.make([("a-rather-long-name", 24, (40,))])
        peer.open()
        frames = peer.pass_on(peer.frame(DATA, 0, manifest(SMALL)))
        text = b"a-rather-long-name: another name"
        self.assertEqual(peer.last(), (FAILED, b"\2" + text))
        sizes = [len(payload) for kind, _, payload in frames if kind == DATA]
        self.assertEqual(sizes, [16, 16, len(text) + 3 - 32])

    def test_answer_for_what_was_never_sent(self):
        receiver, peer = self.make()
        peer.open()
        frames = peer.pass_on(peer.frame(ACK, 2))
        self.assertEqual(frames, [(CLOSE, 0, b"\3")] * 2)
        self.assertEqual(receiver.events[-1], "closed 3 0")

    def test_broken_frames(self):
        receiver, peer = self.make()
        junk = b"\5abcd\0"
        self.assertEqual(receiver.drain(500), [])
        receiver.receive(junk, 1500)
        self.assertEqual([peer.decode(f)[0] for f in receiver.drain(1500)], [READY])
        receiver.receive(junk, 2400)
        self.assertEqual(receiver.drain(2400), [])
        receiver.receive(junk, 2500)
        self.assertEqual(len(receiver.drain(2500)), 1)
        peer.pass_on(encode(0, 0, HELLO, 0, hello()))
        receiver.receive(junk, 9000)
        self.assertEqual(receiver.drain(9000), [])
        peer.now = 10000
        peer.open()
        self.assertEqual(peer.pass_on(junk * 3), [(NAK, 0, b"")])
        other = encode(session_number(1, 2), 0, PING)
        self.assertEqual(peer.pass_on(other), [(NAK, 0, b"")])

    def test_echoes_are_not_answered(self):
        receiver, peer = self.make()
        frames = [receiver.transmit(0) for _ in range(1)]
        receiver.receive(encode(0, 0, HELLO, 0, hello()), 0)
        [welcome] = receiver.drain(0)
        receiver.receive(welcome, 0)
        self.assertEqual(receiver.drain(0), [])
        theirs = struct.unpack_from("<I", peer.decode(welcome)[2], 4)[0]
        peer.session = session_number(NONCE, theirs)
        receiver.receive(encode(peer.session, 0, PING), 0)
        frames = receiver.drain(0)
        for frame in frames:
            receiver.receive(frame, 0)
        self.assertEqual(receiver.drain(0), [])

    def test_every_damage_to_a_frame(self):
        receiver, peer = self.make()
        peer.open()
        frame = peer.frame(DATA, 0, manifest(SMALL)[:16])
        for index in range(len(frame) - 1):
            for bit in range(8):
                damaged = bytearray(frame)
                damaged[index] ^= 1 << bit
                kinds = {kind for kind, _, _ in peer.pass_on(bytes(damaged))}
                self.assertEqual(kinds, {NAK}, (index, bit))
            self.assertEqual(peer.pass_on(frame[:index] + frame[index + 1 :])[0][0], NAK)
        self.assertEqual(peer.pass_on(frame)[0], (ACK, 1, b""))

    def test_frames_that_are_too_long(self):
        _, peer = self.make(mtu=32)
        peer.open()
        self.assertEqual(peer.pass_on(peer.frame(PING, 0, bytes(26))), [(ACK, 0, b"")])
        self.assertEqual(peer.pass_on(peer.frame(PING, 0, bytes(27))), [(NAK, 0, b"")])
        self.assertEqual(peer.pass_on(peer.frame(PING, 0, bytes(9000))), [(NAK, 0, b"")])

    def test_unknown_kinds_are_ignored(self):
        _, peer = self.make()
        peer.open()
        for kind in (0, 2, 3):
            self.assertEqual(peer.pass_on(peer.frame(kind, 0, bytes(16))), [])
        # Parity, which was not asked for, is no part of a frame here.
        self.assertEqual(peer.pass_on(peer.frame(10, 0, bytes(16))), [(NAK, 0, b"")])

    def test_silence(self):
        receiver, peer = self.make()
        peer.open()
        self.assertEqual(receiver.deadline(0), 8000)
        self.assertEqual(receiver.drain(7999), [])
        self.assertEqual(receiver.events, [])
        self.assertEqual(receiver.drain(8000), [])
        self.assertEqual(receiver.events, ["closed 255 0"])
        # What comes in that session now makes it known that it is over.
        peer.now = 9000
        receiver.receive(peer.frame(PING), 9000)
        peer.now = 9000
        self.assertEqual([kind for kind, _, _ in peer.collect()], [READY])

    def test_busy(self):
        receiver, peer = self.make()
        peer.open()
        receiver.busy(9000)
        self.assertEqual(peer.collect(), [(BUSY, 0, struct.pack("<H", 9000))])
        peer.now = 4000
        self.assertEqual(peer.pass_on(peer.frame(PING)), [(BUSY, 0, struct.pack("<H", 5000))])
        peer.now = 9000
        self.assertEqual(peer.pass_on(peer.frame(PING)), [(ACK, 0, b"")])
        self.assertEqual(receiver.deadline(9000), 8000)

    def test_busy_counts_as_heard(self):
        receiver, peer = self.make()
        peer.open()
        receiver.busy(9000)
        peer.collect()
        self.assertEqual(receiver.drain(16999), [])
        self.assertEqual(receiver.events, [])
        receiver.drain(17000)
        self.assertEqual(receiver.events, ["closed 255 0"])

    def test_a_busy_sender(self):
        receiver, peer = self.make()
        peer.open()
        peer.session, session = peer.session, peer.session
        receiver.receive(encode(session, 0, DATA, 0, manifest(SMALL)), 0)
        receiver.receive(encode(session, 0, BUSY, peer.expected, struct.pack("<H", 3000)), 0)
        self.assertEqual([peer.decode(f)[0] for f in receiver.drain(0)], [ACK])
        self.assertEqual(receiver.drain(2999), [])
        self.assertEqual([peer.decode(f)[0] for f in receiver.drain(3000)], [DATA])

    def test_digests_wait_for_busy(self):
        receiver, peer = self.make()
        receiver.behave(check_milliseconds=700)
        transfer = Transfer(SMALL_FLOATS, plane_count=1)
        receiver, peer = self.make(SMALL_FLOATS)
        receiver.behave(check_milliseconds=700)
        peer.open()
        peer.data(b"".join(transfer.records[:-1]))
        receiver.receive(peer.frame(DATA, peer.number, transfer.records[-1]), 0)
        kind, number, payload = peer.decode(receiver.transmit(0))
        self.assertEqual((kind, payload), (BUSY, struct.pack("<H", 700)))
        self.assertEqual(receiver.events[-1], "check 0 0")
        self.assertEqual(receiver.deadline(0), 0)
        self.assertEqual(peer.decode(receiver.transmit(1))[0], DATA)
        self.assertEqual(receiver.events[-1], "complete 0 0")

    def test_close(self):
        receiver, peer = self.make()
        peer.open()
        self.assertEqual(peer.pass_on(peer.frame(CLOSE, 0, b"\1")), [])
        self.assertEqual(receiver.events, ["closed 1 0"])
        self.assertEqual(peer.pass_on(peer.frame(CLOSE, 0, b"\1")), [])
        self.assertEqual(receiver.events, ["closed 1 0"])

    def continue_after(self, disturb):
        """Breaks a transfer off in the middle, and goes on in a new session."""
        transfer = Transfer(seed=11, plane_count=2)
        receiver, peer = self.make(transfer.model)
        peer.open()
        stream = b"".join(transfer.records)
        middle = len(stream) // 2 // 16 * 16
        peer.data(stream[:middle])
        disturb(receiver, peer)
        before = peer.session
        peer.nonce += 1
        frames = peer.open(goes_on=before)
        self.assertEqual(peer.welcome[20:24], struct.pack("<I", before))
        self.assertEqual(frames[0], (ACK, peer.number, b""))
        peer.data(stream[middle:])
        self.assertEqual(peer.last(), (VERIFIED, transfer.digest))

    def test_continuation_at_once(self):
        self.continue_after(lambda receiver, peer: None)

    def test_continuation_after_silence(self):
        def wait(receiver, peer):
            peer.now = 20000
            receiver.drain(20000)
            self.assertEqual(receiver.events[-1], "closed 255 0")

        self.continue_after(wait)

    def test_no_continuation_of_another_session_or_without_it(self):
        receiver, peer = self.make()
        peer.open()
        before, peer.nonce = peer.session, 77
        peer.open(goes_on=before ^ 1)
        self.assertEqual(peer.welcome[20:24], bytes(4))
        receiver, peer = self.make(options=("WT_CONTINUE=0",))
        peer.open()
        before, peer.nonce = peer.session, 77
        peer.expected, peer.said = 0, bytearray()
        peer.open(goes_on=before)
        self.assertEqual(peer.welcome[20:24], bytes(4))
        self.assertEqual(peer.last()[0], INFO)

    def test_reset_is_told_by_ready(self):
        receiver, peer = self.make()
        peer.open()
        receiver.reset(4711)
        receiver.receive(peer.frame(DATA, 0, manifest(SMALL)), 1000)
        self.assertEqual([peer.decode(f)[0] for f in receiver.drain(1000)], [READY])

    def test_noise(self):
        """Damage to what goes to, loss of what goes fro: the model arrives all the same."""
        for seed in range(8):
            draw = random.Random(seed)
            transfer = Transfer(seed=seed, plane_count=1)
            receiver, peer = self.make(transfer.model, nonce=seed)
            peer.open()
            stream, blocks = b"".join(transfer.records), 0
            now, said, expected = 0, bytearray(), peer.expected
            while len(said) < 36:
                wire = peer.frame(DATA, blocks % 4096, stream[16 * blocks : 16 * blocks + 208])
                damaged = bytearray(wire)
                while draw.random() < 0.3:
                    place = draw.randrange(len(damaged))
                    damaged[place : place + draw.randrange(2)] = draw.randbytes(draw.randrange(3))
                receiver.receive(damaged, now)
                now += 150
                self.assertLess(now, 300_000, seed)
                for frame in receiver.drain(now):
                    if draw.random() < 0.2:
                        continue
                    kind, number, payload = peer.decode(frame)
                    if kind == ACK:
                        blocks += (number - blocks) % 4096
                    if kind == DATA and number == expected:
                        said += payload
                        expected += (len(payload) + 15) // 16
                    if kind == DATA:
                        receiver.receive(peer.frame(ACK, expected), now)
            self.assertTrue(said.endswith(bytes([VERIFIED, 32]) + transfer.digest), seed)

    def test_refused_stream_is_closed_behind_the_reason(self):
        receiver, peer = self.make()
        peer.open()
        frames = peer.pass_on(peer.frame(DATA, 0, b"\x63\0"))
        self.assertEqual([frame[0] for frame in frames], [ACK, DATA, CLOSE, CLOSE])
        self.assertEqual(frames[-1][2], b"\2")
        self.assertEqual(peer.last(), (FAILED, b"\5"))
        self.assertEqual(receiver.events, ["closed 2 0"])


SMALL_FLOATS = [("w", 1, (32, 16)), ("b", 1, (32,))]
