# SPDX-License-Identifier: BSD-3-Clause
"""Makes the small TorchScript models of tests/torch, for tests with servers."""
import os
import subprocess

from servers import ROOT, tap


def torch_models(folder):
    """Whether they lie in folder now; without PyTorch they do not."""
    make = os.path.join(ROOT, "tests", "torch", "make_models.py")
    done = subprocess.run(["/usr/bin/python3", make, folder], timeout=120, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode not in (0, 77):
        tap.test(False, "tests/torch/make_models.py", done.stdout)
    return done.returncode == 0
