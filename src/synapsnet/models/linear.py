"""Base class of the linear baselines: lagged features, with the number of lags and the penalty set on validation."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import final

import torch
from torch import Tensor

from synapsnet.errors import UserError
from synapsnet.likelihoods import Likelihood
from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.models.lags import present_first
from synapsnet.models.moments import Fit, Moments
from synapsnet.models.per_session import PerSession
from synapsnet.session import Batch, TaskSpec

logger = logging.getLogger(__name__)

DESIGN_NUMBERS = 2**24  # float64 numbers of a design matrix held at once (128 MiB)


class LinearForecaster(ClosedFormForecaster):
    """A penalised regression of the next bin (``increments``: of its change) on lagged inputs and lagged behavior.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        lag_choices: Candidate numbers of lags, ascending, for each session.
        layout: Groups, features per lag and targets of each session's regression (see `synapsnet.models.moments`).
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        lag_choices: Sequence[Sequence[int]],
        layout: Sequence[tuple[int, int, int]],
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        self._lag_choices = lag_choices
        self._layout = layout
        self.coefficients = PerSession(
            torch.zeros(groups, choices[-1], per_lag, targets)
            for choices, (groups, per_lag, targets) in zip(lag_choices, layout, strict=True)
        )
        self.intercepts = PerSession(torch.zeros(groups, targets) for groups, _, targets in layout)
        self.lag_counts = PerSession(torch.zeros((), dtype=torch.int64) for _ in layout)
        self.penalties = PerSession(torch.zeros(groups) for groups, _, _ in layout)

    @abstractmethod
    def features(self, inputs: Tensor, behavior: Tensor) -> Tensor:
        """Features of every step, ``[batch, time, groups, lags, features per lag]``, from lagged inputs and behavior.

        Args:
            inputs: ``[batch, time, lags, units]``, starting with the present bin.
            behavior: ``[batch, time, lags, features]``.
        """

    @abstractmethod
    def grouped(self, units: Tensor) -> Tensor:
        """Reshape units to the targets of groups: ``[samples, units]`` to ``[groups, samples, targets]``."""

    @abstractmethod
    def response(self, inputs: Tensor, behavior: Tensor, session: int) -> Tensor:
        """Product of `features` and the coefficients, plus the intercept, ``[batch, time, units]``."""

    @abstractmethod
    def regression(self, train: Moments, held_out: Moments, n_lags: int, session: int) -> Fit:
        """Fit the features of the first ``n_lags`` lags to ``train`` with the penalty that is best on ``held_out``."""

    @final
    def n_lags(self, session: int) -> int:
        """The selected number of lags."""
        return int(self.lag_counts[session])

    @final
    def predicted(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        n_lags = max(self.n_lags(session), 1)
        inputs = present_first(self.inputs(past, session), n_lags)
        response = self.response(inputs, present_first(behavior, n_lags), session)
        return self.scale(session).add_baseline(response, past)

    @final
    def fit_session(self, session: int, train: Iterable[Batch], validation: Iterable[Batch]) -> None:
        fitted, held_out = self._moments(train, session), self._moments(validation, session)
        # Features are ordered by lag, so fewer lags are the leading features. In a tie, the fewest lags win.
        choices = self._lag_choices[session]
        fits = ((n_lags, self.regression(fitted, held_out, n_lags, session)) for n_lags in choices)
        self._store(session, *min(fits, key=lambda candidate: float(candidate[1].error.sum())))

    def _store(self, index: int, n_lags: int, fit: Fit) -> None:
        groups, per_lag, targets = self._layout[index]
        scale = self.grouped(self.scale(index).target_sd[None])
        stored = self.coefficients[index]
        stored.zero_()
        stored[:, :n_lags] = (fit.coefficients * scale).view(groups, n_lags, per_lag, targets).to(stored)
        self.intercepts[index].copy_(fit.intercept * scale[:, 0])
        self.lag_counts[index].fill_(n_lags)
        self.penalties[index].copy_(fit.penalty)
        logger.info(
            "%s, session %s: %d of up to %d lags, penalty per sample %s; validation error %.4f of unit variance; %s",
            type(self).__name__,
            self.spec.session_ids[index],
            n_lags,
            self._lag_choices[index][-1],
            _summary(fit.penalty),
            float(fit.error.sum()) / (groups * targets),
            f"{int(fit.at_limit.sum())} of {groups} penalties at a limit of the search (weakest or strongest)",
        )

    def _moments(self, batches: Iterable[Batch], session: int) -> Moments:
        """Moments of the features with the largest number of lags, and of targets in train standard deviations."""
        groups, per_lag, targets = self._layout[session]
        n_lags, scale = self._lag_choices[session][-1], self.scale(session)
        moments = Moments(groups, n_lags * per_lag, targets, device=self.device)
        for batch in _pieces(batches, groups * n_lags * per_lag):
            inputs = present_first(scale.inputs(batch.past), n_lags)
            x = self.features(inputs, present_first(batch.behavior, n_lags))[batch.scored]
            y = scale.less_baseline(batch.target, batch.past)[batch.scored] / scale.target_sd
            moments.update(x.transpose(0, 1).flatten(2), self.grouped(y))
        return moments


def lags_within(lags: Sequence[int], context_bins: int) -> list[int]:
    """The numbers of lags that fit into the context.

    Raises:
        UserError: if no number of lags fits.
    """
    fitting = [n_lags for n_lags in lags if 1 <= n_lags <= context_bins]
    if not fitting:
        raise UserError(f"model.lags={list(lags)}: no number of lags is between 1 and data.context_bins={context_bins}")
    return fitting


def _pieces(batches: Iterable[Batch], numbers_per_step: int) -> Iterator[Batch]:
    """The same windows in batches so small that a design matrix has at most `DESIGN_NUMBERS` numbers."""
    for batch in batches:
        size = max(1, DESIGN_NUMBERS // (numbers_per_step * batch.past.shape[1]))
        for low in range(0, len(batch.past), size):
            yield batch.part(slice(low, low + size))


def _summary(penalty: Tensor) -> str:
    """A penalty, or the range of several penalties, as text."""
    if len(penalty) == 1:
        return f"{float(penalty):.3g}"
    return f"{float(penalty.min()):.3g} to {float(penalty.max()):.3g}, median {float(penalty.median()):.3g}"
