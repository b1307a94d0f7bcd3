#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each public header compiles alone, as C11 and as C++17, without warnings, with each compiler
that is there, and defines no object."""
import re
import shutil
import subprocess

import lintlib

WARN = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
LANGUAGES = [("gcc", ["-x", "c", "-std=c11"]), ("g++", ["-x", "c++", "-std=c++17"]),
             ("clang", ["-x", "c", "-std=c11"]), ("clang++", ["-x", "c++", "-std=c++17"])]
OBJECT = re.compile(r"^(?!typedef|static inline|extern|struct|enum|union)[a-z][\w \*]*\s"
                    r"\w+(\[\w*\])?\s*=", re.MULTILINE)


def check(root):
    found = []
    for header in sorted((root / "include/weir").glob("*.h")):
        name = header.relative_to(root)
        for compiler, language in LANGUAGES:
            if not shutil.which(compiler):
                continue
            done = subprocess.run([compiler, *language, *WARN, "-I", root / "include", "-"],
                                  input=f'#include "weir/{header.name}"\n', text=True,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            if done.returncode != 0:
                lines = [t for t in done.stderr.splitlines() if "error" in t] or ["fails"]
                found.append(f"{name}: {compiler} {language[2]}: {lines[0]}")
        for line in OBJECT.findall(lintlib.blank(lintlib.read(header))):
            found.append(f"{name}: defines an object{line}")
    return found


GOOD = {"include/weir/a.h": "#include <stddef.h>\ntypedef struct a { size_t n; } a;\n"
                            "static inline size_t a_n(const a *x)\n{\n    return x->n;\n}\n"}
BAD = [({"include/weir/b.h": "size_t b(void);\n"}, "gcc -std=c11"),
       ({"include/weir/b.h": "int b(int class);\n"}, "g++ -std=c++17"),
       ({"include/weir/b.h": "static inline int *b(void *p)\n{\n    return p;\n}\n"}, "g++"),
       ({"include/weir/b.h": "int b = 3;\n"}, "defines an object")]

if __name__ == "__main__":
    lintlib.main(check, GOOD, BAD)
