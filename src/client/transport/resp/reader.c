/* SPDX-License-Identifier: BSD-3-Clause */
/* The RESP reader. */
#include "client/transport/resp/reader.h"

#include "base/text.h"

enum { STRAIGHT = 4096 }; /* from so many bytes on a bulk goes straight to its memory */

static wr_reader *reader_of(wr_source *s)
{
    return (wr_reader *)s;
}

static weir_status broken(wr_reader *r, weir_error *err, const char *what)
{
    r->failed = true;
    return weir_fail(err, WEIR_ERR_FORMAT, "the reply is malformed: %s", what);
}

/* ---- bytes ---- */

/* More bytes into the buffer. */
static weir_status fill(wr_reader *r, weir_error *err)
{
    size_t got = 0;
    if (r->begin > 0) {
        memmove(r->buffer, r->buffer + r->begin, r->end - r->begin);
        r->end -= r->begin;
        r->begin = 0;
    }
    if (r->end == WR_READER_ROOM)
        return broken(r, err, "a line is longer than 16 KB");
    weir_status st = r->input->fill(r->input, r->buffer + r->end, WR_READER_ROOM - r->end,
                                    NULL, 0, &got, err);
    if (st != WEIR_OK)
        r->failed = true;
    else
        r->end += got;
    return st;
}

/* A line without its CR LF; it lies in the buffer until more is read. */
static weir_status read_line(wr_reader *r, weir_str *out, weir_error *err)
{
    for (size_t looked = 0;;) {
        const char *from = r->buffer + r->begin;
        size_t n = r->end - r->begin;
        const char *lf = n == looked ? NULL : memchr(from + looked, '\n', n - looked);
        if (lf != NULL) {
            if (lf == from || lf[-1] != '\r')
                return broken(r, err, "a line ends without CR");
            *out = (weir_str){from, (size_t)(lf - from) - 1};
            r->begin += out->n + 2;
            return WEIR_OK;
        }
        looked = n;
        weir_status st = fill(r, err);
        if (st != WEIR_OK)
            return st;
    }
}

/* The CR LF behind a bulk. */
static weir_status end_bulk(wr_reader *r, weir_error *err)
{
    while (r->end - r->begin < 2) {
        weir_status st = fill(r, err);
        if (st != WEIR_OK)
            return st;
    }
    if (r->buffer[r->begin] != '\r' || r->buffer[r->begin + 1] != '\n')
        return broken(r, err, "no CR LF behind a bulk");
    r->begin += 2;
    r->bulk_end = false;
    return WEIR_OK;
}

/* ---- where in the reply ---- */

/* One item is over; with it perhaps the arrays that it was the last of. */
static void count_item(wr_reader *r)
{
    while (r->depth > 0 && --r->left[r->depth - 1] == 0)
        r->depth--;
    if (r->depth == 0)
        r->n_replies++;
}

static weir_status begin_array(wr_reader *r, int64_t n, weir_error *err)
{
    if (n == 0) {
        count_item(r);
        return WEIR_OK;
    }
    if (r->depth == WR_READER_DEPTH)
        return broken(r, err, "arrays nested too deep");
    r->left[r->depth++] = n;
    return WEIR_OK;
}

/* ---- heads ---- */

static bool parse_int(weir_str s, int64_t *out)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    int64_t v = 0;
    if (s.n == (minus ? 1 : 0))
        return false;
    for (size_t i = minus ? 1 : 0; i < s.n; i++) {
        int digit = s.p[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, digit, &v)) /* downwards: the range is larger */
            return false;
    }
    if (!minus && v == INT64_MIN)
        return false;
    *out = minus ? v : -v;
    return true;
}

/* The head's length: -1 is RESP2's null. */
static weir_status parse_length(wr_reader *r, weir_str digits, int64_t max, int64_t *out,
                                weir_error *err)
{
    if (!parse_int(digits, out) || *out < -1 || *out > max)
        return broken(r, err, "a length is no number, or beyond what is possible");
    return WEIR_OK;
}

static weir_status head_of_array(wr_reader *r, char type, weir_str rest, wr_item *out,
                                 weir_error *err)
{
    weir_status st = parse_length(r, rest, WR_READER_COUNT, &out->n, err);
    if (st != WEIR_OK)
        return st;
    out->kind = out->n < 0 ? WR_ITEM_NULL : WR_ITEM_ARRAY;
    if (type == '%' || type == '|')
        out->n *= 2;
    return WEIR_OK;
}

static weir_status head_of_bulk(wr_reader *r, weir_str rest, wr_item *out,
                                weir_error *err)
{
    weir_status st = parse_length(r, rest, WR_READER_BULK, &out->n, err);
    if (st != WEIR_OK)
        return st;
    out->kind = out->n < 0 ? WR_ITEM_NULL : WR_ITEM_BULK;
    if (out->n >= 0) {
        r->bulk_left = out->n;
        r->bulk_end = true;
    }
    return WEIR_OK;
}

/* One head of any type. Of arrays the elements, of bulks the bytes, are still to come. */
static weir_status read_head(wr_reader *r, char *type, wr_item *out, weir_error *err)
{
    weir_str line;
    weir_status st = read_line(r, &line, err);
    if (st != WEIR_OK)
        return st;
    if (line.n == 0)
        return broken(r, err, "an empty line");
    *type = line.p[0];
    weir_str rest = {line.p + 1, line.n - 1};
    *out = (wr_item){.text = rest};
    switch (*type) {
    case '+':
    case ',':
    case '(':
        out->kind = WR_ITEM_STATUS;
        return WEIR_OK;
    case '-':
        out->kind = WR_ITEM_ERROR;
        return WEIR_OK;
    case ':':
        out->kind = WR_ITEM_INTEGER;
        return parse_int(rest, &out->n) ? WEIR_OK
                                        : broken(r, err, "an integer is no number");
    case '#':
        out->kind = WR_ITEM_INTEGER;
        out->n = rest.n == 1 && rest.p[0] == 't';
        return WEIR_OK;
    case '_':
        out->kind = WR_ITEM_NULL;
        return WEIR_OK;
    case '$':
    case '!':
    case '=':
        return head_of_bulk(r, rest, out, err);
    case '*':
    case '%':
    case '~':
    case '>':
    case '|':
        return head_of_array(r, *type, rest, out, err);
    default:
        return broken(r, err, "an item of a type that RESP does not have");
    }
}

/* ---- bulks ---- */

static weir_status read_bulk(wr_reader *r, void *p, size_t n, weir_error *err)
{
    char *to = p;
    weir_status st = WEIR_OK;
    while (n > 0 && st == WEIR_OK) {
        size_t have = r->end - r->begin;
        if (have > 0) {
            size_t some = have < n ? have : n;
            memcpy(to, r->buffer + r->begin, some);
            r->copied_bytes += some;
            r->begin += some;
            to += some;
            n -= some;
        } else if (n < STRAIGHT) {
            st = fill(r, err);
        } else {
            size_t got = 0;
            r->begin = r->end = 0;
            st = r->input->fill(r->input, to, n, r->buffer, WR_READER_ROOM, &got, err);
            r->failed |= st != WEIR_OK;
            size_t some = got < n ? got : n;
            to += some;
            n -= some;
            r->end = got - some;
        }
    }
    return st;
}

static weir_status drop_bulk(wr_reader *r, weir_error *err)
{
    weir_status st = WEIR_OK;
    while (r->bulk_left > 0 && st == WEIR_OK) {
        int64_t have = (int64_t)(r->end - r->begin);
        int64_t some = have < r->bulk_left ? have : r->bulk_left;
        r->begin += (size_t)some;
        r->bulk_left -= some;
        if (r->bulk_left > 0)
            st = fill(r, err);
    }
    if (st == WEIR_OK && r->bulk_end)
        st = end_bulk(r, err);
    return st;
}

/* ---- items ---- */

/* Drop n items with all that is in them. */
static weir_status drop_items(wr_reader *r, int64_t n, weir_error *err)
{
    weir_status st = WEIR_OK;
    while (n > 0 && st == WEIR_OK) {
        wr_item item;
        char type;
        st = read_head(r, &type, &item, err);
        if (st == WEIR_OK && item.kind == WR_ITEM_BULK)
            st = drop_bulk(r, err);
        if (st == WEIR_OK && item.kind == WR_ITEM_ARRAY)
            n += item.n;
        if (st == WEIR_OK && n > (int64_t)WR_READER_COUNT * 2)
            st = broken(r, err, "too many items");
        if (type != '|') /* attributes stand before an item and are none */
            n--;
    }
    return st;
}

/* The first bytes of an error that came as a bulk ("!"), as a status line would give them. */
static weir_status bulk_error(wr_reader *r, wr_item *item, weir_error *err)
{
    int64_t n = item->n < WR_ERROR_LINE - 1 ? item->n : WR_ERROR_LINE - 1;
    weir_status st = read_bulk(r, r->error, (size_t)n, err);
    r->bulk_left -= n;
    if (st == WEIR_OK)
        st = drop_bulk(r, err);
    r->error[n] = '\0';
    *item = (wr_item){.kind = WR_ITEM_ERROR, .text = {r->error, (size_t)n}};
    return st;
}

/* "txt:" before a verbatim text is not part of it. */
static weir_status verbatim(wr_reader *r, wr_item *item, weir_error *err)
{
    char mark[4];
    if (item->n < (int64_t)sizeof mark)
        return broken(r, err, "a verbatim text is shorter than its mark");
    weir_status st = read_bulk(r, mark, sizeof mark, err);
    r->bulk_left -= (int64_t)sizeof mark;
    item->n = r->bulk_left;
    return st;
}

static weir_status next_head(wr_reader *r, char *type, wr_item *out, weir_error *err)
{
    for (;;) {
        weir_status st = read_head(r, type, out, err);
        if (st != WEIR_OK || (*type != '>' && *type != '|'))
            return st;
        st = drop_items(r, out->n, err);
        if (st != WEIR_OK)
            return st;
    }
}

static void keep_error(wr_reader *r, weir_str text)
{
    size_t n = text.n < WR_ERROR_LINE - 1 ? text.n : WR_ERROR_LINE - 1;
    memmove(r->error, text.p, n);
    r->error[n] = '\0';
}

static weir_status reader_next(wr_source *s, wr_item *out, weir_error *err)
{
    wr_reader *r = reader_of(s);
    char type = 0;
    weir_status st = WEIR_OK;
    if (r->failed)
        return broken(r, err, "it was given up before");
    if (r->bulk_left > 0)
        return broken(r, err, "a bulk was not read to its end");
    if (r->bulk_end)
        st = end_bulk(r, err);
    bool first = r->depth == 0;
    if (first)
        r->error[0] = '\0';
    if (st == WEIR_OK)
        st = next_head(r, &type, out, err);
    if (st == WEIR_OK && type == '!' && out->kind == WR_ITEM_BULK)
        st = bulk_error(r, out, err);
    if (st == WEIR_OK && type == '=' && out->kind == WR_ITEM_BULK)
        st = verbatim(r, out, err);
    if (st != WEIR_OK)
        return st;
    if (first && out->kind == WR_ITEM_ERROR)
        keep_error(r, out->text);
    if (out->kind == WR_ITEM_ARRAY)
        return begin_array(r, out->n, err);
    if (out->kind != WR_ITEM_BULK || out->n == 0)
        count_item(r);
    return WEIR_OK;
}

static weir_status reader_read(wr_source *s, void *p, size_t n, weir_error *err)
{
    wr_reader *r = reader_of(s);
    if (r->failed || n > (uint64_t)r->bulk_left)
        return broken(r, err, "more was read than its bulk has");
    if (n == 0)
        return WEIR_OK;
    weir_status st = read_bulk(r, p, n, err);
    if (st != WEIR_OK)
        return st;
    r->bulk_left -= (int64_t)n;
    if (r->bulk_left > 0)
        return WEIR_OK;
    count_item(r);
    return r->end - r->begin >= 2 ? end_bulk(r, err) : WEIR_OK;
}

static const wr_source_ops reader_ops = {.next = reader_next, .read = reader_read};

void wr_reader_init(wr_reader *r, wr_input *input)
{
    memset(r, 0, offsetof(wr_reader, buffer));
    r->source.ops = &reader_ops;
    r->input = input;
}

weir_status wr_reader_finish(wr_reader *r, weir_error *err)
{
    weir_status st = WEIR_OK;
    if (r->failed)
        return broken(r, err, "it was given up before");
    if (r->bulk_left > 0) {
        st = drop_bulk(r, err);
        if (st == WEIR_OK)
            count_item(r);
    } else if (r->bulk_end) {
        st = end_bulk(r, err);
    }
    while (st == WEIR_OK && r->depth > 0) {
        st = drop_items(r, 1, err);
        if (st == WEIR_OK)
            count_item(r);
    }
    return st;
}

bool wr_reader_is_clean(const wr_reader *r)
{
    return !r->failed && r->depth == 0 && r->bulk_left == 0 && !r->bulk_end &&
           r->begin == r->end;
}
