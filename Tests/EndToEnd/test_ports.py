"""Ports that are not there, not free or not ours; and what is left of a port behind us."""

import os
import signal
import termios

import models
from lines import LineTests, Wires, settings
from processes import (
    DIGITS, INTERRUPTED, NOBODY, NO_PERMISSION, OK, TRY_AGAIN, UNAVAILABLE, USAGE, lasts,
    needs_nobody,
)  # fmt: skip


class PortTests(LineTests):
    def setUp(self):
        super().setUp()
        self.wires = Wires()
        self.addCleanup(self.wires.close)
        self.port = self.wires.names[0]

    def assert_both(self, port, code, *texts, **options):
        """Both ends refuse a port in the same words, and the receiver leaves no file."""
        for arguments in (["send", port, DIGITS], ["receive", port, self.out]):
            self.assert_ends(self.run_command(*arguments, **options), code, *texts)
        self.assertFalse(list(self.folder.glob("out*")))

    def test_no_such_port(self):
        self.assert_both("/dev/no-such-port", UNAVAILABLE, "/dev/no-such-port", "plugged in")

    def test_what_is_no_serial_port(self):
        for path in ("/dev/null", self.folder, DIGITS):
            self.assert_both(path, USAGE, f"{path} is not a serial port")

    def test_busy_port_names_its_process(self):
        holder = self.start("receive", self.port, self.folder / "other")
        holder.wait_for_text("waiting for a sender")
        self.assert_both(self.port, TRY_AGAIN, self.port, "in use", str(holder.process.pid))

    @needs_nobody
    def test_port_without_permission(self):
        os.chmod(self.port, 0o600)
        self.folder.chmod(0o777)
        self.assert_both(self.port, NO_PERMISSION, self.port, "permission denied", before=NOBODY)

    def test_no_receiver(self):
        command = self.run_command("send", self.port, DIGITS, "--timeout=1")
        self.assert_ends(command, UNAVAILABLE, self.port, "within 1 s", "wtserial receive")

    def test_no_sender(self):
        command = self.run_command("receive", self.port, self.out, "--timeout=1")
        self.assert_ends(command, UNAVAILABLE, self.port, "within 1 s", "wtserial send")
        self.assertFalse(list(self.folder.glob("out*")))

    def test_line_that_echoes(self):
        self.wires.join(lambda index, data: (index, data))
        command = self.run_command("send", self.port, DIGITS, "--timeout=2")
        self.assert_ends(command, UNAVAILABLE, "TX and RX are joined")

    def test_line_with_another_rate(self):
        # What a wrong rate makes of frames: other bytes, and never silence.
        self.wires.join(lambda index, data: (index, bytes(byte ^ 0x5A for byte in data)))
        command = self.run_command("send", self.port, DIGITS, "--timeout=2")
        self.assert_ends(command, UNAVAILABLE, "same --baud")

    def test_sender_with_another_rate(self):
        talker = self.start("send", self.wires.names[1], DIGITS, "--timeout=10")
        self.wires.join(lambda index, data: (1 - index, bytes(byte ^ 0x5A for byte in data)))
        command = self.run_command("receive", self.port, self.out, "--timeout=2")
        self.assert_ends(command, UNAVAILABLE, "makes no sense", "same --baud")
        talker.kill()

    def test_killed_process_leaves_the_port_usable(self):
        self.lay_line()
        self.receive().kill()
        self.transfer(models.save(self.folder / "scalar.pt", models.torch.ones(1)))

    @lasts(5)
    def test_port_that_vanishes(self):
        self.lay_line(baud=115200)
        receiver, sender = self.receive(), self.send(DIGITS)
        receiver.wait_for_event("progress", lambda event: event["bytes"] > 0)
        self.line.kill()
        for command, port in ((sender, self.a), (receiver, self.b)):
            self.assert_ends(command, TRY_AGAIN, str(port), "has gone", "again")
        self.assertFalse(self.out.exists())


class SettingsTests(LineTests):
    def setUp(self):
        super().setUp()
        self.wires = Wires()
        self.addCleanup(self.wires.close)
        self.before = []
        for terminal in self.wires.terminals:
            # Nothing like what the command sets: 1200 baud, 7E2, lines and echo.
            flags = termios.tcgetattr(terminal)
            flags[2] = termios.CS7 | termios.PARENB | termios.CSTOPB | termios.CREAD
            flags[4] = flags[5] = termios.B1200
            termios.tcsetattr(terminal, termios.TCSANOW, flags)
            self.before.append(settings(terminal))

    def assert_restored(self):
        after = [settings(terminal) for terminal in self.wires.terminals]
        self.assertEqual(after, self.before)

    def test_settings_are_put_back_after_a_transfer(self):
        self.wires.join()
        model = models.save(self.folder / "network.pt", models.small_network().state_dict())
        receiver = self.start("receive", self.wires.names[1], self.out)
        receiver.wait_for_text("waiting for a sender")
        self.assertNotEqual(settings(self.wires.terminals[1]), self.before[1])
        sender = self.start("send", self.wires.names[0], model)
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertEqual(models.differences(model, self.out), [])
        self.assert_restored()

    def test_settings_are_put_back_after_an_error(self):
        self.run_command("send", self.wires.names[0], DIGITS, "--timeout=1")
        self.assert_restored()

    def test_settings_are_put_back_after_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                command = self.start("receive", self.wires.names[0], self.out)
                command.wait_for_text("waiting for a sender")
                command.signal(number)
                self.assert_ends(command, INTERRUPTED, "interrupted")
                self.assert_restored()
