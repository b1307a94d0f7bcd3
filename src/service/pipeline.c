/* SPDX-License-Identifier: BSD-3-Clause */
/* Handler of pipelines: steps over a scope of named tensors, with the outcome that they would have in
 * order; runs that don't need each other run side by side. What is kept is published, and what is
 * fetched is written, only after every step has succeeded. */
#include "service/pipeline.h"

#include "base/alloc.h"
#include "base/thread.h"
#include "service/handlers.h"
#include "tensor/buffer.h"

/* A tensor inside the pipeline. Each step that makes one has slots of its own, so a name may stand
 * again: who reads it has the slot of the last step before. */
typedef struct slot {
    weir_str name;
    weir_tensor view;
    weir_buffer *buffer; /* one reference, NULL for the caller's memory */
    bool is_there;
} slot;

static const size_t NONE = SIZE_MAX;
static const int64_t WORTH_NS = 20000; /* shorter runs cost less than waking a thread */

/* A step on its way. */
typedef struct progress {
    bool begun;
    size_t out; /* first of its slots */
    size_t in;  /* first of its entries in scope.input */
} progress;

typedef struct call call;

typedef struct scope {
    wr_service *s;
    const wr_req *req;
    const wr_steps *steps;
    progress *progress; /* of each step */
    slot *slot;
    size_t n_slots;
    size_t *input; /* slots that steps read; NONE: no step before makes it */
    slot *fetched; /* of each step: what a GET or KEEP saw */
    size_t first;  /* all steps before it have begun */
    size_t
        failed; /* the first step that failed; later ones are not begun; n_steps: none did */
    weir_status status;
    weir_error error; /* of the failed step */
    int n_flying;     /* calls that the engine has */
    wr_mutex lock;
    wr_cond ended;
    call *over; /* lock: calls that the engine gave back */
} scope;

/* A run that has begun. */
struct call {
    wr_job job;
    scope *sc;
    size_t step;
    call *next;
    weir_tensor in[WEIR_IO_MAX];
    wr_output out[WEIR_IO_MAX];
};

static weir_status no_memory(weir_error *err)
{
    return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a pipeline");
}

/* ---- what depends on what ---------------------------------------------------------------------- */

static int n_outputs(const wr_step *step)
{
    return step->kind == WR_STEP_RUN                                    ? step->n_out
           : step->kind == WR_STEP_LOAD || step->kind == WR_STEP_TENSOR ? 1
                                                                        : 0;
}

static int n_inputs(const wr_step *step)
{
    return step->kind == WR_STEP_RUN                                 ? step->n_in
           : step->kind == WR_STEP_GET || step->kind == WR_STEP_KEEP ? 1
                                                                     : 0;
}

static weir_str input_name(const wr_step *step, int i)
{
    return step->kind == WR_STEP_RUN ? step->in[i] : step->name;
}

static size_t last_of(const scope *sc, weir_str name)
{
    for (size_t i = sc->n_slots; i > 0; i--) {
        if (wr_str_eq(sc->slot[i - 1].name, name))
            return i - 1;
    }
    return NONE;
}

static weir_status scope_init(scope *sc)
{
    const wr_steps *steps = sc->steps;
    size_t n_in = 0, n_out = 0;
    for (size_t i = 0; i < steps->n; i++) {
        n_in += (size_t)n_inputs(&steps->step[i]);
        n_out += (size_t)n_outputs(&steps->step[i]);
    }
    sc->progress = wr_calloc(steps->n, sizeof *sc->progress);
    sc->fetched = wr_calloc(steps->n, sizeof *sc->fetched);
    sc->slot = wr_calloc(n_out, sizeof *sc->slot);
    sc->input = wr_calloc(n_in, sizeof *sc->input);
    sc->failed = steps->n;
    wr_mutex_init(&sc->lock, WR_LEVEL_LEAF);
    wr_cond_init(&sc->ended);
    if (sc->progress == NULL || sc->fetched == NULL || sc->slot == NULL ||
        sc->input == NULL)
        return WEIR_ERR_NOMEM;
    n_in = 0;
    for (size_t i = 0; i < steps->n; i++) {
        const wr_step *step = &steps->step[i];
        sc->progress[i] = (progress){.in = n_in, .out = sc->n_slots};
        for (int k = 0; k < n_inputs(step); k++)
            sc->input[n_in++] = last_of(sc, input_name(step, k));
        for (int k = 0; k < n_outputs(step); k++)
            sc->slot[sc->n_slots++].name =
                step->kind == WR_STEP_RUN ? step->out[k] : step->name;
    }
    return WEIR_OK;
}

static void scope_fini(scope *sc)
{
    for (size_t i = 0; i < sc->n_slots; i++)
        weir_buffer_unref(sc->slot[i].buffer);
    for (size_t i = 0; sc->fetched != NULL && i < sc->steps->n; i++)
        weir_buffer_unref(sc->fetched[i].buffer);
    wr_cond_fini(&sc->ended);
    wr_mutex_fini(&sc->lock);
    wr_free(sc->input);
    wr_free(sc->slot);
    wr_free(sc->fetched);
    wr_free(sc->progress);
}

/* The key of a step that loads or keeps. */
static void step_key(wr_text *key, weir_str prefix, const wr_step *step)
{
    if (step->key.n > 0) {
        wr_text_add(key, step->key.p, step->key.n);
        return;
    }
    wr_text_add(key, prefix.p, prefix.n);
    wr_text_add(key, step->name.p, step->name.n);
}

/* Is all there that it reads? What will never be there fails when it begins. */
static bool is_ready(const scope *sc, size_t i)
{
    for (int k = 0; k < n_inputs(&sc->steps->step[i]); k++) {
        size_t from = sc->input[sc->progress[i].in + (size_t)k];
        if (from != NONE && !sc->slot[from].is_there)
            return false;
    }
    return true;
}

static weir_status input_of(const scope *sc, size_t i, int k, const slot **out,
                            weir_error *err)
{
    size_t from = sc->input[sc->progress[i].in + (size_t)k];
    if (from == NONE)
        return weir_fail(err, WEIR_ERR_KEY,
                         "no step before this one makes or loads '%.*s'",
                         WR_NAME(input_name(&sc->steps->step[i], k)));
    *out = &sc->slot[from];
    return WEIR_OK;
}

/* The outcome of a step. Of several failures the first in order counts, as if the steps had run one
 * after another. */
static void settle(scope *sc, size_t i, weir_status st, const weir_error *why)
{
    if (st == WEIR_OK || i >= sc->failed)
        return;
    const wr_step *step = &sc->steps->step[i];
    sc->failed = i;
    sc->status = weir_fail(&sc->error, st, "step %zu of %zu, '%.*s': %.400s", i + 1,
                           sc->steps->n, WR_NAME(step->name), why->text);
}

/* ---- steps that are short ---------------------------------------------------------------------------- */

static weir_status do_load(scope *sc, size_t i, weir_error *err)
{
    const wr_step *step = &sc->steps->step[i];
    slot *x = &sc->slot[sc->progress[i].out];
    wr_text key = {0};
    step_key(&key, sc->req->get_prefix, step);
    weir_status st = key.failed ? no_memory(err)
                                : wr_resolve_tensor(sc->s, (weir_str){key.p, key.n},
                                                    "tensor", &x->buffer, err);
    wr_text_fini(&key);
    if (st != WEIR_OK)
        return st;
    x->view = weir_buffer_view(x->buffer);
    x->is_there = true;
    return WEIR_OK;
}

static weir_status do_tensor(scope *sc, size_t i)
{
    slot *x = &sc->slot[sc->progress[i].out];
    x->view = sc->steps->step[i].t;
    x->is_there = true;
    return WEIR_OK;
}

/* What a GET or KEEP names is held as it is at this step. */
static weir_status do_fetch(scope *sc, size_t i, weir_error *err)
{
    const wr_step *step = &sc->steps->step[i];
    const slot *x = NULL;
    slot *fetched = &sc->fetched[i];
    weir_status st = input_of(sc, i, 0, &x, err);
    bool checked = step->kind == WR_STEP_GET && !sc->req->give_buffers;
    if (st == WEIR_OK && checked)
        st = wr_check_same(step->name, &x->view, &step->t, err);
    if (st != WEIR_OK)
        return st;
    if (checked && x->view.dtype == WEIR_STRING)
        return weir_fail(err, WEIR_ERR_UNSUPPORTED,
                         "'%.*s' holds strings: keep it instead", WR_NAME(step->name));
    *fetched = *x;
    if (x->buffer != NULL)
        weir_buffer_ref(x->buffer);
    else if (step->kind == WR_STEP_KEEP || sc->req->give_buffers) {
        wr_count_copy(sc->s, WR_CMD_pipeline, weir_tensor_bytes(&x->view));
        return weir_buffer_from(&fetched->buffer, &x->view, err);
    }
    return WEIR_OK;
}

static weir_status do_short(scope *sc, size_t i, weir_error *err)
{
    switch (sc->steps->step[i].kind) {
    case WR_STEP_LOAD:
        return do_load(sc, i, err);
    case WR_STEP_TENSOR:
        return do_tensor(sc, i);
    case WR_STEP_GET:
    case WR_STEP_KEEP:
        return do_fetch(sc, i, err);
    case WR_STEP_RUN:
        break;
    }
    return weir_fail(err, WEIR_ERR_INTERNAL, "pipeline step of kind %d",
                     (int)sc->steps->step[i].kind);
}

/* ---- runs ---------------------------------------------------------------------------------------------- */

/* The engine gives a call back, on any thread. */
static void call_over(wr_job *job)
{
    call *c = job->context;
    scope *sc = c->sc;
    wr_lock(&sc->lock);
    c->next = sc->over;
    sc->over = c;
    wr_cond_signal(&sc->ended);
    wr_unlock(&sc->lock);
}

static weir_status call_fill(call *c, weir_error *err)
{
    scope *sc = c->sc;
    const wr_step *step = &sc->steps->step[c->step];
    weir_status st = WEIR_OK;
    c->job = (wr_job){.function = step->function,
                      .in = c->in,
                      .n_in = step->n_in,
                      .out = c->out,
                      .n_out = step->n_out,
                      .calls = sc->req->script_calls,
                      .deadline = wr_limit_deadline(sc->req->limit),
                      .done = call_over,
                      .context = c};
    for (int i = 0; i < step->n_out; i++)
        c->out[i] = (wr_output){0};
    for (int i = 0; i < step->n_in && st == WEIR_OK; i++) {
        const slot *x = NULL;
        st = input_of(sc, c->step, i, &x, err);
        if (st == WEIR_OK)
            c->in[i] = x->view;
    }
    wr_text key = {0};
    wr_text_add(&key, sc->req->key.p, sc->req->key.n); /* the prefix of models */
    wr_text_add(&key, step->name.p, step->name.n);
    if (st == WEIR_OK)
        st =
            key.failed
                ? no_memory(err)
                : wr_resolve_model(sc->s, step->function.n > 0 ? WEIR_SCRIPT : WEIR_MODEL,
                                   (weir_str){key.p, key.n}, &c->job.model, err);
    wr_text_fini(&key);
    return st;
}

static void call_free(call *c)
{
    const wr_step *step = &c->sc->steps->step[c->step];
    for (int i = 0; i < step->n_out; i++)
        weir_buffer_unref(c->out[i].buffer);
    wr_model_unref(c->job.model);
    wr_free(c);
}

/* Take over what a call has made, or its failure. */
static void call_end(call *c, weir_status st, const weir_error *why)
{
    scope *sc = c->sc;
    slot *to = &sc->slot[sc->progress[c->step].out];
    for (int i = 0; i < sc->steps->step[c->step].n_out && st == WEIR_OK; i++) {
        to[i].buffer = c->out[i].buffer;
        to[i].view = weir_buffer_view(to[i].buffer);
        to[i].is_there = true;
        c->out[i].buffer = NULL;
    }
    settle(sc, c->step, st, why);
    call_free(c);
}

/* Run a step here, or let the engine do it. */
static void begin_run(scope *sc, size_t i, bool here)
{
    weir_error err = {0};
    call *c = wr_alloc(sizeof *c);
    if (c == NULL) {
        settle(sc, i, no_memory(&err), &err);
        return;
    }
    c->sc = sc;
    c->step = i;
    weir_status st = call_fill(c, &err);
    if (st == WEIR_OK && !here && wr_engine_try(sc->s->engine, &c->job, WORTH_NS)) {
        st = c->job.status;
        err = c->job.error;
    } else if (st == WEIR_OK && !here) {
        st = wr_engine_submit(sc->s->engine, &c->job, &err);
        sc->n_flying += st == WEIR_OK;
        if (st == WEIR_OK)
            return;
    } else if (st == WEIR_OK) {
        st = wr_engine_run(sc->s->engine, &c->job);
        err = c->job.error;
    }
    call_end(c, st, &err);
}

/* Take back what the engine has ended; with `wait`, at least one. */
static void reap(scope *sc, bool wait)
{
    wr_lock(&sc->lock);
    while (wait && sc->over == NULL) /* each ends: the engine holds its deadline */
        (void)wr_cond_wait(&sc->ended, &sc->lock, WEIR_NEVER);
    call *over = sc->over;
    sc->over = NULL;
    wr_unlock(&sc->lock);
    for (call *c = over, *next; c != NULL; c = next) {
        next = c->next;
        sc->n_flying--;
        call_end(c, c->job.status, &c->job.error);
    }
}

/* Begin all that is ready but the first run, which is left to the caller; NONE: there is none. Runs
 * beside it go to the engine, up to its places; with one place, or in order, all are the caller's, one by
 * one. */
static size_t begin_ready(scope *sc)
{
    int places = wr_engine_threads(sc->s->engine);
    int most = places > 1 && !sc->req->in_order ? places : 0;
    size_t mine = NONE;
    while (sc->first < sc->steps->n && sc->progress[sc->first].begun)
        sc->first++;
    for (size_t i = sc->first; i < sc->failed; i++) {
        bool runs = sc->steps->step[i].kind == WR_STEP_RUN;
        if (sc->progress[i].begun || (runs && mine != NONE && sc->n_flying >= most) ||
            !is_ready(sc, i))
            continue;
        if (runs && mine == NONE) {
            mine = i;
            continue;
        }
        sc->progress[i].begun = true;
        if (runs) {
            begin_run(sc, i, false);
            continue;
        }
        weir_error err = {0};
        weir_status st = do_short(sc, i, &err);
        settle(sc, i, st, &err);
    }
    return mine < sc->failed ? mine : NONE;
}

static weir_status do_steps(scope *sc, weir_error *err)
{
    for (;;) {
        size_t mine = begin_ready(sc);
        if (mine != NONE) {
            sc->progress[mine].begun = true;
            begin_run(sc, mine, true);
        } else if (sc->n_flying == 0) {
            break;
        }
        reap(sc, mine == NONE);
    }
    if (sc->status != WEIR_OK && err != NULL)
        *err = sc->error;
    return sc->status;
}

/* ---- what comes of it ------------------------------------------------------------------------------------ */

static weir_status keep(scope *sc, const wr_steps *steps, weir_error *err)
{
    wr_batch batch = {0};
    for (size_t i = 0; i < steps->n; i++) {
        if (steps->step[i].kind != WR_STEP_KEEP)
            continue;
        wr_text key = {0};
        step_key(&key, sc->req->put_prefix, &steps->step[i]);
        wr_batch_set(
            &batch, &key,
            (wr_value){.kind = WR_VALUE_TENSOR, .of.tensor = sc->fetched[i].buffer},
            WR_VALUE_TENSOR);
    }
    weir_status st = batch.n == 0 && !batch.failed
                         ? WEIR_OK
                         : wr_batch_publish(&batch, sc->s, sc->req, err);
    wr_batch_fini(&batch);
    return st;
}

/* Types and shapes were checked by the steps. */
static weir_status write_out(scope *sc, const wr_steps *steps, wr_rep *rep,
                             weir_error *err)
{
    weir_status st = WEIR_OK;
    for (size_t i = 0; i < steps->n && st == WEIR_OK; i++) {
        if (steps->step[i].kind != WR_STEP_GET)
            continue;
        if (sc->req->give_buffers) {
            if (rep->n_buffers == WEIR_IO_MAX)
                return weir_fail(err, WEIR_ERR_UNSUPPORTED,
                                 "more than %d tensors of one pipeline are fetched",
                                 WEIR_IO_MAX);
            rep->buffer[rep->n_buffers++] = weir_buffer_ref(sc->fetched[i].buffer);
            continue;
        }
        st = weir_tensor_copy(&steps->step[i].t, &sc->fetched[i].view, err);
        wr_count_copy(sc->s, WR_CMD_pipeline, weir_tensor_bytes(&sc->fetched[i].view));
    }
    return st;
}

weir_status wr_handle_pipeline(wr_service *s, const wr_req *req, wr_rep *rep,
                               weir_error *err)
{
    const wr_steps *steps = req->steps;
    scope sc = {.s = s, .req = req, .steps = steps};
    weir_status st = scope_init(&sc) == WEIR_OK ? WEIR_OK : no_memory(err);
    if (st == WEIR_OK)
        st = do_steps(&sc, err);
    if (st == WEIR_OK)
        st = keep(&sc, steps, err);
    if (st == WEIR_OK)
        st = write_out(&sc, steps, rep, err);
    scope_fini(&sc);
    return st;
}
