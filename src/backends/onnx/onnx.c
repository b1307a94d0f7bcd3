/* SPDX-License-Identifier: BSD-3-Clause */
/* The onnx backend: sessions, their description, runs on the caller's memory. */
#include <stdio.h>

#include "ort.h"
#include "scan.h"

static const wr_backend_host *host;
static ort_library lib;

struct wr_backend_model {
    OrtSession *session;
    char name[64];
    int n_in, n_out;
    char *in_name[WEIR_IO_MAX]; /* the library's; whole, unlike weir_io.name */
    char *out_name[WEIR_IO_MAX];
};

/* A value that wraps `data` in this shape; kept while both stay the same. */
typedef struct wrap {
    OrtValue *value;
    void *data;
    weir_dtype dtype;
    int rank;
    int64_t shape[WEIR_RANK_MAX];
} wrap;

struct wr_backend_place {
    OrtRunOptions *options;
    wrap in[WEIR_IO_MAX], out[WEIR_IO_MAX];
};

/* ---- the library --------------------------------------------------------------------------------------- */

static weir_status start(const wr_backend_host *h, weir_error *err)
{
    host = h;
    return ort_open(&lib, h, err);
}

static const char *version(void)
{
    return lib.version;
}

/* ModelProto begins with field 1, the format's version. */
static bool recognises(const void *blob, size_t n)
{
    const uint8_t *b = blob;
    return n >= 4 && b[0] == 0x08 && b[1] >= 1 && b[1] < 64 && (b[2] & 7) <= 5 &&
           b[2] != 0;
}

/* ---- loading ---------------------------------------------------------------------------------------------- */

static weir_status check_bytes(const wr_backend_model *m, const wr_load_args *args,
                               weir_model_info *info, weir_error *err)
{
    onnx_scan scan;
    if (onnx_scan_model(args->blob, args->n_blob, &scan) && scan.has_graph) {
        info->n_parameters = scan.n_parameters;
        return WEIR_OK;
    }
    if (scan.wanted > 0)
        return host->fail(
            err, WEIR_ERR_FORMAT,
            "model '%s': truncated: at byte %zu a field wants %zu bytes, the file "
            "ends after %zu",
            m->name, scan.bad_at, scan.wanted, args->n_blob);
    return host->fail(err, WEIR_ERR_FORMAT,
                      "model '%s': %zu bytes that are no whole ONNX model (%s byte %zu)",
                      m->name, args->n_blob,
                      scan.bad_at > 0 ? "malformed at" : "no graph; looked up to",
                      scan.bad_at > 0 ? scan.bad_at : args->n_blob);
}

static bool has_provider(const char *wanted)
{
    char **names = NULL;
    int n = 0;
    bool found = false;
    OrtStatus *s = lib.api->GetAvailableProviders(&names, &n);
    if (s != NULL) {
        lib.api->ReleaseStatus(s);
        return false;
    }
    for (int i = 0; i < n; i++)
        found = found || strcmp(names[i], wanted) == 0;
    s = lib.api->ReleaseAvailableProviders(names, n);
    if (s != NULL)
        lib.api->ReleaseStatus(s);
    return found;
}

static weir_status choose_device(const wr_backend_model *m, OrtSessionOptions *o,
                                 weir_device d, weir_error *err)
{
    if (d.kind == 0 || d.kind == WEIR_CPU)
        return WEIR_OK;
    const char *provider =
        d.kind == WEIR_CUDA ? "CUDAExecutionProvider" : "ROCMExecutionProvider";
    if (!has_provider(provider))
        return host->fail(
            err, WEIR_ERR_BACKEND,
            "model '%s': GPU %d asked for, ONNX Runtime %s has no %s; install a build "
            "with it and set WEIR_ONNXRUNTIME, or load the model on the host",
            m->name, d.index, lib.version, provider);
    OrtStatus *s;
    if (d.kind == WEIR_CUDA) {
        OrtCUDAProviderOptions cuda;
        memset(&cuda, 0, sizeof cuda);
        cuda.device_id = d.index;
        cuda.gpu_mem_limit = SIZE_MAX;
        cuda.do_copy_in_default_stream = 1;
        s = lib.api->SessionOptionsAppendExecutionProvider_CUDA(o, &cuda);
    } else {
        OrtROCMProviderOptions rocm;
        memset(&rocm, 0, sizeof rocm);
        rocm.device_id = d.index;
        rocm.gpu_mem_limit = SIZE_MAX;
        rocm.do_copy_in_default_stream = 1;
        s = lib.api->SessionOptionsAppendExecutionProvider_ROCM(o, &rocm);
    }
    return ort_status(&lib, host, s, WEIR_ERR_BACKEND, m->name, err);
}

static OrtStatus *set_options(OrtSessionOptions *o, int threads)
{
    OrtStatus *s = lib.api->SetSessionGraphOptimizationLevel(o, ORT_ENABLE_ALL);
    if (s == NULL)
        s = lib.api->SetSessionExecutionMode(o, ORT_SEQUENTIAL);
    if (s == NULL)
        s = lib.api->SetSessionLogSeverityLevel(o, ORT_LOGGING_LEVEL_ERROR);
    if (s == NULL)
        s = lib.api->AddSessionConfigEntry(o, "session.intra_op.allow_spinning",
                                           host->spin ? "1" : "0");
    if (s != NULL)
        return s;
    if (threads > 1) /* the shared pool */
        return lib.api->DisablePerSessionThreads(o);
    s = lib.api->SetIntraOpNumThreads(o, 1);
    return s != NULL ? s : lib.api->SetInterOpNumThreads(o, 1);
}

static weir_status open_session(wr_backend_model *m, const wr_load_args *args,
                                weir_error *err)
{
    OrtSessionOptions *o = NULL;
    weir_status st = ort_status(&lib, host, lib.api->CreateSessionOptions(&o),
                                WEIR_ERR_MODEL, m->name, err);
    if (st != WEIR_OK)
        return st;
    st = ort_status(&lib, host, set_options(o, args->threads), WEIR_ERR_MODEL, m->name,
                    err);
    if (st == WEIR_OK)
        st = choose_device(m, o, args->device, err);
    if (st == WEIR_OK)
        st = ort_status(&lib, host,
                        lib.api->CreateSessionFromArray(lib.env, args->blob, args->n_blob,
                                                        o, &m->session),
                        WEIR_ERR_MODEL, m->name, err);
    lib.api->ReleaseSessionOptions(o);
    return st;
}

/* ---- description -------------------------------------------------------------------------------------------- */

static weir_status describe_tensor(const wr_backend_model *m, const OrtTypeInfo *type,
                                   weir_io *io, weir_error *err)
{
    const OrtTensorTypeAndShapeInfo *tensor = NULL;
    ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    size_t rank = 0;
    OrtStatus *s = lib.api->CastTypeInfoToTensorInfo(type, &tensor);
    if (s == NULL && tensor == NULL)
        return host->fail(err, WEIR_ERR_UNSUPPORTED,
                          "model '%s': '%s' is no tensor but a sequence, map or optional",
                          m->name, io->name);
    if (s == NULL)
        s = lib.api->GetTensorElementType(tensor, &element);
    if (s == NULL)
        s = lib.api->GetDimensionsCount(tensor, &rank);
    if (s == NULL && rank <= WEIR_RANK_MAX)
        s = lib.api->GetDimensions(tensor, io->shape, rank);
    if (s != NULL)
        return ort_status(&lib, host, s, WEIR_ERR_MODEL, m->name, err);
    if (rank > WEIR_RANK_MAX)
        return host->fail(err, WEIR_ERR_UNSUPPORTED,
                          "model '%s': '%s' has rank %zu; at most %d", m->name, io->name,
                          rank, WEIR_RANK_MAX);
    if (!ort_to_dtype(element, &io->dtype))
        return host->fail(
            err, WEIR_ERR_UNSUPPORTED,
            "model '%s': '%s' has ONNX element type %d, which Weir can't pass to ONNX "
            "Runtime (strings, complex and 8-bit floats)",
            m->name, io->name, (int)element);
    /* The library tells neither an unknown rank from a scalar nor, therefore, do we. */
    io->rank = rank == 0 ? -1 : (int)rank;
    for (size_t d = 0; d < rank; d++)
        io->shape[d] = io->shape[d] < 0 ? -1 : io->shape[d];
    return WEIR_OK;
}

static weir_status describe_io(wr_backend_model *m, bool input, size_t i, weir_io *io,
                               char **name, weir_error *err)
{
    OrtTypeInfo *type = NULL;
    OrtStatus *s =
        input ? lib.api->SessionGetInputName(m->session, i, lib.allocator, name)
              : lib.api->SessionGetOutputName(m->session, i, lib.allocator, name);
    if (s == NULL)
        s = input ? lib.api->SessionGetInputTypeInfo(m->session, i, &type)
                  : lib.api->SessionGetOutputTypeInfo(m->session, i, &type);
    if (s != NULL)
        return ort_status(&lib, host, s, WEIR_ERR_MODEL, m->name, err);
    memset(io, 0, sizeof *io);
    snprintf(io->name, sizeof io->name, "%s", *name);
    weir_status st = describe_tensor(m, type, io, err);
    lib.api->ReleaseTypeInfo(type);
    return st;
}

static weir_status describe(wr_backend_model *m, weir_model_info *info, weir_error *err)
{
    size_t n_in = 0, n_out = 0;
    OrtStatus *s = lib.api->SessionGetInputCount(m->session, &n_in);
    if (s == NULL)
        s = lib.api->SessionGetOutputCount(m->session, &n_out);
    weir_status st = ort_status(&lib, host, s, WEIR_ERR_MODEL, m->name, err);
    if (st == WEIR_OK && (n_in > WEIR_IO_MAX || n_out > WEIR_IO_MAX))
        st = host->fail(err, WEIR_ERR_UNSUPPORTED,
                        "model '%s': %zu inputs and %zu outputs; at most %d of each",
                        m->name, n_in, n_out, WEIR_IO_MAX);
    for (size_t i = 0; i < n_in && st == WEIR_OK; i++, m->n_in++)
        st = describe_io(m, true, i, &info->in[i], &m->in_name[i], err);
    for (size_t i = 0; i < n_out && st == WEIR_OK; i++, m->n_out++)
        st = describe_io(m, false, i, &info->out[i], &m->out_name[i], err);
    info->n_in = m->n_in;
    info->n_out = m->n_out;
    return st;
}

static void free_name(char *name)
{
    if (name == NULL)
        return;
    OrtStatus *s = lib.api->AllocatorFree(lib.allocator, name);
    if (s != NULL)
        lib.api->ReleaseStatus(s);
}

static void unload(wr_backend_model *m)
{
    for (int i = 0; i < WEIR_IO_MAX; i++) {
        free_name(m->in_name[i]);
        free_name(m->out_name[i]);
    }
    if (m->session != NULL)
        lib.api->ReleaseSession(m->session);
    host->free(m);
}

static weir_status load(wr_backend_model **out, const wr_load_args *args,
                        weir_model_info *info, weir_error *err)
{
    if (args->is_script)
        return host->fail(err, WEIR_ERR_UNSUPPORTED, "backend 'onnx' has no scripts");
    wr_backend_model *m = host->alloc(sizeof *m);
    if (m == NULL)
        return host->fail(err, WEIR_ERR_NOMEM, "backend 'onnx': no memory for a model");
    memset(m, 0, sizeof *m);
    snprintf(m->name, sizeof m->name, "%.*s",
             (int)(args->name.n < 60 ? args->name.n : 60),
             args->name.n == 0 ? "" : args->name.p);
    weir_status st = check_bytes(m, args, info, err);
    if (st == WEIR_OK)
        st = open_session(m, args, err);
    if (st == WEIR_OK)
        st = describe(m, info, err);
    if (st == WEIR_OK)
        *out = m;
    else
        unload(m);
    return st;
}

/* ---- runs ------------------------------------------------------------------------------------------------------ */

static bool same_view(const wrap *w, const weir_tensor *t)
{
    if (w->value == NULL || w->data != t->data || w->dtype != t->dtype ||
        w->rank != t->rank)
        return false;
    for (int d = 0; d < t->rank; d++) {
        if (w->shape[d] != t->shape[d])
            return false;
    }
    return true;
}

static size_t bytes_of(const weir_tensor *t)
{
    static const uint8_t each[] = {
#define X(name, n, ...) n,
        WEIR_DTYPE_MAP(X)
#undef X
    };
    size_t n = each[t->dtype]; /* the engine has checked that the product fits */
    for (int d = 0; d < t->rank; d++)
        n *= (size_t)t->shape[d];
    return n;
}

static OrtStatus *wrap_view(wrap *w, const weir_tensor *t)
{
    ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    if (same_view(w, t))
        return NULL;
    if (w->value != NULL)
        lib.api->ReleaseValue(w->value);
    w->value = NULL;
    if (!ort_from_dtype(t->dtype, &type))
        return lib.api->CreateStatus(ORT_INVALID_ARGUMENT,
                                     "element type without ONNX counterpart");
    w->data = t->data;
    w->dtype = t->dtype;
    w->rank = t->rank;
    memcpy(w->shape, t->shape, sizeof w->shape);
    return lib.api->CreateTensorWithDataAsOrtValue(
        lib.cpu, t->data, bytes_of(t), t->shape, (size_t)t->rank, type, &w->value);
}

static void release_value(void *value)
{
    lib.api->ReleaseValue(value);
}

/* A buffer around a value that the library made; it takes the value. */
static weir_status take_value(const wr_backend_model *m, OrtValue *value, wr_output *out,
                              weir_error *err)
{
    OrtTensorTypeAndShapeInfo *info = NULL;
    ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    weir_tensor t = {0};
    size_t rank = 0;
    OrtStatus *s = lib.api->GetTensorTypeAndShape(value, &info);
    if (s == NULL)
        s = lib.api->GetTensorElementType(info, &element);
    if (s == NULL)
        s = lib.api->GetDimensionsCount(info, &rank);
    if (s == NULL && rank <= WEIR_RANK_MAX)
        s = lib.api->GetDimensions(info, t.shape, rank);
    if (s == NULL)
        s = lib.api->GetTensorMutableData(value, &t.data);
    if (info != NULL)
        lib.api->ReleaseTensorTypeAndShapeInfo(info);
    weir_status st = ort_status(&lib, host, s, WEIR_ERR_MODEL, m->name, err);
    if (st == WEIR_OK && (rank > WEIR_RANK_MAX || !ort_to_dtype(element, &t.dtype)))
        st = host->fail(err, WEIR_ERR_UNSUPPORTED,
                        "model '%s': an output of ONNX element type %d and rank %zu",
                        m->name, (int)element, rank);
    if (st == WEIR_OK) {
        t.rank = (int)rank;
        int64_t stride = (int64_t)bytes_of(&(weir_tensor){.dtype = t.dtype});
        for (int d = t.rank - 1; d >= 0; d--) {
            t.stride[d] = stride;
            stride *= t.shape[d];
        }
        st = host->buffer_wrap(&out->buffer, &t, release_value, value, err);
    }
    if (st != WEIR_OK)
        lib.api->ReleaseValue(value);
    return st;
}

static weir_status take_values(const wr_backend_model *m, const wr_run_args *args,
                               OrtValue *const *value, weir_error *err)
{
    weir_status st = WEIR_OK;
    for (int i = 0; i < args->n_out; i++) {
        if (args->out[i].view.data != NULL)
            continue;
        if (st == WEIR_OK)
            st = take_value(m, value[i], &args->out[i], err);
        else
            lib.api->ReleaseValue(value[i]);
    }
    for (int i = 0; i < args->n_out && st != WEIR_OK; i++) {
        host->buffer_unref(args->out[i].buffer);
        args->out[i].buffer = NULL;
    }
    return st;
}

static weir_status run(wr_backend_model *m, const wr_run_args *args, weir_error *err)
{
    wr_backend_place *p = args->place;
    const OrtValue *in[WEIR_IO_MAX]; /* filled as far as it is used */
    OrtValue *out[WEIR_IO_MAX];
    OrtStatus *s = NULL;
    bool makes = false; /* the library makes outputs */
    for (int i = 0; i < args->n_in && s == NULL; i++) {
        s = wrap_view(&p->in[i], &args->in[i]);
        in[i] = p->in[i].value;
    }
    for (int i = 0; i < args->n_out && s == NULL; i++) {
        bool mine = args->out[i].view.data == NULL;
        s = mine ? NULL : wrap_view(&p->out[i], &args->out[i].view);
        out[i] = mine ? NULL : p->out[i].value;
        makes = makes || mine;
    }
    if (s == NULL)
        s = lib.api->Run(m->session, p->options, (const char *const *)m->in_name, in,
                         (size_t)args->n_in, (const char *const *)m->out_name,
                         (size_t)args->n_out, out);
    if (s != NULL)
        return ort_status(&lib, host, s, WEIR_ERR_MODEL, m->name, err);
    return makes ? take_values(m, args, out, err) : WEIR_OK;
}

/* ---- places -------------------------------------------------------------------------------------------------------- */

static void place_free(wr_backend_place *p)
{
    for (int i = 0; i < WEIR_IO_MAX; i++) {
        if (p->in[i].value != NULL)
            lib.api->ReleaseValue(p->in[i].value);
        if (p->out[i].value != NULL)
            lib.api->ReleaseValue(p->out[i].value);
    }
    if (p->options != NULL)
        lib.api->ReleaseRunOptions(p->options);
    host->free(p);
}

static weir_status place_new(wr_backend_place **out, wr_backend_model *m, weir_error *err)
{
    wr_backend_place *p = host->alloc(sizeof *p);
    if (p == NULL)
        return host->fail(err, WEIR_ERR_NOMEM, "model '%s': no memory for a place",
                          m->name);
    memset(p, 0, sizeof *p);
    weir_status st = ort_status(&lib, host, lib.api->CreateRunOptions(&p->options),
                                WEIR_ERR_NOMEM, m->name, err);
    if (st == WEIR_OK)
        *out = p;
    else
        place_free(p);
    return st;
}

static void interrupt(wr_backend_place *p, bool stop)
{
    OrtStatus *s = stop ? lib.api->RunOptionsSetTerminate(p->options)
                        : lib.api->RunOptionsUnsetTerminate(p->options);
    if (s != NULL)
        lib.api->ReleaseStatus(s);
}

const wr_backend_ops *wr_backend_entry(void)
{
    static const wr_backend_ops ops = {
        .abi = WR_BACKEND_ABI,
        .bytes = sizeof ops,
        .name = "onnx",
        .hint = "run scripts/setup.sh onnx, or set WEIR_ONNXRUNTIME to libonnxruntime.so",
        .start = start,
        .version = version,
        .recognises = recognises,
        .load = load,
        .run = run,
        .unload = unload,
        .interrupt = interrupt,
        .place_new = place_new,
        .place_free = place_free,
    };
    return &ops;
}
