# SPDX-License-Identifier: BSD-3-Clause
"""Features, coefficient and coarsening: the Fortran against formulas written again in NumPy."""
from tap import DATA, Dataset, Tap, np

F0, BETA, DX, G12, G23 = 9.3e-5, 1.75e-11, 40e3, 0.02, 0.008
ALPHA = 0.1


def mirrored(a, place):
    """One ring of mirror images around h, u (west faces) or v (south faces), shape (y, x)."""
    a = np.pad(a, 1, mode="symmetric")
    if place == "u":
        a[:, 0] = -a[:, 2]
        a[:, -1] = 0.0
    elif place == "v":
        a[0, :] = -a[2, :]
        a[-1, :] = 0.0
    return a


def numpy_features(h, u, v):
    ny, nx = h.shape[1:]
    h1 = mirrored(h[0], "h")
    uu = mirrored(u[0], "u")
    vv = mirrored(v[0], "v")
    inner = (slice(1, -1), slice(1, -1))
    east, west = (slice(1, -1), slice(2, None)), (slice(1, -1), slice(0, -2))
    north, south = (slice(2, None), slice(1, -1)), (slice(0, -2), slice(1, -1))
    k = 0.25 * (uu[inner]**2 + uu[east]**2 + vv[inner]**2 + vv[north]**2)
    slope = np.hypot(h1[east] - h1[west], h1[north] - h1[south]) / (2 * DX)
    trace = h[0] * (G12 + G23) + h[1] * G23
    c = np.sqrt(0.5 * trace + np.sqrt(0.25 * trace**2 - h[0] * h[1] * G12 * G23))
    f = (F0 + BETA * DX * (np.arange(ny) + 0.5 - ny / 2))[:, None]
    ratio = c / np.sqrt(f**2 + 2 * BETA * c) / DX
    # vorticity at corners (south-west of each cell), then the mean of four
    corner = (vv[1:, 1:] - vv[1:, :-1] - uu[1:, 1:] + uu[:-1, 1:]) / DX
    zeta = 0.25 * (corner[:-1, :-1] + corner[:-1, 1:] + corner[1:, :-1] + corner[1:, 1:])
    signed = np.sign(zeta) * np.maximum(np.log(np.maximum(np.abs(zeta), 1e-300)) + 36, 0)
    out = np.stack([np.log(np.maximum(k, 1e-10)), np.log(np.maximum(slope, 1e-9)), ratio, signed],
                   axis=-1)
    assert out.shape == (ny, nx, 4)
    return out, c, f


def check_features(tap):
    final = tap.path("final.nc")
    if tap.run(2, "ocean", "gyre_coarse.nml", closure="meke", days=5, alpha=ALPHA,
               restart=DATA / "start.nc", final=final).returncode:
        return tap.expect(False, "the run that makes features")
    with Dataset(final) as d:
        h, u, v, e = (np.asarray(d[n][-1], dtype=float) for n in ("h", "u", "v", "E"))
        found = np.asarray(d["features"][-1])
        kappa = np.asarray(d["kappa"][-1])
    wanted, c, f = numpy_features(h, u, v)
    for i, name in enumerate(("kinetic energy", "slope", "radius", "vorticity")):
        worst = np.abs(found[..., i] - wanted[..., i]).max()
        # single precision of values up to 30, and the cancellation inside a logarithm
        tap.expect(worst < 2e-5, f"feature {name} is NumPy's", f"largest difference {worst:.2e}")
    spread = wanted.reshape(-1, 4).std(axis=0)
    tap.expect((spread > 1e-2).all(), "the features vary, so agreement means something",
               f"standard deviations {np.round(spread, 3)}")
    # the last coefficient was made from the last energy, by the thickness of three hours before
    length = np.minimum(c / np.sqrt(f**2 + 2 * BETA * c), np.sqrt(np.sqrt(2 * e) / BETA))
    wanted = np.minimum(ALPHA * np.sqrt(2 * e) * length, 4000.0)
    worst = np.abs(kappa / wanted - 1).max()
    tap.expect(worst < 1e-2, "kappa is alpha sqrt(2E) L", f"largest relative difference {worst:.1e}")


def numpy_coarse(h, u, v, n):
    """Box means of h and the depth-mean lost energy, by whole-array arithmetic."""
    def box(a):
        return a.reshape(2, a.shape[1] // n, n, a.shape[2] // n, n).mean(axis=(2, 4))
    uc = 0.5 * (u + np.concatenate([u[:, :, 1:], np.zeros_like(u[:, :, :1])], axis=2))
    vc = 0.5 * (v + np.concatenate([v[:, 1:, :], np.zeros_like(v[:, :1, :])], axis=1))
    hm = box(h)
    e = 0.5 * (box(h * (uc**2 + vc**2)) - (box(h * uc)**2 + box(h * vc)**2) / hm)
    return hm, e.sum(axis=0) / hm.sum(axis=0)


def check_coarsening(tap):
    fine, coarse = tap.path("fine.nc"), tap.path("coarse.nc")
    # the shipped coarse state serves as the fine grid of a still coarser one: dx 40 km to 200 km
    if tap.run(1, "ocean", "gyre_coarse.nml", closure="none", days=1, restart=DATA / "start.nc",
               final=fine).returncode:
        return tap.expect(False, "the run that is coarsened")
    done = tap.run(1, "ocean_coarsen", "gyre_coarse.nml", factor=5, restart=fine, final=coarse)
    tap.expect(done.returncode == 0, "ocean_coarsen runs")
    if done.returncode:
        return
    with Dataset(fine) as d:
        h, u, v = (np.asarray(d[n][-1], dtype=float) for n in "huv")
    with Dataset(coarse) as d:
        hc, uc, e = (np.asarray(d[n][-1], dtype=float) for n in ("h", "u", "E"))
    hm, wanted = numpy_coarse(h, u, v, 5)
    tap.expect(np.allclose(hc, hm, rtol=1e-12), "box mean of thickness is NumPy's")
    tap.expect(np.allclose(e, wanted, rtol=1e-8, atol=1e-16), "lost energy is NumPy's",
               f"mean {e.mean():.3e} m2/s2")
    # one face by hand: the box of 5 x 5 centred on the west face of coarse cell (4, 3), layer 2
    weight = 0.5 * (h[1, 10:15, 12:17] + h[1, 10:15, 13:18])
    by_hand = (weight * u[1, 10:15, 13:18]).sum() / weight.sum()
    tap.expect(abs(uc[1, 2, 3] / by_hand - 1) < 1e-10, "velocity on a coarse face is the box mean")
    tap.expect((uc[:, :, 0] == 0).all(), "no flow through the western wall")


tap = Tap()
check_features(tap)
check_coarsening(tap)
tap.done()
