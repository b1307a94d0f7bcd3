/* SPDX-License-Identifier: BSD-3-Clause */
/* A child process loads the model. The file reaches it as an anonymous file, what it says comes back
 * through a pipe: "ok", or why not, or nothing when it has crashed. Its exit status is not relied on,
 * since the server collects children that it does not know. */
#include "module/probe.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"

enum { DEFAULT_MS = 300000, FILE_AT = 3, SAID_MAX = 2048 };

extern char **environ;

static char *program;        /* NULL: no probing */
static char *backend_option; /* "WEIR_BACKEND_PATH=..", or NULL */
static const char *state = "off";

const char *probe_state(void)
{
    return state;
}

/* lib/weir/weir.so -> bin/weir, in the build tree and when installed; or lib/ARCHITECTURE/weir/. */
static bool beside_us(wr_text *out)
{
    Dl_info us;
    char *real;
    if (dladdr((const void *)(uintptr_t)&module, &us) == 0 ||
        (real = realpath(us.dli_fname, NULL)) == NULL)
        return false;
    for (int up = 1; up <= 4; up++) {
        char *slash = strrchr(real, '/');
        if (slash != NULL)
            *slash = '\0';
        if (up < 3)
            continue;
        wr_text_fini(out);
        wr_text_printf(out, "%s/bin/weir", real);
        if (out->failed || access(out->p, X_OK) == 0)
            break;
    }
    free(real);
    return !out->failed;
}

bool probe_init(weir_str path, weir_str backend_path)
{
    wr_text found = {0};
    if (wr_word_is(path, "OFF"))
        return true;
    if (path.n > 0)
        wr_text_add(&found, path.p, path.n);
    else if (!beside_us(&found))
        wr_text_fini(&found);
    if (found.p == NULL || access(found.p, X_OK) != 0) {
        wr_text_fini(&found);
        state = "no program 'weir' was found beside the module: set PROBE to its path";
        return false;
    }
    program = found.p;
    if (backend_path.n > 0) {
        wr_text option = {0};
        wr_text_printf(&option, "WEIR_BACKEND_PATH=%.*s", (int)backend_path.n,
                       backend_path.p);
        backend_option = option.p;
    }
    state = "on";
    return true;
}

/* ---- the child ---- */

static int file_of(const weir_buffer *b)
{
    weir_tensor t = weir_buffer_view(b);
    const char *p = t.data;
    int fd = memfd_create("weir-probe", MFD_CLOEXEC);
    for (size_t left = weir_tensor_bytes(&t); fd >= 0 && left > 0;) {
        ssize_t n = write(fd, p, left);
        if (n <= 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        p += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return fd;
}

/* The server's environment and the backends' folder; NULL: no memory. */
static char **child_environment(void)
{
    size_t n = 0;
    while (environ[n] != NULL)
        n++;
    char **e = wr_calloc(n + 2, sizeof *e);
    size_t at = 0;
    for (size_t i = 0; e != NULL && i < n; i++) {
        if (backend_option == NULL || strncmp(environ[i], "WEIR_BACKEND_PATH=", 18) != 0)
            e[at++] = environ[i];
    }
    if (e != NULL)
        e[at] = backend_option;
    return e;
}

static int spawn(pid_t *pid, int file, int out, const wr_req *req)
{
    const weir_model_options *o = req->options;
    char backend[16] = "", threads[16];
    char *argv[12] = {program, "probe"};
    int n = 2;
    if (o != NULL && o->backend.n > 0 && o->backend.n < sizeof backend) {
        memcpy(backend, o->backend.p, o->backend.n);
        backend[o->backend.n] = '\0';
        argv[n++] = "--backend";
        argv[n++] = backend;
    }
    if (o != NULL && o->threads > 0) {
        snprintf(threads, sizeof threads, "%d", o->threads);
        argv[n++] = "--threads";
        argv[n++] = threads;
    }
    if (req->kind == WEIR_SCRIPT)
        argv[n++] = "--script";
    if (o != NULL && o->no_warm_up)
        argv[n++] = "--no-warm-up";
    argv[n++] = "/dev/fd/3";
    char **e = child_environment();
    posix_spawn_file_actions_t does;
    if (e == NULL || posix_spawn_file_actions_init(&does) != 0) {
        wr_free(e);
        return ENOMEM;
    }
    posix_spawn_file_actions_addopen(&does, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&does, out, 1);
    posix_spawn_file_actions_adddup2(&does, out, 2);
    posix_spawn_file_actions_adddup2(&does, file, FILE_AT);
    int failed = posix_spawn(pid, program, &does, NULL, argv, e);
    posix_spawn_file_actions_destroy(&does);
    wr_free(e);
    return failed;
}

/* What the child says until it ends; false: the deadline passed first. */
static bool listen_to(int in, weir_deadline until, char *said, size_t *n)
{
    *n = 0;
    for (;;) {
        int64_t left = (until - weir_now_ns()) / 1000000;
        struct pollfd p = {.fd = in, .events = POLLIN};
        if (left <= 0)
            return false;
        int ready = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (ready < 0 && errno != EINTR)
            return true;
        if (ready <= 0)
            continue;
        char rest[256];
        bool room = *n + 1 < SAID_MAX;
        ssize_t got =
            read(in, room ? said + *n : rest, room ? SAID_MAX - 1 - *n : sizeof rest);
        if (got == 0 || (got < 0 && errno != EINTR))
            return true;
        *n += room && got > 0 ? (size_t)got : 0;
    }
}

/* ---- the verdict ---- */

/* Loaded, or refused with a reason: then the server's own load is safe, and says the same. */
static bool has_answered(const char *said, size_t n)
{
    return strstr(said, "weir probe: ") != NULL ||
           (n >= 3 && strcmp(said + n - 3, "ok\n") == 0);
}

static weir_status crashed(const wr_req *req, const char *said, weir_error *err)
{
    return weir_fail(
        err, WEIR_ERR_MODEL,
        "%s '%.*s' ends the process that loads it; it was tried in another than "
        "the server's, which said: %.200s",
        wr_kind_name(req->kind), WR_NAME(req->key), said[0] == '\0' ? "nothing" : said);
}

weir_status probe_model(const wr_req *req, weir_error *err)
{
    int ends[2] = {-1, -1}, file = -1;
    char said[SAID_MAX];
    size_t n = 0;
    pid_t pid = 0;
    weir_status st = WEIR_OK;
    if (program == NULL)
        return WEIR_OK;
    weir_deadline until = wr_limit_deadline(req->limit);
    if (until == WEIR_NEVER)
        until = weir_deadline_in_ms(DEFAULT_MS);
    int64_t begun = weir_now_ns();
    file = file_of(req->buffer);
    if (file < 0 || pipe2(ends, O_CLOEXEC) != 0 ||
        (errno = spawn(&pid, file, ends[1], req)) != 0) {
        st = weir_fail(err, WEIR_ERR_IO,
                       "%s '%.*s': the process that tries it could not be started (%s); "
                       "PROBE off loads models unseen",
                       wr_kind_name(req->kind), WR_NAME(req->key), strerror(errno));
        goto out;
    }
    close(ends[1]);
    ends[1] = -1;
    bool ended = listen_to(ends[0], until, said, &n);
    said[n] = '\0';
    if (!ended)
        kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (!ended)
        st = weir_fail(err, WEIR_ERR_TIMEOUT,
                       "%s '%.*s' was not loaded after %.1f s: its loading was stopped",
                       wr_kind_name(req->kind), WR_NAME(req->key),
                       (double)(weir_now_ns() - begun) * 1e-9);
    else if (!has_answered(said, n))
        st = crashed(req, said, err);
out:
    if (ends[0] >= 0)
        close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (file >= 0)
        close(file);
    return st;
}
