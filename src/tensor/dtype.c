/* SPDX-License-Identifier: BSD-3-Clause */
/* The element types: everything that is known about them comes from WEIR_DTYPE_MAP. */
#include <strings.h>

#include "base/text.h"
#include "weir/tensor.h"

typedef struct dtype_row {
    size_t bytes;
    const char *name;
} dtype_row;

static const dtype_row rows[] = {
#define X(name, bytes, code, bits, wire) {bytes, wire},
    WEIR_DTYPE_MAP(X)
#undef X
};

static bool is_known(weir_dtype t)
{
    return (int)t >= 0 && (int)t < WEIR_DTYPE_COUNT;
}

size_t weir_dtype_bytes(weir_dtype t)
{
    return is_known(t) ? rows[t].bytes : 0;
}

const char *weir_dtype_name(weir_dtype t)
{
    return is_known(t) ? rows[t].name : "?";
}

weir_status weir_dtype_parse(weir_str name, weir_dtype *out)
{
    if (out == NULL || (name.p == NULL && name.n > 0))
        return WEIR_ERR_DTYPE;
    for (int i = 0; i < WEIR_DTYPE_COUNT; i++) {
        if (strlen(rows[i].name) == name.n &&
            strncasecmp(rows[i].name, name.p, name.n) == 0) {
            *out = (weir_dtype)i;
            return WEIR_OK;
        }
    }
    return WEIR_ERR_DTYPE;
}
