/* SPDX-License-Identifier: BSD-3-Clause */
/* Fortran's characters, and how every call ends. */
#include "wrf.h"

#include <stdio.h>
#include <stdlib.h>

/* In types.f90: `error stop` with this text. */
void wrf_stop(const char *text, size_t n);

static weir_str trimmed(const char *p, size_t n)
{
    while (n > 0 && p[n - 1] == ' ')
        n--;
    return (weir_str){p, n};
}

weir_str wrf_str(const CFI_cdesc_t *s)
{
    if (s == NULL || s->base_addr == NULL)
        return (weir_str){NULL, 0};
    return trimmed(s->base_addr, s->elem_len);
}

weir_status wrf_str_list(wrf_strs *out, const CFI_cdesc_t *s, weir_error *err)
{
    out->n = 0;
    if (s == NULL)
        return WEIR_OK;
    if (s->rank > 1)
        return weir_fail(err, WEIR_ERR_SHAPE,
                         "names of rank %d: must be one name or a vector", (int)s->rank);
    ptrdiff_t n = s->rank == 0 ? 1 : s->dim[0].extent;
    if (n > WEIR_IO_MAX)
        return weir_fail(err, WEIR_ERR_ARG, "%lld names, at most %d", (long long)n,
                         WEIR_IO_MAX);
    for (ptrdiff_t i = 0; i < n; i++) {
        const char *p =
            (const char *)s->base_addr + (s->rank == 0 ? 0 : i * s->dim[0].sm);
        out->s[i] = trimmed(p, s->elem_len);
    }
    out->n = n < 0 ? 0 : (int)n;
    return WEIR_OK;
}

static void pad(char *to, size_t room, weir_str s)
{
    size_t n = s.n < room ? s.n : room;
    if (n > 0)
        memcpy(to, s.p, n);
    if (room > n)
        memset(to + n, ' ', room - n);
}

void wrf_pad(CFI_cdesc_t *to, weir_str s)
{
    if (to != NULL)
        pad(to->base_addr, to->elem_len, s);
}

weir_status wrf_give(CFI_cdesc_t *to, weir_str s, weir_error *err)
{
    if (to == NULL)
        return WEIR_OK;
    int rc = CFI_allocate(to, NULL, NULL, s.n);
    if (rc != CFI_SUCCESS)
        return weir_fail(err, WEIR_ERR_NOMEM, "could not allocate %zu characters", s.n);
    if (s.n > 0)
        memcpy(to->base_addr, s.p, s.n);
    return WEIR_OK;
}

/* ---- arrays of characters ------------------------------------------------------------------ */

/* Shape and strides of the characters themselves: one element is elem_len bytes. */
static weir_status text_shape(weir_tensor *t, const CFI_cdesc_t *a, const int *layout,
                              weir_error *err)
{
    CFI_CDESC_T(CFI_MAX_RANK) room;
    CFI_cdesc_t *bytes = (CFI_cdesc_t *)&room;
    memcpy(bytes, a, sizeof *a + (size_t)a->rank * sizeof(CFI_dim_t));
    bytes->type =
        CFI_type_int8_t; /* borrow what views know of extents, layout and allocation */
    bytes->elem_len = 1;
    return wrf_view(t, bytes, layout, err);
}

/* Step to the next element in C order; false at the end. */
static bool next(int64_t *at, const weir_tensor *t)
{
    for (int i = t->rank - 1; i >= 0; i--) {
        if (++at[i] < t->shape[i])
            return true;
        at[i] = 0;
    }
    return false;
}

static char *place(const weir_tensor *t, const int64_t *at)
{
    char *p = t->data;
    for (int i = 0; i < t->rank; i++)
        p += at[i] * t->stride[i];
    return p;
}

weir_status wrf_text_view(weir_tensor *out, weir_str **owned, const CFI_cdesc_t *a,
                          const int *layout, weir_error *err)
{
    weir_tensor chars, strs;
    int64_t at[WEIR_RANK_MAX] = {0};
    weir_status st = text_shape(&chars, a, layout, err);
    if (st == WEIR_OK)
        st = weir_tensor_init(&strs, NULL, WEIR_STRING, chars.rank, chars.shape, err);
    if (st != WEIR_OK)
        return st;
    size_t n = weir_tensor_count(&strs);
    weir_str *s = malloc((n + 1) * sizeof *s);
    if (s == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "%zu bytes to describe %zu texts",
                         (n + 1) * sizeof *s, n);
    for (size_t i = 0; i < n; i++) {
        s[i] = trimmed(place(&chars, at), a->elem_len);
        next(at, &chars);
    }
    strs.data = s;
    *owned = s;
    *out = strs;
    return WEIR_OK;
}

weir_status wrf_text_get(CFI_cdesc_t *a, const weir_tensor *t, const int *layout,
                         weir_error *err)
{
    weir_tensor chars;
    char text[160];
    int64_t at[WEIR_RANK_MAX] = {0};
    weir_status st = text_shape(&chars, a, layout, err);
    if (st != WEIR_OK)
        return st;
    if (t->dtype != WEIR_STRING)
        return weir_fail(err, WEIR_ERR_DTYPE,
                         "it is %s, the Fortran array is of characters",
                         weir_tensor_text(t, text, sizeof text));
    bool same = chars.rank == t->rank;
    for (int i = 0; same && i < t->rank; i++)
        same = chars.shape[i] == t->shape[i];
    if (!same)
        return weir_fail(err, WEIR_ERR_SHAPE,
                         "it is %s, the Fortran array has another shape",
                         weir_tensor_text(t, text, sizeof text));
    size_t n = weir_tensor_count(t);
    for (size_t i = 0; i < n; i++, next(at, t)) {
        const weir_str *s = (const weir_str *)(const void *)place(t, at);
        if (s->n > a->elem_len)
            return weir_fail(err, WEIR_ERR_SHAPE, "a text of %zu bytes, room for %zu",
                             s->n, (size_t)a->elem_len);
    }
    memset(at, 0, sizeof at);
    for (size_t i = 0; i < n; i++, next(at, t))
        pad(place(&chars, at), a->elem_len,
            *(const weir_str *)(const void *)place(t, at));
    return WEIR_OK;
}

/* ---- the end of a call ----------------------------------------------------------------------- */

void wrf_end(weir_status st, const weir_error *err, int *stat, CFI_cdesc_t *errmsg)
{
    if (stat != NULL)
        *stat = st;
    if (st == WEIR_OK)
        return;
    wrf_pad(errmsg, weir_cstr(err->text));
    if (stat == NULL) {
        char line[WEIR_ERROR_TEXT_MAX + 64];
        int n =
            snprintf(line, sizeof line, "Weir %s: %s", weir_status_name(st), err->text);
        wrf_stop(line, n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
    }
}

weir_status wrf_vacant(const void *handle, const char *what, const char *how,
                       weir_error *err)
{
    if (handle == NULL)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_BUSY, "this %s is in use: %s first", what, how);
}
