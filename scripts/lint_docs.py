#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every function of include/weir is documented: a /// block right above it with its purpose, an
@param for each parameter, for each pointer who owns it (borrowed, given, taken, or an error or
memory that may be NULL), a @return when there is a result, and which threads may call it."""
import re

import lintlib

DECLARATION = re.compile(r"^WEIR_API\b[^;{]*[;{]", re.MULTILINE)
NAME = re.compile(r"(\w+)\s*\(")
OWNERSHIP = re.compile(r"\b(borrow(ed|s)?|given|taken|may be NULL)\b")


def split_parameters(text):
    depth, parts, part = 0, [], ""
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += c
    return [p.strip() for p in parts + [part] if p.strip() not in ("", "void", "...")]


def parameter_name(text):
    function = re.search(r"\(\s*\*\s*(\w+)\s*\)", text)
    return function.group(1) if function else re.sub(r"\[[^]]*\]$", "", text).split()[-1].lstrip("*")


def comment_above(lines, i):
    block = []
    while i > 0 and lines[i - 1].lstrip().startswith("///"):
        i -= 1
        block.insert(0, lines[i].strip()[3:].strip())
    return block


def described(block):
    """What each @param says, with its continuation lines."""
    texts, names = {}, []
    for line in block:
        m = re.match(r"[@\\]param(?:\[[a-z,]*\])?\s+(\w+(?:\s*,\s*\w+)*)\s*(.*)", line)
        if m:
            names = re.split(r"\s*,\s*", m.group(1))
            line = m.group(2)
        elif line.startswith(("@", "\\")) or not line:
            names = []
        for name in names:
            texts[name] = texts.get(name, "") + " " + line
    return texts


def faults_of(declaration, block):
    head = declaration.split("(", 1)[0]
    if not block or not re.match(r"[A-Z`\"]", block[0]):
        return ["no /// block that begins with its purpose"]
    found, said = [], described(block)
    inside = declaration[declaration.index("(") + 1:declaration.rindex(")")]
    inside = re.split(r"\)\s*WEIR_PRINTF", inside)[0]
    names = set()
    for parameter in split_parameters(inside):
        name = parameter_name(parameter)
        names.add(name)
        if name not in said:
            found.append(f"no @param {name}")
        elif "*" in parameter and "(*" not in parameter and not OWNERSHIP.search(said[name]):
            found.append(f"@param {name} does not say borrowed, given, taken or may be NULL")
    for name in sorted(set(said) - names - {"..."}):
        found.append(f"@param {name} is no parameter")
    text = " ".join(block)
    if not re.search(r"\bvoid\s+\w+$", head.strip()) and "@return" not in text:
        found.append("no @return")
    if not re.search(r"[Tt]hread|Collective", text):
        found.append("does not say which threads may call it")
    return found


def functions(text):
    """(name, declaration, comment lines) of each exported function of a header."""
    lines, clean = text.splitlines(), lintlib.blank(text)
    for m in DECLARATION.finditer(clean):
        declaration = " ".join(m.group(0).split())
        name = NAME.search(declaration)
        if name:
            i = clean.count("\n", 0, m.start())
            yield name.group(1), declaration, comment_above(lines, i)


def check(root):
    found = []
    for header in sorted((root / "include/weir").glob("*.h")):
        for name, declaration, block in functions(lintlib.read(header)):
            found += [f"include/weir/{header.name}: {name}: {f}"
                      for f in faults_of(declaration, block)]
    return found


HEAD = "/// Store.\n/// @param c    borrowed\n/// @param err  may be NULL\n"
TAIL = "WEIR_API int weir_f(weir_client *c,\n                    weir_error *err);\n"
GOOD = {"include/weir/a.h": HEAD + "/// @return WEIR_OK. Any thread.\n" + TAIL}
BAD = [({"include/weir/b.h": TAIL}, "no /// block"),
       ({"include/weir/b.h": HEAD + "/// Any thread.\n" + TAIL}, "no @return"),
       ({"include/weir/b.h": HEAD + "/// @return WEIR_OK\n" + TAIL}, "which threads"),
       ({"include/weir/b.h": "/// Store.\n/// @param err  may be NULL\n/// @return 0. Any thread.\n"
         + TAIL}, "no @param c"),
       ({"include/weir/b.h": HEAD.replace("borrowed", "the client")
         + "/// @return 0. Any thread.\n" + TAIL}, "@param c does not say"),
       ({"include/weir/b.h": HEAD + "/// @param d  borrowed\n/// @return 0. Any thread.\n" + TAIL},
        "@param d is no parameter")]

if __name__ == "__main__":
    lintlib.main(check, GOOD, BAD)
