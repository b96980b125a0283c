"""Servers of serial ports: real ser2net, and what stands between it and a client."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from processes import wait_until

LISTENING = "0A"
# Debian keeps it where only root looks.
SER2NET = shutil.which("ser2net", path=f"{os.environ['PATH']}:/usr/sbin") or "ser2net"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def is_listening(port):
    """By the kernel's tables: to connect would open the serial port behind a server."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == port and fields[3] == LISTENING:
                return True
    return False


class Ser2net:
    """A running ser2net that serves the port at `path` by an accepter such as `telnet(rfc2217),tcp`."""

    def __init__(self, folder, path, accepter="telnet(rfc2217),tcp", baud=115200):
        self.port = free_port()
        self.file = folder / f"ser2net-{self.port}.yaml"
        self.file.write_text(
            f"connection: &port\n  accepter: {accepter},127.0.0.1,{self.port}\n"
            f"  connector: serialdev,{path},{baud}n81,local\n"
        )
        self.start()

    def start(self):
        self.log = open(f"{self.file}.log", "ab")
        # -u: no lock files of UUCP, which ordinary users cannot write.
        self.process = subprocess.Popen(
            [SER2NET, "-n", "-d", "-u", "-c", self.file],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )  # fmt: skip
        wait_until(lambda: is_listening(self.port), lambda: f"ser2net, port {self.port}")

    def stop(self, by=signal.SIGKILL):
        self.process.send_signal(by)
        self.process.wait()
        self.log.close()


class Relay:
    """Carries a TCP connection to another port, `delay` seconds later each way."""

    def __init__(self, target, delay=0):
        self.target, self.delay = target, delay
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ends = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self._admit(client)

    def _admit(self, client):
        server = socket.create_connection(("127.0.0.1", self.target))
        self.ends += [client, server]
        for pair in ((client, server), (server, client)):
            threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source, sink):
        due = []
        source.settimeout(0.005)
        is_open = True
        while is_open or due:
            try:
                data = source.recv(4096) if is_open else b""
                is_open = bool(data)
                due.append((time.monotonic() + self.delay, data))
            except TimeoutError:
                pass
            except OSError:
                return
            while due and due[0][0] <= time.monotonic():
                data = due.pop(0)[1]
                try:
                    sink.sendall(data) if data else sink.shutdown(socket.SHUT_WR)
                except OSError:
                    return
            if not is_open:
                time.sleep(0.005)

    def close(self):
        for end in (self.listener, *self.ends):
            end.close()


class Gate(Relay):
    """Carries connections; while it is shut, it turns each away with some words."""

    def __init__(self, target, words):
        self.words = words
        self.is_shut = False
        # How many connections were turned away.
        self.refusals = 0
        super().__init__(target)

    def shut(self):
        self.is_shut = True
        for end in self.ends:
            # One that the other side has ended by now is what is wanted.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def open(self):
        self.is_shut = False

    def _admit(self, client):
        if not self.is_shut:
            return super()._admit(client)
        self.refusals += 1
        with client:
            client.sendall(self.words)


class ComPortServer:
    """A Telnet server with COM-PORT-OPTION (RFC 2217) in front of nothing, which notes what it is told.

    `answers` says what it answers to a command, given as its number, for a value; None is no answer.
    """

    IAC, SE, SB, WILL, DO = 255, 240, 250, 251, 253
    COM_PORT = 44

    def __init__(self, answers=lambda command, value: value):
        self.answers = answers
        # (seconds, number, value) of each command.
        self.commands = []
        self.negotiations = []
        self.data = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def values(self, command):
        return [value for _, number, value in self.commands if number == command]

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self._talk(connection)
                except OSError:
                    pass

    def _talk(self, connection):
        stream = connection.makefile("rb")
        while byte := stream.read(1):
            if byte[0] != self.IAC:
                self.data += byte
                continue
            command = stream.read(1)[0]
            if command == self.IAC:
                self.data += b"\xff"
            elif command == self.SB:
                self._subnegotiate(connection, stream)
            elif command >= self.WILL:
                option = stream.read(1)[0]
                self.negotiations.append((command, option))
                answer = self.DO if command == self.WILL else self.WILL
                connection.sendall(bytes([self.IAC, answer, option]))

    def _subnegotiate(self, connection, stream):
        content = b""
        while not content.endswith(bytes([self.IAC, self.SE])):
            content += stream.read(1)
            if content.endswith(b"\xff\xff"):
                # So that what follows is not taken for the end.
                content = content[:-2] + b"\xff\x00"
        content = content[:-2].replace(b"\xff\x00", b"\xff")
        assert content[0] == self.COM_PORT, content
        command, value = content[1], content[2:]
        self.commands.append((time.monotonic(), command, value))
        answer = self.answers(command, value)
        if answer is not None:
            body = bytes([self.COM_PORT, command + 100]) + answer
            connection.sendall(b"\xff\xfa" + body.replace(b"\xff", b"\xff\xff") + b"\xff\xf0")

    def close(self):
        self.listener.close()
