#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The harness itself, on plain servers without a module: what servers.py promises to the other tests of
this folder. Prints TAP.
"""
import os
import shutil
import subprocess
import tempfile

from servers import (Certificates, Cluster, ReplyError, Resp, Server, ServerError, hash_slot, kinds,
                     tap, wait_for)

KEY, VALUE = b"a\0b\r\n{\xff}", bytes(range(256)) * 5


def check_parser(server):
    with server.client() as c:
        tap.test(c.call("SET", KEY, VALUE) == b"OK" and c.call("GET", KEY) == VALUE,
                 "binary keys and values go and come")
        tap.test(c.raw("GET", KEY) == b"$1280\r\n" + VALUE + b"\r\n" and
                 c.raw("GET", "none") == b"$-1\r\n" and c.raw("PING") == b"+PONG\r\n",
                 "raw gives the bytes of a reply")
        got = c.pipeline([("SET", "k", "1"), ("INCR", "k"), ("INCR", KEY), ("LRANGE", "l", 0, -1),
                          ("GET", "none"), ("PING",)])
        tap.test(got[:2] == [b"OK", 2] and isinstance(got[2], ReplyError) and
                 got[3:] == [[], None, b"PONG"], "a pipeline gives replies in order", got)
        try:
            c.call("NOSUCH")
            tap.test(False, "an error reply is raised")
        except ReplyError as e:
            tap.test(e.text.startswith(b"ERR unknown command"), "an error reply is raised", e)
        big = os.urandom(1 << 24)
        c.call("SET", "big", big)
        tap.test(c.call("GET", "big") == big, "16 MB go and come")
        c.call("DEL", "big")
    with server.client(timeout=0.2) as c:
        c.send(b"*1\r\n$4\r\nPI")
        try:
            c.read()
            tap.test(False, "waiting for a reply ends")
        except TimeoutError:
            c.send(b"NG\r\n")
            tap.test(c.read() == b"PONG", "waiting for a reply ends, half a command can go on")


def check_process(server):
    with server.client(tcp=True) as tcp, server.client() as unix:
        tcp.call("SET", "by", "tcp")
        tap.test(unix.call("GET", "by") == b"tcp", "TCP and Unix socket reach the same server")
        tap.test(server.memory() > 1 << 20 and int(server.proc("Threads")) >= 1,
                 "memory and threads can be read", server.memory())
        server.sigstop()
        unix.timeout = 0.2
        try:
            unix.call("PING")
            stood = False
        except TimeoutError:
            stood = True
        server.sigcont()
        unix.timeout = 20
        tap.test(stood and unix.read() == b"PONG", "a stopped server answers after going on")
    folder = server.folder
    server.stop()
    tap.test(server.status == 0 and not server.running() and os.path.isdir(folder),
             "stop waits for its end", server.status)
    server.remove()
    tap.test(not os.path.exists(folder), "its folder is removed")


def check_failures(kind):
    try:
        Server(kind, config=["no-such-line yes"]).remove()
        tap.test(False, "a server that cannot start raises")
    except ServerError as e:
        tap.test("no-such-line" in str(e), "a server that cannot start raises with its log", e)
    try:
        Server(kind, module="/nonexistent/module.so", sanitize="").remove()
        tap.test(False, "a module that is missing raises")
    except ServerError as e:
        tap.test("/nonexistent/module.so" in str(e), "a missing module raises with the log", e)
    with Server(kind, start=False) as server:
        server.launch()
        server.wait_ready()
        server.kill9()
        tap.test(server.status == -9, "kill9 kills", server.status)
        with open(server.log_path, "ab") as f:
            f.write(b"WARNING: ThreadSanitizer: data race\n")
        try:
            server.check_reports()
            tap.test(False, "a sanitizer's report is found")
        except ServerError as e:
            tap.test("data race" in str(e), "a sanitizer's report is found", e)
        os.truncate(server.log_path, 0)


def check_persistence(kind):
    with Server(kind, appendonly="always") as server:
        with server.client() as c:
            for i in range(50):
                c.call("SET", "k%d" % i, b"\0%d" % i)
        port, server_pid = server.port, server.pid
        server.kill9()
        server.restart()
        tap.test([server.call("GET", "k%d" % i) for i in range(50)] ==
                 [b"\0%d" % i for i in range(50)], "appendonly always survives kill -9")
        tap.test(server.port == port and server.pid != server_pid, "a restart keeps the address")
    with Server(kind) as server:
        server.call("SET", KEY, VALUE)
        server.restart(save=True)
        tap.test(server.call("GET", KEY) == VALUE, "a restart with save keeps the data")


def check_replica(kind):
    with Server(kind) as first, Server(kind, replicaof=first) as second:
        first.call("SET", KEY, VALUE)
        wait_for(lambda: second.info("replication").get("master_link_status") == "up", 20, "a link")
        wait_for(lambda: second.call("GET", KEY) == VALUE, 20, "the value on the replica")
        tap.test(second.call("ROLE")[0] == b"slave", "a replica follows")
        first.kill9()
        second.call("REPLICAOF", "NO", "ONE")
        tap.test(second.call("ROLE")[0] == b"master" and second.call("GET", KEY) == VALUE,
                 "a replica can be promoted")


def check_access(kind):
    with Server(kind, password="se cret") as server:
        with Resp(server.path) as c:
            tap.test(c.raw("GET", "k").startswith(b"-NOAUTH"), "a password is required")
        tap.test(server.call("SET", "k", "v") == b"OK", "clients of the harness know it")
    if shutil.which("openssl") is None:
        tap.skip("TLS", "no openssl program")
        return
    with tempfile.TemporaryDirectory() as folder:
        certificates, wrong = Certificates(folder), os.path.join(folder, "other")
        os.mkdir(wrong)
        with Server(kind, tls=certificates) as server:
            with server.client(tls=True) as c:
                tap.test(c.call("SET", KEY, VALUE) == b"OK" and server.call("GET", KEY) == VALUE,
                         "TLS carries commands")
            try:
                Resp(("127.0.0.1", server.tls_port), tls=Certificates(wrong)).close()
                tap.test(False, "another authority's certificate is refused")
            except OSError as e:
                tap.test("CERTIFICATE_VERIFY_FAILED" in str(e),
                         "another authority's certificate is refused", e)


def check_cluster(kind):
    with Cluster(3, replicas=1, kind=kind) as cluster:
        tap.test(cluster.ranges == [(0, 5460), (5461, 10922), (10923, 16383)],
                 "three shards have the usual slots", cluster.ranges)
        keys = [b"{\0\0}.m", b"{8M}.m", b"{\xed\xeb}.m"]
        tap.test([hash_slot(k) for k in keys] == [0, 5461, 10923] and hash_slot("123456789") == 12739
                 and hash_slot("{}x") == cluster.primaries[0].call("CLUSTER", "KEYSLOT", "{}x"),
                 "slots are the server's", [hash_slot(k) for k in keys])
        for i, key in enumerate(keys):
            cluster.call("SET", key, b"v%d" % i)
        tap.test([s.call("DBSIZE") for s in cluster.primaries] == [1, 1, 1] and
                 [cluster.call("GET", k) for k in keys] == [b"v0", b"v1", b"v2"],
                 "each shard has its key")
        with cluster.primaries[0].client() as c:
            tap.test(c.raw("GET", keys[1]) ==
                     b"-MOVED 5461 127.0.0.1:%d\r\n" % cluster.primaries[1].port,
                     "the wrong shard says MOVED")
        old = cluster.primaries[1]
        new = cluster.failover(1)
        tap.test(new is cluster.primaries[1] and new is not old and
                 new.call("GET", keys[1]) == b"v1", "a failover in good order")
        cluster.primaries[2].kill9()
        new = cluster.failover(2, how=("TAKEOVER",))
        tap.test(new.call("GET", keys[2]) == b"v2", "a takeover after kill -9")


def planted(folder, *flags):
    """The module of planted.c."""
    path = os.path.join(folder, "planted.so")
    subprocess.run([os.environ.get("WEIR_CC", "gcc"), "-g", "-shared", "-fPIC", *flags,
                    os.path.join(os.path.dirname(os.path.abspath(__file__)), "planted.c"), "-o", path],
                   check=True)
    return path


def found(kind, module, defect, sanitize="", **more):
    """What is reported of the defect."""
    try:
        with Server(kind, module=module, args=[defect], sanitize=sanitize, **more) as server:
            server.call("SET", KEY, VALUE)
            server.stop()
            return server.log()
    except ServerError as e:
        return str(e)


def check_sanitizers(kind):
    with tempfile.TemporaryDirectory() as folder:
        for sanitize, defect, mark in (("address,undefined", "overflow", "heap-buffer-overflow"),
                                       ("thread", "race", "data race")):
            module = planted(folder, "-fsanitize=" + sanitize)
            said = found(kind, module, "none", sanitize)
            tap.test("Sanitizer" not in said and "loaded" in said,
                     "a good module runs with -fsanitize=" + sanitize, said[-2000:])
            said = found(kind, module, defect, sanitize)
            tap.test(mark in said and "planted.c" in said, "a planted %s is found" % defect, said[:2000])
        if shutil.which("valgrind") is None:
            tap.skip("valgrind", "no valgrind")
            return
        said = found(kind, planted(folder), "overflow", wrapper=["valgrind", "-q"])
        tap.test("Invalid write" in said and "planted.c" in said, "valgrind finds it too", said[-2000:])


def main():
    if not kinds():
        tap.skip_all("neither redis-server nor valkey-server: run scripts/setup.sh server")
    for kind in ("redis", "valkey"):
        if kind not in kinds():
            tap.skip("the harness on " + kind, "no %s-server" % kind)
            continue
        print("# " + kind)
        with Server(kind) as server:
            check_parser(server)
            check_process(server)
        for check in (check_failures, check_persistence, check_replica, check_access, check_sanitizers,
                      check_cluster):
            check(kind)
    tap.done()


main()
