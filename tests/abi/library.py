# SPDX-License-Identifier: MIT
"""library.py SHARED STATIC STRIP PLAIN: what an ELF file tells of the library.

PLAIN is "yes" for a build without instrumentation, which adds libraries and
constructors, and "optimised" for one that is optimised too.
"""

import os
import re
import subprocess
import sys
import tempfile

import elf
from tap import Tap

MOST_BYTES = 64 * 1024
CPP_RUNTIME = re.compile(r"_Z|__cxa_|__gxx_|_Unwind_|__dynamic_cast")

shared_path, static_path, strip, plain = sys.argv[1:]
tap = Tap()
lib = elf.Elf.of(shared_path)
entries = lib.dynamic()
tags = {tag for tag, _ in entries}
flags = dict(entries).get("FLAGS", 0)
flags_1 = dict(entries).get("FLAGS_1", 0)

tap.equal(
    "the soname is libspawnx.so.0",
    [v for t, v in entries if t == "SONAME"],
    ["libspawnx.so.0"],
)
if plain != "no":
    tap.same_set(
        "NEEDED is libc and libcap, nothing else",
        {v for t, v in entries if t == "NEEDED"},
        {"libc.so.6", "libcap.so.2"},
    )
    tap.same_set(
        "nothing runs when it is loaded or unloaded",
        tags & {"INIT", "FINI", "INIT_ARRAY", "FINI_ARRAY", "PREINIT_ARRAY"},
        set(),
    )
tap.same_set("no search path of its own", tags & {"RPATH", "RUNPATH"}, set())
tap.check(
    "BIND_NOW: no call in the child may come to the dynamic linker",
    ("BIND_NOW" in tags or flags & elf.DF_BIND_NOW) and flags_1 & elf.DF_1_NOW,
)
tap.check("NODELETE: dlclose does not take code away", flags_1 & elf.DF_1_NODELETE)
tap.check("RELRO", any(kind == elf.PT_GNU_RELRO for kind, _ in lib.segments))
tap.check("no text relocation", "TEXTREL" not in tags and not flags & elf.DF_TEXTREL)
tap.equal(
    "the stack is not executable",
    [bits & elf.PF_X for kind, bits in lib.segments if kind == elf.PT_GNU_STACK],
    [0],
)
tap.same_set(
    "no segment is writable and executable",
    {i for i, (_, bits) in enumerate(lib.segments) if bits & 1 and bits & 2},
    set(),
)
if lib.machine == elf.EM_X86_64:
    tap.equal("IBT and SHSTK", lib.features_1_and() & 3, 3)
elif lib.machine == elf.EM_AARCH64:
    tap.equal("BTI and PAC", lib.features_1_and() & 3, 3)

undefined = {s.name for s in lib.symbols(elf.SHT_DYNSYM) if not s.defined}
tap.same_set(
    "nothing of the C++ runtime is undefined in the shared library",
    {name for name in undefined if CPP_RUNTIME.match(name)},
    set(),
)

members = elf.archive_members(static_path).values()
symbols = [s for m in members for s in m.symbols(elf.SHT_SYMTAB)]
inside = {s.name for s in symbols if s.defined}
outside = {s.name for s in symbols} - inside
tap.check("the static library has members with symbols", len(symbols) > 50, len(symbols))
tap.same_set(
    "nothing of the C++ runtime is undefined in the static library",
    {name for name in outside if CPP_RUNTIME.match(name)},
    set(),
)

if plain == "optimised":
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, "stripped")
        subprocess.run([strip, "-o", out, shared_path], check=True)
        size = os.path.getsize(out)
    print(f"# stripped: {size} bytes")
    tap.check("stripped it has at most 64 KiB", size <= MOST_BYTES, size)
tap.end()
