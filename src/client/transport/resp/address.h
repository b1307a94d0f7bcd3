/* SPDX-License-Identifier: BSD-3-Clause */
/* What an address says: where the servers are, who we are to them, and how the line is protected. */
#ifndef WR_RESP_ADDRESS_H
#define WR_RESP_ADDRESS_H

#include "base/text.h"

typedef enum wr_scheme { WR_SCHEME_REDIS, WR_SCHEME_REDISS, WR_SCHEME_UNIX } wr_scheme;

/* Ask the server whether it is one of a cluster, or be told. */
typedef enum wr_clustered { WR_CLUSTER_ASK, WR_CLUSTER_YES, WR_CLUSTER_NO } wr_clustered;

enum { WR_HOSTS_MAX = 64, WR_DEFAULT_PORT = 6379 };

typedef struct wr_place {
    char *host; /* owned: a name, a number, or with port 0 a socket's path */
    int port;
} wr_place;

typedef struct wr_address {
    wr_place place[WR_HOSTS_MAX];
    size_t n_places;
    int db;
    wr_clustered clustered;
    bool tls;
    bool verify;           /* the server's certificate and name */
    char *user, *password; /* owned; never in a message */
    char *ca, *cert, *key; /* owned paths, NULL: the system's, none, none */
} wr_address;

/* `rest` is what follows the scheme's colon:
 *     redis:, rediss:   //[user[:password]@]host[:port][,host[:port]..][/db][?option=value[&..]]
 *     unix:             path[?option=value[&..]], or //path
 * Options: db, user, cluster (yes, no), ca, cert, key, verify (yes, no). What is missing comes from the
 * environment: WEIR_USER, WEIR_PASSWORD, WEIR_TLS_CA, WEIR_TLS_CERT, WEIR_TLS_KEY, WEIR_TLS_VERIFY.
 * `out` is all zero before, and is to be finished whatever the result. */
weir_status wr_address_parse(wr_address *out, wr_scheme scheme, weir_str rest,
                             weir_error *err);
void wr_address_fini(wr_address *a);

/* A host and a port out of "host", "host:port", "[::1]:port"; an owned copy. */
weir_status wr_place_parse(wr_place *out, weir_str text, weir_error *err);

/* A positive number from the environment; 0 where it is not set. */
weir_status wr_environment_number(const char *name, int64_t *out, weir_error *err);

#endif
