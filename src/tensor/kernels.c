/* SPDX-License-Identifier: BSD-3-Clause */
/* The inner loops of weir_tensor_copy, one instance per element size. */
#include "tensor/kernels.h"

#include <string.h>

typedef struct wide {
    uint64_t half[2];
} wide;

/* Unaligned loads and stores through memcpy: strides need not be multiples of the element. */
#define DEFINE_RECT(NAME, TYPE)                                                          \
    static void NAME(char *to, const char *from, wr_copy_dim rows, wr_copy_dim cols)     \
    {                                                                                    \
        for (int64_t i = 0; i < rows.n; i++) {                                           \
            char *p = to + i * rows.to;                                                  \
            const char *q = from + i * rows.from;                                        \
            for (int64_t j = 0; j < cols.n; j++, p += cols.to, q += cols.from) {         \
                TYPE v;                                                                  \
                memcpy(&v, q, sizeof v);                                                 \
                memcpy(p, &v, sizeof v);                                                 \
            }                                                                            \
        }                                                                                \
    }

DEFINE_RECT(rect_1, uint8_t)
DEFINE_RECT(rect_2, uint16_t)
DEFINE_RECT(rect_4, uint32_t)
DEFINE_RECT(rect_8, uint64_t)
DEFINE_RECT(rect_16, wide)

void wr_copy_rect(char *to, const char *from, size_t each, wr_copy_dim rows,
                  wr_copy_dim cols)
{
    switch (each) {
    case 1:
        rect_1(to, from, rows, cols);
        break;
    case 2:
        rect_2(to, from, rows, cols);
        break;
    case 4:
        rect_4(to, from, rows, cols);
        break;
    case 8:
        rect_8(to, from, rows, cols);
        break;
    default:
        rect_16(to, from, rows, cols);
        break;
    }
}

void wr_copy_transposed(char *to, const char *from, size_t each, wr_copy_dim rows,
                        wr_copy_dim cols)
{
    enum { BLOCK = 32 };
    for (int64_t i = 0; i < rows.n; i += BLOCK) {
        wr_copy_dim r = rows;
        r.n = rows.n - i < BLOCK ? rows.n - i : BLOCK;
        for (int64_t j = 0; j < cols.n; j += BLOCK) {
            wr_copy_dim c = cols;
            c.n = cols.n - j < BLOCK ? cols.n - j : BLOCK;
            wr_copy_rect(to + i * r.to + j * c.to, from + i * r.from + j * c.from, each,
                         r, c);
        }
    }
}
