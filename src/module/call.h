/* SPDX-License-Identifier: BSD-3-Clause */
/* One command on its way: its words, its request, and, when it can't be answered at once, the client that
 * is blocked for it. */
#ifndef WR_MODULE_CALL_H
#define WR_MODULE_CALL_H

#include "module/module.h"

typedef struct call call;
struct call {
    wr_work work;   /* when a worker takes it */
    wr_decoded d;   /* the request, and its reply */
    weir_status st; /* how it ended, with .. */
    weir_error err;
    wr_run *run;                  /* executed, not ended yet */
    struct script_calls *scripts; /* what its scripts may ask, or NULL */

    /* What is to be done on a worker: sets st, err, d.rep. */
    void (*job)(call *c);
    /* The reply, on any thread, once it has ended; into the client's or a thread's context. */
    void (*reply)(call *c, wr_sink *s);
    void *extra;                /* of those who set job or reply .. */
    void (*free_extra)(void *); /* .. */
    unsigned show;              /* .. */

    host_blocked *blocked; /* NULL: still in its command */
    bool replied;          /* a worker has written the reply already */
    bool held;             /* the words are held */
    int db;
    wr_holder holder;
    host_str **argv; /* the command's; of our own once held */
    size_t room;     /* of word */
    wr_words words;
    weir_str word[];
};

/* Begin: words read, nothing else. NULL: no memory, and the client was told. */
call *call_new(host_ctx *ctx, host_str **argv, int argc);
void call_free(call *c);

/* May this client be blocked? Not in a transaction or a script, nor where commands come from a file. */
bool call_may_block(host_ctx *ctx);

/* Answer now from c->st and c->reply, and free the call; large payloads by a worker. Returns HOST_OK. */
int call_answer(call *c, host_ctx *ctx);

/* Block the client until call_unblock. The words stay valid from here on. ERR_NOMEM. */
weir_status call_block(call *c, host_ctx *ctx);
/* It has ended: reply and free on the server's thread. Any thread, once. */
void call_unblock(call *c);

/* Write the reply where no lock is needed: into the blocked client's own buffer. Any thread; call_unblock
 * follows. */
void call_reply_here(call *c);

/* Let a worker do c->job; the client is blocked for it. Returns HOST_OK. */
int call_on_worker(call *c, host_ctx *ctx);
/* The same for a call whose client is blocked already, from any thread. */
weir_status call_go_on_worker(call *c);

/* Run c->d.req, a run or infer: at once when it is quick, else by the engine. Returns HOST_OK. */
int call_run(call *c, host_ctx *ctx);

/* Load c->d.req, a set_model: on a worker, or declared where it comes from a primary or a file. */
int call_set_model(call *c, host_ctx *ctx);

/* What the engine calls when it is done; c->run is to be ended. For those who begin runs themselves. */
void call_executed(void *context, wr_run *run);

/* A sink that replies to a client. */
typedef struct ctx_sink {
    wr_sink sink;
    host_ctx *ctx;
} ctx_sink;
ctx_sink ctx_sink_of(host_ctx *ctx);

#endif
