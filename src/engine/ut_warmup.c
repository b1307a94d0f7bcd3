/* SPDX-License-Identifier: BSD-3-Clause */
/* Which row block is chosen from which times. */
#include "engine/warmup.c"

#include "engine/testing.h"

/* Times of runs at so many rows a microsecond. */
static void at_speed(int64_t *ns, const double *rows_per_us, int n)
{
    for (int i = 0; i < n; i++)
        ns[i] = (int64_t)((double)BLOCKS[i] * 1000 / rows_per_us[i]);
}

static void test_the_smallest_block_near_the_fastest_is_chosen(void **state)
{
    (void)state;
    int64_t ns[N_BLOCKS], whole;
    /* rows           16  32  48  64    96    128   192   256 384 512 768 1024 */
    double paper[] = {20, 25, 27, 28, 28.1, 28.2, 28.2, 27, 25, 24, 23, 22.5};
    at_speed(ns, paper, 12);
    assert_int_equal(choose_block(ns, 12, &whole), 64);
    assert_int_equal(whole, 192);
}

static void test_nothing_is_split_where_large_batches_are_as_fast(void **state)
{
    (void)state;
    int64_t ns[N_BLOCKS], whole;
    double rising[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 13, 12.8};
    at_speed(ns, rising, N_BLOCKS);
    assert_int_equal(choose_block(ns, N_BLOCKS, &whole), 0);
}

static void test_slow_models_are_split_at_the_best_block_tried(void **state)
{
    (void)state;
    int64_t ns[N_BLOCKS], whole;
    double slow[] = {1, 1.2, 1.3}; /* a run of 48 rows took too long to go on */
    at_speed(ns, slow, 3);
    assert_int_equal(choose_block(ns, 3, &whole), 48);
    double flat[] = {1.3, 1.31, 1.3};
    at_speed(ns, flat, 3);
    assert_int_equal(choose_block(ns, 3, &whole), 16);
    assert_int_equal(choose_block(ns, 1, &whole), 0);
    assert_int_equal(choose_block(ns, 0, &whole), 0);
}

static void test_made_up_inputs_are_finite_and_the_same_every_time(void **state)
{
    (void)state;
    float a[100], b[100];
    uint16_t h[100], bf[100];
    int64_t index[10];
    weir_tensor ta = floats(a, 10, 10), tb = floats(b, 10, 10);
    weir_tensor th = view2(WEIR_F16, h, 10, 10), tf = view2(WEIR_BF16, bf, 10, 10);
    weir_tensor ti = view2(WEIR_I64, index, 1, 10);
    weir_guard range = {.ranged = true, .low = 0.09, .high = 1.0};
    fill(&ta);
    fill(&tb);
    fill(&th);
    fill(&tf);
    fill(&ti);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(wr_guard_count(&ta, &range), 0);
    assert_int_equal(wr_guard_count(&th, &range), 0);
    assert_int_equal(wr_guard_count(&tf, &range), 0);
    assert_true(index[0] == 0 && index[9] == 0); /* a valid index into any table */
    assert_true(a[0] != a[1] && h[0] != h[7]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_smallest_block_near_the_fastest_is_chosen),
        cmocka_unit_test(test_nothing_is_split_where_large_batches_are_as_fast),
        cmocka_unit_test(test_slow_models_are_split_at_the_best_block_tried),
        cmocka_unit_test(test_made_up_inputs_are_finite_and_the_same_every_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
