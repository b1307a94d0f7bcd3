/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies against an oracle that moves one element at a time: all types, ranks 0..5, any strides. */
#include <stdlib.h>

#include "support/expect.h"

enum { RANKS = 6 };

/* A small generator of its own, so that failures repeat. */
static uint64_t random_state = 1;

static uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static int64_t random_below(int64_t n)
{
    return (int64_t)(random_bits() % (uint64_t)n);
}

/* Memory that holds a view: ASan sees the exact end. */
typedef struct arena {
    unsigned char *bytes;
    size_t n;
} arena;

/* Strides of a random order of the dimensions, with gaps, some negative, some zero in a source. */
static weir_tensor random_view(weir_dtype dtype, int rank, const int64_t *shape,
                               bool may_repeat, arena *a)
{
    int order[RANKS] = {0, 1, 2, 3, 4, 5};
    for (int i = rank - 1; i > 0; i--) {
        int k = (int)random_below(i + 1), o = order[i];
        order[i] = order[k];
        order[k] = o;
    }
    weir_tensor t = {.dtype = dtype, .rank = rank};
    int64_t reach = (int64_t)weir_dtype_bytes(dtype), low = 0;
    int64_t gap_kind = random_below(4);
    for (int i = 0; i < rank; i++) {
        int d = order[i];
        int64_t stride = reach;
        if (gap_kind == 1)
            stride += random_below(3) * (int64_t)weir_dtype_bytes(dtype);
        if (gap_kind == 2)
            stride += random_below(9);
        t.shape[d] = shape[d];
        t.stride[d] = stride;
        if (shape[d] > 1)
            reach = stride * (shape[d] - 1) + reach;
        if (random_below(5) == 0 && shape[d] > 0) {
            t.stride[d] = -stride;
            low += stride * (shape[d] - 1);
        } else if (may_repeat && random_below(8) == 0) {
            t.stride[d] = 0;
        }
    }
    a->n = (size_t)reach;
    a->bytes = malloc(a->n);
    assert_non_null(a->bytes);
    for (size_t i = 0; i < a->n; i++)
        a->bytes[i] = (unsigned char)random_bits();
    t.data = a->bytes + low;
    return t;
}

static size_t offset_of(const weir_tensor *t, const arena *a, const int64_t *at)
{
    const unsigned char *p = t->data;
    for (int i = 0; i < t->rank; i++)
        p += at[i] * t->stride[i];
    return (size_t)(p - a->bytes);
}

/* Move one element at a time, into `want`, which has the layout of `to`. */
static void copy_slowly(const weir_tensor *to, const arena *to_arena, unsigned char *want,
                        const weir_tensor *from, const arena *from_arena)
{
    int64_t at[WEIR_RANK_MAX] = {0};
    size_t each = weir_dtype_bytes(to->dtype);
    if (weir_tensor_count(to) == 0)
        return;
    for (;;) {
        memcpy(want + offset_of(to, to_arena, at),
               from_arena->bytes + offset_of(from, from_arena, at), each);
        int i = to->rank - 1;
        while (i >= 0 && ++at[i] == to->shape[i])
            at[i--] = 0;
        if (i < 0)
            return;
    }
}

static void check_copy(weir_dtype dtype, int rank, const int64_t *shape)
{
    arena a, b;
    weir_tensor from = random_view(dtype, rank, shape, true, &a);
    weir_tensor to = random_view(dtype, rank, shape, false, &b);
    unsigned char *want = malloc(b.n);
    assert_non_null(want);
    memcpy(want, b.bytes, b.n);
    copy_slowly(&to, &b, want, &from, &a);
    expect_ok(weir_tensor_copy(&to, &from, &err));
    if (memcmp(want, b.bytes, b.n) != 0) {
        char text[128];
        fail_msg("copy of %s differs from the oracle",
                 weir_tensor_text(&to, text, sizeof text));
    }
    free(want);
    free(a.bytes);
    free(b.bytes);
}

static void test_copies_of_random_views_agree_with_one_element_at_a_time(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < WEIR_DTYPE_COUNT; dtype++) {
        for (int rank = 0; rank < RANKS; rank++) {
            for (int round = 0; round < 60; round++) {
                int64_t shape[RANKS], most[RANKS] = {3000, 3000, 80, 24, 9, 6};
                for (int i = 0; i < rank; i++)
                    shape[i] = random_below(random_below(4) == 0 ? 4 : most[rank]);
                if (rank == 2 && round % 8 != 0)
                    shape[0] %= 40; /* long and thin, or small */
                if (rank == 2)
                    shape[1] %= 120;
                check_copy((weir_dtype)dtype, rank, shape);
            }
        }
    }
}

/* Every remainder of the tile sizes in both directions, for the pure transposition. */
static void test_transpositions_of_all_small_sizes_are_exact(void **state)
{
    (void)state;
    static const weir_dtype types[] = {WEIR_I8, WEIR_I16, WEIR_F32, WEIR_F64,
                                       WEIR_STRING};
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
        size_t each = weir_dtype_bytes(types[k]);
        int64_t most = each == 1 ? 70 : 40;
        for (int64_t n = 1; n <= most; n++) {
            for (int64_t m = 1; m <= most; m += n % 3 + 1) {
                size_t bytes = (size_t)(n * m) * each;
                unsigned char *a = malloc(bytes), *b = malloc(bytes);
                for (size_t i = 0; i < bytes; i++)
                    a[i] = (unsigned char)random_bits();
                weir_tensor from, to = view_of(b, types[k], 2, (int64_t[]){n, m});
                expect_ok(
                    weir_tensor_init_fortran(&from, a, types[k], 2, to.shape, &err));
                expect_ok(weir_tensor_copy(&to, &from, &err));
                for (int64_t i = 0; i < n; i++) {
                    for (int64_t j = 0; j < m; j++)
                        assert_memory_equal(b + (size_t)(i * m + j) * each,
                                            a + (size_t)(j * n + i) * each, each);
                }
                free(a);
                free(b);
            }
        }
    }
}

/* Large enough to be streamed past the caches, with a remainder in both directions. */
static void check_large(weir_dtype dtype, int64_t n, int64_t m)
{
    size_t each = weir_dtype_bytes(dtype);
    weir_buffer *out = NULL;
    unsigned char *a = malloc((size_t)(n * m) * each);
    assert_non_null(a);
    for (size_t i = 0; i < (size_t)(n * m) * each; i++)
        a[i] = (unsigned char)(i * 2654435761u >> 13);
    weir_tensor from;
    expect_ok(weir_tensor_init_fortran(&from, a, dtype, 2, (int64_t[]){n, m}, &err));
    expect_ok(weir_buffer_from(&out, &from, &err));
    const unsigned char *b = weir_buffer_view(out).data;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < m; j++) {
            if (memcmp(b + (size_t)(i * m + j) * each, a + (size_t)(j * n + i) * each,
                       each) != 0)
                fail_msg("[%d,%d] of [%d,%d] differs", (int)i, (int)j, (int)n, (int)m);
        }
    }
    weir_buffer_unref(out);
    free(a);
}

static void test_large_transpositions_are_exact(void **state)
{
    (void)state;
    check_large(WEIR_F64, 1025, 1028);
    check_large(WEIR_F64, 1111, 1001);
    check_large(WEIR_F32, 1500, 1496);
    check_large(WEIR_I16, 2049, 2064);
    check_large(WEIR_U8, 2900, 2912);
}

/* Streamed gathers: backwards and with gaps, from a destination that begins anywhere. */
static void test_large_gathers_are_exact(void **state)
{
    (void)state;
    static const weir_dtype types[] = {WEIR_I8, WEIR_I16, WEIR_F32, WEIR_F64,
                                       WEIR_STRING};
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
        int64_t each = (int64_t)weir_dtype_bytes(types[k]);
        int64_t n = ((8 << 20) + 100) / each, step = k % 2 == 0 ? 2 * each + 1 : -each;
        size_t span = (size_t)((n - 1) * llabs(step) + each);
        char *a = malloc(span), *b = malloc((size_t)(n * each) + 3);
        assert_true(a != NULL && b != NULL);
        for (size_t i = 0; i < span; i++)
            a[i] = (char)(i * 2654435761u >> 11);
        weir_tensor from = view_1d(step < 0 ? a + span - each : a, types[k], n);
        weir_tensor to = view_1d(b + k % 4, types[k], n);
        from.stride[0] = step;
        expect_ok(weir_tensor_copy(&to, &from, &err));
        for (int64_t i = 0; i < n; i++) {
            if (memcmp((char *)to.data + i * each, (char *)from.data + i * step,
                       (size_t)each) != 0)
                fail_msg("element %d of %s differs", (int)i, weir_dtype_name(types[k]));
        }
        free(a);
        free(b);
    }
}

static void test_a_copy_onto_one_place_leaves_the_last_element(void **state)
{
    (void)state;
    int32_t from[3] = {1, 2, 3}, to[2] = {0, 7};
    weir_tensor f = view_1d(from, WEIR_I32, 3), t = view_1d(to, WEIR_I32, 3);
    t.stride[0] = 0;
    expect_ok(weir_tensor_copy(&t, &f, &err));
    assert_int_equal(to[0], 3);
    assert_int_equal(to[1], 7);
}

static void test_zero_extents_copy_nothing_and_need_no_memory(void **state)
{
    (void)state;
    weir_tensor f = view_of(NULL, WEIR_F64, 3, (int64_t[]){4, 0, 5}), t = f;
    t.stride[1] = 13;
    expect_ok(weir_tensor_copy(&t, &f, &err));
}

static void test_views_that_differ_are_refused_with_both_shapes(void **state)
{
    (void)state;
    double a[12] = {0}, b[12] = {5};
    weir_tensor f = view_of(a, WEIR_F64, 2, (int64_t[]){3, 4});
    weir_tensor t = view_of(b, WEIR_F64, 2, (int64_t[]){4, 3});
    expect_fail(weir_tensor_copy(&t, &f, &err), WEIR_ERR_SHAPE,
                "DOUBLE[3,4], destination DOUBLE[4,3]");
    t = view_1d(b, WEIR_F64, 12);
    expect_fail(weir_tensor_copy(&t, &f, &err), WEIR_ERR_SHAPE, "DOUBLE[12]");
    t = view_of(b, WEIR_I64, 2, (int64_t[]){3, 4});
    expect_fail(weir_tensor_copy(&t, &f, &err), WEIR_ERR_DTYPE, "INT64[3,4]");
    t = view_of(NULL, WEIR_F64, 2, (int64_t[]){3, 4});
    expect_fail(weir_tensor_copy(&t, &f, &err), WEIR_ERR_ARG, "null data pointer");
    expect_fail(weir_tensor_copy(NULL, &f, &err), WEIR_ERR_ARG, "null pointer");
    expect_fail(weir_tensor_copy(&f, NULL, &err), WEIR_ERR_ARG, "null pointer");
    t = view_of(b, WEIR_F64, 2, (int64_t[]){3, 4});
    t.device.kind = WEIR_CUDA;
    expect_fail(weir_tensor_copy(&t, &f, &err), WEIR_ERR_UNSUPPORTED, "destination on 2");
    assert_true(b[0] == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_of_random_views_agree_with_one_element_at_a_time),
        cmocka_unit_test(test_transpositions_of_all_small_sizes_are_exact),
        cmocka_unit_test(test_large_transpositions_are_exact),
        cmocka_unit_test(test_large_gathers_are_exact),
        cmocka_unit_test(test_a_copy_onto_one_place_leaves_the_last_element),
        cmocka_unit_test(test_zero_extents_copy_nothing_and_need_no_memory),
        cmocka_unit_test(test_views_that_differ_are_refused_with_both_shapes),
    };
    return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
