#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What scripts ask of the server that runs them: redis.execute and redisAI.model_execute, on the engine's
threads, on workers and on the server's own; whose rights they have, what replicas and files hear of it, and
that nobody waits for ever. Needs the torch backend. Prints TAP."""
import os
import struct
import sys
import threading
import time

from resp import encode
from servers import MODULE, Cluster, ReplyError, Server, kinds, tap, wait_for

BACKENDS = os.environ.get("WEIR_BACKEND_PATH", "")
SLOWER = 10 if os.environ.get("WEIR_SANITIZE") else 1
TWICE = "mock;in=x:FLOAT[-1,2];out=y:FLOAT[-1,2];scale=2"
BINARY = bytes(range(256)) + b"\r\n\0"
SOURCE = """
def values(tensors: List[Tensor], keys: List[str], args: List[str]):
    redis.execute('SET', keys[0], args[0])
    v = redis.execute('GET', keys[0])
    if isinstance(v, str):
        redis.execute('SET', keys[1], v)
    redis.execute('HSET', keys[2], 'field', args[0], 'n', 3)
    n = redis.execute('INCRBY', keys[3], 5000000000)
    if isinstance(n, int):
        redis.execute('RPUSH', keys[4], n, 2.5, True, ['a', 'b'])
    return tensors[0]

def sum_of_list(tensors: List[Tensor], keys: List[str], args: List[str]):
    n = 0
    for v in redis.asList(redis.execute('XRANGE', keys[0], '-', '+')):
        for part in redis.asList(v):
            if isinstance(part, str):
                n += 1
            else:
                n += 10 * len(redis.asList(part))
    return tensors[0] + n

def nil(tensors: List[Tensor], keys: List[str], args: List[str]):
    v = redis.execute('GET', keys[0])
    return tensors[0] if isinstance(v, str) or isinstance(v, int) else tensors[0] + 1

def give(tensors: List[Tensor], keys: List[str], args: List[str]):
    redis.execute(args[0], args[1:])
    return tensors[0]

def count(tensors: List[Tensor], keys: List[str], args: List[str]):
    for i in range(int(args[0])):
        redis.execute('INCR', keys[0])
    return tensors[0]

def burn(tensors: List[Tensor], keys: List[str], args: List[str]):
    x = tensors[0]
    for i in range(int(args[0])):
        x = x * 0.5 + 1
    redis.execute('SET', keys[0], 'done')
    return x

def model(tensors: List[Tensor], keys: List[str], args: List[str]):
    return redisAI.model_execute(keys[0], [tensors[0]], 1)

def incr(x):
    redis.execute('INCR', 'n')
    return x + 1

def through(x):
    return redisAI.model_execute('twice', [x], 1)
"""
ENTRIES = ["values", "sum_of_list", "nil", "give", "count", "burn", "model"]


def floats(*values):
    return struct.pack("%df" % len(values), *values)


def equal(name, got, want):
    tap.test(got == want, name, "got  %r" % (got,), "want %r" % (want,))


def set_up(c):
    c.call("AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", len(ENTRIES), *ENTRIES, "SOURCE", SOURCE)
    c.call("AI.MODELSTORE", "twice", "MOCK", "CPU", "BLOB", TWICE)
    c.call("AI.TENSORSET", "x", "FLOAT", 1, 2, "BLOB", floats(1, 2))


def execute(function, keys=(), args=(), more=()):
    """AI.SCRIPTEXECUTE from x to y."""
    return ["AI.SCRIPTEXECUTE", "s", function] + (["KEYS", len(keys), *keys] if keys else []) + \
        ["INPUTS", 1, "x"] + (["ARGS", len(args), *args] if args else []) + ["OUTPUTS", 1, "y", *more]


def answer(c, function, keys=(), args=()):
    reply = c.reply(*execute(function, keys, args))
    return str(reply) if isinstance(reply, ReplyError) else reply


def refusal(c, *words):
    """What the server says to a command that a script gives."""
    return answer(c, "give", args=words)


def n_inline(server):
    return int(server.info()["ai_runs_inline"])


def test_values(c):
    equal("a script sets, gets, counts", answer(c, "values", ["k1", "k2", "h", "i", "l"], [BINARY]), b"OK")
    equal("any bytes in", c.call("GET", "k1"), BINARY)
    equal("any bytes out", c.call("GET", "k2"), BINARY)
    equal("a hash", c.call("HMGET", "h", "field", "n"), [BINARY, b"3"])
    equal("integers beyond 32 bits, numbers, lists", c.call("LRANGE", "l", 0, -1),
          [b"5000000000", b"2.5", b"1", b"a", b"b"])
    for i in (1, 2):
        c.call("XADD", "stream", "%d-1" % i, "a", "b")
    equal("a script reads a list of lists", answer(c, "sum_of_list", ["stream"]), b"OK")
    equal("all of it", c.call("AI.TENSORGET", "y", "BLOB"), floats(43, 44))
    equal("a script reads nil", answer(c, "nil", ["missing"]), b"OK")
    equal("it was nil", c.call("AI.TENSORGET", "y", "BLOB"), floats(2, 3))


def test_errors(c):
    begin = "Redis command returned an error: "
    c.call("SET", "text", "x")
    for words, want in ((("HGET", "text", "f"), begin + "WRONGTYPE"), (("NONESUCH",), begin + "ERR unknown"),
                        (("GET",), begin + "ERR wrong number"), (("SUBSCRIBE", "a"), begin + "ERR"),
                        (("",), begin + "ERR"),
                        (("GET\0", "text"), begin + "ERR"),
                        (("WEIR.PIPELINE", "", "0", "-1"), begin + "ERR_UNSUPPORTED"),
                        (("AI.MODELRUN", "twice", "INPUTS", "x", "OUTPUTS", "z"),
                         begin + "ERR Cannot run RedisAI command within a transaction")):
        got = refusal(c, *words)
        tap.test(isinstance(got, str) and got.startswith(want), "%r in a script" % (words,),
                 "got %r" % (got,), "want %r" % want)
    for words in (("BLPOP", "empty", "0"), ("WAIT", "1", "0")):
        got = refusal(c, *words)
        tap.test(got == b"OK" or "not allowed" in got, "%s does not wait" % words[0], repr(got))
    equal("nor a tensor", refusal(c, "WEIR.TAKE", "none", "-1"), b"OK")


def test_nested(c):
    equal("a tensor set by a script", refusal(c, "AI.TENSORSET", "t", "FLOAT", "1", "2", "VALUES", "5", "6"), b"OK")
    equal("it is there", c.call("AI.TENSORGET", "t", "VALUES"), [b"5", b"6"])
    equal("WEIR.COPY in a script", refusal(c, "WEIR.COPY", "TENSOR", "t", "t2"), b"OK")
    equal("the copy", c.call("AI.TENSORGET", "t2", "VALUES"), [b"5", b"6"])
    for _ in range(5):
        c.call("WEIR.RUN", "twice", "", 1, "t", 1, "t3", -1)
    equal("a run in a script", refusal(c, "WEIR.RUN", "twice", "", "1", "t", "1", "t4", "-1"), b"OK")
    equal("its result", c.call("AI.TENSORGET", "t4", "VALUES"), [b"10", b"12"])
    equal("keys go", refusal(c, "DEL", "t", "t2", "t3", "t4"), b"OK")


def test_models(c):
    equal("a model in a script", answer(c, "model", ["twice"]), b"OK")
    equal("its result", c.call("AI.TENSORGET", "y", "BLOB"), floats(2, 4))
    for key, want in (("none", "'none' is no model"), ("x", "'x' is no model"), ("s", "'s' is no model")):
        got = answer(c, "model", [key])
        tap.test(isinstance(got, str) and want in got, "no model at '%s'" % key, repr(got))
    c.call("AI.TENSORSET", "odd", "FLOAT", 1, 3, "VALUES", 1, 2, 3)
    got = str(c.reply("AI.SCRIPTEXECUTE", "s", "model", "KEYS", 1, "twice", "INPUTS", 1, "odd", "OUTPUTS", 1, "z"))
    tap.test("'twice'" in got and c.call("EXISTS", "z") == 0, "a model that refuses", got)


def test_dag(c):
    c.call("DEL", "n", "m")
    reply = c.call("AI.DAGEXECUTE", "LOAD", 1, "x", "PERSIST", 1, "z", "ROUTING", "n",
                   "|>", "AI.SCRIPTEXECUTE", "s", "count", "KEYS", 1, "n", "INPUTS", 1, "x", "ARGS", 1, "50",
                   "OUTPUTS", 1, "a",
                   "|>", "AI.SCRIPTEXECUTE", "s", "count", "KEYS", 1, "m", "INPUTS", 1, "x", "ARGS", 1, "50",
                   "OUTPUTS", 1, "b",
                   "|>", "AI.SCRIPTEXECUTE", "s", "model", "INPUTS", 1, "a", "KEYS", 1, "twice", "OUTPUTS", 1, "z",
                   "|>", "AI.TENSORGET", "z", "BLOB")
    equal("scripts in a DAG", reply, [b"OK"] * 3 + [floats(2, 4)])
    equal("what they counted", c.call("MGET", "n", "m"), [b"50", b"50"])
    equal("what is kept", c.call("AI.TENSORGET", "z", "BLOB"), floats(2, 4))


def test_own_commands(server, c):
    c.call("DEL", "n")
    before = n_inline(server)
    for i in range(100):
        c.call("WEIR.RUN", "s", "incr", 1, "x", 1, "y", -1)
        c.call("AI.SCRIPTRUN", "s", "incr", "INPUTS", "x", "OUTPUTS", "y")
        reply = c.call("WEIR.INFER", "s", "incr", 1, "FLOAT", 2, 1, 2, floats(i, 2), 1, -1)
        if reply[0][2] != floats(i + 1, 3):
            tap.test(False, "a result", repr(reply))
    steps = ("WEIR.PIPELINE", "", 4, "LOAD", "a", "x", "RUN", "s", "incr", 1, "a", 1, "b", "RUN", "s", "through", 1,
             "b", 1, "c", "GET", "c", -1)
    equal("a pipeline", c.call(*steps)[0][2], floats(4, 6))
    equal("every run counted", c.call("GET", "n"), b"301")
    tap.test(n_inline(server) == before, "none by the server's thread: a script may take any time")
    c.call("MULTI")
    c.call(*steps)
    c.call("WEIR.RUN", "s", "incr", 1, "x", 1, "y2", -1)
    done = c.reply("EXEC")
    equal("a pipeline in a transaction", done[0][0][2], floats(4, 6))
    tap.test("ERR_UNSUPPORTED" in str(done[1]), "a run can't wait in one", str(done[1]))
    equal("which counts", c.call("GET", "n"), b"302")


def test_databases(server, c):
    with server.client() as other:
        other.call("SELECT", 3)
        set_up(other)
        for _ in range(30):
            other.call("AI.SCRIPTRUN", "s", "incr", "INPUTS", "x", "OUTPUTS", "y")
        equal("a script works in its client's database", other.call("GET", "n"), b"30")
        other.call("FLUSHDB")


def test_access(server, c):
    c.call("SET", "secret", "1")
    c.call("ACL", "SETUSER", "guest", "on", ">p", "~x", "~y", "~s", "~mine*", "+@all", "-@dangerous")
    c.call("AI.MODELSTORE", "mine-twice", "MOCK", "CPU", "BLOB", TWICE)
    denied = ("Redis command returned an error: NOPERM", "Redis command returned an error: ERR acl")
    with server.client(user="guest", password="p") as guest:
        equal("what the user may", refusal(guest, "SET", "mine:1", "x"), b"OK")
        for words in (("SET", "secret", "2"), ("GET", "secret"), ("FLUSHALL",)):
            got = refusal(guest, *words)
            tap.test(str(got).startswith(denied), "%s, which the user may not" % words[0], repr(got))
        got = [str(guest.reply("WEIR.INFER", "s", "incr", 1, "FLOAT", 2, 1, 2, floats(1, 2), 1, -1))
               for _ in range(100)]
        tap.test(all(any(d in g for d in denied) for g in got), "nor when it is run often",
                 got[-1])
        equal("a model of theirs", answer(guest, "model", ["mine-twice"]), b"OK")
        c.call("RENAME", "twice", "other")
        c.call("RENAME", "mine-twice", "twice")
        got = guest.reply("WEIR.RUN", "s", "through", 1, "x", 1, "y", -1)
        tap.test("NOPERM" in str(got), "a model that is not", repr(got))
        got = refusal(guest, "WEIR.RUN", "other", "", "1", "x", "1", "y", "-1")
        tap.test("NOPERM" in str(got), "nor in a run of the script's", repr(got))
    c.call("RENAME", "other", "twice")
    equal("nothing was written", c.call("GET", "secret"), b"1")
    with server.client(user="guest", password="p") as guest:
        guest.send(encode(execute("count", ["mine:n"], ["5000000"])))
        wait_for(lambda: c.call("EXISTS", "mine:n"), 30, "a script that counts")
        c.call("ACL", "DELUSER", "guest")
    stopped = wait_for(lambda: at_rest(c, "mine:n"), 30, "its end")
    tap.test(int(stopped) < 5000000, "a user who is deleted can do no more", stopped)


def at_rest(c, key):
    """The number there, once it does not change any more."""
    before = c.call("GET", key)
    time.sleep(0.3)
    return before if c.call("GET", key) == before else None


def test_many_clients(server, c):
    c.call("DEL", "n", "total")
    wrong = []

    def work(k):
        with server.client() as mine:
            for i in range(50):
                for words in (execute("count", ["total"], ["4"]), execute("model", ["twice"]),
                              ("AI.SCRIPTRUN", "s", "incr", "INPUTS", "x", "OUTPUTS", "y%d" % k)):
                    reply = mine.reply(*words)
                    if reply != b"OK":
                        wrong.append(reply)
    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal("four clients, 50 rounds each", wrong, [])
    equal("all was counted", c.call("MGET", "total", "n"), [b"800", b"200"])


def test_a_long_script(server, c):
    """It must not stop others, neither while it computes nor while it asks."""
    for function, args in (("burn", ["200000"]), ("count", [str(300000 // SLOWER)])):
        key = "long-" + function
        with server.client(timeout=120) as slow:
            begin = time.monotonic()
            slow.send(encode(execute(function, [key], args)))
            worst, n = 0, 0
            while c.call("EXISTS", "y") and n < 200:
                before = time.monotonic()
                c.call("PING")
                worst = max(worst, time.monotonic() - before)
                n += 1
                time.sleep(0.001)
            equal("%s runs to its end" % function, slow.read(), b"OK")
            took = time.monotonic() - begin
            tap.test(worst < 0.25 * SLOWER, "others are served meanwhile (%s)" % function,
                     "worst %.3f s of %d, it took %.2f s" % (worst, n, took))
    equal("a script past its time", c.reply(*execute("count", ["late"], ["100000000"], ["TIMEOUT", "200"])),
          b"TIMEDOUT")


def test_clients_that_leave(server, c):
    for i in range(4):
        with server.client() as gone:
            gone.send(encode(execute("count", ["gone"], ["500"])))
    equal("what they began goes on", wait_for(lambda: c.call("GET", "gone") == b"2000", 60, "their scripts"), True)
    equal("the server answers", c.call("PING"), b"PONG")


def test_transactions_that_wait(kind):
    """One place, which a script has that asks again and again; a transaction needs it."""
    with Server(kind, module=MODULE, args=("BACKENDSPATH", BACKENDS, "THREADS", 1)) as server, \
            server.client(timeout=60) as c, server.client(timeout=60) as other:
        set_up(c)
        other.send(encode(execute("count", ["n"], ["10000000"], ["TIMEOUT", "30000"])))
        wait_for(lambda: c.call("EXISTS", "n"), 30, "a script that counts")
        c.call("MULTI")
        c.call("WEIR.PIPELINE", "", 3, "LOAD", "a", "x", "RUN", "twice", "", 1, "a", 1, "b", "GET", "b", -1)
        begin = time.monotonic()
        reply = c.call("EXEC")
        took = time.monotonic() - begin
        equal("a transaction that needs the place of a script", reply[0][0][2], floats(2, 4))
        tap.test(took < 5 * SLOWER, "waits for it only so long", "%.3f s" % took)
        got = other.read()
        tap.test("a transaction waits" in str(got), "and the script is told", repr(got))


def test_replicas_and_files(kind):
    more = {"module": MODULE, "args": ("BACKENDSPATH", BACKENDS)}
    with Server(kind, appendonly="always", **more) as server, Server(kind, replicaof=server, **more) as replica, \
            server.client() as c, replica.client() as r:
        set_up(c)
        wait_for(lambda: r.call("ROLE")[3] == b"connected", 30, "a replica")
        equal("a script writes", answer(c, "values", ["k1", "k2", "h", "i", "l"], [BINARY]), b"OK")
        for _ in range(30):
            c.call("AI.SCRIPTRUN", "s", "incr", "INPUTS", "x", "OUTPUTS", "y")
        keys = [("GET", "k2"), ("HMGET", "h", "field", "n"), ("LRANGE", "l", 0, -1), ("GET", "i"), ("GET", "n")]
        want = [c.call(*words) for words in keys]
        equal("it has written", want[0::4], [BINARY, b"30"])
        c.call("WAIT", 1, 10000)
        equal("the replica has it", [r.call(*words) for words in keys], want)
        server.kill9()
        server.restart()
        with server.client() as again:
            equal("the file has it", [again.call(*words) for words in keys], want)


def test_cluster(kind):
    with Cluster(3, kind=kind, module=MODULE, args=("BACKENDSPATH", BACKENDS)) as cluster:
        server, other = cluster.server_of("{a}"), "b"
        while cluster.server_of("{%s}" % other) is server:
            other += "b"
        with server.client() as c:
            c.call("AI.SCRIPTSTORE", "s{a}", "CPU", "ENTRY_POINTS", 1, "give", "SOURCE", SOURCE)
            c.call("AI.TENSORSET", "x{a}", "FLOAT", 1, "VALUES", 1)
            words = ("AI.SCRIPTEXECUTE", "s{a}", "give", "INPUTS", 1, "x{a}", "ARGS", 3, "SET")
            equal("a key of this shard", c.call(*words, "k{a}", "v", "OUTPUTS", 1, "y{a}"), b"OK")
            got = str(c.reply(*words, "k{%s}" % other, "v", "OUTPUTS", 1, "y{a}"))
            tap.test(got.startswith("Redis command returned an error: "), "a key of another", got)


def run(kind):
    print("# " + kind)
    with Server(kind, module=MODULE, args=("BACKENDSPATH", BACKENDS, "OVERSUBSCRIBE", 1, "THREADS", 2,
                                           "INLINE_US", 2000)) as server, server.client(timeout=60) as c:
        set_up(c)
        for test in (test_values, test_errors, test_nested, test_models, test_dag):
            test(c)
        for test in (test_own_commands, test_databases, test_access, test_many_clients, test_a_long_script,
                     test_clients_that_leave):
            test(server, c)
    test_transactions_that_wait(kind)
    test_replicas_and_files(kind)
    test_cluster(kind)


def main():
    if not MODULE or not os.path.exists(MODULE):
        tap.skip_all("no module: set WEIR_MODULE to weir.so, target weir_module")
    if not kinds():
        tap.skip_all("neither redis-server nor valkey-server: run scripts/setup.sh server")
    if not os.path.exists(os.path.join(BACKENDS, "weir_backend_torch.so")):
        tap.skip_all("no torch backend")
    for kind in kinds() if len(sys.argv) == 1 else sys.argv[1:]:
        run(kind)
    tap.done()


main()
