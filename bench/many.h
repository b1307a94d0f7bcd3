/* SPDX-License-Identifier: BSD-3-Clause */
/* Several workers at once beside several others: each side has the machine to itself in turns, for a
 * window of time. */
#ifndef WEIR_BENCH_MANY_H
#define WEIR_BENCH_MANY_H

#include "bench.h"
#include "worker.h"

enum { MANY_SIDES_MAX = 3, MANY_WORKERS_MAX = 8 };

typedef struct many_side {
    const char *label;   /* in the table */
    const char *program; /* of the bench folder */
    const char *address; /* worker_args.address; NULL: embedded */
    int n, threads;      /* processes; calling threads of each */
    int server_pid;      /* 0, or whose time is not foreign */
    worker w[MANY_WORKERS_MAX];
    double ratio;    /* filled: of its rate to the first side's, median over the rounds */
    bench_stat rate; /* filled: rows per second */
} many_side;

/* Start all; on failure `why` is one line and none runs. */
bool many_start(many_side *side, int n, const worker_args *a, char why[WORKER_TEXT]);
void many_stop(many_side *side, int n);

void many_head(void);
/* Run the sides in turns, fill their numbers and print a line of each. */
bool many_compare(many_side *side, int n, const char *net, int64_t batch, int rounds,
                  long window_ms, char why[WORKER_TEXT]);

#endif
