import logging
import re
from pathlib import Path

import numpy as np
import pytest
from layouts import steinmetz2019 as layout

from synapsnet.data.readers import find_recordings, read_sessions, steinmetz2019
from synapsnet.errors import UserError
from synapsnet.session import Session

WIDTH = 0.02


def read_one(folder: Path, bin_width_s: float | None = WIDTH) -> Session:
    (session,) = read_sessions(folder, bin_width_s=bin_width_s)
    return session


@pytest.fixture
def planted(tmp_path: Path) -> layout.Planted:
    return layout.write(tmp_path)


def test_every_spike_comes_back(planted: layout.Planted, tmp_path: Path) -> None:
    (recording,) = find_recordings(tmp_path)
    assert recording.reader is steinmetz2019
    session = read_one(tmp_path)
    n_bins = int(planted.times_s.max() / WIDTH) + 1
    edges = np.arange(n_bins + 1) * WIDTH
    for unit in range(len(layout.REGIONS)):
        counts = np.histogram(planted.times_s[planted.clusters == unit], edges)[0]
        np.testing.assert_array_equal(session.activity[:, session.unit_ids.index(str(unit))], counts)
    assert session.activity.sum() == len(planted.times_s)
    assert session.session_id == "Cori_2016-12-14"
    assert session.segments.tolist() == [[0, n_bins]]
    assert session.meta["subject"] == "Cori"
    assert "10.1038/s41586-019-1787-x" in session.meta["citation"]


def test_units_know_their_region_position_and_annotation(planted: layout.Planted, tmp_path: Path) -> None:
    table = read_one(tmp_path).unit_table
    assert tuple(table["region"]) == layout.REGIONS  # peak channels count from 1, a region may be called NA
    assert tuple(table["quality"]) == tuple(("noise", "mua", "good", "unsorted")[k] for k in layout.ANNOTATION)
    assert table["probe"].tolist() == ["probe00"] * 5 + ["probe01"] * 5
    channels = np.array(layout.PEAK_CHANNELS) - 1
    np.testing.assert_array_equal(table["x_um"], 100 * channels + 0.5)
    np.testing.assert_array_equal(table["z_um"], 300 * channels)
    np.testing.assert_array_equal(table["depth_um"], 20 * np.arange(10))


def test_tasks_lie_where_the_events_do(planted: layout.Planted, tmp_path: Path) -> None:
    tasks = read_one(tmp_path).tasks
    assert {name: (bins * WIDTH).tolist() for name, bins in tasks.items()} == {
        name: [pytest.approx(span)] for name, span in layout.TASKS.items()
    }


def test_behavior_is_on_the_clock_of_the_spikes(planted: layout.Planted, tmp_path: Path) -> None:
    session = read_one(tmp_path)
    series = dict(zip(session.behavior_names, session.behavior.T, strict=True))
    ends = (np.arange(session.n_bins) + 1) * WIDTH - 1e-8
    last = np.searchsorted(planted.face_times_s, ends, side="right") - 1
    inside = (last >= 0) & (ends < planted.face_times_s[-1])
    np.testing.assert_allclose(series["face_motion_energy"][inside], planted.face[last[inside]], rtol=1e-6)
    assert np.isnan(series["face_motion_energy"][last < 0]).all()
    at = np.searchsorted(planted.wheel_times_s, ends, side="right") - 1
    whole = (at[:-1] >= 0) & (ends[1:] < planted.wheel_times_s[-1])
    moved = np.diff(planted.wheel_position[at]) / WIDTH
    np.testing.assert_allclose(series["wheel_speed"][1:][whole], moved[whole], rtol=1e-6)
    licks = np.load(planted.folder / "licks.times.npy").ravel()
    np.testing.assert_array_equal(series["licks"], np.histogram(licks, np.arange(session.n_bins + 1) * WIDTH)[0])
    assert np.isfinite(series["pupil_x"][100:400]).all()


def test_licks_that_are_not_in_the_recording_are_not_counted(planted: layout.Planted, tmp_path: Path) -> None:
    path = planted.folder / "licks.times.npy"
    np.save(path, np.array([[1.01], [np.nan], [-1.0], [-1e300], [1e300], [1e9], [np.inf]]))
    session = read_one(tmp_path)
    licks = session.behavior[:, session.behavior_names.index("licks")]
    assert np.flatnonzero(licks).tolist() == [int(1.01 / WIDTH)]


def test_samples_may_count_from_one(planted: layout.Planted, tmp_path: Path) -> None:
    before = read_one(tmp_path).behavior
    path = planted.folder / "wheel.timestamps.npy"
    pairs = np.load(path)
    pairs[:, 0] += 1
    np.save(path, pairs)
    np.testing.assert_array_equal(read_one(tmp_path).behavior, before)


def test_the_other_published_tree_gives_the_same_session(tmp_path: Path) -> None:
    layout.write(tmp_path / "flat")
    tree = tmp_path / "tree" / "nicklab" / "Subjects" / "Cori" / "2016-12-14" / "001" / "alf"
    tree.parent.mkdir(parents=True)
    (tmp_path / "flat" / "Cori_2016-12-14").rename(tree)
    assert read_one(tmp_path / "tree").session_id == "Cori_2016-12-14"


def test_spikes_alone_are_enough(planted: layout.Planted, tmp_path: Path) -> None:
    for path in planted.folder.iterdir():
        if not path.name.startswith(("spikes", "clusters._phy")):
            path.unlink()
    session = read_one(tmp_path)
    assert (session.behavior_names, dict(session.tasks)) == ((), {})
    assert list(session.unit_table) == ["quality"]


def test_spikes_before_time_0_and_trials_without_times(planted: layout.Planted, tmp_path: Path) -> None:
    for name in ("spikes.times", "spontaneous.intervals", "passiveBeeps.times", "passiveVisual.times"):
        path = planted.folder / f"{name}.npy"
        np.save(path, np.load(path) - 10.0)
    path = planted.folder / "trials.intervals.npy"
    intervals = np.load(path)
    intervals[0] = np.nan
    np.save(path, intervals)
    session = read_one(tmp_path)
    assert session.activity.sum() == len(planted.times_s)
    first = int(np.floor((planted.times_s.min() - 10.0) / WIDTH))
    assert session.tasks["spontaneous"][0, 0] == round(4.0 / WIDTH) - first
    assert session.tasks["discrimination"][0, 0] == round(4.0 / WIDTH) - first


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("wheel.timestamps", [[0, 9.0], [100, 3.0]], r"wheel\.timestamps\.npy goes backwards at row 1, from 9 to 3"),
        ("wheel.timestamps", [[0, 9.0]], r"wheel\.timestamps\.npy must give the time of two samples"),
        ("face.timestamps", [0.1, 0.2], r"face\.timestamps\.npy has 2 times for \d+ samples"),
        ("clusters._phy_annotation", [2, 2], r"cluster 2 has no row in clusters\._phy_annotation\.npy, which has 2"),
        ("clusters._phy_annotation", [7] * 10, r"clusters\._phy_annotation\.npy must be 0 to 3"),
        ("clusters.peakChannel", [99] * 10, r"channel 98 has no row in channels\.brainLocation\.tsv, which has 10"),
        ("clusters.peakChannel", [0] * 10, r"channel -1 has no row in channels\.brainLocation\.tsv"),
        ("trials.intervals", [1.0, 2.0], r"trials\.intervals\.npy must be numbers \[rows, 2\]"),
        ("eye.xyPos", [1.0, 2.0], r"eye\.xyPos\.npy must be numbers \[rows, 2\]"),
        ("wheel.position", [["a"]], r"wheel\.position\.npy must hold numbers"),
    ],
)
def test_a_file_beside_the_spikes_that_does_not_fit_costs_itself_alone(
    planted: layout.Planted, tmp_path: Path, name: str, content: list, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = read_one(tmp_path)
    np.save(planted.folder / f"{name}.npy", np.array(content))
    with caplog.at_level(logging.WARNING):
        after = read_one(tmp_path)
    assert re.search(f"is passed over: .*{message}", caplog.text), caplog.text
    np.testing.assert_array_equal(after.activity, before.activity)
    of_before = {*before.behavior_names, *before.tasks, *before.unit_table}
    assert {*after.behavior_names, *after.tasks, *after.unit_table} < of_before


def test_spikes_that_do_not_fit_are_refused(planted: layout.Planted, tmp_path: Path) -> None:
    np.save(planted.folder / "spikes.clusters.npy", np.array([1, 2]))
    with pytest.raises(UserError, match=r"spikes\.times\.npy has \d+ spikes but spikes\.clusters\.npy has 2") as error:
        read_one(tmp_path)
    assert str(error.value).startswith(f"{planted.folder}: ")


def test_missing_and_damaged_files(planted: layout.Planted, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = planted.folder / "channels.brainLocation.tsv"
    for content, message in (
        ("ccf_ap\tccf_dv\n1\t2\n", "has no column 'allen_ontology'"),
        ("", "is not a table"),
    ):
        table.write_text(content)
        with caplog.at_level(logging.WARNING):
            assert "region" not in read_one(tmp_path).unit_table
        assert f"channels.brainLocation is passed over: channels.brainLocation.tsv {message}" in caplog.text
    table.unlink()
    (planted.folder / "spikes.times.npy").unlink()
    with pytest.raises(UserError, match=r"spikes\.times\.npy is missing"):
        read_one(tmp_path)
