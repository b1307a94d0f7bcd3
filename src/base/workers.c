/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of work and the threads that carry it out. */
#include "base/workers.h"

void wr_workers_init(wr_workers *w, const char *name, int most, wr_level level)
{
    *w =
        (wr_workers){.name = name, .most = most < WR_WORKERS_MAX ? most : WR_WORKERS_MAX};
    wr_mutex_init(&w->lock, level);
    wr_cond_init(&w->work);
}

void wr_workers_fini(wr_workers *w)
{
    if (w->name == NULL)
        return;
    wr_lock(&w->lock);
    w->stop = true;
    wr_cond_broadcast(&w->work);
    wr_unlock(&w->lock);
    for (int i = 0; i < w->n_threads; i++)
        pthread_join(w->thread[i], NULL);
    wr_cond_fini(&w->work);
    wr_mutex_fini(&w->lock);
    *w = (wr_workers){0};
}

/* The next piece, or NULL when it is time to end. */
static wr_work *next_work(wr_workers *w)
{
    wr_lock(&w->lock);
    w->n_idle++;
    while (w->first == NULL && !w->stop)
        (void)wr_cond_wait(&w->work, &w->lock, WEIR_NEVER);
    w->n_idle--;
    wr_work *work = w->first;
    if (work != NULL) {
        w->n_queued--;
        w->first = work->next;
        if (w->first == NULL)
            w->last = NULL;
    }
    wr_unlock(&w->lock);
    return work;
}

static void *loop(void *arg)
{
    for (wr_work *work; (work = next_work(arg)) != NULL;)
        work->run(work);
    return NULL;
}

weir_status wr_workers_begin(wr_workers *w, wr_work *work, weir_error *err)
{
    weir_status st = WEIR_OK;
    wr_lock(&w->lock);
    if (w->n_idle <= w->n_queued && w->n_threads < w->most) {
        st = wr_thread_start(&w->thread[w->n_threads], w->name, loop, w, err);
        if (st == WEIR_OK)
            w->n_threads++;
        else if (w->n_threads > 0)
            st = WEIR_OK; /* the ones there are will come to it */
    }
    if (st == WEIR_OK) {
        work->next = NULL;
        if (w->last == NULL)
            w->first = work;
        else
            w->last->next = work;
        w->last = work;
        w->n_queued++;
        wr_cond_signal(&w->work);
    }
    wr_unlock(&w->lock);
    return st;
}
