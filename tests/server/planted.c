/* SPDX-License-Identifier: BSD-3-Clause */
/* A module with planted defects, for the harness's own test: what its first argument names. It shows
 * that sanitizers and valgrind see into a module of a server that was built without them. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef int get_function(const char *name, void *function);
typedef int set_attributes(void *context, const char *name, int version, int api);
typedef const char *string_pointer(const void *string, size_t *n);

int RedisModule_OnLoad(void **context, void **words, int n_words);

static int shared;

static void *count(void *unused)
{
    for (int i = 0; i < 1000; i++)
        shared++;
    return unused;
}

static int race(void)
{
    pthread_t other;
    if (pthread_create(&other, NULL, count, NULL) != 0)
        return 1;
    count(NULL);
    return pthread_join(other, NULL);
}

int RedisModule_OnLoad(void **context, void **words, int n_words)
{
    /* the first word of a context is the function that finds all others */
    get_function *get = NULL;
    memcpy(&get, context, sizeof get);
    set_attributes *attributes = NULL;
    string_pointer *text = NULL;
    if (get("RedisModule_SetModuleAttribs", (void *)&attributes) != 0 ||
        get("RedisModule_StringPtrLen", (void *)&text) != 0)
        return 1;
    attributes(context, "planted", 1, 1);
    const char *defect = n_words > 0 ? text(words[0], NULL) : "";
    volatile char *block = malloc(4);
    if (block != NULL && strcmp(defect, "overflow") == 0)
        block[n_words + 4] = 1;
    free((void *)block);
    return strcmp(defect, "race") == 0 ? race() : 0;
}
