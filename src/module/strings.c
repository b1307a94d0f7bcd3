/* SPDX-License-Identifier: BSD-3-Clause */
/* The server's strings as memory of buffers. Their counts of references are not safe between threads, so
 * a string that another thread lets go is queued and given back by the server's thread. */
#include "base/alloc.h"
#include "module/module.h"
#include "tensor/buffer.h"

typedef struct held {
    struct held *next;
    host_str *s;
} held;

static _Atomic(held *) dropped; /* a stack that only grows, until it is taken whole */
static atomic_bool asked;       /* the server's thread is to come by */

static void give_back(held *h)
{
    host.FreeString(NULL, h->s);
    wr_free(h);
}

void strings_collect(void)
{
    if (atomic_load_explicit(&dropped, memory_order_relaxed) == NULL)
        return;
    atomic_store(&asked, false);
    for (held *h = atomic_exchange(&dropped, NULL), *next; h != NULL; h = next) {
        next = h->next;
        give_back(h);
    }
}

static void collect_later(void *unused)
{
    (void)unused;
    strings_collect();
}

static void release(void *context)
{
    held *h = context;
    if (on_server_thread()) {
        give_back(h);
        return;
    }
    h->next = atomic_load(&dropped);
    while (!atomic_compare_exchange_weak(&dropped, &h->next, h))
        ;
    /* Without the one-shot (Redis 6) they wait for the next command of ours. */
    if (!atomic_exchange(&asked, true) && host.EventLoopAddOneShot != NULL)
        host.EventLoopAddOneShot(collect_later, NULL);
}

weir_status strings_wrap(weir_buffer **out, host_str *s, const weir_tensor *view,
                         weir_error *err)
{
    held *h = wr_alloc(sizeof *h);
    if (h == NULL)
        return weir_fail(err, WEIR_ERR_NOMEM, "no memory to hold a payload");
    h->s = host.HoldString(NULL, s);
    weir_tensor at = *view;
    size_t before = (size_t)((const char *)view->data - host_text(s).p);
    at.data =
        (char *)(uintptr_t)host_text(h->s).p + before; /* should hold have copied it */
    weir_status st = weir_buffer_wrap(out, &at, release, h, err);
    if (st != WEIR_OK)
        give_back(h);
    return st;
}

host_str *strings_of(const weir_buffer *b)
{
    held *h = wr_buffer_context(b, release);
    return h == NULL ? NULL : h->s;
}

bool strings_defrag(weir_buffer *b, host_defrag *d)
{
    held *h = wr_buffer_context(b, release);
    if (h == NULL || weir_buffer_refs(b) != 1 || host.DefragRedisModuleString == NULL)
        return false;
    weir_tensor view = weir_buffer_view(b);
    size_t at = (size_t)((const char *)view.data - host_text(h->s).p);
    host_str *moved = host.DefragRedisModuleString(d, h->s);
    if (moved == NULL)
        return false;
    h->s = moved;
    wr_buffer_move(b, (char *)(uintptr_t)host_text(moved).p + at);
    return true;
}
