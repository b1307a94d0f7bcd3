/* SPDX-License-Identifier: BSD-3-Clause */
/* Models in a cluster: every shard has every one, as "{P}.name" with the mark P of its lowest slot. */
#include "base/alloc.h"
#include "client/transport/resp/resp.h"

/* ---- marked names ---- */

weir_status wr_marked_make(wr_marked *m, int low, weir_str name, weir_error *err)
{
    wr_mark mark = wr_mark_of(low);
    size_t n = mark.n + 3 + name.n;
    m->heap = NULL;
    char *p = m->small;
    if (n > sizeof m->small && (p = m->heap = wr_alloc(n)) == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "'%.*s': no memory for its key",
                         WR_NAME(name));
    m->s = (weir_str){p, n};
    *p++ = '{';
    memcpy(p, mark.p, mark.n);
    p += mark.n;
    *p++ = '}';
    *p++ = '.';
    if (name.n > 0)
        memcpy(p, name.p, name.n);
    return WEIR_OK;
}

void wr_marked_fini(wr_marked *m)
{
    wr_free(m->heap);
    m->heap = NULL;
}

/* ---- every shard ---- */

typedef struct part {
    wr_shard shard;
    wr_req req;
    wr_rep rep;
    wr_marked key;
    weir_model_stats stats;
    weir_error error;
} part;

typedef struct parts {
    part *p;
    wr_errand *e;
    size_t n;
} parts;

static void parts_fini(parts *all)
{
    for (size_t i = 0; all->p != NULL && i < all->n; i++)
        wr_marked_fini(&all->p[i].key);
    wr_free(all->p);
    wr_free(all->e);
}

/* The request once for each shard. */
static weir_status parts_init(parts *all, wr_resp *l, const wr_req *req,
                              weir_deadline until, weir_error *err)
{
    weir_status st = WEIR_OK;
    all->n = wr_topology_shards(&l->topology);
    all->p = wr_calloc(all->n + 1, sizeof *all->p);
    all->e = wr_calloc(all->n + 1, sizeof *all->e);
    if (all->p == NULL || all->e == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "'%.*s': no memory for %zu shards",
                         WR_NAME(req->key), all->n);
    if (all->n == 0)
        return weir_fail(err, WEIR_ERR_CLOSED, "'%.*s': the cluster has no shards",
                         WR_NAME(req->key));
    for (size_t i = 0; i < all->n && st == WEIR_OK; i++) {
        part *p = &all->p[i];
        p->shard = wr_topology_shard(&l->topology, i);
        st = wr_marked_make(&p->key, p->shard.low, req->key, err);
        p->req = *req;
        p->req.key = p->key.s;
        p->rep.stats = &p->stats;
        all->e[i] = wr_resp_errand(&p->req, &p->rep, until, &p->error);
        all->e[i].name = req->key;
        all->e[i].slot = p->shard.low;
    }
    return st;
}

static size_t count(const parts *all, weir_status st)
{
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++)
        n += all->e[i].st == st;
    return n;
}

/* "10.0.0.1:6379, 10.0.0.2:6379": the shards with this outcome, as far as there is room. */
static void name_shards(const parts *all, bool ok, char *text, size_t room)
{
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < all->n; i++) {
        const char *name =
            all->p[i].shard.node == NULL ? "?" : all->p[i].shard.node->name;
        size_t more = strlen(name);
        if ((all->e[i].st == WEIR_OK) != ok || n + more + 3 > room)
            continue;
        memcpy(text + n, ", ", n > 0 ? 2 : 0);
        n += n > 0 ? 2 : 0;
        memcpy(text + n, name, more + 1);
        n += more;
    }
}

/* The name as the caller knows it: without its mark. (One that can't be printed the server leaves out.) */
static void unmark(char *text, weir_str key, weir_str name)
{
    size_t n_mark = key.n - name.n;
    char mark[8] = {0};
    memcpy(mark, key.p, n_mark);
    for (char *at; strlen(mark) == n_mark && (at = strstr(text, mark)) != NULL;)
        memmove(at, at + n_mark, strlen(at + n_mark) + 1);
}

/* All or an error that says where it is now. */
static weir_status settle(const parts *all, const wr_req *req, const char *done,
                          weir_error *err)
{
    char where[160];
    size_t n_ok = count(all, WEIR_OK), i = 0;
    if (n_ok == all->n)
        return WEIR_OK;
    while (all->e[i].st == WEIR_OK)
        i++;
    unmark(all->p[i].error.text, all->p[i].key.s, req->key);
    if (n_ok == 0)
        return weir_fail(err, all->e[i].st, "%s '%.*s', shard %zu of %zu: %.380s",
                         wr_kind_name(req->kind), WR_NAME(req->key), i + 1, all->n,
                         all->p[i].error.text);
    name_shards(all, true, where, sizeof where);
    return weir_fail(
        err, all->e[i].st,
        "%s '%.*s' is %s on %zu of %zu shards (%s), not on shard %zu: %.180s",
        wr_kind_name(req->kind), WR_NAME(req->key), done, n_ok, all->n, where, i + 1,
        all->p[i].error.text);
}

weir_status wr_resp_set_model(wr_resp *l, const wr_req *req, weir_deadline until,
                              weir_error *err)
{
    parts all = {0};
    weir_status st = parts_init(&all, l, req, until, err);
    if (st == WEIR_OK) {
        wr_errands_do(&l->errands, all.e, all.n);
        st = settle(&all, req, "set", err);
    }
    parts_fini(&all);
    return st;
}

/* A model that some shards lack is deleted from the others; ERR_KEY when all lack it. */
weir_status wr_resp_del_model(wr_resp *l, const wr_req *req, weir_deadline until,
                              weir_error *err)
{
    parts all = {0};
    weir_status st = parts_init(&all, l, req, until, err);
    if (st == WEIR_OK) {
        wr_errands_do(&l->errands, all.e, all.n);
        if (count(&all, WEIR_ERR_KEY) == all.n)
            st = weir_fail(err, WEIR_ERR_KEY, "there is no %s '%.*s'",
                           wr_kind_name(req->kind), WR_NAME(req->key));
        for (size_t i = 0; i < all.n; i++) {
            if (all.e[i].st == WEIR_ERR_KEY)
                all.e[i].st = WEIR_OK;
        }
        if (st == WEIR_OK)
            st = settle(&all, req, "deleted", err);
    }
    parts_fini(&all);
    return st;
}

weir_status wr_resp_model_exists(wr_resp *l, const wr_req *req, wr_rep *rep,
                                 weir_deadline until, weir_error *err)
{
    parts all = {0};
    weir_status st = parts_init(&all, l, req, until, err);
    if (st == WEIR_OK) {
        wr_errands_do(&l->errands, all.e, all.n);
        st = settle(&all, req, "found", err);
        rep->flag = true;
        for (size_t i = 0; i < all.n; i++)
            rep->flag &= all.p[i].rep.flag;
    }
    parts_fini(&all);
    return st;
}

static void add_stats(weir_model_stats *sum, const weir_model_stats *s)
{
    sum->n_calls += s->n_calls;
    sum->n_errors += s->n_errors;
    sum->n_rows += s->n_rows;
    sum->n_runs += s->n_runs;
    sum->n_gathered += s->n_gathered;
    sum->n_inline += s->n_inline;
    for (int i = 0; i < WEIR_BATCH_BINS; i++)
        sum->batch[i] += s->batch[i];
    sum->queue_s += s->queue_s;
    sum->run_s += s->run_s;
    sum->run_max_s = s->run_max_s > sum->run_max_s ? s->run_max_s : sum->run_max_s;
    sum->n_copies += s->n_copies;
    sum->copied_bytes += s->copied_bytes;
    sum->in_bytes += s->in_bytes;
    sum->out_bytes += s->out_bytes;
    sum->n_bad_in += s->n_bad_in;
    sum->n_bad_out += s->n_bad_out;
    sum->n_timeouts += s->n_timeouts;
}

weir_status wr_resp_model_statistics(wr_resp *l, const wr_req *req, wr_rep *rep,
                                     weir_deadline until, weir_error *err)
{
    parts all = {0};
    weir_model_stats sum = {0};
    weir_status st = parts_init(&all, l, req, until, err);
    if (st == WEIR_OK) {
        wr_errands_do(&l->errands, all.e, all.n);
        st = settle(&all, req, "known", err);
    }
    for (size_t i = 0; st == WEIR_OK && i < all.n; i++)
        add_stats(&sum, &all.p[i].stats);
    if (st == WEIR_OK)
        *rep->stats = sum;
    parts_fini(&all);
    return st;
}

/* ---- one shard ---- */

/* `unreached` NULL: be patient. */
static weir_status at_shard(wr_resp *l, wr_shard shard, const wr_req *req, wr_rep *rep,
                            bool *unreached, weir_deadline until, weir_error *err)
{
    wr_marked key;
    weir_error inner = {0};
    weir_status st = wr_marked_make(&key, shard.low, req->key, err);
    if (st != WEIR_OK)
        return st;
    wr_req marked = *req;
    marked.key = key.s;
    wr_errand e = wr_resp_errand(&marked, rep, until, &inner);
    e.name = req->key;
    e.slot = shard.low;
    e.impatient = unreached != NULL;
    st = wr_errand_do(&l->errands, &e);
    if (st != WEIR_OK)
        unmark(inner.text, key.s, req->key);
    wr_marked_fini(&key);
    if (unreached != NULL)
        *unreached = e.unreached;
    const char *where = shard.node == NULL ? "?" : shard.node->name;
    bool script = req->kind == WEIR_SCRIPT || req->function.n > 0;
    if (st ==
        WEIR_ERR_KEY) /* the server names the marked key, which may begin with a NUL */
        return weir_fail(err, st,
                         "there is no %s '%.*s' on the shard at %s: set it first",
                         script ? "script" : "model", WR_NAME(req->key), where);
    if (st != WEIR_OK)
        weir_fail(err, st, "%.400s (on the shard at %s)", inner.text, where);
    return st;
}

/* The next shard takes over only when nothing can have reached the first one. */
weir_status wr_resp_at_home(wr_resp *l, const wr_req *req, wr_rep *rep,
                            weir_deadline until, weir_error *err)
{
    size_t n = wr_topology_shards(&l->topology);
    for (size_t i = 0; i < n; i++) {
        size_t home = atomic_load_explicit(&l->home, memory_order_relaxed);
        wr_shard shard = wr_topology_shard(&l->topology, home);
        bool unreached = false;
        weir_status st = at_shard(l, shard, req, rep, &unreached, until, err);
        if (!unreached)
            return st;
        atomic_compare_exchange_strong(&l->home, &home, home + 1);
    }
    wr_shard shard = wr_topology_shard(
        &l->topology, atomic_load_explicit(&l->home, memory_order_relaxed));
    if (shard.low < 0)
        return weir_fail(err, WEIR_ERR_CLOSED, "'%.*s': the cluster has no shards",
                         WR_NAME(req->key));
    return at_shard(l, shard, req, rep, NULL, until, err);
}
