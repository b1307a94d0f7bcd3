/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies as items, read from bytes as they come: small ones out of a buffer, large bulks straight into
 * the caller's memory. Takes RESP2, and what RESP3 adds as far as it can be said in RESP2's items. A
 * hostile server is met by bounds on lines, lengths, counts and nesting. */
#ifndef WR_RESP_READER_H
#define WR_RESP_READER_H

#include "wire/wire.h"

enum {
    WR_READER_ROOM = 16 * 1024, /* bytes of the buffer, and of the longest line */
    WR_READER_DEPTH = 8,        /* arrays within arrays */
    WR_READER_COUNT = 1 << 26,  /* elements of an array */
    WR_ERROR_LINE = 240         /* bytes of an error reply that are kept */
};
#define WR_READER_BULK (INT64_C(1) << 38) /* bytes of a bulk */

/* Where bytes come from. */
typedef struct wr_input wr_input;
struct wr_input {
    /* At least one byte: n into p first, what follows into `more`. ERR_TIMEOUT, ERR_CLOSED. */
    weir_status (*fill)(wr_input *in, void *p, size_t n, void *more, size_t n_more,
                        size_t *got, weir_error *err);
};

typedef struct wr_reader {
    wr_source source;
    wr_input *input;
    size_t begin, end; /* of what is in the buffer */
    int64_t bulk_left; /* bytes of a bulk that were not read yet */
    bool bulk_end;     /* the bulk's CR LF has still to come */
    int depth;
    int64_t left[WR_READER_DEPTH]; /* elements that are to come, by level */
    bool failed;                   /* out of step: nothing more can be read */
    char error[WR_ERROR_LINE];     /* the first item, when it was an error; else empty */
    uint64_t n_replies;            /* read whole */
    uint64_t copied_bytes;         /* of bulks, out of the buffer */
    char buffer[WR_READER_ROOM];
} wr_reader;

void wr_reader_init(wr_reader *r, wr_input *input);

/* Read and drop what is left of the reply that was begun; at its end do nothing. */
weir_status wr_reader_finish(wr_reader *r, weir_error *err);

/* Is nothing half-read, and nothing there that nobody asked for? */
bool wr_reader_is_clean(const wr_reader *r);

#endif
