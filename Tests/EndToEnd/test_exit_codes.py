"""The exit codes of README.md, each in a situation that leads to it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import models
import torch
from lines import LineTests
from processes import DIGITS, NOBODY, OK, ROOT, needs_nobody

# 70 is for what must not happen. 80 takes several boards, which have tests of their own.
ELSEWHERE = {70, 80}


def documented():
    """The codes of the table, and what they mean."""
    rows = (ROOT / "README.md").read_text().split("| exit code | meaning |")[1].split("\n\n")[0]
    return {int(code): text for code, text in re.findall(r"^\| (\d+) \| (.+) \|$", rows, re.M)}


class ExitCodeTests(LineTests):
    def situations(self):
        """Commands by the code that they end with, and a word of what they say."""
        damaged = self.folder / "damaged.pt"
        damaged.write_bytes(b"nonsense")
        settings = self.folder / "project"
        settings.mkdir()
        (settings / "wtserial.toml").write_text("baud = 'fast'\n")
        taken = self.folder / "taken"
        taken.symlink_to(self.terminal())
        return [
            (0, "", ["inspect", DIGITS], {}),
            (64, "Usage", ["send"], {}),
            (64, "four hexadecimal digits", ["send", "usb:1", DIGITS], {}),
            (64, "look swapped", ["send", "model.pt", "/dev/ttyUSB0"], {}),
            (64, "look swapped", ["verify", "model.pt", "/dev/ttyUSB0"], {}),
            (64, "look swapped", ["pull", "out.safetensors", "/dev/ttyUSB0"], {}),
            (66, "no file none.pt", ["plan", DIGITS, "--base", "none.pt"], {}),
            (65, "bad model file", ["inspect", damaged], {}),
            (66, "there is no file", ["inspect", self.folder / "none.pt"], {}),
            (69, "no serial port", ["send", "/dev/no-such-port", DIGITS], {}),
            (69, "no sender appeared", ["receive", self.terminal(), self.out, "--timeout=1"], {}),
            (69, "no receiver answers", ["send", self.terminal(), DIGITS, "--timeout=1"], {}),
            (73, "cannot write", ["receive", self.terminal(), self.folder / "no/out"], {}),
            (74, "Too many open files", ["loopback"], {"before": ["prlimit", "--nofile=4"]}),
            (75, "already links to", ["loopback", "--a", taken], {}),
            (76, "does not speak RFC 2217", ["send", self.listener(), DIGITS], {}),
            (78, "DTR", ["send", self.terminal(), DIGITS, "--reset=dtr"], {}),
            (78, "WTSERIAL_PORT: ", ["send", DIGITS], {"before": ["env", "WTSERIAL_PORT=usb:1"]}),
            (78, "wtserial.toml:1: baud", ["send", "/dev/x", DIGITS], {"cwd": settings}),
        ]

    def terminal(self):
        """A port where nobody is."""
        master, terminal = os.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, terminal)
        return os.ttyname(terminal)

    def listener(self):
        """A server that takes connections and never says anything of RFC 2217."""
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        kept = []

        def run():
            try:
                while True:
                    kept.append(server.accept()[0])
            except OSError:
                pass

        threading.Thread(target=run, daemon=True).start()
        self.addCleanup(lambda: [connection.close() for connection in kept])
        return f"rfc2217://127.0.0.1:{server.getsockname()[1]}?timeout=1"

    # The rest of the codes have tests of their own below; the table has to have all.
    BELOW = {77, 79, 130}

    def test_each_code_of_the_table(self):
        situations = self.situations()
        tested = {code for code, *_ in situations} | self.BELOW
        self.assertEqual(set(documented()) - ELSEWHERE, tested)
        for code, text, arguments, options in situations:
            with self.subTest(code=code, arguments=arguments):
                command = self.run_command(*arguments, **options)
                self.assert_ends(command, code, text)

    def test_manual_of_the_command_names_the_same_codes(self):
        words = " ".join(self.run_command("--help").output.split("Exit codes:")[1].split())
        named = {int(code) for code in re.findall(r"\b(\d+) [A-Za-z]", words.split("OPTIONS")[0])}
        self.assertEqual(named - ELSEWHERE, set(documented()) - ELSEWHERE)

    @needs_nobody
    def test_no_permission_is_77(self):
        secret = models.save(self.folder / "secret.pt", {"x": torch.ones(1)})
        secret.chmod(0o600)
        self.assert_ends(self.run_command("inspect", secret, before=NOBODY), 77, "may not read")

    def test_receiver_that_verifies_another_model_is_79(self):
        self.lay_line()
        model = models.save(self.folder / "small.pt", {"x": torch.arange(6.0)})
        receiver = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("receiver.py"), self.b, self.out, "wrong"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(receiver.stdout.close)
        self.addCleanup(receiver.wait)
        self.addCleanup(receiver.kill)
        receiver.stdout.readline()
        sender = self.send(model)
        self.assert_ends(sender, 79, "verified another model")
        self.assertEqual(sender.events[-1]["exit_code"], 79)

    def test_signals_are_130_but_for_what_runs_until_then(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            receiver = self.start("receive", "--json", self.terminal(), self.out)
            receiver.wait_for_event("waiting")
            receiver.signal(number)
            self.assert_ends(receiver, 130, "interrupted")
            self.assertEqual(receiver.events[-1]["exit_code"], 130)
            line = self.start("loopback", "--json")
            line.wait_for_event("ready")
            line.signal(number)
            self.assert_ends(line, OK)


class SchemaExitCodeTests(LineTests):
    def test_schema_knows_the_codes(self):
        schema = json.loads((ROOT / "Sources/wtserial/events.schema.json").read_text())
        known = set(schema["$defs"]["exit_code"]["enum"])
        self.assertEqual(known - ELSEWHERE, set(documented()) - ELSEWHERE)
