#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real processes that are killed, stopped or slow: clients, servers, primaries, shards. Nothing that was
acknowledged is lost, nobody else waits, nothing is left behind.

usage: st_faults.py; prints TAP. Environment: servers.py; WEIR_FAULTS_REPEAT (default 1000).
"""
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from resp import encode  # noqa: E402
from servers import MODULE, Cluster, ReplyError, Resp, Server, kinds, tap, wait_for  # noqa: E402

BACKENDS = os.environ.get("WEIR_BACKEND_PATH", "")
SANITIZE = os.environ.get("WEIR_SANITIZE", "")
REPEAT = int(os.environ.get("WEIR_FAULTS_REPEAT", 100 if SANITIZE else 1000))
GROWTH = (400 if SANITIZE else 12) << 20  # a sanitizer keeps much of what was freed
PROGRAMS = os.environ.get("WEIR_TEST_PROGRAMS", "")
ECHO = b"mock; in=x:FLOAT[-1,3]; out=y:FLOAT[-1,3]; op=echo; scale=2"
SLOW = ECHO + b"; delay_us=20000"
X, Y = struct.pack("<3f", 1, 2, 3), struct.pack("<3f", 2, 4, 6)
MEGA = bytes(1 << 20)
PUT_MEGA = encode(("WEIR.PUT", "mega", "UINT8", 1, 1 << 20, MEGA))


def floats(*v):
    return struct.pack("<%df" % len(v), *v)


def put(c, key, *v):
    return c.call("WEIR.PUT", key, "FLOAT", 2, 1, 3, floats(*v))


def run(c, model, x, y):
    return c.call("WEIR.RUN", model, "", 1, x, 1, y, -1)


def set_model(c, name, text, *options):
    c.call("WEIR.SET_MODEL", "MODEL", name, 1 + len(options) // 2, "BACKEND", "mock", *options, -1, 1, text)


def start(kind, *args, models=True, **more):
    server = Server(kind, module=MODULE, args=["BACKENDSPATH", BACKENDS, *args], **more)
    if models:
        with server.client() as c:
            set_model(c, "m", ECHO)
            set_model(c, "slow", SLOW, "NO_WARM_UP", 1)
            put(c, "x", 1, 2, 3)
    return server


# ---- clients that die

def leave(path, data):
    """Connects, sends, and is gone: the kernel does the same for a process that is killed."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(data)
    s.close()


def killed_client(path, data):
    """A process of its own that sends, then is killed with what it had still open."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.sendall(data)
        os.write(w, b"1")
        signal.pause()
    os.close(w)
    os.read(r, 1)
    os.close(r)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def figures(server):
    info = server.info()
    return {k: int(info[k]) for k in ("connected_clients", "ai_waiting_clients", "used_memory")}


def settle(server):
    """Until all dead clients are forgotten and all runs have ended; then what is in use."""
    def quiet():
        f = figures(server)
        return f if f["connected_clients"] == 1 and not any(
            v for k, v in f.items() if k.endswith("waiting_clients")) else None
    f, same = wait_for(quiet, 60, "a server without clients"), 0
    while same < 5:  # runs that nobody waits for any more go on to their end
        time.sleep(0.1)
        before, f = f, wait_for(quiet, 60, "a server without clients")
        same = same + 1 if abs(f["used_memory"] - before["used_memory"]) < 10000 else 0
    with server.client() as c:
        c.reply("MEMORY", "PURGE")  # free pages that the allocator still holds
    return f["used_memory"], server.memory()


DEATHS = (
    ("in the middle of a put", PUT_MEGA[:600000]),
    ("in the middle of a put's first word", b"*6\r\n$8\r\nWEIR"),
    ("during a run", encode(("WEIR.RUN", "slow", "", 1, "x", 1, "y", -1))),
    ("during an infer", encode(("WEIR.INFER", "slow", "", 1, "FLOAT", 2, 1, 3, X, 1, -1))),
    ("during RedisAI's run", encode(("AI.MODELEXECUTE", "slow", "INPUTS", 1, "x", "OUTPUTS", 1, "y"))),
    ("during a DAG", encode(("AI.DAGEXECUTE", "LOAD", 1, "x", "PERSIST", 1, "y", "|>", "AI.MODELEXECUTE",
                             "slow", "INPUTS", 1, "x", "OUTPUTS", 1, "y"))),
    ("during a pipeline", encode(("WEIR.PIPELINE", "", 2, "LOAD", "a", "x", "RUN", "slow", "", 1, "a", 1, "b", -1))),
    ("during a poll", encode(("WEIR.POLL", "TENSOR", "never", "ANY", 0, -1))),
    ("during a take", encode(("WEIR.TAKE", "never", -1))),
    ("before a large reply", encode(("WEIR.GET", "mega"))),
)


def check_dying_clients(kind):
    with start(kind) as server:
        leave(server.path, PUT_MEGA)
        for name, data in DEATHS:
            many = REPEAT // 10 if b"slow" in data else REPEAT  # 20 ms each
            for _ in range(many // 10 + 1):  # so that all is warm
                leave(server.path, data)
            memory, resident = settle(server)
            for i in range(many):
                (killed_client if i % 100 == 50 else leave)(server.path, data)
            after, resident_after = settle(server)
            tap.test(after - memory < 300000 and resident_after - resident < GROWTH,
                     "%s: %d clients die %s: memory is flat" % (kind, many, name),
                     "used %d to %d, resident %d to %d" % (memory, after, resident, resident_after))
        with server.client() as c:
            tap.test(run(c, "m", "x", "z") == b"OK", kind + ": and it serves on")


def check_half_sent(kind):
    """Fifty clients in the middle of a command, for a long time."""
    with start(kind) as server:
        halves = [server.client() for _ in range(50)]
        for i, h in enumerate(halves):
            h.send(PUT_MEGA[:1 + i * 20000])
        with server.client() as c:
            slowest, end, n = 0.0, time.monotonic() + 2, 0
            while time.monotonic() < end:
                begun = time.monotonic()
                put(c, "k", n, 0, 0)
                run(c, "m", "k", "r")
                got = c.call("WEIR.GET", "r")[2]
                slowest, n = max(slowest, time.monotonic() - begun), n + 1
                if got != floats(2 * n - 2, 0, 0):
                    break
            tap.test(got == floats(2 * n - 2, 0, 0) and n > 50 and slowest < 2,
                     kind + ": others work beside half-sent commands", n, slowest)
        good = 0
        for i, h in enumerate(halves[::2]):
            h.send(PUT_MEGA[1 + 2 * i * 20000:])
            good += h.read() == b"OK"
        tap.test(good == 25, kind + ": and those that are finished late are answered", good)
        for h in halves:
            h.close()


def check_stopped(kind):
    """SIGSTOP and SIGCONT: requests wait, and each happens once."""
    with start(kind) as server, server.client(timeout=0.4) as c, server.client() as late:
        server.sigstop()
        try:
            put(c, "k", 1, 2, 3)
            text = "answered"
        except (TimeoutError, OSError) as e:
            text = type(e).__name__
        tap.test(text != "answered", kind + ": a stopped server answers within no deadline", text)
        late.send(b"".join(encode(("RPUSH", "l", i)) + encode(("WEIR.RUN", "m", "", 1, "x", 1, "r%d" % i, -1))
                           for i in range(20)))
        late.send(encode(("WEIR.INFER", "slow", "", 1, "FLOAT", 2, 1, 3, X, 1, 1000)))
        time.sleep(1.3)
        server.sigcont()
        replies = [late.read() for _ in range(41)]
        tap.test(replies[:40:2] == list(range(1, 21)) and replies[1:40:2] == [b"OK"] * 20,
                 kind + ": afterwards all is answered in order", replies)
        tap.test(isinstance(replies[40], list), kind + ": a limit counts from when it was read", replies[40])
        with server.client() as d:
            tap.test(d.call("LLEN", "l") == 20 and wait_for(lambda: d.call("EXISTS", "k"), 5, "the put") == 1,
                     kind + ": once each, that of the client that gave up too")


def check_shrinking_words(kind):
    """The server reads a long word into the buffer of the last long one, and shortens it, which may move
    it, once the command that kept it is over: nothing of ours may still point there."""
    with start(kind) as server, server.client() as c:
        bad = []
        for n in (180000, 10000, 90000, 9000, 600000, 8500):
            value = struct.pack("<f", n) * n
            for words in (("WEIR.PUT", "k", "FLOAT", 1, n, value), ("AI.TENSORSET", "k", "FLOAT", n, "BLOB", value)):
                c.call(*words)
                if c.call("WEIR.GET", "k")[2] != value:
                    bad.append("%s of %d" % (words[0], n))
        tap.test(not bad, kind + ": long words after longer ones stay what they are", *bad)
        set_model(c, "wide", b"mock; in=x:FLOAT[-1]; out=y:FLOAT[-1]; op=echo; delay_us=30000", "NO_WARM_UP", 1)
        for n in (600000, 9000):
            value = struct.pack("<f", n) * n
            got = c.call("WEIR.INFER", "wide", "", 1, "FLOAT", 1, n, value, 1, -1)
            bad += [n] if got[0][2] != value else []
        tap.test(not bad, kind + ": also while a model reads them", *bad)


def check_our_client(kind):
    """Weir's own client while the server stands still for a while, again and again, and is killed once."""
    program = os.path.join(PROGRAMS, "client_loop")
    if not os.access(program, os.X_OK):
        tap.skip(kind + ": our client", "client_loop is not built")
        return
    with start(kind, appendonly="always") as server:
        with subprocess.Popen([program, "unix:" + server.path, "6"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as p:
            p.stdout.readline()
            for _ in range(4):
                server.sigstop()
                time.sleep(0.6)
                server.sigcont()
                time.sleep(0.1)
            stopped = server.call("INFO", "stats")
            server.kill9()
            server.restart()
            text = p.stdout.read()
        lines = text.splitlines()
        counts = dict(zip(lines[-1].split()[::2], map(int, lines[-1].split()[1::2]))) if lines else {}
        tap.test(p.returncode == 0 and counts.get("ok", 0) > 20 and counts.get("unknown", 9) <= 1 and stopped,
                 kind + ": our client over SIGSTOP and kill -9: each answer is right, at most one unknown",
                 text[-1000:])


# ---- servers that die

class Writer(threading.Thread):
    """Puts, runs and appends with numbers, until the server is gone; knows what was acknowledged."""

    def __init__(self, server, who, wait_replica=False):
        super().__init__()
        self.server, self.who, self.wait_replica = server, who, wait_replica
        self.put_done = self.run_done = self.set_done = 0
        self.error = None
        self.start()

    def run(self):
        try:
            with self.server.client() as c:
                n = max(self.put_done, self.run_done)
                while True:
                    n += 1
                    self.round(c, n)
        except (OSError, ConnectionError):
            pass
        except ReplyError as e:
            self.error = str(e)

    def sure(self, c):
        return not self.wait_replica or c.call("WAIT", 1, 2000) >= 1

    def round(self, c, n):
        a, b = "in%d" % self.who, "out%d" % self.who
        c.call("WEIR.PUT", a, "FLOAT", 2, 1, 3, floats(n, n, n))
        if self.sure(c):
            self.put_done = n
        run(c, "m", a, b)
        if self.sure(c):
            self.run_done = n
        big = struct.pack("<f", n) * 60000
        c.call("AI.TENSORSET", "big%d" % self.who, "FLOAT", 60000, "BLOB", big)
        fields = (1, "n", b"\x07" + struct.pack("<Q", len(str(n))) + str(n).encode())
        c.call("WEIR.PUT_DATASET", "{d%d}" % self.who, *fields, 0)
        if self.sure(c):
            self.set_done = n

    def verify(self, c):
        """What is missing; the next write may or may not be there."""
        def first(key):
            reply = c.reply("WEIR.GET", key)
            return struct.unpack_from("<f", reply[2])[0] if isinstance(reply, list) else -1
        bad = []
        for key, done, scale in (("in%d", self.put_done, 1), ("out%d", self.run_done, 2),
                                 ("big%d", self.set_done, 1)):
            got = first(key % self.who)
            if done and not scale * done <= got <= scale * (done + 1):
                bad.append("%s is %r, acknowledged was %r" % (key % self.who, got, scale * done))
        reply = c.reply("WEIR.GET_DATASET", "{d%d}" % self.who)
        got = int(dict(zip(reply[0][::2], reply[0][1::2]))[b"n"][9:]) if isinstance(reply, list) else -1
        if self.set_done and not self.set_done <= got <= self.set_done + 1:
            bad.append("dataset %d is %r, acknowledged was %r" % (self.who, got, self.set_done))
        return bad


DISTURB = {"puts and runs": None, "SAVE": ("SAVE",), "BGSAVE": ("BGSAVE",), "BGREWRITEAOF": ("BGREWRITEAOF",)}


def disturb(server, words, stop):
    try:
        with server.client() as c:
            while not stop.is_set():
                c.reply(*words)
                stop.wait(0.02)
    except (OSError, ConnectionError):
        pass


def check_killed_server(kind, n_kills):
    """Killed at random moments of each occupation; appendfsync always."""
    with start(kind, appendonly="always") as server:
        writers, bad = [], []
        for name, words in DISTURB.items():
            total = 0
            for _ in range(n_kills):
                writers = [Writer(server, i) for i in range(3)]
                stop = threading.Event()
                other = threading.Thread(target=disturb, args=(server, words, stop)) if words else None
                if other:
                    other.start()
                time.sleep(random.uniform(0.05, 0.5))
                server.kill9()
                stop.set()
                for w in writers + ([other] if other else []):
                    w.join(30)
                server.restart()
                with server.client() as c:
                    bad += [b for w in writers for b in w.verify(c)]
                    bad += [w.error for w in writers if w.error]
                    if run(c, "m", "x", "y") != b"OK" or c.call("WEIR.GET", "y")[2] != Y:
                        bad.append("the model does not run")
                total += sum(w.run_done for w in writers)
            tap.test(not bad and total > 0, "%s: killed %d times during %s, all that was acknowledged is there "
                     "(%d rounds)" % (kind, n_kills, name, total), *bad)


def check_killed_primary(kind):
    """During replicated runs: what a replica has acknowledged is there when it is promoted."""
    with start(kind) as primary, start(kind, models=False, replicaof=primary) as replica:
        wait_for(lambda: replica.info("replication").get("master_link_status") == "up", 30, "a linked replica")
        writers = [Writer(primary, i, wait_replica=True) for i in range(3)]
        wait_for(lambda: all(w.run_done > 3 for w in writers), 60, "some rounds")
        time.sleep(random.uniform(0, 0.5))
        primary.kill9()
        for w in writers:
            w.join(30)
        with replica.client() as r:
            r.call("REPLICAOF", "NO", "ONE")
            bad = [b for w in writers for b in w.verify(r)] + [w.error for w in writers if w.error]
            total = sum(w.run_done for w in writers)
            tap.test(not bad and total > 0, "%s: a primary killed during %d replicated rounds loses nothing" %
                     (kind, total), *bad)
            tap.test(run(r, "m", "x", "y") == b"OK" and r.call("WEIR.GET", "y")[2] == Y,
                     kind + ": the promoted replica runs the model")


def keys_by_shard(cluster):
    out = {}
    for i in range(1000):
        out.setdefault(cluster.index_of("k%d" % i), []).append("k%d" % i)
    return [out[i][:20] for i in range(3)]


def check_killed_shard(kind):
    with Cluster(3, replicas=1, kind=kind, module=MODULE, args=["BACKENDSPATH", BACKENDS]) as cluster:
        keys = keys_by_shard(cluster)
        for i, server in enumerate(cluster.primaries):
            with server.client() as c:
                set_model(c, "{%s}m" % keys[i][0], ECHO)
                for n, k in enumerate(keys[i]):
                    put(c, k, n, i, 0)
                put(c, "{%s}x" % keys[i][0], 1, i, 0)
                c.call("WAIT", 1, 5000)
        dead = cluster.primaries[1]
        with dead.client() as c:
            c.send(encode(("WEIR.PUT", keys[1][0], "UINT8", 1, 1 << 20, MEGA))[:5000])
            dead.kill9()
        with cluster.primaries[0].client() as c:
            got = c.reply("WEIR.GET", keys[0][3])
            tap.test(isinstance(got, list) or str(got).startswith("CLUSTERDOWN"),
                     kind + ": the other shards answer while one is dead", got)
        cluster.failover(1, ("TAKEOVER",))
        bad = []
        for i, server in enumerate(cluster.primaries):
            with server.client() as c:
                bad += [k for n, k in enumerate(keys[i]) if c.call("WEIR.GET", k)[2] != floats(n, i, 0)]
                model, x, y = ("{%s}%s" % (keys[i][0], name) for name in "mxy")
                if run(c, model, x, y) != b"OK" or c.call("WEIR.GET", y)[2] != floats(2, 2 * i, 0):
                    bad.append(model)
        tap.test(not bad, kind + ": after the failover all shards have their tensors and models", *bad)


def main():
    if not MODULE or not os.path.exists(MODULE):
        tap.skip_all("the module is not built")
    if not kinds():
        tap.skip_all("no redis-server and no valkey-server: scripts/setup.sh server")
    for kind in kinds():
        check_dying_clients(kind)
        check_half_sent(kind)
        check_shrinking_words(kind)
        check_our_client(kind)
        check_stopped(kind)
        check_killed_server(kind, 2 if SANITIZE else 5)
        check_killed_primary(kind)
        check_killed_shard(kind)
    return tap.done()


sys.exit(main())
