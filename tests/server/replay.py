# SPDX-License-Identifier: BSD-3-Clause
"""Reads the files of traffic/ (its README has the format) and plays them: every reply is compared byte
for byte with what the file says."""
import os
import re
import struct

from resp import encode
from servers import ROOT, Cluster, Server

FOLDER = os.path.join(ROOT, "tests", "server", "traffic")
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"0": b"\0", b"\\": b"\\", b'"': b'"'}
WORD = re.compile(rb'(-\?|\?|[-+])?"((?:[^"\\]|\\.)*)"|(\S+)')
MARK = re.compile(rb"(-\?|\?|[-+:*])(.*)", re.S)
ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.S)
FILE = re.compile(rb"@([\w.]+)(?:\[(\d*):(\d*)\])?$")
NAME = re.compile(rb"\$\{(\w+)\}")
ANY = rb"[+:\-][^\r\n]*\r\n|\$-1\r\n|\$\d+\r\n(?s:.*?)\r\n"


class Step:
    """Some commands, sent at once, and the words of their replies."""

    def __init__(self, line, shard):
        self.line, self.shard, self.commands, self.replies = line, shard, [], []


class Scenario:
    """One file: the server it needs and its steps."""

    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.shards, self.args, self.needs, self.steps = 0, [], [], []
        shard = 0
        with open(path, "rb") as f:
            for number, line in enumerate(f.read().split(b"\n"), 1):
                kind, _, rest = line.strip().partition(b" ")
                if kind == b"" or kind.startswith(b"#"):
                    continue
                if kind == b"cluster":
                    self.shards = int(rest)
                elif kind == b"args":
                    self.args += rest.decode().split()
                elif kind == b"needs":
                    self.needs += rest.decode().split()
                elif kind == b"on":
                    shard = int(rest)
                elif kind == b">":
                    if not self.steps or self.steps[-1].replies:
                        self.steps.append(Step(number, shard))
                    self.steps[-1].commands.append(rest)
                elif kind == b"<":
                    self.steps[-1].replies.append(rest)
                else:
                    raise ValueError("%s:%d: %r" % (path, number, line))
        for step in self.steps:
            if len(step.commands) != len(step.replies):
                raise ValueError("%s:%d: %d commands, %d replies" % (
                    path, step.line, len(step.commands), len(step.replies)))


def scenarios():
    return [Scenario(os.path.join(FOLDER, f)) for f in sorted(os.listdir(FOLDER))
            if f.endswith(".txt")]


def unescape(text):
    return ESCAPE.sub(lambda m: bytes([int(m[1], 16)]) if m[1] else ESCAPES[m[2]], text)


class Words:
    """Turns the words of a line into bytes."""

    def __init__(self, models, names):
        self.models, self.names = models, names

    def command(self, line):
        return [self.value(text, mark is not None) for mark, text in self.split(line)]

    def reply(self, line):
        """A pattern of bytes that matches this reply and no other."""
        return b"".join(self.part(mark, text) for mark, text in self.split(line))

    def split(self, line):
        """(mark, text) of each word; the mark is None where there were no quotes."""
        for word in WORD.finditer(line):
            mark, text = (None, word[3]) if word[2] is None else (word[1] or b"", word[2])
            yield mark, NAME.sub(lambda m: self.names[m[1].decode()], text)

    def value(self, text, quoted):
        """The bytes that a word stands for."""
        if not quoted and text.startswith(b"%"):
            kind, _, values = text[1:].decode().partition(":")
            numbers = [(float if kind in "fd" else int)(v) for v in values.split(",")]
            return struct.pack("<%d%s" % (len(numbers), kind), *numbers)
        found = None if quoted else FILE.match(text)
        if found:
            first, last = (int(n) if n else None for n in found.groups()[1:])
            return self.file(found[1].decode())[first:last]
        return unescape(text)

    def file(self, name):
        folder = os.path.join(ROOT, "tests", "models") if name.endswith(".onnx") else self.models
        with open(os.path.join(folder, name), "rb") as f:
            return f.read()

    def part(self, mark, text):
        """The pattern of one part of a reply."""
        quoted = mark is not None
        if not quoted and text in (b":?", b"nil", b"any"):
            return {b":?": rb":-?\d+\r\n", b"nil": rb"\$-1\r\n", b"any": rb"(?:" + ANY + rb")"}[text]
        found = None if quoted else MARK.fullmatch(text)
        if found:
            mark, text = found.groups()
        if not mark:
            data = self.value(text, quoted)
            return re.escape(b"$%d\r\n%s\r\n" % (len(data), data))
        text = re.escape(unescape(text))
        if mark == b"?":
            return rb"\$\d+\r\n(?s:.*?)" + text + rb"(?s:.*?)\r\n"
        if mark == b"-?":
            return rb"-[^\r\n]*" + text + rb"[^\r\n]*\r\n"
        return re.escape(mark) + text + rb"\r\n"


def show(data, limit=300):
    text = repr(data)[2:-1]
    return text if len(text) <= limit else "%s.. (%d bytes)" % (text[:limit], len(data))


class Player:
    """Plays scenarios against one kind of server."""

    def __init__(self, kind, module, models, backends="", args=()):
        self.kind, self.module, self.models, self.args = kind, module, models, list(args)
        self.backends = backends

    def play(self, scenario, transport="unix"):
        """What went wrong, as texts: nothing if all is well."""
        args = self.args + scenario.args
        if scenario.shards:
            with Cluster(scenario.shards, kind=self.kind, module=self.module, args=args) as cluster:
                return self._play(scenario, cluster.primaries, transport)
        with Server(self.kind, module=self.module, args=args) as server:
            return self._play(scenario, [server], transport)

    def _play(self, scenario, servers, transport):
        names = {"backends": self.backends.encode()}
        for i, server in enumerate(servers):
            names["port%d" % i] = b"%d" % server.port
            if scenario.shards:
                names["id%d" % i] = server.call("CLUSTER", "MYID")
        words, wrong = Words(self.models, names), []
        timeout = 120  # a sanitizer's server that loads a backend is slow
        clients = [s.client(tcp=transport == "tcp", timeout=timeout) for s in servers]
        for step in scenario.steps:
            client = clients[step.shard]
            client.send(b"".join(encode(words.command(c)) for c in step.commands))
            for i, (command, reply) in enumerate(zip(step.commands, step.replies)):
                got = client.read_raw()
                if re.fullmatch(words.reply(reply), got) is None:
                    wrong.append("%s.txt:%d > %s\n  expected %s\n  got      %s" % (
                        scenario.name, step.line + i, show(command), reply.decode(), show(got)))
        for client in clients:
            client.close()
        return wrong


__all__ = ["Player", "Scenario", "Words", "scenarios", "show"]
