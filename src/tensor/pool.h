/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of buffers: blocks in size classes, kept after use and handed out again. A page touched for
 * the first time costs five to eight times the copy of its bytes; here it is touched once. */
#ifndef WR_TENSOR_POOL_H
#define WR_TENSOR_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "weir/tensor.h"

enum {
    WR_BLOCK_HEADER = 384
}; /* bytes of a block that are its owner's, wr_block first */

/* One block. Header and data are WEIR_ALIGN-aligned; the header is in front of small data and apart
 * from large data, so that large data begins at a huge page. */
typedef struct wr_block {
    struct wr_block *next; /* the pool's, while kept */
    void *data;
    size_t
        room; /* bytes at data: the class's size, at most an eighth more than asked for */
    uint32_t i_class;
} wr_block;

/* A block with at least n bytes at data; contents undefined. NULL: no memory. Any thread. */
wr_block *wr_pool_take(size_t n);

/* Give a block back. In ASan builds a kept block is poisoned until it is taken again. Any thread. */
void wr_pool_give(wr_block *b);

/* The most bytes that are kept for reuse. Returns the former limit. */
size_t wr_pool_keep_limit(size_t bytes);

#endif
