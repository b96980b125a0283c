"""Emulated boards that tests start, and never leave behind."""

import functools
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path

from processes import LIMIT, ROOT, wait_until

ESCAPE = b"\x1b"
# In flight to a board that echoes: fewer than its ring holds.
IN_FLIGHT, IN_FLIGHT_TO_AVR = 256, 96
building = threading.Lock()


def run_script(*words):
    done = subprocess.run([ROOT / f"Scripts/{words[0]}", *words[1:]], capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@functools.cache
def build(board, program, defines):
    run_script("setup", "device" if is_avr(board) else "emulator")
    name = "-".join((program, *defines)).replace("=", "")
    options = [word for define in defines for word in ("-D", define)]
    return ROOT / run_script("firmware", board, program, *options, "--name", name)


def is_avr(board):
    """Those have a compiler and an emulator of their own."""
    return board.startswith("avr-")


def firmware(board, program, *defines):
    """The path of the program, which is built once; `defines` are words like NAME=VALUE."""
    with building:
        return build(board, program, defines)


class Machine:
    """A board at work; whoever wants opens its port, which is at `path`."""

    def __init__(self, board, elf, *options):
        command = [ROOT / "Scripts/emulate", board, elf, *options]
        self.monitor = dict(zip(options, options[1:])).get("--monitor")
        self.process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.path = self.process.stdout.readline().strip()
        assert self.path, f"no board {board}"

    def close(self):
        """Ends it at once, as when the power fails; what its flash holds then is in the file."""
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def reset(self):
        self.process.send_signal(signal.SIGUSR1)

    def memory(self, address, count):
        """What is there, as the monitor tells; for a board that was started with one."""
        copy = self.monitor.with_suffix(".memory")
        # It is not there at once, and the one of a board before may be.
        with wait_until(lambda: connection(self.monitor), lambda: "the monitor") as monitor:
            monitor.settimeout(LIMIT)
            monitor.sendall(f'memsave {address} {count} "{copy}"\n'.encode())
            told = b""
            while told.count(b"(qemu) ") < 2:
                told += monitor.recv(4096)
        return copy.read_bytes()


def connection(path):
    """To a socket; nothing where nobody listens."""
    found = socket.socket(socket.AF_UNIX)
    try:
        found.connect(str(path))
    except OSError:
        found.close()
        return None
    return found


class Emulator(Machine):
    """A board at work, and its port held open; or, with `port`, at the other end of a line."""

    def __init__(self, board, program, *options, port=None):
        """`program` is a name, or the path of what is built already."""
        elf = program if isinstance(program, Path) else firmware(board, program)
        super().__init__(board, elf, *options)
        self.in_flight = IN_FLIGHT_TO_AVR if is_avr(board) else IN_FLIGHT
        self.port = os.open(port or self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.port)

    def close(self):
        os.close(self.port)
        super().close()

    def write(self, data):
        while data:
            assert select.select([], [self.port], [], LIMIT)[1], "the board takes nothing"
            data = data[os.write(self.port, data) :]

    def read(self, seconds=LIMIT):
        """What is there, or comes within the time; nothing where nothing comes."""
        readable, _, _ = select.select([self.port], [], [], seconds)
        return os.read(self.port, 4096) if readable else b""

    def read_until(self, text):
        """All up to `text`, and with it."""
        data = b""
        end = time.monotonic() + LIMIT
        while text not in data:
            assert time.monotonic() < end, f"{text} does not come after {data[-100:]}"
            data += self.read(0.1)
        return data

    def read_count(self, count):
        data = b""
        while len(data) < count:
            more = self.read()
            assert more, f"{len(data)} of {count} bytes come"
            data += more
        return data

    def ask(self, command, *numbers):
        """The words of the answer to a command of Hardware/firmware/echo."""
        name = command.encode()
        self.write(ESCAPE + name + b"".join(number.to_bytes(8, "little") for number in numbers))
        line = self.read_until(b"\n")
        assert line.startswith(name + b": "), line
        return line.decode().split()[1:]

    def number(self, command):
        return int(self.ask(command)[0])

    def wait_until_started(self):
        """Sends until it comes back: what goes to a board before it has started may be lost."""
        end = time.monotonic() + LIMIT
        number, back = 0, b""
        while f"started {number}?\n".encode() not in back:
            assert time.monotonic() < end, f"does not start: {back}"
            number += 1
            # An escape may have come of which the command has not; it takes a line feed for one.
            self.write(f"\n\nstarted {number}?\n".encode())
            while more := self.read(0.3):
                back += more

    def echo(self, data):
        """What comes back of the data, with few enough bytes in flight."""
        back = bytearray()
        sent = bytearray()
        while len(back) < len(data):
            piece = data[len(sent) : len(back) + self.in_flight]
            self.write(piece.replace(ESCAPE, ESCAPE + ESCAPE))
            sent += piece
            more = self.read()
            assert more, f"{len(back)} of {len(sent)} bytes come back"
            back += more
        return bytes(back)
