"""Processes that tests start, and never leave behind; every wait has an end."""

import functools
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import schema

ROOT = Path(__file__).resolve().parents[2]
WTSERIAL = os.path.abspath(os.environ.get("WTSERIAL", ROOT / ".build/debug/wtserial"))
DIGITS = ROOT / "Tests/Fixtures/Digits/digits.pt"
# Far longer than anything here takes: a machine may have much else to do.
LIMIT = 120
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]

# Exit codes, by the names of sysexits(3) where they have one.
OK, USAGE, DATA, NO_INPUT, UNAVAILABLE, CANNOT_CREATE = 0, 64, 65, 66, 69, 73
TRY_AGAIN, BAD_PROTOCOL, NO_PERMISSION, CONFIGURATION, INTERRUPTED = 75, 76, 77, 78, 130


def wait_until(condition, what, limit=LIMIT):
    """Waits for `condition()` to be true, and returns what it was."""
    end = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit} s in vain for {what()}")
        time.sleep(0.01)
    return value


class Command:
    """A running `wtserial`. Its output goes to files, so that nobody has to read it in time."""

    def __init__(self, folder, *arguments, before=(), **options):
        self.arguments = [str(argument) for argument in arguments]
        handle, path = tempfile.mkstemp(prefix=self.arguments[0], suffix=".log", dir=folder)
        os.close(handle)
        self.files = {"stdout": Path(path), "stderr": Path(path + ".err")}
        # What a command remembers stays in the test, of which several run in one process.
        environment = {
            **{name: value for name, value in os.environ.items() if name[:9] != "WTSERIAL_"},
            "XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }  # fmt: skip
        with open(path, "wb") as out, open(path + ".err", "wb") as err:
            self.process = subprocess.Popen(
                [*before, WTSERIAL, *self.arguments],
                **{
                    "stdin": subprocess.DEVNULL, "stdout": out, "stderr": err, "env": environment,
                    **options,
                },  # fmt: skip
            )

    @property
    def output(self):
        return self.files["stdout"].read_text()

    @property
    def words(self):
        return self.files["stderr"].read_text()

    @property
    def events(self):
        """The lines of --json that are complete."""
        lines = self.output.splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def __str__(self):
        status = self.process.poll()
        return f"wtserial {' '.join(self.arguments)}: {status}\n{self.output}{self.words}"

    def wait_for_text(self, text):
        def seen():
            assert text in self.output + self.words or self.process.poll() is None, self
            return text in self.output + self.words

        wait_until(seen, lambda: f"{text!r} of {self}")
        return self

    def wait_for_event(self, name, condition=lambda event: True):
        def seen():
            ended = self.process.poll() is not None
            found = [e for e in self.events if e["event"] == name and condition(e)]
            assert found or not ended, f"no {name} of {self}"
            return found

        return wait_until(seen, lambda: f"{name} of {self}")[0]

    def wait(self, limit=LIMIT):
        """Waits for the end and returns the exit code."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end: {self}") from None

    def kill(self):
        """Ends it as a crash or the OOM killer would."""
        self.process.kill()
        self.process.wait()

    def signal(self, number=signal.SIGINT):
        self.process.send_signal(number)


class ProcessTests(unittest.TestCase):
    """Each test has a folder of its own, and ends what it has started."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="wtserial-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o755)  # Some commands run as nobody.
        self.out = self.folder / "out.safetensors"

    def start(self, *arguments, **options):
        command = Command(self.folder, *arguments, **options)
        if "--json" in command.arguments:
            self.addCleanup(self.check_events, command)
        self.addCleanup(command.kill)
        return command

    def check_events(self, command):
        """Whatever a test is about, each line of --json is what the schema says."""
        for event in command.events:
            self.assertEqual(schema.faults(event), [], event)

    def run_command(self, *arguments, **options):
        command = self.start(*arguments, **options)
        command.wait()
        return command

    def assert_ends(self, command, code, *texts):
        """It ends with this exit code and a sentence that has all the texts."""
        found = command.wait()
        self.assertEqual(found, code, command)
        for text in texts:
            self.assertIn(text, command.words, command)
        if code not in (OK, USAGE):
            last = command.words.splitlines()[-1]
            self.assertTrue(last.startswith("wtserial: "), command)
            # Names of Swift's types are for programmers.
            for leak in ("Error(", "Runtime.", "Optional(", "SystemPackage."):
                self.assertNotIn(leak, last, command)


def needs_root(test):
    """For what only root can set up: another user, a small disk."""

    @functools.wraps(test)
    def wrapper(self, *arguments):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        test(self, *arguments)

    return wrapper


def needs_nobody(test):
    """For what is to be refused, which root never is."""

    @needs_root
    @functools.wraps(test)
    def wrapper(self, *arguments):
        probe = subprocess.run([*NOBODY, WTSERIAL, "--version"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest("nobody cannot run the command where it is built")
        test(self, *arguments)

    return wrapper


def needs_mounts(test):
    """For folders of a kind that the machine does not happen to have."""

    @needs_root
    @functools.wraps(test)
    def wrapper(self, *arguments):
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
            self.skipTest("cannot mount here")
        test(self, *arguments)

    return wrapper


def lasts(seconds):
    """Says that a test is a long one: it then starts early."""

    def mark(test):
        test.seconds = seconds
        return test

    return mark


def alone(test):
    """Says that a test measures time: it runs when no other does."""
    test.is_alone = True
    return test
