"""Laws of a model that claims to know which unit drives which."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from synapsnet.analysis.evidence import connection_evidence
from synapsnet.data.task import Task
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.testing.laws.under_test import ModelUnderTest, batches
from synapsnet.testing.tasks import Kind, coupled, small_task


class ConnectivityLaws(ModelUnderTest):
    """Effective connectivity is the mean Jacobian, whatever the model, and its edges are all there is."""

    steps = 30

    @pytest.fixture(scope="class")
    @classmethod
    def task(cls, kind: Kind) -> Task:
        """Two sessions of different size, whose units drive each other."""
        return small_task(coupled(kind), kind)

    def has_edges(self, model: Forecaster) -> bool:
        """True if any edge is expected, False for an ablation without edges."""
        return True

    def test_effective_connectivity_is_the_mean_jacobian(self, model: Forecaster, task: Task) -> None:
        """Nudging every bin of every unit moves the others' forecasts as direct and unobserved connections say."""
        claimant = claiming(model)
        for session in range(len(task.spec.sessions)):
            given = windows(task, session)
            found = (claimant.effective_connectivity(*given, 1) + claimant.via_unobserved(*given, 1))[0]
            with torch.no_grad(), claimant.as_read():
                expected = brute_force(model, *given)
            assert bool(found.abs().max() > 1e-3) == self.has_edges(model)
            np.testing.assert_allclose(found, expected, atol=2e-2 * float(expected.abs().max()))

    def test_a_matrix_is_of_the_units_and_has_no_diagonal(self, model: Forecaster, task: Task) -> None:
        """Matrices are ``[post, pre]``, and probabilities lie between 0 and 1."""
        claimant = claiming(model)
        for session, info in enumerate(task.spec.sessions):
            square = (info.n_units, info.n_units)
            effective = claimant.effective_connectivity(*windows(task, session), 3)
            assert effective.shape == (3, *square)
            assert claimant.raw_connectivity(session).shape == square
            assert not effective.diagonal(dim1=1, dim2=2).any()
            inclusion = claimant.inclusion(session)
            if inclusion is not None:
                assert inclusion.shape == square
                assert ((inclusion >= 0) & (inclusion <= 1)).all()

    def test_evidence_is_of_different_units(self, model: Forecaster, task: Task) -> None:
        """Estimates and errors are finite, ``[post, pre]`` without a diagonal, and there are some."""
        for session, info in enumerate(task.spec.sessions):
            found = connection_evidence(model, task.loader("train", batch_size=8), session)
            for matrix in (found.estimate, found.standard_error):
                assert matrix.shape == (info.n_units, info.n_units)
                assert bool(matrix.isfinite().all())
                assert not matrix.diagonal().any()
            assert bool((found.standard_error > 0).any())

    def test_lags_add_up(self, model: Forecaster, task: Task) -> None:
        """With any number of lags, their sum is the effect of a sustained unit of activity."""
        claimant = claiming(model)
        for session in range(len(task.spec.sessions)):
            given = windows(task, session)
            (whole,) = claimant.effective_connectivity(*given, 1)
            for n_lags in (2, 4):
                lags = claimant.effective_connectivity(*given, n_lags)
                torch.testing.assert_close(lags.sum(0), whole, rtol=1e-4, atol=1e-6)

    @torch.no_grad()
    def test_without_its_edges_no_unit_hears_another(self, model: Forecaster, task: Task) -> None:
        """Connections are the only path between units, and come back when the context ends."""
        claimant = claiming(model)
        for batch in batches(task):
            n_units = batch.past.shape[2]
            past, slow = batch.past.clone(), batch.slow.clone()
            past[:, :, 0] = past[:, :, 0].flip(0) + 3
            slow[:, :, 0] += 2
            before = model(batch.past, batch.behavior, batch.session, batch.slow)
            after = model(past, batch.behavior, batch.session, slow)
            assert bool((after - before)[:, :, 1:].any()) == self.has_edges(model)
            every = ~torch.eye(n_units, dtype=torch.bool)
            with claimant.without_edges(batch.session, every), claimant.without_unobserved():
                cut = model(batch.past, batch.behavior, batch.session, batch.slow)
                moved = model(past, batch.behavior, batch.session, slow)
            torch.testing.assert_close(moved[:, :, 1:], cut[:, :, 1:], rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(model(batch.past, batch.behavior, batch.session, batch.slow), before)


def claiming(model: Forecaster) -> ConnectivityForecaster:
    """The model as one that claims connectivity."""
    assert isinstance(model, ConnectivityForecaster), f"{type(model).__name__} is no ConnectivityForecaster"
    return model


def windows(task: Task, session: int) -> tuple[Tensor, Tensor, int, Tensor]:
    """Held-out windows whose last step has full context: what a forecaster is given."""
    batch = batches(task)[session]
    full = batch.scored[:, -1]
    return batch.past[full], batch.behavior[full], session, batch.slow[full]


def brute_force(model: Forecaster, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
    """Mean Jacobian of the last forecast with respect to raw activity, summed over lags, by nudging each bin.

    With increments, a nudge of bin t lasts: it is a change at t of the level from then on, save the copied last bin.
    The slow state stays, because it holds only a unit's own past.
    """
    info = model.spec.sessions[session]
    n_units, time = past.shape[2], past.shape[1]
    unit = torch.as_tensor(info.scale).float() if model.spec.signal == "calcium" else torch.ones(n_units)
    jacobian = torch.zeros(n_units, n_units, dtype=torch.float64)
    step = 1e-3  # small, because a rate may cross its floor
    for pre in range(n_units):
        means = []
        for sign in (1.0, -1.0):
            nudged = past.repeat(time, 1, 1, 1)  # [nudged bin, batch, time, units]
            for t in range(time):
                bins = slice(t, None) if model.spec.inputs == "increments" else slice(t, t + 1)
                nudged[t, :, bins, pre] += sign * step
            params = model(nudged.flatten(0, 1), behavior.repeat(time, 1, 1), session, slow.repeat(time, 1, 1, 1))
            means.append(model.likelihood.mean(params)[:, -1].double().view(time, len(past), n_units))
        jacobian[:, pre] = (means[0] - means[1]).mean(1).sum(0) / (2 * step)
    return (jacobian * unit[:, None] / unit).fill_diagonal_(0)
