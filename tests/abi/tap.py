# SPDX-License-Identifier: MIT
"""One TAP line for each check; what was found comes in comment lines before it."""


class Tap:
    def __init__(self):
        self.count = 0

    def check(self, name, ok, found=""):
        self.count += 1
        if not ok and found != "":
            for line in str(found).splitlines():
                print(f"# {line}")
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}", flush=True)

    def equal(self, name, found, wanted):
        self.check(name, found == wanted, f"found:  {found}\nwanted: {wanted}")

    def same_set(self, name, found, wanted):
        only_found, only_wanted = sorted(found - wanted), sorted(wanted - found)
        text = "".join(f"not expected: {one}\n" for one in only_found)
        text += "".join(f"missing: {one}\n" for one in only_wanted)
        self.check(name, found == wanted, text)

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}")

    def end(self):
        print(f"1..{self.count}")
