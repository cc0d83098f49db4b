"""Units of several probes, in one table or in several, stay apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from nwb_files import WIDTH, clock, electrodes, intervals, read_one, sorted_apart, units, write
from pynwb import NWBFile
from pynwb.misc import Units

from synapsnet.data.readers._nwb import spikes


@pytest.mark.parametrize("block", [10_000, 37])
def test_tables_in_processing_modules_are_read_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, block: int
) -> None:
    monkeypatch.setattr(spikes, "_BLOCK", block)
    rng = np.random.default_rng(0)
    trains = {
        f"units_probe{name}": [np.sort(rng.uniform(0, 5, n)) for n in sizes]
        for name, sizes in {"A": (80, 0, 120), "B": (60, 90)}.items()
    }
    session = read_one(write(tmp_path / "x.nwb", sorted_apart(**trains)))
    assert session.unit_ids == ("probeA-0", "probeA-2", "probeB-0", "probeB-1")
    assert session.unit_table["probe"].tolist() == ["probeA", "probeA", "probeB", "probeB"]
    assert session.meta["dropped"] == {"no spikes": ["probeA-1"]}
    assert "the units of ecephys/units_probeA, ecephys/units_probeB are joined" in caplog.text
    every = [train for of_probe in trains.values() for train in of_probe if len(train)]
    edges = np.arange(session.n_bins + 1) * WIDTH
    np.testing.assert_array_equal(session.activity, np.stack([np.histogram(one, edges)[0] for one in every], axis=1))


def test_a_single_table_elsewhere_is_read_like_that_of_the_file(tmp_path: Path) -> None:
    session = read_one(write(tmp_path / "x.nwb", sorted_apart("sorting", Units=[clock(9), clock(8)])))
    assert session.unit_ids == ("0", "1")
    assert "probe" not in session.unit_table


def test_the_table_of_the_file_is_preferred_and_the_others_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "x.nwb", units([clock(9)]), sorted_apart(Units=[clock(9), clock(8)]))
    assert read_one(path).unit_ids == ("10",)
    assert "units are read from /units, and not from ecephys/Units" in caplog.text


def test_tables_of_one_name_are_told_apart_by_their_modules(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nwb", sorted_apart("left", Units=[clock(9)]), sorted_apart("right", Units=[clock(8)]))
    assert read_one(path).unit_table["probe"].tolist() == ["left_Units", "right_Units"]


def test_units_elsewhere_lie_at_their_electrodes(tmp_path: Path) -> None:
    def with_electrodes(nwbfile: NWBFile) -> None:
        held = nwbfile.create_processing_module(name="ecephys", description="sorted")
        for name, row, n_bins in (("units_a", 0, 9), ("units_b", 1, 8)):
            table = Units(name=name, description="sorted", electrode_table=nwbfile.electrodes)
            table.add_unit(spike_times=clock(n_bins), electrodes=[row])
            held.add(table)

    places = electrodes(["VISp", "CA1"], probes=["imec0", "imec1"], x=[1.0, 2.0], y=[3.0, 4.0], z=[5.0, 6.0])
    session = read_one(write(tmp_path / "x.nwb", places, with_electrodes))
    assert session.unit_ids == ("a-0", "b-0")
    table = {name: column.tolist() for name, column in session.unit_table.items()}
    assert table == {
        "region": ["VISp", "CA1"], "probe": ["imec0", "imec1"], "x_um": [1, 2], "y_um": [3, 4], "z_um": [5, 6]
    }  # fmt: skip


def test_invalid_times_of_one_table_cost_only_its_units(tmp_path: Path) -> None:
    bad = intervals("invalid_times", [(1.0, 4.9)], tags=[["probeB"]])
    trains = sorted_apart(units_probeA=[clock(100), clock(99)], units_probeB=[clock(98)])
    session = read_one(write(tmp_path / "x.nwb", trains, bad))
    assert session.unit_ids == ("probeA-0", "probeA-1")
    assert session.segments.tolist() == [[0, 100]]


def test_ids_that_probes_share_carry_the_probe(tmp_path: Path) -> None:
    for number, probes in enumerate((["A", "A", "B", "B"], [0, 0, 1, 1])):

        def numbered_by_probe(nwbfile: NWBFile, probes: list = probes) -> None:
            nwbfile.add_unit_column(name="probe", description="probe")
            for unit, probe in zip((0, 1, 0, 1), probes, strict=True):
                nwbfile.add_unit(id=unit, spike_times=clock(len(nwbfile.units or ()) + 5), probe=probe)

        session = read_one(write(tmp_path / f"{number}.nwb", numbered_by_probe))
        names = list(map(str, probes))
        assert session.unit_ids == tuple(f"{name}-{unit}" for name, unit in zip(names, (0, 1, 0, 1), strict=True))
        assert session.unit_table["probe"].tolist() == names
