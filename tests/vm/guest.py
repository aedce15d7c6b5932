# SPDX-License-Identifier: MIT
"""What every guest holds besides the programs under test: init and a shell."""

import pathlib

from cache import Unavailable, fingerprint, first_program, progress
from command import run
import initramfs
import kernels
import libraries
import qemu

HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
}
APPLETS = (
    "awk cat chmod cp cut date dd echo env false find grep head hostname httpd id ip "
    "kill ln ls mkdir mknod mount mv nc ping ps pwd readlink rm sed sh sleep sort stat "
    "tail test touch tr true umount uname wc wget"
).split()
# Debian suites with a static busybox, each tried if the one before fails. Where
# the mirror has an old one it will do: it needs no library.
BUSYBOX_SUITES = ("bookworm", "sid")


def compiler(machine, language="gcc"):
    names = [f"{machine.triplet}-{language}"]
    if machine.is_host:
        names.append({"gcc": "cc", "g++": "c++"}[language])
    try:
        return first_program(*names)
    except Unavailable as error:
        raise Unavailable(f"{error} (package {machine.compiler_package})")


def build_init(cache, machine):
    files = sorted(HERE.glob("init*.[ch]"))
    key = fingerprint(*(file.read_bytes() for file in files))
    path = cache.path("init", f"{machine.name}-{key}")
    if not path.exists():
        sources = [file for file in files if file.suffix == ".c"]
        with cache.scratch() as scratch:
            run(
                f"the guest's init for {machine.name}",
                *(compiler(machine), "-O1", "-Wall", "-Wextra", "-static"),
                *(*sources, "-o", scratch / "init"),
            )
            cache.adopt(scratch / "init", path)
    return path


def busybox(cache, machine):
    """A static busybox of the guest's architecture."""
    if machine.is_host:
        for path in map(pathlib.Path, ("/bin/busybox", "/usr/bin/busybox")):
            if path.exists() and not libraries.read(path).interpreter:
                return path
    path = cache.path("busybox", machine.name)
    with cache.lock(f"busybox-{machine.name}"):
        if path.exists():
            return path
        progress(f"downloading busybox for {machine.name}")
        failure = None
        for suite in BUSYBOX_SUITES:
            with cache.scratch() as scratch:
                try:
                    kernels.debian(
                        cache,
                        suite,
                        machine.debian,
                        *("apt-get", "-q", "download", "busybox-static"),
                        directory=scratch,
                    )
                except Unavailable as error:
                    failure = error
                    continue
                (archive,) = scratch.glob("*.deb")
                kernels.unpack(archive, scratch / "busybox", "busybox")
                (scratch / "busybox").chmod(0o755)
                return cache.adopt(scratch / "busybox", path)
        raise failure


def prepare(cache, machine, files, jobs, extra_libraries=()):
    """Packs a guest: {place: file here} with all the libraries these need."""
    finder = libraries.Finder(machine, extra_libraries)
    content = finder.closure(files)
    content["/usr/bin/busybox"] = busybox(cache, machine)
    links = [(f"/usr/bin/{applet}", "busybox") for applet in APPLETS]
    init = build_init(cache, machine)
    jobs = [
        (uid, limit, argv, {**home(uid), **environment})
        for uid, limit, argv, environment in jobs
    ]
    with cache.scratch() as scratch:
        content = {
            place: without_debug_info(machine, pathlib.Path(path), scratch)
            for place, path in content.items()
        }
        return initramfs.pack(cache, init, content, jobs, links)


def without_debug_info(machine, path, scratch):
    """The file, or a copy that costs an emulated machine less to unpack."""
    if path.stat().st_size < 1_000_000 or path.open("rb").read(4) != b"\x7fELF":
        return path
    strip = first_program(f"{machine.triplet}-strip", "strip")
    copy = scratch / path.name
    run(f"strip of {path.name}", strip, "--strip-debug", "-o", copy, path)
    return copy


def home(uid):
    name, directory = ("root", "/root") if uid == 0 else ("user", "/home/user")
    return {**ENVIRONMENT, "HOME": directory, "USER": name, "LOGNAME": name}


def boot(cache, machine, kernel, files, jobs, kvm=False, extra_libraries=()):
    qemu.find_qemu(machine)
    archive = prepare(cache, machine, files, jobs, extra_libraries)
    return qemu.Guest(machine, kernel.image, archive, kvm)
