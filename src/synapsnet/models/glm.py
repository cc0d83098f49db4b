"""Coupled generalised linear model (Pillow et al. 2008), with the link of the likelihood (softplus for counts).

Every unit's next bin is driven by linear filters over its own past, the past of all other units and the behavior. The
width of the prior on the coupling filters, which sets their L2 penalty, is selected on validation within a single run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import cast, final

import numpy as np
import torch
from torch import Tensor, nn

from synapsnet.likelihoods import Likelihood
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.edges import zeroed
from synapsnet.models.hooks import Selecting
from synapsnet.models.lags import by_lag, present_first
from synapsnet.models.pairs import check_pairs
from synapsnet.models.per_session import PerSession
from synapsnet.models.trained import TrainedForecaster
from synapsnet.session import Batch, TaskSpec

logger = logging.getLogger(__name__)

EDGE_PATIENCE = 5  # consecutive selections at an edge of the grid before a warning


@final
class PenalizedGlm(TrainedForecaster):
    """The model under one fixed prior; `Glm` trains several of these in parallel.

    Every filter has a Gaussian prior. Its width is that of the total drive that a unit receives through all filters of
    one kind, so one setting serves few and many units. As a penalty, it becomes weaker as the train split grows.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        lags: Number of past bins.
        own_scale: Prior width of the drive by the own past, and of the drive by the behavior.
        coupling_scale: Prior width of the drive by all other units.
    """

    def __init__(
        self, *, spec: TaskSpec, likelihood: Likelihood, lags: int, own_scale: float, coupling_scale: float
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        self.n_lags = lags
        self.own_scale, self.coupling_scale = own_scale, coupling_scale
        self.own = nn.ParameterList()  # [lags, units]
        self.coupling = nn.ParameterList()  # [lags, pre, post]
        self.tuning = nn.ParameterList()  # [lags, features, post]
        check_pairs(spec, "model=glm")
        self.off_diagonal = PerSession((1 - torch.eye(s.n_units) for s in spec.sessions), persistent=False)
        for session in spec.sessions:
            units = session.n_units
            self.own.append(nn.Parameter(torch.zeros(lags, units)))
            self.coupling.append(nn.Parameter(torch.zeros(lags, units, units)))
            if spec.n_behavior:
                self.tuning.append(nn.Parameter(torch.zeros(lags, spec.n_behavior, units)))

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        recent = present_first(inputs, self.n_lags)
        drive: Tensor = (recent * self.own[session]).sum(2)
        drive = drive + recent.flatten(2) @ self.coupling_filters(session).flatten(0, 1)
        if self.spec.n_behavior:
            drive = drive + present_first(behavior, self.n_lags).flatten(2) @ self.tuning[session].flatten(0, 1)
        return drive

    def coupling_filters(self, session: int) -> Tensor:
        """Filters between different units, ``[lags, pre, post]``."""
        filters: Tensor = self.coupling[session] * self.off_diagonal[session]
        return filters

    def penalty(self) -> Tensor:
        """Negative log-prior per unit-bin of the train splits.

        A batch holds one session and informs only the filters of that session, while the penalty acts on all filters.
        Therefore, the penalty of each session is divided by the bins of all sessions.
        """
        n_bins = sum(session.n_train_bins for session in self.spec.sessions)
        total = super().penalty()
        for index, session in enumerate(self.spec.sessions):
            kinds = [
                (self.own[index], self.own_scale, self.n_lags),
                (self.coupling_filters(index), self.coupling_scale, self.n_lags * max(session.n_units - 1, 1)),
            ]
            if self.spec.n_behavior:
                kinds.append((self.tuning[index], self.own_scale, self.n_lags * self.spec.n_behavior))
            for filters, scale, received in kinds:
                total = total + filters.square().sum() * (received / (2 * scale**2 * n_bins * session.n_units))
        return total


@final
class Glm(Forecaster, ConnectivityForecaster, Selecting):
    """A path of `PenalizedGlm`, trained together; the member with the best validation score serves a session.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        lags: Number of past bins, at most ``spec.context_bins``.
        own_scale: See `PenalizedGlm`.
        coupling_scales: The path, ascending: from a prior so tight that nothing couples to a very wide one.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        lags: int,
        own_scale: float,
        coupling_scales: Sequence[float],
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        self.path = nn.ModuleList(
            PenalizedGlm(
                spec=spec,
                likelihood=likelihood,
                lags=min(lags, spec.context_bins),
                own_scale=own_scale,
                coupling_scale=scale,
            )
            for scale in coupling_scales
        )
        self.chosen: Tensor
        self.register_buffer("chosen", torch.full((len(spec.sessions),), len(self.path) // 2))
        self._choices_at_edge = [0] * len(spec.sessions)
        self._warned: set[int] = set()

    def chosen_member(self, session: int) -> PenalizedGlm:
        """The member of the path that serves a session."""
        return cast(PenalizedGlm, self.path[int(self.chosen[session])])

    def forward(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        params: Tensor = self.chosen_member(session)(past, behavior, session, slow)
        return params

    def training_loss(self, batch: Batch) -> Tensor:
        """Mean loss over the path; members share no parameters, so each descends its own loss."""
        return torch.stack([cast(PenalizedGlm, member).training_loss(batch) for member in self.path]).mean()

    def penalty(self) -> Tensor:
        return torch.stack([cast(PenalizedGlm, member).penalty() for member in self.path]).mean()

    @torch.no_grad()
    def select(self, validation: Iterable[Batch]) -> None:
        """Select the member for each session by its likelihood on validation."""
        nll = np.zeros((len(self.path), len(self.spec.sessions)))
        for batch in validation:
            here = batch.to(self.chosen.device)
            for index, member in enumerate(self.path):
                params = member(here.past, here.behavior, here.session, here.slow)
                losses = self.likelihood.nll(params, here.target)[here.scored]
                nll[index, here.session] += float(losses.sum(dtype=torch.float64))
        for session, best in enumerate(nll.argmin(0).tolist()):
            self._note_choice(session, best)
            self.chosen[session] = best

    def _note_choice(self, session: int, best: int) -> None:
        edges = {
            0: "the tightest of model.coupling_scales; units forecast best almost without coupling",
            len(self.path) - 1: "the loosest of model.coupling_scales; add a larger one",
        }
        self._choices_at_edge[session] = self._choices_at_edge[session] + 1 if best in edges else 0
        if self._choices_at_edge[session] == EDGE_PATIENCE and session not in self._warned:
            self._warned.add(session)
            scale = self.path[best].coupling_scale
            name = self.spec.session_ids[session]
            logger.warning("Glm, session %s: coupling_scale %s validates best, %s", name, scale, edges[best])

    def raw_connectivity(self, session: int) -> Tensor:
        """Coupling filters on the inputs, summed over lags."""
        return self.chosen_member(session).coupling_filters(session).detach().sum(0).T.clone()

    def without_edges(self, session: int, removed: Tensor) -> AbstractContextManager[None]:
        return zeroed(self.chosen_member(session).coupling[session], removed.T)

    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        member, scale = self.chosen_member(session), self.scale(session)
        with torch.enable_grad():
            drive = member.drive(member.inputs(past, session), behavior, session, slow).detach().requires_grad_()
            (link_slope,) = torch.autograd.grad(member.expected(drive, past, session)[:, -1].sum(), drive)
        recent = scale.input_gain(past)[:, -member.n_lags :].flip(1)  # [batch, lags, pre]
        slope = torch.einsum("bi,blj->lij", link_slope[:, -1], recent) / len(past)
        jacobian = slope * member.coupling_filters(session).detach().transpose(1, 2)
        return by_lag(scale.raw_size[:, None] * jacobian, n_lags)
