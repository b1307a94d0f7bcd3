/* SPDX-License-Identifier: BSD-3-Clause */
/* What an inference backend provides, and what it gets from its host.
 *
 * A backend is one folder under src/backends, one shared object weir_backend_NAME.so found at run
 * time, and one global symbol, wr_backend_entry. The engine owns queues, batching, guards, timing,
 * copies, device names and reference counts; a backend only loads and runs. A backend does not link
 * libweir: what it needs of it comes through wr_backend_host, so that one file serves every program.
 */
#ifndef WR_ENGINE_BACKEND_H
#define WR_ENGINE_BACKEND_H

#include "weir/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Changed when a member changes its meaning, or when a struct that does not tell its size grows (2:
 * wr_load_args.functions, wr_run_args.keys, args and calls). The loader takes no other. */
#define WR_BACKEND_ABI 2u

/* What the engine lends a backend for its life. Later versions append members. */
typedef struct wr_backend_host {
    uint32_t abi;
    uint32_t bytes; /* sizeof(wr_backend_host) */
    int threads;    /* budget of compute threads for all backends together, never more */
    bool spin;      /* idle pools may spin */
    weir_status (*fail)(weir_error *err, weir_status st, const char *fmt, ...)
        WEIR_PRINTF(3, 4);
    weir_status (*buffer_new)(weir_buffer **out, weir_dtype dtype, int rank,
                              const int64_t *shape, weir_error *err);
    weir_status (*buffer_wrap)(weir_buffer **out, const weir_tensor *view,
                               void (*release)(void *context), void *context,
                               weir_error *err);
    void (*buffer_unref)(weir_buffer *b);
    weir_tensor (*buffer_view)(const weir_buffer *b);
    void *(*alloc)(size_t n);
    void (*free)(void *p);
} wr_backend_host;

/* What is to be loaded. Everything is borrowed until load returns. */
typedef struct wr_load_args {
    weir_str name;    /* the model's name, for messages */
    const void *blob; /* the model file's bytes, or a script's text */
    size_t n_blob;
    bool is_script;
    weir_device device;
    int threads;            /* of one run, at least 1 */
    const weir_str *inputs; /* names given by the user, may be none */
    int n_inputs;
    const weir_str *outputs;
    int n_outputs;
    const weir_str *functions; /* entry points of a script, may be none */
    int n_functions;
} wr_load_args;

/* One output of a run. With view.data set, the backend checks dtype and shape against what the model
 * gives and writes there; with view.data NULL it makes a buffer (host->buffer_new, or buffer_wrap
 * around its own memory) and sets `buffer`, one reference to the engine. */
typedef struct wr_output {
    weir_tensor view;
    weir_buffer *buffer;
} wr_output;

/* A server's answer to a command that a script gave. */
typedef enum wr_answer_kind {
    WR_ANSWER_NIL,
    WR_ANSWER_INTEGER,
    WR_ANSWER_REAL,
    WR_ANSWER_TEXT,
    WR_ANSWER_LIST,
    WR_ANSWER_ERROR
} wr_answer_kind;

typedef struct wr_answer wr_answer;
struct wr_answer {
    wr_answer_kind kind;
    int64_t integer;
    double real;
    weir_str text; /* of TEXT and ERROR; any bytes */
    const wr_answer *item;
    size_t n_items;
};

/* What scripts may ask of who runs them, on the thread of the run, which holds a place meanwhile. */
typedef struct wr_script_calls {
    void *context;
    /* redis.execute(word, ..): *out is the answer, valid until it is released. */
    weir_status (*execute)(void *context, const weir_str *word, size_t n,
                           const wr_answer **out, weir_error *err);
    void (*release)(void *context, const wr_answer *reply);
    /* redisAI.model_execute(key, inputs, n): views without data in `out`; each gets a buffer. Not with
     * wr_engine_run, which would wait for a place: wr_engine_run_inside. */
    weir_status (*model_execute)(void *context, weir_str key, const weir_tensor *in,
                                 int n_in, wr_output *out, int n_out,
                                 weir_deadline deadline, weir_error *err);
} wr_script_calls;

typedef struct wr_backend_model wr_backend_model; /* each backend's own */
typedef struct wr_backend_place wr_backend_place; /* each backend's own; see place_new */

typedef struct wr_run_args {
    weir_str function; /* of a script; empty for a model */
    const weir_tensor
        *in; /* contiguous, C order, element-aligned, on the model's device or host */
    int n_in;
    wr_output *out; /* views with data are contiguous, C order */
    int n_out;
    weir_deadline
        deadline; /* WEIR_NEVER, or stop soon after it where the library allows */
    wr_backend_place
        *place; /* this run's own for its time; NULL when the backend has no place_new */
    const weir_str
        *keys; /* of a script: what its lists of texts get; any bytes, NUL too */
    int n_keys;
    const weir_str *args;
    int n_args;
    const wr_script_calls *calls; /* NULL: a script that asks for one fails */
} wr_run_args;

typedef struct wr_backend_ops {
    uint32_t abi;     /* WR_BACKEND_ABI */
    uint32_t bytes;   /* sizeof(wr_backend_ops); later versions append members */
    const char *name; /* "onnx", as users write it; static */
    const char *hint; /* what to install when its library is missing; static */

    /* Find and start the library. Called once, before anything else, under a lock. `host` outlives
     * the backend. On failure (ERR_BACKEND) the text says what was looked for where. */
    weir_status (*start)(const wr_backend_host *host, weir_error *err);

    /* The library's version, static text. After start. */
    const char *(*version)(void);

    /* Do these first bytes look like a model of this backend? No allocation; any bytes. */
    bool (*recognises)(const void *blob, size_t n);

    /* Load a model or compile a script, on any thread, several at once. Fills *info: inputs,
     * outputs, n_parameters, writes_inputs (must be true if a run may change its input). On failure
     * *out is untouched and nothing is held.
     *
     * What a script is refused for ends in the sentence that RedisAI has for it, verbatim, which
     * wr_error_sentence finds for adapters. Loading, of the entry points in args->functions:
     *   Function F does not exist in the given script.
     *   Wrong number of inputs in function F. Expected 3 but was N
     *   Wrong inputs type in function F. Expected signature similar to: def F(tensors: List[Tensor],
     *     keys: List[str], args: List[str])                                            [one line]
     * Running:
     *   Function does not exist: F
     *   Wrong number of inputs provided to function: F
     *   Unsupported input type in function definition: F
     *   Function returned unexpected number of outputs - F
     *   Function returned non-tensor valuesF                                         [no blank] */
    weir_status (*load)(wr_backend_model **out, const wr_load_args *args,
                        weir_model_info *info, weir_error *err);

    /* Run once. Several threads at once for one model. On failure no output buffer is held. A
     * function of a script gets the inputs by position, a list of tensors takes the rest; the first
     * list of texts gets the keys, the second the arguments. So entry points are called as any. */
    weir_status (*run)(wr_backend_model *m, const wr_run_args *args, weir_error *err);

    /* Release everything. No run is in flight. Never fails. */
    void (*unload)(wr_backend_model *m);

    /* (optional, only with place_new) stop: make the run that has this place, or the next one if it
     * has not begun, end soon with ERR_TIMEOUT; called from another thread. Not stop: that run is
     * over, forget the wish. */
    void (*interrupt)(wr_backend_place *p, bool stop);

    /* (optional, both or none) State that serves one run at a time: cached handles, a stop switch.
     * The engine keeps places with the model and reuses them; place_free comes before unload. */
    weir_status (*place_new)(wr_backend_place **out, wr_backend_model *m,
                             weir_error *err);
    void (*place_free)(wr_backend_place *p);
} wr_backend_ops;

/* The only global symbol of a backend's shared object. */
#define WR_BACKEND_ENTRY "wr_backend_entry"
WEIR_API const wr_backend_ops *wr_backend_entry(void);

#ifdef __cplusplus
}
#endif
#endif
