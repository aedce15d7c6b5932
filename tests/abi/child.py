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
PURE = {"memcpy", "memset", "memmove", "memcmp", "_GLOBAL_OFFSET_TABLE_"}
tap = Tap()


def undefined(object_file):
    return {s.name for s in object_file.symbols(elf.SHT_SYMTAB) if not s.defined}


def child_command():
    commands = pathlib.Path(build, "compile_commands.json").read_text()
    for unit in json.loads(commands):
        out = unit["output"]
        if out.endswith("child.cpp.o") and "spawnx-child" in out:
            return unit
    raise SystemExit("compile_commands.json does not have child.cpp")


def compile_with(flags, out):
    """As Meson compiles it, with other flags where CXXFLAGS would be."""
    unit = child_command()
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


members = elf.archive_members(archive)
tap.equal("the archive has the child and the trampoline", len(members), 2)
for name, member in members.items():
    name = pathlib.Path(name).name
    tap.same_set(f"{name}: nothing undefined", undefined(member), set())
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
    for flags in HABITS:
        title = f"child.cpp with {' '.join(flags)}: nothing undefined"
        done = compile_with(flags, out)
        if done.returncode != 0 and "unrecognized" in done.stderr:
            tap.skip(title, "this compiler does not know them")
        elif done.returncode != 0:
            tap.check(title, False, done.stderr)
        else:
            tap.same_set(title, undefined(elf.Elf.of(out)), set())

if plain != "no":
    whole = elf.archive_members(static_library)
    planner = [m for name, m in whole.items() if name.endswith("plan.cpp.o")]
    tap.equal("the static library has plan.cpp", len(planner), 1)
    tap.same_set("plan.cpp calls nobody either", undefined(planner[0]) - PURE, set())
tap.end()
