/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of a pipeline, as the client builds them and the handler runs them. */
#ifndef WR_SERVICE_PIPELINE_H
#define WR_SERVICE_PIPELINE_H

#include "weir/client.h"

typedef enum wr_step_kind {
    WR_STEP_LOAD,   /* stored tensor `name` comes in */
    WR_STEP_TENSOR, /* the caller's memory `t` comes in as `name` */
    WR_STEP_RUN,    /* model `name`, or function of script `name`, from `in` to `out` */
    WR_STEP_GET,    /* `name` goes to the caller's memory `t` */
    WR_STEP_KEEP    /* `name` goes to the store */
} wr_step_kind;

typedef struct wr_step {
    wr_step_kind kind;
    weir_str name; /* all texts are owned by the step */
    weir_str key;  /* of LOAD and KEEP, when it is not prefix and name */
    weir_str function;
    weir_str *in;
    int n_in;
    weir_str *out;
    int n_out;
    weir_tensor t;
} wr_step;

typedef struct wr_steps {
    wr_step *step;
    size_t n, room;
} wr_steps;

#endif
