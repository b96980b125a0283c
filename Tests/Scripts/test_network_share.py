"""Does the measuring of ports behind a network measure each, and refuse what it does not know?"""

import unittest

from support import ROOT, SCRIPTS, ScriptTests, run

WTSERIAL = ROOT / ".build/debug/wtserial"


class NetworkShareTests(ScriptTests):
    def test_what_it_does_not_know(self):
        absent = self.root / "absent.pt"
        for words, sentence in {
            ("telnet",): "no way is called telnet; there are direct, tcp, rfc2217, labgrid",
            ("--model", absent): f"there is no file {absent}",
            ("--times", "0"): "numbers above 0",
        }.items():
            with self.subTest(words):
                status, output = run(SCRIPTS / "network-share", *words)
                self.assertEqual(status, 2)
                self.assertIn(sentence, output)

    @unittest.skipUnless(WTSERIAL.exists(), "needs the debug build")
    def test_each_way_has_its_row(self):
        model = self.root / "model.bin"
        model.write_bytes(bytes(range(256)) * 8)
        words = ("--times=1", "--baud=230400", "--model", model)
        status, output = run(SCRIPTS / "network-share", *words, WTSERIAL=str(WTSERIAL))
        self.assertEqual(status, 0, output)
        rows = [line.split() for line in output.splitlines() if " 230400 " in line]
        self.assertEqual([row[0] for row in rows], ["direct", "tcp", "rfc2217", "labgrid"])
        for row in rows:
            self.assertTrue(0 < float(row[3]) <= 1, row)
