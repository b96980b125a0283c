"""Ports with devices behind them: what is listed, how a port is named, and devices that go away and
come back. The devices are those of umockdev."""

import dataclasses
import fcntl
import itertools
import os
import struct
import termios
import tty

import models
from devices import Adapter, Testbed, block, tty_block
from lines import LineTests
from processes import DIGITS, OK, TRY_AGAIN, UNAVAILABLE, USAGE, lasts

FTDI = Adapter(
    "ttyUSB0", socket="1-1", numbers="0403:6001", serial="A50285BI", product="FT232R USB UART",
    manufacturer="FTDI",
)  # fmt: skip
UNO = Adapter(
    "ttyACM0", socket="1-4.2", numbers="2341:0043", serial="85033313237351E0D1A2",
    product="Arduino Uno", manufacturer="Arduino (www.arduino.cc)", driver="cdc_acm",
)  # fmt: skip
# As cheap ones are: without a serial number.
CH340 = Adapter(
    "ttyUSB10", socket="1-3", numbers="1a86:7523", product="USB Serial", driver="ch341-uart"
)
# One without hardware, and one of the machine's own.
UARTS = "".join(
    "\n".join(
        [
            *block(f"/devices/{path}", path[:3], driver), "",
            *tty_block(f"/devices/{path}/tty/{name}", name, 4, minor, type=kind), "", "",
        ]
    )
    for path, driver, name, minor, kind in (
        ("platform/serial8250", "serial8250", "ttyS1", 65, 0),
        ("pnp0/00:05", "serial", "ttyS0", 64, 4),
    )
)  # fmt: skip


class BedTests(LineTests):
    """Tests with a testbed, which `start` lets commands see."""

    def setUp(self):
        super().setUp()
        self.bed = Testbed()
        self.addCleanup(self.bed.close)

    def look(self, *arguments, before=(), **options):
        return self.start(*arguments, before=[*before, *self.bed.before], **options)

    def run_here(self, *arguments, **options):
        command = self.look(*arguments, **options)
        command.wait()
        return command

    def run_in_80_columns(self, *arguments):
        """The lines that a command shows on a narrow terminal."""
        master, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self.run_here(*arguments, stdout=terminal)
        os.close(terminal)
        with open(master, "rb", buffering=0) as shown:
            return shown.read(4096).decode().splitlines()

    def plug_all(self):
        for adapter in (CH340, FTDI, UNO):
            self.bed.plug(adapter)

    def lay_cable(self, adapter, baud=115200):
        """A line whose end `b` is an ordinary port, and whose other one is at an adapter."""
        self.lay_line(baud=baud)
        self.cable = os.open(self.a, os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, self.cable)
        self.addCleanup(self.bed.cut)
        tty.setraw(self.cable)
        self.bed.plug(adapter).join(self.cable)


class ListTests(BedTests):
    def test_three_adapters(self):
        self.plug_all()
        listing = self.run_here("ports", "--json")
        self.assert_ends(listing, OK)
        common = {"event": "port", "schema": 2, "node": True, "bus": "usb", "interface": 0}
        expected = [
            {
                **common, "path": adapter.path, "usb_path": adapter.socket,
                "vendor_id": adapter.numbers[:4], "product_id": adapter.numbers[5:],
                "product": adapter.product, "driver": adapter.driver,
                "by_id": f"/dev/serial/by-id/{adapter.by_id}",
                "by_path": f"/dev/serial/by-path/{adapter.by_path}",
                **({"serial_number": adapter.serial} if adapter.serial else {}),
                **({"manufacturer": adapter.manufacturer} if adapter.manufacturer else {}),
            }
            for adapter in (UNO, FTDI, CH340)
        ]  # fmt: skip
        found = [{name: event[name] for name in event if name != "time"} for event in listing.events]
        self.assertEqual(found, expected)
        self.assertEqual([wire.driver.openings for wire in self.bed.wires.values()], [0, 0, 0])

    def test_ports_without_hardware_are_left_out(self):
        self.bed.add(UARTS)
        listing = self.run_here("ports", "--json")
        self.assertEqual([event["path"] for event in listing.events], ["/dev/ttyS0"])
        self.assertEqual(listing.events[0]["bus"], "pnp")

    def test_no_ports(self):
        listing = self.run_here("ports")
        self.assert_ends(listing, OK, "no serial ports")
        self.assertEqual(listing.output, "")

    def test_table_fits_a_terminal_of_80_columns(self):
        self.plug_all()
        wide = self.run_here("ports").output.splitlines()
        narrow = self.run_in_80_columns("ports")
        self.assertGreater(max(map(len, wide)), 80)
        self.assertLessEqual(max(map(len, narrow)), 80)
        for lines in (wide, narrow):
            self.assertEqual(len(lines), 4)
            for line, adapter in zip(lines[1:], (UNO, FTDI, CH340)):
                # What a port is chosen by is never cut.
                for word in (adapter.path, adapter.numbers, adapter.socket):
                    self.assertIn(word, line)

    def test_who_has_a_port(self):
        self.plug_all()
        holder = self.look("receive", FTDI.path, self.out)
        holder.wait_for_text("waiting for a sender")
        listing = self.run_here("ports", "--json")
        owners = {event["path"]: event.get("owner") for event in listing.events}
        owner = {"pid": holder.process.pid, "name": "wtserial"}
        self.assertEqual(owners, {UNO.path: None, FTDI.path: owner, CH340.path: None})
        lines = self.run_in_80_columns("ports")
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertTrue(lines[2].endswith(f"wtserial ({holder.process.pid})"), lines)

    def test_node_that_a_container_lacks(self):
        self.bed.plug(FTDI)
        (self.bed.root / "dev/ttyUSB0").unlink()
        listing = self.run_here("ports", "--json")
        self.assertEqual([event["node"] for event in listing.events], [False])
        command = self.run_here("send", "auto", DIGITS)
        self.assert_ends(command, UNAVAILABLE, "no node in this container", FTDI.path)

    def test_watch(self):
        self.bed.plug(FTDI)
        watch = self.look("ports", "--json", "--watch")
        watch.wait_for_event("port", lambda event: event["path"] == FTDI.path)
        self.bed.plug(UNO)
        added = watch.wait_for_event("added")
        self.assertEqual((added["path"], added["serial_number"]), (UNO.path, UNO.serial))
        self.bed.unplug(FTDI)
        removed = watch.wait_for_event("removed")
        self.assertEqual((removed["path"], removed["serial_number"]), (FTDI.path, FTDI.serial))
        watch.signal()
        self.assertEqual(watch.wait(), OK)


class SelectorTests(BedTests):
    def assert_leads_to(self, selector, adapter):
        found = self.run_here("doctor", selector, "--no-hello", "--json")
        self.assertEqual(found.events[0].get("port"), adapter.path, found)

    def test_each_selector(self):
        self.plug_all()
        for selector, adapter in (
            ("usb:0403:6001", FTDI),
            ("usb:0403:6001-00", FTDI),
            ("usb:2341:0043:85033313237351E0D1A2", UNO),
            ("serial:85033313237351E0D1A2", UNO),
            ("at:1-4.2", UNO),
            ("at:1-3:1.0", CH340),
            ("USB:0403:6001", FTDI),
            ("Serial:A50285BI", FTDI),
            ("AT:1-3", CH340),
        ):
            with self.subTest(selector):
                self.assert_leads_to(selector, adapter)
        for link in ("by-id/" + FTDI.by_id, "by-path/" + FTDI.by_path):
            command = self.run_here("send", f"/dev/serial/{link}", DIGITS, "--timeout=1")
            self.assert_ends(command, UNAVAILABLE, f"is {FTDI.path}", "no receiver")

    def test_only_adapter(self):
        self.bed.add(UARTS)
        self.bed.plug(FTDI)
        self.assert_leads_to("auto", FTDI)

    def test_serial_number_with_colons(self):
        board = dataclasses.replace(UNO, serial="34:85:18:AC:00:11")
        self.bed.plug(board)
        self.bed.plug(FTDI)
        self.assert_leads_to("usb:2341:0043:34:85:18:AC:00:11", board)

    def test_several_fit(self):
        self.plug_all()
        command = self.run_here("send", "auto", DIGITS)
        self.assert_ends(command, UNAVAILABLE, "3 ports fit auto", FTDI.path, UNO.path, "at:1-3")

    def test_none_fits(self):
        self.plug_all()
        command = self.run_here("receive", "serial:17", self.out)
        self.assert_ends(command, UNAVAILABLE, "no port fits serial:17", FTDI.path, "--wait")
        self.assertFalse(self.out.exists())

    def test_path_where_nothing_is(self):
        self.plug_all()
        for path in ("/dev/ttyUSB7", "COM3"):
            command = self.run_here("send", path, DIGITS)
            # A name of Windows is none that could come.
            hint = "--wait" if path.startswith("/dev") else "a port is called such as /dev/ttyUSB0"
            self.assert_ends(command, UNAVAILABLE, path, FTDI.path, "usb:0403:6001", hint)
            command = self.run_here("doctor", path)
            self.assertEqual(command.wait(), UNAVAILABLE, command)
            self.assertIn(FTDI.path, command.output)
            self.assertNotIn("--wait", command.output)

    def test_path_that_a_container_lacks(self):
        self.bed.plug(FTDI)
        (self.bed.root / "dev/ttyUSB0").unlink()
        command = self.run_here("send", FTDI.path, DIGITS)
        self.assert_ends(command, UNAVAILABLE, "container", f"--device={FTDI.path}")

    def test_one_board_by_two_names(self):
        self.plug_all()
        names = (f"/dev/serial/by-id/{FTDI.by_id}", FTDI.path, "usb:0403:6001", "at:1-1")
        for one, other in itertools.combinations(names, 2):
            with self.subTest(one=one, other=other):
                command = self.run_here("send", DIGITS, "--to", one, "--to", other)
                self.assert_ends(command, USAGE, one, other, "the same port")
        rack = self.folder / "rack.toml"
        rack.write_text(
            f'model = "{DIGITS}"\n[[board]]\nname = "left"\nport = "{FTDI.path}"\n'
            '[[board]]\nname = "right"\nport = "usb:0403:6001"\n'
        )
        command = self.run_here("send", "--to", f"@{rack}")
        self.assert_ends(command, USAGE, "left", "right", "the same port")

    def test_boards_that_are_not_one(self):
        self.plug_all()
        command = self.run_here(
            "send", DIGITS, "--timeout=1", "--retry=1", "--to", FTDI.path, "--to", "at:1-3",
            "--to", "serial:17", "--to", "serial:18", "--to", "auto",
        )  # fmt: skip
        self.assert_ends(command, UNAVAILABLE, "no port fits serial:17", "3 ports fit auto")
        # That more than one port fits does not change by trying again.
        self.assertNotIn("auto: 3 ports fit auto", command.output)
        self.assertNotIn("3 ports fit auto", "".join(
            line for line in command.words.splitlines() if "trying again" in line
        ))  # fmt: skip

    def test_malformed(self):
        for selector in ("usb:403:6001", "usb:0403", "usb:0403:6001-x", "serial:", "at:hub", ""):
            command = self.run_here("send", selector, DIGITS)
            self.assert_ends(command, USAGE, selector, "wtserial ports")
            self.assertNotIn("::", command.words)

    def test_waits_for_a_port(self):
        receiver = self.look("receive", "--json", "usb:0403:6001", self.out, "--wait=forever")
        notice = receiver.wait_for_event("notice")
        self.assertIn("not there yet", notice["message"])
        self.bed.plug(CH340)
        self.bed.plug(FTDI)
        waiting = receiver.wait_for_event("waiting")
        self.assertEqual((waiting["port"], waiting["device"]), ("usb:0403:6001", FTDI.path))

    def test_waits_no_longer_than_told(self):
        for port in ("/dev/ttyUSB7", "serial:17"):
            command = self.run_here("send", port, DIGITS, "--wait=0.5")
            self.assert_ends(command, UNAVAILABLE, port, "waiting for it", "plugged in")
            self.assertNotIn("--wait", command.words)

    def test_wait_that_makes_no_sense(self):
        for value in ("never", "-1", "0", "nan", "1.5s"):
            for words in ([f"--wait={value}"], ["--wait", value]):
                command = self.run_here("send", "auto", DIGITS, *words)
                self.assert_ends(command, USAGE, f"'{value}' is invalid for '--wait")


class FollowTests(BedTests):
    """The other end notices a pause and nothing else."""

    def begin(self, adapter, mover, selector=None):
        """A transfer of some seconds, of which one end is at an adapter and the other is not."""
        self.lay_cable(adapter)
        here, there = selector or adapter.path, self.b
        places = {"send": (here, there), "receive": (there, here)}[mover]
        sees = {mover: {"before": self.bed.before}}
        self.receiver = self.start(
            "receive", "--json", self.rate, places[1], self.out, **sees.get("receive", {})
        )
        self.receiver.wait_for_event("waiting")
        self.sender = self.start(
            "send", "--json", self.rate, places[0], self.model, **sees.get("send", {})
        )
        mover, other = {
            "send": (self.sender, self.receiver), "receive": (self.receiver, self.sender)
        }[mover]  # fmt: skip
        mover.wait_for_event("progress", lambda event: event["bytes"] > 20_000)
        return mover, other

    @property
    def model(self):
        return DIGITS

    def come_back(self, adapter):
        self.bed.plug(adapter).join(self.cable)

    def assert_arrives(self, mover, adapter):
        for command in (self.sender, self.receiver):
            self.assert_ends(command, OK)
        self.assertEqual(models.differences(DIGITS, self.out), [])
        self.assertEqual(mover.events[-1]["device"], adapter.path)
        notices = [event["message"] for event in mover.events if event["event"] == "notice"]
        self.assertTrue(any("has gone" in text for text in notices), notices)
        self.assertTrue(any(adapter.path in text and "back" in text for text in notices), notices)
        # From where it was: what had begun did not begin again.
        for command in (self.sender, self.receiver):
            began = [event for event in command.events if event["event"] == "began"]
            self.assertEqual(len(began), 1)

    @lasts(30)
    def test_sender_that_comes_back_under_another_name(self):
        mover, _ = self.begin(FTDI, "send", f"serial:{FTDI.serial}")
        self.bed.unplug(FTDI)
        mover.wait_for_event("notice", lambda event: "has gone" in event["message"])
        # A stranger takes the name.
        self.bed.plug(dataclasses.replace(CH340, name="ttyUSB0"))
        again = dataclasses.replace(FTDI, name="ttyUSB3", socket="1-2", number=9)
        self.come_back(again)
        self.assert_arrives(mover, again)
        self.assertEqual(mover.events[-1]["port"], f"serial:{FTDI.serial}")

    @lasts(30)
    def test_receiver_that_comes_back_under_another_name(self):
        mover, _ = self.begin(FTDI, "receive")
        self.bed.unplug(FTDI)
        mover.wait_for_event("notice", lambda event: "has gone" in event["message"])
        again = dataclasses.replace(FTDI, name="ttyUSB1", number=9)
        self.come_back(again)
        self.assert_arrives(mover, again)

    @lasts(30)
    def test_adapter_without_a_serial_number_is_known_by_its_place(self):
        mover, _ = self.begin(CH340, "send")
        self.bed.unplug(CH340)
        self.bed.plug(dataclasses.replace(CH340, name="ttyUSB0", socket="1-2"))
        again = dataclasses.replace(CH340, name="ttyUSB1", number=9)
        self.come_back(again)
        self.assert_arrives(mover, again)

    @lasts(30)
    def test_port_that_is_silent_and_not_hung_up(self):
        mover, _ = self.begin(FTDI, "send")
        self.bed.unplug(FTDI, hangs_up=False)
        again = dataclasses.replace(FTDI, name="ttyUSB1", number=9)
        self.come_back(again)
        self.assert_arrives(mover, again)

    @lasts(45)
    def test_device_that_stays_away(self):
        mover, other = self.begin(CH340, "send")
        self.bed.unplug(CH340)
        # Its like in another socket is another one.
        self.bed.plug(dataclasses.replace(CH340, name="ttyUSB0", socket="1-2"))
        self.assert_ends(mover, TRY_AGAIN, CH340.path, "has gone", "again")
        self.assert_ends(other, TRY_AGAIN, "again")
