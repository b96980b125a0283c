"""Models sent the plain way, tensor after tensor: as they are, or as deflated 8-bit integers."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from bench_tensors import is_matrix, to_bytes

RANGE = struct.Struct("<ff")
LEVEL_COUNT = 256


@dataclass(frozen=True)
class Piece:
    """A tensor's bytes on the line, and what any number of the first of them restore."""

    name: str
    coded: bytes
    restore: Callable[[bytes], torch.Tensor]


@dataclass(frozen=True)
class FileOrder:
    pieces: list[Piece]

    @property
    def total_bytes(self):
        return sum(len(piece.coded) for piece in self.pieces)

    def received(self, byte_count):
        """The state after so many bytes; what is missing is zero."""
        state = {}
        for piece in self.pieces:
            state[piece.name] = piece.restore(piece.coded[: max(0, byte_count)])
            byte_count -= len(piece.coded)
        return state


def raw_piece(name, tensor):
    coded = to_bytes(tensor)

    def restore(received):
        contents = bytearray(received.ljust(len(coded), b"\0"))
        return torch.frombuffer(contents, dtype=tensor.dtype).reshape(tensor.shape)

    return Piece(name, coded, restore)


def affine_piece(name, tensor):
    """8 bits between the tensor's least and greatest value, deflated."""
    values = tensor.float().numpy()
    least, greatest = float(values.min()), float(values.max())
    step = (greatest - least) / (LEVEL_COUNT - 1) or 1.0
    codes = np.rint((values - least) / step).astype(np.uint8)
    coded = RANGE.pack(least, step) + zlib.compress(codes.tobytes(), 9)

    def restore(received):
        restored = torch.zeros(tensor.numel())
        if len(received) > RANGE.size:
            least, step = RANGE.unpack_from(received)
            codes = zlib.decompressobj().decompress(received[RANGE.size :])
            known = np.frombuffer(codes, np.uint8).astype(np.float32) * step + least
            restored[: len(known)] = torch.from_numpy(known)
        return restored.reshape(tensor.shape).to(tensor.dtype)

    return Piece(name, coded, restore)


def raw_file(state):
    return FileOrder([raw_piece(name, tensor) for name, tensor in state.items()])


def affine_file(state):
    """Tensors that are no matrices go as they are, as wtserial sends them too."""
    return FileOrder(
        [
            (affine_piece if is_matrix(tensor) else raw_piece)(name, tensor)
            for name, tensor in state.items()
        ]
    )
