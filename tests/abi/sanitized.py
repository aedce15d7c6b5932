# SPDX-License-Identifier: MIT
"""sanitized.py SOURCE MESON...: the child stays what it is in a sanitized build.

A build directory of its own, in which only the child's archive is made.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import elf
from tap import Tap

source, *meson = sys.argv[1:]
tap = Tap()
with tempfile.TemporaryDirectory() as build:
    setup = [*meson, "setup", build, source, "-Dtests=disabled", "-Dman=disabled"]
    setup += ["-Dvm=disabled", "-Db_sanitize=address,undefined", "-Db_lundef=false"]
    setup += ["-Db_coverage=true", "-Doptimization=0"]
    subprocess.run(setup, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ))
    compile_child = [*meson, "compile", "-C", build, "spawnx-child"]
    subprocess.run(compile_child, check=True, stdout=subprocess.DEVNULL)
    [archive] = pathlib.Path(build).rglob("libspawnx-child.a")
    for name, member in elf.archive_members(archive).items():
        found = {s.name for s in member.symbols(elf.SHT_SYMTAB) if not s.defined}
        tap.same_set(f"{pathlib.Path(name).name}: nothing undefined", found, set())
tap.end()
