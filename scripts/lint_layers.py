#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every #include goes along an arrow of scripts/layers.txt, and a vendor's header appears in
its one folder. The table itself must have no cycle."""
import re

import lintlib

TEST = re.compile(r"(^|/)((ut|st|mt|gt|ft|bt)_[^/]*|testing\.h)$|^tests/|/tests/")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
SYSTEM = re.compile(r"""^(assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|
    setjmp|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|
    strings|time|uchar|wchar|dirent|dlfcn|fcntl|fnmatch|glob|libgen|link|poll|pthread|pwd|sched|
    semaphore|spawn|syslog|termios|unistd|features|malloc|execinfo|ftw|getopt|[a-z]+intrin|arm_neon|
    cpuid|netdb)\.h$|^(sys|netinet|arpa|linux|sanitizer)/|^[a-z_]+$""", re.VERBOSE)


def read_table(path):
    table = {"room": {}, "header": {}, "vendor": {}}
    for line in lintlib.read(path).splitlines():
        if line.strip() and not line.startswith("#"):
            head, _, tail = line.partition(" : ")
            if not tail:
                head = head.rstrip(" :")
            kind, name = head.split()
            table[kind][name] = tail.split()
    return table


def room_of(table, path):
    fits = [r for r in table["room"] if path.startswith(r + "/")]
    return max(fits, key=len) if fits else None


def is_within(path, folders):
    return any(path.startswith(f + "/") for f in folders)


def target_of(root, table, path, name):
    """The room and the path of what `name`, included in file `path`, means."""
    if name.startswith("weir/"):
        return table["header"].get(name, ["?"])[0], name
    beside = (path.rsplit("/", 1)[0] + "/" if "/" in path else "") + name
    if "/" not in name and (root / beside).exists():
        return room_of(table, beside), beside
    return room_of(table, "src/" + name), "src/" + name


def fault_of(root, table, path, quote, name):
    vendor = [v for v in table["vendor"] if name == v or (v[-1] in "/_" and name.startswith(v))]
    if vendor:
        allowed = table["vendor"][vendor[0]]
        test = "tests" in allowed and TEST.search(path)
        return None if test or is_within(path, allowed) else f"belongs to {' '.join(allowed)}"
    if quote == "<" and not name.startswith("weir/"):
        return None if SYSTEM.match(name) else "neither standard C or POSIX nor in the table"
    if TEST.search(path):
        return None
    if path.startswith("include/"):
        own = table["header"].get(path[len("include/"):])
        if own is None:
            return "the including public header is not in the table"
        room = own[0]
    else:
        room = room_of(table, path)
    if room is None:
        return None if not path.startswith(("src/", "bindings/")) else "its room is not in the table"
    if name.split("/")[-1] == "testing.h":
        return "is for tests"
    target, full = target_of(root, table, path, name)
    allowed = table["room"][room]
    if target == room or target in allowed or name in allowed or f"[{full}]" in allowed:
        return None
    if name.startswith("weir/") and "include" in allowed and name in table["header"]:
        return None
    return f"{room} may not include {target or 'an unknown room'}"


def cycles(table):
    """Rooms that can reach themselves. A sub-room counts as its own room."""
    def step(room):
        return [r for r in table["room"].get(room, []) if r in table["room"]]
    found = []
    for room in table["room"]:
        seen, todo = set(), step(room)
        while todo:
            r = todo.pop()
            if r not in seen:
                seen.add(r)
                todo += step(r)
        if room in seen:
            found.append(f"scripts/layers.txt: {room} includes itself through others")
    return found


def check(root):
    table = read_table(root / "scripts/layers.txt")
    found = cycles(table)
    for file in lintlib.files(root, ".c", ".h", ".cpp", ".hpp", ".cc"):
        path = str(file.relative_to(root))
        for quote, name in INCLUDE.findall(lintlib.read(file)):
            why = fault_of(root, table, path, quote, name)
            if why:
                found.append(f"{path}: #include {name}: {why}")
    return found


TABLE = """room src/base :
room src/tensor : src/base
room src/engine : src/base src/tensor
room src/backends : [src/engine/backend.h]
header weir/status.h : src/base
header weir/tensor.h : src/tensor
vendor mpi.h : src/couple
vendor cmocka.h : tests
"""
GOOD = {"scripts/layers.txt": TABLE, "src/base/a.h": "#include <stdint.h>\n",
        "include/weir/status.h": "", "include/weir/tensor.h": '#include "weir/status.h"\n',
        "src/tensor/t.c": '#include "base/a.h"\n#include "weir/tensor.h"\n',
        "src/engine/backend.h": "", "src/engine/engine.h": "",
        "src/backends/x/x.c": '#include "engine/backend.h"\n#include "own.h"\n',
        "src/backends/x/own.h": "", "src/base/ut_a.c": "#include <cmocka.h>\n"}
BAD = [({"src/base/b.c": '#include "tensor/t.h"\n'}, "may not include src/tensor"),
       ({"src/base/b.c": '#include "weir/tensor.h"\n'}, "may not include src/tensor"),
       ({"src/backends/x/y.c": '#include "engine/engine.h"\n'}, "may not include src/engine"),
       ({"include/weir/status.h": '#include "weir/tensor.h"\n'}, "may not include src/tensor"),
       ({"include/weir/new.h": '#include "weir/tensor.h"\n'}, "not in the table"),
       ({"src/base/testing.h": "", "src/base/b.c": '#include "testing.h"\n'}, "is for tests"),
       ({"src/engine/m.c": "#include <mpi.h>\n"}, "belongs to src/couple"),
       ({"src/engine/m.c": "#include <cmocka.h>\n"}, "belongs to tests"),
       ({"src/engine/m.c": "#include <jansson.h>\n"}, "nor in the table"),
       ({"src/other/m.c": '#include "base/a.h"\n'}, "its room is not in the table"),
       ({"scripts/layers.txt": TABLE.replace("src/base :\n", "src/base : src/engine\n")},
        "includes itself")]

if __name__ == "__main__":
    lintlib.main(check, GOOD, BAD)
