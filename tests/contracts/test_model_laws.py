"""Laws of every model: causality, equivariance, invariance, learning, and life without the data."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from laws import Kind, build, descend, names, simulated, small_task, trained
from torch import Tensor

from synapsnet.data.task import Task
from synapsnet.data.windows import SessionTensors
from synapsnet.models.base import Forecaster
from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.models.hooks import Refining, Selecting
from synapsnet.session import Batch, TaskSpec

CUT = 7  # bins after this one are perturbed


def batches(task: Task) -> list[Batch]:
    """One batch of test windows a session."""
    return list(task.loader("test", batch_size=64))


def others(task: Task) -> list[Batch]:
    """The same windows with everything after bin `CUT` replaced."""
    changed = []
    for batch in batches(task):
        past, behavior = batch.past.clone(), batch.behavior.clone()
        past[:, CUT + 1 :] = past[:, CUT + 1 :].flip(0) + 3
        behavior[:, CUT + 1 :] += 2
        changed.append(Batch(past, behavior, batch.target, batch.scored, batch.session))
    return changed


@torch.no_grad()
def test_shape_and_causality(model: Forecaster, task: Task) -> None:
    for batch, changed in zip(batches(task), others(task), strict=True):
        params = model(batch.past, batch.behavior, batch.session)
        assert params.shape == (*batch.past.shape, model.likelihood.n_params)
        assert torch.isfinite(params).all()
        perturbed = model(changed.past, changed.behavior, batch.session)
        torch.testing.assert_close(perturbed[:, : CUT + 1], params[:, : CUT + 1], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_past_matters(model: Forecaster, task: Task, model_name: str) -> None:
    """The counterpart of causality: were a model blind, the law above would hold for nothing."""
    for batch, changed in zip(batches(task), others(task), strict=True):
        difference = model(changed.past, changed.behavior, batch.session) - model(
            batch.past, batch.behavior, batch.session
        )
        assert (difference[:, CUT + 1 :].abs().amax() > 1e-4) == (model_name != "mean")


@torch.no_grad()
def test_a_window_is_forecast_alike_alone_and_in_a_batch(model: Forecaster, task: Task) -> None:
    for batch in batches(task):
        together = model(batch.past, batch.behavior, batch.session)
        alone = model(batch.past[2:3], batch.behavior[2:3], batch.session)
        torch.testing.assert_close(alone, together[2:3], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_permuting_the_units_permutes_the_forecasts(model: Forecaster, model_name: str, task: Task) -> None:
    """Every axis as long as the session has units (a prime that nothing else has) is an axis of units."""
    for batch in batches(task):
        n_units = batch.past.shape[2]
        order = torch.randperm(n_units, generator=torch.Generator().manual_seed(1))
        permuted = build(model_name, task.spec).eval()
        permuted.load_state_dict(model.state_dict())
        mine = dict(model.named_buffers())
        for name, tensor in [*permuted.named_parameters(), *permuted.named_buffers()]:
            source = mine.get(name, tensor)
            tensor.copy_(permute_units(source, n_units, order))
        expected = model(batch.past, batch.behavior, batch.session)[:, :, order]
        found = permuted(batch.past[:, :, order], batch.behavior, batch.session)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def permute_units(tensor: Tensor, n_units: int, order: Tensor) -> Tensor:
    """Permute the axes of units; those of a linear read-in or VAR hold the units first, then behavior."""
    for axis, size in enumerate(tensor.shape):
        if size == n_units:
            tensor = tensor.index_select(axis, order)
        elif size == n_units + 3:
            tensor = tensor.index_select(axis, torch.cat([order, torch.arange(n_units, size)]))
    return tensor


@torch.no_grad()
def test_steps_that_are_not_scored_do_not_train(model: Forecaster, task: Task) -> None:
    for batch in batches(task):
        assert not batch.scored.all()
        changed = replace(batch, target=torch.where(batch.scored[..., None], batch.target, batch.target + 5))
        torch.testing.assert_close(model.training_loss(changed), model.training_loss(batch))


def test_every_parameter_gets_gradient(model_name: str, task: Task) -> None:
    model = build(model_name, task.spec)
    if isinstance(model, ClosedFormForecaster):
        pytest.skip("fitted by formula")
    descend(model, task, steps=2)
    model.train()
    model.zero_grad()
    for batch in task.train_loader(batch_size=64, seed=0):
        model.training_loss(batch).backward()
    silent = {
        name for name, p in model.named_parameters() if p.numel() and (p.grad is None or not p.grad.abs().sum() > 0)
    }
    deaf = {"decoder.current_filters.weight", "decoder.current_filters.bias"}  # no connectivity, no current
    assert silent == (deaf if model_name == "synapsnet_no_connectivity" else set())


def test_a_model_lives_without_its_data(model: Forecaster, model_name: str, task: Task) -> None:
    plain = json.loads(json.dumps(task.spec.to_dict()))
    again = build(model_name, TaskSpec.from_dict(plain), seed=5).eval()
    again.load_state_dict(model.state_dict())
    for batch in batches(task):
        expected = model(batch.past, batch.behavior, batch.session)
        torch.testing.assert_close(again(batch.past, batch.behavior, batch.session), expected)


def test_what_is_fitted_without_gradients_cuts_every_batch_once(
    model_name: str, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(model_name, task.spec)
    cut: list[int] = []
    whole = SessionTensors.batch

    def counted(self: SessionTensors, *args: Any) -> Batch:
        cut.append(self.index)
        return whole(self, *args)

    monkeypatch.setattr(SessionTensors, "batch", counted)
    train, validation = task.loader("train", batch_size=4), task.loader("validation", batch_size=4)
    if isinstance(model, ClosedFormForecaster):
        model.fit_closed_form(train, validation)
    elif isinstance(model, Refining) and model.n_refinements:
        model.refine(train, validation)
    else:
        pytest.skip("fitted by gradient alone")
    assert len(cut) == len(train) + len(validation)


def test_one_batch_can_be_learnt_by_heart(model_name: str, kind: Kind) -> None:
    task = small_task(simulated(kind, units=(5,), n_bins=100), kind)
    model = build(model_name, task.spec)
    if isinstance(model, ClosedFormForecaster):
        pytest.skip("fitted by formula")
    batch = next(iter(task.train_loader(batch_size=4, seed=0)))

    def nll() -> float:
        return float(model.likelihood.nll(model(batch.past, batch.behavior, 0), batch.target)[batch.scored].mean())

    with torch.no_grad():
        before = nll()
        target = batch.target[batch.scored]
        flat = model.likelihood.location(target.mean(0).clamp(min=0.01) if kind == "spikes" else target.mean(0))
        shapes = model.likelihood.fit_shape(target.mean(0).expand_as(target), target).expand(*target.shape, -1)
        constant = float(
            model.likelihood.nll(torch.cat([flat.expand_as(target)[..., None], shapes], -1), target).mean()
        )
    one = [batch] * 150
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    for batch in one:
        optimizer.zero_grad()
        model.training_loss(batch).backward()
        optimizer.step()
    if isinstance(model, Selecting):
        model.select([batch])
    with torch.no_grad():
        assert nll() < min(before, constant) - 0.1


def test_forecast_of_an_array_is_what_the_batches_give(model: Forecaster, kind: Kind, task: Task) -> None:
    """`Forecaster.forecast` on the raw recording equals the scored forecasts, undone to raw units."""
    session = simulated(kind)[0]
    info = task.spec.sessions[0]
    forecasts = model.forecast(session.activity, session.behavior, session="s0")
    assert forecasts.shape == session.activity.shape
    skip = task.spec.context_bins - 1
    assert (~torch.isfinite(torch.as_tensor(forecasts[:skip]))).all()
    assert torch.isfinite(torch.as_tensor(forecasts[skip:])).all()
    first = next(iter(task.loader("train", batch_size=1)))
    with torch.no_grad():
        mean = model.likelihood.mean(model(first.past, first.behavior, 0))[0, skip:]
    if kind != "spikes":
        mean = mean * torch.as_tensor(info.scale) + torch.as_tensor(info.mean)
    found = torch.as_tensor(forecasts[skip : skip + len(mean)]).to(mean.dtype)
    torch.testing.assert_close(found, mean, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="class")
def synapsnet(decoder: str, connectivity: str, task: Task) -> Forecaster:
    """SynapsNet away from its start, fitted once for all laws."""
    return trained("synapsnet", task, f"model/decoder={decoder}", f"model/connectivity={connectivity}")


@pytest.mark.parametrize("decoder", names("model/decoder"), scope="class")
@pytest.mark.parametrize("connectivity", names("model/connectivity"), scope="class")
class TestConnectivityIsTheOnlyPath:
    """The law of SynapsNet, for every decoder and every connectivity on disk."""

    @pytest.fixture
    def jacobian(self, synapsnet: Any, task: Task) -> Callable[[Tensor], Tensor]:
        batch = batches(task)[0]

        def compute(matrix: Tensor) -> Tensor:
            """Summed absolute Jacobian ``[post, pre]`` of the last step, were ``matrix`` the connectivity."""
            past = batch.past[:6].clone().requires_grad_()
            inputs = synapsnet.inputs(past, 0)
            embeddings = synapsnet.embeddings[0]
            drive = synapsnet.decoder(inputs, inputs @ matrix.T, embeddings, batch.behavior[:6])[:, -1]
            rows = [
                torch.autograd.grad(drive[:, unit].sum(), past, retain_graph=True)[0].abs().sum((0, 1))
                for unit in range(past.shape[2])
            ]
            return torch.stack(rows)

        return compute

    def test_without_connectivity_no_unit_hears_another(self, jacobian: Callable[[Tensor], Tensor]) -> None:
        found = jacobian(torch.zeros(17, 17))
        assert (found.diagonal() > 0).all()
        assert not (found - torch.diag(found.diagonal())).any()

    def test_one_edge_opens_one_path(self, jacobian: Callable[[Tensor], Tensor]) -> None:
        matrix = torch.zeros(17, 17)
        matrix[2, 4] = 1.0
        found = jacobian(matrix)
        off_diagonal = found - torch.diag(found.diagonal())
        assert off_diagonal.nonzero().tolist() == [[2, 4]]

    def test_the_matrix_is_what_makes_the_currents(self, synapsnet: Any, connectivity: str, task: Task) -> None:
        inputs = synapsnet.inputs(batches(task)[0].past, 0)
        matrix = synapsnet.connectivity.matrix(0)
        torch.testing.assert_close(synapsnet.connectivity(inputs, 0), inputs @ matrix.T, rtol=1e-4, atol=1e-5)
        assert not matrix.diagonal().any()
        assert bool(matrix.any()) == (connectivity != "none")
