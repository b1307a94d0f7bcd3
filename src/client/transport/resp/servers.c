/* SPDX-License-Identifier: BSD-3-Clause */
/* Who answers: each server's kind and version, and Weir's there, out of its INFO. */
#include <stdio.h>

#include "base/alloc.h"
#include "client/transport/resp/resp.h"

enum { INFO_MAX = 16384 };

typedef struct listed {
    weir_server_info *out;
    size_t room, n;
} listed;

/* The value of a line "name:value", cut at the room; empty where there is none. */
static void find_line(const char *text, const char *name, char *out, size_t room)
{
    size_t n = strlen(name);
    out[0] = '\0';
    for (const char *p = text; p != NULL && *p != '\0'; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncmp(p, name, n) != 0 || p[n] != ':')
            continue;
        size_t length = strcspn(p + n + 1, "\r\n");
        length = length < room - 1 ? length : room - 1;
        memcpy(out, p + n + 1, length);
        out[length] = '\0';
        return;
    }
}

static void describe(weir_server_info *s, const char *name, const char *text)
{
    snprintf(s->address, sizeof s->address, "%s", name);
    find_line(text, "server_name", s->kind, sizeof s->kind); /* Valkey's */
    find_line(text, "valkey_version", s->version, sizeof s->version);
    if (s->version[0] == '\0')
        find_line(text, "redis_version", s->version, sizeof s->version);
    if (s->kind[0] == '\0' && s->version[0] != '\0')
        snprintf(s->kind, sizeof s->kind, "redis");
    find_line(text, "ai_version", s->weir, sizeof s->weir); /* the module's section */
}

static weir_status read_info(wr_errand *e, wr_reader *r, weir_error *err)
{
    listed *l = e->context;
    size_t n;
    char *text = wr_alloc(INFO_MAX);
    if (text == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for what a server tells");
    weir_status st = wr_resp_read_text(r, text, INFO_MAX, &n, err);
    if (st == WEIR_OK && l->n < l->room) {
        l->out[l->n] = (weir_server_info){0};
        describe(&l->out[l->n], e->node == NULL ? "" : e->node->name, text);
    }
    l->n += st == WEIR_OK;
    wr_free(text);
    return st;
}

size_t wr_resp_servers(wr_resp *l, weir_server_info *out, size_t n)
{
    const weir_str words[] = {WEIR_STR("INFO"), WEIR_STR("server"), WEIR_STR("ai")};
    listed all = {out, n, 0};
    wr_resp_ask_all(l, words, sizeof words / sizeof *words, false, read_info, &all);
    return all.n;
}
