# SPDX-License-Identifier: BSD-3-Clause
"""Servers for tests: Redis and Valkey processes and clusters of them, each with its own folder, its own
free port on loopback and a Unix socket; they end with the test.

    from servers import Cluster, Resp, Server, tap
    with Server("valkey", module=MODULE, appendonly="always") as server, server.client() as c:
        c.call("SET", "k", b"\\0")

Environment: WEIR_PREFIX (where the set-up unpacked servers), WEIR_SANITIZE (what the module was built
with: its runtime is preloaded), WEIR_CC (whose runtime), WEIR_TEST_KEEP=1 (keep the folders).
"""
import atexit
import glob
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import tap  # noqa: E402
from resp import ReplyError, Resp, Status  # noqa: E402

__all__ = ["Certificates", "Cluster", "MODULE", "PREFIX", "ReplyError", "Resp", "ROOT", "Server",
           "ServerError", "Status", "hash_slot", "kinds", "kinds_or_skip", "program", "tap", "wait_for"]
PREFIX = os.environ.get("WEIR_PREFIX") or os.path.join(ROOT, ".deps")
MODULE = os.environ.get("WEIR_MODULE", "")
N_SLOTS = 16384
REPORTS = ("ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "FATAL: ThreadSanitizer",
           "runtime error:", "ERROR: LeakSanitizer", "=== REDIS BUG REPORT START",
           "=== VALKEY BUG REPORT START")
_live = set()


class ServerError(Exception):
    """A server did not start, did not end, or left a sanitizer's report."""


def program(kind):
    """The path of kind's server, or None."""
    return shutil.which("%s-server" % kind) or \
        shutil.which("%s-server" % kind, path=os.path.join(PREFIX, "usr", "bin"))


def kinds():
    """Which of redis and valkey are installed."""
    return [k for k in ("redis", "valkey") if program(k)]


def kinds_or_skip():
    """Which kinds to test the module in; where it is not built, or there is none, the program ends and
    says so."""
    if not MODULE or not os.path.exists(MODULE):
        tap.skip_all("no module: set WEIR_MODULE to weir.so, target weir_module")
    if not kinds():
        tap.skip_all("neither redis-server nor valkey-server: run scripts/setup.sh server")
    return kinds()


def wait_for(condition, seconds, what):
    """Polls until condition() is true and gives its value; TimeoutError after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError("waited %g s for %s" % (seconds, what))
        time.sleep(0.01)


def free_port():
    """A port on loopback that nobody listens on, below those that connections get."""
    while True:
        port = random.SystemRandom().randrange(10240, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def sanitizer_environment(sanitize):
    """What a server needs that loads a module built with these sanitizers."""
    names = {"address": "libasan.so", "undefined": "libubsan.so", "thread": "libtsan.so"}
    libraries = []
    for word in sanitize.split(","):
        done = subprocess.run([os.environ.get("WEIR_CC", "gcc"), "-print-file-name=" + names[word]],
                              stdout=subprocess.PIPE, text=True, check=True)
        libraries.append(os.path.realpath(done.stdout.strip()))
    # the server's own leaks are not ours to find; a report ends the server
    asan = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": ":".join(libraries),
            "ASAN_OPTIONS": (asan + ":" if asan else "") + "detect_leaks=0"}


def preload(folder, wrapped):
    """A library to be preloaded after the sanitizers'. Valkey frees with jemalloc's sdallocx, which
    sanitizers and valgrind know nothing of: it goes to free. And a preloaded libasan leaves glibc's
    lock of message catalogues with one reader less than none, on which libgnutls, that libtorch
    brings along, waits for ever in bindtextdomain: nothing is bound."""
    path = os.path.join(folder, "preload.so")
    text = b"""#include <stdlib.h>
void sdallocx(void *p, size_t n, int flags);
void sdallocx(void *p, size_t n, int flags) { (void)n, (void)flags, free(p); }
"""
    if not wrapped:
        text += b"""char *bindtextdomain(const char *name, const char *folder);
char *bindtextdomain(const char *name, const char *folder) { (void)name; return (char *)folder; }
"""
    subprocess.run([os.environ.get("WEIR_CC", "gcc"), "-shared", "-fPIC", "-x", "c", "-", "-o", path],
                   input=text, check=True)
    return path


class Certificates:
    """A throw-away authority and a server's certificate for loopback: paths ca, cert, key."""

    def __init__(self, folder):
        self.ca, self.cert, self.key = (os.path.join(folder, n) for n in
                                        ("ca.crt", "server.crt", "server.key"))
        ca_key, request, more = (os.path.join(folder, n) for n in ("ca.key", "server.csr", "san"))
        with open(more, "w", encoding="ascii") as f:
            f.write("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self._openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", self.ca, "-days", "2",
                      "-subj", "/CN=authority of a test")
        self._openssl("req", "-new", *curve, "-keyout", self.key, "-out", request,
                      "-subj", "/CN=localhost")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key,
                      "-CAcreateserial", "-out", self.cert, "-days", "2", "-extfile", more)

    @staticmethod
    def _openssl(*words):
        done = subprocess.run(("openssl",) + words, stdin=subprocess.DEVNULL, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise ServerError("openssl %s: %s" % (words[0], done.stdout))


class Server:
    """One server process.

    module, args   what --loadmodule gets          config       further lines of its configuration
    tls            Certificates: also a tls_port   password     requirepass
    appendonly     always, everysec or no          replicaof    another Server
    env            variables, LD_PRELOAD too       wrapper      words before the program (valgrind)
    sanitize       what the module was built with; the default is WEIR_SANITIZE if there is a module
    parent         where its folder is made (a small tmpfs)
    start          False: launch() and wait_ready() are the caller's
    """

    def __init__(self, kind="redis", module=None, args=(), config=(), tls=None, password=None,
                 appendonly=None, replicaof=None, env=None, cluster=False, wrapper=(),
                 sanitize=None, deadline=None, bind="127.0.0.1", parent=None, start=True):
        self.kind, self.program = kind, program(kind)
        if self.program is None:
            raise ServerError("no %s-server: run scripts/setup.sh server" % kind)
        self.module, self.args, self.config = module, list(map(str, args)), list(config)
        self.tls, self.password, self.appendonly = tls, password, appendonly
        self.replicaof, self.cluster, self.bind = replicaof, cluster, bind
        self.wrapper, self.process, self.status = list(wrapper), None, None
        if sanitize is None:
            sanitize = os.environ.get("WEIR_SANITIZE", "") if module else ""
        self.deadline = deadline or (180 if sanitize or wrapper else 30)
        self.folder = tempfile.mkdtemp(prefix="weir-%s-" % kind, dir=parent)
        self.env = self._environment(sanitize, env or {})
        self.path = os.path.join(self.folder, "socket")
        self.log_path = os.path.join(self.folder, "log")
        self.port = self.tls_port = self.bus_port = 0
        _live.add(self)
        if start:
            self.start()

    def _environment(self, sanitize, more):
        env = dict(os.environ)
        libraries = glob.glob(os.path.join(PREFIX, "usr", "lib", "*-linux-gnu"))
        if self.program.startswith(PREFIX) and libraries:
            env["LD_LIBRARY_PATH"] = ":".join(libraries)
        if sanitize:
            env.update(sanitizer_environment(sanitize))
        if sanitize or (self.wrapper and self.kind == "valkey"):
            before = [env["LD_PRELOAD"]] if env.get("LD_PRELOAD") else []
            env["LD_PRELOAD"] = ":".join(before + [preload(self.folder, not sanitize)])
        env.update(more)
        return env

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        try:
            if self.running():
                self.sigcont()
                self.stop(check=kind is None)
            elif kind is None:
                self.check_reports()
        finally:
            self.remove()

    # --- starting
    def start(self):
        """Starts and waits until it answers; another process may have taken the port meanwhile."""
        for attempt in range(5):
            self.launch(new_ports=self.port == 0 or attempt > 0)
            try:
                return self.wait_ready()
            except ServerError:
                if "Address already in use" not in self.log() or attempt == 4:
                    raise

    def launch(self, new_ports=None):
        if new_ports or (new_ports is None and self.port == 0):
            self.port = free_port()
            self.tls_port = free_port() if self.tls else 0
            self.bus_port = free_port() if self.cluster else 0
        path = os.path.join(self.folder, "server.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(self._lines()) + "\n")
        words = self.wrapper + [self.program, path]
        if self.module:
            words += ["--loadmodule", self.module] + self.args
        with open(self.log_path, "ab") as log:
            self.log_start = log.tell()
            # in the test's process group, so that the test's end by force ends it too
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, env=self.env, cwd=self.folder)
        self.status = None

    def _lines(self):
        lines = ["bind " + self.bind, "port %d" % self.port, "unixsocket " + self.path,
                 "unixsocketperm 700", "dir " + self.folder, "daemonize no", 'logfile ""',
                 'save ""', "protected-mode no", "enable-debug-command yes",
                 "repl-diskless-sync-delay 0", "repl-ping-replica-period 1"]
        if self.tls:
            lines += ["tls-port %d" % self.tls_port, "tls-cert-file " + self.tls.cert,
                      "tls-key-file " + self.tls.key, "tls-ca-cert-file " + self.tls.ca,
                      "tls-auth-clients no"]
        if self.password is not None:
            lines += ['requirepass "%s"' % self.password, 'masterauth "%s"' % self.password]
        if self.appendonly:
            lines += ["appendonly yes", "appendfsync " + self.appendonly]
        if self.replicaof:
            lines.append("replicaof 127.0.0.1 %d" % self.replicaof.port)
        if self.cluster:
            lines += ["cluster-enabled yes", "cluster-config-file nodes.conf",
                      "cluster-port %d" % self.bus_port, "cluster-node-timeout 3000"]
        return lines + self.config

    def wait_ready(self):
        """Waits for an answer to PING that is not LOADING; raises with the log's end."""
        end = time.monotonic() + self.deadline
        while True:
            if self.process.poll() is not None:
                self.status = self.process.returncode
                self.check_reports()
                raise ServerError("%s-server ended with %s while starting\n%s" %
                                  (self.kind, self.status, self.log_tail()))
            try:
                with Resp(self.path, timeout=5) as c:
                    if not c.raw("PING").startswith(b"-LOADING"):
                        return self
            except (OSError, ConnectionError):
                pass
            if time.monotonic() > end:
                self.kill9()
                raise ServerError("%s-server did not answer in %g s\n%s" %
                                  (self.kind, self.deadline, self.log_tail()))
            time.sleep(0.005)

    # --- talking
    def client(self, tcp=False, tls=False, **more):
        """A Resp over the Unix socket, TCP or TLS; it knows the password."""
        more.setdefault("password", self.password)
        if tls:
            return Resp(("127.0.0.1", self.tls_port), tls=self.tls, **more)
        return Resp(("127.0.0.1", self.port) if tcp else self.path, **more)

    def call(self, *command):
        """One command on a connection of its own."""
        with self.client() as c:
            return c.call(*command)

    def info(self, section="everything"):
        """INFO as a dictionary of text."""
        text = self.call("INFO", section).decode("utf-8", "replace")
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    # --- ending
    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, save=False, check=True, seconds=60):
        """Shuts it down in good order; a sanitizer's report is an error."""
        if self.running():
            try:
                with self.client() as c:
                    c.send(b"*2\r\n$8\r\nSHUTDOWN\r\n$%d\r\n%s\r\n" %
                           ((4, b"SAVE") if save else (6, b"NOSAVE")))
                    c.at_end()
            except (OSError, ReplyError):
                self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill9()
                raise ServerError("did not end in %g s\n%s" % (seconds, self.log_tail())) from None
        self.status = self.process.returncode if self.process else None
        if check:
            self.check_reports()
            if self.status not in (0, None, -signal.SIGKILL):
                raise ServerError("ended with %s\n%s" % (self.status, self.log_tail()))

    def kill9(self):
        if self.running():
            self.process.kill()
        if self.process is not None:
            self.process.wait()
            self.status = self.process.returncode

    def sigstop(self):
        self.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: self.proc("State").startswith(("T", "t")), 10, "the server to stand still")

    def sigcont(self):
        self.process.send_signal(signal.SIGCONT)

    def restart(self, save=False):
        """Again on the same folder and ports, whether it runs or was killed."""
        if self.running():
            self.stop(save=save)
        return self.start()

    def remove(self):
        """Ends it without a word and removes its folder."""
        self.kill9()
        _live.discard(self)
        if not os.environ.get("WEIR_TEST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- looking
    @property
    def pid(self):
        return self.process.pid

    def proc(self, field):
        """A line of /proc/PID/status: VmRSS, Threads, voluntary_ctxt_switches .."""
        with open("/proc/%d/status" % self.pid, encoding="ascii", errors="replace") as f:
            for line in f:
                if line.startswith(field + ":"):
                    return line.split(":", 1)[1].strip()
        raise KeyError(field)

    def memory(self):
        """Resident bytes."""
        return int(self.proc("VmRSS").split()[0]) * 1024

    def log(self):
        """What it said since it was last started."""
        with open(self.log_path, "rb") as f:
            f.seek(self.log_start)
            return f.read().decode("utf-8", "replace")

    def log_tail(self, n=25):
        return "\n".join(self.log().splitlines()[-n:])

    def check_reports(self):
        log = self.log() if self.process and os.path.exists(self.log_path) else ""
        for mark in REPORTS:
            at = log.find(mark)
            if at >= 0:
                raise ServerError("%s\n%s" % (mark, log[at:at + 6000]))


def hash_slot(key):
    """The slot of a key in a cluster, by the server's rule for {tags}."""
    key = key.encode() if isinstance(key, str) else bytes(key)
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    if start >= 0 and end > start + 1:
        key = key[start + 1:end]
    crc = 0
    for byte in key:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    return crc % N_SLOTS


class Cluster:
    """n primaries, in the order of their slots, and `replicas` replicas of each; the further
    arguments are Server's. Starting takes about two seconds: use one for many tests."""

    def __init__(self, n=3, replicas=0, **more):
        self.primaries = []
        self.replicas = [[] for _ in range(n)]
        try:
            self.primaries = [Server(cluster=True, start=False, **more) for _ in range(n)]
            self.replicas = [[Server(cluster=True, start=False, **more) for _ in range(replicas)]
                             for _ in range(n)]
            self._start()
        except BaseException:
            self.remove()
            raise

    @property
    def servers(self):
        return self.primaries + [r for several in self.replicas for r in several]

    def _start(self):
        for server in self.servers:
            server.launch()
        for server in self.servers:
            try:
                server.wait_ready()
            except ServerError:
                server.start()  # with other ports, if that was the trouble
        n = len(self.primaries)
        edges = [round(i * N_SLOTS / n) for i in range(n)] + [N_SLOTS]
        self.ranges = [(edges[i], edges[i + 1] - 1) for i in range(n)]
        for i, server in enumerate(self.servers):
            with server.client() as c:
                if i < n:
                    c.call("CLUSTER", "ADDSLOTSRANGE", *self.ranges[i])
                c.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        for server in self.servers[1:]:
            self.primaries[0].call("CLUSTER", "MEET", "127.0.0.1", server.port, server.bus_port)
        self.wait_known()
        for i, several in enumerate(self.replicas):
            primary = self.primaries[i].call("CLUSTER", "MYID")
            for server in several:
                server.call("CLUSTER", "REPLICATE", primary)
        self.wait_ok()
        for server in self.servers if self.replicas[0] else ():
            wait_for(lambda s=server: all(len(r) == 3 + len(self.replicas[0])
                                          for r in s.call("CLUSTER", "SLOTS")), 30,
                     "nodes that know the replicas")

    def wait_known(self, seconds=30):
        """Until every node knows all of them."""
        for server in self.servers:
            wait_for(lambda s=server: self._state(s).get("cluster_known_nodes") ==
                     str(len(self.servers)), seconds, "a cluster that knows its nodes")

    def wait_ok(self, seconds=30):
        """Until every running node says that the cluster is fine and its replicas are linked."""
        for server in self.servers:
            if server.running():
                wait_for(lambda s=server: self._state(s).get("cluster_state") == "ok", seconds,
                         "cluster_state ok")
        for i, several in enumerate(self.replicas):
            for server in several:
                if server.running() and self.primaries[i].running():
                    wait_for(lambda s=server: s.info("replication").get(
                        "master_link_status") in ("up", None), seconds, "a linked replica")

    @staticmethod
    def _state(server):
        text = server.call("CLUSTER", "INFO").decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def index_of(self, key):
        slot = hash_slot(key)
        return next(i for i, (a, b) in enumerate(self.ranges) if a <= slot <= b)

    def server_of(self, key):
        """The primary that has the key's slot."""
        return self.primaries[self.index_of(key)]

    def call(self, *command, key=None):
        """One command on the primary of its first argument, or of key."""
        return self.server_of(command[1] if key is None else key).call(*command)

    def failover(self, i, how=(), seconds=30):
        """Makes the first replica of primary i the primary and waits until it says so and all
        agree; how: ("FORCE",) or ("TAKEOVER",) when the primary is dead."""
        new = self.replicas[i][0]
        self._promote(new, how, seconds)
        self.replicas[i][0], self.primaries[i] = self.primaries[i], new
        mine = new.call("CLUSTER", "MYID")
        for server in self.servers:
            if server.running():
                wait_for(lambda s=server: self._owner(s, self.ranges[i][0]) == mine, seconds,
                         "nodes that agree on the new primary")
        self.wait_ok(seconds)
        return new

    @staticmethod
    def _promote(server, how, seconds):
        """A request may come to nothing, after five seconds: then once more."""
        end = time.monotonic() + seconds
        while True:
            server.call("CLUSTER", "FAILOVER", *how)
            try:
                wait_for(lambda: server.call("ROLE")[0] == b"master", 6, "a promoted replica")
                return
            except TimeoutError:
                if time.monotonic() > end:
                    raise ServerError("no failover\n" + server.log_tail()) from None

    @staticmethod
    def _owner(server, slot):
        for first, last, primary, *_ in server.call("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return primary[2]
        return None

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        try:
            for server in self.servers:
                if server.running():
                    server.sigcont()
                    server.stop(check=kind is None)
                elif kind is None:
                    server.check_reports()
        finally:
            self.remove()

    def remove(self):
        for server in self.servers:
            server.remove()


@atexit.register
def _end_all():
    for server in list(_live):
        server.remove()
