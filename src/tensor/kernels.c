/* SPDX-License-Identifier: BSD-3-Clause */
/* The inner loops of weir_tensor_copy for runs and for any strides. */
#include "tensor/kernels.h"

#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

/* ---- which vectors ---- */

static atomic_int vector_limit = 64;

static int vector_bytes_here(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
        return 64;
    if (__builtin_cpu_supports("avx2"))
        return 32;
#endif
    return 16;
}

int wr_copy_vector_bytes(void)
{
    int here = vector_bytes_here();
    int limit = atomic_load_explicit(&vector_limit, memory_order_relaxed);
    return here < limit ? here : limit;
}

int wr_copy_vector_limit(int bytes)
{
    return atomic_exchange(&vector_limit, bytes);
}

/* ---- bytes ---- */

enum {
    PIECE =
        256
        << 10, /* glibc copies more at once by a loop that reads the destination first */
    FAR = 12 << 20 /* from here on source and destination don't stay in the caches */
};

#if defined(__x86_64__)
enum { LINE = 64 };

static void stream_by_sse2(char *to, const char *from, size_t n)
{
    for (size_t i = 0; i < n; i += LINE) {
        const __m128i *p = (const __m128i *)(const void *)(from + i);
        __m128i *q = (__m128i *)(void *)(to + i);
        __m128i a = _mm_loadu_si128(p), b = _mm_loadu_si128(p + 1);
        __m128i c = _mm_loadu_si128(p + 2), d = _mm_loadu_si128(p + 3);
        _mm_stream_si128(q, a);
        _mm_stream_si128(q + 1, b);
        _mm_stream_si128(q + 2, c);
        _mm_stream_si128(q + 3, d);
    }
}

/* Whole lines: up to a tenth faster than by quarters. */
__attribute__((target("avx512f"))) static void
stream_by_avx512(char *to, const char *from, size_t n)
{
    for (size_t i = 0; i < n; i += LINE)
        _mm512_stream_si512((__m512i *)(void *)(to + i), _mm512_loadu_si512(from + i));
}

static void stream_bytes(char *to, const char *from, size_t n)
{
    size_t head = -(uintptr_t)to % LINE, lines = (n - head) / LINE * LINE;
    memcpy(to, from, head);
    if (wr_copy_vector_bytes() >= LINE)
        stream_by_avx512(to + head, from + head, lines);
    else
        stream_by_sse2(to + head, from + head, lines);
    _mm_sfence();
    head += lines;
    memcpy(to + head, from + head, n - head);
}
#endif

void wr_copy_bytes(char *to, const char *from, size_t n)
{
#if defined(__x86_64__)
    if (n >= FAR) {
        stream_bytes(to, from, n);
        return;
    }
#endif
    for (; n > PIECE; n -= PIECE, to += PIECE, from += PIECE)
        memcpy(to, from, PIECE);
    memcpy(to, from, n);
}

/* ---- runs: two overlapping moves of a fixed size beat a call for so few bytes ---- */

#define DEFINE_RUNS(NAME, SIZE)                                                          \
    static void NAME(char *to, const char *from, wr_copy_dim rows, size_t bytes)         \
    {                                                                                    \
        size_t last = bytes - SIZE;                                                      \
        for (int64_t i = 0; i < rows.n; i++, to += rows.to, from += rows.from) {         \
            char a[SIZE], b[SIZE];                                                       \
            memcpy(a, from, SIZE);                                                       \
            memcpy(b, from + last, SIZE);                                                \
            memcpy(to, a, SIZE);                                                         \
            memcpy(to + last, b, SIZE);                                                  \
        }                                                                                \
    }

DEFINE_RUNS(runs_2, 2)
DEFINE_RUNS(runs_4, 4)
DEFINE_RUNS(runs_8, 8)
DEFINE_RUNS(runs_16, 16)
DEFINE_RUNS(runs_32, 32)
DEFINE_RUNS(runs_64, 64)

void wr_copy_runs(char *to, const char *from, wr_copy_dim rows, size_t bytes)
{
    if (bytes > 128 || bytes < 2) {
        for (int64_t i = 0; i < rows.n; i++)
            wr_copy_bytes(to + i * rows.to, from + i * rows.from, bytes);
    } else if (bytes > 64) {
        runs_64(to, from, rows, bytes);
    } else if (bytes > 32) {
        runs_32(to, from, rows, bytes);
    } else if (bytes > 16) {
        runs_16(to, from, rows, bytes);
    } else if (bytes > 8) {
        runs_8(to, from, rows, bytes);
    } else if (bytes > 4) {
        runs_4(to, from, rows, bytes);
    } else {
        runs_2(to, from, rows, bytes);
    }
}

/* ---- any strides ---- */

typedef struct wide {
    uint64_t half[2];
} wide;

#if defined(__SSE2__)
static inline __m128i load_4(const char *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return _mm_cvtsi32_si128(v);
}

static inline __m128i load_8(const char *p)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)p);
}

/* 16 bytes of elements that are `step` apart, made in a register. */
static inline void fill_4(void *pack, const char *p, int64_t step)
{
    __m128i low = _mm_unpacklo_epi32(load_4(p), load_4(p + step));
    __m128i high = _mm_unpacklo_epi32(load_4(p + 2 * step), load_4(p + 3 * step));
    _mm_storeu_si128(pack, _mm_unpacklo_epi64(low, high));
}

static inline void fill_8(void *pack, const char *p, int64_t step)
{
    _mm_storeu_si128(pack, _mm_unpacklo_epi64(load_8(p), load_8(p + step)));
}

/* Write 16 bytes past the caches. */
static inline void stream_16(char *to, const void *pack)
{
    _mm_stream_si128((__m128i *)(void *)to, _mm_loadu_si128(pack));
}
#else
#define fill_4(pack, from, step) fill_uint32_t(pack, from, step)
#define fill_8(pack, from, step) fill_uint64_t(pack, from, step)
#define stream_16(to, pack) memcpy(to, pack, 16)
#endif

#define DEFINE_FILL(TYPE)                                                                \
    static inline void fill_##TYPE(TYPE *pack, const char *from, int64_t step)           \
    {                                                                                    \
        for (size_t k = 0; k < 16 / sizeof(TYPE); k++, from += step)                     \
            memcpy(&pack[k], from, sizeof(TYPE));                                        \
    }
DEFINE_FILL(uint8_t)
DEFINE_FILL(uint16_t)
DEFINE_FILL(wide)
#if !defined(__SSE2__)
DEFINE_FILL(uint32_t)
DEFINE_FILL(uint64_t)
#endif

/* Gather 16 bytes of elements at a time where writing is contiguous, so that loads are the limit. The
 * copies through memcpy allow strides that are no multiples of the element. */
#define DEFINE_GATHER(NAME, TYPE, FILL, PUT, MASK)                                       \
    static void NAME(char *to, const char *from, int64_t n, int64_t step)                \
    {                                                                                    \
        enum { PACK = 16 / sizeof(TYPE) };                                               \
        for (; n > 0 && ((uintptr_t)to & MASK) != 0;                                     \
             n--, from += step, to += sizeof(TYPE))                                      \
            memcpy(to, from, sizeof(TYPE));                                              \
        for (; n >= PACK; n -= PACK, from += PACK * step, to += 16) {                    \
            TYPE pack[PACK];                                                             \
            FILL(pack, from, step);                                                      \
            PUT(to, pack);                                                               \
        }                                                                                \
        for (; n > 0; n--, from += step, to += sizeof(TYPE))                             \
            memcpy(to, from, sizeof(TYPE));                                              \
    }
#define PUT_16(to, pack) memcpy(to, pack, 16)

#define DEFINE_RECT(NAME, TYPE, FILL)                                                    \
    DEFINE_GATHER(NAME##_gather, TYPE, FILL, PUT_16, 0)                                  \
    DEFINE_GATHER(NAME##_stream, TYPE, FILL, stream_16, 15)                              \
    static void NAME(char *to, const char *from, wr_copy_dim rows, wr_copy_dim cols,     \
                     bool is_streaming)                                                  \
    {                                                                                    \
        bool is_gather = cols.to == (int64_t)sizeof(TYPE);                               \
        for (int64_t i = 0; i < rows.n; i++) {                                           \
            char *p = to + i * rows.to;                                                  \
            const char *q = from + i * rows.from;                                        \
            if (is_gather && is_streaming)                                               \
                NAME##_stream(p, q, cols.n, cols.from);                                  \
            else if (is_gather)                                                          \
                NAME##_gather(p, q, cols.n, cols.from);                                  \
            for (int64_t j = is_gather ? cols.n : 0; j < cols.n; j++) {                  \
                memcpy(p, q, sizeof(TYPE));                                              \
                p += cols.to;                                                            \
                q += cols.from;                                                          \
            }                                                                            \
        }                                                                                \
    }

DEFINE_RECT(rect_1, uint8_t, fill_uint8_t)
DEFINE_RECT(rect_2, uint16_t, fill_uint16_t)
DEFINE_RECT(rect_4, uint32_t, fill_4)
DEFINE_RECT(rect_8, uint64_t, fill_8)
DEFINE_RECT(rect_16, wide, fill_wide)

void wr_copy_rect(char *to, const char *from, size_t each, wr_copy_dim rows,
                  wr_copy_dim cols, bool is_streaming)
{
    if (wr_copy_spaced(to, from, each, rows, cols, is_streaming))
        return;
    switch (each) {
    case 1:
        rect_1(to, from, rows, cols, is_streaming);
        break;
    case 2:
        rect_2(to, from, rows, cols, is_streaming);
        break;
    case 4:
        rect_4(to, from, rows, cols, is_streaming);
        break;
    case 8:
        rect_8(to, from, rows, cols, is_streaming);
        break;
    default:
        rect_16(to, from, rows, cols, is_streaming);
        break;
    }
}
