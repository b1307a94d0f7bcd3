/* SPDX-License-Identifier: BSD-3-Clause */
/* One request's way to the server that must get it and back, once: sent again only when it is certain
 * that no server has executed it, or when it only reads. Several go side by side over as many
 * connections as there are servers, those for one server behind each other. */
#ifndef WR_RESP_ERRAND_H
#define WR_RESP_ERRAND_H

#include "client/transport/resp/topology.h"

/* What errands are done with: of one client. */
typedef struct wr_errands {
    wr_line *line;
    wr_topology *topology;
    int64_t pause_ms; /* longest between two tries */
} wr_errands;

typedef struct wr_errand wr_errand;
struct wr_errand {
    /* set by the caller: a request and its reply, or a plain command's texts; `read`, where it is set,
     * reads the reply */
    const wr_req *req;
    wr_rep *rep;
    const weir_str *text;
    size_t n_texts;
    weir_status (*read)(wr_errand *e, wr_reader *r, weir_error *err);
    void *context;

    weir_str name;   /* for messages */
    int slot;        /* of its keys; negative: any server */
    wr_node *node;   /* only this server; NULL: the slot's */
    bool repeatable; /* it only reads */
    bool impatient;  /* give up (ERR_CLOSED) when the server can't be reached */
    weir_deadline until;

    /* the outcome */
    bool done;
    bool unreached; /* impatient: the server could not be reached, nothing was sent */
    weir_status st;
    weir_error *error; /* filled on failure; NULL: nobody cares */

    /* inner */
    uint64_t end; /* where its bytes end among those of its connection */
    wr_errand *next;
    int64_t now; /* when this try began */
};

/* Is the command of a kind that may be sent twice: no write, and no model's run? */
bool wr_is_repeatable(wr_command command);

/* Do it. */
weir_status wr_errand_do(wr_errands *x, wr_errand *e);

/* Do all of them, side by side where they can; each has its own outcome. Returns that of the first
 * one that failed. */
weir_status wr_errands_do(wr_errands *x, wr_errand *e, size_t n);

/* ---- inner to errand.c and lanes.c ---- */

typedef enum wr_verdict {
    WR_DONE,       /* e->st tells how */
    WR_AGAIN,      /* at once */
    WR_LATER,      /* after a pause */
    WR_REDIRECTED, /* to v.node */
    WR_UNREACHED,  /* the server can't be reached */
    WR_DISPLACED   /* the server does not take writes any more */
} wr_verdict;

weir_status wr_errand_encode(wr_errand *e, wr_conn *c, weir_error *err);

/* Read e's reply from `c`, the server being `n`; *to is where it is to go next (ASK: with *asking);
 * *why says why it did not end. `sent`: all of its bytes had been. Closes nothing. */
wr_verdict wr_errand_read(wr_errands *x, wr_errand *e, wr_conn *c, wr_node *n, bool sent,
                          wr_node **to, bool *asking, int64_t begin, weir_error *why);

/* The moment until which a connection is tried: where others may take over, not all that is left. */
weir_deadline wr_errand_connect_until(const wr_errands *x, weir_deadline until);

weir_status wr_errand_end(wr_errand *e, weir_status st, const weir_error *why);

#endif
