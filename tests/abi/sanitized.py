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
    symbols = [
        symbol
        for member in elf.archive_members(archive).values()
        for symbol in member.symbols(elf.SHT_SYMTAB)
    ]
    outside = {s.name for s in symbols if not s.defined}
    outside -= {s.name for s in symbols if s.defined}
    tap.same_set("the archive needs nothing from outside", outside, set())
tap.end()
