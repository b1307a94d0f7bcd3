/* SPDX-License-Identifier: BSD-3-Clause */
/* Pipelines whose runs go side by side: order by need only, the outcome of running in order. Runs are
 * held with the mock's gate, so that what runs beside what is known. */
#include "expect.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/thread.h"

#define IO "in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]"

static int tell[2], gate[2];
static weir_client *c;

static void open_with(const char *address, int threads)
{
    weir_client_options o = {.struct_bytes = sizeof o,
                             .timeout_ms = -1, /* nothing for a keeper to watch */
                             .threads = threads,
                             .oversubscribe = true};
    c = open_store(address, &o);
}

static void set(const char *name, const char *text)
{
    weir_model_options o = {
        .struct_bytes = sizeof o, .no_warm_up = true, .deterministic = true};
    expect_ok(weir_set_model(c, weir_cstr(name), text, strlen(text), &o, &err));
}

static void set_gated(const char *name, const char *more)
{
    char text[200];
    (void)snprintf(text, sizeof text, "mock; tell_fd=%d; gate_fd=%d; " IO "; %s", tell[1],
                   gate[0], more);
    set(name, text);
}

static void await_runs(int n)
{
    char b;
    for (int i = 0; i < n; i++)
        assert_int_equal(read(tell[0], &b, 1), 1);
}

static void open_gate(int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(write(gate[1], "g", 1), 1);
}

/* ---- pipelines ------------------------------------------------------------------------------------ */

static float data[4] = {1, 2, 3, 4};

static weir_pipeline *pipeline(void)
{
    weir_pipeline *p = NULL;
    weir_tensor x = view_of(data, WEIR_F32, 2, (int64_t[]){1, 4});
    expect_ok(weir_pipeline_new(&p, &err));
    expect_ok(weir_pipeline_tensor(p, WEIR_STR("x"), &x, &err));
    return p;
}

static void add_run(weir_pipeline *p, const char *model, const char *in, const char *out)
{
    weir_str from = weir_cstr(in), to = weir_cstr(out);
    expect_ok(
        weir_pipeline_run(p, weir_cstr(model), (weir_str){0}, &from, 1, &to, 1, &err));
}

static void add_get(weir_pipeline *p, const char *name, float *into)
{
    weir_tensor y = view_of(into, WEIR_F32, 2, (int64_t[]){1, 4});
    expect_ok(weir_pipeline_get(p, weir_cstr(name), &y, &err));
}

typedef struct exec {
    pthread_t thread;
    weir_pipeline *p;
    weir_status st;
    weir_error why;
} exec;

static void *execute(void *arg)
{
    exec *x = arg;
    x->st = weir_pipeline_exec(c, x->p, &x->why);
    return NULL;
}

static void exec_begin(exec *x, weir_pipeline *p)
{
    *x = (exec){.p = p};
    assert_int_equal(pthread_create(&x->thread, NULL, execute, x), 0);
}

static weir_status exec_end(exec *x)
{
    assert_int_equal(pthread_join(x->thread, NULL), 0);
    weir_pipeline_free(x->p);
    err = x->why;
    return x->st;
}

static int n_threads(void)
{
    char line[200];
    int n = -1;
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL && sscanf(line, "Threads: %d", &n) != 1)
        continue;
    assert_int_equal(fclose(f), 0);
    return n;
}

/* ---- tests ------------------------------------------------------------------------------------------- */

static void test_runs_that_need_nothing_of_each_other_run_together(void **state)
{
    (void)state;
    float a[4], b[4], d[4];
    exec x;
    open_with("embedded:ut_pipeline_together", 3);
    set_gated("g2", "scale=2");
    set_gated("g3", "scale=3");
    set_gated("g5", "scale=5");
    weir_pipeline *p = pipeline();
    add_run(p, "g2", "x", "a");
    add_run(p, "g3", "x", "b");
    add_run(p, "g5", "x", "d");
    add_get(p, "a", a);
    add_get(p, "b", b);
    add_get(p, "d", d);
    exec_begin(&x, p);
    await_runs(3); /* would hang if one waited for another */
    open_gate(3);
    expect_ok(exec_end(&x));
    for (int i = 0; i < 4; i++)
        assert_true(a[i] == 2 * data[i] && b[i] == 3 * data[i] && d[i] == 5 * data[i]);
    weir_client_free(c);
}

static void test_a_run_waits_for_what_it_needs_only(void **state)
{
    (void)state;
    float a[4], b[4];
    char text[200];
    exec x;
    open_with("embedded:ut_pipeline_needs", 2);
    set_gated("held", "add=1");
    set("double", "mock; " IO "; scale=2");
    (void)snprintf(text, sizeof text, "mock; tell_fd=%d; " IO "; scale=2", tell[1]);
    set("teller", text);
    weir_pipeline *p = pipeline();
    add_run(p, "double", "x", "t");
    add_run(p, "held", "x", "b");
    add_run(p, "double", "t", "t"); /* the name anew: readers have what was last before */
    add_run(p, "teller", "t", "a");
    add_get(p, "a", a);
    add_get(p, "b", b);
    exec_begin(&x, p);
    await_runs(2); /* the held one, and the end of the chain beside it */
    open_gate(1);
    expect_ok(exec_end(&x));
    for (int i = 0; i < 4; i++)
        assert_true(a[i] == 8 * data[i] && b[i] == data[i] + 1);
    weir_client_free(c);
}

static void test_the_first_failing_step_counts(void **state)
{
    (void)state;
    float a[4] = {-1, -1, -1, -1};
    exec x;
    bool found = true;
    open_with("embedded:ut_pipeline_fails", 3);
    set_gated("slow", "fail_on=1");
    set("bad", "mock; " IO "; fail_on=-1");
    set("good", "mock; " IO);
    weir_pipeline *p = pipeline();
    add_run(p, "good", "x", "o");
    add_run(p, "slow", "x", "a");
    add_run(p, "bad", "x", "b");
    add_run(p, "good", "nowhere", "d");
    add_get(p, "o", a);
    expect_ok(weir_pipeline_keep(p, WEIR_STR("o"), &err));
    exec_begin(&x, p);
    await_runs(1); /* by now the later ones may have failed already */
    open_gate(1);
    expect_fail(exec_end(&x), WEIR_ERR_MODEL, "step 3 of 7, 'slow': ");
    assert_true(a[0] == -1);
    expect_ok(weir_exists(c, WEIR_TENSOR, WEIR_STR("o"), &found, &err));
    assert_false(found);
    weir_client_free(c);
}

static void test_steps_behind_a_failed_one_do_not_begin(void **state)
{
    (void)state;
    weir_model_stats s;
    open_with("embedded:ut_pipeline_behind", 2);
    set("bad", "mock; " IO "; fail_on=-1");
    set("good", "mock; " IO);
    weir_pipeline *p = pipeline();
    add_run(p, "bad", "x", "a");
    add_run(p, "good", "a", "b"); /* will never have its input */
    add_run(p, "good", "b", "d");
    expect_fail(weir_pipeline_exec(c, p, &err), WEIR_ERR_MODEL, "step 2 of 4, 'bad': ");
    expect_ok(weir_model_statistics(c, WEIR_MODEL, WEIR_STR("good"), &s, false, &err));
    assert_int_equal(s.n_calls, 0);
    weir_pipeline_free(p);
    weir_client_free(c);
}

static void test_one_place_needs_no_thread(void **state)
{
    (void)state;
    float a[4], b[4];
    open_with("embedded:ut_pipeline_one", 1);
    set("double", "mock; " IO "; scale=2");
    weir_pipeline *p = pipeline();
    int before = n_threads();
    add_run(p, "double", "x", "a");
    add_run(p, "double", "x", "b");
    add_get(p, "a", a);
    add_get(p, "b", b);
    expect_ok(weir_pipeline_exec(c, p, &err));
    assert_int_equal(n_threads(), before);
    assert_true(a[3] == 8 && b[3] == 8);
    weir_pipeline_free(p);
    weir_client_free(c);
}

static void test_a_chain_needs_no_thread(void **state)
{
    (void)state;
    float a[4];
    open_with("embedded:ut_pipeline_chain", 3);
    set("double", "mock; " IO "; scale=2");
    weir_pipeline *p = pipeline();
    int before = n_threads();
    add_run(p, "double", "x", "x");
    add_run(p, "double", "x", "x");
    add_run(p, "double", "x", "x");
    add_get(p, "x", a);
    expect_ok(weir_pipeline_exec(c, p, &err));
    assert_int_equal(n_threads(), before);
    assert_true(a[0] == 8 && a[3] == 32);
    weir_pipeline_free(p);
    weir_client_free(c);
}

static void test_many_runs_give_what_one_after_another_gives(void **state)
{
    (void)state;
    enum { WIDE = 20, LONG = 5 };
    static float got[WIDE][4];
    char name[16];
    open_with("embedded:ut_pipeline_many", 2);
    set("double", "mock; " IO "; scale=2");
    set("more", "mock; " IO "; add=1");
    weir_pipeline *p = pipeline();
    for (int i = 0; i < WIDE; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        add_run(p, i % 2 == 0 ? "double" : "more", i == 0 ? "x" : "n0", name);
        for (int k = 1; k < LONG; k++)
            add_run(p, k % 2 == 0 ? "double" : "more", name, name);
        add_get(p, name, got[i]);
    }
    for (int round = 0; round < 20; round++) {
        memset(got, 0, sizeof got);
        expect_ok(weir_pipeline_exec(c, p, &err));
        float n0 =
            (((data[1] * 2) + 1) * 2 + 1) * 2; /* double, more, double, more, double */
        for (int i = 0; i < WIDE; i++) {
            float want = i == 0 ? data[1] : n0;
            want = i % 2 == 0 ? want * 2 : want + 1;
            for (int k = 1; k < LONG; k++)
                want = k % 2 == 0 ? want * 2 : want + 1;
            assert_true(got[i][1] == want);
        }
    }
    weir_pipeline_free(p);
    weir_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_that_need_nothing_of_each_other_run_together),
        cmocka_unit_test(test_a_run_waits_for_what_it_needs_only),
        cmocka_unit_test(test_the_first_failing_step_counts),
        cmocka_unit_test(test_steps_behind_a_failed_one_do_not_begin),
        cmocka_unit_test(test_one_place_needs_no_thread),
        cmocka_unit_test(test_a_chain_needs_no_thread),
        cmocka_unit_test(test_many_runs_give_what_one_after_another_gives),
    };
    if (pipe(tell) != 0 || pipe(gate) != 0 || setenv("WEIR_MOCK_GATES", "1", 1) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
