/* SPDX-License-Identifier: BSD-3-Clause */
/* Non-blocking calls: keeping what they name, completing them, and waiting. */
#include "client/request.h"

#include "base/alloc.h"
#include "base/thread.h"

struct weir_request {
    /* set before it begins */
    wr_call call; /* all but polls */
    wr_wait wait; /* polls */
    bool is_wait;
    bool watching;              /* polls: unwatch when it ends */
    weir_deadline until;        /* of the operation; polls: then ERR_TIMEOUT */
    weir_dataset **out_dataset; /* where the result of get_dataset goes */
    weir_buffer *held;          /* reference kept for the call */
    void *memory;               /* copies of texts and views that the call names */

    /* guarded by the completion lock */
    weir_client *client;        /* NULL once done */
    weir_request *next, **here; /* in client->requests while not done */
    bool done;
    weir_status status;
    weir_error error;
};

static wr_mutex completion; /* guards the second half of every request */
static wr_cond completed;

static void init_completion(void)
{
    wr_mutex_init(&completion, WR_LEVEL_REQUEST);
    wr_cond_init(&completed);
}

static void lock_completion(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_completion);
    wr_lock(&completion);
}

/* ---- life ---- */

static void attach(weir_request *r, weir_client *c)
{
    lock_completion();
    r->client = c;
    r->next = c->requests;
    r->here = &c->requests;
    if (r->next != NULL)
        r->next->here = &r->next;
    c->requests = r;
    wr_unlock(&completion);
}

/* With the lock held. */
static void detach(weir_request *r)
{
    if (r->client == NULL)
        return;
    *r->here = r->next;
    if (r->next != NULL)
        r->next->here = r->here;
    r->client = NULL;
}

static void release(weir_request *r)
{
    weir_buffer_unref(r->held);
    wr_free(r->memory);
    wr_free(r);
}

/* With the lock held. */
static void complete_locked(weir_request *r, weir_status st, const weir_error *err)
{
    r->done = true;
    r->status = st;
    if (st != WEIR_OK && err != NULL)
        r->error = *err;
    detach(r);
    wr_cond_broadcast(&completed);
}

static void call_done(wr_call *call, weir_status st, const weir_error *err)
{
    weir_request *r = (weir_request *)((char *)call - offsetof(weir_request, call));
    if (st == WEIR_OK && r->out_dataset != NULL)
        *r->out_dataset = call->rep.dataset;
    lock_completion();
    complete_locked(r, st, err);
    wr_unlock(&completion);
}

static void wait_fired(wr_wait *w, weir_status st, const weir_error *err)
{
    weir_request *r = (weir_request *)((char *)w - offsetof(weir_request, wait));
    lock_completion();
    if (!r->done)
        complete_locked(r, st, err);
    wr_unlock(&completion);
}

/* ---- keeping what a request names ---- */

typedef struct arena {
    char *p; /* NULL while counting */
    size_t n;
} arena;

static void *keep(arena *a, const void *from, size_t n)
{
    a->n = (a->n + 15) & ~(size_t)15;
    void *to = a->p == NULL ? NULL : a->p + a->n;
    if (to != NULL && n > 0)
        memcpy(to, from, n);
    a->n += n;
    return to;
}

static weir_str keep_str(arena *a, weir_str s)
{
    const char *p = keep(a, s.p, s.n);
    return (weir_str){p, s.n};
}

static const weir_str *keep_strs(arena *a, const weir_str *s, int n)
{
    if (s == NULL || n <= 0)
        return NULL;
    weir_str *to = keep(a, s, (size_t)n * sizeof *s);
    for (int i = 0; i < n; i++) {
        weir_str kept = keep_str(a, s[i]);
        if (to != NULL)
            to[i] = kept;
    }
    return to;
}

static const weir_model_options *keep_options(arena *a, const weir_model_options *o)
{
    if (o == NULL)
        return NULL;
    weir_model_options *to = keep(a, o, sizeof *o);
    weir_str backend = keep_str(a, o->backend), tag = keep_str(a, o->tag);
    const weir_str *inputs = keep_strs(a, o->inputs, o->n_inputs);
    const weir_str *outputs = keep_strs(a, o->outputs, o->n_outputs);
    const weir_str *functions = keep_strs(a, o->functions, o->n_functions);
    if (to != NULL) {
        to->backend = backend;
        to->tag = tag;
        to->inputs = inputs;
        to->outputs = outputs;
        to->functions = functions;
    }
    return to;
}

/* Copy texts and views into the arena; with a.p NULL only count. */
static wr_req keep_req(arena *a, const wr_req *q)
{
    bool run = q->command == WR_CMD_run;
    wr_req to = *q;
    to.key = keep_str(a, q->key);
    to.to = keep_str(a, q->to);
    to.function = keep_str(a, q->function);
    to.put_prefix = keep_str(a, q->put_prefix);
    to.get_prefix = keep_str(a, q->get_prefix);
    to.in_keys = run ? keep_strs(a, q->in_keys, q->n_in) : NULL;
    to.out_keys = run ? keep_strs(a, q->out_keys, q->n_out) : NULL;
    to.in = q->in == NULL ? NULL : keep(a, q->in, (size_t)q->n_in * sizeof *q->in);
    to.out = q->out == NULL ? NULL : keep(a, q->out, (size_t)q->n_out * sizeof *q->out);
    to.options = keep_options(a, q->options);
    return to;
}

static weir_request *request_new(const wr_req *req)
{
    arena a = {0};
    if (req != NULL)
        keep_req(&a, req);
    weir_request *r = wr_calloc(1, sizeof *r);
    char *memory = r == NULL ? NULL : wr_alloc(a.n);
    if (memory == NULL) {
        wr_free(r);
        return NULL;
    }
    r->memory = memory;
    if (req != NULL) {
        a = (arena){.p = memory};
        r->call.req = keep_req(&a, req);
        r->call.done = call_done;
        r->held = weir_buffer_ref(req->buffer);
    }
    return r;
}

/* ---- beginning ---- */

weir_status wr_client_send(weir_client *c, const wr_req *req, wr_rep *rep,
                           weir_request **out, weir_dataset **out_dataset,
                           weir_error *err)
{
    if (out == NULL)
        return c->ops->exchange(c->link, req, rep, err);
    weir_request *r = request_new(req);
    if (r == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "'%.*s': no memory for a request",
                         WR_NAME(req->key));
    r->out_dataset = out_dataset;
    r->until = wr_limit_deadline(req->limit);
    attach(r, c);
    weir_status st = c->ops->begin(c->link, &r->call, err);
    if (st != WEIR_OK) {
        lock_completion();
        detach(r);
        wr_unlock(&completion);
        release(r);
        return st;
    }
    *out = r;
    return WEIR_OK;
}

static weir_deadline wait_until(const weir_client *c, int64_t timeout_ms)
{
    weir_deadline d = weir_deadline_in_ms(timeout_ms < 0 ? c->timeout_ms : timeout_ms);
    return d < c->deadline ? d : c->deadline;
}

/* Begin to watch; a wait that is met already is done at once. */
static weir_status begin_wait(weir_client *c, const wr_wait *w, int64_t timeout_ms,
                              weir_request **out, weir_error *err)
{
    wr_req names = {.key = w->key};
    weir_request *r = request_new(&names);
    bool met = false;
    if (r == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "poll '%.*s': no memory for a request",
                         WR_NAME(w->key));
    r->is_wait = true;
    r->until = wait_until(c, timeout_ms);
    r->wait = *w;
    r->wait.key = r->call.req.key;
    r->wait.until = r->until;
    r->wait.fired = wait_fired;
    attach(r, c);
    weir_status st = c->ops->watch(c->link, &r->wait, &met, err);
    r->watching = st == WEIR_OK && !met;
    if (st != WEIR_OK || met) {
        lock_completion();
        complete_locked(r, WEIR_OK, NULL);
        wr_unlock(&completion);
    }
    if (st != WEIR_OK) {
        release(r);
        return st;
    }
    *out = r;
    return WEIR_OK;
}

/* ---- waiting ---- */

/* End a poll whose time is over. `client` was read under the lock and lives: it can't be freed while
 * a request of its is being waited for. */
static void end_wait(weir_request *r, weir_client *client, weir_status st,
                     const char *why)
{
    client->ops->unwatch(client->link, &r->wait);
    lock_completion();
    r->watching = false;
    if (!r->done) {
        weir_fail(&r->error, st, "'%.*s': %s", WR_NAME(r->wait.key), why);
        r->done = true;
        r->status = st;
        detach(r);
        wr_cond_broadcast(&completed);
    }
    wr_unlock(&completion);
}

/* Polls that fired keep their watch's memory until here. */
static weir_status take_result(weir_request **req, weir_error *err)
{
    weir_request *r = *req;
    weir_status st = r->status;
    if (st != WEIR_OK && err != NULL)
        *err = r->error;
    if (r->is_wait)
        wr_text_fini(&r->wait.watch_key);
    release(r);
    *req = NULL;
    return st;
}

/* The earliest moment at which one of the polls among the requests ends; *which tells it. */
static weir_deadline first_end(weir_request *const *reqs, int n, int *which)
{
    weir_deadline first = WEIR_NEVER;
    *which = -1;
    for (int i = 0; i < n; i++) {
        if (reqs[i] != NULL && reqs[i]->is_wait && !reqs[i]->done &&
            reqs[i]->until < first) {
            first = reqs[i]->until;
            *which = i;
        }
    }
    return first;
}

/* Wait until one of the requests is done; its index, -1 when all are NULL, -2 at the deadline. */
static int wait_some(weir_request **reqs, int n, weir_deadline until)
{
    int found = -1;
    lock_completion();
    for (;;) {
        bool any = false;
        for (int i = 0; i < n && found < 0; i++) {
            any |= reqs[i] != NULL;
            if (reqs[i] != NULL && reqs[i]->done)
                found = i;
        }
        if (found >= 0 || !any)
            break;
        int poll = -1;
        weir_deadline end = first_end(reqs, n, &poll);
        if (wr_cond_wait(&completed, &completion, end < until ? end : until))
            continue;
        int64_t now = weir_now_ns();
        if (poll >= 0 && now >= end && !reqs[poll]->done) {
            weir_client *client = reqs[poll]->client;
            wr_unlock(&completion);
            end_wait(reqs[poll], client, WEIR_ERR_TIMEOUT,
                     "it did not come to exist in time");
            lock_completion();
        } else if (now >= until) {
            found = -2;
            break;
        }
    }
    wr_unlock(&completion);
    return found;
}

/* When a wait ends: after timeout_ms, or, when that is negative, once the last operation should long
 * have ended by itself. */
static weir_deadline end_of_wait(weir_request *const *reqs, int n, int64_t timeout_ms)
{
    const int64_t grace_ns = 2 * INT64_C(1000000000);
    weir_deadline last = 0;
    if (timeout_ms >= 0)
        return weir_deadline_in_ms(timeout_ms);
    for (int i = 0; i < n; i++) {
        if (reqs[i] != NULL && reqs[i]->until > last)
            last = reqs[i]->until;
    }
    return last > WEIR_NEVER - grace_ns ? WEIR_NEVER : last + grace_ns;
}

static weir_status timed_out(int64_t timeout_ms, weir_error *err)
{
    if (timeout_ms < 0)
        return weir_fail(
            err, WEIR_ERR_TIMEOUT,
            "the request has not ended though its own limit passed; it goes on, "
            "wait for it again");
    return weir_fail(
        err, WEIR_ERR_TIMEOUT,
        "the request has not ended after %lld ms; it goes on, wait for it again",
        (long long)timeout_ms);
}

weir_status weir_test(weir_request **req, bool *done, weir_error *err)
{
    if (done == NULL)
        return wr_check_pointer(done, "test", "done", err);
    *done = true;
    if (req == NULL || *req == NULL)
        return WEIR_OK;
    if (wait_some(req, 1, 0) < 0) {
        *done = false;
        return WEIR_OK;
    }
    return take_result(req, err);
}

weir_status weir_wait(weir_request **req, int64_t timeout_ms, weir_error *err)
{
    if (req == NULL || *req == NULL)
        return WEIR_OK;
    if (wait_some(req, 1, end_of_wait(req, 1, timeout_ms)) < 0)
        return timed_out(timeout_ms, err);
    return take_result(req, err);
}

weir_status weir_wait_any(weir_request **reqs, int n, int64_t timeout_ms, int *which,
                          weir_error *err)
{
    if (n < 0 || (reqs == NULL && n > 0) || which == NULL)
        return weir_fail(err, WEIR_ERR_ARG, "wait_any: null pointer, or %d requests", n);
    *which = -1;
    int found = wait_some(reqs, n, end_of_wait(reqs, n, timeout_ms));
    if (found == -2)
        return timed_out(timeout_ms, err);
    if (found < 0)
        return WEIR_OK;
    *which = found;
    return take_result(&reqs[found], err);
}

weir_status weir_wait_all(weir_request **reqs, int n, int64_t timeout_ms, weir_error *err)
{
    if (n < 0 || (reqs == NULL && n > 0))
        return weir_fail(err, WEIR_ERR_ARG, "wait_all: null pointer, or %d requests", n);
    weir_deadline until = end_of_wait(reqs, n, timeout_ms);
    weir_status first = WEIR_OK;
    for (int i = 0; i < n; i++) {
        if (reqs[i] == NULL)
            continue;
        if (wait_some(&reqs[i], 1, until) < 0)
            return timed_out(timeout_ms, err);
        weir_status st = take_result(&reqs[i], first == WEIR_OK ? err : NULL);
        if (first == WEIR_OK)
            first = st;
    }
    return first;
}

void weir_request_free(weir_request *req)
{
    if (req == NULL)
        return;
    lock_completion();
    weir_client *client = req->done ? NULL : req->client;
    wr_unlock(&completion);
    if (client != NULL && req->is_wait)
        end_wait(req, client, WEIR_ERR_CLOSED, "the request was given up");
    weir_dataset *late = NULL;
    weir_dataset **out = req->out_dataset;
    wait_some(&req, 1, WEIR_NEVER);
    if (req->status == WEIR_OK && out != NULL) {
        late = *out; /* nobody else will take it */
        *out = NULL;
    }
    weir_dataset_free(late);
    (void)take_result(&req, NULL);
}

/* Requests of the client that are left are all in flight: their owners no longer use the client. */
void wr_requests_finish(weir_client *c)
{
    lock_completion();
    while (c->requests != NULL) {
        weir_request *r = c->requests;
        while (r != NULL && !(r->is_wait && r->watching))
            r = r->next;
        if (r == NULL) {
            wr_cond_wait(&completed, &completion, WEIR_NEVER);
            continue;
        }
        r->watching = false; /* not twice, should it fire meanwhile */
        wr_unlock(&completion);
        end_wait(r, c, WEIR_ERR_CLOSED, "its client was closed");
        lock_completion();
    }
    wr_unlock(&completion);
}

/* ---- polls ---- */

static weir_status poll_key(weir_client *c, wr_wait *w, weir_kind kind, weir_str name,
                            int64_t timeout_ms, weir_request **out, weir_error *err)
{
    wr_key key;
    weir_status st = wr_client_check(c, "poll", err);
    if (st == WEIR_OK)
        st = wr_check_pointer(out, "poll", "req", err);
    if (st != WEIR_OK)
        return st;
    st = wr_key_make(&key, c, kind, WR_READ, name, err);
    if (st == WEIR_OK) {
        w->kind = kind;
        w->key = key.s;
        st = begin_wait(c, w, timeout_ms, out, err);
    }
    wr_key_fini(&key);
    return st;
}

/* Wait for a poll; running out of time is an answer here, not an error. */
static weir_status poll_result(weir_request *r, bool *met, weir_error *err)
{
    weir_status st = weir_wait(&r, -1, err);
    *met = st == WEIR_OK;
    return st == WEIR_ERR_TIMEOUT ? WEIR_OK : st;
}

weir_status weir_ipoll(weir_client *c, weir_kind kind, weir_str name, int64_t timeout_ms,
                       weir_request **req, weir_error *err)
{
    wr_wait w = {0};
    return poll_key(c, &w, kind, name, timeout_ms, req, err);
}

weir_status weir_poll(weir_client *c, weir_kind kind, weir_str name, int64_t timeout_ms,
                      bool *found, weir_error *err)
{
    wr_wait w = {0};
    weir_request *r = NULL;
    weir_status st = wr_check_pointer(found, "poll", "found", err);
    if (st == WEIR_OK)
        st = poll_key(c, &w, kind, name, timeout_ms, &r, err);
    return st == WEIR_OK ? poll_result(r, found, err) : st;
}

weir_status weir_list_wait(weir_client *c, weir_str list, weir_compare how, int64_t n,
                           int64_t timeout_ms, bool *met, weir_error *err)
{
    wr_wait w = {.by_length = true, .how = how, .length = n};
    weir_request *r = NULL;
    weir_status st = wr_check_pointer(met, "list_wait", "met", err);
    if (st == WEIR_OK && (n < 0 || (unsigned)how > WEIR_LE))
        st =
            weir_fail(err, WEIR_ERR_ARG, "list_wait '%.*s': compare %d with %lld entries",
                      WR_NAME(list), (int)how, (long long)n);
    if (st == WEIR_OK)
        st = poll_key(c, &w, WEIR_LIST, list, timeout_ms, &r, err);
    return st == WEIR_OK ? poll_result(r, met, err) : st;
}
