"""Statistics are fitted on the train split; statements about the task are true of its batches."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from laws import KINDS, Kind, simulated, small_task
from scipy import signal

from synapsnet.data.splits import rows
from synapsnet.errors import UserError
from synapsnet.session import Session


def session(activity: np.ndarray, **changes: Any) -> Session:
    """A recording of spikes, or of calcium if its numbers are not whole."""
    whole = activity.dtype.kind in "iu"
    settings: dict[str, Any] = {
        "session_id": "s",
        "activity": activity,
        "bin_width_s": 0.01,
        "unit_ids": tuple(str(unit) for unit in range(activity.shape[1])),
        "signal": "spikes" if whole else "calcium",
    }
    return Session(**{**settings, **changes})


@pytest.mark.parametrize("kind", KINDS)
def test_bins_after_the_train_split_change_nothing_fitted(kind: Kind) -> None:
    original = simulated(kind, n_bins=400)
    changed = []
    for recording in original:
        activity, behavior = recording.activity.copy(), recording.behavior.copy()
        activity[280:] = activity[280:][::-1] * 2 + 1
        behavior[280:] = 7.0
        changed.append(replace(recording, activity=activity, behavior=behavior))
    assert small_task(changed, kind).spec.to_dict() == small_task(original, kind).spec.to_dict()


def test_statistics_are_those_of_the_train_bins() -> None:
    recording = simulated("levels", n_bins=400)[0]
    info = small_task([recording], "levels").spec.sessions[0]
    train = recording.activity[:280].astype(np.float64)
    np.testing.assert_allclose(info.mean, train.mean(0))
    np.testing.assert_allclose(info.scale, train.std(0))
    np.testing.assert_allclose(info.behavior_mean, np.nanmean(recording.behavior[:280], 0), atol=0.05)


def test_moments_survive_a_mean_far_above_the_spread() -> None:
    rng = np.random.default_rng(0)
    activity = (10_000 + rng.standard_normal((500, 3))).astype(np.float32)
    info = small_task([session(activity)], "levels").spec.sessions[0]
    np.testing.assert_allclose(info.scale, activity[:350].astype(np.float64).std(0), rtol=1e-9)


def test_targets_are_counts_for_spikes_and_z_scores_for_calcium() -> None:
    for kind in KINDS:
        recording = simulated(kind, n_bins=400)[0]
        task = small_task([recording], kind)
        batch = next(iter(task.loader("train", batch_size=1)))
        raw = torch.as_tensor(recording.activity[1:13].astype(np.float64))
        info = task.spec.sessions[0]
        expected = raw if kind == "spikes" else (raw - torch.as_tensor(info.mean)) / torch.as_tensor(info.scale)
        torch.testing.assert_close(batch.target[0].double(), expected, rtol=1e-4, atol=1e-4)


def test_missing_behavior_is_filled_from_the_past_and_marked() -> None:
    recording = simulated("levels", n_bins=400)[0]
    behavior = recording.behavior.copy()
    behavior[:4, 1], behavior[100:103, 1] = np.nan, np.nan
    behavior[99, 1], behavior[103, 1] = 0.5, -0.5
    task = small_task([replace(recording, behavior=behavior)], "levels")
    assert task.spec.behavior_names == ("running", "pupil")
    assert task.spec.masked_behavior == ("pupil",)
    encoded = task.sessions[0].behavior
    assert encoded.shape == (400, 3)
    assert not encoded[:4, 1].any()  # nothing observed yet: the train mean
    assert (encoded[99:103, 1] == encoded[99, 1]).all()
    assert encoded[99:104, 2].tolist() == [1, 0, 0, 0, 1]
    assert not torch.isnan(encoded).any()


def test_constant_and_never_observed_behavior_is_dropped_with_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    recording = simulated("levels", n_bins=400)[0]
    behavior = np.stack([recording.behavior[:, 0], np.ones(400), np.full(400, np.nan)], axis=1)
    named = replace(recording, behavior=behavior, behavior_names=("running", "flat", "blank"))
    with caplog.at_level(logging.INFO):
        assert small_task([named], "levels").spec.behavior_names == ("running",)
    assert "flat, blank" in caplog.text


def test_behavior_and_inputs_are_chosen_on_the_train_split_alone() -> None:
    rng = np.random.default_rng(0)
    activity = rng.standard_normal((600, 5))
    activity[420:] = 50 * np.cumsum(rng.standard_normal((180, 5)), axis=0)  # drifts only after the train split
    behavior = np.stack([np.arange(600) % 7, np.ones(600), np.arange(600) % 5], axis=1).astype(np.float32)
    behavior[420:, 1] = 2.0  # varies only after it
    behavior[500:, 2] = np.nan  # missing only after it
    recording = session(activity, behavior=behavior, behavior_names=("running", "late", "pupil"))
    spec = small_task([recording], "levels", inputs="auto").spec
    assert spec.inputs == "levels"
    assert spec.behavior_names == ("running", "pupil")
    assert spec.masked_behavior == ()


def test_sessions_may_differ_in_behavior() -> None:
    first, second = simulated("levels", n_bins=400)
    lacking = replace(second, behavior=None, behavior_names=())
    task = small_task([first, lacking], "levels")
    assert not task.sessions[1].behavior.any()
    assert {batch.behavior.shape[2] for batch in task.loader("test", batch_size=9)} == {3}


def test_silent_and_rare_units_are_dropped_by_the_train_split_alone() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.5, (1000, 4)).astype(np.uint8)
    counts[:700, 1] = 0  # speaks only after the train split
    counts[:, 2] = 0
    counts[::100, 2] = 1  # 0.01 per bin
    task = small_task([session(counts)], "spikes", min_rate=0.02)
    assert task.spec.sessions[0].unit_ids == ("0", "3")
    with pytest.raises(UserError, match=r"none of its 4 units passes data\.min_rate=9"):
        small_task([session(counts)], "spikes", min_rate=9.0)


def test_drifting_levels_call_for_increments_and_others_do_not() -> None:
    """Not even slow ones whose last bin is a better forecast than their mean, as long as they return to it."""
    shocks = np.random.default_rng(0).standard_normal((600, 5))
    returning = np.zeros_like(shocks)
    for bin_ in range(1, len(shocks)):
        returning[bin_] = 0.8 * returning[bin_ - 1] + shocks[bin_]
    slow = signal.lfilter([1], [1, -0.97], shocks, axis=0)  # returns within 33 bins, more than models look back
    signals = {"increments": (np.cumsum(shocks, axis=0), slow), "levels": (shocks, returning)}
    for form, of_form in signals.items():
        for activity in of_form:
            assert small_task([session(activity)], "levels", inputs="auto").spec.inputs == form


def test_what_does_not_fit_together_is_refused() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, (400, 3)).astype(np.uint8)
    spikes, calcium = session(counts), session(counts + 0.5, session_id="c")
    with pytest.raises(UserError, match="train on one kind of signal"):
        small_task([spikes, calcium], "spikes")
    with pytest.raises(UserError, match="session ids must be unique"):
        small_task([spikes, spikes], "spikes")
    with pytest.raises(UserError, match=r"(data.bin_width_s=|no useful bin width)"):
        small_task([spikes, session(counts, session_id="w", bin_width_s=0.02)], "spikes")
    with pytest.raises(UserError, match="longest piece of its validation split has 5 bins, and a forecast needs 6"):
        small_task([session(counts[:30])], "spikes")
    with pytest.raises(UserError, match=r"data\.inputs=increments is for calcium"):
        small_task([spikes], "spikes", inputs="increments")
    with pytest.raises(UserError, match=r"1 <= data\.context_bins <= data\.window_bins"):
        small_task([spikes], "spikes", context_bins=20)


@pytest.mark.parametrize("kind", KINDS)
def test_halves_are_fitted_apart_and_scored_alike(kind: Kind) -> None:
    recordings = simulated(kind, n_bins=400)
    whole = small_task(recordings, kind)
    first, second = (small_task(recordings, kind, train_part=part) for part in ("first_half", "second_half"))
    changed = [replace(one, activity=np.r_[one.activity[:150], one.activity[150:][::-1] + 1]) for one in recordings]
    again = small_task(changed, kind, train_part="first_half")
    np.testing.assert_array_equal(again.spec.sessions[0].mean, first.spec.sessions[0].mean)
    assert (second.spec.sessions[0].mean != first.spec.sessions[0].mean).all()
    assert [half.spec.sessions[0].n_train_bins for half in (first, second)] == [138, 137]  # of 280, and a gap of 5
    for split in ("validation", "test"):
        for half in (first, second):
            assert half.n_targets(split) == whole.n_targets(split)
            for ours, theirs in zip(half.loader(split, batch_size=4), whole.loader(split, batch_size=4), strict=True):
                assert torch.equal(ours.scored, theirs.scored)
                if kind == "spikes":
                    assert torch.equal(ours.target, theirs.target)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trials", [False, True])
def test_any_number_of_minutes_is_the_end_of_training_and_scored_alike(kind: Kind, trials: bool) -> None:
    starts = np.arange(0, 600, 20)
    segments = np.stack([starts, starts + 19], axis=1) if trials else np.array([[0, 600]])
    recording = replace(simulated(kind)[0], segments=segments)
    whole = small_task([recording], kind)
    for minutes in (0.04, 0.08, 1e3):
        task = small_task([recording], kind, train_minutes=minutes)
        train, all_of_it = (rows(of.pieces[0]["train"]) for of in (task, whole))
        np.testing.assert_array_equal(train, all_of_it[-len(train) :])
        assert len(train) == pytest.approx(min(60 * minutes / 0.02, len(all_of_it)), rel=0.1)
        assert task.spec.sessions[0].unit_ids == whole.spec.sessions[0].unit_ids
        for split in ("validation", "test"):
            np.testing.assert_array_equal(task.pieces[0][split], whole.pieces[0][split])
            for ours, theirs in zip(task.loader(split, batch_size=4), whole.loader(split, batch_size=4), strict=True):
                assert torch.equal(ours.scored, theirs.scored)
                if kind == "spikes":
                    assert torch.equal(ours.target, theirs.target)


def test_tasks_that_differ_in_part_or_surrogate_are_about_the_same_units_behavior_and_inputs() -> None:
    rng = np.random.default_rng(0)
    activity = np.concatenate([np.cumsum(rng.standard_normal((200, 4)), axis=0), rng.standard_normal((400, 4))])
    activity[:200, 1] = 0  # silent in the first half of the train split
    behavior = rng.standard_normal((600, 2)).astype(np.float32)
    behavior[:220, 0] = 1.0  # constant there
    behavior[300:310, 1] = np.nan  # missing in the second half
    recording = session(activity, behavior=behavior, behavior_names=("running", "pupil"))
    whole = small_task([recording], "levels", inputs="auto").spec
    for changes in (
        {"train_part": "first_half"},
        {"train_part": "second_half"},
        {"train_minutes": 0.03},
        {"surrogate": "circular_shift", "surrogate_seed": 3},
        {"surrogate": "phase_shuffle", "train_part": "second_half"},
    ):
        task = small_task([recording], "levels", inputs="auto", **changes)
        for name in ("behavior_names", "masked_behavior", "inputs", "n_behavior"):
            assert getattr(task.spec, name) == getattr(whole, name)
        assert task.spec.sessions[0].unit_ids == whole.sessions[0].unit_ids
        for batch in task.train_loader(batch_size=4, seed=0):
            assert torch.isfinite(batch.past).all()
            assert torch.isfinite(batch.behavior).all()


def test_a_surrogate_keeps_train_statistics_and_behavior_and_moves_nothing_between_splits() -> None:
    recording = simulated("spikes", n_bins=400)[0]
    original = small_task([recording], "spikes")
    task = small_task([recording], "spikes", surrogate="circular_shift", surrogate_seed=1)
    for name in ("mean", "scale", "input_mean", "behavior_mean"):
        np.testing.assert_allclose(
            getattr(task.spec.sessions[0], name), getattr(original.spec.sessions[0], name), rtol=1e-12
        )
    assert torch.equal(task.sessions[0].behavior, original.sessions[0].behavior)
    for low, high in ((0, 280), (280, 340), (340, 400)):
        ours, theirs = (one.sessions[0].activity[low:high] for one in (task, original))
        assert not torch.equal(ours, theirs)
        assert torch.equal(ours.sort(0).values, theirs.sort(0).values)


def test_a_half_that_is_too_short_is_refused() -> None:
    counts = np.random.default_rng(0).poisson(1.0, (60, 3)).astype(np.uint8)
    settings = {"context_bins": 9, "fractions": {"train": 0.4, "validation": 0.3, "test": 0.3}}
    small_task([session(counts)], "spikes", **settings)
    with pytest.raises(UserError, match="longest piece of its train split has 8 bins, and a forecast needs 10"):
        small_task([session(counts)], "spikes", **settings, train_part="first_half")
