#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Draws what bench.sh or bars.sh printed: samples per second by batch, put and get by size.

usage: bench/bench.sh BUILD_DIR | tee out.txt; bench/plot.py out.txt PICTURE.png
"""
import re
import sys

INFER = re.compile(r"^(large|production) +(\d+)  (.{22}) +[\d.]+ +[\d.]+ +[\d.]+ +(\d+) ")
TENSOR = re.compile(r"^(\d+)(KB|MB) +(.{22}) (memcpy|put|get) +[\d.]+ +[\d.]+ +[\d.]+ +([\d.]+) ")


def read(path):
    infer, tensor = {}, {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            found = INFER.match(line)
            if found:
                net, rows, program, rate = found.groups()
                infer.setdefault((net, program.strip()), []).append((int(rows), float(rate)))
            found = TENSOR.match(line)
            if found:
                n, unit, array, verb, rate = found.groups()
                size = int(n) * (1024 if unit == "KB" else 1024 ** 2)
                tensor.setdefault((array.strip(), verb), []).append((size, float(rate)))
    return infer, tensor


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        import matplotlib
    except ImportError:
        sys.exit("plot.py: needs python3-matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    infer, tensor = read(sys.argv[1])
    if not infer and not tensor:
        sys.exit("plot.py: %s holds no table of the benchmarks" % sys.argv[1])
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.5))
    for (net, program), points in sorted(infer.items()):
        rows, rates = zip(*sorted(set(points)))
        axes[0].loglog(rows, rates, "--" if "direct" in program else "-", marker="o",
                       label="%s: %s" % (net, program))
    axes[0].set(xlabel="rows of a batch", ylabel="samples per second", title="one thread")
    for (array, verb), points in sorted(tensor.items()):
        if verb == "memcpy" and array != "whole array":
            continue
        sizes, rates = zip(*sorted(points))
        axes[1].loglog(sizes, rates, "k--" if verb == "memcpy" else "-", marker=".",
                       label=verb if verb == "memcpy" else "%s, %s" % (verb, array))
    axes[1].set(xlabel="bytes", ylabel="GB/s", title="put and get beside memcpy")
    for axis in axes:
        axis.grid(alpha=0.3, which="both")
        if axis.lines:
            axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(sys.argv[2], dpi=120)


main()
