/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses, slots and marks. */
#include "client/transport/resp/address.h"
#include "client/transport/resp/slot.h"
#include "client/transport/transport.h"
#include "support/expect.h"

static void forget_environment(void)
{
    static const char *const names[] = {
        "WEIR_PASSWORD",   "WEIR_USER",      "WEIR_TLS_CA", "WEIR_TLS_CERT",
        "WEIR_TLS_KEY",    "SSDB",           "SR_DB_TYPE",  "WEIR_ADDRESS",
        "WEIR_TLS_VERIFY", "SR_CONN_TIMEOUT"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static wr_address parse(wr_scheme scheme, const char *rest)
{
    wr_address a = {0};
    if (wr_address_parse(&a, scheme, weir_cstr(rest), &err) != WEIR_OK)
        fail_msg("%s: %s", rest, err.text);
    return a;
}

static void test_addresses_of_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *rest, *host[3];
        int port[3], n, db;
        const char *user, *password;
    } good[] = {
        {"//h", {"h"}, {6379}, 1, 0, NULL, NULL},
        {"//h:1", {"h"}, {1}, 1, 0, NULL, NULL},
        {"//[::1]:7000", {"::1"}, {7000}, 1, 0, NULL, NULL},
        {"//[fe80::1%25eth0]", {"fe80::1%25eth0"}, {6379}, 1, 0, NULL, NULL},
        {"//a:1,b,[::1]:3/2", {"a", "b", "::1"}, {1, 6379, 3}, 3, 2, NULL, NULL},
        {"//u:p@h:5", {"h"}, {5}, 1, 0, "u", "p"},
        {"//:p%40%3A/x@h", {"h"}, {6379}, 1, 0, NULL, "p@:/x"},
        {"//u@h?db=7", {"h"}, {6379}, 1, 7, "u", NULL},
        {"//u:a@b@h/0?", {"h"}, {6379}, 1, 0, "u", "a@b"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        wr_address a = parse(WR_SCHEME_REDIS, good[i].rest);
        assert_int_equal(a.n_places, good[i].n);
        assert_int_equal(a.db, good[i].db);
        for (int k = 0; k < good[i].n; k++) {
            assert_string_equal(a.place[k].host, good[i].host[k]);
            assert_int_equal(a.place[k].port, good[i].port[k]);
        }
        assert_string_equal(a.user == NULL ? "-" : a.user,
                            good[i].user == NULL ? "-" : good[i].user);
        assert_string_equal(a.password == NULL ? "-" : a.password,
                            good[i].password == NULL ? "-" : good[i].password);
        assert_true(a.verify && !a.tls && a.clustered == WR_CLUSTER_ASK);
        wr_address_fini(&a);
        wr_address_fini(&a);
    }
}

static void test_paths_and_options(void **state)
{
    (void)state;
    wr_address a = parse(WR_SCHEME_UNIX, "/tmp/s?db=3");
    assert_string_equal(a.place[0].host, "/tmp/s");
    assert_int_equal(a.place[0].port, 0);
    assert_int_equal(a.db, 3);
    wr_address_fini(&a);
    a = parse(WR_SCHEME_UNIX, "///tmp/a%20b");
    assert_string_equal(a.place[0].host, "/tmp/a b");
    wr_address_fini(&a);
    a = parse(WR_SCHEME_REDISS, "//h?ca=/c&cert=/d&key=/e&verify=no&cluster=yes");
    assert_true(a.tls && !a.verify && a.clustered == WR_CLUSTER_YES);
    assert_string_equal(a.ca, "/c");
    assert_string_equal(a.cert, "/d");
    assert_string_equal(a.key, "/e");
    wr_address_fini(&a);
}

static void test_bad_addresses_are_refused_without_their_passwords(void **state)
{
    (void)state;
    static const struct {
        const char *rest, *words;
    } bad[] = {{"h:1", "'//' and a host"},
               {"//", "the name is empty"},
               {"//h:", "nothing follows the colon"},
               {"//h:0", "1 to 65535"},
               {"//h:65536", "1 to 65535"},
               {"//h:12x", "1 to 65535"},
               {"//::1", "needs brackets"},
               {"//[::1", "brackets don't match"},
               {"//[::1]7", "brackets don't match"},
               {"//[::1]:", "nothing follows"},
               {"//a,,b", "the name is empty"},
               {"//a,", "the name is empty"},
               {"//h/x", "number of the database"},
               {"//h?what=1", "no option 'what'"},
               {"//h?verify=perhaps", "neither 'yes' nor 'no'"},
               {"//u:secret%4@h", "hexadecimal"},
               {"//u:secret%00@h", "NUL"},
               {"//u:secret@h:x", "1 to 65535"},
               {"//u:secret@", "the name is empty"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wr_address a = {0};
        expect_fail(wr_address_parse(&a, WR_SCHEME_REDIS, weir_cstr(bad[i].rest), &err),
                    WEIR_ERR_ARG, bad[i].words);
        assert_null(strstr(err.text, "secret"));
        wr_address_fini(&a);
    }
    wr_address a = {0};
    expect_fail(wr_address_parse(&a, WR_SCHEME_UNIX, WEIR_STR(""), &err), WEIR_ERR_ARG,
                "path");
    wr_address_fini(&a);
}

static void test_the_environment_gives_what_the_address_leaves_out(void **state)
{
    (void)state;
    setenv("WEIR_PASSWORD", "word", 1);
    setenv("WEIR_TLS_CA", "/ca", 1);
    setenv("WEIR_TLS_VERIFY", "no", 1);
    wr_address a = parse(WR_SCHEME_REDISS, "//h");
    assert_string_equal(a.password, "word");
    assert_string_equal(a.ca, "/ca");
    assert_false(a.verify);
    wr_address_fini(&a);
    a = parse(WR_SCHEME_REDISS, "//:mine@h?ca=/x&verify=yes");
    assert_string_equal(a.password, "mine");
    assert_string_equal(a.ca, "/x");
    assert_true(a.verify);
    wr_address_fini(&a);
    forget_environment();
}

static void test_smartredis_environment_becomes_an_address(void **state)
{
    (void)state;
    static const struct {
        const char *ssdb, *type, *address;
    } known[] = {
        {NULL, NULL, ""},
        {"h:1", NULL, "redis://h:1"},
        {"tcp://a:1,b:2,tcp://c:3", "Clustered", "redis://a:1,b:2,c:3?cluster=yes"},
        {"a:1", "Standalone", "redis://a:1?cluster=no"},
        {"unix:///tmp/s", "standalone", "unix:///tmp/s"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        wr_text t = {0};
        forget_environment();
        if (known[i].ssdb != NULL)
            setenv("SSDB", known[i].ssdb, 1);
        if (known[i].type != NULL)
            setenv("SR_DB_TYPE", known[i].type, 1);
        expect_ok(wr_address_of_smartredis(&t, &err));
        assert_string_equal(t.p == NULL ? "" : t.p, known[i].address);
        wr_text_fini(&t);
    }
    int64_t n = -1;
    forget_environment();
    expect_ok(wr_environment_number("SR_CONN_TIMEOUT", &n, &err));
    assert_int_equal(n, 0);
    setenv("SR_CONN_TIMEOUT", "12", 1);
    expect_ok(wr_environment_number("SR_CONN_TIMEOUT", &n, &err));
    assert_int_equal(n, 12);
    setenv("SR_CONN_TIMEOUT", "-1", 1);
    expect_fail(wr_environment_number("SR_CONN_TIMEOUT", &n, &err), WEIR_ERR_ARG,
                "SR_CONN_TIMEOUT='-1'");
    forget_environment();
}

static void test_parsing_survives_every_allocation_failure(void **state)
{
    (void)state;
    const weir_str rest = WEIR_STR("//u:p@a:1,[::1]:2/3?ca=x&cert=y&key=z");
    for (long n = 0;; n++) {
        wr_address a = {0};
        wr_fail_allocation_after(n);
        weir_status st = wr_address_parse(&a, WR_SCHEME_REDISS, rest, &err);
        wr_fail_allocation_after(-1);
        wr_address_fini(&a);
        if (st == WEIR_OK) {
            assert_true(n >= 7);
            return;
        }
        assert_int_equal(st, WEIR_ERR_NOMEM);
    }
}

/* ---- slots ---- */

static void test_slots_are_those_of_redis(void **state)
{
    (void)state;
    assert_int_equal(wr_crc16("123456789", 9), 0x31c3);
    static const struct {
        const char *key, *same;
    } tags[] = {{"{user1000}.following", "user1000"},
                {"foo{bar}{zap}", "bar"},
                {"foo{{bar}}zap", "{bar"},
                {"foo{}{bar}", "foo{}{bar}"},
                {"foo{bar", "foo{bar"},
                {"a}b{c}", "c"},
                {"{}x", "{}x"},
                {"", ""}};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        assert_int_equal(wr_slot_of(weir_cstr(tags[i].key)),
                         wr_crc16(tags[i].same, strlen(tags[i].same)) % 16384);
    assert_int_equal(wr_slot_of(WEIR_STR("foo")), 12182);
}

static void test_marks_are_those_of_smartredis(void **state)
{
    (void)state;
    static const struct {
        int slot;
        const char *mark;
    } known[] = {{0, "\x00\x00"},     {5461, "\x38\x4d"}, {10923, "\xed\xeb"},
                 {1, "\x9d\x71"},     {5462, "\x8f\xff"}, {8192, "\x22\x04"},
                 {10922, "\x70\x9a"}, {16383, "\x48\xd7"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        wr_mark m = wr_mark_of(known[i].slot);
        assert_int_equal(m.n, 2);
        assert_memory_equal(m.p, known[i].mark, 2);
    }
    for (int slot = 0; slot < WR_SLOTS; slot++) {
        wr_mark m = wr_mark_of(slot);
        char key[16] = "{";
        assert_true(m.n >= 2 && m.n <= 3);
        assert_int_equal(wr_crc16(m.p, m.n), slot);
        assert_null(memchr(m.p, '{', m.n));
        assert_null(memchr(m.p, '}', m.n));
        memcpy(key + 1, m.p, m.n);
        memcpy(key + 1 + m.n, "}.net", 5);
        assert_int_equal(wr_slot_of((weir_str){key, m.n + 6}), slot);
    }
}

int main(void)
{
    forget_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_of_every_form),
        cmocka_unit_test(test_paths_and_options),
        cmocka_unit_test(test_bad_addresses_are_refused_without_their_passwords),
        cmocka_unit_test(test_the_environment_gives_what_the_address_leaves_out),
        cmocka_unit_test(test_smartredis_environment_becomes_an_address),
        cmocka_unit_test(test_parsing_survives_every_allocation_failure),
        cmocka_unit_test(test_slots_are_those_of_redis),
        cmocka_unit_test(test_marks_are_those_of_smartredis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
