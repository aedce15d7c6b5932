#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tests of the manual pages, each prints TAP.

    check.py lint MANDOC PAGE...            mandoc has nothing to say (MANDOC empty: skip)
    check.py names MAP PAGE:ALIAS,... ...   every exported symbol is in a NAME section,
                                            every NAME has its alias, and the reverse
    check.py synopsis PAGE... -- CC...      SYNOPSIS declares what the header declares
    check.py readme README EXAMPLE          README's C block is the example
    check.py examples BUSYBOX PROGRAM:EXPECTED...
                                            each prints what it should
    check.py ways EXPECTED PRELOAD BEFORE SED HEADER
                                            the three ways over, as spawnx-migrate(7) has
                                            them (PRELOAD empty: two)
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# The order of the Linux man-pages, which mandoc does not know: EXAMPLES after CAVEATS.
ORDER = 'sections out of conventional order: Sh EXAMPLES'


class Tap:
    def __init__(self, count):
        self.count = 0
        print(f'1..{count}', flush=True)

    def result(self, name, problems, skip=None):
        self.count += 1
        if skip:
            print(f'ok {self.count} - {name} # SKIP {skip}', flush=True)
            return
        print(f'{"not ok" if problems else "ok"} {self.count} - {name}')
        for line in problems:
            print(f'# {line}')
        sys.stdout.flush()


def section(text, name):
    found = re.search(rf'^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)', text, re.M | re.S)
    return found[1] if found else ''


def lint(mandoc, *pages):
    if not mandoc:
        print('1..0 # SKIP mandoc not found')
        return
    tap = Tap(len(pages))
    for page in pages:
        run = subprocess.run([mandoc, '-Tlint', '-W', 'warning', page],
                             capture_output=True, text=True)
        lines = (run.stdout + run.stderr).splitlines()
        tap.result(pathlib.Path(page).name, [line for line in lines if not line.endswith(ORDER)])


def names_of(page):
    return set(re.findall(r'^\.Nm (\S+)', section(page.read_text(), 'NAME'), re.M))


def names(map_file, *pages):
    tap = Tap(len(pages) + 1)
    documented = []
    for entry in pages:
        path, _, aliases = entry.partition(':')
        page = pathlib.Path(path)
        have = names_of(page)
        want = {page.stem, *filter(None, aliases.split(','))}
        tap.result(page.name, [f'{name}: in NAME or in the list of aliases, not in both'
                               for name in sorted(have ^ want)])
        if page.suffix == '.3':
            documented += have
    symbols = re.findall(r'^\t(\w+);', pathlib.Path(map_file).read_text(), re.M)
    tap.result('every symbol has one page',
               [f'{name}: exported {symbols.count(name)}, documented {documented.count(name)}'
                for name in sorted({*symbols, *documented})
                if symbols.count(name) != 1 or documented.count(name) != 1])


def declarations(text):
    """The #include lines and prototypes of a SYNOPSIS."""
    result, kind, name, args = [], '', '', []
    for line in section(text, 'SYNOPSIS').splitlines():
        macro, _, rest = line.partition(' ')
        words = re.findall(r'"([^"]*)"|(\S+)', rest)
        words = [quoted or plain for quoted, plain in words]
        if macro == '.In':
            result.append(f'#include <{rest}>')
        elif macro == '.Ft':
            kind = ' '.join(words)
        elif macro == '.Fn':
            result.append(f'{kind} {words[0]}({", ".join(words[1:])});')
        elif macro == '.Fo':
            name, args = words[0], []
        elif macro == '.Fa':
            args += words
        elif macro == '.Fc':
            result.append(f'{kind} {name}({", ".join(args)});')
    return result


def synopsis(*args):
    at = args.index('--')
    pages, compiler = args[:at], args[at + 1:]
    tap = Tap(len(pages))
    for path in pages:
        page = pathlib.Path(path)
        lines = declarations(page.read_text())
        declared = {line.rpartition('(')[0].split()[-1].lstrip('*')
                    for line in lines if line.endswith(');')}
        problems = [f'{name}: not in SYNOPSIS' for name in sorted(names_of(page) - declared)]
        # First a use of each, which the header must have declared, then the declaration
        # again, which C accepts only if it says the same.
        uses = [f'__typeof__({name}) *const use_{name} = {name};' for name in sorted(declared)]
        with tempfile.NamedTemporaryFile('w', suffix='.c') as source:
            source.write('\n'.join([line for line in lines if line.startswith('#')] + uses +
                                   [line for line in lines if not line.startswith('#')]) + '\n')
            source.flush()
            run = subprocess.run([*compiler, '-std=c99', '-Wall', '-Wextra', '-Werror',
                                  '-fsyntax-only', source.name], capture_output=True, text=True)
        tap.result(page.name, problems + run.stderr.splitlines())


def readme(readme_file, example):
    tap = Tap(1)
    block = re.search(r'^```c\n(.*?)^```$', pathlib.Path(readme_file).read_text(), re.M | re.S)
    same = block and block[1] == pathlib.Path(example).read_text()
    tap.result('README', [] if same else [f'its C block is not {example}'])


def matches(expected, actual):
    """As it stands; or, after a "~", as a regular expression for each line, or for the
    whole when it has but one line."""
    lines, actual_lines = expected.splitlines(), actual.splitlines()
    if not expected.startswith('~'):
        return expected == actual
    if len(lines) == 1:
        return re.fullmatch(lines[0][1:], '\n'.join(actual_lines)) is not None
    return len(lines) == len(actual_lines) and all(
        re.fullmatch(line[1:], actual_line) for line, actual_line in zip(lines, actual_lines))


def run_supervisor(tap, program, busybox):
    """On a kernel without the flags it must say so, and fail."""
    if not busybox:
        tap.result('supervisor', [], skip='busybox not found')
        return
    can = subprocess.run([program, '--check'], capture_output=True, text=True)
    run = subprocess.run([program, busybox], capture_output=True, text=True, timeout=60)
    problems = [f'--check printed {can.stdout + can.stderr!r}'] if can.stdout + can.stderr else []
    if run.returncode != can.returncode:
        problems.append(f'exit status {run.returncode}, of --check {can.returncode}')
    if can.returncode and not re.search(r'^BAD  worker +.*auto(kill|reap).*not supported$',
                                        run.stdout, re.M):
        problems.append('does not say that the kernel lacks autokill')
    tap.result(f'supervisor, {"without" if can.returncode else "with"} autokill',
               problems and problems + run.stdout.splitlines() + run.stderr.splitlines())


def examples(busybox, *entries):
    tap = Tap(len(entries))
    for entry in entries:
        program, _, expected = entry.partition(':')
        if not expected:
            run_supervisor(tap, program, busybox)
            continue
        run = subprocess.run([program], capture_output=True, text=True, timeout=60)
        problems = [f'exit status {run.returncode}'] if run.returncode else []
        if not matches(pathlib.Path(expected).read_text(), run.stdout):
            problems.append('another output was expected:')
        tap.result(pathlib.Path(program).name,
                   problems and problems + run.stdout.splitlines() + run.stderr.splitlines())


def ways(expected, preload, before, sed, header):
    """Each prints what the program printed before, and is shown to use the library."""
    tap = Tap(4)
    plain = {name: value for name, value in os.environ.items() if name != 'SPAWNX_PRELOAD'}

    def case(name, program, environment, proof):
        run = subprocess.run([program], capture_output=True, text=True, timeout=60,
                             env={**plain, **environment})
        problems = [f'exit status {run.returncode}'] if run.returncode else []
        if not matches(pathlib.Path(expected).read_text(), run.stdout):
            problems.append('another output was expected:')
        problems += proof(pathlib.Path(program).read_bytes(), run.stderr)
        tap.result(name, problems and problems + (run.stdout + run.stderr).splitlines())

    def converted(binary, _):
        return ['calls posix_spawnp'] if b'posix_spawn' in binary else []

    def intercepted(binary, errors):
        problems = [] if b'posix_spawn' in binary else ['was not built as ever']
        return problems + ([] if 'unknown word ignored: proof' in errors
                           else ['the preload library was not used'])

    case('before', before, {}, lambda *_: [])
    case('source: the sed rule', sed, {}, converted)
    case('header: <spawnx/posix.h>', header, {}, converted)
    if not preload:
        tap.result('binary', [], skip='libspawnx-preload.so is not built')
        return
    # What is preloaded already, a sanitizer perhaps, stays in front.
    case('binary: LD_PRELOAD', before, {
        'LD_PRELOAD': ':'.join(filter(None, [plain.get('LD_PRELOAD'), preload])),
        'SPAWNX_PRELOAD': 'proof'}, intercepted)


if __name__ == '__main__':
    {'lint': lint, 'names': names, 'synopsis': synopsis, 'readme': readme,
     'examples': examples, 'ways': ways}[sys.argv[1]](*sys.argv[2:])
