/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernels of copies against one element at a time, by every width of vectors that this machine
 * has: all element sizes, counts, offsets and directions; bytes between and around the elements stay. */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/thread.h"
#include "support/expect.h"
#include "tensor/kernels.h"

enum { ALL_WIDTHS = 64, GUARD = 96 };

static const int widths[] = {64, 32, 16};

/* Rows of n elements: `far` is the spaced side, `near` the adjacent one. */
typedef struct field {
    int64_t each, n, apart, n_rows;
    size_t far_offset, near_offset; /* bytes, of the first byte that is used */
    bool is_gather, is_streaming;
} field;

static unsigned char *filled(size_t n, unsigned seed)
{
    unsigned char *p = aligned_alloc(64, (n + 63) / 64 * 64);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)((i + seed) * 2654435761u >> 17);
    return p;
}

static void copy_slowly(unsigned char *to, const unsigned char *from, int64_t each,
                        wr_copy_dim rows, wr_copy_dim cols)
{
    for (int64_t i = 0; i < rows.n; i++) {
        for (int64_t j = 0; j < cols.n; j++)
            memcpy(to + i * rows.to + j * cols.to, from + i * rows.from + j * cols.from,
                   (size_t)each);
    }
}

static void check_field(const field *f)
{
    int64_t step = f->apart * f->each, reach = llabs(step) * (f->n - 1) + f->each;
    int64_t far_row = reach + f->each, near_row = f->n * f->each;
    size_t far_bytes = f->far_offset + (size_t)(far_row * f->n_rows) + GUARD;
    size_t near_bytes = f->near_offset + (size_t)(near_row * f->n_rows) + GUARD;
    unsigned char *far = filled(far_bytes, 1), *near = filled(near_bytes, 2);
    unsigned char *far_at = far + f->far_offset + (step < 0 ? reach - f->each : 0);
    unsigned char *near_at = near + f->near_offset;
    unsigned char *to = f->is_gather ? near : far;
    size_t to_bytes = f->is_gather ? near_bytes : far_bytes;
    unsigned char *want = malloc(to_bytes);
    assert_non_null(want);
    memcpy(want, to, to_bytes);

    wr_copy_dim rows = {f->n_rows, near_row, far_row}, cols = {f->n, f->each, step};
    if (!f->is_gather) {
        rows = (wr_copy_dim){f->n_rows, far_row, near_row};
        cols = (wr_copy_dim){f->n, step, f->each};
    }
    unsigned char *to_at = f->is_gather ? near_at : far_at;
    unsigned char *from_at = f->is_gather ? far_at : near_at;
    copy_slowly(want + (to_at - to), from_at, f->each, rows, cols);
    wr_copy_rect((char *)to_at, (const char *)from_at, (size_t)f->each, rows, cols,
                 f->is_streaming);
    wr_copy_fence();
    if (memcmp(want, to, to_bytes) != 0)
        fail_msg("%s of %d elements of %d bytes, %d apart, vectors of %d bytes: differs",
                 f->is_gather ? "gather" : "scatter", (int)f->n, (int)f->each,
                 (int)f->apart, wr_copy_vector_bytes());
    free(want);
    free(far);
    free(near);
}

/* Every distance to 5, both signs, counts to three vectors and more, offsets that are and are not
 * multiples of the element. */
static void check_distances(int64_t each)
{
    static const size_t offsets[] = {0, 4, 8, 16, 24, 60, 61, 1};
    int i_offset = 0;
    for (int64_t apart = -5; apart <= 5; apart++) {
        for (int64_t n = 1; n <= 3 * 64 / each + 5; n += each < 4 ? 3 : 1) {
            field f = {.each = each,
                       .n = n,
                       .apart = apart,
                       .n_rows = 1 + n % 3,
                       .far_offset = offsets[i_offset % 8],
                       .near_offset = offsets[i_offset / 8 % 8]};
            i_offset++;
            for (int k = 0; k < 3; k++) {
                f.is_gather = k < 2;
                f.is_streaming = k == 1;
                if (f.is_gather || apart > 0) /* destinations go forward */
                    check_field(&f);
            }
        }
    }
}

static void test_spaced_elements_are_exact_and_their_neighbours_untouched(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        wr_copy_vector_limit(widths[i]);
        for (int64_t each = 1; each <= 16; each *= 2)
            check_distances(each);
    }
    wr_copy_vector_limit(ALL_WIDTHS);
}

static void test_long_spaced_runs_are_exact(void **state)
{
    (void)state;
    for (int64_t each = 2; each <= 8; each *= 2) {
        for (int64_t apart = -4; apart <= 4; apart++) {
            field f = {.each = each,
                       .n = 30011,
                       .apart = apart,
                       .n_rows = 1,
                       .far_offset = 8,
                       .near_offset = 16,
                       .is_gather = true};
            check_field(&f);
            f.is_streaming = true;
            check_field(&f);
            f.is_gather = f.is_streaming = false;
            if (apart > 0)
                check_field(&f);
        }
    }
}

static void test_only_known_copies_are_taken(void **state)
{
    (void)state;
    float a[64] = {0}, b[256] = {0};
    wr_copy_dim row = {1, 0, 0}, twice = {64, 8, 4}, five = {64, 20, 4},
                both = {64, 8, 8};
    bool is_here = wr_copy_vector_bytes() == 64;
    char *to = (char *)b;
    const char *from = (const char *)a;
    assert_int_equal(wr_copy_spaced(to, from, 4, row, twice, false), is_here);
    assert_false(wr_copy_spaced(to, from, 4, row, five, false));
    assert_false(wr_copy_spaced(to, from, 4, row, both, false));
    assert_false(wr_copy_spaced(to, from, 1, row, twice, false));
    wr_copy_vector_limit(32);
    assert_false(wr_copy_spaced(to, from, 4, row, twice, false));
    wr_copy_vector_limit(ALL_WIDTHS);
}

/* Three pages of which only the middle one may be used. */
static unsigned char *page_between_walls(size_t page)
{
    unsigned char *p =
        mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    assert_int_equal(mprotect(p + page, page, PROT_READ | PROT_WRITE), 0);
    memset(p + page, 0x5a, page);
    return p + page;
}

/* The first or the last element lies at the very edge of mapped memory. */
static void test_nothing_beyond_the_elements_is_touched(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *p = page_between_walls(page);
    static unsigned char dense[64 * 1024];
    for (int64_t each = 2; each <= 8; each *= 2) {
        for (int64_t apart = 2; apart <= 4; apart++) {
            int64_t step = apart * each, n = (int64_t)page / step;
            unsigned char *first = p + page - (size_t)((n - 1) * step + each);
            unsigned char *last = p + (n - 1) * step;
            wr_copy_dim row = {1, 0, 0}, in = {n, each, step}, back = {n, each, -step};
            wr_copy_dim out = {n, step, each};
            wr_copy_rect((char *)dense, (char *)first, (size_t)each, row, in, false);
            wr_copy_rect((char *)first, (char *)dense, (size_t)each, row, out, false);
            wr_copy_rect((char *)dense, (char *)last, (size_t)each, row, back, false);
            wr_copy_rect((char *)p, (char *)dense, (size_t)each, row, out, false);
        }
    }
    for (size_t i = 0; i < page; i++)
        assert_int_equal(p[i], 0x5a);
    munmap(p - page, 3 * page);
}

/* Someone else writes the elements between: none of theirs is lost. */
typedef struct neighbour {
    uint32_t shared[512]; /* even: the copies', odd: this thread's */
    atomic_bool stop;
    int n_lost;
} neighbour;

static void *write_between(void *arg)
{
    neighbour *t = arg;
    volatile uint32_t *p = t->shared;
    for (uint32_t i = 1; !atomic_load(&t->stop); i++) {
        for (int k = 1; k < 512; k += 2)
            p[k] = i;
        for (int k = 1; k < 512; k += 2)
            t->n_lost += p[k] != i;
    }
    return NULL;
}

static void test_elements_between_may_be_written_by_another_thread(void **state)
{
    (void)state;
    static neighbour t;
    pthread_t thread;
    uint32_t dense[256];
    wr_copy_dim row = {1, 0, 0}, out = {256, 8, 4}, in = {256, 4, 8};
    expect_ok(wr_thread_start(&thread, "neighbour", write_between, &t, &err));
    for (uint32_t i = 0; i < 20000; i++) {
        for (uint32_t k = 0; k < 256; k++)
            dense[k] = i + k;
        wr_copy_rect((char *)t.shared, (char *)dense, 4, row, out, false);
        memset(dense, 0, sizeof dense);
        wr_copy_rect((char *)dense, (char *)t.shared, 4, row, in, false);
        assert_int_equal(dense[i % 256], i + i % 256);
    }
    atomic_store(&t.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(t.n_lost, 0);
}

/* Sizes around the pieces and around the way past the caches, any alignment. */
static void test_plain_copies_of_all_kinds_of_sizes_are_exact(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,
                                   1,
                                   63,
                                   64,
                                   4097,
                                   (256 << 10) - 1,
                                   (256 << 10) + 1,
                                   (768 << 10) + 5,
                                   (12 << 20) - 1,
                                   (12 << 20) + 77};
    for (size_t k = 0; k < 2 * sizeof sizes / sizeof sizes[0]; k++) {
        size_t i = k / 2;
        wr_copy_vector_limit(k % 2 == 0 ? ALL_WIDTHS : 16);
        size_t n = sizes[i], to_offset = i * 7 % 64, from_offset = i * 13 % 64;
        unsigned char *from = filled(n + 192, 3), *to = filled(n + 192, 4);
        unsigned char *before = malloc(n + 192);
        assert_non_null(before);
        memcpy(before, to, n + 192);
        wr_copy_bytes((char *)to + to_offset, (char *)from + from_offset, n);
        assert_memory_equal(to, before, to_offset);
        assert_true(memcmp(to + to_offset, from + from_offset, n) == 0);
        assert_memory_equal(to + to_offset + n, before + to_offset + n, 192 - to_offset);
        free(before);
        free(from);
        free(to);
    }
    wr_copy_vector_limit(ALL_WIDTHS);
}

/* `from` has its rows along columns: every remainder of the panels, with guards between rows. */
static void check_transposed(size_t each, int64_t n, int64_t m, bool is_streaming)
{
    int64_t to_row = (m * (int64_t)each + 63) / 64 * 64 + 64;
    int64_t from_row = n * (int64_t)each + (int64_t)each;
    size_t to_bytes = (size_t)(to_row * n), from_bytes = (size_t)(from_row * m);
    unsigned char *to = filled(to_bytes, 5), *from = filled(from_bytes, 6);
    unsigned char *want = malloc(to_bytes);
    assert_non_null(want);
    memcpy(want, to, to_bytes);
    wr_copy_dim rows = {n, to_row, (int64_t)each}, cols = {m, (int64_t)each, from_row};
    copy_slowly(want, from, (int64_t)each, rows, cols);
    wr_copy_transposed((char *)to, (char *)from, each, rows, cols, is_streaming);
    wr_copy_fence();
    if (memcmp(want, to, to_bytes) != 0)
        fail_msg("transposition to [%d,%d] of %d bytes, vectors of %d: differs", (int)n,
                 (int)m, (int)each, wr_copy_vector_bytes());
    free(want);
    free(to);
    free(from);
}

static void test_transpositions_are_exact_by_every_width(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        wr_copy_vector_limit(widths[i]);
        for (size_t each = 1; each <= 16; each *= 2) {
            for (int64_t n = 1; n < 300; n += 1 + n / 5) {
                for (int64_t m = 1; m < 170; m += 1 + m / 4)
                    check_transposed(each, n, m, (n + m) % 2 == 0);
            }
        }
    }
    wr_copy_vector_limit(ALL_WIDTHS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spaced_elements_are_exact_and_their_neighbours_untouched),
        cmocka_unit_test(test_long_spaced_runs_are_exact),
        cmocka_unit_test(test_only_known_copies_are_taken),
        cmocka_unit_test(test_nothing_beyond_the_elements_is_touched),
        cmocka_unit_test(test_elements_between_may_be_written_by_another_thread),
        cmocka_unit_test(test_plain_copies_of_all_kinds_of_sizes_are_exact),
        cmocka_unit_test(test_transpositions_are_exact_by_every_width),
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
