/* SPDX-License-Identifier: BSD-3-Clause */
/// @file weir/status.h
/// What every call returns, where the sentence about a failure goes, and how names are passed.
///
/// Every function that can fail returns a `weir_status`: WEIR_OK (0) or a negative code. The code is
/// for decisions (retry? wrong call? missing key?); the sentence in `weir_error` is for people. On
/// failure outputs are untouched and the object is as it was before, unless a function says
/// otherwise. No function of Weir prints, exits or aborts.
#ifndef WEIR_STATUS_H
#define WEIR_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#define WEIR_NODISCARD __attribute__((warn_unused_result))
#define WEIR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define WEIR_COLD __attribute__((cold)) // branches that call it are unlikely
#else
#define WEIR_API
#define WEIR_NODISCARD
#define WEIR_PRINTF(fmt, args)
#define WEIR_COLD
#endif

#ifdef __cplusplus
extern "C" {
#endif

// clang-format off: one line per code; adding a code is adding a line (at the end: values are ABI).
#define WEIR_STATUS_MAP(X)                                                               \
    X(OK, 0, "ok")                                                                       \
    X(ERR_ARG, -1, "invalid argument")                                                   \
    X(ERR_NOMEM, -2, "out of memory")                                                    \
    X(ERR_KEY, -3, "no such key")                                                        \
    X(ERR_KIND, -4, "the key holds another kind of value")                               \
    X(ERR_DTYPE, -5, "wrong element type")                                               \
    X(ERR_SHAPE, -6, "wrong rank or shape")                                              \
    X(ERR_FULL, -7, "the store is full")                                                 \
    X(ERR_TIMEOUT, -8, "the deadline passed")                                            \
    X(ERR_CLOSED, -9, "the object is closed")                                            \
    X(ERR_BACKEND, -10, "the backend is not available")                                  \
    X(ERR_MODEL, -11, "the model could not be loaded or run")                            \
    X(ERR_GUARD, -12, "a guard refused the values")                                      \
    X(ERR_FORMAT, -13, "malformed bytes")                                                \
    X(ERR_IO, -14, "input or output failed")                                             \
    X(ERR_UNSUPPORTED, -15, "not supported here")                                        \
    X(ERR_EXISTS, -16, "it exists already")                                              \
    X(ERR_BUSY, -17, "in use")                                                           \
    X(ERR_INTERNAL, -18, "a bug in Weir: please report it")

typedef enum weir_status {
#define X(name, value, text) WEIR_##name = value,
    WEIR_STATUS_MAP(X)
#undef X
} weir_status;
// clang-format on

enum {
    WEIR_ERROR_TEXT_MAX = 512, ///< bytes of an error's sentence, with its NUL
    WEIR_KEY_MAX = 65535       ///< bytes of a name
};

/// The sentence about a failure: what, where, the numbers found and expected, and what to do next.
/// Lives on the caller's stack; no allocation, no globals. Zero-initialise it, or don't: it is only
/// written on failure. Every `weir_error *` parameter of Weir may be NULL.
typedef struct weir_error {
    weir_status code;               ///< the status that was returned
    char text[WEIR_ERROR_TEXT_MAX]; ///< NUL-terminated UTF-8, one sentence or two
} weir_error;

/// A borrowed name or text: `n` bytes at `p`, not necessarily NUL-terminated.
typedef struct weir_str {
    const char *p; ///< may be NULL only when n is 0
    size_t n;      ///< bytes
} weir_str;

/// A `weir_str` from a string literal, without strlen.
#ifdef __cplusplus
#define WEIR_STR(literal) (weir_str{"" literal, sizeof(literal) - 1})
#else
#define WEIR_STR(literal) ((weir_str){"" literal, sizeof(literal) - 1})
#endif

/// A `weir_str` from a C string; NULL gives the empty one.
/// @param s  borrowed for the life of the result; may be NULL
/// @return the view. Any thread.
static inline weir_str weir_cstr(const char *s)
{
    weir_str r;
    r.p = s;
    r.n = s == NULL ? 0 : strlen(s);
    return r;
}

/// The name of a status code, such as "ERR_SHAPE".
/// @param st  any value
/// @return static text, "ERR_UNKNOWN" for a value that is no code. Any thread.
WEIR_API const char *weir_status_name(weir_status st);

/// One phrase about a status code, such as "wrong rank or shape".
/// @param st  any value
/// @return static text. Any thread.
WEIR_API const char *weir_status_text(weir_status st);

/// Fill an error and return its code: `return weir_fail(err, WEIR_ERR_ARG, "rank %d", rank);`
/// For programs that report their own failures in the same way.
/// @param err  filled, text cut at WEIR_ERROR_TEXT_MAX; may be NULL
/// @param st   the code
/// @param fmt  printf format, borrowed during the call
/// @return st. Any thread.
WEIR_API weir_status weir_fail(weir_error *err, weir_status st, const char *fmt, ...)
    WEIR_PRINTF(3, 4) WEIR_COLD;

/// A moment on the monotonic clock in nanoseconds. Deadlines, not time-outs, travel down, so that
/// retries can't multiply the waiting.
typedef int64_t weir_deadline;

#define WEIR_NEVER INT64_MAX ///< a deadline that does not pass

/// The monotonic clock now.
/// @return nanoseconds since some fixed moment of this boot. Any thread.
WEIR_API int64_t weir_now_ns(void);

/// The moment `timeout_ms` from now.
/// @param timeout_ms  milliseconds; negative means WEIR_NEVER
/// @return the deadline. Any thread.
WEIR_API weir_deadline weir_deadline_in_ms(int64_t timeout_ms);

/// Weir's version as text, such as "0.1.0".
/// @return static text. Any thread.
WEIR_API const char *weir_version(void);

#ifdef __cplusplus
}
#endif
#endif
