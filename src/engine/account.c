/* SPDX-License-Identifier: BSD-3-Clause */
/* What a model has cost: counters that cost the hot path a load and a store each. */
#include "base/alloc.h"
#include "engine/internal.h"

wr_account *wr_account_new(void)
{
    wr_account *a = wr_calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    wr_ref_init(&a->refs);
    wr_mutex_init(&a->lock, WR_LEVEL_MODEL);
    return a;
}

wr_account *wr_account_ref(wr_account *a)
{
    wr_ref_up(&a->refs);
    return a;
}

void wr_account_unref(wr_account *a)
{
    if (a == NULL || !wr_ref_down(&a->refs))
        return;
    wr_mutex_fini(&a->lock);
    wr_free(a);
}

wr_cell *wr_cell_new(wr_account *a)
{
    wr_cell *c = wr_calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    wr_lock(&a->lock);
    c->next = a->cells;
    a->cells = c;
    wr_unlock(&a->lock);
    return c;
}

static uint64_t larger_max(wr_cell *into, uint64_t ns)
{
    uint64_t old = atomic_load_explicit(&into->run_max_ns, memory_order_relaxed);
    if (ns > old)
        atomic_store_explicit(&into->run_max_ns, ns, memory_order_relaxed);
    return ns > old ? ns : old;
}

void wr_cell_free(wr_account *a, wr_cell *c)
{
    if (c == NULL)
        return;
    wr_lock(&a->lock);
    wr_cell **at = &a->cells;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    for (int i = 0; i < WR_C_COUNT; i++)
        wr_count_shared(a, (wr_counter)i,
                        atomic_load_explicit(&c->c[i], memory_order_relaxed));
    larger_max(&a->rest, atomic_load_explicit(&c->run_max_ns, memory_order_relaxed));
    wr_unlock(&a->lock);
    wr_free(c);
}

/* With the lock held. */
static void add_totals(wr_account *a, uint64_t *sum, uint64_t *max_ns, bool reset)
{
    *max_ns = 0;
    for (wr_cell *c = &a->rest; c != NULL; c = c == &a->rest ? a->cells : c->next) {
        for (int i = 0; i < WR_C_COUNT; i++)
            sum[i] += atomic_load_explicit(&c->c[i], memory_order_relaxed);
        uint64_t m =
            reset ? atomic_exchange(&c->run_max_ns, 0) : atomic_load(&c->run_max_ns);
        *max_ns = m > *max_ns ? m : *max_ns;
    }
}

void wr_account_read(wr_account *a, weir_model_stats *out, bool reset)
{
    uint64_t sum[WR_C_COUNT] = {0}, max_ns, v[WR_C_COUNT];
    wr_lock(&a->lock);
    add_totals(a, sum, &max_ns, reset);
    for (int i = 0; i < WR_C_COUNT; i++) {
        v[i] = sum[i] - a->reset[i];
        if (reset)
            a->reset[i] = sum[i];
    }
    wr_unlock(&a->lock);

    *out = (weir_model_stats){
        .n_calls = v[WR_C_n_calls],
        .n_errors = v[WR_C_n_errors],
        .n_rows = v[WR_C_n_rows],
        .n_runs = v[WR_C_n_runs],
        .n_gathered = v[WR_C_n_gathered],
        .n_inline = v[WR_C_n_inline],
        .queue_s = (double)v[WR_C_queue_ns] * 1e-9,
        .run_s = (double)v[WR_C_run_ns] * 1e-9,
        .run_max_s = (double)max_ns * 1e-9,
        .n_copies = v[WR_C_n_copies],
        .copied_bytes = v[WR_C_copied_bytes],
        .in_bytes = v[WR_C_in_bytes],
        .out_bytes = v[WR_C_out_bytes],
        .n_bad_in = v[WR_C_n_bad_in],
        .n_bad_out = v[WR_C_n_bad_out],
        .n_timeouts = v[WR_C_n_timeouts],
    };
    for (int i = 0; i < WEIR_BATCH_BINS; i++)
        out->batch[i] = v[WR_C_BATCH + i];
}
