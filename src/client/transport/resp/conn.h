/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection to one server: requests flow out while replies are read, so that neither side's full
 * buffers can stop both. Used by one thread at a time. */
#ifndef WR_RESP_CONN_H
#define WR_RESP_CONN_H

#include <stdatomic.h>

#include "client/transport/resp/flow.h"
#include "client/transport/resp/reader.h"
#include "client/transport/resp/socket.h"

/* What a client counts: name, unit, description. */
// clang-format off: one line per entry.
#define WR_CLIENT_COUNTER_MAP(X) \
    X(sent_bytes, "bytes", "sent to servers") \
    X(received_bytes, "bytes", "received from servers") \
    X(pack_copies, "1", "tensors packed for sending: their rows are shorter than 4 KB") \
    X(pack_bytes, "bytes", "bytes that these copies moved") \
    X(buffer_bytes, "bytes", "bytes of replies that came through a buffer") \
    X(unpack_bytes, "bytes", "bytes of replies that had to be scattered") \
    X(connections, "1", "connections opened") \
    X(failed_connections, "1", "connections that broke, or were dropped after a time-out") \
    X(retries, "1", "requests sent again, since the server had not executed them") \
    X(redirects, "1", "requests sent again to another shard") \
    X(topology_reads, "1", "times that a cluster's slots were asked for")
// clang-format on

typedef enum wr_client_counter {
#define X(name, ...) WR_COUNT_##name,
    WR_CLIENT_COUNTER_MAP(X)
#undef X
        WR_CLIENT_COUNTERS
} wr_client_counter;

/* What all connections of a client share; outlives them. */
typedef struct wr_line {
    wr_tls_context *tls;         /* NULL: plain */
    const char *user, *password; /* NULL: none */
    int db;
    atomic_uint_fast64_t count[WR_CLIENT_COUNTERS];
} wr_line;

static inline void wr_tally(wr_line *l, wr_client_counter c, uint64_t n)
{
    if (n > 0)
        atomic_fetch_add_explicit(&l->count[c], n, memory_order_relaxed);
}

typedef struct wr_conn {
    wr_input input;
    wr_line *line;
    const char *name; /* of the server, for messages; outlives this */
    struct wr_conn *next;
    wr_socket socket;
    weir_deadline until; /* of what is going on */
    int64_t used_ns;     /* when it was last given back; 0: new */
    int64_t
        now; /* the clock as read a moment ago, for the first wait of a request; 0: read it */
    bool sending_failed;
    wr_flow flow;
    wr_reader reader;
} wr_conn;

/* Connect, say who we are, choose the database: all by `until`. */
weir_status wr_conn_open(wr_conn **out, wr_line *line, const wr_place *at,
                         const char *name, weir_deadline until, weir_error *err);
void wr_conn_close(wr_conn *c);

/* Forget the last requests; then add to c->flow.e with wr_wire_encode or the like. */
void wr_conn_begin(wr_conn *c, weir_deadline until);

/* Send what goes out without waiting; the rest goes while replies are read. A failure shows when
 * reading. ERR_NOMEM. */
weir_status wr_conn_push(wr_conn *c, weir_error *err);

/* Is something of the requests still to be handed to the kernel? Then the last one of them cannot have
 * been executed. */
static inline bool wr_conn_is_sending(const wr_conn *c)
{
    return !wr_flow_is_sent(&c->flow);
}

/* Read one reply that must not be an error: for commands without a result. */
weir_status wr_conn_expect_ok(wr_conn *c, weir_error *err);

/* May it serve again? All was sent, all was read. */
bool wr_conn_is_reusable(const wr_conn *c);

#endif
