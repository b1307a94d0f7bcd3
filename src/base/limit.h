/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a call may take: a time-out of its own, and a deadline that others set. The clock is read
 * only by those who really have to wait. */
#ifndef WR_BASE_LIMIT_H
#define WR_BASE_LIMIT_H

#include "weir/status.h"

typedef struct wr_limit {
    int64_t timeout_ms; /* negative: none */
    weir_deadline deadline;
} wr_limit;

/* The moment by which all has to be over, counted from `now`. */
static inline weir_deadline wr_limit_deadline_at(wr_limit l, int64_t now)
{
    bool none = l.timeout_ms < 0 || l.timeout_ms > (WEIR_NEVER - now) / 1000000;
    weir_deadline d = none ? WEIR_NEVER : now + l.timeout_ms * 1000000;
    return d < l.deadline ? d : l.deadline;
}

/* The same, counted from the moment of this call. */
static inline weir_deadline wr_limit_deadline(wr_limit l)
{
    return wr_limit_deadline_at(l, weir_now_ns());
}

#endif
