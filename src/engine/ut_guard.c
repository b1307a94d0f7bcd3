/* SPDX-License-Identifier: BSD-3-Clause */
/* Guards against a plain loop, for every type, stride and mode. */
#include "engine/testing.h"

#include <math.h>

#include "engine/internal.h"

static const weir_guard not_finite = {.mode = WEIR_GUARD_COUNT};

static void test_counts_non_finite_values_of_every_float_type(void **state)
{
    (void)state;
    float f[] = {1, NAN, INFINITY, -INFINITY, -0.0f, 1e-40f, 3e38f};
    double d[] = {1, (double)NAN, (double)INFINITY, -(double)INFINITY, 0, 1e-310, 1e308};
    uint16_t h[] = {0x3c00, 0x7e00, 0x7c00, 0xfc00, 0x8000, 0x0001, 0x7bff};
    uint16_t b[] = {0x3f80, 0x7fc0, 0x7f80, 0xff80, 0x8000, 0x0001, 0x7f7f};
    weir_tensor t[] = {view2(WEIR_F32, f, 1, 7), view2(WEIR_F64, d, 1, 7),
                       view2(WEIR_F16, h, 1, 7), view2(WEIR_BF16, b, 1, 7)};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(wr_guard_count(&t[i], &not_finite), 3);
}

static void test_has_nothing_to_say_about_integers(void **state)
{
    (void)state;
    uint32_t u[] = {0x7f800000u, 0xffffffffu};
    weir_guard ranged = {.mode = WEIR_GUARD_FAIL, .ranged = true, .low = 0, .high = 1};
    weir_tensor t = view2(WEIR_U32, u, 1, 2);
    assert_int_equal(wr_guard_count(&t, &ranged), 0);
    wr_guard_mend(&t, &ranged);
    assert_int_equal(u[1], 0xffffffffu);
}

/* Every size from 0 to more than a vector, each bad place once: ends of vector loops. */
static void test_finds_one_bad_value_wherever_it_is(void **state)
{
    (void)state;
    float f[70];
    double d[70];
    for (int n = 1; n < 70; n++) {
        for (int bad = 0; bad < n; bad++) {
            for (int i = 0; i < n; i++) {
                f[i] = i == bad ? NAN : 1.0f;
                d[i] = i == bad ? -(double)INFINITY : 1.0;
            }
            weir_tensor a = floats(f, 1, n), b = view2(WEIR_F64, d, 1, n);
            assert_int_equal(wr_guard_count(&a, &not_finite), 1);
            assert_int_equal(wr_guard_count(&b, &not_finite), 1);
        }
    }
}

static void test_counts_more_bad_halves_than_a_small_sum_holds(void **state)
{
    (void)state;
    enum { N = 200000 };
    uint16_t *h = malloc(N * sizeof *h);
    assert_non_null(h);
    for (int i = 0; i < N; i++)
        h[i] = 0x7c00;
    weir_tensor t = view2(WEIR_F16, h, 1, N);
    assert_int_equal(wr_guard_count(&t, &not_finite), N);
    free(h);
}

static void test_reads_strided_views_as_they_are(void **state)
{
    (void)state;
    float f[4][6];
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 6; j++)
            f[i][j] = j % 2 == 0 ? 1.0f : NAN; /* odd columns are no part of the view */
    }
    f[2][4] = INFINITY;
    weir_tensor t = floats(&f[0][0], 4, 3);
    t.stride[0] = 6 * 4;
    t.stride[1] = 2 * 4;
    assert_int_equal(wr_guard_count(&t, &not_finite), 1);
    t.data = &f[3][0]; /* rows backwards */
    t.stride[0] = -6 * 4;
    assert_int_equal(wr_guard_count(&t, &not_finite), 1);
    weir_guard replace = {.mode = WEIR_GUARD_FALLBACK, .fallback = 7};
    wr_guard_mend(&t, &replace);
    assert_true(f[2][4] == 7.0f && isnan(f[2][3]));
}

static bool plainly_bad(double v, const weir_guard *g)
{
    return isnan(v) || isinf(v) || (g->ranged && (v < g->low || v > g->high));
}

static void test_range_agrees_with_a_plain_loop(void **state)
{
    (void)state;
    enum { N = 1000 };
    float f[N];
    double d[N];
    weir_guard g = {.mode = WEIR_GUARD_COUNT, .ranged = true, .low = -0.25, .high = 0.5};
    srand(3);
    for (int i = 0; i < N; i++) {
        f[i] = i % 97 == 0 ? NAN : (float)rand() / (float)RAND_MAX - 0.5f;
        d[i] = (double)f[i];
    }
    f[1] = 0.5f; /* the ends are in */
    d[1] = -0.25;
    weir_tensor a = floats(f, 10, 100), b = view2(WEIR_F64, d, 10, 100);
    uint64_t want_f = 0, want_d = 0;
    for (int i = 0; i < N; i++) {
        want_f += plainly_bad((double)f[i], &g);
        want_d += plainly_bad(d[i], &g);
    }
    assert_true(want_f > 100);
    assert_int_equal(wr_guard_count(&a, &g), want_f);
    assert_int_equal(wr_guard_count(&b, &g), want_d);
}

static void test_clamps_into_the_range_and_replaces_not_a_number(void **state)
{
    (void)state;
    float f[] = {-9, 0.5f, 9, NAN, INFINITY, -INFINITY};
    weir_guard g = {
        .mode = WEIR_GUARD_CLAMP, .ranged = true, .low = -1, .high = 2, .fallback = 0.25};
    weir_tensor t = floats(f, 1, 6);
    wr_guard_mend(&t, &g);
    float want[] = {-1, 0.5f, 2, 0.25f, 2, -1};
    assert_memory_equal(f, want, sizeof f);
}

static void test_fallback_replaces_each_bad_value(void **state)
{
    (void)state;
    double d[] = {-9, 0.5, (double)NAN, (double)INFINITY};
    weir_guard g = {
        .mode = WEIR_GUARD_FALLBACK, .ranged = true, .low = 0, .high = 1, .fallback = -3};
    weir_tensor t = view2(WEIR_F64, d, 2, 2);
    wr_guard_mend(&t, &g);
    double want[] = {-3, 0.5, -3, -3};
    assert_memory_equal(d, want, sizeof d);
}

static void test_clamping_halves_keeps_every_good_one(void **state)
{
    (void)state;
    /* Clamped to the whole range, each of the 65,536 patterns that is finite must come back as it
     * was: reading and writing halves are each other's inverse. */
    weir_guard all = {
        .mode = WEIR_GUARD_CLAMP, .ranged = true, .low = -1, .high = 1, .fallback = 0};
    for (uint32_t i = 0; i < 65536; i++) {
        uint16_t h = (uint16_t)i, b = (uint16_t)i;
        weir_tensor th = view2(WEIR_F16, &h, 1, 1), tb = view2(WEIR_BF16, &b, 1, 1);
        wr_guard_mend(&th, &all);
        wr_guard_mend(&tb, &all);
        uint16_t sign = (uint16_t)(i & 0x8000), rest = (uint16_t)(i & 0x7fff);
        uint16_t want_h = rest > 0x7c00   ? 0
                          : rest > 0x3c00 ? (uint16_t)(sign | 0x3c00)
                                          : (uint16_t)i;
        uint16_t want_b = rest > 0x7f80   ? 0
                          : rest > 0x3f80 ? (uint16_t)(sign | 0x3f80)
                                          : (uint16_t)i;
        assert_int_equal(h, want_h);
        assert_int_equal(b, want_b);
    }
}

static void test_fallback_of_halves_is_the_nearest_one(void **state)
{
    (void)state;
    const struct {
        double value;
        uint16_t half, bf16;
    } cases[] = {{1.0 / 3, 0x3555, 0x3eab}, {-2, 0xc000, 0xc000},
                 {65504, 0x7bff, 0x4780},   {1e-7, 0x0002, 0x33d7},
                 {6.1e-5, 0x03ff, 0x3880},  {0.1, 0x2e66, 0x3dcd},
                 {100.25, 0x5644, 0x42c8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_guard g = {.mode = WEIR_GUARD_FALLBACK, .fallback = cases[i].value};
        uint16_t h = 0x7e00, b = 0x7fc0;
        weir_tensor th = view2(WEIR_F16, &h, 1, 1), tb = view2(WEIR_BF16, &b, 1, 1);
        wr_guard_mend(&th, &g);
        wr_guard_mend(&tb, &g);
        assert_int_equal(h, cases[i].half);
        assert_int_equal(b, cases[i].bf16);
    }
}

static void test_empty_and_scalar_views(void **state)
{
    (void)state;
    float f = NAN;
    weir_tensor scalar = view_of(&f, WEIR_F32, 0, NULL), none = floats(&f, 0, 3);
    assert_int_equal(wr_guard_count(&scalar, &not_finite), 1);
    assert_int_equal(wr_guard_count(&none, &not_finite), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_non_finite_values_of_every_float_type),
        cmocka_unit_test(test_has_nothing_to_say_about_integers),
        cmocka_unit_test(test_finds_one_bad_value_wherever_it_is),
        cmocka_unit_test(test_counts_more_bad_halves_than_a_small_sum_holds),
        cmocka_unit_test(test_reads_strided_views_as_they_are),
        cmocka_unit_test(test_range_agrees_with_a_plain_loop),
        cmocka_unit_test(test_clamps_into_the_range_and_replaces_not_a_number),
        cmocka_unit_test(test_fallback_replaces_each_bad_value),
        cmocka_unit_test(test_clamping_halves_keeps_every_good_one),
        cmocka_unit_test(test_fallback_of_halves_is_the_nearest_one),
        cmocka_unit_test(test_empty_and_scalar_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
