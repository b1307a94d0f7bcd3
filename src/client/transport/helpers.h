/* SPDX-License-Identifier: BSD-3-Clause */
/* The few threads that carry out non-blocking requests. Started when first needed, asleep while there is
 * nothing to do. Embedded runs of models don't pass here: the engine has its own workers within the
 * thread budget. */
#ifndef WR_TRANSPORT_HELPERS_H
#define WR_TRANSPORT_HELPERS_H

#include "base/thread.h"
#include "client/transport/transport.h"

enum { WR_HELPERS_MAX = 4 };

typedef weir_status (*wr_helped)(void *context, const wr_req *req, wr_rep *rep,
                                 weir_error *err);

typedef struct wr_helpers {
    wr_helped handle;
    void *context;
    int n_most; /* threads: several, so that a slow call does not stop the others */
    wr_mutex lock; /* guards all below */
    wr_cond work;
    wr_call *first, *last;
    pthread_t thread[WR_HELPERS_MAX];
    int n_threads;
    int n_idle;
    bool stop;
} wr_helpers;

/* At most n_most threads, which call `handle`. */
void wr_helpers_init(wr_helpers *h, wr_helped handle, void *context, int n_most);

/* All calls must be done. */
void wr_helpers_fini(wr_helpers *h);

weir_status wr_helpers_begin(wr_helpers *h, wr_call *call, weir_error *err);

#endif
