"""Do the builder of firmware and the emulator refuse what they cannot do?"""

from support import SCRIPTS, ScriptTests, run


class FirmwareTests(ScriptTests):
    def test_what_is_not_there_is_refused(self):
        absent = self.root / "absent"
        for words, sentence in {
            ("firmware", "abacus"): "choose from 'avr-mega', 'avr-uno', 'microbit'",
            ("firmware", "microbit", absent): f"there is no program {absent}; there are checksum, digits, echo",
            ("firmware", "avr-uno", "checksum"): "there is no Swift for avr-uno",
            ("emulate", "microbit", absent): f"there is no file {absent}",
            ("emulate", "microbit", __file__, "--flash", absent): "cannot be kept in a file",
            ("emulate", "avr-uno", __file__, "--flash", absent): "simavr has no --flash",
        }.items():
            with self.subTest(words):
                status, output = run(SCRIPTS / words[0], *words[1:])
                self.assertNotEqual(status, 0)
                self.assertIn(sentence, output)
