"""Compiles targets of Package.swift as Embedded Swift."""

import subprocess
import sys
from pathlib import Path


class CompileError(Exception):
    """What the compiler said."""


def setting_flags(setting):
    """The compiler's word for a setting of the manifest."""
    match setting:
        case ("strictMemorySafety",):
            return ["-strict-memory-safety"]
        case ("treatAllWarnings", "error"):
            return ["-warnings-as-errors"]
        case ("treatWarning", group, "error"):
            return ["-Werror", group]
        case ("enableUpcomingFeature", feature):
            return ["-enable-upcoming-feature", feature]
    sys.exit(f"embedded: knows no compiler flag for the setting {setting}")


def compile_target(target, triple, folder, flags=(), optimization="-Osize"):
    """Leaves the module and the object in the folder; returns the object's path."""
    stem = folder / target.name
    command = ["swiftc", "-target", triple, "-enable-experimental-feature", "Embedded"]
    command += ["-wmo", optimization, "-parse-as-library", "-swift-version", "6"]
    command += ["-module-name", target.name, "-package-name", "wtserial"]
    command += [flag for setting in target.settings for flag in setting_flags(setting)]
    command += flags
    command += ["-I", folder, "-emit-module-path", f"{stem}.swiftmodule", "-c", "-o", f"{stem}.o"]
    run = subprocess.run(command + target.sources(), capture_output=True, text=True)
    if run.returncode != 0:
        raise CompileError(run.stdout + run.stderr)
    return Path(f"{stem}.o")
