/* SPDX-License-Identifier: BSD-3-Clause */
/* Many threads and models that are not loaded yet: one load for all, deadlines, submitted jobs, closing;
 * runs at once beside others. Loads are held with the mock's gate in their first run. */
#include "engine/testing.h"

#include <poll.h>
#include <unistd.h>

#include "engine/internal.h"

#define IO "in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]"
enum { WAITERS = 6 };

static int tell[2], gate[2];

/* Its only warm-up run tells and waits for the gate, as all its runs do. */
static wr_model *gated(wr_engine *e)
{
    char text[200];
    wr_model *m = NULL;
    weir_model_options o = {.rows_dependent = true};
    snprintf(text, sizeof text, "mock; tell_fd=%d; gate_fd=%d; " IO, tell[1], gate[0]);
    weir_buffer *b = bytes_of(text, strlen(text));
    expect_ok(wr_model_declare(&m, e, WEIR_STR("gated"), b, false, &o, &err));
    weir_buffer_unref(b);
    return m;
}

static wr_model *declared(wr_engine *e, const char *text)
{
    wr_model *m = NULL;
    weir_buffer *b = bytes_of(text, strlen(text));
    expect_ok(wr_model_declare(&m, e, WEIR_STR("m"), b, false, NULL, &err));
    weir_buffer_unref(b);
    return m;
}

static void await_run(void)
{
    char c;
    assert_int_equal(read(tell[0], &c, 1), 1);
}

static void open_gate(int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(write(gate[1], "g", 1), 1);
}

/* What is left in a pipe. */
static void drain(int fd)
{
    char c;
    for (struct pollfd p = {.fd = fd, .events = POLLIN}; poll(&p, 1, 0) == 1;)
        assert_int_equal(read(fd, &c, 1), 1);
}

/* ---- a job that somebody else ends ------------------------------------------------------------------ */

typedef struct submitted {
    one o;
    float x[4], y[4];
    wr_mutex lock;
    wr_cond ended;
    int n_done; /* lock */
} submitted;

static void note_done(wr_job *job)
{
    submitted *s = job->context;
    wr_lock(&s->lock);
    s->n_done++;
    wr_cond_signal(&s->ended);
    wr_unlock(&s->lock);
}

static void submitted_init(submitted *s, wr_model *m)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < 4; i++)
        s->x[i] = (float)i + 1;
    one_init(&s->o, m, floats(s->x, 1, 4), floats(s->y, 1, 4));
    s->o.job.done = note_done;
    s->o.job.context = s;
    wr_mutex_init(&s->lock, WR_LEVEL_LEAF);
    wr_cond_init(&s->ended);
}

static weir_status await_end(submitted *s)
{
    wr_lock(&s->lock);
    while (s->n_done == 0)
        assert_true(wr_cond_wait(&s->ended, &s->lock, weir_deadline_in_ms(60000)));
    assert_int_equal(s->n_done, 1);
    wr_unlock(&s->lock);
    wr_cond_fini(&s->ended);
    wr_mutex_fini(&s->lock);
    return s->o.job.status;
}

static weir_status outcome(submitted *s)
{
    weir_status st = await_end(s);
    err = s->o.job.error;
    return st;
}

/* ---- ensure ------------------------------------------------------------------------------------------- */

typedef struct waiter {
    pthread_t thread;
    wr_model *m;
    weir_deadline deadline;
    weir_status st;
    weir_error why;
} waiter;

static void *ensure(void *arg)
{
    waiter *w = arg;
    w->st = wr_model_ensure(w->m, w->deadline, &w->why);
    return NULL;
}

static void waiter_go(waiter *w, wr_model *m, weir_deadline deadline)
{
    *w = (waiter){.m = m, .deadline = deadline};
    assert_int_equal(pthread_create(&w->thread, NULL, ensure, w), 0);
}

static weir_status waiter_end(waiter *w)
{
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    err = w->why;
    return w->st;
}

static void test_one_caller_loads_and_the_others_wait(void **state)
{
    (void)state;
    wr_engine *e = engine_with(2);
    wr_model *m = gated(e);
    waiter w[WAITERS], late;
    for (int i = 0; i < WAITERS; i++)
        waiter_go(&w[i], m, WEIR_NEVER);
    await_run();
    waiter_go(&late, m, weir_deadline_in_ms(20));
    expect_fail(waiter_end(&late), WEIR_ERR_TIMEOUT, "while another call loads it");
    assert_false(wr_model_is_ready(m));
    open_gate(1); /* a second load would hang here */
    for (int i = 0; i < WAITERS; i++)
        expect_ok(waiter_end(&w[i]));
    assert_true(wr_model_is_ready(m));
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_all_waiters_hear_of_a_failed_load(void **state)
{
    (void)state;
    wr_engine *e = engine_with(2);
    wr_model *m = declared(e, "mock; fail_on=1; delay_us=20000; " IO);
    waiter w[WAITERS];
    for (int i = 0; i < WAITERS; i++)
        waiter_go(&w[i], m, WEIR_NEVER);
    for (int i = 0; i < WAITERS; i++)
        expect_fail(waiter_end(&w[i]), WEIR_ERR_MODEL, "first run failed");
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_a_waiter_takes_over_from_one_that_was_too_late(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = gated(e);
    waiter first, second;
    waiter_go(&first, m, weir_deadline_in_ms(200));
    await_run();
    waiter_go(&second, m, WEIR_NEVER);
    expect_fail(waiter_end(&first), WEIR_ERR_TIMEOUT, "first run");
    await_run();
    open_gate(1);
    expect_ok(waiter_end(&second));
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_a_run_inside_another_waits_for_nobody(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = gated(e), *cold = declared(e, "mock; scale=1; " IO);
    waiter w;
    float x[4] = {1, 2, 3, 4}, y[4] = {0};
    one outer, inner;
    one_init(&outer, cold, floats(x, 1, 4), floats(y, 1, 4));
    one_init(&inner, m, floats(x, 1, 4), floats(y, 1, 4));
    waiter_go(&w, m, WEIR_NEVER); /* holds the only place while it warms up */
    await_run();
    expect_fail((wr_engine_run_inside(e, &outer.job, &inner.job), err = inner.job.error,
                 inner.job.status),
                WEIR_ERR_BUSY, "another call loads it");
    inner.job.model = cold; /* is loaded, and runs, in the place that the caller has */
    assert_int_equal(wr_engine_run_inside(e, &outer.job, &inner.job), WEIR_OK);
    assert_memory_equal(x, y, sizeof x);
    inner.in = floats(x, 2, 2);
    assert_int_equal(wr_engine_run_inside(e, &outer.job, &inner.job), WEIR_ERR_SHAPE);
    open_gate(1);
    expect_ok(waiter_end(&w));
    wr_model_unref(cold);
    wr_model_unref(m);
    wr_engine_free(e);
}

/* ---- submit ------------------------------------------------------------------------------------------- */

static void test_submit_loads_on_another_thread(void **state)
{
    (void)state;
    wr_engine *e = engine_with(2);
    wr_model *m = gated(e), *quick = load_mock(e, "mock; " IO, NULL);
    submitted s[WAITERS], wrong, late, beside;
    for (int i = 0; i < WAITERS; i++) {
        submitted_init(&s[i], m);
        expect_ok(wr_engine_submit(e, &s[i].o.job, &err)); /* would hang if it loaded */
    }
    submitted_init(&wrong, m);
    wrong.o.in = floats(wrong.x, 2, 2);
    expect_ok(wr_engine_submit(e, &wrong.o.job, &err)); /* nobody knows its inputs yet */
    submitted_init(&late, m);
    late.o.job.deadline = weir_deadline_in_ms(20);
    expect_ok(wr_engine_submit(e, &late.o.job, &err));
    await_run();
    expect_fail(outcome(&late), WEIR_ERR_TIMEOUT, "in the queue");
    submitted_init(&beside, quick); /* a load holds up nobody else */
    expect_ok(wr_engine_submit(e, &beside.o.job, &err));
    expect_ok(outcome(&beside));
    assert_true(wr_engine_try(e, &beside.o.job, INT64_MAX));
    assert_int_equal(beside.o.job.status, WEIR_OK);
    open_gate(1 + WAITERS);
    for (int i = 0; i < WAITERS; i++) {
        expect_ok(outcome(&s[i]));
        assert_memory_equal(s[i].x, s[i].y, sizeof s[i].x);
    }
    expect_fail(outcome(&wrong), WEIR_ERR_SHAPE, "the model wants");
    for (int i = 0; i < WAITERS; i++)
        await_run();
    assert_int_equal(stats_of(m).n_calls, WAITERS + 2);
    assert_int_equal(stats_of(m).n_errors, 2);
    wr_model_unref(quick);
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_a_failed_load_ends_submitted_jobs(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = declared(e, "mock; fail_load; " IO);
    submitted first, second;
    submitted_init(&first, m);
    expect_ok(wr_engine_submit(e, &first.o.job, &err));
    expect_fail(outcome(&first), WEIR_ERR_MODEL, "told to fail when loaded");
    submitted_init(&second, m); /* remembered: told at once */
    expect_fail(wr_engine_submit(e, &second.o.job, &err), WEIR_ERR_MODEL,
                "told to fail when loaded");
    assert_int_equal(second.n_done, 0);
    assert_int_equal(stats_of(m).n_errors, 2);
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_many_models_are_loaded_by_few_threads(void **state)
{
    (void)state;
    enum { MODELS = 12 };
    wr_engine *e = engine_with(3);
    wr_model *m[MODELS];
    submitted s[MODELS][2];
    for (int i = 0; i < MODELS; i++)
        m[i] = declared(e, "mock; scale=1; " IO);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < MODELS; i++) {
            submitted_init(&s[i][k], m[i]);
            expect_ok(wr_engine_submit(e, &s[i][k].o.job, &err));
        }
    }
    for (int i = 0; i < MODELS; i++) {
        expect_ok(outcome(&s[i][0]));
        expect_ok(outcome(&s[i][1]));
        wr_model_unref(m[i]);
    }
    wr_engine_free(e);
}

static void test_closing_ends_jobs_whose_models_are_not_loaded(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = gated(e), *behind = declared(e, "mock; " IO);
    submitted a, b;
    submitted_init(&a, m);
    submitted_init(&b, behind); /* the only loader is busy */
    expect_ok(wr_engine_submit(e, &a.o.job, &err));
    await_run();
    expect_ok(wr_engine_submit(e, &b.o.job, &err));
    open_gate(2);
    wr_engine_free(e);
    weir_status st =
        outcome(&a); /* it may just have run, or its warm-up heard of the end */
    assert_true(st == WEIR_ERR_CLOSED || st == WEIR_OK || st == WEIR_ERR_MODEL);
    st = outcome(&b);
    assert_true(st == WEIR_ERR_CLOSED || st == WEIR_OK || st == WEIR_ERR_MODEL);
    drain(tell[0]);
    drain(gate[0]);
    wr_model_unref(behind);
    wr_model_unref(m);
}

/* ---- at once -------------------------------------------------------------------------------------------- */

static void *run_it(void *arg)
{
    submitted *s = arg;
    (void)wr_engine_run(s->o.job.model->engine, &s->o.job);
    return NULL;
}

static void test_try_takes_no_place_that_is_taken(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = gated(e), *quick = load_mock(e, "mock; " IO, NULL);
    submitted holds, s;
    pthread_t thread;
    open_gate(1);
    expect_ok(wr_model_ensure(m, WEIR_NEVER, &err));
    await_run();
    submitted_init(&holds, m);
    submitted_init(&s, quick);
    assert_int_equal(pthread_create(&thread, NULL, run_it, &holds), 0);
    await_run();
    assert_false(wr_engine_try(e, &s.o.job, INT64_MAX));
    assert_int_equal(stats_of(quick).n_calls, 0);
    expect_ok(wr_engine_submit(e, &s.o.job, &err)); /* as it was: it can be submitted */
    open_gate(1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    expect_ok(outcome(&s));
    assert_true(wr_engine_try(e, &s.o.job, INT64_MAX));
    assert_int_equal(s.o.job.status, WEIR_OK);
    wr_model_unref(quick);
    wr_model_unref(m);
    wr_engine_free(e);
}

typedef struct hammer {
    pthread_t thread;
    wr_engine *engine;
    wr_model *m;
    int n_at_once;
} hammer;

static void *strike(void *arg)
{
    hammer *h = arg;
    for (int i = 0; i < 300; i++) {
        submitted s;
        submitted_init(&s, h->m);
        if (wr_engine_try(h->engine, &s.o.job, 1000000)) {
            h->n_at_once++;
            s.n_done = 1;
        } else if (wr_engine_submit(h->engine, &s.o.job, &s.o.job.error) != WEIR_OK) {
            return NULL;
        }
        if (await_end(&s) != WEIR_OK || memcmp(s.x, s.y, sizeof s.x) != 0)
            return NULL;
    }
    h->m = NULL; /* all went well */
    return NULL;
}

static void test_many_threads_try_and_submit_one_dormant_model(void **state)
{
    (void)state;
    wr_engine *e = engine_with(2);
    wr_model *m = declared(e, "mock; " IO);
    hammer h[4];
    for (int i = 0; i < 4; i++) {
        h[i] = (hammer){.engine = e, .m = m};
        assert_int_equal(pthread_create(&h[i].thread, NULL, strike, &h[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(h[i].thread, NULL), 0);
        assert_null(h[i].m);
    }
    assert_int_equal(stats_of(m).n_calls, 1200);
    wr_model_unref(m);
    wr_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_caller_loads_and_the_others_wait),
        cmocka_unit_test(test_all_waiters_hear_of_a_failed_load),
        cmocka_unit_test(test_a_waiter_takes_over_from_one_that_was_too_late),
        cmocka_unit_test(test_a_run_inside_another_waits_for_nobody),
        cmocka_unit_test(test_submit_loads_on_another_thread),
        cmocka_unit_test(test_a_failed_load_ends_submitted_jobs),
        cmocka_unit_test(test_many_models_are_loaded_by_few_threads),
        cmocka_unit_test(test_closing_ends_jobs_whose_models_are_not_loaded),
        cmocka_unit_test(test_try_takes_no_place_that_is_taken),
        cmocka_unit_test(test_many_threads_try_and_submit_one_dormant_model),
    };
    if (pipe(tell) != 0 || pipe(gate) != 0 || setenv("WEIR_MOCK_GATES", "1", 1) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
