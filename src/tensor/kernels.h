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

/* Bytes of the widest vectors that the kernels use: 64 with AVX-512 (F and BW), 32 with AVX2, 16. */
int wr_copy_vector_bytes(void);

/* Testing: no wider ones than this, from now on. Returns the former limit. */
int wr_copy_vector_limit(int bytes);

/* memcpy, faster where it is large: in pieces that the C library copies best, or past the caches. */
void wr_copy_bytes(char *to, const char *from, size_t n);

/* Copy `rows` runs of `bytes` bytes. */
void wr_copy_runs(char *to, const char *from, wr_copy_dim rows, size_t bytes);

/* Copy rows x cols elements of `each` bytes, any strides; writes go along cols. `is_streaming` writes
 * contiguous rows past the caches, and needs a wr_copy_fence after the last call. */
void wr_copy_rect(char *to, const char *from, size_t each, wr_copy_dim rows,
                  wr_copy_dim cols, bool is_streaming);

/* The same by vectors where one side's columns are adjacent and the other's a few elements apart.
 * False, nothing copied: there is no such kernel for this copy or this processor. */
bool wr_copy_spaced(char *to, const char *from, size_t each, wr_copy_dim rows,
                    wr_copy_dim cols, bool is_streaming);

/* The same for rows.from == each and cols.to == each, or nearly: every cache line is used whole on
 * both sides. Streaming needs `to` and rows.to to be multiples of wr_copy_vector_bytes(). */
void wr_copy_transposed(char *to, const char *from, size_t each, wr_copy_dim rows,
                        wr_copy_dim cols, bool is_streaming);
void wr_copy_fence(void);

/* Does wr_copy_transposed take several lines of columns at a time, so that many rows are welcome? */
bool wr_copy_is_wide(size_t each);

#endif
