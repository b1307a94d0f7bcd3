#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""libweir.so exports what scripts/exports.txt lists, all of it with our prefix and declared in
include/weir. --update rewrites the list. Status 77 when no library is built."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import lintlib

LIST = "scripts/exports.txt"
HEAD = "# SPDX-License-Identifier: BSD-3-Clause\n# What libweir.so exports; " \
       "scripts/lint_exports.py --update rewrites this file.\n"
PRESETS = ("core", "release", "dev", "asan", "tsan", "clang", "install")
NOT_OURS = re.compile(r"^(__asan|__odr|__ubsan|__tsan|__lsan|__sanitizer|_init$|_fini$|_edata$|"
                      r"_end$|__bss_start$|__gcov|__llvm|__start___|__stop___)")


def exported(library):
    text = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    names = {line.split()[-1].split("@")[0] for line in text.splitlines()}
    return {n for n in names if not NOT_OURS.match(n)}


def declared(root):
    text = "".join(lintlib.read(h) for h in (root / "include/weir").glob("*.h"))
    return set(re.findall(r"^WEIR_API\b[^;{(]*?(\w+)\s*[(;\[]", lintlib.blank(text), re.MULTILINE))


def newest_library(root):
    """Of the presets' folders: others may hold a part of the rooms."""
    built = [p for name in PRESETS for p in root.glob(f"build/{name}/lib/libweir.so")]
    return max(built, key=lambda p: p.stat().st_mtime) if built else None


def check(root):
    library = newest_library(root)
    have = exported(library)
    listed = {t for t in lintlib.read(root / LIST).split("\n") if t and not t.startswith("#")}
    known, where = declared(root), library.relative_to(root)
    return ([f"{where}: exports {n}, which is not in {LIST}" for n in sorted(have - listed)] +
            [f"{where}: {n} of {LIST} is missing" for n in sorted(listed - have)] +
            [f"{where}: {n} has no prefix weir_" for n in sorted(have)
             if not n.startswith("weir_")] +
            [f"{where}: {n} is declared in no public header" for n in sorted(have - known)] +
            [f"include/weir: {n} is declared, but not exported" for n in sorted(known - have)])


def attempt(listing, source):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lintlib.plant(root, {LIST: listing, "build/core/lib/a.c": source,
                             "include/weir/a.h": "WEIR_API int weir_a(void);\n"})
        subprocess.run(["cc", "-shared", "-fPIC", "-o", root / "build/core/lib/libweir.so",
                        root / "build/core/lib/a.c"], check=True)
        return check(root)


def self_test():
    a, b = "int weir_a(void) { return 1; }\n", "int weir_b(void) { return 1; }\n"
    cases = [("weir_a\n", a, None), ("", a, "not in"), ("weir_a\nweir_c\n", a, "is missing"),
             ("weir_a\nhelp\n", a + "int help;\n", "no prefix"),
             ("weir_a\nweir_b\n", a + b, "no public header"), ("", "", "not exported")]
    faults = []
    for listing, source, text in cases:
        found = attempt(listing, source)
        if (text is None and found) or (text and not any(text in f for f in found)):
            faults.append(f"expected '{text}', found {found}")
    return faults


def main():
    if sys.argv[1:] == ["--self-test"]:
        found = self_test()
    elif newest_library(lintlib.ROOT) is None:
        print("no libweir.so is built")
        sys.exit(77)
    elif sys.argv[1:] == ["--update"]:
        names = sorted(exported(newest_library(lintlib.ROOT)))
        (lintlib.ROOT / LIST).write_text(HEAD + "".join(f"{n}\n" for n in names))
        found = []
    else:
        found = check(lintlib.ROOT)
    for text in found:
        print(text)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
