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
    """Figures of one run's time means against the truth's; a run without E has none of E."""
    def rms(d):
        return float(np.sqrt(np.mean(d)))
    found = {}
    if "E" in run:
        e, true = run["E"], truth["E"]
        found = {
            "RMSE of ln E": rms((ln(e) - ln(true))**2),
            "bias of ln E": float(np.mean(ln(e) - ln(true))),
            "pattern correlation of ln E": float(np.corrcoef(ln(e).ravel(), ln(true).ravel())[0, 1]),
            "pattern correlation of E": float(np.corrcoef(e.ravel(), true.ravel())[0, 1]),
            "basin mean of E / true": float(e.mean() / true.mean())}
    du = run["u"] - truth["u"]
    dv = run["v"] - truth["v"]
    return found | {
        "RMSE of upper thickness (m)": rms((run["h"][0] - truth["h"][0])**2),
        "RMSE of lower thickness (m)": rms((run["h"][1] - truth["h"][1])**2),
        "RMSE of upper velocity (m/s)": rms(du[0]**2 + dv[0]**2),
        "RMSE of lower velocity (m/s)": rms(du[1]**2 + dv[1]**2)}


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


def draw_scatter(runs, truth, sample, table, validation, out):
    x = truth["E"].ravel()
    values = np.concatenate([x, *(np.exp(v) for v in sample), *(r["E"].ravel() for r in runs.values())])
    low, high = np.percentile(values[values > LEAST], [0.1, 100])
    fig, axes = plt.subplots(1, 3, figsize=(14, 5.4), layout="constrained", sharey=True)
    titles = [f"{RUNS[k]}, coupled, time mean\nRMSE of ln E {table[k]['RMSE of ln E']:.2f}"
              for k in runs]
    for ax, key, title in zip(axes, runs, titles):
        ax.loglog(x, np.maximum(runs[key]["E"].ravel(), low), ".", ms=3, alpha=0.5,
                  color=COLOUR[key])
        ax.set(title=title)
    s = validation["validation"]["network"]
    axes[2].loglog(*(np.exp(v) for v in sample), ".", ms=1, alpha=0.3, color=COLOUR["network"])
    axes[2].set(title="(b) network, offline, each 4th day\n"
                f"RMSE of ln E {s['rmse_ln_E']:.2f}")
    ends = np.array([low, high])
    for ax in axes:
        ax.plot(ends, ends, "k-", lw=1, label="exact")
        ax.plot(ends, 10 * ends, "k:", lw=0.8, label="ten times")
        ax.plot(ends, ends / 10, "k:", lw=0.8)
        ax.set(xlabel="true E (m²/s²)", xlim=ends, ylim=ends, aspect="equal")
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("predicted E (m²/s²)")
    axes[0].legend(frameon=False)
    fig.suptitle("Eddy kinetic energy, predicted against the coarsened fine run's, cell by cell")
    fig.savefig(out / "ocean_scatter.png", dpi=110)


def shares(timings):
    """The timers, and percent of the run (mean over ranks) of parts that do not overlap."""
    t = {x["name"]: x for x in timings["keys"]}
    part = {name: 100 * x["sum_mean"] / t["run"]["sum_mean"] for name, x in t.items()}
    halo = part["halo_state"] + part.get("halo_energy", 0.0)
    weir = {k: v for k, v in part.items() if k.startswith("weir_")}
    rest = {"dynamics": part["dynamics"] - part["halo_state"],
            "halos, and waiting\nfor the other rank": halo,
            "features": part.get("features", 0.0)}
    rest["other"] = 100 - sum(rest.values()) - sum(weir.values())
    return t, rest, weir


def draw_cost(timings, out):
    t, rest, weir = shares(timings["network"])
    names = list(rest) + list(weir)
    values = list(rest.values()) + list(weir.values())
    fig, ax = plt.subplots(figsize=(9, 4.2), layout="constrained")
    bars = ax.barh(names, values, color=["#999999"] * len(rest) + [COLOUR["network"]] * len(weir))
    ax.bar_label(bars, [f"{v:.2f} %" if v >= 0.005 else "< 0.01 %" for v in values], padding=3)
    ax.invert_yaxis()
    ax.set(xlabel="part of the run (%, mean over ranks)", xlim=(0, 1.12 * max(values)),
           title=f"Where the time of run (b) went: {t['run']['sum_mean']:.1f} s on "
           f"{timings['network']['ranks']} ranks; coloured: calls of Weir")
    fig.savefig(out / "ocean_cost.png", dpi=110)


def print_table(table, validation):
    print("\nSkill against the coarsened fine run (time means of the days that neither has seen)")
    print(f"{'':30s}{'no closure':>14s}{'(a) equation':>14s}{'(b) network':>14s}  (a) or (b)")
    for name in table["meke"]:
        none = table["none"].get(name)
        a, b = table["meke"][name], table["network"][name]
        target = 1.0 if "corr" in name or "/ true" in name else 0.0
        better = "(a)" if abs(a - target) < abs(b - target) else "(b)"
        beaten = none is not None and none < min(a, b)
        print(f"{name:30s}" + ("-" if none is None else f"{none:.4f}").rjust(14)
              + f"{a:14.4f}{b:14.4f}  {better}" + (", but no closure is nearer" if beaten else ""))
    v = validation["validation"]
    print("\nOffline, on the two validation years (features of the fine run, not of the coarse one):")
    for key, title in (("network", "network"), ("network_unweighted", "  unweighted"),
                       ("line", "straight line"), ("constant", "constant")):
        print(f"  {title:14s} RMSE of ln E {v[key]['rmse_ln_E']:.3f}  R2 {v[key]['r2_ln_E']:6.3f}"
              f"  mean E / true {v[key]['mean_E_ratio']:.3f}")


def print_cost(timings):
    seconds = {k: shares(v)[0]["run"]["sum_mean"] for k, v in timings.items()}
    print(f"\nTime of the runs: no closure {seconds['none']:.2f} s, (a) {seconds['meke']:.2f} s, "
          f"(b) {seconds['network']:.2f} s")
    t, rest, weir = shares(timings["network"])
    halo = next(v for k, v in rest.items() if k.startswith("halo"))
    print(f"  {'call of Weir':16s}{'calls':>8s}{'s':>10s}{'us/call':>10s}{'% of (b)':>10s}"
          f"{'% less halos':>14s}")
    for name, percent in weir.items():
        x = t[name]
        calls = x["n"] // x["ranks"]
        print(f"  {name:16s}{calls:8d}{x['sum_mean']:10.4f}{1e6 * x['sum_mean'] / calls:10.1f}"
              f"{percent:10.3f}{100 * percent / (100 - halo):14.3f}")
    whole = sum(weir.values())
    print(f"  {'all of Weir':44s}{whole:10.3f}{100 * whole / (100 - halo):14.3f}")
    print(f"  halos, and waiting for the other rank, are {halo:.1f} % of (b): a busy machine makes "
          "them long")


def main():
    data, out = (pathlib.Path(a) for a in sys.argv[1:3])
    truth = means(data / "truth.nc")
    with Dataset(data / "truth.nc") as d:
        dx = float(d.dx)
        sample = [np.asarray(d[n][:], dtype=float)
                  for n in ("sample_log_energy", "sample_log_energy_network")]
    runs = {k: means(out / f"{k}.nc") for k in RUNS}
    none = means(out / "none.nc", ("h", "u", "v"))
    timings = {k: json.loads((out / f"{k}.json").read_text()) for k in ("none", *RUNS)}
    validation = json.loads((data / "validation.json").read_text())
    table = {k: errors(r, truth) for k, r in {"none": none, **runs}.items()}
    draw_maps(runs, truth, dx, out)
    draw_zonal(runs, truth, dx, out)
    draw_scatter(runs, truth, sample, table, validation, out)
    draw_cost(timings, out)
    print_table(table, validation)
    print_cost(timings)
    (out / "ocean_skill.json").write_text(json.dumps(table, indent=1) + "\n")
    print(f"\npictures: {out}/ocean_*.png")


if __name__ == "__main__":
    main()
