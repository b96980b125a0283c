"""Does the runner of all tests count rightly, and show what failed and only that?"""

import os
import shutil

from support import SCRIPTS, ScriptTests, run


class RunnerTests(ScriptTests):
    """The real runner among stand-ins for all that it calls."""

    def run_suites(self, **suites):
        (self.root / "Scripts").mkdir()
        shutil.copy(SCRIPTS / "test", self.root / "Scripts/test")
        self.write_executable("Scripts/setup", "true")
        self.write_executable("Scripts/test-swift", "echo '3 passed, 0 failed'")
        self.write_executable("bin/swift", "echo /build")
        for name, commands in suites.items():
            self.write_executable(f"Tests/{name}/run", commands)
        path = f"{self.root}/bin:{os.environ['PATH']}"
        return run(self.root / "Scripts/test", PATH=path)

    def write_executable(self, path, commands):
        self.write(path, f"#!/bin/sh\n{commands}\n")
        (self.root / path).chmod(0o755)

    def test_suites_that_pass_are_silent_and_added_up(self):
        outcome = self.run_suites(One="echo fine; echo '2 passed, 0 failed, 1 skipped'")
        self.assertEqual(outcome, (0, "5 passed, 0 failed\n"))

    def test_failure_is_shown_and_counted_and_does_not_stop_the_next_suite(self):
        status, output = self.run_suites(
            One="echo a reason; echo '1 passed, 2 failed'; exit 1", Two="echo '1 passed, 0 failed'"
        )
        self.assertEqual(status, 1)
        self.assertIn("Tests/One/run, exit status 1:\na reason\n", output)
        self.assertTrue(output.endswith("\n5 passed, 2 failed\n"), output)

    def test_suite_that_breaks_off_fails(self):
        status, output = self.run_suites(One="echo '1 passed, 0 failed'; echo crash; exit 139")
        self.assertEqual(status, 1)
        self.assertIn("crash", output)
        self.assertTrue(output.endswith("\n3 passed, 1 failed\n"), output)

    def test_suite_that_runs_nothing_fails(self):
        status, output = self.run_suites(One="echo '0 passed, 0 failed'")
        self.assertEqual(status, 1)
        self.assertTrue(output.endswith("\n3 passed, 1 failed\n"), output)

    def test_suite_finds_the_command_and_python(self):
        one = 'echo "$WTSERIAL $PYTHON"; echo "0 passed, 1 failed"'
        _, output = self.run_suites(One=one)
        self.assertIn(f"/build/wtserial {self.root}/.venv/bin/python\n", output)
