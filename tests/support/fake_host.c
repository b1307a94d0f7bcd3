/* SPDX-License-Identifier: BSD-3-Clause */
/* A server of memory for the module's decoders. */
#include "support/fake_host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

/* ---- strings ---- */

typedef struct fake_str {
    int refs;
    size_t n;
    char *p; /* exactly as long: ASan sees the end */
} fake_str;

static size_t n_strings;

size_t fake_strings(void)
{
    return n_strings;
}

static host_str *create_string(host_ctx *ctx, const char *p, size_t n)
{
    (void)ctx;
    fake_str *s = malloc(sizeof *s);
    char *copy = malloc(n == 0 ? 1 : n);
    assert(s != NULL && copy != NULL);
    if (n > 0)
        memcpy(copy, p, n);
    *s = (fake_str){1, n, copy};
    n_strings++;
    return (host_str *)s;
}

static void free_string(host_ctx *ctx, host_str *string)
{
    (void)ctx;
    fake_str *s = (fake_str *)string;
    if (--s->refs > 0)
        return;
    free(s->p);
    free(s);
    n_strings--;
}

static host_str *hold_string(host_ctx *ctx, host_str *s)
{
    (void)ctx;
    ((fake_str *)s)->refs++;
    return s;
}

static const char *string_bytes(const host_str *s, size_t *n)
{
    *n = ((const fake_str *)s)->n;
    return ((const fake_str *)s)->p;
}

/* ---- streams ---- */

enum { MARK_UNSIGNED = 2, MARK_STRING = 5 };

static fake_io *of(host_io *io)
{
    return (fake_io *)io;
}

host_io *fake_io_read(fake_io *io, const void *p, size_t n)
{
    *io = (fake_io){.p = p, .end = (const uint8_t *)p + n};
    return (host_io *)io;
}

host_io *fake_io_write(fake_io *io)
{
    *io = (fake_io){0};
    return (host_io *)io;
}

static uint64_t big_endian(fake_io *io, size_t n)
{
    uint64_t v = 0;
    if ((size_t)(io->end - io->p) < n) {
        io->bad = true;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        v = v << 8 | *io->p++;
    return v;
}

/* A length: 6, 14, 32 or 64 bits. *special: 2 bits of a string that is not its bytes. */
static uint64_t read_length(fake_io *io, bool *special)
{
    uint64_t first = io->bad ? 0 : big_endian(io, 1);
    *special = first >> 6 == 3;
    if (first == 0x80 || first == 0x81)
        return big_endian(io, first == 0x80 ? 4 : 8);
    if (first >> 6 == 2)
        io->bad = true;
    return first >> 6 == 1 ? (first & 63) << 8 | big_endian(io, 1) : first & 63;
}

static bool read_mark(fake_io *io, uint64_t mark)
{
    bool special;
    io->bad |= read_length(io, &special) != mark || special;
    return !io->bad;
}

static uint64_t load_unsigned(host_io *io)
{
    bool special = false;
    uint64_t v = read_mark(of(io), MARK_UNSIGNED) ? read_length(of(io), &special) : 0;
    of(io)->bad |= special;
    return of(io)->bad ? 0 : v;
}

static int64_t load_signed(host_io *io)
{
    return (int64_t)load_unsigned(io);
}

/* Short strings of digits are numbers of 1, 2 or 4 bytes; compressed ones are not read here. */
static host_str *number_string(fake_io *io, uint64_t how)
{
    char text[16];
    uint32_t v = 0;
    for (size_t i = 0, n = how > 2 ? 0 : (size_t)1 << how; i < n; i++)
        v |= (uint32_t)big_endian(io, 1) << 8 * i;
    io->bad |= how > 2;
    int32_t number = how == 0 ? (int8_t)v : how == 1 ? (int16_t)v : (int32_t)v;
    int n = snprintf(text, sizeof text, "%d", (int)number);
    return io->bad ? NULL : create_string(NULL, text, (size_t)n);
}

static host_str *load_string(host_io *stream)
{
    fake_io *io = of(stream);
    bool special = false;
    uint64_t n = read_mark(io, MARK_STRING) ? read_length(io, &special) : 0;
    if (special)
        return number_string(io, n);
    io->bad |= n > (uint64_t)(io->end - io->p);
    if (io->bad)
        return NULL;
    io->p += n;
    return create_string(NULL, (const char *)io->p - n, (size_t)n);
}

static int is_bad(host_io *io)
{
    return of(io)->bad;
}

static void write_length(fake_io *io, uint64_t v)
{
    unsigned char b[9] = {(unsigned char)v};
    if (v < 64) {
        wr_text_add(&io->out, b, 1);
        return;
    }
    b[0] = 0x81;
    for (int i = 0; i < 8; i++)
        b[1 + i] = (unsigned char)(v >> (56 - 8 * i));
    wr_text_add(&io->out, b, 9);
}

static void save_unsigned(host_io *io, uint64_t v)
{
    write_length(of(io), MARK_UNSIGNED);
    write_length(of(io), v);
}

static void save_signed(host_io *io, int64_t v)
{
    save_unsigned(io, (uint64_t)v);
}

static void save_bytes(host_io *io, const char *p, size_t n)
{
    write_length(of(io), MARK_STRING);
    write_length(of(io), n);
    wr_text_add(&of(io)->out, p, n);
}

static void log_error(host_io *io, const char *level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
    of(io)->told = true;
}

void fake_host_start(void)
{
    wr_engine_options o = {.threads = 1, .oversubscribe = true};
    host = (host_api){.StringPtrLen = string_bytes,
                      .CreateString = create_string,
                      .FreeString = free_string,
                      .HoldString = hold_string,
                      .LoadUnsigned = load_unsigned,
                      .LoadSigned = load_signed,
                      .LoadString = load_string,
                      .IsIOError = is_bad,
                      .SaveUnsigned = save_unsigned,
                      .SaveSigned = save_signed,
                      .SaveStringBuffer = save_bytes,
                      .LogIOError = log_error};
    module.server_thread = pthread_self();
    module.chunk_bytes = 16;
    weir_status st = wr_engine_new(&module.service.engine, &o, NULL);
    assert(st == WEIR_OK);
    (void)st;
}
