"""The coded stream, both ends of it: written from Protocol.md §6.3 alone.

    ours, theirs = Stream(tensors, LINES), Stream(tensors, LINES)
    codeword = ours.encode(elements, [(0, None), (0, 23)])      a pass of planes, a mantissa pass
    theirs.decode(codeword)
    theirs.memory(0)

Plain and slow. Both ends take the same way through the stream and ask the same questions of their
range coders; only the encoder's heeds the answers that it is told.
"""

import math

from range_coder import Decoder, Encoder, Model

FLAT, LINES = 1, 2
# Bits of exponent and of mantissa, and elements in a value; of the other dtypes the bytes.
HALF, BRAIN, SINGLE, DOUBLE = (5, 10), (8, 7), (8, 23), (11, 52)
FLOATS = {
    1: (SINGLE, 1), 2: (DOUBLE, 1), 3: (HALF, 1), 4: (BRAIN, 1),
    40: (HALF, 2), 41: (SINGLE, 2), 42: (DOUBLE, 2),
}  # fmt: skip
BYTES = {
    5: 1, 6: 1, 7: 1, 8: 1, 9: 1, 10: 1,
    16: 1, 17: 2, 18: 4, 19: 8, 24: 1, 25: 2, 26: 4, 27: 8, 32: 1,
}  # fmt: skip
ROOTS = tuple(round(2 ** (12 - index / 32)) for index in range(32))
NONE = -1  # the level of zero


def lg(number):
    """16 times the logarithm to base 2, in straight lines."""
    octave = max(number.bit_length() - 1, 0)
    return 16 * octave + (number << 4 >> octave & 15)


class Lines:
    """What the rows and columns of a matrix tell of its elements, in one pass."""

    def __init__(self, tensor, plane):
        self.tensor, self.columns = tensor, tensor.columns
        self.activity = [[0] * tensor.rows, [0] * tensor.columns]
        self.counts = [[0] * tensor.rows, [0] * tensor.columns]
        self.balances = [[0] * tensor.rows, [0] * tensor.columns]
        self.candidates = [[0] * tensor.rows, [0] * tensor.columns]
        self.hits = [[0] * tensor.rows, [0] * tensor.columns]
        self.surplus = [[0] * tensor.rows, [0] * tensor.columns]
        self.all_candidates, self.all_hits, self.row = 0, 0, None
        shift = tensor.top - min(plane, 12) + 1
        total = 0
        for index, level in enumerate(tensor.levels):
            if level != NONE:
                self.count_sign(index, tensor.negative[index])
                known = 1 << tensor.known[index] | tensor.trailing[index]
                whole = known << level - tensor.known[index] >> shift
            activity = 1 if level == NONE else 4 * whole + 2 if whole else 3
            total += activity
            for sums, line in zip(self.activity, divmod(index, self.columns)):
                sums[line] = (sums[line] + activity) % (1 << 32)
        self.total = lg(total % (1 << 64))

    def activity_class(self, index):
        row, column = divmod(index, self.columns)
        sum_ = lg(self.activity[0][row]) + lg(self.activity[1][column]) - self.total
        return min(max(sum_ // 4, 0), 15)

    def yield_class(self, index):
        row, column = divmod(index, self.columns)
        if row != self.row:
            self.row = row
            self.row_candidates = 5 * (self.all_candidates + 1)
            self.row_hits = 5 * self.all_hits + 2
        return min(max((self.surplus[0][row] + self.surplus[1][column]) // 8 + 12, 0), 23)

    def count_candidate(self, index, hit):
        self.all_candidates += 1
        self.all_hits += hit
        for side, line in enumerate(divmod(index, self.columns)):
            self.candidates[side][line] += 1
            self.hits[side][line] += hit
            count, hits = self.candidates[side][line], self.hits[side][line]
            if hit or count % 8 == 0:
                expected = hits * self.row_candidates + 8 * self.row_hits
                self.surplus[side][line] = lg(expected) - lg(self.row_hits) - lg(count + 8)

    def count_sign(self, index, negative):
        for counts, balances, line in zip(
            self.counts, self.balances, divmod(index, self.columns)
        ):
            counts[line] += 1
            balances[line] += -1 if negative else 1

    def vote(self, index):
        """The known signs of the neighbours in the row."""
        column, width = index % self.columns, self.tensor.kernel_width
        vote = 0
        for step in [-1, 1] + [-width, width] * (width > 1):
            known = 0 <= column + step < self.columns and self.tensor.levels[index + step] != NONE
            if known:
                vote += -1 if self.tensor.negative[index + step] else 1
        return vote

    def expected_sign(self, index):
        """Whether it is negative, and the class of the expectation."""
        sum_ = 0
        for counts, balances, line in zip(
            self.counts, self.balances, divmod(index, self.columns)
        ):
            root = lg(counts[line] + 2)
            sum_ += balances[line] * ROOTS[root % 32] >> 6 + root // 32
        strength, vote = min((2 * abs(sum_) + 32) // 64, 7), self.vote(index)
        negative = sum_ < 0 if strength else vote < 0
        return negative, 9 * strength + (-vote if negative else vote) + 4


class StreamModels:
    """Those that live as long as the stream."""

    def __init__(self):
        self.mantissa, self.exceptions = Model(), Model()
        self.next, self.repeated, self.more = Model(), Model(), Model()
        self.significance = [Model() for _ in range(16)]
        self.refinement = [[Model() for _ in range(16)] for _ in range(4)]
        self.signs = [Model() for _ in range(72)]
        self.trees = [[Model() for _ in range(256)] for _ in range(8)]


class ByteTensor:
    """Of a type that is not a float: as it is, in one unit."""

    def __init__(self, dtype, extents):
        self.size = BYTES[dtype]
        self.bytes = bytearray(math.prod(extents) * self.size)

    def memory(self):
        return bytes(self.bytes)

    def unit(self, coder, models, truth, differences, _):
        differences = coder.raw(differences or 0, 1)
        before = bytes(self.size)
        for first in range(0, len(self.bytes), self.size):
            for place in range(self.size):
                base = before[place] if differences else 0
                byte = ((truth[first + place] if truth else 0) - base) % 256
                node = 1
                for bit in reversed(range(8)):
                    model = models.trees[min(place, 7)][node]
                    node = 2 * node + coder.decision(byte >> bit & 1, model)
                self.bytes[first + place] = (node + base) % 256
            before = self.bytes[first : first + self.size]


class FloatTensor:
    """Signs, levels and trailing bits as far as they are known."""

    def __init__(self, dtype, extents):
        (exponent_bits, self.mantissa_bits), parts = FLOATS[dtype]
        self.width = 1 + exponent_bits + self.mantissa_bits
        self.infinity = (1 << exponent_bits) - 1 << self.mantissa_bits
        self.level_bits = (self.mantissa_bits + (1 << exponent_bits) - 2).bit_length()
        count = math.prod(extents) * parts
        self.rows = extents[0] if len(extents) > 1 else 1
        self.columns = count // self.rows
        self.kernel_width = extents[-1] if len(extents) > 3 else 1
        self.negative, self.levels = [False] * count, [NONE] * count
        self.trailing, self.known = [0] * count, [0] * count
        self.exceptions = {}
        self.top = None  # the level of the largest magnitude, NONE if all are zero
        self.planes = 0  # significance passes so far
        self.refined = 0  # the last plane whose refinement pass has come
        self.mantissa_passes = 0

    @property
    def has_lines(self):
        return self.rows > 1 and self.columns > 1 and self.rows + self.columns <= 1 << 20

    @property
    def is_refined(self):
        """Whether no plane lacks its refinement pass: plane 0 has none."""
        return self.planes in (0, self.refined + 1)

    def places(self, level):
        """Trailing bits of a value of the level."""
        return min(level, self.mantissa_bits)

    def split(self, bits):
        """Sign, level and trailing bits of an element."""
        magnitude = bits & (1 << self.width - 1) - 1
        exponent, mantissa = divmod(magnitude, 1 << self.mantissa_bits)
        level = self.mantissa_bits + exponent - 1 if exponent else mantissa.bit_length() - 1
        places = max(self.places(level), 0)
        return bits >> self.width - 1 == 1, level, magnitude & (1 << places) - 1

    def element(self, index):
        """The bits of what is known: the middle of what is possible."""
        if index in self.exceptions:
            return self.exceptions[index]
        level, sign = self.levels[index], self.negative[index] << self.width - 1
        if level == NONE:
            return sign
        unknown = self.places(level) - self.known[index]
        if level < self.mantissa_bits:
            leading = 1 << level
        else:
            leading = level - self.mantissa_bits + 1 << self.mantissa_bits
        return sign | leading | self.trailing[index] << unknown | 1 << unknown >> 1

    def memory(self):
        size = self.width // 8
        indices = range(len(self.levels))
        return b"".join(self.element(index).to_bytes(size, "little") for index in indices)

    def unit(self, coder, models, truth, mantissa_bits, codec):
        size = self.width // 8
        starts = range(0, size * len(self.levels), size)
        told = [int.from_bytes(truth[at : at + size], "little") for at in starts] if truth else []
        told = told or [0] * len(self.levels)
        is_mantissa_pass = coder.decision(mantissa_bits is not None, models.mantissa)
        if is_mantissa_pass:
            mantissa_bits = coder.raw(mantissa_bits or 0, 6)
        if self.top is None:
            self.header(coder, models, told)
        told = [self.split(bits) for bits in told]
        if is_mantissa_pass:
            assert self.is_refined, "no mantissa pass between the two of a plane"
            self.mantissa_pass(coder, told, mantissa_bits)
        elif self.top == NONE:
            assert self.planes == 0, "only plane 0, which is empty"
            self.planes = 1
        elif not self.is_refined:
            self.refinement_pass(coder, models, told, codec)
        else:
            self.significance_pass(coder, models, told, codec)

    # --- The header ---

    def header(self, coder, models, told):
        finite = [bits for bits in told if bits & self.infinity != self.infinity]
        top = max((self.split(bits)[1] for bits in finite), default=NONE)
        all_ones = (1 << self.level_bits) - 1
        top = coder.raw(all_ones if top == NONE else top, self.level_bits)
        self.top = NONE if top == all_ones else top
        self.exceptional(coder, models, told)

    def exceptional(self, coder, models, told):
        """NaNs and infinities."""
        left = [i for i, bits in enumerate(told) if bits & self.infinity == self.infinity]
        index, bits = -1, self.infinity
        more = coder.decision(left, models.exceptions)
        while more:
            told_index = left.pop(0) if left else 0
            index += 1 + self.gap(coder, models, told_index - index - 1)
            if not coder.decision(told[told_index] == bits, models.repeated):
                bits = coder.raw(told[told_index], self.width)
            self.exceptions[index] = bits
            more = coder.decision(left, models.more)

    def gap(self, coder, models, gap):
        """The elements that are passed over before the next exception."""
        if coder.decision(gap == 0, models.next):
            return 0
        octave = coder.raw(max(gap, 1).bit_length() - 1, 6)
        return 1 << octave | coder.raw(gap, octave)

    # --- Passes ---

    def significance_pass(self, coder, models, told, codec):
        level, flat = self.top - self.planes, Model()
        yields = [Model() for _ in range(24)]
        assert level >= 0, "there is no such plane"
        lines = Lines(self, self.planes) if codec == LINES and self.has_lines else None
        for index in range(len(told)):
            if self.levels[index] != NONE or index in self.exceptions:
                continue
            pair = [flat]
            if lines:
                pair = [yields[lines.yield_class(index)]]
                pair.append(models.significance[lines.activity_class(index)])
            negative, told_level, _ = told[index]
            hit = coder.decision(told_level == level, *pair)
            if not hit:
                if lines:
                    lines.count_candidate(index, 0)
                continue
            if lines:
                expected, kind = lines.expected_sign(index)
                negative ^= expected
                negative = coder.decision(negative, models.signs[kind]) ^ expected
                lines.count_sign(index, negative)
                lines.count_candidate(index, 1)
            else:
                negative = coder.raw(negative, 1) == 1
            self.levels[index], self.negative[index] = level, negative
        self.planes += 1

    def refinement_pass(self, coder, models, told, codec):
        plane, own = self.planes - 1, [Model() for _ in range(4)]
        lines = Lines(self, plane) if codec == LINES and self.has_lines else None
        for index, level in enumerate(self.levels):
            bit = plane - self.top + level
            if level <= self.top - plane or bit > self.places(level):
                continue
            told_bit = told[index][2] >> self.places(level) - bit & 1
            if bit > 3:
                self.learn(index, coder.raw(told_bit, 1), 1)
                continue
            pair = [own[bit]]
            if lines:
                pair.append(models.refinement[bit][lines.activity_class(index)])
            self.learn(index, coder.decision(told_bit, *pair), 1)
        self.refined = plane

    def learn(self, index, bits, bit_count):
        """Some more trailing bits."""
        self.trailing[index] = self.trailing[index] << bit_count | bits
        self.known[index] += bit_count

    def mantissa_pass(self, coder, told, mantissa_bits):
        is_first, is_last = self.mantissa_passes == 0, mantissa_bits == self.mantissa_bits
        zero, zero_sign, sign, same = Model(), Model(), Model(), Model()
        distances = [Model() for _ in range(16)]
        zeros = 0
        for index in range(len(told)):
            negative, level, trailing = told[index]
            if is_last and index % self.columns == 0:
                row = [self.zeros(*told[i]) for i in self.row(index)]
                row_zeros = min(row, default=self.mantissa_bits)
                if not coder.decision(row_zeros == zeros, same):
                    zeros = coder.raw(row_zeros, 6)
            if index in self.exceptions:
                continue
            if self.levels[index] == NONE:
                if not is_first:
                    continue
                if coder.decision(level == NONE, zero):
                    self.negative[index] = coder.decision(negative, zero_sign)
                    continue
                self.levels[index] = self.distant_level(coder, distances, level)
                self.negative[index] = coder.decision(negative, sign)
            places = self.places(self.levels[index])
            end = places - zeros if is_last else min(mantissa_bits, places)
            count = max(end - self.known[index], 0)
            told_bits = trailing >> max(places - self.known[index] - count, 0)
            self.learn(index, coder.raw(told_bits & (1 << count) - 1, count), count)
            if is_last:
                left = places - self.known[index]
                self.learn(index, 0, left)
        self.mantissa_passes += 1

    def distant_level(self, coder, distances, told_level):
        """A level below those that planes have told of."""
        below = max(self.top, 0) - self.planes
        for distance in range(24):
            model = distances[min(distance, 15)]
            if coder.decision(told_level == below - distance, model):
                return below - distance
        return coder.raw(max(told_level, 0), self.level_bits)

    def row(self, first):
        """The elements of a row that mantissa passes are about."""
        indices = range(first, first + self.columns)
        return [index for index in indices if index not in self.exceptions]

    def zeros(self, _, level, trailing):
        """Zero bits at the end of the mantissa, which are the lowest bits of the magnitude."""
        if trailing:
            return (trailing & -trailing).bit_length() - 1
        return level if 0 <= level < self.mantissa_bits else self.mantissa_bits


class Stream:
    """One end: what it knows of each tensor with content, given as dtype and extents."""

    def __init__(self, tensors, codec):
        self.codec, self.models = codec, StreamModels()
        self.tensors = [
            (FloatTensor if dtype in FLOATS else ByteTensor)(dtype, extents)
            for dtype, extents in tensors
        ]

    def encode(self, elements, units):
        """The codeword of units: each a tensor's number, and the bits of a mantissa pass, whether
        differences come, or None for a pass of planes."""
        coder, number_bits = Encoder(), len(self.tensors).bit_length()
        for number, parameter in units:
            coder.raw(number, number_bits)
            tensor = self.tensors[number]
            tensor.unit(coder, self.models, elements[number], parameter, self.codec)
        coder.raw(len(self.tensors), number_bits)
        return coder.finish()

    def decode(self, codeword):
        coder, number_bits = Decoder(codeword), len(self.tensors).bit_length()
        while (number := coder.raw(0, number_bits)) < len(self.tensors):
            self.tensors[number].unit(coder, self.models, None, None, self.codec)

    def memory(self, number):
        return self.tensors[number].memory()
