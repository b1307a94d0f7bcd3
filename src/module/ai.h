/* SPDX-License-Identifier: BSD-3-Clause */
/* RedisAI's commands in the server: what the files ai_*.c share. Grammar and texts are in wire/redisai;
 * here a parsed command becomes a request of the service, and goes one of call.h's ways. */
#ifndef WR_MODULE_AI_H
#define WR_MODULE_AI_H

#include "module/call.h"
#include "wire/redisai/redisai.h"

/* One command: a call whose words have been read, nothing else. Returns HOST_OK. */
typedef int (*ai_command)(call *c, host_ctx *ctx);
int ai_tensorset(call *c, host_ctx *ctx);
int ai_tensorget(call *c, host_ctx *ctx);
int ai_store(call *c, host_ctx *ctx); /* all four that store models and scripts */
int ai_modelget(call *c, host_ctx *ctx);
int ai_scriptget(call *c, host_ctx *ctx);
int ai_del(call *c, host_ctx *ctx); /* of both */
int ai_info(call *c, host_ctx *ctx);
int ai_config(call *c, host_ctx *ctx);
int ai_scan(call *c, host_ctx *ctx);
int ai_run(call *c, host_ctx *ctx); /* all four that run */
int ai_dag(call *c, host_ctx *ctx);

/* Which of the table's commands the call is. */
wr_ai_command ai_which(const call *c);

/* What parsers ask, of the server's keys: for as long as `ctx`. */
typedef struct ai_look {
    wr_ai_look look;
    host_ctx *ctx;
} ai_look;
ai_look ai_look_in(host_ctx *ctx);

/* Answer with the line that a parser left in c->err. */
int ai_refuse(call *c, host_ctx *ctx);
/* May this command block its client? Else it is answered, and freed, with RedisAI's refusal. */
bool ai_may_run(call *c, host_ctx *ctx);

/* Replies for call.reply: +OK or the failure in RedisAI's words. */
void ai_reply_tensor_ok(call *c, wr_sink *s);
void ai_reply_model_ok(call *c, wr_sink *s);
void ai_reply_script_ok(call *c, wr_sink *s);

/* The model or script at a key, one reference; NULL: none. */
wr_model *ai_model(host_ctx *ctx, weir_str key);
void ai_model_unref(void *model); /* for call.free_extra */
/* The tensor at a key, one reference; NULL: none. */
weir_buffer *ai_tensor(host_ctx *ctx, weir_str key);

#endif
