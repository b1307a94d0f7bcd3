/* SPDX-License-Identifier: BSD-3-Clause */
/* Status, errors, allocation, map, text, names, clock, conditions. */
#include <stdlib.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/map.h"
#include "base/text.h"
#include "base/thread.h"
#include "support/expect.h"

static void test_every_status_has_a_name_and_a_text(void **state)
{
    (void)state;
    for (int st = 0; st >= WEIR_ERR_INTERNAL; st--) {
        assert_string_not_equal(weir_status_name((weir_status)st), "ERR_UNKNOWN");
        assert_true(strlen(weir_status_text((weir_status)st)) > 1);
    }
    assert_string_equal(weir_status_name(WEIR_ERR_SHAPE), "ERR_SHAPE");
    assert_string_equal(weir_status_name((weir_status)-999), "ERR_UNKNOWN");
}

static void test_an_error_is_cut_and_terminated_and_may_be_null(void **state)
{
    (void)state;
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(weir_fail(&err, WEIR_ERR_IO, "%s", longer), WEIR_ERR_IO);
    assert_int_equal(strlen(err.text), WEIR_ERROR_TEXT_MAX - 1);
    assert_int_equal(weir_fail(NULL, WEIR_ERR_KEY, "unseen"), WEIR_ERR_KEY);
}

static void test_allocations_fail_where_told_and_are_counted(void **state)
{
    (void)state;
    uint64_t before = wr_alloc_count();
    wr_fail_allocation_after(1);
    void *a = wr_alloc(8), *b = wr_alloc(8);
    wr_fail_allocation_after(-1);
    void *d = wr_calloc(4, 4);
    assert_non_null(a);
    assert_null(b);
    assert_non_null(d);
    assert_int_equal(wr_alloc_count(), before + 3);
    wr_free(a);
    wr_free(d);
    size_t n = 5;
    assert_false(wr_mul(SIZE_MAX, 2, &n));
    assert_false(wr_add(SIZE_MAX, 1, &n));
    assert_int_equal(n, 5);
}

static void test_the_map_agrees_with_a_plain_table(void **state)
{
    (void)state;
    enum { KEYS = 500 };
    wr_map m = {0};
    static int value[KEYS];
    bool there[KEYS] = {false};
    size_t n_there = 0;
    srand(3);
    for (int step = 0; step < 50000; step++) {
        int i = rand() % KEYS;
        char key[24];
        size_t n = (size_t)snprintf(key, sizeof key, "k\x01%d", i * 7919);
        weir_str s = {key, n};
        assert_ptr_equal(wr_map_get(&m, s), there[i] ? &value[i] : NULL);
        if (rand() % 2) {
            void *old = NULL;
            assert_true(wr_map_set(&m, s, &value[i], &old));
            assert_ptr_equal(old, there[i] ? &value[i] : NULL);
            n_there += !there[i];
            there[i] = true;
        } else {
            assert_ptr_equal(wr_map_take(&m, s), there[i] ? &value[i] : NULL);
            n_there -= there[i];
            there[i] = false;
        }
    }
    size_t walked = 0;
    for (size_t i = 0; wr_map_next(&m, &i) != NULL;)
        walked++;
    assert_int_equal(walked, n_there);
    assert_int_equal(m.n_used, n_there);
    wr_map_fini(&m);
    wr_map_fini(&m);
}

static void test_the_map_survives_every_allocation_failure(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        wr_map m = {0};
        int x = 0, failed = 0;
        wr_fail_allocation_after(n);
        for (int i = 0; i < 40; i++) {
            char key[16];
            snprintf(key, sizeof key, "%d", i);
            bool had = wr_map_set(&m, weir_cstr(key), &x, NULL);
            failed += !had;
            assert_true((wr_map_get(&m, weir_cstr(key)) != NULL) == had);
        }
        wr_fail_allocation_after(-1);
        wr_map_fini(&m);
        if (failed == 0)
            break;
    }
}

static void test_text_grows_and_remembers_a_failure(void **state)
{
    (void)state;
    wr_text t = {0};
    for (int i = 0; i < 1000; i++)
        wr_text_printf(&t, "%d,", i);
    assert_false(t.failed);
    assert_int_equal(t.n, strlen(t.p));
    wr_fail_allocation_after(0);
    for (int i = 0; i < 1000; i++)
        wr_text_add(&t, "more", 4);
    wr_fail_allocation_after(-1);
    assert_true(t.failed);
    wr_text_fini(&t);
    assert_null(t.p);
}

static void test_names_are_checked(void **state)
{
    (void)state;
    static char big[WEIR_KEY_MAX + 1];
    memset(big, 'a', sizeof big);
    expect_ok(wr_check_name((weir_str){big, WEIR_KEY_MAX}, "tensor", &err));
    expect_fail(wr_check_name((weir_str){big, sizeof big}, "tensor", &err), WEIR_ERR_ARG,
                "65536 bytes: at most 65535");
    expect_fail(wr_check_name((weir_str){0}, "tensor", &err), WEIR_ERR_ARG,
                "tensor is empty");
    expect_fail(wr_check_name((weir_str){NULL, 3}, "model", &err), WEIR_ERR_ARG,
                "null pointer");
    expect_fail(wr_check_name((weir_str){"a\0b", 3}, "list", &err), WEIR_ERR_ARG,
                "NUL byte at 1 of 3");
    expect_ok(wr_check_name((weir_str){"\xff {}\n", 5}, "list", &err));
}

static void test_deadlines_do_not_overflow(void **state)
{
    (void)state;
    assert_true(weir_deadline_in_ms(-1) == WEIR_NEVER);
    assert_true(weir_deadline_in_ms(INT64_MAX) == WEIR_NEVER);
    int64_t now = weir_now_ns();
    weir_deadline d = weir_deadline_in_ms(1000);
    assert_true(d >= now + 1000000000 && d < now + 60000000000);
    assert_true(wr_limit_deadline((wr_limit){1000, 5}) == 5);
}

static void test_a_condition_ends_at_its_deadline(void **state)
{
    (void)state;
    wr_mutex m;
    wr_cond c;
    wr_mutex_init(&m, WR_LEVEL_LEAF);
    wr_cond_init(&c);
    wr_lock(&m);
    int64_t begin = weir_now_ns();
    while (wr_cond_wait(&c, &m, begin + 20000000))
        ;
    assert_true(weir_now_ns() - begin >= 20000000);
    assert_false(wr_cond_wait(&c, &m, -5));
    wr_unlock(&m);
    wr_cond_fini(&c);
    wr_mutex_fini(&m);
}

static void test_affinity_is_at_least_one_and_at_most_the_machine(void **state)
{
    (void)state;
    assert_in_range(wr_affinity_cores(), 1, sysconf(_SC_NPROCESSORS_CONF));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_a_name_and_a_text),
        cmocka_unit_test(test_an_error_is_cut_and_terminated_and_may_be_null),
        cmocka_unit_test(test_allocations_fail_where_told_and_are_counted),
        cmocka_unit_test(test_the_map_agrees_with_a_plain_table),
        cmocka_unit_test(test_the_map_survives_every_allocation_failure),
        cmocka_unit_test(test_text_grows_and_remembers_a_failure),
        cmocka_unit_test(test_names_are_checked),
        cmocka_unit_test(test_deadlines_do_not_overflow),
        cmocka_unit_test(test_a_condition_ends_at_its_deadline),
        cmocka_unit_test(test_affinity_is_at_least_one_and_at_most_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
