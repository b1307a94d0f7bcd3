/* SPDX-License-Identifier: BSD-3-Clause */
/* What a meter is made of. The members that start and stop touch come first. */
#ifndef WR_METER_METER_H
#define WR_METER_METER_H

#include "meter/series.h"
#include "meter/ticker.h"
#include "weir/meter.h"

enum {
    WR_NONE = -1,   /* no key, no node */
    WR_UNSEEN = -2, /* a parent that no region has */
    WR_NODES_MAX =
        65536, /* places in the tree; regions beyond count, but have no place */
    WR_SAMPLES_MAX = 1 << 20,
    WR_TRACE_MAX = 65536
};

typedef enum wr_key_state {
    WR_KEY_IDLE, /* a timer that may start */
    WR_KEY_OPEN, /* a timer that runs */
    WR_KEY_NO_TIMER
} wr_key_state;

typedef struct wr_meter_key {
    int64_t start; /* ticks, while open */
    wr_key_state state;
    int node;        /* in the tree, while open */
    int parent;      /* key of the parent, while open; or WR_NONE */
    int seen_parent; /* the node under which this key last started .. */
    int seen_node; /* .. and its own there: most regions start where they started before */
    weir_meter_kind kind;
    char *name, *unit, *description; /* owned; unit and description may be "" */
    wr_series series;
} wr_meter_key;

typedef struct wr_node {
    weir_meter_node is;
    int child, next; /* first child and next sibling; or WR_NONE */
} wr_node;

typedef struct wr_span {
    int64_t start, ticks;
    int key, parent, thread;
} wr_span;

struct weir_meter {
    wr_meter_key **key;
    int n_keys, room_keys;
    int top; /* node of the innermost open region; or WR_NONE */
    int n_open;
    int *open; /* keys of open regions, in the order of their start; room_keys of them */
    wr_node *node;
    int n_nodes, room_nodes, roots; /* roots: first of those at the top; or WR_NONE */
    wr_ticker clock;
    int64_t born;  /* ticks */
    wr_span *span; /* a ring; NULL: no trace */
    size_t span_max;
    uint64_t n_spans; /* ever written */
    uint64_t n_refused;
    uint64_t n_placeless;   /* regions without a place in the tree */
    weir_meter_options opt; /* defaults filled in */
};

/* The key of a name, or WR_NONE. */
int wr_meter_find(const weir_meter *m, weir_str name);

/* The node of a key under a parent, made if it is not there; WR_NONE when there is no room. */
int wr_meter_place(weir_meter *m, int parent, int key);

/* Room for so many nodes or keys more. */
bool wr_meter_reserve_nodes(weir_meter *m, int more);
bool wr_meter_reserve_keys(weir_meter *m, int more);

/* Drop the keys from n on, the last first. None of them may be open. */
void wr_meter_drop_keys(weir_meter *m, int n);

void wr_meter_span(weir_meter *m, wr_span s);

/* Is it a key of m? ERR_ARG with a text if not. */
weir_status wr_meter_check_key(const weir_meter *m, int key, const char *verb,
                               weir_error *err);

const char *wr_meter_kind_name(weir_meter_kind kind);

#endif
