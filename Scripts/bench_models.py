"""The models of the codec benchmark: a file for wtserial to send, and a measure of what arrives.

What has to be trained is trained once and kept in .bench; delete that folder to train anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

import bench_minilm
import bench_nets
from digits_model import IMAGE_SIDE, DigitsCNN, as_input, read_bytes
from evaluate_digits import FIXTURES, load_state
from manifest import ROOT

CACHE = ROOT / ".bench"


@dataclass(frozen=True)
class Model:
    """A checkpoint and what to judge others of its form by.

    `measure` takes a state and gives a quality by each measure's name, 0 to 1, higher is better.
    """

    name: str
    path: Path
    measure: Callable[[dict], dict[str, float]]

    def state(self):
        return load_state(str(self.path))

    def qualities(self, path):
        return self.measure(load_state(str(path)))


def classifier_measure(build, inputs, classes):
    """The accuracy of a network of the form that `build` makes, on one test set."""

    def measure(state):
        network = build()
        network.load_state_dict(state)
        return {"accuracy": bench_nets.accuracy(network, inputs, classes)}

    return measure


def digits():
    images = read_bytes(FIXTURES / "test-images.u8").reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    labels = read_bytes(FIXTURES / "test-labels.u8")
    measure = classifier_measure(DigitsCNN, as_input(images), labels)
    return Model("digits", FIXTURES / "digits.pt", measure)


def trained_model(name, build, train, test_set):
    path = CACHE / f"{name}.pt"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        partial_path = path.with_suffix(".partial")
        torch.save(bench_nets.trained(train).state_dict(), partial_path)
        partial_path.rename(path)
    return Model(name, path, classifier_measure(build, *test_set()))


def minilm():
    path = bench_minilm.package_file("model.safetensors")
    sentences = bench_minilm.tokenized_sentences()
    reference = bench_minilm.embeddings(load_state(str(path)), sentences)

    def measure(state):
        return bench_minilm.agreement(bench_minilm.embeddings(state, sentences), reference)

    return Model("minilm", path, measure)


MODELS = {
    "digits": digits,
    "mlp": partial(
        trained_model, "mlp", bench_nets.MLP, bench_nets.train_mlp,
        partial(bench_nets.digits, "test"),
    ),
    "resnet": partial(
        trained_model, "resnet", bench_nets.ResNet, bench_nets.train_resnet, bench_nets.test_pairs
    ),
    "minilm": minilm,
}  # fmt: skip
