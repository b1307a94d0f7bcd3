/* SPDX-License-Identifier: BSD-3-Clause */
/* Which server keeps which key: one server, one of several alternatives, or the shards of a cluster. */
#ifndef WR_RESP_TOPOLOGY_H
#define WR_RESP_TOPOLOGY_H

#include "client/transport/resp/node.h"
#include "client/transport/resp/slot.h"

enum { WR_NODES_MAX = 1024 };

/* A range of slots and who serves it. A server with two ranges is two shards, as for SmartRedis. */
typedef struct wr_shard {
    int low, high;
    wr_node *node;
} wr_shard;

typedef struct wr_topology {
    wr_line *line;
    bool clustered; /* set once, at opening */
    wr_mutex lock;  /* guards the rest */
    wr_cond changed;
    wr_node *node[WR_NODES_MAX]; /* they live as long as this */
    size_t n_nodes;
    size_t current; /* not clustered: the node that is used */
    wr_shard *shard;
    size_t n_shards;          /* by their lowest slots */
    wr_node *owner[WR_SLOTS]; /* NULL: nobody says that it serves it */
    uint64_t version;         /* grows with every reading */
    bool reading;             /* one thread at a time */
    int64_t read_at;
} wr_topology;

/* Learn from the servers of the address what they are, by `until`. `t` is all zero before, and is to be
 * finished whatever the result. */
weir_status wr_topology_init(wr_topology *t, wr_line *line, const wr_address *a,
                             weir_deadline until, int64_t pause_ms, weir_error *err);
void wr_topology_fini(wr_topology *t);

/* Who serves a slot; NULL: nobody. Without a cluster: the one in use. */
wr_node *wr_topology_find(wr_topology *t, int slot);

/* The node "host:port" that an answer of `from` named; an empty host is that of `from`. */
weir_status wr_topology_node(wr_topology *t, weir_str text, const wr_node *from,
                             wr_node **out, weir_error *err);

/* A slot has moved: note it, and read all again unless that was done a moment ago. */
void wr_topology_moved(wr_topology *t, int slot, wr_node *to, weir_deadline until);

/* A server can't be reached, or does not take writes: look who has its place. */
void wr_topology_failed(wr_topology *t, const wr_node *n, weir_deadline until);

/* How many shards there are, and the i-th (modulo their number). */
size_t wr_topology_shards(wr_topology *t);
wr_shard wr_topology_shard(wr_topology *t, size_t i);

/* The shard that serves a slot; its low is -1 when none does. */
wr_shard wr_topology_shard_of(wr_topology *t, int slot);

/* Read the reply of CLUSTER SLOTS. For tests and fuzzing too: `t` may have no servers. */
weir_status wr_topology_read_slots(wr_topology *t, wr_source *s, const wr_node *from,
                                   weir_error *err);

/* Wait for a moment that doubles, up to a limit; false: `until` would pass. */
bool wr_pause(int64_t *pause_ms, int64_t max_ms, weir_deadline until);

#endif
