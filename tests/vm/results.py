# SPDX-License-Identifier: MIT
"""Turns what happens in a guest into one TAP stream."""

import re

CASE = re.compile(r"(not ok|ok)\b *\d* *-? *(.*)")
PLAN = re.compile(r"1\.\.(\d+) *(#.*)?")


class Results:
    """Collects and prints results, in the Test Anything Protocol."""

    def __init__(self):
        self.count = 0
        self.failures = 0

    def case(self, good, title):
        self.count += 1
        self.failures += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {title}", flush=True)

    def note(self, text):
        print(f"# {text}".rstrip(), flush=True)

    def finish(self):
        print(f"1..{self.count}", flush=True)


class Job:
    """One program in the guest. Its output may be TAP: then each of its cases
    becomes one here, under the job's title."""

    def __init__(self, results, title):
        self.results = results
        self.title = title
        self.rest = b""
        self.lines = []
        self.cases = 0
        self.planned = None
        self.failed = False
        self.ended = False

    def output(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self._line(line.decode(errors="replace").rstrip("\r"))

    def _line(self, line):
        case = CASE.fullmatch(line)
        plan = PLAN.fullmatch(line)
        if case:
            good = case[1] == "ok"
            self.cases += 1
            self._tell(not good)
            self.failed = self.failed or not good
            self.results.case(good, f"{self.title}: {case[2]}")
        elif plan:
            self.planned = int(plan[1])
        elif line and not line.startswith("TAP version"):
            if self.failed:
                # What explains a failure may come after it.
                self.results.note(line.removeprefix("# "))
            else:
                self.lines.append(line)

    def _tell(self, wanted):
        """What a case prints is long, and shown only where something failed. Its
        comments, which are figures and what a kernel can do, always are."""
        for line in self.lines:
            if wanted or line.startswith("# "):
                self.results.note(line.removeprefix("# "))
        self.lines = []
        self.failed = False

    def end(self, status):
        """`status` is as init.c words it: "exited 0", "killed 9 left 2"…"""
        if self.rest:
            self.output(b"\n")
        self.ended = True
        how, _, left = status.partition(" left ")
        good = how == "exited 0"
        problem = re.sub(r"timeout (\d+)", r"not finished after \1 seconds", how)
        if self.planned not in (None, self.cases):
            good = False
            problem = f"{problem}; {self.cases} of {self.planned} cases reported"
        self._tell(not good)
        if left:
            self.results.note(f"processes that outlived {self.title}: {left}")
        cases = f", {self.cases} cases" if self.planned is not None else ""
        self.results.case(good, f"{self.title}: {problem}{cases}")


def boot(results, guest, timeout):
    """The frames of a guest. A kernel that crashes before the first thing of
    ours has run shows a bug of the emulator, so it gets another try."""
    for last in (False, False, True):
        up = False
        for frame in guest.frames(timeout):
            up = True
            yield frame
        if up or last:
            return
        results.note(f"not booted: {guest.problem}; trying again")
        for line in guest.tail[-4:]:
            results.note(line)


def report(results, guest, jobs, timeout, expected):
    """Follows a guest to its end; `jobs` are the titles of its jobs, in order,
    `expected` is what the kernel's release must contain."""
    current = None
    done = 0
    for frame in boot(results, guest, timeout):
        text = frame.payload.decode(errors="replace")
        if frame.kind == "B":
            results.case(expected in text, f"boots Linux {text}")
        elif frame.kind == "S":
            current = Job(results, jobs[frame.job - 1])
        elif frame.kind == "O" and current:
            current.output(frame.payload)
        elif frame.kind == "X" and current:
            current.end(text)
            current = None
            done += 1
        elif frame.kind == "K":
            results.note(f"kernel: {text}")
        elif frame.kind == "F":
            results.case(False, f"the guest's init: {text}")
    if current:
        current.end("no end")
        done += 1
    for title in jobs[done:]:
        results.case(False, f"{title}: not run")
    if guest.problem:
        results.note("the end of the console:")
        for line in guest.tail:
            results.note(line)
        results.case(False, guest.problem)
