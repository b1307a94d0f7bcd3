/* SPDX-License-Identifier: BSD-3-Clause */
/* Words to a request: the reverse of encode.c. Words may be anything: every number is bounded before it
 * is used, and every message names the word. */
#include "base/alloc.h"
#include "keyspace/layout.h"
#include "service/pipeline.h"
#include "tensor/metadata.h"
#include "wire/form.h"

typedef struct reader {
    wr_words words;
    size_t at; /* the next word */
    wr_decoded *d;
    wr_holder *holder;
    weir_error *err;
} reader;

/* Memory that lives as long as the request: a chain of blocks, newest first. */
typedef struct block {
    struct block *next;
    max_align_t data[];
} block;

static void *keep(reader *r, size_t n, size_t size)
{
    size_t bytes;
    block *b = wr_mul(n, size, &bytes) && wr_add(bytes, sizeof *b, &bytes)
                   ? wr_calloc(1, bytes)
                   : NULL;
    if (b == NULL)
        return NULL;
    b->next = r->d->memory;
    r->d->memory = b;
    return b->data;
}

static weir_status no_memory(reader *r)
{
    return weir_fail(r->err, WEIR_ERR_NOMEM, "no memory for a request of %zu words",
                     r->words.n);
}

/* ---- words ---- */

static weir_status bad_word(reader *r, const char *wanted)
{
    weir_str w = r->words.w[r->at - 1];
    return weir_fail(r->err, WEIR_ERR_ARG, "word %zu, '%.*s', is no %s", r->at - 1,
                     WR_NAME(w), wanted);
}

static weir_status next(reader *r, weir_str *out, const char *wanted)
{
    if (r->at >= r->words.n)
        return weir_fail(r->err, WEIR_ERR_ARG,
                         "%zu words are too few: the next should be the %s", r->words.n,
                         wanted);
    *out = r->words.w[r->at++];
    return WEIR_OK;
}

static weir_status next_int(reader *r, int64_t low, int64_t high, int64_t *out,
                            const char *wanted)
{
    weir_str w;
    weir_status st = next(r, &w, wanted);
    if (st != WEIR_OK)
        return st;
    if (!wr_word_int(w, out) || *out < low || *out > high)
        return weir_fail(r->err, WEIR_ERR_ARG,
                         "word %zu, '%.*s', is no %s: expected %lld to %lld", r->at - 1,
                         WR_NAME(w), wanted, (long long)low, (long long)high);
    return WEIR_OK;
}

/* A count that is followed by at least `each` words for every one. */
static weir_status next_count(reader *r, int64_t most, size_t each, int64_t *out,
                              const char *wanted)
{
    weir_status st = next_int(r, 0, most, out, wanted);
    size_t left = r->words.n - r->at;
    if (st == WEIR_OK && (uint64_t)*out > left / each)
        st = weir_fail(r->err, WEIR_ERR_ARG,
                       "%s %lld, but only %zu words follow; each takes at least %zu",
                       wanted, (long long)*out, left, each);
    return st;
}

static weir_status next_strs(reader *r, const weir_str **out, int *n, const char *wanted)
{
    int64_t count;
    weir_status st = next_count(r, WEIR_IO_MAX, 1, &count, wanted);
    if (st != WEIR_OK)
        return st;
    *n = (int)count;
    *out = r->words.w + r->at; /* they lie in a row already */
    r->at += (size_t)count;
    return WEIR_OK;
}

/* ---- tensors ---- */

static weir_status next_shape(reader *r, weir_dtype *dtype, int *rank, int64_t *shape)
{
    weir_str word;
    int64_t n;
    weir_status st = next(r, &word, "element type");
    if (st == WEIR_OK && weir_dtype_parse(word, dtype) != WEIR_OK)
        st = weir_fail(r->err, WEIR_ERR_DTYPE, "word %zu, '%.*s', is no element type",
                       r->at - 1, WR_NAME(word));
    if (st == WEIR_OK)
        st = next_int(r, 0, WEIR_RANK_MAX, &n, "rank");
    if (st != WEIR_OK)
        return st;
    *rank = (int)n;
    for (int i = 0; i < *rank && st == WEIR_OK; i++)
        st = next_int(r, 0, INT64_MAX, &shape[i], "extent");
    return st;
}

/* TYPE RANK EXTENT.. BYTES. The view lies in the word, unaligned; strings become a buffer at once. */
static weir_status next_tensor(reader *r, weir_tensor *view, weir_buffer **strings)
{
    weir_dtype dtype = WEIR_U8;
    int rank = 0;
    int64_t shape[WEIR_RANK_MAX];
    weir_str bytes;
    *strings = NULL;
    weir_status st = next_shape(r, &dtype, &rank, shape);
    if (st == WEIR_OK)
        st = next(r, &bytes, "tensor's bytes");
    if (st != WEIR_OK)
        return st;
    if (dtype == WEIR_STRING)
        return wr_wire_strings(strings, bytes, rank, shape, r->err);
    st = weir_tensor_init(view, (void *)(uintptr_t)bytes.p, dtype, rank, shape, r->err);
    if (st == WEIR_OK && weir_tensor_bytes(view) != bytes.n) {
        char text[160];
        st = weir_fail(r->err, WEIR_ERR_SHAPE, "%zu bytes for a tensor %s, which has %zu",
                       bytes.n, weir_tensor_text(view, text, sizeof text),
                       weir_tensor_bytes(view));
    }
    return st;
}

/* The same, held beyond the command. */
static weir_status next_buffer(reader *r, weir_buffer **out)
{
    weir_tensor view;
    weir_buffer *strings;
    weir_status st = next_tensor(r, &view, &strings);
    if (st != WEIR_OK)
        return st;
    if (strings != NULL) {
        *out = strings;
        return WEIR_OK;
    }
    return r->holder->hold(r->holder, r->at - 1, &view, out, r->err);
}

/* A view for the time of the request; strings are kept with it. */
static weir_status next_view(reader *r, weir_tensor *view)
{
    weir_buffer *strings;
    weir_status st = next_tensor(r, view, &strings);
    if (st != WEIR_OK || strings == NULL)
        return st;
    *view = weir_buffer_view(strings);
    if (r->d->n_strings == WEIR_IO_MAX) {
        weir_buffer_unref(strings);
        return weir_fail(r->err, WEIR_ERR_UNSUPPORTED, "more than %d tensors of strings",
                         WEIR_IO_MAX);
    }
    r->d->strings[r->d->n_strings++] = strings;
    return WEIR_OK;
}

static weir_status read_inputs(reader *r)
{
    wr_req *req = &r->d->req;
    int64_t n;
    weir_status st = next_count(r, WEIR_IO_MAX, 3, &n, "number of inputs");
    weir_tensor *in = st == WEIR_OK ? keep(r, (size_t)n + 1, sizeof *in) : NULL;
    if (st == WEIR_OK && in == NULL)
        return no_memory(r);
    for (int64_t i = 0; i < n && st == WEIR_OK; i++)
        st = next_view(r, &in[i]);
    if (st == WEIR_OK) {
        req->in = in;
        req->n_in = (int)n;
    }
    return st;
}

/* ---- datasets ---- */

static weir_status read_fields(reader *r, wr_fields **out)
{
    int64_t n;
    weir_status st = next_count(r, WR_WIRE_TENSORS_MAX, 2, &n, "number of fields");
    wr_field *f = st == WEIR_OK ? wr_calloc((size_t)n + 1, sizeof *f) : NULL;
    if (st == WEIR_OK && f == NULL)
        return no_memory(r);
    for (int64_t i = 0; i < n && st == WEIR_OK; i++) {
        st = next(r, &f[i].name, "field's name");
        if (st == WEIR_OK)
            st = next(r, &f[i].bytes, "field's bytes");
    }
    if (st == WEIR_OK)
        st = wr_fields_new(out, f, (size_t)n, r->err);
    wr_free(f);
    return st;
}

static weir_status read_dataset_tensor(reader *r, weir_dataset *ds)
{
    weir_str name;
    weir_buffer *b = NULL;
    weir_status st = next(r, &name, "name of a dataset's tensor");
    if (st == WEIR_OK)
        st = next_buffer(r, &b);
    if (st == WEIR_OK)
        st = weir_dataset_add_buffer(ds, name, b, r->err);
    weir_buffer_unref(b);
    return st;
}

static weir_status read_dataset(reader *r)
{
    wr_fields *fields = NULL;
    weir_str *names = NULL, name = wr_layout_name(r->d->req.key);
    size_t n_names;
    int64_t n;
    weir_status st = read_fields(r, &fields);
    if (st == WEIR_OK)
        st = wr_metadata_decode(&r->d->dataset, name, fields, &names, &n_names, r->err);
    wr_free(names);
    wr_fields_unref(fields);
    if (st == WEIR_OK)
        st = next_count(r, WR_WIRE_TENSORS_MAX, 4, &n, "number of tensors");
    for (int64_t i = 0; st == WEIR_OK && i < n; i++)
        st = read_dataset_tensor(r, r->d->dataset);
    r->d->req.dataset = r->d->dataset;
    return st;
}

/* ---- models ---- */

/* One more name at the end of a list of a struct's names. */
static bool add_name(weir_model_options *o, const wr_label *l, weir_str name,
                     wr_option_room *room)
{
    size_t which = 0; /* of the kinds of names */
    for (const wr_label *k = wr_option_labels; k != l; k++)
        which += k->type == WR_LABEL_NAMES;
    int *n = (int *)(void *)((char *)o + l->count);
    if (*n == WEIR_IO_MAX || which >= sizeof room->names / sizeof *room->names)
        return false;
    room->names[which][(*n)++] = name;
    *(const weir_str **)(void *)((char *)o + l->at) = room->names[which];
    return true;
}

weir_status wr_wire_option(weir_model_options *o, wr_option_room *room, weir_str label,
                           weir_str value, weir_error *err)
{
    const wr_label *l = wr_label_find(wr_option_labels, label);
    if (l == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "there is no model option '%.*s'",
                         WR_NAME(label));
    bool ok = l->type == WR_LABEL_NAMES ? add_name(o, l, value, room)
                                        : wr_label_parse(l, o, value);
    return ok ? WEIR_OK
              : weir_fail(err, WEIR_ERR_ARG, "model option %s: '%.*s' is no value of it",
                          l->name, WR_NAME(value));
}

static weir_status read_options(reader *r)
{
    int64_t n = 0;
    weir_status st = next_count(r, 256, 2, &n, "number of options");
    weir_model_options *o = st == WEIR_OK ? keep(r, 1, sizeof *o) : NULL;
    wr_option_room *room = o == NULL ? NULL : keep(r, 1, sizeof *room);
    if (st == WEIR_OK && room == NULL)
        return no_memory(r);
    for (int64_t i = 0; i < n && st == WEIR_OK; i++) {
        weir_str label, value;
        st = next(r, &label, "option");
        if (st == WEIR_OK)
            st = next(r, &value, "option's value");
        if (st == WEIR_OK)
            st = wr_wire_option(o, room, label, value, r->err);
    }
    if (st == WEIR_OK) {
        o->struct_bytes = sizeof *o;
        r->d->req.options = o;
    }
    return st;
}

/* Chunks of one file: the only one is held, several are joined, which is a copy. */
static weir_status join_chunks(reader *r, const weir_str *chunk, size_t n)
{
    int64_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += (int64_t)chunk[i].n;
    weir_status st = weir_buffer_new(&r->d->buffer, WEIR_U8, 1, &total, r->err);
    if (st != WEIR_OK)
        return st;
    char *to = weir_buffer_view(r->d->buffer).data;
    for (size_t i = 0; i < n; i++) {
        memcpy(to, chunk[i].p, chunk[i].n);
        to += chunk[i].n;
    }
    return WEIR_OK;
}

static weir_status read_bytes(reader *r)
{
    int64_t n;
    weir_str chunk;
    weir_status st = next_count(r, 1 << 20, 1, &n, "number of chunks");
    if (st == WEIR_OK && n == 0)
        return weir_fail(r->err, WEIR_ERR_ARG, "no chunk of bytes was given");
    if (st == WEIR_OK && n > 1) {
        st = join_chunks(r, r->words.w + r->at, (size_t)n);
        r->at += (size_t)n;
    } else if (st == WEIR_OK) {
        st = next(r, &chunk, "chunk of bytes");
        int64_t extent = (int64_t)chunk.n;
        weir_tensor view;
        if (st == WEIR_OK)
            st = weir_tensor_init(&view, (void *)(uintptr_t)chunk.p, WEIR_U8, 1, &extent,
                                  r->err);
        if (st == WEIR_OK)
            st = r->holder->hold(r->holder, r->at - 1, &view, &r->d->buffer, r->err);
    }
    r->d->req.buffer = r->d->buffer;
    return st;
}

/* ---- pipelines ---- */

static bool step_kind(weir_str word, wr_step_kind *out)
{
    static const struct {
        const char *word;
        wr_step_kind kind;
    } kinds[] = {{"LOAD", WR_STEP_LOAD},
                 {"TENSOR", WR_STEP_TENSOR},
                 {"RUN", WR_STEP_RUN},
                 {"GET", WR_STEP_GET},
                 {"KEEP", WR_STEP_KEEP}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (wr_word_is(word, kinds[i].word)) {
            *out = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static weir_status read_step(reader *r, wr_step *step)
{
    weir_str word;
    const weir_str *in, *out;
    weir_status st = next(r, &word, "step");
    if (st == WEIR_OK && !step_kind(word, &step->kind))
        return bad_word(r, "step");
    if (st == WEIR_OK)
        st = next(r, &step->name, "step's name");
    if (st == WEIR_OK && (step->kind == WR_STEP_LOAD || step->kind == WR_STEP_KEEP))
        st = next(r, &step->key, "step's key");
    if (st == WEIR_OK && step->kind == WR_STEP_TENSOR)
        st = next_view(r, &step->t);
    if (st != WEIR_OK || step->kind != WR_STEP_RUN)
        return st;
    st = next(r, &step->function, "function");
    if (st == WEIR_OK)
        st = next_strs(r, &in, &step->n_in, "number of inputs");
    if (st == WEIR_OK)
        st = next_strs(r, &out, &step->n_out, "number of outputs");
    if (st ==
        WEIR_OK) { /* steps that a client builds own their names; these only read them */
        step->in = (weir_str *)(uintptr_t)in;
        step->out = (weir_str *)(uintptr_t)out;
    }
    return st;
}

static weir_status read_steps(reader *r)
{
    int64_t n;
    weir_status st = next_count(r, WR_WIRE_STEPS_MAX, 2, &n, "number of steps");
    wr_steps *steps = st == WEIR_OK ? keep(r, 1, sizeof *steps) : NULL;
    wr_step *step = steps == NULL ? NULL : keep(r, (size_t)n + 1, sizeof *step);
    if (st == WEIR_OK && step == NULL)
        return no_memory(r);
    for (int64_t i = 0; i < n && st == WEIR_OK; i++)
        st = read_step(r, &step[i]);
    if (st == WEIR_OK) {
        *steps = (wr_steps){.step = step, .n = (size_t)n, .room = (size_t)n};
        r->d->req.steps = steps;
    }
    return st;
}

/* ---- fields ---- */

static weir_status read_kind(reader *r)
{
    weir_str word;
    weir_status st = next(r, &word, "kind");
    if (st == WEIR_OK && !wr_word_kind(word, &r->d->req.kind))
        st = bad_word(r, "kind of value");
    return st;
}

static weir_status read_compare(reader *r)
{
    weir_str word;
    weir_status st = next(r, &word, "comparison");
    if (st == WEIR_OK && !wr_word_compare(word, &r->d->req))
        st = bad_word(r, "comparison (ANY, EQ, GE, LE)");
    if (st == WEIR_OK)
        st = next_int(r, 0, INT64_MAX, &r->d->req.length, "length");
    return st;
}

static weir_status read_limit(reader *r)
{
    r->d->req.limit.deadline = WEIR_NEVER;
    return next_int(r, INT64_MIN, INT64_MAX, &r->d->req.limit.timeout_ms,
                    "number of milliseconds");
}

static weir_status read_field(reader *r, wr_arg field)
{
    wr_req *q = &r->d->req;
    int64_t n;
    weir_status st;
    switch (field) {
    case WR_ARG_key:
        return next(r, &q->key, "key");
    case WR_ARG_to:
        return next(r, &q->to, "second key");
    case WR_ARG_function:
        return next(r, &q->function, "function");
    case WR_ARG_kind:
        return read_kind(r);
    case WR_ARG_tensor:
        st = next_buffer(r, &r->d->buffer);
        q->buffer = r->d->buffer;
        return st;
    case WR_ARG_inputs:
        return read_inputs(r);
    case WR_ARG_n_outputs:
        st = next_int(r, 0, WEIR_IO_MAX, &n, "number of outputs");
        q->n_out = st == WEIR_OK ? (int)n : 0;
        return st;
    case WR_ARG_in_keys:
        return next_strs(r, &q->in_keys, &q->n_in, "number of inputs");
    case WR_ARG_out_keys:
        return next_strs(r, &q->out_keys, &q->n_out, "number of outputs");
    case WR_ARG_limit:
        return read_limit(r);
    case WR_ARG_compare:
        return read_compare(r);
    case WR_ARG_reset:
        st = next_int(r, 0, 1, &n, "flag");
        q->reset = st == WEIR_OK && n == 1;
        return st;
    case WR_ARG_dataset:
        return read_dataset(r);
    case WR_ARG_options:
        return read_options(r);
    case WR_ARG_bytes:
        return read_bytes(r);
    case WR_ARG_steps:
        return read_steps(r);
    case WR_ARG_none:
    case WR_ARG_COUNT:
        break;
    }
    return weir_fail(r->err, WEIR_ERR_INTERNAL, "field %d of a command", (int)field);
}

/* ---- whole requests ---- */

wr_command wr_wire_command(weir_str word)
{
    for (int i = 0; i < WR_CMD_COUNT; i++) {
        if (wr_forms[i].word != NULL && wr_word_is(word, wr_forms[i].word))
            return (wr_command)i;
    }
    return WR_CMD_COUNT;
}

/* What the reply writes into. */
static weir_status give_room(reader *r, wr_reply reply)
{
    wr_decoded *d = r->d;
    if (reply == WR_REPLY_info)
        d->rep.info = keep(r, 1, sizeof *d->rep.info);
    if (reply == WR_REPLY_stats)
        d->rep.stats = keep(r, 1, sizeof *d->rep.stats);
    bool lacks = (reply == WR_REPLY_info && d->rep.info == NULL) ||
                 (reply == WR_REPLY_stats && d->rep.stats == NULL);
    return lacks ? no_memory(r) : WEIR_OK;
}

weir_status wr_wire_decode(wr_decoded *out, wr_words words, wr_holder *h, weir_error *err)
{
    reader r = {.words = words, .at = 1, .d = out, .holder = h, .err = err};
    wr_command command = words.n == 0 ? WR_CMD_COUNT : wr_wire_command(words.w[0]);
    if (command == WR_CMD_COUNT)
        return weir_fail(err, WEIR_ERR_ARG, "'%.*s' is no command of Weir's",
                         WR_NAME(words.n == 0 ? (weir_str){0} : words.w[0]));
    const wr_form *f = &wr_forms[command];
    out->req.command = command;
    out->req.give_buffers = out->req.share = true;
    out->req.limit = (wr_limit){-1, WEIR_NEVER};
    weir_status st = give_room(&r, f->reply);
    for (size_t i = 0; f->field[i] != WR_ARG_none && st == WEIR_OK; i++)
        st = read_field(&r, f->field[i]);
    if (st == WEIR_OK && r.at < words.n)
        st = weir_fail(err, WEIR_ERR_ARG, "%s: %zu words too many, from '%.*s' on",
                       f->word, words.n - r.at, WR_NAME(words.w[r.at]));
    if (out->req.command == WR_CMD_infer || out->req.command == WR_CMD_run)
        out->req.kind = out->req.function.n > 0 ? WEIR_SCRIPT : WEIR_MODEL;
    return st;
}

void wr_decoded_fini(wr_decoded *d)
{
    for (int i = 0; i < d->rep.n_buffers; i++)
        weir_buffer_unref(d->rep.buffer[i]);
    for (int i = 0; i < d->n_strings; i++)
        weir_buffer_unref(d->strings[i]);
    weir_dataset_free(d->rep.dataset);
    weir_datasets_free(d->rep.datasets, d->rep.n_datasets);
    weir_dataset_free(d->dataset);
    weir_buffer_unref(d->buffer);
    for (block *b = d->memory, *after; b != NULL; b = after) {
        after = b->next;
        wr_free(b);
    }
    *d = (wr_decoded){0};
}
