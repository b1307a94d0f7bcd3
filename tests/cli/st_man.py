#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The manual page: no warnings from man, every option of every command is in it and no other, and
each command line of its EXAMPLES runs.

usage: st_man.py WEIR_PROGRAM; prints TAP.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from tap import done as end, skip, test  # noqa: E402

PAGE = os.path.join(HERE, "..", "..", "docs", "man", "weir.1")
NEEDS_ONNX = re.compile(r"^weir model ")
NEEDS_SERVER = re.compile(r"\bweir redis\b|WEIR_ADDRESS")  # tests/server/st_programs.py runs them


def run(*command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **more)


def sections(text, macro):
    parts = re.split(r"^\.%s (.*)$" % macro, text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def check_form():
    if shutil.which("man") is None:
        skip("man formats the page without a warning", "no man program")
        return
    env = dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="80")
    done = run("man", "-l", "--warnings", PAGE, env=env)
    if "minimized" in done.stdout + done.stderr:  # containers replace man by a notice
        skip("man formats the page without a warning", "man is a stub here")
        return
    test(done.returncode == 0 and done.stderr == "" and "DESCRIPTION" in done.stdout,
         "man formats the page without a warning", done.stderr, done.returncode)


def check_options(weir, page):
    usage = run(weir, "--help").stdout
    commands = re.findall(r"^  (\w+) ", usage, re.M)
    version = run(weir, "--version").stdout.split()[-1]
    test(".Os Weir %s\n" % version in page, "the page is of this version", version)
    described = sections(sections(page, "Sh")["DESCRIPTION"], "Ss")
    test(sorted("weir " + c for c in commands) == sorted(described),
         "the page describes every command and no other", commands, list(described))
    for command in commands:
        said = set(re.findall(r"^  (--[\w-]+)", run(weir, "help", command).stdout, re.M))
        text = described.get("weir " + command, "")
        written = {"--" + o for o in re.findall(r"^\.It Fl -([\w-]+)", text, re.M)}
        test(said == written, "the page has the options of weir " + command, said ^ written)


def check_examples(weir, page):
    lines = re.findall(r"^\.Dl (.*)$", sections(page, "Sh")["EXAMPLES"], re.M)
    test(len(lines) >= 5, "there are examples", lines)
    info = run(weir, "info", "--json").stdout
    has_onnx = re.search(r'"name": "onnx",\s*"present": true', info) is not None
    with tempfile.TemporaryDirectory() as folder:
        for line in lines:
            if NEEDS_SERVER.search(line):
                continue
            words = shlex.split(line)
            if NEEDS_ONNX.match(line) and not has_onnx:
                skip(line, "no onnx backend")
                continue
            done = run(weir, *words[1:], cwd=folder)
            test(words[0] == "weir" and done.returncode == 0 and
                 (done.stdout != "" or "--write-model" in words), line, done.stdout, done.stderr)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    weir = os.path.abspath(sys.argv[1])
    with open(PAGE, encoding="utf-8") as f:
        page = f.read()
    check_form()
    check_options(weir, page)
    check_examples(weir, page)
    end()


main()
