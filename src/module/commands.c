/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands WEIR.*: words to a request, the handler, its reply. The table of spec/commands.json says
 * what there is; here is only which way each goes. */
#include <stdio.h>

#include "base/alloc.h"
#include "module/access.h"
#include "module/probe.h"
#include "module/script_calls.h"
#include "module/wait.h"

/* ---- keys ---- */

typedef struct telling {
    host_ctx *ctx;
    bool reads; /* what it writes, it also shows */
} telling;

static void report_key(void *context, size_t i_word, bool writes)
{
    const telling *t = context;
    access_tell_key(t->ctx, i_word, t->reads, writes);
}

static void report_keys(host_ctx *ctx, host_str **argv, int argc)
{
    weir_str *word = wr_calloc((size_t)argc, sizeof *word);
    for (int i = 0; word != NULL && i < argc; i++)
        word[i] = host_text(argv[i]);
    if (word != NULL) {
        wr_command c = wr_wire_command(word[0]);
        telling t = {ctx, c == WR_CMD_take || c == WR_CMD_rename};
        wr_wire_word_keys((wr_words){word, (size_t)argc}, report_key, &t);
    }
    wr_free(word);
}

/* ---- the ways ---- */

static void handle(call *c)
{
    c->st = wr_service_handle(&module.service, &c->d.req, &c->d.rep, &c->err);
}

static int handle_now(call *c, host_ctx *ctx)
{
    keyspace_bind_words(ctx, c->argv, c->words.n);
    handle(c);
    keyspace_unbind();
    if (c->d.req.command == WR_CMD_take && c->st == WEIR_OK && c->d.rep.n_buffers == 0)
        return waiting_take(c, ctx);
    return call_answer(c, ctx);
}

/* What may take long, where nobody can wait: in a transaction it is done here and now, and the server
 * waits. Not for a script's command: its place in the engine may be the one that is waited for. */
static int handle_waiting(call *c, host_ctx *ctx)
{
    if (script_calls_inside()) {
        c->st = weir_fail(&c->err, WEIR_ERR_UNSUPPORTED,
                          "%.*s may wait for the engine, and a script that runs can't",
                          WR_NAME(c->words.w[0]));
        return call_answer(c, ctx);
    }
    c->d.req.in_order = true;
    script_calls_server_waits(true);
    keyspace_bind_words(ctx, c->argv, c->words.n);
    handle(c);
    keyspace_unbind();
    script_calls_server_waits(false);
    return call_answer(c, ctx);
}

/* What may take long goes to a worker, if its client can wait. */
static int handle_elsewhere(call *c, host_ctx *ctx)
{
    c->job = handle;
    c->st = script_calls_lend(c, ctx);
    if (c->st != WEIR_OK)
        return call_answer(c, ctx);
    return call_may_block(ctx) ? call_on_worker(c, ctx) : handle_waiting(c, ctx);
}

/* From a primary or a file: what is set was good when it was set, and is loaded when it is needed. */
static void declare(call *c)
{
    const wr_req *q = &c->d.req;
    bool is_script = q->kind == WEIR_SCRIPT;
    wr_model *m = NULL;
    c->st = wr_model_declare(&m, module.service.engine, q->key, q->buffer, is_script,
                             q->options, &c->err);
    if (c->st != WEIR_OK)
        return;
    wr_keyspace *ks = module.service.keyspace;
    wr_write w = {
        .kind = WR_WRITE_SET,
        .key = q->key,
        .value = {.kind = is_script ? WR_VALUE_SCRIPT : WR_VALUE_MODEL, .of.model = m},
        .give = true};
    c->st = ks->ops->apply(ks, &w, 1, q->limit, &c->err);
    if (c->st != WEIR_OK)
        wr_model_unref(m);
}

/* First where a crash harms nobody, then here. */
static void load_model(call *c)
{
    c->st = probe_model(&c->d.req, &c->err);
    if (c->st == WEIR_OK)
        handle(c);
}

int call_set_model(call *c, host_ctx *ctx)
{
    weir_tensor blob = weir_buffer_view(c->d.req.buffer);
    size_t n = weir_tensor_bytes(&blob);
    if (host.GetContextFlags(ctx) & (HOST_FLAG_REPLICATED | HOST_FLAG_LOADING)) {
        keyspace_bind(ctx);
        declare(c);
        keyspace_unbind();
        return call_answer(c, ctx);
    }
    if (module.model_max_bytes > 0 && n > module.model_max_bytes) {
        c->st = weir_fail(&c->err, WEIR_ERR_FULL,
                          "model '%.*s' has %zu bytes, this server takes up to %zu "
                          "(MODEL_MAX_BYTES)",
                          WR_NAME(c->d.req.key), n, module.model_max_bytes);
        return call_answer(c, ctx);
    }
    if (!call_may_block(ctx))
        return handle_waiting(c, ctx);
    c->job = load_model;
    return call_on_worker(c, ctx);
}

/* In the server's own words. */
static int not_permitted(call *c, host_ctx *ctx)
{
    call_free(c);
    return host.ReplyWithError(
        ctx, "NOPERM this user has no permissions to use one of the models "
             "that the command names");
}

static int weir_command(host_ctx *ctx, host_str **argv, int argc)
{
    if (host.IsKeysPositionRequest(ctx)) {
        report_keys(ctx, argv, argc);
        return HOST_OK;
    }
    strings_collect();
    call *c = call_new(ctx, argv, argc);
    if (c == NULL)
        return HOST_OK;
    c->st = wr_wire_decode(&c->d, c->words, &c->holder, &c->err);
    if (c->st != WEIR_OK)
        return call_answer(c, ctx);
    if ((c->d.req.command == WR_CMD_run || c->d.req.command == WR_CMD_pipeline) &&
        !access_may_run(ctx, &c->d.req))
        return not_permitted(c, ctx);
    switch (c->d.req.command) {
    case WR_CMD_infer:
    case WR_CMD_run:
        return call_run(c, ctx);
    case WR_CMD_poll:
        return waiting_poll(c, ctx);
    case WR_CMD_set_model:
        return call_set_model(c, ctx);
    case WR_CMD_pipeline:
    case WR_CMD_describe_model:
        return handle_elsewhere(c, ctx);
    default:
        return handle_now(c, ctx);
    }
}

/* ---- about the server ---- */

static void reply_statistics(call *c, wr_sink *s)
{
    (void)c;
    size_t n = wr_service_statistics(&module.service, NULL, 0);
    weir_stat *all = wr_calloc(n, sizeof *all);
    n = all == NULL ? 0 : wr_service_statistics(&module.service, all, n);
    s->ops->array(s, 2 * n);
    for (size_t i = 0; i < n; i++) {
        char text[32];
        snprintf(text, sizeof text, "%.17g", all[i].value);
        wr_sink_text(s, all[i].name);
        wr_sink_text(s, text);
    }
    wr_free(all);
}

static int statistics_command(host_ctx *ctx, host_str **argv, int argc)
{
    if (argc != 1)
        return host.WrongArity(ctx);
    call *c = call_new(ctx, argv, argc);
    if (c == NULL)
        return HOST_OK;
    c->reply = reply_statistics;
    return call_answer(c, ctx);
}

enum { MOST_BACKENDS = 16 };
typedef struct backends {
    size_t n;
    weir_backend_info info[MOST_BACKENDS];
} backends;

static void list_backends(call *c)
{
    backends *b = wr_calloc(1, sizeof *b);
    c->extra = b;
    c->free_extra = wr_free;
    if (b == NULL) {
        c->st = weir_fail(&c->err, WEIR_ERR_NOMEM, "no memory to list backends");
        return;
    }
    b->n = wr_engine_backends(module.service.engine, b->info, MOST_BACKENDS);
    b->n = b->n > MOST_BACKENDS ? MOST_BACKENDS : b->n;
}

static void reply_backends(call *c, wr_sink *s)
{
    const backends *b = c->extra;
    if (c->st != WEIR_OK) {
        wr_wire_reply_error(s, c->st, &c->err);
        return;
    }
    s->ops->array(s, b->n);
    for (size_t i = 0; i < b->n; i++) {
        s->ops->array(s, 5);
        wr_sink_text(s, b->info[i].name);
        s->ops->integer(s, b->info[i].present);
        wr_sink_text(s, b->info[i].version);
        wr_sink_text(s, b->info[i].path);
        wr_sink_text(s, b->info[i].hint);
    }
}

/* Each is started to see: torch takes half a second. */
static int backends_command(host_ctx *ctx, host_str **argv, int argc)
{
    if (argc != 1)
        return host.WrongArity(ctx);
    call *c = call_new(ctx, argv, argc);
    if (c == NULL)
        return HOST_OK;
    c->job = list_backends;
    c->reply = reply_backends;
    if (call_may_block(ctx))
        return call_on_worker(c, ctx);
    list_backends(c);
    return call_answer(c, ctx);
}

/* ---- registration ---- */

static int add(host_ctx *ctx, const char *name, host_command_fn f, const char *flags,
               int first_key)
{
    int last = first_key == 0 ? 0 : first_key;
    if (host.CreateCommand(ctx, name, f, flags, first_key, last,
                           first_key == 0 ? 0 : 1) != HOST_OK)
        return HOST_ERR;
    bool writes = strncmp(flags, "write", 5) == 0;
    access_categorize(ctx, name,
                      f == weir_command &&
                              wr_wire_command(weir_cstr(name)) == WR_CMD_set_model
                          ? "write dangerous" /* a model is code */
                      : writes ? "write"
                               : "read");
    return HOST_OK;
}

int commands_register(host_ctx *ctx)
{
    static const struct {
        wr_command command;
        const char *word;
        wr_arg first, second;
    } all[] = {
#define X(name, word, reply, ...) {WR_CMD_##name, word, FIRST_TWO(__VA_ARGS__, 0, 0)},
#define FIRST_TWO(a, b, ...) (wr_arg) a, (wr_arg)b
        WR_WIRE_MAP(X)
#undef FIRST_TWO
#undef X
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool shrinks = all[i].command == WR_CMD_del || all[i].command == WR_CMD_take;
        const char *flags = !wr_wire_writes(all[i].command) ? "readonly getkeys-api"
                            : shrinks                       ? "write getkeys-api"
                                      : "write deny-oom getkeys-api";
        int first = all[i].first == WR_ARG_key ? 1 : all[i].second == WR_ARG_key ? 2 : 0;
        if (all[i].command == WR_CMD_run || all[i].command == WR_CMD_pipeline)
            first = 0; /* the model's name is none */
        if (strncmp(all[i].word, "WEIR.", 5) == 0 &&
            add(ctx, all[i].word, weir_command, flags, first) != HOST_OK)
            return HOST_ERR;
    }
    if (add(ctx, "WEIR.STATISTICS", statistics_command, "readonly", 0) != HOST_OK ||
        add(ctx, "WEIR.BACKENDS", backends_command, "readonly", 0) != HOST_OK)
        return HOST_ERR;
    return HOST_OK;
}
