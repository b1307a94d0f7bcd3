/* SPDX-License-Identifier: BSD-3-Clause */
/* A meter as text, CSV and JSON. */
#include <inttypes.h>

#include "meter/output.h"

// clang-format off: the numbers of weir_meter_stats in the order of CSV's columns and JSON's members.
#define STATS_MAP(X)                                                                     \
    X(sum)                                                                               \
    X(min)                                                                               \
    X(mean)                                                                              \
    X(median)                                                                            \
    X(max) X(stdev) X(p05) X(p95) X(p99) X(first) X(mean_rest) X(ci95_low) X(ci95_high)
// clang-format on

/* The meter is only settled by reading: const for callers' sake. */
static weir_status read_key(const weir_meter *m, int key, weir_meter_stats *s,
                            weir_error *err)
{
    wr_meter_key *k = m->key[key];
    return wr_series_stats(&k->series, k->name, s, err);
}

/* Deep500's print_all_time_stats. */
static weir_status write_text(wr_text *t, const void *what, weir_error *err)
{
    const weir_meter *m = what;
    for (int i = 0; i < m->n_keys; i++) {
        weir_meter_stats s;
        weir_status st = read_key(m, i, &s, err);
        if (st != WEIR_OK)
            return st;
        if (s.n > 0)
            wr_text_printf(
                t, "%s\nmin: %.5f mean: %.5f median: %.5f max: %.5f stdev: %.5f\n",
                m->key[i]->name, s.min, s.mean, s.median, s.max, s.stdev);
    }
    wr_text_printf(t, "---\n");
    return WEIR_OK;
}

static weir_status write_csv(wr_text *t, const void *what, weir_error *err)
{
    const weir_meter *m = what;
#define X(name) "," #name
    wr_text_printf(t, "rank,thread,name,kind,unit,n,open" STATS_MAP(
                          X) ",skipped,kept,dropped,exact\n");
#undef X
    for (int i = 0; i < m->n_keys; i++) {
        const wr_meter_key *k = m->key[i];
        weir_meter_stats s;
        weir_status st = read_key(m, i, &s, err);
        if (st != WEIR_OK)
            return st;
        if (s.n == 0 && k->state != WR_KEY_OPEN)
            continue;
        wr_text_printf(t, "%d,%d,", m->opt.rank, m->opt.thread);
        wr_csv_string(t, k->name);
        wr_text_printf(t, ",%s,", wr_meter_kind_name(k->kind));
        wr_csv_string(t, k->unit);
        wr_text_printf(t, ",%" PRIu64 ",%d", s.n, k->state == WR_KEY_OPEN);
#define X(name)                                                                          \
    wr_text_add(t, ",", 1);                                                              \
    wr_csv_number(t, s.name);
        STATS_MAP(X)
#undef X
        wr_text_printf(t, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%d\n", s.n_skipped,
                       s.n_kept, s.n_dropped, s.exact);
    }
    return WEIR_OK;
}

/* Ten bins from the smallest to the largest value, as numpy.histogram. */
static void json_bins(wr_text *t, wr_series *series, const weir_meter_stats *s)
{
    enum { N = 10 };
    double edge[N + 1];
    uint64_t count[N];
    bool is_point = s->min == s->max;
    double low = is_point ? s->min - 0.5 : s->min,
           high = is_point ? s->max + 0.5 : s->max;
    for (int i = 0; i <= N; i++) {
        edge[i] = i == N ? high : low + (high - low) * (i / (double)N);
        if (i > 0 && !(edge[i] > edge[i - 1]))
            return; /* too near to each other, or too far apart, for ten bins */
    }
    wr_series_bins(series, edge, N + 1, count);
    wr_text_printf(t, ",\n     \"edges\": [");
    for (int i = 0; i <= N; i++) {
        wr_text_printf(t, i == 0 ? "" : ", ");
        wr_json_number(t, edge[i]);
    }
    wr_text_printf(t, "], \"counts\": [");
    for (int i = 0; i < N; i++)
        wr_text_printf(t, "%s%" PRIu64, i == 0 ? "" : ", ", count[i]);
    wr_text_printf(t, "]");
}

static weir_status json_key(wr_text *t, const weir_meter *m, int key, weir_error *err)
{
    wr_meter_key *k = m->key[key];
    weir_meter_stats s;
    weir_status st = read_key(m, key, &s, err);
    if (st != WEIR_OK)
        return st;
    wr_text_printf(t, "    {\"name\": ");
    wr_json_string(t, k->name);
    wr_text_printf(t, ", \"kind\": \"%s\", \"unit\": ", wr_meter_kind_name(k->kind));
    wr_json_string(t, k->unit);
    wr_text_printf(t, ", \"description\": ");
    wr_json_string(t, k->description);
    wr_text_printf(t, ",\n     \"open\": %s, \"n\": %" PRIu64,
                   k->state == WR_KEY_OPEN ? "true" : "false", s.n);
#define X(name)                                                                          \
    wr_text_printf(t, ", \"" #name "\": ");                                              \
    wr_json_number(t, s.name);
    STATS_MAP(X)
#undef X
    wr_text_printf(t,
                   ",\n     \"skipped\": %" PRIu64 ", \"kept\": %" PRIu64
                   ", \"dropped\": %" PRIu64 ", \"exact\": %s",
                   s.n_skipped, s.n_kept, s.n_dropped, s.exact ? "true" : "false");
    if (k->kind == WEIR_METER_HISTOGRAM && s.n > 0)
        json_bins(t, &k->series, &s);
    wr_text_printf(t, "}");
    return WEIR_OK;
}

static void json_tree(wr_text *t, const weir_meter *m)
{
    for (int i = 0; i < m->n_nodes; i++) {
        const weir_meter_node *node = &m->node[i].is;
        wr_text_printf(t, "%s\n    {\"name\": ", i == 0 ? "" : ",");
        wr_json_string(t, m->key[node->key]->name);
        wr_text_printf(t, ", \"parent\": %d, \"n\": %" PRIu64 ", \"seconds\": ",
                       node->parent, node->n);
        wr_json_number(t, node->seconds);
        wr_text_printf(t, "}");
    }
}

/* Keys without values stay out, unless they are open: an empty meter is an empty list. */
static weir_status write_json(wr_text *t, const void *what, weir_error *err)
{
    const weir_meter *m = what;
    const char *comma = "\n";
    wr_text_printf(
        t,
        "{\"format\": \"weir-meter\", \"version\": 1, \"rank\": %d, \"thread\": %d,\n"
        " \"mode\": \"%s\", \"clock\": \"%s\", \"skip_first\": %" PRIu64
        ", \"refused\": %" PRIu64 ", \"open\": %d, \"placeless\": %" PRIu64 ",\n"
        " \"keys\": [",
        m->opt.rank, m->opt.thread, m->opt.mode == WEIR_METER_STREAM ? "stream" : "full",
        m->clock.is_cycles ? "cycles" : "monotonic", m->opt.skip_first, m->n_refused,
        m->n_open, m->n_placeless);
    for (int i = 0; i < m->n_keys; i++) {
        wr_meter_key *k = m->key[i];
        if (wr_series_n(&k->series) == 0 && k->state != WR_KEY_OPEN)
            continue;
        wr_text_printf(t, "%s", comma);
        comma = ",\n";
        weir_status st = json_key(t, m, i, err);
        if (st != WEIR_OK)
            return st;
    }
    wr_text_printf(t, "],\n \"tree\": [");
    json_tree(t, m);
    wr_text_printf(t, "]}\n");
    return WEIR_OK;
}

static weir_status writer_of(weir_meter *m, weir_meter_format format, wr_writer *out,
                             weir_error *err)
{
    static const wr_writer writer[WEIR_METER_FORMAT_COUNT] = {
        [WEIR_METER_TEXT] = write_text,
        [WEIR_METER_CSV] = write_csv,
        [WEIR_METER_JSON] = write_json,
        [WEIR_METER_TRACE] = wr_write_trace,
    };
    if (m == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "meter output: the meter is null");
    if ((int)format < 0 || format >= WEIR_METER_FORMAT_COUNT)
        return weir_fail(err, WEIR_ERR_ARG, "meter output: format %d is none of 0 .. %d",
                         (int)format, WEIR_METER_FORMAT_COUNT - 1);
    *out = writer[format];
    return WEIR_OK;
}

weir_status weir_meter_print(weir_meter *m, weir_meter_format format, char **out,
                             size_t *n, weir_error *err)
{
    wr_writer write = NULL;
    weir_status st = writer_of(m, format, &write, err);
    if (st != WEIR_OK)
        return st;
    if (out == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter output: no place for the text (out is null)");
    return wr_output_text(write, m, out, n, err);
}

weir_status weir_meter_write(weir_meter *m, weir_meter_format format, weir_str path,
                             weir_error *err)
{
    wr_writer write = NULL;
    weir_status st = writer_of(m, format, &write, err);
    return st == WEIR_OK ? wr_output_file(write, m, path, err) : st;
}
