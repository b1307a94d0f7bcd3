/* SPDX-License-Identifier: BSD-3-Clause */
/* The trace in Chrome's format: complete events, sorted by their start, so that viewers nest them. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "meter/output.h"

/* By start; of two that start together the longer one is outside. */
static int by_start(const void *a, const void *b)
{
    const wr_span *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->ticks < y->ticks) - (x->ticks > y->ticks);
}

/* Microseconds with three digits behind the point, without rounding of large numbers. */
static void micro(wr_text *t, int64_t ns)
{
    wr_text_printf(t, "%s%" PRId64 ".%03d", ns < 0 ? "-" : "",
                   ns < 0 ? -(ns / 1000) : ns / 1000,
                   (int)(ns < 0 ? -(ns % 1000) : ns % 1000));
}

static void event(wr_text *t, const weir_meter *m, const wr_span *s, int64_t born_ns)
{
    int64_t begin = wr_ticker_to_ns(&m->clock, s->start);
    int64_t end = wr_ticker_to_ns(&m->clock, s->start + s->ticks);
    wr_text_printf(t, "  {\"name\": ");
    wr_json_string(t, m->key[s->key]->name);
    wr_text_printf(t, ", \"cat\": \"weir\", \"ph\": \"X\", \"ts\": ");
    micro(t, begin - born_ns);
    wr_text_printf(t, ", \"dur\": ");
    micro(t, end - begin);
    wr_text_printf(t, ", \"pid\": %d, \"tid\": %d", m->opt.rank, s->thread);
    if (s->parent != WR_NONE) {
        wr_text_printf(t, ", \"args\": {\"parent\": ");
        wr_json_string(t, m->key[s->parent]->name);
        wr_text_printf(t, "}");
    }
    wr_text_printf(t, "}");
}

weir_status wr_write_trace(wr_text *t, const void *meter, weir_error *err)
{
    const weir_meter *m = meter;
    int64_t born_ns = wr_ticker_to_ns(&m->clock, m->born);
    uint64_t n = m->n_spans < m->span_max ? m->n_spans : m->span_max;
    wr_span *sorted = wr_alloc((size_t)n * sizeof *sorted);
    if (sorted == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM,
                         "meter trace: no memory to sort %" PRIu64 " regions", n);
    if (n > 0) {
        memcpy(sorted, m->span, (size_t)n * sizeof *sorted);
        qsort(sorted, (size_t)n, sizeof *sorted, by_start);
    }
    wr_text_printf(
        t,
        "{\"displayTimeUnit\": \"ns\",\n \"otherData\": {\"producer\": \"weir %s\", "
        "\"dropped\": \"%" PRIu64 "\", \"open\": \"%d\"},\n \"traceEvents\": [\n"
        "  {\"name\": \"process_name\", \"ph\": \"M\", \"pid\": %d, \"args\": "
        "{\"name\": \"rank %d\"}}",
        weir_version(), m->n_spans - n, m->n_open, m->opt.rank, m->opt.rank);
    for (uint64_t i = 0; i < n; i++) {
        wr_text_printf(t, ",\n");
        event(t, m, &sorted[i], born_ns);
    }
    wr_text_printf(t, "]}\n");
    wr_free(sorted);
    return WEIR_OK;
}
