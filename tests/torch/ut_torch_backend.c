/* SPDX-License-Identifier: BSD-3-Clause */
/* Models through the torch backend alone, behind its table: this program plays the host. */
#include "host.h"

/* ---- models ---------------------------------------------------------------------------------- */

static void test_table_is_complete(void **state)
{
    (void)state;
    need_backend();
    assert_int_equal(ops->abi, WR_BACKEND_ABI);
    assert_int_equal(ops->bytes, sizeof(wr_backend_ops));
    assert_string_equal(ops->name, "torch");
    assert_non_null(ops->hint);
    assert_non_null(strchr(ops->version(), '.'));
    assert_null(ops->interrupt);
}

static void test_model_says_what_it_is(void **state)
{
    (void)state;
    need_models();
    weir_model_info info = {0};
    wr_backend_model *m = load("linear", &info);
    assert_int_equal(info.n_in, 1);
    assert_int_equal(info.n_out, 1);
    assert_string_equal(info.in[0].name, "x");
    assert_int_equal(info.in[0].rank, -1);
    assert_int_equal(info.in[0].dtype, WEIR_F32);
    assert_int_equal(info.n_parameters, 8);
    assert_false(info.writes_inputs);
    ops->unload(m);
    m = load("sum_and_difference", &info);
    assert_int_equal(info.n_in, 2);
    assert_string_equal(info.in[1].name, "b");
    assert_int_equal(info.n_out, 2);
    assert_int_equal(info.n_parameters, 0);
    ops->unload(m);
    m = load("list_of_two", &info);
    assert_int_equal(info.n_out, 2);
    ops->unload(m);
    m = load("in_double", &info);
    assert_int_equal(info.in[0].dtype, WEIR_F64);
    ops->unload(m);
}

static void test_model_takes_the_names_of_the_user(void **state)
{
    (void)state;
    need_models();
    weir_model_info info = {0};
    weir_error err = {0};
    wr_backend_model *m = NULL;
    size_t n;
    void *p = read_file("linear", &n);
    weir_str in = WEIR_STR("features"), out = WEIR_STR("energy");
    wr_load_args args = {.name = WEIR_STR("named"),
                         .blob = p,
                         .n_blob = n,
                         .threads = 1,
                         .inputs = &in,
                         .n_inputs = 1,
                         .outputs = &out,
                         .n_outputs = 1};
    assert_int_equal(ops->load(&m, &args, &info, &err), WEIR_OK);
    assert_string_equal(info.in[0].name, "features");
    assert_string_equal(info.out[0].name, "energy");
    ops->unload(m);
    free(p);
}

static void test_run_writes_into_the_memory_given(void **state)
{
    (void)state;
    need_models();
    float x[6] = {1, 2, 3, 0, 0, 1}, y[4] = {0};
    const float want[4] = {14.5F, 31.5F, 3.5F, 5.5F}, before[6] = {1, 2, 3, 0, 0, 1};
    wr_backend_model *m = load("linear", NULL);
    weir_tensor in = VIEW(x, F32, 2, 3);
    wr_output out = {.view = VIEW(y, F32, 2, 2)};
    for (int i = 0; i < 4; i++) { /* libtorch optimises again at the second run */
        memset(y, 0, sizeof y);
        run_ok(m, NULL, &in, 1, &out, 1);
        expect_floats(y, want, 4);
    }
    assert_memory_equal(x, before, sizeof x);
    assert_null(out.buffer);
    ops->unload(m);
}

static void test_run_gives_a_buffer_when_no_memory_is_given(void **state)
{
    (void)state;
    need_models();
    float x[3] = {1, 2, 3};
    const float want[2] = {14.5F, 31.5F};
    wr_backend_model *m = load("linear", NULL);
    weir_tensor in = VIEW(x, F32, 1, 3);
    wr_output out = {.buffer = NULL};
    run_ok(m, NULL, &in, 1, &out, 1);
    ops->unload(m); /* the buffer outlives the model */
    weir_tensor t = weir_buffer_view(out.buffer);
    assert_int_equal(t.rank, 2);
    assert_int_equal(t.shape[0], 1);
    assert_int_equal(t.shape[1], 2);
    assert_true(weir_tensor_is_contiguous(&t));
    assert_int_equal((uintptr_t)t.data % WEIR_ALIGN, 0);
    expect_floats(t.data, want, 2);
    weir_buffer_unref(out.buffer);
}

static void test_output_that_is_the_input_is_copied(void **state)
{
    (void)state;
    need_models();
    static float x[32] __attribute__((aligned(64)));
    wr_backend_model *m = load("identity", NULL);
    for (int i = 0; i < 32; i++)
        x[i] = (float)i;
    weir_tensor in = VIEW(x, F32, 32);
    wr_output out = {.buffer = NULL};
    run_ok(m, NULL, &in, 1, &out, 1);
    weir_tensor t = weir_buffer_view(out.buffer);
    assert_ptr_not_equal(t.data, x);
    x[3] = -1;
    assert_true(((float *)t.data)[3] == 3.0F);
    weir_buffer_unref(out.buffer);
    ops->unload(m);
}

static void test_output_that_is_a_weight_is_copied(void **state)
{
    (void)state;
    need_models();
    float x[1] = {0};
    wr_backend_model *m = load("weight", NULL);
    weir_tensor in = VIEW(x, F32, 1);
    for (int i = 0; i < 2; i++) {
        wr_output out = {.buffer = NULL};
        run_ok(m, NULL, &in, 1, &out, 1);
        float *y = weir_buffer_view(out.buffer).data;
        assert_true(y[5] == 5.0F);
        y[5] = -1; /* must not reach the second run */
        weir_buffer_unref(out.buffer);
    }
    ops->unload(m);
}

static void test_outputs_of_a_tuple_and_of_a_list_come_in_order(void **state)
{
    (void)state;
    need_models();
    float a[2] = {5, 6}, b[2] = {1, 2}, s[2], d[2];
    const float sum[2] = {6, 8}, difference[2] = {4, 4}, twice[2] = {10, 12};
    wr_backend_model *m = load("sum_and_difference", NULL);
    weir_tensor in[2] = {VIEW(a, F32, 2), VIEW(b, F32, 2)};
    wr_output out[2] = {{.view = VIEW(s, F32, 2)}, {.view = VIEW(d, F32, 2)}};
    run_ok(m, NULL, in, 2, out, 2);
    expect_floats(s, sum, 2);
    expect_floats(d, difference, 2);
    ops->unload(m);
    m = load("list_of_two", NULL);
    wr_output mixed[2] = {{.buffer = NULL}, {.view = VIEW(d, F32, 2)}};
    run_ok(m, NULL, in, 1, mixed, 2);
    expect_floats(weir_buffer_view(mixed[0].buffer).data, a, 2);
    expect_floats(d, twice, 2);
    weir_buffer_unref(mixed[0].buffer);
    ops->unload(m);
}

static void test_transposed_output_arrives_in_c_order(void **state)
{
    (void)state;
    need_models();
    float x[6] = {1, 2, 3, 4, 5, 6}, y[6];
    const float want[6] = {1, 4, 2, 5, 3, 6};
    wr_backend_model *m = load("transpose", NULL);
    weir_tensor in = VIEW(x, F32, 2, 3);
    wr_output out = {.view = VIEW(y, F32, 3, 2)};
    run_ok(m, NULL, &in, 1, &out, 1);
    expect_floats(y, want, 6);
    wr_output made = {.buffer = NULL};
    run_ok(m, NULL, &in, 1, &made, 1);
    weir_tensor t = weir_buffer_view(made.buffer);
    assert_true(weir_tensor_is_contiguous(&t));
    expect_floats(t.data, want, 6);
    weir_buffer_unref(made.buffer);
    ops->unload(m);
}

static void test_every_element_type_passes_or_is_refused(void **state)
{
    (void)state;
    need_models();
    wr_backend_model *m = load("copy", NULL);
    uint64_t x[4] = {0x0001000100010001U, 0x0101010101010101U, 0, 0x0100010001000101U},
             y[4];
    bool old = ops->version()[0] == '1';
    for (int t = 0; t < WEIR_DTYPE_COUNT; t++) {
        weir_error err = {0};
        int64_t n[2] = {
            t == WEIR_STRING ? 1 : (int64_t)(sizeof x / weir_dtype_bytes((weir_dtype)t)),
            -1};
        weir_tensor in = view(x, (weir_dtype)t, n);
        wr_output out = {.view = view(y, (weir_dtype)t, n)};
        bool wide_unsigned = t == WEIR_U16 || t == WEIR_U32 || t == WEIR_U64;
        memset(y, 0xee, sizeof y);
        weir_status st = run(m, NULL, &in, 1, &out, 1, &err);
        if (t == WEIR_STRING || (old && wide_unsigned)) {
            assert_int_equal(st, WEIR_ERR_DTYPE);
            expect_text(&err, weir_dtype_name((weir_dtype)t));
        } else {
            if (st != WEIR_OK)
                fail_msg("%s: %s", weir_dtype_name((weir_dtype)t), err.text);
            assert_memory_equal(x, y, sizeof x);
        }
    }
    ops->unload(m);
}

static void test_scalar_and_empty_tensors_pass(void **state)
{
    (void)state;
    need_models();
    wr_backend_model *m = load("copy", NULL);
    float x = 2.5F, y = 0;
    weir_tensor in = SCALAR(&x, F32);
    wr_output out = {.view = SCALAR(&y, F32)};
    run_ok(m, NULL, &in, 1, &out, 1);
    assert_true(y == 2.5F);
    in = VIEW(NULL, F32, 0, 4);
    wr_output empty = {.buffer = NULL};
    run_ok(m, NULL, &in, 1, &empty, 1);
    weir_tensor t = weir_buffer_view(empty.buffer);
    assert_int_equal(t.rank, 2);
    assert_int_equal(t.shape[0], 0);
    assert_int_equal(t.shape[1], 4);
    weir_buffer_unref(empty.buffer);
    ops->unload(m);
}

static void test_writing_into_the_input_is_found(void **state)
{
    (void)state;
    need_models();
    static const char *const writers[] = {"doubles", "zeroes_column", "writes_element"};
    static const char *const others[] = {"linear", "writes_own", "sum_and_difference",
                                         "transpose", "identity"};
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        weir_model_info info = {0};
        ops->unload(load(writers[i], &info));
        if (!info.writes_inputs)
            fail_msg("%s writes into its input, unseen", writers[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        weir_model_info info = {0};
        ops->unload(load(others[i], &info));
        if (info.writes_inputs)
            fail_msg("%s does not write into its input, but is said to", others[i]);
    }
}

static void test_dropout_saved_in_training_mode_is_off(void **state)
{
    (void)state;
    need_models();
    float x[64], y[64];
    for (int i = 0; i < 64; i++)
        x[i] = 1;
    wr_backend_model *m = load("dropout", NULL);
    weir_tensor in = VIEW(x, F32, 64);
    wr_output out = {.view = VIEW(y, F32, 64)};
    run_ok(m, NULL, &in, 1, &out, 1);
    expect_floats(y, x, 64);
    ops->unload(m);
}

static void test_parameter_with_a_default_keeps_it(void **state)
{
    (void)state;
    need_models();
    float x[2] = {1, 2}, y[2];
    const float want[2] = {2, 4};
    weir_model_info info = {0};
    wr_backend_model *m = load("with_scale", &info);
    assert_int_equal(info.n_in, 1);
    weir_tensor in = VIEW(x, F32, 2);
    wr_output out = {.view = VIEW(y, F32, 2)};
    run_ok(m, NULL, &in, 1, &out, 1);
    expect_floats(y, want, 2);
    ops->unload(m);
}

static void test_model_with_state_runs(void **state)
{
    (void)state;
    need_models();
    float x[1] = {1}, y[1];
    wr_backend_model *m = load("with_state", NULL);
    weir_tensor in = VIEW(x, F32, 1);
    wr_output out = {.view = VIEW(y, F32, 1)};
    run_ok(m, NULL, &in, 1, &out, 1);
    run_ok(m, NULL, &in, 1, &out, 1);
    assert_true(y[0] == 2.0F);
    ops->unload(m);
}

static void test_large_intermediates_reuse_their_pages(void **state)
{
    (void)state;
    need_models();
    float x[20], y[20];
    for (int i = 0; i < 20; i++)
        x[i] = (float)i;
    wr_backend_model *m = load("wide", NULL);
    weir_tensor in = VIEW(x, F32, 20);
    wr_output out = {.view = VIEW(y, F32, 20)};
    for (int i = 0; i < 3; i++)
        run_ok(m, NULL, &in, 1, &out, 1);
    weir_memory before = weir_memory_info();
    int n_before = n_buffers;
    for (int i = 0; i < 5; i++)
        run_ok(m, NULL, &in, 1, &out, 1);
    weir_memory after = weir_memory_info();
    assert_true(n_buffers > n_before);               /* they are the host's .. */
    assert_int_equal(after.n_fresh, before.n_fresh); /* .. old pages .. */
    assert_int_equal(after.in_use_bytes, before.in_use_bytes); /* .. and given back */
    assert_true(fabsf(y[3] - 4.0F * 50000.0F) < 1.0F);
    ops->unload(m);
}

static void test_run_leaves_the_thread_numbers_of_the_program(void **state)
{
    (void)state;
    need_models();
    int (*omp_get)(void), (*blas_get)(void);
    void (*omp_set)(int), (*blas_set)(int);
    *(void **)&omp_get = dlsym(library, "omp_get_max_threads");
    *(void **)&omp_set = dlsym(library, "omp_set_num_threads");
    *(void **)&blas_get = dlsym(library, "openblas_get_num_threads");
    *(void **)&blas_set = dlsym(library, "openblas_set_num_threads");
    if (omp_get == NULL || omp_set == NULL) {
        print_message("# this libtorch does not use OpenMP\n");
        skip();
    }
    int omp_before = omp_get(), blas_before = blas_get == NULL ? 0 : blas_get();
    omp_set(3);
    if (blas_set != NULL)
        blas_set(2);
    float x[3] = {1, 2, 3}, y[2];
    wr_backend_model *m = load("linear", NULL);
    weir_tensor in = VIEW(x, F32, 1, 3);
    wr_output out = {.view = VIEW(y, F32, 1, 2)};
    run_ok(m, NULL, &in, 1, &out, 1);
    int omp_after = omp_get(), blas_after = blas_get == NULL ? 2 : blas_get();
    omp_set(omp_before);
    if (blas_set != NULL)
        blas_set(blas_before);
    assert_int_equal(omp_after, 3);
    assert_int_equal(blas_after, 2);
    ops->unload(m);
}

/* ---- failures -------------------------------------------------------------------------------- */

static void test_wrong_count_of_inputs_and_outputs_is_named(void **state)
{
    (void)state;
    need_models();
    float x[3] = {0}, y[2];
    weir_error err = {0};
    wr_backend_model *m = load("linear", NULL);
    weir_tensor in[2] = {VIEW(x, F32, 1, 3), VIEW(x, F32, 1, 3)};
    wr_output out[2] = {{.view = VIEW(y, F32, 1, 2)}, {.buffer = NULL}};
    assert_int_equal(run(m, NULL, in, 2, out, 1, &err), WEIR_ERR_ARG);
    expect_text(&err, "takes 1 inputs, 2 were given");
    assert_int_equal(run(m, NULL, in, 0, out, 1, &err), WEIR_ERR_ARG);
    assert_int_equal(run(m, NULL, in, 1, out, 2, &err), WEIR_ERR_ARG);
    expect_text(&err, "gave 1 outputs, 2 were asked for");
    assert_null(out[1].buffer);
    ops->unload(m);
}

static void test_wrong_output_memory_is_refused_and_untouched(void **state)
{
    (void)state;
    need_models();
    float x[3] = {1, 2, 3}, y[4] = {7, 7, 7, 7};
    double z[2] = {7, 7};
    const float before[4] = {7, 7, 7, 7};
    weir_error err = {0};
    wr_backend_model *m = load("linear", NULL);
    weir_tensor in = VIEW(x, F32, 1, 3);
    wr_output shape = {.view = VIEW(y, F32, 2, 2)}, dtype = {.view = VIEW(z, F64, 1, 2)};
    assert_int_equal(run(m, NULL, &in, 1, &shape, 1, &err), WEIR_ERR_SHAPE);
    expect_text(&err, "[1,2]");
    expect_text(&err, "[2,2]");
    assert_memory_equal(y, before, sizeof y);
    assert_int_equal(run(m, NULL, &in, 1, &dtype, 1, &err), WEIR_ERR_DTYPE);
    expect_text(&err, "FLOAT[1,2]");
    expect_text(&err, "DOUBLE[1,2]");
    assert_true(z[0] == 7 && z[1] == 7);
    ops->unload(m);
}

static void test_failing_run_gives_reason_and_line(void **state)
{
    (void)state;
    need_models();
    float x[4] = {0}, y[2];
    weir_error err = {0};
    wr_backend_model *m = load("linear", NULL);
    weir_tensor in = VIEW(x, F32, 1, 4);
    wr_output out = {.view = VIEW(y, F32, 1, 2)};
    assert_int_equal(run(m, NULL, &in, 1, &out, 1, &err), WEIR_ERR_MODEL);
    expect_text(&err, "cannot be multiplied");
    expect_text(&err, "line");
    assert_null(strstr(err.text, "frame #"));
    assert_null(strchr(err.text, '\n'));
    assert_int_equal(run(m, NULL, &in, 1, &out, 1, NULL), WEIR_ERR_MODEL);
    x[0] = 1;
    in = VIEW(x, F32, 1, 3);
    run_ok(m, NULL, &in, 1, &out, 1); /* the model is as it was */
    ops->unload(m);
}

static void test_files_that_are_no_torchscript_say_what_they_are(void **state)
{
    (void)state;
    need_models();
    static const struct {
        const char *name, *text;
        bool recognised;
    } cases[] = {
        {"truncated", "cut off", true},
        {"not_a_zip", "begin with 'PK'", false},
        {"state_dict", "torch.jit.save", true},
        {"pickled", "torch.jit.save", true},
        {"legacy", "torch.jit.save", true},
        {"needs_number", "'n' is of type int", true},
        {"gives_dict", "Dict", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_error err = {0};
        weir_model_info info, before;
        memset(&info, 0x5a, sizeof info);
        before = info;
        wr_backend_model *m = NULL;
        size_t n;
        void *p = read_file(cases[i].name, &n);
        assert_int_equal(ops->recognises(p, n), cases[i].recognised);
        assert_int_equal(load_bytes(p, n, false, &m, &info, &err), WEIR_ERR_MODEL);
        expect_text(&err, "'test'");
        expect_text(&err, cases[i].text);
        assert_null(m);
        assert_memory_equal(&info, &before, sizeof info);
        free(p);
    }
}

static void test_any_bytes_are_recognised_or_not_without_harm(void **state)
{
    (void)state;
    need_backend();
    assert_false(ops->recognises(NULL, 0));
    assert_false(ops->recognises("PK\3\4", 4));
    assert_false(ops->recognises("\x08\x07\x12\x04onnx", 8));
    unsigned char b[64];
    unsigned seed = 1;
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof b; i++)
            b[i] = (unsigned char)((seed = seed * 1103515245U + 12345U) >> 16);
        memcpy(b, "PK\3\4", 4);
        size_t n = (seed >> 8) % (sizeof b + 1);
        unsigned char *p = malloc(n + 1); /* ASan sees a read behind n */
        assert_non_null(p);
        unsigned char *end = p + 1;
        memcpy(end, b, n);
        (void)ops->recognises(end, n);
        free(p);
    }
}

static void test_truncations_of_a_model_are_refused(void **state)
{
    (void)state;
    need_models();
    size_t n;
    char *p = read_file("linear", &n);
    for (size_t k = 0; k < n; k += 311) {
        weir_error err = {0};
        weir_model_info info = {0};
        wr_backend_model *m = NULL;
        assert_int_equal(load_bytes(p, k, false, &m, &info, &err), WEIR_ERR_MODEL);
        assert_null(m);
    }
    free(p);
}

static void test_output_of_a_type_unknown_here_is_refused(void **state)
{
    (void)state;
    need_models();
    float x[2] = {0};
    weir_error err = {0};
    wr_backend_model *m = load("gives_complex", NULL);
    weir_tensor in = VIEW(x, F32, 2);
    wr_output out = {.buffer = NULL};
    assert_int_equal(run(m, NULL, &in, 1, &out, 1, &err), WEIR_ERR_DTYPE);
    expect_text(&err, "omplex");
    ops->unload(m);
}

static void test_missing_device_is_refused(void **state)
{
    (void)state;
    need_models();
    size_t n;
    void *p = read_file("linear", &n);
    weir_error err = {0};
    weir_model_info info = {0};
    wr_backend_model *m = NULL;
    wr_load_args args = {.name = WEIR_STR("far"),
                         .blob = p,
                         .n_blob = n,
                         .threads = 1,
                         .device = {WEIR_CUDA, 97}};
    assert_int_equal(ops->load(&m, &args, &info, &err), WEIR_ERR_MODEL);
    expect_text(&err, "97");
    free(p);
}

static void test_host_without_memory_is_an_error_not_a_crash(void **state)
{
    (void)state;
    need_models();
    float x[20] = {0}, y[20];
    weir_error err = {0};
    wr_backend_model *m = load("wide", NULL);
    weir_tensor in = VIEW(x, F32, 20);
    wr_output out = {.buffer = NULL}, into = {.view = VIEW(y, F32, 20)};
    no_buffers = true;
    weir_status refused = run(m, NULL, &in, 1, &out, 1, &err);
    weir_status own_memory = run(m, NULL, &in, 1, &into, 1, &err);
    no_buffers = false;
    assert_int_equal(refused, WEIR_ERR_NOMEM);
    assert_null(out.buffer);
    assert_int_equal(own_memory,
                     WEIR_OK); /* intermediates come from libtorch's own allocator */
    ops->unload(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_complete),
        cmocka_unit_test(test_model_says_what_it_is),
        cmocka_unit_test(test_model_takes_the_names_of_the_user),
        cmocka_unit_test(test_run_writes_into_the_memory_given),
        cmocka_unit_test(test_run_gives_a_buffer_when_no_memory_is_given),
        cmocka_unit_test(test_output_that_is_the_input_is_copied),
        cmocka_unit_test(test_output_that_is_a_weight_is_copied),
        cmocka_unit_test(test_outputs_of_a_tuple_and_of_a_list_come_in_order),
        cmocka_unit_test(test_transposed_output_arrives_in_c_order),
        cmocka_unit_test(test_every_element_type_passes_or_is_refused),
        cmocka_unit_test(test_scalar_and_empty_tensors_pass),
        cmocka_unit_test(test_writing_into_the_input_is_found),
        cmocka_unit_test(test_dropout_saved_in_training_mode_is_off),
        cmocka_unit_test(test_parameter_with_a_default_keeps_it),
        cmocka_unit_test(test_model_with_state_runs),
        cmocka_unit_test(test_large_intermediates_reuse_their_pages),
        cmocka_unit_test(test_run_leaves_the_thread_numbers_of_the_program),
        cmocka_unit_test(test_wrong_count_of_inputs_and_outputs_is_named),
        cmocka_unit_test(test_wrong_output_memory_is_refused_and_untouched),
        cmocka_unit_test(test_failing_run_gives_reason_and_line),
        cmocka_unit_test(test_files_that_are_no_torchscript_say_what_they_are),
        cmocka_unit_test(test_any_bytes_are_recognised_or_not_without_harm),
        cmocka_unit_test(test_truncations_of_a_model_are_refused),
        cmocka_unit_test(test_output_of_a_type_unknown_here_is_refused),
        cmocka_unit_test(test_missing_device_is_refused),
        cmocka_unit_test(test_host_without_memory_is_an_error_not_a_crash),
    };
    return cmocka_run_group_tests(tests, start_with_models, NULL);
}
