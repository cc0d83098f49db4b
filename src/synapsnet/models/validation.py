"""The score by which models choose: the negative log-likelihood on held-out batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from synapsnet.models.base import Forecaster
from synapsnet.models.evaluating import evaluating
from synapsnet.session import Batch


@final
@dataclass(frozen=True, eq=False)
class HeldOut:
    """Negative log-likelihood of held-out windows.

    Attributes:
        losses: Sum over the scored bins of a window of the mean over units, float64 ``[windows]``.
        counts: Number of scored bins of a window, float64 ``[windows]``.
        sessions: Session of a window, ``[windows]``.
    """

    losses: Tensor
    counts: Tensor
    sessions: Tensor

    def by_session(self) -> Tensor:
        """Mean per scored unit-bin, ``[sessions]``."""
        zero = self.losses.new_zeros(int(self.sessions.max()) + 1)
        return zero.index_add(0, self.sessions, self.losses) / zero.index_add(0, self.sessions, self.counts)

    @property
    def nll(self) -> float:
        """Mean over sessions."""
        return float(self.by_session().mean())

    @classmethod
    def mean_of(cls, scores: Sequence[HeldOut]) -> HeldOut:
        """The mean loss of several models on the same windows."""
        return replace(scores[0], losses=torch.stack([score.losses for score in scores]).mean(0))

    def clearly_better_than(self, other: HeldOut) -> bool:
        """True if the gain exceeds one standard error of its mean over windows (Breiman et al. 1984)."""
        scored = self.counts > 0
        gain = (other.losses - self.losses)[scored] / self.counts[scored]
        error = float(gain.std()) / math.sqrt(len(gain)) if len(gain) > 1 else math.inf
        return other.nll - self.nll > error


@torch.no_grad()
def held_out(model: Forecaster, batches: Iterable[Batch]) -> HeldOut:
    """Score a model, in evaluation mode, on held-out batches of all its sessions."""
    losses, counts, sessions = [], [], []
    with evaluating(model):
        for batch in batches:
            here = batch.to(model.device)
            params = model(here.past, here.behavior, here.session, here.slow)
            of_bins = model.likelihood.nll(params, here.target).mean(-1).double()
            losses.append(torch.where(here.scored, of_bins, 0.0).sum(1).cpu())
            counts.append(here.scored.sum(1).double().cpu())
            sessions.append(torch.full((len(here.past),), here.session))
    return HeldOut(torch.cat(losses), torch.cat(counts), torch.cat(sessions))
