/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections. */
#include "client/transport/resp/conn.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"

static wr_conn *conn_of(wr_input *in)
{
    return (wr_conn *)in;
}

weir_status wr_conn_push(wr_conn *c, weir_error *err)
{
    wr_flow *f = &c->flow;
    while (wr_conn_is_sending(c) && !c->sending_failed) {
        size_t n = 0;
        weir_status st = wr_flow_fill(f, err);
        if (st != WEIR_OK)
            return st;
        wr_moved m =
            wr_socket_send(&c->socket, f->piece + f->first, f->n_pieces - f->first, &n);
        if (m == WR_MUST_WAIT) {
            bool packed = false;
            st = wr_flow_ahead(f, &packed, err);
            if (st != WEIR_OK || !packed)
                return st;
            continue; /* meanwhile there may be room */
        }
        c->sending_failed = m != WR_MOVED;
        wr_flow_advance(f, n);
    }
    return WEIR_OK;
}

static weir_status lost(wr_conn *c, weir_error *err, const char *why)
{
    return weir_fail(err, WEIR_ERR_CLOSED, "the connection to %s broke: %s", c->name,
                     why);
}

/* A read of the clock costs as much as the rest of a small request's bookkeeping. */
static int64_t clock_of(wr_conn *c)
{
    int64_t now = c->now == 0 ? weir_now_ns() : c->now;
    c->now = 0;
    return now;
}

/* What the reader gets: meanwhile what is left goes out. */
static weir_status conn_fill(wr_input *in, void *p, size_t n, void *more, size_t n_more,
                             size_t *got, weir_error *err)
{
    wr_conn *c = conn_of(in);
    const struct iovec iov[2] = {{p, n}, {more, n_more}};
    const int64_t patience = WR_PATIENCE_MS * INT64_C(1000000);
    for (bool patient = true;; patient = false) {
        weir_status st = wr_conn_push(c, err);
        if (st != WEIR_OK)
            return st;
        bool sending = wr_conn_is_sending(c) && !c->sending_failed;
        patient = patient && !sending &&
                  (c->until == WEIR_NEVER || c->until - clock_of(c) > patience);
        switch (wr_socket_receive(&c->socket, iov, n_more > 0 ? 2 : 1, patient, got)) {
        case WR_MOVED:
            wr_tally(c->line, WR_COUNT_received_bytes, *got);
            return WEIR_OK;
        case WR_AT_END:
            return lost(c, err, "the server closed it");
        case WR_BROKEN:
            return lost(c, err, errno == 0 ? "TLS failed" : strerror(errno));
        case WR_MUST_WAIT:
            break;
        }
        if (!wr_socket_wait(&c->socket, sending, c->until))
            return weir_fail(err, WEIR_ERR_TIMEOUT, "no answer from %s in time", c->name);
    }
}

void wr_conn_begin(wr_conn *c, weir_deadline until)
{
    wr_flow_reset(&c->flow);
    c->sending_failed = false;
    c->until = until;
    c->now = 0;
}

static void tally(wr_conn *c)
{
    wr_line *l = c->line;
    wr_tally(l, WR_COUNT_sent_bytes, c->flow.sent);
    wr_tally(l, WR_COUNT_pack_copies, c->flow.n_packs);
    wr_tally(l, WR_COUNT_pack_bytes, c->flow.packed_bytes);
    wr_tally(l, WR_COUNT_buffer_bytes, c->reader.copied_bytes);
    c->flow.sent = c->flow.n_packs = c->flow.packed_bytes = 0;
    c->reader.copied_bytes = 0;
}

bool wr_conn_is_reusable(const wr_conn *c)
{
    tally((wr_conn *)(uintptr_t)c);
    return !wr_conn_is_sending(c) && !c->sending_failed && wr_reader_is_clean(&c->reader);
}

weir_status wr_conn_expect_ok(wr_conn *c, weir_error *err)
{
    wr_item item;
    wr_source *s = &c->reader.source;
    weir_status st = s->ops->next(s, &item, err);
    if (st != WEIR_OK)
        return st;
    if (item.kind == WR_ITEM_ERROR)
        return wr_wire_error(item.text, err);
    return wr_reader_finish(&c->reader, err);
}

/* ---- opening ---- */

static weir_status add(wr_conn *c, weir_error *err, const char *a, const char *b,
                       const char *word)
{
    const weir_str words[3] = {weir_cstr(a), weir_cstr(b), weir_cstr(word)};
    return wr_wire_encode_texts(&c->flow.e, words, word == NULL ? 2 : 3, err);
}

static bool says(const wr_conn *c, const char *words)
{
    return strncmp(c->reader.error, words, strlen(words)) == 0;
}

/* The answer to one of our first words; `what` it refuses, NULL: it may. */
static weir_status hear(wr_conn *c, const char *what, weir_error *err)
{
    weir_error inner = {0};
    weir_status st = wr_conn_expect_ok(c, &inner);
    if (st == WEIR_OK)
        return WEIR_OK;
    if (c->reader.error[0] == '\0')
        return weir_fail(err, st, "%s", inner.text);
    if (says(c, "ERR max number of clients"))
        return weir_fail(err, WEIR_ERR_CLOSED, "the server at %s has no place: %s",
                         c->name, inner.text);
    if (says(c, "NOAUTH"))
        return weir_fail(
            err, WEIR_ERR_ARG,
            "the server at %s wants a password: give it in the address "
            "(redis://:PASSWORD@host) or as WEIR_PASSWORD in the environment",
            c->name);
    if (what == NULL)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_ARG, "the server at %s did not accept %s: %.300s",
                     c->name, what, inner.text);
}

/* Everything in one exchange. A server that knows no names for its clients is no failure. */
static weir_status introduce(wr_conn *c, weir_error *err)
{
    wr_line *l = c->line;
    char name[32], db[16];
    weir_status st = WEIR_OK;
    snprintf(name, sizeof name, "weir-%ld", (long)getpid());
    snprintf(db, sizeof db, "%d", l->db);
    if (l->password != NULL && l->user != NULL)
        st = add(c, err, "AUTH", l->user, l->password);
    else if (l->password != NULL)
        st = add(c, err, "AUTH", l->password, NULL);
    if (st == WEIR_OK && l->db != 0)
        st = add(c, err, "SELECT", db, NULL);
    if (st == WEIR_OK)
        st = add(c, err, "CLIENT", "SETNAME", name);
    if (st == WEIR_OK)
        st = wr_conn_push(c, err);
    if (st == WEIR_OK && l->password != NULL)
        st = hear(c, "who we are", err);
    if (st == WEIR_OK && l->db != 0)
        st = hear(c, "the number of the database", err);
    return st == WEIR_OK ? hear(c, NULL, err) : st;
}

weir_status wr_conn_open(wr_conn **out, wr_line *line, const wr_place *at,
                         const char *name, weir_deadline until, weir_error *err)
{
    wr_conn *c = wr_alloc(sizeof *c);
    if (c == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a connection to %s", name);
    memset(c, 0, offsetof(wr_conn, reader));
    c->input.fill = conn_fill;
    c->line = line;
    c->name = name;
    wr_reader_init(&c->reader, &c->input);
    weir_status st = wr_socket_open(&c->socket, at, name, line->tls, until, err);
    if (st == WEIR_OK) {
        wr_tally(line, WR_COUNT_connections, 1);
        wr_conn_begin(c, until);
        st = introduce(c, err);
    }
    if (st == WEIR_OK)
        *out = c;
    else
        wr_conn_close(c);
    return st;
}

void wr_conn_close(wr_conn *c)
{
    if (c == NULL)
        return;
    tally(c);
    wr_socket_close(&c->socket);
    if (c->flow.e.text.p != NULL) /* it may hold a password */
        memset(c->flow.e.text.p, 0, c->flow.e.text.room);
    wr_flow_fini(&c->flow);
    wr_free(c);
}
