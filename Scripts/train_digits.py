#!/usr/bin/env python3
"""Trains the sample model and writes it with its test images.

usage: train_digits.py OUTDIR

Writes OUTDIR/digits.pt, OUTDIR/test-images.u8 and OUTDIR/test-labels.u8, and prints the accuracy.
One thread, fixed seeds, under a minute: the same machine and the same torch make the same bytes.
"""

import sys
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from digits_model import DigitsCNN, as_input, count_correct

SEED = 0
TEST_COUNT = 360
EPOCH_COUNT = 40
BATCH_SIZE = 64
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 1e-2


def split_digits():
    """The 1,797 images of scikit-learn, split by `SEED` with equal shares of each digit."""
    digits = load_digits()
    split = train_test_split(
        digits.data, digits.target, test_size=TEST_COUNT, stratify=digits.target, random_state=SEED
    )
    return [torch.from_numpy(part).to(torch.uint8) for part in split]


def calibration_batches():
    """Images that the model was trained on, as sensitivity.py takes them."""
    train_images, *_ = split_digits()
    return as_input(train_images).split(BATCH_SIZE)


def shifted(inputs):
    """The batch moved by up to one pixel each way, with paper coming in at the edges."""
    side = inputs.shape[-1]
    down, right = torch.randint(3, (2,)).tolist()
    return nn.functional.pad(inputs, (1, 1, 1, 1))[..., down : down + side, right : right + side]


def train(images, labels):
    model = DigitsCNN()
    inputs, targets = as_input(images), labels.long()
    batch_count = -(-len(inputs) // BATCH_SIZE)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=EPOCH_COUNT * batch_count
    )
    for _ in range(EPOCH_COUNT):
        for batch in torch.randperm(len(inputs)).split(BATCH_SIZE):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(shifted(inputs[batch])), targets[batch]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    outdir = Path(sys.argv[1])
    outdir.mkdir(parents=True, exist_ok=True)

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)

    train_images, test_images, train_labels, test_labels = split_digits()
    model = train(train_images, train_labels)
    correct = count_correct(model, test_images, test_labels)

    torch.save(model.state_dict(), outdir / "digits.pt")
    (outdir / "test-images.u8").write_bytes(test_images.numpy().tobytes())
    (outdir / "test-labels.u8").write_bytes(test_labels.numpy().tobytes())

    parameter_count = sum(parameter.numel() for parameter in model.parameters())
    print(f"{parameter_count} parameters, torch {torch.__version__}")
    print(f"{correct} of {TEST_COUNT} test images, {100 * correct / TEST_COUNT:.2f} %")


if __name__ == "__main__":
    main()
