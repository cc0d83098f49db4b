"""Events and intervals of behavior on the bins: counts and shares that know nothing from a bin's end on."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hdmf.common import DynamicTable
from nwb_files import WIDTH, Part, clock, column, intervals, read_one, rois, units, write
from pynwb import NWBFile, TimeSeries
from pynwb.behavior import BehavioralEpochs, BehavioralEvents
from pynwb.epoch import TimeIntervals
from pynwb.misc import AnnotationSeries, IntervalSeries

from synapsnet.data.__main__ import main
from synapsnet.data.selection import select_behavior

N_BINS = 100
EDGES = np.arange(N_BINS + 1) * WIDTH
RNG = np.random.default_rng(0)
TIMES = np.sort(np.r_[RNG.uniform(0, 5, 150), EDGES[[7, 20, 60]]])  # some on an edge
STARTS = np.array([0.11, 0.62, 1.0, 1.3, 2.02, 4.4])
STOPS = np.array([0.13, 0.9, 1.25, 1.35, 3.7, 9.0])


def in_module(*items: object, module: str = "behavior") -> Part:
    def add(nwbfile: NWBFile) -> None:
        held = nwbfile.create_processing_module(name=module, description="behavior")
        for item in items:
            held.add(item)

    return add


def container(kind: type, **series: object) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pynwb will give it up, and files have it
        return kind(**series)


def licks(times: np.ndarray) -> Part:
    series = TimeSeries(name="lick", data=np.ones(len(times)), timestamps=times, unit="n/a")
    return in_module(container(BehavioralEvents, time_series=series))


def plain_licks(times: np.ndarray) -> Part:
    return in_module(TimeSeries(name="lick", data=np.full(len(times), 3.0), timestamps=times, unit="n/a"))


def lick_table(times: np.ndarray) -> Part:
    table = DynamicTable(name="licks", description="licks")
    table.add_column(name="timestamp", description="time")
    table.add_column(name="volume", description="volume")
    for time in times:
        table.add_row(timestamp=time, volume=1.0)
    return in_module(table, module="licking")


def lick_intervals(times: np.ndarray) -> Part:
    table = TimeIntervals(name="licks", description="licks")
    for time in times:
        table.add_interval(start_time=time, stop_time=time + 0.2)
    return in_module(table)


def tagged(times: np.ndarray) -> Part:
    series = container(AnnotationSeries, name="lick", data=["tongue"] * len(times), timestamps=times)
    return in_module(container(BehavioralEvents, time_series=series))


def events_table(times: np.ndarray) -> Part:
    event = pytest.importorskip("pynwb.event")  # of newer versions
    table = event.EventsTable(name="lick", description="licks")
    for time in times:
        table.add_event(timestamp=time, duration=0.1)
    return lambda nwbfile: nwbfile.add_events_table(table)


def running(starts: np.ndarray, stops: np.ndarray) -> Part:
    marks = np.r_[np.ones(len(starts), dtype=np.int8), -np.ones(len(stops), dtype=np.int8)]
    times = np.r_[starts, stops]
    order = np.argsort(times)
    series = IntervalSeries(name="running", data=marks[order], timestamps=times[order])
    return in_module(container(BehavioralEpochs, interval_series=series))


def running_table(starts: np.ndarray, stops: np.ndarray) -> Part:
    table = TimeIntervals(name="running", description="running")
    for start, stop in zip(starts, stops, strict=True):
        table.add_interval(start_time=start, stop_time=stop)
    return in_module(table)


def read(folder: Path, *parts: Part):
    return read_one(write(folder / "x.nwb", units([clock(N_BINS)]), *parts))


@pytest.mark.parametrize("form", [licks, plain_licks, lick_table, lick_intervals, tagged, events_table])
def test_events_are_counted_in_half_open_bins(tmp_path: Path, form: Callable[[np.ndarray], Part]) -> None:
    session = read(tmp_path, form(TIMES))
    (name,) = session.behavior_names
    assert name in ("lick", "licks")
    on_edge = np.isin(TIMES, EDGES)
    expected = np.histogram(np.where(on_edge, TIMES + 1e-4, TIMES), EDGES)[0]
    np.testing.assert_array_equal(column(session, name), expected)


@pytest.mark.parametrize("form", [running, running_table])
def test_intervals_become_the_share_of_a_bin(tmp_path: Path, form: Callable[..., Part]) -> None:
    session = read(tmp_path, form(STARTS, STOPS))
    fine = (np.arange(N_BINS * 500) + 0.5) * WIDTH / 500
    inside = ((fine[:, None] >= STARTS) & (fine[:, None] < STOPS)).any(1)
    np.testing.assert_allclose(column(session, "running"), inside.reshape(N_BINS, 500).mean(1), atol=1e-5)
    assert column(session, "running")[50] == 1
    assert column(session, "running")[0] == 0


@pytest.mark.parametrize("cut", [0.6, 1.0, 2.5, 3.7])
def test_a_bin_knows_nothing_from_its_end_on(tmp_path: Path, cut: float) -> None:
    rng = np.random.default_rng(1)
    later = np.sort(rng.uniform(cut, 5, 40))
    moved = np.where(cut < STOPS, np.maximum(STOPS - 0.3, cut), STOPS)
    started = cut > STARTS
    for part, other in (
        (licks(TIMES), licks(np.r_[TIMES[cut > TIMES], later])),
        (plain_licks(TIMES), plain_licks(np.r_[TIMES[cut > TIMES], later])),
        (lick_table(TIMES), lick_table(np.r_[TIMES[cut > TIMES], later])),
        (running(STARTS, STOPS), running(STARTS[started], moved[started])),
        (running(STARTS, STOPS), running(STARTS[started], STOPS[started & (cut > STOPS)])),
        (running_table(STARTS, STOPS), running_table(STARTS[started], moved[started])),
    ):
        before, after = (read(tmp_path, one).behavior[:, 0] for one in (part, other))
        edge = round(cut / WIDTH)
        np.testing.assert_array_equal(before[:edge], after[:edge])
        assert (before[edge:] != after[edge:]).any()


def test_frames_count_the_events_since_the_frame_before(tmp_path: Path) -> None:
    jitter = np.random.default_rng(2).uniform(-0.02, 0.02, 60)
    times = np.r_[np.arange(30) * 0.1, 10 + np.arange(30) * 0.1] + jitter
    events = np.sort(np.random.default_rng(3).uniform(0, 13, 400))
    activity = np.random.default_rng(0).normal(size=(60, 2))
    session = read_one(write(tmp_path / "x.nwb", rois(activity, timestamps=times), licks(events)))
    counts = column(session, "lick")
    for frame in (*range(1, 30), *range(31, 60)):
        assert counts[frame] == ((events > times[frame - 1]) & (events <= times[frame])).sum()
    since = times[30] - session.bin_width_s  # and not since the frame before the gap
    assert counts[30] == ((events > since) & (events <= times[30])).sum()


def test_kinds_and_labels_are_series_of_their_own(tmp_path: Path) -> None:
    table = TimeIntervals(name="states", description="states")
    table.add_column(name="label", description="state")
    for start, stop, label in ((0.0, 1.0, "Rest"), (1.0, 2.0, "Run"), (2.0, 5.0, "Rest")):
        table.add_interval(start_time=start, stop_time=stop, label=label)
    gait = IntervalSeries(name="gait", data=[1, 2, -1, -2], timestamps=[0.5, 1.0, 1.5, 2.0])
    session = read(tmp_path, in_module(table, gait))
    assert session.behavior_names == ("gait_1", "gait_2", "states_rest", "states_run")
    seconds = session.behavior.reshape(5, 20, 4).mean(1)
    np.testing.assert_allclose(seconds[:, 0], [0.5, 0.5, 0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(seconds[:, 1], [0, 1, 0, 0, 0], atol=1e-5)
    np.testing.assert_allclose(seconds[:, 2:].T, [[1, 0, 1, 1, 1], [0, 1, 0, 0, 0]], atol=1e-5)
    assert set(session.tasks) == {"rest", "run"}


def test_intervals_that_may_look_ahead_are_named_with_the_way_to_leave_them_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = TimeIntervals(name="stages", description="scored by hand")
    stages.add_column(name="label", description="stage")
    for start, stop, label in ((0.0, 1.0, "REM"), (1.0, 5.0, "wake")):
        stages.add_interval(start_time=start, stop_time=stop, label=label)
    speed = TimeSeries(name="speed", data=np.arange(100.0), rate=1 / WIDTH, unit="m/s")
    session = read(tmp_path, in_module(stages, speed))
    line = (
        "behavior stages_rem, stages_wake comes from intervals, which are taken as known when they begin; if they "
        "were scored after the recording, leave them out: 'data.behavior=[speed]'"
    )
    assert line in caplog.text
    assert select_behavior(session, ["speed"]).behavior_names == ("speed",)
    main(["inspect", str(tmp_path / "x.nwb"), "--max-figures", "0"])
    assert line in " ".join(capsys.readouterr().out.split())
    caplog.clear()
    read(tmp_path, lick_intervals(TIMES), intervals("trials", [(0.0, 2.0)]))
    assert "leave them out" not in caplog.text


def test_samples_of_zero_are_no_events_and_sampled_series_are_held(tmp_path: Path) -> None:
    contact = TimeSeries(name="contact", data=np.tile([1, 0], 50), timestamps=clock(N_BINS), unit="n/a")
    speed = TimeSeries(name="speed", data=np.arange(100.0), rate=1 / WIDTH, unit="m/s")
    session = read(tmp_path, in_module(container(BehavioralEvents, time_series=[contact, speed])))
    np.testing.assert_array_equal(column(session, "contact"), np.tile([1, 0], 50))
    np.testing.assert_array_equal(column(session, "speed"), np.arange(100))


def test_codes_at_times_of_their_own_are_counted_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    codes = np.random.default_rng(1).choice([1, 2, 64], len(TIMES))
    series = TimeSeries(name="ttl", data=codes, timestamps=TIMES, unit="n/a")
    with caplog.at_level("INFO"):
        session = read(tmp_path, in_module(series))
    assert session.behavior_names == ("ttl_1", "ttl_2", "ttl_64")
    assert session.behavior.sum(0).tolist() == [(codes == code).sum() for code in (1, 2, 64)]
    assert "behavior series ttl: its samples are events, because they come at no clock: counted" in caplog.text


def test_bouts_at_an_even_pace_are_events(tmp_path: Path) -> None:
    bouts = (np.arange(0.0, 4.5, 0.9)[:, None] + np.arange(5) * 0.12).reshape(-1)
    session = read(tmp_path, plain_licks(bouts))
    np.testing.assert_array_equal(column(session, "lick"), np.histogram(bouts, EDGES)[0])


@pytest.mark.parametrize(
    ("values", "times"),
    [
        (np.tile([1.0, 2.0], 75)[: len(TIMES)], TIMES[:150]),  # a state that is stored where it changes
        (np.repeat([0, 1, 0, 1, 1], 30), TIMES[:150]),  # a state that is stored now and then
        (np.repeat([10.5, 11.0, 12.5], 50), TIMES[:150]),  # a place
        (np.arange(150) // 10 + 1, TIMES[:150]),  # one of many values
        (np.full(150, 37.0), np.arange(150) / 30 + RNG.uniform(-0.01, 0.01, 150)),  # a clock with jitter
        (np.repeat([1, 2, 1], 50), np.r_[np.arange(75), np.arange(75) + 90] / 30),  # a clock with a gap
    ],
)
def test_samples_that_can_be_values_are_held(values: np.ndarray, times: np.ndarray, tmp_path: Path) -> None:
    series = TimeSeries(name="state", data=values, timestamps=times, unit="n/a")
    session = read(tmp_path, in_module(series))
    held = column(session, "state")
    last = np.searchsorted(np.sort(times), EDGES[1:] - 1e-7, side="right") - 1
    measured = np.isfinite(held)
    assert measured.sum() > 50
    np.testing.assert_array_equal(held[measured], values[last[measured]])


def test_what_is_no_event_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    poses = DynamicTable(name="poses", description="poses")
    poses.add_column(name="timestamps", description="time")
    poses.add_column(name="x", description="x")
    poses.add_row(timestamps=1.0, x=2.0)
    notes = DynamicTable(name="notes", description="notes")
    notes.add_column(name="text", description="text")
    notes.add_row(text="calm")
    session = read(tmp_path, in_module(poses, notes), intervals("trials", [(0.0, 2.0)]))
    assert session.behavior_names == ()
    assert "behavior series behavior/poses is skipped: a table of x at times, which should be series" in caplog.text
    assert "behavior series behavior/notes is skipped: a table without a column of times" in caplog.text
