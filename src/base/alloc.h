/* SPDX-License-Identifier: BSD-3-Clause */
/* Allocation through one door, so that tests can make any allocation fail and count them all. */
#ifndef WR_BASE_ALLOC_H
#define WR_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As malloc, calloc, realloc and free. A size of 0 gives a unique pointer. */
void *wr_alloc(size_t n);
void *wr_calloc(size_t n, size_t each);
void *wr_realloc(void *p, size_t n);
void wr_free(void *p);

/* `n` bytes of `p` in fresh memory with a NUL behind them; NULL when there is no memory. */
char *wr_dup(const void *p, size_t n);

/* Fault switch: the next `n` allocations succeed, then all fail. Negative: never fail. Anything that
 * takes memory from the system by another way (mmap) asks wr_alloc_allowed() first. */
void wr_fail_allocation_after(long n);
bool wr_alloc_allowed(void);

/* Take memory from somebody else from now on, such as a server that wants to see and limit it. To be
 * called before anything is allocated. */
typedef struct wr_allocator {
    void *(*alloc)(size_t n);
    void *(*calloc)(size_t n, size_t each);
    void *(*realloc)(void *p, size_t n);
    void (*free)(void *p);
} wr_allocator;
void wr_alloc_use(const wr_allocator *a);
/* Is it somebody else's? Then large blocks come from there too, not from the system. */
bool wr_alloc_is_foreign(void);

/* Allocations made by this process through this door: proves that a steady state makes none. */
uint64_t wr_alloc_count(void);

/* *out = a * b, or a + b; false, and *out untouched, when it does not fit. */
static inline bool wr_mul(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

static inline bool wr_add(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

#endif
