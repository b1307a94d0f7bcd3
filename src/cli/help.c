/* SPDX-License-Identifier: BSD-3-Clause */
/* `weir help`: commands, and what a client can do, from the generated table of verbs. */
#include <string.h>

#include "cli/cli.h"
#include "spec/commands.h"

typedef struct verb {
    const char *name, *group;
    bool writes;
    const char *calls, *wire, *summary;
} verb;

static const verb verbs[] = {
#define X(name, group, writes, calls, wire, summary)                                     \
    {#name, group, writes, calls, wire, summary},
    WR_COMMAND_MAP(X)
#undef X
};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

/* Commands first, then verbs. */
static const char *topic_name(const void *table, int i)
{
    (void)table;
    if (i < cli_n_commands)
        return cli_commands[i]->name;
    i -= cli_n_commands;
    return i < N_VERBS ? verbs[i].name : i == N_VERBS ? "verbs" : NULL;
}

static void print_verbs(void)
{
    const char *group = "";
    for (int i = 0; i < N_VERBS; i++) {
        if (strcmp(group, verbs[i].group) != 0) {
            group = verbs[i].group;
            cli_headline(group);
        }
        printf("  %-18s %s\n", verbs[i].name, verbs[i].summary);
    }
}

static void print_verb(const verb *v)
{
    cli_headline(v->name);
    printf("%s\n\n", v->summary);
    printf("group    %s\n", v->group);
    printf("effect   %s\n", v->writes ? "changes the store" : "reads only");
    printf("C        %s\n", v->calls);
    if (v->wire[0] != '\0')
        printf("on wire  %s\n", v->wire);
}

static int run(char **args, int n_args)
{
    if (n_args == 0) {
        cli_print_usage(stdout);
        return CLI_OK;
    }
    const cli_command *c = cli_find(args[0]);
    if (c != NULL) {
        cli_print_command(stdout, c);
        return CLI_OK;
    }
    if (strcmp(args[0], "verbs") == 0) {
        print_verbs();
        return CLI_OK;
    }
    for (int i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i].name, args[0]) == 0) {
            print_verb(&verbs[i]);
            return CLI_OK;
        }
    }
    const char *close = cli_closest(args[0], topic_name, NULL);
    if (close != NULL)
        return cli_fail(CLI_USAGE, "help", "nothing about '%s', did you mean '%s'?",
                        args[0], close);
    return cli_fail(CLI_USAGE, "help",
                    "nothing about '%s'; 'weir help' lists commands, 'weir help "
                    "verbs' what a client can do",
                    args[0]);
}

const cli_command cli_help = {.name = "help",
                              .arguments = "[COMMAND | VERB | verbs]",
                              .max_args = 1,
                              .summary = "explain a command, or a verb of the client",
                              .text = "Without an argument lists the commands. 'weir "
                                      "help verbs' lists what a client can do,\n"
                                      "by group; 'weir help VERB' says which C functions "
                                      "do it and which wire commands.\n",
                              .run = run};
