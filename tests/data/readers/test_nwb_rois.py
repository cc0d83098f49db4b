from pathlib import Path

import numpy as np
import pytest
from nwb_files import WIDTH, behavior, clock, column, read_one, rois, units, write
from pynwb import NWBFile, TimeSeries
from pynwb.ophys import DfOverF, Fluorescence

from synapsnet.data.readers import read_sessions
from synapsnet.data.readers._nwb import series
from synapsnet.errors import UserError


def traces(n_frames: int = 20, n_rois: int = 2) -> np.ndarray:
    return np.random.default_rng(n_rois).normal(size=(n_frames, n_rois)).astype(np.float32)


@pytest.mark.parametrize("timed_by", ["rate", "timestamps"])
def test_roi_responses_keep_their_frames(tmp_path: Path, timed_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "_BLOCK_VALUES", 12)  # three frames, or one mask
    activity = traces(30, 4)
    times = 0.5 + np.arange(30) * 0.1
    timing = {"rate": 10.0, "starting_time": 0.5} if timed_by == "rate" else {"timestamps": times}
    speed = TimeSeries(name="speed", data=np.arange(30.0), unit="m/s", timestamps=times)
    session = read_one(write(tmp_path / "x.nwb", rois(activity, **timing), behavior(speed)))
    np.testing.assert_array_equal(session.activity, activity)
    assert session.activity.dtype == np.float32
    assert (session.session_id, session.signal, session.bin_width_s) == ("x", "calcium", 0.1)
    assert session.unit_ids == ("103", "102", "101", "100")
    assert session.segments.tolist() == [[0, 30]]
    np.testing.assert_array_equal(column(session, "speed"), np.arange(30))
    assert (session.meta["region"], session.meta["series"]) == ("VISp", "RoiResponseSeries")
    assert session.unit_table["plane"].tolist() == ["plane"] * 4


def test_values_come_in_the_unit_of_the_series(tmp_path: Path) -> None:
    stored = np.arange(40, dtype=np.int16).reshape(20, 2)
    session = read_one(write(tmp_path / "x.nwb", rois(stored, rate=10.0, conversion=0.5, offset=1.0)))
    np.testing.assert_array_equal(session.activity, stored * 0.5 + 1)


def test_segments_are_cut_where_the_clock_jumps_or_goes_backwards(tmp_path: Path) -> None:
    times = np.r_[np.arange(10) * 0.1, 2 + np.arange(5) * 0.1, 2.6 + np.arange(5) * 0.1, np.arange(5) * 0.1]
    session = read_one(write(tmp_path / "x.nwb", rois(traces(25), timestamps=times)))
    assert session.segments.tolist() == [[0, 10], [10, 15], [15, 20], [20, 25]]


def test_frames_without_a_value_end_segments_and_rois_without_most_values_are_dropped(tmp_path: Path) -> None:
    activity = traces(30, 3)
    activity[:20, 0] = np.nan
    activity[7:9, 1] = np.nan
    session = read_one(write(tmp_path / "x.nwb", rois(activity, rate=10.0)))
    assert session.unit_ids == ("101", "100")
    assert session.segments.tolist() == [[0, 7], [9, 30]]
    assert session.meta["dropped"] == {"without more than 20% of the frames": ["102"]}
    np.testing.assert_array_equal(session.activity[9:], activity[9:, 1:])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("iscell", [[1.0, 0.9], [0.0, 0.2], [1.0, 0.8]]),  # suite2p
        ("Accepted", [1, 0, 1]),  # NeuroConv
        ("Rejected", [0, 1, 0]),
        ("valid_roi", [True, False, True]),  # Allen Institute
    ],
)
def test_rejected_rois_are_dropped_by_name(tmp_path: Path, name: str, values: list[object]) -> None:
    activity = traces(20, 3)
    session = read_one(write(tmp_path / "x.nwb", rois(activity, rate=10.0, columns={name: values})))
    assert session.unit_ids == ("102", "100")
    np.testing.assert_array_equal(session.activity, activity[:, [0, 2]])
    assert session.meta["dropped"] == {"rejected by the segmentation": ["101"]}


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
    one_container = write(
        tmp_path / "c.nwb",
        rois(values(6), Fluorescence, series="Deconvolved", rate=10.0),
        rois(values(7), Fluorescence, series="Neuropil", rate=10.0),
        rois(values(8), Fluorescence, rate=10.0),
    )
    assert read_one(one_container).activity[0, 0] == 8


def test_a_choice_between_series_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two colors, or two runs: names do not tell which one is meant, and the other would be missed by no one."""
    green, red = traces(20, 2), traces(20, 2)
    neuropil = rois(red, Fluorescence, "Neuropil", rate=10.0)
    path = write(
        tmp_path / "x.nwb", neuropil, rois(red, series="red", rate=10.0), rois(green, series="green", rate=10.0)
    )
    session = read_one(path)
    np.testing.assert_array_equal(session.activity, green)
    assert session.meta["series"] == "green"
    assert [record.getMessage() for record in caplog.records] == [
        "plane plane: using DfOverF/green, and not DfOverF/red"
    ]
    caplog.clear()
    read_one(write(tmp_path / "y.nwb", neuropil, rois(green, series="green", rate=10.0)))
    assert not caplog.records


def test_planes_scanned_together_are_one_session(tmp_path: Path) -> None:
    upper, deeper = traces(30, 2), traces(30, 3)
    late = np.arange(30) * 0.1 + 0.03
    late[20:] += 1.0
    early = np.arange(30) * 0.1
    early[20:] += 1.0
    path = write(
        tmp_path / "x.nwb",
        rois(upper, plane="upper", timestamps=late, columns={"Accepted": [0, 1]}),
        rois(deeper, plane="deeper", series="deeper_traces", timestamps=early, spacing=[1e-6, 1e-6]),
        behavior(TimeSeries(name="speed", data=np.arange(45.0), unit="m/s", rate=10.0)),
    )
    session = read_one(path)
    assert session.session_id == "x"
    assert session.unit_ids == ("deeper-102", "deeper-101", "deeper-100", "upper-101")
    np.testing.assert_array_equal(session.activity, np.concatenate([deeper, upper[:, :1]], axis=1))
    assert session.unit_table["plane"].tolist() == ["deeper"] * 3 + ["upper"]
    np.testing.assert_array_equal(session.unit_table["x_um"], [0.5, 0.5, 0.5, np.nan])
    assert session.segments.tolist() == [[0, 20], [20, 30]]
    # Behavior of a bin is from before the plane that is scanned first.
    np.testing.assert_array_equal(column(session, "speed"), np.r_[np.arange(20), np.arange(30, 40)])
    assert session.meta["dropped"] == {"rejected by the segmentation": ["upper-100"]}
    assert session.meta["series"] == "deeper_traces, RoiResponseSeries"


@pytest.mark.parametrize("offsets", [(0.0, 0.05), (0.05, 0.0)])
def test_a_frame_knows_nothing_after_its_first_plane(tmp_path: Path, offsets: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    times, value = np.sort(rng.uniform(0, 8, 900)), rng.normal(size=900)
    times[times.searchsorted(3.0)] = 3.0  # as the frame is taken, which it may know

    def resampled(name: str, values: np.ndarray) -> np.ndarray:
        speed = TimeSeries(name="speed", data=values, unit="m/s", timestamps=times)
        planes = [
            rois(traces(60), plane=f"plane{k}", series=f"of{k}", rate=10.0, starting_time=1.0 + offset)
            for k, offset in enumerate(offsets)
        ]
        return column(read_one(write(tmp_path / name, *planes, behavior(speed))), "speed")

    before = resampled("a.nwb", value)
    after = resampled("b.nwb", np.where(times > 3.0, value + 100, value))
    np.testing.assert_array_equal(before[:21], after[:21])
    assert (before[21:] != after[21:]).all()
    assert before[20] == np.float32(value[times == 3.0][-1])


@pytest.mark.parametrize("timing", [{"rate": 5.0}, {"rate": 10.0, "starting_time": 0.1}])
def test_planes_of_their_own_time_are_sessions(tmp_path: Path, timing: dict[str, float]) -> None:
    upper, deeper = traces(20, 2), traces(20, 1)
    path = write(
        tmp_path / "x.nwb",
        rois(upper, plane="upper", rate=10.0),
        rois(deeper, plane="deeper", series="more", **timing),
    )
    first, second = read_sessions(path, bin_width_s=None)
    assert (first.session_id, first.unit_ids, first.bin_width_s) == ("x-deeper", ("100",), 1 / timing["rate"])
    assert (second.session_id, second.activity.shape, second.meta["series"]) == (
        "x-upper",
        (20, 2),
        "RoiResponseSeries",
    )


def test_units_and_rois_are_two_sessions(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nwb", units([clock(20)]), rois(traces(), rate=10.0))
    found = read_sessions(path, bin_width_s=WIDTH)
    assert [(session.session_id, session.signal) for session in found] == [
        ("x-spikes", "spikes"),
        ("x-calcium", "calcium"),
    ]


def test_rois_lie_in_their_plane(tmp_path: Path) -> None:
    mask = np.zeros((4, 6))
    mask[3, 4:6] = 1
    part = rois(traces(), rate=10.0, masks={"image_mask": [mask, np.zeros((4, 6))]}, spacing=[2e-6, 3e-6])
    (session,) = read_sessions(write(tmp_path / "x.nwb", part), bin_width_s=None)
    assert session.unit_ids == ("101", "100")
    assert session.unit_table["region"].tolist() == ["VISp", "VISp"]
    np.testing.assert_allclose(session.unit_table["x_um"], [np.nan, 6.0])
    np.testing.assert_allclose(session.unit_table["y_um"], [np.nan, 13.5])


def test_every_kind_of_mask_gives_the_same_centroids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    images = [rng.random((8, 9)) * (rng.random((8, 9)) < 0.2) for _ in range(5)]
    sparse = [[(x, y, image[x, y]) for x, y in np.argwhere(image)] for image in images]
    voxels = [[(x, y, 3, weight) for x, y, weight in pixels] for pixels in sparse]
    expected = [
        np.average([(x, y) for x, y, _ in pixels], axis=0, weights=[w for *_, w in pixels]) for pixels in sparse
    ]
    monkeypatch.setattr(series, "_BLOCK_VALUES", 150)  # two masks
    for kind, masks in (("image_mask", images), ("pixel_mask", sparse), ("voxel_mask", voxels)):
        part = rois(traces(20, 5), rate=10.0, masks={kind: masks}, spacing=[2e-6, 2e-6, 5e-6])
        table = read_one(write(tmp_path / f"{kind}.nwb", part)).unit_table
        found = np.stack([table["x_um"], table["y_um"]], axis=1)[::-1] / 2
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert ("z_um" in table) == (kind == "voxel_mask")
    np.testing.assert_allclose(table["z_um"], 15)
    unscaled = read_one(
        write(tmp_path / "y.nwb", rois(traces(20, 5), rate=10.0, masks={"pixel_mask": sparse}))
    ).unit_table
    np.testing.assert_allclose(unscaled["y_px"][::-1], np.array(expected)[:, 1], rtol=1e-6)
    assert "y_um" not in unscaled


@pytest.mark.parametrize(
    ("activity", "options", "problem"),
    [
        (np.ones((3, 2)), {"timestamps": np.array([0.0, 0.1, np.nan])}, "has 1 timestamps that are NaN or infinite"),
        (np.ones((1, 2)), {"timestamps": np.zeros(1)}, "has 1 frames; two or more are needed"),
        (np.ones((3, 2)), {"timestamps": np.zeros(3)}, "has timestamps that do not ascend"),
        (np.full((9, 2), np.nan), {"rate": 10.0}, "every unit lacks more than 20% of its values"),
        (np.ones((9, 2)), {"rate": 10.0, "columns": {"iscell": [0, 0]}}, "has 2 ROIs, but none is accepted"),
    ],
)
def test_what_cannot_be_forecast(
    tmp_path: Path, activity: np.ndarray, options: dict[str, object], problem: str
) -> None:
    path = write(tmp_path / "x.nwb", rois(activity, **options))
    with pytest.raises(UserError, match=rf"x\.nwb: .*{problem}"):
        read_one(path)


def test_traces_of_another_shape_than_their_rois(tmp_path: Path) -> None:
    def shortened(nwbfile: NWBFile) -> None:
        rois(np.ones((9, 3)), rate=10.0)(nwbfile)
        series = nwbfile.processing["ophys"]["DfOverF"]["RoiResponseSeries"]
        series.rois.data.pop()

    with pytest.raises(UserError, match=r"'RoiResponseSeries' has data of shape \(9, 3\); expected \[time, 2 ROIs\]"):
        read_one(write(tmp_path / "x.nwb", shortened))
