"""Progress as people see it: in tmux of several widths and while it is resized, on terminals that
cannot go back in a line, and in a log."""

import os
import re
import time

from lines import LineTests
from processes import DIGITS, OK, lasts, wait_until
from terminals import Screen, Tmux

PROGRESS = re.compile(r"(\[#*-*\] )? {0,2}\d+ ?%")
# What would be left of it in other lines.
REMAINS = r"ETA|##|--|/s|%|resent"


class TmuxTests(LineTests):
    def start_sender(self, columns, baud=230400):
        self.lay_line("--bit-error-rate=2e-6", "--seed=5", baud=baud)
        receiver = self.receive()
        self.tmux = Tmux(self.folder, columns, "send", self.rate, self.a, DIGITS)
        self.addCleanup(self.tmux.close)
        return receiver

    def progress_on(self, columns):
        """The line of progress, none while something else is said; it is the last one, fits, and left
        nothing elsewhere."""
        lines = self.tmux.lines()
        progress = [line for line in lines if PROGRESS.match(line)]
        rest = [line for line in lines if line not in progress]
        # The end is told with a rate and a share of its own.
        if any(line.startswith(("done: ", "163 kB as ")) for line in rest):
            return []
        self.assertNotRegex("\n".join(rest), REMAINS)
        self.assertLessEqual(len(progress), 1, lines)
        for line in progress:
            self.assertLess(len(line), columns, lines)
            self.assertEqual(line, lines[-1])
        return progress

    def wait_for_width(self, columns):
        """Until the line has been drawn on a terminal of this width."""

        def drawn():
            progress = [line for line in self.tmux.lines() if PROGRESS.match(line)]
            return progress and all(len(line) < columns for line in progress)

        wait_until(drawn, lambda: "\n".join(self.tmux.lines()))

    def watch(self, columns, count):
        """Looks at the screen until `count` different lines of progress have been seen."""
        seen = set()

        def enough():
            seen.update(self.progress_on(columns))
            return len(seen) >= count

        wait_until(enough, lambda: "\n".join([*self.tmux.lines(), *sorted(seen)]))
        return seen

    def end(self, receiver):
        self.assert_ends(receiver, OK)
        lines = wait_until(
            lambda: [line for line in self.tmux.lines() if line.startswith("done: ")],
            lambda: "\n".join(self.tmux.lines()),
        )
        self.assertEqual(len(lines), 1)
        self.assertFalse([line for line in self.tmux.lines() if PROGRESS.match(line)])

    def check(self, columns, *patterns):
        receiver = self.start_sender(columns)
        seen = self.watch(columns, 8)
        for pattern in patterns:
            self.assertTrue(any(re.search(pattern, line) for line in seen), (pattern, seen))
        self.end(receiver)
        return seen

    @lasts(8)
    def test_40_columns(self):
        for line in self.check(40, r"ETA \d+ s$", r"kB"):
            self.assertNotIn("#", line)

    @lasts(8)
    def test_80_columns(self):
        seen = self.check(80, r"kB/s", r"ETA \d+ s$", r"% of line", r"small|int\d")
        self.assertTrue(all(line.startswith("[") for line in seen), seen)

    @lasts(8)
    def test_132_columns(self):
        figures = r"^\[[#-]{28}\] +\d+ %  [\d.]+ kB of 13\d kB  int\d  [\d.]+ kB/s \(\d+ % of line\)"
        self.check(132, figures + r"  .*ETA \d+ s$")

    @lasts(8)
    def test_7_columns(self):
        self.check(7, r"^ *\d+ %$")

    @lasts(14)
    def test_resize_in_the_middle(self):
        receiver = self.start_sender(132, baud=115200)
        self.watch(132, 4)
        for columns in (40, 100, 61):
            self.tmux.resize(columns)
            self.wait_for_width(columns)
            self.watch(columns, 6)
        self.end(receiver)


class BareTests(LineTests):
    def shown(self, columns=80, **environment):
        """All that a sender writes to a terminal."""
        self.lay_line(baud=230400)
        screen = Screen(columns)
        receiver = self.receive()
        state = {"XDG_STATE_HOME": str(self.folder / "state")}
        sender = self.start(
            "send", self.rate, self.a, DIGITS, stderr=screen.terminal,
            env={**os.environ, **state, **environment},
        )  # fmt: skip
        self.assertEqual(sender.wait(), OK)
        self.assert_ends(receiver, OK)
        return screen.close().replace("\r\n", "\n")

    @lasts(7)
    def test_line_changes_in_place_and_goes_in_the_end(self):
        shown = self.shown(TERM="xterm")
        # The cursor waits where the line begins.
        states = re.findall(r"\r([^\r\n\x1b]+)\x1b\[J\r", shown)
        self.assertGreater(len(states), 20, shown)
        for state in states:
            self.assertLess(len(state), 80, state)
            # Cut between figures, not within one.
            self.assertRegex(state, r"(B|s|line\)|resent|%|\d|small|fine|complete)$")
        percents = [int(re.search(r"(\d+) %", state)[1]) for state in states]
        self.assertEqual(percents, sorted(percents))
        # What is said stands in lines of its own, with nothing of the progress in it.
        rest = re.sub(r"\r[^\r\n\x1b]*\x1b\[J\r?", "", shown)
        self.assertNotIn("ETA", rest)
        self.assertNotRegex(rest, r"[\x1b\r]")
        self.assertEqual(rest.count("\nreached "), 9, rest)

    @lasts(7)
    def test_words_of_a_command_stand_in_lines_of_their_own(self):
        self.lay_line(baud=230400)
        screen = Screen(80)
        # Slowly and in parts, while the line changes; the last words without an end of line.
        script = "printf 'tried '; sleep 0.3; echo $WTSERIAL_MILESTONE; printf rest; :"
        state = {"XDG_STATE_HOME": str(self.folder / "state"), "TERM": "xterm"}
        receiver = self.start(
            "receive", self.rate, self.b, self.out, "--on-milestone", script,
            stderr=screen.terminal, env={**os.environ, **state},
        )  # fmt: skip
        sender = self.send(DIGITS)
        self.assert_ends(sender, OK)
        self.assertEqual(receiver.wait(), OK)
        shown = screen.close().replace("\r\n", "\n")
        self.assertGreater(len(re.findall(r"\r([^\r\n\x1b]+)\x1b\[J\r", shown)), 20, shown)
        rest = re.sub(r"\r[^\r\n\x1b]*\x1b\[J\r?", "", shown)
        self.assertNotRegex(rest, r"[\x1b\r]|ETA")
        lines = rest.splitlines()
        tried = [line for line in lines if "tried" in line]
        self.assertGreater(len(tried), 2, shown)
        for line in tried:
            self.assertRegex(line, r"^tried (small|int\d|fine|complete)$")
        self.assertEqual(tried[-1], "tried complete")
        self.assertEqual(lines.count("rest"), len(tried), shown)

    @lasts(7)
    def test_a_command_that_says_much_goes_on(self):
        """More than a pipe holds, while nobody else has anything to say."""
        self.lay_line(baud=921600)
        screen = Screen(80)
        state = {"XDG_STATE_HOME": str(self.folder / "state"), "TERM": "xterm"}
        receiver = self.start(
            "receive", self.rate, self.b, self.out, "--only-complete",
            "--on-milestone=seq 100000; echo end; :",
            stderr=screen.terminal, env={**os.environ, **state},
        )  # fmt: skip
        self.assert_ends(self.send(DIGITS), OK)
        self.assertEqual(receiver.wait(), OK)
        lines = screen.close().replace("\r\n", "\n").splitlines()
        numbers = [int(line) for line in lines if line.isdigit()]
        self.assertEqual(numbers, list(range(1, 100001)))
        self.assertEqual(lines.count("end"), 1)

    @lasts(7)
    def test_no_colours(self):
        shown = self.shown(TERM="xterm-256color", COLORTERM="truecolor")
        self.assertIn("\x1b[J", shown)
        self.assertNotRegex(shown, r"\x1b\[[\d;]*m")

    @lasts(7)
    def test_no_colours_where_none_are_wanted(self):
        shown = self.shown(TERM="xterm", NO_COLOR="1")
        self.assertIn("\x1b[J", shown)
        self.assertNotRegex(shown, r"\x1b\[[\d;]*m")

    @lasts(7)
    def test_dumb_terminal_gets_lines(self):
        shown = self.shown(TERM="dumb")
        self.assertNotRegex(shown, r"[\x1b\r]")
        self.assertRegex(shown, r"(?m)^ +\d+ %  .* kB/s .*ETA \d+ s$")

    @lasts(7)
    def test_log_gets_a_line_now_and_then(self):
        self.lay_line(baud=230400)
        receiver = self.receive()
        start = time.monotonic()
        sender = self.start("send", self.rate, self.a, DIGITS)
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertNotRegex(sender.words, r"[\x1b\r]")
        lines = re.findall(r"(?m)^ +\d+ %  .* kB/s .*ETA \d+ s$", sender.words)
        self.assertGreater(len(lines), 1, sender)
        self.assertLessEqual(len(lines), (time.monotonic() - start) / 2 + 1, sender)
