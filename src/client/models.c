/* SPDX-License-Identifier: BSD-3-Clause */
/* Verbs that set models and run them. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "client/client.h"

/* ---- set ---- */

weir_status wr_check_model_options(const weir_model_options *given,
                                   weir_model_options *out, weir_error *err)
{
    *out = (weir_model_options){0};
    if (given == NULL)
        return WEIR_OK;
    weir_model_options zero = {0};
    if (given->struct_bytes == 0 && memcmp(given, &zero, sizeof zero) != 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "model options: struct_bytes is 0 though others are "
                         "set: write .struct_bytes = sizeof(weir_model_options)");
    if (given->struct_bytes > sizeof *given)
        return weir_fail(
            err, WEIR_ERR_ARG,
            "model options have %zu bytes, this Weir knows %zu: it is older than your "
            "header",
            given->struct_bytes, sizeof *given);
    memcpy(out, given, given->struct_bytes);
    if (out->batch_max < 0 || out->batch_min < 0 || out->batch_wait_ms < 0 ||
        out->threads < 0 || out->version < 0 || out->block_rows < 0)
        return weir_fail(
            err, WEIR_ERR_ARG,
            "model options: a number is negative (batch_max %lld, batch_min %lld, "
            "batch_wait_ms %lld, threads %d, version %lld, block_rows %lld)",
            (long long)out->batch_max, (long long)out->batch_min,
            (long long)out->batch_wait_ms, out->threads, (long long)out->version,
            (long long)out->block_rows);
    if (out->batch_min > 0 && out->batch_max > 0 && out->batch_min > out->batch_max)
        return weir_fail(err, WEIR_ERR_ARG,
                         "model options: batch_min %lld exceeds batch_max %lld",
                         (long long)out->batch_min, (long long)out->batch_max);
    if (out->n_inputs < 0 || out->n_outputs < 0 || out->n_inputs > WEIR_IO_MAX ||
        out->n_outputs > WEIR_IO_MAX || (out->n_inputs > 0 && out->inputs == NULL) ||
        (out->n_outputs > 0 && out->outputs == NULL))
        return weir_fail(
            err, WEIR_ERR_ARG,
            "model options: %d input and %d output names (at most %d, not null)",
            out->n_inputs, out->n_outputs, WEIR_IO_MAX);
    if (out->n_functions < 0 || (out->n_functions > 0 && out->functions == NULL))
        return weir_fail(err, WEIR_ERR_ARG,
                         "model options: %d functions (0 or more, not null)",
                         out->n_functions);
    return WEIR_OK;
}

/* `blob` is shared; the request keeps a reference. */
static weir_status set_blob(weir_client *c, weir_kind kind, weir_str name,
                            weir_buffer *blob, const weir_model_options *opt,
                            weir_request **out, weir_error *err)
{
    wr_key key = {0};
    wr_rep rep;
    weir_model_options full;
    weir_status st = wr_check_model_options(opt, &full, err);
    if (st == WEIR_OK)
        st = wr_key_make(&key, c, kind, WR_WRITE, name, err);
    if (st != WEIR_OK)
        return st;
    wr_req req = wr_client_req(c, WR_CMD_set_model);
    req.kind = kind;
    req.key = key.s;
    req.buffer = blob;
    req.options = &full;
    st = wr_client_send(c, &req, &rep, out, NULL, err);
    wr_key_fini(&key);
    return st;
}

static weir_status set_bytes(weir_client *c, weir_kind kind, weir_str name,
                             const void *bytes, size_t n, const weir_model_options *opt,
                             weir_request **out, weir_error *err)
{
    weir_buffer *blob = NULL;
    weir_tensor view;
    const char *what = wr_kind_name(kind);
    weir_status st = wr_client_check(c, "set_model", err);
    if (st == WEIR_OK)
        st = wr_check_name(name, what, err);
    if (st == WEIR_OK && bytes == NULL)
        st = wr_check_pointer(bytes, "set_model", "bytes", err);
    if (st == WEIR_OK && (n == 0 || n > INT64_MAX))
        st = weir_fail(err, WEIR_ERR_FORMAT, "%s '%.*s' has %zu bytes", what,
                       WR_NAME(name), n);
    if (st != WEIR_OK)
        return st;
    int64_t shape = (int64_t)n;
    st = weir_tensor_init(&view, (void *)(uintptr_t)bytes, WEIR_U8, 1, &shape, err);
    if (st == WEIR_OK)
        st = weir_buffer_from(&blob, &view, err);
    if (st == WEIR_OK)
        st = set_blob(c, kind, name, blob, opt, out, err);
    weir_buffer_unref(blob);
    return st;
}

weir_status weir_set_model(weir_client *c, weir_str name, const void *bytes, size_t n,
                           const weir_model_options *opt, weir_error *err)
{
    return set_bytes(c, WEIR_MODEL, name, bytes, n, opt, NULL, err);
}

weir_status weir_iset_model(weir_client *c, weir_str name, const void *bytes, size_t n,
                            const weir_model_options *opt, weir_request **req,
                            weir_error *err)
{
    weir_status st = wr_check_pointer(req, "iset_model", "req", err);
    return st == WEIR_OK ? set_bytes(c, WEIR_MODEL, name, bytes, n, opt, req, err) : st;
}

weir_status weir_set_script(weir_client *c, weir_str name, weir_str source,
                            const weir_model_options *opt, weir_error *err)
{
    return set_bytes(c, WEIR_SCRIPT, name, source.p, source.n, opt, NULL, err);
}

static weir_status io_error(weir_str path, const char *what, weir_error *err)
{
    int e = errno;
    return weir_fail(err, WEIR_ERR_IO, "model file '%.*s': %s: %s", WR_NAME(path), what,
                     strerror(e));
}

static weir_status read_all(int fd, weir_str path, weir_tensor to, weir_error *err)
{
    char *p = to.data;
    for (size_t left = weir_tensor_bytes(&to); left > 0;) {
        ssize_t got = read(fd, p, left);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return io_error(path, "reading failed", err);
        if (got == 0)
            return weir_fail(
                err, WEIR_ERR_IO,
                "model file '%.*s' became shorter by %zu bytes while it was read",
                WR_NAME(path), left);
        p += got;
        left -= (size_t)got;
    }
    return WEIR_OK;
}

/* The file's bytes as U8[n]. */
static weir_status read_file(weir_str path, weir_buffer **out, weir_error *err)
{
    struct stat info;
    weir_buffer *b = NULL;
    int fd = -1;
    char *name = wr_dup(path.p, path.n);
    weir_status st = WEIR_OK;
    if (name == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a path");
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        st = io_error(path, "it can't be opened", err);
        goto out;
    }
    if (!S_ISREG(info.st_mode) || info.st_size == 0) {
        st = weir_fail(err, WEIR_ERR_IO, "model file '%.*s' is %s", WR_NAME(path),
                       S_ISREG(info.st_mode) ? "empty" : "not a regular file");
        goto out;
    }
    int64_t n = info.st_size;
    st = weir_buffer_new(&b, WEIR_U8, 1, &n, err);
    if (st == WEIR_OK)
        st = read_all(fd, path, weir_buffer_view(b), err);
    if (st == WEIR_OK) {
        *out = b;
        b = NULL;
    }
out:
    weir_buffer_unref(b);
    if (fd >= 0)
        close(fd);
    wr_free(name);
    return st;
}

weir_status weir_set_model_file(weir_client *c, weir_str name, weir_str path,
                                const weir_model_options *opt, weir_error *err)
{
    weir_buffer *blob = NULL;
    weir_status st = wr_client_check(c, "set_model_file", err);
    if (st == WEIR_OK)
        st = wr_check_name(name, "model", err);
    if (st == WEIR_OK)
        st = wr_check_name(path, "model file", err);
    if (st == WEIR_OK)
        st = read_file(path, &blob, err);
    if (st == WEIR_OK)
        st = set_blob(c, WEIR_MODEL, name, blob, opt, NULL, err);
    weir_buffer_unref(blob);
    return st;
}

/* ---- look ---- */

static weir_status ask_model(weir_client *c, wr_command command, const char *verb,
                             weir_kind kind, weir_str name, bool reset, wr_rep *rep,
                             weir_error *err)
{
    wr_key key = {0};
    weir_status st = wr_client_check(c, verb, err);
    if (st == WEIR_OK && kind != WEIR_MODEL && kind != WEIR_SCRIPT)
        st = weir_fail(err, WEIR_ERR_ARG,
                       "%s: kind %d is neither WEIR_MODEL nor WEIR_SCRIPT", verb,
                       (int)kind);
    if (st == WEIR_OK)
        st = wr_key_make(&key, c, kind, WR_READ, name, err);
    if (st != WEIR_OK)
        return st;
    wr_req req = wr_client_req(c, command);
    req.kind = kind;
    req.key = key.s;
    req.reset = reset;
    st = wr_client_send(c, &req, rep, NULL, NULL, err);
    wr_key_fini(&key);
    return st;
}

weir_status weir_get_model(weir_client *c, weir_kind kind, weir_str name,
                           weir_buffer **out, weir_error *err)
{
    wr_rep rep;
    weir_status st = wr_check_pointer(out, "get_model", "out", err);
    if (st == WEIR_OK)
        st = ask_model(c, WR_CMD_get_model, "get_model", kind, name, false, &rep, err);
    if (st == WEIR_OK)
        *out = rep.buffer[0];
    return st;
}

weir_status weir_describe_model(weir_client *c, weir_kind kind, weir_str name,
                                weir_model_info *out, weir_error *err)
{
    wr_rep rep;
    weir_status st = wr_check_pointer(out, "describe_model", "out", err);
    rep.info = out;
    if (st == WEIR_OK)
        st = ask_model(c, WR_CMD_describe_model, "describe_model", kind, name, false,
                       &rep, err);
    return st;
}

weir_status weir_model_statistics(weir_client *c, weir_kind kind, weir_str name,
                                  weir_model_stats *out, bool reset, weir_error *err)
{
    wr_rep rep;
    weir_status st = wr_check_pointer(out, "model_statistics", "out", err);
    rep.stats = out;
    if (st == WEIR_OK)
        st = ask_model(c, WR_CMD_model_statistics, "model_statistics", kind, name, reset,
                       &rep, err);
    return st;
}

/* ---- infer ---- */

static weir_status check_io(const char *verb, weir_str model, const void *in, int n_in,
                            const void *out, int n_out, weir_error *err)
{
    if (n_in < 0 || n_out < 0 || n_in > WEIR_IO_MAX || n_out > WEIR_IO_MAX)
        return weir_fail(err, WEIR_ERR_ARG,
                         "%s '%.*s': %d inputs and %d outputs; 0 to %d are possible",
                         verb, WR_NAME(model), n_in, n_out, WEIR_IO_MAX);
    if ((in == NULL && n_in > 0) || (out == NULL && n_out > 0))
        return weir_fail(err, WEIR_ERR_ARG, "%s '%.*s': the pointer '%s' is null", verb,
                         WR_NAME(model), in == NULL && n_in > 0 ? "in" : "out");
    return WEIR_OK;
}

/* An infer with its outputs in views (`out`) or buffers (rep). The engine checks the views. */
static weir_status infer(weir_client *c, weir_str model, weir_str function,
                         const weir_tensor *in, int n_in, const weir_tensor *out,
                         int n_out, wr_rep *rep, weir_request **req_out, weir_error *err)
{
    wr_key key;
    key.heap = NULL;
    weir_status st = wr_client_check(c, "infer", err);
    if (st == WEIR_OK)
        st = check_io("infer", model, in, n_in, rep == NULL ? (const void *)out : rep,
                      n_out, err);
    if (st == WEIR_OK)
        st = wr_key_make(&key, c, function.n > 0 ? WEIR_SCRIPT : WEIR_MODEL, WR_READ,
                         model, err);
    if (st != WEIR_OK)
        return st;
    wr_req req = wr_client_req(c, WR_CMD_infer);
    req.key = key.s;
    req.function = function;
    req.in = in;
    req.n_in = n_in;
    req.out = rep == NULL ? out : NULL;
    req.n_out = n_out;
    req.give_buffers = rep != NULL;
    st = wr_client_send(c, &req, rep, req_out, NULL, err);
    wr_key_fini(&key);
    return st;
}

weir_status weir_infer(weir_client *c, weir_str model, const weir_tensor *in, int n_in,
                       const weir_tensor *out, int n_out, weir_error *err)
{
    return infer(c, model, (weir_str){0}, in, n_in, out, n_out, NULL, NULL, err);
}

weir_status weir_iinfer(weir_client *c, weir_str model, const weir_tensor *in, int n_in,
                        const weir_tensor *out, int n_out, weir_request **req,
                        weir_error *err)
{
    weir_status st = wr_check_pointer(req, "iinfer", "req", err);
    if (st != WEIR_OK)
        return st;
    return infer(c, model, (weir_str){0}, in, n_in, out, n_out, NULL, req, err);
}

weir_status weir_infer_script(weir_client *c, weir_str script, weir_str function,
                              const weir_tensor *in, int n_in, weir_buffer **out,
                              int n_out, weir_error *err)
{
    weir_status st = wr_check_name(function, "function", err);
    wr_rep rep;
    if (st == WEIR_OK)
        st = check_io("infer", script, in, n_in, out, n_out, err);
    for (int i = 0; st == WEIR_OK && i < n_out; i++)
        out[i] = NULL;
    if (st == WEIR_OK)
        st = infer(c, script, function, in, n_in, NULL, n_out, &rep, NULL, err);
    for (int i = 0; st == WEIR_OK && i < n_out; i++)
        out[i] = rep.buffer[i];
    return st;
}

weir_status weir_infer_alloc(weir_client *c, weir_str model, const weir_tensor *in,
                             int n_in, weir_buffer **out, int n_out, weir_error *err)
{
    wr_rep rep;
    weir_status st = check_io("infer", model, in, n_in, out, n_out, err);
    for (int i = 0; st == WEIR_OK && i < n_out; i++)
        out[i] = NULL;
    if (st == WEIR_OK)
        st = infer(c, model, (weir_str){0}, in, n_in, NULL, n_out, &rep, NULL, err);
    for (int i = 0; st == WEIR_OK && i < n_out; i++)
        out[i] = rep.buffer[i];
    return st;
}

/* The views of a dataset's tensors in the order of a model's inputs. */
static weir_status match_inputs(const weir_dataset *ds, weir_str model,
                                const weir_model_info *info, weir_tensor *in,
                                weir_error *err)
{
    for (int i = 0; i < info->n_in; i++) {
        if (weir_dataset_tensor(ds, weir_cstr(info->in[i].name), &in[i], NULL) != WEIR_OK)
            return weir_fail(
                err, WEIR_ERR_KEY,
                "infer '%.*s': dataset '%.*s' has no tensor '%s', which the model wants",
                WR_NAME(model), WR_NAME(weir_dataset_name(ds)), info->in[i].name);
    }
    return WEIR_OK;
}

static weir_status add_all(weir_dataset *ds, const weir_model_info *info,
                           weir_buffer **out, weir_error *err)
{
    for (int i = 0; i < info->n_out; i++) {
        if (weir_dataset_tensor(ds, weir_cstr(info->out[i].name), &(weir_tensor){0},
                                NULL) == WEIR_OK)
            return weir_fail(err, WEIR_ERR_EXISTS,
                             "dataset '%.*s' already has a tensor '%s'",
                             WR_NAME(weir_dataset_name(ds)), info->out[i].name);
    }
    weir_status st = WEIR_OK;
    for (int i = 0; i < info->n_out && st == WEIR_OK; i++)
        st = weir_dataset_add_buffer(ds, weir_cstr(info->out[i].name), out[i], err);
    return st;
}

weir_status weir_infer_dataset(weir_client *c, weir_str model, const weir_dataset *in,
                               weir_dataset *out, weir_error *err)
{
    weir_tensor views[WEIR_IO_MAX];
    weir_buffer *results[WEIR_IO_MAX] = {NULL};
    weir_model_info *info = NULL;
    weir_status st = wr_check_pointer(in, "infer", "in", err);
    if (st == WEIR_OK)
        st = wr_check_pointer(out, "infer", "out", err);
    if (st != WEIR_OK)
        return st;
    info = wr_alloc(sizeof *info); /* 17 KB: not for every stack */
    if (info == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "infer '%.*s': no memory", WR_NAME(model));
    st = weir_describe_model(c, WEIR_MODEL, model, info, err);
    if (st == WEIR_OK)
        st = match_inputs(in, model, info, views, err);
    if (st == WEIR_OK)
        st = weir_infer_alloc(c, model, views, info->n_in, results, info->n_out, err);
    if (st == WEIR_OK)
        st = add_all(out, info, results, err);
    for (int i = 0; i < WEIR_IO_MAX; i++)
        weir_buffer_unref(results[i]);
    wr_free(info);
    return st;
}

/* ---- run ---- */

static weir_status make_keys(wr_key *keys, weir_str *s, const weir_client *c,
                             wr_side side, const weir_str *names, int n, weir_error *err)
{
    weir_status st = WEIR_OK;
    for (int i = 0; i < n; i++)
        keys[i].heap = NULL;
    for (int i = 0; i < n && st == WEIR_OK; i++) {
        st = wr_key_make(&keys[i], c, WEIR_TENSOR, side, names[i], err);
        s[i] = keys[i].s;
    }
    return st;
}

static void fini_keys(wr_key *keys, int n)
{
    for (int i = 0; i < n; i++)
        wr_key_fini(&keys[i]);
}

static weir_status run(weir_client *c, weir_str model, weir_str function,
                       const weir_str *in_keys, int n_in, const weir_str *out_keys,
                       int n_out, weir_request **out, weir_error *err)
{
    wr_key key = {0}, in[WEIR_IO_MAX], to[WEIR_IO_MAX];
    weir_str in_s[WEIR_IO_MAX], to_s[WEIR_IO_MAX];
    wr_rep rep;
    weir_status st = wr_client_check(c, "run", err);
    if (st == WEIR_OK)
        st = check_io("run", model, in_keys, n_in, out_keys, n_out, err);
    if (st == WEIR_OK)
        st = wr_key_make(&key, c, function.n > 0 ? WEIR_SCRIPT : WEIR_MODEL, WR_READ,
                         model, err);
    if (st != WEIR_OK)
        return st;
    st = make_keys(in, in_s, c, WR_READ, in_keys, n_in, err);
    weir_status st_to =
        make_keys(to, to_s, c, WR_WRITE, out_keys, n_out, st == WEIR_OK ? err : NULL);
    if (st == WEIR_OK)
        st = st_to;
    if (st == WEIR_OK) {
        wr_req req = wr_client_req(c, WR_CMD_run);
        req.key = key.s;
        req.function = function;
        req.in_keys = in_s;
        req.n_in = n_in;
        req.out_keys = to_s;
        req.n_out = n_out;
        st = wr_client_send(c, &req, &rep, out, NULL, err);
    }
    fini_keys(in, n_in);
    fini_keys(to, n_out);
    wr_key_fini(&key);
    return st;
}

weir_status weir_run(weir_client *c, weir_str model, const weir_str *in_keys, int n_in,
                     const weir_str *out_keys, int n_out, weir_error *err)
{
    return run(c, model, (weir_str){0}, in_keys, n_in, out_keys, n_out, NULL, err);
}

weir_status weir_run_script(weir_client *c, weir_str script, weir_str function,
                            const weir_str *in_keys, int n_in, const weir_str *out_keys,
                            int n_out, weir_error *err)
{
    weir_status st = wr_check_name(function, "function", err);
    if (st != WEIR_OK)
        return st;
    return run(c, script, function, in_keys, n_in, out_keys, n_out, NULL, err);
}

weir_status weir_irun(weir_client *c, weir_str model, weir_str function,
                      const weir_str *in_keys, int n_in, const weir_str *out_keys,
                      int n_out, weir_request **req, weir_error *err)
{
    weir_status st = wr_check_pointer(req, "irun", "req", err);
    if (st != WEIR_OK)
        return st;
    return run(c, model, function, in_keys, n_in, out_keys, n_out, req, err);
}
