# SPDX-License-Identifier: BSD-3-Clause
"""The same bits from 1, 2, 3 and 4 ranks, with each closure."""
from tap import DATA, Dataset, Tap, np

NAMES = ("h", "u", "v", "E", "kappa")


def fields(path, names=NAMES):
    with Dataset(path) as d:
        return {name: np.asarray(d[name][-1]) for name in names}


def main():
    tap = Tap()
    start = fields(DATA / "start.nc", ("h",))
    for closure in ("none", "meke", "network"):
        runs = {}
        if closure == "network" and tap.args.no_network:
            tap.skip("network", tap.args.no_network)
            continue
        for ranks in (1, 2, 3, 4):
            final = tap.path(f"{closure}{ranks}.nc")
            done = tap.run(ranks, "ocean", "gyre_coarse.nml", closure=closure, days=8,
                           restart=DATA / "start.nc", model_file=DATA / "eke.onnx", final=final)
            if done.returncode == 0:
                runs[ranks] = fields(final)
        tap.expect(len(runs) == 4, f"{closure}: runs on 1, 2, 3 and 4 ranks")
        for ranks in (2, 3, 4):
            different = [n for n in NAMES if 1 not in runs or ranks not in runs
                         or runs[1][n].tobytes() != runs[ranks][n].tobytes()]
            tap.expect(not different, f"{closure}: {ranks} ranks give the bits of 1",
                       f"different: {different}" if different else "")
        # equality must not come from a run that did nothing
        moved = np.abs(runs[1]["h"] - start["h"]).max() if 1 in runs else 0.0
        tap.expect(moved > 1.0, f"{closure}: the state moved in 8 days", f"by up to {moved:.1f} m")
        if closure != "none" and 1 in runs:
            tap.expect(runs[1]["kappa"].max() > 1.0, f"{closure}: its energy makes a coefficient")
    tap.done()


main()
