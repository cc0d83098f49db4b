"""Laws of a forecast: its shape, what may reach it, and what must leave it as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from synapsnet.data.task import Task
from synapsnet.models.base import Forecaster
from synapsnet.session import Batch
from synapsnet.testing.fitting import Recipe, seeded
from synapsnet.testing.laws.under_test import ModelUnderTest, batches
from synapsnet.testing.tasks import Kind, simulated

CUT = 7  # bins after this one are perturbed


class ForecastLaws(ModelUnderTest):
    """Causality, equivariance and invariance."""

    @torch.no_grad()
    def test_every_unit_and_step_has_its_parameters(self, model: Forecaster, task: Task) -> None:
        """Forecasts are finite, ``[batch, time, units, n_params]``."""
        for batch in batches(task):
            params = model(batch.past, batch.behavior, batch.session, batch.slow)
            assert params.shape == (*batch.past.shape, model.likelihood.n_params)
            assert torch.isfinite(params).all()

    @torch.no_grad()
    def test_nothing_after_a_bin_reaches_its_forecast(self, model: Forecaster, task: Task) -> None:
        """Activity, behavior and slow state of later bins change nothing."""
        for batch in batches(task):
            changed = with_another_future(batch)
            params = model(batch.past, batch.behavior, batch.session, batch.slow)
            perturbed = model(changed.past, changed.behavior, batch.session, changed.slow)
            torch.testing.assert_close(perturbed[:, : CUT + 1], params[:, : CUT + 1], rtol=1e-5, atol=1e-5)

    @torch.no_grad()
    def test_the_last_step_alone_is_that_of_the_window(self, model: Forecaster, task: Task) -> None:
        """Roll-outs and forecasts bin by bin ask for the last step only."""
        for batch in batches(task):
            window = (batch.past, batch.behavior, batch.session, batch.slow)
            torch.testing.assert_close(model.last(*window), model(*window)[:, -1], rtol=1e-5, atol=1e-5)

    @torch.no_grad()
    def test_the_past_matters(self, model: Forecaster, task: Task) -> None:
        """The counterpart of causality: of a blind model, the law above would hold for nothing."""
        for batch in batches(task):
            changed = with_another_future(batch)
            before = model(batch.past, batch.behavior, batch.session, batch.slow)
            difference = model(changed.past, changed.behavior, batch.session, changed.slow) - before
            assert bool(difference[:, CUT + 1 :].abs().amax() > 1e-4) == self.sees_the_past(model)

    @torch.no_grad()
    def test_a_forecast_holds_no_chance(self, model: Forecaster, task: Task) -> None:
        """Asked twice, a fitted model says the same."""
        for batch in batches(task):
            first = model(batch.past, batch.behavior, batch.session, batch.slow)
            again = model(batch.past, batch.behavior, batch.session, batch.slow)
            torch.testing.assert_close(again, first, rtol=0, atol=0)

    @torch.no_grad()
    def test_a_window_is_forecast_alike_alone_and_in_a_batch(self, model: Forecaster, task: Task) -> None:
        """Windows of a batch know nothing of each other."""
        for batch in batches(task):
            together = model(batch.past, batch.behavior, batch.session, batch.slow)
            one = batch.part(slice(2, 3))
            alone = model(one.past, one.behavior, one.session, one.slow)
            torch.testing.assert_close(alone, together[2:3], rtol=1e-5, atol=1e-5)

    @torch.no_grad()
    def test_units_that_are_claimed_separate_do_not_hear_each_other(self, model: Forecaster, task: Task) -> None:
        """Another activity and slow state of one unit leave the forecasts of all others as they were."""
        if not self.separates_units(model):
            pytest.skip("does not claim to keep units apart")
        for batch in batches(task):
            before = model(batch.past, batch.behavior, batch.session, batch.slow)
            for unit in (0, batch.past.shape[2] - 1):
                past, slow = batch.past.clone(), batch.slow.clone()
                past[:, :, unit] = past[:, :, unit].flip(0) + 3
                slow[:, :, unit] += 2
                after = model(past, batch.behavior, batch.session, slow)
                others = torch.arange(past.shape[2]) != unit
                torch.testing.assert_close(after[:, :, others], before[:, :, others], rtol=1e-5, atol=1e-5)

    @torch.no_grad()
    def test_permuting_the_units_permutes_the_forecasts(self, model: Forecaster, recipe: Recipe, task: Task) -> None:
        """Every axis as long as the session has units (a prime that nothing else has) is an axis of units."""
        for batch in batches(task):
            n_units, n_behavior = batch.past.shape[2], batch.behavior.shape[2]
            order = torch.randperm(n_units, generator=torch.Generator().manual_seed(1))
            permuted = seeded(recipe, task.spec).eval()
            permuted.load_state_dict(model.state_dict())
            mine = dict(model.named_buffers())
            for name, tensor in [*permuted.named_parameters(), *permuted.named_buffers()]:
                tensor.copy_(permute_units(mine.get(name, tensor), n_units, n_behavior, order))
            expected = model(batch.past, batch.behavior, batch.session, batch.slow)[:, :, order]
            found = permuted(batch.past[:, :, order], batch.behavior, batch.session, batch.slow[:, :, order])
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)

    def test_forecast_of_an_array_is_what_the_batches_give(self, model: Forecaster, kind: Kind, task: Task) -> None:
        """`Forecaster.forecast` on the raw recording equals the scored forecasts of all train windows, in raw units."""
        session = simulated(kind)[0]
        info = task.spec.sessions[0]
        forecasts = model.forecast(session.activity, session.behavior, session="s0")
        assert forecasts.shape == session.activity.shape
        skip = task.spec.context_bins - 1
        assert (~torch.isfinite(torch.as_tensor(forecasts[:skip]))).all()
        assert torch.isfinite(torch.as_tensor(forecasts[skip:])).all()
        means = []
        for batch in task.loader("train", batch_size=16).of_session(0):
            with torch.no_grad():
                params = model(batch.past, batch.behavior, 0, batch.slow)
            means.append(model.likelihood.mean(params)[batch.scored])
        mean = torch.cat(means)
        assert len(mean) > 10 * task.spec.window_bins
        if kind != "spikes":
            mean = mean * torch.as_tensor(info.scale) + torch.as_tensor(info.mean)
        found = torch.as_tensor(forecasts[skip : skip + len(mean)]).to(mean.dtype)
        torch.testing.assert_close(found, mean, rtol=1e-4, atol=1e-4)


def with_another_future(batch: Batch) -> Batch:
    """The same windows with everything after bin `CUT` replaced."""
    past, behavior, slow = batch.past.clone(), batch.behavior.clone(), batch.slow.clone()
    past[:, CUT + 1 :] = past[:, CUT + 1 :].flip(0) + 3
    behavior[:, CUT + 1 :] += 2
    slow[:, CUT + 1 :] += 2
    return replace(batch, past=past, behavior=behavior, slow=slow)


def permute_units(tensor: Tensor, n_units: int, n_behavior: int, order: Tensor) -> Tensor:
    """Permute the axes of units; those of a linear read-in or VAR hold the units first, then behavior."""
    for axis, size in enumerate(tensor.shape):
        if size == n_units:
            tensor = tensor.index_select(axis, order)
        elif size == n_units + n_behavior:
            tensor = tensor.index_select(axis, torch.cat([order, torch.arange(n_units, size)]))
    return tensor
