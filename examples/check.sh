#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Runs a lesson and compares its last line, "answer: N". Prints TAP.
# usage: check.sh PROGRAM N
name=$(basename "$1")
text=$("$1" 2>&1)
status=$?
got=$(echo "$text" | sed -n 's/^ *answer: *//p')
if [ $status -eq 0 ] && [ "$got" = "$2" ]; then
    echo "ok 1 - $name"
else
    echo "not ok 1 - $name answers '$got', expected '$2'"
    failed=1
fi
echo "$text" | sed 's/^/# /'
echo "1..1"
exit ${failed:-0}
