# SPDX-License-Identifier: MIT
"""consumer.py BUILD VERSION SOURCE CC CXX MESON...: installs the library and uses it.

Into a directory of its own, by "meson install --destdir"; then everything a user's build
would take from there: header, pkg-config file, shared and static library. CC and CXX are
commands of one or more words each.
"""

import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "abi"))
import elf
from tap import Tap

build, version, source, cc, cxx, *meson = sys.argv[1:]
tap = Tap()
DIALECTS = [
    ("C99", cc, ["-std=c99", "-pedantic"]),
    ("C++11", cxx, ["-x", "c++", "-std=c++11", "-pedantic"]),
    ("C++20", cxx, ["-x", "c++", "-std=c++20", "-pedantic"]),
]


def run(*command, **more):
    return subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **more,
    )


def pkg_config(environment, *options):
    done = run("pkg-config", *options, "libspawnx", env=environment)
    if done.returncode != 0:
        raise SystemExit(done.stdout)
    return shlex.split(done.stdout)


def use(title, compiler, flags, out, link, environment, wanted):
    """Compiles, runs, looks at what the program needs."""
    command = [*shlex.split(compiler), "-Wall", "-Wextra", "-Werror", *flags, source]
    built = run(*command, "-x", "none", "-o", out, *link)
    tap.check(f"{title} compiles", built.returncode == 0, built.stdout)
    if built.returncode != 0:
        return
    ran = run(out, env=environment)
    said = (ran.returncode, ran.stdout)
    tap.equal(f"{title} runs", said, (0, f"libspawnx {version}\n"))
    program = elf.Elf.of(out)
    dynamic = program.dynamic() if program.section(".dynamic") else []
    tap.same_set(f"{title} needs", {v for t, v in dynamic if t == "NEEDED"}, wanted)


def installed(root):
    return {str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir()}


def main(root):
    install = [*meson, "install", "-C", build, "--no-rebuild", "--destdir", root]
    done = run(*install, "--tags", "runtime,devel")
    if done.returncode != 0:
        raise SystemExit(done.stdout)
    files = sorted(root.rglob("libspawnx.pc"))
    tap.equal("one pkg-config file is installed", len(files), 1)
    pc_directory = files[0].parent
    environment = dict(
        os.environ,
        PKG_CONFIG_SYSROOT_DIR=str(root),
        PKG_CONFIG_LIBDIR=str(pc_directory),
    )
    # What libspawnx itself asks for is the system's.
    system = run("pkg-config", "--variable", "pc_path", "pkg-config").stdout.strip()
    environment["PKG_CONFIG_PATH"] = system

    lib_directory = pc_directory.parent
    tap.same_set(
        "libraries are installed under their names",
        {p.name for p in lib_directory.glob("libspawnx.*")},
        {"libspawnx.so", "libspawnx.so.0", f"libspawnx.so.{version}", "libspawnx.a"},
    )
    [header] = root.rglob("spawnx.h")
    tap.same_set(
        "headers are installed, and no others",
        {n for n in installed(header.parent) if n.startswith("spawnx")},
        {"spawnx.h", "spawnx.hpp", "spawnx/child.hpp", "spawnx/libcap.h",
         "spawnx/objects.hpp", "spawnx/posix.h", "spawnx/version.h"},
    )
    modversion = pkg_config(environment, "--modversion")
    tap.equal("pkg-config knows the version", modversion, [version])
    libs = pkg_config(environment, "--libs-only-l")
    tap.equal("pkg-config asks for one library", libs, ["-lspawnx"])

    running = dict(os.environ, LD_LIBRARY_PATH=str(lib_directory))
    shared = ["-Wl,--as-needed", *pkg_config(environment, "--cflags", "--libs")]
    needs = {"libspawnx.so.0", "libc.so.6"}
    for name, compiler, flags in DIALECTS:
        out = root / "shared"
        use(f"{name}, shared", compiler, flags, out, shared, running, needs)

    # With the C driver: the C++ runtime is not there to be found.
    static = pkg_config(environment, "--static", "--cflags", "--libs")
    c99 = DIALECTS[0][2]
    if run(*shlex.split(cc), "-print-file-name=libcap.a").stdout.startswith("/"):
        use("C99, static", cc, c99, root / "static", ["-static", *static], None, set())
    else:
        tap.skip("C99, static", "libcap.a is not installed")
    # The static library in a dynamic program: what most static users do.
    archive = str(lib_directory / "libspawnx.a")
    mixed = [archive if word == "-lspawnx" else word for word in static]
    needs = {"libc.so.6", "libcap.so.2"}
    use("C99, libspawnx.a", cc, c99, root / "mixed", mixed, None, needs)


with tempfile.TemporaryDirectory() as scratch:
    main(pathlib.Path(scratch))
tap.end()
