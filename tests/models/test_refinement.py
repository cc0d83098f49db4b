"""Refining a connectivity: the quadratic model against autograd, and planted networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch
from laws import KINDS, Kind, Listed, build, descend, simulated, small_task
from networks import rate_network
from torch import Tensor

from synapsnet.data.simulate.simulation import Simulation
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.likelihoods import NegativeBinomial
from synapsnet.models import refinement
from synapsnet.models.committee import Member
from synapsnet.models.connectivity.sparse import SparseConnectivity
from synapsnet.models.decoders.base import Decoder
from synapsnet.models.refinement import mean_response, quadratic_model
from synapsnet.models.synapsnet import SynapsNet
from synapsnet.session import Batch, Batches, Session

SPARSE = ("model/connectivity=sparse",)


def started(task: Task, *overrides: str, steps: int = 0) -> SynapsNet:
    """A sparse SynapsNet after a few gradient steps."""
    model = build("synapsnet_plain", task.spec, *SPARSE, *overrides)
    assert isinstance(model, SynapsNet)
    descend(model, task, steps=steps)
    return model


def splits(task: Task, batch_size: int = 16) -> dict[str, Listed]:
    return {name: Listed(task.loader(name, batch_size=batch_size)) for name in ("train", "validation")}


def sparse(model: SynapsNet) -> SparseConnectivity:
    assert isinstance(model.connectivity, SparseConnectivity)
    return model.connectivity


def refine(model: SynapsNet, train: Batches, validation: Batches) -> None:
    model.connectivity.refine(model, train, validation)


def connections(model: SynapsNet, session: int) -> Tensor:
    """A as it is read."""
    with model.as_read():
        return model.raw_connectivity(session).clone()


def mean_nll(model: SynapsNet, batches: list[Batch]) -> float:
    with torch.no_grad():
        losses = [
            model.likelihood.nll(model(b.past, b.behavior, b.session, b.slow), b.target)[b.scored].flatten()
            for b in batches
        ]
    return float(torch.cat(losses).double().mean())


def score_by_autograd(model: SynapsNet, batches: list[Batch]) -> Tensor:
    """Minus the gradient of the summed negative log-likelihood in the first session's A."""
    matrix = model.connectivity.matrix(0).detach().requires_grad_()
    total = torch.zeros(())
    for batch in batches:
        inputs = model.inputs(batch.past, 0)
        drive = model.departure(inputs, inputs @ matrix.T, batch.behavior, 0, batch.slow)
        params = model.parameters_of(drive, batch.past, 0)
        total = total + model.likelihood.nll(params, batch.target)[batch.scored].sum()
    (gradient,) = torch.autograd.grad(total, matrix)
    return -gradient


def segmented(kind: Kind) -> Task:
    """Segments no longer than a window or two, so that windows end in steps that are not scored."""
    segments = np.array([[start, start + 27] for start in range(0, 540, 27)])
    whole = simulated(kind, n_bins=540, units=(6, 5))
    return small_task([replace(session, segments=segments) for session in whole], kind)


def covariates(task: Task, batches: list[Batch]) -> Tensor:
    """One, and the behavior of the bins of context, at every scored step, ``[bins, covariates]``, by hand."""
    rows = []
    for batch in batches:
        for window, step in batch.scored.nonzero().tolist():
            recent = batch.behavior[window, step - task.spec.context_bins + 1 : step + 1]
            rows.append(torch.cat([torch.ones(1), recent.flatten()]))
    return torch.stack(rows).double()


def unexplained(series: Tensor, by: Tensor) -> Tensor:
    """Residuals of a least-squares fit, ``[bins, ...]``."""
    return series - by @ torch.linalg.lstsq(by, series).solution


class OneFilter(Decoder):
    """A decoder that is linear in the currents: a gain per unit times one filter, plus a response to the inputs."""

    def __init__(self, gain: Tensor, filter_: Tensor) -> None:
        super().__init__()
        self.gain, self.filter = gain, filter_

    def features(self, inputs: Tensor, currents: Tensor, slow: Tensor, first: int) -> Tensor:
        return torch.stack([inputs, currents])

    def forward(self, features: Tensor, embeddings: Tensor, behavior: Tensor, first: int) -> Tensor:
        inputs, currents = features
        padded = torch.nn.functional.pad(currents, (0, 0, len(self.filter) - 1, 0))
        lagged = padded.unfold(1, len(self.filter), 1).flip(-1)  # the present bin first
        return (0.1 * inputs + (lagged @ self.filter) * self.gain)[:, first:]


GAIN, FILTER = torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0, 1.0]), torch.tensor([1.0, 0.6, -0.3])


@pytest.fixture(params=KINDS)
def linear(request: pytest.FixtureRequest) -> tuple[SynapsNet, Task, list[Batch]]:
    """A model whose decoder is `OneFilter`, and the train split of its first session."""
    task = segmented(request.param)
    model = started(task)
    cast(Member, model.members[0]).decoder = OneFilter(GAIN, FILTER)
    train = splits(task)["train"].of_session(0)
    assert any(0 < int(row.sum()) < 8 for batch in train for row in batch.scored)  # windows with unscored tails
    return model, task, train


@torch.no_grad()
def test_of_a_linear_decoder_the_response_is_its_filter(linear: tuple[SynapsNet, Task, list[Batch]]) -> None:
    model, _, train = linear
    expected = torch.zeros(12, 6)
    expected[:3] = FILTER[:, None] * GAIN
    torch.testing.assert_close(mean_response(model, 0, train), expected)
    problem = quadratic_model(model, 0, train)
    assert problem.mixing.shape == (6, 1)
    assert problem.polarity.tolist() == [1, -1, 1, 1, 1, 1]


@torch.no_grad()
def test_of_a_linear_decoder_the_score_is_that_of_autograd(linear: tuple[SynapsNet, Task, list[Batch]]) -> None:
    """But for what the covariates explain of the senders."""
    model, task, train = linear
    found = quadratic_model(model, 0, train).score
    slope, source = slopes_and_sources(model, train)
    with torch.enable_grad():
        complete = score_by_autograd(model, train)
    size = float(complete.abs().max())
    torch.testing.assert_close(-GAIN[:, None] * (slope.T @ source).float(), complete, rtol=0, atol=1e-3 * size)
    expected = -GAIN[:, None] * (slope.T @ unexplained(source, covariates(task, train))).float()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3 * size)


def slopes_and_sources(model: SynapsNet, batches: list[Batch]) -> tuple[Tensor, Tensor]:
    """Slope of the nll in the drives and the senders through `FILTER` at the scored steps, ``[bins, units]`` each."""
    slopes, sources = [], []
    for batch in batches:
        inputs = model.inputs(batch.past, 0)
        with torch.enable_grad():
            drive = model.drive(inputs, batch.behavior, 0, batch.slow).detach().requires_grad_()
            nll = model.likelihood.nll(model.parameters_of(drive, batch.past, 0), batch.target).sum()
            (slope,) = torch.autograd.grad(nll, drive)
        filtered = sum(
            weight * torch.cat([torch.zeros_like(inputs[:, :lag]), inputs[:, : inputs.shape[1] - lag]], dim=1)
            for lag, weight in enumerate(FILTER.tolist())
        )
        slopes.append(slope[batch.scored])
        sources.append(torch.as_tensor(filtered)[batch.scored])
    return torch.cat(slopes).double(), torch.cat(sources).double()


@pytest.mark.parametrize("linear", ["levels", "increments"], indirect=True)
@torch.no_grad()
def test_of_a_gaussian_the_whole_quadratic_model_is_exact(linear: tuple[SynapsNet, Task, list[Batch]]) -> None:
    model, task, train = linear
    problem = quadratic_model(model, 0, train)
    known = covariates(task, train)

    def loss() -> float:
        """Of the best offsets and responses to behavior."""
        means, targets, deviations = [], [], []
        for batch in train:
            law = model.likelihood.distribution(model(batch.past, batch.behavior, 0, batch.slow))
            means.append(law.mean[batch.scored])
            targets.append(batch.target[batch.scored])
            deviations.append(law.stddev[batch.scored])
        errors = (torch.cat(targets) - torch.cat(means)) / torch.cat(deviations)
        return 0.5 * float(unexplained(errors.double(), known).square().sum())

    step = 0.1 * torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
    step -= torch.diag(step.diagonal())
    before = loss()
    sparse(model).dense.weights[0] += step
    predicted = float((-problem.score * step + 0.5 * step * problem.times(step)).sum())
    assert loss() - before == pytest.approx(predicted, rel=2e-3)


@pytest.fixture(scope="module")
def network() -> tuple[Simulation, Task]:
    """Twenty rate units, 1500 bins."""
    simulation = rate_network()
    return simulation, small_task([simulation.session], "levels", context_bins=8, window_bins=40)


@pytest.mark.parametrize("decoder", ["fir", "gru", "transformer"])
def test_of_every_decoder_the_score_is_nearly_that_of_autograd(decoder: str, network: tuple[Simulation, Task]) -> None:
    _, task = network
    train = splits(task)["train"]
    model = started(task, f"model/decoder={decoder}", steps=15).eval()
    with torch.no_grad():
        problem = quadratic_model(model, 0, train)
    off = ~torch.eye(20, dtype=torch.bool)
    both = torch.stack([problem.score[off], score_by_autograd(model, train)[off]])
    assert torch.corrcoef(both)[0, 1] > 0.95
    assert (both[0] - both[1]).norm() < 0.35 * both[1].norm()


def test_fisher_information_is_the_variance_of_the_slope() -> None:
    """Of a negative binomial, by drawing from the model itself."""
    task = small_task(simulated("spikes", units=(6, 5)), "spikes")
    model = started(task)
    model.likelihood = NegativeBinomial()
    with torch.no_grad():
        for shape, n_units in zip(range(2), (6, 5), strict=True):
            model.shape[shape] = torch.nn.Parameter(torch.full((n_units, 1), 0.5))
        train = splits(task)["train"].of_session(0)
        expected = quadratic_model(model, 0, train).precision
        torch.manual_seed(0)
        squares = []
        for _ in range(30):
            for batch in train:
                drawn = model.likelihood.distribution(model(batch.past, batch.behavior, 0, batch.slow)).sample()
                slope, _ = refinement._likelihood_slopes(model, replace(batch, target=drawn))
                squares.append(slope[batch.scored].square())
    torch.testing.assert_close(torch.cat(squares).mean(0), expected, rtol=0.1, atol=0)


def recovered(model: SynapsNet, task: Task, truth: np.ndarray) -> float:
    """Correlation of the effective connectivity with the truth, off the diagonal."""
    batch = next(iter(task.loader("validation", batch_size=16)))
    effective = model.effective_connectivity(batch.past, batch.behavior, 0, batch.slow, 5).sum(0).numpy()
    off = ~np.eye(len(truth), dtype=bool)
    return float(np.corrcoef(effective[off], truth[off])[0, 1])


def test_finds_a_planted_network_that_gradients_do_not(network: tuple[Simulation, Task]) -> None:
    simulation, task = network
    model = started(task, steps=150)
    data = splits(task)
    by_gradient, before = recovered(model, task, simulation.truth), mean_nll(model.eval(), data["validation"])
    refine(model, **data)
    assert recovered(model, task, simulation.truth) > max(0.85, by_gradient + 0.05)
    assert mean_nll(model, data["validation"]) < before
    inclusion = model.inclusion(0)
    assert inclusion is not None
    strong = torch.as_tensor(np.abs(simulation.truth) > np.abs(simulation.truth).max() / 4)
    absent = torch.as_tensor(simulation.truth == 0) & ~torch.eye(20, dtype=torch.bool)
    assert inclusion[strong].mean() > 0.9
    assert inclusion[absent].mean() < 0.3


def test_the_odds_that_validate_best_are_chosen(network: tuple[Simulation, Task]) -> None:
    _, task = network
    data = splits(task)

    def refined(path: str) -> tuple[float, float]:
        model = started(task, f"model.connectivity.log_odds=[{path}]", steps=30).eval()
        refine(model, **data)
        return mean_nll(model, data["validation"]), float(sparse(model).chosen_log_odds[0])

    found = [refined("-6,-2,inf"), refined("-6,-2"), refined("-6")]
    assert [odds for _, odds in found] == [-2.0, -2.0, -6.0]
    assert found[0] == found[1]  # what was tried after the best takes nothing away
    assert found[1][0] < found[2][0]


@pytest.mark.parametrize("kind", KINDS)
def test_splits_are_read_and_nothing_else_of_their_batches_matters(kind: Kind) -> None:
    task = segmented(kind)
    model = started(task, steps=10)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    results = []
    for batch_size, step in ((16, 1), (3, -1)):
        model.load_state_dict(state)
        data = splits(task, batch_size)
        refine(model, Listed(data["train"][::step]), Listed(data["validation"][::step]))
        results.append([connections(model, session).clone() for session in (0, 1)])
    for first, second in zip(*results, strict=True):
        torch.testing.assert_close(second, first, rtol=1e-2, atol=float(first.abs().max()) * 1e-2 + 1e-6)


def test_steps_that_are_not_scored_do_not_matter() -> None:
    task = segmented("spikes")
    model = started(task, steps=10)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def garbled(batches: list[Batch]) -> Listed:
        return Listed(replace(b, target=torch.where(b.scored[:, :, None], b.target, 50.0)) for b in batches)

    data = splits(task)
    refine(model, **data)
    first = connections(model, 0).clone()
    model.load_state_dict(state)
    refine(model, garbled(data["train"]), garbled(data["validation"]))
    assert torch.equal(connections(model, 0), first)


def test_refined_weights_are_fixed_and_their_state_is_saved() -> None:
    task = small_task(simulated("spikes", units=(6, 5)), "spikes")
    model = started(task, steps=5)
    assert float(model.penalty().detach()) > 0
    model.train()
    refine(model, **splits(task))
    assert model.training
    assert float(model.penalty()) == 0
    model.zero_grad()
    for batch in task.loader("train", batch_size=16):
        (model.training_loss(batch) + model.penalty()).backward()
    assert all(weight.grad is None for weight in sparse(model).dense.parameters())
    assert all(parameter.grad is not None for parameter in model.members.parameters())
    descend(model, task, steps=3)

    other = started(task)
    assert not (other.inclusion(0) is not None)
    other.load_state_dict(model.state_dict())
    assert other.inclusion(0) is not None
    batch = next(iter(task.loader("validation", batch_size=16)))
    with torch.no_grad():
        assert torch.equal(
            other.eval()(batch.past, batch.behavior, 0, batch.slow),
            model.eval()(batch.past, batch.behavior, 0, batch.slow),
        )
    for each in (model, other):
        refine(each, **splits(task))
    assert all(torch.equal(first, second) for first, second in zip(model.buffers(), other.buffers(), strict=True))
    other.load_state_dict(started(task).state_dict())
    assert not (other.inclusion(0) is not None)


def test_cut_short_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    task = small_task(simulated("spikes", units=(6, 5)), "spikes")
    model = started(task, steps=5).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fits: list[int] = []
    fit: Callable[..., object] = refinement.fit_spike_slab

    def interrupted(*args: object, **settings: object) -> object:
        fits.append(len(fits))
        if len(fits) > 12:  # nine of the first session
            raise KeyboardInterrupt
        return fit(*args, **settings)

    monkeypatch.setattr(refinement, "fit_spike_slab", interrupted)
    with pytest.raises(KeyboardInterrupt):
        refine(model, **splits(task))
    assert model.training
    assert not any((model.inclusion(session) is not None) for session in (0, 1))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert float(model.penalty().detach()) > 0


@pytest.mark.parametrize("units", [(1,), (2,), (5,)])
def test_small_networks_and_silent_units(units: tuple[int, ...]) -> None:
    sessions = simulated("spikes", n_bins=300, units=units)
    activity = sessions[0].activity.copy()
    activity[:, 0] = 0
    activity[7, 0] = 1  # all it ever says
    session = Session(
        session_id="s", activity=activity, bin_width_s=0.02, unit_ids=sessions[0].unit_ids, signal="spikes"
    )
    task = small_task([session], "spikes")
    model = started(task, steps=3)
    refine(model, **splits(task))
    assert torch.isfinite(connections(model, 0)).all()
    assert not connections(model, 0).diagonal().any()
    assert math.isfinite(mean_nll(model, splits(task)["validation"]))


@pytest.mark.parametrize("log_odds", ["[]", "[0,-1]", "[-inf,0]", "[nan]"])
def test_refuses_a_path_that_is_none(log_odds: str) -> None:
    task = small_task(simulated("spikes", units=(3,)), "spikes")
    with pytest.raises(UserError, match="log_odds must be ascending"):
        build("synapsnet_plain", task.spec, *SPARSE, f"model.connectivity.log_odds={log_odds}")
