#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A second opinion on what a meter wrote: check.py DIR reads meter.json, meter.csv, meter.txt,
trace.json and values-KEY.txt (one value per line) of ut_meter_output, recomputes all statistics with
NumPy, and says what differs. Exit 77: there is no NumPy."""
import csv
import json
import pathlib
import re
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)

NUMBERS = ["sum", "min", "mean", "median", "max", "stdev", "p05", "p95", "p99", "first", "mean_rest",
           "ci95_low", "ci95_high"]
faults = []


def near(what, found, expected, relative=1e-12):
    if not abs(found - expected) <= relative * abs(expected) + 1e-300:
        faults.append(f"{what}: {found!r}, expected {expected!r}")


def interval(x):
    """Le Boudec's 95 % interval of the median, by ranks."""
    half = 1.959963984540054 * np.sqrt(len(x)) / 2
    low = max(1, int(np.floor(len(x) / 2 - half)))
    high = min(len(x), int(np.ceil(1 + len(x) / 2 + half)))
    return np.sort(x)[low - 1], np.sort(x)[high - 1]


def expected(x, skip):
    p = {"p05": 5, "median": 50, "p95": 95, "p99": 99}
    r = {k: float(np.percentile(x, q)) for k, q in p.items()}
    r.update(sum=x.sum(), min=x.min(), mean=x.mean(), max=x.max(), first=x[0],
             stdev=x.std(ddof=1) if len(x) > 1 else 0.0,
             mean_rest=x[skip:].mean() if len(x) > skip else 0.0)
    r["ci95_low"], r["ci95_high"] = interval(x)
    return r


def check_key(key, x, skip, text):
    name = key["name"]
    if key["n"] != len(x):
        faults.append(f"{name}: n {key['n']}, expected {len(x)}")
        return
    want = expected(x, skip)
    for number in NUMBERS:
        near(f"{name}: {number}", key[number], want[number], 1e-9 if number == "stdev" else 1e-12)
    if "edges" in key:
        counts = np.histogram(x, bins=np.array(key["edges"]))[0].tolist()
        if counts != key["counts"]:
            faults.append(f"{name}: counts {key['counts']}, expected {counts}")
    m = re.search(re.escape(name) + r"\nmin: (\S+) mean: (\S+) median: (\S+) max: (\S+) stdev: (\S+)\n",
                  text)
    if not m:
        faults.append(f"{name}: not in the text")
        return
    for found, number in zip(m.groups(), ["min", "mean", "median", "max", "stdev"]):
        if found != f"{key[number]:.5f}":
            faults.append(f"{name}: text says {number} {found}, expected {key[number]:.5f}")


def check_csv(rows, keys):
    if [r["name"] for r in rows] != [k["name"] for k in keys]:
        faults.append(f"csv has {[r['name'] for r in rows]}")
    for row, key in zip(rows, keys):
        if None in row or None in row.values():
            faults.append(f"csv: line of {row['name']!r} has another number of fields than the head")
        for number in NUMBERS:
            near(f"csv {key['name']}: {number}", float(row[number]), key[number], 0)
        for word in ["kind", "unit"]:
            if row[word] != key[word]:
                faults.append(f"csv {key['name']}: {word} {row[word]!r}, expected {key[word]!r}")


def check_tree(data):
    sums = {}
    for i, node in enumerate(data["tree"]):
        if not -1 <= node["parent"] < i:
            faults.append(f"tree: node {i} has parent {node['parent']}")
        n, s = sums.get(node["name"], (0, 0.0))
        sums[node["name"]] = (n + node["n"], s + node["seconds"])
    for key in data["keys"]:
        if key["kind"] == "timer" and key["n"]:
            n, s = sums[key["name"]]
            near(f"tree: n of {key['name']}", n, key["n"], 0)
            near(f"tree: seconds of {key['name']}", s, key["sum"])


def check_trace(trace, n_expected, rank):
    """Every event lies inside one of its parent's on the same thread."""
    events = [e for e in trace["traceEvents"] if e["ph"] == "X"]
    if len(events) != n_expected:
        faults.append(f"trace: {len(events)} events, expected {n_expected}")
    for a, b in zip(events, events[1:]):
        if a["ts"] > b["ts"]:
            faults.append(f"trace: {a['name']} at {a['ts']} comes before {b['ts']}")
    for e in events:
        if e["pid"] != rank or e["dur"] < 0:
            faults.append(f"trace: {e}")
        parent = e.get("args", {}).get("parent")
        if parent is None:
            continue
        if not any(p["name"] == parent and p["tid"] == e["tid"] and p["ts"] <= e["ts"] + 1e-9
                   and e["ts"] + e["dur"] <= p["ts"] + p["dur"] + 0.0011 for p in events):
            faults.append(f"trace: {e} is not inside a {parent}")


def main():
    folder = pathlib.Path(sys.argv[1])
    data = json.loads((folder / "meter.json").read_bytes().decode("utf-8"))
    text = (folder / "meter.txt").read_bytes().decode("utf-8")
    trace = json.loads((folder / "trace.json").read_bytes().decode("utf-8"))
    with open(folder / "meter.csv", newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    n_checked = 0
    for i, key in enumerate(data["keys"]):
        values = folder / f"values-{i}.txt"
        if values.exists():
            check_key(key, np.loadtxt(values, ndmin=1), data["skip_first"], text)
            n_checked += 1
    if n_checked < 3:
        faults.append(f"only {n_checked} keys had values to compare")
    if not text.endswith("---\n"):
        faults.append("text has no --- at its end")
    check_csv(rows, data["keys"])
    check_tree(data)
    check_trace(trace, int(sys.argv[2]), data["rank"])
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
