/* SPDX-License-Identifier: BSD-3-Clause */
/* Starting workers and talking to them. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker.h"

/* The path of a program in the folder of this one. */
static void beside(char *path, size_t n, const char *program)
{
    ssize_t k = readlink("/proc/self/exe", path, n - 1);
    path[k > 0 ? k : 0] = '\0';
    char *slash = strrchr(path, '/');
    size_t at = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    snprintf(path + at, n - at, "%s", program);
}

static void run_program(const char *program, const worker_args *a, const int in[2],
                        const int out[2])
{
    char path[4096], batch[24], n_in[24], n_out[24], threads[24];
    char *argv[] = {path,
                    "--model",
                    (char *)(uintptr_t)a->model,
                    "--backend",
                    (char *)(uintptr_t)(a->backend == NULL ? "" : a->backend),
                    "--batch",
                    batch,
                    "--in",
                    n_in,
                    "--out",
                    n_out,
                    "--threads",
                    threads,
                    "--address",
                    (char *)(uintptr_t)(a->address == NULL ? "" : a->address),
                    a->plain ? "--plain" : NULL,
                    NULL};
    beside(path, sizeof path, program);
    snprintf(batch, sizeof batch, "%lld", (long long)a->batch);
    snprintf(n_in, sizeof n_in, "%lld", (long long)a->n_in);
    snprintf(n_out, sizeof n_out, "%lld", (long long)a->n_out);
    snprintf(threads, sizeof threads, "%d", a->threads);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    close(out[1]);
    execv(path, argv);
    printf("error no program %s: %s\n", path, strerror(errno));
    fflush(stdout);
    _exit(1);
}

bool worker_start(worker *w, const char *program, const worker_args *a)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    memset(w, 0, sizeof *w);
    fflush(stdout);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
        snprintf(w->text, sizeof w->text, "no pipe: %s", strerror(errno));
        return false;
    }
    int pid = (int)fork();
    if (pid == 0)
        run_program(program, a, in, out);
    close(in[0]);
    close(out[1]);
    w->pid = pid;
    w->to = in[1];
    w->from = out[0];
    if (pid < 0) {
        snprintf(w->text, sizeof w->text, "no process: %s", strerror(errno));
        w->pid = 0;
        close(w->to);
        close(w->from);
        return false;
    }
    bool good = worker_answer(w);
    if (!good)
        worker_stop(w);
    return good;
}

void worker_stop(worker *w)
{
    if (w->pid <= 0)
        return;
    close(w->to); /* the end of its input ends it */
    close(w->from);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    w->pid = 0;
}

bool worker_answer(worker *w)
{
    size_t n = 0;
    char c = '\0';
    while (n + 1 < sizeof w->text) {
        ssize_t k = read(w->from, &c, 1);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0 || c == '\n')
            break;
        w->text[n++] = c;
    }
    w->text[n] = '\0';
    bool good = c == '\n' && strncmp(w->text, "ok", 2) == 0;
    if (n == 0 && !good)
        snprintf(w->text, sizeof w->text, "the program ended without a word");
    const char *word = good ? "ok" : "error";
    size_t cut = strlen(word);
    if (strncmp(w->text, word, cut) == 0) {
        cut += w->text[cut] == ' ';
        memmove(w->text, w->text + cut, strlen(w->text + cut) + 1);
    }
    return good;
}

static bool send_line(worker *w, const char *fmt, va_list list)
{
    char line[WORKER_TEXT];
    int n = vsnprintf(line, sizeof line - 1, fmt, list);
    if (n < 0 || (size_t)n >= sizeof line - 1 || w->pid <= 0)
        return false;
    line[n++] = '\n';
    for (ssize_t at = 0; at < n;) {
        ssize_t k = write(w->to, line + at, (size_t)(n - at));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        at += k;
    }
    return true;
}

bool worker_send(worker *w, const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    bool good = send_line(w, fmt, list);
    va_end(list);
    return good;
}

bool worker_ask(worker *w, const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    bool good = send_line(w, fmt, list);
    va_end(list);
    return good && worker_answer(w);
}

double worker_seconds(void *context, long n)
{
    worker *w = context;
    return worker_ask(w, "run %ld", n) ? strtod(w->text, NULL) : -1;
}
