/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding and starting backends. Once loaded they stay for the life of the process. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "engine/internal.h"

/* The backends that exist. `magic` tells a model by its first bytes, so that no library is loaded
 * that isn't needed. */
typedef struct known {
    const char *name;
    const char *magic; /* n_magic bytes */
    size_t n_magic;
    bool scripts; /* scripts without magic are its */
    const char *hint;
    /* guarded by table_lock */
    const wr_backend_ops *ops; /* started */
    char path[PATH_MAX];
} known;

/* One line per backend. */
// clang-format off
static known table[] = {
    {.name = "mock",
     .magic = "mock",
     .n_magic = 4,
     .hint = "it comes with Weir: set WEIR_BACKEND_PATH to its folder weir/backends"},
    {.name = "onnx",
     .magic = "\x08",
     .n_magic = 1,
     .hint = "run scripts/setup.sh onnx and build again"},
    {.name = "torch",
     .magic = "PK\3\4",
     .n_magic = 4,
     .scripts = true,
     .hint = "run scripts/setup.sh torch (it installs libtorch-dev) and build again"},
};
// clang-format on
enum { N_KNOWN = sizeof table / sizeof *table };

static wr_mutex table_lock;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

/* What backends are lent. Threads and spin are those of the first engine that loads one. */
static wr_backend_host host = {
    .abi = WR_BACKEND_ABI,
    .bytes = sizeof host,
    .fail = weir_fail,
    .buffer_new = weir_buffer_new,
    .buffer_wrap = weir_buffer_wrap,
    .buffer_unref = weir_buffer_unref,
    .buffer_view = weir_buffer_view,
    .alloc = wr_alloc,
    .free = wr_free,
};

static void init_table(void)
{
    wr_mutex_init(&table_lock, WR_LEVEL_LOADER);
}

const char *wr_backend_names(void)
{
    return "mock, onnx, torch";
}

static known *find_known(weir_str name)
{
    for (int i = 0; i < N_KNOWN; i++) {
        if (wr_str_eq(name, weir_cstr(table[i].name)))
            return &table[i];
    }
    return NULL;
}

const char *wr_backend_guess(const void *blob, size_t n, bool is_script)
{
    for (int i = 0; i < N_KNOWN; i++) {
        const known *k = &table[i];
        if (n >= k->n_magic && memcmp(blob, k->magic, k->n_magic) == 0)
            return k->name;
    }
    for (int i = 0; is_script && i < N_KNOWN; i++) {
        if (table[i].scripts)
            return table[i].name;
    }
    return NULL;
}

/* ---- where backends lie ----------------------------------------------------------------------------- */

/* Folder of the library or program that this code is part of; false when it can't be told. */
static bool own_folder(char *out)
{
    Dl_info info;
    char real[PATH_MAX];
    if (dladdr((const void *)&table, &info) == 0 || info.dli_fname == NULL)
        return false;
    /* A program's own name is argv[0], which may be relative to a folder left since. */
    if (info.dli_fname[0] != '/' || realpath(info.dli_fname, real) == NULL) {
        ssize_t n = readlink("/proc/self/exe", real, sizeof real - 1);
        if (n <= 0)
            return false;
        real[n] = '\0';
    }
    char *slash = strrchr(real, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    memcpy(out, real, strlen(real) + 1);
    return true;
}

/* The places to look in, in order; each a format for the folder that goes with it. */
enum { PLACES = 5 };
typedef struct search {
    char file[PLACES][PATH_MAX + 64];
    int n;
} search;

static void add_folder(search *s, weir_str folder, const char *below, const char *name)
{
    if (folder.n == 0 || folder.n >= PATH_MAX || s->n == PLACES)
        return;
    int n = snprintf(s->file[s->n], sizeof s->file[s->n], "%.*s%s/weir_backend_%s.so",
                     (int)folder.n, folder.p, below, name);
    if (n > 0 && (size_t)n < sizeof s->file[s->n])
        s->n++;
}

static void make_search(search *s, const char *name, weir_str path)
{
    char own[PATH_MAX];
    s->n = 0;
    add_folder(s, path, "", name);
    add_folder(s, weir_cstr(getenv("WEIR_BACKEND_PATH")), "", name);
    if (own_folder(own)) {
        add_folder(s, weir_cstr(own), "/weir/backends", name);
        add_folder(s, weir_cstr(own), "/backends", name); /* of the module, in lib/weir */
        add_folder(s, weir_cstr(own), "/../lib/weir/backends", name);
    }
}

/* ---- loading ------------------------------------------------------------------------------------------ */

static const char *missing_member(const wr_backend_ops *ops)
{
    if (ops->name == NULL)
        return "name";
    if (ops->start == NULL)
        return "start";
    if (ops->version == NULL)
        return "version";
    if (ops->recognises == NULL)
        return "recognises";
    if (ops->load == NULL)
        return "load";
    if (ops->run == NULL)
        return "run";
    if (ops->unload == NULL)
        return "unload";
    if ((ops->place_new == NULL) != (ops->place_free == NULL))
        return ops->place_new == NULL ? "place_new" : "place_free";
    if (ops->interrupt != NULL && ops->place_new == NULL)
        return "place_new";
    return NULL;
}

static weir_status check_ops(const wr_backend_ops *ops, const known *k, const char *file,
                             weir_error *err)
{
    if (ops == NULL)
        return weir_fail(err, WEIR_ERR_BACKEND, "backend '%s': %s gives no table",
                         k->name, file);
    if (ops->abi != WR_BACKEND_ABI || ops->bytes < sizeof *ops)
        return weir_fail(
            err, WEIR_ERR_BACKEND,
            "backend '%s': %s has interface %u with %u bytes, this Weir needs %u with "
            "%zu; build both from the same version",
            k->name, file, ops->abi, ops->bytes, WR_BACKEND_ABI, sizeof *ops);
    const char *missing = missing_member(ops);
    if (missing != NULL)
        return weir_fail(err, WEIR_ERR_BACKEND, "backend '%s': %s lacks '%s'", k->name,
                         file, missing);
    if (strcmp(ops->name, k->name) != 0)
        return weir_fail(err, WEIR_ERR_BACKEND, "backend '%s': %s holds backend '%s'",
                         k->name, file, ops->name);
    return WEIR_OK;
}

/* With table_lock held. */
static weir_status open_file(known *k, const char *file, weir_error *err)
{
    typedef const wr_backend_ops *(*entry_fn)(void);
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return weir_fail(err, WEIR_ERR_BACKEND, "backend '%s': %.300s; %s", k->name,
                         dlerror(), k->hint);
    void *symbol = dlsym(library, WR_BACKEND_ENTRY);
    if (symbol == NULL) {
        dlclose(library);
        return weir_fail(err, WEIR_ERR_BACKEND, "backend '%s': %s has no symbol '%s'",
                         k->name, file, WR_BACKEND_ENTRY);
    }
    entry_fn entry;
    memcpy(&entry, &symbol, sizeof entry);
    const wr_backend_ops *ops = entry();
    weir_status st = check_ops(ops, k, file, err);
    if (st != WEIR_OK) {
        dlclose(library);
        return st;
    }
    /* From here on it stays: what it loads may not survive being closed. */
    st = ops->start(&host, err);
    if (st == WEIR_OK) {
        k->ops = ops;
        snprintf(k->path, sizeof k->path, "%.*s", (int)sizeof k->path - 1, file);
    }
    return st;
}

static weir_status not_found(const known *k, const search *s, weir_error *err)
{
    char places[400] = "";
    size_t at = 0;
    for (int i = 0; i < s->n && at < sizeof places; i++) {
        int n = snprintf(places + at, sizeof places - at, "%s%s", i == 0 ? "" : ", ",
                         s->file[i]);
        at += n < 0 ? sizeof places : (size_t)n;
    }
    return weir_fail(err, WEIR_ERR_BACKEND,
                     "backend '%s' is not installed: %s. Looked for %.300s", k->name,
                     k->hint, s->n == 0 ? "nothing" : places);
}

/* With table_lock held. */
static weir_status find_and_open(known *k, weir_str path, weir_error *err)
{
    search *s = wr_alloc(sizeof *s);
    if (s == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "backend '%s': no memory to look for it",
                         k->name);
    make_search(s, k->name, path);
    const char *file = NULL;
    for (int i = 0; i < s->n && file == NULL; i++) {
        if (access(s->file[i], R_OK) == 0)
            file = s->file[i];
    }
    weir_status st = file == NULL ? not_found(k, s, err) : open_file(k, file, err);
    wr_free(s);
    return st;
}

static void lend(int threads, bool spin)
{
    if (host.threads > 0)
        return;
    host.threads = threads;
    host.spin = spin;
}

weir_status wr_backend_load(const wr_backend_ops **out, weir_str name, weir_str path,
                            int threads, bool spin, weir_error *err)
{
    known *k = find_known(name);
    if (k == NULL)
        return weir_fail(err, WEIR_ERR_BACKEND, "there is no backend '%.*s'; Weir has %s",
                         WR_NAME(name), wr_backend_names());
    pthread_once(&table_once, init_table);
    wr_lock(&table_lock);
    lend(threads, spin);
    weir_status st = k->ops != NULL ? WEIR_OK : find_and_open(k, path, err);
    if (st == WEIR_OK)
        *out = k->ops;
    wr_unlock(&table_lock);
    return st;
}

size_t wr_backend_list(weir_backend_info *out, size_t n, weir_str path, int threads,
                       bool spin)
{
    for (size_t i = 0; i < n && i < N_KNOWN; i++) {
        const wr_backend_ops *ops = NULL;
        weir_error why = {.text = ""};
        weir_backend_info *info = &out[i];
        *info = (weir_backend_info){.present = false};
        snprintf(info->name, sizeof info->name, "%s", table[i].name);
        if (wr_backend_load(&ops, weir_cstr(table[i].name), path, threads, spin, &why) !=
            WEIR_OK) {
            snprintf(info->hint, sizeof info->hint, "%.255s", why.text);
            continue;
        }
        info->present = true;
        snprintf(info->version, sizeof info->version, "%s", ops->version());
        snprintf(info->path, sizeof info->path, "%.255s", table[i].path);
    }
    return N_KNOWN;
}
