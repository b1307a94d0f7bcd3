#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds the Fortran interface against the C headers: every exported function has its Fortran form or
a reason, every constant has C's value, every mirrored struct C's members in order. Prints TAP."""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(HERE, "..", "..", "include")
HEADERS = ["status", "tensor", "dataset", "model", "client", "meter"]

# C functions whose Fortran form has another name.
RENAMED = {
    "weir_client_new": "weir_open",
    "weir_client_free": "weir_close",
}

# C functions without a Fortran form, and why.
NOT_IN_FORTRAN = {
    "weir_fail": "takes a printf format; Fortran programs have error stop and their own texts",
    "weir_dtype_parse": "names on the wire are for protocols",
    "weir_tensor_init": "Fortran arrays describe themselves; weir_view for other types",
    "weir_tensor_init_fortran": "as weir_tensor_init",
    "weir_tensor_check": "as weir_tensor_init",
    "weir_tensor_count": "size()",
    "weir_tensor_bytes": "storage_size()",
    "weir_tensor_is_contiguous": "is_contiguous()",
    "weir_tensor_copy": "assignment",
    "weir_tensor_text": "for messages of C programs; weir_describe gives type and shape",
    "weir_buffer_wrap": "takes a C callback that releases foreign memory",
    "weir_buffer_to_dlpack": "DLPack's structs are C's; no Fortran library speaks it",
    "weir_buffer_from_dlpack": "as weir_buffer_to_dlpack",
    "weir_meter_text_free": "texts come as allocatable characters, freed by Fortran",
}

# Fortran constants with another name than C's.
CONSTANTS = {
    "weir_indices": None,  # Fortran's own
    "weir_reversed": None,
    "weir_meter_comm_key": "WEIR_METER_COMM",
    "weir_meter_histogram_kind": "WEIR_METER_HISTOGRAM",
    **{f"weir_kind_{k}": f"WEIR_{k.upper()}" for k in
       ["any", "tensor", "dataset", "list", "model", "script"]},
}

# C constants without a Fortran form, and why.
NO_CONSTANT = {
    "WEIR_KEY_MAX": "character lengths tell", "WEIR_ALIGN": "C's business",
    "WEIR_METER_NAME_MAX": "texts are allocatable", "WEIR_METER_UNIT_MAX": "texts are allocatable",
    "WEIR_METER_KEYS_MAX": "the message says it",
}

# Fortran types that are C's structs member by member.
MIRRORS = {
    "weir_device": "weir_device", "weir_guard": "weir_guard", "weir_model_stats": "weir_model_stats",
    "weir_memory": "weir_memory", "weir_meter_options": "weir_meter_options",
    "weir_meter_stats": "weir_meter_stats", "weir_meter_node": "weir_meter_node",
    "weir_meter_comm": "weir_meter_comm", "raw_info": "weir_model_info", "raw_io": "weir_io",
}
# What a Fortran component may stand for in C.
KINDS = {
    "integer(c_int)": {"int", "weir_device_kind", "weir_guard_mode", "weir_meter_mode",
                       "weir_meter_clock", "weir_dtype"},
    "integer(c_int64_t)": {"int64_t", "uint64_t"},
    "integer(c_size_t)": {"size_t"},
    "real(c_double)": {"double"},
    "logical(c_bool)": {"bool"},
    "character(c_char)": {"char"},
    "character(kind=c_char)": {"char"},
    "type(c_ptr)": {"pointer"},
    "type(c_funptr)": {"function"},
    "type(weir_device)": {"weir_device"},
    "type(raw_io)": {"weir_io"},
}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def c_source():
    text = "\n".join(read(os.path.join(INCLUDE, "weir", h + ".h")) for h in HEADERS)
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)


def fortran_source():
    names = sorted(n for n in os.listdir(HERE) if n.endswith((".f90", ".F90")))
    text = "\n".join(read(os.path.join(HERE, n)) for n in names)
    text = re.sub(r"&\s*\n\s*", "", text)
    return re.sub(r"(?m)!.*$", "", text)


def c_functions(c):
    return sorted(set(re.findall(r"WEIR_API\b[^;{]*?\b(weir_\w+)\s*\(", c)))


def fortran_procedures(f):
    names = re.findall(r"(?im)^\s*(?:[\w()= ]*\bfunction|subroutine)\s+(weir_\w+)", f)
    names += re.findall(r"(?im)^\s*interface\s+(weir_\w+)", f)
    return {n.lower() for n in names}


def c_macro(c, name):
    body = re.search(rf"#define {name}\(X\)((?:.*\\\n)*.*)", c).group(1)
    return re.findall(r"X\((\w+)", body)


def c_constants(c):
    """Enumerators and the numbers of the X tables."""
    names = set()
    for body in re.findall(r"enum\s*\w*\s*\{(.*?)\}", c, flags=re.S):
        for line in body.split(","):
            m = re.match(r"\s*(WEIR_\w+)", line)
            if m and "##" not in line:
                names.add(m.group(1))
    names |= {"WEIR_" + n for n in c_macro(c, "WEIR_STATUS_MAP") + c_macro(c, "WEIR_DTYPE_MAP")}
    names |= {"WEIR_METER_" + n for n in c_macro(c, "WEIR_METER_MAP")}
    return {n for n in names if not n.endswith(("_COUNT", "_MAP"))} | {"WEIR_GUARD_COUNT"}


def fortran_constants(f):
    found = {}
    for line in re.findall(r"(?im)^\s*integer[^\n]*parameter\s*::\s*(weir_[^\n]*)", f):
        for name, value in re.findall(r"(weir_\w+)\s*=\s*(-?\d+)", line, flags=re.I):
            found[name.lower()] = int(value)
    return found


def wrong_values(constants):
    """Let the C compiler compare; returns its complaints."""
    lines = [f'#include "weir/{h}.h"' for h in HEADERS]
    for name, value in sorted(constants.items()):
        c_name = CONSTANTS.get(name, name.upper())
        if c_name is not None:
            lines.append(f'_Static_assert((long)({c_name}) == {value}, "{name}");')
    with tempfile.NamedTemporaryFile("w", suffix=".c", delete=False) as t:
        t.write("\n".join(lines) + "\n")
    try:
        run = subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-fsyntax-only",
                              "-I", INCLUDE, t.name], capture_output=True, text=True, check=False)
    finally:
        os.unlink(t.name)
    return [line for line in run.stderr.splitlines() if "error" in line]


def c_members(c, struct):
    body = re.search(rf"typedef struct {struct} \{{(.*?)\n\}} {struct};", c, flags=re.S).group(1)
    out = []
    for decl in body.split(";"):
        decl = " ".join(decl.split())
        if not decl:
            continue
        m = re.match(r"\w+ \(\*(\w+)\)\(", decl)
        if m:
            out.append(("function", m.group(1)))
            continue
        kind, names = re.match(r"(?:const )?(\w+) (.*)", decl).groups()
        for name in names.split(","):
            pointer = "*" in name
            out.append(("pointer" if pointer else kind, re.sub(r"\[.*|\*", "", name).strip()))
    return out


def fortran_members(f, name):
    body = re.search(rf"(?is)type, bind\(c\) :: {name}\b(.*?)end type", f).group(1)
    out = []
    for line in body.splitlines():
        m = re.match(r"\s*([\w()=]+)[^:]*::\s*(.*)", line)
        if not m:
            continue
        kind, names = m.groups()
        names = re.sub(r"\([^()]*\)", "", names)
        out += [(kind.lower(), n.split("=")[0].strip().lower()) for n in names.split(",")]
    return out


def mirror_differs(c, f, name, struct):
    fortran, real = fortran_members(f, name), c_members(c, struct)
    if [n for _, n in fortran] != [n.lower() for _, n in real]:
        return f"{name}: {[n for _, n in fortran]}, C has {[n for _, n in real]}"
    for (kind, n), (c_kind, _) in zip(fortran, real):
        if c_kind not in KINDS.get(kind, {c_kind} if kind == f"type({c_kind})" else set()):
            return f"{name}: {n} is {kind}, C has {c_kind}"
    return None


def main():
    c, f = c_source(), fortran_source()
    lines = []

    def check(problems, what):
        lines.append(f"{'not ok' if problems else 'ok'} {len(lines) + 1} - {what}")
        for p in problems:
            print("# " + p)

    functions, procedures = c_functions(c), fortran_procedures(f)
    missing = [n for n in functions
               if n not in NOT_IN_FORTRAN and RENAMED.get(n, n) not in procedures]
    check(missing, f"{len(functions)} C functions: {len(functions) - len(NOT_IN_FORTRAN)} in Fortran, "
                   f"{len(NOT_IN_FORTRAN)} left out with a reason")
    check([n for n in list(NOT_IN_FORTRAN) + list(RENAMED) if n not in functions],
          "no reason without a function")
    check([n for n in NOT_IN_FORTRAN if n in procedures], "no function with both")
    constants = fortran_constants(f)
    check(wrong_values(constants), f"{len(constants)} constants have C's values")
    there = {CONSTANTS.get(n, n.upper()) for n in constants}
    check(sorted(n for n in c_constants(c) if n not in there and n not in NO_CONSTANT),
          "every C constant has a Fortran one, or a reason")
    check([d for d in (mirror_differs(c, f, *pair) for pair in MIRRORS.items()) if d],
          f"{len(MIRRORS)} structs have C's members, in order")
    print("\n".join(lines))
    print(f"1..{len(lines)}")
    return any(line.startswith("not") for line in lines)


if __name__ == "__main__":
    sys.exit(main())
