/* SPDX-License-Identifier: BSD-3-Clause */
/* AI.INFO, AI.CONFIG, AI._MODELSCAN and AI._SCRIPTSCAN. */
#include "base/alloc.h"
#include "base/map.h"
#include "module/ai.h"

/* ---- statistics ---- */

static void reply_info(call *c, wr_sink *s)
{
    wr_model *m = c->extra;
    const weir_model_options *o = wr_model_options(m);
    weir_model_stats st;
    char device[32];
    wr_model_statistics(m, &st, c->show != 0);
    if (c->show != 0) {
        wr_ai_reply_ok(s);
        return;
    }
    wr_ai_info_view v = {.key = c->words.w[1],
                         .is_script = wr_model_info(m)->is_script,
                         .backend_word = wr_ai_backend_word(wr_model_info(m)->backend),
                         .device_word =
                             weir_cstr(wr_device_word(o->device, device, sizeof device)),
                         .tag = o->tag,
                         .duration_us = (uint64_t)(st.run_s * 1e6),
                         .n_samples = st.n_rows,
                         .n_calls = st.n_calls,
                         .n_errors = st.n_errors};
    wr_ai_reply_info(s, &v);
}

int ai_info(call *c, host_ctx *ctx)
{
    ai_look l = ai_look_in(ctx);
    wr_ai_info i;
    c->st = wr_ai_parse_info(&i, c->words, &l.look, &c->err);
    if (c->st != WEIR_OK)
        return ai_refuse(c, ctx);
    c->extra = ai_model(ctx, i.key);
    c->free_extra = ai_model_unref;
    c->show = i.reset;
    c->reply = reply_info;
    return call_answer(c, ctx);
}

/* ---- settings: the server's thread alone ---- */

static wr_text
    backends_path; /* as told last; what is loaded follows the server's own settings */

static weir_status set_config(const wr_ai_config *f, weir_error *err)
{
    if (f->kind == WR_AI_CONFIG_LOADBACKEND)
        return weir_fail(err, WEIR_ERR_UNSUPPORTED, "%s", WR_AI_TEXT_BACKEND_LOAD);
    if (f->kind == WR_AI_CONFIG_CHUNK_SIZE)
        module.chunk_bytes = (size_t)f->n;
    if (f->kind == WR_AI_CONFIG_BACKENDSPATH) {
        wr_text_fini(&backends_path);
        wr_text_add(&backends_path, f->path.p, f->path.n);
    }
    return WEIR_OK;
}

int ai_config(call *c, host_ctx *ctx)
{
    wr_ai_config f;
    c->st = wr_ai_parse_config(&f, c->words, &c->err);
    if (c->st == WEIR_OK)
        c->st = set_config(&f, &c->err);
    if (c->st != WEIR_OK)
        return ai_refuse(c, ctx);
    ctx_sink s = ctx_sink_of(ctx);
    wr_ai_reply_config(&s.sink, &f, (weir_str){backends_path.p, backends_path.n},
                       (int64_t)module.chunk_bytes);
    call_free(c);
    return HOST_OK;
}

/* ---- scans: a worker goes through the keys, a few at a time ---- */

typedef struct scan {
    wr_map tags; /* of each key its tag, a wr_text */
    char cursor[24];
} scan;

static void free_scan(void *extra)
{
    scan *s = extra;
    size_t i = 0;
    const wr_map_entry *e;
    if (s == NULL)
        return;
    while ((e = wr_map_next(&s->tags, &i)) != NULL) {
        wr_text_fini(e->value);
        wr_free(e->value);
    }
    wr_map_fini(&s->tags);
    wr_free(s);
}

/* A key may come twice. */
static bool note(scan *s, weir_str key, weir_str tag)
{
    void *old = NULL;
    wr_text *t = wr_calloc(1, sizeof *t);
    if (t == NULL)
        return false;
    wr_text_add(t, tag.p, tag.n);
    if (t->failed || !wr_map_set(&s->tags, key, t, &old)) {
        wr_text_fini(t);
        wr_free(t);
        return false;
    }
    if (old != NULL)
        wr_text_fini(old);
    wr_free(old);
    return true;
}

/* One reply of SCAN: [cursor, [key, ..]]. */
static bool note_keys(scan *s, host_reply *reply)
{
    size_t n;
    host_reply *keys = host.CallReplyArrayElement(reply, 1);
    const char *p = host.CallReplyStringPtr(host.CallReplyArrayElement(reply, 0), &n);
    if (p == NULL || n >= sizeof s->cursor)
        return false;
    memcpy(s->cursor, p, n);
    s->cursor[n] = '\0';
    for (size_t i = 0; i < host.CallReplyLength(keys); i++) {
        weir_str key;
        key.p = host.CallReplyStringPtr(host.CallReplyArrayElement(keys, i), &key.n);
        wr_model *m = ai_model(keyspace_context(), key);
        bool ok = m == NULL || note(s, key, wr_model_options(m)->tag);
        wr_model_unref(m);
        if (!ok)
            return false;
    }
    return true;
}

static bool scan_some(scan *s, bool scripts)
{
    wr_keyspace *ks = module.service.keyspace;
    ks->ops->lock(ks);
    host_reply *reply = host.Call(keyspace_context(), "SCAN", "ccccc", s->cursor, "TYPE",
                                  scripts ? "AI_SCRIPT" : "AI__MODEL", "COUNT", "500");
    bool ok = reply != NULL && host.CallReplyType(reply) == HOST_REPLY_ARRAY &&
              note_keys(s, reply);
    if (reply != NULL)
        host.FreeCallReply(reply);
    ks->ops->unlock(ks);
    return ok;
}

static void do_scan(call *c)
{
    scan *s = wr_calloc(1, sizeof *s);
    c->extra = s;
    c->free_extra = free_scan;
    bool ok = s != NULL;
    if (ok)
        s->cursor[0] = '0';
    do {
        ok = ok && scan_some(s, ai_which(c) == WR_AI_SCRIPTSCAN);
    } while (ok && strcmp(s->cursor, "0") != 0);
    if (!ok)
        c->st = weir_fail(&c->err, WEIR_ERR_NOMEM, "the keys can't be listed");
}

static void reply_scan(call *c, wr_sink *s)
{
    const scan *sc = c->extra;
    size_t i = 0;
    const wr_map_entry *e;
    if (c->st != WEIR_OK) {
        wr_ai_reply_failure(s, WR_AI_ON_MODEL, c->st, &c->err);
        return;
    }
    wr_ai_reply_scan(s, sc->tags.n_used);
    while ((e = wr_map_next(&sc->tags, &i)) != NULL) {
        const wr_text *tag = e->value;
        wr_ai_reply_scan_entry(s, (weir_str){e->key, e->n_key},
                               (weir_str){tag->p, tag->n});
    }
}

int ai_scan(call *c, host_ctx *ctx)
{
    c->st = wr_ai_parse_scan(c->words, &c->err);
    if (c->st != WEIR_OK)
        return ai_refuse(c, ctx);
    c->reply = reply_scan;
    c->job = do_scan;
    if (call_may_block(ctx))
        return call_on_worker(c, ctx);
    keyspace_bind(ctx);
    do_scan(c);
    keyspace_unbind();
    return call_answer(c, ctx);
}
