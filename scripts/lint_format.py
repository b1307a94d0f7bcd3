#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""C and C++ sources are laid out as clang-format does it; --fix [PATH...] does it. Status 77 without the
release of clang-format whose layout is ours: others differ in details."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

import lintlib

RELEASE = "14"
FENCE = re.compile(r"(// clang-format off)((?::[^\n]*)?)")


def sources(root):
    return [p for p in lintlib.files(root, ".c", ".h", ".cpp", ".hpp", ".cc")
            if not lintlib.is_generated(lintlib.read(p))]


def formatted(text, name):
    """What clang-format makes of it. Release 14 knows a fence only without a reason behind it,
    so `// clang-format off: why` loses its reason on the way in and gets it back."""
    fences = FENCE.findall(text)
    done = subprocess.run(
        ["clang-format", f"--style=file:{lintlib.ROOT}/.clang-format", f"--assume-filename={name}"],
        input=FENCE.sub(r"\1", text), text=True, check=True, stdout=subprocess.PIPE).stdout
    reasons = iter(why for _, why in fences)
    return re.sub(r"(// clang-format off)\b", lambda m: m.group(1) + next(reasons, ""), done)


def first_difference(a, b):
    pairs = zip(a.splitlines(), b.splitlines())
    return next((i for i, (x, y) in enumerate(pairs, 1) if x != y), min(a.count("\n"), b.count("\n")))


def check(root):
    found = []
    for path in sources(root):
        text = lintlib.read(path)
        wanted = formatted(text, path.name)
        if text != wanted:
            line = first_difference(text, wanted)
            found.append(f"{path.relative_to(root)}:{line}: layout; run make format")
    return found


def fix(root, only):
    for path in sources(root):
        if only and not any(path.is_relative_to(o) for o in only):
            continue
        text = lintlib.read(path)
        wanted = formatted(text, path.name)
        if text != wanted:
            path.write_text(wanted, encoding="utf-8")
            print(path.relative_to(root))


GOOD = {"a.c": "int f(int *a)\n{\n    if (a)\n        return *a;\n    return 0;\n}\n",
        "t.h": "// clang-format off: a table\nint   a,  b;\n// clang-format on\n"}
BAD = [({"b.c": "int f(int* a) {\n  return *a;\n}\n"}, "b.c:1: layout")]


def usable():
    tool = shutil.which("clang-format")
    found = subprocess.run([tool, "--version"], text=True, stdout=subprocess.PIPE).stdout \
        if tool else "no clang-format"
    if f"version {RELEASE}." not in found:
        print(f"layout is that of clang-format {RELEASE}; here is: {found.strip()}")
        sys.exit(77)


if __name__ == "__main__":
    usable()
    if sys.argv[1:2] == ["--fix"]:
        fix(lintlib.ROOT, [Path(p).resolve() for p in sys.argv[2:]])
    else:
        lintlib.main(check, GOOD, BAD)
