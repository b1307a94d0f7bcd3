/* SPDX-License-Identifier: BSD-3-Clause */
/* The few threads that carry out non-blocking requests of an embedded store. Started when first
 * needed, asleep while there is nothing to do. Runs of models don't pass here: the engine has its own
 * workers within the thread budget. */
#ifndef WR_INPROC_HELPERS_H
#define WR_INPROC_HELPERS_H

#include "base/thread.h"
#include "client/transport/transport.h"

enum {
    WR_HELPERS_MAX = 2
}; /* a slow one (a model that loads) does not stop puts and gets */

typedef struct wr_helpers {
    wr_service *service;
    wr_mutex lock; /* guards all below */
    wr_cond work;
    wr_call *first, *last;
    pthread_t thread[WR_HELPERS_MAX];
    int n_threads;
    int n_idle;
    bool stop;
} wr_helpers;

void wr_helpers_init(wr_helpers *h, wr_service *service);

/* All calls must be done. */
void wr_helpers_fini(wr_helpers *h);

weir_status wr_helpers_begin(wr_helpers *h, wr_call *call, weir_error *err);

#endif
