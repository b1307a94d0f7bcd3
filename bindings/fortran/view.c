/* SPDX-License-Identifier: BSD-3-Clause */
/* Fortran's descriptors as views, and back: the only place that knows Fortran's kinds. */
#include "wrf.h"

#include <stdio.h>

#define WRF_MAGIC 0x77656972f0a77a7eu

enum { WRF_BOX_BYTES = 320 }; /* type(weir_view) in types.f90 */
_Static_assert(sizeof(wrf_box) <= WRF_BOX_BYTES, "type(weir_view) is too small");

/* The function result of weir_view: as large as Fortran's type. */
typedef union wrf_boxed {
    wrf_box box;
    int64_t inside[WRF_BOX_BYTES / 8];
} wrf_boxed;

/* gfortran builds type codes from kind and category and gives an empty constructor no address; flang
 * numbers them, and only what is not allocated has no address. */
#ifdef CFI_type_Logical
#define IS_LOGICAL(type) (((type)&CFI_type_mask) == CFI_type_Logical)
#define IS_COMPLEX(type) (((type)&CFI_type_mask) == CFI_type_Complex)
#define IS_CHARACTER(type) (((type)&CFI_type_mask) == CFI_type_Character)
#define EMPTY_HAS_ADDRESS 0
#else
#define IS_LOGICAL(type)                                                                 \
    ((type) == CFI_type_Bool || (type) == CFI_type_int_least8_t ||                       \
     (type) == CFI_type_int_least16_t || (type) == CFI_type_int_least32_t ||             \
     (type) == CFI_type_int_least64_t)
#define IS_COMPLEX(type)                                                                 \
    ((type) == CFI_type_float_Complex || (type) == CFI_type_double_Complex ||            \
     (type) == CFI_type_long_double_Complex)
#define IS_CHARACTER(type) ((type) == CFI_type_char)
#define EMPTY_HAS_ADDRESS 1
#endif

/* Why an array can't be a tensor; type(weir_view) carries one of these. */
enum {
    FINE = 0,
    IS_COMPLEX_KIND,
    IS_WIDE_LOGICAL,
    IS_TEXT,
    IS_UNKNOWN,
    NOT_ALLOCATED,
    ASSUMED_SIZE,
    BAD_LAYOUT,
    BAD_DTYPE,
    OTHER_SIZE,
    NOT_A_VIEW
};

static weir_status box_check(const wrf_box *b, weir_error *err)
{
    switch (b->problem) {
    case FINE:
        return WEIR_OK;
    case IS_COMPLEX_KIND:
        return weir_fail(
            err, WEIR_ERR_DTYPE,
            "complex has no element type in Weir: pass the parts, as z%%re and z%%im");
    case IS_WIDE_LOGICAL:
        return weir_fail(
            err, WEIR_ERR_DTYPE,
            "logical of %lld bytes is no BOOL (1 byte): declare it logical(c_bool)",
            (long long)b->number);
    case IS_TEXT:
        return weir_fail(err, WEIR_ERR_DTYPE,
                         "an array of characters goes only to weir_put, weir_get and "
                         "weir_dataset_add_tensor, _get_tensor");
    case IS_UNKNOWN:
        return weir_fail(
            err, WEIR_ERR_DTYPE,
            "unsupported Fortran kind (descriptor type %d, %lld bytes): use integer "
            "of 1 to 8 bytes, real of 4 or 8, or logical(c_bool)",
            b->cfi_type, (long long)b->number);
    case NOT_ALLOCATED:
        return weir_fail(err, WEIR_ERR_ARG,
                         "the array is not allocated or not associated");
    case ASSUMED_SIZE:
        return weir_fail(
            err, WEIR_ERR_SHAPE,
            "an assumed-size array has no last extent: pass a section, as a(:,1:n)");
    case BAD_LAYOUT:
        return weir_fail(err, WEIR_ERR_ARG,
                         "layout %lld: must be weir_indices (0) or weir_reversed (1)",
                         (long long)b->number);
    case BAD_DTYPE:
        return weir_fail(err, WEIR_ERR_DTYPE, "dtype %lld: must be weir_f32 .. weir_bool",
                         (long long)b->number);
    case OTHER_SIZE:
        return weir_fail(
            err, WEIR_ERR_DTYPE,
            "an array of %lld-byte elements can't be read as %s of %lld bytes",
            (long long)b->number, weir_dtype_name((weir_dtype)b->cfi_type),
            (long long)b->wanted);
    case NOT_A_VIEW:
        return weir_fail(
            err, WEIR_ERR_ARG,
            "this weir_view describes no array: assign weir_view(a) to it first");
    }
    return weir_fail(err, WEIR_ERR_ARG, "this weir_view is damaged");
}

bool wrf_is_text(const CFI_cdesc_t *a)
{
    return IS_CHARACTER(a->type);
}

/* The element type of a Fortran kind; otherwise why there is none. */
static int dtype_of(const CFI_cdesc_t *a, weir_dtype *out)
{
    static const struct {
        CFI_type_t type;
        weir_dtype dtype;
    } table[] = {
        {CFI_type_double, WEIR_F64},  {CFI_type_float, WEIR_F32},
        {CFI_type_int32_t, WEIR_I32}, {CFI_type_int64_t, WEIR_I64},
        {CFI_type_int8_t, WEIR_I8},   {CFI_type_int16_t, WEIR_I16},
        {CFI_type_Bool, WEIR_BOOL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (a->type == table[i].type && a->elem_len == weir_dtype_bytes(table[i].dtype)) {
            *out = table[i].dtype;
            return FINE;
        }
    }
    if (IS_COMPLEX(a->type))
        return IS_COMPLEX_KIND;
    if (IS_CHARACTER(a->type))
        return IS_TEXT;
    return IS_LOGICAL(a->type) ? IS_WIDE_LOGICAL : IS_UNKNOWN;
}

/* Base, shape and strides; extents that are empty get ordinary strides, which compilers don't agree
 * on. */
static int shape_of(weir_tensor *t, const CFI_cdesc_t *a, bool reversed)
{
    int rank = a->rank;
    size_t n = 1;
    if (rank > 0 && a->dim[rank - 1].extent == -1)
        return ASSUMED_SIZE;
    for (int i = 0; i < rank; i++) {
        const CFI_dim_t *d = &a->dim[reversed ? rank - 1 - i : i];
        t->shape[i] = d->extent < 0 ? 0 : d->extent;
        t->stride[i] = d->sm;
        n = t->shape[i] == 0 ? 0 : n;
    }
    if (a->base_addr == NULL && (n != 0 || EMPTY_HAS_ADDRESS))
        return NOT_ALLOCATED;
    if (n == 0) {
        for (int i = 0; i < rank; i++)
            t->stride[i] = (int64_t)a->elem_len;
    }
    t->data = a->base_addr;
    t->rank = rank;
    t->device = (weir_device){0};
    return FINE;
}

/* `layout` and `dtype` may be NULL: indices, and the kind's own type. */
static void box_fill(wrf_box *b, const CFI_cdesc_t *a, const int *layout,
                     const int *dtype)
{
    int reversed = layout == NULL ? WRF_INDICES : *layout;
    b->magic = WRF_MAGIC;
    b->number = (int64_t)a->elem_len;
    b->wanted = 0;
    b->cfi_type = a->type;
    if (reversed != WRF_INDICES && reversed != WRF_REVERSED) {
        b->number = reversed;
        b->problem = BAD_LAYOUT;
        return;
    }
    b->problem = dtype_of(a, &b->t.dtype);
    if (b->problem != FINE || dtype == NULL) {
        ; /* the kind decides */
    } else if (*dtype < 0 || *dtype >= WEIR_STRING) {
        b->number = *dtype;
        b->problem = BAD_DTYPE;
    } else if (a->elem_len != weir_dtype_bytes((weir_dtype)*dtype)) {
        b->wanted = (int64_t)weir_dtype_bytes((weir_dtype)*dtype);
        b->cfi_type = *dtype;
        b->problem = OTHER_SIZE;
    } else {
        b->t.dtype = (weir_dtype)*dtype;
    }
    if (b->problem == FINE)
        b->problem = shape_of(&b->t, a, reversed == WRF_REVERSED);
}

/* Fortran's function weir_view(a, layout, dtype). What is wrong comes out where the view is used. */
WEIR_API wrf_boxed wrf_box_of(const CFI_cdesc_t *a, const int *layout, const int *dtype)
{
    wrf_boxed r;
    memset(&r, 0, sizeof r);
    box_fill(&r.box, a, layout, dtype);
    return r;
}

static bool is_derived(const CFI_cdesc_t *a)
{
    return a->type == CFI_type_struct || a->type == CFI_type_other;
}

static const wrf_box *box_at(const CFI_cdesc_t *a, ptrdiff_t i)
{
    const char *p = (const char *)a->base_addr + (a->rank == 0 ? 0 : i * a->dim[0].sm);
    return (const wrf_box *)(const void *)p;
}

static weir_status box_view(weir_tensor *out, const CFI_cdesc_t *a, ptrdiff_t i,
                            weir_error *err)
{
    wrf_box unknown = {.problem = NOT_A_VIEW};
    const wrf_box *b = box_at(a, i);
    if (b->magic != WRF_MAGIC)
        b = &unknown;
    weir_status st = box_check(b, err);
    if (st == WEIR_OK)
        *out = b->t;
    return st;
}

static bool holds_views(const CFI_cdesc_t *a)
{
    return is_derived(a) && a->elem_len == WRF_BOX_BYTES && a->rank <= 1 &&
           a->base_addr != NULL;
}

weir_status wrf_view(weir_tensor *out, const CFI_cdesc_t *a, const int *layout,
                     weir_error *err)
{
    if (holds_views(a)) {
        if (a->rank == 1 && a->dim[0].extent != 1)
            return weir_fail(err, WEIR_ERR_ARG,
                             "a list of %lld weir_views where one array belongs",
                             (long long)a->dim[0].extent);
        return box_view(out, a, 0, err);
    }
    wrf_box b;
    box_fill(&b, a, layout, NULL);
    weir_status st = box_check(&b, err);
    if (st == WEIR_OK)
        *out = b.t;
    return st;
}

weir_status wrf_view_list(wrf_views *out, const CFI_cdesc_t *a, const int *layout,
                          weir_error *err)
{
    weir_status st = WEIR_OK;
    out->n = 1;
    if (!holds_views(a))
        return wrf_view(&out->t[0], a, layout, err);
    ptrdiff_t n = a->rank == 0 ? 1 : a->dim[0].extent;
    if (n > WEIR_IO_MAX)
        return weir_fail(err, WEIR_ERR_ARG, "%lld arrays, at most %d", (long long)n,
                         WEIR_IO_MAX);
    out->n = n < 0 ? 0 : (int)n;
    for (int i = 0; i < out->n && st == WEIR_OK; i++)
        st = box_view(&out->t[i], a, i, err);
    return st;
}

weir_status wrf_fits(const CFI_cdesc_t *a, const weir_tensor *t, const int *dtype,
                     weir_error *err)
{
    wrf_box b;
    char text[160];
    memset(&b, 0, sizeof b);
    b.number = (int64_t)a->elem_len;
    b.cfi_type = a->type;
    b.problem = dtype_of(a, &b.t.dtype);
    if (b.problem != FINE)
        return box_check(&b, err);
    if (dtype != NULL && *dtype == (int)t->dtype &&
        a->elem_len == weir_dtype_bytes(t->dtype))
        b.t.dtype = t->dtype;
    if (b.t.dtype != t->dtype)
        return weir_fail(
            err, WEIR_ERR_DTYPE, "it is %s, the Fortran array's kind is for %s",
            weir_tensor_text(t, text, sizeof text), weir_dtype_name(b.t.dtype));
    if (a->rank != t->rank)
        return weir_fail(err, WEIR_ERR_SHAPE,
                         "it is %s, of rank %d; the Fortran array has rank %d",
                         weir_tensor_text(t, text, sizeof text), t->rank, (int)a->rank);
    return WEIR_OK;
}

weir_status wrf_is_reversed(const int *layout, bool *reversed, weir_error *err)
{
    if (layout != NULL && *layout != WRF_INDICES && *layout != WRF_REVERSED)
        return box_check(&(wrf_box){.problem = BAD_LAYOUT, .number = *layout}, err);
    *reversed = layout != NULL && *layout == WRF_REVERSED;
    return WEIR_OK;
}

weir_status wrf_allocate(CFI_cdesc_t *a, const weir_tensor *t, const int *layout,
                         weir_tensor *view, weir_error *err)
{
    bool reversed = false;
    CFI_index_t low[CFI_MAX_RANK], high[CFI_MAX_RANK];
    weir_status st = wrf_is_reversed(layout, &reversed, err);
    if (st != WEIR_OK)
        return st;
    for (int i = 0; i < t->rank; i++) {
        low[i] = 1;
        high[i] = (CFI_index_t)t->shape[reversed ? t->rank - 1 - i : i];
    }
    int rc = CFI_allocate(a, low, high, a->elem_len);
    if (rc != CFI_SUCCESS)
        return weir_fail(err, WEIR_ERR_NOMEM,
                         "could not allocate %zu bytes (CFI_allocate: %d)",
                         weir_tensor_bytes(t), rc);
    return wrf_view(view, a, layout, err);
}

weir_status wrf_associate(CFI_cdesc_t *a, const weir_tensor *t, const int *layout,
                          const int *dtype, weir_error *err)
{
    bool reversed = false;
    CFI_CDESC_T(CFI_MAX_RANK) room;
    CFI_cdesc_t *to = (CFI_cdesc_t *)&room;
    CFI_index_t low[CFI_MAX_RANK], extent[CFI_MAX_RANK];
    weir_status st = wrf_is_reversed(layout, &reversed, err);
    if (st == WEIR_OK)
        st = wrf_fits(a, t, dtype, err);
    if (st != WEIR_OK)
        return st;
    for (int i = 0; i < t->rank; i++) {
        low[i] = 1;
        extent[i] = (CFI_index_t)t->shape[reversed ? t->rank - 1 - i : i];
    }
    int rc = CFI_establish(to, t->data, CFI_attribute_pointer, a->type, a->elem_len,
                           (CFI_rank_t)t->rank, extent);
    for (int i = 0; i < t->rank; i++)
        to->dim[i].sm = (CFI_index_t)t->stride[reversed ? t->rank - 1 - i : i];
    if (rc == CFI_SUCCESS)
        rc = CFI_setpointer(a, to, low);
    if (rc != CFI_SUCCESS)
        return weir_fail(err, WEIR_ERR_INTERNAL, "CFI_setpointer gave %d", rc);
    return WEIR_OK;
}

weir_status wrf_give_shape(CFI_cdesc_t *shape, const weir_tensor *t, const int *layout,
                           weir_error *err)
{
    bool reversed = false;
    int64_t extent[WEIR_RANK_MAX], n = t->rank;
    weir_tensor extents, to;
    weir_status st = wrf_is_reversed(layout, &reversed, err);
    if (st != WEIR_OK || shape == NULL)
        return st;
    for (int i = 0; i < t->rank; i++)
        extent[i] = t->shape[reversed ? t->rank - 1 - i : i];
    st = weir_tensor_init(&extents, extent, WEIR_I64, 1, &n, err);
    if (st == WEIR_OK)
        st = wrf_allocate(shape, &extents, NULL, &to, err);
    if (st == WEIR_OK)
        st = weir_tensor_copy(&to, &extents, err);
    return st;
}

weir_status wrf_flag(const CFI_cdesc_t *a, const char *what, bool *out, weir_error *err)
{
    if (a == NULL)
        return WEIR_OK;
    if (!IS_LOGICAL(a->type) || a->rank != 0)
        return weir_fail(err, WEIR_ERR_ARG, "%s must be one logical", what);
    *out = false;
    for (size_t i = 0; i < a->elem_len; i++)
        *out = *out || ((const char *)a->base_addr)[i] != 0;
    return WEIR_OK;
}

weir_status wrf_integers(const CFI_cdesc_t *a, const char *what, int64_t *out, int most,
                         int *n, weir_error *err)
{
    weir_dtype dtype = WEIR_F64;
    if (a == NULL)
        return WEIR_OK;
    if (dtype_of(a, &dtype) != FINE || a->rank > 1 || dtype < WEIR_I8 || dtype > WEIR_I64)
        return weir_fail(err, WEIR_ERR_ARG, "%s must be %s", what,
                         most == 1 ? "one integer" : "a vector of integers");
    ptrdiff_t found = a->rank == 0 ? 1 : a->dim[0].extent;
    if (found > most)
        return weir_fail(err, WEIR_ERR_ARG, "%s has %lld numbers, at most %d", what,
                         (long long)found, most);
    for (ptrdiff_t i = 0; i < found; i++) {
        const char *p =
            (const char *)a->base_addr + (a->rank == 0 ? 0 : i * a->dim[0].sm);
        switch (dtype) {
        case WEIR_I8:
            out[i] = *(const int8_t *)p;
            break;
        case WEIR_I16:
            out[i] = *(const int16_t *)(const void *)p;
            break;
        case WEIR_I32:
            out[i] = *(const int32_t *)(const void *)p;
            break;
        default:
            out[i] = *(const int64_t *)(const void *)p;
            break;
        }
    }
    if (n != NULL)
        *n = (int)found;
    return WEIR_OK;
}
