"""Forecasts of the population: principal components of recorded and predicted activity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.decomposition import PCA

from synapsnet.correlation import pearson
from synapsnet.data.splits import Split
from synapsnet.data.task import Task
from synapsnet.models.base import Forecaster
from synapsnet.models.evaluating import evaluating

_ROUNDING = 1e-5  # of activity in float32


@dataclass(frozen=True, eq=False)
class PopulationForecast:
    """Recorded and predicted activity of a session along the principal components of its train split.

    Attributes:
        explained: Share of the train split's variance on each component, ``[components]``.
        recorded: Scored bins of the held-out split in order of time, ``[bins, components]``.
        predicted: One-step forecasts of the same bins, ``[bins, components]``.
    """

    explained: npt.NDArray[np.float64]
    recorded: npt.NDArray[np.float64]
    predicted: npt.NDArray[np.float64]

    @property
    def pearson_r(self) -> npt.NDArray[np.float64]:
        """Correlation of recorded and predicted activity on each component, over all bins, ``[components]``.

        NaN where a forecast does not move, apart from rounding.
        """
        moves = self.predicted.std(0) > _ROUNDING * self.recorded.std(0)
        r = [pearson(*pair) for pair in zip(self.recorded.T, self.predicted.T, strict=True)]
        return np.where(moves, r, np.nan)


@torch.no_grad()
def population_forecast(
    model: Forecaster, task: Task, session: int, split: Split, *, n_components: int, batch_size: int
) -> PopulationForecast:
    """One-step forecasts of a session, projected on principal components, as in Fig. 2 of arXiv 2411.08221.

    The components are fitted on the recorded train split, of units with unit variance, and serve every model alike.

    Args:
        model: A fitted model, on the CPU.
        task: The task that it was fitted to.
        session: Index of the session.
        split: The held-out split.
        n_components: Number of components, at most the number of units.
        batch_size: Windows that are forecast at once.
    """
    scale, tensors = model.scale(session), task.sessions[session]
    train = np.concatenate([np.arange(*piece) for piece in task.pieces[session]["train"]])
    components = PCA(n_components, svd_solver="full").fit(scale.z_scored(tensors.activity[train].float()).numpy())
    recorded: list[npt.NDArray[np.float64]] = []
    predicted: list[npt.NDArray[np.float64]] = []
    with evaluating(model):
        for batch in task.loader(split, batch_size=batch_size).of_session(session):
            params = model(batch.past, batch.behavior, session, batch.slow)[batch.scored]
            for parts, values in ((recorded, batch.target[batch.scored]), (predicted, model.likelihood.mean(params))):
                parts.append(components.transform(scale.z_scored(values).numpy()))
    return PopulationForecast(
        explained=components.explained_variance_ratio_,
        recorded=np.concatenate(recorded),
        predicted=np.concatenate(predicted),
    )
