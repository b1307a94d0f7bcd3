/* SPDX-License-Identifier: BSD-3-Clause */
/* The inner loops of weir_tensor_copy: rectangles of elements of 1, 2, 4, 8 or 16 bytes. */
#ifndef WR_TENSOR_KERNELS_H
#define WR_TENSOR_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* One dimension of a copy: extent and the two byte strides. */
typedef struct wr_copy_dim {
    int64_t n;
    int64_t to;
    int64_t from;
} wr_copy_dim;

/* Copy rows x cols elements of `each` bytes, any strides; writes go along cols. */
void wr_copy_rect(char *to, const char *from, size_t each, wr_copy_dim rows,
                  wr_copy_dim cols);

/* The same where reading is contiguous (or nearest) along rows and writing along cols: blocked, so
 * that every cache line is used whole on both sides. */
void wr_copy_transposed(char *to, const char *from, size_t each, wr_copy_dim rows,
                        wr_copy_dim cols);

#endif
