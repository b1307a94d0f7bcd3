/* SPDX-License-Identifier: BSD-3-Clause */
/* What a transport does for a client: it carries requests to a service and replies back.
 *
 * Blocking exchange, non-blocking begin, and watching a key are all there is. What a transport must
 * not do: retry a request on its own, touch the caller's memory after `done`, or wait past the limit
 * in the request. */
#ifndef WR_CLIENT_TRANSPORT_TRANSPORT_H
#define WR_CLIENT_TRANSPORT_TRANSPORT_H

#include "base/workers.h"
#include "service/service.h"

enum { WR_TIMEOUT_MS = 60000 }; /* of a call, where nobody says another */

typedef struct wr_link wr_link; /* each transport's own connection */

/* A request on its way. Lives in the client's memory until done. */
typedef struct wr_call wr_call;
struct wr_call {
    wr_req req;
    wr_rep rep;
    void (*done)(wr_call *call, weir_status st,
                 const weir_error *err); /* once, on any thread */
    wr_work work;                        /* the transport's own .. */
    wr_link *link;                       /* .. also */
};

/* Someone who waits for a value to exist, or for a list to have a length. */
typedef struct wr_wait wr_wait;
struct wr_wait {
    weir_kind kind; /* WEIR_LIST with `by_length`: compare; else: does it exist */
    bool by_length;
    weir_compare how;
    int64_t length;
    weir_str key;        /* borrowed while watched; of a dataset its base */
    weir_deadline until; /* of looking; the watch itself goes on until unwatch */
    /* Once, on any thread; takes no lock below WR_LEVEL_REQUEST. With a failure where the wait can't
     * be met any more. */
    void (*fired)(wr_wait *w, weir_status st, const weir_error *err);
    wr_watch watch;    /* the transport's own */
    wr_text watch_key; /* the transport's own */
    void *own;         /* the transport's own */
};

typedef struct wr_transport_ops {
    const char *scheme; /* "embedded", before the address's colon */

    /* `rest` is what follows the colon. */
    weir_status (*open)(wr_link **out, weir_str rest, const weir_client_options *opt,
                        weir_error *err);

    weir_status (*exchange)(wr_link *l, const wr_req *req, wr_rep *rep, weir_error *err);

    /* A failure to begin is returned, and done not called. */
    weir_status (*begin)(wr_link *l, wr_call *call, weir_error *err);

    /* Is it so already (*met), else call w->fired when it is. unwatch: after it returns, fired is
     * not called any more; harmless when it has been. Both release what watch took. */
    weir_status (*watch)(wr_link *l, wr_wait *w, bool *met, weir_error *err);
    void (*unwatch)(wr_link *l, wr_wait *w);

    size_t (*statistics)(wr_link *l, weir_stat *out, size_t n);
    size_t (*backends)(wr_link *l, weir_backend_info *out, size_t n);
    size_t (*servers)(wr_link *l, weir_server_info *out, size_t n);

    /* No call is in flight. */
    void (*close)(wr_link *l);

    /* (optional) What the environment says about a call's time-out. */
    int64_t (*default_timeout_ms)(void);
} wr_transport_ops;

extern const wr_transport_ops wr_transport_inproc;
extern const wr_transport_ops wr_transport_redis, wr_transport_rediss, wr_transport_unix;

/* SmartRedis's environment (SSDB, SR_DB_TYPE) as an address of ours, appended; nothing where it is not
 * set. */
weir_status wr_address_of_smartredis(wr_text *out, weir_error *err);

#endif
