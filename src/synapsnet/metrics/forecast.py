"""Scores of one-step forecasts, accumulated batch by batch."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import synapsnet.metrics
from synapsnet.likelihoods import Likelihood
from synapsnet.metrics.base import Metric, Reference, ScoredBins
from synapsnet.session import Batch, Signal, TaskSpec


class ForecastScores:
    """Streams forecasts and returns the scores of every session, and of every unit.

    Args:
        spec: The sessions, with the train statistics that scores refer to.
        likelihood: How the model's params describe the next bin.
    """

    def __init__(self, spec: TaskSpec, likelihood: Likelihood) -> None:
        self._spec = spec
        self._likelihood = likelihood
        self._metrics: dict[int, list[Metric]] = {}

    @torch.no_grad()
    def update(self, params: Tensor, batch: Batch) -> None:
        """Add the scored steps of a batch.

        Args:
            params: What the model returned, ``[batch, time, units, n_params]``.
            batch: The batch it was given.
        """
        if not batch.scored.any():
            return
        # To the CPU before float64: not every accelerator has it.
        chosen = [values[batch.scored].cpu().double() for values in (params, batch.target, batch.past)]
        scored_params, target, last = chosen
        bins = ScoredBins(
            predicted=self._likelihood.mean(scored_params),
            target=target,
            last=last,
            nll=self._likelihood.nll(scored_params, target),
        )
        if batch.session not in self._metrics:
            reference = Reference.of(self._spec.sessions[batch.session], self._spec.signal)
            self._metrics[batch.session] = [family(reference) for family in metric_families(self._spec.signal)]
        for metric in self._metrics[batch.session]:
            metric.update(bins)

    def unit_metrics(self) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
        """Metrics of each unit, ``[units]``, by session id and metric; NaN where undefined.

        Only sessions with scored bins appear.
        """
        return {
            self._spec.session_ids[index]: {
                name: values for metric in metrics for name, values in metric.per_unit().items()
            }
            for index, metrics in sorted(self._metrics.items())
        }

    def session_metrics(self) -> dict[str, dict[str, float]]:
        """Metrics of each session with scored bins, by session id and metric; NaN where undefined."""
        return {
            self._spec.session_ids[index]: {
                name: value for metric in metrics for name, value in metric.per_session().items()
            }
            for index, metrics in sorted(self._metrics.items())
        }


def metric_families(signal: Signal) -> list[type[Metric]]:
    """Every family of metrics in this package that is defined on a signal, in the order of their files."""
    package = synapsnet.metrics
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    families = [family for family in Metric.__subclasses__() if family.__module__.startswith(f"{package.__name__}.")]
    return sorted((family for family in families if signal in family.signals), key=lambda family: family.__module__)
