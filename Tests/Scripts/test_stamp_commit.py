"""Is the commit that is built the one that --version names?"""

import shutil

from support import SCRIPTS, ScriptTests, run


class StampTests(ScriptTests):
    def setUp(self):
        super().setUp()
        self.write("copy/Scripts/.keep", "")
        self.write("copy/file", "as it was\n")
        self.copy, self.out = self.root / "copy", self.root / "made/Commit.swift"
        shutil.copy(SCRIPTS / "stamp-commit", self.copy / "Scripts")

    def git(self, *words):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        status, output = run("git", "-C", self.copy, *identity, *words)
        self.assertEqual(status, 0, output)
        return output.strip()

    def stamp(self):
        status, output = run(self.copy / "Scripts/stamp-commit", self.out)
        self.assertEqual((status, output), (0, ""))
        return self.out.read_text().splitlines()[-1].removeprefix("let builtCommit: String? = ")

    def commit(self):
        self.git("init", "-q")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "All")
        return self.git("rev-parse", "--short=12", "HEAD")

    def test_commit_and_changes(self):
        name = self.commit()
        self.assertEqual(self.stamp(), f'"{name}"')
        self.write("copy/notes", "of nobody's business\n")
        self.assertEqual(self.stamp(), f'"{name}"')
        self.write("copy/file", "changed\n")
        self.assertEqual(self.stamp(), f'"{name}-changed"')

    def test_nothing_is_written_where_nothing_has_changed(self):
        self.commit()
        self.stamp()
        written = self.out.stat().st_mtime_ns
        self.stamp()
        self.assertEqual(self.out.stat().st_mtime_ns, written)

    def test_without_git(self):
        self.assertEqual(self.stamp(), "nil")

    def test_within_somebody_elses_repository(self):
        name = self.commit()
        inner = self.copy / "inner"
        shutil.copytree(self.copy / "Scripts", inner / "Scripts")
        status, _ = run(inner / "Scripts/stamp-commit", self.out)
        self.assertEqual(status, 0)
        self.assertNotIn(name, self.out.read_text())
