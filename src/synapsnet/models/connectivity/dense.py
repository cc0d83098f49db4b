"""Dense connectivity: a free weight for every ordered pair of units."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.models.connectivity.base import Connectivity
from synapsnet.models.pairs import check_pairs
from synapsnet.session import TaskSpec


@final
class DenseConnectivity(Connectivity):
    """A free weight for every ordered pair of units, under a Gaussian prior of each weight.

    The prior has standard deviation ``prior_scale / sqrt(units)``, so the size of a unit's total current does not
    depend on the number of recorded units. As a penalty on the mean loss per unit-bin, it is divided by the number of
    train bins. These are the bins of all sessions, because a batch informs only the matrix of its own session. Few bins
    shrink the matrix strongly, many bins barely. Therefore, one setting serves both 500 bins of a worm and 10,000 of
    cortex.

    Args:
        spec: The sessions.
        prior_scale: Standard deviation of the total current of a unit under the prior, in units of its drive.
        l1: Adds ``l1 · Σ|A_ij| / train bins`` to the penalty, for a sparser matrix; 0 disables it.
    """

    def __init__(self, *, spec: TaskSpec, prior_scale: float, l1: float) -> None:
        super().__init__()
        check_pairs(spec, "model/connectivity=dense or sparse")
        self.weights = nn.ParameterList()
        n_train_bins = sum(session.n_train_bins for session in spec.sessions)
        self._l2 = 0.5 / (prior_scale**2 * n_train_bins)
        self._l1 = l1 / n_train_bins
        for session in spec.sessions:
            n_units = session.n_units
            weight = torch.randn(n_units, n_units) * (0.1 * prior_scale / math.sqrt(n_units))
            self.weights.append(nn.Parameter(weight.fill_diagonal_(0)))

    def matrix(self, session: int) -> Tensor:
        matrix: Tensor = self.weights[session].clone().fill_diagonal_(0)
        return matrix  # without a gradient on the diagonal, which stays 0

    def penalty(self) -> Tensor:
        # One session after the other, because copies of all matrices would fill the memory.
        penalty = torch.stack([weight.square().sum() for weight in self.weights]).sum() * self._l2
        sizes = [weight.abs().sum() for weight in self.weights] if self._l1 else []
        return penalty + torch.stack(sizes).sum() * self._l1 if sizes else penalty
