/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffers under several threads: the pool hands no block to two, references are exact. */
#include <stdatomic.h>

#include "base/thread.h"
#include "support/expect.h"

enum { THREADS = 4, ROUNDS = 3000, SLOTS = 8 };

typedef struct worker {
    pthread_t thread;
    unsigned id;
    int n_wrong;
} worker;

/* Take, mark, check and give back buffers of a few sizes; every round some stay in hand. */
static void *take_and_give(void *arg)
{
    worker *w = arg;
    weir_buffer *held[SLOTS] = {NULL};
    static const int64_t sizes[] = {16, 200, 256, 5000, 70000};
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned k = (i * 7 + w->id * 3) % SLOTS;
        if (held[k] != NULL) {
            weir_tensor t = weir_buffer_view(held[k]);
            const uint32_t *p = t.data;
            for (int64_t j = 0; j < t.shape[0]; j += 1 + t.shape[0] / 16)
                w->n_wrong += p[j] != (w->id << 16 | k);
            weir_buffer_unref(held[k]);
        }
        if (weir_buffer_new(&held[k], WEIR_U32, 1, &sizes[(i + w->id) % 5], NULL) !=
            WEIR_OK) {
            w->n_wrong++;
            held[k] = NULL;
            continue;
        }
        weir_tensor t = weir_buffer_view(held[k]);
        uint32_t *p = t.data;
        for (int64_t j = 0; j < t.shape[0]; j++)
            p[j] = w->id << 16 | k;
        if (i % 500 == 0)
            weir_memory_trim(4096);
    }
    for (int k = 0; k < SLOTS; k++)
        weir_buffer_unref(held[k]);
    return NULL;
}

static void run_workers(worker *w, void *(*run)(void *))
{
    for (unsigned i = 0; i < THREADS; i++) {
        w[i].id = i + 1;
        expect_ok(wr_thread_start(&w[i].thread, "buffers", run, &w[i], &err));
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(w[i].thread, NULL), 0);
        assert_int_equal(w[i].n_wrong, 0);
    }
}

static void test_no_block_is_handed_to_two_threads(void **state)
{
    (void)state;
    worker w[THREADS] = {{0}};
    size_t in_use = weir_memory_info().in_use_bytes;
    run_workers(w, take_and_give);
    assert_int_equal(weir_memory_info().in_use_bytes, in_use);
    weir_memory_trim(0);
    assert_int_equal(weir_memory_info().kept_bytes, 0);
}

static weir_buffer *shared;
static atomic_int n_released;

static void note_release(void *context)
{
    (void)context;
    atomic_fetch_add(&n_released, 1);
}

/* Each thread owns one reference from the start and gives it back at its end. */
static void *ref_and_unref(void *arg)
{
    worker *w = arg;
    for (int i = 0; i < ROUNDS; i++) {
        weir_buffer *b = weir_buffer_ref(shared);
        w->n_wrong += weir_buffer_refs(b) < 2;
        weir_buffer_unref(b);
    }
    weir_buffer_unref(shared);
    return NULL;
}

static void test_the_last_of_many_threads_releases_once(void **state)
{
    (void)state;
    worker w[THREADS] = {{0}};
    float a[2] = {1, 2};
    weir_tensor t = view_1d(a, WEIR_F32, 2);
    atomic_store(&n_released, 0);
    expect_ok(weir_buffer_wrap(&shared, &t, note_release, NULL, &err));
    for (int i = 1; i < THREADS; i++)
        weir_buffer_ref(shared);
    run_workers(w, ref_and_unref);
    assert_int_equal(atomic_load(&n_released), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_block_is_handed_to_two_threads),
        cmocka_unit_test(test_the_last_of_many_threads_releases_once),
    };
    return cmocka_run_group_tests_name("buffer_threads", tests, NULL, NULL);
}
