"""Places of a lab: labgrid's own coordinator, exporter and client, and the ser2net that the exporter
starts, all on this machine."""

import os
import signal
import subprocess

import models
from lines import LineTests
from processes import (
    DIGITS, INTERRUPTED, OK, ROOT, TRY_AGAIN, UNAVAILABLE, lasts, wait_until,
)  # fmt: skip
from servers import free_port, is_listening

LABGRID = ROOT / ".venv-labgrid/bin"


class LabTests(LineTests):
    """A place called `board`, whose serial port is the sender's end of the line."""

    def setUp(self):
        super().setUp()
        port = free_port()
        self.environment = {
            **os.environ,
            "PATH": f"{LABGRID}:{os.environ['PATH']}:/usr/sbin",
            "XDG_STATE_HOME": str(self.folder / "state"),
            "LG_COORDINATOR": f"127.0.0.1:{port}",
            "LG_HOSTNAME": "bench",
            "LG_USERNAME": "ann",
        }
        self.environment.pop("LG_PLACE", None)
        self.run_service("labgrid-coordinator", "-l", f"127.0.0.1:{port}")
        wait_until(lambda: is_listening(port), lambda: "the coordinator")

    def run_service(self, *command):
        log = open(self.folder / f"{command[0]}.log", "wb")
        self.addCleanup(log.close)
        # The coordinator keeps its state in the folder that it runs in.
        process = subprocess.Popen(
            [LABGRID / command[0], *command[1:]], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        self.addCleanup(process.wait)
        # On SIGINT an exporter stops the servers that it has started.
        self.addCleanup(process.send_signal, signal.SIGINT)

    def client(self, *arguments, **environment):
        """What labgrid-client says."""
        done = subprocess.run(
            [LABGRID / "labgrid-client", "-p", "board", *arguments], text=True,
            capture_output=True, env={**self.environment, **environment},
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def lay_lab(self, *names, **options):
        """The line, and a place with a port for each of the names; all of them are that one."""
        self.lay_line(**options)
        terminal = os.path.realpath(self.a)
        ports = "".join(
            f"  {name}:\n    cls: RawSerialPort\n    port: {terminal}\n    speed: 115200\n"
            for name in names or ("console",)
        )
        (self.folder / "exporter.yaml").write_text(f"shelf:\n{ports}")
        exporter = ("--name=shelf1", "--hostname=127.0.0.1", "exporter.yaml")
        self.run_service("labgrid-exporter", *exporter)
        self.client("create")
        for name in names or ("console",):
            self.client("add-match", f"shelf1/shelf/NetworkSerialPort/{name}")
            found = f"Matching resource '{name}'"
            wait_until(lambda: found in self.client("show"), lambda: "the exporter")
        self.a = "labgrid://board"

    def send(self, *options, **environment):
        return super().send(*options, env={**self.environment, **environment})

    def assert_send_ends(self, code, *texts, **environment):
        sender = self.send(DIGITS, "--timeout=1", **environment)
        self.assert_ends(sender, code, *texts)

    def holder(self):
        lines = [line.split() for line in self.client("show").splitlines()]
        return next(words[1] for words in lines if words[0] == "acquired:")

    @lasts(40)
    def test_place_is_held_while_it_is_sent_to(self):
        self.lay_lab(baud=230400)
        receiver, sender = self.receive(), self.send(DIGITS)
        sender.wait_for_event("began")
        self.assertEqual(self.holder(), "bench/ann")
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertEqual(models.differences(DIGITS, self.out), [])
        self.assertEqual(sender.events[-1]["port"], self.a)
        self.assertEqual(self.holder(), "None")

        # After an interrupt, too.
        sender = self.send(DIGITS)
        sender.wait_for_event("waiting")
        sender.signal()
        self.assert_ends(sender, INTERRUPTED)
        self.assertEqual(self.holder(), "None")

        # What the user has stays the user's.
        self.client("acquire")
        self.a = "labgrid://"
        self.assert_send_ends(UNAVAILABLE, "no receiver answers", LG_PLACE="board")
        self.assertEqual(self.holder(), "bench/ann")

    @lasts(40)
    def test_place_of_somebody_else(self):
        self.lay_lab()
        self.client("acquire", LG_USERNAME="bob")
        self.assert_send_ends(TRY_AGAIN, "labgrid://board", "acquired by bench/bob")
        # It is waited for where that is wanted.
        sender = self.send(DIGITS, "--timeout=1", "--wait=60")
        sender.wait_for_text("waiting for it")
        self.client("release", LG_USERNAME="bob")
        self.assert_ends(sender, UNAVAILABLE, "no receiver answers")
        self.assertEqual(self.holder(), "None")

        # Bob lets Ann have her way.
        self.client("acquire", LG_USERNAME="bob")
        self.client("allow", "bench/ann", LG_USERNAME="bob")
        self.assert_send_ends(UNAVAILABLE, "no receiver answers")
        self.assertEqual(self.holder(), "bench/bob")

    @lasts(20)
    def test_doctor_looks_at_a_place(self):
        self.lay_lab()
        for code, words in ((UNAVAILABLE, "no receiver answers"), (TRY_AGAIN, "by bench/bob")):
            doctor = self.run_command("doctor", "--json", "labgrid://board", env=self.environment)
            self.assertEqual(doctor.wait(), code, doctor)
            *_, problem, end = doctor.events
            self.assertIn(words, problem["message"])
            self.assertNotIn("--wait", problem["message"])
            if code == UNAVAILABLE:
                self.assertIn("labgrid://board is rfc2217://", doctor.events[0]["message"])
                self.assertEqual(self.holder(), "None")
                self.client("acquire", LG_USERNAME="bob")

    @lasts(40)
    def test_ports_of_a_place(self):
        self.lay_lab("console", "modem")
        self.assert_send_ends(UNAVAILABLE, "several serial ports", "console, modem")
        self.a = "labgrid://board/modem"
        self.assert_send_ends(UNAVAILABLE, "no receiver answers")
        self.a = "labgrid://board/debug"
        self.assert_send_ends(UNAVAILABLE, "no serial port 'debug'", "console, modem")
        self.client("del-match", "shelf1/shelf/NetworkSerialPort/console")
        self.client("del-match", "shelf1/shelf/NetworkSerialPort/modem")
        self.a = "labgrid://board"
        self.assert_send_ends(UNAVAILABLE, "has no serial port")
        self.assertEqual(self.holder(), "None")

    @lasts(10)
    def test_what_is_not_there(self):
        self.a, self.rate = "labgrid://shelf", "--baud=115200"
        self.assert_send_ends(UNAVAILABLE, "labgrid://shelf", "matches nothing")
        self.assert_send_ends(UNAVAILABLE, "labgrid-client: No such file", PATH="/usr/bin:/bin")
        self.assert_send_ends(
            UNAVAILABLE, "LG_COORDINATOR", LG_COORDINATOR=f"127.0.0.1:{free_port()}"
        )
