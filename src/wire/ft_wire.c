/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzz target: commands of any words through the decoder, the real handlers over a keyspace in memory
 * with the mock backend, and their replies back through the client's reader, which must understand
 * every one of them to its last byte. */
#include "base/alloc.h"
#include "service/pipeline.h"
#include "support/fuzz_words.h"
#include "support/wire_loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static wr_service *service_of_input(void)
{
    static wr_service service;
    if (service.engine == NULL) {
        wr_engine_options o = {.threads = 1, .oversubscribe = true};
        fuzz_limit_memory();
        MUST(wr_engine_new(&service.engine, &o, NULL) == WEIR_OK);
    }
    MUST(wr_keyspace_new_memory(&service.keyspace, 1 << 24, 0, NULL) == WEIR_OK);
    return &service;
}

/* A model that sleeps, or waits for the test, is no find. */
static bool is_slow(const uint8_t *data, size_t n)
{
    return memmem(data, n, "delay", 5) != NULL || memmem(data, n, "_fd", 3) != NULL;
}

typedef struct told {
    const fuzz_words *f;
    bool is_key[FUZZ_WORDS_MAX];
} told;

static void tell(void *context, size_t i_word, bool writes)
{
    told *t = context;
    (void)writes;
    MUST(i_word > 0 && i_word < t->f->n);
    t->is_key[i_word] = true;
}

static void must_be_told(const told *t, weir_str key)
{
    bool found = false;
    for (size_t i = 1; i < t->f->n && !found; i++)
        found = t->is_key[i] && wr_str_eq(t->f->w[i], key);
    MUST(found);
}

/* Access control and clusters go by what wr_wire_word_keys tells: no command may use a key beside that,
 * but the models of runs and pipelines. Clients choose the shard by wr_wire_key, which must be of it. */
static void check_keys(const fuzz_words *f, const wr_req *req)
{
    told t = {.f = f};
    weir_str key;
    wr_wire_word_keys((wr_words){f->w, f->n}, tell, &t);
    for (size_t at = 0; wr_wire_key(req, at, &key); at++)
        must_be_told(&t, key);
    if (req->key.p != NULL && req->command != WR_CMD_run &&
        req->command != WR_CMD_pipeline)
        must_be_told(&t, req->key);
    if (req->to.p != NULL)
        must_be_told(&t, req->to);
    for (int i = 0; req->command == WR_CMD_run && i < req->n_in + req->n_out; i++)
        must_be_told(&t, i < req->n_in ? req->in_keys[i] : req->out_keys[i - req->n_in]);
    for (size_t i = 0; req->steps != NULL && i < req->steps->n; i++) {
        wr_step_kind kind = req->steps->step[i].kind;
        if (kind == WR_STEP_LOAD || kind == WR_STEP_KEEP)
            must_be_told(&t, req->steps->step[i].key);
    }
}

static void release(wr_rep *rep)
{
    for (int i = 0; i < rep->n_buffers; i++)
        weir_buffer_unref(rep->buffer[i]);
    weir_dataset_free(rep->dataset);
}

static void check_reply(const wr_loop_sink *sink, const wr_decoded *d, weir_status st)
{
    static weir_model_info info;
    static weir_model_stats stats;
    wr_rep rep = {.info = &info, .stats = &stats};
    weir_error err = {0};
    wr_loop_source source;
    bool whole = false;
    if (sink->text.failed ||
        d->req.command == WR_CMD_pipeline) /* into memory of its steps */
        return;
    wr_loop_source_init(&source, (weir_str){sink->text.p, sink->text.n});
    weir_status got = wr_wire_read_reply(&source.source, &d->req, &rep, &whole, &err);
    MUST(whole && source.left.n == 0);
    MUST(got == st || got == WEIR_ERR_NOMEM);
    if (got == WEIR_OK)
        release(&rep);
    else
        MUST(err.text[0] != '\0' || st != WEIR_OK);
}

static void serve(wr_service *s, const fuzz_words *f)
{
    wr_decoded d = {0};
    wr_loop_sink sink;
    weir_error err = {0};
    weir_status st = wr_wire_decode(&d, (wr_words){f->w, f->n}, &wr_loop_holder, &err);
    wr_loop_sink_init(&sink);
    if (st == WEIR_OK) {
        check_keys(f, &d.req);
        if (d.req.limit.timeout_ms != 0) /* nobody waits here */
            d.req.limit.timeout_ms = d.req.command == WR_CMD_poll ? 0 : 1000;
        if (d.req.options != NULL) /* a measurement takes its time */
            ((weir_model_options *)(uintptr_t)d.req.options)->no_warm_up = true;
        st = wr_service_handle(s, &d.req, &d.rep, &err);
    }
    if (st == WEIR_OK)
        wr_wire_reply(&sink.sink, &d);
    else
        wr_wire_reply_error(&sink.sink, st, &err);
    MUST(st == WEIR_OK || (err.text[0] != '\0' && err.code == st));
    if (wr_wire_command(f->w[0]) != WR_CMD_COUNT)
        check_reply(&sink, &d, st);
    wr_text_fini(&sink.text);
    wr_decoded_fini(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static fuzz_words f;
    if (is_slow(data, n))
        return 0;
    wr_service *s = service_of_input();
    fuzz_words_init(&f, data, n);
    while (fuzz_words_next(&f))
        serve(s, &f);
    s->keyspace->ops->free(s->keyspace);
    return 0;
}
