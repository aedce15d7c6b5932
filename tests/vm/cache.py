# SPDX-License-Identifier: MIT
"""The cache directory: what several runs, also at the same time, share."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import sys
import tempfile


class Unavailable(Exception):
    """Something that a test needs cannot be had on this machine, now.

    `gone` tells that it was looked for and does not exist (any more), as
    opposed to a tool or a network that is missing here.
    """

    def __init__(self, reason, gone=False):
        super().__init__(reason)
        self.gone = gone


def progress(text):
    print(f"vm: {text}", file=sys.stderr, flush=True)


def first_program(*names):
    """The path of the first of these programs that is installed."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise Unavailable(f"{names[0]} is not installed")


class Cache:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory).absolute()
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"cannot write {directory}: {error.strerror}")

    def path(self, *parts):
        return self.directory.joinpath(*parts)

    @contextlib.contextmanager
    def lock(self, name):
        """One process at a time; the kernel drops the lock if we are killed."""
        path = self.path("locks", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress(f"waiting for another run that prepares {name}")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def scratch(self):
        """A directory for half-finished work, on the cache's file system so
        that the result can be renamed into place."""
        parent = self.path("scratch")
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent) as directory:
            yield pathlib.Path(directory)

    def write(self, path, data):
        """Writes a file so that others see all of it or nothing."""
        path = self.path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.scratch() as scratch:
            new = scratch / "new"
            new.write_bytes(data)
            os.replace(new, path)
        return path

    def adopt(self, source, path):
        """Moves a finished file or directory to its place."""
        path = self.path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        os.replace(source, path)
        return path

    def prune(self, directory, keep):
        """Removes all but the most recently used files of a directory."""
        files = sorted(
            (p for p in self.path(directory).glob("*") if p.is_file()),
            key=lambda p: p.stat().st_mtime,
        )
        for path in files[:-keep]:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def fingerprint(*parts):
    """A name for content: the same parts give the same name."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()[:20]
