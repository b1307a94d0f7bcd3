/* SPDX-License-Identifier: BSD-3-Clause */
/* Does a job fit its model? Every refusal names the model, the tensor and both shapes. */
#include <stdio.h>

#include "base/text.h"
#include "engine/internal.h"

enum { TEXT_MAX = 160 };

const char *wr_io_text(const weir_io *io, char *buf, size_t n)
{
    size_t at = 0;
    int w = snprintf(buf, n, "%s", weir_dtype_name(io->dtype));
    at = w < 0 || (size_t)w >= n ? n : (size_t)w;
    if (io->rank < 0) {
        snprintf(buf + at, n - at, "[any shape]");
        return buf;
    }
    for (int i = 0; i <= io->rank && at < n; i++) {
        const char *sep = i == 0 ? "[" : i == io->rank ? "]" : ",";
        if (io->rank == 0)
            sep = "[]";
        if (i == io->rank)
            w = snprintf(buf + at, n - at, "%s", sep);
        else if (io->shape[i] < 0)
            w = snprintf(buf + at, n - at, "%s?", sep);
        else
            w = snprintf(buf + at, n - at, "%s%lld", sep, (long long)io->shape[i]);
        at += w < 0 ? n - at : (size_t)w;
    }
    return buf;
}

static weir_status mismatch(const wr_model *m, weir_status st, const char *what,
                            const weir_io *io, const weir_tensor *t, weir_error *err)
{
    char got[TEXT_MAX], want[TEXT_MAX];
    return weir_fail(
        err, st, "model '%.*s': %s '%s' is %s, the model %s %s", WR_NAME(m->name), what,
        io->name, weir_tensor_text(t, got, sizeof got),
        what[0] == 'i' ? "wants" : "gives", wr_io_text(io, want, sizeof want));
}

static weir_status check_view(const wr_model *m, const char *what, int i,
                              const weir_tensor *t, weir_error *err)
{
    weir_error why;
    weir_status st = weir_tensor_check(t, &why);
    if (st != WEIR_OK)
        return weir_fail(err, st, "model '%.*s': %s %d: %.400s", WR_NAME(m->name), what,
                         i, why.text);
    if (t->device.kind != 0 && t->device.kind != WEIR_CPU)
        return weir_fail(err, WEIR_ERR_UNSUPPORTED,
                         "model '%.*s': %s %d lies on device kind %d; give host memory",
                         WR_NAME(m->name), what, i, (int)t->device.kind);
    return WEIR_OK;
}

/* Type, rank and fixed extents; free ones are looked at by check_rows. */
static weir_status check_io(const wr_model *m, const char *what, const weir_io *io,
                            const weir_tensor *t, weir_error *err)
{
    if (io->rank < 0) /* TorchScript: the type is a guess too; the backend checks */
        return WEIR_OK;
    if (t->dtype != io->dtype)
        return mismatch(m, WEIR_ERR_DTYPE, what, io, t, err);
    if (t->rank != io->rank)
        return mismatch(m, WEIR_ERR_SHAPE, what, io, t, err);
    for (int d = 0; d < io->rank; d++) {
        if (io->shape[d] >= 0 && t->shape[d] != io->shape[d])
            return mismatch(m, WEIR_ERR_SHAPE, what, io, t, err);
        if (t->shape[d] == 0 && (d > 0 || !m->free_rows) && io->shape[d] != 0) {
            char got[TEXT_MAX];
            return weir_fail(
                err, WEIR_ERR_SHAPE,
                "model '%.*s': %s '%s' is %s: extent %d is 0; only the batch of a "
                "model with a free first dimension may be empty",
                WR_NAME(m->name), what, io->name, weir_tensor_text(t, got, sizeof got),
                d);
        }
    }
    return WEIR_OK;
}

static weir_status check_rows(const wr_model *m, const char *what, const weir_io *io,
                              const weir_tensor *t, int64_t rows, weir_error *err)
{
    if (t->shape[0] == rows)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_SHAPE,
                     "model '%.*s': %s '%s' has %lld rows, the first input has %lld",
                     WR_NAME(m->name), what, io->name, (long long)t->shape[0],
                     (long long)rows);
}

static weir_status check_count(const wr_model *m, const char *what, int n, const void *p,
                               int want, weir_error *err)
{
    bool script = m->info.is_script;
    if (script ? n < 0 || n > WEIR_IO_MAX : n != want)
        return weir_fail(err, WEIR_ERR_ARG,
                         "model '%.*s': %d %ss given, the model has %s%d",
                         WR_NAME(m->name), n, what, script ? "at most " : "",
                         script ? WEIR_IO_MAX : want);
    if (n > 0 && p == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "model '%.*s': null pointer for %d %ss",
                         WR_NAME(m->name), n, what);
    return WEIR_OK;
}

/* Have all inputs as many rows? */
static bool is_even(const wr_job *job)
{
    for (int i = 0; i < job->n_in; i++) {
        const weir_tensor *t = &job->in[i];
        if (t->rank < 1 || t->shape[0] != job->rows)
            return false;
    }
    return true;
}

static weir_status check_in(wr_job *job, weir_error *err)
{
    const wr_model *m = job->model;
    for (int i = 0; i < job->n_in; i++) {
        weir_status st = check_view(m, "input", i, &job->in[i], err);
        if (st == WEIR_OK && !m->info.is_script)
            st = check_io(m, "input", &m->info.in[i], &job->in[i], err);
        if (st != WEIR_OK)
            return st;
    }
    job->rows = job->n_in > 0 && job->in[0].rank > 0 ? job->in[0].shape[0] : 1;
    job->uneven = !is_even(job);
    for (int i = 1; m->independent && job->uneven && !job->lenient && i < job->n_in;
         i++) {
        weir_status st =
            check_rows(m, "input", &m->info.in[i], &job->in[i], job->rows, err);
        if (st != WEIR_OK)
            return st;
    }
    return WEIR_OK;
}

static weir_status check_out(wr_job *job, weir_error *err)
{
    const wr_model *m = job->model;
    for (int i = 0; i < job->n_out; i++) {
        weir_tensor *t = &job->out[i].view;
        job->out[i].buffer = NULL;
        if (wr_output_wanted(&job->out[i]))
            continue;
        weir_status st = check_view(m, "output", i, t, err);
        if (st == WEIR_OK && !m->info.is_script)
            st = check_io(m, "output", &m->info.out[i], t, err);
        if (st == WEIR_OK && m->independent && !(job->uneven && job->lenient))
            st = check_rows(m, "output", &m->info.out[i], t, job->rows, err);
        if (st != WEIR_OK)
            return st;
    }
    return WEIR_OK;
}

/* Any bytes; a model has no use for them. */
static weir_status check_texts(const wr_model *m, const char *what, const weir_str *s,
                               int n, weir_error *err)
{
    if (n == 0)
        return WEIR_OK;
    if (n < 0 || s == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "script '%.*s': %d %ss at %s pointer",
                         WR_NAME(m->name), n, what, s == NULL ? "a null" : "some");
    if (!m->info.is_script)
        return weir_fail(err, WEIR_ERR_ARG, "model '%.*s' is no script: it takes no %ss",
                         WR_NAME(m->name), what);
    for (int i = 0; i < n; i++) {
        if (s[i].p == NULL && s[i].n > 0)
            return weir_fail(err, WEIR_ERR_ARG,
                             "script '%.*s': %s %d is a null pointer with length %zu",
                             WR_NAME(m->name), what, i, s[i].n);
    }
    return WEIR_OK;
}

weir_status wr_check_job(wr_job *job, weir_error *err)
{
    const wr_model *m = job->model;
    weir_status st = check_count(m, "input", job->n_in, job->in, m->info.n_in, err);
    if (st == WEIR_OK)
        st = check_count(m, "output", job->n_out, job->out, m->info.n_out, err);
    if (st == WEIR_OK)
        st = check_in(job, err);
    if (st == WEIR_OK)
        st = check_out(job, err);
    if (st == WEIR_OK && m->info.is_script != (job->function.n > 0))
        st = weir_fail(err, WEIR_ERR_ARG,
                       m->info.is_script
                           ? "script '%.*s': name one of its functions"
                           : "model '%.*s' is no script: it has no functions",
                       WR_NAME(m->name));
    if (st == WEIR_OK)
        st = check_texts(m, "key", job->keys, job->n_keys, err);
    if (st == WEIR_OK)
        st = check_texts(m, "argument", job->args, job->n_args, err);
    return st;
}

void wr_output_shape(const wr_model *m, int i, int64_t rows, int64_t *shape)
{
    const weir_io *io = &m->info.out[i];
    for (int d = 0; d < io->rank; d++)
        shape[d] = d == 0 && io->shape[0] < 0 ? rows : io->shape[d];
}

weir_status wr_output_alloc(const wr_model *m, wr_job *job, weir_error *err)
{
    if (!m->known_out || (job->uneven && job->lenient))
        return WEIR_OK; /* the backend makes them */
    for (int i = 0; i < job->n_out; i++) {
        if (!wr_output_wanted(&job->out[i]))
            continue;
        int64_t shape[WEIR_RANK_MAX];
        wr_output_shape(m, i, job->rows, shape);
        weir_status st = weir_buffer_new(&job->out[i].buffer, m->info.out[i].dtype,
                                         m->info.out[i].rank, shape, err);
        if (st != WEIR_OK) {
            wr_output_drop(job);
            return st;
        }
        job->out[i].view = weir_buffer_view(job->out[i].buffer);
    }
    return WEIR_OK;
}

void wr_output_drop(wr_job *job)
{
    for (int i = 0; i < job->n_out; i++) {
        if (job->out[i].buffer == NULL)
            continue;
        weir_buffer_unref(job->out[i].buffer);
        job->out[i] = (wr_output){0};
    }
}
