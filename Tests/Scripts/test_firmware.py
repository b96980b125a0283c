"""Do the builder of firmware and the emulator refuse what they cannot do?"""

from support import SCRIPTS, ScriptTests, run


class FirmwareTests(ScriptTests):
    def test_what_is_not_there_is_refused(self):
        absent = self.root / "absent"
        for words, sentence in {
            ("firmware", "abacus"): "choose from 'microbit', 'mps2-an385'",
            ("firmware", "microbit", absent): f"there is no program {absent}; there are checksum, echo",
            ("emulate", "microbit", absent): f"there is no file {absent}",
            ("emulate", "microbit", __file__, "--flash", absent): "cannot be kept in a file",
        }.items():
            with self.subTest(words):
                status, output = run(SCRIPTS / words[0], *words[1:])
                self.assertNotEqual(status, 0)
                self.assertIn(sentence, output)
