/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers that keep models: set, get back, describe, statistics. */
#include "service/handlers.h"

/* The version that answers now, NULL when there is none; one reference. */
static weir_status resolve_previous(wr_service *s, weir_kind kind, weir_str name,
                                    wr_model **out, weir_error *err)
{
    *out = NULL;
    weir_status st = wr_resolve_model(s, kind, name, out, err);
    return st == WEIR_ERR_KEY ? WEIR_OK : st;
}

weir_status wr_handle_set_model(wr_service *s, const wr_req *req, wr_rep *rep,
                                weir_error *err)
{
    (void)rep;
    bool is_script = req->kind == WEIR_SCRIPT;
    wr_value_kind kind = is_script ? WR_VALUE_SCRIPT : WR_VALUE_MODEL;
    wr_model *previous = NULL, *model = NULL;

    weir_status st = resolve_previous(s, req->kind, req->key, &previous, err);
    weir_tensor blob = weir_buffer_view(req->buffer);
    if (st == WEIR_OK)
        st = s->keyspace->ops->fits(s->keyspace, weir_tensor_bytes(&blob), err);
    if (st == WEIR_OK)
        st = wr_model_load(&model, s->engine, req->key, req->buffer, is_script,
                           req->options, previous, wr_limit_deadline(req->limit), err);
    if (st != WEIR_OK)
        goto out;
    wr_write w = {
        .kind = WR_WRITE_SET,
        .key = req->key,
        .value = {.kind = kind, .of.model = model},
        .only_over = kind,
        .if_seen = true,
        .seen = {.kind = previous == NULL ? WR_VALUE_NONE : kind, .of.model = previous},
    };
    st = wr_publish(s, &w, 1, req, err);
    if (st == WEIR_ERR_BUSY)
        weir_fail(err, st,
                  "%s '%.*s': another version was set while this one was loading; the "
                  "other one stays, set this one again",
                  wr_kind_name(req->kind), WR_NAME(req->key));
    if (st == WEIR_OK)
        wr_count(s, WR_CMD_set_model, WR_COUNTER_bytes, wr_model_info(model)->file_bytes);
out:
    wr_model_unref(model);
    wr_model_unref(previous);
    return st;
}

weir_status wr_handle_get_model(wr_service *s, const wr_req *req, wr_rep *rep,
                                weir_error *err)
{
    wr_model *m = NULL;
    weir_status st = wr_resolve_model(s, req->kind, req->key, &m, err);
    if (st != WEIR_OK)
        return st;
    rep->buffer[0] = weir_buffer_ref(wr_model_blob(m));
    rep->n_buffers = 1;
    wr_count(s, WR_CMD_get_model, WR_COUNTER_bytes, wr_model_info(m)->file_bytes);
    wr_model_unref(m);
    return WEIR_OK;
}

weir_status wr_handle_describe_model(wr_service *s, const wr_req *req, wr_rep *rep,
                                     weir_error *err)
{
    wr_model *m = NULL;
    weir_status st = wr_resolve_model(s, req->kind, req->key, &m, err);
    if (st != WEIR_OK)
        return st;
    st = wr_model_ensure(m, wr_limit_deadline(req->limit), err);
    if (st == WEIR_OK)
        *rep->info = *wr_model_info(m);
    wr_model_unref(m);
    return st;
}

weir_status wr_handle_model_statistics(wr_service *s, const wr_req *req, wr_rep *rep,
                                       weir_error *err)
{
    wr_model *m = NULL;
    weir_status st = wr_resolve_model(s, req->kind, req->key, &m, err);
    if (st != WEIR_OK)
        return st;
    wr_model_statistics(m, rep->stats, req->reset);
    wr_model_unref(m);
    return WEIR_OK;
}
