/* SPDX-License-Identifier: BSD-3-Clause */
/* Growing text, and the check that every name passes. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"

void wr_text_fini(wr_text *t)
{
    wr_free(t->p);
    *t = (wr_text){0};
}

bool wr_text_grow(wr_text *t, size_t more)
{
    size_t want;
    if (t->failed || !wr_add(t->n, more, &want) || !wr_add(want, 1, &want)) {
        t->failed = true;
        return false;
    }
    if (want <= t->room)
        return true;
    size_t room = t->room < 64 ? 64 : t->room;
    while (room < want)
        room = room > SIZE_MAX / 2 ? want : room * 2;
    char *p = wr_realloc(t->p, room);
    if (p == NULL) {
        t->failed = true;
        return false;
    }
    t->p = p;
    t->room = room;
    return true;
}

void wr_text_add(wr_text *t, const void *p, size_t n)
{
    if (!wr_text_grow(t, n))
        return;
    if (n > 0)
        memcpy(t->p + t->n, p, n);
    t->n += n;
    t->p[t->n] = '\0';
}

void wr_text_printf(wr_text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !wr_text_grow(t, (size_t)n)) {
        t->failed = true;
        return;
    }
    va_start(args, fmt);
    vsnprintf(t->p + t->n, (size_t)n + 1, fmt, args);
    va_end(args);
    t->n += (size_t)n;
}

weir_status wr_check_name(weir_str name, const char *what, weir_error *err)
{
    if (name.p == NULL && name.n > 0)
        return weir_fail(err, WEIR_ERR_ARG, "%s: null pointer with length %zu", what,
                         name.n);
    if (name.n == 0)
        return weir_fail(err, WEIR_ERR_ARG, "%s is empty: give 1 to %d bytes", what,
                         WEIR_KEY_MAX);
    if (name.n > WEIR_KEY_MAX)
        return weir_fail(err, WEIR_ERR_ARG, "%s has %zu bytes: at most %d are allowed",
                         what, name.n, WEIR_KEY_MAX);
    const char *nul = memchr(name.p, '\0', name.n);
    if (nul != NULL)
        return weir_fail(err, WEIR_ERR_ARG,
                         "%s '%.*s' has a NUL byte at %td of %zu bytes", what,
                         WR_NAME(name), nul - name.p, name.n);
    return WEIR_OK;
}
