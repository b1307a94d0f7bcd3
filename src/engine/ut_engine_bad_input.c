/* SPDX-License-Identifier: BSD-3-Clause */
/* Each wrong call gives its status and a sentence with the model's name and both numbers, and leaves
 * the caller's memory as it was. */
#include "engine/testing.h"

static wr_engine *e;
static wr_model *m; /* two inputs, one output */
static wr_model *fixed;
static float a[64], b[64], y[64];

static int start(void **state)
{
    (void)state;
    e = engine_with(1);
    m = load_cold(e,
                  "mock; op=sum; in=a:FLOAT[-1,5]; in=b:FLOAT[-1,5]; out=y:FLOAT[-1,5]",
                  (weir_model_options){0});
    fixed =
        load_cold(e, "mock; in=x:FLOAT[2,3]; out=y:FLOAT[2,3]", (weir_model_options){0});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    wr_model_unref(m);
    wr_model_unref(fixed);
    wr_engine_free(e);
    return 0;
}

/* Run the two-input model; outputs must stay untouched. */
static weir_status run_two(weir_tensor x0, weir_tensor x1, weir_tensor out)
{
    weir_tensor in[] = {x0, x1};
    wr_output o = {.view = out};
    wr_job job = {
        .model = m, .in = in, .n_in = 2, .out = &o, .n_out = 1, .deadline = WEIR_NEVER};
    uint64_t runs = stats_of(m).n_runs;
    memset(y, 0x55, sizeof y);
    weir_status st = run_job(e, &job);
    assert_int_equal(stats_of(m).n_runs, runs);
    for (size_t i = 0; i < sizeof y; i++)
        assert_int_equal(((unsigned char *)y)[i], 0x55);
    return st;
}

static void test_wrong_shapes_name_both(void **state)
{
    (void)state;
    weir_tensor good = floats(a, 3, 5), out = floats(y, 3, 5);
    expect_fail(run_two(floats(a, 3, 4), good, out), WEIR_ERR_SHAPE,
                "model 'm': input 'a' is FLOAT[3,4], the model wants FLOAT[?,5]");
    expect_fail(run_two(good, floats(b, 2, 5), out), WEIR_ERR_SHAPE,
                "input 'b' has 2 rows, the first input has 3");
    expect_fail(run_two(good, good, floats(y, 3, 6)), WEIR_ERR_SHAPE,
                "output 'y' is FLOAT[3,6], the model gives FLOAT[?,5]");
    expect_fail(run_two(good, good, floats(y, 2, 5)), WEIR_ERR_SHAPE,
                "output 'y' has 2 rows, the first input has 3");
    weir_tensor flat = view_1d(a, WEIR_F32, 15),
                cube = view_of(a, WEIR_F32, 3, (int64_t[]){1, 3, 5});
    expect_fail(run_two(flat, good, out), WEIR_ERR_SHAPE,
                "is FLOAT[15], the model wants FLOAT[?,5]");
    expect_fail(run_two(good, cube, out), WEIR_ERR_SHAPE, "is FLOAT[1,3,5]");
    weir_tensor scalar = view_of(a, WEIR_F32, 0, NULL);
    expect_fail(run_two(scalar, good, out), WEIR_ERR_SHAPE, "the model wants FLOAT[?,5]");
}

static void test_wrong_types_name_both(void **state)
{
    (void)state;
    weir_tensor good = floats(a, 3, 5), out = floats(y, 3, 5);
    double d[15] = {0};
    expect_fail(run_two(view2(WEIR_F64, d, 3, 5), good, out), WEIR_ERR_DTYPE,
                "input 'a' is DOUBLE[3,5], the model wants FLOAT[?,5]");
    expect_fail(run_two(good, good, view2(WEIR_I32, y, 3, 5)), WEIR_ERR_DTYPE,
                "output 'y' is INT32[3,5], the model gives FLOAT[?,5]");
    weir_tensor strange = good;
    strange.dtype = (weir_dtype)77;
    expect_fail(run_two(strange, good, out), WEIR_ERR_DTYPE, "model 'm': input 0:");
}

static void test_malformed_views(void **state)
{
    (void)state;
    weir_tensor good = floats(a, 3, 5), out = floats(y, 3, 5), bad = good;
    bad.data = NULL;
    expect_fail(run_two(bad, good, out), WEIR_ERR_ARG, "model 'm': input 0:");
    bad = good;
    bad.rank = 99;
    expect_fail(run_two(good, bad, out), WEIR_ERR_SHAPE, "model 'm': input 1:");
    bad = good;
    bad.shape[0] = -3;
    expect_fail(run_two(bad, good, out), WEIR_ERR_SHAPE, "-3");
    bad = good;
    bad.shape[0] = bad.shape[1] = INT64_C(1) << 40;
    expect_fail(run_two(bad, good, out), WEIR_ERR_SHAPE, "model 'm': input 0:");
    bad = out;
    bad.data = NULL;
    expect_fail(run_two(good, good, bad), WEIR_ERR_ARG, "model 'm': output 0:");
    bad = good;
    bad.device.kind = WEIR_CUDA;
    expect_fail(run_two(bad, good, out), WEIR_ERR_UNSUPPORTED, "device kind 2");
}

static void test_zero_extents(void **state)
{
    (void)state;
    expect_fail(run_one(e, fixed, floats(a, 0, 3), floats(y, 0, 3)), WEIR_ERR_SHAPE,
                "input 'x' is FLOAT[0,3], the model wants FLOAT[2,3]");
    wr_model *wide = load_cold(e, "mock; in=x:FLOAT[-1,-1]; out=y:FLOAT[-1,-1]",
                               (weir_model_options){0});
    expect_fail(run_one(e, wide, floats(a, 3, 0), floats(y, 3, 0)), WEIR_ERR_SHAPE,
                "extent 1 is 0; only the batch");
    wr_model_unref(wide);
    wr_model *to_fixed =
        load_cold(e, "mock; in=x:FLOAT[-1,3]; out=y:FLOAT[1,3]", (weir_model_options){0});
    expect_fail(run_one(e, to_fixed, floats(a, 0, 3), floats(y, 1, 3)), WEIR_ERR_SHAPE,
                "extent 0 is 0; only the batch");
    wr_model_unref(to_fixed);
}

static void test_wrong_counts_and_null_pointers(void **state)
{
    (void)state;
    weir_tensor in[] = {floats(a, 1, 5), floats(b, 1, 5), floats(b, 1, 5)};
    wr_output out[2] = {{.view = floats(y, 1, 5)}, {.view = floats(y, 1, 5)}};
    wr_job job = {
        .model = m, .in = in, .n_in = 3, .out = out, .n_out = 1, .deadline = WEIR_NEVER};
    expect_fail(run_job(e, &job), WEIR_ERR_ARG,
                "model 'm': 3 inputs given, the model has 2");
    job.n_in = 2;
    job.n_out = 2;
    expect_fail(run_job(e, &job), WEIR_ERR_ARG, "2 outputs given, the model has 1");
    job.n_out = 1;
    job.n_in = -1;
    expect_fail(run_job(e, &job), WEIR_ERR_ARG, "-1 inputs given");
    job.n_in = 2;
    job.in = NULL;
    expect_fail(run_job(e, &job), WEIR_ERR_ARG, "null pointer for 2 inputs");
    job.in = in;
    job.out = NULL;
    expect_fail(run_job(e, &job), WEIR_ERR_ARG, "null pointer for 1 outputs");
    job.out = out;
    job.function = WEIR_STR("f");
    expect_fail(run_job(e, &job), WEIR_ERR_ARG, "is no script");
    job.function = WEIR_STR("");
    job.model = NULL;
    expect_fail(run_job(e, &job), WEIR_ERR_ARG, "null pointer for the model");
    job.model = m;
    expect_fail(run_job(NULL, &job), WEIR_ERR_ARG, "null pointer for the engine");
    assert_int_equal(wr_engine_run(e, NULL), WEIR_ERR_ARG);
    expect_fail(wr_engine_submit(e, NULL, &err), WEIR_ERR_ARG,
                "null pointer for the job");
    expect_fail(wr_engine_submit(e, &job, &err), WEIR_ERR_ARG,
                "function to call when done");
    wr_engine *other = engine_with(1);
    expect_fail(run_job(other, &job), WEIR_ERR_ARG,
                "model 'm' belongs to another engine");
    wr_engine_free(other);
    expect_ok(run_job(e, &job));
}

static void test_failures_are_accounted(void **state)
{
    (void)state;
    weir_model_stats before = stats_of(m);
    weir_tensor good = floats(a, 3, 5);
    expect_fail(run_two(floats(a, 3, 4), good, floats(y, 3, 5)), WEIR_ERR_SHAPE,
                "FLOAT[3,4]");
    weir_model_stats after = stats_of(m);
    assert_int_equal(after.n_calls, before.n_calls + 1);
    assert_int_equal(after.n_errors, before.n_errors + 1);
    assert_int_equal(after.n_rows, before.n_rows);
}

static void test_shapes_of_any_rank_are_printed(void **state)
{
    (void)state;
    wr_model *deep = load_cold(e, "mock; in=x:UINT8[-1,2,-1,3]; out=y:DOUBLE[1]",
                               (weir_model_options){0});
    expect_fail(run_one(e, deep, floats(a, 1, 5), floats(y, 1, 1)), WEIR_ERR_DTYPE,
                "FLOAT[1,5], the model wants UINT8[?,2,?,3]");
    wr_model_unref(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_shapes_name_both),
        cmocka_unit_test(test_wrong_types_name_both),
        cmocka_unit_test(test_malformed_views),
        cmocka_unit_test(test_zero_extents),
        cmocka_unit_test(test_wrong_counts_and_null_pointers),
        cmocka_unit_test(test_failures_are_accounted),
        cmocka_unit_test(test_shapes_of_any_rank_are_printed),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
