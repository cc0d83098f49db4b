"""Population activity along principal components under every model, from the runs of the study ``forecasting``."""

from __future__ import annotations

import sys
from functools import partial

from experiments._study import Study, add_to_runs, main
from experiments.forecasting.study import SEEDS, first_runs
from experiments.forecasting.study import STUDY as FORECASTING
from experiments.population.components import FILE, write_components

RECORDINGS = ("spikes_m1", "calcium_worm")

STUDY = Study(
    "population",
    partial(first_runs, recordings=RECORDINGS),
    quick=FORECASTING.quick,
    recordings=RECORDINGS,
    runs_of=FORECASTING.name,
)

if __name__ == "__main__":
    add = partial(add_to_runs, recordings=RECORDINGS, seed=SEEDS[0], file=FILE, write=write_components)
    sys.exit(main(STUDY, then=add))
