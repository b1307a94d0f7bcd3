/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading and writing .npy: magic, version, length, a Python dictionary as text, the elements. */
#include "cli/npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "weir/status.h"

static const char magic[] = "\x93NUMPY";
enum { N_MAGIC = 6 };

/* NumPy's name of an element type behind its byte order. */
static const struct {
    weir_dtype dtype;
    const char *name;
} names[] = {{WEIR_F32, "f4"}, {WEIR_F64, "f8"}, {WEIR_I8, "i1"},  {WEIR_I16, "i2"},
             {WEIR_I32, "i4"}, {WEIR_I64, "i8"}, {WEIR_U8, "u1"},  {WEIR_U16, "u2"},
             {WEIR_U32, "u4"}, {WEIR_U64, "u8"}, {WEIR_F16, "f2"}, {WEIR_BOOL, "b1"}};
enum { N_NAMES = sizeof names / sizeof *names };

/* The rest of the header's text. */
typedef struct cursor {
    const char *p, *end;
} cursor;

static void skip_blanks(cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n'))
        c->p++;
}

static bool take(cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->p == c->end || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

static bool take_word(cursor *c, const char *word)
{
    size_t n = strlen(word);
    skip_blanks(c);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
        return false;
    c->p += n;
    return true;
}

/* A Python string without escapes. */
static bool take_string(cursor *c, weir_str *out)
{
    skip_blanks(c);
    if (c->p == c->end || (*c->p != '\'' && *c->p != '"'))
        return false;
    const char *close = memchr(c->p + 1, *c->p, (size_t)(c->end - c->p) - 1);
    if (close == NULL)
        return false;
    *out = (weir_str){c->p + 1, (size_t)(close - c->p) - 1};
    c->p = close + 1;
    return true;
}

static bool take_number(cursor *c, int64_t *out)
{
    int64_t v = 0;
    skip_blanks(c);
    const char *begin = c->p;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
        if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
            __builtin_add_overflow(v, (int64_t)(*c->p - '0'), &v))
            return false;
    }
    if (c->p == begin)
        return false;
    take_word(c, "L"); /* Python 2 wrote 3L */
    *out = v;
    return true;
}

static bool is_text(weir_str s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static weir_status read_descr(cursor *c, npy_header *h, weir_error *err)
{
    weir_str s;
    if (!take_string(c, &s))
        return weir_fail(err, WEIR_ERR_DTYPE,
                         "'descr' is no simple element type; records can't be "
                         "read, save one plain array");
    for (int i = 0; s.n == 3 && i < N_NAMES; i++) {
        bool one_byte = names[i].name[1] == '1';
        if (is_text((weir_str){s.p + 1, 2}, names[i].name) &&
            (s.p[0] == '<' || s.p[0] == '=' || (s.p[0] == '|' && one_byte) ||
             (s.p[0] == '>' && one_byte))) {
            h->dtype = names[i].dtype;
            return WEIR_OK;
        }
    }
    return weir_fail(
        err, WEIR_ERR_DTYPE,
        "element type '%.*s' is not known; expected little-endian numbers or "
        "booleans, such as '<f4'",
        s.n > 40 ? 40 : (int)s.n, s.p);
}

static weir_status read_shape(cursor *c, npy_header *h, weir_error *err)
{
    if (!take(c, '('))
        return weir_fail(err, WEIR_ERR_FORMAT,
                         "'shape' is not a list of numbers in parentheses");
    while (!take(c, ')')) {
        int64_t extent = 0;
        if (!take_number(c, &extent))
            return weir_fail(err, WEIR_ERR_FORMAT,
                             "'shape' holds something else than numbers");
        if (h->rank == WEIR_RANK_MAX)
            return weir_fail(err, WEIR_ERR_SHAPE, "'shape' has more than %d dimensions",
                             WEIR_RANK_MAX);
        h->shape[h->rank++] = extent;
        if (!take(c, ',') && (c->p == c->end || *c->p != ')'))
            return weir_fail(err, WEIR_ERR_FORMAT, "'shape' is not closed");
    }
    return WEIR_OK;
}

static weir_status read_order(cursor *c, npy_header *h, weir_error *err)
{
    h->is_fortran = take_word(c, "True");
    if (h->is_fortran || take_word(c, "False"))
        return WEIR_OK;
    return weir_fail(err, WEIR_ERR_FORMAT, "'fortran_order' is neither True nor False");
}

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4, HAS_ALL = 7 };

/* {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } in any order, each once. */
static weir_status read_dictionary(cursor *c, npy_header *h, weir_error *err)
{
    int has = 0;
    if (!take(c, '{'))
        return weir_fail(err, WEIR_ERR_FORMAT, "the header does not begin with '{'");
    while (!take(c, '}')) {
        weir_str key;
        weir_status st = WEIR_OK;
        if (!take_string(c, &key) || !take(c, ':'))
            return weir_fail(err, WEIR_ERR_FORMAT,
                             "the header is no dictionary of names");
        int what = is_text(key, "descr")           ? HAS_DESCR
                   : is_text(key, "fortran_order") ? HAS_ORDER
                   : is_text(key, "shape")         ? HAS_SHAPE
                                                   : 0;
        if (what == 0 || (has & what) != 0)
            return weir_fail(err, WEIR_ERR_FORMAT, "the header has %s entry '%.*s'",
                             what == 0 ? "an unknown" : "a second",
                             key.n > 40 ? 40 : (int)key.n, key.p);
        has |= what;
        st = what == HAS_DESCR   ? read_descr(c, h, err)
             : what == HAS_ORDER ? read_order(c, h, err)
                                 : read_shape(c, h, err);
        if (st != WEIR_OK)
            return st;
        if (!take(c, ',') && (c->p == c->end || *c->p != '}'))
            return weir_fail(err, WEIR_ERR_FORMAT,
                             "the header's dictionary is not closed");
    }
    skip_blanks(c);
    if (has != HAS_ALL)
        return weir_fail(err, WEIR_ERR_FORMAT,
                         "the header lacks 'descr', 'fortran_order' or 'shape'");
    if (c->p != c->end)
        return weir_fail(err, WEIR_ERR_FORMAT, "the header goes on after its dictionary");
    return WEIR_OK;
}

/* Where the header's text begins and ends. */
static weir_status find_text(const unsigned char *b, size_t n, cursor *c, weir_error *err)
{
    if (n < N_MAGIC + 2 || memcmp(b, magic, N_MAGIC) != 0)
        return weir_fail(err, WEIR_ERR_FORMAT,
                         "this is no .npy file: it does not begin with "
                         "\\x93NUMPY");
    unsigned version = b[N_MAGIC];
    if (version < 1 || version > 3)
        return weir_fail(err, WEIR_ERR_FORMAT, "format version %u, expected 1, 2 or 3",
                         version);
    size_t n_length = version == 1 ? 2 : 4, at = N_MAGIC + 2 + n_length, length = 0;
    if (n < at)
        return weir_fail(err, WEIR_ERR_FORMAT,
                         "cut off in the header: %zu bytes, expected at "
                         "least %zu",
                         n, at);
    for (size_t i = 0; i < n_length; i++)
        length |= (size_t)b[N_MAGIC + 2 + i] << (8 * i);
    if (length > n - at)
        return weir_fail(err, WEIR_ERR_FORMAT,
                         "cut off in the header: %zu bytes of it are there, "
                         "%zu expected",
                         n - at, length);
    *c = (cursor){(const char *)b + at, (const char *)b + at + length};
    return WEIR_OK;
}

weir_status npy_parse(const void *bytes, size_t n, npy_header *out, weir_error *err)
{
    npy_header h = {.dtype = WEIR_F32};
    cursor c = {NULL, NULL};
    weir_tensor t;

    weir_status st = find_text(bytes, n, &c, err);
    if (st == WEIR_OK) {
        h.data_at = (size_t)(c.end - (const char *)bytes);
        st = read_dictionary(&c, &h, err);
    }
    if (st == WEIR_OK) /* checks that the product of the extents can be represented */
        st = weir_tensor_init(&t, NULL, h.dtype, h.rank, h.shape, err);
    if (st != WEIR_OK)
        return st;
    h.n_data = weir_tensor_bytes(&t);
    if (h.n_data != n - h.data_at) {
        char text[128];
        return weir_fail(err, WEIR_ERR_FORMAT, "%zu bytes of data, %s has %zu",
                         n - h.data_at, weir_tensor_text(&t, text, sizeof text),
                         h.n_data);
    }
    *out = h;
    return WEIR_OK;
}

/* A whole file in a buffer of bytes. */
static weir_status read_file(const char *path, weir_buffer **out, weir_error *err)
{
    weir_buffer *b = NULL;
    weir_status st = WEIR_OK;
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return weir_fail(err, WEIR_ERR_IO, "%s: %s", path, strerror(errno));

    long n = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    if (n < 0 || fseek(f, 0, SEEK_SET) != 0) {
        st = weir_fail(err, WEIR_ERR_IO, "%s: its size can't be found: %s", path,
                       strerror(errno));
        goto out;
    }
    int64_t shape = n;
    st = weir_buffer_new(&b, WEIR_U8, 1, &shape, err);
    if (st != WEIR_OK)
        goto out;
    size_t got = n == 0 ? 0 : fread(weir_buffer_view(b).data, 1, (size_t)n, f);
    if (got != (size_t)n) {
        st =
            weir_fail(err, WEIR_ERR_IO, "%s: %zu bytes read, %ld expected", path, got, n);
        goto out;
    }
    *out = b;
    b = NULL;
out:
    weir_buffer_unref(b);
    fclose(f);
    return st;
}

/* The data of a parsed file in C order. */
static weir_status to_buffer(char *bytes, const npy_header *h, weir_buffer **out,
                             weir_error *err)
{
    weir_tensor from, to;
    weir_buffer *b = NULL;

    memmove(bytes, bytes + h->data_at,
            h->n_data); /* to where every element type is aligned */
    weir_status st =
        h->is_fortran
            ? weir_tensor_init_fortran(&from, bytes, h->dtype, h->rank, h->shape, err)
            : weir_tensor_init(&from, bytes, h->dtype, h->rank, h->shape, err);
    if (st == WEIR_OK)
        st = weir_buffer_new(&b, h->dtype, h->rank, h->shape, err);
    if (st != WEIR_OK)
        return st;
    to = weir_buffer_view(b);
    st = weir_tensor_copy(&to, &from, err);
    if (st == WEIR_OK)
        *out = b;
    else
        weir_buffer_unref(b);
    return st;
}

weir_status npy_read(const char *path, weir_buffer **out, weir_error *err)
{
    weir_buffer *file = NULL;
    weir_error why = {0};
    npy_header h;

    weir_status st = read_file(path, &file, err);
    if (st != WEIR_OK)
        goto out;
    weir_tensor bytes = weir_buffer_view(file);
    st = npy_parse(bytes.data, weir_tensor_bytes(&bytes), &h, &why);
    if (st == WEIR_OK)
        st = to_buffer(bytes.data, &h, out, &why);
    if (st != WEIR_OK)
        weir_fail(err, st, "%.200s: %.280s", path, why.text);
out:
    weir_buffer_unref(file);
    return st;
}

/* "(3, 4)" as Python writes it. */
static int write_shape(char *buf, size_t n, const weir_tensor *t)
{
    int at = snprintf(buf, n, "(");
    for (int i = 0; i < t->rank; i++)
        at += snprintf(buf + at, n - (size_t)at, "%s%" PRId64, i > 0 ? ", " : "",
                       t->shape[i]);
    at += snprintf(buf + at, n - (size_t)at, t->rank == 1 ? ",)" : ")");
    return at;
}

weir_status npy_write(const char *path, const weir_tensor *t, weir_error *err)
{
    /* shape: 15 numbers of at most 19 digits */
    char shape[WEIR_RANK_MAX * 21 + 4], text[512];
    const char *name = NULL;

    for (int i = 0; i < N_NAMES; i++) {
        if (names[i].dtype == t->dtype)
            name = names[i].name;
    }
    if (name == NULL)
        return weir_fail(err, WEIR_ERR_DTYPE, "%s: NumPy has no element type %s", path,
                         weir_dtype_name(t->dtype));
    write_shape(shape, sizeof shape, t);
    int n = snprintf(text, sizeof text,
                     "{'descr': '%c%s', 'fortran_order': False, 'shape': %s, }",
                     name[1] == '1' ? '|' : '<', name, shape);
    while ((N_MAGIC + 4 + n + 1) % 64 != 0) /* data begins at a multiple of 64 bytes */
        text[n++] = ' ';
    text[n++] = '\n';

    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return weir_fail(err, WEIR_ERR_IO, "%s: %s", path, strerror(errno));
    unsigned char head[4] = {1, 0, (unsigned char)(n & 255), (unsigned char)(n >> 8)};
    size_t n_data = weir_tensor_bytes(t);
    bool good = fwrite(magic, 1, N_MAGIC, f) == N_MAGIC && fwrite(head, 1, 4, f) == 4 &&
                fwrite(text, 1, (size_t)n, f) == (size_t)n &&
                (n_data == 0 || fwrite(t->data, 1, n_data, f) == n_data);
    good = fclose(f) == 0 && good;
    return good ? WEIR_OK : weir_fail(err, WEIR_ERR_IO, "%s: %s", path, strerror(errno));
}
