#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many processes put and get a few keys; what each asked and got, and when, is checked afterwards: no
tensor is torn, no dataset half, no read goes back behind what was acknowledged. Also while the server is
killed and started again, with appendfsync always.

usage: st_history.py; prints TAP. Environment: servers.py; WEIR_HISTORY_SECONDS (default 3 for each).
"""
import multiprocessing
import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import history  # noqa: E402
from history import NEVER, Op  # noqa: E402
from servers import MODULE, ReplyError, Resp, Server, kinds, tap  # noqa: E402

BACKENDS = os.environ.get("WEIR_BACKEND_PATH", "")
SANITIZE = os.environ.get("WEIR_SANITIZE", "")
SECONDS = float(os.environ.get("WEIR_HISTORY_SECONDS", 3))
ECHO = b"mock; in=x:INT64[-1,64]; out=y:INT64[-1,64]; op=echo"
SIZES = (64, 700, 5000, 90000)  # elements; the last is copied by a worker
TENSORS, DATASETS = ("t0", "t1", "t2"), ("{d0}", "{d1}")


# ---- values: every element is the same number, the writer's and its count

def tensor_of(value):
    n = SIZES[value % len(SIZES)]
    return ("INT64", 1, n, struct.pack("<q", value) * n)


def value_of(reply):
    """The number, or a sentence about what is torn."""
    _, shape, data = reply
    value = struct.unpack_from("<q", data)[0]
    if shape[0] * 8 != len(data) or data != data[:8] * shape[0]:
        return "torn: %r elements, %r" % (shape, set(struct.unpack("<%dq" % shape[0], data)))
    if shape[0] != SIZES[value % len(SIZES)]:
        return "torn: %d with %d elements" % (value, shape[0])
    return value


def text(*strings):
    return b"\x07" + b"".join(struct.pack("<Q", len(s)) + s for s in strings)


def dataset_of(value):
    return (2, ".tensor_names", text(b"a", b"b"), "count", text(b"%d" % value),
            2, "a", *tensor_of(value), "b", *tensor_of(value + 4))


def dataset_value(reply):
    fields = dict(zip(reply[0][::2], reply[0][1::2]))
    a, b = (value_of([t[1], t[2], t[3]]) for t in reply[1])
    if isinstance(a, str) or isinstance(b, str):
        return "%s %s" % (a, b)
    if b != a + 4 or fields[b"count"] != text(b"%d" % a):
        return "half: tensors %d and %d, field %r" % (a, b, fields[b"count"])
    return a


# ---- a process

class Worker:
    """Does one thing after the other until its time is over; keeps what happened."""

    def __init__(self, path, who, until):
        self.path, self.who, self.until = path, who, until
        self.random = random.Random(who)
        self.count, self.log, self.wrong, self.c = 0, [], [], None

    def connection(self):
        while self.c is None:
            if time.monotonic() > self.until + 60:
                raise TimeoutError("the server does not come back")
            try:
                self.c = Resp(self.path, timeout=60)
                if self.c.raw("PING").startswith(b"-"):
                    self.lose()
            except OSError:
                self.lose()
            if self.c is None:
                time.sleep(0.01)
        return self.c

    def lose(self):
        if self.c is not None:
            self.c.close()
        self.c = None

    def next_value(self):
        """New, of this writer, and of any size."""
        self.count += 1
        return (self.who << 32 | self.count) * 4 + self.random.randrange(4)

    def put(self, key, value, *words):
        c, begun, ended = self.connection(), time.monotonic(), NEVER
        try:
            if c.call(*words) != b"OK":
                self.wrong.append("no OK")
            ended = time.monotonic()
        except ReplyError as e:
            self.wrong.append("%s: %s" % (words[0], e))
        except OSError:
            self.lose()
        self.log.append((key, Op("put", value, begun, ended, self.who)))

    def get(self, key, see, *words):
        c, begun = self.connection(), time.monotonic()
        try:
            reply = c.reply(*words)
        except OSError:
            return self.lose()
        ended, value = time.monotonic(), None
        if isinstance(reply, ReplyError) and "there is no" not in str(reply) and "empty" not in str(reply):
            self.wrong.append("%s: %s" % (words[0], reply))
        elif not isinstance(reply, ReplyError):
            value = see(reply)
        if isinstance(value, str):
            self.wrong.append(value)
        else:
            self.log.append((key, Op("get", value, begun, ended, self.who)))

    def step(self):
        r = self.random.randrange(10)
        key, ds = self.random.choice(TENSORS), self.random.choice(DATASETS)
        value = self.next_value() if r < 4 else None
        if r < 2:
            self.put(key, value, "WEIR.PUT", key, *tensor_of(value))
        elif r == 2:
            name, _, n, data = tensor_of(value)
            self.put(key, value, "AI.TENSORSET", key, name, n, "BLOB", data)
        elif r == 3:
            self.put(ds, value, "WEIR.PUT_DATASET", ds, *dataset_of(value))
        elif r < 6:
            self.get(key, value_of, "WEIR.GET", key)
        elif r == 6:
            self.get(key, lambda x: value_of([x[1], x[3], x[5]]), "AI.TENSORGET", key, "META", "BLOB")
        else:
            self.get(ds, dataset_value, "WEIR.GET_DATASET", ds)

    def run(self):
        while time.monotonic() < self.until:
            self.step()


class Runner(Worker):
    """Puts `in`, runs the model on it, and reads `out`, which only it writes: it must hold just that."""

    def step(self):
        value = self.next_value() // 4 * 4  # 64 elements
        self.put("in", value, "WEIR.PUT", "in", "INT64", 2, 1, 64, tensor_of(value)[3])
        wide = self.count % 2
        words = ("WEIR.RUN", "m", "", 1, "in", 1, "out", -1) if wide else \
            ("WEIR.PIPELINE", "", 3, "LOAD", "a", "in", "RUN", "m", "", 1, "a", 1, "b", "KEEP", "b", "out", -1)
        c = self.connection()
        try:
            c.call(*words)
            reply = c.call("WEIR.GET", "out")
        except ReplyError as e:
            return self.wrong.append("%s: %s" % (words[0], e))
        except OSError:
            return self.lose()
        got = struct.unpack("<64q", reply[2])
        if self.log[-1][1].ended != NEVER and set(got) != {value}:
            self.wrong.append("out holds %r after %r was run" % (set(got), value))
        return None


class OutReader(Worker):
    """Reads `out` while it is written: whole, and never an older one than before."""

    last = 0

    def step(self):
        self.connection()
        try:
            reply = self.c.reply("WEIR.GET", "out")
        except OSError:
            return self.lose()
        if isinstance(reply, ReplyError):
            return None
        got = set(struct.unpack("<64q", reply[2]))
        if len(got) != 1 or min(got) < self.last:
            self.wrong.append("out holds %r after %r" % (got, self.last))
        self.last = max(got)
        return None


def work(kind, path, who, until, pipe):
    w = kind(path, who, until)
    try:
        w.run()
    except Exception as e:  # pylint: disable=broad-except
        w.wrong.append("%s: %r" % (kind.__name__, e))
    pipe.send((w.log, w.wrong))
    pipe.close()


def start_workers(path, until, n):
    out = []
    for who, kind in enumerate([Runner, OutReader] + [Worker] * n, 1):
        ours, theirs = multiprocessing.Pipe(False)
        p = multiprocessing.Process(target=work, args=(kind, path, who, until, theirs), daemon=True)
        p.start()
        theirs.close()
        out.append((p, ours))
    return out


def collect(workers):
    log, wrong = {}, []
    for p, pipe in workers:
        if not pipe.poll(180):
            p.kill()
            wrong.append("a worker did not end")
            continue
        theirs, bad = pipe.recv()
        p.join(30)
        wrong += bad
        for key, op in theirs:
            log.setdefault(key, []).append(op)
    return log, wrong


# ---- tests

def judge(name, log, wrong):
    tap.test(not wrong, name + ": nothing torn, half or refused", *wrong[:5])
    n = 0
    for key in TENSORS + DATASETS:
        ops = log.get(key, [])
        n += len(ops)
        bad = history.check(ops)
        tap.test(len(ops) > 10 and not bad, "%s: the history of %s, %d operations" % (name, key, len(ops)),
                 *bad[:5])
    print("# %s: %d operations checked" % (name, n))


def start(kind, **more):
    server = Server(kind, module=MODULE, args=["BACKENDSPATH", BACKENDS], **more)
    server.call("WEIR.SET_MODEL", "MODEL", "m", 1, "BACKEND", "mock", -1, 1, ECHO)
    return server


def check_quiet(kind):
    with start(kind) as server:
        workers = start_workers(server.path, time.monotonic() + SECONDS, 5)
        log, wrong = collect(workers)
        server.check_reports()
        judge(kind, log, wrong)


def check_killed(kind, n_kills):
    """The clock of the history goes on over the kills; what was acknowledged must be there again."""
    with start(kind, appendonly="always") as server:
        until = time.monotonic() + SECONDS + n_kills
        workers = start_workers(server.path, until, 4)
        for _ in range(n_kills):
            time.sleep(SECONDS / (n_kills + 1) * random.uniform(0.5, 1.2))
            server.kill9()
            server.restart()
        log, wrong = collect(workers)
        judge("%s, killed %d times" % (kind, n_kills), log, wrong)
        lost = sum(op.ended == NEVER for ops in log.values() for op in ops)
        tap.test(lost > 0, "%s: puts were under way when it was killed: %d" % (kind, lost))


def check_snapshot(kind):
    """BGSAVE while tensors are replaced: what is loaded from the snapshot is whole."""
    with start(kind) as server:
        workers = start_workers(server.path, time.monotonic() + SECONDS / 2, 4)
        with server.client() as c:
            time.sleep(SECONDS / 4)
            c.call("BGSAVE")
            while b"rdb_bgsave_in_progress:1" in c.call("INFO", "persistence"):
                time.sleep(0.01)
        log, wrong = collect(workers)
        tap.test(not wrong, kind + ": puts and gets during BGSAVE", *wrong[:5])
        server.kill9()
        server.restart()
        with server.client() as c:
            seen = [value_of(c.call("WEIR.GET", k)) for k in TENSORS] + \
                [dataset_value(c.call("WEIR.GET_DATASET", k)) for k in DATASETS]
        put = {op.value for ops in log.values() for op in ops if op.kind == "put"}
        tap.test(all(v in put for v in seen), kind + ": the snapshot is whole", *seen)


def random_history(r):
    """Up to six operations that may or may not be possible."""
    ops, values = [], [None]
    for i in range(r.randrange(1, 7)):
        begun = r.randrange(12)
        ended = NEVER if r.random() < 0.1 else begun + r.randrange(1, 8)
        if r.random() < 0.5:
            values.append(i)
            ops.append(Op("put", i, begun + i / 100, ended + i / 100, "p"))
        elif ended != NEVER:
            ops.append(Op("get", r.choice(values), begun + i / 100, ended + i / 100, "g"))
    return ops


def check_checker():
    put, get = (lambda v, a, b: Op("put", v, a, b, "p")), (lambda v, a, b: Op("get", v, a, b, "g"))
    for name, ops, good in (
            ("nothing happened", [], True),
            ("what was put is read", [put(1, 0, 1), get(1, 2, 3)], True),
            ("a read during a put may see either", [put(1, 0, 1), put(2, 2, 5), get(1, 3, 4), get(2, 3, 4)], True),
            ("an acknowledged put is lost", [put(1, 0, 1), get(None, 2, 3)], False),
            ("an old value comes back", [put(1, 0, 1), put(2, 2, 3), get(2, 4, 5), get(1, 6, 7)], False),
            ("two readers in turn go back in time", [put(1, 0, 1), put(2, 2, 9), get(2, 3, 4), get(1, 5, 6)], False),
            ("what nobody put is read", [get(7, 0, 1)], False),
            ("it is read before it is put", [get(1, 0, 1), put(1, 2, 3)], False),
            ("a put that was never answered may be seen", [put(1, 0, NEVER), get(1, 5, 6)], True),
            ("or not, and not any more", [put(1, 0, 1), put(2, 2, NEVER), get(2, 3, 4), get(1, 5, 6)], False),
            ("it may come late", [put(1, 0, 1), put(2, 2, NEVER), get(1, 3, 4), get(2, 5, 6)], True)):
        tap.test((not history.check(ops)) == good, "checker: " + name, *history.check(ops))
    r, n_good, n_bad, differ = random.Random(1), 0, 0, []
    for _ in range(20000):
        ops = random_history(r)
        good = history.possible(ops)
        n_good, n_bad = n_good + good, n_bad + (not good)
        if good != (not history.check(ops)):
            differ.append(ops)
    tap.test(not differ and min(n_good, n_bad) > 2000,
             "checker: as every order tried, %d possible and %d impossible histories" % (n_good, n_bad),
             *differ[:1])
    torn = [b"INT64", [64], struct.pack("<q", 8) * 63 + struct.pack("<q", 12)]
    tap.test(isinstance(value_of(torn), str) and value_of([b"INT64", [64], struct.pack("<q", 8) * 64]) == 8,
             "checker: one element of another writer is seen")
    whole = dataset_of(16)
    parts = [[whole[1].encode(), whole[2], whole[3].encode(), whole[4]],
             [[b"a", whole[7].encode(), [whole[9]], whole[10]], [b"b", whole[12].encode(), [whole[14]], whole[15]]]]
    tap.test(dataset_value(parts) == 16, "checker: a whole dataset")
    parts[0][3] = text(b"17")
    tap.test(isinstance(dataset_value(parts), str), "checker: a field of another writer is seen")


def main():
    check_checker()
    if not MODULE or not os.path.exists(MODULE) or not kinds():
        tap.skip("histories", "the module is not built, or there is no server")
        return tap.done()
    for kind in kinds()[:1] if "thread" in SANITIZE else kinds():
        check_quiet(kind)
        if "thread" in SANITIZE:
            break
        check_killed(kind, 3)
        check_snapshot(kind)
    return tap.done()


sys.exit(main())
