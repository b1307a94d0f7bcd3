/* SPDX-License-Identifier: BSD-3-Clause */
/* Encoded requests on their way out: a walk over text and payloads that gives pieces to writev(). What
 * lies in long rows goes out from the caller's memory; the rest is packed, a piece at a time, into a
 * buffer that is used again. */
#ifndef WR_RESP_FLOW_H
#define WR_RESP_FLOW_H

#include <sys/uio.h>

#include "wire/wire.h"

enum {
    WR_FLOW_PIECES = 64,       /* of one writev() */
    WR_FLOW_ROW = 4096,        /* bytes: shorter rows are packed */
    WR_FLOW_PACK = 256 * 1024, /* bytes packed at a time, where that is 16 rows */
    WR_FLOW_KEPT = 1024 * 1024 /* a larger buffer is not kept between requests */
};

typedef struct wr_flow {
    wr_encoded e; /* what goes out; its memory is used again */
    size_t text;  /* bytes of e.text already in pieces */
    size_t i;     /* the payload that is next, or in pieces now */
    int64_t row;  /* of that payload: rows that are in pieces already */
    struct iovec piece[WR_FLOW_PIECES];
    int first, n_pieces; /* not yet sent: piece[first .. n_pieces) */
    uint64_t sent;       /* bytes handed to the kernel since the reset */
    /* Two buffers to pack into, so that the next rows are packed while the kernel takes the last ones. */
    struct {
        weir_buffer *buffer;
        size_t room, used;
        int end; /* behind its last piece: with first there, it is free again */
    } pack[2];
    int i_pack;                     /* the one that is being filled */
    uint64_t n_packs, packed_bytes; /* counted, for statistics; the owner zeroes them */
} wr_flow;

void wr_flow_fini(wr_flow *f);

/* Forget what was sent and what was not; keep the memory. */
void wr_flow_reset(wr_flow *f);

/* Make sure that there are pieces, unless all is sent. ERR_NOMEM. */
weir_status wr_flow_fill(wr_flow *f, weir_error *err);

/* The kernel takes no more now: put what is to be packed next into pieces, if there is room. False: there
 * was nothing to do. */
weir_status wr_flow_ahead(wr_flow *f, bool *done, weir_error *err);

/* `n` bytes of the pieces were sent. */
void wr_flow_advance(wr_flow *f, size_t n);

static inline bool wr_flow_is_sent(const wr_flow *f)
{
    return f->first == f->n_pieces && f->text == f->e.text.n && f->i == f->e.n_payloads;
}

#endif
