#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ways over, compared: ways.py REPORT PRELOAD FOREIGN SECURE GLIBC SED HEADER.

One source, four builds, equal transcripts; then what only the preload library does.
Prints TAP.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

report, preload, foreign, secure, glibc, sed, header = map(os.path.abspath, sys.argv[1:])
count = failures = 0


def case(name, ok, detail=""):
    global count, failures
    count += 1
    failures += not ok
    if not ok:
        print(*(f"# {line}" for line in detail.splitlines()), sep="\n")
    print("ok" if ok else "not ok", count, "-", name)


def run(program, words=None, preloaded=False, user=None):
    environment = {k: v for k, v in os.environ.items() if k != "SPAWNX_PRELOAD"}
    if preloaded:
        # A sanitizer or the like may be preloaded already; ours comes after it.
        before = environment.get("LD_PRELOAD")
        environment["LD_PRELOAD"] = f"{before}:{preload}" if before else preload
    if words is not None:
        environment["SPAWNX_PRELOAD"] = words
    with tempfile.NamedTemporaryFile() as file:
        os.chmod(file.name, 0o666)
        done = subprocess.run(
            [program, report, file.name],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
            user=user,
        )
        return done.stdout.replace(file.name, "FILE"), done.stderr, done.returncode


def blocks(text):
    """foreign's output: {what: lines}."""
    found, current = {}, []
    for line in text.splitlines():
        if ": " in line:
            name, _, number = line.partition(": ")
            current = found[name] = [int(number)]
        else:
            current.append(line)
    return found


def compare_transcripts():
    expected, errors, status = run(glibc)
    case("glibc's own transcript is complete",
         status == 0 and errors == "" and expected.count("\n") > 100, expected + errors)
    for name, got in (
        ("the sed rule", run(sed)),
        ("<spawnx/posix.h>", run(header)),
        ("glibc's binary under the preload", run(glibc, preloaded=True)),
        ("the same, switched off", run(glibc, "off", preloaded=True)),
    ):
        case(f"{name}: the same transcript", got == (expected, "", 0),
             f"{got[1]}\n{got[0]}\n-- glibc --\n{expected}")


def mixed_objects():
    out, errors, status = run(foreign, preloaded=True)
    got = blocks(out)
    case("no word: nothing on stderr", errors == "" and status == 0, errors)
    case("objects that were initialised here are ours", "objects are the preload's" in out, out)
    case("our object", got["own"] == [0, "status 0", "NoNewPrivs=0", "fd.5=/dev/zero",
         f"fd.0={os.readlink('/proc/self/fd/0')}"], out)
    case("a foreign object goes to the next definition, untouched",
         got["foreign"][:4] == [0, "status 0", "NoNewPrivs=0", "fd.5=/dev/null"], out)
    added = got["foreign, added to"]
    case("foreign objects go there from every function",
         "fd.4=/dev/null" in added and "fd.5=/dev/null" in added, out)
    case("own and foreign objects together are EINVAL",
         got["foreign actions, own attributes"] == [22]
         and got["own actions, foreign attributes"] == [22], out)
    out, errors, _ = run(foreign, "off", preloaded=True)
    case("off: objects are libc's", "objects are libc's" in out and errors == "", out)


def words():
    out, errors, _ = run(foreign, "nonewprivs", preloaded=True)
    got = blocks(out)
    case("nonewprivs: every child, with objects and without",
         "NoNewPrivs=1" in got["none"] and "NoNewPrivs=1" in got["own"] and errors == "", out)
    read, write = os.pipe()
    os.dup2(write, 40)
    leaks = f"fd.40={os.readlink('/proc/self/fd/40')}"
    seen = {}
    for word in ("", "cloexec"):
        environment = dict(os.environ, LD_PRELOAD=preload, SPAWNX_PRELOAD=word)
        with tempfile.NamedTemporaryFile() as file:
            done = subprocess.run([foreign, report, file.name], env=environment,
                                  capture_output=True, text=True, pass_fds=[40], check=False)
            seen[word] = blocks(done.stdout)
    os.close(read)
    os.close(write)
    os.close(40)
    case("an inherited descriptor leaks into the child as ever",
         leaks in seen[""]["none"] and leaks in seen[""]["own"], str(seen))
    closed = seen["cloexec"]
    case("cloexec: it does not, with objects and without",
         leaks not in closed["none"] and leaks not in closed["own"], str(seen))
    case("cloexec: what a file action opens, and the standard descriptors, stay",
         "fd.5=/dev/zero" in closed["own"]
         and any(str(line).startswith("fd.0=") for line in closed["none"])
         and any(str(line).startswith("fd.0=") for line in closed["own"]), str(seen))
    out, errors, _ = run(foreign, "bogus,nonewprivs,,cloexec2", preloaded=True)
    case("unknown words: a line each on stderr, and ignored",
         errors.splitlines() == [
             "libspawnx-preload: SPAWNX_PRELOAD: unknown word ignored: bogus",
             "libspawnx-preload: SPAWNX_PRELOAD: unknown word ignored: cloexec2",
         ] and "NoNewPrivs=1" in blocks(out)["own"], errors + out)


def secure_mode():
    """A set-user-ID program that is linked with the library: LD_PRELOAD would be dropped."""
    out, _, _ = run(secure, "nonewprivs")
    case("the linked program does as it is told", "NoNewPrivs=1" in blocks(out)["own"], out)
    if os.geteuid() != 0:
        print(f"ok {count + 1} - secure-execution mode # SKIP only root can make the program")
        return 1
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        copy = shutil.copy(secure, pathlib.Path(directory) / "secure")
        os.chmod(copy, 0o4755)
        out, errors, _ = run(str(copy), "nonewprivs,bogus", user=1000)
        case("secure-execution mode: the variable is not read",
             "NoNewPrivs=0" in blocks(out).get("own", []) and errors == "", out + errors)
    return 0


def exports():
    def names(text):
        return sorted({w[-1] for w in map(str.split, text.splitlines()) if w})
    symbols = subprocess.run(["nm", "-D", "--defined-only", preload], capture_output=True,
                             text=True, check=True).stdout
    case("it exports the family and nothing else",
         all(n.startswith(("posix_spawn", "pidfd_spawn")) and "@" not in n
             for n in names(symbols)) and len(names(symbols)) == 31, symbols)


compare_transcripts()
mixed_objects()
words()
skipped = secure_mode()
exports()
print(f"1..{count + skipped}")
sys.exit(1 if failures else 0)
