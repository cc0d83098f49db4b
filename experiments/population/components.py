"""Recorded and predicted activity of a run along principal components, kept in its folder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from synapsnet.analysis.population import PopulationForecast, population_forecast
from synapsnet.atomic import replacing
from synapsnet.experiment import load
from synapsnet.experiment.build import build_data
from synapsnet.results import Run

FILE = "components.npz"
N_COMPONENTS = 3
BATCH = 64
SPLIT = "test"
_PARTS = ("explained", "recorded", "predicted")


@dataclass(frozen=True, eq=False)
class Components:
    """The components of a run.

    Attributes:
        sessions: By session id, in the order of the task.
        unbroken: Bins of the first session's first stretch without a gap.
        bin_width_s: Width of a bin in seconds.
    """

    sessions: dict[str, PopulationForecast]
    unbroken: int
    bin_width_s: float


def write_components(run: Run) -> None:
    """Write ``components.npz`` into a run folder.

    Raises:
        UserError: if the recordings are no longer where the run found them.
    """
    torch.set_num_threads(1)
    model, task = load(run.checkpoint("best")), build_data(run.config["data"]).task
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for index, session in enumerate(task.spec.session_ids):
        found = population_forecast(model, task, index, SPLIT, n_components=N_COMPONENTS, batch_size=BATCH)
        arrays |= {f"{part}/{session}": getattr(found, part) for part in _PARTS}
    lengths = np.diff(task.pieces[0][SPLIT])[:, 0] - task.spec.context_bins
    arrays["sessions"] = np.array(task.spec.session_ids)
    arrays["unbroken"] = lengths[lengths > 0][:1]
    arrays["bin_width_s"] = np.array([task.spec.bin_width_s])
    with replacing(run.folder / FILE) as partial, partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_components(run: Run) -> Components:
    """Read what `write_components` wrote."""
    with np.load(run.folder / FILE, allow_pickle=False) as file:
        sessions = {
            str(name): PopulationForecast(*(file[f"{part}/{name}"] for part in _PARTS)) for name in file["sessions"]
        }
        return Components(sessions, int(file["unbroken"][0]), float(file["bin_width_s"][0]))
