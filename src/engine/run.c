/* SPDX-License-Identifier: BSD-3-Clause */
/* Running one job: packing what must be packed, row blocks, guards, times, the account. */
#include "base/alloc.h"
#include "base/text.h"
#include "engine/internal.h"

/* Deadlines nearer than this are always watched; farther ones when the model was ever so slow that
 * WATCH_FACTOR such runs would pass it. Watching costs two locks, and the keeper's thread. */
static const int64_t WATCH_NS = 10 * INT64_C(1000000000);
enum { WATCH_FACTOR = 16 };

weir_tensor wr_rows(const weir_tensor *t, int64_t first, int64_t n)
{
    weir_tensor r = *t;
    r.data = (char *)t->data + first * t->stride[0];
    r.shape[0] = n;
    return r;
}

static int64_t rows_of(const weir_tensor *in, int n_in)
{
    return n_in > 0 && in[0].rank > 0 && in[0].shape[0] > 0 ? in[0].shape[0] : 1;
}

static bool needs_watch(const wr_context *x, int64_t rows, weir_deadline deadline,
                        int64_t now)
{
    if (deadline == WEIR_NEVER || x->model->ops->interrupt == NULL || x->place == NULL)
        return false;
    if (deadline - now < WATCH_NS)
        return true;
    int64_t row_ns = atomic_load_explicit(&x->model->row_ns, memory_order_relaxed);
    return row_ns == 0 || (deadline - now) / rows < WATCH_FACTOR * row_ns;
}

static _Thread_local const wr_job *running;

const wr_job *wr_engine_running(void)
{
    return running;
}

weir_status wr_call(wr_context *x, const weir_tensor *in, int n_in, wr_output *out,
                    int n_out, const wr_job *of, weir_deadline deadline, int64_t *now,
                    weir_error *err)
{
    wr_model *m = x->model;
    int64_t rows = rows_of(in, n_in), begun = *now;
    wr_run_args args = {.in = in,
                        .n_in = n_in,
                        .out = out,
                        .n_out = n_out,
                        .deadline = deadline,
                        .place = x->place};
    if (of != NULL) {
        args.function = of->function;
        args.keys = of->keys;
        args.n_keys = of->n_keys;
        args.args = of->args;
        args.n_args = of->n_args;
        args.calls = of->calls;
    }
    bool watched =
        needs_watch(x, rows, deadline, begun) && wr_queue_watch(m->queue, x, deadline);
    const wr_job *outer = running;
    running = of;
    weir_status st = m->ops->run(m->impl, &args, err);
    running = outer;
    if (watched)
        wr_queue_unwatch(m->queue, x);
    *now = weir_now_ns();

    int64_t row_ns = (*now - begun) / rows;
    if (row_ns > atomic_load_explicit(&m->row_ns, memory_order_relaxed))
        atomic_store_explicit(&m->row_ns, row_ns, memory_order_relaxed);
    for (int i = 0; i < n_out && st == WEIR_OK; i++) {
        if (out[i].view.data == NULL && out[i].buffer != NULL)
            out[i].view = weir_buffer_view(out[i].buffer);
    }
    /* A script whose calls are refused from its deadline on ends with whatever its library says. */
    bool late = of != NULL && of->calls != NULL && *now >= deadline;
    if (st != WEIR_OK &&
        (st == WEIR_ERR_TIMEOUT || late || (watched && x->was_interrupted)))
        return weir_fail(
            err, WEIR_ERR_TIMEOUT,
            "model '%.*s': the run was stopped at its deadline after %.3f ms",
            WR_NAME(m->name), (double)(*now - begun) * 1e-6);
    return st;
}

/* The same, accounted. */
static weir_status counted_call(wr_context *x, const weir_tensor *in, int n_in,
                                wr_output *out, int n_out, const wr_job *of,
                                weir_deadline deadline, int64_t *now, weir_error *err)
{
    int64_t begun = *now;
    weir_status st = wr_call(x, in, n_in, out, n_out, of, deadline, now, err);
    uint64_t ns = (uint64_t)(*now - begun), rows = (uint64_t)rows_of(in, n_in);
    int bin = 63 - __builtin_clzll(rows);
    wr_count(x->cell, WR_C_n_runs, 1);
    wr_count(x->cell, WR_C_run_ns, ns);
    wr_count(
        x->cell,
        (wr_counter)(WR_C_BATCH + (bin < WEIR_BATCH_BINS ? bin : WEIR_BATCH_BINS - 1)),
        1);
    if (ns > atomic_load_explicit(&x->cell->run_max_ns, memory_order_relaxed))
        atomic_store_explicit(&x->cell->run_max_ns, ns, memory_order_relaxed);
    return st;
}

/* ---- packing and row blocks ------------------------------------------------------------------- */

static bool must_pack(const wr_model *m, const weir_tensor *t)
{
    size_t each = t->dtype == WEIR_STRING ? sizeof(void *) : weir_dtype_bytes(t->dtype);
    return m->info.writes_inputs || (uintptr_t)t->data % each != 0 ||
           !weir_tensor_is_contiguous(t);
}

/* Rows of one run; all of them when the batch is not to be split. A block the user gave is kept to;
 * one that warm-up found may be stretched by half, so that no small rest is left. */
static int64_t block_of(const wr_model *m, const wr_job *of, const wr_output *out,
                        int n_out, int64_t rows)
{
    int64_t block = m->info.block_rows;
    if (!m->independent || of->uneven || block <= 0 || rows <= block ||
        rows <= m->whole_rows)
        return rows;
    for (int i = 0; i < n_out; i++) {
        if (wr_output_wanted(&out[i]))
            return rows;
    }
    if (m->opt.block_rows > 0)
        return block;
    int64_t n_runs = rows / block + (rows % block > block / 2);
    return rows / n_runs + (rows % n_runs > 0);
}

/* Scratch bytes for the inputs that one run of `block` rows of `rows` has packed. */
static size_t pack_bytes(const wr_model *m, const weir_tensor *in, int n_in,
                         int64_t block, int64_t rows)
{
    size_t sum = 0;
    for (int i = 0; i < n_in; i++) {
        if (!must_pack(m, &in[i]))
            continue;
        weir_tensor t = block < rows ? wr_rows(&in[i], 0, block) : in[i];
        if (!wr_add(sum, wr_scratch_round(weir_tensor_bytes(&t)), &sum))
            return SIZE_MAX;
    }
    return sum;
}

weir_status wr_copy_counted(wr_context *x, const weir_tensor *to, const weir_tensor *from,
                            weir_error *err)
{
    x->n_copies++;
    x->copied_bytes += weir_tensor_bytes(from);
    return weir_tensor_copy(to, from, err);
}

/* A contiguous view of `like`'s type and shape in scratch. */
static weir_status scratch_view(wr_context *x, weir_tensor *out, const weir_tensor *like,
                                weir_error *err)
{
    void *p = wr_scratch_take(x, weir_tensor_bytes(like));
    return weir_tensor_init(out, p, like->dtype, like->rank, like->shape, err);
}

/* Inputs of rows [first, first + n), packed where they must be, into x->in. */
static weir_status slice_in(wr_context *x, const weir_tensor *in, int n_in, int64_t first,
                            int64_t n, int64_t rows, bool own, weir_error *err)
{
    weir_status st = WEIR_OK;
    for (int i = 0; i < n_in && st == WEIR_OK; i++) {
        weir_tensor t = n < rows ? wr_rows(&in[i], first, n) : in[i];
        x->in[i] = t;
        if (own || !must_pack(x->model, &in[i]))
            continue;
        st = scratch_view(x, &x->in[i], &t, err);
        if (st == WEIR_OK)
            st = wr_copy_counted(x, &x->in[i], &t, err);
        x->n_copies -= first > 0; /* counted per tensor, not per block */
    }
    return st;
}

static bool all_direct(const wr_model *m, const weir_tensor *in, int n_in)
{
    for (int i = 0; i < n_in; i++) {
        if (must_pack(m, &in[i]))
            return false;
    }
    return true;
}

weir_status wr_run_views(wr_context *x, const weir_tensor *in, int n_in, wr_output *out,
                         int n_out, const wr_job *of, int64_t rows, bool own,
                         weir_deadline deadline, int64_t *now, weir_error *err)
{
    const wr_model *m = x->model;
    int64_t block = block_of(m, of, out, n_out, rows);
    if (block == rows && (own || all_direct(m, in, n_in)))
        return counted_call(x, in, n_in, out, n_out, of, deadline, now, err);

    size_t pack = own ? 0 : pack_bytes(m, in, n_in, block, rows), mark = x->scratch_used,
           need;
    if (!wr_add(mark, pack, &need))
        need = SIZE_MAX;
    weir_status st = pack == 0 ? WEIR_OK : wr_scratch_reserve(x, need, err);
    for (int64_t first = 0; first < rows && st == WEIR_OK; first += block) {
        int64_t n = rows - first < block ? rows - first : block;
        if (*now > deadline)
            return weir_fail(err, WEIR_ERR_TIMEOUT,
                             "model '%.*s': the deadline passed after %lld of %lld rows",
                             WR_NAME(m->name), (long long)first, (long long)rows);
        x->scratch_used = mark;
        st = slice_in(x, in, n_in, first, n, rows, own, err);
        if (st != WEIR_OK)
            break;
        if (block == rows) {
            st = counted_call(x, x->in, n_in, out, n_out, of, deadline, now, err);
            break;
        }
        for (int i = 0; i < n_out; i++)
            x->out[i] = (wr_output){.view = wr_rows(&out[i].view, first, n)};
        st = counted_call(x, x->in, n_in, x->out, n_out, of, deadline, now, err);
    }
    return st;
}

/* ---- guards and the account --------------------------------------------------------------------- */

static weir_status guard_fail(const wr_model *m, const char *what, int i,
                              const weir_tensor *t, const weir_guard *g, uint64_t bad,
                              weir_error *err)
{
    const char *name = m->info.is_script ? ""
                       : what[0] == 'i'  ? m->info.in[i].name
                                         : m->info.out[i].name;
    if (!g->ranged)
        return weir_fail(
            err, WEIR_ERR_GUARD,
            "model '%.*s': %s %d '%s' has %llu of %zu values that are not finite",
            WR_NAME(m->name), what, i, name, (unsigned long long)bad,
            weir_tensor_count(t));
    return weir_fail(
        err, WEIR_ERR_GUARD,
        "model '%.*s': %s %d '%s' has %llu of %zu values outside [%g, %g] or not "
        "finite",
        WR_NAME(m->name), what, i, name, (unsigned long long)bad, weir_tensor_count(t),
        g->low, g->high);
}

weir_status wr_guard_in(wr_context *x, wr_job *job)
{
    const wr_model *m = x->model;
    const weir_guard *g = &m->opt.input;
    if (g->mode == WEIR_GUARD_OFF)
        return WEIR_OK;
    for (int i = 0; i < job->n_in; i++) {
        uint64_t bad = wr_guard_count(&job->in[i], g);
        if (bad == 0)
            continue;
        wr_count(x->cell, WR_C_n_bad_in, bad);
        if (g->mode == WEIR_GUARD_FAIL)
            return guard_fail(m, "input", i, &job->in[i], g, bad, &job->error);
    }
    return WEIR_OK;
}

weir_status wr_guard_out(wr_context *x, wr_job *job, const wr_output *out)
{
    const wr_model *m = x->model;
    const weir_guard *g = &m->opt.output;
    if (g->mode == WEIR_GUARD_OFF)
        return WEIR_OK;
    for (int i = 0; i < job->n_out; i++) {
        uint64_t bad = wr_guard_count(&out[i].view, g);
        if (bad == 0)
            continue;
        wr_count(x->cell, WR_C_n_bad_out, bad);
        if (g->mode == WEIR_GUARD_FAIL)
            return guard_fail(m, "output", i, &out[i].view, g, bad, &job->error);
        if (g->mode != WEIR_GUARD_COUNT)
            wr_guard_mend(&out[i].view, g);
    }
    return WEIR_OK;
}

void wr_job_refuse(wr_job *job, weir_status st)
{
    wr_account *a = job->model->account;
    job->status = st;
    wr_count_shared(a, WR_C_n_calls, 1);
    if (st == WEIR_OK)
        return;
    wr_count_shared(a, WR_C_n_errors, 1);
    if (st == WEIR_ERR_TIMEOUT)
        wr_count_shared(a, WR_C_n_timeouts, 1);
}

void wr_job_close(wr_context *x, wr_job *job, weir_status st, int64_t begun_ns,
                  int64_t now)
{
    wr_cell *c = x->cell;
    if (st == WEIR_OK && now > job->deadline)
        st = weir_fail(
            &job->error, WEIR_ERR_TIMEOUT,
            "model '%.*s': the run ended %.3f ms after the deadline; it took %.3f ms",
            WR_NAME(x->model->name), (double)(now - job->deadline) * 1e-6,
            (double)(now - begun_ns) * 1e-6);
    job->status = st;
    wr_count(c, WR_C_n_calls, 1);
    if (job->queued_ns != 0)
        wr_count(c, WR_C_queue_ns, (uint64_t)(begun_ns - job->queued_ns));
    if (st != WEIR_OK) {
        wr_output_drop(job);
        wr_count(c, WR_C_n_errors, 1);
        wr_count(c, WR_C_n_timeouts, st == WEIR_ERR_TIMEOUT);
        return;
    }
    size_t in_bytes = 0, out_bytes = 0;
    for (int i = 0; i < job->n_in; i++)
        in_bytes += weir_tensor_bytes(&job->in[i]);
    for (int i = 0; i < job->n_out; i++)
        out_bytes += weir_tensor_bytes(&job->out[i].view);
    wr_count(c, WR_C_n_rows, (uint64_t)job->rows);
    wr_count(c, WR_C_in_bytes, in_bytes);
    wr_count(c, WR_C_out_bytes, out_bytes);
}

/* ---- one job alone --------------------------------------------------------------------------------- */

/* Outputs that the model must not write itself: strided ones, and all where a guard may refuse. */
static bool must_stage(const wr_model *m, const wr_output *o)
{
    return o->buffer == NULL && !wr_output_wanted(o) &&
           (m->opt.output.mode == WEIR_GUARD_FAIL ||
            !weir_tensor_is_contiguous(&o->view) ||
            (o->view.dtype != WEIR_STRING &&
             (uintptr_t)o->view.data % weir_dtype_bytes(o->view.dtype) != 0));
}

static bool any_staged(const wr_model *m, const wr_job *job)
{
    for (int i = 0; i < job->n_out; i++) {
        if (must_stage(m, &job->out[i]))
            return true;
    }
    return false;
}

/* Run with some outputs in scratch, then copy them out. */
static weir_status run_staged(wr_context *x, wr_job *job, int64_t *now)
{
    const wr_model *m = x->model;
    wr_output *out = x->batch_out;
    size_t need =
        pack_bytes(m, job->in, job->n_in,
                   block_of(m, job, job->out, job->n_out, job->rows), job->rows);
    for (int i = 0; i < job->n_out; i++) {
        if (must_stage(m, &job->out[i]) &&
            !wr_add(need, wr_scratch_round(weir_tensor_bytes(&job->out[i].view)), &need))
            need = SIZE_MAX;
    }
    weir_status st = wr_scratch_reserve(x, need, &job->error);
    for (int i = 0; i < job->n_out && st == WEIR_OK; i++) {
        out[i] = job->out[i];
        if (must_stage(m, &job->out[i]))
            st = scratch_view(x, &out[i].view, &job->out[i].view, &job->error);
    }
    if (st == WEIR_OK)
        st = wr_run_views(x, job->in, job->n_in, out, job->n_out, job, job->rows, false,
                          job->deadline, now, &job->error);
    for (int i = 0; i < job->n_out && st == WEIR_OK; i++) {
        if (out[i].buffer != NULL)
            job->out[i] = out[i]; /* what the backend gave */
    }
    if (st == WEIR_OK)
        st = wr_guard_out(x, job, out);
    if (st == WEIR_OK && *now > job->deadline)
        return WEIR_OK; /* wr_job_close refuses; nothing is copied */
    for (int i = 0; i < job->n_out && st == WEIR_OK; i++) {
        if (must_stage(m, &job->out[i]))
            st = wr_copy_counted(x, &job->out[i].view, &out[i].view, &job->error);
    }
    return st;
}

static weir_status run_on(wr_context *x, wr_job *job, int64_t *now)
{
    weir_status st = wr_guard_in(x, job);
    if (st == WEIR_OK)
        st = wr_output_alloc(x->model, job, &job->error);
    if (st != WEIR_OK)
        return st;
    if (any_staged(x->model, job)) {
        st = run_staged(x, job, now);
    } else {
        st = wr_run_views(x, job->in, job->n_in, job->out, job->n_out, job, job->rows,
                          false, job->deadline, now, &job->error);
        if (st == WEIR_OK)
            st = wr_guard_out(x, job, job->out);
    }
    return st;
}

void wr_run_alone(wr_job *job, int64_t now, bool is_inline)
{
    wr_context *x = NULL;
    int64_t begun = now;
    weir_status st = wr_context_take(job->model, &x, &job->error);
    if (st != WEIR_OK) {
        wr_job_refuse(job, st);
        return;
    }
    st = run_on(x, job, &now);
    wr_expect_note(job->model, job->rows, now - begun);
    if (is_inline)
        wr_count(x->cell, WR_C_n_inline, 1);
    job->n_copies = x->n_copies;
    job->copied_bytes = x->copied_bytes;
    wr_job_close(x, job, st, begun, now);
    if (x->n_copies > 0) {
        wr_count(x->cell, WR_C_n_copies, x->n_copies);
        wr_count(x->cell, WR_C_copied_bytes, x->copied_bytes);
    }
    wr_context_put(x);
}
