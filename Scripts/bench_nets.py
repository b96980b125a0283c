"""The small networks of the codec benchmark that are trained here, and their test sets.

Seeds are fixed and one thread computes: the same machine and the same torch make the same bytes.
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from digits_model import IMAGE_SIDE, PIXEL_LIMIT

SEED = 0
TEST_COUNT = 899  # half of the images

MLP_EPOCHS = 40
BATCH_SIZE = 64

CANVAS = 12, 20  # rows, columns
CLASS_COUNT = 100
PAIR_STEPS = 450
PAIR_BATCH = 64
PAIR_TEST_COUNT = 1000


def digits(part):
    """Images N×8×8 with values 0…1 and labels of scikit-learn's digits; `part` is train or test."""
    loaded = load_digits()
    split = train_test_split(
        loaded.images, loaded.target,
        test_size=TEST_COUNT, stratify=loaded.target, random_state=SEED,
    )  # fmt: skip
    images, labels = {"train": split[::2], "test": split[1::2]}[part]
    return torch.from_numpy(images).float() / PIXEL_LIMIT, torch.from_numpy(labels)


def pairs(images, labels, count, generator):
    """Canvases of two digits, each somewhere in its half; the class is the number they make."""
    left, right = torch.randint(len(images), (2, count), generator=generator)
    rows = torch.randint(CANVAS[0] - IMAGE_SIDE + 1, (2, count), generator=generator)
    columns = torch.randint(CANVAS[1] // 2 - IMAGE_SIDE + 1, (2, count), generator=generator)
    canvases = torch.zeros(count, 1, *CANVAS)
    for half, chosen in enumerate((left, right)):
        start = half * CANVAS[1] // 2
        for i, image in enumerate(images[chosen]):
            row, column = rows[half, i], start + columns[half, i]
            canvases[i, 0, row : row + IMAGE_SIDE, column : column + IMAGE_SIDE] = image
    return canvases, 10 * labels[left] + labels[right]


class MLP(nn.Sequential):
    """Three linear layers on 8×8 pixels: 301,066 parameters, no normalization."""

    def __init__(self):
        super().__init__(
            nn.Flatten(), nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
            nn.Linear(512, 10),
        )  # fmt: skip


class Block(nn.Module):
    """Two convolutions with batch normalization, and a way around them."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.around = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.around.append(nn.Conv2d(inputs, outputs, 1, stride, bias=False))
            self.around.append(nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.around(x))


class ResNet(nn.Module):
    """Four residual blocks on a canvas of 12×20 pixels: about 630,000 parameters."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32))
        self.blocks = nn.Sequential(
            Block(32, 32, 2), Block(32, 64, 1), Block(64, 128, 2), Block(128, 128, 1)
        )
        self.output = nn.Linear(128 * 2, CLASS_COUNT)

    def forward(self, canvases):
        x = self.blocks(torch.relu(self.stem(canvases)))
        # Left and right stay apart: which digit is the tens counts.
        return self.output(nn.functional.adaptive_avg_pool2d(x, (1, 2)).flatten(1))


def fit(model, batches, step_count, learning_rate):
    """Trains on `step_count` pairs of inputs and classes, and switches to evaluation."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=step_count
    )
    for _, (inputs, classes) in zip(range(step_count), batches):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def shuffled_batches(images, labels):
    """Without end, each image once before any comes again."""
    while True:
        for batch in torch.randperm(len(images)).split(BATCH_SIZE):
            yield images[batch], labels[batch]


def train_mlp():
    images, labels = digits("train")
    step_count = MLP_EPOCHS * -(-len(images) // BATCH_SIZE)
    return fit(MLP(), shuffled_batches(images, labels), step_count, 2e-3)


def train_resnet():
    images, labels = digits("train")
    generator = torch.Generator().manual_seed(SEED)
    batches = (pairs(images, labels, PAIR_BATCH, generator) for _ in range(PAIR_STEPS))
    return fit(ResNet(), batches, PAIR_STEPS, 5e-3)


def test_pairs():
    """Of digits that no training canvas has."""
    generator = torch.Generator().manual_seed(SEED + 1)
    return pairs(*digits("test"), PAIR_TEST_COUNT, generator)


def trained(train):
    """What `train` makes, from the seed on."""
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    return train()


def accuracy(model, inputs, classes):
    """The share of the inputs that the model puts in their class."""
    model.eval()
    with torch.inference_mode():
        return (model(inputs).argmax(1) == classes).float().mean().item()
