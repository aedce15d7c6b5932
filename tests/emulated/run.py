# SPDX-License-Identifier: MIT
"""
run.py EMULATOR EXCLUDED PROGRAM COMMAND...: runs the test program PROGRAM under COMMAND,
without the cases that EXCLUDED says the emulator cannot pass, and says how many they are.

A line of EXCLUDED is "EMULATORS: CASE  # WHY"; EMULATORS is a comma list, or "all"; CASE is
a test name or a [tag], in which * stands for anything at either end, as Catch2 has it, or
[#file] for all cases of file.cpp. A line that fits no case of the program is an error, lest a case that is gone stays listed.
"""
import os
import re
import subprocess
import sys

def excluded_in(path, emulator):
    """The cases of that file which the emulator cannot pass."""
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = re.fullmatch(r"([\w,]+): (.+)  # (\S.*)", line.rstrip("\n"))
            if not fields:
                sys.exit(f"{path}:{number}: not EMULATORS: CASE  # WHY")
            if emulator in fields[1].split(",") or fields[1] == "all":
                yield number, fields[2]


def spec_of(case):
    """In quotes, because what comes after an unquoted name belongs to it."""
    if case.startswith("["):
        return case
    return '"' + re.sub(r'([\\,"])', r"\\\1", case) + '"'


def cases_of(program, spec):
    """The names, of those that fit this user and this kernel."""
    command = [program, "-#", "--list-tests", "--verbosity", "quiet", spec]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return set(filter(None, map(str.strip, done.stdout.splitlines())))


def main():
    emulator, path, program, *command = sys.argv[1:]
    spec, excluded = "", set()
    with open(program, "rb") as file:
        names = file.read()
    for number, case in excluded_in(path, emulator):
        found = cases_of(program, spec_of(case))
        if not (found if case.startswith("[#") else case.strip("*").encode() in names):
            sys.exit(f"{path}:{number}: no case is {case}")
        excluded |= found
        spec += "~" + spec_of(case)
    print(f"# {len(excluded)} cases excluded under {emulator}, see {os.path.basename(path)}",
          flush=True)
    os.execvp(command[0], [*command, program, "-#", "--reporter", "case-tap", *filter(None, [spec])])


main()
