"""Sends a file over a modelled line by one of the programs, and tells how fast it was.

Each transfer has a line, two terminals and a folder of its own; nothing of it outlives `transfer`.
"""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from peers import Job

IDEAL_TIMES_LIMIT = 4
# The receiver listens before the sender starts, which starts the clock.
HEAD_START_SECONDS = 0.2
# What the driver of a UART takes before a writer has to wait. A pseudo-terminal takes 20 KiB, and a
# sender that streams has to repeat them all after an error.
UART_BUFFER_BYTE_COUNT = 4096
PACING_SECONDS = 0.01
# When one end has failed, the other has this long to notice.
FAREWELL_SECONDS = 2


@dataclass(frozen=True)
class Outcome:
    share: float | None  # of the line rate; none where the file did not arrive in time
    right: float  # share of the file that is right from its start
    is_wrong: bool  # both ends said that all is well, and it is not

    @property
    def rank(self):
        return (self.share or 0, self.right)


@contextmanager
def running(command, **streams):
    """A process in a session of its own: Ctrl-C is ours to handle, and to pass on."""
    streams = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")} | streams
    process = subprocess.Popen(
        [str(word) for word in command], start_new_session=True, **streams
    )
    try:
        yield process
    finally:
        stop(process)


def stop(process):
    """Lets it write what it has received, but not for long."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                pass


@contextmanager
def open_port(path, baud):
    """A raw terminal. Kept open, so that the last bytes of a program outlive it as on a UART."""
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(port)
        attributes = termios.tcgetattr(port)
        attributes[2] |= termios.CLOCAL
        attributes[4] = attributes[5] = getattr(termios, f"B{baud}")
        termios.tcsetattr(port, termios.TCSANOW, attributes)
        yield port
    finally:
        os.close(port)


@contextmanager
def uart_buffer(path, bytes_per_second):
    """A pipe that holds as much as a UART's driver and is emptied into the port at its pace."""
    port = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, UART_BUFFER_BYTE_COUNT)
    is_over = threading.Event()
    thread = threading.Thread(target=pace, args=(reader, port, bytes_per_second, is_over))
    thread.start()
    try:
        yield writer
    finally:
        is_over.set()
        os.close(writer)
        thread.join()
        os.close(reader)
        os.close(port)


def pace(reader, port, bytes_per_second, is_over):
    byte_count = max(16, int(bytes_per_second * PACING_SECONDS))
    idle_at = time.monotonic()
    while (data := os.read(reader, byte_count)) and not is_over.is_set():
        if data.endswith(b"OO"):
            # sz parts with these and then discards what its terminal has not sent, which is nothing
            # where it could drain it first; a pseudo-terminal cannot be drained.
            time.sleep(PACING_SECONDS)
        idle_at = max(idle_at, time.monotonic()) + len(data) / bytes_per_second
        while data and not is_over.is_set():
            try:
                data = data[os.write(port, data) :]
            except BlockingIOError:
                # The line waits for a receiver that does not read, perhaps never again.
                is_over.wait(PACING_SECONDS)
        is_over.wait(max(0, idle_at - time.monotonic() - 2 * PACING_SECONDS))


@contextmanager
def joined_ports(cell, wtserial, seed, folder):
    """The names and the descriptors of two ports, joined by the line of the cell."""
    paths = folder / "a", folder / "b"
    command = [wtserial, "loopback", "--json", "--a", paths[0], "--b", paths[1], "--seed", seed]
    command += ["--baud", cell.baud, "--latency-ms", cell.delay_ms, *cell.options.split()]
    with running(command, stdout=subprocess.PIPE, stderr=None) as line, line.stdout:
        if not line.stdout.readline():
            sys.exit(f"bench-peers: the loopback ended with exit code {line.wait()}")
        with open_port(paths[0], cell.baud) as a, open_port(paths[1], cell.baud) as b:
            yield paths, (a, b)


def transfer(tool, cell, contents, wtserial, seed):
    """Sends the contents once; the seed draws the faults."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-peers-")))
        model, out = folder / "weights.bin", folder / "received" / "weights.bin"
        model.write_bytes(contents)
        out.parent.mkdir()
        paths, (a, b) = stack.enter_context(joined_ports(cell, wtserial, seed, folder))
        receive, send = tool.commands(Job(cell, wtserial, paths, model, out))
        at_a, at_b = {}, {}
        if tool.on_standard_streams:
            buffer = stack.enter_context(uart_buffer(paths[0], cell.bytes_per_second))
            at_a, at_b = {"stdin": a, "stdout": buffer}, {"stdin": b, "stdout": b}

        limit = IDEAL_TIMES_LIMIT * len(contents) / cell.bytes_per_second
        with running(receive, cwd=out.parent, **at_b) as receiver:
            time.sleep(HEAD_START_SECONDS)
            start = time.monotonic()
            with running(send, **at_a) as sender:
                statuses = wait_for((sender, receiver), start + limit)
                seconds = time.monotonic() - start
        return judge(contents, out, statuses, seconds, cell.bytes_per_second)


def wait_for(processes, end):
    """Waits for all to end, not long for others where one has failed; returns their exit codes."""
    has_failed = False
    while True:
        statuses = [process.poll() for process in processes]
        if None not in statuses or time.monotonic() > end:
            return statuses
        if any(statuses) and not has_failed:
            has_failed = True
            end = min(end, time.monotonic() + FAREWELL_SECONDS)
        time.sleep(0.002)


def judge(contents, out, statuses, seconds, bytes_per_second):
    """Compares what arrived with what was sent; the exit codes of both ends do not decide."""
    partial = out.with_name(out.name + ".partial")
    received = next((path.read_bytes() for path in (out, partial) if path.exists()), b"")
    right = len(os.path.commonprefix((contents, received)))
    is_whole = received == contents
    share = len(contents) / seconds / bytes_per_second
    return Outcome(
        share=share if is_whole and None not in statuses else None,
        right=right / len(contents),
        is_wrong=statuses == [0, 0] and not is_whole,
    )
