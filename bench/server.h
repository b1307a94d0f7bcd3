/* SPDX-License-Identifier: BSD-3-Clause */
/* Servers for the benchmarks: a redis-server or valkey-server with Weir's module, on a Unix socket and a
 * loopback port in a folder of its own, with the memory settings of docs/redis.md; ended with the program,
 * whatever ends it. Where they and this program run. */
#ifndef WEIR_BENCH_SERVER_H
#define WEIR_BENCH_SERVER_H

#include <stdbool.h>
#include <stddef.h>

enum { SERVER_TEXT = 512, SERVERS_MAX = 16 };

typedef struct server {
    int pid; /* 0: not running */
    int port;
    char dir[64], socket[96], unix_address[112], tcp_address[64];
} server;

typedef struct server_options {
    bool valkey;            /* else redis */
    bool cluster;           /* one shard of a cluster to be */
    bool plain_memory;      /* without the documented memory settings */
    const char *const *arg; /* module arguments, ends with NULL; NULL: none */
} server_options;

/* Start and wait until it answers; false with one line in `why`. */
bool server_start(server *s, const server_options *o, char why[SERVER_TEXT]);
void server_stop(server *s);

/* Start n shards (at least 3 for a cluster; 1 is a single server) and join them; `address` gets what
 * a client opens. */
bool cluster_start(server *s, int n, const server_options *o, char *address,
                   size_t n_address, char why[SERVER_TEXT]);

typedef enum placement { ANYWHERE, SAME_CORE, CROSS_CORE, PLACEMENTS } placement;
const char *placement_text(placement p);
/* Place this process and another with all its threads; false: the machine has too few cores. */
bool place(int other_pid, placement p);

#endif
