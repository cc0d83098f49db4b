from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from nwb_files import WIDTH, behavior, clock, electrodes, intervals, read_one, rois, units, write
from pynwb import NWBFile, TimeSeries

from synapsnet.data.readers import find_recordings, nwb, read_sessions
from synapsnet.errors import UserError


def test_files_and_addresses_are_recognised_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nwb", units([clock(5)]))
    assert nwb.recognises(path)
    assert not nwb.recognises(tmp_path)
    asset = "https://api.dandiarchive.org/api/assets/0123abcd-0123-0123-0123-0123456789ab/download/"
    for address in (
        "https://lab.org/data/x.nwb",
        "http://127.0.0.1:8000/a%20b.nwb?signature=1&path=/z",
        asset,
        asset.rstrip("/"),
        "dandi://000021/sub-1/sub-1_ses-2.nwb",
    ):
        assert nwb.recognises(address)
        assert [recording.path for recording in find_recordings(address)] == [address]
    for other in ("https://lab.org/x.nwb.zip", "https://lab.org/?file=x.nwb", "s3://bucket/x.nwb", "dandi://000021"):
        assert not nwb.recognises(other)


def test_truncated_and_foreign_files(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nwb", units([clock(2000)]))
    whole = path.read_bytes()
    with h5py.File(tmp_path / "foreign.h5", "w") as foreign:
        foreign["data"] = np.ones(3)
    for content in (whole[: len(whole) // 2], b"", b"no HDF5 at all", (tmp_path / "foreign.h5").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"x\.nwb: cannot be read as NWB") as error:
            read_sessions(path, bin_width_s=WIDTH)
        assert "\n" not in str(error.value)


def test_nothing_to_forecast_says_what_there_is(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.nwb",
        behavior(TimeSeries(name="speed", data=np.ones(9), unit="m/s", rate=1.0)),
        intervals("trials", [(0.0, 1.0)]),
        lambda nwbfile: nwbfile.add_unit_column(name="quality", description="quality"),
        lambda nwbfile: nwbfile.add_unit(quality="good"),
    )
    with pytest.raises(
        UserError,
        match=r"x\.nwb: this NWB file has no units with spike times and no RoiResponseSeries: nothing to forecast; "
        r"it holds behavior/speed, intervals/trials, units \(1 rows, columns quality\); if series are neurons, name "
        r"them, as by 'data\.activity=\[speed\]' \(--activity speed\)$",
    ):
        read_one(path)
    with pytest.raises(UserError, match=r"it holds nothing$"):
        read_one(write(tmp_path / "y.nwb"))


def test_a_table_of_units_without_a_spike(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.nwb: there are no spikes"):
        read_one(write(tmp_path / "x.nwb", units([np.empty(0), np.empty(0)])))


def test_spike_times_that_are_no_times(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="5 of 10 spike times are NaN"):
        read_one(write(tmp_path / "x.nwb", units([clock(5), np.full(5, np.nan)])))
    assert read_one(write(tmp_path / "x.nwb", units([clock(5), np.array([np.nan])]))).unit_ids == ("10",)
    with pytest.raises(UserError, match="are they in seconds"):
        read_one(write(tmp_path / "x.nwb", units([clock(5) * 1e9, clock(4)])))


def test_units_that_were_never_observed_at_once(tmp_path: Path) -> None:
    halves = [np.array([[0.0, 2.0]]), np.array([[3.0, 5.0]])]
    with pytest.raises(UserError, match="no bin was observed for all units"):
        read_one(write(tmp_path / "x.nwb", units([clock(100), clock(100)[::2]], obs_intervals=halves)))
    invalid = intervals("invalid_times", [(-1.0, 99.0)])
    for part in (units([clock(100)]), rois(np.random.default_rng(0).normal(size=(20, 2)), rate=10.0)):
        with pytest.raises(UserError, match=r"no bin was observed for all units|no frame is left"):
            read_one(write(tmp_path / "y.nwb", part, invalid))


def replaced(name: str, values: object) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        attributes = dict(file[name].attrs)
        del file[name]
        file[name] = values
        file[name].attrs.update(attributes)

    return edit


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (
            replaced("units/spike_times_index", np.array([5, 99])),
            "index of column 'spike_times' of table 'units' is",
        ),
        (
            replaced("units/spike_times_index", np.array([7, 5])),
            "index of column 'spike_times' of table 'units' is",
        ),
        (replaced("units/spike_times_index", np.array([5, 7])), "it should ascend to 9, the number of values"),
        (replaced("units/spike_times_index", np.array([9])), "Columns must be the same length"),
        (replaced("units/id", np.array([4, 5, 6])), "same number of ids as length of columns"),
    ],
)
def test_damaged_tables(tmp_path: Path, edit: Callable[[h5py.File], None], problem: str) -> None:
    path = write(tmp_path / "x.nwb", units([clock(5), clock(4)], quality=["good", "good"]))
    with h5py.File(path, "r+") as file:
        edit(file)
    with pytest.raises(UserError, match=rf"x\.nwb: .*{problem}") as error:
        read_one(path)
    assert "\n" not in str(error.value)


def test_electrodes_and_rois_that_are_not_there(tmp_path: Path) -> None:
    """A unit on an electrode that the table lacks lies nowhere; a trace of a ROI that the table lacks is an error."""
    trains = units([clock(5), clock(4)], electrodes=[[0], [1]])
    path = write(tmp_path / "x.nwb", electrodes(["V1", "LM"]), trains)
    with h5py.File(path, "r+") as file:
        file["units/electrodes"][1] = 7
    assert read_one(path).unit_table["region"].tolist() == ["V1", ""]
    path = write(tmp_path / "y.nwb", rois(np.random.default_rng(0).normal(size=(20, 2)), rate=10.0))
    with h5py.File(path, "r+") as file:
        file["processing/ophys/DfOverF/RoiResponseSeries/rois"][0] = 7
    with pytest.raises(UserError, match="7"):
        read_one(path)


def test_intervals_without_times_are_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def words(nwbfile: NWBFile) -> None:
        intervals("laps", [(0.0, 1.0)])(nwbfile)

    path = write(tmp_path / "x.nwb", units([clock(50)]), words)
    with h5py.File(path, "r+") as file:
        replaced("intervals/laps/stop_time", np.array([b"late"]))(file)
    assert dict(read_one(path).tasks) == {}
    assert "intervals laps are skipped" in caplog.text
