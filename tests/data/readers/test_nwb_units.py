from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nwb_files import WIDTH, behavior, clock, electrodes, intervals, read_one, units, write
from pynwb import NWBFile, TimeSeries
from pynwb.file import Subject

from synapsnet.data.readers import read_sessions
from synapsnet.data.readers._nwb import spikes
from synapsnet.data.readers._nwb.observed import covered, without


def test_known_counts_come_back_to_the_last_spike(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    counts = rng.poisson(0.5, (400, 5))
    counts[-1, 0] = 2
    trains = []
    for unit in counts.T:
        bins = np.repeat(np.arange(400), unit)
        offsets = np.where(rng.random(len(bins)) < 0.3, 0.0, rng.random(len(bins)) * 0.999)
        trains.append(np.sort((bins + offsets) * WIDTH))
    session = read_one(write(tmp_path / "mouse.nwb", units(trains)))
    np.testing.assert_array_equal(session.activity, counts)
    assert session.activity.dtype == np.uint8
    assert session.unit_ids == ("10", "11", "12", "13", "14")
    assert (session.session_id, session.signal, session.bin_width_s) == ("mouse", "spikes", WIDTH)
    assert session.segments.tolist() == [[0, 400]]
    assert session.behavior_names == ()
    assert dict(session.tasks) == {}
    assert session.meta == {"file": "mouse.nwb", "format": "nwb", "description": "reaching"}


def test_the_same_in_blocks_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    trains = [np.sort(rng.uniform(-1, 5, size)) for size in (7, 1, 0, 30, 12)]
    path = write(tmp_path / "x.nwb", units(trains))
    whole = read_one(path)
    for size in (1, 7, 8, 49, 50):
        monkeypatch.setattr(spikes, "_BLOCK", size)
        session = read_one(path)
        np.testing.assert_array_equal(session.activity, whole.activity)
        assert session.unit_ids == whole.unit_ids == ("10", "11", "13", "14")


def test_what_is_streamed_is_fetched_once(tmp_path: Path) -> None:
    """Spike times behind a file-like object are gone through again from a scratch file, with the same values."""
    path = write(tmp_path / "x.nwb", units([clock(9)]))
    with (
        path.open("rb") as stream,
        h5py.File(stream, "r") as file,
        spikes._at_hand(file["units/spike_times"]) as times,
    ):
        assert isinstance(times, np.memmap)
        np.testing.assert_array_equal(times, clock(9))


def test_units_without_spikes_and_copies_are_dropped_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trains = [clock(5), np.empty(0), clock(4), clock(5)[::-1], clock(1), clock(1)]
    session = read_one(write(tmp_path / "x.nwb", units(trains, quality=["good", "", "noise", "mua", "nan", "mua"])))
    assert session.unit_ids == ("10", "12", "14", "15")  # one spike in common may be chance
    assert session.meta["dropped"] == {"no spikes": ["11"], "exact copy of another unit": ["13"]}
    assert session.unit_table["quality"].tolist() == ["good", "noise", "", "mua"]
    assert len(caplog.records) == 2


def test_quality_goes_into_the_unit_table_whatever_a_lab_calls_it(tmp_path: Path) -> None:
    trains = [clock(5), clock(4)]
    path = write(
        tmp_path / "allen.nwb",
        units(trains, quality=["good", "noise"], isi_violations=[0.1, np.inf], amplitude_cutoff=[0.2, np.nan],
              presence_ratio=[1.0, 0.5], KSLabel=["mua", "mua"]),
    )  # fmt: skip
    table = read_one(path).unit_table
    assert sorted(table) == ["amplitude_cutoff", "isi_violations", "presence_ratio", "quality"]
    assert table["quality"].tolist() == ["good", "noise"]
    np.testing.assert_array_equal(table["isi_violations"], [0.1, np.nan])
    np.testing.assert_array_equal(table["amplitude_cutoff"], [0.2, np.nan])
    path = write(
        tmp_path / "other.nwb",
        units(trains, KSLabel=["good", "mua"], isi_violations_ratio=[0.3, 0.4], isi_violations_rate=[7.0, 8.0],
              brain_area=["ALM", ""], probe_name=["probe00", "probe01"], cell_type=["wide", "narrow"]),
    )  # fmt: skip
    table = read_one(path).unit_table
    assert sorted(table) == ["cell_type", "isi_violations", "probe", "quality", "region"]
    assert table["quality"].tolist() == ["good", "mua"]
    assert table["isi_violations"].tolist() == [0.3, 0.4]
    assert table["region"].tolist() == ["ALM", ""]


def test_units_lie_where_their_electrodes_do(tmp_path: Path) -> None:
    places = electrodes(["V1", "V1", "LM"], x=[10.0, 30.0, 50.0], y=[np.nan] * 3, z=[20.0, 60.0, 100.0], probes="aab")
    trains = [clock(5), clock(4), clock(4), clock(3)]  # the third is a copy of the second, and dropped
    session = read_one(write(tmp_path / "x.nwb", places, units(trains, electrodes=[[0, 1, 2], [2], [0], []])))
    assert session.unit_ids == ("10", "11", "13")
    assert sorted(session.unit_table) == ["probe", "region", "x_um", "z_um"]
    assert session.unit_table["region"].tolist() == ["V1", "LM", ""]
    assert session.unit_table["probe"].tolist() == ["a", "b", ""]
    assert session.meta["region"] == "LM, V1"
    np.testing.assert_allclose(session.unit_table["x_um"], [30, 50, np.nan])
    np.testing.assert_allclose(session.unit_table["z_um"], [60, 100, np.nan])


def test_units_lie_at_their_peak_channel(tmp_path: Path) -> None:
    """As the Allen Institute writes it: the id of an electrode, not its row."""
    places = electrodes(
        ["VISp", "VISl", "CA1"], ids=[850, 852, 860], probes=["probeA", "probeA", "probeB"],
        x=[9000.0, 9010.0, 7000.0], y=[1.0, 2.0, 3.0], z=[4.0, 5.0, 6.0],
    )  # fmt: skip
    path = write(tmp_path / "x.nwb", places, units([clock(5), clock(4), clock(3)], peak_channel_id=[860, 850, 777]))
    table = read_one(path).unit_table
    assert table["region"].tolist() == ["CA1", "VISp", ""]
    assert table["probe"].tolist() == ["probeB", "probeA", ""]
    np.testing.assert_array_equal(table["x_um"], [7000, 9000, np.nan])
    np.testing.assert_array_equal(table["z_um"], [6, 4, np.nan])


def test_a_unit_whose_peak_channel_is_not_known_lies_nowhere(tmp_path: Path) -> None:
    places = electrodes(["VISp", "VISl"], ids=[0, 1])
    path = write(tmp_path / "x.nwb", places, units([clock(5), clock(4)], peak_channel_id=[np.nan, 1.0]))
    assert read_one(path).unit_table["region"].tolist() == ["", "VISl"]


def test_positions_on_the_probe_where_those_in_the_brain_are_placeholders(tmp_path: Path) -> None:
    places = electrodes(
        ["V1", "V1"], x=[-1.0, -1.0], y=[-1.0, -1.0], z=[-1.0, -1.0], rel_x=[11.0, 43.0], rel_y=[20.0, 40.0]
    )
    table = read_one(write(tmp_path / "x.nwb", places, units([clock(5), clock(4)], electrodes=[[0], [1]]))).unit_table
    assert table["x_um"].tolist() == [11, 43]
    assert table["y_um"].tolist() == [20, 40]
    assert "z_um" not in table


def test_the_group_of_electrodes_of_a_unit_is_its_probe(tmp_path: Path) -> None:
    def grouped(nwbfile: NWBFile) -> None:
        groups = list(nwbfile.electrode_groups.values())
        units([clock(5), clock(4)], electrode_group=groups[::-1])(nwbfile)

    path = write(tmp_path / "x.nwb", electrodes(["V1", "V1"], probes=["shank1", "shank2"]), grouped)
    assert read_one(path).unit_table["probe"].tolist() == ["shank2", "shank1"]


def test_intervals_of_observation_of_all_units_are_segments(tmp_path: Path) -> None:
    train = clock(100)
    first = np.array([[0.02, 1.0], [2.0, 3.01], [4.0, 9.0]])
    second = np.array([[0.0, 0.9], [2.0, 2.5], [2.5, 3.2], [4.0, 5.0]])
    path = write(tmp_path / "x.nwb", units([train, train[::2]], obs_intervals=[first, second]))
    assert read_one(path).segments.tolist() == [[1, 18], [40, 60], [80, 100]]


def test_a_unit_that_was_hardly_observed_does_not_cost_the_others_their_time(tmp_path: Path) -> None:
    train = clock(100)
    shared = np.array([[0.0, 5.0]])
    some = [shared, shared, np.array([[1.0, 2.0]])]
    session = read_one(write(tmp_path / "x.nwb", units([train, train[::2], train[::3]], obs_intervals=some)))
    assert session.unit_ids == ("10", "11")
    assert session.segments.tolist() == [[0, 100]]
    assert session.meta["dropped"] == {"observed in less than 80% of the time of others": ["12"]}


@pytest.mark.filterwarnings("ignore::hdmf.build.warnings.IncorrectDatasetShapeBuildWarning")  # of nothing
def test_a_unit_without_intervals_of_observation_was_always_observed(tmp_path: Path) -> None:
    """A column that a lab left empty says nothing, least of all that a unit with spikes was never looked at."""
    train, none = clock(100), np.empty((0, 2))
    for name, first, segments in (("a", none, [[0, 100]]), ("b", np.array([[1.0, 5.0]]), [[20, 100]])):
        path = write(tmp_path / f"{name}.nwb", units([train, train[::2]], obs_intervals=[first, none]))
        session = read_one(path)
        assert session.unit_ids == ("10", "11")
        assert session.segments.tolist() == segments


def test_invalid_times_are_no_part_of_a_segment(tmp_path: Path) -> None:
    train = clock(100)
    path = write(
        tmp_path / "x.nwb", units([train, train[::2]]), intervals("invalid_times", [(0.98, 1.22), (4.9, 99.0)])
    )
    session = read_one(path)
    assert session.segments.tolist() == [[0, 19], [25, 98]]
    assert dict(session.tasks) == {}


def test_the_invalid_times_of_one_probe_cost_only_its_units(tmp_path: Path) -> None:
    train = clock(100)
    bad = intervals("invalid_times", [(1.0, 4.9), (0.0, 0.5)], tags=[["EcephysProbe", "probeB"], ["all_probes"]])
    trains = units([train, train[::2], train[::3]], probe_name=["probeA", "probeB", "probeA"])
    session = read_one(write(tmp_path / "x.nwb", trains, bad))
    assert session.unit_ids == ("10", "12")
    assert session.segments.tolist() == [[10, 100]]


def test_ranges_against_the_time_line() -> None:
    @given(
        st.lists(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=5), max_size=4), st.integers(1, 3)
    )
    @settings(max_examples=40, deadline=None)
    def law(lists: list[list[tuple[int, int]]], times: int) -> None:
        each = [covered([np.array(ranges, dtype=float).reshape(-1, 2)]) for ranges in lists]
        line = np.zeros((max(len(lists), 1), 20), dtype=bool)
        for row, ranges in enumerate(lists):
            for start, stop in ranges:
                line[row, start:stop] = True
        for found, expected in (
            (covered(each, times), line.sum(0) >= times),
            (without(np.array([[0.0, 20.0]]), covered(each)), ~line.any(0)),
        ):
            assert (found[1:, 0] > found[:-1, 1]).all()
            drawn = np.zeros(20, dtype=bool)
            for start, stop in found.astype(int):
                drawn[start:stop] = True
            np.testing.assert_array_equal(drawn, expected)

    law()


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    speed = TimeSeries(name="speed", data=np.ones(9), unit="m/s", rate=10.0)
    path = write(
        tmp_path / "x.nwb", units([clock(9)]), behavior(speed),
        lab="Some Lab", institution="Some Institute", related_publications=("doi:10.1/a", "doi:10.1/b"),
        subject=Subject(subject_id="m1", species="Mus musculus"),
    )  # fmt: skip
    (session,) = read_sessions(path, bin_width_s=WIDTH)
    assert session.meta == {
        "file": "x.nwb",
        "format": "nwb",
        "subject": "m1",
        "species": "Mus musculus",
        "description": "reaching",
        "citation": "doi:10.1/a; doi:10.1/b",
        "lab": "Some Lab",
        "institution": "Some Institute",
    }


@pytest.mark.parametrize("start_s", [3600.0, 1.7e9])
def test_a_clock_that_ran_before_the_recording(tmp_path: Path, start_s: float) -> None:
    """No hour of silence is made up, and behavior and trials keep their places among the spikes."""
    speed = TimeSeries(name="speed", data=np.arange(100.0), unit="m/s", timestamps=start_s + clock(100))
    trials = intervals("trials", [(start_s + 1.0, start_s + 2.0)])
    session = read_one(write(tmp_path / "x.nwb", units([start_s + clock(100)]), behavior(speed), trials))
    assert session.activity.ravel().tolist() == [1] * 100
    assert session.segments.tolist() == [[0, 100]]
    assert session.tasks["trials"].tolist() == [[20, 40]]
    np.testing.assert_array_equal(session.behavior.ravel(), np.arange(100))
