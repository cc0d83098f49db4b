"""Laws of sessions, their archives and their ranges of bins, on generated ones, against counting bin by bin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ranges import intervals, labels, runs

from synapsnet.data.readers import read_sessions
from synapsnet.data.readers._intervals import PAUSE_S, equal_bins, on_bins, stretches
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
        st.integers(0, draw(st.sampled_from([3, 255, 256, 2**16, 2**31 - 1])))
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
        tasks={name: draw(intervals(n_bins, some=True)) for name in sorted(draw(task_names))},
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
    tasks = {name: data.draw(intervals(n_bins, some=True)) for name in ("rest", "run")}
    session = Session(
        session_id="mouse",
        activity=np.arange(n_bins)[:, None],
        bin_width_s=0.1,
        unit_ids=("a",),
        signal="spikes",
        segments=data.draw(intervals(n_bins, some=True)),
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
