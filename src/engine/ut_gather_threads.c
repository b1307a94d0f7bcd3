/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathering as RedisAI's users know it: minimum and limit, shapes that are not known beforehand, rows
 * that disagree. What ut_batch_threads.c has is not repeated. */
#include "engine/ut_callers.h"

/* RedisAI's MINBATCHSIZE: the last one may exceed BATCHSIZE, else it would not be reached. */
static void test_a_batch_exceeds_its_limit_only_to_reach_its_minimum(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    weir_model_options o = {.batch_max = 4, .batch_min = 4, .batch_wait_ms = 600000};
    wr_model *m = load_cold(e, "mock; scale=2; op=echo; " WIDE4, o);
    caller c[2];
    for (int i = 0; i < 2; i++) {
        caller_init(&c[i], e, m, 3, WIDTH);
        caller_go(&c[i]);
        if (i == 0)
            await_queued(m, 1);
    }
    for (int i = 0; i < 2; i++) {
        caller_end(&c[i]);
        expect_doubled(&c[i]);
    }
    weir_model_stats s = stats_of(m);
    assert_int_equal(s.n_runs, 1);
    assert_int_equal(s.batch[2], 1); /* 6 rows */
    wr_model_unref(m);

    /* More wanted than the limit: gathered up to the minimum. */
    o = (weir_model_options){.batch_max = 2, .batch_min = 5, .batch_wait_ms = 600000};
    m = load_cold(e, "mock; scale=2; " WIDE4, o);
    caller many[5];
    for (int i = 0; i < 5; i++) {
        caller_init(&many[i], e, m, 1, WIDTH);
        caller_go(&many[i]);
        if (i < 4)
            await_queued(m, (unsigned)i + 1);
    }
    for (int i = 0; i < 5; i++) {
        caller_end(&many[i]);
        expect_doubled(&many[i]);
    }
    assert_int_equal(stats_of(m).n_runs, 1);
    wr_model_unref(m);
    wr_engine_free(e);
}

/* A model with a free extent besides its rows is gathered when the user says so, and outputs are cut
 * from what the backend gives. */
static void test_shapes_that_are_not_known_are_gathered_as_told(void **state)
{
    (void)state;
    const char *free_width = "in=x:FLOAT[-1,-1]; out=y:FLOAT[-1,-1]";
    wr_engine *e = engine_with(1);
    wr_model *m = load_cold(e, gated(free_width), (weir_model_options){.batch_max = 8});
    assert_true(m->loose);
    caller first, rest[6];
    caller_init(&first, e, m, 1, WIDTH);
    for (int i = 0; i < 6; i++) /* the fourth is narrower, the last as large as a batch */
        caller_init(&rest[i], e, m, i == 5 ? 8 : 2, i == 3 ? WIDTH / 2 : WIDTH);
    rest[1].o.out.view = (weir_tensor){0}; /* the engine gives the memory */
    hold_and_queue(&first, rest, 6);
    open_gate(4);
    caller_end(&first);
    for (int i = 0; i < 6; i++) {
        caller_end(&rest[i]);
        if (rest[i].o.job.status != WEIR_OK)
            fail_msg("%s", rest[i].o.job.error.text);
        if (i == 1) {
            assert_int_equal(rest[i].o.out.view.shape[0], 2);
            memcpy(rest[i].y, rest[i].o.out.view.data, 2 * WIDTH * sizeof(float));
            weir_buffer_unref(rest[i].o.out.buffer);
        }
        for (int k = 0; k < rest[i].rows * (i == 3 ? WIDTH / 2 : WIDTH); k++)
            assert_true(rest[i].y[k] == 2 * rest[i].x[k]);
    }
    drain_tells(3);
    assert_int_equal(stats_of(m).n_runs, 4); /* 1; 2+2+2+2; 2 narrow; 8 */
    assert_int_equal(stats_of(m).n_gathered, 4);
    wr_model_unref(m);

    weir_model_options no[] = {{.batch_max = 1},
                               {0},
                               {.batch_max = 8, .rows_dependent = true},
                               {.batch_max = 8, .deterministic = true}};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        m = load_cold(e, "mock; in=x:FLOAT[-1,-1]; out=y:FLOAT[-1,-1]", no[i]);
        assert_false(m->loose);
        wr_model_unref(m);
    }
    weir_model_options found = {.batch_max = 8, .block_rows = 8};
    m = load_mock(e, "mock; op=mean; " WIDE4,
                  &found); /* warm-up has seen its rows depend */
    assert_false(m->loose);
    assert_int_equal(m->gather_max, 1);
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_a_caller_with_memory_of_another_shape_fails_alone(void **state)
{
    (void)state;
    wr_engine *e = engine_with(1);
    wr_model *m = load_cold(e, gated("in=x:FLOAT[-1,-1]; out=y:FLOAT[-1,-1]"),
                            (weir_model_options){.batch_max = 8});
    caller first, rest[2];
    caller_init(&first, e, m, 1, WIDTH);
    for (int i = 0; i < 2; i++)
        caller_init(&rest[i], e, m, 2, WIDTH);
    rest[0].o.out.view = floats(rest[0].y, 2, WIDTH - 1);
    hold_and_queue(&first, rest, 2);
    open_gate(2);
    caller_end(&first);
    caller_end(&rest[0]);
    caller_end(&rest[1]);
    assert_int_equal(rest[0].o.job.status, WEIR_ERR_SHAPE);
    expect_doubled(&rest[1]);
    drain_tells(1);
    wr_model_unref(m);
    wr_engine_free(e);
}

static void test_inputs_with_other_numbers_of_rows_run_alone_where_allowed(void **state)
{
    (void)state;
    float a[8] = {1, 2, 3, 4, 5, 6, 7, 8}, b[4] = {10, 10, 10, 10};
    wr_engine *e = engine_with(1);
    wr_model *m = load_mock(
        e, "mock; op=sum; in=a:FLOAT[-1,4]; in=b:FLOAT[-1,4]; out=y:FLOAT[-1,4]",
        &(weir_model_options){.block_rows = 1, .batch_max = 64});
    weir_tensor in[] = {floats(a, 2, 4), floats(b, 1, 4)};
    wr_output out = {.buffer = NULL};
    wr_job job = {
        .model = m, .in = in, .n_in = 2, .out = &out, .n_out = 1, .deadline = WEIR_NEVER};
    expect_fail(run_job(e, &job), WEIR_ERR_SHAPE, "input 'b' has 1 rows");
    job.lenient = true;
    expect_ok(run_job(e, &job)); /* whole, though blocks have one row */
    const float *y = out.view.data;
    assert_int_equal(out.view.shape[0], 2);
    assert_true(y[0] == 11 && y[7] == 18);
    assert_int_equal(stats_of(m).n_runs, 1);
    weir_buffer_unref(out.buffer);
    wr_model_unref(m);
    wr_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_exceeds_its_limit_only_to_reach_its_minimum),
        cmocka_unit_test(test_shapes_that_are_not_known_are_gathered_as_told),
        cmocka_unit_test(test_a_caller_with_memory_of_another_shape_fails_alone),
        cmocka_unit_test(test_inputs_with_other_numbers_of_rows_run_alone_where_allowed),
    };
    return open_pipes() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
