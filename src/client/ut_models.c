/* SPDX-License-Identifier: BSD-3-Clause */
/* Models, scripts and pipelines through the client, on the mock backend. */
#include <stdlib.h>
#include <unistd.h>

#include "support/expect.h"

static weir_client *c;

static const char echo4[] = "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]; op=echo; scale=2";

static int open_client(void **state)
{
    (void)state;
    c = open_store("embedded:ut_models", NULL);
    return 0;
}

static int close_client(void **state)
{
    (void)state;
    weir_client_free(c);
    return 0;
}

static void set(const char *name, const char *text, const weir_model_options *opt)
{
    expect_ok(weir_set_model(c, weir_cstr(name), text, strlen(text), opt, &err));
}

static void test_infer_runs_on_the_callers_memory_without_copies(void **state)
{
    (void)state;
    float in[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[8] = {0};
    weir_tensor x = view_of(in, WEIR_F32, 2, (int64_t[]){2, 4});
    weir_tensor y = view_of(out, WEIR_F32, 2, (int64_t[]){2, 4});
    set("echo", echo4, NULL);
    double copies = statistic(c, "infer.copies"), calls = statistic(c, "infer.calls");
    expect_ok(weir_infer(c, WEIR_STR("echo"), &x, 1, &y, 1, &err));
    for (int i = 0; i < 8; i++)
        assert_true(out[i] == 2 * in[i]);
    assert_true(server_address() != NULL || statistic(c, "infer.copies") == copies);
    assert_true(statistic(c, "infer.calls") == calls + 1);
}

static void test_infer_of_strided_memory_counts_its_copies(void **state)
{
    (void)state;
    needs_embedded(); /* a server counts other copies */
    float in[4][2] = {{1, 5}, {2, 6}, {3, 7}, {4, 8}}, out[8] = {0};
    weir_tensor x = view_of(in, WEIR_F32, 2, (int64_t[]){2, 4});
    weir_tensor y = view_of(out, WEIR_F32, 2, (int64_t[]){2, 4});
    x.stride[0] = sizeof(float);
    x.stride[1] = sizeof in[0];
    set("strided", echo4, NULL);
    double copies = statistic(c, "infer.copies");
    expect_ok(weir_infer(c, WEIR_STR("strided"), &x, 1, &y, 1, &err));
    const float want[8] = {2, 4, 6, 8, 10, 12, 14, 16};
    assert_memory_equal(out, want, sizeof want);
    assert_true(statistic(c, "infer.copies") == copies + 1);
    weir_model_stats stats;
    expect_ok(
        weir_model_statistics(c, WEIR_MODEL, WEIR_STR("strided"), &stats, true, &err));
    assert_int_equal(stats.n_copies, 1);
    assert_int_equal(stats.copied_bytes, 32);
    assert_int_equal(stats.n_calls, 1);
    expect_ok(
        weir_model_statistics(c, WEIR_MODEL, WEIR_STR("strided"), &stats, false, &err));
    assert_int_equal(stats.n_calls, 0);
}

static void test_infer_alloc_gives_buffers(void **state)
{
    (void)state;
    float in[4] = {1, 2, 3, 4};
    weir_tensor x = view_of(in, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_buffer *out = NULL;
    set("alloc", echo4, NULL);
    expect_ok(weir_infer_alloc(c, WEIR_STR("alloc"), &x, 1, &out, 1, &err));
    weir_tensor y = weir_buffer_view(out);
    assert_int_equal(y.rank, 2);
    assert_true(((float *)y.data)[3] == 8);
    weir_buffer_unref(out);
}

static void test_run_goes_from_keys_to_keys_at_once(void **state)
{
    (void)state;
    float in[4] = {1, 2, 3, 4}, out[4] = {0};
    weir_tensor x = view_of(in, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_tensor y = view_of(out, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_str key_in = WEIR_STR("in"), key_out = WEIR_STR("out");
    set("run", echo4, NULL);
    expect_ok(weir_put(c, key_in, &x, &err));
    double copies = statistic(c, "run.copies");
    expect_ok(weir_run(c, WEIR_STR("run"), &key_in, 1, &key_out, 1, &err));
    assert_true(server_address() != NULL || statistic(c, "run.copies") == copies);
    expect_ok(weir_get(c, key_out, &y, &err));
    assert_true(out[0] == 2 && out[3] == 8);
    weir_str twice[2] = {key_out, key_out};
    expect_fail(weir_run(c, WEIR_STR("run"), &key_in, 1, twice, 2, &err), WEIR_ERR_ARG,
                "'out' is named twice");
    weir_str missing = WEIR_STR("nowhere");
    expect_fail(weir_run(c, WEIR_STR("run"), &missing, 1, &key_out, 1, &err),
                WEIR_ERR_KEY, "input 'nowhere'");
}

static void test_a_model_that_writes_its_input_changes_no_stored_tensor(void **state)
{
    (void)state;
    float in[4] = {1, 2, 3, 4}, back[4];
    weir_tensor x = view_of(in, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_tensor into = view_of(back, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_str key_in = WEIR_STR("kept"), key_out = WEIR_STR("o");
    set("rude", "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]; op=echo; write_input", NULL);
    expect_ok(weir_put(c, key_in, &x, &err));
    for (int i = 0; i < 3; i++) {
        expect_ok(weir_run(c, WEIR_STR("rude"), &key_in, 1, &key_out, 1, &err));
        expect_ok(weir_get(c, key_in, &into, &err));
        assert_memory_equal(back, in, sizeof in);
        expect_ok(weir_get(c, key_out, &into, &err));
        assert_memory_equal(back, in, sizeof in);
    }
    assert_true(server_address() != NULL || statistic(c, "run.copies") > 0);
    const float same[4] = {1, 2, 3, 4};
    expect_ok(weir_infer(c, WEIR_STR("rude"), &x, 1, &into, 1, &err));
    assert_memory_equal(in, same, sizeof in);
}

static void test_versions_replace_each_other_whole(void **state)
{
    (void)state;
    float in[4] = {1, 2, 3, 4}, out[4] = {0};
    weir_tensor x = view_of(in, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_tensor y = view_of(out, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_model_info info;
    set("v", "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]; scale=1", NULL);
    set("v", "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]; scale=3", NULL);
    expect_ok(weir_describe_model(c, WEIR_MODEL, WEIR_STR("v"), &info, &err));
    assert_int_equal(info.version, 2);
    assert_string_equal(info.backend, "mock");
    assert_string_equal(info.in[0].name, "x");
    assert_int_equal(info.in[0].shape[0], -1);
    static const char bad[] = "mock; fail_load";
    expect_fail(weir_set_model(c, WEIR_STR("v"), bad, strlen(bad), NULL, &err),
                WEIR_ERR_MODEL, "v");
    expect_ok(weir_infer(c, WEIR_STR("v"), &x, 1, &y, 1, &err));
    assert_true(out[1] == 6);
    weir_model_options two = {.struct_bytes = sizeof two, .version = 2};
    expect_fail(weir_set_model(c, WEIR_STR("v"), echo4, strlen(echo4), &two, &err),
                WEIR_ERR_EXISTS, "2");
    weir_buffer *bytes = NULL;
    expect_ok(weir_get_model(c, WEIR_MODEL, WEIR_STR("v"), &bytes, &err));
    assert_memory_equal(weir_buffer_view(bytes).data, "mock; in=x", 10);
    weir_buffer_unref(bytes);
    expect_ok(weir_del(c, WEIR_MODEL, WEIR_STR("v"), &err));
    expect_fail(weir_infer(c, WEIR_STR("v"), &x, 1, &y, 1, &err), WEIR_ERR_KEY,
                "model 'v'");
}

static void test_a_model_comes_from_a_file(void **state)
{
    (void)state;
    char path[] = "ut_models_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, echo4, strlen(echo4)), strlen(echo4));
    close(fd);
    expect_ok(weir_set_model_file(c, WEIR_STR("file"), weir_cstr(path), NULL, &err));
    unlink(path);
    expect_fail(weir_set_model_file(c, WEIR_STR("file"), weir_cstr(path), NULL, &err),
                WEIR_ERR_IO, "No such file");
    expect_fail(weir_set_model_file(c, WEIR_STR("file"), WEIR_STR("."), NULL, &err),
                WEIR_ERR_IO, "not a regular file");
}

static void test_infer_dataset_matches_by_name(void **state)
{
    (void)state;
    weir_dataset *in = NULL, *out = NULL;
    float a[4] = {1, 2, 3, 4}, b[4] = {10, 20, 30, 40};
    weir_tensor ta = view_of(a, WEIR_F32, 2, (int64_t[]){1, 4}), y;
    weir_tensor tb = view_of(b, WEIR_F32, 2, (int64_t[]){1, 4});
    set("sum", "mock; in=a:FLOAT[-1,4]; in=b:FLOAT[-1,4]; out=s:FLOAT[-1,4]; op=sum",
        NULL);
    expect_ok(weir_dataset_new(&in, WEIR_STR("in"), &err));
    expect_ok(weir_dataset_new(&out, WEIR_STR("out"), &err));
    expect_ok(weir_dataset_add_tensor(in, WEIR_STR("b"), &tb, &err));
    expect_fail(weir_infer_dataset(c, WEIR_STR("sum"), in, out, &err), WEIR_ERR_KEY,
                "'a'");
    expect_ok(weir_dataset_add_tensor(in, WEIR_STR("a"), &ta, &err));
    expect_ok(weir_infer_dataset(c, WEIR_STR("sum"), in, out, &err));
    expect_ok(weir_dataset_tensor(out, WEIR_STR("s"), &y, &err));
    assert_true(((float *)y.data)[3] == 44);
    expect_fail(weir_infer_dataset(c, WEIR_STR("sum"), in, out, &err), WEIR_ERR_EXISTS,
                "'s'");
    weir_dataset_free(in);
    weir_dataset_free(out);
}

static void test_scripts_are_models_with_functions(void **state)
{
    (void)state;
    weir_model_options opt = {.struct_bytes = sizeof opt, .backend = WEIR_STR("mock")};
    float in[4] = {1, 2, 3, 4}, out[4];
    weir_tensor x = view_of(in, WEIR_F32, 1, (int64_t[]){4});
    weir_tensor y = view_of(out, WEIR_F32, 1, (int64_t[]){4});
    weir_buffer *b = NULL;
    weir_str key_in = WEIR_STR("si"), key_out = WEIR_STR("so");
    expect_ok(
        weir_set_script(c, WEIR_STR("script"), WEIR_STR("mock; scale=5"), &opt, &err));
    expect_ok(
        weir_infer_script(c, WEIR_STR("script"), WEIR_STR("echo"), &x, 1, &b, 1, &err));
    assert_true(((float *)weir_buffer_view(b).data)[1] == 10);
    weir_buffer_unref(b);
    expect_ok(weir_put(c, key_in, &x, &err));
    expect_ok(weir_run_script(c, WEIR_STR("script"), WEIR_STR("echo"), &key_in, 1,
                              &key_out, 1, &err));
    expect_ok(weir_get(c, key_out, &y, &err));
    assert_true(out[3] == 20);
    expect_fail(
        weir_infer_script(c, WEIR_STR("script"), WEIR_STR("nosuch"), &x, 1, &b, 1, &err),
        WEIR_ERR_MODEL, "nosuch");
    assert_null(b);
    expect_fail(weir_infer(c, WEIR_STR("script"), &x, 1, &y, 1, &err), WEIR_ERR_KIND,
                "a script");
}

/* ---- pipelines ---- */

static void test_a_pipeline_hands_tensors_from_step_to_step(void **state)
{
    (void)state;
    float in[4] = {1, 2, 3, 4}, bias[4] = {1, 1, 1, 1}, out[4] = {0}, kept[4] = {0};
    weir_tensor x = view_of(in, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_tensor tb = view_of(bias, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_tensor y = view_of(out, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_tensor k = view_of(kept, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_pipeline *p = NULL;
    weir_str names[2] = {WEIR_STR("twice"), WEIR_STR("bias")};
    set("double", echo4, NULL);
    set("sum", "mock; in=a:FLOAT[-1,4]; in=b:FLOAT[-1,4]; out=s:FLOAT[-1,4]; op=sum",
        NULL);
    expect_ok(weir_put(c, WEIR_STR("x"), &x, &err));
    expect_ok(weir_pipeline_new(&p, &err));
    expect_ok(weir_pipeline_load(p, WEIR_STR("x"), &err));
    expect_ok(weir_pipeline_tensor(p, WEIR_STR("bias"), &tb, &err));
    expect_ok(weir_pipeline_run(p, WEIR_STR("double"), (weir_str){0}, &WEIR_STR("x"), 1,
                                &names[0], 1, &err));
    expect_ok(weir_pipeline_run(p, WEIR_STR("sum"), (weir_str){0}, names, 2,
                                &WEIR_STR("total"), 1, &err));
    expect_ok(weir_pipeline_get(p, WEIR_STR("total"), &y, &err));
    expect_ok(weir_pipeline_keep(p, WEIR_STR("total"), &err));
    for (int i = 0; i < 2; i++) {
        memset(out, 0, sizeof out);
        expect_ok(weir_pipeline_exec(c, p, &err));
        const float want[4] = {3, 5, 7, 9};
        assert_memory_equal(out, want, sizeof want);
    }
    bool found = true;
    expect_ok(weir_get(c, WEIR_STR("total"), &k, &err));
    assert_true(kept[3] == 9);
    expect_ok(weir_exists(c, WEIR_TENSOR, WEIR_STR("twice"), &found, &err));
    assert_false(found);
    weir_pipeline_free(p);
}

static void test_a_pipeline_that_fails_leaves_nothing_and_names_the_step(void **state)
{
    (void)state;
    float in[4] = {1, 2, 3, 4}, out[4] = {-1, -1, -1, -1};
    weir_tensor x = view_of(in, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_tensor y = view_of(out, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_pipeline *p = NULL;
    bool found = true;
    set("double", echo4, NULL);
    expect_ok(weir_pipeline_new(&p, &err));
    expect_ok(weir_pipeline_tensor(p, WEIR_STR("px"), &x, &err));
    expect_ok(weir_pipeline_keep(p, WEIR_STR("px"), &err));
    expect_ok(weir_pipeline_get(p, WEIR_STR("px"), &y, &err));
    expect_ok(weir_pipeline_run(p, WEIR_STR("double"), (weir_str){0}, &WEIR_STR("absent"),
                                1, &WEIR_STR("o"), 1, &err));
    expect_fail(weir_pipeline_exec(c, p, &err), WEIR_ERR_KEY,
                "step 4 of 4, 'double': no step before this one makes or loads 'absent'");
    expect_ok(weir_exists(c, WEIR_TENSOR, WEIR_STR("px"), &found, &err));
    assert_false(found);
    assert_true(out[0] == -1);
    weir_pipeline_free(p);
}

static void test_backends_are_listed_with_hints(void **state)
{
    (void)state;
    weir_backend_info info[8];
    size_t n = weir_backends(c, info, 8);
    bool mock = false;
    assert_in_range(n, 3, 8);
    for (size_t i = 0; i < n; i++) {
        mock |= strcmp(info[i].name, "mock") == 0 && info[i].present;
        assert_true(info[i].present ? info[i].version[0] != '\0'
                                    : strlen(info[i].hint) > 10);
    }
    assert_true(mock);
    weir_model_options opt = {.struct_bytes = sizeof opt, .backend = WEIR_STR("caffe")};
    expect_fail(weir_set_model(c, WEIR_STR("m"), "x", 1, &opt, &err), WEIR_ERR_BACKEND,
                "caffe");
}

static void test_who_answers_says_what_it_is(void **state)
{
    (void)state;
    weir_server_info info[16];
    size_t n = weir_servers(c, info, 16);
    assert_in_range(n, 1, 16);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(info[i].weir, weir_version());
        assert_true(info[i].version[0] != '\0');
        if (strcmp(info[i].kind, "embedded") == 0)
            assert_true(n == 1 && info[i].address[0] == '\0');
        else
            assert_true(info[i].address[0] != '\0' &&
                        (strcmp(info[i].kind, "redis") == 0 ||
                         strcmp(info[i].kind, "valkey") == 0));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(info[i].address, info[j].address);
    }
    assert_int_equal(weir_servers(c, NULL, 0), n);
    assert_int_equal(weir_servers(NULL, info, 16), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_infer_runs_on_the_callers_memory_without_copies),
        cmocka_unit_test(test_infer_of_strided_memory_counts_its_copies),
        cmocka_unit_test(test_infer_alloc_gives_buffers),
        cmocka_unit_test(test_run_goes_from_keys_to_keys_at_once),
        cmocka_unit_test(test_a_model_that_writes_its_input_changes_no_stored_tensor),
        cmocka_unit_test(test_versions_replace_each_other_whole),
        cmocka_unit_test(test_a_model_comes_from_a_file),
        cmocka_unit_test(test_infer_dataset_matches_by_name),
        cmocka_unit_test(test_scripts_are_models_with_functions),
        cmocka_unit_test(test_a_pipeline_hands_tensors_from_step_to_step),
        cmocka_unit_test(test_a_pipeline_that_fails_leaves_nothing_and_names_the_step),
        cmocka_unit_test(test_backends_are_listed_with_hints),
        cmocka_unit_test(test_who_answers_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, open_client, close_client);
}
