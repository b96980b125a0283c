"""Tensors as the codec benchmark compares them: integers of so many planes, and raw bytes.

A matrix is a floating-point tensor of two dimensions or more and 512 elements or more, what
wtserial sends plane by plane. A state is a dictionary of torch tensors by name, in the order of
the file.
"""

from dataclasses import dataclass

import numpy as np
import torch

MATRIX_ELEMENTS = 512


def is_matrix(tensor):
    return tensor.is_floating_point() and tensor.dim() >= 2 and tensor.numel() >= MATRIX_ELEMENTS


def matrices(state):
    """The matrices by name, as arrays that hold every value exactly."""
    return {name: tensor.double().numpy() for name, tensor in state.items() if is_matrix(tensor)}


def top_exponent(weights):
    """⌊log2 of the greatest magnitude⌋; of nothing but zeros, 0."""
    greatest = np.abs(weights).max()
    return int(np.frexp(greatest)[1]) - 1 if greatest > 0 else 0


def quantized(weights, plane_count, exponent):
    """The signed integers that the first planes of a tensor tell: |w| / 2^(E − planes + 1), cut."""
    return np.trunc(np.ldexp(weights, plane_count - 1 - exponent)).astype(np.int32)


def integers(state, plane_count):
    """The integers of each matrix by its name; up to 7 planes fit an int8."""
    return {
        name: quantized(weights, plane_count, top_exponent(weights))
        for name, weights in matrices(state).items()
    }


def entropy_bytes(values):
    """What a coder that knows how frequent each value is, and nothing else, would need."""
    _, counts = np.unique(values, return_counts=True)
    return float(-(counts * np.log2(counts / values.size)).sum() / 8)


def to_bytes(tensor):
    """The tensor as it lies in a file: row-major, little-endian."""
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def cast(state, dtype):
    """The state with its floating-point tensors in another type."""
    return {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }


@dataclass(frozen=True)
class Buffers:
    """A model's bytes: the floats tensor by tensor, and all that is not of their type."""

    tensors: list[bytes]
    rest: bytes
    item_size: int

    @classmethod
    def of(cls, state, dtype):
        tensors = [to_bytes(tensor) for tensor in state.values() if tensor.dtype == dtype]
        rest = [to_bytes(tensor) for tensor in state.values() if tensor.dtype != dtype]
        return cls(tensors, b"".join(rest), dtype.itemsize)

    @property
    def floats(self):
        return b"".join(self.tensors)

    @property
    def byte_count(self):
        return sum(map(len, self.tensors)) + len(self.rest)
