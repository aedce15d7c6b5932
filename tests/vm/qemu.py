# SPDX-License-Identifier: MIT
"""Runs a virtual machine and hands out what its console says."""

import os
import selectors
import subprocess
import time

from cache import first_program, Unavailable
from console import Reader


# A kernel that has not come to our init by then never will.
BOOT_LIMIT = 120


class Guest:
    """One boot. After frames() is exhausted, `problem` tells how it went wrong
    ("" if it did not) and `tail` is the last that the console showed."""

    def __init__(self, machine, kernel, initramfs, kvm=False):
        self.reader = Reader()
        self.problem = ""
        self.command = [
            find_qemu(machine),
            *machine.qemu[1:],
            *("-m", "1G", "-smp", "2", "-nodefaults", "-display", "none"),
            *("-serial", "stdio", "-no-reboot"),
            *("-kernel", kernel, "-initrd", initramfs),
            # Only the kernel's last words go to the console by themselves, and
            # after them the machine ends at once (-no-reboot).
            *("-append", f"console={machine.console} panic=-1 loglevel=1"),
        ]
        if kvm:
            if not machine.is_host or not os.access("/dev/kvm", os.R_OK | os.W_OK):
                raise Unavailable("KVM was asked for and cannot be used")
            self.command += ["-accel", "kvm"]

    def frames(self, timeout):
        """Yields the frames as they come; stops the machine in any case."""
        self.reader = Reader()
        self.problem = ""
        process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            yield from self._read(process, timeout)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def _read(self, process, timeout):
        limit = min(timeout, BOOT_LIMIT)
        start = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                rest = start + limit - time.monotonic()
                if rest <= 0 or not selector.select(rest):
                    self.problem = f"no end after {limit} seconds"
                    return
                data = os.read(process.stdout.fileno(), 65536)
                for frame in self.reader.feed(data):
                    limit = timeout
                    yield frame
                    # The guest has nothing more to say, only to power off.
                    if frame.kind == "E":
                        return self._check_for_losses()
                if not data:
                    status = process.wait()
                    self.problem = f"the machine stopped early (status {status})"
                    return

    def _check_for_losses(self):
        if self.reader.lost:
            self.problem = f"{self.reader.lost} messages of the guest were lost"

    @property
    def tail(self):
        rest = self.reader.partial + self.reader.buffer
        lines = [*self.reader.noise, *rest.decode(errors="replace").split("\n")]
        return [line for line in lines if line.strip()][-40:]


def find_qemu(machine):
    try:
        return first_program(machine.qemu[0])
    except Unavailable as error:
        raise Unavailable(f"{error} (package {machine.package})")
