/* SPDX-License-Identifier: BSD-3-Clause */
/* AI.TENSORSET and AI.TENSORGET. */
#include "module/ai.h"

/* ---- set: the payload stays the server's own string ---- */

static weir_status parse_set(call *c, host_ctx *ctx)
{
    ai_look l = ai_look_in(ctx);
    wr_ai_tensorset t;
    weir_status st = wr_ai_parse_tensorset(&t, c->words, &l.look, &c->err);
    if (st != WEIR_OK)
        return st;
    if (t.i_blob > 0)
        st = c->holder.hold(&c->holder, t.i_blob, &t.view, &c->d.buffer, NULL);
    else
        c->d.buffer = weir_buffer_ref(t.buffer);
    if (st != WEIR_OK)
        st = weir_fail(&c->err, st, "%s", WR_AI_TEXT_NOT_SAVED);
    c->d.req.command = WR_CMD_put;
    c->d.req.kind = WEIR_TENSOR;
    c->d.req.key = t.key;
    c->d.req.buffer = c->d.buffer;
    c->d.req.limit = (wr_limit){-1, WEIR_NEVER};
    wr_ai_tensorset_fini(&t);
    return st;
}

int ai_tensorset(call *c, host_ctx *ctx)
{
    c->st = parse_set(c, ctx);
    if (c->st != WEIR_OK)
        return ai_refuse(c, ctx);
    keyspace_bind_words(ctx, c->argv, c->words.n);
    c->st = wr_service_handle(&module.service, &c->d.req, &c->d.rep, &c->err);
    keyspace_unbind();
    c->reply = ai_reply_tensor_ok;
    return call_answer(c, ctx);
}

/* ---- get: a reference, copied once, by a worker when it is large ---- */

static void reply_tensor(call *c, wr_sink *s)
{
    if (c->st == WEIR_OK)
        wr_ai_reply_tensor(s, c->d.rep.buffer[0], c->show);
    else
        wr_ai_reply_failure(s, WR_AI_ON_TENSOR, c->st, &c->err);
}

int ai_tensorget(call *c, host_ctx *ctx)
{
    ai_look l = ai_look_in(ctx);
    wr_ai_get g;
    c->st = wr_ai_parse_tensorget(&g, c->words, &l.look, &c->err);
    if (c->st != WEIR_OK)
        return ai_refuse(c, ctx);
    c->d.req.command = WR_CMD_borrow;
    c->d.req.key = g.key;
    keyspace_bind_words(ctx, c->argv, c->words.n);
    c->st = wr_service_handle(&module.service, &c->d.req, &c->d.rep, &c->err);
    keyspace_unbind();
    c->reply = reply_tensor;
    c->show = g.show;
    if (c->show != WR_AI_META)
        return call_answer(c, ctx);
    ctx_sink s = ctx_sink_of(ctx); /* however large the tensor, this is short */
    c->reply(c, &s.sink);
    call_free(c);
    return HOST_OK;
}
