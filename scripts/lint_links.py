#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Links between our Markdown pages lead somewhere: the file is there, and so is the heading."""
import re

import lintlib

LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")
SCHEME = re.compile(r"^[a-z]+:", re.IGNORECASE)


def prose(text):
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text):
    heads = re.findall(r"^#+\s+(.*?)\s*$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


def check(root):
    found = []
    for page in lintlib.files(root, ".md"):
        text = lintlib.read(page)
        for link in LINK.findall(prose(text)):
            if SCHEME.match(link):
                continue
            name, _, anchor = link.partition("#")
            target = (page.parent / name) if name else page
            where = f"{page.relative_to(root)}: ({link})"
            if not target.exists():
                found.append(f"{where}: no such file")
            elif anchor and target.suffix == ".md" and anchor not in anchors(lintlib.read(target)):
                found.append(f"{where}: no such heading")
    return found


GOOD = {"docs/a.md": "# One `thing`\n[b](b.md) [x](#one-thing) [w](https://doi.org/1) `](no.md)`\n",
        "docs/b.md": "[a](a.md#one-thing)\n"}
BAD = [({"docs/c.md": "[a](none.md)\n"}, "no such file"),
       ({"docs/c.md": "[a](a.md#two)\n"}, "no such heading")]

if __name__ == "__main__":
    lintlib.main(check, GOOD, BAD)
