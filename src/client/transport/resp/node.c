/* SPDX-License-Identifier: BSD-3-Clause */
/* Servers and their idle connections. */
#include "client/transport/resp/node.h"

#include "base/alloc.h"

weir_status wr_node_new(wr_node **out, const wr_place *place, weir_error *err)
{
    wr_text name = {0};
    bool number = strchr(place->host, ':') != NULL;
    wr_node *n = wr_calloc(1, sizeof *n);
    if (n != NULL)
        n->place = (wr_place){wr_dup(place->host, strlen(place->host)), place->port};
    if (place->port == 0)
        wr_text_printf(&name, "unix:%s", place->host);
    else
        wr_text_printf(&name, number ? "[%s]:%d" : "%s:%d", place->host, place->port);
    if (n == NULL || n->place.host == NULL || name.failed) {
        if (n != NULL)
            wr_free(n->place.host);
        wr_free(n);
        wr_text_fini(&name);
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for the server %s", place->host);
    }
    n->name = name.p;
    wr_mutex_init(&n->lock, WR_LEVEL_LEAF);
    *out = n;
    return WEIR_OK;
}

void wr_node_drop_idle(wr_node *n)
{
    wr_lock(&n->lock);
    wr_conn *c = n->idle;
    n->idle = NULL;
    n->n_idle = 0;
    wr_unlock(&n->lock);
    while (c != NULL) {
        wr_conn *next = c->next;
        wr_conn_close(c);
        c = next;
    }
}

void wr_node_free(wr_node *n)
{
    if (n == NULL)
        return;
    wr_node_drop_idle(n);
    wr_mutex_fini(&n->lock);
    wr_free(n->place.host);
    wr_free(n->name);
    wr_free(n);
}

static wr_conn *take_idle(wr_node *n)
{
    wr_lock(&n->lock);
    wr_conn *c = n->idle;
    if (c != NULL) {
        n->idle = c->next;
        n->n_idle--;
    }
    wr_unlock(&n->lock);
    return c;
}

wr_conn *wr_node_take_idle(wr_node *n, int64_t now)
{
    const int64_t fresh_ns = 20000; /* a look costs a fiftieth of a small call */
    for (wr_conn *c; (c = take_idle(n)) != NULL;) {
        if (now - c->used_ns < fresh_ns || !wr_socket_is_stale(&c->socket))
            return c;
        wr_conn_close(c);
    }
    return NULL;
}

weir_status wr_node_take(wr_node *n, wr_line *line, weir_deadline until, wr_conn **out,
                         weir_error *err)
{
    wr_conn *c = wr_node_take_idle(n, weir_now_ns());
    if (c == NULL)
        return wr_conn_open(out, line, &n->place, n->name, until, err);
    *out = c;
    return WEIR_OK;
}

void wr_node_give(wr_node *n, wr_conn *c)
{
    bool keep = wr_conn_is_reusable(c);
    if (keep) {
        c->used_ns = weir_now_ns();
        wr_lock(&n->lock);
        keep = n->n_idle < WR_IDLE_MAX;
        if (keep) {
            c->next = n->idle;
            n->idle = c;
            n->n_idle++;
        }
        wr_unlock(&n->lock);
    }
    if (!keep)
        wr_conn_close(c);
}
