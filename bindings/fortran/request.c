/* SPDX-License-Identifier: BSD-3-Clause */
/* Non-blocking verbs and requests for Fortran. */
#include "wrf.h"

#include <stdlib.h>

static weir_status vacant(const wrf_request *req, weir_error *err)
{
    return wrf_vacant(req->p, "request", "wait for it (weir_wait)", err);
}

WEIR_API void wrf_iput(const wrf_client *c, CFI_cdesc_t *key, CFI_cdesc_t *a,
                       wrf_request *req, const int *layout, int *stat,
                       CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t;
    weir_status st = vacant(req, &err);
    if (st == WEIR_OK)
        st = wrf_view(&t, a, layout, &err);
    if (st == WEIR_OK)
        st = weir_iput(c->p, wrf_str(key), &t, &req->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_iget(const wrf_client *c, CFI_cdesc_t *key, CFI_cdesc_t *into,
                       wrf_request *req, const int *layout, int *stat,
                       CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t;
    weir_status st = vacant(req, &err);
    if (st == WEIR_OK)
        st = wrf_view(&t, into, layout, &err);
    if (st == WEIR_OK)
        st = weir_iget(c->p, wrf_str(key), &t, &req->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_irun(const wrf_client *c, CFI_cdesc_t *model, CFI_cdesc_t *in,
                       CFI_cdesc_t *out, wrf_request *req, CFI_cdesc_t *func, int *stat,
                       CFI_cdesc_t *errmsg)
{
    weir_error err;
    wrf_strs from, to;
    weir_status st = vacant(req, &err);
    if (st == WEIR_OK)
        st = wrf_str_list(&from, in, &err);
    if (st == WEIR_OK)
        st = wrf_str_list(&to, out, &err);
    if (st == WEIR_OK)
        st = weir_irun(c->p, wrf_str(model), wrf_str(func), from.s, from.n, to.s, to.n,
                       &req->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_iput_dataset(const wrf_client *c, const wrf_dataset *ds,
                               wrf_request *req, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = vacant(req, &err);
    if (st == WEIR_OK)
        st = weir_iput_dataset(c->p, ds->p, &req->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_iget_dataset(const wrf_client *c, CFI_cdesc_t *name, wrf_dataset *ds,
                               wrf_request *req, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = vacant(req, &err);
    if (st == WEIR_OK)
        st = wrf_vacant(ds->p, "dataset", "free it (weir_dataset_free)", &err);
    if (st == WEIR_OK)
        st = weir_iget_dataset(c->p, wrf_str(name), &ds->p, &req->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_ipoll(const wrf_client *c, const int *kind, CFI_cdesc_t *name,
                        wrf_request *req, const int *timeout_ms, int *stat,
                        CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = vacant(req, &err);
    if (st == WEIR_OK)
        st = weir_ipoll(c->p, (weir_kind)*kind, wrf_str(name),
                        timeout_ms == NULL ? -1 : *timeout_ms, &req->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_ipipeline_exec(const wrf_client *c, const wrf_pipeline *p,
                                 wrf_request *req, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = vacant(req, &err);
    if (st == WEIR_OK)
        st = weir_ipipeline_exec(c->p, p->p, &req->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API bool wrf_test(wrf_request *req, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    bool done = false;
    weir_status st = weir_test(&req->p, &done, &err);
    wrf_end(st, &err, stat, errmsg);
    return done;
}

WEIR_API void wrf_wait(wrf_request *req, const int *timeout_ms, int *stat,
                       CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_wait(&req->p, timeout_ms == NULL ? -1 : *timeout_ms, &err);
    wrf_end(st, &err, stat, errmsg);
}

enum { FEW = 64 };

/* The requests of a Fortran vector side by side: in place, or copied when they lie apart. */
typedef struct row {
    weir_request **p;
    int n;
    weir_request *few[FEW];
    weir_request **many; /* owned; NULL when `few` or the vector itself serves */
} row;

static wrf_request *at(const CFI_cdesc_t *reqs, ptrdiff_t i)
{
    return (wrf_request *)(void *)((char *)reqs->base_addr + i * reqs->dim[0].sm);
}

static weir_status row_of(row *r, const CFI_cdesc_t *reqs, weir_error *err)
{
    ptrdiff_t n = reqs->dim[0].extent;
    r->n = n < 0 ? 0 : (int)n;
    r->p = r->few;
    r->many = NULL;
    if (r->n > FEW) {
        r->p = r->many = malloc((size_t)r->n * sizeof *r->many);
        if (r->many == NULL)
            return weir_fail(err, WEIR_ERR_NOMEM, "%d requests to wait for: no memory",
                             r->n);
    }
    for (int i = 0; i < r->n; i++)
        r->p[i] = at(reqs, i)->p;
    return WEIR_OK;
}

static void row_back(row *r, const CFI_cdesc_t *reqs)
{
    for (int i = 0; i < r->n; i++)
        at(reqs, i)->p = r->p[i];
    free(r->many);
}

WEIR_API void wrf_wait_any(CFI_cdesc_t *reqs, int *which, const int *timeout_ms,
                           int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    row r;
    int i = -1;
    weir_status st = row_of(&r, reqs, &err);
    if (st == WEIR_OK) {
        st = weir_wait_any(r.p, r.n, timeout_ms == NULL ? -1 : *timeout_ms, &i, &err);
        row_back(&r, reqs);
    }
    *which = i + 1;
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_wait_all(CFI_cdesc_t *reqs, const int *timeout_ms, int *stat,
                           CFI_cdesc_t *errmsg)
{
    weir_error err;
    row r;
    weir_status st = row_of(&r, reqs, &err);
    if (st == WEIR_OK) {
        st = weir_wait_all(r.p, r.n, timeout_ms == NULL ? -1 : *timeout_ms, &err);
        row_back(&r, reqs);
    }
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_request_free(wrf_request *req)
{
    weir_request_free(req->p);
    req->p = NULL;
}
