/* SPDX-License-Identifier: BSD-3-Clause */
/* A server, and the connections to it that nobody uses now: a call takes one and gives it back, so that
 * threads never share one and a thread without a call holds none. */
#ifndef WR_RESP_NODE_H
#define WR_RESP_NODE_H

#include "base/thread.h"
#include "client/transport/resp/conn.h"

enum { WR_IDLE_MAX = 64 }; /* connections that are kept for a server */

typedef struct wr_node {
    wr_place place;
    char *name;    /* owned: "host:port", "[::1]:port" or the socket's path */
    wr_mutex lock; /* guards the rest */
    wr_conn *idle; /* the last one used first */
    int n_idle;
} wr_node;

/* `place` is copied. */
weir_status wr_node_new(wr_node **out, const wr_place *place, weir_error *err);
void wr_node_free(wr_node *n);

/* A connection that was alive a moment ago, or a new one. */
weir_status wr_node_take(wr_node *n, wr_line *line, weir_deadline until, wr_conn **out,
                         weir_error *err);

/* The same without opening: NULL when none is at rest. `now` is the clock as the caller has just read
 * it: a small call has no time for more. */
wr_conn *wr_node_take_idle(wr_node *n, int64_t now);

/* Taken: kept if it may serve again, else closed. */
void wr_node_give(wr_node *n, wr_conn *c);

/* The server has gone: what is kept is of no use. */
void wr_node_drop_idle(wr_node *n);

#endif
