#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""plot.py NUMBERS.tsv DIRECTORY: one SVG an axis: µs to return, on a logarithmic scale."""
import csv
import math
import re
import sys

WIDTH, ROW, BAR, LEFT, TOP = 760, 8, 6, 190, 44
COLOURS = "#4269d0", "#efb118", "#ff725c", "#6cc5b0"


def read(name):
    axes = {}
    with open(name, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            us = float(row["to_return_us"])
            if us > 0:
                ways = axes.setdefault(row["axis"], {})
                ways.setdefault(row["way"], {})[row["point"]] = us
    return axes


def text(x, y, words, anchor="start"):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>'


def draw(axis, ways):
    points = list(dict.fromkeys(point for row in ways.values() for point in row))
    values = [us for row in ways.values() for us in row.values()]
    low = 10 ** math.floor(math.log10(min(values)))
    high = 10 ** math.ceil(math.log10(max(values)))
    group = ROW * len(points) + 8
    bottom = TOP + group * len(ways)

    def x(us):
        return LEFT + (WIDTH - LEFT - 60) * math.log(us / low) / math.log(high / low)

    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 24}" '
           'font-family="sans-serif" font-size="11">')
    yield f'<rect width="{WIDTH}" height="{bottom + 24}" fill="white"/>'
    yield text(8, 16, f"{axis}: µs until the call returns (median)")
    for i, point in enumerate(points):
        at = LEFT + 110 * i
        yield f'<rect x="{at}" y="24" width="9" height="9" fill="{COLOURS[i % 4]}"/>'
        yield text(at + 13, 33, point)
    us = low
    while us <= high:
        yield f'<path d="M{x(us):.0f} {TOP}V{bottom}" stroke="#ccc"/>'
        yield text(x(us), bottom + 14, f"{us:,.0f}".replace(",", " "), "middle")
        us *= 10
    for i, (way, row) in enumerate(ways.items()):
        y = TOP + group * i
        yield text(LEFT - 6, y + group / 2 + 3, way, "end")
        for j, point in enumerate(points):
            if point in row:
                yield (f'<rect x="{LEFT}" y="{y + 4 + ROW * j}" height="{BAR}" '
                       f'width="{x(row[point]) - LEFT:.1f}" fill="{COLOURS[j % 4]}"/>')
                if row[point] == max(row.values()):
                    yield text(x(row[point]) + 4, y + 11 + ROW * j, f"{row[point]:.0f}")
    yield "</svg>"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for axis, ways in read(sys.argv[1]).items():
        name = re.sub(r"\W+", "-", axis.lower())
        with open(f"{sys.argv[2]}/{name}.svg", "w", encoding="utf-8") as file:
            file.write("\n".join(draw(axis, ways)) + "\n")


if __name__ == "__main__":
    main()
