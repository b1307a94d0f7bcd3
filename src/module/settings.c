/* SPDX-License-Identifier: BSD-3-Clause */
/* Load-time arguments. */
#include "module/settings.h"

static const struct {
    const char *name;
    int64_t low, high, unset;
} numbers[] = {
    {"THREADS", 0, 4096, 0},
    {"OVERSUBSCRIBE", 0, 1, 0},
    {"WORKERS", 1, WR_WORKERS_MAX, 4},
    {"INLINE_US", 0, 1000000, 50},
    {"OFFLOAD_BYTES", 0, INT64_MAX, 256 << 10},
    {"MODEL_CHUNK_SIZE", 1, INT64_C(512) << 20, 535822336},
    {"MODEL_MAX_BYTES", 0, INT64_MAX, 0},
    {"MODEL_EXECUTION_TIMEOUT", 0, INT64_MAX / 1000000, 0},
};
enum { N_NUMBERS = sizeof numbers / sizeof *numbers };

static weir_status set_pair(int64_t *value, settings *s, weir_str name, weir_str word,
                            weir_error *err)
{
    if (wr_word_is(name, "BACKENDSPATH")) {
        s->backend_path = word;
        return WEIR_OK;
    }
    if (wr_word_is(name, "PROBE")) {
        s->probe = word;
        return WEIR_OK;
    }
    for (size_t i = 0; i < N_NUMBERS; i++) {
        if (!wr_word_is(name, numbers[i].name))
            continue;
        if (wr_word_int(word, &value[i]) && value[i] >= numbers[i].low &&
            value[i] <= numbers[i].high)
            return WEIR_OK;
        return weir_fail(err, WEIR_ERR_ARG,
                         "argument %s is '%.*s', expected %lld to %lld", numbers[i].name,
                         WR_NAME(word), (long long)numbers[i].low,
                         (long long)numbers[i].high);
    }
    return weir_fail(err, WEIR_ERR_ARG, "there is no argument '%.*s'", WR_NAME(name));
}

weir_status settings_parse(settings *out, host_str **argv, int argc, weir_error *err)
{
    int64_t value[N_NUMBERS];
    *out = (settings){0};
    for (size_t i = 0; i < N_NUMBERS; i++)
        value[i] = numbers[i].unset;
    if (argc % 2 != 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "%d arguments: they are pairs of a name and a value", argc);
    for (int i = 0; i < argc; i += 2) {
        weir_status st =
            set_pair(value, out, host_text(argv[i]), host_text(argv[i + 1]), err);
        if (st != WEIR_OK)
            return st;
    }
    out->threads = (int)value[0];
    out->oversubscribe = value[1] != 0;
    out->workers = (int)value[2];
    out->inline_ns = value[3] * 1000;
    out->offload_bytes = (size_t)value[4];
    out->chunk_bytes = (size_t)value[5];
    out->model_max_bytes = (size_t)value[6];
    out->run_max_ms = value[7];
    return WEIR_OK;
}
