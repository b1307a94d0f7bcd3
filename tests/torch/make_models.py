#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes small TorchScript files with results that can be worked out by hand, for the torch backend's
tests, and files that are no TorchScript.

usage: make_models.py OUTDIR
exit status: 0 written, 77 PyTorch is missing
"""
import os
import sys
import warnings
from typing import Dict, List, Tuple

try:
    import torch
except ImportError:
    print("make_models: skipped: PyTorch is not installed (python3-torch)")
    sys.exit(77)
from torch import Tensor, nn


class Linear(nn.Module):
    """y0 = x0 + 2 x1 + 3 x2 + 0.5, y1 = 4 x0 + 5 x1 + 6 x2 - 0.5"""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor([[1.0, 2, 3], [4, 5, 6]]))
            self.layer.bias.copy_(torch.tensor([0.5, -0.5]))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class SumAndDifference(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tuple[Tensor, Tensor]:
        return a + b, a - b


class ListOfTwo(nn.Module):
    """The first output is the input itself."""

    def forward(self, x: Tensor) -> List[Tensor]:
        return [x, x * 2]


class Identity(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


class Copy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


class Transpose(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.t()


class Weight(nn.Module):
    """Gives its own weights."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.arange(16.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.w


class Doubles(nn.Module):
    """Doubles its input in place."""

    def forward(self, x: Tensor) -> Tensor:
        x.mul_(2)
        return x + 1


class ZeroesColumn(nn.Module):
    """Writes through a view of its input."""

    def forward(self, x: Tensor) -> Tensor:
        x[:, 0] = 0.0
        return x.sum(1)


class WritesElement(nn.Module):
    """Writes into a tensor of a list."""

    def forward(self, xs: List[Tensor]) -> Tensor:
        xs[0].add_(1)
        return xs[0].clone()


class WritesOwn(nn.Module):
    """Writes, but only into what it made itself."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 3
        y.add_(1)
        y[:, 0] = 7.0
        return y.relu_()


class WithScale(nn.Module):
    def forward(self, x: Tensor, scale: float = 2.0) -> Tensor:
        return x * scale


class NeedsNumber(nn.Module):
    def forward(self, x: Tensor, n: int) -> Tensor:
        return x * n


class GivesDict(nn.Module):
    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        return {"y": x}


class GivesComplex(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.complex(x, x)


class InDouble(nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(0.1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Wide(nn.Module):
    """The sum of n x 50,000 products, through large intermediates."""

    def forward(self, x: Tensor) -> Tensor:
        y = x.reshape(-1, 1) * torch.ones(50000)
        return (y + 1).sum(1)


class WithState(nn.Module):
    """Counts its calls in an attribute, which freezing has to leave alone."""

    def __init__(self):
        super().__init__()
        self.n: int = 0

    def forward(self, x: Tensor) -> Tensor:
        self.n += 1
        return x + 1


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)

    def path(name):
        return os.path.join(out, name + ".pt")

    models = {
        "linear": Linear(), "sum_and_difference": SumAndDifference(), "list_of_two": ListOfTwo(),
        "identity": Identity(), "copy": Copy(), "transpose": Transpose(), "weight": Weight(),
        "doubles": Doubles(), "zeroes_column": ZeroesColumn(), "writes_element": WritesElement(),
        "writes_own": WritesOwn(), "with_scale": WithScale(), "needs_number": NeedsNumber(),
        "gives_dict": GivesDict(), "gives_complex": GivesComplex(), "in_double": InDouble(),
        "wide": Wide(), "with_state": WithState(), "dropout": nn.Dropout(0.5).train(),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, model in models.items():
            torch.jit.script(model).save(path(name))
        torch.save(Linear().state_dict(), path("state_dict"))
        torch.save(nn.Linear(3, 2), path("pickled"))
        torch.save(Linear().state_dict(), path("legacy"), _use_new_zipfile_serialization=False)
    whole = open(path("linear"), "rb").read()
    with open(path("truncated"), "wb") as f:
        f.write(whole[:len(whole) // 2])
    with open(path("not_a_zip"), "wb") as f:
        f.write(b"\x08\x07\x12\x04onnx" + whole[8:200])


if __name__ == "__main__":
    main()
