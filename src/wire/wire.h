/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and replies as RESP carries them. A request is a sequence of words, the first its command's
 * name; a reply is a tree of items. Three small interfaces keep sockets and servers out of here:
 * words come in (server), items go out through a sink (server), items come in from a source (client).
 */
#ifndef WR_WIRE_WIRE_H
#define WR_WIRE_WIRE_H

#include "service/service.h"

/* ---- words: a request as the server gets it; borrowed ---- */

typedef struct wr_words {
    const weir_str *w;
    size_t n;
} wr_words;

/* Who can keep a word's bytes beyond the command. */
typedef struct wr_holder wr_holder;
struct wr_holder {
    /* A buffer of that view, whose data lies in word `i`: by reference, no copy. */
    weir_status (*hold)(wr_holder *h, size_t i, const weir_tensor *view,
                        weir_buffer **out, weir_error *err);
};

/* ---- sink: where the server's reply goes, item by item, in order ---- */

typedef struct wr_sink wr_sink;
typedef struct wr_sink_ops {
    void (*status)(wr_sink *s, const char *text); /* +text */
    void (*error)(wr_sink *s, const char *text); /* -text, on one line, code word first */
    void (*integer)(wr_sink *s, int64_t v);
    void (*array)(wr_sink *s, size_t n); /* the next n items are its elements */
    void (*bulk)(wr_sink *s, const void *p, size_t n);
    void (*null)(wr_sink *s);

    /* A bulk of bytes that lie in `b`: the sink may take a reference and copy later, elsewhere. */
    void (*payload)(wr_sink *s, weir_buffer *b, const void *p, size_t n);
} wr_sink_ops;
struct wr_sink {
    const wr_sink_ops *ops;
};

static inline void wr_sink_text(wr_sink *s, const char *text)
{
    s->ops->bulk(s, text, strlen(text));
}

/* ---- source: where the client's reply comes from ---- */

typedef enum wr_item_kind {
    WR_ITEM_STATUS,
    WR_ITEM_ERROR,
    WR_ITEM_INTEGER,
    WR_ITEM_BULK,
    WR_ITEM_ARRAY,
    WR_ITEM_NULL
} wr_item_kind;

typedef struct wr_item {
    wr_item_kind kind;
    int64_t n;     /* integer: its value; bulk: bytes; array: elements */
    weir_str text; /* status, error: borrowed from the source until the next call */
} wr_item;

typedef struct wr_source wr_source;
typedef struct wr_source_ops {
    /* The head of the next item. After a bulk's head its n bytes must be read (in pieces, if liked)
     * before the next one; of an empty bulk nothing is read. Fails with ERR_TIMEOUT, ERR_CLOSED, ERR_FORMAT, all final. */
    weir_status (*next)(wr_source *s, wr_item *out, weir_error *err);
    /* n bytes of the bulk, straight into p. */
    weir_status (*read)(wr_source *s, void *p, size_t n, weir_error *err);
} wr_source_ops;
struct wr_source {
    const wr_source_ops *ops;
};

/* ---- client: request to RESP bytes ---- */

enum {
    WR_WIRE_TOGETHER = 1536
}; /* payloads up to so many bytes are copied into the text */

/* The bytes of one request: `text` with payloads between. Payload i goes out before text.p[at]. */
typedef struct wr_payload {
    size_t at;
    weir_tensor view; /* any strides; numbers only: strings are in the text */
} wr_payload;

typedef struct wr_encoded {
    wr_text text;
    wr_payload *payload; /* owned */
    size_t n_payloads, room;
} wr_encoded;

/* Append one request to `e` (all zero at first; several make a pipeline of requests; with text.n and
 * n_payloads set to 0 its memory is used anew). The keys go out
 * as they stand in `req`. ERR_UNSUPPORTED for a command that does not travel (borrow, list_get). */
weir_status wr_wire_encode(wr_encoded *e, const wr_req *req, weir_error *err);
/* Append a plain command of texts: `PING`, `AUTH user word`. */
weir_status wr_wire_encode_texts(wr_encoded *e, const weir_str *text, size_t n,
                                 weir_error *err);
void wr_encoded_fini(wr_encoded *e);

/* The options that differ from their default, as words LABEL VALUE LABEL VALUE ..; false: no memory. */
bool wr_wire_options(const weir_model_options *o,
                     void (*each)(void *context, weir_str word), void *context);
/* One pair back into `o`; names go to the next of `room`, which has WEIR_IO_MAX places for each kind of
 * name: zero `*room` first. ERR_ARG. */
typedef struct wr_option_room {
    weir_str names[4][WEIR_IO_MAX];
} wr_option_room;
weir_status wr_wire_option(weir_model_options *o, wr_option_room *room, weir_str label,
                           weir_str value, weir_error *err);

/* Read the reply of `req` into `rep` and the memory that req->out names. On a failure that the server
 * reported, or a type or shape that differs from req->out, the whole reply has been read and the
 * source can go on (*whole true); on a failure of the source itself it can't. */
weir_status wr_wire_read_reply(wr_source *s, const wr_req *req, wr_rep *rep, bool *whole,
                               weir_error *err);

/* The status of an error line "ERR_KEY there is no tensor 'u'", whose words become the text. Foreign
 * ones ("MOVED ..", "WRONGTYPE ..") get the nearest status: KIND, FULL (OOM), CLOSED (LOADING ..) or
 * MODEL. */
weir_status wr_wire_error(weir_str line, weir_error *err);

/* The keys of a request that tell a cluster's shard, each in turn: `at` from 0; false: no more. Those
 * of models are not among them but in infer and the commands about models. A dataset is told by its
 * base. */
bool wr_wire_key(const wr_req *req, size_t at, weir_str *key);

/* ---- server: words to request, reply to sink ---- */

/* A request with all memory that it names beside the words'. All zero before. */
typedef struct wr_decoded {
    wr_req req;
    wr_rep rep; /* for the handler; its results are released by fini */
    /* owned */
    void *
        memory; /* arrays of views, steps, options; room for the reply's info and stats */
    weir_dataset *dataset;
    weir_buffer *buffer;
    weir_buffer *strings[WEIR_IO_MAX]; /* behind views of strings */
    int n_strings;
} wr_decoded;

/* The command of a word "WEIR.PUT", any case; WR_CMD_COUNT: none that travels. */
wr_command wr_wire_command(weir_str word);

/* Does the command write keys? */
bool wr_wire_writes(wr_command command);

/* Which words of a command of ours are keys; any words are safe. */
void wr_wire_word_keys(wr_words words,
                       void (*each)(void *context, size_t i_word, bool writes),
                       void *context);

/* Words to request. Views of tensors lie in the words; what is to be stored is held through `h`.
 * `out` is all zero before, and is to be finished whatever the result. ERR_ARG, ERR_DTYPE, ERR_SHAPE,
 * ERR_FORMAT, ERR_NOMEM: the text names the word. */
weir_status wr_wire_decode(wr_decoded *out, wr_words words, wr_holder *h,
                           weir_error *err);
void wr_decoded_fini(wr_decoded *d);

/* The reply of a request that succeeded (out->req, out->rep), or failed. */
void wr_wire_reply(wr_sink *s, const wr_decoded *d);
void wr_wire_reply_error(wr_sink *s, weir_status st, const weir_error *err);

/* ---- single words, for every grammar that has them ---- */

/* A decimal number, the whole word; no sign but a minus. */
bool wr_word_int(weir_str word, int64_t *out);
bool wr_word_is(weir_str word, const char *upper); /* any case */

/* "CPU", "GPU" (the first one), "GPU:1", any case. */
bool wr_word_device(weir_str word, weir_device *out);
const char *wr_device_word(weir_device d, char *buf, size_t n);

/* "TENSOR", any case. */
bool wr_word_kind(weir_str word, weir_kind *out);
const char *wr_kind_word(weir_kind kind);

/* Strings of a STRING tensor's bytes: NUL-terminated one after the other, `count` of them, into a new
 * buffer (one copy). ERR_FORMAT. */
weir_status wr_wire_strings(weir_buffer **out, weir_str bytes, int rank,
                            const int64_t *shape, weir_error *err);
/* The reverse: appended to `out`. ERR_FORMAT for a string with a NUL in it. */
weir_status wr_wire_strings_add(wr_text *out, const weir_tensor *t, weir_error *err);

#endif
