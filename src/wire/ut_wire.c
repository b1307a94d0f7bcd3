/* SPDX-License-Identifier: BSD-3-Clause */
/* The codec from end to end in memory: requests become RESP bytes, bytes become words, words requests,
 * the real handlers answer them, replies become bytes and are read back. */
#include <stdlib.h>

#include "support/expect.h"
#include "support/wire_loop.h"

typedef struct fixture {
    wr_service service;
} fixture;

static int setup(void **state)
{
    fixture *f = wr_calloc(1, sizeof *f);
    assert_int_equal(wr_keyspace_new_memory(&f->service.keyspace, 1 << 24, 0, NULL), 0);
    wr_engine_options o = {.threads = 1, .oversubscribe = true};
    assert_int_equal(wr_engine_new(&f->service.engine, &o, NULL), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    f->service.keyspace->ops->free(f->service.keyspace);
    wr_engine_free(f->service.engine);
    wr_free(f);
    return 0;
}

static wr_req request(wr_command c, const char *key)
{
    return (wr_req){.command = c, .key = weir_cstr(key), .limit = {-1, WEIR_NEVER}};
}

static void put_floats(fixture *f, const char *key, weir_tensor *t)
{
    wr_req q = request(WR_CMD_put, key);
    wr_rep rep = {0};
    q.in = t;
    q.n_in = 1;
    weir_status st = wr_loop_exchange(&f->service, &q, &rep, &err);
    expect_ok(st);
}

static void test_put_and_get_any_strides(void **state)
{
    fixture *f = *state;
    float a[3][4], b[4][3];
    int64_t shape[] = {3, 4};
    weir_tensor c_order, fortran;
    for (int i = 0; i < 12; i++)
        ((float *)a)[i] = (float)i;
    assert_int_equal(weir_tensor_init(&c_order, a, WEIR_F32, 2, shape, NULL), 0);
    put_floats(f, "k", &c_order);
    assert_int_equal(weir_tensor_init_fortran(&fortran, b, WEIR_F32, 2, shape, NULL), 0);
    wr_req q = request(WR_CMD_get, "k");
    wr_rep rep = {0};
    q.out = &fortran;
    q.n_out = 1;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, NULL), 0);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 4; j++)
            assert_true(b[j][i] == a[i][j]);
    }
    assert_int_equal(rep.copied_bytes, sizeof a);
    put_floats(f, "t", &fortran);
    float again[12];
    assert_int_equal(weir_tensor_init(&c_order, again, WEIR_F32, 2, shape, NULL), 0);
    q = request(WR_CMD_get, "t");
    q.out = &c_order;
    q.n_out = 1;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, NULL), 0);
    assert_memory_equal(again, a, sizeof a);
}

static void test_every_type_and_rank_comes_back(void **state)
{
    fixture *f = *state;
    char bytes[512];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    for (int dtype = 0; dtype < WEIR_DTYPE_COUNT; dtype++) {
        if (dtype == WEIR_STRING)
            continue;
        for (int rank = 0; rank <= 4; rank++) {
            int64_t shape[4] = {2, 1, 3, rank == 4 ? 0 : 2};
            weir_tensor t;
            assert_int_equal(
                weir_tensor_init(&t, bytes, (weir_dtype)dtype, rank, shape, NULL), 0);
            put_floats(f, "x", &t);
            wr_req q = request(WR_CMD_get, "x");
            wr_rep rep = {0};
            q.give_buffers = true;
            assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, NULL), 0);
            weir_tensor got = weir_buffer_view(rep.buffer[0]);
            assert_int_equal(wr_check_same(q.key, &got, &t, NULL), 0);
            assert_memory_equal(got.data, bytes, weir_tensor_bytes(&t));
            weir_buffer_unref(rep.buffer[0]);
        }
    }
}

static void test_strings_travel(void **state)
{
    fixture *f = *state;
    weir_str s[3] = {WEIR_STR("ab"), WEIR_STR(""), WEIR_STR("cde")};
    int64_t n = 3;
    weir_tensor t;
    assert_int_equal(weir_tensor_init(&t, s, WEIR_STRING, 1, &n, NULL), 0);
    put_floats(f, "s", &t);
    wr_req q = request(WR_CMD_get, "s");
    wr_rep rep = {0};
    q.give_buffers = true;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, NULL), 0);
    const weir_str *got = weir_buffer_view(rep.buffer[0]).data;
    for (int i = 0; i < 3; i++)
        assert_true(wr_str_eq(got[i], s[i]));
    weir_buffer_unref(rep.buffer[0]);
    s[1] = (weir_str){"a\0b", 3};
    q = request(WR_CMD_put, "s");
    q.in = &t;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, &err), WEIR_ERR_FORMAT);
    assert_non_null(strstr(err.text, "string 1 of 3"));
}

static void test_errors_keep_status_and_sentence(void **state)
{
    fixture *f = *state;
    wr_req q = request(WR_CMD_get, "nothing");
    wr_rep rep = {0};
    q.give_buffers = true;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, &err), WEIR_ERR_KEY);
    assert_string_equal(err.text, "there is no tensor 'nothing'");
    float a[2] = {1, 2};
    int64_t two = 2, three = 3;
    weir_tensor t;
    assert_int_equal(weir_tensor_init(&t, a, WEIR_F32, 1, &two, NULL), 0);
    put_floats(f, "k", &t);
    float b[3];
    assert_int_equal(weir_tensor_init(&t, b, WEIR_F32, 1, &three, NULL), 0);
    q = request(WR_CMD_get, "k");
    q.out = &t;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, &err), WEIR_ERR_SHAPE);
    assert_string_equal(err.text,
                        "tensor 'k' is FLOAT[2], the memory given for it is FLOAT[3]");
}

static void test_keys_of_every_kind(void **state)
{
    fixture *f = *state;
    float a[2] = {1, 2};
    int64_t two = 2;
    weir_tensor t;
    wr_rep rep = {0};
    assert_int_equal(weir_tensor_init(&t, a, WEIR_F32, 1, &two, NULL), 0);
    put_floats(f, "k", &t);
    wr_req q = request(WR_CMD_exists, "k");
    q.kind = WEIR_TENSOR;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, NULL), 0);
    assert_true(rep.flag);
    q.kind = WEIR_MODEL;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, NULL), 0);
    assert_false(rep.flag);
    q = request(WR_CMD_rename, "k");
    q.kind = WEIR_TENSOR;
    q.to = WEIR_STR("k2");
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, NULL), 0);
    q = request(WR_CMD_describe, "k2");
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, NULL), 0);
    assert_int_equal(rep.tensor.rank, 1);
    assert_int_equal(rep.tensor.shape[0], 2);
    q = request(WR_CMD_take, "k2");
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, NULL), 0);
    assert_int_equal(rep.n_buffers, 1);
    weir_buffer_unref(rep.buffer[0]);
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, NULL), 0);
    assert_int_equal(rep.n_buffers, 0);
}

static void test_datasets_travel_whole(void **state)
{
    fixture *f = *state;
    weir_dataset *ds = NULL, *got = NULL;
    double half = 0.5;
    int64_t two = 2;
    weir_tensor t;
    weir_str name = WEIR_STR("line");
    assert_int_equal(weir_dataset_new(&ds, WEIR_STR("d"), NULL), 0);
    assert_int_equal(weir_tensor_init(&t, (double[]){1, 2}, WEIR_F64, 1, &two, NULL), 0);
    assert_int_equal(weir_dataset_add_tensor(ds, WEIR_STR("x"), &t, NULL), 0);
    assert_int_equal(
        weir_dataset_add_scalars(ds, WEIR_STR("s"), WEIR_F64, &half, 1, NULL), 0);
    assert_int_equal(weir_dataset_add_string(ds, WEIR_STR("n"), name, NULL), 0);
    wr_req q = request(WR_CMD_put_dataset, "p.{d}");
    wr_rep rep = {0};
    q.dataset = ds;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, &err), 0);
    q = request(WR_CMD_get_dataset, "p.{d}");
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, &err), 0);
    got = rep.dataset;
    assert_true(wr_str_eq(weir_dataset_name(got), WEIR_STR("d")));
    assert_int_equal(weir_dataset_n_tensors(got), 1);
    assert_int_equal(weir_dataset_n_fields(got), 2);
    assert_int_equal(weir_dataset_tensor(got, WEIR_STR("x"), &t, NULL), 0);
    assert_true(((double *)t.data)[1] == 2);
    weir_dataset_free(got);
    weir_dataset_free(ds);
}

static const char mock_model[] = "mock; in=x:FLOAT[-1,3]; out=y:FLOAT[-1,3]; op=echo";

static void set_mock(fixture *f, const char *key)
{
    wr_req q = request(WR_CMD_set_model, key);
    wr_rep rep = {0};
    weir_tensor t;
    const char *text = mock_model;
    int64_t n = (int64_t)strlen(text);
    weir_model_options o = {.struct_bytes = sizeof o,
                            .backend = WEIR_STR("mock"),
                            .tag = WEIR_STR("v1"),
                            .batch_max = 8};
    q.kind = WEIR_MODEL;
    q.options = &o;
    assert_int_equal(weir_tensor_init(&t, (void *)(uintptr_t)text, WEIR_U8, 1, &n, NULL),
                     0);
    assert_int_equal(weir_buffer_from(&q.buffer, &t, NULL), 0);
    weir_status st = wr_loop_exchange(&f->service, &q, &rep, &err);
    weir_buffer_unref(q.buffer);
    expect_ok(st);
}

static void test_models_travel(void **state)
{
    fixture *f = *state;
    set_mock(f, "m");
    wr_req q = request(WR_CMD_describe_model, "m");
    wr_rep rep = {0};
    weir_model_info *info = wr_calloc(1, sizeof *info);
    rep.info = info;
    q.kind = WEIR_MODEL;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, &err), 0);
    assert_string_equal(info->backend, "mock");
    assert_string_equal(info->tag, "v1");
    assert_int_equal(info->n_in, 1);
    assert_int_equal(info->in[0].rank, 2);
    wr_free(info);

    float x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {0};
    int64_t shape[] = {2, 3};
    weir_tensor in, out;
    assert_int_equal(weir_tensor_init(&in, x, WEIR_F32, 2, shape, NULL), 0);
    assert_int_equal(weir_tensor_init(&out, y, WEIR_F32, 2, shape, NULL), 0);
    q = request(WR_CMD_infer, "m");
    q.in = &in;
    q.out = &out;
    q.n_in = q.n_out = 1;
    weir_status st = wr_loop_exchange(&f->service, &q, &rep, &err);
    expect_ok(st);
    assert_memory_equal(x, y, sizeof x);

    weir_model_stats stats;
    q = request(WR_CMD_model_statistics, "m");
    q.kind = WEIR_MODEL;
    rep.stats = &stats;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, &err), 0);
    assert_int_equal(stats.n_calls, 1);
    assert_int_equal(stats.n_rows, 2);

    q = request(WR_CMD_get_model, "m");
    q.kind = WEIR_MODEL;
    assert_int_equal(wr_loop_exchange(&f->service, &q, &rep, &err), 0);
    weir_tensor t = weir_buffer_view(rep.buffer[0]);
    assert_int_equal(t.shape[0], strlen(mock_model));
    assert_memory_equal(t.data, mock_model, (size_t)t.shape[0]);
    weir_buffer_unref(rep.buffer[0]);
}

/* What is left of the bytes after a reply that is refused: the next reply. */
static weir_status read_bad(wr_command c, const char *bytes, weir_str *left)
{
    static weir_model_stats stats;
    wr_req q = request(c, "k");
    wr_rep rep = {.stats = &stats};
    wr_loop_source source;
    bool whole = false;
    q.give_buffers = true;
    wr_loop_source_init(&source, weir_cstr(bytes));
    weir_status st = wr_wire_read_reply(&source.source, &q, &rep, &whole, &err);
    assert_true(whole);
    *left = source.left;
    return st;
}

static void test_half_a_pair_leaves_the_connection_in_step(void **state)
{
    (void)state;
    weir_str left;
    assert_int_equal(
        read_bad(WR_CMD_model_statistics, "*1\r\n$7\r\nn_calls\r\n+NEXT\r\n", &left),
        WEIR_ERR_FORMAT);
    assert_true(wr_str_eq(left, WEIR_STR("+NEXT\r\n")));
    assert_int_equal(
        read_bad(WR_CMD_get_dataset,
                 "*2\r\n*3\r\n$1\r\na\r\n$1\r\n\1\r\n$1\r\nb\r\n*0\r\n+NEXT\r\n", &left),
        WEIR_ERR_FORMAT);
    assert_true(wr_str_eq(left, WEIR_STR("+NEXT\r\n")));
}

static void test_empty_fields_are_refused(void **state)
{
    (void)state;
    weir_str left;
    assert_int_equal(read_bad(WR_CMD_get_dataset,
                              "*2\r\n*2\r\n$0\r\n\r\n$0\r\n\r\n*0\r\n+NEXT\r\n", &left),
                     WEIR_ERR_ARG);
    assert_true(wr_str_eq(left, WEIR_STR("+NEXT\r\n")));
}

static void test_a_shape_alone_gets_no_memory(void **state)
{
    (void)state;
    weir_str left;
    assert_int_equal(read_bad(WR_CMD_get,
                              "*3\r\n$5\r\nFLOAT\r\n*1\r\n:4611686018427387\r\n"
                              "$2\r\nab\r\n+NEXT\r\n",
                              &left),
                     WEIR_ERR_FORMAT);
    assert_true(wr_str_eq(left, WEIR_STR("+NEXT\r\n")));
}

static void test_allocation_failures_leave_nothing(void **state)
{
    fixture *f = *state;
    float a[2] = {1, 2};
    int64_t two = 2;
    weir_tensor t;
    assert_int_equal(weir_tensor_init(&t, a, WEIR_F32, 1, &two, NULL), 0);
    for (int n = 0;; n++) {
        wr_req q = request(WR_CMD_put, "k");
        wr_rep rep = {0};
        q.in = &t;
        wr_fail_allocation_after(n);
        weir_status st = wr_loop_exchange(&f->service, &q, &rep, &err);
        wr_fail_allocation_after(-1);
        if (st == WEIR_OK)
            break;
        assert_int_equal(st, WEIR_ERR_NOMEM);
        assert_true(err.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_and_get_any_strides, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_type_and_rank_comes_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_strings_travel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_keep_status_and_sentence, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_keys_of_every_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_datasets_travel_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_models_travel, setup, teardown),
        cmocka_unit_test(test_half_a_pair_leaves_the_connection_in_step),
        cmocka_unit_test(test_empty_fields_are_refused),
        cmocka_unit_test(test_a_shape_alone_gets_no_memory),
        cmocka_unit_test_setup_teardown(test_allocation_failures_leave_nothing, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
