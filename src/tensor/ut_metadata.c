/* SPDX-License-Identifier: BSD-3-Clause */
/* The metadata codec against recorded bytes of a SmartRedis client, and against broken ones. */
#include "support/expect.h"
#include "tensor/metadata.h"

#define FIELD(name, bytes)                                                               \
    {                                                                                    \
        {name, sizeof(name) - 1},                                                        \
        {                                                                                \
            bytes, sizeof(bytes) - 1                                                     \
        }                                                                                \
    }

/* What SmartRedis 0.6.1 sent for {x, y; s = 1.5, 1.5; i = 7; str = "ab", "cde"}. */
static const wr_field golden[] = {
    FIELD("str", "\x07\x02\0\0\0\0\0\0\0ab\x03\0\0\0\0\0\0\0cde"),
    FIELD("s", "\x01\0\0\0\0\0\0\xf8?\0\0\0\0\0\0\xf8?"),
    FIELD("i", "\x03\x07\0\0\0"),
    FIELD(".tensor_names", "\x07\x01\0\0\0\0\0\0\0x\x01\0\0\0\0\0\0\0y"),
    FIELD(".COMPLETE", "1"),
};
enum { N_GOLDEN = sizeof golden / sizeof golden[0] };

static weir_dataset *golden_dataset(void)
{
    weir_dataset *ds = NULL;
    double s = 1.5;
    int32_t i = 7;
    float a = 0;
    weir_tensor t = view_of(&a, WEIR_F32, 0, NULL);
    expect_ok(weir_dataset_new(&ds, WEIR_STR("d1"), &err));
    expect_ok(weir_dataset_add_tensor(ds, WEIR_STR("x"), &t, &err));
    expect_ok(weir_dataset_add_tensor(ds, WEIR_STR("y"), &t, &err));
    expect_ok(weir_dataset_add_string(ds, WEIR_STR("str"), WEIR_STR("ab"), &err));
    expect_ok(weir_dataset_add_scalars(ds, WEIR_STR("s"), WEIR_F64, &s, 1, &err));
    expect_ok(weir_dataset_add_scalars(ds, WEIR_STR("i"), WEIR_I32, &i, 1, &err));
    expect_ok(weir_dataset_add_scalars(ds, WEIR_STR("s"), WEIR_F64, &s, 1, &err));
    expect_ok(weir_dataset_add_string(ds, WEIR_STR("str"), WEIR_STR("cde"), &err));
    return ds;
}

static void expect_str(weir_str s, weir_str want)
{
    assert_int_equal(s.n, want.n);
    assert_memory_equal(s.p, want.p, want.n);
}

static void test_encoding_gives_the_bytes_that_smartredis_sends(void **state)
{
    (void)state;
    weir_dataset *ds = golden_dataset();
    for (int complete = 0; complete < 2; complete++) {
        wr_fields *f = NULL;
        expect_ok(wr_metadata_encode(&f, ds, complete, &err));
        assert_int_equal(f->n, N_GOLDEN - 1 + complete);
        for (size_t i = 0; i < f->n; i++) {
            expect_str(f->f[i].name, golden[i].name);
            expect_str(f->f[i].bytes, golden[i].bytes);
        }
        wr_fields_unref(f);
    }
    weir_dataset_free(ds);
}

static void test_decoding_gives_values_and_names_back(void **state)
{
    (void)state;
    wr_fields *f = NULL;
    weir_dataset *ds = NULL;
    weir_str *names = NULL;
    size_t n_names = 0, n;
    weir_dtype type;
    const void *values;
    const weir_str *strings;
    expect_ok(wr_fields_new(&f, golden, N_GOLDEN, &err));
    expect_ok(wr_metadata_decode(&ds, WEIR_STR("d1"), f, &names, &n_names, &err));
    assert_int_equal(n_names, 2);
    expect_str(names[0], WEIR_STR("x"));
    expect_str(names[1], WEIR_STR("y"));
    assert_int_equal(weir_dataset_n_fields(ds), 3);
    assert_int_equal(weir_dataset_n_tensors(ds), 0);
    expect_ok(weir_dataset_scalars(ds, WEIR_STR("s"), &type, &values, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal((uintptr_t)values % 8, 0);
    assert_true(((const double *)values)[1] == 1.5);
    expect_ok(weir_dataset_strings(ds, WEIR_STR("str"), &strings, &n, &err));
    assert_int_equal(n, 2);
    expect_str(strings[1], WEIR_STR("cde"));
    wr_free(names);
    weir_dataset_free(ds);
    wr_fields_unref(f);
}

static void test_every_scalar_type_and_empty_fields_survive_the_round_trip(void **state)
{
    (void)state;
    static const wr_field all[] = {
        FIELD("f64", "\x01"
                     "12345678abcdefgh"),
        FIELD("f32", "\x02"
                     "12345678"),
        FIELD("i32", "\x03"
                     "1234"),
        FIELD("i64", "\x04"
                     "12345678"),
        FIELD("u32", "\x05"
                     "1234"),
        FIELD("u64", "\x06"
                     "12345678"),
        FIELD("none", "\x02"),
        FIELD("no strings", "\x07"),
        FIELD("empty string", "\x07\0\0\0\0\0\0\0\0"),
    };
    enum { N = sizeof all / sizeof all[0] };
    wr_fields *f = NULL, *again = NULL;
    weir_dataset *ds = NULL;
    weir_str *names = NULL;
    size_t n_names = 9;
    expect_ok(wr_fields_new(&f, all, N, &err));
    expect_ok(wr_metadata_decode(&ds, WEIR_STR("d"), f, &names, &n_names, &err));
    assert_null(names);
    assert_int_equal(n_names, 0);
    expect_ok(wr_metadata_encode(&again, ds, false, &err));
    assert_int_equal(again->n, N);
    for (size_t i = 0; i < N; i++) {
        expect_str(again->f[i].name, all[i].name);
        expect_str(again->f[i].bytes, all[i].bytes);
    }
    wr_fields_unref(again);
    wr_fields_unref(f);
    weir_dataset_free(ds);
}

static void refuse(const wr_field *fields, size_t n, const char *words)
{
    wr_fields *f = NULL;
    weir_dataset *ds = NULL;
    weir_str *names = NULL;
    size_t n_names = 77;
    expect_ok(wr_fields_new(&f, fields, n, &err));
    expect_fail(wr_metadata_decode(&ds, WEIR_STR("d"), f, &names, &n_names, &err),
                WEIR_ERR_FORMAT, words);
    assert_true(ds == NULL && names == NULL && n_names == 77);
    wr_fields_unref(f);
}

static void test_broken_bytes_are_refused_with_field_offset_and_numbers(void **state)
{
    (void)state;
    static const struct {
        wr_field field;
        const char *words;
    } cases[] = {
        {FIELD("a", ""), "field 'a' has 0 bytes"},
        {FIELD("a", "\0"), "type byte 0 at offset 0"},
        {FIELD("a", "\x08"), "type byte 8"},
        {FIELD("a", "\xff"), "type byte 255"},
        {FIELD("a", "\x01"
                    "1234567"),
         "7 bytes from offset 1 are no multiple of 8"},
        {FIELD("a", "\x07\x01\0\0\0\0\0\0"), "7 bytes are left at offset 1 of 8"},
        {FIELD("a", "\x07\x03\0\0\0\0\0\0\0ab"),
         "string at offset 1 of 11 has length 3, only 2 bytes are left"},
        {FIELD("a", "\x07\xff\xff\xff\xff\xff\xff\xff\xff"),
         "length 18446744073709551615"},
        {FIELD("a", "\x07\x01\0\0\0\0\0\0\0x\xf8\xff\xff\xff\xff\xff\xff\xff"),
         "offset 10 of 18"},
        {FIELD("", "\x07"), "empty"},
        {FIELD("a\0b", "\x07"), "NUL"},
        {FIELD(".tensor_names", "\x03"
                                "1234"),
         "holds INT32"},
        {FIELD(".tensor_names", "\x07\0\0\0\0\0\0\0\0"), "name 0"},
        {FIELD(".tensor_names", "\x07\x01\0\0\0\0\0\0\0x\x01"),
         "1 bytes are left at offset 10"},
        {FIELD(".tensor_names", ""), "0 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse(&cases[i].field, 1, cases[i].words);
    const wr_field twice[] = {FIELD("a", "\x07"), FIELD("a", "\x07")};
    refuse(twice, 2, "there twice");
    const wr_field names[] = {golden[3], golden[3]};
    refuse(names, 2, "there twice");
}

/* Every prefix of the golden bytes: refused or read, never beyond the end (ASan looks). */
static void test_every_truncation_is_safe(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_GOLDEN; k++) {
        for (size_t n = 0; n <= golden[k].bytes.n; n++) {
            wr_field cut = {golden[k].name, {golden[k].bytes.p, n}};
            wr_fields *f = NULL;
            weir_dataset *ds = NULL;
            weir_str *names = NULL;
            size_t n_names = 0;
            expect_ok(wr_fields_new(&f, &cut, 1, &err));
            weir_status st =
                wr_metadata_decode(&ds, WEIR_STR("d"), f, &names, &n_names, &err);
            assert_true(st == WEIR_OK || st == WEIR_ERR_FORMAT);
            assert_true(n < golden[k].bytes.n || st == WEIR_OK);
            wr_free(names);
            weir_dataset_free(ds);
            wr_fields_unref(f);
        }
    }
}

static void test_fields_are_found_shared_and_measured(void **state)
{
    (void)state;
    wr_fields *f = NULL;
    weir_str bytes = WEIR_STR("untouched");
    expect_ok(wr_fields_new(&f, golden, N_GOLDEN, &err));
    assert_ptr_equal(wr_fields_ref(f), f);
    wr_fields_unref(f);
    assert_true(wr_fields_find(f, WEIR_STR("i"), &bytes));
    expect_str(bytes, golden[2].bytes);
    assert_false(wr_fields_find(f, WEIR_STR("j"), &bytes));
    expect_str(bytes, golden[2].bytes);
    size_t want = sizeof(wr_fields) + N_GOLDEN * sizeof(wr_field);
    for (size_t i = 0; i < N_GOLDEN; i++)
        want += golden[i].name.n + golden[i].bytes.n;
    assert_int_equal(f->footprint, want);
    wr_fields_unref(f);
    wr_fields_unref(NULL);
    expect_ok(wr_fields_new(&f, NULL, 0, &err));
    assert_int_equal(f->n, 0);
    wr_fields_unref(f);
}

static void test_null_pointers_are_refused(void **state)
{
    (void)state;
    wr_fields *f = NULL;
    weir_dataset *ds = NULL;
    weir_str *names = NULL;
    size_t n = 0;
    expect_fail(wr_metadata_encode(&f, NULL, true, &err), WEIR_ERR_ARG, "null pointer");
    expect_fail(wr_metadata_decode(&ds, WEIR_STR("d"), NULL, &names, &n, &err),
                WEIR_ERR_ARG, "null pointer");
    assert_null(f);
    assert_null(ds);
}

static weir_status round_trip(void)
{
    wr_fields *f = NULL, *again = NULL;
    weir_dataset *ds = NULL;
    weir_str *names = NULL;
    size_t n_names = 0;
    weir_status st = wr_fields_new(&f, golden, N_GOLDEN, &err);
    if (st == WEIR_OK)
        st = wr_metadata_decode(&ds, WEIR_STR("d1"), f, &names, &n_names, &err);
    if (st == WEIR_OK)
        st = wr_metadata_encode(&again, ds, true, &err);
    wr_free(names);
    weir_dataset_free(ds);
    wr_fields_unref(f);
    wr_fields_unref(again);
    return st;
}

static void test_every_failing_allocation_is_reported(void **state)
{
    (void)state;
    weir_status st = WEIR_ERR_NOMEM;
    int n = 0;
    for (; st != WEIR_OK; n++) {
        wr_fail_allocation_after(n);
        st = round_trip();
        wr_fail_allocation_after(-1);
        assert_true(st == WEIR_OK || st == WEIR_ERR_NOMEM);
    }
    assert_true(n > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoding_gives_the_bytes_that_smartredis_sends),
        cmocka_unit_test(test_decoding_gives_values_and_names_back),
        cmocka_unit_test(test_every_scalar_type_and_empty_fields_survive_the_round_trip),
        cmocka_unit_test(test_broken_bytes_are_refused_with_field_offset_and_numbers),
        cmocka_unit_test(test_every_truncation_is_safe),
        cmocka_unit_test(test_fields_are_found_shared_and_measured),
        cmocka_unit_test(test_null_pointers_are_refused),
        cmocka_unit_test(test_every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
