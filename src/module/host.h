/* SPDX-License-Identifier: BSD-3-Clause */
/* What we use of the module API of Redis and Valkey, as one table: a function is a line. The server hands
 * its functions out by name, so no header of the server's is needed, and one weir.so serves every
 * version; what an older one lacks is NULL and said so where it is missed. */
#ifndef WR_MODULE_HOST_H
#define WR_MODULE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The server's own objects, never looked into. */
typedef struct host_ctx host_ctx;
typedef struct host_str host_str;
typedef struct host_key host_key;
typedef struct host_reply host_reply;
typedef struct host_io host_io;
typedef struct host_type host_type;
typedef struct host_blocked host_blocked;
typedef struct host_digest host_digest;
typedef struct host_info host_info;
typedef struct host_defrag host_defrag;
typedef struct host_command host_command;
typedef struct host_user host_user;

enum { HOST_OK = 0, HOST_ERR = 1 };
enum { HOST_READ = 1 << 0, HOST_WRITE = 1 << 1, HOST_NOTOUCH = 1 << 16 };
enum {
    HOST_KEY_EMPTY = 0,
    HOST_KEY_STRING,
    HOST_KEY_LIST,
    HOST_KEY_HASH,
    HOST_KEY_SET,
    HOST_KEY_ZSET,
    HOST_KEY_MODULE,
    HOST_KEY_STREAM
};
enum {
    HOST_REPLY_UNKNOWN = -1,
    HOST_REPLY_STRING = 0,
    HOST_REPLY_ERROR,
    HOST_REPLY_INTEGER,
    HOST_REPLY_ARRAY,
    HOST_REPLY_NULL
};

/* What a command does with a key, for access control and getkeys. */
enum {
    HOST_ACCESS_RO = 1 << 0,
    HOST_ACCESS_RW = 1 << 1,
    HOST_ACCESS_OW = 1 << 2,
    HOST_ACCESS_ACCESS = 1 << 4, /* its value may be shown */
    HOST_ACCESS_UPDATE = 1 << 5
};

/* Flags of GetContextFlags. */
enum {
    HOST_FLAG_LUA = 1 << 0,
    HOST_FLAG_MULTI = 1 << 1,
    HOST_FLAG_SLAVE = 1 << 3,
    HOST_FLAG_CLUSTER = 1 << 5,
    HOST_FLAG_AOF = 1 << 6,
    HOST_FLAG_OOM = 1 << 10,
    HOST_FLAG_REPLICATED = 1 << 12,
    HOST_FLAG_LOADING = 1 << 13,
    HOST_FLAG_IS_CHILD = 1 << 20,
    HOST_FLAG_DENY_BLOCKING = 1 << 21
};

/* What a command's keys are, where they lie at a fixed place; members in the server's order, of version 1. */
typedef struct host_key_spec {
    const char *notes;
    uint64_t flags;
    int begin; /* 2: at word .. */
    union {
        struct {
            int word;
        } index;
        struct {
            const char *keyword;
            int from;
        } keyword;
    } at;
    int find; /* 2: from there up to so many words further */
    union {
        struct {
            int last, step, limit;
        } range;
        struct {
            int count, first, step;
        } counted;
    } keys;
} host_key_spec;
typedef struct host_info_version {
    int version;
    size_t history_bytes, spec_bytes, argument_bytes;
} host_info_version;
typedef struct host_command_info {
    const host_info_version *version;
    const char *summary, *complexity, *since;
    void *history;
    const char *tips;
    int arity;           /* 0: not said */
    host_key_spec *keys; /* ends with one all zero */
    void *arguments;
} host_command_info;

/* Kinds of keyspace events. */
enum {
    HOST_NOTIFY_GENERIC = 1 << 2,
    HOST_NOTIFY_LIST = 1 << 4,
    HOST_NOTIFY_HASH = 1 << 6,
    HOST_NOTIFY_EXPIRED = 1 << 8,
    HOST_NOTIFY_EVICTED = 1 << 9,
    HOST_NOTIFY_MODULE = 1 << 13
};

enum { HOST_NO_EXPIRE = -1 };
enum { HOST_OPTION_HANDLE_IO_ERRORS = 1 << 0 };

/* Server events: number and version of their data. */
typedef struct host_event {
    uint64_t id, version;
} host_event;
enum {
    HOST_EVENT_ROLE = 0,
    HOST_EVENT_FLUSH = 2,
    HOST_EVENT_LOADING = 3,
    HOST_EVENT_SHUTDOWN = 5,
    HOST_EVENT_REPLICA = 6,
    HOST_EVENT_FORK = 13
};

/* What a data type can do; members in the server's order, of version 3 of this table. */
typedef struct host_type_methods {
    uint64_t version;
    void *(*rdb_load)(host_io *io, int encver);
    void (*rdb_save)(host_io *io, void *value);
    void (*aof_rewrite)(host_io *io, host_str *key, void *value);
    size_t (*mem_usage)(const void *value);
    void (*digest)(host_digest *d, void *value);
    void (*free)(void *value);
    int (*aux_load)(host_io *io, int encver, int when);
    void (*aux_save)(host_io *io, int when);
    int aux_save_triggers;
    size_t (*free_effort)(host_str *key, const void *value);
    void (*unlink)(host_str *key, const void *value);
    void *(*copy)(host_str *from, host_str *to, const void *value);
    int (*defrag)(host_defrag *d, host_str *key, void **value);
} host_type_methods;
enum { HOST_TYPE_METHODS = 3 };

typedef int (*host_command_fn)(host_ctx *ctx, host_str **argv, int argc);
typedef void (*host_free_fn)(host_ctx *ctx, void *data);
typedef void (*host_event_fn)(host_ctx *ctx, host_event e, uint64_t sub, void *data);
typedef int (*host_notify_fn)(host_ctx *ctx, int kind, const char *event, host_str *key);
typedef void (*host_info_fn)(host_info *info, int for_crash_report);

// clang-format off: one line per function of the server.
/* need (1: the module does not load without it), result, name, arguments */
#define WR_HOST_MAP(X) \
    X(1, int, SetModuleAttribs, (host_ctx *, const char *, int, int)) \
    X(1, int, IsModuleNameBusy, (const char *)) \
    X(1, int, CreateCommand, (host_ctx *, const char *, host_command_fn, const char *, int, int, int)) \
    X(0, host_command *, GetCommand, (host_ctx *, const char *)) \
    X(0, int, SetCommandInfo, (host_command *, const host_command_info *)) \
    X(0, int, SetCommandACLCategories, (host_command *, const char *)) \
    X(0, int, AddACLCategory, (host_ctx *, const char *)) \
    X(0, void, SetModuleOptions, (host_ctx *, int)) \
    X(1, int, IsKeysPositionRequest, (host_ctx *)) \
    X(1, void, KeyAtPos, (host_ctx *, int)) \
    X(0, void, KeyAtPosWithFlags, (host_ctx *, int, int)) \
    X(0, host_str *, GetCurrentUserName, (host_ctx *)) \
    X(0, host_user *, GetModuleUserFromUserName, (host_str *)) \
    X(0, void, FreeModuleUser, (host_user *)) \
    X(0, void, SetContextUser, (host_ctx *, const host_user *)) \
    X(0, int, ACLCheckCommandPermissions, (host_user *, host_str **, int)) \
    X(0, int, ACLCheckKeyPermissions, (host_user *, host_str *, int)) \
    X(1, int, GetContextFlags, (host_ctx *)) \
    X(1, int, GetSelectedDb, (host_ctx *)) \
    X(1, int, SelectDb, (host_ctx *, int)) \
    X(1, void, Log, (host_ctx *, const char *, const char *, ...)) \
    X(1, int, WrongArity, (host_ctx *)) \
    X(1, int, ReplyWithLongLong, (host_ctx *, long long)) \
    X(1, int, ReplyWithError, (host_ctx *, const char *)) \
    X(1, int, ReplyWithSimpleString, (host_ctx *, const char *)) \
    X(1, int, ReplyWithArray, (host_ctx *, long)) \
    X(1, int, ReplyWithStringBuffer, (host_ctx *, const char *, size_t)) \
    X(1, int, ReplyWithNull, (host_ctx *)) \
    X(1, const char *, StringPtrLen, (const host_str *, size_t *)) \
    X(1, host_str *, CreateString, (host_ctx *, const char *, size_t)) \
    X(1, void, FreeString, (host_ctx *, host_str *)) \
    X(0, void, TrimStringAllocation, (host_str *)) \
    X(1, host_str *, HoldString, (host_ctx *, host_str *)) \
    X(1, void, RetainString, (host_ctx *, host_str *)) \
    X(1, host_key *, OpenKey, (host_ctx *, host_str *, int)) \
    X(1, void, CloseKey, (host_key *)) \
    X(1, int, KeyType, (host_key *)) \
    X(1, size_t, ValueLength, (host_key *)) \
    X(1, int, DeleteKey, (host_key *)) \
    X(1, int, ModuleTypeSetValue, (host_key *, host_type *, void *)) \
    X(0, int, ModuleTypeReplaceValue, (host_key *, host_type *, void *, void **)) \
    X(0, long long, GetExpire, (host_key *)) \
    X(0, int, SetExpire, (host_key *, long long)) \
    X(1, host_type *, ModuleTypeGetType, (host_key *)) \
    X(1, void *, ModuleTypeGetValue, (host_key *)) \
    X(1, host_type *, CreateDataType, (host_ctx *, const char *, int, host_type_methods *)) \
    X(1, void, SaveUnsigned, (host_io *, uint64_t)) \
    X(1, uint64_t, LoadUnsigned, (host_io *)) \
    X(1, void, SaveSigned, (host_io *, int64_t)) \
    X(1, int64_t, LoadSigned, (host_io *)) \
    X(1, void, SaveStringBuffer, (host_io *, const char *, size_t)) \
    X(1, char *, LoadStringBuffer, (host_io *, size_t *)) \
    X(1, host_str *, LoadString, (host_io *)) \
    X(1, int, IsIOError, (host_io *)) \
    X(1, void, EmitAOF, (host_io *, const char *, const char *, ...)) \
    X(1, void, LogIOError, (host_io *, const char *, const char *, ...)) \
    X(0, const host_str *, GetKeyNameFromIO, (host_io *)) \
    X(1, void *, Alloc, (size_t)) \
    X(1, void *, Calloc, (size_t, size_t)) \
    X(1, void *, Realloc, (void *, size_t)) \
    X(1, void, Free, (void *)) \
    X(0, void *, TryAlloc, (size_t)) \
    X(0, void *, TryRealloc, (void *, size_t)) \
    X(0, size_t, MallocSize, (void *)) \
    X(0, size_t, MallocSizeString, (host_str *)) \
    X(1, host_blocked *, BlockClient, (host_ctx *, host_command_fn, host_command_fn, host_free_fn, long long)) \
    X(1, host_blocked *, BlockClientOnKeys, (host_ctx *, host_command_fn, host_command_fn, host_free_fn, long long, host_str **, int, void *)) \
    X(1, void, SignalKeyAsReady, (host_ctx *, host_str *)) \
    X(1, int, UnblockClient, (host_blocked *, void *)) \
    X(1, int, AbortBlock, (host_blocked *)) \
    X(1, void *, GetBlockedClientPrivateData, (host_ctx *)) \
    X(1, host_blocked *, GetBlockedClientHandle, (host_ctx *)) \
    X(1, void, SetDisconnectCallback, (host_blocked *, void (*)(host_ctx *, host_blocked *))) \
    X(1, host_ctx *, GetThreadSafeContext, (host_blocked *)) \
    X(1, host_ctx *, GetDetachedThreadSafeContext, (host_ctx *)) \
    X(1, void, FreeThreadSafeContext, (host_ctx *)) \
    X(1, void, ThreadSafeContextLock, (host_ctx *)) \
    X(1, int, ThreadSafeContextTryLock, (host_ctx *)) \
    X(1, void, ThreadSafeContextUnlock, (host_ctx *)) \
    X(1, int, Replicate, (host_ctx *, const char *, const char *, ...)) \
    X(1, int, ReplicateVerbatim, (host_ctx *)) \
    X(1, host_reply *, Call, (host_ctx *, const char *, const char *, ...)) \
    X(1, void, FreeCallReply, (host_reply *)) \
    X(1, int, CallReplyType, (host_reply *)) \
    X(1, size_t, CallReplyLength, (host_reply *)) \
    X(1, host_reply *, CallReplyArrayElement, (host_reply *, size_t)) \
    X(1, const char *, CallReplyStringPtr, (host_reply *, size_t *)) \
    X(1, long long, CallReplyInteger, (host_reply *)) \
    X(1, int, SubscribeToKeyspaceEvents, (host_ctx *, int, host_notify_fn)) \
    X(1, int, SubscribeToServerEvent, (host_ctx *, host_event, host_event_fn)) \
    X(1, int, NotifyKeyspaceEvent, (host_ctx *, int, const char *, host_str *)) \
    X(1, int, RegisterInfoFunc, (host_ctx *, host_info_fn)) \
    X(1, int, InfoAddSection, (host_info *, const char *)) \
    X(1, int, InfoAddFieldCString, (host_info *, const char *, const char *)) \
    X(1, int, InfoAddFieldLongLong, (host_info *, const char *, long long)) \
    X(1, int, InfoAddFieldDouble, (host_info *, const char *, double)) \
    X(1, void, DigestAddStringBuffer, (host_digest *, const char *, size_t)) \
    X(1, void, DigestAddLongLong, (host_digest *, long long)) \
    X(1, void, DigestEndSequence, (host_digest *)) \
    X(0, int, EventLoopAddOneShot, (void (*)(void *), void *)) \
    X(0, void *, DefragAlloc, (host_defrag *, void *)) \
    X(0, host_str *, DefragRedisModuleString, (host_defrag *, host_str *))
// clang-format on

typedef struct host_api {
#define X(need, result, name, args) result(*name) args;
    WR_HOST_MAP(X)
#undef X
} host_api;
extern host_api host;

/* Fill the table. NULL: all that is needed is there; else the name of what is missing. */
const char *host_init(host_ctx *ctx);

#endif
