#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The demonstration: the coarse gyre with no closure, with (a) the energy equation and with (b) the
# network through Weir, each on 2 ranks from the same coarsened fine state, then pictures and figures
# against the truth.
# usage: demo.sh BUILD_DIR OUT_DIR
set -eu
if [ $# -ne 2 ]; then
  echo "usage: $0 BUILD_DIR OUT_DIR" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
ocean=$1/bin/ocean
out=$2
if [ ! -x "$ocean" ]; then
  echo "$0: no $ocean: build Weir with Fortran, MPI and netcdf-fortran first" >&2
  exit 1
fi
mkdir -p "$out"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe # the same for Open MPI 5

# mpirun gives its ranks a pseudo-terminal even when its own output is a file
OCEAN_PROGRESS=lines
[ -t 1 ] && OCEAN_PROGRESS=bar
export OCEAN_PROGRESS
# unbound, so that a rank whose core is busy with something else may move to the other
for closure in none meke network; do
  echo "coarse gyre, 2 ranks, closure $closure"
  mpirun --bind-to none -n 2 "$ocean" "$here/gyre_coarse.nml" "closure='$closure'" \
    "days=${OCEAN_DAYS:-730}" "mean_from_day=${OCEAN_FROM:-180}" \
    "restart='$here/data/start.nc'" \
    "model_file='$here/data/eke.onnx'" "means='$out/$closure.nc'" \
    "history='$out/${closure}_history.nc'" history_days=73 "timings='$out/$closure.json'"
done
/usr/bin/python3 "$here/plot.py" "$here/data" "$out"
