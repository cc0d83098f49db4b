"""Effective connectivity is the mean Jacobian, whatever the model, and does not know the gauge."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from laws import Kind, build, names, trained
from torch import Tensor

from synapsnet.data.task import Task
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.synapsnet import SynapsNet


def windows(task: Task, session: int) -> tuple[Tensor, Tensor]:
    """Held-out windows whose last step has full context."""
    batch = list(task.loader("test", batch_size=64))[session]
    full = batch.scored[:, -1]
    return batch.past[full], batch.behavior[full]


def brute_force(model: Forecaster, past: Tensor, behavior: Tensor, session: int) -> Tensor:
    """Mean Jacobian of the last forecast with respect to raw activity, summed over lags, by nudging each bin.

    With increments, a nudge of bin t lasts: it is a change at t of the level from then on, save the copied last bin.
    """
    info = model.spec.sessions[session]
    n_units, time = past.shape[2], past.shape[1]
    unit = torch.as_tensor(info.scale).float() if model.spec.signal == "calcium" else torch.ones(n_units)
    jacobian = torch.zeros(n_units, n_units, dtype=torch.float64)
    step = 1e-2
    for pre in range(n_units):
        for t in range(time):
            forecasts = []
            for sign in (1.0, -1.0):
                nudged = past.clone()
                bins = slice(t, None) if model.spec.inputs == "increments" else slice(t, t + 1)
                nudged[:, bins, pre] += sign * step
                mean = model.likelihood.mean(model(nudged, behavior, session))[:, -1].double()
                forecasts.append(mean)
            jacobian[:, pre] += (forecasts[0] - forecasts[1]).mean(0) / (2 * step)
    return (jacobian * unit[:, None] / unit).fill_diagonal_(0)


@pytest.mark.parametrize("model_name", [name for name in names("model") if name in {"synapsnet", "var", "glm"}])
def test_effective_connectivity_is_the_mean_jacobian(model_name: str, kind: Kind, task: Task) -> None:
    model = trained(model_name, task, steps=30)
    assert isinstance(model, ConnectivityForecaster)
    for session in (0, 1):
        past, behavior = windows(task, session)
        found = model.effective_connectivity(past, behavior, session, 1)[0]
        with torch.no_grad():
            expected = brute_force(model, past, behavior, session)
        assert found.abs().max() > 1e-3
        np.testing.assert_allclose(found, expected, atol=2e-2 * float(expected.abs().max()))
        assert not found.diagonal().any()
        assert model.raw_connectivity(session).shape == found.shape


@pytest.mark.parametrize("decoder", names("model/decoder"))
def test_flipping_the_gauge_flips_raw_but_not_effective_connectivity(decoder: str, task: Task) -> None:
    model = trained("synapsnet", task, f"model/decoder={decoder}", steps=20)
    assert isinstance(model, SynapsNet)
    past, behavior = windows(task, 0)
    raw, effective = model.raw_connectivity(0), model.effective_connectivity(past, behavior, 0, 1)[0]
    flip_currents(model)
    torch.testing.assert_close(model.raw_connectivity(0), -2 * raw)
    torch.testing.assert_close(model.effective_connectivity(past, behavior, 0, 1)[0], effective, rtol=1e-3, atol=1e-6)


@torch.no_grad()
def flip_currents(model: SynapsNet) -> None:
    """Scale A by -2 and the decoder's response to the current by -1/2: the forecast stays as it is."""
    decoder = model.decoder
    for weights in model.connectivity.weights:
        weights.mul_(-2)
    if hasattr(decoder, "signals"):
        decoder.signals.weight[:, 1] /= -2
    else:
        lags = decoder.current_filters.out_features
        decoder.current_filters.weight /= -2
        decoder.current_filters.bias /= -2
        decoder.project.weight[:, lags:] /= -2


def test_models_without_a_claim_make_none(task: Task) -> None:
    silent = {"persistence", "mean", "ar", "lstm", "transformer", "neuprint"}
    claims = {name for name in names("model") if isinstance(build(name, task.spec), ConnectivityForecaster)}
    assert claims == set(names("model")) - silent
