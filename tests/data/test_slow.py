"""The slow state of a batch is that of its definition, over the whole past of the segment and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from laws import KINDS, Kind, simulated, small_task
from torch import Tensor

from synapsnet.data.slow import keep_traces
from synapsnet.data.splits import Split
from synapsnet.data.task import Task
from synapsnet.session import Batch, Session
from synapsnet.session.scale import scale_of

SLOW_S = [0.1, 0.7, 3.0]  # bins are 0.02 s
SEGMENTS = np.array([[0, 250], [255, 268], [300, 520], [520, 555], [560, 1000]])


def recorded(kind: Kind) -> Session:
    """A session of several segments, of which a split takes parts."""
    return replace(simulated(kind, n_bins=1000, units=(5,))[0], segments=SEGMENTS)


def by_definition(session: Session, task: Task) -> np.ndarray:
    """Slow state on every bin in float64, bin by bin, ``[time, units, traces]``; NaN outside the segments."""
    info, increments = task.spec.sessions[0], task.spec.inputs == "increments"
    raw = session.activity.astype(np.float64)
    counts = session.signal == "spikes"
    x = (np.log1p(raw) - info.input_mean) / info.input_scale if counts else (raw - info.mean) / info.scale
    decays = np.exp(-session.bin_width_s / np.array(SLOW_S))
    slow = np.full((*raw.shape, len(SLOW_S)), np.nan)
    for start, stop in session.segments:
        m = np.zeros((raw.shape[1], len(SLOW_S)))
        for t in range(start, stop):
            m = (1 - decays) * x[t, :, None] + decays * m
            slow[t] = m
            if counts:
                usual = np.maximum(info.input_mean / info.input_scale, 1e-6)[:, None]
                slow[t] = usual * np.log((m + 1.1 * usual) / (1.1 * usual))
            if increments:
                mean = m / (1 - decays ** (t - start + 1))
                slow[t] = (mean - x[t, :, None]) / info.increment_scale[:, None] / 10
    return slow


def placed(task: Task) -> Iterator[tuple[Batch, Tensor]]:
    """Batches of all splits, and two epochs of shuffled ones, each with the bins of its windows."""
    numbered = replace(task.sessions[0], behavior=torch.arange(1000, dtype=torch.float32)[:, None])
    counted = replace(task, sessions=(numbered,))
    loaders = [counted.loader(split, batch_size=7) for split in get_args(Split)]
    for loader in (*loaders, *[counted.train_loader(batch_size=4, seed=3)] * 2):
        for batch in loader:
            yield batch, batch.behavior[..., 0].long()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window_bins", [12, 90])
def test_batches_hold_what_the_definition_says(kind: Kind, window_bins: int) -> None:
    session = recorded(kind)
    task = small_task([session], kind, slow_s=SLOW_S, window_bins=window_bins)
    expected = torch.from_numpy(by_definition(session, task)).float()
    seen = set()
    for batch, bins in placed(task):
        assert batch.slow.shape == (*batch.past.shape, 3)
        assert batch.slow.dtype == torch.float32
        inside = torch.cat([torch.ones(len(bins), 1, dtype=torch.bool), bins[:, 1:] > bins[:, :-1]], dim=1)
        assert inside[batch.scored].all()
        torch.testing.assert_close(batch.slow[inside], expected[bins[inside]], rtol=1e-4, atol=1e-5)
        seen.update(bins[inside].tolist())
    assert len(seen) > 900


@pytest.mark.parametrize(("first", "stop", "touched"), [(400, 1000, range(400, 1000)), (0, 520, range(520))])
@pytest.mark.parametrize("kind", KINDS)
def test_neither_later_bins_nor_other_segments_reach_it(kind: Kind, first: int, stop: int, touched: range) -> None:
    task = small_task([recorded(kind)], kind, slow_s=SLOW_S)
    activity = task.sessions[0].activity.clone()
    activity[first:stop] = activity[first:stop].flip(0) + 2
    slow = keep_traces(activity, SEGMENTS, scale_of(task.spec, 0), np.asarray)
    changed = replace(task, sessions=(replace(task.sessions[0], activity=activity, slow=slow),))
    moved = set()
    for (before, bins), (after, _) in zip(placed(task), placed(changed), strict=True):
        moved.update(bins[(after.slow != before.slow).any(-1).any(-1)].tolist())
    assert moved <= set(touched)
    assert len(moved) > 0.9 * sum(bin in touched for low, high in SEGMENTS for bin in range(low, high))


def test_of_increments_a_constant_level_is_not_seen() -> None:
    session = recorded("increments")
    higher = replace(session, activity=session.activity + np.array([0, 30, 0, -4, 0], dtype=session.activity.dtype))
    task, other = (small_task([each], "increments", slow_s=SLOW_S) for each in (session, higher))
    for (batch, _), (shifted, _) in zip(placed(task), placed(other), strict=True):
        assert float(batch.slow.abs().max()) > 0.1
        torch.testing.assert_close(shifted.slow, batch.slow, rtol=1e-4, atol=1e-4)


def test_of_counts_it_is_the_logarithm_of_the_rate_over_the_train_rate_and_finite_for_silent_units() -> None:
    spec = small_task([recorded("spikes")], "spikes", slow_s=[0.1]).spec
    info, silent = spec.sessions[0], np.array([0, 1, 0, 0, 0])
    silenced = replace(spec, sessions=(replace(info, input_mean=np.where(silent, 0, info.input_mean)),))
    past = torch.full((1, 1, 5), 8.0)
    inputs = scale_of(silenced, 0).inputs(past)  # the traces of eight spikes in every bin for ever
    rate = np.log1p(8) / info.input_mean
    expected = info.input_mean / info.input_scale * np.log((rate + 0.1) / 1.1) * (1 - silent)
    slow = scale_of(silenced, 0).slow(inputs[:, None], past, torch.ones(1, 1))
    np.testing.assert_allclose(slow[0, 0, :, 0], expected, rtol=1e-4, atol=1e-3)
    rested = scale_of(silenced, 0).slow(torch.zeros(1, 1, 1, 5), past, torch.ones(1, 1))
    assert torch.equal(rested, torch.zeros(1, 1, 5, 1))


@pytest.mark.parametrize("in_memory", [True, False])
def test_without_time_constants_there_is_none(in_memory: bool) -> None:
    task = small_task([recorded("spikes")], "spikes", slow_s=[], in_memory=in_memory)
    assert all(batch.slow.shape == (*batch.past.shape, 0) for batch, _ in placed(task))
