"""Are files that cannot or must not be sent refused, in bounded memory and with a reason?"""

import os
import pickle
import zipfile

import models
import torch
from processes import (
    DATA, DIGITS, LIMIT, NO_INPUT, NO_PERMISSION, NOBODY, OK, ROOT, USAGE, ProcessTests,
    needs_nobody,
)  # fmt: skip

HOSTILE = ROOT / "Tests/CheckpointsTests/Fixtures/hostile"
# Bytes that a process may write to: far below what a bomb blows up to.
MEMORY = ["prlimit", f"--data={256 << 20}"]


class Run:
    """Pickles as a call of os.system."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class WholeModel(torch.nn.Linear):
    pass


class RefusalTests(ProcessTests):
    def assert_refused(self, model, *texts, code=DATA, **options):
        """`send` looks at the file before it looks for a port; `inspect` says the same."""
        for arguments in (["inspect", model], ["send", "/dev/no-such-port", model]):
            command = self.run_command(*arguments, **options)
            self.assert_ends(command, code, *texts)
            self.assertEqual(command.output, "", command)
            self.assertEqual(len(command.words.splitlines()), 1, command)

    def test_pickle_that_runs_a_command_is_refused_and_does_not_run_it(self):
        trace = self.folder / "trace"
        state = {"weight": torch.ones(3), "attack": Run(f"touch {trace}")}
        for name, options in {
            "zip": {}, "protocol4": {"pickle_protocol": 4},
            "legacy": {"_use_new_zipfile_serialization": False},
        }.items():
            with self.subTest(name):
                model = models.save(self.folder / f"{name}.pt", state, **options)
                self.assert_refused(model, "posix.system", "nothing was run", model.name)
                self.assertFalse(trace.exists())
        # The attack is one: what it was saved for happens when Python loads it.
        torch.load(self.folder / "zip.pt", weights_only=False)
        self.assertTrue(trace.exists())

    def test_every_hostile_fixture_is_refused(self):
        files = sorted(HOSTILE.iterdir())
        self.assertGreater(len(files), 30)
        for file in files:
            with self.subTest(file.name):
                # The memory of the bombs is bounded, too.
                command = self.run_command("inspect", file, before=MEMORY)
                self.assert_ends(command, DATA)
                # A cause in words, not the name of a case in the code.
                words = command.words.replace(str(file), "")
                self.assertNotRegex(words, r"\b[a-z]+[A-Z]", command)

    def test_truncated_checkpoint(self):
        whole = DIGITS.read_bytes()
        for count in [1, 3, 4, 100, 1000, len(whole) // 2, len(whole) - 100, len(whole) - 1]:
            with self.subTest(count):
                model = self.folder / f"{count}.pt"
                model.write_bytes(whole[:count])
                self.assert_refused(model)

    def test_text_called_safetensors(self):
        model = self.folder / "notes.safetensors"
        model.write_text("what a header of so many bytes begins with")
        self.assert_refused(model, "length of its header", "another kind of file")

    def test_truncated_safetensors(self):
        whole = (ROOT / "Tests/CheckpointsTests/Fixtures/types.safetensors").read_bytes()
        for count in [1, 7, 8, 100, len(whole) // 2, len(whole) - 1]:
            with self.subTest(count):
                model = self.folder / f"{count}.safetensors"
                model.write_bytes(whole[:count])
                self.assert_refused(model)

    def test_damaged_tensor_in_an_archive_is_found_by_its_checksum(self):
        contents = bytearray(DIGITS.read_bytes())
        contents[len(contents) // 2] ^= 1
        model = self.folder / "damaged.pt"
        model.write_bytes(contents)
        self.assert_ends(self.run_command("inspect", "--digests", model), DATA, "damaged")

    def test_empty_file(self):
        model = self.folder / "empty.pt"
        model.touch()
        self.assert_refused(model, "empty")

    def test_zip_bomb(self):
        plain = models.save(self.folder / "plain.pt", {"x": torch.zeros(1 << 20)})
        bomb = self.folder / "bomb.pt"
        with zipfile.ZipFile(plain) as old, zipfile.ZipFile(bomb, "w") as new:
            for entry in old.infolist():
                data = old.read(entry)
                if entry.filename.endswith("data/0"):
                    data = bytes(1 << 30)
                new.writestr(zipfile.ZipInfo(entry.filename), data, zipfile.ZIP_DEFLATED, 9)
        self.assertLess(bomb.stat().st_size, 4 << 20)
        self.assert_refused(bomb, before=MEMORY)

    def test_pickle_bomb(self):
        bomb = self.folder / "bomb.pt"
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb/data.pkl", bytes(1 << 30))
        self.assert_refused(bomb, before=MEMORY)

    def test_names_in_a_file_do_not_steer_the_terminal(self):
        red = "\x1b[31m"
        model = models.save(self.folder / "names.pt", {f"{red}a\rb\n": torch.ones(2)})
        table = self.run_command("inspect", model).output
        self.assertEqual(len(table.splitlines()), 3, table)
        hostile = self.folder / "hostile.pt"
        with zipfile.ZipFile(hostile, "w") as archive:
            archive.writestr("hostile/data.pkl", f"\x80\x02c{red}os\nsystem\n.".encode("latin-1"))
        refused = self.run_command("inspect", hostile)
        self.assert_ends(refused, DATA, "os.system")
        for text in (table, refused.words):
            self.assertNotRegex(text, r"[\x00-\x09\x0b-\x1f\x7f]")

    def test_whole_module(self):
        for legacy in (False, True):
            with self.subTest(legacy):
                path = self.folder / f"module{legacy}.pt"
                module = WholeModel(3, 4)
                models.save(path, module, _use_new_zipfile_serialization=not legacy)
                self.assert_refused(path, "WholeModel", "state_dict")

    def test_pickle_of_something_else(self):
        model = self.folder / "list.pt"
        model.write_bytes(pickle.dumps({"weight": [1.0]}))
        self.assert_refused(model, "torch.save")

    def test_no_such_file(self):
        self.assert_refused(self.folder / "none.pt", "none.pt", code=NO_INPUT)

    def test_folder_and_device_in_place_of_a_file(self):
        self.assert_refused(self.folder, "folder", str(self.folder), code=NO_INPUT)
        self.assert_refused("/dev/null", "device", code=NO_INPUT)

    @needs_nobody
    def test_file_that_may_not_be_read(self):
        model = models.save(self.folder / "secret.pt", {"x": torch.ones(1)})
        model.chmod(0o600)
        self.assert_refused(model, "may not read", code=NO_PERMISSION, before=NOBODY)


class UsageTests(ProcessTests):
    def test_usage_errors_are_64_and_say_what_is_meant(self):
        port = "/dev/no-such-port"
        for text, *arguments in [
            ("Usage", "send"), ("Usage", "send", port), ("Usage", "nonsense"),
            ("'twice'", "send", port, DIGITS, "--precision", "twice"),
            ("2 to 8", "send", port, DIGITS, "--quantizer=affine", "--bits=9"),
            ("--quantizer", "send", port, DIGITS, "--bits=4"),
            ("'best'", "send", port, DIGITS, "--codec=best"),
            ("'size'", "send", port, DIGITS, "--order=size"),
            ("to below 1", "send", port, DIGITS, "--prune=1"),
            ("to below 1", "send", port, DIGITS, "--prune=-0.1"),
            ("--prune", "send", port, DIGITS, "--prune=half"),
            ("--quantizer", "plan", DIGITS, "--codec=planes", "--quantizer=affine"),
            ("--order value", "plan", DIGITS, "--order=file", "--priority=a=4"),
            ("replace the model", "plan", DIGITS, f"--plot={DIGITS}"),
            ("replace the model", "plan", DIGITS, "--until=9", f"--out={os.path.relpath(DIGITS)}"),
            ("--priority", "send", port, DIGITS, "--priority=head.*"),
            ("--priority", "send", port, DIGITS, "--priority=head.*=-1"),
            ("--priority", "send", port, DIGITS, "--priority==4"),
            ("--codec planes", "send", port, DIGITS, "--codec=none", "--priority=a=4"),
            ("--codec planes", "send", port, DIGITS, "--codec=deflate", "--order=magnitude"),
            ("--dtype", "receive", port, self.out, "--dtype=int8"),
            ("give one", "receive", port, self.out, "--dtype=f16", "--only-complete"),
            ("go together", "plan", DIGITS, "--until=100"),
            ("go together", "plan", DIGITS, "--out=x"),
            ("--until", "plan", DIGITS, "--until=-1", "--out=x"),
            ("--baud", "plan", DIGITS, "--baud=0"),
            ("not both", "send", port, DIGITS, "--quantizer=affine", "--precision=int8"),
            ("--timeout", "send", port, DIGITS, "--timeout=0"),
            ("--baud", "send", port, DIGITS, "--baud=0"),
            ("--baud", "send", port, DIGITS, "--baud=fast"),
            ("--mtu", "receive", port, self.out, "--mtu=5"),
            ("--unknown", "receive", port, self.out, "--unknown"),
            ("--bit-error-rate", "loopback", "--bit-error-rate=2"),
            ("go together", "loopback", "--cut-after=1"),
        ]:  # fmt: skip
            with self.subTest(arguments):
                self.assert_ends(self.run_command(*arguments), USAGE, text)
        self.assertFalse(self.out.exists())

    def test_help_and_version_are_results(self):
        for arguments in (["--help"], ["--version"], ["send", "--help"], ["loopback", "--help"]):
            command = self.run_command(*arguments)
            self.assertEqual((command.wait(LIMIT), command.words), (OK, ""), command)
            self.assertGreater(len(command.output), 3)

    def test_version_names_the_commit(self):
        words = self.run_command("--version").output
        self.assertRegex(words, r"^\d+\.\d+\.\d+ \([0-9a-f]{12}(-changed)?\)\n$")
