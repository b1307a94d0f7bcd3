/* SPDX-License-Identifier: BSD-3-Clause */
/* The tensors that `weir model` hands to a model: random ones, or those of .npy files. */
#ifndef WR_CLI_FEED_H
#define WR_CLI_FEED_H

#include "cli/cli.h"
#include "weir/model.h"

typedef struct feed {
    int n;
    weir_buffer *buffer[WEIR_IO_MAX]; /* owned */
    weir_tensor view[WEIR_IO_MAX];    /* borrow from the buffers */
    bool guessed; /* a free extent other than the first was taken as 1 */
} feed;

/* All zero is an empty feed; harmless twice. */
void feed_fini(feed *f);

/* Random tensors for a model's inputs: numbers in [0, 1), whole ones 0 .. 9. A free first extent is
 * `batch`; `shapes` ("2,3" or "NAME=2,3") say what else is free. */
weir_status feed_random(feed *f, const weir_model_info *info, int64_t batch,
                        const cli_list *shapes, int64_t seed, weir_error *err);

/* The arrays of .npy files, "a.npy" or "a.npy,b.npy", in the model's order. */
weir_status feed_read(feed *f, const char *paths, weir_error *err);

/* Write as many files as there are tensors. */
weir_status feed_write(const feed *f, const char *paths, weir_error *err);

#endif
