#!/usr/bin/env python3
"""Measures how much a network's output suffers from an error in each of its tensors.

The file that it writes, {"schema": 1, "model": …, "tensors": {name: sensitivity}}, is for the
schedule of wtserial: what the output needs most comes first. A sensitivity is

    relative squared error of the output / relative squared error of the tensor

where that tensor alone is coarsened, the mean over the batches and over several grids; only the
ratios between tensors mean anything. Names are those of the checkpoint, as `wtserial inspect` shows
them. FILE.py is executed; nothing in the checkpoint is.

For the sample model:

    .venv/bin/python Scripts/sensitivity.py --model Scripts/digits_model.py:DigitsCNN \\
      --checkpoint Tests/Fixtures/Digits/digits.pt \\
      --batches Scripts/train_digits.py:calibration_batches --out sensitivity.json
"""

import argparse
import json
import os
import sys
from pathlib import Path

# Read when PyTorch is loaded. Threads that wait for each other by spinning take minutes for seconds
# of work where something else has the processors.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
try:
    import torch
except ModuleNotFoundError:
    sys.exit(
        "sensitivity.py: this Python has no PyTorch; run Scripts/setup python, then "
        ".venv/bin/python Scripts/sensitivity.py"
    )

from output_error import ReferenceOutputs
from sensitivity_inputs import InputError, load_model, load_samples
from tensor_coarsening import coarsenings, relative_squared_error

SCHEMA = 1


def measure(model, names, batches):
    """Yields each float tensor's name in the checkpoint and its sensitivity.

    `names` has the checkpoint's name for each name in the model's state dict.
    """
    with torch.inference_mode():
        reference = ReferenceOutputs(model, batches)
        for name, tensor in model.state_dict().items():
            if name in names and tensor.is_floating_point():
                yield names[name], sensitivity(tensor, names[name], reference)


def sensitivity(tensor, name, reference):
    """Coarsens the tensor in its place in the model, and leaves it as it was.

    0 where coarsening changes nothing, as with a tensor of zeros.
    """
    original = tensor.clone()
    ratios = []
    for coarse in coarsenings(original):
        tensor.copy_(coarse)
        # Taken from the model again, for its type may have rounded what was written.
        tensor_error = relative_squared_error(original, tensor)
        if tensor_error > 0:
            output_error = reference.relative_squared_error(f"with {name} coarsened")
            ratios.append(output_error / tensor_error)
    tensor.copy_(original)
    return sum(ratios) / len(ratios) if ratios else 0.0


def write(path, model_name, sensitivities):
    # Four digits are more than the measurement is good for, and keep files comparable.
    tensors = {name: float(f"{value:.4g}") for name, value in sensitivities.items()}
    record = {"schema": SCHEMA, "model": model_name, "tensors": tensors}
    path.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")


def parse_arguments():
    summary, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", required=True, metavar="FILE.py:FACTORY", help="what returns the nn.Module"
    )
    parser.add_argument(
        "--checkpoint", required=True, type=Path, help="its weights: .pt, .pth or .safetensors"
    )
    parser.add_argument(
        "--batches", required=True, metavar="FILE.py:FUNCTION",
        help="what yields batches: each a tensor, a tuple of arguments or a dict of named ones",
    )  # fmt: skip
    parser.add_argument(
        "--out", required=True, type=Path, metavar="FILE.json", help="the file to write"
    )
    parser.add_argument(
        "--samples", type=int, default=256, metavar="N",
        help="inputs to take from the batches, counted along the first dimension (default: 256)",
    )  # fmt: skip
    arguments = parser.parse_args()
    if arguments.samples < 1:
        parser.error("--samples takes at least 1")
    if not arguments.out.parent.is_dir():
        parser.error(f"there is no folder {arguments.out.parent} for --out")
    if arguments.out.is_dir():
        parser.error(f"--out {arguments.out} is a folder; give the name of a file")
    return arguments


def main():
    arguments = parse_arguments()
    sensitivities = {}
    try:
        model, names = load_model(arguments.model, arguments.checkpoint)
        batches = load_samples(arguments.batches, arguments.samples)
        for name, value in measure(model, names, batches):
            print(f"{value:10.4g}  {name}", flush=True)
            sensitivities[name] = value
        write(arguments.out, arguments.checkpoint.name, sensitivities)
    except (InputError, OSError) as error:
        sys.exit(f"sensitivity.py: {error}")
    print(f"{arguments.out}: {len(sensitivities)} tensors")


if __name__ == "__main__":
    main()
