/* SPDX-License-Identifier: BSD-3-Clause */
/* Handler of pipelines: steps run in order over a scope of named tensors; what is kept is published,
 * and what is fetched is written, only after every step has succeeded. */
#include "service/pipeline.h"

#include "base/alloc.h"
#include "service/handlers.h"
#include "tensor/buffer.h"

/* A named tensor inside the pipeline. */
typedef struct slot {
    weir_str name;
    weir_tensor view;
    weir_buffer *buffer; /* one reference, NULL for the caller's memory */
} slot;

typedef struct scope {
    wr_service *s;
    const wr_req *req;
    slot *slot; /* a name may stand again: the last one counts */
    size_t n, room;
    slot *fetched; /* parallel to the steps: what a GET or KEEP saw */
} scope;

static weir_status no_memory(weir_error *err)
{
    return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a pipeline");
}

static weir_status add(scope *sc, slot x, weir_error *err)
{
    if (sc->n == sc->room) {
        size_t room = sc->room * 2 + 16;
        slot *bigger = wr_realloc(sc->slot, room * sizeof *bigger);
        if (bigger == NULL)
            return no_memory(err);
        sc->slot = bigger;
        sc->room = room;
    }
    sc->slot[sc->n++] = x;
    return WEIR_OK;
}

static const slot *find(const scope *sc, weir_str name, weir_error *err)
{
    for (size_t i = sc->n; i > 0; i--) {
        if (wr_str_eq(sc->slot[i - 1].name, name))
            return &sc->slot[i - 1];
    }
    weir_fail(err, WEIR_ERR_KEY, "no step before this one makes or loads '%.*s'",
              WR_NAME(name));
    return NULL;
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

static weir_status do_load(scope *sc, const wr_step *step, weir_error *err)
{
    wr_text key = {0};
    slot x = {.name = step->name};
    step_key(&key, sc->req->get_prefix, step);
    weir_status st = key.failed ? no_memory(err)
                                : wr_resolve_tensor(sc->s, (weir_str){key.p, key.n},
                                                    "tensor", &x.buffer, err);
    wr_text_fini(&key);
    if (st != WEIR_OK)
        return st;
    x.view = weir_buffer_view(x.buffer);
    st = add(sc, x, err);
    if (st != WEIR_OK)
        weir_buffer_unref(x.buffer);
    return st;
}

static weir_status add_outputs(scope *sc, const wr_step *step, wr_output *out,
                               weir_error *err)
{
    weir_status st = WEIR_OK;
    for (int i = 0; i < step->n_out && st == WEIR_OK; i++) {
        st = add(sc, (slot){step->out[i], weir_buffer_view(out[i].buffer), out[i].buffer},
                 err);
        if (st == WEIR_OK)
            out[i].buffer = NULL;
    }
    return st;
}

static weir_status do_run(scope *sc, const wr_step *step, weir_error *err)
{
    weir_tensor in[WEIR_IO_MAX];
    wr_output out[WEIR_IO_MAX];
    wr_model *model = NULL;
    wr_job job = {.function = step->function,
                  .in = in,
                  .n_in = step->n_in,
                  .out = out,
                  .n_out = step->n_out,
                  .deadline = wr_limit_deadline(sc->req->limit)};
    for (int i = 0; i < step->n_out; i++)
        out[i] = (wr_output){0};
    for (int i = 0; i < step->n_in; i++) {
        const slot *x = find(sc, step->in[i], err);
        if (x == NULL)
            return WEIR_ERR_KEY;
        in[i] = x->view;
    }
    wr_text key = {0};
    wr_text_add(&key, sc->req->key.p, sc->req->key.n); /* the prefix of models */
    wr_text_add(&key, step->name.p, step->name.n);
    weir_status st =
        key.failed
            ? no_memory(err)
            : wr_resolve_model(sc->s, step->function.n > 0 ? WEIR_SCRIPT : WEIR_MODEL,
                               (weir_str){key.p, key.n}, &model, err);
    wr_text_fini(&key);
    if (st != WEIR_OK)
        return st;
    job.model = model;
    st = wr_engine_run(sc->s->engine, &job);
    if (st != WEIR_OK && err != NULL)
        *err = job.error;
    if (st == WEIR_OK)
        st = add_outputs(sc, step, out, err);
    for (int i = 0; i < step->n_out; i++)
        weir_buffer_unref(out[i].buffer);
    wr_model_unref(model);
    return st;
}

/* What a GET or KEEP names is held as it is at this step. */
static weir_status do_fetch(scope *sc, const wr_step *step, slot *fetched,
                            weir_error *err)
{
    const slot *x = find(sc, step->name, err);
    if (x == NULL)
        return WEIR_ERR_KEY;
    if (step->kind == WR_STEP_GET && !sc->req->give_buffers) {
        weir_status st = wr_check_same(step->name, &x->view, &step->t, err);
        if (st != WEIR_OK)
            return st;
        if (x->view.dtype == WEIR_STRING)
            return weir_fail(err, WEIR_ERR_UNSUPPORTED,
                             "'%.*s' holds strings: keep it instead",
                             WR_NAME(step->name));
    }
    *fetched = *x;
    if (x->buffer != NULL)
        weir_buffer_ref(x->buffer);
    else if (step->kind == WR_STEP_KEEP || sc->req->give_buffers) {
        wr_count_copy(sc->s, WR_CMD_pipeline, weir_tensor_bytes(&x->view));
        return weir_buffer_from(&fetched->buffer, &x->view, err);
    }
    return WEIR_OK;
}

static weir_status do_step(scope *sc, const wr_step *step, slot *fetched, weir_error *err)
{
    switch (step->kind) {
    case WR_STEP_LOAD:
        return do_load(sc, step, err);
    case WR_STEP_TENSOR:
        return add(sc, (slot){step->name, step->t, NULL}, err);
    case WR_STEP_RUN:
        return do_run(sc, step, err);
    case WR_STEP_GET:
    case WR_STEP_KEEP:
        return do_fetch(sc, step, fetched, err);
    }
    return weir_fail(err, WEIR_ERR_INTERNAL, "pipeline step of kind %d", (int)step->kind);
}

static weir_status do_steps(scope *sc, const wr_steps *steps, weir_error *err)
{
    for (size_t i = 0; i < steps->n; i++) {
        weir_error inner = {0};
        weir_status st = do_step(sc, &steps->step[i], &sc->fetched[i], &inner);
        if (st != WEIR_OK)
            return weir_fail(err, st, "step %zu of %zu, '%.*s': %.400s", i + 1, steps->n,
                             WR_NAME(steps->step[i].name), inner.text);
    }
    return WEIR_OK;
}

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
    scope sc = {.s = s, .req = req};
    weir_status st = WEIR_OK;
    sc.fetched = wr_calloc(steps->n, sizeof *sc.fetched);
    if (sc.fetched == NULL)
        return no_memory(err);
    st = do_steps(&sc, steps, err);
    if (st == WEIR_OK)
        st = keep(&sc, steps, err);
    if (st == WEIR_OK)
        st = write_out(&sc, steps, rep, err);
    for (size_t i = 0; i < sc.n; i++)
        weir_buffer_unref(sc.slot[i].buffer);
    for (size_t i = 0; i < steps->n; i++)
        weir_buffer_unref(sc.fetched[i].buffer);
    wr_free(sc.slot);
    wr_free(sc.fetched);
    return st;
}
