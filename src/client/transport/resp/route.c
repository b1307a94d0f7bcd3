/* SPDX-License-Identifier: BSD-3-Clause */
/* Which way each request goes: as it is to one server, or by the parts that know more. */
#include "client/transport/resp/resp.h"

wr_errand wr_resp_errand(const wr_req *req, wr_rep *rep, weir_deadline until,
                         weir_error *err)
{
    return (wr_errand){.req = req,
                       .rep = rep,
                       .name = req->key,
                       .slot = -1,
                       .repeatable = wr_is_repeatable(req->command),
                       .until = until,
                       .error = err};
}

weir_status wr_resp_do(wr_resp *l, int slot, const wr_req *req, wr_rep *rep,
                       weir_deadline until, weir_error *err)
{
    wr_errand e = wr_resp_errand(req, rep, until, err);
    e.slot = slot;
    return wr_errand_do(&l->errands, &e);
}

/* Views that no verb has checked yet: those of models. */
static weir_status check_views(const wr_req *req, weir_error *err)
{
    const weir_tensor *all[2] = {req->in, req->give_buffers ? NULL : req->out};
    const int n[2] = {req->n_in, req->n_out};
    weir_error inner = {0};
    for (int side = 0; side < 2; side++) {
        for (int i = 0; all[side] != NULL && i < n[side]; i++) {
            const weir_tensor *t = &all[side][i];
            weir_status st = weir_tensor_check(t, &inner);
            if (st == WEIR_OK && t->device.kind != 0 && t->device.kind != WEIR_CPU)
                st = weir_fail(&inner, WEIR_ERR_UNSUPPORTED,
                               "the memory lies on a device: copy it to the host first");
            if (st != WEIR_OK)
                return weir_fail(err, st, "infer '%.*s', %s %d: %.380s",
                                 WR_NAME(req->key), side == 0 ? "input" : "output", i,
                                 inner.text);
        }
    }
    return WEIR_OK;
}

static weir_status exchange_model(wr_resp *l, const wr_req *req, wr_rep *rep,
                                  weir_deadline until, weir_error *err)
{
    if (!l->topology.clustered)
        return wr_resp_do(l, -1, req, rep, until, err);
    switch (req->command) {
    case WR_CMD_set_model:
        return wr_resp_set_model(l, req, until, err);
    case WR_CMD_del:
        return wr_resp_del_model(l, req, until, err);
    case WR_CMD_exists:
        return wr_resp_model_exists(l, req, rep, until, err);
    case WR_CMD_model_statistics:
        return wr_resp_model_statistics(l, req, rep, until, err);
    case WR_CMD_run:
        return wr_resp_run(l, req, rep, until, err);
    case WR_CMD_pipeline:
        return wr_resp_pipeline(l, req, rep, until, err);
    default:
        return wr_resp_at_home(l, req, rep, until, err);
    }
}

/* All of a dataset's keys must lie in one slot: by the braces around its name. */
static weir_status check_base(const wr_req *req, weir_error *err)
{
    weir_str base = req->key;
    bool is_dataset = req->kind == WEIR_DATASET || req->command == WR_CMD_put_dataset ||
                      req->command == WR_CMD_get_dataset;
    const char *open = is_dataset ? memchr(base.p, '{', base.n) : NULL;
    if (open == NULL || open + 1 == base.p + base.n || open[1] != '}')
        return WEIR_OK;
    return weir_fail(
        err, WEIR_ERR_ARG,
        "dataset '%.*s': a name (or a prefix's first braces) that begins with '}' "
        "would be scattered over the cluster",
        WR_NAME(base));
}

static weir_status exchange_keys(wr_resp *l, const wr_req *req, wr_rep *rep,
                                 weir_deadline until, weir_error *err)
{
    if (!l->topology.clustered)
        return wr_resp_do(l, -1, req, rep, until, err);
    weir_status st = check_base(req, err);
    int slot = wr_slot_of(req->key);
    bool two = req->command == WR_CMD_copy || req->command == WR_CMD_rename;
    if (st == WEIR_OK && two && wr_slot_of(req->to) != slot)
        return wr_resp_move(l, req, rep, until, err);
    return st == WEIR_OK ? wr_resp_do(l, slot, req, rep, until, err) : st;
}

/* A server looks once; waiting is the client's, by watching the key. So no tensor can be lost on a
 * connection that breaks while the server waits. */
static weir_status take(wr_resp *l, const wr_req *req, wr_rep *rep, weir_deadline until,
                        weir_error *err)
{
    wr_req look = *req;
    look.limit.timeout_ms = 0;
    rep->buffer[0] = NULL;
    return exchange_keys(l, &look, rep, until, err);
}

/* Of runs: no longer than SmartRedis's environment says. */
static weir_status run(wr_resp *l, const wr_req *req, wr_rep *rep, weir_deadline until,
                       weir_error *err)
{
    int64_t most = l->model_limit_ms;
    if (most == 0 || (req->limit.timeout_ms >= 0 && req->limit.timeout_ms <= most))
        return exchange_model(l, req, rep, until, err);
    wr_req shorter = *req;
    shorter.limit.timeout_ms = most;
    return exchange_model(l, &shorter, rep, until, err);
}

static bool is_model(weir_kind kind)
{
    return kind == WEIR_MODEL || kind == WEIR_SCRIPT;
}

weir_status wr_resp_exchange(wr_resp *l, const wr_req *req, wr_rep *rep, weir_error *err)
{
    wr_rep own;
    weir_error ignored;
    weir_deadline until = wr_limit_deadline(req->limit);
    weir_status st = WEIR_OK;
    rep = rep == NULL ? &own : rep;
    err = err == NULL ? &ignored : err;
    switch (req->command) {
    case WR_CMD_borrow:
        return weir_fail(
            err, WEIR_ERR_UNSUPPORTED,
            "borrow '%.*s': the bytes lie on a server; weir_fetch gets a copy",
            WR_NAME(req->key));
    case WR_CMD_infer:
        st = check_views(req, err);
        return st == WEIR_OK ? run(l, req, rep, until, err) : st;
    case WR_CMD_run:
    case WR_CMD_pipeline:
        return run(l, req, rep, until, err);
    case WR_CMD_set_model:
    case WR_CMD_get_model:
    case WR_CMD_describe_model:
    case WR_CMD_model_statistics:
        return exchange_model(l, req, rep, until, err);
    case WR_CMD_list_get:
        return wr_resp_list_get(l, req, rep, until, err);
    case WR_CMD_take:
        return take(l, req, rep, until, err);
    default:
        return is_model(req->kind) && req->command != WR_CMD_copy &&
                       req->command != WR_CMD_rename
                   ? exchange_model(l, req, rep, until, err)
                   : exchange_keys(l, req, rep, until, err);
    }
}
