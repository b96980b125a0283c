"""Ports with devices behind them: what is listed, how a port is named, and devices that go away and
come back. The devices are those of umockdev."""

import json
import os
import signal
import tty

import models
from devices import Adapter, Testbed, tty_block
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
    "\n".join(tty_block(f"/devices/{path}/tty/{name}", name, 4, minor, type=kind)) + "\n\n"
    for path, name, minor, kind in (
        ("platform/serial8250", "ttyS1", 65, 0),
        ("pnp0/00:05", "ttyS0", 64, 4),
    )
)


class BedTests(LineTests):
    """Tests with a testbed, which `start` lets commands see."""

    def setUp(self):
        super().setUp()
        self.bed = Testbed()
        self.addCleanup(self.bed.close)

    def look(self, *arguments, **options):
        return self.start(*arguments, before=self.bed.before, **options)

    def run_here(self, *arguments, **options):
        command = self.look(*arguments, **options)
        command.wait()
        return command

    def plug_all(self):
        for adapter in (CH340, FTDI, UNO):
            self.bed.plug(adapter)

    def lay_cable(self, adapter, baud=115200):
        """A line whose end `b` is an ordinary port, and whose other one is at an adapter."""
        self.lay_line(baud=baud)
        self.cable = os.open(self.a, os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, self.cable)
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
