/* SPDX-License-Identifier: BSD-3-Clause */
/* Submitted jobs whose models are not loaded yet. They wait in a list of their own, so that they hold
 * up nobody in the queue; loaders load their models, each once, without a place: warm-up runs take
 * theirs like any job. The queue's keeper ends jobs whose time is over. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/text.h"
#include "engine/internal.h"

/* ---- lists, under the lock ------------------------------------------------------------------------ */

static void append(wr_queue *q, wr_job *job)
{
    job->next = NULL;
    if (q->cold_tail == NULL)
        q->cold = job;
    else
        q->cold_tail->next = job;
    q->cold_tail = job;
}

/* Take out those of a model, oldest first; NULL: all. */
static wr_job *take_of(wr_queue *q, const wr_model *m)
{
    wr_job *taken = NULL, **last = &taken, *kept = q->cold;
    q->cold = q->cold_tail = NULL;
    for (wr_job *j = kept, *after; j != NULL; j = after) {
        after = j->next;
        if (m != NULL && j->model != m) {
            append(q, j);
            continue;
        }
        j->next = NULL;
        *last = j;
        last = &j->next;
    }
    return taken;
}

wr_job *wr_cold_all(wr_queue *q, wr_job *rest)
{
    for (wr_job *j = take_of(q, NULL), *after; j != NULL; j = after) {
        after = j->next;
        j->next = rest;
        rest = j;
    }
    return rest;
}

wr_job *wr_cold_expired(wr_queue *q, int64_t now, int64_t *next, wr_job *expired)
{
    wr_job *all = q->cold;
    q->cold = q->cold_tail = NULL;
    for (wr_job *j = all, *after; j != NULL; j = after) {
        after = j->next;
        if (now < j->deadline) {
            append(q, j);
            *next = j->deadline < *next ? j->deadline : *next;
            continue;
        }
        j->next = expired;
        expired = j;
    }
    return expired;
}

static void want(wr_queue *q, wr_model *m)
{
    if (m->is_wanted)
        return;
    m->is_wanted = true;
    m->next_wanted = NULL;
    wr_model_ref(m);
    if (q->wanted_tail == NULL)
        q->wanted = m;
    else
        q->wanted_tail->next_wanted = m;
    q->wanted_tail = m;
    q->n_wanted++;
}

static wr_model *take_wanted(wr_queue *q)
{
    wr_model *m = q->wanted;
    q->wanted = m->next_wanted;
    if (q->wanted == NULL)
        q->wanted_tail = NULL;
    q->n_wanted--;
    return m;
}

/* ---- loaders ------------------------------------------------------------------------------------------- */

static void *load_wanted(void *arg)
{
    wr_queue *q = arg;
    wr_lock(&q->lock);
    for (;;) {
        while (q->wanted == NULL && !q->stopping) {
            q->n_idle_loaders++;
            (void)wr_cond_wait(&q->load, &q->lock, WEIR_NEVER);
            q->n_idle_loaders--;
        }
        if (q->stopping)
            break;
        wr_model *m = take_wanted(q);
        wr_unlock(&q->lock);
        weir_error why = {.text = ""};
        weir_status st = wr_model_ensure(m, WEIR_NEVER, &why);
        wr_lock(&q->lock);
        m->is_wanted = false;
        wr_job *jobs = take_of(q, m);
        wr_unlock(&q->lock);
        for (wr_job *j = jobs, *after; j != NULL; j = after) {
            after =
                j->next; /* j is its owner's again, or in the queue, once it is resumed */
            wr_engine_resume(j, st, &why);
        }
        wr_model_unref(m);
        wr_lock(&q->lock);
    }
    wr_unlock(&q->lock);
    return NULL;
}

/* One loader more, unless one is idle for each model that waits or there are as many as places. */
static weir_status need_loader(wr_queue *q, weir_error *err)
{
    char name[16];
    if (q->n_loaders == q->places || q->n_idle_loaders > q->n_wanted)
        return WEIR_OK;
    snprintf(name, sizeof name, "weir-loader-%d", q->n_loaders % 100);
    weir_status st = wr_thread_start(&q->loader[q->n_loaders], name, load_wanted, q, err);
    q->n_loaders += st == WEIR_OK;
    return q->n_loaders > 0 ? WEIR_OK : st; /* fewer loaders will do */
}

weir_status wr_cold_submit(wr_queue *q, wr_job *job, weir_error *err)
{
    weir_status st = WEIR_OK;
    job->waiter = NULL;
    job->queued_ns = weir_now_ns();
    wr_lock(&q->lock);
    if (q->stopping)
        st = weir_fail(err, WEIR_ERR_CLOSED, "model '%.*s': the engine is closed",
                       WR_NAME(job->model->name));
    if (st == WEIR_OK && !job->model->is_wanted)
        st = need_loader(q, err);
    if (st == WEIR_OK)
        st = wr_queue_tick_at(q, job->deadline, err);
    if (st == WEIR_OK) {
        append(q, job);
        want(q, job->model);
        wr_cond_signal(&q->load);
    }
    wr_unlock(&q->lock);
    return st;
}

void wr_cold_join(wr_queue *q)
{
    for (int i = 0; i < q->n_loaders; i++)
        pthread_join(q->loader[i], NULL);
    while (q->wanted != NULL)
        wr_model_unref(take_wanted(q));
}
