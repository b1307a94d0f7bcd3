#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# All benchmarks with their tables; bars.sh without the promises' exit status.
# usage: bench/bench.sh BUILD_DIR [options of bars.sh]
"$(dirname "$0")/bars.sh" "$@"
status=$?
[ "$status" -eq 1 ] && exit 0
exit "$status"
