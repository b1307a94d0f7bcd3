/* SPDX-License-Identifier: BSD-3-Clause */
/* What every test of Weir begins with: cmocka, and expectations that show a call's own sentence. */
#ifndef WR_TESTS_EXPECT_H
#define WR_TESTS_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "weir/client.h"

/* The error that calls of a test fill. Tests of several threads use their own. */
static weir_error err;

#define expect_ok(call)                                                                  \
    do {                                                                                 \
        weir_status st_ = (call);                                                        \
        if (st_ != WEIR_OK)                                                              \
            fail_msg("%s\n    gave %s: %s", #call, weir_status_name(st_), err.text);     \
    } while (0)

/* The call fails with `want`, and its sentence holds `words`. */
#define expect_fail(call, want, words)                                                   \
    do {                                                                                 \
        err.text[0] = '\0';                                                              \
        weir_status st_ = (call);                                                        \
        if (st_ != (want))                                                               \
            fail_msg("%s\n    gave %s (%s), not %s", #call, weir_status_name(st_),       \
                     err.text, weir_status_name(want));                                  \
        if (strstr(err.text, words) == NULL || err.code != (want))                       \
            fail_msg("%s\n    says '%s', not '%s'", #call, err.text, words);             \
    } while (0)

/* A contiguous view, for tests whose shapes are right by construction. */
static inline weir_tensor view_of(void *data, weir_dtype dtype, int rank,
                                  const int64_t *shape)
{
    weir_tensor t;
    if (weir_tensor_init(&t, data, dtype, rank, shape, &err) != WEIR_OK)
        fail_msg("view: %s", err.text);
    return t;
}

static inline weir_tensor view_1d(void *data, weir_dtype dtype, int64_t n)
{
    return view_of(data, dtype, 1, &n);
}

/* Where the tests of the client run instead of in an embedded store: a server's address, or NULL. */
static inline const char *server_address(void)
{
    const char *address = getenv("WEIR_TEST_ADDRESS");
    return address != NULL && address[0] != '\0' ? address : NULL;
}

static inline bool is_cluster(void)
{
    return server_address() != NULL && getenv("WEIR_TEST_CLUSTER") != NULL;
}

/* For what only an embedded store does. */
#define needs_embedded()                                                                 \
    do {                                                                                 \
        if (server_address() != NULL)                                                    \
            skip();                                                                      \
    } while (0)

/* A client of a store of its own, so that tests don't see each other; or of the server under test. */
static inline weir_client *open_store(const char *address, const weir_client_options *opt)
{
    weir_client *c = NULL;
    weir_client_options mine = opt == NULL ? (weir_client_options){0} : *opt;
    if (server_address() != NULL) { /* which has options of its own */
        address = server_address();
        mine.memory_bytes = 0;
        mine.full = WEIR_FULL_FAIL;
        mine.threads = 0;
        mine.oversubscribe = mine.spin = false;
        mine.backend_path = (weir_str){0};
    }
    if (weir_client_new(&c, weir_cstr(address), &mine, &err) != WEIR_OK)
        fail_msg("open %s: %s", address, err.text);
    return c;
}

static inline double statistic(const weir_client *c, const char *name)
{
    double v = -1;
    if (weir_client_statistic(c, weir_cstr(name), &v, &err) != WEIR_OK)
        fail_msg("statistic %s: %s", name, err.text);
    return v;
}

#endif
