/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies in RedisAI's shapes, as the bytes that RESP2 gives them. */
#include <math.h>
#include <stdlib.h>

#include "support/expect.h"
#include "wire/redisai/testing.h"

/* A sink that writes RESP2, CR LF shown as '|'. */
typedef struct text_sink {
    wr_sink sink;
    wr_text text;
    int n_payloads;
} text_sink;

static void on_status(wr_sink *s, const char *text)
{
    wr_text_printf(&((text_sink *)s)->text, "+%s|", text);
}

static void on_error(wr_sink *s, const char *text)
{
    wr_text_printf(&((text_sink *)s)->text, "-%s|", text);
}

static void on_integer(wr_sink *s, int64_t v)
{
    wr_text_printf(&((text_sink *)s)->text, ":%lld|", (long long)v);
}

static void on_array(wr_sink *s, size_t n)
{
    wr_text_printf(&((text_sink *)s)->text, "*%zu|", n);
}

static void on_bulk(wr_sink *s, const void *p, size_t n)
{
    wr_text_printf(&((text_sink *)s)->text, "$%zu|", n);
    wr_text_add(&((text_sink *)s)->text, p, n);
    wr_text_printf(&((text_sink *)s)->text, "|");
}

static void on_null(wr_sink *s)
{
    wr_text_printf(&((text_sink *)s)->text, "$-1|");
}

static void on_payload(wr_sink *s, weir_buffer *b, const void *p, size_t n)
{
    weir_tensor t = weir_buffer_view(b);
    const char *begin = t.data;
    assert_true((const char *)p >= begin &&
                (const char *)p + n <= begin + weir_tensor_bytes(&t));
    ((text_sink *)s)->n_payloads++;
    on_bulk(s, p, n);
}

static const wr_sink_ops ops = {on_status, on_error, on_integer, on_array,
                                on_bulk,   on_null,  on_payload};
static text_sink out = {.sink = {&ops}};

/* What was written since the last time. */
static void expect_reply(const char *want, size_t n)
{
    if (out.text.n != n || memcmp(out.text.p, want, n) != 0)
        fail_msg("'%.*s'\n    is not '%.*s'", (int)out.text.n, out.text.p, (int)n, want);
    wr_text_fini(&out.text);
}
#define EXPECT(literal) expect_reply(literal, sizeof(literal) - 1)

static weir_buffer *buffer_of(weir_dtype type, int rank, const int64_t *shape,
                              const void *bytes)
{
    weir_buffer *b = NULL;
    weir_tensor t = view_of((void *)(uintptr_t)bytes, type, rank, shape);
    expect_ok(weir_buffer_from(&b, &t, &err));
    return b;
}

static void reply(weir_buffer *b, unsigned show)
{
    wr_ai_reply_tensor(&out.sink, b, show);
}

static void test_a_tensor_in_every_form(void **state)
{
    (void)state;
    weir_buffer *b = buffer_of(WEIR_I16, 2, (int64_t[]){1, 2}, (int16_t[]){0x6261, -3});
    out.n_payloads = 0;
    reply(b, WR_AI_META | WR_AI_BLOB);
    EXPECT("*6|$5|dtype|$5|INT16|$5|shape|*2|:1|:2|$4|blob|$4|ab\xfd\xff|");
    reply(b, WR_AI_BLOB);
    EXPECT("$4|ab\xfd\xff|");
    assert_int_equal(out.n_payloads, 2); /* by reference: no copy here */
    reply(b, WR_AI_META);
    EXPECT("*4|$5|dtype|$5|INT16|$5|shape|*2|:1|:2|");
    reply(b, WR_AI_VALUES);
    EXPECT("*2|:25185|:-3|");
    reply(b, WR_AI_META | WR_AI_VALUES);
    EXPECT("*6|$5|dtype|$5|INT16|$5|shape|*2|:1|:2|$6|values|*2|:25185|:-3|");
    weir_buffer_unref(b);
}

static void expect_values(weir_dtype type, const void *bytes, int64_t n, const char *want)
{
    weir_buffer *b = buffer_of(type, 1, &n, bytes);
    reply(b, WR_AI_VALUES);
    expect_reply(want, strlen(want));
    weir_buffer_unref(b);
}

static void test_values_of_every_type(void **state)
{
    (void)state;
    expect_values(WEIR_I8, (int8_t[]){-128}, 1, "*1|:-128|");
    expect_values(WEIR_I32, (int32_t[]){INT32_MIN}, 1, "*1|:-2147483648|");
    expect_values(WEIR_I64, (int64_t[]){INT64_MIN}, 1, "*1|:-9223372036854775808|");
    expect_values(WEIR_U8, (uint8_t[]){255}, 1, "*1|:255|");
    expect_values(WEIR_U16, (uint16_t[]){65535}, 1, "*1|:65535|");
    expect_values(WEIR_U32, (uint32_t[]){UINT32_MAX}, 1, "*1|:4294967295|");
    expect_values(WEIR_U64, (uint64_t[]){INT64_MAX, UINT64_MAX}, 2,
                  "*2|:9223372036854775807|$20|18446744073709551615|");
    expect_values(WEIR_BOOL, (uint8_t[]){0, 1}, 2, "*2|:0|:1|");
    expect_values(WEIR_F32, (float[]){2, 0.1F, -1e30F}, 3,
                  "*3|$1|2|$19|0.10000000149011612|$23|-1.0000000150474662e+30|");
    expect_values(WEIR_F64,
                  (double[]){0.1, (double)INFINITY, -(double)INFINITY, -(double)NAN}, 4,
                  "*4|$3|0.1|$3|inf|$4|-inf|$3|nan|");
    expect_values(WEIR_F16, (uint16_t[]){0x3c00, 0x3555}, 2,
                  "*2|$1|1|$14|0.333251953125|");
    expect_values(WEIR_BF16, (uint16_t[]){0xc000}, 1, "*1|$2|-2|");
    expect_values(WEIR_STRING, (weir_str[]){{"ab", 2}, {NULL, 0}}, 2, "*2|$2|ab|$0||");
    expect_values(WEIR_F64, NULL, 0, "*0|");
}

static void test_every_real_reads_back(void **state)
{
    (void)state;
    static const double v[] = {M_PI, 1.0 / 3,  5e-324, 1.7976931348623157e308,
                               -0.0, 123456789};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        weir_buffer *b = buffer_of(WEIR_F64, 0, NULL, &v[i]);
        reply(b, WR_AI_VALUES);
        const char *digits = strchr(out.text.p + 3, '|') + 1;
        assert_true(strtod(digits, NULL) == v[i]);
        wr_text_fini(&out.text);
        weir_buffer_unref(b);
    }
}

static void test_strings_have_nuls_between(void **state)
{
    (void)state;
    weir_buffer *b =
        buffer_of(WEIR_STRING, 1, (int64_t[]){2}, (weir_str[]){{"ab", 2}, {"", 0}});
    reply(b, WR_AI_META | WR_AI_BLOB);
    EXPECT("*6|$5|dtype|$6|STRING|$5|shape|*1|:2|$4|blob|$4|ab\0\0|");
    weir_buffer_unref(b);
    b = buffer_of(WEIR_STRING, 1, (int64_t[]){1}, (weir_str[]){{"a\0b", 3}});
    reply(b, WR_AI_META | WR_AI_BLOB); /* one item, though META came first */
    assert_memory_equal(out.text.p, "-ERR ", 5);
    wr_text_fini(&out.text);
    weir_buffer_unref(b);
}

static void test_a_strided_buffer_is_packed(void **state)
{
    (void)state;
    static int8_t a[6] = {1, 2, 3, 4, 5, 6};
    weir_tensor t = view_1d(a, WEIR_I8, 3);
    t.stride[0] = 2;
    weir_buffer *b = NULL;
    expect_ok(weir_buffer_wrap(&b, &t, NULL, NULL, &err));
    reply(b, WR_AI_BLOB);
    EXPECT("$3|\1\3\5|");
    reply(b, WR_AI_VALUES);
    EXPECT("*3|:1|:3|:5|");
    weir_memory_trim(0);
    wr_fail_allocation_after(1); /* the reply's own text needs one */
    wr_text_printf(&out.text, "|");
    reply(b, WR_AI_META | WR_AI_VALUES);
    wr_fail_allocation_after(-1);
    assert_memory_equal(out.text.p, "|-ERR ", 6);
    weir_buffer_unref(b);
    wr_text_fini(&out.text);
}

static wr_ai_model_view model_view(weir_buffer *b)
{
    static const weir_str in[] = {{"x", 1}, {"y", 1}}, outs[] = {{"", 0}};
    return (wr_ai_model_view){.backend_word = "ONNX",
                              .device_word = WEIR_STR("CPU:1"),
                              .tag = WEIR_STR("v1"),
                              .batch_max = 4,
                              .batch_min = 2,
                              .batch_wait_ms = 10,
                              .in = in,
                              .n_in = 2,
                              .out = outs,
                              .n_out = 1,
                              .bytes = b,
                              .chunk_size = 4};
}

#define META_PAIRS                                                                       \
    "$7|backend|$4|ONNX|$6|device|$5|CPU:1|$3|tag|$2|v1|$9|batchsize|:4|"                \
    "$12|minbatchsize|:2|$6|inputs|*2|$1|x|$1|y|$7|outputs|*1|$0||"                      \
    "$15|minbatchtimeout|:10|"

static void test_a_model_in_every_form(void **state)
{
    (void)state;
    weir_buffer *b = buffer_of(WEIR_U8, 1, (int64_t[]){3}, "abc");
    wr_ai_model_view v = model_view(b);
    wr_ai_reply_model(&out.sink, &v, WR_AI_META);
    EXPECT("*16|" META_PAIRS);
    wr_ai_reply_model(&out.sink, &v, WR_AI_META | WR_AI_BLOB);
    EXPECT("*18|" META_PAIRS "$4|blob|$3|abc|");
    wr_ai_reply_model(&out.sink, &v, WR_AI_BLOB);
    EXPECT("$3|abc|");
    weir_buffer_unref(b);
}

static void test_chunks_of_a_model(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        const char *want;
    } c[] = {{0, "$0||"},
             {3, "$3|abc|"},
             {4, "*1|$4|abcd|"}, /* no empty one behind */
             {5, "*2|$4|abcd|$1|e|"},
             {8, "*2|$4|abcd|$4|efgh|"}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        weir_buffer *b = buffer_of(WEIR_U8, 1, &c[i].n, "abcdefgh");
        wr_ai_model_view v = model_view(b);
        wr_ai_reply_model(&out.sink, &v, WR_AI_BLOB);
        expect_reply(c[i].want, strlen(c[i].want));
        weir_buffer_unref(b);
    }
}

static void test_a_script_in_every_form(void **state)
{
    (void)state;
    weir_buffer *b = buffer_of(WEIR_U8, 1, (int64_t[]){5}, "def f");
    wr_ai_model_view v = model_view(b);
    wr_ai_reply_script(&out.sink, &v, WR_AI_BLOB);
    EXPECT("$5|def f|");
    wr_ai_reply_script(&out.sink, &v, WR_AI_META);
    EXPECT("*6|$6|device|$5|CPU:1|$3|tag|$2|v1|$12|Entry Points|*2|$1|x|$1|y|");
    wr_ai_reply_script(&out.sink, &v, WR_AI_META | WR_AI_BLOB);
    EXPECT("*8|$6|device|$5|CPU:1|$3|tag|$2|v1|$12|Entry Points|*2|$1|x|$1|y|"
           "$6|source|$5|def f|");
    weir_buffer_unref(b);
}

static void test_statistics_and_scans(void **state)
{
    (void)state;
    wr_ai_info_view v = {.key = WEIR_STR("k"),
                         .backend_word = "TORCH",
                         .device_word = WEIR_STR("GPU"),
                         .duration_us = 7,
                         .n_samples = UINT64_MAX,
                         .n_calls = 2,
                         .n_errors = 1};
    wr_ai_reply_info(&out.sink, &v);
    EXPECT("*18|$3|key|$1|k|$4|type|$5|MODEL|$7|backend|$5|TORCH|$6|device|$3|GPU|$3|tag|"
           "$0||"
           "$8|duration|:7|$7|samples|:9223372036854775807|$5|calls|:2|$6|errors|:1|");
    v.is_script = true;
    wr_ai_reply_info(&out.sink, &v);
    assert_non_null(strstr(out.text.p, "|$6|SCRIPT|"));
    assert_non_null(strstr(out.text.p, "|$7|samples|:-1|"));
    wr_text_fini(&out.text);
    static const char marked[6] = {'{', '\0', '\0',
                                   '}', '.',  'm'}; /* of a cluster's shard */
    v.key = (weir_str){marked, sizeof marked};
    wr_ai_reply_info(&out.sink, &v);
    const char *at = strstr(out.text.p, "|$6|");
    assert_non_null(at);
    assert_memory_equal(at + 4, marked, sizeof marked);
    wr_text_fini(&out.text);
    wr_ai_reply_scan(&out.sink, 1);
    wr_ai_reply_scan_entry(&out.sink, WEIR_STR("k"), (weir_str){0});
    EXPECT("*1|*2|$1|k|$0||");
}

static void config(wr_ai_config_kind kind)
{
    wr_ai_config c = {.kind = kind};
    wr_ai_reply_config(&out.sink, &c, WEIR_STR("path"), 5);
}

static void test_settings(void **state)
{
    (void)state;
    config(WR_AI_CONFIG_GET_BACKENDSPATH);
    config(WR_AI_CONFIG_GET_CHUNK_SIZE);
    config(WR_AI_CONFIG_GET_OTHER);
    config(WR_AI_CONFIG_CHUNK_SIZE);
    EXPECT("$4|path|:5|$-1|+OK|");
}

static void failure(wr_ai_task task, weir_status st, const char *text)
{
    weir_error e = {st, ""};
    snprintf(e.text, sizeof e.text, "%s", text);
    wr_ai_reply_failure(&out.sink, task, st, &e);
}

static void test_failures_of_handlers(void **state)
{
    (void)state;
    failure(WR_AI_ON_TENSOR, WEIR_ERR_KEY, "x");
    EXPECT("-ERR tensor key is empty or in a different shard|");
    failure(WR_AI_ON_MODEL, WEIR_ERR_KEY, "x");
    EXPECT("-ERR model key is empty|");
    failure(WR_AI_ON_SCRIPT, WEIR_ERR_KEY, "x");
    EXPECT("-ERR script key is empty|");
    failure(WR_AI_ON_MODEL, WEIR_ERR_KIND, "x");
    EXPECT("-WRONGTYPE Operation against a key holding the wrong kind of value|");
    failure(WR_AI_ON_MODEL, WEIR_ERR_BACKEND, "x");
    EXPECT("-ERR Could not load backend|");
    failure(WR_AI_ON_TENSOR, WEIR_ERR_FULL, "x");
    EXPECT("-ERR could not save tensor|");
    failure(WR_AI_ON_MODEL, WEIR_ERR_MODEL, "two\r\nlines");
    EXPECT("-ERR two  lines|");
    failure(WR_AI_ON_MODEL, WEIR_ERR_TIMEOUT, "x");
    EXPECT("+TIMEDOUT|");
    weir_error e = {WEIR_ERR_ARG, "Invalid argument: x"};
    wr_ai_reply_refusal(&out.sink, &e);
    EXPECT("-Invalid argument: x|");
}

static void test_a_dag_says_what_became_of_each_op(void **state)
{
    (void)state;
    test_words t;
    test_parsed p;
    expect_ok(
        test_parse(&p,
                   test_cut(&t, "AI.DAGRUN LOAD 1 t |> AI.TENSORSET a FLOAT 1 |> "
                                "AI.TENSORGET t VALUES |> AI.MODELRUN m11 INPUTS a "
                                "OUTPUTS o |> AI.TENSORGET o |> AI.MODELRUN m11 INPUTS o "
                                "OUTPUTS o"),
                   &err));
    weir_buffer *b = buffer_of(WEIR_I8, 1, (int64_t[]){1}, "\5");
    const wr_ai_outcome o[] = {{.kind = WR_AI_DONE},
                               {.kind = WR_AI_DONE, .value = b},
                               {.kind = WR_AI_FAILED, .line = "ERR no"},
                               {.kind = WR_AI_DONE},
                               {.kind = WR_AI_NOT_RUN}};
    wr_ai_reply_dag(&out.sink, &p.of.dag, o);
    EXPECT("*5|+OK|*1|:5|-ERR no|+NA|+NA|");
    weir_buffer_unref(b);
    test_parsed_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tensor_in_every_form),
        cmocka_unit_test(test_values_of_every_type),
        cmocka_unit_test(test_every_real_reads_back),
        cmocka_unit_test(test_strings_have_nuls_between),
        cmocka_unit_test(test_a_strided_buffer_is_packed),
        cmocka_unit_test(test_a_model_in_every_form),
        cmocka_unit_test(test_chunks_of_a_model),
        cmocka_unit_test(test_a_script_in_every_form),
        cmocka_unit_test(test_statistics_and_scans),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_failures_of_handlers),
        cmocka_unit_test(test_a_dag_says_what_became_of_each_op),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
