/* SPDX-License-Identifier: BSD-3-Clause */
/* Locks that know their level, conditions on the monotonic clock, threads, the affinity mask.
 *
 * Lock order: a thread takes locks in rising level only. The list is in docs/architecture.md; an
 * assertion holds every thread to it in builds with assertions. */
#ifndef WR_BASE_THREAD_H
#define WR_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "weir/status.h"

typedef enum wr_level {
    WR_LEVEL_CLIENT = 1, /* a client's request queue */
    WR_LEVEL_STORES,     /* the table of embedded stores of the process */
    WR_LEVEL_LOADER,     /* the table of loaded backends */
    WR_LEVEL_KEYSPACE,   /* one keyspace */
    WR_LEVEL_ENGINE,     /* one device's queue */
    WR_LEVEL_MODEL,      /* one model's account and scratch */
    WR_LEVEL_REQUEST,    /* completion of requests */
    WR_LEVEL_POOL,       /* the buffers' kept pages */
    WR_LEVEL_LEAF        /* takes no other lock */
} wr_level;

typedef struct wr_mutex {
    pthread_mutex_t m;
    wr_level level;
} wr_mutex;

typedef struct wr_cond {
    pthread_cond_t c;
} wr_cond;

void wr_mutex_init(wr_mutex *m, wr_level level);
void wr_mutex_fini(wr_mutex *m);
void wr_lock(wr_mutex *m);
void wr_unlock(wr_mutex *m);

void wr_cond_init(wr_cond *c);
void wr_cond_fini(wr_cond *c);
void wr_cond_signal(wr_cond *c);
void wr_cond_broadcast(wr_cond *c);

/* Wait with `m` locked. False when the deadline passed first; spurious wake-ups return true. */
bool wr_cond_wait(wr_cond *c, wr_mutex *m, weir_deadline until);

/* Start a joinable thread with signals blocked; its name shows in top and gdb (15 bytes). */
weir_status wr_thread_start(pthread_t *out, const char *name, void *(*run)(void *),
                            void *arg, weir_error *err);

/* Cores that this thread may run on, as MPI or the workload manager bound it. At least 1. */
int wr_affinity_cores(void);

#endif
