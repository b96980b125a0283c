"""What a device keeps of a model, by Hardware/store.md: the image, and the slots in flash."""

import re
import struct
import zlib
from dataclasses import dataclass

import models
import torch
from processes import ROOT

PLANES, PASSES = 7, 13
# Bits of the mantissa of a float32, and its smallest exponent.
MANTISSA, LOWEST = 23, 149
STATES, CHECKSUM, ACTIVATION, REVOCATION = 352, 88, 96, 112
SMALL_COUNT, SHORT_COUNT = 512, 8192
# Of the application's model.
IMAGE_BYTES = 42752


def is_planed(tensor):
    """Whether it comes in planes (Protocol.md §5.2); not so small or short ones."""
    count = tensor.numel()
    is_large = count >= SMALL_COUNT and (tensor.dim() > 1 or count > SHORT_COUNT)
    return tensor.is_floating_point() and is_large


def exponents(tensor):
    """Bits of the magnitudes of float32, and the exponents among them."""
    bits = tensor.flatten().contiguous().view(torch.int32).to(torch.int64) & 0xFFFFFFFF
    return bits, (bits & 0x7FFFFFFF) >> MANTISSA


def bytes_of_planes(tensor):
    """What a device keeps of the weights: sign, and seven bits from the tensor's top level down."""
    bits, exponent = exponents(tensor)
    magnitude, negative, fraction = bits & 0x7FFFFFFF, bits >> 31, bits & 0x7FFFFF
    assert int(exponent[magnitude > 0].min()) > 0, "no subnormals here"
    below = int(exponent.max()) - exponent
    kept = ((1 << MANTISSA | fraction) >> MANTISSA - PLANES + 1) >> below.clamp(max=PLANES)
    return (torch.where(kept > 0, negative << 7 | kept, 0)).to(torch.uint8).numpy().tobytes()


def tensor_bytes(tensor):
    if is_planed(tensor):
        return bytes_of_planes(tensor)
    return tensor.contiguous().numpy().tobytes()


def image(model):
    """The image of a model's file, whose tensors do not share bytes."""
    found = bytearray()
    for tensor in models.load(model).values():
        found += bytes(-len(found) % 4) + tensor_bytes(tensor)
    return bytes(found)


def states(model):
    """Of each tensor level and passes, where it comes in planes, and that it has come."""
    words = []
    for tensor in models.load(model).values():
        word = 1 << 24
        if is_planed(tensor):
            level = int(exponents(tensor)[1].max()) + MANTISSA - 1
            word |= PASSES << 16 | level
        words.append(word)
    return words


def digits_table():
    """The table that is compiled into the application."""
    source = (ROOT / "Hardware/digits/DigitsTable.swift").read_text()
    return bytes(int(number, 16) for number in re.findall(r"0x([0-9a-f]{2})\b", source))


@dataclass(frozen=True, repr=False)
class Slot:
    """A slot as it lies in flash."""

    raw: bytes

    def word(self, offset):
        return struct.unpack_from("<I", self.raw, offset)[0]

    @property
    def generation(self):
        return self.word(4)

    @property
    def tensor_count(self):
        return self.word(20) & 0xFFFF

    @property
    def is_inverted(self):
        return bool(self.word(20) >> 16 & 1)

    @property
    def digest(self):
        return self.raw[24:56].hex()

    @property
    def name(self):
        return self.raw[56:88].rstrip(b"\0").decode()

    @property
    def states(self):
        return [self.word(STATES + 4 * index) for index in range(self.tensor_count)]

    @property
    def image_offset(self):
        return STATES + (4 * self.tensor_count + 15) // 16 * 16

    @property
    def header(self):
        return self.raw[:REVOCATION]

    @property
    def image_area(self):
        """Where the image of the application's model is, whatever the header says."""
        start = STATES + 96
        return self.raw[start : start + IMAGE_BYTES]

    @property
    def image(self):
        found = self.raw[self.image_offset : self.image_offset + self.word(8)]
        return bytes(byte ^ 0xFF for byte in found) if self.is_inverted else found

    @property
    def has_header(self):
        """Whether it begins as a model, and not as a stream that is noted."""
        return self.raw[:4] == b"WTS1"

    @property
    def is_sound(self):
        """Whether header and image are as they were written, of the application's model."""
        if not self.has_header or self.word(16) != zlib.crc32(digits_table()):
            return False
        covered = self.raw[:CHECKSUM] + self.raw[STATES : STATES + 4 * self.tensor_count]
        return self.word(CHECKSUM) == zlib.crc32(covered) and self.word(12) == zlib.crc32(self.image)

    @property
    def is_activated(self):
        return self.raw[ACTIVATION : ACTIVATION + 4] == b"WTOK"

    @property
    def is_revoked(self):
        return self.raw[REVOCATION : REVOCATION + 4] == b"WTNO"

    @property
    def counts(self):
        return self.is_activated and not self.is_revoked and self.is_sound

    @property
    def is_padded(self):
        """Whether what no field has is erased."""
        end = STATES + 4 * self.tensor_count
        gaps = self.raw[92:96] + self.raw[100:112] + self.raw[REVOCATION + 16 : STATES]
        gaps += self.raw[end : self.image_offset]
        return set(gaps) == {0xFF}


class Flash:
    """A board's flash in a file, with two slots of the application's model."""

    def __init__(self, path, page_bytes):
        self.path = path
        pages = -(-(STATES + 96 + IMAGE_BYTES) // page_bytes)
        self.slot_bytes = pages * page_bytes

    def slot(self, index):
        with open(self.path, "rb") as file:
            file.seek(index * self.slot_bytes)
            return Slot(file.read(self.slot_bytes))

    @property
    def contents(self):
        return self.slot(0).raw + self.slot(1).raw

    @property
    def active(self):
        """The number of the slot that counts, or nothing."""
        generations = {i: self.slot(i).generation for i in range(2) if self.slot(i).counts}
        return max(generations, key=generations.get, default=None)

    @property
    def model(self):
        """The slot that counts."""
        return self.slot(self.active)

    def flip(self, offset, slot):
        """Changes a byte while the board is off."""
        place = slot * self.slot_bytes + offset
        with open(self.path, "r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 0x10]))
