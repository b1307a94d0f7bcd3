/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzz target: whatever bytes a server answers, to every command. The first byte chooses the request,
 * the rest is the reply. On success all that was promised is there; on failure there is a sentence,
 * and when the reader says that the connection can go on, it has stopped at the reply's end. */
#include <stdlib.h>

#include "base/alloc.h"
#include "service/pipeline.h"
#include "support/fuzz_words.h"
#include "support/wire_loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* ---- a source that says how far it was read ---- */

typedef struct counted {
    wr_loop_source loop;
    uint64_t wanted; /* items that still belong to the reply; no more than can come */
} counted;

static const wr_source_ops *loop_ops;

static weir_status counted_next(wr_source *source, wr_item *out, weir_error *err)
{
    counted *c = (counted *)source;
    MUST(c->wanted > 0); /* it never reads into the next reply */
    weir_status st = loop_ops->next(source, out, err);
    if (st != WEIR_OK)
        return st;
    c->wanted--;
    if (out->kind == WR_ITEM_ARRAY)
        c->wanted = (uint64_t)out->n > UINT64_MAX - c->wanted
                        ? UINT64_MAX
                        : c->wanted + (uint64_t)out->n;
    return WEIR_OK;
}

static weir_status counted_read(wr_source *source, void *p, size_t n, weir_error *err)
{
    MUST(n > 0);
    return loop_ops->read(source, p, n, err);
}

static void counted_init(counted *c, const uint8_t *data, size_t n)
{
    static const wr_source_ops ops = {counted_next, counted_read};
    wr_loop_source_init(&c->loop, (weir_str){(const char *)data, n});
    loop_ops = c->loop.source.ops;
    c->loop.source.ops = &ops;
    c->wanted = 1;
}

/* ---- requests ---- */

enum { N_OUT = 2, N_STEPS = 3 };

typedef struct asked {
    wr_req req;
    weir_tensor view[N_OUT];
    float memory[N_OUT][64];
    wr_step step[N_STEPS];
    wr_steps steps;
} asked;

/* Strided, so that the reader scatters. */
static void give_memory(asked *a)
{
    for (int i = 0; i < N_OUT; i++)
        a->view[i] = (weir_tensor){.data = a->memory[i],
                                   .dtype = WEIR_F32,
                                   .rank = 2,
                                   .shape = {2, 3},
                                   .stride = {64, i == 0 ? 4 : 8}};
    a->req.out = a->view;
}

static void ask(asked *a, uint8_t what)
{
    *a = (asked){.req = {.command = (wr_command)(what % WR_CMD_COUNT),
                         .kind = WEIR_MODEL,
                         .key = WEIR_STR("p.{k}"),
                         .to = WEIR_STR("to"),
                         .limit = {-1, WEIR_NEVER}}};
    a->req.give_buffers = what >= 128;
    a->req.n_out = a->req.command == WR_CMD_infer ? N_OUT : 1;
    give_memory(a);
    for (int i = 0; i < N_STEPS; i++)
        a->step[i] = (wr_step){.kind = i == 1 ? WR_STEP_LOAD : WR_STEP_GET,
                               .name = WEIR_STR("s"),
                               .t = a->view[i % N_OUT]};
    a->steps = (wr_steps){.step = a->step, .n = N_STEPS, .room = N_STEPS};
    a->req.steps = &a->steps;
}

static void check_success(const asked *a, wr_rep *rep)
{
    for (int i = 0; i < rep->n_buffers; i++) {
        weir_tensor t = weir_buffer_view(rep->buffer[i]);
        MUST(weir_tensor_check(&t, NULL) == WEIR_OK);
        weir_buffer_unref(rep->buffer[i]);
    }
    if (a->req.command == WR_CMD_infer)
        MUST(rep->n_buffers == (a->req.give_buffers ? N_OUT : 0));
    weir_dataset_free(rep->dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static asked a;
    static weir_model_info info;
    static weir_model_stats stats;
    wr_rep rep = {.info = &info, .stats = &stats};
    weir_error err = {0};
    counted source;
    bool whole = false;
    fuzz_limit_memory();
    if (n == 0)
        return 0;
    ask(&a, data[0]);
    counted_init(&source, data + 1, n - 1);
    weir_status st = wr_wire_read_reply(&source.loop.source, &a.req, &rep, &whole, &err);
    if (st == WEIR_OK)
        check_success(&a, &rep);
    else
        MUST(err.code == st && rep.n_buffers == 0 && rep.dataset == NULL);
    if (whole)
        MUST(source.wanted == 0 && source.loop.bulk == 0);
    if (n > 1)
        (void)wr_wire_error((weir_str){(const char *)data + 1, n - 1}, &err);
    return 0;
}
