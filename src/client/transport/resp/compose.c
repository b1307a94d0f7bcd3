/* SPDX-License-Identifier: BSD-3-Clause */
/* What one command can't do over several slots, made of several: copies, runs, lists. None of it is one
 * step for other clients; docs/client.md says so. */
#include "base/alloc.h"
#include "client/transport/resp/resp.h"

enum { WINDOW = 256 }; /* datasets of a list that are asked for at once */

/* ---- many tensors ---- */

typedef struct leg {
    wr_req req;
    wr_rep rep;
    weir_error error;
} leg;

typedef struct legs {
    leg *leg;
    wr_errand *e;
    size_t n;
} legs;

static weir_status legs_init(legs *s, size_t n, weir_error *err)
{
    s->n = n;
    s->leg = wr_calloc(n + 1, sizeof *s->leg);
    s->e = wr_calloc(n + 1, sizeof *s->e);
    if (s->leg != NULL && s->e != NULL)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_NOMEM, "no memory for %zu requests", n);
}

static void legs_fini(legs *s)
{
    wr_free(s->leg);
    wr_free(s->e);
}

static void legs_set(wr_resp *l, legs *s, size_t i, wr_req req, weir_deadline until)
{
    leg *x = &s->leg[i];
    x->req = req;
    s->e[i] = wr_resp_errand(&x->req, &x->rep, until, &x->error);
    s->e[i].slot = l->topology.clustered ? wr_slot_of(req.key) : -1;
}

/* The first failure, by number. */
static weir_status first_failure(const legs *s, size_t *which, weir_error *err)
{
    for (size_t i = 0; i < s->n; i++) {
        *which = i;
        if (s->e[i].st != WEIR_OK)
            return weir_fail(err, s->e[i].st, "%s", s->leg[i].error.text);
    }
    return WEIR_OK;
}

weir_status wr_resp_fetch_all(wr_resp *l, const char *what, const weir_str *key, size_t n,
                              weir_buffer **out, weir_deadline until, weir_error *err)
{
    legs s = {0};
    weir_error inner = {0};
    weir_status st = legs_init(&s, n, err);
    for (size_t i = 0; st == WEIR_OK && i < n; i++)
        legs_set(l, &s, i,
                 (wr_req){.command = WR_CMD_get,
                          .kind = WEIR_TENSOR,
                          .key = key[i],
                          .give_buffers = true,
                          .limit = {-1, until}},
                 until);
    if (st == WEIR_OK) {
        wr_errands_do(&l->errands, s.e, n);
        size_t bad = 0;
        st = first_failure(&s, &bad, &inner);
        if (st != WEIR_OK)
            weir_fail(err, st, "%s '%.*s': %.380s", what, WR_NAME(key[bad]), inner.text);
        for (size_t i = 0; i < n; i++) {
            weir_buffer *b = s.e[i].st == WEIR_OK ? s.leg[i].rep.buffer[0] : NULL;
            if (st == WEIR_OK)
                out[i] = b;
            else
                weir_buffer_unref(b);
        }
    }
    legs_fini(&s);
    return st;
}

weir_status wr_resp_put_all(wr_resp *l, const weir_str *key, weir_buffer *const *b,
                            size_t n, weir_deadline until, weir_error *err)
{
    legs s = {0};
    size_t n_failed = 0, bad;
    weir_error inner = {0};
    weir_status st = legs_init(&s, n, err);
    for (size_t i = 0; st == WEIR_OK && i < n; i++)
        legs_set(l, &s, i,
                 (wr_req){.command = WR_CMD_put,
                          .kind = WEIR_TENSOR,
                          .key = key[i],
                          .buffer = b[i],
                          .limit = {-1, until}},
                 until);
    if (st == WEIR_OK) {
        wr_errands_do(&l->errands, s.e, n);
        for (size_t i = 0; i < n; i++)
            n_failed += s.e[i].st != WEIR_OK;
        st = first_failure(&s, &bad, &inner);
        if (st != WEIR_OK)
            weir_fail(err, st, "%zu of %zu results could not be stored: %.400s", n_failed,
                      n, inner.text);
    }
    legs_fini(&s);
    return st;
}

static void unref_all(weir_buffer **b, int n)
{
    for (int i = 0; i < n; i++)
        weir_buffer_unref(b[i]);
}

/* ---- run ---- */

/* The slot of all keys; -1: of several, or no keys. */
static int common_slot(const wr_req *req)
{
    int slot = -1;
    weir_str key;
    for (size_t i = 0; wr_wire_key(req, i, &key); i++) {
        int s = wr_slot_of(key);
        if (slot >= 0 && s != slot)
            return -1;
        slot = s;
    }
    return slot;
}

static weir_status run_apart(wr_resp *l, const wr_req *req, weir_deadline until,
                             weir_error *err)
{
    weir_buffer *in[WEIR_IO_MAX] = {NULL};
    weir_tensor view[WEIR_IO_MAX];
    wr_rep rep = {0};
    weir_status st =
        wr_resp_fetch_all(l, "input", req->in_keys, (size_t)req->n_in, in, until, err);
    if (st == WEIR_OK) {
        for (int i = 0; i < req->n_in; i++)
            view[i] = weir_buffer_view(in[i]);
        wr_req infer = {.command = WR_CMD_infer,
                        .kind = req->kind,
                        .key = req->key,
                        .function = req->function,
                        .in = view,
                        .n_in = req->n_in,
                        .n_out = req->n_out,
                        .give_buffers = true,
                        .limit = req->limit};
        st = wr_resp_at_home(l, &infer, &rep, until, err);
    }
    if (st == WEIR_OK) {
        st =
            wr_resp_put_all(l, req->out_keys, rep.buffer, (size_t)req->n_out, until, err);
        unref_all(rep.buffer, req->n_out);
    }
    unref_all(in, req->n_in);
    return st;
}

/* Keys that lie together are worked on where they lie; others are brought to a model and back. */
weir_status wr_resp_run(wr_resp *l, const wr_req *req, wr_rep *rep, weir_deadline until,
                        weir_error *err)
{
    wr_marked key;
    weir_status st = wr_check_out_keys(req, err);
    if (st != WEIR_OK)
        return st;
    int slot = common_slot(req);
    wr_shard shard = wr_topology_shard_of(&l->topology, slot);
    if (slot < 0 || shard.low < 0)
        return run_apart(l, req, until, err);
    st = wr_marked_make(&key, shard.low, req->key, err);
    if (st != WEIR_OK)
        return st;
    wr_req marked = *req;
    marked.key = key.s;
    wr_errand e = wr_resp_errand(&marked, rep, until, err);
    e.name = req->key;
    e.slot = slot;
    st = wr_errand_do(&l->errands, &e);
    wr_marked_fini(&key);
    return st;
}

/* ---- copy and rename ---- */

static weir_status forget(wr_resp *l, const wr_req *req, weir_deadline until,
                          weir_error *err)
{
    weir_error inner = {0};
    wr_rep rep;
    wr_req del = {
        .command = WR_CMD_del, .kind = req->kind, .key = req->key, .limit = req->limit};
    weir_status st = wr_resp_do(l, wr_slot_of(req->key), &del, &rep, until, &inner);
    if (st == WEIR_OK)
        return st;
    return weir_fail(err, st,
                     "rename '%.*s': it was copied to '%.*s' but not deleted: %.300s",
                     WR_NAME(req->key), WR_NAME(req->to), inner.text);
}

static weir_status copy_tensor(wr_resp *l, const wr_req *req, weir_deadline until,
                               weir_error *err)
{
    weir_buffer *b = NULL;
    weir_status st = wr_resp_fetch_all(l, "tensor", &req->key, 1, &b, until, err);
    if (st == WEIR_OK)
        st = wr_resp_put_all(l, &req->to, &b, 1, until, err);
    weir_buffer_unref(b);
    return st;
}

static weir_status copy_dataset(wr_resp *l, const wr_req *req, weir_deadline until,
                                weir_error *err)
{
    wr_rep rep = {0};
    wr_req get = {.command = WR_CMD_get_dataset,
                  .kind = WEIR_DATASET,
                  .key = req->key,
                  .limit = req->limit};
    weir_status st = wr_resp_do(l, wr_slot_of(req->key), &get, &rep, until, err);
    if (st != WEIR_OK)
        return st;
    wr_req put = {.command = WR_CMD_put_dataset,
                  .kind = WEIR_DATASET,
                  .key = req->to,
                  .dataset = rep.dataset,
                  .limit = req->limit};
    st = wr_resp_do(l, wr_slot_of(req->to), &put, &rep, until, err);
    weir_dataset_free((weir_dataset *)(uintptr_t)put.dataset);
    return st;
}

/* ---- lists ---- */

typedef struct entries {
    wr_text text; /* all of them, one behind the other */
    size_t *end;  /* where each ends */
    size_t n, room;
} entries;

static void entries_fini(entries *all)
{
    wr_text_fini(&all->text);
    wr_free(all->end);
    *all = (entries){0};
}

static weir_str entry(const entries *all, size_t i)
{
    size_t begin = i == 0 ? 0 : all->end[i - 1];
    return (weir_str){all->text.p + begin, all->end[i] - begin};
}

static bool grow(entries *all)
{
    if (all->n < all->room)
        return true;
    size_t room = all->room * 2 + 64;
    size_t *p = wr_realloc(all->end, room * sizeof *p);
    if (p == NULL)
        return false;
    all->end = p;
    all->room = room;
    return true;
}

static weir_status read_entry(wr_reader *r, entries *all, weir_error *err)
{
    wr_item it;
    char piece[256];
    weir_status st = r->source.ops->next(&r->source, &it, err);
    if (st == WEIR_OK && (it.kind != WR_ITEM_BULK || it.n > 2 * WEIR_KEY_MAX + 8))
        st = weir_fail(err, WEIR_ERR_FORMAT, "an entry of the list is no dataset's name");
    for (int64_t left = it.n; st == WEIR_OK && left > 0;) {
        size_t n = left < (int64_t)sizeof piece ? (size_t)left : sizeof piece;
        st = r->source.ops->read(&r->source, piece, n, err);
        wr_text_add(&all->text, piece, n);
        left -= (int64_t)n;
    }
    if (st == WEIR_OK && (all->text.failed || !grow(all)))
        st = weir_fail(err, WEIR_ERR_NOMEM, "no memory for the entries of a list");
    if (st == WEIR_OK)
        all->end[all->n++] = all->text.n;
    return st;
}

static weir_status read_entries(wr_errand *e, wr_reader *r, weir_error *err)
{
    entries *all = e->context;
    wr_item it;
    entries_fini(all); /* of a try before */
    weir_status st = r->source.ops->next(&r->source, &it, err);
    if (st == WEIR_OK && it.kind == WR_ITEM_ERROR)
        return wr_wire_error(it.text, err);
    if (st == WEIR_OK && it.kind != WR_ITEM_ARRAY)
        return weir_fail(err, WEIR_ERR_FORMAT, "the reply of LRANGE is no array");
    for (int64_t i = 0; st == WEIR_OK && i < it.n; i++)
        st = read_entry(r, all, err);
    return st;
}

static weir_status list_entries(wr_resp *l, weir_str list, int64_t first, int64_t last,
                                entries *all, weir_deadline until, weir_error *err)
{
    wr_text a = {0}, b = {0};
    weir_error inner = {0};
    wr_text_printf(&a, "%lld", (long long)first);
    wr_text_printf(&b, "%lld", (long long)last);
    const weir_str words[4] = {WEIR_STR("LRANGE"), list, {a.p, a.n}, {b.p, b.n}};
    wr_errand e = {.text = words,
                   .n_texts = 4,
                   .read = read_entries,
                   .context = all,
                   .name = list,
                   .slot = l->topology.clustered ? wr_slot_of(list) : -1,
                   .repeatable = true,
                   .until = until,
                   .error = &inner};
    weir_status st = a.failed || b.failed ? weir_fail(&inner, WEIR_ERR_NOMEM, "no memory")
                                          : wr_errand_do(&l->errands, &e);
    if (st != WEIR_OK)
        weir_fail(err, st, "list '%.*s': %.400s", WR_NAME(list), inner.text);
    wr_text_fini(&a);
    wr_text_fini(&b);
    return st;
}

/* Some of the entries' datasets, into out[0 .. n). */
static weir_status get_window(wr_resp *l, const wr_req *req, const entries *all,
                              size_t begin, legs *s, weir_dataset **out,
                              weir_deadline until, weir_error *err)
{
    weir_status st = WEIR_OK;
    for (size_t i = 0; i < s->n; i++)
        legs_set(l, s, i,
                 (wr_req){.command = WR_CMD_get_dataset,
                          .kind = WEIR_DATASET,
                          .key = entry(all, begin + i),
                          .limit = req->limit},
                 until);
    wr_errands_do(&l->errands, s->e, s->n);
    for (size_t i = 0; i < s->n; i++) {
        if (s->e[i].st == WEIR_OK)
            out[i] = s->leg[i].rep.dataset;
        else if (st == WEIR_OK)
            st = weir_fail(err, s->e[i].st, "list '%.*s', entry %zu of %zu: %.380s",
                           WR_NAME(req->key), begin + i, all->n, s->leg[i].error.text);
    }
    return st;
}

weir_status wr_resp_list_get(wr_resp *l, const wr_req *req, wr_rep *rep,
                             weir_deadline until, weir_error *err)
{
    entries all = {0};
    legs s = {0};
    weir_dataset **ds = NULL;
    weir_status st = list_entries(l, req->key, req->first, req->last, &all, until, err);
    rep->datasets = NULL;
    rep->n_datasets = 0;
    if (st != WEIR_OK || all.n == 0)
        goto out;
    ds = wr_calloc(all.n, sizeof(weir_dataset *));
    if (ds == NULL)
        st = weir_fail(err, WEIR_ERR_NOMEM, "list '%.*s': no memory for %zu datasets",
                       WR_NAME(req->key), all.n);
    if (st == WEIR_OK)
        st = legs_init(&s, all.n < WINDOW ? all.n : WINDOW, err);
    for (size_t i = 0; st == WEIR_OK && i < all.n; i += WINDOW) {
        s.n = all.n - i < WINDOW ? all.n - i : WINDOW;
        st = get_window(l, req, &all, i, &s, ds + i, until, err);
    }
    if (st == WEIR_OK) {
        rep->datasets = ds;
        rep->n_datasets = all.n;
        ds = NULL;
    }
out:
    if (ds != NULL)
        weir_datasets_free(ds, all.n);
    legs_fini(&s);
    entries_fini(&all);
    return st;
}

/* DEL and RPUSH in one transaction of the server that keeps the copy. */
static weir_status write_list(wr_resp *l, weir_str to, const entries *all,
                              weir_deadline until, weir_error *err)
{
    static const char script[] =
        "redis.call('DEL',KEYS[1]) for i=1,#ARGV,4000 do "
        "redis.call('RPUSH',KEYS[1],unpack(ARGV,i,math.min(i+3999,#ARGV))) end "
        "return redis.status_reply('OK')";
    weir_str *words = wr_calloc(all->n + 4, sizeof *words);
    if (words == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for the entries of a list");
    words[0] = WEIR_STR("EVAL");
    words[1] = weir_cstr(script);
    words[2] = WEIR_STR("1");
    words[3] = to;
    for (size_t i = 0; i < all->n; i++)
        words[4 + i] = entry(all, i);
    wr_errand e = {.text = words,
                   .n_texts = all->n + 4,
                   .name = to,
                   .slot = wr_slot_of(to),
                   .until = until,
                   .error = err};
    weir_status st = wr_errand_do(&l->errands, &e);
    wr_free(words);
    return st;
}

static weir_status copy_list(wr_resp *l, const wr_req *req, weir_deadline until,
                             weir_error *err)
{
    entries all = {0};
    weir_status st = list_entries(l, req->key, 0, -1, &all, until, err);
    if (st == WEIR_OK && all.n == 0)
        st = weir_fail(err, WEIR_ERR_KEY, "there is no list '%.*s'", WR_NAME(req->key));
    if (st == WEIR_OK)
        st = write_list(l, req->to, &all, until, err);
    entries_fini(&all);
    return st;
}

weir_status wr_resp_move(wr_resp *l, const wr_req *req, wr_rep *rep, weir_deadline until,
                         weir_error *err)
{
    weir_status st;
    (void)rep;
    if (req->kind == WEIR_TENSOR)
        st = copy_tensor(l, req, until, err);
    else if (req->kind == WEIR_DATASET)
        st = copy_dataset(l, req, until, err);
    else if (req->kind == WEIR_LIST)
        st = copy_list(l, req, until, err);
    else
        return weir_fail(
            err, WEIR_ERR_ARG,
            "a %s can't be copied or renamed: only tensors, datasets and lists "
            "can",
            wr_kind_name(req->kind));
    if (st == WEIR_OK && req->command == WR_CMD_rename)
        st = forget(l, req, until, err);
    return st;
}
