# SPDX-License-Identifier: BSD-3-Clause
"""TAP lines, a temporary folder, and running the ocean, for the Python tests."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from netCDF4 import Dataset
except ImportError as error:
    print(f"ok 1 - {sys.argv[0]} # SKIP {error}; install python3-netcdf4")
    print("1..1")
    sys.exit(0)

__all__ = ["DATA", "Dataset", "Tap", "np"]
HERE = pathlib.Path(__file__).resolve().parent.parent
DATA = HERE / "data"


class Tap:
    def __init__(self):
        parser = argparse.ArgumentParser()
        parser.add_argument("--mpiexec", default="mpirun")
        parser.add_argument("--bin", required=True, help="folder of ocean and ocean_coarsen")
        parser.add_argument("--no-network", metavar="WHY", help="skip what needs the network")
        self.args = parser.parse_args()
        # ranks may move: a bound rank waits for whatever else its core is doing
        os.environ.setdefault("OMPI_MCA_hwloc_base_binding_policy", "none")
        os.environ["OCEAN_PROGRESS"] = "lines"
        self.folder = tempfile.TemporaryDirectory(prefix="ocean-")
        self.n = 0
        self.failed = 0

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def expect(self, ok, name, found=""):
        self.n += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.n} - {name}", flush=True)
        if found:
            print(f"# {found}", flush=True)

    def skip(self, name, why):
        self.n += 1
        print(f"ok {self.n} - {name} # SKIP {why}", flush=True)

    def run(self, ranks, program, namelist, quiet=False, **values):
        """Run a program on `ranks` ranks; text values are quoted for Fortran."""
        command = [self.args.mpiexec, "-n", str(ranks), os.path.join(self.args.bin, program),
                   namelist if namelist.startswith("-") else str(HERE / namelist)]
        for name, value in values.items():
            command.append(f"{name}='{value}'" if isinstance(value, (str, pathlib.Path))
                           else f"{name}={value}")
        done = subprocess.run(command, capture_output=True, text=True, timeout=50)
        if done.returncode and not quiet:
            print("#", " ".join(command))
            for line in (done.stdout + done.stderr).splitlines()[-20:]:
                print("#", line)
        return done

    def done(self):
        print(f"1..{self.n}")
        sys.exit(1 if self.failed else 0)
