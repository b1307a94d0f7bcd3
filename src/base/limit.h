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

/* The moment by which all has to be over, counted from now. */
static inline weir_deadline wr_limit_deadline(wr_limit l)
{
    weir_deadline d = weir_deadline_in_ms(l.timeout_ms);
    return d < l.deadline ? d : l.deadline;
}

#endif
