/* SPDX-License-Identifier: BSD-3-Clause */
/* Running gathered jobs as one batch: rows in, one run, rows out to where each belongs. */
#include "base/alloc.h"
#include "base/text.h"
#include "engine/internal.h"

/* A batch is the leader and then its followers. */
static wr_job *next_job(wr_job *leader, wr_job *job)
{
    return job == leader ? leader->followers : job->next;
}

#define FOR_JOBS(leader, job)                                                            \
    for (wr_job *job = (leader); job != NULL; job = next_job((leader), job))

/* A job that a guard refused takes no part. */
static bool takes_part(const wr_job *job)
{
    return job->status == WEIR_OK;
}

static int64_t join(wr_context *x, wr_job *leader, weir_deadline *deadline)
{
    int64_t rows = 0;
    *deadline = 0;
    FOR_JOBS(leader, job)
    {
        job->status = wr_guard_in(x, job);
        if (!takes_part(job))
            continue;
        rows += job->rows;
        *deadline = job->deadline > *deadline ? job->deadline : *deadline;
    }
    return rows;
}

/* Views of the whole batch in scratch. */
static weir_status lay_out(wr_context *x, const wr_job *leader, int64_t rows,
                           weir_error *err)
{
    const wr_model *m = x->model;
    size_t need = 0;
    weir_status st = WEIR_OK;
    for (int i = 0; i < leader->n_in && st == WEIR_OK; i++) {
        int64_t shape[WEIR_RANK_MAX];
        const weir_tensor *t = &leader->in[i];
        memcpy(shape, t->shape, sizeof shape);
        shape[0] = rows;
        st = weir_tensor_init(&x->batch_in[i], NULL, t->dtype, t->rank, shape, err);
        need += wr_scratch_round(weir_tensor_bytes(&x->batch_in[i]));
    }
    for (int i = 0; i < leader->n_out && st == WEIR_OK; i++) {
        int64_t shape[WEIR_RANK_MAX] = {0};
        if (m->loose) { /* the backend makes them */
            x->batch_out[i] = (wr_output){0};
            continue;
        }
        wr_output_shape(m, i, rows, shape);
        x->batch_out[i].buffer = NULL;
        st = weir_tensor_init(&x->batch_out[i].view, NULL, m->info.out[i].dtype,
                              m->info.out[i].rank, shape, err);
        need += wr_scratch_round(weir_tensor_bytes(&x->batch_out[i].view));
    }
    if (st == WEIR_OK)
        st = wr_scratch_reserve(x, need, err);
    if (st != WEIR_OK)
        return st;
    for (int i = 0; i < leader->n_in; i++)
        x->batch_in[i].data = wr_scratch_take(x, weir_tensor_bytes(&x->batch_in[i]));
    for (int i = 0; i < leader->n_out && !m->loose; i++)
        x->batch_out[i].view.data =
            wr_scratch_take(x, weir_tensor_bytes(&x->batch_out[i].view));
    return WEIR_OK;
}

static weir_status rows_in(wr_context *x, wr_job *leader, weir_error *err)
{
    int64_t first = 0;
    weir_status st = WEIR_OK;
    FOR_JOBS(leader, job)
    {
        if (!takes_part(job))
            continue;
        for (int i = 0; i < job->n_in && st == WEIR_OK; i++) {
            weir_tensor to = wr_rows(&x->batch_in[i], first, job->rows);
            st = wr_copy_counted(x, &to, &job->in[i], err);
        }
        first += job->rows;
    }
    return st;
}

/* Have the outputs that the backend made a row for each of the batch? */
static bool outputs_fit(const wr_context *x, int n_out, int64_t rows)
{
    for (int i = 0; i < n_out && x->model->loose; i++) {
        const weir_tensor *t = &x->batch_out[i].view;
        if (t->rank < 1 || t->shape[0] != rows || t->dtype == WEIR_STRING)
            return false;
    }
    return true;
}

static void drop_outputs(wr_context *x, int n_out)
{
    for (int i = 0; i < n_out && x->model->loose; i++) {
        weir_buffer_unref(x->batch_out[i].buffer);
        x->batch_out[i] = (wr_output){0};
    }
}

/* Memory for outputs of the shapes that the batch had. */
static weir_status alloc_like(wr_job *job, const wr_output *slice)
{
    for (int i = 0; i < job->n_out; i++) {
        wr_output *o = &job->out[i];
        const weir_tensor *t = &slice[i].view;
        if (!wr_output_wanted(o))
            continue;
        weir_status st =
            weir_buffer_new(&o->buffer, t->dtype, t->rank, t->shape, &job->error);
        if (st != WEIR_OK)
            return st;
        o->view = weir_buffer_view(o->buffer);
    }
    return WEIR_OK;
}

/* One job's rows: guard, then to the caller's memory or a new buffer. */
static weir_status hand_out(wr_context *x, wr_job *job, int64_t first)
{
    wr_output slice[WEIR_IO_MAX];
    for (int i = 0; i < job->n_out; i++)
        slice[i] = (wr_output){.view = wr_rows(&x->batch_out[i].view, first, job->rows)};
    weir_status st = wr_guard_out(x, job, slice);
    if (st == WEIR_OK)
        st = x->model->loose ? alloc_like(job, slice)
                             : wr_output_alloc(x->model, job, &job->error);
    for (int i = 0; i < job->n_out && st == WEIR_OK; i++)
        st = wr_copy_counted(x, &job->out[i].view, &slice[i].view, &job->error);
    return st;
}

/* A gathered job's inputs and outputs are each copied once. */
static void tell_copies(wr_job *job)
{
    job->n_copies = (uint64_t)(job->n_in + job->n_out);
    for (int i = 0; i < job->n_in; i++)
        job->copied_bytes += weir_tensor_bytes(&job->in[i]);
    for (int i = 0; i < job->n_out; i++)
        job->copied_bytes += weir_tensor_bytes(&job->out[i].view);
}

static void rows_out(wr_context *x, wr_job *leader, uint64_t n_jobs, int64_t begun,
                     int64_t now)
{
    int64_t first = 0;
    FOR_JOBS(leader, job)
    {
        weir_status st = job->status;
        if (takes_part(job)) {
            if (now <= job->deadline)
                st = hand_out(x, job, first);
            if (st == WEIR_OK)
                tell_copies(job);
            first += job->rows;
        }
        wr_job_close(x, job, st, begun, now);
    }
    wr_count(x->cell, WR_C_n_gathered, n_jobs);
    wr_count(x->cell, WR_C_n_copies, x->n_copies);
    wr_count(x->cell, WR_C_copied_bytes, x->copied_bytes);
}

/* True when every job has its status. */
static bool run_together(wr_context *x, wr_job *leader, int64_t *now)
{
    weir_deadline deadline;
    weir_error why; /* a failure of the batch is forgotten: each job then runs alone */
    int64_t begun = *now, rows = join(x, leader, &deadline);
    weir_status st = rows == 0 ? WEIR_OK : lay_out(x, leader, rows, &why);
    if (st == WEIR_OK)
        st = rows_in(x, leader, &why);
    if (st == WEIR_OK && rows > 0)
        st = wr_run_views(x, x->batch_in, leader->n_in, x->batch_out, leader->n_out,
                          leader, rows, true, deadline, now, &why);
    if (st != WEIR_OK)
        return false;
    if (rows > 0 && !outputs_fit(x, leader->n_out, rows)) {
        drop_outputs(x, leader->n_out);
        return false;
    }
    uint64_t n_jobs = 0;
    FOR_JOBS(leader, job)
    {
        n_jobs++;
    }
    wr_expect_note(x->model, rows, *now - begun);
    rows_out(x, leader, n_jobs, begun, *now);
    drop_outputs(x, leader->n_out);
    return true;
}

static void run_each(wr_job *leader)
{
    FOR_JOBS(leader, job)
    {
        int64_t now = weir_now_ns();
        job->status = WEIR_OK;
        if (now <= job->deadline) {
            wr_run_alone(job, now, false);
            continue;
        }
        wr_job_refuse(
            job,
            weir_fail(&job->error, WEIR_ERR_TIMEOUT,
                      "model '%.*s': the deadline passed %.3f ms after it queued, "
                      "in a batch that failed",
                      WR_NAME(job->model->name), (double)(now - job->queued_ns) * 1e-6));
    }
}

void wr_run_batch(wr_job *leader)
{
    int64_t now = weir_now_ns();
    wr_context *x = NULL;
    if (leader->followers == NULL) {
        wr_run_alone(leader, now, false);
        return;
    }
    if (wr_context_take(leader->model, &x, NULL) != WEIR_OK) {
        run_each(leader);
        return;
    }
    bool done = run_together(x, leader, &now);
    wr_context_put(x);
    if (!done)
        run_each(leader); /* what one job's numbers broke shall not fail the others */
}
