/* SPDX-License-Identifier: BSD-3-Clause */
/* Transposition in tiles that read whole vectors along rows and write whole vectors along columns.
 *
 * A tile of n vectors of n elements is transposed by log2(n) perfect shuffles: interleave vector i
 * with vector i + n/2, element by element, log2(n) times over. One macro therefore serves every
 * element size and vector width. The 32-byte tiles keep column c in the low and column c + n in the
 * high half. The 64-byte tiles read and write whole lines, each once: nothing has to stay in a cache
 * where all rows of a power of two meet in the same few sets. Four of them side by side write, and
 * after them read, four lines in a row, which is what memory and the outer caches are good at.
 *
 * Measured on Zen 5 and no faster: tiles staged in a padded buffer; half the shuffles by loading halves
 * and quarters of vectors. */
#include "tensor/kernels.h"

#include <string.h>

/* One or more cache lines of columns for n_rows rows. `to` rows are to_step apart, `from` columns from_step.
 * The last tile may overlap the one before: it writes the same values again. */
typedef void panel_function(char *to, int64_t to_step, const char *from,
                            int64_t from_step, int64_t n_rows);

enum {
    LINE = 64,
    WIDE = 4 * LINE, /* bytes of columns of a wide panel */
    WIDE_ROWS = 512  /* bytes of rows from which on it pays */
};

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* A tile as an inline function and a panel of such tiles. N vectors, COLS columns; EACH bytes. */
#define DEFINE_PANEL(NAME, TARGET, VECTOR, EACH, N, COLS, WIDTH, LOAD, LOW, HIGH, STORE) \
    TARGET static inline __attribute__((always_inline)) void tile_##NAME(                \
        char *to, int64_t to_step, const char *from, int64_t from_step)                  \
    {                                                                                    \
        VECTOR x[N], y[N];                                                               \
        UNROLL for (int i = 0; i < N; i++) x[i] =                                        \
            LOAD(from + i * from_step, N * from_step);                                   \
        UNROLL for (int stage = 1; stage < N; stage *= 2)                                \
        {                                                                                \
            UNROLL for (int i = 0; i < N / 2; i++)                                       \
            {                                                                            \
                y[2 * i] = LOW(x[i], x[i + N / 2]);                                      \
                y[2 * i + 1] = HIGH(x[i], x[i + N / 2]);                                 \
            }                                                                            \
            UNROLL for (int i = 0; i < N; i++) x[i] = y[i];                              \
        }                                                                                \
        UNROLL for (int i = 0; i < N; i++) STORE(to + i * to_step, x[i]);                \
    }                                                                                    \
    TARGET static void panel_##NAME(char *to, int64_t to_step, const char *from,         \
                                    int64_t from_step, int64_t n_rows)                   \
    {                                                                                    \
        for (int64_t i = 0;; i += N) {                                                   \
            if (i > n_rows - N)                                                          \
                i = n_rows - N;                                                          \
            char *p = to + i * to_step;                                                  \
            const char *q = from + i * EACH;                                             \
            UNROLL for (int64_t j = 0; j < WIDTH / EACH; j += COLS)                      \
                tile_##NAME(p + j * EACH, to_step, q + j * from_step, from_step);        \
            if (i == n_rows - N)                                                         \
                return;                                                                  \
        }                                                                                \
    }

#define LOAD_16(p, lane) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define LOAD_32(p, lane)                                                                 \
    _mm256_inserti128_si256(_mm256_castsi128_si256(LOAD_16(p, 0)),                       \
                            LOAD_16((p) + (lane), 0), 1)
#define STORE_16(p, v) _mm_storeu_si128((__m128i *)(void *)(p), v)
#define STORE_32(p, v) _mm256_storeu_si256((__m256i *)(void *)(p), v)
#define STREAM_16(p, v) _mm_stream_si128((__m128i *)(void *)(p), v)
#define STREAM_32(p, v) _mm256_stream_si256((__m256i *)(void *)(p), v)

#define LOAD_64(p, lane) _mm512_loadu_si512(p)
#define LOAD_64_ON(p, lane) /* and begin to read the line of the next tile */            \
    (_mm_prefetch((p) + LINE, _MM_HINT_T0), _mm512_loadu_si512(p))
#define STORE_64(p, v) _mm512_storeu_si512(p, v)
#define STREAM_64(p, v) _mm512_stream_si512((__m512i *)(void *)(p), v)

#define SSE2
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f")))

/* The shuffles of 64 bytes: the lower halves of two vectors interleaved, and the upper ones. */
AVX512 static inline __attribute__((always_inline)) __m512i low_4(__m512i a, __m512i b)
{
    return _mm512_permutex2var_epi32(
        a, _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), b);
}

AVX512 static inline __attribute__((always_inline)) __m512i high_4(__m512i a, __m512i b)
{
    return _mm512_permutex2var_epi32(
        a,
        _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31),
        b);
}

AVX512 static inline __attribute__((always_inline)) __m512i low_8(__m512i a, __m512i b)
{
    return _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b);
}

AVX512 static inline __attribute__((always_inline)) __m512i high_8(__m512i a, __m512i b)
{
    return _mm512_permutex2var_epi64(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b);
}

/* 16 bytes of columns, and a line of them, by SSE2; a line by AVX2; plain and streaming. */
#define DEFINE_PANELS(EACH, N, BITS)                                                     \
    DEFINE_PANEL(narrow_##EACH, SSE2, __m128i, EACH, N, N, 16, LOAD_16,                  \
                 _mm_unpacklo_epi##BITS, _mm_unpackhi_epi##BITS, STORE_16)               \
    DEFINE_PANEL(sse2_##EACH, SSE2, __m128i, EACH, N, N, LINE, LOAD_16,                  \
                 _mm_unpacklo_epi##BITS, _mm_unpackhi_epi##BITS, STORE_16)               \
    DEFINE_PANEL(sse2_stream_##EACH, SSE2, __m128i, EACH, N, N, LINE, LOAD_16,           \
                 _mm_unpacklo_epi##BITS, _mm_unpackhi_epi##BITS, STREAM_16)              \
    DEFINE_PANEL(avx2_##EACH, AVX2, __m256i, EACH, N, 2 * N, LINE, LOAD_32,              \
                 _mm256_unpacklo_epi##BITS, _mm256_unpackhi_epi##BITS, STORE_32)         \
    DEFINE_PANEL(avx2_stream_##EACH, AVX2, __m256i, EACH, N, 2 * N, LINE, LOAD_32,       \
                 _mm256_unpacklo_epi##BITS, _mm256_unpackhi_epi##BITS, STREAM_32)

DEFINE_PANELS(1, 16, 8)
DEFINE_PANELS(2, 8, 16)
DEFINE_PANELS(4, 4, 32)
DEFINE_PANELS(8, 2, 64)

/* Lines of columns by AVX-512, for elements that need no more than its registers. */
#define DEFINE_WIDE_PANELS(EACH, N)                                                      \
    DEFINE_PANEL(avx512_##EACH, AVX512, __m512i, EACH, N, N, LINE, LOAD_64, low_##EACH,  \
                 high_##EACH, STORE_64)                                                  \
    DEFINE_PANEL(avx512_stream_##EACH, AVX512, __m512i, EACH, N, N, LINE, LOAD_64,       \
                 low_##EACH, high_##EACH, STREAM_64)                                     \
    DEFINE_PANEL(wide_##EACH, AVX512, __m512i, EACH, N, N, WIDE, LOAD_64_ON, low_##EACH, \
                 high_##EACH, STORE_64)                                                  \
    DEFINE_PANEL(wide_stream_##EACH, AVX512, __m512i, EACH, N, N, WIDE, LOAD_64_ON,      \
                 low_##EACH, high_##EACH, STREAM_64)

DEFINE_WIDE_PANELS(4, 16)
DEFINE_WIDE_PANELS(8, 8)

typedef enum panel_kind {
    NARROW,
    BY_SSE2,
    BY_AVX2,
    BY_AVX512,
    BY_WIDE,
    KINDS
} panel_kind;

/* By element size, kind, and whether it streams. */
static panel_function *const panels[][KINDS][2] = {
#define ROW(EACH)                                                                        \
    [NARROW] = {panel_narrow_##EACH, panel_narrow_##EACH},                               \
    [BY_SSE2] = {panel_sse2_##EACH, panel_sse2_stream_##EACH},                           \
    [BY_AVX2] = {panel_avx2_##EACH, panel_avx2_stream_##EACH}
#define WIDE_ROW(EACH)                                                                   \
    ROW(EACH), [BY_AVX512] = {panel_avx512_##EACH, panel_avx512_stream_##EACH},          \
               [BY_WIDE] = {panel_wide_##EACH, panel_wide_stream_##EACH}
    {ROW(1)}, {ROW(2)}, {WIDE_ROW(4)}, {WIDE_ROW(8)}
#undef ROW
#undef WIDE_ROW
};

bool wr_copy_is_wide(size_t each)
{
    return (each == 4 || each == 8) && wr_copy_vector_bytes() >= LINE;
}

static panel_kind choose_kind(size_t each, int64_t n_rows, int64_t n_cols)
{
    int64_t line = LINE / (int64_t)each, wide = WIDE / (int64_t)each;
    if (n_cols < line)
        return NARROW;
    if (!wr_copy_is_wide(each) || n_rows < line)
        return wr_copy_vector_bytes() < 32 ? BY_SSE2 : BY_AVX2;
    return n_cols < wide || n_rows * (int64_t)each < WIDE_ROWS ? BY_AVX512 : BY_WIDE;
}

/* The panel for so many rows and columns, and the columns it takes. NULL: too few of either. */
static panel_function *choose_panel(size_t each, int64_t n_rows, int64_t n_cols,
                                    bool is_streaming, int64_t *width)
{
    int64_t narrow = 16 / (int64_t)each;
    if (each > 8 || n_rows < narrow || n_cols < narrow)
        return NULL;
    panel_kind kind = choose_kind(each, n_rows, n_cols);
    *width = (kind == NARROW ? 16 : kind == BY_WIDE ? WIDE : LINE) / (int64_t)each;
    return panels[__builtin_ctz((unsigned)each)][kind][is_streaming];
}

void wr_copy_fence(void)
{
    _mm_sfence();
}
#else
static panel_function *choose_panel(size_t each, int64_t n_rows, int64_t n_cols,
                                    bool is_streaming, int64_t *width)
{
    (void)each, (void)n_rows, (void)n_cols, (void)is_streaming, (void)width;
    return NULL;
}

bool wr_copy_is_wide(size_t each)
{
    (void)each;
    return false;
}

void wr_copy_fence(void) {}
#endif

/* A line of columns at a time by plain loads and stores. */
static void copy_in_lines(char *to, const char *from, size_t each, wr_copy_dim rows,
                          wr_copy_dim cols)
{
    int64_t width = each < LINE / 4 ? LINE / (int64_t)each : 4;
    for (int64_t j = 0; j < cols.n; j += width) {
        wr_copy_dim part = cols;
        part.n = cols.n - j < width ? cols.n - j : width;
        wr_copy_rect(to + j * cols.to, from + j * cols.from, each, rows, part, false);
    }
}

void wr_copy_transposed(char *to, const char *from, size_t each, wr_copy_dim rows,
                        wr_copy_dim cols, bool is_streaming)
{
    int64_t j = 0, width = 0;
    panel_function *panel;
    bool is_near = rows.from == (int64_t)each && cols.to == (int64_t)each;
    while (is_near && (panel = choose_panel(each, rows.n, cols.n - j, is_streaming,
                                            &width)) != NULL) {
        for (; j <= cols.n - width; j += width)
            panel(to + j * cols.to, rows.to, from + j * cols.from, cols.from, rows.n);
    }
    if (j == 0) {
        copy_in_lines(to, from, each, rows, cols);
    } else if (j < cols.n) { /* the last columns, some of them for the second time */
        width = 16 / (int64_t)each;
        panel = choose_panel(each, rows.n, width, false, &width);
        j = cols.n - width;
        panel(to + j * cols.to, rows.to, from + j * cols.from, cols.from, rows.n);
    }
}
