/* SPDX-License-Identifier: BSD-3-Clause */
/* The program `weir`: finds the command and hands it its arguments. */
#include <string.h>

#include "cli/cli.h"

const cli_command *const cli_commands[] = {&cli_info,  &cli_model, &cli_bench,
                                           &cli_redis, &cli_probe, &cli_help};
const int cli_n_commands = sizeof cli_commands / sizeof *cli_commands;

const cli_command *cli_find(const char *name)
{
    for (int i = 0; i < cli_n_commands; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    }
    return NULL;
}

static const char *command_name(const void *table, int i)
{
    (void)table;
    return i < cli_n_commands ? cli_commands[i]->name : NULL;
}

static int unknown(const char *word)
{
    const char *close = cli_closest(word, command_name, NULL);
    if (close != NULL)
        return cli_fail(CLI_USAGE, "",
                        "no command '%s', did you mean '%s'? 'weir help' lists them",
                        word, close);
    return cli_fail(CLI_USAGE, "", "no command '%s'; 'weir help' lists them", word);
}

/* A full disk or a closed pipe must not look like success. */
static int finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return cli_fail(CLI_FAILED, "", "writing the output failed");
    return status;
}

int main(int argc, char **argv)
{
    bool help = false;
    int n = argc - 2;

    if (argc < 2) {
        cli_print_usage(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("weir %s\n", weir_version());
        return finish(CLI_OK);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_print_usage(stdout);
        return finish(CLI_OK);
    }
    const cli_command *c = cli_find(argv[1]);
    if (c == NULL)
        return unknown(argv[1]);
    if (!cli_parse(c, &n, argv + 2, &help))
        return CLI_USAGE;
    if (help) {
        cli_print_command(stdout, c);
        return finish(CLI_OK);
    }
    return finish(c->run(argv + 2, n));
}
