#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make src/spec/commands.h, src/spec/redisai.h and docs/commands.md from spec/commands.json; --check
proves them current."""
import json
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
MARK = "Made by scripts/gen_spec.py from spec/commands.json: do not edit."


def quoted(text):
    return json.dumps(text)


def header(spec):
    lines = [
        "/* SPDX-License-Identifier: BSD-3-Clause */",
        f"/* The tables of commands, counters and gauges. {MARK} */",
        "#ifndef WR_SPEC_COMMANDS_H",
        "#define WR_SPEC_COMMANDS_H",
        "",
        "// clang-format off: generated, one line per entry.",
        "/* name, group, writes, calls, wire commands, summary */",
        "#define WR_COMMAND_MAP(X) \\",
    ]
    rows = []
    for c in spec["commands"]:
        rows.append("    X({}, {}, {}, {}, {}, {})".format(
            c["name"], quoted(c["group"]), int(c["writes"]), quoted(" ".join(c["calls"])),
            quoted(", ".join(c["wire"])), quoted(c["summary"])))
    lines += [row + " \\" for row in rows[:-1]] + [rows[-1], ""]
    for table, key in (("WR_COUNTER_MAP", "counters"), ("WR_GAUGE_MAP", "gauges")):
        lines += ["/* identifier, name, unit, description */", f"#define {table}(X) \\"]
        rows = ["    X({}, {}, {}, {})".format(g["name"].replace(".", "_"), quoted(g["name"]),
                                               quoted(g["unit"]), quoted(g["description"]))
                for g in spec[key]]
        lines += [row + " \\" for row in rows[:-1]] + [rows[-1], ""]
    lines += wire_tables(spec)
    lines += [
        "typedef enum wr_command {",
        "#define X(name, ...) WR_CMD_##name,",
        "    WR_COMMAND_MAP(X)",
        "#undef X",
        "    WR_CMD_COUNT",
        "} wr_command;",
        "",
        "typedef enum wr_counter {",
        "#define X(id, ...) WR_COUNTER_##id,",
        "    WR_COUNTER_MAP(X)",
        "#undef X",
        "    WR_COUNTER_COUNT",
        "} wr_counter;",
        "",
        "typedef enum wr_gauge {",
        "#define X(id, ...) WR_GAUGE_##id,",
        "    WR_GAUGE_MAP(X)",
        "#undef X",
        "    WR_GAUGE_COUNT",
        "} wr_gauge;",
        "// clang-format on",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def wire_tables(spec):
    """How commands travel: the fields of their words, and their replies."""
    lines = ["/* name, word, reply, fields: of the commands that travel */", "#define WR_WIRE_MAP(X) \\"]
    rows = []
    for c in spec["commands"]:
        if c["word"]:
            fields = "".join(", WR_ARG_" + f for f in c["words"].split())
            rows.append("    X({}, {}, WR_REPLY_{}{})".format(
                c["name"], quoted(c["word"]), c["reply"], fields))
    lines += [row + " \\" for row in rows[:-1]] + [rows[-1], ""]
    for prefix, key in (("WR_ARG", "fields"), ("WR_REPLY", "replies")):
        lines += [f"typedef enum {prefix.lower()} {{", f"    {prefix}_none,"]
        lines += ["    {}_{}, /* {} */".format(prefix, f["name"], f["grammar"]) for f in spec[key]]
        lines += [f"    {prefix}_COUNT", f"}} {prefix.lower()};", ""]
    return lines


def redisai(spec):
    """RedisAI's commands: what the module registers, and what its parsers know of each."""
    lines = [
        "/* SPDX-License-Identifier: BSD-3-Clause */",
        f"/* The table of RedisAI's commands. {MARK} */",
        "#ifndef WR_SPEC_REDISAI_H",
        "#define WR_SPEC_REDISAI_H",
        "",
        "// clang-format off: generated, one line per entry.",
        "/* identifier, word, flags, first key, last key, step, told, least words, most words (0: any),",
        " * summary. told, and the flag getkeys-api: there are more keys, and the module tells them */",
        "#define WR_AI_COMMAND_MAP(X) \\",
    ]
    rows = []
    for c in spec["redisai"]:
        flags = c["flags"] + (" getkeys-api" if c["getkeys"] else "")
        rows.append("    X({}, {}, {}, {}, {}, {}, {}, {}, {}, {})".format(
            ai_identifier(c["word"]), quoted(c["word"]), quoted(flags), c["first"], c["last"], c["step"],
            int(c["getkeys"]), c["least"], c["most"], quoted(c["summary"])))
    lines += [row + " \\" for row in rows[:-1]] + [rows[-1], ""]
    lines += [
        "typedef enum wr_ai_command {",
        "#define X(id, ...) WR_AI_##id,",
        "    WR_AI_COMMAND_MAP(X)",
        "#undef X",
        "    WR_AI_COMMAND_COUNT",
        "} wr_ai_command;",
        "// clang-format on",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def ai_identifier(word):
    """AI._MODELSCAN: MODELSCAN"""
    return word[len("AI."):].lstrip("_")


def manual_redisai(spec):
    out = ["", "## RedisAI's commands", "",
           "Answered by Weir's module with RedisAI 1.2's replies and error texts; `docs/compatibility.md`",
           "says where Weir differs. Flags and keys are what `COMMAND INFO` shows.", "",
           "| command | words | reply | does | flags | keys |", "|---|---|---|---|---|---|"]
    for c in spec["redisai"]:
        keys = "-" if c["first"] == 0 else f"{c['first']}, {c['last']}, {c['step']}" + (
            ", told" if c["getkeys"] else "")
        out.append("| `{}` | {} | {} | {} | {} | {} |".format(
            c["word"], f"`{c['grammar']}`".replace("|", "\\|") if c["grammar"] else "-", c["reply"],
            c["summary"], c["flags"], keys))
    return out


def manual(spec):
    out = ["<!-- SPDX-License-Identifier: BSD-3-Clause -->", f"<!-- {MARK} -->", "# Commands", "",
           "Every operation of Weir, the calls that reach it, and the commands that SmartRedis",
           "programs send for it (answered by Weir's Redis module). Copies are of whole tensors on",
           "the embedded path.", ""]
    groups = []
    for c in spec["commands"]:
        if c["group"] not in groups:
            groups.append(c["group"])
    for g in groups:
        out += [f"## {g}", "", "| command | does | calls | wire | keys | copies | since |",
                "|---|---|---|---|---|---|---|"]
        for c in spec["commands"]:
            if c["group"] == g:
                keys = ", ".join(f"{k} ({a})" for k, a in c["keys"])
                out.append("| {} | {} | {} | {} | {} | {} | {} |".format(
                    c["name"], c["summary"], ", ".join(f"`{x}`" for x in c["calls"]),
                    ", ".join(f"`{x}`" for x in c["wire"]) or "-", keys, c["copies"], c["since"]))
        out.append("")
    out += ["## On the wire", "",
            "To a Redis or Valkey server with Weir's module these commands go as follows. An error reply",
            "begins with the name of its status: `-ERR_KEY there is no tensor 'u'`.", "",
            "| command | words | reply |", "|---|---|---|"]
    out += ["| `{}` | {} | {} |".format(c["word"], c["words"], c["reply"])
            for c in spec["commands"] if c["word"]]
    out += ["", "| words | |", "|---|---|"]
    out += ["| {} | `{}` |".format(f["name"], f["grammar"].replace("|", "\\|")) for f in spec["fields"]]
    out += ["", "| reply | |", "|---|---|"]
    out += ["| {} | `{}` |".format(f["name"], f["grammar"].replace("|", "\\|")) for f in spec["replies"]]
    out += manual_redisai(spec)
    out += ["", "## Statistics", "",
            "`weir_client_statistics` gives each command's counters as `COMMAND.COUNTER`, and gauges:",
            "", "| name | unit | meaning |", "|---|---|---|"]
    out += ["| COMMAND.{} | {} | {} |".format(c["name"], c["unit"], c["description"])
            for c in spec["counters"]]
    out += ["| {} | {} | {} |".format(g["name"], g["unit"], g["description"])
            for g in spec["gauges"]]
    return "\n".join(out) + "\n"


def check_spec(spec):
    names = [c["name"] for c in spec["commands"]]
    if len(set(names)) != len(names):
        sys.exit("spec/commands.json: a command name stands twice")
    known = {key: {f["name"] for f in spec[key]} for key in ("fields", "replies")}
    for c in spec["commands"]:
        if not set(c["words"].split()) <= known["fields"] or \
                (c["word"] and c["reply"] not in known["replies"]):
            sys.exit(f"spec/commands.json: {c['name']}: its words or reply are not in the tables")
    for c in spec["redisai"]:
        if c["most"] and c["most"] < c["least"]:
            sys.exit(f"spec/commands.json: {c['word']}: most words below least")
    public = (TOP / "include/weir/client.h").read_text()
    for c in spec["commands"]:
        for call in c["calls"]:
            if f" {call}(" not in public and f"\n{call}(" not in public:
                sys.exit(f"spec/commands.json: {c['name']}: {call} is not in include/weir/client.h")


def main():
    spec = json.loads((TOP / "spec/commands.json").read_text())
    check_spec(spec)
    stale = []
    for path, text in (("src/spec/commands.h", header(spec)),
                       ("src/spec/redisai.h", redisai(spec)),
                       ("docs/commands.md", manual(spec))):
        file = TOP / path
        if "--check" in sys.argv:
            if not file.exists() or file.read_text() != text:
                stale.append(path)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    if stale:
        sys.exit("not current: " + ", ".join(stale) + ": run scripts/gen_spec.py")


main()
