/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading and writing the joined statistics of ranks. */
#include "meter/summary.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "meter/output.h"

weir_meter_summary *wr_summary_new(size_t n, int n_ranks, bool by_rank)
{
    size_t n_cells = 0;
    weir_meter_summary *s = wr_calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->n = n;
    s->n_ranks = n_ranks;
    s->total = wr_calloc(n, sizeof *s->total);
    bool fits = wr_mul(n, (size_t)n_ranks, &n_cells);
    if (by_rank && fits)
        s->by_rank = wr_calloc(n_cells, sizeof *s->by_rank);
    if (s->total == NULL || (by_rank && s->by_rank == NULL)) {
        weir_meter_summary_free(s);
        return NULL;
    }
    return s;
}

void weir_meter_summary_free(weir_meter_summary *s)
{
    if (s == NULL)
        return;
    wr_free(s->total);
    wr_free(s->by_rank);
    wr_free(s);
}

size_t weir_meter_summary_n(const weir_meter_summary *s)
{
    return s == NULL ? 0 : s->n;
}

int weir_meter_summary_ranks(const weir_meter_summary *s)
{
    return s == NULL ? 0 : s->n_ranks;
}

const weir_meter_total *weir_meter_summary_at(const weir_meter_summary *s, size_t i)
{
    return s == NULL || i >= s->n ? NULL : &s->total[i];
}

const double *weir_meter_summary_by_rank(const weir_meter_summary *s, size_t i)
{
    if (s == NULL || i >= s->n || s->by_rank == NULL)
        return NULL;
    return s->by_rank + i * (size_t)s->n_ranks;
}

// clang-format off: the numbers of weir_meter_total in the order of CSV's columns and JSON's members.
#define TOTAL_MAP(X)                                                                     \
    X(sum)                                                                               \
    X(sum_min)                                                                           \
    X(sum_mean) X(sum_max) X(imbalance) X(mean_min) X(mean_mean) X(mean_max) X(min) X(max)
// clang-format on

static weir_status write_table(wr_text *t, const void *what, weir_error *err)
{
    const weir_meter_summary *s = what;
    int width = 4;
    (void)err;
    for (size_t i = 0; i < s->n; i++) {
        int n = (int)strlen(s->total[i].name);
        width = n > width ? n : width;
    }
    wr_text_printf(t, "%d %s\n%-*s %6s %12s %12s %12s %12s %9s %8s %12s  unit\n",
                   s->n_ranks, s->n_ranks == 1 ? "rank" : "ranks", width, "name", "ranks",
                   "n", "sum min", "sum mean", "sum max", "imbalance", "on rank", "mean");
    for (size_t i = 0; i < s->n; i++) {
        const weir_meter_total *k = &s->total[i];
        wr_text_printf(
            t, "%-*s %6d %12" PRIu64 " %12.6g %12.6g %12.6g %9.3f %8d %12.6g  %s\n",
            width, k->name, k->n_ranks, k->n, k->sum_min, k->sum_mean, k->sum_max,
            k->imbalance, k->rank_max, k->sum / (double)k->n, k->unit);
    }
    return WEIR_OK;
}

static weir_status write_csv(wr_text *t, const void *what, weir_error *err)
{
    const weir_meter_summary *s = what;
    (void)err;
#define X(name) "," #name
    wr_text_printf(t, "name,kind,unit,ranks,n" TOTAL_MAP(X) ",rank_min,rank_max\n");
#undef X
    for (size_t i = 0; i < s->n; i++) {
        const weir_meter_total *k = &s->total[i];
        wr_csv_string(t, k->name);
        wr_text_printf(t, ",%s,", wr_meter_kind_name(k->kind));
        wr_csv_string(t, k->unit);
        wr_text_printf(t, ",%d,%" PRIu64, k->n_ranks, k->n);
#define X(name)                                                                          \
    wr_text_add(t, ",", 1);                                                              \
    wr_csv_number(t, k->name);
        TOTAL_MAP(X)
#undef X
        wr_text_printf(t, ",%d,%d\n", k->rank_min, k->rank_max);
    }
    return WEIR_OK;
}

static void json_by_rank(wr_text *t, const weir_meter_summary *s, size_t i)
{
    const double *by_rank = weir_meter_summary_by_rank(s, i);
    if (by_rank == NULL)
        return;
    wr_text_printf(t, ",\n   \"by_rank\": [");
    for (int r = 0; r < s->n_ranks; r++) {
        wr_text_printf(t, r == 0 ? "" : ", ");
        wr_json_number(t, by_rank[r]);
    }
    wr_text_printf(t, "]");
}

static weir_status write_json(wr_text *t, const void *what, weir_error *err)
{
    const weir_meter_summary *s = what;
    (void)err;
    wr_text_printf(t,
                   "{\"format\": \"weir-meter-summary\", \"version\": 1, \"ranks\": "
                   "%d,\n \"keys\": [",
                   s->n_ranks);
    for (size_t i = 0; i < s->n; i++) {
        const weir_meter_total *k = &s->total[i];
        wr_text_printf(t, "%s\n  {\"name\": ", i == 0 ? "" : ",");
        wr_json_string(t, k->name);
        wr_text_printf(t, ", \"kind\": \"%s\", \"unit\": ", wr_meter_kind_name(k->kind));
        wr_json_string(t, k->unit);
        wr_text_printf(t, ", \"ranks\": %d, \"n\": %" PRIu64, k->n_ranks, k->n);
#define X(name)                                                                          \
    wr_text_printf(t, ", \"" #name "\": ");                                              \
    wr_json_number(t, k->name);
        TOTAL_MAP(X)
#undef X
        wr_text_printf(t, ", \"rank_min\": %d, \"rank_max\": %d", k->rank_min,
                       k->rank_max);
        json_by_rank(t, s, i);
        wr_text_printf(t, "}");
    }
    wr_text_printf(t, "]}\n");
    return WEIR_OK;
}

static weir_status writer_of(const weir_meter_summary *s, weir_meter_format format,
                             wr_writer *out, weir_error *err)
{
    static const wr_writer writer[WEIR_METER_FORMAT_COUNT] = {
        [WEIR_METER_TEXT] = write_table,
        [WEIR_METER_CSV] = write_csv,
        [WEIR_METER_JSON] = write_json,
    };
    if (s == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "meter summary: the summary is null");
    if ((int)format < 0 || format >= WEIR_METER_FORMAT_COUNT)
        return weir_fail(err, WEIR_ERR_ARG, "meter summary: format %d is none of 0 .. %d",
                         (int)format, WEIR_METER_FORMAT_COUNT - 1);
    if (writer[format] == NULL)
        return weir_fail(
            err, WEIR_ERR_UNSUPPORTED,
            "meter summary: it holds totals, no regions, so there is no trace of it; "
            "write each rank's meter as a trace");
    *out = writer[format];
    return WEIR_OK;
}

weir_status weir_meter_summary_print(const weir_meter_summary *s,
                                     weir_meter_format format, char **out, size_t *n,
                                     weir_error *err)
{
    wr_writer write = NULL;
    weir_status st = writer_of(s, format, &write, err);
    if (st != WEIR_OK)
        return st;
    if (out == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter summary: no place for the text (out is null)");
    return wr_output_text(write, s, out, n, err);
}

weir_status weir_meter_summary_write(const weir_meter_summary *s,
                                     weir_meter_format format, weir_str path,
                                     weir_error *err)
{
    wr_writer write = NULL;
    weir_status st = writer_of(s, format, &write, err);
    return st == WEIR_OK ? wr_output_file(write, s, path, err) : st;
}
