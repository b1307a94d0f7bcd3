/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting without polling: a blocked client costs nothing until the key that it names is written, by
 * whatever command. Polls are looked up by key when the keyspace tells of a write; takes are the
 * server's own clients blocked on keys, served in the order in which they came. */
#include "module/wait.h"

#include "base/alloc.h"

enum { N_BUCKETS = 256 };

typedef struct waiter {
    struct waiter *next, **here; /* in its bucket; here NULL: not waiting any more */
    call *call;
    wr_text key; /* that is looked at: of a dataset that of its metadata */
    bool met;
} waiter;

/* All guarded by the server's lock. */
static waiter *buckets[N_BUCKETS];
static size_t n_polls, n_takes;

size_t waiting_count(void)
{
    return n_polls + n_takes;
}

static unsigned bucket_of(weir_str key)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < key.n; i++)
        h = (h ^ (unsigned char)key.p[i]) * 16777619u;
    return h % N_BUCKETS;
}

static void leave(waiter *w)
{
    if (w->here == NULL)
        return;
    *w->here = w->next;
    if (w->next != NULL)
        w->next->here = w->here;
    w->here = NULL;
    n_polls--;
}

static void join(waiter *w)
{
    waiter **head = &buckets[bucket_of((weir_str){w->key.p, w->key.n})];
    w->next = *head;
    w->here = head;
    if (w->next != NULL)
        w->next->here = &w->next;
    *head = w;
    n_polls++;
}

static void waiter_free(void *p)
{
    waiter *w = p;
    leave(w);
    wr_text_fini(&w->key);
    wr_free(w);
}

/* `held` is what the key holds, for messages; NULL: nobody asks. */
static bool is_met(host_ctx *ctx, const waiter *w, wr_value_kind *held)
{
    wr_keyspace *ks = module.service.keyspace;
    host_ctx *before = keyspace_context();
    keyspace_bind(ctx);
    wr_value v = ks->ops->get(ks, (weir_str){w->key.p, w->key.n});
    bool met = wr_service_is_met(&w->call->d.req, v);
    if (held != NULL)
        *held = v.kind;
    if (before == NULL)
        keyspace_unbind();
    else
        keyspace_bind(before);
    return met;
}

void waiting_look(host_ctx *ctx, weir_str key)
{
    if (n_polls == 0)
        return;
    int db = host.GetSelectedDb(ctx);
    for (waiter *w = buckets[bucket_of(key)], *next; w != NULL; w = next) {
        next = w->next;
        if (w->call->db != db || !wr_str_eq((weir_str){w->key.p, w->key.n}, key) ||
            !is_met(ctx, w, NULL))
            continue;
        leave(w);
        w->met = true;
        call_unblock(w->call);
    }
}

/* ---- polls ---- */

/* Find the waiter of a client whose time is over or that has gone. */
static waiter *find(const host_blocked *blocked)
{
    for (unsigned i = 0; i < N_BUCKETS; i++) {
        for (waiter *w = buckets[i]; w != NULL; w = w->next) {
            if (w->call->blocked == blocked)
                return w;
        }
    }
    return NULL;
}

/* End the wait of a blocked client, if it has not ended by itself. */
static void end_wait(const host_blocked *blocked)
{
    waiter *w = find(blocked);
    if (w == NULL)
        return;
    leave(w);
    call_unblock(w->call);
}

static int on_time_over(host_ctx *ctx, host_str **argv, int argc)
{
    (void)argv;
    (void)argc;
    host_blocked *blocked = host.GetBlockedClientHandle(ctx);
    end_wait(blocked);
    return host.ReplyWithLongLong(ctx, 0);
}

static void on_gone(host_ctx *ctx, host_blocked *blocked)
{
    (void)ctx;
    end_wait(blocked);
}

static int on_met(host_ctx *ctx, host_str **argv, int argc)
{
    (void)argv;
    (void)argc;
    return host.ReplyWithLongLong(ctx, 1);
}

static void on_freed(host_ctx *ctx, void *data)
{
    (void)ctx;
    call_free(data);
}

static int poll_fails(call *c, host_ctx *ctx, weir_status st)
{
    c->st = st;
    return call_answer(c, ctx);
}

int waiting_poll(call *c, host_ctx *ctx)
{
    int64_t ms = c->d.req.limit.timeout_ms;
    waiter *w = wr_calloc(1, sizeof *w);
    if (w == NULL)
        return poll_fails(c, ctx,
                          weir_fail(&c->err, WEIR_ERR_NOMEM, "no memory to wait"));
    w->call = c;
    c->extra = w;
    c->free_extra = waiter_free;
    wr_service_watch_key(&w->key, c->d.req.kind, c->d.req.key);
    if (w->key.failed)
        return poll_fails(c, ctx,
                          weir_fail(&c->err, WEIR_ERR_NOMEM, "no memory to wait"));
    wr_value_kind held;
    c->d.rep.flag = is_met(ctx, w, &held);
    if (c->d.req.by_length && held != WR_VALUE_NONE && held != WR_VALUE_LIST)
        return poll_fails(c, ctx,
                          weir_fail(&c->err, WEIR_ERR_KIND,
                                    "list '%.*s': the key holds %s",
                                    WR_NAME(c->d.req.key), wr_value_kind_text(held)));
    if (c->d.rep.flag || ms == 0 || !call_may_block(ctx))
        return call_answer(c, ctx);
    c->blocked = host.BlockClient(ctx, on_met, on_time_over, on_freed, ms < 0 ? 0 : ms);
    host.SetDisconnectCallback(c->blocked, on_gone);
    c->words.n = 0; /* they go with the command; the key is kept */
    join(w);
    return HOST_OK;
}

/* ---- takes ---- */

typedef struct taker {
    weir_str key; /* owned */
} taker;

static int take_now(host_ctx *ctx, host_str **argv, int argc)
{
    (void)argv;
    (void)argc;
    taker *t = host.GetBlockedClientPrivateData(ctx);
    wr_req req = {.command = WR_CMD_take, .key = t->key, .limit = {-1, WEIR_NEVER}};
    wr_decoded d = {.req = req};
    weir_error err = {0};
    keyspace_bind(ctx);
    weir_status st = wr_service_handle(&module.service, &req, &d.rep, &err);
    keyspace_unbind();
    if (st == WEIR_OK && d.rep.n_buffers == 0)
        return HOST_ERR; /* another one was quicker: wait on */
    ctx_sink s = ctx_sink_of(ctx);
    if (st == WEIR_OK)
        wr_wire_reply(&s.sink, &d);
    else
        wr_wire_reply_error(&s.sink, st, &err);
    wr_decoded_fini(&d);
    return HOST_OK;
}

static int take_time_over(host_ctx *ctx, host_str **argv, int argc)
{
    (void)argv;
    (void)argc;
    return host.ReplyWithNull(ctx);
}

static void taker_free(host_ctx *ctx, void *data)
{
    (void)ctx;
    taker *t = data;
    n_takes--;
    wr_free((void *)(uintptr_t)t->key.p);
    wr_free(t);
}

int waiting_take(call *c, host_ctx *ctx)
{
    int64_t ms = c->d.req.limit.timeout_ms;
    if (ms == 0 || !call_may_block(ctx))
        return call_answer(c, ctx);
    weir_str key = c->d.req.key;
    taker *t = wr_calloc(1, sizeof *t);
    char *copy = wr_dup(key.p, key.n);
    if (t == NULL || copy == NULL) {
        wr_free(t);
        wr_free(copy);
        return poll_fails(c, ctx,
                          weir_fail(&c->err, WEIR_ERR_NOMEM, "no memory to wait"));
    }
    t->key = (weir_str){copy, key.n};
    n_takes++;
    host_str *name = keyspace_name(key);
    host.BlockClientOnKeys(ctx, take_now, take_time_over, taker_free, ms < 0 ? 0 : ms,
                           &name, 1, t);
    host.FreeString(NULL, name);
    call_free(c);
    return HOST_OK;
}

/* ---- what happens to keys ---- */

static int on_event(host_ctx *ctx, int kind, const char *event, host_str *key)
{
    (void)kind;
    (void)event;
    waiting_look(ctx, host_text(key));
    if (n_takes > 0)
        host.SignalKeyAsReady(ctx, key);
    return HOST_OK;
}

int waiting_register(host_ctx *ctx)
{
    return host.SubscribeToKeyspaceEvents(ctx,
                                          HOST_NOTIFY_GENERIC | HOST_NOTIFY_LIST |
                                              HOST_NOTIFY_HASH | HOST_NOTIFY_EXPIRED |
                                              HOST_NOTIFY_EVICTED | HOST_NOTIFY_MODULE,
                                          on_event);
}
