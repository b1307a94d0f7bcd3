/* SPDX-License-Identifier: BSD-3-Clause */
/* AI.MODELEXECUTE, AI.MODELRUN, AI.SCRIPTEXECUTE, AI.SCRIPTRUN. */
#include "base/alloc.h"
#include "module/ai.h"

static weir_status parse_run(call *c, host_ctx *ctx, wr_ai_run *r)
{
    ai_look l = ai_look_in(ctx);
    switch (ai_which(c)) {
    case WR_AI_MODELEXECUTE:
        return wr_ai_parse_modelexecute(r, c->words, &l.look, &c->err);
    case WR_AI_MODELRUN:
        return wr_ai_parse_modelrun(r, c->words, &l.look, &c->err);
    case WR_AI_SCRIPTEXECUTE:
        return wr_ai_parse_scriptexecute(r, c->words, &l.look, &c->err);
    default:
        return wr_ai_parse_scriptrun(r, c->words, &l.look, &c->err);
    }
}

static void free_run(void *extra)
{
    if (extra != NULL)
        wr_ai_run_fini(extra);
    wr_free(extra);
}

/* The service's arrays end at WEIR_IO_MAX. */
static weir_status request(call *c, const wr_ai_run *r)
{
    if (r->n_in > WEIR_IO_MAX || r->n_out > WEIR_IO_MAX)
        return weir_fail(&c->err, WEIR_ERR_ARG,
                         "ERR a run takes and gives up to %d tensors, not %zu and %zu",
                         WEIR_IO_MAX, r->n_in, r->n_out);
    c->d.req = (wr_req){.command = WR_CMD_run,
                        .key = r->key,
                        .function = r->function,
                        .in_keys = r->in,
                        .n_in = (int)r->n_in,
                        .out_keys = r->out,
                        .n_out = (int)r->n_out,
                        .script_keys = r->keys,
                        .n_script_keys = (int)r->n_keys,
                        .script_args = r->args,
                        .n_script_args = (int)r->n_args,
                        .lenient = true,
                        .limit = {r->limit_ms > 0 ? r->limit_ms : -1, WEIR_NEVER}};
    return WEIR_OK;
}

int ai_run(call *c, host_ctx *ctx)
{
    if (!ai_may_run(c, ctx))
        return HOST_OK;
    wr_ai_run *r = wr_calloc(1, sizeof *r);
    c->extra = r;
    c->free_extra = free_run;
    c->st = r == NULL ? weir_fail(&c->err, WEIR_ERR_NOMEM, "ERR out of memory")
                      : parse_run(c, ctx, r);
    if (c->st == WEIR_OK)
        c->st = request(c, r);
    if (c->st != WEIR_OK)
        return ai_refuse(c, ctx);
    c->reply = r->function.n > 0 ? ai_reply_script_ok : ai_reply_model_ok;
    return call_run(c, ctx);
}
