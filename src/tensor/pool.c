/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool of blocks: eight size classes per power of two, each with a list under the pool's lock. In
 * front of the list of a class of small blocks is a shelf for one block, since a put gives back one
 * block and takes one: one locked instruction each way, and nothing else is written that is shared. */
#include "tensor/pool.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/thread.h"

#if defined(__SANITIZE_ADDRESS__)
#define WR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WR_ASAN 1
#endif
#endif
#ifdef WR_ASAN
#include <sanitizer/asan_interface.h>
#endif

enum {
    SMALLEST_LOG = 6, /* class 0 is 64 bytes */
    STEPS = 8,        /* classes per power of two */
    LARGE_LOG = 21,
    N_CLASSES = (63 - SMALLEST_LOG) * STEPS + 1,
    N_SMALL = (LARGE_LOG - SMALLEST_LOG) * STEPS /* classes below LARGE */
};
#define LARGE                                                                            \
    ((size_t)1 << LARGE_LOG) /* from here on pages of their own; also the huge page */

/* One block, NULL, or &being_taken. */
typedef struct shelf {
    _Atomic(wr_block *) block;
    atomic_uint_fast64_t n_taken; /* written by who put &being_taken there */
} shelf;

static shelf shelves[N_SMALL];
static wr_block being_taken;

static wr_block *listed[N_CLASSES]; /* guarded by lock */
static wr_mutex lock = {PTHREAD_MUTEX_INITIALIZER, WR_LEVEL_POOL};
static atomic_size_t listed_bytes; /* written with lock */

static atomic_size_t held_bytes;            /* taken from the system: in use and kept */
static atomic_size_t keep_limit = SIZE_MAX; /* SIZE_MAX: not asked for yet */
static atomic_uint_fast64_t n_taken;        /* but from shelves */
static atomic_uint_fast64_t n_fresh;

static size_t load(const atomic_size_t *n)
{
    return atomic_load_explicit((atomic_size_t *)(uintptr_t)n, memory_order_relaxed);
}

/* The class of n bytes and its size. */
static uint32_t class_of(size_t n, size_t *room)
{
    if (n <= (size_t)1 << SMALLEST_LOG) {
        *room = (size_t)1 << SMALLEST_LOG;
        return 0;
    }
    unsigned log = 63u - (unsigned)__builtin_clzll(n - 1);
    size_t base = (size_t)1 << log, step = base / STEPS, i = (n - 1 - base) / step;
    *room = base + (i + 1) * step;
    return (uint32_t)((size_t)(log - SMALLEST_LOG) * STEPS + i + 1);
}

static size_t room_of(uint32_t i_class)
{
    size_t base = (size_t)1 << (SMALLEST_LOG + i_class / STEPS);
    return base + i_class % STEPS * (base / STEPS);
}

/* Listed, and on shelves. */
static size_t kept_bytes(void)
{
    size_t n = load(&listed_bytes);
    for (uint32_t i = 0; i < N_SMALL; i++) {
        wr_block *b = atomic_load_explicit(&shelves[i].block, memory_order_relaxed);
        if (b != NULL && b != &being_taken)
            n += room_of(i);
    }
    return n;
}

/* A quarter of this process's share of the memory: with 64 ranks bound to a core each, a 256th. */
static size_t default_limit(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    long cores = sysconf(_SC_NPROCESSORS_CONF);
    if (pages <= 0 || page <= 0)
        return (size_t)1 << 30;
    size_t all = (size_t)pages * (size_t)page;
    size_t mine = (size_t)wr_affinity_cores();
    return cores <= 0 || mine >= (size_t)cores ? all / 4 : all / 4 / (size_t)cores * mine;
}

static size_t limit_now(void)
{
    size_t limit = load(&keep_limit);
    if (limit != SIZE_MAX)
        return limit;
    limit = default_limit();
    atomic_store_explicit(&keep_limit, limit, memory_order_relaxed);
    return limit;
}

size_t wr_pool_keep_limit(size_t bytes)
{
    size_t was = limit_now();
    atomic_store(&keep_limit, bytes == SIZE_MAX ? SIZE_MAX - 1 : bytes);
    return was;
}

static void poison(const wr_block *b)
{
#ifdef WR_ASAN
    __asan_poison_memory_region((const char *)b + sizeof *b, WR_BLOCK_HEADER - sizeof *b);
    __asan_poison_memory_region(b->data, b->room);
#else
    (void)b;
#endif
}

/* n bytes at data can be used; what the class has more can't. */
static void unpoison(const wr_block *b, size_t n)
{
#ifdef WR_ASAN
    __asan_unpoison_memory_region((const char *)b + sizeof *b,
                                  WR_BLOCK_HEADER - sizeof *b);
    __asan_unpoison_memory_region(b->data, n);
    __asan_poison_memory_region((const char *)b->data + n, b->room - n);
#else
    (void)b;
    (void)n;
#endif
}

/* Pages that begin at a huge page and would like to be huge. */
static void *map_pages(size_t n)
{
    size_t more;
    if (!wr_add(n, LARGE, &more) || !wr_alloc_allowed())
        return NULL;
    char *p =
        mmap(NULL, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t front = (LARGE - ((uintptr_t)p & (LARGE - 1))) & (LARGE - 1);
    if (front > 0)
        munmap(p, front);
    munmap(p + front + n, LARGE - front);
    madvise(p + front, n, MADV_HUGEPAGE);
    return p + front;
}

/* The address that wr_alloc gave is kept in the word before the aligned header. */
static void *alloc_aligned(size_t n)
{
    size_t all;
    if (!wr_add(n, WEIR_ALIGN + sizeof(void *), &all))
        return NULL;
    char *raw = wr_alloc(all);
    if (raw == NULL)
        return NULL;
    uintptr_t at =
        ((uintptr_t)raw + sizeof(void *) + WEIR_ALIGN - 1) & ~(uintptr_t)(WEIR_ALIGN - 1);
    char *aligned = raw + (at - (uintptr_t)raw);
    ((void **)(void *)aligned)[-1] = raw;
    return aligned;
}

static void free_aligned(void *p)
{
    wr_free(((void **)p)[-1]);
}

static void give_pages(wr_block *b)
{
    if (wr_alloc_is_foreign())
        free_aligned(b->data);
    else
        munmap(b->data, b->room);
}

static wr_block *fresh_block(uint32_t i_class, size_t room)
{
    size_t n = WR_BLOCK_HEADER, all;
    if (room < LARGE)
        n += room;
    if (!wr_add(room, n, &all))
        return NULL;
    wr_block *b = alloc_aligned(n);
    if (b == NULL)
        return NULL;
    b->data = room < LARGE            ? (char *)b + WR_BLOCK_HEADER
              : wr_alloc_is_foreign() ? alloc_aligned(room)
                                      : map_pages(room);
    if (b->data == NULL) {
        free_aligned(b);
        return NULL;
    }
    b->room = room;
    b->i_class = i_class;
    atomic_fetch_add_explicit(&held_bytes, room, memory_order_relaxed);
    atomic_fetch_add_explicit(&n_fresh, 1, memory_order_relaxed);
    return b;
}

static void free_block(wr_block *b)
{
    atomic_fetch_sub_explicit(&held_bytes, b->room, memory_order_relaxed);
#ifdef WR_ASAN
    unpoison(b, b->room);
#endif
    if (b->room >= LARGE)
        give_pages(b);
    free_aligned(b);
}

/* Who takes the block has the shelf to itself until it is empty; nobody waits for that. */
static wr_block *take_from_shelf(uint32_t i_class, uint64_t n)
{
    shelf *s = &shelves[i_class];
    wr_block *b = atomic_load_explicit(&s->block, memory_order_relaxed);
    if (b == NULL || b == &being_taken ||
        !atomic_compare_exchange_strong_explicit(
            &s->block, &b, &being_taken, memory_order_acquire, memory_order_relaxed))
        return NULL;
    n += atomic_load_explicit(&s->n_taken, memory_order_relaxed);
    atomic_store_explicit(&s->n_taken, n, memory_order_relaxed);
    atomic_store_explicit(&s->block, NULL, memory_order_release);
    return b;
}

static bool put_on_shelf(wr_block *b)
{
    wr_block *none = NULL;
    return b->i_class < N_SMALL && load(&listed_bytes) + b->room <= limit_now() &&
           atomic_compare_exchange_strong_explicit(&shelves[b->i_class].block, &none, b,
                                                   memory_order_release,
                                                   memory_order_relaxed);
}

/* With the lock. */
static void list_bytes(size_t more, size_t less)
{
    atomic_store_explicit(&listed_bytes, load(&listed_bytes) + more - less,
                          memory_order_relaxed);
}

static wr_block *take_listed(uint32_t i_class)
{
    wr_lock(&lock);
    wr_block *b = listed[i_class];
    if (b != NULL) {
        listed[i_class] = b->next;
        list_bytes(0, b->room);
    }
    wr_unlock(&lock);
    return b;
}

/* False: no more may be kept. A small block's shelf is full, or would be too much already. */
static bool put_on_list(wr_block *b)
{
    size_t limit = limit_now(), more = b->i_class < N_SMALL ? 2 * b->room : b->room;
    wr_lock(&lock);
    bool fits = more <= limit && load(&listed_bytes) <= limit - more;
    if (fits) {
        b->next = listed[b->i_class];
        listed[b->i_class] = b;
        list_bytes(b->room, 0);
    }
    wr_unlock(&lock);
    return fits;
}

static wr_block *take_kept(uint32_t i_class, uint64_t n)
{
    wr_block *b = i_class < N_SMALL ? take_from_shelf(i_class, n) : NULL;
    return b != NULL ? b : take_listed(i_class);
}

static wr_block *take_slowly(uint32_t i, size_t room)
{
    wr_block *b = take_listed(i);
    /* Fresh pages cost more than an eighth or a quarter of a large block left idle. */
    for (uint32_t k = 1; b == NULL && room >= LARGE && k <= 2 && i + k < N_CLASSES; k++)
        b = take_listed(i + k);
    if (b == NULL)
        b = fresh_block(i, room);
    if (b == NULL && kept_bytes() > 0) {
        weir_memory_trim(0);
        b = fresh_block(i, room);
    }
    if (b != NULL)
        atomic_fetch_add_explicit(&n_taken, 1, memory_order_relaxed);
    return b;
}

wr_block *wr_pool_take(size_t n)
{
    size_t room;
    if (n > PTRDIFF_MAX)
        return NULL;
    uint32_t i = class_of(n, &room);
    wr_block *b = i < N_SMALL ? take_from_shelf(i, 1) : NULL;
    if (b == NULL)
        b = take_slowly(i, room);
    if (b != NULL)
        unpoison(b, n);
    return b;
}

void wr_pool_give(wr_block *b)
{
    poison(b);
    if (!put_on_shelf(b) && !put_on_list(b))
        free_block(b);
}

void weir_memory_trim(size_t keep_bytes)
{
    size_t kept = kept_bytes();
    for (uint32_t i = N_CLASSES; i-- > 0;) {
        wr_block *b;
        while (kept > keep_bytes && (b = take_kept(i, 0)) != NULL) {
            kept -= b->room < kept ? b->room : kept;
            free_block(b);
        }
    }
}

static uint64_t all_taken(void)
{
    uint64_t n = atomic_load_explicit(&n_taken, memory_order_relaxed);
    for (uint32_t i = 0; i < N_SMALL; i++)
        n += atomic_load_explicit(&shelves[i].n_taken, memory_order_relaxed);
    return n;
}

weir_memory weir_memory_info(void)
{
    size_t kept = kept_bytes(), held = load(&held_bytes);
    return (weir_memory){
        .in_use_bytes = held > kept ? held - kept : 0,
        .kept_bytes = kept,
        .n_alloc = all_taken(),
        .n_fresh = atomic_load_explicit(&n_fresh, memory_order_relaxed),
    };
}
