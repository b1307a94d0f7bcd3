#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What docs/security.md says, tried in Redis and Valkey: passwords, access control of keys and commands,
TLS, the limits of models, commands that are off by default.

usage: st_security.py; prints TAP. Environment: servers.py.
"""
import os
import shutil
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import (MODULE, Certificates, ReplyError, Resp, Server,  # noqa: E402
                     ServerError, kinds, tap)

BACKENDS = os.environ.get("WEIR_BACKEND_PATH", "")
ECHO = b"mock; in=x:FLOAT[-1,3]; out=y:FLOAT[-1,3]; op=echo; scale=2"
X = struct.pack("<3f", 1, 2, 3)
INPUT = ("FLOAT", 2, 1, 3, X)


def start(kind, *args, **more):
    return Server(kind, module=MODULE, args=["BACKENDSPATH", BACKENDS, *args], **more)


def set_model(c, name, text=ECHO, *options):
    return c.reply("WEIR.SET_MODEL", "MODEL", name, 1 + len(options) // 2, "BACKEND", "mock", *options,
                   -1, 1, text)


def allowed(c, *words):
    """Did access control let it through? Any other failure is none of its."""
    return not str(c.reply(*words)).startswith("NOPERM")


def user(server, name, *rules):
    with server.client() as c:
        c.call("ACL", "SETUSER", name, "on", ">word-of-" + name, *rules)
    return server.client(user=name, password="word-of-" + name)


def check_password(kind):
    with start(kind, password="secret") as server:
        with Resp(server.path) as c:
            for words in (("WEIR.GET", "k"), ("AI.TENSORGET", "k", "META"), ("INFO",),
                          ("WEIR.SET_MODEL", "MODEL", "m", 0, -1, 1, ECHO)):
                got = str(c.reply(*words))
                tap.test(got.startswith("NOAUTH"), "%s: %s wants the password" % (kind, words[0]), got)
        with server.client() as c:
            tap.test(c.call("WEIR.PUT", "k", *INPUT) == b"OK", kind + ": with it one may put")


def check_keys_of(kind, server, call):
    """Every command that names keys is held to the key rules of its user."""
    with server.client() as c:
        for name in ("mine:m", "other:m"):
            set_model(c, name)
        for name in ("mine:x", "other:x"):
            c.call("WEIR.PUT", name, *INPUT)
    infer, put = ("", 1, *INPUT, 1, -1), INPUT
    mine = (("WEIR.PUT", "mine:y", *put), ("WEIR.GET", "mine:x"), ("WEIR.INFER", "mine:m", *infer),
            ("WEIR.RUN", "mine:m", "", 1, "mine:x", 1, "mine:y", -1),
            ("WEIR.PIPELINE", "", 3, "LOAD", "a", "mine:x", "RUN", "mine:m", "", 1, "a", 1, "b", "KEEP", "b",
             "mine:z", -1), ("AI.TENSORGET", "mine:x", "META"),
            ("AI.MODELEXECUTE", "mine:m", "INPUTS", 1, "mine:x", "OUTPUTS", 1, "mine:y"))
    for words in mine:
        got = call(*words)
        tap.test(not isinstance(got, ReplyError), "%s: one's own keys: %s" % (kind, words[0]), got)
    other = (("WEIR.PUT", "other:y", *put), ("WEIR.GET", "other:x"), ("WEIR.TAKE", "other:x", 0),
             ("WEIR.DESCRIBE", "other:x"), ("WEIR.EXISTS", "TENSOR", "other:x"),
             ("WEIR.POLL", "TENSOR", "other:x", "ANY", 0, 0), ("WEIR.DEL", "TENSOR", "other:x"),
             ("WEIR.COPY", "TENSOR", "other:x", "mine:y"), ("WEIR.COPY", "TENSOR", "mine:x", "other:y"),
             ("WEIR.RENAME", "TENSOR", "other:x", "mine:y"), ("WEIR.PUT_DATASET", "{other:d}", 0, 0),
             ("WEIR.INFER", "other:m", *infer),
             ("WEIR.GET_MODEL", "MODEL", "other:m"), ("WEIR.SET_MODEL", "MODEL", "other:m", 0, -1, 1, ECHO),
             ("WEIR.RUN", "mine:m", "", 1, "other:x", 1, "mine:y", -1),
             ("WEIR.RUN", "mine:m", "", 1, "mine:x", 1, "other:y", -1),
             ("WEIR.RUN", "other:m", "", 1, "mine:x", 1, "mine:y", -1),
             ("WEIR.PIPELINE", "", 2, "TENSOR", "a", *put, "RUN", "other:m", "", 1, "a", 1, "b", -1),
             ("WEIR.PIPELINE", "", 2, "LOAD", "a", "other:x", "GET", "a", -1),
             ("WEIR.PIPELINE", "", 2, "TENSOR", "a", *put, "KEEP", "a", "other:y", -1),
             ("AI.TENSORGET", "other:x", "META"), ("AI.MODELGET", "other:m", "BLOB"),
             ("AI.MODELEXECUTE", "other:m", "INPUTS", 1, "mine:x", "OUTPUTS", 1, "mine:y"),
             ("AI.MODELEXECUTE", "mine:m", "INPUTS", 1, "other:x", "OUTPUTS", 1, "mine:y"),
             ("AI.DAGEXECUTE", "LOAD", 1, "other:x", "|>", "AI.TENSORGET", "other:x", "META"),
             ("AI.DAGEXECUTE", "LOAD", 1, "mine:x", "|>", "AI.MODELEXECUTE", "other:m", "INPUTS", 1,
              "mine:x", "OUTPUTS", 1, "b"))
    for words in other:
        got = str(call(*words))
        tap.test(got.startswith("NOPERM"), "%s: others' keys: %s" % (kind, " ".join(
            w for w in words if isinstance(w, str))), got)


def check_acl(kind):
    with start(kind) as server:
        with user(server, "narrow", "+@all", "~mine:*", "~{mine:*") as c:
            check_keys_of(kind, server, c.reply)
            c.call("MULTI")
            c.call("WEIR.RUN", "other:m", "", 1, "mine:x", 1, "mine:y", -1)
            got = c.reply("EXEC")
            tap.test(isinstance(got, list) and str(got[0]).startswith("NOPERM"),
                     kind + ": in a transaction too", got)
            got = str(c.reply("EVAL", "return redis.call('WEIR.RUN', 'other:m', '', 1, 'mine:x', 1, "
                              "'mine:y', -1)", 0))
            tap.test("NOPERM" in got or "permission" in got, kind + ": in a script too", got)
        with user(server, "reader", "+@all", "%R~*") as c:
            for words, may in ((("WEIR.GET", "mine:x"), True), (("AI.TENSORGET", "mine:x", "META"), True),
                               (("WEIR.INFER", "mine:m", "", 1, *INPUT, 1, -1), True),
                               (("WEIR.PUT", "mine:x", *INPUT), False), (("WEIR.TAKE", "mine:x", 0), False),
                               (("WEIR.DEL", "TENSOR", "mine:x"), False),
                               (("AI.TENSORSET", "mine:x", "FLOAT", 1, "VALUES", 1), False),
                               (("WEIR.RUN", "mine:m", "", 1, "mine:x", 1, "mine:y", -1), False)):
                tap.test(allowed(c, *words) == may, "%s: who may only read: %s" % (kind, words[0]))
        with user(server, "writer", "+@all", "%W~*") as c:
            for words, may in ((("WEIR.PUT", "mine:y", *INPUT), True), (("WEIR.GET", "mine:y"), False),
                               (("WEIR.TAKE", "mine:y", 0), False),
                               (("WEIR.RENAME", "TENSOR", "mine:y", "mine:z"), False)):
                tap.test(allowed(c, *words) == may, "%s: who may only write: %s" % (kind, words[0]))
        with user(server, "program", "-@all", "+ping", "+weir.put", "+weir.get", "+weir.infer", "~*") as c:
            tap.test(c.call("WEIR.PUT", "p", *INPUT) == b"OK" and not allowed(
                c, "WEIR.SET_MODEL", "MODEL", "m", 0, -1, 1, ECHO) and not allowed(c, "AI.CONFIG", "GET") and
                not allowed(c, "CONFIG", "GET", "*"), kind + ": command by command")
            categories = server.call("ACL", "CAT", "read")
        if b"weir.get" not in categories:
            tap.skip(kind + ": categories", "this server gives modules' commands none")
            return
        with user(server, "seen", "-@all", "+@read", "~*") as c:
            tap.test(all(allowed(c, *w) for w in (("WEIR.GET", "mine:x"), ("AI.TENSORGET", "mine:x", "META"))) and
                     not any(allowed(c, *w) for w in (("WEIR.PUT", "k", *INPUT), (
                         "AI.TENSORSET", "k", "FLOAT", 1, "VALUES", 1))), kind + ": the category read")
        with user(server, "harmless", "+@all", "-@dangerous", "~*") as c:
            tap.test(allowed(c, "WEIR.PUT", "k", *INPUT) and allowed(c, "AI.TENSORGET", "k", "META") and
                     not any(allowed(c, *w) for w in (
                         ("WEIR.SET_MODEL", "MODEL", "m", 0, -1, 1, ECHO), ("AI.CONFIG", "GET", "X"),
                         ("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", "x"),
                         ("AI.SCRIPTSET", "m", "CPU", "SOURCE", "x"))),
                     kind + ": without the category dangerous nobody brings code in")


def check_tls(kind):
    folder = tempfile.mkdtemp(prefix="weir-tls-")
    try:
        with start(kind, tls=Certificates(folder)) as server:
            with server.client(tls=True) as c:
                c.call("WEIR.PUT", "k", "UINT8", 1, 1 << 20, bytes(1 << 20))
                tap.test(len(c.call("WEIR.GET", "k")[2]) == 1 << 20, kind + ": over TLS")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_limits(kind):
    with start(kind, "MODEL_MAX_BYTES", 100, "MODEL_EXECUTION_TIMEOUT", 1000) as server, \
            server.client() as c, server.client() as other:
        got = str(set_model(c, "big", ECHO + b" " * 100))
        tap.test(got.startswith("ERR_FULL") and "MODEL_MAX_BYTES" in got, kind + ": too large a model", got)
        got = str(c.reply("AI.MODELSTORE", "big", "ONNX", "CPU", "BLOB", bytes(200)))
        tap.test("MODEL_MAX_BYTES" in got, kind + ": by RedisAI's command too", got)
        set_model(c, "slow", b"mock; in=x:FLOAT[-1,3]; out=y:FLOAT[-1,3]; delay_us=5000000", "NO_WARM_UP", 1)
        begun = time.monotonic()
        got = str(c.reply("WEIR.INFER", "slow", "", 1, *INPUT, 1, -1))
        took = time.monotonic() - begun
        tap.test(got.startswith("ERR_TIMEOUT") and took < 4, kind + ": a run ends at the server's limit",
                 got, took)
        got = str(c.reply("WEIR.INFER", "slow", "", 1, *INPUT, 1, 60000))
        tap.test(got.startswith("ERR_TIMEOUT"), kind + ": a client can't ask for more", got)
        c.call("WEIR.PUT", "x", *INPUT)
        got = str(c.reply("AI.MODELEXECUTE", "slow", "INPUTS", 1, "x", "OUTPUTS", 1, "y", "TIMEOUT", 60000))
        tap.test(got in ("b'TIMEDOUT'", "TIMEDOUT") or "TIMEDOUT" in got, kind + ": nor by RedisAI's", got)
        got = str(set_model(c, "deaf", ECHO + b"; delay_us=700000; deaf", "NO_WARM_UP", 1))
        tap.test("MODEL_MAX_BYTES" in got or got == "b'OK'", kind + ": (a deaf model is stored)", got)
        tap.test(other.call("PING") == b"PONG", kind + ": others are served meanwhile")


def check_deaf(kind):
    """A library that can't be interrupted goes on after its client was told; the server does not wait."""
    with start(kind, "THREADS", 1, "OVERSUBSCRIBE", 1) as server, server.client() as c:
        set_model(c, "deaf", ECHO + b"; delay_us=900000; deaf", "NO_WARM_UP", 1)
        begun = time.monotonic()
        got = str(c.reply("WEIR.INFER", "deaf", "", 1, *INPUT, 1, 100))
        took = time.monotonic() - begun
        tap.test(got.startswith("ERR_TIMEOUT"), kind + ": a deaf model times out", got, took)
        begun = time.monotonic()
        tap.test(c.call("WEIR.PUT", "k", *INPUT) == b"OK" and c.call("WEIR.GET", "k")[2] == X and
                 time.monotonic() - begun < 0.5, kind + ": and holds up no other command")


def check_huge_output(kind):
    """A model whose results have no room fails, and only it."""
    null = ":allocator_may_return_null=1"  # as the server's own allocator does
    env = {name: os.environ.get(name, "") + null + more for name, more in (
        ("ASAN_OPTIONS", ":detect_leaks=0"), ("TSAN_OPTIONS", ""))}
    with start(kind, env=env) as server, server.client() as c:
        huge = b"mock; in=x:FLOAT[-1,3]; out=y:FLOAT[1000000000,1000000]; op=echo"
        set_model(c, "huge", huge, "NO_WARM_UP", 1)
        got = str(c.reply("WEIR.INFER", "huge", "", 1, *INPUT, 1, -1))
        tap.test(got.startswith(("ERR_NOMEM", "ERR_SHAPE")) and c.call("PING") == b"PONG",
                 kind + ": results of 4 PB are refused", got)


def check_defaults(kind):
    """What the server itself has off: modules at run time, debugging, connections from elsewhere."""
    with start(kind, config=["enable-debug-command no"]) as server, server.client() as c:
        got = str(c.reply("MODULE", "LOAD", MODULE))
        tap.test("enable-module-command" in got or "not allowed" in got, kind + ": MODULE LOAD is off", got)
        got = str(c.reply("AI.CONFIG", "LOADBACKEND", "TORCH", "/tmp/evil.so"))
        tap.test(got.startswith("ERR"), kind + ": no client makes it load a library", got)
        got = str(c.reply("DEBUG", "SLEEP", 0))
        tap.test("not allowed" in got or "enable-debug-command" in got, kind + ": DEBUG is off", got)
    with start(kind, config=["protected-mode yes"], bind="127.0.0.1 -::1") as server:
        with server.client(tcp=True) as c:
            tap.test(c.call("PING") == b"PONG", kind + ": protected mode lets loopback in")


def check_wrong_arguments(kind):
    """A word that is no setting of ours keeps the server from starting: no limit is lost to a typo."""
    try:
        with start(kind, "MODEL_MAX_BITES", 5):
            text = "it started"
    except ServerError as e:
        text = str(e)
    tap.test("MODEL_MAX_BITES" in text and "ended with" in text, kind + ": a mistyped limit", text[-500:])


def main():
    if not MODULE or not os.path.exists(MODULE):
        tap.skip_all("the module is not built")
    if not kinds():
        tap.skip_all("no redis-server and no valkey-server: scripts/setup.sh server")
    for kind in kinds():
        check_password(kind)
        check_acl(kind)
        check_tls(kind)
        check_limits(kind)
        check_deaf(kind)
        check_huge_output(kind)
        check_defaults(kind)
        check_wrong_arguments(kind)
    return tap.done()


sys.exit(main())
