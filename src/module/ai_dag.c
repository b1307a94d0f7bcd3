/* SPDX-License-Identifier: BSD-3-Clause */
/* AI.DAGEXECUTE and its kin. The server's thread parses and takes references; then each op goes to the
 * engine when its inputs are there, so that independent ops run side by side; who ends the last one has
 * the results kept and the reply written. No thread waits for another. */
#include "base/alloc.h"
#include "base/thread.h"
#include "module/ai.h"
#include "module/script_calls.h"

typedef struct dag dag;

/* One op that runs. */
typedef struct step {
    dag *of;
    wr_job job;
    wr_model *model; /* one reference; NULL: no op that runs */
    weir_tensor *in; /* job.n_in, in the dag's memory */
    size_t n_missing;
    struct step *next; /* of those that are ready now */
} step;

struct dag {
    call *c;
    wr_ai_dag d;
    const wr_script_calls *calls; /* what its scripts may ask */
    step *step;                   /* of each op */
    wr_ai_outcome *outcome;       /* of each op */
    weir_tensor *in;              /* memory of all steps */
    wr_output *out;
    size_t *user;       /* ops that read a slot made by a run: those of slot i from .. */
    size_t *first_user; /* .. first_user[i] up to first_user[i + 1] */
    bool kept;          /* PERSIST is done */
    wr_mutex lock;      /* guards all below, outcome and n_missing, while ops run */
    weir_buffer **slot; /* one reference each; NULL: not made yet */
    size_t n_running;   /* ops, and one for who starts them */
    bool failed, timed_out;
};

static void free_dag(void *extra)
{
    dag *g = extra;
    if (g == NULL)
        return;
    for (size_t i = 0; g->step != NULL && i < g->d.n_ops; i++) {
        wr_model_unref(g->step[i].model);
        if (g->outcome != NULL)
            wr_free((void *)(uintptr_t)g->outcome[i].line);
    }
    for (size_t i = 0; g->slot != NULL && i < g->d.n_slots; i++)
        weir_buffer_unref(g->slot[i]);
    wr_free(g->step);
    wr_free(g->outcome);
    wr_free(g->in);
    wr_free(g->out);
    wr_free(g->user);
    wr_free(g->first_user);
    wr_free(g->slot);
    wr_ai_dag_fini(&g->d);
    wr_mutex_fini(&g->lock);
    wr_free(g);
}

/* ---- before it starts: the server's thread ---- */

static bool make_room(dag *g, size_t *n_in)
{
    size_t n_out = 0;
    *n_in = 0;
    for (size_t i = 0; i < g->d.n_ops; i++) {
        *n_in += g->d.op[i].n_in;
        n_out += g->d.op[i].n_out;
    }
    g->step = wr_calloc(g->d.n_ops, sizeof *g->step);
    g->outcome = wr_calloc(g->d.n_ops, sizeof *g->outcome);
    g->in = wr_calloc(*n_in, sizeof *g->in);
    g->out = wr_calloc(n_out, sizeof *g->out);
    g->user = wr_calloc(*n_in, sizeof *g->user);
    g->first_user = wr_calloc(g->d.n_slots + 2, sizeof *g->first_user);
    g->slot = wr_calloc(g->d.n_slots, sizeof *g->slot);
    return g->step != NULL && g->outcome != NULL && g->in != NULL && g->out != NULL &&
           g->user != NULL && g->first_user != NULL && g->slot != NULL;
}

/* Who reads what: counted, summed, then filled in. */
static void note_users(dag *g)
{
    size_t *first = g->first_user;
    for (size_t i = 0; i < g->d.n_ops; i++) {
        const wr_ai_op *o = &g->d.op[i];
        for (size_t k = 0; o->kind == WR_AI_OP_RUN && k < o->n_in; k++)
            first[o->in[k] + 2]++;
    }
    for (size_t i = 2; i < g->d.n_slots + 2; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < g->d.n_ops; i++) {
        const wr_ai_op *o = &g->d.op[i];
        for (size_t k = 0; o->kind == WR_AI_OP_RUN && k < o->n_in; k++) {
            size_t slot = o->in[k];
            g->user[first[slot + 1]++] = i;
            g->step[i].n_missing += g->slot[slot] == NULL;
        }
    }
}

static weir_status take_set(dag *g, wr_ai_op *o)
{
    call *c = g->c;
    weir_status st = WEIR_OK;
    if (o->of.set.i_blob > 0)
        st = c->holder.hold(&c->holder, o->of.set.i_blob, &o->of.set.view,
                            &g->slot[o->first_out], NULL);
    else
        g->slot[o->first_out] = weir_buffer_ref(o->of.set.buffer);
    return st == WEIR_OK ? st : weir_fail(&c->err, st, "%s", WR_AI_TEXT_NOT_SAVED);
}

static void ended(wr_job *job);

static weir_status take_run(dag *g, size_t i, host_ctx *ctx, weir_tensor **in,
                            wr_output **out)
{
    const wr_ai_run *r = &g->d.op[i].of.run;
    step *s = &g->step[i];
    if (r->n_in > WEIR_IO_MAX || r->n_out > WEIR_IO_MAX)
        return weir_fail(&g->c->err, WEIR_ERR_ARG,
                         "ERR a run takes and gives up to %d tensors, not %zu and %zu",
                         WEIR_IO_MAX, r->n_in, r->n_out);
    weir_status st = r->function.n > 0 && g->calls == NULL
                         ? script_calls_make(g->c, ctx, &g->calls)
                         : WEIR_OK;
    if (st != WEIR_OK)
        return st;
    s->of = g;
    s->model = ai_model(ctx, r->key);
    s->in = *in;
    s->job = (wr_job){.model = s->model,
                      .function = r->function,
                      .in = s->in,
                      .n_in = (int)r->n_in,
                      .out = *out,
                      .n_out = (int)r->n_out,
                      .keys = r->keys,
                      .n_keys = (int)r->n_keys,
                      .args = r->args,
                      .n_args = (int)r->n_args,
                      .calls = g->calls,
                      .lenient = true,
                      .done = ended};
    *in += r->n_in;
    *out += r->n_out;
    return WEIR_OK;
}

/* References to all that it uses. */
static weir_status take(dag *g, host_ctx *ctx)
{
    size_t n_in;
    weir_status st = WEIR_OK;
    if (!make_room(g, &n_in))
        return weir_fail(&g->c->err, WEIR_ERR_NOMEM, "ERR out of memory");
    weir_tensor *in = g->in;
    wr_output *out = g->out;
    for (size_t i = 0; i < g->d.n_load; i++)
        g->slot[i] = ai_tensor(ctx, g->d.load[i]);
    for (size_t i = 0; i < g->d.n_ops && st == WEIR_OK; i++) {
        wr_ai_op *o = &g->d.op[i];
        if (o->kind == WR_AI_OP_SET)
            st = take_set(g, o);
        else if (o->kind == WR_AI_OP_RUN)
            st = take_run(g, i, ctx, &in, &out);
        if (o->kind != WR_AI_OP_RUN)
            g->outcome[i].kind = WR_AI_DONE;
    }
    if (st == WEIR_OK)
        note_users(g);
    return st;
}

/* ---- ends: any thread ---- */

/* PERSIST, in one batch: with the server's lock, or on its thread. */
static void keep(call *c)
{
    dag *g = c->extra;
    wr_keyspace *ks = module.service.keyspace;
    g->kept = true;
    if (g->failed || g->d.n_persist == 0)
        return;
    wr_write *w = wr_calloc(g->d.n_persist, sizeof *w);
    if (w == NULL) {
        c->st = weir_fail(&c->err, WEIR_ERR_NOMEM, "no memory to keep %zu tensors",
                          g->d.n_persist);
        return;
    }
    for (size_t i = 0; i < g->d.n_persist; i++)
        w[i] = (wr_write){.kind = WR_WRITE_SET,
                          .key = g->d.persist[i],
                          .value = {.kind = WR_VALUE_TENSOR,
                                    .of.tensor = g->slot[g->d.persist_slot[i]]},
                          .only_over = WR_VALUE_TENSOR};
    ks->ops->lock(ks);
    c->st = ks->ops->apply(ks, w, g->d.n_persist, (wr_limit){-1, WEIR_NEVER}, &c->err);
    ks->ops->unlock(ks);
    if (c->st == WEIR_OK)
        wr_writes_release(w, g->d.n_persist);
    wr_free(w);
}

static void reply_dag(call *c, wr_sink *s)
{
    dag *g = c->extra;
    if (!g->kept) { /* on the server's thread */
        keyspace_bind(((ctx_sink *)s)->ctx);
        keep(c);
        keyspace_unbind();
    }
    wr_count(&module.service, WR_CMD_pipeline, WR_COUNTER_calls, 1);
    if (g->failed || c->st != WEIR_OK)
        wr_count(&module.service, WR_CMD_pipeline, WR_COUNTER_errors, 1);
    if (g->timed_out) {
        wr_ai_reply_timed_out(s);
        return;
    }
    if (c->st != WEIR_OK) {
        wr_ai_reply_failure(s, WR_AI_ON_TENSOR, c->st, &c->err);
        return;
    }
    for (size_t i = 0; i < g->d.n_ops; i++) {
        if (g->d.op[i].kind == WR_AI_OP_GET)
            g->outcome[i].value = g->slot[g->d.op[i].in[0]];
    }
    wr_ai_reply_dag(s, &g->d, g->outcome);
}

static size_t shown_bytes(const dag *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->d.n_ops; i++) {
        const wr_ai_op *o = &g->d.op[i];
        if (o->kind != WR_AI_OP_GET || g->slot[o->in[0]] == NULL)
            continue;
        weir_tensor t = weir_buffer_view(g->slot[o->in[0]]);
        n += weir_tensor_bytes(&t);
    }
    return n;
}

/* All ops have ended, and nobody else looks at g. Without PERSIST the server's thread is spared. */
static void finish(dag *g)
{
    call *c = g->c;
    c->job = keep;
    if (g->d.n_persist > 0 && !g->failed) {
        if (shown_bytes(g) > module.offload_bytes && call_go_on_worker(c) == WEIR_OK)
            return;
    } else {
        g->kept = true;
        call_reply_here(c);
    }
    call_unblock(c);
}

/* ---- while it runs: any thread ---- */

/* An op has failed. With the lock held. */
static void note_failure(dag *g, size_t i)
{
    char line[WR_AI_LINE_MAX];
    const wr_job *job = &g->step[i].job;
    wr_ai_task task = g->d.op[i].of.run.function.n > 0 ? WR_AI_ON_SCRIPT : WR_AI_ON_MODEL;
    g->failed = true;
    g->timed_out |= job->status == WEIR_ERR_TIMEOUT;
    g->outcome[i].kind = WR_AI_FAILED;
    wr_ai_line(line, task, job->status, &job->error);
    g->outcome[i].line = wr_dup(line, strlen(line));
    if (g->outcome[i].line == NULL)
        g->outcome[i].kind = WR_AI_NOT_RUN;
}

/* An op's results are there: which ops have been waiting for just them? With the lock held. */
static step *note_results(dag *g, size_t i)
{
    const wr_ai_op *o = &g->d.op[i];
    step *ready = NULL, **end = &ready;
    g->outcome[i].kind = WR_AI_DONE;
    for (size_t k = 0; k < o->n_out; k++) {
        size_t slot = o->first_out + k;
        g->slot[slot] = g->step[i].job.out[k].buffer;
        for (size_t u = g->first_user[slot]; u < g->first_user[slot + 1]; u++) {
            step *s = &g->step[g->user[u]];
            if (--s->n_missing > 0 || g->failed)
                continue;
            *end = s;
            end = &s->next;
            g->n_running++;
        }
    }
    return ready;
}

static bool release_one(dag *g)
{
    wr_lock(&g->lock);
    bool last = --g->n_running == 0;
    wr_unlock(&g->lock);
    return last;
}

/* To the engine, unless another op has failed by now. Its inputs don't change any more. */
static weir_status submit(step *s)
{
    dag *g = s->of;
    const wr_ai_op *o = &g->d.op[s - g->step];
    for (int k = 0; k < s->job.n_in; k++)
        s->in[k] = weir_buffer_view(g->slot[o->in[k]]);
    return wr_engine_submit(module.service.engine, &s->job, &s->job.error);
}

static void launch(step *s)
{
    dag *g = s->of;
    wr_lock(&g->lock);
    bool wanted = !g->failed;
    wr_unlock(&g->lock);
    weir_status st = wanted ? submit(s) : WEIR_ERR_CLOSED;
    if (st == WEIR_OK)
        return; /* ended() is called, or has been */
    if (wanted) {
        s->job.status = st;
        wr_lock(&g->lock);
        note_failure(g, (size_t)(s - g->step));
        wr_unlock(&g->lock);
    }
    if (release_one(g))
        finish(g);
}

static void ended(wr_job *job)
{
    step *s = (step *)((char *)job - offsetof(step, job)), *ready = NULL;
    dag *g = s->of;
    size_t i = (size_t)(s - g->step);
    wr_lock(&g->lock);
    if (job->status == WEIR_OK)
        ready = note_results(g, i);
    else
        note_failure(g, i);
    wr_unlock(&g->lock);
    for (step *next; ready != NULL; ready = next) {
        next = ready->next; /* it may have ended before launch is back */
        launch(ready);
    }
    if (release_one(g))
        finish(g);
}

/* ---- the command ---- */

static int start(dag *g, host_ctx *ctx)
{
    call *c = g->c;
    int64_t limit = g->d.limit_ms > 0 ? g->d.limit_ms : -1;
    step *ready = NULL, **end = &ready;
    if (module.run_max_ms > 0 && (limit < 0 || limit > module.run_max_ms))
        limit = module.run_max_ms;
    weir_deadline deadline = weir_deadline_in_ms(limit);
    g->n_running = 1;
    for (size_t i = 0; i < g->d.n_ops; i++) {
        g->step[i].job.deadline = deadline;
        if (g->step[i].model == NULL || g->step[i].n_missing > 0)
            continue;
        *end = &g->step[i];
        end = &g->step[i].next;
        g->n_running++;
    }
    if (ready == NULL) { /* nothing runs */
        ctx_sink s = ctx_sink_of(ctx);
        reply_dag(c, &s.sink);
        call_free(c);
        return HOST_OK;
    }
    c->st = call_block(c, ctx);
    if (c->st != WEIR_OK)
        return call_answer(c, ctx);
    for (step *next; ready != NULL; ready = next) {
        next = ready->next;
        launch(ready);
    }
    if (release_one(g))
        finish(g);
    return HOST_OK;
}

int ai_dag(call *c, host_ctx *ctx)
{
    if (!ai_may_run(c, ctx))
        return HOST_OK;
    ai_look l = ai_look_in(ctx);
    dag *g = wr_calloc(1, sizeof *g);
    if (g == NULL) {
        c->st = weir_fail(&c->err, WEIR_ERR_NOMEM, "ERR out of memory");
        return ai_refuse(c, ctx);
    }
    g->c = c;
    wr_mutex_init(&g->lock, WR_LEVEL_REQUEST);
    c->extra = g;
    c->free_extra = free_dag;
    c->st = wr_ai_parse_dag(&g->d, c->words, &l.look, &c->err);
    if (c->st == WEIR_OK)
        c->st = take(g, ctx);
    if (c->st != WEIR_OK)
        return ai_refuse(c, ctx);
    c->reply = reply_dag;
    return start(g, ctx);
}
