/* SPDX-License-Identifier: BSD-3-Clause */
/* Views: filling, checking, counting and naming them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "weir/tensor.h"

static weir_status check_type_and_rank(weir_dtype dtype, int rank, weir_error *err)
{
    if (weir_dtype_bytes(dtype) == 0)
        return weir_fail(err, WEIR_ERR_DTYPE,
                         "tensor: element type %d is not one of 0..%d", (int)dtype,
                         WEIR_DTYPE_COUNT - 1);
    if (rank < 0 || rank > WEIR_RANK_MAX)
        return weir_fail(err, WEIR_ERR_SHAPE, "tensor: rank %d is outside 0..%d", rank,
                         WEIR_RANK_MAX);
    return WEIR_OK;
}

/* Packed bytes with every extent counted as at least 1, so that the strides of an empty tensor are
 * representable too. */
static weir_status check_extents(weir_dtype dtype, int rank, const int64_t *shape,
                                 bool *is_empty, weir_error *err)
{
    int64_t n = (int64_t)weir_dtype_bytes(dtype);
    *is_empty = false;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0)
            return weir_fail(err, WEIR_ERR_SHAPE,
                             "tensor: extent %" PRId64
                             " of dimension %d of %d is negative",
                             shape[i], i, rank);
        *is_empty = *is_empty || shape[i] == 0;
        if (__builtin_mul_overflow(n, shape[i] == 0 ? 1 : shape[i], &n) ||
            n > PTRDIFF_MAX)
            return weir_fail(
                err, WEIR_ERR_SHAPE,
                "tensor: the product of the extents overflows at dimension %d of %d "
                "(extent %" PRId64 "): more than %td bytes",
                i, rank, shape[i], PTRDIFF_MAX);
    }
    return WEIR_OK;
}

static weir_status init_view(weir_tensor *t, void *data, weir_dtype dtype, int rank,
                             const int64_t *shape, bool is_fortran, weir_error *err)
{
    bool is_empty;
    if (t == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "tensor: no view to fill (null pointer)");
    weir_status st = check_type_and_rank(dtype, rank, err);
    if (st != WEIR_OK)
        return st;
    if (rank > 0 && shape == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "tensor: rank %d without a shape (null pointer)", rank);
    st = check_extents(dtype, rank, shape, &is_empty, err);
    if (st != WEIR_OK)
        return st;
    *t = (weir_tensor){.data = data, .dtype = dtype, .rank = rank};
    int64_t stride = (int64_t)weir_dtype_bytes(dtype);
    for (int k = 0; k < rank; k++) {
        int i = is_fortran ? k : rank - 1 - k;
        t->shape[i] = shape[i];
        t->stride[i] = stride;
        stride *= shape[i] == 0 ? 1 : shape[i];
    }
    return WEIR_OK;
}

weir_status weir_tensor_init(weir_tensor *t, void *data, weir_dtype dtype, int rank,
                             const int64_t *shape, weir_error *err)
{
    return init_view(t, data, dtype, rank, shape, false, err);
}

weir_status weir_tensor_init_fortran(weir_tensor *t, void *data, weir_dtype dtype,
                                     int rank, const int64_t *shape, weir_error *err)
{
    return init_view(t, data, dtype, rank, shape, true, err);
}

/* The bytes that the elements touch, low..high around data, must be an address range. */
static weir_status check_reach(const weir_tensor *t, weir_error *err)
{
    int64_t low = 0, high = (int64_t)weir_dtype_bytes(t->dtype);
    for (int i = 0; i < t->rank; i++) {
        bool is_down = t->stride[i] < 0;
        int64_t step, end = is_down ? low : high;
        if (__builtin_mul_overflow(t->stride[i], t->shape[i] - 1, &step) ||
            __builtin_add_overflow(end, step, &end))
            return weir_fail(err, WEIR_ERR_SHAPE,
                             "tensor: stride %" PRId64 " bytes times extent %" PRId64
                             " of dimension %d of %d reaches beyond the address space",
                             t->stride[i], t->shape[i], i, t->rank);
        if (is_down)
            low = end;
        else
            high = end;
    }
    uint64_t base = (uint64_t)(uintptr_t)t->data, end;
    int64_t span;
    if (__builtin_sub_overflow(high, low, &span) || base < (uint64_t)0 - (uint64_t)low ||
        __builtin_add_overflow(base, (uint64_t)high, &end) || end > UINTPTR_MAX)
        return weir_fail(err, WEIR_ERR_SHAPE,
                         "tensor: elements reach from %" PRId64 " to %" PRId64
                         " bytes around %p, beyond the address space",
                         low, high, t->data);
    return WEIR_OK;
}

weir_status weir_tensor_check(const weir_tensor *t, weir_error *err)
{
    bool is_empty;
    if (t == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "tensor: null pointer instead of a view");
    weir_status st = check_type_and_rank(t->dtype, t->rank, err);
    if (st != WEIR_OK)
        return st;
    st = check_extents(t->dtype, t->rank, t->shape, &is_empty, err);
    if (st != WEIR_OK)
        return st;
    int kind = (int)t->device.kind;
    if (kind != 0 && kind != WEIR_CPU && kind != WEIR_CUDA && kind != WEIR_ROCM)
        return weir_fail(
            err, WEIR_ERR_ARG,
            "tensor: device kind %d is none of %d (host), %d (CUDA), %d (ROCm)", kind,
            WEIR_CPU, WEIR_CUDA, WEIR_ROCM);
    if (is_empty)
        return WEIR_OK;
    if (t->data == NULL) {
        char text[128];
        return weir_fail(err, WEIR_ERR_ARG, "tensor %s: no memory (null data pointer)",
                         weir_tensor_text(t, text, sizeof text));
    }
    return check_reach(t, err);
}

size_t weir_tensor_count(const weir_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= (size_t)t->shape[i];
    return n;
}

size_t weir_tensor_bytes(const weir_tensor *t)
{
    return weir_tensor_count(t) * weir_dtype_bytes(t->dtype);
}

bool weir_tensor_is_contiguous(const weir_tensor *t)
{
    int64_t want = (int64_t)weir_dtype_bytes(t->dtype);
    bool is_dense = true;
    for (int i = t->rank - 1; i >= 0; i--) {
        if (t->shape[i] == 0)
            return true;
        if (t->shape[i] != 1 && t->stride[i] != want)
            is_dense = false;
        want *= t->shape[i];
    }
    return is_dense;
}

const char *weir_tensor_text(const weir_tensor *t, char *buf, size_t n)
{
    if (buf == NULL || n == 0)
        return "";
    if (t == NULL) {
        snprintf(buf, n, "?");
        return buf;
    }
    int rank = t->rank < 0 ? 0 : t->rank > WEIR_RANK_MAX ? WEIR_RANK_MAX : t->rank;
    size_t used = 0;
    for (int i = -1; i <= rank; i++) {
        int k;
        if (i < 0)
            k = snprintf(buf + used, n - used, "%s[", weir_dtype_name(t->dtype));
        else if (i < rank)
            k = snprintf(buf + used, n - used, "%s%" PRId64, i == 0 ? "" : ",",
                         t->shape[i]);
        else
            k = snprintf(buf + used, n - used, "]");
        if (k < 0 || (size_t)k >= n - used)
            break;
        used += (size_t)k;
    }
    return buf;
}
