"""Connectivity by Newton steps under a spike-and-slab prior, given the current decoder.

A decoder is best trained by gradient, but a connectivity matrix is not, because optimizer noise and a dense prior hide
weak connections. Given the decoder, each row of A is a penalised regression with an almost exact solution.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from synapsnet.likelihoods import Likelihood
from synapsnet.models.evaluating import HasModes, evaluating
from synapsnet.models.lags import lagged
from synapsnet.models.spike_slab import Posterior, QuadraticModel, fit_spike_slab
from synapsnet.session import Batch, Batches, TaskSpec

logger = logging.getLogger(__name__)

EXPLAINED = 0.999  # share of the responses' energy that the basis must explain
MOST_FILTERS = 4  # largest size of the basis


class DrivenByCurrents(HasModes, Protocol):
    """A model in which a matrix ``A`` turns activity into currents, and a decoder turns these into forecasts."""

    spec: TaskSpec
    likelihood: Likelihood

    def inputs(self, past: Tensor, session: int) -> Tensor:
        """Scaled activity, ``[batch, time, units]``."""

    def raw_connectivity(self, session: int) -> Tensor:
        """The current ``A``, ``[post, pre]``."""

    def departure(self, inputs: Tensor, currents: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        """The decoder's response to input currents: the drive of the units, ``[batch, time, units]``."""

    def parameters_of(self, drive: Tensor, past: Tensor, session: int) -> Tensor:
        """The likelihood's parameters for a drive, ``[batch, time, units, n_params]``."""


class Refinable(Protocol):
    """A connectivity whose matrix is the mean of a posterior."""

    @property
    def log_odds(self) -> Sequence[float]:
        """Candidate prior log-odds of a connection, ascending."""

    def posterior(self, session: int) -> Posterior:
        """The current posterior of a session's ``A``."""

    def adopt(self, session: int, posterior: Posterior, log_odds: float, forecasting: Tensor) -> None:
        """Set the posterior of a session, and the A that forecasts."""


@torch.no_grad()
def refine(model: DrivenByCurrents, connectivity: Refinable, *, train: Batches, validation: Batches) -> None:
    """Fit the posterior of every session's A, at the prior odds with the best validation score.

    The A that forecasts becomes the posterior mean if this validates better than the present A.

    Args:
        model: The model; its decoder and current A are the point of expansion.
        connectivity: The connectivity of the model.
        train: Batches of the train split.
        validation: Batches of the validation split.
    """
    device = model.raw_connectivity(0).device
    refined = []
    with evaluating(model):
        for session in range(len(model.spec.sessions)):
            fitted = [batch.to(device) for batch in train.of_session(session)]
            held_out = [batch.to(device) for batch in validation.of_session(session)]
            refined.append(_refined(model, connectivity, session, fitted, held_out))
    for session, choice in enumerate(refined):  # at the end, so that an interruption changes no session
        connectivity.adopt(session, *choice)


def _refined(
    model: DrivenByCurrents,
    connectivity: Refinable,
    session: int,
    train: Sequence[Batch],
    validation: Sequence[Batch],
) -> tuple[Posterior, float, Tensor]:
    """A session's posterior at the prior log-odds with the best validation score, these log-odds, and the best A."""
    present = model.raw_connectivity(session).clone()
    device = present.device
    problem = quadratic_model(model, session, train).cpu()
    candidates = ~torch.eye(len(present), dtype=torch.bool)
    # One small step after the other: a GPU, which must start each, takes several times as long as the CPU.
    posterior, tried = connectivity.posterior(session).cpu(), []
    for log_odds in connectivity.log_odds:  # each fit starts from the previous posterior
        posterior = fit_spike_slab(problem, present.cpu(), posterior, log_odds=log_odds, candidates=candidates)
        tried.append((_nll(model, session, validation, posterior.mean.to(device)), log_odds, posterior))
    nll, best_log_odds, best = min(tried, key=lambda candidate: candidate[0])
    before = _nll(model, session, validation, present)
    name, share = model.spec.session_ids[session], float(best.inclusion.mean())
    message = "session %s: log-odds %g, validation nll %.4f after %.4f, %.3f included"
    logger.debug(message, name, best_log_odds, nll, before, share)
    return best, best_log_odds, best.mean.to(device) if nll < before else present


def quadratic_model(model: DrivenByCurrents, session: int, train: Sequence[Batch]) -> QuadraticModel:
    """The negative log-likelihood of the train split as a function of A, to second order (Fisher scoring).

    The decoder's response to current is replaced by its mean over the split, one filter per unit. These filters are
    projected on a small shared basis. Otherwise, the score is exact. The averaging is intended: the response of an
    overfitted decoder at single train bins is noise, and the full gradient would lead A astray. The curvature is the
    Fisher information of a drive, averaged over time.

    The part of the filtered senders that recent behavior explains is removed (Frisch & Waugh 1933), because a decoder
    that has not yet learned a unit's response to behavior would leave it to A.
    """
    filters = mean_response(model, session, train)  # [lags, units]
    basis, mixing = _basis(filters)
    n_units, n_filters = len(mixing), basis.shape[1]
    n_sources, n_covariates = n_filters * n_units, 1 + model.spec.n_behavior * model.spec.context_bins
    moments = torch.zeros(n_sources + n_covariates, n_sources + n_covariates, dtype=torch.float64, device=basis.device)
    gradient = torch.zeros(n_units, n_sources + n_covariates, device=basis.device)
    information, n_bins = torch.zeros(n_units, device=basis.device), 0
    for batch in train:
        slope, fisher = _likelihood_slopes(model, batch)
        filtered = _filtered(model.inputs(batch.past, session), basis)  # [batch, time, filters, units]
        recent = lagged(batch.behavior, model.spec.context_bins).flatten(2)
        constant = filtered.new_ones(*filtered.shape[:2], 1)  # behavior may have no features
        scored = torch.cat([filtered.flatten(2), constant, recent], dim=2)[batch.scored]
        moments += (scored.T @ scored).double()
        gradient += slope[batch.scored].T @ scored
        information += fisher[batch.scored].sum(0)
        n_bins += int(batch.scored.sum())
    of, by = slice(None, n_sources), slice(n_sources, None)
    explained = torch.linalg.pinv(moments[by, by], hermitian=True) @ moments[by, of]
    covariance = moments[of, of] - moments[of, by] @ explained
    gradient = gradient[:, of] - gradient[:, by] @ explained.float()
    score = -torch.einsum("ir,irj->ij", mixing, gradient.view(n_units, n_filters, n_units))
    return QuadraticModel(
        covariance=covariance.float().view(n_filters, n_units, n_filters, n_units),
        mixing=mixing,
        precision=information / n_bins,
        polarity=torch.where(filters.sum(0) < 0, -1.0, 1.0),
        score=score,
    )


def mean_response(model: DrivenByCurrents, session: int, batches: Iterable[Batch]) -> Tensor:
    """Mean response of each unit's drive to its current by lag, ``[lags, units]``, starting with the present bin.

    The mean is over the last scored step of every window; lags that short windows lack are averaged over the longer
    windows.
    """
    total, count = torch.zeros(()), torch.zeros(())
    for batch in batches:
        inputs = model.inputs(batch.past, session)
        # cuDNN cannot differentiate a recurrent decoder in evaluation mode.
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            currents = (inputs @ model.raw_connectivity(session).T).detach().requires_grad_()
            drive = model.departure(inputs, currents, batch.behavior, session, batch.slow)
            steps = torch.arange(inputs.shape[1], device=inputs.device)
            last = torch.where(batch.scored, steps, -1).amax(1)
            final = drive[torch.arange(len(drive), device=inputs.device), last.clamp(min=0)] * (last >= 0)[:, None]
            (gradient,) = torch.autograd.grad(final.sum(), currents)
        ago = last[:, None] - steps  # [windows, lags]
        by_lag = gradient.gather(1, ago.clamp(min=0)[:, :, None].expand_as(gradient)) * (ago >= 0)[:, :, None]
        total, count = _add(total, by_lag.sum(0)), _add(count, (ago >= 0).sum(0).float())
    return total / count.clamp(min=1)[:, None]


def _add(total: Tensor, part: Tensor) -> Tensor:
    """Sum of two tensors by lag; either may have more lags."""
    if total.ndim == 0:
        return part
    longer, shorter = (total, part) if len(total) >= len(part) else (part, total)
    added = longer.clone()
    added[: len(shorter)] += shorter
    return added


def _basis(filters: Tensor) -> tuple[Tensor, Tensor]:
    """A few orthonormal filters ``[lags, basis]`` and each unit's mixture of them ``[units, basis]``.

    All units count equally, regardless of the size of their response, because a row of A absorbs that scale.
    """
    shapes = filters / filters.norm(dim=0).clamp(min=1e-12)
    vectors, sizes, _ = torch.linalg.svd(shapes, full_matrices=False)
    explained = sizes.square().cumsum(0) / sizes.square().sum().clamp(min=1e-12)
    n_filters = min(int((explained < EXPLAINED).sum()) + 1, MOST_FILTERS, len(sizes))
    basis = vectors[:, :n_filters]
    return basis, filters.T @ basis


def _filtered(inputs: Tensor, basis: Tensor) -> Tensor:
    """Inputs filtered by each filter of the basis, ``[batch, time, basis, units]``."""
    time = inputs.shape[1]
    steps = torch.arange(time, device=inputs.device)
    ago = steps[:, None] - steps
    kernels = torch.where((ago >= 0)[:, :, None], basis[ago.clamp(0, len(basis) - 1)], 0.0)
    kernels = torch.where((ago < len(basis))[:, :, None], kernels, 0.0)
    return torch.einsum("tsr,bsj->btrj", kernels, inputs)


def _likelihood_slopes(model: DrivenByCurrents, batch: Batch) -> tuple[Tensor, Tensor]:
    """Slope of the negative log-likelihood in each drive, and Fisher information, ``[batch, time, units]`` each."""
    inputs = model.inputs(batch.past, batch.session)
    currents = inputs @ model.raw_connectivity(batch.session).T
    drive = model.departure(inputs, currents, batch.behavior, batch.session, batch.slow)
    with torch.enable_grad():
        drive = drive.detach().requires_grad_()
        params = model.parameters_of(drive, batch.past, batch.session)
        (slope,) = torch.autograd.grad(model.likelihood.nll(params, batch.target).sum(), drive, retain_graph=True)
        (gain,) = torch.autograd.grad(model.likelihood.mean(params).sum(), drive)
        variance = model.likelihood.distribution(params).variance.detach()
    return slope, gain.square() / variance


def _nll(model: DrivenByCurrents, session: int, batches: Sequence[Batch], matrix: Tensor) -> float:
    """Mean negative log-likelihood per scored unit-bin with ``matrix`` as the session's A."""
    total, count = 0.0, 0
    for batch in batches:
        inputs = model.inputs(batch.past, session)
        drive = model.departure(inputs, inputs @ matrix.T, batch.behavior, session, batch.slow)
        params = model.parameters_of(drive, batch.past, session)
        losses = model.likelihood.nll(params, batch.target)[batch.scored]
        total, count = total + float(losses.sum(dtype=torch.float64)), count + losses.numel()
    return total / count
