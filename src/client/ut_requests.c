/* SPDX-License-Identifier: BSD-3-Clause */
/* Non-blocking calls: requests, polls, and how they end. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/expect.h"

static weir_client *c;

static int open_client(void **state)
{
    (void)state;
    c = open_store("embedded:ut_requests", NULL);
    return 0;
}

static int close_client(void **state)
{
    (void)state;
    weir_client_free(c);
    return 0;
}

static void test_iput_iget_and_their_status(void **state)
{
    (void)state;
    double in[3] = {1, 2, 3}, out[3] = {0};
    weir_tensor t = view_1d(in, WEIR_F64, 3), into = view_1d(out, WEIR_F64, 3);
    weir_request *r = NULL;
    expect_ok(weir_iput(c, WEIR_STR("a"), &t, &r, &err));
    assert_non_null(r);
    expect_ok(weir_wait(&r, -1, &err));
    assert_null(r);
    expect_ok(weir_iget(c, WEIR_STR("a"), &into, &r, &err));
    expect_ok(weir_wait(&r, -1, &err));
    assert_memory_equal(in, out, sizeof in);
    expect_ok(weir_iget(c, WEIR_STR("missing"), &into, &r, &err));
    expect_fail(weir_wait(&r, -1, &err), WEIR_ERR_KEY, "'missing'");
    assert_null(r);
    expect_ok(weir_wait(&r, -1, &err));
}

static void test_names_and_views_may_change_once_it_has_begun(void **state)
{
    (void)state;
    double in[3] = {1, 2, 3}, out[3] = {0};
    char name[] = "mutable";
    weir_tensor t = view_1d(in, WEIR_F64, 3), into = view_1d(out, WEIR_F64, 3);
    weir_request *r = NULL;
    expect_ok(weir_iput(c, weir_cstr(name), &t, &r, &err));
    memset(name, 'x', sizeof name - 1);
    t = (weir_tensor){0};
    expect_ok(weir_wait(&r, -1, &err));
    expect_ok(weir_get(c, WEIR_STR("mutable"), &into, &err));
    assert_memory_equal(in, out, sizeof in);
}

static void test_test_says_when_it_is_done(void **state)
{
    (void)state;
    needs_embedded(); /* its model waits for a pipe of this process */
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    char text[128];
    snprintf(text, sizeof text, "mock; in=x:FLOAT[-1]; out=y:FLOAT[-1]; gate_fd=%d",
             gate[0]);
    setenv("WEIR_MOCK_GATES", "1", 1);
    weir_model_options opt = {.struct_bytes = sizeof opt, .no_warm_up = true};
    expect_ok(weir_set_model(c, WEIR_STR("gate"), text, strlen(text), &opt, &err));
    float in[2] = {1, 2}, out[2] = {0};
    weir_tensor x = view_1d(in, WEIR_F32, 2), y = view_1d(out, WEIR_F32, 2);
    weir_request *r = NULL;
    bool done = true;
    expect_ok(weir_iinfer(c, WEIR_STR("gate"), &x, 1, &y, 1, &r, &err));
    expect_ok(weir_test(&r, &done, &err));
    assert_false(done);
    expect_fail(weir_wait(&r, 1, &err), WEIR_ERR_TIMEOUT, "it goes on");
    assert_non_null(r);
    assert_int_equal(write(gate[1], "g", 1), 1);
    expect_ok(weir_wait(&r, -1, &err));
    assert_true(out[1] == 2);
    expect_ok(weir_test(&r, &done, &err));
    assert_true(done);
    close(gate[0]);
    close(gate[1]);
}

/* A run that outlasts its limit (the gate opens late): a wait without a time-out ends all the same. */
static void test_a_wait_without_a_time_out_ends_after_the_operations_own(void **state)
{
    (void)state;
    needs_embedded(); /* its model waits for a pipe of this process */
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    char text[128];
    snprintf(text, sizeof text, "mock; in=x:FLOAT[-1]; out=y:FLOAT[-1]; gate_fd=%d; deaf",
             gate[0]);
    weir_model_options opt = {.struct_bytes = sizeof opt, .no_warm_up = true};
    expect_ok(weir_set_model(c, WEIR_STR("late"), text, strlen(text), &opt, &err));
    float in[2] = {1, 2}, out[2] = {0};
    weir_tensor x = view_1d(in, WEIR_F32, 2), y = view_1d(out, WEIR_F32, 2);
    weir_request *r = NULL;
    weir_client_set_timeout(c, 50);
    expect_ok(weir_iinfer(c, WEIR_STR("late"), &x, 1, &y, 1, &r, &err));
    weir_client_set_timeout(c, 0);
    expect_fail(weir_wait(&r, -1, &err), WEIR_ERR_TIMEOUT, "");
    if (r != NULL) { /* it is still under way */
        assert_int_equal(write(gate[1], "g", 1), 1);
        expect_fail(weir_wait(&r, 30000, &err), WEIR_ERR_TIMEOUT, "'late'");
    }
    assert_null(r);
    close(gate[0]);
    close(gate[1]);
}

static void test_wait_any_and_all(void **state)
{
    (void)state;
    enum { N = 20 };
    int32_t value[N], back[N] = {0};
    weir_request *r[N];
    for (int i = 0; i < N; i++) {
        char name[16];
        value[i] = i;
        snprintf(name, sizeof name, "many%d", i);
        weir_tensor t = view_1d(&value[i], WEIR_I32, 1);
        expect_ok(weir_iput(c, weir_cstr(name), &t, &r[i], &err));
    }
    bool ended[N] = {false};
    for (int i = 0; i < N; i++) {
        int which = -5;
        expect_ok(weir_wait_any(r, N, -1, &which, &err));
        assert_in_range(which, 0, N - 1);
        assert_false(ended[which]);
        ended[which] = true;
        assert_null(r[which]);
    }
    int which = 0;
    expect_ok(weir_wait_any(r, N, -1, &which, &err));
    assert_int_equal(which, -1);
    for (int i = 0; i < N; i++) {
        char name[16];
        snprintf(name, sizeof name, i == 7 ? "no%d" : "many%d", i);
        weir_tensor t = view_1d(&back[i], WEIR_I32, 1);
        expect_ok(weir_iget(c, weir_cstr(name), &t, &r[i], &err));
    }
    expect_fail(weir_wait_all(r, N, -1, &err), WEIR_ERR_KEY, "'no7'");
    for (int i = 0; i < N; i++) {
        assert_null(r[i]);
        assert_int_equal(back[i], i == 7 ? 0 : i);
    }
}

static void test_datasets_models_runs_and_pipelines_have_requests_too(void **state)
{
    (void)state;
    static const char echo[] = "mock; in=x:FLOAT[-1,2]; out=y:FLOAT[-1,2]; scale=3";
    weir_request *r = NULL;
    weir_dataset *ds = NULL, *back = NULL;
    weir_pipeline *p = NULL;
    float in[2] = {1, 2}, out[2] = {0};
    weir_tensor x = view_of(in, WEIR_F32, 2, (int64_t[]){1, 2});
    weir_tensor y = view_of(out, WEIR_F32, 2, (int64_t[]){1, 2});
    weir_str from = WEIR_STR("from"), to = WEIR_STR("to");

    expect_ok(weir_iset_model(c, WEIR_STR("echo"), echo, strlen(echo), NULL, &r, &err));
    expect_ok(weir_wait(&r, -1, &err));
    expect_ok(weir_put(c, from, &x, &err));
    expect_ok(weir_irun(c, WEIR_STR("echo"), (weir_str){0}, &from, 1, &to, 1, &r, &err));
    expect_ok(weir_wait(&r, -1, &err));
    expect_ok(weir_get(c, to, &y, &err));
    assert_true(out[1] == 6);

    expect_ok(weir_dataset_new(&ds, WEIR_STR("ds"), &err));
    expect_ok(weir_dataset_add_tensor(ds, WEIR_STR("t"), &x, &err));
    expect_ok(weir_iput_dataset(c, ds, &r, &err));
    expect_ok(weir_wait(&r, -1, &err));
    expect_ok(weir_iget_dataset(c, WEIR_STR("ds"), &back, &r, &err));
    expect_ok(weir_wait(&r, -1, &err));
    assert_int_equal(weir_dataset_n_tensors(back), 1);
    weir_dataset_free(back);
    expect_ok(weir_iget_dataset(c, WEIR_STR("ds"), &back, &r, &err));
    weir_request_free(r); /* the result is dropped, not leaked */
    weir_dataset_free(ds);

    memset(out, 0, sizeof out);
    expect_ok(weir_pipeline_new(&p, &err));
    expect_ok(weir_pipeline_load(p, from, &err));
    expect_ok(
        weir_pipeline_run(p, WEIR_STR("echo"), (weir_str){0}, &from, 1, &to, 1, &err));
    expect_ok(weir_pipeline_get(p, to, &y, &err));
    expect_ok(weir_ipipeline_exec(c, p, &r, &err));
    expect_ok(weir_wait(&r, -1, &err));
    assert_true(out[1] == 6);
    weir_pipeline_free(p);
}

/* ---- polls ---- */

static void *put_later(void *name)
{
    int32_t x = 1;
    weir_tensor t;
    weir_error own;
    int64_t one = 1;
    if (weir_tensor_init(&t, &x, WEIR_I32, 1, &one, &own) != WEIR_OK)
        return "init";
    return weir_put(c, weir_cstr(name), &t, &own) == WEIR_OK ? NULL : "put";
}

static void test_poll_wakes_when_the_value_comes(void **state)
{
    (void)state;
    pthread_t thread;
    bool found = false;
    void *failed = NULL;
    assert_int_equal(pthread_create(&thread, NULL, put_later, "awaited"), 0);
    expect_ok(weir_poll(c, WEIR_TENSOR, WEIR_STR("awaited"), 60000, &found, &err));
    assert_true(found);
    pthread_join(thread, &failed);
    assert_null(failed);
    expect_ok(weir_poll(c, WEIR_LIST, WEIR_STR("awaited"), 0, &found, &err));
    assert_false(found);
    int64_t begin = weir_now_ns();
    double polls = statistic(c, "poll.calls");
    expect_ok(weir_poll(c, WEIR_TENSOR, WEIR_STR("never"), 30, &found, &err));
    assert_true(server_address() != NULL || statistic(c, "poll.calls") == polls + 1);
    assert_false(found);
    assert_true(weir_now_ns() - begin >= 30000000);
    assert_true(statistic(c, "store.watches") == 0);
}

static void test_a_list_is_waited_for_by_its_length(void **state)
{
    (void)state;
    bool met = false;
    expect_ok(weir_list_wait(c, WEIR_STR("W"), WEIR_LE, 0, 0, &met, &err));
    assert_true(met);
    expect_ok(weir_list_append(c, WEIR_STR("W"), WEIR_STR("d"), &err));
    expect_ok(weir_list_wait(c, WEIR_STR("W"), WEIR_GE, 1, 0, &met, &err));
    assert_true(met);
    expect_ok(weir_list_wait(c, WEIR_STR("W"), WEIR_EQ, 2, 0, &met, &err));
    assert_false(met);
    expect_fail(weir_list_wait(c, WEIR_STR("W"), WEIR_EQ, -1, 0, &met, &err),
                WEIR_ERR_ARG, "-1");
    int32_t x = 1;
    weir_tensor t = view_1d(&x, WEIR_I32, 1);
    expect_ok(weir_put(c, WEIR_STR("notlist"), &t, &err));
    expect_fail(weir_list_wait(c, WEIR_STR("notlist"), WEIR_EQ, 1, 0, &met, &err),
                WEIR_ERR_KIND, "a tensor");
}

static void test_ipoll_ends_with_the_value_or_the_time(void **state)
{
    (void)state;
    weir_request *r[3] = {NULL};
    int32_t x = 1;
    weir_tensor t = view_1d(&x, WEIR_I32, 1);
    int which = -1;
    expect_ok(weir_ipoll(c, WEIR_TENSOR, WEIR_STR("p0"), 60000, &r[0], &err));
    expect_ok(weir_ipoll(c, WEIR_TENSOR, WEIR_STR("p1"), 60000, &r[1], &err));
    expect_ok(weir_ipoll(c, WEIR_TENSOR, WEIR_STR("p2"), 5, &r[2], &err));
    expect_ok(weir_put(c, WEIR_STR("p1"), &t, &err));
    expect_ok(weir_wait_any(r, 2, -1, &which, &err));
    assert_int_equal(which, 1);
    expect_fail(weir_wait(&r[2], -1, &err), WEIR_ERR_TIMEOUT, "'p2'");
    weir_request_free(r[0]);
    assert_true(statistic(c, "store.watches") == 0);
}

static void test_freeing_a_client_ends_its_polls(void **state)
{
    (void)state;
    weir_client *d = open_store("embedded:ut_requests", NULL);
    weir_request *r = NULL, *put = NULL;
    int32_t x = 1;
    weir_tensor t = view_1d(&x, WEIR_I32, 1);
    expect_ok(weir_ipoll(d, WEIR_TENSOR, WEIR_STR("forever"), -1, &r, &err));
    expect_ok(weir_iput(d, WEIR_STR("left"), &t, &put, &err));
    weir_client_free(d);
    expect_fail(weir_wait(&r, -1, &err), WEIR_ERR_CLOSED, "'forever'");
    expect_ok(weir_wait(&put, -1, &err));
    bool found = false;
    expect_ok(weir_exists(c, WEIR_TENSOR, WEIR_STR("left"), &found, &err));
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iput_iget_and_their_status),
        cmocka_unit_test(test_names_and_views_may_change_once_it_has_begun),
        cmocka_unit_test(test_test_says_when_it_is_done),
        cmocka_unit_test(test_a_wait_without_a_time_out_ends_after_the_operations_own),
        cmocka_unit_test(test_wait_any_and_all),
        cmocka_unit_test(test_datasets_models_runs_and_pipelines_have_requests_too),
        cmocka_unit_test(test_poll_wakes_when_the_value_comes),
        cmocka_unit_test(test_a_list_is_waited_for_by_its_length),
        cmocka_unit_test(test_ipoll_ends_with_the_value_or_the_time),
        cmocka_unit_test(test_freeing_a_client_ends_its_polls),
    };
    return cmocka_run_group_tests(tests, open_client, close_client);
}
