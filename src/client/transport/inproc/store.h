/* SPDX-License-Identifier: BSD-3-Clause */
/* An embedded store: keyspace, engine and service of this process under a name, shared by all clients
 * that open that name, gone with the last of them. */
#ifndef WR_INPROC_STORE_H
#define WR_INPROC_STORE_H

#include "base/workers.h"
#include "client/transport/transport.h"

enum {
    WR_HELPERS_MAX = 2
}; /* a slow one (a model that loads) does not stop puts and gets */

typedef struct wr_store {
    char *name; /* owned; guarded, like n_open and next, by the table's lock */
    int n_open;
    struct wr_store *next;
    weir_client_options asked; /* of the first opener; texts are not kept */
    wr_service service;
    wr_workers
        helpers; /* carry out non-blocking requests but runs: the engine has its own */
} wr_store;

/* Open or join the store `name`. ERR_EXISTS: it is open with other options. */
weir_status wr_store_open(wr_store **out, weir_str name, const weir_client_options *opt,
                          weir_error *err);

/* The last close frees it. */
void wr_store_close(wr_store *s);

#endif
