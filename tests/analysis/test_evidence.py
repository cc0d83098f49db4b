"""Evidence of connections: errors as large as they say, whatever the noise, and none from noise alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from laws import build, data_settings, fitted
from torch import Tensor

from synapsnet.analysis.block_jackknife import Evidence, block_evidence, time_course
from synapsnet.analysis.evidence import MOST_BLOCKS, connection_evidence, time_blocks
from synapsnet.analysis.odds import effect_odds
from synapsnet.data.task import Task, build_task
from synapsnet.session import Session

N_UNITS, N_BLOCKS = 12, 30
OFF = ~np.eye(N_UNITS, dtype=bool)
Array = npt.NDArray[np.float64]


def task_of(activity: Array, signal: str = "calcium") -> Task:
    unit_ids = tuple(f"u{unit}" for unit in range(activity.shape[1]))
    session = Session(session_id="planted", activity=activity, bin_width_s=0.1, signal=signal, unit_ids=unit_ids)  # type: ignore[arg-type]
    return build_task([session], data_settings(inputs="levels", slow_s=[], min_active_bins=1))


def evidence_of(task: Task) -> Evidence:
    return connection_evidence(fitted(build("var", task.spec), task, steps=0), task.loader("train", batch_size=16), 0)


def planted(n_bins: int, noise: str, seed: int) -> tuple[Array, Array]:
    """Activity of a VAR(1) of few connections, and its coupling ``[post, pre]``."""
    rng = np.random.default_rng(seed)
    coupling = 0.2 * (rng.random((N_UNITS, N_UNITS)) < 0.15) * OFF + 0.3 * np.eye(N_UNITS)
    bursts = np.repeat(rng.lognormal(sigma=0.7, size=n_bins // 50), 50)[:, None]  # noise that comes and goes
    shocks = {"normal": rng.normal(size=(n_bins, N_UNITS)), "bursts": bursts * rng.standard_t(4, (n_bins, N_UNITS))}
    activity = np.zeros((n_bins, N_UNITS))
    for time in range(1, n_bins):
        activity[time] = coupling @ activity[time - 1] + shocks[noise][time]
    return activity, coupling


@pytest.mark.parametrize("noise", ["normal", "bursts"])
def test_estimates_are_as_far_from_the_truth_as_their_errors_say(noise: str) -> None:
    deviations = []
    for seed in range(4):
        activity, truth = planted(6000, noise, seed)
        found = evidence_of(task_of(activity))
        assert found.degrees_of_freedom == 2 * (MOST_BLOCKS - 1)
        assert not found.estimate.diagonal().any()
        deviations.append(((found.estimate.numpy() - truth) / np.where(OFF, found.standard_error.numpy(), 1))[OFF])
    z = np.concatenate(deviations)
    assert np.std(z) == pytest.approx(1.0, abs=0.15)
    assert np.mean(np.abs(z) > 2) == pytest.approx(0.05, abs=0.04)


def test_a_delay_costs_little_certainty() -> None:
    """Three lags of their own would have errors 1.7 times as large."""
    rng = np.random.default_rng(0)
    noise, errors = rng.normal(size=(6000, N_UNITS)), []
    for delay in (1, 3):
        activity = noise.copy()
        activity[delay:, 1] += 0.2 * noise[:-delay, 0]
        found = evidence_of(task_of(activity))
        errors.append(found.standard_error.numpy()[OFF].mean())
        z = np.divide(found.estimate.numpy(), found.standard_error.numpy(), where=OFF, out=np.zeros(OFF.shape))
        assert np.unravel_index(z.argmax(), z.shape) == (1, 0)
        assert z.max() > 4
    assert errors[1] < 1.3 * errors[0]


@pytest.mark.parametrize("n_senders", [N_UNITS, 5])
@pytest.mark.parametrize("course", [(1.0, 0.0, 0.0), (0.8, 0.5, 0.3), (0.8, -0.6, 0.0)])
def test_effects_are_found_by_the_time_course_that_they_share(
    course: tuple[float, ...], n_senders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synapsnet.analysis.block_jackknife.MOST_FEATURES", len(course) * n_senders)
    rng = np.random.default_rng(0)
    coupling = 0.1 * rng.choice([-1, 0, 1], p=[0.2, 0.6, 0.2], size=(N_UNITS, N_UNITS)) * OFF
    sent = rng.normal(size=(6000, N_UNITS))
    x = np.concatenate([np.roll(sent, lag, axis=0) for lag in range(len(course))], axis=1)
    y = x @ np.kron(np.array(course)[:, None], coupling.T) + rng.normal(size=sent.shape)
    blocks = list(zip(*(torch.from_numpy(of).tensor_split(N_BLOCKS) for of in (x, y)), strict=True))
    found = time_course(lambda: blocks, n_units=N_UNITS, n_lags=len(course))
    np.testing.assert_allclose(found, np.array(course) / np.linalg.norm(course), atol=0.05)
    evidence = block_evidence(lambda: blocks, n_units=N_UNITS, n_lags=len(course))
    of_sum = np.abs(course).sum()  # the size at all lags; the sign is that of the recent ones
    z = (evidence.estimate.numpy() - of_sum * coupling)[OFF] / evidence.standard_error.numpy()[OFF]
    assert np.std(z) == pytest.approx(1.0, abs=0.25)
    # As certain as a regression that is told the course.
    told = 6000**-0.5 * of_sum / np.linalg.norm(course)
    assert evidence.standard_error.numpy()[OFF].mean() == pytest.approx(told, rel=0.1)


def bins(seed: int, coupling: Array, n_bins: int = 6000) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_bins, N_UNITS))
    return torch.from_numpy(x), torch.from_numpy(x @ coupling.T + rng.normal(size=x.shape))


def in_blocks(*parts: tuple[Tensor, Tensor]) -> Evidence:
    x, y = (torch.cat(columns) for columns in zip(*parts, strict=True))
    blocks = list(zip(x.tensor_split(N_BLOCKS), y.tensor_split(N_BLOCKS), strict=True))
    return block_evidence(lambda: blocks, n_units=N_UNITS, n_lags=1)


def test_the_error_is_that_of_least_squares_where_bins_are_independent() -> None:
    coupling = np.where(OFF, 1.0, 0.0)
    found = in_blocks(bins(0, coupling))
    np.testing.assert_allclose(found.estimate.numpy()[OFF], 1, atol=0.08)
    np.testing.assert_allclose(found.standard_error.numpy()[OFF], 6000**-0.5, rtol=0.4)
    assert found.standard_error.numpy()[OFF].mean() == pytest.approx(6000**-0.5, rel=0.05)


def test_a_level_that_drifts_is_no_effect() -> None:
    x, y = bins(0, np.zeros((N_UNITS, N_UNITS)))
    rise = torch.linspace(0, 5, len(x))[:, None]
    still, drifting = in_blocks((x, y)), in_blocks((x + rise, y + rise))
    np.testing.assert_allclose(drifting.estimate, still.estimate, atol=0.02)


def test_effects_that_drift_have_larger_errors() -> None:
    rng = np.random.default_rng(0)
    change = rng.normal(size=(N_UNITS, N_UNITS))
    steady = in_blocks(bins(0, 1 + 0 * change, 3000), bins(1, 1 + 0 * change, 3000))
    drifting = in_blocks(bins(0, 1 + 0.1 * change, 3000), bins(1, 1 - 0.1 * change, 3000))
    assert float(drifting.standard_error.sum() / steady.standard_error.sum()) > 2


@pytest.mark.parametrize("signal", ["spikes", "calcium"])
def test_noise_of_rare_events_is_no_evidence(signal: str) -> None:
    """Units so quiet that two of them meet in a few bins or in none."""
    rng = np.random.default_rng(0)
    activity = rng.poisson(0.02, size=(2000, 40)).astype(np.float64)
    task = task_of(activity if signal == "spikes" else activity * rng.lognormal(size=activity.shape), signal)
    found = evidence_of(task)
    edges = ~np.eye(len(found.estimate), dtype=bool)
    odds = effect_odds(found.estimate.numpy()[edges], found.standard_error.numpy()[edges], found.degrees_of_freedom)
    assert (odds.replication > 0.8).sum() <= 2


@pytest.mark.parametrize("n_units", [1, 4])
@pytest.mark.parametrize("n_bins", [6, 200])
@pytest.mark.parametrize("sent", ["the same at every lag", "constant", "nothing", "rare"])
def test_lags_that_tell_nothing_apart_do_no_harm(sent: str, n_bins: int, n_units: int) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x = 1e3 * rng.normal(size=(n_bins, n_units))
        lags = {
            "the same at every lag": [x, x, x],
            "constant": [np.ones_like(x) * x[:1]] * 3,
            "nothing": [0 * x] * 3,
            "rare": [np.roll(rng.random(x.shape) < 0.02, lag, axis=0) for lag in range(3)],
        }[sent]
        features, y = torch.from_numpy(np.concatenate(lags, axis=1) * 1.0), torch.from_numpy(rng.normal(size=x.shape))
        blocks = list(zip(features.tensor_split(3), y.tensor_split(3), strict=True))
        found = block_evidence(lambda blocks=blocks: blocks, n_units=n_units, n_lags=3)  # type: ignore[misc]
        assert bool(torch.isfinite(found.estimate).all() and torch.isfinite(found.standard_error).all())
        assert bool((found.standard_error >= 0).all())


def test_a_silent_unit_has_no_evidence() -> None:
    task = task_of(planted(2000, "normal", 0)[0])
    model = fitted(build("var", task.spec), task, steps=0)

    class Silenced:
        def of_session(self, session: int) -> Iterable:
            for batch in task.loader("train", batch_size=16).of_session(session):
                past, target = batch.past.clone(), batch.target.clone()
                past[:, :, 3] = target[:, :, 3] = 0.0
                yield replace(batch, past=past, target=target)

    found = connection_evidence(model, Silenced(), 0)  # type: ignore[arg-type]
    assert not found.standard_error[:, 3].any()
    assert not found.estimate[:, 3].any()
    assert bool(found.standard_error[0, 1:3].all())


def test_blocks_hold_every_scored_bin_once_in_order() -> None:
    loader = task_of(planted(2000, "normal", 0)[0]).loader("train", batch_size=5)
    blocks = time_blocks(loader)
    sizes = [sum(int(batch.scored.sum()) for batch in block) for block in blocks]
    assert len(sizes) == MOST_BLOCKS
    assert max(sizes) - min(sizes) <= 1
    whole = torch.cat([batch.target[batch.scored] for batch in loader])
    again = torch.cat([batch.target[batch.scored] for block in blocks for batch in block])
    torch.testing.assert_close(again, whole)
