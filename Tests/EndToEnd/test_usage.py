"""What is told of a command line that makes no sense: which word is wrong, and what is right."""

import os
import pty
import re
import subprocess

import models
from processes import CANNOT_CREATE, DATA, DIGITS, NO_INPUT, OK, UNAVAILABLE, USAGE, WTSERIAL
from processes import ProcessTests


class UsageTests(ProcessTests):
    def refusal(self, *arguments):
        """What is said of wrong usage, in one line."""
        command = self.run_command(*arguments)
        self.assertEqual(command.wait(), USAGE, command)
        self.assertEqual(command.output, "")
        return " ".join(command.words.split())

    def test_option_that_does_not_exist(self):
        for command in ("send", "receive", "device", "inspect", "plan", "simulate", "doctor"):
            for words in ((), ("x",)):
                told = self.refusal(command, *words, "--what-is-it")
                self.assertIn("Unknown option '--what-is-it'", told)
        self.assertIn("Unknown option '--bauds'. Did you mean '--baud'?",
                      self.refusal("send", "--bauds=1"))  # fmt: skip
        # The nearest option of the command may be far from what was meant.
        self.assertIn("'--halp'. Did you mean '--help'?", self.refusal("send", "--halp"))
        self.assertNotIn("Did you mean", self.refusal("send", "a", "b", "--what-is-it"))
        # What is really missing is still told.
        self.assertIn("Give PORT and MODEL", self.refusal("send", "--baud=9600"))
        self.assertIn("Missing expected argument '<out>'", self.refusal("receive", "x"))

    def test_command_that_does_not_exist(self):
        for words in ("foo",), ("help", "foo"), ("foo", "--help"):
            told = self.refusal(*words)
            self.assertIn("Unknown command 'foo'. There are send, receive, ports", told)
        for word, near in (("sned", "send"), ("recieve", "receive"), ("sim", "simulate"),
                           ("port", "ports"), ("hepl", "help"), ("version", "--version")):  # fmt: skip
            self.assertIn(f"Did you mean '{near}'?", self.refusal(word))
            self.assertIn(f"Did you mean '{near}'?", self.refusal("help", word))
        for words in ("help",), ("help", "send"), ("--help",), ("--version",):
            self.assert_ends(self.run_command(*words), OK)

    def test_port_and_file_that_are_swapped(self):
        ends = pty.openpty()
        for end in ends:
            self.addCleanup(os.close, end)
        terminal = os.ttyname(ends[1])
        link = self.folder / "board"
        link.symlink_to(terminal)
        for port in (terminal, str(link), "/dev/ttyUSB77", "/dev/left-arm", "usb:0403:6001", "tcp://host:1", "auto"):
            self.assertIn(f"PORT and MODEL look swapped: {port} is a port",
                          self.refusal("send", "model.pt", port))  # fmt: skip
            self.assertIn(f"`wtserial receive {port} {self.out}`",
                          self.refusal("receive", self.out, port))  # fmt: skip
            self.assertIn(f"`wtserial send model.pt --to {port}`",
                          self.refusal("send", port, "--to", "model.pt"))  # fmt: skip
        # What is none, or only may be.
        none = "/dev/no-such-port"
        for arguments, code in (
            (("send", none, self.folder / "none.pt"), NO_INPUT), (("send", none, DIGITS), UNAVAILABLE),
            (("send", "left-arm", "/dev/shm/none.pt"), NO_INPUT),
            (("send", none, "/dev/null"), NO_INPUT), (("receive", none, "/dev/null"), CANNOT_CREATE),
        ):  # fmt: skip
            self.assert_ends(self.run_command(*arguments), code)
        named_so = models.save(self.folder / "auto", models.small_network().state_dict())
        self.assert_ends(self.run_command("send", none, named_so), UNAVAILABLE)

    def test_number_with_a_sign(self):
        for options in ("--drop-rate", "--bit-error-rate", "--latency-ms", "--batch-ms", "--fifo"):
            told = self.refusal("loopback", options, "-1")
            self.assertNotIn("Missing value", told)
        self.assertIn("are not negative", self.refusal("loopback", "--cut-after", "-1", "--cut-for", "1"))

    def test_name_that_is_none_of_a_port_here(self):
        for name, told in (("ttyUSB0", "did you mean /dev/ttyUSB0?"), ("COM3", "a name of Windows"),
                           ("com12:", "a name of Windows")):  # fmt: skip
            for command in ("send", name, DIGITS), ("receive", name, self.out):
                self.assert_ends(self.run_command(*command), UNAVAILABLE, told)
            self.assertIn(told, " ".join(self.run_command("doctor", name).output.split()))

    def test_step_of_a_reset_that_does_not_exist(self):
        for sequence, step in (("D0|X1|R0", "step 2, 'X1'"), ("esp32", "step 1, 'esp32'"),
                               ("D0|W11", "step 2, 'W11'")):  # fmt: skip
            told = self.refusal("send", "/dev/x", DIGITS, "--reset", sequence)
            self.assertIn(f"{step}, is none; a sequence has D0, D1 (DTR), R0, R1 (RTS)", told)
            self.assertIn("none, dtr, rts, esp are names", told)

    def test_lines_are_no_wider_than_the_terminal(self):
        for arguments in (
            ("send", "a", "b", "--reset=D9"), ("send", "a", "b", "--precision=int3"), ("receive",),
            ("foo",), ("send", "model.pt", "/dev/ttyUSB0"),
        ):  # fmt: skip
            words = self.run_command(*arguments).words
            self.assertLessEqual(max(map(len, words.splitlines())), 80, words)

    def test_width_of_a_terminal(self):
        master, terminal = pty.openpty()
        self.addCleanup(os.close, master)
        subprocess.run(["stty", "cols", "50"], stdin=terminal, check=True)
        command = [WTSERIAL, "send", "a", "b", "--reset=D9"]
        self.assertEqual(subprocess.run(command, stderr=terminal).returncode, USAGE)
        os.close(terminal)
        shown = b""
        try:
            while part := os.read(master, 4096):
                shown += part
        except OSError:
            pass  # The other end is closed.
        error, help = re.match("(Error: .*?)(Help:  .*?)Usage: ", shown.decode(), re.S).groups()
        for line in (error + help).splitlines():
            self.assertLessEqual(len(line), 50)
        self.assertGreater(len(error.splitlines()), 2)


class HelpTests(ProcessTests):
    def test_port_has_all_its_forms(self):
        for command in ("send", "receive", "device", "doctor"):
            help = " ".join(self.run_command(command, "--help").output.split())
            for form in (
                "usb:VID:PID[-INTERFACE][:SERIAL]", "usb:0403:6010-01", "serial:NUMBER",
                "at:SOCKET[:INTERFACE]", "at:1-4.2:1.0", "auto", "rfc2217://HOST:PORT[?OPTIONS]",
                "tcp://HOST:PORT", "labgrid://[PLACE][/NAME]",
            ):  # fmt: skip
                self.assertIn(form, help)

    def test_defaults_are_told_in_one_way(self):
        for command in ("send", "receive", "device", "plan", "simulate"):
            help = " ".join(self.run_command(command, "--help").output.split())
            for other in ("if not given", "the default", "without it, for ever"):
                self.assertNotIn(other, help)


class ShortFileTests(ProcessTests):
    def test_file_that_is_shorter_than_its_header(self):
        path = self.folder / "short.safetensors"
        path.write_bytes(b"abc")
        self.assert_ends(self.run_command("inspect", path), DATA, f"{path}: it has 3 bytes",
                         "header of at least 10", "8 bytes of length, then JSON")  # fmt: skip
        path.write_bytes(bytes([200, 0, 0, 0, 0, 0, 0, 0]) + b"{}")
        self.assert_ends(self.run_command("inspect", path), DATA, "it has 10 bytes", "at least 208")
