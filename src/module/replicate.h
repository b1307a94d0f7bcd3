/* SPDX-License-Identifier: BSD-3-Clause */
/* Values as commands: for replicas, and for the append-only file when it is rewritten. */
#ifndef WR_MODULE_REPLICATE_H
#define WR_MODULE_REPLICATE_H

#include "module/module.h"

/* Send the command that sets `key` to `v` (a tensor, model or script) to replicas and the file. */
void replicate_value(host_ctx *ctx, host_str *key, wr_value v);

/* Write it into a file that is being rewritten. */
void replicate_emit(host_io *io, host_str *key, wr_value v);

#endif
