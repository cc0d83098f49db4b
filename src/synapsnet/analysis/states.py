"""Effective connectivity compared between two states of the animal or the population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synapsnet.analysis.effective import effective_connectivity
from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.errors import UserError
from synapsnet.models.base import Forecaster
from synapsnet.session import TaskSpec

RESOLUTION = 1e-6  # of the largest entry: differences below it are float32 rounding errors


@dataclass(frozen=True, eq=False)
class StateComparison:
    """Effective connectivity in two states.

    Attributes:
        low: The estimate over the windows of the lower level.
        high: The estimate over the windows of the higher level.
        difference: ``high - low``, ``[post, pre]``.
        z_score: The difference divided by its standard error, ``sqrt(se_low² + se_high²)``, ``[post, pre]``; 0 where
            the two do not differ.
    """

    low: ConnectivityEstimate
    high: ConnectivityEstimate
    difference: npt.NDArray[np.float64]
    z_score: npt.NDArray[np.float64]


def behavior_level(spec: TaskSpec, behavior: Tensor, name: str) -> Tensor:
    """A behavior series at the last bin of each window, ``[windows]``.

    Args:
        spec: Names the series.
        behavior: Encoded behavior, ``[windows, time, features]``.
        name: One of ``spec.behavior_names``.

    Raises:
        UserError: for any other name.
    """
    if name not in spec.behavior_names:
        known = ", ".join(spec.behavior_names) or "none"
        raise UserError(f"no behavior {name!r} to define states by; there is: {known}")
    return behavior[:, -1, spec.behavior_names.index(name)]


def population_level(model: Forecaster, past: Tensor, session: int) -> Tensor:
    """Mean over units, each z-scored, and over the last ``context_bins`` of each window, ``[windows]``.

    Args:
        model: Model with the train statistics.
        past: ``[windows, time, units]``.
        session: Index of the session.
    """
    return model.scale(session).z_scored(past[:, -model.spec.context_bins :]).mean((1, 2))


def compare_states(
    model: Forecaster,
    past: Tensor,
    behavior: Tensor,
    session: int,
    slow: Tensor,
    level: Tensor,
    *,
    n_lags: int,
    n_blocks: int,
    method: str,
) -> StateComparison:
    """Compare effective connectivity between the windows in the lower and the upper third of a level.

    If one value (for example rest) fills more than a third of the windows, these are one state and those beyond it the
    other. The model is the same in both. Only its operating point on its nonlinearities differs, so a linear model of
    calcium shows no difference between states.

    Args:
        model: A fitted model.
        past: Held-out windows in order of time, with full context at their last step, ``[windows, time, units]``.
        behavior: ``[windows, time, features]``.
        session: Index of the session.
        slow: ``[windows, time, units, traces]``.
        level: The quantity that defines the states, ``[windows]``; see `behavior_level` and `population_level`.
        n_lags: As for `effective_connectivity`.
        n_blocks: As for `effective_connectivity`; at least 2. A state has at least as many windows.
        method: Name of the model; the estimates add ``, low`` and ``, high``.

    Raises:
        UserError: if the level is the same in all windows, or if too few windows make a state.
    """
    session_id = model.spec.session_ids[session]
    if n_blocks < 2:
        raise UserError(f"states are compared by their standard errors, which need at least 2 blocks, got {n_blocks}")
    estimates = []
    for name, chosen in zip(("low", "high"), _states(level, session_id), strict=True):
        if len(chosen) < n_blocks:
            raise UserError(
                f"session {session_id!r}: {len(chosen)} windows are in the {name} state, and a standard error over "
                f"{n_blocks} blocks needs as many; give more windows or ask for fewer blocks"
            )
        estimates.append(
            effective_connectivity(
                model,
                past[chosen],
                behavior[chosen],
                session,
                slow[chosen],
                n_lags=n_lags,
                n_blocks=n_blocks,
                method=f"{method}, {name}",
            )
        )
    low, high = estimates
    assert low.standard_error is not None
    assert high.standard_error is not None
    difference = high.matrix - low.matrix
    rounding = RESOLUTION * max(np.abs(low.matrix).max(), np.abs(high.matrix).max())
    error = np.maximum(np.hypot(low.standard_error, high.standard_error), rounding)
    z_score = np.divide(difference, error, out=np.zeros_like(difference), where=error > 0)
    return StateComparison(low=low, high=high, difference=difference, z_score=z_score)


def _states(level: Tensor, session_id: str) -> tuple[Tensor, Tensor]:
    """Indices of the windows in the lower and in the upper state."""
    if len(level) == 0 or bool((level == level[0]).all()):
        raise UserError(f"session {session_id!r}: the level is the same in all {len(level)} windows: no states")
    low, high = torch.quantile(level.double(), torch.tensor([1 / 3, 2 / 3], dtype=torch.float64, device=level.device))
    within_low, within_high = level <= low, level >= high
    if low == high:  # one value fills more than a third
        within_low = level <= low if low == level.min() else level < low
        within_high = level >= high if high == level.max() else level > high
    return within_low.nonzero()[:, 0].cpu(), within_high.nonzero()[:, 0].cpu()
