/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters for Fortran. */
#include "wrf.h"

WEIR_API void wrf_meter_new(wrf_meter *m, const weir_meter_options *options, int *stat,
                            CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_meter_options o = {.struct_bytes = sizeof o};
    weir_status st = wrf_vacant(m->p, "meter", "free it (weir_meter_free)", &err);
    if (options != NULL) {
        o = *options;
        o.struct_bytes = sizeof o;
    }
    if (st == WEIR_OK)
        st = weir_meter_new(&m->p, &o, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_meter_free(wrf_meter *m)
{
    weir_meter_free(m->p);
    m->p = NULL;
}

WEIR_API int wrf_meter_key(const wrf_meter *m, CFI_cdesc_t *name, const int *kind,
                           CFI_cdesc_t *unit, CFI_cdesc_t *description, int *stat,
                           CFI_cdesc_t *errmsg)
{
    weir_error err;
    int key = -1;
    weir_meter_kind k = kind == NULL ? WEIR_METER_TIMER : (weir_meter_kind)*kind;
    weir_status st = weir_meter_key(m->p, k, wrf_str(name), wrf_str(unit),
                                    wrf_str(description), &key, &err);
    wrf_end(st, &err, stat, errmsg);
    return key;
}

WEIR_API int wrf_meter_n_keys(const wrf_meter *m)
{
    return weir_meter_n_keys(m->p);
}

static weir_status found(bool yes, const char *what, int i, weir_error *err)
{
    return yes ? WEIR_OK
               : weir_fail(err, WEIR_ERR_KEY, "the meter has no %s %d", what, i);
}

WEIR_API void wrf_meter_key_at(const wrf_meter *m, const int *key, CFI_cdesc_t *name,
                               int *kind, CFI_cdesc_t *unit, CFI_cdesc_t *description,
                               bool *is_open, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_meter_key_info info;
    weir_status st =
        found(m->p != NULL && weir_meter_key_at(m->p, *key, &info), "key", *key, &err);
    if (st == WEIR_OK)
        st = wrf_give(name, info.name, &err);
    if (st == WEIR_OK)
        st = wrf_give(unit, info.unit, &err);
    if (st == WEIR_OK)
        st = wrf_give(description, info.description, &err);
    if (st == WEIR_OK && kind != NULL)
        *kind = (int)info.kind;
    if (st == WEIR_OK && is_open != NULL)
        *is_open = info.is_open;
    wrf_end(st, &err, stat, errmsg);
}

/* The three that record: nothing between Fortran and the clock. */
WEIR_API void wrf_meter_start(const wrf_meter *m, const int *key)
{
    (void)weir_meter_start(m->p, *key);
}

WEIR_API void wrf_meter_stop(const wrf_meter *m, const int *key)
{
    (void)weir_meter_stop(m->p, *key);
}

WEIR_API void wrf_meter_add(const wrf_meter *m, const int *key, const double *value)
{
    (void)weir_meter_add(m->p, *key, *value);
}

WEIR_API int64_t wrf_meter_n_refused(const wrf_meter *m)
{
    return (int64_t)weir_meter_n_refused(m->p);
}

WEIR_API void wrf_meter_reset(const wrf_meter *m)
{
    weir_meter_reset(m->p);
}

WEIR_API void wrf_meter_read(const wrf_meter *m, const int *key, weir_meter_stats *out,
                             int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_meter_read(m->p, *key, out, &err);
    wrf_end(st, &err, stat, errmsg);
}

/* Numbers of C's into an allocatable vector. */
static weir_status give_numbers(CFI_cdesc_t *out, const double *p, size_t n,
                                weir_error *err)
{
    weir_tensor t, to;
    int64_t shape = (int64_t)n;
    weir_status st = weir_tensor_init(&t, (void *)(uintptr_t)p, WEIR_F64, 1, &shape, err);
    if (st == WEIR_OK)
        st = wrf_allocate(out, &t, NULL, &to, err);
    if (st == WEIR_OK && n > 0)
        st = weir_tensor_copy(&to, &t, err);
    return st;
}

WEIR_API void wrf_meter_samples(const wrf_meter *m, const int *key, CFI_cdesc_t *out,
                                int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    size_t n = 0;
    const double *p = m->p == NULL ? NULL : weir_meter_samples(m->p, *key, &n);
    weir_status st = give_numbers(out, p, p == NULL ? 0 : n, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_meter_histogram(const wrf_meter *m, const int *key, const double *edge,
                                  const int *n_edges, int64_t *count, int *stat,
                                  CFI_cdesc_t *errmsg)
{
    weir_error err;
    size_t n = *n_edges < 0 ? 0 : (size_t)*n_edges;
    weir_status st = weir_meter_histogram(m->p, *key, edge, n, (uint64_t *)count, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API int wrf_meter_n_nodes(const wrf_meter *m)
{
    return (int)weir_meter_n_nodes(m->p);
}

WEIR_API void wrf_meter_node_at(const wrf_meter *m, const int *i, weir_meter_node *out,
                                int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_meter_node node;
    bool there =
        m->p != NULL && *i >= 1 && weir_meter_node_at(m->p, (size_t)*i - 1, &node);
    weir_status st = found(there, "node", *i, &err);
    if (st == WEIR_OK) {
        node.parent += 1; /* Fortran counts from 1, 0 is the top */
        *out = node;
    }
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_meter_merge(const wrf_meter *into, const wrf_meter *from, int *stat,
                              CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_meter_merge(into->p, from->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

/* ---- over ranks ----------------------------------------------------------------------------------- */

WEIR_API void wrf_meter_reduce(const wrf_meter *m, wrf_meter_summary *out,
                               const weir_meter_comm *comm, int *stat,
                               CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st =
        wrf_vacant(out->p, "summary", "free it (weir_meter_summary_free)", &err);
    if (st == WEIR_OK)
        st = weir_meter_reduce(m->p, comm, &out->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_meter_summary_free(wrf_meter_summary *s)
{
    weir_meter_summary_free(s->p);
    s->p = NULL;
}

WEIR_API int wrf_meter_summary_n(const wrf_meter_summary *s)
{
    return s->p == NULL ? 0 : (int)weir_meter_summary_n(s->p);
}

WEIR_API int wrf_meter_summary_ranks(const wrf_meter_summary *s)
{
    return s->p == NULL ? 0 : weir_meter_summary_ranks(s->p);
}

/* Type(weir_meter_total): C's without the two texts. */
typedef struct wrf_total {
    int kind, n_ranks;
    int64_t n;
    double sum, sum_min, sum_mean, sum_max, imbalance;
    int rank_min, rank_max;
    double mean_min, mean_mean, mean_max, min, max;
} wrf_total;

WEIR_API void wrf_meter_summary_at(const wrf_meter_summary *s, const int *i,
                                   CFI_cdesc_t *name, wrf_total *total, CFI_cdesc_t *unit,
                                   int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    const weir_meter_total *t = NULL;
    if (s->p != NULL && *i >= 1)
        t = weir_meter_summary_at(s->p, (size_t)*i - 1);
    weir_status st = found(t != NULL, "total", *i, &err);
    if (st == WEIR_OK)
        st = wrf_give(name, weir_cstr(t->name), &err);
    if (st == WEIR_OK)
        st = wrf_give(unit, weir_cstr(t->unit), &err);
    if (st == WEIR_OK)
        *total = (wrf_total){(int)t->kind, t->n_ranks,  (int64_t)t->n, t->sum,
                             t->sum_min,   t->sum_mean, t->sum_max,    t->imbalance,
                             t->rank_min,  t->rank_max, t->mean_min,   t->mean_mean,
                             t->mean_max,  t->min,      t->max};
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_meter_summary_by_rank(const wrf_meter_summary *s, const int *i,
                                        CFI_cdesc_t *out, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    const double *p = NULL;
    if (s->p != NULL && *i >= 1)
        p = weir_meter_summary_by_rank(s->p, (size_t)*i - 1);
    weir_status st = give_numbers(
        out, p, p == NULL ? 0 : (size_t)weir_meter_summary_ranks(s->p), &err);
    wrf_end(st, &err, stat, errmsg);
}

/* ---- output ----------------------------------------------------------------------------------------- */

WEIR_API void wrf_meter_print(const wrf_meter *m, const int *format, CFI_cdesc_t *text,
                              int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    char *p = NULL;
    size_t n = 0;
    weir_status st = weir_meter_print(m->p, (weir_meter_format)*format, &p, &n, &err);
    if (st == WEIR_OK)
        st = wrf_give(text, (weir_str){p, n}, &err);
    weir_meter_text_free(p);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_meter_write(const wrf_meter *m, const int *format, CFI_cdesc_t *path,
                              int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st =
        weir_meter_write(m->p, (weir_meter_format)*format, wrf_str(path), &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_meter_summary_print(const wrf_meter_summary *s, const int *format,
                                      CFI_cdesc_t *text, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    char *p = NULL;
    size_t n = 0;
    weir_status st =
        weir_meter_summary_print(s->p, (weir_meter_format)*format, &p, &n, &err);
    if (st == WEIR_OK)
        st = wrf_give(text, (weir_str){p, n}, &err);
    weir_meter_text_free(p);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_meter_summary_write(const wrf_meter_summary *s, const int *format,
                                      CFI_cdesc_t *path, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st =
        weir_meter_summary_write(s->p, (weir_meter_format)*format, wrf_str(path), &err);
    wrf_end(st, &err, stat, errmsg);
}
