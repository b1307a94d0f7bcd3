/* SPDX-License-Identifier: BSD-3-Clause */
/* Every refusal of RedisAI's commands, word for word, and which of several comes first. */
#include "support/expect.h"
#include "wire/redisai/testing.h"

typedef struct refusal {
    const char *words;
    const char *line;
} refusal;

static void expect_refusals(const refusal *r)
{
    for (; r->words != NULL; r++) {
        test_words t;
        test_parsed p;
        wr_words words = test_cut(&t, r->words);
        err = (weir_error){0};
        weir_status st = test_parse(&p, words, &err);
        if (st == WEIR_OK)
            fail_msg("%s\n    is taken, not refused with '%s'", r->words, r->line);
        if (strcmp(err.text, r->line) != 0)
            fail_msg("%s\n    says '%s'\n    not  '%s'", r->words, err.text, r->line);
        assert_int_equal(err.code, st);
    }
}

#define WRONGTYPE "WRONGTYPE Operation against a key holding the wrong kind of value"
#define NO_TENSOR "ERR tensor key is empty or in a different shard"
#define ARITY(c) "ERR wrong number of arguments for '" c "' command"
#define END                                                                              \
    {                                                                                    \
        NULL, NULL                                                                       \
    }

static void test_tensorset(void **state)
{
    (void)state;
    static const refusal r[] = {
        {"AI.TENSORSET t FLOAT", ARITY("AI.TENSORSET")},
        {"AI.TENSORSET hash FOO x", WRONGTYPE}, /* before the syntax */
        {"AI.TENSORSET m FLOAT 1", WRONGTYPE},
        {"AI.TENSORSET t FOO 2", "ERR invalid data type"},
        {"AI.TENSORSET t '' 2", "ERR invalid data type"},
        {"AI.TENSORSET t FLOAT 0", "ERR invalid or negative value found in tensor shape"},
        {"AI.TENSORSET t FLOAT -1",
         "ERR invalid or negative value found in tensor shape"},
        {"AI.TENSORSET t FLOAT 2 x BLOB y",
         "ERR invalid or negative value found in tensor shape"},
        {"AI.TENSORSET t FLOAT 4611686018427387904 4",
         "ERR invalid or negative value found in tensor shape"},
        {"AI.TENSORSET t FLOAT 99999999999999999999",
         "ERR invalid or negative value found in tensor shape"},
        {"AI.TENSORSET t INT8 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
         "ERR tensor shape has more than 15 dimensions"},
        {"AI.TENSORSET t FLOAT 1 BLOB",
         "ERR a single binary string should come after the BLOB "
         "argument in 'AI.TENSORSET' command"},
        {"AI.TENSORSET t FLOAT 1 BLOB abcd more",
         "ERR a single binary string should come after the BLOB argument in "
         "'AI.TENSORSET' "
         "command"},
        {"AI.TENSORSET t FLOAT 2 VALUES 1",
         "ERR wrong number of values was given in 'AI.TENSORSET' command"},
        {"AI.TENSORSET t FLOAT 2 VALUES 1 2 3",
         "ERR wrong number of values was given in 'AI.TENSORSET' command"},
        {"AI.TENSORSET t FLOAT 2 BLOB abcd",
         "ERR data length does not match tensor shape and type"},
        {"AI.TENSORSET t FLOAT 2 BLOB ''",
         "ERR data length does not match tensor shape and type"},
        {"AI.TENSORSET t BOOL 2 BLOB ab", "ERR BOOL tensor elements must be 0 or 1"},
        {"AI.TENSORSET t BOOL 2 BLOB ~a", "ERR BOOL tensor elements must be 0 or 1"},
        {"AI.TENSORSET t STRING 2 BLOB ab~",
         "ERR Number of string elements in data blob does not match tensor length"},
        {"AI.TENSORSET t STRING 1 BLOB ''",
         "ERR Number of string elements in data blob does not match tensor length"},
        {"AI.TENSORSET t STRING 1 BLOB ab",
         "ERR Number of string elements in data blob does not match tensor length"},
        {"AI.TENSORSET t STRING 1 BLOB a~b~",
         "ERR Number of string elements in data blob does not match tensor length"},
        {"AI.TENSORSET t STRING 1 VALUES a~b",
         "ERR C-string value contains null character"},
        {"AI.TENSORSET t INT8 1 VALUES 128", "ERR invalid value"},
        {"AI.TENSORSET t INT8 1 VALUES -129", "ERR invalid value"},
        {"AI.TENSORSET t UINT8 1 VALUES 256", "ERR invalid value"},
        {"AI.TENSORSET t UINT8 1 VALUES -1", "ERR invalid value"},
        {"AI.TENSORSET t UINT64 1 VALUES -1", "ERR invalid value"},
        {"AI.TENSORSET t UINT64 1 VALUES 18446744073709551616", "ERR invalid value"},
        {"AI.TENSORSET t INT32 1 VALUES 2147483648", "ERR invalid value"},
        {"AI.TENSORSET t INT64 1 VALUES 9223372036854775808", "ERR invalid value"},
        {"AI.TENSORSET t INT32 1 VALUES 1.5", "ERR invalid value"},
        {"AI.TENSORSET t INT32 1 VALUES ''", "ERR invalid value"},
        {"AI.TENSORSET t BOOL 1 VALUES 2", "ERR invalid value"},
        {"AI.TENSORSET t BOOL 1 VALUES -1", "ERR invalid value"},
        {"AI.TENSORSET t FLOAT 1 VALUES x", "ERR invalid value"},
        {"AI.TENSORSET t FLOAT 1 VALUES 1x", "ERR invalid value"},
        {"AI.TENSORSET t FLOAT 1 VALUES 1~", "ERR invalid value"},
        {"AI.TENSORSET t FLOAT 1 VALUES ''", "ERR invalid value"},
        {"AI.TENSORSET t FLOAT 1 VALUES 1e39", "ERR invalid value"},
        {"AI.TENSORSET t DOUBLE 1 VALUES 1e999", "ERR invalid value"},
        {"AI.TENSORSET t FLOAT16 1 VALUES 70000", "ERR invalid value"},
        {"AI.TENSORSET t DOUBLE 99999999", "ERR could not save tensor"},
        END};
    expect_refusals(r);
}

static void test_tensorget(void **state)
{
    (void)state;
    static const refusal r[] = {
        {"AI.TENSORGET", ARITY("AI.TENSORGET")},
        {"AI.TENSORGET t META BLOB META", ARITY("AI.TENSORGET")},
        {"AI.TENSORGET none FOO", NO_TENSOR},
        {"AI.TENSORGET hash FOO", WRONGTYPE},
        {"AI.TENSORGET t FOO", "ERR unsupported data format"},
        {"AI.TENSORGET t META ''", "ERR unsupported data format"},
        {"AI.TENSORGET t BLOB VALUES", "ERR both BLOB and VALUES specified"},
        END};
    expect_refusals(r);
}

static void test_modelstore(void **state)
{
    (void)state;
#define NO_BLOB "ERR Insufficient arguments, missing model BLOB"
    static const refusal r[] = {
        {"AI.MODELSTORE m TORCH CPU BLOB", ARITY("AI.MODELSTORE")},
        {"AI.MODELSTORE m FOO CPU BLOB x", "ERR unsupported backend"},
        {"AI.MODELSTORE hash FOO CPU BLOB x", "ERR unsupported backend"},
        {"AI.MODELSTORE m TORCH TPU BLOB x", "ERR Invalid DEVICE"},
        {"AI.MODELSTORE m TORCH CPU: BLOB x", "ERR Invalid DEVICE"},
        {"AI.MODELSTORE m TORCH CPU:a BLOB x", "ERR Invalid DEVICE"},
        {"AI.MODELSTORE m TORCH CPU:-1 BLOB x", "ERR Invalid DEVICE"},
        {"AI.MODELSTORE m TORCH GPU:000001 BLOB x", "ERR Invalid DEVICE"},
        {"AI.MODELSTORE m TORCH '' BLOB x", "ERR Invalid DEVICE"},
        {"AI.MODELSTORE m TORCH CPU BATCHSIZE x BLOB x",
         "ERR Invalid argument for BATCHSIZE"},
        {"AI.MODELSTORE m TORCH CPU BATCHSIZE -1 BLOB x",
         "ERR Invalid argument for BATCHSIZE"},
        {"AI.MODELSTORE m TORCH CPU BATCHSIZE 2 MINBATCHSIZE x BLOB x",
         "ERR Invalid argument for MINBATCHSIZE"},
        {"AI.MODELSTORE m TORCH CPU BATCHSIZE 2 MINBATCHSIZE",
         "ERR Invalid argument for MINBATCHSIZE"},
        {"AI.MODELSTORE m TORCH CPU BATCHSIZE 2 MINBATCHSIZE 1 MINBATCHTIMEOUT x BLOB x",
         "ERR Invalid argument for MINBATCHTIMEOUT"},
        {"AI.MODELSTORE m TORCH CPU MINBATCHSIZE 2 BLOB x",
         "ERR MINBATCHSIZE specified without BATCHSIZE"},
        {"AI.MODELSTORE m TORCH CPU BATCHSIZE 2 MINBATCHTIMEOUT 2 BLOB x",
         "ERR MINBATCHTIMEOUT specified without MINBATCHSIZE"},
        {"AI.MODELSTORE m TORCH CPU TAG x", NO_BLOB},
        {"AI.MODELSTORE m TORCH CPU BATCHSIZE 2 TAG",
         "ERR Invalid argument, expected BLOB"},
        {"AI.MODELSTORE m TORCH CPU TAG x BLOB", NO_BLOB},
        {"AI.MODELSTORE m TF CPU BLOB x", "ERR INPUTS not specified for TF"},
        {"AI.MODELSTORE m TF CPU INPUTS 1 a BLOB x", "ERR OUTPUTS not specified for TF"},
        {"AI.MODELSTORE m TF CPU INPUTS 0 a BLOB x",
         "ERR Invalid argument for input_count"},
        {"AI.MODELSTORE m TF CPU INPUTS a OUTPUTS b",
         "ERR Invalid argument for input_count"},
        {"AI.MODELSTORE m TF CPU INPUTS 1 a OUTPUTS b BLOB x",
         "ERR Invalid argument for output_count"},
        {"AI.MODELSTORE m TF CPU INPUTS 1 a OUTPUTS",
         "ERR Invalid argument for output_count"},
        {"AI.MODELSTORE m TF CPU INPUTS 9 a OUTPUTS 1 b BLOB x",
         "ERR number of model inputs does not match the number of given arguments"},
        {"AI.MODELSTORE m TF CPU INPUTS 1 a OUTPUTS 9 b BLOB x",
         "ERR number of model outputs does not match the number of given arguments"},
        {"AI.MODELSTORE m TF CPU INPUTS 1 a OUTPUTS 1 b", NO_BLOB},
        {"AI.MODELSTORE m TF CPU INPUTS 1 a OUTPUTS 1 b x",
         "ERR Invalid argument, expected BLOB"},
        {"AI.MODELSTORE m TF CPU INPUTS 33 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 "
         "19 20 "
         "21 22 23 24 25 26 27 28 29 30 31 32 33 OUTPUTS 1 b BLOB x",
         "ERR model has more than 32 inputs"},
        {"AI.MODELSTORE m TORCH CPU INPUTS 1 a BLOB x",
         "ERR INPUTS argument should not be specified for this backend"},
        {"AI.MODELSTORE m TORCH CPU OUTPUTS 1 a BLOB x",
         "ERR Invalid argument, expected BLOB"},
        {"AI.MODELSTORE m TORCH CPU BLAB x", "ERR Invalid argument, expected BLOB"},
        {"AI.MODELSTORE hash TORCH CPU BLOB x", WRONGTYPE},
        {"AI.MODELSTORE t TORCH CPU BLOB x", WRONGTYPE},
        {"AI.MODELSTORE s TORCH CPU BLOB x", WRONGTYPE},
        END};
    expect_refusals(r);
}

static void test_modelset(void **state)
{
    (void)state;
    static const refusal r[] = {
        {"AI.MODELSET m TORCH", ARITY("AI.MODELSET")},
        {"AI.MODELSET m FOO CPU", "ERR unsupported backend"},
        {"AI.MODELSET m TORCH TAG x BLOB x", "ERR Invalid DEVICE"},
        {"AI.MODELSET m TFLITE CPU BATCHSIZE 2 BLOB x",
         "ERR Auto-batching not supported by the TFLITE backend"},
        {"AI.MODELSET m TORCH CPU MINBATCHTIMEOUT 2 BLOB x",
         "ERR MINBATCHTIMEOUT specified without BATCHSIZE"},
        {"AI.MODELSET m TORCH CPU BATCHSIZE 2 MINBATCHTIMEOUT 2 BLOB x",
         "ERR MINBATCHTIMEOUT specified without MINBATCHSIZE"},
        {"AI.MODELSET m TORCH CPU MINBATCHSIZE 2 BLOB x",
         "ERR MINBATCHSIZE specified without BATCHSIZE"},
        {"AI.MODELSET m TF CPU",
         "ERR Insufficient arguments, INPUTS and OUTPUTS not specified"},
        {"AI.MODELSET m TF CPU BLOB x", "ERR INPUTS not specified"},
        {"AI.MODELSET m TF CPU INPUTS OUTPUTS b BLOB x", "ERR INPUTS not specified"},
        {"AI.MODELSET m TF CPU INPUTS a BLOB x", "ERR OUTPUTS not specified"},
        {"AI.MODELSET m TF CPU INPUTS a OUTPUTS BLOB x", "ERR OUTPUTS not specified"},
        {"AI.MODELSET m TF CPU INPUTS a OUTPUTS b", NO_BLOB},
        {"AI.MODELSET m TF CPU INPUTS a OUTPUTS b BLOB", NO_BLOB},
        {"AI.MODELSET m TORCH CPU", NO_BLOB},
        {"AI.MODELSET m TORCH CPU BLOB", NO_BLOB},
        {"AI.MODELSET m TORCH CPU INPUTS a BLOB x",
         "ERR INPUTS argument should not be specified for this backend"},
        {"AI.MODELSET hash TORCH CPU BLOB x", WRONGTYPE},
        END};
    expect_refusals(r);
}

static void test_models_and_scripts_by_key(void **state)
{
    (void)state;
    static const refusal r[] = {{"AI.MODELGET", ARITY("AI.MODELGET")},
                                {"AI.MODELGET m META BLOB x", ARITY("AI.MODELGET")},
                                {"AI.MODELGET none", "ERR model key is empty"},
                                {"AI.MODELGET t", WRONGTYPE},
                                {"AI.MODELDEL", ARITY("AI.MODELDEL")},
                                {"AI.MODELDEL m m", ARITY("AI.MODELDEL")},
                                {"AI.MODELDEL none", "ERR model key is empty"},
                                {"AI.MODELDEL s", WRONGTYPE},
                                {"AI._MODELSCAN x", ARITY("AI._MODELSCAN")},
                                {"AI._SCRIPTSCAN x", ARITY("AI._SCRIPTSCAN")},
                                {"AI.SCRIPTGET", ARITY("AI.SCRIPTGET")},
                                {"AI.SCRIPTGET none", "ERR script key is empty"},
                                {"AI.SCRIPTGET m", WRONGTYPE},
                                {"AI.SCRIPTDEL", ARITY("AI.SCRIPTDEL")},
                                {"AI.SCRIPTDEL none", "ERR script key is empty"},
                                {"AI.SCRIPTDEL hash", WRONGTYPE},
                                {"AI.INFO", ARITY("AI.INFO")},
                                {"AI.INFO m RESETSTAT x", ARITY("AI.INFO")},
                                {"AI.INFO none", "ERR cannot find run info for key"},
                                {"AI.INFO t", "ERR cannot find run info for key"},
                                END};
    expect_refusals(r);
}

static void test_scriptstore_and_scriptset(void **state)
{
    (void)state;
#define NO_SOURCE "ERR Insufficient arguments, missing script SOURCE"
#define NO_ENTRIES "ERR Insufficient arguments, missing script entry points"
    static const refusal r[] = {
        {"AI.SCRIPTSTORE s CPU ENTRY_POINTS 1 f SOURCE", ARITY("AI.SCRIPTSTORE")},
        {"AI.SCRIPTSTORE s TPU ENTRY_POINTS 1 f SOURCE x", "ERR Invalid DEVICE"},
        {"AI.SCRIPTSTORE s CPU TAG x SOURCE x y z", NO_ENTRIES},
        {"AI.SCRIPTSTORE s CPU ENTRY_POINTS f SOURCE x y",
         "ERR Non numeric entry points number provided to AI.SCRIPTSTORE command"},
        {"AI.SCRIPTSTORE s CPU ENTRY_POINTS 9 f SOURCE x", NO_ENTRIES},
        {"AI.SCRIPTSTORE s CPU ENTRY_POINTS 0 f SOURCE x", NO_ENTRIES},
        {"AI.SCRIPTSTORE s CPU ENTRY_POINTS 2 f SOURCE x", NO_SOURCE},
        {"AI.SCRIPTSTORE s CPU ENTRY_POINTS 2 f g SOURCE", NO_SOURCE},
        {"AI.SCRIPTSTORE s CPU ENTRY_POINTS 1 f SOURCE x y", ARITY("AI.SCRIPTSTORE")},
        {"AI.SCRIPTSTORE m CPU ENTRY_POINTS 1 f SOURCE x", WRONGTYPE},
        {"AI.SCRIPTSET s CPU SOURCE", ARITY("AI.SCRIPTSET")},
        {"AI.SCRIPTSET s CPU TAG x SOURCE", ARITY("AI.SCRIPTSET")},
        {"AI.SCRIPTSET s CPU TAG t SOURCE x y", ARITY("AI.SCRIPTSET")},
        {"AI.SCRIPTSET s TPU SOURCE x", "ERR Invalid DEVICE"},
        {"AI.SCRIPTSET s CPU TAG x", NO_SOURCE},
        {"AI.SCRIPTSET s CPU FOO x", NO_SOURCE},
        {"AI.SCRIPTSET hash CPU SOURCE x", WRONGTYPE},
        END};
    expect_refusals(r);
}

static void test_modelexecute(void **state)
{
    (void)state;
    static const refusal r[] = {
        {"AI.MODELEXECUTE m21 INPUTS 1 t OUTPUTS 1", ARITY("AI.MODELEXECUTE")},
        {"AI.MODELEXECUTE none FOO 2 t t OUTPUTS 1 o", "ERR model key is empty"},
        {"AI.MODELEXECUTE t FOO 2 t t OUTPUTS 1 o", WRONGTYPE},
        {"AI.MODELEXECUTE m21 FOO 2 t t OUTPUTS 1 o", "ERR INPUTS not specified"},
        {"AI.MODELEXECUTE m21 INPUTS x t t OUTPUTS 1 o",
         "ERR Invalid argument for input_count"},
        {"AI.MODELEXECUTE m21 INPUTS 0 t t OUTPUTS 1 o",
         "ERR Input count must be a positive integer"},
        {"AI.MODELEXECUTE m21 INPUTS -2 t t OUTPUTS 1 o",
         "ERR Input count must be a positive integer"},
        {"AI.MODELEXECUTE m21 INPUTS 9 t t OUTPUTS 1 o",
         "Number of keys given as INPUTS here does not match model definition"},
        {"AI.MODELEXECUTE mx INPUTS 9 t t OUTPUTS 1 o",
         "ERR number of input keys to AI.MODELEXECUTE command does not match the number "
         "of "
         "given arguments"},
        {"AI.MODELEXECUTE mx INPUTS 9223372036854775807 t t OUTPUTS 1 o",
         "ERR number of input keys to AI.MODELEXECUTE command does not match the number "
         "of "
         "given arguments"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t t FOO 1 o", "ERR OUTPUTS not specified"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t OUTPUTS 1 o", "ERR OUTPUTS not specified"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t t OUTPUTS x o",
         "ERR Invalid argument for output_count"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t t OUTPUTS 0 o",
         "ERR Output count must be a positive integer"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t t OUTPUTS 2 o o",
         "Number of keys given as OUTPUTS here does not match model definition"},
        {"AI.MODELEXECUTE mx INPUTS 2 t t OUTPUTS 2 o",
         "ERR number of output keys to AI.MODELEXECUTE command does not match the number "
         "of "
         "given arguments"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t t OUTPUTS 1 o TIMEOUT",
         "ERR No value provided for TIMEOUT"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t t OUTPUTS 1 o TIMEOUT x",
         "ERR Invalid value for TIMEOUT"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t t OUTPUTS 1 o TIMEOUT 0",
         "ERR Invalid value for TIMEOUT"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t t OUTPUTS 1 o TIMEOUT -1",
         "ERR Invalid value for TIMEOUT"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t t OUTPUTS 1 o FOO", "Invalid argument: FOO"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t t OUTPUTS 1 o A\nB", "Invalid argument: A B"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t t OUTPUTS 1 o TIMEOUT 5 FOO",
         "Invalid argument: FOO"},
        {"AI.MODELEXECUTE m21 INPUTS 2 t none OUTPUTS 1 o", NO_TENSOR},
        {"AI.MODELEXECUTE m21 INPUTS 2 t hash OUTPUTS 1 o", WRONGTYPE},
        {"AI.MODELEXECUTE m21 INPUTS 2 none t OUTPUTS 1 o FOO", "Invalid argument: FOO"},
        END};
    expect_refusals(r);
}

static void test_modelrun(void **state)
{
    (void)state;
    static const refusal r[] = {
        {"AI.MODELRUN m11 INPUTS t OUTPUTS", ARITY("AI.MODELRUN")},
        {"AI.MODELRUN none INPUTS t OUTPUTS o", "ERR model key is empty"},
        {"AI.MODELRUN s INPUTS t OUTPUTS o", WRONGTYPE},
        {"AI.MODELRUN m11 FOO t OUTPUTS o", "ERR INPUTS not specified"},
        {"AI.MODELRUN m11 INPUTS t o o", "ERR OUTPUTS not specified"},
        {"AI.MODELRUN m11 INPUTS t t OUTPUTS o",
         "Number of keys given as INPUTS here does not match model definition"},
        {"AI.MODELRUN m11 INPUTS t OUTPUTS o o",
         "Number of keys given as OUTPUTS here does not match model definition"},
        {"AI.MODELRUN m11 TIMEOUT x INPUTS t OUTPUTS o", "ERR Invalid value for TIMEOUT"},
        {"AI.MODELRUN m11 TIMEOUT 0 INPUTS t OUTPUTS o", "ERR Invalid value for TIMEOUT"},
        {"AI.MODELRUN m11 INPUTS none OUTPUTS o", NO_TENSOR},
        {"AI.MODELRUN m11 INPUTS m OUTPUTS o", WRONGTYPE},
        END};
    expect_refusals(r);
}

static void test_scriptexecute(void **state)
{
    (void)state;
#define MISMATCH(what)                                                                   \
    "ERR number of " what " to AI.SCRIPTEXECUTE command does not match the number of "   \
    "given arguments"
#define ALREADY(what) "ERR Already Encountered " what " scope in AI.SCRIPTEXECUTE command"
    static const refusal r[] = {
        {"AI.SCRIPTEXECUTE s", ARITY("AI.SCRIPTEXECUTE")},
        {"AI.SCRIPTEXECUTE none f", "ERR script key is empty"},
        {"AI.SCRIPTEXECUTE m f", WRONGTYPE},
        {"AI.SCRIPTEXECUTE s '' INPUTS 1 t", "ERR function name not specified"},
        {"AI.SCRIPTEXECUTE s f", "ERR KEYS or INPUTS scope must be provided first for "
                                 "AI.SCRIPTEXECUTE command"},
        {"AI.SCRIPTEXECUTE s f OUTPUTS 1 o", "ERR KEYS or INPUTS scope must be provided "
                                             "first for AI.SCRIPTEXECUTE command"},
        {"AI.SCRIPTEXECUTE s f KEYS 1 k KEYS 1 k", ALREADY("KEYS")},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t INPUTS 1 t", ALREADY("INPUTS")},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t ARGS 1 a ARGS 1 a", ALREADY("ARGS")},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t OUTPUTS 1 o OUTPUTS 1 o", ALREADY("OUTPUTS")},
        {"AI.SCRIPTEXECUTE s f INPUTS",
         "ERR Invalid arguments provided to AI.SCRIPTEXECUTE"},
        {"AI.SCRIPTEXECUTE s f INPUTS x",
         "ERR Invalid argument for inputs count in AI.SCRIPTEXECUTE"},
        {"AI.SCRIPTEXECUTE s f INPUTS -1",
         "ERR Invalid argument for inputs count in AI.SCRIPTEXECUTE"},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t ARGS x",
         "ERR Invalid argument for args count in AI.SCRIPTEXECUTE"},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t OUTPUTS x",
         "ERR Invalid argument for outputs count in AI.SCRIPTEXECUTE"},
        {"AI.SCRIPTEXECUTE s f INPUTS 2 t", MISMATCH("inputs")},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t ARGS 2 a", MISMATCH("args")},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t OUTPUTS 2 o", MISMATCH("outputs")},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t TIMEOUT",
         "ERR No value provided for TIMEOUT in AI.SCRIPTEXECUTE"},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t TIMEOUT x", "ERR Invalid value for TIMEOUT"},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t TIMEOUT 0", "ERR Invalid value for TIMEOUT"},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t TIMEOUT 5 OUTPUTS 1 o",
         "ERR Encountered problem parsing AI.SCRIPTEXECUTE"},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 t x",
         "ERR Invalid AI.SCRIPTEXECUTE command. Unexpected argument: x"},
        {"AI.SCRIPTEXECUTE s f KEYS", "ERR Missing arguments after KEYS keyword"},
        {"AI.SCRIPTEXECUTE s f KEYS x",
         "ERR Invalid or negative value found in number of KEYS"},
        {"AI.SCRIPTEXECUTE s f KEYS -1 k",
         "ERR Invalid or negative value found in number of KEYS"},
        {"AI.SCRIPTEXECUTE s f KEYS 2 k",
         "ERR Number of pre declared KEYS to be used in the command does not match the "
         "number of given arguments"},
        {"AI.SCRIPTEXECUTE s f KEYS 1 afar",
         "ERR Some of the KEYS specified in the command hash to slots which aren't "
         "belong to "
         "the current shard"},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 none", NO_TENSOR},
        {"AI.SCRIPTEXECUTE s f INPUTS 1 hash", WRONGTYPE},
        END};
    expect_refusals(r);
}

static void test_scriptrun(void **state)
{
    (void)state;
    static const refusal r[] = {
        {"AI.SCRIPTRUN s", ARITY("AI.SCRIPTRUN")},
        {"AI.SCRIPTRUN none f", "ERR script key is empty"},
        {"AI.SCRIPTRUN hash f", WRONGTYPE},
        {"AI.SCRIPTRUN s '' INPUTS t", "ERR function name not specified"},
        {"AI.SCRIPTRUN s f TIMEOUT 5 TIMEOUT 5",
         "ERR Already encountered an TIMEOUT section in SCRIPTRUN"},
        {"AI.SCRIPTRUN s f INPUTS t TIMEOUT 5",
         "ERR Already encountered an INPUTS section in SCRIPTRUN"},
        {"AI.SCRIPTRUN s f INPUTS t INPUTS t",
         "ERR Already encountered an INPUTS keyword in SCRIPTRUN"},
        {"AI.SCRIPTRUN s f INPUTS t OUTPUTS o OUTPUTS o",
         "ERR Already encountered an OUTPUTS keyword in SCRIPTRUN"},
        {"AI.SCRIPTRUN s f INPUTS t OUTPUTS o INPUTS t",
         "ERR Already encountered an INPUTS keyword in SCRIPTRUN"},
        {"AI.SCRIPTRUN s f $ t",
         "ERR Encountered a variable size list of tensors outside of "
         "input section"},
        {"AI.SCRIPTRUN s f INPUTS t OUTPUTS $ o",
         "ERR Encountered a variable size list of tensors outside of input section"},
        {"AI.SCRIPTRUN s f INPUTS t $ t $ t",
         "ERR Already encountered a variable size list of tensors"},
        {"AI.SCRIPTRUN s f x INPUTS t", "ERR Unrecongnized parameter to SCRIPTRUN"},
        {"AI.SCRIPTRUN s f TIMEOUT", "ERR No value provided for TIMEOUT"},
        {"AI.SCRIPTRUN s f TIMEOUT x INPUTS t", "ERR Invalid value for TIMEOUT"},
        {"AI.SCRIPTRUN s f INPUTS t $ none", NO_TENSOR},
        {"AI.SCRIPTRUN s f INPUTS m", WRONGTYPE},
        END};
    expect_refusals(r);
}

static void test_dag_words(void **state)
{
    (void)state;
    static const refusal r[] = {
        {"AI.DAGEXECUTE LOAD 1 t |>",
         "ERR missing arguments for 'AI.DAGEXECUTE' command"},
        {"AI.DAGEXECUTE_RO LOAD 1 t |>",
         "ERR missing arguments for 'AI.DAGEXECUTE_RO' command"},
        {"AI.DAGRUN LOAD 1", ARITY("AI.DAGRUN")},
        {"AI.DAGRUN_RO LOAD 1", ARITY("AI.DAGRUN_RO")},
        {"AI.DAGRUN ROUTING a LOAD",
         "ERR missing arguments after LOAD keyword in DAG command"},
        {"AI.DAGRUN LOAD x |> AI.TENSORGET a",
         "ERR invalid or negative value found in number of keys to LOAD"},
        {"AI.DAGRUN LOAD 0 |> AI.TENSORGET a",
         "ERR invalid or negative value found in number of keys to LOAD"},
        {"AI.DAGRUN LOAD 2 t |> AI.TENSORGET t",
         "ERR number of keys to LOAD into DAG does not match the number of given "
         "arguments"},
        {"AI.DAGRUN LOAD 1 none |> AI.TENSORGET a", NO_TENSOR},
        {"AI.DAGRUN LOAD 1 hash |> AI.TENSORGET a", WRONGTYPE},
        {"AI.DAGRUN PERSIST |> AI.TENSORGET t",
         "ERR missing arguments after PERSIST keyword in DAG command"},
        {"AI.DAGRUN PERSIST x |> AI.TENSORGET t",
         "ERR invalid or negative value found in number of keys to PERSIST"},
        {"AI.DAGRUN PERSIST -1 a |> AI.TENSORGET t",
         "ERR invalid or negative value found in number of keys to PERSIST"},
        {"AI.DAGRUN PERSIST 2 a |> AI.TENSORGET t",
         "ERR number of keys to PERSIST after DAG execution does not match the number of "
         "given arguments"},
        {"AI.DAGRUN PERSIST 2 a a |> AI.TENSORSET a FLOAT 1",
         "ERR PERSIST keys must be unique"},
        {"AI.DAGRUN PERSIST 1 afar |> AI.TENSORSET afar FLOAT 1",
         "ERR Found keys to persist in DAG command that don't hash to the local shard"},
        {"AI.DAGRUN_RO PERSIST 1 a |> AI.TENSORSET a FLOAT 1",
         "ERR PERSIST cannot be specified in a read-only DAG"},
        {"AI.DAGEXECUTE_RO PERSIST 1 a |> AI.TENSORSET a FLOAT 1",
         "ERR PERSIST cannot be specified in a read-only DAG"},
        {"AI.DAGRUN LOAD 1 t ROUTING", "ERR Missing ROUTING value"},
        {"AI.DAGRUN ROUTING far |> AI.TENSORSET a FLOAT 1",
         "ERR ROUTING value specified in the command hash to slot which does not belong "
         "to "
         "the current shard"},
        {"AI.DAGRUN LOAD 1 t TIMEOUT", "ERR No value provided for TIMEOUT"},
        {"AI.DAGRUN TIMEOUT x |> AI.TENSORSET a FLOAT 1",
         "ERR Invalid value for TIMEOUT"},
        {"AI.DAGRUN TIMEOUT 0 |> AI.TENSORSET a FLOAT 1",
         "ERR Invalid value for TIMEOUT"},
        {"AI.DAGRUN TIMEOUT -5 |> AI.TENSORSET a FLOAT 1",
         "ERR Invalid value for TIMEOUT"},
        {"AI.DAGRUN FOO 1 |> AI.TENSORSET a FLOAT 1",
         "ERR Invalid DAG command. Unexpected argument:  FOO"},
        {"AI.DAGRUN LOAD 1 t LOAD 1 t |> AI.TENSORGET t",
         "ERR Invalid DAG command. Unexpected argument:  LOAD"},
        {"AI.DAGEXECUTE TIMEOUT 5 |> AI.TENSORSET a FLOAT 1",
         "ERR AI.DAGEXECUTE and AI.DAGEXECUTE_RO commands must contain at least one out "
         "of "
         "ROUTING, LOAD, PERSIST keywords"},
        {"AI.DAGEXECUTE |> AI.TENSORSET a FLOAT 1",
         "ERR AI.DAGEXECUTE and AI.DAGEXECUTE_RO commands must contain at least one out "
         "of "
         "ROUTING, LOAD, PERSIST keywords"},
        {"AI.DAGRUN LOAD 1 t", "ERR DAG is empty"},
        {"AI.DAGRUN LOAD 1 t |>", "ERR DAG is empty"},
        {"AI.DAGEXECUTE LOAD 1 t ROUTING x", "ERR DAG is empty"},
        END};
    expect_refusals(r);
}

static void test_dag_ops(void **state)
{
    (void)state;
#define NO_INPUT "ERR INPUT key cannot be found in DAG"
#define NO_TIMEOUT "ERR TIMEOUT not allowed within a DAG command"
#define EXECUTE "AI.DAGEXECUTE LOAD 1 t |> "
    static const refusal r[] = {
        {EXECUTE "AI.MODELDEL m", "Unsupported command within DAG"},
        {EXECUTE "PING", "Unsupported command within DAG"},
        {EXECUTE "AI.TENSORGET t |>", "Unsupported command within DAG"},
        {EXECUTE "|> AI.TENSORGET t", "Unsupported command within DAG"},
        {EXECUTE "AI.MODELRUN m11 INPUTS t OUTPUTS o",
         "Deprecated AI.MODELRUN cannot be used in AI.DAGEXECUTE command"},
        {EXECUTE "AI.SCRIPTRUN s f INPUTS t OUTPUTS o",
         "Deprecated AI.SCRIPTRUN cannot be used in AI.DAGEXECUTE command"},
        {"AI.DAGRUN LOAD 1 t |> AI.MODELEXECUTE m11 INPUTS 1 t OUTPUTS 1 o",
         "AI.MODELEXECUTE cannot be used in a deprecated AI.DAGRUN command"},
        {"AI.DAGRUN LOAD 1 t |> AI.SCRIPTEXECUTE s f INPUTS 1 t OUTPUTS 1 o",
         "AI.SCRIPTEXECUTE cannot be used in a deprecated AI.DAGRUN command"},
        {"AI.DAGEXECUTE_RO LOAD 1 t |> AI.SCRIPTEXECUTE s f INPUTS 1 t OUTPUTS 1 o",
         "ERR AI.SCRIPTEXECUTE command cannot be specified in a read-only DAG"},
        {EXECUTE "AI.TENSORGET none", NO_INPUT},
        {EXECUTE "AI.MODELEXECUTE m11 INPUTS 1 none OUTPUTS 1 o", NO_INPUT},
        {EXECUTE "AI.TENSORGET later |> AI.TENSORSET later FLOAT 1", NO_INPUT},
        {"AI.DAGEXECUTE PERSIST 1 a |> AI.TENSORSET b FLOAT 1",
         "ERR PERSIST key cannot be found in DAG"},
        {EXECUTE "AI.MODELEXECUTE m11 INPUTS 1 t OUTPUTS 1 o TIMEOUT 5", NO_TIMEOUT},
        {EXECUTE "AI.SCRIPTEXECUTE s f INPUTS 1 t OUTPUTS 1 o TIMEOUT 5", NO_TIMEOUT},
        {"AI.DAGRUN LOAD 1 t |> AI.MODELRUN m11 TIMEOUT 5 INPUTS t OUTPUTS o",
         NO_TIMEOUT},
        {"AI.DAGRUN LOAD 1 t |> AI.SCRIPTRUN s f TIMEOUT 5 INPUTS t OUTPUTS o",
         NO_TIMEOUT},
        {EXECUTE "AI.MODELEXECUTE none INPUTS 1 t OUTPUTS 1 o", "ERR model key is empty"},
        {EXECUTE "AI.MODELEXECUTE m21 INPUTS 1 t OUTPUTS 1 o",
         "Number of keys given as INPUTS here does not match model definition"},
        {EXECUTE "AI.SCRIPTEXECUTE none f", "ERR script key is empty"},
        {EXECUTE "AI.SCRIPTEXECUTE s", "ERR function name not specified"},
        {EXECUTE "AI.SCRIPTEXECUTE", ARITY("AI.SCRIPTEXECUTE")},
        {"AI.DAGRUN LOAD 1 t |> AI.SCRIPTRUN s", "ERR function name not specified"},
        {EXECUTE "AI.TENSORSET a FLOAT", ARITY("AI.TENSORSET")},
        {EXECUTE "AI.TENSORSET a FOO 1", "ERR invalid data type"},
        {EXECUTE "AI.TENSORGET", ARITY("AI.TENSORGET")},
        {EXECUTE "AI.TENSORGET t FOO", "ERR unsupported data format"},
        END};
    expect_refusals(r);
}

static void test_config(void **state)
{
    (void)state;
    static const refusal r[] = {
        {"AI.CONFIG", ARITY("AI.CONFIG")},
        {"AI.CONFIG FOO", "ERR unsupported subcommand"},
        {"AI.CONFIG LOADBACKEND FOO x", "ERR unsupported backend"},
        {"AI.CONFIG LOADBACKEND TORCH", ARITY("AI.CONFIG")},
        {"AI.CONFIG BACKENDSPATH", "ERR BACKENDSPATH: missing path argument"},
        {"AI.CONFIG MODEL_CHUNK_SIZE", "ERR MODEL_CHUNK_SIZE: missing chunk size"},
        {"AI.CONFIG MODEL_CHUNK_SIZE 0", "ERR MODEL_CHUNK_SIZE: invalid chunk size"},
        {"AI.CONFIG MODEL_CHUNK_SIZE x", "ERR MODEL_CHUNK_SIZE: invalid chunk size"},
        {"AI.CONFIG GET", ARITY("AI.CONFIG")},
        END};
    expect_refusals(r);
}

static void test_load_time_arguments(void **state)
{
    (void)state;
    static const char *const bad[] = {"THREADS_PER_QUEUE 0",
                                      "THREADS_PER_QUEUE x",
                                      "INTRA_OP_PARALLELISM 0",
                                      "INTER_OP_PARALLELISM -1",
                                      "MODEL_CHUNK_SIZE 0",
                                      "BACKEND_MEMORY_LIMIT 0",
                                      "FOO bar",
                                      "MODEL_EXECUTION_TIMEOUT 999",
                                      "THREADS_PER_QUEUE ''"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        test_words t;
        wr_ai_load load;
        wr_words w = test_cut(&t, bad[i]);
        char line[128];
        wr_ai_load_defaults(&load);
        snprintf(line, sizeof line, "ERR error processing argument: %.*s %.*s",
                 (int)w.w[0].n, w.w[0].p, (int)w.w[1].n, w.w[1].p);
        weir_status st = wr_ai_load_pair(&load, w.w[0], w.w[1], &err);
        assert_int_equal(st, i == 6 ? WEIR_ERR_UNSUPPORTED : WEIR_ERR_ARG);
        assert_string_equal(err.text, line);
    }
}

static void test_an_error_is_not_wanted(void **state)
{
    (void)state;
    test_words t;
    test_parsed p;
    assert_int_equal(test_parse(&p, test_cut(&t, "AI.TENSORSET t FOO 2"), NULL),
                     WEIR_ERR_ARG);
    wr_ai_dag d;
    assert_int_equal(
        wr_ai_parse_dag(&d, test_cut(&t, "AI.TENSORGET t"), &test_look, NULL),
        WEIR_ERR_ARG);
    assert_int_equal(wr_ai_parse_dag(&d, (wr_words){0}, &test_look, NULL), WEIR_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensorset),
        cmocka_unit_test(test_tensorget),
        cmocka_unit_test(test_modelstore),
        cmocka_unit_test(test_modelset),
        cmocka_unit_test(test_models_and_scripts_by_key),
        cmocka_unit_test(test_scriptstore_and_scriptset),
        cmocka_unit_test(test_modelexecute),
        cmocka_unit_test(test_modelrun),
        cmocka_unit_test(test_scriptexecute),
        cmocka_unit_test(test_scriptrun),
        cmocka_unit_test(test_dag_words),
        cmocka_unit_test(test_dag_ops),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_load_time_arguments),
        cmocka_unit_test(test_an_error_is_not_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
