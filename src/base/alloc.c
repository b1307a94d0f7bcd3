/* SPDX-License-Identifier: BSD-3-Clause */
/* The one door to the heap, whoever's it is: counts allocations, and fails them on request. */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static wr_allocator from = {malloc, calloc, realloc, free};
static bool is_foreign;

void wr_alloc_use(const wr_allocator *a)
{
    from = *a;
    is_foreign = true;
}

bool wr_alloc_is_foreign(void)
{
    return is_foreign;
}

static atomic_long fail_after = -1;
static atomic_uint_fast64_t n_allocations;

void wr_fail_allocation_after(long n)
{
    atomic_store(&fail_after, n);
}

bool wr_alloc_allowed(void)
{
    atomic_fetch_add_explicit(&n_allocations, 1, memory_order_relaxed);
    long left = atomic_load_explicit(&fail_after, memory_order_relaxed);
    while (left > 0) {
        if (atomic_compare_exchange_weak(&fail_after, &left, left - 1))
            return true;
    }
    return left < 0;
}

void *wr_alloc(size_t n)
{
    return wr_alloc_allowed() ? from.alloc(n == 0 ? 1 : n) : NULL;
}

void *wr_calloc(size_t n, size_t each)
{
    return wr_alloc_allowed() ? from.calloc(n == 0 ? 1 : n, each == 0 ? 1 : each) : NULL;
}

void *wr_realloc(void *p, size_t n)
{
    return wr_alloc_allowed() ? from.realloc(p, n == 0 ? 1 : n) : NULL;
}

void wr_free(void *p)
{
    from.free(p);
}

char *wr_dup(const void *p, size_t n)
{
    char *s = n == SIZE_MAX ? NULL : wr_alloc(n + 1);
    if (s == NULL)
        return NULL;
    if (n > 0)
        memcpy(s, p, n);
    s[n] = '\0';
    return s;
}

uint64_t wr_alloc_count(void)
{
    return atomic_load_explicit(&n_allocations, memory_order_relaxed);
}
