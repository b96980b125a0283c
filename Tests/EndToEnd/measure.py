"""Runs a command and writes the most memory that it had, in KiB, to a file: measure.py FILE COMMAND…

A process of its own, because the kernel counts a child's peak from what its parent had.
"""

import resource
import subprocess
import sys
from pathlib import Path

status = subprocess.run(sys.argv[2:]).returncode
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
Path(sys.argv[1]).write_text(str(peak))
sys.exit(status if status >= 0 else 128 - status)
