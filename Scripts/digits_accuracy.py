#!/usr/bin/env python3
"""Prints how many of the test images a file of the sample model's weights recognizes.

usage: digits_accuracy.py MODEL.safetensors

What evaluate_digits.py says, with numpy and without PyTorch: quick enough to be asked again and
again while a model arrives.
"""

import json
import sys
from pathlib import Path

import numpy as np

FIXTURES = Path(__file__).resolve().parent.parent / "Tests/Fixtures/Digits"
PIXEL_LIMIT = 16
NORM_EPSILON = 1e-5  # as torch.nn.BatchNorm2d has it
FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}

# As digits_model.py has them, less the counters of the norms, which take no part.
NORM_CHANNELS = {"norm1": 16, "norm2": 32, "norm3": 64}
SHAPES = {
    "conv1.weight": (16, 1, 3, 3), "conv2.weight": (32, 16, 3, 3), "conv3.weight": (64, 32, 3, 3),
    "hidden.weight": (64, 256), "hidden.bias": (64,),
    "output.weight": (10, 64), "output.bias": (10,),
} | {
    f"{norm}.{part}": (channels,)
    for norm, channels in NORM_CHANNELS.items()
    for part in ["weight", "bias", "running_mean", "running_var"]
}  # fmt: skip


class ModelError(Exception):
    """The file is not a model of ours; says why."""


def floats(contents, dtype):
    """The values of a tensor as float32."""
    if dtype == "BF16":  # numpy has no such type: it is the upper half of a float32
        return (np.frombuffer(contents, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(contents, FLOATS[dtype]).astype(np.float32)


def read_tensors(path):
    """The float tensors of a safetensors file by name."""
    contents = Path(path).read_bytes()
    start = 8 + int.from_bytes(contents[:8], "little")
    tensors = {}
    for name, entry in json.loads(contents[8:start]).items():
        if entry.get("dtype") in FLOATS or entry.get("dtype") == "BF16":
            first, end = entry["data_offsets"]
            values = floats(contents[start + first : start + end], entry["dtype"])
            tensors[name] = values.reshape(entry["shape"])
    return tensors


def read_model(path):
    try:
        tensors = read_tensors(path)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, AttributeError, TypeError):
        raise ModelError(f"{path} is no safetensors file, or a damaged one") from None
    for name, shape in SHAPES.items():
        if name not in tensors:
            raise ModelError(f"{path} is not the sample model: it has no float tensor {name}")
        if tensors[name].shape != shape:
            found = tensors[name].shape
            raise ModelError(f"{path} is not the sample model: {name} is {found}, not {shape}")
    return tensors


def convolution(images, kernels):
    """N×C×H×W, filtered by K×C×3×3 with a border of zeros → N×K×H×W."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))  # N×C×H×W×3×3
    return np.tensordot(windows, kernels, axes=([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2)


def norm(images, model, name):
    gain, bias, mean, variance = (
        model[f"{name}.{part}"][:, None, None]
        for part in ["weight", "bias", "running_mean", "running_var"]
    )
    return (images - mean) / np.sqrt(variance + NORM_EPSILON) * gain + bias


def pool(images):
    """The largest of each 2×2."""
    count, channels, height, width = images.shape
    return images.reshape(count, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))


def relu(values):
    return np.maximum(values, 0)


def forward(model, pixels):
    """N×1×8×8 → ten logits for each."""
    x = relu(norm(convolution(pixels, model["conv1.weight"]), model, "norm1"))
    x = pool(relu(norm(convolution(x, model["conv2.weight"]), model, "norm2")))
    x = pool(relu(norm(convolution(x, model["conv3.weight"]), model, "norm3")))
    x = relu(x.reshape(len(x), -1) @ model["hidden.weight"].T + model["hidden.bias"])
    return x @ model["output.weight"].T + model["output.bias"]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    try:
        model = read_model(sys.argv[1])
    except ModelError as error:
        sys.exit(f"digits_accuracy.py: {error}")
    labels = np.fromfile(FIXTURES / "test-labels.u8", np.uint8)
    pixels = np.fromfile(FIXTURES / "test-images.u8", np.uint8).reshape(-1, 1, 8, 8)
    # Half a model may overflow; what it makes of the images counts all the same.
    with np.errstate(all="ignore"):
        logits = forward(model, pixels.astype(np.float32) / PIXEL_LIMIT)
    correct = int((logits.argmax(axis=1) == labels).sum())
    print(f"{correct} of {len(labels)} test images, {100 * correct / len(labels):.2f} %")


if __name__ == "__main__":
    main()
