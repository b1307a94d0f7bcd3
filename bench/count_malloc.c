/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts every heap call of a worker, its libraries' too, by standing in front of glibc's allocator:
 * a second opinion on Weir's own counter. Elsewhere, and under sanitizers, nothing is counted. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "worker.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

static atomic_ullong n_mallocs;

/* glibc exports these for exactly this use. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t each);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

#define EXPORTED __attribute__((visibility("default")))

static void count(void)
{
    atomic_fetch_add_explicit(&n_mallocs, 1, memory_order_relaxed);
}

EXPORTED void *malloc(size_t n)
{
    count();
    return __libc_malloc(n);
}

EXPORTED void *calloc(size_t n, size_t each)
{
    count();
    return __libc_calloc(n, each);
}

EXPORTED void *realloc(void *p, size_t n)
{
    count();
    return __libc_realloc(p, n);
}

EXPORTED void *aligned_alloc(size_t align, size_t n)
{
    count();
    return __libc_memalign(align, n);
}

EXPORTED int posix_memalign(void **out, size_t align, size_t n)
{
    count();
    void *p = __libc_memalign(align, n);
    if (p == NULL)
        return ENOMEM;
    *out = p;
    return 0;
}

uint64_t worker_mallocs(void)
{
    return atomic_load(&n_mallocs);
}

#else

uint64_t worker_mallocs(void)
{
    return 0;
}

#endif
