#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The module's own commands, WEIR.*, in Redis and Valkey: replies, blocking, persistence, replicas.

usage: st_module.py; prints TAP. Environment: servers.py.
"""
import os
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from resp import encode  # noqa: E402
from servers import MODULE, ReplyError, Server, kinds, tap, wait_for  # noqa: E402

BACKENDS = os.environ.get("WEIR_BACKEND_PATH", "")
ECHO = b"mock; in=x:FLOAT[-1,3]; out=y:FLOAT[-1,3]; op=echo; scale=2"
SLOW = ECHO + b"; delay_us=300000"


def floats(*v):
    return struct.pack("<%df" % len(v), *v)


def error_of(call, *words):
    try:
        return "no error, but %r" % (call(*words),)
    except ReplyError as e:
        return str(e)


def start(kind, *args, **more):
    return Server(kind, module=MODULE, args=["BACKENDSPATH", BACKENDS, *args], **more)


def set_model(c, name, text, *options):
    n = len(options) // 2
    return c.call("WEIR.SET_MODEL", "MODEL", name, n + 1, "BACKEND", "mock", *options, -1, 1, text)


def check_tensors(kind, c):
    x = floats(1, 2, 3, 4, 5, 6)
    tap.test(c.call("WEIR.PUT", "x", "FLOAT", 2, 2, 3, x) == b"OK", kind + ": put")
    tap.test(c.call("WEIR.GET", "x") == [b"FLOAT", [2, 3], x], kind + ": get gives it back")
    tap.test(c.call("WEIR.DESCRIBE", "x") == [b"FLOAT", [2, 3]], kind + ": describe")
    tap.test(c.call("TYPE", "x") == b"AI_TENSOR", kind + ": its type")
    tap.test(c.call("WEIR.EXISTS", "TENSOR", "x") == 1 and
             c.call("WEIR.EXISTS", "MODEL", "x") == 0, kind + ": exists, by kind")
    big = os.urandom(3 << 20)
    c.call("WEIR.PUT", b"b\0g", "UINT8", 1, len(big), big)
    tap.test(c.call("WEIR.GET", b"b\0g")[2] == big, kind + ": a large one under a key with NUL")
    tap.test(c.call("MEMORY", "USAGE", b"b\0g") > len(big), kind + ": its memory is reported")
    c.call("COPY", "x", "y")
    c.call("RENAME", "x", "z")
    tap.test(c.call("WEIR.GET", "y")[2] == x and c.call("WEIR.GET", "z")[2] == x,
             kind + ": the server's COPY and RENAME")
    dump = c.call("DUMP", "z")
    c.call("RESTORE", "again", 0, dump)
    tap.test(c.call("WEIR.GET", "again") == [b"FLOAT", [2, 3], x], kind + ": DUMP and RESTORE")
    c.call("SET", "plain", "text")
    for words, want in (
            (("WEIR.GET", "nothing"), "ERR_KEY there is no tensor 'nothing'"),
            (("WEIR.GET", "plain"), "ERR_KIND tensor 'plain': the key holds a value that is none of "
             "Weir's"),
            (("WEIR.PUT", "plain", "FLOAT", 1, 1, floats(1)), "ERR_KIND 'plain': the key holds"),
            (("WEIR.PUT", "x", "FLOAT", 1, 2, b"123"), "ERR_SHAPE 3 bytes for a tensor FLOAT[2]"),
            (("WEIR.PUT", "x", "FLOAT", 1), "ERR_ARG 4 words are too few"),
            (("WEIR.PUT", "x", "FLOUT", 0, b""), "ERR_DTYPE word 2, 'FLOUT'"),
            (("WEIR.PUT", "x", "FLOAT", 99, b""), "ERR_ARG word 3, '99', is no rank"),
            (("WEIR.PUT", "x", "FLOAT", 2, 1 << 62, 1 << 62, b""), "ERR_SHAPE"),
            (("WEIR.GET", "y", "more"), "ERR_ARG WEIR.GET: 1 words too many")):
        text = error_of(c.call, *words)
        tap.test(text.startswith(want), "%s: %s is refused" % (kind, words[0]), words, text)
    tap.test(c.call("WEIR.DEL", "TENSOR", "y") == b"OK" and c.call("EXISTS", "y") == 0,
             kind + ": del")


def check_models(kind, c):
    tap.test(set_model(c, "m", ECHO, "TAG", "v1") == b"OK", kind + ": set a model")
    x, y = floats(1, 2, 3), floats(2, 4, 6)
    infer = ("WEIR.INFER", "m", "", 1, "FLOAT", 2, 1, 3, x, 1, -1)
    tap.test(c.call(*infer) == [[b"FLOAT", [1, 3], y]], kind + ": infer")
    c.call("WEIR.PUT", "in", "FLOAT", 2, 1, 3, x)
    tap.test(c.call("WEIR.RUN", "m", "", 1, "in", 1, "out", -1) == b"OK" and
             c.call("WEIR.GET", "out")[2] == y, kind + ": run from key to key", c.call("WEIR.GET", "out"))
    info = c.call("WEIR.DESCRIBE_MODEL", "MODEL", "m")
    tap.test(info[:4] == [b"backend", b"mock", b"tag", b"v1"], kind + ": describe", info)
    tap.test(c.call("WEIR.GET_MODEL", "MODEL", "m") == [ECHO], kind + ": get_model")
    stats = c.call("WEIR.MODEL_STATISTICS", "MODEL", "m", 0)
    calls = stats[stats.index(b"n_calls") + 1]
    tap.test(calls == b"2", kind + ": statistics", stats)
    steps = ("WEIR.PIPELINE", "", 4, "LOAD", "a", "in", "RUN", "m", "", 1, "a", 1, "b", "GET", "b",
             "KEEP", "b", "kept", -1)
    tap.test(c.call(*steps) == [[b"FLOAT", [1, 3], y]] and c.call("WEIR.GET", "kept")[2] == y,
             kind + ": a pipeline")
    for words, want in (
            (("WEIR.INFER", "none", "", 0, 0, -1), "ERR_KEY there is no model 'none'"),
            (("WEIR.INFER", "m", "", 1, "DOUBLE", 2, 1, 3, x + x, 1, -1), "ERR_DTYPE"),
            (("WEIR.INFER", "m", "", 1, "FLOAT", 2, 1, 3, x, 2, -1), "ERR_ARG"),
            (("WEIR.RUN", "m", "", 1, "gone", 1, "out", -1), "ERR_KEY there is no input 'gone'")):
        text = error_of(c.call, *words)
        tap.test(text.startswith(want), "%s: %s is refused" % (kind, words[0]), words, text)
    text = error_of(set_model, c, "bad", b"mock; fail_load")
    tap.test(text.startswith("ERR_MODEL"), kind + ": a model that does not load", text)


def check_slow(kind, server, c):
    """A slow run holds up nobody; a transaction refuses it; a time-out ends it."""
    set_model(c, "slow", SLOW, "NO_WARM_UP", 1)
    x = floats(1, 2, 3)
    infer = ("WEIR.INFER", "slow", "", 1, "FLOAT", 2, 1, 3, x, 1)
    with server.client() as other:
        got = []
        t = threading.Thread(target=lambda: got.append(other.call(*infer, -1)))
        begun = time.monotonic()
        t.start()
        n = 0
        while t.is_alive():
            c.call("PING")
            n += 1
        tap.test(got == [[[b"FLOAT", [1, 3], floats(2, 4, 6)]]] and n > 100,
                 kind + ": others go on while a slow model runs", n, time.monotonic() - begun)
    text = error_of(c.call, *infer, 50)
    tap.test(text.startswith("ERR_TIMEOUT"), kind + ": a limit of 50 ms ends a run of 300", text)
    c.call("MULTI")
    c.call(*infer, -1)
    got = c.call("EXEC")
    tap.test(len(got) == 1 and "ERR_UNSUPPORTED" in str(got[0]),
             kind + ": a transaction does not wait", got)


def check_probe(kind):
    """Models that crash or hang where they are loaded: the server goes on."""
    with start(kind, env={"WEIR_MOCK_CRASH": "1"}) as server, server.client() as c:
        tap.test(b"weir_probe:on" in c.call("INFO", "EVERYTHING") or
                 b"probe:on" in c.call("INFO", "EVERYTHING"), kind + ": models are tried apart")
        text = error_of(set_model, c, "crash", ECHO + b"; crash_load")
        tap.test(text.startswith("ERR_MODEL model 'crash' ends the process that loads it"),
                 kind + ": one that crashes is refused", text)
        begun = time.monotonic()
        text = error_of(c.call, "WEIR.SET_MODEL", "MODEL", "hang", 1, "BACKEND", "mock", 300, 1,
                        ECHO + b"; delay_us=60000000; deaf")
        took = time.monotonic() - begun
        tap.test(text.startswith("ERR_TIMEOUT") and took < 10,
                 kind + ": one that hangs is stopped", text, took)
        tap.test(c.call("PING") == b"PONG" and c.call("EXISTS", "crash", "hang") == 0,
                 kind + ": the server lives on")


def check_info(kind, server, c):
    text = c.call("INFO", "EVERYTHING").decode()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    tap.test(all(":" in line for line in lines), kind + ": INFO EVERYTHING keeps to key:value")
    missing = [n for n in ("ai_RedisAI_version", "ai_rdb_version", "ai_threads_per_queue",
                           "ai_self_used_cpu_sys", "ai_git_sha", "ai_runs_inline")
               if n not in server.info()]
    tap.test(not missing, kind + ": RedisAI's sections are there", missing)


def check_waiting(kind, server, c):
    def later(*words):
        def do():
            time.sleep(0.1)
            with server.client() as other:
                other.call(*words)
        threading.Thread(target=do).start()
    x = floats(1)
    for what, poll, words in (
            ("a put", ("TENSOR", "p1", "ANY", 0), ("WEIR.PUT", "p1", "FLOAT", 0, x)),
            ("a rename", ("TENSOR", "p2", "ANY", 0), ("RENAME", "p1", "p2")),
            ("an HSET", ("DATASET", "{d}", "ANY", 0), ("HSET", "{d}.meta", ".COMPLETE", "1")),
            ("an RPUSH", ("LIST", "l", "GE", 2), ("RPUSH", "l", "a", "b")),
            ("an LPOP", ("LIST", "l", "LE", 1), ("LPOP", "l")),
            ("a DEL", ("LIST", "l", "EQ", 0), ("DEL", "l"))):
        later(*words)
        begun = time.monotonic()
        got = c.call("WEIR.POLL", *poll, 5000)
        took = time.monotonic() - begun
        tap.test(got == 1 and 0.05 < took < 2, "%s: %s ends a poll" % (kind, what), got, took)
    begun = time.monotonic()
    got = c.call("WEIR.POLL", "TENSOR", "never", "ANY", 0, 100)
    tap.test(got == 0 and 0.09 < time.monotonic() - begun < 2, kind + ": a poll ends by itself")
    tap.test(c.call("WEIR.POLL", "TENSOR", "never", "ANY", 0, 0) == 0, kind + ": a look")
    c.call("WEIR.PUT", "t", "FLOAT", 0, x)
    tap.test(c.call("WEIR.TAKE", "t", 0) == [b"FLOAT", [], x] and c.call("EXISTS", "t") == 0,
             kind + ": take")
    tap.test(c.call("WEIR.TAKE", "t", 0) is None and c.call("WEIR.TAKE", "t", 50) is None,
             kind + ": nothing to take")
    later("WEIR.PUT", "t", "FLOAT", 0, x)
    tap.test(c.call("WEIR.TAKE", "t", 5000) == [b"FLOAT", [], x], kind + ": take waits")
    with server.client() as gone, server.client() as too:
        gone.send(encode(("WEIR.POLL", "TENSOR", "never", "ANY", 0, -1)))
        too.send(encode(("WEIR.TAKE", "never", -1)))
        wait_for(lambda: b"waiting_clients:2" in c.call("INFO", "EVERYTHING"), 5, "a waiting client")
    wait_for(lambda: b"waiting_clients:0" in c.call("INFO", "EVERYTHING"), 5, "no waiting client")
    tap.test(True, kind + ": a client that goes away waits no longer")


def check_restart(kind, how):
    more = {"appendonly": "always"} if how != "RDB" else {}
    with start(kind, **more) as server:
        with server.client() as c:
            x = floats(1, 2, 3)
            c.call("WEIR.PUT", "x", "FLOAT", 2, 1, 3, x)
            set_model(c, "m", ECHO, "TAG", "v1", "BATCH_MAX", 7)
            c.call("WEIR.RUN", "m", "", 1, "x", 1, "y", -1)
            before = c.call("WEIR.DESCRIBE_MODEL", "MODEL", "m")
            digest = c.call("DEBUG", "DIGEST-VALUE", "x", "y") if kind == "redis" else None
            if how == "rewritten AOF":
                c.call("BGREWRITEAOF")
                wait_for(lambda: b"aof_rewrite_in_progress:0" in c.call("INFO", "persistence") and
                         b"aof_rewrite_scheduled:0" in c.call("INFO", "persistence"), 10, "rewrite")
            if how == "RDB":
                c.call("SAVE")
        server.kill9()
        server.restart()
        with server.client() as c:
            tap.test(c.call("WEIR.GET", "x")[2] == x and
                     c.call("WEIR.GET", "y")[2] == floats(2, 4, 6),
                     "%s, %s: tensors are there after kill -9" % (kind, how))
            got = c.call("WEIR.INFER", "m", "", 1, "FLOAT", 2, 1, 3, x, 1, -1)
            tap.test(got == [[b"FLOAT", [1, 3], floats(2, 4, 6)]],
                     "%s, %s: the model runs" % (kind, how), got)
            after = c.call("WEIR.DESCRIBE_MODEL", "MODEL", "m")
            same = [i for i in range(0, len(before), 2) if before[i] not in (b"warm_up_s", b"block_rows")]
            tap.test(all(before[i + 1] == after[i + 1] for i in same),
                     "%s, %s: and is described as before" % (kind, how), before, after)
            if digest is not None:
                tap.test(c.call("DEBUG", "DIGEST-VALUE", "x", "y") == digest,
                         "%s, %s: same digests" % (kind, how))


def check_replica(kind):
    with start(kind) as primary, start(kind, replicaof=primary) as replica:
        with primary.client() as p, replica.client() as r:
            x = floats(1, 2, 3)
            p.call("WEIR.PUT", "x", "FLOAT", 2, 1, 3, x)
            set_model(p, "m", ECHO, "VERSION", 41)
            set_model(p, "m", ECHO)
            p.call("WEIR.RUN", "m", "", 1, "x", 1, "y", -1)
            p.call("WEIR.PUT", "gone", "FLOAT", 0, floats(1))
            p.call("WEIR.TAKE", "gone", 0)
            p.call("WAIT", 1, 5000)
            tap.test(r.call("WEIR.GET", "y")[2] == floats(2, 4, 6) and
                     r.call("EXISTS", "gone") == 0, kind + ": a replica has the results")
            info = r.call("WEIR.DESCRIBE_MODEL", "MODEL", "m")
            tap.test(info[info.index(b"version") + 1] == b"42", kind + ": and the version", info)
            text = error_of(r.call, "WEIR.PUT", "x", "FLOAT", 0, floats(1))
            tap.test(text.startswith("READONLY"), kind + ": it takes no writes", text)
            primary.kill9()
            r.call("REPLICAOF", "NO", "ONE")
            tap.test(r.call("WEIR.RUN", "m", "", 1, "x", 1, "z", -1) == b"OK" and
                     r.call("WEIR.GET", "z")[2] == floats(2, 4, 6),
                     kind + ": promoted, it serves the same tensors and models")


def main():
    if not MODULE or not os.path.exists(MODULE):
        tap.skip("the module", "not built")
        return tap.done()
    if not kinds():
        tap.skip("the module", "no redis-server and no valkey-server: scripts/setup.sh server")
    for kind in kinds():
        with start(kind) as server, server.client() as c:
            check_tensors(kind, c)
            check_models(kind, c)
            check_slow(kind, server, c)
            check_waiting(kind, server, c)
            check_info(kind, server, c)
        check_probe(kind)
        for how in ("RDB", "AOF", "rewritten AOF"):
            check_restart(kind, how)
        check_replica(kind)
    return tap.done()


sys.exit(main())
