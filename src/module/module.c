/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the server loads us: settings, types, commands, events. */
#include "module/module.h"

#include "base/alloc.h"
#include "module/probe.h"
#include "module/settings.h"
#include "module/wait.h"
#include "tensor/pool.h"

wr_module module;

/* The server ends itself when it has no memory, unless it is asked to try. */
static void *try_calloc(size_t n, size_t each)
{
    size_t bytes;
    void *p = wr_mul(n, each, &bytes) ? host.TryAlloc(bytes) : NULL;
    if (p != NULL)
        memset(p, 0, bytes);
    return p;
}

static void use_server_memory(void)
{
    bool tries = host.TryAlloc != NULL;
    wr_allocator a = {
        tries ? host.TryAlloc : host.Alloc, tries ? try_calloc : host.Calloc,
        host.TryRealloc != NULL ? host.TryRealloc : host.Realloc, host.Free};
    wr_alloc_use(&a);
}

/* ---- events ---- */

/* Once somebody else holds a copy of the keys, or will ask for what came since, every write is told. */
static void on_event(host_ctx *ctx, host_event e, uint64_t sub, void *data)
{
    (void)ctx;
    (void)e;
    (void)sub;
    (void)data;
    keyspace_replicate_from_now_on();
}

static int subscribe(host_ctx *ctx)
{
    static const uint64_t events[] = {HOST_EVENT_ROLE, HOST_EVENT_REPLICA,
                                      HOST_EVENT_FORK};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        host.SubscribeToServerEvent(ctx, (host_event){events[i], 1}, on_event);
    if (host.GetContextFlags(ctx) & HOST_FLAG_SLAVE)
        keyspace_replicate_from_now_on();
    return waiting_register(ctx);
}

/* ---- loading ---- */

static weir_status start(const settings *s, weir_error *err)
{
    wr_engine_options engine = {.threads = (int)s->threads,
                                .oversubscribe = s->oversubscribe != 0,
                                .backend_path = s->backend_path};
    module.inline_ns = s->inline_us * 1000;
    module.offload_bytes = (size_t)s->offload_bytes;
    module.chunk_bytes = (size_t)s->chunk_bytes;
    module.model_max_bytes = (size_t)s->model_max_bytes;
    module.run_max_ms = s->run_max_ms;
    module.service.keyspace = keyspace_new();
    wr_pool_keep_limit((size_t)s->keep_bytes); /* the server's maxmemory counts it */
    wr_workers_init(&module.workers, "weir-helper", (int)s->workers, WR_LEVEL_CLIENT);
    return wr_engine_new(&module.service.engine, &engine, err);
}

static int fail(host_ctx *ctx, const char *text)
{
    host.Log(ctx, "warning", "weir: %s", text);
    return HOST_ERR;
}

/* The one name that the server looks for. */
WEIR_API int RedisModule_OnLoad(host_ctx *ctx, host_str **argv, int argc);
int RedisModule_OnLoad(host_ctx *ctx, host_str **argv, int argc)
{
    weir_error err = {0};
    settings s;
    const char *missing = host_init(ctx);
    if (missing != NULL && host.Log != NULL)
        host.Log(ctx, "warning",
                 "weir: this server lacks %s: Redis 7.0 or Valkey is needed", missing);
    if (missing != NULL)
        return HOST_ERR;
    if (host.IsModuleNameBusy("ai"))
        return fail(ctx, "a module 'ai' is loaded already: Weir takes RedisAI's place");
    host.SetModuleAttribs(ctx, "ai", 1, 1);
    if (host.SetModuleOptions != NULL)
        host.SetModuleOptions(ctx, HOST_OPTION_HANDLE_IO_ERRORS);
    use_server_memory();
    module.server_thread = pthread_self();
    if (settings_parse(&s, ctx, argv, argc, &err) != WEIR_OK ||
        start(&s, &err) != WEIR_OK || types_register(ctx, &err) != WEIR_OK)
        return fail(ctx, err.text);
    if (!probe_init(s.probe, s.backend_path))
        host.Log(ctx, "warning",
                 "weir: models are not tried in a process of their own: %s",
                 probe_state());
    module.background = host.GetDetachedThreadSafeContext(ctx);
    if (commands_register(ctx) != HOST_OK || redisai_register(ctx) != HOST_OK)
        return fail(ctx, "its commands can't be registered");
    if (subscribe(ctx) != HOST_OK || host.RegisterInfoFunc(ctx, info_report) != HOST_OK)
        return fail(ctx, "the server takes no subscription");
    host.Log(ctx, "notice",
             "weir %s: %d compute threads, models under %.0f us run at once",
             weir_version(), wr_engine_threads(module.service.engine),
             (double)module.inline_ns * 1e-3);
    return HOST_OK;
}
