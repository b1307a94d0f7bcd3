/* SPDX-License-Identifier: BSD-3-Clause */
/* Building pipelines, and sending them. */
#include "service/pipeline.h"

#include "base/alloc.h"
#include "client/client.h"

struct weir_pipeline {
    wr_steps steps;
};

static void free_str(weir_str s)
{
    wr_free((void *)(uintptr_t)s.p);
}

static void free_strs(weir_str *s, int n)
{
    for (int i = 0; s != NULL && i < n; i++)
        free_str(s[i]);
    wr_free(s);
}

static void step_fini(wr_step *s)
{
    free_str(s->name);
    free_str(s->function);
    free_strs(s->in, s->n_in);
    free_strs(s->out, s->n_out);
    *s = (wr_step){0};
}

weir_status weir_pipeline_new(weir_pipeline **out, weir_error *err)
{
    weir_status st = wr_check_pointer(out, "pipeline", "out", err);
    weir_pipeline *p = st == WEIR_OK ? wr_calloc(1, sizeof *p) : NULL;
    if (st == WEIR_OK && p == NULL)
        st = weir_fail(err, WEIR_ERR_NOMEM, "no memory for a pipeline");
    if (st == WEIR_OK)
        *out = p;
    return st;
}

void weir_pipeline_free(weir_pipeline *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->steps.n; i++)
        step_fini(&p->steps.step[i]);
    wr_free(p->steps.step);
    wr_free(p);
}

static bool dup_str(weir_str *to, weir_str s)
{
    if (s.n == 0)
        return true;
    to->p = wr_dup(s.p, s.n);
    to->n = to->p == NULL ? 0 : s.n;
    return to->p != NULL;
}

static weir_status dup_names(weir_str **to, int *n_to, const weir_str *names, int n,
                             weir_error *err)
{
    weir_status st = WEIR_OK;
    if (n == 0)
        return WEIR_OK;
    *to = wr_calloc((size_t)n, sizeof **to);
    if (*to == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a pipeline's names");
    *n_to = n;
    for (int i = 0; i < n && st == WEIR_OK; i++) {
        st = wr_check_name(names[i], "tensor", err);
        if (st == WEIR_OK && !dup_str(&(*to)[i], names[i]))
            st = weir_fail(err, WEIR_ERR_NOMEM, "no memory for a pipeline's names");
    }
    return st;
}

/* One more step of a kind with a checked name; *out points into the pipeline. */
static weir_status new_step(weir_pipeline *p, wr_step_kind kind, weir_str name,
                            const char *what, wr_step **out, weir_error *err)
{
    weir_status st = wr_check_pointer(p, "pipeline", "p", err);
    if (st == WEIR_OK)
        st = wr_check_name(name, what, err);
    if (st != WEIR_OK)
        return st;
    wr_steps *s = &p->steps;
    if (s->n == s->room) {
        size_t room = s->room * 2 + 8;
        wr_step *bigger = wr_realloc(s->step, room * sizeof *bigger);
        if (bigger == NULL)
            return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a pipeline's step");
        s->step = bigger;
        s->room = room;
    }
    wr_step *x = &s->step[s->n];
    *x = (wr_step){.kind = kind};
    if (!dup_str(&x->name, name))
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a pipeline's step");
    s->n++;
    *out = x;
    return WEIR_OK;
}

static void drop_last(weir_pipeline *p)
{
    step_fini(&p->steps.step[--p->steps.n]);
}

weir_status weir_pipeline_load(weir_pipeline *p, weir_str key, weir_error *err)
{
    wr_step *s;
    return new_step(p, WR_STEP_LOAD, key, "tensor", &s, err);
}

static weir_status view_step(weir_pipeline *p, wr_step_kind kind, weir_str name,
                             const weir_tensor *t, weir_error *err)
{
    wr_step *s;
    weir_status st = weir_tensor_check(t, err);
    if (st == WEIR_OK)
        st = new_step(p, kind, name, "tensor", &s, err);
    if (st == WEIR_OK)
        s->t = *t;
    return st;
}

weir_status weir_pipeline_tensor(weir_pipeline *p, weir_str name, const weir_tensor *t,
                                 weir_error *err)
{
    return view_step(p, WR_STEP_TENSOR, name, t, err);
}

weir_status weir_pipeline_get(weir_pipeline *p, weir_str name, const weir_tensor *into,
                              weir_error *err)
{
    return view_step(p, WR_STEP_GET, name, into, err);
}

weir_status weir_pipeline_keep(weir_pipeline *p, weir_str name, weir_error *err)
{
    wr_step *s;
    return new_step(p, WR_STEP_KEEP, name, "tensor", &s, err);
}

weir_status weir_pipeline_run(weir_pipeline *p, weir_str model, weir_str function,
                              const weir_str *in, int n_in, const weir_str *out,
                              int n_out, weir_error *err)
{
    wr_step *s;
    if (n_in < 0 || n_out < 0 || n_in > WEIR_IO_MAX || n_out > WEIR_IO_MAX ||
        (in == NULL && n_in > 0) || (out == NULL && n_out > 0))
        return weir_fail(
            err, WEIR_ERR_ARG,
            "pipeline, run '%.*s': %d inputs and %d outputs (0 to %d, names not null)",
            WR_NAME(model), n_in, n_out, WEIR_IO_MAX);
    weir_status st = new_step(p, WR_STEP_RUN, model, "model", &s, err);
    if (st != WEIR_OK)
        return st;
    st = dup_names(&s->in, &s->n_in, in, n_in, err);
    if (st == WEIR_OK)
        st = dup_names(&s->out, &s->n_out, out, n_out, err);
    if (st == WEIR_OK && !dup_str(&s->function, function))
        st = weir_fail(err, WEIR_ERR_NOMEM, "no memory for a pipeline's step");
    if (st != WEIR_OK)
        drop_last(p);
    return st;
}

static weir_status exec(weir_client *c, weir_pipeline *p, weir_request **out,
                        weir_error *err)
{
    wr_rep rep;
    weir_status st = wr_client_check(c, "pipeline", err);
    if (st == WEIR_OK)
        st = wr_check_pointer(p, "pipeline", "p", err);
    if (st != WEIR_OK)
        return st;
    wr_req req = wr_client_req(c, WR_CMD_pipeline);
    req.steps = &p->steps;
    req.key = wr_client_prefix(c, WEIR_MODEL, WR_READ);
    req.get_prefix = wr_client_prefix(c, WEIR_TENSOR, WR_READ);
    req.put_prefix = wr_client_prefix(c, WEIR_TENSOR, WR_WRITE);
    return wr_client_send(c, &req, &rep, out, NULL, err);
}

weir_status weir_pipeline_exec(weir_client *c, weir_pipeline *p, weir_error *err)
{
    return exec(c, p, NULL, err);
}

weir_status weir_ipipeline_exec(weir_client *c, weir_pipeline *p, weir_request **req,
                                weir_error *err)
{
    weir_status st = wr_check_pointer(req, "ipipeline_exec", "req", err);
    return st == WEIR_OK ? exec(c, p, req, err) : st;
}
