/* SPDX-License-Identifier: BSD-3-Clause */
/* Verbs on tensors, keys, datasets and lists. Each fills a request; the non-blocking form is the same
 * request begun. */
#include "base/alloc.h"
#include "client/client.h"

/* ---- put ---- */

static weir_status check_host(const weir_tensor *t, const char *verb, weir_str key,
                              weir_error *err)
{
    weir_error inner; /* filled by a failure */
    weir_status st = weir_tensor_check(t, &inner);
    if (st != WEIR_OK)
        return weir_fail(err, st, "%s '%.*s': %.420s", verb, WR_NAME(key), inner.text);
    if (t->device.kind != 0 && t->device.kind != WEIR_CPU)
        return weir_fail(
            err, WEIR_ERR_UNSUPPORTED,
            "%s '%.*s': the memory lies on device kind %d; copy it to the host first",
            verb, WR_NAME(key), (int)t->device.kind);
    return WEIR_OK;
}

static weir_status put(weir_client *c, weir_str name, const weir_tensor *t,
                       weir_buffer *b, weir_request **out, weir_error *err)
{
    wr_key key;
    weir_status st = wr_client_check(c, "put", err);
    if (st == WEIR_OK && b == NULL)
        st = check_host(t, "put", name, err);
    if (st == WEIR_OK)
        st = wr_key_make(&key, c, WEIR_TENSOR, WR_WRITE, name, err);
    if (st != WEIR_OK)
        return st;
    wr_req req = wr_client_req(c, WR_CMD_put);
    wr_rep rep;
    req.key = key.s;
    req.in = t;
    req.n_in = t != NULL;
    req.buffer = b;
    st = wr_client_send(c, &req, &rep, out, NULL, err);
    wr_key_fini(&key);
    return st;
}

weir_status weir_put(weir_client *c, weir_str key, const weir_tensor *t, weir_error *err)
{
    return put(c, key, t, NULL, NULL, err);
}

weir_status weir_iput(weir_client *c, weir_str key, const weir_tensor *t,
                      weir_request **req, weir_error *err)
{
    weir_status st = wr_check_pointer(req, "iput", "req", err);
    return st == WEIR_OK ? put(c, key, t, NULL, req, err) : st;
}

weir_status weir_put_buffer(weir_client *c, weir_str key, weir_buffer *b, weir_error *err)
{
    weir_status st = wr_check_pointer(b, "put", "b", err);
    return st == WEIR_OK ? put(c, key, NULL, b, NULL, err) : st;
}

/* ---- get ---- */

static weir_status get(weir_client *c, weir_str name, const weir_tensor *into,
                       weir_request **out, weir_error *err)
{
    wr_key key;
    weir_status st = wr_client_check(c, "get", err);
    if (st == WEIR_OK)
        st = check_host(into, "get", name, err);
    if (st == WEIR_OK)
        st = wr_key_make(&key, c, WEIR_TENSOR, WR_READ, name, err);
    if (st != WEIR_OK)
        return st;
    wr_req req = wr_client_req(c, WR_CMD_get);
    wr_rep rep;
    req.key = key.s;
    req.out = into;
    req.n_out = 1;
    st = wr_client_send(c, &req, &rep, out, NULL, err);
    wr_key_fini(&key);
    return st;
}

weir_status weir_get(weir_client *c, weir_str key, const weir_tensor *into,
                     weir_error *err)
{
    return get(c, key, into, NULL, err);
}

weir_status weir_iget(weir_client *c, weir_str key, const weir_tensor *into,
                      weir_request **req, weir_error *err)
{
    weir_status st = wr_check_pointer(req, "iget", "req", err);
    return st == WEIR_OK ? get(c, key, into, req, err) : st;
}

/* A request that names one thing of a kind, and its reply. */
static weir_status ask(weir_client *c, wr_command command, const char *verb,
                       weir_kind kind, wr_side side, weir_str name, wr_rep *rep,
                       weir_error *err)
{
    wr_key key;
    weir_status st = wr_client_check(c, verb, err);
    if (st == WEIR_OK)
        st = wr_key_make(&key, c, kind, side, name, err);
    if (st != WEIR_OK)
        return st;
    wr_req req = wr_client_req(c, command);
    req.kind = kind;
    req.key = key.s;
    req.give_buffers = true;
    st = wr_client_send(c, &req, rep, NULL, NULL, err);
    wr_key_fini(&key);
    return st;
}

weir_status weir_fetch(weir_client *c, weir_str key, weir_buffer **out, weir_error *err)
{
    wr_rep rep;
    weir_status st = wr_check_pointer(out, "fetch", "out", err);
    if (st == WEIR_OK)
        st = ask(c, WR_CMD_get, "fetch", WEIR_TENSOR, WR_READ, key, &rep, err);
    if (st == WEIR_OK)
        *out = rep.buffer[0];
    return st;
}

weir_status weir_borrow(weir_client *c, weir_str key, weir_buffer **out, weir_error *err)
{
    wr_rep rep;
    weir_status st = wr_check_pointer(out, "borrow", "out", err);
    if (st == WEIR_OK)
        st = ask(c, WR_CMD_borrow, "borrow", WEIR_TENSOR, WR_READ, key, &rep, err);
    if (st == WEIR_OK)
        *out = rep.buffer[0];
    return st;
}

weir_status weir_describe(weir_client *c, weir_str key, weir_tensor *out, weir_error *err)
{
    wr_rep rep;
    weir_status st = wr_check_pointer(out, "describe", "out", err);
    if (st == WEIR_OK)
        st = ask(c, WR_CMD_describe, "describe", WEIR_TENSOR, WR_READ, key, &rep, err);
    if (st == WEIR_OK)
        *out = rep.tensor;
    return st;
}

/* ---- every kind ---- */

weir_status weir_exists(weir_client *c, weir_kind kind, weir_str name, bool *found,
                        weir_error *err)
{
    wr_rep rep;
    weir_status st = wr_check_pointer(found, "exists", "found", err);
    if (st == WEIR_OK)
        st = ask(c, WR_CMD_exists, "exists", kind, WR_READ, name, &rep, err);
    if (st == WEIR_OK)
        *found = rep.flag;
    return st;
}

weir_status weir_del(weir_client *c, weir_kind kind, weir_str name, weir_error *err)
{
    wr_rep rep;
    return ask(c, WR_CMD_del, "del", kind, WR_READ, name, &rep, err);
}

static weir_status move(weir_client *c, wr_command command, const char *verb,
                        weir_kind kind, weir_str from, weir_str to, weir_error *err)
{
    wr_key source = {0}, target = {0};
    wr_rep rep;
    weir_status st = wr_client_check(c, verb, err);
    if (st == WEIR_OK)
        st = wr_key_make(&source, c, kind, WR_READ, from, err);
    if (st == WEIR_OK)
        st = wr_key_make(&target, c, kind, WR_WRITE, to, err);
    if (st == WEIR_OK) {
        wr_req req = wr_client_req(c, command);
        req.kind = kind;
        req.key = source.s;
        req.to = target.s;
        st = wr_client_send(c, &req, &rep, NULL, NULL, err);
    }
    wr_key_fini(&source);
    wr_key_fini(&target);
    return st;
}

weir_status weir_copy(weir_client *c, weir_kind kind, weir_str from, weir_str to,
                      weir_error *err)
{
    return move(c, WR_CMD_copy, "copy", kind, from, to, err);
}

weir_status weir_rename(weir_client *c, weir_kind kind, weir_str from, weir_str to,
                        weir_error *err)
{
    return move(c, WR_CMD_rename, "rename", kind, from, to, err);
}

/* Look, wait until something is there, look again: another taker may have been quicker. */
weir_status weir_take(weir_client *c, weir_str key, int64_t timeout_ms, weir_buffer **out,
                      weir_error *err)
{
    weir_status st = wr_check_pointer(out, "take", "out", err);
    if (st == WEIR_OK)
        st = wr_client_check(c, "take", err);
    if (st != WEIR_OK)
        return st;
    wr_limit limit = {timeout_ms < 0 ? c->timeout_ms : timeout_ms, c->deadline};
    weir_deadline until = wr_limit_deadline(limit);
    for (bool found = true; st == WEIR_OK;) {
        wr_rep rep;
        st = ask(c, WR_CMD_take, "take", WEIR_TENSOR, WR_READ, key, &rep, err);
        if (st != WEIR_OK)
            return st;
        *out = rep.buffer[0];
        int64_t left_ms = (until - weir_now_ns()) / 1000000;
        if (*out != NULL || !found || left_ms <= 0)
            return WEIR_OK;
        st = weir_poll(c, WEIR_TENSOR, key, left_ms, &found, err);
    }
    return st;
}

/* ---- datasets and lists ---- */

static weir_status put_dataset(weir_client *c, const weir_dataset *ds, weir_request **out,
                               weir_error *err)
{
    wr_key key;
    wr_rep rep;
    weir_status st = wr_client_check(c, "put_dataset", err);
    if (st == WEIR_OK)
        st = wr_check_pointer(ds, "put_dataset", "ds", err);
    if (st == WEIR_OK)
        st = wr_key_make(&key, c, WEIR_DATASET, WR_WRITE, weir_dataset_name(ds), err);
    if (st != WEIR_OK)
        return st;
    wr_req req = wr_client_req(c, WR_CMD_put_dataset);
    req.key = key.s;
    req.dataset = ds;
    st = wr_client_send(c, &req, &rep, out, NULL, err);
    wr_key_fini(&key);
    return st;
}

weir_status weir_put_dataset(weir_client *c, const weir_dataset *ds, weir_error *err)
{
    return put_dataset(c, ds, NULL, err);
}

weir_status weir_iput_dataset(weir_client *c, const weir_dataset *ds, weir_request **req,
                              weir_error *err)
{
    weir_status st = wr_check_pointer(req, "iput_dataset", "req", err);
    return st == WEIR_OK ? put_dataset(c, ds, req, err) : st;
}

weir_status weir_get_dataset(weir_client *c, weir_str name, weir_dataset **out,
                             weir_error *err)
{
    wr_rep rep;
    weir_status st = wr_check_pointer(out, "get_dataset", "out", err);
    if (st == WEIR_OK)
        st = ask(c, WR_CMD_get_dataset, "get_dataset", WEIR_DATASET, WR_READ, name, &rep,
                 err);
    if (st == WEIR_OK)
        *out = rep.dataset;
    return st;
}

weir_status weir_iget_dataset(weir_client *c, weir_str name, weir_dataset **out,
                              weir_request **req, weir_error *err)
{
    wr_key key;
    weir_status st = wr_client_check(c, "iget_dataset", err);
    if (st == WEIR_OK)
        st = wr_check_pointer(out, "iget_dataset", "out", err);
    if (st == WEIR_OK)
        st = wr_check_pointer(req, "iget_dataset", "req", err);
    if (st == WEIR_OK)
        st = wr_key_make(&key, c, WEIR_DATASET, WR_READ, name, err);
    if (st != WEIR_OK)
        return st;
    wr_req q = wr_client_req(c, WR_CMD_get_dataset);
    q.key = key.s;
    st = wr_client_send(c, &q, NULL, req, out, err);
    wr_key_fini(&key);
    return st;
}

weir_status weir_list_append(weir_client *c, weir_str list, weir_str dataset,
                             weir_error *err)
{
    wr_key key = {0}, entry = {0};
    wr_rep rep;
    weir_status st = wr_client_check(c, "list_append", err);
    if (st == WEIR_OK)
        st = wr_key_make(&key, c, WEIR_LIST, WR_WRITE, list, err);
    if (st == WEIR_OK)
        st = wr_key_make(&entry, c, WEIR_DATASET, WR_WRITE, dataset, err);
    if (st == WEIR_OK) {
        wr_req req = wr_client_req(c, WR_CMD_list_append);
        req.key = key.s;
        req.to = entry.s;
        st = wr_client_send(c, &req, &rep, NULL, NULL, err);
    }
    wr_key_fini(&key);
    wr_key_fini(&entry);
    return st;
}

weir_status weir_list_length(weir_client *c, weir_str list, int64_t *n, weir_error *err)
{
    wr_rep rep;
    weir_status st = wr_check_pointer(n, "list_length", "n", err);
    if (st == WEIR_OK)
        st = ask(c, WR_CMD_list_length, "list_length", WEIR_LIST, WR_READ, list, &rep,
                 err);
    if (st == WEIR_OK)
        *n = rep.number;
    return st;
}

weir_status weir_list_get(weir_client *c, weir_str list, int64_t first, int64_t last,
                          weir_dataset ***out, size_t *n, weir_error *err)
{
    wr_key key;
    wr_rep rep = {0};
    weir_status st = wr_client_check(c, "list_get", err);
    if (st == WEIR_OK)
        st = wr_check_pointer(out, "list_get", "out", err);
    if (st == WEIR_OK)
        st = wr_check_pointer(n, "list_get", "n", err);
    if (st == WEIR_OK)
        st = wr_key_make(&key, c, WEIR_LIST, WR_READ, list, err);
    if (st != WEIR_OK)
        return st;
    wr_req req = wr_client_req(c, WR_CMD_list_get);
    req.key = key.s;
    req.first = first;
    req.last = last;
    st = wr_client_send(c, &req, &rep, NULL, NULL, err);
    wr_key_fini(&key);
    if (st == WEIR_OK) {
        *out = rep.datasets;
        *n = rep.n_datasets;
    }
    return st;
}

void weir_datasets_free(weir_dataset **ds, size_t n)
{
    for (size_t i = 0; ds != NULL && i < n; i++)
        weir_dataset_free(ds[i]);
    wr_free(ds);
}
