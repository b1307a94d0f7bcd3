/* SPDX-License-Identifier: BSD-3-Clause */
/* The one reference count: relaxed up, acquire-release down. Who holds the last reference is alone with
 * the object and needs no locked instruction to know it. */
#ifndef WR_BASE_REF_H
#define WR_BASE_REF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct wr_ref {
    atomic_int n;
} wr_ref;

static inline void wr_ref_init(wr_ref *r)
{
    atomic_init(&r->n, 1);
}

static inline void wr_ref_up(wr_ref *r)
{
    atomic_fetch_add_explicit(&r->n, 1, memory_order_relaxed);
}

/* True when this was the last reference: the caller now owns the object alone. */
static inline bool wr_ref_down(wr_ref *r)
{
    return atomic_load_explicit(&r->n, memory_order_acquire) == 1 ||
           atomic_fetch_sub_explicit(&r->n, 1, memory_order_acq_rel) == 1;
}

static inline int wr_ref_count(const wr_ref *r)
{
    return atomic_load_explicit(&((wr_ref *)(uintptr_t)r)->n, memory_order_acquire);
}

#endif
