"""Closed-loop roll-outs: forecasts of many bins ahead, each from the forecasts before it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synapsnet.data.splits import Pieces, Split
from synapsnet.data.task import Task
from synapsnet.data.windows import SessionTensors
from synapsnet.errors import UserError
from synapsnet.metrics import ForecastScores
from synapsnet.models.base import Forecaster
from synapsnet.models.evaluating import evaluating
from synapsnet.session import Batch

Behavior = Literal["frozen", "given"]
"""Behavior during a roll-out: kept as it was at the origin, or as it was recorded."""


@torch.no_grad()
def roll_out(
    model: Forecaster, session: SessionTensors, origins: Tensor, horizon: int, *, behavior: Behavior
) -> Tensor:
    """Forecasts that take their own expected values for the activity after an origin.

    They are those of a single path, the expected one; nothing is drawn at random. The shape of a likelihood stays that
    of one bin ahead.

    Args:
        model: A fitted model, on the CPU.
        session: The session.
        origins: Last bins that the forecasts know, ``[origins]``; each with a window of bins in its segment.
        horizon: Number of bins to forecast, fewer than a window has.
        behavior: Behavior after the origin.

    Returns:
        Parameters of the bins after each origin, ``[origins, horizon, units, n_params]``.

    Raises:
        UserError: if the horizon is not shorter than a window.
    """
    length, lead = session.shape.length, session.slow.lead
    if not 0 < horizon < length:
        raise UserError(f"horizon must be 1 to {length - 1} bins, because a window has {length}, got {horizon}")
    starts, steps = origins - length + 1, torch.arange(length)
    known = (starts[:, None] + torch.arange(-lead, length)).clamp(min=0)
    bins = session.activity[known].float()
    params = []
    with evaluating(model):
        for ahead in range(horizon):
            shown = steps + ahead if behavior == "given" else (steps + ahead).clamp(max=length - 1)
            covariates = session.behavior[starts[:, None] + shown]
            recent = bins[:, ahead:]
            slow = session.slow.of(recent, starts + ahead)
            params.append(model.last(recent[:, lead:], covariates, session.index, slow))
            bins = torch.cat([bins, model.likelihood.mean(params[-1])[:, None]], dim=1)
    return torch.stack(params, dim=1)


@torch.no_grad()
def horizon_scores(
    model: Forecaster,
    task: Task,
    split: Split,
    *,
    horizon: int,
    behavior: Behavior,
    most_origins: int,
    batch_size: int,
    train_mean: list[Tensor],
) -> list[ForecastScores]:
    """Scores by the number of bins ahead, all on the same origins.

    The naive forecast of ``skill_vs_persistence`` is the activity at the origin, at every horizon.

    Args:
        model: A fitted model, on the CPU.
        task: The task that it was fitted to.
        split: The held-out split.
        horizon: Largest number of bins ahead.
        behavior: Behavior after the origin.
        most_origins: Number of origins in each session, spread evenly over those that there are.
        batch_size: Windows that are forecast at once.
        train_mean: As in `ForecastScores`.

    Returns:
        ``horizon`` scores, for 1 bin ahead first; a piece of the split that is shorter than a window and the horizon
        adds none.
    """
    scores = [ForecastScores(task.spec, model.likelihood, train_mean) for _ in range(horizon)]
    for session, pieces in zip(task.sessions, task.pieces, strict=True):
        possible = _origins(pieces[split], session.shape.length, horizon)
        chosen = np.linspace(0, len(possible) - 1, min(most_origins, len(possible))).round().astype(int)
        origins = torch.from_numpy(possible[chosen])
        for some in torch.split(origins, batch_size):
            params = roll_out(model, session, some, horizon, behavior=behavior)
            last = session.activity[some].float()[:, None]
            nothing = last.new_empty(len(some), 1, 0)
            scored = torch.ones(len(some), 1, dtype=torch.bool)
            for ahead, of in enumerate(scores):
                target = session.activity[some + 1 + ahead].float()[:, None]
                batch = Batch(last, nothing, nothing, target, scored, session.index)
                of.update(params[:, ahead : ahead + 1], batch)
    return scores


def _origins(pieces: Pieces, length: int, horizon: int) -> npt.NDArray[np.int64]:
    """Last known bins, so that window and horizon lie within a piece."""
    parts = [np.arange(first + length - 1, stop - horizon) for first, stop in pieces]
    return np.concatenate([*parts, np.empty(0, dtype=np.int64)])
