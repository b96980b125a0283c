"""What a sender says of the next version of a model to a receiver that has the one before: encoded by
Scripts/coded_bases.py, whose base is what the receiver has."""

import hashlib
import random
import struct

from coded_bases import BaseStream
from coded_stream import FLAT, NONE, FloatTensor
from library import Flash
from peer import BASIS, CODED, FINISH, MILESTONE, manifest, record, tensor_records, terms, whole
from test_flash import BACKED, DIRECT
from test_held import Device
from test_transfers import FORMATS, Transfer

DIFFERENCE = ("WT_KEEP=1", "WT_DIFFERENCE=1")
WAYS = ((*BACKED, *DIFFERENCE), (*DIRECT, *DIFFERENCE))
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
