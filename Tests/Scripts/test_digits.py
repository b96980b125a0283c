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

    def test_numpy_and_pytorch_agree(self):
        make = """import sys, torch; from safetensors.torch import save_file
state = torch.load(sys.argv[1])
torch.manual_seed(3)
noisy = {n: t + t.abs().mean() * torch.randn_like(t) if t.ndim > 1 else t for n, t in state.items()}
for dtype in [torch.float64, torch.float32, torch.float16, torch.bfloat16]:
    half = {n: t.to(dtype) if t.is_floating_point() else t for n, t in noisy.items()}
    save_file(half, f"{sys.argv[2]}/{dtype}.safetensors")
save_file(state, f"{sys.argv[2]}/exact.safetensors")
"""
        self.assertEqual(run(PYTHON, "-c", make, FIXTURES / "digits.pt", self.root), (0, ""))
        for model in sorted(self.root.glob("*.safetensors")):
            with self.subTest(model.name):
                ours = run(PYTHON, SCRIPTS / "digits_accuracy.py", model)
                self.assertEqual(ours, run(PYTHON, SCRIPTS / "evaluate_digits.py", model))
                self.assertEqual((ours[0], ours[1].startswith("356")), (0, "exact" in model.name))

    def test_numpy_refuses_what_is_not_the_sample_model(self):
        foreign = self.root / "foreign.safetensors"
        header = b'{"conv1.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        foreign.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
        for path, words in {
            self.root / "absent": "cannot read", FIXTURES / "digits.pt": "no safetensors file",
            foreign: "not the sample model: conv1.weight is (1,)",
        }.items():  # fmt: skip
            status, output = run(PYTHON, SCRIPTS / "digits_accuracy.py", path)
            self.assertEqual(status, 1)
            self.assertIn(words, output)
            self.assertNotIn("Traceback", output)
