/* SPDX-License-Identifier: BSD-3-Clause */
/* Joining the meters of threads by name of key. */
#include "base/alloc.h"
#include "base/text.h"
#include "meter/meter.h"

/* Do the keys of both agree, and is there room for those that `into` lacks? */
static weir_status check(const weir_meter *into, const weir_meter *from, weir_error *err)
{
    int n_new = 0;
    for (int i = 0; i < from->n_keys; i++) {
        const wr_meter_key *f = from->key[i];
        int there = wr_meter_find(into, weir_cstr(f->name));
        if (there == WR_NONE) {
            n_new++;
            continue;
        }
        const wr_meter_key *t = into->key[there];
        if (t->kind != f->kind || strcmp(t->unit, f->unit) != 0)
            return weir_fail(
                err, WEIR_ERR_KIND,
                "meter merge: key '%s' is a %s in '%s' here and a %s in '%s' there",
                t->name, wr_meter_kind_name(t->kind), t->unit,
                wr_meter_kind_name(f->kind), f->unit);
    }
    if (into->n_keys + n_new > WEIR_METER_KEYS_MAX)
        return weir_fail(err, WEIR_ERR_FULL,
                         "meter merge: %d keys and %d new ones, at most %d are allowed",
                         into->n_keys, n_new, WEIR_METER_KEYS_MAX);
    return WEIR_OK;
}

/* The keys of `into` for those of `from`, made where they lack. */
static weir_status map_keys(weir_meter *into, const weir_meter *from, int *map,
                            weir_error *err)
{
    weir_status st = WEIR_OK;
    for (int i = 0; i < from->n_keys && st == WEIR_OK; i++) {
        const wr_meter_key *f = from->key[i];
        st = weir_meter_key(into, f->kind, weir_cstr(f->name), weir_cstr(f->unit),
                            weir_cstr(f->description), &map[i], err);
    }
    return st;
}

static void merge_tree(weir_meter *into, const weir_meter *from, const int *key,
                       int *node)
{
    for (int i = 0; i < from->n_nodes; i++) { /* parents come before their children */
        weir_meter_node f = from->node[i].is;
        node[i] = wr_meter_place(into, f.parent == WR_NONE ? WR_NONE : node[f.parent],
                                 key[f.key]);
        if (node[i] == WR_NONE) { /* the tree is full */
            into->n_placeless += f.n;
            continue;
        }
        into->node[node[i]].is.n += f.n;
        into->node[node[i]].is.seconds += f.seconds;
    }
}

static void merge_trace(weir_meter *into, const weir_meter *from, const int *key)
{
    if (into->span == NULL || from->span == NULL)
        return;
    uint64_t n = from->n_spans < from->span_max ? from->n_spans : from->span_max;
    for (uint64_t i = from->n_spans - n; i < from->n_spans; i++) {
        wr_span s = from->span[i % from->span_max];
        if (into->clock.is_cycles != from->clock.is_cycles) {
            int64_t begin = wr_ticker_to_ns(&from->clock, s.start);
            int64_t end = wr_ticker_to_ns(&from->clock, s.start + s.ticks);
            s.start = wr_ticker_from_ns(&into->clock, begin);
            s.ticks = wr_ticker_from_ns(&into->clock, end) - s.start;
        }
        s.key = key[s.key];
        s.parent = s.parent == WR_NONE ? WR_NONE : key[s.parent];
        wr_meter_span(into, s);
    }
}

weir_status weir_meter_merge(weir_meter *into, weir_meter *from, weir_error *err)
{
    int *key = NULL, *node = NULL;
    if (into == NULL || from == NULL || into == from)
        return weir_fail(err, WEIR_ERR_ARG, "meter merge: %s",
                         into == from
                             ? "a meter with itself would count twice, or both are null"
                             : "one of the meters is null");
    int n_before = into->n_keys;
    weir_status st = check(into, from, err);
    if (st != WEIR_OK)
        goto out;
    key = wr_alloc((size_t)from->n_keys * sizeof *key);
    node = wr_alloc((size_t)from->n_nodes * sizeof *node);
    if (key == NULL || node == NULL) {
        st = weir_fail(err, WEIR_ERR_NOMEM,
                       "meter merge: no memory for %d keys and %d places", from->n_keys,
                       from->n_nodes);
        goto out;
    }
    st = map_keys(into, from, key, err);
    if (st != WEIR_OK) {
        wr_meter_drop_keys(into, n_before);
        goto out;
    }
    for (int i = 0; i < from->n_keys; i++) /* from here on nothing fails */
        wr_series_merge(&into->key[key[i]]->series, &from->key[i]->series);
    merge_tree(into, from, key, node);
    merge_trace(into, from, key);
    into->n_refused += from->n_refused;
    into->n_placeless += from->n_placeless;

out:
    wr_free(key);
    wr_free(node);
    return st;
}
