/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader of replies: every split of the bytes, all of RESP, and hostile servers. And the flow of
 * requests: what goes out is what a packed copy would be. */
#include "client/transport/resp/flow.h"
#include "client/transport/resp/topology.h"
#include "support/expect.h"

/* Bytes that come `step` at a time. */
typedef struct script {
    wr_input input;
    weir_str left;
    size_t step;
} script;

static weir_status fill(wr_input *in, void *p, size_t n, void *more, size_t n_more,
                        size_t *got, weir_error *e)
{
    script *s = (script *)in;
    size_t some = s->step < s->left.n ? s->step : s->left.n;
    if (some == 0)
        return weir_fail(e, WEIR_ERR_CLOSED, "the bytes are at their end");
    some = some < n + n_more ? some : n + n_more;
    size_t first = some < n ? some : n;
    memcpy(p, s->left.p, first);
    if (some > first)
        memcpy(more, s->left.p + first, some - first);
    s->left = (weir_str){s->left.p + some, s->left.n - some};
    *got = some;
    return WEIR_OK;
}

static wr_reader reader;
static script source;

static void begin(const char *bytes, size_t n, size_t step)
{
    source = (script){.input = {fill}, .left = {bytes, n}, .step = step};
    wr_reader_init(&reader, &source.input);
}

static wr_item next(void)
{
    wr_item it;
    expect_ok(reader.source.ops->next(&reader.source, &it, &err));
    return it;
}

static void expect_bulk(const char *want)
{
    char got[256];
    wr_item it = next();
    assert_int_equal(it.kind, WR_ITEM_BULK);
    assert_int_equal(it.n, strlen(want));
    for (size_t i = 0; i < (size_t)it.n; i++)
        expect_ok(reader.source.ops->read(&reader.source, got + i, 1, &err));
    assert_memory_equal(got, want, strlen(want));
}

static void test_every_split_gives_the_same_items(void **state)
{
    (void)state;
    static const char bytes[] = "*3\r\n$5\r\nFLOAT\r\n*2\r\n:2\r\n:-3\r\n$0\r\n\r\n"
                                "+OK\r\n-ERR_KEY there is no 'u'\r\n$-1\r\n*-1\r\n*0\r\n";
    for (size_t step = 1; step < sizeof bytes; step++) {
        begin(bytes, sizeof bytes - 1, step);
        wr_item it = next();
        assert_true(it.kind == WR_ITEM_ARRAY && it.n == 3);
        expect_bulk("FLOAT");
        it = next();
        assert_true(it.kind == WR_ITEM_ARRAY && it.n == 2);
        assert_int_equal(next().n, 2);
        assert_int_equal(next().n, -3);
        assert_int_equal(reader.n_replies, 0);
        expect_bulk("");
        assert_int_equal(reader.n_replies, 1);
        it = next();
        assert_true(it.kind == WR_ITEM_STATUS && wr_str_eq(it.text, WEIR_STR("OK")));
        assert_string_equal(reader.error, "");
        it = next();
        assert_true(it.kind == WR_ITEM_ERROR && it.text.n == 23);
        assert_string_equal(reader.error, "ERR_KEY there is no 'u'");
        assert_int_equal(next().kind, WR_ITEM_NULL);
        assert_int_equal(next().kind, WR_ITEM_NULL);
        it = next();
        assert_true(it.kind == WR_ITEM_ARRAY && it.n == 0);
        assert_int_equal(reader.n_replies, 6);
        expect_ok(wr_reader_finish(&reader, &err));
        assert_true(wr_reader_is_clean(&reader));
    }
}

static void test_what_resp3_adds_is_understood(void **state)
{
    (void)state;
    static const char bytes[] =
        ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n" /* a push: passed over */
        "%1\r\n+a\r\n_\r\n"
        "|1\r\n+ttl\r\n:5\r\n#t\r\n" /* with an attribute */
        ",1.5\r\n(12345678901234567890\r\n=8\r\ntxt:text\r\n!9\r\nERR_KEY "
        "x\r\n~1\r\n:1\r\n";
    for (size_t step = 1; step < sizeof bytes; step++) {
        begin(bytes, sizeof bytes - 1, step);
        wr_item it = next();
        assert_true(it.kind == WR_ITEM_ARRAY && it.n == 2);
        next();
        assert_int_equal(next().kind, WR_ITEM_NULL);
        it = next();
        assert_true(it.kind == WR_ITEM_INTEGER && it.n == 1);
        assert_true(wr_str_eq(next().text, WEIR_STR("1.5")));
        assert_int_equal(next().kind, WR_ITEM_STATUS);
        expect_bulk("text");
        it = next();
        assert_true(it.kind == WR_ITEM_ERROR);
        assert_string_equal(reader.error, "ERR_KEY x");
        it = next();
        assert_true(it.kind == WR_ITEM_ARRAY && it.n == 1);
        assert_int_equal(next().n, 1);
        expect_ok(wr_reader_finish(&reader, &err));
        assert_true(wr_reader_is_clean(&reader));
    }
}

static void test_large_bulks_go_straight_to_their_memory(void **state)
{
    (void)state;
    enum { N = 1000000 };
    char *bytes = malloc(N + 64), *got = malloc(N);
    int head = sprintf(bytes, "$%d\r\n", N);
    for (int i = 0; i < N; i++)
        bytes[head + i] = (char)(i * 31 >> 3);
    memcpy(bytes + head + N, "\r\n:7\r\n", 6);
    static const size_t steps[] = {1000, 4096, 100000, N * 2};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        begin(bytes, (size_t)head + N + 6, steps[i]);
        assert_int_equal(next().n, N);
        memset(got, 0, N);
        expect_ok(reader.source.ops->read(&reader.source, got, N / 3, &err));
        expect_ok(reader.source.ops->read(&reader.source, got + N / 3, N - N / 3, &err));
        assert_memory_equal(got, bytes + head, N);
        assert_int_equal(next().n, 7);
        assert_true(reader.copied_bytes <= 2 * WR_READER_ROOM);
        assert_true(wr_reader_is_clean(&reader));
    }
    free(bytes);
    free(got);
}

static void test_the_rest_of_a_reply_can_be_dropped_anywhere(void **state)
{
    (void)state;
    static const char bytes[] =
        "*3\r\n*2\r\n$3\r\nabc\r\n*1\r\n:1\r\n:2\r\n$4\r\nwxyz\r\n+next\r\n";
    for (int items = 0; items < 7; items++) {
        for (size_t step = 1; step < 20; step += 6) {
            begin(bytes, sizeof bytes - 1, step);
            for (int i = 0; i < items; i++) {
                wr_item it = next();
                char half;
                if (it.kind == WR_ITEM_BULK) {
                    expect_ok(reader.source.ops->read(&reader.source, &half, 1, &err));
                    if (i + 1 < items) /* the next head is not there yet */
                        i = items;
                }
            }
            if (items > 0)
                expect_ok(wr_reader_finish(&reader, &err));
            else
                continue;
            assert_true(wr_str_eq(next().text, WEIR_STR("next")));
            assert_true(wr_reader_is_clean(&reader));
        }
    }
}

static void test_hostile_replies_end_in_a_format_error(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n",
        "?what\r\n",
        "OK\r\n",
        "+no carriage\n",
        "$5\r\nabcdefgh\r\n",
        "$-2\r\n",
        "$x\r\n",
        "$\r\n",
        "$99999999999999999999\r\n",
        "$274877906945\r\n",
        "*67108865\r\n",
        "*-2\r\n",
        ":\r\n",
        ":1a\r\n",
        ":--1\r\n",
        ":9223372036854775808\r\n",
        "=2\r\nab\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
        ">67108864\r\n*67108864\r\n*67108864\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weir_status st = WEIR_OK;
        begin(bad[i], strlen(bad[i]), 3);
        for (int k = 0; k < 100 && st == WEIR_OK; k++) {
            wr_item it;
            char c;
            st = reader.source.ops->next(&reader.source, &it, &err);
            for (int64_t b = 0; st == WEIR_OK && it.kind == WR_ITEM_BULK && b < it.n; b++)
                st = reader.source.ops->read(&reader.source, &c, 1, &err);
        }
        if (st != WEIR_ERR_FORMAT)
            fail_msg("'%s' gave %s: %s", bad[i], weir_status_name(st), err.text);
        wr_item it;
        expect_fail(reader.source.ops->next(&reader.source, &it, &err), WEIR_ERR_FORMAT,
                    "");
        assert_false(wr_reader_is_clean(&reader));
    }
    static char line[WR_READER_ROOM * 2];
    memset(line, 'a', sizeof line);
    line[0] = '+';
    wr_item it;
    begin(line, sizeof line, 999);
    expect_fail(reader.source.ops->next(&reader.source, &it, &err), WEIR_ERR_FORMAT,
                "longer than 16 KB");
}

/* ---- CLUSTER SLOTS ---- */

static wr_topology topology;
static wr_line line;

static weir_status read_slots(const char *bytes, wr_node *from)
{
    begin(bytes, strlen(bytes), 5);
    return wr_topology_read_slots(&topology, &reader.source, from, &err);
}

static void test_slots_are_read_in_any_order_and_strictly(void **state)
{
    (void)state;
    static const char overlap[] = "*2\r\n*3\r\n:0\r\n:5\r\n*2\r\n$1\r\nh\r\n:1\r\n"
                                  "*3\r\n:5\r\n:6\r\n*2\r\n$1\r\ng\r\n:1\r\n";
    wr_node *from = NULL;
    char host[] = "10.0.0.9";
    wr_place at = {host, 7};
    topology = (wr_topology){.line = &line, .clustered = true};
    wr_mutex_init(&topology.lock, WR_LEVEL_LEAF);
    wr_cond_init(&topology.changed);
    expect_ok(wr_node_new(&from, &at, &err));
    expect_ok(read_slots(
        "*3\r\n"
        "*4\r\n:10923\r\n:16383\r\n*3\r\n$3\r\n::1\r\n:3\r\n$2\r\nid\r\n"
        "*4\r\n$1\r\nr\r\n:9\r\n$2\r\nid\r\n*2\r\n$8\r\nhostname\r\n$1\r\nx\r\n"
        "*3\r\n:0\r\n:5460\r\n*4\r\n$0\r\n\r\n:1\r\n$2\r\nid\r\n*0\r\n"
        "*3\r\n:5461\r\n:10922\r\n*2\r\n$-1\r\n:2\r\n",
        from));
    assert_int_equal(wr_topology_shards(&topology), 3);
    assert_string_equal(wr_topology_find(&topology, 0)->name, "10.0.0.9:1");
    assert_string_equal(wr_topology_find(&topology, 6000)->name, "10.0.0.9:2");
    assert_string_equal(wr_topology_find(&topology, 16383)->name, "[::1]:3");
    assert_int_equal(wr_topology_shard(&topology, 2).low, 10923);
    assert_int_equal(wr_topology_shard_of(&topology, 5461).low, 5461);
    wr_node *n = NULL;
    expect_ok(wr_topology_node(&topology, WEIR_STR("::1:3"), from, &n, &err));
    assert_ptr_equal(n, wr_topology_find(&topology, 16383));
    expect_ok(wr_topology_node(&topology, WEIR_STR(":2"), from, &n, &err));
    assert_string_equal(n->name, "10.0.0.9:2");
    assert_true(wr_topology_node(&topology, WEIR_STR("nonsense:0"), from, &n, &err) != 0);
    static const char *const bad[] = {
        "+OK\r\n",
        ":1\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n*2\r\n:0\r\n:1\r\n",
        "*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\nh\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\nh\r\n:1\r\n",
        "*1\r\n*3\r\n:5\r\n:1\r\n*2\r\n$1\r\nh\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\nh\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\nh\r\n:0\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\nh\r\n$1\r\n1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n:4\r\n",
        "*2\r\n*3\r\n:0\r\n:5\r\n*2\r\n$1\r\nh\r\n:1\r\n*3\r\n:5\r\n:6\r\n*0\r\n",
        overlap,
        "*20000\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_fail(read_slots(bad[i], from), WEIR_ERR_FORMAT, "CLUSTER SLOTS");
    assert_int_equal(wr_topology_shards(&topology), 3); /* as it was */
    wr_node_free(from);
    wr_topology_fini(&topology);
}

/* ---- flow ---- */

static weir_tensor strided(char *memory, int kind)
{
    weir_tensor t = view_of(memory, WEIR_F64, 3, (int64_t[]){5, 40, 30});
    if (kind == 1)
        t = view_of(memory, WEIR_I16, 2, (int64_t[]){300, 300});
    if (kind == 2) { /* Fortran order */
        t.stride[0] = 8;
        t.stride[1] = 5 * 8;
        t.stride[2] = 5 * 40 * 8;
    }
    if (kind == 3) { /* long rows, apart and backwards */
        t = view_of(memory, WEIR_F32, 2, (int64_t[]){70, 2000});
        t.data = memory + 69 * 8192;
        t.stride[0] = -8192;
    }
    if (kind == 4)
        t.shape[1] = 0;
    if (kind == 5)
        t = view_of(memory, WEIR_F64, 0, NULL);
    if (kind == 6) { /* every second element, more than one packing */
        t = view_of(memory, WEIR_F32, 2, (int64_t[]){400, 300});
        t.stride[0] = 2400;
        t.stride[1] = 8;
    }
    return t;
}

static void send_all(wr_flow *f, wr_text *out, size_t step)
{
    while (!wr_flow_is_sent(f)) {
        expect_ok(wr_flow_fill(f, &err));
        size_t n = f->piece[f->first].iov_len;
        n = n < step ? n : step;
        wr_text_add(out, f->piece[f->first].iov_base, n);
        wr_flow_advance(f, n);
    }
}

static void test_what_flows_is_what_a_packed_copy_would_be(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    char *memory = malloc(N);
    for (int i = 0; i < N; i++)
        memory[i] = (char)(i * 7 + i / 251);
    static const size_t steps[] = {1000, 65537, SIZE_MAX};
    wr_flow f = {0};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        wr_text want = {0}, got = {0};
        wr_flow_reset(&f);
        for (int kind = 0; kind < 7; kind++) {
            weir_tensor t = strided(memory, kind);
            weir_buffer *b = NULL;
            wr_req put = {.command = WR_CMD_put, .key = WEIR_STR("k"), .in = &t};
            wr_req packed = {.command = WR_CMD_put, .key = WEIR_STR("k"), .in = &t};
            expect_ok(wr_wire_encode(&f.e, &put, &err));
            expect_ok(weir_buffer_from(&b, &t, &err));
            packed.buffer = b;
            wr_encoded e = {0};
            expect_ok(wr_wire_encode(&e, &packed, &err));
            size_t at = e.n_payloads > 0 ? e.payload[0].at : e.text.n; /* small: within */
            wr_text_add(&want, e.text.p, at);
            weir_tensor dense = weir_buffer_view(b);
            if (e.n_payloads > 0)
                wr_text_add(&want, dense.data, weir_tensor_bytes(&dense));
            wr_text_add(&want, e.text.p + at, e.text.n - at);
            wr_encoded_fini(&e);
            weir_buffer_unref(b);
        }
        send_all(&f, &got, steps[i]);
        assert_int_equal(got.n, want.n);
        assert_memory_equal(got.p, want.p, want.n);
        assert_int_equal(f.sent, want.n);
        wr_text_fini(&want);
        wr_text_fini(&got);
    }
    assert_int_equal(f.n_packs, 3 * 2); /* Fortran order, and every second element */
    wr_flow_fini(&f);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split_gives_the_same_items),
        cmocka_unit_test(test_what_resp3_adds_is_understood),
        cmocka_unit_test(test_large_bulks_go_straight_to_their_memory),
        cmocka_unit_test(test_the_rest_of_a_reply_can_be_dropped_anywhere),
        cmocka_unit_test(test_hostile_replies_end_in_a_format_error),
        cmocka_unit_test(test_slots_are_read_in_any_order_and_strictly),
        cmocka_unit_test(test_what_flows_is_what_a_packed_copy_would_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
