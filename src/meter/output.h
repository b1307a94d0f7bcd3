/* SPDX-License-Identifier: BSD-3-Clause */
/* What the writers share: JSON and CSV pieces, finishing a text, files that appear whole. */
#ifndef WR_METER_OUTPUT_H
#define WR_METER_OUTPUT_H

#include "base/text.h"
#include "meter/meter.h"

/* A number that reads back as the same double; null or empty when it is not finite. */
void wr_json_number(wr_text *t, double x);
void wr_csv_number(wr_text *t, double x);

/* In quotes, escaped; bytes that are not UTF-8 become U+FFFD. */
void wr_json_string(wr_text *t, const char *s);

/* In quotes where that is needed (RFC 4180). */
void wr_csv_string(wr_text *t, const char *s);

/* Writes one format into `t`. */
typedef weir_status (*wr_writer)(wr_text *t, const void *what, weir_error *err);

/* Run a writer with a decimal point, whatever the locale, and give its text away. */
weir_status wr_output_text(wr_writer write, const void *what, char **out, size_t *n,
                           weir_error *err);

/* The same into a file that must not exist. */
weir_status wr_output_file(wr_writer write, const void *what, weir_str path,
                           weir_error *err);

/* One file: under `path` appears all of it, or nothing. */
weir_status wr_file_write(weir_str path, const char *p, size_t n, weir_error *err);

/* The trace, in trace.c. */
weir_status wr_write_trace(wr_text *t, const void *meter, weir_error *err);

#endif
