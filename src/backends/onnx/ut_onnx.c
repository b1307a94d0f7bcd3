/* SPDX-License-Identifier: BSD-3-Clause */
/* The onnx backend through the engine: numbers against NumPy's, all element types, shapes, refusals.
 * Skipped, with the reason, where ONNX Runtime is not installed. */
#include "engine/testing.h"

#include <dirent.h>
#include <math.h>

static wr_engine *e;

static void *read_model(const char *name, size_t *n)
{
    char path[1000];
    const char *root = getenv("WEIR_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/tests/models/%s", root == NULL ? "." : root, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        fail_msg("%s: run the tests through ctest, or set WEIR_SOURCE_DIR", path);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    char *p = malloc(*n + 1);
    assert_non_null(p);
    assert_int_equal(fread(p, 1, *n, f), *n);
    p[*n] = '\0';
    fclose(f);
    return p;
}

static weir_status try_bytes(wr_model **out, const void *p, size_t n,
                             const weir_model_options *opt)
{
    weir_buffer *b = bytes_of(p, n);
    weir_status st =
        wr_model_load(out, e, WEIR_STR("net"), b, false, opt, NULL, WEIR_NEVER, &err);
    weir_buffer_unref(b);
    return st;
}

static weir_status try_file(wr_model **out, const char *name,
                            const weir_model_options *opt)
{
    size_t n;
    void *p = read_model(name, &n);
    weir_status st = try_bytes(out, p, n, opt);
    free(p);
    return st;
}

static wr_model *load_file(const char *name)
{
    wr_model *m = NULL;
    weir_model_options quick = {.block_rows = 64}; /* no search for the block */
    expect_ok(try_file(&m, name, &quick));
    return m;
}

static bool have_onnx;

static int start(void **state)
{
    (void)state;
    weir_backend_info info[8];
    e = engine_with(2);
    size_t n = wr_engine_backends(e, info, 8);
    for (size_t i = 0; i < n && i < 8; i++) {
        if (strcmp(info[i].name, "onnx") == 0) {
            have_onnx = info[i].present;
            if (!have_onnx)
                print_message("# skipped: %s\n", info[i].hint);
        }
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    wr_engine_free(e);
    return 0;
}

#define SKIP_WITHOUT_ONNX()                                                              \
    do {                                                                                 \
        if (!have_onnx)                                                                  \
            skip();                                                                      \
    } while (0)

/* ---- numbers ----------------------------------------------------------------------------------------- */

enum { MLP_ROWS = 32 };

/* Inputs, and outputs that NumPy computed in double precision. */
static void read_oracle(float *x, double *y)
{
    size_t n;
    char *text = read_model("mlp.txt", &n), *p = text;
    for (int r = 0; r < MLP_ROWS; r++) {
        for (int c = 0; c < 10; c++)
            x[r * 10 + c] = strtof(p, &p);
        y[r] = strtod(p, &p);
    }
    free(text);
}

static void test_mlp_agrees_with_numpy(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    float x[MLP_ROWS * 10], y[MLP_ROWS];
    double want[MLP_ROWS];
    read_oracle(x, want);
    wr_model *m = NULL;
    expect_ok(try_file(&m, "mlp.onnx", NULL));
    const weir_model_info *i = wr_model_info(m);
    assert_string_equal(i->backend, "onnx");
    assert_string_equal(i->in[0].name, "x");
    assert_int_equal(i->in[0].shape[0], -1);
    assert_int_equal(i->in[0].shape[1], 10);
    assert_int_equal(i->n_parameters, 10 * 64 + 64 + 64 * 64 + 64 + 64 + 1);
    assert_false(i->writes_inputs);
    const int batches[] = {1, 3, MLP_ROWS};
    for (int b = 0; b < 3; b++) {
        memset(y, 0, sizeof y);
        expect_ok(run_one(e, m, floats(x, batches[b], 10), floats(y, batches[b], 1)));
        for (int r = 0; r < batches[b]; r++) /* three layers in single precision */
            assert_true(fabs((double)y[r] - want[r]) < 2e-6);
    }
    assert_int_equal(stats_of(m).n_copies, 0);
    assert_int_equal(stats_of(m).n_bad_out, 0);
    wr_model_unref(m);
}

static void test_fortran_order_and_blocks_give_the_same_numbers(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    float x[MLP_ROWS * 10], fx[MLP_ROWS * 10], y[MLP_ROWS];
    double want[MLP_ROWS];
    read_oracle(x, want);
    for (int r = 0; r < MLP_ROWS; r++) {
        for (int c = 0; c < 10; c++)
            fx[c * MLP_ROWS + r] = x[r * 10 + c];
    }
    weir_model_options o = {.block_rows = 5};
    wr_model *m = NULL;
    expect_ok(try_file(&m, "mlp.onnx", &o));
    weir_tensor in;
    expect_ok(
        weir_tensor_init_fortran(&in, fx, WEIR_F32, 2, (int64_t[]){MLP_ROWS, 10}, &err));
    expect_ok(run_one(e, m, in, floats(y, MLP_ROWS, 1)));
    for (int r = 0; r < MLP_ROWS; r++)
        assert_true(fabs((double)y[r] - want[r]) < 2e-6);
    assert_int_equal(stats_of(m).n_runs, 7);
    wr_model_unref(m);
}

static void test_every_element_type_goes_through_unchanged(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    for (int t = 0; t < WEIR_DTYPE_COUNT; t++) {
        char name[64];
        wr_model *m = NULL;
        snprintf(name, sizeof name, "identity_%s.onnx", weir_dtype_name((weir_dtype)t));
        if (t == WEIR_STRING) {
            expect_fail(try_file(&m, name, NULL), WEIR_ERR_UNSUPPORTED,
                        "'x' has ONNX element type 8");
            continue;
        }
        weir_model_options quick = {.block_rows = 64};
        weir_status st = try_file(&m, name, &quick);
        if (st != WEIR_OK && t == WEIR_BF16) { /* kernels differ by release */
            assert_has(err.text, "ONNX Runtime");
            continue;
        }
        expect_ok(st);
        assert_int_equal(wr_model_info(m)->in[0].dtype, t);
        _Alignas(16) unsigned char x[2 * 3 * 8], y[2 * 3 * 8] = {0};
        for (size_t i = 0; i < sizeof x; i++)
            x[i] = t == WEIR_BOOL ? i % 2 : (unsigned char)(i * 37 + 1);
        expect_ok(
            run_one(e, m, view2((weir_dtype)t, x, 2, 3), view2((weir_dtype)t, y, 2, 3)));
        assert_memory_equal(x, y, 6 * weir_dtype_bytes((weir_dtype)t));
        wr_model_unref(m);
    }
}

static void test_several_inputs_and_outputs_of_other_types(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    float a[8], b[8], c[8], y[6];
    double z[6];
    for (int i = 0; i < 8; i++) {
        a[i] = (float)i;
        b[i] = 10.0f * (float)i;
    }
    wr_model *add = load_file("add.onnx"), *two = load_file("two.onnx");
    weir_tensor in[] = {floats(a, 2, 4), floats(b, 2, 4)};
    wr_output out[] = {{.view = floats(c, 2, 4)}};
    wr_job job = {.model = add,
                  .in = in,
                  .n_in = 2,
                  .out = out,
                  .n_out = 1,
                  .deadline = WEIR_NEVER};
    expect_ok(run_job(e, &job));
    for (int i = 0; i < 8; i++)
        assert_true(c[i] == a[i] + b[i]);

    wr_output both[] = {{.view = floats(y, 2, 3)}, {.view = view2(WEIR_F64, z, 2, 3)}};
    weir_tensor x = floats(a, 2, 3);
    wr_job split = {.model = two,
                    .in = &x,
                    .n_in = 1,
                    .out = both,
                    .n_out = 2,
                    .deadline = WEIR_NEVER};
    expect_ok(run_job(e, &split));
    for (int i = 0; i < 6; i++)
        assert_true(y[i] == a[i] + 1 && z[i] == 2 * (double)a[i]);
    wr_model_unref(two);
    wr_model_unref(add);
}

/* ---- shapes -------------------------------------------------------------------------------------------- */

static void test_free_trailing_extents(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    float x[12], y[12];
    for (int i = 0; i < 12; i++)
        x[i] = (float)i;
    wr_model *m = load_file("trailing.onnx");
    const int shapes[][2] = {{3, 4}, {2, 6}, {12, 1}};
    for (int s = 0; s < 3; s++) {
        memset(y, 0, sizeof y);
        expect_ok(run_one(e, m, floats(x, shapes[s][0], shapes[s][1]),
                          floats(y, shapes[s][0], shapes[s][1])));
        for (int i = 0; i < 12; i++)
            assert_true(y[i] == 2 * x[i]);
    }
    wr_model_unref(m);
}

static void test_outputs_whose_shape_the_library_decides(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    float x[] = {0, 1, 0, 2, 0, 3};
    one o;
    wr_model *m = load_file("nonzero.onnx");
    one_init(&o, m, floats(x, 2, 3), (weir_tensor){0});
    expect_ok(run_job(e, &o.job));
    weir_tensor t = o.out.view;
    const int64_t want[] = {0, 1, 1, 1, 0, 2}; /* rows, then columns */
    assert_int_equal(t.dtype, WEIR_I64);
    assert_int_equal(t.shape[0], 2);
    assert_int_equal(t.shape[1], 3);
    assert_memory_equal(t.data, want, sizeof want);
    wr_model_unref(m); /* the buffer lives on */
    assert_int_equal(((int64_t *)weir_buffer_view(o.out.buffer).data)[5], 2);
    weir_buffer_unref(o.out.buffer);

    m = load_file("scalar.onnx");
    one_init(&o, m, floats(x, 2, 3), (weir_tensor){0});
    expect_ok(run_job(e, &o.job));
    assert_int_equal(o.out.view.rank, 0);
    assert_true(*(float *)o.out.view.data == 6.0f);
    weir_buffer_unref(o.out.buffer);
    wr_model_unref(m);
}

static void test_a_fixed_shape_is_held(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    float x[9] = {1}, y[9] = {0};
    wr_model *m = load_file("fixed.onnx");
    expect_ok(run_one(e, m, floats(x, 2, 3), floats(y, 2, 3)));
    assert_true(y[0] == -1.0f);
    expect_fail(run_one(e, m, floats(x, 3, 3), floats(y, 3, 3)), WEIR_ERR_SHAPE,
                "model 'net': input 'x' is FLOAT[3,3], the model wants FLOAT[2,3]");
    wr_model_unref(m);
}

static void test_rows_that_depend_on_each_other_are_found(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    enum { ROWS = 600 };
    static float x[ROWS * 3], y[ROWS * 3];
    double sum = 0;
    for (int i = 0; i < ROWS * 3; i++)
        x[i] = (float)(i % 11);
    wr_model *m = NULL;
    expect_ok(try_file(&m, "mean.onnx", NULL));
    assert_int_equal(wr_model_info(m)->block_rows, 0);
    expect_ok(run_one(e, m, floats(x, ROWS, 3), floats(y, ROWS, 3)));
    for (int i = 0; i < ROWS * 3; i++)
        sum += (double)y[i];
    assert_true(fabs(sum) < 0.05); /* mean of the whole batch taken off */
    assert_int_equal(stats_of(m).n_runs, 1);
    wr_model_unref(m);
}

static void test_not_a_number_is_counted_and_mended(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    float x[] = {1, -1, 2, 0}, y[4];
    weir_model_options o = {.output = {.mode = WEIR_GUARD_FALLBACK, .fallback = -9}};
    wr_model *m = load_file("log.onnx"), *mended = NULL;
    expect_ok(run_one(e, m, floats(x, 2, 2), floats(y, 2, 2)));
    assert_true(isnan(y[1]) && isinf(y[3]));
    assert_int_equal(stats_of(m).n_bad_out, 2);
    expect_ok(try_file(&mended, "log.onnx", &o));
    expect_ok(run_one(e, mended, floats(x, 2, 2), floats(y, 2, 2)));
    assert_true(y[0] == 0.0f && y[1] == -9.0f && y[3] == -9.0f);
    wr_model_unref(mended);
    wr_model_unref(m);
}

/* ---- refusals ---------------------------------------------------------------------------------------------- */

static void test_every_truncation_is_refused_with_a_sentence(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    size_t n;
    char *p = read_model("two.onnx", &n);
    for (size_t k = 1; k < n; k++) {
        wr_model *m = NULL;
        weir_status st = try_bytes(&m, p, k, NULL);
        if (st == WEIR_OK) {
            wr_model_unref(m);
            fail_msg("%zu of %zu bytes were taken for a model", k, n);
        }
        assert_null(m);
        assert_true(st == WEIR_ERR_FORMAT || st == WEIR_ERR_MODEL);
        assert_has(err.text, "model 'net'");
    }
    wr_model *m = NULL;
    expect_fail(try_bytes(&m, p, n / 2, NULL), WEIR_ERR_FORMAT, "truncated");
    free(p);
}

static void test_other_formats_and_wrong_graphs(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    wr_model *m = NULL;
    weir_model_options onnx = {.backend = WEIR_STR("onnx")};
    expect_fail(try_bytes(&m, "PK\3\4 zip", 8, &onnx), WEIR_ERR_FORMAT, "no onnx model");
    expect_fail(try_bytes(&m, "mock; op=sum", 12, &onnx), WEIR_ERR_FORMAT,
                "backend 'mock'");
    size_t n;
    char *p = read_model("add.onnx", &n), *at = NULL;
    for (size_t i = 0; i + 3 < n && at == NULL; i++)
        at = memcmp(p + i, "Add", 3) == 0 ? p + i : NULL;
    assert_non_null(at);
    memcpy(at, "Adx", 3);
    expect_fail(try_bytes(&m, p, n, NULL), WEIR_ERR_MODEL, "Adx");
    assert_null(m);
    free(p);
}

static void test_a_gpu_that_the_library_lacks_is_an_error(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    wr_model *m = NULL;
    weir_model_options o = {.device = {.kind = WEIR_ROCM, .index = 0}};
    expect_fail(try_file(&m, "mlp.onnx", &o), WEIR_ERR_BACKEND, "ROCMExecutionProvider");
    assert_null(m);
}

/* ---- behaviour ------------------------------------------------------------------------------------------------ */

static int count_threads(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    for (struct dirent *t; (t = readdir(d)) != NULL;)
        n += t->d_name[0] != '.';
    closedir(d);
    return n;
}

static void test_models_share_one_pool_of_threads(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    float x[10] = {0}, y[1];
    wr_model *m[6] = {NULL};
    int before = count_threads();
    for (int i = 0; i < 6; i++) {
        weir_model_options o = {.threads = i % 2 == 0 ? 1 : 2};
        expect_ok(try_file(&m[i], "mlp.onnx", &o));
        expect_ok(run_one(e, m[i], floats(x, 1, 10), floats(y, 1, 1)));
    }
    assert_int_equal(count_threads(), before);
    for (int i = 0; i < 6; i++)
        wr_model_unref(m[i]);
}

static void test_a_steady_state_allocates_nothing(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    float x[640] = {0}, y[64];
    wr_model *m = load_file("mlp.onnx");
    expect_ok(run_one(e, m, floats(x, 64, 10), floats(y, 64, 1)));
    uint64_t before = wr_alloc_count();
    for (int k = 0; k < 50; k++) {
        expect_ok(run_one(e, m, floats(x, 64, 10), floats(y, 64, 1)));
        expect_ok(run_one(e, m, floats(x + 10 * (k % 8), 1, 10), floats(y, 1, 1)));
    }
    assert_int_equal(wr_alloc_count(), before);
    wr_model_unref(m);
}

static void test_a_long_run_stops_at_its_deadline(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    enum { ROWS = 400000 };
    float *x = calloc((size_t)ROWS * 24, sizeof *x),
          *y = calloc((size_t)ROWS * 24, sizeof *y);
    assert_true(x != NULL && y != NULL);
    weir_model_options o = {.deterministic = true, .no_warm_up = true};
    wr_model *m = NULL;
    expect_ok(try_file(&m, "slow.onnx", &o));
    one job;
    one_init(&job, m, floats(x, ROWS, 24), floats(y, ROWS, 24));
    job.job.deadline = weir_deadline_in_ms(5);
    expect_fail(run_job(e, &job.job), WEIR_ERR_TIMEOUT, "deadline");
    expect_ok(
        run_one(e, m, floats(x, 2, 24), floats(y, 2, 24))); /* and the next one runs */
    wr_model_unref(m);
    free(y);
    free(x);
}

static void test_load_and_run_survive_every_allocation_failure(void **state)
{
    (void)state;
    SKIP_WITHOUT_ONNX();
    size_t n_bytes;
    void *p = read_model("add.onnx", &n_bytes);
    weir_buffer *b = bytes_of(p, n_bytes);
    float x[8] = {0}, y[8];
    weir_tensor in[] = {floats(x, 2, 4), floats(x, 2, 4)};
    weir_model_options o = {.block_rows = 4};
    for (long n = 0;; n++) {
        wr_model *m = NULL;
        wr_output out[] = {{.view = floats(y, 2, 4)}};
        weir_memory_trim(0);
        wr_fail_allocation_after(n);
        weir_status st =
            wr_model_load(&m, e, WEIR_STR("net"), b, false, &o, NULL, WEIR_NEVER, &err);
        if (st == WEIR_OK) {
            wr_job job = {.model = m,
                          .in = in,
                          .n_in = 2,
                          .out = out,
                          .n_out = 1,
                          .deadline = WEIR_NEVER};
            st = run_job(e, &job);
        }
        wr_fail_allocation_after(-1);
        wr_model_unref(m);
        if (st == WEIR_OK)
            break;
        assert_has(err.text, "memory");
    }
    weir_buffer_unref(b);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mlp_agrees_with_numpy),
        cmocka_unit_test(test_fortran_order_and_blocks_give_the_same_numbers),
        cmocka_unit_test(test_every_element_type_goes_through_unchanged),
        cmocka_unit_test(test_several_inputs_and_outputs_of_other_types),
        cmocka_unit_test(test_free_trailing_extents),
        cmocka_unit_test(test_outputs_whose_shape_the_library_decides),
        cmocka_unit_test(test_a_fixed_shape_is_held),
        cmocka_unit_test(test_rows_that_depend_on_each_other_are_found),
        cmocka_unit_test(test_not_a_number_is_counted_and_mended),
        cmocka_unit_test(test_every_truncation_is_refused_with_a_sentence),
        cmocka_unit_test(test_other_formats_and_wrong_graphs),
        cmocka_unit_test(test_a_gpu_that_the_library_lacks_is_an_error),
        cmocka_unit_test(test_models_share_one_pool_of_threads),
        cmocka_unit_test(test_a_steady_state_allocates_nothing),
        cmocka_unit_test(test_a_long_run_stops_at_its_deadline),
        cmocka_unit_test(test_load_and_run_survive_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
