import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from layouts.bugeon2022 import N_FRAMES, RATE_HZ, SETS, TYPES, Planted, column, write

from synapsnet.data.readers import read_sessions
from synapsnet.errors import UserError
from synapsnet.session import Session


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return write(tmp_path)


def read_one(path: Path) -> Session:
    (session,) = read_sessions(path, bin_width_s=None)
    return session


def run(planted: Planted, name: str = "Blank") -> Path:
    return planted.session / name / "01"


def test_session_is_what_was_planted(planted: Planted, tmp_path: Path) -> None:
    session = read_one(tmp_path)  # found below the folder of all animals
    np.testing.assert_array_equal(
        session.activity, np.concatenate([planted.activity[name] for name in SETS]).astype(np.float32)
    )
    assert (session.session_id, session.signal) == ("SB025_2019-10-07", "calcium")
    assert session.bin_width_s == pytest.approx(1 / RATE_HZ, abs=1e-9)
    assert session.segments.tolist() == [[0, 240], [240, 480], [480, 720]]
    assert session.unit_ids == ("row0", "row1", "row2", "1204", "1201", "1207", "1310", "1311")
    assert session.unit_table["cell_type"].tolist() == list(TYPES)
    assert session.unit_table["plane"].tolist() == ["1", "1", "1", "2", "2", "2", "3", "3"]
    for axis, name in enumerate(("x_um", "y_um", "z_um")):
        np.testing.assert_array_equal(session.unit_table[name], planted.positions[:, axis])
    assert session.meta["subject"] == "SB025"
    assert "s41586-022-04915-7" in session.meta["citation"]
    assert session.meta["dropped"] == {}


def test_stimulus_sets_and_states_are_tasks(planted: Planted) -> None:
    session = read_one(planted.session)
    for index, name in enumerate(SETS):
        task = session.of_task(name.lower().replace(" ", "_"))
        np.testing.assert_array_equal(task.activity, planted.activity[name].astype(np.float32))
        assert session.tasks[name.lower().replace(" ", "_")].tolist() == [[N_FRAMES * index, N_FRAMES * (index + 1)]]
    states = np.concatenate([planted.states[name] for name in SETS])
    for number, name in enumerate(("running", "stationary_desynchronized", "stationary_synchronized")):
        np.testing.assert_array_equal(session.of_task(name).activity, session.activity[states == number])


def test_behavior_is_the_last_sample_that_the_instant_of_a_frame_knows(planted: Planted) -> None:
    session = read_one(planted.session)
    assert session.behavior_names == ("running_speed", "pupil_size")
    assert session.behavior is not None
    for index, name in enumerate(SETS):
        rows = slice(N_FRAMES * index, N_FRAMES * (index + 1))
        at, speed = planted.running[name]
        before = np.searchsorted(at, planted.times[name] + 1e-9, side="right") - 1
        np.testing.assert_allclose(session.behavior[rows, 0], speed[before].astype(np.float32))
        at, size = planted.pupil[name]
        pupil = session.behavior[rows, 1]
        last = [np.flatnonzero((at <= time + 1e-9) & np.isfinite(size))[-1] for time in planted.times[name]]
        fresh = planted.times[name] - at[last] <= 10 / 30
        np.testing.assert_allclose(pupil[fresh], size[last][fresh].astype(np.float32))
        assert np.isnan(pupil[~fresh]).all()
        assert 5 < np.isnan(pupil).sum() < 10


def test_behavior_of_the_future_changes_nothing_before_it(planted: Planted) -> None:
    before = read_one(planted.session).behavior
    at, speed = planted.running["Blank"]
    column(run(planted) / "running.speed.npy", np.where(at > 30.0, 99.0, speed))
    after = read_one(planted.session).behavior
    assert before is not None
    assert after is not None
    known = planted.times["Blank"] <= 30.0
    np.testing.assert_array_equal(after[:N_FRAMES][known], before[:N_FRAMES][known])
    assert (after[:N_FRAMES, 0][~known][1:] == 99.0).all()


def test_behavior_that_covers_a_part(planted: Planted) -> None:
    (run(planted) / "running.speed.npy").unlink()
    (run(planted) / "running.times.npy").unlink()
    at, size = planted.pupil["Natural Scenes"]
    column(run(planted, "Natural Scenes") / "eye.times.npy", at[:600])
    column(run(planted, "Natural Scenes") / "eye.size.npy", size[:600])  # the camera stopped after 20 s
    session = read_one(planted.session)
    assert session.behavior is not None
    assert np.isnan(session.behavior[:N_FRAMES, 0]).all()
    assert np.isfinite(session.behavior[N_FRAMES:, 0]).all()
    assert np.isnan(session.behavior[480:][planted.times["Natural Scenes"] > 21.0, 1]).all()


def test_behavior_that_was_never_measured_is_left_out(planted: Planted) -> None:
    for name in SETS:
        (run(planted, name) / "eye.size.npy").unlink()
        (run(planted, name) / "eye.times.npy").unlink()
    assert read_one(planted.session).behavior_names == ("running_speed",)


def test_missing_set_and_missing_states(planted: Planted) -> None:
    shutil.rmtree(planted.session / "Drifting Gratings")
    for name in ("Blank", "Natural Scenes"):
        (run(planted, name) / "frame.states.npy").unlink()
    session = read_one(planted.session)
    assert list(session.tasks) == ["blank", "natural_scenes"]
    with pytest.raises(UserError, match="no task 'drifting_gratings'; it has blank, natural_scenes"):
        session.of_task("drifting_gratings")


def test_second_run_continues_its_task_unless_it_is_of_other_units(
    planted: Planted, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(run(planted), planted.session / "Blank" / "02")
    shutil.copytree(run(planted), planted.session / "Blank" / "03")
    np.save(planted.session / "Blank" / "03" / "frame.neuralActivity.npy", np.ones((N_FRAMES, 5)))
    with caplog.at_level(logging.WARNING):
        session = read_one(planted.session)
    assert session.tasks["blank"].tolist() == [[0, 240], [240, 480]]
    assert session.n_bins == 4 * N_FRAMES
    assert session.meta["runs"] == ["Blank/01", "Blank/02", "Drifting Gratings/01", "Natural Scenes/01"]
    assert "skipped, because the session has 8 units: Blank/03 has 5" in caplog.text


def test_jumps_and_backward_steps_end_segments(planted: Planted) -> None:
    times = planted.times["Blank"].copy()
    times[100:] += 5.0
    times[200:] -= 50.0
    column(run(planted) / "frame.times.npy", times)
    assert read_one(planted.session).segments.tolist() == [[0, 100], [100, 200], [200, 240], [240, 480], [480, 720]]


def test_runs_without_values_end_segments_and_units_without_values_are_dropped(planted: Planted) -> None:
    activity = planted.activity["Blank"].copy()
    activity[50:60, 2] = np.nan
    np.save(run(planted) / "frame.neuralActivity.npy", activity)
    for name in SETS:
        values = np.load(run(planted, name) / "frame.neuralActivity.npy")
        values[:, 4] = np.nan
        np.save(run(planted, name) / "frame.neuralActivity.npy", values)
    session = read_one(planted.session)
    assert session.segments.tolist() == [[0, 50], [60, 240], [240, 480], [480, 720]]
    assert "1201" not in session.unit_ids
    assert session.unit_table["cell_type"].tolist() == [kind for k, kind in enumerate(TYPES) if k != 4]
    assert session.meta["dropped"] == {"no value in more than 20% of the frames": ["1201"]}


def test_shared_identity_falls_back_to_rows(planted: Planted) -> None:
    column(planted.session / "neuron.UniqueID.npy", np.array([1.0, 1.0, np.nan, 2.0, 3.0, 4.0, 5.0, 6.0]))
    assert read_one(planted.session).unit_ids == ("row0", "row1", "row2", "2", "3", "4", "5", "6")


def test_mixed_frame_rates(planted: Planted) -> None:
    column(run(planted, "Natural Scenes") / "frame.times.npy", np.arange(N_FRAMES) / 15.0)
    with pytest.raises(
        UserError, match=r"frame period, but they differ: .*Blank/01 0\.232.* s, .*Scenes/01 0\.0666667 s$"
    ):
        read_one(planted.session)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("frame.neuralActivity", np.ones((240, 3)), None),
        ("frame.neuralActivity", np.ones(240), r"must be numbers \[time, units\], got float64 of shape \(240,\)"),
        ("frame.neuralActivity", np.ones((239, 8)), "has 239 frames, but frame.times.npy has 240"),
        ("frame.times", np.ones((240, 2)), r"frame\.times\.npy must be numbers \[samples, 1\]"),
        ("frame.times", np.full((240, 1), np.nan), "240 timestamps that are NaN"),
        ("frame.times", np.arange(240.0)[::-1, None], "timestamps that do not ascend"),
        ("frame.states", np.ones((10, 1)), "frame.states.npy has 10 frames, but frame.times.npy has 240"),
        ("running.speed", np.ones((10, 1)), "running.speed.npy has 10 samples, but running.times.npy has"),
        ("eye.size", np.array([["a"]]), r"eye\.size\.npy must be numbers"),
    ],
)
def test_bad_run(planted: Planted, name: str, array: np.ndarray, message: str | None) -> None:
    np.save(run(planted) / f"{name}.npy", array)
    if message is None:  # of other units: the two other runs remain
        assert read_one(planted.session).n_bins == 2 * N_FRAMES
        return
    with pytest.raises(UserError, match=message) as error:
        read_one(planted.session)
    assert str(error.value).startswith(f"{planted.session}: Blank/01: ")
    assert "\n" not in str(error.value)


def test_truncated_and_missing_files(planted: Planted) -> None:
    file = run(planted) / "frame.neuralActivity.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-80])
    with pytest.raises(UserError, match=r"Blank/01: frame\.neuralActivity\.npy is (not a whole NumPy array|cut off)"):
        read_one(planted.session)
    file.write_bytes(whole)
    (run(planted) / "eye.times.npy").unlink()
    with pytest.raises(UserError, match=r"Blank/01: eye\.times\.npy is missing"):
        read_one(planted.session)


def test_transposed_activity_is_refused(planted: Planted) -> None:
    for name in SETS:
        np.save(run(planted, name) / "frame.neuralActivity.npy", np.ones((240, 240)))
    with pytest.raises(UserError, match=r"has 8 units, but Blank/01 has 240, .*; is it \[time, units\]\?"):
        read_one(planted.session)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("neuron.UniqueID", np.ones((7, 1)), "neuron.ttype.txt has 8 units, but neuron.UniqueID.npy has 7"),
        ("neuron.UniqueID", np.array(["a"] * 8), r"neuron\.UniqueID\.npy must be numbers"),
        ("neuron.stackPosCorrected", np.ones((3, 8)), r"must be numbers \[8 units, 3\], got float64 of \(3, 8\)"),
        ("neuron.plane", np.array(["a"] * 8), r"neuron\.plane\.npy must be numbers"),
    ],
)
def test_bad_units(planted: Planted, name: str, array: np.ndarray, message: str) -> None:
    np.save(planted.session / f"{name}.npy", array)
    with pytest.raises(UserError, match=message):
        read_one(planted.session)


def test_session_without_runs(planted: Planted) -> None:
    for name in SETS:
        shutil.rmtree(planted.session / name)
    with pytest.raises(UserError, match=r"no run, such as Blank/01/frame\.neuralActivity\.npy"):
        read_one(planted.session)
