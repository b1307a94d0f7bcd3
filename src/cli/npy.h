/* SPDX-License-Identifier: BSD-3-Clause */
/* NumPy's .npy files, format versions 1 to 3: https://numpy.org/doc/stable/reference/generated/
 * numpy.lib.format.html. Little-endian numbers and booleans; files come from strangers. */
#ifndef WR_CLI_NPY_H
#define WR_CLI_NPY_H

#include "weir/tensor.h"

/* What the header says. */
typedef struct npy_header {
    weir_dtype dtype;
    bool is_fortran;
    int rank;
    int64_t shape[WEIR_RANK_MAX];
    size_t data_at; /* offset of the first element */
    size_t n_data;  /* bytes of all elements; they all lie within the n bytes given */
} npy_header;

/* Read the header at the beginning of n bytes and see that the data behind it is all there and nothing
 * else. WEIR_OK, ERR_FORMAT, ERR_DTYPE or ERR_SHAPE; *out is untouched on failure. */
weir_status npy_parse(const void *bytes, size_t n, npy_header *out, weir_error *err);

/* A file as a buffer in C order, whatever order it has; one reference to the caller. WEIR_OK, ERR_IO,
 * ERR_NOMEM or as npy_parse; the text names the file. */
weir_status npy_read(const char *path, weir_buffer **out, weir_error *err);

/* Write a contiguous view in C order, replacing the file. WEIR_OK, ERR_IO or ERR_DTYPE. */
weir_status npy_write(const char *path, const weir_tensor *t, weir_error *err);

#endif
