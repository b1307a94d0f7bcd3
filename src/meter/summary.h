/* SPDX-License-Identifier: BSD-3-Clause */
/* The joined statistics of ranks, as reduce.c makes them and summary.c shows them. */
#ifndef WR_METER_SUMMARY_H
#define WR_METER_SUMMARY_H

#include "weir/meter.h"

struct weir_meter_summary {
    int n_ranks;
    size_t n;
    weir_meter_total *total; /* n, sorted by name */
    double *by_rank;         /* n rows of n_ranks; NULL but on rank 0 */
};

/* An empty one for so many keys; NULL when there is no memory. */
weir_meter_summary *wr_summary_new(size_t n, int n_ranks, bool by_rank);

#endif
