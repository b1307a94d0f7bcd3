/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock backend: delays, fails, echoes and writes where it should not, as its model says. */
#include "mock.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static const wr_backend_host *host;

struct wr_backend_model {
    mock_text text;
    char name[64];
    bool is_script;
    atomic_llong n_runs;
};

struct wr_backend_place {
    int stop_fd; /* readable: the run is to stop */
};

static weir_status start(const wr_backend_host *h, weir_error *err)
{
    (void)err;
    host = h;
    return WEIR_OK;
}

static const char *version(void)
{
    return "1";
}

static bool recognises(const void *blob, size_t n)
{
    return n >= 4 && memcmp(blob, "mock", 4) == 0;
}

static weir_status check_functions(const wr_load_args *args, const char *name,
                                   weir_error *err)
{
    mock_op op;
    for (int i = 0; args->is_script && i < args->n_functions; i++) {
        weir_str f = args->functions[i];
        if (!mock_op_parse(f, &op))
            return host->fail(err, WEIR_ERR_MODEL,
                              "script '%s': Function %.*s does not exist in the given "
                              "script.",
                              name, (int)f.n, f.p);
    }
    return WEIR_OK;
}

static weir_status load(wr_backend_model **out, const wr_load_args *args,
                        weir_model_info *info, weir_error *err)
{
    const char *why;
    size_t at;
    wr_backend_model *m = host->alloc(sizeof *m);
    if (m == NULL)
        return host->fail(err, WEIR_ERR_NOMEM, "mock: no memory for a model");
    memset(m, 0, sizeof *m);
    snprintf(m->name, sizeof m->name, "%.*s",
             (int)(args->name.n < 60 ? args->name.n : 60),
             args->name.n == 0 ? "" : args->name.p);
    m->is_script = args->is_script;
    if (!mock_parse(&m->text, args->blob, args->n_blob, &why, &at)) {
        weir_status st =
            host->fail(err, WEIR_ERR_FORMAT, "model '%s': at byte %zu of %zu: %s",
                       m->name, at, args->n_blob, why);
        host->free(m);
        return st;
    }
    mock_text *t = &m->text;
    bool gated =
        (t->gate_fd >= 0 || t->tell_fd >= 0) && getenv("WEIR_MOCK_GATES") == NULL;
    if (t->crash_load && getenv("WEIR_MOCK_CRASH") != NULL)
        (void)raise(SIGKILL); /* as a library that tramples on its memory would end */
    if (gated || t->fail_load || t->crash_load) {
        weir_status st =
            host->fail(err, WEIR_ERR_MODEL, "model '%s': %s", m->name,
                       gated ? "gates need WEIR_MOCK_GATES in the environment"
                             : "told to fail when loaded");
        host->free(m);
        return st;
    }
    weir_status known = check_functions(args, m->name, err);
    if (known != WEIR_OK) {
        host->free(m);
        return known;
    }
    if (!args->is_script) {
        info->n_in = t->n_in;
        info->n_out = t->n_out;
        memcpy(info->in, t->in, sizeof t->in);
        memcpy(info->out, t->out, sizeof t->out);
    }
    info->n_parameters = t->parameters;
    info->writes_inputs = t->write_input;
    *out = m;
    return WEIR_OK;
}

static void unload(wr_backend_model *m)
{
    host->free(m);
}

/* ---- waiting ------------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Until `fd` is readable, `until` or, unless deaf, the place is told to stop or the deadline is
 * over. False in the last two cases. */
static bool wait_for(const wr_backend_model *m, const wr_run_args *args, int fd,
                     int64_t until)
{
    bool deaf = m->text.deaf;
    for (;;) {
        struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
                              {.fd = deaf ? -1 : args->place->stop_fd, .events = POLLIN}};
        int64_t now = now_ns(), end = until;
        if (!deaf && args->deadline < end)
            end = args->deadline;
        if (now >= end)
            return end == until;
        struct timespec left = {.tv_sec = (end - now) / 1000000000,
                                .tv_nsec = (end - now) % 1000000000};
        int n = ppoll(p, 2, end == WEIR_NEVER ? NULL : &left, NULL);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0 && p[1].revents != 0)
            return false;
        if (n > 0)
            return true;
    }
}

static bool pass_gates(const wr_backend_model *m, const wr_run_args *args, int64_t rows)
{
    const mock_text *t = &m->text;
    char c = 'b';
    if (t->tell_fd >= 0 && write((int)t->tell_fd, &c, 1) != 1)
        return false;
    if (t->gate_fd >= 0 && (!wait_for(m, args, (int)t->gate_fd, WEIR_NEVER) ||
                            read((int)t->gate_fd, &c, 1) != 1))
        return false;
    int64_t us = t->delay_us + t->delay_row_us * rows;
    return us <= 0 || wait_for(m, args, -1, now_ns() + us * 1000);
}

/* ---- runs ------------------------------------------------------------------------------------------ */

static void output_shape(const weir_io *io, const wr_run_args *args, int64_t *shape)
{
    const weir_tensor *in = args->n_in > 0 ? &args->in[0] : NULL;
    for (int d = 0; d < io->rank; d++)
        shape[d] = io->shape[d] >= 0            ? io->shape[d]
                   : in != NULL && d < in->rank ? in->shape[d]
                                                : 1;
}

/* Memory of output i: the caller's, checked, or a new buffer. */
static weir_status prepare(const wr_backend_model *m, const wr_run_args *args, int i,
                           weir_error *err)
{
    wr_output *o = &args->out[i];
    weir_io like = {.dtype = WEIR_F32};
    if (m->is_script) { /* an output of a script is like its input */
        const weir_tensor *t = args->n_in == 0 ? NULL : &args->in[i < args->n_in ? i : 0];
        like.rank = t == NULL ? 0 : t->rank;
        like.dtype = t == NULL ? WEIR_F32 : t->dtype;
        for (int d = 0; d < like.rank; d++)
            like.shape[d] = t->shape[d];
    } else {
        like = m->text.out[i];
    }
    int64_t shape[WEIR_RANK_MAX] = {0};
    output_shape(&like, args, shape);
    if (o->view.data == NULL)
        return host->buffer_new(&o->buffer, like.dtype, like.rank, shape, err);
    bool same = o->view.dtype == like.dtype && o->view.rank == like.rank;
    for (int d = 0; same && d < like.rank; d++)
        same = o->view.shape[d] == shape[d];
    if (same)
        return WEIR_OK;
    return host->fail(err, WEIR_ERR_SHAPE,
                      "model '%s': output %d has another type or shape", m->name, i);
}

static void spoil(const weir_tensor *t, double v)
{
    float f = (float)v;
    for (int d = 0; d < t->rank; d++) {
        if (t->shape[d] == 0)
            return;
    }
    if (t->dtype == WEIR_F32)
        memcpy(t->data, &f, sizeof f);
    else if (t->dtype == WEIR_F64)
        memcpy(t->data, &v, sizeof v);
    else if (t->dtype == WEIR_F16)
        memcpy(t->data, &(uint16_t){isnan(v) ? 0x7e00 : 0x7c00}, 2);
    else if (t->dtype == WEIR_BF16)
        memcpy(t->data, &(uint16_t){isnan(v) ? 0x7fc0 : 0x7f80}, 2);
}

static bool hits(int64_t wish, int64_t run)
{
    return wish == -1 || (wish > 0 && wish == run);
}

/* A number that tells how many keys and arguments came, and how many bytes. */
static int64_t texts_number(const wr_run_args *args)
{
    int64_t sum = 10000 * (int64_t)args->n_keys + 100 * (int64_t)args->n_args;
    for (int i = 0; i < args->n_keys; i++)
        sum += (int64_t)args->keys[i].n;
    for (int i = 0; i < args->n_args; i++)
        sum += (int64_t)args->args[i].n;
    return sum;
}

static weir_status compute(wr_backend_model *m, const wr_run_args *args, int64_t run,
                           weir_error *err)
{
    const mock_text *t = &m->text;
    mock_op op = t->op;
    if (m->is_script && !mock_op_parse(args->function, &op))
        return host->fail(err, WEIR_ERR_MODEL,
                          "script '%s': Function does not exist: %.*s", m->name,
                          (int)args->function.n, args->function.p);
    if (op == MOCK_TEXTS)
        run = texts_number(args);
    for (int i = 0; i < args->n_out; i++) {
        weir_status st = prepare(m, args, i, err);
        if (st != WEIR_OK)
            return st;
        wr_output *o = &args->out[i];
        weir_tensor v = o->buffer != NULL ? host->buffer_view(o->buffer) : o->view;
        mock_compute(op, t, run, args->in, args->n_in, &v, i);
        if (i == 0 && (hits(t->nan_on, run) || hits(t->inf_on, run)))
            spoil(&v, hits(t->nan_on, run) ? (double)NAN : (double)INFINITY);
    }
    return WEIR_OK;
}

static void zero(const weir_tensor *t)
{
    size_t n = (size_t)(t->rank == 0 ? 1 : t->shape[0]);
    size_t bytes = t->rank == 0 ? 1 : (size_t)t->stride[0];
    memset(t->data, 0, n * bytes);
}

static weir_status run(wr_backend_model *m, const wr_run_args *args, weir_error *err)
{
    const mock_text *t = &m->text;
    int64_t number = atomic_fetch_add(&m->n_runs, 1) + 1;
    int64_t rows = args->n_in > 0 && args->in[0].rank > 0 ? args->in[0].shape[0] : 1;
    if (!pass_gates(m, args, rows))
        return host->fail(err, WEIR_ERR_TIMEOUT, "model '%s': stopped in run %lld",
                          m->name, (long long)number);
    if (hits(t->fail_on, number) || (t->fail_every > 0 && number % t->fail_every == 0))
        return host->fail(err, WEIR_ERR_MODEL, "model '%s': told to fail in run %lld",
                          m->name, (long long)number);
    weir_status st = compute(m, args, number, err);
    for (int i = 0; i < args->n_out && st != WEIR_OK; i++) {
        host->buffer_unref(args->out[i].buffer);
        args->out[i].buffer = NULL;
    }
    for (int i = 0; i < args->n_in && t->write_input; i++)
        zero(&args->in[i]);
    return st;
}

/* ---- places ------------------------------------------------------------------------------------------ */

static weir_status place_new(wr_backend_place **out, wr_backend_model *m, weir_error *err)
{
    wr_backend_place *p = host->alloc(sizeof *p);
    if (p == NULL)
        return host->fail(err, WEIR_ERR_NOMEM, "model '%s': no memory for a place",
                          m->name);
    p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->stop_fd < 0) {
        host->free(p);
        return host->fail(err, WEIR_ERR_NOMEM, "model '%s': no event descriptor",
                          m->name);
    }
    *out = p;
    return WEIR_OK;
}

static void place_free(wr_backend_place *p)
{
    close(p->stop_fd);
    host->free(p);
}

static void interrupt(wr_backend_place *p, bool stop)
{
    uint64_t one = 1;
    ssize_t n =
        stop ? write(p->stop_fd, &one, sizeof one) : read(p->stop_fd, &one, sizeof one);
    (void)n;
}

const wr_backend_ops *wr_backend_entry(void)
{
    static const wr_backend_ops ops = {
        .abi = WR_BACKEND_ABI,
        .bytes = sizeof ops,
        .name = "mock",
        .hint = "nothing to install",
        .start = start,
        .version = version,
        .recognises = recognises,
        .load = load,
        .run = run,
        .unload = unload,
        .interrupt = interrupt,
        .place_new = place_new,
        .place_free = place_free,
    };
    return &ops;
}
