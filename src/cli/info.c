/* SPDX-License-Identifier: BSD-3-Clause */
/* `weir info`: what this build is, what the machine has, which backends and transports work. */
#include "cli/info.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/place.h"

static bool as_json;
static const char *address = NULL;

static const cli_option options[] = {
    {"--address", CLI_TEXT, &address, 0, 0, "ADDRESS",
     "say what answers there instead, as redis://HOST or unix:PATH"},
    {"--json", CLI_FLAG, &as_json, 0, 0, NULL, "write JSON instead of text"}};

typedef struct machine {
    long cores_online;
    int cores_allowed;
    char core_list[128]; /* as "0-3,8" */
    double memory_bytes, available_bytes;
    char huge_pages[32];
} machine;

/* The numbers of the affinity mask as ranges. */
static void list_cores(machine *m)
{
    cpu_set_t set;
    size_t at = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        m->cores_allowed = (int)m->cores_online;
        return;
    }
    m->cores_allowed = CPU_COUNT(&set);
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        size_t last = i;
        if (!CPU_ISSET(i, &set))
            continue;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set))
            last++;
        if (at + 16 > sizeof m->core_list)
            break;
        at += (size_t)snprintf(m->core_list + at, sizeof m->core_list - at,
                               last > i ? "%s%zu-%zu" : "%s%zu", at > 0 ? "," : "", i,
                               last);
        i = last;
    }
}

static void look(machine *m)
{
    char line[256];
    double kb;
    FILE *f = fopen("/proc/meminfo", "r");

    memset(m, 0, sizeof *m);
    m->cores_online = sysconf(_SC_NPROCESSORS_ONLN);
    list_cores(m);
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "MemTotal: %lf", &kb) == 1)
            m->memory_bytes = kb * 1024;
        else if (sscanf(line, "MemAvailable: %lf", &kb) == 1)
            m->available_bytes = kb * 1024;
    }
    if (f != NULL)
        fclose(f);
    f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    if (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char *on = strchr(line, '['), *end = on == NULL ? NULL : strchr(on, ']');
        if (end != NULL && end - on - 1 < (long)sizeof m->huge_pages)
            memcpy(m->huge_pages, on + 1, (size_t)(end - on - 1));
    }
    if (f != NULL)
        fclose(f);
    if (m->huge_pages[0] == '\0')
        strcpy(m->huge_pages, "none");
}

static const char *compiler(void)
{
#if defined(__clang__)
    return "Clang " __clang_version__;
#elif defined(__GNUC__)
    return "GCC " __VERSION__;
#else
    return "unknown compiler";
#endif
}

static const char *build_kind(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return "address sanitizer";
#elif defined(__SANITIZE_THREAD__)
    return "thread sanitizer";
#elif defined(NDEBUG)
    return "release";
#else
    return "with assertions";
#endif
}

/* The kinds of addresses. What is not built refuses any address with ERR_UNSUPPORTED. */
static const struct {
    const char *address, *probe, *text;
} transports[] = {
    {"embedded:", "embedded:weir-info", "store and models inside the process"},
    {"node:NAME", "node:weir-info", "one server per node, over shared memory"},
    {"redis://HOST", "redis://127.0.0.1:1", "Redis or Valkey with Weir's module"},
    {"rediss://HOST", "rediss://127.0.0.1:1", "the same, over TLS"},
    {"unix:PATH", "unix:/nonexistent/weir-info", "the same, over a local socket"}};
enum { N_TRANSPORTS = sizeof transports / sizeof *transports };

/* What loads the module. */
static const char *const servers[] = {"redis-server", "valkey-server"};
enum { N_SERVERS = sizeof servers / sizeof *servers };

static bool is_built(int i)
{
    weir_client *c = NULL;
    weir_client_options opt = {.struct_bytes = sizeof opt, .timeout_ms = 1};
    weir_status st = weir_client_new(&c, weir_cstr(transports[i].probe), &opt, NULL);
    weir_client_free(c);
    return st != WEIR_ERR_UNSUPPORTED && st != WEIR_ERR_ARG;
}

void info_backends_text(const weir_backend_info *b, int n)
{
    for (int i = 0; i < n; i++) {
        if (b[i].present)
            printf("  %-13s present, %s\n  %-13s %s\n", b[i].name, b[i].version, "",
                   b[i].path);
        else
            printf("  %-13s absent: %s\n", b[i].name, b[i].hint);
    }
    if (n == 0)
        printf(
            "  none found; WEIR_BACKEND_PATH names the folder of weir_backend_NAME.so\n");
}

void info_backends_json(json *j, const weir_backend_info *b, int n)
{
    json_open(j, "backends", '[');
    for (int i = 0; i < n; i++) {
        json_open(j, NULL, '{');
        json_text(j, "name", b[i].name);
        json_bool(j, "present", b[i].present);
        json_text(j, "version", b[i].version);
        json_text(j, "path", b[i].path);
        json_text(j, "hint", b[i].hint);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void print_text(const machine *m, const weir_backend_info *b, int n)
{
    char all[32], free_now[32], module[4096];
    cli_headline("weir");
    printf("  version      %s\n  build        %s, %s\n", weir_version(), compiler(),
           build_kind());
    cli_headline("machine");
    printf("  cores        %ld online, %d for this process (%s)\n", m->cores_online,
           m->cores_allowed, m->core_list);
    printf("  memory       %s, %s available\n",
           cli_bytes(m->memory_bytes, all, sizeof all),
           cli_bytes(m->available_bytes, free_now, sizeof free_now));
    printf("  huge pages   %s\n", m->huge_pages);
    cli_headline("backends");
    info_backends_text(b, n);
    cli_headline("transports");
    for (int i = 0; i < N_TRANSPORTS; i++)
        printf("  %-13s %-10s %s\n", transports[i].address,
               is_built(i) ? "built" : "not built", transports[i].text);
    cli_headline("servers");
    printf("  %-13s %s\n", "module",
           place_module(module, sizeof module)
               ? module
               : "absent: no weir.so beside this program");
    for (int i = 0; i < N_SERVERS; i++)
        printf("  %-13s %s\n", servers[i],
               place_program(servers[i], module, sizeof module) ? module
                                                                : "absent, not in PATH");
}

static void print_json(const machine *m, const weir_backend_info *b, int n)
{
    json j = {.f = stdout};
    char path[4096];
    json_open(&j, NULL, '{');
    json_text(&j, "version", weir_version());
    json_text(&j, "compiler", compiler());
    json_text(&j, "build", build_kind());
    json_open(&j, "machine", '{');
    json_int(&j, "cores_online", m->cores_online);
    json_int(&j, "cores_allowed", m->cores_allowed);
    json_text(&j, "core_list", m->core_list);
    json_int(&j, "memory_bytes", (int64_t)m->memory_bytes);
    json_int(&j, "available_bytes", (int64_t)m->available_bytes);
    json_text(&j, "huge_pages", m->huge_pages);
    json_close(&j, '}');
    info_backends_json(&j, b, n);
    json_text(&j, "module", place_module(path, sizeof path) ? path : "");
    json_open(&j, "servers", '{');
    for (int i = 0; i < N_SERVERS; i++)
        json_text(&j, servers[i],
                  place_program(servers[i], path, sizeof path) ? path : "");
    json_close(&j, '}');
    json_open(&j, "transports", '[');
    for (int i = 0; i < N_TRANSPORTS; i++) {
        json_open(&j, NULL, '{');
        json_text(&j, "address", transports[i].address);
        json_bool(&j, "built", is_built(i));
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

static int run(char **args, int n_args)
{
    static weir_backend_info backends[INFO_BACKENDS_MAX];
    machine m;

    (void)args;
    (void)n_args;
    if (address != NULL)
        return info_address(address, as_json);
    look(&m);
    size_t n = weir_backends(NULL, backends, INFO_BACKENDS_MAX);
    int shown = n > INFO_BACKENDS_MAX ? INFO_BACKENDS_MAX : (int)n;
    if (as_json)
        print_json(&m, backends, shown);
    else
        print_text(&m, backends, shown);
    return CLI_OK;
}

const cli_command cli_info = {.name = "info",
                              .arguments = "",
                              .summary = "what this build, this machine or a server have",
                              .text = "Version and build, cores that this process may "
                                      "use, memory, which inference backends\n"
                                      "are there (and for an absent one what to "
                                      "install), which transports are built,\n"
                                      "where the module for Redis and Valkey lies. Loads "
                                      "each backend to see whether it\n"
                                      "works. With --address: what answers there, its "
                                      "version and Weir's, its backends and\n"
                                      "its statistics.\n",
                              .option = options,
                              .n_options = sizeof options / sizeof *options,
                              .run = run};
