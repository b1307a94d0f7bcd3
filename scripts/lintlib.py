# SPDX-License-Identifier: BSD-3-Clause
"""What the lint scripts share: which files are ours, reading C roughly, and the frame in which
a check runs on the repository or, with --self-test, on planted defects that it must find."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def files(root, *suffixes):
    """Our files below root: those git knows or would add; without git, all."""
    root = Path(root)
    try:
        text = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
        names = [n for n in text.split("\0") if n]
    except (OSError, subprocess.CalledProcessError):
        names = [str(p.relative_to(root)) for p in root.rglob("*")]
        names = [n for n in names if not n.startswith(("build/", ".deps/", ".git/"))]
    found = [root / n for n in sorted(set(names))]
    return [p for p in found if p.is_file() and not p.is_symlink()
            and (not suffixes or p.suffix in suffixes)]


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


def is_generated(text):
    """Generated files say so in their first lines; they have no size or layout of ours."""
    return re.search(r"\b(generated|made) (by|from) scripts/", text[:400], re.IGNORECASE) is not None


def blank(text):
    """C text with comments and the insides of strings replaced by spaces; lines stay."""
    def space(m):
        return re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", space, text,
                  flags=re.DOTALL)


def c_functions(text):
    """(name, first line, number of lines) of the functions of a C or C++ file. In our layout a
    function's braces, and no others, stand alone in column 0."""
    lines, found, start = blank(text).splitlines(), [], None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line.startswith("}") and start is not None:
            head = start
            while head > 0 and re.match(r"[\w \t(]", lines[head - 1]) and \
                    not lines[head - 1].rstrip().endswith((";", "}")):
                head -= 1
            name = re.search(r"(\w+)\s*\(", " ".join(lines[head:start]))
            found.append((name.group(1) if name else "?", head + 1, i - head + 1))
            start = None
    return found


def fortran_procedures(text):
    """(name, first line, number of lines) of subroutines and functions."""
    begin = re.compile(r"^\s*(?:[\w()=, ]+\s)?(subroutine|function)\s+(\w+)", re.IGNORECASE)
    end = re.compile(r"^\s*end\s*(subroutine|function)\b", re.IGNORECASE)
    found, open_ones = [], []
    for i, line in enumerate(text.splitlines()):
        if end.match(line):
            if open_ones:
                name, start = open_ones.pop()
                found.append((name, start + 1, i - start + 1))
        elif begin.match(line) and not line.lstrip().startswith("!"):
            open_ones.append((begin.match(line).group(2), i))
    return found


def plant(root, tree):
    for name, text in tree.items():
        path = Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def self_test(check, good, bad):
    """check must be silent on the tree `good`, and must speak of each (tree, text) of `bad`,
    whose files are added to the good ones."""
    faults = []
    for tree, text in [({}, None)] + bad:
        with tempfile.TemporaryDirectory() as folder:
            plant(folder, {**good, **tree})
            found = check(Path(folder))
        if text is None and found:
            faults.append(f"complains about a good tree: {found}")
        elif text is not None and not any(text in f for f in found):
            faults.append(f"does not find '{text}' in {sorted(tree)}: {found}")
    return faults


def main(check, good, bad):
    """Runs a check: prints its findings, one a line; status 0 when there are none."""
    if sys.argv[1:] == ["--self-test"]:
        found = self_test(check, good, bad)
    elif sys.argv[1:]:
        print(f"usage: {os.path.basename(sys.argv[0])} [--self-test]", file=sys.stderr)
        sys.exit(2)
    else:
        found = check(ROOT)
    for text in found:
        print(text)
    sys.exit(1 if found else 0)
