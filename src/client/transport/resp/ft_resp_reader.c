/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzz target: any bytes as replies. The first byte says how many come at a time, and who reads them: a
 * walk over all items, the reply of CLUSTER SLOTS, or the codec for one of the commands. */
#include "base/alloc.h"
#include "client/transport/resp/topology.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

typedef struct script {
    wr_input input;
    const uint8_t *p;
    size_t n, step;
} script;

static weir_status fill(wr_input *in, void *p, size_t n, void *more, size_t n_more,
                        size_t *got, weir_error *err)
{
    script *s = (script *)in;
    size_t some = s->step < s->n ? s->step : s->n;
    if (some == 0)
        return weir_fail(err, WEIR_ERR_CLOSED, "at the end");
    some = some < n + n_more ? some : n + n_more;
    size_t first = some < n ? some : n;
    memcpy(p, s->p, first);
    if (some > first)
        memcpy(more, s->p + first, some - first);
    s->p += some;
    s->n -= some;
    *got = some;
    return WEIR_OK;
}

/* Every item; a bulk's bytes in pieces. */
static void walk(wr_reader *r)
{
    char piece[5000];
    wr_item it;
    weir_error err = {0};
    weir_status st = WEIR_OK;
    while (st == WEIR_OK) {
        st = r->source.ops->next(&r->source, &it, &err);
        for (int64_t left = it.n; st == WEIR_OK && it.kind == WR_ITEM_BULK && left > 0;) {
            size_t some = left < (int64_t)sizeof piece ? (size_t)left : sizeof piece;
            st = r->source.ops->read(&r->source, piece, some, &err);
            left -= (int64_t)some;
        }
        if (st == WEIR_OK && r->depth > WR_READER_DEPTH)
            __builtin_trap();
    }
    if (err.text[0] == '\0')
        __builtin_trap();
}

static void read_slots(wr_reader *r)
{
    static wr_line line;
    char host[] = "h";
    wr_place at = {host, 1};
    wr_node *from = NULL;
    wr_topology *t = wr_calloc(1, sizeof *t);
    if (t == NULL || wr_node_new(&from, &at, NULL) != WEIR_OK)
        __builtin_trap();
    t->line = &line;
    t->clustered = true;
    wr_mutex_init(&t->lock, WR_LEVEL_LEAF);
    wr_cond_init(&t->changed);
    weir_error err = {0};
    if (wr_topology_read_slots(t, &r->source, from, &err) != WEIR_OK &&
        err.text[0] == '\0')
        __builtin_trap();
    (void)wr_reader_finish(r, NULL);
    wr_topology_fini(t);
    wr_node_free(from);
    wr_free(t);
}

static void read_reply(wr_reader *r, wr_command command)
{
    static const wr_command asked[] = {
        WR_CMD_put,         WR_CMD_get,         WR_CMD_describe, WR_CMD_exists,
        WR_CMD_get_dataset, WR_CMD_list_length, WR_CMD_get_model};
    float memory[4];
    weir_tensor into;
    int64_t shape = 4;
    bool whole = false;
    weir_error err = {0};
    wr_rep rep = {0};
    if (weir_tensor_init(&into, memory, WEIR_F32, 1, &shape, NULL) != WEIR_OK)
        __builtin_trap();
    size_t which = (size_t)command % (sizeof asked / sizeof *asked);
    wr_req req = {.command = asked[which],
                  .key = {"{d}", 3},
                  .out = &into,
                  .n_out = 1,
                  .give_buffers = (command & 8) != 0};
    if (wr_wire_read_reply(&r->source, &req, &rep, &whole, &err) == WEIR_OK) {
        for (int i = 0; i < rep.n_buffers; i++)
            weir_buffer_unref(rep.buffer[i]);
        weir_dataset_free(rep.dataset);
    }
    if (whole && wr_reader_finish(r, NULL) == WEIR_OK && r->depth != 0)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static wr_reader reader;
    if (n < 2)
        return 0;
    script s = {
        .input = {fill}, .p = data + 1, .n = n - 1, .step = 1 + (data[0] & 7) * 37u};
    wr_reader_init(&reader, &s.input);
    unsigned who = data[0] >> 3;
    if (who == 0)
        walk(&reader);
    else if (who == 1)
        read_slots(&reader);
    else
        read_reply(&reader, (wr_command)(who - 2));
    return 0;
}
