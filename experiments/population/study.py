"""Population activity along principal components under every model, from the runs of the study ``forecasting``."""

from __future__ import annotations

import sys

from experiments.forecasting.study import RECORDINGS, going_on, main_of
from experiments.population.components import FILE, write_components

STUDY = going_on("population", tuple(RECORDINGS))

if __name__ == "__main__":
    sys.exit(main_of(STUDY, FILE, write_components))
