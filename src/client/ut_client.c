/* SPDX-License-Identifier: BSD-3-Clause */
/* The verbs on tensors, keys, datasets and lists of an embedded store. */
#include <stdlib.h>

#include "support/expect.h"

static weir_client *c;

static int open_client(void **state)
{
    (void)state;
    c = open_store("embedded:ut_client", NULL);
    return 0;
}

static int close_client(void **state)
{
    (void)state;
    weir_client_free(c);
    return 0;
}

/* ---- tensors ---- */

static void test_get_returns_what_put_stored_for_every_type(void **state)
{
    (void)state;
    for (int d = 0; d < WEIR_STRING; d++) {
        unsigned char in[24 * 8], out[24 * 8] = {0};
        size_t n = 24 * weir_dtype_bytes((weir_dtype)d);
        for (size_t i = 0; i < n; i++)
            in[i] = (unsigned char)(i * 7 + (size_t)d);
        weir_tensor t = view_of(in, (weir_dtype)d, 3, (int64_t[]){2, 3, 4});
        weir_tensor back = view_of(out, (weir_dtype)d, 3, (int64_t[]){2, 3, 4});
        expect_ok(weir_put(c, WEIR_STR("t"), &t, &err));
        expect_ok(weir_get(c, WEIR_STR("t"), &back, &err));
        assert_memory_equal(in, out, n);
    }
}

static void test_put_sends_strided_view_in_row_major_order(void **state)
{
    (void)state;
    double a[4][6], flat[2 * 3];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 6; j++)
            a[i][j] = 10 * i + j;
    weir_tensor t = view_of(&a[3][5], WEIR_F64, 2, (int64_t[]){2, 3});
    t.stride[0] = -2 * (int64_t)sizeof a[0];
    t.stride[1] = -2 * (int64_t)sizeof(double);
    expect_ok(weir_put(c, WEIR_STR("s"), &t, &err));
    weir_tensor back = view_of(flat, WEIR_F64, 2, (int64_t[]){2, 3});
    expect_ok(weir_get(c, WEIR_STR("s"), &back, &err));
    const double want[6] = {35, 33, 31, 15, 13, 11};
    assert_memory_equal(flat, want, sizeof want);
}

static void test_get_scatters_into_strided_memory_and_nowhere_else(void **state)
{
    (void)state;
    float in[3] = {1, 2, 3}, out[6] = {-1, -1, -1, -1, -1, -1};
    weir_tensor t = view_1d(in, WEIR_F32, 3), into = view_1d(out, WEIR_F32, 3);
    into.stride[0] = 8;
    expect_ok(weir_put(c, WEIR_STR("g"), &t, &err));
    expect_ok(weir_get(c, WEIR_STR("g"), &into, &err));
    const float want[6] = {1, -1, 2, -1, 3, -1};
    assert_memory_equal(out, want, sizeof want);
}

static void test_put_and_get_copy_once_and_count_it(void **state)
{
    (void)state;
    needs_embedded();
    float in[256] = {0}, out[256];
    weir_tensor t = view_1d(in, WEIR_F32, 256), into = view_1d(out, WEIR_F32, 256);
    double put = statistic(c, "put.copies"), put_bytes = statistic(c, "put.copied_bytes");
    double got = statistic(c, "get.copies"), got_bytes = statistic(c, "get.copied_bytes");
    expect_ok(weir_put(c, WEIR_STR("once"), &t, &err));
    expect_ok(weir_get(c, WEIR_STR("once"), &into, &err));
    assert_true(statistic(c, "put.copies") == put + 1);
    assert_true(statistic(c, "put.copied_bytes") == put_bytes + 1024);
    assert_true(statistic(c, "get.copies") == got + 1);
    assert_true(statistic(c, "get.copied_bytes") == got_bytes + 1024);
}

static void test_put_buffer_and_borrow_share_the_same_bytes(void **state)
{
    (void)state;
    needs_embedded();
    weir_buffer *b = NULL, *lent = NULL;
    double copies = statistic(c, "put.copies");
    expect_ok(weir_buffer_new(&b, WEIR_I64, 1, (int64_t[]){5}, &err));
    expect_ok(weir_put_buffer(c, WEIR_STR("shared"), b, &err));
    expect_ok(weir_borrow(c, WEIR_STR("shared"), &lent, &err));
    assert_ptr_equal(weir_buffer_view(b).data, weir_buffer_view(lent).data);
    assert_true(statistic(c, "put.copies") == copies);
    weir_buffer_unref(b);
    weir_buffer_unref(lent);
}

static void test_a_borrowed_value_outlives_its_replacement_and_deletion(void **state)
{
    (void)state;
    needs_embedded();
    int32_t one = 1, two = 2;
    weir_tensor t1 = view_of(&one, WEIR_I32, 0, NULL),
                t2 = view_of(&two, WEIR_I32, 0, NULL);
    weir_buffer *lent = NULL;
    expect_ok(weir_put(c, WEIR_STR("b"), &t1, &err));
    expect_ok(weir_borrow(c, WEIR_STR("b"), &lent, &err));
    expect_ok(weir_put(c, WEIR_STR("b"), &t2, &err));
    expect_ok(weir_del(c, WEIR_TENSOR, WEIR_STR("b"), &err));
    assert_int_equal(*(int32_t *)weir_buffer_view(lent).data, 1);
    assert_int_equal(weir_buffer_refs(lent), 1);
    weir_buffer_unref(lent);
}

static void test_fetch_gives_a_copy_that_may_be_written(void **state)
{
    (void)state;
    int32_t one = 1, back = 0;
    weir_tensor t = view_of(&one, WEIR_I32, 0, NULL),
                into = view_of(&back, WEIR_I32, 0, NULL);
    weir_buffer *mine = NULL;
    expect_ok(weir_put(c, WEIR_STR("f"), &t, &err));
    expect_ok(weir_fetch(c, WEIR_STR("f"), &mine, &err));
    *(int32_t *)weir_buffer_view(mine).data = 7;
    weir_buffer_unref(mine);
    expect_ok(weir_get(c, WEIR_STR("f"), &into, &err));
    assert_int_equal(back, 1);
}

static void test_describe_tells_type_and_shape_and_no_address(void **state)
{
    (void)state;
    uint16_t a[6] = {0};
    weir_tensor t = view_of(a, WEIR_U16, 2, (int64_t[]){3, 2}), d;
    expect_ok(weir_put(c, WEIR_STR("d"), &t, &err));
    expect_ok(weir_describe(c, WEIR_STR("d"), &d, &err));
    assert_null(d.data);
    assert_int_equal(d.dtype, WEIR_U16);
    assert_int_equal(d.rank, 2);
    assert_int_equal(d.shape[0], 3);
    assert_int_equal(d.shape[1], 2);
}

static void test_strings_come_back_by_fetch(void **state)
{
    (void)state;
    weir_str words[3] = {WEIR_STR("gyre"), WEIR_STR(""), WEIR_STR("eddy")};
    weir_tensor t = view_1d(words, WEIR_STRING, 3);
    weir_buffer *b = NULL;
    expect_ok(weir_put(c, WEIR_STR("words"), &t, &err));
    expect_fail(weir_get(c, WEIR_STR("words"), &t, &err), WEIR_ERR_UNSUPPORTED,
                "weir_fetch");
    expect_ok(weir_fetch(c, WEIR_STR("words"), &b, &err));
    const weir_str *got = weir_buffer_view(b).data;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(got[i].n, words[i].n);
        assert_memory_equal(got[i].p, words[i].p, words[i].n);
        assert_ptr_not_equal(got[i].p, words[i].p);
    }
    weir_buffer_unref(b);
}

static void test_zero_size_and_scalar_tensors_are_tensors(void **state)
{
    (void)state;
    double x = 2.5, y = 0;
    weir_tensor none = view_of(NULL, WEIR_F64, 2, (int64_t[]){0, 4}), d;
    weir_tensor scalar = view_of(&x, WEIR_F64, 0, NULL),
                into = view_of(&y, WEIR_F64, 0, NULL);
    expect_ok(weir_put(c, WEIR_STR("none"), &none, &err));
    expect_ok(weir_get(c, WEIR_STR("none"), &none, &err));
    expect_ok(weir_describe(c, WEIR_STR("none"), &d, &err));
    assert_int_equal(d.shape[0], 0);
    assert_int_equal(d.shape[1], 4);
    expect_ok(weir_put(c, WEIR_STR("scalar"), &scalar, &err));
    expect_ok(weir_get(c, WEIR_STR("scalar"), &into, &err));
    assert_true(y == 2.5);
}

/* ---- every kind ---- */

static bool exists(weir_kind kind, const char *name)
{
    bool found = false;
    expect_ok(weir_exists(c, kind, weir_cstr(name), &found, &err));
    return found;
}

static weir_dataset *make_dataset(const char *name, double x, int n_tensors)
{
    weir_dataset *ds = NULL;
    expect_ok(weir_dataset_new(&ds, weir_cstr(name), &err));
    for (int i = 0; i < n_tensors; i++) {
        char key[16];
        snprintf(key, sizeof key, "t%d", i);
        double data[3] = {x, x + 1, x + 2 + i};
        weir_tensor t = view_1d(data, WEIR_F64, 3);
        expect_ok(weir_dataset_add_tensor(ds, weir_cstr(key), &t, &err));
    }
    expect_ok(weir_dataset_add_scalars(ds, WEIR_STR("time"), WEIR_F64, &x, 1, &err));
    expect_ok(weir_dataset_add_string(ds, WEIR_STR("who"), WEIR_STR("gyre"), &err));
    return ds;
}

static void put_dataset(const char *name, double x, int n_tensors)
{
    weir_dataset *ds = make_dataset(name, x, n_tensors);
    expect_ok(weir_put_dataset(c, ds, &err));
    weir_dataset_free(ds);
}

static void check_dataset(const weir_dataset *ds, const char *name, double x,
                          size_t n_tensors)
{
    weir_tensor t;
    weir_dtype dtype;
    const void *time;
    size_t n;
    assert_int_equal(weir_dataset_name(ds).n, strlen(name));
    assert_memory_equal(weir_dataset_name(ds).p, name, strlen(name));
    assert_int_equal(weir_dataset_n_tensors(ds), n_tensors);
    expect_ok(weir_dataset_tensor(ds, WEIR_STR("t0"), &t, &err));
    assert_true(((double *)t.data)[0] == x && ((double *)t.data)[1] == x + 1);
    expect_ok(weir_dataset_scalars(ds, WEIR_STR("time"), &dtype, &time, &n, &err));
    assert_int_equal(n, 1);
    assert_true(*(const double *)time == x);
}

static void get_and_check(const char *name, double x, size_t n_tensors)
{
    weir_dataset *ds = NULL;
    expect_ok(weir_get_dataset(c, weir_cstr(name), &ds, &err));
    check_dataset(ds, name, x, n_tensors);
    weir_dataset_free(ds);
}

static void test_copy_and_rename_replace_the_destination(void **state)
{
    (void)state;
    int32_t one = 1, two = 2, got = 0;
    weir_tensor t1 = view_of(&one, WEIR_I32, 0, NULL),
                t2 = view_of(&two, WEIR_I32, 0, NULL);
    weir_tensor into = view_of(&got, WEIR_I32, 0, NULL);
    expect_ok(weir_put(c, WEIR_STR("a"), &t1, &err));
    expect_ok(weir_put(c, WEIR_STR("z"), &t2, &err));
    expect_ok(weir_copy(c, WEIR_TENSOR, WEIR_STR("a"), WEIR_STR("z"), &err));
    expect_ok(weir_get(c, WEIR_STR("z"), &into, &err));
    assert_int_equal(got, 1);
    expect_ok(weir_rename(c, WEIR_TENSOR, WEIR_STR("z"), WEIR_STR("y"), &err));
    assert_false(exists(WEIR_TENSOR, "z"));
    assert_true(exists(WEIR_TENSOR, "y"));
    expect_ok(weir_rename(c, WEIR_TENSOR, WEIR_STR("y"), WEIR_STR("y"), &err));
    assert_true(exists(WEIR_TENSOR, "y"));
    expect_fail(weir_copy(c, WEIR_TENSOR, WEIR_STR("no"), WEIR_STR("y"), &err),
                WEIR_ERR_KEY, "no");
    expect_fail(weir_copy(c, WEIR_MODEL, WEIR_STR("a"), WEIR_STR("y"), &err),
                WEIR_ERR_ARG, "model");
}

static void test_delete_follows_the_kind(void **state)
{
    (void)state;
    int32_t one = 1;
    weir_tensor t = view_of(&one, WEIR_I32, 0, NULL);
    expect_ok(weir_put(c, WEIR_STR("k"), &t, &err));
    expect_fail(weir_del(c, WEIR_LIST, WEIR_STR("k"), &err), WEIR_ERR_KIND, "a tensor");
    expect_ok(weir_del(c, WEIR_TENSOR, WEIR_STR("k"), &err));
    expect_ok(weir_del(c, WEIR_TENSOR, WEIR_STR("k"), &err));
    expect_ok(weir_del(c, WEIR_LIST, WEIR_STR("k"), &err));
    expect_fail(weir_del(c, WEIR_DATASET, WEIR_STR("k"), &err), WEIR_ERR_KEY,
                "dataset 'k'");
    expect_fail(weir_del(c, WEIR_MODEL, WEIR_STR("k"), &err), WEIR_ERR_KEY, "model 'k'");
}

/* ---- datasets ---- */

static void test_a_dataset_comes_back_whole_and_without_copies(void **state)
{
    (void)state;
    needs_embedded();
    weir_dataset *ds = make_dataset("d", 3, 2);
    weir_buffer *mine, *theirs;
    weir_dataset *back = NULL;
    expect_ok(weir_put_dataset(c, ds, &err));
    assert_true(exists(WEIR_DATASET, "d"));
    assert_true(exists(WEIR_ANY, "{d}.meta"));
    assert_true(exists(WEIR_ANY, "{d}.t1"));
    expect_ok(weir_get_dataset(c, WEIR_STR("d"), &back, &err));
    check_dataset(back, "d", 3, 2);
    assert_true(weir_dataset_tensor_at(ds, 1, NULL, &mine));
    assert_true(weir_dataset_tensor_at(back, 1, NULL, &theirs));
    assert_ptr_equal(weir_buffer_view(mine).data, weir_buffer_view(theirs).data);
    weir_dataset_free(back);
    weir_dataset_free(ds);
}

static void test_replacing_a_dataset_removes_its_stale_tensors(void **state)
{
    (void)state;
    put_dataset("r", 1, 4);
    put_dataset("r", 2, 2);
    get_and_check("r", 2, 2);
    assert_true(exists(WEIR_ANY, "{r}.t1"));
    assert_false(exists(WEIR_ANY, "{r}.t2"));
    assert_false(exists(WEIR_ANY, "{r}.t3"));
}

static void test_datasets_are_copied_renamed_and_deleted_whole(void **state)
{
    (void)state;
    put_dataset("src", 5, 2);
    put_dataset("dst", 6, 3);
    expect_ok(weir_copy(c, WEIR_DATASET, WEIR_STR("src"), WEIR_STR("dst"), &err));
    get_and_check("dst", 5, 2);
    assert_false(exists(WEIR_ANY, "{dst}.t2"));
    expect_ok(weir_rename(c, WEIR_DATASET, WEIR_STR("dst"), WEIR_STR("moved"), &err));
    assert_false(exists(WEIR_DATASET, "dst"));
    assert_false(exists(WEIR_ANY, "{dst}.t0"));
    get_and_check("moved", 5, 2);
    expect_ok(weir_del(c, WEIR_DATASET, WEIR_STR("moved"), &err));
    assert_false(exists(WEIR_ANY, "{moved}.t0"));
    assert_false(exists(WEIR_ANY, "{moved}.meta"));
    weir_dataset *none = NULL;
    expect_fail(weir_get_dataset(c, WEIR_STR("moved"), &none, &err), WEIR_ERR_KEY,
                "'moved'");
    assert_null(none);
}

static void test_an_empty_dataset_is_refused(void **state)
{
    (void)state;
    weir_dataset *ds = NULL;
    expect_ok(weir_dataset_new(&ds, WEIR_STR("empty"), &err));
    expect_fail(weir_put_dataset(c, ds, &err), WEIR_ERR_ARG, "nothing to put");
    weir_dataset_free(ds);
}

/* ---- lists ---- */

static void test_lists_follow_the_rules_of_lrange(void **state)
{
    (void)state;
    int64_t n = -1;
    expect_ok(weir_list_length(c, WEIR_STR("L"), &n, &err));
    assert_int_equal(n, 0);
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%d", i);
        put_dataset(name, i, 1);
        expect_ok(weir_list_append(c, WEIR_STR("L"), weir_cstr(name), &err));
    }
    expect_ok(weir_list_length(c, WEIR_STR("L"), &n, &err));
    assert_int_equal(n, 5);
    /* every range against the rule spelt out */
    for (int64_t first = -7; first <= 7; first++) {
        for (int64_t last = -7; last <= 7; last++) {
            weir_dataset **ds = NULL;
            size_t got = 99;
            int64_t lo = first < 0 ? first + 5 : first, hi = last < 0 ? last + 5 : last;
            lo = lo < 0 ? 0 : lo;
            hi = hi > 4 ? 4 : hi;
            expect_ok(weir_list_get(c, WEIR_STR("L"), first, last, &ds, &got, &err));
            assert_int_equal(got, lo > hi ? 0 : hi - lo + 1);
            for (size_t i = 0; i < got; i++) {
                char name[16];
                snprintf(name, sizeof name, "e%d", (int)lo + (int)i);
                check_dataset(ds[i], name, (double)lo + (double)i, 1);
            }
            weir_datasets_free(ds, got);
        }
    }
}

static void test_a_list_may_name_a_dataset_that_is_not_there_yet(void **state)
{
    (void)state;
    weir_dataset **ds = NULL;
    size_t n = 0;
    expect_ok(weir_list_append(c, WEIR_STR("early"), WEIR_STR("late"), &err));
    expect_fail(weir_list_get(c, WEIR_STR("early"), 0, -1, &ds, &n, &err), WEIR_ERR_KEY,
                "list 'early', entry 0 of 1: there is no dataset 'late'");
    put_dataset("late", 1, 1);
    expect_ok(weir_list_get(c, WEIR_STR("early"), 0, -1, &ds, &n, &err));
    assert_int_equal(n, 1);
    weir_datasets_free(ds, n);
}

static void test_copied_lists_are_independent(void **state)
{
    (void)state;
    int64_t n = 0;
    expect_ok(weir_list_append(c, WEIR_STR("one"), WEIR_STR("x"), &err));
    expect_ok(weir_copy(c, WEIR_LIST, WEIR_STR("one"), WEIR_STR("two"), &err));
    expect_ok(weir_list_append(c, WEIR_STR("two"), WEIR_STR("y"), &err));
    expect_ok(weir_list_length(c, WEIR_STR("one"), &n, &err));
    assert_int_equal(n, 1);
    expect_ok(weir_list_length(c, WEIR_STR("two"), &n, &err));
    assert_int_equal(n, 2);
    expect_ok(weir_rename(c, WEIR_LIST, WEIR_STR("two"), WEIR_STR("one"), &err));
    expect_ok(weir_list_length(c, WEIR_STR("one"), &n, &err));
    assert_int_equal(n, 2);
    expect_ok(weir_del(c, WEIR_LIST, WEIR_STR("one"), &err));
    assert_false(exists(WEIR_LIST, "one"));
}

/* ---- prefixes ---- */

static void test_prefixes_are_laid_out_as_smartredis_does(void **state)
{
    (void)state;
    weir_client_options opt = {.struct_bytes = sizeof opt,
                               .put_prefix = WEIR_STR("out"),
                               .get_prefix = WEIR_STR("in1,in2")};
    weir_client *p = open_store("embedded:ut_client", &opt);
    int32_t x = 1;
    bool found = false;
    weir_tensor t = view_of(&x, WEIR_I32, 0, NULL);
    expect_ok(weir_put(p, WEIR_STR("t1"), &t, &err));
    assert_true(exists(WEIR_ANY, "out.t1"));
    weir_dataset *ds = make_dataset("d1", 1, 1);
    expect_ok(weir_put_dataset(p, ds, &err));
    weir_dataset_free(ds);
    assert_true(exists(WEIR_ANY, "out.{d1}.meta"));
    expect_ok(weir_list_append(p, WEIR_STR("L1"), WEIR_STR("d1"), &err));
    assert_true(exists(WEIR_ANY, "out.L1"));
    expect_ok(weir_put(c, WEIR_STR("in2.q"), &t, &err));
    expect_ok(weir_exists(p, WEIR_TENSOR, WEIR_STR("q"), &found, &err));
    assert_false(found);
    expect_ok(weir_client_set_source(p, WEIR_STR("in2"), &err));
    expect_ok(weir_exists(p, WEIR_TENSOR, WEIR_STR("q"), &found, &err));
    assert_true(found);
    expect_fail(weir_client_set_source(p, WEIR_STR("in3"), &err), WEIR_ERR_KEY, "'in3'");
    expect_ok(weir_client_use_prefix(p, WEIR_TENSOR, false, &err));
    expect_ok(weir_put(p, WEIR_STR("bare"), &t, &err));
    assert_true(exists(WEIR_ANY, "bare"));
    weir_client_free(p);
}

static void test_prefixes_come_from_smartredis_environment(void **state)
{
    (void)state;
    setenv("SSKEYOUT", "mom_0", 1);
    setenv("SSKEYIN", "mom_1,mom_2", 1);
    weir_client *p = open_store("embedded:ut_client", NULL);
    unsetenv("SSKEYOUT");
    unsetenv("SSKEYIN");
    int32_t x = 1;
    weir_tensor t = view_of(&x, WEIR_I32, 0, NULL);
    bool found = false;
    expect_ok(weir_put(p, WEIR_STR("env"), &t, &err));
    assert_true(exists(WEIR_ANY, "mom_0.env"));
    expect_ok(weir_put(c, WEIR_STR("mom_1.env"), &t, &err));
    expect_ok(weir_exists(p, WEIR_TENSOR, WEIR_STR("env"), &found, &err));
    assert_true(found);
    weir_client_free(p);
}

/* ---- stores and addresses ---- */

static void test_clients_of_one_store_share_it_and_the_last_takes_it_along(void **state)
{
    (void)state;
    needs_embedded();
    weir_client *a = open_store("embedded:shared", NULL),
                *b = open_store("embedded:shared", NULL);
    int32_t x = 4;
    bool found = false;
    weir_tensor t = view_of(&x, WEIR_I32, 0, NULL);
    expect_ok(weir_put(a, WEIR_STR("x"), &t, &err));
    weir_client_free(a);
    expect_ok(weir_exists(b, WEIR_TENSOR, WEIR_STR("x"), &found, &err));
    assert_true(found);
    weir_client_free(b);
    a = open_store("embedded:shared", NULL);
    expect_ok(weir_exists(a, WEIR_TENSOR, WEIR_STR("x"), &found, &err));
    assert_false(found);
    weir_client_free(a);
}

static void test_store_options_are_the_first_openers(void **state)
{
    (void)state;
    needs_embedded();
    weir_client_options small = {.struct_bytes = sizeof small, .memory_bytes = 1 << 20};
    weir_client_options other = {.struct_bytes = sizeof other, .memory_bytes = 2 << 20};
    weir_client *a = open_store("embedded:opts", &small),
                *b = open_store("embedded:opts", NULL);
    weir_client *no = NULL;
    expect_fail(weir_client_new(&no, WEIR_STR("embedded:opts"), &other, &err),
                WEIR_ERR_EXISTS, "memory_bytes");
    assert_null(no);
    weir_client_free(a);
    weir_client_free(b);
}

static void test_addresses_that_are_not_built_are_refused_with_a_message(void **state)
{
    (void)state;
    static const char *const unbuilt[] = {"node:hydra", "mpi:"};
    weir_client *no = NULL;
    for (size_t i = 0; i < sizeof unbuilt / sizeof *unbuilt; i++)
        expect_fail(weir_client_new(&no, weir_cstr(unbuilt[i]), NULL, &err),
                    WEIR_ERR_UNSUPPORTED, unbuilt[i]);
    expect_fail(weir_client_new(&no, WEIR_STR("localhost:80"), NULL, &err), WEIR_ERR_ARG,
                "address 'localhost:..'");
    expect_fail(weir_client_new(&no, WEIR_STR("embedded"), NULL, &err), WEIR_ERR_ARG,
                "embedded");
    assert_null(no);
}

static void test_statistics_have_names_units_and_descriptions(void **state)
{
    (void)state;
    weir_stat all[256];
    size_t n = weir_client_statistics(c, all, 256);
    assert_in_range(n, 50, 256);
    assert_int_equal(weir_client_statistics(c, NULL, 0), n);
    for (size_t i = 0; i < n; i++) {
        assert_true(strchr(all[i].name, '.') != NULL && all[i].unit[0] != '\0');
        assert_true(strlen(all[i].description) > 5);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(all[i].name, all[j].name);
    }
    double v;
    expect_fail(weir_client_statistic(c, WEIR_STR("put.nonsense"), &v, &err),
                WEIR_ERR_KEY, "put.nonsense");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_returns_what_put_stored_for_every_type),
        cmocka_unit_test(test_put_sends_strided_view_in_row_major_order),
        cmocka_unit_test(test_get_scatters_into_strided_memory_and_nowhere_else),
        cmocka_unit_test(test_put_and_get_copy_once_and_count_it),
        cmocka_unit_test(test_put_buffer_and_borrow_share_the_same_bytes),
        cmocka_unit_test(test_a_borrowed_value_outlives_its_replacement_and_deletion),
        cmocka_unit_test(test_fetch_gives_a_copy_that_may_be_written),
        cmocka_unit_test(test_describe_tells_type_and_shape_and_no_address),
        cmocka_unit_test(test_strings_come_back_by_fetch),
        cmocka_unit_test(test_zero_size_and_scalar_tensors_are_tensors),
        cmocka_unit_test(test_copy_and_rename_replace_the_destination),
        cmocka_unit_test(test_delete_follows_the_kind),
        cmocka_unit_test(test_a_dataset_comes_back_whole_and_without_copies),
        cmocka_unit_test(test_replacing_a_dataset_removes_its_stale_tensors),
        cmocka_unit_test(test_datasets_are_copied_renamed_and_deleted_whole),
        cmocka_unit_test(test_an_empty_dataset_is_refused),
        cmocka_unit_test(test_lists_follow_the_rules_of_lrange),
        cmocka_unit_test(test_a_list_may_name_a_dataset_that_is_not_there_yet),
        cmocka_unit_test(test_copied_lists_are_independent),
        cmocka_unit_test(test_prefixes_are_laid_out_as_smartredis_does),
        cmocka_unit_test(test_prefixes_come_from_smartredis_environment),
        cmocka_unit_test(test_clients_of_one_store_share_it_and_the_last_takes_it_along),
        cmocka_unit_test(test_store_options_are_the_first_openers),
        cmocka_unit_test(test_addresses_that_are_not_built_are_refused_with_a_message),
        cmocka_unit_test(test_statistics_have_names_units_and_descriptions),
    };
    return cmocka_run_group_tests(tests, open_client, close_client);
}
