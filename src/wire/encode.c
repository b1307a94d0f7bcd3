/* SPDX-License-Identifier: BSD-3-Clause */
/* A request as RESP bytes. Payloads of tensors stay in the caller's memory: only their places among the
 * bytes are noted. */
#include "base/alloc.h"
#include "keyspace/layout.h"
#include "service/pipeline.h"
#include "tensor/metadata.h"
#include "wire/form.h"

typedef struct writer {
    wr_encoded *e;
    wr_text *text; /* where words go: the end of e->text */
    size_t n_words;
    weir_error *err;
    weir_status st;
} writer;

/* ---- words ---- */

/* "$17\r\n" without printf: a request has a dozen of them. */
static size_t print_head(char *out, char mark, uint64_t n)
{
    char digits[24];
    size_t at = sizeof digits, used = 0;
    if (n < 10) {
        const char one[4] = {mark, (char)('0' + n), '\r', '\n'};
        memcpy(out, one, sizeof one);
        return sizeof one;
    }
    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    out[used++] = mark;
    memcpy(out + used, digits + at, sizeof digits - at);
    used += sizeof digits - at;
    out[used++] = '\r';
    out[used++] = '\n';
    return used;
}

static void add_head(writer *w, char mark, size_t n)
{
    char head[32];
    wr_text_add(w->text, head, print_head(head, mark, n));
}

static void add_word(writer *w, const void *p, size_t n)
{
    enum { HEAD_AND_END = 32 };
    char *to = wr_text_room(w->text, n + HEAD_AND_END);
    w->n_words++;
    if (to == NULL)
        return; /* the text says so */
    size_t at = print_head(to, '$', n);
    if (n > 0)
        memcpy(to + at, p, n);
    memcpy(to + at + n, "\r\n", 2);
    wr_text_wrote(w->text, at + n + 2);
}

static void add_str(writer *w, weir_str s)
{
    add_word(w, s.p, s.n);
}

static void add_text(writer *w, const char *s)
{
    add_word(w, s, strlen(s));
}

static void add_int(writer *w, int64_t v)
{
    char text[32]; /* printed with a mark in front, which a minus takes the place of */
    size_t n = print_head(text, '-', v < 0 ? 0 - (uint64_t)v : (uint64_t)v) - 2;
    add_word(w, v < 0 ? text : text + 1, v < 0 ? n : n - 1);
}

static void no_memory(writer *w)
{
    if (w->st == WEIR_OK)
        w->st = weir_fail(w->err, WEIR_ERR_NOMEM, "no memory for a request");
}

static void add_payload(writer *w, const weir_tensor *t)
{
    wr_encoded *e = w->e;
    size_t bytes = weir_tensor_bytes(t);
    if (bytes <= WR_WIRE_TOGETHER && weir_tensor_is_contiguous(t)) {
        add_word(w, t->data,
                 bytes); /* one piece, one send(): cheaper than not to copy it */
        return;
    }
    add_head(w, '$', bytes);
    if (e->n_payloads == e->room) {
        size_t room = e->room * 2 + 4;
        wr_payload *p = wr_realloc(e->payload, room * sizeof *p);
        if (p == NULL) {
            no_memory(w);
            return;
        }
        e->payload = p;
        e->room = room;
    }
    e->payload[e->n_payloads++] = (wr_payload){w->text->n, *t};
    wr_text_add(w->text, "\r\n", 2);
    w->n_words++;
}

static void add_strings(writer *w, const weir_tensor *t)
{
    wr_text s = {0};
    if (w->st == WEIR_OK)
        w->st = wr_wire_strings_add(&s, t, w->err);
    if (w->st == WEIR_OK)
        add_word(w, s.p, s.n);
    wr_text_fini(&s);
}

static void add_tensor(writer *w, const weir_tensor *t)
{
    add_text(w, weir_dtype_name(t->dtype));
    add_int(w, t->rank);
    for (int i = 0; i < t->rank; i++)
        add_int(w, t->shape[i]);
    if (t->dtype == WEIR_STRING)
        add_strings(w, t);
    else
        add_payload(w, t);
}

static void add_strs(writer *w, const weir_str *s, int n)
{
    add_int(w, n);
    for (int i = 0; i < n; i++)
        add_str(w, s[i]);
}

/* ---- fields ---- */

static void add_dataset(writer *w, const weir_dataset *ds)
{
    wr_fields *f = NULL;
    if (w->st == WEIR_OK)
        w->st = wr_metadata_encode(&f, ds, false, w->err);
    if (w->st != WEIR_OK)
        return;
    add_int(w, (int64_t)f->n);
    for (size_t i = 0; i < f->n; i++) {
        add_str(w, f->f[i].name);
        add_str(w, f->f[i].bytes);
    }
    wr_fields_unref(f);
    add_int(w, (int64_t)weir_dataset_n_tensors(ds));
    weir_str name;
    weir_buffer *b;
    for (size_t i = 0; weir_dataset_tensor_at(ds, i, &name, &b); i++) {
        weir_tensor t = weir_buffer_view(b);
        add_str(w, name);
        add_tensor(w, &t);
    }
}

bool wr_wire_options(const weir_model_options *o,
                     void (*each)(void *context, weir_str word), void *context)
{
    bool ok = true;
    for (const wr_label *l = wr_option_labels; l->name != NULL; l++) {
        if (l->type == WR_LABEL_NAMES) {
            const weir_str *names = *(const weir_str *const *)((const char *)o + l->at);
            int n = *(const int *)((const char *)o + l->count);
            for (int i = 0; i < n; i++) {
                each(context, weir_cstr(l->name));
                each(context, names[i]);
            }
        } else if (!wr_label_is_zero(l, o)) {
            wr_text value = {0};
            wr_label_print(&value, l, o);
            each(context, weir_cstr(l->name));
            each(context, (weir_str){value.p, value.n});
            ok &= !value.failed;
            wr_text_fini(&value);
        }
    }
    return ok;
}

static void add_option_word(void *context, weir_str word)
{
    add_str(context, word);
}

static void add_options(writer *w, const weir_model_options *o)
{
    static const weir_model_options zero;
    wr_text text = {0};
    writer pairs = {.e = w->e, .text = &text, .err = w->err};
    if (!wr_wire_options(o == NULL ? &zero : o, add_option_word, &pairs) || text.failed)
        no_memory(w);
    add_int(w, (int64_t)pairs.n_words / 2);
    wr_text_add(w->text, text.p, text.n);
    w->n_words += pairs.n_words;
    wr_text_fini(&text);
}

static void add_bytes(writer *w, const weir_buffer *b)
{
    weir_tensor t = weir_buffer_view(b);
    int64_t left = t.shape[0];
    add_int(w, (left + WR_WIRE_CHUNK - 1) / WR_WIRE_CHUNK);
    for (; left > 0; left -= t.shape[0]) {
        t.shape[0] = left < WR_WIRE_CHUNK ? left : WR_WIRE_CHUNK;
        add_payload(w, &t);
        t.data = (char *)t.data + t.shape[0];
    }
}

/* The whole key of a step that loads or keeps: its own, or prefix and name. */
static void add_step_key(writer *w, weir_str prefix, const wr_step *step)
{
    wr_text key = {0};
    if (step->key.n == 0) {
        wr_text_add(&key, prefix.p, prefix.n);
        wr_text_add(&key, step->name.p, step->name.n);
    }
    add_str(w, step->key.n > 0 ? step->key : (weir_str){key.p, key.n});
    if (key.failed)
        no_memory(w);
    wr_text_fini(&key);
}

static void add_step(writer *w, const wr_req *req, const wr_step *step)
{
    static const char *const word[] = {[WR_STEP_LOAD] = "LOAD",
                                       [WR_STEP_TENSOR] = "TENSOR",
                                       [WR_STEP_RUN] = "RUN",
                                       [WR_STEP_GET] = "GET",
                                       [WR_STEP_KEEP] = "KEEP"};
    add_text(w, word[step->kind]);
    add_str(w, step->name);
    if (step->kind == WR_STEP_LOAD || step->kind == WR_STEP_KEEP)
        add_step_key(w, step->kind == WR_STEP_LOAD ? req->get_prefix : req->put_prefix,
                     step);
    if (step->kind == WR_STEP_TENSOR)
        add_tensor(w, &step->t);
    if (step->kind == WR_STEP_RUN) {
        add_str(w, step->function);
        add_strs(w, step->in, step->n_in);
        add_strs(w, step->out, step->n_out);
    }
}

/* Milliseconds that are left, rounded up: a deadline does not travel, clocks differ. */
static int64_t left_ms(wr_limit limit)
{
    int64_t now = weir_now_ns();
    weir_deadline until = wr_limit_deadline_at(limit, now);
    if (until == WEIR_NEVER)
        return -1;
    return until <= now ? 0 : (until - now + 999999) / 1000000;
}

static void add_field(writer *w, wr_arg field, const wr_req *req)
{
    switch (field) {
    case WR_ARG_key:
        add_str(w, req->key);
        break;
    case WR_ARG_to:
        add_str(w, req->to);
        break;
    case WR_ARG_kind:
        add_text(w, wr_kind_word(req->kind));
        break;
    case WR_ARG_tensor: {
        weir_tensor held;
        if (req->buffer != NULL)
            held = weir_buffer_view(req->buffer);
        add_tensor(w, req->buffer != NULL ? &held : req->in);
        break;
    }
    case WR_ARG_inputs:
        add_int(w, req->n_in);
        for (int i = 0; i < req->n_in; i++)
            add_tensor(w, &req->in[i]);
        break;
    case WR_ARG_n_outputs:
        add_int(w, req->n_out);
        break;
    case WR_ARG_in_keys:
        add_strs(w, req->in_keys, req->n_in);
        break;
    case WR_ARG_out_keys:
        add_strs(w, req->out_keys, req->n_out);
        break;
    case WR_ARG_function:
        add_str(w, req->function);
        break;
    case WR_ARG_limit:
        add_int(w, left_ms(req->limit));
        break;
    case WR_ARG_compare:
        add_text(w, wr_compare_word(req));
        add_int(w, req->length);
        break;
    case WR_ARG_reset:
        add_int(w, req->reset);
        break;
    case WR_ARG_dataset:
        add_dataset(w, req->dataset);
        break;
    case WR_ARG_options:
        add_options(w, req->options);
        break;
    case WR_ARG_bytes:
        add_bytes(w, req->buffer);
        break;
    case WR_ARG_steps:
        add_int(w, (int64_t)req->steps->n);
        for (size_t i = 0; i < req->steps->n; i++)
            add_step(w, req, &req->steps->step[i]);
        break;
    case WR_ARG_none:
    case WR_ARG_COUNT:
        break;
    }
}

/* ---- whole requests ---- */

typedef struct mark {
    size_t text, payload;
} mark;

static mark begin_request(const wr_encoded *e)
{
    return (mark){e->text.n, e->n_payloads};
}

/* Put the count of words before them; on failure `e` is as it was. */
static weir_status end_request(writer *w, mark m)
{
    wr_encoded *e = w->e;
    char head[32];
    size_t n_head = print_head(head, '*', w->n_words), n_words = e->text.n - m.text;
    wr_text_add(&e->text, head, n_head); /* makes the room */
    if (e->text.failed)
        no_memory(w);
    if (w->st != WEIR_OK) {
        e->text.n = m.text;
        e->text.failed = false;
        e->n_payloads = m.payload;
        return w->st;
    }
    memmove(e->text.p + m.text + n_head, e->text.p + m.text, n_words);
    memcpy(e->text.p + m.text, head, n_head);
    for (size_t i = m.payload; i < e->n_payloads; i++)
        e->payload[i].at += n_head;
    return WEIR_OK;
}

weir_status wr_wire_encode(wr_encoded *e, const wr_req *req, weir_error *err)
{
    const wr_form *f = &wr_forms[req->command];
    writer w = {.e = e, .text = &e->text, .err = err};
    mark m = begin_request(e);
    if (f->word == NULL)
        return weir_fail(err, WEIR_ERR_UNSUPPORTED,
                         "'%.*s': this operation does not travel to a server",
                         WR_NAME(req->key));
    add_text(&w, f->word);
    for (size_t i = 0; f->field[i] != WR_ARG_none && w.st == WEIR_OK; i++)
        add_field(&w, f->field[i], req);
    return end_request(&w, m);
}

weir_status wr_wire_encode_texts(wr_encoded *e, const weir_str *text, size_t n,
                                 weir_error *err)
{
    writer w = {.e = e, .text = &e->text, .err = err};
    mark m = begin_request(e);
    for (size_t i = 0; i < n; i++)
        add_str(&w, text[i]);
    return end_request(&w, m);
}

void wr_encoded_fini(wr_encoded *e)
{
    wr_text_fini(&e->text);
    wr_free(e->payload);
    *e = (wr_encoded){0};
}

/* ---- keys ---- */

static bool step_key(const wr_req *req, size_t at, weir_str *key)
{
    for (size_t i = 0; i < req->steps->n; i++) {
        const wr_step *s = &req->steps->step[i];
        if ((s->kind == WR_STEP_LOAD || s->kind == WR_STEP_KEEP) && at-- == 0) {
            *key = s->key.n > 0 ? s->key : s->name;
            return true;
        }
    }
    return false;
}

bool wr_wire_key(const wr_req *req, size_t at, weir_str *key)
{
    const wr_form *f = &wr_forms[req->command];
    size_t n_in = (size_t)req->n_in;
    if (req->command == WR_CMD_pipeline)
        return step_key(req, at, key);
    if (req->command == WR_CMD_run) {
        if (at >= n_in + (size_t)req->n_out)
            return false;
        *key = at < n_in ? req->in_keys[at] : req->out_keys[at - n_in];
        return true;
    }
    if (at == 0)
        *key = req->key;
    else if (at == 1 && (f->field[1] == WR_ARG_to || f->field[2] == WR_ARG_to) &&
             req->command != WR_CMD_list_append)
        *key = req->to;
    else
        return false;
    return true;
}
