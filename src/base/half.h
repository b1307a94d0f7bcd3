/* SPDX-License-Identifier: BSD-3-Clause */
/* The two 16-bit floating-point formats as doubles: IEEE 754 binary16, and bfloat16 (the upper half of
 * a float). Rounding is to nearest, ties to even. Header only: the program `weir` uses it too. */
#ifndef WR_BASE_HALF_H
#define WR_BASE_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline double wr_half_value(uint16_t h)
{
    int exponent = h >> 10 & 31, fraction = h & 1023;
    double v = exponent == 31  ? (fraction != 0 ? (double)NAN : (double)INFINITY)
               : exponent == 0 ? ldexp(fraction, -24)
                               : ldexp(1024 + fraction, exponent - 25);
    return (h & 0x8000) != 0 ? -v : v;
}

/* Beyond the largest half: infinite. */
static inline uint16_t wr_half_bits(double v)
{
    uint16_t sign = signbit(v) ? 0x8000 : 0;
    double a = fabs(v);
    if (isnan(a))
        return 0x7e00;
    if (a >= 65520)
        return (uint16_t)(sign | 0x7c00);
    int exponent = a < 0x1p-14 ? -14 : ilogb(a);
    double fraction =
        nearbyint(ldexp(a, 10 - exponent));            /* 1024 .. 2048, less when tiny */
    int bits = (exponent + 14) * 1024 + (int)fraction; /* a carry raises the exponent */
    return (uint16_t)(sign | bits);
}

static inline double wr_bf16_value(uint16_t b)
{
    uint32_t bits = (uint32_t)b << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

static inline uint16_t wr_bf16_bits(double v)
{
    float f = (float)v;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if (isnan(f))
        return 0x7fc0;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
