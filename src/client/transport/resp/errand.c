/* SPDX-License-Identifier: BSD-3-Clause */
/* One errand: trying, judging what came of it, and trying again where that is right. */
#include "client/transport/resp/errand.h"

enum {
    FREE_REDIRECTS = 5, /* so many follow each other without a pause */
    CONNECT_MS = 2000   /* longest try to reach a server that may have been replaced */
};

bool wr_is_repeatable(wr_command command)
{
    return !wr_wire_writes(command) && command != WR_CMD_infer;
}

weir_status wr_errand_end(wr_errand *e, weir_status st, const weir_error *why)
{
    e->done = true;
    e->st = st;
    if (st != WEIR_OK && e->error != NULL) {
        *e->error = *why;
        e->error->code = st;
    }
    return st;
}

static double seconds_since(int64_t begin)
{
    return (double)(weir_now_ns() - begin) * 1e-9;
}

/* A server that gives up a run a little earlier can say so in time. */
static weir_deadline a_little_before(weir_deadline until)
{
    const int64_t most = 50000000;
    if (until == WEIR_NEVER)
        return until;
    int64_t part = (until - weir_now_ns()) / 20;
    return until - (part > most ? most : part);
}

weir_status wr_errand_encode(wr_errand *e, wr_conn *c, weir_error *err)
{
    if (e->req == NULL)
        return wr_wire_encode_texts(&c->flow.e, e->text, e->n_texts, err);
    wr_req req = *e->req; /* the time that is left goes along */
    req.limit.deadline = e->until;
    if (req.command == WR_CMD_run || req.command == WR_CMD_infer ||
        req.command == WR_CMD_pipeline)
        req.limit.deadline = a_little_before(e->until);
    return wr_wire_encode(&c->flow.e, &req, err);
}

/* ---- what a server's error means ---- */

static bool next_word(weir_str *line, weir_str *word)
{
    const char *space = line->n == 0 ? NULL : memchr(line->p, ' ', line->n);
    *word = *line;
    if (space == NULL) {
        *line = (weir_str){0};
        return word->n > 0;
    }
    word->n = (size_t)(space - line->p);
    *line = (weir_str){space + 1, line->n - word->n - 1};
    return word->n > 0;
}

/* "MOVED 3999 host:port", "ASK 3999 host:port" */
static wr_verdict redirected(wr_errands *x, wr_errand *e, wr_node *from, weir_str line,
                             bool asking, wr_node **to, weir_error *why)
{
    weir_str word, slot;
    int64_t number = -1;
    wr_topology *t = x->topology;
    if (!t->clustered || !next_word(&line, &word) || !next_word(&line, &slot) ||
        !wr_word_int(slot, &number) || number < 0 || number >= WR_SLOTS || line.n == 0 ||
        wr_topology_node(t, line, from, to, why) != WEIR_OK) {
        weir_error said = {0};
        weir_fail(&said, WEIR_ERR_CLOSED, "the server at %s says '%s'%s", from->name,
                  asking ? "ASK" : "MOVED",
                  t->clustered ? ""
                               : ": it is part of a cluster; give its address as redis:");
        wr_errand_end(e, WEIR_ERR_CLOSED, &said);
        return WR_DONE;
    }
    wr_tally(x->line, WR_COUNT_redirects, 1);
    if (!asking)
        wr_topology_moved(t, (int)number, *to, e->until);
    return WR_REDIRECTED;
}

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

static wr_verdict no_module(wr_errand *e, const wr_node *n)
{
    weir_error said = {0};
    weir_fail(
        &said, WEIR_ERR_UNSUPPORTED,
        "the server at %s has no Weir module: start it with --loadmodule .../weir.so",
        n->name);
    wr_errand_end(e, WEIR_ERR_UNSUPPORTED, &said);
    return WR_DONE;
}

/* The server's own error: `why` has its sentence. */
static wr_verdict judge(wr_errands *x, wr_errand *e, wr_node *n, const char *line,
                        weir_status st, wr_node **to, bool *asking, weir_error *why)
{
    if (begins(line, "MOVED "))
        return redirected(x, e, n, weir_cstr(line), false, to, why);
    if (begins(line, "ASK ")) {
        *asking = true;
        return redirected(x, e, n, weir_cstr(line), true, to, why);
    }
    if (begins(line, "TRYAGAIN") || begins(line, "CLUSTERDOWN") ||
        begins(line, "LOADING"))
        return WR_LATER;
    bool others = x->topology->clustered || x->topology->n_nodes > 1;
    if (others && (begins(line, "READONLY") || begins(line, "MASTERDOWN")))
        return WR_DISPLACED;
    if (begins(line, "ERR unknown command"))
        return no_module(e, n);
    if (begins(line, "ERR Protocol error: invalid bulk length"))
        st = weir_fail(
            why, WEIR_ERR_FULL,
            "'%.*s' is larger than the server at %s takes in one piece: raise its "
            "proto-max-bulk-len",
            WR_NAME(e->name), n->name);
    wr_errand_end(e, st, why);
    return WR_DONE;
}

/* ---- reading ---- */

/* The connection failed before the reply was whole. */
static wr_verdict interrupted(wr_errands *x, wr_errand *e, bool sent, weir_status st,
                              int64_t begin, weir_error *why)
{
    weir_error said = {0};
    wr_tally(x->line, WR_COUNT_failed_connections, 1);
    bool safe = e->repeatable || !sent;
    if (st == WEIR_ERR_CLOSED && safe) {
        wr_tally(x->line, WR_COUNT_retries, 1);
        return WR_AGAIN;
    }
    const char *fate = e->repeatable ? ""
                       : !sent ? "; it was not executed: not all of it could be sent"
                               : "; the command may have been executed";
    weir_fail(&said, st, "'%.*s': %.300s (after %.3f s)%s", WR_NAME(e->name), why->text,
              seconds_since(begin), fate);
    wr_errand_end(e, st, &said);
    return WR_DONE;
}

static weir_status read_it(wr_errands *x, wr_errand *e, wr_reader *r, bool *whole,
                           weir_error *why)
{
    weir_status st;
    wr_item item;
    if (e->read != NULL) {
        st = e->read(e, r, why);
        *whole = !r->failed;
    } else if (e->req != NULL) {
        st = wr_wire_read_reply(&r->source, e->req, e->rep, whole, why);
        wr_tally(x->line, WR_COUNT_unpack_bytes, e->rep->copied_bytes);
    } else {
        st = r->source.ops->next(&r->source, &item, why);
        *whole = !r->failed;
        if (st == WEIR_OK && item.kind == WR_ITEM_ERROR)
            st = wr_wire_error(item.text, why);
    }
    if (*whole) {
        weir_status last = wr_reader_finish(r, st == WEIR_OK ? why : NULL);
        *whole = !r->failed;
        st = st == WEIR_OK ? last : st;
    }
    return st;
}

wr_verdict wr_errand_read(wr_errands *x, wr_errand *e, wr_conn *c, wr_node *n, bool sent,
                          wr_node **to, bool *asking, int64_t begin, weir_error *why)
{
    bool whole = false;
    c->reader.error[0] = '\0';
    weir_status st = read_it(x, e, &c->reader, &whole, why);
    if (st == WEIR_OK) {
        wr_errand_end(e, st, NULL);
        return WR_DONE;
    }
    if (c->reader.error[0] != '\0')
        return judge(x, e, n, c->reader.error, st, to, asking, why);
    if (!whole) /* whether all was sent shows now: sending goes on while reading */
        return interrupted(x, e, sent || !wr_conn_is_sending(c), st, begin, why);
    wr_errand_end(e, st, why);
    return WR_DONE;
}

/* ---- trying ---- */

weir_deadline wr_errand_connect_until(const wr_errands *x, weir_deadline until)
{
    bool others = x->topology->clustered || x->topology->n_nodes > 1;
    weir_deadline soon = weir_deadline_in_ms(CONNECT_MS);
    return others && soon < until ? soon : until;
}

/* A connection at rest, else a new one: only then is it asked how long that may take. */
static weir_status connection(wr_errands *x, const wr_errand *e, wr_node *n,
                              wr_conn **out, weir_error *err)
{
    *out = wr_node_take_idle(n, e->now);
    if (*out != NULL)
        return WEIR_OK;
    return wr_conn_open(out, x->line, &n->place, n->name,
                        wr_errand_connect_until(x, e->until), err);
}

static wr_verdict try_once(wr_errands *x, wr_errand *e, wr_node *n, bool ask,
                           int64_t begin, wr_node **to, bool *asking, weir_error *why)
{
    static const weir_str asking_word = {"ASKING", 6};
    wr_conn *c = NULL;
    weir_status st = connection(x, e, n, &c, why);
    if (st == WEIR_ERR_CLOSED || st == WEIR_ERR_TIMEOUT)
        return WR_UNREACHED;
    if (st == WEIR_OK) {
        wr_conn_begin(c, e->until);
        c->now = e->now;
        if (ask)
            st = wr_wire_encode_texts(&c->flow.e, &asking_word, 1, why);
        if (st == WEIR_OK)
            st = wr_errand_encode(e, c, why);
        if (st == WEIR_OK)
            st = wr_conn_push(c, why);
    }
    if (st != WEIR_OK) {
        wr_conn_close(c);
        wr_errand_end(e, st, why);
        return WR_DONE;
    }
    wr_verdict v;
    if (ask && (st = wr_conn_expect_ok(c, why)) != WEIR_OK)
        v = interrupted(x, e, !wr_conn_is_sending(c), st, begin, why);
    else
        v = wr_errand_read(x, e, c, n, false, to, asking, begin, why);
    if (v == WR_AGAIN)
        wr_node_drop_idle(n); /* they will have broken too */
    wr_node_give(n, c);
    return v;
}

static weir_status give_up(wr_errand *e, weir_status st, int64_t begin,
                           const weir_error *why)
{
    weir_error said = {0};
    weir_fail(&said, st, "'%.*s': %.380s; tried for %.3f s", WR_NAME(e->name), why->text,
              seconds_since(begin));
    return wr_errand_end(e, st, &said);
}

/* What to do after a try that did not end it. False: no time is left. */
static bool prepare_next(wr_errands *x, wr_errand *e, wr_verdict v, wr_node *n,
                         int *n_quick, int64_t *pause)
{
    if (v == WR_UNREACHED || v == WR_DISPLACED)
        wr_topology_failed(x->topology, n, e->until);
    if ((v == WR_AGAIN || v == WR_REDIRECTED) && (*n_quick)++ < FREE_REDIRECTS)
        return weir_now_ns() < e->until;
    return wr_pause(pause, x->pause_ms, e->until);
}

/* Why it did not end, for the message. */
static void describe(weir_error *why, wr_verdict v, const wr_node *n)
{
    weir_error said = *why;
    if (n == NULL)
        weir_fail(why, WEIR_ERR_TIMEOUT, "no shard of the cluster serves its slot");
    else if (v == WR_AGAIN)
        weir_fail(why, WEIR_ERR_CLOSED, "%.380s", said.text);
    else if (v == WR_LATER)
        weir_fail(why, WEIR_ERR_TIMEOUT, "%s is not ready: %.300s", n->name, said.text);
    else if (v == WR_REDIRECTED)
        weir_fail(why, WEIR_ERR_TIMEOUT, "the cluster sends it from server to server");
    else if (v == WR_DISPLACED)
        weir_fail(why, WEIR_ERR_CLOSED, "the server at %s takes no writes: %.300s",
                  n->name, said.text);
}

weir_status wr_errand_do(wr_errands *x, wr_errand *e)
{
    int64_t begin = weir_now_ns(), pause = 0;
    int n_quick = 0;
    wr_node *to = NULL;
    bool ask = false;
    e->now = begin;
    for (;; e->now = weir_now_ns()) {
        weir_error why; /* not zeroed: it is half a kilobyte */
        why.code = WEIR_OK;
        why.text[0] = '\0';
        bool asking = false;
        wr_node *n = e->node != NULL ? e->node
                     : ask           ? to
                                     : wr_topology_find(x->topology, e->slot);
        wr_verdict v =
            n == NULL ? WR_LATER : try_once(x, e, n, ask, begin, &to, &asking, &why);
        if (v == WR_DONE)
            return e->st;
        ask = asking;
        if (v == WR_UNREACHED && (e->impatient || e->node != NULL)) {
            wr_topology_failed(x->topology, n, e->until);
            e->unreached = true;
            return wr_errand_end(e, WEIR_ERR_CLOSED, &why);
        }
        if (!prepare_next(x, e, v, n, &n_quick, &pause)) {
            describe(&why, v, n);
            return give_up(e, why.code, begin, &why);
        }
    }
}
