"""Tensors that come as differences from the model in use (Protocol.md §5.10, §6.3, Bases): encoded by
Scripts/coded_bases.py, whose base is what the receiver has of the model before."""

import hashlib
import itertools
import random
import struct
import unittest

from coded_bases import BaseStream
from coded_stream import FLAT, NONE, FloatTensor
from library import Flash
from peer import BASIS, CODED, FAILED, FINISH, MILESTONE, VERIFIED, manifest, record, tensor_records
from peer import terms, unit, whole
from range_coder import Encoder, Model
from test_flash import BACKED, DIRECT
from test_flash import MODEL as SHORT
from test_going_on import Board, stream
from test_held import Device
from test_transfers import FORMATS, Transfer, elements, expected_byte

DIFFERENCE = ("WT_KEEP=1", "WT_DIFFERENCE=1")
WAYS = ((*BACKED, *DIFFERENCE), (*DIRECT, *DIFFERENCE))
RESUME = ("WT_RESUME=1", "NOTE_INTERVAL=100u")
MODEL = [
    ("a.weight", 1, (24, 32)), ("a.bias", 1, (24,)), ("counter", 19, ()), ("b.half", 3, (40, 20)),
    ("b.brain", 4, (30, 2, 10)), ("b.double", 2, (600, 1)), ("zeros", 1, (512, 1)),
]  # fmt: skip
PLAIN, KEPT, DIFFERS = range(3)


def numbers(dtype, content):
    if dtype == 4:
        pieces = [content[at : at + 2] for at in range(0, len(content), 2)]
        return [struct.unpack("<f", b"\0\0" + piece)[0] for piece in pieces]
    letter, _ = FORMATS[dtype]
    return list(struct.unpack(f"<{len(content) // struct.calcsize(letter)}{letter}", content))


def packed(dtype, values):
    if dtype == 4:
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{FORMATS[dtype][0]}", *values)


def moved(base, seed, scale, last=None):
    """The contents of a model's next version; the last weight of each tensor may be another one."""
    draw, found = random.Random(seed), {}
    for index, content in base.contents.items():
        _, dtype, _ = base.model[index]
        if dtype not in (*FORMATS, 4):
            found[index] = content
            continue
        values = [v + scale * draw.gauss(0, 0.05) for v in numbers(dtype, content)]
        if last is not None:
            values[-1] = last
        found[index] = packed(dtype, values)
    return found


class Difference(Transfer):
    """What a sender says of the next version to a receiver that has the one before."""

    def __init__(self, base, contents, kept=(), plane_count=7):
        self.base, self.contents, self.kept = base, contents, kept
        self.model, self.whole = base.model, base.whole
        self.contents |= {index: base.elements(index) for index in kept}
        self.code(plane_count)

    def code(self, plane_count):
        order = list(self.contents)
        codes = [KEPT if i in self.kept else DIFFERS * (not self.whole[i]) for i in order]
        self.basis = bytes(
            sum(code << 2 * place for place, code in enumerate(codes[at : at + 4]))
            for at in range(0, len(codes), 4)
        )
        bases = {n: self.base.elements(order[n]) for n, code in enumerate(codes) if code == DIFFERS}
        self.stream = BaseStream([self.model[i][1:] for i in order], FLAT, bases)
        truth = [self.contents[i] for i in order]
        self.records = [manifest(self.model)]
        for i, code in zip(order, codes):
            if self.whole[i] and code == PLAIN:
                self.records.append(whole(i, self.contents[i]))
        left = list(bases)
        while left:
            codeword = self.stream.encode(truth, [(n, None) for n in left])
            self.records += [
                record(CODED, codeword[at : at + 77]) for at in range(0, len(codeword), 77)
            ]
            self.records.append(record(MILESTONE, b"\1\x1e"))
            left = [n for n in left if not self.is_done(self.stream.tensors[n], plane_count)]
        self.known = {order[n]: self.middles(n, truth[n]) for n in bases}
        self.memory = {index: tensor.memory() for index, tensor in self.known.items()}
        digests = [hashlib.sha256(self.elements(i)).digest() for i in order]
        self.digest = hashlib.sha256(tensor_records(self.records[0]) + b"".join(digests)).digest()
        self.records.append(record(FINISH, self.digest))

    def is_done(self, tensor, plane_count):
        if tensor.top == NONE:
            return True
        return tensor.is_refined and tensor.planes >= min(plane_count, tensor.top + 1)

    def middles(self, number, truth):
        """As much of a tensor as its planes tell, without a base."""
        coded = self.stream.tensors[number]
        found = FloatTensor(*self.model[list(self.contents)[number]][1:])
        found.top, found.planes, found.refined = coded.top, coded.planes, coded.refined
        size = found.width // 8
        for index in range(len(found.levels)):
            bits = int.from_bytes(truth[size * index : size * (index + 1)], "little")
            negative, level, trailing = found.split(bits)
            if level == NONE or level <= found.top - found.planes:
                continue
            places = found.places(level)
            found.known[index] = min(places, found.planes - 1 - (found.top - level))
            found.trailing[index] = trailing >> places - found.known[index]
            found.levels[index], found.negative[index] = level, negative
        return found

    @property
    def coded_size(self):
        return sum(len(each) for each in self.records if each[0] == CODED)

    @property
    def tail(self):
        return terms(base=self.base.digest)

    @property
    def basis_record(self):
        return record(BASIS, self.basis)


class FullDevice(Device):
    """A device of another model than those of flash have."""

    def __init__(self, options, model, flash=None):
        self.options, self.flash = options, flash or Flash(page_count=64)
        self.nonce, self.receiver, self.model = 1, None, model
        self.reset()


class DifferenceTests(unittest.TestCase):
    def device(self, way, model, base=None):
        device = FullDevice(way, model)
        self.addCleanup(device.close)
        if base:
            self.assertEqual(device.send(base), (VERIFIED, base.digest))
        return device

    def check(self, way, base, new):
        """It arrives, and is what a model of its own would be, also behind a reset."""
        device = self.device(way, base.model, base)
        last = device.send(new, new.tail, new.basis_record)
        self.assertEqual(last, (VERIFIED, new.digest))
        for _ in range(2):
            for index, tensor in new.known.items():
                name = new.model[index]
                wanted = [expected_byte(tensor, i) for i in range(len(tensor.levels))]
                self.assertEqual(list(device.receiver.tensor(index)), wanted, name)
                passes = tensor.planes * 2 - 1
                state = (0xFFFF, 1, 1) if tensor.top == NONE else (tensor.top, passes, 1)
                self.assertEqual(device.receiver.state(index), state, name)
            for index in new.kept:
                self.assertEqual(device.receiver.state(index)[2], 1)
            device.reset()
        device.close()

    # --- Versions of a model ---

    def test_changes_of_all_sizes(self):
        base = Transfer(MODEL, seed=1)
        for way in WAYS:
            for number, scale in enumerate((0.001, 0.03, 0.3, 2)):
                # With the same level, or a higher one, up to a base of which nothing is left.
                for last in None, 0.9, -60.0, 3000.0:
                    with self.subTest(way=way, scale=scale, last=last):
                        contents = moved(base, 10 + number, scale, last)
                        if last is None:
                            contents = self.as_large(base, contents)
                        self.check(way, base, Difference(base, contents, kept=(6,)))

    def as_large(self, base, contents):
        """With the largest element of the base, so that the level is not lower."""
        for index, content in contents.items():
            dtype = base.model[index][1]
            if not base.whole[index]:
                before = numbers(dtype, base.contents[index])
                place = max(range(len(before)), key=lambda i: abs(before[i]))
                values = numbers(dtype, content)
                values[place] = before[place] * 1.5
                contents[index] = packed(dtype, values)
        return contents

    def test_planes_of_both(self):
        """A base of fewer planes, one that lacks the refinement of its last one, and a model of fewer."""
        bases = [Transfer(MODEL, seed=2, plane_count=count) for count in (1, 3, 7)]
        unrefined = Transfer(MODEL, seed=2)
        unrefined.code(7, pass_count=6)
        for way, base, count in itertools.product(WAYS, (*bases, unrefined), (1, 4, 7)):
            new = moved(base, 20, 0.5, 0.8)
            self.check(way, base, Difference(base, new, kept=(6,), plane_count=count))

    def test_zeros(self):
        """In place of weights, weights in place of zeros, and both ends all zeros."""
        base = Transfer(MODEL, seed=3)
        contents = moved(base, 30, 0.1, 0.9)
        zeros = packed(1, [0.0] * 512)
        for index in 0, 4:
            dtype = MODEL[index][1]
            contents[index] = packed(dtype, [0.0] * len(numbers(dtype, contents[index])))
        for last in zeros, moved(base, 31, 1)[6]:
            for way in WAYS:
                self.check(way, base, Difference(base, contents | {6: last}))

    def test_subnormals(self):
        """Levels below that of the seventh plane: bits that are not there do not count."""
        model = [("half", 3, (64, 16)), ("single", 1, (64, 16)), ("brain", 4, (64, 16))]
        draw = random.Random(4)
        for number, (old, new) in enumerate([(1, 1), (1, 3), (2, 7), (5, 5), (7, 9), (9, 14), (3, 40)]):
            base = Transfer(model, seed=4)
            contents = {}
            for index, (_, dtype, _) in enumerate(model):
                size, sign = (4, 1 << 31) if dtype == 1 else (2, 1 << 15)
                limit = min(new, 14) if dtype == 3 else new
                if dtype == 4:
                    limit = min(new, 9)
                before, after = [], []
                for _ in range(1024):
                    bits = draw.randrange(1 << min(old, limit))
                    before.append(bits | (sign if bits and draw.random() < 0.5 else 0))
                    change = draw.choice([0, 0, 1, -1, draw.randrange(1 << min(limit, 20))])
                    after.append(max(bits + change, 0) & (1 << min(limit, 20)) - 1 | before[-1] & sign)
                if dtype == 1 and new == 40:
                    after[0] = 17 << 23
                before[1], after[1] = (1 << min(old, limit)) - 1, (1 << min(limit, 20)) - 1
                for target, bits in (base.contents, before), (contents, after):
                    target[index] = b"".join(each.to_bytes(size, "little") for each in bits)
            base.code(7) if old > 6 else self.code_shallow(base)
            for way in WAYS:
                with self.subTest(number=number, way=way):
                    self.check(way, base, Difference(base, contents))

    def code_shallow(self, base):
        """As many planes as there are: one more would be a broken stream."""
        level = min(t.split(max(self.bits(t, base.contents[n])))[1]
                    for n, t in enumerate(FloatTensor(*m[1:]) for m in base.model))  # fmt: skip
        base.code(min(7, level + 1))

    def bits(self, tensor, content):
        size = tensor.width // 8
        mask = (1 << tensor.width - 1) - 1
        starts = range(0, len(content), size)
        return [int.from_bytes(content[at : at + size], "little") & mask for at in starts]

    def test_it_takes_fewer_bytes(self):
        base = Transfer(MODEL, seed=5)
        contents = self.as_large(base, moved(base, 50, 0.01))
        new = Difference(base, contents, kept=(6,))
        plain = Transfer(MODEL, seed=5)
        plain.contents = contents
        plain.code(7)
        size = sum(len(each) for each in plain.records if each[0] == CODED)
        self.assertLess(new.coded_size, size / 3)

    def test_one_behind_the_other(self):
        """Each is the base of the next, in turns of the slots."""
        for way in WAYS:
            base = Transfer(MODEL, seed=6)
            device = self.device(way, MODEL, base)
            for number in range(5):
                new = Difference(base, moved(base, 60 + number, 0.1, 0.7 + number), kept=(6,))
                last = device.send(new, new.tail, new.basis_record)
                self.assertEqual(last, (VERIFIED, new.digest))
                self.assertEqual(device.info()[1], [new.digest, base.digest])
                base = new

    # --- What is said and refused ---

    def test_ability(self):
        for way in WAYS:
            device = self.device(way, MODEL)
            self.assertEqual(device.info()[0], 2)
            device.send(Transfer(MODEL, seed=1))
            self.assertEqual(device.info()[0], 2 | 8)

    def test_tensors_that_are_not_in_planes(self):
        base = Transfer(MODEL, seed=1)
        for way, place in itertools.product(WAYS, range(len(MODEL))):
            for code in (2, 3):
                device = self.device(way, MODEL, base)
                basis = bytearray(2)
                basis[place // 4] = code << place % 4 * 2
                peer = device.open()
                peer.data(manifest(MODEL, tail=terms(base=base.digest)))
                peer.data(record(BASIS, bytes(basis)))
                is_planed = not base.whole[place]
                answer = (65, b"") if is_planed and code == 2 else (FAILED, b"\2")
                self.assertEqual(peer.last(), answer, (place, code))
                device.close()

    def test_without_a_base(self):
        """What COMPARE has told of cannot differ; and a base has to be the model in use."""
        base, other = Transfer(MODEL, seed=1), Transfer(MODEL, seed=2)
        for way in WAYS:
            device = self.device(way, MODEL, base)
            for tail, code in (terms()[:-1] + b"\2", 5), (terms(base=other.digest), 2):
                self.assertEqual(device.ask(manifest(MODEL, tail=tail)), [(FAILED, bytes([code]))])

    def header(self, base, level, common):
        """The answer to the beginning of a unit, of the first tensor; where it is taken, the planes
        that are the base's."""
        coder = Encoder()
        coder.raw(0, 3)
        coder.decision(False, Model())
        coder.raw(level, 9)
        if common is not None:
            coder.raw(common, 9)
        coder.decision(False, Model())
        answers = set()
        for way in WAYS:
            device = self.device(way, MODEL, base)
            peer = device.open()
            peer.data(manifest(MODEL, tail=terms(base=base.digest)))
            peer.data(record(BASIS, b"\2\0"))
            peer.data(record(CODED, coder.finish() + bytes(4)))
            found, _, flags = device.receiver.state(0)
            is_taken = (found, flags & 5) == (level, 5)
            answers.add(flags >> 4 if is_taken else peer.last())
            device.close()
        [answer] = answers
        return answer

    def test_headers(self):
        base = Transfer(MODEL, seed=1)
        level = base.stream.tensors[0].top
        broken, unkept = (FAILED, b"\5"), (FAILED, b"\3")
        for own, common, wanted in (
            (level, 0, 0), (level, 6, 6), (level + 1, 3, 3), (276, 0, 0),
            (277, None, broken), (511, None, broken), (level - 1, 0, broken), (0, 0, broken),
            (level, 7, unkept), (276, 276, unkept), (level, level + 1, broken), (level, 511, broken),
        ):  # fmt: skip
            self.assertEqual(self.header(base, own, common), wanted, (own, common))

    def test_nothing_has_come(self):
        """A difference has to come, like any tensor; and no more of it than there is."""
        base = Transfer(MODEL, seed=1)
        new = Difference(base, moved(base, 10, 0.1, 0.9), kept=(6,))
        for way in WAYS:
            device = self.device(way, MODEL, base)
            less = Difference(base, new.contents, kept=(6,))
            less.records = [each for each in new.records if each[0] not in (CODED, MILESTONE)]
            self.assertEqual(device.send(less, new.tail, new.basis_record), (FAILED, b"\5"))
            less.records = new.records[:-1] + [unit(0)]
            self.assertEqual(device.send(less, new.tail, new.basis_record), (FAILED, b"\5"))
            self.assertEqual(device.info()[1][0], base.digest)

    def test_nonsense(self):
        """Coded bytes that no sender makes: an answer, and the model in use stays."""
        base = Transfer(MODEL, seed=1)
        new = Difference(base, moved(base, 10, 0.1, 0.9), kept=(6,))
        coded = [place for place, each in enumerate(new.records) if each[0] == CODED]
        kinds = set()
        for seed in range(120):
            draw, way = random.Random(seed), WAYS[seed % 2]
            device = self.device(way, MODEL, base)
            hostile = Difference.__new__(Difference)
            hostile.records = list(new.records)
            for _ in range(draw.randrange(1, 4)):
                place = draw.choice(coded)
                changed = bytearray(hostile.records[place])
                changed[draw.randrange(2, len(changed))] ^= 1 << draw.randrange(8)
                hostile.records[place] = bytes(changed)
            last = device.send(hostile, new.tail, new.basis_record)
            kinds.add(last)
            device.reset()
            held = [base.digest]
            if last[0] != FAILED:  # the end of a codeword has bits that tell nothing
                self.assertEqual(last, (VERIFIED, new.digest))
                held.insert(0, new.digest)
            self.assertEqual(device.info()[1], held)
            device.close()
        self.assertLessEqual({(FAILED, bytes([code])) for code in (3, 4, 5)}, kinds)


class GoingOnTests(unittest.TestCase):
    """Differences that break off: Protocol.md §5.11."""

    BASE = Transfer(SHORT, seed=1)
    CHANGED = moved(BASE, 80, 0.2, 0.4)
    NEW = Difference(BASE, CHANGED, kept=(2,))
    KEYWORDS = {"base": BASE.digest, "basis": NEW.basis}

    def board(self, way, flash=None):
        board = Board((*way, *RESUME), flash or Flash())
        self.addCleanup(board.close)
        return board

    def wanted(self):
        tensor = self.NEW.known[0]
        return bytes(expected_byte(tensor, i) for i in range(len(tensor.levels)))

    def assert_done(self, board, last, *where):
        self.assertEqual(last, (VERIFIED, self.NEW.digest), where)
        self.assertEqual(board.receiver.tensor(0), self.wanted(), where)
        self.assertEqual(board.info()[1], [self.NEW.digest, self.BASE.digest])

    def test_break_at_every_byte(self):
        data = stream(self.NEW)
        for way in WAYS:
            filled = self.board(way)
            filled.send(self.BASE)
            gone_on = 0
            for cut in range(1, len(data), 5):
                board = self.board(way, filled.flash.copy())
                board.begin(data[:cut], **self.KEYWORDS)
                board.reset()
                gone_on += board.unfinished() is not None
                self.assert_done(board, board.send_on(self.NEW, **self.KEYWORDS), way, cut)
                board.close()
            self.assertGreater(gone_on, len(data) // 5 * 2 // 3)

    def test_resets_time_and_again(self):
        data = stream(self.NEW)
        for way in WAYS:
            board = self.board(way)
            board.send(self.BASE)
            board.begin(data[:200], **self.KEYWORDS)
            reached = 0
            for end in range(230, len(data), 97):
                board.reset()
                begun = board.unfinished()[1]
                self.assertGreaterEqual(begun, reached)
                reached = begun
                peer = board.offer(goes_on=True, **self.KEYWORDS)
                peer.data(data[reached:end], 48)
            self.assertGreater(reached, len(data) // 2)
            board.reset()
            self.assert_done(board, board.send_on(self.NEW, **self.KEYWORDS))

    def test_power_cuts(self):
        """In every operation: the model before stays, and the difference comes to its end."""
        for way in WAYS:
            filled = self.board(way)
            filled.send(self.BASE)
            before = filled.memory()
            whole_one = self.board(way, filled.flash.copy())
            whole_one.send_on(self.NEW, **self.KEYWORDS)
            count, gone_on = len(whole_one.log()), 0
            self.assertGreater(count, 200)
            for cut in range(0, count, 3):
                flash = filled.flash.copy()
                flash.cut, flash.seed = cut, cut + 1
                board = self.board(way, flash)
                board.send_on(self.NEW, **self.KEYWORDS)
                flash.cut = 0xFFFFFFFF
                board.reset()
                if cut < count - 1:
                    self.assertEqual(board.memory(), before, (way, cut))
                gone_on += board.unfinished() is not None
                last = board.send_on(self.NEW, **self.KEYWORDS)
                self.assertEqual(last[0], VERIFIED if cut < count - 1 else last[0], (way, cut))
                if last[0] == VERIFIED:
                    self.assert_done(board, last, way, cut)
                board.close()
            self.assertGreater(gone_on, count // 12)

    def test_the_journal(self):
        """Its entries are of another kind, and longer."""
        board = self.board(WAYS[1])
        board.send(self.BASE)
        board.begin(stream(self.NEW)[:300], **self.KEYWORDS)
        journal = board.flash.buffer.raw[10 * 256 :]
        self.assertEqual(journal[16:20], b"WTJD")
        length = (96 + 4 * 3 + 60 + 4 + 15) // 16 * 16
        self.assertTrue(any(journal[16 + length - 16 : 16 + length]))
        self.assertEqual(set(journal[16 + length : 256]), {0xFF})

    def test_one_without_differences_does_not_go_on(self):
        """What the other kind of receiver has noted is nothing to this one."""
        board = self.board(WAYS[1])
        board.send(self.BASE)
        board.begin(stream(self.NEW)[:300], **self.KEYWORDS)
        other = self.board((*DIRECT, "WT_KEEP=1"), board.flash.copy())
        self.assertIsNone(other.unfinished())
        self.assertEqual(other.info()[0] & 8, 0)
