#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the test runner: what it makes of good, bad and broken programs. Prints TAP."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from run_tests import run_program  # noqa: E402

# name, shell program, (passed, failed, skipped), a text among the failures or reasons
CASES = [
    ("counts_ok_lines", "echo 1..2; echo ok 1 - a; echo ok 2 - b", (2, 0, 0), ""),
    ("counts_not_ok_lines", "echo 1..2; echo ok 1; echo 'not ok 2 - b'; exit 1", (1, 1, 0), "b"),
    ("knows_a_crash_after_good_lines", "echo 1..1; echo ok 1; kill -SEGV $$", (1, 1, 0),
     "killed by SIGSEGV"),
    ("knows_tests_that_never_ran", "echo 1..3; echo ok 1; exit 0", (1, 2, 0), "did not report"),
    ("counts_a_killed_test_once", "echo 1..3; echo ok 1; kill -ABRT $$", (1, 2, 0), "SIGABRT"),
    ("knows_a_leak_by_exit_status", "echo 1..1; echo ok 1; exit 23", (1, 1, 0),
     "exit status 23"),
    ("fails_without_end", "echo ok 1; sleep 30", (1, 1, 0), "no end after"),
    ("takes_exit_status_without_lines", "exit 0", (1, 0, 0), ""),
    ("fails_exit_status_without_lines", "exit 3", (0, 1, 0), "exit status 3"),
    ("skips_by_status_77", "echo '# skip: no gpu'; exit 77", (0, 0, 1), "no gpu"),
    ("skips_whole_plan", "echo '1..0 # SKIP no mpi'", (0, 0, 1), "no mpi"),
    ("skips_as_cmocka_does", "echo 1..1; echo '# skip: no torch'; echo 'not ok 1 # SKIP t'",
     (0, 0, 1), "no torch"),
    ("adds_several_plans", "echo 1..1; echo ok 1; echo 1..1; echo ok 1", (2, 0, 0), ""),
    ("fails_missing_program", None, (0, 1, 0), "cannot start"),
]


def main():
    bad = 0
    print(f"1..{len(CASES)}")
    for i, (name, shell, expected, text) in enumerate(CASES, 1):
        command = ["sh", "-c", shell] if shell else ["/nonexistent/program"]
        r = run_program(name, command, dict(os.environ), "/", 1.0)
        got = (r.passed, len(r.failed), len(r.skipped))
        ok = got == expected and any(text in t for t in r.failed + r.skipped + [""])
        bad += not ok
        print(f"{'ok' if ok else 'not ok'} {i} - {name}")
        if not ok:
            print(f"# expected {expected} and '{text}', got {got}: {r.failed} {r.skipped}")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
