# SPDX-License-Identifier: MIT
"""child.py CHILD-ARCHIVE STATIC-LIBRARY BUILD-DIRECTORY PLAIN: the child calls nobody.

It runs in its parent's memory: a call to libc there may wait for a lock that another
thread holds. A symbol that is undefined in its archive would be such a call.
"""

import json
import pathlib
import shlex
import subprocess
import sys
import tempfile

import elf
from tap import Tap

archive, static_library, build, plain = sys.argv[1:]
# What distributions and developers put into CXXFLAGS; the target's own flags come later.
HABITS = [
    ["-O0"],
    ["-O1"],
    ["-O2"],
    ["-O3"],
    ["-Os"],
    ["-O2", "-fstack-protector-all", "-D_FORTIFY_SOURCE=2", "-fstack-clash-protection"],
    ["-O0", "-fstack-protector-strong", "-ftrivial-auto-var-init=zero"],
]
# lower() is pure: what gcc makes of assignments is all it may call.
PURE = {"memcpy", "memset", "memmove", "memcmp", "strstr", "_GLOBAL_OFFSET_TABLE_"}
tap = Tap()


def undefined(object_file):
    return {s.name for s in object_file.symbols(elf.SHT_SYMTAB) if not s.defined}


def defined(object_file):
    return {s.name for s in object_file.symbols(elf.SHT_SYMTAB) if s.defined}


def units():
    commands = pathlib.Path(build, "compile_commands.json").read_text()
    return {
        pathlib.Path(unit["file"]).name: unit
        for unit in json.loads(commands)
        if unit["output"].endswith(".cpp.o") and "spawnx-child" in unit["output"]
    }


def compile_with(unit, flags, out):
    """As Meson compiles it, with other flags where CXXFLAGS would be."""
    command = shlex.split(unit["command"])
    command[command.index("-o") + 1] = out
    for option in ("-MF", "-MQ"):
        at = command.index(option)
        del command[at : at + 2]
    command.remove("-MD")
    command = [c for c in command if not c.startswith("-O")]
    first = next(i for i, c in enumerate(command) if c.startswith("-I"))
    command[first:first] = flags
    return subprocess.run(
        command, cwd=unit["directory"], stderr=subprocess.PIPE, text=True, check=False
    )


SOURCES = {"child.cpp", "guard.cpp", "orphan.cpp"}
members = elf.archive_members(archive)
tap.same_set("the child, the two relays and the trampoline", set(units()), SOURCES)
own = set().union(*map(defined, members.values()))
for name, member in members.items():
    name = pathlib.Path(name).name
    tap.same_set(f"{name}: nothing from outside", undefined(member) - own, set())
    tap.check(
        f"{name}: no thread-local and no initialised data",
        not any(
            s.data or s.name == ".tbss"
            for s in member.sections
            if s.name.startswith((".tdata", ".tbss", ".data", ".init_array", ".ctors"))
        ),
    )

with tempfile.TemporaryDirectory() as scratch:
    out = str(pathlib.Path(scratch, "child.o"))
    for source, unit in sorted(units().items()):
        for flags in HABITS:
            title = f"{source} with {' '.join(flags)}: nothing from outside"
            done = compile_with(unit, flags, out)
            if done.returncode != 0 and "unrecognized" in done.stderr:
                tap.skip(title, "this compiler does not know them")
            elif done.returncode != 0:
                tap.check(title, False, done.stderr)
            else:
                tap.same_set(title, undefined(elf.Elf.of(out)) - own, set())

if plain != "no":
    whole = elf.archive_members(static_library)
    planner = [m for n, m in whole.items() if n.endswith(("plan.cpp.o", "gap.cpp.o"))]
    tap.equal("the static library has plan.cpp and gap.cpp", len(planner), 2)
    within = set().union(*map(defined, planner))
    outside = set().union(*map(undefined, planner)) - within - PURE
    tap.same_set("they call nobody else", outside, set())
tap.end()
