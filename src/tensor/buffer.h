/* SPDX-License-Identifier: BSD-3-Clause */
/* What other rooms may know about buffers beyond the public header. */
#ifndef WR_TENSOR_BUFFER_H
#define WR_TENSOR_BUFFER_H

#include "weir/tensor.h"

/* Bytes that a packed copy of a host view takes: the elements, and for WEIR_STRING the characters
 * with a NUL behind each. ERR_ARG for a string that is a null pointer with a length, ERR_SHAPE when
 * the sum overflows. *bytes is untouched on failure. */
weir_status wr_buffer_packed_bytes(const weir_tensor *t, size_t *bytes, weir_error *err);

/* Bytes of a buffer's elements with the characters of strings: what a bounded store counts. The
 * header and the slack of the size class (at most an eighth) are not in it. Costs nothing. */
size_t wr_buffer_footprint(const weir_buffer *b);

/* Its view where it lies: constant while the buffer lives, but for wr_buffer_move. */
const weir_tensor *wr_buffer_tensor(const weir_buffer *b);

/* Must nobody write these elements, whoever holds the buffer? True for memory that was imported as
 * read-only. */
bool wr_buffer_is_read_only(const weir_buffer *b);
void wr_buffer_set_read_only(weir_buffer *b);

/* What weir_buffer_wrap was given as context, if it was given this `release`; else NULL. */
void *wr_buffer_context(const weir_buffer *b, void (*release)(void *context));

/* The wrapped memory lies elsewhere now: same type and shape. Only while nobody else has a reference. */
void wr_buffer_move(weir_buffer *b, void *data);

/* weir_buffer_from for those who know wr_buffer_packed_bytes already. */
weir_status wr_buffer_copy(weir_buffer **out, const weir_tensor *from, size_t bytes,
                           weir_error *err);

#endif
