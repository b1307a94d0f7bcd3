/* SPDX-License-Identifier: BSD-3-Clause */
/* Locks, conditions, threads and the affinity mask over POSIX threads. */
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#ifndef NDEBUG
/* Locks this thread holds, by level: the only thread-local of Weir, and only with assertions. */
static _Thread_local unsigned held_levels;

static void note_lock(const wr_mutex *m)
{
    assert((held_levels >> m->level) == 0 && "locks are taken in rising level");
    held_levels |= 1u << m->level;
}

static void note_unlock(const wr_mutex *m)
{
    held_levels &= ~(1u << m->level);
}
#else
static void note_lock(const wr_mutex *m)
{
    (void)m;
}

static void note_unlock(const wr_mutex *m)
{
    (void)m;
}
#endif

void wr_mutex_init(wr_mutex *m, wr_level level)
{
    pthread_mutex_init(&m->m, NULL);
    m->level = level;
}

void wr_mutex_fini(wr_mutex *m)
{
    pthread_mutex_destroy(&m->m);
}

void wr_lock(wr_mutex *m)
{
    note_lock(m);
    pthread_mutex_lock(&m->m);
}

void wr_unlock(wr_mutex *m)
{
    note_unlock(m); /* first: who waits for the lock may free it once it has it */
    pthread_mutex_unlock(&m->m);
}

void wr_cond_init(wr_cond *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->c, &attr);
    pthread_condattr_destroy(&attr);
}

void wr_cond_fini(wr_cond *c)
{
    pthread_cond_destroy(&c->c);
}

void wr_cond_signal(wr_cond *c)
{
    pthread_cond_signal(&c->c);
}

void wr_cond_broadcast(wr_cond *c)
{
    pthread_cond_broadcast(&c->c);
}

bool wr_cond_wait(wr_cond *c, wr_mutex *m, weir_deadline until)
{
    if (until == WEIR_NEVER)
        return pthread_cond_wait(&c->c, &m->m) == 0;
    if (until < 0)
        until = 0;
    struct timespec t = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    return pthread_cond_timedwait(&c->c, &m->m, &t) != ETIMEDOUT;
}

weir_status wr_thread_start(pthread_t *out, const char *name, void *(*run)(void *),
                            void *arg, weir_error *err)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(out, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return weir_fail(err, WEIR_ERR_NOMEM,
                         "thread '%s' could not be started (errno %d)", name, rc);
    pthread_setname_np(*out, name);
    return WEIR_OK;
}

int wr_affinity_cores(void)
{
    /* The kernel may know more cores than a cpu_set_t holds: grow until it fits. */
    for (int n = 1024; n <= 1 << 20; n *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)n);
        if (set == NULL)
            return 1;
        size_t bytes = CPU_ALLOC_SIZE((size_t)n);
        int rc = sched_getaffinity(0, bytes, set);
        int cores = rc == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (cores > 0)
            return cores;
        if (rc != 0 && errno != EINVAL)
            return 1;
    }
    return 1;
}
