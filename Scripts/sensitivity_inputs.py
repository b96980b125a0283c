"""What sensitivity.py works on: a model with the weights of a checkpoint, and batches for it."""

import importlib.util
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import nn

NAMES_SHOWN = 3


class InputError(Exception):
    """The model, the checkpoint or the batches cannot be used; says why."""


# MARK: The model


def load_model(factory, checkpoint):
    """The model in evaluation mode with the checkpoint's weights, and the names that these have in
    the checkpoint by their names in the model."""
    model = load_function(factory, "--model")()
    if not isinstance(model, nn.Module):
        raise InputError(f"{factory} returns a {type(model).__name__}, not an nn.Module")
    prefix, tensors = best_state(read_checkpoint(checkpoint), model.state_dict())
    check_names(model.state_dict(), tensors, checkpoint)
    check_shapes(model.state_dict(), tensors, checkpoint)
    model.load_state_dict(tensors, strict=False)
    return model.eval(), {name: prefix + name for name in tensors}


def load_function(spec, option):
    """The function or class NAME of FILE.py, for FILE.py:NAME."""
    path, _, name = spec.rpartition(":")
    if not path:
        raise InputError(f"{option} takes FILE.py:NAME, not {spec}")
    if not Path(path).is_file():
        raise InputError(f"there is no file {path}, which {option} names")
    # So that it finds the files beside it.
    sys.path.insert(0, str(Path(path).resolve().parent))
    module_spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if module_spec is None:
        raise InputError(f"{option} takes FILE.py:NAME, and {path} does not end in .py")
    module = importlib.util.module_from_spec(module_spec)
    # Dataclasses and the like look their module up.
    sys.modules.setdefault(module_spec.name, module)
    module_spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise InputError(f"{path} has no function or class {name}, which {option} names")
    return function


# MARK: The checkpoint


def read_checkpoint(path):
    """What the file holds: a dictionary of tensors, or one that has such dictionaries in it."""
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # each format has its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"cannot read the checkpoint {path}: it takes a safetensors file, or what torch.save "
            f"wrote of model.state_dict(): {reason}"
        ) from error
    if not isinstance(contents, Mapping):
        raise InputError(f"the checkpoint {path} holds a {type(contents).__name__}, no dictionary")
    return contents


def best_state(contents, state):
    """Of the dictionaries in a checkpoint, which may have the optimizer's state too, the one with
    the most names of the model, and what stands before these in the checkpoint."""
    return max(
        state_dicts(contents), key=lambda candidate: sum(name in candidate[1] for name in state)
    )


def state_dicts(contents, prefix=""):
    """Yields the dictionary itself and each one in it, flattened, with its way there."""
    yield prefix, flattened(contents)
    for key, part in contents.items():
        if isinstance(part, Mapping):
            yield from state_dicts(part, f"{prefix}{key}.")


def flattened(contents, prefix=""):
    """The tensors by name: the keys on the way to them joined by dots, as wtserial has it."""
    tensors = {}
    for key, part in contents.items():
        if isinstance(part, torch.Tensor):
            tensors[f"{prefix}{key}"] = part
        elif isinstance(part, Mapping):
            tensors |= flattened(part, f"{prefix}{key}.")
    return tensors


def check_names(state, tensors, path):
    """Tensors that are tied to one that is there may be missing, as safetensors leaves them out."""
    present = {state[name].data_ptr() for name in state if name in tensors}
    missing = [
        name
        for name, tensor in state.items()
        if name not in tensors and not (tensor.numel() and tensor.data_ptr() in present)
    ]
    complaints = []
    if missing:
        complaints.append(f"the model's {shown(missing)} missing from it")
    if unknown := [name for name in tensors if name not in state]:
        complaints.append(f"its {shown(unknown)} unknown to the model")
    if complaints:
        raise InputError(f"the checkpoint {path} is of another model: {'; '.join(complaints)}")


def shown(names):
    """A few names, and how many more there are, with the verb."""
    more = len(names) - NAMES_SHOWN
    text = ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"{text} {'is' if len(names) == 1 else 'are'}"


def check_shapes(state, tensors, path):
    for name, values in tensors.items():
        theirs, ours = tuple(values.shape), tuple(state[name].shape)
        if theirs != ours:
            raise InputError(
                f"the checkpoint {path} does not fit: {name} is {theirs} there, {ours} in the model"
            )


# MARK: The batches


def load_samples(function, sample_count):
    """The first `sample_count` inputs that the function yields, in its batches."""
    yielded = load_function(function, "--batches")()
    if not isinstance(yielded, Iterable):
        raise InputError(f"{function} gives a {type(yielded).__name__}, not batches")
    batches = []
    for batch in yielded:
        size = sample_count_of(batch, function)
        if size > 0:
            batches.append(cut(batch, size, sample_count))
        sample_count -= size
        if sample_count <= 0:
            break
    if not batches:
        raise InputError(f"{function} gives no batches")
    return batches


def sample_count_of(batch, function):
    sizes = [tensor.shape[0] for tensor in tensors_in(batch) if tensor.ndim > 0]
    if not sizes:
        raise InputError(f"{function} gives a {type(batch).__name__} without a tensor of samples")
    return sizes[0]


def tensors_in(batch):
    parts = batch.values() if isinstance(batch, Mapping) else batch
    if not isinstance(parts, Iterable) or isinstance(parts, torch.Tensor):
        parts = [parts]
    return [part for part in parts if isinstance(part, torch.Tensor)]


def cut(batch, size, limit):
    """The first `limit` samples of a batch of `size`; what has another first dimension stays."""
    if isinstance(batch, torch.Tensor):
        return batch[:limit] if batch.ndim > 0 and batch.shape[0] == size else batch
    if isinstance(batch, Mapping):
        return {key: cut(part, size, limit) for key, part in batch.items()}
    if isinstance(batch, (tuple, list)):
        return tuple(cut(part, size, limit) for part in batch)
    return batch
