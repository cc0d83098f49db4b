"""One bad part of an NWB file costs itself, and one line names it; odd shapes are read, or named with their shape."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from nwb_files import WIDTH, behavior, clock, read_one, rois, units, write
from pynwb import TimeSeries
from pynwb.file import Subject
from pynwb.ophys import Fluorescence

from synapsnet.errors import UserError
from synapsnet.session import Session

RNG = np.random.default_rng(0)
TIMES = np.arange(200) * WIDTH
SPEED = TimeSeries(name="speed", data=np.sin(TIMES), timestamps=TIMES, unit="m/s")
FRAMES = RNG.random((50, 4)).astype(np.float32)
Edit = Callable[[h5py.File], None]


def with_behavior(folder: Path) -> Path:
    series = TimeSeries(name="pupil", data=np.cos(TIMES), timestamps=TIMES, unit="mm")
    speed = TimeSeries(name="speed", data=np.sin(TIMES), timestamps=TIMES, unit="m/s")
    trains = [clock(180), clock(150), clock(120)]
    return write(folder / "x.nwb", units(trains, quality=["good"] * 3), behavior(speed, series))


def with_rois(folder: Path) -> Path:
    return write(folder / "x.nwb", rois(FRAMES, timestamps=np.arange(50) * 0.1))


def stored_as(place: str, change: Callable[[np.ndarray], np.ndarray]) -> Edit:
    """Store a dataset in another form; the index that points to it goes on doing so."""

    def edit(file: h5py.File) -> None:
        attributes, values = dict(file[place].attrs), file[place][()]
        del file[place]
        dataset = file.create_dataset(place, data=change(values))
        dataset.attrs.update(attributes)
        if f"{place}_index" in file:
            file[f"{place}_index"].attrs["target"] = dataset.ref

    return edit


def retyped(place: str, namespace: str, kind: str) -> Edit:
    return lambda file: file[place].attrs.update({"namespace": namespace, "neurodata_type": kind})


def edited(path: Path, edit: Edit) -> Session:
    with h5py.File(path, "r+") as file:
        edit(file)
    return read_one(path)


def column(values: np.ndarray) -> np.ndarray:
    return values[:, None]


def row(values: np.ndarray) -> np.ndarray:
    return values[None]


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (
            stored_as("processing/behavior/speed/timestamps", lambda t: np.stack([t, t])),
            r"speed is passed over: .*shape",
        ),
        (stored_as("processing/behavior/speed/timestamps", lambda t: t[:-7]), r"speed is skipped: .*\(193,\)"),
        (stored_as("processing/behavior/speed/timestamps", lambda t: np.r_[t, t + 9]), r"speed is skipped: .*\(400,\)"),
        (stored_as("processing/behavior/speed/data", lambda v: np.zeros((200, 2, 2))), r"speed is skipped: shape"),
        (stored_as("processing/behavior/speed/data", lambda v: np.full(200, b"fast")), "speed is skipped"),
        (
            retyped("processing/behavior/speed", "ndx-my-lab", "Wheel"),
            "of the extension ndx-my-lab.*pip install ndx-my",
        ),
    ],
)
def test_a_bad_series_costs_itself(tmp_path: Path, edit: Edit, line: str, caplog: pytest.LogCaptureFixture) -> None:
    before = read_one(with_behavior(tmp_path))
    with caplog.at_level(logging.WARNING):
        after = edited(with_behavior(tmp_path), edit)
    assert re.search(line, caplog.text), caplog.text
    assert "damaged" not in caplog.text
    assert after.behavior_names == ("pupil",)
    np.testing.assert_array_equal(after.activity, before.activity)
    np.testing.assert_array_equal(after.behavior[:, 0], before.behavior[:, before.behavior_names.index("pupil")])


def test_a_bad_column_of_units_costs_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = read_one(with_behavior(tmp_path))
    after = edited(with_behavior(tmp_path), stored_as("units/quality", lambda labels: labels[:2]))
    assert "units/quality is passed over: it has 2 rows, and the table 3" in caplog.text
    assert after.unit_table.keys() == before.unit_table.keys() - {"quality"}
    np.testing.assert_array_equal(after.activity, before.activity)
    np.testing.assert_array_equal(after.behavior, before.behavior)


@pytest.mark.parametrize("place", ["general/devices/dev", "general/extracellular_ephys/shank", "general/subject"])
def test_units_do_without_what_describes_them(tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture) -> None:
    def probe(nwbfile) -> None:
        device = nwbfile.create_device(name="dev")
        group = nwbfile.create_electrode_group(name="shank", description="d", location="V1", device=device)
        nwbfile.subject = Subject(subject_id="m1", species="Mus musculus")
        for number in range(3):
            nwbfile.add_electrode(location="V1", group=group)
            nwbfile.add_unit(spike_times=clock(150 + number), electrodes=[number], electrode_group=group)

    before = read_one(write(tmp_path / "x.nwb", probe))
    after = edited(tmp_path / "x.nwb", retyped(place, "ndx-my-lab", "Thing"))
    assert f"{place} is passed over: its type Thing is of the extension ndx-my-lab" in caplog.text
    np.testing.assert_array_equal(after.activity, before.activity)


def test_a_column_that_is_named_and_not_there_costs_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def edit(file: h5py.File) -> None:
        del file["units/quality"]

    assert edited(with_behavior(tmp_path), edit).n_units == 3
    assert "units/quality is passed over: it has 0 rows, and the table 3" in caplog.text


@pytest.mark.parametrize("form", [column, row])
@pytest.mark.parametrize(
    "place",
    [
        "units/spike_times",
        "units/spike_times_index",
        "units/id",
        "units/quality",
        "processing/behavior/speed/data",
        "processing/behavior/speed/timestamps",
    ],
)
def test_vectors_may_be_stored_as_columns_or_rows(
    tmp_path: Path, place: str, form: Callable[[np.ndarray], np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    before = read_one(with_behavior(tmp_path))
    after = edited(with_behavior(tmp_path), stored_as(place, form))
    np.testing.assert_array_equal(after.activity, before.activity)
    assert after.unit_ids == before.unit_ids
    if place != "units/quality" or form is column:
        assert after.unit_table["quality"].tolist() == ["good"] * 3
    np.testing.assert_array_equal(after.behavior, before.behavior)


def test_series_stored_the_other_way_round_are_turned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = TimeSeries(name="place", data=np.stack([np.sin(TIMES), TIMES], axis=1), timestamps=TIMES, unit="m")
    before = read_one(write(tmp_path / "x.nwb", units([clock(180)]), behavior(place)))
    after = edited(tmp_path / "x.nwb", stored_as("processing/behavior/place/data", np.transpose))
    assert "place of shape (2, 200) is stored as [features, time]" in caplog.text
    np.testing.assert_array_equal(after.behavior, before.behavior)


def test_rois_stored_the_other_way_round_are_turned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = read_one(with_rois(tmp_path))
    data = "processing/ophys/DfOverF/RoiResponseSeries/data"
    after = edited(with_rois(tmp_path), stored_as(data, np.transpose))
    assert "of shape (4, 50) is stored as [features, time]" in caplog.text
    np.testing.assert_array_equal(after.activity, before.activity)


def test_clocks_of_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = read_one(with_rois(tmp_path))
    place = "processing/ophys/DfOverF/RoiResponseSeries/timestamps"
    after = edited(with_rois(tmp_path), stored_as(place, lambda times: np.r_[times, times[-1] + [0.1, 0.2]]))
    assert "has 52 times for 50 frames: the first are used" in caplog.text
    np.testing.assert_array_equal(after.activity, before.activity)
    assert after.bin_width_s == before.bin_width_s
    for change in (lambda times: np.r_[times, times + 9.0], lambda times: times[:-1]):
        with pytest.raises(UserError, match=r"has 50 samples but timestamps of shape"):
            edited(with_rois(tmp_path), stored_as(place, change))
    np.testing.assert_array_equal(edited(with_rois(tmp_path), stored_as(place, column)).activity, before.activity)


def test_ids_used_twice_are_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    session = edited(with_behavior(tmp_path), stored_as("units/id", lambda ids: ids * 0 + 4))
    assert session.unit_ids == ("0", "1", "2")
    assert "ids of table units are used twice" in caplog.text
    table = "processing/ophys/ImageSegmentation/PlaneSegmentation/id"
    assert edited(with_rois(tmp_path), stored_as(table, lambda ids: ids * 0)).unit_ids == ("3", "2", "1", "0")


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        ("units/spike_times", lambda times: times.reshape(2, -1), r"it should ascend to 2, the number of values"),
        ("units/spike_times_index", lambda ends: ends.reshape(1, 3, 1), "units"),
        ("units/spike_times", lambda times: np.full(len(times), b"early"), "cannot be read as NWB: could not convert"),
    ],
)  # fmt: skip
def test_needed_parts_that_are_broken_are_named(tmp_path: Path, place: str, change: Callable, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        edited(with_behavior(tmp_path), stored_as(place, change))
    assert "damaged or truncated" not in str(error.value)


def test_deconvolved_traces_are_taken_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number, (container, series) in enumerate({"Fluorescence": "Deconvolved", "Inferred spikes": "x"}.items()):
        caplog.clear()
        read_one(write(tmp_path / f"{number}.nwb", rois(FRAMES, Fluorescence, container, series=series, rate=10.0)))
        assert "were fitted to later frames too, so scores are too good" in caplog.text
    caplog.clear()
    raw = rois(FRAMES, Fluorescence, "Fluorescence", series="Raw", rate=10.0)
    read_one(write(tmp_path / "b.nwb", raw, rois(FRAMES, Fluorescence, series="Deconvolved", rate=10.0)))
    assert "later frames" not in caplog.text


def test_activity_elsewhere_is_named_in_few_words(tmp_path: Path) -> None:
    cells = [TimeSeries(name=f"cell_{k:03d}", data=np.ones(9), rate=1.0, unit="dF/F") for k in range(60)]
    with pytest.raises(UserError, match=r"cell_007 and 52 more; if series are neurons, .*cell_\*") as error:
        read_one(write(tmp_path / "x.nwb", behavior(*cells)))
    assert len(str(error.value)) < 600


def test_pointers_and_compression_by_plug_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.nwb").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(UserError, match="a pointer of Git LFS instead of the file: git lfs pull"):
        read_one(tmp_path / "x.nwb")
    path = with_behavior(tmp_path / "y") if (tmp_path / "y").mkdir() is None else tmp_path

    def refused(*_: object) -> None:
        raise OSError("Can't synchronously read data (required filter 'blosc' is not registered)")

    monkeypatch.setattr("synapsnet.data.readers._nwb.spikes.find_copies", refused)
    with pytest.raises(UserError, match="a filter that is not installed: pip install hdf5plugin"):
        read_one(path)
