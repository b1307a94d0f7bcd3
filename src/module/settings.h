/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands behind `--loadmodule weir.so`, in pairs of words: RedisAI's and our own. */
#ifndef WR_MODULE_SETTINGS_H
#define WR_MODULE_SETTINGS_H

#include "module/module.h"

typedef struct settings {
    int64_t threads;       /* THREADS: of computing; 0: the affinity mask */
    int64_t oversubscribe; /* OVERSUBSCRIBE 1: threads may exceed the mask */
    int64_t workers;       /* WORKERS: for loading, pipelines, large replies */
    int64_t
        inline_us; /* INLINE_US: models expected under it run on the server's thread */
    int64_t offload_bytes; /* OFFLOAD_BYTES: larger replies are copied by a worker */
    int64_t keep_bytes;    /* KEEP_BYTES: free memory that is kept for results to come */
    int64_t model_max_bytes; /* MODEL_MAX_BYTES; 0: no limit */
    weir_str probe; /* PROBE: the program weir; off: none; empty: beside the module */
    weir_str backend_path; /* BACKENDSPATH; empty: beside the module */
    int64_t chunk_bytes;   /* MODEL_CHUNK_SIZE */
    int64_t run_max_ms;    /* MODEL_EXECUTION_TIMEOUT; 0: none */
} settings;

/* The texts lie in argv. ERR_ARG or ERR_UNSUPPORTED names the word. */
weir_status settings_parse(settings *out, host_ctx *ctx, host_str **argv, int argc,
                           weir_error *err);

#endif
