"""Scores of one-step forecasts, accumulated batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synapsnet.likelihoods import Likelihood
from synapsnet.metrics.base import Computed, Metric, Reference, ScoredBins
from synapsnet.metrics.families import columns, metric_families
from synapsnet.metrics.time_blocks import BlockSums, TimeBlocks
from synapsnet.session import Batch, TaskSpec

_Value = TypeVar("_Value")


class ForecastScores:
    """Accumulates forecasts and returns the scores of every session, and of every unit.

    Args:
        spec: The sessions, with the train statistics that scores refer to.
        likelihood: Likelihood of the next bin, given the model's params.
        train_mean: Params of the train-mean model for each session, ``[units, n_params]``, see
            `synapsnet.analysis.evaluation.train_mean_params`. If None, gains over it are NaN.
        in_blocks: True to keep the log-likelihood in blocks of time as well, for which batches must come in order of
            time, on one device.
    """

    def __init__(
        self, spec: TaskSpec, likelihood: Likelihood, train_mean: Sequence[Tensor] | None, *, in_blocks: bool = False
    ) -> None:
        self._in_blocks = in_blocks
        self._spec = spec
        self._likelihood = likelihood
        self._train_mean = train_mean
        self._metrics: dict[int, list[Metric]] = {}
        self._blocks: dict[int, BlockSums] = {}

    @torch.no_grad()
    def update(self, params: Tensor, batch: Batch) -> None:
        """Add the scored steps of a batch.

        Args:
            params: Output of the model, ``[batch, time, units, n_params]``.
            batch: The input batch.
        """
        if not batch.scored.any():
            return
        # Moved to the CPU first, because not every accelerator has float64.
        scored_params, target, last = (
            values[batch.scored].cpu().double() for values in (params, batch.target, batch.past)
        )
        bins = ScoredBins(
            predicted=self._likelihood.mean(scored_params),
            target=target,
            last=last,
            nll=self._likelihood.nll(scored_params, target),
            train_mean_nll=self._train_mean_nll(target, batch.session),
        )
        for metric in self._of(batch.session):
            metric.update(bins)
        if self._in_blocks:
            if batch.session not in self._blocks:
                self._blocks[batch.session] = BlockSums(target.shape[1])
            self._blocks[batch.session].add(bins.nll)

    def time_blocks(self) -> dict[str, TimeBlocks]:
        """Log-likelihood in blocks of time, by session id; empty without ``in_blocks``."""
        return {self._spec.session_ids[index]: sums.blocks() for index, sums in sorted(self._blocks.items())}

    def unit_metrics(self) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
        """Metrics of each unit, ``[units]``, by session id and metric; NaN where undefined.

        Only sessions with scored bins appear. On several devices, call it on all of them.
        """
        return {session: _in_order(family.per_unit for family in metrics) for session, metrics in self._computed()}

    def session_metrics(self) -> dict[str, dict[str, float]]:
        """Metrics of each session with scored bins, by session id and metric; NaN where undefined.

        On several devices, call it on all of them.
        """
        return {session: _in_order(family.per_session for family in metrics) for session, metrics in self._computed()}

    def _train_mean_nll(self, target: Tensor, session: int) -> Tensor:
        if self._train_mean is None:
            return torch.full_like(target, torch.nan)
        params = self._train_mean[session].double()
        return self._likelihood.nll(params.expand(*target.shape, -1), target)

    def _computed(self) -> Iterator[tuple[str, list[Computed]]]:
        """Metrics of every session that has scored bins on any device."""
        # All devices must take part in combining the sums of a session, even those without any of its bins.
        shared = torch.distributed.is_available() and torch.distributed.is_initialized()
        for index in range(len(self._spec.sessions)) if shared else sorted(self._metrics):
            computed = [metric.compute() for metric in self._of(index)]
            defined = [metrics for metrics in computed if metrics is not None]
            if defined:
                yield self._spec.session_ids[index], defined

    def _of(self, session: int) -> list[Metric]:
        if session not in self._metrics:
            reference = Reference.of(self._spec.sessions[session], self._spec.signal)
            self._metrics[session] = [family(reference) for family in metric_families(self._spec.signal)]
        return self._metrics[session]


def _in_order(families: Iterable[Mapping[str, _Value]]) -> dict[str, _Value]:
    """The metrics of all families, in table order."""
    values = {name: value for family in families for name, value in family.items()}
    return {column.name: values[column.name] for column in columns(values)}
