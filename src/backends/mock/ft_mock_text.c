/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzz target: the grammar of mock models, with any bytes. */
#include "text.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    mock_text text;
    const char *why;
    size_t at;
    bool ok = mock_parse(&text, (const char *)data, n, &why, &at);
    if (at > n || text.n_in < 0 || text.n_in > WEIR_IO_MAX || text.n_out > WEIR_IO_MAX)
        abort();
    for (int i = 0; ok && i < text.n_in; i++) {
        if (text.in[i].rank < 0 || text.in[i].rank > WEIR_RANK_MAX)
            abort();
    }
    return 0;
}
