import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.behavior import BehavioralTimeSeries, CompassDirection, Position, SpatialSeries
from pynwb.ophys import DfOverF, Fluorescence, ImageSegmentation, OpticalChannel

from synapsnet.data.readers import read_sessions
from synapsnet.errors import UserError
from synapsnet.session import Session

WIDTH = 0.05


def write(path: Path, *parts: Callable[[NWBFile], None]) -> Path:
    nwbfile = NWBFile(
        session_description="reaching", identifier="x", session_start_time=datetime(2024, 1, 1, tzinfo=UTC)
    )
    for part in parts:
        part(nwbfile)
    with NWBHDF5IO(str(path), mode="w") as io:
        io.write(nwbfile)
    return path


def units(trains: list[np.ndarray], **more: list[np.ndarray]) -> Callable[[NWBFile], None]:
    def add(nwbfile: NWBFile) -> None:
        for number, train in enumerate(trains):
            nwbfile.add_unit(id=10 + number, spike_times=train, **{key: value[number] for key, value in more.items()})

    return add


def clock(n_samples: int) -> np.ndarray:
    """One unit that fires in each of the first bins."""
    return (np.arange(n_samples) + 0.5) * WIDTH


def behavior(*series: TimeSeries, container: type | None = None) -> Callable[[NWBFile], None]:
    def add(nwbfile: NWBFile) -> None:
        module = nwbfile.create_processing_module(name="behavior", description="behavior")
        if container is None:
            for one in series:
                module.add(one)
        elif container is BehavioralTimeSeries:
            module.add(BehavioralTimeSeries(time_series=list(series)))
        else:
            module.add(container(spatial_series=list(series)))

    return add


def rois(activity: np.ndarray, kind: type = DfOverF, name: str | None = None, **timing: object) -> Callable:
    def add(nwbfile: NWBFile) -> None:
        if "ophys" not in nwbfile.processing:
            module = nwbfile.create_processing_module(name="ophys", description="ophys")
            device = nwbfile.create_device(name="microscope")
            channel = OpticalChannel(name="channel", description="green", emission_lambda=510.0)
            plane = nwbfile.create_imaging_plane(
                name="plane", optical_channel=channel, description="plane", device=device, excitation_lambda=920.0,
                indicator="GCaMP6s", location="VISp",
            )  # fmt: skip
            segmentation = ImageSegmentation()
            module.add(segmentation)
            table = segmentation.create_plane_segmentation(
                name="PlaneSegmentation", description="cells", imaging_plane=plane
            )
            for number in range(activity.shape[1]):
                table.add_roi(id=100 + number, image_mask=np.ones((2, 2)))
        module = nwbfile.processing["ophys"]
        table = module["ImageSegmentation"]["PlaneSegmentation"]
        region = table.create_roi_table_region(description="all", region=list(range(activity.shape[1]))[::-1])
        container = kind(name=name or kind.__name__)
        module.add(container)
        container.create_roi_response_series(
            name="RoiResponseSeries", data=activity, unit="lumens", rois=region, **timing
        )

    return add


def read_one(path: Path, bin_width_s: float | None = WIDTH) -> Session:
    (session,) = read_sessions(path, bin_width_s=bin_width_s)
    return session


def column(session: Session, name: str) -> np.ndarray:
    assert session.behavior is not None
    return session.behavior[:, session.behavior_names.index(name)]


def test_known_counts_come_back_to_the_last_spike(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    counts = rng.poisson(0.5, (400, 5))
    counts[:, 3] = 0  # a silent unit stays
    counts[-1, 0] = 2
    trains = []
    for unit in counts.T:
        bins = np.repeat(np.arange(400), unit)
        offsets = np.where(rng.random(len(bins)) < 0.3, 0.0, rng.random(len(bins)) * 0.999)
        trains.append(np.sort((bins + offsets) * WIDTH))
    session = read_one(write(tmp_path / "mouse.nwb", units(trains)))
    np.testing.assert_array_equal(session.activity, counts)
    assert session.unit_ids == ("10", "11", "12", "13", "14")
    assert (session.session_id, session.signal, session.bin_width_s) == ("mouse", "spikes", WIDTH)
    assert session.segments.tolist() == [[0, 400]]
    assert session.behavior_names == ()
    assert session.meta == {"file": "mouse.nwb", "format": "nwb", "task": "reaching"}


def test_intervals_of_observation_are_segments(tmp_path: Path) -> None:
    train = clock(100)
    shared = np.array([[0.02, 1.0], [2.0, 3.01]])
    path = write(tmp_path / "x.nwb", units([train, train[::2]], obs_intervals=[shared, shared]))
    assert read_one(path).segments.tolist() == [[1, 20], [40, 60]]
    other = write(tmp_path / "y.nwb", units([train, train[::2]], obs_intervals=[shared, shared[:1]]))
    assert read_one(other).segments.tolist() == [[0, 100]]


def test_behavior_already_on_the_bins_is_unchanged(tmp_path: Path) -> None:
    speed = np.random.default_rng(0).normal(size=50)
    by_rate = TimeSeries(name="speed", data=speed, unit="m/s", rate=1 / WIDTH, starting_time=0.0)
    by_time = TimeSeries(name="again", data=speed, unit="m/s", timestamps=np.arange(50) * WIDTH)
    session = read_one(write(tmp_path / "x.nwb", units([clock(50)]), behavior(by_rate, by_time)))
    assert session.behavior_names == ("again", "speed")
    for name in session.behavior_names:
        np.testing.assert_allclose(column(session, name), speed, rtol=1e-6)


def test_a_bin_knows_nothing_from_its_end_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 5, 600))
    times[::50] = np.round(times[::50] / WIDTH) * WIDTH  # some on an edge
    times = np.unique(times)
    value = rng.normal(size=len(times))
    cut = 2.0

    def resampled(name: str, values: np.ndarray) -> np.ndarray:
        series = TimeSeries(name="speed", data=values, unit="m/s", timestamps=times)
        path = write(tmp_path / name, units([clock(100)]), behavior(series, container=BehavioralTimeSeries))
        return column(read_one(path), "speed")

    before = resampled("a.nwb", value)
    after = resampled("b.nwb", np.where(times >= cut, value + 100, value))
    edge = round(cut / WIDTH)
    np.testing.assert_array_equal(before[:edge], after[:edge])
    assert (before[edge:] != after[edge:]).all()
    for k in (3, 20, 77):
        inside = times < (k + 1) * WIDTH - 1e-6
        assert before[k] == np.float32(value[inside][-1])


def test_not_measured_is_nan(tmp_path: Path) -> None:
    times = np.r_[np.arange(1.0, 2.0, 0.01), np.arange(4.0, 5.0, 0.01)]
    series = TimeSeries(name="speed", data=np.ones(len(times)), unit="m/s", timestamps=times)
    speed = column(read_one(write(tmp_path / "x.nwb", units([clock(100)]), behavior(series))), "speed")
    measured = np.zeros(100, dtype=bool)
    measured[20:41] = True  # the sample at 1.99 s stands for ten periods of 10 ms, so for the bin that ends at 2.05 s
    measured[80:] = True
    np.testing.assert_array_equal(np.isfinite(speed), measured)


def test_angles_become_sine_and_cosine(tmp_path: Path) -> None:
    angle = np.linspace(0, 6 * np.pi, 60) % (2 * np.pi)
    heading = SpatialSeries(name="heading", data=angle, reference_frame="north", unit="radians", rate=1 / WIDTH)
    turning = SpatialSeries(name="turning", data=angle, reference_frame="north", unit="radians/s", rate=1 / WIDTH)
    path = write(tmp_path / "x.nwb", units([clock(60)]), behavior(heading, turning, container=CompassDirection))
    session = read_one(path)
    assert session.behavior_names == ("heading_sin", "heading_cos", "turning")
    np.testing.assert_allclose(column(session, "heading_sin"), np.sin(angle), atol=1e-6)
    np.testing.assert_allclose(column(session, "heading_cos"), np.cos(angle), atol=1e-6)


def test_columns_units_and_equal_names(tmp_path: Path) -> None:
    xy = np.random.default_rng(0).normal(size=(40, 2))
    position = SpatialSeries(
        name="place", data=xy, reference_frame="corner", unit="meters", conversion=0.01, rate=1 / WIDTH
    )

    def acquired(nwbfile: NWBFile) -> None:
        nwbfile.add_acquisition(TimeSeries(name="place", data=np.arange(40.0), unit="a.u.", rate=1 / WIDTH))
        nwbfile.add_acquisition(TimeSeries(name="movie", data=np.zeros((40, 2, 2)), unit="a.u.", rate=1 / WIDTH))

    session = read_one(write(tmp_path / "x.nwb", units([clock(40)]), behavior(position, container=Position), acquired))
    assert session.behavior_names == ("acquisition_place", "behavior_Position_place_0", "behavior_Position_place_1")
    np.testing.assert_allclose(column(session, "behavior_Position_place_1"), xy[:, 1] * 0.01, rtol=1e-5)


@pytest.mark.parametrize("timed_by", ["rate", "timestamps"])
def test_roi_responses_keep_their_frames(tmp_path: Path, timed_by: str) -> None:
    activity = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    times = 0.5 + np.arange(30) * 0.1
    timing = {"rate": 10.0, "starting_time": 0.5} if timed_by == "rate" else {"timestamps": times}
    speed = TimeSeries(name="speed", data=np.arange(30.0), unit="m/s", timestamps=times)
    session = read_one(write(tmp_path / "x.nwb", rois(activity, **timing), behavior(speed)))
    np.testing.assert_array_equal(session.activity, activity)
    assert (session.session_id, session.signal, session.bin_width_s) == ("x", "calcium", 0.1)
    assert session.unit_ids == ("103", "102", "101", "100")
    assert session.segments.tolist() == [[0, 30]]
    np.testing.assert_array_equal(column(session, "speed"), np.arange(30))
    assert session.meta["region"] == "VISp"


def test_segments_are_cut_where_frames_are_missing(tmp_path: Path) -> None:
    times = np.r_[np.arange(10) * 0.1, 2 + np.arange(5) * 0.1, 2.6 + np.arange(5) * 0.1]
    session = read_one(write(tmp_path / "x.nwb", rois(np.ones((20, 2)), timestamps=times)))
    assert session.segments.tolist() == [[0, 10], [10, 15], [15, 20]]


def test_df_over_f_before_fluorescence_before_neuropil(tmp_path: Path) -> None:
    def values(n: float) -> np.ndarray:
        return np.full((20, 2), n)

    both = write(
        tmp_path / "a.nwb", rois(values(1), Fluorescence, rate=10.0), rois(values(2), DfOverF, "aligned", rate=10.0)
    )
    assert read_one(both).activity[0, 0] == 2
    raw = write(
        tmp_path / "b.nwb",
        rois(values(3), Fluorescence, "Deconvolved", rate=10.0),
        rois(values(4), Fluorescence, rate=10.0),
        rois(values(5), Fluorescence, "Neuropil", rate=10.0),
    )
    assert read_one(raw).activity[0, 0] == 4


def test_planes_of_one_container_are_sessions(tmp_path: Path) -> None:
    def second_plane(nwbfile: NWBFile) -> None:
        module = nwbfile.processing["ophys"]
        table = module["ImageSegmentation"]["PlaneSegmentation"]
        module["DfOverF"].create_roi_response_series(
            name="deeper",
            data=np.full((8, 1), 7.0),
            unit="n.a.",
            rois=table.create_roi_table_region(description="one", region=[1]),
            rate=5.0,
        )

    path = write(tmp_path / "x.nwb", rois(np.ones((20, 2)), rate=10.0), second_plane)
    first, deeper = read_sessions(path, bin_width_s=None)
    assert (first.session_id, first.activity.shape) == ("x-RoiResponseSeries", (20, 2))
    assert (deeper.session_id, deeper.unit_ids, deeper.bin_width_s) == ("x-deeper", ("101",), 0.2)


def test_units_and_rois_are_two_sessions(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nwb", units([clock(20)]), rois(np.ones((20, 2)), rate=10.0))
    found = read_sessions(path, bin_width_s=WIDTH)
    assert [(session.session_id, session.signal) for session in found] == [
        ("x-spikes", "spikes"),
        ("x-calcium", "calcium"),
    ]


def test_nothing_to_forecast(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nwb", behavior(TimeSeries(name="speed", data=np.ones(9), unit="m/s", rate=1.0)))
    with pytest.raises(UserError, match=r"x\.nwb: this NWB file has no units with spike times and no RoiResponse"):
        read_sessions(path, bin_width_s=WIDTH)


@pytest.mark.parametrize("times", [[0.0, 0.1, 0.05], [0.0, 0.1, np.nan], [0.0]])
def test_frames_out_of_order(tmp_path: Path, times: list[float]) -> None:
    path = write(tmp_path / "x.nwb", rois(np.ones((len(times), 2)), timestamps=np.array(times)))
    with pytest.raises(UserError, match=r"x\.nwb: series 'RoiResponseSeries' needs two frames or more"):
        read_sessions(path, bin_width_s=WIDTH)


def test_missing_values_in_rois(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nwb", rois(np.full((9, 2), np.nan), rate=10.0))
    with pytest.raises(UserError, match=r"x\.nwb: session 'x': activity has 18 NaN"):
        read_sessions(path, bin_width_s=WIDTH)


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


def test_real_imaging(recordings: Path) -> None:
    path = recordings / "nwb" / "A0634-210127.nwb"
    session = read_one(path)
    with h5py.File(path) as file:
        data = file["processing/ophys/Fluorescence/RoiResponseSeries/data"][:]
    np.testing.assert_array_equal(session.activity, data.astype(np.float32))
    assert (session.session_id, session.signal) == ("A0634-210127", "calcium")
    assert session.bin_width_s == pytest.approx(1 / 30, rel=1e-4)
    assert session.segments.tolist() == [[0, 35743]]


def test_real_sorted_units_or_a_clear_refusal(recordings: Path) -> None:
    """The copy of this file at hand came without its units table; one with it must read to the last spike."""
    path = recordings / "nwb" / "A2929-200711.nwb"
    with h5py.File(path) as file:
        n_spikes = len(file["units/spike_times"]) if "units" in file else 0
    if n_spikes:
        assert read_one(path).activity.sum() == n_spikes
    else:
        with pytest.raises(UserError, match=r"A2929-200711\.nwb: this NWB file has no units"):
            read_one(path)


def test_real_behavior_of_other_software(recordings: Path, tmp_path: Path) -> None:
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
    session = read_one(path, 0.1)
    assert session.behavior_names == ("rx_sin", "rx_cos", "ry_sin", "ry_cos", "rz_sin", "rz_cos", "x", "y", "z")
    assert session.meta["species"] == "mus musculus"
    with h5py.File(path) as file:
        times, x = file["acquisition/Position/x/timestamps"][:], file["acquisition/Position/x/data"][:]
    observed = np.isfinite(column(session, "x"))
    assert not observed[: int(times[0] / 0.1)].any()  # the animal slept, untracked
    assert observed[int(times[0] / 0.1) :].all()
    for k in (6800, 9000, 11994):
        assert column(session, "x")[k] == np.float32(x[times < (k + 1) * 0.1][-1])
    radius = column(session, "ry_sin") ** 2 + column(session, "ry_cos") ** 2
    np.testing.assert_allclose(radius[observed], 1, rtol=1e-5)


def test_units_lie_where_their_electrodes_do(tmp_path: Path) -> None:
    def electrodes(nwbfile: NWBFile) -> None:
        device = nwbfile.create_device(name="probe")
        group = nwbfile.create_electrode_group(name="shank", description="shank", location="brain", device=device)
        for x, place in ((10.0, "V1"), (30.0, "V1"), (50.0, "LM")):
            nwbfile.add_electrode(x=x, y=np.nan, z=2 * x, location=place, group=group)

    trains = [clock(5), clock(4), clock(4), clock(3)]  # the third is a copy of the second, and dropped
    path = write(tmp_path / "x.nwb", electrodes, units(trains, electrodes=[[0, 1, 2], [2], [0], []]))
    (session,) = read_sessions(path, bin_width_s=WIDTH)
    assert session.unit_ids == ("10", "11", "13")
    assert sorted(session.unit_table) == ["region", "x_um", "z_um"]
    assert session.unit_table["region"].tolist() == ["V1", "LM", ""]
    np.testing.assert_allclose(session.unit_table["x_um"], [30, 50, np.nan])
    np.testing.assert_allclose(session.unit_table["z_um"], [60, 100, np.nan])


def test_rois_lie_in_their_plane(tmp_path: Path) -> None:
    def spaced(nwbfile: NWBFile) -> None:
        activity = np.random.default_rng(0).normal(size=(20, 2))
        rois(activity, rate=10.0)(nwbfile)
        table = nwbfile.processing["ophys"]["ImageSegmentation"]["PlaneSegmentation"]
        mask = np.zeros((4, 6))
        mask[3, 4:6] = 1
        table["image_mask"].data[0] = mask
        table["image_mask"].data[1] = np.zeros((4, 6))
        table.imaging_plane.fields["grid_spacing"] = [2e-6, 3e-6]

    (session,) = read_sessions(write(tmp_path / "x.nwb", spaced), bin_width_s=None)
    assert session.unit_ids == ("101", "100")
    assert session.unit_table["region"].tolist() == ["VISp", "VISp"]
    np.testing.assert_allclose(session.unit_table["x_um"], [np.nan, 6.0])
    np.testing.assert_allclose(session.unit_table["y_um"], [np.nan, 13.5])
