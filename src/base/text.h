/* SPDX-License-Identifier: BSD-3-Clause */
/* A growing text. An append that finds no memory marks it failed and later ones do nothing, so that
 * only the end needs a check. */
#ifndef WR_BASE_TEXT_H
#define WR_BASE_TEXT_H

#include "weir/status.h"

typedef struct wr_text {
    char *p; /* NUL-terminated once something was appended */
    size_t n;
    size_t room;
    bool failed;
} wr_text;

/* All zero is an empty text. fini is harmless twice. */
void wr_text_fini(wr_text *t);
void wr_text_add(wr_text *t, const void *p, size_t n);
void wr_text_printf(wr_text *t, const char *fmt, ...) WEIR_PRINTF(2, 3);

/* For those who write in place: room for n more bytes, NULL: no memory; then say how many were
 * written. */
bool wr_text_grow(wr_text *t, size_t n);
static inline char *wr_text_room(wr_text *t, size_t n)
{
    bool fits = n < t->room - t->n && !t->failed;
    return fits || wr_text_grow(t, n) ? t->p + t->n : NULL;
}

static inline void wr_text_wrote(wr_text *t, size_t n)
{
    t->n += n;
    t->p[t->n] = '\0';
}

/* Names in messages: "%.*s" arguments, cut at 60 bytes so that the sentence survives. */
/* Bytes of a mark "{P}." before the name, as models have on a cluster's shards, when P can't be printed:
 * printf ends at its NUL. */
static inline size_t wr_name_mark(weir_str s)
{
    bool strange = false;
    for (size_t i = 1; i + 1 < s.n && i < 5 && s.p[0] == '{'; i++) {
        if (s.p[i] == '}')
            return strange && s.p[i + 1] == '.' ? i + 2 : 0;
        strange |= s.p[i] < ' ' || s.p[i] == 0x7f;
    }
    return 0;
}

static inline int wr_name_n(weir_str s)
{
    size_t n = s.n - wr_name_mark(s);
    return n > 60 ? 60 : (int)n;
}

static inline const char *wr_name_p(weir_str s)
{
    return s.n == 0 ? "" : s.p + wr_name_mark(s);
}

/* For messages alone: not the name's bytes, see wr_str_p. */
#define WR_NAME(s) wr_name_n(s), wr_name_p(s)

/* The bytes of a text, never NULL. */
static inline const char *wr_str_p(weir_str s)
{
    return s.n == 0 ? "" : s.p;
}

/* Is a name usable as a key: 1 .. WEIR_KEY_MAX bytes, none of them NUL? `what` names it in the
 * message, as in "tensor name". */
weir_status wr_check_name(weir_str name, const char *what, weir_error *err);

static inline bool wr_str_eq(weir_str a, weir_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#endif
