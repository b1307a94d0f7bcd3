/* SPDX-License-Identifier: BSD-3-Clause */
/* Datasets: order, appending, views, refusals, failing allocations. */
#include "support/expect.h"
#include "tensor/dataset.h"

static weir_dataset *new_dataset(void)
{
    weir_dataset *ds = NULL;
    expect_ok(weir_dataset_new(&ds, WEIR_STR("d1"), &err));
    return ds;
}

static void expect_name(weir_str name, const char *want)
{
    assert_int_equal(name.n, strlen(want));
    assert_memory_equal(name.p, want, name.n);
}

static void test_tensors_keep_their_order_and_are_copies(void **state)
{
    (void)state;
    weir_dataset *ds = new_dataset();
    int32_t a[6] = {1, 2, 3, 4, 5, 6}, out[6] = {0};
    weir_tensor t, v, into = view_of(out, WEIR_I32, 2, (int64_t[]){2, 3});
    expect_ok(weir_tensor_init_fortran(&t, a, WEIR_I32, 2, (int64_t[]){2, 3}, &err));
    expect_ok(weir_dataset_add_tensor(ds, WEIR_STR("z"), &t, &err));
    expect_ok(weir_dataset_add_tensor(ds, WEIR_STR("a"), &t, &err));
    memset(a, 0, sizeof a);
    weir_str name;
    weir_buffer *b = NULL;
    assert_int_equal(weir_dataset_n_tensors(ds), 2);
    assert_true(weir_dataset_tensor_at(ds, 0, &name, &b));
    expect_name(name, "z");
    assert_int_equal(weir_buffer_refs(b), 1);
    assert_true(weir_dataset_tensor_at(ds, 1, &name, NULL));
    expect_name(name, "a");
    assert_false(weir_dataset_tensor_at(ds, 2, &name, &b));
    expect_ok(weir_dataset_tensor(ds, WEIR_STR("a"), &v, &err));
    assert_memory_equal(v.data, ((int32_t[]){1, 3, 5, 2, 4, 6}), 24);
    expect_ok(weir_dataset_get_tensor(ds, WEIR_STR("z"), &into, &err));
    assert_memory_equal(out, v.data, 24);
    expect_name(weir_dataset_name(ds), "d1");
    weir_dataset_free(ds);
}

static void test_a_buffer_is_shared_not_copied_and_outlives_the_dataset(void **state)
{
    (void)state;
    weir_dataset *ds = new_dataset();
    weir_buffer *b = NULL;
    weir_tensor v;
    expect_ok(weir_buffer_new(&b, WEIR_F32, 0, NULL, &err));
    expect_ok(weir_dataset_add_buffer(ds, WEIR_STR("x"), b, &err));
    assert_int_equal(weir_buffer_refs(b), 2);
    expect_ok(weir_dataset_tensor(ds, WEIR_STR("x"), &v, &err));
    assert_ptr_equal(v.data, weir_buffer_view(b).data);
    weir_dataset_free(ds);
    assert_int_equal(weir_buffer_refs(b), 1);
    weir_buffer_unref(b);
}

static void test_names_that_cannot_be_are_refused(void **state)
{
    (void)state;
    weir_dataset *ds = new_dataset(), *other = NULL;
    double one = 1;
    weir_tensor t = view_of(&one, WEIR_F64, 0, NULL);
    static char long_name[WEIR_KEY_MAX + 1];
    memset(long_name, 'x', sizeof long_name);
    expect_fail(weir_dataset_add_tensor(ds, WEIR_STR(".meta"), &t, &err), WEIR_ERR_ARG,
                "'.meta'");
    expect_fail(weir_dataset_add_tensor(ds, (weir_str){0}, &t, &err), WEIR_ERR_ARG,
                "empty");
    expect_fail(weir_dataset_add_tensor(ds, WEIR_STR("a\0b"), &t, &err), WEIR_ERR_ARG,
                "NUL");
    expect_ok(weir_dataset_add_tensor(ds, WEIR_STR("x"), &t, &err));
    expect_fail(weir_dataset_add_tensor(ds, WEIR_STR("x"), &t, &err), WEIR_ERR_EXISTS,
                "'x'");
    expect_fail(
        weir_dataset_add_scalars(ds, WEIR_STR(".tensor_names"), WEIR_F64, &one, 1, &err),
        WEIR_ERR_ARG, "'.tensor_names'");
    expect_fail(weir_dataset_add_string(ds, WEIR_STR(".COMPLETE"), WEIR_STR("1"), &err),
                WEIR_ERR_ARG, "'.COMPLETE'");
    expect_fail(weir_dataset_add_string(ds, (weir_str){0}, WEIR_STR("1"), &err),
                WEIR_ERR_ARG, "empty");
    expect_fail(weir_dataset_new(&other, (weir_str){long_name, sizeof long_name}, &err),
                WEIR_ERR_ARG, "65536 bytes");
    expect_fail(weir_dataset_new(&other, (weir_str){0}, &err), WEIR_ERR_ARG, "empty");
    assert_null(other);
    assert_int_equal(weir_dataset_n_tensors(ds), 1);
    assert_int_equal(weir_dataset_n_fields(ds), 0);
    weir_dataset_free(ds);
}

static void test_null_pointers_are_refused(void **state)
{
    (void)state;
    weir_dataset *ds = new_dataset();
    weir_tensor t = {0};
    size_t n;
    weir_dtype type;
    const void *p;
    expect_fail(weir_dataset_new(NULL, WEIR_STR("x"), &err), WEIR_ERR_ARG,
                "null pointer");
    expect_fail(weir_dataset_add_tensor(NULL, WEIR_STR("x"), &t, &err), WEIR_ERR_ARG,
                "null");
    expect_fail(weir_dataset_add_tensor(ds, WEIR_STR("x"), NULL, &err), WEIR_ERR_ARG,
                "null");
    expect_fail(weir_dataset_add_buffer(ds, WEIR_STR("x"), NULL, &err), WEIR_ERR_ARG,
                "null");
    expect_fail(weir_dataset_tensor(ds, WEIR_STR("x"), NULL, &err), WEIR_ERR_ARG, "null");
    expect_fail(weir_dataset_scalars(ds, WEIR_STR("x"), &type, &p, NULL, &err),
                WEIR_ERR_ARG, "null");
    expect_fail(weir_dataset_strings(ds, WEIR_STR("x"), NULL, &n, &err), WEIR_ERR_ARG,
                "null");
    expect_fail(weir_dataset_add_scalars(ds, WEIR_STR("x"), WEIR_F64, NULL, 2, &err),
                WEIR_ERR_ARG, "2 values");
    expect_fail(weir_dataset_add_string(ds, WEIR_STR("x"), (weir_str){NULL, 3}, &err),
                WEIR_ERR_ARG, "3 characters");
    assert_false(weir_dataset_has_field(NULL, WEIR_STR("x")));
    weir_dataset_clear_field(NULL, WEIR_STR("x"));
    weir_dataset_free(NULL);
    assert_int_equal(weir_dataset_n_fields(ds), 0);
    weir_dataset_free(ds);
}

static void test_missing_tensors_and_other_shapes_are_refused_by_name(void **state)
{
    (void)state;
    weir_dataset *ds = new_dataset();
    float a[4] = {0};
    weir_tensor t = view_1d(a, WEIR_F32, 4), v = t;
    expect_fail(weir_dataset_tensor(ds, WEIR_STR("u"), &v, &err), WEIR_ERR_KEY,
                "'d1' has no tensor 'u'");
    expect_ok(weir_dataset_add_tensor(ds, WEIR_STR("u"), &t, &err));
    v.shape[0] = 3;
    expect_fail(weir_dataset_get_tensor(ds, WEIR_STR("u"), &v, &err), WEIR_ERR_SHAPE,
                "FLOAT[4], destination FLOAT[3]");
    v.shape[0] = 4;
    v.dtype = WEIR_I32;
    expect_fail(weir_dataset_get_tensor(ds, WEIR_STR("u"), &v, &err), WEIR_ERR_DTYPE,
                "INT32");
    weir_dataset_free(ds);
}

static void test_fields_append_and_keep_type_and_order(void **state)
{
    (void)state;
    weir_dataset *ds = new_dataset();
    double d[3] = {1.5, 2.5, 3.5};
    int32_t i = 7;
    weir_dtype type;
    const void *values;
    const weir_str *strings;
    size_t n;
    weir_str name;
    expect_ok(weir_dataset_add_string(ds, WEIR_STR("str"), WEIR_STR("ab"), &err));
    expect_ok(weir_dataset_add_scalars(ds, WEIR_STR("s"), WEIR_F64, d, 1, &err));
    expect_ok(weir_dataset_add_scalars(ds, WEIR_STR("i"), WEIR_I32, &i, 1, &err));
    expect_ok(weir_dataset_add_scalars(ds, WEIR_STR("s"), WEIR_F64, d + 1, 2, &err));
    expect_ok(weir_dataset_add_string(ds, WEIR_STR("str"), WEIR_STR("c\0e"), &err));
    expect_ok(weir_dataset_add_string(ds, WEIR_STR("str"), (weir_str){0}, &err));
    expect_ok(weir_dataset_scalars(ds, WEIR_STR("s"), &type, &values, &n, &err));
    assert_int_equal(type, WEIR_F64);
    assert_int_equal(n, 3);
    assert_memory_equal(values, d, sizeof d);
    expect_ok(weir_dataset_strings(ds, WEIR_STR("str"), &strings, &n, &err));
    assert_int_equal(n, 3);
    assert_memory_equal(strings[1].p, "c\0e", 3);
    assert_int_equal(strings[2].n, 0);
    assert_true(weir_dataset_field_at(ds, 2, &name, &type));
    expect_name(name, "i");
    assert_int_equal(type, WEIR_I32);
    assert_true(weir_dataset_field_at(ds, 0, NULL, &type));
    assert_int_equal(type, WEIR_STRING);
    assert_false(weir_dataset_field_at(ds, 3, &name, &type));
    assert_int_equal(wr_dataset_footprint(ds), 2 + (3 + 3 * 16 + 5) + (1 + 24) + (1 + 4));

    expect_fail(weir_dataset_add_scalars(ds, WEIR_STR("s"), WEIR_F32, d, 1, &err),
                WEIR_ERR_DTYPE, "holds 3 DOUBLE, FLOAT can't be added");
    expect_fail(weir_dataset_add_scalars(ds, WEIR_STR("str"), WEIR_F32, d, 1, &err),
                WEIR_ERR_DTYPE, "STRING");
    expect_fail(weir_dataset_add_string(ds, WEIR_STR("s"), WEIR_STR("x"), &err),
                WEIR_ERR_DTYPE, "DOUBLE");
    expect_fail(weir_dataset_add_scalars(ds, WEIR_STR("new"), WEIR_I8, d, 1, &err),
                WEIR_ERR_DTYPE, "INT8");
    expect_fail(weir_dataset_scalars(ds, WEIR_STR("str"), &type, &values, &n, &err),
                WEIR_ERR_DTYPE, "strings");
    expect_fail(weir_dataset_strings(ds, WEIR_STR("s"), &strings, &n, &err),
                WEIR_ERR_DTYPE, "DOUBLE");
    expect_fail(weir_dataset_scalars(ds, WEIR_STR("no"), &type, &values, &n, &err),
                WEIR_ERR_KEY, "no field 'no'");
    weir_dataset_free(ds);
}

static void test_a_cleared_field_is_gone_and_may_come_back_with_another_type(void **state)
{
    (void)state;
    weir_dataset *ds = new_dataset();
    int64_t v = 1;
    weir_str name;
    for (const char *f = "abc"; *f != '\0'; f++)
        expect_ok(weir_dataset_add_scalars(ds, (weir_str){f, 1}, WEIR_I64, &v, 1, &err));
    weir_dataset_clear_field(ds, WEIR_STR("b"));
    weir_dataset_clear_field(ds, WEIR_STR("b"));
    assert_false(weir_dataset_has_field(ds, WEIR_STR("b")));
    assert_int_equal(weir_dataset_n_fields(ds), 2);
    assert_true(weir_dataset_field_at(ds, 1, &name, NULL));
    expect_name(name, "c");
    expect_ok(weir_dataset_add_string(ds, WEIR_STR("b"), WEIR_STR("text"), &err));
    assert_true(weir_dataset_has_field(ds, WEIR_STR("b")));
    weir_dataset_free(ds);
}

static void test_many_names_are_found(void **state)
{
    (void)state;
    weir_dataset *ds = new_dataset();
    char name[16];
    const void *p;
    weir_dtype type;
    size_t n;
    for (int i = 0; i < 2000; i++) {
        weir_str s = {name, (size_t)snprintf(name, sizeof name, "f%d", i)};
        expect_ok(weir_dataset_add_scalars(ds, s, WEIR_I32, &i, 1, &err));
    }
    for (int i = 1999; i >= 0; i--) {
        weir_str s = {name, (size_t)snprintf(name, sizeof name, "f%d", i)};
        expect_ok(weir_dataset_scalars(ds, s, &type, &p, &n, &err));
        assert_int_equal(*(const int32_t *)p, i);
    }
    weir_dataset_free(ds);
}

/* All adding calls; what failed must not be seen. */
static weir_status fill(weir_dataset *ds, int *n_done)
{
    double d[2] = {1, 2};
    weir_tensor t = {
        .data = d, .dtype = WEIR_F64, .rank = 1, .shape = {2}, .stride = {8}};
    weir_status st = weir_dataset_add_tensor(ds, WEIR_STR("x"), &t, &err);
    *n_done = st == WEIR_OK;
    if (st == WEIR_OK)
        st = weir_dataset_add_scalars(ds, WEIR_STR("s"), WEIR_F64, d, 2, &err);
    *n_done += st == WEIR_OK;
    if (st == WEIR_OK)
        st = weir_dataset_add_string(ds, WEIR_STR("t"), WEIR_STR("text"), &err);
    *n_done += st == WEIR_OK;
    return st;
}

static void test_every_failing_allocation_leaves_the_dataset_as_before(void **state)
{
    (void)state;
    weir_status st = WEIR_ERR_NOMEM;
    int n = 0;
    for (; st != WEIR_OK; n++) {
        weir_dataset *ds = NULL;
        int n_done = 0;
        weir_memory_trim(0);
        wr_fail_allocation_after(n);
        st = weir_dataset_new(&ds, WEIR_STR("d"), &err);
        if (st == WEIR_OK)
            st = fill(ds, &n_done);
        wr_fail_allocation_after(-1);
        assert_true(st == WEIR_OK || st == WEIR_ERR_NOMEM);
        if (ds != NULL) {
            size_t there = weir_dataset_n_tensors(ds) + weir_dataset_n_fields(ds);
            assert_int_equal(there, n_done);
            assert_int_equal(weir_dataset_has_field(ds, WEIR_STR("t")), n_done > 2);
        }
        weir_dataset_free(ds);
    }
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_keep_their_order_and_are_copies),
        cmocka_unit_test(test_a_buffer_is_shared_not_copied_and_outlives_the_dataset),
        cmocka_unit_test(test_names_that_cannot_be_are_refused),
        cmocka_unit_test(test_null_pointers_are_refused),
        cmocka_unit_test(test_missing_tensors_and_other_shapes_are_refused_by_name),
        cmocka_unit_test(test_fields_append_and_keep_type_and_order),
        cmocka_unit_test(
            test_a_cleared_field_is_gone_and_may_come_back_with_another_type),
        cmocka_unit_test(test_many_names_are_found),
        cmocka_unit_test(test_every_failing_allocation_leaves_the_dataset_as_before),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
