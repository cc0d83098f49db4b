"""Effective connectivity is one definition for every model, whichever way it is computed."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from laws import KINDS, Kind, names, simulated, small_task, trained
from torch import Tensor

from synapsnet.analysis import jacobian
from synapsnet.analysis.effective import effective_connectivity
from synapsnet.analysis.jacobian import differentiable, differentiated, mean_jacobian
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.trained import TrainedForecaster

FORMS = [f"model/decoder={name}" for name in names("model/decoder")]
FORMS += [f"model/connectivity={name}" for name in names("model/connectivity")]
MODELS = [(name,) for name in names("model") if name != "synapsnet"] + [("synapsnet", form) for form in FORMS]
BLIND = {"ar", "mean", "nlinear", "persistence"}  # to other units


@cache
def task(kind: Kind) -> Task:
    return small_task(simulated(kind), kind)


@cache
@torch.enable_grad()
def fitted(name: tuple[str, ...], kind: Kind) -> Forecaster:
    return trained(name[0], task(kind), *name[1:], steps=20)


def windows(kind: Kind, session: int = 0) -> tuple[Tensor, Tensor, int, Tensor]:
    """Held-out windows whose last step has full context."""
    batch = list(task(kind).loader("test", batch_size=64))[session]
    full = batch.scored[:, -1]
    return batch.past[full], batch.behavior[full], session, batch.slow[full]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MODELS, ids="-".join)
def test_every_route_leads_to_the_same_matrix(name: tuple[str, ...], kind: Kind) -> None:
    model = fitted(name, kind)
    for session in (0, 1):
        given = windows(kind, session)
        found = mean_jacobian(model, *given, n_lags=3, blocks=[len(given[0])])
        if not isinstance(model, ConnectivityForecaster):
            assert bool(found.any()) == BLIND.isdisjoint(name)
        else:
            with differentiable(model), model.as_read():
                assert bool(found.any()) == bool(model.raw_connectivity(session).any())
                found = found + model.via_unobserved(*given, 3)
                generic = differentiated(model, *given, n_lags=3, blocks=[len(given[0])])
            np.testing.assert_allclose(generic, found, rtol=1e-4, atol=1e-4 * float(found.abs().max()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["lstm", "transformer", "neuprint"])
@torch.no_grad()
def test_a_differentiated_model_answers_a_nudge_as_its_matrix_says(name: str, kind: Kind) -> None:
    """A sustained nudge of one sender moves every receiver by a column of the sum over lags."""
    model = fitted((name,), kind)
    past, behavior, session, slow = windows(kind)
    estimate = effective_connectivity(model, past, behavior, session, slow, n_lags=2, n_blocks=1, method=name)
    scale = model.scale(0).raw_sd if kind != "spikes" else torch.ones(17)
    size = float(np.abs(estimate.matrix).max())
    for pre in (0, 9, 16):
        moved = torch.zeros(17, dtype=torch.float64)
        bins = [slice(t, None) if kind == "increments" else slice(t, t + 1) for t in range(past.shape[1])]
        for chosen in bins:  # with increments a change at a bin lasts
            for sign in (1, -1):
                nudged = past.clone()
                nudged[:, chosen, pre] += sign * 0.02 / scale[pre]
                moved += (
                    sign * model.likelihood.mean(model(nudged, behavior, session, slow))[:, -1].double().mean(0) * scale
                )
        column = np.delete((moved / 0.04).numpy(), pre)
        np.testing.assert_allclose(np.delete(estimate.matrix[:, pre], pre), column, atol=0.03 * size)


@pytest.mark.parametrize("name", ["lstm", "glm"])
def test_blocks_give_the_mean_its_standard_error(name: str) -> None:
    model = fitted((name,), "spikes")
    past, behavior, session, slow = windows("spikes")

    def estimate(part: slice, n_blocks: int) -> np.ndarray:
        return effective_connectivity(
            model, past[part], behavior[part], session, slow[part], n_lags=1, n_blocks=n_blocks, method=name
        ).matrix

    whole = effective_connectivity(
        model, past[:10], behavior[:10], session, slow[:10], n_lags=4, n_blocks=5, method=name
    )
    means = np.stack([estimate(slice(low, low + 2), 1) for low in range(0, 10, 2)])
    np.testing.assert_allclose(whole.matrix, means.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(whole.standard_error, means.std(0, ddof=1) / np.sqrt(5), rtol=1e-3, atol=1e-6)
    assert whole.per_lag is not None
    np.testing.assert_allclose(whole.per_lag.sum(0), whole.matrix, atol=1e-12)
    assert whole.unit_ids == model.spec.sessions[0].unit_ids
    np.testing.assert_allclose(estimate(slice(10), 3), whole.matrix, rtol=1e-4, atol=1e-6)  # unequal blocks


def test_the_standard_error_tells_how_far_the_mean_is_from_that_over_all_time() -> None:
    """Over many blocks of independent windows, the error of the mean is as often beyond 2 SE as it should be."""
    sessions = simulated("spikes", n_bins=4000, units=(8,))
    rng = np.random.default_rng(0)
    noise = [type(s)(**{**vars(s), "activity": rng.poisson(1.0, s.activity.shape)}) for s in sessions]
    model = trained("lstm", small_task(noise, "spikes"), steps=30)
    assert isinstance(model, TrainedForecaster)
    model.shrinkage[0].fill_(1)  # of noise there is nothing to forecast
    past = torch.from_numpy(rng.poisson(1.0, (1200, 12, 8))).float()
    behavior, slow = torch.zeros(1200, 12, model.spec.n_behavior), torch.zeros(1200, 12, 8, 2)
    everything = effective_connectivity(model, past, behavior, 0, slow, n_lags=1, n_blocks=1, method="lstm").matrix
    off = ~np.eye(8, dtype=bool)
    z = []
    for low in range(0, 1200, 60):
        part = slice(low, low + 60)
        found = effective_connectivity(
            model, past[part], behavior[part], 0, slow[part], n_lags=1, n_blocks=10, method="lstm"
        )
        assert found.standard_error is not None
        z.append(((found.matrix - everything) / np.where(off, found.standard_error, 1))[off])
    assert np.std(z) == pytest.approx(1.13, abs=0.15)  # Student's t of 9 degrees of freedom


def test_fewer_windows_than_blocks_make_fewer_blocks() -> None:
    model = fitted(("var",), "levels")
    past, behavior, session, slow = windows("levels")
    for n_windows in (1, 2):
        part = (past[:n_windows], behavior[:n_windows], session, slow[:n_windows])
        found = effective_connectivity(model, *part, n_lags=1, n_blocks=10, method="var")
        assert (found.standard_error is None) == (n_windows == 1)
    with pytest.raises(UserError, match="no window"):
        effective_connectivity(model, past[:0], behavior[:0], session, slow[:0], n_lags=1, n_blocks=10, method="var")
    with pytest.raises(UserError, match="at least 1 lag and 1 block, got 0 and 10"):
        effective_connectivity(model, past, behavior, session, slow, n_lags=0, n_blocks=10, method="var")


@pytest.mark.parametrize("name", ["lstm", "synapsnet"])
def test_the_model_is_left_as_it_was(name: str) -> None:
    model = trained(name, task("spikes"))
    model.zero_grad()
    past, behavior, session, slow = windows("spikes")
    quiet = effective_connectivity(model, past, behavior, session, slow, n_lags=1, n_blocks=2, method=name)
    model.train()
    with torch.inference_mode():
        inferred = (past + 0, behavior + 0, session, slow + 0)
        found = effective_connectivity(model, *inferred, n_lags=1, n_blocks=2, method=name)
    assert model.training
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    assert not past.requires_grad
    np.testing.assert_array_equal(found.matrix, quiet.matrix)  # no dropout, though the model is in training


@pytest.mark.parametrize(
    ("name", "chunk"),
    [("transformer", "CHUNK_NUMBERS"), ("synapsnet", "CHUNK_UNIT_BINS"), ("netformer", "CHUNK_UNIT_BINS")],
)
def test_windows_are_differentiated_in_chunks(name: str, chunk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted((name,), "increments")
    given = windows("increments")
    sizes = []
    scored = type(model).parameters_of

    def counted(self: Forecaster, drive: Tensor, *rest: object) -> Tensor:
        sizes.append(len(drive))
        return scored(self, drive, *rest)

    whole = effective_connectivity(model, *given, n_lags=2, n_blocks=3, method=name)
    monkeypatch.setattr(jacobian, chunk, 2 * given[0][0].numel())
    monkeypatch.setattr(type(model), "parameters_of", counted)
    parts = effective_connectivity(model, *given, n_lags=2, n_blocks=3, method=name)
    assert sum(sizes) == len(given[0])
    assert max(sizes) == 2
    np.testing.assert_allclose(parts.per_lag, whole.per_lag, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(parts.standard_error, whole.standard_error, rtol=1e-3, atol=1e-6)
