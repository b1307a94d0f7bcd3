/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue of calls and the threads that carry them out. */
#include "client/transport/helpers.h"

void wr_helpers_init(wr_helpers *h, wr_helped handle, void *context, int n_most)
{
    *h = (wr_helpers){.handle = handle, .context = context, .n_most = n_most};
    wr_mutex_init(&h->lock, WR_LEVEL_CLIENT);
    wr_cond_init(&h->work);
}

void wr_helpers_fini(wr_helpers *h)
{
    if (h->handle == NULL)
        return;
    wr_lock(&h->lock);
    h->stop = true;
    wr_cond_broadcast(&h->work);
    wr_unlock(&h->lock);
    for (int i = 0; i < h->n_threads; i++)
        pthread_join(h->thread[i], NULL);
    wr_cond_fini(&h->work);
    wr_mutex_fini(&h->lock);
    *h = (wr_helpers){0};
}

/* The next call, or NULL when it is time to end. */
static wr_call *next_call(wr_helpers *h)
{
    wr_lock(&h->lock);
    h->n_idle++;
    while (h->first == NULL && !h->stop)
        wr_cond_wait(&h->work, &h->lock, WEIR_NEVER);
    h->n_idle--;
    wr_call *call = h->first;
    if (call != NULL) {
        h->first = call->next;
        if (h->first == NULL)
            h->last = NULL;
    }
    wr_unlock(&h->lock);
    return call;
}

static void *helper(void *arg)
{
    wr_helpers *h = arg;
    for (wr_call *call; (call = next_call(h)) != NULL;) {
        weir_error err = {0};
        weir_status st = h->handle(h->context, &call->req, &call->rep, &err);
        call->done(call, st, &err);
    }
    return NULL;
}

weir_status wr_helpers_begin(wr_helpers *h, wr_call *call, weir_error *err)
{
    weir_status st = WEIR_OK;
    wr_lock(&h->lock);
    if (h->n_idle == 0 && h->n_threads < h->n_most) {
        st = wr_thread_start(&h->thread[h->n_threads], "weir-helper", helper, h, err);
        if (st == WEIR_OK)
            h->n_threads++;
        else if (h->n_threads > 0)
            st = WEIR_OK; /* the ones there are will come to it */
    }
    if (st == WEIR_OK) {
        call->next = NULL;
        if (h->last == NULL)
            h->first = call;
        else
            h->last->next = call;
        h->last = call;
        wr_cond_signal(&h->work);
    }
    wr_unlock(&h->lock);
    return st;
}
