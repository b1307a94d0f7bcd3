#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A Fortran client sends a dataset at each of 5,000 steps: neither process grows.

usage: st_loop.py PROGRAM; prints TAP. Environment as tests/server.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "server"))
from servers import MODULE, Server, kinds, tap  # noqa: E402

MOST_KB = 512  # after the first 1,000 steps; a byte per step would be 4


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sanitized = os.environ.get("WEIR_SANITIZE")  # their allocators keep what was freed
    if not os.path.exists(MODULE) or not kinds() or sanitized:
        print("1..0 # SKIP no server, no module, or sanitizers")
        sys.exit(0)
    for kind in kinds():
        env = {"MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1"}
        with Server(kind, module=MODULE, env=env) as server:
            done = subprocess.run([sys.argv[1], "unix:" + server.path, "5000", str(server.process.pid)],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=200, check=False)
        found = re.search(r"^growth +(-?\d+) +(-?\d+)", done.stdout, re.M)
        tap.test(done.returncode == 0 and found, kind + ": the loop ends", done.stdout)
        grown = [int(n) for n in found.groups()] if found else []
        tap.test(grown and max(grown) <= MOST_KB, kind + ": no process grows", done.stdout)
    tap.done()


main()
