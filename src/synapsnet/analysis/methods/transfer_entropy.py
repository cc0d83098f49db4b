"""Transfer entropy: information that one unit's past carries about another, beyond that unit's own past."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.analysis.methods.checked import candidate_lags
from synapsnet.analysis.methods.series import TINY, lagged_moments, lags_that_fit, pieces_of
from synapsnet.data.task import Task
from synapsnet.models.moments import Moments

logger = logging.getLogger(__name__)


@final
class TransferEntropy(ConnectivityMethod):
    """Transfer entropy of every pair in nats per bin, by its Gaussian estimate; unsigned.

    ``matrix[i, j] = ½ ln(residual variance of i given its own last k bins / given those and the last k bins of j)``.
    For Gaussian series this is the transfer entropy of Schreiber (2000), and half of the log ratio of bivariate Granger
    causality (Barnett, Barrett & Seth 2009). For spikes, as ``log1p`` counts, it is the part that a linear forecast can
    use. Independent units have k / (2 bins) in expectation, the same for every pair; this bias is not subtracted. The
    measure is bivariate: it cannot distinguish chains from direct connections.

    Args:
        lags: Candidate numbers of lags k; the one with the least one-step error on validation, averaged over pairs, is
            used. Candidates beyond the context of the models are left out.
    """

    name = "transfer_entropy"
    signed = False

    def __init__(self, *, lags: Sequence[int]) -> None:
        self.lags = candidate_lags("transfer_entropy.lags", lags)

    def check(self, task: Task, session: int) -> None:
        lags_that_fit(self.lags, task, session, self.name)

    def estimate(self, task: Task, session: int) -> ConnectivityEstimate:
        choices = lags_that_fit(self.lags, task, session, self.name)
        fitted, held_out = (
            lagged_moments(inputs, inputs, range(1, choices[-1] + 1))
            for inputs in ([p.inputs for p in pieces_of(task, session, split)] for split in ("train", "validation"))
        )
        results = [_entropy_and_error(fitted, held_out, n_lags) for n_lags in choices]
        best = min(range(len(choices)), key=lambda index: results[index][1])
        logger.info("transfer entropy, session %s: %d lags", task.spec.session_ids[session], choices[best])
        return self.answer(task, session, results[best][0].numpy())


def _entropy_and_error(fitted: Moments, held_out: Moments, n_lags: int) -> tuple[Tensor, float]:
    """Transfer entropy ``[post, pre]`` with this number of lags, and the held-out squared error summed over pairs."""
    n_units = fitted.means(1)[1].shape[1]
    center = fitted.means(n_lags * n_units)
    train, held = (_Pairs(*moments.about(*center), n_lags) for moments in (fitted, held_out))
    ridge = TINY * torch.eye(n_lags, dtype=torch.float64)  # does not change a well-posed regression
    rows, error = [], 0.0
    for post in range(n_units):
        own, between, with_own, with_sender = train.of(post)
        inverse = torch.linalg.inv(own + ridge)
        alone = inverse @ with_own  # [lags]
        explained = between @ inverse  # [pre, lags of sender, lags of own]
        unexplained = (
            train.sender - explained @ between.mT
        )  # part of the sender's past that the own past does not explain
        news = with_sender - between @ alone  # [pre, lags]
        sent = torch.linalg.solve(unexplained + ridge, news[..., None])[..., 0]
        joint = alone - (explained.mT @ sent[..., None])[..., 0]  # own coefficients in the joint regression
        before = (train.square[post] - with_own @ alone).clamp(min=TINY)
        after = (before - (news * sent).sum(1)).clamp(min=TINY)
        rows.append(0.5 * torch.log(before / after).clamp(min=0))
        error += held.error(post, joint, sent)
    return torch.stack(rows), error


class _Pairs:
    """Second moments of all units' pasts and presents, by pair."""

    def __init__(self, gram: Tensor, cross: Tensor, square: Tensor, n_lags: int) -> None:
        n_units = cross.shape[2]
        self.square = square[0]
        self._cross = cross.view(n_lags, n_units, n_units)  # [lags, pre, post]
        self._gram = gram.view(n_lags, n_units, n_lags, n_units)
        self.sender = self._gram.diagonal(dim1=1, dim2=3).permute(2, 0, 1)  # [pre, lags, lags]

    def of(self, post: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Moments of the own past with itself, of the senders' pasts with it, and of both with the receiver's present.

        Shapes ``[lags, lags]``, ``[pre, lags of sender, lags of own]``, ``[lags]`` and ``[pre, lags]``.
        """
        between = self._gram[:, :, :, post].transpose(0, 1)
        return self.sender[post], between, self._cross[:, post, post], self._cross[:, :, post].T

    def error(self, post: int, joint: Tensor, sent: Tensor) -> float:
        """Squared error of a receiver, summed over senders, for coefficients ``[pre, lags]`` on its past and theirs."""
        own, between, with_own, with_sender = self.of(post)
        linear = joint @ with_own + (sent * with_sender).sum(1)
        mixed = torch.einsum("pl,plm,pm->p", sent, between, joint)
        quadratic = torch.einsum("pl,lm,pm->p", joint, own, joint) + torch.einsum(
            "pl,plm,pm->p", sent, self.sender, sent
        )
        return float((self.square[post] - 2 * linear + quadratic + 2 * mixed).sum())
