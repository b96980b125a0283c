"""Ports behind a network: real ser2net in front of pseudo-terminals, and a server that notes what it
is told."""

import signal
import socket
import time

import models
from lines import LineTests
from processes import (
    BAD_PROTOCOL, CONFIGURATION, DIGITS, INTERRUPTED, OK, TRY_AGAIN, UNAVAILABLE, USAGE, ProcessTests,
    lasts, wait_until,
)  # fmt: skip
from servers import ComPortServer, Gate, Relay, Ser2net, free_port

SET_BAUDRATE, SET_CONTROL, SET_MODEMSTATE_MASK, PURGE_DATA = 1, 5, 11, 12
DTR_ON, DTR_OFF, RTS_ON, RTS_OFF = b"\x08", b"\x09", b"\x0b", b"\x0c"
RFC2217 = "telnet(rfc2217),tcp"


class ServedTests(LineTests):
    """Tests with a line whose end for the sender may be behind ser2net."""

    def serve(self, path, accepter=RFC2217):
        server = Ser2net(self.folder, path, accepter)
        self.addCleanup(server.stop)
        return server

    def lay_network(self, *options, scheme="rfc2217", accepter=RFC2217, baud=921600):
        """A line whose end for the sender is behind ser2net."""
        self.lay_line(*options, baud=baud)
        self.server = self.serve(self.a, accepter)
        self.a = f"{scheme}://127.0.0.1:{self.server.port}"

    def assert_arrives(self, model, *options):
        sender, receiver = self.transfer(model, *options)
        self.assertEqual(models.differences(model, self.out), [])
        return sender, receiver


class NetworkTests(ServedTests):
    def test_model_through_rfc2217(self):
        self.lay_network()
        sender, _ = self.assert_arrives(DIGITS)
        self.assertEqual(sender.events[-1]["port"], self.a)
        self.assertEqual(sender.events[-1]["corrupt_frames"], 0)

    def test_model_through_tcp(self):
        self.lay_network(scheme="tcp", accepter="tcp")
        sender, _ = self.assert_arrives(DIGITS)
        self.assertEqual(sender.events[-1]["corrupt_frames"], 0)

    def test_both_ends_behind_a_network(self):
        self.lay_network()
        other = self.serve(self.b)
        self.b = f"rfc2217://localhost:{other.port}"
        self.assert_arrives(DIGITS)

    def test_bytes_that_mean_something_to_telnet(self):
        # IAC, alone and in runs; CR; what looks like a negotiation and a subnegotiation.
        contents = b"\xff" * 4001 + b"\r\n\r\0\r" * 99 + b"\xff\xfb\x00\xff\xfa\x2c\x01\xff\xf0" * 99
        path = self.folder / "telnet.bin"
        path.write_bytes(contents)
        self.lay_network()
        sender, _ = self.transfer(path, "--codec=none")
        self.assertEqual(self.out.read_bytes(), contents)
        self.assertEqual(sender.events[-1]["corrupt_frames"], 0)

    def test_server_that_is_far_away(self):
        self.lay_network(baud=230400)
        relay = Relay(self.server.port, delay=0.2)
        self.addCleanup(relay.close)
        self.a = f"rfc2217://127.0.0.1:{relay.port}"
        self.assert_arrives(DIGITS)

    def test_rate_is_raised_through_the_server(self):
        self.rate = "--baud=auto"
        # A busy machine may miss the moment of a change, and then nothing is lost but speed.
        for _ in range(4):
            self.lay_network("--follow-termios", baud=115200)
            self.rate = "--baud=auto"
            sender, _ = self.assert_arrives(DIGITS)
            words = [event.get("message", "") for event in sender.events]
            rates = [text for text in words if text.startswith("the line runs at ")]
            self.server.stop()
            self.line.kill()
            if len(rates) == 1:
                return
        self.fail("the rate was not changed for good")

    def test_raw_connection_has_no_rate_to_change(self):
        self.lay_network("--follow-termios", scheme="tcp", accepter="tcp", baud=115200)
        self.rate = "--baud=auto"
        sender, _ = self.transfer(DIGITS, "--precision=int4")
        self.assertNotIn("the line runs at", sender.output)

    @lasts(12)
    def test_server_that_comes_back(self):
        self.lay_network(baud=230400)
        receiver, sender = self.receive(), self.send(DIGITS)
        receiver.wait_for_event("progress", lambda event: event["bytes"] > 20_000)
        self.server.stop()
        sender.wait_for_text("is lost; connecting again")
        self.server.start()
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertIn("is back; going on", sender.output)
        self.assertEqual(models.differences(DIGITS, self.out), [])

    @lasts(12)
    def test_server_that_restarts_in_order(self):
        """While it goes down it takes one more connection, and drops it."""
        self.lay_network(scheme="tcp", accepter="tcp", baud=230400)
        receiver, sender = self.receive(), self.send(DIGITS)
        receiver.wait_for_event("progress", lambda event: event["bytes"] > 20_000)
        self.server.stop(signal.SIGTERM)
        sender.wait_for_text("is lost; connecting again")
        time.sleep(2)
        self.server.start()
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertEqual(sender.output.count("is back; going on"), 1, sender)
        self.assertEqual(models.differences(DIGITS, self.out), [])

    @lasts(32)
    def test_server_that_stays_away(self):
        self.lay_network(baud=230400)
        receiver, sender = self.receive(), self.send(DIGITS)
        receiver.wait_for_event("progress", lambda event: event["bytes"] > 20_000)
        self.server.stop()
        self.assert_ends(sender, TRY_AGAIN, self.a, "again")

    def begin_through_a_gate(self, scheme):
        """A transfer of some seconds through something that may turn it away."""
        gate = Gate(self.server.port, b"Port already in use\r\n")
        self.addCleanup(gate.close)
        self.a = f"{scheme}://127.0.0.1:{gate.port}"
        receiver, sender = self.receive(), self.send(DIGITS)
        receiver.wait_for_event("progress", lambda event: event["bytes"] > 20_000)
        return gate, sender, receiver

    @lasts(20)
    def test_server_that_comes_back_and_refuses_for_a_while(self):
        self.lay_network(baud=230400)
        gate, sender, receiver = self.begin_through_a_gate("rfc2217")
        gate.shut()
        wait_until(lambda: gate.refusals > 1, lambda: "a second attempt")
        gate.open()
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertEqual(models.differences(DIGITS, self.out), [])

    @lasts(40)
    def test_server_that_comes_back_and_refuses(self):
        """Raw, its words end the session at once; one that speaks RFC 2217 is asked for 25 seconds."""
        for scheme in ("tcp", "rfc2217"):
            with self.subTest(scheme):
                accepter = {"tcp": "tcp", "rfc2217": RFC2217}[scheme]
                self.lay_network(scheme=scheme, accepter=accepter, baud=230400)
                gate, sender, receiver = self.begin_through_a_gate(scheme)
                gate.shut()
                self.assert_ends(
                    sender, TRY_AGAIN, self.a, "turns the connection away: Port already in use;"
                )
                self.assertIn("is lost; connecting again", sender.output)
                self.assertNotIn("is back; going on", sender.output)
                self.assertEqual(gate.refusals > 1, scheme == "rfc2217", gate.refusals)
                receiver.kill()
                self.server.stop()
                self.line.kill()

    def test_port_that_somebody_else_has(self):
        for scheme, accepter in (("rfc2217", RFC2217), ("tcp", "tcp")):
            with self.subTest(scheme):
                self.lay_network(scheme=scheme, accepter=accepter)
                with socket.create_connection(("127.0.0.1", self.server.port)) as other:
                    # It has the port when the server has said something, or carries bytes.
                    other.sendall(b"x")
                    if scheme == "rfc2217":
                        other.recv(1)
                    command = self.run_command("send", self.a, DIGITS)
                    self.assert_ends(command, TRY_AGAIN, "Port already in use")
                self.server.stop()
                self.line.kill()


    def test_flow_control_is_the_servers_affair(self):
        self.lay_network(scheme="tcp", accepter="tcp")
        sender, _ = self.transfer(DIGITS, "--rtscts", "--precision=int2")
        notices = [event["message"] for event in sender.events if event["event"] == "notice"]
        self.assertTrue(any("--rtscts does nothing" in text for text in notices), notices)

    def test_flow_control_that_a_pseudo_terminal_lacks(self):
        self.lay_line()
        sender, receiver = self.transfer(DIGITS, "--rtscts", receiver_options=["--rtscts"])
        for command in (sender, receiver):
            self.assertIn("--rtscts does nothing here: a pseudo-terminal", command.output)
        self.transfer(DIGITS, "--precision=int2")
        self.assertNotIn("--rtscts", self.run_command("send", self.a, DIGITS, "--timeout=1").words)


class ServerDoctorTests(ServedTests):
    def examine(self, port, *options, code=OK):
        """What was found, by what was looked at, the last where there is more."""
        command = self.run_command("doctor", "--json", port, *options)
        self.assertEqual(command.wait(), code, command)
        *findings, end = command.events
        self.assertEqual((end["event"], end["exit_code"]), ("done", code))
        self.assertEqual({event["port"] for event in findings}, {port})
        return {event["check"]: event["message"] for event in findings}

    def test_receiver_behind_a_server(self):
        for scheme, accepter in (("rfc2217", RFC2217), ("tcp", "tcp")):
            with self.subTest(scheme):
                self.lay_network(scheme=scheme, accepter=accepter, baud=115200)
                receiver = self.receive()
                found = self.examine(self.a)
                self.assertIn("revision 1 of the protocol", found["peer"])
                if scheme == "rfc2217":
                    self.assertIn("speaks RFC 2217", found["port"])
                    self.assertIn("115200, 230400", found["rates"])
                else:
                    self.assertIn("takes connections", found["port"])
                    self.assertNotIn("rates", found)
                # Nothing began: the receiver waits as it did.
                self.assertEqual([event["event"] for event in receiver.events], ["waiting"])
                self.assertNotIn("peer", self.examine(self.a, "--no-hello"))
                receiver.kill()
                self.server.stop()
                self.line.kill()

    def test_nobody_behind_a_server(self):
        self.lay_network()
        found = self.examine(self.a, code=UNAVAILABLE)
        self.assertIn("no receiver answers", found["peer"])

    def test_servers_that_do_not_let_in(self):
        port = f"tcp://127.0.0.1:{free_port()}"
        self.assertIn("nothing listens", self.examine(port, code=UNAVAILABLE)["port"])
        self.lay_network(scheme="tcp", accepter="tcp")
        with socket.create_connection(("127.0.0.1", self.server.port)) as other:
            other.sendall(b"x")
            found = self.examine(self.a, "--no-hello", code=TRY_AGAIN)
            self.assertIn("Port already in use", found["port"])
            self.assertNotIn("both commands", found["port"])
        port = f"rfc2217://127.0.0.1:{self.server.port}?timeout=1"
        found = self.examine(port, code=BAD_PROTOCOL)
        self.assertIn("does not speak RFC 2217", found["port"])
        self.assert_ends(self.run_command("doctor", "tcp://localhost"), USAGE, "HOST:PORT")


class TelnetTests(ServedTests):
    def test_server_of_telnet_that_is_taken_for_a_raw_one(self):
        self.lay_network(scheme="tcp", baud=115200)
        doctor = self.run_command("doctor", "--json", self.a)
        self.assertEqual(doctor.wait(), BAD_PROTOCOL, doctor)
        self.assertIn("commands of Telnet (IAC, 0xFF)", doctor.events[0]["message"])
        self.assertIn("use rfc2217://", doctor.events[0]["message"])
        for command in (("send", self.a, DIGITS), ("receive", self.a, self.out), ("info", self.a)):
            ended = self.run_command(*command, "--timeout=2")
            self.assert_ends(ended, UNAVAILABLE, "commands of Telnet (IAC, 0xFF)", "use rfc2217://")

    def test_noise_of_a_raw_server_is_not_taken_for_telnet(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
            command = self.start("send", port, DIGITS, "--timeout=1")
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"\xff\xff\xfb\x2c\x00")
                self.assert_ends(command, UNAVAILABLE, "what comes in makes no sense")
                self.assertNotIn("Telnet", command.words)


class AddressTests(ProcessTests):
    def assert_refused(self, port, code, *texts):
        self.assert_ends(self.run_command("send", port, DIGITS), code, *texts)

    def test_addresses_that_make_no_sense(self):
        for port, text in (
            ("tcp://localhost", "no TCP port"),
            ("tcp://:1", "no host"),
            ("rfc2217://localhost:99999", "99999"),
            ("rfc2217://localhost:1?logging=debug", "logging"),
            ("rfc2217://localhost:1?timeout=soon", "soon"),
            ("tcp://localhost:1/dev/ttyUSB0", "/dev/ttyUSB0"),
        ):
            self.assert_refused(port, USAGE, text, "HOST:PORT")

    def test_nobody_listens(self):
        for scheme in ("tcp", "rfc2217"):
            port = f"{scheme}://127.0.0.1:{free_port()}"
            self.assert_refused(port, UNAVAILABLE, port, "nothing listens")

    def test_no_such_host(self):
        self.assert_refused("tcp://no-such-host.invalid:1", UNAVAILABLE, "no-such-host.invalid")

    def test_no_serial_port_behind(self):
        server = Ser2net(self.folder, "/dev/no-such-port")
        self.addCleanup(server.stop)
        port = f"rfc2217://127.0.0.1:{server.port}"
        self.assert_refused(port, TRY_AGAIN, port, "Device open failure")

    def test_server_that_knows_no_rfc2217(self):
        for accepter in ("tcp", "telnet,tcp"):
            with self.subTest(accepter):
                server = Ser2net(self.folder, "/dev/ptmx", accepter)
                self.addCleanup(server.stop)
                port = f"rfc2217://127.0.0.1:{server.port}?timeout=1"
                self.assert_refused(port, BAD_PROTOCOL, "RFC 2217", f"tcp://127.0.0.1:{server.port}")

    def test_interrupted_while_a_server_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = f"rfc2217://127.0.0.1:{listener.getsockname()[1]}?timeout=600"
            command = self.start("send", port, DIGITS)
            # A connection that nobody holds would be closed, and the command would end of that.
            connection, _ = listener.accept()
            with connection:
                command.signal()
                self.assert_ends(command, INTERRUPTED)

    def test_server_that_is_waited_for(self):
        port = free_port()
        command = self.start("send", f"tcp://127.0.0.1:{port}", DIGITS, "--wait=60", "--timeout=1")
        command.wait_for_text("waiting for it")
        with socket.create_server(("127.0.0.1", port)) as listener:
            connection, _ = listener.accept()
            with connection:
                self.assert_ends(command, UNAVAILABLE, "no receiver answers")


class ServerTests(ProcessTests):
    """Against a server that notes what it is told. Nobody receives behind it."""

    def serve(self, *answers):
        self.server = ComPortServer(*answers)
        self.addCleanup(self.server.close)

    def send(self, *options, query=""):
        port = f"rfc2217://127.0.0.1:{self.server.port}{query}"
        return self.run_command("send", port, DIGITS, "--timeout=1", *options)

    def assert_no_receiver(self, *options, query=""):
        self.assert_ends(self.send(*options, query=query), UNAVAILABLE, "no receiver answers")

    def controls(self):
        """SET-CONTROL, but for flow control off."""
        return [value for value in self.server.values(SET_CONTROL) if value != b"\x01"]

    def test_nothing_is_said_twice(self):
        self.serve()
        self.assert_no_receiver("--baud=57600")
        said = [(number, value) for _, number, value in self.server.commands]
        self.assertEqual(len(said), len(set(said)), said)
        self.assertEqual(self.server.values(SET_BAUDRATE), [(57600).to_bytes(4)])
        self.assertEqual(self.server.values(SET_MODEMSTATE_MASK), [b"\x00"])
        self.assertEqual(self.server.values(PURGE_DATA), [b"\x01"])
        self.assertEqual(len(self.server.negotiations), len(set(self.server.negotiations)))

    def test_modem_lines_are_left_alone(self):
        self.serve()
        self.assert_no_receiver()
        self.assert_no_receiver("--reset=none")
        self.assertEqual(self.controls(), [])

    def test_resets_in_order(self):
        for sequence, expected in (
            ("dtr", [DTR_OFF, DTR_ON]),
            ("rts", [RTS_ON, RTS_OFF]),
            ("esp", [DTR_OFF, RTS_ON, RTS_OFF]),
            ("U1,0|D1|W0.01|U0,1", [DTR_ON, RTS_OFF, DTR_OFF, RTS_ON]),
        ):
            with self.subTest(sequence):
                self.serve()
                self.assert_no_receiver(f"--reset={sequence}")
                self.assertEqual(self.controls(), expected)

    def test_reset_waits(self):
        self.serve()
        self.assert_no_receiver("--reset=D0|W0.3|D1")
        commands = self.server.commands
        drop, rise = (
            at for at, number, value in commands if number == SET_CONTROL and value != b"\x01"
        )
        self.assertGreaterEqual(rise - drop, 0.3)

    def test_reset_comes_before_the_first_frame(self):
        self.serve(lambda command, value: None if command == SET_CONTROL else value)
        self.assert_ends(self.send("--reset=dtr", query="?timeout=1"), CONFIGURATION, "SET-CONTROL")
        self.assertEqual(self.server.data, b"")

    def test_server_that_confirms_no_control(self):
        self.serve(lambda command, value: None if command == SET_CONTROL else value)
        self.assert_no_receiver("--reset=esp", query="?ign_set_control")
        self.assertEqual(self.controls(), [DTR_OFF, RTS_ON, RTS_OFF])

    def test_server_that_refuses_a_line(self):
        self.serve(lambda command, value: b"\x09" if command == SET_CONTROL else value)
        self.assert_ends(self.send("--reset=D1"), CONFIGURATION, "DTR")

    def test_server_that_refuses_the_rate(self):
        self.serve(lambda command, value: (9600).to_bytes(4) if command == SET_BAUDRATE else value)
        self.assert_ends(self.send("--baud=115200"), CONFIGURATION, "115200", "9600")

    def test_server_that_keeps_its_rate(self):
        # By its word, or by none.
        rate = (115200).to_bytes(4)
        for otherwise in (rate, None):
            self.serve(
                lambda command, value: otherwise
                if command == SET_BAUDRATE and value != rate
                else value
            )
            command = self.send("--baud=auto", query="?timeout=1")
            self.assert_ends(command, UNAVAILABLE, "stays at 115200 baud", "no receiver answers")

    def test_rate_that_is_close_enough(self):
        self.serve(lambda command, value: (117000).to_bytes(4) if command == SET_BAUDRATE else value)
        self.assert_no_receiver("--baud=115200")

    def test_server_that_refuses_parity(self):
        self.serve(lambda command, value: b"\x03" if command == 3 else value)
        self.assert_ends(self.send(), CONFIGURATION, "no parity")

    def test_flow_control(self):
        self.serve()
        self.assert_no_receiver("--rtscts")
        self.assertEqual(self.server.values(SET_CONTROL), [b"\x03"])
        self.assert_ends(self.send("--rtscts", "--reset=rts"), USAGE, "--rtscts")

    def test_sequences_that_make_no_sense(self):
        self.serve()
        for sequence in ("", "D2", "D", "W", "W11", "W-1", "X0", "D0|", "U0", "U0,1,0", "esp|D0"):
            self.assert_ends(self.send(f"--reset={sequence}"), USAGE, "--reset")
        self.assertEqual(self.server.commands, [])


class SerialResetTests(LineTests):
    def test_ports_without_modem_lines(self):
        self.lay_line()
        command = self.run_command("send", self.a, DIGITS, "--reset=dtr")
        self.assert_ends(command, CONFIGURATION, str(self.a), "DTR and RTS")
        server = Ser2net(self.folder, self.a, "tcp")
        self.addCleanup(server.stop)
        port = f"tcp://127.0.0.1:{server.port}"
        command = self.run_command("send", port, DIGITS, "--reset=dtr")
        self.assert_ends(command, CONFIGURATION, port, "raw")
