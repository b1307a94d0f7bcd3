/* SPDX-License-Identifier: BSD-3-Clause */
/* Pipelines in a cluster: with all keys in one slot they go there as they are; else loads of other slots
 * are fetched first and go along, and what is to be kept comes back and is put. */
#include "base/alloc.h"
#include "client/transport/resp/resp.h"
#include "service/pipeline.h"

/* ---- keys ---- */

typedef struct keys {
    wr_text text;
    weir_str *key; /* by step; empty for steps without one */
} keys;

static void keys_fini(keys *k)
{
    wr_text_fini(&k->text);
    wr_free(k->key);
}

static bool has_key(const wr_step *s)
{
    return s->kind == WR_STEP_LOAD || s->kind == WR_STEP_KEEP;
}

/* With their prefixes. */
static weir_status keys_init(keys *k, const wr_req *req, weir_error *err)
{
    const wr_steps *s = req->steps;
    k->key = wr_calloc(s->n + 1, sizeof *k->key);
    for (size_t i = 0; i < s->n && k->key != NULL; i++) {
        const wr_step *step = &s->step[i];
        weir_str prefix = step->kind == WR_STEP_LOAD ? req->get_prefix : req->put_prefix;
        if (!has_key(step))
            continue;
        k->key[i].n = prefix.n + step->name.n;
        wr_text_add(&k->text, prefix.p, prefix.n);
        wr_text_add(&k->text, step->name.p, step->name.n);
    }
    if (k->key == NULL || k->text.failed)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a pipeline's keys");
    const char *p = k->text.p;
    for (size_t i = 0; i < s->n; i++) {
        k->key[i].p = p;
        p += k->key[i].n;
    }
    return WEIR_OK;
}

/* -1: several; -2: no keys. */
static int slot_of_steps(const keys *k, size_t n)
{
    int slot = -2;
    for (size_t i = 0; i < n; i++) {
        int s = k->key[i].n == 0 ? slot : wr_slot_of(k->key[i]);
        if (slot >= 0 && s != slot)
            return -1;
        slot = s;
    }
    return slot;
}

/* ---- in one slot ---- */

/* The models' prefix gets the mark of the shard. */
static weir_status send(wr_resp *l, const wr_req *req, wr_rep *rep, int slot,
                        weir_status (*read)(wr_errand *e, wr_reader *r, weir_error *err),
                        void *context, weir_deadline until, weir_error *err)
{
    wr_marked prefix;
    wr_shard shard = slot >= 0 ? wr_topology_shard_of(&l->topology, slot)
                               : wr_topology_shard(&l->topology, atomic_load(&l->home));
    weir_status st = wr_marked_make(&prefix, shard.low, req->key, err);
    if (st != WEIR_OK)
        return st;
    wr_req marked = *req;
    marked.key = prefix.s;
    wr_errand e = wr_resp_errand(&marked, rep, until, err);
    e.name = WEIR_STR("pipeline");
    e.slot = slot >= 0 ? slot : shard.low;
    e.read = read;
    e.context = context;
    st = wr_errand_do(&l->errands, &e);
    wr_marked_fini(&prefix);
    return st;
}

/* ---- over several ---- */

typedef struct apart {
    wr_steps steps; /* as they go out: without LOADs of other slots, and without KEEPs */
    weir_buffer **in;    /* by step: what was loaded */
    weir_buffer **out;   /* by step: what a GET or KEEP gave */
    weir_str *name;      /* scratch for many keys */
    weir_buffer **value; /* the same */
    int slot;            /* where it runs */
} apart;

static weir_status apart_init(apart *a, const wr_steps *s, weir_error *err)
{
    size_t n = s->n + 1;
    a->steps = (wr_steps){.step = wr_calloc(n, sizeof *a->steps.step), .n = s->n};
    a->in = wr_calloc(n, sizeof *a->in);
    a->out = wr_calloc(n, sizeof *a->out);
    a->name = wr_calloc(n, sizeof *a->name);
    a->value = wr_calloc(n, sizeof *a->value);
    a->slot = -1;
    if (a->steps.step == NULL || a->in == NULL || a->out == NULL || a->name == NULL ||
        a->value == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a pipeline");
    return WEIR_OK;
}

static void apart_fini(apart *a)
{
    for (size_t i = 0; i < a->steps.n; i++) {
        if (a->in != NULL)
            weir_buffer_unref(a->in[i]);
        if (a->out != NULL)
            weir_buffer_unref(a->out[i]);
    }
    wr_free(a->steps.step);
    wr_free(a->in);
    wr_free(a->out);
    wr_free(a->name);
    wr_free(a->value);
}

/* Fetch the loads of other slots than the first one's, and change the steps. */
static weir_status gather(wr_resp *l, apart *a, const wr_steps *s, const keys *k,
                          weir_deadline until, weir_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        wr_step *step = &a->steps.step[i];
        *step = s->step[i];
        if (step->kind == WR_STEP_KEEP)
            step->kind = WR_STEP_GET;
        if (step->kind != WR_STEP_LOAD)
            continue;
        int slot = wr_slot_of(k->key[i]);
        a->slot = a->slot < 0 ? slot : a->slot;
        if (slot != a->slot) {
            step->kind = WR_STEP_TENSOR;
            a->name[n++] = k->key[i];
        }
    }
    weir_status st = wr_resp_fetch_all(l, "load", a->name, n, a->value, until, err);
    for (size_t i = 0, at = 0; st == WEIR_OK && i < s->n; i++) {
        if (s->step[i].kind != WR_STEP_LOAD || a->steps.step[i].kind != WR_STEP_TENSOR)
            continue;
        a->in[i] = a->value[at++];
        a->steps.step[i].t = weir_buffer_view(a->in[i]);
    }
    return st;
}

/* [tensor, ..] of all GETs into buffers. */
static weir_status read_all(wr_errand *e, wr_reader *r, weir_error *err)
{
    apart *a = e->context;
    wr_item it;
    weir_status st = r->source.ops->next(&r->source, &it, err);
    if (st == WEIR_OK && it.kind == WR_ITEM_ERROR)
        return wr_wire_error(it.text, err);
    int64_t n = 0;
    for (size_t i = 0; i < a->steps.n; i++)
        n += a->steps.step[i].kind == WR_STEP_GET;
    if (st == WEIR_OK && (it.kind != WR_ITEM_ARRAY || it.n != n))
        st = weir_fail(err, WEIR_ERR_FORMAT,
                       "the server's reply has not as many tensors as were fetched");
    for (size_t i = 0; st == WEIR_OK && i < a->steps.n; i++) {
        if (a->steps.step[i].kind != WR_STEP_GET)
            continue;
        wr_req get = {
            .command = WR_CMD_get, .key = a->steps.step[i].name, .give_buffers = true};
        wr_rep rep = {0};
        bool whole;
        st = wr_wire_read_reply(&r->source, &get, &rep, &whole, err);
        a->out[i] = st == WEIR_OK ? rep.buffer[0] : NULL;
    }
    return st;
}

/* Everything that may fail is done before the caller's memory is written. */
static weir_status scatter(wr_resp *l, apart *a, const wr_steps *s, const keys *k,
                           weir_deadline until, weir_error *err)
{
    weir_status st = WEIR_OK;
    size_t n = 0;
    for (size_t i = 0; st == WEIR_OK && i < s->n; i++) {
        if (s->step[i].kind == WR_STEP_KEEP) {
            a->name[n] = k->key[i];
            a->value[n++] = a->out[i];
        } else if (s->step[i].kind == WR_STEP_GET) {
            weir_tensor held = weir_buffer_view(a->out[i]);
            st = wr_check_same(s->step[i].name, &held, &s->step[i].t, err);
        }
    }
    if (st == WEIR_OK)
        st = wr_resp_put_all(l, a->name, a->value, n, until, err);
    for (size_t i = 0; st == WEIR_OK && i < s->n; i++) {
        if (s->step[i].kind != WR_STEP_GET)
            continue;
        weir_tensor held = weir_buffer_view(a->out[i]);
        st = weir_tensor_copy(&s->step[i].t, &held, err);
    }
    return st;
}

static weir_status run_apart(wr_resp *l, const wr_req *req, wr_rep *rep, const keys *k,
                             weir_deadline until, weir_error *err)
{
    apart a = {0};
    weir_status st = apart_init(&a, req->steps, err);
    if (st == WEIR_OK)
        st = gather(l, &a, req->steps, k, until, err);
    if (st == WEIR_OK) {
        wr_req changed = *req;
        changed.steps = &a.steps;
        st = send(l, &changed, rep, a.slot, read_all, &a, until, err);
    }
    if (st == WEIR_OK)
        st = scatter(l, &a, req->steps, k, until, err);
    apart_fini(&a);
    return st;
}

weir_status wr_resp_pipeline(wr_resp *l, const wr_req *req, wr_rep *rep,
                             weir_deadline until, weir_error *err)
{
    keys k = {0};
    weir_status st = keys_init(&k, req, err);
    if (st == WEIR_OK) {
        int slot = slot_of_steps(&k, req->steps->n);
        st = slot == -1 ? run_apart(l, req, rep, &k, until, err)
                        : send(l, req, rep, slot, NULL, NULL, until, err);
    }
    keys_fini(&k);
    return st;
}
