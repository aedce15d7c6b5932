# SPDX-License-Identifier: MIT
"""Packs the guest's file system: a cpio archive that the kernel unpacks."""

import pathlib
import stat
import zlib

from cache import fingerprint, progress

# The guest's top directories, as every merged-usr Debian has them.
MERGED = {
    "/bin": "usr/bin",
    "/sbin": "usr/sbin",
    "/lib": "usr/lib",
    "/lib64": "usr/lib64",
}
DIRECTORIES = ("/dev", "/proc", "/sys", "/run", "/tmp", "/root", "/home/user", "/vm")
TEXTS = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "user:x:1000:1000:user:/home/user:/bin/sh\n",
    "/etc/group": "root:x:0:\ntty:x:5:\nuser:x:1000:\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
}
USER = 1000


def merged(place):
    """The same place without a link on the way."""
    for link, target in MERGED.items():
        if place.startswith(link + "/"):
            return f"/{target}{place[len(link):]}"
    return place


class Archive:
    """A cpio archive in the making (format newc)."""

    def __init__(self):
        self.parts = []
        self.directories = {"/"}
        self.count = 0

    def add(self, place, mode, data=b"", owner=0, device=(0, 0)):
        self._add_parents(place)
        if stat.S_ISDIR(mode):
            if place in self.directories:
                return
            self.directories.add(place)
        self.count += 1
        name = place.lstrip("/").encode() + b"\0"
        fields = [self.count, mode, owner, owner, 1, 0, len(data), 0, 0]
        fields += [*device, len(name), 0]
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (header + name, data):
            self.parts += [part, bytes(-len(part) % 4)]

    def _add_parents(self, place):
        parent = place.rpartition("/")[0] or "/"
        if parent not in self.directories:
            self.add(parent, stat.S_IFDIR | 0o755)

    def finish(self):
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)


def job_list(jobs):
    """The file that init.c reads: [(user id, seconds, argv, environment)]."""
    strings = []
    for uid, limit, argv, environment in jobs:
        variables = [f"{name}={value}" for name, value in environment.items()]
        strings += [uid, limit, len(argv), *argv, len(variables), *variables]
    return b"".join(str(string).encode() + b"\0" for string in strings)


def pack(cache, init, files, jobs, links=()):
    """The path of an archive with these {place: file here}, jobs and links."""
    archive = Archive()
    for link, target in MERGED.items():
        archive.add(f"/{target}", stat.S_IFDIR | 0o755)
        archive.add(link, stat.S_IFLNK | 0o777, target.encode())
    for place in DIRECTORIES:
        owner = USER if place == "/home/user" else 0
        archive.add(place, stat.S_IFDIR | 0o755, owner=owner)
    # Process 1 has no descriptors unless this exists before /dev is mounted.
    archive.add("/dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    for place, text in TEXTS.items():
        archive.add(place, stat.S_IFREG | 0o644, text.encode())
    archive.add("/init", stat.S_IFREG | 0o755, pathlib.Path(init).read_bytes())
    archive.add("/vm/jobs", stat.S_IFREG | 0o644, job_list(jobs))
    placed = {merged(place): path for place, path in files.items()}
    for place, path in sorted(placed.items()):
        path = pathlib.Path(path)
        mode = stat.S_IFREG | (0o755 if path.stat().st_mode & 0o111 else 0o644)
        archive.add(place, mode, path.read_bytes())
    for place, target in links:
        place = merged(place)
        if place not in placed:
            archive.add(place, stat.S_IFLNK | 0o777, target.encode())
    data = archive.finish()

    name = pathlib.Path("initramfs", fingerprint(data) + ".gz")
    path = cache.path(name)
    if path.exists():
        path.touch()
    else:
        progress(f"packing {len(data) / 1e6:.0f} MB of files for the guest")
        cache.write(name, gzip(data))
        cache.prune("initramfs", keep=40)
    return path


def gzip(data):
    compressor = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()
