"""Are sensitivities what they claim to be, and does whoever asks in vain learn why?"""

import json
import tempfile
import unittest
from pathlib import Path

from support import PYTHON, ROOT, SCRIPTS, run

DIGITS = ROOT / "Tests/Fixtures/Digits/digits.pt"

# Linear, so that it can be told beforehand what comes out.
MODEL = """import torch
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.strong = nn.Linear(32, 32, bias=False)
        self.weak = nn.Linear(32, 32, bias=False)
        self.unused = nn.Linear(32, 32)
        self.register_buffer("gains", torch.full((32,), 0.75))
        self.register_buffer("count", torch.tensor(7))

    def forward(self, x):
        return torch.cat([4 * self.strong(x), self.weak(x)], 1) * self.gains[0]

def saved():
    torch.manual_seed(1)
    return Model()

def blank():
    return nn.Linear(8, 8)

def text():
    return "model"

def nan():
    model = saved()
    model.forward = lambda x: model.strong(x) / 0
    return model

def zero():
    model = saved()
    model.forward = lambda x: 0 * model.strong(x)
    return model

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(64, 16), nn.Linear(16, 64, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens, scale):
        hidden = self.embedding(tokens) * scale
        return {"hidden": hidden, "scores": (self.head(hidden),)}

def batches():
    torch.manual_seed(2)
    return torch.randn(64, 32).split(16)

def nothing():
    return iter([])

def wide():
    yield torch.randn(4, 33)

def words():
    yield "word"

def named():
    yield {"tokens": torch.arange(64).reshape(8, 8), "scale": 2}

def pairs():
    yield torch.arange(64).reshape(8, 8), torch.tensor(2.0)
"""

# Run once for all tests: importing PyTorch takes seconds.
SAVE = """import sys, torch; from safetensors.torch import save_file
sys.path.insert(0, ".")
from model import Tied, saved
state = saved().state_dict()
torch.save(state, "model.pt")
save_file(state, "model.safetensors")
torch.save({"epoch": 3, "model": state, "more": {"n": torch.ones(2)}}, "nested.pt")
torch.save({"old" + name: tensor for name, tensor in state.items()}, "renamed.pt")
torch.save(state | {"gains": torch.ones(3)}, "turned.pt")
torch.save([1], "list.pt")
torch.save(saved(), "whole.pt")
save_file({"embedding.weight": Tied().embedding.weight.detach().clone()}, "tied.safetensors")
open("damaged.safetensors", "wb").write(b"12")
"""

# Runs sensitivity.py once for each list of arguments and prints why it was refused, or its tensors.
MEASURE = """import contextlib, io, json, sys
sys.path.insert(0, sys.argv[1])
import sensitivity
results = []
for arguments in json.loads(sys.argv[2]):
    sys.argv = ["sensitivity.py", *arguments, "--out", "out.json"]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            sensitivity.main()
        results.append(json.load(open("out.json")))
    except SystemExit as refusal:
        results.append(refusal.code)
print(json.dumps(results))
"""


class SensitivityTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        (cls.folder / "model.py").write_text(MODEL)
        cls.python(SAVE)

    @classmethod
    def python(cls, code, *arguments):
        """What the code prints, run in the folder."""
        code = f"import os; os.chdir({str(cls.folder)!r})\n" + code
        status, output = run(PYTHON, "-c", code, *arguments)
        if status != 0:
            raise AssertionError(output)
        return output

    def measure(self, *cases):
        """The results for cases of a factory, a checkpoint, a function of batches and options."""
        arguments = [
            ["--model", f"model.py:{factory}", "--checkpoint", str(checkpoint)]
            + ["--batches", f"model.py:{batches}", *options]
            for factory, checkpoint, batches, *options in cases
        ]
        return json.loads(self.python(MEASURE, SCRIPTS, json.dumps(arguments)))

    def assert_refused(self, cases):
        """`cases`: what the refusal says → what is refused."""
        for words, result in zip(cases, self.measure(*cases.values()), strict=True):
            with self.subTest(words):
                self.assertIsInstance(result, str)
                self.assertIn(words, result)

    def test_linear_model_has_the_sensitivities_of_its_formula(self):
        record, copy, fewer = self.measure(
            ("saved", "model.pt", "batches"),
            ("saved", "model.safetensors", "batches"),
            ("saved", "model.pt", "batches", "--samples", "8"),
        )
        self.assertEqual(list(record), ["schema", "model", "tensors"])
        self.assertEqual((record["schema"], record["model"]), (1, "model.pt"))
        tensors = record["tensors"]
        # Shares of the output's energy: 16 / 17 and 1 / 17.
        self.assertAlmostEqual(tensors["strong.weight"], 16 / 17, delta=0.1)
        self.assertAlmostEqual(tensors["weak.weight"] * 17, 1, delta=0.2)
        self.assertAlmostEqual(tensors["gains"], 1, delta=0.01)
        self.assertEqual((tensors["unused.weight"], tensors["unused.bias"]), (0, 0))
        self.assertNotIn("count", tensors)
        self.assertEqual(copy["tensors"], tensors)
        self.assertNotEqual(fewer["tensors"], tensors)

    def test_names_are_those_of_the_checkpoint(self):
        [record] = self.measure(("saved", "nested.pt", "batches"))
        self.assertIn("model.strong.weight", record["tensors"])

    def test_tied_tensor_may_be_left_out_and_inputs_be_named_or_in_order(self):
        named, ordered = self.measure(
            ("Tied", "tied.safetensors", "named"), ("Tied", "tied.safetensors", "pairs")
        )
        self.assertEqual(list(named["tensors"]), ["embedding.weight"])
        self.assertEqual(ordered["tensors"], named["tensors"])

    def test_what_does_not_fit_is_refused(self):
        self.assert_refused({
            "there is no checkpoint absent.pt": ("saved", "absent.pt", "batches"),
            "cannot read the checkpoint model.py": ("saved", "model.py", "batches"),
            "cannot read the checkpoint damaged": ("saved", "damaged.safetensors", "batches"),
            "cannot read the checkpoint whole.pt": ("saved", "whole.pt", "batches"),
            "list.pt holds a list": ("saved", "list.pt", "batches"),
            "is of another model: the model's": ("blank", DIGITS, "batches"),
            "oldstrong.weight": ("saved", "renamed.pt", "batches"),
            "gains is (3,) there, (32,)": ("saved", "turned.pt", "batches"),
            "gives no batches": ("saved", "model.pt", "nothing"),
            "does not take batch 1": ("saved", "model.pt", "wide"),
            "gives a str without a tensor": ("saved", "model.pt", "words"),
            "gives a Linear, not batches": ("saved", "model.pt", "blank"),
            "no function or class absent": ("saved", "model.pt", "absent"),
            "returns a str, not an nn.Module": ("text", "model.pt", "batches"),
            "NaN or an infinity": ("nan", "model.pt", "batches"),
            "output is zero": ("zero", "model.pt", "batches"),
        })  # fmt: skip

    def test_documented_command_runs(self):
        out = self.folder / "digits.json"
        status, output = run(
            PYTHON, SCRIPTS / "sensitivity.py", "--model", SCRIPTS / "digits_model.py:DigitsCNN",
            "--checkpoint", DIGITS, "--batches", SCRIPTS / "train_digits.py:calibration_batches",
            "--samples", "64", "--out", out,
        )  # fmt: skip
        self.assertEqual(status, 0, output)
        tensors = json.loads(out.read_text())["tensors"]
        self.assertEqual(len(tensors), 19)
        self.assertGreater(tensors["output.weight"], tensors["hidden.weight"])
