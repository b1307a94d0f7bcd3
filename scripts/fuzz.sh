#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs each fuzz target of a build folder for some seconds, from its committed corpus. New
# inputs go to BUILD/corpus; a crash leaves its input there and ends with status 1.
# usage: scripts/fuzz.sh BUILD SECONDS [NAME...]
set -u
build=$(cd "$1" && pwd) || exit 2
seconds=$2
shift 2
cd "$(dirname "$0")/.." || exit 2
export UBSAN_OPTIONS=print_stacktrace=1
export WEIR_BACKEND_PATH=$build/lib/weir/backends
status=0
for program in "$build"/tests/ft_*; do
    [ -x "$program" ] || { echo "no fuzz targets in $build"; exit 1; }
    name=$(basename "$program")
    [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
    mkdir -p "$build/corpus/$name"
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/corpus/$name-" "$build/corpus/$name" \
        $(ls -d "tests/corpus/$name" 2> /dev/null) > "$build/$name.log" 2>&1; then
        echo "ok   $name $(grep -o 'stat::number_of_executed_units:.*' "$build/$name.log")"
    else
        echo "FAIL $name"
        tail -30 "$build/$name.log"
        status=1
    fi
done
exit $status
