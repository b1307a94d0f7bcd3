#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What users run, over servers by an address alone: the lesson that does not care where it runs, and
the program `weir`: info, bench, serve. Prints TAP.

usage: st_programs.py; environment: servers.py.
"""
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import MODULE, Cluster, Resp, Server, kinds_or_skip, program, tap, wait_for  # noqa: E402

BIN = os.path.join(os.environ.get("WEIR_BINARY_DIR", ""), "bin")
WEIR = os.path.join(BIN, "weir")
ARGS = {"module": MODULE, "args": ["BACKENDSPATH", os.environ.get("WEIR_BACKEND_PATH", "")]}
LESSON_ANSWER = "1060500"


def run(*words, seconds=120, **env):
    """Status, what it said, what it complained of."""
    done = subprocess.run(words, env={**os.environ, **env}, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


def check_lesson(where, address, servers):
    for name in ("05_by_address", "05_by_address_f"):
        path = os.path.join(BIN, "examples", name)
        if not os.path.exists(path):
            tap.skip("%s: lesson %s" % (where, name), "it was not built")
            continue
        status, text, said = run(path, WEIR_ADDRESS=address)
        tap.test(status == 0 and re.search(r"^answer: *%s$" % LESSON_ANSWER, text, re.M),
                 "%s: lesson %s gives its answer" % (where, name), text, said)
        faster = re.search(r"^(\d+) times faster", text, re.M)
        tap.test(faster and int(faster.group(1)) >= 5,
                 "%s: one dataset is many times faster than a hundred puts" % where, text)
        left = [key for server in servers for key in server.call("KEYS", "*mooring*")]
        tap.test(left == [], "%s: it leaves nothing behind" % where, left)


def check_info(where, address, servers, kind):
    status, text, said = run(WEIR, "info", "--address", address, "--json")
    if not tap.test(status == 0, where + ": weir info --address", text, said):
        return
    told = json.loads(text)
    version = run(WEIR, "--version")[1].split()[1]
    own = [s.info("server")[kind + "_version"] for s in servers]
    tap.test([s["kind"] for s in told["servers"]] == [kind] * len(servers) and
             [s["version"] for s in told["servers"]] == own and
             {s["weir"] for s in told["servers"]} == {version},
             where + ": it names the servers, their versions and Weir's", told["servers"], own)
    tap.test({b["name"] for b in told["backends"] if b["present"]} >= {"mock"},
             where + ": the backends of its models", told["backends"])
    before = told["statistics"]["put.calls"]
    status, text, said = run(WEIR, "bench", "--address", address, "--runs", "1")
    head = text.splitlines()[0] if text else ""
    tap.test(status == 0 and kind in head and own[0] in head and
             re.search(r"- +exists .*1 KB +put.*16 MB +get.*infer", text, re.S),
             where + ": weir bench --address measures there", text, said)
    left = [key for server in servers for key in server.call("KEYS", "*")]
    tap.test(left == [], where + ": and takes away what it put", left)
    status, text, said = run(WEIR, "info", WEIR_ADDRESS=address, *["--address", ""])
    tap.test(status == 0 and re.search(r"^  put.calls +\d", text, re.M) and
             "  exists.errors" not in text and "backends there" in text,
             where + ": as text, by WEIR_ADDRESS, without the zeros", text, said)
    after = json.loads(run(WEIR, "info", "--address", address, "--json")[1])["statistics"]
    tap.test(after["put.calls"] > before, where + ": statistics count what bench did", before, after)


def has_ended(pid):
    """Also when nobody has asked for its status yet."""
    try:
        return os.readlink("/proc/%d/exe" % pid) == ""
    except OSError:
        return True


def serve(kind, folder, *words, **env):
    return run(WEIR, "redis", "--server", program(kind), "--folder", folder, *words, **env)


def check_serve(kind, environment):
    with tempfile.TemporaryDirectory() as top:
        folder = os.path.join(top, "own")
        status, text, said = serve(kind, folder, "--background", **environment)
        address = "unix:" + os.path.join(os.path.realpath(folder), "socket")
        if not tap.test(status == 0 and text == "export WEIR_ADDRESS=%s\n" % address,
                        kind + ": weir redis prints its address for the shell", text, said):
            return
        path = address[5:]
        modes = [stat.S_IMODE(os.stat(p).st_mode) for p in (folder, path, path[:-6] + "log")]
        tap.test(modes == [0o700, 0o700, 0o600], kind + ": nobody else may enter", modes)
        with Resp(path) as c:
            tap.test(c.call("CONFIG", "GET", "port")[1] == b"0" and
                     c.call("CONFIG", "GET", "save")[1] == b"" and
                     c.call("CONFIG", "GET", "appendonly")[1] == b"no",
                     kind + ": no network, nothing on disk")
            pid = int(re.search(rb"process_id:(\d+)", c.call("INFO", "server")).group(1))
            memory = c.call("MEMORY", "MALLOC-STATS").decode()
            if "jemalloc" in memory:
                tap.test(re.search(r"opt.dirty_decay_ms: -1\b.*opt.muzzy_decay_ms: -1\b", memory, re.S),
                         kind + ": with the memory settings that docs advise", memory[:3000])
        status, text, said = run(WEIR, "info", "--address", address)
        tap.test(status == 0, kind + ": it answers", text, said)
        status, text, said = serve(kind, folder, "--background", **environment)
        tap.test(status == 1 and address in said, kind + ": one server works in a folder", text, said)
        status, text, said = run(WEIR, "redis", "--stop", "--folder", folder)
        tap.test(status == 0 and has_ended(pid) and os.listdir(folder) == [],
                 kind + ": --stop ends it and leaves no file", text, said, os.listdir(folder))
        check_serve_in_front(kind, folder, environment)
        status, text, said = serve(kind, folder, "--background", "--", "--bogus", "1", **environment)
        tap.test(status == 1 and text == "" and "did not start" in said and "bogus" in said,
                 kind + ": a server that does not start says why", text, said)


def check_serve_in_front(kind, folder, environment):
    """Until Ctrl-C; with the server's own options, and data that stay."""
    words = (WEIR, "redis", "--server", program(kind), "--folder", folder, "--", "--appendonly", "yes")
    for what in ("signal", "death"):
        with subprocess.Popen(words, env={**os.environ, **environment}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            try:
                address = p.stdout.readline().partition("=")[2].strip()
                with Resp(address[5:]) as c:
                    had = c.call("GET", "k")
                    c.call("SET", "k", what)
                    pid = int(re.search(rb"process_id:(\d+)", c.call("INFO", "server")).group(1))
                p.send_signal(signal.SIGINT if what == "signal" else signal.SIGKILL)
                p.wait(60)
            except BaseException:
                p.kill()
                raise
            if what == "signal":
                tap.test(p.returncode == 0 and has_ended(pid) and
                         os.listdir(folder) == ["appendonlydir"],
                         kind + ": Ctrl-C ends it, data that it was told to keep stay",
                         p.returncode, p.stderr.read(), os.listdir(folder))
            else:
                wait_for(lambda: has_ended(pid), 30, "the server's end")
                tap.test(had == b"signal", kind + ": they are back; and it ends with weir's own end",
                         had)


def check_eval():
    """As the manual page has it."""
    with tempfile.TemporaryDirectory() as top:
        status, text, said = run(
            "bash", "-ec", "eval $(weir redis --background); weir info --address $WEIR_ADDRESS; "
            "weir redis --stop", XDG_RUNTIME_DIR=top, PATH=BIN + ":" + os.environ["PATH"])
        tap.test(status == 0 and "statistics" in text and os.listdir(top) == [],
                 "a shell takes the address, asks there, and ends the server", text, said)


def main():
    found = kinds_or_skip()
    for kind in found:
        with Server(kind, **ARGS) as server:
            check_lesson(kind, "unix:" + server.path, [server])
            check_info(kind, "unix:" + server.path, [server], kind)
            environment = {k: server.env[k] for k in ("LD_LIBRARY_PATH", "LD_PRELOAD", "ASAN_OPTIONS")
                           if k in server.env}
            check_serve(kind, environment)
    with Cluster(3, kind=found[0], **ARGS) as cluster:
        address = "redis://127.0.0.1:%d" % cluster.primaries[0].port
        check_lesson("cluster", address, cluster.primaries)
        check_info("cluster", address, cluster.primaries, found[0])
    if program("redis") == "/usr/bin/redis-server" and not os.environ.get("WEIR_SANITIZE"):
        check_eval()
    tap.done()


main()
