/* SPDX-License-Identifier: BSD-3-Clause */
/* Which words of a command are keys. A cluster server and its clients ask this of commands that nobody
 * has parsed, so every step is bounded by the words that are there, and wrong counts end early. */
#include "wire/redisai/internal.h"

typedef struct teller {
    wr_ai_at a;
    void (*each)(void *context, size_t i_word, unsigned access);
    void *context;
} teller;

// clang-format off
static const struct {
    size_t first, last, step;
    bool writes, told;
} commands[] = {
#define X(id, word, flags, first, last, step, told, least, most, summary)                \
    {first, last, step, (flags)[0] == 'w', told},
    WR_AI_COMMAND_MAP(X)
#undef X
};
// clang-format on

/* The next word is a key. */
static void tell(teller *t, unsigned access)
{
    if (t->a.i < t->a.n)
        t->each(t->context, t->a.i++, access);
}

/* WORD n key ..; the cursor stands behind WORD. Without access: go past them. */
static void tell_counted(teller *t, unsigned access)
{
    int64_t n;
    if (!wr_ai_takes_int(&t->a, &n))
        return;
    for (; n > 0 && wr_ai_left(&t->a) > 0; n--) {
        if (access != 0)
            tell(t, access);
        else
            t->a.i++;
    }
}

/* key [f] and sections with counts, in any order. */
static void tell_execute(teller *t, bool is_script)
{
    tell(t, WR_AI_KEY_READ);
    if (is_script && wr_ai_left(&t->a) > 0)
        t->a.i++; /* its function */
    while (wr_ai_left(&t->a) > 0) {
        if (wr_ai_eats(&t->a, "INPUTS"))
            tell_counted(t, WR_AI_KEY_READ);
        else if (wr_ai_eats(&t->a, "OUTPUTS"))
            tell_counted(t, WR_AI_KEY_WRITE);
        else if (is_script && wr_ai_eats(&t->a, "KEYS"))
            tell_counted(t, WR_AI_KEY_READ | WR_AI_KEY_WRITE);
        else if (is_script && wr_ai_eats(&t->a, "ARGS"))
            tell_counted(t, 0);
        else
            t->a.i++;
    }
}

/* key [f] [TIMEOUT t] INPUTS key .. OUTPUTS key ..: everything behind INPUTS but the words. */
static void tell_run(teller *t, bool is_script)
{
    unsigned access = 0;
    tell(t, WR_AI_KEY_READ);
    if (is_script && wr_ai_left(&t->a) > 0)
        t->a.i++;
    while (wr_ai_left(&t->a) > 0) {
        /* of a model only the first of each opens a section, further ones are keys */
        if ((is_script || access == 0) && wr_ai_eats(&t->a, "INPUTS"))
            access = WR_AI_KEY_READ;
        else if ((is_script || access == WR_AI_KEY_READ) && wr_ai_eats(&t->a, "OUTPUTS"))
            access = WR_AI_KEY_WRITE;
        else if (access == 0 || (is_script && wr_ai_sees(&t->a, "$")))
            t->a.i++;
        else
            tell(t, access);
    }
}

/* Values of LOAD, PERSIST and ROUTING, and the model or script of each op. */
static void tell_dag(teller *t)
{
    while (wr_ai_left(&t->a) > 0 && !wr_ai_sees(&t->a, "|>")) {
        if (wr_ai_eats(&t->a, "LOAD"))
            tell_counted(t, WR_AI_KEY_READ);
        else if (wr_ai_eats(&t->a, "PERSIST"))
            tell_counted(t, WR_AI_KEY_WRITE);
        else if (wr_ai_eats(&t->a, "ROUTING"))
            tell(t, WR_AI_KEY_READ);
        else
            t->a.i++;
    }
    while (wr_ai_left(&t->a) > 0) {
        if (!wr_ai_eats(&t->a, "|>")) {
            t->a.i++;
            continue;
        }
        wr_ai_command c = wr_ai_left(&t->a) == 0 ? WR_AI_COMMAND_COUNT
                                                 : wr_ai_command_of(t->a.w[t->a.i]);
        if (c == WR_AI_MODELEXECUTE || c == WR_AI_SCRIPTEXECUTE || c == WR_AI_MODELRUN ||
            c == WR_AI_SCRIPTRUN) {
            t->a.i++;
            tell(t, WR_AI_KEY_READ);
        }
    }
}

/* First, last and step of the table. */
static void tell_fixed(teller *t, wr_ai_command c)
{
    size_t first = commands[c].first;
    for (size_t i = first; first > 0 && i <= commands[c].last && i < t->a.n;
         i += commands[c].step)
        t->each(t->context, i, commands[c].writes ? WR_AI_KEY_WRITE : WR_AI_KEY_READ);
}

void wr_ai_keys(wr_words words,
                void (*each)(void *context, size_t i_word, unsigned access),
                void *context)
{
    teller t = {{words.w, words.n, 1}, each, context};
    if (words.n < 2)
        return;
    wr_ai_command c = wr_ai_command_of(words.w[0]);
    if (c == WR_AI_COMMAND_COUNT)
        return;
    if (!commands[c].told)
        tell_fixed(&t, c);
    else if (c == WR_AI_MODELEXECUTE || c == WR_AI_SCRIPTEXECUTE)
        tell_execute(&t, c == WR_AI_SCRIPTEXECUTE);
    else if (c == WR_AI_MODELRUN || c == WR_AI_SCRIPTRUN)
        tell_run(&t, c == WR_AI_SCRIPTRUN);
    else
        tell_dag(&t);
}
