"""Real recordings: read as they are, and their spike trains written to NWB and read back."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nwb_files import column, intervals, read_one, units, write
from pynwb import NWBHDF5IO

from synapsnet.data.readers import read_sessions
from synapsnet.data.readers.archive import read as read_archive
from synapsnet.errors import UserError


def trains_of(counts: np.ndarray, width: float, rng: np.random.Generator, first: int = 0) -> list[np.ndarray]:
    """Spike times that fall into bins so often, a third of them on the edge where the bin starts; not in order."""
    trains = []
    for unit in counts.T:
        bins = np.repeat(np.arange(first, first + len(unit)), unit)
        within = np.where(rng.random(len(bins)) < 0.3, 0.0, rng.random(len(bins)) * 0.99)
        trains.append(rng.permutation((bins + within) * width))
    return trains


@pytest.mark.parametrize("name", ["neuropixels_v1/Cori_2016-12-14.npz", "spikes_m1/stevenson2011.npz"])
def test_real_counts_come_back_to_the_last_spike(recordings: Path, tmp_path: Path, name: str) -> None:
    (real,) = read_archive(recordings / name, bin_width_s=None)
    counts = real.activity[:, real.activity.any(0)][:, :12]
    counts = counts[: np.flatnonzero(counts.any(1))[-1] + 1]
    before = 200  # bins before time 0
    trains = trains_of(counts, real.bin_width_s, np.random.default_rng(0), first=-before)
    lasting = np.stack([real.segments[:, 0] - before, real.segments[:, 1] - before], axis=1) * real.bin_width_s
    session = read_one(
        write(tmp_path / "x.nwb", units(trains), intervals("trials", lasting.tolist())), real.bin_width_s
    )
    start = len(session.activity) - len(counts)
    np.testing.assert_array_equal(session.activity[start:], counts)
    assert session.activity.sum() == counts.sum() == sum(map(len, trains))
    assert session.activity.dtype == np.uint8
    assert list(session.tasks) == ["trials"]


def test_real_spike_trains_come_back_to_the_last_spike(recordings: Path, tmp_path: Path) -> None:
    """120 s of Neuropixels, among whose clusters there are copies, against counting each train with a histogram."""
    times = np.load(recordings / "alf_ibl" / "spikes.times.npy")
    clusters = np.load(recordings / "alf_ibl" / "spikes.clusters.npy")
    order = np.argsort(clusters, kind="stable")
    names, starts = np.unique(clusters[order], return_index=True)
    trains = np.split(times[order], starts[1:])
    session = read_one(write(tmp_path / "x.nwb", units(trains)), 0.02)
    copies = session.meta["dropped"]["exact copy of another unit"]
    assert set(session.unit_ids) | set(copies) == {str(10 + row) for row in range(len(names))}
    edges = np.arange(session.n_bins + 1) * 0.02
    for unit, counts in zip(session.unit_ids, session.activity.T, strict=True):
        train = trains[int(unit) - 10]
        assert counts.sum() == len(train)
        np.testing.assert_array_equal(counts, np.histogram(train, edges)[0])
    kept = {np.sort(trains[int(unit) - 10]).tobytes() for unit in session.unit_ids if len(trains[int(unit) - 10]) > 1}
    assert all(np.sort(trains[int(unit) - 10]).tobytes() in kept for unit in copies)


@given(
    counts=st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=2, max_size=12),
    first=st.integers(-20, 0),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_counts_come_back(tmp_path: Path, counts: list[list[int]], first: int, seed: int) -> None:
    planted = np.array(counts)
    planted[[0, -1]] += 1  # so that the recording starts and ends where it does
    planted[-1] += np.arange(3)  # and no unit is a copy of another
    trains = trains_of(planted, 0.025, np.random.default_rng(seed), first)
    session = read_one(write(tmp_path / "x.nwb", units(trains)), 0.025)
    np.testing.assert_array_equal(session.activity[: len(planted)], planted)
    assert not session.activity[len(planted) :].any()


def test_real_imaging(recordings: Path) -> None:
    path = recordings / "nwb" / "A0634-210127.nwb"
    session = read_one(path)
    with h5py.File(path) as file:
        data = file["processing/ophys/Fluorescence/RoiResponseSeries/data"][:]
        masks = file["processing/ophys/ImageSegmentation/PlaneSegmentation/image_mask"][:]
    np.testing.assert_array_equal(session.activity, data.astype(np.float32))
    assert (session.session_id, session.signal) == ("A0634-210127", "calcium")
    assert session.bin_width_s == pytest.approx(1 / 30, rel=1e-4)
    assert session.segments.tolist() == [[0, 35743]]
    assert session.unit_ids == tuple(str(roi) for roi in range(10))
    assert sorted(session.unit_table) == ["plane", "x_px", "y_px"]
    pixels = np.arange(masks.shape[1])
    expected = [np.average(pixels, weights=np.maximum(mask, 0).sum(1)) for mask in masks]
    np.testing.assert_allclose(session.unit_table["x_px"], expected, rtol=1e-5)


def test_real_sorted_units_or_a_clear_refusal(recordings: Path) -> None:
    """The copy of this file at hand came without its units table; one with it must read to the last spike."""
    path = recordings / "nwb" / "A2929-200711.nwb"
    with h5py.File(path) as file:
        n_spikes = len(file["units/spike_times"]) if "units" in file else 0
    if n_spikes:
        assert read_one(path).activity.sum() == n_spikes
    else:
        with pytest.raises(
            UserError,
            match=r"A2929-200711\.nwb: this NWB file has no units .* it holds acquisition/CompassDirection, "
            r"acquisition/Position, intervals/epochs, intervals/position_time_support$",
        ):
            read_one(path)


def test_real_behavior_and_epochs_of_other_software(recordings: Path, tmp_path: Path) -> None:
    """Position and head direction of a real file, on the bins of spikes planted into a copy of it."""
    path = tmp_path / "planted.nwb"
    shutil.copyfile(recordings / "nwb" / "A2929-200711.nwb", path)
    with h5py.File(path, "r+") as file:
        if "units" in file:
            del file["units"]
    with NWBHDF5IO(str(path), mode="a") as io:
        nwbfile = io.read()
        nwbfile.add_unit(spike_times=np.arange(0.0, 1200.0, 0.5))
        io.write(nwbfile)
    (session,) = read_sessions(path, bin_width_s=0.1)
    assert session.behavior_names == ("rx_sin", "rx_cos", "ry_sin", "ry_cos", "rz_sin", "rz_cos", "x", "y", "z")
    assert session.meta["species"] == "mus musculus"
    assert session.meta["lab"] == "The awesome lab"
    assert session.tasks["sleep"].tolist() == [[0, 6000]]
    assert session.tasks["wake"].tolist() == [[6000, 11996]]  # the last spike is in bin 11995
    with h5py.File(path) as file:
        times, x = file["acquisition/Position/x/timestamps"][:], file["acquisition/Position/x/data"][:]
    observed = np.isfinite(column(session, "x"))
    assert not observed[: int(times[0] / 0.1)].any()  # the animal slept, untracked
    assert observed[int(times[0] / 0.1) :].all()
    for k in (6800, 9000, 11994):
        assert column(session, "x")[k] == np.float32(x[times < (k + 1) * 0.1][-1])
    radius = column(session, "ry_sin") ** 2 + column(session, "ry_cos") ** 2
    np.testing.assert_allclose(radius[observed], 1, rtol=1e-5)
