/* SPDX-License-Identifier: BSD-3-Clause */
/* How a data plane grows: 1, 3 and 6 shards on this machine, 1 to 512 client processes. Two programs of the
 * ocean paper's scaling study, each client on its own keys and all starting at once:
 *
 *   inference   put of a 224 x 224 x 3 image, a script that prepares it, a run of a ResNet-50-shaped
 *               network, get of its 1000 numbers: ten iterations, one more before them
 *   throughput  put and get of one tensor, 1 KB and the image's 602,112 bytes
 *
 * Prints a line per function: quartiles over all clients and iterations (plot.py draws them as boxes), and
 * a line per configuration with the rate of all clients together. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "infer.h"
#include "server.h"
#include "weir/client.h"

enum { SIDE = 224, CHANNELS = 3, IMAGE = SIDE * SIDE * CHANNELS, CLASSES = 1000 };
enum { FUNCTIONS = 4, ITERATIONS_MAX = 64, CLIENTS_MAX = 512 };

/* Shared with the clients. */
typedef struct board {
    double began[CLIENTS_MAX], ended[CLIENTS_MAX];
    double took[FUNCTIONS][CLIENTS_MAX][ITERATIONS_MAX]; /* seconds */
    int iterations;
    weir_error failure; /* of any client */
} board;

typedef struct plan {
    const char *program; /* "inference" or "throughput" */
    const char *address;
    int shards, clients, iterations;
    int64_t n;    /* throughput: floats of the tensor */
    bool torch;   /* the script is TorchScript */
    int go[2];    /* closed: begin */
    int ready[2]; /* a byte of each client that is ready */
} plan;

static const char *const step_names[FUNCTIONS] = {"put_tensor", "run_script", "run_model",
                                                  "unpack_tensor"};

/* ---- a client ---- */

static const char script[] =
    "def pre_process_3ch(image):\n"
    "    x = image.float().div(255).permute(2, 0, 1)\n"
    "    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)\n"
    "    deviation = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)\n"
    "    return ((x - mean) / deviation).reshape(1, -1)\n";

typedef struct client {
    const plan *p;
    weir_client *c;
    char name[3][32]; /* keys of image, prepared image, result; of one slot */
    weir_tensor in, out;
    weir_error *err;
} client;

static weir_status prepare(client *k)
{
    weir_str in = weir_cstr(k->name[0]), out = weir_cstr(k->name[1]);
    if (k->p->torch)
        return weir_run_script(k->c, WEIR_STR("prepare"), WEIR_STR("pre_process_3ch"),
                               &in, 1, &out, 1, k->err);
    return weir_run(k->c, WEIR_STR("prepare"), &in, 1, &out, 1, k->err);
}

static weir_status step(client *k, int function)
{
    weir_str first = weir_cstr(k->name[0]), x = weir_cstr(k->name[1]),
             y = weir_cstr(k->name[2]);
    bool infers = strcmp(k->p->program, "inference") == 0;
    switch (function) {
    case 0:
        return weir_put(k->c, first, &k->in, k->err);
    case 1:
        return infers ? prepare(k) : WEIR_OK;
    case 2:
        return infers ? weir_run(k->c, WEIR_STR("resnet50"), &x, 1, &y, 1, k->err)
                      : WEIR_OK;
    default:
        return weir_get(k->c, infers ? y : first, &k->out, k->err);
    }
}

static bool client_init(client *k, const plan *p, int rank, weir_error *err)
{
    static const char *const part[] = {"image", "x", "y"};
    bool infers = strcmp(p->program, "inference") == 0;
    int64_t image[] = {SIDE, SIDE, CHANNELS}, row[] = {1, p->n}, classes[] = {1, CLASSES};
    int64_t n = infers ? IMAGE : p->n;
    float *x = malloc((size_t)n * sizeof *x), *y = malloc((size_t)n * sizeof *y);
    *k = (client){.p = p, .err = err};
    for (int i = 0; i < 3; i++)
        snprintf(k->name[i], sizeof k->name[i], "{rank%d}.%s", rank, part[i]);
    if (x == NULL || y == NULL)
        return false;
    bench_fill(x, n, (uint64_t)rank + 1);
    memset(y, 0, (size_t)n * sizeof *y);
    for (int64_t i = 0; infers && i < n; i++)
        x[i] *= 255;
    return weir_client_new(&k->c, weir_cstr(p->address), NULL, err) == WEIR_OK &&
           weir_tensor_init(&k->in, x, WEIR_F32, infers ? 3 : 2, infers ? image : row,
                            err) == WEIR_OK &&
           weir_tensor_init(&k->out, y, WEIR_F32, 2, infers ? classes : row, err) ==
               WEIR_OK;
}

static bool iterate(client *k, double *took[FUNCTIONS], int i)
{
    for (int f = 0; f < FUNCTIONS; f++) {
        double begin = bench_now();
        if (step(k, f) != WEIR_OK)
            return false;
        if (i >= 0)
            took[f][i] = bench_now() - begin;
    }
    return true;
}

/* In the child. */
static int be_client(const plan *p, board *b, int rank)
{
    client k;
    char c = 'r';
    weir_error err = {0};
    double *took[FUNCTIONS];
    for (int f = 0; f < FUNCTIONS; f++)
        took[f] = b->took[f][rank];
    bool good = client_init(&k, p, rank, &err);
    if (good)
        weir_client_set_timeout(k.c, 300000); /* 512 clients wait for each other */
    good = good && iterate(&k, took, -1);
    good = write(p->ready[1], &c, 1) == 1 && good;
    (void)!read(p->go[0], &c, 1); /* its end: all begin */
    b->began[rank] = bench_now();
    for (int i = 0; i < p->iterations && good; i++)
        good = iterate(&k, took, i);
    b->ended[rank] = bench_now();
    if (!good)
        b->failure = err;
    return good ? 0 : 1;
}

/* ---- all of them ---- */

static bool start_all(plan *p, board *b, pid_t *pid)
{
    pid_t parent = getpid();
    fflush(stdout);
    for (int i = 0; i < p->clients; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(p->go[1]);
            _exit(getppid() == parent ? be_client(p, b, i) : 1);
        }
        if (pid[i] < 0)
            return false;
    }
    char c;
    for (int i = 0; i < p->clients; i++) {
        if (read(p->ready[0], &c, 1) != 1)
            return false;
    }
    return true;
}

static bool end_all(const pid_t *pid, int n)
{
    bool good = true;
    for (int i = 0; i < n; i++) {
        int status = 1;
        while (pid[i] > 0 && waitpid(pid[i], &status, 0) < 0 && errno == EINTR)
            continue;
        good = good && status == 0;
    }
    return good;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The first iteration is dropped, as in the paper's study. */
static void print_function(const plan *p, const board *b, int f, const char *label)
{
    static double v[CLIENTS_MAX * ITERATIONS_MAX];
    size_t n = 0;
    double sum = 0;
    for (int k = 0; k < p->clients; k++) {
        for (int i = p->iterations > 1; i < p->iterations; i++) {
            sum += b->took[f][k][i];
            v[n++] = b->took[f][k][i];
        }
    }
    qsort(v, n, sizeof *v, by_value);
    printf("box %-16s %d %d %-14s", label, p->shards, p->clients, step_names[f]);
    static const double q[] = {0, 0.05, 0.25, 0.5, 0.75, 0.95, 1};
    for (size_t i = 0; i < sizeof q / sizeof *q; i++)
        printf(" %.3f", v[(size_t)(q[i] * (double)(n - 1) + 0.5)] * 1e3);
    printf(" %.3f\n", sum / (double)n * 1e3);
}

static void print_all(const plan *p, const board *b, const char *label)
{
    double first = b->began[0], last = b->ended[0];
    bool infers = strcmp(p->program, "inference") == 0;
    for (int i = 1; i < p->clients; i++) {
        first = b->began[i] < first ? b->began[i] : first;
        last = b->ended[i] > last ? b->ended[i] : last;
    }
    for (int f = 0; f < FUNCTIONS; f++) {
        if (infers || f == 0 || f == FUNCTIONS - 1)
            print_function(p, b, f, label);
    }
    printf("rate %-15s %d %d %.1f\n", label, p->shards, p->clients,
           (double)p->clients * p->iterations / (last - first));
    fflush(stdout);
}

static bool run_plan(plan *p, board *b, const char *label)
{
    static pid_t pid[CLIENTS_MAX];
    memset(pid, 0, sizeof pid);
    b->failure.text[0] = '\0';
    if (pipe(p->go) != 0 || pipe(p->ready) != 0)
        return false;
    bool good = start_all(p, b, pid);
    close(p->go[1]);
    good = end_all(pid, p->clients) && good;
    close(p->go[0]);
    close(p->ready[0]);
    close(p->ready[1]);
    if (good)
        print_all(p, b, label);
    else
        printf("failed %s, %d shards, %d clients: %s\n", label, p->shards, p->clients,
               b->failure.text);
    return good;
}

/* ---- configurations ---- */

static bool set_models(plan *p, const char *models, weir_error *err)
{
    char path[4096];
    weir_client *c = NULL;
    snprintf(path, sizeof path, "%s/resnet50.onnx", models);
    weir_status st = weir_client_new(&c, weir_cstr(p->address), NULL, err);
    if (st == WEIR_OK)
        st = weir_set_model_file(c, WEIR_STR("resnet50"), weir_cstr(path), NULL, err);
    if (st == WEIR_OK) {
        p->torch = weir_set_script(c, WEIR_STR("prepare"), weir_cstr(script), NULL,
                                   err) == WEIR_OK;
        snprintf(path, sizeof path, "%s/preprocess.onnx", models);
        if (!p->torch)
            st = weir_set_model_file(c, WEIR_STR("prepare"), weir_cstr(path), NULL, err);
    }
    weir_client_free(c);
    return st == WEIR_OK;
}

static void print_memory(const server *s, int n, const char *when)
{
    printf("memory %d %s", n, when);
    for (int i = 0; i < n; i++)
        printf(" %.0f", (double)bench_resident(s[i].pid) / 1048576);
    printf(" MB\n");
}

static bool infer_all(plan *p, board *b, const infer_options *opt, const server *s)
{
    static const int clients[] = {1, 8, 64};
    weir_error err = {0};
    p->program = "inference";
    p->iterations = 10;
    if (!set_models(p, opt->models, &err)) {
        printf("failed inference, %d shards: %s\n", p->shards, err.text);
        return false;
    }
    print_memory(s, p->shards, "models_set");
    printf("# the script is %s\n", p->torch ? "TorchScript" : "an ONNX model");
    bool good = true;
    for (int i = 0; i < (opt->quick ? 1 : 3); i++) {
        p->clients = clients[i];
        good = run_plan(p, b, "inference") && good;
    }
    return good;
}

static bool transfer_all(plan *p, board *b, bool quick)
{
    static const int clients[] = {1, 8, 64, 512};
    static const struct {
        const char *label;
        int64_t n;
        int iterations;
    } size[] = {{"throughput_1KB", 256, 50}, {"throughput_602KB", IMAGE, 10}};
    bool good = true;
    p->program = "throughput";
    for (int z = 0; z < 2; z++) {
        p->n = size[z].n;
        for (int i = 0; i < (quick ? 2 : 4); i++) {
            p->clients = clients[i];
            p->iterations = size[z].iterations;
            good = run_plan(p, b, size[z].label) && good;
        }
    }
    return good;
}

int main(int argc, char **argv)
{
    static const int shards[] = {1, 3, 6};
    infer_options opt;
    bool good = true;
    if (!infer_arguments(argc, argv, &opt))
        return 2;
    board *b =
        mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b == MAP_FAILED)
        return 1;
    printf("# box LABEL SHARDS CLIENTS FUNCTION min p05 q1 median q3 p95 max mean, "
           "milliseconds\n# rate LABEL SHARDS CLIENTS iterations per second of all "
           "clients\n");
    for (size_t i = 0; i < sizeof shards / sizeof *shards; i++) {
        static server s[6];
        char address[512], why[SERVER_TEXT];
        plan p = {.address = address, .shards = shards[i]};
        server_options o = {.valkey = opt.valkey};
        if (opt.quick && i > 1)
            break;
        if (!cluster_start(s, shards[i], &o, address, sizeof address, why)) {
            printf("failed %d shards: %s\n", shards[i], why);
            good = false;
            continue;
        }
        bool all = opt.part == NULL;
        print_memory(s, p.shards, "started");
        if (all || strcmp(opt.part, "throughput") == 0)
            good = transfer_all(&p, b, opt.quick) && good;
        print_memory(s, p.shards, "tensors");
        if (all || strcmp(opt.part, "inference") == 0)
            good = infer_all(&p, b, &opt, s) && good;
        for (int k = 0; k < shards[i]; k++)
            server_stop(&s[k]);
    }
    return good ? 0 : 1;
}
