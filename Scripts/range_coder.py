"""The range coder of the coded stream and its models: written from Protocol.md §6.3 alone.

Encoder and decoder answer the same questions; the encoder is told the answer, the decoder finds it
and heeds none that it is told.
"""

RATES = (
    40960, 25206, 18204, 14247, 11703, 9930, 8623, 7620, 6827, 6183, 5650, 5201, 4819, 4489, 4201,
    3948, 2560, 1575, 1138, 890, 732, 621, 539, 476, 427, 386, 353, 325, 301, 280, 262,
)  # fmt: skip


class Model:
    def __init__(self):
        self.yes, self.count = 1 << 21, 0

    def learn(self, answer):
        error = (1 << 22 if answer else 0) - self.yes
        rate = RATES[self.count if self.count < 16 else 15 + self.count // 16]
        self.yes += (error >> 7) * rate >> 9
        self.count = min(self.count + 1, 255)


class RangeCoder:
    """What both ends have in common: how the range shrinks."""

    def __init__(self):
        self.range = (1 << 32) - 1

    def decision(self, answer, *models):
        probability = sum(model.yes for model in models) // (len(models) << 7)
        bound = (self.range >> 15) * min(max(probability, 8), (1 << 15) - 8)
        answer = self.choose(bound, bool(answer))
        self.range = bound if answer else self.range - bound
        self.normalize()
        for model in models:
            model.learn(answer)
        return answer

    def raw(self, number, bit_count):
        found = 0
        while bit_count > 0:
            group = min(bit_count, 8)
            bit_count -= group
            self.range >>= group
            digit = self.place(number >> bit_count & (1 << group) - 1, 1 << group)
            found = found << group | digit
            self.normalize()
        return found

    def normalize(self):
        while self.range < 1 << 24:
            self.range <<= 8
            self.shift()


class Encoder(RangeCoder):
    """Has the whole codeword in one large number, the lowest of those that are still possible."""

    def __init__(self):
        super().__init__()
        self.low, self.byte_count = 0, 4

    def choose(self, bound, answer):
        if not answer:
            self.low += bound
        return answer

    def place(self, digit, _):
        self.low += digit * self.range
        return digit

    def shift(self):
        self.low <<= 8
        self.byte_count += 1

    def finish(self):
        """Of the numbers that are still possible with the most zero bytes at the end the lowest."""
        for left_out in (4, 3):
            number = -(-self.low >> 8 * left_out)
            if number << 8 * left_out < self.low + self.range:
                break
        return number.to_bytes(self.byte_count - left_out, "big")


class Decoder(RangeCoder):
    def __init__(self, codeword):
        super().__init__()
        self.rest = iter(codeword)
        self.code = 0
        for _ in range(4):
            self.shift()

    def choose(self, bound, _):
        if self.code < bound:
            return True
        self.code -= bound
        return False

    def place(self, _, count):
        digit = min(self.code // self.range, count - 1)
        self.code -= digit * self.range
        return digit

    def shift(self):
        self.code = self.code << 8 | next(self.rest, 0)
