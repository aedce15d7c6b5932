# SPDX-License-Identifier: MIT
"""As much of ELF64 as the tests of this directory look at; any machine, little-endian."""

import dataclasses
import pathlib
import struct

ET_REL, ET_DYN = 1, 3
EM_X86_64, EM_AARCH64 = 62, 183
SHT_SYMTAB, SHT_NOTE, SHT_DYNSYM = 2, 7, 11
SHT_GNU_VERDEF, SHT_GNU_VERNEED, SHT_GNU_VERSYM = 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
PT_GNU_STACK, PT_GNU_RELRO = 0x6474E551, 0x6474E552
PF_X = 1

DYNAMIC_TAGS = {
    1: "NEEDED",
    12: "INIT",
    13: "FINI",
    14: "SONAME",
    15: "RPATH",
    22: "TEXTREL",
    24: "BIND_NOW",
    25: "INIT_ARRAY",
    26: "FINI_ARRAY",
    29: "RUNPATH",
    30: "FLAGS",
    32: "PREINIT_ARRAY",
    0x6FFFFFFB: "FLAGS_1",
}
DF_TEXTREL, DF_BIND_NOW = 4, 8
DF_1_NOW, DF_1_NODELETE = 1, 8


@dataclasses.dataclass(frozen=True)
class Section:
    name: str
    type: int
    link: int
    info: int
    data: bytes


@dataclasses.dataclass(frozen=True)
class Symbol:
    name: str
    defined: bool
    exported: bool  # global or weak, and visible
    version: str  # "" where there is none


class Elf:
    def __init__(self, data):
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("not a little-endian ELF64 file")
        self.data = data
        header = struct.unpack_from("<HHIQQQIHHHHHH", data, 16)
        self.type, self.machine = header[:2]
        self._read_sections(*header[5:6], *header[10:])
        phoff, phentsize, phnum = header[4], header[8], header[9]
        self.segments = [  # type, flags
            struct.unpack_from("<II", data, phoff + i * phentsize) for i in range(phnum)
        ]

    @classmethod
    def of(cls, path):
        return cls(pathlib.Path(path).read_bytes())

    def _read_sections(self, shoff, shentsize, shnum, shstrndx):
        raw = [
            struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + i * shentsize)
            for i in range(shnum)
        ]
        names = raw[shstrndx]
        self.sections = []
        for name, kind, _, _, offset, size, link, info, _, _ in raw:
            data = b"" if kind == 8 else self.data[offset : offset + size]  # NOBITS
            title = text_at(self.data, names[4] + name)
            self.sections.append(Section(title, kind, link, info, data))

    def section(self, wanted):
        for s in self.sections:
            if wanted in (s.name, s.type):
                return s
        return None

    def dynamic(self):
        """[(tag, value)]; the value is text where the tag's is."""
        s = self.section(".dynamic")
        entries = []
        for tag, value in struct.iter_unpack("<qQ", s.data):
            if tag == 0:
                break
            name = DYNAMIC_TAGS.get(tag, hex(tag))
            if name in ("NEEDED", "SONAME", "RPATH", "RUNPATH"):
                value = text_at(self.sections[s.link].data, value)
            entries.append((name, value))
        return entries

    def symbols(self, table):
        """Of SHT_SYMTAB or SHT_DYNSYM, without sections, files and local names."""
        s = self.section(table)
        if s is None:
            return []
        strings = self.sections[s.link].data
        versions = self._versions() if table == SHT_DYNSYM else {}
        versym = self.section(SHT_GNU_VERSYM) if table == SHT_DYNSYM else None
        found = []
        for i, entry in enumerate(struct.iter_unpack("<IBBHQQ", s.data)):
            name, info, other, index = entry[:4]
            if i == 0 or info >> 4 == 0:
                continue
            version = ""
            if versym:
                number = struct.unpack_from("<H", versym.data, 2 * i)[0]
                version = versions.get(number & 0x7FFF, "")
            found.append(
                Symbol(text_at(strings, name), index != 0, other & 3 in (0, 3), version)
            )
        return found

    def _versions(self):
        names = {}
        defined = self.section(SHT_GNU_VERDEF)
        if defined:
            at, strings = 0, self.sections[defined.link].data
            for _ in range(defined.info):
                _, _, number, _, _, aux, step = struct.unpack_from(
                    "<HHHHIII", defined.data, at
                )
                name = struct.unpack_from("<I", defined.data, at + aux)[0]
                names[number] = text_at(strings, name)
                at += step
        needed = self.section(SHT_GNU_VERNEED)
        if needed:
            at, strings = 0, self.sections[needed.link].data
            for _ in range(needed.info):
                _, count, _, aux, step = struct.unpack_from("<HHIII", needed.data, at)
                one = at + aux
                for _ in range(count):
                    _, _, number, name, further = struct.unpack_from(
                        "<IHHII", needed.data, one
                    )
                    names[number] = text_at(strings, name)
                    one += further
                at += step
        return names

    def features_1_and(self):
        """The bits of GNU_PROPERTY_*_FEATURE_1_AND; 0 without the note."""
        bits = 0
        for s in self.sections:
            if s.name != ".note.gnu.property":
                continue
            at = 16  # one note: sizes, type, "GNU\0"
            while at + 12 <= len(s.data):
                kind, size = struct.unpack_from("<II", s.data, at)
                if kind in (0xC0000002, 0xC0000000):
                    bits |= struct.unpack_from("<I", s.data, at + 8)[0]
                at += 8 + (size + 7) // 8 * 8
        return bits


def text_at(data, offset):
    return data[offset : data.index(b"\0", offset)].decode()


def archive_members(path):
    """{name: Elf} of a static library, thin ones included."""
    path = pathlib.Path(path)
    data = path.read_bytes()
    thin = data[:8] == b"!<thin>\n"
    if not thin and data[:8] != b"!<arch>\n":
        raise ValueError(f"{path} is not an archive")
    members, long_names, at = {}, b"", 8
    while at + 60 <= len(data):
        name = data[at : at + 16].decode().rstrip()
        size = int(data[at + 48 : at + 58])
        body, at = at + 60, at + 60
        if not thin or name in ("/", "//", "/SYM64/"):
            at += size + size % 2
        if name == "//":
            long_names = data[body : body + size]
        if name in ("/", "//", "/SYM64/"):
            continue
        if name[0] == "/":
            start = int(name[1:])
            name = long_names[start : long_names.index(b"\n", start)].decode()
        name = name.rstrip("/")
        content = (path.parent / name).read_bytes() if thin else data[body : body + size]
        members[name] = Elf(content)
    return members
