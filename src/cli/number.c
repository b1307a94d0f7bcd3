/* SPDX-License-Identifier: BSD-3-Clause */
/* Elements as doubles. */
#include "cli/number.h"

#include <math.h>

#include "base/half.h"

bool number_get(weir_dtype type, const void *p, double *out)
{
    // clang-format off: one line per type
    switch (type) {
    case WEIR_F32:
        *out = *(const float *)p;
        return true;
    case WEIR_F64:
        *out = *(const double *)p;
        return true;
    case WEIR_I8:
        *out = *(const int8_t *)p;
        return true;
    case WEIR_I16:
        *out = *(const int16_t *)p;
        return true;
    case WEIR_I32:
        *out = *(const int32_t *)p;
        return true;
    case WEIR_I64:
        *out = (double)*(const int64_t *)p;
        return true;
    case WEIR_U8:
        *out = *(const uint8_t *)p;
        return true;
    case WEIR_U16:
        *out = *(const uint16_t *)p;
        return true;
    case WEIR_U32:
        *out = *(const uint32_t *)p;
        return true;
    case WEIR_U64:
        *out = (double)*(const uint64_t *)p;
        return true;
    case WEIR_F16:
        *out = wr_half_value(*(const uint16_t *)p);
        return true;
    case WEIR_BF16:
        *out = wr_bf16_value(*(const uint16_t *)p);
        return true;
    case WEIR_BOOL:
        *out = *(const uint8_t *)p != 0;
        return true;
    case WEIR_STRING:
    case WEIR_DTYPE_COUNT:
        break;
    }
    // clang-format on
    return false;
}

/* v within low .. high, rounded; high is one too large where double can't hold it. */
static double whole(double v, double low, double high)
{
    return isnan(v) ? 0 : nearbyint(v < low ? low : v > high ? high : v);
}

bool number_set(weir_dtype type, void *p, double v)
{
    // clang-format off: one line per type
    switch (type) {
    case WEIR_F32:
        *(float *)p = (float)v;
        return true;
    case WEIR_F64:
        *(double *)p = v;
        return true;
    case WEIR_I8:
        *(int8_t *)p = (int8_t)whole(v, INT8_MIN, INT8_MAX);
        return true;
    case WEIR_I16:
        *(int16_t *)p = (int16_t)whole(v, INT16_MIN, INT16_MAX);
        return true;
    case WEIR_I32:
        *(int32_t *)p = (int32_t)whole(v, INT32_MIN, INT32_MAX);
        return true;
    case WEIR_I64:
        *(int64_t *)p = (int64_t)whole(v, -0x1p63, 0x1.fffffffffffffp62);
        return true;
    case WEIR_U8:
        *(uint8_t *)p = (uint8_t)whole(v, 0, UINT8_MAX);
        return true;
    case WEIR_U16:
        *(uint16_t *)p = (uint16_t)whole(v, 0, UINT16_MAX);
        return true;
    case WEIR_U32:
        *(uint32_t *)p = (uint32_t)whole(v, 0, UINT32_MAX);
        return true;
    case WEIR_U64:
        *(uint64_t *)p = (uint64_t)whole(v, 0, 0x1.fffffffffffffp63);
        return true;
    case WEIR_F16:
        *(uint16_t *)p = wr_half_bits(v);
        return true;
    case WEIR_BF16:
        *(uint16_t *)p = wr_bf16_bits(v);
        return true;
    case WEIR_BOOL:
        *(uint8_t *)p = v != 0;
        return true;
    case WEIR_STRING:
    case WEIR_DTYPE_COUNT:
        break;
    }
    // clang-format on
    return false;
}
