/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of datasets: a dataset is its metadata under "base.meta" and a tensor under each
 * "base.tensor", read at one moment and replaced at once. */
#include "base/alloc.h"
#include "keyspace/layout.h"
#include "service/handlers.h"
#include "tensor/buffer.h"

static weir_status no_memory(weir_str base, weir_error *err)
{
    return weir_fail(err, WEIR_ERR_NOMEM, "dataset '%.*s': no memory for its keys",
                     WR_NAME(wr_layout_name(base)));
}

/* A reference to the metadata at base, with the lock held. */
static weir_status fields_locked(wr_service *s, weir_str meta_key, weir_str base,
                                 wr_fields **out, weir_error *err)
{
    wr_value v = s->keyspace->ops->get(s->keyspace, meta_key);
    if (v.kind == WR_VALUE_FIELDS) {
        *out = wr_fields_ref(v.of.fields);
        return WEIR_OK;
    }
    if (v.kind == WR_VALUE_NONE)
        return weir_fail(err, WEIR_ERR_KEY, "there is no dataset '%.*s'",
                         WR_NAME(wr_layout_name(base)));
    return weir_fail(err, WEIR_ERR_KIND, "dataset '%.*s': its metadata key holds %s",
                     WR_NAME(wr_layout_name(base)), wr_value_kind_text(v.kind));
}

/* References to the tensors that `fields` names, provided that the metadata is still `fields`.
 * ERR_BUSY: it was replaced meanwhile. With the lock held. */
static weir_status tensors_locked(wr_service *s, weir_str meta_key, weir_str base,
                                  const wr_fields *fields, const weir_str *names,
                                  size_t n, weir_buffer **out, weir_error *err)
{
    wr_value v = s->keyspace->ops->get(s->keyspace, meta_key);
    if (v.kind != WR_VALUE_FIELDS || v.of.fields != fields)
        return WEIR_ERR_BUSY;
    weir_status st = WEIR_OK;
    for (size_t i = 0; i < n && st == WEIR_OK; i++) {
        wr_text key = {0};
        wr_layout_tensor(&key, base, names[i]);
        st = key.failed ? no_memory(base, err)
                        : wr_resolve_tensor_locked(s, (weir_str){key.p, key.n},
                                                   "dataset's tensor", &out[i], err);
        wr_text_fini(&key);
    }
    return st;
}

static weir_status try_resolve(wr_service *s, weir_str meta_key, weir_str base,
                               weir_dataset **out, wr_fields **fields_out,
                               weir_error *err)
{
    wr_keyspace *ks = s->keyspace;
    wr_fields *fields = NULL;
    weir_dataset *ds = NULL;
    weir_str *names = NULL;
    weir_buffer **tensors = NULL;
    size_t n = 0;

    ks->ops->lock(ks);
    weir_status st = fields_locked(s, meta_key, base, &fields, err);
    ks->ops->unlock(ks);
    if (st == WEIR_OK)
        st = wr_metadata_decode(&ds, wr_layout_name(base), fields, &names, &n, err);
    if (st != WEIR_OK)
        goto out;
    tensors = wr_calloc(n, sizeof(weir_buffer *));
    if (tensors == NULL) {
        st = no_memory(base, err);
        goto out;
    }
    ks->ops->lock(ks);
    st = tensors_locked(s, meta_key, base, fields, names, n, tensors, err);
    ks->ops->unlock(ks);
    for (size_t i = 0; i < n && st == WEIR_OK; i++)
        st = weir_dataset_add_buffer(ds, names[i], tensors[i], err);
    if (st != WEIR_OK)
        goto out;
    *out = ds;
    ds = NULL;
    if (fields_out != NULL)
        *fields_out = wr_fields_ref(fields);
out:
    for (size_t i = 0; tensors != NULL && i < n; i++)
        weir_buffer_unref(tensors[i]);
    wr_free(tensors);
    wr_free(names);
    weir_dataset_free(ds);
    wr_fields_unref(fields);
    return st;
}

weir_status wr_resolve_dataset(wr_service *s, weir_str base, weir_dataset **out,
                               wr_fields **fields, const wr_req *req, weir_error *err)
{
    wr_text meta = {0};
    wr_layout_meta(&meta, base);
    if (meta.failed)
        return no_memory(base, err);
    weir_str meta_key = {meta.p, meta.n};
    weir_status st = try_resolve(s, meta_key, base, out, fields, err);
    if (st ==
        WEIR_ERR_BUSY) { /* replaced between two looks: look again, but not for ever */
        weir_deadline until = wr_limit_deadline(req->limit);
        while (st == WEIR_ERR_BUSY && weir_now_ns() < until)
            st = try_resolve(s, meta_key, base, out, fields, err);
        if (st == WEIR_ERR_BUSY)
            st = weir_fail(err, WEIR_ERR_TIMEOUT,
                           "dataset '%.*s' was replaced faster than it could be read",
                           WR_NAME(wr_layout_name(base)));
    }
    wr_text_fini(&meta);
    return st;
}

static bool has_tensor(const weir_dataset *ds, weir_str name)
{
    weir_tensor t;
    return weir_dataset_tensor(ds, name, &t, NULL) == WEIR_OK;
}

/* Add deletions of the tensors that lie at `base` now and are not in `keep`. The metadata that was
 * seen there goes to *seen, one reference, and *known says whether that is all there was. */
static weir_status del_stale(wr_service *s, wr_batch *batch, weir_str base,
                             const weir_dataset *keep, wr_fields **seen, bool *known,
                             const wr_req *req, weir_error *err)
{
    weir_dataset *old = NULL;
    weir_status st = wr_resolve_dataset(s, base, &old, seen, req, NULL);
    if (st == WEIR_ERR_NOMEM || st == WEIR_ERR_TIMEOUT)
        return weir_fail(err, st,
                         "dataset '%.*s': its older version could not be read (%s)",
                         WR_NAME(wr_layout_name(base)), weir_status_text(st));
    /* Foreign bytes or half a dataset: nothing that could be named is left behind. */
    *known = st == WEIR_OK || st == WEIR_ERR_KEY;
    weir_str name;
    for (size_t i = 0; st == WEIR_OK && weir_dataset_tensor_at(old, i, &name, NULL);
         i++) {
        if (has_tensor(keep, name))
            continue;
        wr_text key = {0};
        wr_layout_tensor(&key, base, name);
        wr_batch_del(batch, &key);
    }
    weir_dataset_free(old);
    return WEIR_OK;
}

/* Add what makes `base` hold `ds` and nothing else. */
static void set_keys(wr_batch *batch, weir_str base, const weir_dataset *ds,
                     wr_fields *fields)
{
    wr_text key = {0};
    wr_layout_meta(&key, base);
    wr_batch_set(batch, &key, (wr_value){.kind = WR_VALUE_FIELDS, .of.fields = fields},
                 WR_VALUE_FIELDS);
    weir_str name;
    weir_buffer *b;
    for (size_t i = 0; weir_dataset_tensor_at(ds, i, &name, &b); i++) {
        wr_layout_tensor(&key, base, name);
        wr_batch_set(batch, &key, (wr_value){.kind = WR_VALUE_TENSOR, .of.tensor = b},
                     WR_VALUE_TENSOR);
    }
}

static void del_keys(wr_batch *batch, weir_str base, const weir_dataset *ds)
{
    wr_text key = {0};
    wr_layout_meta(&key, base);
    wr_batch_del(batch, &key);
    weir_str name;
    for (size_t i = 0; weir_dataset_tensor_at(ds, i, &name, NULL); i++) {
        wr_layout_tensor(&key, base, name);
        wr_batch_del(batch, &key);
    }
}

/* One try to make `base` hold `ds`, deleting `from` in the same step when it is not empty. ERR_BUSY:
 * somebody else replaced the dataset between our look and our write. */
static weir_status try_put(wr_service *s, weir_str base, weir_str from,
                           const weir_dataset *ds, wr_fields *fields, const wr_req *req,
                           weir_error *err)
{
    wr_batch batch = {0};
    wr_fields *seen = NULL;
    bool known = false;
    set_keys(&batch, base, ds, fields);
    weir_status st = del_stale(s, &batch, base, ds, &seen, &known, req, err);
    if (from.n > 0)
        del_keys(&batch, from, ds);
    if (st == WEIR_OK && known && !batch.failed) {
        batch.w[0].if_seen = true;
        batch.w[0].seen = (wr_value){
            .kind = seen == NULL ? WR_VALUE_NONE : WR_VALUE_FIELDS, .of.fields = seen};
    }
    if (st == WEIR_OK)
        st = wr_batch_publish(&batch, s, req, err);
    wr_batch_fini(&batch);
    wr_fields_unref(seen);
    return st;
}

static weir_status put(wr_service *s, weir_str base, weir_str from,
                       const weir_dataset *ds, wr_fields *fields, const wr_req *req,
                       weir_error *err)
{
    weir_status st = try_put(s, base, from, ds, fields, req, err);
    if (st != WEIR_ERR_BUSY)
        return st;
    weir_deadline until = wr_limit_deadline(req->limit);
    while (st == WEIR_ERR_BUSY && weir_now_ns() < until)
        st = try_put(s, base, from, ds, fields, req, err);
    return st;
}

static size_t tensor_bytes(const weir_dataset *ds)
{
    size_t bytes = 0;
    weir_buffer *b;
    for (size_t i = 0; weir_dataset_tensor_at(ds, i, NULL, &b); i++)
        bytes += wr_buffer_footprint(b);
    return bytes;
}

weir_status wr_handle_put_dataset(wr_service *s, const wr_req *req, wr_rep *rep,
                                  weir_error *err)
{
    (void)rep;
    const weir_dataset *ds = req->dataset;
    wr_fields *fields = NULL;
    if (weir_dataset_n_tensors(ds) == 0 && weir_dataset_n_fields(ds) == 0)
        return weir_fail(
            err, WEIR_ERR_ARG,
            "dataset '%.*s' has neither tensors nor metadata: there is nothing to put",
            WR_NAME(weir_dataset_name(ds)));
    weir_status st = s->keyspace->ops->fits(s->keyspace, tensor_bytes(ds), err);
    if (st == WEIR_OK)
        st = wr_metadata_encode(&fields, ds, true, err);
    if (st == WEIR_OK)
        st = put(s, req->key, (weir_str){0}, ds, fields, req, err);
    if (st == WEIR_OK)
        wr_count(s, WR_CMD_put_dataset, WR_COUNTER_bytes, tensor_bytes(ds));
    wr_fields_unref(fields);
    return st;
}

weir_status wr_handle_get_dataset(wr_service *s, const wr_req *req, wr_rep *rep,
                                  weir_error *err)
{
    weir_status st = wr_resolve_dataset(s, req->key, &rep->dataset, NULL, req, err);
    if (st == WEIR_OK)
        wr_count(s, WR_CMD_get_dataset, WR_COUNTER_bytes, tensor_bytes(rep->dataset));
    return st;
}

weir_status wr_copy_dataset(wr_service *s, const wr_req *req, bool move, weir_error *err)
{
    wr_fields *fields = NULL;
    weir_dataset *ds = NULL;
    weir_status st = wr_resolve_dataset(s, req->key, &ds, &fields, req, err);
    if (st == WEIR_OK && !wr_str_eq(req->key, req->to))
        st = put(s, req->to, move ? req->key : (weir_str){0}, ds, fields, req, err);
    wr_fields_unref(fields);
    weir_dataset_free(ds);
    return st;
}

weir_status wr_del_dataset(wr_service *s, const wr_req *req, weir_error *err)
{
    wr_batch batch = {0};
    weir_dataset *ds = NULL;
    weir_status st = wr_resolve_dataset(s, req->key, &ds, NULL, req, err);
    if (st == WEIR_OK) {
        del_keys(&batch, req->key, ds);
        st = wr_batch_publish(&batch, s, req, err);
    }
    wr_batch_fini(&batch);
    weir_dataset_free(ds);
    return st;
}
