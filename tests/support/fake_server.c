/* SPDX-License-Identifier: BSD-3-Clause */
/* The fake server's sockets and threads. */
#include "support/fake_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

void fake_send(fake_conn *c, const void *p, size_t n)
{
    const char *from = p;
    while (n > 0) {
        size_t some = c->chunk > 0 && c->chunk < n ? c->chunk : n;
        ssize_t sent = send(c->fd, from, some, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        from += sent;
        n -= (size_t)sent;
    }
}

void fake_say(fake_conn *c, const char *text)
{
    fake_send(c, text, strlen(text));
}

bool fake_is(const fake_conn *c, const char *word)
{
    return c->word[0].n == strlen(word) &&
           strncasecmp(c->word[0].p, word, c->word[0].n) == 0;
}

/* A line's number behind its mark; *end is behind its LF. 0: not whole yet. */
static const char *number(const char *p, const char *end, long *out)
{
    const char *lf = memchr(p, '\n', (size_t)(end - p));
    if (lf == NULL)
        return NULL;
    *out = strtol(p + 1, NULL, 10);
    return lf + 1;
}

/* Bytes of the first command in the buffer, its words set; 0: not whole yet. */
static size_t parse(fake_conn *c)
{
    const char *p = c->buffer, *end = c->buffer + c->n;
    long n, bytes;
    if (c->n == 0 || (p = number(p, end, &n)) == NULL)
        return 0;
    c->n_words = 0;
    for (long i = 0; i < n; i++) {
        if (p == end || (p = number(p, end, &bytes)) == NULL || end - p < bytes + 2)
            return 0;
        if (c->n_words < FAKE_WORDS)
            c->word[c->n_words++] = (weir_str){p, (size_t)bytes};
        p += bytes + 2;
    }
    return (size_t)(p - c->buffer);
}

static bool answer(fake_conn *c)
{
    if (fake_is(c, "CLIENT")) {
        fake_say(c, "+OK\r\n");
        return true;
    }
    if (!fake_is(c, "CLUSTER") && !fake_is(c, "AUTH") && !fake_is(c, "SELECT"))
        atomic_fetch_add(&c->server->n_commands, 1);
    return c->server->handle(c, c->server->context);
}

static void reset(const fake_conn *c)
{
    struct linger now = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void *serve(void *arg)
{
    fake_conn *c = arg;
    for (bool going = true; going;) {
        if (c->room - c->n < 65536) {
            c->room = c->room * 2 + 131072;
            c->buffer = realloc(c->buffer, c->room);
            must(c->buffer != NULL, "realloc");
        }
        ssize_t got = recv(c->fd, c->buffer + c->n, c->room - c->n, 0);
        if (got <= 0)
            break;
        c->n += (size_t)got;
        int limit = atomic_load(&c->server->limit);
        if (limit > 0 && c->n > (size_t)limit) {
            reset(c);
            break;
        }
        int half = atomic_load(&c->server->half);
        if (half > 0 && c->n > (size_t)half) {
            atomic_store(&c->server->half, 0);
            (void)c->server->at_half(c, c->server->context);
        }
        for (size_t used; going && (used = parse(c)) > 0;) {
            going = answer(c);
            memmove(c->buffer, c->buffer + used, c->n - used);
            c->n -= used;
        }
    }
    shutdown(c->fd, SHUT_RDWR);
    atomic_fetch_sub(&c->server->n_open, 1);
    return NULL;
}

static void *accept_all(void *arg)
{
    fake_server *s = arg;
    for (;;) {
        int fd = accept(s->fd, NULL, NULL), on = 1;
        if (fd < 0 || atomic_load(&s->stop)) {
            if (fd >= 0)
                close(fd);
            return NULL;
        }
        int i = atomic_load(&s->n_connections);
        must(i < FAKE_CONNECTIONS, "connections of a fake server");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        s->conn[i] = (fake_conn){.server = s, .fd = fd, .number = i};
        atomic_fetch_add(&s->n_open, 1);
        must(pthread_create(&s->conn[i].thread, NULL, serve, &s->conn[i]) == 0, "thread");
        atomic_fetch_add(&s->n_connections, 1);
    }
}

void fake_start(fake_server *s, int port, fake_handler handle, void *context)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int on = 1;
    memset(s, 0, sizeof *s);
    s->handle = handle;
    s->context = context;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(s->fd >= 0, "socket");
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    must(bind(s->fd, (struct sockaddr *)&a, sizeof a) == 0, "bind");
    must(listen(s->fd, 64) == 0, "listen");
    must(getsockname(s->fd, (struct sockaddr *)&a, &n) == 0, "getsockname");
    s->port = ntohs(a.sin_port);
    must(pthread_create(&s->thread, NULL, accept_all, s) == 0, "thread");
}

void fake_stop(fake_server *s)
{
    atomic_store(&s->stop, true);
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    for (int i = 0; i < atomic_load(&s->n_connections); i++) {
        shutdown(s->conn[i].fd, SHUT_RDWR);
        pthread_join(s->conn[i].thread, NULL);
        close(s->conn[i].fd);
        free(s->conn[i].buffer);
    }
}

const char *fake_address(const fake_server *s, char *text, size_t n)
{
    snprintf(text, n, "redis://127.0.0.1:%d", s->port);
    return text;
}
