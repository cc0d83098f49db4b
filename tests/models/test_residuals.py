"""The spread of every model is that of its residuals on what it was fitted to."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from laws import build, descend, small_task
from networks import rate_network

from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.models.residuals import shapes_of_residuals
from synapsnet.models.trained import TrainedForecaster


@pytest.mark.parametrize("name", ["synapsnet_plain", "lstm", "nlinear", "var", "ar", "mean"])
def test_the_spread_is_that_of_the_residuals_in_train_and_validation(name: str) -> None:
    task = small_task([rate_network().session], "levels")
    model = build(name, task.spec)
    train, validation = (task.loader(split, batch_size=16) for split in ("train", "validation"))
    if isinstance(model, TrainedForecaster):
        descend(model, task, steps=20)
        before = model.shape[0].clone()
        model.finish(train, validation, task.train_loader(batch_size=4, seed=0), 0)
        assert not torch.equal(before, model.shape[0])
    else:
        assert isinstance(model, ClosedFormForecaster)
        model.fit_closed_form(train, validation)
    model.eval()
    residuals = []
    for batch in (*train, *validation):
        mean = model.likelihood.mean(model(batch.past, batch.behavior, 0, batch.slow))
        residuals.append((batch.target - mean)[batch.scored].detach())
    params = model(batch.past, batch.behavior, 0, batch.slow)
    found = model.likelihood.distribution(params).stddev[0, 0]
    torch.testing.assert_close(found, torch.cat(residuals).square().mean(0).sqrt(), rtol=1e-4, atol=1e-4)


def test_units_of_several_sessions_get_their_own() -> None:
    first = rate_network().session
    second = replace(first, session_id="second", activity=first.activity[::-1].copy() * 3)
    task = small_task([first, second], "levels")
    model = build("mean", task.spec)
    batches = list(task.loader("train", batch_size=16))
    shapes = shapes_of_residuals(model, batches)
    assert sorted(shapes) == [0, 1]
    alone = shapes_of_residuals(model, [batch for batch in batches if batch.session == 1])
    assert torch.equal(shapes[1], alone[1])
