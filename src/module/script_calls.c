/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands and models that scripts ask for while they run. */
#include "module/script_calls.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "module/access.h"
#include "service/pipeline.h"

struct script_calls {
    wr_script_calls calls;
    call *call;
    host_str *user; /* NULL: no user's, all rights */
};

static const int64_t SPIN_NS = 200000;      /* the server lets go of its lock often .. */
static const long NAP_NS = 50000;           /* .. but for moments */
static const int64_t MOST_NS = 60000000000; /* then it is not coming */
static const int64_t PATIENCE_NS =
    500000000; /* with a server that waits for the engine */

_Thread_local bool stands_in_for_server;
static _Thread_local const script_calls *current; /* whose command this thread is in */

/* Since when the server's thread has been waiting for the engine; 0: it does not. */
static atomic_int_fast64_t waits_since;

void script_calls_server_waits(bool begins)
{
    atomic_store(&waits_since, begins ? weir_now_ns() : 0);
}

bool script_calls_inside(void)
{
    return current != NULL;
}

host_str *script_calls_user(void)
{
    return current == NULL ? NULL : current->user;
}

/* ---- a turn with the server ---- */

typedef struct turn {
    host_ctx *ctx;
    bool locked; /* on another thread than the server's */
    keyspace_binding before;
    const script_calls *outer;
} turn;

static bool server_waits_for_us(int64_t begun, int64_t now)
{
    int64_t since = atomic_load(&waits_since);
    return since > 0 && now - (since > begun ? since : begun) > PATIENCE_NS;
}

/* As other threads do (keyspace.c), but never for ever: the script has a place in the engine. */
static weir_status take_lock(weir_error *err)
{
    const wr_job *job = wr_engine_running();
    int64_t begun = weir_now_ns(), until = begun + MOST_NS;
    if (job != NULL && job->deadline < until)
        until = job->deadline;
    for (int64_t now = begun;; now = weir_now_ns()) {
        if (now >= until)
            return weir_fail(err, WEIR_ERR_TIMEOUT,
                             "a script asked for the server, which had no time for it "
                             "within %.3f s",
                             (double)(now - begun) * 1e-9);
        if (host.ThreadSafeContextTryLock(module.background) == HOST_OK)
            return WEIR_OK;
        if (server_waits_for_us(begun, now))
            return weir_fail(err, WEIR_ERR_BUSY,
                             "a transaction waits for this script's place, and the "
                             "script for the transaction");
        if (now - begun > SPIN_NS)
            nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
    }
}

static weir_status turn_begin(turn *t, const script_calls *s, weir_error *err)
{
    t->locked = !on_server_thread();
    weir_status st = t->locked ? take_lock(err) : WEIR_OK;
    if (st != WEIR_OK)
        return st;
    t->before = keyspace_put_aside();
    t->outer = current;
    current = s;
    t->ctx = t->before.ctx;
    if (t->locked) {
        stands_in_for_server = true;
        t->ctx = host.GetThreadSafeContext(s->call->blocked);
        host.SelectDb(t->ctx, s->call->db); /* its client may have gone */
    }
    return WEIR_OK;
}

static void turn_end(turn *t)
{
    current = t->outer;
    if (t->locked) {
        host.FreeThreadSafeContext(t->ctx);
        stands_in_for_server = false;
    }
    keyspace_take_up(t->before);
    if (t->locked)
        host.ThreadSafeContextUnlock(module.background);
}

/* ---- answers: one block, the tree of nodes and then the texts ---- */

enum { DEEPEST = 32 };

typedef struct size {
    size_t nodes, bytes;
} size;

static size size_of(host_reply *r, int depth)
{
    size s = {1, 0};
    int type = host.CallReplyType(r);
    if (type == HOST_REPLY_STRING || type == HOST_REPLY_ERROR)
        (void)host.CallReplyStringPtr(r, &s.bytes);
    size_t n = type == HOST_REPLY_ARRAY && depth < DEEPEST ? host.CallReplyLength(r) : 0;
    for (size_t i = 0; i < n; i++) {
        size of = size_of(host.CallReplyArrayElement(r, i), depth + 1);
        s.nodes += of.nodes;
        s.bytes += of.bytes;
    }
    return s;
}

typedef struct filler {
    wr_answer *node;
    char *byte;
} filler;

static void fill(filler *f, wr_answer *a, host_reply *r, int depth)
{
    size_t n = 0;
    const char *p;
    wr_answer *item;
    *a = (wr_answer){.kind = WR_ANSWER_NIL};
    switch (host.CallReplyType(r)) {
    case HOST_REPLY_INTEGER:
        a->kind = WR_ANSWER_INTEGER;
        a->integer = host.CallReplyInteger(r);
        break;
    case HOST_REPLY_STRING:
    case HOST_REPLY_ERROR:
        a->kind =
            host.CallReplyType(r) == HOST_REPLY_ERROR ? WR_ANSWER_ERROR : WR_ANSWER_TEXT;
        p = host.CallReplyStringPtr(r, &n);
        if (n > 0)
            memcpy(f->byte, p, n);
        a->text = (weir_str){f->byte, n};
        f->byte += n;
        break;
    case HOST_REPLY_ARRAY:
        n = depth < DEEPEST ? host.CallReplyLength(r) : 0;
        item = f->node;
        f->node += n;
        a->kind = WR_ANSWER_LIST;
        a->item = item;
        a->n_items = n;
        for (size_t i = 0; i < n; i++)
            fill(f, &item[i], host.CallReplyArrayElement(r, i), depth + 1);
        break;
    default:
        break;
    }
}

static const wr_answer *answer_of(host_reply *r)
{
    size s = size_of(r, 0);
    size_t bytes;
    if (!wr_mul(s.nodes, sizeof(wr_answer), &bytes) || s.bytes > SIZE_MAX - bytes)
        return NULL;
    wr_answer *a = wr_alloc(bytes + s.bytes);
    if (a == NULL)
        return NULL;
    filler f = {a + 1, (char *)(a + s.nodes)};
    fill(&f, a, r, 0);
    return a;
}

static const wr_answer *error_answer(const char *text)
{
    size_t n = strlen(text);
    wr_answer *a = wr_alloc(sizeof *a + n);
    if (a != NULL)
        *a = (wr_answer){.kind = WR_ANSWER_ERROR, .text = {memcpy(a + 1, text, n), n}};
    return a;
}

static void release(void *context, const wr_answer *a)
{
    (void)context;
    wr_free((void *)(uintptr_t)a);
}

/* ---- redis.execute ---- */

enum { NAME_MOST = 128 };

typedef struct command {
    char name[NAME_MOST];
    size_t n;
    host_str *word[]; /* the name too */
} command;

static command *command_of(const weir_str *word, size_t n)
{
    command *c = wr_calloc(1, sizeof *c + n * sizeof *c->word);
    if (c == NULL)
        return NULL;
    if (word[0].n < NAME_MOST && memchr(word[0].p, '\0', word[0].n) == NULL)
        memcpy(c->name, word[0].p, word[0].n);
    for (size_t i = 0; i < n; i++)
        c->word[c->n++] = host.CreateString(NULL, wr_str_p(word[i]), word[i].n);
    return c;
}

/* With the lock when the server has seen them: it may have kept some. */
static void command_free(command *c)
{
    for (size_t i = 0; c != NULL && i < c->n; i++)
        host.FreeString(NULL, c->word[i]);
    wr_free(c);
}

/* Asked before the server is: Redis 7.0 crashes when it writes a refusal down for a context of no client.
 * What is no command the server says itself. */
static bool may(host_user *user, const command *c)
{
    errno = 0;
    return host.ACLCheckCommandPermissions(user, (host_str **)(uintptr_t)c->word,
                                           (int)c->n) == HOST_OK ||
           errno == ENOENT;
}

static const wr_answer *not_permitted(const command *c)
{
    char text[NAME_MOST + 128];
    snprintf(text, sizeof text,
             "NOPERM this user has no permissions to run '%s', or to use its keys",
             c->name);
    return error_answer(text);
}

/* As from a script of the server's: errors as replies (E), only commands that scripts may give (S), none
 * that grow when memory is used up (M); told to replicas and files (!). As a user (C): theirs are the
 * rights, of what the command itself begins too. */
static const wr_answer *ask_server(host_ctx *ctx, const char *how, const command *c)
{
    host_reply *r = host.Call(ctx, c->name, how, &c->word[1], c->n - 1);
    const wr_answer *a =
        r != NULL ? answer_of(r)
                  : error_answer("ERR the server takes no such command from a script");
    if (r != NULL)
        host.FreeCallReply(r);
    return a;
}

static const wr_answer *ask(const script_calls *s, host_ctx *ctx, const command *c)
{
    if (s->user == NULL)
        return ask_server(ctx, "!ESMv", c);
    if (host.SetContextUser == NULL || host.ACLCheckCommandPermissions == NULL)
        return error_answer("NOPERM this server can't check a script's commands: Redis "
                            "7.0.6 or later is needed");
    host_user *user = host.GetModuleUserFromUserName(s->user);
    if (user == NULL)
        return error_answer("NOPERM the user who runs the script is no more");
    const wr_answer *a;
    if (may(user, c)) {
        host.SetContextUser(ctx, user);
        a = ask_server(ctx, "!CESMv", c);
        host.SetContextUser(ctx, NULL);
    } else {
        a = not_permitted(c);
    }
    host.FreeModuleUser(user);
    return a;
}

static weir_status execute(void *context, const weir_str *word, size_t n,
                           const wr_answer **out, weir_error *err)
{
    const script_calls *s = context;
    if (n == 0)
        return weir_fail(err, WEIR_ERR_ARG, "redis.execute: no command");
    command *c = command_of(word, n);
    turn t;
    weir_status st = c == NULL ? WEIR_ERR_NOMEM : turn_begin(&t, s, err);
    if (st == WEIR_OK) {
        *out = ask(s, t.ctx, c);
        st = *out == NULL ? WEIR_ERR_NOMEM : WEIR_OK;
        command_free(c);
        turn_end(&t);
    } else {
        command_free(c);
    }
    return st == WEIR_ERR_NOMEM
               ? weir_fail(err, st, "redis.execute: no memory for '%.*s'",
                           WR_NAME(word[0]))
               : st;
}

/* ---- redisAI.model_execute ---- */

static weir_status find_model(const script_calls *s, weir_str key, wr_model **out,
                              weir_error *err)
{
    turn t;
    weir_status st = turn_begin(&t, s, err);
    if (st != WEIR_OK)
        return st;
    wr_keyspace *ks = module.service.keyspace;
    keyspace_bind(t.ctx);
    wr_value v = ks->ops->get(ks, key);
    if (!access_user_may_read(s->user, key))
        st = weir_fail(err, WEIR_ERR_KEY,
                       "NOPERM this user has no permissions to use model '%.*s'",
                       WR_NAME(key));
    else if (v.kind == WR_VALUE_MODEL)
        *out = wr_model_ref(v.of.model);
    else
        st = weir_fail(err, v.kind == WR_VALUE_NONE ? WEIR_ERR_KEY : WEIR_ERR_KIND,
                       "redisAI.model_execute: '%.*s' is no model", WR_NAME(key));
    keyspace_unbind();
    turn_end(&t);
    return st;
}

static weir_status model_execute(void *context, weir_str key, const weir_tensor *in,
                                 int n_in, wr_output *out, int n_out,
                                 weir_deadline deadline, weir_error *err)
{
    wr_model *m = NULL;
    weir_status st = find_model(context, key, &m, err);
    if (st != WEIR_OK)
        return st;
    wr_job job = {.model = m,
                  .in = in,
                  .n_in = n_in,
                  .out = out,
                  .n_out = n_out,
                  .deadline = deadline,
                  .lenient = true};
    st = wr_engine_run_inside(module.service.engine, wr_engine_running(), &job);
    if (st != WEIR_OK && err != NULL)
        *err = job.error;
    wr_model_unref(m);
    return st;
}

/* ---- life ---- */

weir_status script_calls_make(call *c, host_ctx *ctx, const wr_script_calls **out)
{
    script_calls *s = wr_alloc(sizeof *s);
    if (s == NULL)
        return weir_fail(&c->err, WEIR_ERR_NOMEM, "no memory to run a script");
    *s = (script_calls){.calls = {s, execute, release, model_execute},
                        .call = c,
                        .user = access_user(ctx)};
    c->scripts = s;
    *out = &s->calls;
    return WEIR_OK;
}

static bool runs_script(const wr_req *q)
{
    if (q->function.n > 0)
        return true;
    for (size_t i = 0; q->steps != NULL && i < q->steps->n; i++) {
        if (q->steps->step[i].function.n > 0)
            return true;
    }
    return false;
}

weir_status script_calls_lend(call *c, host_ctx *ctx)
{
    return runs_script(&c->d.req) ? script_calls_make(c, ctx, &c->d.req.script_calls)
                                  : WEIR_OK;
}

void script_calls_free(script_calls *s)
{
    if (s != NULL && s->user != NULL)
        host.FreeString(NULL, s->user);
    wr_free(s);
}
