/* SPDX-License-Identifier: BSD-3-Clause */
/* `weir model`: what a model file wants and gives, a check against stored numbers, a timed run. */
#include "cli/model.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/check.h"
#include "cli/cli.h"
#include "cli/feed.h"
#include "weir/client.h"
#include "weir/meter.h"

static const char *backend = "";
static int64_t batch = 1, runs = 100, threads = 0, seed = 1;
static double rtol = 1e-5, atol = 1e-8;
static bool as_json, no_run;
static cli_list shapes;
static cli_pair check_files, save_files;

static const cli_option options[] = {
    {"--batch", CLI_INT, &batch, 1, 1 << 30, "N", "extent of a free first dimension (1)"},
    {"--runs", CLI_INT, &runs, 1, 1000000, "N", "timed runs (100)"},
    {"--no-run", CLI_FLAG, &no_run, 0, 0, NULL, "only say what the model is"},
    {"--threads", CLI_INT, &threads, 0, 4096, "N",
     "compute threads of one run (0: default)"},
    {"--backend", CLI_TEXT, &backend, 0, 0, "NAME",
     "onnx, torch, mock (told from the file)"},
    {"--shape", CLI_ITEM, &shapes, 0, 0, "[NAME=]N,N",
     "shape of an input; may be given again"},
    {"--seed", CLI_INT, &seed, 0, INT32_MAX, "N", "of the random input (1)"},
    {"--check", CLI_PAIR, &check_files, 0, 0, "INPUT.npy OUTPUT.npy",
     "run the stored input, compare with the stored output"},
    {"--rtol", CLI_REAL, &rtol, 0, 0, "X", "relative tolerance of --check (1e-5)"},
    {"--atol", CLI_REAL, &atol, 0, 0, "X", "absolute tolerance of --check (1e-8)"},
    {"--save", CLI_PAIR, &save_files, 0, 0, "INPUT.npy OUTPUT.npy",
     "write the random input and the output for a later "
     "--check"},
    {"--json", CLI_FLAG, &as_json, 0, 0, NULL, "write JSON instead of text"}};

/* One run with outputs of the model's own shapes. */
static weir_status infer(const session *s, const feed *in, feed *out, weir_error *err)
{
    weir_status st = weir_infer_alloc(s->client, s->name, in->view, in->n, out->buffer,
                                      s->info.n_out, err);
    if (st != WEIR_OK)
        return st;
    out->n = s->info.n_out;
    for (int i = 0; i < out->n; i++)
        out->view[i] = weir_buffer_view(out->buffer[i]);
    return WEIR_OK;
}

/* Load the model; s->client is set even on failure when it was opened. */
static weir_status open_session(session *s, const char *path, weir_error *err)
{
    weir_client_options copt = {.struct_bytes = sizeof copt, .timeout_ms = -1};
    weir_model_options opt = {.struct_bytes = sizeof opt,
                              .backend = weir_cstr(backend),
                              .threads = (int)threads,
                              .no_warm_up = no_run}; /* nothing is timed */

    s->path = path;
    s->name = WEIR_STR("model");
    weir_status st =
        weir_client_new(&s->client, WEIR_STR("embedded:weir-model"), &copt, err);
    if (st == WEIR_OK)
        st = weir_set_model_file(s->client, s->name, weir_cstr(path), &opt, err);
    if (st == WEIR_OK)
        st = weir_describe_model(s->client, WEIR_MODEL, s->name, &s->info, err);
    return st;
}

/* Time weir_infer on memory that is there already. */
static weir_status time_runs(session *s, const feed *in, const feed *out, weir_error *err)
{
    weir_meter *m = NULL;
    weir_status st = weir_meter_new(&m, NULL, err);

    for (int64_t i = -(runs / 10 + 1); st == WEIR_OK && i < runs;
         i++) { /* a tenth warms up */
        if (i == 0)
            st = weir_model_statistics(s->client, WEIR_MODEL, s->name, &s->stats, true,
                                       err);
        if (i >= 0)
            weir_meter_start(m, WEIR_METER_FORWARD);
        if (st == WEIR_OK)
            st = weir_infer(s->client, s->name, in->view, in->n, out->view, out->n, err);
        if (i >= 0)
            weir_meter_stop(m, WEIR_METER_FORWARD);
    }
    if (st == WEIR_OK)
        st = weir_meter_read(m, WEIR_METER_FORWARD, &s->time, err);
    if (st == WEIR_OK)
        st = weir_model_statistics(s->client, WEIR_MODEL, s->name, &s->stats, false, err);
    s->was_timed = st == WEIR_OK;
    weir_meter_free(m);
    return st;
}

/* Run stored inputs and compare; the verdict of all outputs is in s. */
static weir_status check(session *s, weir_error *err)
{
    feed in = {0}, got = {0}, want = {0};

    weir_status st = feed_read(&in, check_files.first, err);
    if (st == WEIR_OK)
        st = feed_read(&want, check_files.second, err);
    if (st == WEIR_OK && want.n != s->info.n_out)
        st = weir_fail(err, WEIR_ERR_ARG,
                       "--check: %d output files, the model has %d outputs", want.n,
                       s->info.n_out);
    if (st == WEIR_OK)
        st = infer(s, &in, &got, err);
    for (int i = 0; st == WEIR_OK && i < got.n; i++)
        st = check_compare(&got.view[i], &want.view[i], rtol, atol, &s->check[i], err);
    s->was_checked = st == WEIR_OK;
    feed_fini(&in);
    feed_fini(&got);
    feed_fini(&want);
    return st;
}

static weir_status run_random(session *s, weir_error *err)
{
    feed in = {0}, out = {0};

    weir_status st = feed_random(&in, &s->info, batch, &shapes, seed, err);
    if (st == WEIR_OK)
        st = infer(s, &in, &out, err);
    if (st == WEIR_OK && save_files.first != NULL) {
        st = feed_write(&in, save_files.first, err);
        if (st == WEIR_OK)
            st = feed_write(&out, save_files.second, err);
    }
    if (st == WEIR_OK)
        st = time_runs(s, &in, &out, err);
    s->guessed = in.guessed;
    s->rows = in.n > 0 && in.view[0].rank > 0 ? in.view[0].shape[0] : 1;
    feed_fini(&in);
    feed_fini(&out);
    return st;
}

static bool agrees(const session *s)
{
    bool good = true;
    for (int i = 0; s->was_checked && i < s->info.n_out; i++)
        good = good && s->check[i].n_beyond == 0;
    return good;
}

static int run(char **args, int n_args)
{
    static session s; /* large */
    weir_error err = {0};

    (void)n_args;
    weir_status st = open_session(&s, args[0], &err);
    s.rtol = rtol;
    s.atol = atol;
    if (st == WEIR_OK && check_files.first != NULL)
        st = check(&s, &err);
    if (st == WEIR_OK && !no_run)
        st = run_random(&s, &err);
    weir_client_free(s.client);
    if (st != WEIR_OK)
        return cli_fail(CLI_FAILED, "model", "%s", err.text);
    if (as_json)
        model_print_json(&s, agrees(&s));
    else
        model_print_text(&s, agrees(&s));
    return agrees(&s) ? CLI_OK : CLI_FAILED;
}

const cli_command cli_model = {
    .name = "model",
    .arguments = "FILE",
    .min_args = 1,
    .max_args = 1,
    .summary = "describe, check and time a model file",
    .text = "Loads FILE, prints its inputs, outputs and number of parameters, and times "
            "it with a\n"
            "random input: median, 5th and 95th percentile. --check compares it with "
            "stored numbers\n"
            "as numpy.allclose does; several files are separated by commas.\n",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .run = run};
