/* SPDX-License-Identifier: BSD-3-Clause */
/* The transport inside one process: a request is handed to the handlers as it is. */
#include <stdio.h>

#include "base/alloc.h"
#include "client/transport/inproc/store.h"

static wr_store *store_of(wr_link *l)
{
    return (wr_store *)l;
}

static weir_status inproc_open(wr_link **out, weir_str rest,
                               const weir_client_options *opt, weir_error *err)
{
    wr_store *s = NULL;
    weir_status st = wr_store_open(&s, rest, opt, err);
    if (st == WEIR_OK)
        *out = (wr_link *)s;
    return st;
}

static weir_status inproc_exchange(wr_link *l, const wr_req *req, wr_rep *rep,
                                   weir_error *err)
{
    return wr_service_handle(&store_of(l)->service, req, rep, err);
}

static void run_executed(void *context, wr_run *run)
{
    wr_call *call = context;
    weir_error err = {0};
    weir_status st = wr_service_end_run(run, &call->rep, &err);
    call->done(call, st, &err);
}

static void run_work(wr_work *work)
{
    wr_call *call = (wr_call *)((char *)work - offsetof(wr_call, work));
    weir_error err = {0};
    weir_status st = inproc_exchange(call->link, &call->req, &call->rep, &err);
    call->done(call, st, &err);
}

static weir_status inproc_begin(wr_link *l, wr_call *call, weir_error *err)
{
    wr_store *s = store_of(l);
    if (call->req.command == WR_CMD_infer || call->req.command == WR_CMD_run)
        return wr_service_begin_run(&s->service, &call->req, run_executed, call, err);
    call->work.run = run_work;
    call->link = l;
    return wr_workers_begin(&s->helpers, &call->work, err);
}

/* ---- watching ---- */

static wr_wait *wait_of(wr_watch *w)
{
    return (wr_wait *)((char *)w - offsetof(wr_wait, watch));
}

static bool watch_met(wr_watch *watch, wr_value v)
{
    const wr_wait *w = wait_of(watch);
    wr_req poll = {
        .kind = w->kind, .by_length = w->by_length, .how = w->how, .length = w->length};
    return wr_service_is_met(&poll, v);
}

static void watch_fired(wr_watch *watch)
{
    wr_wait *w = wait_of(watch);
    w->fired(w, WEIR_OK, NULL);
}

static weir_status inproc_watch(wr_link *l, wr_wait *w, bool *met, weir_error *err)
{
    wr_keyspace *ks = store_of(l)->service.keyspace;
    weir_status st = WEIR_OK;
    wr_count(&store_of(l)->service, WR_CMD_poll, WR_COUNTER_calls, 1);
    w->watch_key = (wr_text){0};
    wr_service_watch_key(&w->watch_key, w->kind, w->key);
    if (w->watch_key.failed)
        return weir_fail(err, WEIR_ERR_NOMEM, "poll '%.*s': no memory", WR_NAME(w->key));
    w->watch = (wr_watch){
        .key = {w->watch_key.p, w->watch_key.n}, .met = watch_met, .fire = watch_fired};
    ks->ops->lock(ks);
    wr_value v = ks->ops->get(ks, w->watch.key);
    if (w->by_length && v.kind != WR_VALUE_NONE && v.kind != WR_VALUE_LIST)
        st = weir_fail(err, WEIR_ERR_KIND, "list '%.*s': the key holds %s",
                       WR_NAME(w->key), wr_value_kind_text(v.kind));
    *met = st == WEIR_OK && watch_met(&w->watch, v);
    if (st == WEIR_OK && !*met)
        ks->ops->watch(ks, &w->watch);
    ks->ops->unlock(ks);
    if (st != WEIR_OK || *met)
        wr_text_fini(&w->watch_key);
    return st;
}

static void inproc_unwatch(wr_link *l, wr_wait *w)
{
    wr_keyspace *ks = store_of(l)->service.keyspace;
    ks->ops->lock(ks);
    ks->ops->unwatch(ks, &w->watch);
    ks->ops->unlock(ks);
    wr_text_fini(&w->watch_key);
}

/* ---- the rest ---- */

static size_t inproc_statistics(wr_link *l, weir_stat *out, size_t n)
{
    return wr_service_statistics(&store_of(l)->service, out, n);
}

static size_t inproc_backends(wr_link *l, weir_backend_info *out, size_t n)
{
    return wr_engine_backends(store_of(l)->service.engine, out, n);
}

static size_t inproc_servers(wr_link *l, weir_server_info *out, size_t n)
{
    (void)l;
    if (n > 0) {
        out[0] = (weir_server_info){.kind = "embedded"};
        snprintf(out[0].version, sizeof out[0].version, "%s", weir_version());
        snprintf(out[0].weir, sizeof out[0].weir, "%s", weir_version());
    }
    return 1;
}

static void inproc_close(wr_link *l)
{
    wr_store_close(store_of(l));
}

const wr_transport_ops wr_transport_inproc = {
    .scheme = "embedded",
    .open = inproc_open,
    .exchange = inproc_exchange,
    .begin = inproc_begin,
    .watch = inproc_watch,
    .unwatch = inproc_unwatch,
    .statistics = inproc_statistics,
    .backends = inproc_backends,
    .servers = inproc_servers,
    .close = inproc_close,
};
