/* SPDX-License-Identifier: BSD-3-Clause */
/* `weir redis`: a private Redis or Valkey with Weir's module, on a Unix socket in a folder that only its
 * owner may enter. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/place.h"
#include "weir/client.h"

static const char *folder_option = "", *server_option = "";
static bool in_background, to_stop;

static const cli_option options[] = {
    {"--folder", CLI_TEXT, &folder_option, 0, 0, "DIR",
     "for its socket, log and data (weir in XDG_RUNTIME_DIR, else /tmp/weir-UID)"},
    {"--server", CLI_TEXT, &server_option, 0, 0, "PROGRAM",
     "redis-server or valkey-server (the first in PATH)"},
    {"--background", CLI_FLAG, &in_background, 0, 0, NULL, "return when it answers"},
    {"--stop", CLI_FLAG, &to_stop, 0, 0, NULL, "end the one in the folder"}};

enum {
    OPTIONS_MAX = 64,
    START_MS = 600000, /* it may have much to read */
    STOP_MS = 60000,   /* or to write */
    PAUSE_NS = 10000000,
    SECOND_NS = 1000000000
};

typedef struct service {
    char folder[PATH_MAX], socket[PATH_MAX + 16], log[PATH_MAX + 16],
        pid_file[PATH_MAX + 16];
    char module[PATH_MAX], program[PATH_MAX];
} service;

/* Wait for so long or until a signal comes that tells us to end: then true. SIGCHLD only wakes. */
static bool told_to_end(const sigset_t *signals, long nanoseconds)
{
    struct timespec t = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    int got = sigtimedwait(signals, NULL, &t);
    return got > 0 && got != SIGCHLD;
}

/* ---- the folder ---- */

/* Ours, and closed to all others: whoever may connect may store a model, and a model is code. */
static bool open_folder(service *s, bool make)
{
    const char *run = getenv("XDG_RUNTIME_DIR");
    char name[PATH_MAX];
    struct stat is;
    if (folder_option[0] != '\0')
        snprintf(name, sizeof name, "%s", folder_option);
    else if (run != NULL && run[0] == '/')
        snprintf(name, sizeof name, "%s/weir", run);
    else
        snprintf(name, sizeof name, "/tmp/weir-%ld", (long)geteuid());
    if (make && mkdir(name, 0700) != 0 && errno != EEXIST) {
        cli_fail(CLI_FAILED, "redis", "folder %s: %s", name, strerror(errno));
        return false;
    }
    if (lstat(name, &is) != 0 || realpath(name, s->folder) == NULL) {
        cli_fail(CLI_FAILED, "redis", "folder %s: %s", name, strerror(errno));
        return false;
    }
    if (!S_ISDIR(is.st_mode) || is.st_uid != geteuid() || (is.st_mode & 077) != 0) {
        cli_fail(
            CLI_FAILED, "redis",
            "folder %s must be a folder of yours that nobody else may enter: chmod 700",
            name);
        return false;
    }
    snprintf(s->socket, sizeof s->socket, "%s/socket", s->folder);
    snprintf(s->log, sizeof s->log, "%s/log", s->folder);
    snprintf(s->pid_file, sizeof s->pid_file, "%s/pid", s->folder);
    if (strlen(s->socket) < sizeof((struct sockaddr_un){0}).sun_path)
        return true;
    cli_fail(CLI_FAILED, "redis",
             "%s is too long for a socket's name: give a shorter --folder", s->socket);
    return false;
}

/* Does this process live and work in the folder? A number in a file may be anybody's by now. */
static bool works_here(const service *s, pid_t pid)
{
    char name[64], works_in[PATH_MAX];
    snprintf(name, sizeof name, "/proc/%ld/cwd", (long)pid);
    ssize_t n = readlink(name, works_in, sizeof works_in - 1);
    if (n <= 0)
        return false;
    works_in[n] = '\0';
    return strcmp(works_in, s->folder) == 0;
}

/* The server of the folder, 0 when there is none. */
static pid_t find_running(const service *s)
{
    long pid = 0;
    FILE *f = fopen(s->pid_file, "r");
    if (f != NULL && fscanf(f, "%ld", &pid) != 1)
        pid = 0;
    if (f != NULL)
        fclose(f);
    return pid > 0 && works_here(s, (pid_t)pid) ? (pid_t)pid : 0;
}

/* What a server leaves that has no data to keep. */
static void clean_up(const service *s)
{
    unlink(s->log);
    unlink(s->socket);
    unlink(s->pid_file);
    if (folder_option[0] == '\0')
        rmdir(s->folder); /* stays when it has data */
}

static void show_log(const service *s)
{
    char line[512];
    FILE *f = fopen(s->log, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        fprintf(stderr, "  %s", line);
    if (f != NULL)
        fclose(f);
}

/* ---- the server's process ---- */

static void become_server(const service *s, char **more, int n_more)
{
    const char *const fixed[] = {
        s->program, "--port",           "0",         "--unixsocket",
        s->socket,  "--unixsocketperm", "700",       "--dir",
        s->folder,  "--pidfile",        s->pid_file, "--logfile",
        s->log,     "--daemonize",      "no",        "--save",
        "",         "--appendonly",     "no",        "--loadmodule",
        s->module};
    enum { N_FIXED = sizeof fixed / sizeof *fixed };
    const char *word[N_FIXED + OPTIONS_MAX + 1] = {0};
    sigset_t none;
    memcpy(word, fixed, sizeof fixed);
    for (int i = 0; i < n_more; i++)
        word[N_FIXED + i] = more[i];
    /* docs/redis.md: pages that were used once are kept for the next large tensor */
    setenv("MALLOC_CONF", "dirty_decay_ms:-1,muzzy_decay_ms:-1", 0);
    umask(077);
    setsid(); /* a Ctrl-C is ours, we tell the server */
    if (!in_background)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nothing = open("/dev/null", O_RDWR);
    if (nothing >= 0) {
        dup2(nothing, 0);
        int said =
            open(s->log, O_WRONLY | O_CREAT | O_APPEND, 0600); /* before it has its log */
        dup2(said >= 0 ? said : nothing, 1);
        dup2(said >= 0 ? said : nothing, 2);
    }
    execv(s->program, (char *const *)(uintptr_t)word);
    _exit(127);
}

/* It answers when it has read the data that it was told to keep. */
static bool answers(const service *s)
{
    char address[PATH_MAX + 32];
    bool found;
    weir_client *c = NULL;
    weir_client_options opt = {.struct_bytes = sizeof opt, .timeout_ms = 1000};
    snprintf(address, sizeof address, "unix:%s", s->socket);
    bool yes = access(s->socket, F_OK) == 0 &&
               weir_client_new(&c, weir_cstr(address), &opt, NULL) == WEIR_OK &&
               weir_exists(c, WEIR_ANY, WEIR_STR("weir"), &found, NULL) == WEIR_OK;
    weir_client_free(c);
    return yes;
}

/* `pid` is 0 when it has ended already. */
static bool give_up(const service *s, pid_t pid, const char *why)
{
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    cli_fail(CLI_FAILED, "redis", "%s %s:", s->program, why);
    show_log(s);
    clean_up(s);
    return false;
}

static bool wait_until_it_answers(const service *s, pid_t pid, const sigset_t *signals)
{
    weir_deadline until = weir_deadline_in_ms(START_MS);
    while (!answers(s)) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return give_up(s, 0, "did not start");
        if (weir_now_ns() > until)
            return give_up(s, pid, "did not answer in time");
        if (told_to_end(signals, PAUSE_NS))
            return give_up(s, pid, "was ended before it answered");
    }
    return true;
}

/* Until the server ends, by itself or because we are told to. */
static int stand_by(const service *s, pid_t pid, const sigset_t *signals)
{
    int status = 0;
    weir_deadline until = WEIR_NEVER;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (told_to_end(signals, SECOND_NS) && until == WEIR_NEVER) {
            until = weir_deadline_in_ms(STOP_MS);
            kill(pid, SIGTERM);
        }
        if (weir_now_ns() > until)
            return cli_fail(CLI_FAILED, "redis", "process %ld does not end, see %s",
                            (long)pid, s->log);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return cli_fail(CLI_FAILED, "redis", "the server ended, its log is %s", s->log);
    clean_up(s);
    return CLI_OK;
}

/* ---- the command ---- */

static bool find_programs(service *s)
{
    static const char *const names[] = {"redis-server", "valkey-server"};
    bool found = server_option[0] != '\0' &&
                 place_program(server_option, s->program, sizeof s->program);
    for (size_t i = 0;
         server_option[0] == '\0' && !found && i < sizeof names / sizeof *names; i++)
        found = place_program(names[i], s->program, sizeof s->program);
    if (!found)
        cli_fail(
            CLI_FAILED, "redis", "no %s: install Redis 7 or later, or Valkey 8 or later",
            server_option[0] != '\0' ? server_option : "redis-server or valkey-server");
    else if (!place_module(s->module, sizeof s->module))
        cli_fail(CLI_FAILED, "redis", "no lib/weir/weir.so beside this program");
    else
        return true;
    return false;
}

static int stop(service *s)
{
    weir_deadline until = weir_deadline_in_ms(STOP_MS);
    pid_t pid = 0;
    if (!open_folder(s, false))
        return CLI_FAILED;
    pid = find_running(s);
    if (pid == 0)
        return cli_fail(CLI_FAILED, "redis", "no server works in %s", s->folder);
    kill(pid, SIGTERM);
    while (works_here(s, pid)) {
        if (weir_now_ns() > until)
            return cli_fail(CLI_FAILED, "redis", "process %ld does not end, see %s",
                            (long)pid, s->log);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    clean_up(s);
    return CLI_OK;
}

static int run(char **args, int n_args)
{
    static service s;
    sigset_t signals;
    if (to_stop)
        return stop(&s);
    if (!find_programs(&s) || !open_folder(&s, true))
        return CLI_FAILED;
    if (find_running(&s) != 0)
        return cli_fail(CLI_FAILED, "redis", "a server works in %s already: unix:%s",
                        s.folder, s.socket);
    unlink(s.socket); /* of one that was killed */
    unlink(s.log);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    pid_t pid = fork();
    if (pid == 0)
        become_server(&s, args, n_args);
    if (pid < 0)
        return cli_fail(CLI_FAILED, "redis", "%s", strerror(errno));
    if (!wait_until_it_answers(&s, pid, &signals))
        return CLI_FAILED;
    printf("export WEIR_ADDRESS=unix:%s\n", s.socket);
    if (in_background)
        return CLI_OK;
    printf("# %s with %s; Ctrl-C ends it\n", s.program, s.module);
    fflush(stdout);
    return stand_by(&s, pid, &signals);
}

const cli_command cli_redis = {.name = "redis",
                               .arguments = "[-- SERVER'S OPTIONS]",
                               .max_args = OPTIONS_MAX,
                               .summary =
                                   "start a private Redis or Valkey with Weir's module",
                               .text = "Starts a server on a Unix socket (mode 700, no "
                                       "network) in a folder that only you may "
                                       "enter,\nwith the memory settings that Weir's "
                                       "documentation advises, and prints its "
                                       "address as a line\nfor the shell. It keeps "
                                       "nothing on disk unless the server's own "
                                       "options, after --, say so:\n'weir redis -- "
                                       "--appendonly yes'. Ctrl-C ends it, or "
                                       "'weir redis --stop'.\n",
                               .option = options,
                               .n_options = sizeof options / sizeof *options,
                               .run = run};
