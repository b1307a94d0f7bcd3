#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Where things end: the disk is full, memory is used up, the clock jumps. Writes fail with the server's
own words, nothing that was acknowledged is lost, memory is given back.

usage: st_limits.py; prints TAP. Environment: servers.py. The full disk is a small tmpfs, which needs root.
"""
import mmap
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from resp import encode  # noqa: E402
from servers import MODULE, ReplyError, Server, kinds, tap, wait_for  # noqa: E402

BACKENDS = os.environ.get("WEIR_BACKEND_PATH", "")
ECHO = b"mock; in=x:FLOAT[-1,3]; out=y:FLOAT[-1,3]; op=echo"
WIDE = b"mock; in=x:FLOAT[-1,3]; out=y:FLOAT[%d,1000]; op=echo; delay_us=%d"
X = struct.pack("<3f", 1, 2, 3)
MEGA = 1 << 20


def start(kind, *args, **more):
    server = Server(kind, module=MODULE, args=["BACKENDSPATH", BACKENDS, *args], **more)
    with server.client() as c:
        set_model(c, "m", ECHO)
        c.call("WEIR.PUT", "x", "FLOAT", 2, 1, 3, X)
    return server


def set_model(c, name, text):
    return c.call("WEIR.SET_MODEL", "MODEL", name, 2, "BACKEND", "mock", "NO_WARM_UP", 1, -1, 1, text)


def put(c, i, size):
    return c.reply("WEIR.PUT", "k%d" % i, "UINT8", 1, size, bytes([i % 251]) * size)


def whole(c, i, size):
    reply = c.reply("WEIR.GET", "k%d" % i)
    return isinstance(reply, list) and reply[2] == bytes([i % 251]) * size


# ---- a full disk

class SmallDisk:
    """A tmpfs of so many MiB; None where it can't be mounted."""

    def __init__(self, megabytes):
        self.path = tempfile.mkdtemp(prefix="weir-disk-")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % megabytes, "none", self.path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.mounted = done.returncode == 0

    def fill(self):
        with open(os.path.join(self.path, "ballast"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(65536))
            except OSError:
                pass

    def free(self):
        os.unlink(os.path.join(self.path, "ballast"))

    def __enter__(self):
        return self

    def __exit__(self, *why):
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], check=False)
        shutil.rmtree(self.path, ignore_errors=True)


def fill_up(c, n_most, size):
    """Puts until one fails: how many were acknowledged, and the failure."""
    for i in range(n_most):
        try:
            reply = put(c, i, size)
        except OSError:
            return i, "closed"
        if reply != b"OK":
            return i, str(reply)
    return n_most, "all went"


def check_disk_rdb(kind, disk):
    with start(kind, parent=disk.path, config=["save 3600 1000000"]) as server, server.client() as c:
        disk.fill()
        put(c, 0, MEGA)
        c.call("BGSAVE")
        wait_for(lambda: b"rdb_last_bgsave_status:err" in c.call("INFO", "persistence"), 20, "a failed save")
        for words in (("WEIR.PUT", "y", "FLOAT", 2, 1, 3, X), ("WEIR.RUN", "m", "", 1, "x", 1, "y", -1),
                      ("AI.TENSORSET", "y", "FLOAT", 1, "VALUES", 1),
                      ("AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "OUTPUTS", 1, "y"),
                      ("WEIR.TAKE", "x", 0)):
            got = str(c.reply(*words))
            tap.test(got.startswith("MISCONF"), "%s, a disk too full to save: %s is refused" %
                     (kind, words[0]), got)
        tap.test(c.call("EXISTS", "y") == 0 and whole(c, 0, MEGA) and isinstance(
            c.call("WEIR.INFER", "m", "", 1, "FLOAT", 2, 1, 3, X, 1, -1), list),
            kind + ", a disk too full to save: reading and inferring go on")
        disk.free()
        c.call("SAVE")
        tap.test(put(c, 1, 100) == b"OK", kind + ": with room again, writes go on")
        server.kill9()
        server.restart()
        with server.client() as again:
            tap.test(whole(again, 0, MEGA), kind + ": and what was saved is loaded")


def check_disk_aof(kind, disk, how):
    """everysec: refused until there is room. always: the server ends rather than break its promise."""
    name = "%s, full disk, appendfsync %s" % (kind, how)
    size = 100000
    with start(kind, parent=disk.path, appendonly=how, config=["auto-aof-rewrite-percentage 0"]) as server:
        with server.client() as c:
            n, text = fill_up(c, 1000, size)
        tap.test(20 < n < 1000 and text.startswith(("MISCONF", "closed")), name + ": a put fails", n, text)
        disk_full = disk.path  # room: the server's own folder is on it
        subprocess.run(["mount", "-o", "remount,size=64m", disk_full], check=True)
        if how == "always":
            wait_for(lambda: not server.running(), 20, "the end of the server")
            server.restart()
        with server.client() as c:
            wait_for(lambda: put(c, n, size) == b"OK", 30, "a put that goes again")
            bad = [i for i in range(n + 1) if not whole(c, i, size)]
            tap.test(not bad, name + ": all that was acknowledged is there", bad[:9])
            time.sleep(1.5 if how == "everysec" else 0)
        server.kill9()
        server.restart()
        with server.client() as c:
            bad = [i for i in range(n + 1) if not whole(c, i, size)]
            tap.test(not bad and c.call("WEIR.RUN", "m", "", 1, "x", 1, "y", -1) == b"OK",
                     name + ": and after a restart", bad[:9])


def check_disk(kind):
    for check in (lambda d: check_disk_rdb(kind, d), lambda d: check_disk_aof(kind, d, "everysec"),
                  lambda d: check_disk_aof(kind, d, "always")):
        with SmallDisk(8) as disk:
            if not disk.mounted:
                tap.skip(kind + ": a full disk", "a small tmpfs can't be mounted (not root?)")
                return
            check(disk)


# ---- memory

def check_noeviction(kind):
    with start(kind, "KEEP_BYTES", 0) as server, server.client() as c, server.client() as other:
        set_model(c, "wide", WIDE % (5000, 400000))  # 20 MB out of a run of 0.4 s
        base = int(server.info()["used_memory"])
        c.call("CONFIG", "SET", "maxmemory", base + 30 * MEGA)
        n, text = fill_up(c, 100, MEGA)
        tap.test(20 < n < 40 and text.startswith("OOM command not allowed when used memory > 'maxmemory'"),
                 kind + ": maxmemory refuses a put", n, text)
        c.call("CONFIG", "SET", "maxmemory", base + 10 * MEGA)  # the words of that put are gone again
        for words in (("WEIR.RUN", "m", "", 1, "x", 1, "y", -1), ("WEIR.SET_MODEL", "MODEL", "n", 0, -1, 1, ECHO),
                      ("WEIR.COPY", "TENSOR", "x", "y"), ("AI.TENSORSET", "y", "FLOAT", 1, "VALUES", 1),
                      ("AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "OUTPUTS", 1, "y")):
            got = str(c.reply(*words))
            tap.test(got.startswith("OOM"), "%s: and %s" % (kind, words[0]), got)
        tap.test(whole(c, 0, MEGA) and isinstance(c.reply("WEIR.INFER", "m", "", 1, "FLOAT", 2, 1, 3, X, 1, -1),
                                                  list), kind + ": reading and inferring go on")
        tap.test(c.call("WEIR.DEL", "TENSOR", "k0") == b"OK" and c.call("WEIR.TAKE", "k1", 0)[0] == b"UINT8",
                 kind + ": so do deleting and taking")
        for i in range(2, n):
            c.call("DEL", "k%d" % i)
        c.call("CONFIG", "SET", "maxmemory", base + 30 * MEGA)
        for words, failure in ((("WEIR.RUN", "wide", "", 1, "x", 1, "y", -1), "ERR_FULL"),
                               (("AI.MODELEXECUTE", "wide", "INPUTS", 1, "x", "OUTPUTS", 1, "y"), "ERR")):
            got = []
            t = threading.Thread(target=lambda w=words, g=got: g.append(str(other.reply(*w))))
            t.start()
            wait_for(lambda: b"blocked_clients:1" in c.call("INFO", "clients"), 10, "a run: %s" % got)
            fill_up(c, 100, MEGA)
            c.call("CONFIG", "SET", "maxmemory", base + 20 * MEGA)
            t.join(30)
            tap.test(got and got[0].startswith(failure) and c.call("EXISTS", "y") == 0,
                     "%s: %s whose result does not fit fails and leaves nothing" % (kind, words[0]), got)
            for i in range(n + 5):
                c.call("DEL", "k%d" % i)
            c.call("CONFIG", "SET", "maxmemory", base + 30 * MEGA)
        c.call("CONFIG", "SET", "maxmemory", 0)
        tap.test(c.call("WEIR.RUN", "m", "", 1, "x", 1, "y", -1) == b"OK", kind + ": with room again it goes on")
        used = wait_for(lambda: int(server.info()["used_memory"]) < base + 25 * MEGA, 10, "memory to come back")
        tap.test(used, kind + ": memory is given back")


def check_lru(kind):
    with start(kind, "KEEP_BYTES", 4 * MEGA) as server, server.client() as c:
        base, resident = int(server.info()["used_memory"]), server.memory()
        most = base + 40 * MEGA
        c.call("CONFIG", "SET", "maxmemory", most)
        c.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        set_model(c, "wide", WIDE % (250, 0))  # 1 MB of the engine's memory, not of the server's strings
        highest = 0
        for i in range(600):
            c.reply("WEIR.PUT", "x", "FLOAT", 2, 1, 3, X)
            if i % 2:
                put(c, i, MEGA)
            elif str(c.reply("WEIR.RUN", "wide", "", 1, "x", 1, "r%d" % i, -1)).startswith("ERR_KEY"):
                set_model(c, "wide", WIDE % (250, 0))  # models are evicted like any key
            highest = max(highest, int(server.info("memory")["used_memory"]))
        info = server.info()
        tap.test(int(info["evicted_keys"]) > 300 and highest < most + 6 * MEGA,
                 kind + ": allkeys-lru evicts tensors, results and models", info["evicted_keys"], highest, most)
        got = [k for k in c.call("KEYS", "*") if c.call("TYPE", k) == b"AI_TENSOR"]
        total = sum(c.call("MEMORY", "USAGE", k) for k in got)
        tap.test(total < 42 * MEGA, kind + ": what is left fits", total)
        grown = server.memory() - resident
        tap.test(grown < (600 if os.environ.get("WEIR_SANITIZE") else 120) * MEGA, kind + ": the process has not grown beyond it", grown)
        c.call("CONFIG", "SET", "maxmemory", 0)
        c.call("FLUSHALL")
        wait_for(lambda: int(server.info()["used_memory"]) < base + 6 * MEGA, 10, "memory after FLUSHALL")
        tap.test(True, kind + ": FLUSHALL gives all of it back")


# ---- the clock

SHIFTED = b"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile long *seconds;
static long shift(void)
{
    if (seconds == NULL) {
        int fd = open(getenv("CLOCK_SHIFT_FILE"), O_RDONLY);
        void *p = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
        seconds = p;
    }
    return *seconds;
}
int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int r = real(id, t);
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
        t->tv_sec += shift();
    return r;
}
int gettimeofday(struct timeval *t, void *zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}
"""


class Clock:
    """A library to be preloaded that shifts the wall clock by the seconds in a file; the monotonic clock,
    which no jump of a system's clock moves, stays."""

    def __init__(self, folder):
        self.library, self.file = os.path.join(folder, "clock.so"), os.path.join(folder, "shift")
        subprocess.run([os.environ.get("WEIR_CC", "gcc"), "-shared", "-fPIC", "-x", "c", "-", "-o", self.library,
                        "-ldl"], input=SHIFTED, check=True)
        with open(self.file, "wb") as f:
            f.write(bytes(8))
        with open(self.file, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), 8)
        self.env = {"LD_PRELOAD": self.library, "CLOCK_SHIFT_FILE": self.file}

    def jump(self, seconds):
        self.memory[:8] = struct.pack("<q", seconds)


def jumped(server, clock, seconds, words, wait=0.1):
    """The reply to a command during which the clock jumps, and how long it took."""
    with server.client() as c:
        begun = time.monotonic()
        c.send(encode(words))
        time.sleep(wait)
        clock.jump(seconds)
        return c.read(), time.monotonic() - begun


def check_clock(kind):
    folder = tempfile.mkdtemp(prefix="weir-clock-")
    try:
        clock = Clock(folder)
        with start(kind, env=clock.env) as server:
            before = int(server.call("TIME")[0])
            with server.client() as c:
                set_model(c, "slow", ECHO + b"; delay_us=500000")
            infer = ("WEIR.INFER", "slow", "", 1, "FLOAT", 2, 1, 3, X, 1)
            for seconds in (3600, -3600, 0):
                got, _ = jumped(server, clock, seconds, infer + (5000,))
                tap.test(isinstance(got, list), "%s: a run with a limit of 5 s survives a jump to %d s" %
                         (kind, seconds), got)
                got, took = jumped(server, clock, -seconds, infer + (200,))
                tap.test(str(got).startswith("ERR_TIMEOUT") and took < 2,
                         "%s: one with a limit of 0.2 s still ends, %d s" % (kind, -seconds), got, took)
                clock.jump(seconds)
                tap.test(abs(int(server.call("TIME")[0]) - before - seconds) < 60, "%s: (the server sees it)" % kind)
            threading.Timer(0.5, lambda: server.call("WEIR.PUT", "late", "FLOAT", 2, 1, 3, X)).start()
            got, took = jumped(server, clock, -3600, ("WEIR.POLL", "TENSOR", "late", "ANY", 0, 20000))
            tap.test(got == 1 and took < 5, kind + ": a poll is ended by the put, an hour back", got, took)
            clock.jump(0)
            got, took = jumped(server, clock, 3600, ("WEIR.POLL", "TENSOR", "never", "ANY", 0, 20000))
            print("# %s: a poll of 20 s during which the clock goes an hour forward: %r after %.1f s" %
                  (kind, got, took))
            tap.test(got == 0, kind + ": a poll that the jump ends says that nothing came")
            with server.client() as c:
                c.call("WEIR.PUT", "short", "FLOAT", 2, 1, 3, X)
                c.call("EXPIRE", "short", 1800)
                clock.jump(7200)
                tap.test(isinstance(c.reply("WEIR.GET", "short"), ReplyError) and
                         c.call("WEIR.GET", "x")[2] == X, kind + ": the server's EXPIRE follows the wall clock")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    if not MODULE or not os.path.exists(MODULE):
        tap.skip_all("the module is not built")
    if not kinds():
        tap.skip_all("no redis-server and no valkey-server: scripts/setup.sh server")
    for kind in kinds():
        check_disk(kind)
        check_noeviction(kind)
        check_lru(kind)
        if os.environ.get("WEIR_SANITIZE"):
            tap.skip(kind + ": the clock", "its library and a sanitizer's don't mix")
        else:
            check_clock(kind)
    return tap.done()


sys.exit(main())
