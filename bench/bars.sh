#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Measures every speed promise of bars.txt and prints one line for each:
#
#     bar NAME VALUE OP TARGET ok|SHORT
#
# usage: bench/bars.sh BUILD_DIR [--quick] [--only PROGRAM] [--models DIR]
#
#   --quick   few and short rounds: the numbers are rough, the lines the same
#   --only    one program of bars.txt
#   --models  folder of tiny.onnx, eke_large.onnx, eke_small.onnx, resnet50.onnx; made in BUILD_DIR/bench-models
#             when it is not given. TorchScript originals: WEIR_SHARED_DATA/eke
#
# exit status: 0 all reached, 1 at least one SHORT, 2 wrong usage
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
usage() { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }

[ $# -ge 1 ] && [ -d "$1" ] || usage
build=$(cd "$1" && pwd)
shift
quick=() only='' models=''
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=(--quick) ;;
    --only) [ $# -ge 2 ] || usage; only=$2; shift ;;
    --models) [ $# -ge 2 ] || usage; models=$2; shift ;;
    *) usage ;;
    esac
    shift
done

# What the programs find at run time, unless the caller says otherwise.
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt" 2>/dev/null; }
export WEIR_BACKEND_PATH=${WEIR_BACKEND_PATH:-$build/lib/weir/backends}
if [ -z "${WEIR_ONNXRUNTIME_LIBRARY:-}" ]; then
    found=$(cached WEIR_ONNXRUNTIME_LIBRARY)
    [ -e "$found" ] && export WEIR_ONNXRUNTIME_LIBRARY=$found
fi
# Ahead of other processes where that is allowed: their time slices are not what is measured. What
# they used of the machine stands beside each number.
group=
if [ ${#quick[@]} -eq 0 ]; then
    renice -n -20 -p $$ >/dev/null 2>&1 || true
    group=$(sed -n 's/.* nice //p' /proc/self/autogroup 2>/dev/null) # of this terminal's processes
    [ -z "$group" ] || { echo -20 >/proc/self/autogroup; } 2>/dev/null || true
fi
# One compute thread for what libtorch calls, in the direct program and in Weir alike.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

if [ -z "$models" ]; then
    models=$build/bench-models
    mkdir -p "$models"
    [ -s "$models/tiny.onnx" ] || "$build/bin/weir" bench --write-model "$models/tiny.onnx"
    data=${WEIR_SHARED_DATA:-$root/../shared/data}
    if [ ! -s "$models/eke_large.onnx" ] && [ -d "$data/eke" ]; then
        /usr/bin/python3 "$root/tests/eke/export_onnx.py" "$models" --data "$data/eke" >&2
    fi
    if [ ! -s "$models/resnet50.onnx" ]; then
        /usr/bin/python3 "$here/make_models.py" "$models" >&2
    fi
    for net in large:ResNet_4_custom.cpu small:ncar_ml_eke; do
        [ -e "$data/eke/${net#*:}.pt" ] && cp -u "$data/eke/${net#*:}.pt" "$models/eke_${net%:*}.pt"
    done
fi

results=$(mktemp)
restore() {
    rm -f "$results"
    [ -z "$group" ] || { echo "$group" >/proc/self/autogroup; } 2>/dev/null
}
trap restore EXIT
for program in $(awk '!/^#/ && NF { print $1 }' "$here/bars.txt" | uniq); do
    [ -z "$only" ] || [ "$program" = "$only" ] || continue
    if [ -x "$build/bench/$program" ]; then
        "$build/bench/$program" "${quick[@]}" --models "$models" | tee -a "$results" |
            grep -v -e '^value ' -e '^absent '
        status=${PIPESTATUS[0]}
        [ "$status" -eq 0 ] || echo "broken $program ended with exit status $status" >>"$results"
    else
        echo "broken $program was not built" >>"$results"
    fi
    echo
done

awk -v only="$only" -f "$here/bars.awk" "$results" "$here/bars.txt"
