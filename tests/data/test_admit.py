"""Parts of recordings that the settings of section ``data`` take, and parts that they leave out."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from laws import data_settings

from synapsnet.data.admit import Admitted, Refused, admit, admitted
from synapsnet.errors import UserError
from synapsnet.session import Session, Signal

REGIONS = {"first": "VISp", "second": "CA1", "third": ""}
"""Brain region of the units of each session; the last one knows none."""


def recorded() -> list[Session]:
    rng = np.random.default_rng(0)
    return [
        Session(
            session_id=name,
            activity=rng.poisson(1.0, (200, 3)),
            bin_width_s=0.02,
            unit_ids=("a", "b", "c"),
            signal="spikes",
            behavior=rng.random((200, 1)),
            behavior_names=("wheel" if name == "first" else "running",),
            tasks={"2019": np.array([[0, 150]])},
            unit_table={"region": np.array([region] * 3)} if region else {},
        )
        for name, region in REGIONS.items()
    ]


def taken(**changes: Any) -> dict[str, Session]:
    return {one.session.session_id: one.session for one in admitted(recorded(), data_settings(**changes))}


def test_a_task_may_be_named_by_a_number() -> None:
    for task in (2019, "2019"):
        assert {session.n_bins for session in taken(task=task).values()} == {150}
    assert taken(task=2019, tasks=["2019"]).keys() == REGIONS.keys()


def test_a_session_that_is_refused_is_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert taken(units={"regions": ["VIS*"]}).keys() == {"first"}
    assert "left out: session 'second': none of its 3 units passes data.units (3: region is not VIS*)" in caplog.text
    assert "left out: session 'third' names no region" in caplog.text
    first, *others = recorded()
    short = replace(first.of_bins(np.array([[0, 30]])), session_id="short")
    with caplog.at_level(logging.INFO):
        assert [one.session.session_id for one in admitted([short, *others], data_settings())] == ["second", "third"]
    assert "left out: session 'short' is too short: the longest piece of its validation split has 5" in caplog.text


def test_no_session_is_taken() -> None:
    with pytest.raises(UserError, match=r"'first': none of its 3 units passes data\.units \(3: region is not LP\)"):
        taken(units={"regions": ["LP"]})
    with pytest.raises(UserError, match=r"data\.task=flashes is in no recording; there are 2019"):
        taken(task="flashes")
    with pytest.raises(UserError, match="no recording to train on"):
        list(admitted([], data_settings()))


@pytest.mark.parametrize("units", [None, {}, {"quality": None}])
def test_nothing_asked_of_units_takes_all(units: Any) -> None:
    assert taken(units=units).keys() == REGIONS.keys()


def test_every_unit_left_out_has_one_reason() -> None:
    session = recorded()[0]
    counts = np.zeros((200, 3), dtype=np.uint8)
    counts[::2, 0] = 1
    counts[::20, 1] = 1  # seven of 140
    verdict = admit(replace(session, activity=counts), data_settings(min_rate=0.1, min_active_bins=5))
    assert isinstance(verdict, Admitted)
    assert verdict.session.unit_ids == ("a",)
    assert dict(verdict.left_units) == {
        "active in fewer than 5 bins of the train split (data.min_active_bins)": ["c"],
        "fewer than 0.1 spikes a bin on the train split (data.min_rate)": ["b"],
    }
    silent = admit(replace(session, activity=0 * counts), data_settings())
    assert isinstance(silent, Refused)
    assert "none of its 3 units passes data.min_rate=0 and data.min_active_bins=10" in silent.reason


def trials(lengths: list[int]) -> Session:
    """Counts of 20 ms in segments of the given lengths, three bins apart."""
    stops = np.cumsum(np.array(lengths) + 3) - 3
    counts = np.random.default_rng(0).poisson(1.0, (int(stops[-1]), 3)).astype(np.uint8)
    segments = np.stack([stops - lengths, stops], axis=1)
    return Session.from_arrays(counts, bin_width_s=0.02, session_id="trials", segments=segments)


def said(session: Session, caplog: pytest.LogCaptureFixture, **changes: Any) -> list[str]:
    """The lines of admission."""
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="synapsnet.data.admit"):
        list(admitted([session], data_settings(**changes)))
    return [record.getMessage() for record in caplog.records if record.name == "synapsnet.data.admit"]


@pytest.mark.parametrize(
    ("signal", "width", "n_left"),
    [("spikes", None, 0), ("spikes", 0.04, 0), ("spikes", 0.06, 40), ("calcium", 0.05, 40), ("calcium", 0.07, 20)],
)
def test_bins_that_fill_no_wider_one_are_said(
    signal: Signal, width: float | None, n_left: int, caplog: pytest.LogCaptureFixture
) -> None:
    session = trials([92] * 20)
    session = replace(
        session, activity=session.activity.astype(np.uint8 if signal == "spikes" else np.float32), signal=signal
    )
    line = f"{n_left} of 1,840 bins left out, no full bin of {width} s at the end of a segment (data.bin_width_s)"
    assert said(session, caplog, bin_width_s=width) == [f"session trials: {line}"] * (n_left > 0)


@pytest.mark.parametrize(
    ("lengths", "n_divided"),
    [([300], 0), ([300] * 2, 1), ([300] * 4, 2), ([300] * 7, 0), ([99, 600, 99], 1), ([30] * 20, 0)],
)
def test_segments_divided_between_splits_are_said(
    lengths: list[int], n_divided: int, caplog: pytest.LogCaptureFixture
) -> None:
    line = f"{n_divided} of {len(lengths)} segments divided between splits"
    reason = "because whole segments do not give every split its share"
    assert said(trials(lengths), caplog) == [f"session trials: {line}, {reason}"] * (n_divided > 0)


def test_segments_within_the_context_are_said(caplog: pytest.LogCaptureFixture) -> None:
    reason = "left out, no longer than the context of 10 bins (data.context_bins)"
    session = trials([92] * 20 + [10, 7, 18])
    assert said(session, caplog) == [f"session trials: 2 of 23 segments (17 of 1,875 bins) {reason}"]
    assert f"session trials: 3 of 23 segments (17 of 937 bins) {reason}" in said(session, caplog, bin_width_s=0.04)
    assert not said(trials([92] * 20 + [11]), caplog)


def test_values_that_no_neuron_reaches_are_said(caplog: pytest.LogCaptureFixture) -> None:
    calm = np.random.default_rng(0).standard_t(2, size=(2000, 3)).astype(np.float32)
    damaged = calm.copy()
    damaged[1900, 1] = -1e30
    for activity, expected in ((calm, 0), (damaged, 1)):
        caplog.clear()
        recording = Session.from_arrays(activity, bin_width_s=0.1, session_id="mouse")
        with caplog.at_level(logging.WARNING):
            assert len(list(admitted([recording], data_settings()))) == 1
        assert caplog.text.count("session mouse: unit 'u1' is -1e+30 at bin 1,900") == expected == len(caplog.records)


def test_series_that_some_sessions_of_a_data_set_lack(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        chosen = taken(behavior=["running", "pupil*"])
    assert [session.behavior_names for session in chosen.values()] == [(), ("running",), ("running",)]
    assert "no recording has behavior pupil*" in caplog.text


@pytest.mark.parametrize("behavior", [["pupil"], ["running", "pupil"], ["pupil*"]])
def test_series_that_there_are_not(behavior: list[str]) -> None:
    with pytest.raises(UserError, match=r"data\.behavior names pupil\*?; there is running, wheel"):
        taken(behavior=behavior)
