/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of aggregation lists: sequences of dataset bases, with Redis's rules for ranges. */
#include "base/alloc.h"
#include "keyspace/layout.h"
#include "service/handlers.h"

weir_status wr_handle_list_append(wr_service *s, const wr_req *req, wr_rep *rep,
                                  weir_error *err)
{
    (void)rep;
    wr_write w = {.kind = WR_WRITE_APPEND, .key = req->key, .item = req->to};
    return wr_publish(s, &w, 1, req, err);
}

/* A reference to the list; *out NULL when there is none. */
static weir_status resolve_list(wr_service *s, weir_str key, wr_list **out,
                                weir_error *err)
{
    wr_keyspace *ks = s->keyspace;
    *out = NULL;
    ks->ops->lock(ks);
    wr_value v = ks->ops->get(ks, key);
    if (v.kind == WR_VALUE_LIST)
        *out = wr_value_ref(v).of.list;
    ks->ops->unlock(ks);
    if (v.kind == WR_VALUE_LIST || v.kind == WR_VALUE_NONE)
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_KIND, "list '%.*s': the key holds %s", WR_NAME(key),
                     wr_value_kind_text(v.kind));
}

static void list_unref(wr_list *l)
{
    if (l != NULL)
        wr_value_unref((wr_value){.kind = WR_VALUE_LIST, .of.list = l});
}

weir_status wr_handle_list_length(wr_service *s, const wr_req *req, wr_rep *rep,
                                  weir_error *err)
{
    wr_list *l = NULL;
    weir_status st = resolve_list(s, req->key, &l, err);
    if (st == WEIR_OK)
        rep->number = l == NULL ? 0 : (int64_t)l->n;
    list_unref(l);
    return st;
}

/* LRANGE's rules: negative counts from the end, out of range is cut, may be empty. */
static size_t range(int64_t first, int64_t last, size_t n_list, size_t *begin)
{
    int64_t n = (int64_t)n_list;
    first = first < -n ? 0 : first < 0 ? first + n : first;
    last = last < -n ? -1 : last < 0 ? last + n : last >= n ? n - 1 : last;
    *begin = first > last ? 0 : (size_t)first;
    return first > last ? 0 : (size_t)(last - first + 1);
}

static weir_status get_all(wr_service *s, const wr_req *req, const weir_str *base,
                           size_t n, weir_dataset **out, weir_error *err)
{
    for (size_t i = 0; i < n; i++) {
        weir_error inner = {0};
        weir_status st = wr_resolve_dataset(s, base[i], &out[i], NULL, req, &inner);
        if (st != WEIR_OK)
            return weir_fail(err, st, "list '%.*s', entry %zu of %zu: %.400s",
                             WR_NAME(req->key), i, n, inner.text);
    }
    return WEIR_OK;
}

weir_status wr_handle_list_get(wr_service *s, const wr_req *req, wr_rep *rep,
                               weir_error *err)
{
    wr_list *l = NULL;
    weir_dataset **ds = NULL;
    size_t begin = 0, n = 0;

    weir_status st = resolve_list(s, req->key, &l, err);
    if (st == WEIR_OK && l != NULL)
        n = range(req->first, req->last, l->n, &begin);
    if (st != WEIR_OK || n == 0)
        goto out;
    ds = wr_calloc(n, sizeof(weir_dataset *));
    if (ds == NULL) {
        st = weir_fail(err, WEIR_ERR_NOMEM, "list '%.*s': no memory for %zu datasets",
                       WR_NAME(req->key), n);
        goto out;
    }
    st = get_all(s, req, l->item + begin, n, ds, err);
    if (st != WEIR_OK) {
        weir_datasets_free(ds, n);
        goto out;
    }
    rep->datasets = ds;
    rep->n_datasets = n;
out:
    list_unref(l);
    return st;
}
