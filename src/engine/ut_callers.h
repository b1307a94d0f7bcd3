/* SPDX-License-Identifier: BSD-3-Clause */
/* What the engine's tests of many threads share: callers on threads of their own, and runs that are held
 * with the mock's gate, so that what is queued is known and nothing sleeps. */
#ifndef WR_ENGINE_UT_CALLERS_H
#define WR_ENGINE_UT_CALLERS_H

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/internal.h"
#include "engine/testing.h"

#define WIDE4 "in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]"
enum { WIDTH = 4, ROWS_MAX = 8, CALLERS = 8 };

static int tell[2], gate[2]; /* pipes: a run began; let one go on */

/* A thread that makes one blocking call. */
typedef struct caller {
    pthread_t thread;
    wr_engine *engine;
    one o;
    float x[ROWS_MAX * WIDTH], y[ROWS_MAX * WIDTH];
    int rows;
} caller;

static inline void *call(void *arg)
{
    caller *c = arg;
    (void)wr_engine_run(c->engine, &c->o.job);
    return NULL;
}

static inline void caller_init(caller *c, wr_engine *e, wr_model *m, int rows, int width)
{
    memset(c, 0, sizeof *c);
    c->engine = e;
    c->rows = rows;
    for (int i = 0; i < rows * width; i++)
        c->x[i] = (float)(rows * 1000 + i);
    one_init(&c->o, m, floats(c->x, rows, width), floats(c->y, rows, width));
}

static inline void caller_go(caller *c)
{
    assert_int_equal(pthread_create(&c->thread, NULL, call, c), 0);
}

static inline void caller_end(caller *c)
{
    assert_int_equal(pthread_join(c->thread, NULL), 0);
}

static inline void expect_doubled(const caller *c)
{
    if (c->o.job.status != WEIR_OK)
        fail_msg("%s", c->o.job.error.text);
    for (int i = 0; i < c->rows * WIDTH; i++)
        assert_true(c->y[i] == 2.0f * c->x[i]);
}

/* ---- gates ------------------------------------------------------------------------------------------- */

static inline const char *gated(const char *more)
{
    static char text[300];
    snprintf(text, sizeof text, "mock; tell_fd=%d; gate_fd=%d; scale=2; %s", tell[1],
             gate[0], more[0] != '\0' ? more : "in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]");
    return text;
}

static inline void await_run(void)
{
    char c;
    assert_int_equal(read(tell[0], &c, 1), 1);
}

static inline void open_gate(int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(write(gate[1], "g", 1), 1);
}

static inline void drain_tells(int n)
{
    for (int i = 0; i < n; i++)
        await_run();
}

/* Until so many jobs are queued; fails after a minute. */
static inline void await_queued(const wr_model *m, unsigned n)
{
    int64_t end = weir_now_ns() + INT64_C(60000000000);
    while (atomic_load(&m->queue->word) >> 32 != n) {
        assert_true(weir_now_ns() < end);
        sched_yield();
    }
}

/* Hold the only place with one call, queue the others one after another. */
static inline void hold_and_queue(caller *first, caller *rest, int n)
{
    caller_go(first);
    await_run();
    for (int i = 0; i < n; i++) {
        caller_go(&rest[i]);
        await_queued(first->o.job.model, (unsigned)i + 1);
    }
}

static inline bool open_pipes(void)
{
    return pipe(tell) == 0 && pipe(gate) == 0 && setenv("WEIR_MOCK_GATES", "1", 1) == 0;
}

#endif
