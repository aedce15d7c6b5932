# SPDX-License-Identifier: MIT
"""each.py PROGRAM: every case of a Catch2 program in a process of its own, as one TAP."""

import re
import subprocess
import sys

program = sys.argv[1]
listing = subprocess.run(
    [program, "--list-tests", "--verbosity", "quiet"],
    stdout=subprocess.PIPE,
    text=True,
    check=True,
)
names = listing.stdout.splitlines()
for number, name in enumerate(names, 1):
    # A comma separates filters, quotes or not; a bracket in quotes begins no tag.
    pattern = '"' + name.replace(",", "\\,") + '"'
    run = subprocess.run(
        [program, "--reporter", "case-tap", pattern], stdout=subprocess.PIPE, text=True
    )
    lines = run.stdout.splitlines()
    results = [line for line in lines if re.match(r"(not )?ok 1 - ", line)]
    for line in lines:
        if line.startswith("#"):
            print(line)
    if run.returncode == 0 and len(results) == 1:
        print(re.sub(" 1 ", f" {number} ", results[0], count=1))
    else:
        print(f"not ok {number} - {name}")
print(f"1..{len(names)}")
