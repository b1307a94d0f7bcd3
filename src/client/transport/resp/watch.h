/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting for keys: each wait is a WEIR.POLL that a server answers when it is met, on a connection of
 * its own. One thread per client looks after all of them; it is started by the first wait and asleep
 * until something comes. */
#ifndef WR_RESP_WATCH_H
#define WR_RESP_WATCH_H

#include "base/thread.h"
#include "client/transport/resp/errand.h"
#include "client/transport/transport.h"

typedef struct wr_watcher wr_watcher;

typedef struct wr_watches {
    wr_errands *errands;
    wr_mutex lock; /* guards the rest; `fired` is called with it held */
    wr_watcher *first;
    pthread_t thread;
    bool started, stop;
    int wake[2]; /* a pipe: a byte says that something has changed */
} wr_watches;

void wr_watches_init(wr_watches *w, wr_errands *errands);
void wr_watches_fini(wr_watches *w);

/* As wr_transport_ops: `slot` of its key, `key` as it is on the server. */
weir_status wr_watches_add(wr_watches *w, wr_wait *wait, int slot, weir_str key,
                           weir_error *err);
void wr_watches_remove(wr_watches *w, wr_wait *wait);

#endif
