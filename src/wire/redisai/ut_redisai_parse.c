/* SPDX-License-Identifier: BSD-3-Clause */
/* Every good form of RedisAI's commands, what it parses to, and its keys. */
#include "support/expect.h"
#include "wire/redisai/testing.h"

static test_words cut_words;

/* Parsed, or the test ends; the words live until the next call. */
static test_parsed parsed(const char *line)
{
    test_parsed p;
    wr_words words = test_cut(&cut_words, line);
    err = (weir_error){0};
    if (test_parse(&p, words, &err) != WEIR_OK)
        fail_msg("%s\n    says '%s'", line, err.text);
    return p;
}

static void expect_str(weir_str s, const char *want)
{
    if (!wr_str_eq(s, weir_cstr(want)))
        fail_msg("'%.*s' is not '%s'", WR_NAME(s), want);
}

/* ---- tensors ---- */

static void expect_tensor(const char *line, weir_dtype type, int rank,
                          const int64_t *shape, const void *bytes)
{
    test_parsed p = parsed(line);
    const wr_ai_tensorset *s = &p.of.set;
    assert_int_equal(s->view.dtype, type);
    assert_int_equal(s->view.rank, rank);
    for (int i = 0; i < rank; i++)
        assert_int_equal(s->view.shape[i], shape[i]);
    assert_memory_equal(s->view.data, bytes, weir_tensor_bytes(&s->view));
    assert_true((s->i_blob > 0) == (s->buffer == NULL));
    test_parsed_fini(&p);
    assert_null(p.of.set.buffer);
}

static void test_a_blob_is_viewed_where_it_lies(void **state)
{
    (void)state;
    test_parsed p = parsed("ai.tensorset t float 2 blob abcdefgh");
    assert_int_equal(p.of.set.i_blob, 5);
    assert_ptr_equal(p.of.set.view.data, cut_words.w[5].p);
    assert_null(p.of.set.buffer);
    expect_str(p.of.set.key, "t");
    expect_tensor("AI.TENSORSET new INT16 2 3 BLOB abcdefghijkl", WEIR_I16, 2,
                  (int64_t[]){2, 3}, "abcdefghijkl");
    expect_tensor("AI.TENSORSET new INT8 BLOB a", WEIR_I8, 0, NULL, "a");
    expect_tensor("AI.TENSORSET new BOOL 2 BLOB ~~", WEIR_BOOL, 1, (int64_t[]){2}, "\0");
    expect_tensor("AI.TENSORSET t BFLOAT16 1 BLOB ab", WEIR_BF16, 1, (int64_t[]){1},
                  "ab");
}

#define VALUES(type, dtype, c_type, words, ...)                                          \
    expect_tensor("AI.TENSORSET t " type " 2 VALUES " words, dtype, 1, (int64_t[]){2},   \
                  (c_type[]){__VA_ARGS__})

static void test_values_of_every_type_reach_their_limits(void **state)
{
    (void)state;
    VALUES("INT8", WEIR_I8, int8_t, "-128 127", -128, 127);
    VALUES("INT16", WEIR_I16, int16_t, "-32768 32767", INT16_MIN, INT16_MAX);
    VALUES("INT32", WEIR_I32, int32_t, "-2147483648 2147483647", INT32_MIN, INT32_MAX);
    VALUES("INT64", WEIR_I64, int64_t, "-9223372036854775808 9223372036854775807",
           INT64_MIN, INT64_MAX);
    VALUES("UINT8", WEIR_U8, uint8_t, "0 255", 0, 255);
    VALUES("UINT16", WEIR_U16, uint16_t, "0 65535", 0, 65535);
    VALUES("UINT32", WEIR_U32, uint32_t, "0 4294967295", 0, UINT32_MAX);
    VALUES("UINT64", WEIR_U64, uint64_t, "0 18446744073709551615", 0, UINT64_MAX);
    VALUES("BOOL", WEIR_BOOL, uint8_t, "1 0", 1, 0);
    VALUES("FLOAT", WEIR_F32, float, "-1.5 3e38", -1.5F, 3e38F);
    VALUES("DOUBLE", WEIR_F64, double, "0.1 -inf", 0.1, (double)-__builtin_inff());
    VALUES("FLOAT16", WEIR_F16, uint16_t, "1 -65504", 0x3c00, 0xfbff);
    VALUES("BFLOAT16", WEIR_BF16, uint16_t, "1 -2", 0x3f80, 0xc000);
}

static void test_not_a_number_is_a_value(void **state)
{
    (void)state;
    test_parsed p = parsed("AI.TENSORSET t FLOAT 1 VALUES nan");
    float f = *(const float *)p.of.set.view.data;
    assert_true(f != f);
    test_parsed_fini(&p);
}

static void expect_strings(const char *line, const char *a, const char *b)
{
    test_parsed p = parsed(line);
    const weir_str *s = p.of.set.view.data;
    assert_non_null(p.of.set.buffer);
    expect_str(s[0], a);
    expect_str(s[1], b);
    test_parsed_fini(&p);
}

static void test_strings_may_be_empty(void **state)
{
    (void)state;
    expect_strings("AI.TENSORSET t STRING 2 BLOB ab~c~", "ab", "c");
    expect_strings("AI.TENSORSET t STRING 2 BLOB ~~", "", "");
    expect_strings("AI.TENSORSET t STRING 2 VALUES '' x", "", "x");
    expect_strings("AI.TENSORSET t STRING 2", "", "");
}

static void test_no_data_gives_zeros(void **state)
{
    (void)state;
    static const double zeros[6];
    expect_tensor("AI.TENSORSET t DOUBLE 2 3", WEIR_F64, 2, (int64_t[]){2, 3}, zeros);
    expect_tensor("AI.TENSORSET t UINT8 1", WEIR_U8, 1, (int64_t[]){1}, zeros);
}

static void test_what_a_get_shows(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        unsigned show;
    } c[] = {{"AI.TENSORGET t", WR_AI_META | WR_AI_BLOB},
             {"AI.TENSORGET t META", WR_AI_META},
             {"AI.TENSORGET t blob", WR_AI_BLOB},
             {"AI.TENSORGET t VALUES", WR_AI_VALUES},
             {"AI.TENSORGET t META BLOB", WR_AI_META | WR_AI_BLOB},
             {"AI.TENSORGET t BLOB META", WR_AI_META | WR_AI_BLOB},
             {"AI.TENSORGET t VALUES META", WR_AI_META | WR_AI_VALUES},
             {"AI.MODELGET m", WR_AI_META | WR_AI_BLOB},
             {"AI.MODELGET m FOO", WR_AI_META | WR_AI_BLOB},
             {"AI.MODELGET m META", WR_AI_META},
             {"AI.MODELGET m blob", WR_AI_BLOB},
             {"AI.MODELGET m META BLOB", WR_AI_META | WR_AI_BLOB},
             {"AI.MODELDEL m", 0},
             {"AI.SCRIPTGET s", WR_AI_META | WR_AI_BLOB},
             {"AI.SCRIPTGET s META", WR_AI_META},
             {"AI.SCRIPTGET s SOURCE", WR_AI_BLOB},
             {"AI.SCRIPTGET s META SOURCE", WR_AI_META | WR_AI_BLOB},
             {"AI.SCRIPTDEL s", 0}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        test_parsed p = parsed(c[i].line);
        assert_int_equal(p.of.get.show, c[i].show);
        assert_int_equal(p.of.get.key.n, 1);
    }
    parsed("AI._MODELSCAN");
    parsed("AI._SCRIPTSCAN");
}

/* ---- models and scripts ---- */

static void test_modelstore_as_smartredis_sends_it(void **state)
{
    (void)state;
    test_parsed p =
        parsed("AI.MODELSTORE m TORCH CPU TAG tag1 BATCHSIZE 4 MINBATCHSIZE 2 "
               "MINBATCHTIMEOUT 10 BLOB 0123456789 abcdefghij klmnop");
    const wr_ai_store *s = &p.of.store;
    expect_str(s->key, "m");
    expect_str(s->options.backend, "torch");
    assert_string_equal(s->backend_word, "TORCH");
    expect_str(s->options.tag, "tag1");
    assert_int_equal(s->options.device.kind, WEIR_CPU);
    assert_int_equal(s->options.batch_max, 4);
    assert_int_equal(s->options.batch_min, 2);
    assert_int_equal(s->options.batch_wait_ms, 10);
    assert_int_equal(s->n_chunks, 3);
    assert_int_equal(s->n_bytes, 26);
    weir_buffer *b = NULL;
    expect_ok(wr_ai_store_bytes(s, &b, &err));
    assert_memory_equal(weir_buffer_view(b).data, "0123456789abcdefghijklmnop", 26);
    weir_buffer_unref(b);
}

static void test_tensorflow_names_its_ends(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "AI.MODELSTORE new TF GPU INPUTS 2 a b OUTPUTS 1 c BLOB xyz",
        "AI.MODELSET new tf gpu INPUTS a b OUTPUTS c BLOB xyz"};
    for (int i = 0; i < 2; i++) {
        test_parsed p = parsed(lines[i]);
        const weir_model_options *o = &p.of.store.options;
        expect_str(o->backend, "tensorflow");
        assert_int_equal(o->device.kind, WEIR_CUDA);
        assert_int_equal(o->n_inputs, 2);
        expect_str(o->inputs[1], "b");
        assert_int_equal(o->n_outputs, 1);
        expect_str(o->outputs[0], "c");
        assert_int_equal(p.of.store.n_bytes, 3);
    }
}

static void test_backends_and_devices(void **state)
{
    (void)state;
    static const struct {
        const char *line, *backend, *device;
        int kind, index;
    } c[] = {
        {"AI.MODELSTORE m ONNX GPU:3 BLOB x", "onnx", "GPU:3", WEIR_CUDA, 3},
        {"AI.MODELSTORE m onnx CPU:7 BLOB x", "onnx", "CPU:7", WEIR_CPU, 0},
        {"AI.MODELSTORE m TFLITE cpu BATCHSIZE 2 BLOB x", "tflite", "cpu", WEIR_CPU, 0},
        {"AI.MODELSTORE m MOCK CPU BATCHSIZE 0 MINBATCHSIZE 0 MINBATCHTIMEOUT 0 BLOB x",
         "mock", "CPU", WEIR_CPU, 0},
        {"AI.MODELSET m TORCH GPU:0 TAG x BLOB x", "torch", "GPU:0", WEIR_CUDA, 0},
        {"AI.SCRIPTSET s GPU SOURCE x", "torch", "GPU", WEIR_CUDA, 0}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        test_parsed p = parsed(c[i].line);
        expect_str(p.of.store.options.backend, c[i].backend);
        expect_str(p.of.store.device_word, c[i].device);
        assert_int_equal(p.of.store.options.device.kind, c[i].kind);
        assert_int_equal(p.of.store.options.device.index, c[i].index);
    }
    assert_string_equal(wr_ai_backend_word("tensorflow"), "TF");
    assert_string_equal(wr_ai_backend_word("other"), "other");
}

static void test_scripts_with_and_without_entry_points(void **state)
{
    (void)state;
    test_parsed p = parsed("AI.SCRIPTSTORE s CPU TAG t ENTRY_POINTS 2 f g SOURCE text");
    assert_true(p.of.store.is_script);
    assert_int_equal(p.of.store.n_entries, 2);
    expect_str(p.of.store.entry[1], "g");
    expect_str(p.of.store.options.tag, "t");
    expect_str(*p.of.store.chunk, "text");
    p = parsed("AI.SCRIPTSET new CPU TAG t SOURCE text");
    assert_int_equal(p.of.store.n_entries, 0);
    expect_str(p.of.store.options.tag, "t");
    p = parsed("AI.SCRIPTSET new CPU SOURCE SOURCE");
    expect_str(*p.of.store.chunk, "SOURCE");
}

/* ---- runs ---- */

static void expect_run(const char *line, const char *in, const char *out,
                       int64_t limit_ms)
{
    test_parsed p = parsed(line);
    const wr_ai_run *r = &p.of.run;
    wr_text got_in = {0}, got_out = {0};
    for (size_t i = 0; i < r->n_in; i++)
        wr_text_printf(&got_in, " %.*s", (int)r->in[i].n, r->in[i].p);
    for (size_t i = 0; i < r->n_out; i++)
        wr_text_printf(&got_out, " %.*s", (int)r->out[i].n, r->out[i].p);
    assert_string_equal(got_in.p == NULL ? "" : got_in.p, in);
    assert_string_equal(got_out.p == NULL ? "" : got_out.p, out);
    assert_int_equal(r->limit_ms, limit_ms);
    wr_text_fini(&got_in);
    wr_text_fini(&got_out);
    test_parsed_fini(&p);
    assert_null(p.of.run.memory);
}

static void test_runs_of_models(void **state)
{
    (void)state;
    expect_run("AI.MODELEXECUTE m21 INPUTS 2 t1 t2 OUTPUTS 1 o1 TIMEOUT 60000000",
               " t1 t2", " o1", 60000000);
    expect_run("AI.MODELEXECUTE mx INPUTS 1 t1 OUTPUTS 2 TIMEOUT 5", " t1", " TIMEOUT 5",
               0);
    expect_run("ai.modelexecute m11 inputs 1 t outputs 1 o", " t", " o", 0);
    expect_run("AI.MODELRUN m21 INPUTS t1 t2 OUTPUTS o1", " t1 t2", " o1", 0);
    expect_run("AI.MODELRUN mx TIMEOUT 7 INPUTS t1 OUTPUTS o1 o2", " t1", " o1 o2", 7);
}

static void test_runs_of_scripts(void **state)
{
    (void)state;
    expect_run("AI.SCRIPTRUN s f INPUTS t2 OUTPUTS o2", " t2", " o2", 0);
    expect_run("AI.SCRIPTRUN s f TIMEOUT 9 INPUTS t1 $ t2 t3 OUTPUTS o2", " t1 t2 t3",
               " o2", 9);
    expect_run("AI.SCRIPTRUN s f INPUTS $ t2 t3 OUTPUTS o2", " t2 t3", " o2", 0);
    expect_run("AI.SCRIPTRUN s f INPUTS t2 t3 $ OUTPUTS o2", " t2 t3", " o2", 0);
    expect_run("AI.SCRIPTRUN s f OUTPUTS o2 INPUTS t1 $ t2", " t1 t2", " o2", 0);
    expect_run("AI.SCRIPTRUN s f", "", "", 0);
    expect_run("AI.SCRIPTEXECUTE s f INPUTS 2 t1 t2 OUTPUTS 1 o", " t1 t2", " o", 0);
    expect_run(
        "AI.SCRIPTEXECUTE s f KEYS 1 k OUTPUTS 1 o ARGS 2 a b INPUTS 1 t TIMEOUT 3", " t",
        " o", 3);
    expect_run("AI.SCRIPTEXECUTE s f INPUTS 0 OUTPUTS 0", "", "", 0);
    test_parsed p = parsed("AI.SCRIPTEXECUTE s f KEYS 2 k l ARGS 1 KEYS INPUTS 1 t");
    expect_str(p.of.run.function, "f");
    assert_int_equal(p.of.run.n_keys, 2);
    expect_str(p.of.run.keys[1], "l");
    assert_int_equal(p.of.run.n_args, 1);
    expect_str(p.of.run.args[0], "KEYS");
    p = parsed("AI.SCRIPTRUN s f INPUTS t1 t2 $ t3 OUTPUTS o2");
    assert_true(p.of.run.has_list);
    assert_int_equal(p.of.run.i_list, 2);
    test_parsed_fini(&p);
}

/* ---- DAGs ---- */

static void test_a_dag_is_single_assignment(void **state)
{
    (void)state;
    test_parsed p =
        parsed("AI.DAGEXECUTE PERSIST 2 a o LOAD 2 t1 t2 ROUTING r TIMEOUT 12 "
               "|> AI.TENSORSET a FLOAT 1 VALUES 1 "
               "|> AI.MODELEXECUTE m21 INPUTS 2 t1 a OUTPUTS 1 a "
               "|> AI.SCRIPTEXECUTE s f INPUTS 2 a t2 OUTPUTS 2 o p "
               "|> AI.TENSORGET a VALUES");
    const wr_ai_dag *d = &p.of.dag;
    assert_int_equal(d->limit_ms, 12);
    assert_true(d->has_routing && !d->read_only);
    assert_int_equal(d->n_ops, 4);
    assert_int_equal(d->n_slots, 6); /* t1 t2 a a' o p */
    assert_int_equal(d->slot[1].maker, WR_AI_LOADED);
    assert_int_equal(d->op[0].kind, WR_AI_OP_SET);
    assert_int_equal(d->op[0].first_out, 2);
    assert_int_equal(d->op[1].in[0], 0);
    assert_int_equal(d->op[1].in[1], 2);
    assert_int_equal(d->op[1].first_out, 3);
    assert_int_equal(d->op[2].in[0], 3);
    assert_int_equal(d->op[2].in[1], 1);
    assert_int_equal(d->op[2].n_out, 2);
    assert_int_equal(d->slot[5].maker, 2);
    assert_int_equal(d->op[3].in[0], 3);
    assert_int_equal(d->op[3].of.get.show, WR_AI_VALUES);
    assert_int_equal(d->persist_slot[0], 3);
    assert_int_equal(d->persist_slot[1], 4);
    test_parsed_fini(&p);
}

static void test_the_bytes_of_a_blob_are_no_separator(void **state)
{
    (void)state;
    test_parsed p =
        parsed("AI.DAGRUN |> AI.TENSORSET a INT8 2 BLOB |> |> AI.TENSORGET a");
    assert_int_equal(p.of.dag.n_ops, 2);
    assert_int_equal(p.of.dag.op[0].of.set.i_blob, 7);
    assert_memory_equal(p.of.dag.op[0].of.set.view.data, "|>", 2);
    test_parsed_fini(&p);
}

static void test_other_dags(void **state)
{
    (void)state;
    test_parsed p =
        parsed("AI.DAGRUN_RO LOAD 1 t |> AI.MODELRUN m11 INPUTS t OUTPUTS o |> "
               "AI.SCRIPTRUN s f INPUTS o $ t OUTPUTS o |> AI.TENSORGET o");
    assert_true(p.of.dag.read_only);
    assert_int_equal(p.of.dag.op[2].in[0], 2);
    test_parsed_fini(&p);
    p = parsed(
        "AI.DAGEXECUTE_RO ROUTING x |> AI.TENSORSET '' FLOAT 1 |> AI.TENSORGET ''");
    assert_int_equal(p.of.dag.op[1].in[0], 0);
    test_parsed_fini(&p);
    p = parsed("AI.DAGEXECUTE LOAD 2 t t |> AI.SCRIPTEXECUTE s f |> AI.TENSORGET t META");
    assert_int_equal(p.of.dag.op[1].in[0], 1);
    test_parsed_fini(&p);
}

/* ---- the rest ---- */

static void test_info_and_config(void **state)
{
    (void)state;
    test_parsed p = parsed("AI.INFO m RESETSTAT");
    assert_true(p.of.info.reset && !p.of.info.is_script);
    p = parsed("AI.INFO s FOO");
    assert_true(!p.of.info.reset && p.of.info.is_script);
    p = parsed("AI.CONFIG LOADBACKEND torch x.so");
    assert_int_equal(p.of.config.kind, WR_AI_CONFIG_LOADBACKEND);
    assert_string_equal(p.of.config.backend, "torch");
    expect_str(p.of.config.path, "x.so");
    p = parsed("AI.CONFIG BACKENDSPATH p");
    assert_int_equal(p.of.config.kind, WR_AI_CONFIG_BACKENDSPATH);
    p = parsed("AI.CONFIG MODEL_CHUNK_SIZE 5");
    assert_int_equal(p.of.config.n, 5);
    p = parsed("AI.CONFIG GET MODEL_CHUNK_SIZE");
    assert_int_equal(p.of.config.kind, WR_AI_CONFIG_GET_CHUNK_SIZE);
    p = parsed("AI.CONFIG GET backendspath");
    assert_int_equal(p.of.config.kind, WR_AI_CONFIG_GET_BACKENDSPATH);
    p = parsed("AI.CONFIG GET FOO");
    assert_int_equal(p.of.config.kind, WR_AI_CONFIG_GET_OTHER);
}

static void test_load_time_arguments(void **state)
{
    (void)state;
    wr_ai_load l;
    wr_ai_load_defaults(&l);
    assert_int_equal(l.threads_per_queue, 1);
    assert_int_equal(l.chunk_size, 535822336);
    assert_int_equal(l.run_limit_ms, 5000);
    static const char *const pairs[] = {"TF a",
                                        "TFLITE b",
                                        "torch c",
                                        "ONNX d",
                                        "BACKENDSPATH e",
                                        "THREADS_PER_QUEUE 2",
                                        "INTRA_OP_PARALLELISM 3",
                                        "INTER_OP_PARALLELISM 4",
                                        "MODEL_CHUNK_SIZE 5",
                                        "MODEL_EXECUTION_TIMEOUT 1000",
                                        "BACKEND_MEMORY_LIMIT 7"};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        wr_words w = test_cut(&cut_words, pairs[i]);
        expect_ok(wr_ai_load_pair(&l, w.w[0], w.w[1], &err));
    }
    assert_int_equal(l.path[2].n, 1);
    assert_int_equal(l.backends_path.n, 1);
    assert_int_equal(l.threads_per_queue, 2);
    assert_int_equal(l.intra_op_threads, 3);
    assert_int_equal(l.inter_op_threads, 4);
    assert_int_equal(l.chunk_size, 5);
    assert_int_equal(l.run_limit_ms, 1000);
    assert_int_equal(l.memory_limit_mb, 7);
}

static void note_key(void *context, size_t i, unsigned access)
{
    static const char *const letter[] = {"", "r", "w", "rw"};
    wr_text_printf(context, " %.*s:%s", (int)cut_words.w[i].n, cut_words.w[i].p,
                   letter[access]);
}

static void test_keys_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *line, *keys;
    } c[] = {
        {"AI.TENSORSET k FLOAT 1", " k:w"},
        {"AI.TENSORGET k", " k:r"},
        {"AI.MODELGET k", " k:r"},
        {"AI.INFO k", " k:r"},
        {"AI.CONFIG GET x", ""},
        {"AI._MODELSCAN", ""},
        {"PING x", ""},
        {"AI.TENSORGET", ""},
        {"AI.MODELEXECUTE m INPUTS 2 a b OUTPUTS 1 c TIMEOUT 5", " m:r a:r b:r c:w"},
        {"AI.MODELEXECUTE m INPUTS 2 INPUTS OUTPUTS OUTPUTS 1 c",
         " m:r INPUTS:r OUTPUTS:r c:w"},
        {"AI.MODELEXECUTE m INPUTS 9223372036854775807 a", " m:r a:r"},
        {"AI.MODELEXECUTE m INPUTS -1 a", " m:r"},
        {"AI.MODELEXECUTE m INPUTS x a OUTPUTS", " m:r"},
        {"AI.MODELEXECUTE m INPUTS", " m:r"},
        {"AI.MODELRUN m TIMEOUT 5 INPUTS a b OUTPUTS c", " m:r a:r b:r c:w"},
        {"AI.SCRIPTEXECUTE s f KEYS 1 k INPUTS 1 a ARGS 2 x INPUTS OUTPUTS 1 o",
         " s:r k:rw a:r o:w"},
        {"AI.SCRIPTEXECUTE s", " s:r"},
        {"AI.SCRIPTRUN s f INPUTS a $ b OUTPUTS o", " s:r a:r b:r o:w"},
        {"AI.SCRIPTRUN s INPUTS", " s:r"},
        {"AI.DAGEXECUTE LOAD 2 a b PERSIST 1 c ROUTING r TIMEOUT 5 |> AI.MODELEXECUTE m "
         "INPUTS "
         "1 a OUTPUTS 1 c |> AI.SCRIPTEXECUTE s f |> AI.TENSORSET z STRING 1 VALUES "
         "AI.MODELEXECUTE",
         " a:r b:r c:w r:r m:r s:r"},
        {"AI.DAGRUN LOAD 9 a", " a:r"},
        {"AI.DAGRUN |> AI.MODELRUN", ""},
        {"AI.MODELRUN m INPUTS a OUTPUTS b INPUTS c OUTPUTS d",
         " m:r a:r b:w INPUTS:w c:w OUTPUTS:w d:w"},
        {"AI.DAGRUN_RO |> AI.MODELRUN m |>", " m:r"},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        wr_text got = {0};
        wr_ai_keys(test_cut(&cut_words, c[i].line), note_key, &got);
        if (strcmp(got.p == NULL ? "" : got.p, c[i].keys) != 0)
            fail_msg("%s\n    tells '%s', not '%s'", c[i].line, got.p, c[i].keys);
        wr_text_fini(&got);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "AI.TENSORSET t FLOAT 2",
        "AI.TENSORSET t FLOAT 2 VALUES 1 2",
        "AI.TENSORSET t STRING 2 VALUES a b",
        "AI.TENSORSET t STRING 2 BLOB a~b~",
        "AI.SCRIPTRUN s f INPUTS t $ t OUTPUTS o",
        "AI.DAGRUN LOAD 1 t PERSIST 2 a o |> AI.TENSORSET a STRING 1 VALUES x |> "
        "AI.SCRIPTRUN "
        "s f INPUTS t $ a OUTPUTS o |> AI.TENSORGET o |> AI.TENSORGET a |> AI.TENSORGET "
        "t"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        weir_status st = WEIR_ERR_NOMEM;
        for (long n = 0; st != WEIR_OK; n++) {
            test_parsed p;
            wr_words words = test_cut(&cut_words, lines[i]);
            weir_memory_trim(0);
            wr_fail_allocation_after(n);
            st = test_parse(&p, words, &err);
            wr_fail_allocation_after(-1);
            if (st != WEIR_OK) {
                assert_int_equal(st, WEIR_ERR_NOMEM);
                assert_memory_equal(err.text, "ERR ", 4);
            }
            test_parsed_fini(&p); /* harmless after a failure */
            assert_true(n < 100);
        }
    }
    wr_ai_store s = {.n_bytes = 3, .n_chunks = 1, .chunk = &(weir_str){"abc", 3}};
    weir_buffer *b = NULL;
    weir_memory_trim(0);
    wr_fail_allocation_after(0);
    expect_fail(wr_ai_store_bytes(&s, &b, &err), WEIR_ERR_NOMEM, "ERR out of memory");
    wr_fail_allocation_after(-1);
    s.n_bytes = SIZE_MAX;
    expect_fail(wr_ai_store_bytes(&s, &b, &err), WEIR_ERR_NOMEM, "ERR out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_blob_is_viewed_where_it_lies),
        cmocka_unit_test(test_values_of_every_type_reach_their_limits),
        cmocka_unit_test(test_not_a_number_is_a_value),
        cmocka_unit_test(test_strings_may_be_empty),
        cmocka_unit_test(test_no_data_gives_zeros),
        cmocka_unit_test(test_what_a_get_shows),
        cmocka_unit_test(test_modelstore_as_smartredis_sends_it),
        cmocka_unit_test(test_tensorflow_names_its_ends),
        cmocka_unit_test(test_backends_and_devices),
        cmocka_unit_test(test_scripts_with_and_without_entry_points),
        cmocka_unit_test(test_runs_of_models),
        cmocka_unit_test(test_runs_of_scripts),
        cmocka_unit_test(test_a_dag_is_single_assignment),
        cmocka_unit_test(test_the_bytes_of_a_blob_are_no_separator),
        cmocka_unit_test(test_other_dags),
        cmocka_unit_test(test_info_and_config),
        cmocka_unit_test(test_load_time_arguments),
        cmocka_unit_test(test_keys_are_told),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
