/* SPDX-License-Identifier: BSD-3-Clause */
/* The grammar of mock models; README.md describes it. */
#include <stdio.h>
#include <stdlib.h>

#include "mock.h"

typedef struct cursor {
    const char *p, *end;
} cursor;

static weir_str trim(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    return (weir_str){p, (size_t)(end - p)};
}

static weir_str next_statement(cursor *c)
{
    const char *begin = c->p;
    while (c->p < c->end && *c->p != ';' && *c->p != '\n')
        c->p++;
    weir_str s = trim(begin, c->p);
    if (c->p < c->end)
        c->p++;
    return s;
}

static bool is(weir_str s, const char *name)
{
    return s.n == strlen(name) && memcmp(s.p, name, s.n) == 0;
}

/* A number that fills the whole of `s`. */
static bool number(weir_str s, double *out)
{
    char buf[40], *end;
    if (s.n == 0 || s.n >= sizeof buf)
        return false;
    memcpy(buf, s.p, s.n);
    buf[s.n] = '\0';
    *out = strtod(buf, &end);
    return *end == '\0';
}

static bool integer(weir_str s, int64_t *out)
{
    double v;
    if (!number(s, &v) || !(v >= -9e15 && v <= 9e15) || v != (double)(int64_t)v)
        return false;
    *out = (int64_t)v;
    return true;
}

static bool dtype_of(weir_str s, weir_dtype *out)
{
#define X(name, bytes, code, bits, wire)                                                 \
    if (is(s, wire)) {                                                                   \
        *out = WEIR_##name;                                                              \
        return true;                                                                     \
    }
    WEIR_DTYPE_MAP(X)
#undef X
    return false;
}

static const char *find(weir_str s, char c)
{
    return s.n == 0 ? NULL : memchr(s.p, c, s.n);
}

/* NAME:DTYPE[d,d,..] */
static bool parse_io(weir_str s, weir_io *io)
{
    const char *end = s.p + s.n, *colon = find(s, ':'), *open = find(s, '[');
    if (colon == NULL || open == NULL || open < colon || end[-1] != ']')
        return false;
    size_t n_name = (size_t)(colon - s.p);
    if (n_name == 0 || n_name >= sizeof io->name)
        return false;
    memset(io, 0, sizeof *io);
    memcpy(io->name, s.p, n_name);
    if (!dtype_of(trim(colon + 1, open), &io->dtype))
        return false;
    for (const char *p = open + 1; p < end - 1; io->rank++) {
        const char *comma = p;
        while (comma < end - 1 && *comma != ',')
            comma++;
        if (io->rank == WEIR_RANK_MAX || !integer(trim(p, comma), &io->shape[io->rank]) ||
            io->shape[io->rank] < -1)
            return false;
        p = comma + 1;
    }
    return true;
}

bool mock_op_parse(weir_str name, mock_op *out)
{
    static const char *const names[MOCK_N_OPS] = {"echo", "sum",  "rows",
                                                  "run",  "mean", "texts"};
    for (int i = 0; i < MOCK_N_OPS; i++) {
        if (is(name, names[i])) {
            *out = (mock_op)i;
            return true;
        }
    }
    return false;
}

static bool parse_value(mock_text *m, weir_str key, weir_str value)
{
    if (is(key, "in"))
        return m->n_in < WEIR_IO_MAX && parse_io(value, &m->in[m->n_in++]);
    if (is(key, "out"))
        return m->n_out < WEIR_IO_MAX && parse_io(value, &m->out[m->n_out++]);
    if (is(key, "op"))
        return mock_op_parse(value, &m->op);
    if (is(key, "scale"))
        return number(value, &m->scale);
    if (is(key, "add"))
        return number(value, &m->add);
#define X(name)                                                                          \
    if (is(key, #name))                                                                  \
        return integer(value, &m->name);
    MOCK_NUMBERS(X)
#undef X
    return false;
}

static bool parse_flag(mock_text *m, weir_str key)
{
#define X(name)                                                                          \
    if (is(key, #name)) {                                                                \
        m->name = true;                                                                  \
        return true;                                                                     \
    }
    MOCK_FLAGS(X)
#undef X
    return false;
}

bool mock_parse(mock_text *out, const char *text, size_t n, const char **why, size_t *at)
{
    cursor c = {text, text + n};
    *out = (mock_text){.scale = 1, .parameters = -1, .tell_fd = -1, .gate_fd = -1};
    weir_str first = next_statement(&c);
    *at = 0;
    *why = "it does not begin with 'mock'";
    if (!is(first, "mock"))
        return false;
    while (c.p < c.end) {
        weir_str s = next_statement(&c);
        *at = (size_t)(s.p - text);
        if (s.n == 0)
            continue;
        const char *eq = find(s, '=');
        *why = eq == NULL ? "no such statement" : "no such statement, or a wrong value";
        bool ok = eq == NULL ? parse_flag(out, s)
                             : parse_value(out, trim(s.p, eq), trim(eq + 1, s.p + s.n));
        if (!ok)
            return false;
    }
    return true;
}
