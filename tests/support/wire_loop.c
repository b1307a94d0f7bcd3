/* SPDX-License-Identifier: BSD-3-Clause */
/* A server in memory for tests of the codec. */
#include "support/wire_loop.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

/* ---- words ---- */

static const char *after_line(const char *p)
{
    return strstr(p, "\r\n") + 2;
}

size_t wr_loop_words(const wr_text *bytes, weir_str *word, size_t room)
{
    const char *p = bytes->p;
    size_t n = strtoul(p + 1, NULL, 10);
    p = after_line(p);
    for (size_t i = 0; i < n && i < room; i++) {
        word[i].n = strtoul(p + 1, NULL, 10);
        word[i].p = after_line(p);
        p = word[i].p + word[i].n + 2;
    }
    return n < room ? n : room;
}

void wr_loop_flatten(const wr_encoded *e, wr_text *out)
{
    size_t at = 0;
    for (size_t i = 0; i < e->n_payloads; i++) {
        weir_buffer *b = NULL;
        wr_text_add(out, e->text.p + at, e->payload[i].at - at);
        at = e->payload[i].at;
        if (weir_buffer_from(&b, &e->payload[i].view, NULL) != WEIR_OK) {
            out->failed = true;
            return;
        }
        weir_tensor t = weir_buffer_view(b);
        wr_text_add(out, t.data, weir_tensor_bytes(&t));
        weir_buffer_unref(b);
    }
    wr_text_add(out, e->text.p + at, e->text.n - at);
}

/* ---- sink ---- */

static wr_text *text_of(wr_sink *s)
{
    return &((wr_loop_sink *)s)->text;
}

static void sink_status(wr_sink *s, const char *text)
{
    wr_text_printf(text_of(s), "+%s\r\n", text);
}

static void sink_error(wr_sink *s, const char *text)
{
    wr_text_printf(text_of(s), "-%s\r\n", text);
}

static void sink_integer(wr_sink *s, int64_t v)
{
    wr_text_printf(text_of(s), ":%lld\r\n", (long long)v);
}

static void sink_array(wr_sink *s, size_t n)
{
    wr_text_printf(text_of(s), "*%zu\r\n", n);
}

static void sink_bulk(wr_sink *s, const void *p, size_t n)
{
    wr_text_printf(text_of(s), "$%zu\r\n", n);
    wr_text_add(text_of(s), p, n);
    wr_text_add(text_of(s), "\r\n", 2);
}

static void sink_payload(wr_sink *s, weir_buffer *b, const void *p, size_t n)
{
    (void)b;
    sink_bulk(s, p, n);
}

static void sink_null(wr_sink *s)
{
    wr_text_printf(text_of(s), "$-1\r\n");
}

void wr_loop_sink_init(wr_loop_sink *s)
{
    static const wr_sink_ops ops = {sink_status, sink_error, sink_integer, sink_array,
                                    sink_bulk,   sink_null,  sink_payload};
    *s = (wr_loop_sink){.sink = {&ops}};
}

/* ---- source ---- */

static weir_status source_next(wr_source *source, wr_item *out, weir_error *err)
{
    wr_loop_source *s = (wr_loop_source *)source;
    if (s->left.n == 0 || s->bulk > 0)
        return weir_fail(err, WEIR_ERR_CLOSED, "nothing is left to read");
    const char *line = s->left.p, *end = memchr(line, '\n', s->left.n);
    size_t n = end == NULL ? 0 : (size_t)(end - line) + 1;
    if (n < 3)
        return weir_fail(err, WEIR_ERR_FORMAT, "no line");
    int64_t v = 0;
    static const char marks[] = "+-:$*";
    const char *mark = strchr(marks, line[0]);
    (void)wr_word_int((weir_str){line + 1, n - 3}, &v);
    *out = (wr_item){.kind = mark == NULL ? WR_ITEM_NULL : (wr_item_kind)(mark - marks),
                     .n = v,
                     .text = {line + 1, n - 3}};
    if ((line[0] == '$' || line[0] == '*') && v < 0)
        out->kind = WR_ITEM_NULL;
    s->left = (weir_str){line + n, s->left.n - n};
    s->bulk = out->kind == WR_ITEM_BULK ? v : 0;
    if (out->kind == WR_ITEM_BULK && (s->left.n < 2 || (uint64_t)v > s->left.n - 2))
        return weir_fail(err, WEIR_ERR_CLOSED, "the bytes end within a bulk");
    if (out->kind == WR_ITEM_BULK && v == 0)
        s->left = (weir_str){s->left.p + 2, s->left.n - 2};
    return WEIR_OK;
}

static weir_status source_read(wr_source *source, void *p, size_t n, weir_error *err)
{
    wr_loop_source *s = (wr_loop_source *)source;
    if (n > s->left.n || (int64_t)n > s->bulk)
        return weir_fail(err, WEIR_ERR_CLOSED, "read beyond the bulk");
    memcpy(p, s->left.p, n);
    s->bulk -= (int64_t)n;
    n += s->bulk == 0 ? 2 : 0;
    s->left = (weir_str){s->left.p + n, s->left.n - n};
    return WEIR_OK;
}

void wr_loop_source_init(wr_loop_source *s, weir_str bytes)
{
    static const wr_source_ops ops = {source_next, source_read};
    *s = (wr_loop_source){.source = {&ops}, .left = bytes};
}

/* ---- the whole way ---- */

static weir_status hold_copy(wr_holder *h, size_t i, const weir_tensor *view,
                             weir_buffer **out, weir_error *err)
{
    (void)h;
    (void)i;
    return weir_buffer_from(out, view, err);
}
wr_holder wr_loop_holder = {hold_copy};

weir_status wr_loop_exchange(wr_service *s, const wr_req *req, wr_rep *rep,
                             weir_error *err)
{
    wr_encoded e = {0};
    wr_text bytes = {0};
    wr_loop_sink sink;
    wr_decoded d = {0};
    weir_str word[512];
    bool whole = false;
    weir_error why = {0};
    wr_loop_sink_init(&sink);
    weir_status st = wr_wire_encode(&e, req, err);
    if (st != WEIR_OK)
        goto out;
    wr_loop_flatten(&e, &bytes);
    if (bytes.failed) {
        st = weir_fail(err, WEIR_ERR_NOMEM, "no memory for the bytes");
        goto out;
    }
    wr_words words = {word, wr_loop_words(&bytes, word, 512)};
    weir_status answer = wr_wire_decode(&d, words, &wr_loop_holder, &why);
    if (answer == WEIR_OK)
        answer = wr_service_handle(s, &d.req, &d.rep, &why);
    if (answer == WEIR_OK)
        wr_wire_reply(&sink.sink, &d);
    else
        wr_wire_reply_error(&sink.sink, answer, &why);
    if (sink.text.failed) {
        st = weir_fail(err, WEIR_ERR_NOMEM, "no memory for the reply");
        goto out;
    }
    wr_loop_source source;
    wr_loop_source_init(&source, (weir_str){sink.text.p, sink.text.n});
    st = wr_wire_read_reply(&source.source, req, rep, &whole, err);
    if (whole && source.left.n != 0)
        st = weir_fail(err, WEIR_ERR_INTERNAL, "%zu bytes of the reply were left over",
                       source.left.n);
out:
    wr_text_fini(&sink.text);
    wr_text_fini(&bytes);
    wr_decoded_fini(&d);
    wr_encoded_fini(&e);
    return st;
}
