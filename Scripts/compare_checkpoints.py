#!/usr/bin/env python3
"""Compare a model with the safetensors file that came out of a transfer, with real PyTorch.

    compare_checkpoints.py MODEL OUT.safetensors [--trust]
    compare_checkpoints.py MODEL OUT.safetensors --quantized-step-report [--bits N] [--per-channel]

MODEL is a PyTorch checkpoint, a safetensors file, or any other file (one tensor of its bytes).
Exits 0 when both hold the same tensors under the same names, bit by bit; otherwise prints the first
differences and exits 1. With --quantized-step-report, floating-point tensors may be off by half a
quantization step of the original's values, and the greatest error of each is printed.

Needs torch and safetensors.
"""

import argparse
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

DTYPE_NOTE = "wtserial.dtype."
COMPLEX = (torch.complex32, torch.complex128)
QUANTIZABLE = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
SHOWN_DIFFERENCES = 10


def flatten(checkpoint):
    """Name every tensor by the way to it: keys and indices joined with ".".

    A checkpoint that is one tensor calls it "tensor". Where a name is taken, the later tensor gets
    "#2", "#3", ... behind it; "__metadata__" counts as taken: safetensors keeps it for itself.
    """
    tensors, taken, wanted = {}, {"__metadata__"}, {}

    def visit(value, path):
        if isinstance(value, torch.Tensor):
            if None in path:
                raise ValueError(f"no name for the tensor below {path}")
            plain = ".".join(path) if path else "tensor"
            name = plain
            while name in taken:
                wanted[plain] = wanted.get(plain, 1) + 1
                name = f"{plain}#{wanted[plain]}"
            taken.add(name)
            tensors[name] = value.detach()
        elif isinstance(value, dict):
            for key, item in value.items():
                visit(item, [*path, component(key)])
        elif isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                visit(item, [*path, str(index)])
        elif isinstance(value, (set, frozenset)):
            for item in value:
                visit(item, [*path, None])

    def component(key):
        if isinstance(key, str):
            return key
        return str(int(key)) if isinstance(key, int) else None

    visit(checkpoint, [])
    return tensors


def little_endian_bytes(tensor):
    """The row-major bytes of a tensor of any type, as a one-dimensional uint8 tensor."""
    # Copies as bytes: some types have no copy of their own for strided tensors.
    size = tensor.element_size()
    view = torch.empty(0, dtype=torch.uint8).set_(
        tensor.untyped_storage(),
        tensor.storage_offset() * size,
        (*tensor.shape, size),
        (*(stride * size for stride in tensor.stride()), 1),
    )
    return view.contiguous().reshape(-1)


def load_safetensors(path):
    """Load a file, and make of its tensors what the metadata say they are."""
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    for name in tensors:
        note = metadata.get(DTYPE_NOTE + name)
        if note is None:
            continue
        dtype = getattr(torch, note)
        tensor = tensors[name].view(dtype)
        tensors[name] = tensor.squeeze(-1) if dtype in COMPLEX else tensor
    return tensors


def load_model(path, trust):
    if path.suffix == ".safetensors":
        return load_safetensors(path)
    if path.suffix not in (".pt", ".pth"):
        return {path.name: torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)}
    with torch.serialization.safe_globals(numpy_scalars()):
        return flatten(torch.load(path, map_location="cpu", weights_only=not trust))


def numpy_scalars():
    """What wtserial reads over and weights_only=True does not know by itself."""
    try:
        import numpy
    except ImportError:
        return []
    types = [type(numpy.dtype(code)) for code in "?bhilqBHILQefd"]
    return [numpy._core.multiarray.scalar, numpy.dtype, *types]


def differences(model, received):
    for name in sorted(model.keys() - received.keys()):
        yield f"{name}: missing"
    for name in sorted(received.keys() - model.keys()):
        yield f"{name}: not in the model"
    for name in sorted(model.keys() & received.keys()):
        yield from tensor_differences(name, model[name], received[name])


def tensor_differences(name, expected, found):
    if (expected.dtype, expected.shape) != (found.dtype, found.shape):
        yield (
            f"{name}: {found.dtype} {list(found.shape)}"
            f" instead of {expected.dtype} {list(expected.shape)}"
        )
        return
    wrong = (little_endian_bytes(expected) != little_endian_bytes(found)).nonzero()
    if len(wrong):
        yield f"{name}: {len(wrong)} bytes differ, the first at {int(wrong[0])}"


def quantized_differences(model, received, bits, per_channel):
    """Like differences(), with half a step allowed to floating-point tensors; prints errors."""
    floating = {
        name
        for name in model.keys() & received.keys()
        if model[name].dtype in QUANTIZABLE and model[name].shape == received[name].shape
    }
    exact = (
        {name: tensor for name, tensor in side.items() if name not in floating}
        for side in (model, received)
    )
    yield from differences(*exact)
    for name in sorted(floating):
        expected, found = model[name].double(), received[name].double()
        finite = expected.isfinite()
        if not torch.allclose(expected[~finite], found[~finite], rtol=0, atol=0, equal_nan=True):
            yield f"{name}: NaN or infinities differ"
            continue
        step = quantization_step(expected, finite, bits, per_channel)
        error = torch.where(finite, (expected - found).abs(), 0.0)
        # The reconstruction is rounded to the type of the tensor.
        rounding = expected.abs().nan_to_num(posinf=0) * torch.finfo(received[name].dtype).eps
        steps = torch.where(step > 0, error / step, torch.zeros_like(error))
        print(f"{name}: greatest error {float(steps.max()) if steps.numel() else 0:.4f} steps")
        if bool((error > step / 2 + rounding).any()):
            yield f"{name}: more than half a step off"


def quantization_step(values, finite, bits, per_channel):
    """The step between codes: affine over the tensor's range, or symmetric by row."""
    if values.numel() == 0:
        return torch.zeros_like(values)
    values = torch.where(finite, values, torch.zeros_like(values))
    if per_channel and values.dim() > 1:
        greatest = values.abs().flatten(1).amax(1)
        return (greatest / (2 ** (bits - 1) - 1)).reshape(-1, *[1] * (values.dim() - 1))
    return (values.max() - values.min()) / (2**bits - 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("received", type=Path)
    parser.add_argument(
        "--trust",
        action="store_true",
        help="load MODEL with weights_only=False, which runs what it says: for files of your own"
        " with default dictionaries, or of pickle protocol 3 and later",
    )
    parser.add_argument("--quantized-step-report", action="store_true")
    parser.add_argument("--bits", type=int, default=8)
    parser.add_argument("--per-channel", action="store_true")
    arguments = parser.parse_args()

    model = load_model(arguments.model, arguments.trust)
    received = load_safetensors(arguments.received)
    if arguments.quantized_step_report:
        found = quantized_differences(model, received, arguments.bits, arguments.per_channel)
    else:
        found = differences(model, received)
    count = 0
    for count, difference in enumerate(found, 1):
        if count <= SHOWN_DIFFERENCES:
            print(difference)
    if count > SHOWN_DIFFERENCES:
        print(f"… and {count - SHOWN_DIFFERENCES} more")
    if count == 0:
        print(f"{len(model)} tensors agree")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
