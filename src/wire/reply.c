/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies out of a server: results as items into a sink. */
#include "keyspace/layout.h"
#include "tensor/metadata.h"
#include "wire/form.h"

/* The bytes of a stored tensor; strings are joined first. */
static void send_bytes(wr_sink *s, weir_buffer *b, const weir_tensor *t)
{
    if (t->dtype != WEIR_STRING) {
        s->ops->payload(s, b, t->data, weir_tensor_bytes(t));
        return;
    }
    wr_text text = {0};
    if (wr_wire_strings_add(&text, t, NULL) == WEIR_OK)
        s->ops->bulk(s, text.p, text.n);
    else
        s->ops->null(s); /* the reader says that it can't be sent */
    wr_text_fini(&text);
}

static void send_shape(wr_sink *s, const weir_tensor *t)
{
    wr_sink_text(s, weir_dtype_name(t->dtype));
    s->ops->array(s, (size_t)t->rank);
    for (int i = 0; i < t->rank; i++)
        s->ops->integer(s, t->shape[i]);
}

static void send_tensor(wr_sink *s, weir_buffer *b)
{
    weir_tensor t = weir_buffer_view(b);
    s->ops->array(s, 3);
    send_shape(s, &t);
    send_bytes(s, b, &t);
}

static void send_tensors(wr_sink *s, const wr_rep *rep)
{
    s->ops->array(s, (size_t)rep->n_buffers);
    for (int i = 0; i < rep->n_buffers; i++)
        send_tensor(s, rep->buffer[i]);
}

static void send_dataset(wr_sink *s, const weir_dataset *ds)
{
    wr_fields *f = NULL;
    if (wr_metadata_encode(&f, ds, false, NULL) != WEIR_OK) {
        s->ops->error(s, "ERR_NOMEM no memory for a dataset's metadata");
        return;
    }
    s->ops->array(s, 2);
    s->ops->array(s, 2 * f->n);
    for (size_t i = 0; i < f->n; i++) {
        s->ops->bulk(s, f->f[i].name.p, f->f[i].name.n);
        s->ops->bulk(s, f->f[i].bytes.p, f->f[i].bytes.n);
    }
    wr_fields_unref(f);
    s->ops->array(s, weir_dataset_n_tensors(ds));
    weir_str name;
    weir_buffer *b;
    for (size_t i = 0; weir_dataset_tensor_at(ds, i, &name, &b); i++) {
        weir_tensor t = weir_buffer_view(b);
        s->ops->array(s, 4);
        s->ops->bulk(s, name.p, name.n);
        send_shape(s, &t);
        send_bytes(s, b, &t);
    }
}

static void send_chunks(wr_sink *s, weir_buffer *b)
{
    weir_tensor t = weir_buffer_view(b);
    size_t left = weir_tensor_bytes(&t);
    const char *p = t.data;
    s->ops->array(s, (left + WR_WIRE_CHUNK - 1) / WR_WIRE_CHUNK);
    while (left > 0) {
        size_t n = left < WR_WIRE_CHUNK ? left : WR_WIRE_CHUNK;
        s->ops->payload(s, b, p, n);
        p += n;
        left -= n;
    }
}

/* ---- labels ---- */

static void send_io(wr_sink *s, const weir_io *io, int n)
{
    s->ops->array(s, (size_t)n);
    for (int i = 0; i < n; i++) {
        int rank = io[i].rank < 0 ? 0 : io[i].rank;
        s->ops->array(s, 4);
        wr_sink_text(s, io[i].name);
        wr_sink_text(s, weir_dtype_name(io[i].dtype));
        s->ops->integer(s, io[i].rank);
        s->ops->array(s, (size_t)rank);
        for (int d = 0; d < rank; d++)
            s->ops->integer(s, io[i].shape[d]);
    }
}

static void send_label(wr_sink *s, const wr_label *l, const void *object)
{
    const char *m = (const char *)object + l->at;
    wr_sink_text(s, l->name);
    if (l->type == WR_LABEL_IO) {
        send_io(s, (const weir_io *)(const void *)m,
                *(const int *)(const void *)((const char *)object + l->count));
    } else if (l->type == WR_LABEL_BINS) {
        s->ops->array(s, WEIR_BATCH_BINS);
        for (int i = 0; i < WEIR_BATCH_BINS; i++)
            s->ops->integer(s, (int64_t)((const uint64_t *)(const void *)m)[i]);
    } else {
        wr_text text = {0};
        wr_label_print(&text, l, object);
        s->ops->bulk(s, text.p, text.n);
        wr_text_fini(&text);
    }
}

static void send_labels(wr_sink *s, const wr_label *table, const void *object)
{
    size_t n = 0;
    while (table[n].name != NULL)
        n++;
    s->ops->array(s, 2 * n);
    for (size_t i = 0; i < n; i++)
        send_label(s, &table[i], object);
}

/* ---- whole replies ---- */

void wr_wire_reply(wr_sink *s, const wr_decoded *d)
{
    const wr_rep *rep = &d->rep;
    switch (wr_forms[d->req.command].reply) {
    case WR_REPLY_ok:
        s->ops->status(s, "OK");
        break;
    case WR_REPLY_flag:
        s->ops->integer(s, rep->flag);
        break;
    case WR_REPLY_number:
        s->ops->integer(s, rep->number);
        break;
    case WR_REPLY_tensor:
        if (rep->n_buffers == 0)
            s->ops->null(s);
        else
            send_tensor(s, rep->buffer[0]);
        break;
    case WR_REPLY_shape:
        s->ops->array(s, 2);
        send_shape(s, &rep->tensor);
        break;
    case WR_REPLY_tensors:
    case WR_REPLY_steps:
        send_tensors(s, rep);
        break;
    case WR_REPLY_dataset:
        send_dataset(s, rep->dataset);
        break;
    case WR_REPLY_bytes:
        send_chunks(s, rep->buffer[0]);
        break;
    case WR_REPLY_info:
        send_labels(s, wr_info_labels, rep->info);
        break;
    case WR_REPLY_stats:
        send_labels(s, wr_stats_labels, rep->stats);
        break;
    case WR_REPLY_none:
    case WR_REPLY_COUNT:
        s->ops->error(s, "ERR_INTERNAL this command has no reply");
        break;
    }
}

void wr_wire_reply_error(wr_sink *s, weir_status st, const weir_error *err)
{
    char line[WEIR_ERROR_TEXT_MAX + 32];
    wr_text text = {.p = line, .room = sizeof line};
    wr_text_printf(&text, "%s %s", weir_status_name(st), err->text);
    for (size_t i = 0; i < text.n; i++) {
        if (line[i] == '\r' || line[i] == '\n')
            line[i] = ' ';
    }
    s->ops->error(s, line);
}
