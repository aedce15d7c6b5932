# SPDX-License-Identifier: MIT
"""Which shared libraries a program needs, for whatever architecture it is.

ldd would do for programs of this machine, but not for cross-built ones.
"""

import functools
import pathlib
import struct

from cache import Unavailable

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH = 1, 5, 15, 29


class Elf:
    """What the dynamic linker reads in a 64-bit little-endian ELF file."""

    def __init__(self, path):
        self.data = pathlib.Path(path).read_bytes()
        self.segments = []
        self.interpreter = ""
        self.needed = []
        self.search = []
        if self.data[:6] != b"\x7fELF\x02\x01":
            return
        start, size, count = (
            struct.unpack_from("<Q", self.data, 32)[0],
            *struct.unpack_from("<HH", self.data, 54),
        )
        for i in range(count):
            self.segments.append(
                struct.unpack_from("<IIQQQQQQ", self.data, start + i * size)
            )
        for kind, _, offset, _, _, length, _, _ in self.segments:
            if kind == PT_INTERP:
                self.interpreter = self.data[offset : offset + length - 1].decode()
            elif kind == PT_DYNAMIC:
                self._read_dynamic(offset, length)

    def _read_dynamic(self, offset, length):
        entries = list(
            struct.iter_unpack("<QQ", self.data[offset : offset + length // 16 * 16])
        )
        strings = self._file_offset(dict(reversed(entries)).get(DT_STRTAB, 0))
        for tag, value in entries:
            if tag == 0:
                break
            if tag == DT_NEEDED:
                self.needed.append(self._string(strings + value))
            elif tag in (DT_RPATH, DT_RUNPATH):
                self.search += self._string(strings + value).split(":")

    def _file_offset(self, address):
        for kind, _, offset, start, _, length, _, _ in self.segments:
            if kind == PT_LOAD and start <= address < start + length:
                return address - start + offset
        return 0

    def _string(self, offset):
        return self.data[offset : self.data.index(b"\0", offset)].decode()


@functools.lru_cache(maxsize=None)
def read(path):
    return Elf(path)


class Finder:
    """Finds libraries as the dynamic linker of a machine would."""

    def __init__(self, machine, extra=()):
        t = machine.triplet
        # Places in the guest that its linker searches, each with where its
        # files lie here: for a cross compiler that is its own directory.
        self.system = [(f"/usr/lib/{t}", f"/usr/{t}/lib")]
        if machine.is_host:
            self.system = [
                (place, place)
                for place in (f"/usr/lib/{t}", f"/lib/{t}", "/usr/lib", "/lib", "/lib64")
            ]
        self.extra = [pathlib.Path(directory) for directory in extra]

    def closure(self, files):
        """Adds to {place in guest: file here} what these files need."""
        result = dict(files)
        todo = list(files.items())
        while todo:
            place, path = todo.pop()
            elf = read(pathlib.Path(path))
            wanted = []
            if elf.interpreter:
                name = pathlib.PurePosixPath(elf.interpreter).name
                wanted.append((elf.interpreter, self._system(name, path)[1]))
            wanted += (self._find(name, elf, place, path) for name in elf.needed)
            for item in wanted:
                if item[0] not in result:
                    result[item[0]] = item[1]
                    todo.append(item)
        return result

    def _find(self, name, elf, place, path):
        for directory in elf.search:
            here, there = (
                pathlib.Path(
                    directory.replace("$ORIGIN", origin).replace("${ORIGIN}", origin)
                )
                for origin in (str(pathlib.Path(path).parent), _parent(place))
            )
            if (here / name).exists():
                return _clean(there / name), here / name
        return self._system(name, path)

    def _system(self, name, wanted_by):
        for place, directory in self.system:
            file = pathlib.Path(directory, name)
            if file.exists():
                return f"{place}/{name}", file
        for directory in self.extra:
            if (directory / name).exists():
                return f"{self.system[0][0]}/{name}", directory / name
        raise Unavailable(f"library {name} not found; {wanted_by} needs it")


def _parent(place):
    return str(pathlib.PurePosixPath(place).parent)


def _clean(path):
    """Takes the .. out of a path: in the guest some of its parts may not exist."""
    parts = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return str(pathlib.PurePosixPath(*parts))
