/* SPDX-License-Identifier: BSD-3-Clause */
/* A few threads that carry out what others must not wait for. Started when first needed, asleep while
 * there is nothing to do; first come, first served. */
#ifndef WR_BASE_WORKERS_H
#define WR_BASE_WORKERS_H

#include "base/thread.h"

enum { WR_WORKERS_MAX = 8 };

/* A piece of work; lives in its owner's memory until run is called, which may free it. */
typedef struct wr_work wr_work;
struct wr_work {
    void (*run)(wr_work *w);
    wr_work *next; /* the queue's own */
};

typedef struct wr_workers {
    const char *name; /* of the threads; static */
    int most;         /* threads, up to WR_WORKERS_MAX */
    wr_mutex lock;    /* guards all below */
    wr_cond work;
    wr_work *first, *last;
    pthread_t thread[WR_WORKERS_MAX];
    int n_threads;
    int n_idle;
    int n_queued;
    bool stop;
} wr_workers;

void wr_workers_init(wr_workers *w, const char *name, int most, wr_level level);

/* Runs what is queued, then ends the threads. Harmless on one that is all zero. */
void wr_workers_fini(wr_workers *w);

/* Fails only when there is no thread at all and none can be started; run is not called then. */
weir_status wr_workers_begin(wr_workers *w, wr_work *work, weir_error *err);

#endif
