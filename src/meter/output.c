/* SPDX-License-Identifier: BSD-3-Clause */
/* Pieces of JSON and CSV, and the way from a writer to memory or a file. */
#include "meter/output.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

/* The shortest of two forms that reads back as the same number. */
static void number(wr_text *t, double x)
{
    char s[32];
    snprintf(s, sizeof s, "%.15g", x);
    if (strtod(s, NULL) != x)
        snprintf(s, sizeof s, "%.17g", x);
    wr_text_add(t, s, strlen(s));
}

void wr_json_number(wr_text *t, double x)
{
    if (isfinite(x))
        number(t, x);
    else
        wr_text_add(t, "null", 4);
}

void wr_csv_number(wr_text *t, double x)
{
    if (isfinite(x))
        number(t, x);
}

/* Bytes of the UTF-8 character at s, which ends with a NUL; 0 when it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    bool is_overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool is_surrogate = s[0] == 0xed && s[1] > 0x9f;
    bool is_beyond = s[0] == 0xf4 && s[1] > 0x8f;
    return is_overlong || is_surrogate || is_beyond ? 0 : n;
}

void wr_json_string(wr_text *t, const char *s)
{
    wr_text_add(t, "\"", 1);
    while (*s != '\0') {
        unsigned char c = (unsigned char)*s;
        size_t n = utf8_length((const unsigned char *)s);
        if (c == '"' || c == '\\')
            wr_text_printf(t, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            wr_text_printf(t, "\\u%04x", (unsigned)c);
        else if (n == 0)
            wr_text_printf(t, "\\ufffd");
        else
            wr_text_add(t, s, n);
        s += n == 0 ? 1 : n;
    }
    wr_text_add(t, "\"", 1);
}

void wr_csv_string(wr_text *t, const char *s)
{
    bool quote = strpbrk(s, ",\"\r\n") != NULL || s[0] == ' ';
    if (!quote) {
        wr_text_add(t, s, strlen(s));
        return;
    }
    wr_text_add(t, "\"", 1);
    for (; *s != '\0'; s++) {
        if (*s == '"')
            wr_text_add(t, "\"", 1);
        wr_text_add(t, s, 1);
    }
    wr_text_add(t, "\"", 1);
}

weir_status wr_output_text(wr_writer write, const void *what, char **out, size_t *n,
                           weir_error *err)
{
    wr_text t = {0};
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0)
        return weir_fail(err, WEIR_ERR_NOMEM,
                         "meter: no memory for a locale to print in");
    locale_t before = uselocale(plain);
    wr_text_add(&t, "", 0); /* an empty output is a text, too */
    weir_status st = write(&t, what, err);
    uselocale(before);
    freelocale(plain);
    if (st == WEIR_OK && t.failed)
        st = weir_fail(err, WEIR_ERR_NOMEM,
                       "meter: no memory for the output, %zu bytes so far", t.n);
    if (st == WEIR_OK) {
        *out = t.p;
        if (n != NULL)
            *n = t.n;
        t = (wr_text){0};
    }
    wr_text_fini(&t);
    return st;
}

weir_status wr_output_file(wr_writer write, const void *what, weir_str path,
                           weir_error *err)
{
    char *text = NULL;
    size_t n = 0;
    weir_status st = wr_output_text(write, what, &text, &n, err);
    if (st == WEIR_OK)
        st = wr_file_write(path, text, n, err);
    wr_free(text);
    return st;
}

void weir_meter_text_free(char *text)
{
    wr_free(text);
}
