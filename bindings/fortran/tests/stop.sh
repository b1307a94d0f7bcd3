#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Without stat= a failing call stops the program with its text and a status that is not 0.
# usage: stop.sh PROGRAM
n=0 failed=0
for case in "get:no such key" "errmsg:no such key" "function:kind" "body:no such model"; do
    n=$((n + 1))
    how=${case%%:*} phrase=${case#*:}
    text=$("$1" "$how" 2>&1)
    status=$?
    if [ $status -ne 0 ] && echo "$text" | grep -q "Weir.*$phrase" &&
        ! echo "$text" | grep -q 'went on'; then
        echo "ok $n - $how stops with its text"
    else
        echo "not ok $n - $how stops with its text"
        echo "$text" | sed "s/^/# status $status: /"
        failed=1
    fi
done
echo "1..$n"
exit $failed
