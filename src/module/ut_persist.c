/* SPDX-License-Identifier: BSD-3-Clause */
/* The golden dumps of tests/golden/rdb through the decoders, without a server: every file is read, also
 * while memory runs out, and nothing of it stays behind. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "module/persist.h"
#include "support/expect.h"
#include "support/fake_host.h"

typedef struct golden {
    char name[64];
    uint8_t bytes[4096];
    const uint8_t *body; /* between the head (type, name and encoding) and the end mark */
    size_t n;
    int encoding;
    bool is_tensor, is_script;
} golden;

enum { HEAD = 10, FOOT = 11 /* end mark, version, checksum */ };

static void read_golden(golden *g, const char *name)
{
    char path[4096];
    const char *root = getenv("WEIR_SOURCE_DIR");
    assert_non_null(root);
    snprintf(path, sizeof path, "%s/tests/golden/rdb/%s", root, name);
    snprintf(g->name, sizeof g->name, "%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(g->bytes, 1, sizeof g->bytes, f);
    fclose(f);
    assert_true(n > HEAD + FOOT && n < sizeof g->bytes);
    assert_int_equal(g->bytes[0], 7);
    assert_int_equal(g->bytes[1], 0x81);
    g->encoding = (g->bytes[8] << 8 | g->bytes[9]) & 1023;
    g->body = g->bytes + HEAD;
    g->n = n - HEAD - FOOT;
    g->is_tensor = strstr(name, "tensor") != NULL;
    g->is_script = strstr(name, "script") != NULL;
}

/* Each file in turn. */
static void each_golden(void (*see)(const golden *g))
{
    char folder[4096];
    golden g;
    int n = 0;
    snprintf(folder, sizeof folder, "%s/tests/golden/rdb", getenv("WEIR_SOURCE_DIR"));
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        read_golden(&g, e->d_name);
        see(&g);
        assert_int_equal(fake_strings(), 0);
        n++;
    }
    closedir(d);
    assert_true(n >= 37);
}

static void *load(const golden *g, fake_io *io, size_t n, int encoding)
{
    host_io *in = fake_io_read(io, g->body, n);
    return g->is_tensor   ? persist_load_tensor(in, encoding)
           : g->is_script ? persist_load_script(in, encoding)
                          : persist_load_model(in, encoding);
}

static void release(const golden *g, void *value)
{
    if (value != NULL && g->is_tensor)
        weir_buffer_unref(value);
    else if (value != NULL)
        wr_model_unref(value);
}

static void see_loads(const golden *g)
{
    fake_io io;
    void *value = load(g, &io, g->n, g->encoding);
    if (value == NULL)
        fail_msg("%s is not read", g->name);
    if (io.p != io.end)
        fail_msg("%s: %zu bytes are left", g->name, (size_t)(io.end - io.p));
    release(g, value);
}

static void test_every_golden_dump_is_read_to_its_end(void **state)
{
    (void)state;
    each_golden(see_loads);
}

/* A stream that ends anywhere is refused, with a word in the log. */
static void see_cut(const golden *g)
{
    fake_io io;
    for (size_t n = 0; n < g->n; n++) {
        if (load(g, &io, n, g->encoding) != NULL)
            fail_msg("%s is read from its first %zu of %zu bytes", g->name, n, g->n);
        assert_true(io.told || io.bad);
    }
}

static void test_a_cut_dump_is_refused(void **state)
{
    (void)state;
    each_golden(see_cut);
}

static void see_newer(const golden *g)
{
    fake_io io;
    assert_null(load(g, &io, g->n, (g->is_tensor ? PERSIST_TENSOR : PERSIST_MODEL) + 1));
    assert_true(io.told);
}

static void test_a_newer_encoding_is_refused(void **state)
{
    (void)state;
    each_golden(see_newer);
}

static void see_no_memory(const golden *g)
{
    fake_io io;
    for (int n = 0;; n++) {
        wr_fail_allocation_after(n);
        void *value = load(g, &io, g->n, g->encoding);
        wr_fail_allocation_after(-1);
        release(g, value);
        assert_int_equal(fake_strings(), 0);
        if (value != NULL)
            return;
        assert_true(io.told);
    }
}

static void test_no_memory_leaves_nothing(void **state)
{
    (void)state;
    each_golden(see_no_memory);
}

static void test_strings_keep_their_bytes(void **state)
{
    golden g;
    fake_io io;
    (void)state;
    read_golden(&g, "tensor_string");
    weir_buffer *b = load(&g, &io, g.n, g.encoding);
    assert_non_null(b);
    weir_tensor t = weir_buffer_view(b);
    const weir_str *s = t.data;
    assert_int_equal(weir_tensor_count(&t), 3);
    assert_true(wr_str_eq(s[0], WEIR_STR("ab")) && s[1].n == 0);
    assert_true(wr_str_eq(s[2], WEIR_STR("cde")));
    weir_buffer_unref(b);
}

static void test_a_model_of_encoding_0_has_its_fields(void **state)
{
    golden g;
    fake_io io;
    (void)state;
    read_golden(&g, "old_model_0");
    wr_model *m = load(&g, &io, g.n, g.encoding);
    assert_non_null(m);
    const weir_model_options *o = wr_model_options(m);
    assert_true(wr_str_eq(o->backend, WEIR_STR("onnx")));
    assert_true(wr_str_eq(o->tag, WEIR_STR("t")));
    assert_int_equal(o->batch_max, 8);
    assert_int_equal(o->batch_min, 2);
    assert_int_equal(o->n_inputs, 2);
    assert_true(wr_str_eq(o->inputs[1], WEIR_STR("y")));
    assert_true(wr_str_eq(o->outputs[0], WEIR_STR("z")));
    wr_model_unref(m);
}

static int setup(void **state)
{
    (void)state;
    fake_host_start();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wr_engine_free(module.service.engine);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_golden_dump_is_read_to_its_end),
        cmocka_unit_test(test_a_cut_dump_is_refused),
        cmocka_unit_test(test_a_newer_encoding_is_refused),
        cmocka_unit_test(test_no_memory_leaves_nothing),
        cmocka_unit_test(test_strings_keep_their_bytes),
        cmocka_unit_test(test_a_model_of_encoding_0_has_its_fields),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
