/* SPDX-License-Identifier: BSD-3-Clause */
/* The queue of a device: places, first come first served, gathering, hand-over, deadlines.
 *
 * `word` holds the free places (low half) and the number of queued jobs (high half) in one atomic
 * number. Whoever finds free places and nobody queued takes them with one compare-and-swap. While
 * somebody is queued nobody else takes a place but dispatch(), under the lock, so the free places it
 * sees can only grow. Whoever gives places back and sees somebody queued calls dispatch(). */
#include <stdio.h>

#include "base/alloc.h"
#include "base/text.h"
#include "engine/internal.h"

enum { QUEUED = 1, LEADER, FOLLOWER, DONE };
static const uint64_t ONE_QUEUED = UINT64_C(1) << 32;

typedef struct waiter {
    wr_cond wake;
} waiter;

static uint64_t free_places(const wr_queue *q)
{
    return atomic_load(&((wr_queue *)(uintptr_t)q)->word) & UINT32_MAX;
}

/* ---- gathering ----------------------------------------------------------------------------------- */

/* Rows of one run. Submitted jobs (a server's) may fill some blocks: that costs no more for each row, and
 * their answers leave together, so that the server's thread wakes once for all. A blocking caller runs its
 * batch itself, and the others of it wait for the last row: one block is enough there. */
static int64_t gather_limit(const wr_job *job)
{
    enum { BLOCKS = 4 };
    const wr_model *m = job->model;
    bool in_blocks = job->waiter == NULL && m->opt.batch_max == 0 && !m->loose &&
                     m->gather_max > 1 && m->gather_max <= m->info.block_rows;
    return in_blocks ? BLOCKS * m->gather_max : m->gather_max;
}

bool wr_can_gather(const wr_job *job)
{
    const wr_model *m = job->model;
    return m->gather_max > 1 && ((m->independent && m->known_out) || m->loose) &&
           job->rows > 0 && job->rows < gather_limit(job) && !job->uneven;
}

/* Same model and signature: types, and all extents but the first. */
static bool fits_with(const wr_job *a, const wr_job *b)
{
    if (a->model != b->model || !wr_can_gather(b))
        return false;
    for (int i = 0; i < a->n_in; i++) {
        const weir_tensor *s = &a->in[i], *t = &b->in[i];
        if (s->rank != t->rank || s->dtype != t->dtype)
            return false;
        for (int d = 1; d < s->rank; d++) {
            if (s->shape[d] != t->shape[d])
                return false;
        }
    }
    return true;
}

/* Has a job that is to wait for others waited enough? */
static bool is_ripe(const wr_job *job, int64_t now)
{
    const wr_model *m = job->model;
    if (m->batch_min <= 1 || m->batch_wait_ns == 0 || !wr_can_gather(job) ||
        now - job->queued_ns >= m->batch_wait_ns)
        return true;
    int64_t rows = 0;
    for (const wr_job *j = job; j != NULL && rows < m->batch_min; j = j->next) {
        if (j == job || fits_with(job, j))
            rows += j->rows;
    }
    return rows >= m->batch_min;
}

static int64_t ripe_at(const wr_job *job, int64_t now)
{
    return is_ripe(job, now) ? WEIR_NEVER : job->queued_ns + job->model->batch_wait_ns;
}

/* ---- the list, under the lock ---------------------------------------------------------------------- */

/* Take out the job behind `before` (NULL: the first). */
static wr_job *unlink_after(wr_queue *q, wr_job *before)
{
    wr_job **at = before == NULL ? &q->head : &before->next;
    wr_job *job = *at;
    *at = job->next;
    if (q->tail == job)
        q->tail = before;
    job->next = NULL;
    return job;
}

static void push(wr_queue *q, wr_job *job)
{
    job->state = QUEUED;
    job->next = NULL;
    job->followers = NULL;
    if (q->tail == NULL)
        q->head = job;
    else
        q->tail->next = job;
    q->tail = job;
    atomic_fetch_add(&q->word, ONE_QUEUED);
}

/* Take a job out that has not been given a place. */
static void drop(wr_queue *q, wr_job *job)
{
    wr_job *before = NULL;
    for (wr_job *j = q->head; j != job; j = j->next)
        before = j;
    unlink_after(q, before);
    atomic_fetch_sub(&q->word, ONE_QUEUED);
    q->n_submitted -= job->waiter == NULL;
}

/* Rows that one batch may take of what is waiting: a fair share for each place, since a core that
 * idles costs more than a smaller batch. */
static int64_t share(const wr_queue *q, const wr_job *leader)
{
    int64_t rows = leader->rows, most = gather_limit(leader);
    for (const wr_job *j = q->head; j != NULL && rows < most * q->places; j = j->next) {
        if (fits_with(leader, j))
            rows += j->rows;
    }
    rows = (rows + q->places - 1) / q->places;
    return rows < most ? rows : most;
}

/* Take followers out of the queue, oldest first, up to the limit. Only to reach batch_min may the last
 * one exceed it. */
static void gather(wr_queue *q, wr_job *leader)
{
    if (!wr_can_gather(leader))
        return;
    int64_t least = leader->model->batch_min, most = share(q, leader);
    int64_t rows = leader->rows;
    most = most > least ? most : least;
    wr_job **last = &leader->followers, *before = NULL;
    for (wr_job *j = q->head; j != NULL && rows < most;) {
        if ((j->rows > most - rows && rows >= least) || !fits_with(leader, j)) {
            before = j;
            j = j->next;
            continue;
        }
        wr_job *next = j->next;
        unlink_after(q, before);
        atomic_fetch_sub(&q->word, ONE_QUEUED);
        rows += j->rows;
        j->state = FOLLOWER;
        q->n_submitted -= j->waiter == NULL;
        *last = j;
        last = &j->next;
        j = next;
    }
}

static void grant(wr_queue *q, wr_job *job)
{
    job->state = LEADER;
    if (job->waiter != NULL) {
        wr_cond_signal(&((waiter *)job->waiter)->wake);
        return;
    }
    if (q->ready_tail == NULL)
        q->ready = job;
    else
        q->ready_tail->next = job;
    q->ready_tail = job;
    wr_cond_signal(&q->work);
}

/* Give free places to those that wait, oldest first. A job that waits for its batch to fill is
 * passed over; one that needs more places than are free is not, else it might wait for ever. */
static void dispatch(wr_queue *q)
{
    int64_t now = weir_now_ns();
    wr_job *before = NULL;
    for (wr_job *job = q->head; job != NULL && !q->stopping;) {
        if (!is_ripe(job, now)) {
            before = job;
            job = job->next;
            continue;
        }
        uint64_t need = (uint64_t)job->model->need;
        if (free_places(q) < need)
            return;
        unlink_after(q, before);
        atomic_fetch_sub(&q->word, ONE_QUEUED + need);
        gather(q, job);
        grant(q, job);
        before = NULL; /* gathering may have taken anything out: begin anew */
        job = q->head;
    }
}

/* ---- places ------------------------------------------------------------------------------------------ */

bool wr_queue_try(wr_queue *q, int need)
{
    uint64_t w = atomic_load_explicit(&q->word, memory_order_relaxed);
    while (w >> 32 == 0 && w >= (uint64_t)need) {
        if (atomic_compare_exchange_weak(&q->word, &w, w - (uint64_t)need))
            return true;
    }
    return false;
}

/* Places were given back and somebody waits. The first in the queue is only woken, and the places stay
 * free until it comes: should a caller of the same model come sooner (most often the one that gave the
 * places back), it takes the place and runs the first one's job with its own, and no core idles while
 * a thread wakes up. */
static void offer(wr_queue *q)
{
    wr_job *first = q->head;
    if (first == NULL || first->waiter == NULL || q->stopping ||
        !is_ripe(first, weir_now_ns()))
        dispatch(q);
    else
        wr_cond_signal(&((waiter *)first->waiter)->wake);
}

/* May a caller that has just come take the free places, and the first job of the queue along? Then
 * nobody is overtaken. Jobs that can't be gathered run one after the other, the first one first. Under
 * the lock. */
static bool joins_first(wr_queue *q, wr_job *job)
{
    wr_job *first = q->head;
    if (first == NULL || q->stopping || first->model != job->model ||
        free_places(q) < (uint64_t)job->model->need || !is_ripe(first, weir_now_ns()))
        return false;
    bool together = wr_can_gather(job) && fits_with(job, first) &&
                    job->rows + first->rows <= job->model->gather_max;
    if (!together && first->waiter == NULL)
        return false;
    atomic_fetch_sub(&q->word, (uint64_t)job->model->need);
    job->state = LEADER;
    job->next = job->followers = NULL;
    if (together) {
        gather(q, job);
        return true;
    }
    job->followers = unlink_after(q, NULL);
    atomic_fetch_sub(&q->word, ONE_QUEUED);
    first->state = FOLLOWER;
    job->apart = true;
    return true;
}

void wr_queue_release(wr_queue *q, int need)
{
    uint64_t old = atomic_fetch_add(&q->word, (uint64_t)need);
    if (old >> 32 == 0)
        return;
    wr_lock(&q->lock);
    if (q->stopping)
        wr_cond_signal(&q->quiet);
    offer(q);
    wr_unlock(&q->lock);
}

weir_status wr_job_timed_out(wr_job *job, int64_t now)
{
    return weir_fail(&job->error, WEIR_ERR_TIMEOUT,
                     "model '%.*s': the deadline passed after %.3f ms in the queue",
                     WR_NAME(job->model->name), (double)(now - job->queued_ns) * 1e-6);
}

bool wr_queue_wait(wr_queue *q, wr_job *job)
{
    waiter w;
    wr_cond_init(&w.wake);
    job->waiter = &w;
    job->queued_ns = weir_now_ns();
    weir_status refused = WEIR_OK;

    wr_lock(&q->lock);
    if (!joins_first(q, job)) {
        push(q, job);
        dispatch(q);
    }
    while (job->state == QUEUED && refused == WEIR_OK) {
        int64_t now = weir_now_ns(), until = ripe_at(job, now);
        if (q->stopping) {
            refused = weir_fail(&job->error, WEIR_ERR_CLOSED,
                                "model '%.*s': the engine is closed",
                                WR_NAME(job->model->name));
        } else if (now >= job->deadline) {
            refused = wr_job_timed_out(job, now);
        } else {
            (void)wr_cond_wait(&w.wake, &q->lock,
                               until < job->deadline ? until : job->deadline);
            dispatch(q); /* its batch is ripe, or places were offered */
        }
    }
    if (refused != WEIR_OK) {
        drop(q, job);
        dispatch(q); /* it may have held up others */
        job->state = DONE;
    }
    while (job->state == FOLLOWER)
        (void)wr_cond_wait(&w.wake, &q->lock, WEIR_NEVER);
    bool leads = job->state == LEADER;
    wr_unlock(&q->lock);

    if (refused != WEIR_OK)
        wr_job_refuse(job, refused);
    wr_cond_fini(&w.wake);
    return leads;
}

void wr_queue_finish(wr_queue *q, wr_job *job)
{
    if (job->waiter == NULL) {
        job->done(job);
        return;
    }
    wr_lock(&q->lock);
    job->state = DONE;
    wr_cond_signal(&((waiter *)job->waiter)->wake);
    wr_unlock(&q->lock);
}

/* ---- the keeper: deadlines of submitted jobs and of runs that can be stopped -------------------------- */

static void interrupt_late_runs(wr_queue *q, int64_t now, int64_t *next)
{
    for (wr_context *x = q->watched; x != NULL; x = x->next_watched) {
        if (x->was_interrupted)
            continue;
        if (x->watch_until > now) {
            *next = x->watch_until < *next ? x->watch_until : *next;
            continue;
        }
        x->was_interrupted = true;
        x->model->ops->interrupt(x->place, true);
    }
}

/* Take submitted jobs out whose time is over; when the next one's is. */
static wr_job *take_expired(wr_queue *q, int64_t now, int64_t *next)
{
    wr_job *expired = NULL;
    for (wr_job *j = q->head, *after; j != NULL; j = after) {
        after = j->next;
        if (j->waiter != NULL)
            continue;
        int64_t ripe = ripe_at(j, now);
        if (now >= j->deadline) {
            drop(q, j);
            j->next = expired;
            expired = j;
            continue;
        }
        *next = j->deadline < *next ? j->deadline : *next;
        *next = ripe < *next ? ripe : *next;
    }
    return expired;
}

static void *keep(void *arg)
{
    wr_queue *q = arg;
    wr_lock(&q->lock);
    while (!q->stopping) {
        int64_t now = weir_now_ns(), next = WEIR_NEVER;
        interrupt_late_runs(q, now, &next);
        wr_job *expired = wr_cold_expired(q, now, &next, take_expired(q, now, &next));
        dispatch(q);
        q->wake_at = next;
        if (expired == NULL) {
            (void)wr_cond_wait(&q->tick, &q->lock, next);
            continue;
        }
        wr_unlock(&q->lock);
        for (wr_job *j = expired; j != NULL; j = expired) {
            expired = j->next;
            wr_job_refuse(j, wr_job_timed_out(j, now));
            j->done(j);
        }
        wr_lock(&q->lock);
    }
    wr_unlock(&q->lock);
    return NULL;
}

weir_status wr_queue_tick_at(wr_queue *q, int64_t when, weir_error *err)
{
    if (when == WEIR_NEVER || q->stopping)
        return WEIR_OK;
    if (!q->has_keeper) {
        weir_status st = wr_thread_start(&q->keeper, "weir-keeper", keep, q, err);
        if (st != WEIR_OK)
            return st;
        q->has_keeper = true;
    } else if (when < q->wake_at) {
        q->wake_at = when;
        wr_cond_signal(&q->tick);
    }
    return WEIR_OK;
}

bool wr_queue_watch(wr_queue *q, wr_context *x, weir_deadline until)
{
    wr_lock(&q->lock);
    x->watch_until = until;
    x->was_interrupted = false;
    bool ok = wr_queue_tick_at(q, until, NULL) == WEIR_OK;
    if (ok) {
        x->next_watched = q->watched;
        q->watched = x;
    }
    wr_unlock(&q->lock);
    return ok;
}

void wr_queue_unwatch(wr_queue *q, wr_context *x)
{
    wr_lock(&q->lock);
    wr_context **at = &q->watched;
    while (*at != x)
        at = &(*at)->next_watched;
    *at = x->next_watched;
    wr_unlock(&q->lock);
    if (x->was_interrupted)
        x->model->ops->interrupt(x->place, false);
}

/* ---- workers: run what was submitted --------------------------------------------------------------------- */

static void *work(void *arg)
{
    wr_queue *q = arg;
    wr_lock(&q->lock);
    for (;;) {
        while (q->ready == NULL && !q->stopping) {
            q->n_idle++;
            (void)wr_cond_wait(&q->work, &q->lock, WEIR_NEVER);
            q->n_idle--;
        }
        wr_job *job = q->ready;
        if (job == NULL)
            break;
        q->ready = job->next;
        if (q->ready == NULL)
            q->ready_tail = NULL;
        q->n_submitted--;
        wr_unlock(&q->lock);
        int need = job->model->need;
        wr_run_batch(job);
        wr_queue_release(q, need);
        for (wr_job *f = job->followers, *next; f != NULL; f = next) {
            next = f->next;
            wr_queue_finish(q, f);
        }
        job->done(job);
        wr_lock(&q->lock);
    }
    wr_unlock(&q->lock);
    return NULL;
}

weir_status wr_queue_submit(wr_queue *q, wr_job *job, weir_error *err)
{
    weir_status st = WEIR_OK;
    job->waiter = NULL;
    job->queued_ns = weir_now_ns();

    wr_lock(&q->lock);
    if (q->stopping) {
        st = weir_fail(err, WEIR_ERR_CLOSED, "model '%.*s': the engine is closed",
                       WR_NAME(job->model->name));
        goto out;
    }
    if (q->n_workers < q->places && q->n_idle <= q->n_submitted) {
        char name[16];
        snprintf(name, sizeof name, "weir-worker-%d", q->n_workers % 100);
        st = wr_thread_start(&q->worker[q->n_workers], name, work, q, err);
        q->n_workers += st == WEIR_OK;
        if (q->n_workers > 0)
            st = WEIR_OK; /* fewer workers will do */
    }
    if (st == WEIR_OK)
        st = wr_queue_tick_at(q, job->deadline, err);
    if (st != WEIR_OK)
        goto out;
    q->n_submitted++;
    push(q, job);
    dispatch(q);
    if (job->state == QUEUED)
        (void)wr_queue_tick_at(q, ripe_at(job, job->queued_ns), NULL);

out:
    wr_unlock(&q->lock);
    return st;
}

/* ---- life --------------------------------------------------------------------------------------------------- */

wr_queue *wr_queue_new(weir_device device, int places)
{
    wr_queue *q = wr_calloc(1, sizeof *q);
    pthread_t *worker = wr_calloc((size_t)places, sizeof *worker);
    pthread_t *loader = wr_calloc((size_t)places, sizeof *loader);
    if (q == NULL || worker == NULL || loader == NULL) {
        wr_free(q);
        wr_free(worker);
        wr_free(loader);
        return NULL;
    }
    wr_ref_init(&q->refs);
    q->device = device;
    q->places = places;
    q->worker = worker;
    q->loader = loader;
    q->wake_at = WEIR_NEVER;
    atomic_init(&q->word, (uint64_t)places);
    wr_mutex_init(&q->lock, WR_LEVEL_ENGINE);
    wr_cond_init(&q->work);
    wr_cond_init(&q->load);
    wr_cond_init(&q->tick);
    wr_cond_init(&q->quiet);
    return q;
}

void wr_queue_stop(wr_queue *q)
{
    wr_lock(&q->lock);
    q->stopping = true;
    atomic_fetch_add(&q->word,
                     ONE_QUEUED); /* everybody takes the slow way from here on */
    wr_job *refused = wr_cold_all(q, NULL);
    for (wr_job *j = q->head, *after; j != NULL; j = after) {
        after = j->next;
        if (j->waiter != NULL) {
            wr_cond_signal(&((waiter *)j->waiter)->wake);
            continue;
        }
        drop(q, j);
        j->next = refused;
        refused = j;
    }
    while (free_places(q) < (uint64_t)q->places)
        (void)wr_cond_wait(&q->quiet, &q->lock, WEIR_NEVER);
    wr_cond_broadcast(&q->work);
    wr_cond_broadcast(&q->load);
    wr_cond_signal(&q->tick);
    wr_unlock(&q->lock);

    for (wr_job *j = refused; j != NULL; j = refused) {
        refused = j->next;
        wr_job_refuse(j,
                      weir_fail(&j->error, WEIR_ERR_CLOSED,
                                "model '%.*s': the engine was closed before this began",
                                WR_NAME(j->model->name)));
        j->done(j);
    }
    wr_cold_join(q);
    for (int i = 0; i < q->n_workers; i++)
        pthread_join(q->worker[i], NULL);
    if (q->has_keeper)
        pthread_join(q->keeper, NULL);
}

void wr_queue_unref(wr_queue *q)
{
    if (q == NULL || !wr_ref_down(&q->refs))
        return;
    wr_cond_fini(&q->quiet);
    wr_cond_fini(&q->tick);
    wr_cond_fini(&q->load);
    wr_cond_fini(&q->work);
    wr_mutex_fini(&q->lock);
    wr_free(q->loader);
    wr_free(q->worker);
    wr_free(q);
}
