/* SPDX-License-Identifier: BSD-3-Clause */
/* RedisAI's commands, without a server: words in, plain structs out that borrow from the words, and
 * replies through a sink. Refusals carry RedisAI's own line: where a parser fails, err->text is the
 * complete error reply but for its '-', most often "ERR ..", and the code is ERR_ARG, ERR_KEY, ERR_KIND
 * or ERR_NOMEM. Where RedisAI was wrong, Weir isn't: docs/compatibility.md.
 *
 * What depends on the keyspace is asked through wr_ai_look at the moment at which RedisAI asks it, so
 * that the first of several faults is the one reported. Nothing here blocks or takes a lock. */
#ifndef WR_WIRE_REDISAI_REDISAI_H
#define WR_WIRE_REDISAI_REDISAI_H

#include "spec/redisai.h"
#include "wire/wire.h"

/* ---- what the parsers ask ---- */

typedef enum wr_ai_kind {
    WR_AI_NOTHING,
    WR_AI_TENSOR,
    WR_AI_MODEL,
    WR_AI_SCRIPT,
    WR_AI_FOREIGN /* any other value */
} wr_ai_kind;

typedef struct wr_ai_look wr_ai_look;
struct wr_ai_look {
    wr_ai_kind (*kind)(wr_ai_look *l, weir_str key);

    /* Of a key that holds a model: how many inputs and outputs; -1: not known. */
    void (*counts)(wr_ai_look *l, weir_str key, int *n_in, int *n_out);

    /* (optional) Does a key's slot belong to this shard? NULL: there are no shards. */
    bool (*local)(wr_ai_look *l, weir_str key);

    /* (optional) May a tensor of so many bytes be made up (zeros)? NULL: any may. */
    bool (*fits)(wr_ai_look *l, size_t bytes);
};

/* ---- words of RedisAI's ---- */

/* "onnx" of ONNX; NULL: none. `upper`, if not NULL, gets RedisAI's own spelling, "ONNX". */
const char *wr_ai_backend(weir_str word, const char **upper);
/* "ONNX" of "onnx". */
const char *wr_ai_backend_word(const char *name);
/* CPU, GPU, CPU:n, GPU:n. CPU:n is the host, GPU the first. */
bool wr_ai_device(weir_str word, weir_device *out);

/* The command of a word "AI.TENSORSET", any case; WR_AI_COMMAND_COUNT: none. */
wr_ai_command wr_ai_command_of(weir_str word);

/* ---- tensors ---- */

/* AI.TENSORSET. Either `buffer` holds the tensor (owned), or `view` lies in word i_blob. */
typedef struct wr_ai_tensorset {
    weir_str key;
    weir_tensor view;
    size_t i_blob;       /* 0: none */
    weir_buffer *buffer; /* one reference */
} wr_ai_tensorset;

/* `out` is to be finished after success; it is all zero after a failure. */
weir_status wr_ai_parse_tensorset(wr_ai_tensorset *out, wr_words words, wr_ai_look *look,
                                  weir_error *err);
void wr_ai_tensorset_fini(wr_ai_tensorset *t);

/* What a reply about a tensor, model or script shows. */
enum { WR_AI_META = 1, WR_AI_BLOB = 2, WR_AI_VALUES = 4 };

/* AI.TENSORGET, AI.MODELGET, AI.SCRIPTGET (SOURCE is the BLOB); _DEL with show 0. */
typedef struct wr_ai_get {
    weir_str key;
    unsigned show;
} wr_ai_get;

weir_status wr_ai_parse_tensorget(wr_ai_get *out, wr_words words, wr_ai_look *look,
                                  weir_error *err);

/* ---- models and scripts ---- */

/* AI.MODELSTORE, AI.MODELSET, AI.SCRIPTSTORE, AI.SCRIPTSET. */
typedef struct wr_ai_store {
    weir_str key;
    bool is_script;
    const char *backend_word;   /* "TORCH" */
    weir_str device_word;       /* as given */
    weir_model_options options; /* backend, device, tag, batch, names */
    const weir_str *chunk; /* the model's bytes in n_chunks words, n_bytes together */
    size_t n_chunks;
    size_t n_bytes;
    const weir_str *entry; /* script: the entry points that the words name */
    size_t n_entries;
} wr_ai_store;

weir_status wr_ai_parse_modelstore(wr_ai_store *out, wr_words words, wr_ai_look *look,
                                   weir_error *err);
weir_status wr_ai_parse_modelset(wr_ai_store *out, wr_words words, wr_ai_look *look,
                                 weir_error *err);
weir_status wr_ai_parse_scriptstore(wr_ai_store *out, wr_words words, wr_ai_look *look,
                                    weir_error *err);
weir_status wr_ai_parse_scriptset(wr_ai_store *out, wr_words words, wr_ai_look *look,
                                  weir_error *err);

/* The chunks as one U8 buffer: the only copy. */
weir_status wr_ai_store_bytes(const wr_ai_store *s, weir_buffer **out, weir_error *err);

weir_status wr_ai_parse_modelget(wr_ai_get *out, wr_words words, wr_ai_look *look,
                                 weir_error *err);
weir_status wr_ai_parse_modeldel(wr_ai_get *out, wr_words words, wr_ai_look *look,
                                 weir_error *err);
weir_status wr_ai_parse_scriptget(wr_ai_get *out, wr_words words, wr_ai_look *look,
                                  weir_error *err);
weir_status wr_ai_parse_scriptdel(wr_ai_get *out, wr_words words, wr_ai_look *look,
                                  weir_error *err);

/* AI._MODELSCAN, AI._SCRIPTSCAN: nothing but their number of words. */
weir_status wr_ai_parse_scan(wr_words words, weir_error *err);

/* ---- runs ---- */

/* AI.MODELEXECUTE, AI.MODELRUN, AI.SCRIPTEXECUTE, AI.SCRIPTRUN. */
typedef struct wr_ai_run {
    weir_str key;
    weir_str function; /* empty: a model */
    const weir_str *in;
    size_t n_in;
    const weir_str *out;
    size_t n_out;
    const weir_str *keys; /* KEYS of a script: names it may touch */
    size_t n_keys;
    const weir_str *args; /* ARGS of a script */
    size_t n_args;
    bool has_list;    /* SCRIPTRUN: inputs from i_list on are one list argument */
    size_t i_list;    /* .. */
    int64_t limit_ms; /* 0: none */
    weir_str *memory; /* owned; `in` when a `$` stood in the middle */
} wr_ai_run;

/* The same rule as for tensorset. */
weir_status wr_ai_parse_modelexecute(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                     weir_error *err);
weir_status wr_ai_parse_modelrun(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                 weir_error *err);
weir_status wr_ai_parse_scriptexecute(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                      weir_error *err);
weir_status wr_ai_parse_scriptrun(wr_ai_run *out, wr_words words, wr_ai_look *look,
                                  weir_error *err);
void wr_ai_run_fini(wr_ai_run *r);

/* ---- DAGs ---- */

typedef enum wr_ai_op_kind {
    WR_AI_OP_SET, /* gives slot first_out */
    WR_AI_OP_GET, /* shows slot in[0] */
    WR_AI_OP_RUN  /* in[..] to slots first_out .. first_out + run.n_out - 1 */
} wr_ai_op_kind;

typedef struct wr_ai_op {
    wr_ai_op_kind kind;
    union {
        wr_ai_tensorset set;
        wr_ai_get get;
        wr_ai_run run;
    } of;
    size_t *in; /* n_in slots, in the dag's memory */
    size_t n_in;
    size_t first_out, n_out;
} wr_ai_op;

/* A name at one point of time. Slots 0 .. n_load - 1 are the loaded keys in order; each write to a
 * name makes a new one, so a slot is written once. */
typedef struct wr_ai_slot {
    weir_str name;
    size_t maker; /* index of the op that gives it; WR_AI_LOADED: a stored tensor */
} wr_ai_slot;
#define WR_AI_LOADED SIZE_MAX

/* AI.DAGEXECUTE, AI.DAGRUN and their _RO. */
typedef struct wr_ai_dag {
    bool read_only;
    const weir_str *load;
    size_t n_load;
    const weir_str *persist;
    size_t n_persist;
    size_t *persist_slot; /* what each is at the end */
    bool has_routing;
    weir_str routing;
    int64_t limit_ms; /* 0: none */
    wr_ai_op *op;
    size_t n_ops;
    wr_ai_slot *slot;
    size_t n_slots;
    size_t *memory; /* owned: all `in` and persist_slot */
} wr_ai_dag;

/* All four, told by their first word. The same rule as for tensorset. */
weir_status wr_ai_parse_dag(wr_ai_dag *out, wr_words words, wr_ai_look *look,
                            weir_error *err);
void wr_ai_dag_fini(wr_ai_dag *d);

/* ---- AI.INFO, AI.CONFIG, load-time arguments ---- */

typedef struct wr_ai_info {
    weir_str key;
    bool is_script;
    bool reset;
} wr_ai_info;
weir_status wr_ai_parse_info(wr_ai_info *out, wr_words words, wr_ai_look *look,
                             weir_error *err);

typedef enum wr_ai_config_kind {
    WR_AI_CONFIG_LOADBACKEND,
    WR_AI_CONFIG_BACKENDSPATH,
    WR_AI_CONFIG_CHUNK_SIZE,
    WR_AI_CONFIG_GET_BACKENDSPATH,
    WR_AI_CONFIG_GET_CHUNK_SIZE,
    WR_AI_CONFIG_GET_OTHER /* the reply is nil */
} wr_ai_config_kind;

typedef struct wr_ai_config {
    wr_ai_config_kind kind;
    const char *backend; /* "torch" */
    weir_str path;
    int64_t n; /* bytes of a chunk */
} wr_ai_config;
weir_status wr_ai_parse_config(wr_ai_config *out, wr_words words, weir_error *err);

enum { WR_AI_CHUNK_SIZE = 511 * 1024 * 1024 }; /* bytes, the default */

/* The backends that RedisAI knows and Weir may have. */
enum { WR_AI_N_BACKENDS = 4 };

/* Arguments behind --loadmodule, in pairs. Begin with wr_ai_load_defaults. */
typedef struct wr_ai_load {
    weir_str backends_path; /* empty: beside the module */
    weir_str path
        [WR_AI_N_BACKENDS]; /* TF, TFLITE, TORCH, ONNX: wanted now; empty: when needed */
    int64_t threads_per_queue; /* 1 */
    int64_t intra_op_threads;  /* 0: the backend's own choice */
    int64_t inter_op_threads;  /* 0: .. */
    int64_t chunk_size;        /* bytes */
    int64_t run_limit_ms;      /* longest run */
    int64_t memory_limit_mb;   /* of a backend; 0: none */
} wr_ai_load;
void wr_ai_load_defaults(wr_ai_load *l);

/* One pair. ERR_UNSUPPORTED: not one of RedisAI's words; ERR_ARG: a bad value. Both with RedisAI's
 * line for the log. */
weir_status wr_ai_load_pair(wr_ai_load *l, weir_str name, weir_str value,
                            weir_error *err);

/* ---- keys, for a cluster ---- */

enum { WR_AI_KEY_READ = 1, WR_AI_KEY_WRITE = 2 };

/* Which words are keys, in order. Safe for any words: nothing has been parsed yet. */
void wr_ai_keys(wr_words words,
                void (*each)(void *context, size_t i_word, unsigned access),
                void *context);

/* ---- replies ---- */

/* +OK */
void wr_ai_reply_ok(wr_sink *s);
/* +TIMEDOUT, RedisAI's reply when a limit passed. */
void wr_ai_reply_timed_out(wr_sink *s);
/* A parser's line as it is. */
void wr_ai_reply_refusal(wr_sink *s, const weir_error *err);

/* What is being done, for the text of a failure that a handler reports. */
typedef enum wr_ai_task { WR_AI_ON_TENSOR, WR_AI_ON_MODEL, WR_AI_ON_SCRIPT } wr_ai_task;
enum { WR_AI_LINE_MAX = WEIR_ERROR_TEXT_MAX + 8 };
/* RedisAI's line for a handler's failure, on one line. Returns `line`. */
const char *wr_ai_line(char line[WR_AI_LINE_MAX], wr_ai_task task, weir_status st,
                       const weir_error *err);
/* +TIMEDOUT for ERR_TIMEOUT, else that line. */
void wr_ai_reply_failure(wr_sink *s, wr_ai_task task, weir_status st,
                         const weir_error *err);

/* A host tensor as `show` says. */
void wr_ai_reply_tensor(wr_sink *s, weir_buffer *b, unsigned show);

typedef struct wr_ai_model_view {
    const char *backend_word; /* model */
    weir_str device_word;
    weir_str tag;
    int64_t batch_max, batch_min, batch_wait_ms;
    const weir_str
        *in; /* names of inputs, as far as they are known; script: entry points */
    size_t n_in;
    const weir_str *out;
    size_t n_out;
    weir_buffer
        *bytes; /* borrowed: the model, or the script's text; wanted with WR_AI_BLOB */
    int64_t chunk_size; /* bytes, > 0 */
} wr_ai_model_view;
void wr_ai_reply_model(wr_sink *s, const wr_ai_model_view *v, unsigned show);
void wr_ai_reply_script(wr_sink *s, const wr_ai_model_view *v, unsigned show);

typedef struct wr_ai_info_view {
    weir_str key;
    bool is_script;
    const char *backend_word;
    weir_str device_word;
    weir_str tag;
    uint64_t duration_us; /* of all calls */
    uint64_t n_samples;   /* -1 is shown for a script */
    uint64_t n_calls;
    uint64_t n_errors;
} wr_ai_info_view;
void wr_ai_reply_info(wr_sink *s, const wr_ai_info_view *v);

/* n entries follow, each by _scan_entry. */
void wr_ai_reply_scan(wr_sink *s, size_t n);
void wr_ai_reply_scan_entry(wr_sink *s, weir_str key, weir_str tag);

/* What a configuration question gives. */
void wr_ai_reply_config(wr_sink *s, const wr_ai_config *c, weir_str backends_path,
                        int64_t chunk_size);

/* What became of one op of a DAG. */
typedef enum wr_ai_outcome_kind {
    WR_AI_NOT_RUN, /* +NA: an op before it failed */
    WR_AI_DONE,    /* +OK, or for GET the slot's value (NULL: +NA) */
    WR_AI_FAILED   /* -line */
} wr_ai_outcome_kind;
typedef struct wr_ai_outcome {
    wr_ai_outcome_kind kind;
    const char *line;   /* FAILED: the error's line; borrowed */
    weir_buffer *value; /* GET: borrowed */
} wr_ai_outcome;
void wr_ai_reply_dag(wr_sink *s, const wr_ai_dag *d, const wr_ai_outcome *outcome);

/* Texts that the module needs too. */
#define WR_AI_TEXT_WRONGTYPE                                                             \
    "WRONGTYPE Operation against a key holding the wrong kind of value"
#define WR_AI_TEXT_NO_TENSOR "ERR tensor key is empty or in a different shard"
#define WR_AI_TEXT_NO_MODEL "ERR model key is empty"
#define WR_AI_TEXT_NO_SCRIPT "ERR script key is empty"
#define WR_AI_TEXT_NO_INFO "ERR cannot find run info for key"
#define WR_AI_TEXT_IN_TRANSACTION                                                        \
    "ERR Cannot run RedisAI command within a transaction or a LUA script"
#define WR_AI_TEXT_NO_BACKEND "ERR Could not load backend"
#define WR_AI_TEXT_BACKEND_LOAD "ERR error loading backend"
#define WR_AI_TEXT_NO_QUEUE "ERR Could not initialize queue on requested device"
#define WR_AI_TEXT_NOT_SAVED "ERR could not save tensor"

#endif
