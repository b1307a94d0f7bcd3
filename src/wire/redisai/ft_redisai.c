/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzz target: any words go through the parser of the command that they name, and through the teller
 * of keys. Words are separated by 0x1f bytes; the first one may be a command's number (one byte), so
 * that mutation reaches them all. What is taken must lie within its words, and its replies must be
 * whole. */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "wire/redisai/testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { WORDS_MAX = 256, SEPARATOR = 0x1f };

#define MUST(condition)                                                                  \
    do {                                                                                 \
        if (!(condition))                                                                \
            __builtin_trap();                                                            \
    } while (0)

static const char *const names[] = {
#define X(id, word, ...) word,
    WR_AI_COMMAND_MAP(X)
#undef X
};

static size_t cut_words(const uint8_t *data, size_t n, weir_str *w)
{
    const char *p = (const char *)data, *end = p + n;
    size_t count = 0;
    while (p < end && count < WORDS_MAX) {
        const char *stop = memchr(p, SEPARATOR, (size_t)(end - p));
        size_t length = (size_t)((stop == NULL ? end : stop) - p);
        w[count++] = (weir_str){p, length};
        p += length + 1;
    }
    if (count > 0 && w[0].n == 1 && (unsigned char)w[0].p[0] < WR_AI_COMMAND_COUNT)
        w[0] = weir_cstr(names[(unsigned char)w[0].p[0]]);
    return count;
}

/* ---- a sink that counts ---- */

typedef struct counter {
    wr_sink sink;
    size_t wanted; /* items still to come */
} counter;

static void one(wr_sink *s)
{
    counter *c = (counter *)s;
    MUST(c->wanted > 0);
    c->wanted--;
}

static void on_text(wr_sink *s, const char *text)
{
    MUST(text[0] != '\0' && strpbrk(text, "\r\n") == NULL);
    one(s);
}

static void on_integer(wr_sink *s, int64_t v)
{
    (void)v;
    one(s);
}

static void on_array(wr_sink *s, size_t n)
{
    one(s);
    ((counter *)s)->wanted += n;
}

static void on_bulk(wr_sink *s, const void *p, size_t n)
{
    MUST(p != NULL || n == 0);
    one(s);
}

static void on_null(wr_sink *s)
{
    one(s);
}

static void on_payload(wr_sink *s, weir_buffer *b, const void *p, size_t n)
{
    weir_tensor t = weir_buffer_view(b);
    MUST(n <= weir_tensor_bytes(&t));
    on_bulk(s, p, n);
}

static const wr_sink_ops ops = {on_text, on_text, on_integer, on_array,
                                on_bulk, on_null, on_payload};

/* ---- what must hold ---- */

/* What the teller of keys said of each word. */
static struct {
    wr_words words;
    unsigned access[WORDS_MAX];
} told;

static void note_key(void *context, size_t i, unsigned access)
{
    (void)context;
    MUST(i > 0 && i < told.words.n && access != 0);
    told.access[i] |= access;
}

/* Access control and clusters go by what is told: no command may use a key beside that. */
static void must_be_told(weir_str key, unsigned access)
{
    bool found = false;
    for (size_t i = 1; i < told.words.n && !found; i++)
        found = (told.access[i] & access) == access && wr_str_eq(told.words.w[i], key);
    MUST(found);
}

static void all_must_be_told(const weir_str *keys, size_t n, unsigned access)
{
    for (size_t i = 0; i < n; i++)
        must_be_told(keys[i], access);
}

/* n words from p on are among them. */
static void must_lie(wr_words w, const weir_str *p, size_t n)
{
    MUST(n == 0 || (p >= w.w && p + n <= w.w + w.n));
}

static void check_set(const wr_ai_tensorset *s, wr_words w)
{
    MUST(weir_tensor_check(&s->view, NULL) == WEIR_OK);
    MUST((s->i_blob == 0) == (s->buffer != NULL) && s->i_blob < w.n);
    if (s->i_blob > 0)
        MUST(s->view.data == (const void *)w.w[s->i_blob].p &&
             weir_tensor_bytes(&s->view) == w.w[s->i_blob].n);
    counter c = {{&ops}, 1};
    if (s->buffer == NULL)
        return;
    for (unsigned show = 1; show < 8; show++) {
        c.wanted = 1;
        wr_ai_reply_tensor(&c.sink, s->buffer, show);
        MUST(c.wanted == 0);
    }
}

static void check_run(const wr_ai_run *r, wr_words w)
{
    if (r->memory == NULL)
        must_lie(w, r->in, r->n_in);
    must_lie(w, r->out, r->n_out);
    must_lie(w, r->keys, r->n_keys);
    must_lie(w, r->args, r->n_args);
    MUST(r->limit_ms >= 0 && r->i_list <= r->n_in);
    for (size_t i = 0; i < r->n_in; i++)
        MUST(r->in[i].n <= 1 << 20);
}

static void check_store(const wr_ai_store *s, wr_words w)
{
    weir_buffer *b = NULL;
    must_lie(w, s->chunk, s->n_chunks);
    must_lie(w, s->entry, s->n_entries);
    must_lie(w, s->options.inputs, (size_t)s->options.n_inputs);
    must_lie(w, s->options.outputs, (size_t)s->options.n_outputs);
    if (wr_ai_store_bytes(s, &b, NULL) == WEIR_OK)
        weir_buffer_unref(b);
}

static void check_dag(const wr_ai_dag *d, wr_words w)
{
    MUST(d->n_ops > 0 && d->n_ops < w.n);
    for (size_t i = 0; i < d->n_ops; i++) {
        const wr_ai_op *o = &d->op[i];
        MUST(o->first_out + o->n_out <= d->n_slots);
        for (size_t k = 0; k < o->n_in; k++) {
            MUST(o->in[k] < d->n_slots);
            MUST(d->slot[o->in[k]].maker == WR_AI_LOADED || d->slot[o->in[k]].maker < i);
        }
        if (o->kind == WR_AI_OP_SET)
            check_set(&o->of.set, w);
        else if (o->kind == WR_AI_OP_RUN)
            check_run(&o->of.run, w);
    }
    for (size_t i = 0; i < d->n_persist; i++)
        MUST(wr_str_eq(d->slot[d->persist_slot[i]].name, d->persist[i]));
    wr_ai_outcome *outcome = wr_calloc(d->n_ops, sizeof *outcome);
    if (outcome == NULL)
        return;
    counter c = {{&ops}, 1};
    wr_ai_reply_dag(&c.sink, d, outcome);
    MUST(c.wanted == 0);
    wr_free(outcome);
}

static void check_told(const test_parsed *p)
{
    const wr_ai_run *r = &p->of.run;
    const wr_ai_dag *d = &p->of.dag;
    switch (p->command) {
    case WR_AI_TENSORSET:
        must_be_told(p->of.set.key, WR_AI_KEY_WRITE);
        break;
    case WR_AI_MODELSTORE:
    case WR_AI_MODELSET:
    case WR_AI_SCRIPTSTORE:
    case WR_AI_SCRIPTSET:
        must_be_told(p->of.store.key, WR_AI_KEY_WRITE);
        break;
    case WR_AI_MODELEXECUTE:
    case WR_AI_MODELRUN:
    case WR_AI_SCRIPTEXECUTE:
    case WR_AI_SCRIPTRUN:
        must_be_told(r->key, WR_AI_KEY_READ);
        all_must_be_told(r->in, r->n_in, WR_AI_KEY_READ);
        all_must_be_told(r->out, r->n_out, WR_AI_KEY_WRITE);
        all_must_be_told(r->keys, r->n_keys, WR_AI_KEY_READ | WR_AI_KEY_WRITE);
        break;
    case WR_AI_DAGEXECUTE:
    case WR_AI_DAGEXECUTE_RO:
    case WR_AI_DAGRUN:
    case WR_AI_DAGRUN_RO:
        all_must_be_told(d->load, d->n_load, WR_AI_KEY_READ);
        all_must_be_told(d->persist, d->n_persist, WR_AI_KEY_WRITE);
        for (size_t i = 0; i < d->n_ops; i++) {
            if (d->op[i].kind == WR_AI_OP_RUN)
                must_be_told(d->op[i].of.run.key, WR_AI_KEY_READ);
        }
        break;
    default:
        break;
    }
}

static void check(const test_parsed *p, wr_words w)
{
    check_told(p);
    if (p->command == WR_AI_TENSORSET)
        check_set(&p->of.set, w);
    else if (p->command == WR_AI_MODELSTORE || p->command == WR_AI_MODELSET ||
             p->command == WR_AI_SCRIPTSTORE || p->command == WR_AI_SCRIPTSET)
        check_store(&p->of.store, w);
    else if (p->command == WR_AI_MODELEXECUTE || p->command == WR_AI_MODELRUN ||
             p->command == WR_AI_SCRIPTEXECUTE || p->command == WR_AI_SCRIPTRUN)
        check_run(&p->of.run, w);
    else if (p->command >= WR_AI_DAGEXECUTE && p->command <= WR_AI_DAGRUN_RO)
        check_dag(&p->of.dag, w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    weir_str w[WORDS_MAX];
    wr_words words = {w, cut_words(data, n, w)};
    test_parsed p;
    weir_error e = {0};
    told.words = words;
    memset(told.access, 0, sizeof told.access);
    wr_ai_keys(words, note_key, NULL);
    weir_status st = test_parse(&p, words, &e);
    if (st == WEIR_OK)
        check(&p, words);
    else if (st != WEIR_ERR_UNSUPPORTED)
        MUST(e.text[0] != '\0' && e.code == st && strpbrk(e.text, "\r\n") == NULL);
    test_parsed_fini(&p);
    wr_ai_load load;
    wr_ai_load_defaults(&load);
    for (size_t i = 0; i + 1 < words.n; i += 2) {
        if (wr_ai_load_pair(&load, w[i], w[i + 1], &e) != WEIR_OK)
            MUST(e.text[0] != '\0');
    }
    return 0;
}
