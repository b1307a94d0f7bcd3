/* SPDX-License-Identifier: BSD-3-Clause */
/* Every verb with its first, second, third .. allocation failing, until it succeeds: the failure says
 * so, nothing leaks (ASan), and what was there before is there still. */
#include <stdlib.h>

#include "support/expect.h"

static weir_client *c;
static const char net[] = "mock; in=x:FLOAT[-1,4]; out=y:FLOAT[-1,4]; scale=2";
static float in[4] = {1, 2, 3, 4}, out[4];
static weir_tensor x, y;

static int open_client(void **state)
{
    (void)state;
    c = open_store("embedded:ut_alloc_failure", NULL);
    x = view_of(in, WEIR_F32, 2, (int64_t[]){1, 4});
    y = view_of(out, WEIR_F32, 2, (int64_t[]){1, 4});
    expect_ok(weir_put(c, WEIR_STR("kept"), &x, &err));
    expect_ok(weir_set_model(c, WEIR_STR("net"), net, strlen(net), NULL, &err));
    return 0;
}

static int close_client(void **state)
{
    (void)state;
    weir_client_free(c);
    return 0;
}

/* Run `verb` until it succeeds; how many allocations it took. Kept pages would hide failures of
 * buffers, so none are kept. */
static long until_it_succeeds(weir_status (*verb)(void))
{
    for (long n = 0; n < 2000; n++) {
        weir_memory_trim(0);
        err.text[0] = '\0';
        wr_fail_allocation_after(n);
        weir_status st = verb();
        wr_fail_allocation_after(-1);
        if (st == WEIR_OK)
            return n;
        if (st != WEIR_ERR_NOMEM)
            fail_msg("after %ld allocations: %s: %s", n, weir_status_name(st), err.text);
        assert_true(err.text[0] != '\0');
        memset(out, 0, sizeof out);
        expect_ok(weir_get(c, WEIR_STR("kept"), &y, &err));
        assert_memory_equal(in, out, sizeof in);
    }
    fail_msg("it never succeeded");
    return -1;
}

static weir_status open_and_close(void)
{
    weir_client *d = NULL;
    weir_client_options opt = {.struct_bytes = sizeof opt, .put_prefix = WEIR_STR("p")};
    weir_status st = weir_client_new(&d,
                                     server_address() != NULL
                                         ? weir_cstr(server_address())
                                         : WEIR_STR("embedded:ut_alloc_failure_2"),
                                     &opt, &err);
    weir_client_free(d);
    return st;
}

static weir_status put_new(void)
{
    return weir_put(c, WEIR_STR("new"), &x, &err);
}

static weir_status fetch(void)
{
    weir_buffer *b = NULL;
    weir_status st = weir_fetch(c, WEIR_STR("kept"), &b, &err);
    weir_buffer_unref(b);
    return st;
}

static weir_status copy(void)
{
    return weir_copy(c, WEIR_TENSOR, WEIR_STR("kept"), WEIR_STR("copied"), &err);
}

static weir_status dataset(void)
{
    weir_dataset *ds = NULL, *back = NULL, **all = NULL;
    size_t n = 0;
    double time = 1;
    weir_status st = weir_dataset_new(&ds, WEIR_STR("d"), &err);
    if (st == WEIR_OK)
        st = weir_dataset_add_tensor(ds, WEIR_STR("t"), &x, &err);
    if (st == WEIR_OK)
        st = weir_dataset_add_scalars(ds, WEIR_STR("time"), WEIR_F64, &time, 1, &err);
    if (st == WEIR_OK)
        st = weir_dataset_add_string(ds, WEIR_STR("who"), WEIR_STR("me"), &err);
    if (st == WEIR_OK)
        st = weir_put_dataset(c, ds, &err);
    if (st == WEIR_OK)
        st = weir_list_append(c, WEIR_STR("list"), WEIR_STR("d"), &err);
    if (st == WEIR_OK)
        st = weir_get_dataset(c, WEIR_STR("d"), &back, &err);
    if (st == WEIR_OK)
        st = weir_list_get(c, WEIR_STR("list"), 0, 0, &all, &n, &err);
    weir_datasets_free(all, n);
    weir_dataset_free(back);
    weir_dataset_free(ds);
    return st;
}

static weir_status set_model(void)
{
    return weir_set_model(c, WEIR_STR("net2"), net, strlen(net), NULL, &err);
}

static weir_status infer_alloc(void)
{
    weir_buffer *b = NULL;
    weir_status st = weir_infer_alloc(c, WEIR_STR("net"), &x, 1, &b, 1, &err);
    weir_buffer_unref(b);
    return st;
}

static weir_status run(void)
{
    return weir_run(c, WEIR_STR("net"), &WEIR_STR("kept"), 1, &WEIR_STR("ran"), 1, &err);
}

static weir_status pipeline(void)
{
    weir_pipeline *p = NULL;
    weir_status st = weir_pipeline_new(&p, &err);
    if (st == WEIR_OK)
        st = weir_pipeline_load(p, WEIR_STR("kept"), &err);
    if (st == WEIR_OK)
        st = weir_pipeline_run(p, WEIR_STR("net"), (weir_str){0}, &WEIR_STR("kept"), 1,
                               &WEIR_STR("o"), 1, &err);
    if (st == WEIR_OK)
        st = weir_pipeline_keep(p, WEIR_STR("o"), &err);
    if (st == WEIR_OK)
        st = weir_pipeline_get(p, WEIR_STR("o"), &y, &err);
    if (st == WEIR_OK)
        st = weir_pipeline_exec(c, p, &err);
    weir_pipeline_free(p);
    return st;
}

static weir_status requests(void)
{
    weir_request *r[3] = {NULL};
    weir_error later = {0};
    weir_status st = weir_iput(c, WEIR_STR("i"), &x, &r[0], &err);
    if (st == WEIR_OK)
        st = weir_iinfer(c, WEIR_STR("net"), &x, 1, &y, 1, &r[1], &err);
    if (st == WEIR_OK)
        st = weir_ipoll(c, WEIR_TENSOR, WEIR_STR("kept"), 0, &r[2], &err);
    weir_status ended = weir_wait_all(r, 3, -1, &later);
    if (st == WEIR_OK && ended != WEIR_OK)
        err = later;
    return st == WEIR_OK ? ended : st;
}

static void test_every_verb_survives_every_allocation_failure(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        weir_status (*verb)(void);
        long at_least; /* allocations that it must have made: the test tests something */
    } verbs[] = {
        {"open", open_and_close, 3}, {"put", put_new, 2},
        {"fetch", fetch, 1},         {"copy", copy, 2},
        {"dataset", dataset, 10},    {"set_model", set_model, 4},
        {"infer", infer_alloc, 1},   {"run", run, 1},
        {"pipeline", pipeline, 5},   {"requests", requests, 3},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        long n = until_it_succeeds(verbs[i].verb);
        if (n < verbs[i].at_least && server_address() == NULL)
            fail_msg("%s made %ld allocations only", verbs[i].name, n);
    }
}

static void test_put_infer_and_get_in_steady_state_allocate_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        expect_ok(weir_put(c, WEIR_STR("kept"), &x, &err));
    expect_ok(weir_infer(c, WEIR_STR("net"), &x, 1, &y, 1, &err));
    uint64_t before = wr_alloc_count();
    for (int i = 0; i < 1000; i++) {
        expect_ok(weir_put(c, WEIR_STR("kept"), &x, &err));
        expect_ok(weir_get(c, WEIR_STR("kept"), &y, &err));
        expect_ok(weir_infer(c, WEIR_STR("net"), &x, 1, &y, 1, &err));
    }
    assert_true(wr_alloc_count() == before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_verb_survives_every_allocation_failure),
        cmocka_unit_test(test_put_infer_and_get_in_steady_state_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, open_client, close_client);
}
