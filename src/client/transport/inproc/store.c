/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of this process's embedded stores. */
#include "client/transport/inproc/store.h"

#include "base/alloc.h"

static wr_mutex table_lock;
static wr_store *stores; /* guarded by table_lock */

static void init_table(void)
{
    wr_mutex_init(&table_lock, WR_LEVEL_STORES);
}

static void lock_table(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_table);
    wr_lock(&table_lock);
}

static void store_free(wr_store *s)
{
    if (s == NULL)
        return;
    wr_workers_fini(&s->helpers);
    if (s->service.keyspace != NULL)
        s->service.keyspace->ops->free(s->service.keyspace);
    wr_engine_free(s->service.engine);
    wr_free(s->name);
    wr_free(s);
}

static weir_status store_new(wr_store **out, weir_str name,
                             const weir_client_options *opt, weir_error *err)
{
    wr_engine_options engine = {.threads = opt->threads,
                                .oversubscribe = opt->oversubscribe,
                                .spin = opt->spin,
                                .backend_path = opt->backend_path};
    wr_store *s = wr_calloc(1, sizeof *s);
    weir_status st = WEIR_OK;
    if (s != NULL)
        s->name = wr_dup(name.p, name.n);
    if (s == NULL || s->name == NULL)
        st = weir_fail(err, WEIR_ERR_NOMEM, "no memory for an embedded store");
    if (st == WEIR_OK)
        st = wr_keyspace_new_memory(&s->service.keyspace, opt->memory_bytes, opt->full,
                                    err);
    if (st == WEIR_OK)
        st = wr_engine_new(&s->service.engine, &engine, err);
    if (st != WEIR_OK) {
        store_free(s);
        return st;
    }
    wr_workers_init(&s->helpers, "weir-helper", WR_HELPERS_MAX, WR_LEVEL_CLIENT);
    s->asked = *opt;
    *out = s;
    return WEIR_OK;
}

/* A later opener leaves store options zero, or gives the first one's. */
static weir_status check_options(const wr_store *s, const weir_client_options *opt,
                                 weir_error *err)
{
    const weir_client_options *had = &s->asked;
    const char *differs = NULL;
    if (opt->memory_bytes != 0 && opt->memory_bytes != had->memory_bytes)
        differs = "memory_bytes";
    else if (opt->full != WEIR_FULL_FAIL && opt->full != had->full)
        differs = "full";
    else if (opt->threads != 0 && opt->threads != had->threads)
        differs = "threads";
    else if (opt->oversubscribe && !had->oversubscribe)
        differs = "oversubscribe";
    else if (opt->spin && !had->spin)
        differs = "spin";
    if (differs == NULL)
        return WEIR_OK;
    return weir_fail(
        err, WEIR_ERR_EXISTS,
        "the store 'embedded:%s' is open with another %s: leave it zero, or name "
        "another store",
        s->name, differs);
}

weir_status wr_store_open(wr_store **out, weir_str name, const weir_client_options *opt,
                          weir_error *err)
{
    weir_status st = WEIR_OK;
    lock_table();
    wr_store *s = stores;
    while (s != NULL && !wr_str_eq(weir_cstr(s->name), name))
        s = s->next;
    if (s != NULL) {
        st = check_options(s, opt, err);
    } else {
        st = store_new(&s, name, opt, err);
        if (st == WEIR_OK) {
            s->next = stores;
            stores = s;
        }
    }
    if (st == WEIR_OK) {
        s->n_open++;
        *out = s;
    }
    wr_unlock(&table_lock);
    return st;
}

void wr_store_close(wr_store *s)
{
    lock_table();
    bool last = --s->n_open == 0;
    if (last) {
        wr_store **at = &stores;
        while (*at != s)
            at = &(*at)->next;
        *at = s->next;
    }
    wr_unlock(&table_lock);
    if (last)
        store_free(s);
}
