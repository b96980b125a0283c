"""The golden vectors of the coded stream: streams that try every clause of Protocol.md §6.3."""

import math
import random
import struct

from coded_bases import BaseStream
from coded_stream import BYTES, FLAT, FLOATS, LINES

FORM = """Coded streams (Protocol.md §6.3). Tensors are numbered from 0 in each stream, in
their order here. After a codeword the memory of each tensor that it told of.
stream codec
tensor dtype extents elements
base elements                    of the tensor before, if it has a base
update bits unit+64 columns rows what is added to that: numbers, in two's complement of so many bits
unit tensor parameter            `-`: planes; a mantissa pass: its bits; of other types: differences
codeword bytes                   of the units since the one before
memory tensor bytes
exact tensor                     the memory is the elements"""

F32, F64, F16, BF16, COMPLEX64 = 1, 2, 3, 4, 41
INT16, UINT8 = 17, 24
PLANES = None


def passes(count, tensor=0):
    return [(tensor, PLANES)] * count


def mantissa_bits(dtype):
    return FLOATS[dtype][0][1]


def add_stream(file, codec, tensors, codewords, bases={}, updates={}):
    """A stream of tensors (dtype, extents, elements) in codewords, each a list of units; some have
    bases, by their number, and updates of these."""
    file.add("stream", codec)
    for number, tensor in enumerate(tensors):
        file.add("tensor", *tensor)
        if number in bases:
            file.add("base", bases[number])
        if number in updates:
            width, unit, columns, rows = updates[number]
            lines = [
                tuple(number % (1 << width) for line in lines for number in line)
                for lines in (columns, rows)
            ]
            file.add("update", width, unit + 64, *lines)
    shapes, elements = [tensor[:2] for tensor in tensors], [tensor[2] for tensor in tensors]
    encoder = BaseStream(shapes, codec, bases, updates)
    decoder = BaseStream(shapes, codec, bases)
    for units in codewords:
        codeword = encoder.encode(elements, units)
        decoder.decode(codeword)
        for number, parameter in units:
            file.add("unit", number, parameter)
        file.add("codeword", codeword)
        for number in sorted({number for number, _ in units}):
            memory = decoder.memory(number)
            assert memory == encoder.memory(number)
            if memory == elements[number]:
                file.add("exact", number)
            else:
                file.add("memory", number, memory)


# --- Elements ---


def float_bits(value, dtype):
    """The bits of a float near to a value, cut and not rounded where Python has no such type."""
    form = {F16: "<e", F32: "<f", F64: "<d", BF16: "<f"}[dtype]
    packed = struct.pack(form, value)
    return packed[2:] if dtype == BF16 else packed


def part_dtype(dtype):
    """That of the elements of a complex dtype."""
    return {FLOATS[part][0]: part for part in (F32, F64, F16, BF16)}[FLOATS[dtype][0]]


def matrix(draw, dtype, extents, kept_bits=52):
    """Rows and columns of different scale and bias; of every other row only some bits are used."""
    rows = extents[0] if len(extents) > 1 else 1
    columns = math.prod(extents) // rows * FLOATS[dtype][1]
    row_lines = [(math.exp(draw.gauss(-3, 1.2)), draw.gauss(0, 0.9)) for _ in range(rows)]
    column_lines = [(math.exp(draw.gauss(0, 0.8)), draw.gauss(0, 0.9)) for _ in range(columns)]
    elements = []
    for row, (row_scale, row_bias) in enumerate(row_lines):
        for column_scale, column_bias in column_lines:
            value = draw.gauss(row_bias + column_bias, 1) * row_scale * column_scale
            if row % 2:
                mantissa, exponent = math.frexp(value)
                value = math.ldexp(round(math.ldexp(mantissa, kept_bits)), exponent - kept_bits)
            elements.append(float_bits(value, part_dtype(dtype)))
    return dtype, extents, b"".join(elements)


def packed(dtype, numbers):
    size = (1 + sum(FLOATS[dtype][0])) // 8
    return b"".join(number.to_bytes(size, "little") for number in numbers)


def odd_values(dtype):
    """Twenty: both zeros, subnormals, the limits, infinities, NaNs with and without a payload."""
    exponent_bits, mantissa = FLOATS[dtype][0]
    sign, infinity = 1 << exponent_bits + mantissa, (1 << exponent_bits) - 1 << mantissa
    one, quiet = infinity >> 1 & -1 << mantissa, infinity | 1 << mantissa - 1
    return packed(
        dtype,
        (
            infinity | 1, sign | infinity, 0, sign, 1,
            sign | 2, 3, (1 << mantissa) - 1, sign | 1 << mantissa, infinity - 1,
            one, sign | one, one + 1, infinity, infinity,
            sign | quiet, sign | quiet, one, 0, infinity,
        ),
    )  # fmt: skip


# --- Streams ---


def add_odd_values(file):
    file.note("odd values of each type: in one mantissa pass, and in planes before")
    for dtype, (_, parts) in FLOATS.items():
        bits, elements = mantissa_bits(dtype), odd_values(dtype)
        vector, square = (20 // parts,), (20 // parts // 5, 5)
        add_stream(file, FLAT, [(dtype, vector, elements)], [[(0, bits)]])
        codewords = [passes(4), passes(3) + [(0, 0)], [(0, 3), (0, bits)]]
        add_stream(file, LINES, [(dtype, square, elements)], codewords)


def add_plain_values(file):
    file.note("zeros, one value, one element")
    for codec in (FLAT, LINES):
        for dtype, (_, parts) in FLOATS.items():
            bits = mantissa_bits(dtype)
            infinity = (1 << FLOATS[dtype][0][0]) - 1 << bits
            one, minus = infinity >> 1, 1 << sum(FLOATS[dtype][0])
            for numbers in ([0] * 6, [minus | one + 5] * 6, [0, minus] * 3, [infinity] * 6):
                tensor = dtype, (2, 3), packed(dtype, numbers * parts)
                add_stream(file, codec, [tensor], [passes(1), [(0, bits)]])
            tensor = dtype, (), packed(dtype, [one + 3] * parts)
            add_stream(file, codec, [tensor], [passes(3), [(0, 2)], [(0, bits)]])


def add_bytes(file, draw):
    file.note("types that are no floats, without and with differences")
    tensors, units = [], []
    for number, (dtype, size) in enumerate(BYTES.items()):
        if number % 2:
            elements = b"".join((1000 + 7 * i).to_bytes(9, "little")[:size] for i in range(24))
        else:
            elements = bytes(draw.choice((0, 1, 2, 255)) for _ in range(24 * size))
        tensors.append((dtype, (4, 6), elements))
        units.append((number, number % 2))
    add_stream(file, FLAT, tensors, [units])
    add_stream(file, LINES, tensors, [units[9:], units[:9]])


def add_matrices(file, draw):
    file.note("lines of different scale and bias: the classes and the strengths of signs")
    tensor = matrix(draw, BF16, (40, 60), kept_bits=5)
    add_stream(file, LINES, [tensor], [passes(5), passes(6), passes(6), [(0, 7)]])
    tensor = matrix(draw, F16, (24, 5, 5))
    add_stream(file, LINES, [tensor], [passes(11), [(0, 8), (0, 10)]])
    add_stream(file, FLAT, [tensor], [passes(11), [(0, 8), (0, 10)]])
    file.note("kernels, of several widths: the votes of neighbours")
    for dtype, extents in ((BF16, (12, 4, 3, 5)), (F16, (7, 3, 2, 2)), (COMPLEX64, (5, 2, 3, 3))):
        tensor = matrix(draw, dtype, extents, kept_bits=6)
        add_stream(file, LINES, [tensor], [passes(9), [(0, mantissa_bits(dtype))]])
    file.note("planes past the twelfth, all planes of a matrix; mantissa passes in steps")
    for codec in (FLAT, LINES):
        tensor = matrix(draw, F32, (14, 15), kept_bits=7)
        add_stream(file, codec, [tensor], [passes(26), passes(11), [(0, 17)], [(0, 23)]])
        tensor = matrix(draw, F64, (6, 7), kept_bits=30)
        add_stream(file, codec, [tensor], [passes(31), [(0, 20), (0, 40), (0, 52)]])
        tensor = matrix(draw, F16, (5, 6))
        add_stream(file, codec, [tensor], [passes(2 * 20 + 1), [(0, 10)]])
    for dtype in (40, 41, 42):
        tensor = matrix(draw, dtype, (7, 4), kept_bits=8)
        add_stream(file, LINES, [tensor], [passes(13), [(0, 6), (0, mantissa_bits(dtype))]])


def add_interleaved(file, draw):
    file.note("tensors interleaved; vectors, a single column, exceptions; one ends early")
    matrix_tensor = matrix(draw, F32, (9, 11))
    spoiled = bytearray(matrix_tensor[2])
    for index in (0, 1, 40, 98):
        spoiled[4 * index : 4 * index + 4] = struct.pack("<I", 0x7FC00000 + index // 90)
    tensors = [
        (F32, (9, 11), bytes(spoiled)),
        matrix(draw, BF16, (40,)),
        (UINT8, (50,), bytes(draw.choices(range(256), range(256, 0, -1), k=50))),
        matrix(draw, F16, (30, 1)),
        matrix(draw, COMPLEX64, (5, 3)),
        matrix(draw, F16, (1, 30)),
        (INT16, (4, 4), b"".join(struct.pack("<h", 40 * i - 300) for i in range(16))),
        matrix(draw, BF16, (8, 9)),
    ]
    turns = [passes(1, number) for number in (0, 7, 1, 3, 4, 5)]
    turn = sum(turns, [])
    codewords = [
        turn * 2 + [(2, 0)],
        turn * 3 + [(1, 4), (7, 1)],
        [(6, 1)] + passes(2, 0) + [(0, 9), (3, 10), (5, 10), (4, 23), (7, 7)],
        [(0, 16), (1, 7), (0, 23)],
    ]
    for codec in (FLAT, LINES):
        add_stream(file, codec, tensors, codewords)


# --- Bases ---


def changed(draw, tensor, scale):
    """The elements of a base: those of a tensor, each moved by a share of it, some of them turned
    around."""
    dtype, _, elements = tensor
    size = (1 + sum(FLOATS[dtype][0])) // 8
    numbers = []
    for start in range(0, len(elements), size):
        bits = int.from_bytes(elements[start : start + size], "little")
        step = int(draw.gauss(0, scale) * (1 << FLOATS[dtype][0][1]))
        moved = max(bits % (1 << 8 * size - 1) + step, 0)
        flip = draw.random() < 0.05
        numbers.append((bits >> 8 * size - 1 ^ flip) << 8 * size - 1 | moved)
    return packed(dtype, numbers)


def from_plane(count, first, tensor=0):
    """The passes of planes of which the first is `first`."""
    return passes(2 * count - (first == 0), tensor)


def add_bases(file, draw):
    file.note("bases: odd values from others, from zeros, and from themselves; zeros from zeros")
    for dtype, (_, parts) in FLOATS.items():
        bits, elements = mantissa_bits(dtype), odd_values(dtype)
        size = len(elements) // 20
        turned = elements[5 * size :] + elements[: 5 * size]
        square = 20 // parts // 5, 5
        for base in (turned, bytes(len(elements)), elements):
            add_stream(file, FLAT, [(dtype, (20 // parts,), elements)], [[(0, bits)]], {0: base})
        add_stream(
            file, LINES, [(dtype, square, elements)], [passes(3), [(0, bits)]], {0: turned}
        )
        zero, minus = bytes(size), packed(dtype, [1 << sum(FLOATS[dtype][0])])
        tensor = dtype, (3, 2), (zero + minus + minus) * 2 * parts
        base = (zero + minus + zero) * 2 * parts
        add_stream(file, LINES, [tensor], [passes(1), [(0, bits)]], {0: base})
    file.note("all planes down to the last bit")
    for codec in (FLAT, LINES):
        tensor = matrix(draw, F16, (9, 7))
        base = changed(draw, tensor, 0.3)
        top, first = levels(tensor, base)
        codewords = [from_plane(top + 1 - first, first), [(0, 10)]]
        add_stream(file, codec, [tensor], codewords, {0: base})
    file.note("changes of lines that differ in scale: the classes; vectors, kernels")
    for dtype, extents, scale in (
        (F32, (24, 20), 0.01), (BF16, (20, 30), 0.06), (F64, (6, 9), 1e-6),
        (COMPLEX64, (7, 4), 0.1), (F32, (60,), 0.1), (BF16, (4, 3, 3, 3), 0.5), (F16, (12, 1), 0.1),
    ):  # fmt: skip
        tensor = matrix(draw, dtype, extents, kept_bits=20)
        base = changed(draw, tensor, scale)
        rows = extents[0] if len(extents) > 1 else 1
        row_size = len(base) // rows
        # Every third row stays what it was.
        base = b"".join(
            (tensor[2] if row % 3 == 1 else base)[row * row_size : (row + 1) * row_size]
            for row in range(rows)
        )
        bits = mantissa_bits(dtype)
        for codec in (FLAT, LINES):
            codewords = [from_plane(4, levels(tensor, base)[1]), passes(6), [(0, bits)]]
            add_stream(file, codec, [tensor], codewords, {0: base})
    file.note("updates of low rank: small and large units, odd values")
    for dtype, (_, parts) in FLOATS.items():
        exponent_bits, mantissa = FLOATS[dtype][0]
        middle = mantissa + (1 << exponent_bits - 1)
        for rank, width, unit, odd in (
            (1, 1, middle - 6, 0), (2, 9, middle - 24, 0), (3, 24, middle - 55, 0),
            (2, 12, -9, 1), (1, 24, 2 * middle - 5 - mantissa, 1), (2, 3, 1, 1),
        ):  # fmt: skip
            tensor = matrix(draw, dtype, (4, 5))
            base = changed(draw, tensor, 0.1)
            if odd:
                elements = odd_values(dtype) * parts
                quarter = len(elements) // 4
                tensor = dtype, (4, 5), elements
                base = elements[quarter:] + elements[:quarter]
            half = 1 << width - 1
            columns, rows = (
                [[draw.randrange(-half, half) for _ in range(rank)] for _ in range(count)]
                for count in (5 * parts, 4)
            )
            units = [[(0, mantissa)]]
            add_stream(file, LINES, [tensor], units, {0: base}, {0: (width, unit, columns, rows)})
    file.note("types that are no floats, as what is added to a base; beside tensors without one")
    tensors, units, bases = [], [], {}
    for number, (dtype, size) in enumerate(BYTES.items()):
        elements = bytes(draw.choice((0, 1, 2, 255)) for _ in range(24 * size))
        tensors.append((dtype, (4, 6), elements))
        units.append((number, number % 2))
        if number % 3:
            bases[number] = bytes(draw.choice((0, 1, 254, 255)) for _ in range(24 * size))
    floats = [matrix(draw, F32, (5, 6)), matrix(draw, F32, (5, 6))]
    bases[len(units) + 1] = floats[0][2]
    units += [(len(units), 23), (len(units) + 1, 23)]
    for codec in (FLAT, LINES):
        add_stream(file, codec, tensors + floats, [units[9:], units[:9]], bases)


def middles(tensor, count):
    """The elements that so many planes leave: what a receiver has that keeps no more."""
    stream = BaseStream([tensor[:2]], FLAT, {})
    stream.encode([tensor[2]], passes(2 * count - 1))
    return stream.memory(0)


def add_kept_planes(file, draw):
    file.note("planes of bases of which no more than seven, three or one are there")
    for dtype, count, scale in (
        (F32, 7, 0.01), (F16, 7, 0.2), (BF16, 7, 0.05), (F64, 7, 1), (BF16, 3, 0.5), (F16, 5, 0.3),
        (F32, 1, 0.5),
    ):  # fmt: skip
        tensor = matrix(draw, dtype, (12, 9))
        base = middles((*tensor[:2], changed(draw, tensor, scale)), count)
        first = levels(tensor, base)[1]
        assert first < 7
        add_stream(file, FLAT, [tensor], [from_plane(7 - first, first)], {0: base})


def levels(tensor, base):
    """The highest level of a tensor and its base, and how many planes they have in common."""
    stream = BaseStream([tensor[:2]], FLAT, {0: base})
    stream.encode([tensor[2]], [(0, mantissa_bits(tensor[0]))])
    return stream.tensors[0].top, stream.tensors[0].common


def add_streams(file):
    draw = random.Random(63)
    add_odd_values(file)
    add_plain_values(file)
    add_bytes(file, draw)
    add_matrices(file, draw)
    add_interleaved(file, draw)
    add_bases(file, draw)
    add_kept_planes(file, draw)
