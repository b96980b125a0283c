"""What is set outside of the command line: by the environment, by a project's file, by the user's."""

import re

import models
from lines import LineTests
from processes import CONFIGURATION, DIGITS, NO_INPUT, OK, ROOT, UNAVAILABLE, USAGE
from servers import free_port

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

    def test_unknown_keys_are_told_of_by_commands_without_settings(self):
        missing = self.folder / "none"
        self.write("baud = 9600\n[send]\nreset = 'dtr'\n")
        self.assert_ends(self.run_below("inspect", missing), NO_INPUT)
        for text, where, word in (
            ("\nbauds = 1\n", 2, "bauds"), ("[ports]\nlong = true\n", 1, "ports"),
            ("[inspect]\n", 1, "inspect"), ("[doctor]\nbaud = 1\n", 2, "baud"),
        ):  # fmt: skip
            self.write(text)
            for command in ("ports",), ("doctor",), ("inspect", missing), ("plan", missing):
                with self.subTest(text=text, command=command):
                    ended = self.run_below(*command)
                    told = f"{self.file}:{where}: unknown key `{word}`"
                    self.assert_ends(ended, CONFIGURATION, told)

    def test_port_that_can_be_none(self):
        for value, words in (
            ("usb:zzz", "four hexadecimal digits"), ("at:1", "a place on the bus"),
            ("serial:", "the serial number is missing"), ("tcp://host", "names no TCP port"),
            ("ftp://host", "behind a network"),
        ):  # fmt: skip
            for command in ("send", DIGITS), ("receive", self.out), ("device",), ("doctor",):
                with self.subTest(value=value, command=command):
                    self.write(f"\nport = '{value}'\n")
                    ended = self.run_below(*command)
                    self.assert_ends(ended, CONFIGURATION, f"{self.file}:2: port: ", words)
                    ended = self.run_below(*command, WTSERIAL_PORT=value)
                    self.assert_ends(ended, CONFIGURATION, "WTSERIAL_PORT: ", words)
        self.write("[send]\nport = 'usb:1'\n")
        self.assert_ends(self.run_below("send", DIGITS), CONFIGURATION, f"{self.file}:2: port: ")
        # Given on the command line it is another port's affair.
        self.assert_port(PORTS[0], "send", PORTS[0])
        self.file.unlink()
        self.user.write_text("port = 'usb:1'\n")
        self.assert_ends(self.run_below("send", DIGITS), CONFIGURATION, f"{self.user}:1: port: ")

    def test_port_that_is_not_there_tells_where_it_was_set(self):
        self.write(f"\nport = '{PORTS[0]}'\n")
        for command in ("send", DIGITS), ("receive", self.out), ("device",):
            ended = self.run_below(*command)
            self.assert_ends(ended, UNAVAILABLE, PORTS[0], f"from {self.file}:2)")
            ended = self.run_below(*command, WTSERIAL_PORT="usb:1a86:0001")
            self.assert_ends(ended, UNAVAILABLE, "usb:1a86:0001", "from WTSERIAL_PORT)")
        command = self.run_below("send", "--json", DIGITS)
        self.assertIn(f"from {self.file}:2)", command.events[-1]["message"])
        self.assertNotIn(" from ", self.run_below("send", PORTS[1], DIGITS).words)

    def test_port_of_doctor(self):
        self.write(f"port = '{PORTS[0]}'\n")
        command = self.run_below("doctor")
        self.assert_found(command, f"no serial port {PORTS[0]};")
        self.assertIn(f"looking at {PORTS[0]}, from {self.file}:1; --all looks", command.words)
        self.assert_found(self.run_below("doctor", PORTS[1]), f"no serial port {PORTS[1]};")
        for options in ("--all",), ("--rules",):
            self.assertNotIn(PORTS[0], str(self.run_below("doctor", *options)))
        self.assert_ends(self.run_below("doctor", "--all", PORTS[1]), USAGE, "not both")
        for scheme in ("tcp", "rfc2217"):
            port = f"{scheme}://127.0.0.1:{free_port()}"
            command = self.run_below("doctor", WTSERIAL_PORT=port)
            self.assert_found(command, "nothing listens at")
            self.assertIn(f"looking at {port}, from WTSERIAL_PORT", command.words)

    def test_setting_that_is_in_the_way_tells_where_it_was_set(self):
        self.lay_line()
        self.write(f"port = '{self.a}'\n[send]\nreset = 'dtr'\n")
        told = f"leave --reset out (reset is from {self.file}:3)\n"
        for port in (), (self.a,):
            self.assert_ends(self.run_below("send", *port, DIGITS), CONFIGURATION, told)
        command = self.run_below("send", DIGITS, WTSERIAL_RESET="rts")
        self.assert_ends(command, CONFIGURATION, "(reset is from WTSERIAL_RESET)\n")
        command = self.run_below("send", DIGITS, "--reset=dtr")
        self.assert_ends(command, CONFIGURATION, "--reset out")
        self.assertNotIn("reset is from", command.words)
        self.write("\nbaud = 57600\n")
        command = self.run_below("send", self.a, DIGITS, "--timeout=1")
        self.assert_ends(command, UNAVAILABLE, "at 57600 baud", f"(baud is from {self.file}:2)\n")

    def test_setting_of_a_board_that_is_in_the_way(self):
        self.lay_line()
        rack = self.folder / "rack.toml"
        rack.write_text(f"reset = 'dtr'\n[[board]]\nname = 'left'\nport = '{self.a}'\n")
        send = ("send", DIGITS, "--to", f"@{rack}")
        self.assert_ends(self.run_below(*send), CONFIGURATION)
        self.assertIn(f"(reset is from {rack}:1)", self.run_below(*send).words)
        # What the command line leaves open goes before the head of the file, and so does its origin.
        self.assertIn("(reset is from WTSERIAL_RESET)",
                      self.run_below(*send, WTSERIAL_RESET="rts").words)  # fmt: skip
        self.assertNotIn("reset is from", self.run_below(*send, "--reset=rts").words)
        with rack.open("a") as file:
            file.write("reset = 'rts'\n")
        self.assertIn(f"(reset is from {rack}:5)", self.run_below(*send, "--reset=rts").words)

    def assert_found(self, command, text):
        self.assertEqual(command.wait(), UNAVAILABLE, command)
        self.assertIn(text, " ".join(command.output.split()))

    def test_word_before_to_is_the_model_and_no_port_that_is_set(self):
        command = self.run_below("send", "--to", PORTS[0], WTSERIAL_PORT=DIGITS)
        self.assert_ends(command, USAGE, "Give MODEL before --to")

    def test_what_makes_no_sense_in_the_environment(self):
        for variable, value, text in (
            ("WTSERIAL_BAUD", "fast", "'fast'"), ("WTSERIAL_WAIT", "-1", "'-1'"),
            ("WTSERIAL_RTSCTS", "maybe", "neither true nor false"),
        ):  # fmt: skip
            command = self.run_below("send", PORTS[0], DIGITS, **{variable: value})
            self.assert_ends(command, CONFIGURATION, f"{variable}: ", text)

    def test_value_that_is_none_of_many(self):
        values = "exact, bf16, f16, int8, int6, int4, int2\n"
        command = self.run_below("send", PORTS[0], DIGITS, WTSERIAL_PRECISION="int3")
        self.assert_ends(command, CONFIGURATION, "WTSERIAL_PRECISION: ", "'int3'", values)
        self.assert_refused("precision = 'int3'\n", "1: precision:", "'int3'", values)

    def test_variable_that_is_no_setting(self):
        told = "WTSERIAL_BAUDS is set and is no setting"
        command = self.run_below("inspect", "--json", DIGITS, WTSERIAL_BAUDS="9600")
        self.assert_ends(command, OK, told, "did you mean WTSERIAL_BAUD?")
        self.assertEqual(len(command.events), 1)
        self.assert_port(PORTS[0], "send", PORTS[0], WTSERIAL_PRECISON="int2")
        command = self.run_below("inspect", DIGITS, WTSERIAL_COLOURED="1")
        self.assert_ends(command, OK, "WTSERIAL_COLOURED", "there are WTSERIAL_BAUD, ")
        # Of another command, of a hook, somebody else's, and where nothing is to be said.
        known = {"WTSERIAL_MTU": "256", "WTSERIAL_MILESTONE": "int2", "WTSERIALS": "1"}
        self.assertEqual(self.run_below("inspect", DIGITS, **known).words, "")
        for quiet in ({"WTSERIAL_QUIET": "1"}, {}):
            command = self.run_below("send", *([] if quiet else ["-q"]), PORTS[0], DIGITS,
                                     WTSERIAL_BAUDS="9600", **quiet)  # fmt: skip
            self.assertEqual(command.words.count("\n"), 1, command)

    def test_options_that_are_no_settings(self):
        for name in ("base", "report", "stay", "on-milestone"):
            variable = "WTSERIAL_" + name.upper().replace("-", "_")
            told = f"--{name} is for the command line alone"
            command = self.run_below("inspect", DIGITS, **{variable: "x"})
            self.assert_ends(command, OK, f"{variable} is set and is no setting", told)
            self.assertNotIn("did you mean", command.words)
            self.write(f"\n{name} = 'x'\n")
            ended = self.run_below("send", PORTS[0], DIGITS)
            self.assert_ends(ended, CONFIGURATION, f"{self.file}:2: unknown key `{name}`; {told}")
            self.file.unlink()
        self.write("[send]\nbase = 'x'\n")
        self.assert_ends(self.run_below("ports"), CONFIGURATION, f"{self.file}:2: unknown key `base`; --base is")

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
