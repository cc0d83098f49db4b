"""Candidate senders of every unit, by lagged correlation on the train split.

Sure independence screening (Fan & Lv 2008): of very many possible senders, a model keeps those that alone tell most
about a unit's next bin.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from synapsnet.session import Batches, TaskSpec

MOST_VALUES = 2**27  # of activity held at once (0.5 GiB), twice; bins are left out evenly to keep it
MOST_PRODUCTS = 5 * 10**12  # minutes of a core; bins are left out evenly to keep it
LEAST_BINS = 512  # taken in any case
RECEIVERS_AT_ONCE = 1024
QUIET = 1e-3  # standard deviation below which a unit correlates with nothing


class Scaled(Protocol):
    """A model that scales activity."""

    spec: TaskSpec

    def inputs(self, past: Tensor, session: int) -> Tensor:
        """Scaled activity, ``[batch, time, units]``."""


@torch.no_grad()
def screened_senders(model: Scaled, train: Batches, session: int, n_senders: int) -> Tensor:
    """The senders whose present correlates most, by its absolute value, with a unit's next bin.

    Memory is ``O(units · n_senders)`` besides the activity, because receivers are taken in blocks.

    Args:
        model: Scales the activity.
        train: The train split.
        session: Index of the session.
        n_senders: Number of senders of each unit, less than the number of units.

    Returns:
        Indices of the senders, ascending, ``[units, n_senders]``; no unit is its own.
    """
    present, following = _standardized_pairs(model, train, session)
    n_units, chosen = present.shape[1], []
    for low in range(0, n_units, RECEIVERS_AT_ONCE):
        block = following[:, low : low + RECEIVERS_AT_ONCE]
        size = (block.T @ present).abs_()
        receivers = torch.arange(len(size), device=size.device)
        size[receivers, low + receivers] = -1.0
        chosen.append(size.topk(n_senders, dim=1).indices.sort(dim=1).values)
    return torch.cat(chosen)


def _standardized_pairs(model: Scaled, train: Batches, session: int) -> tuple[Tensor, Tensor]:
    """Inputs at scored bins and at the bins after them, ``[bins, units]`` each, centred and of unit length."""
    info = model.spec.sessions[session]
    most = max(min(MOST_VALUES // info.n_units, MOST_PRODUCTS // info.n_units**2), LEAST_BINS)
    stride = -(-info.n_train_bins // most)
    present, following, seen = [], [], 0
    for batch in train.of_session(session):
        series = model.inputs(torch.cat([batch.past, batch.target[:, -1:]], dim=1), session)
        scored = batch.scored.flatten().nonzero()[:, 0]
        taken = scored[-seen % stride :: stride]
        present.append(series[:, :-1].flatten(0, 1)[taken])
        following.append(series[:, 1:].flatten(0, 1)[taken])
        seen += len(scored)
    return _standardized(torch.cat(present)), _standardized(torch.cat(following))


def _standardized(series: Tensor) -> Tensor:
    series -= series.mean(0)
    series /= series.norm(dim=0).clamp(min=QUIET * len(series) ** 0.5)
    return series
