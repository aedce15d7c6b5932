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
    case("our object", got["own"][:5] == [0, "status 0", "NoNewPrivs=0", "fd.5=/dev/zero",
         f"fd.0={os.readlink('/proc/self/fd/0')}"], out)
    case("errors of ours are in errno",
         got["foreign actions, own attributes"] == [22, "errno 22"], out)
    case("flags beyond glibc's are EINVAL", "setflags 0x4000 22" in out and "flags 2" in out, out)
    case("pidfd_spawn does not search, pidfd_spawnp does",
         got["pidfd_spawn path"][0] == 0 and got["pidfd_spawn name"][0] == 2
         and got["pidfd_spawnp name"][0] == 0, out)
    case("a destroyed object is nobody's", status == 0 and got["again"] == [0], out)
    case("a foreign object goes to the next definition, untouched",
         got["foreign"][:4] == [0, "status 0", "NoNewPrivs=0", "fd.5=/dev/null"], out)
    added = got["foreign, added to"]
    case("foreign objects go there from every function",
         "fd.4=/dev/null" in added and "fd.5=/dev/null" in added, out)
    case("own and foreign objects together are EINVAL",
         got["foreign actions, own attributes"][0] == 22
         and got["own actions, foreign attributes"][0] == 22, out)
    out, errors, _ = run(foreign, "off", preloaded=True)
    case("off: objects are libc's", "objects are libc's" in out and errors == "", out)
    got = blocks(run(foreign, "off,nonewprivs", preloaded=True)[0])
    case("off: a spawn without objects is libc's, too", "NoNewPrivs=0" in got["none"], str(got))
    case("off: what libc has not is ENOSYS", got["libc has it"] == [1]
         or got["pidfd_spawn path"][0] == got["pidfd_spawnp name"][0] == 38, str(got))


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
    case("cloexec: 0 to 2 stay, 3 does not; the flag is not seen, and outlives setflags",
         any(str(line).startswith("fd.2=") for line in closed["none"])
         and not any(str(line).startswith("fd.3=") for line in closed["none"] + closed["own"])
         and "flags 2" in done.stdout, done.stdout)
    case("cloexec: a standard descriptor that is close-on-exec, or closed, is not inherited",
         closed["stdin close-on-exec"][0] == closed["stdin closed"][0] == 0
         and not any(str(line).startswith("fd.0=") for line in
                     closed["stdin close-on-exec"] + closed["stdin closed"]), str(closed))
    case("cloexec: nothing is leaked", closed["leaked"] == [0], str(closed))
    _, errors, _ = run(foreign, "x" * 300, preloaded=True)
    case("a long word is cut", len(errors) == 159 and errors.endswith("x\n"), errors)
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
    here = pathlib.Path(__file__).parents[2] / "include/spawnx/posix.h"
    macros = dict(line.split()[1:] for line in here.read_text().splitlines()
                  if line.startswith(("#define posix_spawn", "#define pidfd_spawn")))
    twins = {n: n.replace("posix_spawn", "spawnx").replace("pidfd_spawn", "pidfd_spawnx")
             for n in [*names(symbols), "posix_spawnattr_t", "posix_spawn_file_actions_t"]}
    case("<spawnx/posix.h> has all of it", macros == twins, str(set(macros.items()) ^ set(twins.items())))


compare_transcripts()
mixed_objects()
words()
skipped = secure_mode()
exports()
print(f"1..{count + skipped}")
sys.exit(1 if failures else 0)
