/* SPDX-License-Identifier: BSD-3-Clause */
/* Status names and texts, the caller-owned error, the version, the clock. */
#include "weir/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

const char *weir_status_name(weir_status st)
{
    switch (st) {
#define X(name, value, text)                                                             \
    case WEIR_##name:                                                                    \
        return #name;
        WEIR_STATUS_MAP(X)
#undef X
    }
    return "ERR_UNKNOWN";
}

const char *weir_status_text(weir_status st)
{
    switch (st) {
#define X(name, value, text)                                                             \
    case WEIR_##name:                                                                    \
        return text;
        WEIR_STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}

weir_status weir_fail(weir_error *err, weir_status st, const char *fmt, ...)
{
    if (err == NULL)
        return st;
    va_list args;
    va_start(args, fmt);
    err->code = st;
    int n = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    if (n < 0)
        err->text[0] = '\0';
    return st;
}

int64_t weir_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

weir_deadline weir_deadline_in_ms(int64_t timeout_ms)
{
    int64_t now = weir_now_ns();
    if (timeout_ms < 0 || timeout_ms > (WEIR_NEVER - now) / 1000000)
        return WEIR_NEVER;
    return now + timeout_ms * 1000000;
}

const char *weir_version(void)
{
    return "0.1.0";
}
