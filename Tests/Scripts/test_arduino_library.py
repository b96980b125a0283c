"""Does the Arduino library go where it is to go, and nowhere else?"""

import subprocess

from support import ROOT, SCRIPTS, ScriptTests, run

SCRIPT = SCRIPTS / "arduino-library"
COMPILED = (".c", ".cc", ".cpp", ".cxx", ".S")


class ArduinoLibraryTests(ScriptTests):
    def test_library_is_complete(self):
        status, output = run(SCRIPT, self.root)
        self.assertEqual((status, output), (0, f"{self.root}/wtserial\n"))
        library = self.root / "wtserial"
        receiver = ROOT / "Hardware/c"
        sources = [*receiver.glob("wtserial.*"), *receiver.glob("parts/*")]
        for source in sources:
            copy = library / "src" / source.relative_to(receiver)
            self.assertEqual(copy.read_bytes(), source.read_bytes())
        # Arduino compiles all of these endings, in folders below `src`, too.
        compiled = [p.name for p in (library / "src").rglob("*") if p.suffix in COMPILED]
        self.assertEqual(compiled, ["wtserial.c"])
        example = {path.name for path in (library / "examples/Receive").iterdir()}
        self.assertLess({"Receive.ino", "table.h"}, example)

    def test_folder_may_be_relative(self):
        done = subprocess.run([SCRIPT, "libraries"], cwd=self.root, capture_output=True, check=True)
        self.assertTrue((self.root / "libraries/wtserial/library.properties").is_file(), done)

    def test_help_and_what_is_no_folder(self):
        status, output = run(SCRIPT, "--help", HOME=self.root)
        self.assertEqual(status, 0)
        self.assertIn("usage: Scripts/arduino-library [FOLDER]", output)
        for words, sentence in {("--force",): "no option --force", ("a", "b"): "one folder"}.items():
            status, output = run(SCRIPT, *words, HOME=self.root)
            self.assertEqual(status, 64)
            self.assertIn(sentence, output)
        self.assertEqual(list(self.root.iterdir()), [])
