"""Frames, written from Protocol.md §3 alone and with Python's standard library only: for the golden
vectors, and for the ends that tests have in Python."""

import struct
import zlib

RATE, HELLO, WELCOME, READY, DATA, ACK, NAK, BUSY, PING, CLOSE = range(10)
# Errors that parity puts right in a codeword; the kinds of DATA with parity are in this order.
STRENGTHS = (1, 2, 3, 4, 6, 8)
FIRST_KIND_WITH_PARITY = 10
FROM_INITIATOR, FROM_RESPONDER = 0, 1


def stuff(data):
    """COBS: groups of up to 254 bytes; the end of the data counts as a zero."""
    out = bytearray()
    group = bytearray()
    for byte in data:
        if byte == 0:
            out += bytes([len(group) + 1]) + group
            group.clear()
            continue
        group.append(byte)
        if len(group) == 254:
            out += b"\xff" + group
            group.clear()
    return bytes(out + bytes([len(group) + 1]) + group)


def unstuff(data):
    """Nothing where the last group is cut off."""
    out, offset = bytearray(), 0
    while offset < len(data):
        code = data[offset]
        if offset + code > len(data):
            return None
        out += data[offset + 1 : offset + code]
        offset += code
        if code < 255 and offset < len(data):
            out.append(0)
    return bytes(out)


def session_number(ours, theirs):
    """Of the nonces of the initiator and of the responder."""
    return zlib.crc32(struct.pack("<II", ours, theirs)) or 1


def checksum(session, direction, frame):
    """Of header and payload; the session is 0 outside of sessions."""
    return struct.pack("<I", zlib.crc32(struct.pack("<IB", session, direction) + frame))


def encode(session, direction, kind, number=0, payload=b""):
    """A frame as it is on the line, with the parity of its kind and its delimiter."""
    frame = struct.pack("<H", kind << 12 | number) + payload
    frame += checksum(session, direction, frame)
    if kind >= FIRST_KIND_WITH_PARITY:
        frame += parity(STRENGTHS[kind - FIRST_KIND_WITH_PARITY], frame)
    return stuff(frame) + b"\0"


# --- Parity ---


def field_product(first, second):
    """In the field of 256 elements: bytes as polynomials over bits, modulo 0x11D."""
    product = 0
    for bit in range(8):
        if second >> bit & 1:
            product ^= first << bit
    for bit in reversed(range(8, 15)):
        if product >> bit & 1:
            product ^= 0x11D << bit - 8
    return product


def remainder(word, strength):
    """Of a word times x^2t by the generator, (x - 2)(x - 4)...(x - 2^2t); highest degree first."""
    generator, root = [1], 1
    for _ in range(2 * strength):
        root = field_product(root, 2)
        multiple = [0] + [field_product(coefficient, root) for coefficient in generator]
        generator = [a ^ b for a, b in zip(generator + [0], multiple)]
    rest = list(word) + [0] * (2 * strength)
    for position in range(len(word)):
        factor = rest[position]
        for power, coefficient in enumerate(generator):
            rest[position + power] ^= field_product(factor, coefficient)
    return bytes(rest[len(word) :])


def parity(strength, covered):
    """Bytes are dealt to codewords one by one; the deal goes on with what these add to the end."""
    count = -(-len(covered) // (255 - 2 * strength))
    remainders = [remainder(covered[first::count], strength) for first in range(count)]
    turn = len(covered) % count
    return b"".join(map(bytes, zip(*remainders[turn:], *remainders[:turn])))
