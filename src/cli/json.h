/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing JSON: nested objects and arrays, commas and escapes by themselves. */
#ifndef WR_CLI_JSON_H
#define WR_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct json {
    FILE *f;
    int depth;
    bool some; /* the open object or array has an entry already */
} json;

/* `key` is NULL in an array and at the top. */
void json_open(json *j, const char *key, char bracket); /* '{' or '[' */
void json_close(json *j, char bracket);                 /* '}' or ']' */
void json_text(json *j, const char *key, const char *value);
void json_int(json *j, const char *key, int64_t value);
void json_real(json *j, const char *key, double value); /* null when not finite */
void json_bool(json *j, const char *key, bool value);

#endif
