/* SPDX-License-Identifier: BSD-3-Clause */
/* What a backend said, without what Weir put before it. */
#include "engine/engine.h"

/* How RedisAI's sentences about scripts begin; backend.h has the whole of them. */
static const char *const beginnings[] = {
    "Function does not exist: ",
    "Wrong number of inputs provided to function: ",
    "Unsupported input type in function definition: ",
    "Function returned unexpected number of outputs - ",
    "Function returned non-tensor values",
    "Wrong number of inputs in function ",
    "Wrong inputs type in function ",
};

const char *wr_error_sentence(const weir_error *err)
{
    const char *text = err->text;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        const char *at = strstr(text, beginnings[i]);
        if (at != NULL)
            return at;
    }
    const char *open = strchr(text, '\''), *close = strstr(text, "': ");
    bool ours =
        open != NULL && close != NULL &&
        (strncmp(text, "model '", 7) == 0 || strncmp(text, "script '", 8) == 0 ||
         strstr(text, ": model '") == open - 8 || strstr(text, ": script '") == open - 9);
    return ours ? close + 3 : text;
}
