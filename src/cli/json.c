/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing JSON. */
#include "cli/json.h"

#include <inttypes.h>
#include <math.h>

static void quoted(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(f, "\\u%04x", c);
        else
            fputc(c, f);
    }
    fputc('"', f);
}

static void begin(json *j, const char *key)
{
    if (j->some)
        fputc(',', j->f);
    if (j->depth > 0)
        fprintf(j->f, "\n%*s", 2 * j->depth, "");
    if (key != NULL) {
        quoted(j->f, key);
        fputs(": ", j->f);
    }
    j->some = true;
}

void json_open(json *j, const char *key, char bracket)
{
    begin(j, key);
    fputc(bracket, j->f);
    j->depth++;
    j->some = false;
}

void json_close(json *j, char bracket)
{
    j->depth--;
    if (j->some)
        fprintf(j->f, "\n%*s", 2 * j->depth, "");
    fputc(bracket, j->f);
    j->some = true;
    if (j->depth == 0)
        fputc('\n', j->f);
}

void json_text(json *j, const char *key, const char *value)
{
    begin(j, key);
    quoted(j->f, value);
}

void json_int(json *j, const char *key, int64_t value)
{
    begin(j, key);
    fprintf(j->f, "%" PRId64, value);
}

void json_real(json *j, const char *key, double value)
{
    begin(j, key);
    if (isfinite(value))
        fprintf(j->f, "%.9g", value);
    else
        fputs("null", j->f);
}

void json_bool(json *j, const char *key, bool value)
{
    begin(j, key);
    fputs(value ? "true" : "false", j->f);
}
