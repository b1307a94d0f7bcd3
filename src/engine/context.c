/* SPDX-License-Identifier: BSD-3-Clause */
/* Contexts: what serves one run of a model at a time, kept with the model and reused. */
#include "base/alloc.h"
#include "base/text.h"
#include "engine/internal.h"

static weir_status context_new(wr_model *m, int home, wr_context **out, weir_error *err)
{
    weir_status st = WEIR_ERR_NOMEM;
    wr_context *x = wr_calloc(1, sizeof *x);
    wr_cell *cell = x == NULL ? NULL : wr_cell_new(m->account);
    if (cell == NULL) {
        st = weir_fail(err, WEIR_ERR_NOMEM,
                       "model '%.*s': no memory for another run at once",
                       WR_NAME(m->name));
        goto out;
    }
    x->model = m;
    x->home = home;
    x->cell = cell;
    st = m->ops->place_new == NULL ? WEIR_OK : m->ops->place_new(&x->place, m->impl, err);
    if (st != WEIR_OK)
        goto out;
    *out = x;
    x = NULL;
    cell = NULL;

out:
    wr_cell_free(m->account, cell);
    wr_free(x);
    return st;
}

/* A slot holds a context at rest, NULL when it was never made, or this while it is in use. */
static wr_context in_use;

weir_status wr_context_take(wr_model *m, wr_context **out, weir_error *err)
{
    /* Places limit the runs at once to the number of slots, so one is at rest or will be found on
     * the next round: no waiting for anybody. */
    for (int i = 0;; i = (i + 1) % m->n_slots) {
        wr_context *x = atomic_load_explicit(&m->slot[i], memory_order_relaxed);
        if (x == &in_use ||
            !atomic_compare_exchange_strong_explicit(
                &m->slot[i], &x, &in_use, memory_order_acquire, memory_order_relaxed))
            continue;
        weir_status st = WEIR_OK;
        if (x == NULL) {
            st = context_new(m, i, &x, err);
            if (st != WEIR_OK) {
                atomic_store_explicit(&m->slot[i], NULL, memory_order_release);
                return st;
            }
        }
        x->scratch_used = 0;
        x->n_copies = 0;
        x->copied_bytes = 0;
        *out = x;
        return WEIR_OK;
    }
}

void wr_context_put(wr_context *x)
{
    atomic_store_explicit(&x->model->slot[x->home], x, memory_order_release);
}

void wr_context_free(wr_context *x)
{
    if (x == NULL)
        return;
    if (x->place != NULL)
        x->model->ops->place_free(x->place);
    wr_cell_free(x->model->account, x->cell);
    weir_buffer_unref(x->scratch);
    wr_free(x);
}

weir_status wr_scratch_reserve(wr_context *x, size_t n, weir_error *err)
{
    if (n <= x->scratch_bytes)
        return WEIR_OK;
    weir_buffer *b = NULL;
    int64_t shape = n > INT64_MAX ? -1 : (int64_t)n;
    weir_status st = weir_buffer_new(&b, WEIR_U8, 1, &shape, err);
    if (st != WEIR_OK)
        return st;
    weir_buffer_unref(x->scratch);
    x->scratch = b;
    x->scratch_bytes = n;
    return WEIR_OK;
}

void *wr_scratch_take(wr_context *x, size_t n)
{
    char *base = weir_buffer_view(x->scratch).data;
    void *p = base + x->scratch_used;
    x->scratch_used += wr_scratch_round(n);
    return p;
}
