"""Sessions of the IBL, as ONE keeps them, by way of the ALF reader."""

import importlib.util
import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from layouts import ibl as layout

from synapsnet.data.readers import _atlas, alf, find_recordings, iterate_sessions, read_sessions
from synapsnet.session import Session

WIDTH = 0.02
N_UNITS = len(layout.REGIONS)


def read_one(folder: Path) -> Session:
    (session,) = read_sessions(folder, bin_width_s=WIDTH)
    return session


@pytest.fixture
def planted(tmp_path: Path) -> layout.Planted:
    return layout.write(tmp_path)


def test_the_probes_of_a_session_are_one_session(planted: layout.Planted, tmp_path: Path) -> None:
    (recording,) = find_recordings(tmp_path)
    assert (recording.reader, recording.path) == (alf, planted.folder)
    session = read_one(tmp_path)
    assert session.session_id == "KS023-2019-12-10-001"
    edges = np.arange(session.n_bins + 1) * WIDTH
    for probe, (times, clusters) in planted.spikes.items():  # of probe00, the revised spikes
        for unit in range(N_UNITS):
            column = session.activity[:, session.unit_ids.index(f"{probe}-{unit}")]
            np.testing.assert_array_equal(column, np.histogram(times[clusters == unit], edges)[0])
    assert session.unit_table["probe"].tolist() == ["probe00"] * N_UNITS + ["probe01"] * N_UNITS
    assert (session.meta["subject"], session.meta["date"]) == ("KS023", "2019-12-10")
    assert "s41586-025-09235-0" in session.meta["citation"]


def test_one_probe_by_itself_has_the_behavior_of_its_session(planted: layout.Planted, tmp_path: Path) -> None:
    whole = read_one(tmp_path)
    probe = read_one(planted.folder / "probe01" / "pykilosort")
    assert probe.session_id == "KS023-2019-12-10-001-probe01-pykilosort"
    assert probe.unit_ids == tuple(str(unit) for unit in range(N_UNITS))
    np.testing.assert_array_equal(probe.behavior[:2000], whole.behavior[:2000])
    assert probe.tasks.keys() == whole.tasks.keys()


@pytest.fixture
def atlas(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[object], None]]:
    """Puts a module in the place of ``iblatlas.regions``, None for none."""

    def put(module: object) -> None:
        monkeypatch.setitem(sys.modules, "iblatlas", module)
        monkeypatch.setitem(sys.modules, "iblatlas.regions", module)
        _atlas._names.cache_clear()

    yield put
    _atlas._names.cache_clear()


def test_regions_have_the_names_of_the_atlas(
    planted: layout.Planted, tmp_path: Path, atlas: Callable[[object], None]
) -> None:
    numbers, names = np.abs(list(layout.REGIONS)), np.array(list(layout.REGIONS.values()))
    both = SimpleNamespace(id=np.concatenate([numbers, -numbers]), acronym=np.concatenate([names, names]))
    atlas(SimpleNamespace(BrainRegions=lambda: both))
    regions = read_one(tmp_path).unit_table["region"]
    assert regions[:N_UNITS].tolist() == names[::-1].tolist()


def test_regions_are_numbers_without_an_atlas(
    planted: layout.Planted, tmp_path: Path, atlas: Callable[[object], None], caplog: pytest.LogCaptureFixture
) -> None:
    atlas(None)
    regions = read_one(tmp_path).unit_table["region"]
    assert regions[:N_UNITS].tolist() == [str(abs(number)) for number in reversed(layout.REGIONS)]
    assert 'pip install "synapsnet[ibl]"' in caplog.text


def test_units_know_their_position_and_quality(planted: layout.Planted, tmp_path: Path) -> None:
    table = read_one(tmp_path).unit_table
    channels = np.arange(N_UNITS)[::-1]
    np.testing.assert_array_equal(table["y_um"][N_UNITS:], 300 * channels + 100)
    np.testing.assert_array_equal(table["depth_um"][:N_UNITS], 20 * channels)
    assert table["quality"][:N_UNITS].tolist() == ["mua", "good", "mua", "good", "mua", ""]
    np.testing.assert_allclose(table["isi_violations"][:N_UNITS], [0, 0.1, 0.2, 0.3, 0.4, np.nan])
    assert table["uuid"][3].endswith("000000000003")


def test_trials_and_passive_periods_are_tasks(planted: layout.Planted, tmp_path: Path) -> None:
    tasks = read_one(tmp_path).tasks
    assert {name: (bins * WIDTH).tolist() for name, bins in tasks.items()} == {
        name: [pytest.approx(span)] for name, span in layout.TASKS.items()
    }


def test_a_wheel_at_rest_stands_still(planted: layout.Planted, tmp_path: Path) -> None:
    session = read_one(tmp_path)
    speed = session.behavior[:, session.behavior_names.index("wheel_speed")]
    ends = (np.arange(session.n_bins) + 1) * WIDTH
    times = planted.wheel_times_s
    known = (ends - WIDTH > times[0]) & (ends < times[-1])
    assert np.isfinite(speed[known]).all()
    assert np.isnan(speed[ends < times[0]]).all()
    assert np.isnan(speed[ends > times[-1] + 2 * WIDTH]).all()
    resting = known & (ends % 4 > 2 + WIDTH)
    assert resting.sum() > 500
    assert (speed[resting] == 0).all()
    # Summed up, the speed is the way.
    assert np.nansum(speed[known]) * WIDTH == pytest.approx(
        planted.wheel_position[np.searchsorted(times, ends[known][-1]) - 1]
        - planted.wheel_position[np.searchsorted(times, ends[known][0] - WIDTH) - 1],
        abs=1e-4,
    )


def test_names_without_namespace_and_several_protocols(planted: layout.Planted, tmp_path: Path) -> None:
    before = read_one(tmp_path)
    second = planted.folder / "task_01"
    second.mkdir()
    for path in list(planted.folder.glob("_ibl_*")):
        folder = second if "trials" in path.name else planted.folder
        path.rename(folder / path.name.removeprefix("_ibl_"))
    after = read_one(tmp_path)
    np.testing.assert_array_equal(after.behavior, before.behavior)
    assert {name: bins.tolist() for name, bins in after.tasks.items()} == {
        name: bins.tolist() for name, bins in before.tasks.items()
    }


def test_a_probe_without_tables_says_nothing_of_its_units(planted: layout.Planted, tmp_path: Path) -> None:
    for path in (planted.folder / "probe01" / "pykilosort").iterdir():
        if not path.name.startswith("spikes"):
            path.unlink()
    table = read_one(tmp_path).unit_table
    assert (table["region"][N_UNITS:] == "").all()
    assert np.isnan(table["x_um"][N_UNITS:]).all()
    assert table["region"][1] != ""


def test_parquet_is_passed_over_where_nothing_reads_it(
    planted: layout.Planted, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    place = planted.folder / "probe01" / "pykilosort"
    (place / "clusters.metrics.pqt").write_bytes(b"PAR1")
    with caplog.at_level(logging.WARNING):
        session = read_one(tmp_path)
    assert "clusters.metrics.pqt: skipped" in caplog.text
    assert session.unit_table["quality"][N_UNITS + 1] == "good"  # from the .csv next to it


def test_parquet(planted: layout.Planted, tmp_path: Path) -> None:
    (planted.folder / "_ibl_trials.intervals.npy").unlink()
    trials = pd.DataFrame({"intervals_0": [2.0, 5.0], "intervals_1": [5.0, 9.0], "choice": [1, -1]})
    trials.to_parquet(planted.folder / "_ibl_trials.table.pqt")
    times = np.load(planted.folder / "_ibl_leftCamera.times.npy")
    pupil = pd.DataFrame({"pupilDiameter_raw": np.arange(len(times)), "pupilDiameter_smooth": 0.0})
    pupil.to_parquet(planted.folder / "_ibl_leftCamera.features.pqt")
    session = read_one(tmp_path)
    assert session.tasks["choice_world"].tolist() == [[100, 450]]
    diameter = session.behavior[:, session.behavior_names.index("left_pupil_diameter")]
    assert np.nanmax(np.diff(diameter)) > 0


@pytest.mark.parametrize(
    ("suffix", "columns"),
    [
        ("pqt", {"intervals_0": np.arange(200_000) // 2, "more": np.zeros(200_000)}),
        ("pqt", {"intervals_0": np.arange(2000), "more": ["x" * 2000 + str(trial) for trial in range(2000)]}),
        ("csv", {"intervals_0": np.arange(60_000) // 2, "more": np.zeros(60_000)}),
    ],
    ids=["many values in few bytes", "long texts", "many rows of text"],
)
def test_a_table_that_takes_more_than_the_memory_is_passed_over(
    planted: layout.Planted, suffix: str, columns: dict, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (planted.folder / "_ibl_trials.intervals.npy").unlink()
    trials = pd.DataFrame({**columns, "intervals_1": columns["intervals_0"] + 1.0})
    path = planted.folder / f"_ibl_trials.table.{suffix}"
    if suffix == "pqt":
        trials.to_parquet(path, compression="gzip")
    else:
        trials.to_csv(path)
    assert path.stat().st_size < 2 * 10**6
    with caplog.at_level(logging.WARNING):
        (session,) = iterate_sessions(tmp_path, bin_width_s=WIDTH, strict=True, named=None, max_memory=0.002)
    assert re.search(rf"{path.name} of shape .* would take .* more than data.max_memory=0.002", caplog.text)
    assert "choice_world" not in session.tasks


def test_features_of_a_camera_come_from_the_measurement_not_the_smoothed_one(
    planted: layout.Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = np.load(planted.folder / "_ibl_leftCamera.times.npy")
    (planted.folder / "_ibl_leftCamera.features.pqt").write_bytes(b"PAR1")
    features = pd.DataFrame({"pupilDiameter_raw": np.arange(len(times)), "pupilDiameter_smooth": -1.0})
    monkeypatch.setattr(alf, "table", lambda path: features if path.suffix == ".pqt" else pd.read_csv(path))
    session = read_one(tmp_path)
    diameter = session.behavior[:, session.behavior_names.index("left_pupil_diameter")]
    ends = (np.arange(session.n_bins) + 1) * WIDTH - 1e-8
    last = np.searchsorted(times, ends, side="right") - 1
    inside = (last >= 0) & (ends < times[-2])
    np.testing.assert_array_equal(diameter[inside], last[inside])


def test_of_a_few_times_too_many_the_last_are_used(
    planted: layout.Planted, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = planted.folder / "_ibl_leftCamera.times.npy"
    times, n_samples = np.load(path), len(np.load(planted.folder / "leftCamera.ROIMotionEnergy.npy"))
    np.save(path, times[-n_samples:])
    exact = read_one(tmp_path)
    np.save(path, np.r_[-2.0, -1.0, times[-n_samples:]])
    with caplog.at_level(logging.WARNING):
        session = read_one(tmp_path)
    np.testing.assert_array_equal(session.behavior, exact.behavior)
    assert f"has {n_samples + 2} times for {n_samples} samples: the last ones are used" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("_ibl_wheel.timestamps", "reversed", r"_ibl_wheel\.timestamps\.npy goes backwards at row 1"),
        ("_ibl_wheel.timestamps", [1.0, 2.0], r"_ibl_wheel\.timestamps\.npy has 2 times for \d+ samples"),
        (
            "_ibl_wheel.timestamps",
            "twice",
            r"the wheel is passed over: _ibl_wheel\.timestamps\.npy has \d+ times for \d+",
        ),
        ("_ibl_leftCamera.times", "twice", r"_ibl_leftCamera\.times\.npy has \d+ times for \d+ samples"),
        ("_ibl_leftCamera.times", [[[1.0, 2.0]]], r"_ibl_leftCamera\.times\.npy must be one number per row"),
        ("probe01/pykilosort/clusters.channels", [0, 1], r"cluster 2 has no row in clusters\.channels\.npy"),
        ("probe01/pykilosort/clusters.channels", [50] * 6, r"channel 50 has no row in channels\.brainLocationIds"),
        ("probe01/pykilosort/channels.mlapdv", [1.0] * 6, r"channels\.mlapdv\.npy must be numbers \[rows, 3\]"),
    ],
)
def test_a_file_beside_the_spikes_that_does_not_fit_costs_itself_alone(
    planted: layout.Planted,
    tmp_path: Path,
    name: str,
    content: list | str,
    message: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = read_one(tmp_path)
    path = planted.folder / f"{name}.npy"
    there = np.load(path)
    changed = {"reversed": there[::-1], "twice": np.concatenate([there, there + 1e3])}
    np.save(path, changed[content] if isinstance(content, str) else np.array(content))
    _check_the_rest(before, tmp_path, message, caplog)


def test_damaged_tables(planted: layout.Planted, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = read_one(tmp_path)
    table = planted.folder / "_ibl_passivePeriods.intervalsTable.csv"
    for content, message in (("a,b\n1,2\n", "must have the rows 'start' and 'stop'"), ("", "is not a table")):
        table.write_text(content)
        _check_the_rest(before, tmp_path, rf"passive periods is passed over: {table.name} {message}", caplog)


def _check_the_rest(before: Session, folder: Path, message: str, caplog: pytest.LogCaptureFixture) -> None:
    """One line names what is broken, and everything else is read as before."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        after = read_one(folder)
    assert re.search(message, caplog.text), caplog.text
    np.testing.assert_array_equal(after.activity, before.activity)
    for series in after.behavior_names:
        columns = (of.behavior[:, of.behavior_names.index(series)] for of in (after, before))
        np.testing.assert_array_equal(*columns)
    lost = len(before.behavior_names) - len(after.behavior_names) + len(before.tasks) - len(after.tasks)
    for name, column in before.unit_table.items():
        now = after.unit_table.get(name, np.full_like(column, "" if column.dtype.kind == "U" else np.nan))
        known = now != "" if column.dtype.kind == "U" else np.isfinite(now)
        np.testing.assert_array_equal(now[known], column[known])
        lost += len(known) - known.sum()
    assert lost
