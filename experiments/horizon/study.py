"""Forecasts of 1 to 32 bins by every model, and their calibration, from the runs of the study ``forecasting``."""

from __future__ import annotations

import sys
from functools import partial

from experiments._study import Study, add_to_runs, main
from experiments.forecasting.study import SEEDS, first_runs
from experiments.forecasting.study import STUDY as FORECASTING
from experiments.horizon.scores import FILE, write_horizon

RECORDINGS = ("spikes_m1", "calcium_worm")

STUDY = Study(
    "horizon",
    partial(first_runs, recordings=RECORDINGS),
    quick=FORECASTING.quick,
    recordings=RECORDINGS,
    runs_of=FORECASTING.name,
)

if __name__ == "__main__":
    add = partial(add_to_runs, recordings=RECORDINGS, seed=SEEDS[0], file=FILE, write=write_horizon)
    sys.exit(main(STUDY, then=add))
