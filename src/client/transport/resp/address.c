/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading addresses. Of one that holds a password nothing is repeated in messages but hosts. */
#include "client/transport/resp/address.h"

#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "client/transport/transport.h"

static weir_status no_memory(weir_error *err)
{
    return weir_fail(err, WEIR_ERR_NOMEM, "no memory for an address");
}

/* ---- pieces of text ---- */

/* Cut `s` at the first `c`: what is before it; *s becomes what is behind it. Without: all, empty. */
static weir_str cut(weir_str *s, char c)
{
    const char *at = s->n == 0 ? NULL : memchr(s->p, c, s->n);
    weir_str before = *s;
    if (at == NULL) {
        *s = (weir_str){0};
        return before;
    }
    before.n = (size_t)(at - s->p);
    *s = (weir_str){at + 1, s->n - before.n - 1};
    return before;
}

static bool starts_with(weir_str s, const char *with)
{
    size_t n = strlen(with);
    return s.n >= n && memcmp(s.p, with, n) == 0;
}

static weir_str skip(weir_str s, size_t n)
{
    return (weir_str){s.p + n, s.n - n};
}

static bool parse_number(weir_str s, int64_t max, int64_t *out)
{
    int64_t v = 0;
    if (s.n == 0 || s.n > 18)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (s.p[i] - '0');
    }
    *out = v;
    return v <= max;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %xx becomes a byte; a NUL can't be passed on and is refused. */
static weir_status decode(char **out, weir_str s, const char *what, weir_error *err)
{
    char *p = wr_dup(s.p == NULL ? "" : s.p, s.n);
    size_t n = 0;
    if (p == NULL)
        return no_memory(err);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            bool two = i + 2 < s.n;
            int high = two ? hex(s.p[i + 1]) : -1, low = two ? hex(s.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                wr_free(p);
                return weir_fail(
                    err, WEIR_ERR_ARG,
                    "address: the %s has a '%%' without two hexadecimal digits "
                    "behind it: write %%25 for a percent sign",
                    what);
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0') {
            wr_free(p);
            return weir_fail(err, WEIR_ERR_ARG, "address: the %s has a NUL byte", what);
        }
        p[n++] = c;
    }
    p[n] = '\0';
    wr_free(*out);
    *out = p;
    return WEIR_OK;
}

/* ---- hosts ---- */

static weir_status bad_host(weir_str text, const char *why, weir_error *err)
{
    return weir_fail(err, WEIR_ERR_ARG,
                     "address: '%.*s' is no host: %s; write host:port, or [::1]:port",
                     WR_NAME(text), why);
}

weir_status wr_place_parse(wr_place *out, weir_str text, weir_error *err)
{
    weir_str host, port = {0};
    int64_t number = WR_DEFAULT_PORT;
    if (text.n > 0 && text.p[0] == '[') {
        weir_str rest = skip(text, 1);
        host = cut(&rest, ']');
        if (host.n + 1 == text.n || (rest.n > 0 && rest.p[0] != ':'))
            return bad_host(text, "its brackets don't match", err);
        if (rest.n > 0) {
            port = skip(rest, 1);
            if (port.n == 0)
                return bad_host(text, "nothing follows the colon", err);
        }
    } else {
        port = text;
        host = cut(&port, ':');
        if (host.n < text.n && port.n == 0)
            return bad_host(text, "nothing follows the colon", err);
        if (port.n > 0 && memchr(port.p, ':', port.n) != NULL)
            return bad_host(text, "an IPv6 number needs brackets", err);
    }
    if (host.n == 0 || memchr(host.p, '\0', host.n) != NULL)
        return bad_host(text, "the name is empty", err);
    if (port.n > 0 && (!parse_number(port, 65535, &number) || number == 0))
        return bad_host(text, "the port is no number from 1 to 65535", err);
    out->host = wr_dup(host.p, host.n);
    out->port = (int)number;
    return out->host == NULL ? no_memory(err) : WEIR_OK;
}

static weir_status parse_hosts(wr_address *a, weir_str hosts, weir_error *err)
{
    weir_status st = WEIR_OK;
    bool more = true;
    while (more && st == WEIR_OK) {
        more = hosts.n > 0 && memchr(hosts.p, ',', hosts.n) != NULL;
        weir_str one = cut(&hosts, ',');
        if (a->n_places == WR_HOSTS_MAX)
            return weir_fail(err, WEIR_ERR_ARG, "address: more than %d hosts",
                             (int)WR_HOSTS_MAX);
        st = wr_place_parse(&a->place[a->n_places], one, err);
        if (st == WEIR_OK)
            a->n_places++;
    }
    return st;
}

/* ---- options ---- */

static weir_status parse_db(wr_address *a, weir_str text, weir_error *err)
{
    int64_t n = 0;
    if (!parse_number(text, 1 << 20, &n))
        return weir_fail(err, WEIR_ERR_ARG,
                         "address: the number of the database is no number from 0 up");
    a->db = (int)n;
    return WEIR_OK;
}

static weir_status parse_yes(bool *out, weir_str text, const char *what, weir_error *err)
{
    static const char *const yes[] = {"yes", "1", "on", "true"};
    static const char *const no[] = {"no", "0", "off", "false"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (wr_str_eq(text, weir_cstr(yes[i])) || wr_str_eq(text, weir_cstr(no[i]))) {
            *out = wr_str_eq(text, weir_cstr(yes[i]));
            return WEIR_OK;
        }
    }
    return weir_fail(err, WEIR_ERR_ARG, "%s is neither 'yes' nor 'no'", what);
}

static weir_status parse_option(wr_address *a, weir_str text, weir_error *err)
{
    const struct {
        const char *name;
        char **into;
    } texts[] = {
        {"ca", &a->ca}, {"cert", &a->cert}, {"key", &a->key}, {"user", &a->user}};
    weir_str value = text, name = cut(&value, '=');
    bool yes = false;
    weir_status st;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (wr_str_eq(name, weir_cstr(texts[i].name)))
            return decode(texts[i].into, value, texts[i].name, err);
    }
    if (wr_str_eq(name, WEIR_STR("db")))
        return parse_db(a, value, err);
    if (wr_str_eq(name, WEIR_STR("verify")))
        return parse_yes(&a->verify, value, "address: option 'verify'", err);
    if (wr_str_eq(name, WEIR_STR("cluster"))) {
        st = parse_yes(&yes, value, "address: option 'cluster'", err);
        if (st == WEIR_OK)
            a->clustered = yes ? WR_CLUSTER_YES : WR_CLUSTER_NO;
        return st;
    }
    return weir_fail(
        err, WEIR_ERR_ARG,
        "address: there is no option '%.*s': db, user, cluster, ca, cert, key "
        "and verify are",
        WR_NAME(name));
}

static weir_status parse_options(wr_address *a, weir_str query, weir_error *err)
{
    weir_status st = WEIR_OK;
    while (query.n > 0 && st == WEIR_OK) {
        weir_str one = cut(&query, '&');
        if (one.n > 0)
            st = parse_option(a, one, err);
    }
    return st;
}

static weir_status from_environment(char **into, const char *name, weir_error *err)
{
    const char *text = getenv(name);
    if (*into != NULL || text == NULL || text[0] == '\0')
        return WEIR_OK;
    *into = wr_dup(text, strlen(text));
    return *into == NULL ? no_memory(err) : WEIR_OK;
}

static weir_status read_environment(wr_address *a, weir_error *err)
{
    const char *verify = getenv("WEIR_TLS_VERIFY");
    weir_status st = from_environment(&a->password, "WEIR_PASSWORD", err);
    if (st == WEIR_OK)
        st = from_environment(&a->user, "WEIR_USER", err);
    if (st == WEIR_OK)
        st = from_environment(&a->ca, "WEIR_TLS_CA", err);
    if (st == WEIR_OK)
        st = from_environment(&a->cert, "WEIR_TLS_CERT", err);
    if (st == WEIR_OK)
        st = from_environment(&a->key, "WEIR_TLS_KEY", err);
    if (st == WEIR_OK && verify != NULL && verify[0] != '\0')
        st = parse_yes(&a->verify, weir_cstr(verify), "WEIR_TLS_VERIFY", err);
    return st;
}

/* ---- whole addresses ---- */

/* user[:password]@; a password may hold any character but must write some as %xx. */
static weir_status parse_login(wr_address *a, weir_str *rest, weir_error *err)
{
    const char *at = NULL;
    for (size_t i = 0; i < rest->n && rest->p[i] != '?'; i++) {
        if (rest->p[i] == '@')
            at = rest->p + i;
    }
    if (at == NULL)
        return WEIR_OK;
    weir_str login = {rest->p, (size_t)(at - rest->p)};
    *rest = skip(*rest, login.n + 1);
    bool colon = login.n > 0 && memchr(login.p, ':', login.n) != NULL;
    weir_str password = login, user = cut(&password, ':');
    weir_status st = WEIR_OK;
    if (user.n > 0)
        st = decode(&a->user, user, "user's name", err);
    if (st == WEIR_OK && colon)
        st = decode(&a->password, password, "password", err);
    return st;
}

static weir_status parse_net(wr_address *a, weir_str rest, weir_error *err)
{
    if (!starts_with(rest, "//"))
        return weir_fail(err, WEIR_ERR_ARG,
                         "address: '//' and a host must follow the colon, as in "
                         "'redis://localhost:6379'");
    rest = skip(rest, 2);
    weir_status st = parse_login(a, &rest, err);
    weir_str query = rest, path = cut(&query, '?');
    weir_str hosts = cut(&path, '/');
    if (st == WEIR_OK)
        st = parse_hosts(a, hosts, err);
    if (st == WEIR_OK && path.n > 0)
        st = parse_db(a, path, err);
    if (st == WEIR_OK)
        st = parse_options(a, query, err);
    return st;
}

static weir_status parse_unix(wr_address *a, weir_str rest, weir_error *err)
{
    weir_str query = starts_with(rest, "//") ? skip(rest, 2) : rest;
    weir_str path = cut(&query, '?');
    if (path.n == 0)
        return weir_fail(err, WEIR_ERR_ARG,
                         "address 'unix:' needs the path of the server's socket, as in "
                         "'unix:/tmp/redis.sock'");
    weir_status st = decode(&a->place[0].host, path, "path", err);
    if (st != WEIR_OK)
        return st;
    a->n_places = 1;
    a->clustered = WR_CLUSTER_NO;
    return parse_options(a, query, err);
}

weir_status wr_address_parse(wr_address *out, wr_scheme scheme, weir_str rest,
                             weir_error *err)
{
    out->tls = scheme == WR_SCHEME_REDISS;
    out->verify = true;
    weir_status st = read_environment(out, err);
    if (st != WEIR_OK)
        return st;
    return scheme == WR_SCHEME_UNIX ? parse_unix(out, rest, err)
                                    : parse_net(out, rest, err);
}

void wr_address_fini(wr_address *a)
{
    for (size_t i = 0; i < WR_HOSTS_MAX; i++)
        wr_free(a->place[i].host);
    char *const texts[] = {a->user, a->ca, a->cert, a->key};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        wr_free(texts[i]);
    if (a->password != NULL)
        memset(a->password, 0, strlen(a->password));
    wr_free(a->password);
    *a = (wr_address){0};
}

/* ---- SmartRedis's environment ---- */

weir_status wr_environment_number(const char *name, int64_t *out, weir_error *err)
{
    const char *text = getenv(name);
    *out = 0;
    if (text == NULL || text[0] == '\0')
        return WEIR_OK;
    if (parse_number(weir_cstr(text), INT64_C(1000000000000), out) && *out > 0)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_ARG,
                     "%s='%.40s' in the environment is no number from 1 up", name, text);
}

weir_status wr_address_of_smartredis(wr_text *out, weir_error *err)
{
    weir_str list = weir_cstr(getenv("SSDB"));
    const char *type = getenv("SR_DB_TYPE");
    if (list.n == 0)
        return WEIR_OK;
    if (starts_with(list, "unix://")) {
        weir_str first = cut(&list, ',');
        wr_text_printf(out, "%.*s", (int)first.n, first.p);
    } else {
        wr_text_printf(out, "redis://");
        for (bool first = true; list.n > 0; first = false) {
            weir_str one = cut(&list, ',');
            if (starts_with(one, "tcp://"))
                one = skip(one, 6);
            wr_text_printf(out, "%s%.*s", first ? "" : ",", (int)one.n, one.p);
        }
        if (type != NULL && type[0] != '\0')
            wr_text_printf(out, "?cluster=%s",
                           strcasecmp(type, "clustered") == 0 ? "yes" : "no");
    }
    return out->failed ? no_memory(err) : WEIR_OK;
}
