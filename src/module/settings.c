/* SPDX-License-Identifier: BSD-3-Clause */
/* Load-time arguments: our own, then those that RedisAI's users have in their configuration. */
#include "module/settings.h"

#include "wire/redisai/redisai.h"

typedef struct number {
    const char *name;
    int64_t low, high;
    int64_t *to;
} number;

static weir_status own_number(const number *n, weir_str word, weir_error *err)
{
    int64_t v;
    if (!wr_word_int(word, &v) || v < n->low || v > n->high)
        return weir_fail(err, WEIR_ERR_ARG,
                         "argument %s is '%.*s', expected %lld to %lld", n->name,
                         WR_NAME(word), (long long)n->low, (long long)n->high);
    *n->to = v;
    return WEIR_OK;
}

static weir_status take_pair(settings *s, wr_ai_load *theirs, weir_str name,
                             weir_str word, weir_error *err)
{
    const number own[] = {
        {"THREADS", 0, 4096, &s->threads},
        {"OVERSUBSCRIBE", 0, 1, &s->oversubscribe},
        {"WORKERS", 1, WR_WORKERS_MAX, &s->workers},
        {"INLINE_US", 0, 1000000, &s->inline_us},
        {"KEEP_BYTES", 0, INT64_MAX, &s->keep_bytes},
        {"OFFLOAD_BYTES", 0, INT64_MAX, &s->offload_bytes},
        {"MODEL_MAX_BYTES", 0, INT64_MAX, &s->model_max_bytes},
    };
    if (wr_word_is(name, "PROBE")) {
        s->probe = word;
        return WEIR_OK;
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (wr_word_is(name, own[i].name))
            return own_number(&own[i], word, err);
    }
    return wr_ai_load_pair(theirs, name, word, err);
}

/* What of RedisAI's arguments means nothing here is said once, in the log. */
static void tell_unused(host_ctx *ctx, const wr_ai_load *l)
{
    for (size_t i = 0; i < WR_AI_N_BACKENDS; i++) {
        if (l->path[i].n > 0)
            host.Log(ctx, "notice",
                     "weir: '%.*s' is a library of RedisAI's and is not loaded: Weir has "
                     "backends of its own",
                     WR_NAME(l->path[i]));
    }
    if (l->threads_per_queue > 1 || l->intra_op_threads > 0 || l->inter_op_threads > 0)
        host.Log(
            ctx, "notice",
            "weir: THREADS_PER_QUEUE, INTRA_OP_ and INTER_OP_PARALLELISM have no effect: "
            "all models share THREADS compute threads");
    if (l->memory_limit_mb > 0)
        host.Log(ctx, "warning",
                 "weir: BACKEND_MEMORY_LIMIT has no effect: limit the server's memory");
}

weir_status settings_parse(settings *out, host_ctx *ctx, host_str **argv, int argc,
                           weir_error *err)
{
    wr_ai_load theirs;
    wr_ai_load_defaults(&theirs);
    theirs.run_limit_ms =
        0; /* RedisAI stops ONNX runs after 5 s; here only when asked for */
    *out = (settings){.workers = 4,
                      .inline_us = 50,
                      .keep_bytes = 64 << 20,
                      .offload_bytes = 256 << 10};
    if (argc % 2 != 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "%d arguments: they are pairs of a name and a value", argc);
    for (int i = 0; i < argc; i += 2) {
        weir_status st =
            take_pair(out, &theirs, host_text(argv[i]), host_text(argv[i + 1]), err);
        if (st != WEIR_OK)
            return st;
    }
    tell_unused(ctx, &theirs);
    out->backend_path = theirs.backends_path;
    out->chunk_bytes = theirs.chunk_size;
    out->run_max_ms = theirs.run_limit_ms;
    return WEIR_OK;
}
