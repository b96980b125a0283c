"""What the benchmarks do before they measure."""

import os
import subprocess
import sys

from manifest import ROOT


def run(*command):
    # What others print must not get into the table.
    status = subprocess.run(command, cwd=ROOT, stdout=sys.stderr).returncode
    if status != 0:
        sys.exit(status)


def build_product(name):
    """The path of a program of Package.swift, after a release build."""
    run("Scripts/setup", "build")
    build = ["swift", "build", "-c", "release", "--product", name]
    run(*build)
    folder = subprocess.check_output([*build, "--show-bin-path"], cwd=ROOT, text=True)
    return os.path.join(folder.strip(), name)


def wtserial_command():
    """What $WTSERIAL names; without it, a release build."""
    return named_command() or os.path.abspath(build_product("wtserial"))


def named_command():
    """What $WTSERIAL names; nothing where it is not set. What cannot be run ends the script."""
    name = os.environ.get("WTSERIAL")
    if not name:
        return None
    path = os.path.abspath(name)
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        sys.exit(f"WTSERIAL={name} is no command; set it to the path of wtserial, or unset it")
    return path
