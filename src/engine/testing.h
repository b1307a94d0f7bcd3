/* SPDX-License-Identifier: BSD-3-Clause */
/* What the engine's tests share: mock models from a line of text, views of arrays, jobs. */
#ifndef WR_ENGINE_TESTING_H
#define WR_ENGINE_TESTING_H

#include "expect.h"

#include <stdlib.h>

#include "engine/engine.h"

#define assert_has(text, part)                                                           \
    do {                                                                                 \
        if (strstr((text), (part)) == NULL)                                              \
            fail_msg("'%s' does not say '%s'", (text), (part));                          \
    } while (0)

/* An engine with so many places, whatever the machine has. */
static inline wr_engine *engine_with(int threads)
{
    wr_engine *e = NULL;
    wr_engine_options o = {.threads = threads, .oversubscribe = true};
    expect_ok(wr_engine_new(&e, &o, &err));
    return e;
}

static inline weir_buffer *bytes_of(const void *p, size_t n)
{
    weir_buffer *b = NULL;
    int64_t shape = (int64_t)n;
    expect_ok(weir_buffer_new(&b, WEIR_U8, 1, &shape, &err));
    memcpy(weir_buffer_view(b).data, p, n);
    return b;
}

static inline weir_status try_load(wr_model **out, wr_engine *e, const char *text,
                                   const weir_model_options *opt)
{
    weir_buffer *b = bytes_of(text, strlen(text));
    weir_status st =
        wr_model_load(out, e, WEIR_STR("m"), b, false, opt, NULL, WEIR_NEVER, &err);
    weir_buffer_unref(b);
    return st;
}

static inline wr_model *load_mock(wr_engine *e, const char *text,
                                  const weir_model_options *opt)
{
    wr_model *m = NULL;
    expect_ok(try_load(&m, e, text, opt));
    return m;
}

/* A mock that has not run when it is loaded. */
static inline wr_model *load_cold(wr_engine *e, const char *text, weir_model_options opt)
{
    opt.no_warm_up = true;
    return load_mock(e, text, &opt);
}

static inline weir_tensor view2(weir_dtype t, void *data, int64_t rows, int64_t cols)
{
    return view_of(data, t, 2, (int64_t[]){rows, cols});
}

static inline weir_tensor floats(float *data, int64_t rows, int64_t cols)
{
    return view2(WEIR_F32, data, rows, cols);
}

/* A job with one input and one output. */
typedef struct one {
    wr_job job;
    weir_tensor in;
    wr_output out;
} one;

static inline void one_init(one *o, wr_model *m, weir_tensor in, weir_tensor out)
{
    memset(o, 0, sizeof *o);
    o->in = in;
    o->out.view = out;
    o->job.model = m;
    o->job.in = &o->in;
    o->job.n_in = 1;
    o->job.out = &o->out;
    o->job.n_out = 1;
    o->job.deadline = WEIR_NEVER;
}

/* Run a job, its sentence into err. */
static inline weir_status run_job(wr_engine *e, wr_job *job)
{
    weir_status st = wr_engine_run(e, job);
    if (st != WEIR_OK)
        err = job->error;
    return st;
}

static inline weir_status run_one(wr_engine *e, wr_model *m, weir_tensor in,
                                  weir_tensor out)
{
    one o;
    one_init(&o, m, in, out);
    return run_job(e, &o.job);
}

static inline weir_model_stats stats_of(wr_model *m)
{
    weir_model_stats s;
    wr_model_statistics(m, &s, false);
    return s;
}

#endif
