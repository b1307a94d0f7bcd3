# SPDX-License-Identifier: BSD-3-Clause
"""What the program says when it is asked for help, or told something wrong."""
from tap import DATA, Tap


def main():
    tap = Tap()
    refused = (
        ("an unknown name", 2, 1, {"wind": 1}, "wind"),
        ("an unknown closure", 2, 1, {"closure": "magic"}, "magic"),
        ("a network without a file", 2, 1, {"closure": "network"}, "model_file"),
        ("steps that do not divide", 2, 1, {"steps_per_day": 12}, "multiple of 8"),
        ("too many ranks", 1, 4, {"nx": 8, "ny": 8}, "too many ranks"),
        ("a start from another grid", 1, 1, {"nx": 25, "restart": DATA / "start.nc"}, "another grid"),
        ("a start that is not there", 1, 1, {"restart": "nowhere.nc"}, "nowhere.nc"),
        ("a wind that empties a layer", 1, 2, {"tau0": 0.5, "days": 900}, "outcrops"),
        ("a step that is too long", 1, 1, {"steps_per_day": 8, "days": 90}, "not finite"),
    )
    for name, code, ranks, values, text in refused:
        done = tap.run(ranks, "ocean", "gyre_coarse.nml", quiet=True, **({"closure": "none"} | values))
        said = done.stdout + done.stderr
        tap.expect(done.returncode == code and text in said, f"{name} ends with {code} and says so",
                   f"exit {done.returncode}: " + next((x for x in said.splitlines() if "ocean:" in x), ""))
    done = tap.run(1, "ocean", "--help", quiet=True)
    tap.expect(done.returncode == 0 and "closure" in done.stdout, "--help helps")
    tap.done()


main()
