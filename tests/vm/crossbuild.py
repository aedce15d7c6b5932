# SPDX-License-Identifier: MIT
"""Builds this tree and what it needs for another architecture.

libcap and Catch2 come from Debian's source packages: the binary packages of a
foreign architecture want the C library of their own suite, which may be newer
than that of the cross compiler.
"""

import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from cache import Unavailable, fingerprint, first_program, progress
from command import run
import guest
import kernels
import machines

HERE = pathlib.Path(__file__).resolve().parent
# The first suite whose sources can be had serves; all have Catch2 3.
SUITES = ("trixie", "bookworm-backports", "sid")

CROSS_FILE = """\
[binaries]
c = '{triplet}-gcc'
cpp = '{triplet}-g++'
ar = '{triplet}-ar'
strip = '{triplet}-strip'
nm = '{triplet}-nm'
readelf = '{triplet}-readelf'
pkgconfig = '{pkg_config}'
pkg-config = '{pkg_config}'

[properties]
pkg_config_libdir = '{prefix}'
needs_exe_wrapper = true

[host_machine]
system = 'linux'
cpu_family = '{name}'
cpu = '{name}'
endian = 'little'
"""

PKG_CONFIG = """\
prefix=${{pcfiledir}}
Name: {name}
Description: {name}, cross-built for the tests
Version: {version}
Cflags: -I${{prefix}}/include
Libs: -L${{prefix}}/lib -l{library}
"""


def fetch_source(cache, package):
    """The path of a package's original source archive."""
    directory = cache.path("sources", package)
    with cache.lock(f"source-{package}"):
        for archive in directory.glob("*.orig.tar.*"):
            return archive
        progress(f"downloading the source of {package}")
        failure = None
        for suite in SUITES:
            with cache.scratch() as scratch:
                try:
                    # The original archive is all that is needed, and the small
                    # files beside it are missing from some mirrors.
                    command = ("apt-get", "-q", "source", "--download-only")
                    kernels.debian(
                        cache,
                        suite,
                        machines.host().debian,
                        *(*command, "--tar-only", package),
                        directory=scratch,
                    )
                    (archive,) = scratch.glob("*.orig.tar.*[!c]")
                    return cache.adopt(archive, directory / archive.name)
                except (Unavailable, ValueError) as error:
                    failure = error
        raise Unavailable(f"no source of {package}: {failure}")


def extract(archive, directory):
    """Unpacks a source archive; returns its top directory and its version."""
    with tarfile.open(archive) as members:
        members.extractall(directory)
    (top,) = directory.iterdir()
    return top, archive.name.partition("_")[2].partition(".orig")[0]


def write_pkg_config(prefix, name, version, library):
    # In the top directory, so that the paths in it, which become run paths in the
    # programs, need no ".." through directories that the guest lacks.
    path = prefix / f"{name}.pc"
    path.write_text(PKG_CONFIG.format(name=name, version=version, library=library))


def build_libcap(cache, machine, work, prefix):
    top, version = extract(fetch_source(cache, "libcap2"), work)
    progress(f"building libcap {version} for {machine.name}")
    run(
        f"libcap for {machine.name}",
        *(first_program("make"), "-s", "-C", top / "libcap"),
        *(f"CROSS_COMPILE={machine.triplet}-", f"BUILD_CC={first_program('cc', 'gcc')}"),
        *("PTHREADS=no", "USE_GPERF=no", "GOLANG=no", "lib=lib", "prefix=/usr"),
    )
    for library in (top / "libcap").glob("libcap.so*"):
        shutil.copy2(library, prefix / "lib", follow_symlinks=False)
    (prefix / "include/sys").mkdir()
    shutil.copy(top / "libcap/include/sys/capability.h", prefix / "include/sys")
    write_pkg_config(prefix, "libcap", version, "cap")


def build_catch2(cache, machine, work, prefix):
    top, version = extract(fetch_source(cache, "catch2"), work)
    progress(f"building Catch2 {version} for {machine.name}")
    include = prefix / "include/catch2"
    shutil.copytree(
        top / "src/catch2", include, ignore=shutil.ignore_patterns("*.cpp", "*.build")
    )
    # What its configuration would write with every option at its default.
    template = (include / "catch_user_config.hpp.in").read_text()
    template = template.replace("@CATCH_CONFIG_DEFAULT_REPORTER@", "console")
    template = template.replace("@CATCH_CONFIG_CONSOLE_WIDTH@", "80")
    lines = (line for line in template.splitlines() if "#cmakedefine" not in line)
    (include / "catch_user_config.hpp").write_text("\n".join(lines) + "\n")
    # -O1 takes a little longer to compile than -O0 and saves more than that:
    # the programs are emulated.
    run(
        f"Catch2 for {machine.name}",
        *(guest.compiler(machine, "g++"), "-O1", "-std=c++17", "-c"),
        "-DCATCH_AMALGAMATED_CUSTOM_MAIN",
        *(top / "extras/catch_amalgamated.cpp", "-o", work / "catch2.o"),
    )
    archive = prefix / "lib/libCatch2.a"
    run("Catch2", f"{machine.triplet}-ar", "rcs", archive, work / "catch2.o")
    write_pkg_config(prefix, "catch2", version, "Catch2")


def prefix(cache, machine):
    """The directory with the cross-built dependencies."""
    compiler = guest.compiler(machine, "g++")
    version = subprocess.run([compiler, "-dumpfullversion"], capture_output=True)
    recipe = pathlib.Path(__file__).read_bytes()
    path = cache.path(
        "cross", machine.name, f"prefix-{fingerprint(recipe, version.stdout)}"
    )
    with cache.lock(f"prefix-{machine.name}"):
        if path.exists():
            return path
        # libcap's makefile does not work below a path with a blank in it, so
        # this is not done in the cache.
        with cache.scratch() as scratch, tempfile.TemporaryDirectory() as work:
            new = scratch / "new"
            for part in ("lib", "include"):
                (new / part).mkdir(parents=True)
            for name, build in (("libcap", build_libcap), ("catch2", build_catch2)):
                directory = pathlib.Path(work, name)
                directory.mkdir()
                build(cache, machine, directory, new)
            return cache.adopt(new, path)


def build(cache, machine, source, targets):
    """Builds targets of the tree; returns the build directory."""
    ninja = first_program("ninja", "ninja-build")
    meson = first_program("meson")
    pkg_config = first_program("pkg-config", "pkgconf")
    dependencies = prefix(cache, machine)
    source = pathlib.Path(source).resolve()
    # One per tree and dependencies: a cache may serve several checkouts.
    key = fingerprint(source, dependencies)
    directory = cache.path("cross", machine.name, f"build-{key}")
    with cache.lock(f"build-{machine.name}-{key}"):
        if not (directory / "build.ninja").exists():
            progress(f"configuring for {machine.name}")
            cross_file = cache.write(
                pathlib.Path("cross", machine.name, f"cross-{key}.ini"),
                CROSS_FILE.format(
                    triplet=machine.triplet,
                    name=machine.name,
                    prefix=dependencies,
                    pkg_config=pkg_config,
                ).encode(),
            )
            shutil.rmtree(directory, ignore_errors=True)
            run(
                f"meson setup for {machine.name}",
                *(meson, "setup", f"--cross-file={cross_file}"),
                *("-Dvm=disabled", "-Dman=disabled", "-Dtests=enabled"),
                "-Ddebug=false",  # nobody debugs there, and it is half the work
                f"-Dguard_path={directory / 'src/spawnx-guard'}",
                *(directory, source),
            )
        progress(f"building the tests for {machine.name}")
        run(f"the build for {machine.name}", ninja, "-C", directory, *targets)
    return directory


def called_by_child(cache, machine, source):
    """What the child's archive needs of others, which must be nothing: tests/abi."""
    dependencies = prefix(cache, machine)
    key = fingerprint(pathlib.Path(source).resolve(), dependencies)
    archive = cache.path(
        "cross", machine.name, f"build-{key}", "src/libspawnx-child.a"
    )
    needed, defined = set(), set()
    for line in run("nm", f"{machine.triplet}-nm", archive).splitlines():
        *_, kind, name = ["", "", *line.split()]
        if kind == "U":
            needed.add(name)
        elif kind.isupper() and len(kind) == 1:
            defined.add(name)
    return sorted(needed - defined) if defined else ["(no symbol at all)"]


def library_directories(cache, machine):
    """Where cross-built programs find libraries besides the system's."""
    return [prefix(cache, machine) / "lib"]
