/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of a single meter: keys, regions, statistics against brute force, bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "meter/meter.h"

static weir_meter *meter(weir_meter_options o)
{
    weir_meter *m = NULL;
    weir_error err = {0};
    o.struct_bytes = sizeof o;
    if (weir_meter_new(&m, &o, &err) != WEIR_OK)
        fail_msg("%s", err.text);
    return m;
}

static int key_of(weir_meter *m, weir_meter_kind kind, const char *name)
{
    int key = -1;
    weir_str none = {0};
    assert_int_equal(weir_meter_key(m, kind, weir_cstr(name), none, none, &key, NULL),
                     WEIR_OK);
    return key;
}

static weir_meter_stats stats_of(weir_meter *m, int key)
{
    weir_meter_stats s;
    memset(&s, 0xee, sizeof s);
    assert_int_equal(weir_meter_read(m, key, &s, NULL), WEIR_OK);
    return s;
}

/* Numbers that look random: xorshift64*, and from it a lognormal-like size. */
static uint64_t rng;

static double uniform(void)
{
    rng ^= rng >> 12;
    rng ^= rng << 25;
    rng ^= rng >> 27;
    return (double)(rng * 2685821657736338717u >> 11) / 9007199254740992.0;
}

static double skewed(void)
{
    return 1e-6 * exp(4 * (uniform() + uniform() + uniform()));
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 >= n ? sorted[n - 1]
                      : sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

static void assert_near(double found, double expected, double relative, const char *what,
                        size_t n)
{
    if (!(fabs(found - expected) <= relative * fabs(expected)))
        fail_msg("%s of %zu values: %.17g, expected %.17g", what, n, found, expected);
}

/* Brute force over all n values against what the meter says. */
static void assert_stats(const weir_meter_stats *s, const double *x, size_t n,
                         size_t skip, double rank_error)
{
    double *sorted = malloc(n * sizeof *sorted);
    assert_non_null(sorted);
    memcpy(sorted, x, n * sizeof *x);
    qsort(sorted, n, sizeof *x, by_size);
    long double sum = 0, rest = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        rest += i < skip ? 0 : x[i];
    }
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - sum / n) * (x[i] - sum / n);
    assert_int_equal(s->n, n);
    assert_near(s->sum, (double)sum, 1e-14, "sum", n);
    assert_near(s->mean, (double)(sum / n), 1e-14, "mean", n);
    assert_near(s->stdev, n < 2 ? 0 : (double)sqrtl(squares / (n - 1)), 1e-10, "stdev",
                n);
    assert_true(s->min == sorted[0] && s->max == sorted[n - 1] && s->first == x[0]);
    assert_int_equal(s->n_skipped, skip < n ? skip : n);
    assert_near(s->mean_rest, skip < n ? (double)(rest / (n - skip)) : 0, 1e-12,
                "mean_rest", n);
    assert_near(s->median, percentile(sorted, n, 0.5), rank_error, "median", n);
    assert_near(s->p05, percentile(sorted, n, 0.05), rank_error, "p05", n);
    assert_near(s->p95, percentile(sorted, n, 0.95), rank_error, "p95", n);
    assert_near(s->p99, percentile(sorted, n, 0.99), rank_error, "p99", n);
    assert_true(s->ci95_low <= s->median && s->median <= s->ci95_high);
    free(sorted);
}

static const size_t sizes[] = {1, 2, 3, 5, 6, 10, 100, 255, 256, 257, 1000, 5000, 20000};

static void test_statistics_of_kept_values_equal_brute_force(void **state)
{
    (void)state;
    double *x = malloc(20000 * sizeof *x);
    rng = 7;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        weir_meter *m = meter((weir_meter_options){.skip_first = 3});
        for (size_t k = 0; k < sizes[i]; k++) {
            x[k] = k == 0 ? 2.5 : skewed(); /* the first value is the warm-up */
            assert_int_equal(weir_meter_add(m, WEIR_METER_BATCH, x[k]), WEIR_OK);
        }
        weir_meter_stats s = stats_of(m, WEIR_METER_BATCH);
        assert_true(s.exact);
        assert_stats(&s, x, sizes[i], 3, 1e-13);
        size_t n = 0;
        const double *kept = weir_meter_samples(m, WEIR_METER_BATCH, &n);
        assert_int_equal(n, sizes[i]);
        assert_memory_equal(kept, x, n * sizeof *x);
        weir_meter_free(m);
    }
    free(x);
}

static void test_streamed_percentiles_are_within_the_stated_error(void **state)
{
    (void)state;
    double *x = malloc(20000 * sizeof *x);
    rng = 11;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        weir_meter *m =
            meter((weir_meter_options){.mode = WEIR_METER_STREAM, .skip_first = 2});
        for (size_t k = 0; k < sizes[i]; k++) {
            x[k] = skewed() * pow(10, 30 * uniform() - 15);
            assert_int_equal(weir_meter_add(m, WEIR_METER_IO, x[k]), WEIR_OK);
        }
        weir_meter_stats s = stats_of(m, WEIR_METER_IO);
        assert_false(s.exact);
        assert_int_equal(s.n_kept, 0);
        assert_stats(&s, x, sizes[i], 2, 1.0 / 256);
        weir_meter_free(m);
    }
    free(x);
}

static void test_streamed_negative_values_and_zeros_are_ranked(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){.mode = WEIR_METER_STREAM});
    int h = key_of(m, WEIR_METER_HISTOGRAM, "h");
    for (int i = -50; i <= 50; i++)
        assert_int_equal(weir_meter_add(m, h, i), WEIR_OK);
    weir_meter_stats s = stats_of(m, h);
    assert_true(s.median == 0 && s.min == -50 && s.max == 50);
    assert_near(s.p05, -45, 1.0 / 256, "p05", 101);
    assert_near(s.p95, 45, 1.0 / 256, "p95", 101);
    assert_near(s.p99, 49, 1.0 / 256, "p99", 101);
    weir_meter_free(m);
}

static void test_deviation_survives_a_large_mean(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){.mode = WEIR_METER_STREAM});
    int h = key_of(m, WEIR_METER_HISTOGRAM, "h");
    for (int i = 0; i < 10000; i++)
        assert_int_equal(weir_meter_add(m, h, 1e9 + i % 2), WEIR_OK);
    assert_near(stats_of(m, h).stdev, sqrt(0.25 * 10000 / 9999), 1e-12, "stdev", 10000);
    weir_meter_free(m);
}

static void test_full_meter_goes_over_to_streaming_at_its_limit(void **state)
{
    (void)state;
    enum { LIMIT = 1000, N = 5000 };
    double x[N];
    rng = 3;
    weir_meter *m = meter((weir_meter_options){.samples_max = LIMIT, .skip_first = 10});
    for (int i = 0; i < N; i++) {
        x[i] = skewed();
        assert_int_equal(weir_meter_add(m, WEIR_METER_COMM, x[i]), WEIR_OK);
        if (i + 1 == LIMIT)
            assert_true(stats_of(m, WEIR_METER_COMM).exact);
    }
    weir_meter_stats s = stats_of(m, WEIR_METER_COMM);
    assert_false(s.exact);
    assert_int_equal(s.n_kept, LIMIT);
    assert_int_equal(s.n_dropped, 0);
    assert_stats(&s, x, N, 10, 1.0 / 256);
    size_t n = 0;
    const double *kept = weir_meter_samples(m, WEIR_METER_COMM, &n);
    assert_int_equal(n, LIMIT);
    assert_memory_equal(kept, x, sizeof(double) * LIMIT);
    weir_meter_free(m);
}

static void test_a_limit_below_the_window_is_kept_too(void **state)
{
    (void)state;
    for (size_t limit = 1; limit < 5; limit++) {
        weir_meter *m = meter((weir_meter_options){.samples_max = limit});
        for (int i = 1; i <= 600; i++)
            assert_int_equal(weir_meter_add(m, WEIR_METER_COMM, i), WEIR_OK);
        weir_meter_stats s = stats_of(m, WEIR_METER_COMM);
        assert_int_equal(s.n_kept, limit);
        assert_int_equal(s.n, 600);
        assert_near(s.median, 300.5, 1.0 / 256, "median", 600);
        weir_meter_reset(m);
        assert_int_equal(weir_meter_add(m, WEIR_METER_COMM, 5), WEIR_OK);
        s = stats_of(m, WEIR_METER_COMM);
        assert_true(s.n == 1 && s.exact && s.median == 5);
        weir_meter_free(m);
    }
}

static void test_streaming_needs_no_memory_after_a_while(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){.mode = WEIR_METER_STREAM});
    rng = 5;
    for (int i = 0; i < 10000; i++)
        assert_int_equal(weir_meter_add(m, WEIR_METER_IO, 1 + uniform()), WEIR_OK);
    uint64_t before = wr_alloc_count();
    for (int i = 0; i < 100000; i++)
        assert_int_equal(weir_meter_add(m, WEIR_METER_IO, 1 + uniform()), WEIR_OK);
    assert_int_equal(wr_alloc_count(), before);
    weir_meter_free(m);
}

static void test_no_value_gives_zeros_without_error(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    weir_meter_stats zero = {.exact = true}, s = stats_of(m, WEIR_METER_EPOCH);
    assert_memory_equal(&s, &zero, offsetof(weir_meter_stats, exact));
    assert_int_equal(weir_meter_start(m, WEIR_METER_EPOCH),
                     WEIR_OK); /* open: not a value yet */
    s = stats_of(m, WEIR_METER_EPOCH);
    assert_int_equal(s.n, 0);
    weir_meter_free(m);
}

static void test_unbalanced_calls_are_refused_and_counted(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    int counter = key_of(m, WEIR_METER_COUNTER, "c");
    assert_int_equal(weir_meter_stop(m, WEIR_METER_IO), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_start(m, WEIR_METER_IO), WEIR_OK);
    assert_int_equal(weir_meter_start(m, WEIR_METER_IO), WEIR_ERR_BUSY);
    assert_int_equal(weir_meter_start(m, WEIR_METER_COMM), WEIR_OK);
    assert_int_equal(weir_meter_stop(m, WEIR_METER_IO), WEIR_OK);
    assert_int_equal(weir_meter_stop(m, WEIR_METER_IO), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_stop(m, WEIR_METER_COMM), WEIR_OK);
    assert_int_equal(weir_meter_start(m, counter), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_stop(m, counter), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_start(m, -1), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_start(m, counter + 1), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_stop(m, INT32_MAX), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_add(m, INT32_MIN, 1), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_add(m, counter, -1), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_add(m, WEIR_METER_IO, (double)NAN), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_add(m, WEIR_METER_IO, (double)INFINITY), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_n_refused(m), 12);
    assert_int_equal(stats_of(m, WEIR_METER_IO).n, 1);
    assert_int_equal(stats_of(m, counter).n, 0);
    weir_meter_free(m);
}

static weir_meter_node node_at(const weir_meter *m, size_t i)
{
    weir_meter_node node = {.key = -7};
    assert_true(weir_meter_node_at(m, i, &node));
    return node;
}

static void test_tree_has_a_place_for_each_path(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    for (int i = 0; i < 3; i++) {
        weir_meter_start(m, WEIR_METER_EPOCH);
        weir_meter_start(m, WEIR_METER_BATCH);
        weir_meter_start(m, WEIR_METER_IO);
        weir_meter_stop(m, WEIR_METER_IO);
        weir_meter_stop(m, WEIR_METER_BATCH);
        weir_meter_start(m, WEIR_METER_IO);
        weir_meter_stop(m, WEIR_METER_IO);
        weir_meter_add(m, WEIR_METER_COMM, 0.5);
        weir_meter_stop(m, WEIR_METER_EPOCH);
    }
    static const weir_meter_node expected[] = {{WEIR_METER_EPOCH, -1, 3, 0},
                                               {WEIR_METER_BATCH, 0, 3, 0},
                                               {WEIR_METER_IO, 1, 3, 0},
                                               {WEIR_METER_IO, 0, 3, 0},
                                               {WEIR_METER_COMM, 0, 3, 1.5}};
    assert_int_equal(weir_meter_n_nodes(m), 5);
    for (size_t i = 0; i < 5; i++) {
        weir_meter_node node = node_at(m, i);
        assert_int_equal(node.key, expected[i].key);
        assert_int_equal(node.parent, expected[i].parent);
        assert_int_equal(node.n, expected[i].n);
        assert_true(i != 4 || node.seconds == 1.5);
    }
    assert_true(node_at(m, 0).seconds >= node_at(m, 1).seconds + node_at(m, 3).seconds);
    assert_true(node_at(m, 1).seconds >= node_at(m, 2).seconds);
    assert_near(node_at(m, 2).seconds + node_at(m, 3).seconds,
                stats_of(m, WEIR_METER_IO).sum, 1e-12, "IO", 6);
    weir_meter_node none;
    assert_false(weir_meter_node_at(m, 5, &none));
    weir_meter_free(m);
}

static void test_parent_is_the_region_started_last_of_those_open(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    weir_meter_start(m, WEIR_METER_EPOCH);
    weir_meter_start(m, WEIR_METER_BATCH);
    weir_meter_stop(m, WEIR_METER_EPOCH); /* overlap: the outer one ends first */
    weir_meter_start(m, WEIR_METER_IO);
    weir_meter_stop(m, WEIR_METER_BATCH);
    weir_meter_start(m, WEIR_METER_COMM);
    weir_meter_stop(m, WEIR_METER_COMM);
    weir_meter_stop(m, WEIR_METER_IO);
    weir_meter_start(m, WEIR_METER_OTHER);
    weir_meter_stop(m, WEIR_METER_OTHER);
    static const int parent[][2] = {{WEIR_METER_EPOCH, -1},
                                    {WEIR_METER_BATCH, 0},
                                    {WEIR_METER_IO, 1},
                                    {WEIR_METER_COMM, 2},
                                    {WEIR_METER_OTHER, -1}};
    assert_int_equal(weir_meter_n_nodes(m), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(node_at(m, i).key, parent[i][0]);
        assert_int_equal(node_at(m, i).parent, parent[i][1]);
        assert_int_equal(node_at(m, i).n, 1);
    }
    weir_meter_free(m);
}

static void test_durations_agree_with_the_system_clock(void **state)
{
    (void)state;
    for (int clock = WEIR_METER_CLOCK_BEST; clock <= WEIR_METER_CLOCK_MONOTONIC;
         clock++) {
        weir_meter *m = meter((weir_meter_options){.clock = (weir_meter_clock)clock});
        int64_t before = weir_now_ns(), after;
        weir_meter_start(m, WEIR_METER_OTHER);
        int64_t inside = weir_now_ns();
        do
            after = weir_now_ns();
        while (after - inside < 20000000);
        weir_meter_stop(m, WEIR_METER_OTHER);
        int64_t end = weir_now_ns();
        double s = stats_of(m, WEIR_METER_OTHER).sum;
        double slack = 1e-7 + 2e-4 * s; /* the clock's slew and our calibration */
        assert_true(s >= (double)(after - inside) * 1e-9 - slack);
        assert_true(s <= (double)(end - before) * 1e-9 + slack);
        weir_meter_free(m);
    }
}

static void test_a_name_is_one_key_of_one_kind(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    weir_error err = {0};
    weir_str none = {0};
    int key = -5;
    assert_int_equal(key_of(m, WEIR_METER_TIMER, "BATCH"), WEIR_METER_BATCH);
    int solve = key_of(m, WEIR_METER_TIMER, "solve");
    assert_int_equal(solve, WEIR_METER_BUILTIN_COUNT);
    assert_int_equal(key_of(m, WEIR_METER_TIMER, "solve"), solve);
    assert_int_equal(
        weir_meter_key(m, WEIR_METER_COUNTER, WEIR_STR("solve"), none, none, &key, &err),
        WEIR_ERR_KIND);
    assert_non_null(strstr(err.text, "'solve' is a timer, a counter"));
    assert_int_equal(key, -5);
    assert_int_equal(weir_meter_n_keys(m), WEIR_METER_BUILTIN_COUNT + 1);
    weir_meter_key_info info;
    assert_true(weir_meter_key_at(m, solve, &info));
    assert_string_equal(info.name.p, "solve");
    assert_string_equal(info.unit.p, "s");
    assert_false(info.is_open);
    assert_false(weir_meter_key_at(m, solve + 1, &info));
    assert_false(weir_meter_key_at(m, -1, &info));
    weir_meter_free(m);
}

static void test_bad_names_units_and_options_are_refused(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    char text[200];
    int key = -5;
    weir_str none = {0}, ok = WEIR_STR("ok"), long_name = {text, 128},
             long_unit = {text, 32};
    memset(text, 'x', sizeof text);
    const struct {
        weir_meter_kind kind;
        weir_str name, unit;
    } bad[] = {{WEIR_METER_TIMER, none, none},
               {WEIR_METER_TIMER, {NULL, 3}, none},
               {WEIR_METER_TIMER, long_name, none},
               {WEIR_METER_TIMER, WEIR_STR("a\nb"), none},
               {WEIR_METER_TIMER, WEIR_STR("a\0b"), none},
               {WEIR_METER_TIMER, ok, WEIR_STR("ms")},
               {WEIR_METER_COUNTER, ok, long_unit},
               {(weir_meter_kind)3, ok, none},
               {(weir_meter_kind)-1, ok, none}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weir_error err = {0};
        assert_int_equal(
            weir_meter_key(m, bad[i].kind, bad[i].name, bad[i].unit, none, &key, &err),
            WEIR_ERR_ARG);
        assert_true(err.text[0] != '\0');
    }
    assert_int_equal(key, -5);
    assert_int_equal(weir_meter_n_keys(m), WEIR_METER_BUILTIN_COUNT);
    weir_meter_free(m);

    m = NULL;
    weir_meter_options wrong[] = {
        {.trace = true}, /* without struct_bytes */
        {.struct_bytes = 100000},
        {.struct_bytes = sizeof *wrong, .mode = (weir_meter_mode)2},
        {.struct_bytes = sizeof *wrong, .clock = (weir_meter_clock)3},
        {.struct_bytes = sizeof *wrong, .samples_max = SIZE_MAX},
        {.struct_bytes = sizeof *wrong, .trace_max = SIZE_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(weir_meter_new(&m, &wrong[i], NULL), WEIR_ERR_ARG);
    assert_null(m);
    assert_int_equal(weir_meter_new(NULL, NULL, NULL), WEIR_ERR_ARG);
}

static void test_too_many_keys_are_refused(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    weir_str none = {0};
    char name[32];
    int key = -5;
    for (int i = WEIR_METER_BUILTIN_COUNT; i < WEIR_METER_KEYS_MAX; i++) {
        snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(key_of(m, WEIR_METER_COUNTER, name), i);
    }
    assert_int_equal(weir_meter_key(m, WEIR_METER_COUNTER, WEIR_STR("one more"), none,
                                    none, &key, NULL),
                     WEIR_ERR_FULL);
    assert_int_equal(key, -5);
    weir_meter_free(m);
}

static void test_a_null_meter_is_off(void **state)
{
    (void)state;
    weir_str none = {0};
    int key = -1;
    size_t n = 5;
    assert_int_equal(
        weir_meter_key(NULL, WEIR_METER_TIMER, WEIR_STR("x"), none, none, &key, NULL), 0);
    assert_int_equal(weir_meter_start(NULL, key), WEIR_OK);
    assert_int_equal(weir_meter_stop(NULL, key), WEIR_OK);
    assert_int_equal(weir_meter_add(NULL, key, 1), WEIR_OK);
    assert_int_equal(weir_meter_n_refused(NULL), 0);
    assert_int_equal(weir_meter_n_keys(NULL), 0);
    assert_int_equal(weir_meter_n_nodes(NULL), 0);
    assert_null(weir_meter_samples(NULL, 0, &n));
    assert_int_equal(n, 0);
    assert_int_equal(weir_meter_read(NULL, 0, NULL, NULL), WEIR_ERR_ARG);
    weir_meter_reset(NULL);
    weir_meter_free(NULL);
}

static void test_counters_add_up_exactly_and_keep_nothing(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    int c = key_of(m, WEIR_METER_COUNTER, "bytes");
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        assert_int_equal(weir_meter_add(m, c, (double)(i * 1000003)), WEIR_OK);
        sum += i * 1000003;
    }
    weir_meter_stats s = stats_of(m, c);
    assert_true(s.sum == (double)sum && s.n == 100000 && s.n_kept == 0);
    weir_meter_free(m);
}

static void test_bins_count_as_brute_force(void **state)
{
    (void)state;
    static const double edge[] = {-1, -0.25, 0, 0.125, 0.5, 1};
    enum { N_BINS = 5, N = 3000 };
    uint64_t expected[N_BINS] = {0}, count[N_BINS];
    weir_meter *full = meter((weir_meter_options){0});
    weir_meter *stream = meter((weir_meter_options){.mode = WEIR_METER_STREAM});
    int h = key_of(full, WEIR_METER_HISTOGRAM, "h");
    assert_int_equal(key_of(stream, WEIR_METER_HISTOGRAM, "h"), h);
    rng = 99;
    for (int i = 0; i < N; i++) {
        /* some on the edges themselves, some outside; none within 0.4 % of an edge otherwise */
        double x =
            i % 50 == 0 ? edge[i / 50 % 6] : (floor(uniform() * 24) - 12 + 0.5) / 8;
        for (int b = 0; b < N_BINS; b++)
            expected[b] += x >= edge[b] &&
                           (x < edge[b + 1] || (b == N_BINS - 1 && x <= edge[b + 1]));
        assert_int_equal(weir_meter_add(full, h, x), WEIR_OK);
        if (i % 50 != 0)
            assert_int_equal(weir_meter_add(stream, h, x), WEIR_OK);
    }
    assert_int_equal(weir_meter_histogram(full, h, edge, 6, count, NULL), WEIR_OK);
    assert_memory_equal(count, expected, sizeof count);
    for (int i = 0; i < N; i += 50) {
        int b = i / 50 % 6;
        expected[b == 5 ? 4 : b]--;
    }
    assert_int_equal(weir_meter_histogram(stream, h, edge, 6, count, NULL), WEIR_OK);
    assert_memory_equal(count, expected, sizeof count);

    static const double falling[] = {1, 0}, wrong[] = {0, (double)INFINITY};
    assert_int_equal(weir_meter_histogram(full, h, falling, 2, count, NULL),
                     WEIR_ERR_ARG);
    assert_int_equal(weir_meter_histogram(full, h, wrong, 2, count, NULL), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_histogram(full, h, edge, 1, count, NULL), WEIR_ERR_ARG);
    int c = key_of(full, WEIR_METER_COUNTER, "c");
    assert_int_equal(weir_meter_histogram(full, c, edge, 6, count, NULL), WEIR_ERR_ARG);
    weir_meter_free(full);
    weir_meter_free(stream);
}

static void test_reset_forgets_values_and_keeps_keys_and_open_regions(void **state)
{
    (void)state;
    weir_meter *m =
        meter((weir_meter_options){.skip_first = 1, .samples_max = 300, .trace = true});
    int solve = key_of(m, WEIR_METER_TIMER, "solve");
    weir_meter_start(m, WEIR_METER_EPOCH);
    for (int i = 0; i < 1000; i++)
        weir_meter_add(m, solve, 1);
    weir_meter_stop(m, solve);
    weir_meter_reset(m);
    assert_int_equal(weir_meter_n_refused(m), 0);
    assert_int_equal(stats_of(m, solve).n, 0);
    weir_meter_add(m, solve, 2);
    weir_meter_add(m, solve, 4);
    weir_meter_stats s = stats_of(m, solve);
    assert_true(s.n == 2 && s.first == 2 && s.mean_rest == 4 && s.exact && s.n_kept == 2);
    assert_int_equal(weir_meter_stop(m, WEIR_METER_EPOCH), WEIR_OK);
    assert_int_equal(node_at(m, 0).n, 1);
    weir_meter_free(m);
}

/* Values whose every allocation fails are still counted; only their ranks get lost. */
static void test_recording_survives_every_allocation_failure(void **state)
{
    (void)state;
    for (long n = 0; n < 12; n++) {
        weir_meter *m = meter((weir_meter_options){0});
        wr_fail_allocation_after(n);
        for (int i = 0; i < 3000; i++) {
            assert_int_equal(weir_meter_add(m, WEIR_METER_IO, 1 + i % 2), WEIR_OK);
            assert_int_equal(weir_meter_start(m, WEIR_METER_BATCH), WEIR_OK);
            assert_int_equal(weir_meter_stop(m, WEIR_METER_BATCH), WEIR_OK);
        }
        wr_fail_allocation_after(-1);
        weir_meter_stats s = stats_of(m, WEIR_METER_IO);
        assert_true(s.n == 3000 && s.sum == 4500 && s.mean == 1.5 && s.min == 1 &&
                    s.max == 2);
        assert_true(s.exact || s.n_dropped <= s.n);
        if (n == 0) /* all but the last, unfinished window, which found memory again */
            assert_int_equal(s.n_dropped, 3000 / WR_WINDOW * WR_WINDOW);
        assert_true(s.median >= 1 && s.median <= 2);
        assert_int_equal(stats_of(m, WEIR_METER_BATCH).n, 3000);
        weir_meter_free(m);
    }
}

static void test_making_a_meter_survives_every_allocation_failure(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        weir_meter *m = NULL;
        weir_error err = {0};
        weir_meter_options o = {.struct_bytes = sizeof o, .trace = true};
        int key = -5;
        weir_str none = {0};
        wr_fail_allocation_after(n);
        weir_status st = weir_meter_new(&m, &o, &err);
        for (int i = 0; i < 20 && st == WEIR_OK; i++) {
            char name[16];
            snprintf(name, sizeof name, "key %d", i);
            st = weir_meter_key(m, WEIR_METER_TIMER, weir_cstr(name), none, none, &key,
                                &err);
        }
        weir_meter_stats s;
        weir_meter_add(m, key, 3);
        if (st == WEIR_OK)
            st = weir_meter_read(m, key, &s, &err);
        wr_fail_allocation_after(-1);
        weir_meter_free(m);
        if (st == WEIR_OK) {
            assert_true(n > 40);
            return;
        }
        assert_int_equal(st, WEIR_ERR_NOMEM);
        assert_true(err.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics_of_kept_values_equal_brute_force),
        cmocka_unit_test(test_streamed_percentiles_are_within_the_stated_error),
        cmocka_unit_test(test_streamed_negative_values_and_zeros_are_ranked),
        cmocka_unit_test(test_deviation_survives_a_large_mean),
        cmocka_unit_test(test_full_meter_goes_over_to_streaming_at_its_limit),
        cmocka_unit_test(test_a_limit_below_the_window_is_kept_too),
        cmocka_unit_test(test_streaming_needs_no_memory_after_a_while),
        cmocka_unit_test(test_no_value_gives_zeros_without_error),
        cmocka_unit_test(test_unbalanced_calls_are_refused_and_counted),
        cmocka_unit_test(test_tree_has_a_place_for_each_path),
        cmocka_unit_test(test_parent_is_the_region_started_last_of_those_open),
        cmocka_unit_test(test_durations_agree_with_the_system_clock),
        cmocka_unit_test(test_a_name_is_one_key_of_one_kind),
        cmocka_unit_test(test_bad_names_units_and_options_are_refused),
        cmocka_unit_test(test_too_many_keys_are_refused),
        cmocka_unit_test(test_a_null_meter_is_off),
        cmocka_unit_test(test_counters_add_up_exactly_and_keep_nothing),
        cmocka_unit_test(test_bins_count_as_brute_force),
        cmocka_unit_test(test_reset_forgets_values_and_keeps_keys_and_open_regions),
        cmocka_unit_test(test_recording_survives_every_allocation_failure),
        cmocka_unit_test(test_making_a_meter_survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
