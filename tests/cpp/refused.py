#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""refused.py CXX...: what <spawnx.hpp> lets through and what it does not. Prints TAP."""
import subprocess
import sys

strict = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Wsign-conversion',
          '-Wold-style-cast', '-Werror', '-fsyntax-only', '-xc++', '-']
use = '#include <spawnx.hpp>\nint main() { std::error_code ec; (void)ec; %s }\n'
good = 'spx::attributes a(ec); spx::file_actions f(ec); auto c = spx::start("x", {"x"}, f, a, ec);'
bare = ['-fno-exceptions', '-fno-rtti']
cases = [(f'compiles as {std} {" ".join(more)}', True, [f'-std={std}', *more], use % good)
         for std in ('c++17', 'c++20', 'c++23') for more in ([], bare)]
cases += [
    ('before and after <spawnx.h> and <signal.h>', True, ['-std=c++17'],
     '#include <signal.h>\n#include <spawnx.h>\n#include <spawnx.hpp>\n#include <spawnx.h>\n'),
    ('<spawnx/child.hpp> alone says what to include', False, ['-std=c++17'],
     '#include <spawnx/child.hpp>\n'),
]
cases += [(f'refused: {what}', False, ['-std=c++17', *more], use % code) for what, more, code in (
    ('attributes twice', [], 'spx::attributes a; spx::start("x", {"x"}, a, a);'),
    ('file actions twice', [], 'spx::file_actions f; spx::start("x", {"x"}, f, f);'),
    ('an option of another type', [], 'spx::start("x", {"x"}, 5);'),
    ('copying a child', [], 'spx::child a; spx::child b = a;'),
    ('copying attributes', [], 'spx::attributes a; spx::attributes b = a;'),
    ('a string_view, which may not end', [], 'spx::file_actions().chdir(std::string_view("x"));'),
    ('no error_code without exceptions', bare, 'spx::start("x", {"x"});'),
    ('a setter without error_code without exceptions', bare,
     'spx::attributes a(ec); a.autokill();'),
)]

print(f'1..{len(cases)}')
for number, (name, wanted, options, source) in enumerate(cases, 1):
    run = subprocess.run([*sys.argv[1:], *options, *strict], input=source,
                         capture_output=True, text=True)
    ok = (run.returncode == 0) == wanted
    print(f'{"ok" if ok else "not ok"} {number} - {name}')
    for line in [] if ok else run.stderr.splitlines()[:20]:
        print(f'# {line}')
