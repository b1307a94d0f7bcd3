#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""RedisAI's commands in a server, beside what traffic/ replays: time-outs, ops that run side by side,
keys that are told, transactions, scans, statistics, large payloads. Models are the mock's. Prints TAP.
"""
import os
import struct
import threading
import time

from resp import encode
from servers import MODULE, ReplyError, Server, kinds_or_skip, tap

IN_OUT = "mock;in=x:FLOAT[-1,2];out=y:FLOAT[-1,2]"
TWICE = IN_OUT + ";scale=2"
SLOW = IN_OUT + ";add=1;delay_us=300000"
SUM = "mock;in=x:FLOAT[-1,2];in=y:FLOAT[-1,2];out=z:FLOAT[-1,2];op=sum"
FAILS = IN_OUT + ";fail_every=1;no_warm_up"
TRANSACTION = "ERR Cannot run RedisAI command within a transaction or a LUA script"


def floats(*values):
    return struct.pack("%df" % len(values), *values)


def error(client, *words):
    """The text of the error reply, or what came instead."""
    try:
        return "no error: %r" % (client.call(*words),)
    except ReplyError as e:
        return str(e)


def equal(name, got, want):
    tap.test(got == want, name, "got  %r" % (got,), "want %r" % (want,))


def set_models(c):
    for name, text in (("twice", TWICE), ("slow", SLOW), ("slow2", SLOW), ("sum", SUM)):
        c.call("AI.MODELSTORE", name, "MOCK", "CPU", "TAG", "v-" + name, "BLOB", text)
    c.call("AI.TENSORSET", "a", "FLOAT", "1", "2", "BLOB", floats(1, 2))


def timed(f):
    begin = time.monotonic()
    result = f()
    return result, time.monotonic() - begin


def test_time_outs(c):
    equal("a run that takes too long",
          c.call("AI.MODELEXECUTE", "slow", "INPUTS", "1", "a", "OUTPUTS", "1", "late", "TIMEOUT", "50"),
          b"TIMEDOUT")
    equal("its output is not there", c.call("EXISTS", "late"), 0)
    equal("a DAG that takes too long",
          c.call("AI.DAGEXECUTE", "LOAD", "1", "a", "PERSIST", "1", "late", "TIMEOUT", "50", "|>",
                 "AI.MODELEXECUTE", "slow", "INPUTS", "1", "a", "OUTPUTS", "1", "late"), b"TIMEDOUT")
    equal("nothing is kept of it", c.call("EXISTS", "late"), 0)
    equal("one with time enough",
          c.call("AI.MODELRUN", "slow", "TIMEOUT", "60000", "INPUTS", "a", "OUTPUTS", "late"), b"OK")
    equal("its output", c.call("AI.TENSORGET", "late", "BLOB"), floats(2, 3))
    c.call("DEL", "late")


def test_side_by_side(c):
    words = ["AI.DAGEXECUTE", "LOAD", "1", "a", "PERSIST", "1", "z",
             "|>", "AI.MODELEXECUTE", "slow", "INPUTS", "1", "a", "OUTPUTS", "1", "x",
             "|>", "AI.MODELEXECUTE", "slow2", "INPUTS", "1", "a", "OUTPUTS", "1", "y",
             "|>", "AI.MODELEXECUTE", "sum", "INPUTS", "2", "x", "y", "OUTPUTS", "1", "z",
             "|>", "AI.TENSORGET", "z", "BLOB"]
    reply, seconds = timed(lambda: c.call(*words))
    equal("two ops and their sum", reply, [b"OK"] * 3 + [floats(4, 6)])
    tap.test(seconds < 0.55, "the two run side by side", "took %.3f s, each takes 0.3" % seconds)
    equal("the sum is kept", c.call("AI.TENSORGET", "z", "BLOB"), floats(4, 6))
    equal("the rest is not", c.call("EXISTS", "x", "y"), 0)


def test_a_failing_op(c):
    c.call("AI.TENSORSET", "odd", "FLOAT", "1", "3", "VALUES", "1", "2", "3")
    reply = c.call("AI.DAGEXECUTE", "LOAD", "2", "a", "odd", "PERSIST", "1", "y",
                   "|>", "AI.MODELEXECUTE", "twice", "INPUTS", "1", "odd", "OUTPUTS", "1", "x",
                   "|>", "AI.MODELEXECUTE", "twice", "INPUTS", "1", "x", "OUTPUTS", "1", "y",
                   "|>", "AI.TENSORGET", "y", "|>", "AI.TENSORGET", "a", "BLOB")
    tap.test(isinstance(reply[0], ReplyError) and reply[1:] == [b"NA", b"NA", floats(1, 2)],
             "what needs a failed op is not run", repr(reply))
    equal("nothing is kept", c.call("EXISTS", "y"), 0)
    c.call("SET", "text", "x")
    equal("a key of another type is not replaced by PERSIST",
          error(c, "AI.DAGEXECUTE", "LOAD", "1", "a", "PERSIST", "1", "text", "|>",
                "AI.MODELEXECUTE", "twice", "INPUTS", "1", "a", "OUTPUTS", "1", "text"),
          "WRONGTYPE Operation against a key holding the wrong kind of value")
    equal("it stays", c.call("GET", "text"), b"x")


def test_rows_that_differ(c):
    c.call("AI.TENSORSET", "one", "FLOAT", "1", "2", "VALUES", "10", "20")
    c.call("AI.TENSORSET", "two", "FLOAT", "2", "2", "VALUES", "1", "2", "3", "4")
    equal("inputs of different rows run, as in RedisAI",
          c.call("AI.MODELEXECUTE", "sum", "INPUTS", "2", "two", "one", "OUTPUTS", "1", "z"), b"OK")
    equal("the result", c.call("AI.TENSORGET", "z", "VALUES"), [b"11", b"22", b"13", b"24"])
    reply = c.call("AI.DAGRUN", "LOAD", "2", "one", "two", "|>", "AI.MODELRUN", "sum", "INPUTS", "two", "one",
                   "OUTPUTS", "z", "|>", "AI.TENSORGET", "z", "VALUES")
    equal("in a DAG", reply, [b"OK", [b"11", b"22", b"13", b"24"]])
    tap.test(error(c, "WEIR.RUN", "sum", "", "2", "two", "one", "1", "z", "-1").startswith("ERR_SHAPE"),
             "WEIR.RUN refuses them")


def test_wide(c):
    n = 200
    words = ["AI.DAGRUN", "LOAD", "1", "a"]
    for i in range(n):
        words += ["|>", "AI.MODELRUN", "twice", "INPUTS", "a", "OUTPUTS", "w%d" % i]
    for i in range(1, n):
        words += ["|>", "AI.MODELRUN", "sum", "INPUTS", "w0", "w%d" % i, "OUTPUTS", "w0"]
    words += ["|>", "AI.TENSORGET", "w0", "VALUES"]
    reply = c.call(*words)
    equal("%d ops" % len(reply), reply[-1], [str(2 * n).encode(), str(4 * n).encode()])


def test_large(c):
    n = 1 << 20
    blob = os.urandom(4 * n)
    c.call("AI.TENSORSET", "large", "INT32", str(n), "BLOB", blob)
    equal("4 MiB come back", c.call("AI.TENSORGET", "large", "BLOB"), blob)
    reply = c.call("AI.DAGEXECUTE", "LOAD", "2", "a", "large", "PERSIST", "2", "large2", "y",
                   "|>", "AI.TENSORSET", "large2", "INT32", str(n), "BLOB", blob,
                   "|>", "AI.MODELEXECUTE", "twice", "INPUTS", "1", "a", "OUTPUTS", "1", "y",
                   "|>", "AI.TENSORGET", "large2", "BLOB")
    equal("and through a DAG that keeps them", reply, [b"OK", b"OK", blob])
    equal("they are kept", c.call("AI.TENSORGET", "large2", "BLOB"), blob)
    equal("a tensor of zeros beyond reason", error(c, "AI.TENSORSET", "z", "DOUBLE", "99999999999"),
          "ERR could not save tensor")
    equal("its meta is short", c.call("AI.TENSORGET", "large", "META"),
          [b"dtype", b"INT32", b"shape", [n]])


def test_transactions(c):
    for words in (("AI.MODELEXECUTE", "twice", "INPUTS", "1", "a", "OUTPUTS", "1", "o"),
                  ("AI.DAGEXECUTE", "LOAD", "1", "a", "|>", "AI.TENSORGET", "a", "BLOB"),
                  ("AI.SCRIPTRUN", "s", "f", "INPUTS", "a", "OUTPUTS", "o")):
        c.call("MULTI")
        c.call(*words)
        reply = c.call("EXEC")
        equal("%s in a transaction" % words[0], str(reply[0]), TRANSACTION)
        script = "return redis.pcall(%s)" % ",".join("'%s'" % w for w in words)
        tap.test(TRANSACTION in error(c, "EVAL", script, "1", "a"), "%s in a script" % words[0])
    script = "return redis.call('AI.TENSORGET', KEYS[1], 'VALUES')"
    equal("AI.TENSORGET in a script", c.call("EVAL", script, "1", "a"), [b"1", b"2"])


def test_keys(c):
    def keys(*words):
        return c.call("COMMAND", "GETKEYS", *words)
    equal("keys of a run",
          keys("AI.MODELEXECUTE", "m", "INPUTS", "2", "a", "b", "OUTPUTS", "1", "c", "TIMEOUT", "5"),
          [b"m", b"a", b"b", b"c"])
    equal("keys of a script's run",
          keys("AI.SCRIPTRUN", "s", "f", "INPUTS", "a", "$", "b", "OUTPUTS", "o"),
          [b"s", b"a", b"b", b"o"])
    equal("keys of a DAG",
          keys("AI.DAGEXECUTE", "LOAD", "1", "a", "PERSIST", "1", "c", "ROUTING", "r", "|>",
               "AI.MODELEXECUTE", "m", "INPUTS", "1", "a", "OUTPUTS", "1", "c"),
          [b"a", b"c", b"r", b"m"])
    equal("keys of words that are too few", keys("AI.MODELEXECUTE", "m", "INPUTS", "99", "a", "b",
                                                 "c", "d"), [b"m", b"a", b"b", b"c", b"d"])
    info = c.call("COMMAND", "INFO", "AI.TENSORGET")[0]
    tap.test(b"readonly" in info[2] and info[3:6] == [1, 1, 1], "COMMAND INFO", repr(info[:6]))


def test_statistics(c):
    c.call("AI.INFO", "twice", "RESETSTAT")
    for _ in range(3):
        c.call("AI.MODELEXECUTE", "twice", "INPUTS", "1", "a", "OUTPUTS", "1", "o")
    error(c, "AI.MODELEXECUTE", "twice", "INPUTS", "1", "odd", "OUTPUTS", "1", "o")
    i = c.call("AI.INFO", "twice")
    i = dict(zip(i[::2], i[1::2]))
    equal("calls and errors", (i[b"calls"], i[b"errors"], i[b"type"], i[b"backend"], i[b"tag"]),
          (4, 1, b"MODEL", b"MOCK", b"v-twice"))
    tap.test(i[b"samples"] >= 3, "samples", repr(i))
    equal("reset", c.call("AI.INFO", "twice", "RESETSTAT"), b"OK")
    equal("no more calls", c.call("AI.INFO", "twice")[15], 0)


def test_scan(c):
    for i in range(1200):
        c.call("SET", "filler%d" % i, "x")
    c.call("RENAME", "slow2", "slower")
    scanned = sorted(c.call("AI._MODELSCAN"))
    equal("models with their tags", scanned, [[b"slow", b"v-slow"], [b"slower", b"v-slow2"],
                                              [b"sum", b"v-sum"], [b"twice", b"v-twice"]])
    equal("scripts", c.call("AI._SCRIPTSCAN"), [])
    equal("AI.MODELDEL", c.call("AI.MODELDEL", "slower"), b"OK")
    equal("one less", len(c.call("AI._MODELSCAN")), 3)


def test_clients_that_leave(server, c):
    for _ in range(20):
        with server.client() as gone:
            gone.send(encode(["AI.DAGEXECUTE", "LOAD", 1, "a", "PERSIST", 1, "gone", "|>",
                              "AI.MODELEXECUTE", "slow", "INPUTS", 1, "a", "OUTPUTS", 1, "gone"]))
    equal("the server answers", c.call("PING"), b"PONG")
    equal("and runs models", c.call("AI.MODELRUN", "slow", "INPUTS", "a", "OUTPUTS", "o"), b"OK")
    equal("nothing is kept for those who have left", c.call("EXISTS", "gone"), 0)


def test_many_clients(server):
    wrong = []

    def work(k):
        with server.client() as c:
            for i in range(100):
                reply = c.call("AI.DAGRUN", "|>", "AI.TENSORSET", "q", "FLOAT", "1", "2", "VALUES",
                               str(k), str(i), "|>", "AI.MODELRUN", "twice", "INPUTS", "q",
                               "OUTPUTS", "q", "|>", "AI.TENSORGET", "q", "BLOB")
                if reply[2] != floats(2 * k, 2 * i):
                    wrong.append(reply)
    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal("four clients, 100 DAGs each", wrong, [])


def run(kind):
    print("# " + kind)
    with Server(kind, module=MODULE, args=("OVERSUBSCRIBE", "1", "THREADS", "2")) as server, \
            server.client() as c:
        set_models(c)
        for test in (test_time_outs, test_side_by_side, test_a_failing_op, test_rows_that_differ, test_wide, test_large,
                     test_transactions, test_keys, test_statistics, test_scan):
            test(c)
        test_many_clients(server)
        test_clients_that_leave(server, c)


def main():
    found = kinds_or_skip()
    for kind in found:
        run(kind)
    tap.done()


main()
