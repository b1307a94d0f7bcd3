/* SPDX-License-Identifier: BSD-3-Clause */
/* The codec's tables, and members of structs as words. */
#include "wire/form.h"

#include <stdio.h>
#include <stdlib.h>

const wr_form wr_forms[WR_CMD_COUNT] = {
#define X(name, word, reply, ...) [WR_CMD_##name] = {word, reply, {__VA_ARGS__}},
    WR_WIRE_MAP(X)
#undef X
};

#define OPTION(name, type, member)                                                       \
    {                                                                                    \
        name, WR_LABEL_##type, offsetof(weir_model_options, member), 0                   \
    }
#define OPTION_NAMES(name, member)                                                       \
    {                                                                                    \
        name, WR_LABEL_NAMES, offsetof(weir_model_options, member),                      \
            offsetof(weir_model_options, n_##member)                                     \
    }
const wr_label wr_option_labels[] = {
    OPTION("BACKEND", STR, backend),
    OPTION("DEVICE", DEVICE, device),
    OPTION("TAG", STR, tag),
    OPTION("VERSION", I64, version),
    OPTION("BATCH_MAX", I64, batch_max),
    OPTION("BATCH_MIN", I64, batch_min),
    OPTION("BATCH_WAIT_MS", I64, batch_wait_ms),
    OPTION("THREADS", INT, threads),
    OPTION("ROWS_DEPENDENT", BOOL, rows_dependent),
    OPTION("DETERMINISTIC", BOOL, deterministic),
    OPTION("NO_WARM_UP", BOOL, no_warm_up),
    OPTION("BLOCK_ROWS", I64, block_rows),
    OPTION("GUARD_INPUT", GUARD, input),
    OPTION("GUARD_OUTPUT", GUARD, output),
    OPTION_NAMES("INPUT", inputs),
    OPTION_NAMES("OUTPUT", outputs),
    OPTION_NAMES("FUNCTION", functions),
    {0},
};

#define INFO(name, type, member)                                                         \
    {                                                                                    \
        name, WR_LABEL_##type, offsetof(weir_model_info, member),                        \
            sizeof(((weir_model_info *)NULL)->member)                                    \
    }
#define INFO_IO(name, member)                                                            \
    {                                                                                    \
        name, WR_LABEL_IO, offsetof(weir_model_info, member),                            \
            offsetof(weir_model_info, n_##member)                                        \
    }
const wr_label wr_info_labels[] = {
    INFO("backend", TEXT, backend),
    INFO("tag", TEXT, tag),
    INFO("device", DEVICE, device),
    INFO("version", I64, version),
    INFO("is_script", BOOL, is_script),
    INFO_IO("inputs", in),
    INFO_IO("outputs", out),
    INFO("file_bytes", SIZE, file_bytes),
    INFO("n_parameters", I64, n_parameters),
    INFO("writes_inputs", BOOL, writes_inputs),
    INFO("block_rows", I64, block_rows),
    INFO("warm_up_s", DOUBLE, warm_up_s),
    {0},
};

#define STAT(type, member)                                                               \
    {                                                                                    \
#member, WR_LABEL_##type, offsetof(weir_model_stats, member), 0                  \
    }
const wr_label wr_stats_labels[] = {
    STAT(U64, n_calls),      STAT(U64, n_errors),   STAT(U64, n_rows),
    STAT(U64, n_runs),       STAT(U64, n_gathered), STAT(U64, n_inline),
    STAT(BINS, batch),       STAT(DOUBLE, queue_s), STAT(DOUBLE, run_s),
    STAT(DOUBLE, run_max_s), STAT(U64, n_copies),   STAT(U64, copied_bytes),
    STAT(U64, in_bytes),     STAT(U64, out_bytes),  STAT(U64, n_bad_in),
    STAT(U64, n_bad_out),    STAT(U64, n_timeouts), {0},
};

const wr_label *wr_label_find(const wr_label *table, weir_str name)
{
    for (; table->name != NULL; table++) {
        if (wr_word_is(name, table->name))
            return table;
    }
    return NULL;
}

static const void *member(const wr_label *l, const void *object)
{
    return (const char *)object + l->at;
}

void wr_label_print(wr_text *out, const wr_label *l, const void *object)
{
    const void *m = member(l, object);
    char text[32];
    switch (l->type) {
    case WR_LABEL_I64:
        wr_text_printf(out, "%lld", (long long)*(const int64_t *)m);
        break;
    case WR_LABEL_U64:
        wr_text_printf(out, "%llu", (unsigned long long)*(const uint64_t *)m);
        break;
    case WR_LABEL_SIZE:
        wr_text_printf(out, "%zu", *(const size_t *)m);
        break;
    case WR_LABEL_INT:
        wr_text_printf(out, "%d", *(const int *)m);
        break;
    case WR_LABEL_BOOL:
        wr_text_printf(out, "%d", *(const bool *)m);
        break;
    case WR_LABEL_DOUBLE:
        wr_text_printf(out, "%.17g", *(const double *)m);
        break;
    case WR_LABEL_STR:
        wr_text_add(out, ((const weir_str *)m)->p, ((const weir_str *)m)->n);
        break;
    case WR_LABEL_TEXT:
        wr_text_printf(out, "%s", (const char *)m);
        break;
    case WR_LABEL_DEVICE:
        wr_text_printf(out, "%s",
                       wr_device_word(*(const weir_device *)m, text, sizeof text));
        break;
    case WR_LABEL_GUARD: {
        const weir_guard *g = m;
        wr_text_printf(out, "%d %d %.17g %.17g %.17g", (int)g->mode, g->ranged, g->low,
                       g->high, g->fallback);
        break;
    }
    case WR_LABEL_NAMES:
    case WR_LABEL_IO:
    case WR_LABEL_BINS:
        break;
    }
}

/* A word as NUL-terminated text for strtod; false when it is too long to be a number. */
static bool short_text(weir_str word, char *buf, size_t n)
{
    if (word.n == 0 || word.n >= n || memchr(word.p, '\0', word.n) != NULL)
        return false;
    memcpy(buf, word.p, word.n);
    buf[word.n] = '\0';
    return true;
}

static bool parse_guard(weir_guard *g, weir_str word)
{
    char text[160], *at = text, *end;
    double v[5];
    if (!short_text(word, text, sizeof text))
        return false;
    for (int i = 0; i < 5; i++, at = end) {
        v[i] = strtod(at, &end);
        if (end == at)
            return false;
    }
    if (*at != '\0' || !(v[0] >= 0 && v[0] <= WEIR_GUARD_FALLBACK))
        return false;
    *g = (weir_guard){.mode = (weir_guard_mode)(int)v[0],
                      .ranged = v[1] != 0,
                      .low = v[2],
                      .high = v[3],
                      .fallback = v[4]};
    return true;
}

static bool parse_double(double *out, weir_str word)
{
    char text[64], *end;
    if (!short_text(word, text, sizeof text))
        return false;
    double v = strtod(text, &end);
    if (*end != '\0')
        return false;
    *out = v;
    return true;
}

static bool parse_number(const wr_label *l, void *m, weir_str word)
{
    int64_t v;
    if (!wr_word_int(word, &v))
        return false;
    switch (l->type) {
    case WR_LABEL_I64:
        *(int64_t *)m = v;
        return true;
    case WR_LABEL_U64:
        *(uint64_t *)m = (uint64_t)v;
        return v >= 0;
    case WR_LABEL_SIZE:
        *(size_t *)m = (size_t)v;
        return v >= 0;
    case WR_LABEL_INT:
        *(int *)m = (int)v;
        return v >= INT32_MIN && v <= INT32_MAX;
    default:
        *(bool *)m = v != 0;
        return v == 0 || v == 1;
    }
}

bool wr_label_parse(const wr_label *l, void *object, weir_str word)
{
    void *m = (char *)object + l->at;
    switch (l->type) {
    case WR_LABEL_DOUBLE:
        return parse_double(m, word);
    case WR_LABEL_STR:
        *(weir_str *)m = word;
        return true;
    case WR_LABEL_TEXT: {
        size_t n = word.n < l->count ? word.n : l->count - 1;
        memcpy(m, word.p, n);
        ((char *)m)[n] = '\0';
        return true;
    }
    case WR_LABEL_DEVICE:
        return wr_word_device(word, m);
    case WR_LABEL_GUARD:
        return parse_guard(m, word);
    case WR_LABEL_NAMES:
    case WR_LABEL_IO:
    case WR_LABEL_BINS:
        return false;
    default:
        return parse_number(l, m, word);
    }
}

bool wr_label_is_zero(const wr_label *l, const void *object)
{
    const void *m = member(l, object);
    switch (l->type) {
    case WR_LABEL_I64:
    case WR_LABEL_U64:
        return *(const int64_t *)m == 0;
    case WR_LABEL_INT:
        return *(const int *)m == 0;
    case WR_LABEL_BOOL:
        return !*(const bool *)m;
    case WR_LABEL_STR:
        return ((const weir_str *)m)->n == 0;
    case WR_LABEL_DEVICE:
        return ((const weir_device *)m)->kind == 0;
    case WR_LABEL_GUARD:
        return ((const weir_guard *)m)->mode == WEIR_GUARD_COUNT &&
               !((const weir_guard *)m)->ranged;
    default:
        return false;
    }
}

/* ---- how a poll compares ---- */

static const char *const compares[] = {
    [WEIR_EQ] = "EQ", [WEIR_GE] = "GE", [WEIR_LE] = "LE"};

const char *wr_compare_word(const wr_req *req)
{
    return req->by_length ? compares[req->how] : "ANY";
}

bool wr_word_compare(weir_str word, wr_req *req)
{
    req->by_length = !wr_word_is(word, "ANY");
    for (int i = WEIR_EQ; i <= WEIR_LE; i++) {
        if (wr_word_is(word, compares[i])) {
            req->how = (weir_compare)i;
            return true;
        }
    }
    return !req->by_length;
}
