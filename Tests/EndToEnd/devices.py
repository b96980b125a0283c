"""Serial ports with devices behind them, such as a kernel and udev show: a testbed of umockdev.

What is plugged in appears in `/sys` and `/dev` to commands that are started with `bed.before`, and to
no others. Its bytes go through a pseudo-terminal.
"""

import dataclasses
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import tty
from pathlib import Path

BUS = "/devices/pci0000:00/0000:00:14.0/usb1"


@dataclasses.dataclass
class Adapter:
    """A USB adapter with one port."""

    name: str
    socket: str = "1-1"
    numbers: str = "0403:6001"
    serial: str = ""
    product: str = ""
    manufacturer: str = ""
    driver: str = "ftdi_sio"
    interface: int = 0
    protocol: int = 0xFF
    number: int = 2
    # What the driver runs at where more is asked for.
    fastest: int = 4_000_000
    properties: tuple = ()
    attributes: tuple = ()

    @property
    def path(self):
        return f"/dev/{self.name}"

    @property
    def by_id(self):
        words = [self.manufacturer, self.product, self.serial]
        name = "_".join(word.replace(" ", "_") for word in words if word)
        return f"usb-{name}-if{self.interface:02x}" + self._port

    @property
    def by_path(self):
        port = self.socket.split("-")[1]
        return f"pci-0000:00:14.0-usb-0:{port}:1.{self.interface}" + self._port

    @property
    def _port(self):
        return "" if self.is_acm else "-port0"

    @property
    def device(self):
        return f"{BUS}/{self.socket}"

    @property
    def tty(self):
        owner = f"{self.device}/{self.socket}:1.{self.interface}"
        if not self.is_acm:
            owner += f"/{self.name}"
        return f"{owner}/tty/{self.name}"

    @property
    def is_acm(self):
        return self.driver == "cdc_acm"

    @property
    def major(self):
        return 166 if self.is_acm else 188

    @property
    def minor(self):
        return int("".join(filter(str.isdigit, self.name)))

    def description(self):
        """The devices from the tty down, as umockdev-record writes them."""
        vendor, product = self.numbers.split(":")
        usb = {
            "idVendor": vendor, "idProduct": product, "devnum": self.number, "serial": self.serial,
            "product": self.product, "manufacturer": self.manufacturer,
        }  # fmt: skip
        interface = {
            "bInterfaceNumber": f"{self.interface:02x}", "bInterfaceClass": "02",
            "bInterfaceSubClass": "02", "bInterfaceProtocol": f"{self.protocol:02x}",
        }  # fmt: skip
        lines = tty_block(self.tty, self.name, self.major, self.minor)
        lines.remove(f"N: {self.name}")
        lines.append(f"L: device=../../../{Path(self.tty).parts[-3]}")
        lines += [f"E: {name}=1" for name in self.properties]
        # A device has to be there before what is part of it.
        blocks = [lines]
        if not self.is_acm:
            blocks.append(
                block(Path(self.tty).parents[1], "usb-serial", self.driver, dict(self.attributes))
            )
        folder = f"{self.device}/{self.socket}:1.{self.interface}"
        blocks.append(block(folder, "usb", self.driver, interface, "usb_interface"))
        blocks.append(block(self.device, "usb", "usb", usb, "usb_device"))
        return "\n\n".join("\n".join(lines) for lines in reversed(blocks)) + "\n\n"


def block(path, subsystem, driver=None, attributes=None, kind=None):
    yield f"P: {path}"
    yield f"E: SUBSYSTEM={subsystem}"
    if kind:
        yield f"E: DEVTYPE={kind}"
    if driver:
        yield f"E: DRIVER={driver}"
        depth = "../" * str(path).count("/")
        yield f"L: driver={depth}bus/{subsystem}/drivers/{driver}"
    for name, value in (attributes or {}).items():
        if value != "":
            yield f"A: {name}={value}"


def tty_block(path, name, major, minor, **attributes):
    lines = [*block(path, "tty", None, {"dev": f"{major}:{minor}", **attributes})]
    return [
        lines[0], f"N: {name}", *lines[1:], f"E: DEVNAME=/dev/{name}", f"E: MAJOR={major}",
        f"E: MINOR={minor}",
    ]  # fmt: skip


class Testbed:
    """What is plugged in. `before` begins the command line of those who see it."""

    def __init__(self):
        program = ["umockdev-wrapper", sys.executable, str(Path(__file__).with_name("testbed.py"))]
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.root = Path(json.loads(self.process.stdout.readline()))
        self.before = ["env", f"UMOCKDEV_DIR={self.root}", "umockdev-wrapper"]
        self.wires = {}
        # For ports that are opened by a link: the library's own answers know no terminals.
        default = self.root / "ioctl/_default"
        default.unlink()
        self.driver = Driver(default)

    def close(self):
        self.driver.close()
        for wire in self.wires.values():
            wire.close()
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.root)

    def call(self, name, *arguments):
        print(json.dumps({"call": name, "arguments": arguments}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def cut(self):
        """Carries nothing from or to any port."""
        for wire in self.wires.values():
            wire.cut()

    def add(self, text):
        """Adds devices by their description."""
        self.call("add", text)

    def plug(self, adapter):
        """Plugs an adapter in; udev tells of it when all of it is there."""
        wire = self.wires[adapter.name] = Wire()
        wire.driver = Driver(self.root / f"ioctl{adapter.path}", adapter.fastest)
        # The library's own terminal is held open by its process, and could not be hung up.
        for path, target in self.links(adapter, wire.terminal_name).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Of two that claim a link the later one has it.
            path.unlink(missing_ok=True)
            path.symlink_to(target)
        self.add(adapter.description())
        return wire

    def links(self, adapter, terminal):
        """An adapter's node, and the links that udev makes to it; by what each points to."""
        devices = self.root / "dev"
        return {
            devices / adapter.name: terminal,
            devices / "serial/by-id" / adapter.by_id: f"../../{adapter.name}",
            devices / "serial/by-path" / adapter.by_path: f"../../{adapter.name}",
        }

    def unplug(self, adapter, hangs_up=True):
        """Pulls it out: whoever has the port is hung up, or just hears nothing more."""
        wire = self.wires.pop(adapter.name)
        if hangs_up:
            wire.close()
        else:
            wire.cut()
            self.wires[wire] = wire
        for path, target in self.links(adapter, wire.terminal_name).items():
            if path.is_symlink() and os.readlink(path) == target:
                path.unlink()
        (self.root / "dev/.node" / adapter.name).unlink(missing_ok=True)
        # The last word still has the device's properties.
        self.call("tell", f"/sys{adapter.tty}", "remove")
        self.call("remove", f"/sys{adapter.device}")
        # The library leaves those to the device's parts.
        for pattern in ("bus/*/devices/*", "class/*/*", "dev/*/*"):
            for link in (self.root / "sys").glob(pattern):
                if not link.exists():
                    link.unlink()


class Driver:
    """Answers calls on an open port by what its pseudo-terminal answers, but for rates above `fastest`.

    The protocol is that of umockdev's preloaded library: three machine words each way.
    """

    REQUEST = struct.Struct("=3Q")
    RESULT, DONE, RUN, READ_MEMORY, WRITE_MEMORY = 2, 3, 4, 5, 6
    IOCTL, TCGETS2 = 1, 0x802C542A
    # Of `struct termios2`: flags, line discipline and control characters, then both rates.
    TERMIOS = struct.Struct("=36s2I")

    def __init__(self, path, fastest=4_000_000):
        self.fastest = fastest
        # How often the port was opened.
        self.openings = 0
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.path.unlink()
        # Wakes the thread, as a close alone would not.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.openings += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            while request := client.recv(self.REQUEST.size, socket.MSG_WAITALL):
                kind, number, address = self.REQUEST.unpack(request)
                client.sendall(self.REQUEST.pack(self.RUN, 0, 0))
                _, *result = self.REQUEST.unpack(
                    client.recv(self.REQUEST.size, socket.MSG_WAITALL)
                )
                if (kind, number) == (self.IOCTL, self.TCGETS2) and result[0] == 0:
                    self._limit(client, address)
                client.sendall(self.REQUEST.pack(self.DONE, *result))

    def _limit(self, client, address):
        client.sendall(self.REQUEST.pack(self.READ_MEMORY, address, self.TERMIOS.size))
        flags, *rates = self.TERMIOS.unpack(client.recv(self.TERMIOS.size, socket.MSG_WAITALL))
        client.sendall(self.REQUEST.pack(self.WRITE_MEMORY, address, self.TERMIOS.size))
        client.sendall(self.TERMIOS.pack(flags, *(min(rate, self.fastest) for rate in rates)))


class Wire:
    """The bytes of a port: a pseudo-terminal, joined to another descriptor while it is there."""

    def __init__(self):
        self.master, terminal = os.openpty()
        tty.setraw(terminal)
        self.terminal_name = os.ttyname(terminal)
        # Nobody has a port open that has just been plugged in.
        os.close(terminal)
        self.stop, self.stopped = os.pipe()
        self.thread = self.driver = None

    def join(self, descriptor):
        """Carries bytes between the port and a descriptor, which stays the caller's."""
        self.thread = threading.Thread(target=self._carry, args=(descriptor,), daemon=True)
        self.thread.start()

    def _carry(self, descriptor):
        targets = {self.master: descriptor, descriptor: self.master}
        while True:
            readable, _, _ = select.select([*targets, self.stop], [], [])
            if self.stop in readable:
                return
            for source in readable:
                try:
                    self._write(targets[source], os.read(source, 4096))
                except OSError:
                    # Nobody has the port open at the moment.
                    select.select([self.stop], [], [], 0.01)

    def _write(self, target, data):
        """Writes as much as the other side takes before the cable is pulled."""
        while data:
            stopped, writable, _ = select.select([self.stop], [target], [])
            if stopped:
                return
            # A terminal that is written more than it has room for would block.
            data = data[os.write(target, data[:256]) :]

    def cut(self):
        """Carries nothing any more."""
        os.write(self.stopped, b"x")
        if self.thread:
            self.thread.join()
            self.thread = None

    def close(self):
        self.cut()
        if self.driver:
            self.driver.close()
        for descriptor in (self.master, self.stop, self.stopped):
            os.close(descriptor)
