# SPDX-License-Identifier: MIT
"""lines.py SOURCE CPU: files stay short, and the way through them too."""

import pathlib
import sys

from tap import Tap

MOST_ON_THE_PATH = 900
MOST_IN_A_FILE = 400
SUFFIXES = {".c", ".cpp", ".h", ".hpp", ".S", ".def", ".in", ".py", ".map"}

root, cpu = pathlib.Path(sys.argv[1]), sys.argv[2]
tap = Tap()


def lines(path):
    return len(path.read_text().splitlines())


path = [f"src/{name}" for name in ("plan.hpp", "spawn.cpp", "launch.cpp", "child.cpp")]
path.insert(3, f"src/arch/{cpu}/clone3.S")
table = [(lines(root / name), name) for name in path]
total = sum(count for count, _ in table)
for count, name in table:
    print(f"# {count:4} {name}")
print(f"# {total:4} to read")
title = f"the reading path has at most {MOST_ON_THE_PATH} lines"
tap.check(title, total <= MOST_ON_THE_PATH)

files = [
    p
    for directory in ("src", "include", "tests")
    for p in (root / directory).rglob("*")
    if p.is_file() and p.suffix in SUFFIXES and "__pycache__" not in p.parts
]
tap.check("there are files to count", len(files) > 20, len(files))
tap.same_set(
    f"no file has more than {MOST_IN_A_FILE} lines",
    {f"{p.relative_to(root)}: {lines(p)}" for p in files if lines(p) > MOST_IN_A_FILE},
    set(),
)
tap.end()
