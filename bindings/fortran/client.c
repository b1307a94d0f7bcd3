/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients, tensors, keys, lists and statistics for Fortran. */
#include "wrf.h"

#include <stdlib.h>

/* ---- client ---------------------------------------------------------------------------------- */

WEIR_API void wrf_open(wrf_client *c, CFI_cdesc_t *address, const int *timeout_ms,
                       CFI_cdesc_t *memory_bytes, const int *full, const int *threads,
                       CFI_cdesc_t *oversubscribe, CFI_cdesc_t *spin,
                       CFI_cdesc_t *backend_path, CFI_cdesc_t *put_prefix,
                       CFI_cdesc_t *get_prefix, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    int64_t bytes = 0;
    weir_client_options o = {.struct_bytes = sizeof o};
    weir_status st = wrf_vacant(c->p, "client", "close it (weir_close)", &err);
    if (st == WEIR_OK)
        st = wrf_integers(memory_bytes, "memory_bytes", &bytes, 1, NULL, &err);
    if (st == WEIR_OK && bytes < 0)
        st = weir_fail(&err, WEIR_ERR_ARG, "memory_bytes is %lld: must not be negative",
                       (long long)bytes);
    if (st == WEIR_OK)
        st = wrf_flag(oversubscribe, "oversubscribe", &o.oversubscribe, &err);
    if (st == WEIR_OK)
        st = wrf_flag(spin, "spin", &o.spin, &err);
    if (st == WEIR_OK) {
        o.timeout_ms = timeout_ms == NULL ? 0 : *timeout_ms;
        o.memory_bytes = (size_t)bytes;
        o.full = full == NULL ? WEIR_FULL_FAIL : (weir_full_policy)*full;
        o.threads = threads == NULL ? 0 : *threads;
        o.backend_path = wrf_str(backend_path);
        o.put_prefix = wrf_str(put_prefix);
        o.get_prefix = wrf_str(get_prefix);
        st = weir_client_new(&c->p, wrf_str(address), &o, &err);
    }
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_close(wrf_client *c)
{
    weir_client_free(c->p);
    c->p = NULL;
}

WEIR_API void wrf_client_close(const wrf_client *c)
{
    weir_client_close(c->p);
}

WEIR_API void wrf_client_set_timeout(const wrf_client *c, const int *timeout_ms)
{
    weir_client_set_timeout(c->p, *timeout_ms);
}

WEIR_API void wrf_client_set_deadline(const wrf_client *c, const int64_t *deadline)
{
    weir_client_set_deadline(c->p, *deadline);
}

WEIR_API void wrf_client_set_source(const wrf_client *c, CFI_cdesc_t *source, int *stat,
                                    CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_client_set_source(c->p, wrf_str(source), &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_client_use_prefix(const wrf_client *c, const int *kind, CFI_cdesc_t *on,
                                    int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    bool yes = false;
    weir_status st = wrf_flag(on, "on", &yes, &err);
    if (st == WEIR_OK)
        st = weir_client_use_prefix(c->p, (weir_kind)*kind, yes, &err);
    wrf_end(st, &err, stat, errmsg);
}

/* ---- tensors ---------------------------------------------------------------------------------- */

WEIR_API void wrf_put(const wrf_client *c, CFI_cdesc_t *key, CFI_cdesc_t *a,
                      const int *layout, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t;
    weir_str *texts = NULL;
    weir_status st = wrf_is_text(a) ? wrf_text_view(&t, &texts, a, layout, &err)
                                    : wrf_view(&t, a, layout, &err);
    if (st == WEIR_OK)
        st = weir_put(c->p, wrf_str(key), &t, &err);
    free(texts);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_put_buffer(const wrf_client *c, CFI_cdesc_t *key, const wrf_buffer *b,
                             int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_put_buffer(c->p, wrf_str(key), b->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

/* The stored bytes where they lie in this process, a copy from a server. */
static weir_status get_text(weir_client *c, weir_str key, CFI_cdesc_t *a,
                            const int *layout, weir_error *err)
{
    weir_buffer *b = NULL;
    weir_status st = weir_borrow(c, key, &b, err);
    if (st == WEIR_ERR_UNSUPPORTED)
        st = weir_fetch(c, key, &b, err);
    if (st == WEIR_OK) {
        weir_tensor t = weir_buffer_view(b);
        st = wrf_text_get(a, &t, layout, err);
    }
    weir_buffer_unref(b);
    return st;
}

WEIR_API void wrf_get(const wrf_client *c, CFI_cdesc_t *key, CFI_cdesc_t *into,
                      const int *layout, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t;
    weir_status st;
    if (wrf_is_text(into)) {
        st = get_text(c->p, wrf_str(key), into, layout, &err);
    } else {
        st = wrf_view(&t, into, layout, &err);
        if (st == WEIR_OK)
            st = weir_get(c->p, wrf_str(key), &t, &err);
    }
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_fetch_buffer(const wrf_client *c, CFI_cdesc_t *key, wrf_buffer *out,
                               int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st =
        wrf_vacant(out->p, "buffer", "end its loan (weir_buffer_unref)", &err);
    if (st == WEIR_OK)
        st = weir_fetch(c->p, wrf_str(key), &out->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

/* True: there was one, and it is the caller's. */
WEIR_API bool wrf_take(const wrf_client *c, CFI_cdesc_t *key, wrf_buffer *out,
                       const int *timeout_ms, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st =
        wrf_vacant(out->p, "buffer", "end its loan (weir_buffer_unref)", &err);
    if (st == WEIR_OK)
        st = weir_take(c->p, wrf_str(key), timeout_ms == NULL ? -1 : *timeout_ms, &out->p,
                       &err);
    wrf_end(st, &err, stat, errmsg);
    return st == WEIR_OK && out->p != NULL;
}

/* From a server: asked for its shape first, then received into the array. One that is replaced by one
 * of another shape in between is asked for again. */
static weir_status fetch_from_afar(const wrf_client *c, weir_str key, CFI_cdesc_t *out,
                                   const int *layout, weir_error *err)
{
    enum { TRIES = 8 };
    weir_status st = WEIR_OK;
    for (int i = 0; i < TRIES; i++) {
        weir_tensor held, to;
        st = weir_describe(c->p, key, &held, err);
        if (st == WEIR_OK)
            st = wrf_fits(out, &held, NULL, err);
        if (st == WEIR_OK)
            st = wrf_allocate(out, &held, layout, &to, err);
        if (st != WEIR_OK)
            return st;
        st = weir_get(c->p, key, &to, err);
        if (st == WEIR_OK)
            return st;
        CFI_deallocate(out);
        if (st != WEIR_ERR_SHAPE && st != WEIR_ERR_DTYPE)
            return st;
    }
    return st;
}

/* Into an allocatable: the stored bytes are looked at, so that there is one copy here too. */
WEIR_API void wrf_fetch(const wrf_client *c, CFI_cdesc_t *key, CFI_cdesc_t *out,
                        const int *layout, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor to;
    weir_buffer *b = NULL;
    weir_status st = weir_borrow(c->p, wrf_str(key), &b, &err);
    if (st == WEIR_ERR_UNSUPPORTED) {
        st = fetch_from_afar(c, wrf_str(key), out, layout, &err);
    } else if (st == WEIR_OK) {
        weir_tensor t = weir_buffer_view(b);
        st = wrf_fits(out, &t, NULL, &err);
        if (st == WEIR_OK)
            st = wrf_allocate(out, &t, layout, &to, &err);
        if (st == WEIR_OK)
            st = weir_tensor_copy(&to, &t, &err);
    }
    weir_buffer_unref(b);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_borrow_buffer(const wrf_client *c, CFI_cdesc_t *key, wrf_buffer *loan,
                                int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = wrf_vacant(loan->p, "loan", "end it (weir_buffer_unref)", &err);
    if (st == WEIR_OK)
        st = weir_borrow(c->p, wrf_str(key), &loan->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_borrow(const wrf_client *c, CFI_cdesc_t *key, CFI_cdesc_t *a,
                         wrf_buffer *loan, const int *layout, int *stat,
                         CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_buffer *b = NULL;
    weir_status st = wrf_vacant(loan->p, "loan", "end it (weir_buffer_unref)", &err);
    if (st == WEIR_OK)
        st = weir_borrow(c->p, wrf_str(key), &b, &err);
    if (st == WEIR_OK) {
        weir_tensor t = weir_buffer_view(b);
        st = wrf_associate(a, &t, layout, NULL, &err);
    }
    if (st == WEIR_OK) {
        loan->p = b;
        b = NULL;
    }
    weir_buffer_unref(b);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_describe(const wrf_client *c, CFI_cdesc_t *key, int *dtype,
                           CFI_cdesc_t *shape, const int *layout, int *stat,
                           CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t;
    weir_status st = weir_describe(c->p, wrf_str(key), &t, &err);
    if (st == WEIR_OK)
        st = wrf_give_shape(shape, &t, layout, &err);
    if (st == WEIR_OK && dtype != NULL)
        *dtype = (int)t.dtype;
    wrf_end(st, &err, stat, errmsg);
}

/* ---- every kind -------------------------------------------------------------------------------- */

WEIR_API bool wrf_exists(const wrf_client *c, const int *kind, CFI_cdesc_t *name,
                         int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    bool found = false;
    weir_status st = weir_exists(c->p, (weir_kind)*kind, wrf_str(name), &found, &err);
    wrf_end(st, &err, stat, errmsg);
    return found;
}

WEIR_API void wrf_del(const wrf_client *c, const int *kind, CFI_cdesc_t *name, int *stat,
                      CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_del(c->p, (weir_kind)*kind, wrf_str(name), &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_copy(const wrf_client *c, const int *kind, CFI_cdesc_t *from,
                       CFI_cdesc_t *to, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_copy(c->p, (weir_kind)*kind, wrf_str(from), wrf_str(to), &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_rename(const wrf_client *c, const int *kind, CFI_cdesc_t *from,
                         CFI_cdesc_t *to, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st =
        weir_rename(c->p, (weir_kind)*kind, wrf_str(from), wrf_str(to), &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API bool wrf_poll(const wrf_client *c, const int *kind, CFI_cdesc_t *name,
                       const int *timeout_ms, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    bool found = false;
    weir_status st = weir_poll(c->p, (weir_kind)*kind, wrf_str(name),
                               timeout_ms == NULL ? -1 : *timeout_ms, &found, &err);
    wrf_end(st, &err, stat, errmsg);
    return found;
}

/* ---- datasets and lists -------------------------------------------------------------------------- */

WEIR_API void wrf_put_dataset(const wrf_client *c, const wrf_dataset *ds, int *stat,
                              CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_put_dataset(c->p, ds->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_get_dataset(const wrf_client *c, CFI_cdesc_t *name, wrf_dataset *out,
                              int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = wrf_vacant(out->p, "dataset", "free it (weir_dataset_free)", &err);
    if (st == WEIR_OK)
        st = weir_get_dataset(c->p, wrf_str(name), &out->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_list_append(const wrf_client *c, CFI_cdesc_t *list,
                              CFI_cdesc_t *dataset, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_list_append(c->p, wrf_str(list), wrf_str(dataset), &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API int64_t wrf_list_length(const wrf_client *c, CFI_cdesc_t *list, int *stat,
                                 CFI_cdesc_t *errmsg)
{
    weir_error err;
    int64_t n = 0;
    weir_status st = weir_list_length(c->p, wrf_str(list), &n, &err);
    wrf_end(st, &err, stat, errmsg);
    return n;
}

WEIR_API bool wrf_list_wait(const wrf_client *c, CFI_cdesc_t *list, const int *how,
                            const int *n, const int *timeout_ms, int *stat,
                            CFI_cdesc_t *errmsg)
{
    weir_error err;
    bool met = false;
    weir_status st = weir_list_wait(c->p, wrf_str(list), (weir_compare)*how, *n,
                                    timeout_ms == NULL ? -1 : *timeout_ms, &met, &err);
    wrf_end(st, &err, stat, errmsg);
    return met;
}

/* Fortran counts from 1; negative numbers count from the end in both. */
static weir_status from_one(const int *index, int64_t absent, int64_t *out,
                            weir_error *err)
{
    if (index != NULL && *index == 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "index 0 in a list: the first entry is 1, the last -1");
    *out = index == NULL ? absent : *index > 0 ? *index - 1 : *index;
    return WEIR_OK;
}

/* The datasets as an array of C's, for weir_list_get in client.f90 to hand out. */
WEIR_API void wrf_list_get(const wrf_client *c, CFI_cdesc_t *list, const int *first,
                           const int *last, weir_dataset ***out, size_t *n, int *stat,
                           CFI_cdesc_t *errmsg)
{
    weir_error err;
    int64_t from = 0, to = -1;
    *out = NULL;
    *n = 0;
    weir_status st = from_one(first, 0, &from, &err);
    if (st == WEIR_OK)
        st = from_one(last, -1, &to, &err);
    if (st == WEIR_OK)
        st = weir_list_get(c->p, wrf_str(list), from, to, out, n, &err);
    wrf_end(st, &err, stat, errmsg);
}

/* Hand the datasets over and release the array alone. */
WEIR_API void wrf_list_take(weir_dataset **from, size_t n, wrf_dataset *to)
{
    for (size_t i = 0; i < n; i++) {
        to[i].p = from[i];
        from[i] = NULL;
    }
    weir_datasets_free(from, n);
}

/* ---- statistics ---------------------------------------------------------------------------------- */

WEIR_API double wrf_client_statistic(const wrf_client *c, CFI_cdesc_t *name, int *stat,
                                     CFI_cdesc_t *errmsg)
{
    weir_error err;
    double value = 0;
    weir_status st = weir_client_statistic(c->p, wrf_str(name), &value, &err);
    wrf_end(st, &err, stat, errmsg);
    return value;
}

enum { STATS_MAX = 256, BACKENDS_MAX = 16, SERVERS_MAX = 64 };

/* How many, and number i (from 1) of them: client.f90 makes a list of it. */
WEIR_API int wrf_client_statistics(const wrf_client *c, const int *i, CFI_cdesc_t *name,
                                   CFI_cdesc_t *unit, CFI_cdesc_t *description,
                                   double *value)
{
    weir_stat s[STATS_MAX];
    size_t n = weir_client_statistics(c->p, s, STATS_MAX);
    n = n < STATS_MAX ? n : STATS_MAX;
    if (*i >= 1 && (size_t)*i <= n) {
        const weir_stat *one = &s[*i - 1];
        wrf_pad(name, weir_cstr(one->name));
        wrf_pad(unit, weir_cstr(one->unit));
        wrf_pad(description, weir_cstr(one->description));
        *value = one->value;
    }
    return (int)n;
}

WEIR_API int wrf_servers(const wrf_client *c, const int *i, CFI_cdesc_t *address,
                         CFI_cdesc_t *kind, CFI_cdesc_t *version, CFI_cdesc_t *weir)
{
    weir_server_info *s = calloc(SERVERS_MAX, sizeof *s);
    size_t n = s == NULL ? 0 : weir_servers(c->p, s, SERVERS_MAX);
    n = n < SERVERS_MAX ? n : SERVERS_MAX;
    if (*i >= 1 && (size_t)*i <= n) {
        const weir_server_info *one = &s[*i - 1];
        wrf_pad(address, weir_cstr(one->address));
        wrf_pad(kind, weir_cstr(one->kind));
        wrf_pad(version, weir_cstr(one->version));
        wrf_pad(weir, weir_cstr(one->weir));
    }
    free(s);
    return (int)n;
}

WEIR_API int wrf_backends(const wrf_client *c, const int *i, CFI_cdesc_t *name,
                          bool *present, CFI_cdesc_t *version, CFI_cdesc_t *path,
                          CFI_cdesc_t *hint)
{
    weir_backend_info b[BACKENDS_MAX];
    size_t n = weir_backends(c->p, b, BACKENDS_MAX);
    n = n < BACKENDS_MAX ? n : BACKENDS_MAX;
    if (*i >= 1 && (size_t)*i <= n) {
        const weir_backend_info *one = &b[*i - 1];
        wrf_pad(name, weir_cstr(one->name));
        *present = one->present;
        wrf_pad(version, weir_cstr(one->version));
        wrf_pad(path, weir_cstr(one->path));
        wrf_pad(hint, weir_cstr(one->hint));
    }
    return (int)n;
}
