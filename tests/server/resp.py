# SPDX-License-Identifier: BSD-3-Clause
"""A plain client of Redis's protocol for tests: it sends what it is told, byte for byte, and gives
replies parsed or exactly as they came. Every wait ends."""
import socket
import ssl
import time


class Status(bytes):
    """A simple string, +OK; equal to the same bytes."""


class ReplyError(Exception):
    """An error reply; text is what follows the minus sign."""

    def __init__(self, text):
        super().__init__(text.decode("utf-8", "backslashreplace"))
        self.text = text

    def __eq__(self, other):
        return isinstance(other, ReplyError) and self.text == other.text

    def __hash__(self):
        return hash(self.text)


def encode(command):
    """One command, a sequence of bytes, str or int, as an array of bulk strings."""
    out = [b"*%d\r\n" % len(command)]
    for word in command:
        if isinstance(word, str):
            word = word.encode()
        elif isinstance(word, int):
            word = b"%d" % word
        out += [b"$%d\r\n" % len(word), bytes(word), b"\r\n"]
    return b"".join(out)


class Resp:
    """A connection to a Server's address: (host, port) or the path of a Unix socket.

    call() raises ReplyError for an error reply; reply() gives it like any other. Replies are
    Status, bytes, int, None (nil), list, ReplyError; with RESP3 also dict, float, bool.
    """

    def __init__(self, address, password=None, user=None, timeout=20.0, tls=None, name="localhost"):
        self.timeout, self._data, self._raw = timeout, bytearray(), []
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context(cafile=tls.ca)
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
        if password is not None:
            self.call("AUTH", *([user] if user else []), password)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()

    def close(self):
        self.socket.close()

    # --- whole commands
    def call(self, *command):
        reply = self.reply(*command)
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def reply(self, *command):
        return self.pipeline([command])[0]

    def raw(self, *command):
        """The exact bytes of the reply."""
        return self.raw_pipeline([command])[0]

    def pipeline(self, commands):
        """Sends all, then reads all replies, errors among them."""
        self.send(b"".join(map(encode, commands)))
        return [self.read() for _ in commands]

    def raw_pipeline(self, commands):
        self.send(b"".join(map(encode, commands)))
        return [self.read_raw() for _ in commands]

    # --- parts
    def send(self, data):
        """Any bytes, half a command too."""
        self.socket.settimeout(self.timeout)
        self.socket.sendall(data)

    def read(self):
        """The next reply."""
        self._raw = []
        return self._parse(time.monotonic() + self.timeout)

    def read_raw(self):
        self.read()
        return b"".join(self._raw)

    def at_end(self):
        """Whether the server closed the connection, waiting for that or for a byte."""
        if self._data:
            return False
        self.socket.settimeout(self.timeout)
        try:
            self._data += self.socket.recv(1)
        except ConnectionError:
            pass
        return not self._data

    # --- parsing
    def _more(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no reply after %g s" % self.timeout)
        self.socket.settimeout(left)
        part = self.socket.recv(1 << 20)
        if not part:
            raise ConnectionError("the server closed the connection")
        self._data += part

    def _take(self, n):
        taken = bytes(memoryview(self._data)[:n])
        del self._data[:n]
        self._raw.append(taken)
        return taken

    def _line(self, deadline):
        start = 0
        while True:
            end = self._data.find(b"\r\n", start)
            if end >= 0:
                return self._take(end + 2)[:-2]
            start = max(0, len(self._data) - 1)
            self._more(deadline)

    def _bulk(self, n, deadline):
        while len(self._data) < n + 2:
            self._more(deadline)
        return self._take(n + 2)[:-2]

    def _parse(self, deadline):
        line = self._line(deadline)
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Status(rest)
        if kind == b"-":
            return ReplyError(rest)
        if kind in b":(":
            return int(rest)
        if kind in b"$=":
            return None if int(rest) < 0 else self._bulk(int(rest), deadline)
        if kind in b"*~>":
            return None if int(rest) < 0 else [self._parse(deadline) for _ in range(int(rest))]
        if kind == b"%":
            return dict((self._parse(deadline), self._parse(deadline)) for _ in range(int(rest)))
        if kind == b"_":
            return None
        if kind == b"#":
            return rest == b"t"
        if kind == b",":
            return float(rest)
        raise ValueError("this is no reply: %r" % line)
