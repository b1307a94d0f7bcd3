/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests, replies, and the handlers between them. A request borrows everything it names; keys are
 * whole (prefixes applied by the client). A reply's results belong to the caller. */
#ifndef WR_SERVICE_SERVICE_H
#define WR_SERVICE_SERVICE_H

#include <stdatomic.h>

#include "base/limit.h"
#include "base/text.h"
#include "engine/engine.h"
#include "keyspace/keyspace.h"
#include "spec/commands.h"
#include "weir/client.h"

typedef struct wr_service wr_service;

typedef struct wr_req {
    wr_command command;
    weir_kind kind;        /* of exists, del, copy, rename, poll, and *_model */
    weir_str key;          /* the key; of a dataset its base "prefix.{name}" */
    weir_str to;           /* destination key or base; the dataset base of list_append */
    weir_str function;     /* of a script */
    const weir_tensor *in; /* put: one; infer: n_in */
    int n_in;
    const weir_tensor
        *out; /* get: one; infer: n_out; their memory is written on success */
    int n_out;
    bool give_buffers; /* get, infer: results go to rep->buffer instead of `out` .. */
    bool share;        /* .. and may be the stored ones: nobody will write them */
    const weir_str *in_keys; /* run */
    const weir_str *out_keys;
    const weir_str *script_keys; /* run of a script's entry point: its `keys` and .. */
    int n_script_keys;
    const weir_str *script_args; /* .. its `args` */
    int n_script_args;
    const wr_script_calls *script_calls; /* what a script may ask; NULL: nothing */
    bool
        lenient; /* run: inputs may differ in rows, as in RedisAI; such a run is not gathered */
    weir_buffer *buffer;               /* put without a copy; set_model's bytes */
    const weir_dataset *dataset;       /* put_dataset */
    const weir_model_options *options; /* set_model */
    const struct wr_steps *steps;      /* pipeline */
    bool in_order;       /* pipeline: one run after another, all on the calling thread */
    weir_str put_prefix; /* pipeline: before kept names, with its dot */
    weir_str get_prefix; /* pipeline: before loaded names */
    int64_t first, last; /* list_get */
    bool reset;          /* model_statistics */
    bool by_length;      /* poll: not whether it exists, but .. */
    weir_compare how;    /* .. how its length compares with .. */
    int64_t length;
    wr_limit limit;
} wr_req;

typedef struct wr_rep {
    bool flag;                        /* exists */
    int64_t number;                   /* list_length */
    weir_tensor tensor;               /* describe */
    weir_buffer *buffer[WEIR_IO_MAX]; /* one reference each */
    int n_buffers;
    weir_dataset *dataset;   /* get_dataset */
    weir_dataset **datasets; /* list_get */
    size_t n_datasets;
    weir_model_info *info;   /* the caller's memory, filled */
    weir_model_stats *stats; /* the caller's memory, filled */
    size_t copied_bytes;     /* that a transport had to unpack */
} wr_rep;

struct wr_service {
    wr_keyspace *keyspace;
    wr_engine *engine;
    /* A statistic is the sum of the two. */
    atomic_uint_fast64_t count_locked[WR_CMD_COUNT][WR_COUNTER_COUNT];
    atomic_uint_fast64_t count[WR_CMD_COUNT][WR_COUNTER_COUNT];
};

/* Handle one request. Everything but `infer`, `run`, `set_model` and waiting for room is short. */
weir_status wr_service_handle(wr_service *s, const wr_req *req, wr_rep *rep,
                              weir_error *err);

/* A run in three stages, for those who must not wait in the middle. Begin resolves and hands the job to
 * the engine; `executed` is called, once, on an engine thread, when it has run or failed. End publishes
 * what a run gave, or hands the results of infer to `rep`, and releases the run: on any thread, once.
 * The caller keeps `req` and what it names until then. */
typedef struct wr_run wr_run;
weir_status wr_service_begin_run(wr_service *s, const wr_req *req,
                                 void (*executed)(void *context, wr_run *run),
                                 void *context, weir_error *err);
weir_status wr_service_end_run(wr_run *run, wr_rep *rep, weir_error *err);
void wr_service_drop_run(wr_run *run); /* instead: nobody wants what it gave */

/* All three stages at once on the calling thread, if that takes no waiting and the model is expected to
 * run for less than bound_ns; else *done is false and nothing has happened. */
weir_status wr_service_try_run(wr_service *s, const wr_req *req, int64_t bound_ns,
                               wr_rep *rep, bool *done, weir_error *err);

/* The literal key to watch for a value of this kind, appended to an empty text. */
void wr_service_watch_key(wr_text *out, weir_kind kind, weir_str key);

/* Is the value the kind asked for, and complete? For watches. */
bool wr_service_is_kind(weir_kind kind, wr_value v);

/* Is what a poll waits for so? */
bool wr_service_is_met(const wr_req *poll, wr_value v);

/* Counters of one command; safe from any thread. */
static inline void wr_count(wr_service *s, wr_command c, wr_counter k, uint64_t n)
{
    atomic_fetch_add_explicit(&s->count[c][k], n, memory_order_relaxed);
}

/* The same with the keyspace's lock held: a fifth of the cost. */
static inline void wr_count_locked(wr_service *s, wr_command c, wr_counter k, uint64_t n)
{
    uint64_t old = atomic_load_explicit(&s->count_locked[c][k], memory_order_relaxed);
    atomic_store_explicit(&s->count_locked[c][k], old + n, memory_order_relaxed);
}

static inline void wr_count_copy(wr_service *s, wr_command c, size_t bytes)
{
    wr_count(s, c, WR_COUNTER_copies, 1);
    wr_count(s, c, WR_COUNTER_copied_bytes, bytes);
}

/* All statistics by name; fills up to n, returns how many there are. */
size_t wr_service_statistics(wr_service *s, weir_stat *out, size_t n);

/* The outputs of a run have names of their own, or ERR_ARG. */
weir_status wr_check_out_keys(const wr_req *req, weir_error *err);

/* Type and shape equal, or the status and a sentence that name both. */
weir_status wr_check_same(weir_str key, const weir_tensor *held, const weir_tensor *asked,
                          weir_error *err);

/* For C string formats: SmartRedis's kinds of value as users call them, "tensor". */
const char *wr_kind_name(weir_kind kind);

#endif
