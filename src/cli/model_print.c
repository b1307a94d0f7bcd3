/* SPDX-License-Identifier: BSD-3-Clause */
/* Printing what `weir model` found out. */
#include <inttypes.h>
#include <math.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/model.h"

/* "FLOAT[?,10]" */
static const char *io_text(const weir_io *io, char *buf, size_t room)
{
    int at = snprintf(buf, room, "%s[", weir_dtype_name(io->dtype));
    if (io->rank < 0)
        at += snprintf(buf + at, room - (size_t)at, "..");
    for (int d = 0; d < io->rank; d++) {
        at += snprintf(buf + at, room - (size_t)at, "%s", d > 0 ? "," : "");
        if (io->shape[d] < 0)
            at += snprintf(buf + at, room - (size_t)at, "?");
        else
            at += snprintf(buf + at, room - (size_t)at, "%" PRId64, io->shape[d]);
    }
    snprintf(buf + at, room - (size_t)at, "]");
    return buf;
}

static void print_ios(const char *title, const weir_io *io, int n)
{
    char text[WEIR_RANK_MAX * 21 + 32];
    cli_headline(title);
    for (int i = 0; i < n; i++)
        printf("  %-20s %s\n", io[i].name, io_text(&io[i], text, sizeof text));
}

static void print_check(const session *s, bool agrees)
{
    cli_headline("check");
    for (int i = 0; i < s->info.n_out; i++) {
        const comparison *c = &s->check[i];
        printf("  %-20s %zu of %zu values differ by more than %g + %g |stored|\n",
               s->info.out[i].name, c->n_beyond, c->n, s->atol, s->rtol);
        if (c->worst_abs > 0)
            printf("  %-20s largest difference %.3g (relative %.3g) at value %zu: %.9g, "
                   "stored "
                   "%.9g\n",
                   "", c->worst_abs, c->worst_rel, c->worst_at, c->got, c->want);
    }
    printf("  %s\n", agrees ? "ok: the model gives the stored numbers"
                            : "FAILED: the model gives other numbers");
}

static void print_time(const session *s)
{
    char a[32], b[32], c[32];
    const weir_meter_stats *t = &s->time;
    double runs = s->stats.n_calls > 0 ? (double)s->stats.n_calls : 1;

    cli_headline("timed run");
    printf("  rows                 %" PRId64 ", %" PRIu64 " runs%s\n", s->rows, t->n,
           s->guessed ? "; free extents but the first are 1, --shape chooses" : "");
    printf("  median               %s (p05 %s, p95 %s)\n",
           cli_seconds(t->median, a, sizeof a), cli_seconds(t->p05, b, sizeof b),
           cli_seconds(t->p95, c, sizeof c));
    if (t->median > 0)
        printf("  rows per second      %.0f\n", (double)s->rows / t->median);
    printf("  copies per run       %g\n", (double)s->stats.n_copies / runs);
    if (s->stats.n_bad_out > 0)
        printf("  not finite           %" PRIu64 " output values\n", s->stats.n_bad_out);
}

void model_print_text(const session *s, bool agrees)
{
    const weir_model_info *m = &s->info;
    char size[32], warm[32];

    cli_headline("model");
    printf("  file                 %s, %s\n", s->path,
           cli_bytes((double)m->file_bytes, size, sizeof size));
    printf("  backend              %s\n", m->backend);
    if (m->n_parameters >= 0)
        printf("  parameters           %" PRId64 "\n", m->n_parameters);
    else
        printf("  parameters           unknown\n");
    if (m->warm_up_s > 0)
        printf("  warm-up              %s\n",
               cli_seconds(m->warm_up_s, warm, sizeof warm));
    if (m->block_rows > 0)
        printf("  row blocks           %" PRId64 "\n", m->block_rows);
    if (m->writes_inputs)
        printf(
            "  note                 it writes into its inputs: Weir hands it copies\n");
    print_ios("inputs", m->in, m->n_in);
    print_ios("outputs", m->out, m->n_out);
    if (s->was_checked)
        print_check(s, agrees);
    if (s->was_timed)
        print_time(s);
}

static void json_ios(json *j, const char *key, const weir_io *io, int n)
{
    json_open(j, key, '[');
    for (int i = 0; i < n; i++) {
        json_open(j, NULL, '{');
        json_text(j, "name", io[i].name);
        json_text(j, "dtype", weir_dtype_name(io[i].dtype));
        json_bool(j, "rank_known", io[i].rank >= 0);
        json_open(j, "shape", '['); /* -1 is free */
        for (int d = 0; d < io[i].rank; d++)
            json_int(j, NULL, io[i].shape[d]);
        json_close(j, ']');
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_check(json *j, const session *s, bool agrees)
{
    json_open(j, "check", '{');
    json_bool(j, "ok", agrees);
    json_real(j, "rtol", s->rtol);
    json_real(j, "atol", s->atol);
    json_open(j, "outputs", '[');
    for (int i = 0; i < s->info.n_out; i++) {
        const comparison *c = &s->check[i];
        json_open(j, NULL, '{');
        json_text(j, "name", s->info.out[i].name);
        json_int(j, "values", (int64_t)c->n);
        json_int(j, "beyond", (int64_t)c->n_beyond);
        json_real(j, "largest_difference", c->worst_abs);
        json_real(j, "largest_relative", c->worst_rel);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void json_time(json *j, const session *s)
{
    const weir_meter_stats *t = &s->time;
    json_open(j, "timed", '{');
    json_int(j, "rows", s->rows);
    json_int(j, "runs", (int64_t)t->n);
    json_real(j, "median_s", t->median);
    json_real(j, "p05_s", t->p05);
    json_real(j, "p95_s", t->p95);
    json_real(j, "min_s", t->min);
    json_real(j, "max_s", t->max);
    json_real(j, "rows_per_second",
              t->median > 0 ? (double)s->rows / t->median : (double)NAN);
    json_int(j, "copies", (int64_t)s->stats.n_copies);
    json_int(j, "not_finite", (int64_t)s->stats.n_bad_out);
    json_close(j, '}');
}

void model_print_json(const session *s, bool agrees)
{
    const weir_model_info *m = &s->info;
    json j = {.f = stdout};

    json_open(&j, NULL, '{');
    json_text(&j, "file", s->path);
    json_int(&j, "file_bytes", (int64_t)m->file_bytes);
    json_text(&j, "backend", m->backend);
    json_int(&j, "parameters", m->n_parameters);
    json_real(&j, "warm_up_s", m->warm_up_s);
    json_int(&j, "block_rows", m->block_rows);
    json_bool(&j, "writes_inputs", m->writes_inputs);
    json_ios(&j, "inputs", m->in, m->n_in);
    json_ios(&j, "outputs", m->out, m->n_out);
    if (s->was_checked)
        json_check(&j, s, agrees);
    if (s->was_timed)
        json_time(&j, s);
    json_close(&j, '}');
}
