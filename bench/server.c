/* SPDX-License-Identifier: BSD-3-Clause */
/* Starting, placing and ending servers. */
#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "plain.h"

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* ---- starting ---- */

/* A file of the build, from the folder of this program. */
static void built(char *path, size_t n, const char *name)
{
    ssize_t k = readlink("/proc/self/exe", path, n - 1);
    path[k > 0 ? k : 0] = '\0';
    char *slash = strrchr(path, '/');
    size_t at = slash == NULL ? 0 : (size_t)(slash - path);
    snprintf(path + at, n - at, "/../lib/weir/%s", name);
}

static bool is_port_free(int port)
{
    int fd = listen_port(port);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Its bus, where there is a cluster, is 10000 higher. */
static int free_port(void)
{
    static int next;
    if (next == 0)
        next = 11000 + (int)getpid() % 900 * 16;
    for (int i = 0; i < 1000; i++, next++) {
        if (is_port_free(next) && is_port_free(next + 10000))
            return next++;
    }
    return 0;
}

enum { WORDS_MAX = 48 };

typedef struct words {
    const char *w[WORDS_MAX];
    int n;
} words;

static void add(words *a, const char *word)
{
    if (a->n < WORDS_MAX - 1)
        a->w[a->n++] = word;
}

static void set_memory(bool plain)
{
    if (!plain) /* docs/redis.md: pages that were used once are kept */
        setenv("MALLOC_CONF", "dirty_decay_ms:-1,muzzy_decay_ms:-1", 1);
}

/* In the child. */
static void become_server(const server *s, const server_options *o, pid_t parent)
{
    static char module[4096], port[16], program[4096];
    const char *prefix = getenv("WEIR_PREFIX");
    const char *name = o->valkey ? "valkey-server" : "redis-server";
    words a = {{0}, 0};
    snprintf(port, sizeof port, "%d", s->port);
    built(module, sizeof module, "weir.so");
    add(&a, name);
    const char *const fixed[] = {"--port",       port,      "--bind",       "127.0.0.1",
                                 "--unixsocket", s->socket, "--dir",        s->dir,
                                 "--save",       "",        "--appendonly", "no",
                                 "--daemonize",  "no",      "--logfile",    "log"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        add(&a, fixed[i]);
    if (o->cluster) {
        add(&a, "--cluster-enabled");
        add(&a, "yes");
    }
    add(&a, "--loadmodule");
    add(&a, module);
    for (int i = 0; o->arg != NULL && o->arg[i] != NULL; i++)
        add(&a, o->arg[i]);
    set_memory(o->plain_memory);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it has ended meanwhile */
    execvp(name, (char *const *)(uintptr_t)a.w);
    snprintf(program, sizeof program, "%s/usr/bin/%s", prefix == NULL ? "" : prefix,
             name);
    execv(program, (char *const *)(uintptr_t)a.w);
    _exit(127);
}

static bool answers(const server *s)
{
    int fd = connect_path(s->socket);
    bool good = fd >= 0 && ping_seconds(fd, 1) >= 0;
    if (fd >= 0)
        close(fd);
    return good;
}

static bool await_server(server *s, char why[SERVER_TEXT])
{
    for (int i = 0; i < 2000; i++) {
        int status;
        if (answers(s))
            return true;
        if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            s->pid = 0;
            snprintf(why, SERVER_TEXT, "%s",
                     WIFEXITED(status) && WEXITSTATUS(status) == 127
                         ? "no such server is installed (scripts/setup.sh server)"
                         : "the server did not start with the module");
            return false;
        }
        pause_ms(10);
    }
    snprintf(why, SERVER_TEXT, "the server did not answer within 20 s");
    return false;
}

bool server_start(server *s, const server_options *o, char why[SERVER_TEXT])
{
    pid_t parent = getpid();
    memset(s, 0, sizeof *s);
    snprintf(s->dir, sizeof s->dir, "/tmp/weir-bench-XXXXXX");
    s->port = free_port();
    if (mkdtemp(s->dir) == NULL || s->port == 0) {
        snprintf(why, SERVER_TEXT, "no folder or no port for a server");
        return false;
    }
    snprintf(s->socket, sizeof s->socket, "%s/s", s->dir);
    snprintf(s->unix_address, sizeof s->unix_address, "unix:%s", s->socket);
    snprintf(s->tcp_address, sizeof s->tcp_address, "redis://127.0.0.1:%d", s->port);
    fflush(stdout);
    s->pid = fork();
    if (s->pid == 0)
        become_server(s, o, parent);
    bool good = s->pid > 0 && await_server(s, why);
    if (!good)
        server_stop(s);
    return good;
}

/* ---- ending ---- */

static void remove_folder(const char *path)
{
    DIR *d = opendir(path);
    char name[512];
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (unlink(name) != 0 && e->d_name[0] != '.')
            rmdir(name);
    }
    if (d != NULL)
        closedir(d);
    rmdir(path);
}

void server_stop(server *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL); /* nothing of it is kept */
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    s->pid = 0;
    if (s->dir[0] != '\0' && getenv("WEIR_BENCH_KEEP") == NULL)
        remove_folder(s->dir);
    s->dir[0] = '\0';
}

/* ---- clusters ---- */

static bool tell(const server *s, const char *const *word, int n)
{
    char reply[64];
    int fd = connect_path(s->socket);
    bool good = fd >= 0 && say(fd, word, n) && hear(fd, reply, sizeof reply) &&
                strncmp(reply, "+OK", 3) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

static bool give_slots(server *s, int n)
{
    bool good = true;
    for (int i = 0; i < n && good; i++) {
        char low[16], high[16], epoch[16];
        snprintf(low, sizeof low, "%d", 16384 * i / n);
        snprintf(high, sizeof high, "%d", 16384 * (i + 1) / n - 1);
        snprintf(epoch, sizeof epoch, "%d", i + 1);
        good =
            tell(&s[i], (const char *const[]){"CLUSTER", "ADDSLOTSRANGE", low, high},
                 4) &&
            tell(&s[i], (const char *const[]){"CLUSTER", "SET-CONFIG-EPOCH", epoch}, 3);
    }
    for (int i = 1; i < n && good; i++) {
        char port[16];
        snprintf(port, sizeof port, "%d", s[i].port);
        good =
            tell(&s[0], (const char *const[]){"CLUSTER", "MEET", "127.0.0.1", port}, 4);
    }
    return good;
}

/* Every shard sees all slots served. */
static bool is_joined(const server *s, int n)
{
    static const char *const info[] = {"CLUSTER", "INFO"};
    char want[32], text[4096];
    snprintf(want, sizeof want, "cluster_known_nodes:%d\r", n);
    for (int i = 0; i < n; i++) {
        int fd = connect_path(s[i].socket);
        bool good = fd >= 0 && say(fd, info, 2) && hear(fd, text, sizeof text) &&
                    strstr(text, "cluster_state:ok") != NULL &&
                    strstr(text, want) != NULL;
        if (fd >= 0)
            close(fd);
        if (!good)
            return false;
    }
    return true;
}

bool cluster_start(server *s, int n, const server_options *o, char *address,
                   size_t n_address, char why[SERVER_TEXT])
{
    server_options one = *o;
    size_t at = 0;
    one.cluster = n > 1;
    memset(s, 0, (size_t)n * sizeof *s);
    bool good = true;
    for (int i = 0; i < n && good; i++) {
        good = server_start(&s[i], &one, why);
        at += (size_t)snprintf(address + at, n_address - at, "%s127.0.0.1:%d",
                               i == 0 ? "redis://" : ",", s[i].port);
    }
    if (good && n > 1) {
        good = give_slots(s, n);
        for (int i = 0; good && !is_joined(s, n) && i < 3000; i++)
            pause_ms(10);
        good = good && is_joined(s, n);
        if (!good)
            snprintf(why, SERVER_TEXT, "the cluster did not join");
    }
    for (int i = 0; !good && i < n; i++)
        server_stop(&s[i]);
    return good;
}

/* ---- placing ---- */

const char *placement_text(placement p)
{
    static const char *const text[] = {"anywhere", "same core", "cross core"};
    return text[p];
}

static void place_threads(int pid, const cpu_set_t *set)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        int tid = (int)strtol(e->d_name, NULL, 10);
        if (tid > 0)
            sched_setaffinity(tid, sizeof *set, set);
    }
    if (d != NULL)
        closedir(d);
}

bool place(int other_pid, placement p)
{
    static cpu_set_t all;
    static bool known;
    int core[2] = {-1, -1}, mine_at, other_at;
    if (!known)
        sched_getaffinity(0, sizeof all, &all);
    known = true;
    for (int i = 0, n = 0; i < CPU_SETSIZE && n < 2; i++) {
        if (CPU_ISSET((size_t)i, &all))
            core[n++] = i;
    }
    cpu_set_t mine = all, other = all;
    if (p != ANYWHERE) {
        mine_at = core[0];
        other_at = core[p == CROSS_CORE];
        if (other_at < 0)
            return false;
        CPU_ZERO(&mine);
        CPU_ZERO(&other);
        CPU_SET((size_t)mine_at, &mine);
        CPU_SET((size_t)other_at, &other);
    }
    sched_setaffinity(0, sizeof mine, &mine);
    place_threads(other_pid, &other);
    return true;
}
