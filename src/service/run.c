/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers that run models: infer on the caller's memory, run from keys to keys. Three stages each:
 * resolve (keyspace), execute (engine, no lock held), publish (keyspace). */
#include "base/alloc.h"
#include "service/handlers.h"
#include "tensor/buffer.h"

struct wr_run {
    wr_service *service;
    const wr_req *req;
    wr_model *model;
    wr_job job;
    int n_held;                     /* used entries of held and in */
    weir_buffer *held[WEIR_IO_MAX]; /* stored inputs, one reference each */
    weir_tensor in[WEIR_IO_MAX];    /* their views */
    wr_output out[WEIR_IO_MAX];
    void (*executed)(void *context, wr_run *run);
    void *context;
};

/* ---- resolve ---- */

static weir_status resolve_inputs(wr_run *r, weir_error *err)
{
    wr_service *s = r->service;
    const wr_req *req = r->req;
    weir_status st = WEIR_OK;
    s->keyspace->ops->lock(s->keyspace);
    for (int i = 0; i < req->n_in && st == WEIR_OK; i++) {
        st = wr_resolve_tensor_locked(s, req->in_keys[i], "input", &r->held[i], err);
        if (st == WEIR_OK)
            r->in[r->n_held++] = weir_buffer_view(r->held[i]);
    }
    s->keyspace->ops->unlock(s->keyspace);
    return st;
}

weir_status wr_check_out_keys(const wr_req *req, weir_error *err)
{
    for (int i = 0; i < req->n_out; i++) {
        for (int j = 0; j < i; j++) {
            if (wr_str_eq(req->out_keys[i], req->out_keys[j]))
                return weir_fail(err, WEIR_ERR_ARG,
                                 "model '%.*s': output '%.*s' is named twice",
                                 WR_NAME(req->key), WR_NAME(req->out_keys[i]));
        }
    }
    return WEIR_OK;
}

/* Fill only what is used: a run's arrays are large, and a tiny model takes 2 us. */
static weir_status resolve(wr_run *r, wr_service *s, const wr_req *req, weir_error *err)
{
    bool stored = req->command == WR_CMD_run;
    r->service = s;
    r->req = req;
    r->model = NULL;
    r->n_held = 0;
    weir_status st = stored ? wr_check_out_keys(req, err) : WEIR_OK;
    if (st == WEIR_OK)
        st = wr_resolve_model(s, req->function.n > 0 ? WEIR_SCRIPT : WEIR_MODEL, req->key,
                              &r->model, err);
    if (st == WEIR_OK && stored)
        st = resolve_inputs(r, err);
    bool into_views = !stored && !req->give_buffers;
    for (int i = 0; i < req->n_out; i++) {
        r->out[i].buffer = NULL;
        r->out[i].view.data = NULL; /* with rank 0: the engine gives the memory */
        r->out[i].view.rank = 0;
        if (into_views)
            r->out[i].view = req->out[i];
    }
    r->job.model = r->model;
    r->job.function = req->function;
    r->job.in = stored ? r->in : req->in;
    r->job.n_in = req->n_in;
    r->job.out = r->out;
    r->job.n_out = req->n_out;
    r->job.keys = req->script_keys;
    r->job.n_keys = req->n_script_keys;
    r->job.args = req->script_args;
    r->job.n_args = req->n_script_args;
    r->job.calls = req->script_calls;
    r->job.lenient = req->lenient;
    r->job.n_copies = 0;
    r->job.copied_bytes = 0;
    r->job.done = NULL;
    r->job.context = r;
    r->job.now_ns =
        weir_now_ns(); /* read once: it is a tenth of a tiny model's overhead */
    r->job.deadline = wr_limit_deadline_at(req->limit, r->job.now_ns);
    return st;
}

/* ---- publish ---- */

static void count(wr_run *r)
{
    const wr_req *req = r->req;
    size_t bytes = 0;
    for (int i = 0; i < r->job.n_in; i++)
        bytes += weir_tensor_bytes(&r->job.in[i]);
    for (int i = 0; i < req->n_out; i++)
        bytes += r->out[i].buffer != NULL ? wr_buffer_footprint(r->out[i].buffer)
                                          : weir_tensor_bytes(&r->out[i].view);
    wr_count(r->service, req->command, WR_COUNTER_bytes, bytes);
    if (r->job.n_copies > 0) {
        wr_count(r->service, req->command, WR_COUNTER_copies, r->job.n_copies);
        wr_count(r->service, req->command, WR_COUNTER_copied_bytes, r->job.copied_bytes);
    }
}

static weir_status publish(wr_run *r, wr_rep *rep, weir_error *err)
{
    const wr_req *req = r->req;
    count(r);
    if (req->command == WR_CMD_run) {
        wr_write w[WEIR_IO_MAX];
        for (int i = 0; i < req->n_out; i++)
            w[i] = (wr_write){
                .kind = WR_WRITE_SET,
                .key = req->out_keys[i],
                .value = {.kind = WR_VALUE_TENSOR, .of.tensor = r->out[i].buffer},
                .only_over = WR_VALUE_TENSOR};
        return wr_publish(r->service, w, (size_t)req->n_out, req, err);
    }
    if (!req->give_buffers)
        return WEIR_OK;
    for (int i = 0; i < req->n_out; i++) {
        rep->buffer[i] = r->out[i].buffer;
        r->out[i].buffer = NULL;
    }
    rep->n_buffers = req->n_out;
    return WEIR_OK;
}

static void release(wr_run *r)
{
    for (int i = 0; i < r->n_held; i++)
        weir_buffer_unref(r->held[i]);
    for (int i = 0; i < r->req->n_out; i++)
        weir_buffer_unref(r->out[i].buffer);
    wr_model_unref(r->model);
}

/* ---- both ways of running ---- */

static weir_status run_now(wr_service *s, const wr_req *req, wr_rep *rep, weir_error *err)
{
    wr_run r;
    weir_status st = resolve(&r, s, req, err);
    if (st == WEIR_OK) {
        st = wr_engine_run(s->engine, &r.job);
        if (st != WEIR_OK && err != NULL)
            *err = r.job.error;
    }
    if (st == WEIR_OK)
        st = publish(&r, rep, err);
    release(&r);
    return st;
}

weir_status wr_handle_infer(wr_service *s, const wr_req *req, wr_rep *rep,
                            weir_error *err)
{
    return run_now(s, req, rep, err);
}

weir_status wr_handle_run(wr_service *s, const wr_req *req, wr_rep *rep, weir_error *err)
{
    return run_now(s, req, rep, err);
}

/* ---- in three stages ---- */

static void job_done(wr_job *job)
{
    wr_run *r = job->context;
    r->executed(r->context, r);
}

weir_status wr_service_end_run(wr_run *r, wr_rep *rep, weir_error *err)
{
    weir_status st = r->job.status;
    if (st != WEIR_OK && err != NULL)
        *err = r->job.error;
    if (st == WEIR_OK)
        st = publish(r, rep, err);
    wr_count(r->service, r->req->command, WR_COUNTER_calls, 1);
    if (st != WEIR_OK)
        wr_count(r->service, r->req->command, WR_COUNTER_errors, 1);
    release(r);
    wr_free(r);
    return st;
}

void wr_service_drop_run(wr_run *r)
{
    release(r);
    wr_free(r);
}

weir_status wr_service_begin_run(wr_service *s, const wr_req *req,
                                 void (*executed)(void *context, wr_run *run),
                                 void *context, weir_error *err)
{
    wr_run *r = wr_alloc(sizeof *r);
    if (r == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "model '%.*s': no memory for a request",
                         WR_NAME(req->key));
    weir_status st = resolve(r, s, req, err);
    r->executed = executed;
    r->context = context;
    r->job.done = job_done;
    if (st == WEIR_OK)
        st = wr_engine_submit(s->engine, &r->job, err);
    if (st != WEIR_OK) {
        release(r);
        wr_free(r);
    }
    return st;
}

weir_status wr_service_try_run(wr_service *s, const wr_req *req, int64_t bound_ns,
                               wr_rep *rep, bool *done, weir_error *err)
{
    wr_run r;
    weir_status st = resolve(&r, s, req, err);
    *done = st != WEIR_OK;
    if (st == WEIR_OK && wr_engine_try(s->engine, &r.job, bound_ns)) {
        *done = true;
        st = r.job.status;
        if (st != WEIR_OK && err != NULL)
            *err = r.job.error;
        if (st == WEIR_OK)
            st = publish(&r, rep, err);
    }
    if (*done) {
        wr_count(s, req->command, WR_COUNTER_calls, 1);
        wr_count(s, req->command, WR_COUNTER_errors, st != WEIR_OK);
    }
    release(&r);
    return st;
}
