/* SPDX-License-Identifier: BSD-3-Clause */
/* What scripts ask of who runs them: commands, lists, models in the place of their own run. */
#include "engine/engine.h"
#include "host.h"

static weir_error err;
static wr_engine *engine;
static wr_model *inner; /* a mock that doubles, not loaded beforehand */
static const wr_job *outer;
static char said[400]; /* the words of all commands */
static int n_held;     /* answers that were not released */

static const char source[] =
    "def set(x, keys: List[str], args: List[str]):\n"
    "    redis.execute('SET', keys[0], args[0], 7, 2.5, True, ['a', 'b'])\n"
    "    return x\n"
    "def get(x, keys: List[str]):\n"
    "    v = redis.execute('GET', keys[0])\n"
    "    if isinstance(v, str):\n"
    "        if v == 'a\\000b':\n"
    "            x = x + 1\n"
    "    return x\n"
    "def sum(x):\n"
    "    n = 0\n"
    "    for v in redis.asList(redis.execute('LIST')):\n"
    "        if isinstance(v, int):\n"
    "            n += v\n"
    "    return x + n\n"
    "def no_list(x):\n    redis.asList(redis.execute('GET'))\n    return x\n"
    "def nil(x):\n"
    "    v = redis.execute('NIL')\n" /* TorchScript decides 'v is None' when compiling */
    "    return x if isinstance(v, str) or isinstance(v, int) else x + 1\n"
    "def refused(x):\n    redis.execute('BAD')\n    return x\n"
    "def broken(x):\n    redis.execute('BROKEN')\n    return x\n"
    "def tensor(x):\n    redis.execute('SET', x)\n    return x\n"
    "def model(x):\n"
    "    return redisAI.model_execute('double', [x.t().contiguous().t()], 1)\n"
    "def no_model(x):\n    return redisAI.model_execute('none', [x], 1)\n"
    "def too_many(x):\n    return redisAI.model_execute('double', [x], 99)\n";

static const wr_answer ints[] = {{.kind = WR_ANSWER_INTEGER, .integer = 5000000000},
                                 {.kind = WR_ANSWER_TEXT, .text = {"x", 1}},
                                 {.kind = WR_ANSWER_INTEGER, .integer = -1}};
static const struct {
    const char *command;
    wr_answer answer;
} answers[] = {
    {"SET", {.kind = WR_ANSWER_TEXT, .text = {"OK", 2}}},
    {"GET", {.kind = WR_ANSWER_TEXT, .text = {"a\0b", 3}}},
    {"LIST", {.kind = WR_ANSWER_LIST, .item = ints, .n_items = 3}},
    {"NIL", {.kind = WR_ANSWER_NIL}},
    {"BAD", {.kind = WR_ANSWER_ERROR, .text = {"ERR no such thing", 17}}},
};

static weir_status answer(void *context, const weir_str *word, size_t n,
                          const wr_answer **out, weir_error *why)
{
    assert_ptr_equal(context, said);
    for (size_t i = 0; i < n; i++) {
        size_t at = strlen(said);
        (void)snprintf(said + at, sizeof said - at, "%.*s ", (int)word[i].n, word[i].p);
    }
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (strcmp(answers[i].command, word[0].p) == 0) {
            *out = &answers[i].answer;
            n_held++;
            return WEIR_OK;
        }
    }
    return weir_fail(why, WEIR_ERR_CLOSED, "the server is gone");
}

static void release(void *context, const wr_answer *a)
{
    (void)context;
    assert_non_null(a);
    n_held--;
}

static weir_status run_model(void *context, weir_str key, const weir_tensor *in, int n_in,
                             wr_output *out, int n_out, weir_deadline deadline,
                             weir_error *why)
{
    (void)context;
    if (key.n != 6 || memcmp(key.p, "double", 6) != 0)
        return weir_fail(why, WEIR_ERR_KEY, "there is no model '%.*s'", (int)key.n,
                         key.p);
    wr_job job = {.model = inner,
                  .in = in,
                  .n_in = n_in,
                  .out = out,
                  .n_out = n_out,
                  .deadline = deadline};
    weir_status st = wr_engine_run_inside(engine, outer, &job);
    return st == WEIR_OK ? st : weir_fail(why, st, "%s", job.error.text);
}

/* ---- scripts --------------------------------------------------------------------------------------- */

static wr_model *load_text(const char *text, bool is_script)
{
    weir_buffer *b = NULL;
    wr_model *m = NULL;
    weir_tensor view;
    int64_t n = (int64_t)strlen(text);
    assert_int_equal(
        weir_tensor_init(&view, (void *)(uintptr_t)text, WEIR_U8, 1, &n, &err), WEIR_OK);
    assert_int_equal(weir_buffer_from(&b, &view, &err), WEIR_OK);
    weir_status st = is_script ? wr_model_load(&m, engine, WEIR_STR("s"), b, true, NULL,
                                               NULL, WEIR_NEVER, &err)
                               : wr_model_declare(&m, engine, WEIR_STR("double"), b,
                                                  false, NULL, &err);
    weir_buffer_unref(b);
    if (st != WEIR_OK)
        fail_msg("%s", err.text);
    return m;
}

static weir_status run_script(const char *function, const wr_script_calls *calls,
                              float *y)
{
    float x[6] = {1, 2, 3, 4, 5, 6};
    weir_tensor in = VIEW(x, F32, 2, 3);
    weir_str key = WEIR_STR("k"), arg = WEIR_STR("v");
    wr_output out = {.buffer = NULL};
    wr_model *script = load_text(source, true);
    wr_job job = {.model = script,
                  .function = weir_cstr(function),
                  .in = &in,
                  .n_in = 1,
                  .out = &out,
                  .n_out = 1,
                  .deadline = WEIR_NEVER,
                  .keys = &key,
                  .n_keys = 1,
                  .args = &arg,
                  .n_args = 1,
                  .calls = calls};
    outer = &job;
    said[0] = '\0';
    weir_status st = wr_engine_run(engine, &job);
    if (st == WEIR_OK)
        memcpy(y, out.view.data, sizeof x);
    err = job.error;
    weir_buffer_unref(out.buffer);
    wr_model_unref(script);
    assert_int_equal(n_held, 0);
    return st;
}

static const wr_script_calls calls = {
    .context = said, .execute = answer, .release = release, .model_execute = run_model};

static void expect_sum(const char *function, float more)
{
    float y[6] = {0};
    if (run_script(function, &calls, y) != WEIR_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < 6; i++)
        if (y[i] != (float)(i + 1) + more)
            fail_msg("'%s' gives %.9g, not %.9g", function, (double)y[i],
                     (double)((float)(i + 1) + more));
}

static void expect_refusal(const char *function, const wr_script_calls *with,
                           const char *says)
{
    float y[6];
    assert_int_equal(run_script(function, with, y), WEIR_ERR_MODEL);
    expect_text(&err, says);
}

/* ---- tests ----------------------------------------------------------------------------------------- */

static void test_commands_reach_the_server_word_by_word(void **state)
{
    (void)state;
    need_models();
    expect_sum("set", 0);
    assert_string_equal(said, "SET k v 7 2.5 1 a b ");
    expect_refusal("tensor", &calls, "redis.execute: an argument is Tensor");
}

static void test_answers_come_back(void **state)
{
    (void)state;
    need_models();
    expect_sum("get", 1);
    expect_sum("nil", 1);
    expect_sum("sum", 4999999999.0F);
    expect_refusal("no_list", &calls, "which is no list");
    expect_refusal("refused", &calls,
                   "Redis command returned an error: ERR no such thing");
    expect_refusal("broken", &calls, "the server is gone");
}

static void test_models_run_in_the_place_of_the_script(void **state)
{
    (void)state;
    need_models();
    float y[6];
    assert_false(wr_model_is_ready(inner));
    for (int round = 0; round < 2;
         round++) { /* the first loads it, though no place is free */
        if (run_script("model", &calls, y) != WEIR_OK)
            fail_msg("%s", err.text);
        for (int i = 0; i < 6; i++)
            assert_true(y[i] == 2 * (float)(i + 1));
    }
    assert_true(wr_model_is_ready(inner));
    expect_refusal("no_model", &calls, "there is no model 'none'");
    expect_refusal("too_many", &calls, "99 outputs");
}

static void test_without_a_server_a_script_is_told_so(void **state)
{
    (void)state;
    need_models();
    expect_refusal("get", NULL, "redis.execute: only where a server runs the script");
    expect_refusal("model", NULL, "redisAI.model_execute: only where a server");
}

static int start(void **state)
{
    (void)state;
    char path[2048];
    wr_engine_options o = {.threads = 1};
    (void)snprintf(path, sizeof path, "%s/weir_backend_torch.so",
                   environment("WEIR_BACKEND_PATH", "build/lib/weir/backends"));
    if (access(path, R_OK) != 0) {
        (void)snprintf(why_not, sizeof why_not, "the torch backend is not built");
        return 0;
    }
    if (wr_engine_new(&engine, &o, &err) != WEIR_OK)
        return -1;
    inner = load_text("mock; in=x:FLOAT[-1,3]; out=y:FLOAT[-1,3]; scale=2", false);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    wr_model_unref(inner);
    wr_engine_free(engine);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_reach_the_server_word_by_word),
        cmocka_unit_test(test_answers_come_back),
        cmocka_unit_test(test_models_run_in_the_place_of_the_script),
        cmocka_unit_test(test_without_a_server_a_script_is_told_so),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
