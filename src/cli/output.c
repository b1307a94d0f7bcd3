/* SPDX-License-Identifier: BSD-3-Clause */
/* How the program speaks: failures, headlines, numbers with units, the help of its commands. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

int cli_fail(int status, const char *command, const char *fmt, ...)
{
    va_list list;
    fflush(stdout);
    fprintf(stderr, "weir%s%s: ", command[0] == '\0' ? "" : " ", command);
    va_start(list, fmt);
    vfprintf(stderr, fmt, list);
    va_end(list);
    fputc('\n', stderr);
    return status;
}

void cli_headline(const char *text)
{
    const char *none = getenv("NO_COLOR");
    bool bold = isatty(STDOUT_FILENO) == 1 && (none == NULL || none[0] == '\0');
    printf("%s%s%s\n", bold ? "\033[1m" : "", text, bold ? "\033[0m" : "");
}

const char *cli_bytes(double n, char *buf, size_t room)
{
    static const char *const unit[] = {"bytes", "KB", "MB", "GB", "TB"};
    size_t u = 0;
    while (n >= 1024 && u + 1 < sizeof unit / sizeof *unit) {
        n /= 1024;
        u++;
    }
    snprintf(buf, room, "%.*f %s", u == 0 || n >= 100 || n == (double)(int)n ? 0 : 1, n,
             unit[u]);
    return buf;
}

const char *cli_seconds(double s, char *buf, size_t room)
{
    static const char *const unit[] = {"s", "ms", "us", "ns"};
    size_t u = 0;
    while (s > 0 && s < 1 && u + 1 < sizeof unit / sizeof *unit) {
        s *= 1000;
        u++;
    }
    snprintf(buf, room, "%.*f %s", s >= 100 ? 0 : s >= 10 ? 1 : 2, s, unit[u]);
    return buf;
}

void cli_print_command(FILE *f, const cli_command *c)
{
    fprintf(f, "usage: weir %s%s%s%s\n\n%s", c->name,
            c->n_options > 0 ? " [options]" : "", c->arguments[0] == '\0' ? "" : " ",
            c->arguments, c->text);
    if (c->n_options > 0)
        fprintf(f, "\noptions:\n");
    for (int i = 0; i < c->n_options; i++) {
        const cli_option *o = &c->option[i];
        char head[64];
        snprintf(head, sizeof head, "%s%s%s", o->name, o->value == NULL ? "" : " ",
                 o->value == NULL ? "" : o->value);
        if (strlen(head) > 24)
            fprintf(f, "  %s\n%26s %s\n", head, "", o->text);
        else
            fprintf(f, "  %-24s %s\n", head, o->text);
    }
}

void cli_print_usage(FILE *f)
{
    fprintf(f,
            "usage: weir COMMAND [options] [arguments]\n"
            "       weir --version | --help\n\n"
            "Couples simulations with machine learning while they run.\n\ncommands:\n");
    for (int i = 0; i < cli_n_commands; i++)
        fprintf(f, "  %-8s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    fprintf(
        f,
        "\n'weir help COMMAND' explains a command, 'weir help verbs' lists what a client "
        "can do.\nexit status: 0 done, 1 failed, 2 wrong usage\n");
}
