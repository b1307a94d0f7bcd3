/* SPDX-License-Identifier: BSD-3-Clause */
/* Many threads: gathering, order, waiting for a batch, deadlines in the queue, submitted jobs, closing.
 * Runs are held with the mock's gate, so that what is queued is known and nothing sleeps. */
#include "engine/ut_callers.h"

/* ---- gathering ------------------------------------------------------------------------------------------ */

static void test_queued_calls_run_as_one_batch(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = load_cold(e, gated(""), (weir_model_options){.batch_max = 64});
    caller first, rest[5];
    caller_init(&first, e, m, 1, WIDTH);
    for (int i = 0; i < 5; i++)
        caller_init(&rest[i], e, m, i + 1, WIDTH);
    hold_and_queue(&first, rest, 5);
    open_gate(2);
    caller_end(&first);
    expect_doubled(&first);
    for (int i = 0; i < 5; i++) {
        caller_end(&rest[i]);
        expect_doubled(&rest[i]);
    }
    drain_tells(1);
    weir_model_stats s = stats_of(m);
    assert_int_equal(s.n_calls, 6);
    assert_int_equal(s.n_runs, 2);
    assert_int_equal(s.n_gathered, 5);
    assert_int_equal(s.n_inline, 1);
    assert_int_equal(s.n_rows, 16);
    assert_int_equal(s.batch[3], 1); /* 15 rows */
    assert_int_equal(s.n_copies, 10);
    assert_true(s.queue_s > 0);
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_a_batch_keeps_to_its_limit(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = load_cold(e, gated(""), (weir_model_options){.batch_max = 4});
    caller first, rest[5];
    caller_init(&first, e, m, 1, WIDTH);
    for (int i = 0; i < 5; i++)
        caller_init(&rest[i], e, m, 2, WIDTH);
    hold_and_queue(&first, rest, 5);
    open_gate(4);
    caller_end(&first);
    for (int i = 0; i < 5; i++) {
        caller_end(&rest[i]);
        expect_doubled(&rest[i]);
    }
    drain_tells(3);
    assert_int_equal(stats_of(m).n_runs, 4); /* 1; 2+2; 2+2; 2 */
    assert_int_equal(stats_of(m).batch[2], 2);
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_other_shapes_are_not_mixed(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = load_cold(e, gated("in=x:FLOAT[-1,-1]; out=y:FLOAT[-1,2]"),
                            (weir_model_options){.batch_max = 64});
    caller first, rest[4];
    const int width[] = {2, 3, 2, 3};
    caller_init(&first, e, m, 1, 2);
    for (int i = 0; i < 4; i++) {
        caller_init(&rest[i], e, m, 2, width[i]);
        rest[i].o.out.view = floats(rest[i].y, 2, 2);
    }
    hold_and_queue(&first, rest, 4);
    open_gate(3);
    caller_end(&first);
    for (int i = 0; i < 4; i++) {
        caller_end(&rest[i]);
        assert_int_equal(rest[i].o.job.status, WEIR_OK);
        assert_true(rest[i].y[2] ==
                    2.0f * rest[i].x[width[i]]); /* second row, first column */
    }
    drain_tells(2);
    assert_int_equal(stats_of(m).n_runs, 3);
    assert_int_equal(stats_of(m).batch[2], 2);
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_one_bad_caller_does_not_fail_the_batch(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    weir_model_options o = {
        .batch_max = 64,
        .input = {.mode = WEIR_GUARD_FAIL, .ranged = true, .low = 0, .high = 1e6}};
    wr_model *m =
        load_cold(e, gated("in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]; fail_on=2"), o);
    caller first, rest[3];
    caller_init(&first, e, m, 1, WIDTH);
    for (int i = 0; i < 3; i++)
        caller_init(&rest[i], e, m, i + 1, WIDTH);
    rest[1].x[0] = -1;
    hold_and_queue(&first, rest, 3);
    open_gate(4); /* the batch fails: the two good ones then run alone */
    caller_end(&first);
    for (int i = 0; i < 3; i++)
        caller_end(&rest[i]);
    expect_doubled(&rest[0]);
    expect_doubled(&rest[2]);
    assert_int_equal(rest[1].o.job.status, WEIR_ERR_GUARD);
    drain_tells(3);
    assert_int_equal(stats_of(m).n_runs, 4);
    assert_int_equal(stats_of(m).n_errors, 1);
    wr_model_unref(m);
    wr_engine_free(e);
}

/* ---- waiting for a batch to fill ------------------------------------------------------------------------- */

#define FREE_TEXT "mock; scale=2; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]"

static void test_a_call_waits_until_its_batch_is_full(void **state)
{
    (void)state;
    wr_engine *e = engine_with(2);
    wr_model *m = load_cold(
        e, FREE_TEXT,
        (weir_model_options){.batch_max = 8, .batch_min = 3, .batch_wait_ms = 60000});
    caller c[3];
    for (int i = 0; i < 3; i++) {
        caller_init(&c[i], e, m, 1, WIDTH);
        caller_go(&c[i]);
        if (i < 2)
            await_queued(m, (unsigned)i + 1);
    }
    for (int i = 0; i < 3; i++) {
        caller_end(&c[i]);
        expect_doubled(&c[i]);
    }
    assert_int_equal(stats_of(m).n_runs, 1);
    assert_int_equal(stats_of(m).n_gathered, 3);
    expect_ok(
        run_one(e, m, floats(c[0].x, 3, 4), floats(c[0].y, 3, 4))); /* full by itself */
    assert_int_equal(stats_of(m).n_inline, 1);
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_a_call_waits_no_longer_than_told(void **state)
{
    (void)state;
    wr_engine *e = engine_with(2);
    float x[4] = {1}, y[4];
    wr_model *m = load_cold(
        e, FREE_TEXT,
        (weir_model_options){.batch_max = 8, .batch_min = 3, .batch_wait_ms = 20});
    int64_t begun = weir_now_ns();
    expect_ok(run_one(e, m, floats(x, 1, 4), floats(y, 1, 4)));
    assert_true(weir_now_ns() - begun >= 20000000 && y[0] == 2.0f);
    wr_model_unref(m);

    m = load_cold(e, FREE_TEXT, (weir_model_options){.batch_max = 8, .batch_min = 3});
    expect_ok(run_one(e, m, floats(x, 1, 4),
                      floats(y, 1, 4))); /* no wait given: not for ever */
    assert_int_equal(stats_of(m).n_inline, 1);
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_other_models_overtake_one_that_waits_for_its_batch(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    float x[4] = {1}, y[4];
    wr_model *patient = load_cold(
        e, FREE_TEXT,
        (weir_model_options){.batch_max = 8, .batch_min = 3, .batch_wait_ms = 600000});
    wr_model *other = load_cold(e, FREE_TEXT, (weir_model_options){0});
    caller c;
    caller_init(&c, e, patient, 1, WIDTH);
    c.o.job.deadline = weir_deadline_in_ms(1000);
    caller_go(&c);
    await_queued(patient, 1);
    expect_ok(run_one(e, other, floats(x, 1, 4), floats(y, 1, 4)));
    caller_end(&c);
    assert_int_equal(c.o.job.status, WEIR_ERR_TIMEOUT);
    assert_has(c.o.job.error.text, "ms in the queue");
    wr_model_unref(other);
    wr_model_unref(patient);
    wr_engine_free(e);
}

/* ---- deadlines in the queue, order, places ------------------------------------------------------------------ */

static void test_a_queued_call_leaves_at_its_deadline(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = load_cold(e, gated(""), (weir_model_options){0});
    caller first, late;
    caller_init(&first, e, m, 1, WIDTH);
    caller_init(&late, e, m, 1, WIDTH);
    caller_go(&first);
    await_run();
    late.o.job.deadline = weir_deadline_in_ms(500);
    caller_go(&late);
    await_queued(m, 1);
    caller_end(&late); /* while the first still holds the place */
    assert_int_equal(late.o.job.status, WEIR_ERR_TIMEOUT);
    assert_has(late.o.job.error.text, "model 'm': the deadline passed after ");
    assert_int_equal(stats_of(m).n_timeouts, 1);
    open_gate(1);
    caller_end(&first);
    expect_doubled(&first);
    assert_int_equal(stats_of(m).n_runs, 1);
    wr_model_unref(m);
    wr_engine_free(e);
}

/* Submitted jobs note the order in which they end. */
typedef struct order {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int n;
    int who[64];
} order;

typedef struct entry {
    order *into;
    int id;
} entry;

static void note_end(wr_job *job)
{
    entry *en = job->context;
    order *o = en->into;
    pthread_mutex_lock(&o->lock);
    o->who[o->n++ % 64] = en->id;
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

static void await_ends(order *o, int n)
{
    pthread_mutex_lock(&o->lock);
    while (o->n < n)
        pthread_cond_wait(&o->changed, &o->lock);
    pthread_mutex_unlock(&o->lock);
}

static void order_init(order *o)
{
    memset(o, 0, sizeof *o);
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->changed, NULL);
}

static void order_fini(order *o)
{
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
}

static void submit(caller *c, entry *en, order *o, int id)
{
    *en = (entry){o, id};
    c->o.job.done = note_end;
    c->o.job.context = en;
    expect_ok(wr_engine_submit(c->engine, &c->o.job, &err));
}

static void test_submitted_jobs_of_all_models_run_in_order(void **state)
{
    (void)state;
    enum { N = 9 };
    wr_engine *e = engine_with(1);
    wr_model *m[3];
    caller c[N];
    entry en[N];
    order o;
    order_init(&o);
    for (int i = 0; i < 3; i++)
        m[i] = load_cold(e, gated(""), (weir_model_options){0});
    for (int i = 0; i < N; i++) {
        caller_init(&c[i], e, m[i % 3], 1 + i % 2, WIDTH);
        submit(&c[i], &en[i], &o, i);
    }
    open_gate(N);
    await_ends(&o, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(o.who[i], i);
        expect_doubled(&c[i]);
    }
    drain_tells(N);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stats_of(m[i]).n_inline, 0);
        wr_model_unref(m[i]);
    }
    wr_engine_free(e);
    order_fini(&o);
}

static void test_a_submitted_job_leaves_the_queue_at_its_deadline(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = load_cold(e, gated(""), (weir_model_options){0});
    caller c[2];
    entry en[2];
    order o;
    order_init(&o);
    for (int i = 0; i < 2; i++)
        caller_init(&c[i], e, m, 1, WIDTH);
    submit(&c[0], &en[0], &o, 0);
    await_run(); /* the only worker is busy now */
    c[1].o.job.deadline = weir_deadline_in_ms(200);
    submit(&c[1], &en[1], &o, 1);
    await_ends(&o, 1);
    assert_int_equal(o.who[0], 1);
    assert_int_equal(c[1].o.job.status, WEIR_ERR_TIMEOUT);
    open_gate(1);
    await_ends(&o, 2);
    expect_doubled(&c[0]);
    wr_model_unref(m);
    wr_engine_free(e);
    order_fini(&o);
}

static void test_submitted_jobs_wait_for_their_batch(void **state)
{
    (void)state;
    wr_engine *e = engine_with(2);
    wr_model *m = load_cold(
        e, FREE_TEXT,
        (weir_model_options){.batch_max = 8, .batch_min = 4, .batch_wait_ms = 30});
    caller c[2];
    entry en[2];
    order o;
    order_init(&o);
    for (int i = 0; i < 2; i++) {
        caller_init(&c[i], e, m, 1, WIDTH);
        submit(&c[i], &en[i], &o, i);
    }
    await_ends(&o, 2); /* never full: the keeper sends them off */
    for (int i = 0; i < 2; i++)
        expect_doubled(&c[i]);
    assert_int_equal(stats_of(m).n_gathered, 2);
    wr_model_unref(m);
    wr_engine_free(e);
    order_fini(&o);
}

static void test_a_run_of_several_threads_takes_as_many_places(void **state)
{
    (void)state;
    wr_engine *e = engine_with(2);
    wr_model *thin = load_cold(e, gated(""), (weir_model_options){0});
    wr_model *wide = load_cold(e, gated(""), (weir_model_options){.threads = 2});
    caller a, b, c;
    caller_init(&a, e, thin, 1, WIDTH);
    caller_init(&b, e, wide, 2, WIDTH);
    caller_init(&c, e, thin, 3, WIDTH);
    caller_go(&a);
    await_run();
    caller_go(&b);
    await_queued(thin, 1); /* one place is free, two are needed */
    caller_go(&c);
    await_queued(thin, 2); /* .. and nobody overtakes */
    open_gate(1);
    await_run();
    caller_end(&a);
    assert_int_equal(stats_of(thin).n_runs, 1);
    open_gate(2);
    caller_end(&b);
    caller_end(&c);
    await_run();
    expect_doubled(&b);
    expect_doubled(&c);
    wr_model_unref(wide);
    wr_model_unref(thin);
    wr_engine_free(e);
}

static void *free_engine(void *arg)
{
    wr_engine_free(arg);
    return NULL;
}

static void test_closing_refuses_what_has_not_begun_and_waits_for_what_has(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = load_cold(e, gated(""), (weir_model_options){0});
    caller c[3];
    entry en[3];
    order o;
    pthread_t closer;
    order_init(&o);
    for (int i = 0; i < 3; i++)
        caller_init(&c[i], e, m, 1, WIDTH);
    submit(&c[0], &en[0], &o, 0);
    await_run();
    submit(&c[1], &en[1], &o, 1);
    submit(&c[2], &en[2], &o, 2);
    assert_int_equal(pthread_create(&closer, NULL, free_engine, e), 0);
    await_queued(m, 1); /* the queue's own mark that it is closing: both jobs are out */
    open_gate(1);
    pthread_join(closer, NULL);
    assert_int_equal(o.n, 3);
    expect_doubled(&c[0]);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(c[i].o.job.status, WEIR_ERR_CLOSED);
        assert_has(c[i].o.job.error.text, "engine was closed");
    }
    wr_model_unref(m);
    order_fini(&o);
}

/* ---- many at once ---------------------------------------------------------------------------------------------- */

typedef struct hammer {
    pthread_t thread;
    wr_engine *engine;
    wr_model **models;
    int id, n_wrong, n_timeouts, n_ok;
    bool hurried;
} hammer;

static void *strike(void *arg)
{
    hammer *h = arg;
    unsigned seed = (unsigned)h->id * 77 + 1;
    for (int k = 0; k < 150; k++) {
        float x[ROWS_MAX * WIDTH], y[ROWS_MAX * WIDTH];
        int rows = 1 + (int)(seed % ROWS_MAX);
        seed = seed * 1103515245u + 12345u;
        for (int i = 0; i < rows * WIDTH; i++)
            x[i] = (float)((h->id + 1) * 10000 + k * 50 + i);
        weir_tensor in, out;
        int64_t shape[] = {rows, WIDTH};
        one o;
        if (weir_tensor_init(&in, x, WEIR_F32, 2, shape, NULL) != WEIR_OK ||
            weir_tensor_init(&out, y, WEIR_F32, 2, shape, NULL) != WEIR_OK)
            break;
        one_init(&o, h->models[k % 2], in, out);
        if (h->hurried)
            o.job.deadline = weir_now_ns() + 400000 + (int64_t)(seed % 400000);
        weir_status st = wr_engine_run(h->engine, &o.job);
        h->n_ok += st == WEIR_OK;
        h->n_timeouts += st == WEIR_ERR_TIMEOUT;
        for (int i = 0; i < rows * WIDTH && st == WEIR_OK; i++)
            h->n_wrong += y[i] != 2.0f * x[i];
    }
    return NULL;
}

static void strike_together(wr_engine *e, wr_model **models, hammer *h, bool hurried)
{
    for (int i = 0; i < CALLERS; i++) {
        h[i] = (hammer){.engine = e, .models = models, .id = i, .hurried = hurried};
        assert_int_equal(pthread_create(&h[i].thread, NULL, strike, &h[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++)
        pthread_join(h[i].thread, NULL);
}

static void test_every_caller_gets_its_own_rows_back(void **state)
{
    (void)state;
    wr_engine *e = engine_with(2);
    wr_model *m[] = {
        load_cold(e, FREE_TEXT "; delay_us=20",
                  (weir_model_options){.batch_max = 16, .block_rows = 5}),
        load_cold(e, FREE_TEXT "; write_input", (weir_model_options){.batch_max = 12})};
    hammer h[CALLERS];
    strike_together(e, m, h, false);
    weir_model_stats a = stats_of(m[0]), b = stats_of(m[1]);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(h[i].n_wrong, 0);
        assert_int_equal(h[i].n_ok, 150);
    }
    assert_int_equal(a.n_calls + b.n_calls, CALLERS * 150);
    assert_int_equal(a.n_errors + b.n_errors, 0);
    assert_true(a.n_gathered > 0); /* eight callers, two places: some must have met */
    wr_model_unref(m[0]);
    wr_model_unref(m[1]);
    wr_engine_free(e);
}

static void test_hurried_callers_end_in_time_or_say_so(void **state)
{
    (void)state;
    wr_engine *e = engine_with(2);
    wr_model *m[] = {
        load_cold(e, FREE_TEXT "; delay_us=300", (weir_model_options){.batch_max = 16}),
        load_cold(e, FREE_TEXT "; delay_us=100; deaf", (weir_model_options){0})};
    hammer h[CALLERS];
    int n_timeouts = 0;
    strike_together(e, m, h, true);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(h[i].n_wrong, 0);
        assert_int_equal(h[i].n_ok + h[i].n_timeouts, 150);
        n_timeouts += h[i].n_timeouts;
    }
    assert_int_equal(stats_of(m[0]).n_timeouts + stats_of(m[1]).n_timeouts, n_timeouts);
    assert_true(n_timeouts > 0);
    float x[4] = {1}, y[4];
    expect_ok(
        run_one(e, m[0], floats(x, 1, 4), floats(y, 1, 4))); /* no stop is left behind */
    wr_model_unref(m[0]);
    wr_model_unref(m[1]);
    wr_engine_free(e);
}

/* A model is replaced while others run: readers take references, as the keyspace does. */
typedef struct shared_model {
    pthread_mutex_t lock;
    wr_model *m;
    wr_engine *e;
    bool stop;
    int n_failed;
} shared_model;

static void *keep_running(void *arg)
{
    shared_model *s = arg;
    for (bool stop = false; !stop;) {
        float x[4] = {1, 2, 3, 4}, y[4];
        int64_t shape[] = {1, 4};
        weir_tensor in = {0}, out = {0};
        one o;
        pthread_mutex_lock(&s->lock);
        wr_model *m = wr_model_ref(s->m);
        stop = s->stop;
        pthread_mutex_unlock(&s->lock);
        bool ok = weir_tensor_init(&in, x, WEIR_F32, 2, shape, NULL) == WEIR_OK &&
                  weir_tensor_init(&out, y, WEIR_F32, 2, shape, NULL) == WEIR_OK;
        one_init(&o, m, in, out);
        ok = ok && wr_engine_run(s->e, &o.job) == WEIR_OK && y[3] == 8.0f;
        wr_model_unref(m);
        if (!ok) {
            pthread_mutex_lock(&s->lock);
            s->n_failed++;
            pthread_mutex_unlock(&s->lock);
        }
    }
    return NULL;
}

static void test_a_version_is_replaced_while_others_run(void **state)
{
    (void)state;
    shared_model s = {.e = engine_with(2)};
    weir_buffer *text = bytes_of(FREE_TEXT, strlen(FREE_TEXT));
    pthread_t t[3];
    pthread_mutex_init(&s.lock, NULL);
    s.m = load_mock(s.e, FREE_TEXT, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, keep_running, &s), 0);
    weir_model_options quick = {.block_rows = 8};
    for (int v = 2; v < 8; v++) {
        wr_model *next = NULL;
        expect_ok(wr_model_load(&next, s.e, WEIR_STR("m"), text, false, &quick, s.m,
                                WEIR_NEVER, &err));
        pthread_mutex_lock(&s.lock);
        wr_model *old = s.m;
        s.m = next;
        pthread_mutex_unlock(&s.lock);
        wr_model_unref(old);
        assert_int_equal(wr_model_info(next)->version, v);
    }
    pthread_mutex_lock(&s.lock);
    s.stop = true;
    pthread_mutex_unlock(&s.lock);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(s.n_failed, 0);
    assert_int_equal(stats_of(s.m).n_errors, 0);
    assert_true(stats_of(s.m).n_calls > 0);
    wr_model_unref(s.m);
    weir_buffer_unref(text);
    wr_engine_free(s.e);
    pthread_mutex_destroy(&s.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queued_calls_run_as_one_batch),
        cmocka_unit_test(test_a_batch_keeps_to_its_limit),
        cmocka_unit_test(test_other_shapes_are_not_mixed),
        cmocka_unit_test(test_one_bad_caller_does_not_fail_the_batch),
        cmocka_unit_test(test_a_call_waits_until_its_batch_is_full),
        cmocka_unit_test(test_a_call_waits_no_longer_than_told),
        cmocka_unit_test(test_other_models_overtake_one_that_waits_for_its_batch),
        cmocka_unit_test(test_a_queued_call_leaves_at_its_deadline),
        cmocka_unit_test(test_submitted_jobs_of_all_models_run_in_order),
        cmocka_unit_test(test_a_submitted_job_leaves_the_queue_at_its_deadline),
        cmocka_unit_test(test_submitted_jobs_wait_for_their_batch),
        cmocka_unit_test(test_a_run_of_several_threads_takes_as_many_places),
        cmocka_unit_test(test_closing_refuses_what_has_not_begun_and_waits_for_what_has),
        cmocka_unit_test(test_every_caller_gets_its_own_rows_back),
        cmocka_unit_test(test_hurried_callers_end_in_time_or_say_so),
        cmocka_unit_test(test_a_version_is_replaced_while_others_run),
    };
    return open_pipes() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
