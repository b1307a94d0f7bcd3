/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables that both ends of the codec go by: the form of each command's words and reply, and the
 * options and figures of models as labels. Inner to this room. */
#ifndef WR_WIRE_FORM_H
#define WR_WIRE_FORM_H

#include "wire/wire.h"

enum {
    WR_FORM_WORDS = 8,           /* most fields of a command, with the end */
    WR_WIRE_STEPS_MAX = 4096,    /* steps of one pipeline */
    WR_WIRE_TENSORS_MAX = 65536, /* tensors, or fields, of one dataset */
    WR_WIRE_CHUNK = 256 << 20    /* bytes of one bulk of a model; servers take 512 MiB */
};

typedef struct wr_form {
    const char *word; /* NULL: does not travel */
    wr_reply reply;
    wr_arg field[WR_FORM_WORDS]; /* ends with WR_ARG_none */
} wr_form;
extern const wr_form wr_forms[WR_CMD_COUNT];

typedef enum wr_label_type {
    WR_LABEL_I64,
    WR_LABEL_U64,
    WR_LABEL_SIZE,
    WR_LABEL_INT,
    WR_LABEL_BOOL,
    WR_LABEL_DOUBLE,
    WR_LABEL_STR,   /* weir_str */
    WR_LABEL_TEXT,  /* char[], NUL-terminated */
    WR_LABEL_NAMES, /* const weir_str *, followed by its int count; one pair for each */
    WR_LABEL_DEVICE,
    WR_LABEL_GUARD,
    WR_LABEL_IO,  /* weir_io[WEIR_IO_MAX]; the count is the member before; see reply.c */
    WR_LABEL_BINS /* uint64_t[WEIR_BATCH_BINS] */
} wr_label_type;

/* A member of a struct under its label. */
typedef struct wr_label {
    const char *name;
    wr_label_type type;
    size_t at;    /* offset of the member */
    size_t count; /* offset of the number of names or ios; bytes of a text */
} wr_label;

extern const wr_label
    wr_option_labels[];                  /* of weir_model_options; end with a NULL name */
extern const wr_label wr_info_labels[];  /* of weir_model_info */
extern const wr_label wr_stats_labels[]; /* of weir_model_stats */

/* The label of that name, any case; NULL: none. */
const wr_label *wr_label_find(const wr_label *table, weir_str name);

/* A member as text, and back (false: the word is no such value). Not for NAMES, IO, BINS. */
void wr_label_print(wr_text *out, const wr_label *l, const void *object);
bool wr_label_parse(const wr_label *l, void *object, weir_str word);
/* Has the member its zero value? */
bool wr_label_is_zero(const wr_label *l, const void *object);

const char *wr_compare_word(const wr_req *req);
bool wr_word_compare(weir_str word, wr_req *req);

#endif
