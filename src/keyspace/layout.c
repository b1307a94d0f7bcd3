/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking a dataset's keys apart and putting them together. */
#include "keyspace/layout.h"

static const char *last_of(weir_str s, char c)
{
    for (size_t i = s.n; i > 0; i--) {
        if (s.p[i - 1] == c)
            return s.p + i - 1;
    }
    return NULL;
}

weir_str wr_layout_base(weir_str key)
{
    const char *open = key.n == 0 ? NULL : memchr(key.p, '{', key.n);
    const char *close = open == NULL ? NULL : last_of(key, '}');
    if (close == NULL || close < open || close + 2 > key.p + key.n || close[1] != '.')
        return (weir_str){0};
    return (weir_str){key.p, (size_t)(close + 1 - key.p)};
}

weir_str wr_layout_name(weir_str base)
{
    const char *open = base.n == 0 ? NULL : memchr(base.p, '{', base.n);
    const char *close = open == NULL ? NULL : last_of(base, '}');
    if (close == NULL || close < open)
        return (weir_str){0};
    return (weir_str){open + 1, (size_t)(close - open - 1)};
}

void wr_layout_meta(wr_text *key, weir_str base)
{
    wr_text_add(key, base.p, base.n);
    wr_text_add(key, WR_LAYOUT_META, sizeof WR_LAYOUT_META - 1);
}

void wr_layout_tensor(wr_text *key, weir_str base, weir_str tensor)
{
    wr_text_add(key, base.p, base.n);
    wr_text_add(key, ".", 1);
    wr_text_add(key, tensor.p, tensor.n);
}
