"""Laws of fitting: what trains a model, what must not, and that it can learn."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from synapsnet.data.task import Task
from synapsnet.data.windows import SessionTensors
from synapsnet.models.base import Forecaster
from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.models.hooks import Selecting
from synapsnet.session import Batch
from synapsnet.testing.fitting import Recipe, descend, fitted, seeded
from synapsnet.testing.laws.under_test import ModelUnderTest, batches
from synapsnet.testing.tasks import Kind, simulated, small_task


class LearningLaws(ModelUnderTest):
    """Gradients, formulas and seeds."""

    @torch.no_grad()
    def test_steps_that_are_not_scored_do_not_train(self, model: Forecaster, task: Task) -> None:
        """Targets without full context change no loss."""
        for batch in batches(task):
            assert not batch.scored.all()
            changed = replace(batch, target=torch.where(batch.scored[..., None], batch.target, batch.target + 5))
            torch.testing.assert_close(model.training_loss(changed), model.training_loss(batch))

    @torch.no_grad()
    def test_the_penalty_is_a_finite_number(self, model: Forecaster) -> None:
        """`Forecaster.penalty` is a scalar that can be added to the loss."""
        penalty = model.penalty()
        assert penalty.shape == ()
        assert torch.isfinite(penalty)

    def test_every_parameter_gets_gradient_from_its_sessions(self, recipe: Recipe, task: Task) -> None:
        """Every session reaches what is shared; only one reaches each other parameter, except those that `idle` names.

        So what `Forecaster.per_session` names cannot change the forecasts of another session, and the rest can.
        """
        model = seeded(recipe, task.spec)
        if isinstance(model, ClosedFormForecaster):
            pytest.skip("fitted by formula")
        descend(model, task, steps=2)
        model.train()
        reached = {name: set[int]() for name, parameter in model.named_parameters() if parameter.numel()}
        for batch in task.train_loader(batch_size=64, seed=0):
            model.zero_grad()
            torch.autograd.backward(model.training_loss(batch))
            for name, parameter in model.named_parameters():
                if parameter.grad is not None and parameter.grad.abs().sum() > 0:
                    reached[name].add(batch.session)
        for name in self.idle(model):
            assert not reached.pop(name), name
        own = model.per_session()
        for name, sessions in reached.items():
            assert len(sessions) == (1 if name in own else len(task.sessions)), name

    def test_a_step_needs_no_value_of_a_tensor(self, recipe: Recipe, task: Task) -> None:
        """A step is computed on the device ``meta``, whose tensors hold no values.

        So an accelerator never waits until Python has read a number of it, and no tensor of the model is left on the
        CPU. Where CUDA exists, its own check of synchronisation agrees.
        """
        model = seeded(recipe, task.spec)
        if isinstance(model, ClosedFormForecaster):
            pytest.skip("fitted by formula")
        batches = list(task.train_loader(batch_size=4, seed=0))
        model.to("meta").train()
        for batch in batches:
            _backward(model, batch.to("meta"))
        if torch.cuda.is_available():
            model = seeded(recipe, task.spec).to("cuda").train()
            moved = [batch.to("cuda") for batch in batches]
            for checked in (False, True):  # libraries start in the first round
                torch.cuda.set_sync_debug_mode("error" if checked else "default")
                try:
                    for batch in moved:
                        _backward(model, batch)
                finally:
                    torch.cuda.set_sync_debug_mode("default")

    def test_a_step_can_be_replayed(self, recipe: Recipe, task: Task) -> None:
        """The operations of a first step, on the weights and the batch of a later one, are the later step.

        So nothing that Python alone knows changes a step, and ``trainer.cuda_graphs=true`` trains the same model.
        """
        model = seeded(recipe, task.spec)
        if isinstance(model, ClosedFormForecaster):
            pytest.skip("fitted by formula")
        first = next(iter(task.train_loader(batch_size=4, seed=0)))
        recorded = make_fx(partial(_loss, model, first))(*first.tensors().values())
        descend(model, task, steps=2)
        if isinstance(model, Selecting):
            model.select(task.loader("validation", batch_size=16))
        model.train()
        parameters = [parameter for parameter in model.parameters() if parameter.numel()]
        later, steps = next(batch for batch in task.train_loader(batch_size=4, seed=1) if _alike(batch, first)), []
        for loss in (recorded, partial(_loss, model, later)):
            torch.manual_seed(0)  # of the dropout
            value = loss(*later.tensors().values())
            steps.append((value, torch.autograd.grad(value, parameters, allow_unused=True)))
        torch.testing.assert_close(*steps, rtol=1e-5, atol=1e-6)

    def test_the_same_seed_fits_the_same_model(self, model: Forecaster, recipe: Recipe, task: Task) -> None:
        """Fitted again from its seed, a model forecasts the same."""
        again = fitted(seeded(recipe, task.spec), task, steps=self.steps)
        with torch.no_grad():
            for batch in batches(task):
                expected = model(batch.past, batch.behavior, batch.session, batch.slow)
                torch.testing.assert_close(again(batch.past, batch.behavior, batch.session, batch.slow), expected)

    def test_what_is_fitted_by_formula_cuts_every_batch_once(
        self, recipe: Recipe, task: Task, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A formula reads each session once."""
        model = seeded(recipe, task.spec)
        cut: list[int] = []
        whole = SessionTensors.batch

        def counted(self: SessionTensors, *args: Any) -> Batch:
            cut.append(self.index)
            return whole(self, *args)

        monkeypatch.setattr(SessionTensors, "batch", counted)
        train, validation = task.loader("train", batch_size=4), task.loader("validation", batch_size=4)
        if not isinstance(model, ClosedFormForecaster):
            pytest.skip("fitted by gradient")
        model.fit_closed_form(train, validation)
        assert len(cut) == len(train) + len(validation)

    def test_one_batch_can_be_learnt_by_heart(self, recipe: Recipe, kind: Kind) -> None:
        """Gradient steps on one batch end well below its start, and below its best constant."""
        task = small_task(simulated(kind, units=(5,), n_bins=100), kind)
        model = seeded(recipe, task.spec)
        if isinstance(model, ClosedFormForecaster):
            pytest.skip("fitted by formula")
        batch = next(iter(task.train_loader(batch_size=4, seed=0)))
        with torch.no_grad():
            before, constant = nll(model, batch), nll_of_constant(model, batch, kind)
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
        for _ in range(150):
            optimizer.zero_grad()
            torch.autograd.backward(model.training_loss(batch))
            optimizer.step()
        if isinstance(model, Selecting):
            model.select([batch])
        with torch.no_grad():
            assert nll(model, batch) < min(before, constant) - 0.1


def _alike(one: Batch, other: Batch) -> bool:
    return one.session == other.session and one.past.shape == other.past.shape


def _loss(model: Forecaster, batch: Batch, *tensors: Tensor) -> Tensor:
    given: dict[str, Any] = dict(zip(batch.tensors(), tensors, strict=True))
    return model.training_loss(replace(batch, **given))


def _backward(model: Forecaster, batch: Batch) -> None:
    """Gradients of a step; a value that was asked for breaks the law."""
    try:
        torch.autograd.backward(model.training_loss(batch) + model.penalty())
    except (RuntimeError, NotImplementedError) as error:
        raise AssertionError(f"a training step reads a tensor back, or mixes devices: {error}") from error


def nll(model: Forecaster, batch: Batch) -> float:
    """Mean negative log-likelihood of the scored bins."""
    params = model(batch.past, batch.behavior, 0, batch.slow)
    return float(model.likelihood.nll(params, batch.target)[batch.scored].mean())


def nll_of_constant(model: Forecaster, batch: Batch, kind: Kind) -> float:
    """That of the mean of each unit over these very bins."""
    target = batch.target[batch.scored]
    flat = model.likelihood.location(target.mean(0).clamp(min=0.01) if kind == "spikes" else target.mean(0))
    mean, variance = target.mean(0), target.var(0, correction=0)
    shapes = model.likelihood.fit_shape(variance, mean, mean.square()).expand(*target.shape, -1)
    return float(model.likelihood.nll(torch.cat([flat.expand_as(target)[..., None], shapes], -1), target).mean())
