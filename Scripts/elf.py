"""What an ELF file says of the machine that it is for, and whether that is a board."""

import re
import struct
from dataclasses import dataclass

# The ELF specification: e_machine, program headers that are loaded, sections of symbols.
MACHINES = {40: "ARM", 83: "AVR", 243: "RISC-V"}
PT_LOAD, SHT_SYMTAB = 1, 2
HEADER, PROGRAM, SECTION = "<16xHHIIIIIHHHHHH", "<IIIIIIII", "<IIIIIIIIII"
# Of e_flags of an AVR: its family, as avr-gcc numbers them.
AVR_FAMILY = 0x7F
REGION = re.compile(r"(\w+) \(\w+\) : ORIGIN = (0x[0-9A-Fa-f]+), LENGTH = (\d+)([KM]?)(?: - (\d+))?")
BOARD_SYMBOL = "board_is_"
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20}


class ELFError(Exception):
    """Why a file is no program for a board, in words that read on from its path."""


@dataclass(frozen=True)
class Program:
    """What is asked of an ELF file of 32 bits, lowest byte first."""

    machine: int
    flags: int
    entry: int
    loads: list[range]  # addresses of what is there when it runs
    symbols: dict[str, int]


def read_program(path):
    """Raises ELFError where it is none."""
    contents = path.read_bytes()
    if contents[:4] != b"\x7fELF":
        raise ELFError("is no ELF file; Scripts/firmware makes them")
    if contents[4:6] != b"\1\1":
        raise ELFError("is an ELF file for a larger processor than boards have")
    try:
        return parse(contents)
    except (struct.error, ValueError):
        raise ELFError("is an ELF file that is cut off; build it again") from None


def parse(contents):
    header = struct.unpack_from(HEADER, contents)
    kind, machine, _, entry, program_start, section_start, flags, *_ = header
    program_size, program_count, section_size, section_count = header[8:12]
    if kind != 2:
        raise ELFError("is an object or a library, and no program; link it")
    loads = []
    for index in range(program_count):
        place = program_start + index * program_size
        kind, _, address, _, _, size, _, _ = struct.unpack_from(PROGRAM, contents, place)
        if kind == PT_LOAD and size > 0:
            loads.append(range(address, address + size))
    sections = [
        struct.unpack_from(SECTION, contents, section_start + index * section_size)
        for index in range(section_count)
    ]
    symbols = {}
    for section in sections:
        if section[1] == SHT_SYMTAB:
            symbols |= parse_symbols(contents, section, sections[section[6]])
    return Program(machine, flags, entry, loads, symbols)


def parse_symbols(contents, section, names):
    symbols = {}
    for place in range(section[4], section[4] + section[5], 16):
        name, value = struct.unpack_from("<II", contents, place)
        start = names[4] + name
        symbols[contents[start : contents.index(b"\0", start)].decode()] = value
    return symbols


def memory_regions(linker_script):
    """The addresses of each region that a board's linker script names."""
    regions = {}
    for name, origin, length, unit, less in REGION.findall(linker_script.read_text()):
        start = int(origin, 16)
        regions[name] = range(start, start + int(length) * UNITS[unit] - int(less or 0))
    return regions


def is_within(part, regions):
    return any(part.start >= it.start and part.stop <= it.stop for it in regions.values())


def machine_of(board):
    """The number in e_machine; nothing where the board does not tell."""
    if "simavr" in board.emulator:
        return 83
    return {"arm": 40, "thu": 40, "ris": 243}.get(board.triple[:3])


def board_symbol(name):
    """The symbol by which a program tells that it is for this board; linkers take no hyphen."""
    return BOARD_SYMBOL + name.replace("-", "_")


def check_board(program, board):
    """Raises ELFError where the program says that it is for another board; others say nothing."""
    told = [name for name in program.symbols if name.startswith(BOARD_SYMBOL)]
    if told and board_symbol(board.name) not in told:
        found = told[0].removeprefix(BOARD_SYMBOL).replace("_", "-")
        raise ELFError(f"is for another board than {board.name}: for {found}")


def check_program(path, board):
    """Raises ELFError where the program would not run on the board."""
    program, machine = read_program(path), machine_of(board)
    if machine and program.machine != machine:
        found = MACHINES.get(program.machine, f"machine {program.machine}")
        raise ELFError(f"is a program for {found}, and {board.name} is {MACHINES[machine]}")
    family = board.emulator.get("avr-family")
    if family and program.flags & AVR_FAMILY != family:
        raise ELFError(f"is a program for another AVR than that of {board.name}")
    check_board(program, board)
    if not board.linker_script:
        return
    regions = memory_regions(board.linker_script)
    for load in program.loads:
        if not is_within(load, regions):
            place = f"{load.start:#x} to {load.stop - 1:#x}"
            raise ELFError(f"is for another board than {board.name}, which has no memory at {place}")
    if not is_within(range(program.entry & ~1, program.entry | 1), {"code": regions["code"]}):
        raise ELFError(f"is for another board than {board.name}: it starts at {program.entry:#x}")
    # The words that outlive a reset are at the end of the memory, which a larger one has elsewhere.
    kept = program.symbols.get("kept_word", regions["kept"].start)
    if kept != regions["kept"].start:
        raise ELFError(f"is for another board than {board.name}: its words are kept at {kept:#x}")
