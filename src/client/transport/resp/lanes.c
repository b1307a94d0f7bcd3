/* SPDX-License-Identifier: BSD-3-Clause */
/* Several errands side by side: a lane is one connection with the errands for its server, all written
 * at once; whichever lane has an answer is read next. What a lane can't end goes the single way. */
#include <errno.h>
#include <poll.h>

#include "base/alloc.h"
#include "client/transport/resp/errand.h"

typedef struct lane {
    wr_node *node;
    wr_conn *conn;
    wr_errand *first, *last; /* not answered yet, in order */
} lane;

typedef struct lanes {
    wr_errands *x;
    lane *l;
    struct pollfd *p;
    size_t n;
    weir_deadline until;
    int64_t begin;
} lanes;

/* ---- filling ---- */

static lane *lane_of(lanes *s, wr_node *node)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->l[i].node == node)
            return &s->l[i];
    }
    s->l[s->n] = (lane){.node = node};
    return &s->l[s->n++];
}

static void distribute(lanes *s, wr_errand *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        wr_node *node =
            e[i].node != NULL ? e[i].node : wr_topology_find(s->x->topology, e[i].slot);
        e[i].next = NULL;
        if (node == NULL)
            continue; /* the single way waits for somebody to serve it */
        lane *l = lane_of(s, node);
        if (l->last == NULL)
            l->first = &e[i];
        else
            l->last->next = &e[i];
        l->last = &e[i];
    }
}

static uint64_t encoded_bytes(const wr_encoded *w, size_t *i_payload, uint64_t *payloads)
{
    for (; *i_payload < w->n_payloads; (*i_payload)++)
        *payloads += weir_tensor_bytes(&w->payload[*i_payload].view);
    return w->text.n + *payloads;
}

static void drop_lane(lane *l)
{
    wr_conn_close(l->conn);
    l->conn = NULL;
    l->first = l->last = NULL;
}

/* The lane's connection is lost: what may have been executed fails, the rest goes the single way. */
static void abandon(lanes *s, lane *l)
{
    uint64_t sent = l->conn->flow.sent;
    for (wr_errand *e = l->first; e != NULL; e = e->next) {
        weir_error said = {0};
        if (e->done || e->repeatable || sent < e->end)
            continue;
        weir_fail(
            &said, WEIR_ERR_CLOSED,
            "'%.*s': the connection to %s was lost after %.3f s; the command may have "
            "been executed",
            WR_NAME(e->name), l->node->name, (double)(weir_now_ns() - s->begin) * 1e-9);
        wr_errand_end(e, WEIR_ERR_CLOSED, &said);
    }
    drop_lane(l);
}

/* Errands that can't be put into words end here; the others stay in the lane. */
static void load(lanes *s, lane *l)
{
    weir_error why = {0};
    size_t i_payload = 0;
    uint64_t payloads = 0;
    wr_errand **at = &l->first;
    weir_deadline until = wr_errand_connect_until(s->x, s->until);
    if (wr_node_take(l->node, s->x->line, until, &l->conn, NULL) != WEIR_OK) {
        drop_lane(l);
        return;
    }
    wr_conn_begin(l->conn, s->until);
    while (*at != NULL) {
        wr_errand *e = *at;
        weir_status st = wr_errand_encode(e, l->conn, &why);
        if (st != WEIR_OK) {
            wr_errand_end(e, st, &why);
            *at = e->next;
            continue;
        }
        e->end = encoded_bytes(&l->conn->flow.e, &i_payload, &payloads);
        at = &e->next;
    }
    if (wr_conn_push(l->conn, NULL) != WEIR_OK)
        abandon(s, l);
}

/* ---- reading ---- */

static void read_one(lanes *s, lane *l)
{
    wr_errand *e = l->first;
    wr_node *to;
    weir_error why;
    bool asking = false;
    bool sent = l->conn->flow.sent >= e->end;
    (void)wr_errand_read(s->x, e, l->conn, l->node, sent, &to, &asking, s->begin, &why);
    if (l->conn->reader.failed) {
        abandon(s, l);
        return;
    }
    l->first = e->next;
    if (l->first == NULL) {
        wr_node_give(l->node, l->conn);
        l->conn = NULL;
    }
}

static bool has_bytes(const wr_conn *c)
{
    return c->reader.begin < c->reader.end ||
           (c->socket.tls != NULL && wr_tls_has_more(c->socket.tls));
}

/* Wait for any lane; false: the time is over. */
static bool await(lanes *s)
{
    nfds_t n = 0;
    bool ready = false;
    for (size_t i = 0; i < s->n; i++) {
        const wr_conn *c = s->l[i].conn;
        s->p[i] = (struct pollfd){.fd = -1};
        if (c == NULL)
            continue;
        ready |= has_bytes(c);
        s->p[i].fd = c->socket.fd;
        s->p[i].events = wr_socket_events(&c->socket, wr_conn_is_sending(c));
        n = (nfds_t)i + 1;
    }
    for (;;) {
        int rc = poll(s->p, n, ready ? 0 : wr_poll_ms(s->until));
        if (rc > 0 || ready || (rc < 0 && errno != EINTR))
            return true;
        if (weir_now_ns() >= s->until)
            return false;
    }
}

/* One round over the lanes; false: none is left. */
static bool serve(lanes *s)
{
    bool any = false;
    for (size_t i = 0; i < s->n; i++) {
        lane *l = &s->l[i];
        if (l->conn == NULL)
            continue;
        if ((s->p[i].revents & POLLOUT) != 0 && wr_conn_push(l->conn, NULL) != WEIR_OK) {
            abandon(s, l);
            continue;
        }
        if ((s->p[i].revents & ~POLLOUT) != 0 || has_bytes(l->conn))
            read_one(s, l);
        any |= l->conn != NULL;
    }
    return any;
}

/* Nothing came in time: reading says so, errand by errand. */
static void expire(lanes *s)
{
    for (size_t i = 0; i < s->n; i++) {
        while (s->l[i].conn != NULL)
            read_one(s, &s->l[i]);
    }
}

static void run_lanes(lanes *s)
{
    bool any = false;
    for (size_t i = 0; i < s->n; i++) {
        load(s, &s->l[i]);
        if (s->l[i].conn != NULL && s->l[i].first == NULL) {
            wr_node_give(s->l[i].node, s->l[i].conn);
            s->l[i].conn = NULL;
        }
        any |= s->l[i].conn != NULL;
    }
    while (any) {
        if (!await(s)) {
            expire(s);
            return;
        }
        any = serve(s);
    }
}

weir_status wr_errands_do(wr_errands *x, wr_errand *e, size_t n)
{
    weir_status first = WEIR_OK;
    lanes s = {.x = x, .until = n > 0 ? e[0].until : 0, .begin = weir_now_ns()};
    size_t n_nodes = n < WR_NODES_MAX ? n : WR_NODES_MAX;
    if (n > 1) {
        s.l = wr_calloc(n_nodes, sizeof *s.l);
        s.p = wr_calloc(n_nodes, sizeof *s.p);
        if (s.l != NULL && s.p != NULL) { /* else all go the single way */
            distribute(&s, e, n);
            run_lanes(&s);
        }
        wr_free(s.l);
        wr_free(s.p);
    }
    for (size_t i = 0; i < n; i++) {
        if (!e[i].done)
            wr_errand_do(x, &e[i]);
        if (first == WEIR_OK)
            first = e[i].st;
    }
    return first;
}
