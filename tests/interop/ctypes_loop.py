#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ctypes_loop.py LIBRARY IDLE: the library from Python, its pidfds in asyncio's loop."""
import asyncio
import ctypes
import os
import signal
import sys


class Exit(ctypes.Structure):  # struct spawnx_exit
    _fields_ = [('size', ctypes.c_uint32), ('code', ctypes.c_int),
                ('status', ctypes.c_int), ('reserved', ctypes.c_int)]


class Timespec(ctypes.Structure):
    _fields_ = [('tv_sec', ctypes.c_long), ('tv_nsec', ctypes.c_long)]


spawnx = ctypes.CDLL(sys.argv[1])


def start(*words):
    argv = (ctypes.c_char_p * (len(words) + 1))(*map(os.fsencode, words))
    pidfd = ctypes.c_int()
    error = spawnx.pidfd_spawnx(ctypes.byref(pidfd), os.fsencode(sys.argv[2]),
                                None, None, argv, None)
    if error:
        raise OSError(error, os.strerror(error))
    return pidfd.value


async def ended(pidfd):
    """The status of a child as (code, status), without a SIGCHLD handler or a thread."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, told.set)
    await told.wait()
    loop.remove_reader(pidfd)
    status = Exit(ctypes.sizeof(Exit))
    error = spawnx.spawnx_wait(pidfd, ctypes.byref(status), ctypes.byref(Timespec()))
    os.close(pidfd)
    return error, status.code, status.status


async def main():
    cases = {('idle', 'exit:0'): (0, os.CLD_EXITED, 0),
             ('idle', 'ms:50', 'exit:7'): (0, os.CLD_EXITED, 7),
             ('idle', 'signal:9'): (0, os.CLD_KILLED, signal.SIGKILL)}
    pidfds = [start(*words) for words in cases]
    got = await asyncio.gather(*map(ended, pidfds))
    assert got == list(cases.values()), got
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return
    raise AssertionError('a child is left to wait for')

asyncio.run(main())
