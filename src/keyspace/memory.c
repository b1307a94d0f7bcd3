/* SPDX-License-Identifier: BSD-3-Clause */
/* The keyspace of this process: a hash map of entries under one lock, bounded in bytes.
 *
 * A batch is applied in two steps. `prepare` makes an entry for every key that is new and every list
 * that grows, and finds room; it may fail, and then takes back what it made. `commit` only swaps
 * pointers and can't fail. Entries are chained by the time of their last write, for the policy that
 * drops the oldest. */
#include <stdatomic.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/text.h"
#include "base/thread.h"
#include "keyspace/keyspace.h"
#include "keyspace/layout.h"

typedef struct entry entry;
struct entry {
    wr_value value;
    size_t footprint; /* of value, key and this, once a value is held */
    entry *newer, *older;
    weir_str key; /* owned by this entry, behind it */
};

typedef struct memory {
    wr_keyspace base;
    size_t limit;
    weir_full_policy full;
    wr_mutex lock; /* guards all below */
    wr_map map;    /* key -> entry */
    entry *newest, *oldest;
    wr_watch *watches;
    wr_keyspace_info info;
    wr_cond room; /* broadcast when bytes went down */
} memory;

/* What prepare found for one write. */
typedef struct plan {
    entry *e;    /* NULL: a DEL of a missing key */
    bool is_new; /* made by prepare: taken back when it fails */
    wr_value
        value;  /* to be put in place: one reference; NONE: grow the entry's own list */
    char *item; /* to be appended, owned; NULL unless growing */
    size_t footprint; /* of the entry afterwards */
} plan;

enum { PLANS_ON_STACK = 16 };

static memory *self(wr_keyspace *ks)
{
    return (memory *)ks;
}

static void ks_lock(wr_keyspace *ks)
{
    wr_lock(&self(ks)->lock);
}

static void ks_unlock(wr_keyspace *ks)
{
    wr_unlock(&self(ks)->lock);
}

static wr_value ks_get(wr_keyspace *ks, weir_str key)
{
    const entry *e = wr_map_get(&self(ks)->map, key);
    return e == NULL ? (wr_value){0} : e->value;
}

/* ---- entries ---- */

static void unchain(memory *m, entry *e)
{
    if (e->newer != NULL)
        e->newer->older = e->older;
    else if (m->newest == e)
        m->newest = e->older;
    if (e->older != NULL)
        e->older->newer = e->newer;
    else if (m->oldest == e)
        m->oldest = e->newer;
    e->newer = e->older = NULL;
}

static void chain_newest(memory *m, entry *e)
{
    e->older = m->newest;
    if (m->newest != NULL)
        m->newest->newer = e;
    else
        m->oldest = e;
    m->newest = e;
}

static entry *entry_new(memory *m, weir_str key)
{
    entry *e = wr_alloc(sizeof *e + key.n);
    if (e == NULL)
        return NULL;
    *e = (entry){.key = {(char *)(e + 1), key.n}};
    memcpy(e + 1, key.p, key.n);
    if (!wr_map_set(&m->map, key, e, NULL)) {
        wr_free(e);
        return NULL;
    }
    return e;
}

/* Forget an entry; its value goes to the caller. */
static wr_value entry_drop(memory *m, entry *e)
{
    wr_value v = e->value;
    unchain(m, e);
    m->info.bytes -= e->footprint;
    m->info.n_values -= v.kind != WR_VALUE_NONE;
    wr_map_take(&m->map, e->key);
    wr_free(e);
    return v;
}

static size_t entry_footprint(weir_str key, wr_value v)
{
    return v.kind == WR_VALUE_NONE ? 0
                                   : wr_value_footprint(v) + 2 * key.n + sizeof(entry);
}

/* ---- watches ---- */

static void tell_watches(memory *m, weir_str key)
{
    wr_value v = {0};
    const entry *e = m->watches == NULL ? NULL : wr_map_get(&m->map, key);
    if (e != NULL)
        v = e->value;
    for (wr_watch *w = m->watches, *next; w != NULL; w = next) {
        next = w->next;
        if (!wr_str_eq(w->key, key) || !w->met(w, v))
            continue;
        m->base.ops->unwatch(&m->base, w);
        w->fire(w);
    }
}

static void ks_watch(wr_keyspace *ks, wr_watch *w)
{
    memory *m = self(ks);
    w->next = m->watches;
    w->here = &m->watches;
    if (w->next != NULL)
        w->next->here = &w->next;
    m->watches = w;
    m->info.n_watches++;
}

static void ks_unwatch(wr_keyspace *ks, wr_watch *w)
{
    if (w->here == NULL)
        return;
    *w->here = w->next;
    if (w->next != NULL)
        w->next->here = w->here;
    w->here = NULL;
    self(ks)->info.n_watches--;
}

/* ---- room ---- */

static bool in_batch(const wr_write *w, size_t n, weir_str key)
{
    for (size_t i = 0; i < n; i++) {
        if (wr_str_eq(w[i].key, key))
            return true;
    }
    return false;
}

static void drop_one(memory *m, entry *e)
{
    m->info.n_dropped_oldest++;
    wr_value_unref(entry_drop(m, e));
}

/* Drop the value written longest ago that may go: a tensor, or a dataset with all its tensors. */
static bool drop_oldest(memory *m, const wr_write *w, size_t n)
{
    for (entry *e = m->oldest; e != NULL; e = e->newer) {
        bool droppable =
            e->value.kind == WR_VALUE_TENSOR || e->value.kind == WR_VALUE_FIELDS;
        if (!droppable || in_batch(w, n, e->key))
            continue;
        weir_str base = wr_layout_base(e->key);
        /* Members of a dataset share the base "{name}": they go together. `base` lies in e's key. */
        for (entry *f = base.n == 0 ? NULL : m->oldest, *next; f != NULL; f = next) {
            next = f->newer;
            if (f != e && wr_str_eq(wr_layout_base(f->key), base) &&
                !in_batch(w, n, f->key))
                drop_one(m, f);
        }
        drop_one(m, e);
        return true;
    }
    return false;
}

static weir_status ks_fits(wr_keyspace *ks, size_t bytes, weir_error *err)
{
    memory *m = self(ks);
    if (bytes <= m->limit || m->full == WEIR_FULL_DROP_NEWEST)
        return WEIR_OK;
    return weir_fail(
        err, WEIR_ERR_FULL,
        "a value of %zu bytes never fits a store of %zu bytes: open it with a larger "
        "memory_bytes",
        bytes, m->limit);
}

/* Bytes held after the plan. */
static size_t bytes_after(const memory *m, const wr_write *w, const plan *p, size_t n)
{
    size_t bytes = m->info.bytes;
    for (size_t i = 0; i < n; i++) {
        if (p[i].e == NULL)
            continue;
        bytes -= p[i].e->footprint;
        if (w[i].kind != WR_WRITE_DEL)
            bytes += p[i].footprint;
    }
    return bytes;
}

typedef enum room { ROOM, ROOM_AFTER_WAIT, ROOM_DROP_NEWEST, NO_ROOM } room;

static room find_room(memory *m, const wr_write *w, const plan *p, size_t n,
                      weir_deadline deadline, weir_error *err)
{
    size_t after;
    while ((after = bytes_after(m, w, p, n)) > m->limit && after > m->info.bytes) {
        switch (m->full) {
        case WEIR_FULL_DROP_OLDEST:
            if (drop_oldest(m, w, n))
                continue;
            break;
        case WEIR_FULL_DROP_NEWEST:
            m->info.n_dropped_newest++;
            return ROOM_DROP_NEWEST;
        case WEIR_FULL_WAIT:
            m->info.n_room_waits++;
            if (wr_cond_wait(&m->room, &m->lock, deadline))
                return ROOM_AFTER_WAIT;
            break;
        case WEIR_FULL_FAIL:
            break;
        }
        weir_fail(err, WEIR_ERR_FULL,
                  "'%.*s': the store would hold %zu of at most %zu bytes; delete keys, "
                  "or open it "
                  "with a larger memory_bytes or another policy",
                  WR_NAME(w[0].key), after, m->limit);
        return NO_ROOM;
    }
    return ROOM;
}

/* ---- apply ---- */

static void take_back(memory *m, const wr_write *w, plan *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        wr_free(p[i].item);
        if (!w[i].give)
            wr_value_unref(p[i].value);
        if (p[i].is_new)
            entry_drop(m, p[i].e);
    }
}

/* An append: the item is copied and room for it made, in the entry's own list when nobody else holds
 * it, else in a clone. */
static weir_status plan_append(const wr_write *w, plan *p, weir_error *err)
{
    wr_list *l = p->e->value.kind == WR_VALUE_LIST ? p->e->value.of.list : NULL;
    if (l == NULL || wr_ref_count(&l->ref) > 1) {
        l = wr_list_clone(l);
        if (l == NULL)
            goto no_memory;
        p->value = (wr_value){.kind = WR_VALUE_LIST, .of.list = l};
    }
    p->item = wr_dup(w->item.p, w->item.n);
    if (p->item == NULL || !wr_list_reserve(l))
        goto no_memory;
    p->footprint =
        entry_footprint(w->key, (wr_value){.kind = WR_VALUE_LIST, .of.list = l}) +
        wr_list_item_footprint(w->item.n);
    return WEIR_OK;
no_memory:
    return weir_fail(err, WEIR_ERR_NOMEM, "list '%.*s': no memory for one more entry",
                     WR_NAME(w->key));
}

static weir_status check_held(const wr_write *w, wr_value held, weir_error *err)
{
    if (w->if_seen && !wr_value_is(w->seen, held))
        return weir_fail(err, WEIR_ERR_BUSY,
                         "'%.*s' was changed meanwhile by somebody else",
                         WR_NAME(w->key));
    wr_value_kind want = w->kind == WR_WRITE_APPEND ? WR_VALUE_LIST : w->only_over;
    if (want == WR_VALUE_NONE || held.kind == WR_VALUE_NONE || held.kind == want)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_KIND,
                     "'%.*s' holds %s, not %s: delete it first, or take another name",
                     WR_NAME(w->key), wr_value_kind_text(held.kind),
                     wr_value_kind_text(want));
}

static weir_status plan_one(memory *m, const wr_write *w, plan *p, weir_error *err)
{
    *p = (plan){.e = wr_map_get(&m->map, w->key)};
    weir_status st = check_held(w, p->e == NULL ? (wr_value){0} : p->e->value, err);
    if (st != WEIR_OK || w->kind == WR_WRITE_DEL)
        return st;
    if (p->e == NULL) {
        p->e = entry_new(m, w->key);
        if (p->e == NULL)
            return weir_fail(err, WEIR_ERR_NOMEM, "'%.*s': no memory for its entry",
                             WR_NAME(w->key));
        p->is_new = true;
    }
    if (w->kind == WR_WRITE_APPEND)
        return plan_append(w, p, err);
    p->value = w->give ? w->value : wr_value_ref(w->value);
    p->footprint = entry_footprint(w->key, p->value);
    return WEIR_OK;
}

static weir_status prepare(memory *m, const wr_write *w, plan *p, size_t n,
                           weir_error *err)
{
    for (size_t i = 0; i < n; i++) {
        weir_status st = plan_one(m, &w[i], &p[i], err);
        if (st != WEIR_OK) {
            take_back(m, w, p, i + 1);
            return st;
        }
    }
    return WEIR_OK;
}

static void commit_one(memory *m, wr_write *w, const plan *p)
{
    entry *e = p->e;
    if (e == NULL)
        return;
    if (w->kind == WR_WRITE_DEL) {
        w->replaced = entry_drop(m, e);
        return;
    }
    m->info.n_values += e->value.kind == WR_VALUE_NONE;
    m->info.bytes = m->info.bytes - e->footprint + p->footprint;
    e->footprint = p->footprint;
    if (p->value.kind != WR_VALUE_NONE) {
        w->replaced = e->value;
        e->value = p->value;
    }
    if (p->item != NULL)
        wr_list_push(e->value.of.list, p->item, w->item.n);
    if (m->newest != e) {
        unchain(m, e);
        chain_newest(m, e);
    }
}

/* The batch succeeds and leaves nothing; values that were given are released with the others. */
static weir_status drop_newest(wr_write *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (w[i].give)
            w[i].replaced = w[i].value;
    }
    return WEIR_OK;
}

static weir_status apply_plan(memory *m, wr_write *w, plan *p, size_t n,
                              weir_deadline deadline, weir_error *err)
{
    for (;;) {
        weir_status st = prepare(m, w, p, n, err);
        if (st != WEIR_OK)
            return st;
        size_t before = m->info.bytes;
        room r = find_room(m, w, p, n, deadline, err);
        if (r == ROOM) {
            for (size_t i = 0; i < n; i++)
                commit_one(m, &w[i], &p[i]);
            if (m->info.bytes > m->info.peak_bytes)
                m->info.peak_bytes = m->info.bytes;
            if (m->full == WEIR_FULL_WAIT && m->info.bytes < before)
                wr_cond_broadcast(&m->room);
            for (size_t i = 0; m->watches != NULL && i < n; i++)
                tell_watches(m, w[i].key);
            return WEIR_OK;
        }
        take_back(m, w, p, n);
        if (r == ROOM_DROP_NEWEST)
            return drop_newest(w, n);
        if (r != ROOM_AFTER_WAIT)
            return WEIR_ERR_FULL;
    }
}

static weir_status ks_apply(wr_keyspace *ks, wr_write *w, size_t n, wr_limit limit,
                            weir_error *err)
{
    bool may_wait = self(ks)->full == WEIR_FULL_WAIT;
    weir_deadline deadline = may_wait ? wr_limit_deadline(limit) : WEIR_NEVER;
    plan few[PLANS_ON_STACK];
    plan *p = few;
    for (size_t i = 0; i < n; i++)
        w[i].replaced = (wr_value){0};
    if (n > PLANS_ON_STACK && (p = wr_calloc(n, sizeof *p)) == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a batch of %zu writes", n);
    weir_status st = apply_plan(self(ks), w, p, n, deadline, err);
    if (p != few)
        wr_free(p);
    return st;
}

/* ---- life ---- */

static wr_keyspace_info ks_info(wr_keyspace *ks)
{
    memory *m = self(ks);
    wr_lock(&m->lock);
    wr_keyspace_info info = m->info;
    wr_unlock(&m->lock);
    info.limit_bytes = m->limit;
    return info;
}

static void ks_free(wr_keyspace *ks)
{
    memory *m = self(ks);
    while (m->newest != NULL)
        wr_value_unref(entry_drop(m, m->newest));
    wr_map_fini(&m->map);
    wr_cond_fini(&m->room);
    wr_mutex_fini(&m->lock);
    wr_free(m);
}

static const wr_keyspace_ops memory_ops = {
    .lock = ks_lock,
    .unlock = ks_unlock,
    .get = ks_get,
    .apply = ks_apply,
    .fits = ks_fits,
    .watch = ks_watch,
    .unwatch = ks_unwatch,
    .info = ks_info,
    .free = ks_free,
};

static size_t half_of_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (size_t)pages / 2 * (size_t)bytes : (size_t)1 << 30;
}

weir_status wr_keyspace_new_memory(wr_keyspace **out, size_t limit_bytes,
                                   weir_full_policy full, weir_error *err)
{
    memory *m = wr_calloc(1, sizeof *m);
    if (m == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a keyspace");
    m->base.ops = &memory_ops;
    m->limit = limit_bytes == 0 ? half_of_memory() : limit_bytes;
    m->full = full;
    wr_mutex_init(&m->lock, WR_LEVEL_KEYSPACE);
    wr_cond_init(&m->room);
    *out = &m->base;
    return WEIR_OK;
}
