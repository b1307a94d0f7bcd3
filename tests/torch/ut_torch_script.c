/* SPDX-License-Identifier: BSD-3-Clause */
/* Scripts through the torch backend alone, behind its table: this program plays the host. */
#include "engine/engine.h"
#include "host.h"

static const char arithmetic[] =
    "def add(a, b):\n"
    "    return a + b\n"
    "def total(xs: List[Tensor]):\n"
    "    s = xs[0]\n"
    "    for i in range(1, len(xs)):\n"
    "        s = s + xs[i]\n"
    "    return s\n"
    "def first_and_rest(a, rest: List[Tensor]):\n"
    "    return a, torch.cat(rest)\n"
    "def entry(ts: List[Tensor], keys: List[str], args: List[str]):\n"
    "    return ts[0] * (len(ts) + len(keys) + len(args))\n";

static void test_script_functions_are_called_by_name(void **state)
{
    (void)state;
    need_backend();
    float a[2] = {1, 2}, b[2] = {10, 20}, y[2], z[4];
    const float sum[2] = {11, 22}, all[2] = {12, 24}, rest[4] = {10, 20, 1, 2},
                twice[2] = {2, 4};
    weir_model_info info = {0};
    wr_backend_model *m = compile(arithmetic, &info);
    assert_true(info.is_script);
    assert_false(info.writes_inputs);
    weir_tensor in[3] = {VIEW(a, F32, 2), VIEW(b, F32, 2), VIEW(a, F32, 2)};
    wr_output out[2] = {{.view = VIEW(y, F32, 2)}, {.view = VIEW(z, F32, 4)}};
    run_ok(m, "add", in, 2, out, 1);
    expect_floats(y, sum, 2);
    run_ok(m, "total", in, 3, out, 1); /* a list takes them all */
    expect_floats(y, all, 2);
    run_ok(m, "first_and_rest", in, 3, out, 2);
    expect_floats(y, a, 2);
    expect_floats(z, rest, 4);
    run_ok(m, "entry", in, 2, out, 1); /* RedisAI's entry points: no keys, no arguments */
    expect_floats(y, twice, 2);
    run_ok(m, "add", in, 3, out,
           1); /* what a function has no parameter for is left, as in RedisAI */
    expect_floats(y, sum, 2);
    ops->unload(m);
}

static void expect_end(const weir_error *err, const char *end)
{
    size_t n = strlen(err->text), n_end = strlen(end);
    if (n < n_end || strcmp(err->text + n - n_end, end) != 0)
        fail_msg("'%s' does not end in '%s'", err->text, end);
}

/* ---- RedisAI's entry points ------------------------------------------------------------------- */

static weir_status load_entry(const char *text, weir_str function, wr_backend_model **m,
                              weir_error *err)
{
    weir_model_info info = {0};
    weir_str functions[] = {WEIR_STR("plain"), function};
    wr_load_args args = {.name = WEIR_STR("test"),
                         .blob = text,
                         .n_blob = strlen(text),
                         .is_script = true,
                         .threads = 1,
                         .functions = functions,
                         .n_functions = 2};
    return ops->load(m, &args, &info, err);
}

static const char entries[] =
    "def plain(tensors: List[Tensor], keys: List[str], args: List[str]):\n"
    "    return tensors[0] + float(args[1])\n"
    "def same(ts: List[Tensor], keys: List[str], args: List[str]):\n"
    "    ok = keys[0] == '{\\000\\000}.k' and keys[1] == '' and args[0] == 'a\\000b'\n"
    "    return torch.ones(1) if ok else torch.zeros(1)\n"
    "def two(a, b):\n    return a\n"
    "def mixed(a, keys: List[str], b):\n    return a\n"
    "def ints(xs: List[Tensor], keys: List[int], args: List[str]):\n    return xs[0]\n"
    "def a_function_with_quite_a_long_name(x, y, z):\n    return x\n"
    "def third(a, k: List[str], l: List[str], m: List[str]):\n    return a\n"
    "def takes_int(x, n: int):\n    return x\n"
    "def helped(x):\n    return takes_int(x, 3)\n";

static void test_entry_points_are_checked_when_loading(void **state)
{
    (void)state;
    need_backend();
    const struct {
        weir_str function;
        const char *says;
    } bad[] = {
        {WEIR_STR("none"), "Function none does not exist in the given script."},
        {WEIR_STR("two"), "Wrong number of inputs in function two. Expected 3 but was 2"},
        {WEIR_STR("third"),
         "Wrong number of inputs in function third. Expected 3 but was 4"},
        {WEIR_STR("mixed"),
         "Wrong inputs type in function mixed. Expected signature similar to: def "
         "mixed(tensors: List[Tensor], keys: List[str], args: List[str])"},
        {WEIR_STR("ints"),
         "Wrong inputs type in function ints. Expected signature similar to: def "
         "ints(tensors: List[Tensor], keys: List[str], args: List[str])"},
        {WEIR_STR("a_function_with_quite_a_long_name"),
         "Wrong inputs type in function a_function_with_quite_a_long_name. Expected "
         "signature similar to: def a_function_with_quite_a_long_name(tensors: "
         "List[Tensor], keys: List[str], args: List[str])"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weir_error err = {0};
        wr_backend_model *m = NULL;
        assert_int_equal(load_entry(entries, bad[i].function, &m, &err), WEIR_ERR_MODEL);
        expect_text(&err, "torch: script 'test': ");
        expect_end(&err, bad[i].says);
        assert_string_equal(wr_error_sentence(&err), bad[i].says);
        assert_null(m);
    }
}

static weir_status run_texts(wr_backend_model *m, const char *function, float *y,
                             const weir_str *keys, int n_keys, const weir_str *texts,
                             int n_texts, weir_error *err)
{
    float a[1] = {1};
    weir_tensor in = VIEW(a, F32, 1);
    wr_output out = {.view = VIEW(y, F32, 1)};
    wr_run_args args = {.function = weir_cstr(function),
                        .in = &in,
                        .n_in = 1,
                        .out = &out,
                        .n_out = 1,
                        .deadline = WEIR_NEVER,
                        .keys = keys,
                        .n_keys = n_keys,
                        .args = texts,
                        .n_args = n_texts};
    return ops->run(m, &args, err);
}

static void test_keys_and_arguments_arrive_whole(void **state)
{
    (void)state;
    need_backend();
    weir_error err = {0};
    wr_backend_model *m = NULL;
    float y[1] = {0};
    const weir_str keys[] = {WEIR_STR("{\0\0}.k"), {NULL, 0}},
                   texts[] = {WEIR_STR("a\0b"), WEIR_STR("2.5")};
    assert_int_equal(load_entry(entries, WEIR_STR("same"), &m, &err), WEIR_OK);
    assert_int_equal(run_texts(m, "same", y, keys, 2, texts, 2, &err), WEIR_OK);
    assert_true(y[0] == 1);
    assert_int_equal(run_texts(m, "plain", y, keys, 0, texts, 2, &err), WEIR_OK);
    assert_true(y[0] == 3.5F);
    assert_int_equal(run_texts(m, "mixed", y, keys, 2, NULL, 0, &err), WEIR_ERR_ARG);
    expect_end(&err, "Wrong number of inputs provided to function: mixed");
    assert_int_equal(run_texts(m, "plain", y, NULL, 0, NULL, 0, &err), WEIR_ERR_MODEL);
    ops->unload(m);
}

static void test_functions_with_other_parameters_serve_others(void **state)
{
    (void)state;
    need_backend();
    weir_error err = {0};
    wr_backend_model *m = compile(entries, NULL);
    float y[1] = {0};
    assert_int_equal(run_texts(m, "helped", y, NULL, 0, NULL, 0, &err), WEIR_OK);
    assert_true(y[0] == 1);
    assert_int_equal(run_texts(m, "takes_int", y, NULL, 0, NULL, 0, &err),
                     WEIR_ERR_MODEL);
    expect_text(&err, "'n' is of type int");
    expect_end(&err, "Unsupported input type in function definition: takes_int");
    assert_int_equal(run_texts(m, "third", y, NULL, 0, NULL, 0, &err), WEIR_ERR_MODEL);
    expect_end(&err, "Unsupported input type in function definition: third");
    ops->unload(m);
}

static void test_outputs_are_as_many_as_asked_for(void **state)
{
    (void)state;
    need_backend();
    weir_error err = {0};
    float a[1] = {1}, y[3][1];
    wr_backend_model *m = compile("def tuple(x):\n    return x, (x + 1, [x + 2])\n"
                                  "def list(x):\n    return [x, x + 1, x + 2]\n"
                                  "def number(x):\n    return x, 3\n",
                                  NULL);
    weir_tensor in = VIEW(a, F32, 1);
    wr_output out[3];
    const char *const names[] = {"tuple", "list"};
    for (int f = 0; f < 2; f++) {
        char says[80];
        (void)snprintf(says, sizeof says,
                       "Function returned unexpected number of outputs - %s", names[f]);
        for (int n = 0; n <= 2; n++) { /* too few asked for: nothing is overrun */
            for (int i = 0; i < 3; i++)
                out[i] = (wr_output){.view = VIEW(y[i], F32, 1)};
            y[0][0] = -1;
            assert_int_equal(run(m, names[f], &in, 1, out, n, &err), WEIR_ERR_ARG);
            expect_end(&err, says);
            assert_true(y[0][0] == -1);
        }
        run_ok(m, names[f], &in, 1, out, 3);
        assert_true(y[0][0] == 1 && y[1][0] == 2 && y[2][0] == 3);
    }
    assert_int_equal(run(m, "number", &in, 1, out, 2, &err), WEIR_ERR_MODEL);
    expect_text(&err, "it returned Int");
    expect_end(&err, "Function returned non-tensor valuesnumber");
    ops->unload(m);
}

static void test_missing_function_names_those_there_are(void **state)
{
    (void)state;
    need_backend();
    float a[2] = {1, 2}, y[2];
    weir_error err = {0};
    wr_backend_model *m = compile(arithmetic, NULL);
    weir_tensor in = VIEW(a, F32, 2);
    wr_output out = {.view = VIEW(y, F32, 2)};
    assert_int_equal(run(m, "subtract", &in, 1, &out, 1, &err), WEIR_ERR_ARG);
    expect_text(&err, "script 'test': it has add, total, first_and_rest, entry: ");
    expect_end(&err, "Function does not exist: subtract");
    assert_int_equal(run(m, NULL, &in, 1, &out, 1, &err), WEIR_ERR_ARG);
    assert_int_equal(run(m, "add", &in, 1, &out, 1, &err), WEIR_ERR_ARG);
    expect_text(&err, "'add' takes 2 inputs, 1 were given");
    expect_end(&err, "Wrong number of inputs provided to function: add");
    ops->unload(m);
}

static void test_script_with_an_error_names_the_line(void **state)
{
    (void)state;
    need_backend();
    static const char *const bad[] = {
        "def f(x):\n    return x +\n",
        "def f(x):\n    return undefined_name(x)\n",
        "",
        "import os\n",
    };
    static const char *const text[] = {"line 3", "line 2: return undefined_name(x)",
                                       "no function", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weir_error err = {0};
        weir_model_info info = {0};
        wr_backend_model *m = NULL;
        assert_int_equal(load_bytes(bad[i], strlen(bad[i]), true, &m, &info, &err),
                         WEIR_ERR_MODEL);
        expect_text(&err, text[i]);
        expect_text(&err, "script 'test'");
    }
}

static void test_script_that_writes_its_input_is_found(void **state)
{
    (void)state;
    need_backend();
    weir_model_info info = {0};
    ops->unload(compile(
        "def f(x):\n    return x + 1\ndef g(x):\n    x[0] = 3.0\n    return x\n", &info));
    assert_true(info.writes_inputs);
    ops->unload(compile("def f(xs: List[Tensor]):\n    for x in xs:\n        x.zero_()\n"
                        "    return xs[0]\n",
                        &info));
    assert_true(info.writes_inputs);
    ops->unload(compile(
        "def h(x):\n    x.add_(1)\n    return x\ndef f(x):\n    return h(x)\n", &info));
    assert_true(info.writes_inputs);
}

static void test_script_that_raises_gives_its_reason(void **state)
{
    (void)state;
    need_backend();
    float a[2] = {1, 2}, y[2];
    weir_error err = {0};
    wr_backend_model *m = compile(
        "def f(x):\n    assert bool(x[0] < 0), 'too warm'\n    return x\n"
        "def g(x):\n    return x, 3\n"
        "def h(x):\n    if bool(x[0] < 9):\n        raise ValueError('too cold')\n"
        "    return x\n",
        NULL);
    weir_tensor in = VIEW(a, F32, 2);
    wr_output out = {.view = VIEW(y, F32, 2)};
    assert_int_equal(run(m, "h", &in, 1, &out, 1, &err), WEIR_ERR_MODEL);
    expect_text(&err, "too cold");
    assert_int_equal(run(m, "f", &in, 1, &out, 1, &err), WEIR_ERR_MODEL);
    expect_text(&err, "too warm");
    assert_int_equal(run(m, "g", &in, 1, &out, 1, &err), WEIR_ERR_MODEL);
    expect_text(&err, "Int");
    ops->unload(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_script_functions_are_called_by_name),
        cmocka_unit_test(test_entry_points_are_checked_when_loading),
        cmocka_unit_test(test_keys_and_arguments_arrive_whole),
        cmocka_unit_test(test_functions_with_other_parameters_serve_others),
        cmocka_unit_test(test_outputs_are_as_many_as_asked_for),
        cmocka_unit_test(test_missing_function_names_those_there_are),
        cmocka_unit_test(test_script_with_an_error_names_the_line),
        cmocka_unit_test(test_script_that_writes_its_input_is_found),
        cmocka_unit_test(test_script_that_raises_gives_its_reason),
    };
    return cmocka_run_group_tests(tests, start_backend, NULL);
}
