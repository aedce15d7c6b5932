# SPDX-License-Identifier: MIT
"""Reads what init.c writes to the serial console."""

import collections
import re
import zlib

Frame = collections.namedtuple("Frame", "sequence kind job payload")

FRAME = re.compile(rb"@vm (\d+) (\w) (\d+) (.*) ([0-9a-f]{8})", re.DOTALL)
# A message of the kernel that got into the middle of a frame.
KERNEL_MESSAGE = re.compile(rb"\[ *\d+\.\d+\][^\n]*\n")
# A frame that is still broken after so many more lines is given up.
LINES_KEPT = 20


def decode(line):
    match = FRAME.fullmatch(line)
    if not match or zlib.crc32(line[: match.end(4)]) != int(match[5], 16):
        return None
    payload = re.sub(rb"%(..)", lambda m: bytes([int(m[1], 16)]), match[4])
    return Frame(int(match[1]), match[2].decode(), int(match[3]), payload)


class Reader:
    """Turns the bytes of the console into frames.

    The rest, which is what firmware and kernel print, is in `noise`. `lost`
    counts the frames that never arrived whole.
    """

    def __init__(self):
        self.buffer = b""
        self.partial = b""
        self.kept = 0
        self.next = 0
        self.lost = 0
        self.noise = collections.deque(maxlen=200)

    def feed(self, data):
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            yield from self._line(line.replace(b"\r", b""))

    def _line(self, line):
        if self.partial:
            yield from self._mend(line)
            return
        start = line.find(b"@vm ")
        if start < 0:
            self._noise(line)
            return
        frame = decode(line[start:])
        if frame:
            self._noise(line[:start])
            yield self._in_order(frame)
        else:
            self.partial = line[start:] + b"\n"
            self.kept = 0

    def _mend(self, line):
        """A line after a broken frame: it may be the frame's rest."""
        self.partial += line + b"\n"
        self.kept += 1
        frame = decode(KERNEL_MESSAGE.sub(b"", self.partial).replace(b"\n", b""))
        if frame:
            for message in KERNEL_MESSAGE.findall(self.partial):
                self._noise(message)
            self.partial = b""
            yield self._in_order(frame)
            return
        # Once the next frame is whole, the broken one will never be.
        whole = decode(line)
        if whole or self.kept > LINES_KEPT:
            self._noise(self.partial[: -len(line) - 1] if whole else self.partial)
            self.partial = b""
        if whole:
            yield self._in_order(whole)

    def _in_order(self, frame):
        self.lost += frame.sequence - self.next
        self.next = frame.sequence + 1
        return frame

    def _noise(self, data):
        for line in data.decode(errors="replace").split("\n"):
            if line.strip():
                self.noise.append(re.sub(r"[^\x20-\x7e]", "?", line))
