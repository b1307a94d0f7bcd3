/* SPDX-License-Identifier: BSD-3-Clause */
/* Models, scripts and pipelines for Fortran. */
#include "wrf.h"

/* Type(weir_model_options) of types.f90: the numbers; what is text comes as arguments. */
typedef struct wrf_options {
    weir_device device;
    int64_t version, batch_max, batch_min, batch_wait_ms, block_rows;
    int threads;
    bool rows_dependent, deterministic, no_warm_up;
    weir_guard input, output;
} wrf_options;

/* What every weir_set_ verb takes; all may be NULL. */
typedef struct wrf_model_args {
    CFI_cdesc_t *backend, *tag, *inputs, *outputs;
    const wrf_options *options;
} wrf_model_args;

/* C's options; `in` and `out` hold the names they refer to. */
static weir_status options_of(weir_model_options *o, wrf_strs *in, wrf_strs *out,
                              const wrf_model_args *a, weir_error *err)
{
    *o = (weir_model_options){.struct_bytes = sizeof *o};
    weir_status st = wrf_str_list(in, a->inputs, err);
    if (st == WEIR_OK)
        st = wrf_str_list(out, a->outputs, err);
    o->backend = wrf_str(a->backend);
    o->tag = wrf_str(a->tag);
    o->inputs = in->s;
    o->n_inputs = in->n;
    o->outputs = out->s;
    o->n_outputs = out->n;
    if (a->options != NULL) {
        const wrf_options *f = a->options;
        o->device = f->device;
        o->version = f->version;
        o->batch_max = f->batch_max;
        o->batch_min = f->batch_min;
        o->batch_wait_ms = f->batch_wait_ms;
        o->block_rows = f->block_rows;
        o->threads = f->threads;
        o->rows_dependent = f->rows_dependent;
        o->deterministic = f->deterministic;
        o->no_warm_up = f->no_warm_up;
        o->input = f->input;
        o->output = f->output;
    }
    return st;
}

/* Bytes of a model in a character scalar or a contiguous array of any kind. */
static weir_status bytes_of(const CFI_cdesc_t *a, const void **p, size_t *n,
                            weir_error *err)
{
    weir_tensor t;
    if (wrf_is_text(a) && a->rank == 0) {
        *p = a->base_addr;
        *n = a->elem_len;
        return WEIR_OK;
    }
    int reversed = WRF_REVERSED;
    weir_status st = wrf_view(&t, a, &reversed, err);
    if (st == WEIR_OK && !weir_tensor_is_contiguous(&t))
        st = weir_fail(err, WEIR_ERR_ARG,
                       "a model's bytes must be contiguous: pass the whole array");
    if (st == WEIR_OK) {
        *p = t.data;
        *n = weir_tensor_bytes(&t);
    }
    return st;
}

WEIR_API void wrf_set_model(const wrf_client *c, CFI_cdesc_t *name, CFI_cdesc_t *bytes,
                            CFI_cdesc_t *backend, CFI_cdesc_t *tag, CFI_cdesc_t *inputs,
                            CFI_cdesc_t *outputs, const wrf_options *options, int *stat,
                            CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_model_options o;
    wrf_strs in, out;
    const void *p = NULL;
    size_t n = 0;
    wrf_model_args args = {backend, tag, inputs, outputs, options};
    weir_status st = options_of(&o, &in, &out, &args, &err);
    if (st == WEIR_OK)
        st = bytes_of(bytes, &p, &n, &err);
    if (st == WEIR_OK)
        st = weir_set_model(c->p, wrf_str(name), p, n, &o, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_set_model_file(const wrf_client *c, CFI_cdesc_t *name,
                                 CFI_cdesc_t *path, CFI_cdesc_t *backend,
                                 CFI_cdesc_t *tag, CFI_cdesc_t *inputs,
                                 CFI_cdesc_t *outputs, const wrf_options *options,
                                 int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_model_options o;
    wrf_strs in, out;
    wrf_model_args args = {backend, tag, inputs, outputs, options};
    weir_status st = options_of(&o, &in, &out, &args, &err);
    if (st == WEIR_OK)
        st = weir_set_model_file(c->p, wrf_str(name), wrf_str(path), &o, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_set_script(const wrf_client *c, CFI_cdesc_t *name, CFI_cdesc_t *source,
                             CFI_cdesc_t *tag, const wrf_options *options, int *stat,
                             CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_model_options o;
    wrf_strs in, out;
    wrf_model_args args = {NULL, tag, NULL, NULL, options};
    weir_status st = options_of(&o, &in, &out, &args, &err);
    if (st == WEIR_OK)
        st = weir_set_script(c->p, wrf_str(name), wrf_str(source), &o, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_iset_model(const wrf_client *c, CFI_cdesc_t *name, CFI_cdesc_t *bytes,
                             wrf_request *req, CFI_cdesc_t *backend, CFI_cdesc_t *tag,
                             CFI_cdesc_t *inputs, CFI_cdesc_t *outputs,
                             const wrf_options *options, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_model_options o;
    wrf_strs in, out;
    const void *p = NULL;
    size_t n = 0;
    wrf_model_args args = {backend, tag, inputs, outputs, options};
    weir_status st = wrf_vacant(req->p, "request", "wait for it (weir_wait)", &err);
    if (st == WEIR_OK)
        st = options_of(&o, &in, &out, &args, &err);
    if (st == WEIR_OK)
        st = bytes_of(bytes, &p, &n, &err);
    if (st == WEIR_OK)
        st = weir_iset_model(c->p, wrf_str(name), p, n, &o, &req->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_get_model(const wrf_client *c, const int *kind, CFI_cdesc_t *name,
                            CFI_cdesc_t *bytes, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor to;
    weir_buffer *b = NULL;
    weir_status st = weir_get_model(c->p, (weir_kind)*kind, wrf_str(name), &b, &err);
    if (st == WEIR_OK) {
        weir_tensor t = weir_buffer_view(b);
        t.dtype = WEIR_I8; /* Fortran's byte */
        st = wrf_allocate(bytes, &t, NULL, &to, &err);
        if (st == WEIR_OK)
            st = weir_tensor_copy(&to, &t, &err);
    }
    weir_buffer_unref(b);
    wrf_end(st, &err, stat, errmsg);
}

/* C's struct itself: model.f90 makes Fortran's of it. Its size guards against drift. */
WEIR_API int wrf_describe_model(const wrf_client *c, const int *kind, CFI_cdesc_t *name,
                                weir_model_info *out, size_t out_bytes,
                                CFI_cdesc_t *errmsg)
{
    weir_error err;
    int stat = 0;
    weir_status st = WEIR_OK;
    if (out_bytes != sizeof *out)
        st = weir_fail(&err, WEIR_ERR_INTERNAL,
                       "weir_model_info has %zu bytes, Fortran's twin %zu", sizeof *out,
                       out_bytes);
    if (st == WEIR_OK)
        st = weir_describe_model(c->p, (weir_kind)*kind, wrf_str(name), out, &err);
    wrf_end(st, &err, &stat, errmsg);
    return stat;
}

WEIR_API void wrf_model_statistics(const wrf_client *c, const int *kind,
                                   CFI_cdesc_t *name, weir_model_stats *out,
                                   CFI_cdesc_t *reset, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    bool anew = false;
    weir_status st = wrf_flag(reset, "reset", &anew, &err);
    if (st == WEIR_OK)
        st =
            weir_model_statistics(c->p, (weir_kind)*kind, wrf_str(name), out, anew, &err);
    wrf_end(st, &err, stat, errmsg);
}

/* ---- running ---------------------------------------------------------------------------------------- */

WEIR_API void wrf_infer(const wrf_client *c, CFI_cdesc_t *model, CFI_cdesc_t *in,
                        CFI_cdesc_t *out, const int *layout, int *stat,
                        CFI_cdesc_t *errmsg)
{
    weir_error err;
    wrf_views from, to;
    weir_status st = wrf_view_list(&from, in, layout, &err);
    if (st == WEIR_OK)
        st = wrf_view_list(&to, out, layout, &err);
    if (st == WEIR_OK)
        st = weir_infer(c->p, wrf_str(model), from.t, from.n, to.t, to.n, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_iinfer(const wrf_client *c, CFI_cdesc_t *model, CFI_cdesc_t *in,
                         CFI_cdesc_t *out, wrf_request *req, const int *layout, int *stat,
                         CFI_cdesc_t *errmsg)
{
    weir_error err;
    wrf_views from, to;
    weir_status st = wrf_vacant(req->p, "request", "wait for it (weir_wait)", &err);
    if (st == WEIR_OK)
        st = wrf_view_list(&from, in, layout, &err);
    if (st == WEIR_OK)
        st = wrf_view_list(&to, out, layout, &err);
    if (st == WEIR_OK)
        st = weir_iinfer(c->p, wrf_str(model), from.t, from.n, to.t, to.n, &req->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

/* Both verbs whose outputs Weir allocates; a script's has a function. */
static weir_status infer_buffers(weir_client *c, weir_str model, const weir_str *func,
                                 CFI_cdesc_t *in, CFI_cdesc_t *out, const int *layout,
                                 weir_error *err)
{
    wrf_views from;
    weir_buffer *b[WEIR_IO_MAX];
    ptrdiff_t n = out->dim[0].extent;
    char *base = out->base_addr;
    weir_status st = WEIR_OK;
    if (n > WEIR_IO_MAX)
        st = weir_fail(err, WEIR_ERR_ARG, "%lld outputs, at most %d", (long long)n,
                       WEIR_IO_MAX);
    for (ptrdiff_t i = 0; st == WEIR_OK && i < n; i++)
        st = wrf_vacant(((wrf_buffer *)(void *)(base + i * out->dim[0].sm))->p, "buffer",
                        "give it back (weir_buffer_unref)", err);
    if (st == WEIR_OK)
        st = wrf_view_list(&from, in, layout, err);
    if (st == WEIR_OK && func == NULL)
        st = weir_infer_alloc(c, model, from.t, from.n, b, (int)n, err);
    else if (st == WEIR_OK)
        st = weir_infer_script(c, model, *func, from.t, from.n, b, (int)n, err);
    for (ptrdiff_t i = 0; st == WEIR_OK && i < n; i++)
        ((wrf_buffer *)(void *)(base + i * out->dim[0].sm))->p = b[i];
    return st;
}

WEIR_API void wrf_infer_alloc(const wrf_client *c, CFI_cdesc_t *model, CFI_cdesc_t *in,
                              CFI_cdesc_t *out, const int *layout, int *stat,
                              CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = infer_buffers(c->p, wrf_str(model), NULL, in, out, layout, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_infer_script(const wrf_client *c, CFI_cdesc_t *script,
                               CFI_cdesc_t *func, CFI_cdesc_t *in, CFI_cdesc_t *out,
                               const int *layout, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_str f = wrf_str(func);
    weir_status st = infer_buffers(c->p, wrf_str(script), &f, in, out, layout, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_infer_dataset(const wrf_client *c, CFI_cdesc_t *model,
                                const wrf_dataset *in, const wrf_dataset *out, int *stat,
                                CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_infer_dataset(c->p, wrf_str(model), in->p, out->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_run(const wrf_client *c, CFI_cdesc_t *model, CFI_cdesc_t *in,
                      CFI_cdesc_t *out, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    wrf_strs from, to;
    weir_status st = wrf_str_list(&from, in, &err);
    if (st == WEIR_OK)
        st = wrf_str_list(&to, out, &err);
    if (st == WEIR_OK)
        st = weir_run(c->p, wrf_str(model), from.s, from.n, to.s, to.n, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_run_script(const wrf_client *c, CFI_cdesc_t *script, CFI_cdesc_t *func,
                             CFI_cdesc_t *in, CFI_cdesc_t *out, int *stat,
                             CFI_cdesc_t *errmsg)
{
    weir_error err;
    wrf_strs from, to;
    weir_status st = wrf_str_list(&from, in, &err);
    if (st == WEIR_OK)
        st = wrf_str_list(&to, out, &err);
    if (st == WEIR_OK)
        st = weir_run_script(c->p, wrf_str(script), wrf_str(func), from.s, from.n, to.s,
                             to.n, &err);
    wrf_end(st, &err, stat, errmsg);
}

/* ---- pipelines ---------------------------------------------------------------------------------------- */

WEIR_API void wrf_pipeline_new(wrf_pipeline *p, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = wrf_vacant(p->p, "pipeline", "free it (weir_pipeline_free)", &err);
    if (st == WEIR_OK)
        st = weir_pipeline_new(&p->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_pipeline_free(wrf_pipeline *p)
{
    weir_pipeline_free(p->p);
    p->p = NULL;
}

WEIR_API void wrf_pipeline_load(const wrf_pipeline *p, CFI_cdesc_t *key, int *stat,
                                CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_pipeline_load(p->p, wrf_str(key), &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_pipeline_tensor(const wrf_pipeline *p, CFI_cdesc_t *name,
                                  CFI_cdesc_t *a, const int *layout, int *stat,
                                  CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t;
    weir_status st = wrf_view(&t, a, layout, &err);
    if (st == WEIR_OK)
        st = weir_pipeline_tensor(p->p, wrf_str(name), &t, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_pipeline_run(const wrf_pipeline *p, CFI_cdesc_t *model, CFI_cdesc_t *in,
                               CFI_cdesc_t *out, CFI_cdesc_t *func, int *stat,
                               CFI_cdesc_t *errmsg)
{
    weir_error err;
    wrf_strs from, to;
    weir_status st = wrf_str_list(&from, in, &err);
    if (st == WEIR_OK)
        st = wrf_str_list(&to, out, &err);
    if (st == WEIR_OK)
        st = weir_pipeline_run(p->p, wrf_str(model), wrf_str(func), from.s, from.n, to.s,
                               to.n, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_pipeline_get(const wrf_pipeline *p, CFI_cdesc_t *name,
                               CFI_cdesc_t *into, const int *layout, int *stat,
                               CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t;
    weir_status st = wrf_view(&t, into, layout, &err);
    if (st == WEIR_OK)
        st = weir_pipeline_get(p->p, wrf_str(name), &t, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_pipeline_keep(const wrf_pipeline *p, CFI_cdesc_t *name, int *stat,
                                CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_pipeline_keep(p->p, wrf_str(name), &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_pipeline_exec(const wrf_client *c, const wrf_pipeline *p, int *stat,
                                CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_pipeline_exec(c->p, p->p, &err);
    wrf_end(st, &err, stat, errmsg);
}
