#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What users run, over servers by an address alone: the lesson that does not care where it runs, and
the program `weir`. Prints TAP.

usage: st_programs.py; environment: servers.py.
"""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import MODULE, Cluster, Server, kinds, tap  # noqa: E402

BIN = os.path.join(os.environ.get("WEIR_BINARY_DIR", ""), "bin")
WEIR = os.path.join(BIN, "weir")
ARGS = {"module": MODULE, "args": ["BACKENDSPATH", os.environ.get("WEIR_BACKEND_PATH", "")]}
LESSON_ANSWER = "1060500"


def run(*words, seconds=120, **env):
    """Status, what it said, what it complained of."""
    done = subprocess.run(words, env={**os.environ, **env}, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


def check_lesson(where, address, servers):
    for name in ("05_by_address", "05_by_address_f"):
        path = os.path.join(BIN, "examples", name)
        if not os.path.exists(path):
            tap.skip("%s: lesson %s" % (where, name), "it was not built")
            continue
        status, text, said = run(path, WEIR_ADDRESS=address)
        tap.test(status == 0 and re.search(r"^answer: *%s$" % LESSON_ANSWER, text, re.M),
                 "%s: lesson %s gives its answer" % (where, name), text, said)
        faster = re.search(r"^(\d+) times faster", text, re.M)
        tap.test(faster and int(faster.group(1)) >= 5,
                 "%s: one dataset is many times faster than a hundred puts" % where, text)
        left = [key for server in servers for key in server.call("KEYS", "*mooring*")]
        tap.test(left == [], "%s: it leaves nothing behind" % where, left)


def main():
    if not MODULE or not os.path.exists(MODULE):
        tap.skip_all("no module weir.so")
    if not kinds():
        tap.skip_all("no server: run scripts/setup.sh server")
    for kind in kinds():
        with Server(kind, **ARGS) as server:
            check_lesson(kind, "unix:" + server.path, [server])
    with Cluster(3, kind=kinds()[0], **ARGS) as cluster:
        address = "redis://127.0.0.1:%d" % cluster.primaries[0].port
        check_lesson("cluster", address, cluster.primaries)
    tap.done()


main()
