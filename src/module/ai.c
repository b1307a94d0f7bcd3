/* SPDX-License-Identifier: BSD-3-Clause */
/* RedisAI's commands: the table, what parsers ask of the server's keys, and the replies that several
 * commands have. */
#include "module/ai.h"

#include "base/alloc.h"
#include "module/access.h"

// clang-format off
static const struct {
    const char *word, *flags;
    int first, last, step;
} table[] = {
#define X(id, word, flags, first, last, step, told, least, most, summary)                \
    {word, flags, first, last, step},
    WR_AI_COMMAND_MAP(X)
#undef X
};
// clang-format on

static const ai_command commands[WR_AI_COMMAND_COUNT] = {
    [WR_AI_TENSORSET] = ai_tensorset, [WR_AI_TENSORGET] = ai_tensorget,
    [WR_AI_MODELSTORE] = ai_store,    [WR_AI_MODELSET] = ai_store,
    [WR_AI_SCRIPTSTORE] = ai_store,   [WR_AI_SCRIPTSET] = ai_store,
    [WR_AI_MODELGET] = ai_modelget,   [WR_AI_SCRIPTGET] = ai_scriptget,
    [WR_AI_MODELDEL] = ai_del,        [WR_AI_SCRIPTDEL] = ai_del,
    [WR_AI_MODELEXECUTE] = ai_run,    [WR_AI_MODELRUN] = ai_run,
    [WR_AI_SCRIPTEXECUTE] = ai_run,   [WR_AI_SCRIPTRUN] = ai_run,
    [WR_AI_DAGEXECUTE] = ai_dag,      [WR_AI_DAGEXECUTE_RO] = ai_dag,
    [WR_AI_DAGRUN] = ai_dag,          [WR_AI_DAGRUN_RO] = ai_dag,
    [WR_AI_MODELSCAN] = ai_scan,      [WR_AI_SCRIPTSCAN] = ai_scan,
    [WR_AI_INFO] = ai_info,           [WR_AI_CONFIG] = ai_config,
};

wr_ai_command ai_which(const call *c)
{
    return wr_ai_command_of(c->words.w[0]);
}

/* ---- what parsers ask ---- */

/* The value under a key, borrowed until the key changes. */
static wr_value value_at(host_ctx *ctx, weir_str key)
{
    host_str *name = keyspace_name(key);
    host_key *k = host.OpenKey(ctx, name, HOST_READ);
    int type = k == NULL ? HOST_KEY_EMPTY : host.KeyType(k);
    wr_value v = {.kind = type == HOST_KEY_EMPTY ? WR_VALUE_NONE : WR_VALUE_OTHER};
    if (type == HOST_KEY_MODULE)
        v = types_value(k);
    if (k != NULL)
        host.CloseKey(k);
    host.FreeString(NULL, name);
    return v;
}

static wr_ai_kind kind_of(wr_ai_look *l, weir_str key)
{
    switch (value_at(((ai_look *)l)->ctx, key).kind) {
    case WR_VALUE_NONE:
        return WR_AI_NOTHING;
    case WR_VALUE_TENSOR:
        return WR_AI_TENSOR;
    case WR_VALUE_MODEL:
        return WR_AI_MODEL;
    case WR_VALUE_SCRIPT:
        return WR_AI_SCRIPT;
    default:
        return WR_AI_FOREIGN;
    }
}

/* Not known before the model is loaded. */
static void counts_of(wr_ai_look *l, weir_str key, int *n_in, int *n_out)
{
    wr_value v = value_at(((ai_look *)l)->ctx, key);
    bool known = v.kind == WR_VALUE_MODEL && wr_model_is_ready(v.of.model);
    *n_in = known ? wr_model_info(v.of.model)->n_in : -1;
    *n_out = known ? wr_model_info(v.of.model)->n_out : -1;
}

/* Tensors that are made from a few words: no larger than a word may be by default. */
static bool fits(wr_ai_look *l, size_t bytes)
{
    (void)l;
    return bytes <= (size_t)512 << 20;
}

/* `local` is left out: a cluster's server itself turns keys of other shards away, since all are told. */
ai_look ai_look_in(host_ctx *ctx)
{
    return (ai_look){{kind_of, counts_of, NULL, fits}, ctx};
}

wr_model *ai_model(host_ctx *ctx, weir_str key)
{
    wr_value v = value_at(ctx, key);
    bool is_model = v.kind == WR_VALUE_MODEL || v.kind == WR_VALUE_SCRIPT;
    return is_model ? wr_model_ref(v.of.model) : NULL;
}

weir_buffer *ai_tensor(host_ctx *ctx, weir_str key)
{
    wr_value v = value_at(ctx, key);
    return v.kind == WR_VALUE_TENSOR ? weir_buffer_ref(v.of.tensor) : NULL;
}

void ai_model_unref(void *model)
{
    wr_model_unref(model);
}

/* ---- replies ---- */

static void reply_refusal(call *c, wr_sink *s)
{
    wr_ai_reply_refusal(s, &c->err);
}

int ai_refuse(call *c, host_ctx *ctx)
{
    c->reply = reply_refusal;
    return call_answer(c, ctx);
}

bool ai_may_run(call *c, host_ctx *ctx)
{
    if (call_may_block(ctx))
        return true;
    c->st = weir_fail(&c->err, WEIR_ERR_UNSUPPORTED, "%s", WR_AI_TEXT_IN_TRANSACTION);
    ai_refuse(c, ctx);
    return false;
}

static void reply_ok(call *c, wr_sink *s, wr_ai_task task)
{
    if (c->st == WEIR_OK)
        wr_ai_reply_ok(s);
    else
        wr_ai_reply_failure(s, task, c->st, &c->err);
}

void ai_reply_tensor_ok(call *c, wr_sink *s)
{
    reply_ok(c, s, WR_AI_ON_TENSOR);
}

void ai_reply_model_ok(call *c, wr_sink *s)
{
    reply_ok(c, s, WR_AI_ON_MODEL);
}

void ai_reply_script_ok(call *c, wr_sink *s)
{
    reply_ok(c, s, WR_AI_ON_SCRIPT);
}

/* ---- registration ---- */

static void report_key(void *context, size_t i_word, unsigned access)
{
    access_tell_key(context, i_word, (access & WR_AI_KEY_READ) != 0,
                    (access & WR_AI_KEY_WRITE) != 0);
}

static void report_keys(host_ctx *ctx, host_str **argv, int argc)
{
    weir_str *word = wr_calloc((size_t)argc, sizeof *word);
    for (int i = 0; word != NULL && i < argc; i++)
        word[i] = host_text(argv[i]);
    if (word != NULL)
        wr_ai_keys((wr_words){word, (size_t)argc}, report_key, ctx);
    wr_free(word);
}

static int redisai_command(host_ctx *ctx, host_str **argv, int argc)
{
    if (host.IsKeysPositionRequest(ctx)) {
        report_keys(ctx, argv, argc);
        return HOST_OK;
    }
    strings_collect();
    call *c = call_new(ctx, argv, argc);
    return c == NULL ? HOST_OK : commands[ai_which(c)](c, ctx);
}

/* Whoever may store a model or set what all have may do anything: a model is code. */
static bool is_dangerous(wr_ai_command c)
{
    return c == WR_AI_MODELSTORE || c == WR_AI_MODELSET || c == WR_AI_SCRIPTSTORE ||
           c == WR_AI_SCRIPTSET || c == WR_AI_CONFIG;
}

int redisai_register(host_ctx *ctx)
{
    for (size_t i = 0; i < WR_AI_COMMAND_COUNT; i++) {
        if (host.CreateCommand(ctx, table[i].word, redisai_command, table[i].flags,
                               table[i].first, table[i].last, table[i].step) != HOST_OK)
            return HOST_ERR;
        bool writes = table[i].flags[0] == 'w';
        access_categorize(ctx, table[i].word,
                          is_dangerous((wr_ai_command)i) ? "write dangerous"
                          : writes                       ? "write"
                                                         : "read");
        if (table[i].first == 1 && strstr(table[i].flags, "getkeys-api") == NULL)
            access_first_word(ctx, table[i].word, writes);
    }
    return HOST_OK;
}
