#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
summary.py BUILD STATUS CI: what "meson test", which ended with STATUS, has shown, in tables.
The verdict comes from the log of each test, TAP lines included: Meson's own counts are of
programs, and one program here is a hundred cases.
"""
import json, os, re, sys

build, status, ci = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "true"
passed, failed, skipped = 0, 1, 2
suites, machines, grades, names, excused = {}, {}, {}, ([], [], []), 0
figures = []
with open(f"{build}/meson-info/intro-tests.json", encoding="utf-8") as file:
    tap = {test["name"] for test in json.load(file) if test["protocol"] == "tap"}
log = f"{build}/meson-logs/testlog.json"
case = re.compile(r"(not )?ok\b[ \t]*\d*[ \t]*-?[ \t]*(.*?)[ \t]*"
                  r"(?:(?<!\\)#[ \t]*(?i:(SKIP)|(TODO))\S*[ \t]*(.*))?")

def cases_of(stdout):
    for match in filter(None, map(case.fullmatch, stdout.splitlines())):
        wrong, title, skip, todo, why = match.groups()
        if skip:
            yield skipped, f"{title}: {why}"
        else:
            yield failed if bool(wrong) != bool(todo) else passed, title

for line in open(log, encoding="utf-8") if os.path.exists(log) else ():
    test = json.loads(line)
    suite, _, name = test["name"].rpartition(" / ")
    suite = suite.split(":")[-1] or "-"
    stdout = test.get("stdout") or ""
    verdict = {"OK": passed, "EXPECTEDFAIL": passed, "SKIP": skipped}
    verdict = verdict.get(test["result"], failed)
    cases = list(cases_of(stdout)) if name in tap else []
    # A crash or a missing case is a failure that no line of TAP tells.
    if not cases or verdict == failed and not any(c[0] == failed for c in cases):
        why = re.search(r"^1\.\.0.*?#\s*SKIP\S*\s*(.*)$", stdout, re.I | re.M)
        cases.append((verdict, why[1] if why else test["result"].lower()))
    tables = [(suites, (suite,))]
    if kernel := re.fullmatch(r"vm-([a-z0-9_]+)-(.+)", name):
        release = re.search(r"boots Linux (\S+)", stdout)
        key = kernel[2], kernel[1], release[1] if release else "-"
        tables.append((machines, key))
        if here := re.search(r"^[# ]*features: (.*)$", stdout, re.M):
            grades[key] = dict(pair.split("=") for pair in here[1].split())
        for what in "latency from close to death", "memory of one guard":
            if here := re.search(rf"^[# ]*({what}.*)$", stdout, re.M):
                figures.append(f"{kernel[2]} {kernel[1]}: {here[1]}")
    # With CI=true boot.py itself fails for a kernel that can be had: what it skips
    # then is an old one that Debian no longer has.
    excused += suite == "vm" and sum(outcome == skipped for outcome, _ in cases)
    for outcome, title in cases:
        for table, key in tables:
            table.setdefault(key, [0, 0, 0])[outcome] += 1
        names[outcome].append(f"  {suite} / {name}: {title}")

def show(table, *head):
    rows = [head] + [(*key, *map(str, table[key])) for key in sorted(table)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    if table:
        print("", *lines, sep="\n")

def tell(what, lines):
    if lines:
        more = [f"  and {len(lines) - 60} more"] if len(lines) > 60 else []
        print("", f"{what}:", *lines[:60], *more, sep="\n")

outcomes = "passed", "failed", "skipped"
show(suites, "suite", *outcomes)
features = list(dict.fromkeys(name for row in grades.values() for name in row))
for key in machines:
    machines[key] += [grades.get(key, {}).get(name, "-") for name in features]
show(machines, "kernel", "architecture", "release", *outcomes, *features)
tell("autokill, in emulated machines", figures)
tell("failed", names[failed])
tell("skipped" + (", which CI=true makes a failure" if ci else ""), names[skipped])
total = [len(lines) for lines in names]
if status and not total[failed] or not any(total):
    print("\nmeson test:", f"exit status {status}" if status else "nothing ran")
print("\n" + ", ".join(map("{} {}".format, total, outcomes)), flush=True)
sys.exit(bool(status or total[failed] or not total[passed] or ci and total[skipped] > excused))
