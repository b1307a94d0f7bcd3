// SPDX-License-Identifier: BSD-3-Clause
// How many threads a run takes. Nothing of the program's own settings stays changed: OpenMP's number
// belongs to the calling thread and is put back; OpenBLAS has one number for the whole process, which
// is one while any run is in flight and is put back after the last.
#include <mutex>

#include <ATen/Parallel.h>

#include "backends/torch/parts.h"

// Found, if at all, among what libtorch itself was linked with.
extern "C" {
__attribute__((weak)) int omp_get_max_threads(void);
__attribute__((weak)) void omp_set_num_threads(int n);
__attribute__((weak)) int openblas_get_num_threads(void);
__attribute__((weak)) void openblas_set_num_threads(int n);
}

namespace
{
std::mutex blas_lock;
int n_runs;      // guarded by blas_lock
int blas_before; // guarded by blas_lock

bool has_blas()
{
    return openblas_get_num_threads != nullptr && openblas_set_num_threads != nullptr;
}

void blas_begin()
{
    std::lock_guard<std::mutex> hold(blas_lock);
    if (n_runs++ > 0)
        return;
    blas_before = openblas_get_num_threads();
    if (blas_before > 1)
        openblas_set_num_threads(1);
}

void blas_end()
{
    std::lock_guard<std::mutex> hold(blas_lock);
    if (--n_runs == 0 && blas_before > 1)
        openblas_set_num_threads(blas_before);
}
} // namespace

threads_scope::threads_scope(int n)
{
    if (omp_get_max_threads != nullptr && omp_set_num_threads != nullptr) {
        before = omp_get_max_threads();
        at::get_num_threads(); // on a new thread libtorch sets its own number first
        if (omp_get_max_threads() != n)
            omp_set_num_threads(n);
    }
    if (has_blas())
        blas_begin();
}

threads_scope::~threads_scope()
{
    if (has_blas())
        blas_end();
    if (before > 0 && omp_get_max_threads() != before)
        omp_set_num_threads(before);
}
