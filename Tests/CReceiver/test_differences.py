"""Tensors that come as differences from the model in use: Protocol.md §5.10, §6.3, Bases."""

import itertools
import random
import unittest

from coded_stream import NONE
from differences import MODEL, WAYS, Difference, FullDevice, moved, numbers, packed
from peer import BASIS, CODED, FAILED, MILESTONE, VERIFIED, manifest, record, terms, unit
from range_coder import Encoder, Model
from test_transfers import Transfer, expected_byte


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
        """A base of fewer planes, and a model of fewer."""
        bases = [Transfer(MODEL, seed=2, plane_count=count) for count in (1, 3, 7)]
        for way, base, count in itertools.product(WAYS, bases, (1, 4, 7)):
            new = moved(base, 20, 0.5, 0.8)
            self.check(way, base, Difference(base, new, kept=(6,), plane_count=count))

    def test_zeros(self):
        """In place of all weights of a tensor."""
        base = Transfer(MODEL, seed=3)
        contents = moved(base, 30, 0.1, 0.9)
        for index in 0, 4:
            dtype = MODEL[index][1]
            contents[index] = packed(dtype, [0.0] * len(numbers(dtype, contents[index])))
        for way in WAYS:
            self.check(way, base, Difference(base, contents, kept=(6,)))

    def test_low_levels(self):
        """Among subnormals, as low as a base may be."""
        base = self.low((7, 8, 7))
        for levels in (7, 8, 7), (8, 9, 9), (13, 30, 20):
            contents = self.low(levels, base).contents
            for way in WAYS:
                with self.subTest(levels=levels, way=way):
                    self.check(way, base, Difference(base, contents))

    def low(self, levels, before=None):
        """Weights up to these levels, close to those before."""
        model = [("half", 3, (64, 16)), ("single", 1, (64, 16)), ("brain", 4, (64, 16))]
        draw, found = random.Random(f"{levels}"), Transfer(model, seed=4)
        for index, (level, (_, dtype, _)) in enumerate(zip(levels, model)):
            size = 4 if dtype == 1 else 2
            mantissa = {1: 23, 3: 10, 4: 7}[dtype]
            weights = []
            for number in range(1024):
                bits = draw.randrange(256)
                if before:
                    content = before.contents[index]
                    bits = int.from_bytes(content[size * number : size * (number + 1)], "little")
                sign = bits >> 8 * size - 1 if before else draw.randrange(2)
                bits = max(bits % (1 << 8 * size - 1) + draw.choice([0, 0, 1, -1, 9, -20]), 0)
                bits = min(bits, 255, (1 << level) - 1)
                weights.append(bits | (sign << 8 * size - 1 if bits else 0))
            top = 1 << level if level < mantissa else level - mantissa + 1 << mantissa
            weights[5] = top | 3
            found.contents[index] = b"".join(each.to_bytes(size, "little") for each in weights)
        found.code(7)
        return found

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
                is_planed = not base.whole[place] and place != 6
                answer = (65, b"") if is_planed and code == 2 else (FAILED, b"\2")
                self.assertEqual(peer.last(), answer, (place, code))
                device.close()

    def test_tensors_that_are_no_base(self):
        """All zero, of a low level, or between the two passes of a plane."""
        unrefined = Transfer(MODEL, seed=2)
        unrefined.code(7, pass_count=6)
        low = self.low((6, 7, 7))
        for base, place in (unrefined, 0), (Transfer(MODEL, seed=2), 6), (low, 0), (low, 1):
            for way in WAYS:
                device = self.device(way, base.model, base)
                basis = bytearray(-(-len(base.contents) // 4))
                basis[place // 4] = 2 << place % 4 * 2
                peer = device.open()
                peer.data(manifest(base.model, tail=terms(base=base.digest)))
                peer.data(record(BASIS, bytes(basis)))
                answer = (65, b"") if (base, place) == (low, 1) else (FAILED, b"\2")
                self.assertEqual(peer.last(), answer, place)
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
            (level, 7, unkept), (276, 277, unkept), (276, 278, broken), (level, level + 2, broken),
            (level, 511, broken),
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
