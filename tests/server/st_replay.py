#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Plays the recorded traffic of traffic/ against servers with the module, over a Unix socket and TCP,
and compares every byte of every reply. Prints TAP.

usage: st_replay.py [NAME...]   only these scenarios, e.g. 02_tensors
"""
import os
import sys
import tempfile

from replay import Player, scenarios
from servers import MODULE, ServerError, kinds_or_skip, tap
from torch_models import torch_models

BACKENDS = os.environ.get("WEIR_BACKEND_PATH", "")


def lacks(scenario, have_torch):
    """Why the scenario cannot be played, or nothing."""
    for name in scenario.needs:
        if not os.path.exists(os.path.join(BACKENDS, "weir_backend_%s.so" % name)):
            return "no %s backend" % name
        if name == "torch" and not have_torch:
            return "no PyTorch to make models with"
    return ""


def play(kind, scenario, player):
    for transport in ("unix", "tcp") if not scenario.shards else ("tcp",):
        name = "%s on %s over %s: %d exchanges" % (scenario.name, kind, transport, len(scenario.steps))
        try:
            wrong = player.play(scenario, transport)
            tap.test(not wrong, name, *wrong[:20])
        except (ServerError, OSError, ValueError) as e:
            tap.test(False, name, "%s: %s" % (type(e).__name__, e))


def main():
    found = kinds_or_skip()
    chosen = [s for s in scenarios() if s.name in sys.argv[1:] or len(sys.argv) == 1]
    with tempfile.TemporaryDirectory() as folder:
        have_torch = torch_models(folder) if any("torch" in s.needs for s in chosen) else False
        for kind in found:
            player = Player(kind, MODULE, folder)
            for scenario in chosen:
                why = lacks(scenario, have_torch)
                if why:
                    tap.skip("%s on %s" % (scenario.name, kind), why)
                else:
                    play(kind, scenario, player)
    tap.done()


main()
