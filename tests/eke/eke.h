/* SPDX-License-Identifier: BSD-3-Clause */
/* The two networks of the ocean paper: their golden outputs, and how a test runs them. */
#ifndef WR_TESTS_EKE_H
#define WR_TESTS_EKE_H

#include "support/expect.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine.h"

/* Golden outputs are given to seven digits; another order of summing moves the seventh. */
#define EKE_TOLERANCE 3e-6

typedef struct eke_network {
    const char *torch_file, *onnx_file; /* the whole network, with its transforms */
    int64_t n_parameters;
    float in[4][4];
    double out[4];
} eke_network;

static const eke_network eke_networks[] = {
    {"ResNet_4_custom.cpu.pt",
     "eke_large_full.onnx",
     129981,
     {{1e-3F, 1, 1e-6F, 1e-7F},
      {5e-2F, .5F, -3e-6F, 3e-7F},
      {1e-5F, 3, 2e-7F, 2e-8F},
      {.2F, 2, -1e-5F, 1e-6F}},
     {-5.463916, -3.803037, -5.112092, -2.419888}},
    {"ncar_ml_eke.pt",
     "eke_small_full.onnx",
     12153,
     {{1e-3F, 4e-3F, 1, 1e-6F},
      {5e-2F, 1e-3F, .5F, -3e-6F},
      {1e-5F, 2e-2F, 3, 2e-7F},
      {.2F, 5e-3F, 2, -1e-5F}},
     {-5.844520, -3.066623, -3.954092, -2.430547}},
};
enum { N_EKE = sizeof eke_networks / sizeof *eke_networks };

static inline const char *eke_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

/* The folder of the TorchScript files. */
static inline void eke_data_folder(char *out, size_t n)
{
    const char *shared = getenv("WEIR_SHARED_DATA");
    if (shared != NULL && shared[0] != '\0')
        (void)snprintf(out, n, "%s/eke", shared);
    else
        (void)snprintf(out, n, "%s/../shared/data/eke",
                       eke_environment("WEIR_SOURCE_DIR", "."));
}

static inline bool eke_file_exists(const char *folder, const char *name)
{
    char path[2048];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, R_OK) == 0;
}

static inline weir_buffer *eke_read(const char *folder, const char *name)
{
    char path[2048];
    weir_buffer *b = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        fail_msg("can't read %s", path);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    int64_t n = ftell(f);
    rewind(f);
    expect_ok(weir_buffer_new(&b, WEIR_U8, 1, &n, &err));
    assert_int_equal(fread(weir_buffer_view(b).data, 1, (size_t)n, f), n);
    assert_int_equal(fclose(f), 0);
    return b;
}

static inline wr_engine *eke_engine(int threads)
{
    wr_engine *e = NULL;
    wr_engine_options opt = {.threads = threads, .oversubscribe = true};
    expect_ok(wr_engine_new(&e, &opt, &err));
    return e;
}

static inline wr_model *eke_load(wr_engine *e, const char *folder, const char *name,
                                 const weir_model_options *opt)
{
    weir_buffer *blob = eke_read(folder, name);
    wr_model *m = NULL;
    weir_status st =
        wr_model_load(&m, e, weir_cstr(name), blob, false, opt, NULL, WEIR_NEVER, &err);
    weir_buffer_unref(blob);
    if (st != WEIR_OK)
        fail_msg("%s: %s", name, err.text);
    return m;
}

/* n rows of 4 in, n rows of 1 out. The job's own error is in job->error; usable on any thread. */
static inline weir_status eke_run(wr_engine *e, wr_model *m, const float *in, float *out,
                                  int64_t n, wr_job *job)
{
    int64_t in_shape[2] = {n, 4}, out_shape[2] = {n, 1};
    weir_tensor view;
    wr_output result = {.buffer = NULL};
    *job = (wr_job){.model = m,
                    .in = &view,
                    .n_in = 1,
                    .out = &result,
                    .n_out = 1,
                    .deadline = WEIR_NEVER};
    weir_status st =
        weir_tensor_init(&view, (void *)(uintptr_t)in, WEIR_F32, 2, in_shape, NULL);
    if (st == WEIR_OK)
        st = weir_tensor_init(&result.view, out, WEIR_F32, 2, out_shape, NULL);
    return st == WEIR_OK ? wr_engine_run(e, job) : st;
}

static inline void eke_run_ok(wr_engine *e, wr_model *m, const float *in, float *out,
                              int64_t n)
{
    wr_job job;
    if (eke_run(e, m, in, out, n, &job) != WEIR_OK)
        fail_msg("run of %d rows: %s", (int)n, job.error.text);
}

static inline void eke_expect_golden(const eke_network *net, const float *out)
{
    for (int i = 0; i < 4; i++)
        if (!(fabs((double)out[i] - net->out[i]) <= EKE_TOLERANCE))
            fail_msg("%s: row %d gives %.6f, not %.6f", net->torch_file, i,
                     (double)out[i], net->out[i]);
}

#endif
