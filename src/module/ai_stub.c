/* SPDX-License-Identifier: BSD-3-Clause */
#include "module/module.h"
int redisai_register(host_ctx *ctx)
{
    (void)ctx;
    return HOST_OK;
}
