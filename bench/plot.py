#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Draws what bench.sh or bars.sh printed: samples per second by batch, put and get by size; or what
bt_scaling printed: a box per function, shards and clients.

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


def read_boxes(path):
    """{(label, function): {(shards, clients): quantiles in ms}}"""
    boxes = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            word = line.split()
            if word[:1] == ["box"]:
                at = boxes.setdefault((word[1], word[4]), {})
                at[int(word[2]), int(word[3])] = [float(v) for v in word[5:]]
    return boxes


def draw_boxes(plt, boxes, path):
    """Whiskers are the 5th and 95th percentile."""
    figure, axes = plt.subplots(2, 4, figsize=(13, 6))
    colours = ["C0", "C1", "C2"]
    for axis, ((label, function), at) in zip(axes.flat, boxes.items()):
        shards = sorted({s for s, _ in at})
        clients = sorted({c for _, c in at})
        for i, s in enumerate(shards):
            drawn = [{"whislo": q[1], "q1": q[2], "med": q[3], "q3": q[4], "whishi": q[5]}
                     for q in (at[s, c] for c in clients if (s, c) in at)]
            places = [k + 0.25 * (i - 1) for k, c in enumerate(clients) if (s, c) in at]
            axis.bxp(drawn, positions=places, widths=0.2, showfliers=False, patch_artist=True,
                     boxprops={"facecolor": colours[i], "alpha": 0.6},
                     medianprops={"color": "k"})
            axis.plot([], [], color=colours[i], lw=6, alpha=0.6, label="%d shards" % s)
        axis.set_xticks(range(len(clients)))
        axis.set_xticklabels(clients)
        axis.set(yscale="log", title="%s: %s" % (label, function), ylabel="ms")
        axis.title.set_fontsize(8)
        axis.grid(alpha=0.3)
    for axis in axes[1]:
        axis.set_xlabel("client processes")
    axes.flat[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        import matplotlib
    except ImportError:
        sys.exit("plot.py: needs python3-matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    boxes = read_boxes(sys.argv[1])
    if boxes:
        draw_boxes(plt, boxes, sys.argv[2])
        return
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
