"""Wider bins, and the width that is advised where recordings differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synapsnet.data.widths import advice, rebin
from synapsnet.errors import UserError
from synapsnet.session import Session

SECONDS = 0.01


def session(activity: np.ndarray, **more: Any) -> Session:
    signal = "calcium" if activity.dtype.kind == "f" else "spikes"
    ids = tuple(map(str, range(activity.shape[1])))
    return Session(session_id="s", activity=activity, bin_width_s=SECONDS, unit_ids=ids, signal=signal, **more)


def test_rebinning_sums_counts_within_segments() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, (40, 3)).astype(np.uint8)
    behavior = np.arange(40, dtype=np.float32)[:, None]
    behavior[6:9] = np.nan
    original = session(
        counts, segments=np.array([[2, 13], [20, 22], [22, 32]]), behavior=behavior, behavior_names=("x",)
    )
    wide = rebin(original, 0.03)
    assert wide.bin_width_s == pytest.approx(0.03)
    assert wide.segments.tolist() == [[0, 3], [3, 6]]
    first = [counts[low : low + 3].sum(0).tolist() for low in (2, 5, 8)]
    second = [counts[low : low + 3].sum(0).tolist() for low in (22, 25, 28)]
    assert wide.activity.tolist() == first + second
    np.testing.assert_allclose(wide.behavior[:, 0], [3, 5, 9.5, 23, 26, 29])
    assert rebin(original, None) is original
    assert rebin(original, 0.01) is original


def test_a_width_that_is_no_whole_multiple_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.bin_width_s=0\.025 is not a whole multiple of its bins of 0\.01 s"):
        rebin(session(np.ones((40, 3), dtype=np.uint8)), 0.025)


@pytest.mark.parametrize("factor", [1.2, 1.5, 2.5, 30 / 7, 3.0000004])
def test_frames_are_averaged_in_the_bin_in_which_they_end(factor: float) -> None:
    rng = np.random.default_rng(0)
    frames, speed = rng.normal(size=(200, 2)).astype(np.float32), rng.normal(size=(200, 1)).astype(np.float32)
    segments = np.array([[3, 70], [70, 71], [90, 200]])
    original = session(frames, segments=segments, behavior=speed, behavior_names=("speed",))
    wide = rebin(original, factor * SECONDS)
    assert wide.bin_width_s == pytest.approx(factor * SECONDS)
    means, moved, lengths = [], [], []
    for start, stop in segments:
        ends = np.arange(1, stop - start + 1)
        bins = [(ends > k * factor + 1e-5) & (ends <= (k + 1) * factor + 1e-5) for k in range(len(ends))]
        full = [inside for k, inside in enumerate(bins) if (k + 1) * factor <= len(ends) + 1e-5]
        means += [frames[start:stop][inside].astype(np.float64).mean(0) for inside in full]
        moved += [speed[start:stop][inside].astype(np.float64).mean(0) for inside in full]
        lengths += [len(full)] if full else []
    np.testing.assert_allclose(wide.activity, means, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(wide.behavior, moved, rtol=1e-5, atol=1e-6)
    assert np.diff(wide.segments, axis=1)[:, 0].tolist() == lengths


@pytest.mark.parametrize("factor", [1.2, 2.5, 3.0])
def test_a_bin_knows_no_frame_that_ends_after_it(factor: float) -> None:
    frames = np.random.default_rng(0).normal(size=(100, 2))
    before = rebin(session(frames), factor * SECONDS)
    for cut in (17, 40, 77):  # the first frame that changes ends at cut + 1
        after = rebin(session(np.where(np.arange(100)[:, None] >= cut, 9.0, frames)), factor * SECONDS)
        changed = np.flatnonzero((after.activity != before.activity).any(1))
        ends = (np.arange(before.n_bins) + 1) * factor
        assert changed.tolist() == np.flatnonzero(ends >= cut + 1 - 1e-6).tolist()


def test_frames_are_not_made_narrower() -> None:
    with pytest.raises(UserError, match=r"data\.bin_width_s=0\.008 is below its bins of 0\.01 s"):
        rebin(session(np.ones((40, 3))), 0.008)


@pytest.mark.parametrize(
    ("widths", "signals", "expected"),
    [
        ([0.02, 0.03], ["spikes"], "data.bin_width_s=0.06 is a multiple of them all"),
        ([0.02, 0.5], ["calcium"], "data.bin_width_s=0.5 is a multiple of them all"),
        ([1 / 30, 1 / 31], ["spikes", "calcium"], "data.bin_width_s=1 is a multiple of them all"),
        ([1 / 30, 1 / 31], ["calcium"], "data.bin_width_s=0.0333333 averages the frames of all in bins of the widest"),
        ([0.1, 0.1307, 0.0451], ["spikes"], "no useful bin width is a multiple of them all, so train on each alone"),
    ],
)
def test_advice_on_bin_widths_is_possible(widths: list[float], signals: list[str], expected: str) -> None:
    assert advice(widths, signals) == expected
    if signals == ["calcium"]:
        width = float(expected.partition("=")[2].split()[0])
        for own in widths:
            frames = session(np.ones((400, 2), dtype=np.float32))
            frames = Session(**{**vars(frames), "bin_width_s": own})
            assert rebin(frames, width).bin_width_s == pytest.approx(width, rel=1e-3)
