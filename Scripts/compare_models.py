#!/usr/bin/env python3
"""Compares two model files tensor by tensor, bit by bit, with nothing but the standard library.

usage: compare_models.py A B      .safetensors, or what torch.save wrote of a state dict

Exits with 0 where names, types, shapes and bytes are the same, else with 1. It shares no code with
wtserial, so that neither vouches for itself.
"""

import json
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

# torch's storage class → the name that safetensors has for the type, bytes of an element
STORAGES = {
    "DoubleStorage": ("F64", 8), "FloatStorage": ("F32", 4), "HalfStorage": ("F16", 2),
    "BFloat16Storage": ("BF16", 2), "LongStorage": ("I64", 8), "IntStorage": ("I32", 4),
    "ShortStorage": ("I16", 2), "CharStorage": ("I8", 1), "ByteStorage": ("U8", 1),
    "BoolStorage": ("BOOL", 1),
}


def gather(storage, offset, shape, strides, size):
    """The bytes of a strided tensor in row-major order; all but `size` in elements."""
    if not shape:
        return storage[offset * size : (offset + 1) * size]
    if len(shape) == 1 and strides == (1,):
        return storage[offset * size : (offset + shape[0]) * size]
    rows = (offset + row * strides[0] for row in range(shape[0]))
    return b"".join(gather(storage, row, shape[1:], strides[1:], size) for row in rows)


def rebuild_tensor(storage, offset, shape, strides, *_):
    (dtype, size), contents = storage
    return dtype, shape, gather(contents, offset, shape, strides, size)


class StateUnpickler(pickle.Unpickler):
    """Makes tensors and dictionaries, and refuses to call anything else."""

    def __init__(self, archive, name):
        super().__init__(archive.open(name))
        self.archive, self.folder = archive, name.removesuffix("data.pkl")

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return rebuild_tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a state dict")

    def persistent_load(self, reference):
        _, dtype_and_size, key, _, _ = reference
        return dtype_and_size, self.archive.read(f"{self.folder}data/{key}")


def read_torch(path):
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        return dict(StateUnpickler(archive, name).load())


def read_safetensors(path):
    contents = Path(path).read_bytes()
    start = 8 + int.from_bytes(contents[:8], "little")
    header = json.loads(contents[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        first, end = entry["data_offsets"]
        tensors[name] = entry["dtype"], tuple(entry["shape"]), contents[start + first : start + end]
    return tensors


def read_model(path):
    return read_safetensors(path) if path.endswith(".safetensors") else read_torch(path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    ours, theirs = map(read_model, sys.argv[1:])
    differing = sorted(name for name in ours | theirs if ours.get(name) != theirs.get(name))
    if differing:
        sys.exit(f"{len(differing)} of {len(ours | theirs)} tensors differ: {', '.join(differing)}")
    byte_count = sum(len(contents) for _, _, contents in ours.values())
    print(f"identical: {len(ours)} tensors, {byte_count} bytes, bit by bit")


if __name__ == "__main__":
    main()
