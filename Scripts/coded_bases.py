"""Tensors with a base in the coded stream: written from Protocol.md §6.3, Bases, alone.

    stream = BaseStream(tensors, LINES, {0: elements of tensor 0's base})

An encoder may be told of an update of low rank for each of them, too.

Elements are kept as they are in memory, as integers: sign and magnitude.
"""

from fractions import Fraction

from coded_stream import FLOATS, LINES, NONE, ByteTensor, FloatTensor, Stream, lg
from range_coder import Model

SLACK_LIMIT = 6
KIND_COUNT = 15


class LineCounts:
    """How often rows and columns have differed from the base."""

    def __init__(self, tensor):
        self.rows, self.columns = tensor.rows, tensor.columns
        self.counts = [[0] * self.rows, [0] * self.columns]
        self.all, self.row, self.at_row = 0, None, 0

    def begin_pass(self):
        self.row = None

    def count(self, index):
        self.all += 1
        for counts, line in zip(self.counts, divmod(index, self.columns)):
            counts[line] += 1

    def line_class(self, index):
        row, column = divmod(index, self.columns)
        if row != self.row:
            self.row, self.at_row = row, self.all
        sum_ = lg(self.counts[0][row] + 2) + lg(self.counts[1][column] + 2)
        for lines in (self.rows, self.columns):
            sum_ += lg(lines) - lg(self.at_row + 2 * lines)
        return min(max((sum_ + 8) // 16, -3), 3) + 3


class Expectations:
    """The models of a pass of planes."""

    def __init__(self, counts):
        self.kinds = [Model() for _ in range(KIND_COUNT)]
        self.signs = [Model() for _ in range(8)]
        self.classes = [[Model() for _ in range(KIND_COUNT)] for _ in range(7)]
        self.counts = counts
        if counts:
            counts.begin_pass()

    def expected(self, coder, answer, kind, index):
        common = self.kinds[kind]
        if not self.counts:
            return coder.decision(answer, common)
        model = self.classes[self.counts.line_class(index)][kind]
        if model.count == 0:
            model.yes, model.count = common.yes, min(common.count, 4)
        answer = coder.decision(answer, model)
        common.learn(answer)
        if not answer:
            self.counts.count(index)
        return answer

    def same_sign(self, coder, answer, kind, index):
        answer = coder.decision(answer, self.signs[kind])
        if not answer and self.counts:
            self.counts.count(index)
        return answer


class BaseTensor(FloatTensor):
    """Floats that begin as those of a base, and move no further than they must."""

    def __init__(self, dtype, extents, base):
        super().__init__(dtype, extents)
        size = self.width // 8
        starts = range(0, size * len(self.levels), size)
        self.held = [int.from_bytes(base[at : at + size], "little") for at in starts]
        self.sign = 1 << self.width - 1
        self.counts = LineCounts(self) if self.has_lines else None
        self.common = 0  # planes that are the base's
        self.told_update = None

    @property
    def is_refined(self):
        return self.planes in (0, self.common, self.refined + 1)

    def element(self, index):
        return self.exceptions.get(index, self.held[index])

    def magnitude(self, bits):
        return bits & self.sign - 1

    def power(self, level):
        """2 to the level, as a magnitude."""
        if level < self.mantissa_bits:
            return 1 << level
        return level - self.mantissa_bits + 1 << self.mantissa_bits

    def level(self, bits):
        return self.split(bits)[1]

    def unknown(self, bits, floor):
        """How many trailing bits of a value of a level from `floor` on stand for less than that."""
        level = self.level(bits)
        return max(self.places(level) - (level - floor), 0)

    # --- The header ---

    def update(self, coder):
        """Adds a matrix of low rank; told are the bits of its numbers, the level of their unit, and
        the numbers of each column and row."""
        nothing = 0, 0, [[]] * self.columns, [[]] * self.rows
        width, unit, columns, rows = self.told_update or nothing
        rank = coder.raw(len(rows[0]), 6)
        if not rank:
            return
        assert rank <= min(32, self.rows, self.columns)
        width = coder.raw(width, 5)
        unit = coder.raw(unit + 64, self.level_bits + 1) - 64
        level_count = self.mantissa_bits + (self.infinity >> self.mantissa_bits) - 1
        assert 1 <= width <= 24 and unit < level_count
        told = [list(numbers) or [0] * rank for numbers in columns + rows]
        lines = []
        for numbers in told:
            raw = [coder.raw(number % (1 << width), width) for number in numbers]
            lines.append([number - (number >> width - 1 << width) for number in raw])
        for index, bits in enumerate(self.held):
            row, column = divmod(index, self.columns)
            pairs = zip(lines[column], lines[self.columns + row])
            finite = bits if bits & self.infinity != self.infinity else 0
            self.held[index] = self.sum(finite, sum(one * other for one, other in pairs), unit)

    def sum(self, bits, units, unit):
        """An element and so many units of a level."""
        negative, level, trailing = self.split(bits)
        shift = max(level, 0) - self.places(max(level, 0)) - unit
        if units == 0 or shift >= 62 - self.mantissa_bits:
            return bits
        significand = 0 if level == NONE else 1 << self.places(level) | trailing
        own = significand << shift if shift >= 0 else significand >> -shift
        total = units - own if negative else units + own
        sign, level = (total < 0) * self.sign, unit + abs(total).bit_length() - 1
        if total == 0 or level < 0:
            return sign
        # The nearest multiple of what the last bit is worth; carries run into the exponent.
        last = max(level - self.mantissa_bits, 0)
        kept = round(Fraction(abs(total)) * Fraction(2) ** (unit - last))
        exponent = max(level - self.mantissa_bits, 0) << self.mantissa_bits
        return sign | min(exponent + kept, self.infinity - 1)

    def header(self, coder, models, told):
        finite = [bits for bits in told + self.held if bits & self.infinity != self.infinity]
        top, all_ones = max(map(self.level, finite)), (1 << self.level_bits) - 1
        top = coder.raw(all_ones if top == NONE else top, self.level_bits)
        self.top = NONE if top == all_ones else top
        for index, bits in enumerate(self.held):
            if bits & self.infinity == self.infinity:
                self.held[index] = 0
            assert self.level(self.held[index]) <= self.top, "the base is larger"
        if self.top != NONE:
            self.common = coder.raw(self.common_planes(told), self.level_bits)
            assert self.common <= self.top + 1
            self.planes = self.common
        self.exceptional(coder, models, told)

    def common_planes(self, told):
        """Planes of which all elements agree: a plane is a multiple of its threshold."""

        def multiple(bits, level):
            _, own, trailing = self.split(bits)
            if own == NONE or own < level:
                return 0
            places = self.places(own)
            whole = (1 << places | trailing) >> max(places - (own - level), 0)
            return -whole if bits & self.sign else whole

        pairs = [
            pair for pair in zip(told, self.held)
            if pair[0] & self.infinity != self.infinity and pair[0] != pair[1]
        ]  # fmt: skip
        for plane in range(self.top + 1):
            level = self.top - plane
            if any(multiple(new, level) != multiple(old, level) for new, old in pairs):
                return plane
        return self.top + 1

    # --- Passes ---

    def unit(self, coder, models, truth, mantissa_bits, codec):
        size = self.width // 8
        starts = range(0, size * len(self.held), size)
        told = [int.from_bytes(truth[at : at + size], "little") for at in starts] if truth else []
        told = told or [0] * len(self.held)
        is_mantissa_pass = coder.decision(mantissa_bits is not None, models.mantissa)
        if is_mantissa_pass:
            assert coder.raw(mantissa_bits or 0, 6) == self.mantissa_bits, "the only one"
        counts = self.counts if codec == LINES else None
        if self.top is None:
            if counts:
                self.update(coder)
            self.header(coder, models, told)
        if is_mantissa_pass:
            assert self.is_refined, "no mantissa pass between the two of a plane"
            self.base_mantissas(coder, told)
        elif self.top == NONE:
            assert self.planes == 0, "only plane 0, which is empty"
            self.planes = 1
        elif not self.is_refined:
            self.base_refinement(coder, told, Expectations(counts))
        else:
            self.base_significance(coder, told, Expectations(counts))

    def slack(self, ones_and_zeros):
        """How many bits behind the first one are different from it."""
        first, rest = ones_and_zeros[0], ones_and_zeros[1:]
        slack = rest.index(first) if first in rest else len(rest)
        return min(slack, SLACK_LIMIT)

    def digits(self, bits, level):
        """The bits of a value from that of the weight of a level on."""
        _, own, trailing = self.split(bits)
        significand = 1 << self.places(own) | trailing
        digits = [int(digit) for digit in f"{significand:b}"]
        return [0] * (level - own) + digits if own < level else digits[own - level :]

    def base_significance(self, coder, told, models):
        level = self.top - self.planes
        assert level >= 0, "there is no such plane"
        threshold, limit = self.power(level), self.power(level + 1)
        for index, new in enumerate(told):
            held = self.held[index]
            if self.magnitude(held) >= limit or index in self.exceptions:
                continue
            own = self.level(held)
            is_expected = own == level
            if own < max(level - 2, 0):
                kind = 14
            else:
                kind = self.slack(self.digits(held, level)) + (0 if is_expected else 7)
            is_large = self.magnitude(new) >= threshold
            is_right = models.expected(coder, is_large == is_expected, kind, index)
            if is_right == is_expected:
                kind = 7 if own == NONE else min(level - own, 6)
                is_same = models.same_sign(coder, (held ^ new) & self.sign == 0, kind, index)
                sign = (held if is_same else ~held) & self.sign
                if not is_same or not is_expected:
                    self.held[index] = sign | threshold
            elif is_expected:
                self.held[index] = held & self.sign | threshold - 1
        self.planes += 1

    def base_refinement(self, coder, told, models):
        plane = self.planes - 1
        level = self.top - plane
        for index, new in enumerate(told):
            held = self.held[index]
            if self.magnitude(held) < self.power(level + 1) or index in self.exceptions:
                continue
            place = self.unknown(held, level + 1) - 1
            if place < 0:
                continue
            bit = held >> place & 1
            digits = [int(digit) for digit in f"{held & (2 << place) - 1:0{place + 1}b}"]
            answer = new >> place & 1 == bit
            if not models.expected(coder, answer, self.slack(digits), index):
                rest = (1 << place) - 1 if bit else 1 << place
                self.held[index] = held & -1 << place + 1 | rest
        self.refined = plane

    def base_mantissas(self, coder, told):
        zero, zero_sign, sign, row_same = Model(), Model(), Model(), Model()
        distances = [Model() for _ in range(16)]
        same = [Model() for _ in range(16)]
        floor = max(self.top, 0) - self.planes + 1
        zeros = history = 0
        for index, new in enumerate(told):
            if index % self.columns == 0:
                history = 0
                row = [self.zeros(*self.split(told[i])) for i in self.row(index)]
                row_zeros = min(row, default=self.mantissa_bits)
                if not coder.decision(row_zeros == zeros, row_same):
                    zeros = coder.raw(row_zeros, 6)
            if index in self.exceptions:
                continue
            held, is_new = self.held[index], self.magnitude(self.held[index]) < self.power(floor)
            if is_new:
                is_at_end = self.magnitude(held) == self.power(floor) - 1
            else:
                ones = (1 << self.unknown(held, floor)) - 1
                is_at_end = held & ones in (0, ones)
                if not ones:
                    continue
            is_same = coder.decision(new == held, same[history + 8 * is_at_end])
            history = 2 * history % 8 + (not is_same)
            if is_same:
                continue
            if is_new:
                if coder.decision(self.magnitude(new) == 0, zero):
                    self.held[index] = coder.decision(new & self.sign, zero_sign) * self.sign
                    continue
                level = self.distant_level(coder, distances, self.level(new))
                other = coder.decision((new ^ held) & self.sign, sign)
                held = (held ^ other * self.sign) & self.sign | self.power(level)
                missing = self.places(level)
            else:
                missing = self.unknown(held, floor)
            count = max(missing - zeros, 0)
            bits = coder.raw(new >> missing - count & (1 << count) - 1, count)
            self.held[index] = held >> missing << missing | bits << missing - count
        self.mantissa_passes += 1


class BaseBytes(ByteTensor):
    """Of another type: what is to be added to each element of the base."""

    def __init__(self, dtype, extents, base):
        super().__init__(dtype, extents)
        self.held = self.numbers(base)

    def numbers(self, elements):
        starts = range(0, len(elements), self.size)
        return [int.from_bytes(elements[at : at + self.size], "little") for at in starts]

    def joined(self, numbers):
        mask = (1 << 8 * self.size) - 1
        return b"".join((number & mask).to_bytes(self.size, "little") for number in numbers)

    def unit(self, coder, models, truth, differences, codec):
        new = self.numbers(truth) if truth else self.held
        addends = self.joined(number - old for number, old in zip(new, self.held))
        super().unit(coder, models, addends, differences, codec)
        sums = zip(self.numbers(self.bytes), self.held)
        self.bytes = bytearray(self.joined(addend + old for addend, old in sums))


class BaseStream(Stream):
    """One end of a stream in which some tensors have bases, given by their numbers."""

    def __init__(self, tensors, codec, bases, updates={}):
        super().__init__(tensors, codec)
        for number, base in bases.items():
            dtype, extents = tensors[number]
            kind = BaseTensor if dtype in FLOATS else BaseBytes
            self.tensors[number] = kind(dtype, extents, base)
            self.tensors[number].told_update = updates.get(number)
