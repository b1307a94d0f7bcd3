/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the things lie that belong to this program: the module for servers, the servers themselves. */
#ifndef WR_CLI_PLACE_H
#define WR_CLI_PLACE_H

#include <stdbool.h>
#include <stddef.h>

/* weir.so beside this program, in the build tree and when installed. False: there is none. */
bool place_module(char *out, size_t room);

/* A program by its name in PATH, or by its path. False: there is none. */
bool place_program(const char *name, char *out, size_t room);

#endif
