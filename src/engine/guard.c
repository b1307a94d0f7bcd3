/* SPDX-License-Identifier: BSD-3-Clause */
/* Guards: finding and mending values that are not finite or out of range, at memory speed. */
#include <math.h>

#include "base/half.h"
#include "engine/internal.h"

/* Loops over contiguous values, written so that compilers vectorise them: no branch inside. */

static size_t bad_16(const uint16_t *p, size_t n, uint16_t exponent)
{
    size_t bad = 0;
    while (
        n >
        0) { /* parts small enough for a 16-bit sum, which keeps the vector lanes narrow */
        size_t part = n < 16384 ? n : 16384;
        uint16_t sum = 0;
        for (size_t i = 0; i < part; i++)
            sum = (uint16_t)(sum + ((p[i] & exponent) == exponent));
        bad += sum;
        p += part;
        n -= part;
    }
    return bad;
}

static size_t bad_32(const uint32_t *p, size_t n)
{
    size_t bad = 0;
    while (n > 0) {
        size_t part = n < 1u << 20 ? n : 1u << 20;
        uint32_t sum = 0;
        for (size_t i = 0; i < part; i++)
            sum += (p[i] & 0x7f800000u) == 0x7f800000u;
        bad += sum;
        p += part;
        n -= part;
    }
    return bad;
}

static size_t bad_64(const uint64_t *p, size_t n)
{
    /* The exponent lies in the upper half, so 32-bit lanes suffice. */
    uint64_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad += (uint32_t)(p[i] >> 32 & 0x7ff00000u) == 0x7ff00000u;
    return bad;
}

static size_t out_32(const float *p, size_t n, double low, double high)
{
    size_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad += !((double)p[i] >= low && (double)p[i] <= high && isfinite(p[i]));
    return bad;
}

static size_t out_64(const double *p, size_t n, double low, double high)
{
    size_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad += !(p[i] >= low && p[i] <= high && isfinite(p[i]));
    return bad;
}

/* ---- one value of any floating-point type ------------------------------------------------------ */

/* A mended value must be finite: beyond the largest half it is that one. */
static uint16_t finite_half(double v)
{
    bool too_large = isfinite(v) && fabs(v) > 65504;
    return wr_half_bits(too_large ? copysign(65504, v) : v);
}

static double load(weir_dtype t, const void *p)
{
    float f = 0;
    double d = 0;
    uint16_t h = 0;
    switch (t) {
    case WEIR_F32:
        memcpy(&f, p, sizeof f);
        return (double)f;
    case WEIR_F64:
        memcpy(&d, p, sizeof d);
        return d;
    case WEIR_F16:
        memcpy(&h, p, sizeof h);
        return wr_half_value(h);
    default:
        memcpy(&h, p, sizeof h);
        return wr_bf16_value(h);
    }
}

static void store(weir_dtype t, void *p, double v)
{
    float f = (float)v;
    uint16_t h = t == WEIR_F16 ? finite_half(v) : wr_bf16_bits(v);
    if (t == WEIR_F32)
        memcpy(p, &f, sizeof f);
    else if (t == WEIR_F64)
        memcpy(p, &v, sizeof v);
    else
        memcpy(p, &h, sizeof h);
}

static bool is_bad(const weir_guard *g, double v)
{
    return !isfinite(v) || (g->ranged && !(v >= g->low && v <= g->high));
}

/* ---- runs of values: the last dimension, or everything when contiguous -------------------------- */

typedef uint64_t (*line_fn)(weir_dtype t, char *p, size_t n, int64_t stride,
                            const weir_guard *g);

static uint64_t count_line(weir_dtype t, char *p, size_t n, int64_t stride,
                           const weir_guard *g)
{
    size_t bytes = weir_dtype_bytes(t);
    bool dense = stride == (int64_t)bytes && (uintptr_t)p % bytes == 0;
    if (dense && !g->ranged) {
        switch (t) {
        case WEIR_F32:
            return bad_32((const void *)p, n);
        case WEIR_F64:
            return bad_64((const void *)p, n);
        case WEIR_F16:
            return bad_16((const void *)p, n, 0x7c00);
        default:
            return bad_16((const void *)p, n, 0x7f80);
        }
    }
    if (dense && t == WEIR_F32)
        return out_32((const void *)p, n, g->low, g->high);
    if (dense && t == WEIR_F64)
        return out_64((const void *)p, n, g->low, g->high);
    uint64_t bad = 0;
    for (size_t i = 0; i < n; i++, p += stride)
        bad += is_bad(g, load(t, p));
    return bad;
}

static uint64_t mend_line(weir_dtype t, char *p, size_t n, int64_t stride,
                          const weir_guard *g)
{
    for (size_t i = 0; i < n; i++, p += stride) {
        double v = load(t, p);
        if (!is_bad(g, v))
            continue;
        bool clamp = g->mode == WEIR_GUARD_CLAMP && !isnan(v);
        /* An infinity without a range has no nearest good value either. */
        if (clamp && !g->ranged)
            clamp = false;
        store(t, p, !clamp ? g->fallback : v < g->low ? g->low : g->high);
    }
    return 0;
}

static uint64_t for_lines(const weir_tensor *t, const weir_guard *g, line_fn line)
{
    size_t n = weir_tensor_count(t);
    if (n == 0)
        return 0;
    int64_t bytes = (int64_t)weir_dtype_bytes(t->dtype);
    if (t->rank == 0 || weir_tensor_is_contiguous(t))
        return line(t->dtype, t->data, n, bytes, g);

    int last = t->rank - 1;
    int64_t at[WEIR_RANK_MAX] = {0};
    char *p = t->data;
    uint64_t sum = 0;
    for (;;) {
        sum += line(t->dtype, p, (size_t)t->shape[last], t->stride[last], g);
        int d = last - 1;
        for (; d >= 0; d--) { /* odometer over the outer dimensions */
            p += t->stride[d];
            if (++at[d] < t->shape[d])
                break;
            p -= t->stride[d] * t->shape[d];
            at[d] = 0;
        }
        if (d < 0)
            return sum;
    }
}

static bool is_float(weir_dtype t)
{
    return t == WEIR_F32 || t == WEIR_F64 || t == WEIR_F16 || t == WEIR_BF16;
}

uint64_t wr_guard_count(const weir_tensor *t, const weir_guard *g)
{
    return is_float(t->dtype) ? for_lines(t, g, count_line) : 0;
}

void wr_guard_mend(const weir_tensor *t, const weir_guard *g)
{
    if (is_float(t->dtype))
        for_lines(t, g, mend_line);
}
