"""The script that makes the manual page, where there is no command to ask."""

from support import SCRIPTS, ScriptTests, run


class ManualTests(ScriptTests):
    def test_command_that_is_not_built(self):
        missing = str(self.root / "wtserial")
        status, text = run(SCRIPTS / "manual", missing)
        self.assertEqual(status, 1)
        self.assertNotIn("Traceback", text)
        self.assertIn(f"cannot run {missing}: No such file", text)
        self.assertIn("swift build -c release --product wtserial", text)
