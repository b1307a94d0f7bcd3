/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzz target: any bytes as a value in a dump. The first byte is the type and the encoding, the rest the
 * stream. What is loaded is written and loaded again, and must be the same; what is not leaves nothing
 * behind and was said. */
#include "module/persist.h"
#include "support/fake_host.h"
#include "support/fuzz_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

typedef struct kind {
    void *(*load)(host_io *io, int encoding);
    void (*save)(host_io *io, void *value);
    int written; /* the encoding that save writes */
    bool is_tensor;
} kind;

static const kind kinds[] = {
    {persist_load_tensor, persist_save_tensor, PERSIST_TENSOR, true},
    {persist_load_model, persist_save_model, PERSIST_MODEL, false},
    {persist_load_script, persist_save_script, PERSIST_SCRIPT, false},
};
enum { ENCODINGS = 7 }; /* 0 to 5, and one too new */

static void release(const kind *k, void *value)
{
    if (k->is_tensor)
        weir_buffer_unref(value);
    else
        wr_model_unref(value);
}

/* Write a value and load it again; the old one goes. */
static void *travel(const kind *k, void *value, wr_text *written)
{
    fake_io out, in;
    k->save(fake_io_write(&out), value);
    release(k, value);
    value = k->load(fake_io_read(&in, out.out.p, out.out.n), k->written);
    MUST(value != NULL && in.p == in.end);
    *written = out.out;
    return value;
}

/* A backend told from the first bytes is written by its name, so that only the second journey must
 * change nothing. */
static void check(const kind *k, void *value)
{
    wr_text first, second, third;
    if (k->is_tensor) {
        weir_tensor t = weir_buffer_view(value);
        MUST(weir_tensor_check(&t, NULL) == WEIR_OK);
    }
    value = travel(k, travel(k, travel(k, value, &first), &second), &third);
    MUST(second.n == third.n && memcmp(second.p, third.p, second.n) == 0);
    wr_text_fini(&first);
    wr_text_fini(&second);
    wr_text_fini(&third);
    release(k, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fake_io io;
    fuzz_limit_memory();
    if (module.service.engine == NULL)
        fake_host_start();
    if (n == 0)
        return 0;
    const kind *k = &kinds[data[0] / ENCODINGS % 3];
    void *value = k->load(fake_io_read(&io, data + 1, n - 1), data[0] % ENCODINGS);
    if (value != NULL)
        check(k, value);
    else
        MUST(io.told || io.bad);
    MUST(fake_strings() == 0);
    return 0;
}
