"""Are the sample model and the tools around it as good as their pages say?"""

from support import PYTHON, ROOT, SCRIPTS, ScriptTests, run

FIXTURES = ROOT / "Tests/Fixtures/Digits"


class DigitsTests(ScriptTests):
    def test_sample_model_is_as_good_as_its_readme_says(self):
        for name, byte_count in [("test-images.u8", 360 * 64), ("test-labels.u8", 360)]:
            self.assertEqual((FIXTURES / name).stat().st_size, byte_count)
        model = FIXTURES / "digits.pt"
        status, output = run(PYTHON, SCRIPTS / "evaluate_digits.py", model)
        self.assertEqual((status, output), (0, "356 of 360 test images, 98.89 %\n"))

    def test_comparison_takes_pytorch_and_safetensors_alike_and_sees_one_bit(self):
        copy, original = self.root / "copy.safetensors", FIXTURES / "digits.pt"
        convert = "import sys, torch; from safetensors.torch import save_file; "
        convert += "save_file(torch.load(sys.argv[1]), sys.argv[2])"
        self.assertEqual(run(PYTHON, "-c", convert, original, copy), (0, ""))
        status, output = run(SCRIPTS / "compare_models.py", original, copy)
        self.assertEqual((status, output), (0, "identical: 22 tensors, 162944 bytes, bit by bit\n"))

        contents = bytearray(copy.read_bytes())
        contents[-1] ^= 1
        copy.write_bytes(contents)
        status, output = run(SCRIPTS / "compare_models.py", original, copy)
        self.assertEqual(status, 1)
        self.assertIn("1 of 22 tensors differ", output)

    def test_comparison_gathers_strided_tensors_as_pytorch_does(self):
        make = """import sys, torch; from safetensors.torch import save_file
base = torch.arange(336.0).reshape(6, 7, 8)
state = {
    "base": base, "turned": base.permute(2, 0, 1), "cut": base[::2, 1:5, 3],
    "empty": torch.zeros(0, 3), "scalar": torch.tensor(3), "spread": torch.ones(1, 1).expand(3, 4),
    "half": base[0].bfloat16().t(), "flags": torch.tensor([True, False]),
}
torch.save(state, sys.argv[1])
save_file({name: tensor.contiguous().clone() for name, tensor in state.items()}, sys.argv[2])"""
        files = self.root / "odd.pt", self.root / "odd.safetensors"
        self.assertEqual(run(PYTHON, "-c", make, *files), (0, ""))
        status, output = run(SCRIPTS / "compare_models.py", *files)
        self.assertEqual(status, 0, output)
        self.assertIn("identical: 8 tensors", output)
