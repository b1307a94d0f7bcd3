/* SPDX-License-Identifier: BSD-3-Clause */
/* Connecting, sending and receiving with deadlines. */
#include "client/transport/resp/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

enum { TOGETHER = 2048 }; /* bytes of several pieces that go out as one */

int wr_poll_ms(weir_deadline until)
{
    const int64_t day = 24 * 3600 * 1000;
    if (until == WEIR_NEVER)
        return (int)day;
    int64_t left = until - weir_now_ns();
    if (left <= 0)
        return 0;
    int64_t ms = (left + 999999) / 1000000;
    return (int)(ms < day ? ms : day);
}

short wr_socket_events(const wr_socket *s, bool write)
{
    return (short)(POLLIN | (write || s->tls_wants_write ? POLLOUT : 0));
}

bool wr_socket_wait(const wr_socket *s, bool write, weir_deadline until)
{
    struct pollfd p = {.fd = s->fd, .events = wr_socket_events(s, write)};
    for (;;) {
        int rc = poll(&p, 1, wr_poll_ms(until));
        if (rc > 0 || (rc < 0 && errno != EINTR))
            return true; /* errors show when it is read */
        if (weir_now_ns() >= until)
            return false;
    }
}

/* ---- opening ---- */

static weir_status cannot(weir_error *err, weir_status st, const char *name, int e)
{
    return weir_fail(err, st, "the server at %s can't be reached: %s", name, strerror(e));
}

static weir_status too_late(weir_error *err, const char *name)
{
    return weir_fail(err, WEIR_ERR_TIMEOUT,
                     "the server at %s can't be reached: no answer in time", name);
}

/* Waits for the connection that was begun on s->fd. */
static weir_status await_connection(wr_socket *s, const char *name, weir_deadline until,
                                    weir_error *err)
{
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};
    int e = 0;
    socklen_t n = sizeof e;
    for (int rc = 0; rc <= 0;) {
        rc = poll(&p, 1, wr_poll_ms(until));
        if (rc < 0 && errno != EINTR)
            return cannot(err, WEIR_ERR_CLOSED, name, errno);
        if (rc <= 0 && weir_now_ns() >= until)
            return too_late(err, name);
    }
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &n);
    return e == 0 ? WEIR_OK : cannot(err, WEIR_ERR_CLOSED, name, e);
}

static weir_status connect_to(wr_socket *s, const struct sockaddr *a, socklen_t n,
                              const char *name, weir_deadline until, weir_error *err)
{
    s->fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0)
        return cannot(err, WEIR_ERR_IO, name, errno);
    weir_status st = WEIR_OK;
    if (connect(s->fd, a, n) != 0) {
        if (errno == EINPROGRESS || errno == EINTR)
            st = await_connection(s, name, until, err);
        else
            st = cannot(err, WEIR_ERR_CLOSED, name, errno);
    }
    if (st != WEIR_OK)
        wr_socket_close(s);
    return st;
}

static weir_status open_path(wr_socket *s, const char *path, const char *name,
                             weir_deadline until, weir_error *err)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof a.sun_path)
        return weir_fail(
            err, WEIR_ERR_ARG,
            "the path of the server's socket has %zu bytes; the system takes %zu", n,
            sizeof a.sun_path - 1);
    memcpy(a.sun_path, path, n);
    for (;;) { /* EAGAIN: its queue of callers is full */
        weir_status st =
            connect_to(s, (const struct sockaddr *)&a, sizeof a, name, until, err);
        if (st == WEIR_OK || errno != EAGAIN || weir_now_ns() >= until)
            return st;
        poll(NULL, 0, 1);
    }
}

static void tune(const wr_socket *s)
{
    const int on = 1, idle = 60, every = 20, tries = 3;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
}

/* The moment until which the first of n addresses is tried. */
static weir_deadline share_of(weir_deadline until, int n)
{
    int64_t now = weir_now_ns();
    return n <= 1 || until == WEIR_NEVER || until <= now ? until
                                                         : now + (until - now) / n;
}

static weir_status open_host(wr_socket *s, const wr_place *at, const char *name,
                             weir_deadline until, weir_error *err)
{
    char port[16];
    struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *all = NULL;
    snprintf(port, sizeof port, "%d", at->port);
    int rc = getaddrinfo(at->host, port, &want, &all);
    if (rc != 0)
        return weir_fail(err, rc == EAI_NONAME ? WEIR_ERR_ARG : WEIR_ERR_CLOSED,
                         "the server at %s can't be reached: %s", name, gai_strerror(rc));
    int n = 0;
    for (struct addrinfo *a = all; a != NULL; a = a->ai_next)
        n++;
    weir_status st = WEIR_ERR_CLOSED;
    for (struct addrinfo *a = all; a != NULL && st != WEIR_OK; a = a->ai_next)
        st = connect_to(s, a->ai_addr, a->ai_addrlen, name, share_of(until, n--), err);
    freeaddrinfo(all);
    if (st == WEIR_OK)
        tune(s);
    return st;
}

static weir_status shake_hands(wr_socket *s, const char *host, const char *name,
                               wr_tls_context *tls, weir_deadline until, weir_error *err)
{
    weir_error inner = {0};
    weir_status st = wr_tls_new(&s->tls, tls, s->fd, host, err);
    while (st == WEIR_OK) {
        int rc = wr_tls_handshake(s->tls, &inner);
        if (rc == 1)
            return WEIR_OK;
        if (rc == WR_TLS_CLOSED || rc == 0)
            return weir_fail(err, WEIR_ERR_IO, "the server at %s: %s", name, inner.text);
        struct pollfd p = {.fd = s->fd,
                           .events = rc == WR_TLS_WANTS_WRITE ? POLLOUT : POLLIN};
        if (poll(&p, 1, wr_poll_ms(until)) <= 0 && weir_now_ns() >= until)
            st = weir_fail(
                err, WEIR_ERR_TIMEOUT,
                "the server at %s does not answer in TLS: is that its TLS port?", name);
    }
    return st;
}

/* Plain sockets may block: reads are patient for a moment only, writes never. */
static void make_patient(const wr_socket *s)
{
    struct timeval t = {.tv_usec = WR_PATIENCE_MS * 1000};
    int flags = fcntl(s->fd, F_GETFL);
    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    fcntl(s->fd, F_SETFL, flags & ~O_NONBLOCK);
}

weir_status wr_socket_open(wr_socket *s, const wr_place *at, const char *name,
                           wr_tls_context *tls, weir_deadline until, weir_error *err)
{
    *s = (wr_socket){.fd = -1};
    weir_status st = at->port == 0 ? open_path(s, at->host, name, until, err)
                                   : open_host(s, at, name, until, err);
    if (st == WEIR_OK && tls != NULL)
        st = shake_hands(s, at->host, name, tls, until, err);
    else if (st == WEIR_OK)
        make_patient(s);
    if (st != WEIR_OK)
        wr_socket_close(s);
    return st;
}

void wr_socket_close(wr_socket *s)
{
    int e = errno;
    wr_tls_free(s->tls);
    if (s->fd >= 0)
        close(s->fd);
    *s = (wr_socket){.fd = -1};
    errno = e;
}

/* ---- moving bytes ---- */

static wr_moved outcome(ssize_t n, size_t *moved)
{
    if (n > 0) {
        *moved = (size_t)n;
        return WR_MOVED;
    }
    if (n == 0)
        return WR_AT_END;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? WR_MUST_WAIT
                                                                     : WR_BROKEN;
}

static wr_moved tls_outcome(wr_socket *s, ssize_t n, size_t *moved)
{
    s->tls_wants_write = n == WR_TLS_WANTS_WRITE;
    if (n == WR_TLS_WANTS_READ || n == WR_TLS_WANTS_WRITE)
        return WR_MUST_WAIT;
    if (n == WR_TLS_CLOSED)
        return WR_BROKEN;
    return outcome(n, moved);
}

/* Few bytes are copied together: that costs 30 ns, sendmsg() with its vector 200. 0: too many. */
static size_t join(char *together, const struct iovec *iov, int n)
{
    size_t bytes = 0;
    for (int i = 0; i < n; i++) {
        if (iov[i].iov_len > TOGETHER - bytes)
            return 0;
        memcpy(together + bytes, iov[i].iov_base, iov[i].iov_len);
        bytes += iov[i].iov_len;
    }
    return bytes;
}

wr_moved wr_socket_send(wr_socket *s, const struct iovec *iov, int n, size_t *moved)
{
    if (s->tls != NULL)
        return tls_outcome(s, wr_tls_write(s->tls, iov->iov_base, iov->iov_len), moved);
    char together[TOGETHER];
    size_t bytes = n > 1 ? join(together, iov, n) : 0;
    if (bytes > 0)
        return outcome(send(s->fd, together, bytes, MSG_NOSIGNAL | MSG_DONTWAIT), moved);
    if (n == 1)
        return outcome(
            send(s->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT), moved);
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov,
                       .msg_iovlen = (size_t)n};
    return outcome(sendmsg(s->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT), moved);
}

wr_moved wr_socket_receive(wr_socket *s, const struct iovec *iov, int n, bool patient,
                           size_t *moved)
{
    if (s->tls != NULL) {
        while (n > 1 && iov->iov_len == 0) {
            iov++;
            n--;
        }
        return tls_outcome(s, wr_tls_read(s->tls, iov->iov_base, iov->iov_len), moved);
    }
    if (n == 1) /* a third of a microsecond less than recvmsg() and its vector */
        return outcome(
            recv(s->fd, iov->iov_base, iov->iov_len, patient ? 0 : MSG_DONTWAIT), moved);
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov,
                       .msg_iovlen = (size_t)n};
    return outcome(recvmsg(s->fd, &m, patient ? 0 : MSG_DONTWAIT), moved);
}

bool wr_socket_is_stale(const wr_socket *s)
{
    char c;
    ssize_t n = recv(s->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0)
        return errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
    return n == 0 || s->tls == NULL; /* TLS has messages of its own */
}
