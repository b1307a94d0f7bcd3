/* SPDX-License-Identifier: BSD-3-Clause */
/* Several threads on one client of a server, and waits: one connection for each call under way, none for
 * idle threads, and a wait's connection ends with the wait. */
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "support/expect.h"
#include "support/fake_server.h"

static fake_server server;
static weir_client *c;
static atomic_int exists, met, n_polls, drop_polls, n_waiting;
static float in[4] = {1, 2, 3, 4};

static const char tensor_reply[] =
    "*3\r\n$5\r\nFLOAT\r\n*1\r\n:4\r\n$"
    "16\r\n\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40\r\n";

/* Holds a WEIR.POLL until the test says that it is met. */
static bool poll_key(fake_conn *f)
{
    char c1;
    atomic_fetch_add(&n_polls, 1);
    if (atomic_load(&drop_polls) > 0) {
        atomic_fetch_sub(&drop_polls, 1);
        return false;
    }
    atomic_fetch_add(&n_waiting, 1);
    bool here = true;
    while (here && !atomic_load(&met) && !atomic_load(&f->server->stop)) {
        struct pollfd p = {.fd = f->fd, .events = POLLIN};
        here = poll(&p, 1, 1) == 0 || recv(f->fd, &c1, 1, MSG_PEEK) > 0;
    }
    atomic_fetch_sub(&n_waiting, 1);
    fake_say(f, ":1\r\n");
    return here;
}

static bool serve(fake_conn *f, void *context)
{
    (void)context;
    if (fake_is(f, "CLUSTER"))
        fake_say(f, "-ERR This instance has cluster support disabled\r\n");
    else if (fake_is(f, "WEIR.PUT"))
        fake_say(f, "+OK\r\n");
    else if (fake_is(f, "WEIR.GET"))
        fake_send(f, tensor_reply, sizeof tensor_reply - 1);
    else if (fake_is(f, "WEIR.EXISTS"))
        fake_say(f, atomic_load(&exists) ? ":1\r\n" : ":0\r\n");
    else if (fake_is(f, "WEIR.POLL"))
        return poll_key(f);
    else
        fake_say(f, "-ERR unknown command\r\n");
    return true;
}

static int begin(void **state)
{
    (void)state;
    char text[64];
    atomic_store(&exists, 0);
    atomic_store(&met, 0);
    atomic_store(&n_polls, 0);
    atomic_store(&drop_polls, 0);
    atomic_store(&n_waiting, 0);
    fake_start(&server, 0, serve, NULL);
    expect_ok(weir_client_new(&c, weir_cstr(fake_address(&server, text, sizeof text)),
                              NULL, &err));
    return 0;
}

static int end(void **state)
{
    (void)state;
    weir_client_free(c);
    fake_stop(&server);
    return 0;
}

/* Until it holds, for at most ten seconds. */
#define soon(condition)                                                                  \
    do {                                                                                 \
        int tries_ = 0;                                                                  \
        while (!(condition) && tries_++ < 10000)                                         \
            poll(NULL, 0, 1);                                                            \
        assert_true(condition);                                                          \
    } while (0)

enum { THREADS = 8, CALLS = 200 };

static void *call_often(void *arg)
{
    atomic_int *failed = arg;
    weir_tensor t = {0}, back = {0};
    float out[4];
    int64_t shape = 4;
    weir_error e;
    if (weir_tensor_init(&t, in, WEIR_F32, 1, &shape, &e) != WEIR_OK ||
        weir_tensor_init(&back, out, WEIR_F32, 1, &shape, &e) != WEIR_OK)
        atomic_fetch_add(failed, 1);
    for (int i = 0; i < CALLS; i++) {
        memset(out, 0, sizeof out);
        if (weir_put(c, WEIR_STR("u"), &t, &e) != WEIR_OK ||
            weir_get(c, WEIR_STR("u"), &back, &e) != WEIR_OK ||
            memcmp(in, out, sizeof in) != 0)
            atomic_fetch_add(failed, 1);
    }
    return NULL;
}

static void test_threads_share_a_client_and_no_connection(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    atomic_int failed = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, call_often, &failed), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(atomic_load(&failed), 0);
    assert_int_equal(atomic_load(&server.n_commands), 2 * THREADS * CALLS);
    assert_in_range(atomic_load(&server.n_connections), 1, THREADS + 1);
}

static void test_many_requests_at_once(void **state)
{
    (void)state;
    enum { N = 50 };
    weir_request *r[N];
    weir_tensor t = view_1d(in, WEIR_F32, 4);
    for (int i = 0; i < N; i++)
        expect_ok(weir_iput(c, WEIR_STR("u"), &t, &r[i], &err));
    expect_ok(weir_wait_all(r, N, -1, &err));
    assert_int_equal(atomic_load(&server.n_commands), N);
    assert_in_range(atomic_load(&server.n_connections), 1, 5);
}

static void test_a_poll_of_what_is_there_needs_one_exchange(void **state)
{
    (void)state;
    bool found = false;
    atomic_store(&exists, 1);
    expect_ok(weir_poll(c, WEIR_TENSOR, WEIR_STR("u"), 60000, &found, &err));
    assert_true(found);
    assert_int_equal(atomic_load(&n_polls), 0);
    atomic_store(&exists, 0);
    expect_ok(weir_poll(c, WEIR_TENSOR, WEIR_STR("u"), 0, &found, &err));
    assert_false(found);
    assert_int_equal(atomic_load(&n_polls), 0);
}

static void test_waits_end_when_the_server_says_so(void **state)
{
    (void)state;
    enum { N = 3 };
    weir_request *r[N] = {NULL};
    bool done = true;
    for (int i = 0; i < N; i++)
        expect_ok(weir_ipoll(c, WEIR_TENSOR, WEIR_STR("u"), 60000, &r[i], &err));
    soon(atomic_load(&n_waiting) == N);
    expect_ok(weir_test(&r[0], &done, &err));
    assert_false(done);
    atomic_store(&met, 1);
    expect_ok(weir_wait_all(r, N, 30000, &err));
    assert_int_equal(atomic_load(&n_polls), N);
}

static void test_a_wait_that_ends_leaves_no_waiter_on_the_server(void **state)
{
    (void)state;
    bool found = true;
    weir_request *r = NULL;
    expect_ok(weir_poll(c, WEIR_TENSOR, WEIR_STR("u"), 50, &found, &err));
    assert_false(found);
    soon(atomic_load(&n_polls) == 1 && atomic_load(&n_waiting) == 0);
    expect_ok(weir_ipoll(c, WEIR_TENSOR, WEIR_STR("u"), 60000, &r, &err));
    soon(atomic_load(&n_waiting) == 1);
    weir_request_free(r);
    soon(atomic_load(&n_waiting) == 0);
}

static void test_a_wait_outlives_its_connection(void **state)
{
    (void)state;
    weir_request *r = NULL;
    atomic_store(&drop_polls, 3);
    expect_ok(weir_ipoll(c, WEIR_TENSOR, WEIR_STR("u"), 60000, &r, &err));
    soon(atomic_load(&n_polls) == 4);
    atomic_store(&met, 1);
    expect_ok(weir_wait(&r, 30000, &err));
}

static void test_a_client_may_be_freed_while_it_waits(void **state)
{
    (void)state;
    char text[64];
    weir_client *d = NULL;
    weir_request *r = NULL;
    expect_ok(weir_client_new(&d, weir_cstr(fake_address(&server, text, sizeof text)),
                              NULL, &err));
    expect_ok(weir_ipoll(d, WEIR_TENSOR, WEIR_STR("u"), 60000, &r, &err));
    soon(atomic_load(&n_waiting) == 1);
    weir_client_free(d);
    expect_fail(weir_wait(&r, -1, &err), WEIR_ERR_CLOSED, "its client was closed");
    soon(atomic_load(&n_waiting) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads_share_a_client_and_no_connection,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_many_requests_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_a_poll_of_what_is_there_needs_one_exchange,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_waits_end_when_the_server_says_so, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_a_wait_that_ends_leaves_no_waiter_on_the_server, begin, end),
        cmocka_unit_test_setup_teardown(test_a_wait_outlives_its_connection, begin, end),
        cmocka_unit_test_setup_teardown(test_a_client_may_be_freed_while_it_waits, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
