# SPDX-License-Identifier: BSD-3-Clause
"""Make the network from nothing: fine run, coarsening, training, validation, export.

    /usr/bin/python3 apps/ocean/train.py --build BUILD_DIR --work FOLDER

Stages, each skipped when its result is in FOLDER: spin (10 years of the 8 km gyre), sample (4 more
years, every 4 days), coarsen (to 40 km, by the Fortran program that also makes the features), and
fit. Then `tune` fits the one free number of the energy equation that the network is compared with.
Writes data/eke.onnx, data/start.nc, data/truth.nc, data/validation.json and data/validation.png.

The recipe is that of the ocean paper (Partee et al. 2022): ln E of the four transformed features,
mean square error, and samples drawn without replacement with weights inverse to a Gaussian density
fitted to the targets. Ours: a small dense network, Adam, one basin.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

import numpy as np
from netCDF4 import Dataset

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE / "data"
SPIN_DAYS, SAMPLE_DAYS, EVERY_DAYS, FACTOR = 3650, 1460, 4, 5
HELD_DAYS, GAP_DAYS = 730, 60        # the first two sampled years validate, the rest trains
DISCARD_DAYS = 180                   # of these two years, while a coarse run forgets its start
ENERGY_MIN = 1e-8                    # m2/s2, as closure_params%energy_min
WIDTH, EPOCHS, BATCH, RATE, DRAWN = 48, 60, 512, 3e-3, 0.1
SEED = 42


def run(args, program, namelist, **values):
    command = ["nice", str(args.build / "bin" / program), str(HERE / namelist)]
    command += [f"{k}='{v}'" if isinstance(v, (str, pathlib.Path)) else f"{k}={v}"
                for k, v in values.items()]
    began = time.time()
    subprocess.run(command, check=True)
    print(f"{program}: {time.time() - began:.0f} s", flush=True)


def make_data(args):
    """The three runs; each leaves a file that stands for it."""
    w = args.work
    if not (w / "spin.nc").exists():
        run(args, "ocean", "gyre_fine.nml", days=SPIN_DAYS, final=w / "spin.nc")
    if not (w / "end.nc").exists():
        run(args, "ocean", "gyre_fine.nml", days=SAMPLE_DAYS, restart=w / "spin.nc",
            history=w / "sample.nc", history_days=EVERY_DAYS, final=w / "end.nc")
    for fine, coarse in (("spin.nc", "start.nc"), ("sample.nc", "coarse.nc")):
        if not (w / coarse).exists():
            run(args, "ocean_coarsen", "gyre_fine.nml", factor=FACTOR, restart=w / fine,
                final=w / ("part_" + coarse))
            (w / ("part_" + coarse)).rename(w / coarse)


def load(path):
    with Dataset(path) as d:
        day = np.asarray(d["time"][:])
        x = np.asarray(d["features"][:], dtype=np.float32)
        y = np.log(np.maximum(np.asarray(d["E"][:], dtype=float), ENERGY_MIN)).astype(np.float32)
    return day, x, y


def draw(y, rng):
    """Rows of one epoch: without replacement, weights inverse to a Gaussian fitted to y."""
    z = (y - y.mean()) / y.std()
    keys = rng.exponential(size=y.size) / np.exp(0.5 * z**2)     # Efraimidis & Spirakis 2006
    return np.argpartition(keys, int(DRAWN * y.size))[:int(DRAWN * y.size)]


def fit(x, y, weighted):
    import torch
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)

    class Network(torch.nn.Module):
        """Normalisation belongs to the weights: mean and deviation are constants of the graph."""
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.tensor(x.mean(axis=0)))
            self.register_buffer("scale", torch.tensor(1 / x.std(axis=0)))
            self.register_buffer("y_mean", torch.tensor([float(y.mean())]))
            self.register_buffer("y_scale", torch.tensor([float(y.std())]))
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(4, WIDTH), torch.nn.ReLU(),
                torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU(),
                torch.nn.Linear(WIDTH, 1))

        def forward(self, features):
            return self.layers((features - self.mean) * self.scale) * self.y_scale + self.y_mean

    net = Network()
    n_steps = EPOCHS * (int(DRAWN * y.size) // BATCH)
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=n_steps)
    tx, ty = torch.from_numpy(x), torch.from_numpy(y[:, None])
    for epoch in range(EPOCHS):
        rows = draw(y, rng) if weighted else rng.permutation(y.size)[:int(DRAWN * y.size)]
        rows = torch.from_numpy(rng.permutation(rows))
        total = 0.0
        for b in range(rows.numel() // BATCH):
            r = rows[b * BATCH:(b + 1) * BATCH]
            loss = torch.mean(((net(tx[r]) - ty[r]) / net.y_scale)**2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        if epoch % 10 == 9:
            print(f"  epoch {epoch + 1}: loss {total / (b + 1):.4f} of the variance", flush=True)
    net.eval()
    return net


def predict(net, x):
    import torch
    with torch.no_grad():
        return net(torch.from_numpy(x))[:, 0].numpy()


def scores(guess, y):
    error = guess.astype(float) - y
    return {"rmse_ln_E": float(np.sqrt(np.mean(error**2))), "bias_ln_E": float(error.mean()),
            "r2_ln_E": float(1 - np.mean(error**2) / y.var()),
            "mean_E_ratio": float(np.exp(guess.astype(float)).mean() / np.exp(y.astype(float)).mean())}


def export(net, path):
    import torch
    torch.onnx.export(net, torch.zeros(2, 4), str(path), opset_version=13,
                      input_names=["features"], output_names=["log_energy"],
                      dynamic_axes={"features": {0: "cells"}, "log_energy": {0: "cells"}})
    import onnx
    model = onnx.load(str(path))
    onnx.checker.check_model(model)
    assert model.ir_version <= 8 and model.opset_import[0].version <= 17
    print(f"{path.name}: {path.stat().st_size} bytes, IR {model.ir_version}, "
          f"opset {model.opset_import[0].version}")


def train(args):
    day, x, y = load(args.work / "coarse.nc")
    first = day[0] - EVERY_DAYS
    held = day - first <= HELD_DAYS
    used = day - first > HELD_DAYS + GAP_DAYS
    xt, yt = x[used].reshape(-1, 4), y[used].ravel()
    xv, yv = x[held].reshape(-1, 4), y[held].ravel()
    print(f"train {yt.size} cells of {used.sum()} days, validate {yv.size} of {held.sum()}")

    line = np.linalg.lstsq(np.c_[np.ones(yt.size), xt].astype(float), yt.astype(float), rcond=None)[0]
    net = fit(xt, yt, weighted=True)
    plain = fit(xt, yt, weighted=False)
    guess = {"network": predict(net, xv), "network_unweighted": predict(plain, xv),
             "line": (np.c_[np.ones(yv.size), xv] @ line).astype(np.float32),
             "constant": np.full_like(yv, yt.mean())}
    figures = {"parameters": sum(p.numel() for p in net.parameters()),
               "training_cells": int(yt.size), "validation_cells": int(yv.size),
               "validation_days": [0, HELD_DAYS],
               "training_days": [HELD_DAYS + GAP_DAYS, SAMPLE_DAYS], "coarsening": FACTOR,
               "basin_mean_E_training": float(np.exp(yt.astype(float)).mean()),
               "validation": {name: scores(g, yv) for name, g in guess.items()},
               "training": {"network": scores(predict(net, xt), yt)}}
    for name, s in figures["validation"].items():
        print(f"  {name:20s} " + "  ".join(f"{k} {v:.4f}" for k, v in s.items()))

    DATA.mkdir(exist_ok=True)
    export(net, DATA / "eke.onnx")
    np.savez(args.work / "net.npz", **{k: v.numpy() for k, v in net.state_dict().items()})
    write_truth(args, day - first, xv, yv, net, line)
    (DATA / "validation.json").write_text(json.dumps(figures, indent=1) + "\n")
    draw_validation(guess, yv, figures)


def copy_start(source, target):
    with Dataset(source) as a, Dataset(target, "w") as b:
        b.setncatts({k: a.getncattr(k) for k in a.ncattrs()})
        b.license = "BSD-3-Clause"
        b.title = "the fine run at the end of its spin-up, " \
            "coarsened; where coarse runs start"
        for name, dim in a.dimensions.items():
            b.createDimension(name, None if dim.isunlimited() else len(dim))
        for name, v in a.variables.items():
            if name in ("features", "kappa"):
                continue
            out = b.createVariable(name, v.dtype, v.dimensions, zlib=True, shuffle=True)
            out.setncatts({k: v.getncattr(k) for k in v.ncattrs()})
            out[:] = v[:]


def write_truth(args, days, xv, yv, net, line):
    copy_start(args.work / "start.nc", DATA / "start.nc")
    rng = np.random.default_rng(SEED)
    rows = np.sort(rng.choice(yv.size, 20000, replace=False))
    sample = predict(net, xv[rows])
    with Dataset(args.work / "coarse.nc") as a, Dataset(DATA / "truth.nc", "w") as b:
        used = np.flatnonzero((days > DISCARD_DAYS) & (days <= HELD_DAYS))
        b.license = "BSD-3-Clause"
        b.title = "the fine run coarsened to 40 km: time " \
            "means over the window, and a sample of the validation years"
        b.dx = a.dx
        b.window_days = np.array([DISCARD_DAYS, HELD_DAYS], dtype=float)
        b.line = line
        b.sample_rmse_network = float(np.sqrt(np.mean((sample.astype(float) - yv[rows])**2)))
        for name in ("x", "y", "layer", "feature"):
            b.createDimension(name, len(a.dimensions[name]))
        b.createDimension("sample", rows.size)

        def put(name, dims, value, units, text, kind="f4"):
            v = b.createVariable(name, kind, dims, zlib=True, shuffle=True)
            v.units, v.long_name = units, text
            v[:] = value
        for name in ("h", "u", "v", "E"):
            dims = ("y", "x") if name == "E" else ("layer", "y", "x")
            mean = np.mean([a[name][i] for i in used], axis=0, dtype=float)
            put(name, dims, mean, a[name].units, "time mean: " + a[name].long_name)
        put("sample_features", ("sample", "feature"), xv[rows], "mixed", a["features"].long_name)
        put("sample_log_energy", ("sample",), yv[rows], "ln m2/s2", "ln E, the truth")
        put("sample_log_energy_network", ("sample",), sample, "ln m2/s2", "ln E, PyTorch's network")


def draw_validation(guess, yv, figures):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    fig, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
    low, high = np.percentile(yv, [0.05, 99.95])
    for ax, name, title in ((axes[0], "network", "network"), (axes[1], "line", "straight line")):
        h = ax.hist2d(yv, guess[name], bins=120, range=[[low, high]] * 2, cmap="cividis",
                      norm=matplotlib.colors.LogNorm())
        ax.plot([low, high], [low, high], color="w", lw=1)
        s = figures["validation"][name]
        ax.set(title=f"{title}: RMSE {s['rmse_ln_E']:.3f}, R² {s['r2_ln_E']:.3f}",
               xlabel="true ln E  (E in m²/s²)", ylabel="predicted ln E", aspect="equal")
        fig.colorbar(h[3], ax=ax, label="cells")
    fig.suptitle("The two validation years, not seen in training")
    fig.savefig(DATA / "validation.png", dpi=110)


def mean_energy(args, decay):
    out = args.work / "tune.nc"
    run(args, "ocean", "gyre_coarse.nml", closure="meke", restart=DATA / "start.nc", means=out,
        meke_decay=decay, days=HELD_DAYS, mean_from_day=DISCARD_DAYS)
    with Dataset(out) as d:
        return float(np.asarray(d["E"][:]).mean())


def tune(args):
    """meke_decay with which the energy equation has the basin mean of the training years: what the
    network may know, and no more. By bisection in ln."""
    wanted = json.loads((DATA / "validation.json").read_text())["basin_mean_E_training"]
    low, high = np.log(1e-3), np.log(10.0)
    for _ in range(7):
        middle = 0.5 * (low + high)
        found = mean_energy(args, float(np.exp(middle)))
        print(f"meke_decay {np.exp(middle):.4f}: mean E {found:.3e}, wanted {wanted:.3e}", flush=True)
        low, high = (middle, high) if found > wanted else (low, middle)
    print(f"set meke_decay = {np.exp(0.5 * (low + high)):.3f} in gyre_coarse.nml")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="needs 1.5 GB")
    parser.add_argument("--stage", choices=("all", "data", "fit", "tune"), default="all")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    if args.stage in ("all", "data"):
        make_data(args)
    if args.stage in ("all", "fit"):
        train(args)
    if args.stage in ("all", "tune"):
        tune(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
