/* SPDX-License-Identifier: BSD-3-Clause */
/* Learning who serves what, and noticing when that changes. */
#include "client/transport/resp/topology.h"

#include <poll.h>
#include <stdlib.h>

#include "base/alloc.h"

enum {
    PAUSE_MS = 5,        /* the first one */
    MOVED_AGE_MS = 1000, /* a topology so young is not read again for a moved slot */
    FAILED_AGE_MS = 100, /* nor one so young for a server that failed */
    LOOK_MS = 2000       /* longest that one server is asked */
};

bool wr_pause(int64_t *pause_ms, int64_t max_ms, weir_deadline until)
{
    int64_t ms = *pause_ms < PAUSE_MS ? PAUSE_MS : *pause_ms;
    ms = ms > max_ms ? max_ms : ms;
    if (until != WEIR_NEVER && until - weir_now_ns() <= ms * 1000000)
        return false;
    poll(NULL, 0, (int)ms);
    *pause_ms = ms * 2;
    return true;
}

/* ---- nodes ---- */

static weir_status add_node(wr_topology *t, const wr_place *at, wr_node **out,
                            weir_error *err)
{
    for (size_t i = 0; i < t->n_nodes; i++) {
        const wr_place *p = &t->node[i]->place;
        if (p->port == at->port && strcmp(p->host, at->host) == 0) {
            *out = t->node[i];
            return WEIR_OK;
        }
    }
    if (t->n_nodes == WR_NODES_MAX)
        return weir_fail(err, WEIR_ERR_FORMAT, "the cluster names more than %d servers",
                         (int)WR_NODES_MAX);
    weir_status st = wr_node_new(&t->node[t->n_nodes], at, err);
    if (st == WEIR_OK)
        *out = t->node[t->n_nodes++];
    return st;
}

weir_status wr_topology_node(wr_topology *t, weir_str text, const wr_node *from,
                             wr_node **out, weir_error *err)
{
    wr_place at = {0};
    wr_text whole = {0};
    size_t colon = text.n; /* the last one: an IPv6 number comes without brackets */
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    size_t n_host = colon == 0 ? 0 : colon - 1;
    bool number = n_host > 0 && memchr(text.p, ':', n_host) != NULL && text.p[0] != '[';
    if (n_host == 0 && colon == 1)
        wr_text_printf(&whole, "%s", from->place.host);
    number |= whole.n > 0 && strchr(whole.p, ':') != NULL;
    wr_text host = {0};
    wr_text_printf(&host, "%s%.*s%s:%.*s", number ? "[" : "",
                   whole.n > 0 ? (int)whole.n : (int)n_host,
                   whole.n > 0 ? whole.p : text.p, number ? "]" : "",
                   (int)(text.n - colon), text.p + colon);
    weir_status st = host.failed || whole.failed
                         ? weir_fail(err, WEIR_ERR_NOMEM, "no memory for a server's name")
                         : wr_place_parse(&at, (weir_str){host.p, host.n}, err);
    if (st == WEIR_OK) {
        wr_lock(&t->lock);
        st = add_node(t, &at, out, err);
        wr_unlock(&t->lock);
    }
    wr_free(at.host);
    wr_text_fini(&host);
    wr_text_fini(&whole);
    return st;
}

/* ---- the reply of CLUSTER SLOTS ---- */

typedef struct range {
    int low, high;
    wr_place at; /* host owned */
} range;

typedef struct ranges {
    range *r;
    size_t n;
} ranges;

static weir_status malformed(weir_error *err, const char *what)
{
    return weir_fail(err, WEIR_ERR_FORMAT, "the reply of CLUSTER SLOTS has %s", what);
}

static weir_status read_slot(wr_source *s, int *out, weir_error *err)
{
    wr_item it;
    weir_status st = s->ops->next(s, &it, err);
    if (st == WEIR_OK && (it.kind != WR_ITEM_INTEGER || it.n < 0 || it.n >= WR_SLOTS))
        st = malformed(err, "no slot from 0 to 16383 where one should be");
    *out = (int)it.n;
    return st;
}

/* Host, port and whatever follows. An empty or unknown host is the one that was asked. */
static weir_status read_server(wr_source *s, const wr_node *from, wr_place *out,
                               weir_error *err)
{
    wr_item all, host, port;
    char text[256];
    weir_status st = s->ops->next(s, &all, err);
    if (st == WEIR_OK && (all.kind != WR_ITEM_ARRAY || all.n < 2 || all.n > 16))
        st = malformed(err, "no host and port where they should be");
    if (st == WEIR_OK)
        st = s->ops->next(s, &host, err);
    if (st == WEIR_OK && host.kind != WR_ITEM_NULL &&
        (host.kind != WR_ITEM_BULK || host.n >= (int64_t)sizeof text))
        st = malformed(err, "no host where one should be");
    if (st != WEIR_OK)
        return st;
    size_t n = host.kind == WR_ITEM_NULL ? 0 : (size_t)host.n;
    st = s->ops->read(s, text, n, err);
    if (st == WEIR_OK)
        st = s->ops->next(s, &port, err);
    if (st == WEIR_OK && (port.kind != WR_ITEM_INTEGER || port.n < 1 || port.n > 65535 ||
                          memchr(text, '\0', n) != NULL))
        st = malformed(err, "no port from 1 to 65535 where one should be");
    if (st != WEIR_OK)
        return st;
    bool unknown = n == 0 || (n == 1 && text[0] == '?');
    out->host =
        unknown ? wr_dup(from->place.host, strlen(from->place.host)) : wr_dup(text, n);
    out->port = (int)port.n;
    return out->host != NULL ? WEIR_OK
                             : weir_fail(err, WEIR_ERR_NOMEM, "no memory for a server");
}

/* Read and drop items; arrays count with what is in them. */
static weir_status drop(wr_source *s, int64_t n, weir_error *err)
{
    char rest[256];
    weir_status st = WEIR_OK;
    while (n-- > 0 && st == WEIR_OK) {
        wr_item it;
        st = s->ops->next(s, &it, err);
        if (st == WEIR_OK && it.kind == WR_ITEM_ARRAY)
            n += it.n;
        if (st == WEIR_OK && it.kind == WR_ITEM_BULK && it.n > (int64_t)sizeof rest)
            st = malformed(err, "a text that is too long");
        if (st == WEIR_OK && it.kind == WR_ITEM_BULK)
            st = s->ops->read(s, rest, (size_t)it.n, err);
    }
    return st;
}

/* [low, high, [host, port, ..], replica, ..]: the primary's own list has more than two entries too, so
 * it is read by a reader of its own that knows where it ends. */
static weir_status read_range(wr_source *s, const wr_node *from, range *out,
                              weir_error *err)
{
    wr_item it;
    weir_status st = s->ops->next(s, &it, err);
    if (st == WEIR_OK && (it.kind != WR_ITEM_ARRAY || it.n < 3 || it.n > 1000))
        st = malformed(err, "an entry without two slots and a server");
    if (st == WEIR_OK)
        st = read_slot(s, &out->low, err);
    if (st == WEIR_OK)
        st = read_slot(s, &out->high, err);
    if (st == WEIR_OK && out->high < out->low)
        st = malformed(err, "a range that ends before it begins");
    if (st != WEIR_OK)
        return st;
    wr_reader *r = (wr_reader *)s;
    int level = r->depth;
    st = read_server(s, from, &out->at, err);
    while (st == WEIR_OK && r->depth > level)
        st = drop(s, 1, err); /* the id, and what newer servers add */
    return st == WEIR_OK ? drop(s, it.n - 3, err) : st;
}

static int by_low(const void *a, const void *b)
{
    const range *x = a, *y = b;
    return x->low - y->low;
}

static void ranges_fini(ranges *all)
{
    for (size_t i = 0; i < all->n; i++)
        wr_free(all->r[i].at.host);
    wr_free(all->r);
    *all = (ranges){0};
}

static weir_status read_ranges(wr_source *s, const wr_node *from, ranges *all,
                               weir_error *err)
{
    wr_item it;
    weir_status st = s->ops->next(s, &it, err);
    if (st == WEIR_OK && it.kind == WR_ITEM_ERROR)
        return wr_wire_error(it.text, err);
    if (st == WEIR_OK && (it.kind != WR_ITEM_ARRAY || it.n > WR_SLOTS))
        return malformed(err, "no list of at most 16384 ranges");
    size_t n = st == WEIR_OK ? (size_t)it.n : 0;
    if (st == WEIR_OK && (all->r = wr_calloc(n + 1, sizeof *all->r)) == NULL)
        st = weir_fail(err, WEIR_ERR_NOMEM, "no memory for a cluster's slots");
    while (all->n < n && st == WEIR_OK)
        st = read_range(s, from, &all->r[all->n++], err);
    if (st != WEIR_OK || n == 0)
        return st;
    qsort(all->r, n, sizeof *all->r, by_low);
    for (size_t i = 1; i < n; i++) {
        if (all->r[i].low <= all->r[i - 1].high)
            return malformed(err, "two ranges with the same slot");
    }
    return WEIR_OK;
}

/* With the lock held. */
static weir_status install(wr_topology *t, const ranges *all, weir_error *err)
{
    wr_shard *shard = wr_calloc(all->n + 1, sizeof *shard);
    weir_status st = WEIR_OK;
    if (shard == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a cluster's shards");
    for (size_t i = 0; i < all->n && st == WEIR_OK; i++) {
        shard[i] = (wr_shard){.low = all->r[i].low, .high = all->r[i].high};
        st = add_node(t, &all->r[i].at, &shard[i].node, err);
    }
    if (st != WEIR_OK) {
        wr_free(shard);
        return st;
    }
    memset(t->owner, 0, sizeof t->owner);
    for (size_t i = 0; i < all->n; i++) {
        for (int slot = shard[i].low; slot <= shard[i].high; slot++)
            t->owner[slot] = shard[i].node;
    }
    wr_free(t->shard);
    t->shard = shard;
    t->n_shards = all->n;
    t->version++;
    t->read_at = weir_now_ns();
    return WEIR_OK;
}

weir_status wr_topology_read_slots(wr_topology *t, wr_source *s, const wr_node *from,
                                   weir_error *err)
{
    ranges all = {0};
    weir_status st = read_ranges(s, from, &all, err);
    if (st == WEIR_OK) {
        wr_lock(&t->lock);
        st = install(t, &all, err);
        wr_unlock(&t->lock);
    }
    ranges_fini(&all);
    return st;
}

/* ---- asking ---- */

/* *answered: the server is there, whatever it says. */
static weir_status ask(wr_topology *t, wr_node *n, weir_deadline until, bool *answered,
                       weir_error *err)
{
    static const weir_str words[2] = {{"CLUSTER", 7}, {"SLOTS", 5}};
    wr_conn *c = NULL;
    *answered = false;
    weir_status st = wr_node_take(n, t->line, until, &c, err);
    if (st != WEIR_OK)
        return st;
    wr_conn_begin(c, until);
    st = wr_wire_encode_texts(&c->flow.e, words, 2, err);
    if (st == WEIR_OK)
        st = wr_conn_push(c, err);
    if (st == WEIR_OK) {
        wr_tally(t->line, WR_COUNT_topology_reads, 1);
        st = wr_topology_read_slots(t, &c->reader.source, n, err);
        *answered = st == WEIR_OK || c->reader.error[0] != '\0';
    }
    wr_node_give(n, c);
    return st;
}

static weir_deadline look_until(weir_deadline until)
{
    weir_deadline soon = weir_deadline_in_ms(LOOK_MS);
    return soon < until ? soon : until;
}

/* Ask all servers in turn, those that are not `avoid` first, until one knows. */
static void read_from_any(wr_topology *t, const wr_node *avoid, weir_deadline until)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0;; i++) {
            bool answered;
            wr_lock(&t->lock);
            wr_node *n = i < t->n_nodes ? t->node[i] : NULL;
            wr_unlock(&t->lock);
            if (n == NULL || weir_now_ns() >= until)
                break;
            if ((n == avoid) == (round == 1) &&
                ask(t, n, look_until(until), &answered, NULL) == WEIR_OK)
                return;
        }
    }
}

/* One thread reads; others that come meanwhile wait for it. */
static void read_again(wr_topology *t, const wr_node *avoid, int64_t age_ms,
                       weir_deadline until)
{
    wr_lock(&t->lock);
    if (t->reading) {
        uint64_t seen = t->version;
        while (t->reading && t->version == seen &&
               wr_cond_wait(&t->changed, &t->lock, until))
            ;
        wr_unlock(&t->lock);
        return;
    }
    bool young = weir_now_ns() - t->read_at < age_ms * 1000000;
    t->reading = !young;
    wr_unlock(&t->lock);
    if (young)
        return;
    read_from_any(t, avoid, until);
    wr_lock(&t->lock);
    t->reading = false;
    t->read_at = weir_now_ns();
    wr_cond_broadcast(&t->changed);
    wr_unlock(&t->lock);
}

void wr_topology_moved(wr_topology *t, int slot, wr_node *to, weir_deadline until)
{
    wr_lock(&t->lock);
    t->owner[slot] = to;
    wr_unlock(&t->lock);
    read_again(t, NULL, MOVED_AGE_MS, until);
}

void wr_topology_failed(wr_topology *t, const wr_node *n, weir_deadline until)
{
    if (t->clustered) {
        read_again(t, n, FAILED_AGE_MS, until);
        return;
    }
    wr_lock(&t->lock);
    if (t->n_nodes > 0 && t->node[t->current] == n)
        t->current = (t->current + 1) % t->n_nodes;
    wr_unlock(&t->lock);
}

/* ---- looking ---- */

wr_node *wr_topology_find(wr_topology *t, int slot)
{
    wr_lock(&t->lock);
    wr_node *n = !t->clustered ? t->node[t->current]
                 : slot < 0    ? t->shard[0].node
                               : t->owner[slot];
    wr_unlock(&t->lock);
    return n;
}

size_t wr_topology_shards(wr_topology *t)
{
    wr_lock(&t->lock);
    size_t n = t->n_shards;
    wr_unlock(&t->lock);
    return n;
}

wr_shard wr_topology_shard(wr_topology *t, size_t i)
{
    wr_lock(&t->lock);
    wr_shard s = t->n_shards == 0 ? (wr_shard){.low = -1} : t->shard[i % t->n_shards];
    wr_unlock(&t->lock);
    return s;
}

wr_shard wr_topology_shard_of(wr_topology *t, int slot)
{
    wr_shard s = {.low = -1};
    wr_lock(&t->lock);
    for (size_t i = 0; i < t->n_shards && s.low < 0; i++) {
        if (t->shard[i].low <= slot && slot <= t->shard[i].high)
            s = t->shard[i];
    }
    wr_unlock(&t->lock);
    return s;
}

/* ---- opening ---- */

static weir_status learn(wr_topology *t, const wr_address *a, size_t i,
                         weir_deadline until, weir_error *err)
{
    bool answered = false;
    weir_error inner = {0};
    wr_node *n = t->node[i];
    if (a->clustered == WR_CLUSTER_NO) {
        wr_conn *c = NULL;
        weir_status st = wr_node_take(n, t->line, until, &c, err);
        if (st == WEIR_OK)
            wr_node_give(n, c);
        t->current = i;
        return st;
    }
    weir_status st = ask(t, n, until, &answered, &inner);
    if (st == WEIR_OK && t->n_shards > 0) {
        t->clustered = true;
        return WEIR_OK;
    }
    if (st == WEIR_OK)
        return weir_fail(err, WEIR_ERR_CLOSED, "the cluster of %s serves no slots yet",
                         n->name);
    bool later = strstr(inner.text, "CLUSTERDOWN ") != NULL ||
                 strstr(inner.text, "LOADING ") != NULL;
    if (answered && !later) {
        if (a->clustered == WR_CLUSTER_YES)
            return weir_fail(err, WEIR_ERR_ARG,
                             "the server at %s is not part of a cluster (%.200s), as the "
                             "address or SR_DB_TYPE says",
                             n->name, inner.text);
        t->current = i;
        return WEIR_OK;
    }
    return weir_fail(err, later ? WEIR_ERR_CLOSED : st, "%s", inner.text);
}

weir_status wr_topology_init(wr_topology *t, wr_line *line, const wr_address *a,
                             weir_deadline until, int64_t pause_ms, weir_error *err)
{
    int64_t pause = 0, begin = weir_now_ns();
    weir_status st = WEIR_OK;
    t->line = line;
    wr_mutex_init(&t->lock, WR_LEVEL_LEAF);
    wr_cond_init(&t->changed);
    for (size_t i = 0; i < a->n_places && st == WEIR_OK; i++) {
        wr_node *n;
        st = add_node(t, &a->place[i], &n, err);
    }
    if (st != WEIR_OK)
        return st;
    do {
        weir_error inner = {0};
        for (size_t i = 0; i < t->n_nodes; i++) {
            weir_deadline one = t->n_nodes > 1 ? look_until(until) : until;
            st = learn(t, a, i, one, &inner);
            if (st == WEIR_OK)
                return st;
            if (st != WEIR_ERR_CLOSED && st != WEIR_ERR_TIMEOUT)
                return weir_fail(err, st, "%s", inner.text);
        }
        weir_fail(err, st, "%.400s; tried for %.3f s", inner.text,
                  (double)(weir_now_ns() - begin) * 1e-9);
    } while (wr_pause(&pause, pause_ms, until));
    return st;
}

void wr_topology_fini(wr_topology *t)
{
    if (t->line == NULL)
        return;
    for (size_t i = 0; i < t->n_nodes; i++)
        wr_node_free(t->node[i]);
    wr_free(t->shard);
    wr_cond_fini(&t->changed);
    wr_mutex_fini(&t->lock);
    *t = (wr_topology){0};
}
