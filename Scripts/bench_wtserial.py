"""What a receiver of wtserial's stream has after part of it, and how long each part is."""

import subprocess
import sys
import tempfile
from functools import cached_property
from pathlib import Path

from bench_plan import Plan
from evaluate_digits import load_state


class Stream:
    """One model file sent in one way. Its sizes are those of real coding, not estimates."""

    def __init__(self, wtserial, path, *options):
        self.command = [wtserial, "plan", path, *options]

    @cached_property
    def plan(self):
        return Plan.parse(output(*self.command, "--json", "--measure"))

    def received(self, byte_count):
        """The state after so many bytes; a tensor that nothing has come for is zero."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "received.safetensors"
            output(*self.command, "--until", str(byte_count), "--out", path)
            return load_state(str(path))


def output(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench-codec: {' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout
