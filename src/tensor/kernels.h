/* SPDX-License-Identifier: BSD-3-Clause */
/* The inner loops of weir_tensor_copy: rectangles of elements of 1, 2, 4, 8 or 16 bytes. */
#ifndef WR_TENSOR_KERNELS_H
#define WR_TENSOR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One dimension of a copy: extent and the two byte strides. */
typedef struct wr_copy_dim {
    int64_t n;
    int64_t to;
    int64_t from;
} wr_copy_dim;

enum {
    WR_STREAM_ALIGN = 32
}; /* bytes: of the destination's rows, where they may be streamed */

/* Copy `rows` runs of `bytes` bytes. */
void wr_copy_runs(char *to, const char *from, wr_copy_dim rows, size_t bytes);

/* Copy rows x cols elements of `each` bytes, any strides; writes go along cols. `is_streaming` writes
 * contiguous rows past the caches, and needs a wr_copy_fence after the last call. */
void wr_copy_rect(char *to, const char *from, size_t each, wr_copy_dim rows,
                  wr_copy_dim cols, bool is_streaming);

/* The same for rows.from == each and cols.to == each, or nearly: every cache line is used whole on
 * both sides. Streaming needs `to` and rows.to to be multiples of WR_STREAM_ALIGN. */
void wr_copy_transposed(char *to, const char *from, size_t each, wr_copy_dim rows,
                        wr_copy_dim cols, bool is_streaming);
void wr_copy_fence(void);

#endif
