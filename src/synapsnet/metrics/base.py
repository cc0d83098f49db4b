"""Families of metrics: sums over the scored bins of one session, and the metrics computed from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torchmetrics
from torch import Tensor

from synapsnet.metrics.columns import Column
from synapsnet.metrics.gather import gather
from synapsnet.session import SessionSpec, Signal


@dataclass(frozen=True, eq=False)
class ScoredBins:
    """Scored bins of one session, every array float64 ``[bins, units]`` in units of the target.

    Attributes:
        predicted: Expected activity under the model.
        target: Recorded activity.
        last: Activity in the bin before the target, which is the forecast of persistence.
        nll: Negative log-likelihood under the model's own likelihood, in nats.
        train_mean_nll: The same of the train-mean model; NaN where it is not given.
    """

    predicted: Tensor
    target: Tensor
    last: Tensor
    nll: Tensor
    train_mean_nll: Tensor


@dataclass(frozen=True, eq=False)
class Reference:
    """Train statistics of a session in units of the target, float64 ``[units]``.

    Attributes:
        mean: Train mean.
        scale: Train standard deviation.
        null_rate: Train mean with a floor above 0, so that one spike of a silent unit has a finite cost.
    """

    mean: Tensor
    scale: Tensor
    null_rate: Tensor

    @classmethod
    def of(cls, session: SessionSpec, signal: Signal) -> Reference:
        """Reference of a session; calcium targets are z-scored, so their mean is 0 and their scale 1."""
        mean = torch.as_tensor(session.mean, dtype=torch.float64)
        scale = torch.as_tensor(session.scale, dtype=torch.float64)
        if signal == "calcium":
            mean, scale = torch.zeros_like(mean), torch.ones_like(scale)
        return cls(mean=mean, scale=scale, null_rate=mean.clamp(min=0.5 / session.n_train_bins))


class Computed(NamedTuple):
    """Metrics of one session by name, see `Metric`; those per unit are ``[units]``."""

    per_unit: Mapping[str, npt.NDArray[np.float64]]
    per_session: Mapping[str, float]


class Metric(torchmetrics.Metric):
    """One family of metrics of one session. A subclass in a file of this package is used automatically.

    Metrics keep sums in float64 on the CPU, never averages over batches, so the batch size does not matter. Each sum is
    a state with a ``dist_reduce_fx``, which combines several devices. The classes of torchmetrics accumulate in
    float32, which loses the spread if the mean is much larger.
    """

    full_state_update = False  # bins add up in any order

    columns: ClassVar[tuple[Column, ...]]
    """Metrics of the family, as tables show them."""

    signals: ClassVar[tuple[Signal, ...]]
    """Signals on which the family is defined."""

    n_bins: Tensor

    @abstractmethod
    def __init__(self, reference: Reference) -> None:
        """Start all sums at zero."""
        super().__init__(dist_sync_fn=gather)
        self.add_state("n_bins", torch.zeros(1, dtype=torch.float64), dist_reduce_fx="sum")

    @property
    def update_called(self) -> bool:
        """Always True, because a device without bins still has valid sums."""
        return True

    def update(self, bins: ScoredBins) -> None:
        """Add scored bins to the sums."""
        self.n_bins += len(bins.target)
        self.add(bins)

    def compute(self) -> Computed | None:
        """The metrics over the bins of all devices; None without a bin."""
        if self.n_bins == 0:
            return None
        return Computed(
            per_unit={name: values.numpy() for name, values in self.per_unit().items()},
            per_session={name: float(value) for name, value in self.per_session().items()},
        )

    @abstractmethod
    def add(self, bins: ScoredBins) -> None:
        """Add scored bins to the states of the family."""

    @abstractmethod
    def per_unit(self) -> dict[str, Tensor]:
        """Metrics of each unit, ``[units]``; NaN where undefined."""

    @abstractmethod
    def per_session(self) -> dict[str, Tensor]:
        """Metrics of the session, each of one element; NaN where undefined."""


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Elementwise quotient, NaN where the denominator is 0."""
    return torch.where(denominator == 0, torch.nan, numerator / denominator)
