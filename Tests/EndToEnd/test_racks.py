"""Many boards at once: `send MODEL --to A --to B`, and racks that files describe."""

import os
import signal

import models
from lines import LineTests
from processes import (
    CONFIGURATION, DATA, DIGITS, INTERRUPTED, NO_INPUT, OK, TRY_AGAIN, UNAVAILABLE, USAGE, lasts,
)  # fmt: skip

SOME_FAILED = 80


class RackTests(LineTests):
    """Each board is a loopback, with a receiver behind it that has a file of its own."""

    def lay_lines(self, count, *options, baud=921600):
        """Starts loopbacks NAME-a, NAME-b in the folder; returns the names."""
        names = [f"board{index:02}" for index in range(count)]
        lines = [
            self.start(
                "loopback", "--json", "--a", self.folder / f"{name}-a", "--b",
                self.folder / f"{name}-b", "--baud", baud, *options,
            )
            for name in names
        ]  # fmt: skip
        for line in lines:
            line.wait_for_event("ready")
        return names

    def port(self, name, end="a"):
        return self.folder / f"{name}-{end}"

    def file(self, name):
        return self.folder / f"{name}.safetensors"

    def receive_at(self, *names, baud=921600):
        receivers = [
            self.start("receive", "--json", f"--baud={baud}", self.port(name, "b"), self.file(name))
            for name in names
        ]
        for receiver in receivers:
            receiver.wait_for_event("waiting")
        return receivers

    def write_rack(self, text):
        path = self.folder / "rack.toml"
        path.write_text(text)
        return f"@{path}"

    def rack(self, names, *lines):
        """A rack's file of boards that have nothing special."""
        boards = [f'[[board]]\nname = "{name}"\nport = "{self.port(name)}"\n' for name in names]
        return self.write_rack("\n".join((*lines, *boards)))

    def outcomes(self, command):
        """The `done` or `error` of each board: one and no more."""
        found = {}
        for event in command.events:
            if event["event"] in ("done", "error"):
                self.assertNotIn(event["board"], found, command)
                found[event["board"]] = event
        return found


class TransferTests(RackTests):
    @lasts(20)
    def test_one_of_sixteen_is_dead(self):
        names = self.lay_lines(16)
        dead, living = names[5], names[:5] + names[6:]
        receivers = self.receive_at(*living)
        rack = self.rack(names, f'model = "{DIGITS}"', "baud = 921600", "timeout = 15")
        sender = self.start("send", "--json", "--to", rack)
        self.assert_ends(sender, SOME_FAILED, f"{dead}: no receiver answers", "15 of 16 boards")
        for receiver in receivers:
            self.assert_ends(receiver, OK)
        outcomes = self.outcomes(sender)
        self.assertEqual(sorted(outcomes), names)
        for name in living:
            self.assertEqual(outcomes[name]["event"], "done", sender)
            self.assertEqual(outcomes[name]["port"], str(self.port(name)))
            self.assertEqual(models.differences(DIGITS, self.file(name)), [])
        error = outcomes[dead]
        self.assertEqual((error["event"], error["exit_code"]), ("error", UNAVAILABLE))
        self.assertEqual(error["port"], str(self.port(dead)))
        last = sender.events[-1]
        self.assertEqual((last["event"], last["boards"]), ("summary", 16))
        self.assertEqual((last["failed"], last["exit_code"]), ([dead], SOME_FAILED))
        # They went at once: each had begun before the first was done.
        kinds = [e["event"] for e in sender.events if e["event"] in ("began", "done")]
        self.assertEqual(kinds, ["began"] * 15 + ["done"] * 15)

    def test_ports_on_the_command_line(self):
        names = self.lay_lines(2)
        receivers = self.receive_at(*names)
        ports = [word for name in names for word in ("--to", self.port(name))]
        sender = self.start("send", DIGITS, *ports, "--baud=921600")
        self.assert_ends(sender, OK)
        for name, receiver in zip(names, receivers):
            self.assert_ends(receiver, OK)
            self.assertEqual(models.differences(DIGITS, self.file(name)), [])
            self.assertIn(f"{self.port(name)}: done: 163 kB as ", sender.output)
        last = sender.output.splitlines()[-1]
        self.assertEqual(last, "done: all 2 boards have verified and stored the model")

    def test_a_device_among_receivers_gets_planes_of_its_own(self):
        names = self.lay_lines(3, baud=115200)
        receivers = self.receive_at(*names[:2], baud=115200)
        device = self.start("device", "--json", "--once", "--samples=0", self.port(names[2], "b"))
        device.wait_for_event("waiting")
        sender = self.start("send", "--json", "--to", self.rack(names, "baud = 115200"), DIGITS)
        self.assert_ends(sender, OK)
        self.assert_ends(device, OK)
        for name, receiver in zip(names, receivers):
            self.assert_ends(receiver, OK)
            self.assertEqual(models.differences(DIGITS, self.file(name)), [])
        outcomes = self.outcomes(sender)
        exact, other, cut = (outcomes[name] for name in names)
        self.assertEqual(exact["digest"], other["digest"])
        self.assertEqual(cut["digest"], device.events[-1]["digest"])
        self.assertNotEqual(cut["digest"], exact["digest"])

    def test_boards_have_models_and_rates_of_their_own(self):
        (fast,) = self.lay_lines(1)
        slow = "slow"
        line = self.start(
            "loopback", "--json", "--a", self.port(slow), "--b", self.port(slow, "b"),
            "--baud", 230400,
        )  # fmt: skip
        line.wait_for_event("ready")
        small = models.save(self.folder / "small.pt", models.small_network().state_dict())
        receivers = self.receive_at(fast) + self.receive_at(slow, baud=230400)
        rack = self.write_rack(
            f'model = "small.pt"\nbaud = 921600\n[[board]]\nname = "fast"\nport = "{self.port(fast)}"\n'
            f'[[board]]\nname = "slow"\nport = "{self.port(slow)}"\nmodel = "{DIGITS}"\nbaud = 230400\n'
        )
        sender = self.start("send", "--json", "--to", rack)
        self.assert_ends(sender, OK)
        for receiver in receivers:
            self.assert_ends(receiver, OK)
        rates = {board: event["baud"] for board, event in self.outcomes(sender).items()}
        self.assertEqual(rates, {"fast": 921600, "slow": 230400})
        # `small.pt` was found beside the rack's file.
        self.assertEqual(models.differences(small, self.file(fast)), [])
        self.assertEqual(models.differences(DIGITS, self.file(slow)), [])

    def test_boards_get_contents_of_their_own(self):
        names = self.lay_lines(4)
        receivers = self.receive_at(*names)
        own = ["", 'precision = "int4"\n', 'precision = "int4"\norder = "planes"\n', "prune = 0.5\n"]
        boards = [
            f'[[board]]\nname = "{name}"\nport = "{self.port(name)}"\n{lines}'
            for name, lines in zip(names, own)
        ]
        head = f'model = "{DIGITS}"\nbaud = 921600\nprecision = "bf16"\n'
        rack = self.write_rack(head + "".join(boards))
        # What the command line says goes before the head, and a board's own before that.
        sender = self.start("send", "--json", "--to", rack, "--precision=exact")
        self.assert_ends(sender, OK)
        for receiver in receivers:
            self.assert_ends(receiver, OK)
        self.assertEqual(models.differences(DIGITS, self.file(names[0])), [])
        outcomes = self.outcomes(sender)
        exact, four, planes, pruned = (outcomes[name] for name in names)
        self.assertEqual(four["digest"], planes["digest"])
        self.assertEqual(len({each["digest"] for each in outcomes.values()}), 3)
        for less in (four, planes):
            self.assertLess(less["bytes"], exact["bytes"] / 4)
        self.assertLess(pruned["bytes"], exact["bytes"])
        # In its own order, although the digest is that of another.
        self.assertNotEqual(four["bytes"], planes["bytes"])

    def test_all_failing_alike_have_their_code(self):
        sender = self.run_command(
            "send", "--json", DIGITS, "--to", self.folder / "no-1", "--to", self.folder / "no-2"
        )
        self.assert_ends(sender, UNAVAILABLE, "no-1", "no-2", "none of 2 boards has")
        self.assertEqual(sender.events[-1]["exit_code"], UNAVAILABLE)
        for line in sender.words.splitlines()[:-1]:
            # A board that has no name of its own is called by its port, once.
            self.assertEqual(line.count(str(self.folder)), 1, line)

    def test_a_single_board_that_fails_is_told_of_once(self):
        port = self.folder / "no-such"
        sender = self.run_command("send", "--json", DIGITS, "--to", port)
        self.assert_ends(sender, UNAVAILABLE)
        self.assertEqual(len(sender.words.splitlines()), 1, sender)
        self.assertEqual(sender.words.count(str(port)), 1, sender)
        self.assertEqual(sender.events[-1]["event"], "summary")

    def test_busy_port_is_tried_again(self):
        names = self.lay_lines(2)
        receivers = self.receive_at(*names)
        # Whoever has the port open keeps it from others.
        holder = self.start("receive", "--json", self.port(names[1]), self.folder / "nothing")
        holder.wait_for_event("waiting")
        sender = self.start(
            "send", "--json", "--retry=100", "--to", self.rack(names, "baud = 921600"), DIGITS
        )
        notice = sender.wait_for_event("notice", lambda event: "trying again" in event["message"])
        self.assertEqual(notice["board"], names[1])
        self.assertIn("(1 of 100)", notice["message"])
        holder.kill()
        self.assert_ends(sender, OK)
        for receiver in receivers:
            self.assert_ends(receiver, OK)
        self.assertEqual({e["event"] for e in self.outcomes(sender).values()}, {"done"})

    def test_busy_port_is_given_up(self):
        (name,) = self.lay_lines(1)
        holder = self.start("receive", "--json", self.port(name), self.folder / "nothing")
        holder.wait_for_event("waiting")
        sender = self.start("send", "--json", "--retry=1", DIGITS, "--to", self.port(name))
        self.assert_ends(sender, TRY_AGAIN, "is in use by wtserial")
        notices = [event for event in sender.events if event["event"] == "notice"]
        self.assertEqual(len(notices), 1, sender)

    def test_port_that_comes_is_found_by_trying_again(self):
        sender = self.start(
            "send", "--json", "--retry=100", "--timeout=1", "--baud=921600", DIGITS, "--to",
            self.port("board00"),
        )  # fmt: skip
        sender.wait_for_event(
            "notice",
            lambda event: "no serial port" in event["message"] and "(1 of 100)" in event["message"],
        )
        (name,) = self.lay_lines(1)
        # There nobody answers yet.
        sender.wait_for_event(
            "notice",
            lambda event: "no receiver" in event["message"] and "again" in event["message"],
        )
        (receiver,) = self.receive_at(name)
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertEqual(models.differences(DIGITS, self.file(name)), [])

    @lasts(15)
    def test_interrupt_ends_all(self):
        names = self.lay_lines(3, baud=115200)
        receivers = self.receive_at(*names, baud=115200)
        sender = self.start("send", "--json", "--to", self.rack(names, "baud = 115200"), DIGITS)
        for name in names:
            sender.wait_for_event("began", lambda event: event["board"] == name)
        # Both ends of each have a session, and are far from its end: whoever is told then, is told.
        for name, receiver in zip(names, receivers):
            sender.wait_for_event(
                "progress", lambda event: event["board"] == name and event["bytes"] > 2000
            )
            receiver.wait_for_event("progress", lambda event: event["bytes"] > 1000)
        sender.signal(signal.SIGINT)
        self.assert_ends(sender, INTERRUPTED, "interrupted", "none of 3 boards has")
        codes = {event["exit_code"] for event in self.outcomes(sender).values()}
        self.assertEqual(codes, {INTERRUPTED})
        for receiver in receivers:
            self.assert_ends(receiver, TRY_AGAIN, "the sender stopped; run both commands again")

    def test_terminal_has_a_row_for_each(self):
        names = self.lay_lines(2)
        receivers = self.receive_at(*names)
        end, terminal = os.openpty()
        self.addCleanup(os.close, end)
        rack = self.rack(names, "baud = 921600")
        sender = self.start("send", "--to", rack, DIGITS, stderr=terminal)
        os.close(terminal)
        shown = b""
        try:
            while part := os.read(end, 4096):
                shown += part
        except OSError:
            pass  # The other end is closed.
        self.assertEqual(sender.wait(), OK, sender)
        for name, receiver in zip(names, receivers):
            self.assert_ends(receiver, OK)
            self.assertRegex(shown.decode(), rf"{name}  .*kB/s ")
        # Two rows up, and nothing of them is left in the end.
        self.assertRegex(shown, rb"\x1b\[[12]A\r\x1b\[J$")


class PortNameTests(RackTests):
    def assert_same(self, *ports):
        words = [word for port in ports for word in ("--to", port)]
        command = self.run_command("send", DIGITS, *words)
        self.assert_ends(command, USAGE, *map(str, ports), "the same port")

    def test_one_port_by_two_names(self):
        (name,) = self.lay_lines(1)
        link = self.folder / "link"
        link.symlink_to(self.port(name))
        self.assert_same(self.port(name), link)
        self.assert_same(link, os.path.realpath(link))
        self.assert_same("tcp://Bench.lab:2000", "rfc2217://bench.lab:2000?timeout=1")

    def test_waiting_for_parts_of_a_second(self):
        rack = self.write_rack(
            f'model = "{DIGITS}"\n[[board]]\nname = "a"\nport = "/dev/no-such-port"\nwait = 0.5\n'
        )
        command = self.run_command("send", "--to", rack)
        self.assert_ends(command, UNAVAILABLE, "a: there is no serial port", "waiting for it")
        self.assertNotIn("--wait", command.words)


class RackFileTests(RackTests):
    def assert_refused(self, text, line, *words, code=CONFIGURATION):
        rack = self.write_rack(text)
        command = self.run_command("send", "--json", "--to", rack)
        self.assert_ends(command, code, f"{rack[1:]}:{line}: ", *words)
        self.assertEqual(command.events[-1]["exit_code"], code)

    def test_files_with_errors(self):
        board = '[[board]]\nname = "a"\nport = "/dev/null"\n'
        other = '[[board]]\nname = "b"\nport = "/dev/zero"\n'
        model = f'model = "{DIGITS}"\n'
        for text, line, *words in (
            (model + board + "bauds = 9600\n", 5, "unknown key `bauds`"),
            ("colour = 1\n" + model + board, 1, "unknown key `colour`"),
            (model + board + board, 6, "the board of line 3 is called `a`, too"),
            (model + board + other.replace("zero", "null"), 7, "is at `/dev/null`, too"),
            (board + other, 1, "this board has no model"),
            (board + model + other, 5, "this board has no model"),
            (model + '[[board]]\nname = "a"\n', 2, "no `port`"),
            (model + '[[board]]\nport = "x"\n', 2, "no `name`"),
            (model + board + "key = 'secret'\n", 5, "`key` is kept"),
            (model + board.replace("/dev/null", "usb:zzz"), 4, "`port`", "hexadecimal digits"),
            (model + board.replace("/dev/null", "rfc2217://x"), 4, "`port`", "no TCP port"),
            (model + board + "reset = 'D0|W0.1|X1'\n", 5, "step 3, 'X1'", "D0, D1 (DTR)"),
            (model + board + "baud = 'fast'\n", 5, "`baud` takes a rate"),
            (model + board + "timeout = 0\n", 5, "`timeout` takes 1 or more"),
            (model + board + "rtscts = 1\n", 5, "should be true or false"),
            (model + board + "precision = 'int3'\n", 5, "`precision` takes exact, bf16, f16, int8"),
            (model + board + "bits = 9\n", 5, "`bits` takes 2 to 8"),
            (model + board + "prune = 'half'\n", 5, "should be a share such as 0.5"),
            (model + board + "prune = 1\n", 2, "prune takes a share from 0 to below 1"),
            (model + board + "priority = ['head']\n", 5, '`priority` takes "pattern=factor"'),
            (model + "precision = 'int8'\n" + board + "quantizer = 'affine'\n", 3,
             "give precision or quantizer, not both"),
            (model, 1, "there are no boards"),
            (model + "[board]\n", 2, "give each its header [[board]]"),
            (model + board + "baud 9600\n", 5, "an = is missing"),
        ):
            with self.subTest(text=text):
                self.assert_refused(text, line, *words)

    def test_files_that_are_not_there(self):
        self.assert_ends(self.run_command("send", "--to", "@no-such.toml"), NO_INPUT, "no-such.toml")
        rack = self.write_rack('[[board]]\nname = "a"\nport = "/dev/null"\nmodel = "no-such.pt"\n')
        self.assert_ends(
            self.run_command("send", "--to", rack), NO_INPUT, f"{rack[1:]}:4: ", "no-such.pt"
        )
        # At the head, for all; and on the command line, which is not in the file.
        rack = self.write_rack('\nmodel = "none.pt"\n[[board]]\nname = "a"\nport = "/dev/null"\n')
        self.assert_ends(self.run_command("send", "--to", rack), NO_INPUT, f"{rack[1:]}:2: ")
        command = self.run_command("send", "no-such.pt", "--to", rack)
        self.assert_ends(command, NO_INPUT, "no file no-such.pt")
        self.assertNotIn(rack[1:], command.words)
        (self.folder / "broken.pt").write_bytes(b"nonsense")
        rack = self.write_rack('[[board]]\nname = "a"\nport = "/dev/null"\nmodel = "broken.pt"\n')
        self.assert_ends(self.run_command("send", "--to", rack), DATA, f"{rack[1:]}:4: ", "broken.pt")

    def test_port_that_is_not_there_tells_its_line(self):
        rack = self.rack(["none"], f'model = "{DIGITS}"')
        command = self.run_command("send", "--json", "--to", rack)
        self.assert_ends(command, UNAVAILABLE)
        error = self.outcomes(command)["none"]["message"]
        self.assertIn(f"no serial port {self.port('none')};", error)
        self.assertIn(f"from {rack[1:]}:4)", error)

    def test_usage(self):
        for arguments in (
            ("send", "--to", "/dev/null"), ("send",), ("send", DIGITS),
            ("send", "/dev/null", DIGITS, "--to", "/dev/zero"),
            ("send", "/dev/null", DIGITS, "--retry=1"),
            ("send", DIGITS, "--to", "/dev/null", "--retry=-1"),
            ("send", DIGITS, "--to", "/dev/null", "--to", "/dev/null"),
        ):  # fmt: skip
            with self.subTest(arguments=arguments):
                self.assertEqual(self.run_command(*arguments).process.returncode, USAGE)
