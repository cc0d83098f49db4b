"""Forecasts of 1 to 32 bins by every model, and their calibration, from the runs of the study ``forecasting``.

Trials of ``neuropixels_v1`` are shorter than a window and a horizon, and on ``calcium_ca1`` no model forecasts one bin.
"""

from __future__ import annotations

import sys

from experiments.forecasting.study import going_on, main_of
from experiments.horizon.scores import FILE, write_horizon

STUDY = going_on("horizon", ("spikes_m1", "calcium_worm", "calcium_a1"))

if __name__ == "__main__":
    sys.exit(main_of(STUDY, FILE, write_horizon))
