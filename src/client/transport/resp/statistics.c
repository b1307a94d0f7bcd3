/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics and backends: what the servers tell, summed over shards, and what this client counts. */
#include <stdlib.h>

#include "base/alloc.h"
#include "client/transport/resp/resp.h"

enum { ASK_MS = 5000, TOLD_MAX = 512 };

static const weir_stat own_stats[WR_CLIENT_COUNTERS] = {
#define X(name, unit, description) {"client." #name, unit, description, 0},
    WR_CLIENT_COUNTER_MAP(X)
#undef X
};

/* What servers tell has names, units and descriptions that we know, when they are as old as we are. */
static const weir_stat known_stats[] = {
#define X(id, name, unit, description) {name, unit, description, 0},
    WR_GAUGE_MAP(X)
#undef X
};
static const weir_stat known_counters[] = {
#define X(id, name, unit, description) {name, unit, description, 0},
    WR_COUNTER_MAP(X)
#undef X
};

/* ---- what a server tells ---- */

typedef struct told {
    wr_resp *link;
    weir_stat stat[TOLD_MAX];
    size_t n;
} told;

/* A name that lives as long as the client. */
static const char *keep_name(wr_resp *l, weir_str name)
{
    const char *kept = NULL;
    wr_lock(&l->names_lock);
    void *had = wr_map_get(&l->names, name);
    if (had == NULL && l->names.n_used < 4 * TOLD_MAX) {
        char *copy = wr_dup(name.p, name.n);
        if (copy != NULL && !wr_map_set(&l->names, name, copy, NULL)) {
            wr_free(copy);
            copy = NULL;
        }
        had = copy;
    }
    kept = had;
    wr_unlock(&l->names_lock);
    return kept;
}

static void describe(weir_stat *s, weir_str name)
{
    const char *dot = memchr(name.p, '.', name.n);
    s->unit = "1";
    s->description = "";
    for (size_t i = 0; i < sizeof known_stats / sizeof *known_stats; i++) {
        if (wr_str_eq(weir_cstr(known_stats[i].name), name)) {
            s->unit = known_stats[i].unit;
            s->description = known_stats[i].description;
            return;
        }
    }
    for (size_t i = 0; dot != NULL && i < sizeof known_counters / sizeof *known_counters;
         i++) {
        weir_str last = {dot + 1, name.n - (size_t)(dot + 1 - name.p)};
        if (wr_str_eq(weir_cstr(known_counters[i].name), last)) {
            s->unit = known_counters[i].unit;
            s->description = known_counters[i].description;
        }
    }
}

static void add(told *t, weir_str name, double value)
{
    for (size_t i = 0; i < t->n; i++) {
        if (wr_str_eq(weir_cstr(t->stat[i].name), name)) {
            t->stat[i].value += value;
            return;
        }
    }
    if (t->n == TOLD_MAX)
        return;
    weir_stat *s = &t->stat[t->n];
    s->name = keep_name(t->link, name);
    if (s->name == NULL)
        return;
    s->value = value;
    describe(s, name);
    t->n++;
}

weir_status wr_resp_read_text(wr_reader *r, char *text, size_t room, size_t *n,
                              weir_error *err)
{
    wr_item it;
    wr_text number = {0};
    weir_status st = r->source.ops->next(&r->source, &it, err);
    *n = 0;
    if (st != WEIR_OK)
        return st;
    if (it.kind == WR_ITEM_INTEGER) {
        wr_text_printf(&number, "%lld", (long long)it.n);
        it.text = (weir_str){number.p, number.n};
    }
    if (it.kind == WR_ITEM_BULK) {
        char rest[256];
        for (int64_t left = it.n; left > 0 && st == WEIR_OK;) {
            size_t some = left < (int64_t)sizeof rest ? (size_t)left : sizeof rest;
            st = r->source.ops->read(&r->source, rest, some, err);
            size_t fits = some < room - 1 - *n ? some : room - 1 - *n;
            memcpy(text + *n, rest, st == WEIR_OK ? fits : 0);
            *n += fits;
            left -= (int64_t)some;
        }
    } else if (it.kind == WR_ITEM_STATUS || it.kind == WR_ITEM_INTEGER) {
        *n = it.text.n < room - 1 ? it.text.n : room - 1;
        memcpy(text, it.text.p == NULL ? "" : it.text.p, *n);
    } else if (it.kind == WR_ITEM_ARRAY) {
        st = weir_fail(err, WEIR_ERR_FORMAT, "an array where a text should be");
    }
    text[*n] = '\0';
    wr_text_fini(&number);
    return st;
}

static weir_status begin_array(wr_reader *r, int64_t *n, weir_error *err)
{
    wr_item it;
    weir_status st = r->source.ops->next(&r->source, &it, err);
    if (st == WEIR_OK && it.kind == WR_ITEM_ERROR)
        return wr_wire_error(it.text, err);
    if (st == WEIR_OK && it.kind != WR_ITEM_ARRAY)
        return weir_fail(err, WEIR_ERR_FORMAT, "no array where one should be");
    *n = it.n;
    return st;
}

static weir_status read_statistics(wr_errand *e, wr_reader *r, weir_error *err)
{
    char name[96], value[64];
    size_t n_name, n_value;
    int64_t n = 0;
    weir_status st = begin_array(r, &n, err);
    for (int64_t i = 0; st == WEIR_OK && i + 1 < n; i += 2) {
        st = wr_resp_read_text(r, name, sizeof name, &n_name, err);
        if (st == WEIR_OK)
            st = wr_resp_read_text(r, value, sizeof value, &n_value, err);
        if (st == WEIR_OK && n_name > 0)
            add(e->context, (weir_str){name, n_name}, strtod(value, NULL));
    }
    return st;
}

/* ---- asking ---- */

void wr_resp_ask_all(wr_resp *l, const weir_str *word, size_t n_words, bool one,
                     weir_status (*read)(wr_errand *e, wr_reader *r, weir_error *err),
                     void *context)
{
    size_t n = l->topology.clustered ? wr_topology_shards(&l->topology) : 1;
    wr_node **seen = wr_calloc(n + 1, sizeof(wr_node *));
    size_t n_seen = 0;
    for (size_t i = 0; seen != NULL && i < n; i++) {
        wr_node *node = l->topology.clustered ? wr_topology_shard(&l->topology, i).node
                                              : wr_topology_find(&l->topology, -1);
        bool again = node == NULL;
        for (size_t j = 0; j < n_seen; j++)
            again |= seen[j] == node;
        if (again || (one && n_seen > 0))
            continue;
        seen[n_seen++] = node;
        wr_errand e = {.text = word,
                       .n_texts = n_words,
                       .read = read,
                       .context = context,
                       .name = word[0],
                       .slot = -1,
                       .node = node,
                       .repeatable = true,
                       .until = weir_deadline_in_ms(ASK_MS)};
        (void)wr_errand_do(&l->errands, &e);
    }
    wr_free(seen);
}

size_t wr_resp_statistics(wr_resp *l, weir_stat *out, size_t n)
{
    told *t = wr_calloc(1, sizeof *t);
    size_t n_told = 0;
    if (t != NULL) {
        t->link = l;
        wr_resp_ask_all(l, &WEIR_STR("WEIR.STATISTICS"), 1, false, read_statistics, t);
        n_told = t->n;
        if (n > 0)
            memcpy(out, t->stat, (n_told < n ? n_told : n) * sizeof *out);
    }
    for (size_t i = 0; i < WR_CLIENT_COUNTERS && n_told + i < n; i++) {
        out[n_told + i] = own_stats[i];
        out[n_told + i].value =
            (double)atomic_load_explicit(&l->line.count[i], memory_order_relaxed);
    }
    wr_free(t);
    return n_told + WR_CLIENT_COUNTERS;
}

typedef struct listed {
    weir_backend_info *out;
    size_t room, n;
} listed;

/* [[name, present (0 or 1), version, path, hint], ..] */
static weir_status read_backends(wr_errand *e, wr_reader *r, weir_error *err)
{
    listed *l = e->context;
    char present[8];
    size_t used;
    int64_t n = 0;
    weir_status st = begin_array(r, &n, err);
    l->n = 0;
    for (int64_t i = 0; st == WEIR_OK && i < n; i++) {
        weir_backend_info b = {0};
        int64_t n_texts = 0;
        st = begin_array(r, &n_texts, err);
        if (st == WEIR_OK && n_texts != 5)
            return weir_fail(err, WEIR_ERR_FORMAT, "a backend has not five texts");
        if (st == WEIR_OK)
            st = wr_resp_read_text(r, b.name, sizeof b.name, &used, err);
        if (st == WEIR_OK)
            st = wr_resp_read_text(r, present, sizeof present, &used, err);
        if (st == WEIR_OK)
            st = wr_resp_read_text(r, b.version, sizeof b.version, &used, err);
        if (st == WEIR_OK)
            st = wr_resp_read_text(r, b.path, sizeof b.path, &used, err);
        if (st == WEIR_OK)
            st = wr_resp_read_text(r, b.hint, sizeof b.hint, &used, err);
        b.present = present[0] == '1';
        if (st == WEIR_OK && l->n < l->room)
            l->out[l->n] = b;
        l->n += st == WEIR_OK;
    }
    return st;
}

size_t wr_resp_backends(wr_resp *l, weir_backend_info *out, size_t n)
{
    listed all = {out, n, 0};
    wr_resp_ask_all(l, &WEIR_STR("WEIR.BACKENDS"), 1, true, read_backends, &all);
    return all.n;
}
