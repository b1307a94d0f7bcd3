/* SPDX-License-Identifier: BSD-3-Clause */
/* The direct program for ONNX models: ONNX Runtime's C API with its best options and nothing of Weir.
 * All optimisations, the arena, one thread, values made once around the caller's memory, pages kept.
 * --plain makes the values anew for each call. */
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <onnxruntime_c_api.h>

#include "worker.h"

static const OrtApi *api;
static OrtEnv *env;
static OrtSession *session;
static OrtMemoryInfo *memory;
static OrtValue *in_value[WORKER_THREADS_MAX], *out_value[WORKER_THREADS_MAX];
static char *in_name, *out_name;
static worker_args args;
static float **xs, **ys;

static bool good(OrtStatus *s, char *text)
{
    if (s == NULL)
        return true;
    snprintf(text, WORKER_TEXT, "%s", api->GetErrorMessage(s));
    api->ReleaseStatus(s);
    return false;
}

static bool find_api(char *text)
{
    const char *path = getenv("WEIR_ONNXRUNTIME_LIBRARY");
    void *lib =
        dlopen(path == NULL ? "libonnxruntime.so.1" : path, RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL) {
        snprintf(text, WORKER_TEXT, "%s", dlerror());
        return false;
    }
    const OrtApiBase *(*base)(void) = NULL;
    *(void **)&base = dlsym(lib, "OrtGetApiBase");
    for (uint32_t v = ORT_API_VERSION; base != NULL && api == NULL && v >= 17; v--)
        api = base()->GetApi(v);
    if (api == NULL)
        snprintf(text, WORKER_TEXT, "no API of ONNX Runtime that this program knows");
    return api != NULL;
}

static bool load(const char *path, char *text)
{
    OrtSessionOptions *o = NULL;
    OrtAllocator *a = NULL;
    bool ok =
        good(api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "direct", &env), text) &&
        good(api->CreateSessionOptions(&o), text) &&
        good(api->SetSessionGraphOptimizationLevel(o, ORT_ENABLE_ALL), text) &&
        good(api->SetSessionExecutionMode(o, ORT_SEQUENTIAL), text) &&
        good(api->EnableCpuMemArena(o), text) && good(api->EnableMemPattern(o), text) &&
        good(api->SetIntraOpNumThreads(o, 1), text) &&
        good(api->SetInterOpNumThreads(o, 1), text) &&
        good(api->CreateSession(env, path, o, &session), text) &&
        good(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory),
             text) &&
        good(api->GetAllocatorWithDefaultOptions(&a), text) &&
        good(api->SessionGetInputName(session, 0, a, &in_name), text) &&
        good(api->SessionGetOutputName(session, 0, a, &out_name), text);
    if (o != NULL)
        api->ReleaseSessionOptions(o);
    return ok;
}

/* How many dimensions the model's output has, and that our x and y suit it. */
static bool wrap(float *p, int64_t columns, OrtValue **value, char *text)
{
    int64_t shape[2] = {args.batch, columns};
    return good(api->CreateTensorWithDataAsOrtValue(
                    memory, p, (size_t)(args.batch * columns) * sizeof *p, shape, 2,
                    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, value),
                text);
}

static bool run(const OrtValue *in, OrtValue **out)
{
    const char *inputs[] = {in_name}, *outputs[] = {out_name};
    char text[WORKER_TEXT];
    bool ok = good(api->Run(session, NULL, inputs, &in, 1, outputs, 1, out), text);
    if (!ok)
        fprintf(stderr, "direct_ort: %s\n", text);
    return ok;
}

static bool call(int thread)
{
    char text[WORKER_TEXT];
    OrtValue *in = NULL, *out = NULL;
    if (!args.plain)
        return run(in_value[thread], &out_value[thread]);
    bool ok = wrap(xs[thread], args.n_in, &in, text) &&
              wrap(ys[thread], args.n_out, &out, text) && run(in, &out);
    if (in != NULL)
        api->ReleaseValue(in);
    if (out != NULL)
        api->ReleaseValue(out);
    return ok;
}

static bool open_model(const worker_args *a, float **x, float **y, char *text)
{
    args = *a;
    xs = x;
    ys = y;
    mallopt(M_MMAP_MAX, 0); /* keep pages: nothing from mmap, nothing given back */
    mallopt(M_TRIM_THRESHOLD, -1);
    if (!find_api(text) || !load(a->model, text))
        return false;
    for (int i = 0; i < a->threads; i++) {
        if (!wrap(x[i], a->n_in, &in_value[i], text) ||
            !wrap(y[i], a->n_out, &out_value[i], text))
            return false;
    }
    snprintf(text, WORKER_TEXT, "direct");
    return call(0);
}

int main(int argc, char **argv)
{
    static const worker_ops o = {.open = open_model, .call = call};
    return worker_main(argc, argv, &o);
}
