/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffers: alignment, ownership, strings, reuse of pages, counters, failing allocations. */
#include <stdlib.h>

#include "support/expect.h"
#include "tensor/buffer.h"
#include "tensor/pool.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#endif

static int forget_kept(void **state)
{
    (void)state;
    weir_memory_trim(0);
    return 0;
}

static weir_buffer *new_bytes(size_t n)
{
    weir_buffer *b = NULL;
    int64_t shape = (int64_t)n;
    expect_ok(weir_buffer_new(&b, WEIR_U8, 1, &shape, &err));
    return b;
}

static void test_every_size_is_aligned_and_wholly_usable(void **state)
{
    (void)state;
    size_t in_use = weir_memory_info().in_use_bytes;
    static const size_t sizes[] = {
        0,    1,    63,     64,      65,      72,      73,      1000,    1024,
        1025, 4096, 100000, 2097151, 2097152, 2097153, 3000000, 8 << 20, (8 << 20) + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        weir_buffer *b = new_bytes(sizes[i]);
        weir_tensor t = weir_buffer_view(b);
        assert_non_null(t.data);
        assert_int_equal((uintptr_t)t.data % WEIR_ALIGN, 0);
        memset(t.data, 0xab, sizes[i]);
        assert_int_equal(wr_buffer_footprint(b), sizes[i]);
        weir_buffer_unref(b);
    }
    assert_int_equal(weir_memory_info().in_use_bytes, in_use);
}

static void test_size_classes_waste_at_most_an_eighth(void **state)
{
    (void)state;
    size_t before = weir_memory_info().in_use_bytes;
    for (size_t n = 64; n < (size_t)4 << 20; n += n / 7 + 1) {
        weir_buffer *b = new_bytes(n);
        size_t room = weir_memory_info().in_use_bytes - before;
        assert_true(room >= n && room <= n + n / 8 + 1);
        weir_buffer_unref(b);
        weir_memory_trim(0);
    }
}

static void test_pages_are_reused_and_given_back_by_trim(void **state)
{
    (void)state;
    static const size_t sizes[] = {100, 1024, 300000, 5 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        weir_buffer *b = new_bytes(sizes[i]);
        weir_buffer *b2 = new_bytes(sizes[i]);
        weir_buffer_unref(b);
        weir_buffer_unref(b2);
        uint64_t fresh = weir_memory_info().n_fresh, allocs = wr_alloc_count();
        for (int k = 0; k < 10; k++) {
            b = new_bytes(sizes[i]);
            b2 = new_bytes(sizes[i]);
            weir_buffer_unref(b2);
            weir_buffer_unref(b);
        }
        assert_int_equal(weir_memory_info().n_fresh, fresh);
        assert_int_equal(wr_alloc_count(), allocs);
        assert_true(weir_memory_info().kept_bytes >= 2 * sizes[i]);
    }
    size_t kept = weir_memory_info().kept_bytes;
    weir_memory_trim(1 << 20);
    assert_true(weir_memory_info().kept_bytes <= 1 << 20);
    assert_true(kept > 1 << 20);
    weir_memory_trim(0);
    assert_int_equal(weir_memory_info().kept_bytes, 0);
}

static void test_a_nearly_fitting_large_block_is_taken(void **state)
{
    (void)state;
    weir_buffer_unref(new_bytes(17 << 20));
    uint64_t fresh = weir_memory_info().n_fresh;
    weir_buffer_unref(new_bytes((16 << 20) - 5));
    assert_int_equal(weir_memory_info().n_fresh, fresh);
}

static void test_no_more_is_kept_than_the_limit(void **state)
{
    (void)state;
    size_t limit = wr_pool_keep_limit(100000);
    weir_buffer *b[50];
    for (int i = 0; i < 50; i++)
        b[i] = new_bytes(10000);
    for (int i = 0; i < 50; i++)
        weir_buffer_unref(b[i]);
    size_t kept = weir_memory_info().kept_bytes;
    wr_pool_keep_limit(limit);
    assert_true(kept <= 100000 && kept > 50000);
}

static void test_references_are_counted(void **state)
{
    (void)state;
    weir_buffer *b = new_bytes(8);
    assert_int_equal(weir_buffer_refs(b), 1);
    assert_ptr_equal(weir_buffer_ref(b), b);
    assert_int_equal(weir_buffer_refs(b), 2);
    weir_buffer_unref(b);
    assert_int_equal(weir_buffer_refs(b), 1);
    weir_buffer_unref(b);
    weir_buffer_unref(NULL);
    assert_null(weir_buffer_ref(NULL));
}

static void test_a_released_buffer_is_poisoned_under_asan(void **state)
{
    (void)state;
#ifdef HAS_ASAN
    static const size_t sizes[] = {100, 5 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        weir_buffer *b = new_bytes(sizes[i]);
        char *data = weir_buffer_view(b).data;
        assert_int_equal(__asan_address_is_poisoned(data), 0);
        assert_int_equal(__asan_address_is_poisoned(data + sizes[i] - 1), 0);
        weir_buffer_unref(b);
        assert_int_equal(__asan_address_is_poisoned(data), 1);
        assert_int_equal(__asan_address_is_poisoned((char *)b + sizeof(wr_block)), 1);
    }
#else
    skip();
#endif
}

static void test_from_packs_any_strides(void **state)
{
    (void)state;
    int32_t a[6] = {1, 2, 3, 4, 5, 6};
    weir_tensor t;
    weir_buffer *b = NULL;
    expect_ok(weir_tensor_init_fortran(&t, a, WEIR_I32, 2, (int64_t[]){2, 3}, &err));
    expect_ok(weir_buffer_from(&b, &t, &err));
    weir_tensor v = weir_buffer_view(b);
    assert_true(weir_tensor_is_contiguous(&v));
    assert_memory_equal(v.data, ((int32_t[]){1, 3, 5, 2, 4, 6}), 24);
    weir_buffer_unref(b);
}

static void test_strings_are_copied_with_their_characters(void **state)
{
    (void)state;
    char hello[] = "hello", nul[] = "a\0b";
    weir_str s[4] = {{hello, 5}, {NULL, 0}, {nul, 3}, {"", 0}};
    weir_tensor t = view_1d(s, WEIR_STRING, 4);
    weir_buffer *b = NULL;
    t.data = &s[3]; /* backwards */
    t.stride[0] = -(int64_t)sizeof s[0];
    size_t bytes = 0;
    expect_ok(wr_buffer_packed_bytes(&t, &bytes, &err));
    assert_int_equal(bytes, 4 * 16 + 8 + 4);
    expect_ok(weir_buffer_from(&b, &t, &err));
    memset(hello, 'x', sizeof hello);
    const weir_str *v = weir_buffer_view(b).data;
    assert_int_equal(v[3].n, 5);
    assert_string_equal(v[3].p, "hello");
    assert_memory_equal(v[1].p, "a\0b", 4);
    assert_int_equal(v[2].n, 0);
    assert_string_equal(v[2].p, "");
    assert_int_equal(wr_buffer_footprint(b), bytes);
    weir_buffer_unref(b);

    expect_ok(weir_buffer_new(&b, WEIR_STRING, 1, (int64_t[]){9}, &err));
    v = weir_buffer_view(b).data;
    for (int i = 0; i < 9; i++)
        assert_true(v[i].p == NULL && v[i].n == 0);
    weir_buffer_unref(b);
}

static void test_string_tensors_that_cannot_be_are_refused(void **state)
{
    (void)state;
    weir_buffer *b = NULL;
    weir_str s[2] = {{"a", 1}, {NULL, 7}};
    weir_tensor t = view_1d(s, WEIR_STRING, 2);
    expect_fail(weir_buffer_from(&b, &t, &err), WEIR_ERR_ARG,
                "element 1 is a null pointer");
    s[0].n = s[1].n = SIZE_MAX / 2;
    s[1].p = "b";
    expect_fail(weir_buffer_from(&b, &t, &err), WEIR_ERR_SHAPE, "element 0");
    assert_null(b);
}

static void count_release(void *context)
{
    ++*(int *)context;
}

static void test_wrapped_memory_is_released_once_by_the_last_unref(void **state)
{
    (void)state;
    float a[4] = {1, 2, 3, 4};
    int n_released = 0;
    weir_buffer *b = NULL;
    weir_tensor t = view_1d(a, WEIR_F32, 2);
    t.stride[0] = 8;
    expect_ok(weir_buffer_wrap(&b, &t, count_release, &n_released, &err));
    weir_buffer_ref(b);
    weir_buffer_unref(b);
    assert_int_equal(n_released, 0);
    assert_ptr_equal(weir_buffer_view(b).data, a);
    assert_int_equal(weir_buffer_view(b).stride[0], 8);
    assert_int_equal(wr_buffer_footprint(b), 8);
    weir_buffer_unref(b);
    assert_int_equal(n_released, 1);
    expect_ok(weir_buffer_wrap(&b, &t, NULL, NULL, &err));
    weir_buffer_unref(b);
    t.data = NULL;
    expect_fail(weir_buffer_wrap(&b, &t, count_release, &n_released, &err), WEIR_ERR_ARG,
                "no memory");
    assert_int_equal(n_released, 1);
}

static void test_device_memory_can_be_wrapped_but_not_packed(void **state)
{
    (void)state;
    char fake[16];
    weir_buffer *b = NULL;
    weir_tensor t = view_1d(fake, WEIR_F32, 4);
    t.device = (weir_device){WEIR_CUDA, 1};
    expect_fail(weir_buffer_from(&b, &t, &err), WEIR_ERR_UNSUPPORTED, "device kind 2");
    expect_ok(weir_buffer_wrap(&b, &t, NULL, NULL, &err));
    assert_int_equal(weir_buffer_view(b).device.index, 1);
    weir_buffer_unref(b);
}

static void test_bad_arguments_are_refused_and_nothing_is_given(void **state)
{
    (void)state;
    weir_buffer *b = NULL;
    int64_t shape[] = {-1};
    expect_fail(weir_buffer_new(&b, WEIR_F32, 1, shape, &err), WEIR_ERR_SHAPE,
                "extent -1");
    expect_fail(weir_buffer_new(NULL, WEIR_F32, 0, NULL, &err), WEIR_ERR_ARG, "no place");
    expect_fail(weir_buffer_from(&b, NULL, &err), WEIR_ERR_ARG, "null pointer");
    expect_fail(weir_buffer_wrap(&b, NULL, NULL, NULL, &err), WEIR_ERR_ARG,
                "null pointer");
    int64_t huge[] = {INT64_C(1) << 60};
    expect_fail(weir_buffer_new(&b, WEIR_U8, 1, huge, &err), WEIR_ERR_NOMEM,
                "1152921504606846976");
    assert_null(b);
}

static void test_every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static const int64_t sizes[] = {10, 5 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t in_use = weir_memory_info().in_use_bytes;
        weir_status st = WEIR_ERR_NOMEM;
        int n = 0;
        for (; st != WEIR_OK; n++) {
            weir_buffer *b = NULL;
            weir_memory_trim(0);
            wr_fail_allocation_after(n);
            st = weir_buffer_new(&b, WEIR_U8, 1, &sizes[i], &err);
            wr_fail_allocation_after(-1);
            if (st != WEIR_OK) {
                assert_int_equal(st, WEIR_ERR_NOMEM);
                assert_null(b);
            }
            weir_buffer_unref(b);
            assert_int_equal(weir_memory_info().in_use_bytes, in_use);
        }
        assert_int_equal(n, i == 0 ? 2 : 3);
    }
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup(f, forget_kept)
    const struct CMUnitTest tests[] = {
        CASE(test_every_size_is_aligned_and_wholly_usable),
        CASE(test_size_classes_waste_at_most_an_eighth),
        CASE(test_pages_are_reused_and_given_back_by_trim),
        CASE(test_a_nearly_fitting_large_block_is_taken),
        CASE(test_no_more_is_kept_than_the_limit),
        CASE(test_references_are_counted),
        CASE(test_a_released_buffer_is_poisoned_under_asan),
        CASE(test_from_packs_any_strides),
        CASE(test_strings_are_copied_with_their_characters),
        CASE(test_string_tensors_that_cannot_be_are_refused),
        CASE(test_wrapped_memory_is_released_once_by_the_last_unref),
        CASE(test_device_memory_can_be_wrapped_but_not_packed),
        CASE(test_bad_arguments_are_refused_and_nothing_is_given),
        CASE(test_every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
