/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of joining: the meters of threads, and those of ranks, which are threads here with a table of
 * functions over shared memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "meter/meter.h"

enum { N_THREADS = 5, N_STEPS = 700 };

static const weir_str none;

static weir_meter *meter(weir_meter_options o)
{
    weir_meter *m = NULL;
    o.struct_bytes = sizeof o;
    return weir_meter_new(&m, &o, NULL) == WEIR_OK ? m : NULL;
}

static int key_of(weir_meter *m, weir_meter_kind kind, const char *name)
{
    int key = -1;
    return weir_meter_key(m, kind, weir_cstr(name), none, none, &key, NULL) == WEIR_OK
               ? key
               : -1;
}

static weir_meter_stats stats_of(weir_meter *m, const char *name)
{
    weir_meter_stats s = {0};
    int key = wr_meter_find(m, weir_cstr(name));
    assert_true(key >= 0);
    assert_int_equal(weir_meter_read(m, key, &s, NULL), WEIR_OK);
    return s;
}

/* What thread t measures in step i. */
static double value(int t, int i)
{
    return 1 + t + (i * 7919 % 1000) * 1e-3;
}

static void work(weir_meter *m, int t)
{
    char own[16];
    snprintf(own, sizeof own, "own %d", t);
    int mine = key_of(m, WEIR_METER_TIMER, own),
        shared = key_of(m, WEIR_METER_HISTOGRAM, "shared");
    int bytes = key_of(m, WEIR_METER_COUNTER, "bytes");
    for (int i = 0; i < N_STEPS; i++) {
        weir_meter_start(m, WEIR_METER_BATCH);
        weir_meter_start(m, mine);
        weir_meter_add(m, WEIR_METER_COMM, value(t, i));
        weir_meter_add(m, shared, value(t, i));
        weir_meter_add(m, bytes, t);
        weir_meter_stop(m, mine);
        weir_meter_stop(m, WEIR_METER_BATCH);
    }
    weir_meter_start(m, WEIR_METER_EPOCH); /* left open: does not count */
    weir_meter_stop(m, WEIR_METER_IO);     /* refused */
}

typedef struct worker {
    pthread_t thread;
    weir_meter_options opt;
    weir_meter *m;
    int i;
} worker;

static void *run_worker(void *arg)
{
    worker *w = arg;
    w->m = meter(w->opt);
    if (w->m != NULL)
        work(w->m, w->i);
    return NULL;
}

static void run_workers(worker *w, weir_meter_options opt)
{
    for (int i = 0; i < N_THREADS; i++) {
        w[i] = (worker){.i = i, .opt = opt};
        w[i].opt.thread = i;
        assert_int_equal(pthread_create(&w[i].thread, NULL, run_worker, &w[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(w[i].thread, NULL);
        assert_non_null(w[i].m);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* All threads' values in the order of merging, against the merged statistics. */
static void assert_merged(weir_meter *m, const char *name, uint64_t skip,
                          double rank_error)
{
    enum { N = N_THREADS * N_STEPS };
    static double x[N];
    double sum = 0, squares = 0, rest = 0;
    int n = 0;
    for (int t = 0; t < N_THREADS; t++) {
        for (int i = 0; i < N_STEPS; i++) {
            x[n++] = value(t, i);
            sum += value(t, i);
            rest += (uint64_t)i < skip ? 0 : value(t, i);
        }
    }
    for (int i = 0; i < N; i++)
        squares += (x[i] - sum / N) * (x[i] - sum / N);
    weir_meter_stats s = stats_of(m, name);
    assert_int_equal(s.n, N);
    assert_int_equal(s.n_skipped, skip * N_THREADS);
    assert_true(s.first == x[0]);
    assert_true(fabs(s.sum - sum) < 1e-9 * sum);
    assert_true(fabs(s.stdev - sqrt(squares / (N - 1))) < 1e-9 * s.stdev);
    assert_true(fabs(s.mean_rest - rest / (double)(N - skip * N_THREADS)) <
                1e-9 * s.mean_rest);
    qsort(x, N, sizeof *x, by_size);
    assert_true(s.min == x[0] && s.max == x[N - 1]);
    double median = (x[N / 2 - 1] + x[N / 2]) / 2;
    assert_true(fabs(s.median - median) <= rank_error * median);
    assert_int_equal(s.exact, rank_error < 1e-9);
}

static const weir_meter_options modes[] = {{.skip_first = 4},
                                           {.mode = WEIR_METER_STREAM, .skip_first = 4},
                                           {.samples_max = 300, .skip_first = 4}};

static void test_merged_threads_count_as_one_meter(void **state)
{
    (void)state;
    for (size_t from = 0; from < 3; from++) {
        for (size_t into = 0; into < 3; into++) {
            worker w[N_THREADS];
            run_workers(w, modes[from]);
            weir_meter *all = meter(modes[into]);
            assert_non_null(all);
            int hers = key_of(all, WEIR_METER_TIMER,
                              "hers"); /* so that keys get other numbers */
            assert_true(hers >= 0);
            for (int t = 0; t < N_THREADS; t++)
                assert_int_equal(weir_meter_merge(all, w[t].m, NULL), WEIR_OK);
            double rank_error = from + into == 0 ? 1e-12 : 1.0 / 256;
            assert_merged(all, "COMM", 4, rank_error);
            assert_merged(all, "shared", 4, rank_error);
            assert_true(stats_of(all, "bytes").sum == N_STEPS * 10.0);
            assert_int_equal(stats_of(all, "own 3").n, N_STEPS);
            assert_int_equal(stats_of(all, "BATCH").n, N_THREADS * N_STEPS);
            assert_int_equal(stats_of(all, "EPOCH").n, 0);
            for (int t = 0; t < N_THREADS; t++) {
                assert_int_equal(stats_of(w[t].m, "COMM").n, N_STEPS); /* unchanged */
                weir_meter_free(w[t].m);
            }
            weir_meter_free(all);
        }
    }
}

static void test_merged_tree_and_trace_keep_paths_and_threads(void **state)
{
    (void)state;
    worker w[N_THREADS];
    int64_t started = weir_now_ns();
    weir_meter *all =
        meter((weir_meter_options){.trace = true, .clock = WEIR_METER_CLOCK_MONOTONIC});
    assert_non_null(all);
    run_workers(w, (weir_meter_options){.trace = true});
    for (int t = 0; t < N_THREADS; t++)
        assert_int_equal(weir_meter_merge(all, w[t].m, NULL), WEIR_OK);
    /* BATCH on top (and EPOCH, never closed), below it five own keys, below each COMM */
    uint64_t n_comm = 0;
    int n_own = 0;
    for (size_t i = 0; i < weir_meter_n_nodes(all); i++) {
        weir_meter_node node, parent;
        assert_true(weir_meter_node_at(all, i, &node));
        if (node.parent == -1)
            continue;
        assert_true(weir_meter_node_at(all, (size_t)node.parent, &parent));
        if (node.key == WEIR_METER_COMM) {
            n_comm += node.n;
            assert_true(parent.key >= WEIR_METER_BUILTIN_COUNT);
        } else {
            n_own++;
            assert_int_equal(parent.key, WEIR_METER_BATCH);
            assert_int_equal(parent.n, N_THREADS * N_STEPS);
        }
    }
    assert_int_equal(n_comm, N_THREADS * N_STEPS);
    assert_int_equal(n_own, N_THREADS);
    assert_int_equal(weir_meter_n_refused(all), N_THREADS);
    char *trace = NULL;
    assert_int_equal(weir_meter_print(all, WEIR_METER_TRACE, &trace, NULL, NULL),
                     WEIR_OK);
    double now_us = (double)(weir_now_ns() - started) * 1e-3;
    int n_events[N_THREADS] = {0}, n_inner = 0;
    for (const char *at = strstr(trace, "\"ts\": "); at != NULL;
         at = strstr(at + 1, "\"ts\": ")) {
        double ts, dur;
        int rank_id, t;
        assert_int_equal(sscanf(at, "\"ts\": %lf, \"dur\": %lf, \"pid\": %d, \"tid\": %d",
                                &ts, &dur, &rank_id, &t),
                         4);
        assert_true(t >= 0 && t < N_THREADS);
        n_events[t]++;
        n_inner += strncmp(strchr(at, '}') - 7, "\"BATCH\"", 7) == 0;
        /* after `all` was made, since the workers were; within this test, by either clock */
        assert_true(ts >= -0.02 * now_us && dur >= 0 && ts + dur <= 1.02 * now_us);
    }
    assert_int_equal(n_inner, N_THREADS * N_STEPS);
    for (int t = 0; t < N_THREADS; t++) {
        assert_int_equal(n_events[t], 2 * N_STEPS);
        weir_meter_free(w[t].m);
    }
    weir_meter_text_free(trace);
    weir_meter_free(all);
}

static void test_merge_refuses_what_does_not_fit(void **state)
{
    (void)state;
    weir_meter *a = meter((weir_meter_options){0}), *b = meter((weir_meter_options){0});
    weir_error err = {0};
    int key = -1;
    assert_int_equal(key_of(a, WEIR_METER_COUNTER, "x"), WEIR_METER_BUILTIN_COUNT);
    key_of(b, WEIR_METER_TIMER, "new");
    key_of(b, WEIR_METER_HISTOGRAM, "x");
    weir_meter_add(b, WEIR_METER_IO, 1);
    assert_int_equal(weir_meter_merge(a, b, &err), WEIR_ERR_KIND);
    assert_non_null(
        strstr(err.text, "'x' is a counter in '1' here and a histogram in '1' there"));
    assert_int_equal(weir_meter_n_keys(a), WEIR_METER_BUILTIN_COUNT + 1);
    assert_int_equal(stats_of(a, "IO").n, 0);
    assert_int_equal(weir_meter_merge(a, a, &err), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_merge(a, NULL, &err), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_merge(NULL, b, &err), WEIR_ERR_ARG);
    weir_meter_free(b);
    b = meter((weir_meter_options){0});
    assert_int_equal(weir_meter_key(b, WEIR_METER_COUNTER, WEIR_STR("x"), WEIR_STR("kg"),
                                    none, &key, NULL),
                     WEIR_OK);
    assert_int_equal(weir_meter_merge(a, b, &err), WEIR_ERR_KIND);
    weir_meter_free(a);
    weir_meter_free(b);
}

static void test_merge_survives_every_allocation_failure(void **state)
{
    (void)state;
    weir_meter *from = meter((weir_meter_options){.samples_max = 400});
    assert_non_null(from);
    work(from, 2);
    for (long n = 0;; n++) {
        weir_meter *into = meter((weir_meter_options){0});
        assert_non_null(into);
        weir_error err = {0};
        wr_fail_allocation_after(n);
        weir_status st = weir_meter_merge(into, from, &err);
        wr_fail_allocation_after(-1);
        int n_keys = weir_meter_n_keys(into);
        uint64_t n_comm = stats_of(into, "COMM").n,
                 n_dropped = stats_of(into, "COMM").n_dropped;
        weir_meter_free(into);
        if (st == WEIR_OK) {
            assert_int_equal(n_keys, WEIR_METER_BUILTIN_COUNT + 3);
            assert_int_equal(n_comm, N_STEPS);
            if (n_dropped == 0 && n > 30)
                break;
            continue;
        }
        assert_int_equal(st, WEIR_ERR_NOMEM);
        assert_int_equal(n_keys, WEIR_METER_BUILTIN_COUNT);
        assert_int_equal(n_comm, 0);
        assert_true(err.text[0] != '\0');
    }
    weir_meter_free(from);
}

/* ---- ranks -------------------------------------------------------------------------------- */

/* One communicator: all meet at a barrier, copy, meet again. */
typedef struct world {
    pthread_barrier_t barrier;
    const void *send[N_THREADS];
    void *recv;
    void *data;
    int fail_at; /* the call of rank 1 that fails; -1: none */
} world;

typedef struct rank {
    world *w;
    int i, n_calls;
    pthread_t thread;
    weir_meter *m;
    weir_meter_comm comm;
    weir_meter_summary *s;
    weir_error err;
    weir_status st;
} rank;

static bool must_fail(rank *r)
{
    return r->i == 1 && r->n_calls++ == r->w->fail_at;
}

static int gather(void *ctx, const void *send, size_t n, void *recv)
{
    rank *r = ctx;
    r->w->send[r->i] = send;
    pthread_barrier_wait(&r->w->barrier);
    if (recv != NULL) {
        for (int i = 0; i < r->comm.size; i++)
            memcpy((char *)recv + (size_t)i * n, r->w->send[i], n);
    }
    pthread_barrier_wait(&r->w->barrier);
    return must_fail(r) ? 17 : 0;
}

static int bcast(void *ctx, void *data, size_t n)
{
    rank *r = ctx;
    if (r->i == 0)
        r->w->data = data;
    pthread_barrier_wait(&r->w->barrier);
    if (r->i != 0)
        memcpy(data, r->w->data, n);
    pthread_barrier_wait(&r->w->barrier);
    return must_fail(r) ? 17 : 0;
}

static void *run_rank(void *arg)
{
    rank *r = arg;
    r->st = weir_meter_reduce(r->m, &r->comm, &r->s, &r->err);
    return NULL;
}

static void reduce(rank *r, world *w, int size)
{
    assert_int_equal(pthread_barrier_init(&w->barrier, NULL, (unsigned)size), 0);
    for (int i = 0; i < size; i++) {
        r[i].w = w;
        r[i].i = i;
        r[i].n_calls = 0;
        r[i].comm = (weir_meter_comm){&r[i], i, size, gather, bcast};
        assert_int_equal(pthread_create(&r[i].thread, NULL, run_rank, &r[i]), 0);
    }
    for (int i = 0; i < size; i++)
        pthread_join(r[i].thread, NULL);
    pthread_barrier_destroy(&w->barrier);
}

static const weir_meter_total *total_of(const weir_meter_summary *s, const char *name)
{
    for (size_t i = 0; i < weir_meter_summary_n(s); i++) {
        const weir_meter_total *t = weir_meter_summary_at(s, i);
        if (strcmp(t->name, name) == 0)
            return t;
    }
    fail_msg("no total of '%s'", name);
    return NULL;
}

/* Brute force over ranks. */
static void assert_total(const weir_meter_summary *s, const char *name, const double *sum,
                         int n_ranks, int n_each)
{
    const weir_meter_total *t = total_of(s, name);
    double all = 0, low = sum[0], high = sum[0];
    int rank_min = 0, rank_max = 0;
    for (int r = 0; r < n_ranks; r++) {
        all += sum[r];
        rank_min = sum[r] < low ? r : rank_min;
        rank_max = sum[r] > high ? r : rank_max;
        low = sum[r] < low ? sum[r] : low;
        high = sum[r] > high ? sum[r] : high;
    }
    assert_int_equal(t->n_ranks, n_ranks);
    assert_int_equal(t->n, (uint64_t)n_ranks * (uint64_t)n_each);
    assert_true(fabs(t->sum - all) <= 1e-12 * all && t->sum_min == low &&
                t->sum_max == high);
    assert_int_equal(t->rank_min, rank_min);
    assert_int_equal(t->rank_max, rank_max);
    assert_true(fabs(t->sum_mean - all / n_ranks) <= 1e-12 * all);
    assert_true(fabs(t->imbalance - high / (all / n_ranks)) < 1e-12 * t->imbalance);
    assert_true(fabs(t->mean_max - high / n_each) <= 1e-12 * high);
    assert_true(fabs(t->mean_min - low / n_each) <= 1e-12 * high);
    assert_true(fabs(t->mean_mean - all / n_ranks / n_each) <= 1e-12 * high);
}

static void test_ranks_with_different_keys_are_joined_by_name(void **state)
{
    (void)state;
    for (int size = 1; size <= N_THREADS; size++) {
        rank r[N_THREADS] = {{0}};
        world w = {.fail_at = -1};
        double comm[N_THREADS] = {0};
        for (int i = 0; i < size; i++) {
            r[i].m = meter((weir_meter_options){.rank = i});
            assert_non_null(r[i].m);
            for (int k = 0; k <= i; k++) { /* so that numbers of keys differ */
                char name[16];
                snprintf(name, sizeof name, "pad %d", (i * 3 + k) % 4);
                assert_true(key_of(r[i].m, WEIR_METER_COUNTER, name) >= 0);
            }
            work(r[i].m, (i + 1) % size); /* sums do not rise with the rank */
            weir_meter_stats s = stats_of(r[i].m, "COMM");
            comm[i] = s.sum;
        }
        reduce(r, &w, size);
        for (int i = 0; i < size; i++) {
            assert_int_equal(r[i].st, WEIR_OK);
            assert_int_equal(weir_meter_summary_ranks(r[i].s), size);
            assert_total(r[i].s, "COMM", comm, size, N_STEPS);
            assert_total(r[i].s, "shared", comm, size, N_STEPS);
            assert_int_equal(weir_meter_summary_n(r[i].s), weir_meter_summary_n(r[0].s));
            for (size_t k = 0; k < weir_meter_summary_n(r[0].s); k++) {
                const weir_meter_total *t = weir_meter_summary_at(r[i].s, k);
                assert_memory_equal(t, weir_meter_summary_at(r[0].s, k), sizeof *t);
                assert_true(k == 0 || strcmp(t[-1].name, t->name) < 0);
                assert_int_equal(weir_meter_summary_by_rank(r[i].s, k) != NULL, i == 0);
            }
        }
        const weir_meter_total *own = total_of(r[0].s, "own 0");
        for (int i = 0; i < size; i++) {
            const double *by_rank = weir_meter_summary_by_rank(
                r[0].s, (size_t)(own - weir_meter_summary_at(r[0].s, 0)));
            int key = wr_meter_find(r[i].m, WEIR_STR("own 0"));
            assert_true(by_rank[i] == (key < 0 ? 0 : stats_of(r[i].m, "own 0").sum));
        }
        assert_null(weir_meter_summary_at(r[0].s, weir_meter_summary_n(r[0].s)));
        for (int i = 0; i < size; i++) {
            weir_meter_summary_free(r[i].s);
            weir_meter_free(r[i].m);
        }
    }
}

static void test_ranks_without_values_or_meter_take_part(void **state)
{
    (void)state;
    rank r[3] = {{0}};
    world w = {.fail_at = -1};
    r[1].m = meter((weir_meter_options){0});
    reduce(r, &w, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(r[i].st, WEIR_OK);
        assert_int_equal(weir_meter_summary_n(r[i].s), 0);
        weir_meter_summary_free(r[i].s);
    }
    weir_meter_free(r[1].m);
}

/* Keys come sorted, so rank 1's "tie" comes a round before rank 0's. */
static void test_of_equal_sums_the_lowest_rank_is_named(void **state)
{
    (void)state;
    rank r[3] = {{0}};
    world w = {.fail_at = -1};
    for (int i = 0; i < 3; i++) {
        r[i].m = meter((weir_meter_options){0});
        if (i == 0)
            weir_meter_add(r[i].m, WEIR_METER_COMM, 1);
        weir_meter_add(r[i].m, key_of(r[i].m, WEIR_METER_TIMER, "tie"), i < 2 ? 2 : 1);
        weir_meter_add(r[i].m, key_of(r[i].m, WEIR_METER_TIMER, "tie low"),
                       i < 2 ? 2 : 3);
    }
    reduce(r, &w, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(r[i].st, WEIR_OK);
        assert_int_equal(total_of(r[i].s, "tie")->rank_max, 0);
        assert_int_equal(total_of(r[i].s, "tie")->rank_min, 2);
        assert_int_equal(total_of(r[i].s, "tie low")->rank_min, 0);
        weir_meter_summary_free(r[i].s);
        weir_meter_free(r[i].m);
    }
}

static void test_disagreeing_kinds_fail_on_all_ranks(void **state)
{
    (void)state;
    rank r[3] = {{0}};
    world w = {.fail_at = -1};
    for (int i = 0; i < 3; i++) {
        r[i].m = meter((weir_meter_options){0});
        int key = key_of(r[i].m, i == 2 ? WEIR_METER_COUNTER : WEIR_METER_TIMER, "x");
        weir_meter_add(r[i].m, key, 1);
    }
    reduce(r, &w, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(r[i].st, WEIR_ERR_KIND);
        assert_null(r[i].s);
        assert_non_null(strstr(r[i].err.text, "key 'x' is a counter in '1' on rank 2"));
        weir_meter_free(r[i].m);
    }
}

static void test_a_failing_function_of_the_table_is_told(void **state)
{
    (void)state;
    rank r[2] = {{0}};
    world w = {.fail_at = 0};
    /* Rank 1 leaves after its first call, so its partner runs alone here: size 1 of the barrier. */
    r[1].m = meter((weir_meter_options){0});
    r[1].i = 1;
    r[1].w = &w;
    r[1].comm = (weir_meter_comm){&r[1], 1, 2, gather, bcast};
    uint64_t sink[128] = {0};
    w.data = sink;
    assert_int_equal(pthread_barrier_init(&w.barrier, NULL, 1), 0);
    run_rank(&r[1]);
    pthread_barrier_destroy(&w.barrier);
    assert_int_equal(r[1].st, WEIR_ERR_IO);
    assert_non_null(strstr(r[1].err.text, "gave 17 on rank 1 of 2"));
    weir_meter_free(r[1].m);
}

static void test_bad_tables_are_refused(void **state)
{
    (void)state;
    weir_meter_summary *s = NULL;
    const weir_meter_comm bad[] = {
        {.rank = 1},
        {.size = -1},
        {.rank = 2, .size = 2, .gather = gather, .bcast = bcast},
        {.rank = -1, .size = 2, .gather = gather, .bcast = bcast},
        {.size = 2, .bcast = bcast},
        {.size = 2, .gather = gather}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(weir_meter_reduce(NULL, &bad[i], &s, NULL), WEIR_ERR_ARG);
    assert_int_equal(weir_meter_reduce(NULL, NULL, NULL, NULL), WEIR_ERR_ARG);
    assert_null(s);
}

/* No rank hangs when memory runs out anywhere: which rank gets the last allocation is chance. */
static void test_reduction_survives_every_allocation_failure(void **state)
{
    (void)state;
    rank r[3] = {{0}};
    world w = {.fail_at = -1};
    for (int i = 0; i < 3; i++) {
        r[i].m = meter((weir_meter_options){0});
        assert_non_null(r[i].m);
        work(r[i].m, i);
    }
    bool done = false;
    for (long n = 0; !done; n++) {
        wr_fail_allocation_after(n);
        reduce(r, &w, 3);
        wr_fail_allocation_after(-1);
        done = true;
        for (int i = 0; i < 3; i++) {
            if (r[i].st != WEIR_OK) {
                assert_int_equal(r[i].st, WEIR_ERR_NOMEM);
                assert_true(r[i].err.text[0] != '\0');
                assert_null(r[i].s);
                done = false;
            }
            weir_meter_summary_free(r[i].s);
            r[i].s = NULL;
        }
        assert_true(n > 15 || !done);
    }
    for (int i = 0; i < 3; i++)
        weir_meter_free(r[i].m);
}

static void test_summary_prints_as_table_csv_and_json(void **state)
{
    (void)state;
    weir_meter *m = meter((weir_meter_options){0});
    weir_meter_summary *s = NULL;
    char *text = NULL;
    for (int i = 1; i <= 3; i++)
        weir_meter_add(m, WEIR_METER_IO, i);
    int odd = key_of(m, WEIR_METER_COUNTER, "a,\"b\"");
    weir_meter_add(m, odd, 2);
    assert_int_equal(weir_meter_reduce(m, NULL, &s, NULL), WEIR_OK);
    assert_int_equal(weir_meter_summary_print(s, WEIR_METER_CSV, &text, NULL, NULL),
                     WEIR_OK);
    assert_string_equal(
        text, "name,kind,unit,ranks,n,sum,sum_min,sum_mean,sum_max,imbalance,mean_min,"
              "mean_mean,mean_max,min,max,rank_min,rank_max\n"
              "IO,timer,s,1,3,6,6,6,6,1,2,2,2,1,3,0,0\n"
              "\"a,\"\"b\"\"\",counter,1,1,1,2,2,2,2,1,2,2,2,2,2,0,0\n");
    weir_meter_text_free(text);
    assert_int_equal(weir_meter_summary_print(s, WEIR_METER_JSON, &text, NULL, NULL),
                     WEIR_OK);
    assert_non_null(strstr(text, "{\"name\": \"a,\\\"b\\\"\", \"kind\": \"counter\""));
    assert_non_null(strstr(text, "\"by_rank\": [6]"));
    weir_meter_text_free(text);
    assert_int_equal(weir_meter_summary_print(s, WEIR_METER_TEXT, &text, NULL, NULL),
                     WEIR_OK);
    assert_non_null(strstr(text, "IO         1            3            6"));
    weir_meter_text_free(text);
    text = NULL;
    assert_int_equal(weir_meter_summary_print(s, WEIR_METER_TRACE, &text, NULL, NULL),
                     WEIR_ERR_UNSUPPORTED);
    assert_int_equal(weir_meter_summary_print(NULL, WEIR_METER_TEXT, &text, NULL, NULL),
                     WEIR_ERR_ARG);
    assert_null(text);
    weir_meter_summary_free(s);
    weir_meter_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged_threads_count_as_one_meter),
        cmocka_unit_test(test_merged_tree_and_trace_keep_paths_and_threads),
        cmocka_unit_test(test_merge_refuses_what_does_not_fit),
        cmocka_unit_test(test_merge_survives_every_allocation_failure),
        cmocka_unit_test(test_ranks_with_different_keys_are_joined_by_name),
        cmocka_unit_test(test_ranks_without_values_or_meter_take_part),
        cmocka_unit_test(test_of_equal_sums_the_lowest_rank_is_named),
        cmocka_unit_test(test_disagreeing_kinds_fail_on_all_ranks),
        cmocka_unit_test(test_a_failing_function_of_the_table_is_told),
        cmocka_unit_test(test_bad_tables_are_refused),
        cmocka_unit_test(test_reduction_survives_every_allocation_failure),
        cmocka_unit_test(test_summary_prints_as_table_csv_and_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
