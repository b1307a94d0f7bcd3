/* SPDX-License-Identifier: BSD-3-Clause */
/* What every keyspace shares: releasing what a batch of writes replaced. */
#include "keyspace/keyspace.h"

void wr_writes_release(wr_write *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        wr_value_unref(w[i].replaced);
        w[i].replaced = (wr_value){0};
    }
}
