/* SPDX-License-Identifier: BSD-3-Clause */
/* Elements as doubles: half precision against a table of its 65,536 values made another way; cutting to
 * ranges; comparisons as numpy.allclose makes them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/check.c" /* the program's sources are not part of weir_core */
#include "cli/number.c"

static void test_every_half_precision_value_survives(void **state)
{
    (void)state;
    double last = -1;
    for (unsigned h = 0; h < 0x7c00; h++) { /* finite, not negative: rising */
        uint16_t in = (uint16_t)h, out = 0;
        double v = 0, negative = 0;
        assert_true(number_get(WEIR_F16, &in, &v));
        assert_true(v > last);
        last = v;
        assert_true(number_set(WEIR_F16, &out, v));
        assert_int_equal(out, in);
        in |= 0x8000;
        assert_true(number_get(WEIR_F16, &in, &negative));
        assert_true(negative == -v);
        assert_true(number_set(WEIR_F16, &out, negative));
        assert_int_equal(out, in);
    }
    assert_true(last == 65504);
}

static void test_half_precision_rounds_to_the_nearest_even(void **state)
{
    (void)state;
    static const struct {
        double v;
        uint16_t want;
    } cases[] = {{1, 0x3c00},
                 {1 + 0x1p-11, 0x3c00},
                 {1 + 3 * 0x1p-11, 0x3c02},
                 {0x1p-25, 0},
                 {0x1.8p-25, 1},
                 {65519, 0x7bff},
                 {65520, 0x7c00},
                 {-1e9, 0xfc00},
                 {(double)INFINITY, 0x7c00},
                 {0x1p-14, 0x400},
                 {1024 * 0x1p-24 - 0x1p-26, 0x400}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t got = 0;
        assert_true(number_set(WEIR_F16, &got, cases[i].v));
        if (got != cases[i].want)
            fail_msg("%a gives %#x, expected %#x", cases[i].v, got, cases[i].want);
    }
}

static void test_bfloat_values_survive_and_round(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 0x7f80; h++) {
        uint16_t in = (uint16_t)h, out = 0;
        double v = 0;
        assert_true(number_get(WEIR_BF16, &in, &v));
        assert_true(number_set(WEIR_BF16, &out, v));
        assert_int_equal(out, in);
    }
    uint16_t got = 0;
    assert_true(number_set(WEIR_BF16, &got, 1 + 0x1p-8));
    assert_int_equal(got, 0x3f80);
    assert_true(number_set(WEIR_BF16, &got, 1 + 3 * 0x1p-8));
    assert_int_equal(got, 0x3f82);
}

static void test_whole_numbers_are_cut_to_their_range(void **state)
{
    (void)state;
    static const struct {
        weir_dtype type;
        double low, high;
    } cases[] = {{WEIR_I8, -128, 127},
                 {WEIR_I16, -32768, 32767},
                 {WEIR_I32, -0x1p31, 0x1p31 - 1},
                 {WEIR_U8, 0, 255},
                 {WEIR_U16, 0, 65535},
                 {WEIR_U32, 0, 0x1p32 - 1},
                 {WEIR_I64, -0x1p63, 0x1.fffffffffffffp62},
                 {WEIR_U64, 0, 0x1.fffffffffffffp63}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t room = 0;
        double v = 0;
        assert_true(number_set(cases[i].type, &room, 1e30));
        assert_true(number_get(cases[i].type, &room, &v));
        assert_true(v == cases[i].high);
        assert_true(number_set(cases[i].type, &room, -1e30));
        assert_true(number_get(cases[i].type, &room, &v));
        assert_true(v == cases[i].low);
        assert_true(number_set(cases[i].type, &room, (double)NAN));
        assert_true(number_get(cases[i].type, &room, &v));
        assert_true(v == 0);
    }
    weir_str s;
    assert_false(number_set(WEIR_STRING, &s, 1));
}

static weir_tensor vector(double *p, int64_t n)
{
    weir_tensor t;
    assert_int_equal(weir_tensor_init(&t, p, WEIR_F64, 1, &n, NULL), WEIR_OK);
    return t;
}

static void test_comparison_counts_what_is_beyond_the_tolerance(void **state)
{
    (void)state;
    double got[] = {
        1, 2.1, 3, (double)NAN, (double)NAN, (double)INFINITY, (double)INFINITY, 0};
    double want[] = {1, 2, 3.0000001, (double)NAN, 1, (double)INFINITY, 1, 1e-9};
    weir_tensor a = vector(got, 8), b = vector(want, 8);
    comparison c;
    assert_int_equal(check_compare(&a, &b, 1e-5, 1e-8, &c, NULL), WEIR_OK);
    assert_int_equal(c.n, 8);
    assert_int_equal(c.n_beyond, 3); /* 2.1, the lone not-a-number, the lone infinity */
    assert_true(isinf(c.worst_abs));
    assert_int_equal(c.worst_at, 4);
    assert_int_equal(check_compare(&a, &b, 0.06, 0, &c, NULL), WEIR_OK);
    assert_int_equal(c.n_beyond, 3); /* now 2.1 is within, and 0 against 1e-9 is not */
}

static void test_comparison_of_other_shapes_is_refused(void **state)
{
    (void)state;
    double x[] = {1, 2, 3};
    weir_tensor a = vector(x, 3), b = vector(x, 2);
    weir_error err = {0};
    comparison c;
    assert_int_equal(check_compare(&a, &b, 0, 0, &c, &err), WEIR_ERR_SHAPE);
    assert_non_null(strstr(err.text, "DOUBLE[3]"));
    assert_non_null(strstr(err.text, "DOUBLE[2]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half_precision_value_survives),
        cmocka_unit_test(test_half_precision_rounds_to_the_nearest_even),
        cmocka_unit_test(test_bfloat_values_survive_and_round),
        cmocka_unit_test(test_whole_numbers_are_cut_to_their_range),
        cmocka_unit_test(test_comparison_counts_what_is_beyond_the_tolerance),
        cmocka_unit_test(test_comparison_of_other_shapes_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
