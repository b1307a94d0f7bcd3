#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every room has a README of at most 15 lines: what is here, what it may include, where to
begin. No README but the top one is longer."""
import lintlib

MAX_LINES = 15


def rooms(root):
    """Folders that must have a sign: rooms with sources, backends, applications."""
    return [d for pattern in ("src/*", "src/backends/*", "bindings/*", "apps/*")
            for d in sorted(root.glob(pattern))
            if d.is_dir() and d != root / "src/backends" and has_source(d)]


def has_source(folder):
    return any(p.suffix in (".c", ".h", ".cpp", ".f90", ".F90") for p in folder.rglob("*"))


def check(root):
    found = [f"{d.relative_to(root)}: no README.md" for d in rooms(root)
             if not (d / "README.md").exists()]
    for path in lintlib.files(root, ".md"):
        if path.name == "README.md" and path.parent != root:
            n = len(lintlib.read(path).splitlines())
            if n > MAX_LINES:
                found.append(f"{path.relative_to(root)}: {n} lines, at most {MAX_LINES}")
    return found


GOOD = {"src/base/a.c": "", "src/base/README.md": "line\n" * 15, "README.md": "line\n" * 90,
        "src/backends/x/x.c": "", "src/backends/x/README.md": "x\n"}
BAD = [({"src/tensor/t.c": ""}, "src/tensor: no README.md"),
       ({"src/backends/y/y.c": ""}, "src/backends/y: no README.md"),
       ({"src/base/README.md": "line\n" * 16}, "16 lines")]

if __name__ == "__main__":
    lintlib.main(check, GOOD, BAD)
