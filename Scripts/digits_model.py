"""The sample model: a small CNN for 8×8 images of handwritten digits.

An image is 64 bytes, row by row, each pixel 0 (paper) to 16 (ink); the model takes pixel / 16.
"""

from pathlib import Path

import torch
from torch import nn

IMAGE_SIDE = 8
PIXEL_LIMIT = 16


class DigitsCNN(nn.Module):
    """Three convolutions with batch normalization, two linear layers: 40,506 parameters."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(32)
        self.conv3 = nn.Conv2d(32, 64, 3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(64)
        self.hidden = nn.Linear(64 * 2 * 2, 64)
        self.output = nn.Linear(64, 10)

    def forward(self, pixels):
        x = torch.relu(self.norm1(self.conv1(pixels)))  # N×16×8×8
        x = torch.relu(self.norm2(self.conv2(x)))
        x = nn.functional.max_pool2d(x, 2)  # N×32×4×4
        x = torch.relu(self.norm3(self.conv3(x)))
        x = nn.functional.max_pool2d(x, 2)  # N×64×2×2
        x = torch.relu(self.hidden(x.flatten(1)))
        return self.output(x)


def as_input(images):
    """N×64 or N×8×8 pixels 0…16 → the N×1×8×8 float tensor that the model takes."""
    return images.reshape(-1, 1, IMAGE_SIDE, IMAGE_SIDE).float() / PIXEL_LIMIT


def read_bytes(path):
    """The bytes of a file as a u8 tensor."""
    return torch.frombuffer(bytearray(Path(path).read_bytes()), dtype=torch.uint8)


def count_correct(model, images, labels):
    """How many of the images the model takes for what they are."""
    model.eval()
    with torch.inference_mode():
        return int((model(as_input(images)).argmax(1) == labels).sum())
