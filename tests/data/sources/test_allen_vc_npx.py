"""A session in the layout of Allen Visual Coding - Neuropixels is read as it was planted."""

from __future__ import annotations

import numpy as np
import pytest
from laws import data_settings
from layouts.allen_vc_npx import BLOCKS, DURATION_S, INVALID_S, NAME, Planted, write
from range_server import web_server

from synapsnet.configuration import section
from synapsnet.data.readers import find_recordings, read_sessions
from synapsnet.data.selection import UnitFilter, select_units
from synapsnet.data.sources import allen_vc_npx
from synapsnet.data.web import dandi
from synapsnet.session import Session

WIDTH = 0.02
TASKS = section("data", "allen_vc_npx")["tasks"]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return write(tmp_path_factory.mktemp("allen"))


@pytest.fixture(scope="module")
def session(planted: Planted) -> Session:
    (session,) = read_sessions(planted.path.parents[1], bin_width_s=None)
    return session


def column(session: Session, name: str) -> np.ndarray:
    assert session.behavior is not None
    return session.behavior[:, session.behavior_names.index(name)]


def test_counts_to_the_last_spike(planted: Planted, session: Session) -> None:
    assert session.session_id == NAME
    assert session.unit_ids == tuple(planted.trains)
    assert session.bin_width_s == WIDTH
    for unit, train in enumerate(planted.trains.values()):
        bins = np.floor(train / WIDTH + 1e-9).astype(int)
        expected = np.bincount(bins, minlength=session.n_bins)
        np.testing.assert_array_equal(session.activity[:, unit], expected)
    assert session.activity.sum() == sum(map(len, planted.trains.values()))


def test_what_is_known_of_units(planted: Planted, session: Session) -> None:
    table = session.unit_table
    assert table["quality"].tolist() == planted.quality
    assert table["region"].tolist() == planted.region
    assert table["probe"].tolist() == planted.probe
    assert {"isi_violations", "amplitude_cutoff", "presence_ratio", "x_um", "y_um", "z_um"} <= set(table)
    assert np.isnan(table["amplitude_cutoff"][5])


def test_units_by_the_bounds_of_the_configuration(planted: Planted, session: Session) -> None:
    taken, dropped = select_units(session, data_settings("allen_vc_npx").units)
    ids = list(planted.trains)
    good = [unit for unit, label in zip(ids, planted.quality, strict=True) if label == "good"]
    assert list(taken.unit_ids) == [unit for unit in good if unit != ids[4]]
    assert sum(map(len, dropped.values())) == session.n_units - taken.n_units
    of_v1, _ = select_units(session, UnitFilter(regions=["VIS*"]))
    assert set(of_v1.unit_table["region"]) == {"VISp", "VISam"}


def test_tasks_are_the_stimuli(session: Session) -> None:
    assert set(session.tasks) == {*TASKS, "pulse"}
    assert {name for name, _, _ in BLOCKS} == set(TASKS)
    for name in TASKS:
        planted = np.array([(start, stop) for other, start, stop in BLOCKS if other == name]) / WIDTH
        bins = session.tasks[name]
        assert len(bins) == len(planted), name
        np.testing.assert_array_equal(bins[:, 0], np.round(planted[:, 0]))
        # The last presentation of a block may be over before the block is.
        assert (bins[:, 1] <= np.round(planted[:, 1])).all()
        assert (bins[:, 1] > planted[:, 1] - 2 / WIDTH).all()


def test_invalid_times_cut_segments(session: Session) -> None:
    start, stop = (round(time / WIDTH) for time in INVALID_S)
    assert session.segments.tolist() == [[0, start], [stop, session.n_bins]]


def test_running_is_causal_and_pupils_may_be_shut(planted: Planted, session: Session) -> None:
    ends = WIDTH * (np.arange(session.n_bins) + 1) - 1e-6
    last = np.searchsorted(planted.speed_times_s, ends, side="right") - 1
    measured = (last >= 0) & (ends < DURATION_S)
    speed = column(session, "running_speed")
    np.testing.assert_allclose(speed[measured], planted.speed[last[measured]], rtol=1e-6)
    assert np.isnan(speed[ends < planted.speed_times_s[0]]).all()
    shut = column(session, "raw_gaze_mapping_pupil_area")[round(1.9 / WIDTH) : round(2.4 / WIDTH)]
    assert np.isnan(shut).all()


def test_clocks_and_empty_series_are_no_behavior(session: Session) -> None:
    assert not {"timestamps", "running_speed_end_times"} & set(session.behavior_names)


def test_streamed_from_the_archive(planted: Planted, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"sub-699733573/{NAME}.nwb"
    listed = {"asset_id": "58703c97-c0a9-4736-b684-73c85c1a444a", "path": path, "size": 1}
    with web_server() as web:
        monkeypatch.setattr(dandi, "API", f"{web.url}/api")
        web.files["/blob"] = planted.path
        version = f"/api/dandisets/000021/versions/{allen_vc_npx.VERSION}/assets/"
        web.answers[version] = {"next": None, "results": [listed]}
        web.answers[f"/api/assets/{listed['asset_id']}/"] = {"path": path, "contentUrl": [f"{web.url}/blob"]}
        (recording,) = find_recordings(f"dandi://000021@{allen_vc_npx.VERSION}/{path}")
        (streamed,) = recording.read(bin_width_s=WIDTH, named=None)
    assert streamed.session_id == session.session_id
    np.testing.assert_array_equal(streamed.activity, session.activity)
    np.testing.assert_array_equal(streamed.behavior, session.behavior)
    assert {name: bins.tolist() for name, bins in streamed.tasks.items()} == {
        name: bins.tolist() for name, bins in session.tasks.items()
    }
