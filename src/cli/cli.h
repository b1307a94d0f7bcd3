/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands of the program `weir` share: the table of a command, from which its arguments are
 * read and its help is printed; exit statuses; output. */
#ifndef WR_CLI_CLI_H
#define WR_CLI_CLI_H

#include <stdint.h>
#include <stdio.h>

#include "weir/status.h"

/* Exit statuses, promised in the man page. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

enum { CLI_LIST_MAX = 32 };

typedef struct cli_list {
    const char *item[CLI_LIST_MAX];
    int n;
} cli_list;

typedef struct cli_pair {
    const char *first, *second; /* NULL: not given */
} cli_pair;

typedef enum cli_kind {
    CLI_FLAG, /* bool */
    CLI_INT,  /* int64_t, low .. high */
    CLI_REAL, /* double, not negative */
    CLI_TEXT, /* const char * */
    CLI_ITEM, /* cli_list: may be given again */
    CLI_PAIR  /* cli_pair: two values */
} cli_kind;

/* One option. What it reads stays in the command's own static variable. */
typedef struct cli_option {
    const char *name; /* "--batch" */
    cli_kind kind;
    void *into;
    int64_t low, high; /* CLI_INT */
    const char *value; /* how help calls its value; NULL for a flag */
    const char *text;  /* one sentence */
} cli_option;

typedef struct cli_command {
    const char *name;
    const char *arguments; /* as "FILE"; may be empty */
    int min_args, max_args;
    const char *summary; /* one phrase for the list */
    const char *text;    /* paragraphs, each ending in a newline */
    const cli_option *option;
    int n_options;
    int (*run)(char **args, int n_args); /* gives an exit status */
} cli_command;

extern const cli_command cli_info, cli_model, cli_bench, cli_redis, cli_probe, cli_help;

/* All commands, in the order of help. */
extern const cli_command *const cli_commands[];
extern const int cli_n_commands;

const cli_command *cli_find(const char *name); /* NULL: none */

/* Read options into the command's variables and move the other arguments to the front of argv. False,
 * with the reason and a suggestion on stderr, when they are wrong; *help says that --help was given. */
bool cli_parse(const cli_command *c, int *argc, char **argv, bool *help);

/* Help of one command, and of the program. */
void cli_print_command(FILE *f, const cli_command *c);
void cli_print_usage(FILE *f);

/* The name of a table that is closest to `word`, NULL when none is close. `name` gives the i-th, or
 * NULL at the end. */
const char *cli_closest(const char *word, const char *(*name)(const void *table, int i),
                        const void *table);

/* "weir COMMAND: text" on stderr, and the status back. */
int cli_fail(int status, const char *command, const char *fmt, ...) WEIR_PRINTF(3, 4);

/* A headline, bold when stdout is a terminal that is not told NO_COLOR. */
void cli_headline(const char *text);

/* Bytes for people: "16 MB", powers of 1024. Gives buf. */
const char *cli_bytes(double n, char *buf, size_t room);

/* Seconds for people: "12.3 us". Gives buf. */
const char *cli_seconds(double s, char *buf, size_t room);

#endif
