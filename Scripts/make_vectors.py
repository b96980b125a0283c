#!/usr/bin/env python3
"""Make the golden vectors: an example of every table of the wire format.

    make_vectors.py OUTDIR

Written from Protocol.md alone and with Python's standard library only, so that an error of the
Swift code cannot hide in them. One vector a line, columns between single spaces, `#` for comments,
`-` for nothing. All columns are hexadecimal but for a first one that is a word; several numbers in
one column have commas between them. The same files come out at every run.
"""

import hashlib
import random
import struct
import sys
import zlib
from fractions import Fraction
from pathlib import Path

from coded_vectors import FORM, add_streams
from framing import FIRST_KIND_WITH_PARITY, STRENGTHS, encode, parity, session_number, stuff

DTYPE_SIZES = {
    1: 4, 2: 8, 3: 2, 4: 2, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1, 10: 1,
    16: 1, 17: 2, 18: 4, 19: 8, 24: 1, 25: 2, 26: 4, 27: 8, 32: 1, 40: 4, 41: 8, 42: 16,
}  # fmt: skip
F32, F64, F16, BF16, U8 = 1, 2, 3, 4, 24
# Bits of exponent and of mantissa.
FLOATS = {F32: (8, 23), F64: (11, 52), F16: (5, 10), BF16: (8, 7)}
EXACT, AFFINE, CHANNEL, CAST = range(4)


def column(value):
    if value is None or value == b"" or value == ():
        return "-"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return ",".join(f"{number:x}" for number in value)
    return value if isinstance(value, str) else f"{value:x}"


class VectorFile:
    """Collects lines; the first are the comment that explains the columns."""

    def __init__(self, comment):
        self.lines = [f"# {line}".rstrip() for line in comment.strip().splitlines()]

    def add(self, *values):
        self.lines.append(" ".join(column(value) for value in values))

    def note(self, text):
        self.lines.append(f"# {text}")


# --- §3 Frames ---


def frame(nonces, direction, kind, sequence, payload):
    session = session_number(*nonces) if nonces else 0
    return encode(session, direction, kind, sequence, payload)


def crc32_vectors():
    file = VectorFile("CRC-32 (Protocol.md §3.4).\nbytes crc")
    ramp = bytes(range(256))
    for data in (b"", b"123456789", b"\0", b"\xff", b"\0" * 32, b"\xff" * 32, ramp, ramp[::-1]):
        file.add(data, f"{zlib.crc32(data):08x}")
    return file


def cobs_vectors():
    file = VectorFile("Stuffing, without the delimiter (Protocol.md §3.2).\nplain stuffed")
    cases = [b"", b"\0", b"\0\0", b"\x11\x22\0\x33", b"\x11\0\0\0", b"\x11\x22\x33\x44"]
    ramp = bytes(range(1, 256)) + bytes(range(1, 256))
    for length in (253, 254, 255, 256, 508, 509, 510):
        cases.append(ramp[:length])
    cases += [ramp[:254] + b"\0", ramp[:253] + b"\0\x01", b"\0" + ramp[:254], ramp[:255] + b"\0"]
    for case in cases:
        file.add(case, stuff(case))
    return file


def frame_vectors():
    file = VectorFile(
        """Frames with their delimiter (Protocol.md §3.3, §3.4, §3.5); nonces `-` outside sessions;
direction 0 is from the initiator.
initiator-nonce responder-nonce direction kind sequence payload wire"""
    )

    def add(nonces, direction, kind, sequence, payload):
        first, second = nonces or (None, None)
        file.add(
            first, second, direction, kind, sequence, payload,
            frame(nonces, direction, kind, sequence, payload),
        )  # fmt: skip

    session = (0x12345678, 0x9ABCDEF0)
    add(None, 0, 1, 0, handshake(1, 1, session[0], 0, 4096, 4096, 3, 0))
    add(None, 1, 2, 0, handshake(1, 1, session[1], session[0], 1024, 64, 0, 0xCAFE1234))
    add(None, 1, 3, 0, b"")
    for direction in (0, 1):
        for kind, sequence, payload in (
            (4, 0, b"sixteen bytes...short"),
            (4, 0xFFF, bytes(16)),
            (4, 0x123, bytes(range(256)) * 2),
            (5, 0, b""),
            (5, 0xABC, b""),
            (6, 0x7FF, b""),
            (7, 0x800, struct.pack("<H", 50)),
            (8, 0, b""),
            (9, 0, b"\x00"),
            (9, 0, b"\x03"),
        ):
            add(session, direction, kind, sequence, payload)
    file.note("DATA with parity: in one codeword, a short block in it, and in three")
    draw = random.Random(4)
    for index in range(len(STRENGTHS)):
        for sequence, length in ((index, 16), (0xFFF - index, 39), (0x700 + index, 512)):
            kind = FIRST_KIND_WITH_PARITY + index
            add(session, index % 2, kind, sequence, draw.randbytes(length))
    file.note("nonces whose CRC-32 is 0: the session number is 1")
    add(zero_session(), 0, 5, 1, b"")
    file.note("another session, the same frame")
    add((0, 0), 0, 5, 1, b"")
    return file


def parity_vectors():
    file = VectorFile("The parity of frames (Protocol.md §3.5).\nstrength frame parity")
    draw = random.Random(3)
    for strength in STRENGTHS:
        longest = 255 - 2 * strength
        file.add(strength, b"\x01", parity(strength, b"\x01"))
        file.add(strength, bytes(7), parity(strength, bytes(7)))
        for length in (1, 7, longest, longest + 1, 2 * longest + 1, 8 * longest):
            covered = draw.randbytes(length)
            file.add(strength, covered, parity(strength, covered))
    return file


def zero_session():
    """Two nonces whose CRC-32 is 0."""
    first = 0x12345678
    # The CRC is linear over GF(2) in the last four bytes, but for a constant: solve for them.
    base = zlib.crc32(struct.pack("<II", first, 0))
    columns = [zlib.crc32(struct.pack("<II", first, 1 << bit)) ^ base for bit in range(32)]
    rows = [(column, 1 << bit) for bit, column in enumerate(columns)]
    second, left = 0, base
    for bit in reversed(range(32)):
        pivot = next(row for row in rows if row[0] >> bit & 1)
        rows = [
            (row[0] ^ pivot[0], row[1] ^ pivot[1]) if row[0] >> bit & 1 else row
            for row in rows
            if row is not pivot
        ]
        if left >> bit & 1:
            left, second = left ^ pivot[0], second ^ pivot[1]
    assert zlib.crc32(struct.pack("<II", first, second)) == 0
    return first, second


# --- §4 Link ---


def handshake(version_max, version_min, nonce, echoed, mtu, window, capabilities, continued):
    """Without its last field where that is None."""
    numbers = (version_max, version_min, nonce, echoed, mtu, window, capabilities)
    last = b"" if continued is None else struct.pack("<I", continued)
    return b"WT" + struct.pack("<BBIIHHI", *numbers) + last


def handshake_vectors():
    file = VectorFile(
        """Payloads of HELLO and WELCOME (Protocol.md §4.1); `-` where the last field is missing,
which means 0.
highest lowest nonce echoed-nonce mtu window capabilities continued-session payload"""
    )
    for fields in (
        (1, 1, 0x12345678, 0, 32, 1, 0, 0),
        (1, 1, 0x9ABCDEF0, 0x12345678, 4096, 2047, 3, 0),
        (1, 1, 0x9ABCDEF0, 0x12345678, 4096, 2047, 2, 0xFEDCBA98),
        (1, 1, 0x12345678, 0, 1024, 64, 1, 1),
        (7, 1, 0, 0xFFFFFFFF, 65535, 65535, 0x80000001, 0xFFFFFFFF),
        (1, 1, 0x12345678, 0, 32, 1, 0, None),
        (7, 1, 0x9ABCDEF0, 0x12345678, 4096, 4095, 1, None),
    ):
        file.add(*fields, handshake(*fields))
    return file


# --- §5 Records ---


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def text(utf8):
    return varint(len(utf8)) + utf8


def record(kind, body):
    return bytes([kind]) + varint(len(body)) + body


def record_vectors():
    file = VectorFile(
        """Records (Protocol.md §5); the last column is what goes over the line.
varint number
body kind body                                    a record by its kind
info compressions codecs room name                INFO
limits planes kind parameter                      the end of INFO behind a name; kind `-`: none
held abilities models identity count checksum     the end of INFO behind that; identity `-`: nothing unfinished
compare digests                                   COMPARE
answer count bits                                 HELD, of so many tensors
milestone tier decibels                           MILESTONE
metric tier digits value unit name                METRIC; the value as 32 bits
unit index representation parameter compression   UNIT
failed code text                                  FAILED"""
    )
    for number in (0, 1, 127, 128, 300, 16383, 16384, 2**32 - 1, 2**32, 2**62, 2**63 - 1):
        file.add("varint", number, varint(number))
    digest = hashlib.sha256(b"content").digest()
    for kind, body in (
        (4, b""), (4, b"\0"), (4, bytes(127)), (4, bytes(range(128))), (4, bytes(300)),
        (7, b""), (7, bytes(range(200))), (5, digest), (6, digest), (65, b""), (66, digest),
    ):  # fmt: skip
        file.add("body", kind, body, record(kind, body))
    for compressions, codecs, room, name in (
        (1, 0, 0, b""), (3, 6, 0, b"wtserial"), (1, 2, 2**16, b"board"),
        (0x83, 0x86, 2**40 + 1, "Gerät".encode()),
    ):  # fmt: skip
        body = bytes([compressions, codecs]) + varint(room) + text(name)
        file.add("info", compressions, codecs, room, name, record(64, body))
    for planes, kind, parameter in ((7, None, 0), (0, CHANNEL, 8), (3, AFFINE, 4), (63, EXACT, 0)):
        body = bytes([1, 2, 0]) + text(b"board") + bytes([planes])
        body += bytes([] if kind is None else [kind, parameter])
        file.add("limits", planes, "-" if kind is None else kind, parameter, record(64, body))
    more = bytes([1, 2, 0]) + text(b"board") + bytes([0, 255, 0])
    models = [hashlib.sha256(name).digest() for name in (b"one", b"two")]
    for abilities, count, identity, length, checksum in (
        (1, 0, None, 0, 0), (7, 1, None, 0, 0), (0, 2, None, 0, 0),
        (1, 0, b"identity", 1, 0xCBF43926), (7, 2, b"\xff" * 8, 2**40, None),
    ):  # fmt: skip
        body = more + bytes([abilities, count]) + b"".join(models[:count])
        if identity:
            body += identity + varint(length)
            body += b"" if checksum is None else checksum.to_bytes(4, "little")
        file.add(
            "held", abilities, b"".join(models[:count]), identity, length, checksum, record(64, body)
        )
    for count in (1, 2, 256):
        digests = b"".join(hashlib.sha256(bytes([n])).digest()[:8] for n in range(count))
        file.add("compare", digests, record(9, digests))
    for count, bits in ((1, b"\1"), (8, b"\xa5"), (9, b"\0\1"), (2, b"\0")):
        file.add("answer", count, bits, record(69, bits))
    for tier, digits, value, unit, name in (
        (255, 0, 0, b"", b"x"), (3, 2, 9510, b"%", b"accuracy"), (65, 9, 2**32 - 1, b"ms", b"time"),
        (64, 0, 2**31, "\u00b5s".encode(), b"n" * 64), (0, 1, 2**31 - 1, b"u" * 16, b"most"),
    ):  # fmt: skip
        body = bytes([tier, digits]) + value.to_bytes(4, "little") + bytes([len(unit)]) + unit + name
        file.add("metric", tier, digits, value, unit, name, record(68, body))
    for tier, decibels in ((0, 255), (1, 5), (7, 43), (63, 0), (64, 254), (65, 255)):
        file.add("milestone", tier, decibels, record(8, bytes([tier, decibels])))
    representations = [(EXACT, 0), (CAST, F16), (CAST, BF16)]
    representations += [(kind, bits) for kind in (AFFINE, CHANNEL) for bits in range(2, 9)]
    for position, (kind, parameter) in enumerate(representations):
        index, compression = position * 17, position % 2
        body = varint(index) + bytes([kind, parameter, compression])
        file.add("unit", index, kind, parameter, compression, record(3, body))
    for code in range(1, 7):
        words = b"" if code == 5 else f"reason {code}".encode()
        file.add("failed", code, words, record(67, bytes([code]) + words))
    return file


def tensor_record(name, dtype, extents, shared, previous):
    prefix = 0
    while prefix < min(len(name), len(previous)) and name[prefix] == previous[prefix]:
        prefix += 1
    body = bytes([0]) if shared is None else bytes([1]) + varint(shared)
    body += varint(prefix) + text(name[prefix:]) + bytes([dtype])
    body += varint(len(extents)) + b"".join(map(varint, extents))
    return record(2, body)


def manifest_vectors():
    file = VectorFile(
        """Manifests (Protocol.md §5.3): an offer, its tensors, and the model's digest (§5.6) when
the digest of each content is SHA-256 of the name of its tensor.
terms identity base goes-on                        of the offer that follows
offer kind codec count expected-byte-count name record
tensor name dtype shared-with extents record
basis relations record                             of the offer before; relations 0 plain, 1 kept
digest sha256"""
    )

    def add(kind, name, tensors, codec=0, expected=0, terms=None, relations=()):
        body = bytes([kind, codec]) + varint(len(tensors)) + varint(expected) + text(name)
        if terms:
            identity, base, goes_on = terms
            file.add("terms", identity, base, goes_on)
            flags = (1 if base else 0) | (2 if relations else 0) | goes_on << 2
            body += (identity or bytes(8)) + bytes([flags]) + (base or b"")
        offer = record(1, body)
        file.add("offer", kind, codec, len(tensors), expected, name, offer)
        hashed, digests, previous = b"", b"", b""
        for tensor, dtype, extents, shared in tensors:
            encoded = tensor_record(tensor, dtype, extents, shared, previous)
            file.add("tensor", tensor, dtype, shared, extents, encoded)
            hashed, previous = hashed + encoded, tensor
            if shared is None and 0 not in extents:
                digests += hashlib.sha256(tensor).digest()
        for start in range(0, len(relations), 8192):
            part = relations[start : start + 8192]
            packed = sum(code << 2 * place for place, code in enumerate(part))
            packed = packed.to_bytes((len(part) + 3) // 4, "little")
            file.add("basis", part, record(10, packed))
        file.add("digest", hashlib.sha256(hashed + digests).digest())

    add(0, b"", [])
    add(1, b"model.tflite", [(b"", U8, (70000,), None)], expected=70_123)
    add(0, b"planes", [(b"w", F32, (64, 64), None)], codec=1, expected=2**40)
    add(0, b"lines", [(b"w", BF16, (64, 64), None)], codec=2, expected=5000)
    add(
        0,
        "größe.pt".encode(),
        [
            (b"conv1.weight", F32, (8, 1, 3, 3), None),
            (b"conv1.bias", F32, (8,), None),
            (b"conv1", F16, (), None),
            (b"encoder.embedding.weight", BF16, (300, 16), None),
            (b"decoder.embedding.weight", BF16, (300, 16), 3),
            (b"decoder.empty", F64, (0, 2**40), None),
            (b"decoder.empty.too", F64, (5, 0), None),
        ],
    )
    add(0, b"every dtype", [(b"t%d" % d, d, (2, 3), None) for d in DTYPE_SIZES])
    pair = [(b"w", F32, (64, 64), None), (b"v", F32, (64, 64), None)]
    base = hashlib.sha256(b"base").digest()
    add(0, b"anew", pair, terms=(b"identity", None, 0))
    add(0, b"on", pair, terms=(b"identity", None, 1))
    add(0, b"kept", pair, terms=(b"identity", None, 1), relations=(1, 0))
    add(0, b"based", pair, terms=(None, base, 0), relations=(0, 1))
    several = [(b"t%d" % n, U8, (1 + n % 2,), 0 if n == 2 else None) for n in range(6)]
    add(0, b"several", several, terms=(b"identity", base, 0), relations=(1, 0, 0, 1, 1))
    add(0, b"limits", [(b"n" * 1024, U8, (1,) * 64, None), (b"n" * 1023, U8, (2**62,), None)])
    return file


def order_vectors():
    file = VectorFile(
        """Manifests that tell of tensors by those of the base (Protocol.md §5.3), and the model's digest
(§5.6) when the digest of each content is SHA-256 of the name of its tensor.
held name dtype extents      the tensors of the base, in the order of its file
offer base name record
order numbers records
tensor name dtype extents    those of the manifest
digest sha256"""
    )

    def add(name, held, numbers):
        base = hashlib.sha256(name).digest()
        for tensor in held:
            file.add("held", *tensor)
        body = bytes([0, 0]) + varint(len(numbers)) + varint(0) + text(name)
        file.add("offer", base, name, record(1, body + bytes(8) + bytes([17]) + base))
        # Each record takes as many as go into it.
        records, packed = b"", b""
        for number in map(varint, numbers):
            if len(packed) + len(number) > 2048:
                records, packed = records + record(16, packed), b""
            packed += number
        file.add("order", numbers, records + record(16, packed))
        hashed, digests, previous = b"", b"", b""
        for tensor, dtype, extents in (held[number] for number in numbers):
            file.add("tensor", tensor, dtype, extents)
            hashed += tensor_record(tensor, dtype, extents, None, previous)
            digests += b"" if 0 in extents else hashlib.sha256(tensor).digest()
            previous = tensor
        file.add("digest", hashlib.sha256(hashed + digests).digest())

    held = [(b"step", 19, ()), (b"w", F32, (64, 64)), (b"b", F32, (64,)), (b"e", U8, (0, 9))]
    add(b"as in the file", held, (0, 1, 2, 3))
    add(b"otherwise, and not all", held, (1, 3, 0))
    return file


# --- §6 Contents ---


def coded_vectors():
    file = VectorFile(FORM)
    add_streams(file)
    return file


def value_of(bits, dtype):
    """The value of a float's bits as a fraction; None for NaN and the infinities."""
    exponent_bits, mantissa_bits = FLOATS[dtype]
    sign = -1 if bits >> (exponent_bits + mantissa_bits) else 1
    exponent = bits >> mantissa_bits & (1 << exponent_bits) - 1
    mantissa = bits & (1 << mantissa_bits) - 1
    if exponent == (1 << exponent_bits) - 1:
        return None
    if exponent:
        mantissa |= 1 << mantissa_bits
    bias = (1 << exponent_bits - 1) - 1 + mantissa_bits
    return sign * mantissa * Fraction(2) ** (max(exponent, 1) - bias)


def bits_of(value, dtype):
    """The bits of the float nearest to a fraction, ties to even, the infinities beyond."""
    exponent_bits, mantissa_bits = FLOATS[dtype]
    sign = (1 if value < 0 else 0) << exponent_bits + mantissa_bits
    infinity = (1 << exponent_bits) - 1 << mantissa_bits
    bias = (1 << exponent_bits - 1) - 1 + mantissa_bits
    exponent = 1
    # round() of a fraction takes ties to even; a carry into the next exponent comes out right.
    while exponent < (1 << exponent_bits) - 1:
        mantissa = round(abs(value) / Fraction(2) ** (exponent - bias))
        if mantissa < 2 << mantissa_bits:
            break
        exponent += 1
    else:
        return sign | infinity
    implicit = (exponent - 1) << mantissa_bits
    return sign | min(implicit + mantissa, infinity)


def half_away(value):
    """To the nearest integer, ties away from zero."""
    rounded = int(abs(value) + Fraction(1, 2))
    return rounded if value >= 0 else -rounded


def pack_codes(codes, bits):
    number = 0
    for position, code in enumerate(codes):
        number |= (code & (1 << bits) - 1) << position * bits
    return number.to_bytes((len(codes) * bits + 7) // 8, "little")


def pack_floats(values, dtype):
    return b"".join(
        bits_of(value, dtype).to_bytes(DTYPE_SIZES[dtype], "little") for value in values
    )


def affine(values, bits):
    low, high, top = min(values), max(values), (1 << bits) - 1
    span = high - low
    codes = [half_away((value - low) / span * top) if span else 0 for value in values]
    decoded = [low + code * span / top for code in codes]
    return pack_floats((low, high), F64) + pack_codes(codes, bits), decoded


def channel(values, extents, bits):
    count = extents[0] if len(extents) > 1 else 1
    size, top = len(values) // count, (1 << bits - 1) - 1
    scales, codes, decoded = [], [], []
    for first in range(0, len(values), size):
        slice_ = values[first : first + size]
        scale = value_of(bits_of(max(map(abs, slice_)) / top, F32), F32)
        scales.append(scale)
        found = [half_away(value / scale) if scale else 0 for value in slice_]
        codes += found
        decoded += [scale * code for code in found]
    return pack_floats(scales, F32) + pack_codes(codes, bits), decoded


def content_vectors():
    file = VectorFile(
        """Contents (Protocol.md §6.2): what was asked for, what was written, and the elements
before and after. Elements that cannot be quantized go out exactly. What affine codes decode to in
float64 may differ by some units in the last place: there is no wider type to compute in.
dtype extents asked asked-parameter representation parameter elements content decoded"""
    )
    draw = random.Random(6)

    def add(dtype, extents, kind, parameter, bits):
        size = DTYPE_SIZES[dtype]
        elements = b"".join(number.to_bytes(size, "little") for number in bits)
        values = [value_of(number, dtype) for number in bits] if dtype in FLOATS else []
        if kind == EXACT or None in values and kind != CAST:
            file.add(dtype, extents, kind, parameter, EXACT, 0, elements, elements, elements)
            return
        if kind == AFFINE:
            content, decoded = affine(values, parameter)
        elif kind == CHANNEL:
            content, decoded = channel(values, extents, parameter)
        else:
            content = pack_floats(values, parameter)
            step = DTYPE_SIZES[parameter]
            decoded = [
                value_of(int.from_bytes(content[at : at + step], "little"), parameter)
                for at in range(0, len(content), step)
            ]
        file.add(
            dtype, extents, kind, parameter, kind, parameter, elements, content,
            pack_floats(decoded, dtype),
        )  # fmt: skip

    def sample(dtype, count):
        return [bits_of(Fraction(draw.gauss(0, 0.3)), dtype) for _ in range(count)]

    for dtype, size in DTYPE_SIZES.items():
        add(dtype, (3,), EXACT, 0, [draw.getrandbits(8 * size) for _ in range(3)])
    for dtype in FLOATS:
        for bits in range(2, 9):
            for kind, extents in ((AFFINE, (3, 5)), (CHANNEL, (3, 5)), (CHANNEL, (7,))):
                add(dtype, extents, kind, bits, sample(dtype, 15 if len(extents) == 2 else 7))
        for target in (F16, BF16):
            add(dtype, (2, 4), CAST, target, sample(dtype, 8))
    file.note("constant, zero, 0-dim; a NaN and an infinity")
    one, zero = bits_of(Fraction(1, 3), F32), 0
    for kind, parameter in ((AFFINE, 4), (CHANNEL, 8)):
        add(F32, (4,), kind, parameter, [one] * 4 if kind == AFFINE else [zero] * 4)
        add(F32, (2, 2), kind, parameter, [zero] * 4)
        add(F32, (), kind, parameter, [zero])
        add(F32, (3,), kind, parameter, [one, 0x7FC00000, zero])
        add(BF16, (3,), kind, parameter, [0x3F80, 0xFF80, 0])
    return file


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    makers = (
        crc32_vectors, cobs_vectors, frame_vectors, parity_vectors, handshake_vectors,
        record_vectors, manifest_vectors, order_vectors, content_vectors, coded_vectors,
    )  # fmt: skip
    for maker in makers:
        path = folder / f"{maker.__name__.removesuffix('_vectors')}.txt"
        path.write_text("\n".join(maker().lines) + "\n")


if __name__ == "__main__":
    main()
