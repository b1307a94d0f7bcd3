/* SPDX-License-Identifier: BSD-3-Clause */
/* Models: declared, then the backend chosen, loaded, warmed up; references; what each is. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/text.h"
#include "engine/internal.h"

static weir_status choose_version(int64_t *out, weir_str name,
                                  const weir_model_options *opt, const wr_model *previous,
                                  weir_error *err)
{
    int64_t old = previous == NULL ? 0 : previous->known.version;
    if (previous != NULL && opt->version == old)
        return weir_fail(
            err, WEIR_ERR_EXISTS,
            "model '%.*s': version %lld is there already; give another, or 0 for %lld",
            WR_NAME(name), (long long)old, (long long)old + 1);
    *out = opt->version > 0 ? opt->version : old + 1;
    return WEIR_OK;
}

/* ---- the backend ------------------------------------------------------------------------------------ */

static weir_status choose_backend(const wr_backend_ops **out, wr_engine *e, weir_str name,
                                  const weir_tensor *blob, bool is_script,
                                  weir_str wanted, weir_error *err)
{
    size_t n = weir_tensor_bytes(blob);
    const char *guess = wr_backend_guess(blob->data, n, is_script);
    weir_str path = weir_cstr(e->backend_path);
    if (wanted.n == 0 && guess == NULL) {
        const unsigned char *b = blob->data;
        return weir_fail(
            err, WEIR_ERR_FORMAT,
            "model '%.*s': %zu bytes that begin with %02x %02x %02x %02x are of no "
            "format that Weir knows (backends: %s); name the backend if they are",
            WR_NAME(name), n, n > 0 ? b[0] : 0, n > 1 ? b[1] : 0, n > 2 ? b[2] : 0,
            n > 3 ? b[3] : 0, wr_backend_names());
    }
    weir_status st = wr_backend_load(out, wanted.n == 0 ? weir_cstr(guess) : wanted, path,
                                     e->threads, e->spin, err);
    if (st != WEIR_OK || is_script || (*out)->recognises(blob->data, n))
        return st;
    bool other = guess != NULL && strcmp(guess, (*out)->name) != 0;
    return weir_fail(err, WEIR_ERR_FORMAT,
                     "model '%.*s': %zu bytes that are no %s model%s%s%s", WR_NAME(name),
                     n, (*out)->name, other ? "; they look like one of backend '" : "",
                     other ? guess : "", other ? "'" : "");
}

/* What is known before it is loaded. */
static void describe(wr_model *m, int64_t version, bool is_script)
{
    weir_tensor blob = weir_buffer_view(m->blob);
    weir_str tag = m->opt.tag, backend = m->opt.backend;
    if (backend.n == 0) {
        size_t n = weir_tensor_bytes(&blob);
        backend = weir_cstr(wr_backend_guess(blob.data, n, is_script));
    }
    weir_model_info *info = &m->known;
    snprintf(info->backend, sizeof info->backend, "%.*s", WR_NAME(backend));
    snprintf(info->tag, sizeof info->tag, "%.*s", tag.n > 63 ? 63 : (int)tag.n,
             tag.n == 0 ? "" : tag.p);
    info->device = m->queue->device;
    info->version = version;
    info->is_script = is_script;
    info->file_bytes = weir_tensor_bytes(&blob);
    info->n_parameters = -1;
}

static bool first_is_free(const weir_io *io, int n)
{
    for (int i = 0; i < n; i++) {
        if (io[i].rank < 1 || io[i].shape[0] >= 0)
            return false;
    }
    return n > 0;
}

static bool shapes_known(const wr_model *m)
{
    for (int i = 0; i < m->info.n_out; i++) {
        const weir_io *io = &m->info.out[i];
        if (io->rank < 0 || io->dtype == WEIR_STRING)
            return false;
        for (int d = m->independent ? 1 : 0; d < io->rank; d++) {
            if (io->shape[d] < 0)
                return false;
        }
    }
    return true;
}

static void derive(wr_model *m)
{
    const weir_model_info *info = &m->info;
    m->free_rows = !info->is_script && first_is_free(info->in, info->n_in) &&
                   first_is_free(info->out, info->n_out);
    m->independent = m->free_rows && !m->opt.rows_dependent;
    m->known_out = !info->is_script && shapes_known(m);
    m->stretched = m->loose = false;
    m->info.block_rows = m->gather_rows = m->whole_rows = 0;
}

static bool may_be_free(const weir_io *io, int n)
{
    for (int i = 0; i < n; i++) {
        if (io[i].rank == 0 || (io[i].rank > 0 && io[i].shape[0] >= 0) ||
            (io[i].rank >= 0 && io[i].dtype == WEIR_STRING))
            return false;
    }
    return n > 0;
}

/* Is it to be gathered though Weir does not know the shapes of what it gives (TorchScript), or of more
 * than the rows (-1 elsewhere)? Only where the user says how much, and nothing speaks against it. */
static bool may_gather_loosely(const wr_model *m)
{
    const weir_model_options *o = &m->opt;
    bool strict = m->independent && m->known_out;
    bool refuted = m->free_rows && !m->independent; /* warm-up has looked */
    return o->batch_max > 1 && !o->rows_dependent && !o->deterministic && !strict &&
           !refuted && !m->info.is_script && may_be_free(m->info.in, m->info.n_in) &&
           may_be_free(m->info.out, m->info.n_out);
}

/* After warm-up, which may have found that rows are not independent, or the best block. */
static void settle(wr_model *m)
{
    const weir_model_options *o = &m->opt;
    m->known_out = !m->info.is_script && shapes_known(m);
    m->batch_min = o->batch_min;
    m->batch_wait_ns = o->batch_wait_ms > INT64_MAX / 2000000
                           ? INT64_MAX / 2
                           : o->batch_wait_ms * 1000000;
    if (may_gather_loosely(m)) {
        m->loose = true;
        m->gather_max = o->batch_max;
    }
    if (!m->independent || o->deterministic) {
        m->info.block_rows = 0;
        return;
    }
    if (o->block_rows > 0)
        m->info.block_rows = o->block_rows;
    /* Unless told, gather what warm-up found worth it; nothing when that is unknown. */
    int64_t found = m->gather_rows > 0 ? m->gather_rows : m->info.block_rows;
    m->gather_max = o->batch_max > 0 ? o->batch_max : found > 1 ? found : 1;
}

static weir_status check_declaration(weir_str name, const weir_buffer *blob,
                                     weir_error *err)
{
    if (name.p == NULL && name.n > 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "model name is a null pointer with length %zu", name.n);
    if (blob == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "model '%.*s': null pointer for its bytes",
                         WR_NAME(name));
    weir_tensor t = weir_buffer_view(blob);
    if (t.dtype != WEIR_U8 || t.rank != 1 || t.shape[0] == 0 ||
        !weir_tensor_is_contiguous(&t)) {
        char text[64];
        return weir_fail(err, WEIR_ERR_ARG,
                         "model '%.*s': its bytes are %s; give UINT8[n], n > 0",
                         WR_NAME(name), weir_tensor_text(&t, text, sizeof text));
    }
    return WEIR_OK;
}

static void drop_contexts(wr_model *m)
{
    for (int i = 0; i < m->n_slots; i++) {
        wr_context_free(atomic_load(&m->slot[i]));
        atomic_store(&m->slot[i], NULL);
    }
}

/* Warm up. The search for the best block runs batches larger than any that follow, which leaves the
 * library with memory that is never used again and, measured, 3 % slower runs: load it anew. */
static weir_status warm_up(wr_model *m, const wr_load_args *args, weir_deadline deadline,
                           weir_error *err)
{
    weir_status st = wr_model_warm_up(m, deadline, err);
    if (st != WEIR_OK || !m->stretched)
        return st;
    weir_model_info *scratch =
        wr_alloc(sizeof *scratch); /* what it is, is known by now */
    if (scratch == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "model '%.*s': no memory to describe it",
                         WR_NAME(m->name));
    drop_contexts(m);
    m->ops->unload(m->impl);
    m->impl = NULL;
    st = m->ops->load(&m->impl, args, scratch, err);
    wr_free(scratch);
    return st == WEIR_OK ? wr_model_first_run(m, deadline, err) : st;
}

/* ---- life ------------------------------------------------------------------------------------------- */

static void model_free(wr_model *m)
{
    drop_contexts(m);
    if (m->impl != NULL)
        m->ops->unload(m->impl);
    wr_account_unref(m->account);
    wr_queue_unref(m->queue);
    weir_buffer_unref(m->blob);
    wr_cond_fini(&m->loaded);
    wr_mutex_fini(&m->lock);
    wr_free(m->texts);
    wr_free((void *)(uintptr_t)m->name.p);
    wr_free(m);
}

static weir_status model_new(wr_model **out, wr_engine *e, weir_str name,
                             weir_device device, weir_error *err)
{
    wr_queue *q = NULL;
    weir_status st = wr_engine_queue(e, device, &q, err);
    if (st != WEIR_OK)
        return st;
    size_t slots = (size_t)q->places * sizeof(_Atomic(wr_context *));
    wr_model *m = wr_calloc(1, sizeof *m + slots);
    char *copy = wr_dup(name.p, name.n);
    if (m == NULL || copy == NULL) {
        wr_free(copy);
        wr_free(m);
        wr_queue_unref(q);
        return weir_fail(err, WEIR_ERR_NOMEM, "model '%.*s': no memory to describe it",
                         WR_NAME(name));
    }
    wr_ref_init(&m->refs);
    wr_mutex_init(&m->lock, WR_LEVEL_MODEL);
    wr_cond_init(&m->loaded);
    atomic_init(&m->state, WR_DORMANT);
    m->name = (weir_str){copy, name.n};
    m->engine = e;
    m->queue = q;
    m->n_slots = q->places;
    m->gather_max = 1;
    *out = m;
    return WEIR_OK;
}

static weir_status declare(wr_model **out, wr_engine *e, weir_str name, weir_buffer *blob,
                           bool is_script, const weir_model_options *opt,
                           wr_model *previous, weir_error *err)
{
    weir_model_options o;
    void *texts = NULL;
    wr_model *m = NULL;
    int64_t version = 0;

    if (out == NULL || e == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "model: null pointer for the %s",
                         e == NULL ? "engine" : "result");
    weir_status st = check_declaration(name, blob, err);
    if (st == WEIR_OK)
        st = wr_options_take(&o, &texts, opt, name, err);
    if (st == WEIR_OK)
        st = choose_version(&version, name, &o, previous, err);
    if (st == WEIR_OK)
        st = model_new(&m, e, name, o.device, err);
    if (st != WEIR_OK)
        goto out;
    m->opt = o;
    m->texts = texts;
    texts = NULL;
    m->need = o.threads < 1 ? 1 : o.threads > m->n_slots ? m->n_slots : o.threads;
    m->blob = weir_buffer_ref(blob);
    m->account = previous == NULL ? wr_account_new() : wr_account_ref(previous->account);
    if (m->account == NULL) {
        st = weir_fail(err, WEIR_ERR_NOMEM, "model '%.*s': no memory for its account",
                       WR_NAME(name));
        goto out;
    }
    describe(m, version, is_script);
    *out = m;
    m = NULL;

out:
    wr_model_unref(m);
    wr_free(texts);
    return st;
}

weir_status wr_model_declare(wr_model **out, wr_engine *e, weir_str name,
                             weir_buffer *blob, bool is_script,
                             const weir_model_options *opt, weir_error *err)
{
    return declare(out, e, name, blob, is_script, opt, NULL, err);
}

weir_status wr_model_load(wr_model **out, wr_engine *e, weir_str name, weir_buffer *blob,
                          bool is_script, const weir_model_options *opt,
                          wr_model *previous, weir_deadline deadline, weir_error *err)
{
    wr_model *m = NULL;
    weir_status st = declare(&m, e, name, blob, is_script, opt, previous, err);
    if (st == WEIR_OK)
        st = wr_model_ensure(m, deadline, err);
    if (st == WEIR_OK)
        *out = m;
    else
        wr_model_unref(m);
    return st;
}

/* ---- loading ------------------------------------------------------------------------------------------ */

/* Is there still time, and are there as many threads? */
static weir_status check_loadable(const wr_model *m, weir_deadline deadline,
                                  weir_error *err)
{
    if (m->opt.threads > m->engine->threads)
        return weir_fail(
            err, WEIR_ERR_ARG,
            "model '%.*s': %d threads asked for, the engine has %d; open the client "
            "with more, or bind the process to more cores",
            WR_NAME(m->name), m->opt.threads, m->engine->threads);
    if (weir_now_ns() > deadline)
        return weir_fail(err, WEIR_ERR_TIMEOUT,
                         "model '%.*s': the deadline passed before loading",
                         WR_NAME(m->name));
    return WEIR_OK;
}

static wr_load_args load_args(const wr_model *m)
{
    weir_tensor bytes = weir_buffer_view(m->blob);
    const weir_model_options *o = &m->opt;
    return (wr_load_args){.name = m->name,
                          .blob = bytes.data,
                          .n_blob = weir_tensor_bytes(&bytes),
                          .is_script = m->known.is_script,
                          .device = m->queue->device,
                          .threads = o->threads < 1 ? 1 : o->threads,
                          .inputs = o->inputs,
                          .n_inputs = o->n_inputs,
                          .outputs = o->outputs,
                          .n_outputs = o->n_outputs,
                          .functions = o->functions,
                          .n_functions = o->n_functions};
}

static weir_status load(wr_model *m, const wr_load_args *args, weir_error *err)
{
    weir_tensor bytes = weir_buffer_view(m->blob);
    weir_status st = choose_backend(&m->ops, m->engine, m->name, &bytes, args->is_script,
                                    m->opt.backend, err);
    if (st != WEIR_OK)
        return st;
    m->info = m->known;
    snprintf(m->info.backend, sizeof m->info.backend, "%s", m->ops->name);
    return m->ops->load(&m->impl, args, &m->info, err);
}

weir_status wr_model_load_now(wr_model *m, weir_deadline deadline, weir_error *err)
{
    wr_load_args args = load_args(m);
    weir_status st = check_loadable(m, deadline, err);
    if (st == WEIR_OK && m->impl == NULL)
        st = load(m, &args, err);
    if (st == WEIR_OK) {
        derive(m);
        if (!m->opt.no_warm_up && !args.is_script)
            st = warm_up(m, &args, deadline, err);
    }
    if (st == WEIR_OK) {
        settle(m);
    } else if (st != WEIR_ERR_TIMEOUT && m->impl != NULL) {
        drop_contexts(m);
        m->ops->unload(m->impl);
        m->impl = NULL;
    }
    return st;
}

/* ---- what it is ---------------------------------------------------------------------------------------- */

wr_model *wr_model_ref(wr_model *m)
{
    wr_ref_up(&m->refs);
    return m;
}

void wr_model_unref(wr_model *m)
{
    if (m != NULL && wr_ref_down(&m->refs))
        model_free(m);
}

const weir_model_info *wr_model_info(const wr_model *m)
{
    return wr_model_is_ready(m) ? &m->info : &m->known;
}

const weir_model_options *wr_model_options(const wr_model *m)
{
    return &m->opt;
}

weir_buffer *wr_model_blob(wr_model *m)
{
    return m->blob;
}

void wr_model_statistics(wr_model *m, weir_model_stats *out, bool reset)
{
    wr_account_read(m->account, out, reset);
}
