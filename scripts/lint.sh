#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs every scripts/lint_* on the repository, and its self-test: planted defects that it must
# find. Prints TAP; the exit status says whether all passed.
cd "$(dirname "$0")/.." || exit 2
n=0 failed=0

one() { # NAME COMMAND...
    local name=$1 out status
    shift
    out=$("$@" 2>&1)
    status=$?
    n=$((n + 1))
    case $status in
    0) echo "ok $n - $name" ;;
    77) echo "ok $n - $name # SKIP $out" ;;
    *)
        failed=$((failed + 1))
        echo "not ok $n - $name"
        sed 's/^/#   /' <<< "$out"
        ;;
    esac
}

for script in scripts/lint_*.py scripts/lint_*.sh; do
    name=$(basename "${script%.*}")
    one "$name" "$script"
    one "$name finds planted defects" "$script" --self-test
done
one "the test runner knows good and bad programs" tests/run/test_run_tests.py
echo "1..$n"
[ $failed = 0 ]
