"""Completions in the shells themselves, and the manual page under the programs that show it."""

import re
import shutil
import subprocess

from processes import LIMIT, OK, ROOT, WTSERIAL, ProcessTests

COMMANDS = {
    "send", "receive", "ports", "doctor", "device", "loopback", "simulate", "inspect", "plan",
}  # fmt: skip


class InstalledTests(ProcessTests):
    def setUp(self):
        super().setUp()
        bin = self.folder / "bin"
        bin.mkdir()
        (bin / "wtserial").symlink_to(WTSERIAL)
        self.path = f"{bin}:/usr/bin:/bin"

    def run_shell(self, *command):
        if shutil.which(command[0]) is None:
            self.fail(f"there is no {command[0]}; Scripts/setup shells installs it")
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT, cwd=self.folder,
            env={"PATH": self.path, "HOME": str(self.folder), "TERM": "dumb"},
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        return done.stdout


class CompletionTests(InstalledTests):
    def script(self, shell, name):
        """The file of completions that users install."""
        command = self.run_command("--generate-completion-script", shell)
        self.assert_ends(command, OK)
        path = self.folder / name
        path.write_text(command.output)
        return path

    def test_bash(self):
        script = self.script("bash", "wtserial.bash")

        def complete(*words):
            return {*self.run_shell("bash", "--norc", "-uc", """
                . "$1"; shift
                complete -p wtserial >/dev/null
                COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
                COMP_TYPE=9 COMP_KEY=9
                "$(complete -p wtserial | sed -n 's/.*-F \\([^ ]*\\).*/\\1/p')" "$1" "${!#}" "${@: -2:1}"
                printf '%s\\n' "${COMPREPLY[@]}"
            """, "bash", script, *words).split()}  # fmt: skip

        self.assertLessEqual(COMMANDS, complete("wtserial", ""))
        self.assertEqual(complete("wtserial", "rec"), {"receive"})
        self.assertLessEqual({"--precision", "--prune", "--priority"},
                             complete("wtserial", "send", "--p"))  # fmt: skip
        # PORT and MODEL are paths most of the time.
        (self.folder / "tty-board").touch()
        for words in ("receive",), ("send",), ("send", "port"), ("send", "model", "--to"):
            self.assertEqual(complete("wtserial", *words, "tty-"), {"tty-board"}, words)
        self.assertEqual(complete("wtserial", "send", "--reset", ""), {"none", "dtr", "rts", "esp"})

    def test_zsh(self):
        script = self.script("zsh", "_wtserial")
        # A terminal of zsh's own, in which somebody types.
        shown = self.run_shell("zsh", "-fc", r"""
            zmodload zsh/zpty
            zpty shell zsh -f
            # -u: the folder of a test lies in one that is open to all.
            zpty -w shell "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D"
            zpty -w shell 'bindkey "^I" complete-word; echo rea""dy'
            zpty -r shell line '*ready*'
            zpty -w -n shell $'wtserial rec\t'
            zpty -r shell line '*receive*'
            zpty -w -n shell $'--only-c\t'
            zpty -r shell more '*--only-complete*'
            print -r -- "$line" "$more"
            zpty -d shell
        """, "zsh", str(script.parent))  # fmt: skip
        self.assertIn("wtserial receive", shown)
        self.assertIn("--only-complete", shown)

    def test_fish(self):
        script = self.script("fish", "wtserial.fish")

        def complete(line):
            text = self.run_shell(
                "fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"
            )
            return {row.split("\t")[0] for row in text.splitlines()}

        self.assertLessEqual(COMMANDS, complete("wtserial "))
        self.assertEqual(complete("wtserial rec"), {"receive"})
        self.assertLessEqual(
            {"--precision", "--prune", "--priority"}, complete("wtserial send --p")
        )


class ManualTests(InstalledTests):
    def setUp(self):
        super().setUp()
        made = self.run_shell(str(ROOT / "Scripts/manual"), WTSERIAL)
        self.page = self.folder / "wtserial.1"
        self.page.write_text(made)

    def test_lint(self):
        self.assertEqual(self.run_shell("mandoc", "-T", "lint", "-W", "warning", self.page), "")

    def test_shown_by_man(self):
        # Warnings go to standard error, where nothing may be.
        shown = self.run_shell("man", "--warnings", "-E", "UTF-8", "-l", self.page)
        shown = re.sub("\N{HYPHEN}\n *", "", re.sub(".\b", "", shown))
        for command in COMMANDS:
            self.assertIn(f"wtserial {command}", shown)
        for text in (
            "--error-correction", "WTSERIAL_PORT", "wtserial.toml", "EXIT STATUS", "130",
            "~/.cache/wtserial/models", "OUT.partial", "OUT.journal", "OUT.base",
        ):  # fmt: skip
            self.assertIn(text, shown)
        synopsis = " ".join(shown.split("SYNOPSIS")[1].split("DESCRIPTION")[0].split())
        for form in (
            "wtserial send PORT MODEL [options]",
            "wtserial send MODEL --to PORT [--to PORT ...] [options]",
            "wtserial send [MODEL] --to @FILE [options]", "wtserial receive PORT OUT [options]",
        ):  # fmt: skip
            self.assertIn(form, synopsis)
        # Defaults look the same, whether or not the parser knows them.
        self.assertNotIn("(default", shown)
        for default in ("receiver. The default is 10.", "sender. The default is for ever."):
            self.assertIn(default, " ".join(shown.split()))
        # Nothing of the markup is left.
        self.assertNotRegex(shown, r"(?m)^\s*\.[A-Z]|\\&|`")
