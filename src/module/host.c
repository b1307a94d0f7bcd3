/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking the server for its functions. */
#include "module/host.h"

#include <string.h>

host_api host;

const char *host_init(host_ctx *ctx)
{
    /* The first member of a context is the function that finds the others by name. */
    int (*get)(const char *name, void *out);
    memcpy(&get, ctx, sizeof get);
    const char *missing = NULL;
#define X(need, result, name, args)                                                      \
    if (get("RedisModule_" #name, (void *)&host.name) != HOST_OK) {                      \
        memset(&host.name, 0, sizeof host.name);                                         \
        if (need && missing == NULL)                                                     \
            missing = #name;                                                             \
    }
    WR_HOST_MAP(X)
#undef X
    return missing;
}
