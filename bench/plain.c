/* SPDX-License-Identifier: BSD-3-Clause */
/* Plain sockets: PING, and a payload against one byte of answer. */
#include "plain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static bool send_all(int fd, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t k = send(fd, at, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        at += k;
        n -= (size_t)k;
    }
    return true;
}

static bool receive_all(int fd, void *p, size_t n)
{
    char *at = p;
    while (n > 0) {
        ssize_t k = recv(fd, at, n, 0);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        at += k;
        n -= (size_t)k;
    }
    return true;
}

int connect_path(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void tune(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int connect_port(int port)
{
    struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        fd = -1;
    }
    if (fd >= 0)
        tune(fd);
    return fd;
}

int listen_port(int port)
{
    struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 &&
        (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 8) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_in a = {0};
    socklen_t n = sizeof a;
    return getsockname(fd, (struct sockaddr *)&a, &n) == 0 ? ntohs(a.sin_port) : 0;
}

/* ---- RESP ---- */

bool say(int fd, const char *const *word, int n)
{
    char text[1024];
    size_t at = (size_t)snprintf(text, sizeof text, "*%d\r\n", n);
    for (int i = 0; i < n && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "$%zu\r\n%s\r\n",
                               strlen(word[i]), word[i]);
    return at < sizeof text && send_all(fd, text, at);
}

bool hear(int fd, char *reply, size_t n)
{
    size_t at = 0, end = 0;
    while (at + 1 < n) {
        ssize_t k = recv(fd, reply + at, n - 1 - at, 0);
        if (k <= 0)
            return false;
        at += (size_t)k;
        reply[at] = '\0';
        const char *line = strstr(reply, "\r\n");
        if (line == NULL)
            continue;
        end = (size_t)(line - reply) + 2;
        if (reply[0] == '$')
            end += (size_t)strtol(reply + 1, NULL, 10) + 2;
        if (at >= end)
            return true;
    }
    return at >= end;
}

double ping_seconds(int fd, long n)
{
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    char pong[7];
    double begin = bench_now();
    for (long i = 0; i < n; i++) {
        if (!send_all(fd, ping, sizeof ping - 1) || !receive_all(fd, pong, sizeof pong))
            return -1;
    }
    return bench_now() - begin;
}

/* ---- a payload and one byte back ---- */

/* In the child: until the other side ends it. */
static void drain(int fd, size_t bytes)
{
    char *p = malloc(bytes);
    const char ack = 'k';
    if (p == NULL)
        _exit(1);
    memset(p, 1, bytes);
    while (receive_all(fd, p, bytes) && send_all(fd, &ack, 1))
        continue;
    _exit(0);
}

static bool pair_of(bool tcp, int fd[2])
{
    if (!tcp)
        return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0;
    int door = listen_port(0);
    fd[0] = door < 0 ? -1 : connect_port(port_of(door));
    fd[1] = fd[0] < 0 ? -1 : accept(door, NULL, NULL);
    if (fd[1] >= 0)
        tune(fd[1]);
    if (door >= 0)
        close(door);
    return fd[1] >= 0;
}

bool sink_start(sink *s, bool tcp, size_t bytes)
{
    int fd[2];
    pid_t parent = getpid();
    *s = (sink){.fd = -1, .bytes = bytes};
    s->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (s->memory == NULL || !pair_of(tcp, fd))
        return false;
    memset(s->memory, 2, bytes);
    fflush(stdout);
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(fd[0]);
        if (getppid() == parent)
            drain(fd[1], bytes);
        _exit(1);
    }
    close(fd[1]);
    s->fd = fd[0];
    return s->pid > 0;
}

void sink_stop(sink *s)
{
    if (s->fd >= 0)
        close(s->fd); /* the end of its input ends it */
    while (s->pid > 0 && waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(s->memory);
    *s = (sink){.fd = -1};
}

double sink_seconds(sink *s, long n)
{
    char ack;
    double begin = bench_now();
    for (long i = 0; i < n; i++) {
        if (!send_all(s->fd, s->memory, s->bytes) || !receive_all(s->fd, &ack, 1))
            return -1;
    }
    return bench_now() - begin;
}
