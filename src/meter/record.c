/* SPDX-License-Identifier: BSD-3-Clause */
/* Start, stop, add: the few instructions that run inside other people's loops. */
#include <math.h>

#include "base/alloc.h"
#include "meter/meter.h"

/* Kept out of line, so that the common path stays straight. */
#define COLD __attribute__((noinline, cold))

bool wr_meter_reserve_nodes(weir_meter *m, int more)
{
    int want = m->n_nodes + more;
    if (want <= m->room_nodes)
        return true;
    if (want > WR_NODES_MAX)
        return false;
    want = want < 2 * m->room_nodes ? 2 * m->room_nodes : want < 16 ? 16 : want;
    wr_node *node = wr_realloc(m->node, (size_t)want * sizeof *node);
    if (node == NULL)
        return false;
    m->node = node;
    m->room_nodes = want;
    return true;
}

COLD int wr_meter_place(weir_meter *m, int parent, int key)
{
    int first = parent == WR_NONE ? m->roots : m->node[parent].child;
    for (int i = first; i != WR_NONE; i = m->node[i].next) {
        if (m->node[i].is.key == key)
            return i;
    }
    if (!wr_meter_reserve_nodes(m, 1))
        return WR_NONE;
    int i = m->n_nodes++;
    m->node[i] =
        (wr_node){.is = {.key = key, .parent = parent}, .child = WR_NONE, .next = first};
    *(parent == WR_NONE ? &m->roots : &m->node[parent].child) = i;
    return i;
}

COLD static void find_place(weir_meter *m, wr_meter_key *k, int key)
{
    k->seen_node = wr_meter_place(m, m->top, key);
    k->seen_parent = m->top;
}

COLD static weir_status refuse(weir_meter *m, weir_status st)
{
    m->n_refused++;
    return st;
}

static bool is_key(const weir_meter *m, int key)
{
    return (unsigned)key < (unsigned)m->n_keys;
}

weir_status weir_meter_start(weir_meter *m, int key)
{
    if (m == NULL)
        return WEIR_OK;
    if (!is_key(m, key))
        return refuse(m, WEIR_ERR_ARG);
    wr_meter_key *k = m->key[key];
    if (k->state != WR_KEY_IDLE)
        return refuse(m, k->state == WR_KEY_OPEN ? WEIR_ERR_BUSY : WEIR_ERR_ARG);
    if (k->seen_parent != m->top)
        find_place(m, k, key);
    k->parent = m->n_open > 0 ? m->open[m->n_open - 1] : WR_NONE;
    m->open[m->n_open++] = key;
    m->top = k->node = k->seen_node;
    k->state = WR_KEY_OPEN;
    k->start =
        wr_ticks(m->clock.is_cycles); /* last: what we do is not part of the region */
    return WEIR_OK;
}

/* A region that overlaps others ends: it is not the last in the list. */
COLD static void take_out(weir_meter *m, int key)
{
    int i = m->n_open - 1;
    while (m->open[i] != key)
        i--;
    memmove(&m->open[i], &m->open[i + 1], (size_t)(m->n_open - 1 - i) * sizeof *m->open);
}

void wr_meter_span(weir_meter *m, wr_span s)
{
    m->span[m->n_spans++ % m->span_max] = s;
}

static void trace(weir_meter *m, const wr_meter_key *k, int key, int64_t ticks)
{
    wr_meter_span(m, (wr_span){k->start, ticks, key, k->parent, m->opt.thread});
}

/* A closed region enters the tree. */
static void count_place(weir_meter *m, int at, double seconds)
{
    if (at < 0) {
        m->n_placeless++;
        return;
    }
    m->node[at].is.n++;
    m->node[at].is.seconds += seconds;
}

weir_status weir_meter_stop(weir_meter *m, int key)
{
    if (m == NULL)
        return WEIR_OK;
    int64_t now = wr_ticks(m->clock.is_cycles); /* first, for the same reason */
    if (!is_key(m, key) || m->key[key]->state != WR_KEY_OPEN)
        return refuse(m, WEIR_ERR_ARG);
    wr_meter_key *k = m->key[key];
    int64_t ticks = now > k->start ? now - k->start : 0;
    double seconds = (double)ticks * m->clock.tick_s;
    wr_series_add(&k->series, seconds);
    count_place(m, k->node, seconds);
    if (m->open[m->n_open - 1] != key)
        take_out(m, key);
    m->n_open--;
    m->top = m->n_open > 0 ? m->key[m->open[m->n_open - 1]]->node : WR_NONE;
    k->state = WR_KEY_IDLE;
    if (m->span != NULL)
        trace(m, k, key, ticks);
    return WEIR_OK;
}

weir_status weir_meter_add(weir_meter *m, int key, double value)
{
    if (m == NULL)
        return WEIR_OK;
    if (!is_key(m, key) || !isfinite(value))
        return refuse(m, WEIR_ERR_ARG);
    wr_meter_key *k = m->key[key];
    if (value < 0 && k->kind != WEIR_METER_HISTOGRAM)
        return refuse(m, WEIR_ERR_ARG);
    wr_series_add(&k->series, value);
    if (k->kind == WEIR_METER_TIMER)
        count_place(m, wr_meter_place(m, m->top, key), value);
    return WEIR_OK;
}

void weir_meter_reset(weir_meter *m)
{
    if (m == NULL)
        return;
    for (int i = 0; i < m->n_keys; i++)
        wr_series_clear(&m->key[i]->series, m->opt.skip_first);
    for (int i = 0; i < m->n_nodes; i++) {
        m->node[i].is.n = 0;
        m->node[i].is.seconds = 0;
    }
    m->n_spans = m->n_refused = m->n_placeless = 0;
}

size_t weir_meter_n_nodes(const weir_meter *m)
{
    return m == NULL ? 0 : (size_t)m->n_nodes;
}

bool weir_meter_node_at(const weir_meter *m, size_t i, weir_meter_node *out)
{
    if (m == NULL || i >= (size_t)m->n_nodes)
        return false;
    *out = m->node[i].is;
    return true;
}
