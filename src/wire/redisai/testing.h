/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests of RedisAI's parsers: a keyspace told by the first letter of a key, any command through
 * one door, and words from text. */
#ifndef WR_WIRE_REDISAI_TESTING_H
#define WR_WIRE_REDISAI_TESTING_H

#include "wire/redisai/redisai.h"

/* t..: a tensor, m..: a model ("m21": of 2 inputs and 1 output, else not known), s..: a script, h..:
 * something else. "far" anywhere: another shard's. Nothing over 1 MiB is made up. */
static inline wr_ai_kind test_kind(wr_ai_look *l, weir_str key)
{
    (void)l;
    switch (key.n == 0 ? '\0' : key.p[0]) {
    case 't':
        return WR_AI_TENSOR;
    case 'm':
        return WR_AI_MODEL;
    case 's':
        return WR_AI_SCRIPT;
    case 'h':
        return WR_AI_FOREIGN;
    default:
        return WR_AI_NOTHING;
    }
}

static inline void test_counts(wr_ai_look *l, weir_str key, int *n_in, int *n_out)
{
    (void)l;
    bool known = key.n == 3 && key.p[1] >= '0' && key.p[1] <= '9' && key.p[2] >= '0' &&
                 key.p[2] <= '9';
    *n_in = known ? key.p[1] - '0' : -1;
    *n_out = known ? key.p[2] - '0' : -1;
}

static inline bool test_local(wr_ai_look *l, weir_str key)
{
    (void)l;
    for (size_t i = 0; i + 3 <= key.n; i++) {
        if (memcmp(key.p + i, "far", 3) == 0)
            return false;
    }
    return true;
}

static inline bool test_fits(wr_ai_look *l, size_t bytes)
{
    (void)l;
    return bytes <= 1 << 20;
}

static wr_ai_look test_look = {test_kind, test_counts, test_local, test_fits};

/* Whatever a command parses to. */
typedef struct test_parsed {
    wr_ai_command command;
    union {
        wr_ai_tensorset set;
        wr_ai_get get;
        wr_ai_store store;
        wr_ai_run run;
        wr_ai_dag dag;
        wr_ai_info info;
        wr_ai_config config;
    } of;
} test_parsed;

static inline void test_parsed_fini(test_parsed *p)
{
    if (p->command == WR_AI_TENSORSET)
        wr_ai_tensorset_fini(&p->of.set);
    else if (p->command >= WR_AI_DAGEXECUTE && p->command <= WR_AI_DAGRUN_RO)
        wr_ai_dag_fini(&p->of.dag);
    else if (p->command == WR_AI_MODELEXECUTE || p->command == WR_AI_MODELRUN ||
             p->command == WR_AI_SCRIPTEXECUTE || p->command == WR_AI_SCRIPTRUN)
        wr_ai_run_fini(&p->of.run);
}

#define TEST_PARSER(id, name, member)                                                    \
    case WR_AI_##id:                                                                     \
        return wr_ai_parse_##name(&p->of.member, words, &test_look, e);

/* ERR_UNSUPPORTED, without a text: no such command. */
static inline weir_status test_parse(test_parsed *p, wr_words words, weir_error *e)
{
    memset(p, 0, sizeof *p);
    p->command = words.n == 0 ? WR_AI_COMMAND_COUNT : wr_ai_command_of(words.w[0]);
    switch (p->command) {
        TEST_PARSER(TENSORSET, tensorset, set)
        TEST_PARSER(TENSORGET, tensorget, get)
        TEST_PARSER(MODELSTORE, modelstore, store)
        TEST_PARSER(MODELSET, modelset, store)
        TEST_PARSER(MODELGET, modelget, get)
        TEST_PARSER(MODELDEL, modeldel, get)
        TEST_PARSER(MODELEXECUTE, modelexecute, run)
        TEST_PARSER(MODELRUN, modelrun, run)
        TEST_PARSER(SCRIPTSTORE, scriptstore, store)
        TEST_PARSER(SCRIPTSET, scriptset, store)
        TEST_PARSER(SCRIPTGET, scriptget, get)
        TEST_PARSER(SCRIPTDEL, scriptdel, get)
        TEST_PARSER(SCRIPTEXECUTE, scriptexecute, run)
        TEST_PARSER(SCRIPTRUN, scriptrun, run)
        TEST_PARSER(DAGEXECUTE, dag, dag)
        TEST_PARSER(DAGEXECUTE_RO, dag, dag)
        TEST_PARSER(DAGRUN, dag, dag)
        TEST_PARSER(DAGRUN_RO, dag, dag)
        TEST_PARSER(INFO, info, info)
    case WR_AI_CONFIG:
        return wr_ai_parse_config(&p->of.config, words, e);
    case WR_AI_MODELSCAN:
    case WR_AI_SCRIPTSCAN:
        return wr_ai_parse_scan(words, e);
    case WR_AI_COMMAND_COUNT:
        break;
    }
    return WEIR_ERR_UNSUPPORTED;
}

enum { TEST_WORDS_MAX = 64 };

/* Words of a text, cut at blanks. `~` is a NUL byte; a word `''` is empty. */
typedef struct test_words {
    weir_str w[TEST_WORDS_MAX];
    char text[1024];
} test_words;

static inline wr_words test_cut(test_words *t, const char *line)
{
    size_t n = 0, at = 0;
    for (const char *p = line; *p != '\0' && n < TEST_WORDS_MAX;) {
        size_t length = strcspn(p, " ");
        bool is_empty = length == 2 && memcmp(p, "''", 2) == 0;
        t->w[n++] = (weir_str){t->text + at, is_empty ? 0 : length};
        for (size_t i = 0; i < length && at + 1 < sizeof t->text; i++)
            t->text[at++] = p[i] == '~' ? '\0' : p[i];
        p += length + (p[length] == ' ');
    }
    return (wr_words){t->w, n};
}

#endif
