/* SPDX-License-Identifier: BSD-3-Clause */
/* Bad input: each gives its status and a sentence that names the object and both numbers, and leaves
 * everything as it was. */
#include <math.h>
#include <stdlib.h>

#include "support/expect.h"

static weir_client *c;
static float good[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static const char net[] = "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]; scale=2";

static int open_client(void **state)
{
    (void)state;
    weir_client_options opt = {.struct_bytes = sizeof opt,
                               .memory_bytes = (size_t)1 << 30};
    c = open_store("embedded:ut_bad_input", &opt);
    weir_tensor t = view_of(good, WEIR_F32, 2, (int64_t[]){2, 4});
    expect_ok(weir_put(c, WEIR_STR("u"), &t, &err));
    expect_ok(weir_set_model(c, WEIR_STR("net"), net, strlen(net), NULL, &err));
    return 0;
}

/* Nothing was lost: the tensor and the model of the beginning are as they were. */
static void check_all_is_as_before(void)
{
    float back[8] = {0}, out[8] = {0};
    weir_tensor t = view_of(back, WEIR_F32, 2, (int64_t[]){2, 4});
    weir_tensor y = view_of(out, WEIR_F32, 2, (int64_t[]){2, 4});
    expect_ok(weir_get(c, WEIR_STR("u"), &t, &err));
    assert_memory_equal(back, good, sizeof good);
    expect_ok(weir_infer(c, WEIR_STR("net"), &t, 1, &y, 1, &err));
    assert_true(out[7] == 16);
    assert_true(server_address() != NULL || statistic(c, "store.values") == 2);
}

static int close_client(void **state)
{
    (void)state;
    check_all_is_as_before();
    weir_client_free(c);
    return 0;
}

static void test_wrong_dtype(void **state)
{
    (void)state;
    double wrong[8] = {-1, -1};
    weir_tensor t = view_of(wrong, WEIR_F64, 2, (int64_t[]){2, 4});
    weir_tensor y = view_of(good, WEIR_F32, 2, (int64_t[]){2, 4});
    expect_fail(weir_get(c, WEIR_STR("u"), &t, &err), WEIR_ERR_DTYPE,
                "tensor 'u' is FLOAT[2,4], the memory given for it is DOUBLE[2,4]");
    assert_true(wrong[0] == -1);
    expect_fail(weir_infer(c, WEIR_STR("net"), &t, 1, &y, 1, &err), WEIR_ERR_DTYPE,
                "DOUBLE[2,4]");
    t.dtype = (weir_dtype)77;
    expect_fail(weir_put(c, WEIR_STR("u"), &t, &err), WEIR_ERR_DTYPE, "77");
    check_all_is_as_before();
}

static void test_wrong_rank_and_shape(void **state)
{
    (void)state;
    float room[16] = {0};
    weir_tensor flat = view_1d(room, WEIR_F32, 8);
    weir_tensor wide = view_of(room, WEIR_F32, 2, (int64_t[]){2, 5});
    weir_tensor in = view_of(room, WEIR_F32, 2, (int64_t[]){2, 4});
    weir_tensor three = view_of(room, WEIR_F32, 2, (int64_t[]){3, 4});
    expect_fail(weir_get(c, WEIR_STR("u"), &flat, &err), WEIR_ERR_SHAPE, "FLOAT[8]");
    expect_fail(weir_get(c, WEIR_STR("u"), &wide, &err), WEIR_ERR_SHAPE, "FLOAT[2,5]");
    expect_fail(weir_infer(c, WEIR_STR("net"), &wide, 1, &in, 1, &err), WEIR_ERR_SHAPE,
                "model 'net': input 'x' is FLOAT[2,5]");
    expect_fail(weir_infer(c, WEIR_STR("net"), &flat, 1, &in, 1, &err), WEIR_ERR_SHAPE,
                "FLOAT[8]");
    expect_fail(weir_infer(c, WEIR_STR("net"), &in, 1, &three, 1, &err), WEIR_ERR_SHAPE,
                "3");
    expect_fail(weir_infer(c, WEIR_STR("net"), &in, 1, &in, 0, &err), WEIR_ERR_ARG,
                "output");
    weir_tensor bad = in;
    bad.rank = WEIR_RANK_MAX + 1;
    expect_fail(weir_put(c, WEIR_STR("u"), &bad, &err), WEIR_ERR_SHAPE, "16");
    bad.rank = -1;
    expect_fail(weir_put(c, WEIR_STR("u"), &bad, &err), WEIR_ERR_SHAPE, "-1");
    bad = in;
    bad.shape[1] = -4;
    expect_fail(weir_put(c, WEIR_STR("u"), &bad, &err), WEIR_ERR_SHAPE, "-4");
}

static void test_a_shape_whose_product_overflows(void **state)
{
    (void)state;
    weir_tensor t = view_of(good, WEIR_F32, 2, (int64_t[]){2, 4});
    t.shape[0] = INT64_MAX / 2;
    t.shape[1] = 16;
    expect_fail(weir_put(c, WEIR_STR("u"), &t, &err), WEIR_ERR_SHAPE,
                "4611686018427387903");
    check_all_is_as_before();
}

static void test_missing_key_and_model(void **state)
{
    (void)state;
    weir_tensor t = view_of((float[8]){0}, WEIR_F32, 2, (int64_t[]){2, 4});
    expect_fail(weir_get(c, WEIR_STR("nothing"), &t, &err), WEIR_ERR_KEY,
                "tensor 'nothing'");
    expect_fail(weir_infer(c, WEIR_STR("absent"), &t, 1, &t, 1, &err), WEIR_ERR_KEY,
                "model 'absent'");
    if (!is_cluster()) { /* there models have keys of their own */
        expect_fail(weir_infer(c, WEIR_STR("u"), &t, 1, &t, 1, &err), WEIR_ERR_KIND,
                    "model 'u': the key holds a tensor");
        expect_fail(weir_put(c, WEIR_STR("net"), &t, &err), WEIR_ERR_KIND, "a model");
    }
}

static void test_a_model_that_is_no_model(void **state)
{
    (void)state;
    static const char junk[] = "this is prose, not a network";
    expect_fail(weir_set_model(c, WEIR_STR("net"), junk, sizeof junk, NULL, &err),
                WEIR_ERR_FORMAT, "'net'");
    expect_fail(weir_set_model(c, WEIR_STR("net"), junk, 0, NULL, &err), WEIR_ERR_FORMAT,
                "0 bytes");
    expect_fail(weir_set_model(c, WEIR_STR("net"), NULL, 5, NULL, &err), WEIR_ERR_ARG,
                "null");
    weir_model_options onnx = {.struct_bytes = sizeof onnx, .backend = WEIR_STR("onnx")};
    weir_status st = weir_set_model(c, WEIR_STR("net"), junk, sizeof junk, &onnx, &err);
    assert_true(st == WEIR_ERR_MODEL || st == WEIR_ERR_FORMAT || st == WEIR_ERR_BACKEND);
    assert_true(strlen(err.text) > 10);
    check_all_is_as_before();
}

/* The bytes of a file of the source tree; *n 0 when it is not there. */
static char *source_file(const char *name, size_t *n)
{
    char path[1024];
    const char *top = getenv("WEIR_SOURCE_DIR");
    static char bytes[65536];
    snprintf(path, sizeof path, "%s/%s", top == NULL ? "." : top, name);
    FILE *f = fopen(path, "rb");
    *n = f == NULL ? 0 : fread(bytes, 1, sizeof bytes, f);
    if (f != NULL)
        fclose(f);
    return bytes;
}

static bool backend_is_present(const char *name)
{
    weir_backend_info info[8];
    size_t n = weir_backends(c, info, 8);
    for (size_t i = 0; i < n && i < 8; i++) {
        if (strcmp(info[i].name, name) == 0)
            return info[i].present;
    }
    return false;
}

static void test_a_truncated_model_file_and_one_of_another_format(void **state)
{
    (void)state;
    size_t n;
    char *bytes = source_file("tests/models/mlp.onnx", &n);
    assert_true(n > 1000);
    weir_model_options as_mock = {.struct_bytes = sizeof as_mock,
                                  .backend = WEIR_STR("mock")};
    expect_fail(weir_set_model(c, WEIR_STR("net"), bytes, n, &as_mock, &err),
                WEIR_ERR_FORMAT, "'net'");
    if (!backend_is_present("onnx"))
        skip();
    for (size_t cut = 1; cut < n; cut += 97) {
        weir_status st = weir_set_model(c, WEIR_STR("net"), bytes, cut, NULL, &err);
        if (st != WEIR_ERR_FORMAT && st != WEIR_ERR_MODEL)
            fail_msg("cut at %zu of %zu: %s: %s", cut, n, weir_status_name(st), err.text);
        if (strstr(err.text, "'net'") == NULL)
            fail_msg("cut at %zu: '%s' does not name the model", cut, err.text);
    }
    check_all_is_as_before();
}

static void test_nan_input_follows_the_guard(void **state)
{
    (void)state;
    float in[4] = {1, NAN, 3, INFINITY}, out[4] = {-1, -1, -1, -1};
    weir_tensor x = view_of(in, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_tensor y = view_of(out, WEIR_F32, 2, (int64_t[]){1, 4});
    weir_model_stats stats;
    weir_model_options strict = {.struct_bytes = sizeof strict,
                                 .input = {.mode = WEIR_GUARD_FAIL}};
    expect_ok(weir_set_model(c, WEIR_STR("strict"), net, strlen(net), &strict, &err));
    expect_fail(weir_infer(c, WEIR_STR("strict"), &x, 1, &y, 1, &err), WEIR_ERR_GUARD,
                "'strict'");
    assert_true(out[0] == -1);
    expect_ok(weir_set_model(c, WEIR_STR("lenient"), net, strlen(net), NULL, &err));
    expect_ok(weir_infer(c, WEIR_STR("lenient"), &x, 1, &y, 1, &err));
    expect_ok(
        weir_model_statistics(c, WEIR_MODEL, WEIR_STR("lenient"), &stats, false, &err));
    assert_int_equal(stats.n_bad_in, 2);
    assert_int_equal(stats.n_bad_out, 2);
    expect_ok(weir_del(c, WEIR_MODEL, WEIR_STR("strict"), &err));
    expect_ok(weir_del(c, WEIR_MODEL, WEIR_STR("lenient"), &err));
}

static void test_zero_size_batch_is_an_empty_answer(void **state)
{
    (void)state;
    weir_tensor none = view_of(NULL, WEIR_F32, 2, (int64_t[]){0, 4});
    expect_ok(weir_infer(c, WEIR_STR("net"), &none, 1, &none, 1, &err));
    weir_tensor bad = view_of(NULL, WEIR_F32, 2, (int64_t[]){2, 0});
    expect_fail(weir_infer(c, WEIR_STR("net"), &bad, 1, &none, 1, &err), WEIR_ERR_SHAPE,
                "FLOAT[2,0]");
}

static void test_a_scalar_is_not_a_batch(void **state)
{
    (void)state;
    float x = 1;
    weir_tensor scalar = view_of(&x, WEIR_F32, 0, NULL);
    expect_fail(weir_infer(c, WEIR_STR("net"), &scalar, 1, &scalar, 1, &err),
                WEIR_ERR_SHAPE, "FLOAT[]");
}

static void test_3_gb_on_a_1_gb_store(void **state)
{
    (void)state;
    /* a real array of 3 GB by a stride of zero: nothing is touched when it is refused */
    weir_tensor t = view_of(good, WEIR_F32, 2, (int64_t[]){2, 4});
    t.shape[0] = 200000000;
    t.stride[0] = 0;
    double copies = statistic(c, "put.copies");
    expect_fail(weir_put(c, WEIR_STR("huge"), &t, &err), WEIR_ERR_FULL,
                server_address() != NULL
                    ? "'huge' is larger than the server"
                    : "3200000000 bytes never fits a store of 1073741824 bytes");
    assert_true(server_address() != NULL || statistic(c, "put.copies") == copies);
    check_all_is_as_before();
}

static void test_names_with_nul_bytes_and_without_any(void **state)
{
    (void)state;
    weir_tensor t = view_of(good, WEIR_F32, 2, (int64_t[]){2, 4});
    weir_str nul = {"a\0b", 3}, null = {NULL, 4};
    bool found;
    weir_dataset *ds = NULL;
    expect_fail(weir_put(c, nul, &t, &err), WEIR_ERR_ARG, "NUL byte at 1 of 3");
    expect_fail(weir_get(c, nul, &t, &err), WEIR_ERR_ARG, "NUL");
    expect_fail(weir_infer(c, nul, &t, 1, &t, 1, &err), WEIR_ERR_ARG, "NUL");
    expect_fail(weir_exists(c, WEIR_ANY, nul, &found, &err), WEIR_ERR_ARG, "NUL");
    expect_fail(weir_list_append(c, WEIR_STR("l"), nul, &err), WEIR_ERR_ARG, "NUL");
    expect_fail(weir_dataset_new(&ds, nul, &err), WEIR_ERR_ARG, "NUL");
    expect_fail(weir_put(c, (weir_str){0}, &t, &err), WEIR_ERR_ARG, "tensor is empty");
    expect_fail(weir_put(c, null, &t, &err), WEIR_ERR_ARG, "null pointer");
}

static void test_null_pointers(void **state)
{
    (void)state;
    weir_tensor t = view_of(good, WEIR_F32, 2, (int64_t[]){2, 4}), hollow = t;
    hollow.data = NULL;
    expect_fail(weir_client_new(NULL, (weir_str){0}, NULL, &err), WEIR_ERR_ARG,
                "'out' is null");
    expect_fail(weir_put(NULL, WEIR_STR("u"), &t, &err), WEIR_ERR_ARG,
                "'client' is null");
    expect_fail(weir_put(c, WEIR_STR("u"), NULL, &err), WEIR_ERR_ARG, "put 'u'");
    expect_fail(weir_put(c, WEIR_STR("u"), &hollow, &err), WEIR_ERR_ARG, "put 'u'");
    expect_fail(weir_put_buffer(c, WEIR_STR("u"), NULL, &err), WEIR_ERR_ARG,
                "'b' is null");
    expect_fail(weir_get(c, WEIR_STR("u"), &hollow, &err), WEIR_ERR_ARG, "get 'u'");
    expect_fail(weir_fetch(c, WEIR_STR("u"), NULL, &err), WEIR_ERR_ARG, "'out' is null");
    expect_fail(weir_borrow(c, WEIR_STR("u"), NULL, &err), WEIR_ERR_ARG, "'out' is null");
    expect_fail(weir_describe(c, WEIR_STR("u"), NULL, &err), WEIR_ERR_ARG,
                "'out' is null");
    expect_fail(weir_exists(c, WEIR_TENSOR, WEIR_STR("u"), NULL, &err), WEIR_ERR_ARG,
                "'found'");
    expect_fail(weir_poll(c, WEIR_TENSOR, WEIR_STR("u"), 0, NULL, &err), WEIR_ERR_ARG,
                "'found'");
    expect_fail(weir_put_dataset(c, NULL, &err), WEIR_ERR_ARG, "'ds' is null");
    expect_fail(weir_get_dataset(c, WEIR_STR("d"), NULL, &err), WEIR_ERR_ARG,
                "'out' is null");
    expect_fail(weir_infer(c, WEIR_STR("net"), NULL, 1, &t, 1, &err), WEIR_ERR_ARG,
                "'in' is null");
    expect_fail(weir_infer(c, WEIR_STR("net"), &t, 1, NULL, 1, &err), WEIR_ERR_ARG,
                "'out' is");
    expect_fail(weir_infer(c, WEIR_STR("net"), &t, -1, &t, 1, &err), WEIR_ERR_ARG,
                "-1 inputs");
    expect_fail(weir_infer(c, WEIR_STR("net"), &t, 1, &t, 1000, &err), WEIR_ERR_ARG,
                "1000 outputs");
    expect_fail(weir_run(c, WEIR_STR("net"), NULL, 1, NULL, 1, &err), WEIR_ERR_ARG,
                "null");
    expect_fail(weir_iput(c, WEIR_STR("u"), &t, NULL, &err), WEIR_ERR_ARG,
                "'req' is null");
    expect_fail(weir_pipeline_exec(c, NULL, &err), WEIR_ERR_ARG, "'p' is null");
    /* err itself may be NULL everywhere */
    assert_int_equal(weir_put(c, (weir_str){0}, NULL, NULL), WEIR_ERR_ARG);
    assert_int_equal(weir_get(c, WEIR_STR("no"), &t, NULL), WEIR_ERR_KEY);
    assert_int_equal(weir_infer(c, WEIR_STR("net"), &t, 1, &hollow, 1, NULL),
                     WEIR_ERR_ARG);
    weir_client_free(NULL);
    weir_client_close(NULL);
    weir_request_free(NULL);
    weir_pipeline_free(NULL);
    weir_dataset_free(NULL);
    weir_buffer_unref(NULL);
    weir_datasets_free(NULL, 0);
    check_all_is_as_before();
}

static void test_a_closed_client(void **state)
{
    (void)state;
    weir_client *d = open_store("embedded:ut_bad_input", NULL);
    weir_tensor t = view_of(good, WEIR_F32, 2, (int64_t[]){2, 4});
    weir_request *r = NULL;
    bool found;
    weir_client_close(d);
    expect_fail(weir_put(d, WEIR_STR("u"), &t, &err), WEIR_ERR_CLOSED,
                "put: the client is closed");
    expect_fail(weir_infer(d, WEIR_STR("net"), &t, 1, &t, 1, &err), WEIR_ERR_CLOSED,
                "infer");
    expect_fail(weir_iput(d, WEIR_STR("u"), &t, &r, &err), WEIR_ERR_CLOSED, "put");
    expect_fail(weir_poll(d, WEIR_TENSOR, WEIR_STR("u"), 0, &found, &err),
                WEIR_ERR_CLOSED, "poll");
    assert_null(r);
    weir_client_free(d);
}

static void test_a_deadline_in_the_past(void **state)
{
    (void)state;
    weir_tensor t = view_of((float[8]){9}, WEIR_F32, 2, (int64_t[]){2, 4});
    weir_client_set_deadline(c, weir_now_ns() - 2000000);
    expect_fail(weir_put(c, WEIR_STR("u"), &t, &err), WEIR_ERR_TIMEOUT,
                "deadline passed 2.");
    expect_fail(weir_infer(c, WEIR_STR("net"), &t, 1, &t, 1, &err), WEIR_ERR_TIMEOUT,
                "nothing was done");
    weir_client_set_deadline(c, WEIR_NEVER);
    check_all_is_as_before();
}

static void test_options_that_make_no_sense(void **state)
{
    (void)state;
    weir_client *no = NULL;
    weir_client_options o = {.timeout_ms = 5};
    expect_fail(weir_client_new(&no, (weir_str){0}, &o, &err), WEIR_ERR_ARG,
                "struct_bytes is 0");
    o.struct_bytes = sizeof o + 8;
    expect_fail(weir_client_new(&no, (weir_str){0}, &o, &err), WEIR_ERR_ARG,
                "older than");
    o = (weir_client_options){.struct_bytes = sizeof o, .threads = 4096};
    expect_fail(weir_client_new(&no, WEIR_STR("embedded:greedy"), &o, &err), WEIR_ERR_ARG,
                "4096");
    assert_null(no);
    weir_model_options m = {.struct_bytes = sizeof m, .batch_max = 4, .batch_min = 8};
    expect_fail(weir_set_model(c, WEIR_STR("net"), net, strlen(net), &m, &err),
                WEIR_ERR_ARG, "batch_min 8 exceeds batch_max 4");
    m = (weir_model_options){.struct_bytes = sizeof m, .threads = 4096};
    expect_fail(weir_set_model(c, WEIR_STR("net"), net, strlen(net), &m, &err),
                WEIR_ERR_ARG, "4096");
    check_all_is_as_before();
}

static void test_device_memory_is_refused_not_read(void **state)
{
    (void)state;
    weir_tensor t = view_of(good, WEIR_F32, 2, (int64_t[]){2, 4});
    t.device = (weir_device){WEIR_CUDA, 0};
    t.data = (void *)(uintptr_t)0x1000;
    expect_fail(weir_put(c, WEIR_STR("u"), &t, &err), WEIR_ERR_UNSUPPORTED, "device");
    expect_fail(weir_get(c, WEIR_STR("u"), &t, &err), WEIR_ERR_UNSUPPORTED, "device");
    expect_fail(weir_infer(c, WEIR_STR("net"), &t, 1, &t, 1, &err), WEIR_ERR_UNSUPPORTED,
                "device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_dtype),
        cmocka_unit_test(test_wrong_rank_and_shape),
        cmocka_unit_test(test_a_shape_whose_product_overflows),
        cmocka_unit_test(test_missing_key_and_model),
        cmocka_unit_test(test_a_model_that_is_no_model),
        cmocka_unit_test(test_a_truncated_model_file_and_one_of_another_format),
        cmocka_unit_test(test_nan_input_follows_the_guard),
        cmocka_unit_test(test_zero_size_batch_is_an_empty_answer),
        cmocka_unit_test(test_a_scalar_is_not_a_batch),
        cmocka_unit_test(test_3_gb_on_a_1_gb_store),
        cmocka_unit_test(test_names_with_nul_bytes_and_without_any),
        cmocka_unit_test(test_null_pointers),
        cmocka_unit_test(test_a_closed_client),
        cmocka_unit_test(test_a_deadline_in_the_past),
        cmocka_unit_test(test_options_that_make_no_sense),
        cmocka_unit_test(test_device_memory_is_refused_not_read),
    };
    return cmocka_run_group_tests(tests, open_client, close_client);
}
