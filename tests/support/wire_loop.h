/* SPDX-License-Identifier: BSD-3-Clause */
/* A server in memory for tests of the codec: bytes of a request in, bytes of its reply out. */
#ifndef WR_TESTS_WIRE_LOOP_H
#define WR_TESTS_WIRE_LOOP_H

#include "wire/wire.h"

/* Words of one RESP request; the bytes must be well-formed. Returns how many, at most `room`. */
size_t wr_loop_words(const wr_text *bytes, weir_str *word, size_t room);

/* A sink that writes RESP into a text, and a source that reads one. */
typedef struct wr_loop_sink {
    wr_sink sink;
    wr_text text;
} wr_loop_sink;
void wr_loop_sink_init(wr_loop_sink *s);

typedef struct wr_loop_source {
    wr_source source;
    weir_str left;
    int64_t bulk; /* bytes of the present bulk still to be read */
} wr_loop_source;
void wr_loop_source_init(wr_loop_source *s, weir_str bytes);

/* A holder that copies, since the words go away. */
extern wr_holder wr_loop_holder;

/* The bytes of an encoded request, payloads in place. */
void wr_loop_flatten(const wr_encoded *e, wr_text *out);

/* Encode, decode, handle, reply, read: a request's way to a server and back. */
weir_status wr_loop_exchange(wr_service *s, const wr_req *req, wr_rep *rep,
                             weir_error *err);

#endif
