"""Models made by PyTorch, and what PyTorch says of those that arrive."""

import hashlib
import warnings
from pathlib import Path

import compare_checkpoints
import torch

torch.set_num_threads(1)
warnings.filterwarnings("ignore", "ComplexHalf support is experimental")


def save(path, state, **options):
    torch.save(state, path, **options)
    return path


def load(path):
    """The tensors of a file by name, as PyTorch reads it."""
    if Path(path).suffix == ".safetensors":
        return load_received(path)
    return compare_checkpoints.flatten(torch.load(path, weights_only=True))


def differences(model, received):
    """What differs between a file and the one that it became, bit by bit."""
    return list(compare_checkpoints.differences(load(model), load_received(received)))


def load_received(path):
    return compare_checkpoints.load_safetensors(path)


def digest(tensor):
    return digest_of(compare_checkpoints.little_endian_bytes(tensor).numpy())


def digest_of(contents):
    return hashlib.sha256(contents).hexdigest()


def small_network(seed=1):
    """Every kind of tensor that a network has, in 70 kB."""
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3),
        torch.nn.BatchNorm2d(16),
        torch.nn.Flatten(),
        torch.nn.Linear(256, 64),
        torch.nn.Linear(64, 10),
    )
