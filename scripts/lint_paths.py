#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""No file names a folder of somebody's machine or the address of a package registry."""
import re

import lintlib

MACHINE = re.compile(r"(?<![\w.}$])/(?:work|home|root|Users|mnt|scratch)/\w")
REGISTRY = re.compile(r"[a-z][\w+]*://[^\s\"'<>)]*(?:pypi|npmjs|pythonhosted|crates\.|golang|"
                      r"debian\.|ubuntu\.|conda|rubygems|maven|nuget|docker|mirror|nexus|"
                      r"artifactory|/simple\b)", re.IGNORECASE)
TEXT = (".c", ".h", ".cpp", ".hpp", ".f90", ".F90", ".py", ".sh", ".cmake", ".txt", ".md", ".json",
        ".in", ".toml", ".cfg", ".yml", ".yaml", ".1", ".awk", "")


def check(root):
    found = []
    for path in lintlib.files(root, *TEXT):
        name = str(path.relative_to(root))
        if name.startswith("tests/corpus/") or name == "scripts/lint_paths.py":
            continue
        for i, line in enumerate(lintlib.read(path).splitlines(), 1):
            for what, pattern in (("a machine's path", MACHINE), ("a registry", REGISTRY)):
                hit = pattern.search(line)
                if hit:
                    found.append(f"{name}:{i}: {what}: {hit.group(0)}")
    return found


GOOD = {"a.md": "see /usr/bin/python3, $HOME/work/x, https://doi.org/10.1 and ../root/a\n"}
BAD = [({"a.c": 'open("/home/ann/model.onnx");\n'}, "machine's path"),
       ({"Makefile": "x:\n\tcp /" + "work/data .\n"}, "machine's path"),
       ({"a.sh": "curl https://mirror.example/x\n"}, "a registry"),
       ({"a.json": '{"index": "http://cache.local:81/simple/"}\n'}, "a registry")]

if __name__ == "__main__":
    lintlib.main(check, GOOD, BAD)
