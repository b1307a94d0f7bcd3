#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The module inside a server under valgrind: one of everything, a clean end. It also sees what the
sanitizers don't: memory that is used before it was written, in the server's own allocations too.

usage: st_valgrind.py; prints TAP. WEIR_MODULE is one that was built without sanitizers.
"""
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from resp import encode  # noqa: E402
from servers import MODULE, Server, kinds, tap, wait_for  # noqa: E402

BACKENDS = os.environ.get("WEIR_BACKEND_PATH", "")
WORDS = ["valgrind", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=none",
         "--soname-synonyms=somalloc=*jemalloc*", "--suppressions=/dev/null", "--num-callers=30"]
ECHO = b"mock; in=x:FLOAT[-1,3]; out=y:FLOAT[-1,3]; op=echo"
X = struct.pack("<3f", 1, 2, 3)
INPUT = ("FLOAT", 2, 1, 3, X)


def one_of_everything():
    strings = b"\x07" + struct.pack("<Q", 1) + b"t"
    return (
        ("WEIR.SET_MODEL", "MODEL", "m", 2, "BACKEND", "mock", "TAG", "v", -1, 1, ECHO),
        ("WEIR.SET_MODEL", "MODEL", "slow", 2, "BACKEND", "mock", "NO_WARM_UP", 1, -1, 1,
         ECHO + b"; delay_us=50000"),
        ("WEIR.SET_MODEL", "SCRIPT", "s", 1, "BACKEND", "mock", -1, 1, ECHO),
        ("WEIR.PUT", "x", *INPUT), ("WEIR.PUT", "s1", "STRING", 1, 2, b"ab\0c\0"),
        ("WEIR.PUT", "big", "UINT8", 1, 1 << 20, bytes(1 << 20)), ("WEIR.GET", "x"), ("WEIR.GET", "s1"),
        ("WEIR.GET", "big"), ("WEIR.DESCRIBE", "x"), ("WEIR.EXISTS", "TENSOR", "x"),
        ("WEIR.COPY", "TENSOR", "x", "y"), ("WEIR.RENAME", "TENSOR", "y", "z"), ("WEIR.DEL", "TENSOR", "z"),
        ("WEIR.PUT_DATASET", "{d}", 1, ".tensor_names", strings, 1, "t", *INPUT), ("WEIR.GET_DATASET", "{d}"),
        ("WEIR.INFER", "m", "", 1, *INPUT, 1, -1), ("WEIR.INFER", "slow", "", 1, *INPUT, 1, -1),
        ("WEIR.INFER", "s", "echo", 1, *INPUT, 1, -1), ("WEIR.RUN", "m", "", 1, "x", 1, "out", -1),
        ("WEIR.RUN", "slow", "", 1, "x", 1, "out", -1),
        ("WEIR.PIPELINE", "", 4, "LOAD", "a", "x", "RUN", "m", "", 1, "a", 1, "b", "GET", "b", "KEEP", "b", "k", -1),
        ("WEIR.POLL", "TENSOR", "x", "ANY", 0, 100), ("WEIR.POLL", "TENSOR", "never", "ANY", 0, 20),
        ("WEIR.TAKE", "out", 0), ("WEIR.TAKE", "out", 20), ("WEIR.DESCRIBE_MODEL", "MODEL", "m"),
        ("WEIR.MODEL_STATISTICS", "MODEL", "m", 0), ("WEIR.GET_MODEL", "MODEL", "m"), ("WEIR.STATISTICS",),
        ("WEIR.BACKENDS",), ("AI.TENSORSET", "t", "FLOAT", 1, 3, "VALUES", 1, 2, 3),
        ("AI.TENSORSET", "t", "FLOAT", 1, 3, "BLOB", X), ("AI.TENSORGET", "t", "META", "VALUES"),
        ("AI.MODELEXECUTE", "m", "INPUTS", 1, "t", "OUTPUTS", 1, "o"), ("AI.MODELGET", "m", "META", "BLOB"),
        ("AI.SCRIPTRUN", "s", "echo", "INPUTS", "t", "OUTPUTS", "o"), ("AI.INFO", "m"), ("AI.CONFIG", "GET",
                                                                                        "MODEL_CHUNK_SIZE"),
        ("AI.DAGEXECUTE", "LOAD", 1, "t", "PERSIST", 1, "o", "|>", "AI.MODELEXECUTE", "m", "INPUTS", 1, "t",
         "OUTPUTS", 1, "o", "|>", "AI.TENSORGET", "o", "VALUES"), ("AI._MODELSCAN",), ("AI._SCRIPTSCAN",),
        ("MEMORY", "USAGE", "big"), ("BGREWRITEAOF",), ("INFO", "EVERYTHING"), ("AI.MODELDEL", "slow"))


def check(kind):
    with Server(kind, module=MODULE, args=["BACKENDSPATH", BACKENDS], appendonly="always", wrapper=WORDS,
                config=["save 3600 100000"]) as server:
        with server.client(timeout=120) as c:
            bad = []
            for words in one_of_everything():
                got = c.reply(*words)
                if str(got).startswith(("ERR", "NOPERM")):
                    bad.append("%s: %s" % (words[0], got))
            for name in ("x", "s1", "m", "s"):
                if c.call("RESTORE", "again", 0, c.call("DUMP", name), "REPLACE") != b"OK":
                    bad.append("RESTORE of " + name)
            tap.test(not bad, kind + ": one of everything", *bad)
            with server.client() as gone:
                gone.send(encode(("WEIR.POLL", "TENSOR", "never", "ANY", 0, -1)))
                gone.send(encode(("WEIR.PUT", "x"))[:-9])
            wait_for(lambda: b"aof_rewrite_in_progress:0" in c.call("INFO", "persistence"), 60, "the rewrite")
            c.call("SAVE")
        server.restart()
        with server.client(timeout=120) as c:
            got = c.call("WEIR.INFER", "m", "", 1, *INPUT, 1, -1)
            tap.test(got == [[b"FLOAT", [1, 3], X]] and c.call("WEIR.GET", "x")[2] == X,
                     kind + ": and after a restart", got)
        server.stop(check=False)
        said = server.log()
        count = [line for line in said.splitlines() if "ERROR SUMMARY" in line]
        tap.test(count and all("ERROR SUMMARY: 0 errors" in line for line in count),
                 kind + ": valgrind finds nothing", *count, said[-6000:])
        lost = [block for block in said.replace("== \n", "==\n").split("==\n")
                if "definitely lost in loss record" in block and "weir" in block]
        tap.test(not lost, kind + ": nothing of ours is lost", *lost[:3])


def main():
    if not MODULE or not os.path.exists(MODULE):
        tap.skip_all("the module is not built")
    if os.environ.get("WEIR_SANITIZE"):
        tap.skip_all("this module was built with sanitizers")
    if shutil.which("valgrind") is None:
        tap.skip_all("no valgrind")
    if not kinds():
        tap.skip_all("no redis-server and no valkey-server: scripts/setup.sh server")
    for kind in kinds():
        check(kind)
    return tap.done()


sys.exit(main())
