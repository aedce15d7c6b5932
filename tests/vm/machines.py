# SPDX-License-Identifier: MIT
"""The architectures: their names here and there, and their virtual machine."""

import dataclasses
import platform

from cache import Unavailable


@dataclasses.dataclass(frozen=True)
class Machine:
    name: str  # as uname -m and Meson have it
    debian: str
    triplet: str
    qemu: tuple
    console: str  # and what else its kernels are to be told
    package: str  # Debian's package with this QEMU

    @property
    def compiler_package(self):
        return "g++-" + self.triplet.replace("_", "-")

    @property
    def is_host(self):
        return self.name == platform.machine()


ALL = {
    machine.name: machine
    for machine in (
        Machine(
            "x86_64",
            "amd64",
            "x86_64-linux-gnu",
            # Without cmpxchg16b: QEMU 7.2 emulates it wrongly (it leaves garbage in
            # the flags), and the slab allocator of Linux 6.12 then corrupts its
            # lists; every third boot crashed.
            ("qemu-system-x86_64", "-M", "q35", "-cpu", "max,-cx16"),
            # On a busy host the emulated timer is too late for the boot-time check.
            "ttyS0 no_timer_check",
            "qemu-system-x86",
        ),
        Machine(
            "aarch64",
            "arm64",
            "aarch64-linux-gnu",
            # The architected pointer authentication is very slow to emulate.
            ("qemu-system-aarch64", "-M", "virt", "-cpu", "max,pauth-impdef=on"),
            "ttyAMA0",
            "qemu-system-arm",
        ),
        Machine(
            "riscv64",
            "riscv64",
            "riscv64-linux-gnu",
            ("qemu-system-riscv64", "-M", "virt"),
            "ttyS0",
            "qemu-system-misc",
        ),
    )
}


def machine(name):
    try:
        return ALL[name]
    except KeyError:
        raise Unavailable(f"no virtual machine is known for {name}")


def host():
    return machine(platform.machine())
