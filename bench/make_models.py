#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the image models of the benchmarks: a network of ResNet-50's shape (25.6 million random weights)
and what prepares an image for it, both of ONNX operators.

usage: make_models.py OUTDIR

Writes resnet50.onnx (x: N x 150528, an image of 3 x 224 x 224 in a row; y: N x 1000) and
preprocess.onnx (image: 224 x 224 x 3 of 0 to 255; x: 1 x 150528, scaled, channels first, normalised).

exit status: 0 written, 77 NumPy or onnx are missing
"""
import os
import sys

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    print("make_models: skipped: %s is not installed (python3-onnx)" % missing.name)
    sys.exit(77)

OPSET = 13
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Graph:
    """Nodes and weights in the order in which they are added."""

    def __init__(self):
        self.nodes, self.weights, self.draw = [], [], np.random.default_rng(50)

    def weight(self, array):
        name = "w%d" % len(self.weights)
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind, *inputs, **attributes):
        name = "t%d" % len(self.nodes)
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def convolution(self, x, n_in, n_out, size, stride=1, rectified=True):
        spread = np.sqrt(2.0 / (n_in * size * size))
        w = self.draw.normal(0, spread, (n_out, n_in, size, size)).astype(np.float32)
        x = self.node("Conv", x, self.weight(w), kernel_shape=[size, size],
                      strides=[stride, stride], pads=[size // 2] * 4)
        ones, zeros = np.ones(n_out, np.float32), np.zeros(n_out, np.float32)
        x = self.node("BatchNormalization", x, self.weight(ones), self.weight(zeros),
                      self.weight(zeros), self.weight(ones * 2))
        return self.node("Relu", x) if rectified else x

    def block(self, x, n_in, width, stride):
        """1x1, 3x3, 1x1 beside a shortcut."""
        y = self.convolution(x, n_in, width, 1)
        y = self.convolution(y, width, width, 3, stride)
        y = self.convolution(y, width, 4 * width, 1, rectified=False)
        if n_in != 4 * width:
            x = self.convolution(x, n_in, 4 * width, 1, stride, rectified=False)
        return self.node("Relu", self.node("Add", y, x))

    def save(self, path, name_in, shape_in, name_out, shape_out, result):
        self.nodes[-1].output[0] = result
        graph = helper.make_graph(
            self.nodes, "weir_bench",
            [helper.make_tensor_value_info(name_in, TensorProto.FLOAT, shape_in)],
            [helper.make_tensor_value_info(name_out, TensorProto.FLOAT, shape_out)], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 7
        onnx.checker.check_model(model)
        onnx.save(model, path + ".part")
        os.replace(path + ".part", path)


def resnet50(path):
    g = Graph()
    x = g.node("Reshape", "x", g.weight(np.array([-1, 3, 224, 224], np.int64)))
    x = g.convolution(x, 3, 64, 7, 2)
    x = g.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    n_in = 64
    for stage, (width, n_blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for i in range(n_blocks):
            x = g.block(x, n_in, width, 2 if i == 0 and stage > 0 else 1)
            n_in = 4 * width
    x = g.node("Flatten", g.node("GlobalAveragePool", x), axis=1)
    w = g.draw.normal(0, 0.02, (2048, 1000)).astype(np.float32)
    g.node("Gemm", x, g.weight(w), g.weight(np.zeros(1000, np.float32)))
    g.save(path, "x", ["n", 150528], "y", ["n", 1000], "y")


def preprocess(path):
    g = Graph()
    x = g.node("Div", "image", g.weight(np.array(255, np.float32)))
    x = g.node("Transpose", x, perm=[2, 0, 1])
    x = g.node("Sub", x, g.weight(np.array(MEAN, np.float32).reshape(3, 1, 1)))
    x = g.node("Div", x, g.weight(np.array(DEVIATION, np.float32).reshape(3, 1, 1)))
    g.node("Reshape", x, g.weight(np.array([1, 150528], np.int64)))
    g.save(path, "image", [224, 224, 3], "x", [1, 150528], "x")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    preprocess(os.path.join(sys.argv[1], "preprocess.onnx"))
    resnet50(os.path.join(sys.argv[1], "resnet50.onnx"))


main()
