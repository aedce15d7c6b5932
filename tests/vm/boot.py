#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs programs on real kernels of Debian's, in virtual machines.

  boot.py list                              the kernels, one a line
  boot.py fetch [KERNEL...]                 gets all that the tests will need
  boot.py test --build DIR --source DIR --program EXE... KERNEL
                                            runs test programs, prints TAP
  boot.py run --kernel newest --file SRC[:DST]... -- COMMAND [ARGUMENT...]
                                            runs one command, passes on its
                                            output and exit status

A KERNEL is a name of kernels.txt: x86_64-7.1; without an architecture, this
machine's. Exit status of `run`: the command's; 125 if the guest failed. Of
`test`: 0, 1 for failures. Of both: 77 if something needed cannot be had (no
network, no QEMU); `test` fails instead if CI=true.
"""

import sys

# Nothing of ours is to be written into the source tree.
sys.dont_write_bytecode = True

import argparse  # noqa: E402
import os  # noqa: E402
import pathlib  # noqa: E402
import signal  # noqa: E402

import crossbuild  # noqa: E402
import guest  # noqa: E402
import kernels  # noqa: E402
import machines  # noqa: E402
import qemu  # noqa: E402
import results  # noqa: E402
from cache import Cache, Unavailable, progress  # noqa: E402
from command import BuildFailed  # noqa: E402

SKIPPED = 77
NO_RESULT = 125
USERS = {"root": 0, "user": 1000}


def main():
    options = parse(sys.argv[1:])
    # Meson and the shell end us with this; the machine has to end as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    command = globals()[f"command_{options.command}"]
    try:
        sys.exit(command(options))
    except Unavailable as error:
        progress(str(error))
        sys.exit(SKIPPED)
    except BuildFailed as error:
        print(*error.output, f"vm: failed: {error}", sep="\n", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    fetch = commands.add_parser("fetch")
    test = commands.add_parser("test")
    run = commands.add_parser("run")
    for command in (fetch, test, run):
        command.add_argument(
            "--cache",
            default="build/vm",
            help="directory for downloads and builds (environment: SPAWNX_VM_CACHE)",
        )
    for command in (test, run):
        command.add_argument(
            "--kvm",
            action="store_true",
            default=os.environ.get("SPAWNX_VM_KVM") == "1",
            help="use the processor's virtualization, not emulation "
            "(environment: SPAWNX_VM_KVM=1)",
        )
        command.add_argument("--timeout", type=int, metavar="SECONDS")
    fetch.add_argument("kernels", nargs="*", metavar="KERNEL")

    test.add_argument("kernel", metavar="KERNEL")
    test.add_argument("--source", required=True, help="the tree")
    test.add_argument("--build", required=True, help="its build directory")
    test.add_argument("--program", action="append", default=[], metavar="EXE")
    test.add_argument("--helper", action="append", default=[], metavar="EXE")
    test.add_argument("--argument", action="append", default=[], help="for programs")
    test.add_argument("--limit", type=int, default=400, help="seconds for a program")
    test.add_argument(
        "--meson", action="store_true", help="exit 0 whatever the TAP lines say"
    )

    run.add_argument("--kernel", default="newest")
    run.add_argument("--file", action="append", default=[], metavar="SRC[:DST]")
    run.add_argument("--user", choices=USERS, default="root")
    run.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    run.add_argument("argv", nargs="+", metavar="COMMAND")
    return parser.parse_args(arguments)


def open_cache(options):
    return Cache(os.environ.get("SPAWNX_VM_CACHE") or options.cache)


def find_row(rows, name):
    for label in (name, f"{machines.host().name}-{name}"):
        if label in rows:
            return rows[label]
    sys.exit(f"boot.py: no kernel {name} in kernels.txt: {', '.join(rows)}")


def command_list(options):
    print(*kernels.read_matrix(), sep="\n")
    return 0


def command_fetch(options):
    """Everything that needs the network, so that later nothing does."""
    rows = kernels.read_matrix()
    chosen = [find_row(rows, name) for name in options.kernels] or rows.values()
    cache = open_cache(options)
    status = 0
    done = set()
    for row in chosen:
        try:
            kernel = kernels.get(cache, rows, row)
            print(f"{row.label}: {kernel.package} ({kernel.suite})", flush=True)
            machine = machines.machine(row.arch)
            if machine not in done:
                done.add(machine)
                guest.busybox(cache, machine)
                guest.build_init(cache, machine)
                if not machine.is_host:
                    crossbuild.prefix(cache, machine)
        except Unavailable as error:
            print(f"{row.label}: {error}", flush=True)
            status = SKIPPED
    return status


def command_test(options):
    rows = kernels.read_matrix()
    row = find_row(rows, options.kernel)
    output = results.Results()
    try:
        run_tests(options, rows, row, output)
    except Unavailable as error:
        # What a machine for tests is there for must not be left out silently:
        # only an old kernel that Debian no longer has may be.
        if os.environ.get("CI") == "true" and (row.has_flags or not error.gone):
            output.case(False, f"{row.label}: {error}")
        else:
            print(f"1..0 # SKIP {row.label}: {error}")
            return 0 if options.meson else SKIPPED
    except BuildFailed as error:
        for line in error.output:
            output.note(line)
        output.case(False, f"{error} failed")
    output.finish()
    return 1 if output.failures and not options.meson else 0


def run_tests(options, rows, row, output):
    machine = machines.machine(row.arch)
    qemu.find_qemu(machine)
    cache = open_cache(options)
    kernel = kernels.get(cache, rows, row)
    if kernel.same_as:
        output.case(True, f"{kernel.package} is what {kernel.same_as} runs: not again")
        return
    programs, helpers, directories = find_programs(options, cache, machine)
    if not machine.is_host:
        called = crossbuild.called_by_child(cache, machine, options.source)
        what = f"the child's archive for {machine.name} needs nobody"
        output.case(not called, " ".join([what, *called]))
    environment = {
        "SPAWNX_TEST_HAS": ",".join(row.has),
        "SPAWNX_TEST_LACKS": ",".join(row.lacks),
    }
    if helpers:
        environment["SPAWNX_TEST_HELPERS"] = str(helpers[0].parent)
    jobs, titles = [], []
    for program in programs:
        for user, uid in USERS.items():
            argv = [str(program), *options.argument]
            jobs.append((uid, options.limit, argv, environment))
            titles.append(f"{program.name} as {user}")
    files = {str(path): path for path in programs + helpers}
    output.note(f"{kernel.package} ({kernel.suite})")
    machine_run = guest.boot(
        cache, machine, kernel, files, jobs, options.kvm, directories
    )
    # The machine's own limit is only for one that no longer answers.
    timeout = options.timeout or 60 + len(jobs) * (options.limit + 10)
    release = row.name if not row.is_newest else ""
    results.report(output, machine_run, titles, timeout, release)


def find_programs(options, cache, machine):
    """The programs and helpers for a machine, and directories of libraries."""
    native = [
        [pathlib.Path(os.path.abspath(path)) for path in paths]
        for paths in (options.program, options.helper)
    ]
    if machine.is_host:
        return (*native, [])
    build = os.path.abspath(options.build)
    names = [[os.path.relpath(path, build) for path in paths] for paths in native]
    directory = crossbuild.build(cache, machine, options.source, sum(names, []))
    found = ([directory / name for name in group] for group in names)
    return (*found, crossbuild.library_directories(cache, machine))


def command_run(options):
    rows = kernels.read_matrix()
    row = find_row(rows, options.kernel)
    machine = machines.machine(row.arch)
    qemu.find_qemu(machine)
    cache = open_cache(options)
    kernel = kernels.get(cache, rows, row)
    files = {}
    for option in options.file:
        source, _, place = option.partition(":")
        files[place or os.path.abspath(source)] = os.path.abspath(source)
    environment = dict(item.split("=", 1) for item in options.env)
    timeout = options.timeout or 300
    job = (USERS[options.user], timeout, options.argv, environment)
    machine_run = guest.boot(cache, machine, kernel, files, [job], options.kvm)
    progress(f"booting {kernel.package} ({kernel.suite}) in QEMU")
    return stream(machine_run, timeout + 60)


def stream(machine_run, timeout):
    """Shows the output of a guest's only job; returns its exit status."""
    status = NO_RESULT
    for frame in machine_run.frames(timeout):
        text = frame.payload.decode(errors="replace")
        if frame.kind == "O":
            sys.stdout.buffer.write(frame.payload)
            sys.stdout.buffer.flush()
        elif frame.kind == "X":
            how, number, *_ = text.split()
            status = {
                "exited": int(number),
                "killed": 128 + int(number),
                "timeout": 124,
            }[how]
        elif frame.kind in "KF":
            progress(f"guest: {text}")
    if machine_run.problem:
        progress(machine_run.problem)
        print(*machine_run.tail, sep="\n", file=sys.stderr)
        return NO_RESULT
    return status


if __name__ == "__main__":
    main()
