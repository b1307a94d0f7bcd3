/* SPDX-License-Identifier: BSD-3-Clause */
/* Transposition in tiles that read whole vectors along rows and write whole vectors along columns.
 *
 * A tile of n vectors of n elements is transposed by log2(n) perfect shuffles: interleave vector i
 * with vector i + n/2, element by element, log2(n) times over. One macro therefore serves every
 * element size and vector width. The 32-byte tiles keep column c in the low and column c + n in the
 * high half. (64-byte tiles of whole lines were measured: no faster.) */
#include "tensor/kernels.h"

#include <string.h>

/* One cache line of columns for n_rows rows. `to` rows are to_step apart, `from` columns from_step.
 * The last tile may overlap the one before: it writes the same values again. */
typedef void panel_function(char *to, int64_t to_step, const char *from,
                            int64_t from_step, int64_t n_rows);

enum { LINE = 64 };

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

#define SSE2
#define AVX2 __attribute__((target("avx2")))

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

typedef struct panel_row {
    panel_function *narrow, *sse2, *sse2_stream, *avx2, *avx2_stream;
} panel_row;

static const panel_row *row_of(size_t each)
{
#define ROW(EACH)                                                                        \
    {                                                                                    \
        panel_narrow_##EACH, panel_sse2_##EACH, panel_sse2_stream_##EACH,                \
            panel_avx2_##EACH, panel_avx2_stream_##EACH                                  \
    }
    static const panel_row rows[] = {ROW(1), ROW(2), ROW(4), ROW(8)};
#undef ROW
    return each > 8 ? NULL : &rows[__builtin_ctz((unsigned)each)];
}

/* The panel for so many rows and columns, and the columns it takes. NULL: too few of either. */
static panel_function *choose_panel(size_t each, int64_t n_rows, int64_t n_cols,
                                    bool is_streaming, int64_t *width)
{
    const panel_row *row = row_of(each);
    int64_t narrow = 16 / (int64_t)each, line = LINE / (int64_t)each;
    if (row == NULL || n_rows < narrow || n_cols < narrow)
        return NULL;
    *width = n_cols < line ? narrow : line;
    if (n_cols < line)
        return row->narrow;
    if (!__builtin_cpu_supports("avx2"))
        return is_streaming ? row->sse2_stream : row->sse2;
    return is_streaming ? row->avx2_stream : row->avx2;
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
    int64_t width = 0;
    panel_function *panel = NULL;
    if (rows.from == (int64_t)each && cols.to == (int64_t)each)
        panel = choose_panel(each, rows.n, cols.n, is_streaming, &width);
    if (panel == NULL) {
        copy_in_lines(to, from, each, rows, cols);
        return;
    }
    int64_t j = 0;
    for (; j <= cols.n - width; j += width)
        panel(to + j * cols.to, rows.to, from + j * cols.from, cols.from, rows.n);
    if (j < cols.n) { /* the last columns, some of them for the second time */
        if (is_streaming)
            panel = choose_panel(each, rows.n, cols.n, false, &width);
        j = cols.n - width;
        panel(to + j * cols.to, rows.to, from + j * cols.from, cols.from, rows.n);
    }
}
