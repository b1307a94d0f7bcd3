/* SPDX-License-Identifier: BSD-3-Clause */
/* Models that are declared and loaded when first needed; the options they keep; runs at once or not. */
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

static weir_status try_declare(wr_model **out, weir_str name, const char *text,
                               const weir_model_options *opt)
{
    weir_buffer *b = bytes_of(text, strlen(text));
    weir_status st = wr_model_declare(out, e, name, b, false, opt, &err);
    weir_buffer_unref(b);
    return st;
}

static wr_model *declared(const char *text, weir_model_options opt)
{
    wr_model *m = NULL;
    expect_ok(try_declare(&m, WEIR_STR("m"), text, &opt));
    return m;
}

/* ---- declared ------------------------------------------------------------------------------------- */

static void test_a_declared_model_tells_what_is_known(void **state)
{
    (void)state;
    wr_model *m = declared(ECHO4, (weir_model_options){.tag = WEIR_STR("v1")});
    const weir_model_info *i = wr_model_info(m);
    assert_false(wr_model_is_ready(m));
    assert_string_equal(i->backend, "mock"); /* told from its first bytes */
    assert_string_equal(i->tag, "v1");
    assert_int_equal(i->version, 1);
    assert_int_equal(i->file_bytes, strlen(ECHO4));
    assert_int_equal(i->device.kind, WEIR_CPU);
    assert_int_equal(i->n_in, 0);
    assert_int_equal(i->n_parameters, -1);
    assert_false(i->is_script);
    assert_int_equal(stats_of(m).n_calls, 0);

    float x[4] = {1, 2, 3, 4}, y[4] = {0};
    expect_ok(run_one(e, m, floats(x, 1, 4), floats(y, 1, 4)));
    assert_memory_equal(x, y, sizeof x);
    assert_true(wr_model_is_ready(m));
    assert_int_equal(wr_model_info(m)->n_in, 1);
    assert_true(wr_model_info(m)->warm_up_s > 0);
    expect_ok(wr_model_ensure(m, 1, &err)); /* ready: no deadline matters */
    wr_model_unref(m);
}

static void test_a_missing_backend_shows_when_it_is_loaded(void **state)
{
    (void)state;
    weir_model_options o = {.backend = WEIR_STR("caffe"), .version = 9, .threads = 2};
    wr_model *m = declared("anything", o);
    float x[4] = {0}, y[4];
    assert_string_equal(wr_model_info(m)->backend, "caffe");
    assert_int_equal(wr_model_info(m)->version, 9);
    expect_fail(wr_model_ensure(m, WEIR_NEVER, &err), WEIR_ERR_BACKEND,
                "no backend 'caffe'");
    expect_fail(wr_model_ensure(m, WEIR_NEVER, &err), WEIR_ERR_BACKEND,
                "no backend 'caffe'");
    expect_fail(run_one(e, m, floats(x, 1, 4), floats(y, 1, 4)), WEIR_ERR_BACKEND,
                "no backend 'caffe'");
    assert_false(wr_model_is_ready(m));
    assert_int_equal(stats_of(m).n_errors, 1);
    wr_model_unref(m);
}

static void test_threads_that_are_not_there_show_when_it_is_loaded(void **state)
{
    (void)state;
    wr_model *m = declared(ECHO4, (weir_model_options){.threads = 7});
    expect_fail(wr_model_ensure(m, WEIR_NEVER, &err), WEIR_ERR_ARG,
                "7 threads asked for, the engine has 2");
    wr_model_unref(m);
}

static void test_names_are_any_bytes(void **state)
{
    (void)state;
    wr_model *m = NULL;
    expect_ok(try_declare(&m, WEIR_STR("{\0\0}.m"), ECHO4, NULL));
    expect_ok(wr_model_ensure(m, WEIR_NEVER, &err));
    wr_model_unref(m);
    weir_buffer *b = bytes_of(ECHO4, strlen(ECHO4));
    expect_ok(
        wr_model_load(&m, e, WEIR_STR("\0"), b, false, NULL, NULL, WEIR_NEVER, &err));
    wr_model_unref(m);
    weir_buffer_unref(b);
}

static void test_refuses_to_declare_what_can_be_no_model(void **state)
{
    (void)state;
    wr_model *m = NULL;
    weir_model_options device = {.device = {.kind = (weir_device_kind)77}},
                       none = {.n_functions = 2}, backend = {.backend = {NULL, 4}};
    expect_fail(try_declare(&m, WEIR_STR("m"), "", NULL), WEIR_ERR_ARG, "UINT8[0]");
    expect_fail(try_declare(&m, WEIR_STR("m"), ECHO4, &device), WEIR_ERR_ARG,
                "device kind 77");
    expect_fail(try_declare(&m, WEIR_STR("m"), ECHO4, &none), WEIR_ERR_ARG,
                "2 names of functions");
    expect_fail(try_declare(&m, WEIR_STR("m"), ECHO4, &backend), WEIR_ERR_ARG,
                "backend is a null pointer");
    expect_fail(wr_model_declare(&m, e, WEIR_STR("m"), NULL, false, NULL, &err),
                WEIR_ERR_ARG, "null pointer for its bytes");
    expect_fail(wr_model_declare(&m, NULL, WEIR_STR("m"), NULL, false, NULL, &err),
                WEIR_ERR_ARG, "engine");
    assert_null(m);
}

static void test_a_failed_load_is_remembered(void **state)
{
    (void)state;
    wr_model *m = declared(ECHO4 "; fail_on=1", (weir_model_options){0});
    for (int i = 0; i < 3;
         i++) /* a second first run would be the model's second: it works */
        expect_fail(wr_model_ensure(m, WEIR_NEVER, &err), WEIR_ERR_MODEL,
                    "first run failed");
    wr_model_unref(m);
}

static void test_a_load_that_met_its_deadline_is_tried_again(void **state)
{
    (void)state;
    wr_model *m =
        declared(ECHO4 "; delay_us=30000; op=run", (weir_model_options){.block_rows = 2});
    expect_fail(wr_model_ensure(m, weir_deadline_in_ms(5), &err), WEIR_ERR_TIMEOUT,
                "first run");
    assert_false(wr_model_is_ready(m));
    assert_int_equal(wr_model_info(m)->n_in, 0);
    expect_fail(wr_model_ensure(m, 1, &err), WEIR_ERR_TIMEOUT, "deadline passed");
    expect_ok(wr_model_ensure(m, WEIR_NEVER, &err));
    float x[4] = {0}, y[4];
    expect_ok(run_one(e, m, floats(x, 1, 4), floats(y, 1, 4)));
    assert_true(y[0] > 2); /* its number: the first, stopped one was of the same load */
    wr_model_unref(m);
}

/* ---- options -------------------------------------------------------------------------------------- */

static void test_a_model_keeps_its_options_whole(void **state)
{
    (void)state;
    char tag[200], in[] = "in", out[] = "out", f[] = "entry", backend[] = "mock";
    memset(tag, 't', sizeof tag);
    tag[100] = '\0';
    weir_str inputs[] = {{in, 2}}, outputs[] = {{out, 3}}, functions[] = {{f, 5}, {f, 2}};
    weir_model_options o = {.struct_bytes = sizeof o,
                            .backend = {backend, 4},
                            .tag = {tag, sizeof tag},
                            .batch_max = 8,
                            .inputs = inputs,
                            .n_inputs = 1,
                            .outputs = outputs,
                            .n_outputs = 1,
                            .functions = functions,
                            .n_functions = 2};
    wr_model *m = declared(ECHO4, o);
    memset(in, 'x', 2);
    memset(f, 'x', 5);
    memset(inputs, 0, sizeof inputs);
    memset(functions, 0, sizeof functions);
    tag[0] = 'x';
    const weir_model_options *kept = wr_model_options(m);
    assert_int_equal(kept->struct_bytes, sizeof o);
    assert_int_equal(kept->tag.n, 200);
    assert_true(kept->tag.p[0] == 't' && kept->tag.p[100] == '\0' &&
                kept->tag.p[199] == 't' && kept->tag.p[200] == '\0');
    assert_string_equal(kept->backend.p, "mock");
    assert_string_equal(kept->inputs[0].p, "in");
    assert_string_equal(kept->outputs[0].p, "out");
    assert_string_equal(kept->functions[0].p, "entry");
    assert_string_equal(kept->functions[1].p, "en");
    assert_int_equal(kept->n_functions, 2);
    assert_int_equal(kept->batch_max, 8);
    assert_int_equal(kept->version, 0); /* as given */
    expect_ok(wr_model_ensure(m, WEIR_NEVER, &err));
    assert_int_equal(wr_model_options(m)->tag.n, 200);
    wr_model_unref(m);
}

static void test_options_of_an_older_program_lack_functions(void **state)
{
    (void)state;
    weir_str f = WEIR_STR("f");
    weir_model_options o = {.struct_bytes = offsetof(weir_model_options, functions),
                            .tag = WEIR_STR("old"),
                            .functions = &f,
                            .n_functions = 77};
    wr_model *m = declared(ECHO4, o);
    assert_int_equal(wr_model_options(m)->n_functions, 0);
    assert_string_equal(wr_model_options(m)->tag.p, "old");
    wr_model_unref(m);
    expect_ok(try_declare(&m, WEIR_STR("m"), ECHO4, NULL));
    assert_int_equal(wr_model_options(m)->tag.n, 0);
    wr_model_unref(m);
}

/* ---- no memory -------------------------------------------------------------------------------------- */

static void test_declare_survives_every_allocation_failure(void **state)
{
    (void)state;
    weir_str name = WEIR_STR("one");
    weir_model_options o = {.tag = WEIR_STR("t"), .functions = &name, .n_functions = 1};
    weir_buffer *b = bytes_of(ECHO4, strlen(ECHO4));
    for (long n = 0;; n++) {
        wr_model *m = NULL;
        wr_fail_allocation_after(n);
        weir_status st = wr_model_declare(&m, e, WEIR_STR("m"), b, false, &o, &err);
        wr_fail_allocation_after(-1);
        if (st == WEIR_OK) {
            assert_true(n > 3);
            wr_model_unref(m);
            break;
        }
        assert_null(m);
        assert_int_equal(st, WEIR_ERR_NOMEM);
    }
    weir_buffer_unref(b);
}

static void test_ensure_is_tried_again_after_every_allocation_failure(void **state)
{
    (void)state;
    wr_model *m = declared(ECHO4, (weir_model_options){.block_rows = 4});
    for (long n = 0;; n++) {
        weir_memory_trim(0);
        wr_fail_allocation_after(n);
        weir_status st = wr_model_ensure(m, WEIR_NEVER, &err);
        wr_fail_allocation_after(-1);
        if (st == WEIR_OK) {
            assert_true(n > 3 && m->independent);
            break;
        }
        if (st != WEIR_ERR_NOMEM)
            fail_msg("allocation %ld: %s", n, err.text);
    }
    wr_model_unref(m);
}

/* ---- scripts ------------------------------------------------------------------------------------------ */

static void test_scripts_get_keys_and_arguments(void **state)
{
    (void)state;
    float x[2] = {0}, y[2] = {0};
    weir_str keys[] = {WEIR_STR("{\0\0}.k"), WEIR_STR("")}, arg = WEIR_STR("a\0b"),
             entry = WEIR_STR("texts"), bad[] = {{NULL, 1}};
    weir_model_options o = {.functions = &entry, .n_functions = 1};
    wr_model *s = NULL, *m = load_mock(e, ECHO4, NULL);
    weir_buffer *b = bytes_of("mock", 4);
    expect_ok(wr_model_load(&s, e, WEIR_STR("s"), b, true, &o, NULL, WEIR_NEVER, &err));
    one j;
    one_init(&j, s, floats(x, 1, 2), floats(y, 1, 2));
    j.job.function = WEIR_STR("texts");
    j.job.keys = keys;
    j.job.n_keys = 2;
    j.job.args = &arg;
    j.job.n_args = 1;
    expect_ok(run_job(e, &j.job));
    assert_int_equal(y[0], 20000 + 100 + 6 + 3);
    j.job.args = NULL;
    expect_fail(run_job(e, &j.job), WEIR_ERR_ARG, "a null pointer");
    j.job.n_args = 0;
    j.job.keys = bad;
    j.job.n_keys = 1;
    expect_fail(run_job(e, &j.job), WEIR_ERR_ARG, "key 0 is a null pointer");
    one_init(&j, m, floats(x, 0, 4), floats(y, 0, 4));
    j.job.keys = keys;
    j.job.n_keys = 2;
    expect_fail(run_job(e, &j.job), WEIR_ERR_ARG, "it takes no keys");
    wr_model_unref(m);
    wr_model_unref(s);
    weir_buffer_unref(b);
}

static void test_a_script_without_its_entry_point_is_refused(void **state)
{
    (void)state;
    weir_str entry[] = {WEIR_STR("echo"), WEIR_STR("nothing")};
    weir_model_options o = {.functions = entry, .n_functions = 2};
    wr_model *s = NULL;
    weir_buffer *b = bytes_of("mock", 4);
    expect_fail(wr_model_load(&s, e, WEIR_STR("s"), b, true, &o, NULL, WEIR_NEVER, &err),
                WEIR_ERR_MODEL, "Function nothing does not exist in the given script.");
    assert_string_equal(wr_error_sentence(&err),
                        "Function nothing does not exist in the given script.");
    weir_buffer_unref(b);
}

static void test_sentences_are_told_without_our_names(void **state)
{
    (void)state;
    const struct {
        const char *text, *sentence;
    } cases[] = {
        {"torch: script 'a': it has f: Function does not exist: g",
         "Function does not exist: g"},
        {"torch: script 'a': too warm (File x)", "too warm (File x)"},
        {"onnx: model 'it': bad: 'node': 3", "bad: 'node': 3"},
        {"model 'm': first", "first"},
        {"script 's': Function returned non-tensor valuesf",
         "Function returned non-tensor valuesf"},
        {"backend 'x': nothing of a model", "backend 'x': nothing of a model"},
        {"model 'm' belongs to another engine", "model 'm' belongs to another engine"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_error said;
        snprintf(said.text, sizeof said.text, "%s", cases[i].text);
        assert_string_equal(wr_error_sentence(&said), cases[i].sentence);
    }
}

/* ---- at once or not ----------------------------------------------------------------------------------- */

enum { SECOND = 1000000000 };

static void test_try_runs_a_model_that_is_known_to_be_quick(void **state)
{
    (void)state;
    float x[8] = {1, 2, 3, 4}, y[8] = {0};
    one o;
    wr_model *m = load_mock(e, ECHO4, &(weir_model_options){.block_rows = 64});
    one_init(&o, m, floats(x, 2, 4), floats(y, 2, 4));
    assert_false(wr_engine_try(e, &o.job, 1)); /* no run takes a nanosecond */
    assert_int_equal(stats_of(m).n_calls, 0);
    assert_true(wr_engine_try(e, &o.job, SECOND)); /* warm-up has told */
    assert_int_equal(o.job.status, WEIR_OK);
    assert_memory_equal(x, y, sizeof x);
    assert_int_equal(stats_of(m).n_calls, 1);
    assert_int_equal(stats_of(m).n_inline, 1);
    wr_model_unref(m);
}

static void test_try_refuses_what_it_does_not_know(void **state)
{
    (void)state;
    float x[4] = {1, 2, 3, 4}, y[4] = {0};
    one o;
    wr_model *m = declared(ECHO4, (weir_model_options){.no_warm_up = true});
    one_init(&o, m, floats(x, 1, 4), floats(y, 1, 4));
    assert_false(wr_engine_try(e, &o.job, SECOND)); /* not ready */
    assert_false(wr_model_is_ready(m));
    expect_ok(wr_model_ensure(m, WEIR_NEVER, &err));
    assert_false(wr_engine_try(e, &o.job, INT64_MAX)); /* ready, never run */
    assert_int_equal(stats_of(m).n_calls, 0);
    expect_ok(run_job(e, &o.job));
    assert_true(wr_engine_try(e, &o.job, SECOND));
    assert_int_equal(o.job.status, WEIR_OK);
    assert_int_equal(stats_of(m).n_calls, 2);
    assert_false(wr_engine_try(e, NULL, SECOND));
    wr_model_unref(m);
}

static void test_a_failed_check_is_an_answer(void **state)
{
    (void)state;
    float x[4] = {0}, y[4];
    one o;
    wr_engine *other = engine_with(1);
    wr_model *m = load_mock(e, ECHO4, NULL);
    one_init(&o, m, floats(x, 2, 2), floats(y, 1, 4));
    assert_true(wr_engine_try(e, &o.job, 1));
    assert_int_equal(o.job.status, WEIR_ERR_SHAPE);
    assert_has(o.job.error.text, "the model wants");
    assert_int_equal(stats_of(m).n_errors, 1);
    one_init(&o, m, floats(x, 0, 4), floats(y, 0, 4));
    assert_true(wr_engine_try(e, &o.job, 1)); /* an empty batch has an empty answer */
    assert_int_equal(o.job.status, WEIR_OK);
    one_init(&o, m, floats(x, 1, 4), floats(y, 1, 4));
    o.job.deadline = 1;
    assert_true(wr_engine_try(e, &o.job, 1));
    assert_int_equal(o.job.status, WEIR_ERR_TIMEOUT);
    assert_true(wr_engine_try(other, &o.job, 1));
    assert_int_equal(o.job.status, WEIR_ERR_ARG);
    wr_model_unref(m);
    wr_engine_free(other);
}

static void test_try_waits_for_no_batch(void **state)
{
    (void)state;
    float x[16] = {0}, y[16];
    one o;
    wr_model *m = load_mock(
        e, ECHO4,
        &(weir_model_options){
            .block_rows = 64, .batch_max = 64, .batch_min = 4, .batch_wait_ms = 60000});
    one_init(&o, m, floats(x, 1, 4), floats(y, 1, 4));
    assert_false(wr_engine_try(e, &o.job, SECOND));
    one_init(&o, m, floats(x, 4, 4), floats(y, 4, 4)); /* its own batch */
    assert_true(wr_engine_try(e, &o.job, SECOND));
    assert_int_equal(o.job.status, WEIR_OK);
    wr_model_unref(m);
}

static void test_an_outlier_is_forgotten(void **state)
{
    (void)state;
    const int64_t bound = 50000;
    wr_model *m = declared(ECHO4, (weir_model_options){0});
    assert_true(wr_expect(m, 1) == INT64_MAX);
    wr_expect_note(m, 1, 12000);
    wr_expect_note(m, 1, 4000000); /* the core was somebody else's for one tick */
    int n = 0;
    for (; wr_expect(m, 1) >= bound && n < 1000; n++)
        wr_expect_note(m, 1, 12000);
    assert_in_range(n, 20, 48);
    for (int i = 0; i < 100; i++)
        wr_expect_note(m, 1, 12000);
    int64_t now = wr_expect(m, 1);
    assert_in_range(now, 12000, 13500);
    wr_expect_note(m, 1, 0); /* never came to a run */
    assert_int_equal(wr_expect(m, 1), now);
    wr_model_unref(m);
}

static void test_expectations_are_by_size(void **state)
{
    (void)state;
    wr_model *m = declared(ECHO4, (weir_model_options){0});
    wr_expect_note(m, 1, 10);
    assert_int_equal(wr_expect(m, 0), 10);
    assert_int_equal(wr_expect(m, 7), 80); /* no more than so many of the smaller */
    wr_expect_note(m, 1000, 500);
    assert_int_equal(wr_expect(m, 1), 10);
    assert_int_equal(wr_expect(m, 7), 500); /* no more than the larger */
    assert_int_equal(wr_expect(m, 1023), 500);
    assert_int_equal(wr_expect(m, 1024), 500 * 3);
    assert_true(wr_expect(m, INT64_MAX) > INT64_MAX / 8);
    wr_expect_note(m, INT64_MAX, 9);
    assert_int_equal(wr_expect(m, INT64_MAX - 1), 9);
    wr_model_unref(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_declared_model_tells_what_is_known),
        cmocka_unit_test(test_a_missing_backend_shows_when_it_is_loaded),
        cmocka_unit_test(test_threads_that_are_not_there_show_when_it_is_loaded),
        cmocka_unit_test(test_names_are_any_bytes),
        cmocka_unit_test(test_refuses_to_declare_what_can_be_no_model),
        cmocka_unit_test(test_a_failed_load_is_remembered),
        cmocka_unit_test(test_a_load_that_met_its_deadline_is_tried_again),
        cmocka_unit_test(test_a_model_keeps_its_options_whole),
        cmocka_unit_test(test_options_of_an_older_program_lack_functions),
        cmocka_unit_test(test_declare_survives_every_allocation_failure),
        cmocka_unit_test(test_ensure_is_tried_again_after_every_allocation_failure),
        cmocka_unit_test(test_scripts_get_keys_and_arguments),
        cmocka_unit_test(test_a_script_without_its_entry_point_is_refused),
        cmocka_unit_test(test_sentences_are_told_without_our_names),
        cmocka_unit_test(test_try_runs_a_model_that_is_known_to_be_quick),
        cmocka_unit_test(test_try_refuses_what_it_does_not_know),
        cmocka_unit_test(test_a_failed_check_is_an_answer),
        cmocka_unit_test(test_try_waits_for_no_batch),
        cmocka_unit_test(test_an_outlier_is_forgotten),
        cmocka_unit_test(test_expectations_are_by_size),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
