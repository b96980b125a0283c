"""Is the table of a firmware that of its model?"""

import json

from support import PYTHON, ROOT, SCRIPTS, ScriptTests, run

DIGITS = ROOT / "Tests/Fixtures/Digits/digits.pt"
LIST = """import json, sys, torch
tensors = torch.load(sys.argv[1], weights_only=True).items()
print(json.dumps([
    {"name": name, "dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
    for name, tensor in tensors
]))"""


class ModelTableTests(ScriptTests):
    """The real script, with a stand-in for `wtserial inspect` that knows what PyTorch does."""

    def table_of(self, tensors, model="model.pt"):
        self.write("report.json", json.dumps({"tensors": tensors}))
        self.write("wtserial", f"#!/bin/sh\nexec cat {self.root}/report.json\n")
        (self.root / "wtserial").chmod(0o755)
        script = SCRIPTS / "model-table", model, "--swift", "DigitsTable"
        status, output = run(*script, WTSERIAL=self.root / "wtserial")
        self.assertEqual(status, 0, output)
        return output

    def test_firmware_has_the_table_of_the_sample_model(self):
        status, output = run(PYTHON, "-c", LIST, DIGITS)
        self.assertEqual(status, 0, output)
        found = self.table_of(json.loads(output), DIGITS.relative_to(ROOT))
        self.assertEqual(found, (ROOT / "Hardware/digits/DigitsTable.swift").read_text())

    def test_shared_tensors_and_large_extents(self):
        tensor = {"name": "a", "dtype": "bfloat16", "shape": [300]}
        found = self.table_of([tensor, tensor | {"name": "ab", "shared_with": "a"}])
        first = "0x02, 0x08, 0x00, 0x00, 0x01, 0x61, 0x04, 0x01, 0xac, 0x02"
        second = "0x02, 0x09, 0x01, 0x00, 0x01, 0x01, 0x62, 0x04, 0x01, 0xac, 0x02"
        self.assertIn(f"{first}, {second},", found.replace(",\n    ", ", "))

    def test_command_that_fails_gives_the_exit_code(self):
        self.write("wtserial", "#!/bin/sh\necho no such file >&2\nexit 66\n")
        (self.root / "wtserial").chmod(0o755)
        script = SCRIPTS / "model-table", "absent.pt", "--swift", "Table"
        status, output = run(*script, WTSERIAL=self.root / "wtserial")
        self.assertEqual((status, output), (66, "no such file\n"))

    def test_name_that_is_no_identifier_is_refused_with_one_that_is(self):
        for option, name, better in (
            ("--c", "my model", "my_model"), ("--c", "9", "model_9"), ("--swift", "né", "n"),
            ("--c", "", "model"), ("--swift", "a-b", "a_b"),
        ):  # fmt: skip
            status, output = run(SCRIPTS / "model-table", "model.pt", option, name)
            self.assertEqual(status, 2)
            self.assertIn(f"{name!r} is no identifier; {better} is one", output)

    def test_command_that_is_not_there_is_told(self):
        for absent in (self.root / "absent", self.root):
            for words in (
                ("model-table", "model.pt", "--c", "model"), ("device_models.py", "--tables"),
                ("device-cost",), ("demo",),
            ):  # fmt: skip
                with self.subTest(words):
                    status, output = run(SCRIPTS / words[0], *words[1:], WTSERIAL=absent)
                    self.assertEqual(status, 1, output)
                    self.assertIn(f"WTSERIAL={absent} is no command", output)
                    self.assertNotIn("Traceback", output)
