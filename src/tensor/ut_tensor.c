/* SPDX-License-Identifier: BSD-3-Clause */
/* Element types and views: filling, checking, counting, naming. */
#include <stdlib.h>

#include "support/expect.h"

static void test_the_type_table_is_complete_and_parses_its_own_names(void **state)
{
    (void)state;
    static const size_t bytes[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 1, 16};
    assert_int_equal(sizeof bytes / sizeof bytes[0], WEIR_DTYPE_COUNT);
    for (int i = 0; i < WEIR_DTYPE_COUNT; i++) {
        weir_dtype t = WEIR_DTYPE_COUNT;
        assert_int_equal(weir_dtype_bytes((weir_dtype)i), bytes[i]);
        expect_ok(weir_dtype_parse(weir_cstr(weir_dtype_name((weir_dtype)i)), &t));
        assert_int_equal(t, i);
    }
    weir_dtype t = WEIR_F32;
    expect_ok(weir_dtype_parse(WEIR_STR("double"), &t));
    assert_int_equal(t, WEIR_F64);
    assert_int_equal(weir_dtype_parse(WEIR_STR("FLOA"), &t), WEIR_ERR_DTYPE);
    assert_int_equal(weir_dtype_parse(WEIR_STR("FLOATS"), &t), WEIR_ERR_DTYPE);
    assert_int_equal(weir_dtype_parse((weir_str){0}, &t), WEIR_ERR_DTYPE);
    assert_int_equal(t, WEIR_F64);
    assert_int_equal(weir_dtype_bytes((weir_dtype)-1), 0);
    assert_int_equal(weir_dtype_bytes(WEIR_DTYPE_COUNT), 0);
    assert_string_equal(weir_dtype_name((weir_dtype)99), "?");
}

static void test_orders_differ_in_strides_only(void **state)
{
    (void)state;
    double a[24];
    weir_tensor c, f;
    int64_t shape[] = {2, 3, 4};
    expect_ok(weir_tensor_init(&c, a, WEIR_F64, 3, shape, &err));
    expect_ok(weir_tensor_init_fortran(&f, a, WEIR_F64, 3, shape, &err));
    assert_int_equal(c.stride[0], 96);
    assert_int_equal(c.stride[1], 32);
    assert_int_equal(c.stride[2], 8);
    assert_int_equal(f.stride[0], 8);
    assert_int_equal(f.stride[1], 16);
    assert_int_equal(f.stride[2], 48);
    assert_true(weir_tensor_is_contiguous(&c));
    assert_false(weir_tensor_is_contiguous(&f));
    assert_int_equal(weir_tensor_count(&f), 24);
    assert_int_equal(weir_tensor_bytes(&f), 192);
}

static void test_extents_of_one_do_not_break_contiguity(void **state)
{
    (void)state;
    float a[6];
    weir_tensor t = view_of(a, WEIR_F32, 3, (int64_t[]){1, 6, 1});
    t.stride[0] = -7;
    t.stride[2] = 1000;
    assert_true(weir_tensor_is_contiguous(&t));
    t.stride[1] = 8;
    assert_false(weir_tensor_is_contiguous(&t));
    t.shape[0] = 0;
    assert_true(weir_tensor_is_contiguous(&t));
}

static void test_rank_zero_is_one_element(void **state)
{
    (void)state;
    int16_t one = 5;
    weir_tensor t = view_of(&one, WEIR_I16, 0, NULL);
    assert_int_equal(weir_tensor_count(&t), 1);
    assert_int_equal(weir_tensor_bytes(&t), 2);
    assert_true(weir_tensor_is_contiguous(&t));
    expect_ok(weir_tensor_check(&t, &err));
}

static void test_what_is_no_view_is_refused_and_the_view_stays(void **state)
{
    (void)state;
    weir_tensor t = view_of(NULL, WEIR_F64, 1, (int64_t[]){3}), before = t;
    int64_t negative[] = {3, -1}, huge[] = {INT64_C(1) << 40, INT64_C(1) << 40};
    int64_t empty_huge[] = {0, INT64_C(1) << 40, INT64_C(1) << 40};
    expect_fail(weir_tensor_init(&t, NULL, WEIR_F64, 2, negative, &err), WEIR_ERR_SHAPE,
                "extent -1 of dimension 1 of 2");
    expect_fail(weir_tensor_init(&t, NULL, WEIR_F64, 2, huge, &err), WEIR_ERR_SHAPE,
                "overflows");
    expect_fail(weir_tensor_init(&t, NULL, WEIR_F64, 3, empty_huge, &err), WEIR_ERR_SHAPE,
                "overflows");
    expect_fail(weir_tensor_init(&t, NULL, WEIR_F64, 16, huge, &err), WEIR_ERR_SHAPE,
                "rank 16 is outside 0..15");
    expect_fail(weir_tensor_init(&t, NULL, WEIR_F64, -1, huge, &err), WEIR_ERR_SHAPE,
                "rank -1");
    expect_fail(weir_tensor_init(&t, NULL, (weir_dtype)77, 1, huge, &err), WEIR_ERR_DTYPE,
                "77");
    expect_fail(weir_tensor_init_fortran(&t, NULL, WEIR_F64, 1, NULL, &err), WEIR_ERR_ARG,
                "without a shape");
    expect_fail(weir_tensor_init(NULL, NULL, WEIR_F64, 0, NULL, &err), WEIR_ERR_ARG,
                "no view");
    assert_memory_equal(&t, &before, sizeof t);
}

static void test_memory_is_needed_unless_there_are_no_elements(void **state)
{
    (void)state;
    weir_tensor t = view_of(NULL, WEIR_F32, 2, (int64_t[]){2, 3});
    expect_fail(weir_tensor_check(&t, &err), WEIR_ERR_ARG, "FLOAT[2,3]: no memory");
    t.shape[1] = 0;
    expect_ok(weir_tensor_check(&t, &err));
    expect_fail(weir_tensor_check(NULL, &err), WEIR_ERR_ARG, "null pointer");
}

static void test_strides_that_leave_the_address_space_are_refused(void **state)
{
    (void)state;
    char a[4];
    weir_tensor t = view_1d(a, WEIR_I8, 3);
    static const int64_t bad[] = {INT64_MAX, INT64_MIN, -(INT64_MAX / 2),
                                  -(INT64_C(1) << 62)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        t.stride[0] = bad[i];
        expect_fail(weir_tensor_check(&t, &err), WEIR_ERR_SHAPE, "address space");
    }
    t.shape[0] = 1; /* then the stride reaches nothing */
    expect_ok(weir_tensor_check(&t, &err));
    t = view_of(a, WEIR_I8, 2, (int64_t[]){2, 2});
    t.stride[0] = t.stride[1] = INT64_MAX - 8;
    expect_fail(weir_tensor_check(&t, &err), WEIR_ERR_SHAPE, "dimension 1 of 2");
    t.stride[0] = -1; /* within memory on both sides */
    t.stride[1] = 1;
    t.data = a + 1;
    expect_ok(weir_tensor_check(&t, &err));
    t.device.kind = (weir_device_kind)5;
    expect_fail(weir_tensor_check(&t, &err), WEIR_ERR_ARG, "device kind 5");
}

static void test_text_names_type_and_shape_and_is_cut_to_the_room(void **state)
{
    (void)state;
    char text[64];
    weir_tensor t = view_of(NULL, WEIR_F32, 2, (int64_t[]){3, 4});
    assert_string_equal(weir_tensor_text(&t, text, sizeof text), "FLOAT[3,4]");
    assert_string_equal(weir_tensor_text(&t, text, 8), "FLOAT[3");
    assert_string_equal(weir_tensor_text(&t, text, 1), "");
    assert_string_equal(weir_tensor_text(&t, NULL, 0), "");
    t.rank = 0;
    assert_string_equal(weir_tensor_text(&t, text, sizeof text), "FLOAT[]");
    t.rank = 99;
    t.dtype = (weir_dtype)99;
    assert_string_equal(weir_tensor_text(&t, text, 5), "?[3,");
    assert_string_equal(weir_tensor_text(NULL, text, sizeof text), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_type_table_is_complete_and_parses_its_own_names),
        cmocka_unit_test(test_orders_differ_in_strides_only),
        cmocka_unit_test(test_extents_of_one_do_not_break_contiguity),
        cmocka_unit_test(test_rank_zero_is_one_element),
        cmocka_unit_test(test_what_is_no_view_is_refused_and_the_view_stays),
        cmocka_unit_test(test_memory_is_needed_unless_there_are_no_elements),
        cmocka_unit_test(test_strides_that_leave_the_address_space_are_refused),
        cmocka_unit_test(test_text_names_type_and_shape_and_is_cut_to_the_room),
    };
    return cmocka_run_group_tests_name("tensor", tests, NULL, NULL);
}
