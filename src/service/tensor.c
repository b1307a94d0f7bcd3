/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of tensors: put, get, borrow, describe. */
#include "service/handlers.h"
#include "tensor/buffer.h"

/* A call of put or get that succeeds; with the lock held. */
static void count_locked(wr_service *s, wr_command c, size_t bytes, bool copied)
{
    wr_count_locked(s, c, WR_COUNTER_calls, 1);
    wr_count_locked(s, c, WR_COUNTER_bytes, bytes);
    wr_count_locked(s, c, WR_COUNTER_copies, copied);
    wr_count_locked(s, c, WR_COUNTER_copied_bytes, copied ? bytes : 0);
}

/* A packed copy of the caller's memory, refused before a byte is copied when it could never fit. */
static weir_status copy_in(wr_service *s, const weir_tensor *t, weir_buffer **out,
                           size_t *bytes, weir_error *err)
{
    weir_status st = WEIR_OK;
    *bytes = weir_tensor_bytes(t);
    if (t->dtype == WEIR_STRING)
        st = wr_buffer_packed_bytes(t, bytes, err);
    if (st == WEIR_OK)
        st = s->keyspace->ops->fits(s->keyspace, *bytes, err);
    return st == WEIR_OK ? wr_buffer_copy(out, t, *bytes, err) : st;
}

weir_status wr_handle_put(wr_service *s, const wr_req *req, wr_rep *rep, weir_error *err)
{
    (void)rep;
    wr_keyspace *ks = s->keyspace;
    weir_buffer *b = NULL;
    size_t bytes = 0;
    weir_status st = WEIR_OK;
    bool copied = req->buffer == NULL;
    if (copied) {
        st = copy_in(s, req->in, &b, &bytes, err);
    } else {
        b = weir_buffer_ref(req->buffer);
        bytes = wr_buffer_footprint(b);
        st = ks->ops->fits(ks, bytes, err);
    }
    if (st != WEIR_OK)
        goto out;
    wr_write w = {.kind = WR_WRITE_SET,
                  .key = req->key,
                  .value = {.kind = WR_VALUE_TENSOR, .of.tensor = b},
                  .give = true,
                  .only_over = WR_VALUE_TENSOR};
    ks->ops->lock(ks);
    st = ks->ops->apply(ks, &w, 1, req->limit, err);
    if (st == WEIR_OK)
        count_locked(s, WR_CMD_put, bytes, copied);
    else if (copied)
        wr_count_copy(s, WR_CMD_put, bytes);
    ks->ops->unlock(ks);
    if (st == WEIR_OK) {
        wr_writes_release(&w, 1);
        b = NULL; /* given */
    }
out:
    weir_buffer_unref(b);
    return st;
}

weir_status wr_check_same(weir_str key, const weir_tensor *held, const weir_tensor *asked,
                          weir_error *err)
{
    bool same = held->rank == asked->rank;
    for (int i = 0; same && i < held->rank; i++)
        same = held->shape[i] == asked->shape[i];
    if (same && held->dtype == asked->dtype)
        return WEIR_OK;
    char a[160], b[160];
    return weir_fail(err, same ? WEIR_ERR_DTYPE : WEIR_ERR_SHAPE,
                     "tensor '%.*s' is %s, the memory given for it is %s", WR_NAME(key),
                     weir_tensor_text(held, a, sizeof a),
                     weir_tensor_text(asked, b, sizeof b));
}

/* Can the stored tensor be copied into the caller's view? */
static weir_status check_out(const weir_buffer *b, const wr_req *req, weir_error *err)
{
    const weir_tensor *held = wr_buffer_tensor(b);
    weir_status st = wr_check_same(req->key, held, req->out, err);
    if (st == WEIR_OK && held->dtype == WEIR_STRING)
        return weir_fail(
            err, WEIR_ERR_UNSUPPORTED,
            "tensor '%.*s' holds strings: get them with weir_fetch or weir_borrow",
            WR_NAME(req->key));
    return st;
}

/* A new buffer may find no memory: this call is counted when it is over. */
static weir_status fetch(wr_service *s, const weir_buffer *b, wr_rep *rep,
                         weir_error *err)
{
    weir_status st = weir_buffer_from(&rep->buffer[0], wr_buffer_tensor(b), err);
    rep->n_buffers = st == WEIR_OK;
    if (st != WEIR_OK)
        return st;
    wr_count(s, WR_CMD_get, WR_COUNTER_calls, 1);
    wr_count(s, WR_CMD_get, WR_COUNTER_bytes, wr_buffer_footprint(b));
    wr_count_copy(s, WR_CMD_get, wr_buffer_footprint(b));
    return WEIR_OK;
}

weir_status wr_handle_get(wr_service *s, const wr_req *req, wr_rep *rep, weir_error *err)
{
    wr_keyspace *ks = s->keyspace;
    weir_buffer *b = NULL;
    ks->ops->lock(ks);
    weir_status st = wr_resolve_tensor_locked(s, req->key, "tensor", &b, err);
    if (st == WEIR_OK && !req->give_buffers)
        st = check_out(b, req, err);
    if (st == WEIR_OK && (!req->give_buffers || req->share))
        count_locked(s, WR_CMD_get, wr_buffer_footprint(b), !req->give_buffers);
    ks->ops->unlock(ks);
    if (st == WEIR_OK && req->give_buffers && req->share) {
        rep->buffer[0] = b;
        rep->n_buffers = 1;
        return WEIR_OK;
    }
    if (st == WEIR_OK)
        st = req->give_buffers ? fetch(s, b, rep, err)
                               : weir_tensor_copy(req->out, wr_buffer_tensor(b), err);
    weir_buffer_unref(b);
    return st;
}

weir_status wr_handle_borrow(wr_service *s, const wr_req *req, wr_rep *rep,
                             weir_error *err)
{
    weir_status st = wr_resolve_tensor(s, req->key, "tensor", &rep->buffer[0], err);
    rep->n_buffers = st == WEIR_OK;
    if (st == WEIR_OK)
        wr_count(s, WR_CMD_borrow, WR_COUNTER_bytes, wr_buffer_footprint(rep->buffer[0]));
    return st;
}

weir_status wr_handle_describe(wr_service *s, const wr_req *req, wr_rep *rep,
                               weir_error *err)
{
    weir_buffer *b = NULL;
    weir_status st = wr_resolve_tensor(s, req->key, "tensor", &b, err);
    if (st != WEIR_OK)
        return st;
    rep->tensor = weir_buffer_view(b);
    rep->tensor.data = NULL;
    weir_buffer_unref(b);
    return WEIR_OK;
}

/* One look: what is there is removed in the same step as it was seen. A null buffer: nothing was. */
weir_status wr_handle_take(wr_service *s, const wr_req *req, wr_rep *rep, weir_error *err)
{
    wr_keyspace *ks = s->keyspace;
    weir_buffer *b = NULL;
    rep->buffer[0] = NULL;
    rep->n_buffers = 0;
    ks->ops->lock(ks);
    weir_status st = wr_resolve_tensor_locked(s, req->key, "tensor", &b, err);
    wr_write w = {.kind = WR_WRITE_DEL, .key = req->key, .only_over = WR_VALUE_TENSOR};
    if (st == WEIR_OK)
        st = ks->ops->apply(ks, &w, 1, req->limit, err);
    ks->ops->unlock(ks);
    if (st == WEIR_OK && b != NULL) {
        wr_writes_release(&w, 1);
        wr_count(s, WR_CMD_take, WR_COUNTER_bytes, wr_buffer_footprint(b));
        rep->buffer[0] = b;
        rep->n_buffers = 1;
        b = NULL;
    }
    weir_buffer_unref(b);
    return st == WEIR_ERR_KEY ? WEIR_OK : st;
}
