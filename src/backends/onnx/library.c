/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding ONNX Runtime's library, agreeing on an API version, starting it quietly. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ort.h"

enum { API_MIN = 17, N_FILES = 8 };

/* ---- where it may lie -------------------------------------------------------------------------------- */

typedef struct places {
    char file[N_FILES][PATH_MAX + 64];
    int n;
} places;

static void add(places *l, const char *folder, size_t n, const char *file)
{
    if (n == 0 || n >= PATH_MAX || l->n == N_FILES)
        return;
    int w = snprintf(l->file[l->n], sizeof l->file[0], "%.*s%s", (int)n, folder, file);
    l->n += w > 0 && (size_t)w < sizeof l->file[0];
}

static const char anchor; /* lies in this backend's file */

/* Files to try, in order. A name without a folder is the system's loader's to find. */
static void list_places(places *l)
{
    Dl_info info;
    const char *named = getenv("WEIR_ONNXRUNTIME"), *prefix = getenv("WEIR_PREFIX");
    l->n = 0;
    if (named != NULL)
        add(l, named, strlen(named), "");
    if (dladdr((const void *)&anchor, &info) != 0 && info.dli_fname != NULL) {
        const char *slash = strrchr(info.dli_fname, '/');
        size_t own = slash == NULL ? 0 : (size_t)(slash - info.dli_fname);
        add(l, info.dli_fname, own, "/libonnxruntime.so.1");
        add(l, info.dli_fname, own, "/../libonnxruntime.so.1");
        add(l, info.dli_fname, own, "/../../libonnxruntime.so.1");
    }
    if (prefix != NULL)
        add(l, prefix, strlen(prefix), "/lib/libonnxruntime.so.1");
    add(l, "libonnxruntime.so.1", 19, "");
    add(l, "libonnxruntime.so", 17, "");
}

static void *open_first(const places *l, const char **file)
{
    for (int i = 0; i < l->n; i++) {
        *file = l->file[i];
        if (strchr(*file, '/') != NULL && access(*file, R_OK) != 0)
            continue;
        void *library = dlopen(*file, RTLD_NOW | RTLD_LOCAL);
        if (library != NULL)
            return library;
    }
    return NULL;
}

static weir_status not_found(const places *l, const wr_backend_host *host,
                             weir_error *err)
{
    char text[360] = "";
    size_t at = 0;
    for (int i = 0; i < l->n && at < sizeof text; i++) {
        int n =
            snprintf(text + at, sizeof text - at, "%s%s", i == 0 ? "" : ", ", l->file[i]);
        at += n < 0 ? sizeof text : (size_t)n;
    }
    return host->fail(
        err, WEIR_ERR_BACKEND,
        "backend 'onnx': ONNX Runtime's library was not found: run scripts/setup.sh "
        "onnx, or set WEIR_ONNXRUNTIME to the file. Looked for %s",
        text);
}

/* ---- the API ---------------------------------------------------------------------------------------------- */

/* The newest API that header and library both know. Release 1.N has APIs up to N; asking for a newer
 * one would make the library print. */
static const OrtApi *newest_api(const OrtApiBase *base, int *version)
{
    int minor = 0;
    const char *text = base->GetVersionString();
    if (sscanf(text, "1.%d", &minor) != 1)
        minor = ORT_API_VERSION;
    for (int v = minor < ORT_API_VERSION ? minor : ORT_API_VERSION; v >= API_MIN; v--) {
        const OrtApi *api = base->GetApi((uint32_t)v);
        if (api != NULL) {
            *version = v;
            return api;
        }
    }
    return NULL;
}

/* What the library logs is not for the terminal of a simulation; failures come back as statuses. */
static void ORT_API_CALL swallow(void *param, OrtLoggingLevel severity,
                                 const char *category, const char *logid,
                                 const char *code_location, const char *message)
{
    (void)param, (void)severity, (void)category, (void)logid, (void)code_location,
        (void)message;
}

/* One environment with one pool for all models that use several threads. */
static OrtStatus *make_env(ort_library *lib, const wr_backend_host *host)
{
    const OrtApi *api = lib->api;
    OrtThreadingOptions *threads = NULL;
    OrtStatus *s = api->CreateThreadingOptions(&threads);
    if (s == NULL)
        s = api->SetGlobalIntraOpNumThreads(threads, host->threads);
    if (s == NULL)
        s = api->SetGlobalInterOpNumThreads(threads, 1);
    if (s == NULL)
        s = api->SetGlobalSpinControl(threads, host->spin ? 1 : 0);
    if (s == NULL)
        s = api->CreateEnvWithCustomLoggerAndGlobalThreadPools(
            swallow, NULL, ORT_LOGGING_LEVEL_ERROR, "weir", threads, &lib->env);
    if (s == NULL)
        s = api->DisableTelemetryEvents(lib->env);
    if (s == NULL)
        s = api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &lib->cpu);
    if (s == NULL)
        s = api->GetAllocatorWithDefaultOptions(&lib->allocator);
    if (threads != NULL)
        api->ReleaseThreadingOptions(threads);
    return s;
}

weir_status ort_open(ort_library *out, const wr_backend_host *host, weir_error *err)
{
    typedef const OrtApiBase *(ORT_API_CALL * base_fn)(void);
    const char *file = NULL;
    places *l = host->alloc(sizeof *l);
    if (l == NULL)
        return host->fail(err, WEIR_ERR_NOMEM,
                          "backend 'onnx': no memory to look for its library");
    weir_status st = WEIR_OK;
    ort_library lib = {0};
    int version = 0;

    list_places(l);
    void *library = open_first(l, &file);
    if (library == NULL) {
        st = not_found(l, host, err);
        goto out;
    }
    void *symbol = dlsym(library, "OrtGetApiBase");
    base_fn get_base = NULL;
    memcpy(&get_base, &symbol, sizeof get_base);
    const OrtApiBase *base = symbol == NULL ? NULL : get_base();
    lib.api = base == NULL ? NULL : newest_api(base, &version);
    if (lib.api == NULL) {
        st = host->fail(err, WEIR_ERR_BACKEND,
                        "backend 'onnx': %s is release %s; 1.%d or later is needed", file,
                        base == NULL ? "(no ONNX Runtime)" : base->GetVersionString(),
                        API_MIN);
        dlclose(library);
        goto out;
    }
    snprintf(lib.version, sizeof lib.version, "%.40s (API %d)", base->GetVersionString(),
             version);
    st = ort_status(&lib, host, make_env(&lib, host), WEIR_ERR_BACKEND, "(start)", err);
    if (st == WEIR_OK)
        *out = lib;

out:
    host->free(l);
    return st;
}

weir_status ort_status(const ort_library *lib, const wr_backend_host *host, OrtStatus *s,
                       weir_status code, const char *model, weir_error *err)
{
    if (s == NULL)
        return WEIR_OK;
    weir_status st = host->fail(err, code, "model '%s': ONNX Runtime: %.400s", model,
                                lib->api->GetErrorMessage(s));
    lib->api->ReleaseStatus(s);
    return st;
}

/* Element types that both sides have. */
// clang-format off
#define TYPES(X)                                                                        \
    X(F32, FLOAT) X(F64, DOUBLE) X(I8, INT8) X(I16, INT16) X(I32, INT32) X(I64, INT64)  \
    X(U8, UINT8) X(U16, UINT16) X(U32, UINT32) X(U64, UINT64) X(F16, FLOAT16)           \
    X(BF16, BFLOAT16) X(BOOL, BOOL)
// clang-format on

bool ort_from_dtype(weir_dtype t, ONNXTensorElementDataType *out)
{
    switch ((int)t) {
#define X(ours, theirs)                                                                  \
    case WEIR_##ours:                                                                    \
        *out = ONNX_TENSOR_ELEMENT_DATA_TYPE_##theirs;                                   \
        return true;
        TYPES(X)
#undef X
    }
    return false;
}

bool ort_to_dtype(ONNXTensorElementDataType t, weir_dtype *out)
{
    switch ((int)t) {
#define X(ours, theirs)                                                                  \
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_##theirs:                                         \
        *out = WEIR_##ours;                                                              \
        return true;
        TYPES(X)
#undef X
    }
    return false;
}
