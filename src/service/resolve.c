/* SPDX-License-Identifier: BSD-3-Clause */
/* What handlers share: taking references out of the keyspace, and publishing batches into it. */
#include "base/alloc.h"
#include "keyspace/layout.h"
#include "service/handlers.h"

weir_status wr_resolve_tensor_locked(wr_service *s, weir_str key, const char *what,
                                     weir_buffer **out, weir_error *err)
{
    wr_value v = s->keyspace->ops->get(s->keyspace, key);
    if (v.kind == WR_VALUE_TENSOR) {
        *out = weir_buffer_ref(v.of.tensor);
        return WEIR_OK;
    }
    if (v.kind == WR_VALUE_NONE)
        return weir_fail(err, WEIR_ERR_KEY, "there is no %s '%.*s'", what, WR_NAME(key));
    return weir_fail(err, WEIR_ERR_KIND, "%s '%.*s': the key holds %s", what,
                     WR_NAME(key), wr_value_kind_text(v.kind));
}

weir_status wr_resolve_tensor(wr_service *s, weir_str key, const char *what,
                              weir_buffer **out, weir_error *err)
{
    s->keyspace->ops->lock(s->keyspace);
    weir_status st = wr_resolve_tensor_locked(s, key, what, out, err);
    s->keyspace->ops->unlock(s->keyspace);
    return st;
}

weir_status wr_resolve_model(wr_service *s, weir_kind kind, weir_str name, wr_model **out,
                             weir_error *err)
{
    wr_value_kind want = kind == WEIR_SCRIPT ? WR_VALUE_SCRIPT : WR_VALUE_MODEL;
    s->keyspace->ops->lock(s->keyspace);
    wr_value v = s->keyspace->ops->get(s->keyspace, name);
    if (v.kind == want)
        *out = wr_model_ref(v.of.model);
    s->keyspace->ops->unlock(s->keyspace);
    if (v.kind == want)
        return WEIR_OK;
    if (v.kind == WR_VALUE_NONE)
        return weir_fail(err, WEIR_ERR_KEY, "there is no %s '%.*s': set it first",
                         wr_kind_name(kind), WR_NAME(name));
    return weir_fail(err, WEIR_ERR_KIND, "%s '%.*s': the key holds %s",
                     wr_kind_name(kind), WR_NAME(name), wr_value_kind_text(v.kind));
}

weir_status wr_publish(wr_service *s, wr_write *w, size_t n, const wr_req *req,
                       weir_error *err)
{
    wr_keyspace *ks = s->keyspace;
    ks->ops->lock(ks);
    weir_status st = ks->ops->apply(ks, w, n, req->limit, err);
    ks->ops->unlock(ks);
    if (st == WEIR_OK)
        wr_writes_release(w, n);
    return st;
}

static wr_write *batch_next(wr_batch *b, wr_text *key)
{
    if (b->n == b->room && !b->failed) {
        size_t room = b->room * 2 + 8;
        wr_write *w = wr_realloc(b->w, room * sizeof *w);
        b->failed = w == NULL;
        if (w != NULL) {
            b->w = w;
            b->room = room;
        }
    }
    b->failed |= key->failed;
    if (b->failed) {
        wr_text_fini(key);
        return NULL;
    }
    wr_write *w = &b->w[b->n++];
    *w = (wr_write){.key = {key->p, key->n}};
    *key = (wr_text){0};
    return w;
}

void wr_batch_set(wr_batch *b, wr_text *key, wr_value v, wr_value_kind only_over)
{
    wr_write *w = batch_next(b, key);
    if (w == NULL)
        return;
    w->kind = WR_WRITE_SET;
    w->value = wr_value_ref(v);
    w->only_over = only_over;
}

void wr_batch_del(wr_batch *b, wr_text *key)
{
    wr_write *w = batch_next(b, key);
    if (w != NULL)
        w->kind = WR_WRITE_DEL;
}

weir_status wr_batch_publish(wr_batch *b, wr_service *s, const wr_req *req,
                             weir_error *err)
{
    if (b->failed)
        return weir_fail(err, WEIR_ERR_NOMEM, "'%.*s': no memory for its keys",
                         WR_NAME(req->key));
    return wr_publish(s, b->w, b->n, req, err);
}

void wr_batch_fini(wr_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        wr_free((void *)(uintptr_t)b->w[i].key.p);
        wr_value_unref(b->w[i].value);
    }
    wr_free(b->w);
    *b = (wr_batch){0};
}
