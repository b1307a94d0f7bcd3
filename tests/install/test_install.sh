#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs a build folder into a fresh prefix, moves the prefix, and builds programs outside of
# the tree against it: C and Fortran, by CMake's find_package and by pkg-config. A server loads the
# module that was installed, and the same programs run on it. Prints TAP.
# usage: tests/install/test_install.sh BUILD
set -u
build=$(cd "$1" && pwd) || exit 2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 2
trap '"$work/prefix/bin/weir" redis --stop --folder "$work/served" 2> /dev/null; rm -rf "$work"' EXIT
n=0 failed=0

# check NAME COMMAND...: one TAP line.
check() {
    local name=$1
    shift
    n=$((n + 1))
    if "$@" > "$work/log" 2>&1; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        sed 's/^/# /' "$work/log" | tail -30
        failed=$((failed + 1))
    fi
}
skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

install_and_move() { # the package files must not name the place they were installed to
    cmake --install "$build" --prefix "$work/first" && mv "$work/first" "$work/prefix" &&
        ! grep -rl "$work/first\|$build" "$work/prefix" --include='*.pc' --include='*.cmake' \
            --include='*.h'
}
prints() { # EXPECTED COMMAND...
    local expected=$1 got
    shift
    got=$("$@") || return 1
    [ "$(tr -d ' ' <<< "$got" | sed 's/\.0*$//')" = "$expected" ] || { echo "printed '$got', expected $expected"; return 1; }
}
by_cmake() { # LANGUAGE
    cmake -S "$here/$1" -B "$work/$1" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" &&
        cmake --build "$work/$1" && prints 9 "$work/$1/outside"
}
by_pkg_config() { # PACKAGE COMPILER SOURCE
    local pc
    pc=$(dirname "$(find "$work/prefix" -name "$1.pc")")
    # shellcheck disable=SC2046
    "$2" -o "$work/out-$1" "$3" $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs "$1") \
        -Wl,-rpath,"$(dirname "$pc")" && prints 9 "$work/out-$1"
}
refuses_other_version() { # find_package(weir 9.0) must fail
    mkdir -p "$work/nine" && sed 's/weir 0.1/weir 9.0/' "$here/c/CMakeLists.txt" > "$work/nine/CMakeLists.txt" &&
        ! cmake -S "$work/nine" -B "$work/nine/b" -DCMAKE_PREFIX_PATH="$work/prefix"
}
finds_backends() { # from where the tree was moved to
    local out
    out=$("$work/prefix/bin/weir" info) || return 1
    grep -q "$work/prefix/lib.*weir_backend_mock.so" <<< "$out" || { echo "$out"; return 1; }
}
serves() { # KIND: the installed module in a server, which finds the backends and the program beside it
    local told
    PATH=$PATH:$servers "$work/prefix/bin/weir" redis --background --server "$1-server" \
        --folder "$work/served" || return 1
    told=$("$work/prefix/bin/weir" info --address "unix:$work/served/socket") &&
        grep -q "$work/prefix/lib.*weir_backend_mock.so" <<< "$told" &&
        grep -q "socket  *$1 .*Weir $("$work/prefix/bin/weir" --version | cut -d' ' -f2)" <<< "$told" &&
        PYTHONPATH="$here/../server" /usr/bin/python3 -c "if True:
            from resp import Resp
            said = Resp('$work/served/socket').call('INFO', 'ai').decode()
            assert 'ai_probe:on' in said, said" || { echo "$told"; return 1; }
}
on_the_server() { # PROGRAM: the same program, another address; what it puts is there
    prints 9 env WEIR_ADDRESS="unix:$work/served/socket" "$1" &&
        PYTHONPATH="$here/../server" /usr/bin/python3 -c "if True:
            from resp import Resp
            c = Resp('$work/served/socket')
            assert c.call('AI.TENSORGET', 'odd', 'META') == [b'dtype', b'DOUBLE', b'shape', [3]]
            c.call('FLUSHALL')"
}
infers_on_the_server() {
    "$work/prefix/bin/weir" bench --runs 1 --address "unix:$work/served/socket" |
        grep -q '10-64-64-1 infer  *[0-9.]* [mun]*s'
}
stops() {
    "$work/prefix/bin/weir" redis --stop --folder "$work/served"
}
test_server() { # KIND
    if ! PATH=$PATH:$servers command -v "$1-server" > /dev/null; then
        skip "$1-server loads the module" "no $1-server"
        return
    fi
    check "$1-server loads the module, with backends and weir probe" serves "$1"
    [ -e "$work/served/socket" ] || return
    check "C on $1 by its address" on_the_server "$work/c/outside"
    [ -x "$work/fortran/outside" ] && check "Fortran on $1 by its address" on_the_server "$work/fortran/outside"
    [ -e "$build/lib/weir/backends/weir_backend_onnx.so" ] && check "an ONNX model on $1" infers_on_the_server
    check "$1 is stopped" stops
}
runs_a_model() {
    "$work/prefix/bin/weir" model "$here/../models/mlp.onnx"
}

servers=${WEIR_PREFIX:-$here/../../.deps}/usr/bin # what the set-up could only put there
unset WEIR_ADDRESS WEIR_PREFIX WEIR_BACKEND_PATH WEIR_ONNXRUNTIME_LIBRARY LD_LIBRARY_PATH
check "installs, and can be moved" install_and_move
check "C by find_package" by_cmake c
check "another version is refused" refuses_other_version
if command -v pkg-config > /dev/null; then
    check "C by pkg-config" by_pkg_config weir cc "$here/c/main.c"
else
    skip "C by pkg-config" "no pkg-config"
fi
if [ -e "$build/weir-fortran.pc" ]; then
    check "Fortran by find_package" by_cmake fortran
    check "Fortran by pkg-config" by_pkg_config weir-fortran gfortran "$here/fortran/main.f90"
else
    skip "Fortran" "this build has no Fortran module"
fi
if [ -x "$build/bin/weir" ]; then
    check "program weir finds its library and backends" finds_backends
else
    skip "program weir" "not built"
fi
if [ -e "$build/lib/weir/backends/weir_backend_onnx.so" ]; then
    check "program weir runs an ONNX model" runs_a_model
else
    skip "program weir runs an ONNX model" "this build has no onnx backend"
fi
if [ ! -e "$build/lib/weir/weir.so" ]; then
    skip "servers load the module" "this build has no module"
elif [ ! -e "$build/lib/weir/backends/weir_backend_mock.so" ]; then
    skip "servers load the module" "this build has no backends"
else
    test_server redis
    test_server valkey
fi
echo "1..$n"
[ $failed = 0 ]
