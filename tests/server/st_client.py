#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Our client against real servers: the client's own tests over TCP, a Unix socket, TLS and a cluster of
three, a Fortran program, passwords, and servers that die. Prints TAP.

usage: st_client.py; environment: servers.py.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import MODULE, Certificates, Cluster, Server, kinds_or_skip, tap  # noqa: E402

PROGRAMS = os.environ.get("WEIR_TEST_PROGRAMS", "")
BACKENDS = os.environ.get("WEIR_BACKEND_PATH", "")
CLIENT_TESTS = ("ut_client", "ut_models", "ut_requests", "ut_client_threads", "ut_bad_input",
                "ut_alloc_failure")
FORTRAN_TESTS = ("ut_fortran_dataset", "ut_fortran_client", "ut_fortran_kinds", "ut_fortran_model",
                 "ut_fortran_request", "ut_fortran_errors")
LINE = re.compile(r"^(ok|not ok) \d+\s*-?\s*(.*)$")
ARGS = {"module": MODULE, "args": ["BACKENDSPATH", BACKENDS]}


def program(name):
    """A test program that was built, or None."""
    path = os.path.join(PROGRAMS, name)
    return path if os.path.exists(path) else None


def run(name, env, *words, seconds=240):
    """Runs a program; gives its status and what it said."""
    path = program(name)
    done = subprocess.run([path, *words], env={**os.environ, **env}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=seconds, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def run_tests(where, name, env):
    """Each test of a program as one of ours."""
    if program(name) is None:
        tap.skip("%s: %s" % (where, name), "it was not built")
        return
    status, text = run(name, env)
    n_bad = 0
    for line in text.splitlines():
        found = LINE.match(line)
        if not found or not found.group(2) or found.group(2) == "tests":
            continue
        if "# SKIP " in line:  # cmocka writes "not ok 3 # SKIP name"
            tap.skip("%s: %s" % (where, line.split("# SKIP ")[1]), "embedded only")
            continue
        n_bad += found.group(1) != "ok"
        tap.test(found.group(1) == "ok", "%s: %s: %s" % (where, name, found.group(2)),
                 text if found.group(1) != "ok" else "")
    if status != 0 and n_bad == 0:
        tap.test(False, "%s: %s ends well" % (where, name), status, text[-3000:])


def check_programs(where, address, servers, names, **more):
    for name in names:
        for server in servers:
            server.call("FLUSHALL")
        # Fortran programs get it as every user's program does
        variable = "WEIR_ADDRESS" if name in FORTRAN_TESTS else "WEIR_TEST_ADDRESS"
        run_tests(where, name, {variable: address, **more})


def check_passwords(kind):
    with Server(kind, password="a secret", **ARGS) as server:
        address = "redis://127.0.0.1:%d" % server.port
        status, text = run("client_loop", {}, address, "1")
        tap.test(status != 0 and "wants a password" in text, kind + ": a password is asked for",
                 text)
        status, text = run("client_loop", {"WEIR_PASSWORD": "wrong one"}, address, "1")
        tap.test(status != 0 and "did not accept who we are" in text and "wrong one" not in text,
                 kind + ": a wrong one is refused and not shown", text)
        status, text = run("client_loop", {"WEIR_PASSWORD": "a secret"}, address, "1")
        tap.test(status == 0, kind + ": the right one opens", text)
        status, text = run("client_loop", {}, "redis://:a%20secret@127.0.0.1:" +
                           str(server.port), "1")
        tap.test(status == 0, kind + ": in the address too", text)


def check_tls(kind):
    with tempfile.TemporaryDirectory() as folder:
        certificates = Certificates(folder)
        with Server(kind, tls=certificates, **ARGS) as server:
            base = "rediss://127.0.0.1:%d" % server.tls_port
            status, text = run("client_loop", {}, base + "?ca=" + certificates.ca, "1")
            if "built without TLS" in text:
                tap.skip(kind + ": TLS", "built without it")
                return
            tap.test(status == 0, kind + ": TLS with the authority's file", text)
            status, text = run("client_loop", {"WEIR_TLS_CA": certificates.ca}, base, "1")
            tap.test(status == 0, kind + ": the same from the environment", text)
            status, text = run("client_loop", {}, base, "1")
            tap.test(status != 0 and "certificate" in text,
                     kind + ": an unknown authority is refused", text)
            status, text = run("client_loop", {}, base + "?verify=no", "1")
            tap.test(status == 0, kind + ": verify=no", text)
            status, text = run("client_loop", {"SR_CONN_TIMEOUT": "1"},
                               "rediss://127.0.0.1:%d?ca=%s" % (server.port, certificates.ca),
                               "1")
            tap.test(status != 0 and "is that its TLS port" in text, kind + ": no TLS at that port", text)
            check_programs(kind + " TLS", base + "?ca=" + certificates.ca, [server],
                           ("ut_client", "ut_requests"))


def check_one(kind):
    with Server(kind, **ARGS) as server:
        check_programs(kind + " TCP", "redis://localhost:%d" % server.port, [server],
                       CLIENT_TESTS + FORTRAN_TESTS)
        check_programs(kind + " Unix", "unix:" + server.path, [server], CLIENT_TESTS)
        status, text = run("client_loop", {"SSDB": "127.0.0.1:%d" % server.port,
                                           "SR_DB_TYPE": "Standalone"}, "", "1")
        tap.test(status == 0, kind + ": SmartRedis's environment is enough", text)
    with Server(kind) as server:
        status, text = run("client_loop", {}, "unix:" + server.path, "1")
        tap.test("has no Weir module: start it with --loadmodule" in text,
                 kind + ": a server without the module is told apart", text[-2000:])


def loop_while(address, seconds, act):
    """client_loop for some seconds, during which `act` is called."""
    with subprocess.Popen([program("client_loop"), address, str(seconds)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
        p.stdout.readline()
        time.sleep(0.3)
        act()
        text = p.stdout.read()
    return p.returncode, text


def check_restart(kind):
    with Server(kind, appendonly="always", **ARGS) as server:
        def act():
            server.kill9()
            time.sleep(0.2)
            server.start()
        status, text = loop_while("redis://127.0.0.1:%d" % server.port, 6, act)
        found = re.search(r"ok (\d+) unknown (\d+)", text)
        tap.test(status == 0 and found and int(found.group(1)) > 100 and int(found.group(2)) <= 2,
                 kind + ": a server is killed and comes back: nothing wrong, at most two unknown",
                 text)


def check_cluster(kind):
    with Cluster(3, kind=kind, **ARGS) as cluster:
        address = "redis://127.0.0.1:%d" % cluster.primaries[1].port
        check_programs(kind + " cluster", address, cluster.primaries,
                       CLIENT_TESTS + FORTRAN_TESTS, WEIR_TEST_CLUSTER="1")


def check_failover(kind):
    with Cluster(3, replicas=1, kind=kind, **ARGS) as cluster:
        address = ",".join("127.0.0.1:%d" % s.port for s in cluster.primaries)

        def switch():
            cluster.failover(1)

        def kill():
            cluster.primaries[2].kill9()
            cluster.failover(2, how=("TAKEOVER",))
        status, text = loop_while("redis://" + address, 6, switch)
        tap.test(status == 0, kind + ": a shard is handed over: nothing fails", text)
        status, text = loop_while("redis://" + address, 12, kill)
        tap.test(" wrong 0" in text and " failed 0" in text and
                 int(re.search(r"unknown (\d+)", text).group(1)) <= 2,
                 kind + ": a primary is killed: its replica's place is found", text)


def main():
    found = kinds_or_skip()
    for kind in found:
        check_one(kind)
        check_passwords(kind)
        check_tls(kind)
        check_restart(kind)
        check_cluster(kind)
    check_failover(found[0])
    tap.done()


main()
