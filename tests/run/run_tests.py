#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the tests of a build folder and counts their TAP lines.

    run_tests.py BUILD [--label L] [--name REGEX] [--jobs N] [--title T] [--totals FILE]
    run_tests.py --tap NAME [--totals FILE] -- COMMAND...

The list of programs, their environment and time limits come from ctest. A program that
prints no TAP is one test: its exit status (0 passed, 77 skipped). A crash, a time-out, a bad
exit status without a failed line, and planned tests that never reported count as failed.
The last line is `N passed, N failed, N skipped`; the exit status is 1 if any failed.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

LINE = re.compile(r"^(?:\[[^\]]*\] ?)?(not ok|ok)\b\s*(\d*)\s*(?:- )?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*(?:skip|SKIP)\S*\s*(.*))?$")
SKIP = re.compile(r"#\s*skip\S*\s*(.*)$", re.IGNORECASE)
TAIL_LINES = 40  # of a program that crashed
AROUND = 12  # lines before and after a failed one
SKIP_STATUS = 77


class Result:
    """What one program said."""

    def __init__(self, name):
        self.name, self.seconds, self.output = name, 0.0, ""
        self.passed, self.failed, self.skipped = 0, [], []

    def mark(self):
        if self.failed:
            return "FAIL"
        return "ok" if self.passed else "skip"


def read_tap(text, result):
    """Counts the lines of text into result; gives (planned, seen)."""
    planned, seen, remark = None, 0, ""
    for line in text.splitlines():
        line = line.strip()
        plan, test = PLAN.match(line), LINE.match(line)
        if plan:
            planned = (planned or 0) + int(plan.group(1))
            if planned == 0:
                result.skipped.append(plan.group(2) or "no reason given")
        elif test:
            seen += 1
            skip = SKIP.search(test.group(3))
            if skip:  # cmocka writes "not ok 3 # SKIP name"; the reason stands before it
                result.skipped.append(remark or skip.group(1) or "no reason given")
            elif test.group(1) == "ok":
                result.passed += 1
            else:
                result.failed.append(test.group(3) or f"test {test.group(2)}")
            remark = ""
        elif line:
            remark = reason(line)
    return planned, seen


def reason(line):
    return line.strip().lstrip("# ").removeprefix("skip: ")


def judge(result, status, timeout):
    """Adds what the exit status says to what the TAP lines said."""
    planned, seen = read_tap(result.output, result)
    if status is None:
        result.failed.append(f"no end after {timeout:g} s")
    elif seen == 0 and planned is None:
        if status == 0:
            result.passed = 1
        elif status == SKIP_STATUS:
            lines = result.output.strip().splitlines()
            result.skipped.append(reason(lines[-1]) if lines else "no reason given")
        else:
            result.failed.append(describe(status))
    elif status != 0 and (not result.failed or status < 0):
        result.failed.append(describe(status))
        seen += 1
    if planned is not None and seen < planned:
        result.failed += ["did not report, though planned"] * (planned - seen)


def describe(status):
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"


def run_program(name, command, env, folder, timeout):
    """Runs one program in its own process group; nothing of it survives."""
    result, started, status = Result(name), time.monotonic(), None
    with tempfile.TemporaryFile() as out:
        try:
            program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=subprocess.STDOUT, env=env, cwd=folder,
                                       start_new_session=True)
        except OSError as e:
            result.failed.append(f"cannot start: {e}")
            return result
        try:
            status = program.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(program.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        program.wait()
        out.seek(0)
        result.output = out.read().decode("utf-8", "replace")
    result.seconds = time.monotonic() - started
    judge(result, status, timeout)
    return result


class Slots:
    """Processors shared by running tests; a test may need several."""

    def __init__(self, n):
        self.n, self.free, self.change = n, n, threading.Condition()

    def run(self, n, work):
        n = min(n, self.n)
        with self.change:
            self.change.wait_for(lambda: self.free >= n)
            self.free -= n
        try:
            return work()
        finally:
            with self.change:
                self.free += n
                self.change.notify_all()


def listed_tests(build, label, name):
    """What ctest knows: (name, command, environment, folder, timeout, processors)."""
    text = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, check=True,
                          stdout=subprocess.PIPE).stdout
    found = []
    for test in json.loads(text)["tests"]:
        props = {p["name"]: p["value"] for p in test.get("properties", [])}
        if label and label not in props.get("LABELS", []):
            continue
        if name and not re.search(name, test["name"]):
            continue
        env = dict(os.environ)
        env.update(e.split("=", 1) for e in props.get("ENVIRONMENT", []))
        slots = 10 ** 6 if props.get("RUN_SERIAL") else int(props.get("PROCESSORS", 1))
        command = test.get("command") or [f"{build}/missing-{test['name']}"]
        found.append((test["name"], command, env, props.get("WORKING_DIRECTORY", build),
                      float(props.get("TIMEOUT", 120)), slots))
    return found


def run_all(tests, jobs):
    slots, lock, results = Slots(jobs), threading.Lock(), []

    def one(test):
        name, command, env, folder, timeout, n = test
        result = slots.run(n, lambda: run_program(name, command, env, folder, timeout))
        with lock:
            results.append(result)
            print(f"[{len(results):3}/{len(tests)}] {result.mark():4} {name:36} "
                  f"{result.passed:4} passed {result.seconds:6.1f} s", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(one, t) for t in tests]:
            done.result()
    return results


def excerpt(result):
    """The lines around each failed one; the end of the output when it says nothing."""
    lines, kept = result.output.splitlines(), set()
    for i, line in enumerate(lines):
        test = LINE.match(line.strip())
        if test and test.group(1) == "not ok" and not SKIP.search(line):
            kept.add(i)
            for step in (-1, 1):
                k = i + step
                while 0 <= k < len(lines) and abs(k - i) <= AROUND and not LINE.match(lines[k]):
                    kept.add(k)
                    k += step
    if len(kept) == 0 or any("exit status" in t or "killed" in t or "no end" in t
                             for t in result.failed):
        kept |= set(range(max(0, len(lines) - TAIL_LINES), len(lines)))
    return [lines[i] for i in sorted(kept)]


def report(results, title):
    for result in sorted((r for r in results if r.failed), key=lambda r: r.name):
        print(f"\n--- {title}{result.name}: {len(result.failed)} failed")
        for text in dict.fromkeys(result.failed):
            print(f"    not ok: {text}")
        for line in excerpt(result):
            print(f"    | {line}")
    reasons = {}
    for result in results:
        for reason in result.skipped:
            reasons.setdefault(reason, []).append(result.name)
    if reasons:
        print("\nskipped:")
    for reason, names in sorted(reasons.items()):
        where = ", ".join(dict.fromkeys(names))
        print(f"  {len(names):4} {reason} ({where})")


def parse_arguments():
    parser = argparse.ArgumentParser(description="Runs tests and counts their TAP lines.")
    parser.add_argument("build", nargs="?", help="build folder")
    parser.add_argument("--label", help="only tests with this ctest label")
    parser.add_argument("--name", help="only tests whose name matches")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--title", default="", help="printed before names of failed tests")
    parser.add_argument("--totals", help="file to which 'passed failed skipped' is appended")
    parser.add_argument("--tap", metavar="NAME", help="run one command instead of a folder")
    own = sys.argv[1:]
    command = []
    if "--" in own:
        at = own.index("--")
        own, command = own[:at], own[at + 1:]
    args = parser.parse_args(own)
    if bool(args.tap) != bool(command) or bool(args.tap) == bool(args.build):
        parser.error("give a build folder, or --tap NAME -- COMMAND")
    return args, command


def main():
    args, command = parse_arguments()
    if args.tap:
        tests = [(args.tap, command, dict(os.environ), os.getcwd(), 1200.0, 1)]
    else:
        tests = listed_tests(os.path.abspath(args.build), args.label, args.name)
    results = run_all(tests, args.jobs)
    report(results, f"{args.title} " if args.title else "")
    counts = (sum(r.passed for r in results), sum(len(r.failed) for r in results),
              sum(len(r.skipped) for r in results))
    if not tests:
        print("no tests found")
        counts = (0, 1, 0)
    if args.totals:
        with open(args.totals, "a", encoding="utf-8") as f:
            print(*counts, file=f)
    print(f"{counts[0]} passed, {counts[1]} failed, {counts[2]} skipped")
    return 1 if counts[1] else 0


if __name__ == "__main__":
    sys.exit(main())
