"""A network's outputs, and how far they move when its tensors change."""

from collections.abc import Mapping

import torch

from sensitivity_inputs import InputError


class ReferenceOutputs:
    """What a model makes of the batches before anything is changed in it."""

    def __init__(self, model, batches):
        self.model = model
        self.batches = batches
        self.outputs = [self._run(number, "as it is") for number in range(len(batches))]
        self.energies = self._sums(self.outputs)
        if not any(self.energies):
            raise InputError("the output is zero for every batch: no error is relative to that")

    def relative_squared_error(self, state):
        """Of the model as it is now, which `state` tells of; the mean where it has several outputs.

        Each output's squares are summed over all batches, so that an input whose output is next to
        zero does not decide alone.
        """
        changed = [self._run(number, state) for number in range(len(self.batches))]
        differences = [
            [after - before for after, before in zip(*pair, strict=True)]
            for pair in zip(changed, self.outputs, strict=True)
        ]
        ratios = [
            error / energy
            for error, energy in zip(self._sums(differences), self.energies, strict=True)
            if energy > 0
        ]
        return sum(ratios) / len(ratios)

    def _run(self, number, state):
        # A model that draws random numbers draws the same ones each time.
        torch.manual_seed(0)
        try:
            output = call(self.model, self.batches[number])
        except Exception as error:
            raise InputError(
                f"the model does not take batch {number + 1} "
                f"(a tensor is one argument, a tuple several, a dict named ones): {error}"
            ) from error
        tensors = [tensor.double() for tensor in float_tensors(output)]
        if not tensors:
            raise InputError(f"the output is a {type(output).__name__} without a float tensor")
        if not all(tensor.isfinite().all() for tensor in tensors):
            raise InputError(
                f"the output for batch {number + 1} has a NaN or an infinity, of the model {state}"
            )
        return tensors

    def _sums(self, batches):
        """The sum of squares of each output over the batches."""
        squares = [[tensor.square().sum().item() for tensor in tensors] for tensors in batches]
        if len({len(row) for row in squares}) > 1:
            raise InputError("the model has more outputs for one batch than for another")
        return [sum(column) for column in zip(*squares, strict=True)]


def call(model, batch):
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, (tuple, list)) else model(batch)


def float_tensors(value):
    """The float tensors in what a model returns, in order."""
    if isinstance(value, torch.Tensor):
        return [value] if value.is_floating_point() else []
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in float_tensors(part)]
    return []
