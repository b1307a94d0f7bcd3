/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that wait: for a value to exist, for a list's length, for a tensor to take. */
#ifndef WR_MODULE_WAIT_H
#define WR_MODULE_WAIT_H

#include "module/call.h"

/* The request is a poll, or a take that found nothing. Returns HOST_OK. */
int waiting_poll(call *c, host_ctx *ctx);
int waiting_take(call *c, host_ctx *ctx);

/* A key was written: does it end a poll? With the server's lock held. */
void waiting_look(host_ctx *ctx, weir_str key);

/* How many wait. */
size_t waiting_count(void);

#endif
