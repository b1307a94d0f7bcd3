#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the tiny network 10-64-64-1 (tanh between the layers) as ONNX, with nothing but Python.

usage: make_tiny.py FILE

Weights come from a small generator, so that the file is the same everywhere.
"""
import struct
import sys


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field, n):
    return varint(field << 3) + varint(n)


def message(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def weights(n, seed):
    values = []
    for _ in range(n):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        values.append((seed >> 40) / 2 ** 24 * 0.5 - 0.25)
    return struct.pack("<%df" % n, *values)


def tensor(name, shape, seed):
    size = 1
    for extent in shape:
        size *= extent
    dims = b"".join(number(1, extent) for extent in shape)
    return message(5, dims + number(2, 1) + message(8, name) + message(9, weights(size, seed)))


def node(op, inputs, output):
    return message(1, b"".join(message(1, i) for i in inputs) + message(2, output) +
                   message(3, output) + message(4, op))


def value(field, name, columns):
    dims = message(1, message(2, "batch")) + message(1, number(1, columns))
    return message(field, message(1, name) + message(2, message(1, number(1, 1) +
                                                                message(2, dims))))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sizes, graph, last = [10, 64, 64, 1], b"", "x"
    for i, (n_in, n_out) in enumerate(zip(sizes, sizes[1:])):
        final = i == len(sizes) - 2
        out = "y" if final else "h%d" % i
        graph += node("Gemm", [last, "w%d" % i, "b%d" % i], out if final else "g%d" % i)
        if not final:
            graph += node("Tanh", ["g%d" % i], out)
        last = out
    graph += message(2, "tiny")
    for i, (n_in, n_out) in enumerate(zip(sizes, sizes[1:])):
        graph += tensor("w%d" % i, [n_in, n_out], 2 * i + 1) + tensor("b%d" % i, [n_out], 2 * i + 2)
    graph += value(11, "x", 10) + value(12, "y", 1)
    model = number(1, 8) + message(2, "weir") + message(7, graph) + message(8, message(1, "") +
                                                                           number(2, 13))
    with open(sys.argv[1], "wb") as f:
        f.write(model)


main()
