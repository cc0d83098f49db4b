"""Removed edges carry nothing, and the strong ones are worth more than others."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from laws import KINDS, Kind, build, names, simulated, small_task, trained

from synapsnet.analysis.edge_removal import SHARES, edge_removal
from synapsnet.analysis.jacobian import differentiable, differentiated
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.metrics import ForecastScores
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.synapsnet import SynapsNet
from synapsnet.session import Batch, Session

FORMS = [("synapsnet_plain", f"model/connectivity={name}") for name in names("model/connectivity") if name != "none"]


@cache
def task(kind: Kind) -> Task:
    """Every unit also repeats what the unit before it did a bin ago."""
    sessions = [replace(s, activity=s.activity + np.roll(s.activity, (1, 1), (0, 1))) for s in simulated(kind)]
    return small_task(sessions, kind)


def coupled() -> list[tuple[str, ...]]:
    spec = task("spikes").spec
    claims = [name for name in names("model") if isinstance(build(name, spec), ConnectivityForecaster)]
    silent = {"synapsnet", "synapsnet_plain", "synapsnet_no_unobserved", "synapsnet_no_connectivity"}
    return [(name,) for name in claims if name not in silent] + FORMS


def batches(kind: Kind) -> list[Batch]:
    return list(task(kind).loader("test", batch_size=64))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", coupled(), ids="-".join)
def test_removed_edges_carry_nothing_and_come_back(name: tuple[str, ...], kind: Kind) -> None:
    model = trained(name[0], task(kind), *name[1:], steps=20)
    assert isinstance(model, ConnectivityForecaster)
    here, elsewhere = batches(kind)

    def jacobian() -> torch.Tensor:
        with differentiable(model):
            return differentiated(model, here.past, here.behavior, 0, here.slow, n_lags=1, blocks=[len(here.past)])[
                0, 0
            ]

    def forecasts() -> list[torch.Tensor]:
        with torch.no_grad():
            return [model(batch.past, batch.behavior, batch.session, batch.slow) for batch in (here, elsewhere)]

    whole, before, raw = jacobian(), forecasts(), model.raw_connectivity(0).clone()
    removed = torch.rand(raw.shape, generator=torch.Generator().manual_seed(0)) < 0.3
    assert raw[removed].any()
    with model.without_edges(0, removed):
        left = jacobian()
        assert not left[removed].any()
        assert torch.equal(left[~removed] != 0, whole[~removed] != 0)
        during = forecasts()
        assert not torch.equal(during[0], before[0])
        assert torch.equal(during[1], before[1])  # another session
    with pytest.raises(ZeroDivisionError), model.without_edges(0, removed):
        raise ZeroDivisionError
    assert all(torch.equal(old, new) for old, new in zip(before, forecasts(), strict=True))
    assert torch.equal(model.raw_connectivity(0), raw)
    with model.without_edges(0, torch.zeros_like(removed)):
        torch.testing.assert_close(forecasts(), before, rtol=1e-4, atol=1e-5)


def test_without_any_edge_synapsnet_is_one_whose_matrix_is_zero() -> None:
    model = trained("synapsnet_plain", task("spikes"))
    assert isinstance(model, SynapsNet)
    here = batches("spikes")[0]
    with torch.no_grad():
        with model.without_edges(0, torch.ones(17, 17, dtype=torch.bool)):
            removed = model(here.past, here.behavior, 0, here.slow)
        model.connectivity.weights[0].zero_()
        assert torch.equal(removed, model(here.past, here.behavior, 0, here.slow))


@pytest.fixture(scope="module")
def planted() -> tuple[Task, np.ndarray]:
    """A VAR(1) in which 20 of 380 edges matter."""
    rng = np.random.default_rng(0)
    truth = np.zeros((20, 20))
    off = np.flatnonzero(~np.eye(20, dtype=bool))
    truth.flat[rng.choice(off, 20, replace=False)] = rng.choice([-0.5, 0.5], 20)
    series = np.zeros((3000, 20))
    for t in range(1, len(series)):
        series[t] = (truth + 0.3 * np.eye(20)) @ series[t - 1] + rng.standard_normal(20)
    session = Session(
        session_id="planted",
        activity=series,
        bin_width_s=0.1,
        unit_ids=tuple(str(unit) for unit in range(20)),
        signal="calcium",
    )
    return small_task([session], "levels"), truth


def test_the_strongest_edges_are_worth_more_than_random_ones(planted: tuple[Task, np.ndarray]) -> None:
    task, truth = planted
    model = trained("var", task)
    loader = task.loader("test", batch_size=64)
    found = edge_removal(model, loader, 0, truth, score="mse", draws=20, seed=0)
    assert (found.session_id, found.score) == ("planted", "mse")
    np.testing.assert_array_equal(found.counts, [0, 4, 8, 19, 38, 76, 190, 380])
    np.testing.assert_allclose(found.shares, SHARES, atol=2e-3)
    assert found.strongest.shape == (8,)
    assert found.random.shape == (20, 8)
    cost, chance = found.strongest - found.strongest[0], found.random.mean(0) - found.strongest[0]
    assert (np.diff(cost[:5]) > 0).all()
    assert cost[4] > 0.9 * cost[-1]  # the tenth that is strongest holds all that matters
    assert (cost[1:5] > 5 * chance[1:5]).all()
    np.testing.assert_array_equal(found.random[:, [0, -1]], np.tile(found.strongest[[0, -1]], (20, 1)))
    assert found.random[:, 4].std() > 0
    scores = ForecastScores(task.spec, model.likelihood, None)
    for batch in loader:
        scores.update(model(batch.past, batch.behavior, 0, batch.slow), batch)
    assert found.strongest[0] == scores.session_metrics()["planted"]["mse"]


def test_edges_are_the_pairs_that_the_model_joins(planted: tuple[Task, np.ndarray]) -> None:
    task, truth = planted
    model = trained("var", task)
    with torch.no_grad():
        model.coefficients[0][0, :, :20] *= torch.as_tensor((truth != 0) | np.eye(20, dtype=bool)).T
    found = edge_removal(
        model, task.loader("test", batch_size=64), 0, truth, score="nll", shares=[0, 0.5, 1], draws=2, seed=0
    )
    np.testing.assert_array_equal(found.counts, [0, 10, 20])
    assert (found.random[:, 1] > found.random[:, 0]).all()


def test_what_does_not_fit_is_refused(planted: tuple[Task, np.ndarray]) -> None:
    task, truth = planted
    loader = task.loader("test", batch_size=64)

    def refused(model: Forecaster, match: str, *, effective: np.ndarray = truth, **overrides: object) -> None:
        settings = {"score": "mse", "draws": 1, "seed": 0, **overrides}
        with pytest.raises(UserError, match=match):
            edge_removal(model, loader, 0, effective, **settings)

    model = trained("var", task)
    refused(trained("ar", task), "Autoregressive has no connectivity")
    refused(build("synapsnet_no_connectivity", task.spec), "has no edges")
    refused(model, "effective is", effective=truth[:3])
    refused(model, "no score 'bits_per_spike'; there is median_gain, mse", score="bits_per_spike")
    refused(model, "shares of edges lie from 0 to 1", shares=[5])
    with pytest.raises(UserError, match="no held-out bin"):
        edge_removal(model, [], 0, truth, score="mse", draws=1, seed=0)
