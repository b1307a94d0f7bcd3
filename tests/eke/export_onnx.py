#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Exports the two eddy kinetic energy networks of the ocean paper from TorchScript to ONNX.

usage: export_onnx.py OUTDIR [--data DIR]

Writes eke_large.onnx and eke_small.onnx (the networks alone: N x 4 scaled features in, N x 1 out) and
eke_large_full.onnx and eke_small_full.onnx (with the transforms and scaling that the TorchScript files
carry, but without their writing into the input). N is free. Each is compared with the TorchScript
original on random rows, and the golden outputs of the reference are checked. What PyTorch has no ONNX
operator for, adaptive max pooling of 7x7 to 4x4 and of 4x4 to 2x2, becomes the plain max pooling that
looks at the same windows.

exit status: 0 written and checked, 1 a check failed, 77 PyTorch, onnx or the data are missing
"""
import argparse
import os
import sys
import warnings

SKIP = 77
# Reference values are given to seven digits; summing in another order moves the seventh.
GOLDEN_TOLERANCE = 2e-6
# Largest difference between TorchScript and the exported graph, over the larger of 1 and the value:
# folding a normalisation into a convolution changes the rounding of each product, in 20 layers.
EXPORT_TOLERANCE = 5e-6

def skip(reason):
    print("export_onnx: skipped: " + reason)
    sys.exit(SKIP)


try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    import onnx
    import onnx.numpy_helper
except ImportError as missing:
    skip("%s is not installed (python3-torch, python3-onnx)" % missing.name)


def windows_adaptive(n_in, n_out):
    return [(i * n_in // n_out, -(-(i + 1) * n_in // n_out)) for i in range(n_out)]


def windows_plain(n_in, kernel, stride, pad):
    starts = range(-pad, n_in + pad - kernel + 1, stride)
    return [(max(0, start), min(n_in, start + kernel)) for start in starts]


def equal_pooling(n_in, n_out):
    """The max pooling that looks at the same windows as the adaptive one."""
    want = windows_adaptive(n_in, n_out)
    for kernel in range(1, n_in + 1):
        for stride in range(1, n_in + 1):
            for pad in range(0, kernel // 2 + 1):
                if windows_plain(n_in, kernel, stride, pad) == want:
                    return nn.MaxPool2d(kernel, stride, pad)
    raise ValueError("no max pooling has the windows of the adaptive one, %d to %d" % (n_in, n_out))


class Widen(nn.Module):
    """Transposed convolution, normalised, rectified. Sizes come from the stored weights."""

    def __init__(self, weight):
        super().__init__()
        n_in, n_out, kernel, _ = weight.shape
        self.convTrans = nn.ConvTranspose2d(n_in, n_out, kernel)
        self.bn = nn.BatchNorm2d(n_out)

    def forward(self, x):
        return torch.relu(self.bn(self.convTrans(x)))


class Block(nn.Module):
    """Bottleneck: 1x1, 3x3, 1x1 convolutions, each normalised, beside a shortcut."""

    def __init__(self, weights, prefix):
        super().__init__()
        width, n_in = weights[prefix + "conv1.weight"].shape[:2]
        groups = width // weights[prefix + "conv2.weight"].shape[1]
        n_out = weights[prefix + "conv3.weight"].shape[0]
        self.conv1 = nn.Conv2d(n_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, n_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(n_out)
        self.downsample = None
        if prefix + "downsample.0.weight" in weights:
            self.downsample = nn.Sequential(nn.Conv2d(n_in, n_out, 1, bias=False),
                                            nn.BatchNorm2d(n_out))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class Network(nn.Module):
    """Either network, from its weights: three Widen, Blocks around one pooling, linear layers."""

    def __init__(self, weights, pool):
        super().__init__()
        self.pool = pool
        self.n_linear = 0
        for i in range(1, 4):
            name = "transBlock%d" % i
            setattr(self, name, Widen(weights[name + ".convTrans.weight"]))
        layers = sorted({k.split(".")[0] for k in weights if k.startswith("layer")})
        self.layers = layers
        for layer in layers:
            n = 1 + max(int(k.split(".")[1]) for k in weights if k.startswith(layer + "."))
            blocks = [Block(weights, "%s.%d." % (layer, i)) for i in range(n)]
            setattr(self, layer, nn.Sequential(*blocks))
        while "fc%d.weight" % (self.n_linear + 1) in weights:
            self.n_linear += 1
            n_out, n_in = weights["fc%d.weight" % self.n_linear].shape
            setattr(self, "fc%d" % self.n_linear, nn.Linear(n_in, n_out))
        self.load_state_dict(weights)
        self.eval()

    def forward(self, x):
        x = x.reshape(-1, 4, 1, 1)
        x = self.transBlock3(self.transBlock2(self.transBlock1(x)))
        for i, layer in enumerate(self.layers):
            x = getattr(self, layer)(x)
            if i == 0:
                x = self.pool(x)
        x = torch.flatten(x, 1)
        for i in range(self.n_linear):
            x = getattr(self, "fc%d" % (i + 1))(x)
        return x


class LargeWithInput(nn.Module):
    """The large network on kinetic energy, Rd/dx, vorticity, slope of the sea surface as they are."""

    def __init__(self, network, constants):
        super().__init__()
        self.network = network
        self.offset, self.mean, self.sd = (constants[i] for i in (1, 4, 5))

    def forward(self, x):
        energy, radius, vorticity, slope = x.split(1, 1)
        vorticity = (vorticity.abs().log() + self.offset) * vorticity.sign()
        x = torch.cat((energy.log(), radius, vorticity, slope.log()), 1)
        return self.network((x - self.mean) / self.sd)


class SmallWithInput(nn.Module):
    """The production network on kinetic energy, slope, Rd/dx, vorticity as they are."""

    def __init__(self, network, constants):
        super().__init__()
        self.network = network
        self.offset, self.mean, self.sd = constants[1:4]
        self.output = constants[4:8]

    def signed_log(self, x):
        return x.abs().log() * x.sign() + x.sign() * self.offset

    def forward(self, x):
        energy, slope, radius, vorticity = x.split(1, 1)
        x = torch.cat((self.signed_log(energy), self.signed_log(slope), radius,
                       self.signed_log(vorticity)), 1)
        y = self.network((x - self.mean) / self.sd)
        down, over, times, up = self.output
        return (y - down) / over * times + up


NETWORKS = {
    "eke_large": {
        "file": "ResNet_4_custom.cpu.pt", "pool": (7, 4), "whole": LargeWithInput,
        "rows": [(1e-3, 1, 1e-6, 1e-7), (5e-2, 0.5, -3e-6, 3e-7),
                 (1e-5, 3, 2e-7, 2e-8), (0.2, 2, -1e-5, 1e-6)],
        "golden": [-5.463916, -3.803037, -5.112092, -2.419888],
    },
    "eke_small": {
        "file": "ncar_ml_eke.pt", "pool": (4, 2), "whole": SmallWithInput,
        "rows": [(1e-3, 4e-3, 1, 1e-6), (5e-2, 1e-3, 0.5, -3e-6),
                 (1e-5, 2e-2, 3, 2e-7), (0.2, 5e-3, 2, -1e-5)],
        "golden": [-5.844520, -3.066623, -3.954092, -2.430547],
    },
}


class Evaluator:
    """Runs an ONNX file with PyTorch's functions, node by node: a second reading of the file."""

    def __init__(self, path):
        self.graph = onnx.load(path).graph
        self.weights = {t.name: self.array(t) for t in self.graph.initializer}

    @staticmethod
    def array(t):
        return torch.from_numpy(onnx.numpy_helper.to_array(t).copy())

    def run(self, x):
        values = dict(self.weights)
        values[self.graph.input[0].name] = x
        for node in self.graph.node:
            given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            inputs = [values[name] for name in node.input if name]
            results = getattr(self, node.op_type)(given, *inputs)
            if not isinstance(results, (tuple, list)):
                results = [results]
            values.update(zip(node.output, results))
        return values[self.graph.output[0].name]

    def Constant(self, a):
        return self.array(a["value"])

    def Reshape(self, a, x, shape):
        return x.reshape([x.shape[i] if n == 0 else int(n) for i, n in enumerate(shape)])

    def ConvTranspose(self, a, x, w, b=None):
        self.plain(a, [0] * 4)
        return F.conv_transpose2d(x, w, b, groups=a["group"])

    def Conv(self, a, x, w, b=None):
        self.plain(a, [a["pads"][0]] * 4)
        return F.conv2d(x, w, b, padding=a["pads"][0], groups=a["group"])

    @staticmethod
    def plain(a, pads):
        if a["strides"] != [1, 1] or a["dilations"] != [1, 1] or a["pads"] != pads:
            raise ValueError("unexpected convolution %s" % a)

    def BatchNormalization(self, a, x, scale, bias, mean, variance):
        return F.batch_norm(x, mean, variance, scale, bias, False, 0.0, a["epsilon"])

    def MaxPool(self, a, x):
        return F.max_pool2d(x, a["kernel_shape"], a["strides"], a["pads"][:2])

    def Gemm(self, a, x, w, b):
        w = w.t() if a.get("transB") else w
        return a.get("alpha", 1.0) * (x @ w) + a.get("beta", 1.0) * b

    def Flatten(self, a, x):
        return x.flatten(a["axis"])

    def Split(self, a, x, sizes):
        return x.split(sizes.tolist(), a["axis"])

    def Concat(self, a, *xs):
        return torch.cat(xs, a["axis"])

    def Relu(self, a, x):
        return torch.relu(x)

    def Log(self, a, x):
        return x.log()

    def Abs(self, a, x):
        return x.abs()

    def Sign(self, a, x):
        return x.sign()

    def Add(self, a, x, y):
        return x + y

    def Sub(self, a, x, y):
        return x - y

    def Mul(self, a, x, y):
        return x * y

    def Div(self, a, x, y):
        return x / y


def constants_of(script):
    """c0, c1, .. of the TorchScript wrapper's forward."""
    table = script.code_with_constants[1].const_mapping
    return [table["c%d" % i] for i in range(len(table))]


def natural_rows(n):
    """Rows in the range of the ocean: kinetic energy, slopes, vorticity over decades; both signs."""
    draw = torch.Generator().manual_seed(4)
    x = torch.rand(n, 4, generator=draw)
    x[:, 0] = 10 ** (-6 + 6 * x[:, 0])
    x[:, 1] = 10 ** (-2 + 3 * x[:, 1])
    x[:, 2] = 10 ** (-9 + 4 * x[:, 2]) * torch.where(torch.rand(n, generator=draw) < 0.5, -1.0, 1.0)
    x[:, 3] = 10 ** (-9 + 4 * x[:, 3])
    return x


def compare(what, got, want, tolerance):
    """Largest difference over the larger of 1 and the value."""
    if got.shape != want.shape:
        print("export_onnx: %s: shape %s, wanted %s" % (what, tuple(got.shape), tuple(want.shape)))
        return False
    worst = ((got - want).abs() / want.abs().clamp(min=1)).max().item()
    fine = worst <= tolerance
    print("%-44s %.1e (at most %.0e)%s" % (what, worst, tolerance, "" if fine else "  FAILED"))
    return fine


def write(module, path):
    example = natural_rows(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, example, path, opset_version=13, input_names=["x"],
                          output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
    onnx.checker.check_model(path)


def export(name, net, data, out):
    script = torch.jit.load(os.path.join(data, net["file"]), map_location="cpu").eval()
    weights = {k[len("model."):]: v for k, v in script.state_dict().items()}
    network = Network(weights, equal_pooling(*net["pool"]))
    whole = net["whole"](network, constants_of(script)).eval()
    raw_path = os.path.join(out, name + ".onnx")
    full_path = os.path.join(out, name + "_full.onnx")
    write(network, raw_path)
    write(whole, full_path)
    rows = torch.tensor(net["rows"], dtype=torch.float32)
    golden = torch.tensor(net["golden"]).reshape(-1, 1)
    scaled = torch.randn(257, 4, generator=torch.Generator().manual_seed(3))
    natural = natural_rows(257)
    raw, full = Evaluator(raw_path).run, Evaluator(full_path).run
    checks = [
        compare(name + ", TorchScript, golden", script(rows.clone()), golden, GOLDEN_TOLERANCE),
        compare(name + "_full, ONNX, golden", full(rows), golden, GOLDEN_TOLERANCE),
        compare(name + ", ONNX, TorchScript", raw(scaled), script.model(scaled), EXPORT_TOLERANCE),
        compare(name + "_full, ONNX, TorchScript", full(natural), script(natural.clone()),
                EXPORT_TOLERANCE),
        bool(full(torch.zeros(2, 4)).isnan().all()),
    ]
    if not checks[-1]:
        print("export_onnx: %s_full: a row of zeros does not give NaN as the original does" % name)
    return all(checks)


def main():
    parser = argparse.ArgumentParser(description="EKE networks: TorchScript to ONNX")
    parser.add_argument("out", metavar="OUTDIR")
    parser.add_argument("--data", help="folder of the .pt files (default: $WEIR_SHARED_DATA/eke, "
                        "or shared/data/eke beside the repository)")
    args = parser.parse_args()
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    shared = os.environ.get("WEIR_SHARED_DATA") or os.path.join(root, "..", "shared", "data")
    data = args.data or os.path.join(shared, "eke")
    for net in NETWORKS.values():
        if not os.path.exists(os.path.join(data, net["file"])):
            skip("no %s in %s" % (net["file"], data))
    os.makedirs(args.out, exist_ok=True)
    torch.set_num_threads(1)
    with torch.no_grad():
        fine = [export(name, net, data, args.out) for name, net in NETWORKS.items()]
    sys.exit(0 if all(fine) else 1)


if __name__ == "__main__":
    main()
