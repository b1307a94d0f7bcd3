/* SPDX-License-Identifier: BSD-3-Clause */
/* The torch backend's host as its tests play it, and short words for loading and running. */
#ifndef WR_TESTS_TORCH_HOST_H
#define WR_TESTS_TORCH_HOST_H

#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "engine/backend.h"

static const wr_backend_ops *ops;
static void *library;
static char folder[1024];
static char why_not[1536]; /* empty: the models are there */
static bool no_buffers;    /* the host has no memory */
static int n_buffers;      /* buffers that the backend asked for */

static inline weir_status host_buffer_new(weir_buffer **out, weir_dtype dtype, int rank,
                                          const int64_t *shape, weir_error *err)
{
    n_buffers++;
    if (no_buffers)
        return weir_fail(err, WEIR_ERR_NOMEM, "host: no memory");
    return weir_buffer_new(out, dtype, rank, shape, err);
}

static inline weir_status host_buffer_wrap(weir_buffer **out, const weir_tensor *view,
                                           void (*release)(void *), void *context,
                                           weir_error *err)
{
    if (no_buffers)
        return weir_fail(err, WEIR_ERR_NOMEM, "host: no memory");
    return weir_buffer_wrap(out, view, release, context, err);
}

static const wr_backend_host host = {
    .abi = WR_BACKEND_ABI,
    .bytes = sizeof(wr_backend_host),
    .threads = 1,
    .fail = weir_fail,
    .buffer_new = host_buffer_new,
    .buffer_wrap = host_buffer_wrap,
    .buffer_unref = weir_buffer_unref,
    .buffer_view = weir_buffer_view,
    .alloc = wr_alloc,
    .free = wr_free,
};

static inline const char *environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

static inline void make_models(void)
{
    char command[4096];
    (void)snprintf(folder, sizeof folder, "%s/torch-models",
                   environment("WEIR_BINARY_DIR", "build"));
    (void)snprintf(
        command, sizeof command,
        "LD_PRELOAD= /usr/bin/python3 '%s/tests/torch/make_models.py' '%s' >&2",
        environment("WEIR_SOURCE_DIR", "."), folder);
    /* NOLINTNEXTLINE(cert-env33-c): a fixed command with the build's own folders */
    int status = system(command);
    if (status != 0)
        (void)snprintf(
            why_not, sizeof why_not,
            "no models to run: /usr/bin/python3 with python3-torch writes them (exit %d)",
            status / 256);
}

static inline int start_backend(void **state)
{
    (void)state;
    char path[2048];
    weir_error err = {0};
    (void)snprintf(path, sizeof path, "%s/weir_backend_torch.so",
                   environment("WEIR_BACKEND_PATH", "build/lib/weir/backends"));
    if (access(path, R_OK) != 0) {
        (void)snprintf(why_not, sizeof why_not,
                       "the torch backend is not built: no %.1400s", path);
        return 0;
    }
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        print_error("%s\n", dlerror());
        return -1;
    }
    const wr_backend_ops *(*entry)(void);
    *(void **)&entry = dlsym(library, WR_BACKEND_ENTRY);
    if (entry == NULL)
        return -1;
    ops = entry();
    if (ops->start(&host, &err) != WEIR_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    return 0;
}

static inline int start_with_models(void **state)
{
    int status = start_backend(state);
    if (status == 0 && ops != NULL)
        make_models();
    return status;
}

static inline void need_models(void)
{
    if (why_not[0] == '\0')
        return;
    print_message("# %s\n", why_not);
    skip();
}

static inline void need_backend(void)
{
    if (ops != NULL)
        return;
    print_message("# %s\n", why_not);
    skip();
}

/* ---- short words for the tests ---------------------------------------------------------------- */

static inline void *read_file(const char *name, size_t *n)
{
    char path[2048];
    (void)snprintf(path, sizeof path, "%s/%s.pt", folder, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *n = (size_t)ftell(f);
    rewind(f);
    void *p = malloc(*n);
    assert_non_null(p);
    assert_int_equal(fread(p, 1, *n, f), *n);
    assert_int_equal(fclose(f), 0);
    return p;
}

static inline weir_status load_bytes(const void *p, size_t n, bool is_script,
                                     wr_backend_model **m, weir_model_info *info,
                                     weir_error *err)
{
    wr_load_args args = {.name = WEIR_STR("test"), .blob = p, .n_blob = n, .threads = 1};
    args.is_script = is_script;
    return ops->load(m, &args, info, err);
}

static inline weir_status try_load(const char *name, wr_backend_model **m,
                                   weir_model_info *info, weir_error *err)
{
    size_t n;
    void *p = read_file(name, &n);
    weir_status st = load_bytes(p, n, false, m, info, err);
    free(p);
    return st;
}

static inline wr_backend_model *load(const char *name, weir_model_info *info)
{
    weir_error err = {0};
    weir_model_info unused = {0};
    wr_backend_model *m = NULL;
    weir_status st = try_load(name, &m, info == NULL ? &unused : info, &err);
    if (st != WEIR_OK)
        fail_msg("%s: %s", name, err.text);
    return m;
}

static inline wr_backend_model *compile(const char *text, weir_model_info *info)
{
    weir_error err = {0};
    weir_model_info unused = {0};
    wr_backend_model *m = NULL;
    weir_status st =
        load_bytes(text, strlen(text), true, &m, info == NULL ? &unused : info, &err);
    if (st != WEIR_OK)
        fail_msg("%s", err.text);
    return m;
}

/* A view in C order; extents end with a negative number. */
static inline weir_tensor view(void *data, weir_dtype dtype, const int64_t *extents)
{
    weir_tensor t;
    weir_error err;
    int rank = 0;
    while (extents[rank] >= 0)
        rank++;
    assert_int_equal(weir_tensor_init(&t, data, dtype, rank, extents, &err), WEIR_OK);
    return t;
}

#define VIEW(data, dtype, ...)                                                           \
    view(data, WEIR_##dtype, (const int64_t[]){__VA_ARGS__, -1})
#define SCALAR(data, dtype) view(data, WEIR_##dtype, (const int64_t[]){-1})

static inline weir_status run(wr_backend_model *m, const char *function,
                              const weir_tensor *in, int n_in, wr_output *out, int n_out,
                              weir_error *err)
{
    wr_run_args args = {.function = weir_cstr(function),
                        .in = in,
                        .n_in = n_in,
                        .out = out,
                        .n_out = n_out,
                        .deadline = WEIR_NEVER};
    return ops->run(m, &args, err);
}

static inline void run_ok(wr_backend_model *m, const char *function,
                          const weir_tensor *in, int n_in, wr_output *out, int n_out)
{
    weir_error err = {0};
    if (run(m, function, in, n_in, out, n_out, &err) != WEIR_OK)
        fail_msg("%s", err.text);
}

static inline void expect_text(const weir_error *err, const char *part)
{
    if (strstr(err->text, part) == NULL)
        fail_msg("no '%s' in: %s", part, err->text);
}

static inline void expect_floats(const void *got, const float *want, size_t n)
{
    const float *g = got;
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(g[i] - want[i]) <= 1e-6F))
            fail_msg("element %zu is %g, not %g", i, (double)g[i], (double)want[i]);
}

#endif
