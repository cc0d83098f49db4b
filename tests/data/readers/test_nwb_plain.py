"""Activity in plain series of an NWB file, which the user names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import h5py
import numpy as np
import pytest
from nwb_files import Part, behavior, clock, intervals, read_one, units, write
from pynwb import NWBFile, TimeSeries
from pynwb.behavior import SpatialSeries

from synapsnet.data.__main__ import main
from synapsnet.data.named import Named
from synapsnet.data.readers import iterate_sessions
from synapsnet.errors import UserError
from synapsnet.session import Session, Signal

RNG = np.random.default_rng(0)
TRACES = RNG.normal(size=(300, 3)).astype(np.float32)
COUNTS = RNG.poisson(0.4, (300, 3))
TIMES = np.arange(300) * 0.1
SPEED = np.sin(TIMES)


def moving(speed: np.ndarray) -> Part:
    return behavior(TimeSeries(name="speed", data=speed, timestamps=TIMES, unit="m/s"))


def acquired(**values: object) -> Part:
    """Series among the acquisitions, at 10 Hz where no times are given."""

    def add(nwbfile: NWBFile) -> None:
        for name, given in values.items():
            data, times = given if isinstance(given, tuple) else (given, None)
            timing = {"rate": 10.0} if times is None else {"timestamps": times}
            nwbfile.add_acquisition(TimeSeries(name=name, data=data, unit="n/a", **timing))

    return add


def cells(times: np.ndarray | None = TIMES) -> Part:
    return acquired(**{f"cell_{k}": TRACES[:, k] if times is None else (TRACES[:, k], times) for k in range(3)})


def read(path: Path, *patterns: str, signal: Signal | None = None) -> Session:
    (session,) = iterate_sessions(path, bin_width_s=None, strict=True, named=Named(patterns, signal))
    return session


@pytest.mark.parametrize("times", [TIMES, None])
def test_a_series_a_neuron(tmp_path: Path, times: np.ndarray | None) -> None:
    path = write(tmp_path / "x.nwb", cells(times), moving(SPEED), intervals("calm", [(5.0, 10.0)]))
    session = read(path, "cell_*")
    assert session.unit_ids == ("cell_0", "cell_1", "cell_2")
    assert session.signal == "calcium"
    np.testing.assert_array_equal(session.activity, TRACES)
    assert session.bin_width_s == pytest.approx(0.1)
    assert session.behavior_names == ("speed",)
    assert session.behavior is not None
    np.testing.assert_allclose(session.behavior[:, 0], np.sin(TIMES), rtol=1e-5, atol=1e-6)
    assert session.tasks["calm"].tolist() == [[50, 100]]
    assert read(path, "acquisition/cell_2", "*_0").unit_ids == ("cell_0", "cell_2")


def test_behavior_knows_nothing_after_its_frame(tmp_path: Path) -> None:
    cut = 15.0
    before, after = (
        read(write(tmp_path / f"{k}.nwb", cells(), moving(speed)), "cell_*").behavior
        for k, speed in enumerate((SPEED, np.where(cut < TIMES, 9.0, SPEED)))
    )
    np.testing.assert_array_equal(before[:151], after[:151])
    assert (before[151:] != after[151:]).all()


@pytest.mark.parametrize("is_transposed", [False, True])
def test_one_series_for_all_neurons(tmp_path: Path, is_transposed: bool) -> None:
    path = write(tmp_path / "x.nwb", acquired(all=(TRACES, TIMES)))
    if is_transposed:
        with h5py.File(path, "r+") as file:
            attributes = dict(file["acquisition/all/data"].attrs)
            del file["acquisition/all/data"]
            file.create_dataset("acquisition/all/data", data=TRACES.T).attrs.update(attributes)
    session = read(path, "all")
    assert session.unit_ids == ("0", "1", "2")
    np.testing.assert_array_equal(session.activity, TRACES)


def test_named_series_are_read_instead_of_units_and_are_no_behavior(tmp_path: Path) -> None:
    session = read(write(tmp_path / "x.nwb", units([clock(99)]), cells()), "cell_0", "cell_1")
    assert session.unit_ids == ("cell_0", "cell_1")
    assert session.behavior_names == ("cell_2",)


def test_jumps_and_missing_values_end_segments(tmp_path: Path) -> None:
    values = TRACES[:, :2].copy()
    values[40, 0] = np.nan
    path = write(tmp_path / "x.nwb", acquired(all=(values, TIMES + 5 * (TIMES > 9.95))))
    assert read(path, "all").segments.tolist() == [[0, 40], [41, 100], [100, 300]]


@pytest.mark.parametrize("signal", get_args(Signal))
def test_whole_numbers_are_what_the_user_says(tmp_path: Path, signal: Signal) -> None:
    path = write(tmp_path / "x.nwb", acquired(counts=COUNTS))
    session = read(path, "counts", signal=signal)
    assert session.signal == signal
    np.testing.assert_array_equal(session.activity, COUNTS)
    with pytest.raises(UserError, match=r"whole numbers: data\.signal=spikes if these are counts"):
        read(path, "counts")


@pytest.mark.parametrize(
    ("part", "patterns", "signal", "line"),
    [
        (cells(), ["neuron*"], None, r"data\.activity names neuron\*; its series are acquisition/cell_0"),
        (cells(), ["cell*"], "spikes", "no counts of spikes: they have fractions or negative values"),
        (acquired(a=TRACES[:, 0], b=TRACES[:99, 0]), ["*"], None, r"'b' \(99 samples\) is on another clock than 'a'"),
        (acquired(a=TRACES[:, 0], b=(TRACES[:, 0], TIMES + 1)), ["*"], None, "'b' .* is on another clock than 'a'"),
        (acquired(a=["x", "y"]), ["a"], None, "series 'a' has no numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_costs_one_line(
    tmp_path: Path, part: Part, patterns: Sequence[str], signal: Signal | None, line: str
) -> None:
    with pytest.raises(UserError, match=line):
        read(write(tmp_path / "x.nwb", part), *patterns, signal=signal)


def test_positions_are_not_suggested(tmp_path: Path) -> None:
    where = SpatialSeries(name="place", data=TRACES[:, :2], timestamps=TIMES, reference_frame="arena", unit="m")
    with pytest.raises(UserError, match=r"nothing to forecast; it holds behavior/place$"):
        read_one(write(tmp_path / "x.nwb", behavior(where)))


def test_other_formats_have_no_named_series(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", activity=COUNTS, bin_width_s=0.1)
    with pytest.raises(UserError, match=r"data\.activity names series of NWB files, and this is none"):
        read(tmp_path / "x.npz", "cell*")


def test_inspect_suggests_the_names_and_prepare_takes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "x.nwb", cells(), acquired(voltage=TRACES[:, 0]))
    with pytest.raises(SystemExit):
        main(["inspect", str(path)])
    assert """'data.activity=["cell_*"]' (--activity 'cell_*')""" in capsys.readouterr().err
    main(["inspect", str(path), "--activity", "cell_*", "--max-figures", "0"])
    shown = capsys.readouterr().out
    assert f"""data.root={path} 'data.activity=["cell_*"]'""" in shown
    assert f"prepare {path} --activity 'cell_*'" in shown
    for patterns, n_units in ((["cell_*"], 3), (["cell_1", "cell_2"], 2)):
        asked = [word for pattern in patterns for word in ("--activity", pattern)]
        main(["prepare", str(path), "--out", str(tmp_path / "out"), "--jobs", "1", *asked])
        (archived,) = iterate_sessions(tmp_path / "out", bin_width_s=None, strict=True, named=None)
        assert archived.n_units == n_units
