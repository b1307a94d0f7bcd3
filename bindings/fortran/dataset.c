/* SPDX-License-Identifier: BSD-3-Clause */
/* Datasets and buffers for Fortran. */
#include "wrf.h"

#include <stdlib.h>

WEIR_API void wrf_dataset_new(wrf_dataset *ds, CFI_cdesc_t *name, int *stat,
                              CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = wrf_vacant(ds->p, "dataset", "free it (weir_dataset_free)", &err);
    if (st == WEIR_OK)
        st = weir_dataset_new(&ds->p, wrf_str(name), &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_dataset_free(wrf_dataset *ds)
{
    weir_dataset_free(ds->p);
    ds->p = NULL;
}

/* What a function without a status does on an empty handle: nothing, as on an empty dataset. */
WEIR_API void wrf_dataset_name(const wrf_dataset *ds, CFI_cdesc_t *name)
{
    weir_str s = ds->p == NULL ? (weir_str){NULL, 0} : weir_dataset_name(ds->p);
    weir_error err;
    wrf_end(wrf_give(name, s, &err), &err, NULL, NULL);
}

/* ---- tensors ------------------------------------------------------------------------------------ */

WEIR_API void wrf_dataset_add_tensor(const wrf_dataset *ds, CFI_cdesc_t *name,
                                     CFI_cdesc_t *a, const int *layout, int *stat,
                                     CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t;
    weir_str *texts = NULL;
    weir_status st = wrf_is_text(a) ? wrf_text_view(&t, &texts, a, layout, &err)
                                    : wrf_view(&t, a, layout, &err);
    if (st == WEIR_OK)
        st = weir_dataset_add_tensor(ds->p, wrf_str(name), &t, &err);
    free(texts);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_dataset_add_buffer(const wrf_dataset *ds, CFI_cdesc_t *name,
                                     const wrf_buffer *b, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_dataset_add_buffer(ds->p, wrf_str(name), b->p, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_dataset_tensor(const wrf_dataset *ds, CFI_cdesc_t *name, CFI_cdesc_t *a,
                                 const int *layout, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t;
    weir_status st = weir_dataset_tensor(ds->p, wrf_str(name), &t, &err);
    if (st == WEIR_OK)
        st = wrf_associate(a, &t, layout, NULL, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_dataset_get_tensor(const wrf_dataset *ds, CFI_cdesc_t *name,
                                     CFI_cdesc_t *into, const int *layout, int *stat,
                                     CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t;
    weir_status st;
    if (wrf_is_text(into)) {
        st = weir_dataset_tensor(ds->p, wrf_str(name), &t, &err);
        if (st == WEIR_OK)
            st = wrf_text_get(into, &t, layout, &err);
    } else {
        st = wrf_view(&t, into, layout, &err);
        if (st == WEIR_OK)
            st = weir_dataset_get_tensor(ds->p, wrf_str(name), &t, &err);
    }
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API int wrf_dataset_n_tensors(const wrf_dataset *ds)
{
    return ds->p == NULL ? 0 : (int)weir_dataset_n_tensors(ds->p);
}

static weir_status no_such_index(const char *what, int i, int n, weir_error *err)
{
    return weir_fail(err, WEIR_ERR_KEY,
                     "dataset has no %s number %d: there are %d, counted from 1", what, i,
                     n);
}

WEIR_API void wrf_dataset_tensor_at(const wrf_dataset *ds, const int *i,
                                    CFI_cdesc_t *name, wrf_buffer *loan, int *stat,
                                    CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_str s;
    weir_buffer *b = NULL;
    weir_status st = WEIR_OK;
    int n = wrf_dataset_n_tensors(ds);
    if (loan != NULL)
        st = wrf_vacant(loan->p, "loan", "end it (weir_buffer_unref)", &err);
    if (st == WEIR_OK &&
        (*i < 1 || *i > n || !weir_dataset_tensor_at(ds->p, (size_t)*i - 1, &s, &b)))
        st = no_such_index("tensor", *i, n, &err);
    if (st == WEIR_OK)
        st = wrf_give(name, s, &err);
    if (st == WEIR_OK && loan != NULL)
        loan->p = weir_buffer_ref(b);
    wrf_end(st, &err, stat, errmsg);
}

/* ---- fields -------------------------------------------------------------------------------------- */

WEIR_API void wrf_dataset_add_scalars(const wrf_dataset *ds, CFI_cdesc_t *field,
                                      CFI_cdesc_t *values, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t, packed;
    weir_buffer *b = NULL;
    weir_status st = wrf_view(&t, values, NULL, &err);
    if (st == WEIR_OK && t.rank > 1)
        st = weir_fail(&err, WEIR_ERR_SHAPE,
                       "values of rank %d: must be one number or a vector", t.rank);
    if (st == WEIR_OK)
        st = weir_buffer_from(&b, &t, &err);
    if (st == WEIR_OK) {
        packed = weir_buffer_view(b);
        st = weir_dataset_add_scalars(ds->p, wrf_str(field), packed.dtype, packed.data,
                                      weir_tensor_count(&packed), &err);
    }
    weir_buffer_unref(b);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_dataset_add_string(const wrf_dataset *ds, CFI_cdesc_t *field,
                                     CFI_cdesc_t *value, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = weir_dataset_add_string(ds->p, wrf_str(field), wrf_str(value), &err);
    wrf_end(st, &err, stat, errmsg);
}

/* Fortran has no unsigned integers: U32 comes as 8-byte integers, U64 too as long as it fits. */
static weir_status unsigned_fits(const weir_tensor *t, CFI_cdesc_t *out, weir_error *err)
{
    weir_tensor to, like = *t;
    like.dtype = WEIR_I64;
    for (int64_t i = 0; i < t->shape[0]; i++) {
        if (t->dtype == WEIR_U64 && ((const uint64_t *)t->data)[i] > INT64_MAX)
            return weir_fail(
                err, WEIR_ERR_DTYPE, "value %lld, %llu, is too large for integer(8)",
                (long long)i + 1, (unsigned long long)((const uint64_t *)t->data)[i]);
    }
    weir_status st = wrf_fits(out, &like, NULL, err);
    if (st == WEIR_OK)
        st = wrf_allocate(out, &like, NULL, &to, err);
    if (st != WEIR_OK)
        return st;
    for (int64_t i = 0; i < t->shape[0]; i++)
        ((int64_t *)to.data)[i] = t->dtype == WEIR_U32
                                      ? ((const uint32_t *)t->data)[i]
                                      : (int64_t)((const uint64_t *)t->data)[i];
    return WEIR_OK;
}

WEIR_API void wrf_dataset_scalars(const wrf_dataset *ds, CFI_cdesc_t *field,
                                  CFI_cdesc_t *out, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_dtype dtype = WEIR_F64;
    const void *data = NULL;
    size_t n = 0;
    weir_tensor t, to;
    weir_status st = weir_dataset_scalars(ds->p, wrf_str(field), &dtype, &data, &n, &err);
    if (st == WEIR_OK) {
        int64_t shape = (int64_t)n;
        st = weir_tensor_init(&t, (void *)(uintptr_t)data, dtype, 1, &shape, &err);
    }
    if (st == WEIR_OK && (dtype == WEIR_U32 || dtype == WEIR_U64)) {
        st = unsigned_fits(&t, out, &err);
    } else if (st == WEIR_OK) {
        st = wrf_fits(out, &t, NULL, &err);
        if (st == WEIR_OK)
            st = wrf_allocate(out, &t, NULL, &to, &err);
        if (st == WEIR_OK)
            st = weir_tensor_copy(&to, &t, &err);
    }
    wrf_end(st, &err, stat, errmsg);
}

/* How many strings a field has and the longest one's length; dataset.f90 allocates and asks again
 * with room for them. */
WEIR_API int wrf_dataset_strings(const wrf_dataset *ds, CFI_cdesc_t *field,
                                 CFI_cdesc_t *out, int *n, int *longest,
                                 CFI_cdesc_t *errmsg)
{
    weir_error err;
    const weir_str *s = NULL;
    size_t n_found = 0;
    int st;
    weir_status found = weir_dataset_strings(ds->p, wrf_str(field), &s, &n_found, &err);
    *longest = 0;
    *n = (int)n_found;
    for (size_t i = 0; i < n_found; i++) {
        *longest = (int)s[i].n > *longest ? (int)s[i].n : *longest;
        if (out != NULL && out->rank == 1 && (CFI_index_t)i < out->dim[0].extent) {
            CFI_cdesc_t one = *out;
            one.base_addr = (char *)out->base_addr + (CFI_index_t)i * out->dim[0].sm;
            wrf_pad(&one, s[i]);
        }
    }
    wrf_end(found, &err, &st, errmsg);
    return st;
}

WEIR_API void wrf_dataset_clear_field(const wrf_dataset *ds, CFI_cdesc_t *field)
{
    if (ds->p != NULL)
        weir_dataset_clear_field(ds->p, wrf_str(field));
}

WEIR_API int wrf_dataset_n_fields(const wrf_dataset *ds)
{
    return ds->p == NULL ? 0 : (int)weir_dataset_n_fields(ds->p);
}

WEIR_API void wrf_dataset_field_at(const wrf_dataset *ds, const int *i, CFI_cdesc_t *name,
                                   int *dtype, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_str s;
    weir_dtype found = WEIR_F64;
    weir_status st = WEIR_OK;
    int n = wrf_dataset_n_fields(ds);
    if (*i < 1 || *i > n || !weir_dataset_field_at(ds->p, (size_t)*i - 1, &s, &found))
        st = no_such_index("field", *i, n, &err);
    if (st == WEIR_OK)
        st = wrf_give(name, s, &err);
    if (st == WEIR_OK && dtype != NULL)
        *dtype = (int)found;
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API bool wrf_dataset_has_field(const wrf_dataset *ds, CFI_cdesc_t *field)
{
    return ds->p != NULL && weir_dataset_has_field(ds->p, wrf_str(field));
}

/* ---- buffers ------------------------------------------------------------------------------------- */

WEIR_API void wrf_buffer_new(wrf_buffer *b, const int *dtype, CFI_cdesc_t *shape,
                             const int *layout, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    int64_t n[WEIR_RANK_MAX], c[WEIR_RANK_MAX];
    int rank = 0;
    bool reversed = false;
    weir_status st = wrf_vacant(b->p, "buffer", "give it back (weir_buffer_unref)", &err);
    if (st == WEIR_OK)
        st = wrf_is_reversed(layout, &reversed, &err);
    if (st == WEIR_OK)
        st = wrf_integers(shape, "shape", n, WEIR_RANK_MAX, &rank, &err);
    for (int i = 0; st == WEIR_OK && i < rank; i++)
        c[i] = n[reversed ? rank - 1 - i : i];
    if (st == WEIR_OK)
        st = weir_buffer_new(&b->p, (weir_dtype)*dtype, rank, c, &err);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_buffer_from(wrf_buffer *b, CFI_cdesc_t *a, const int *layout, int *stat,
                              CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_tensor t;
    weir_str *texts = NULL;
    weir_status st = wrf_vacant(b->p, "buffer", "give it back (weir_buffer_unref)", &err);
    if (st == WEIR_OK)
        st = wrf_is_text(a) ? wrf_text_view(&t, &texts, a, layout, &err)
                            : wrf_view(&t, a, layout, &err);
    if (st == WEIR_OK)
        st = weir_buffer_from(&b->p, &t, &err);
    free(texts);
    wrf_end(st, &err, stat, errmsg);
}

static weir_status has_buffer(const wrf_buffer *b, weir_error *err)
{
    if (b->p == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "this buffer is empty: nothing was fetched or borrowed");
    return WEIR_OK;
}

WEIR_API void wrf_buffer_view(const wrf_buffer *b, CFI_cdesc_t *a, const int *layout,
                              const int *dtype, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = has_buffer(b, &err);
    if (st == WEIR_OK) {
        weir_tensor t = weir_buffer_view(b->p);
        st = wrf_associate(a, &t, layout, dtype, &err);
    }
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_buffer_describe(const wrf_buffer *b, int *dtype, CFI_cdesc_t *shape,
                                  const int *layout, int *stat, CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st = has_buffer(b, &err);
    if (st == WEIR_OK) {
        weir_tensor t = weir_buffer_view(b->p);
        st = wrf_give_shape(shape, &t, layout, &err);
        if (st == WEIR_OK && dtype != NULL)
            *dtype = (int)t.dtype;
    }
    wrf_end(st, &err, stat, errmsg);
}

/* A second loan of the same memory. */
WEIR_API void wrf_buffer_ref(const wrf_buffer *b, wrf_buffer *also, int *stat,
                             CFI_cdesc_t *errmsg)
{
    weir_error err;
    weir_status st =
        wrf_vacant(also->p, "buffer", "give it back (weir_buffer_unref)", &err);
    if (st == WEIR_OK)
        also->p = weir_buffer_ref(b->p);
    wrf_end(st, &err, stat, errmsg);
}

WEIR_API void wrf_buffer_unref(wrf_buffer *b)
{
    weir_buffer_unref(b->p);
    b->p = NULL;
}

WEIR_API int wrf_buffer_refs(const wrf_buffer *b)
{
    return b->p == NULL ? 0 : weir_buffer_refs(b->p);
}

WEIR_API void wrf_memory_info(weir_memory *out)
{
    *out = weir_memory_info();
}

WEIR_API void wrf_memory_trim(CFI_cdesc_t *keep_bytes)
{
    weir_error err;
    int64_t keep = 0;
    weir_status st = wrf_integers(keep_bytes, "keep_bytes", &keep, 1, NULL, &err);
    if (st == WEIR_OK)
        weir_memory_trim(keep < 0 ? 0 : (size_t)keep);
    wrf_end(st, &err, NULL, NULL);
}

/* ---- names of things ------------------------------------------------------------------------------ */

static void give(CFI_cdesc_t *text, const char *s)
{
    weir_error err;
    wrf_end(wrf_give(text, weir_cstr(s), &err), &err, NULL, NULL);
}

WEIR_API void wrf_version(CFI_cdesc_t *text)
{
    give(text, weir_version());
}

WEIR_API void wrf_status_name(const int *status, CFI_cdesc_t *text)
{
    give(text, weir_status_name((weir_status)*status));
}

WEIR_API void wrf_status_text(const int *status, CFI_cdesc_t *text)
{
    give(text, weir_status_text((weir_status)*status));
}

WEIR_API void wrf_dtype_name(const int *dtype, CFI_cdesc_t *text)
{
    give(text, weir_dtype_name((weir_dtype)*dtype));
}

WEIR_API int wrf_dtype_bytes(const int *dtype)
{
    return (int)weir_dtype_bytes((weir_dtype)*dtype);
}

WEIR_API int64_t wrf_deadline_in_ms(const int *timeout_ms)
{
    return weir_deadline_in_ms(*timeout_ms);
}
