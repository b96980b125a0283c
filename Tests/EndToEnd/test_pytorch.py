"""Do the readers agree with the PyTorch that is installed, on files that it saves now?"""

import filecmp
import json
import subprocess
import sys
import unittest

import models
from processes import OK, ROOT, ProcessTests, lasts


class PyTorchTests(ProcessTests):
    @lasts(30)
    def test_fresh_fixtures_are_read_as_pytorch_reads_them(self):
        done = subprocess.run(
            [sys.executable, ROOT / "Scripts/make_fixtures.py", self.folder],
            capture_output=True, text=True,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        names = sorted(path.name for path in self.folder.glob("*.expected"))
        committed = (ROOT / "Tests/CheckpointsTests/Fixtures").glob("*.expected")
        self.assertEqual(names, sorted(path.name for path in committed))
        for name in names:
            with self.subTest(name):
                self.check(self.folder / name.removesuffix(".expected"))

    def check(self, path):
        command = self.run_command("inspect", "--json", path)
        self.assert_ends(command, OK)
        found = [
            (row["name"], row["dtype"], row["shape"], row["sha256"])
            for row in json.loads(command.output)["tensors"]
        ]
        expected = [
            (row["name"], row["dtype"], row["shape"], models.digest_of(bytes.fromhex(row["bytes"])))
            for row in json.loads(path.with_name(path.name + ".expected").read_text())
        ]
        self.assertEqual(found, expected)

    def test_fixtures_as_committed_are_read_as_pytorch_reads_them_now(self):
        # Types of containers that this loader refuses stand in the others.
        refused = {"training.pt", "protocol3.pt", "protocol4.pt", "protocol5.pt", "legacy4.pt"}
        files = [
            path.with_name(path.name.removesuffix(".expected"))
            for path in (ROOT / "Tests/CheckpointsTests/Fixtures").glob("*.expected")
        ]
        for path in files:
            if path.name in refused:
                continue
            with self.subTest(path.name):
                command = self.run_command("inspect", "--json", path)
                found = {
                    row["name"]: row["sha256"] for row in json.loads(command.output)["tensors"]
                }
                expected = {name: models.digest(t) for name, t in models.load(path).items()}
                self.assertEqual(found, expected)


class VectorTests(ProcessTests):
    def test_vectors_are_what_their_script_makes(self):
        script, vectors = ROOT / "Scripts/make_vectors.py", ROOT / "Tests/Vectors"
        if not script.exists() or not vectors.exists():
            raise unittest.SkipTest("there are no vectors")
        subprocess.run([sys.executable, script, self.folder], check=True, capture_output=True)
        made = sorted(path.name for path in self.folder.iterdir())
        self.assertGreater(len(made), 0)
        same, *different = filecmp.cmpfiles(vectors, self.folder, made, shallow=False)
        self.assertEqual(different, [[], []])
        self.assertEqual(sorted(same), made)
