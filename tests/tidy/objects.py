# SPDX-License-Identifier: Apache-2.0
"""Who calls whom, read from the objects of a build folder.

A compiler leaves a relocation wherever code of one file names a symbol of another one, and the
symbol table says in which function that place lies. Both are read here from ELF files of 64 bits,
so nothing but Python is needed.
"""
import bisect
import collections
import json
import os
import re
import struct

SHT_SYMTAB, SHT_RELA = 2, 4
SHF_ALLOC, SHF_EXECINSTR = 2, 4
STB_GLOBAL = 1
STT_OBJECT, STT_FUNC = 1, 2

# Compiler and sanitizers add symbols of their own, and clones of functions: add.part.0, add.cold.
OWN = re.compile(r"__")
CLONE = re.compile(r"(?<=\w)\..*")

Section = collections.namedtuple("Section", "name kind flags address offset size link info align "
                                 "entry")
Symbol = collections.namedtuple("Symbol", "name bind kind section value")
# CALLER of file SOURCE names CALLEE of file TARGET; in code: a call or an address that is taken
# there; else a table of data holds the address.
Call = collections.namedtuple("Call", "source caller target callee in_code")


class NotElf(Exception):
    """The file is no ELF object of 64 bits, least byte first."""


class Object:
    """One object file: what it defines for others, and what it needs of them."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise NotElf(path)
        offset, = struct.unpack_from("<Q", self.data, 40)
        size, count = struct.unpack_from("<HH", self.data, 58)
        self.sections = [Section._make(struct.unpack_from("<IIQQQQIIQQ", self.data,
                                                          offset + i * size))
                         for i in range(count)]
        self.symbols = []
        for section in self.sections:
            if section.kind == SHT_SYMTAB:
                self.symbols = list(self._symbols(section))
        self._starts = self._find_starts()

    def _symbols(self, table):
        names = self.sections[table.link].offset
        for place in range(table.offset, table.offset + table.size, 24):
            name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", self.data, place)
            end = self.data.index(b"\0", names + name)
            yield Symbol(CLONE.sub("", self.data[names + name:end].decode()), info >> 4,
                         info & 15, section, value)

    def _find_starts(self):
        """Section -> sorted (offset, name) of the functions and objects in it."""
        starts = collections.defaultdict(list)
        for symbol in self.symbols:
            if symbol.kind in (STT_FUNC, STT_OBJECT):
                starts[symbol.section].append((symbol.value, symbol.name))
        return {section: sorted(places) for section, places in starts.items()}

    def defined(self):
        """Name -> is a function, of each symbol that other files may use."""
        return {s.name: s.kind == STT_FUNC for s in self.symbols
                if s.bind == STB_GLOBAL and s.section and s.kind in (STT_FUNC, STT_OBJECT)
                and not OWN.match(s.name)}

    def needed(self):
        """(name of the function or table, name of the symbol, in code) of each use of a symbol
        that the file does not define."""
        found = set()
        for table in self.sections:
            target = self.sections[table.info] if table.kind == SHT_RELA else None
            if target is None or not target.flags & SHF_ALLOC:
                continue
            starts = self._starts.get(table.info, [])
            for place in range(table.offset, table.offset + table.size, 24):
                offset, info = struct.unpack_from("<QQ", self.data, place)
                symbol = self.symbols[info >> 32]
                if symbol.section == 0 and symbol.name:
                    at = bisect.bisect_right(starts, (offset, "\x7f")) - 1
                    found.add((starts[at][1] if at >= 0 else "?", symbol.name,
                               bool(target.flags & SHF_EXECINSTR)))
        return found


def object_paths(build):
    """Source, relative to the root -> object, for src and cli; None: BUILD is no build folder."""
    try:
        with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
            commands = json.load(file)
    except OSError:
        return None
    paths = {}
    for command in commands:
        folder = command["directory"]
        source = os.path.relpath(os.path.join(folder, command["file"]),
                                 os.path.join(folder, source_root(build, folder)))
        if source.startswith(("src/", "cli/")) and "output" in command:
            paths.setdefault(source, os.path.join(folder, command["output"]))
    return paths


def source_root(build, folder):
    """The root of the sources that a build folder was set up for: meson notes it."""
    try:
        with open(os.path.join(build, "meson-info", "meson-info.json"), encoding="utf-8") as file:
            return json.load(file)["directories"]["source"]
    except (OSError, KeyError, ValueError):
        return os.path.join(folder, "..")


class Objects:
    """All objects of a build folder, and the calls between their files."""

    def __init__(self, build):
        self.missing = []   # sources whose object is not built
        self.defined = {}   # file -> {symbol: is a function}
        needed = {}
        paths = object_paths(build)
        self.found = bool(paths)
        for source, path in sorted((paths or {}).items()):
            try:
                read = Object(path)
            except (OSError, NotElf):
                self.missing.append(source)
                continue
            self.defined[source] = read.defined()
            needed[source] = read.needed()
        home = {name: source for source, names in self.defined.items() for name in names}
        self.calls = sorted(Call(source, caller, home[callee], callee, in_code)
                            for source, uses in needed.items()
                            for caller, callee, in_code in uses if callee in home)
