#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the small ONNX models that tests use, and NumPy's answers for the MLP."""
import pathlib
import sys

import numpy as np
from onnx import TensorProto as T
from onnx import checker, helper, numpy_helper

OPSET, IR = 17, 8
TYPES = {
    "FLOAT": T.FLOAT, "DOUBLE": T.DOUBLE, "INT8": T.INT8, "INT16": T.INT16, "INT32": T.INT32,
    "INT64": T.INT64, "UINT8": T.UINT8, "UINT16": T.UINT16, "UINT32": T.UINT32,
    "UINT64": T.UINT64, "FLOAT16": T.FLOAT16, "BFLOAT16": T.BFLOAT16, "BOOL": T.BOOL,
    "STRING": T.STRING,
}


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def save(folder, name, nodes, inputs, outputs, weights=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)],
                              producer_name="weir")
    model.ir_version = IR
    checker.check_model(model)
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString())


def make_mlp(folder):
    rng = np.random.default_rng(1)
    sizes = [10, 64, 64, 1]
    layers = [((rng.standard_normal((a, b)) / np.sqrt(a)).astype(np.float32),
               (rng.standard_normal(b) * 0.1).astype(np.float32))
              for a, b in zip(sizes, sizes[1:])]
    nodes, weights, last = [], [], "x"
    for i, (w, b) in enumerate(layers):
        weights += [numpy_helper.from_array(w, f"w{i}"), numpy_helper.from_array(b, f"b{i}")]
        out = "y" if i == len(layers) - 1 else f"h{i}"
        nodes.append(helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], [out]))
        if out != "y":
            nodes.append(helper.make_node("Tanh", [out], [f"t{i}"]))
            last = f"t{i}"
    save(folder, "mlp", nodes, [value("x", T.FLOAT, ["n", 10])], [value("y", T.FLOAT, ["n", 1])],
         weights)

    x = rng.standard_normal((32, 10)).astype(np.float32)
    h = x.astype(np.float64)
    for i, (w, b) in enumerate(layers):
        h = h @ w.astype(np.float64) + b.astype(np.float64)
        h = np.tanh(h) if i < len(layers) - 1 else h
    lines = [" ".join(f"{v:.9g}" for v in row) + f" {y[0]:.15g}" for row, y in zip(x, h)]
    (folder / "mlp.txt").write_text("\n".join(lines) + "\n")


def make_slow(folder):
    w = (np.random.default_rng(2).standard_normal((24, 24)) / 5).astype(np.float32)
    nodes, last = [], "x"
    for i in range(60):
        nodes.append(helper.make_node("MatMul", [last, "w"], [f"h{i}"]))
        nodes.append(helper.make_node("Tanh", [f"h{i}"], [f"t{i}"]))
        last = f"t{i}"
    nodes.append(helper.make_node("Identity", [last], ["y"]))
    save(folder, "slow", nodes, [value("x", T.FLOAT, ["n", 24])],
         [value("y", T.FLOAT, ["n", 24])], [numpy_helper.from_array(w, "w")])


def make_all(folder):
    node = helper.make_node
    make_mlp(folder)
    make_slow(folder)
    for name, kind in TYPES.items():
        save(folder, f"identity_{name}", [node("Identity", ["x"], ["y"])],
             [value("x", kind, ["n", 3])], [value("y", kind, ["n", 3])])
    f = T.FLOAT
    save(folder, "add", [node("Add", ["a", "b"], ["c"])],
         [value("a", f, ["n", 4]), value("b", f, ["n", 4])], [value("c", f, ["n", 4])])
    save(folder, "fixed", [node("Neg", ["x"], ["y"])], [value("x", f, [2, 3])],
         [value("y", f, [2, 3])])
    two = numpy_helper.from_array(np.array(2, np.float32), "two")
    save(folder, "trailing", [node("Mul", ["x", "two"], ["y"])], [value("x", f, ["n", "m"])],
         [value("y", f, ["n", "m"])], [two])
    save(folder, "log", [node("Log", ["x"], ["y"])], [value("x", f, ["n", 2])],
         [value("y", f, ["n", 2])])
    save(folder, "mean",
         [node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=1), node("Sub", ["x", "m"], ["y"])],
         [value("x", f, ["n", 3])], [value("y", f, ["n", 3])])
    save(folder, "scalar", [node("ReduceSum", ["x"], ["y"], keepdims=0)],
         [value("x", f, ["n", 3])], [value("y", f, [])])
    save(folder, "nonzero", [node("NonZero", ["x"], ["y"])], [value("x", f, ["n", 3])],
         [value("y", T.INT64, [2, "k"])])
    one = numpy_helper.from_array(np.array(1, np.float32), "one")
    save(folder, "two",
         [node("Add", ["x", "one"], ["y"]), node("Add", ["x", "x"], ["s"]),
          node("Cast", ["s"], ["z"], to=T.DOUBLE)],
         [value("x", f, ["n", 3])], [value("y", f, ["n", 3]), value("z", T.DOUBLE, ["n", 3])],
         [one])


if __name__ == "__main__":
    make_all(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent))
