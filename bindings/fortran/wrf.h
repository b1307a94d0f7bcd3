/* SPDX-License-Identifier: BSD-3-Clause */
/* What the C side of the Fortran interface shares. Every wrf_ entry has the same shape: turn
 * descriptors into views and names (view.c, text.c), call the C function, end with wrf_end. */
#ifndef WRF_H
#define WRF_H

#include <ISO_Fortran_binding.h>

#include "weir/client.h"
#include "weir/meter.h"

/* Fortran's handle types: one C pointer each. */
#define WRF_HANDLE(name)                                                                 \
    typedef struct wrf_##name {                                                          \
        weir_##name *p;                                                                  \
    } wrf_##name
WRF_HANDLE(client);
WRF_HANDLE(dataset);
WRF_HANDLE(request);
WRF_HANDLE(pipeline);
WRF_HANDLE(buffer);
WRF_HANDLE(meter);
WRF_HANDLE(meter_summary);
#undef WRF_HANDLE

/* Entries are declared in Fortran: the interfaces there are their prototypes. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#endif

enum { WRF_INDICES = 0, WRF_REVERSED = 1 };

/* ---- view.c: the only place that knows Fortran's kinds ---------------------------------------- */

/* Type(weir_view): a view made beforehand, with what was wrong with it. */
typedef struct wrf_box {
    uint64_t magic;  /* tells a weir_view from an array */
    int32_t problem; /* a number of view.c; 0: none */
    int32_t cfi_type;
    int64_t number, wanted;
    weir_tensor t;
} wrf_box;

/* View of one array (or of the weir_view that stands for it). `layout` may be NULL. */
weir_status wrf_view(weir_tensor *out, const CFI_cdesc_t *a, const int *layout,
                     weir_error *err);

/* A list of views: an array is a list of one, an array of weir_view is itself. */
typedef struct wrf_views {
    weir_tensor t[WEIR_IO_MAX];
    int n;
} wrf_views;
weir_status wrf_view_list(wrf_views *out, const CFI_cdesc_t *a, const int *layout,
                          weir_error *err);

/* Does this pointer or allocatable fit a tensor's type and rank? `dtype` may be NULL: the kind's. */
weir_status wrf_fits(const CFI_cdesc_t *a, const weir_tensor *t, const int *dtype,
                     weir_error *err);

/* Allocate an allocatable as t is, and describe its memory in *view. */
weir_status wrf_allocate(CFI_cdesc_t *a, const weir_tensor *t, const int *layout,
                         weir_tensor *view, weir_error *err);

/* Associate a pointer with t's memory. */
weir_status wrf_associate(CFI_cdesc_t *a, const weir_tensor *t, const int *layout,
                          const int *dtype, weir_error *err);

/* A tensor's extents into an allocatable vector; nothing when that is absent. */
weir_status wrf_give_shape(CFI_cdesc_t *shape, const weir_tensor *t, const int *layout,
                           weir_error *err);

/* Check a layout; absent means indices. */
weir_status wrf_is_reversed(const int *layout, bool *reversed, weir_error *err);

/* Is it an array of characters, which is WEIR_STRING's? */
bool wrf_is_text(const CFI_cdesc_t *a);

/* Scalars and small lists that may come in any kind. An absent one leaves *out as it was. */
weir_status wrf_flag(const CFI_cdesc_t *a, const char *what, bool *out, weir_error *err);
weir_status wrf_integers(const CFI_cdesc_t *a, const char *what, int64_t *out, int most,
                         int *n, weir_error *err);

/* ---- text.c: strings and the end of a call ------------------------------------------------------ */

/* A name without its trailing blanks; empty when absent. */
weir_str wrf_str(const CFI_cdesc_t *s);

/* A list of names: a scalar or a vector of characters; none when absent. */
typedef struct wrf_strs {
    weir_str s[WEIR_IO_MAX];
    int n;
} wrf_strs;
weir_status wrf_str_list(wrf_strs *out, const CFI_cdesc_t *s, weir_error *err);

/* Give text: to a fixed character variable, blank-padded or cut; to an allocatable one. */
void wrf_pad(CFI_cdesc_t *to, weir_str s);
weir_status wrf_give(CFI_cdesc_t *to, weir_str s, weir_error *err);

/* Arrays of characters as tensors of WEIR_STRING, each element without trailing blanks. */
weir_status wrf_text_view(weir_tensor *out, weir_str **owned, const CFI_cdesc_t *a,
                          const int *layout, weir_error *err);
weir_status wrf_text_get(CFI_cdesc_t *a, const weir_tensor *t, const int *layout,
                         weir_error *err);

/* Last line of every call: stat, errmsg, or the stop. */
void wrf_end(weir_status st, const weir_error *err, int *stat, CFI_cdesc_t *errmsg);

/* A handle that is about to be filled must be empty, or what it holds would be lost. */
weir_status wrf_vacant(const void *handle, const char *what, const char *how,
                       weir_error *err);

#endif
