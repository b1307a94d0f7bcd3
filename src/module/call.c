/* SPDX-License-Identifier: BSD-3-Clause */
/* The ways of a command: answered at once, by a worker, or by the engine. */
#include "module/call.h"

#include "base/alloc.h"
#include "module/script_calls.h"
#include "tensor/buffer.h"

/* ---- replies ---- */

static host_ctx *ctx_of(wr_sink *s)
{
    return ((ctx_sink *)s)->ctx;
}

static void sink_status(wr_sink *s, const char *text)
{
    host.ReplyWithSimpleString(ctx_of(s), text);
}

static void sink_error(wr_sink *s, const char *text)
{
    host.ReplyWithError(ctx_of(s), text);
}

static void sink_integer(wr_sink *s, int64_t v)
{
    host.ReplyWithLongLong(ctx_of(s), v);
}

static void sink_array(wr_sink *s, size_t n)
{
    host.ReplyWithArray(ctx_of(s), (long)n);
}

static void sink_bulk(wr_sink *s, const void *p, size_t n)
{
    host.ReplyWithStringBuffer(ctx_of(s), p == NULL ? "" : p, n);
}

static void sink_null(wr_sink *s)
{
    host.ReplyWithNull(ctx_of(s));
}

/* The one copy of a reply's payload: into the server's buffer for the client. */
static void sink_payload(wr_sink *s, weir_buffer *b, const void *p, size_t n)
{
    (void)b;
    sink_bulk(s, p, n);
}

ctx_sink ctx_sink_of(host_ctx *ctx)
{
    static const wr_sink_ops ops = {sink_status, sink_error, sink_integer, sink_array,
                                    sink_bulk,   sink_null,  sink_payload};
    return (ctx_sink){{&ops}, ctx};
}

static void reply_weir(call *c, wr_sink *s)
{
    if (c->st == WEIR_OK)
        wr_wire_reply(s, &c->d);
    else
        wr_wire_reply_error(s, c->st, &c->err);
}

static size_t dataset_bytes(const weir_dataset *ds)
{
    size_t n = 0;
    weir_buffer *b;
    for (size_t i = 0; ds != NULL && weir_dataset_tensor_at(ds, i, NULL, &b); i++)
        n += wr_buffer_footprint(b);
    return n;
}

static size_t payload_bytes(const wr_rep *rep)
{
    size_t n = dataset_bytes(rep->dataset);
    for (int i = 0; i < rep->n_buffers; i++)
        n += wr_buffer_footprint(rep->buffer[i]);
    return n;
}

static size_t payload_count(const wr_rep *rep)
{
    return (size_t)rep->n_buffers +
           (rep->dataset == NULL ? 0 : weir_dataset_n_tensors(rep->dataset));
}

/* Write the reply into a context, and count the copies of payloads that this takes. */
static void write_reply(call *c, host_ctx *ctx)
{
    ctx_sink s = ctx_sink_of(ctx);
    size_t n = c->st == WEIR_OK ? payload_bytes(&c->d.rep) : 0;
    c->reply(c, &s.sink);
    if (n == 0)
        return;
    wr_command command =
        c->d.req.command == WR_CMD_borrow ? WR_CMD_get : c->d.req.command;
    wr_count(&module.service, command, WR_COUNTER_copies, payload_count(&c->d.rep));
    wr_count(&module.service, command, WR_COUNTER_copied_bytes, n);
}

/* ---- life ---- */

static weir_status hold_word(wr_holder *h, size_t i, const weir_tensor *view,
                             weir_buffer **out, weir_error *err)
{
    call *c = (call *)((char *)h - offsetof(call, holder));
    return strings_wrap(out, c->argv[i], view, err);
}

/* One call is kept for the next command: most come and go one at a time. The server's thread. */
enum {
    SPARE_WORDS = 24,
    SHORT_WORD = 45 /* shorter ones lie in the string's own head and never move */
};
static call *spare;

static call *take_call(size_t n)
{
    call *c = spare;
    if (n > SPARE_WORDS)
        return wr_calloc(1, sizeof *c + n * sizeof *c->word);
    spare = NULL;
    return c != NULL ? c : wr_calloc(1, sizeof *c + SPARE_WORDS * sizeof *c->word);
}

/* A call that was answered in its command has a clean request; what else it had is wiped. */
static bool keep_call(call *c)
{
    if (spare != NULL || c->room != SPARE_WORDS || !on_server_thread())
        return false;
    c->st = WEIR_OK;
    c->err.code = WEIR_OK;
    c->err.text[0] = '\0';
    c->run = NULL;
    c->scripts = NULL;
    c->job = NULL;
    c->extra = NULL;
    c->free_extra = NULL;
    c->show = 0;
    c->blocked = NULL;
    c->replied = c->held = false;
    spare = c;
    return true;
}

/* The bytes of a word where they will stay. The server reads a long word into the buffer of the last one;
 * when a command has kept it, the server shortens it behind that command, which moves it. */
static weir_str settled(host_str *s)
{
    weir_str text = host_text(s);
    if (text.n < SHORT_WORD || host.TrimStringAllocation == NULL)
        return text;
    host.TrimStringAllocation(s);
    return host_text(s);
}

call *call_new(host_ctx *ctx, host_str **argv, int argc)
{
    size_t n = (size_t)argc;
    call *c = take_call(n);
    if (c == NULL) {
        host.ReplyWithError(ctx, "ERR_NOMEM no memory for a command");
        return NULL;
    }
    c->room = n > SPARE_WORDS ? n : SPARE_WORDS;
    c->argv = argv;
    c->words = (wr_words){c->word, n};
    c->holder.hold = hold_word;
    c->reply = reply_weir;
    c->db = host.GetSelectedDb(ctx);
    for (size_t i = 0; i < n; i++)
        c->word[i] = settled(argv[i]);
    return c;
}

void call_free(call *c)
{
    if (c->run != NULL)
        wr_service_drop_run(c->run);
    if (c->free_extra != NULL)
        c->free_extra(c->extra);
    script_calls_free(c->scripts);
    wr_decoded_fini(&c->d);
    for (size_t i = 0; c->held && i < c->words.n; i++)
        host.FreeString(NULL, c->argv[i]);
    if (c->held)
        wr_free(c->argv);
    if (!keep_call(c))
        wr_free(c);
}

bool call_may_block(host_ctx *ctx)
{
    return (host.GetContextFlags(ctx) & (HOST_FLAG_MULTI | HOST_FLAG_LUA |
                                         HOST_FLAG_LOADING | HOST_FLAG_DENY_BLOCKING)) ==
           0;
}

/* ---- blocking ---- */

static int on_unblocked(host_ctx *ctx, host_str **argv, int argc)
{
    (void)argv;
    (void)argc;
    call *c = host.GetBlockedClientPrivateData(ctx);
    strings_collect();
    if (c->replied)
        return HOST_OK;
    if (c->run != NULL) {
        wr_run *run = c->run;
        c->run = NULL;
        keyspace_bind(ctx);
        c->st = wr_service_end_run(run, &c->d.rep, &c->err);
        keyspace_unbind();
    }
    write_reply(c, ctx);
    return HOST_OK;
}

static void on_freed(host_ctx *ctx, void *data)
{
    (void)ctx;
    call_free(data);
}

weir_status call_block(call *c, host_ctx *ctx)
{
    size_t n = c->words.n;
    host_str **own = wr_alloc((n + 1) * sizeof *own);
    if (own == NULL)
        return weir_fail(&c->err, WEIR_ERR_NOMEM, "no memory to wait for an answer");
    for (size_t i = 0; i < n; i++)
        own[i] = host.HoldString(NULL, c->argv[i]);
    c->argv = own;
    c->held = true;
    c->blocked = host.BlockClient(ctx, on_unblocked, NULL, on_freed, 0);
    return WEIR_OK;
}

void call_unblock(call *c)
{
    host.UnblockClient(c->blocked, c);
}

void call_reply_here(call *c)
{
    host_ctx *ctx = host.GetThreadSafeContext(c->blocked);
    write_reply(c, ctx);
    host.FreeThreadSafeContext(ctx);
    c->replied = true;
}

static void offload(call *c)
{
    (void)c; /* the answer is there: only the reply is to be written */
}

int call_answer(call *c, host_ctx *ctx)
{
    if (c->st == WEIR_OK && payload_bytes(&c->d.rep) > module.offload_bytes &&
        call_may_block(ctx)) {
        c->job = offload;
        atomic_fetch_add_explicit(&module.n_offloaded, 1, memory_order_relaxed);
        return call_on_worker(c, ctx);
    }
    write_reply(c, ctx);
    call_free(c);
    return HOST_OK;
}

/* ---- workers ---- */

static void work(wr_work *w)
{
    call *c = (call *)((char *)w - offsetof(call, work));
    host_ctx *ctx = host.GetThreadSafeContext(c->blocked);
    keyspace_bind(ctx);
    c->job(c);
    keyspace_unbind();
    host.FreeThreadSafeContext(ctx);
    call_reply_here(c);
    call_unblock(c);
}

weir_status call_go_on_worker(call *c)
{
    c->work.run = work;
    atomic_fetch_add_explicit(&module.n_worker, 1, memory_order_relaxed);
    return wr_workers_begin(&module.workers, &c->work, &c->err);
}

int call_on_worker(call *c, host_ctx *ctx)
{
    weir_status st = call_block(c, ctx);
    if (st == WEIR_OK) {
        st = call_go_on_worker(c);
        if (st != WEIR_OK)
            host.AbortBlock(c->blocked);
    }
    if (st == WEIR_OK)
        return HOST_OK;
    c->st = st;
    write_reply(c, ctx);
    call_free(c);
    return HOST_OK;
}

/* ---- the engine ---- */

void call_executed(void *context, wr_run *run)
{
    call *c = context;
    c->run = run;
    if (c->d.req.command ==
        WR_CMD_infer) { /* touches no key: the server's thread is spared */
        c->run = NULL;
        c->st = wr_service_end_run(run, &c->d.rep, &c->err);
        call_reply_here(c);
    }
    call_unblock(c);
}

static int refuse(call *c, host_ctx *ctx, weir_status st)
{
    c->st = st;
    write_reply(c, ctx);
    call_free(c);
    return HOST_OK;
}

static int begin_run(call *c, host_ctx *ctx)
{
    weir_status st = call_block(c, ctx);
    if (st != WEIR_OK)
        return refuse(c, ctx, st);
    atomic_fetch_add_explicit(&module.n_engine, 1, memory_order_relaxed);
    keyspace_bind(ctx);
    st = wr_service_begin_run(&module.service, &c->d.req, call_executed, c, &c->err);
    keyspace_unbind();
    if (st == WEIR_OK)
        return HOST_OK;
    host.AbortBlock(c->blocked);
    return refuse(c, ctx, st);
}

/* A script has one expectation for all its functions, and texts can make any of them long: what earlier
 * runs took says nothing. */
static int64_t inline_bound(const wr_req *q)
{
    return q->function.n > 0 ? 0 : module.inline_ns;
}

int call_run(call *c, host_ctx *ctx)
{
    bool done = false;
    wr_limit *limit = &c->d.req.limit;
    if (module.run_max_ms > 0 &&
        (limit->timeout_ms < 0 || limit->timeout_ms > module.run_max_ms))
        limit->timeout_ms = module.run_max_ms;
    weir_status st = script_calls_lend(c, ctx);
    if (st != WEIR_OK)
        return refuse(c, ctx, st);
    keyspace_bind_words(ctx, c->argv, c->words.n);
    st = wr_service_try_run(&module.service, &c->d.req, inline_bound(&c->d.req),
                            &c->d.rep, &done, &c->err);
    keyspace_unbind();
    if (done) {
        atomic_fetch_add_explicit(&module.n_inline, 1, memory_order_relaxed);
        c->st = st;
        return call_answer(c, ctx);
    }
    if (call_may_block(ctx))
        return begin_run(c, ctx);
    return refuse(c, ctx,
                  weir_fail(&c->err, WEIR_ERR_UNSUPPORTED,
                            "model '%.*s' is not expected to end within %.0f us, and a "
                            "transaction or script can't wait for it",
                            WR_NAME(c->d.req.key), (double)module.inline_ns * 1e-3));
}
