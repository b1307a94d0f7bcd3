/* SPDX-License-Identifier: BSD-3-Clause */
/* The keyspace of one process: batches, room, watches; against a plain model of what it should do. */
#include <stdlib.h>

#include "keyspace/keyspace.h"
#include "keyspace/layout.h"
#include "support/expect.h"

enum { KB = 1024 };

static const wr_limit no_wait = {.timeout_ms = 0, .deadline = WEIR_NEVER};

static wr_keyspace *new_keyspace(size_t limit, weir_full_policy full)
{
    wr_keyspace *ks = NULL;
    expect_ok(wr_keyspace_new_memory(&ks, limit, full, &err));
    return ks;
}

/* A tensor of n bytes whose first one is `mark`. */
static wr_value tensor(int64_t n, int mark)
{
    weir_buffer *b = NULL;
    expect_ok(weir_buffer_new(&b, WEIR_U8, 1, &n, &err));
    *(unsigned char *)weir_buffer_view(b).data = (unsigned char)mark;
    return (wr_value){.kind = WR_VALUE_TENSOR, .of.tensor = b};
}

static weir_status apply(wr_keyspace *ks, wr_write *w, size_t n)
{
    ks->ops->lock(ks);
    weir_status st = ks->ops->apply(ks, w, n, no_wait, &err);
    ks->ops->unlock(ks);
    if (st == WEIR_OK)
        wr_writes_release(w, n);
    return st;
}

static weir_status set(wr_keyspace *ks, const char *key, int64_t n, int mark)
{
    wr_write w = {.kind = WR_WRITE_SET, .key = weir_cstr(key), .value = tensor(n, mark)};
    weir_status st = apply(ks, &w, 1);
    wr_value_unref(w.value);
    return st;
}

static weir_status append(wr_keyspace *ks, const char *key, const char *item)
{
    wr_write w = {
        .kind = WR_WRITE_APPEND, .key = weir_cstr(key), .item = weir_cstr(item)};
    return apply(ks, &w, 1);
}

/* The mark of the tensor at key, -1 when there is none. */
static int mark_of(wr_keyspace *ks, const char *key)
{
    ks->ops->lock(ks);
    wr_value v = ks->ops->get(ks, weir_cstr(key));
    int mark = v.kind == WR_VALUE_TENSOR
                   ? *(unsigned char *)weir_buffer_view(v.of.tensor).data
                   : -1;
    ks->ops->unlock(ks);
    return mark;
}

static void test_a_batch_appears_whole_or_not_at_all(void **state)
{
    (void)state;
    wr_keyspace *ks = new_keyspace(1 << 20, WEIR_FULL_FAIL);
    expect_ok(set(ks, "b", 10, 1));
    expect_ok(append(ks, "list", "x"));
    wr_write w[3] = {
        {.kind = WR_WRITE_SET, .key = WEIR_STR("a"), .value = tensor(10, 2)},
        {.kind = WR_WRITE_DEL, .key = WEIR_STR("b")},
        {.kind = WR_WRITE_SET,
         .key = WEIR_STR("list"),
         .value = tensor(10, 3),
         .only_over = WR_VALUE_TENSOR},
    };
    size_t before = ks->ops->info(ks).bytes;
    expect_fail(apply(ks, w, 3), WEIR_ERR_KIND, "'list' holds a list, not a tensor");
    assert_int_equal(mark_of(ks, "a"), -1);
    assert_int_equal(mark_of(ks, "b"), 1);
    assert_int_equal(ks->ops->info(ks).bytes, before);
    assert_int_equal(ks->ops->info(ks).n_values, 2);
    w[2].only_over = WR_VALUE_NONE;
    expect_ok(apply(ks, w, 3));
    assert_int_equal(mark_of(ks, "a"), 2);
    assert_int_equal(mark_of(ks, "b"), -1);
    assert_int_equal(mark_of(ks, "list"), 3);
    wr_value_unref(w[0].value);
    wr_value_unref(w[2].value);
    ks->ops->free(ks);
}

static void test_a_batch_survives_every_allocation_failure(void **state)
{
    (void)state;
    wr_keyspace *ks = new_keyspace(1 << 20, WEIR_FULL_FAIL);
    wr_value old = tensor(10, 1), fresh = tensor(10, 2);
    for (long n = 0;; n++) {
        wr_write w[4] = {
            {.kind = WR_WRITE_SET, .key = WEIR_STR("had"), .value = fresh},
            {.kind = WR_WRITE_SET, .key = WEIR_STR("new"), .value = fresh},
            {.kind = WR_WRITE_APPEND, .key = WEIR_STR("list"), .item = WEIR_STR("item")},
            {.kind = WR_WRITE_DEL, .key = WEIR_STR("had2")},
        };
        wr_write before[2] = {
            {.kind = WR_WRITE_SET, .key = WEIR_STR("had"), .value = old},
            {.kind = WR_WRITE_SET, .key = WEIR_STR("had2"), .value = old}};
        expect_ok(apply(ks, before, 2));
        size_t bytes = ks->ops->info(ks).bytes;
        wr_fail_allocation_after(n);
        weir_status st = apply(ks, w, 4);
        wr_fail_allocation_after(-1);
        if (st == WEIR_OK) {
            assert_int_equal(mark_of(ks, "had"), 2);
            assert_int_equal(mark_of(ks, "new"), 2);
            assert_int_equal(mark_of(ks, "had2"), -1);
            assert_true(n > 3);
            break;
        }
        assert_int_equal(st, WEIR_ERR_NOMEM);
        assert_int_equal(mark_of(ks, "had"), 1);
        assert_int_equal(mark_of(ks, "new"), -1);
        assert_int_equal(mark_of(ks, "had2"), 1);
        assert_int_equal(ks->ops->info(ks).bytes, bytes);
    }
    wr_value_unref(old);
    wr_value_unref(fresh);
    ks->ops->free(ks);
}

static void test_a_full_store_fails_and_keeps_what_it_has(void **state)
{
    (void)state;
    wr_keyspace *ks = new_keyspace(8 * KB, WEIR_FULL_FAIL);
    expect_ok(set(ks, "a", 3 * KB, 1));
    expect_ok(set(ks, "b", 3 * KB, 2));
    expect_fail(set(ks, "c", 3 * KB, 3), WEIR_ERR_FULL, "8192");
    assert_int_equal(mark_of(ks, "c"), -1);
    assert_int_equal(ks->ops->info(ks).n_values, 2);
    expect_ok(set(ks, "a", 4 * KB, 4)); /* replacing counts what goes */
    expect_fail(ks->ops->fits(ks, 9 * KB, &err), WEIR_ERR_FULL, "9216 bytes never fits");
    ks->ops->free(ks);
}

static void test_drop_oldest_drops_by_time_of_writing(void **state)
{
    (void)state;
    wr_keyspace *ks = new_keyspace(10 * KB, WEIR_FULL_DROP_OLDEST);
    expect_ok(append(ks, "list", "never dropped"));
    expect_ok(set(ks, "a", 3 * KB, 1));
    expect_ok(set(ks, "b", 3 * KB, 2));
    expect_ok(set(ks, "a", 3 * KB, 3)); /* now b is the oldest */
    expect_ok(set(ks, "c", 3 * KB, 4));
    expect_ok(set(ks, "d", 3 * KB, 5));
    assert_int_equal(mark_of(ks, "b"), -1);
    assert_int_equal(mark_of(ks, "a"), 3);
    assert_int_equal(mark_of(ks, "d"), 5);
    assert_int_equal(ks->ops->info(ks).n_dropped_oldest, 1);
    ks->ops->lock(ks);
    assert_int_equal(ks->ops->get(ks, WEIR_STR("list")).kind, WR_VALUE_LIST);
    ks->ops->unlock(ks);
    expect_fail(set(ks, "e", 11 * KB, 6), WEIR_ERR_FULL, "'e'");
    ks->ops->free(ks);
}

static void test_drop_oldest_drops_a_dataset_with_all_its_tensors(void **state)
{
    (void)state;
    wr_keyspace *ks = new_keyspace(10 * KB, WEIR_FULL_DROP_OLDEST);
    expect_ok(set(ks, "p.{d}.u", 2 * KB, 1));
    expect_ok(set(ks, "other", 2 * KB, 2));
    expect_ok(set(ks, "p.{d}.v", 2 * KB, 3));
    expect_ok(set(ks, "p.{d}.meta", 1 * KB, 4));
    expect_ok(set(ks, "new", 4 * KB, 5));
    assert_int_equal(mark_of(ks, "p.{d}.u"), -1);
    assert_int_equal(mark_of(ks, "p.{d}.v"), -1);
    assert_int_equal(mark_of(ks, "p.{d}.meta"), -1);
    assert_int_equal(mark_of(ks, "other"), 2);
    assert_int_equal(mark_of(ks, "new"), 5);
    ks->ops->free(ks);
}

static void test_drop_newest_counts_what_it_drops(void **state)
{
    (void)state;
    wr_keyspace *ks = new_keyspace(4 * KB, WEIR_FULL_DROP_NEWEST);
    expect_ok(set(ks, "a", 3 * KB, 1));
    expect_ok(set(ks, "b", 3 * KB, 2));
    assert_int_equal(mark_of(ks, "b"), -1);
    assert_int_equal(mark_of(ks, "a"), 1);
    assert_int_equal(ks->ops->info(ks).n_dropped_newest, 1);
    /* a value that was given is released all the same (a leak for ASan otherwise) */
    wr_write given = {.kind = WR_WRITE_SET,
                      .key = WEIR_STR("c"),
                      .value = tensor(3 * KB, 3),
                      .give = true};
    expect_ok(apply(ks, &given, 1));
    assert_int_equal(mark_of(ks, "c"), -1);
    assert_int_equal(ks->ops->info(ks).n_dropped_newest, 2);
    ks->ops->free(ks);
}

static void test_wait_gives_up_at_the_deadline(void **state)
{
    (void)state;
    wr_keyspace *ks = new_keyspace(4 * KB, WEIR_FULL_WAIT);
    expect_ok(set(ks, "a", 3 * KB, 1));
    expect_fail(set(ks, "b", 3 * KB, 2), WEIR_ERR_FULL, "'b'");
    assert_int_equal(ks->ops->info(ks).n_room_waits, 1);
    ks->ops->free(ks);
}

static void test_if_seen_refuses_what_somebody_else_changed(void **state)
{
    (void)state;
    wr_keyspace *ks = new_keyspace(1 << 20, WEIR_FULL_FAIL);
    wr_value first = tensor(4, 1), second = tensor(4, 2);
    wr_write w = {
        .kind = WR_WRITE_SET, .key = WEIR_STR("k"), .value = first, .if_seen = true};
    expect_ok(apply(ks, &w, 1));
    expect_fail(apply(ks, &w, 1), WEIR_ERR_BUSY, "'k' was changed");
    w.seen = first;
    w.value = second;
    expect_ok(apply(ks, &w, 1));
    assert_int_equal(mark_of(ks, "k"), 2);
    wr_value_unref(first);
    wr_value_unref(second);
    ks->ops->free(ks);
}

static void test_a_list_that_is_being_read_does_not_change(void **state)
{
    (void)state;
    wr_keyspace *ks = new_keyspace(1 << 20, WEIR_FULL_FAIL);
    expect_ok(append(ks, "l", "one"));
    ks->ops->lock(ks);
    wr_value held = wr_value_ref(ks->ops->get(ks, WEIR_STR("l")));
    ks->ops->unlock(ks);
    expect_ok(append(ks, "l", "two"));
    assert_int_equal(held.of.list->n, 1);
    wr_value_unref(held);
    for (int i = 0; i < 1000; i++)
        expect_ok(append(ks, "l", "more"));
    ks->ops->lock(ks);
    assert_int_equal(ks->ops->get(ks, WEIR_STR("l")).of.list->n, 1002);
    ks->ops->unlock(ks);
    ks->ops->free(ks);
}

/* ---- watches ---- */

typedef struct seen {
    wr_watch watch;
    int n_fired;
    int want; /* mark to wait for */
} seen;

static bool mark_met(wr_watch *w, wr_value v)
{
    const seen *s = (const seen *)w;
    return v.kind == WR_VALUE_TENSOR &&
           *(unsigned char *)weir_buffer_view(v.of.tensor).data == s->want;
}

static void note(wr_watch *w)
{
    ((seen *)w)->n_fired++;
}

static void test_a_watch_fires_once_when_its_key_is_right(void **state)
{
    (void)state;
    wr_keyspace *ks = new_keyspace(1 << 20, WEIR_FULL_FAIL);
    seen a = {.watch = {.key = WEIR_STR("k"), .met = mark_met, .fire = note}, .want = 2};
    seen b = a;
    ks->ops->lock(ks);
    ks->ops->watch(ks, &a.watch);
    ks->ops->watch(ks, &b.watch);
    ks->ops->unlock(ks);
    expect_ok(set(ks, "other", 4, 2));
    expect_ok(set(ks, "k", 4, 1));
    assert_int_equal(a.n_fired + b.n_fired, 0);
    ks->ops->lock(ks);
    ks->ops->unwatch(ks, &b.watch);
    ks->ops->unlock(ks);
    expect_ok(set(ks, "k", 4, 2));
    expect_ok(set(ks, "k", 4, 2));
    assert_int_equal(a.n_fired, 1);
    assert_int_equal(b.n_fired, 0);
    assert_int_equal(ks->ops->info(ks).n_watches, 0);
    ks->ops->free(ks);
}

/* ---- against a model ---- */

static void test_random_writes_agree_with_a_plain_model(void **state)
{
    (void)state;
    enum { KEYS = 40 };
    wr_keyspace *ks = new_keyspace(1 << 24, WEIR_FULL_FAIL);
    int model[KEYS];
    memset(model, -1, sizeof model);
    srand(7);
    for (int step = 0; step < 20000; step++) {
        int i = rand() % KEYS, j = rand() % KEYS;
        char a[16], b[16];
        snprintf(a, sizeof a, "key%d", i);
        snprintf(b, sizeof b, "key%d", j);
        int mark = rand() % 200;
        wr_write w[2] = {
            {.kind = WR_WRITE_SET, .key = weir_cstr(a), .value = tensor(8, mark)},
            {.kind = WR_WRITE_DEL, .key = weir_cstr(b)}};
        size_t n = i == j ? 1 : 2;
        expect_ok(apply(ks, w, n));
        wr_value_unref(w[0].value);
        model[i] = mark;
        if (n == 2)
            model[j] = -1;
        assert_int_equal(mark_of(ks, a), model[i]);
        assert_int_equal(mark_of(ks, b), model[j]);
    }
    size_t held = 0;
    for (int i = 0; i < KEYS; i++)
        held += model[i] >= 0;
    assert_int_equal(ks->ops->info(ks).n_values, held);
    ks->ops->free(ks);
}

static void test_the_base_of_a_key_is_what_smartredis_means(void **state)
{
    (void)state;
    static const struct {
        const char *key, *base, *name;
    } cases[] = {
        {"{d1}.meta", "{d1}", "d1"},
        {"out.{d1}.x", "out.{d1}", "d1"},
        {"plain", "", ""},
        {"{d1}", "", ""},
        {"{a}b}.x", "{a}b}", "a}b"},
        {"{d}.", "{d}", "d"},
        {"}{", "", ""},
        {"", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_str base = wr_layout_base(weir_cstr(cases[i].key));
        assert_true(wr_str_eq(base, weir_cstr(cases[i].base)));
        assert_true(wr_str_eq(wr_layout_name(base), weir_cstr(cases[i].name)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_appears_whole_or_not_at_all),
        cmocka_unit_test(test_a_batch_survives_every_allocation_failure),
        cmocka_unit_test(test_a_full_store_fails_and_keeps_what_it_has),
        cmocka_unit_test(test_drop_oldest_drops_by_time_of_writing),
        cmocka_unit_test(test_drop_oldest_drops_a_dataset_with_all_its_tensors),
        cmocka_unit_test(test_drop_newest_counts_what_it_drops),
        cmocka_unit_test(test_wait_gives_up_at_the_deadline),
        cmocka_unit_test(test_if_seen_refuses_what_somebody_else_changed),
        cmocka_unit_test(test_a_list_that_is_being_read_does_not_change),
        cmocka_unit_test(test_a_watch_fires_once_when_its_key_is_right),
        cmocka_unit_test(test_random_writes_agree_with_a_plain_model),
        cmocka_unit_test(test_the_base_of_a_key_is_what_smartredis_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
