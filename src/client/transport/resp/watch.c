/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread that waits for keys. */
#include "client/transport/resp/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

enum {
    CONNECT_MS = 500, /* longest that one wait's new connection holds up the others */
    ANSWER_MS = 2000  /* an answer that has begun is there within this */
};

struct wr_watcher {
    wr_wait *wait; /* NULL: nobody waits any more */
    wr_node *node;
    wr_conn *conn; /* NULL: to be opened, not before `again` */
    int slot;
    int64_t pause_ms;
    weir_deadline again;
    wr_req req; /* the WEIR.POLL; its key lies behind this struct */
    wr_watcher *next;
};

void wr_watches_init(wr_watches *w, wr_errands *errands)
{
    *w = (wr_watches){.errands = errands, .wake = {-1, -1}};
    wr_mutex_init(&w->lock, WR_LEVEL_CLIENT);
}

static void wake(wr_watches *w)
{
    ssize_t n = write(w->wake[1], "", 1); /* full: it will wake anyhow */
    (void)n;
}

static void free_watcher(wr_watcher *x)
{
    wr_conn_close(x->conn);
    wr_free(x);
}

void wr_watches_fini(wr_watches *w)
{
    if (w->errands == NULL)
        return;
    if (w->started) {
        wr_lock(&w->lock);
        w->stop = true;
        wr_unlock(&w->lock);
        wake(w);
        pthread_join(w->thread, NULL);
    }
    while (w->first != NULL) {
        wr_watcher *x = w->first;
        w->first = x->next;
        free_watcher(x);
    }
    for (int i = 0; i < 2; i++) {
        if (w->wake[i] >= 0)
            close(w->wake[i]);
    }
    wr_mutex_fini(&w->lock);
    *w = (wr_watches){0};
}

/* ---- one wait ---- */

/* Send the WEIR.POLL on a connection of its own. Without the lock. */
static weir_status ask(wr_watches *w, wr_watcher *x, weir_deadline until, weir_error *err)
{
    x->node = wr_topology_find(w->errands->topology, x->slot);
    if (x->node == NULL)
        return weir_fail(err, WEIR_ERR_CLOSED, "no shard serves its slot");
    weir_status st = wr_node_take(x->node, w->errands->line, until, &x->conn, err);
    if (st == WEIR_OK) {
        wr_conn_begin(x->conn, until);
        st = wr_wire_encode(&x->conn->flow.e, &x->req, err);
    }
    if (st == WEIR_OK)
        st = wr_conn_push(x->conn, err);
    if (st == WEIR_OK && wr_conn_is_sending(x->conn))
        st = weir_fail(err, WEIR_ERR_CLOSED, "it could not be sent");
    if (st != WEIR_OK) {
        wr_conn_close(x->conn);
        x->conn = NULL;
    }
    return st;
}

static void ask_later(wr_watches *w, wr_watcher *x)
{
    x->pause_ms = x->pause_ms == 0 ? 5 : x->pause_ms * 2;
    if (x->pause_ms > w->errands->pause_ms)
        x->pause_ms = w->errands->pause_ms;
    x->again = weir_deadline_in_ms(x->pause_ms);
}

/* An answer has come, or the connection broke. With the lock held, which `fired` allows. */
static void answer(wr_watches *w, wr_watcher *x)
{
    weir_error why = {0};
    wr_rep rep = {0};
    wr_node *to = NULL;
    bool asking = false;
    wr_errand e = {.req = &x->req,
                   .rep = &rep,
                   .name = x->req.key,
                   .slot = x->slot,
                   .repeatable = true,
                   .until = weir_deadline_in_ms(ANSWER_MS),
                   .error = &why};
    x->conn->until = e.until;
    weir_error inner = {0};
    wr_verdict v = wr_errand_read(w->errands, &e, x->conn, x->node, true, &to, &asking,
                                  weir_now_ns(), &inner);
    bool met = v == WR_DONE && e.st == WEIR_OK && rep.flag;
    bool failed = v == WR_DONE && e.st != WEIR_OK && e.st != WEIR_ERR_TIMEOUT &&
                  e.st != WEIR_ERR_CLOSED;
    wr_node_give(x->node, x->conn);
    x->conn = NULL;
    if (met || failed) {
        wr_wait *wait = x->wait;
        x->wait = NULL;
        wait->own = NULL;
        wait->fired(wait, e.st, &why);
    } else {
        ask_later(w, x);
    }
}

/* ---- the thread ---- */

typedef struct pollers {
    struct pollfd *p;
    wr_watcher **x; /* of p[1 ..] */
    size_t n, room;
} pollers;

static bool grow(pollers *s, size_t n)
{
    if (n <= s->room)
        return true;
    size_t room = n * 2 + 8;
    struct pollfd *p = wr_realloc(s->p, room * sizeof *p);
    s->p = p == NULL ? s->p : p;
    wr_watcher **x = p == NULL ? NULL : wr_realloc(s->x, room * sizeof(wr_watcher *));
    s->x = x == NULL ? s->x : x;
    if (p == NULL || x == NULL)
        return false;
    s->room = room;
    return true;
}

/* Drop those for whom nobody waits; what is left is polled. With the lock held; the moment by which
 * one without a connection is to be asked again. */
static weir_deadline collect(wr_watches *w, pollers *s)
{
    weir_deadline soonest = WEIR_NEVER;
    size_t n = 1;
    for (wr_watcher **at = &w->first; *at != NULL;) {
        wr_watcher *x = *at;
        if (x->wait == NULL) {
            *at = x->next;
            free_watcher(x);
            continue;
        }
        at = &x->next;
        n++;
    }
    s->n = 0;
    if (!grow(s, n)) /* no memory: look again in a moment */
        return weir_deadline_in_ms(100);
    s->p[0] = (struct pollfd){.fd = w->wake[0], .events = POLLIN};
    s->x[0] = NULL;
    s->n = 1;
    for (wr_watcher *x = w->first; x != NULL; x = x->next) {
        if (x->conn == NULL && x->again < soonest)
            soonest = x->again;
        s->p[s->n] = (struct pollfd){.fd = x->conn == NULL ? -1 : x->conn->socket.fd,
                                     .events = POLLIN};
        s->x[s->n++] = x;
    }
    return soonest;
}

/* Ask again for one whose moment has come: opening may take a while, so without the lock. Only this
 * thread frees watchers. */
static void reopen(wr_watches *w)
{
    int64_t now = weir_now_ns();
    wr_lock(&w->lock);
    wr_watcher *x = w->first;
    while (x != NULL && !(x->wait != NULL && x->conn == NULL && x->again <= now))
        x = x->next;
    wr_watcher copy = x == NULL ? (wr_watcher){0} : *x;
    wr_unlock(&w->lock);
    if (x == NULL)
        return;
    weir_status st = ask(w, &copy, weir_deadline_in_ms(CONNECT_MS), NULL);
    if (st != WEIR_OK && copy.node != NULL)
        wr_topology_failed(w->errands->topology, copy.node,
                           weir_deadline_in_ms(CONNECT_MS));
    wr_lock(&w->lock);
    x->node = copy.node;
    x->conn = copy.conn;
    if (st != WEIR_OK)
        ask_later(w, x);
    wr_unlock(&w->lock);
}

static void drain_wake(const wr_watches *w)
{
    char rest[64];
    while (read(w->wake[0], rest, sizeof rest) == (ssize_t)sizeof rest)
        ;
}

static void *watch_thread(void *arg)
{
    wr_watches *w = arg;
    pollers s = {0};
    for (;;) {
        wr_lock(&w->lock);
        bool stop = w->stop;
        weir_deadline soonest = collect(w, &s);
        wr_unlock(&w->lock);
        if (stop)
            break;
        if (poll(s.p, (nfds_t)s.n, wr_poll_ms(soonest)) > 0) {
            if (s.p[0].revents != 0)
                drain_wake(w);
            wr_lock(&w->lock);
            for (size_t i = 1; i < s.n; i++) {
                wr_watcher *x = s.x[i];
                if (s.p[i].revents != 0 && x->wait != NULL && x->conn != NULL)
                    answer(w, x);
            }
            wr_unlock(&w->lock);
        }
        reopen(w);
    }
    wr_free(s.p);
    wr_free(s.x);
    return NULL;
}

/* ---- adding and removing ---- */

/* With the lock held. */
static weir_status start(wr_watches *w, weir_error *err)
{
    if (w->started)
        return WEIR_OK;
    if (w->wake[0] < 0 && pipe2(w->wake, O_CLOEXEC | O_NONBLOCK) != 0)
        return weir_fail(err, WEIR_ERR_NOMEM, "poll: no pipe for its thread: %s",
                         strerror(errno));
    weir_status st = wr_thread_start(&w->thread, "weir-watch", watch_thread, w, err);
    w->started = st == WEIR_OK;
    return st;
}

weir_status wr_watches_add(wr_watches *w, wr_wait *wait, int slot, weir_str key,
                           weir_error *err)
{
    wr_watcher *x = wr_alloc(sizeof *x + key.n);
    if (x == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "poll '%.*s': no memory", WR_NAME(key));
    char *own = (char *)(x + 1);
    memcpy(own, key.p, key.n);
    *x = (wr_watcher){.wait = wait,
                      .slot = slot,
                      .req = {.command = WR_CMD_poll,
                              .kind = wait->kind,
                              .key = {own, key.n},
                              .by_length = wait->by_length,
                              .how = wait->how,
                              .length = wait->length,
                              .limit = {-1, WEIR_NEVER}}};
    weir_deadline until = weir_deadline_in_ms(CONNECT_MS);
    if (ask(w, x, until < wait->until ? until : wait->until, NULL) != WEIR_OK)
        ask_later(w, x); /* the thread tries until the wait ends */
    wr_lock(&w->lock);
    weir_status st = start(w, err);
    if (st == WEIR_OK) {
        x->next = w->first;
        w->first = x;
        wait->own = x;
    }
    wr_unlock(&w->lock);
    if (st == WEIR_OK)
        wake(w);
    else
        free_watcher(x);
    return st;
}

/* The server drops the wait when it sees the connection end: at once, whatever the thread does. */
void wr_watches_remove(wr_watches *w, wr_wait *wait)
{
    wr_lock(&w->lock);
    wr_watcher *x = wait->own;
    wait->own = NULL;
    if (x != NULL) {
        x->wait = NULL;
        if (x->conn != NULL)
            shutdown(x->conn->socket.fd, SHUT_RDWR);
    }
    wr_unlock(&w->lock);
    if (x != NULL)
        wake(w);
}
