"""Four kinds of updates of trained networks, as safetensors files: what fine-tuning does to weights.

One thread, fixed seeds: the same machine and the same torch make the same bytes.
"""

import json
import struct

import torch
from torch import nn
from torch.func import functional_call

from bench_nets import MLP
from digits_model import DigitsCNN, as_input
from train_digits import BATCH_SIZE, SEED, shifted, split_digits, train

RANK = 4
EPOCHS = 3


def save(path, state):
    """A safetensors file of tensors, in their order."""
    header, data = {}, b""
    names = {torch.float32: "F32", torch.int64: "I64"}
    for name, tensor in sorted(state.items(), key=lambda item: -item[1].element_size()):
        content = tensor.contiguous().numpy().tobytes()
        header[name] = {
            "dtype": names[tensor.dtype], "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(content)],
        }  # fmt: skip
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def batches(images, labels):
    """All images once, in random order, each moved a little."""
    inputs, targets = as_input(images), labels.long()
    for batch in torch.randperm(len(inputs)).split(BATCH_SIZE):
        yield shifted(inputs[batch]), targets[batch]


def tune(network, parameters, optimizer, epochs, *data):
    """Trains these parameters; what else there is in the network stays, but for running statistics."""
    optimizer = optimizer(parameters)
    network.train()
    for _ in range(epochs):
        for inputs, targets in batches(*data):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs), targets).backward()
            optimizer.step()


def tune_last_layer(network, *data):
    network.eval()
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    optimizer = torch.optim.AdamW(last.parameters(), lr=1e-3)
    for _ in range(EPOCHS):
        for inputs, targets in batches(*data):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs), targets).backward()
            optimizer.step()


def tune_low_rank(network, *data):
    """Trains a product of two thin matrices beside each matrix, and adds them in the end."""
    network.eval()
    state = {name: tensor.detach() for name, tensor in network.state_dict().items()}
    pairs = {}
    for name, tensor in state.items():
        if tensor.dim() > 1:
            rows = tensor.shape[0]
            pairs[name] = (
                nn.Parameter(torch.zeros(rows, RANK)),
                nn.Parameter(torch.randn(RANK, tensor.numel() // rows) / RANK),
            )

    def merged():
        return {
            name: tensor + (pairs[name][0] @ pairs[name][1]).reshape(tensor.shape)
            if name in pairs else tensor
            for name, tensor in state.items()
        }  # fmt: skip

    optimizer = torch.optim.AdamW([p for pair in pairs.values() for p in pair], lr=1e-3)
    for _ in range(EPOCHS):
        for inputs, targets in batches(*data):
            optimizer.zero_grad()
            nn.functional.cross_entropy(functional_call(network, merged(), inputs), targets).backward()
            optimizer.step()
    network.load_state_dict({name: tensor.detach() for name, tensor in merged().items()})


def adam(rate):
    return lambda parameters: torch.optim.AdamW(parameters, lr=rate)


UPDATES = {
    "some epochs, all layers": lambda n, *d: tune(n, n.parameters(), adam(1e-3), EPOCHS, *d),
    "last layer only": tune_last_layer,
    "one epoch, small steps": lambda n, *d: tune(n, n.parameters(), adam(1e-5), 1, *d),
    f"low rank ({RANK})": tune_low_rank,
}


def networks(images, labels):
    """The sample network, and one without normalization that is seven times as large."""
    yield "digits", DigitsCNN, train(images, labels).state_dict()
    network = MLP()
    tune(network, network.parameters(), adam(1e-3), 10, images, labels)
    yield "mlp", MLP, network.state_dict()


def updates(folder):
    """Name of the network and the update, and the files before and after."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    images, _, labels, _ = split_digits()
    for name, make, state in networks(images, labels):
        old = save(folder / f"{name}.safetensors", state)
        for update, change in UPDATES.items():
            network = make()
            network.load_state_dict(state)
            change(network, images, labels)
            yield name, update, old, save(folder / "new.safetensors", network.state_dict())
