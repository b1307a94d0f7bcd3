/* SPDX-License-Identifier: BSD-3-Clause */
/* The module's own state, and which thread may do what.
 *
 * The server's thread parses, looks into keys, writes them and replies. It never waits, never runs a
 * model that is expected to take longer than `inline_ns`, and hands large payloads to others to copy.
 * Engine threads run models and touch no key, but for what a script asks (script_calls.h). Workers load models, run pipelines and copy large replies;
 * they see keys only between lock and unlock of the keyspace, which for them is the server's own lock. */
#ifndef WR_MODULE_MODULE_H
#define WR_MODULE_MODULE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/text.h"
#include "base/workers.h"
#include "module/host.h"
#include "service/service.h"
#include "wire/wire.h"

typedef struct wr_module {
    wr_service service;
    wr_workers workers;
    pthread_t server_thread;
    host_type *tensor_type, *model_type, *script_type;
    host_ctx *background; /* a context of no client: for what comes from elsewhere */

    /* settings; see settings.h */
    int64_t
        inline_ns; /* models expected to run longer are not run by the server's thread */
    size_t offload_bytes;   /* replies with more are copied by a worker */
    size_t chunk_bytes;     /* of AI.MODELGET */
    size_t model_max_bytes; /* larger models are refused; 0: no limit */
    int64_t run_max_ms;     /* of one run; 0: no limit but the caller's */

    /* what happened; relaxed counters for INFO */
    atomic_uint_fast64_t n_inline, n_engine, n_worker, n_offloaded;
} wr_module;
extern wr_module module;

/* Another thread that has the server's lock for a script's command: all that is done with keys is done as
 * on the server's thread. */
extern _Thread_local bool stands_in_for_server;

static inline bool on_server_thread(void)
{
    return pthread_equal(pthread_self(), module.server_thread) != 0 ||
           stands_in_for_server;
}

static inline weir_str host_text(const host_str *s)
{
    size_t n;
    const char *p = host.StringPtrLen(s, &n);
    return (weir_str){p, n};
}

/* ---- strings of the server in buffers (strings.c) ---- */

/* A buffer around the server's string, of which it takes one reference of its own: no copy. The last
 * unref may be on any thread; the string is given back on the server's. */
weir_status strings_wrap(weir_buffer **out, host_str *s, const weir_tensor *view,
                         weir_error *err);
/* The string behind a buffer, borrowed; NULL: it lies in other memory. */
host_str *strings_of(const weir_buffer *b);
/* Let the server move the string to a better place, if nobody but the key holds the buffer. */
bool strings_defrag(weir_buffer *b, host_defrag *d);
/* Give strings back that other threads have let go. The server's thread; cheap when there are none. */
void strings_collect(void);

/* ---- the keyspace over the server's keys (keyspace.c) ---- */

/* One for the whole module. Between bind and unbind a thread works for a context: the command's own on
 * the server's thread, a thread-safe one elsewhere. */
wr_keyspace *keyspace_new(void);
void keyspace_bind(host_ctx *ctx);
/* Bound to the command's own context: names among its first words need no string of their own. */
void keyspace_bind_words(host_ctx *ctx, host_str **argv, size_t argc);
void keyspace_unbind(void);
host_ctx *keyspace_context(void); /* of this thread; NULL: not bound */
/* Unbind for a while, and bind as before. */
typedef struct keyspace_binding {
    host_ctx *ctx;
    host_str **argv; /* words of the command that may be names, or none */
    size_t argc;
    struct keyspace_seen *seen;
} keyspace_binding;
keyspace_binding keyspace_put_aside(void);
void keyspace_take_up(keyspace_binding b);

/* The key that a request's name stands for. */
host_str *
keyspace_name(weir_str key); /* to be freed by the caller, on the server's thread */

/* Replicas and the append-only file need to hear of writes: from now on for good. */
void keyspace_replicate_from_now_on(void);

/* ---- data types (types.c, persist.c) ---- */
weir_status types_register(host_ctx *ctx, weir_error *err);
wr_value types_value(host_key *key); /* borrowed from the open key */

/* ---- the rest ---- */
int commands_register(host_ctx *ctx); /* WEIR.*: commands.c */
int redisai_register(host_ctx *ctx);  /* AI.*: ai.c */
int waiting_register(host_ctx *ctx);  /* polls: wait.c */
void info_report(host_info *info, int for_crash_report);

#endif
