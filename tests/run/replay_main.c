// SPDX-License-Identifier: BSD-3-Clause
/// Runs a fuzz target over the files of its corpus, one TAP line each.
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char *read_file(const char *path, size_t *n)
{
    char *bytes = NULL;
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    if (fseek(f, 0, SEEK_END) != 0)
        goto out;
    long size = ftell(f);
    if (size < 0 || fseek(f, 0, SEEK_SET) != 0)
        goto out;
    bytes = malloc(size > 0 ? (size_t)size : 1); /* exact: ASan sees the end */
    if (bytes == NULL)
        goto out;
    *n = fread(bytes, 1, (size_t)size, f);
    if (*n != (size_t)size) {
        free(bytes);
        bytes = NULL;
    }
out:
    fclose(f);
    return bytes;
}

static int replay(const char *folder, const char *name, int i)
{
    char path[4096];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *bytes = read_file(path, &n);
    if (bytes == NULL) {
        printf("not ok %d - %s: %s\n", i, name, strerror(errno));
        return 1;
    }
    printf("# %s\n", name); /* known before a crash */
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, n);
    free(bytes);
    printf("ok %d - %s\n", i, name);
    return 0;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    int n_failed = 0, i = 1;

    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("ok %d - empty input\n", i++);

    int n = scandir(argv[1], &entries, NULL, alphasort);
    for (int k = 0; k < n; k++) {
        if (entries[k]->d_name[0] != '.')
            n_failed += replay(argv[1], entries[k]->d_name, i++);
        free(entries[k]);
    }
    free(entries);
    if (n < 0 || i == 2) {
        printf("not ok %d - corpus %s is missing or empty\n", i++, argv[1]);
        n_failed++;
    }
    printf("1..%d\n", i - 1);
    return n_failed != 0;
}
