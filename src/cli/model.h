/* SPDX-License-Identifier: BSD-3-Clause */
/* What `weir model` found out about a model, and printing it. */
#ifndef WR_CLI_MODEL_H
#define WR_CLI_MODEL_H

#include "cli/check.h"
#include "weir/client.h"
#include "weir/meter.h"

typedef struct session {
    weir_client *client;
    weir_str name;
    const char *path;
    weir_model_info info;
    bool was_checked;
    double rtol, atol;
    comparison check[WEIR_IO_MAX]; /* of each output */
    bool was_timed;
    bool guessed;           /* a free extent was taken as 1 */
    int64_t rows;           /* of one timed run */
    weir_meter_stats time;  /* seconds of one run */
    weir_model_stats stats; /* of the timed runs */
} session;

void model_print_text(const session *s, bool agrees);
void model_print_json(const session *s, bool agrees);

#endif
