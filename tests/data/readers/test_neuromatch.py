import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layouts import neuromatch as layout

from synapsnet.data.readers import archive, find_recordings, neuromatch, read_sessions
from synapsnet.errors import UserError
from synapsnet.session import Session


def read_changed(folder: Path, **changes: Any) -> Session:
    """A part whose session has other values for some keys; None leaves a key out."""
    recorded = layout.session(np.random.default_rng(0), 3, 2) | changes
    recorded = {key: value for key, value in recorded.items() if value is not None}
    np.savez(folder / "steinmetz_part1.npz", dat=layout.packed([recorded]))
    (session,) = read_sessions(folder, bin_width_s=None)
    return session


def test_trials_of_both_tasks_are_segments(tmp_path: Path) -> None:
    (recorded,) = layout.write(tmp_path, n_trials=4, n_passive=3)
    (recording,) = find_recordings(tmp_path)
    assert recording.reader is neuromatch
    assert not archive.recognises(recording.path)
    (session,) = read_sessions(tmp_path, bin_width_s=None)
    assert (session.session_id, session.bin_width_s, session.signal) == ("Cori_2016-12-14", 0.01, "spikes")
    assert session.segments.tolist() == [[250 * k, 250 * (k + 1)] for k in range(7)]
    assert {task: bins.tolist() for task, bins in session.tasks.items()} == {
        "discrimination": [[0, 1000]],
        "passive": [[1000, 1750]],
    }
    for trial in range(4):
        np.testing.assert_array_equal(session.activity[250 * trial : 250 * (trial + 1)].T, recorded["spks"][:, trial])
    np.testing.assert_array_equal(session.activity[1250:1500].T, recorded["spks_passive"][:, 1])
    series = dict(zip(session.behavior_names, session.behavior.T, strict=True))
    np.testing.assert_array_equal(series["wheel_speed"][:250], recorded["wheel"][0, 0].astype(np.float32))
    np.testing.assert_array_equal(series["pupil_y"][1000:1250], recorded["pupil_passive"][2, 0].astype(np.float32))
    assert np.isnan(series["face_motion_energy"][1000:]).all()
    assert session.unit_table["region"].tolist() == list(layout.REGIONS)
    np.testing.assert_array_equal(session.unit_table["y_um"], recorded["ccf"][:, 1])


def test_silent_units_are_dropped_and_named(tmp_path: Path) -> None:
    recorded = layout.session(np.random.default_rng(0), 3, 2)
    for key in ("spks", "spks_passive"):
        recorded[key][5] = 0
    session = read_changed(tmp_path, spks=recorded["spks"], spks_passive=recorded["spks_passive"])
    assert session.meta["dropped"] == {"has no spike": ["5"]}
    assert session.unit_ids == ("0", "1", "2", "3", "4", "6", "7")
    assert "SCm" not in session.unit_table["region"]


def test_several_sessions_and_several_parts(tmp_path: Path) -> None:
    for part in range(2):
        sessions = [
            layout.session(np.random.default_rng(part), 2, 1) | {"date_exp": f"2016-12-{day}"}
            for day in (10 + part, 20 + part)
        ]
        np.savez_compressed(tmp_path / f"steinmetz_part{part}.npz", dat=layout.packed(sessions))
    ids = [session.session_id for session in read_sessions(tmp_path, bin_width_s=None)]
    assert ids == ["Cori_2016-12-10", "Cori_2016-12-20", "Cori_2016-12-11", "Cori_2016-12-21"]


def test_a_session_without_passive_trials(tmp_path: Path) -> None:
    session = read_changed(tmp_path, spks_passive=None)
    assert list(session.tasks) == ["discrimination"]
    assert read_changed(tmp_path, spks_passive=np.empty((8, 0, 250), dtype=np.int8)).n_bins == 750


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spks": None}, "session 0 has no 'spks'; it has wheel,"),
        ({"bin_size": None}, "session 0 has no 'bin_size'"),
        ({"spks": np.zeros(5)}, r"spks must be numbers \[rows, trials, time\]"),
        ({"spks": np.zeros((8, 3, 250))}, "spks must be whole numbers"),
        ({"spks": np.full((8, 3, 250), -1, dtype=np.int8)}, "must not be negative"),
        ({"spks_passive": np.ones((3, 2, 250), dtype=np.int8)}, "with the same units in every task"),
        ({"wheel": np.zeros((1, 3, 99))}, r"wheel must have shape \(1, 3, 250\), got \(1, 3, 99\)"),
        ({"ccf": np.zeros((8, 2))}, r"ccf must be \[8 units, 3\]"),
        ({"brain_area": np.array(["VISp"])}, "region has values for 1 units, but spks has 8"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        read_changed(tmp_path, **changes)
    assert str(error.value).startswith(f"{tmp_path / 'steinmetz_part1.npz'}: ")


class Malicious:
    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.made),)


def test_nothing_in_a_malicious_file_runs(tmp_path: Path) -> None:
    made = tmp_path / "made"
    with pytest.raises(UserError, match=r"asks for posix\.mkdir|asks for nt\.mkdir"):
        read_changed(tmp_path, wheel=Malicious(made))
    assert not made.exists()


def test_damaged_files(tmp_path: Path) -> None:
    layout.write(tmp_path)
    path = tmp_path / "steinmetz_part0.npz"
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(UserError, match="damaged or truncated archive"):
            read_sessions(tmp_path, bin_width_s=None)
    path.write_bytes(whole[:1000] + bytes(1000) + whole[2000:])
    with pytest.raises(UserError, match="damaged"):
        read_sessions(tmp_path, bin_width_s=None)
    np.savez(path, other=np.arange(3))
    with pytest.raises(UserError, match="no 'dat' in this archive"):
        read_sessions(tmp_path, bin_width_s=None)
    np.savez(path, dat=np.arange(3))
    with pytest.raises(UserError, match="but pickled objects were expected"):
        read_sessions(tmp_path, bin_width_s=None)
    np.savez(path, dat=np.array([1, None], dtype=object))
    with pytest.raises(UserError, match="array of dictionaries"):
        read_sessions(tmp_path, bin_width_s=None)
