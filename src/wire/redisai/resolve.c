/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of a DAG to slots: a reader sees the latest write before it, each write makes a slot. */
#include "base/alloc.h"
#include "base/map.h"
#include "wire/redisai/internal.h"

/* What an op reads and gives, whatever its kind. */
static const weir_str *reads(const wr_ai_op *o, size_t *n)
{
    *n = o->kind == WR_AI_OP_GET ? 1 : o->kind == WR_AI_OP_RUN ? o->of.run.n_in : 0;
    return o->kind == WR_AI_OP_GET ? &o->of.get.key : o->of.run.in;
}

static const weir_str *gives(const wr_ai_op *o, size_t *n)
{
    *n = o->kind == WR_AI_OP_SET ? 1 : o->kind == WR_AI_OP_RUN ? o->of.run.n_out : 0;
    return o->kind == WR_AI_OP_SET ? &o->of.set.key : o->of.run.out;
}

/* The arrays for all of it. The counts are those of words, so that their sums fit. */
static bool make_room(wr_ai_dag *d)
{
    size_t n_slots = d->n_load, n_refs = d->n_persist, n;
    for (size_t i = 0; i < d->n_ops; i++) {
        reads(&d->op[i], &n);
        n_refs += n;
        gives(&d->op[i], &n);
        n_slots += n;
    }
    d->slot = wr_calloc(n_slots, sizeof *d->slot);
    d->memory = wr_calloc(n_refs, sizeof *d->memory);
    return d->slot != NULL && d->memory != NULL;
}

static weir_str name_of(weir_str key)
{
    return key.n == 0 ? WEIR_STR("") : key;
}

/* Slots are kept in the map one higher: NULL is "none". */
static bool find(const wr_map *names, weir_str key, size_t *slot)
{
    uintptr_t v = (uintptr_t)wr_map_get(names, name_of(key));
    if (v == 0)
        return false;
    *slot = v - 1;
    return true;
}

static bool define(wr_ai_dag *d, wr_map *names, weir_str key, size_t maker)
{
    d->slot[d->n_slots++] = (wr_ai_slot){key, maker};
    return wr_map_set(names, name_of(key), (void *)(uintptr_t)d->n_slots, NULL);
}

/* References go to d->memory from *at on. */
static weir_status resolve_op(wr_ai_dag *d, size_t i, wr_map *names, size_t *at,
                              weir_error *err)
{
    wr_ai_op *o = &d->op[i];
    size_t n;
    const weir_str *name = reads(o, &n);
    o->in = d->memory + *at;
    o->n_in = n;
    for (size_t k = 0; k < n; k++, ++*at) {
        if (!find(names, name[k], &o->in[k]))
            return wr_ai_refuse(err, "ERR INPUT key cannot be found in DAG");
    }
    name = gives(o, &n);
    o->first_out = d->n_slots;
    o->n_out = n;
    for (size_t k = 0; k < n; k++) {
        if (!define(d, names, name[k], i))
            return wr_ai_refuse_as(err, WEIR_ERR_NOMEM, TEXT_NO_MEMORY);
    }
    return WEIR_OK;
}

/* PERSIST names differ: each is marked in a map of its own. */
static weir_status persists(wr_ai_dag *d, const wr_map *names, size_t at, weir_error *err)
{
    wr_map seen = {0};
    weir_status st = WEIR_OK;
    d->persist_slot = d->memory + at;
    for (size_t i = 0; i < d->n_persist && st == WEIR_OK; i++) {
        weir_str name = name_of(d->persist[i]);
        if (wr_map_get(&seen, name) != NULL)
            st = wr_ai_refuse(err, "ERR PERSIST keys must be unique");
        else if (!find(names, name, &d->persist_slot[i]))
            st = wr_ai_refuse(err, "ERR PERSIST key cannot be found in DAG");
        else if (!wr_map_set(&seen, name, d, NULL))
            st = wr_ai_refuse_as(err, WEIR_ERR_NOMEM, TEXT_NO_MEMORY);
    }
    wr_map_fini(&seen);
    return st;
}

weir_status wr_ai_dag_resolve(wr_ai_dag *d, weir_error *err)
{
    wr_map names = {0};
    size_t at = 0;
    weir_status st = WEIR_ERR_NOMEM;
    if (!make_room(d))
        return wr_ai_refuse_as(err, st, TEXT_NO_MEMORY);
    for (size_t i = 0; i < d->n_load; i++) {
        if (!define(d, &names, d->load[i], WR_AI_LOADED)) {
            wr_ai_refuse_as(err, st, TEXT_NO_MEMORY);
            goto out;
        }
    }
    st = WEIR_OK;
    for (size_t i = 0; i < d->n_ops && st == WEIR_OK; i++)
        st = resolve_op(d, i, &names, &at, err);
    if (st == WEIR_OK)
        st = persists(d, &names, at, err);
out:
    wr_map_fini(&names);
    return st;
}
