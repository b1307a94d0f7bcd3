/* SPDX-License-Identifier: BSD-3-Clause */
/* Storing, showing and deleting models and scripts. */
#include "base/alloc.h"
#include "module/ai.h"

/* ---- store ---- */

static weir_status parse_store(call *c, host_ctx *ctx, wr_ai_store *s)
{
    ai_look l = ai_look_in(ctx);
    switch (ai_which(c)) {
    case WR_AI_MODELSTORE:
        return wr_ai_parse_modelstore(s, c->words, &l.look, &c->err);
    case WR_AI_MODELSET:
        return wr_ai_parse_modelset(s, c->words, &l.look, &c->err);
    case WR_AI_SCRIPTSTORE:
        return wr_ai_parse_scriptstore(s, c->words, &l.look, &c->err);
    default:
        return wr_ai_parse_scriptset(s, c->words, &l.look, &c->err);
    }
}

/* One chunk stays the server's string; several are joined: the only copy of a model. */
static weir_status take_bytes(call *c, const wr_ai_store *s)
{
    if (s->n_chunks > 1)
        return wr_ai_store_bytes(s, &c->d.buffer, &c->err);
    weir_tensor t;
    int64_t n = (int64_t)s->n_bytes;
    weir_status st =
        weir_tensor_init(&t, (void *)(uintptr_t)s->chunk->p, WEIR_U8, 1, &n, &c->err);
    size_t i = (size_t)(s->chunk - c->words.w);
    return st == WEIR_OK ? c->holder.hold(&c->holder, i, &t, &c->d.buffer, &c->err) : st;
}

int ai_store(call *c, host_ctx *ctx)
{
    wr_ai_store *s = wr_calloc(1, sizeof *s);
    c->extra = s;
    c->free_extra = wr_free;
    c->st = s == NULL ? weir_fail(&c->err, WEIR_ERR_NOMEM, "ERR out of memory")
                      : parse_store(c, ctx, s);
    if (c->st != WEIR_OK)
        return ai_refuse(c, ctx);
    c->reply = s->is_script ? ai_reply_script_ok : ai_reply_model_ok;
    c->st = take_bytes(c, s);
    if (c->st != WEIR_OK)
        return call_answer(c, ctx);
    s->options.functions = s->entry;
    s->options.n_functions = (int)s->n_entries;
    c->d.req.command = WR_CMD_set_model;
    c->d.req.kind = s->is_script ? WEIR_SCRIPT : WEIR_MODEL;
    c->d.req.key = s->key;
    c->d.req.buffer = c->d.buffer;
    c->d.req.options = &s->options;
    c->d.req.limit = (wr_limit){-1, WEIR_NEVER};
    return call_set_model(c, ctx);
}

/* ---- get ---- */

typedef struct shown {
    wr_model *model; /* one reference */
    size_t chunk_bytes;
} shown;

static void free_shown(void *extra)
{
    shown *s = extra;
    if (s != NULL)
        wr_model_unref(s->model);
    wr_free(s);
}

/* Names as the model gives them; where it isn't loaded yet, those that it was stored with. */
static size_t names(weir_str *out, const weir_io *io, int n, const weir_str *given,
                    int n_given, bool ready)
{
    int count = ready ? n : n_given;
    for (int i = 0; i < count; i++)
        out[i] = ready ? weir_cstr(io[i].name) : given[i];
    return (size_t)count;
}

static void reply_model(call *c, wr_sink *s)
{
    const shown *sh = c->extra;
    const weir_model_options *o = wr_model_options(sh->model);
    bool ready = wr_model_is_ready(sh->model);
    const weir_model_info *info = wr_model_info(sh->model);
    weir_str in[WEIR_IO_MAX], out[WEIR_IO_MAX];
    char device[32];
    wr_ai_model_view v = {.backend_word = wr_ai_backend_word(info->backend),
                          .device_word =
                              weir_cstr(wr_device_word(o->device, device, sizeof device)),
                          .tag = o->tag,
                          .batch_max = o->batch_max,
                          .batch_min = o->batch_min,
                          .batch_wait_ms = o->batch_wait_ms,
                          .in = in,
                          .out = out,
                          .bytes = wr_model_blob(sh->model),
                          .chunk_size = (int64_t)sh->chunk_bytes};
    if (ai_which(c) == WR_AI_SCRIPTGET) {
        v.in = o->functions;
        v.n_in = (size_t)o->n_functions;
        wr_ai_reply_script(s, &v, c->show);
        return;
    }
    v.n_in = names(in, info->in, info->n_in, o->inputs, o->n_inputs, ready);
    v.n_out = names(out, info->out, info->n_out, o->outputs, o->n_outputs, ready);
    wr_ai_reply_model(s, &v, c->show);
}

static int get(call *c, host_ctx *ctx, const wr_ai_get *g)
{
    shown *s = c->st == WEIR_OK ? wr_calloc(1, sizeof *s) : NULL;
    if (c->st == WEIR_OK && s == NULL)
        c->st = weir_fail(&c->err, WEIR_ERR_NOMEM, "ERR out of memory");
    if (c->st != WEIR_OK)
        return ai_refuse(c, ctx);
    s->model = ai_model(ctx, g->key);
    s->chunk_bytes = module.chunk_bytes;
    c->extra = s;
    c->free_extra = free_shown;
    c->show = g->show;
    c->reply = reply_model;
    if (g->show != WR_AI_META) { /* counted when it is decided who copies it */
        c->d.rep.buffer[0] = weir_buffer_ref(wr_model_blob(s->model));
        c->d.rep.n_buffers = 1;
    }
    return call_answer(c, ctx);
}

int ai_modelget(call *c, host_ctx *ctx)
{
    ai_look l = ai_look_in(ctx);
    wr_ai_get g;
    c->st = wr_ai_parse_modelget(&g, c->words, &l.look, &c->err);
    return get(c, ctx, &g);
}

int ai_scriptget(call *c, host_ctx *ctx)
{
    ai_look l = ai_look_in(ctx);
    wr_ai_get g;
    c->st = wr_ai_parse_scriptget(&g, c->words, &l.look, &c->err);
    return get(c, ctx, &g);
}

/* ---- delete ---- */

int ai_del(call *c, host_ctx *ctx)
{
    ai_look l = ai_look_in(ctx);
    wr_ai_get g;
    bool is_script = ai_which(c) == WR_AI_SCRIPTDEL;
    c->st = is_script ? wr_ai_parse_scriptdel(&g, c->words, &l.look, &c->err)
                      : wr_ai_parse_modeldel(&g, c->words, &l.look, &c->err);
    if (c->st != WEIR_OK)
        return ai_refuse(c, ctx);
    c->d.req.command = WR_CMD_del;
    c->d.req.kind = is_script ? WEIR_SCRIPT : WEIR_MODEL;
    c->d.req.key = g.key;
    c->d.req.limit = (wr_limit){-1, WEIR_NEVER};
    keyspace_bind(ctx);
    c->st = wr_service_handle(&module.service, &c->d.req, &c->d.rep, &c->err);
    keyspace_unbind();
    c->reply = is_script ? ai_reply_script_ok : ai_reply_model_ok;
    return call_answer(c, ctx);
}
