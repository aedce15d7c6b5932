# SPDX-License-Identifier: MIT
"""Finds the kernels of kernels.txt among Debian's packages and fetches them."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import tarfile
import time

import machines
from cache import Unavailable, progress

HERE = pathlib.Path(__file__).resolve().parent
# How long a row's package is taken from the cache without asking the archive.
KEEP_FOR = 7 * 24 * 3600


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    arch: str
    suites: tuple
    package: str
    has: tuple
    lacks: tuple

    @property
    def label(self):
        return f"{self.arch}-{self.name}"

    @property
    def is_newest(self):
        return self.name == "newest"

    @property
    def has_flags(self):
        """Whether this kernel is one that the library was written for."""
        return "autoreap" in self.has


@dataclasses.dataclass(frozen=True)
class Kernel:
    package: str
    suite: str
    image: pathlib.Path
    same_as: str  # the row that has the same package, or ""


def read_matrix(path=HERE / "kernels.txt"):
    rows = {}
    for line in pathlib.Path(path).read_text().splitlines():
        fields = line.partition("#")[0].split()
        if fields:
            name, arch, *fields = fields
            suites, package, has, lacks = fields
            lists = [() if f == "-" else tuple(f.split(",")) for f in (has, lacks)]
            row = Row(name, arch, tuple(suites.split(",")), package, *lists)
            rows[row.label] = row
    return rows


def debian(cache, suite, arch, *command, directory=None, refresh=False):
    """Runs apt for another suite and architecture; returns what it printed."""
    environment = {**os.environ, "DEBIAN_MAX_AGE": "0"} if refresh else None
    result = subprocess.run(
        [HERE / "debian", cache.directory, suite, arch, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=directory,
        env=environment,
        text=True,
    )
    complaints = []
    for line in result.stderr.splitlines():
        if line.startswith("debian: refreshing"):
            progress(line.partition(": ")[2])
        elif re.match("debian: |E: ", line):
            complaints.append(re.sub("^(debian|E): ", "", line))
    if result.returncode != 0:
        reason = complaints[0] if complaints else result.stderr.strip()
        raise Unavailable(reason or f"{command[0]} failed")
    return result.stdout


def version(package):
    """A package name's numbers, which is all that orders two of a row."""
    return [int(number) for number in re.findall(r"\d+", package)]


def find(cache, row, refresh=False):
    """The package of a row and its suite."""
    arch = machines.machine(row.arch).debian
    found = []
    failure = None
    for suite in row.suites:
        try:
            listed = debian(
                cache, suite, arch, "apt-cache", "pkgnames", "linux-", refresh=refresh
            )
        except Unavailable as error:
            failure = error
            continue
        for package in listed.split():
            if re.fullmatch(row.package, package):
                # An unsigned package before a signed one of the same version.
                key = (version(package), "unsigned" in package)
                found.append((key, package, suite))
    if failure and not found:
        raise failure
    if failure:
        progress(f"{failure}; doing without that suite")
    if not found:
        raise Unavailable(
            f"no package {row.package} in {' or '.join(row.suites)} {arch}", gone=True
        )
    return max(found)[1:]


def row_with(cache, rows, row, package, suite):
    """The name of another row that runs this very package, or ""."""
    for other in rows.values():
        if other.is_newest or other.arch != row.arch or suite not in other.suites:
            continue
        if not re.fullmatch(other.package, package):
            continue
        try:
            kernel = remembered(cache, other)
            if package == (kernel.package if kernel else find(cache, other)[0]):
                return other.label
        except Unavailable:
            pass
    return ""


def unpack(archive, destination, wanted="vmlinuz"):
    """Takes one file, found by the beginning of its name, out of a package."""
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE
    ) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as members:
            for member in members:
                name = pathlib.PurePath(member.name).name
                if member.isfile() and name.startswith(wanted):
                    destination.write_bytes(members.extractfile(member).read())
                    break
            else:
                raise Unavailable(f"no {wanted} in {archive.name}")
        # The rest of the package is not wanted.
        process.kill()


def download(cache, row, package, suite):
    image = cache.path("kernels", f"{package}.image")
    if image.exists():
        return image
    arch = machines.machine(row.arch).debian
    with cache.scratch() as scratch:
        progress(f"downloading {package} ({suite} {arch})")
        debian(
            cache, suite, arch, "apt-get", "-q", "download", package, directory=scratch
        )
        (archive,) = scratch.glob("*.deb")
        unpack(archive, scratch / "image")
        return cache.adopt(scratch / "image", image)


def remembered(cache, row, keep_for=KEEP_FOR):
    """What an earlier run found for a row, if that still serves."""
    try:
        record = json.loads(cache.path("kernels", f"{row.label}.json").read_text())
        age = time.time() - record["time"]
        kernel = Kernel(
            record["package"],
            record["suite"],
            cache.path("kernels", f"{record['package']}.image"),
            record["same_as"],
        )
    except (OSError, ValueError, KeyError):
        return None
    good = record["row"] == row.package and kernel.image.exists()
    return kernel if good and age < keep_for else None


def get(cache, rows, row):
    """The kernel of a row, from the cache if it is there."""
    kernel = remembered(cache, row)
    if kernel:
        return kernel
    with cache.lock(f"kernel-{row.label}"):
        kernel = remembered(cache, row)
        if kernel:
            return kernel
        old = remembered(cache, row, float("inf"))
        try:
            return look_up(cache, rows, row)
        except Unavailable as error:
            if not old:
                raise
            progress(f"{error}; using {old.package} from the cache")
            return old


def look_up(cache, rows, row):
    package, suite = find(cache, row)
    try:
        image = fetch(cache, row, package, suite)
    except Unavailable:
        # A package list may name what the archive has replaced since.
        package, suite = find(cache, row, refresh=True)
        image = fetch(cache, row, package, suite)
    same_as = row_with(cache, rows, row, package, suite) if row.is_newest else ""
    record = {
        "package": package,
        "suite": suite,
        "row": row.package,
        "same_as": same_as,
        "time": time.time(),
    }
    cache.write(
        pathlib.Path("kernels", f"{row.label}.json"), json.dumps(record).encode()
    )
    return Kernel(package, suite, image, same_as)


def fetch(cache, row, package, suite):
    # Two rows may find the same package at the same time.
    with cache.lock(package):
        return download(cache, row, package, suite)
