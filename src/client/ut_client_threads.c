/* SPDX-License-Identifier: BSD-3-Clause */
/* Many threads on one client and on one store: no reader sees a torn tensor or half a dataset, every
 * wait ends, every batch gives each caller its own rows. Run under TSan. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "support/expect.h"

enum { THREADS = 6, STEPS = 400, N = 64 };

static weir_client *c;
static atomic_int n_failed;
static char failure[WEIR_ERROR_TEXT_MAX];

static int open_client(void **state)
{
    (void)state;
    weir_client_options opt = {.struct_bytes = sizeof opt,
                               .memory_bytes = (size_t)1 << 28};
    c = open_store("embedded:ut_client_threads", &opt);
    return 0;
}

static int close_client(void **state)
{
    (void)state;
    weir_client_free(c);
    return 0;
}

/* Remember the first failure; the main thread asserts. */
static bool ok(weir_status st, const weir_error *e)
{
    if (st == WEIR_OK)
        return true;
    if (atomic_fetch_add(&n_failed, 1) == 0)
        snprintf(failure, sizeof failure, "%s", e->text);
    return false;
}

static void run_threads(void *(*body)(void *))
{
    pthread_t thread[THREADS];
    atomic_store(&n_failed, 0);
    for (intptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, body, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    if (atomic_load(&n_failed) > 0)
        fail_msg("%d failures, the first: %s", atomic_load(&n_failed), failure);
}

static bool all_equal(const int32_t *v)
{
    for (int i = 1; i < N; i++) {
        if (v[i] != v[0])
            return false;
    }
    return true;
}

/* Half the threads write one key with N equal numbers, half read it: never a mixture. */
static void *put_or_get(void *arg)
{
    intptr_t id = (intptr_t)arg;
    int32_t data[N];
    int64_t n = N;
    weir_tensor t;
    weir_error e = {0};
    ok(weir_tensor_init(&t, data, WEIR_I32, 1, &n, &e), &e);
    for (int step = 0; step < STEPS; step++) {
        if (id % 2 == 0) {
            for (int i = 0; i < N; i++)
                data[i] = (int32_t)id * STEPS + step;
            ok(weir_put(c, WEIR_STR("torn"), &t, &e), &e);
        } else if (weir_get(c, WEIR_STR("torn"), &t, &e) == WEIR_OK && !all_equal(data)) {
            ok(weir_fail(&e, WEIR_ERR_INTERNAL, "a torn tensor"), &e);
        }
    }
    return NULL;
}

static void test_no_reader_sees_a_torn_tensor(void **state)
{
    (void)state;
    run_threads(put_or_get);
}

/* Writers put a dataset of two tensors and a field that agree; readers check that they do. */
static void write_dataset(int32_t mark)
{
    weir_dataset *ds = NULL;
    weir_error e = {0};
    int64_t one = 1;
    weir_tensor t;
    char extra[16];
    snprintf(extra, sizeof extra, "x%d", mark % 3);
    bool fine =
        ok(weir_dataset_new(&ds, WEIR_STR("half"), &e), &e) &&
        ok(weir_tensor_init(&t, &mark, WEIR_I32, 1, &one, &e), &e) &&
        ok(weir_dataset_add_tensor(ds, WEIR_STR("a"), &t, &e), &e) &&
        ok(weir_dataset_add_tensor(ds, weir_cstr(extra), &t, &e), &e) &&
        ok(weir_dataset_add_scalars(ds, WEIR_STR("m"), WEIR_I32, &mark, 1, &e), &e) &&
        ok(weir_put_dataset(c, ds, &e), &e);
    (void)fine;
    weir_dataset_free(ds);
}

static void read_dataset(void)
{
    weir_dataset *ds = NULL;
    weir_error e = {0};
    weir_str name;
    weir_buffer *b;
    weir_dtype dtype;
    const void *mark;
    size_t n;
    weir_status st = weir_get_dataset(c, WEIR_STR("half"), &ds, &e);
    if (st == WEIR_ERR_KEY)
        return;
    if (!ok(st, &e))
        return;
    ok(weir_dataset_scalars(ds, WEIR_STR("m"), &dtype, &mark, &n, &e), &e);
    for (size_t i = 0; weir_dataset_tensor_at(ds, i, &name, &b); i++) {
        if (*(int32_t *)weir_buffer_view(b).data != *(const int32_t *)mark)
            ok(weir_fail(&e, WEIR_ERR_INTERNAL, "half a dataset"), &e);
    }
    weir_dataset_free(ds);
}

static void *put_or_get_dataset(void *arg)
{
    intptr_t id = (intptr_t)arg;
    for (int step = 0; step < STEPS / 4; step++) {
        if (id % 2 == 0)
            write_dataset((int32_t)id * STEPS + step);
        else
            read_dataset();
    }
    return NULL;
}

static void test_no_reader_sees_half_a_dataset_and_nothing_stale_is_left(void **state)
{
    (void)state;
    run_threads(put_or_get_dataset);
    weir_dataset *ds = NULL;
    bool found;
    int n_left = 0;
    expect_ok(weir_get_dataset(c, WEIR_STR("half"), &ds, &err));
    assert_int_equal(weir_dataset_n_tensors(ds), 2);
    for (int i = 0; i < 3; i++) {
        char key[24];
        snprintf(key, sizeof key, "{half}.x%d", i);
        expect_ok(weir_exists(c, WEIR_ANY, weir_cstr(key), &found, &err));
        n_left += found;
    }
    assert_int_equal(n_left, 1);
    weir_dataset_free(ds);
}

/* Every thread infers its own numbers, blocking and not, on one model that gathers. */
static void *infer(void *arg)
{
    intptr_t id = (intptr_t)arg;
    float in[8], out[8];
    weir_tensor x, y;
    weir_error e = {0};
    int64_t shape[2] = {2, 4};
    ok(weir_tensor_init(&x, in, WEIR_F32, 2, shape, &e), &e);
    ok(weir_tensor_init(&y, out, WEIR_F32, 2, shape, &e), &e);
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < 8; i++)
            in[i] = (float)(id * 1000 + step + i);
        if (step % 3 == 0) {
            weir_request *r = NULL;
            if (ok(weir_iinfer(c, WEIR_STR("net"), &x, 1, &y, 1, &r, &e), &e))
                ok(weir_wait(&r, -1, &e), &e);
        } else {
            ok(weir_infer(c, WEIR_STR("net"), &x, 1, &y, 1, &e), &e);
        }
        for (int i = 0; i < 8; i++) {
            if (out[i] != 2 * in[i])
                ok(weir_fail(&e, WEIR_ERR_INTERNAL, "thread %d got %g for %g", (int)id,
                             (double)out[i], (double)in[i]),
                   &e);
        }
    }
    return NULL;
}

static void test_every_thread_gets_its_own_rows_back(void **state)
{
    (void)state;
    static const char net[] =
        "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]; scale=2; delay_us=50";
    weir_model_options opt = {.struct_bytes = sizeof opt, .batch_max = 8};
    weir_model_stats stats;
    expect_ok(weir_set_model(c, WEIR_STR("net"), net, strlen(net), &opt, &err));
    run_threads(infer);
    expect_ok(weir_model_statistics(c, WEIR_MODEL, WEIR_STR("net"), &stats, false, &err));
    assert_int_equal(stats.n_calls, THREADS * STEPS);
    assert_int_equal(stats.n_rows, THREADS * STEPS * 2);
    assert_true(stats.n_runs <= stats.n_calls);
    assert_int_equal(stats.n_errors, 0);
}

/* A new version is set again and again under running calls: each answer is of one version whole. */
static void *swap_or_infer(void *arg)
{
    intptr_t id = (intptr_t)arg;
    float in[4] = {1, 1, 1, 1}, out[4];
    weir_tensor x, y;
    weir_error e = {0};
    int64_t shape[2] = {1, 4};
    ok(weir_tensor_init(&x, in, WEIR_F32, 2, shape, &e), &e);
    ok(weir_tensor_init(&y, out, WEIR_F32, 2, shape, &e), &e);
    for (int step = 0; step < STEPS / 8; step++) {
        if (id == 0) {
            char text[96];
            snprintf(text, sizeof text,
                     "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]; scale=%d", 1 + step % 5);
            ok(weir_set_model(c, WEIR_STR("swapped"), text, strlen(text), NULL, &e), &e);
        } else if (ok(weir_infer(c, WEIR_STR("swapped"), &x, 1, &y, 1, &e), &e)) {
            if (out[0] < 1 || out[0] > 5 || out[0] != out[3])
                ok(weir_fail(&e, WEIR_ERR_INTERNAL, "a mixture of versions: %g %g",
                             (double)out[0], (double)out[3]),
                   &e);
        }
    }
    return NULL;
}

static void test_versions_swap_under_running_calls(void **state)
{
    (void)state;
    static const char net[] = "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]; scale=1";
    expect_ok(weir_set_model(c, WEIR_STR("swapped"), net, strlen(net), NULL, &err));
    run_threads(swap_or_infer);
}

/* Producers append, consumers wait for the length: all waits end. */
static void *append_or_wait(void *arg)
{
    intptr_t id = (intptr_t)arg;
    weir_error e = {0};
    for (int step = 1; step <= STEPS / 8; step++) {
        bool met = true;
        if (id % 2 == 0)
            ok(weir_list_append(c, WEIR_STR("L"), WEIR_STR("d"), &e), &e);
        else
            ok(weir_list_wait(c, WEIR_STR("L"), WEIR_GE, step, 60000, &met, &e), &e);
        if (!met)
            ok(weir_fail(&e, WEIR_ERR_INTERNAL, "a wait that did not end"), &e);
    }
    return NULL;
}

static void test_waits_for_a_growing_list_all_end(void **state)
{
    (void)state;
    int64_t n = 0;
    run_threads(append_or_wait);
    expect_ok(weir_list_length(c, WEIR_STR("L"), &n, &err));
    assert_int_equal(n, THREADS / 2 * (STEPS / 8));
    assert_true(statistic(c, "store.watches") == 0);
}

/* A store too small for all: writers wait for room that deleters make. */
static void *fill_or_drain(void *arg)
{
    intptr_t id = (intptr_t)arg;
    weir_client *d = NULL;
    weir_error e = {0};
    static char big[40000];
    int64_t n = sizeof big;
    weir_tensor t;
    if (!ok(weir_client_new(&d, WEIR_STR("embedded:room"), NULL, &e), &e))
        return NULL;
    ok(weir_tensor_init(&t, big, WEIR_I8, 1, &n, &e), &e);
    for (int step = 0; step < STEPS / 8; step++) {
        char name[32];
        snprintf(name, sizeof name, "r%d", (int)id);
        ok(weir_put(d, weir_cstr(name), &t, &e), &e);
        ok(weir_del(d, WEIR_TENSOR, weir_cstr(name), &e), &e);
    }
    weir_client_free(d);
    return NULL;
}

static void test_writers_wait_for_room(void **state)
{
    (void)state;
    weir_client_options opt = {
        .struct_bytes = sizeof opt, .memory_bytes = 100000, .full = WEIR_FULL_WAIT};
    weir_client *d = open_store("embedded:room", &opt);
    run_threads(fill_or_drain);
    assert_true(statistic(d, "store.bytes") == 0);
    assert_true(statistic(d, "store.peak_bytes") <= 100000);
    weir_client_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_reader_sees_a_torn_tensor),
        cmocka_unit_test(test_no_reader_sees_half_a_dataset_and_nothing_stale_is_left),
        cmocka_unit_test(test_every_thread_gets_its_own_rows_back),
        cmocka_unit_test(test_versions_swap_under_running_calls),
        cmocka_unit_test(test_waits_for_a_growing_list_all_end),
        cmocka_unit_test(test_writers_wait_for_room),
    };
    return cmocka_run_group_tests(tests, open_client, close_client);
}
