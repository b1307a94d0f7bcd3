/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzz target: any bytes through the reader of .npy headers. */
#include <stdlib.h>

#include "cli/npy.c" /* the program's sources are not part of weir_core */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    npy_header h;
    weir_error err = {0};
    weir_status st = npy_parse(data, n, &h, &err);

    if (st != WEIR_OK) {
        if (err.text[0] == '\0' || err.code != st)
            abort(); /* a failure always has its sentence */
        return 0;
    }
    /* What it promises: the data lies within the bytes and is as large as the shape says. */
    if (h.data_at > n || h.n_data != n - h.data_at || h.rank < 0 ||
        h.rank > WEIR_RANK_MAX)
        abort();
    char *copy = malloc(n);
    weir_buffer *b = NULL;
    if (copy == NULL)
        return 0;
    memcpy(copy, data, n);
    if (to_buffer(copy, &h, &b, NULL) == WEIR_OK) {
        weir_tensor t = weir_buffer_view(b);
        if (weir_tensor_bytes(&t) != h.n_data)
            abort();
    }
    weir_buffer_unref(b);
    free(copy);
    return 0;
}
