/* SPDX-License-Identifier: BSD-3-Clause */
/* The tiny network that benchmarks run: 10-64-64-1, tanh between the layers, as ONNX bytes. */
#ifndef WR_CLI_TINY_H
#define WR_CLI_TINY_H

#include <stddef.h>

enum { TINY_INPUTS = 10, TINY_OUTPUTS = 1 };

/* The model file's bytes, to be released with free(); NULL when there is no memory. The weights come
 * from a fixed generator: the bytes are the same everywhere. */
char *tiny_model(size_t *n);

#endif
