"""What `doctor` finds out, and how it exits; and the rules for udev that it prints."""

import dataclasses
import os
import subprocess
from pathlib import Path

import models
from lines import LineTests
from processes import (
    DIGITS, LIMIT, NOBODY, NO_PERMISSION, OK, ROOT, TRY_AGAIN, UNAVAILABLE, USAGE, alone,
    needs_mounts, needs_nobody,
)  # fmt: skip
from test_devices import CH340, FTDI, UARTS, UNO, BedTests

BAD_PROTOCOL, BAD_CONFIGURATION = 76, 78
RULES = ROOT / "Sources/SerialPorts/70-wtserial.rules"


class DoctorTests(BedTests):
    def examine(self, *arguments, code=OK, **options):
        """What was found, by what was looked at."""
        command = self.run_here("doctor", "--json", *arguments, **options)
        self.assertEqual(command.wait(), code, command)
        *findings, end = command.events
        self.assertEqual((end["event"], end["exit_code"]), ("done", code))
        problems = [event for event in findings if event["severity"] == "problem"]
        self.assertEqual(end["problems"], len(problems))
        if code != OK:
            self.assertEqual(problems[0]["exit_code"], code)
        return {event["check"]: event for event in findings}

    def assert_finds(self, finding, severity, *texts):
        self.assertEqual(finding["severity"], severity, finding)
        for text in texts:
            self.assertIn(text, finding["message"] + finding.get("remedy", ""))

    def test_nothing_in_the_way(self):
        self.bed.plug(dataclasses.replace(FTDI, fastest=500_000))
        found = self.examine(FTDI.path, "--no-hello")
        self.assert_finds(found["port"], "fact", "usb:0403:6001:A50285BI", "at:1-1", FTDI.by_id)
        self.assert_finds(found["access"], "fact", "mode 6")
        self.assert_finds(found["driver"], "fact", "ftdi_sio")
        self.assert_finds(found["rates"], "fact", "460800, 500000 baud")
        words = self.run_here("doctor", FTDI.path, "--no-hello")
        self.assertIn("reset by DTR", words.words)
        self.assertIn("nothing is in the way", words.output)

    def test_all_ports_and_none_is_opened(self):
        self.plug_all()
        command = self.run_here("doctor", "--json")
        self.assertEqual(command.wait(), OK)
        ports = [event["port"] for event in command.events if event.get("check") == "port"]
        self.assertEqual(ports, [UNO.path, FTDI.path, CH340.path])
        self.assertEqual([wire.driver.openings for wire in self.bed.wires.values()], [0, 0, 0])

    def test_no_ports(self):
        self.assert_finds(self.examine(code=UNAVAILABLE)["port"], "problem", "no serial ports")

    def test_port_that_is_not_there(self):
        for name in ("/dev/ttyUSB7", "serial:17"):
            found = self.examine(name, code=UNAVAILABLE)
            self.assert_finds(found["port"], "problem", name)
        self.assert_ends(self.run_here("doctor", "usb:1"), USAGE, "usb:0403:6001")

    def test_node_that_a_container_lacks(self):
        self.bed.plug(FTDI)
        (self.bed.root / "dev/ttyUSB0").unlink()
        for arguments in ((), (FTDI.path,)):
            found = self.examine(*arguments, code=UNAVAILABLE)
            self.assert_finds(found["port"], "problem", "container", "--device=/dev/ttyUSB0")

    def test_port_in_use(self):
        self.bed.plug(FTDI)
        holder = self.look("receive", FTDI.path, self.out)
        holder.wait_for_text("waiting for a sender")
        found = self.examine(FTDI.path, code=TRY_AGAIN)
        self.assert_finds(found["use"], "problem", f"wtserial (process {holder.process.pid})")
        self.assertNotIn("peer", found)

    def test_lock_files(self):
        self.bed.plug(FTDI)
        lock = self.folder / "LCK..ttyUSB0"
        before = ["unshare", "--mount", "sh", "-ec", 'mount --bind "$0" /run/lock; exec "$@"']
        if subprocess.run([*before, self.folder, "true"], capture_output=True).returncode != 0:
            self.skipTest("cannot mount here")
        for number, code, severity, text in (
            (os.getpid(), TRY_AGAIN, "problem", f"process {os.getpid()}"),
            (2**22 + 1, OK, "advice", "rm /run/lock/LCK..ttyUSB0"),
        ):
            lock.write_text(f"{number:10}\n")
            options = {"code": code, "before": [*before, self.folder]}
            found = self.examine(FTDI.path, "--no-hello", **options)
            self.assert_finds(found["lock_file"], severity, text)

    @needs_nobody
    def test_no_permission(self):
        self.bed.plug(FTDI)
        self.bed.root.chmod(0o755)
        terminal = self.bed.wires[FTDI.name].terminal_name
        for group, mode, text in ((20, 0o660, "usermod -aG dialout nobody"), (0, 0o600, "--rules")):
            os.chown(terminal, 0, group)
            os.chmod(terminal, mode)
            found = self.examine(FTDI.path, code=NO_PERMISSION, before=NOBODY)
            self.assert_finds(found["access"], "problem", f"mode {mode:o}", "nogroup", text)

    @needs_nobody
    def test_no_permission_for_what_udev_has_no_part_in(self):
        self.bed.add(UARTS)
        self.bed.root.chmod(0o755)
        self.lay_line()
        uart = "/dev/ttyS0"
        terminal = os.path.realpath(f"{self.bed.root}{uart}")
        os.chown(terminal, 0, 0)
        os.chmod(terminal, 0o600)
        for port, remedy in ((uart, "chgrp dialout /dev/ttyS0"), (self.a, f"chown nobody {self.a}")):
            found = self.examine(port, code=NO_PERMISSION, before=NOBODY)
            self.assert_finds(found["access"], "problem", remedy)
            self.assertNotIn("udev", found["access"]["remedy"])
            # What a group may do helps only who is in it.
            self.assertEqual("usermod -aG dialout nobody" in found["access"]["remedy"], port == uart)
        command = self.run_here("send", self.a, DIGITS, before=NOBODY)
        self.assert_ends(command, NO_PERMISSION, str(self.a), "pseudo-terminal of user root")
        self.assertNotIn("udev", command.words)

    def test_latency_timer(self):
        self.bed.plug(dataclasses.replace(FTDI, attributes=(("latency_timer", "16"),)))
        for arguments in ((), (FTDI.path, "--no-hello")):
            found = self.examine(*arguments)
            self.assert_finds(found["latency"], "advice", "16 ms", "70-wtserial.rules")

    @alone
    def test_modem_manager(self):
        # A process of its name is all that doctor goes by.
        program = self.folder / "ModemManager"
        program.write_text("#!/bin/sh\necho ready\nread line\n")
        program.chmod(0o755)
        quiet = dataclasses.replace(FTDI, name="ttyUSB1", socket="1-2", serial="2",
                                    properties=("ID_MM_DEVICE_IGNORE",))  # fmt: skip
        modem = dataclasses.replace(UNO, protocol=1)
        stranger = dataclasses.replace(modem, name="ttyACM1", socket="1-5", numbers="1d50:6018")
        for adapter in (FTDI, quiet, modem, stranger):
            self.bed.plug(adapter)
        for options, code in ((), OK), (("--filter-policy=default",), BAD_CONFIGURATION):
            with subprocess.Popen(
                [program, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            ) as manager:
                manager.stdout.readline()
                name = f"ModemManager (process {manager.pid})"
                severity = "problem" if options else "advice"
                found = self.examine(FTDI.path, "--no-hello", code=code)
                self.assert_finds(found["modem_manager"], severity, name, "70-wtserial.rules")
                found = self.examine(quiet.path, "--no-hello")
                self.assert_finds(found["modem_manager"], "fact", name, "told to leave")
                for port, remedy in ((modem, "70-wtserial.rules"), (stranger, '=="1d50"')):
                    found = self.examine(port.path, "--no-hello", code=BAD_CONFIGURATION)
                    self.assert_finds(found["modem_manager"], "problem", name, remedy)
                manager.stdin.close()

    def test_receiver_that_answers(self):
        self.lay_cable(FTDI)
        receiver = self.receive()
        found = self.examine(FTDI.path)
        self.assert_finds(found["peer"], "fact", "revision 1", "4096 bytes")
        # Nothing began: the receiver waits as it did, and a transfer goes as if nobody had asked.
        self.assertEqual([event["event"] for event in receiver.events], ["waiting"])
        sender = self.look("send", "--json", self.rate, FTDI.path, DIGITS)
        self.assert_ends(sender, OK)
        self.assert_ends(receiver, OK)
        self.assertEqual(models.differences(DIGITS, self.out), [])

    def test_nobody_answers(self):
        self.lay_cable(FTDI)
        found = self.examine(FTDI.path, code=UNAVAILABLE)
        self.assert_finds(found["peer"], "problem", "nothing comes in")

    def test_other_end_that_talks_about_something_else(self):
        self.lay_cable(FTDI)
        talker = subprocess.Popen(
            ["sh", "-c", f"while echo login: ; do sleep 0.1; done > {self.b}"]
        )
        self.addCleanup(talker.wait)
        self.addCleanup(talker.kill)
        found = self.examine(FTDI.path, code=BAD_PROTOCOL)
        self.assert_finds(found["peer"], "problem", "not the protocol")


class LoopbackDoctorTests(LineTests):
    """Of ports without hardware."""

    def examine(self, port, code=OK):
        command = self.run_command("doctor", "--json", port)
        self.assertEqual(command.wait(), code, command)
        return {event["check"]: event for event in command.events if "check" in event}

    def test_loopback_is_no_obstacle_to_its_own_port(self):
        self.lay_line()
        self.receive()
        found = self.examine(self.a)
        self.assertEqual(found["use"]["severity"], "fact")
        self.assertIn(f"wtserial (process {self.line.process.pid}) is the other end",
                      found["use"]["message"])  # fmt: skip
        self.assertIn("no rate", found["rates"]["message"])
        self.assertIn("a receiver answers", found["peer"]["message"])

    def test_program_that_has_the_end_of_a_loopback(self):
        self.lay_line()
        holder = subprocess.Popen(["sh", "-c", f"exec 3<>{self.a}; echo; read line"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        with holder:
            holder.stdout.readline()
            found = self.examine(self.a, code=TRY_AGAIN)
            self.assertIn(f"sh (process {holder.pid}) has it open", found["use"]["message"])
            self.assertNotIn("peer", found)
            holder.stdin.close()

    def test_device_that_is_no_serial_port(self):
        for path in ("/dev/null", "/dev/zero", str(DIGITS)):
            found = self.examine(path, code=USAGE)
            self.assertEqual(set(found), {"port"})
            self.assertIn(f"{path} is not a serial port", found["port"]["message"])


class RulesTests(BedTests):
    def apply(self, path):
        """What udev does with a device when the rules are installed: properties and tags, and all
        that it says of the rules."""
        script = """
            for folder in /run /etc/udev/rules.d /dev; do mount -t tmpfs none $folder; done
            mknod -m 666 /dev/null c 1 3
            cp "$0" /etc/udev/rules.d; exec "$@"
        """
        command = ["unshare", "--mount", "sh", "-ec", script, RULES, *self.bed.before]
        result = subprocess.run(
            [*command, "udevadm", "test", "--action=add", f"/sys{path}"], capture_output=True,
            text=True, timeout=LIMIT, check=True,
        )  # fmt: skip
        properties = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
        return properties, result.stderr

    def test_printed_rules_are_those_of_the_project(self):
        printed = self.run_command("doctor", "--rules")
        self.assert_ends(printed, OK)
        self.assertEqual(printed.output, RULES.read_text())
        # Rules that grant access have to come before.
        self.assertLess(RULES.name, "73-seat-late.rules")

    @needs_mounts
    def test_what_udev_makes_of_the_rules(self):
        self.bed.plug(dataclasses.replace(FTDI, attributes=(("latency_timer", "16"),)))
        self.bed.plug(UNO)
        for adapter in (FTDI, UNO):
            properties, words = self.apply(adapter.tty)
            self.assertEqual(properties.get("ID_MM_PORT_IGNORE"), "1")
            # The tag is there in time for the rule that gives access to the seat.
            self.assertLess({"uaccess", "seat"}, {*properties["TAGS"].split(":")})
            properties, words = self.apply(adapter.device)
            self.assertEqual(properties.get("ID_MM_DEVICE_IGNORE"), "1")
        _, words = self.apply(Path(FTDI.tty).parents[1])
        self.assertRegex(words, r"70-wtserial.rules:\d+ ATTR .*latency_timer' writing '1'")

    @needs_mounts
    def test_other_makers_are_left_alone(self):
        modem = dataclasses.replace(UNO, numbers="12d1:1506")
        self.bed.plug(modem)
        for path in (modem.tty, modem.device):
            properties, _ = self.apply(path)
            self.assertNotIn("ID_MM_PORT_IGNORE", properties)
            self.assertNotIn("uaccess", properties.get("TAGS", ""))
