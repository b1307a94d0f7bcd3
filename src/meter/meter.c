/* SPDX-License-Identifier: BSD-3-Clause */
/* Making meters and their keys, and reading what they hold. */
#include "meter/meter.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/text.h"

/* The caller's options, or fewer of them if it was built with an older header. */
static weir_status read_options(const weir_meter_options *given, weir_meter_options *opt,
                                weir_error *err)
{
    static const weir_meter_options zero;
    if (given == NULL)
        return WEIR_OK;
    if (given->struct_bytes == 0 && memcmp(given, &zero, sizeof zero) != 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter options: struct_bytes is 0 though others are set: write "
                         ".struct_bytes = sizeof(weir_meter_options)");
    if (given->struct_bytes > sizeof *given)
        return weir_fail(
            err, WEIR_ERR_ARG,
            "meter options: %zu bytes, this library knows %zu; it is older than the "
            "header",
            given->struct_bytes, sizeof *given);
    memcpy(opt, given, given->struct_bytes);
    return WEIR_OK;
}

static weir_status check_options(const weir_meter_options *opt, weir_error *err)
{
    if ((int)opt->mode < 0 || opt->mode > WEIR_METER_STREAM)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter: mode %d is neither FULL (%d) nor STREAM (%d)",
                         (int)opt->mode, WEIR_METER_FULL, WEIR_METER_STREAM);
    if ((int)opt->clock < 0 || opt->clock > WEIR_METER_CLOCK_CYCLES)
        return weir_fail(err, WEIR_ERR_ARG, "meter: clock %d is none of 0 .. %d",
                         (int)opt->clock, WEIR_METER_CLOCK_CYCLES);
    if (opt->samples_max > SIZE_MAX / sizeof(double))
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter: samples_max %zu is more than memory can hold",
                         opt->samples_max);
    if (opt->trace_max > SIZE_MAX / sizeof(wr_span))
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter: trace_max %zu is more than memory can hold",
                         opt->trace_max);
    return WEIR_OK;
}

static weir_status add_builtin_keys(weir_meter *m, weir_error *err)
{
    static const struct {
        const char *name, *text;
    } builtin[] = {
#define X(name, text) {#name, text},
        WEIR_METER_MAP(X)
#undef X
    };
    weir_status st = WEIR_OK;
    for (int i = 0; i < WEIR_METER_BUILTIN_COUNT && st == WEIR_OK; i++) {
        int key;
        st = weir_meter_key(m, WEIR_METER_TIMER, weir_cstr(builtin[i].name),
                            WEIR_STR("s"), weir_cstr(builtin[i].text), &key, err);
    }
    return st;
}

weir_status weir_meter_new(weir_meter **out, const weir_meter_options *opt,
                           weir_error *err)
{
    weir_meter *m = NULL;
    weir_meter_options o = {0};
    if (out == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter: no place for the result (out is null)");
    weir_status st = read_options(opt, &o, err);
    if (st == WEIR_OK)
        st = check_options(&o, err);
    if (st != WEIR_OK)
        goto out;
    o.samples_max = o.mode == WEIR_METER_STREAM ? 0
                    : o.samples_max == 0        ? WR_SAMPLES_MAX
                                                : o.samples_max;
    o.trace_max = o.trace_max == 0 ? WR_TRACE_MAX : o.trace_max;

    m = wr_calloc(1, sizeof *m);
    if (m == NULL) {
        st = weir_fail(err, WEIR_ERR_NOMEM, "meter: no memory for %zu bytes", sizeof *m);
        goto out;
    }
    m->opt = o;
    m->top = m->roots = WR_NONE;
    st = wr_ticker_open(o.clock, &m->clock, err);
    if (st != WEIR_OK)
        goto out;
    m->born = wr_ticks(m->clock.is_cycles);
    if (o.trace) {
        m->span_max = o.trace_max;
        m->span = wr_alloc(m->span_max * sizeof *m->span);
        if (m->span == NULL) {
            st = weir_fail(
                err, WEIR_ERR_NOMEM,
                "meter: no memory for a trace of %zu regions (%zu bytes); lower "
                "trace_max",
                m->span_max, m->span_max * sizeof *m->span);
            goto out;
        }
    }
    st = add_builtin_keys(m, err);
    if (st != WEIR_OK)
        goto out;
    *out = m;
    m = NULL;

out:
    weir_meter_free(m);
    return st;
}

static void free_key(wr_meter_key *k)
{
    if (k == NULL)
        return;
    wr_free(k->name);
    wr_free(k->unit);
    wr_free(k->description);
    wr_series_fini(&k->series);
    wr_free(k);
}

void wr_meter_drop_keys(weir_meter *m, int n)
{
    while (m->n_keys > n)
        free_key(m->key[--m->n_keys]);
}

void weir_meter_free(weir_meter *m)
{
    if (m == NULL)
        return;
    wr_meter_drop_keys(m, 0);
    wr_free(m->key);
    wr_free(m->open);
    wr_free(m->node);
    wr_free(m->span);
    wr_free(m);
}

int wr_meter_find(const weir_meter *m, weir_str name)
{
    for (int i = 0; i < m->n_keys; i++) {
        if (wr_str_eq(weir_cstr(m->key[i]->name), name))
            return i;
    }
    return WR_NONE;
}

bool wr_meter_reserve_keys(weir_meter *m, int more)
{
    int want = m->n_keys + more;
    if (want <= m->room_keys)
        return true;
    want = want < 2 * m->room_keys ? 2 * m->room_keys : want;
    wr_meter_key **key = wr_realloc(m->key, (size_t)want * sizeof *key);
    if (key == NULL)
        return false;
    m->key = key;
    int *open = wr_realloc(m->open, (size_t)want * sizeof *open);
    if (open == NULL)
        return false;
    m->open = open;
    m->room_keys = want;
    return true;
}

const char *wr_meter_kind_name(weir_meter_kind kind)
{
    static const char *const name[] = {"timer", "counter", "histogram"};
    return (int)kind >= 0 && kind < WEIR_METER_KIND_COUNT ? name[kind] : "unknown";
}

/* A text of a key: not too long, no control characters, which outputs by lines could not show. */
static weir_status check_text(weir_str s, size_t max, const char *what, weir_error *err)
{
    if (s.p == NULL && s.n > 0)
        return weir_fail(err, WEIR_ERR_ARG, "meter: %s: null pointer with length %zu",
                         what, s.n);
    if (s.n > max)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter: %s '%.*s' has %zu bytes: at most %zu are allowed", what,
                         WR_NAME(s), s.n, max);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f)
            return weir_fail(err, WEIR_ERR_ARG,
                             "meter: %s has a control character (%d) at byte %zu of %zu",
                             what, c, i, s.n);
    }
    return WEIR_OK;
}

static weir_status check_new_key(const weir_meter *m, weir_meter_kind kind, weir_str name,
                                 weir_str unit, weir_str description, weir_error *err)
{
    if ((int)kind < 0 || kind >= WEIR_METER_KIND_COUNT)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter: kind %d of key '%.*s' is none of 0 .. %d", (int)kind,
                         WR_NAME(name), WEIR_METER_KIND_COUNT - 1);
    if (name.n == 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter: the key's name is empty: give 1 to %d bytes",
                         WEIR_METER_NAME_MAX);
    weir_status st = check_text(name, WEIR_METER_NAME_MAX, "name", err);
    if (st == WEIR_OK)
        st = check_text(unit, WEIR_METER_UNIT_MAX, "unit", err);
    if (st == WEIR_OK)
        st = check_text(description, 4096, "description", err);
    if (st != WEIR_OK)
        return st;
    if (kind == WEIR_METER_TIMER && unit.n > 0 && !wr_str_eq(unit, WEIR_STR("s")))
        return weir_fail(
            err, WEIR_ERR_ARG,
            "meter: timer '%.*s' with unit '%.*s': timers are in 's'; a histogram takes "
            "any unit",
            WR_NAME(name), WR_NAME(unit));
    int there = wr_meter_find(m, name);
    if (there != WR_NONE && m->key[there]->kind != kind)
        return weir_fail(err, WEIR_ERR_KIND,
                         "meter: key '%.*s' is a %s, a %s was asked for", WR_NAME(name),
                         wr_meter_kind_name(m->key[there]->kind),
                         wr_meter_kind_name(kind));
    if (there == WR_NONE && m->n_keys >= WEIR_METER_KEYS_MAX)
        return weir_fail(err, WEIR_ERR_FULL,
                         "meter: no room for key '%.*s': it has %d already",
                         WR_NAME(name), WEIR_METER_KEYS_MAX);
    return WEIR_OK;
}

static wr_meter_key *make_key(const weir_meter *m, weir_meter_kind kind, weir_str name,
                              weir_str unit, weir_str description)
{
    wr_meter_key *k = wr_calloc(1, sizeof *k);
    if (k == NULL)
        return NULL;
    k->kind = kind;
    k->state = kind == WEIR_METER_TIMER ? WR_KEY_IDLE : WR_KEY_NO_TIMER;
    k->node = k->parent = WR_NONE;
    k->seen_parent = WR_UNSEEN;
    wr_series_init(&k->series, kind == WEIR_METER_COUNTER ? 0 : m->opt.samples_max,
                   m->opt.skip_first);
    k->name = wr_dup(name.p, name.n);
    k->unit = wr_dup(unit.p, unit.n);
    k->description = wr_dup(description.p, description.n);
    if (k->name == NULL || k->unit == NULL || k->description == NULL) {
        free_key(k);
        return NULL;
    }
    return k;
}

weir_status weir_meter_key(weir_meter *m, weir_meter_kind kind, weir_str name,
                           weir_str unit, weir_str description, int *key, weir_error *err)
{
    if (key == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "meter: no place for the key (key is null)");
    if (m == NULL) {
        *key = 0;
        return WEIR_OK;
    }
    weir_status st = check_new_key(m, kind, name, unit, description, err);
    if (st != WEIR_OK)
        return st;
    int there = wr_meter_find(m, name);
    if (there != WR_NONE) {
        *key = there;
        return WEIR_OK;
    }
    if (unit.n == 0)
        unit = kind == WEIR_METER_TIMER ? WEIR_STR("s") : WEIR_STR("1");
    wr_meter_key *k =
        wr_meter_reserve_keys(m, 1) ? make_key(m, kind, name, unit, description) : NULL;
    if (k == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM,
                         "meter: no memory for key '%.*s' (%zu bytes)", WR_NAME(name),
                         sizeof *k);
    m->key[m->n_keys] = k;
    *key = m->n_keys++;
    return WEIR_OK;
}

int weir_meter_n_keys(const weir_meter *m)
{
    return m == NULL ? 0 : m->n_keys;
}

bool weir_meter_key_at(const weir_meter *m, int key, weir_meter_key_info *out)
{
    if (m == NULL || key < 0 || key >= m->n_keys)
        return false;
    const wr_meter_key *k = m->key[key];
    *out = (weir_meter_key_info){.name = weir_cstr(k->name),
                                 .unit = weir_cstr(k->unit),
                                 .description = weir_cstr(k->description),
                                 .kind = k->kind,
                                 .is_open = k->state == WR_KEY_OPEN};
    return true;
}

uint64_t weir_meter_n_refused(const weir_meter *m)
{
    return m == NULL ? 0 : m->n_refused;
}

weir_status wr_meter_check_key(const weir_meter *m, int key, const char *verb,
                               weir_error *err)
{
    if (m == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "meter %s: the meter is null", verb);
    if (key < 0 || key >= m->n_keys)
        return weir_fail(err, WEIR_ERR_ARG, "meter %s: no key %d, this meter has 0 .. %d",
                         verb, key, m->n_keys - 1);
    return WEIR_OK;
}

weir_status weir_meter_read(weir_meter *m, int key, weir_meter_stats *out,
                            weir_error *err)
{
    weir_status st = wr_meter_check_key(m, key, "read", err);
    if (st != WEIR_OK)
        return st;
    if (out == NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter read '%s': no place for the result (out is null)",
                         m->key[key]->name);
    return wr_series_stats(&m->key[key]->series, m->key[key]->name, out, err);
}

const double *weir_meter_samples(weir_meter *m, int key, size_t *n)
{
    if (wr_meter_check_key(m, key, "samples", NULL) != WEIR_OK) {
        *n = 0;
        return NULL;
    }
    return wr_series_kept(&m->key[key]->series, n);
}

weir_status weir_meter_histogram(weir_meter *m, int key, const double *edge,
                                 size_t n_edges, uint64_t *count, weir_error *err)
{
    weir_status st = wr_meter_check_key(m, key, "histogram", err);
    if (st != WEIR_OK)
        return st;
    wr_meter_key *k = m->key[key];
    if (k->kind == WEIR_METER_COUNTER)
        return weir_fail(err, WEIR_ERR_ARG,
                         "meter histogram: '%s' is a counter, its amounts have no "
                         "distribution; make it a histogram",
                         k->name);
    if (edge == NULL || count == NULL || n_edges < 2)
        return weir_fail(
            err, WEIR_ERR_ARG,
            "meter histogram '%s': %zu edges%s: give 2 or more, and a place for counts",
            k->name, n_edges, edge == NULL ? " at a null pointer" : "");
    for (size_t i = 0; i < n_edges; i++) {
        if (!isfinite(edge[i]) || (i > 0 && !(edge[i] > edge[i - 1])))
            return weir_fail(
                err, WEIR_ERR_ARG,
                "meter histogram '%s': edge %zu (%g) is not finite or does not rise",
                k->name, i, edge[i]);
    }
    wr_series_bins(&k->series, edge, n_edges, count);
    return WEIR_OK;
}
