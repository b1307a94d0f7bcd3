/* SPDX-License-Identifier: BSD-3-Clause */
/* What series.c and stats.c share. */
#ifndef WR_METER_STATS_H
#define WR_METER_STATS_H

#include "meter/series.h"

void wr_sum_add(wr_sum *s, double x);
double wr_sum_of(const wr_sum *s);

/* As if the values of `from` had come to `into`. */
void wr_moments_merge(wr_moments *into, const wr_moments *from);

/* Work through the values that arrived since the last time. */
void wr_series_digest(wr_series *s);

#endif
