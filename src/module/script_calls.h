/* SPDX-License-Identifier: BSD-3-Clause */
/* What scripts ask of the server that runs them: redis.execute and redisAI.model_execute.
 *
 * A script runs on a thread of the engine, on a worker, or, when it is quick, on the server's. For a
 * command the others take the server's lock, and stand in for the server's thread while they have it. The
 * server's thread itself never waits for a run, with one exception: in a transaction it waits for
 * pipelines and for models that are loaded. It says so, and scripts that meanwhile wait for the lock give
 * up, so that nobody waits for ever. */
#ifndef WR_MODULE_SCRIPT_CALLS_H
#define WR_MODULE_SCRIPT_CALLS_H

#include "module/call.h"

typedef struct script_calls script_calls;

/* Lend the request what its scripts may ask, with the rights of the command's user; nothing is done
 * where it runs no script. The server's thread. ERR_NOMEM. */
weir_status script_calls_lend(call *c, host_ctx *ctx);
/* The same for commands that are not in c->d.req. */
weir_status script_calls_make(call *c, host_ctx *ctx, const wr_script_calls **out);
void script_calls_free(script_calls *s); /* NULL is allowed; with the server's lock */

/* Is this thread inside a command that a script gave? Then nothing may wait for a place in the engine. */
bool script_calls_inside(void);
/* Whose rights that command has; borrowed. NULL: no user's, all rights. */
host_str *script_calls_user(void);

/* The server's thread begins or ends to wait for the engine. */
void script_calls_server_waits(bool begins);

#endif
