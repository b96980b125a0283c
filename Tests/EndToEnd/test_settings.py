"""What is set outside of the command line: by the environment, by a project's file, by the user's."""

import re

import models
from lines import LineTests
from processes import CONFIGURATION, DIGITS, NO_INPUT, OK, ROOT, UNAVAILABLE, USAGE

PORTS = ("/dev/no-port-a", "/dev/no-port-b", "/dev/no-port-c", "/dev/no-port-d")


class SettingsTests(LineTests):
    def setUp(self):
        super().setUp()
        self.project = self.folder / "project"
        self.below = self.project / "a/b"
        self.below.mkdir(parents=True)
        self.user = self.folder / "config/wtserial/config.toml"
        self.user.parent.mkdir(parents=True)

    def run_below(self, *arguments, **variables):
        """Runs a command in a folder of the project, with variables in its environment."""
        before = ["env", *(f"{name}={value}" for name, value in variables.items())]
        return self.run_command(*arguments, before=before, cwd=self.below)

    def assert_port(self, port, *arguments, **variables):
        command = self.run_below(*arguments, DIGITS, **variables)
        self.assert_ends(command, UNAVAILABLE, f"no serial port {port};")

    def write(self, text):
        self.file = self.project / "wtserial.toml"
        self.file.write_text(text)

    def test_flag_then_environment_then_project_then_user(self):
        given, variable, project, user = PORTS
        self.assert_ends(self.run_below("send", DIGITS), USAGE, "Usage")
        self.user.write_text(f"port = '{user}'\n")
        self.assert_port(user, "send")
        self.write(f"port = '{project}'\n")
        self.assert_port(project, "send")
        self.assert_port(variable, "send", WTSERIAL_PORT=variable)
        self.assert_port(given, "send", given, WTSERIAL_PORT=variable)
        # Set to nothing is not set.
        self.assert_port(project, "send", WTSERIAL_PORT="")

    def test_nearest_file_of_a_project(self):
        self.write(f"port = '{PORTS[0]}'\n")
        (self.below / "wtserial.toml").write_text(f"port = '{PORTS[1]}'\n")
        self.assert_port(PORTS[1], "send")

    def test_user_file_without_xdg(self):
        folder = self.folder / "home/.config/wtserial"
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text(f"port = '{PORTS[0]}'\n")
        home = {"HOME": self.folder / "home", "XDG_CONFIG_HOME": ""}
        self.assert_port(PORTS[0], "send", **home)

    def test_table_of_a_command_is_for_that_one(self):
        self.write(f"port = '{PORTS[0]}'\n[receive]\nport = '{PORTS[1]}'\n")
        self.assert_port(PORTS[0], "send")
        command = self.run_below("receive", self.out)
        self.assert_ends(command, UNAVAILABLE, f"no serial port {PORTS[1]};")

    def waiting_rate(self, *arguments, **variables):
        """The rate that a receiver begins at."""
        before = ["env", *(f"{name}={value}" for name, value in variables.items())]
        command = self.start("receive", "--json", self.b, self.out, *arguments, before=before,
                             cwd=self.below)  # fmt: skip
        rate = command.wait_for_event("waiting")["baud"]
        command.kill()
        return rate

    def test_options(self):
        self.lay_line()
        self.assertEqual(self.waiting_rate(), 115200)
        self.write("baud = 57600\n")
        self.assertEqual(self.waiting_rate(), 57600)
        self.assertEqual(self.waiting_rate(WTSERIAL_BAUD=19200), 19200)
        self.assertEqual(self.waiting_rate("--baud=9600", WTSERIAL_BAUD=19200), 9600)
        self.assertEqual(self.waiting_rate("--baud", "9600", WTSERIAL_BAUD=19200), 9600)

    def test_flags_and_counts(self):
        self.lay_line()
        self.write("quiet = true\n")
        receiver = self.start("receive", self.b, self.out, before=["env", "WTSERIAL_VERBOSE=1",
                              "WTSERIAL_QUIET=no"])  # fmt: skip
        receiver.wait_for_text("waiting for a sender")
        # Of a command that has no such option.
        sender = self.run_below("send", self.a, DIGITS, "--precision=int2")
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertEqual((sender.output, sender.words), ("", ""))
        self.assertIn("debug wtserial.port", receiver.words)

    def test_settings_of_contents(self):
        small = models.save(self.folder / "small.pt", models.small_network().state_dict())
        [exact] = self.run_below("plan", "--json", small).events
        self.write("precision = 'int2'\nbaud = 9600\n[send]\nreset = 'dtr'\n")
        [short] = self.run_below("plan", "--json", small).events
        self.assertLess(short["total_bytes"], exact["total_bytes"] / 2)
        # Not a setting of the lines that are only thought of.
        self.assertEqual(short["baud"], 115200)

    def test_table_of_the_readme(self):
        table = (ROOT / "README.md").read_text().split("| command | settings |")[1].split("\n\n")[0]
        rows = [row.split(" | ") for row in table.splitlines()[2:]]
        documented = {
            command: {*re.findall("`(.+?)`", settings)}
            for commands, settings in rows for command in re.findall("`(.+?)`", commands)
        }  # fmt: skip
        for command, settings in documented.items():
            self.write(f"[{command}]\nx = 1\n")
            words = self.run_below(command).words
            self.assertEqual({*words.strip().split("there are ")[1].split(", ")}, settings, command)
        self.write("x = 1\n")
        known = {*self.run_below("send").words.strip().split("there are ")[1].split(", ")}
        self.assertEqual(known, set().union(documented, *documented.values()))

    def assert_refused(self, text, where, *words):
        self.write(text)
        command = self.run_below("send", "--json", PORTS[0], DIGITS)
        self.assert_ends(command, CONFIGURATION, f"{self.file}:{where}", *words)
        self.assertEqual(command.events[-1]["exit_code"], CONFIGURATION)

    def test_what_makes_no_sense_in_a_file(self):
        for text, where, *words in (
            ("baud = 9600\nbauds = 1\n", "2:", "unknown key `bauds`", "baud"),
            ("\n[send]\nmtu = 100\n", "3:", "unknown key `mtu`"),
            ("[sent]\n", "1:", "unknown key `sent`", "receive"),
            ("send = 1\n", "1:", "`send`", "a table"),
            ("baud = fast\n", "1:"),
            ("\n\nbaud = 'fast'\n", "3: baud:", "'fast'"),
            ("baud = [1]\n", "1:", "`baud`"),
            ("window = 5000\n", "1: window:", "1 to 1024"),
            ("rtscts = 'yes'\n", "1:", "true or false"),
            ("verbose = 3\n", "1: verbose:", "'3'"),
            ("port = 7\n", "1:", "a string"),
            ("bits = 4\n", "1: bits:", "--quantizer"),
            ("on-milestone = 'rm -rf .'\n", "1:", "unknown key"),
        ):
            with self.subTest(text):
                self.assert_refused(text, where, *words)
        # Where it does not matter.
        self.assert_ends(self.run_below("send", "--help"), OK)
        self.assert_ends(self.run_below("inspect", self.folder / "none"), NO_INPUT)

    def test_what_makes_no_sense_in_the_environment(self):
        for variable, value, text in (
            ("WTSERIAL_BAUD", "fast", "'fast'"), ("WTSERIAL_WAIT", "-1", "'-1'"),
            ("WTSERIAL_RTSCTS", "maybe", "neither true nor false"),
        ):  # fmt: skip
            command = self.run_below("send", PORTS[0], DIGITS, **{variable: value})
            self.assert_ends(command, CONFIGURATION, f"{variable}: ", text)

    def test_settings_that_do_not_fit_together(self):
        self.write("precision = 'int8'\n")
        command = self.run_below("send", PORTS[0], DIGITS, WTSERIAL_QUANTIZER="affine")
        self.assert_ends(command, CONFIGURATION, "not both", f"{self.file}:1", "WTSERIAL_QUANTIZER")

    def test_file_that_cannot_be_read(self):
        (self.project / "wtserial.toml").mkdir()
        command = self.run_below("send", PORTS[0], DIGITS)
        self.assert_ends(command, CONFIGURATION, "cannot read", "wtserial.toml")

    def test_mistakes_on_the_command_line_stay_mistakes_there(self):
        command = self.run_below("send", DIGITS, "--bauds=1", WTSERIAL_PORT=PORTS[0])
        self.assert_ends(command, USAGE, "--bauds")


class VerboseTests(LineTests):
    def log(self, *options):
        self.lay_line("--bit-error-rate=2e-4", "--seed=2")
        receiver = self.receive()
        sender = self.send(DIGITS, "--precision=int4", *options)
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertEqual(sender.events[-1]["event"], "done")
        return sender.words

    def test_once_tells_of_the_port_and_of_what_goes_wrong(self):
        words = self.log("-v")
        for text in (
            f"debug wtserial.port: opened {self.a}: ", "921600 baud, 8N1",
            "open: protocol version 1", "blocks of 16 bytes", "frames sent again: ",
        ):  # fmt: skip
            self.assertIn(text, words)
        self.assertNotIn(" trace ", words)

    def test_twice_tells_of_each_frame(self):
        words = self.log("-vv")
        for text in ("> HELLO 0, 24 bytes", "< WELCOME 0", "> DATA ", "< ACK "):
            self.assertIn(f"trace wtserial.link: {text}", words)
        # Either end may be the first to close.
        self.assertRegex(words, r"trace wtserial\.link: [<>] CLOSE")

    def test_without_it_nothing(self):
        self.assertEqual(self.log(), "")

    def test_quiet_and_verbose(self):
        command = self.run_command("send", "-qv", PORTS[0], DIGITS)
        self.assert_ends(command, USAGE, "not both")
