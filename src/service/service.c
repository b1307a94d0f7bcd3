/* SPDX-License-Identifier: BSD-3-Clause */
/* Dispatch, counting, and the statistics of a service. */
#include "service/service.h"

#include "base/alloc.h"
#include "service/handlers.h"

static const struct {
    const char *name;
    wr_handler handle;
} commands[WR_CMD_COUNT] = {
#define X(name, ...) {#name, wr_handle_##name},
    WR_COMMAND_MAP(X)
#undef X
};

/* Calls that succeed are counted by the handler, with the lock held. */
static bool counts_itself(wr_command c)
{
    return c == WR_CMD_put || c == WR_CMD_get;
}

weir_status wr_service_handle(wr_service *s, const wr_req *req, wr_rep *rep,
                              weir_error *err)
{
    weir_status st = commands[req->command].handle(s, req, rep, err);
    if (st != WEIR_OK)
        wr_count(s, req->command, WR_COUNTER_errors, 1);
    if (st != WEIR_OK || !counts_itself(req->command))
        wr_count(s, req->command, WR_COUNTER_calls, 1);
    return st;
}

const char *wr_kind_name(weir_kind kind)
{
    static const char *const name[WEIR_KIND_COUNT] = {
        [WEIR_ANY] = "key",   [WEIR_TENSOR] = "tensor", [WEIR_DATASET] = "dataset",
        [WEIR_LIST] = "list", [WEIR_MODEL] = "model",   [WEIR_SCRIPT] = "script",
    };
    return (unsigned)kind < WEIR_KIND_COUNT ? name[kind] : "?";
}

static double gauge(wr_gauge g, const wr_keyspace_info *k, const weir_memory *m)
{
    switch (g) {
    case WR_GAUGE_store_bytes:
        return (double)k->bytes;
    case WR_GAUGE_store_peak_bytes:
        return (double)k->peak_bytes;
    case WR_GAUGE_store_limit_bytes:
        return (double)k->limit_bytes;
    case WR_GAUGE_store_values:
        return (double)k->n_values;
    case WR_GAUGE_store_dropped_oldest:
        return (double)k->n_dropped_oldest;
    case WR_GAUGE_store_dropped_newest:
        return (double)k->n_dropped_newest;
    case WR_GAUGE_store_room_waits:
        return (double)k->n_room_waits;
    case WR_GAUGE_store_watches:
        return (double)k->n_watches;
    case WR_GAUGE_heap_allocations:
        return (double)wr_alloc_count();
    case WR_GAUGE_buffers_in_use_bytes:
        return (double)m->in_use_bytes;
    case WR_GAUGE_buffers_kept_bytes:
        return (double)m->kept_bytes;
    case WR_GAUGE_buffers_handed_out:
        return (double)m->n_alloc;
    case WR_GAUGE_buffers_fresh:
        return (double)m->n_fresh;
    case WR_GAUGE_COUNT:
        break;
    }
    return 0;
}

/* Names, units and descriptions of all statistics; values are filled in by the reader. */
#define COUNTERS_OF(command)                                                             \
    {#command ".calls", "1", "", 0}, {#command ".errors", "1", "", 0},                   \
        {#command ".bytes", "bytes", "", 0}, {#command ".copies", "1", "", 0},           \
        {#command ".copied_bytes", "bytes", "", 0},
static const weir_stat counter_names[WR_CMD_COUNT * WR_COUNTER_COUNT] = {
#define X(name, ...) COUNTERS_OF(name)
    WR_COMMAND_MAP(X)
#undef X
};
_Static_assert(WR_COUNTER_COUNT == 5 && WR_COUNTER_calls == 0 &&
                   WR_COUNTER_copied_bytes == 4,
               "COUNTERS_OF spells the counters of spec/commands.json in their order");

static const weir_stat counter_texts[WR_COUNTER_COUNT] = {
#define X(id, name, unit, description) {name, unit, description, 0},
    WR_COUNTER_MAP(X)
#undef X
};

static const weir_stat gauge_names[WR_GAUGE_COUNT] = {
#define X(id, name, unit, description) {name, unit, description, 0},
    WR_GAUGE_MAP(X)
#undef X
};

static double counted(wr_service *s, size_t command, size_t counter)
{
    return (
        double)(atomic_load_explicit(&s->count[command][counter], memory_order_relaxed) +
                atomic_load_explicit(&s->count_locked[command][counter],
                                     memory_order_relaxed));
}

size_t wr_service_statistics(wr_service *s, weir_stat *out, size_t n)
{
    wr_keyspace_info k = s->keyspace->ops->info(s->keyspace);
    weir_memory m = weir_memory_info();
    const size_t n_counters = WR_CMD_COUNT * WR_COUNTER_COUNT;
    for (size_t i = 0; i < n && i < n_counters; i++) {
        size_t counter = i % WR_COUNTER_COUNT;
        out[i] = counter_names[i];
        out[i].description = counter_texts[counter].description;
        out[i].value = counted(s, i / WR_COUNTER_COUNT, counter);
    }
    for (size_t i = 0; i < WR_GAUGE_COUNT && n_counters + i < n; i++) {
        out[n_counters + i] = gauge_names[i];
        out[n_counters + i].value = gauge((wr_gauge)i, &k, &m);
    }
    return n_counters + WR_GAUGE_COUNT;
}
