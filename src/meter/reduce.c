/* SPDX-License-Identifier: BSD-3-Clause */
/* Joining the meters of ranks. Keys travel one by one in pieces of fixed size, sorted by name, so
 * that only rank 0 needs memory that grows with the number of ranks. A failure of one rank is told
 * to all at the next broadcast: nobody waits for somebody who has left. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "meter/meter.h"
#include "meter/stats.h"
#include "meter/summary.h"

/* What all ranks agree on. */
typedef struct verdict {
    int32_t status;
    int32_t n; /* rounds, or keys */
    char text[WEIR_ERROR_TEXT_MAX];
} verdict;

/* What a rank says of itself. */
typedef struct hello {
    int32_t status;
    int32_t n; /* keys with values */
} hello;

/* One key of one rank; without a name: this rank has no more. */
typedef struct part {
    char name[WEIR_METER_NAME_MAX + 1];
    char unit[WEIR_METER_UNIT_MAX + 1];
    int32_t kind;
    int32_t unused;
    uint64_t n;
    double sum, mean, min, max;
} part;

/* One key on rank 0 while ranks are added. */
typedef struct entry {
    weir_meter_total is;
    wr_sum mean;     /* of the ranks' means */
    double *by_rank; /* owned */
} entry;

/* Rank 0's state. */
typedef struct table {
    wr_map index; /* name to index + 1 */
    entry *entry;
    size_t n, room;
    verdict found; /* the first failure, or OK */
} table;

static int gather_alone(void *ctx, const void *send, size_t n, void *recv)
{
    (void)ctx;
    memcpy(recv, send, n);
    return 0;
}

static int bcast_alone(void *ctx, void *data, size_t n)
{
    (void)ctx;
    (void)data;
    (void)n;
    return 0;
}

static weir_status check_comm(const weir_meter_comm *given, weir_meter_comm *c,
                              weir_error *err)
{
    *c = given == NULL ? (weir_meter_comm){0} : *given;
    if (c->size <= 1) {
        if (c->size < 0 || c->rank != 0)
            return weir_fail(err, WEIR_ERR_ARG, "meter reduce: rank %d of %d ranks",
                             c->rank, c->size);
        *c = (weir_meter_comm){.size = 1, .gather = gather_alone, .bcast = bcast_alone};
        return WEIR_OK;
    }
    if (c->rank < 0 || c->rank >= c->size)
        return weir_fail(err, WEIR_ERR_ARG, "meter reduce: rank %d is none of 0 .. %d",
                         c->rank, c->size - 1);
    if (c->gather == NULL || c->bcast == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter reduce: %d ranks, but no function to %s", c->size,
                         c->gather == NULL ? "gather" : "broadcast");
    return WEIR_OK;
}

/* Collective. */
static weir_status gather(const weir_meter_comm *c, const void *send, size_t n,
                          void *recv, weir_error *err)
{
    int code = c->gather(c->ctx, send, n, recv);
    if (code == 0)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_IO,
                     "meter reduce: gather of %zu bytes gave %d on rank %d of %d", n,
                     code, c->rank, c->size);
}

/* Collective. */
static weir_status bcast(const weir_meter_comm *c, void *data, size_t n, weir_error *err)
{
    int code = c->bcast(c->ctx, data, n);
    if (code == 0)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_IO,
                     "meter reduce: broadcast of %zu bytes gave %d on rank %d of %d", n,
                     code, c->rank, c->size);
}

/* Collective. Rank 0's verdict becomes everybody's, and everybody's status. */
static weir_status agree(const weir_meter_comm *c, verdict *v, weir_error *err)
{
    weir_status st = bcast(c, v, sizeof *v, err);
    if (st != WEIR_OK || v->status == WEIR_OK)
        return st;
    v->text[sizeof v->text - 1] = '\0';
    return weir_fail(err, (weir_status)v->status, "%s", v->text);
}

/* The first failure stays. */
static void blame(verdict *v, weir_status st, const weir_error *why)
{
    if (v->status != WEIR_OK)
        return;
    v->status = st;
    memcpy(v->text, why->text, sizeof v->text);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const part *)a)->name, ((const part *)b)->name);
}

/* Local. This rank's keys with values, sorted. NULL: no memory. */
static part *collect(weir_meter *m, int *n_out)
{
    int n = 0, n_keys = m == NULL ? 0 : m->n_keys;
    part *p = wr_calloc((size_t)n_keys, sizeof *p);
    if (p == NULL)
        return NULL;
    for (int i = 0; i < n_keys; i++) {
        wr_meter_key *k = m->key[i];
        const wr_moments *all = &k->series.all;
        wr_series_digest(&k->series);
        if (all->n == 0)
            continue;
        part *to = &p[n++];
        memcpy(to->name, k->name, strlen(k->name) + 1); /* their lengths were checked */
        memcpy(to->unit, k->unit, strlen(k->unit) + 1);
        to->kind = (int32_t)k->kind;
        to->n = all->n;
        to->sum = wr_sum_of(&all->sum);
        to->mean = to->sum / (double)all->n;
        to->min = all->min;
        to->max = all->max;
    }
    qsort(p, (size_t)n, sizeof *p, by_name);
    *n_out = n;
    return p;
}

/* The entry of a key, made if it is not there; NULL: no memory. */
static entry *entry_of(table *t, const part *p, int size)
{
    weir_str name = weir_cstr(p->name);
    uintptr_t at = (uintptr_t)wr_map_get(&t->index, name);
    if (at > 0)
        return &t->entry[at - 1];
    if (t->n == t->room) {
        size_t room = t->room == 0 ? 16 : 2 * t->room;
        entry *e = wr_realloc(t->entry, room * sizeof *e);
        if (e == NULL)
            return NULL;
        t->entry = e;
        t->room = room;
    }
    double *by_rank = wr_calloc((size_t)size, sizeof *by_rank);
    if (by_rank == NULL ||
        !wr_map_set(&t->index, name, (void *)(uintptr_t)(t->n + 1), NULL)) {
        wr_free(by_rank);
        return NULL;
    }
    entry *e = &t->entry[t->n++];
    *e = (entry){.by_rank = by_rank};
    memcpy(e->is.name, p->name, sizeof e->is.name);
    memcpy(e->is.unit, p->unit, sizeof e->is.unit);
    e->is.kind = (weir_meter_kind)p->kind;
    return e;
}

static void add_part(table *t, const part *p, int rank, int size)
{
    weir_error why = {0};
    entry *e = entry_of(t, p, size);
    if (e == NULL) {
        blame(&t->found,
              weir_fail(&why, WEIR_ERR_NOMEM,
                        "meter reduce: no memory on rank 0 for key '%s'", p->name),
              &why);
        return;
    }
    weir_meter_total *k = &e->is;
    if ((int)k->kind != p->kind || strcmp(k->unit, p->unit) != 0) {
        blame(&t->found,
              weir_fail(&why, WEIR_ERR_KIND,
                        "meter reduce: key '%s' is a %s in '%s' on rank %d, elsewhere a "
                        "%s in '%s'",
                        p->name, wr_meter_kind_name((weir_meter_kind)p->kind), p->unit,
                        rank, wr_meter_kind_name(k->kind), k->unit),
              &why);
        return;
    }
    bool is_new = k->n_ranks == 0;
    e->by_rank[rank] = p->sum;
    wr_sum_add(&e->mean, p->mean);
    k->n += p->n;
    if (is_new || p->sum < k->sum_min || (p->sum <= k->sum_min && rank < k->rank_min)) {
        k->sum_min = p->sum;
        k->rank_min = rank;
    }
    if (is_new || p->sum > k->sum_max || (p->sum >= k->sum_max && rank < k->rank_max)) {
        k->sum_max = p->sum;
        k->rank_max = rank;
    }
    k->mean_min = is_new || p->mean < k->mean_min ? p->mean : k->mean_min;
    k->mean_max = is_new || p->mean > k->mean_max ? p->mean : k->mean_max;
    k->min = is_new || p->min < k->min ? p->min : k->min;
    k->max = is_new || p->max > k->max ? p->max : k->max;
    k->n_ranks++;
}

static void table_fini(table *t)
{
    for (size_t i = 0; i < t->n; i++)
        wr_free(t->entry[i].by_rank);
    wr_free(t->entry);
    wr_map_fini(&t->index);
    *t = (table){0};
}

static int entry_by_name(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->is.name, ((const entry *)b)->is.name);
}

/* Local, on rank 0: the table becomes a summary, or a verdict. */
static weir_meter_summary *finish(table *t, int size)
{
    if (t->found.status != WEIR_OK)
        return NULL;
    weir_meter_summary *s = wr_summary_new(t->n, size, true);
    if (s == NULL) {
        weir_error why = {0};
        weir_status st = weir_fail(
            &why, WEIR_ERR_NOMEM,
            "meter reduce: no memory on rank 0 for %zu keys of %d ranks", t->n, size);
        blame(&t->found, st, &why);
        return NULL;
    }
    if (t->n > 0)
        qsort(t->entry, t->n, sizeof *t->entry, entry_by_name);
    for (size_t i = 0; i < t->n; i++) {
        entry *e = &t->entry[i];
        wr_sum sum = {0};
        for (int r = 0; r < size;
             r++) /* in the order of ranks: the same numbers every time */
            wr_sum_add(&sum, e->by_rank[r]);
        e->is.sum = wr_sum_of(&sum);
        e->is.sum_mean = e->is.sum / e->is.n_ranks;
        e->is.mean_mean = wr_sum_of(&e->mean) / e->is.n_ranks;
        e->is.imbalance =
            e->is.sum_mean > 0 || e->is.sum_mean < 0 ? e->is.sum_max / e->is.sum_mean : 1;
        s->total[i] = e->is;
        memcpy(s->by_rank + i * (size_t)size, e->by_rank, (size_t)size * sizeof(double));
    }
    t->found.n = (int32_t)t->n;
    return s;
}

/* Collective. How many rounds there will be; fails on all when a rank has failed. `all` is NULL but
 * on rank 0. */
static weir_status count_rounds(const weir_meter_comm *c, hello mine, hello *all,
                                int *n_rounds, weir_error *err)
{
    verdict v = {0};
    weir_error why = {0};
    weir_status st = gather(c, &mine, sizeof mine, all, err);
    if (st != WEIR_OK)
        return st;
    for (int r = 0; all != NULL && r < c->size; r++) {
        v.n = all[r].n > v.n ? all[r].n : v.n;
        if (all[r].status != WEIR_OK)
            blame(&v,
                  weir_fail(&why, (weir_status)all[r].status,
                            "meter reduce: rank %d of %d: no memory for its keys", r,
                            c->size),
                  &why);
    }
    st = agree(c, &v, err);
    *n_rounds = v.n;
    return st;
}

/* Collective. All parts arrive in rank 0's table. */
static weir_status send_parts(const weir_meter_comm *c, const part *mine, int n_mine,
                              int n_rounds, part *all, table *t, weir_error *err)
{
    static const part no_more;
    weir_status st = WEIR_OK;
    for (int i = 0; i < n_rounds && st == WEIR_OK; i++) {
        st = gather(c, i < n_mine ? &mine[i] : &no_more, sizeof *mine, all, err);
        for (int r = 0; st == WEIR_OK && all != NULL && r < c->size; r++) {
            if (all[r].name[0] != '\0')
                add_part(t, &all[r], r, c->size);
        }
    }
    return st;
}

/* Collective. Everybody gets the totals; a rank without memory for them takes part all the same. */
static weir_status share(const weir_meter_comm *c, int n, weir_meter_summary **s,
                         weir_error *err)
{
    weir_meter_summary *mine = *s;
    weir_status st = WEIR_OK;
    if (c->rank != 0)
        *s = mine = wr_summary_new((size_t)n, c->size, false);
    for (int i = 0; i < n && st == WEIR_OK; i++) {
        weir_meter_total unseen;
        st = bcast(c, mine == NULL ? &unseen : &mine->total[i], sizeof unseen, err);
    }
    if (st == WEIR_OK && mine == NULL)
        st = weir_fail(err, WEIR_ERR_NOMEM,
                       "meter reduce: no memory on rank %d for the totals of %d keys "
                       "(%zu bytes each)",
                       c->rank, n, sizeof *mine->total);
    return st;
}

weir_status weir_meter_reduce(weir_meter *m, const weir_meter_comm *comm,
                              weir_meter_summary **out, weir_error *err)
{
    weir_meter_comm c = {0};
    weir_meter_summary *s = NULL;
    part *mine = NULL, *all = NULL;
    hello *hellos = NULL;
    table t = {0};
    verdict v = {0};
    weir_error why = {0};
    int n_mine = 0, n_rounds = 0;
    if (out == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter reduce: no place for the result (out is null)");
    weir_status st = check_comm(comm, &c, err);
    if (st != WEIR_OK)
        goto out;

    if (c.rank == 0) { /* it can take nothing in without this, so all must know first */
        all = wr_calloc((size_t)c.size, sizeof *all);
        hellos = wr_calloc((size_t)c.size, sizeof *hellos);
        if (all == NULL || hellos == NULL)
            blame(&v,
                  weir_fail(&why, WEIR_ERR_NOMEM,
                            "meter reduce: no memory on rank 0 for %d ranks", c.size),
                  &why);
    }
    st = agree(&c, &v, err);
    if (st != WEIR_OK)
        goto out;
    mine = collect(m, &n_mine);
    st = count_rounds(&c, (hello){mine == NULL ? WEIR_ERR_NOMEM : WEIR_OK, n_mine},
                      hellos, &n_rounds, err);
    if (st != WEIR_OK)
        goto out;
    st = send_parts(&c, mine, n_mine, n_rounds, all, &t, err);
    if (st != WEIR_OK)
        goto out;
    if (c.rank == 0)
        s = finish(&t, c.size);
    st = agree(&c, &t.found, err);
    if (st != WEIR_OK)
        goto out;
    st = share(&c, t.found.n, &s, err);
    if (st != WEIR_OK)
        goto out;
    *out = s;
    s = NULL;

out:
    weir_meter_summary_free(s);
    table_fini(&t);
    wr_free(mine);
    wr_free(all);
    wr_free(hellos);
    return st;
}
