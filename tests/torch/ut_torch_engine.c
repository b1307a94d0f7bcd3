/* SPDX-License-Identifier: BSD-3-Clause */
/* The two trained networks of the ocean paper through the engine and the torch backend: golden outputs,
 * an input that stays as it was although the networks write into theirs, several threads. */
#include "eke/eke.h"

#include <pthread.h>

static char folder[1024];
static char why_not[1200]; /* empty: backend and data are there */
static wr_engine *engine;
static wr_model *models[N_EKE]; /* as loaded by default */

static int open_engine(void **state)
{
    (void)state;
    eke_data_folder(folder, sizeof folder);
    const char *backends =
        eke_environment("WEIR_BACKEND_PATH", "build/lib/weir/backends");
    if (!eke_file_exists(backends, "weir_backend_torch.so"))
        (void)snprintf(why_not, sizeof why_not,
                       "the torch backend is not built (no libtorch)");
    else if (!eke_file_exists(folder, eke_networks[0].torch_file))
        (void)snprintf(why_not, sizeof why_not, "the networks are not here: no %s in %s",
                       eke_networks[0].torch_file, folder);
    if (why_not[0] != '\0')
        return 0;
    engine = eke_engine(4);
    for (int k = 0; k < N_EKE; k++)
        models[k] = eke_load(engine, folder, eke_networks[k].torch_file, NULL);
    return 0;
}

static int close_engine(void **state)
{
    (void)state;
    for (int k = 0; k < N_EKE; k++)
        wr_model_unref(models[k]);
    wr_engine_free(engine);
    return 0;
}

static void need_networks(void)
{
    if (why_not[0] == '\0')
        return;
    print_message("# %s\n", why_not);
    skip();
}

static void test_networks_give_their_golden_outputs(void **state)
{
    (void)state;
    need_networks();
    for (int k = 0; k < N_EKE; k++) {
        const eke_network *net = &eke_networks[k];
        float in[4][4], out[4] = {0}, again[4] = {0};
        memcpy(in, net->in, sizeof in);
        wr_model *m = models[k];
        eke_run_ok(engine, m, &in[0][0], out, 4);
        eke_expect_golden(net, out);
        assert_memory_equal(in, net->in, sizeof in);
        for (int i = 0; i < 3; i++) {
            eke_run_ok(engine, m, &in[0][0], again, 4);
            assert_memory_equal(again, out, sizeof out);
        }
        eke_run_ok(engine, m, &in[0][0], out, 1); /* a batch of one */
        if (!(fabs((double)out[0] - net->out[0]) <= EKE_TOLERANCE))
            fail_msg("one row gives %.6f", (double)out[0]);
    }
}

static void test_networks_say_that_they_write_into_their_input(void **state)
{
    (void)state;
    need_networks();
    for (int k = 0; k < N_EKE; k++) {
        const weir_model_info *info = wr_model_info(models[k]);
        assert_string_equal(info->backend, "torch");
        assert_true(info->writes_inputs);
        assert_int_equal(info->n_parameters, eke_networks[k].n_parameters);
        assert_int_equal(info->n_in, 1);
        assert_int_equal(info->n_out, 1);
    }
}

static void test_rows_of_zeros_give_nan_and_are_counted(void **state)
{
    (void)state;
    need_networks();
    const eke_network *net = &eke_networks[1];
    float in[3][4] = {{0}, {0}, {0}}, out[3] = {0};
    memcpy(in[1], net->in[0], sizeof in[1]);
    wr_model *m = models[1];
    weir_model_stats stats;
    wr_model_statistics(m, &stats, true);
    eke_run_ok(engine, m, &in[0][0], out, 3);
    assert_true(isnan(out[0]) && isnan(out[2]));
    if (!(fabs((double)out[1] - net->out[0]) <= EKE_TOLERANCE))
        fail_msg("the row between gives %.6f", (double)out[1]);
    wr_model_statistics(m, &stats, false);
    assert_int_equal(stats.n_bad_out, 2);
}

static void test_wrong_columns_are_an_error_and_leave_the_input(void **state)
{
    (void)state;
    need_networks();
    float in[4][3] = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}, before[4][3], out[4];
    memcpy(before, in, sizeof in);
    wr_model *m = models[1];
    int64_t in_shape[2] = {4, 3}, out_shape[2] = {4, 1};
    weir_tensor view = view_of(in, WEIR_F32, 2, in_shape);
    wr_output result = {.view = view_of(out, WEIR_F32, 2, out_shape)};
    wr_job job = {.model = m,
                  .in = &view,
                  .n_in = 1,
                  .out = &result,
                  .n_out = 1,
                  .deadline = WEIR_NEVER};
    assert_int_equal(wr_engine_run(engine, &job), WEIR_ERR_MODEL);
    assert_non_null(strstr(job.error.text, "index 3 is out of bounds"));
    assert_memory_equal(in, before, sizeof in);
    weir_tensor two[2] = {view, view};
    job = (wr_job){.model = m,
                   .in = two,
                   .n_in = 2,
                   .out = &result,
                   .n_out = 1,
                   .deadline = WEIR_NEVER};
    assert_int_equal(wr_engine_run(engine, &job), WEIR_ERR_ARG);
}

static void test_half_a_file_is_refused(void **state)
{
    (void)state;
    need_networks();
    weir_buffer *whole = eke_read(folder, eke_networks[1].torch_file), *half = NULL;
    weir_tensor bytes = weir_buffer_view(whole);
    bytes.shape[0] /= 2;
    expect_ok(weir_buffer_from(&half, &bytes, &err));
    wr_model *m = NULL;
    expect_fail(wr_model_load(&m, engine, WEIR_STR("half"), half, false, NULL, NULL,
                              WEIR_NEVER, &err),
                WEIR_ERR_MODEL, "'half'");
    assert_null(m);
    weir_buffer_unref(half);
    weir_buffer_unref(whole);
}

static void test_script_runs_through_the_engine(void **state)
{
    (void)state;
    need_networks();
    static const char text[] = "def scale(x, by):\n    return x * by\n";
    int64_t n = sizeof text - 1;
    weir_buffer *blob = NULL;
    wr_model *m = NULL;
    weir_model_options opt = {.struct_bytes = sizeof opt, .backend = WEIR_STR("torch")};
    expect_ok(weir_buffer_new(&blob, WEIR_U8, 1, &n, &err));
    memcpy(weir_buffer_view(blob).data, text, (size_t)n);
    expect_ok(wr_model_load(&m, engine, WEIR_STR("scale"), blob, true, &opt, NULL,
                            WEIR_NEVER, &err));
    weir_buffer_unref(blob);
    float x[3] = {1, 2, 3}, by[1] = {10}, y[3] = {0};
    weir_tensor in[2] = {view_1d(x, WEIR_F32, 3), view_1d(by, WEIR_F32, 1)};
    wr_output out = {.view = view_1d(y, WEIR_F32, 3)};
    wr_job job = {.model = m,
                  .function = WEIR_STR("scale"),
                  .in = in,
                  .n_in = 2,
                  .out = &out,
                  .n_out = 1,
                  .deadline = WEIR_NEVER};
    if (wr_engine_run(engine, &job) != WEIR_OK)
        fail_msg("%s", job.error.text);
    assert_true(y[0] == 10.0F && y[1] == 20.0F && y[2] == 30.0F);
    wr_model_unref(m);
}

/* A file does not carry the element types of its inputs: what is not the guess has to pass. */
static void test_model_takes_another_element_type_than_the_guess(void **state)
{
    (void)state;
    need_networks();
    char command[4096], made[1024];
    (void)snprintf(made, sizeof made, "%s/torch-models-engine",
                   eke_environment("WEIR_BINARY_DIR", "build"));
    (void)snprintf(
        command, sizeof command,
        "LD_PRELOAD= /usr/bin/python3 '%s/tests/torch/make_models.py' '%s' >&2",
        eke_environment("WEIR_SOURCE_DIR", "."), made);
    /* NOLINTNEXTLINE(cert-env33-c): a fixed command with the build's own folders */
    if (system(command) != 0) {
        print_message(
            "# no model to run: /usr/bin/python3 with python3-torch writes it\n");
        skip();
    }
    int64_t x[3] = {1, -2, (int64_t)1 << 40}, y[3] = {0};
    wr_model *m = eke_load(engine, made, "copy.pt", NULL);
    weir_tensor in = view_1d(x, WEIR_I64, 3);
    wr_output out = {.view = view_1d(y, WEIR_I64, 3)};
    wr_job job = {.model = m,
                  .in = &in,
                  .n_in = 1,
                  .out = &out,
                  .n_out = 1,
                  .deadline = WEIR_NEVER};
    if (wr_engine_run(engine, &job) != WEIR_OK)
        fail_msg("%s", job.error.text);
    assert_memory_equal(x, y, sizeof x);
    wr_model_unref(m);
}

enum { N_THREADS = 4, ROWS = 64, ROUNDS = 10 };

typedef struct worker {
    pthread_t thread;
    wr_model *model;
    const float *in;
    const float *want;
    int n_wrong;
    weir_error error;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    float out[ROWS];
    for (int i = 0; i < ROUNDS; i++) {
        wr_job job;
        if (eke_run(engine, w->model, w->in, out, ROWS, &job) != WEIR_OK) {
            w->error = job.error;
            w->n_wrong++;
        } else if (memcmp(out, w->want, sizeof out) != 0) {
            w->n_wrong++;
        }
    }
    return NULL;
}

/* Deterministic: the same shapes run, so that the numbers are equal to the last bit. */
static void test_four_threads_get_the_numbers_of_one(void **state)
{
    (void)state;
    need_networks();
    static float in[ROWS][4], kept[ROWS][4], want[ROWS];
    const eke_network *net = &eke_networks[1];
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < 4; j++)
            in[i][j] = net->in[i % 4][j] * (1.0F + 0.01F * (float)i);
    memcpy(kept, in, sizeof in);
    weir_model_options opt = {.struct_bytes = sizeof opt, .deterministic = true};
    wr_model *m = eke_load(engine, folder, net->torch_file, &opt);
    eke_run_ok(engine, m, &in[0][0], want, ROWS);
    worker all[N_THREADS];
    for (int i = 0; i < N_THREADS; i++) {
        all[i] = (worker){.model = m, .in = &in[0][0], .want = want};
        assert_int_equal(pthread_create(&all[i].thread, NULL, work, &all[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
    for (int i = 0; i < N_THREADS; i++)
        if (all[i].n_wrong > 0)
            fail_msg("thread %d: %d of %d runs differ %s", i, all[i].n_wrong, ROUNDS,
                     all[i].error.text);
    assert_memory_equal(in, kept, sizeof in);
    wr_model_unref(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks_give_their_golden_outputs),
        cmocka_unit_test(test_networks_say_that_they_write_into_their_input),
        cmocka_unit_test(test_rows_of_zeros_give_nan_and_are_counted),
        cmocka_unit_test(test_wrong_columns_are_an_error_and_leave_the_input),
        cmocka_unit_test(test_half_a_file_is_refused),
        cmocka_unit_test(test_script_runs_through_the_engine),
        cmocka_unit_test(test_model_takes_another_element_type_than_the_guess),
        cmocka_unit_test(test_four_threads_get_the_numbers_of_one),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
