"""Tensors as they are while a model arrives bit by bit: coarse, each value within its step."""

import torch

# A step is about the root mean square, its half or its quarter: there, at 1 to 3 bits a weight, a
# network goes from a guess to nearly itself. Measured from the largest value instead, an outlier
# would leave nothing of the others.
LEVELS = (0, 1, 2)  # steps are 2^-level
# Stretches of the grid for each level: a single one would favour tensors that happen to lie on it.
STRETCH_COUNT = 3
SEED = 0

TINY_ELEMENT_COUNT = 512


def is_tiny(tensor):
    """Whether it is sent first, as short floats: a step for all would make small variances zero."""
    return tensor.ndim <= 1 or tensor.numel() < TINY_ELEMENT_COUNT


def coarsenings(tensor):
    """Yields a float tensor at each level and stretch; the same every time."""
    generator = torch.Generator().manual_seed(SEED)
    coarsen = short_floats if is_tiny(tensor) else fixed_steps
    for level in LEVELS:
        for stretch in torch.rand(STRETCH_COUNT, generator=generator).tolist():
            yield coarsen(tensor, 2 ** (-level + stretch - 0.5))


def fixed_steps(tensor, step):
    """Each value in the middle of its step, as bit planes leave it; those below one step are zero.

    `step` is in units of the root mean square.
    """
    values = finite_or_zero(tensor)
    step *= values.square().mean().sqrt()
    count = (values.abs() / step).floor()
    return restored(tensor, values.sign() * torch.where(count > 0, (count + 0.5) * step, 0))


def short_floats(tensor, step):
    """Each value in the middle of its step, which is half of `step` in units of the power of two
    that the value begins with: finer than in a large tensor, as tiny ones are sent."""
    values = finite_or_zero(tensor)
    magnitudes = values.abs()
    steps = step / 2 * magnitudes.log2().floor().exp2()
    count = (magnitudes / steps).floor()
    return restored(tensor, values.sign() * torch.where(values != 0, (count + 0.5) * steps, 0))


def finite_or_zero(tensor):
    return tensor.double().nan_to_num(nan=0, posinf=0, neginf=0)


def restored(tensor, coarse):
    """`coarse`, but NaN and infinity as they were: they always go exactly."""
    return torch.where(tensor.isfinite(), coarse, tensor.double())


def relative_squared_error(original, changed):
    """Of the finite values; 0 where there are none but zeros."""
    values = finite_or_zero(original)
    energy = values.square().sum().item()
    error = (values - finite_or_zero(changed)).square().sum().item()
    return error / energy if energy > 0 else 0.0
