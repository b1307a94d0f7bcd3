/* SPDX-License-Identifier: BSD-3-Clause */
/* `weir info --address`: who answers there, which backends its models have, what it has done. */
#include "cli/info.h"

#include "cli/cli.h"

enum { SERVERS_MAX = 64, STATS_MAX = 512, TIMEOUT_MS = 5000 };

typedef struct answer {
    weir_server_info server[SERVERS_MAX];
    weir_backend_info backend[INFO_BACKENDS_MAX];
    weir_stat stat[STATS_MAX];
    int n_servers, n_backends, n_stats;
} answer;

static int at_most(size_t n, int most)
{
    return n > (size_t)most ? most : (int)n;
}

/* An address that nobody was told apart from has no name of its own: embedded. */
static const char *name_of(const weir_server_info *s)
{
    return s->address[0] == '\0' ? "this process" : s->address;
}

static void print_text(const answer *a)
{
    cli_headline(a->n_servers == 1 ? "server" : "servers");
    for (int i = 0; i < a->n_servers; i++) {
        const weir_server_info *s = &a->server[i];
        printf("  %-28s %s %s, Weir %s\n", name_of(s),
               s->kind[0] == '\0' ? "it does not say what it is" : s->kind, s->version,
               s->weir[0] == '\0' ? "of unknown version" : s->weir);
    }
    printf("  %-28s Weir %s\n", "this program", weir_version());
    cli_headline("backends there");
    info_backends_text(a->backend, a->n_backends);
    cli_headline("statistics");
    for (int i = 0; i < a->n_stats; i++) {
        const weir_stat *s = &a->stat[i];
        if (s->value > 0)
            printf("  %-28s %14.6g %-6s %s\n", s->name, s->value,
                   s->unit[0] == '1' ? "" : s->unit, s->description);
    }
}

static void print_json(const answer *a)
{
    json j = {.f = stdout};
    json_open(&j, NULL, '{');
    json_text(&j, "version", weir_version());
    json_open(&j, "servers", '[');
    for (int i = 0; i < a->n_servers; i++) {
        json_open(&j, NULL, '{');
        json_text(&j, "address", a->server[i].address);
        json_text(&j, "kind", a->server[i].kind);
        json_text(&j, "version", a->server[i].version);
        json_text(&j, "weir", a->server[i].weir);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    info_backends_json(&j, a->backend, a->n_backends);
    json_open(&j, "statistics", '{');
    for (int i = 0; i < a->n_stats; i++)
        json_real(&j, a->stat[i].name, a->stat[i].value);
    json_close(&j, '}');
    json_close(&j, '}');
}

int info_address(const char *address, bool as_json)
{
    static answer a;
    weir_client *c = NULL;
    weir_error err;
    weir_client_options opt = {.struct_bytes = sizeof opt, .timeout_ms = TIMEOUT_MS};
    if (weir_client_new(&c, weir_cstr(address), &opt, &err) != WEIR_OK)
        return cli_fail(CLI_FAILED, "info", "%s", err.text);
    a.n_servers = at_most(weir_servers(c, a.server, SERVERS_MAX), SERVERS_MAX);
    a.n_backends =
        at_most(weir_backends(c, a.backend, INFO_BACKENDS_MAX), INFO_BACKENDS_MAX);
    a.n_stats = at_most(weir_client_statistics(c, a.stat, STATS_MAX), STATS_MAX);
    if (as_json)
        print_json(&a);
    else
        print_text(&a);
    weir_client_free(c);
    return CLI_OK;
}
