/* SPDX-License-Identifier: BSD-3-Clause */
/* Scripts through the torch backend alone, behind its table: this program plays the host. */
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
    expect_text(&err, "'subtract'");
    expect_text(&err, "add, total, first_and_rest, entry");
    assert_int_equal(run(m, NULL, &in, 1, &out, 1, &err), WEIR_ERR_ARG);
    assert_int_equal(run(m, "add", &in, 1, &out, 1, &err), WEIR_ERR_ARG);
    expect_text(&err, "'add' takes 2 inputs, 1 were given");
    ops->unload(m);
}

static void test_script_with_an_error_names_the_line(void **state)
{
    (void)state;
    need_backend();
    static const char *const bad[] = {
        "def f(x):\n    return x +\n",
        "def f(x):\n    return undefined_name(x)\n",
        "def f(x):\n    return x\n\ndef g(x, n: int):\n    return x\n",
        "",
        "import os\n",
    };
    static const char *const text[] = {"line 3", "line 2: return undefined_name(x)",
                                       "'n' is of type int", "no function", ""};
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
    wr_backend_model *m =
        compile("def f(x):\n    assert bool(x[0] < 0), 'too warm'\n    return x\n"
                "def g(x):\n    return x, 3\n",
                NULL);
    weir_tensor in = VIEW(a, F32, 2);
    wr_output out = {.view = VIEW(y, F32, 2)};
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
        cmocka_unit_test(test_missing_function_names_those_there_are),
        cmocka_unit_test(test_script_with_an_error_names_the_line),
        cmocka_unit_test(test_script_that_writes_its_input_is_found),
        cmocka_unit_test(test_script_that_raises_gives_its_reason),
    };
    return cmocka_run_group_tests(tests, start_backend, NULL);
}
