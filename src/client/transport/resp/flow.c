/* SPDX-License-Identifier: BSD-3-Clause */
/* Walking over what goes out. */
#include "client/transport/resp/flow.h"

#include "base/alloc.h"

void wr_flow_fini(wr_flow *f)
{
    wr_encoded_fini(&f->e);
    for (int i = 0; i < 2; i++)
        weir_buffer_unref(f->pack[i].buffer);
    *f = (wr_flow){0};
}

void wr_flow_reset(wr_flow *f)
{
    if (f->e.text.failed)
        wr_encoded_fini(&f->e);
    f->e.text.n = 0;
    f->e.n_payloads = 0;
    f->text = f->i = 0;
    f->row = 0;
    f->first = f->n_pieces = 0;
    f->sent = 0;
    f->i_pack = 0;
    for (int i = 0; i < 2; i++) {
        f->pack[i].used = 0;
        f->pack[i].end = 0;
        if (f->pack[i].room <= WR_FLOW_KEPT)
            continue;
        weir_buffer_unref(f->pack[i].buffer);
        f->pack[i].buffer = NULL;
        f->pack[i].room = 0;
    }
}

static void add(wr_flow *f, const void *p, size_t n)
{
    if (n > 0)
        f->piece[f->n_pieces++] =
            (struct iovec){.iov_base = (void *)(uintptr_t)p, .iov_len = n};
}

/* ---- rows from the caller's memory ---- */

/* How many trailing dimensions are dense, and the bytes of one row made of them. */
static int dense_dims(const weir_tensor *t, size_t *bytes)
{
    int64_t n = (int64_t)weir_dtype_bytes(t->dtype);
    int d = t->rank;
    while (d > 0 && (t->stride[d - 1] == n || t->shape[d - 1] == 1))
        n *= t->shape[--d];
    *bytes = (size_t)n;
    return t->rank - d;
}

static const char *row_at(const weir_tensor *t, int n_outer, int64_t row)
{
    const char *p = t->data;
    for (int d = n_outer - 1; d >= 0; d--) {
        p += row % t->shape[d] * t->stride[d];
        row /= t->shape[d];
    }
    return p;
}

/* True when the payload is in pieces to its end. */
static bool add_rows(wr_flow *f, const weir_tensor *t, int n_outer, size_t bytes)
{
    int64_t n = 1;
    for (int d = 0; d < n_outer; d++)
        n *= t->shape[d];
    while (f->row < n && f->n_pieces < WR_FLOW_PIECES)
        add(f, row_at(t, n_outer, f->row++), bytes);
    return f->row == n;
}

/* ---- packing what lies scattered ---- */

/* The buffer that takes n bytes more; -1: after what is in pieces is sent. */
static int choose_pack(wr_flow *f, size_t n)
{
    for (int k = 0; k < 2; k++) {
        int i = (f->i_pack + k) % 2;
        if (f->pack[i].end <= f->first)
            f->pack[i].used = 0;
        if (f->pack[i].used == 0 || f->pack[i].used + n <= f->pack[i].room)
            return i;
    }
    return -1;
}

/* `n` bytes behind what is packed already; NULL without an error: after what is in pieces is sent. */
static weir_status pack_room(wr_flow *f, size_t n, char **out, weir_error *err)
{
    int i = choose_pack(f, n);
    *out = NULL;
    if (i < 0)
        return WEIR_OK;
    if (n > f->pack[i].room) {
        int64_t room = n < WR_FLOW_PACK ? WR_FLOW_PACK : (int64_t)n;
        weir_buffer_unref(f->pack[i].buffer);
        f->pack[i].buffer = NULL;
        f->pack[i].room = 0;
        weir_status st = weir_buffer_new(&f->pack[i].buffer, WEIR_U8, 1, &room, err);
        if (st != WEIR_OK)
            return st;
        f->pack[i].room = (size_t)room;
    }
    *out = (char *)weir_buffer_view(f->pack[i].buffer).data + f->pack[i].used;
    f->pack[i].used += n;
    f->pack[i].end = f->n_pieces + 1; /* the piece that the caller adds */
    f->i_pack = i;
    return WEIR_OK;
}

/* The next rows of the first dimension that has several. */
static weir_status add_packed(wr_flow *f, const weir_tensor *t, bool *ended,
                              weir_error *err)
{
    weir_tensor from = *t, to;
    char *room;
    int d = 0;
    while (d < t->rank - 1 && t->shape[d] == 1)
        d++;
    size_t row_bytes = weir_tensor_bytes(t) / (size_t)t->shape[d];
    int64_t rows = WR_FLOW_PACK / (int64_t)row_bytes;
    rows = rows < 16 ? 16 : rows;
    if (rows > t->shape[d] - f->row)
        rows = t->shape[d] - f->row;
    weir_status st = pack_room(f, (size_t)rows * row_bytes, &room, err);
    if (st != WEIR_OK || room == NULL)
        return st;
    from.data = (char *)t->data + f->row * t->stride[d];
    from.shape[d] = rows;
    st = weir_tensor_init(&to, room, t->dtype, t->rank, from.shape, err);
    if (st == WEIR_OK)
        st = weir_tensor_copy(&to, &from, err);
    if (st != WEIR_OK)
        return st;
    f->n_packs += f->row == 0;
    f->packed_bytes += (size_t)rows * row_bytes;
    add(f, room, (size_t)rows * row_bytes);
    f->row += rows;
    *ended = f->row == t->shape[d];
    return WEIR_OK;
}

/* ---- both ---- */

static weir_status add_payload(wr_flow *f, bool *ended, weir_error *err)
{
    const weir_tensor *t = &f->e.payload[f->i].view;
    size_t bytes;
    *ended = weir_tensor_bytes(t) == 0;
    if (*ended)
        return WEIR_OK;
    int n_outer = t->rank - dense_dims(t, &bytes);
    if (n_outer > 0 && bytes < WR_FLOW_ROW)
        return add_packed(f, t, ended, err);
    *ended = add_rows(f, t, n_outer, bytes);
    return WEIR_OK;
}

/* Text and payloads into pieces, as many as there are places for. */
static weir_status add_pieces(wr_flow *f, weir_error *err)
{
    while (f->n_pieces < WR_FLOW_PIECES) {
        bool last = f->i == f->e.n_payloads, ended = false;
        size_t until = last ? f->e.text.n : f->e.payload[f->i].at;
        if (f->text < until) {
            add(f, f->e.text.p + f->text, until - f->text);
            f->text = until;
            continue;
        }
        if (last)
            break;
        int before = f->n_pieces;
        weir_status st = add_payload(f, &ended, err);
        if (st != WEIR_OK)
            return st;
        if (ended) {
            f->i++;
            f->row = 0;
        } else if (f->n_pieces == before || f->pack[f->i_pack].end == f->n_pieces) {
            break; /* what is packed goes out first, or at once */
        }
    }
    return WEIR_OK;
}

weir_status wr_flow_fill(wr_flow *f, weir_error *err)
{
    if (f->first < f->n_pieces)
        return WEIR_OK;
    f->first = f->n_pieces = 0;
    f->i_pack = 0;
    for (int i = 0; i < 2; i++) {
        f->pack[i].used = 0;
        f->pack[i].end = 0;
    }
    return add_pieces(f, err);
}

weir_status wr_flow_ahead(wr_flow *f, bool *done, weir_error *err)
{
    int before = f->n_pieces;
    *done = false;
    if (f->i == f->e.n_payloads || f->row == 0 || f->pack[f->i_pack].end == 0)
        return WEIR_OK; /* nothing was packed: what is left lies ready */
    if (f->first > 0) {
        memmove(f->piece, f->piece + f->first,
                (size_t)(f->n_pieces - f->first) * sizeof *f->piece);
        for (int i = 0; i < 2; i++)
            f->pack[i].end = f->pack[i].end > f->first ? f->pack[i].end - f->first : 0;
        before = f->n_pieces -= f->first;
        f->first = 0;
    }
    weir_status st = add_pieces(f, err);
    *done = f->n_pieces > before;
    return st;
}

void wr_flow_advance(wr_flow *f, size_t n)
{
    f->sent += n;
    while (n > 0) {
        struct iovec *p = &f->piece[f->first];
        size_t some = n < p->iov_len ? n : p->iov_len;
        p->iov_base = (char *)p->iov_base + some;
        p->iov_len -= some;
        n -= some;
        if (p->iov_len == 0)
            f->first++;
    }
}
