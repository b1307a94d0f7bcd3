/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's inside: its options, how names become keys, and how verbs send requests. */
#ifndef WR_CLIENT_CLIENT_H
#define WR_CLIENT_CLIENT_H

#include <stdatomic.h>

#include "base/limit.h"
#include "base/text.h"
#include "client/transport/transport.h"

typedef enum wr_side {
    WR_READ,
    WR_WRITE,
    WR_SIDES
} wr_side; /* which prefix a name takes */

struct weir_client {
    const wr_transport_ops *ops;
    wr_link *link;
    atomic_bool closed;
    int64_t timeout_ms; /* changed by one thread, as client.h says */
    int64_t default_timeout_ms;
    weir_deadline deadline;
    bool use_prefix[WEIR_KIND_COUNT];
    wr_text prefix[WR_SIDES]; /* with its dot; empty: none */
    wr_text sources;          /* the entries of SSKEYIN, comma-separated */
    weir_request *requests;   /* not yet done; guarded by the completion lock */
};

/* ---- names ---- */

/* A name with its prefix. Lives on the stack; long ones on the heap. */
typedef struct wr_key {
    weir_str s;
    char *heap;
    char small[200];
} wr_key;

/* Check a name and make its key: literal for WEIR_ANY, base "prefix.{name}" for a dataset. */
weir_status wr_key_make(wr_key *k, const weir_client *c, weir_kind kind, wr_side side,
                        weir_str name, weir_error *err);
void wr_key_fini(wr_key *k);

/* The prefix that names of a kind take, with its dot; may be empty. */
weir_str wr_client_prefix(const weir_client *c, weir_kind kind, wr_side side);

/* ---- sending ---- */

/* Is the client usable and its deadline ahead? `verb` begins the message. */
weir_status wr_client_check(const weir_client *c, const char *verb, weir_error *err);

/* A request of this client: command and limit filled, the rest zero. */
wr_req wr_client_req(const weir_client *c, wr_command command);

/* Send and wait; when `out` is not NULL, begin only and give the request. `out_dataset` is where the
 * result of get_dataset goes. With `out`, everything that req names is copied but the memory of
 * tensors, `dataset`, and `steps`. */
weir_status wr_client_send(weir_client *c, const wr_req *req, wr_rep *rep,
                           weir_request **out, weir_dataset **out_dataset,
                           weir_error *err);

/* A pointer that a verb needs: ERR_ARG when it is NULL. */
weir_status wr_check_pointer(const void *p, const char *verb, const char *what,
                             weir_error *err);

/* A model's options as the engine wants them: defaults filled, struct_bytes checked. */
weir_status wr_check_model_options(const weir_model_options *given,
                                   weir_model_options *out, weir_error *err);

#endif
