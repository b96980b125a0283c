"""Boards of Hardware/boards, and programs for them: in C, or in Embedded Swift on portable targets."""

import re
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from elf import board_symbol
from embedded import CompileError, compile_target
from manifest import ROOT, load_targets

BOARDS = ROOT / "Hardware/boards"
FIRMWARE = ROOT / "Hardware/firmware"
IMPORT = re.compile(r"^\s*(?:\w+\s+)?import\s+(\w+)", re.MULTILINE)
# On all boards; the port and the start-up come with the board, and with a compiler of its own what
# C needs.
COMMON, SUPPORT = ("common.c", "flash.c"), "support.c"
# Swift code takes the addresses of C variables from a table of them, so both are compiled alike.
C_FLAGS = ["-Os", "-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-fdata-sections"]
CLANG_FLAGS = ["-std=c11", "-ffreestanding", "-fno-builtin", "-fno-pic"]
# Hardware/README.md says what they mean; in program.toml there are the boards' names besides.
BOARD_KEYS = [
    "triple", "cpu", "sources", "linker-script", "defines", "compiler", "link", "emulator",
]  # fmt: skip
EMULATOR_KEYS = [
    "command", "chance-address", "flash-memory", "flash-memory-bytes", "flash-chip",
    "flash-chip-bytes", "simavr", "avr-family", "hertz",
]  # fmt: skip
PROGRAM_KEYS = ["sources", "folders"]


@dataclass(frozen=True)
class Board:
    name: str
    sources: list[Path]
    defines: dict[str, str]
    triple: str = ""
    cpu: tuple[str, ...] = ()
    linker_script: Path | None = None
    compiler: tuple[str, ...] = ()  # of its own, which also links; then there is no Swift
    link_flags: tuple[str, ...] = ()
    emulator: dict = field(default_factory=dict)
    folders: tuple[Path, ...] = (BOARDS,)  # to find headers, modules and other files in

    @property
    def flags(self):
        """For a C compiler, and behind -Xcc for swiftc."""
        defines = [f"-D{name}={value}" for name, value in self.defines.items()]
        folders = [word for folder in self.folders for word in ("-I", str(folder))]
        return [*self.cpu, "-ffreestanding", *defines, *folders]

    @property
    def c_compiler(self):
        # The dialect of GNU has what lies in flash where that is an address space of its own.
        if self.compiler:
            return [*self.compiler, "-std=gnu11"]
        return ["clang", "-target", self.triple, *CLANG_FLAGS]

    def compile(self, source, folder):
        """The object of a C file."""
        path = folder / f"{source.parent.name}-{source.stem}.o"
        run(*self.c_compiler, *C_FLAGS, *self.flags, "-c", source, "-o", path)
        return path

    def compile_swift(self, modules, folder, optimization):
        """The objects of targets, or what is like them; each after those that it imports."""
        flags = ["-Xfrontend", "-function-sections", "-Xfrontend", "-disable-stack-protector"]
        # Optimized as a whole when it is linked: a fifth less, and no table that is not used.
        flags += ["-lto=llvm-full"]
        # One trap serves all checks of a function.
        flags += ["-Xfrontend", "-mergeable-traps"]
        # Nor are loops unrolled, which takes more than it saves.
        flags += ["-Xfrontend", "-sil-unroll-threshold", "-Xfrontend", "0"]
        flags += [word for flag in self.flags for word in ("-Xcc", flag)]
        # Swift asks only whether one is defined.
        flags += [f"-D{name}" for name in self.defines]
        return [compile_target(it, self.triple, folder, flags, optimization) for it in modules]

    def link(self, objects, path):
        """Puts the program in its place when it is complete."""
        unfinished = path.with_suffix(".unfinished")
        # Which board it is for is told by a symbol, of which nothing lies in memory.
        options = ["--gc-sections", f"-Map={path.with_suffix('.map')}"]
        options += [f"--defsym={board_symbol(self.name)}=0"]
        if self.compiler:
            command = [*self.compiler, *self.link_flags, *(f"-Wl,{option}" for option in options)]
        else:
            command = ["ld.lld", "--lto-O2", "-L", BOARDS, "-T", self.linker_script, *options]
        run(*command, *objects, "-o", unfinished)
        unfinished.replace(path)


def board_names():
    return sorted(path.parent.name for path in BOARDS.glob("*/board.toml"))


class FactsError(Exception):
    """What is wrong with a board.toml or program.toml."""


def read_facts(path, known):
    """What a file of TOML says; a key that nobody reads is one that somebody has misspelt."""
    try:
        facts = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FactsError(f"{path}: {error}") from None
    check_keys(path, facts, known)
    return facts


def check_keys(place, facts, known):
    for key in facts:
        if key not in known:
            raise FactsError(f"{place}: there is no key {key}; there are {', '.join(known)}")


def read_board(path):
    """What a board.toml says."""
    facts = read_facts(path, BOARD_KEYS)
    check_keys(f"{path}, [emulator]", facts.get("emulator", {}), EMULATOR_KEYS)
    if "sources" not in facts:
        raise FactsError(f"{path}: sources are missing")
    return facts


def load_board(name, defines=()):
    """What board.toml says; `defines` are words like NAME=VALUE."""
    path = BOARDS / name / "board.toml"
    if not path.is_file():
        sys.exit(f"there is no board {name}; there are {', '.join(board_names())}")
    facts = read_board(path)
    given = dict(word.partition("=")[::2] for word in defines)
    compiler = tuple(facts.get("compiler", ()))
    common = COMMON if compiler else (*COMMON, SUPPORT)
    script = facts.get("linker-script")
    return Board(
        name=name,
        triple=facts.get("triple", ""),
        cpu=tuple(facts.get("cpu", ())),
        sources=[BOARDS / source for source in (*common, *facts["sources"])],
        linker_script=script and BOARDS / script,
        compiler=compiler,
        link_flags=tuple(facts.get("link", ())),
        defines={"BOARD_NAME": f'"{name}"', **facts.get("defines", {}), **given},
        emulator=facts.get("emulator", {}),
    )


@dataclass(frozen=True)
class SwiftProgram:
    """The Swift files of a folder, and some from elsewhere, compiled as a target would be."""

    folder: Path
    settings: tuple
    others: tuple = ()
    name: str = "Program"

    def sources(self):
        own = sorted(self.folder.glob("*.swift"))
        return own and [*own, *self.others]


def imported_targets(sources, targets):
    """The portable targets that the files import, and those that these depend on, in that order."""
    wanted = {name for source in sources for name in IMPORT.findall(source.read_text())}
    for name in reversed(targets):
        if name in wanted:
            wanted |= set(targets[name].dependencies)
    return [target for name, target in targets.items() if name in wanted and target.is_portable]


def swift_objects(board, folder, others, build, optimization):
    """Of each target that the program imports, then of the program."""
    targets = load_targets(ROOT)
    settings = next(target.settings for target in targets.values() if target.is_portable)
    program = SwiftProgram(folder, settings, tuple(others))
    if not program.sources():
        return []
    if board.compiler:
        sys.exit(f"firmware: there is no Swift for {board.name}")
    modules = [*imported_targets(program.sources(), targets), program]
    return board.compile_swift(modules, build, optimization)


def program_facts(folder):
    """What the program's program.toml says: folders for headers, sources elsewhere, defines by board."""
    path = folder / "program.toml"
    return read_facts(path, [*PROGRAM_KEYS, *board_names()]) if path.is_file() else {}


def build_firmware(board, folder, optimization="-Osize", name=None):
    """Builds what is in the folder, C and Swift, for the board; the path of the ELF file, which is
    called like the folder, or by a name of its own."""
    place = ROOT / ".build-firmware" / board.name
    build = place / (name or folder.name)
    build.mkdir(parents=True, exist_ok=True)
    # A program in Swift may have C of its own, with a module map.
    facts = program_facts(folder)
    defines = {**facts.get(board.name, {}), **board.defines}
    folders = [folder, *(folder / path for path in facts.get("folders", []))]
    board = replace(board, folders=(*board.folders, *folders), defines=defines)
    others = [folder / path for path in facts.get("sources", [])]
    swift = [path for path in others if path.suffix == ".swift"]
    sources = [*sorted(folder.glob("*.c")), *(path for path in others if path not in swift)]
    objects = swift_objects(board, folder, swift, build, optimization)
    for source in (*sources, *board.sources):
        objects.append(board.compile(source, build))
    path = place / f"{build.name}.elf"
    board.link(objects, path)
    return path


def run(*command):
    subprocess.run(command, check=True)


@contextmanager
def failures_end(script):
    """Ends the script with a sentence where something above has failed."""
    try:
        yield
    except CompileError as error:
        sys.exit(str(error))
    except FactsError as error:
        sys.exit(f"{script}: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{script}: {error.cmd[0]} failed")
    except FileNotFoundError as error:
        sys.exit(f"{script}: there is no {error.filename}")
    except OSError as error:
        sys.exit(f"{script}: {error.filename}: {error.strerror}")
