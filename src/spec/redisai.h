/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of RedisAI's commands. Made by scripts/gen_spec.py from spec/commands.json: do not edit. */
#ifndef WR_SPEC_REDISAI_H
#define WR_SPEC_REDISAI_H

// clang-format off: generated, one line per entry.
/* identifier, word, flags, first key, last key, step, told, least words, most words (0: any),
 * summary. told, and the flag getkeys-api: there are more keys, and the module tells them */
#define WR_AI_COMMAND_MAP(X) \
    X(TENSORSET, "AI.TENSORSET", "write deny-oom", 1, 1, 1, 0, 4, 0, "store a tensor") \
    X(TENSORGET, "AI.TENSORGET", "readonly", 1, 1, 1, 0, 2, 4, "get a tensor") \
    X(MODELSTORE, "AI.MODELSTORE", "write deny-oom", 1, 1, 1, 0, 6, 0, "load a model and put it in place") \
    X(MODELSET, "AI.MODELSET", "write deny-oom", 1, 1, 1, 0, 4, 0, "the same, deprecated form") \
    X(MODELGET, "AI.MODELGET", "readonly", 1, 1, 1, 0, 2, 4, "get a model") \
    X(MODELDEL, "AI.MODELDEL", "write", 1, 1, 1, 0, 2, 2, "delete a model") \
    X(MODELEXECUTE, "AI.MODELEXECUTE", "write deny-oom getkeys-api", 4, 4, 1, 1, 8, 0, "run a model from keys to keys") \
    X(MODELRUN, "AI.MODELRUN", "write deny-oom getkeys-api", 3, 3, 1, 1, 6, 0, "the same, deprecated form") \
    X(MODELSCAN, "AI._MODELSCAN", "readonly", 0, 0, 0, 0, 1, 1, "list the models") \
    X(SCRIPTSTORE, "AI.SCRIPTSTORE", "write deny-oom", 1, 1, 1, 0, 8, 0, "compile a script and put it in place") \
    X(SCRIPTSET, "AI.SCRIPTSET", "write deny-oom", 1, 1, 1, 0, 5, 7, "the same, deprecated form") \
    X(SCRIPTGET, "AI.SCRIPTGET", "readonly", 1, 1, 1, 0, 2, 4, "get a script") \
    X(SCRIPTDEL, "AI.SCRIPTDEL", "write", 1, 1, 1, 0, 2, 2, "delete a script") \
    X(SCRIPTEXECUTE, "AI.SCRIPTEXECUTE", "write deny-oom getkeys-api", 5, 5, 1, 1, 3, 0, "run a function of a script from keys to keys") \
    X(SCRIPTRUN, "AI.SCRIPTRUN", "write deny-oom getkeys-api", 4, 4, 1, 1, 3, 0, "the same, deprecated form") \
    X(SCRIPTSCAN, "AI._SCRIPTSCAN", "readonly", 0, 0, 0, 0, 1, 1, "list the scripts") \
    X(DAGEXECUTE, "AI.DAGEXECUTE", "write deny-oom getkeys-api", 3, 3, 1, 1, 6, 0, "several steps in one exchange") \
    X(DAGEXECUTE_RO, "AI.DAGEXECUTE_RO", "readonly getkeys-api", 3, 3, 1, 1, 6, 0, "the same, storing nothing") \
    X(DAGRUN, "AI.DAGRUN", "write deny-oom getkeys-api", 3, 3, 1, 1, 4, 0, "AI.DAGEXECUTE, deprecated form") \
    X(DAGRUN_RO, "AI.DAGRUN_RO", "readonly getkeys-api", 3, 3, 1, 1, 4, 0, "AI.DAGEXECUTE_RO, deprecated form") \
    X(INFO, "AI.INFO", "readonly", 1, 1, 1, 0, 2, 3, "statistics of a model or script") \
    X(CONFIG, "AI.CONFIG", "write", 0, 0, 0, 0, 2, 0, "settings")

typedef enum wr_ai_command {
#define X(id, ...) WR_AI_##id,
    WR_AI_COMMAND_MAP(X)
#undef X
    WR_AI_COMMAND_COUNT
} wr_ai_command;
// clang-format on

#endif
