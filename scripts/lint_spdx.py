#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The first line of every file is its licence (the second after #!), and a source says in its
next lines what it is for."""
import re

import lintlib

SUFFIXES = (".c", ".h", ".cpp", ".hpp", ".f90", ".F90", ".py", ".sh", ".cmake", ".awk", ".txt",
            ".supp", ".in")
NAMES = ("CMakeLists.txt", "Makefile", ".clang-format", ".clang-tidy", ".editorconfig",
         ".gitignore")
LICENCE = "SPDX-License-Identifier: BSD-3-Clause"
FOREIGN = ("tests/corpus/", "tests/data/", "tests/models/", "tests/golden/", "docs/format/golden/")


def check(root):
    found = []
    for path in lintlib.files(root):
        name = str(path.relative_to(root))
        if name.startswith(FOREIGN) or "/data/" in name or \
                not (path.suffix in SUFFIXES or path.name in NAMES):
            continue
        lines = lintlib.read(path).splitlines() + ["", "", ""]
        at = 1 if lines[0].startswith("#!") else 0
        if LICENCE not in lines[at]:
            found.append(f"{name}: first line is not '{LICENCE}'")
        elif path.suffix in (".c", ".cpp", ".f90", ".F90", ".py", ".sh") and \
                not re.match(r'\s*(//+!?<?|/?\*+|!>?<?!?|#(?!include|define|if)|""")\s*\S', lines[at + 1]):
            found.append(f"{name}: the line after the licence does not say what the file is for")
    return found


GOOD = {"src/a.c": "// SPDX-License-Identifier: BSD-3-Clause\n/// What it is.\n",
        "b.py": "#!/usr/bin/python3\n# SPDX-License-Identifier: BSD-3-Clause\n\"\"\"What.\"\"\"\n",
        "tests/corpus/x/a.txt": "anything"}
BAD = [({"src/b.c": "/// What it is.\n"}, "first line"),
       ({"scripts/b.sh": "#!/bin/sh\n# a script\n"}, "first line"),
       ({"src/b.c": "// SPDX-License-Identifier: BSD-3-Clause\n#include <stdio.h>\n"}, "what the")]

if __name__ == "__main__":
    lintlib.main(check, GOOD, BAD)
