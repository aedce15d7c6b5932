# SPDX-License-Identifier: MIT
"""exports.py SHARED MAP MAN-DIRECTORY COMPILER-ID COMPILER...: four lists of one thing.

What the library exports is read from the ELF file, what the header declares from the
compiler: it knows what a macro or a comment hides.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import elf
from tap import Tap

# The types that <spawnx.h> needs; whatever they declare is not ours.
OTHERS = """
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <spawn.h>
#include <sys/capability.h>
"""


def declared_by_gcc(compiler, source):
    with tempfile.NamedTemporaryFile(suffix=".prototypes") as out:
        subprocess.run(
            [*compiler, "-x", "c", "-fsyntax-only", "-aux-info", out.name, "-"],
            input=source,
            text=True,
            check=True,
        )
        return set(re.findall(r"(\w+) \(", pathlib.Path(out.name).read_text()))


def declared_by_clang(compiler, source):
    command = [*compiler, "-x", "c", "-fsyntax-only", "-Xclang", "-ast-dump=json", "-"]
    dump = subprocess.run(
        command, input=source, text=True, check=True, stdout=subprocess.PIPE
    ).stdout
    nodes = json.loads(dump)["inner"]
    return {node["name"] for node in nodes if node["kind"] == "FunctionDecl"}


def declared(compiler_id, compiler):
    list_of = declared_by_clang if compiler_id == "clang" else declared_by_gcc
    return list_of(compiler, OTHERS + "#include <spawnx.h>\n#include <spawnx/libcap.h>\n") - list_of(compiler, OTHERS)


def in_map(path):
    """{node: names}; each node is "NAME { global: a; b; local: *; } PARENT;"."""
    text = re.sub(r"#.*", "", pathlib.Path(path).read_text())
    nodes = {}
    for name, body in re.findall(r"(\S+)\s*\{(.*?)\}", text, re.DOTALL):
        exported = body.partition("global:")[2].partition("local:")[0]
        nodes[name] = set(exported.replace(";", " ").split())
    return nodes


def documented(directory):
    """The names in the NAME sections of section 3."""
    names = set()
    for page in pathlib.Path(directory).glob("*.3"):
        section = page.read_text().partition(".Sh NAME\n")[2].partition("\n.Sh ")[0]
        names |= set(re.findall(r"^\.Nm (\w+)", section, re.MULTILINE))
    return names


def main():
    shared, map_file, man, compiler_id, *compiler = sys.argv[1:]
    tap = Tap()
    nodes = in_map(map_file)
    mapped = {f"{name}@{node}" for node, names in nodes.items() for name in names}
    symbols = [s for s in elf.Elf.of(shared).symbols(elf.SHT_DYNSYM) if s.defined]
    # A version node is itself a symbol of some linkers: absolute, of its own name.
    exported = {f"{s.name}@{s.version}" for s in symbols if s.name not in nodes}
    names = {one.partition("@")[0] for one in exported}

    tap.check("there is something to compare", len(names) >= 38, len(names))
    tap.same_set("exported, with versions: as in the map", exported, mapped)
    tap.check("the first node is LIBSPAWNX_0.1", "LIBSPAWNX_0.1" in nodes, nodes.keys())
    in_header = declared(compiler_id, compiler)
    tap.same_set("exported: as declared in spawnx.h", names, in_header)
    if pathlib.Path(man).is_dir():
        tap.same_set("exported: as in the NAMEs of man/*.3", names, documented(man))
    else:
        tap.skip("exported: as in the NAMEs of man/*.3", "there are no pages")
    tap.end()


main()
