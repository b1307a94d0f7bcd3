#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Dumps of values that every version must read: the files of tests/golden/rdb are restored in Redis and
Valkey and must show what they hold. docs/format/rdb.md describes them.

usage: st_golden.py; prints TAP. st_golden.py --make writes files that are missing, never over one.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rdb  # noqa: E402
from rdb import number, names, string  # noqa: E402
from servers import MODULE, ROOT, Server, kinds, tap  # noqa: E402

FOLDER = os.path.join(ROOT, "tests", "golden", "rdb")
BACKENDS = os.environ.get("WEIR_BACKEND_PATH", "")
ECHO = b"mock; in=x:FLOAT[-1,3]; out=y:FLOAT[-1,3]; op=echo; scale=2"
SOURCE = b"def f(x):\n    return x\n"
X = struct.pack("<3f", 1, 2, 3)
BYTES = bytes(range(1, 49))
SIZES = {"BOOL": 1, "INT8": 1, "INT16": 2, "INT32": 4, "INT64": 8, "UINT8": 1, "UINT16": 2,
         "UINT32": 4, "UINT64": 8, "FLOAT16": 2, "BFLOAT16": 2, "FLOAT": 4, "DOUBLE": 8}
with open(os.path.join(ROOT, "tests", "models", "add.onnx"), "rb") as file:
    ADD = file.read()


def tensors():
    """name: words behind the key of WEIR.PUT."""
    out = {"tensor_%s" % t.lower(): (t, 2, 2, 3, BYTES[:6 * n]) for t, n in SIZES.items()}
    out["tensor_string"] = ("STRING", 1, 3, b"ab\0\0cde\0")
    out["tensor_scalar"] = ("DOUBLE", 0, BYTES[:8])
    out["tensor_rank_8"] = ("INT8", 8, 1, 1, 2, 1, 3, 1, 1, 1, BYTES[:6])
    out["tensor_empty"] = ("FLOAT", 2, 0, 5, b"")
    return out


def shown(words):
    """What WEIR.GET gives for them."""
    rank = words[1]
    return [words[0].encode(), list(words[2:2 + rank]), words[-1]]


MODELS = {  # name: kind, options, bytes
    "model_plain": ("MODEL", ("BACKEND", "mock"), ECHO),
    "model_options": ("MODEL", ("BACKEND", "mock", "TAG", "v7", "VERSION", 7, "BATCH_MAX", 16, "BATCH_MIN",
                                4, "BATCH_WAIT_MS", 2, "BLOCK_ROWS", 8, "THREADS", 1, "NO_WARM_UP", 1,
                                "GUARD_OUTPUT", "1 0 0 0 0"), ECHO),
    "script_plain": ("SCRIPT", ("BACKEND", "mock"), ECHO),
    "script_functions": ("SCRIPT", ("BACKEND", "mock", "TAG", "s", "FUNCTION", "echo", "FUNCTION", "sum"),
                         ECHO)}


def old():
    """RedisAI's encodings 0 to 4: name: type, encoding, fields."""
    out = {}
    for e in range(4):
        out["old_tensor_%d" % e] = (rdb.TENSOR, e, number(1) + number(0) + number(32) + number(2) + number(1) +
                                    number(2) + number(1) + number(3) + number(3) + number(1) +
                                    number(0) + string(X))
    out["old_tensor_4"] = (rdb.TENSOR, 4, number(2) + number(32) + number(2) + number(1) + number(3) +
                           string(X))
    out["old_tensor_4_string"] = (rdb.TENSOR, 4, number(7) + number(8) + number(1) + number(2) +
                                  string(b"ab\0c\0") + number(0) + number(3))
    head, batch = number(3) + string(b"CPU\0"), number(8) + number(2)
    io = names(b"x", b"y") + names(b"z")
    whole = number(len(ADD)) + number(1) + string(ADD)
    halves = number(len(ADD)) + number(3) + string(ADD[:50]) + string(ADD[50:]) + string(b"")
    out["old_model_0"] = (rdb.MODEL, 0, head + string(b"t\0") + batch + io + string(ADD))
    out["old_model_1"] = (rdb.MODEL, 1, head + string(b"t") + batch + io + halves)
    for e in (2, 3, 4):
        out["old_model_%d" % e] = (rdb.MODEL, e, head + string(b"t") + batch + number(10) + io +
                                   (halves if e == 3 else whole))
    head = string(b"CPU\0")
    out["old_script_0"] = (rdb.SCRIPT, 0, head + string(b"t\0") + string(SOURCE + b"\0"))
    for e in (1, 2):
        out["old_script_%d" % e] = (rdb.SCRIPT, e, head + string(b"t") + string(SOURCE + b"\0"))
    for e in (3, 4):
        out["old_script_%d" % e] = (rdb.SCRIPT, e, head + string(b"t") + string(SOURCE + b"\0") + names(b"f"))
    return out


def path(name):
    return os.path.join(FOLDER, name)


def keep(name, payload):
    if not os.path.exists(path(name)):
        with open(path(name), "wb") as f:
            f.write(payload)


def make():
    os.makedirs(FOLDER, exist_ok=True)
    for name, (kind, encoding, body) in old().items():
        keep(name, rdb.payload(kind, encoding, body))
    with start("redis", config=["rdbcompression no"]) as server, server.client() as c:
        for name, words in tensors().items():
            c.call("WEIR.PUT", "k", *words)
            keep(name, c.call("DUMP", "k"))
        for name, (kind, options, text) in MODELS.items():
            c.call("WEIR.SET_MODEL", kind, name, len(options) // 2, *options, -1, 1, text)
            keep(name, c.call("DUMP", name))


def start(kind, **more):
    return Server(kind, module=MODULE, args=["BACKENDSPATH", BACKENDS], **more)


def read(name):
    with open(path(name), "rb") as f:
        return f.read()


def pairs(flat):
    return dict(zip(flat[::2], flat[1::2]))


def check_tensor(c, name, want):
    tap.test(c.call("TYPE", name) == b"AI_TENSOR" and c.call("WEIR.GET", name) == want, name,
             c.reply("WEIR.GET", name))


def check_models(c):
    for name, (kind, options, text) in MODELS.items():
        got = c.call("WEIR.GET_MODEL", kind, name)
        y = c.reply("WEIR.INFER", name, "echo" if kind == "SCRIPT" else "", 1, "FLOAT", 2, 1, 3, X, 1, -1)
        tap.test(got == [text] and y == [[b"FLOAT", [1, 3], struct.pack("<3f", 2, 4, 6)]],
                 name + " runs", got, y)
    info = pairs(c.call("WEIR.DESCRIBE_MODEL", "MODEL", "model_options"))
    tap.test(info[b"tag"] == b"v7" and info[b"version"] == b"7" and info[b"block_rows"] == b"8",
             "model_options has its options", info)
    c.call("RESTORE", "again", 0, c.call("DUMP", "model_options"))
    again = pairs(c.call("WEIR.DESCRIBE_MODEL", "MODEL", "again"))
    meta = [c.call("AI.MODELGET", name, "META", "BLOB") for name in ("model_options", "again")]
    tap.test({k: v for k, v in info.items() if k != b"warm_up_s"} ==
             {k: v for k, v in again.items() if k != b"warm_up_s"} and meta[0] == meta[1],
             "and all of them are written again", info, again)
    meta = pairs(c.call("AI.SCRIPTGET", "script_functions", "META"))
    tap.test(meta[b"Entry Points"] == [b"echo", b"sum"] and meta[b"tag"] == b"s",
             "script_functions has its functions", meta)


def check_old(c):
    for e in range(5):
        check_tensor(c, "old_tensor_%d" % e, [b"FLOAT", [1, 3], X])
        name = "old_model_%d" % e
        meta = pairs(c.call("AI.MODELGET", name, "META"))
        tap.test(meta[b"backend"] == b"ONNX" and meta[b"device"] == b"CPU" and meta[b"tag"] == b"t" and
                 meta[b"batchsize"] == 8 and meta[b"minbatchsize"] == 2 and
                 meta[b"minbatchtimeout"] == (10 if e >= 2 else 0) and
                 meta[b"inputs"] == [b"x", b"y"] and meta[b"outputs"] == [b"z"] and
                 c.call("AI.MODELGET", name, "BLOB") == ADD, name, meta)
        name = "old_script_%d" % e
        meta = pairs(c.call("AI.SCRIPTGET", name, "META"))
        tap.test(meta[b"device"] == b"CPU" and meta[b"tag"] == b"t" and
                 c.call("AI.SCRIPTGET", name, "SOURCE") == SOURCE and
                 (e < 3 or meta[b"Entry Points"] == [b"f"]), name, meta)
    check_tensor(c, "old_tensor_4_string", [b"STRING", [2], b"ab\0c\0"])
    if os.path.exists(os.path.join(BACKENDS, "weir_backend_onnx.so")):
        y = c.reply("WEIR.INFER", "old_model_4", "", 2, "FLOAT", 2, 1, 3, X, "FLOAT", 2, 1, 3, X, 1, -1)
        tap.test(isinstance(y, list) or b"shape" in getattr(y, "text", b"").lower() or
                 b"wants" in getattr(y, "text", b""), "a model of RedisAI's loads", y)
    else:
        tap.skip("a model of RedisAI's loads", "no ONNX Runtime")


def check_refused(c):
    """What is too new, cut or damaged is refused, and the server goes on."""
    good = old()["old_tensor_4"][2]
    big = number(255) + string(b"CPU\0") + string(b"") + number(0) * 3 + names() + names() + \
        number(1 << 62) + number(2) + string(ADD)
    for name, kind, encoding, body in (
            ("a newer tensor", rdb.TENSOR, 5, good), ("a newer model", rdb.MODEL, 6, good),
            ("a newer script", rdb.SCRIPT, 6, good), ("a tensor that is cut", rdb.TENSOR, 4, good[:8]),
            ("a tensor of another length", rdb.TENSOR, 4, good[:-14] + string(X[:8])),
            ("a model of 2^62 bytes", rdb.MODEL, 4, big)):
        got = c.reply("RESTORE", "bad", 0, rdb.payload(kind, encoding, body))
        tap.test("Bad data format" in str(got) and c.call("EXISTS", "bad") == 0,
                 name + " is refused", got)


def check(kind):
    with start(kind) as server, server.client() as c:
        for name in sorted(os.listdir(FOLDER)):
            got = c.reply("RESTORE", name, 0, read(name), "REPLACE")
            tap.test(got == b"OK", "%s restores %s" % (kind, name), got)
        for name, words in tensors().items():
            check_tensor(c, name, shown(words))
        check_models(c)
        check_old(c)
        check_refused(c)


def main():
    if not MODULE or not os.path.exists(MODULE):
        tap.skip_all("the module is not built")
    if "--make" in sys.argv:
        return make()
    if not kinds():
        tap.skip_all("no redis-server and no valkey-server: scripts/setup.sh server")
    for kind in kinds():
        check(kind)
    return tap.done()


sys.exit(main())
