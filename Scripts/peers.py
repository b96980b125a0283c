"""The programs that are compared, and what each is told for the line that it is to use."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable


@dataclass(frozen=True)
class Cell:
    baud: int
    delay_ms: int
    faults: str = ""
    options: str = ""  # of the loopback
    faults_per_byte: float = 0

    def __str__(self):
        return ", ".join(filter(None, (str(self.baud), f"{self.delay_ms} ms", self.faults)))

    @property
    def bytes_per_second(self):
        return self.baud / 10

    @property
    def round_trip_byte_count(self):
        return int(self.bytes_per_second * 2 * self.delay_ms / 1000)

    def by_noise(self, clean, slight, moderate, heavy, severe=None):
        """The choice for the faults of this line: none, 1e-5, 1e-4, 1e-3 in a byte, or more."""
        limits = ((0, clean), (1e-5, slight), (1e-4, moderate), (1e-3, heavy))
        fitting = (choice for limit, choice in limits if self.faults_per_byte <= limit)
        return next(fitting, severe or heavy)


@dataclass(frozen=True)
class Job:
    """What a program is to do."""

    cell: Cell
    wtserial: str
    ports: tuple[Path, Path]
    model: Path
    out: Path


@dataclass(frozen=True)
class Tool:
    name: str
    program: str
    version_command: tuple[str, ...]
    commands: Callable[[Job], tuple[list, list]]  # the receiver's and the sender's
    on_standard_streams: bool = False


def wtserial_commands(job):
    rate = ("--baud", job.cell.baud)
    a, b = job.ports
    # Nobody compresses; the file could not be compressed anyway.
    return (
        [job.wtserial, "receive", "--quiet", b, job.out, *rate],
        [job.wtserial, "send", "--quiet", a, job.model, *rate, "--codec", "none"],
    )


def zmodem_commands(job, *options):
    # rz asks again when nothing comes: by itself after 10 s, here after 1.
    return (
        ["rz", "--quiet", "--binary", "--overwrite", "--timeout", "10"],
        ["sz", "--quiet", "--binary", *options, job.model],
    )


def streaming_zmodem_commands(job):
    # Blocks of 8 KiB where nothing is ever repeated; else those of 1 KiB, which sz shortens itself.
    return zmodem_commands(job, *job.cell.by_noise(["--start-8k"], [], [], []))


def windowed_zmodem_commands(job):
    # Frames are what rz acknowledges: two, and what is on its way, keep the line busy, and little is
    # repeated. Where hardly a frame arrives, a fast line loses less if sz picks them itself.
    frame = job.cell.by_noise(4096, 512, 512, 128)
    window = 2 * frame + job.cell.round_trip_byte_count
    if frame == 128 and job.cell.baud > 9600:
        return zmodem_commands(job, "--windowsize", 512)
    return zmodem_commands(job, "--windowsize", window, "--framelen", frame)


def kermit_commands(job):
    # It shortens packets after errors, and one of 95 bytes never arrives, for its length is not
    # written as it is read: so the limit is either far above that or below.
    length, slots = job.cell.by_noise((4000, 30), (1000, 30), (300, 15), (90, 10), (50, 5))
    # Short, for a repeated packet that is lost again is missed only then; but no shorter than what
    # may be queued takes, a second's worth or four packets.
    slots = max(4, min(slots, int(job.cell.bytes_per_second / length)))
    timeout = int(1 + slots * length / job.cell.bytes_per_second)
    settings = [
        # The line is raw, carries every byte and has no modem. NUL and the ends of a packet have to
        # be prefixed: with NUL as it is, wrong files pass for good ones.
        "set carrier-watch off", "set flow-control none", "set parity none", "set streaming off",
        "set control unprefixed all", "set control prefixed 0 1 13 129 141",
        f"set receive packet-length {length}", f"set send packet-length {length}",
        f"set window {slots}", "set block-check 3", "set retry 99",
        "set repeat counts off",
        f"set send timeout {timeout} fixed", f"set receive timeout {timeout}",
        # It would send a command for a shell, and wait; and half a second for a modem to hang up.
        'set protocol kermit "" ""', "set exit hangup off", "set exit warning off",
        "set file type binary", "set transfer mode manual", "set file incomplete keep",
        "set transfer display none",
    ]  # fmt: skip

    def command(port, action):
        line = [f"set line {port}", f"set speed {job.cell.baud}"]
        script = ", ".join([*line, *settings, action, "if fail exit 1", "exit 0"])
        return ["kermit", "-Y", "-H", "-q", "-C", script]

    a, b = job.ports
    return command(b, "receive"), command(a, f"send {job.model}")


def tools(wtserial):
    """All programs; wtserial comes first."""
    lrzsz = ("lrzsz", ("sz", "--version"))
    kermit = ("C-Kermit", ("kermit", "-Y", "-H", "-C", "version, exit"))
    return [
        Tool("wtserial", "wtserial", (wtserial, "--version"), wtserial_commands),
        Tool("ZMODEM", *lrzsz, streaming_zmodem_commands, on_standard_streams=True),
        Tool("ZMODEM windowed", *lrzsz, windowed_zmodem_commands, on_standard_streams=True),
        Tool("C-Kermit", *kermit, kermit_commands),
    ]
