/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading a model first where it can harm nobody: in a process of its own. */
#ifndef WR_MODULE_PROBE_H
#define WR_MODULE_PROBE_H

#include "module/module.h"

/* Find the program `weir`: `path`, or empty: beside the library's folder. Whether it is there. */
bool probe_init(weir_str path, weir_str backend_path);

/* Does the model load and warm up in another process? WEIR_OK when it does, or when probing is off;
 * ERR_MODEL when it crashes, ERR_TIMEOUT when it takes longer than the deadline (it is killed). A
 * worker, without locks: blocks. */
weir_status probe_model(const wr_req *req, weir_error *err);

/* "on", "off", or why not. */
const char *probe_state(void);

#endif
