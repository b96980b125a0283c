"""Does the installer say what is wrong?"""

import os

from support import SCRIPTS, ScriptTests, run


class SetupTests(ScriptTests):
    def test_old_swift_is_named_with_where_to_get_a_newer_one(self):
        self.write("swift", "#!/bin/sh\necho 'Swift version 6.1.3 (swift-6.1.3-RELEASE)'\n")
        (self.root / "swift").chmod(0o755)
        status, output = run(SCRIPTS / "setup", "build", PATH=f"{self.root}:{os.environ['PATH']}")
        self.assertEqual(status, 1)
        self.assertIn("swift is 6.1.3; get 6.2 or later", output)

    def test_unknown_part_is_refused(self):
        status, output = run(SCRIPTS / "setup", "everything")
        self.assertEqual(status, 1)
        self.assertIn("no part is called everything", output)
