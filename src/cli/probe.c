/* SPDX-License-Identifier: BSD-3-Clause */
/* `weir probe`: can this model be loaded and warmed up here? A server asks in a process of its own, so
 * that a model that crashes or hangs its library harms nobody else. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "weir/client.h"

static const char *backend = "";
static bool is_script, no_warm_up;
static int64_t threads = 0;

static const cli_option options[] = {
    {"--backend", CLI_TEXT, &backend, 0, 0, "NAME",
     "onnx, torch, mock (told from the file)"},
    {"--script", CLI_FLAG, &is_script, 0, 0, NULL, "the file is a script's text"},
    {"--threads", CLI_INT, &threads, 0, 4096, "N",
     "compute threads of one run (0: default)"},
    {"--no-warm-up", CLI_FLAG, &no_warm_up, 0, 0, NULL, "load only, run nothing"}};

/* The whole of a file, which may be a pipe. NULL: it can't be read. */
static char *read_all(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *p = NULL;
    size_t room = 0;
    *n = 0;
    while (f != NULL && !feof(f) && !ferror(f)) {
        if (*n == room) {
            room = room * 2 + (1 << 16);
            char *bigger = realloc(p, room);
            if (bigger == NULL)
                break;
            p = bigger;
        }
        *n += fread(p + *n, 1, room - *n, f);
    }
    bool bad = f == NULL || !feof(f);
    if (f != NULL)
        fclose(f);
    if (bad)
        free(p);
    return bad ? NULL : p;
}

static weir_status probe(const char *bytes, size_t n, weir_error *err)
{
    weir_client *c = NULL;
    weir_client_options copt = {.struct_bytes = sizeof copt, .timeout_ms = -1};
    weir_model_options opt = {.struct_bytes = sizeof opt,
                              .backend = weir_cstr(backend),
                              .threads = (int)threads,
                              .no_warm_up = no_warm_up};
    weir_status st = weir_client_new(&c, WEIR_STR("embedded:probe"), &copt, err);
    if (st == WEIR_OK && is_script)
        st = weir_set_script(c, WEIR_STR("probe"), (weir_str){bytes, n}, &opt, err);
    else if (st == WEIR_OK)
        st = weir_set_model(c, WEIR_STR("probe"), bytes, n, &opt, err);
    weir_client_free(c);
    return st;
}

static int run(char **args, int n_args)
{
    (void)n_args;
    size_t n;
    weir_error err = {0};
    char *bytes = read_all(args[0], &n);
    if (bytes == NULL)
        return cli_fail(CLI_FAILED, "probe", "can't read '%s'", args[0]);
    weir_status st = probe(bytes, n, &err);
    free(bytes);
    if (st != WEIR_OK)
        return cli_fail(CLI_FAILED, "probe", "%s", err.text);
    puts("ok");
    return CLI_OK;
}

const cli_command cli_probe = {.name = "probe",
                               .arguments = "FILE",
                               .min_args = 1,
                               .max_args = 1,
                               .summary = "can this model be loaded here?",
                               .text = "Loads a model or script, warms it up, and writes "
                                       "ok. Weir's Redis module runs it on every\n"
                                       "model that is set: one that crashes or hangs its "
                                       "library ends this process, not the "
                                       "server.\n",
                               .option = options,
                               .n_options = sizeof options / sizeof *options,
                               .run = run};
