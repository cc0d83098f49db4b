"""What a family of metrics is: sums over scored bins of one session, and the numbers read off them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synapsnet.session import SessionSpec, Signal


@dataclass(frozen=True, eq=False)
class ScoredBins:
    """Scored bins of one session, every array float64 ``[bins, units]`` in units of the target.

    Attributes:
        predicted: Expected activity under the model.
        target: What was recorded.
        last: The bin before the target, which is the forecast of persistence.
        nll: Negative log-likelihood under the model's own likelihood, in nats.
    """

    predicted: Tensor
    target: Tensor
    last: Tensor
    nll: Tensor


@dataclass(frozen=True, eq=False)
class Reference:
    """Train statistics of a session in units of the target, float64 ``[units]``.

    Attributes:
        mean: Train mean.
        scale: Train standard deviation.
        null_rate: Train mean that is never 0, so that one spike of a silent unit does not cost infinitely much.
    """

    mean: Tensor
    scale: Tensor
    null_rate: Tensor

    @classmethod
    def of(cls, session: SessionSpec, signal: Signal) -> Reference:
        """Reference of a session; calcium targets are z-scored, so that their mean is 0 and their scale 1."""
        mean = torch.as_tensor(session.mean, dtype=torch.float64)
        scale = torch.as_tensor(session.scale, dtype=torch.float64)
        if signal == "calcium":
            mean, scale = torch.zeros_like(mean), torch.ones_like(scale)
        return cls(mean=mean, scale=scale, null_rate=mean.clamp(min=0.5 / session.n_train_bins))


class Metric(ABC):
    """One family of metrics of one session. A subclass in a file of this package is found and used by itself.

    Sums are what is kept: nothing is ever averaged over batches, so the size of a batch cannot matter.
    """

    signals: ClassVar[tuple[Signal, ...]]
    """Signals on which the family is defined."""

    @abstractmethod
    def __init__(self, reference: Reference) -> None:
        """Start all sums at zero."""

    @abstractmethod
    def update(self, bins: ScoredBins) -> None:
        """Add scored bins to the sums."""

    @abstractmethod
    def per_unit(self) -> dict[str, npt.NDArray[np.float64]]:
        """Metrics of each unit, ``[units]``; NaN where undefined."""

    @abstractmethod
    def per_session(self) -> dict[str, float]:
        """Metrics of the session; NaN where undefined."""


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Elementwise quotient, NaN where the denominator is 0."""
    return torch.where(denominator == 0, torch.nan, numerator / denominator)
