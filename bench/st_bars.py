#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The lines of bars.sh: every promise of the issue once, in the stated form, and never lost when a
program fails. Numbers are not judged: this runs with sanitizers and beside other tests.

usage: st_bars.py BUILD_DIR; prints TAP.
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "support"))
import tap  # noqa: E402

SIZES = ["64KB", "1MB", "16MB", "128MB"]
LINE = re.compile(r"^bar (\S+) (\S+) (<=|>=|<) (\S+) (ok|SHORT)( \(.+\))?$")


def promised():
    """The issue's section "Speed", written down a second time."""
    want = {"infer_tiny_extra_us": ("<=", 1.0), "infer_tiny_allocs": ("<=", 0),
            "rss_growth_kb": ("<=", 1024), "torch_large_3000": (">=", 0.97),
            "threads_8_large_16": (">=", 0.9), "put_1KB_us": ("<=", 0.3),
            "get_1KB_us": ("<=", 0.3), "timer_pair_ns": ("<", 50)}
    for net in ("large", "production"):
        for rows in (1, 64, 1024, 3000):
            want["infer_%s_%d" % (net, rows)] = (">=", 0.97)
        want["blocks_%s_3000" % net] = (">=", 1.15)
        want["blocks_%s_same" % net] = ("<=", 1e-5)
    for verb in ("put", "get"):
        for size in SIZES:
            want["%s_%s" % (verb, size)] = (">=", 0.9)
            for order in ("strided", "inner", "fortran"):
                want["%s_%s_%s" % (verb, order, size)] = (">=", 0.5)
    for size in ("16MB", "128MB"):
        for via in ("unix", "tcp"):
            want["sock_put_%s_%s" % (size, via)] = (">=", 0.7)
            want["sock_get_%s_%s" % (size, via)] = (">=", 0.5)
    want.update({"sock_put_1KB": ("<=", 1.15), "sock_get_1KB": ("<=", 1.15),
                 "sock_put_fortran_16MB": ("<=", 1.5), "sock_get_fortran_16MB": ("<=", 1.5),
                 "sock_tiny_extra_us": ("<=", 12), "sock_large_1024": (">=", 0.98),
                 "sock_large_3000": (">=", 0.98), "sock_8_tiny_per_s": (">=", 50000),
                 "sock_8_large_16_per_s": (">=", 50000), "sock_8_resnet50": (">=", 0.95),
                 "sock_loop_client_kb": ("<=", 64), "sock_loop_server_kb": ("<=", 64)})
    return want


def parse(text):
    bars = {}
    for line in text.splitlines():
        found = LINE.match(line)
        if found:
            bars.setdefault(found.group(1), []).append(found)
    return bars


def run(*command, **more):
    env = dict(os.environ)
    env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # workers are measured
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=env, **more)


def check_join():
    """bars.awk on made-up reports."""
    table = "p a <= 1.0 text\np b >= 0.5 text\np c < 50 text\nq d >= 1 text\n"
    cases = [("value a 1.0\nvalue b 0.5\nvalue c 49.9\nvalue d 1\n", 0, [True] * 4, "at the target"),
             ("value a 1.01\nvalue b 0.49\nvalue c 50\nvalue d 2\n", 1, [False] * 3 + [True],
              "beyond the target"),
             ("value a nan\nvalue b inf\nvalue c x\nvalue d 1e3\n", 1, [False] * 3 + [True],
              "values that are no numbers"),
             ("absent a no model\nbroken p ended with exit status 1\n", 1, [False] * 4,
              "values that are missing")]
    for report, status, verdicts, name in cases:
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for i, text in enumerate((report, table)):
                paths.append(os.path.join(folder, str(i)))
                with open(paths[-1], "w", encoding="utf-8") as f:
                    f.write(text)
            done = run("awk", "-f", os.path.join(HERE, "bars.awk"), *paths)
        bars = parse(done.stdout)
        got = [bars[b][0].group(5) == "ok" if len(bars.get(b, [])) == 1 else None for b in "abcd"]
        tap.test(done.returncode == status and got == verdicts, "bars judge " + name, done.stdout)
        if "missing" in name:
            tap.test("(no model)" in done.stdout and "exit status 1" in done.stdout and
                     "did not report" in done.stdout, "a missing value says why", done.stdout)


def check_programs(build):
    done = run(os.path.join(HERE, "bars.sh"), build, "--quick")
    bars, want = parse(done.stdout), promised()
    missing = [name for name in want if name not in bars]
    tap.test(not missing, "every promise has a line", missing, done.stdout[-3000:])
    tap.test(all(len(found) == 1 for found in bars.values()), "no promise has two lines")
    tap.test(set(bars) == set(want), "no line without a promise", set(bars) - set(want))
    wrong = [name for name in want if name in bars and
             (bars[name][0].group(3), float(bars[name][0].group(4))) != want[name]]
    tap.test(not wrong, "targets are the issue's", wrong)
    short = [name for name, found in bars.items() if found[0].group(5) == "SHORT"]
    tap.test(done.returncode == (1 if short else 0), "the exit status says whether all are reached",
             done.returncode, short)
    silent = [name for name, found in bars.items() if found[0].group(2) == "n/a" and
              not found[0].group(6)]
    tap.test(not silent, "what could not be measured says why", silent)
    for name, found in sorted(bars.items()):
        if found[0].group(2) == "n/a":
            print("# not measured: %s%s" % (name, found[0].group(6)))
    local = [name for name in want if re.match("put_|get_|timer_", name)]
    unmeasured = [n for n in local if n not in bars or bars[n][0].group(2) == "n/a"]
    tap.test(not unmeasured, "what needs no backend is measured", unmeasured, done.stdout[-3000:])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    check_join()
    check_programs(sys.argv[1])
    tap.done()


main()
