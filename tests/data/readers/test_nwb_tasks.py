from pathlib import Path

import numpy as np
import pytest
from nwb_files import behavior, clock, intervals, read_one, rois, units, write
from pynwb import TimeSeries
from pynwb.epoch import TimeIntervals

from synapsnet.session import Session


def tasks_of(session: Session) -> dict[str, list[list[int]]]:
    return {name: bins.tolist() for name, bins in session.tasks.items()}


def read(tmp_path: Path, *parts: object, n_bins: int = 1000) -> dict[str, list[list[int]]]:
    """The tasks of a recording of 50 s with these intervals."""
    return tasks_of(read_one(write(tmp_path / "x.nwb", units([clock(n_bins)]), *parts)))


def test_presentations_of_one_stimulus_are_a_stretch_until_another_comes(tmp_path: Path) -> None:
    """As in files of the Allen Institute: a table a stimulus, presentations a pause apart, blocks that take turns."""
    gratings = [(k + 0.5, k + 1.0) for k in range(5)] + [(20.0 + k, 20.5 + k) for k in range(5)]
    scenes = [(10.0 + k, 10.5 + k) for k in range(5)]
    found = read(
        tmp_path,
        intervals("drifting_gratings_presentations", gratings),
        intervals("natural_scenes_presentations", scenes, stimulus_name=["Natural_Scenes"] * 5),
        intervals("spontaneous_presentations", [(25.0, 40.0)]),
    )
    assert found == {
        "drifting_gratings": [[10, 100], [400, 490]],
        "natural_scenes": [[200, 290]],
        "spontaneous": [[500, 800]],
    }


def test_stimuli_named_in_one_table(tmp_path: Path) -> None:
    """As in Allen Visual Behavior, where a stimulus without a name is that of the table."""
    rows = [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]
    names = ["images", "images", "movie", ""]
    found = read(tmp_path, intervals("stimulus_presentations", rows, stimulus_name=names))
    assert found == {"images": [[0, 40]], "movie": [[40, 60]], "stimulus": [[60, 80]]}


@pytest.mark.parametrize(
    "columns",
    [
        {"tags": [["Sleep"], ["open_field"], ["Sleep"]]},
        {"label": ["sleep", "Open Field", "sleep"]},
        {"epoch_name": ["sleep", "openField", "sleep"], "number": [1, 2, 3]},
    ],
)
def test_epochs_go_by_their_labels(tmp_path: Path, columns: dict[str, list[object]]) -> None:
    rows = [(0.0, 10.0), (10.0, 30.0), (35.0, 45.0)]
    found = read(tmp_path, intervals("epochs", rows, **columns))
    assert found == {"sleep": [[0, 200], [700, 900]], "open_field": [[200, 600]]}


def test_epochs_without_labels_and_labels_that_only_number_the_rows(tmp_path: Path) -> None:
    rows = [(0.5 * k, 0.5 * k + 0.5) for k in range(60)]
    found = read(
        tmp_path, intervals("epochs", [(0.0, 10.0)]), intervals("laps", rows, label=[f"lap {k}" for k in range(60)])
    )
    assert found == {"epochs": [[0, 200]], "laps": [[0, 600]]}


def test_trials_and_other_intervals_overlap(tmp_path: Path) -> None:
    trials = [(1.0 * k, 1.0 * k + 0.6) for k in range(5)] + [(20.0, 20.6), (np.nan, 30.0)]
    found = read(
        tmp_path,
        intervals("trials", trials, stimulus_name=list("abcdefg")),
        intervals("running", [(2.0, 21.0)]),
        intervals("invalid_times", [(40.0, 41.0)]),
    )
    assert found == {"trials": [[0, 92], [400, 412]], "running": [[40, 420]]}


def test_intervals_in_a_processing_module(tmp_path: Path) -> None:
    def states(nwbfile: object) -> None:
        table = TimeIntervals(name="states", description="states")
        table.add_column(name="label", description="state")
        for start, stop, label in ((0.0, 5.0, "NREM"), (5.0, 6.0, "REM"), (6.0, 9.0, "NREM")):
            table.add_interval(start_time=start, stop_time=stop, label=label)
        nwbfile.processing["behavior"].add(table)

    speed = TimeSeries(name="speed", data=np.ones(9), unit="m/s", rate=1.0)
    assert read(tmp_path, behavior(speed), states) == {"nrem": [[0, 100], [120, 180]], "rem": [[100, 120]]}


def test_tasks_of_frames_stop_where_the_clock_jumps(tmp_path: Path) -> None:
    times = np.r_[np.arange(20) * 0.1, 5 + np.arange(20) * 0.1]
    path = write(
        tmp_path / "x.nwb",
        rois(np.random.default_rng(0).normal(size=(40, 2)), timestamps=times),
        intervals("gratings_presentations", [(0.5, 6.0)]),
        intervals("movie_presentations", [(2.5, 4.5)]),
        intervals("invalid_times", [(6.5, 6.6)]),
    )
    session = read_one(path)
    assert session.segments.tolist() == [[0, 20], [20, 35], [36, 40]]
    assert tasks_of(session) == {"gratings": [[5, 20], [20, 30]]}
