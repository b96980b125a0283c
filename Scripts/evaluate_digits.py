#!/usr/bin/env python3
"""Prints how many of the test images a file of the sample model's weights recognizes.

usage: evaluate_digits.py MODEL.pt|MODEL.safetensors
"""

import sys
from pathlib import Path

import torch

from digits_model import IMAGE_SIDE, DigitsCNN, count_correct, read_bytes

FIXTURES = Path(__file__).resolve().parent.parent / "Tests/Fixtures/Digits"


def load_state(path):
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, weights_only=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    model = DigitsCNN()
    model.load_state_dict(load_state(sys.argv[1]))
    labels = read_bytes(FIXTURES / "test-labels.u8")
    images = read_bytes(FIXTURES / "test-images.u8").reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    correct = count_correct(model, images, labels)
    print(f"{correct} of {len(labels)} test images, {100 * correct / len(labels):.2f} %")


if __name__ == "__main__":
    main()
