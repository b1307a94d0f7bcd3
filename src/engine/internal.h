/* SPDX-License-Identifier: BSD-3-Clause */
/* What the engine's files share: models, contexts, the queue of a device, accounts.
 *
 * Locks, in rising level: loader table (LOADER), queue (ENGINE), model's slow path and account
 * (MODEL). A run holds none of them. */
#ifndef WR_ENGINE_INTERNAL_H
#define WR_ENGINE_INTERNAL_H

#include <stdatomic.h>

#include "base/ref.h"
#include "base/thread.h"
#include "engine/engine.h"

/* ---- accounts (account.c) -------------------------------------------------------------------- */

/* Counters, named as in weir_model_stats; times in nanoseconds. */
// clang-format off
#define WR_COUNTERS(X)                                                                  \
    X(n_calls) X(n_errors) X(n_rows) X(n_runs) X(n_gathered) X(n_inline) X(queue_ns)    \
    X(run_ns) X(n_copies) X(copied_bytes) X(in_bytes) X(out_bytes) X(n_bad_in)          \
    X(n_bad_out) X(n_timeouts)
// clang-format on
typedef enum wr_counter {
#define X(name) WR_C_##name,
    WR_COUNTERS(X)
#undef X
        WR_C_BATCH,
    WR_C_COUNT = WR_C_BATCH + WEIR_BATCH_BINS
} wr_counter;

/* Counters with one writer at a time: adding is a load and a store, no bus lock. */
typedef struct wr_cell {
    _Atomic uint64_t c[WR_C_COUNT];
    _Atomic uint64_t run_max_ns;
    struct wr_cell *next; /* account's lock */
} wr_cell;

/* What all versions of a model have cost. Cells come and go with contexts; what a gone one counted
 * is folded into `rest`, which also takes the counts of calls that never got a context. */
typedef struct wr_account {
    wr_ref refs;
    wr_mutex lock;
    wr_cell *cells;             /* lock */
    uint64_t reset[WR_C_COUNT]; /* lock: totals at the last reset */
    wr_cell rest;               /* several writers: wr_count_shared */
} wr_account;

wr_account *wr_account_new(void); /* NULL: no memory */
wr_account *wr_account_ref(wr_account *a);
void wr_account_unref(wr_account *a);
wr_cell *wr_cell_new(wr_account *a); /* NULL: no memory */
void wr_cell_free(wr_account *a, wr_cell *c);
void wr_account_read(wr_account *a, weir_model_stats *out, bool reset);

static inline void wr_count(wr_cell *cell, wr_counter which, uint64_t n)
{
    uint64_t v = atomic_load_explicit(&cell->c[which], memory_order_relaxed);
    atomic_store_explicit(&cell->c[which], v + n, memory_order_relaxed);
}

static inline void wr_count_shared(wr_account *a, wr_counter which, uint64_t n)
{
    atomic_fetch_add_explicit(&a->rest.c[which], n, memory_order_relaxed);
}

/* ---- the queue of a device (queue.c) ---------------------------------------------------------- */

typedef struct wr_context wr_context;

typedef struct wr_queue {
    wr_ref refs;
    weir_device device;
    int places;
    _Atomic uint64_t
        word; /* low half: free places; high half: queued jobs. See queue.c */
    wr_mutex lock;
    /* guarded by lock */
    wr_job *head, *tail;        /* queued, oldest first */
    wr_job *ready, *ready_tail; /* have a place, wait for a worker */
    wr_context *watched;        /* runs that the keeper may interrupt */
    pthread_t *worker;          /* room for `places` */
    int n_workers, n_idle;
    wr_job *cold, *cold_tail; /* submitted, their models are not loaded yet (cold.c) */
    wr_model *wanted, *wanted_tail; /* to be loaded, one reference each */
    int n_wanted;
    pthread_t *loader; /* room for `places` */
    int n_loaders, n_idle_loaders;
    int n_submitted; /* submitted jobs that nobody has begun */
    bool has_keeper;
    bool stopping;
    int64_t wake_at; /* when the keeper looks next; WEIR_NEVER: asleep */
    pthread_t keeper;
    wr_cond work;  /* workers wait for `ready` */
    wr_cond load;  /* loaders wait for `wanted` */
    wr_cond tick;  /* the keeper waits */
    wr_cond quiet; /* wr_queue_stop waits for the last place */
} wr_queue;

wr_queue *wr_queue_new(weir_device device, int places); /* NULL: no memory */
void wr_queue_stop(wr_queue *q);
void wr_queue_unref(wr_queue *q);
/* Take `need` places without waiting; false: none free, or others wait already. */
/* Fill the job's error with ERR_TIMEOUT in the queue, and return it. */
weir_status wr_job_timed_out(wr_job *job, int64_t now);
bool wr_queue_try(wr_queue *q, int need);
/* May it share a run with others? */
bool wr_can_gather(const wr_job *job);
void wr_queue_release(wr_queue *q, int need);
/* Join the queue and block until this thread has a place (true; followers hang on the job) or the
 * job is done (false; status set). */
bool wr_queue_wait(wr_queue *q, wr_job *job);
/* Join the queue; a worker runs it. */
weir_status wr_queue_submit(wr_queue *q, wr_job *job, weir_error *err);
/* Under the lock: have the keeper look no later than at `when`. */
weir_status wr_queue_tick_at(wr_queue *q, int64_t when, weir_error *err);
/* Tell a follower that it is done. */
void wr_queue_finish(wr_queue *q, wr_job *job);
/* Have the keeper interrupt the run of `x` at `until`, if it still runs. False when it can't be
 * watched (no memory for the keeper's thread). */
bool wr_queue_watch(wr_queue *q, wr_context *x, weir_deadline until);
void wr_queue_unwatch(wr_queue *q, wr_context *x);

/* ---- submitted jobs whose models are not loaded yet (cold.c) ----------------------------------- */

/* Have the job's model loaded, then submit the job for good. */
weir_status wr_cold_submit(wr_queue *q, wr_job *job, weir_error *err);
/* The rest is under the queue's lock. Take jobs out whose time is over, in front of `expired`; *next
 * becomes the next one's deadline if that is earlier. */
wr_job *wr_cold_expired(wr_queue *q, int64_t now, int64_t *next, wr_job *expired);
/* Take all out, in front of `rest`. */
wr_job *wr_cold_all(wr_queue *q, wr_job *rest);
/* Without the lock, when the queue has been told to stop: wait for the loaders. */
void wr_cold_join(wr_queue *q);
/* A cold job's model was loaded, or could not be: run the job, or tell its owner (engine.c). */
void wr_engine_resume(wr_job *job, weir_status loaded, const weir_error *why);

/* ---- models and contexts (model.c, ensure.c, context.c) -------------------------------------------------- */

/* What serves one run at a time: the backend's place, scratch memory, views of slices, a cell. */
struct wr_context {
    wr_model *model;
    int home; /* its slot in model->slot */
    wr_backend_place *place;
    wr_cell *cell;
    weir_buffer *scratch;
    size_t scratch_bytes, scratch_used;
    uint64_t n_copies, copied_bytes; /* of the call that runs */
    weir_tensor in[WEIR_IO_MAX];
    wr_output out[WEIR_IO_MAX];
    weir_tensor batch_in[WEIR_IO_MAX];
    wr_output batch_out[WEIR_IO_MAX];
    /* guarded by the queue's lock */
    wr_context *next_watched;
    weir_deadline watch_until;
    bool was_interrupted;
};

/* A model's way: dormant, loading, then ready or failed; dormant again when it may be tried again. */
enum { WR_DORMANT, WR_LOADING, WR_READY, WR_FAILED };

struct wr_model {
    wr_ref refs;
    weir_str name; /* owned */
    wr_engine *engine;
    wr_queue *queue; /* one reference */
    const wr_backend_ops *ops;
    wr_backend_model *impl;
    weir_buffer *blob;
    wr_account *account;
    weir_model_info known;  /* what is told before it is ready; never changes */
    weir_model_info info;   /* the loading thread's own until it is ready */
    weir_model_options opt; /* its texts lie in `texts` */
    void *texts;
    _Atomic int state; /* changed under `lock`: WR_DORMANT .. */
    wr_mutex lock;
    wr_cond loaded;        /* the load that others wait for is over */
    weir_status failed;    /* lock: of the load, with its sentence */
    weir_error why;        /* lock */
    wr_model *next_wanted; /* the queue's lock */
    bool is_wanted;        /* the queue's lock: waits for a loader or has one */
    /* From here on the loading thread's own until it is ready. */
    int need;         /* places of one run */
    bool free_rows;   /* the first extent of every input and output is free */
    bool independent; /* .. and rows don't influence each other, as far as known */
    bool
        loose; /* gathers as told, though its shapes are not known: the user knows its rows */
    bool stretched;      /* warm-up ran batches larger than any it will get from now on */
    bool inside;         /* it is loaded in a place that the thread holds already */
    int64_t gather_rows; /* the least that run nearly as fast as any; 0: unknown */
    int64_t whole_rows;  /* batches up to this are not worth splitting; 0: unknown */
    bool known_out;      /* shapes of outputs follow from the number of rows */
    int64_t gather_max;  /* rows gathered into one run; 1: none */
    int64_t batch_min;
    int64_t batch_wait_ns;
    _Atomic int64_t
        row_ns; /* longest time of a row so far: tells which runs need watching */
    _Atomic int64_t
        expect_ns[WEIR_BATCH_BINS]; /* what a job takes, by rows; 0: unknown */
    int n_slots;
    _Atomic(wr_context *) slot[]; /* contexts at rest; never more in use than places */
};

/* As wr_model_ensure, on a thread that holds a place, so without waiting for another. */
weir_status wr_model_ensure_inside(wr_model *m, weir_deadline deadline, weir_error *err);
/* Load and warm up; only the thread that has set WR_LOADING. On ERR_TIMEOUT what was loaded stays. */
weir_status wr_model_load_now(wr_model *m, weir_deadline deadline, weir_error *err);
/* The status and sentence of a load that failed for good; WEIR_OK: none did. */
weir_status wr_model_failure(wr_model *m, weir_error *err);
/* Check and copy a user's options (options.c). *texts: what the copies lie in, for wr_free. */
weir_status wr_options_take(weir_model_options *out, void **texts,
                            const weir_model_options *opt, weir_str name,
                            weir_error *err);

/* How long jobs take (expect.c). A job of so many rows took so long; what one is likely to take,
 * INT64_MAX: unknown. */
void wr_expect_note(wr_model *m, int64_t rows, int64_t ns);
int64_t wr_expect(const wr_model *m, int64_t rows);

/* Take a context; makes one when none is at rest. */
weir_status wr_context_take(wr_model *m, wr_context **out, weir_error *err);
void wr_context_put(wr_context *x);
void wr_context_free(wr_context *x);
/* Room for `n` bytes in this call's scratch, aligned to WEIR_ALIGN. Reserve the whole first. */
weir_status wr_scratch_reserve(wr_context *x, size_t n, weir_error *err);
void *wr_scratch_take(wr_context *x, size_t n);
static inline size_t wr_scratch_round(size_t n)
{
    return n > SIZE_MAX - WEIR_ALIGN ? SIZE_MAX
                                     : (n + WEIR_ALIGN - 1) / WEIR_ALIGN * WEIR_ALIGN;
}

/* ---- checks (check.c) --------------------------------------------------------------------------- */

/* Is the engine to give this output its memory? */
static inline bool wr_output_wanted(const wr_output *o)
{
    return o->view.data == NULL && o->view.rank == 0;
}

/* Does the job fit the model? Sets job->rows. */
weir_status wr_check_job(wr_job *job, weir_error *err);
/* The shape of output `i` for `rows` rows, where wr_model.known_out. */
void wr_output_shape(const wr_model *m, int i, int64_t rows, int64_t *shape);
/* Give every output without memory a buffer; false outputs stay NULL where shapes are unknown. */
weir_status wr_output_alloc(const wr_model *m, wr_job *job, weir_error *err);
void wr_output_drop(wr_job *job);
/* "FLOAT[?,5]" */
const char *wr_io_text(const weir_io *io, char *buf, size_t n);

/* ---- runs (run.c, batch.c) ---------------------------------------------------------------------- */

/* Run one job that has a place; sets its status. `now` is a fresh clock reading. */
void wr_run_alone(wr_job *job, int64_t now, bool is_inline);
/* Run a leader and its followers; sets all their statuses, tells nobody. */
void wr_run_batch(wr_job *leader);
/* Account a job that failed before it had a context. */
void wr_job_refuse(wr_job *job, weir_status st);
/* The parts of a run that single and gathered jobs share. */
weir_status wr_guard_in(wr_context *x, wr_job *job);
weir_status wr_guard_out(wr_context *x, wr_job *job, const wr_output *out);
void wr_job_close(wr_context *x, wr_job *job, weir_status st, int64_t begun_ns,
                  int64_t now);
weir_status wr_copy_counted(wr_context *x, const weir_tensor *to, const weir_tensor *from,
                            weir_error *err);
/* Rows of views through the backend, in blocks where that is faster. `own`: inputs are ours, may be
 * written. *now goes from the start to the end of the runs. */
weir_status wr_run_views(wr_context *x, const weir_tensor *in, int n_in, wr_output *out,
                         int n_out, const wr_job *of, int64_t rows, bool own,
                         weir_deadline deadline, int64_t *now, weir_error *err);
/* One run of the backend, timed; not accounted. The function, keys and arguments are those of `of`,
 * none when that is NULL. */
weir_status wr_call(wr_context *x, const weir_tensor *in, int n_in, wr_output *out,
                    int n_out, const wr_job *of, weir_deadline deadline, int64_t *now,
                    weir_error *err);
/* Rows [first, first + n) of a view. */
weir_tensor wr_rows(const weir_tensor *t, int64_t first, int64_t n);

/* ---- warm-up and row blocks (warmup.c) ------------------------------------------------------------ */

weir_status wr_model_warm_up(wr_model *m, weir_deadline deadline, weir_error *err);
/* Only the first run, of one row. */
weir_status wr_model_first_run(wr_model *m, weir_deadline deadline, weir_error *err);

/* ---- guards (guard.c) ----------------------------------------------------------------------------- */

/* Values of a view that are not finite or, with `ranged`, out of range. Other than floating-point
 * types have none. */
uint64_t wr_guard_count(const weir_tensor *t, const weir_guard *g);
/* Mend them as CLAMP or FALLBACK say. */
void wr_guard_mend(const weir_tensor *t, const weir_guard *g);

/* ---- backends (loader.c) ---------------------------------------------------------------------------- */

/* The backend of that name, started; `path` is the engine's own folder or empty. */
weir_status wr_backend_load(const wr_backend_ops **out, weir_str name, weir_str path,
                            int threads, bool spin, weir_error *err);
/* The name of the backend whose models begin with such bytes; NULL: none known. */
const char *wr_backend_guess(const void *blob, size_t n, bool is_script);
size_t wr_backend_list(weir_backend_info *out, size_t n, weir_str path, int threads,
                       bool spin);
/* "mock, onnx, torch" */
const char *wr_backend_names(void);

struct wr_engine {
    int threads;
    bool spin;
    char *backend_path; /* owned, may be NULL */
    wr_mutex lock;
    wr_queue *queue[16]; /* lock: one per device, made when first needed */
    int n_queues;
};

/* The queue of a device. */
weir_status wr_engine_queue(wr_engine *e, weir_device device, wr_queue **out,
                            weir_error *err);

#endif
