/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls against servers that break off, stall, redirect, and answer nonsense: each command runs once
 * from the user's view, and every failure says whose it was. */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/transport/resp/slot.h"
#include "support/expect.h"
#include "support/fake_server.h"

static char address[2][256];
static fake_server server, other;
static float in[4] = {1, 2, 3, 4}, out[4];

static const char tensor_reply[] =
    "*3\r\n$5\r\nFLOAT\r\n*1\r\n:4\r\n$"
    "16\r\n\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40\r\n";
enum { N_TENSOR = sizeof tensor_reply - 1 };

/* What the servers do, by command number. */
typedef struct plan {
    fake_handler step[8];
    atomic_int at;
    char target[64]; /* of redirects */
} plan;
static plan todo, other_todo;

static bool no_cluster(fake_conn *c)
{
    fake_say(c, "-ERR This instance has cluster support disabled\r\n");
    return true;
}

static bool follow(fake_conn *c, void *context)
{
    plan *p = context;
    if (fake_is(c, "CLUSTER"))
        return no_cluster(c);
    int i = atomic_fetch_add(&p->at, 1);
    fake_handler step = i < 8 ? p->step[i] : NULL;
    if (step == NULL) {
        fake_say(c, "-ERR nothing more is planned\r\n");
        return true;
    }
    return step(c, context);
}

static bool say_ok(fake_conn *c, void *context)
{
    (void)context;
    fake_say(c, "+OK\r\n");
    return true;
}

static bool say_tensor(fake_conn *c, void *context)
{
    (void)context;
    fake_send(c, tensor_reply, N_TENSOR);
    return true;
}

static bool say_half(fake_conn *c, void *context)
{
    (void)context;
    if (fake_is(c, "WEIR.INFER"))
        fake_say(c, "*1\r\n");
    fake_send(c, tensor_reply, N_TENSOR / 2);
    return false;
}

static bool hang_up(fake_conn *c, void *context)
{
    (void)c;
    (void)context;
    return false;
}

static bool say_nothing(fake_conn *c, void *context)
{
    (void)c;
    (void)context;
    return true;
}

static bool say_loading(fake_conn *c, void *context)
{
    (void)context;
    fake_say(c, "-LOADING Redis is loading the dataset in memory\r\n");
    return true;
}

static bool say_unknown(fake_conn *c, void *context)
{
    (void)context;
    fake_say(c, "-ERR unknown command 'WEIR.PUT', with args beginning with: \r\n");
    return true;
}

static weir_client *begin(fake_handler handle, int64_t timeout_ms)
{
    weir_client *c = NULL;
    weir_client_options opt = {.struct_bytes = sizeof opt, .timeout_ms = timeout_ms};
    memset(&todo, 0, sizeof todo);
    memset(out, 0, sizeof out);
    fake_start(&server, 0, handle, &todo);
    fake_address(&server, address[0], sizeof address[0]);
    expect_ok(weir_client_new(&c, weir_cstr(address[0]), &opt, &err));
    return c;
}

static void end(weir_client *c)
{
    weir_client_free(c);
    fake_stop(&server);
}

static weir_tensor view(float *p)
{
    return view_1d(p, WEIR_F32, 4);
}

static void plan_steps(fake_handler a, fake_handler b, fake_handler c)
{
    todo.step[0] = a;
    todo.step[1] = b;
    todo.step[2] = c;
}

/* ---- once ---- */

static void test_a_put_whose_answer_is_lost_is_not_sent_again(void **state)
{
    (void)state;
    weir_client *c = begin(follow, 5000);
    weir_tensor t = view(in);
    plan_steps(hang_up, say_ok, NULL);
    expect_fail(weir_put(c, WEIR_STR("u"), &t, &err), WEIR_ERR_CLOSED,
                "the command may have been executed");
    assert_non_null(strstr(err.text, address[0] + 8)); /* host and port */
    assert_int_equal(atomic_load(&server.n_commands), 1);
    expect_ok(weir_put(c, WEIR_STR("u"), &t, &err)); /* the next one connects anew */
    end(c);
}

static void test_an_infer_whose_answer_is_lost_is_not_run_again(void **state)
{
    (void)state;
    weir_client *c = begin(follow, 5000);
    weir_tensor t = view(in), y = view(out);
    plan_steps(say_half, say_tensor, NULL);
    expect_fail(weir_infer(c, WEIR_STR("net"), &t, 1, &y, 1, &err), WEIR_ERR_CLOSED,
                "may have been executed");
    assert_int_equal(atomic_load(&server.n_commands), 1);
    end(c);
}

static void test_a_get_is_asked_again(void **state)
{
    (void)state;
    weir_client *c = begin(follow, 5000);
    weir_tensor y = view(out);
    plan_steps(hang_up, say_half, say_tensor);
    expect_ok(weir_get(c, WEIR_STR("u"), &y, &err));
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(atomic_load(&server.n_commands), 3);
    assert_true(statistic(c, "client.retries") == 2);
    assert_true(statistic(c, "client.failed_connections") >= 2);
    end(c);
}

static void test_a_put_that_was_not_sent_whole_is_sent_again(void **state)
{
    (void)state;
    enum { N = 64 << 20 };
    weir_client *c = begin(follow, 20000);
    char *big = calloc(N, 1);
    weir_tensor t = view_1d(big, WEIR_U8, N);
    plan_steps(say_ok, NULL, NULL);
    atomic_store(&server.limit, 100000); /* a reset after so much */
    weir_request *r = NULL;
    expect_ok(weir_iput(c, WEIR_STR("big"), &t, &r, &err));
    for (int i = 0; i < 10000 && atomic_load(&server.n_connections) < 3; i++)
        poll(NULL, 0, 1);
    atomic_store(&server.limit, 0);
    expect_ok(weir_wait(&r, -1, &err));
    assert_int_equal(atomic_load(&server.n_commands), 1);
    assert_true(atomic_load(&server.n_connections) >= 3);
    free(big);
    end(c);
}

static void test_a_time_out_names_the_peer_and_drops_the_connection(void **state)
{
    (void)state;
    weir_client *c = begin(follow, 60);
    weir_tensor t = view(in), y = view(out);
    plan_steps(say_nothing, say_tensor, NULL);
    int64_t before = weir_now_ns();
    expect_fail(weir_put(c, WEIR_STR("u"), &t, &err), WEIR_ERR_TIMEOUT,
                "the command may have been executed");
    assert_non_null(strstr(err.text, "no answer from 127.0.0.1:"));
    assert_true(weir_now_ns() - before >= 59000000);
    fake_say(&server.conn[0], "+OK\r\n"); /* the late answer is nobody's */
    weir_client_set_timeout(c, 5000);
    expect_ok(weir_get(c, WEIR_STR("u"), &y, &err));
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(atomic_load(&server.n_connections), 2);
    end(c);
}

static void test_a_get_that_times_out_says_nothing_of_execution(void **state)
{
    (void)state;
    weir_client *c = begin(follow, 50);
    weir_tensor y = view(out);
    plan_steps(say_nothing, NULL, NULL);
    expect_fail(weir_get(c, WEIR_STR("u"), &y, &err), WEIR_ERR_TIMEOUT, "no answer from");
    assert_null(strstr(err.text, "executed"));
    end(c);
}

static void test_a_loading_server_is_waited_for(void **state)
{
    (void)state;
    weir_client *c = begin(follow, 5000);
    weir_tensor t = view(in);
    plan_steps(say_loading, say_loading, say_ok);
    expect_ok(weir_put(c, WEIR_STR("u"), &t, &err));
    assert_int_equal(atomic_load(&server.n_connections), 1);
    weir_client_set_timeout(c, 40);
    for (int i = 3; i < 8; i++)
        todo.step[i] = say_loading;
    atomic_store(&todo.at, 0);
    todo.step[0] = todo.step[1] = todo.step[2] = say_loading;
    expect_fail(weir_put(c, WEIR_STR("u"), &t, &err), WEIR_ERR_TIMEOUT, "LOADING");
    end(c);
}

static void test_a_server_without_the_module_is_told_apart(void **state)
{
    (void)state;
    weir_client *c = begin(follow, 5000);
    weir_tensor t = view(in);
    plan_steps(say_unknown, NULL, NULL);
    expect_fail(weir_put(c, WEIR_STR("u"), &t, &err), WEIR_ERR_UNSUPPORTED,
                "has no Weir module: start it with --loadmodule");
    end(c);
}

static void test_a_server_that_comes_back_is_found_again(void **state)
{
    (void)state;
    weir_client *c = begin(follow, 300);
    weir_tensor t = view(in);
    plan_steps(say_ok, say_ok, NULL);
    expect_ok(weir_put(c, WEIR_STR("u"), &t, &err));
    int port = server.port;
    fake_stop(&server);
    expect_fail(weir_put(c, WEIR_STR("u"), &t, &err), WEIR_ERR_CLOSED,
                "can't be reached");
    assert_non_null(strstr(err.text, address[0] + 8));
    assert_non_null(strstr(err.text, "tried for 0."));
    weir_client_set_timeout(c, 20000);
    weir_request *r = NULL;
    expect_ok(weir_iput(c, WEIR_STR("u"), &t, &r, &err));
    poll(NULL, 0, 30);
    fake_start(&server, port, follow, &todo);
    expect_ok(weir_wait(&r, -1, &err));
    end(c);
}

/* ---- nonsense ---- */

static const char *nonsense;
static size_t chunk;

static bool say_nonsense(fake_conn *c, void *context)
{
    (void)context;
    if (fake_is(c, "CLUSTER"))
        return no_cluster(c);
    c->chunk = chunk;
    fake_say(c, nonsense);
    return true;
}

static weir_status use(weir_client *c, int verb)
{
    weir_tensor t = view(in), y = view(out), d;
    weir_buffer *b = NULL;
    weir_dataset *ds = NULL, **all = NULL;
    bool flag;
    int64_t number;
    size_t n = 0;
    weir_status st = WEIR_OK;
    static weir_model_info info;
    switch (verb) {
    case 0:
        return weir_put(c, WEIR_STR("u"), &t, &err);
    case 1:
        return weir_get(c, WEIR_STR("u"), &y, &err);
    case 2:
        st = weir_fetch(c, WEIR_STR("u"), &b, &err);
        weir_buffer_unref(b);
        return st;
    case 3:
        return weir_describe(c, WEIR_STR("u"), &d, &err);
    case 4:
        return weir_exists(c, WEIR_TENSOR, WEIR_STR("u"), &flag, &err);
    case 5:
        st = weir_get_dataset(c, WEIR_STR("d"), &ds, &err);
        weir_dataset_free(ds);
        return st;
    case 6:
        return weir_list_length(c, WEIR_STR("l"), &number, &err);
    case 7:
        st = weir_list_get(c, WEIR_STR("l"), 0, -1, &all, &n, &err);
        weir_datasets_free(all, n);
        return st;
    case 8:
        return weir_infer(c, WEIR_STR("m"), &t, 1, &y, 1, &err);
    case 9:
        st = weir_get_model(c, WEIR_MODEL, WEIR_STR("m"), &b, &err);
        weir_buffer_unref(b);
        return st;
    case 10:
        return weir_describe_model(c, WEIR_MODEL, WEIR_STR("m"), &info, &err);
    default:
        return weir_del(c, WEIR_TENSOR, WEIR_STR("u"), &err);
    }
}
enum { VERBS = 12 };

static void test_wrong_replies_to_every_verb_are_errors_and_no_more(void **state)
{
    (void)state;
    static const char *const replies[] = {
        ":1\r\n",
        "+OK\r\n",
        "$3\r\nabc\r\n",
        "*0\r\n",
        "*1\r\n:1\r\n",
        "$-1\r\n",
        "-\r\n",
        "-ERR_SHAPE \x01\xff bytes of any kind\r\n",
        "*3\r\n$5\r\nFLOAT\r\n*1\r\n:5\r\n$16\r\n0123456789abcdef\r\n",
        "*3\r\n$5\r\nFLOAT\r\n*1\r\n:-4\r\n$0\r\n\r\n",
        "*3\r\n$5\r\nWRONG\r\n*1\r\n:4\r\n$16\r\n0123456789abcdef\r\n",
        "*3\r\n$5\r\nFLOAT\r\n*16\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:"
        "1\r\n:1\r\n:1\r\n"
        ":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n$4\r\nabcd\r\n",
        "*2\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n*0\r\n",
        "nonsense\r\n",
        "*99999999999\r\n",
        "*1000000\r\n*1000000\r\n:1\r\n",
    };
    weir_client *c = begin(say_nonsense, 100);
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        for (int verb = 0; verb < VERBS; verb++) {
            nonsense = replies[i];
            err.text[0] = '\0';
            if (use(c, verb) != WEIR_OK)
                assert_true(err.text[0] != '\0');
            if (atomic_load(&server.n_connections) > FAKE_CONNECTIONS - 30) {
                end(c);
                c = begin(say_nonsense, 100);
            }
        }
    }
    nonsense = ":1\r\n"; /* and none of it is taken for the answer to the next call */
    bool found = false;
    expect_ok(weir_exists(c, WEIR_TENSOR, WEIR_STR("u"), &found, &err));
    assert_true(found);
    end(c);
}

static bool say_split(fake_conn *c, void *context)
{
    (void)context;
    if (fake_is(c, "CLUSTER"))
        return no_cluster(c);
    c->chunk = chunk;
    fake_send(c, tensor_reply, N_TENSOR);
    return true;
}

static void test_a_reply_may_come_byte_by_byte(void **state)
{
    (void)state;
    weir_client *c = begin(say_split, 5000);
    for (chunk = 1; chunk < 20; chunk++) {
        weir_tensor y = view(out);
        memset(out, 0, sizeof out);
        expect_ok(weir_get(c, WEIR_STR("u"), &y, &err));
        assert_memory_equal(in, out, sizeof in);
    }
    chunk = 0;
    end(c);
}

/* A server that answers a lot before it has read all: both sides' buffers are full. */
static bool answer_early(fake_conn *c, void *context)
{
    static char bytes[1 << 16];
    (void)context;
    fake_say(c, "*1\r\n$8388608\r\n");
    for (int i = 0; i < (8 << 20) / (int)sizeof bytes; i++)
        fake_send(c, bytes, sizeof bytes);
    fake_say(c, "\r\n");
    return true;
}

static void test_neither_sides_full_buffers_stop_both(void **state)
{
    (void)state;
    enum { N = 32 << 20 };
    weir_client *c = begin(follow, 30000);
    char *big = calloc(N, 1);
    weir_tensor t = view_1d(big, WEIR_U8, N), small = view(in);
    plan_steps(say_ok, say_ok, NULL);
    server.at_half = answer_early;
    atomic_store(&server.half, 100000);
    expect_fail(weir_put(c, WEIR_STR("big"), &t, &err), WEIR_ERR_FORMAT, "an array");
    expect_ok(weir_put(c, WEIR_STR("u"), &small, &err));
    free(big);
    end(c);
}

/* ---- redirects ---- */

static void say_slots(fake_conn *c, const fake_server *owner)
{
    char text[128];
    snprintf(text, sizeof text,
             "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n", owner->port);
    fake_say(c, text);
}

static atomic_int owner_is_other, n_slots_asked;

static bool clustered(fake_conn *c, void *context)
{
    plan *p = context;
    if (fake_is(c, "CLUSTER")) {
        atomic_fetch_add(&n_slots_asked, 1);
        say_slots(c, atomic_load(&owner_is_other) ? &other : &server);
        return true;
    }
    int i = atomic_fetch_add(&p->at, 1);
    return i < 8 && p->step[i] != NULL ? p->step[i](c, context) : false;
}

static bool say_moved(fake_conn *c, void *context)
{
    char text[96];
    (void)context;
    snprintf(text, sizeof text, "-MOVED %d 127.0.0.1:%d\r\n", wr_slot_of(WEIR_STR("u")),
             other.port);
    atomic_store(&owner_is_other, 1);
    fake_say(c, text);
    return true;
}

static bool say_ask(fake_conn *c, void *context)
{
    char text[96];
    (void)context;
    snprintf(text, sizeof text, "-ASK %d 127.0.0.1:%d\r\n", wr_slot_of(WEIR_STR("u")),
             other.port);
    fake_say(c, text);
    return true;
}

static bool say_ok_if_asking(fake_conn *c, void *context)
{
    (void)context;
    fake_say(c, fake_is(c, "ASKING") ? "+OK\r\n" : "-ERR not asking\r\n");
    return true;
}

static bool say_tryagain(fake_conn *c, void *context)
{
    (void)context;
    fake_say(c, "-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
    return true;
}

static weir_client *begin_cluster(void)
{
    atomic_store(&owner_is_other, 0);
    atomic_store(&n_slots_asked, 0);
    memset(&other_todo, 0, sizeof other_todo);
    fake_start(&other, 0, clustered, &other_todo);
    return begin(clustered, 5000);
}

static void end_cluster(weir_client *c)
{
    weir_client_free(c);
    fake_stop(&server);
    fake_stop(&other);
}

static void test_moved_is_followed_and_remembered(void **state)
{
    (void)state;
    weir_client *c = begin_cluster();
    weir_tensor t = view(in);
    plan_steps(say_moved, NULL, NULL);
    for (int i = 0; i < 3; i++)
        other_todo.step[i] = say_ok;
    for (int i = 0; i < 3; i++)
        expect_ok(weir_put(c, WEIR_STR("u"), &t, &err));
    assert_int_equal(atomic_load(&server.n_commands), 1);
    assert_int_equal(atomic_load(&other.n_commands), 3);
    assert_true(atomic_load(&n_slots_asked) <= 2);
    end_cluster(c);
}

static void test_ask_is_followed_once_and_not_remembered(void **state)
{
    (void)state;
    weir_client *c = begin_cluster();
    weir_tensor t = view(in);
    plan_steps(say_ask, say_ok, NULL);
    other_todo.step[0] = say_ok_if_asking;
    other_todo.step[1] = say_ok;
    expect_ok(weir_put(c, WEIR_STR("u"), &t, &err));
    expect_ok(weir_put(c, WEIR_STR("u"), &t, &err));
    assert_int_equal(atomic_load(&server.n_commands), 2);
    assert_int_equal(atomic_load(&other.n_commands), 2);
    assert_int_equal(atomic_load(&n_slots_asked), 1);
    end_cluster(c);
}

static void test_tryagain_is_tried_again(void **state)
{
    (void)state;
    weir_client *c = begin_cluster();
    weir_tensor t = view(in);
    plan_steps(say_tryagain, say_tryagain, say_ok);
    expect_ok(weir_put(c, WEIR_STR("u"), &t, &err));
    assert_int_equal(atomic_load(&server.n_commands), 3);
    end_cluster(c);
}

static void test_a_dead_shards_place_is_looked_up(void **state)
{
    (void)state;
    char both[600];
    weir_client *c = NULL;
    weir_tensor t = view(in);
    atomic_store(&owner_is_other, 0);
    memset(&todo, 0, sizeof todo);
    memset(&other_todo, 0, sizeof other_todo);
    fake_start(&other, 0, clustered, &other_todo);
    fake_start(&server, 0, clustered, &todo);
    snprintf(both, sizeof both, "redis://127.0.0.1:%d,127.0.0.1:%d", server.port,
             other.port);
    expect_ok(weir_client_new(&c, weir_cstr(both), NULL, &err));
    todo.step[0] = say_ok;
    other_todo.step[0] = say_ok;
    expect_ok(weir_put(c, WEIR_STR("u"), &t, &err));
    fake_stop(&server);
    atomic_store(&owner_is_other, 1);
    expect_ok(weir_put(c, WEIR_STR("u"), &t, &err));
    assert_int_equal(atomic_load(&other.n_commands), 1);
    weir_client_free(c);
    fake_stop(&other);
}

static void test_moved_between_servers_for_ever_ends_with_the_time(void **state)
{
    (void)state;
    weir_client *c = begin_cluster();
    weir_tensor t = view(in);
    weir_client_set_timeout(c, 60);
    for (int i = 0; i < 8; i++) {
        todo.step[i] = say_moved;
        other_todo.step[i] = say_ask;
    }
    assert_true(weir_put(c, WEIR_STR("u"), &t, &err) != WEIR_OK);
    assert_true(err.text[0] != '\0');
    end_cluster(c);
}

/* ---- who we are ---- */

static bool password(fake_conn *c, void *context)
{
    (void)context;
    if (fake_is(c, "AUTH"))
        fake_say(c, c->word[c->n_words - 1].n == 9
                        ? "+OK\r\n"
                        : "-WRONGPASS invalid username-password pair\r\n");
    else if (fake_is(c, "CLUSTER"))
        return no_cluster(c);
    else
        fake_say(c, ":1\r\n");
    return true;
}

static void test_passwords_are_sent_and_never_shown(void **state)
{
    (void)state;
    char text[128];
    weir_client *c = NULL;
    bool found;
    weir_client_options opt = {.struct_bytes = sizeof opt, .timeout_ms = 1000};
    fake_start(&server, 0, password, NULL);
    snprintf(text, sizeof text, "redis://me:pass%%20word@127.0.0.1:%d", server.port);
    expect_ok(weir_client_new(&c, weir_cstr(text), &opt, &err));
    expect_ok(weir_exists(c, WEIR_ANY, WEIR_STR("u"), &found, &err));
    weir_client_free(c);
    setenv("WEIR_PASSWORD", "guess", 1);
    snprintf(text, sizeof text, "redis://127.0.0.1:%d", server.port);
    expect_fail(weir_client_new(&c, weir_cstr(text), &opt, &err), WEIR_ERR_ARG,
                "did not accept who we are");
    assert_null(strstr(err.text, "guess"));
    unsetenv("WEIR_PASSWORD");
    fake_stop(&server);
}

static void test_options_of_a_store_are_refused(void **state)
{
    (void)state;
    weir_client *c = NULL;
    weir_client_options opt = {.struct_bytes = sizeof opt, .memory_bytes = 1};
    expect_fail(weir_client_new(&c, WEIR_STR("redis://127.0.0.1:1"), &opt, &err),
                WEIR_ERR_ARG, "'memory_bytes' is the store's");
    opt = (weir_client_options){.struct_bytes = sizeof opt, .threads = 2};
    expect_fail(weir_client_new(&c, WEIR_STR("unix:/nowhere"), &opt, &err), WEIR_ERR_ARG,
                "'threads' is the store's");
}

static void test_nobody_there_is_said_with_name_and_time(void **state)
{
    (void)state;
    weir_client *c = NULL;
    weir_client_options opt = {.struct_bytes = sizeof opt, .timeout_ms = 60};
    expect_fail(weir_client_new(&c, WEIR_STR("unix:/nowhere/socket"), &opt, &err),
                WEIR_ERR_CLOSED, "the server at unix:/nowhere/socket can't be reached");
    assert_non_null(strstr(err.text, "tried for 0.0"));
    assert_null(c);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    weir_client *c = begin(say_split, 5000);
    for (long n = 0;; n++) {
        weir_client *d = NULL;
        weir_buffer *b = NULL;
        wr_fail_allocation_after(n);
        weir_status st = weir_client_new(&d, weir_cstr(address[0]), NULL, &err);
        if (st == WEIR_OK)
            st = weir_fetch(d, WEIR_STR("u"), &b, &err);
        wr_fail_allocation_after(-1);
        weir_buffer_unref(b);
        weir_client_free(d);
        if (st == WEIR_OK) {
            assert_true(n > 6);
            break;
        }
        assert_int_equal(st, WEIR_ERR_NOMEM);
    }
    end(c);
}

int main(void)
{
    unsetenv("WEIR_PASSWORD");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_put_whose_answer_is_lost_is_not_sent_again),
        cmocka_unit_test(test_an_infer_whose_answer_is_lost_is_not_run_again),
        cmocka_unit_test(test_a_get_is_asked_again),
        cmocka_unit_test(test_a_put_that_was_not_sent_whole_is_sent_again),
        cmocka_unit_test(test_a_time_out_names_the_peer_and_drops_the_connection),
        cmocka_unit_test(test_a_get_that_times_out_says_nothing_of_execution),
        cmocka_unit_test(test_a_loading_server_is_waited_for),
        cmocka_unit_test(test_a_server_without_the_module_is_told_apart),
        cmocka_unit_test(test_a_server_that_comes_back_is_found_again),
        cmocka_unit_test(test_wrong_replies_to_every_verb_are_errors_and_no_more),
        cmocka_unit_test(test_a_reply_may_come_byte_by_byte),
        cmocka_unit_test(test_neither_sides_full_buffers_stop_both),
        cmocka_unit_test(test_moved_is_followed_and_remembered),
        cmocka_unit_test(test_ask_is_followed_once_and_not_remembered),
        cmocka_unit_test(test_tryagain_is_tried_again),
        cmocka_unit_test(test_a_dead_shards_place_is_looked_up),
        cmocka_unit_test(test_moved_between_servers_for_ever_ends_with_the_time),
        cmocka_unit_test(test_passwords_are_sent_and_never_shown),
        cmocka_unit_test(test_options_of_a_store_are_refused),
        cmocka_unit_test(test_nobody_there_is_said_with_name_and_time),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
