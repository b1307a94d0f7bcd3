/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening and closing clients, their options, and the names they give to keys. */
#include "client/client.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "client/request.h"

/* Every scheme that design and documents name; a NULL entry is not built. */
static const struct {
    const char *scheme;
    const wr_transport_ops *ops;
} transports[] = {
    {"embedded", &wr_transport_inproc}, {"node", NULL},
    {"redis", &wr_transport_redis},     {"rediss", &wr_transport_rediss},
    {"unix", &wr_transport_unix},       {"mpi", NULL},
};

/* ---- addresses ---- */

static weir_status find_transport(weir_str address, const wr_transport_ops **ops,
                                  weir_str *rest, weir_error *err)
{
    const char *colon = memchr(address.p, ':', address.n);
    weir_str scheme = {address.p,
                       colon == NULL ? address.n : (size_t)(colon - address.p)};
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++) {
        if (!wr_str_eq(scheme, weir_cstr(transports[i].scheme)) || colon == NULL)
            continue;
        if (transports[i].ops == NULL)
            return weir_fail(
                err, WEIR_ERR_UNSUPPORTED,
                "address '%.*s': the transport '%s:' is not built into this Weir; "
                "'embedded:', 'redis:', 'rediss:' and 'unix:' are",
                WR_NAME(address), transports[i].scheme);
        *ops = transports[i].ops;
        *rest = (weir_str){colon + 1, address.n - scheme.n - 1};
        return WEIR_OK;
    }
    /* not the whole address: it may hold a password */
    return weir_fail(err, WEIR_ERR_ARG,
                     "address '%.*s%s' begins with no transport that Weir knows: try "
                     "'embedded:' or 'redis://host:port'",
                     WR_NAME(scheme), colon == NULL ? "" : ":..");
}

/* Where nobody gave one: ours from the environment, then SmartRedis's, then this process. */
static weir_status find_address(weir_str *address, wr_text *own, weir_error *err)
{
    *address = weir_cstr(getenv("WEIR_ADDRESS"));
    if (address->n > 0)
        return WEIR_OK;
    weir_status st = wr_address_of_smartredis(own, err);
    if (st == WEIR_OK)
        *address = own->n > 0 ? (weir_str){own->p, own->n} : WEIR_STR("embedded:");
    return st;
}

/* ---- opening ---- */

static weir_str first_entry(weir_str list)
{
    const char *comma = list.n == 0 ? NULL : memchr(list.p, ',', list.n);
    return comma == NULL ? list : (weir_str){list.p, (size_t)(comma - list.p)};
}

static weir_status set_prefix(weir_client *c, wr_side side, weir_str text,
                              weir_error *err)
{
    wr_text fresh = {0};
    if (text.n > 0) {
        weir_status st = wr_check_name(text, "prefix", err);
        if (st != WEIR_OK)
            return st;
        wr_text_add(&fresh, text.p, text.n);
        wr_text_add(&fresh, ".", 1);
        if (fresh.failed) {
            wr_text_fini(&fresh);
            return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a prefix");
        }
    }
    wr_text_fini(&c->prefix[side]);
    c->prefix[side] = fresh;
    return WEIR_OK;
}

static weir_status set_prefixes(weir_client *c, const weir_client_options *opt,
                                weir_error *err)
{
    weir_str put =
        opt->put_prefix.n > 0 ? opt->put_prefix : weir_cstr(getenv("SSKEYOUT"));
    weir_str get = opt->get_prefix.n > 0 ? opt->get_prefix : weir_cstr(getenv("SSKEYIN"));
    wr_text_add(&c->sources, get.p, get.n);
    if (c->sources.failed)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for prefixes");
    weir_status st = set_prefix(c, WR_WRITE, put, err);
    if (st == WEIR_OK)
        st = set_prefix(c, WR_READ, first_entry(get), err);
    c->use_prefix[WEIR_TENSOR] = c->use_prefix[WEIR_DATASET] = c->use_prefix[WEIR_LIST] =
        true;
    return st;
}

static weir_status check_options(const weir_client_options *given,
                                 weir_client_options *out, weir_error *err)
{
    *out = (weir_client_options){0};
    if (given == NULL)
        return WEIR_OK;
    weir_client_options zero = {0};
    if (given->struct_bytes == 0 && memcmp(given, &zero, sizeof zero) != 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "client options: struct_bytes is 0 though others are "
                         "set: write .struct_bytes = sizeof(weir_client_options)");
    if (given->struct_bytes > sizeof *given)
        return weir_fail(
            err, WEIR_ERR_ARG,
            "client options have %zu bytes, this Weir knows %zu: it is older than "
            "your header",
            given->struct_bytes, sizeof *given);
    memcpy(out, given, given->struct_bytes);
    if ((unsigned)out->full > WEIR_FULL_DROP_NEWEST || out->threads < 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "client options: full is %d (0 to %d), threads %d",
                         (int)out->full, (int)WEIR_FULL_DROP_NEWEST, out->threads);
    return WEIR_OK;
}

weir_status weir_client_new(weir_client **out, weir_str address,
                            const weir_client_options *opt, weir_error *err)
{
    weir_client_options full_options;
    weir_str rest = {0};
    weir_status st = wr_check_pointer(out, "open", "out", err);
    if (st == WEIR_OK)
        st = check_options(opt, &full_options, err);
    if (st != WEIR_OK)
        return st;

    wr_text found = {0};
    weir_client *c = wr_calloc(1, sizeof *c);
    if (c == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory for a client");
    atomic_init(&c->closed, false);
    c->deadline = WEIR_NEVER;
    st = set_prefixes(c, &full_options, err);
    if (st == WEIR_OK && address.n == 0)
        st = find_address(&address, &found, err);
    if (st == WEIR_OK)
        st = find_transport(address, &c->ops, &rest, err);
    if (st == WEIR_OK) {
        c->default_timeout_ms = c->ops->default_timeout_ms == NULL
                                    ? WR_TIMEOUT_MS
                                    : c->ops->default_timeout_ms();
        weir_client_set_timeout(c, full_options.timeout_ms);
        st = c->ops->open(&c->link, rest, &full_options, err);
    }
    wr_text_fini(&found);
    if (st != WEIR_OK) {
        weir_client_free(c);
        return st;
    }
    *out = c;
    return WEIR_OK;
}

void weir_client_close(weir_client *c)
{
    if (c != NULL)
        atomic_store(&c->closed, true);
}

void weir_client_free(weir_client *c)
{
    if (c == NULL)
        return;
    weir_client_close(c);
    wr_requests_finish(c);
    if (c->link != NULL)
        c->ops->close(c->link);
    for (int i = 0; i < WR_SIDES; i++)
        wr_text_fini(&c->prefix[i]);
    wr_text_fini(&c->sources);
    wr_free(c);
}

/* ---- options ---- */

void weir_client_set_timeout(weir_client *c, int64_t timeout_ms)
{
    if (c != NULL)
        c->timeout_ms = timeout_ms == 0 ? c->default_timeout_ms : timeout_ms;
}

void weir_client_set_deadline(weir_client *c, weir_deadline deadline)
{
    if (c != NULL)
        c->deadline = deadline;
}

weir_status weir_client_set_source(weir_client *c, weir_str source, weir_error *err)
{
    weir_status st = wr_check_pointer(c, "set_source", "client", err);
    if (st == WEIR_OK)
        st = wr_check_name(source, "source", err);
    if (st != WEIR_OK)
        return st;
    for (weir_str left = {c->sources.p, c->sources.n}; left.n > 0;) {
        weir_str entry = first_entry(left);
        if (wr_str_eq(entry, source))
            return set_prefix(c, WR_READ, source, err);
        size_t skip = entry.n < left.n ? entry.n + 1 : left.n;
        left = (weir_str){left.p + skip, left.n - skip};
    }
    return weir_fail(err, WEIR_ERR_KEY, "source '%.*s' is not one of '%.*s' (SSKEYIN)",
                     WR_NAME(source), WR_NAME(((weir_str){c->sources.p, c->sources.n})));
}

weir_status weir_client_use_prefix(weir_client *c, weir_kind kind, bool on,
                                   weir_error *err)
{
    weir_status st = wr_check_pointer(c, "use_prefix", "client", err);
    if (st != WEIR_OK)
        return st;
    if (kind <= WEIR_ANY || kind >= WEIR_KIND_COUNT)
        return weir_fail(err, WEIR_ERR_ARG,
                         "use_prefix: kind %d is none that takes a prefix", (int)kind);
    c->use_prefix[kind] = on;
    return WEIR_OK;
}

/* ---- names ---- */

weir_str wr_client_prefix(const weir_client *c, weir_kind kind, wr_side side)
{
    if (kind == WEIR_ANY || !c->use_prefix[kind])
        return (weir_str){0};
    return (weir_str){c->prefix[side].p, c->prefix[side].n};
}

weir_status wr_key_make(wr_key *k, const weir_client *c, weir_kind kind, wr_side side,
                        weir_str name, weir_error *err)
{
    k->heap = NULL;
    if ((unsigned)kind >= WEIR_KIND_COUNT)
        return weir_fail(err, WEIR_ERR_ARG, "kind %d is no kind of value", (int)kind);
    weir_status st = wr_check_name(name, wr_kind_name(kind), err);
    if (st != WEIR_OK)
        return st;
    weir_str prefix = wr_client_prefix(c, kind, side);
    bool braces = kind == WEIR_DATASET;
    if (prefix.n == 0 && !braces) {
        k->s = name;
        return WEIR_OK;
    }
    size_t n = prefix.n + name.n + (braces ? 2 : 0);
    char *p = k->small;
    if (n > sizeof k->small) {
        p = k->heap = wr_alloc(n);
        if (p == NULL)
            return weir_fail(err, WEIR_ERR_NOMEM, "%s '%.*s': no memory for its key",
                             wr_kind_name(kind), WR_NAME(name));
    }
    k->s = (weir_str){p, n};
    if (prefix.n > 0)
        memcpy(p, prefix.p, prefix.n);
    p += prefix.n;
    if (braces)
        *p++ = '{';
    memcpy(p, name.p, name.n);
    if (braces)
        p[name.n] = '}';
    return WEIR_OK;
}

void wr_key_fini(wr_key *k)
{
    wr_free(k->heap);
    k->heap = NULL;
}

/* ---- checks that every verb begins with ---- */

weir_status wr_check_pointer(const void *p, const char *verb, const char *what,
                             weir_error *err)
{
    if (p != NULL)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_ARG, "%s: the pointer '%s' is null", verb, what);
}

weir_status wr_client_check(const weir_client *c, const char *verb, weir_error *err)
{
    if (c == NULL)
        return wr_check_pointer(c, verb, "client", err);
    if (atomic_load_explicit(&c->closed, memory_order_acquire))
        return weir_fail(err, WEIR_ERR_CLOSED, "%s: the client is closed", verb);
    if (c->deadline != WEIR_NEVER) {
        int64_t late = weir_now_ns() - c->deadline;
        if (late >= 0)
            return weir_fail(
                err, WEIR_ERR_TIMEOUT,
                "%s: the client's deadline passed %.3f ms ago; nothing was done", verb,
                (double)late * 1e-6);
    }
    return WEIR_OK;
}

wr_req wr_client_req(const weir_client *c, wr_command command)
{
    return (wr_req){.command = command, .limit = {c->timeout_ms, c->deadline}};
}

size_t weir_client_statistics(const weir_client *c, weir_stat *out, size_t n)
{
    if (c == NULL || (out == NULL && n > 0))
        return 0;
    return c->ops->statistics(c->link, out, n);
}

weir_status weir_client_statistic(const weir_client *c, weir_str name, double *value,
                                  weir_error *err)
{
    weir_stat all[256];
    weir_status st = wr_check_pointer(c, "statistic", "client", err);
    if (st == WEIR_OK)
        st = wr_check_pointer(value, "statistic", "value", err);
    if (st != WEIR_OK)
        return st;
    size_t n = weir_client_statistics(c, all, sizeof all / sizeof *all);
    for (size_t i = 0; i < n && i < sizeof all / sizeof *all; i++) {
        if (wr_str_eq(weir_cstr(all[i].name), name)) {
            *value = all[i].value;
            return WEIR_OK;
        }
    }
    return weir_fail(err, WEIR_ERR_KEY,
                     "there is no statistic '%.*s': `weir help statistics` "
                     "lists them",
                     WR_NAME(name));
}

size_t weir_servers(weir_client *c, weir_server_info *out, size_t n)
{
    if (c == NULL || (out == NULL && n > 0))
        return 0;
    return c->ops->servers(c->link, out, n);
}

size_t weir_backends(weir_client *c, weir_backend_info *out, size_t n)
{
    weir_client *own = NULL;
    if (c == NULL &&
        weir_client_new(&own, WEIR_STR("embedded:weir_backends"), NULL, NULL) == WEIR_OK)
        c = own;
    size_t found =
        c == NULL || (out == NULL && n > 0) ? 0 : c->ops->backends(c->link, out, n);
    weir_client_free(own);
    return found;
}
