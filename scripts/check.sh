#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Everything that must hold: set-up, builds with and without sanitizers, lint, all tests. The
# last line is `N passed, N failed, N skipped`; status 1 if any failed. Logs: build/check/.
# usage: scripts/check.sh   (JOBS=n for the builds, NO_SETUP=1 to leave the set-up out)
set -u
cd "$(dirname "$0")/.." || exit 2
jobs=${JOBS:-$(nproc)}
out=build/check
rm -rf "$out" && mkdir -p "$out" || exit 2
totals=$out/totals
: > "$totals"
PATH=$PATH:${WEIR_PREFIX:-$PWD/.deps}/usr/bin
runner=tests/run/run_tests.py

say() { printf '\n== %4d s  %s\n' $SECONDS "$*"; }
count() { echo "$1 $2 $3" >> "$totals"; }

# build PRESET FOLDER TARGET [OPTION...]: counts as one test.
build() {
    local preset=$1 folder=$2 target=$3 log=$out/$2.log started=$SECONDS
    shift 3
    say "build $folder"
    if cmake --preset "$preset" -B "build/$folder" "$@" > "$log" 2>&1 &&
        cmake --build "build/$folder" -j "$jobs" --target "$target" -- -k 0 >> "$log" 2>&1; then
        echo "ok   build $folder, $((SECONDS - started)) s"
        count 1 0 0
        return 0
    fi
    echo "FAIL build $folder (whole log: $log)"
    grep -E -A3 'error|Error|FAILED' "$log" | head -60
    count 0 1 0
    return 1
}
need() { # COMMAND WHAT: whether it is there; counts one skipped test if not
    command -v "$1" > /dev/null && return 0
    echo "skip $2: no $1"
    count 0 0 1
    return 1
}

if [ -z "${NO_SETUP:-}" ]; then
    say "set-up"
    scripts/setup.sh || [ $? -ge 3 ] || exit 1
fi
[ -x /usr/bin/python3 ] && command -v cmake > /dev/null || { echo "no python3 or cmake"; exit 1; }

build asan asan all
build core core all
say "lint"
/usr/bin/python3 $runner --totals "$totals" --tap lint -- scripts/lint.sh
say "tests, address and undefined-behaviour sanitizers"
/usr/bin/python3 $runner build/asan --title asan --totals "$totals"
if build tsan tsan weir_thread_tests; then
    say "tests with threads, thread sanitizer"
    /usr/bin/python3 $runner build/tsan --label tsan --title tsan --totals "$totals"
fi
need clang "warnings of clang" && build clang clang all
if build release install all -DWEIR_WITH_TESTS=OFF -DWEIR_WITH_TORCH=OFF -DWEIR_WITH_APPS=OFF \
    -DWEIR_WITH_BENCH=OFF; then
    say "programs outside, against an installed Weir"
    /usr/bin/python3 $runner --totals "$totals" --tap install -- \
        tests/install/test_install.sh build/install
    need valgrind "the module under valgrind" && {
        say "the module under valgrind" # which sees what sanitizers don't, and can't be used beside them
        env WEIR_MODULE="$PWD/build/install/lib/weir/weir.so" WEIR_SANITIZE= \
            WEIR_BACKEND_PATH="$PWD/build/install/lib/weir/backends" \
            /usr/bin/python3 $runner --totals "$totals" --tap valgrind -- \
            tests/server/st_valgrind.py
    }
fi

say "end"
awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped\n", p, f, s
    exit f > 0 || p == 0 }' "$totals" > $out/count
status=$?
cat $out/count
exit $status
