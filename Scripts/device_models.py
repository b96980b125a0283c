#!/usr/bin/env python3
"""Makes the models of Hardware/firmware/receiver and minimal, and with --tables the tables of these.

Random numbers, the same ones each time, in .safetensors: nothing but Python is needed. `network` fits
boards of 8 KB of RAM and more, `small` an ATmega328P, `large` is to measure with.

usage: device_models.py FOLDER          writes FOLDER/NAME.safetensors
       device_models.py --tables        writes receiver/tables/NAME.h and minimal/NAMETable.swift
"""

import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from building import wtserial_command
from manifest import ROOT

TABLES = ROOT / "Hardware/firmware/receiver/tables"
SWIFT_TABLES = ROOT / "Hardware/firmware/minimal"
# An AVR, for which the small one is, has no Swift.
IN_SWIFT = "network", "large"
# Names in the order of the alphabet, which is that of a manifest made of a .safetensors file.
MODELS = {
    "network": {
        "fc1.bias": ("F32", [48]),
        "fc1.weight": ("F32", [48, 64]),
        "fc2.bias": ("F32", [24]),
        "fc2.weight": ("F32", [24, 48]),
        "fc3.bias": ("F32", [10]),
        "fc3.weight": ("F32", [10, 24]),
        "steps": ("I64", []),
    },
    "small": {
        "fc1.bias": ("F32", [8]),
        "fc1.weight": ("F32", [8, 64]),
        "fc2.bias": ("F32", [4]),
        "fc2.weight": ("F32", [4, 8]),
    },
    # Planes alone, so that nothing else is measured.
    "large": {"weight": ("F32", [64, 64])},
}


def values(dtype, shape, generator):
    """Little-endian, as the file has them."""
    count = math.prod(shape)
    if dtype == "I64":
        return struct.pack(f"<{count}q", *(generator.randrange(1000) for _ in range(count)))
    scale = 1 / math.sqrt(shape[-1])
    return struct.pack(f"<{count}f", *(generator.gauss(0, scale) for _ in range(count)))


def safetensors(tensors, seed=1):
    """A checkpoint of these names, dtypes and shapes."""
    generator = random.Random(seed)
    header, contents = {}, b""
    for name, (dtype, shape) in tensors.items():
        data = values(dtype, shape, generator)
        offsets = [len(contents), len(contents) + len(data)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        contents += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + contents


def write_model(folder, name, seed=1):
    """The path of the checkpoint; another seed makes other weights for the same table."""
    path = Path(folder) / f"{name}.safetensors"
    path.write_bytes(safetensors(MODELS[name], seed))
    return path


def write_tuned(folder, name, seed=1, step=0.01):
    """The path of the checkpoint with its floats moved, on average by this share of their scale and
    away from zero, so that none of a tensor's largest comes to be of a lower exponent."""
    generator, tensors = random.Random(seed), MODELS[name]
    size = sum(len(values(*tensor, random.Random(0))) for tensor in tensors.values())
    data = write_model(folder, name, seed).read_bytes()
    found, place = bytearray(data), len(data) - size
    for dtype, shape in tensors.values():
        count = math.prod(shape)
        if dtype == "F32":
            numbers = struct.unpack_from(f"<{count}f", data, place)
            moves = (abs(generator.gauss(0, step)) / math.sqrt(shape[-1]) for _ in numbers)
            moved = (number + math.copysign(move, number) for number, move in zip(numbers, moves))
            struct.pack_into(f"<{count}f", found, place, *moved)
        place += count * {"F32": 4, "I64": 8}[dtype]
    path = Path(folder) / f"{name}-tuned.safetensors"
    path.write_bytes(found)
    return path


def table(model, *language):
    """What Scripts/model-table writes of it."""
    command = [sys.executable, ROOT.absolute() / "Scripts/model-table", model.name, *language]
    # By its name alone, which the table repeats.
    environment = {**os.environ, "WTSERIAL": wtserial_command()}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, env=environment, cwd=model.parent
    )
    return done.stdout


def c_table(model):
    """A header whose names do not say which of the models it is."""
    return table(model, "--c", "model")


def swift_table(model):
    """A type, called after the model."""
    return table(model, "--swift", f"{model.stem.capitalize()}Table")


def swift_path(name):
    return SWIFT_TABLES / f"{name.capitalize()}Table.swift"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] != "--tables":
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        for name in MODELS:
            print(write_model(sys.argv[1], name))
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            (TABLES / f"{name}.h").write_bytes(c_table(write_model(folder, name)))
        for name in IN_SWIFT:
            swift_path(name).write_bytes(swift_table(write_model(folder, name)))


if __name__ == "__main__":
    main()
