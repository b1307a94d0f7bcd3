/* SPDX-License-Identifier: BSD-3-Clause */
/* The keyspace of the handlers over the server's keys: tensors, models and scripts are values of our
 * types, a dataset's metadata is a hash, a list a list. Every write is replicated here, as the plainest
 * command that has its effect, so that whoever changes a key need not think of it. */
#include <stdio.h>

#include "base/alloc.h"
#include "keyspace/layout.h"
#include "module/module.h"
#include "module/replicate.h"
#include "module/wait.h"
#include "tensor/buffer.h"

/* A hash that was read, kept until the thread is unbound: handlers compare what they saw. */
typedef struct keyspace_seen {
    struct keyspace_seen *next;
    weir_str key; /* owned */
    wr_fields *fields;
    wr_list *list; /* of a list only the length */
} seen;

/* The thread that works on keys; see keyspace_bind. */
static _Thread_local keyspace_binding mine;

static atomic_bool replicates;

void keyspace_replicate_from_now_on(void)
{
    atomic_store(&replicates, true);
}

void keyspace_bind(host_ctx *ctx)
{
    mine.ctx = ctx;
    mine.argc = 0;
}

void keyspace_bind_words(host_ctx *ctx, host_str **argv, size_t argc)
{
    enum { MOST = 4 }; /* of any command of ours the key is the second or third word */
    keyspace_bind(ctx);
    mine.argv = argv;
    mine.argc = argc < MOST ? argc : MOST;
}

void keyspace_unbind(void)
{
    for (seen *s = mine.seen, *next; s != NULL; s = next) {
        next = s->next;
        wr_fields_unref(s->fields);
        if (s->list != NULL) {
            s->list->n = 0; /* the items were never here */
            wr_value_unref((wr_value){.kind = WR_VALUE_LIST, .of.list = s->list});
        }
        wr_free((void *)(uintptr_t)s->key.p);
        wr_free(s);
    }
    mine.seen = NULL;
    mine.ctx = NULL;
    mine.argc = 0;
}

keyspace_binding keyspace_put_aside(void)
{
    keyspace_binding b = mine;
    mine = (keyspace_binding){0};
    return b;
}

void keyspace_take_up(keyspace_binding b)
{
    mine = b;
}

host_ctx *keyspace_context(void)
{
    return mine.ctx;
}

host_str *keyspace_name(weir_str key)
{
    for (size_t i = 1; i < mine.argc; i++) {
        weir_str word = host_text(mine.argv[i]);
        if (word.p == key.p && word.n == key.n) {
            host.RetainString(NULL, mine.argv[i]);
            return mine.argv[i];
        }
    }
    return host.CreateString(NULL, key.p, key.n);
}

/* ---- lock ---- */

/* The server lets go of its lock only while it sleeps, and takes it again at once: look for that moment
 * for a while before queueing for it. */
static void lock(wr_keyspace *ks)
{
    (void)ks;
    if (on_server_thread())
        return;
    int64_t until = weir_now_ns() + 200000;
    while (host.ThreadSafeContextTryLock(mine.ctx) != HOST_OK) {
        if (weir_now_ns() > until) {
            host.ThreadSafeContextLock(mine.ctx);
            return;
        }
    }
}

static void unlock(wr_keyspace *ks)
{
    (void)ks;
    if (!on_server_thread())
        host.ThreadSafeContextUnlock(mine.ctx);
}

/* ---- reading ---- */

static bool same_fields(const wr_fields *a, const wr_fields *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        weir_str other;
        if (!wr_fields_find(b, a->f[i].name, &other) || !wr_str_eq(other, a->f[i].bytes))
            return false;
    }
    return true;
}

static seen *remember(weir_str key)
{
    for (seen *s = mine.seen; s != NULL; s = s->next) {
        if (wr_str_eq(s->key, key))
            return s;
    }
    seen *s = wr_calloc(1, sizeof *s);
    char *copy = wr_dup(key.p, key.n);
    if (s == NULL || copy == NULL) {
        wr_free(s);
        wr_free(copy);
        return NULL;
    }
    s->key = (weir_str){copy, key.n};
    s->next = mine.seen;
    mine.seen = s;
    return s;
}

static wr_fields *fields_of(host_reply *reply)
{
    size_t n = host.CallReplyLength(reply) / 2;
    wr_fields *out = NULL;
    wr_field *f = wr_calloc(n + 1, sizeof *f);
    for (size_t i = 0; f != NULL && i < n; i++) {
        host_reply *name = host.CallReplyArrayElement(reply, 2 * i);
        host_reply *bytes = host.CallReplyArrayElement(reply, 2 * i + 1);
        f[i].name.p = host.CallReplyStringPtr(name, &f[i].name.n);
        f[i].bytes.p = host.CallReplyStringPtr(bytes, &f[i].bytes.n);
    }
    if (f == NULL || wr_fields_new(&out, f, n, NULL) != WEIR_OK)
        out = NULL;
    wr_free(f);
    return out;
}

/* The same object as last time while the hash has the same fields. NONE: no memory. */
static wr_value get_fields(host_str *name, weir_str key)
{
    host_reply *reply = host.Call(mine.ctx, "HGETALL", "s", name);
    seen *s = remember(key);
    wr_fields *now = reply != NULL && host.CallReplyType(reply) == HOST_REPLY_ARRAY
                         ? fields_of(reply)
                         : NULL;
    if (reply != NULL)
        host.FreeCallReply(reply);
    if (s == NULL || now == NULL) {
        wr_fields_unref(now);
        return (wr_value){.kind = WR_VALUE_NONE};
    }
    if (s->fields == NULL || !same_fields(s->fields, now)) {
        wr_fields_unref(s->fields);
        s->fields = now;
    } else {
        wr_fields_unref(now);
    }
    return (wr_value){.kind = WR_VALUE_FIELDS, .of.fields = s->fields};
}

/* A list's length is all that handlers ask of it here: its items stay with the server. */
static wr_value get_list(weir_str key, size_t n)
{
    seen *s = remember(key);
    if (s != NULL && s->list == NULL)
        s->list = wr_list_clone(NULL);
    if (s == NULL || s->list == NULL)
        return (wr_value){.kind = WR_VALUE_NONE};
    s->list->n = n;
    return (wr_value){.kind = WR_VALUE_LIST, .of.list = s->list};
}

static wr_value get(wr_keyspace *ks, weir_str key)
{
    (void)ks;
    wr_value v = {.kind = WR_VALUE_NONE};
    host_str *name = keyspace_name(key);
    host_key *k = host.OpenKey(mine.ctx, name, HOST_READ);
    int type = k == NULL ? HOST_KEY_EMPTY : host.KeyType(k);
    if (type == HOST_KEY_MODULE)
        v = types_value(k);
    else if (type == HOST_KEY_LIST)
        v = get_list(key, host.ValueLength(k));
    else if (type != HOST_KEY_EMPTY && type != HOST_KEY_HASH)
        v.kind = WR_VALUE_OTHER;
    if (k != NULL)
        host.CloseKey(k);
    if (type == HOST_KEY_HASH)
        v = get_fields(name, key);
    host.FreeString(NULL, name);
    return v;
}

/* ---- writing ---- */

static weir_status check_write(wr_keyspace *ks, const wr_write *w, weir_error *err)
{
    wr_value now = get(ks, w->key);
    if (w->if_seen && !wr_value_is(now, w->seen))
        return weir_fail(err, WEIR_ERR_BUSY, "'%.*s' was written meanwhile",
                         WR_NAME(w->key));
    if (w->only_over != WR_VALUE_NONE && now.kind != WR_VALUE_NONE &&
        now.kind != w->only_over)
        return weir_fail(err, WEIR_ERR_KIND, "'%.*s': the key holds %s", WR_NAME(w->key),
                         wr_value_kind_text(now.kind));
    return WEIR_OK;
}

static weir_status check_server(const wr_write *w, size_t n, int flags, weir_error *err)
{
    bool grows = false;
    for (size_t i = 0; i < n; i++)
        grows |= w[i].kind != WR_WRITE_DEL;
    if ((flags & HOST_FLAG_SLAVE) &&
        !(flags & (HOST_FLAG_REPLICATED | HOST_FLAG_LOADING)))
        return weir_fail(err, WEIR_ERR_CLOSED,
                         "this server has become a replica: write to its primary");
    if (grows && (flags & HOST_FLAG_OOM) && !(flags & HOST_FLAG_REPLICATED))
        return weir_fail(err, WEIR_ERR_FULL,
                         "the server's maxmemory is used up: delete keys or raise it");
    return WEIR_OK;
}

static void set_fields(host_str *name, const wr_fields *f)
{
    host_str **words = wr_calloc(2 * f->n + 1, sizeof(host_str *));
    for (size_t i = 0; words != NULL && i < f->n; i++) {
        words[2 * i] = host.CreateString(NULL, f->f[i].name.p, f->f[i].name.n);
        words[2 * i + 1] = host.CreateString(NULL, f->f[i].bytes.p, f->f[i].bytes.n);
    }
    host_reply *reply = host.Call(mine.ctx, "DEL", "!s", name);
    if (reply != NULL)
        host.FreeCallReply(reply);
    reply = words == NULL
                ? NULL
                : host.Call(mine.ctx, "HSET", "!sv", name, words, (size_t)(2 * f->n));
    if (reply != NULL)
        host.FreeCallReply(reply);
    for (size_t i = 0; words != NULL && i < 2 * f->n; i++)
        host.FreeString(NULL, words[i]);
    wr_free(words);
}

static host_type *type_of(wr_value_kind kind)
{
    return kind == WR_VALUE_TENSOR  ? module.tensor_type
           : kind == WR_VALUE_MODEL ? module.model_type
                                    : module.script_type;
}

/* Put a small tensor in the place of another: the key stays, a third of the work of deleting and adding
 * it. Large ones go the long way, on which the server may free the old one lazily. */
static bool replace_tensor(host_key *k, weir_buffer *b)
{
    enum { SMALL = 64 << 10 };
    void *old = NULL;
    if (host.ModuleTypeReplaceValue == NULL || host.SetExpire == NULL ||
        host.GetExpire == NULL || host.KeyType(k) != HOST_KEY_MODULE ||
        host.ModuleTypeGetType(k) != module.tensor_type ||
        wr_buffer_footprint(host.ModuleTypeGetValue(k)) > SMALL ||
        host.ModuleTypeReplaceValue(k, module.tensor_type, b, &old) != HOST_OK)
        return false;
    if (host.GetExpire(k) != HOST_NO_EXPIRE)
        host.SetExpire(k, HOST_NO_EXPIRE);
    weir_buffer_unref(old);
    return true;
}

/* The value's reference goes to the key, which is closed. */
static void set_value(host_key *k, host_str *name, wr_value v)
{
    void *object = v.kind == WR_VALUE_TENSOR ? (void *)v.of.tensor : (void *)v.of.model;
    if (v.kind != WR_VALUE_TENSOR || !replace_tensor(k, v.of.tensor))
        host.ModuleTypeSetValue(k, type_of(v.kind), object);
    host.CloseKey(k);
    host.NotifyKeyspaceEvent(mine.ctx, HOST_NOTIFY_MODULE, "weir.set", name);
}

static void del_value(host_str *name)
{
    host_reply *reply = host.Call(mine.ctx, "DEL", "!s", name);
    if (reply != NULL)
        host.FreeCallReply(reply);
}

/* A list is known here by the key under which it was seen: the server copies it. */
static void copy_list(host_str *name, const wr_list *list)
{
    const seen *s = mine.seen;
    while (s != NULL && s->list != list)
        s = s->next;
    if (s == NULL)
        return;
    host_str *from = keyspace_name(s->key);
    host_reply *reply = host.Call(mine.ctx, "COPY", "!ssc", from, name, "REPLACE");
    if (reply != NULL)
        host.FreeCallReply(reply);
    host.FreeString(NULL, from);
}

static void write_value(wr_write *w, host_key *k, host_str *name, int flags)
{
    set_value(k, name, w->give ? w->value : wr_value_ref(w->value));
    if (atomic_load_explicit(&replicates, memory_order_relaxed) ||
        (flags & HOST_FLAG_AOF))
        replicate_value(mine.ctx, name, w->value);
}

static void write_one(wr_write *w, int flags)
{
    host_str *name = keyspace_name(w->key);
    if (w->kind == WR_WRITE_DEL) {
        del_value(name);
    } else if (w->kind == WR_WRITE_APPEND) {
        host_reply *reply =
            host.Call(mine.ctx, "RPUSH", "!sb", name, w->item.p, w->item.n);
        if (reply != NULL)
            host.FreeCallReply(reply);
    } else if (w->value.kind == WR_VALUE_LIST) {
        copy_list(name, w->value.of.list);
        if (w->give)
            wr_value_unref(w->value);
    } else if (w->value.kind == WR_VALUE_FIELDS) {
        set_fields(name, w->value.of.fields);
        if (w->give)
            wr_value_unref(w->value);
    } else {
        write_value(w, host.OpenKey(mine.ctx, name, HOST_READ | HOST_WRITE), name, flags);
    }
    host.FreeString(NULL, name);
}

/* The commonest write, one tensor, where the key need be opened only once: what it holds is looked at
 * when it is open for writing. False: it holds something else, the long way says what. */
static bool write_tensor(wr_write *w, int flags)
{
    host_str *name = keyspace_name(w->key);
    host_key *k = host.OpenKey(mine.ctx, name, HOST_READ | HOST_WRITE);
    int type = host.KeyType(k);
    bool good =
        type == HOST_KEY_EMPTY ||
        (type == HOST_KEY_MODULE && host.ModuleTypeGetType(k) == module.tensor_type);
    if (good)
        write_value(w, k, name, flags);
    else
        host.CloseKey(k);
    host.FreeString(NULL, name);
    return good;
}

static bool is_one_tensor(const wr_write *w, size_t n)
{
    return n == 1 && w->kind == WR_WRITE_SET && w->value.kind == WR_VALUE_TENSOR &&
           w->only_over == WR_VALUE_TENSOR && !w->if_seen;
}

static weir_status apply(wr_keyspace *ks, wr_write *w, size_t n, wr_limit limit,
                         weir_error *err)
{
    (void)limit; /* nothing waits for room: the server evicts, or refuses */
    int flags = host.GetContextFlags(mine.ctx);
    weir_status st = check_server(w, n, flags, err);
    if (st == WEIR_OK && is_one_tensor(w, n) && write_tensor(w, flags)) {
        w->replaced = (wr_value){.kind = WR_VALUE_NONE};
        waiting_look(mine.ctx, w->key);
        return WEIR_OK;
    }
    for (size_t i = 0; i < n && st == WEIR_OK; i++)
        st = check_write(ks, &w[i], err);
    if (st != WEIR_OK)
        return st;
    for (size_t i = 0; i < n; i++) {
        w[i].replaced = (wr_value){.kind = WR_VALUE_NONE}; /* the server has freed it */
        write_one(&w[i], flags);
    }
    for (size_t i = 0; i < n; i++)
        waiting_look(mine.ctx, w[i].key);
    return WEIR_OK;
}

/* The server decides about room when it comes to the write. */
static weir_status fits(wr_keyspace *ks, size_t bytes, weir_error *err)
{
    (void)ks;
    (void)bytes;
    (void)err;
    return WEIR_OK;
}

/* Waiting is wait.c's: it needs blocked clients. */
static void watch(wr_keyspace *ks, wr_watch *w)
{
    (void)ks;
    (void)w;
}

static wr_keyspace_info info(wr_keyspace *ks)
{
    (void)ks;
    return (wr_keyspace_info){0};
}

static void free_keyspace(wr_keyspace *ks)
{
    (void)ks;
}

wr_keyspace *keyspace_new(void)
{
    static const wr_keyspace_ops ops = {
        .lock = lock,
        .unlock = unlock,
        .get = get,
        .apply = apply,
        .fits = fits,
        .watch = watch,
        .unwatch = watch,
        .info = info,
        .free = free_keyspace,
    };
    static wr_keyspace ks = {&ops};
    return &ks;
}
