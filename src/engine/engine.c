/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine itself, and the way of a job through it. */
#include "engine/engine.h"

#include "base/alloc.h"
#include "base/text.h"
#include "engine/internal.h"

enum { PLACES_MAX = 4096 };

weir_status wr_engine_new(wr_engine **out, const wr_engine_options *opt, weir_error *err)
{
    wr_engine_options none = {0};
    const wr_engine_options *o = opt == NULL ? &none : opt;
    int cores = wr_affinity_cores();
    if (out == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "engine: null pointer for the result");
    if (o->threads < 0 || o->threads > PLACES_MAX)
        return weir_fail(err, WEIR_ERR_ARG, "engine: %d threads; give 0 to %d",
                         o->threads, PLACES_MAX);
    if (o->threads > cores && !o->oversubscribe)
        return weir_fail(
            err, WEIR_ERR_ARG,
            "engine: %d threads asked for, this process may run on %d cores; bind it "
            "to more, or set `oversubscribe`",
            o->threads, cores);
    if (o->backend_path.p == NULL && o->backend_path.n > 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "engine: backend_path is a null pointer, length %zu",
                         o->backend_path.n);

    wr_engine *e = wr_calloc(1, sizeof *e);
    char *path = NULL;
    if (e != NULL && o->backend_path.n > 0)
        path = wr_dup(o->backend_path.p, o->backend_path.n);
    if (e == NULL || (o->backend_path.n > 0 && path == NULL)) {
        wr_free(e);
        return weir_fail(err, WEIR_ERR_NOMEM, "engine: no memory for it");
    }
    e->threads = o->threads > 0 ? o->threads : cores > PLACES_MAX ? PLACES_MAX : cores;
    e->spin = o->spin;
    e->backend_path = path;
    wr_mutex_init(&e->lock, WR_LEVEL_ENGINE);
    *out = e;
    return WEIR_OK;
}

void wr_engine_free(wr_engine *e)
{
    if (e == NULL)
        return;
    for (int i = 0; i < e->n_queues; i++) {
        wr_queue_stop(e->queue[i]);
        wr_queue_unref(e->queue[i]);
    }
    wr_mutex_fini(&e->lock);
    wr_free(e->backend_path);
    wr_free(e);
}

int wr_engine_threads(const wr_engine *e)
{
    return e->threads;
}

size_t wr_engine_backends(wr_engine *e, weir_backend_info *out, size_t n)
{
    weir_str path = e == NULL ? (weir_str){NULL, 0} : weir_cstr(e->backend_path);
    return wr_backend_list(out, n, path, e == NULL ? wr_affinity_cores() : e->threads,
                           e != NULL && e->spin);
}

weir_status wr_engine_queue(wr_engine *e, weir_device device, wr_queue **out,
                            weir_error *err)
{
    if (device.kind == 0)
        device.kind = WEIR_CPU;
    if (device.kind != WEIR_CPU && device.kind != WEIR_CUDA && device.kind != WEIR_ROCM)
        return weir_fail(err, WEIR_ERR_ARG,
                         "device kind %d is none that Weir knows (%d, %d, %d)",
                         (int)device.kind, WEIR_CPU, WEIR_CUDA, WEIR_ROCM);
    if (device.index < 0 || (device.kind == WEIR_CPU && device.index > 0))
        return weir_fail(err, WEIR_ERR_ARG,
                         "device index %d; the host has index 0, GPUs 0 and up",
                         device.index);
    weir_status st = WEIR_OK;
    wr_queue *q = NULL;
    wr_lock(&e->lock);
    for (int i = 0; i < e->n_queues && q == NULL; i++) {
        if (e->queue[i]->device.kind == device.kind &&
            e->queue[i]->device.index == device.index)
            q = e->queue[i];
    }
    if (q == NULL && e->n_queues == (int)(sizeof e->queue / sizeof *e->queue)) {
        st = weir_fail(err, WEIR_ERR_UNSUPPORTED, "more than %d devices in one engine",
                       e->n_queues);
        goto out;
    }
    if (q == NULL) {
        q = wr_queue_new(device, e->threads);
        if (q == NULL) {
            st = weir_fail(err, WEIR_ERR_NOMEM, "engine: no memory for a device's queue");
            goto out;
        }
        e->queue[e->n_queues++] = q;
    }
    wr_ref_up(&q->refs);
    *out = q;

out:
    wr_unlock(&e->lock);
    return st;
}

/* ---- the way of a job -------------------------------------------------------------------------------- */

static weir_status check_engine(const wr_engine *e, const wr_job *job, weir_error *err)
{
    if (e == NULL || job->model == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "run: null pointer for the %s",
                         e == NULL ? "engine" : "model");
    if (job->model->engine != e)
        return weir_fail(err, WEIR_ERR_ARG, "model '%.*s' belongs to another engine",
                         WR_NAME(job->model->name));
    return WEIR_OK;
}

/* Checks that need no place. `now` is a fresh clock reading. */
static weir_status admit(wr_job *job, int64_t now)
{
    weir_status st = wr_check_job(job, &job->error);
    if (st == WEIR_OK && now >= job->deadline)
        st = weir_fail(&job->error, WEIR_ERR_TIMEOUT,
                       "model '%.*s': the deadline had passed %.3f ms before the call",
                       WR_NAME(job->model->name), (double)(now - job->deadline) * 1e-6);
    return st;
}

/* An empty batch has an empty answer, without a run. */
static weir_status answer_empty(wr_job *job)
{
    const wr_model *m = job->model;
    for (int i = 0; i < job->n_out; i++) {
        int64_t shape[WEIR_RANK_MAX];
        if (!wr_output_wanted(&job->out[i]))
            continue;
        wr_output_shape(m, i, 0, shape);
        for (int d = 1; d < m->info.out[i].rank; d++)
            shape[d] = shape[d] < 0 ? 0 : shape[d];
        weir_status st = weir_buffer_new(&job->out[i].buffer, m->info.out[i].dtype,
                                         m->info.out[i].rank, shape, &job->error);
        if (st != WEIR_OK) {
            wr_output_drop(job);
            return st;
        }
        job->out[i].view = weir_buffer_view(job->out[i].buffer);
    }
    return WEIR_OK;
}

static bool is_empty(const wr_job *job)
{
    return job->rows == 0 && job->model->free_rows && !job->uneven;
}

/* May it run at once, or is it to wait for its batch to fill? */
static bool may_run_at_once(const wr_job *job)
{
    const wr_model *m = job->model;
    return m->batch_wait_ns == 0 || job->rows >= m->batch_min || !wr_can_gather(job);
}

/* Run the job that this one's caller has taken along; its owner goes on before the caller's own job. */
static void run_first(wr_queue *q, wr_job *job)
{
    wr_job *first = job->followers;
    int64_t now = weir_now_ns();
    job->followers = NULL;
    if (now <= first->deadline)
        wr_run_alone(first, now, false);
    else
        wr_job_refuse(first, wr_job_timed_out(first, now));
    wr_queue_finish(q, first);
}

static void prepare(wr_job *job)
{
    job->queued_ns = 0;
    job->followers = NULL;
    job->apart = false;
}

weir_status wr_engine_run(wr_engine *e, wr_job *job)
{
    if (job == NULL)
        return WEIR_ERR_ARG;
    job->status = check_engine(e, job, &job->error);
    if (job->status != WEIR_OK)
        return job->status;

    wr_queue *q = job->model->queue;
    int need = job->model->need;
    int64_t now = job->now_ns > 0 ? job->now_ns : weir_now_ns();
    weir_status st = WEIR_OK;
    prepare(job);
    if (!wr_model_is_ready(job->model)) {
        st = wr_model_ensure(job->model, job->deadline, &job->error);
        now = weir_now_ns();
    }
    if (st == WEIR_OK)
        st = admit(job, now);
    if (st != WEIR_OK || is_empty(job)) {
        wr_job_refuse(job, st == WEIR_OK ? answer_empty(job) : st);
        return job->status;
    }
    if (may_run_at_once(job) && wr_queue_try(q, need)) {
        wr_run_alone(job, now, true);
        wr_queue_release(q, need);
        return job->status;
    }
    if (!wr_queue_wait(q, job))
        return job->status;
    if (job->apart)
        run_first(q, job);
    wr_run_batch(job);
    wr_queue_release(q, need);
    for (wr_job *f = job->followers, *next; f != NULL; f = next) {
        next = f->next; /* f is its owner's again once it is finished */
        wr_queue_finish(q, f);
    }
    return job->status;
}

weir_status wr_engine_run_inside(wr_engine *e, const wr_job *outer, wr_job *job)
{
    job->status = check_engine(e, job, &job->error);
    if (job->status != WEIR_OK)
        return job->status;
    if (job->model->queue != outer->model->queue)
        return wr_engine_run(e, job);
    prepare(job);
    weir_status st = wr_model_ensure_inside(job->model, job->deadline, &job->error);
    int64_t now = weir_now_ns();
    if (st == WEIR_OK)
        st = admit(job, now);
    if (st != WEIR_OK || is_empty(job))
        wr_job_refuse(job, st == WEIR_OK ? answer_empty(job) : st);
    else /* no more runs at once than threads with places: a context will be at rest */
        wr_run_alone(job, now, true);
    return job->status;
}

bool wr_engine_try(wr_engine *e, wr_job *job, int64_t bound_ns)
{
    if (job == NULL)
        return false;
    weir_status st = check_engine(e, job, &job->error);
    if (st != WEIR_OK) {
        job->status = st;
        return true;
    }
    const wr_model *m = job->model;
    if (!wr_model_is_ready(m))
        return false;
    int64_t now = job->now_ns > 0 ? job->now_ns : weir_now_ns();
    prepare(job);
    st = admit(job, now);
    if (st != WEIR_OK || is_empty(job)) {
        wr_job_refuse(job, st == WEIR_OK ? answer_empty(job) : st);
        return true;
    }
    if (!may_run_at_once(job) || wr_expect(m, job->rows) >= bound_ns ||
        !wr_queue_try(m->queue, m->need))
        return false;
    wr_run_alone(job, now, true);
    wr_queue_release(m->queue, m->need);
    return true;
}

/* Of a model that is ready. A failure is in the job's error; nobody was told. */
static weir_status submit_ready(wr_job *job)
{
    weir_status st = admit(job, weir_now_ns());
    if (st == WEIR_OK && !is_empty(job))
        return wr_queue_submit(job->model->queue, job, &job->error);
    if (st == WEIR_OK)
        st = answer_empty(job);
    wr_job_refuse(job, st);
    if (st == WEIR_OK)
        job->done(job);
    return st;
}

weir_status wr_engine_submit(wr_engine *e, wr_job *job, weir_error *err)
{
    if (job == NULL || job->done == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "submit: null pointer for the %s",
                         job == NULL ? "job" : "function to call when done");
    weir_status st = check_engine(e, job, err);
    if (st != WEIR_OK)
        return st;
    wr_model *m = job->model;
    prepare(job);
    if (wr_model_is_ready(m)) {
        st = submit_ready(job);
        return st == WEIR_OK ? st : weir_fail(err, st, "%s", job->error.text);
    }
    st = wr_model_failure(m, err);
    if (st == WEIR_OK)
        return wr_cold_submit(m->queue, job, err);
    wr_job_refuse(job, st);
    return st;
}

void wr_engine_resume(wr_job *job, weir_status loaded, const weir_error *why)
{
    weir_status st = loaded;
    if (st != WEIR_OK) {
        job->error = *why;
        wr_job_refuse(job, st);
    } else {
        job->queued_ns = 0;
        st = submit_ready(job);
    }
    if (st == WEIR_OK)
        return; /* it is in the queue, or done */
    job->status = st;
    job->done(job);
}
