"""Low-rank-plus-sparse connectivity: screened candidates, a planted network, memory, and the prior."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from command import LIGHT, Command, write_recording
from laws import KINDS, Kind, build, descend, simulated, small_task
from runs import checkpoint
from torch.utils._python_dispatch import TorchDispatchMode

from synapsnet.analysis.effective import effective_connectivity
from synapsnet.analysis.recovery import recovery_scores
from synapsnet.data.simulate.rate import simulate_rate_network
from synapsnet.data.simulate.simulation import Simulation
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.models import screening
from synapsnet.models.connectivity.low_rank_sparse import LowRankSparseConnectivity
from synapsnet.models.synapsnet import SynapsNet
from synapsnet.testing.laws.connectivity import windows

CANDIDATES = 12
FORM = ("model/connectivity=low_rank_sparse", "model.unobserved=[0]", f"model.connectivity.candidates={CANDIDATES}")


def connectivity(task: Task, **settings: float) -> LowRankSparseConnectivity:
    sizes = {"rank": 3, "candidates": 4, "low_rank_prior_scale": 0.5, "sparse_prior_scale": 0.2, **settings}
    return LowRankSparseConnectivity(spec=task.spec, **sizes)  # type: ignore[arg-type]


def started(task: Task, *overrides: str) -> SynapsNet:
    model = build("synapsnet", task.spec, *overrides)
    assert isinstance(model, SynapsNet)
    model.start(task.loader("train", batch_size=16))
    return model


@pytest.fixture(scope="module")
def network() -> Simulation:
    """A hundred units with four senders each."""
    return simulate_rate_network(
        n_units=100,
        duration_s=40.0,
        bin_width_s=0.02,
        density=0.04,
        dale=False,
        weight_sigma=0.5,
        gain=0.7,
        time_constants_s=[0.02, 0.06],
        noise=1.0,
        common_drive=0.0,
        seed=0,
    )


def test_candidates_of_a_planted_network_are_mostly_its_senders(network: Simulation) -> None:
    model = started(small_task([network.session], "levels"), *FORM)
    is_candidate = np.zeros(network.truth.shape, dtype=bool)
    np.put_along_axis(is_candidate, model.connectivity.get_buffer("senders.0").numpy(), True, axis=1)
    assert is_candidate[network.truth != 0].mean() > 0.8  # 0.12 by chance


def test_a_planted_sparse_network_is_recovered_better_than_by_low_rank(network: Simulation) -> None:
    task, scores = small_task([network.session], "levels"), []
    for form in (("model/connectivity=low_rank", "model.unobserved=[0]"), FORM):
        model = started(task, *form)
        descend(model, task, steps=200)
        past, behavior, session, slow = windows(task, 0)
        options = {"n_lags": 1, "n_blocks": 1, "method": "synapsnet"}
        found = effective_connectivity(model, past, behavior, session, slow, **options)  # type: ignore[arg-type]
        scores.append(recovery_scores(found, network.truth)["auprc"])
    low_rank, low_rank_sparse = scores
    assert low_rank_sparse > low_rank + 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_candidates_correlate_most_with_the_next_bin_of_the_train_split(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As NumPy finds them, whatever the number of receivers at once."""
    task = small_task(simulated(kind), kind)
    model = build("synapsnet", task.spec)
    monkeypatch.setattr(screening, "RECEIVERS_AT_ONCE", 7)
    train = task.loader("train", batch_size=3)
    for session, info in enumerate(task.spec.sessions):
        found = screening.screened_senders(model, train, session, 4)
        rows: list[tuple[np.ndarray, np.ndarray]] = []
        for batch in train.of_session(session):
            series = model.inputs(torch.cat([batch.past, batch.target[:, -1:]], dim=1), session).numpy()
            rows += [(series[w, t], series[w, t + 1]) for w, t in batch.scored.nonzero().tolist()]
        x, y = (np.stack(side) for side in zip(*rows, strict=True))
        size = np.abs(np.corrcoef(y.T, x.T)[: info.n_units, info.n_units :])
        np.fill_diagonal(size, -1)
        assert np.array_equal(found.numpy(), np.sort(np.argsort(-size, axis=1)[:, :4], axis=1))


def test_long_recordings_are_screened_on_bins_spread_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    task = small_task(simulated("levels", units=(17,)), "levels")
    model, train = build("synapsnet", task.spec), task.loader("train", batch_size=3)
    n_scored = sum(int(batch.scored.sum()) for batch in train)
    monkeypatch.setattr(screening, "LEAST_BINS", 1)
    monkeypatch.setattr(screening, "MOST_VALUES", 17 * 60)  # 420 train bins, every seventh
    present, following = screening._standardized_pairs(model, train, 0)
    assert len(present) == len(following) == -(-n_scored // 7)


class Sizes(TorchDispatchMode):
    """The largest tensor that any operation returns."""

    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        found = func(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, tuple | list) else [found]:
            if isinstance(tensor, torch.Tensor):
                self.largest = max(self.largest, tensor.numel())
        return found


def test_currents_and_gradients_form_no_matrix_of_all_pairs() -> None:
    task = small_task(simulated("levels", units=(300,), n_bins=100), "levels")
    form, inputs = connectivity(task), torch.randn(2, 6, 300)
    receivers = torch.arange(0, 300, 3)
    with Sizes() as sizes:
        (form(inputs, 0).square().sum() + form(inputs, 0, receivers).square().sum() + form.penalty()).backward()
    assert 12 * 300 <= sizes.largest < 300 * 300 / 4
    assert sum(parameter.numel() for parameter in form.parameters()) == 300 * (2 * 3 + 4)


@torch.no_grad()
def test_the_penalty_is_the_negative_log_prior_per_unit_bin() -> None:
    task = small_task(simulated("spikes"), "spikes")
    form = connectivity(task)
    expected = float(form.low_rank.penalty())
    for weights, info in zip(form.weights, task.spec.sessions, strict=True):
        prior = torch.distributions.Normal(0.0, 0.2 / math.sqrt(4))
        log_odds = prior.log_prob(weights) - prior.log_prob(torch.zeros(()))
        expected -= float(log_odds.sum()) / (info.n_units * 2 * 420)
    assert float(form.penalty()) == pytest.approx(expected, rel=1e-4)


def test_candidates_are_in_the_checkpoint(train: Command) -> None:
    """A run screens them before its first step, and keeps them."""
    root = write_recording(train.folder / "mouse.npz")
    quick = [setting for setting in LIGHT if "log_odds" not in setting]
    form = ("model/connectivity=low_rank_sparse", "model.connectivity.candidates=2", "model.units_per_batch=3")
    outcome = train("model=synapsnet", *form, *quick, "trainer.max_epochs=1", f"data.root={root}", "hydra.run.dir=run")
    assert outcome.code == 0, outcome.err
    saved = checkpoint(Path(train.folder / "run"), "best")["state_dict"]["model.connectivity.senders.0"]
    n_units = len(saved)
    ring = (torch.arange(n_units)[:, None] + torch.tensor([1, 2])) % n_units
    assert not torch.equal(saved, ring)
    assert not (saved == torch.arange(n_units)[:, None]).any()


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"candidates": 0}])
def test_there_are_channels_and_candidates(wrong: dict[str, int]) -> None:
    task = small_task(simulated("spikes"), "spikes")
    with pytest.raises(UserError, match=r"model\.connectivity needs rank and candidates of at least 1"):
        connectivity(task, **wrong)


def test_a_unit_alone_has_no_sender() -> None:
    task = small_task(simulated("levels", units=(1,)), "levels")
    model = started(task, *FORM)
    descend(model, task, steps=1)
    assert not model.raw_connectivity(0).any()
