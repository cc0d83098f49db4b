import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
from hdmf.build import BuildManager
from nwb_files import WIDTH, behavior, clock, column, read_one, units, write
from pynwb import NWBFile, TimeSeries, get_type_map
from pynwb.behavior import BehavioralTimeSeries, CompassDirection, Position, SpatialSeries
from pynwb.spec import NWBDatasetSpec, NWBGroupSpec, NWBNamespaceBuilder

from synapsnet.data.readers._nwb import series


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


def test_each_series_has_a_rate_of_its_own_and_is_read_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    pupil = TimeSeries(name="pupil", data=rng.normal(size=(150, 2)), unit="px", rate=30.0)
    wheel = TimeSeries(name="wheel", data=rng.normal(size=5000).cumsum(), unit="cm", rate=1000.0, conversion=2.0)
    path = write(tmp_path / "x.nwb", units([clock(100)]), behavior(pupil, wheel))
    monkeypatch.setattr(series, "_BLOCK_VALUES", 64)
    session = read_one(path)
    assert session.behavior_names == ("pupil_0", "pupil_1", "wheel")
    last = np.floor((np.arange(1, 101) * WIDTH - 1e-7) * 30).astype(int)
    np.testing.assert_allclose(column(session, "pupil_1"), pupil.data[last, 1], rtol=1e-6)
    np.testing.assert_allclose(column(session, "wheel"), 2 * wheel.data[49::50], rtol=1e-6)


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

    session = read_one(write(tmp_path / "x.nwb", units([clock(40)]), behavior(position, container=Position), acquired))
    assert session.behavior_names == ("acquisition_place", "behavior_Position_place_0", "behavior_Position_place_1")
    np.testing.assert_allclose(column(session, "behavior_Position_place_1"), xy[:, 1] * 0.01, rtol=1e-5)


def test_raw_and_damaged_series_are_passed_over_with_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def acquired(nwbfile: NWBFile) -> None:
        for name, data, rate in (
            ("channels", np.zeros((40, 33)), 20.0),
            ("movie", np.zeros((40, 2, 2)), 20.0),
            ("voltage", np.zeros(6000), 3000.0),
            ("words", np.array(["a", "b"]), 20.0),
            ("speed", np.arange(40.0), 20.0),
        ):
            nwbfile.add_acquisition(TimeSeries(name=name, data=data, unit="a.u.", rate=rate))
        bad = TimeSeries(name="short", data=np.zeros(9), unit="a.u.", timestamps=np.arange(9.0))
        nwbfile.add_acquisition(bad)
        bad.fields["timestamps"] = np.arange(8.0)

    session = read_one(write(tmp_path / "x.nwb", units([clock(40)]), acquired))
    assert session.behavior_names == ("speed",)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "behavior series acquisition/channels is skipped: shape (40, 33); behavior has at most 32 columns",
        "behavior series acquisition/movie is skipped: shape (40, 2, 2); behavior has at most 32 columns",
        "behavior series acquisition/short is skipped: series 'short' has 9 samples but timestamps of shape (8,)",
        "behavior series acquisition/voltage is skipped: raw data, faster than 2000 Hz",
        "behavior series acquisition/words is skipped: could not convert string to float: 'a'",
    ]


@pytest.mark.filterwarnings("ignore::hdmf.build.warnings.MissingRequiredBuildWarning")  # EyeTracking has grown stricter
def test_the_area_of_a_tracked_pupil_comes_with_its_center(tmp_path: Path) -> None:
    """From the extension that the Allen Institute writes, whose specification is in the file and nowhere else."""
    ellipse = NWBGroupSpec(
        neurodata_type_def="EllipseSeries",
        neurodata_type_inc="SpatialSeries",
        doc="ellipse",
        datasets=[NWBDatasetSpec(name="area", dtype="float", doc="area", shape=(None,))],
    )
    tracking = NWBGroupSpec(
        neurodata_type_def="EllipseEyeTracking",
        neurodata_type_inc="EyeTracking",
        name="EyeTracking",
        doc="eye",
        groups=[
            NWBGroupSpec(name="pupil_tracking", neurodata_type_inc="EllipseSeries", doc="pupil"),
            NWBGroupSpec(name="likely_blink", neurodata_type_inc="TimeSeries", doc="blinks"),
        ],
    )
    builder = NWBNamespaceBuilder("eye", "ndx-ellipse-eye-tracking", version="0.1.0")
    builder.include_type("SpatialSeries", namespace="core")
    builder.include_type("EyeTracking", namespace="core")
    builder.include_type("TimeSeries", namespace="core")
    builder.add_spec("eye.extensions.yaml", ellipse)
    builder.add_spec("eye.extensions.yaml", tracking)
    builder.export("eye.namespace.yaml", outdir=str(tmp_path))
    path = tmp_path / "x.nwb"
    type_map = get_type_map()  # a copy: the reader gets to know no more than the file says
    type_map.load_namespaces(str(tmp_path / "eye.namespace.yaml"))
    center, area = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40.0)
    types = {
        name: type_map.get_dt_container_cls(name, "ndx-ellipse-eye-tracking")
        for name in ("EllipseSeries", "EllipseEyeTracking")
    }
    pupil = types["EllipseSeries"](
        name="pupil_tracking", data=center, reference_frame="camera", unit="pixels", rate=1 / WIDTH, area=area
    )
    blink = TimeSeries(name="likely_blink", data=np.arange(40) % 2 == 0, unit="N/A", rate=1 / WIDTH)

    def acquired(nwbfile: NWBFile) -> None:
        nwbfile.add_acquisition(types["EllipseEyeTracking"](pupil_tracking=pupil, likely_blink=blink))

    write(path, units([clock(40)]), acquired, manager=BuildManager(type_map))
    session = read_one(path)
    assert session.behavior_names == ("likely_blink", "pupil_tracking_0", "pupil_tracking_1", "pupil_tracking_area")
    np.testing.assert_allclose(column(session, "pupil_tracking_1"), center[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(column(session, "pupil_tracking_area"), area)
    np.testing.assert_array_equal(column(session, "likely_blink"), np.arange(40) % 2 == 0)


def test_raw_data_takes_no_memory_before_it_is_passed_over(tmp_path: Path) -> None:
    """Of an hour at 30 kHz, the times alone would be a gigabyte."""

    def acquired(nwbfile: NWBFile) -> None:
        nwbfile.add_acquisition(TimeSeries(name="sync", data=np.zeros(9, dtype=np.int8), unit="V", rate=30000.0))

    path = write(tmp_path / "x.nwb", units([clock(40)]), acquired)
    with h5py.File(path, "r+") as file:
        attributes = dict(file["acquisition/sync/data"].attrs)
        del file["acquisition/sync/data"]
        data = file.create_dataset("acquisition/sync/data", (10_000_000,), np.int8, chunks=(1_000_000,))
        data.attrs.update(attributes)
    read_one(path)  # what is imported on the way is not counted
    tracemalloc.start()
    try:
        assert read_one(path).behavior_names == ()
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_what_is_infinite_is_not_measured_and_a_clock_is_no_behavior(tmp_path: Path) -> None:
    times = np.arange(40) * WIDTH
    gain = np.where(np.arange(40) % 4 == 0, np.inf, 1.0)
    path = write(
        tmp_path / "x.nwb",
        units([clock(40)]),
        behavior(
            TimeSeries(name="frames", data=times, unit="s", timestamps=times),
            TimeSeries(name="gain", data=gain, unit="a.u.", timestamps=times),
        ),
    )
    session = read_one(path)
    assert session.behavior_names == ("gain",)
    np.testing.assert_array_equal(column(session, "gain"), np.where(np.isinf(gain), np.nan, gain))
