/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a command's arguments by its table, and suggesting what was meant. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { WORD_MAX = 31 }; /* longer words get no suggestion */

/* Letters to change, add, drop or swap to make b of a. */
static int distance(const char *a, const char *b)
{
    int row[3][WORD_MAX + 1];
    int n_a = (int)strlen(a), n_b = (int)strlen(b);

    for (int j = 0; j <= n_b; j++)
        row[0][j] = j;
    for (int i = 1; i <= n_a; i++) {
        int *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= n_b; j++) {
            int d = last[j - 1] + (a[i - 1] != b[j - 1]);
            d = last[j] + 1 < d ? last[j] + 1 : d;
            d = now[j - 1] + 1 < d ? now[j - 1] + 1 : d;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < d)
                d = before[j - 2] + 1;
            now[j] = d;
        }
    }
    return row[n_a % 3][n_b];
}

const char *cli_closest(const char *word, const char *(*name)(const void *table, int i),
                        const void *table)
{
    const char *best = NULL, *candidate;
    int best_d = 3;

    if (strlen(word) > WORD_MAX)
        return NULL;
    for (int i = 0; (candidate = name(table, i)) != NULL; i++) {
        size_t n = strlen(candidate);
        if (n > WORD_MAX)
            continue;
        int d = distance(word, candidate);
        if (strlen(word) >= 3 && strncmp(word, candidate, strlen(word)) == 0)
            d = 1; /* the beginning of a name */
        if (d < best_d && d < (int)n) {
            best_d = d;
            best = candidate;
        }
    }
    return best;
}

static const char *option_name(const void *table, int i)
{
    const cli_command *c = table;
    return i < c->n_options ? c->option[i].name : i == c->n_options ? "--help" : NULL;
}

static const cli_option *find_option(const cli_command *c, const char *word, size_t n)
{
    for (int i = 0; i < c->n_options; i++) {
        if (strlen(c->option[i].name) == n && strncmp(c->option[i].name, word, n) == 0)
            return &c->option[i];
    }
    return NULL;
}

static bool read_int(const cli_command *c, const cli_option *o, const char *text)
{
    char *end = NULL;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || v < o->low || v > o->high) {
        cli_fail(CLI_USAGE, c->name,
                 "%s is '%s', expected a whole number from %lld to %lld", o->name, text,
                 (long long)o->low, (long long)o->high);
        return false;
    }
    *(int64_t *)o->into = v;
    return true;
}

static bool read_real(const cli_command *c, const cli_option *o, const char *text)
{
    char *end = NULL;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(v) || v < 0) {
        cli_fail(CLI_USAGE, c->name, "%s is '%s', expected a number that is not negative",
                 o->name, text);
        return false;
    }
    *(double *)o->into = v;
    return true;
}

static bool read_value(const cli_command *c, const cli_option *o, char **value)
{
    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)o->into = true;
        return true;
    case CLI_INT:
        return read_int(c, o, value[0]);
    case CLI_REAL:
        return read_real(c, o, value[0]);
    case CLI_TEXT:
        *(const char **)o->into = value[0];
        return true;
    case CLI_PAIR:
        *(cli_pair *)o->into = (cli_pair){value[0], value[1]};
        return true;
    case CLI_ITEM: {
        cli_list *list = o->into;
        if (list->n == CLI_LIST_MAX) {
            cli_fail(CLI_USAGE, c->name, "%s given more than %d times", o->name,
                     CLI_LIST_MAX);
            return false;
        }
        list->item[list->n++] = value[0];
        return true;
    }
    }
    return false;
}

static int n_values(cli_kind k)
{
    return k == CLI_FLAG ? 0 : k == CLI_PAIR ? 2 : 1;
}

/* One option at argv[i]; how many words it took, 0 when it is wrong. "--name=value" is one word. */
static int read_option(const cli_command *c, int i, int argc, char **argv)
{
    char *word = argv[i], *equals = strchr(word, '=');
    size_t n = equals == NULL ? strlen(word) : (size_t)(equals - word);
    const cli_option *o = find_option(c, word, n);

    if (o == NULL) {
        const char *close = cli_closest(word, option_name, c);
        cli_fail(CLI_USAGE, c->name, "no option '%s'%s%s%s; 'weir help %s' lists them",
                 word, close == NULL ? "" : ", did you mean '",
                 close == NULL ? "" : close, close == NULL ? "" : "'?", c->name);
        return 0;
    }
    int want = n_values(o->kind);
    if (equals != NULL && want == 1) {
        char *value[] = {equals + 1};
        return read_value(c, o, value) ? 1 : 0;
    }
    if (equals != NULL || argc - i - 1 < want) {
        cli_fail(CLI_USAGE, c->name, "%s takes %s%s", o->name,
                 want == 0 ? "no value" : "", want == 0 ? "" : o->value);
        return 0;
    }
    return read_value(c, o, argv + i + 1) ? 1 + want : 0;
}

bool cli_parse(const cli_command *c, int *argc, char **argv, bool *help)
{
    int n = 0;
    bool options_end = false;

    for (int i = 0; i < *argc;) {
        if (options_end || argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[n++] = argv[i++];
        } else if (strcmp(argv[i], "--") == 0) {
            options_end = true;
            i++;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *help = true;
            return true;
        } else {
            int used = read_option(c, i, *argc, argv);
            if (used == 0)
                return false;
            i += used;
        }
    }
    if (n < c->min_args || n > c->max_args) {
        const char *what = n < c->min_args ? "too few arguments" : "too many arguments";
        cli_fail(CLI_USAGE, c->name, "%s: %d given; usage: weir %s%s%s%s", what, n,
                 c->name, c->n_options > 0 ? " [options]" : "",
                 c->arguments[0] == '\0' ? "" : " ", c->arguments);
        return false;
    }
    *argc = n;
    return true;
}
