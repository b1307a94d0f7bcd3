/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a job is likely to take: a maximum that decays, by size of the batch. Threads that note at
 * the same moment may lose one of the two numbers; the next run mends it. */
#include "engine/internal.h"

enum { DECAY = 8 }; /* an outlier of a hundred times is gone after some 35 runs */

static int class_of(int64_t rows)
{
    int c = rows < 1 ? 0 : 63 - __builtin_clzll((unsigned long long)rows);
    return c < WEIR_BATCH_BINS ? c : WEIR_BATCH_BINS - 1;
}

static int64_t known(const wr_model *m, int c)
{
    return atomic_load_explicit(&((wr_model *)(uintptr_t)m)->expect_ns[c],
                                memory_order_relaxed);
}

void wr_expect_note(wr_model *m, int64_t rows, int64_t ns)
{
    if (ns <= 0) /* it never came to a run */
        return;
    int c = class_of(rows);
    int64_t old = known(m, c), faded = old - old / DECAY;
    if (old >= ns && old - ns <= ns / DECAY)
        return; /* near enough: the line stays in every core's cache */
    atomic_store_explicit(&m->expect_ns[c], ns > faded ? ns : faded,
                          memory_order_relaxed);
}

/* Its class, else no more than the next larger one, else as many times the next smaller one as it has
 * more rows. */
int64_t wr_expect(const wr_model *m, int64_t rows)
{
    int c = class_of(rows);
    for (int i = c; i < WEIR_BATCH_BINS; i++) {
        if (known(m, i) > 0)
            return known(m, i);
    }
    for (int i = c - 1; i >= 0; i--) {
        int64_t ns = known(m, i), times = (rows >> i) + 1;
        if (ns > 0)
            return ns > INT64_MAX / times ? INT64_MAX : ns * times;
    }
    return INT64_MAX;
}
