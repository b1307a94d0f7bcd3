# SPDX-License-Identifier: BSD-3-Clause
"""Pictures and the honest table of the demonstration. usage: plot.py DATA_DIR OUT_DIR"""
import json
import pathlib
import sys

import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from netCDF4 import Dataset

RUNS = {"meke": "(a) energy equation", "network": "(b) network"}
COLOUR = {"truth": "black", "meke": "#0072B2", "network": "#D55E00"}    # Okabe & Ito
STYLE = {"truth": "-", "meke": "--", "network": "-"}
LEAST = 1e-8


def means(path, names=("h", "u", "v", "E")):
    with Dataset(path) as d:
        return {n: np.squeeze(np.asarray(d[n][:], dtype=float)) for n in names}


def ln(e):
    return np.log(np.maximum(e, LEAST))


def errors(run, truth):
    """Figures of one run's time means against the truth's."""
    d = ln(run["E"]) - ln(truth["E"])
    return {
        "RMSE of ln E": np.sqrt(np.mean(d**2)),
        "bias of ln E": d.mean(),
        "pattern correlation of ln E": np.corrcoef(ln(run["E"]).ravel(), ln(truth["E"]).ravel())[0, 1],
        "pattern correlation of E": np.corrcoef(run["E"].ravel(), truth["E"].ravel())[0, 1],
        "basin mean E / true": run["E"].mean() / truth["E"].mean(),
        "RMSE of upper thickness (m)": np.sqrt(np.mean((run["h"][0] - truth["h"][0])**2)),
        "RMSE of lower thickness (m)": np.sqrt(np.mean((run["h"][1] - truth["h"][1])**2)),
        "RMSE of upper velocity (m/s)": np.sqrt(np.mean((run["u"][0] - truth["u"][0])**2
                                                        + (run["v"][0] - truth["v"][0])**2)),
    }


def draw_maps(runs, truth, dx, out):
    size = np.array(truth["E"].shape) * dx / 1e6
    fields = [("coarsened fine run (truth)", truth)] + [(RUNS[k], runs[k]) for k in RUNS]
    top = np.log10(max(f["E"].max() for _, f in fields))
    norm = matplotlib.colors.LogNorm(10**(np.ceil(top * 4) / 4 - 4), 10**(np.ceil(top * 4) / 4))
    fig, axes = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained", sharey=True)
    for ax, (title, f) in zip(axes, fields):
        image = ax.imshow(f["E"], origin="lower", norm=norm, cmap="cividis",
                          extent=(0, size[1], 0, size[0]))
        levels = np.arange(200, 800, 50)
        lines = ax.contour(f["h"][0], levels=levels, colors="w", linewidths=0.6,
                           extent=(0, size[1], 0, size[0]))
        ax.clabel(lines, levels[::2], fontsize=7)
        ax.set(title=title, xlabel="x (1000 km)")
    axes[0].set_ylabel("y (1000 km)")
    fig.colorbar(image, ax=axes, label="eddy kinetic energy (m²/s²)", extend="min")
    fig.suptitle("Time-mean eddy kinetic energy; white: upper layer thickness (m)")
    fig.savefig(out / "ocean_energy_maps.png", dpi=110)


def draw_zonal(runs, truth, dx, out):
    y = (np.arange(truth["E"].shape[0]) + 0.5) * dx / 1e6
    fig, axes = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained", sharey=True)
    for key, f in [("truth", truth)] + list(runs.items()):
        kw = dict(color=COLOUR[key], ls=STYLE[key], label=RUNS.get(key, "truth"))
        axes[0].plot(f["E"].mean(axis=1), y, **kw)
        axes[1].plot(f["h"][0].mean(axis=1), y, **kw)
        axes[2].plot(f["u"][0].mean(axis=1), y, **kw)
    axes[0].set(xscale="log", xlabel="eddy kinetic energy (m²/s²)", ylabel="y (1000 km)")
    axes[1].set(xlabel="upper layer thickness (m)")
    axes[2].set(xlabel="upper layer eastward velocity (m/s)")
    axes[2].legend(frameon=False)
    for ax in axes:
        ax.grid(alpha=0.3)
    fig.suptitle("Zonal and time means")
    fig.savefig(out / "ocean_zonal_means.png", dpi=110)


def draw_scatter(runs, truth, table, out):
    x = truth["E"].ravel()
    values = np.concatenate([x] + [r["E"].ravel() for r in runs.values()])
    low, high = np.percentile(values[values > LEAST], [0.5, 100])
    fig, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained", sharey=True)
    for ax, key in zip(axes, runs):
        ax.loglog(x, np.maximum(runs[key]["E"].ravel(), low), ".", ms=3, alpha=0.5,
                  color=COLOUR[key])
        ax.plot([low, high], [low, high], "k-", lw=1, label="exact")
        ax.plot([low, high], [10 * low, 10 * high], "k:", lw=0.8, label="ten times")
        ax.plot([low, high], [low / 10, high / 10], "k:", lw=0.8)
        ax.set(title=f"{RUNS[key]}: RMSE of ln E {table[key]['RMSE of ln E']:.2f}",
               xlabel="true E (m²/s²)", xlim=(low, high), ylim=(low, high), aspect="equal")
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("predicted E (m²/s²)")
    axes[0].legend(frameon=False)
    fig.suptitle("Time-mean energy of every cell, coupled runs against the coarsened fine run")
    fig.savefig(out / "ocean_scatter.png", dpi=110)


def shares(timings):
    """Percent of the run, mean over ranks."""
    t = {x["name"]: x for x in timings["keys"]}
    whole = t["run"]["sum_mean"]
    parts = {name: 100 * x["sum_mean"] / whole for name, x in t.items() if name != "run"}
    return t, parts


def draw_cost(timings, out):
    t, parts = shares(timings["network"])
    weir = {k: v for k, v in parts.items() if k.startswith("weir_")}
    rest = {"dynamics": parts["dynamics"], "features": parts.get("features", 0.0)}
    rest["other"] = 100 - sum(rest.values()) - sum(weir.values())
    names = list(rest) + list(weir)
    values = [rest.get(n, weir.get(n)) for n in names]
    fig, ax = plt.subplots(figsize=(9, 4), layout="constrained")
    bars = ax.barh(names, values, color=["#999999"] * len(rest) + [COLOUR["network"]] * len(weir))
    ax.bar_label(bars, [f"{v:.2f} %" if v >= 0.005 else "< 0.01 %" for v in values], padding=3)
    ax.invert_yaxis()
    ax.set(xlabel="part of the run (%, mean over ranks)", xlim=(0, 1.12 * max(values)),
           title=f"Where the time of run (b) went: {t['run']['sum_mean']:.1f} s on "
           f"{timings['network']['ranks']} ranks; coloured: calls of Weir")
    fig.savefig(out / "ocean_cost.png", dpi=110)


def print_table(table, validation):
    print("\nSkill against the coarsened fine run (time means; lower error is better)")
    print(f"{'':30s}{'(a) equation':>14s}{'(b) network':>14s}  better")
    for name in table["meke"]:
        a, b = table["meke"][name], table["network"][name]
        target = 1.0 if "corr" in name or "/ true" in name else 0.0
        better = "(a)" if abs(a - target) < abs(b - target) else "(b)"
        print(f"{name:30s}{a:14.4f}{b:14.4f}  {better}")
    v = validation["validation"]
    print("\nOffline, on the two validation years (features of the fine run, not of the coarse one):")
    for key, title in (("network", "network"), ("line", "straight line"), ("constant", "constant")):
        print(f"  {title:14s} RMSE of ln E {v[key]['rmse_ln_E']:.3f}  R2 {v[key]['r2_ln_E']:.3f}")


def print_cost(timings):
    t, parts = shares(timings["network"])
    print(f"\nTime of run (b): {t['run']['sum_mean']:.2f} s; of run (a): "
          f"{shares(timings['meke'])[0]['run']['sum_mean']:.2f} s")
    print(f"  {'call of Weir':16s}{'calls':>8s}{'s':>10s}{'us/call':>10s}{'% of run':>10s}")
    for name, x in t.items():
        if name.startswith("weir_"):
            calls = x["n"] // x["ranks"]
            print(f"  {name:16s}{calls:8d}{x['sum_mean']:10.4f}"
                  f"{1e6 * x['sum_mean'] / calls:10.1f}{parts[name]:10.3f}")


def main():
    data, out = (pathlib.Path(a) for a in sys.argv[1:3])
    truth = means(data / "truth.nc")
    with Dataset(data / "truth.nc") as d:
        dx = float(d.dx)
    runs = {k: means(out / f"{k}.nc") for k in RUNS}
    timings = {k: json.loads((out / f"{k}.json").read_text()) for k in RUNS}
    validation = json.loads((data / "validation.json").read_text())
    table = {k: errors(runs[k], truth) for k in RUNS}
    draw_maps(runs, truth, dx, out)
    draw_zonal(runs, truth, dx, out)
    draw_scatter(runs, truth, table, out)
    draw_cost(timings, out)
    print_table(table, validation)
    print_cost(timings)
    (out / "ocean_skill.json").write_text(json.dumps(table, indent=1) + "\n")
    print(f"\npictures: {out}/ocean_*.png")


if __name__ == "__main__":
    main()
