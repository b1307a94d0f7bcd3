#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Prints the code's budgets: function and file sizes, duplicated lines, folder cycles,
documented functions, exported symbols. Status 1 when one is exceeded."""
import statistics
import sys

import lint_docs
import lint_exports
import lint_layers
import lint_size
import lintlib

WINDOW = 6  # lines that must repeat in a row to count as duplicated


def our_sources():
    for path in lintlib.files(lintlib.ROOT, *lint_size.C, *lint_size.FORTRAN):
        text = lintlib.read(path)
        if not lintlib.is_generated(text):
            yield path, text


def duplicated(texts):
    """Share of code lines that stand in a run of WINDOW lines found elsewhere too."""
    seen, lines = {}, []
    for text in texts:
        code = [" ".join(t.split()) for t in lintlib.blank(text).splitlines()]
        code = [t for t in code if len(t) > 3 and not t.startswith("#include")]
        start = len(lines)
        lines += code
        for i in range(start, len(lines) - WINDOW + 1):
            seen.setdefault(tuple(lines[i:i + WINDOW]), []).append(i)
    twice = {i + k for at in seen.values() if len(at) > 1 for i in at for k in range(WINDOW)}
    return 100.0 * len(twice) / max(1, len(lines))


def documented():
    n, bad = 0, 0
    for header in (lintlib.ROOT / "include/weir").glob("*.h"):
        for _, declaration, block in lint_docs.functions(lintlib.read(header)):
            n += 1
            bad += bool(lint_docs.faults_of(declaration, block))
    return n, 100.0 * (n - bad) / max(1, n)


def rows():
    """(budget, value, limit, whether it holds)"""
    sources = list(our_sources())
    product = [t for p, t in sources if not lint_layers.TEST.search(
        str(p.relative_to(lintlib.ROOT)))]
    sizes = sorted(n for p, t in sources for _, _, n in lint_size.functions(p, t)) or [0]
    long_files = [p for p, t in sources if t.count("\n") > lint_size.MAX_FILE]
    median, p90 = statistics.median(sizes), sizes[int(0.9 * (len(sizes) - 1))]
    over = len([f for f in lint_size.check(lintlib.ROOT) if " has " in f])
    cycles = len(lint_layers.cycles(lint_layers.read_table(lintlib.ROOT / "scripts/layers.txt")))
    double = duplicated(product)
    n_public, share = documented()
    yield "files, lines", f"{len(sources)}, {sum(t.count(chr(10)) for _, t in sources)}", "", True
    yield "functions", len(sizes), "", True
    yield "median function, lines", median, "<= 15", median <= 15
    yield "90th percentile, lines", p90, "<= 45", p90 <= 45
    yield "functions over 100 lines, no reason", over, "0", over == 0
    yield "files over 800 lines", len(long_files), "0", not long_files
    yield "duplicated lines, %", f"{double:.1f}", "<= 3", double <= 3
    yield "folder cycles", cycles, "0", cycles == 0
    yield f"documented of {n_public} public functions, %", f"{share:.0f}", "100", share == 100
    library = lint_exports.newest_library(lintlib.ROOT)
    if library:
        bare = [n for n in lint_exports.exported(library) if not n.startswith("weir_")]
        yield "exported symbols without prefix", len(bare), "0", not bare


def main():
    good = True
    for name, value, limit, holds in rows():
        print(f"  {name:42} {str(value):>12}  {limit:6} {'' if holds else 'EXCEEDED'}".rstrip())
        good = good and holds
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
