/* SPDX-License-Identifier: BSD-3-Clause */
/* AI.INFO, AI.CONFIG, and the arguments behind --loadmodule. */
#include "wire/redisai/internal.h"

weir_status wr_ai_parse_info(wr_ai_info *out, wr_words words, wr_ai_look *look,
                             weir_error *err)
{
    *out = (wr_ai_info){0};
    weir_status st = wr_ai_check_arity(WR_AI_INFO, words, err);
    if (st != WEIR_OK)
        return st;
    wr_ai_kind kind = look->kind(look, words.w[1]);
    if (kind != WR_AI_MODEL && kind != WR_AI_SCRIPT)
        return wr_ai_refuse_as(err, WEIR_ERR_KEY, "%s", WR_AI_TEXT_NO_INFO);
    out->key = words.w[1];
    out->is_script = kind == WR_AI_SCRIPT;
    out->reset = words.n > 2 && wr_word_is(words.w[2], "RESETSTAT");
    return WEIR_OK;
}

/* ---- AI.CONFIG ---- */

static weir_status load_backend(wr_ai_config *out, wr_ai_at *a, weir_error *err)
{
    weir_str word;
    if (wr_ai_left(a) != 2)
        return wr_ai_refuse_arity(WR_AI_CONFIG, err);
    *out = (wr_ai_config){.kind = WR_AI_CONFIG_LOADBACKEND};
    if (wr_ai_takes(a, &word))
        out->backend = wr_ai_backend(word, NULL);
    if (out->backend == NULL)
        return wr_ai_refuse(err, TEXT_BAD_BACKEND);
    wr_ai_takes(a, &out->path);
    return WEIR_OK;
}

static weir_status backends_path(wr_ai_config *out, wr_ai_at *a, weir_error *err)
{
    *out = (wr_ai_config){.kind = WR_AI_CONFIG_BACKENDSPATH};
    if (!wr_ai_takes(a, &out->path))
        return wr_ai_refuse(err, "ERR BACKENDSPATH: missing path argument");
    return WEIR_OK;
}

static weir_status chunk_size(wr_ai_config *out, wr_ai_at *a, weir_error *err)
{
    *out = (wr_ai_config){.kind = WR_AI_CONFIG_CHUNK_SIZE};
    if (wr_ai_left(a) == 0)
        return wr_ai_refuse(err, "ERR MODEL_CHUNK_SIZE: missing chunk size");
    if (!wr_ai_takes_int(a, &out->n) || out->n <= 0)
        return wr_ai_refuse(err, "ERR MODEL_CHUNK_SIZE: invalid chunk size");
    return WEIR_OK;
}

static weir_status get(wr_ai_config *out, wr_ai_at *a, weir_error *err)
{
    *out = (wr_ai_config){.kind = WR_AI_CONFIG_GET_OTHER};
    if (wr_ai_left(a) == 0)
        return wr_ai_refuse_arity(WR_AI_CONFIG, err);
    if (wr_ai_eats(a, "BACKENDSPATH"))
        out->kind = WR_AI_CONFIG_GET_BACKENDSPATH;
    else if (wr_ai_eats(a, "MODEL_CHUNK_SIZE"))
        out->kind = WR_AI_CONFIG_GET_CHUNK_SIZE;
    return WEIR_OK;
}

weir_status wr_ai_parse_config(wr_ai_config *out, wr_words words, weir_error *err)
{
    *out = (wr_ai_config){0};
    wr_ai_at a = wr_ai_from(words, 1);
    weir_status st = wr_ai_check_arity(WR_AI_CONFIG, words, err);
    if (st != WEIR_OK)
        return st;
    if (wr_ai_eats(&a, "LOADBACKEND"))
        st = load_backend(out, &a, err);
    else if (wr_ai_eats(&a, "BACKENDSPATH"))
        st = backends_path(out, &a, err);
    else if (wr_ai_eats(&a, "MODEL_CHUNK_SIZE"))
        st = chunk_size(out, &a, err);
    else if (wr_ai_eats(&a, "GET"))
        st = get(out, &a, err);
    else
        st = wr_ai_refuse(err, "ERR unsupported subcommand");
    if (st != WEIR_OK)
        *out = (wr_ai_config){0};
    return st;
}

/* ---- load-time arguments ---- */

void wr_ai_load_defaults(wr_ai_load *l)
{
    enum { RUN_LIMIT_MS = 5000 };
    *l = (wr_ai_load){.threads_per_queue = 1,
                      .chunk_size = WR_AI_CHUNK_SIZE,
                      .run_limit_ms = RUN_LIMIT_MS};
}

weir_status wr_ai_load_pair(wr_ai_load *l, weir_str name, weir_str value, weir_error *err)
{
    static const char *const backend[WR_AI_N_BACKENDS] = {"TF", "TFLITE", "TORCH",
                                                          "ONNX"};
    const struct {
        const char *name;
        int64_t *to;
        int64_t least;
    } numbers[] = {{"THREADS_PER_QUEUE", &l->threads_per_queue, 1},
                   {"INTRA_OP_PARALLELISM", &l->intra_op_threads, 1},
                   {"INTER_OP_PARALLELISM", &l->inter_op_threads, 1},
                   {"MODEL_CHUNK_SIZE", &l->chunk_size, 1},
                   {"MODEL_EXECUTION_TIMEOUT", &l->run_limit_ms, 1000},
                   {"BACKEND_MEMORY_LIMIT", &l->memory_limit_mb, 1}};
    weir_status st = WEIR_ERR_UNSUPPORTED;
    if (wr_word_is(name, "BACKENDSPATH")) {
        l->backends_path = value;
        return WEIR_OK;
    }
    for (size_t i = 0; i < WR_AI_N_BACKENDS; i++) {
        if (wr_word_is(name, backend[i])) {
            l->path[i] = value;
            return WEIR_OK;
        }
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int64_t v;
        if (!wr_word_is(name, numbers[i].name))
            continue;
        if (wr_word_int(value, &v) && v >= numbers[i].least) {
            *numbers[i].to = v;
            return WEIR_OK;
        }
        st = WEIR_ERR_ARG;
    }
    return wr_ai_refuse_as(err, st, "ERR error processing argument: %.*s %.*s",
                           WR_NAME(name), WR_AI_WORD(value));
}
