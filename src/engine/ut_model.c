/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading, describing, versions, warm-up, accounts. */
#include "engine/testing.h"

#include "engine/internal.h"

#define ECHO4 "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]"

static wr_engine *e;

static int start(void **state)
{
    (void)state;
    e = engine_with(2);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    wr_engine_free(e);
    return 0;
}

static void test_describes_what_it_loaded(void **state)
{
    (void)state;
    weir_model_options o = {.tag = WEIR_STR("v. one"), .version = 7};
    const char *text = ECHO4 "; out=z:INT64[-1,2,3]; parameters=42";
    wr_model *m = load_mock(e, text, &o);
    const weir_model_info *i = wr_model_info(m);
    assert_string_equal(i->backend, "mock");
    assert_string_equal(i->tag, "v. one");
    assert_int_equal(i->version, 7);
    assert_int_equal(i->device.kind, WEIR_CPU);
    assert_int_equal(i->n_in, 1);
    assert_int_equal(i->n_out, 2);
    assert_string_equal(i->out[1].name, "z");
    assert_int_equal(i->out[1].dtype, WEIR_I64);
    assert_int_equal(i->out[1].rank, 3);
    assert_int_equal(i->out[1].shape[0], -1);
    assert_int_equal(i->out[1].shape[2], 3);
    assert_int_equal(i->n_parameters, 42);
    assert_int_equal(i->file_bytes, strlen(text));
    assert_true(i->warm_up_s > 0);
    weir_tensor blob = weir_buffer_view(wr_model_blob(m));
    assert_memory_equal(blob.data, text, strlen(text));
    wr_model_unref(m);
}

static void test_counts_versions_on_and_refuses_the_same_one(void **state)
{
    (void)state;
    weir_buffer *b = bytes_of(ECHO4, strlen(ECHO4));
    weir_model_options same = {.version = 2}, ten = {.version = 10};
    wr_model *v1 = NULL, *v2 = NULL, *v3 = NULL;
    expect_ok(
        wr_model_load(&v1, e, WEIR_STR("m"), b, false, NULL, NULL, WEIR_NEVER, &err));
    expect_ok(wr_model_load(&v2, e, WEIR_STR("m"), b, false, NULL, v1, WEIR_NEVER, &err));
    assert_int_equal(wr_model_info(v1)->version, 1);
    assert_int_equal(wr_model_info(v2)->version, 2);
    expect_fail(
        wr_model_load(&v3, e, WEIR_STR("m"), b, false, &same, v2, WEIR_NEVER, &err),
        WEIR_ERR_EXISTS, "version 2 is there");
    assert_null(v3);
    expect_ok(wr_model_load(&v3, e, WEIR_STR("m"), b, false, &ten, v2, WEIR_NEVER, &err));
    assert_int_equal(wr_model_info(v3)->version, 10);
    wr_model_unref(v3);
    wr_model_unref(v2);
    wr_model_unref(v1);
    weir_buffer_unref(b);
}

static void test_versions_share_one_account_that_outlives_them(void **state)
{
    (void)state;
    float x[8] = {1}, y[8];
    weir_buffer *b = bytes_of(ECHO4, strlen(ECHO4));
    wr_model *v1 = NULL, *v2 = NULL;
    expect_ok(
        wr_model_load(&v1, e, WEIR_STR("m"), b, false, NULL, NULL, WEIR_NEVER, &err));
    expect_ok(run_one(e, v1, floats(x, 2, 4), floats(y, 2, 4)));
    expect_ok(wr_model_load(&v2, e, WEIR_STR("m"), b, false, NULL, v1, WEIR_NEVER, &err));
    expect_ok(run_one(e, v2, floats(x, 1, 4), floats(y, 1, 4)));
    wr_model_unref(v1);
    weir_model_stats s = stats_of(v2);
    assert_int_equal(s.n_calls, 2); /* warm-ups are not counted */
    assert_int_equal(s.n_rows, 3);
    assert_int_equal(s.n_runs, 2);
    assert_int_equal(s.batch[0], 1);
    assert_int_equal(s.batch[1], 1);
    assert_true(s.run_s > 0 && s.run_max_s > 0 && s.run_max_s <= s.run_s);

    wr_model_statistics(v2, &s, true);
    assert_int_equal(s.n_calls, 2);
    expect_ok(run_one(e, v2, floats(x, 1, 4), floats(y, 1, 4)));
    s = stats_of(v2);
    assert_int_equal(s.n_calls, 1);
    assert_int_equal(s.in_bytes, 16);
    assert_int_equal(s.out_bytes, 16);
    wr_model_unref(v2);
    weir_buffer_unref(b);
}

static void test_refuses_options_that_make_no_sense(void **state)
{
    (void)state;
    const struct {
        weir_model_options o;
        const char *says;
    } cases[] = {
        {{.threads = 3}, "3 threads asked for, the engine has 2"},
        {{.threads = -1}, "threads is -1"},
        {{.batch_max = -5}, "batch_max is -5"},
        {{.struct_bytes = 100000}, "100000 bytes"},
        {{.input = {.mode = WEIR_GUARD_CLAMP}}, "inputs are never changed"},
        {{.output = {.mode = (weir_guard_mode)9}}, "mode 9"},
        {{.output = {.ranged = true, .low = 2, .high = 1}}, "[2, 1] is empty"},
        {{.device = {.kind = (weir_device_kind)77}}, "device kind 77"},
        {{.device = {.kind = WEIR_CPU, .index = 1}}, "device index 1"},
        {{.n_inputs = 1}, "1 names of inputs"},
        {{.tag = {NULL, 3}}, "tag is a null pointer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wr_model *m = NULL;
        expect_fail(try_load(&m, e, ECHO4, &cases[i].o), WEIR_ERR_ARG, cases[i].says);
        assert_null(m);
    }
}

static void test_refuses_what_is_no_model(void **state)
{
    (void)state;
    wr_model *m = NULL;
    weir_model_options mock = {.backend = WEIR_STR("mock")},
                       none = {.backend = WEIR_STR("caffe")};
    expect_fail(try_load(&m, e,
                         "\x7f"
                         "ELF and more",
                         NULL),
                WEIR_ERR_FORMAT, "7f 45 4c 46");
    expect_fail(try_load(&m, e, "a", NULL), WEIR_ERR_FORMAT, "1 bytes");
    expect_fail(try_load(&m, e, "PK\3\4 a zip", &mock), WEIR_ERR_FORMAT,
                "look like one of backend 'torch'");
    expect_fail(try_load(&m, e, ECHO4, &none), WEIR_ERR_BACKEND, "no backend 'caffe'");
    expect_fail(try_load(&m, e, "mock; in=x:FLOAT[-1,4]; gibberish=3", NULL),
                WEIR_ERR_FORMAT, "at byte 24 of 35");
    expect_fail(try_load(&m, e, "mock; fail_load", NULL), WEIR_ERR_MODEL, "told to fail");
    expect_fail(try_load(&m, e, ECHO4 "; fail_on=1", NULL), WEIR_ERR_MODEL,
                "first run failed");
    expect_fail(
        wr_model_load(&m, e, WEIR_STR("m"), NULL, false, NULL, NULL, WEIR_NEVER, &err),
        WEIR_ERR_ARG, "null pointer");
    assert_null(m);
}

static void test_refuses_null_names_and_late_calls(void **state)
{
    (void)state;
    wr_model *m = NULL;
    weir_buffer *b = bytes_of(ECHO4, strlen(ECHO4));
    expect_fail(
        wr_model_load(&m, e, (weir_str){NULL, 3}, b, false, NULL, NULL, WEIR_NEVER, &err),
        WEIR_ERR_ARG, "model name is a null pointer");
    expect_fail(wr_model_load(&m, e, WEIR_STR("m"), b, false, NULL, NULL, 1, &err),
                WEIR_ERR_TIMEOUT, "deadline passed");
    expect_fail(wr_model_load(&m, NULL, WEIR_STR("m"), b, false, NULL, NULL, 1, &err),
                WEIR_ERR_ARG, "engine");
    assert_null(m);
    weir_buffer_unref(b);
}

static void test_a_warm_up_past_the_deadline_fails_the_load(void **state)
{
    (void)state;
    const char *text = ECHO4 "; delay_us=60000000";
    wr_model *m = NULL;
    weir_buffer *b = bytes_of(text, strlen(text));
    expect_fail(wr_model_load(&m, e, WEIR_STR("m"), b, false, NULL, NULL,
                              weir_deadline_in_ms(300), &err),
                WEIR_ERR_TIMEOUT, "first run");
    assert_null(m);
    weir_buffer_unref(b);
}

static void test_warm_up_sees_that_rows_depend_on_each_other(void **state)
{
    (void)state;
    weir_model_options o = {.block_rows = 2};
    wr_model *apart = load_mock(e, ECHO4, &o);
    wr_model *together = load_mock(e, ECHO4 "; op=mean", &o);
    assert_true(apart->independent);
    assert_int_equal(wr_model_info(apart)->block_rows, 2);
    assert_int_equal(apart->gather_max, 2);
    assert_false(together->independent);
    assert_int_equal(wr_model_info(together)->block_rows, 0);
    assert_int_equal(together->gather_max, 1);

    float x[16], y[16];
    for (int i = 0; i < 16; i++)
        x[i] = (float)i;
    expect_ok(run_one(e, together, floats(x, 4, 4), floats(y, 4, 4)));
    assert_true(y[0] == 6.0f &&
                y[15] == 9.0f); /* means of columns: one run of four rows */
    assert_int_equal(stats_of(together).n_runs, 1);
    wr_model_unref(together);
    wr_model_unref(apart);
}

static void test_warm_up_finds_the_block_that_is_fastest(void **state)
{
    (void)state;
    /* 100 us a run and 20 us a row up to any size: speed rises with size, so nothing is split. */
    wr_model *rising = load_mock(e, ECHO4 "; delay_us=100; delay_row_us=20", NULL);
    assert_int_not_equal(wr_model_info(rising)->block_rows, 16);
    wr_model_unref(rising);
    weir_model_options exact = {.deterministic = true, .block_rows = 16, .batch_max = 64};
    wr_model *m = load_mock(e, ECHO4, &exact);
    assert_int_equal(wr_model_info(m)->block_rows, 0);
    assert_int_equal(m->gather_max, 1);
    wr_model_unref(m);
}

static void test_no_warm_up_runs_nothing(void **state)
{
    (void)state;
    weir_model_options none = {.no_warm_up = true};
    wr_model *m = load_mock(e, ECHO4, &none);
    assert_int_equal(wr_model_info(m)->block_rows, 0);
    assert_true(wr_model_info(m)->warm_up_s == 0);
    wr_model_unref(m);
}

static void test_a_model_may_outlive_its_engine(void **state)
{
    (void)state;
    wr_engine *short_lived = engine_with(1);
    wr_model *m = load_mock(short_lived, ECHO4, NULL);
    float x[4] = {0}, y[4];
    expect_ok(run_one(short_lived, m, floats(x, 1, 4), floats(y, 1, 4)));
    wr_engine_free(short_lived);
    assert_int_equal(stats_of(m).n_calls, 1);
    wr_model_unref(wr_model_ref(m));
    wr_model_unref(m);
    wr_model_unref(NULL);
    wr_engine_free(NULL);
}

static void test_engine_refuses_more_threads_than_cores(void **state)
{
    (void)state;
    wr_engine *big = NULL;
    wr_engine_options o = {.threads = 4000};
    expect_fail(wr_engine_new(&big, &o, &err), WEIR_ERR_ARG, "4000 threads asked for");
    assert_null(big);
    o.oversubscribe = true;
    expect_ok(wr_engine_new(&big, &o, &err));
    assert_int_equal(wr_engine_threads(big), 4000);
    wr_engine_free(big);
    o.threads = -1;
    expect_fail(wr_engine_new(&big, &o, &err), WEIR_ERR_ARG, "-1 threads");
}

static void test_load_survives_every_allocation_failure(void **state)
{
    (void)state;
    const char *text = ECHO4 "; out=z:DOUBLE[-1,1]";
    weir_model_options o = {.block_rows = 4};
    weir_buffer *b = bytes_of(text, strlen(text));
    for (long n = 0;; n++) {
        wr_model *m = NULL;
        weir_memory_trim(0);
        wr_fail_allocation_after(n);
        weir_status st =
            wr_model_load(&m, e, WEIR_STR("m"), b, false, &o, NULL, WEIR_NEVER, &err);
        wr_fail_allocation_after(-1);
        if (st == WEIR_OK) {
            assert_true(n > 5);
            assert_true(
                m->independent); /* no shortage was taken for a property of the model */
            wr_model_unref(m);
            break;
        }
        if (m != NULL || (st != WEIR_ERR_NOMEM && strstr(err.text, "memory") == NULL))
            fail_msg("allocation %ld: %s", n, err.text);
    }
    weir_buffer_unref(b);
}

static void test_engine_survives_every_allocation_failure(void **state)
{
    (void)state;
    wr_engine_options o = {.threads = 1, .backend_path = WEIR_STR("/nowhere")};
    for (long n = 0;; n++) {
        wr_engine *x = NULL;
        wr_fail_allocation_after(n);
        weir_status st = wr_engine_new(&x, &o, &err);
        wr_fail_allocation_after(-1);
        if (st == WEIR_OK) {
            wr_engine_free(x);
            return;
        }
        assert_int_equal(st, WEIR_ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describes_what_it_loaded),
        cmocka_unit_test(test_counts_versions_on_and_refuses_the_same_one),
        cmocka_unit_test(test_versions_share_one_account_that_outlives_them),
        cmocka_unit_test(test_refuses_options_that_make_no_sense),
        cmocka_unit_test(test_refuses_what_is_no_model),
        cmocka_unit_test(test_refuses_null_names_and_late_calls),
        cmocka_unit_test(test_a_warm_up_past_the_deadline_fails_the_load),
        cmocka_unit_test(test_warm_up_sees_that_rows_depend_on_each_other),
        cmocka_unit_test(test_warm_up_finds_the_block_that_is_fastest),
        cmocka_unit_test(test_no_warm_up_runs_nothing),
        cmocka_unit_test(test_a_model_may_outlive_its_engine),
        cmocka_unit_test(test_engine_refuses_more_threads_than_cores),
        cmocka_unit_test(test_load_survives_every_allocation_failure),
        cmocka_unit_test(test_engine_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
