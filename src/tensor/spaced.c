/* SPDX-License-Identifier: BSD-3-Clause */
/* Elements that are 2 to 4 apart on one side and adjacent on the other, by AVX-512: every second
 * element, one component of a few.
 *
 * A block is one vector of the adjacent side and `apart` vectors of the other. Element i of a block
 * lies in lane (i * apart + shift) of the latter. Their loads and stores are masked: what lies between
 * the elements is neither read nor written. Masked accesses don't start the processor's own
 * prefetching (measured on Zen 5: half the speed from memory), so that long runs ask for their lines. */
#include <string.h>

#include "tensor/kernels.h"

enum {
    APART_MAX = 4,
    AHEAD = 4096 /* bytes; runs of less than four times that go without */
};

#if defined(__x86_64__)
#include <immintrin.h>

#define INLINE inline __attribute__((always_inline))
#define TARGET __attribute__((target("avx512f,avx512bw")))

enum { VECTOR = 64 }; /* bytes; also of a cache line */

/* n elements, `apart` elements from one to the next on the spaced side; below zero: read backwards. */
typedef struct run {
    char *to;
    const char *from;
    int64_t n;
    int apart;
    bool is_streaming;
} run;

static INLINE void step(run *r, int64_t n, int64_t each, int64_t to, int64_t from)
{
    for (; n > 0; n--, r->n--, r->to += to, r->from += from)
        memcpy(r->to, r->from, (size_t)each);
}

static INLINE int64_t look_ahead(int64_t bytes)
{
    return bytes >= 4 * AHEAD ? AHEAD : 0;
}

/* k is `apart` without its sign, and a constant where the speed matters most. */
#define DEFINE_SPACED(EACH, TYPE, MASK, BITS)                                            \
    TARGET static INLINE void gather_blocks_##EACH(run *r, int k)                        \
    {                                                                                    \
        enum { LANES = VECTOR / EACH };                                                  \
        TYPE index[LANES];                                                               \
        MASK out[APART_MAX] = {0}, in[APART_MAX] = {0};                                  \
        int64_t stride = (int64_t)r->apart * EACH, ahead = look_ahead(r->n * k * EACH);  \
        const char *low = r->from + (stride < 0 ? (LANES - 1) * stride : 0);             \
        ahead = stride < 0 ? -ahead : ahead;                                             \
        for (int i = 0; i < LANES; i++) {                                                \
            int lane = (stride < 0 ? LANES - 1 - i : i) * k;                             \
            index[i] = (TYPE)(lane % LANES);                                             \
            out[lane / LANES] |= (MASK)((MASK)1 << i);                                   \
            in[lane / LANES] |= (MASK)((MASK)1 << lane % LANES);                         \
        }                                                                                \
        const __m512i order = _mm512_loadu_si512(index);                                 \
        for (; r->n >= LANES; r->n -= LANES, r->to += VECTOR, low += LANES * stride) {   \
            __m512i v = _mm512_setzero_si512();                                          \
            for (int j = 0; j < k; j++) {                                                \
                const char *p = low + j * VECTOR;                                        \
                _mm_prefetch(p + ahead, _MM_HINT_T0);                                    \
                v = _mm512_mask_permutexvar_epi##BITS(                                   \
                    v, out[j], order, _mm512_maskz_loadu_epi##BITS(in[j], p));           \
            }                                                                            \
            if (r->is_streaming)                                                         \
                _mm512_stream_si512((__m512i *)(void *)r->to, v);                        \
            else                                                                         \
                _mm512_storeu_si512(r->to, v);                                           \
        }                                                                                \
        r->from = low - (stride < 0 ? (LANES - 1) * stride : 0);                         \
    }                                                                                    \
    TARGET static INLINE void scatter_blocks_##EACH(run *r, int k, int shift)            \
    {                                                                                    \
        enum { LANES = VECTOR / EACH };                                                  \
        TYPE index[APART_MAX][LANES] = {{0}};                                            \
        MASK out[APART_MAX] = {0};                                                       \
        __m512i order[APART_MAX];                                                        \
        int64_t ahead = look_ahead(r->n * k * EACH);                                     \
        for (int i = 0; i < LANES; i++) {                                                \
            int lane = i * k + shift;                                                    \
            index[lane / LANES][lane % LANES] = (TYPE)i;                                 \
            out[lane / LANES] |= (MASK)((MASK)1 << lane % LANES);                        \
        }                                                                                \
        for (int j = 0; j < k; j++)                                                      \
            order[j] = _mm512_loadu_si512(index[j]);                                     \
        for (; r->n >= LANES; r->n -= LANES, r->to += k * VECTOR, r->from += VECTOR) {   \
            const __m512i v = _mm512_loadu_si512(r->from);                               \
            for (int j = 0; j < k; j++) {                                                \
                char *p = r->to - shift * EACH + j * VECTOR;                             \
                __builtin_prefetch(p + ahead, 1);                                        \
                _mm512_mask_storeu_epi##BITS(p, out[j],                                  \
                                             _mm512_permutexvar_epi##BITS(order[j], v)); \
            }                                                                            \
        }                                                                                \
    }                                                                                    \
    TARGET static void gather_##EACH(run r)                                              \
    {                                                                                    \
        int64_t width = r.apart * EACH;                                                  \
        while (r.is_streaming && r.n > 0 && (uintptr_t)r.to % VECTOR != 0)               \
            step(&r, 1, EACH, EACH, width);                                              \
        if (r.apart == 2)                                                                \
            gather_blocks_##EACH(&r, 2);                                                 \
        else                                                                             \
            gather_blocks_##EACH(&r, r.apart < 0 ? -r.apart : r.apart);                  \
        step(&r, r.n, EACH, EACH, width);                                                \
    }                                                                                    \
    TARGET static void scatter_##EACH(run r)                                             \
    {                                                                                    \
        int64_t width = r.apart * EACH;                                                  \
        while (r.n > 0 && (int64_t)((uintptr_t)r.to % VECTOR) >= width)                  \
            step(&r, 1, EACH, width, EACH);                                              \
        int shift = (int)((uintptr_t)r.to % VECTOR / EACH); /* stores begin at lines */  \
        if (r.apart == 2)                                                                \
            scatter_blocks_##EACH(&r, 2, shift);                                         \
        else                                                                             \
            scatter_blocks_##EACH(&r, r.apart, shift);                                   \
        step(&r, r.n, EACH, width, EACH);                                                \
    }

DEFINE_SPACED(2, uint16_t, __mmask32, 16)
DEFINE_SPACED(4, uint32_t, __mmask16, 32)
DEFINE_SPACED(8, uint64_t, __mmask8, 64)

typedef void run_function(run r);

/* The stride as elements, 0 if it is none that the kernels know. */
static int apart_of(int64_t stride, int64_t each)
{
    int64_t apart = stride % each == 0 ? stride / each : 0;
    return apart > APART_MAX || apart < -APART_MAX ? 0 : (int)apart;
}

static run_function *choose(size_t each, wr_copy_dim cols, int *apart)
{
    static run_function *const gather[] = {NULL, gather_2, gather_4, gather_8};
    static run_function *const scatter[] = {NULL, scatter_2, scatter_4, scatter_8};
    int64_t size = (int64_t)each;
    if (each > 8 || wr_copy_vector_bytes() < VECTOR || cols.n < VECTOR / size)
        return NULL;
    bool is_gather = cols.to == size;
    if (!is_gather && cols.from != size)
        return NULL;
    *apart = apart_of(is_gather ? cols.from : cols.to, size);
    if (*apart == 0 || (!is_gather && *apart < 2))
        return NULL;
    return (is_gather ? gather : scatter)[__builtin_ctz((unsigned)each)];
}

bool wr_copy_spaced(char *to, const char *from, size_t each, wr_copy_dim rows,
                    wr_copy_dim cols, bool is_streaming)
{
    int apart = 0;
    run_function *copy = choose(each, cols, &apart);
    if (copy == NULL)
        return false;
    for (int64_t i = 0; i < rows.n; i++)
        copy((run){to + i * rows.to, from + i * rows.from, cols.n, apart, is_streaming});
    return true;
}
#else
bool wr_copy_spaced(char *to, const char *from, size_t each, wr_copy_dim rows,
                    wr_copy_dim cols, bool is_streaming)
{
    (void)to, (void)from, (void)each, (void)rows, (void)cols, (void)is_streaming;
    return false;
}
#endif
