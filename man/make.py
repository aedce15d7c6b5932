#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the manual pages that are installed.

    make.py page SOURCE VERSION OUTPUT   @VERSION@ filled in; each line
                                         .\\" EXAMPLE file.c
                                         becomes examples/file.c, and
                                         .\\" FEATURES
                                         the table of src/features.def
    make.py aliases SECTION DIRECTORY PAGE:ALIAS...
"""
import pathlib
import re
import sys

# In a page "-" is a hyphen and "'" a quotation mark; code wants the ASCII characters.
ROFF = str.maketrans({'\\': r'\e', '-': r'\-', "'": r'\(aq', '`': r'\(ga', '^': r'\(ha', '~': r'\(ti'})


def roff(line):
    """A line of code as a text line: it must not begin a request."""
    line = line.expandtabs(4).translate(ROFF)
    return r'\&' + line if line.startswith('.') else line


def without_licence(text):
    return re.sub(r'\A/\* SPDX[^\n]*\*/\n', '', text)


GRADES = {'SPAWNX_WEAK': 'weaker', 'SPAWNX_EXACT': 'exact', 'SPAWNX_ABSENT': 'absent'}


def features(table):
    """A list item for each row X(id, NAME, "name", "since", probe, GRADE, "what", "…")."""
    rows = re.findall(r'^X\(.*?"\)$', table.read_text(), re.DOTALL | re.MULTILINE)
    for row in rows:
        name, since, what, instead = re.findall(r'"([^"]*)"', row)
        (grade,) = (word for key, word in GRADES.items() if key in row)
        yield f'.It Li {name} , No {what}, Linux {since} ; No before: {grade}'
        yield instead


def page(source, version):
    out = []
    for line in source.read_text().splitlines():
        if line == r'.\" FEATURES':
            table = source.parent.parent / 'src' / 'features.def'
            out += features(table)
            continue
        example = re.fullmatch(r'\.\\" EXAMPLE (\S+)', line)
        if example:
            code = without_licence((source.parent / 'examples' / example[1]).read_text())
            out += ['.Bd -literal', *map(roff, code.splitlines()), '.Ed']
        else:
            out.append(line.replace('@VERSION@', version))
    return '\n'.join(out) + '\n'


def main(command, *args):
    if command == 'page':
        source, version, output = args
        pathlib.Path(output).write_text(page(pathlib.Path(source), version))
    elif command == 'aliases':
        section, directory, *pairs = args
        for pair in pairs:
            target, alias = pair.split(':')
            pathlib.Path(directory, alias).write_text(f'.so man{section}/{target}\n')
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(*sys.argv[1:])
