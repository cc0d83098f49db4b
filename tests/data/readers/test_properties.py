"""Laws of what the readers share, on generated recordings, against counting bin by bin."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synapsnet.data.readers import read_sessions
from synapsnet.data.readers._frames import GAP_PERIODS, MISSING_SHARE, clock, without_missing
from synapsnet.data.readers._intervals import PAUSE_S, equal_bins, on_bins, stretches
from synapsnet.data.readers._resampling import STALE_PERIODS, bin_ends, resample
from synapsnet.data.readers.archive import VERSION, write_archive
from synapsnet.errors import UserError
from synapsnet.session import Session
from synapsnet.session.intervals import common, renumbered
from synapsnet.session.unit_table import POSITION, QUALITY, TEXT

laws = settings(max_examples=30, deadline=None)

# NumPy ends a text at its trailing zeros; half of a surrogate pair is no text.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def intervals(draw: st.DrawFn, n_bins: int, least: int = 0) -> np.ndarray:
    """Ranges of bins that ascend and do not overlap; some of them touch."""
    edges = sorted(draw(st.sets(st.integers(0, n_bins), max_size=10)))
    spans = [span for span in pairwise(edges) if draw(st.booleans())]
    assume(len(spans) >= least)
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


@st.composite
def unit_tables(draw: st.DrawFn, n_units: int) -> dict[str, np.ndarray]:
    """Some of the known columns, and one more."""
    texts = hnp.arrays(np.dtype("U4"), n_units, elements=TEXTS.map(lambda text: text[:4]))
    numbers = hnp.arrays(np.float64, n_units, elements=st.floats(allow_infinity=False))
    columns: dict[str, Any] = dict.fromkeys(TEXT, texts)
    columns |= dict.fromkeys((*POSITION, *QUALITY), numbers) | {"depth_um": numbers, "note": texts}
    return {name: draw(columns[name]) for name in draw(st.sets(st.sampled_from(sorted(columns)), max_size=4))}


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    """Anything that a session may be, a few bins long."""
    n_bins, n_units, n_features = draw(st.integers(1, 20)), draw(st.integers(1, 4)), draw(st.integers(0, 2))
    signal = draw(st.sampled_from(["spikes", "calcium"]))
    values = (
        st.integers(0, draw(st.sampled_from([3, 255, 256, 2**16, 2**40])))
        if signal == "spikes"
        else st.floats(allow_nan=False, allow_infinity=False, width=32)
    )
    activity = draw(hnp.arrays(np.int64 if signal == "spikes" else np.float32, (n_bins, n_units), elements=values))
    behavior = hnp.arrays(
        np.float32, (n_bins, n_features), elements=st.floats(allow_nan=True, allow_infinity=False, width=32)
    )
    task_names = st.sets(st.text("abz09_", min_size=1, max_size=4), max_size=3)
    return Session(
        session_id=draw(TEXTS),
        activity=activity,
        bin_width_s=draw(st.floats(1e-6, 1e3)),
        unit_ids=tuple(draw(st.lists(TEXTS, min_size=n_units, max_size=n_units, unique=True))),
        signal=signal,
        segments=draw(intervals(n_bins)),
        behavior=draw(behavior) if n_features else None,
        behavior_names=tuple(draw(st.lists(TEXTS, min_size=n_features, max_size=n_features, unique=True))),
        tasks={name: draw(intervals(n_bins, least=1)) for name in sorted(draw(task_names))},
        unit_table=draw(unit_tables(n_units)),
        meta=draw(st.dictionaries(TEXTS.filter(lambda key: key not in ("session_id", "signal")), JSON, max_size=3)),
    )


@laws
@given(session=sessions())
def test_an_archive_keeps_all_of_a_session(session: Session, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "kept.npz"
    write_archive(session, path)
    (read,) = read_sessions(path, bin_width_s=None)
    for name in ("activity", "segments", "behavior"):
        np.testing.assert_array_equal(getattr(read, name), getattr(session, name))
        assert getattr(read, name).dtype == getattr(session, name).dtype
    for name in ("session_id", "bin_width_s", "unit_ids", "signal", "behavior_names"):
        assert getattr(read, name) == getattr(session, name)
    assert read.meta == {"file": "kept.npz", "format": "archive", **session.meta}
    for name in ("tasks", "unit_table"):
        ours, theirs = getattr(session, name), getattr(read, name)
        assert ours.keys() == theirs.keys()
        for key, value in ours.items():
            np.testing.assert_array_equal(theirs[key], value)
    with np.load(path) as arrays:
        assert arrays["version"] == VERSION


def labels(ranges: np.ndarray, n_bins: int) -> list[int]:
    """Which of the ranges each bin lies in, -1 for none."""
    return [next((k for k, (a, b) in enumerate(ranges) if a <= bin_ < b), -1) for bin_ in range(n_bins)]


def runs(tags: list[tuple[int, ...]]) -> list[list[int]]:
    """Ranges of equal tags, without those that hold a -1."""
    found, position = [], 0
    for tag, run in groupby(tags):
        length = len(list(run))
        if -1 not in tag:
            found.append([position, position + length])
        position += length
    return found


@laws
@given(data=st.data(), n_bins=st.integers(1, 30))
def test_common_and_renumbered_ranges_are_those_of_the_bins(data: st.DataObject, n_bins: int) -> None:
    first, second = data.draw(intervals(n_bins)), data.draw(intervals(n_bins))
    ours, theirs = labels(first, n_bins), labels(second, n_bins)
    assert common(first, second).tolist() == runs(list(zip(ours, theirs, strict=True)))
    kept = [bin_ for bin_ in range(n_bins) if theirs[bin_] >= 0]
    assert renumbered(first, second).tolist() == runs([(ours[bin_], theirs[bin_]) for bin_ in kept])


@laws
@given(data=st.data(), n_bins=st.integers(1, 30))
def test_some_bins_of_a_session_are_those_bins(data: st.DataObject, n_bins: int) -> None:
    tasks = {name: data.draw(intervals(n_bins, least=1)) for name in ("rest", "run")}
    session = Session(
        session_id="mouse",
        activity=np.arange(n_bins)[:, None],
        bin_width_s=0.1,
        unit_ids=("a",),
        signal="spikes",
        segments=data.draw(intervals(n_bins, least=1)),
        behavior=np.arange(n_bins, dtype=np.float32)[:, None],
        behavior_names=("x",),
        tasks=tasks,
    )
    kept = data.draw(st.one_of(intervals(n_bins), st.just("rest")))
    recorded = labels(session.segments, n_bins)
    if isinstance(kept, str):
        cuts = labels(tasks["rest"], n_bins)
        chosen = [(bin_, (recorded[bin_], cuts[bin_])) for bin_ in range(n_bins)]
        chosen = [(bin_, tag) for bin_, tag in chosen if -1 not in tag]
    else:
        cuts = labels(kept, n_bins)
        chosen = [(bin_, (cuts[bin_],)) for bin_ in range(n_bins) if cuts[bin_] >= 0]
    if all(recorded[bin_] < 0 for bin_, _ in chosen):
        with pytest.raises(UserError, match=r"session 'mouse': (none of the bins|nothing was recorded)"):
            session.of_task("rest") if isinstance(kept, str) else session.of_bins(kept)
        return
    part = session.of_task("rest") if isinstance(kept, str) else session.of_bins(kept)
    bins = [bin_ for bin_, _ in chosen]
    assert part.activity[:, 0].tolist() == bins
    assert part.behavior[:, 0].tolist() == bins
    assert part.segments.tolist() == runs([(*tag, recorded[bin_]) for bin_, tag in chosen])
    left = {
        name: runs([(*tag, labels(ranges, n_bins)[bin_]) for bin_, tag in chosen]) for name, ranges in tasks.items()
    }
    assert {name: ranges.tolist() for name, ranges in part.tasks.items()} == {k: v for k, v in left.items() if v}


EVENTS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from([0.0, 0.5, PAUSE_S, PAUSE_S + 0.5]), st.sampled_from([0.5, 20.0])),
    max_size=12,
)


@laws
@given(events=EVENTS, order=st.randoms(use_true_random=False))
def test_stretches_join_what_follows_within_the_pause(events: list[tuple[str, float, float]], order: Any) -> None:
    timed, now = [], -30.0
    for label, pause, length in events:
        timed.append((label, now + pause, now + pause + length))
        now += pause + length
    expected: dict[str, list[list[float]]] = {}
    previous = ("", 0.0)
    for label, start, stop in timed:
        if label == previous[0] and start - previous[1] <= PAUSE_S:
            expected[label][-1][1] = stop
        else:
            expected.setdefault(label, []).append([start, stop])
        previous = (label, stop)
    order.shuffle(timed)
    nothing = [("a", np.nan, 3.0), ("b", 2.0, np.inf), ("a", 5.0, 5.0), ("b", 7.0, 6.0)]
    found = stretches([*nothing, *timed])
    assert {name: ranges.tolist() for name, ranges in found.items()} == expected


@laws
@given(events=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.integers(1, 30)), max_size=10))
def test_stretches_of_what_overlaps_hold_every_event_and_no_long_pause(events: list[tuple[str, int, int]]) -> None:
    found = stretches((label, start, start + length) for label, start, length in events)
    for name, ranges in found.items():
        assert (ranges[1:, 0] > ranges[:-1, 1]).all()
        own = sorted((start, start + length) for label, start, length in events if label == name)
        assert all(((ranges[:, 0] <= start) & (stop <= ranges[:, 1])).any() for start, stop in own)
        for first, last in ranges:
            inside = [event for event in own if first <= event[0] and event[1] <= last]
            assert inside[0][0] == first
            assert max(stop for _, stop in inside) == last
            reached = np.maximum.accumulate([stop for _, stop in inside])
            assert all(after[0] - before <= PAUSE_S for before, after in zip(reached, inside[1:], strict=False))
    assert found.keys() == {label for label, _, _ in events}


@laws
@given(
    width=st.sampled_from([0.02, 0.1, 1 / 30, 0.05]),
    first=st.integers(-20, 20),
    ends=st.lists(st.floats(-2, 3), max_size=8, unique=True),
    jitter=st.lists(st.floats(0, 0.2), min_size=40, max_size=40),
)
def test_bins_of_a_stretch_are_whole_and_all_there(
    width: float, first: int, ends: list[float], jitter: list[float]
) -> None:
    ranges = np.sort(ends)[: len(ends) // 2 * 2].reshape(-1, 2)
    for edges in (equal_bins(first, 40, width), equal_bins(first, 40, width) + width * np.array(jitter)[:, None]):
        slack = 1e-6 * width * 1.01
        inside = [
            {k for k, (a, b) in enumerate(edges) if start - slack <= a and b <= stop + slack} for start, stop in ranges
        ]
        bins = on_bins(ranges, edges)
        assert [set(range(a, b)) for a, b in bins] == [whole for whole in inside if whole]


@laws
@given(data=st.data(), width=st.sampled_from([0.02, 0.1, 1 / 30]), first=st.integers(-9, 10**6))
def test_a_stretch_from_edge_to_edge_holds_its_bins(data: st.DataObject, width: float, first: int) -> None:
    bins = data.draw(intervals(30))
    assert on_bins((bins + first) * width, equal_bins(first, 30, width)).tolist() == bins.tolist()


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
    given_segments = data.draw(intervals(n_frames, least=1))
    bad = ~(np.abs(traces.astype(np.float64)) < 1e39)
    kept = [unit for unit in range(n_units) if bad[:, unit].sum() <= MISSING_SHARE * n_frames]
    missing = np.cumsum(bad[:, kept].any(1))
    tags = [
        (segment, -1 if bad[frame, kept].any() else int(missing[frame]))
        for frame, segment in enumerate(labels(given_segments, n_frames))
    ]
    if not kept or not runs(tags):
        with pytest.raises(UserError, match=r"^(every unit lacks|in every frame)"):
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
    period = np.median(np.diff(timed)) if len(timed) > 1 else 0.0
    for bin_, deadline in enumerate(deadlines):
        # Of samples of one time, the last one counts.
        before = [(time, position) for position, time in enumerate(times) if time <= deadline]
        time, position = max(before, default=(-np.inf, -1))
        stale = deadline - time > max(STALE_PERIODS * period, width)
        assert held[bin_] == pytest.approx(np.nan if stale else values[position], nan_ok=True, rel=0, abs=0)


@laws
@given(samples=SAMPLES, bin_=st.integers(0, 19), later=st.floats(-5, 5) | st.just(np.nan))
def test_what_comes_after_a_bin_never_changes_it(samples: list[tuple[float, float]], bin_: int, later: float) -> None:
    times, values = np.array(samples, dtype=np.float64).reshape(-1, 2).T
    deadlines = bin_ends(0, 20, 0.1)
    changed = np.where(times > deadlines[bin_], later, values)
    held, perturbed = (resample(times, series[:, None], deadlines, 0.1) for series in (values, changed))
    np.testing.assert_array_equal(held[: bin_ + 1], perturbed[: bin_ + 1])
