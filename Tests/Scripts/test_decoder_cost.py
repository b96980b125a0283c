"""Does the count of instructions refuse what it cannot measure, before it builds anything?"""

from support import SCRIPTS, ScriptTests, run


class DecoderCostTests(ScriptTests):
    def test_absent_model_and_unknown_option_are_refused(self):
        absent = self.root / "absent.pt"
        for words, sentence in {
            (absent,): f"there is no file {absent}",
            ("--fast",): "unrecognized arguments: --fast",
        }.items():
            with self.subTest(words):
                status, output = run(SCRIPTS / "decoder-cost", *words)
                self.assertEqual(status, 2)
                self.assertIn(sentence, output)
