"""Sessions in the layout of Allen Visual Behavior - Optical Physiology are read as they were planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from layouts.allen_vb_2p import INVALID, Planted, write

from synapsnet.configuration import section
from synapsnet.data.readers import read_sessions
from synapsnet.session import Session

TASKS = section("data", "allen_vb_2p")["tasks"]
Pairs = list[tuple[Planted, Session]]


def read(folder: Path, several_planes: bool) -> Pairs:
    planted = sorted(write(folder, several_planes=several_planes), key=lambda one: one.path)
    sessions = read_sessions(folder, bin_width_s=None)
    return list(zip(planted, sessions, strict=True))


@pytest.fixture(scope="module", params=[False, True], ids=["one plane", "several planes"])
def pairs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    return read(tmp_path_factory.mktemp("allen"), request.param)


def test_traces_of_the_cells(pairs: Pairs) -> None:
    for planted, session in pairs:
        assert session.session_id == planted.path.stem
        assert session.signal == "calcium"
        assert session.unit_ids == tuple(planted.cells)
        np.testing.assert_array_equal(session.activity, planted.dff)
        assert session.bin_width_s == pytest.approx(np.diff(planted.times_s).mean(), rel=1e-6)
        assert session.segments.tolist() == [[0, len(planted.times_s)]]
        assert [len(units) for units in session.meta["dropped"].values()] == [INVALID]


def test_where_the_cells_are(pairs: Pairs) -> None:
    for _, session in pairs:
        assert set(session.unit_table["region"]) <= {"VISp", "VISl"}
        assert set(session.unit_table["plane"]) == {"imaging_plane_1"}
        np.testing.assert_allclose(session.unit_table["x_px"], 1 + 2 * np.arange(session.n_units))


def test_tasks_are_stimuli_and_blocks(pairs: Pairs) -> None:
    for planted, session in pairs:
        assert set(planted.blocks_s) | {"spontaneous", "trials"} < set(session.tasks)
        assert len(session.tasks["spontaneous"]) == 2
        for name, (start, stop) in planted.blocks_s.items():
            ((first, last),) = session.tasks[name]
            inside = np.flatnonzero(
                (planted.times_s >= start - 1e-9) & (planted.times_s + session.bin_width_s <= stop + 1e-6)
            )
            assert first == inside[0], name
            assert 0 <= inside[-1] + 1 - last <= 1.5 / session.bin_width_s


def test_active_and_passive_sessions_have_tasks_of_their_own(tmp_path: Path) -> None:
    (_, active), (_, passive) = read(tmp_path, several_planes=False)
    assert "change_detection_behavior" in active.tasks
    assert "change_detection_passive" in passive.tasks
    assert not {"change_detection_passive"} & set(active.tasks)
    assert not {"change_detection_behavior"} & set(passive.tasks)
    assert {"licks", "volume"} <= set(active.behavior_names)
    assert not {"licks", "volume"} & set(passive.behavior_names)
    assert set(TASKS) <= set(active.tasks) | set(passive.tasks)


def test_running_pupil_and_no_clock(pairs: Pairs) -> None:
    for planted, session in pairs:
        assert session.behavior is not None
        speed = session.behavior[:, session.behavior_names.index("speed")]
        last = np.searchsorted(planted.speed_times_s, planted.times_s + 1e-9, side="right") - 1
        np.testing.assert_allclose(speed, planted.speed[last], rtol=1e-6)
        assert {"pupil_tracking_0", "pupil_tracking_area"} <= set(session.behavior_names)
        assert "timestamps" not in session.behavior_names
