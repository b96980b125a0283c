"""How fast the codecs are: one core, on the integers of seven planes of each matrix.

wtserial's own codec is measured by a Swift program, `CodecBench MODEL`, on the same planes, and on
the whole model until it is exact. It prints one JSON object a line: {"name": "…",
"values_per_second": x, "bytes_per_second": y}. Values are weights; bytes are those of the coded
stream, what a line would have to carry; `name` says which way.
"""

import json
import subprocess
import sys
import time
import zlib

import numpy as np
import zstandard

from bench_rivals import NNCodec
from bench_tensors import integers
from building import build_product

PLANE_COUNT = 7
# One run may be cut short or stretched by others on the machine; the best of some is steady.
REPEAT_SECONDS = 1.0


def best_seconds(work):
    """The shortest of as many runs as fit `REPEAT_SECONDS`, one at least."""
    best, end = float("inf"), time.perf_counter() + REPEAT_SECONDS
    while best == float("inf") or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def rate(name, work, value_count, byte_count):
    seconds = best_seconds(work)
    return {
        "name": name,
        "values_per_second": value_count / seconds,
        "bytes_per_second": byte_count / seconds,
    }


def rival_speeds(model):
    tensors = list(integers(model.state(), PLANE_COUNT).values())
    shapes = [values.shape for values in tensors]
    contents = b"".join(values.astype(np.int8).tobytes() for values in tensors)
    codec = NNCodec()
    coders = {
        "zlib -9": (lambda: zlib.compress(contents, 9), zlib.decompress),
        "zstd -19": (
            lambda: zstandard.ZstdCompressor(level=19).compress(contents),
            lambda coded: zstandard.ZstdDecompressor().decompress(coded),
        ),
        "NNCodec": (lambda: codec.encode(tensors), lambda coded: codec.decode(coded, shapes)),
    }
    for name, (encode, decode) in coders.items():
        coded = encode()
        yield rate(f"{name}, encoder", encode, len(contents), len(coded))
        yield rate(f"{name}, decoder", lambda: decode(coded), len(contents), len(coded))


def own_speeds(model):
    command = [build_product("CodecBench"), model.path]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return [json.loads(line) for line in done.stdout.splitlines()]
