# SPDX-License-Identifier: BSD-3-Clause
"""TAP lines of the Python tests: test(good, name, notes..) and skip(name, reason) print one line
each, done() the plan, and ends the program."""
import sys

n_tests = n_failed = 0


def test(good, name, *notes):
    """One test; the notes are shown if it failed. Gives whether it passed."""
    global n_tests, n_failed
    n_tests += 1
    n_failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", n_tests, name))
    for note in notes if not good else ():
        for line in str(note).splitlines():
            print("# " + line)
    sys.stdout.flush()
    return bool(good)


def skip(name, reason):
    global n_tests
    n_tests += 1
    print("ok %d - %s # SKIP %s" % (n_tests, name, reason), flush=True)


def skip_all(reason):
    """Nothing of this program can run."""
    print("1..0 # SKIP " + reason, flush=True)
    sys.exit(0)


def done():
    print("1..%d" % n_tests, flush=True)
    sys.exit(n_failed > 0)
