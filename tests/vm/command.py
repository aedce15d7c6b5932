# SPDX-License-Identifier: MIT
"""Runs a step of a build; its output is shown only if it fails."""

import os
import subprocess


class BuildFailed(Exception):
    def __init__(self, what, output):
        super().__init__(what)
        self.output = output


def run(what, *command, **options):
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={k: v for k, v in os.environ.items() if not k.startswith("PKG_CONFIG_")},
        **options,
    )
    if result.returncode != 0:
        lines = result.stdout.splitlines()
        # What ninja did well is of no interest now.
        raise BuildFailed(what, [line for line in lines if line[:1] != "["][-60:])
    return result.stdout
