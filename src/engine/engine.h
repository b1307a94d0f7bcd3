/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine: models by version, one queue per device, dynamic batching, row blocks, guards,
 * deadlines, statistics. It knows no keyspace and no transport: inputs and outputs are views.
 *
 * How a job runs. A device has as many places as the thread budget allows runs at once. A job that
 * finds a place free runs at once on the calling thread; otherwise it queues. Who frees a place takes
 * the next job of the queue, gathers queued jobs of the same model and signature up to the model's
 * limits, and hands the place to that job's own thread, so that an engine used only by blocking calls
 * has no threads of its own. Submitted jobs are run by workers, started when first needed, never more
 * than places, asleep on a condition when there is nothing to do: an idle engine makes no wake-ups. */
#ifndef WR_ENGINE_ENGINE_H
#define WR_ENGINE_ENGINE_H

#include "engine/backend.h"
#include "weir/client.h" /* weir_backend_info */

typedef struct wr_engine wr_engine;
typedef struct wr_model wr_model;

typedef struct wr_engine_options {
    int threads;        /* 0: the affinity mask */
    bool oversubscribe; /* threads may exceed the mask */
    bool spin;
    weir_str backend_path; /* empty: WEIR_BACKEND_PATH, then beside the library */
} wr_engine_options;

/* Start an engine; nothing is loaded yet. ERR_ARG when threads exceed the mask unasked. */
weir_status wr_engine_new(wr_engine **out, const wr_engine_options *opt, weir_error *err);

/* Waits for running jobs and stops the workers. All models must have been unref'd or are so later;
 * models outlive the engine only unrun. NULL is allowed. */
void wr_engine_free(wr_engine *e);

/* Fill up to n entries about the known backends, starting each; how many there are. */
size_t wr_engine_backends(wr_engine *e, weir_backend_info *out, size_t n);

/* Threads of the budget. */
int wr_engine_threads(const wr_engine *e);

/* Load and warm up a model or script. Slow; holds no lock that a run needs. `blob` (U8[n]) is shared
 * by reference and kept for wr_model_blob. `previous` (may be NULL) is the version this one will
 * replace: the account is shared and the version number counts on from it. */
weir_status wr_model_load(wr_model **out, wr_engine *e, weir_str name, weir_buffer *blob,
                          bool is_script, const weir_model_options *opt,
                          wr_model *previous, weir_deadline deadline, weir_error *err);

/* Make a model without loading it or touching its backend: a server that starts from its files, or is
 * a replica, has a thousand of them at once. Quick, blocks for nobody, and refuses only what can never
 * be a model (ERR_ARG, ERR_NOMEM; ERR_UNSUPPORTED beyond 16 devices); whether its backend is there,
 * its bytes are good and its threads are to be had shows when it is loaded. opt->version as given, 0
 * means 1. As in wr_model_load, a name is any bytes, NUL too: it is for messages, and who has names
 * that clients write checks them before. The model must be loaded before its engine is freed, or not
 * at all. */
weir_status wr_model_declare(wr_model **out, wr_engine *e, weir_str name,
                             weir_buffer *blob, bool is_script,
                             const weir_model_options *opt, weir_error *err);

/* Is it loaded and warm? Once true, always true. Any thread. */
bool wr_model_is_ready(const wr_model *m);

/* Load and warm up now unless it is ready, on the calling thread; blocks. Of several callers one
 * loads, the others wait for it until their own deadline (ERR_TIMEOUT). A failure is remembered: later
 * calls fail at once with the same status and text, except after ERR_TIMEOUT and ERR_NOMEM, which are
 * tried again (what was loaded before a deadline stopped the warm-up is kept). */
weir_status wr_model_ensure(wr_model *m, weir_deadline deadline, weir_error *err);

wr_model *wr_model_ref(wr_model *m);
void wr_model_unref(wr_model *m); /* NULL is allowed; the last one unloads */

/* What it is. Of a model that is not ready: the backend as asked for (or told from the first bytes),
 * tag, version, device, bytes, whether it is a script; n_parameters -1. Valid as long as the model,
 * but call again once it is ready: the answer is another then. */
const weir_model_info *wr_model_info(const wr_model *m);

/* The options as the user gave them, the tag and all other texts whole (NUL-terminated besides) and
 * owned by the model; members that the user's version of the struct lacked are 0. */
const weir_model_options *wr_model_options(const wr_model *m);

weir_buffer *wr_model_blob(wr_model *m); /* borrowed */
void wr_model_statistics(wr_model *m, weir_model_stats *out, bool reset);

/* One infer: views in, views or buffers out. Lives in the caller's memory until it is done. */
typedef struct wr_job wr_job;
struct wr_job {
    /* the caller fills these */
    wr_model *model;       /* borrowed until done */
    weir_str function;     /* of a script; empty for a model */
    const weir_tensor *in; /* borrowed; any strides; never modified */
    int n_in;
    /* view.data set: any strides, the caller's memory. The model writes straight into it: unspecified
     * after a run that failed, untouched when a check before the run or a guard (FAIL) refused.
     * view.data NULL, rank 0: on success the engine sets `buffer` (one reference to the caller) and
     * `view`; on failure buffer is NULL. */
    wr_output *out;
    int n_out;
    weir_deadline deadline;
    int64_t now_ns;       /* the clock as the caller has just read it, or 0 */
    const weir_str *keys; /* of a script's function, may be none; borrowed until done */
    int n_keys;
    const weir_str *args;
    int n_args;
    const wr_script_calls *calls; /* of a script, may be NULL; borrowed until done */
    bool lenient; /* inputs of different rows are no error: run alone, whole */
    void (*done)(
        wr_job *job); /* submitted jobs: called once, any thread, without locks */
    void *context;    /* the caller's */
    /* the engine fills these */
    weir_status status;
    weir_error error;
    uint64_t n_copies; /* tensors of this job that had to be copied; 0 before it begins */
    uint64_t copied_bytes; /* bytes of these; the caller sets both to 0 */
    /* the engine's own */
    wr_job *next;      /* in the queue, then in the batch */
    wr_job *followers; /* of a batch's first job: those that run with it */
    void *waiter;      /* of a blocking caller */
    int64_t queued_ns; /* when it joined the queue, 0: never did */
    int64_t rows;      /* extent of the free first dimension, 1 where there is none */
    int state;
    bool apart;  /* its only follower runs before it, not with it */
    bool uneven; /* its inputs have no common number of rows */
};

/* What a backend said, without our names before it: RedisAI's own sentence where the text ends in one
 * (backend.h lists them), else what follows "torch: script 'NAME': ". Points into err; for adapters
 * whose clients expect that text alone. */
const char *wr_error_sentence(const weir_error *err);

/* Run now, blocking until done or the deadline. The result is also job->status and job->error. A job
 * that has begun is not abandoned: its memory is free when this returns. Loads the model first where
 * it is not ready (wr_model_ensure with the job's deadline). */
weir_status wr_engine_run(wr_engine *e, wr_job *job);

/* The job whose run goes on on this thread, the innermost; of several gathered the first. NULL: none. */
const wr_job *wr_engine_running(void);

/* Run now, in the place that `outer` has: on the thread of that job's run, from one of its
 * wr_script_calls. Waits for nobody: a model that is not ready is loaded here, ERR_BUSY while another
 * thread loads it. A model on another device runs as by wr_engine_run. */
weir_status wr_engine_run_inside(wr_engine *e, const wr_job *outer, wr_job *job);

/* Run later; job->done is called when it is. A failure to submit is returned, and done not called.
 * Never blocks. A model that is not ready is loaded first by a thread of the engine, without a place
 * and without a deadline, so that the next job finds it ready whatever became of this one; the checks
 * that need the model then come after that, and all failures through done (but a remembered one is
 * returned). */
weir_status wr_engine_submit(wr_engine *e, wr_job *job, weir_error *err);

/* Run at once on the calling thread, if that takes less than bound_ns as far as known and needs no
 * waiting: the model is ready, nobody is queued, a place is free, no batch is to fill. Also true when
 * the job was refused (a check is an answer too) or its batch is empty; the result is job->status and
 * job->error, done is not called. Otherwise false: nothing has happened, submit the job. Never blocks.
 *
 * What is known is a maximum per model and size class of batches (powers of two of rows) that decays
 * by an eighth with each run, so that a run which lost its core to another process is forgotten after
 * a few dozen; a class without runs is judged by its neighbours; warm-up's runs count. Before the
 * first run nothing is known: false. A run that takes longer than was to be expected exceeds the bound
 * once (it is not interrupted), and is known from then on. Functions of one script are one. */
bool wr_engine_try(wr_engine *e, wr_job *job, int64_t bound_ns);

#endif
