/* SPDX-License-Identifier: BSD-3-Clause */
/* The two trained networks of the ocean paper, exported to ONNX, through the engine and the onnx
 * backend: the golden outputs again, and blocks of rows that change nothing. */
#include "eke/eke.h"

static char folder[1024];
static char why_not[1200]; /* empty: backend and files are there */
static wr_engine *engine;

static void export_networks(void)
{
    char command[4096], data[1024];
    eke_data_folder(data, sizeof data);
    (void)snprintf(folder, sizeof folder, "%s/eke-onnx",
                   eke_environment("WEIR_BINARY_DIR", "build"));
    (void)snprintf(
        command, sizeof command,
        "LD_PRELOAD= /usr/bin/python3 '%s/tests/eke/export_onnx.py' '%s' --data '%s' >&2",
        eke_environment("WEIR_SOURCE_DIR", "."), folder, data);
    /* NOLINTNEXTLINE(cert-env33-c): a fixed command with the build's own folders */
    int status = system(command) / 256;
    if (status == 77 || status == 126 || status == 127)
        (void)snprintf(
            why_not, sizeof why_not,
            "no networks: tests/eke/export_onnx.py needs python3-torch, python3-onnx and "
            "%.900s",
            data);
    else if (status != 0)
        fail_msg("tests/eke/export_onnx.py failed with %d", status);
}

/* An absent ONNX Runtime is a reason to skip, any other failure to load is not. */
static void try_backend(void)
{
    weir_buffer *blob = eke_read(folder, eke_networks[1].onnx_file);
    wr_model *m = NULL;
    weir_status st = wr_model_load(&m, engine, WEIR_STR("trial"), blob, false, NULL, NULL,
                                   WEIR_NEVER, &err);
    if (st == WEIR_ERR_BACKEND)
        (void)snprintf(why_not, sizeof why_not, "%s", err.text);
    wr_model_unref(m);
    weir_buffer_unref(blob);
}

static int open_engine(void **state)
{
    (void)state;
    const char *backends =
        eke_environment("WEIR_BACKEND_PATH", "build/lib/weir/backends");
    engine = eke_engine(1);
    if (!eke_file_exists(backends, "weir_backend_onnx.so"))
        (void)snprintf(why_not, sizeof why_not, "the onnx backend is not built");
    else
        export_networks();
    if (why_not[0] == '\0')
        try_backend();
    return 0;
}

static int close_engine(void **state)
{
    (void)state;
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

static void test_exported_networks_give_the_golden_outputs(void **state)
{
    (void)state;
    need_networks();
    for (int k = 0; k < N_EKE; k++) {
        const eke_network *net = &eke_networks[k];
        float in[4][4], out[4] = {0};
        memcpy(in, net->in, sizeof in);
        wr_model *m = eke_load(engine, folder, net->onnx_file, NULL);
        const weir_model_info *info = wr_model_info(m);
        assert_string_equal(info->backend, "onnx");
        assert_false(info->writes_inputs);
        assert_int_equal(info->in[0].rank, 2);
        assert_int_equal(info->in[0].shape[0], -1);
        assert_int_equal(info->in[0].shape[1], 4);
        for (int i = 0; i < 2; i++) {
            eke_run_ok(engine, m, &in[0][0], out, 4);
            eke_expect_golden(net, out);
        }
        assert_memory_equal(in, net->in, sizeof in);
        wr_model_unref(m);
    }
}

static void test_large_batch_gives_every_row_its_golden_output(void **state)
{
    (void)state;
    need_networks();
    enum { ROWS = 1000 };
    static float in[ROWS][4], out[ROWS];
    for (int k = 0; k < N_EKE; k++) {
        const eke_network *net = &eke_networks[k];
        for (int i = 0; i < ROWS; i++)
            memcpy(in[i], net->in[i % 4], sizeof in[i]);
        wr_model *m = eke_load(engine, folder, net->onnx_file, NULL);
        eke_run_ok(engine, m, &in[0][0], out, ROWS);
        for (int i = 0; i < ROWS; i += 4)
            eke_expect_golden(net, &out[i]);
        wr_model_unref(m);
    }
}

static void test_row_of_zeros_gives_nan_and_is_counted(void **state)
{
    (void)state;
    need_networks();
    for (int k = 0; k < N_EKE; k++) {
        float in[1][4] = {{0}}, out[1] = {0};
        weir_model_stats stats;
        wr_model *m = eke_load(engine, folder, eke_networks[k].onnx_file, NULL);
        wr_model_statistics(m, &stats, true);
        eke_run_ok(engine, m, &in[0][0], out, 1);
        assert_true(isnan(out[0]));
        wr_model_statistics(m, &stats, false);
        assert_int_equal(stats.n_bad_out, 1);
        wr_model_unref(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exported_networks_give_the_golden_outputs),
        cmocka_unit_test(test_large_batch_gives_every_row_its_golden_output),
        cmocka_unit_test(test_row_of_zeros_gives_nan_and_is_counted),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
