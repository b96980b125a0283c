"""The receiver as Python sees it: built with the sanitizers of gcc, called through ctypes."""

import ctypes
import functools
import importlib.machinery
import importlib.util
import os
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HARDWARE = ROOT / "Hardware/c"
FOLDER = tempfile.TemporaryDirectory(prefix="wtserial-c-")
FLAGS = ["-std=c99", "-g", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic"]
FLAGS += ["-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
FRAME_SIZE = 260  # at most
JOURNAL_PAGES = 2


def load_script(name):
    """A script of Scripts as a module."""
    loader = importlib.machinery.SourceFileLoader(
        name.replace("-", "_"), str(ROOT / "Scripts" / name)
    )
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


TABLE = load_script("model-table")


@functools.cache
def library(*options):
    """The library with compile-time options such as `WT_MEMORY=0`."""
    path = os.path.join(FOLDER.name, "-".join(options).replace("=", "") + "receiver.so")
    # The harness includes the receiver: its inner functions are tested too.
    command = ["gcc", *FLAGS, "-shared", "-fPIC", f"-I{HARDWARE}", *(f"-D{o}" for o in options)]
    command += [str(HERE / "harness.c"), "-o", path]
    subprocess.run(command, check=True)
    found = ctypes.CDLL(path)
    for name in ("h_new", "h_image", "h_states"):
        getattr(found, name).restype = ctypes.c_void_p
    found.h_events.restype = ctypes.c_char_p
    if "WT_FLASH=1" in options:
        found.h_flash_log.restype = ctypes.c_char_p
        for name in ("h_is_kept", "h_roll_back"):
            getattr(found, name).restype = ctypes.c_bool
    if "WT_CORRECTION=1" in options:
        for name in ("h_size_without_parity", "h_correct"):
            getattr(found, name).restype = ctypes.c_uint16
    found.h_deadline.restype = ctypes.c_uint32
    found.h_transmit.restype = ctypes.c_uint16
    found.h_metric.restype = ctypes.c_bool
    return found


class Flash:
    """NOR flash, which outlives receivers."""

    def __init__(self, content=None, page_size=256, page_count=10, unit=4):
        content = content or bytes([0xFF]) * (page_size * (page_count + JOURNAL_PAGES))
        self.buffer = ctypes.create_string_buffer(content, len(content))
        self.page_size, self.page_count, self.unit = page_size, page_count, unit
        self.cut, self.seed, self.worn = 0xFFFFFFFF, 1, 0xFFFFFFFF

    def copy(self):
        return Flash(self.buffer.raw, self.page_size, self.page_count, self.unit)


class Receiver:
    """A device that runs the model whose tensors are given as (name, dtype code, extents)."""

    def __init__(self, tensors, options=(), mtu=262, outbox=192, nonce=0x9ABCDEF0, table=None,
                 flash=None):
        self.library = library(*options)
        names = {code: name for name, (code, _) in TABLE.DTYPES.items()}
        rows = [{"name": n, "dtype": names[d], "shape": list(s)} for n, d, s in tensors]
        self.places, self.image_size = TABLE.layout(rows, "WT_CODEC=0" not in options)
        table = table or TABLE.model_table(rows)
        self.handle = ctypes.c_void_p(
            self.library.h_new(table, len(table), len(rows), self.image_size, mtu, outbox)
        )
        self.flash = flash
        if flash:
            self.library.h_flash(
                self.handle, flash.buffer, flash.page_size, flash.page_count, flash.unit, flash.cut,
                flash.seed, flash.worn,
            )  # fmt: skip
        self.reset(nonce)

    def reset(self, nonce):
        self.library.h_init(self.handle, ctypes.c_uint32(nonce))

    def behave(self, check_milliseconds=0, is_stored=True):
        self.library.h_behave(self.handle, check_milliseconds, is_stored)

    def rejects(self, is_no_good=True):
        """Finds each model no good that it tries from now on."""
        self.library.h_reject(self.handle, is_no_good)

    def reports(self):
        """Tells a metric at each milestone from now on."""
        self.library.h_report(self.handle)

    def receive(self, data, now=0):
        self.library.h_receive(self.handle, bytes(data), len(data), ctypes.c_uint32(now))

    def transmit(self, now=0):
        out = ctypes.create_string_buffer(FRAME_SIZE)
        count = self.library.h_transmit(self.handle, out, ctypes.c_uint32(now))
        return out.raw[:count]

    def drain(self, now=0):
        """All frames that it sends now."""
        frames = []
        while frame := self.transmit(now):
            frames.append(frame)
        return frames

    def deadline(self, now=0):
        return self.library.h_deadline(self.handle, ctypes.c_uint32(now))

    def busy(self, milliseconds):
        self.library.h_busy(self.handle, milliseconds)

    def metric(self, name, value, digits, unit):
        return self.library.h_metric(self.handle, name.encode(), value, digits, unit.encode())

    @property
    def image(self):
        return ctypes.string_at(self.library.h_image(self.handle), self.image_size)

    def tensor(self, index):
        place = self.places[index]
        return self.image[place["offset"] : place["offset"] + place["size"]]

    def state(self, index):
        """Level, passes and flags, in this machine's order of bytes."""
        raw = ctypes.string_at(self.library.h_states(self.handle) + 4 * index, 4)
        return int.from_bytes(raw[:2], "little"), raw[2], raw[3]

    def weights(self, index):
        """Those of a tensor in planes, as integers."""
        weight = self.library.h_weight
        weight.restype = ctypes.c_int16
        return [weight(self.handle, index, byte) for byte in self.tensor(index)]

    @property
    def events(self):
        return self.library.h_events(self.handle).decode().splitlines()

    def close(self):
        self.library.h_free(self.handle)
