/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading a model when it is first needed: one caller loads, the others wait, a failure is kept. */
#include "base/text.h"
#include "engine/internal.h"

bool wr_model_is_ready(const wr_model *m)
{
    return atomic_load_explicit(&((wr_model *)(uintptr_t)m)->state,
                                memory_order_acquire) == WR_READY;
}

static bool may_be_tried_again(weir_status st)
{
    return st == WEIR_ERR_TIMEOUT || st == WEIR_ERR_NOMEM;
}

/* Load, and tell those that wait. This thread has set WR_LOADING. */
static weir_status load_for_all(wr_model *m, weir_deadline deadline, weir_error *err)
{
    weir_error why = {.text = ""};
    weir_status st = wr_model_load_now(m, deadline, &why);
    int state = st == WEIR_OK            ? WR_READY
                : may_be_tried_again(st) ? WR_DORMANT
                                         : WR_FAILED;
    wr_lock(&m->lock);
    m->failed = st;
    m->why = why;
    atomic_store_explicit(&m->state, state, memory_order_release);
    wr_cond_broadcast(&m->loaded);
    wr_unlock(&m->lock);
    return st == WEIR_OK ? st : weir_fail(err, st, "%s", why.text);
}

/* Under the model's lock: until nobody loads it, or the deadline. */
static weir_status await_load(wr_model *m, weir_deadline deadline, weir_error *err)
{
    while (atomic_load(&m->state) == WR_LOADING) {
        if (weir_now_ns() >= deadline)
            return weir_fail(
                err, WEIR_ERR_TIMEOUT,
                "model '%.*s': the deadline passed while another call loads it",
                WR_NAME(m->name));
        (void)wr_cond_wait(&m->loaded, &m->lock, deadline);
    }
    return WEIR_OK;
}

/* Under the model's lock: another thread's load may want the place that this one holds. */
static weir_status refuse_load(wr_model *m, weir_error *err)
{
    if (atomic_load(&m->state) != WR_LOADING)
        return WEIR_OK;
    return weir_fail(
        err, WEIR_ERR_BUSY,
        "model '%.*s': another call loads it at this moment, and a run that is "
        "under way can't wait for that; try again",
        WR_NAME(m->name));
}

static weir_status ensure(wr_model *m, bool inside, weir_deadline deadline,
                          weir_error *err)
{
    bool mine = false;
    if (wr_model_is_ready(m))
        return WEIR_OK;
    wr_lock(&m->lock);
    weir_status st = inside ? refuse_load(m, err) : await_load(m, deadline, err);
    if (st == WEIR_OK && atomic_load(&m->state) == WR_FAILED) {
        st = weir_fail(err, m->failed, "%s", m->why.text);
    } else if (st == WEIR_OK && atomic_load(&m->state) == WR_DORMANT) {
        mine = true;
        m->inside = inside;
        atomic_store(&m->state, WR_LOADING);
    }
    wr_unlock(&m->lock);
    return mine ? load_for_all(m, deadline, err) : st;
}

weir_status wr_model_ensure(wr_model *m, weir_deadline deadline, weir_error *err)
{
    return ensure(m, false, deadline, err);
}

weir_status wr_model_ensure_inside(wr_model *m, weir_deadline deadline, weir_error *err)
{
    return ensure(m, true, deadline, err);
}

weir_status wr_model_failure(wr_model *m, weir_error *err)
{
    weir_status st = WEIR_OK;
    wr_lock(&m->lock);
    if (atomic_load(&m->state) == WR_FAILED)
        st = weir_fail(err, m->failed, "%s", m->why.text);
    wr_unlock(&m->lock);
    return st;
}
