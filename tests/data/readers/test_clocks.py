"""Laws of clocks, of missing values and of resampling, on generated series, against going through them one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ranges import intervals, labels, runs

from synapsnet.data.readers._frames import GAP_PERIODS, MISSING_SHARE, clock, without_missing
from synapsnet.data.readers._resampling import RECENT_SAMPLES, STALE_PERIODS, bin_ends, resample
from synapsnet.errors import UserError

laws = settings(max_examples=30, deadline=None)


@laws
@given(steps=st.lists(st.sampled_from([1.0, 1.0, 1.0, 1.2, 0.8, 1.4, 1.6, 0.0, -3.0, 40.0]), min_size=1, max_size=25))
def test_no_segment_holds_a_jump_of_the_clock(steps: list[float]) -> None:
    times = 5.0 + np.cumsum([0.0, *steps])
    if np.median(np.diff(times)) < 1e-9:
        with pytest.raises(UserError, match="do not ascend"):
            clock(times, "the recording")
        return
    ticks = clock(times, "the recording")
    assert ticks.bin_width_s == pytest.approx(np.median(steps))
    assert ticks.segments.ravel().tolist() == sorted([0, *np.repeat(ticks.segments[1:, 0], 2), len(times)])
    starts = set(ticks.segments[1:, 0].tolist())
    for frame, step in enumerate(np.diff(times), start=1):
        assert (frame in starts) == (step <= 0 or step > GAP_PERIODS * ticks.bin_width_s)


@laws
@given(data=st.data(), n_frames=st.integers(1, 15), n_units=st.integers(1, 4), dtype=st.sampled_from(["f4", "f8"]))
def test_no_segment_holds_a_missing_value(data: st.DataObject, n_frames: int, n_units: int, dtype: str) -> None:
    large = 1e300 if dtype == "f8" else np.inf  # either is too large for float32
    value = st.sampled_from([1.5, -2.0, 0.0, 1.5, -2.0, 0.0, np.nan, -np.inf, large, 3e38])
    traces = data.draw(hnp.arrays(dtype, (n_frames, n_units), elements=value))
    given_segments = data.draw(intervals(n_frames, some=True))
    bad = ~(np.abs(traces.astype(np.float64)) < 1e39)
    kept = [unit for unit in range(n_units) if bad[:, unit].sum() <= MISSING_SHARE * n_frames]
    missing = np.cumsum(bad[:, kept].any(1))
    tags = [
        (segment, -1 if bad[frame, kept].any() else int(missing[frame]))
        for frame, segment in enumerate(labels(given_segments, n_frames))
    ]
    if not kept or not runs(tags):
        with pytest.raises(UserError, match=r"^(every unit lacks|every frame lacks)"):
            without_missing(traces, given_segments, "the recording")
        return
    before = traces.copy()
    present, chosen, segments = without_missing(traces, given_segments, "the recording")
    assert chosen.tolist() == kept
    assert segments.tolist() == runs(tags)
    assert np.isfinite(present).all()
    assert present.dtype == np.float32
    whole = ~bad[:, kept].any(1)
    np.testing.assert_array_equal(present[whole], traces[:, kept][whole].astype(np.float32))
    np.testing.assert_array_equal(traces, before)


SAMPLES = st.lists(
    st.tuples(st.floats(-1, 4) | st.just(np.nan) | st.sampled_from([0.1, 0.5]), st.floats(-5, 5) | st.just(np.nan)),
    max_size=15,
)


@laws
@given(samples=SAMPLES, first=st.integers(-5, 5), width=st.sampled_from([0.05, 0.1]))
def test_a_bin_holds_the_last_sample_before_its_end(
    samples: list[tuple[float, float]], first: int, width: float
) -> None:
    times, values = np.array(samples, dtype=np.float64).reshape(-1, 2).T
    deadlines = bin_ends(first, 20, width)
    held = resample(times, values[:, None], deadlines, width)[:, 0]
    timed = sorted(time for time in times if np.isfinite(time))
    for bin_, deadline in enumerate(deadlines):
        recent = [time for time in timed if time <= deadline][-RECENT_SAMPLES:]
        period = np.median(np.diff(recent)) if len(recent) > 1 else width
        # Of samples of one time, the last one counts.
        before = [(time, position) for position, time in enumerate(times) if time <= deadline]
        time, position = max(before, default=(-np.inf, -1))
        stale = deadline - time > max(STALE_PERIODS * period, width)
        assert held[bin_] == pytest.approx(np.nan if stale else values[position], nan_ok=True, rel=0, abs=0)


@laws
@given(samples=SAMPLES, bin_=st.integers(0, 19), later=SAMPLES)
def test_what_comes_after_a_bin_never_changes_it(
    samples: list[tuple[float, float]], bin_: int, later: list[tuple[float, float]]
) -> None:
    """Neither the values of what comes later, nor when it comes, nor whether anything does."""
    deadlines = bin_ends(0, 20, 0.1)
    before = [sample for sample in samples if not sample[0] > deadlines[bin_]]
    after = [sample for sample in later if sample[0] > deadlines[bin_]]
    held, perturbed = (
        resample(times, values[:, None], deadlines, 0.1)
        for times, values in (
            np.array(series, dtype=np.float64).reshape(-1, 2).T for series in (samples, before + after)
        )
    )
    np.testing.assert_array_equal(held[: bin_ + 1], perturbed[: bin_ + 1])


def test_how_long_a_sample_is_held_follows_the_rate_of_the_samples_before_it() -> None:
    times = np.r_[np.arange(100) * 0.01, np.arange(2, 60) * 1.0]  # 100 Hz, a pause, 1 Hz
    held = resample(times, times[:, None], bin_ends(0, 8000, 0.01), 0.01)[:, 0]
    known = np.isfinite(held)
    assert known[:108].all()
    assert not known[110:200].any()
    assert known[2000:6800].all()
    assert not known[6901:].any()
