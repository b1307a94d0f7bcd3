/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers that work on every kind of value: exists, del, copy, rename, poll. */
#include "keyspace/layout.h"
#include "service/handlers.h"

static wr_value_kind value_kind(weir_kind kind)
{
    static const wr_value_kind of[WEIR_KIND_COUNT] = {
        [WEIR_ANY] = WR_VALUE_NONE,       [WEIR_TENSOR] = WR_VALUE_TENSOR,
        [WEIR_DATASET] = WR_VALUE_FIELDS, [WEIR_LIST] = WR_VALUE_LIST,
        [WEIR_MODEL] = WR_VALUE_MODEL,    [WEIR_SCRIPT] = WR_VALUE_SCRIPT,
    };
    return of[kind];
}

bool wr_service_is_kind(weir_kind kind, wr_value v)
{
    weir_str complete;
    if (kind == WEIR_ANY)
        return v.kind != WR_VALUE_NONE;
    if (kind != WEIR_DATASET)
        return v.kind == value_kind(kind);
    return v.kind == WR_VALUE_FIELDS &&
           wr_fields_find(v.of.fields, WEIR_STR(".COMPLETE"), &complete) &&
           wr_str_eq(complete, WEIR_STR("1"));
}

bool wr_service_is_met(const wr_req *poll, wr_value v)
{
    if (!poll->by_length)
        return wr_service_is_kind(poll->kind, v);
    int64_t n = v.kind == WR_VALUE_LIST ? (int64_t)v.of.list->n : 0;
    switch (poll->how) {
    case WEIR_EQ:
        return n == poll->length;
    case WEIR_GE:
        return n >= poll->length;
    case WEIR_LE:
        return n <= poll->length;
    }
    return false;
}

void wr_service_watch_key(wr_text *out, weir_kind kind, weir_str key)
{
    if (kind == WEIR_DATASET)
        wr_layout_meta(out, key);
    else
        wr_text_add(out, key.p, key.n);
}

weir_status wr_handle_exists(wr_service *s, const wr_req *req, wr_rep *rep,
                             weir_error *err)
{
    wr_text meta = {0};
    weir_str key = req->key;
    if (req->kind == WEIR_DATASET) {
        wr_layout_meta(&meta, req->key);
        if (meta.failed)
            return weir_fail(err, WEIR_ERR_NOMEM, "exists '%.*s': no memory",
                             WR_NAME(req->key));
        key = (weir_str){meta.p, meta.n};
    }
    s->keyspace->ops->lock(s->keyspace);
    rep->flag = wr_service_is_kind(req->kind, s->keyspace->ops->get(s->keyspace, key));
    s->keyspace->ops->unlock(s->keyspace);
    wr_text_fini(&meta);
    return WEIR_OK;
}

weir_status wr_handle_poll(wr_service *s, const wr_req *req, wr_rep *rep, weir_error *err)
{
    /* Waiting is the client's: it watches the key. What is left here is one look. */
    return wr_handle_exists(s, req, rep, err);
}

/* A reference to the value of the kind asked for, or ERR_KEY, ERR_KIND. */
static weir_status take_value(wr_service *s, const wr_req *req, wr_value *out,
                              weir_error *err)
{
    wr_keyspace *ks = s->keyspace;
    ks->ops->lock(ks);
    wr_value v = wr_value_ref(ks->ops->get(ks, req->key));
    ks->ops->unlock(ks);
    if (req->kind == WEIR_ANY ? v.kind != WR_VALUE_NONE
                              : v.kind == value_kind(req->kind)) {
        *out = v;
        return WEIR_OK;
    }
    wr_value_unref(v);
    if (v.kind == WR_VALUE_NONE)
        return weir_fail(err, WEIR_ERR_KEY, "there is no %s '%.*s'",
                         wr_kind_name(req->kind), WR_NAME(req->key));
    return weir_fail(err, WEIR_ERR_KIND, "%s '%.*s': the key holds %s",
                     wr_kind_name(req->kind), WR_NAME(req->key),
                     wr_value_kind_text(v.kind));
}

weir_status wr_handle_del(wr_service *s, const wr_req *req, wr_rep *rep, weir_error *err)
{
    (void)rep;
    if (req->kind == WEIR_DATASET)
        return wr_del_dataset(s, req, err);
    if (req->kind == WEIR_MODEL || req->kind == WEIR_SCRIPT) {
        wr_value v;
        weir_status st = take_value(s, req, &v, err);
        if (st != WEIR_OK)
            return st;
        wr_value_unref(v);
    }
    wr_write w = {
        .kind = WR_WRITE_DEL, .key = req->key, .only_over = value_kind(req->kind)};
    return wr_publish(s, &w, 1, req, err);
}

/* Give a tensor or list a second name, or with `move` another one, in one step. */
static weir_status copy_value(wr_service *s, const wr_req *req, bool move,
                              weir_error *err)
{
    wr_value v = {0};
    weir_status st = take_value(s, req, &v, err);
    if (st != WEIR_OK)
        return st;
    wr_write w[2] = {
        {.kind = WR_WRITE_SET,
         .key = req->to,
         .value = v,
         .only_over = value_kind(req->kind)},
        {.kind = WR_WRITE_DEL, .key = req->key, .if_seen = true, .seen = v},
    };
    if (!wr_str_eq(req->key, req->to))
        st = wr_publish(s, w, move ? 2 : 1, req, err);
    wr_value_unref(v);
    return st;
}

static weir_status copy_any(wr_service *s, const wr_req *req, bool move, weir_error *err)
{
    if (req->kind == WEIR_DATASET)
        return wr_copy_dataset(s, req, move, err);
    if (req->kind == WEIR_TENSOR || req->kind == WEIR_LIST)
        return copy_value(s, req, move, err);
    return weir_fail(err, WEIR_ERR_ARG,
                     "a %s can't be %s: only tensors, datasets and lists can",
                     wr_kind_name(req->kind), move ? "renamed" : "copied");
}

weir_status wr_handle_copy(wr_service *s, const wr_req *req, wr_rep *rep, weir_error *err)
{
    (void)rep;
    return copy_any(s, req, false, err);
}

weir_status wr_handle_rename(wr_service *s, const wr_req *req, wr_rep *rep,
                             weir_error *err)
{
    (void)rep;
    /* A value that somebody replaces between look and step is looked at again. */
    weir_status st = copy_any(s, req, true, err);
    if (st != WEIR_ERR_BUSY)
        return st;
    weir_deadline until = wr_limit_deadline(req->limit);
    while (st == WEIR_ERR_BUSY && weir_now_ns() < until)
        st = copy_any(s, req, true, err);
    return st;
}
