/* SPDX-License-Identifier: BSD-3-Clause */
/* Access control of keys: what the server is told about a command's keys, and what it can't know. */
#ifndef WR_MODULE_ACCESS_H
#define WR_MODULE_ACCESS_H

#include "module/module.h"

/* In a command's answer to "which words are keys?": word i_word is one. */
void access_tell_key(host_ctx *ctx, size_t i_word, bool reads, bool writes);

/* While loading: the categories of a command ("write dangerous"), where the server lets modules say. */
void access_categorize(host_ctx *ctx, const char *command, const char *categories);

/* While loading: the command's only key is its first word. Without this the server takes it for one that
 * is read and written. */
void access_first_word(host_ctx *ctx, const char *command, bool writes);

/* Whose rights the context's command has: a name to be freed; NULL: no user's, from a primary, a file or
 * another module. */
host_str *access_user(host_ctx *ctx);

/* May this user, or nobody (NULL), use the model at this key? */
bool access_user_may_read(host_str *user, weir_str key);

/* May the client use the model at this key, which is not among the keys that its command tells? Always
 * where there is no client: from a primary, a file, another module. */
bool access_may_read(host_ctx *ctx, weir_str key);

/* May it use every model that a run or a pipeline names? */
bool access_may_run(host_ctx *ctx, const wr_req *req);

#endif
