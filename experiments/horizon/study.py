"""Forecasts of 1 to 32 bins by every model, and their calibration, from the runs of the study ``forecasting``."""

from __future__ import annotations

import sys

from experiments.forecasting.study import going_on, main_of
from experiments.horizon.scores import FILE, write_horizon

STUDY = going_on("horizon", ("spikes_m1", "calcium_worm"))

if __name__ == "__main__":
    sys.exit(main_of(STUDY, FILE, write_horizon))
