#!/usr/bin/env python3
"""Make the checkpoints that the tests of the Checkpoints target read, with real PyTorch.

    make_fixtures.py OUTDIR

Beside each good file stands FILE.expected: the tensors as PyTorch has them, as JSON, with their
row-major bytes in hexadecimal. Files in hostile/ have no expectation; the tests know what is wrong
with each.

Needs torch, numpy and safetensors.
"""

import collections
import hashlib
import io
import json
import os
import pickle
import struct
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy
import safetensors.torch
import torch

from compare_checkpoints import DTYPE_NOTE, flatten, little_endian_bytes

warnings.filterwarnings("ignore")

DTYPES = (
    "float32 float64 float16 bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz"
    " float8_e8m0fnu float4_e2m1fn_x2 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool"
    " complex32 complex64 complex128"
).split()


def pattern(name, *shape):
    """A tensor whose every byte is determined by its name, so that two runs make one file."""
    dtype = getattr(torch, name.split(".")[0])
    count = torch.Size(shape).numel() * dtype.itemsize
    seed = hashlib.sha256(name.encode()).digest()
    data = bytes(seed[i % 32] ^ (i * 37 & 0xFF) for i in range(count))
    if dtype == torch.bool:
        data = bytes(byte & 1 for byte in data)
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).view(dtype).reshape(shape)


def dtype_name(tensor):
    return str(tensor.dtype).removeprefix("torch.")


def expect(path, tensors):
    """Write FILE.expected from tensors by name."""
    first = {}
    rows = []
    for index, (name, tensor) in enumerate(tensors.items()):
        data = bytes(little_endian_bytes(tensor).tolist())
        row = {
            "name": name,
            "dtype": dtype_name(tensor),
            "shape": list(tensor.shape),
            "bytes": data.hex(),
        }
        identity = (
            tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.shape,
            tensor.stride(), tensor.dtype,
        )
        if data and identity in first:
            row["sharedWith"] = first[identity]
        first.setdefault(identity, index)
        rows.append(row)
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    Path(f"{path}.expected").write_text(text)


def save(path, checkpoint, **options):
    """Save, and expect what torch.load makes of the file."""
    torch.save(checkpoint, path, **options)
    expect(path, flatten(torch.load(path, weights_only=False)))


# --- good files


def odd():
    """Every type, and every way a tensor can lie in its storage."""
    checkpoint = collections.OrderedDict()
    for name in DTYPES:
        checkpoint[f"dtype.{name}"] = pattern(name, 2, 3)
    base = pattern("float32.base", 4, 6)
    checkpoint["transposed"] = base.t()
    checkpoint["every_second"] = base[:, ::2]
    checkpoint["block"] = base[1:3, 2:5]
    checkpoint["column"] = base[:, 1]
    checkpoint["channels_last"] = pattern("float16.image", 2, 3, 4, 5).to(
        memory_format=torch.channels_last
    )
    checkpoint["expanded"] = pattern("int16.expanded", 3, 1).expand(2, 3, 4)
    checkpoint["overlapping"] = torch.as_strided(base, (4, 3), (2, 1), 1)
    checkpoint["tied"] = base
    checkpoint["tied_again"] = base
    checkpoint["same_numbers_other_strides"] = base.view(6, 4)
    checkpoint["scalar"] = pattern("float64.scalar")
    checkpoint["scalar_of_view"] = base[2, 3]
    checkpoint["empty"] = torch.zeros(0)
    checkpoint["empty_matrix"] = torch.zeros(3, 0, dtype=torch.int64)
    checkpoint["one"] = pattern("bfloat16.one", 1, 1, 1)
    checkpoint["strided_bytes"] = pattern("float8_e5m2.strided", 4, 4)[:, 1::2]
    checkpoint["größe.名前"] = pattern("int8.unicode", 3)
    # The same to the eye, and two names.
    checkpoint["caf\u00e9"] = pattern("int8.composed", 1)
    checkpoint["cafe\u0301"] = pattern("int8.decomposed", 1)
    checkpoint[""] = pattern("int8.nameless", 2)
    return checkpoint


def parameters():
    """Parameters, tied ones, buffers, and tensors with attributes."""
    weight = torch.nn.Parameter(pattern("float32.weight", 3, 2))
    plain = torch.nn.Parameter(pattern("int8.frozen", 4), requires_grad=False)
    marked = torch.nn.Parameter(pattern("float32.marked", 2))
    marked.role = "bias"
    tagged = pattern("float32.tagged", 2)
    tagged.tag = 7
    buffer = torch.nn.Buffer(pattern("float32.buffer", 2))
    return {
        "weight": weight, "tied": weight, "frozen": plain, "marked": marked, "tagged": tagged,
        "buffer": buffer,
    }


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(1, 2, 3)
        self.norm = torch.nn.BatchNorm2d(2)
        self.head = torch.nn.Linear(2, 3)

    def forward(self, images):
        return self.head(self.norm(self.convolution(images)).mean((2, 3)))


def training():
    """What a training loop saves: model, optimizer, and everything around them."""
    torch.manual_seed(1)
    model = Classifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, amsgrad=True)
    model(torch.randn(4, 1, 8, 8)).square().sum().backward()
    optimizer.step()
    history = collections.defaultdict(list)
    history["loss"].append(0.5)
    return {
        "epoch": 3,
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "best": numpy.float64(0.25),
        "history": history,
        "settings": {
            "size": torch.Size([1, 2]), "device": torch.device("cpu"), "dtype": torch.bfloat16,
            "layout": torch.strided, "note": b"bytes", "array": bytearray(b"xyz"),
            "tags": {1, 2}, "frozen": frozenset([1]), "root": 1j, "none": None, "big": 1 << 100,
            "negative": -5, "counter": collections.Counter("aab"), (1, 2): "a key that is a tuple",
        },
        "samples": [torch.arange(3), (torch.tensor(True), {"x": torch.tensor([1.5])})],
        7: torch.tensor([7], dtype=torch.uint8),
    }


def clashes():
    """Names that come out the same, and the one that safetensors keeps for itself."""
    return {
        "a.b": pattern("int8.1", 1),
        "a": {"b": pattern("int8.2", 1)},
        "a.b#2": pattern("int8.3", 1),
        "0": pattern("int8.4", 1),
        0: pattern("int8.5", 1),
        "__metadata__": pattern("int8.6", 1),
    }


def rezip(source, target, change=lambda name, data: data, compression=zipfile.ZIP_DEFLATED):
    """Copy an archive; `change` maps the name and bytes of an entry to its new bytes, or None."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for entry in old.infolist():
            data = change(entry.filename, old.read(entry))
            if data is not None:
                # A fixed date keeps the fixture the same from run to run.
                new.writestr(zipfile.ZipInfo(entry.filename), data, compression)


def big_endian(path):
    """As a big-endian machine saves it: made by swapping, and checked by torch.load."""
    widths = {"0": 4, "1": 2, "2": 8, "3": 4, "4": 1}
    checkpoint = {
        "f32": pattern("float32.big", 3, 3).t(), "i16": pattern("int16.big", 5),
        "c128": pattern("complex128.big", 2), "c64": pattern("complex64.big", 2),
        "u8": pattern("uint8.big", 3),
    }
    little = io.BytesIO()
    torch.save(checkpoint, little)

    def swap(name, data):
        if name.endswith("/byteorder"):
            return b"big"
        folder, _, key = name.rpartition("/")
        if not folder.endswith("/data") or key not in widths:
            return data
        width = widths[key]
        return b"".join(data[i : i + width][::-1] for i in range(0, len(data), width))

    rezip(little, path, swap, zipfile.ZIP_STORED)
    expect(path, flatten(torch.load(path, weights_only=True)))


class Storage:
    """Stands for a storage in a hand-made pickle."""

    def __init__(self, *persistent_id):
        self.persistent_id = persistent_id


class RawPickler(pickle._Pickler):
    """Writes Storage objects as persistent ids, and anything else as it is."""

    def persistent_id(self, value):
        return value.persistent_id if isinstance(value, Storage) else None


class Call:
    """Pickles as a call of `function`, which nobody makes here."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def tensor_call(storage, offset, shape, strides):
    return Call(
        torch._utils._rebuild_tensor_v2, storage, offset, shape, strides, False,
        collections.OrderedDict(),
    )


def raw_pickle(value):
    stream = io.BytesIO()
    RawPickler(stream, 2).dump(value)
    return stream.getvalue()


def float_storage(key="0", count=4):
    return Storage("storage", torch.FloatStorage, key, "cpu", count)


LEGACY = {"_use_new_zipfile_serialization": False}


def legacy():
    return {
        "state": {"a": pattern("float32.a", 3, 2).t(), "b": pattern("bfloat16.b", 4)[1:]},
        "tied": [pattern("complex64.c", 2)] * 2,
        "empty": torch.zeros(0),
    }


def legacy_views(path):
    """The legacy format with storages that are views of others, as PyTorch 0.3 wrote them."""
    data = pattern("float32.views", 8)
    root = ("storage", torch.FloatStorage, "11", "cpu", 8)
    checkpoint = {
        "whole": tensor_call(Storage(*root, None), 0, (8,), (1,)),
        "part": tensor_call(Storage(*root, ("12", 2, 4)), 1, (3,), (1,)),
    }
    with open(path, "wb") as file:
        for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(value, file, 2)
        file.write(raw_pickle(checkpoint))
        pickle.dump(["11"], file, 2)
        file.write(struct.pack("<q", 8) + bytes(little_endian_bytes(data).tolist()))
    expect(path, flatten(torch.load(path, weights_only=True)))


def safetensors_files(out):
    plain = [name for name in DTYPES if name not in ("complex32", "complex128")]
    tensors = {f"dtype.{name}": pattern(name, 2, 3) for name in plain}
    tensors["scalar"] = pattern("float32.scalar")
    tensors["empty"] = torch.zeros(0, 4)
    tensors['größe "\\\n'] = pattern("int8.unicode", 2)
    path = out / "types.safetensors"
    safetensors.torch.save_file(tensors, path, {"format": "pt", "note": 'a\tb"c'})
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    del header["__metadata__"]
    order = sorted(header, key=lambda name: header[name]["data_offsets"])
    expect(path, {name: tensors[name] for name in order})

    # As wtserial writes the types that the format lacks.
    mapped = {
        "wide": pattern("complex128", 2, 3),
        "half": pattern("complex32", 4),
        "four": pattern("float4_e2m1fn_x2"),
    }
    stored = {
        "wide": torch.view_as_real(mapped["wide"]),
        "half": torch.view_as_real(mapped["half"]),
        "four": mapped["four"].view(torch.uint8),
    }
    notes = {DTYPE_NOTE + name: dtype_name(tensor) for name, tensor in mapped.items()}
    safetensors.torch.save_file(stored, out / "mapped.safetensors", notes)
    expect(out / "mapped.safetensors", mapped)


def good(out):
    save(out / "odd.pt", odd())
    save(out / "parameters.pt", parameters())
    save(out / "training.pt", training())
    for protocol in (3, 4, 5):
        save(out / f"protocol{protocol}.pt", training(), pickle_protocol=protocol)
    save(out / "legacy.pt", legacy(), **LEGACY)
    save(out / "legacy4.pt", training(), pickle_protocol=4, **LEGACY)
    legacy_views(out / "legacy_views.pt")
    save(out / "single.pt", pattern("float32.single", 2, 2))
    save(out / "clashes.pt", clashes())
    save(out / "nothing.pt", {"epoch": 1})
    rezip(out / "parameters.pt", out / "deflated.pt")
    expect(out / "deflated.pt", flatten(torch.load(out / "parameters.pt", weights_only=True)))
    big_endian(out / "big_endian.pt")
    safetensors_files(out)


# --- hostile files


def archive(path, data_pickle, compression=zipfile.ZIP_STORED):
    entries = {"data.pkl": data_pickle, "byteorder": b"little", "data/0": bytes(16)}
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in entries.items():
            file.writestr(zipfile.ZipInfo(f"hostile/{name}"), data, compression)


def raw_archive(path, value):
    archive(path, raw_pickle(value))


def hostile_tensors(out):
    def write(name, offset, shape, strides, *storage):
        tensor = tensor_call(float_storage(*storage), offset, shape, strides)
        raw_archive(out / name, {"x": tensor})

    write("out_of_bounds.pt", 1, (4,), (1,))
    write("overflowing.pt", 1 << 62, (1 << 40,), (1 << 62,))
    write("negative_stride.pt", 3, (4,), (-1,))
    write("negative_extent.pt", 0, (-1,), (1,))
    write("rank.pt", 0, (2, 2), (1,))
    write("huge_shape.pt", 0, (1 << 40,), (0,))
    write("overflowing_shape.pt", 0, (1 << 40, 1 << 40), (0, 0))
    write("missing_storage.pt", 0, (4,), (1,), "7")
    write("short_storage.pt", 0, (4,), (1,), "0", 5)
    write("huge_storage.pt", 0, (4,), (1,), "0", 1 << 62)
    write("path_traversal.pt", 0, (1,), (1,), "../../data.pkl", 1)
    good = tensor_call(float_storage(), 0, (4,), (1,))
    double = Storage("storage", torch.DoubleStorage, "0", "cpu", 2)
    raw_archive(out / "two_types.pt", [good, tensor_call(double, 0, (2,), (1,))])
    raw_archive(out / "tuple_key.pt", {"a": {(1, 2): good}})
    raw_archive(out / "long_name.pt", {"n" * 2000: good})


def hostile_pickles(out):
    run = Call(os.system, "touch wtserial-was-here")
    raw_archive(out / "os_system.pt", {"weight": run})
    torch.save({"weight": run}, out / "os_system_legacy.pt", **LEGACY)
    torch.save({"weight": run}, out / "os_system_protocol4.pt", pickle_protocol=4)
    raw_archive(out / "builtins_eval.pt", Call(eval, "1 + 1"))
    raw_archive(out / "getattr.pt", Call(getattr, "x", "upper"))
    archive(out / "inst.pt", b"\x80\x02(S'echo'\nios\nsystem\n.")
    archive(out / "ext.pt", b"\x80\x02\x82\x01.")
    archive(out / "protocol9.pt", b"\x80\x09N.")
    # A list of ten times the list before it, thirty deep: 10^30 leaves.
    bomb = b"\x80\x02]q\x00(" + b"N" * 10 + b"e"
    for level in range(30):
        bomb += b"]q%c(" % (level + 1) + b"h%c" % level * 10 + b"e"
    archive(out / "memo_bomb.pt", bomb + b".")
    archive(out / "itself.pt", b"\x80\x02]q\x00h\x00a.")
    archive(out / "deep_lists.pt", b"\x80\x02" + b"]" * 1000 + b"a" * 999 + b".")
    tuples = b"\x80\x02)" + b"\x85" * 100_000 + b"."
    archive(out / "deep_tuples.pt", tuples, zipfile.ZIP_DEFLATED)
    archive(out / "long_text.pt", b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"abc.")
    archive(out / "pickle_bomb.pt", bytes((64 << 20) + 1), zipfile.ZIP_DEFLATED)
    (out / "plain.pt").write_bytes(pickle.dumps({"weight": [1.0, 2.0]}, 2))


# A class without a source: the legacy format saves the source, and the path to it on this machine.
Net = type("Net", (torch.nn.Module,), {"__module__": "__main__"})


def hostile_kinds(out):
    net = Net()
    net.weight = torch.nn.Parameter(torch.ones(2))
    torch.save(net, out / "module.pt")
    torch.save(net, out / "module_legacy.pt", **LEGACY)
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Identity()), script)
    # Without the entries that name paths of this machine.
    rezip(
        script, out / "script.pt",
        lambda name, data: None if name.endswith(".debug_pkl") else data, zipfile.ZIP_STORED,
    )
    ones = torch.ones(2)
    kinds = {
        "quantized": torch.quantize_per_tensor(ones, 0.1, 0, torch.qint8),
        "sparse": torch.eye(2).to_sparse(),
        "nested": torch.nested.nested_tensor([torch.ones(1), ones]),
        "meta": torch.empty(2, device="meta"),
        "conjugate": ones.to(torch.complex64).conj(),
        "storage": ones.untyped_storage(),
    }
    for name, value in kinds.items():
        torch.save({"layer": {"weight": value}}, out / f"{name}.pt")
    with tarfile.open(out / "tar.pt", "w", format=tarfile.USTAR_FORMAT) as file:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            file.addfile(tarfile.TarInfo(name))


def hostile(out):
    hostile_tensors(out)
    hostile_pickles(out)
    hostile_kinds(out)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    (out / "hostile").mkdir(parents=True, exist_ok=True)
    good(out)
    hostile(out / "hostile")


if __name__ == "__main__":
    main()
