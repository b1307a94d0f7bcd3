/* SPDX-License-Identifier: BSD-3-Clause */
/* The two sides of `weir info`: this machine (info.c), and what an address leads to (info_address.c). */
#ifndef WR_CLI_INFO_H
#define WR_CLI_INFO_H

#include "cli/json.h"
#include "weir/client.h"

enum { INFO_BACKENDS_MAX = 16 };

void info_backends_text(const weir_backend_info *b, int n);
void info_backends_json(json *j, const weir_backend_info *b, int n);

/* Gives an exit status. */
int info_address(const char *address, bool as_json);

#endif
