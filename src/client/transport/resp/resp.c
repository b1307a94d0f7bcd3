/* SPDX-License-Identifier: BSD-3-Clause */
/* The transport to Redis and Valkey servers: opening, closing, and its table. */
#include "client/transport/resp/resp.h"

#include <unistd.h>

#include "base/alloc.h"

enum { PAUSE_MS = 500, LOOK_MS = 1000, HELPERS = 4 };

static wr_resp *resp_of(wr_link *l)
{
    return (wr_resp *)l;
}

/* ---- opening ---- */

static weir_status refuse_store_options(const weir_client_options *o, weir_error *err)
{
    const char *which = o->memory_bytes != 0        ? "memory_bytes"
                        : o->full != WEIR_FULL_FAIL ? "full"
                        : o->threads != 0           ? "threads"
                        : o->oversubscribe          ? "oversubscribe"
                        : o->spin                   ? "spin"
                        : o->backend_path.n > 0     ? "backend_path"
                                                    : NULL;
    if (which == NULL)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_ARG,
                     "client options: '%s' is the store's; a server has its own "
                     "configuration, leave it zero",
                     which);
}

/* The moment by which a client must be open: SR_CONN_TIMEOUT, or a call's time-out. */
static weir_status opening_ends(const weir_client_options *opt, weir_deadline *out,
                                weir_error *err)
{
    int64_t seconds = 0, ms = opt->timeout_ms == 0 ? WR_TIMEOUT_MS : opt->timeout_ms;
    weir_status st = wr_environment_number("SR_CONN_TIMEOUT", &seconds, err);
    if (st == WEIR_OK && seconds > 0)
        ms = seconds > 1000000000 ? -1 : seconds * 1000;
    *out = weir_deadline_in_ms(ms);
    return st;
}

/* Clients spread over the shards by process and number. */
static size_t draw_home(void)
{
    static atomic_uint n_opened;
    struct {
        long pid;
        unsigned i;
    } who = {0};
    who.pid = (long)getpid();
    who.i = atomic_fetch_add(&n_opened, 1);
    return (size_t)(wr_hash(&who, sizeof who, 0x5745) % WR_SLOTS);
}

static void resp_close(wr_link *link)
{
    wr_resp *l = resp_of(link);
    wr_workers_fini(&l->helpers);
    wr_watches_fini(&l->watches);
    wr_topology_fini(&l->topology);
    wr_tls_context_free(l->line.tls);
    size_t at = 0;
    for (const wr_map_entry *e; (e = wr_map_next(&l->names, &at)) != NULL;)
        wr_free(e->value);
    wr_map_fini(&l->names);
    wr_mutex_fini(&l->names_lock);
    wr_address_fini(&l->address);
    wr_free(l);
}

static weir_status connect_all(wr_resp *l, const weir_client_options *opt,
                               weir_error *err)
{
    weir_deadline until;
    weir_status st = opening_ends(opt, &until, err);
    int64_t pause_ms = 0;
    if (st == WEIR_OK)
        st = wr_environment_number("SR_CONN_INTERVAL", &pause_ms, err);
    if (st == WEIR_OK)
        st = wr_environment_number("SR_MODEL_TIMEOUT", &l->model_limit_ms, err);
    if (st == WEIR_OK && l->address.tls)
        st = wr_tls_context_new(&l->line.tls, &l->address, err);
    if (st != WEIR_OK)
        return st;
    l->errands.pause_ms = pause_ms == 0 ? PAUSE_MS : pause_ms;
    st = wr_topology_init(&l->topology, &l->line, &l->address, until, l->errands.pause_ms,
                          err);
    if (st == WEIR_OK && l->topology.clustered && l->address.db != 0)
        st = weir_fail(err, WEIR_ERR_ARG, "address: a cluster has no database %d, only 0",
                       l->address.db);
    return st;
}

static weir_status open_scheme(wr_link **out, wr_scheme scheme, weir_str rest,
                               const weir_client_options *opt, weir_error *err)
{
    weir_status st = refuse_store_options(opt, err);
    if (st != WEIR_OK)
        return st;
    wr_resp *l = wr_calloc(1, sizeof *l);
    if (l == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a client");
    wr_mutex_init(&l->names_lock, WR_LEVEL_LEAF);
    l->errands = (wr_errands){&l->line, &l->topology, PAUSE_MS};
    wr_workers_init(&l->helpers, "weir-helper", HELPERS, WR_LEVEL_CLIENT);
    wr_watches_init(&l->watches, &l->errands);
    atomic_init(&l->home, draw_home());
    st = wr_address_parse(&l->address, scheme, rest, err);
    l->line.user = l->address.user;
    l->line.password = l->address.password;
    l->line.db = l->address.db;
    if (st == WEIR_OK)
        st = connect_all(l, opt, err);
    if (st == WEIR_OK)
        *out = (wr_link *)l;
    else
        resp_close((wr_link *)l);
    return st;
}

static weir_status open_redis(wr_link **out, weir_str rest,
                              const weir_client_options *opt, weir_error *err)
{
    return open_scheme(out, WR_SCHEME_REDIS, rest, opt, err);
}

static weir_status open_rediss(wr_link **out, weir_str rest,
                               const weir_client_options *opt, weir_error *err)
{
    return open_scheme(out, WR_SCHEME_REDISS, rest, opt, err);
}

static weir_status open_unix(wr_link **out, weir_str rest, const weir_client_options *opt,
                             weir_error *err)
{
    return open_scheme(out, WR_SCHEME_UNIX, rest, opt, err);
}

/* ---- calls ---- */

static weir_status resp_exchange(wr_link *l, const wr_req *req, wr_rep *rep,
                                 weir_error *err)
{
    return wr_resp_exchange(resp_of(l), req, rep, err);
}

static void run_call(wr_work *work)
{
    wr_call *call = (wr_call *)((char *)work - offsetof(wr_call, work));
    weir_error err = {0};
    weir_status st = resp_exchange(call->link, &call->req, &call->rep, &err);
    call->done(call, st, &err);
}

static weir_status resp_begin(wr_link *l, wr_call *call, weir_error *err)
{
    call->work.run = run_call;
    call->link = l;
    return wr_workers_begin(&resp_of(l)->helpers, &call->work, err);
}

/* Look once: that takes a round trip, even of a wait whose time is over already. */
static weir_status look(wr_resp *l, wr_wait *w, bool *met, weir_error *err)
{
    wr_rep rep = {0};
    weir_deadline soon = weir_deadline_in_ms(LOOK_MS);
    wr_req req = {.command = w->by_length ? WR_CMD_poll : WR_CMD_exists,
                  .kind = w->kind,
                  .key = w->key,
                  .by_length = w->by_length,
                  .how = w->how,
                  .length = w->length,
                  .limit = {w->by_length ? 0 : -1, w->until > soon ? w->until : soon}};
    weir_status st;
    if (w->by_length) /* its limit, 0, is the server's and not ours */
        st = wr_resp_do(l, l->topology.clustered ? wr_slot_of(w->key) : -1, &req, &rep,
                        req.limit.deadline, err);
    else
        st = wr_resp_exchange(l, &req, &rep, err);
    *met = rep.flag;
    return st;
}

/* Of models the last shard's is waited for: they are set on all at about the same time. */
static weir_status watch_model(wr_resp *l, wr_wait *w, weir_error *err)
{
    wr_marked key;
    size_t n = wr_topology_shards(&l->topology);
    wr_shard last = wr_topology_shard(&l->topology, n == 0 ? 0 : n - 1);
    weir_status st = wr_marked_make(&key, last.low, w->key, err);
    if (st == WEIR_OK)
        st = wr_watches_add(&l->watches, w, last.low, key.s, err);
    wr_marked_fini(&key);
    return st;
}

static weir_status resp_watch(wr_link *link, wr_wait *w, bool *met, weir_error *err)
{
    wr_resp *l = resp_of(link);
    bool clustered = l->topology.clustered;
    w->own = NULL;
    weir_status st = look(l, w, met, err);
    if (st != WEIR_OK || *met || w->until <= weir_now_ns())
        return st;
    if (clustered && (w->kind == WEIR_MODEL || w->kind == WEIR_SCRIPT))
        return watch_model(l, w, err);
    return wr_watches_add(&l->watches, w, clustered ? wr_slot_of(w->key) : -1, w->key,
                          err);
}

static void resp_unwatch(wr_link *l, wr_wait *w)
{
    wr_watches_remove(&resp_of(l)->watches, w);
}

static size_t resp_statistics(wr_link *l, weir_stat *out, size_t n)
{
    return wr_resp_statistics(resp_of(l), out, n);
}

static size_t resp_backends(wr_link *l, weir_backend_info *out, size_t n)
{
    return wr_resp_backends(resp_of(l), out, n);
}

static size_t resp_servers(wr_link *l, weir_server_info *out, size_t n)
{
    return wr_resp_servers(resp_of(l), out, n);
}

static int64_t default_timeout_ms(void)
{
    int64_t seconds = 0;
    if (wr_environment_number("SR_CMD_TIMEOUT", &seconds, NULL) != WEIR_OK ||
        seconds == 0)
        return WR_TIMEOUT_MS;
    return seconds > 1000000000 ? -1 : seconds * 1000;
}

#define OPS(name)                                                                        \
    {                                                                                    \
        .scheme = #name, .open = open_##name, .exchange = resp_exchange,                 \
        .begin = resp_begin, .watch = resp_watch, .unwatch = resp_unwatch,               \
        .statistics = resp_statistics, .backends = resp_backends,                        \
        .servers = resp_servers, .close = resp_close,                                    \
        .default_timeout_ms = default_timeout_ms,                                        \
    }
const wr_transport_ops wr_transport_redis = OPS(redis);
const wr_transport_ops wr_transport_rediss = OPS(rediss);
const wr_transport_ops wr_transport_unix = OPS(unix);
