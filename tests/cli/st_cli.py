#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The program weir as users meet it: exit statuses, what goes to which stream, suggestions, JSON, model
files good and bad. The tiny network's numbers are computed a second time here, in Python.

usage: st_cli.py WEIR_PROGRAM; prints TAP.
"""
import json
import math
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from tap import done as end, skip, test  # noqa: E402

WEIR = ""


def run(*words, **more):
    more.setdefault("stdout", subprocess.PIPE)
    return subprocess.run((WEIR,) + words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, **more)


def expect(name, words, status, out="", err="", **more):
    """Both streams match; a failure says nothing on stdout, a success nothing on stderr."""
    done = run(*words, **more)
    good = done.returncode == status and re.search(out, done.stdout, re.S) is not None and \
        re.search(err, done.stderr, re.S) is not None
    if status == 2:
        good = good and done.stdout == "" and done.stderr != ""
    test(good, name, "status %d" % done.returncode, done.stdout, done.stderr)
    return done


def check_usage():
    expect("no arguments is wrong usage", [], 2, err="^usage: weir COMMAND")
    expect("--help is on stdout", ["--help"], 0, out="^usage: weir COMMAND.*exit status")
    expect("--version is one line", ["--version"], 0, out=r"^weir \d+\.\d+\.\d+\n$")
    expect("an unknown command gets a suggestion", ["modle"], 2, err="did you mean 'model'")
    expect("the beginning of a command is suggested", ["ben"], 2, err="did you mean 'bench'")
    done = expect("a strange command gets none", ["zzzzzz"], 2, err="no command 'zzzzzz'")
    test("mean" not in done.stderr, "nothing far is suggested", done.stderr)
    expect("a very long command is no trouble", ["x" * 5000], 2, err="no command")
    expect("an empty command is wrong usage", [""], 2)
    expect("an unknown option gets a suggestion", ["model", "f", "--bacth", "1"], 2,
           err="did you mean '--batch'")
    expect("a missing value is wrong usage", ["model", "f", "--batch"], 2, err="--batch takes N")
    expect("a flag takes no value", ["info", "--json=1"], 2, err="--json takes no value")
    expect("a pair takes two values", ["model", "f", "--check", "a.npy"], 2, err="--check takes")
    for bad in ("0", "-1", "x", "1x", "", "99999999999999999999"):
        expect("--batch '%s' is wrong usage" % bad, ["model", "f", "--batch", bad], 2,
               err="--batch is '%s', expected a whole number from 1" % re.escape(bad))
    for bad in ("-1", "nan", "inf", "x"):
        expect("--rtol '%s' is wrong usage" % bad, ["model", "f", "--rtol", bad], 2, err="--rtol")
    expect("too few arguments", ["model"], 2, err="too few arguments.*weir model")
    expect("too many arguments", ["model", "a", "b"], 2, err="too many arguments: 2")
    expect("info takes no arguments", ["info", "x"], 2, err="too many")
    expect("-- ends the options", ["model", "--no-run", "--", "--json"], 1, err="--json")
    for command in ("info", "model", "bench", "redis", "probe", "help"):
        test(run(command, "--help").stdout == run("help", command).stdout,
             "weir %s --help is weir help %s" % (command, command))


def check_help():
    with open(os.path.join(HERE, "../../spec/commands.json"), encoding="utf-8") as f:
        spec = json.load(f)
    listed = run("help", "verbs").stdout
    missing = [c["name"] for c in spec["commands"]
               if not re.search(r"^  %s +\S" % c["name"], listed, re.M)]
    test(len(spec["commands"]) > 10 and not missing, "help verbs lists the whole spec", missing)
    bad = []
    for command in spec["commands"]:
        text = run("help", command["name"]).stdout
        calls = command["calls"]
        if not calls or any(call not in text for call in calls):
            bad.append(command["name"])
    test(not bad, "help VERB names its C functions", bad)
    expect("an unknown topic gets a suggestion", ["help", "infre"], 2, err="did you mean 'infer'")


def on_terminal(env):
    """Output of weir info on a terminal."""
    mine, its = pty.openpty()
    run("help", "verbs", stdout=its, env=env)
    os.close(its)
    text = b""
    try:
        while True:
            text += os.read(mine, 65536)
    except OSError:  # the end of a terminal
        pass
    os.close(mine)
    return text.decode()


def check_info(folder):
    done = expect("info says what is there", ["info"], 0,
                  out="version.*build.*cores.*memory.*backends.*transports.*embedded: +built.*"
                  "redis://HOST +built.*rediss://HOST +(not )?built.*unix:PATH +built.*module +/")
    test("\033" not in done.stdout, "output that goes nowhere near a terminal is plain")
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    test("\033[1m" in on_terminal(env), "headlines are bold on a terminal")
    test("\033" not in on_terminal(dict(env, NO_COLOR="1")), "NO_COLOR is honoured")

    info = json.loads(run("info", "--json").stdout)
    cores = len(os.sched_getaffinity(0))
    test(info["machine"]["cores_allowed"] == cores, "cores are those of the affinity mask",
         info["machine"])
    names = [b["name"] for b in info["backends"]]
    test({"mock", "onnx", "torch"} <= set(names) and len(set(names)) == len(names),
         "info lists the backends once each", names)
    empty = dict(os.environ, WEIR_BACKEND_PATH=folder)
    done = run("info", "--json", env=empty)
    bare = json.loads(done.stdout)["backends"]
    bad = [b for b in bare if b["present"] is False and len(b["hint"]) < 20]
    test(done.returncode == 0 and not bad, "an absent backend says what to do", bad)
    built = {t["address"]: t["built"] for t in info["transports"]}
    test(built.get("embedded:") is True and built.get("redis://HOST") is True and
         built.get("unix:PATH") is True and built.get("node:NAME") is False,
         "the transports that are built are called built", built)
    test(info["module"].endswith("/weir/weir.so") and os.path.exists(info["module"]),
         "the module lies where it is said to lie", info["module"])
    said = json.loads(run("info", "--address", "embedded:", "--json").stdout)
    test(len(said["servers"]) == 1 and said["servers"][0]["kind"] == "embedded" and
         said["servers"][0]["weir"] == info["version"] and
         [b["name"] for b in said["backends"]] == names and said["statistics"]["put.calls"] == 0,
         "info --address tells of an embedded store too", said)
    expect("an address that leads nowhere is named",
           ["info", "--address", "unix:%s/nobody" % folder], 1, err="nobody.*can't be reached")
    expect("an address of no kind is refused", ["info", "--address", "nowhere"], 1, err="nowhere")
    expect("bench goes where it is told", ["bench", "--address", "unix:%s/nobody" % folder, "--runs",
                                           "1"], 1, err="nobody", env=dict(os.environ, SR_CONN_TIMEOUT="1"))
    return {b["name"]: b["present"] for b in info["backends"]}


def check_serve(folder):
    """What needs no server; tests/server/st_programs.py starts some."""
    env = dict(os.environ, PATH=folder)
    expect("without a server it says what to install", ["redis"], 1, env=env,
           err="no redis-server or valkey-server: install")
    expect("a server that is none is named", ["redis", "--server", "no-such-server"], 1,
           err="no no-such-server")
    open_to_all = os.path.join(folder, "open")
    os.mkdir(open_to_all)
    os.chmod(open_to_all, 0o755)
    expect("a folder that others may enter is refused",
           ["redis", "--server", "/bin/true", "--folder", open_to_all], 1, err="chmod 700")
    mine = os.path.join(folder, "mine")
    done = expect("what ends at once is no server",
                  ["redis", "--server", "/bin/true", "--folder", mine], 1, err="did not start")
    test("export" not in done.stdout and oct(os.stat(mine).st_mode & 0o777) == "0o700",
         "no address is printed, and the folder is closed to others", done.stdout)
    expect("nothing to stop", ["redis", "--stop", "--folder", mine], 1, err="no server works in")
    expect("a long folder does not fit a socket",
           ["redis", "--server", "/bin/true", "--folder", os.path.join(folder, "x" * 120)], 1,
           err="too long")


def tiny_forward(rows):
    """10-64-64-1 with tanh, weights from the same generator, in doubles."""
    def weights(n, seed):
        out = []
        for _ in range(n):
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2 ** 64
            out.append((seed >> 40) / 2 ** 24 * 0.5 - 0.25)
        return out

    width = [10, 64, 64, 1]
    result = rows
    for i in range(3):
        w = weights(width[i] * width[i + 1], 2 * i + 1)
        b = weights(width[i + 1], 2 * i + 2)
        n_out = width[i + 1]
        result = [[sum(x[k] * w[k * n_out + j] for k in range(width[i])) + b[j]
                   for j in range(n_out)] for x in result]
        if i < 2:
            result = [[math.tanh(v) for v in row] for row in result]
    return result


def read_npy(path):
    with open(path, "rb") as f:
        data = f.read()
    n = struct.unpack("<H", data[8:10])[0]
    head = eval(data[10:10 + n], {"__builtins__": {}})
    count = math.prod(head["shape"])
    assert head["descr"] == "<f4" and data[:8] == b"\x93NUMPY\x01\x00" and (10 + n) % 64 == 0
    return head["shape"], list(struct.unpack("<%df" % count, data[10 + n:]))


def write_npy(path, descr, shape, values, fmt, order="False"):
    head = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() +
                struct.pack("<%d%s" % (len(values), fmt), *values))


def check_bad_models(folder):
    expect("a missing file is named", ["model", folder + "/none.onnx"], 1, err="none.onnx")
    expect("a folder is no model", ["model", folder], 1, err="weir model: ")
    for name, data in (("empty", b""), ("text", b"this is no model\n"), ("zeros", bytes(1000))):
        path = os.path.join(folder, name)
        with open(path, "wb") as f:
            f.write(data)
        expect("a file of %s is refused" % name, ["model", path], 1, err="weir model: .{20}")
    expect("an unknown backend is refused", ["model", folder + "/text", "--backend", "onxx"], 1,
           err="onxx")


def check_model(folder):
    """What needs the onnx backend."""
    os.chdir(folder)
    data = open("tiny.onnx", "rb").read()
    with open("cut.onnx", "wb") as f:
        f.write(data[:len(data) // 2])
    expect("a truncated model is refused", ["model", "cut.onnx"], 1, err="weir model: .{20}")

    done = run("model", "tiny.onnx", "--json", "--runs=7", "--batch", "5", "--save", "x.npy", "y.npy")
    said = json.loads(done.stdout)
    test(said["parameters"] == 10 * 64 + 64 + 64 * 64 + 64 + 64 + 1 and said["backend"] == "onnx" and
         said["file_bytes"] == len(data), "parameters, backend and size are right", done.stdout)
    test([(i["name"], i["dtype"], i["shape"]) for i in said["inputs"] + said["outputs"]] ==
         [("x", "FLOAT", [-1, 10]), ("y", "FLOAT", [-1, 1])], "inputs and outputs are right",
         done.stdout)
    timed = said["timed"]
    test(timed["runs"] == 7 and timed["rows"] == 5 and timed["copies"] == 0 and
         0 < timed["min_s"] <= timed["p05_s"] <= timed["median_s"] <= timed["p95_s"] <=
         timed["max_s"], "the timed run has its statistics in order", timed)

    shape, x = read_npy("x.npy")
    y_shape, y = read_npy("y.npy")
    want = [row[0] for row in tiny_forward([x[10 * i:10 * i + 10] for i in range(5)])]
    test(shape == (5, 10) and y_shape == (5, 1) and all(0 <= v < 1 for v in x) and
         len(set(x)) > 40, "the random input is what the manual says", x)
    # float sums of 64 terms of about 0.1: a few units of 6e-8 each
    worst = max(abs(a - b) for a, b in zip(y, want))
    test(worst < 2e-6, "the numbers are those of the network", worst)
    check_against_stored(x, y)

    expect("another seed gives another input",
           ["model", "tiny.onnx", "--runs", "1", "--batch", "5", "--seed", "2", "--check", "x.npy",
            "y.npy", "--save", "x2.npy", "y2.npy"], 0, out="ok: the model gives")
    test(read_npy("x2.npy")[1] != x, "seeds differ")
    expect("--shape sets the batch", ["model", "tiny.onnx", "--runs", "1", "--shape", "x=3,10"], 0,
           out="rows +3,")
    expect("a wrong --shape names both shapes",
           ["model", "tiny.onnx", "--runs", "1", "--shape", "3,11"], 1, err="11.*10|10.*11")
    expect("a --shape for no input is refused",
           ["model", "tiny.onnx", "--runs", "1", "--shape", "z=3,10"], 1, err="z=3,10")
    expect("--no-run does not run", ["model", "tiny.onnx", "--no-run"], 0, out="^(?!.*timed)")


def check_against_stored(x, y):
    check = ["model", "tiny.onnx", "--no-run", "--check", "x.npy", "y.npy"]
    expect("its own output passes --check", check, 0, out="0 of 5 values.*ok: ")
    write_npy("x_f.npy", "<f4", (5, 10), [x[10 * (k % 5) + k // 5] for k in range(50)], "f", "True")
    check[4] = "x_f.npy"
    expect("an input in Fortran order is the same", check, 0, out="0 of 5 values")
    write_npy("y_d.npy", "<f8", (5, 1), y, "d")
    check[5] = "y_d.npy"
    expect("outputs stored as doubles are compared", check, 0, out="0 of 5 values")
    write_npy("y_bad.npy", "<f4", (5, 1), y[:3] + [y[3] + 1e-3] + y[4:], "f")
    check[5] = "y_bad.npy"
    done = run(*check)
    test(done.returncode == 1 and "1 of 5 values" in done.stdout and "at value 3" in done.stdout and
         "FAILED" in done.stdout, "a changed value fails --check", done.stdout, done.stderr)
    expect("a wider tolerance lets it pass", check + ["--atol", "2e-3"], 0, out="0 of 5 values")
    said = json.loads(run(*check, "--json").stdout)
    test(said["check"]["ok"] is False and said["check"]["outputs"][0]["beyond"] == 1,
         "JSON says so too", said["check"])
    write_npy("y_nan.npy", "<f4", (5, 1), [float("nan")] + y[1:], "f")
    check[5] = "y_nan.npy"
    test(run(*check, "--atol", "1e9").returncode == 1, "a stored not-a-number fails any tolerance")
    write_npy("y_short.npy", "<f4", (4, 1), y[:4], "f")
    check[5] = "y_short.npy"
    expect("another shape names both", check, 1, err=r"\[5,1\].*\[4,1\]")
    check[5] = "x.npy,y.npy"
    expect("a wrong number of files is refused", check, 1, err="2 output files.*1 outputs")
    check[5] = "tiny.onnx"
    expect("a file of another kind is refused", check, 1, err="tiny.onnx: this is no .npy")


def main():
    global WEIR
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    WEIR = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        check_usage()
        check_help()
        backends = check_info(folder)
        expect("bench measures", ["bench", "--runs", "1"], 0, out="embedded\n.*exists.*1 KB +memcpy.*put.*get.*infer")
        tiny = os.path.join(folder, "tiny.onnx")
        expect("bench writes its network", ["bench", "--write-model", tiny], 0, out="^$")
        expect("a file that can't be written is named",
               ["bench", "--write-model", folder + "/no/x.onnx"], 1, err="no/x.onnx")
        check_serve(folder)
        check_bad_models(folder)
        if backends.get("onnx"):
            check_model(folder)
        else:
            skip("models are described, run and checked", "no onnx backend")
        with open("/dev/full", "w", encoding="utf-8") as full:
            test(run("help", stdout=full).returncode == 1, "a full disk is a failure")
        os.chdir("/")
    end()


main()
